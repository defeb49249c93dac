"""Service level objectives for a streaming LLM API: verdicts on requests, error budgets, capacity, alert rules."""
