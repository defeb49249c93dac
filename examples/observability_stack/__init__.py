"""Question 13: observability of a streaming LLM service, within a budget.

`stream` judges one stream, `signals` writes it as metrics, spans and a closing record, `gateway` passes tokens on between the two.
`inventory` prices the design; `collector`, `rules`, `prometheus.yml` and `dashboard` are what would be deployed, each with a check.
"""
