"""The calculator of error budgets: what is left, how long it lasts, and which alert of budget.py fires when.

`docs/assets/javascripts/calculators/error-budget.js` is the same arithmetic, operation by operation; a browser test holds the
two equal.
"""

# ruff: noqa: RUF001 (a minus and a multiplication sign are what the page shows)

from __future__ import annotations

from typing import Any

from examples.slo_definition.budget import ALERTS, DAY, burn_rate, error_budget, exhaustion_s, spent_after
from examples.slo_definition.setting import MEAN_RATE, PERIOD_S, SERVED_TARGET

DEFAULTS: dict[str, float] = {
    "target": round(SERVED_TARGET * 100, 6),
    "days": PERIOD_S / DAY,
    "rate": MEAN_RATE,
    "before": 0.36,
    "bad": 4,
    "minutes": 45,
    "spent": 20,
}
"""Objective, window and traffic of the question; the incident is this page's example."""


def results(
    target: float, days: float, rate: float, before: float, bad: float, minutes: float, spent: float
) -> dict[str, Any]:
    """Compute what the page shows. `target`, `before`, `bad` and `spent` are percentages, `rate` is requests/s.

    `before` and `bad` are shares of valid requests, ahead of a jump and since, `minutes` ago; `spent` is the share of the
    window's budget that was gone before the jump. Traffic is steady. Raises ValueError for a target of 0 or 100.
    """
    share, usual, now = target / 100, before / 100, bad / 100
    period, lasted = days * DAY, minutes * 60
    budget = error_budget(share)
    requests = rate * period
    burn = burn_rate(now, share)
    here = spent_after(now, lasted, share, period)
    left = 1 - spent / 100 - here
    whole = exhaustion_s(now, share, period) if burn else None
    fires = [alert.detection_s(now, share, period, usual) for alert in ALERTS]
    paging = [
        at for alert, at in zip(ALERTS, fires, strict=True) if at is not None and alert.severity == "page"
    ]
    ticketing = [
        at for alert, at in zip(ALERTS, fires, strict=True) if at is not None and alert.severity != "page"
    ]
    return {
        "share": share,
        "now": now,
        "usual": usual,
        "period": period,
        "lasted": lasted,
        "budget": budget,
        "requests": requests,
        "allowed": requests * budget,
        "outage": period * budget,
        "burn": burn,
        "gone": spent / 100,
        "here": here,
        "left": left if left > 0 else None,
        "over": None if left > 0 else -left,
        "whole": whole,
        "lasts": whole * left if whole is not None and left > 0 else None,
        "factor": [alert.factor(period) for alert in ALERTS],
        "threshold": [alert.threshold(share, period) for alert in ALERTS],
        "fires": fires,
        "page": min(paging, default=None),
        "paged": 1 if 0 in paging else None,
        "ticket": min(ticketing, default=None),
        "ticketed": 1 if 0 in ticketing else None,
    }


def _alert(index: int) -> str:
    alert = ALERTS[index]
    hours, short = alert.long_s // 3600, alert.short_s // 60
    return f"{alert.severity.title()}: {alert.spent:.0%} of the budget in {hours} h, and still in the last {short} min"


def specification() -> dict[str, Any]:
    """Return the form, the sentences and the defaults worked through, for the page's macro."""

    def field(
        name: str, key: str, label: str, unit: str, low: float, high: float, step: float
    ) -> dict[str, Any]:
        values = {"low": low, "high": high, "step": step, "value": DEFAULTS[name]}
        return {"name": name, "key": key, "label": label, "unit": unit, **values}

    return {
        "id": "error-budget",
        "key": "eb",
        "title": "Error budget and burn rate",
        "groups": [
            {
                "legend": "Objective",
                "inputs": [
                    field("target", "target", "Target", "% of valid requests", 50, 99.9999, 0.01),
                    field("days", "days", "Window", "days", 1, 366, 1),
                    field("rate", "rate", "Traffic, mean", "requests/s", 0.001, 1_000_000, 1),
                ],
            },
            {
                "legend": "Incident",
                "inputs": [
                    field("before", "before", "Bad before it", "% of valid requests", 0, 100, 0.01),
                    field("bad", "bad", "Bad now", "% of valid requests", 0, 100, 0.1),
                    field("minutes", "min", "It has lasted", "minutes", 0, 100_000, 1),
                    field("spent", "spent", "Budget gone before it", "% of the budget", 0, 1000, 1),
                ],
            },
        ],
        "summary": [
            [
                [
                    "lasts",
                    "Burn rate {burn:number}: {left:percent} of the budget is left, for {lasts:duration} at this rate.",
                ],
                [
                    "over",
                    "Burn rate {burn:number}: the budget is gone, and overspent by {over:percent} of itself.",
                ],
                [None, "Nothing is bad now: {left:percent} of the budget is left and does not shrink."],
            ],
            [
                ["paged", "A page was firing before the jump."],
                ["page", "A page fires {page:duration} after the jump."],
                ["ticketed", "No page fires; a ticket was open before the jump."],
                ["ticket", "No page fires; a ticket does, {ticket:duration} after the jump."],
                [None, "No alert fires."],
            ],
        ],
        "steps": [
            {
                "label": "Error budget",
                "formula": "1 − target",
                "worked": "1 − {share:percent}",
                "result": "{budget:percent}",
            },
            {
                "label": "Bad requests it allows",
                "formula": "traffic × window × budget",
                "worked": "{rate:number}/s × {period:whole} s × {budget:percent}",
                "result": "{allowed:number}",
            },
            {
                "label": "The same as total outage",
                "formula": "window × budget",
                "worked": "{days:number} d × {budget:percent}",
                "result": "{outage:duration}",
            },
            {
                "label": "Burn rate",
                "formula": "bad now / budget",
                "worked": "{now:percent} / {budget:percent}",
                "result": "{burn:number}",
            },
            {
                "label": "Gone by this incident",
                "formula": "burn rate × how long it has lasted / window",
                "worked": "{burn:number} × {lasted:duration} / {days:number} d",
                "result": "{here:percent}",
            },
            {
                "label": "Budget left",
                "formula": "1 − gone before − gone by this",
                "worked": "1 − {gone:percent} − {here:percent}",
                "result": [["left", "{left:percent}"], [None, "overspent by {over:percent}"]],
            },
            {
                "label": "A full budget would last",
                "formula": "window / burn rate",
                "worked": [["whole", "{days:number} d / {burn:number}"], [None, "nothing is bad"]],
                "result": "{whole:duration|forever}",
            },
            {
                "label": "What is left lasts",
                "formula": "left × that",
                "worked": [
                    ["lasts", "{left:percent} × {whole:duration}"],
                    ["over", "nothing is left"],
                    [None, "nothing is bad"],
                ],
                "result": [["lasts", "{lasts:duration}"], ["over", "0 s"], [None, "forever"]],
            },
        ],
        "tables": [
            {
                "caption": "Alerts: an incident that starts as a jump from “bad before it” to “bad now” and stays there",
                "head": ("Fires at", "Burn rate", "Bad above", "After the jump"),
                "rows": [
                    [
                        _alert(i),
                        f"{{factor.{i}:number}}",
                        f"{{threshold.{i}:percent}}",
                        f"{{fires.{i}:duration|never}}",
                    ]
                    for i in range(len(ALERTS))
                ],
            }
        ],
        "values": results(**DEFAULTS),
    }
