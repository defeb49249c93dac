"""Halving the bill of a GPU fleet that serves large language models, and the test of quality that may stop it.

Modules, from the inside out:

    inputs      what the cost model is told: fields with units, limits and defaults
    model       fleet sizing, the bill, and the plan step by step (pure)
    traffic     an hourly profile of a week, to check that deferred work meets its deadline (pure)
    gate        the non-inferiority test on paired grades, by slice, with the latency objective (pure)
    calculator  the cost model as the page's form
    tokens      the calculator of token prices, beside an API's
    figures     every number, chart and table on the page
"""
