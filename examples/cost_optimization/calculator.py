"""The cost model as a calculator: the form's fields, and the sentences that its results fill."""

# ruff: noqa: RUF001 (a minus and a multiplication sign are what the page shows)

from __future__ import annotations

from typing import Any

from examples.cost_optimization.inputs import DEFAULTS, SPECS, Inputs
from examples.cost_optimization.model import HORIZON, STEPS, results

STATE = "cm"
"""Key in the page's address that says that the others are this form's, with the version of their meaning."""
VERSION = 1


def dollars(value: float, cents: bool = False) -> str:
    """Return an amount as the page's text writes it."""
    return f"${value:,.2f}" if cents else f"${half_up(value):,}"


def half_up(value: float) -> int:
    """Round as JavaScript's Math.round does."""
    return int(value + 0.5)


def specification() -> dict[str, Any]:
    """Return the form, the sentences and the results of the defaults, for the page's macro."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for name, spec in SPECS.items():
        field = {"name": name, "key": spec.key, "label": spec.label, "unit": spec.unit}
        limits = {"low": spec.low, "high": spec.high, "step": spec.step, "value": DEFAULTS[name]}
        groups.setdefault(spec.group, []).append(field | limits | {"whole": isinstance(DEFAULTS[name], int)})
    last = len(STEPS) - 1
    never = f"not within {HORIZON} months"
    return {
        "id": "cost-model",
        "key": STATE,
        "version": VERSION,
        "title": "The cost model, with your figures",
        "groups": [{"legend": legend, "inputs": inputs} for legend, inputs in groups.items()],
        "summary": [
            f"From {{bills.0:dollars}} to {{bills.{last}:dollars}} a month:",
            [["more", "{more:number}% more,"], [None, "{saved:number}% saved,"]],
            f"{{nodes.{last}:whole}} nodes.",
        ],
        "steps": [
            {
                "label": "Saved of today's bill, all steps",
                "formula": "1 − the last bill / today's",
                "worked": f"1 − {{bills.{last}:dollars}} / {{bills.0:dollars}}",
                "result": "{saved:number}%",
            },
            {
                "label": "Today's mean load, of what the fleet can carry",
                "formula": "mean / (nodes × BF16 replicas a node × their rate)",
                "worked": "{mean:number} / ({nodes.0:whole} × ⌊{node_gpus:whole} / {bf16_gpus:whole}⌋ × {bf16_rate:number})",
                "result": "{utilization:number}%",
            },
            {
                "label": "Today, for 1,000 requests",
                "formula": "bill / (mean × 2,628,000 s) × 1,000",
                "worked": "{bills.0:dollars} / ({mean:number} × 2,628,000) × 1,000",
                "result": "{unit_before:dollars}",
            },
            {
                "label": "After all steps, for 1,000 requests",
                "formula": "the last bill / (mean × 2,628,000 s) × 1,000",
                "worked": f"{{bills.{last}:dollars}} / ({{mean:number}} × 2,628,000) × 1,000",
                "result": "{unit_after:dollars}",
            },
            {
                "label": "Growth makes the new bill rise in",
                "formula": "the first month whose traffic needs another node",
                "worked": "{growth:number}% a month on {mean:number} and {peak:number} requests/s",
                "result": [["next_node", "month {next_node:whole}"], [None, never]],
            },
            {
                "label": "Growth brings it above today's bill in",
                "formula": "the first month whose bill is above today's",
                "worked": "{growth:number}% a month, above {bills.0:dollars}",
                "result": [["eaten", "month {eaten:whole}"], [None, never]],
            },
            {
                "label": "A committed node pays if it is needed for this share of the year",
                "formula": "commitment / on demand",
                "worked": "{commit_price:dollars} / {price:dollars}",
                "result": "{break_even:number}%",
            },
        ],
        "tables_first": True,
        "tables": [
            {
                "caption": "Each step on what the steps before it left",
                "head": ("After", "GPUs needed at peak", "Nodes bought", "Bill a month"),
                "rows": [
                    [name, f"{{gpus.{i}:whole}}", f"{{nodes.{i}:whole}}", f"{{bills.{i}:dollars}}"]
                    for i, name in enumerate(STEPS)
                ],
            }
        ],
        "values": results(Inputs()),
    }
