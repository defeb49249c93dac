"""Chaos experiments for an LLM service: what paper decides, the plan as data, and a service small enough to break.

`setting` holds the question's facts, `paper` what can be computed before anything is broken, `zone` a model of losing a
zone. `plan.yml` ranks the failures and orders the experiments, and `plan` checks it. `faults`, `replica` and `gateway`
are the miniature; the files in `experiments/` run against it by Chaos Toolkit, whose provider is `actions` and whose
control is `guard`; `review` checks in those files what the tool does not.
"""
