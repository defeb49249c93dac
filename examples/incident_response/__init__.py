"""Incident response for a two-region LLM API: the plan as data, and the arithmetic behind it.

`setting` holds the question's facts, `capacity` what each failover carries, `probes` what a known-answer probe finds
and when, `recovery` a model of letting traffic back in. `severity.yml`, `escalation.yml`, `levers.yml`,
`alerts.yml` and `alertmanager.yml` are the plan; `plan` and `routing` check it. `timeline.yml` is one worked incident.
"""
