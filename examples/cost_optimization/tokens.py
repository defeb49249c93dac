"""The calculator of token prices: GPUs by the hour against an API by the token.

`docs/assets/javascripts/calculators/cost-per-token.js` is the same arithmetic, operation by operation; a browser test holds
the two equal.
"""

# ruff: noqa: RUF001 (a minus and a multiplication sign are what the page shows)

from __future__ import annotations

from typing import Any

from examples.cost_optimization.model import SECONDS, per_million_tokens

DEFAULTS: dict[str, float] = {
    "price": 2.85,
    "gpus": 4,
    "tokens": 8250,
    "used": 33.3,
    "input_share": 87.3,
    "api_input": 0.6,
    "api_output": 2.4,
}
"""The question's BF16 replica, at the share of it that its fleet uses; the API's prices are this page's example."""


def results(
    price: float,
    gpus: int,
    tokens: float,
    used: float,
    input_share: float,
    api_input: float,
    api_output: float,
) -> dict[str, Any]:
    """Compute what the page shows.

    `price` is $/GPU-hour, `tokens` what one replica does at its objective, input and output together, a second. `used` is
    the percentage of that which is asked of it over the hours paid for, `input_share` the percentage of tokens that are
    input, the API's prices are $ per million tokens. Volumes are given in millions. Raises ValueError for a replica of which nothing is used.
    """
    share = input_share / 100
    own = per_million_tokens(price, gpus, tokens, used / 100)
    full = per_million_tokens(price, gpus, tokens, 1.0)
    api = share * api_input + (1 - share) * api_output
    even = full / api
    volume = tokens * SECONDS * (used / 100) / 1_000_000
    monthly = price * gpus * (SECONDS / 3600)
    api_monthly = volume * api
    return {
        "hourly": price * gpus,
        "per_hour": tokens * 3600 * (used / 100) / 1_000_000,
        "use": used / 100,
        "share": share,
        "rest": 1 - share,
        "own": own,
        "full": full,
        "api": api,
        "even": even if even <= 1 else None,
        "short": even if even > 1 else None,
        "even_volume": tokens * SECONDS * even / 1_000_000 if even <= 1 else None,
        "volume": volume,
        "monthly": monthly,
        "api_monthly": api_monthly,
        "saved": api_monthly - monthly if monthly < api_monthly else None,
        "lost": monthly - api_monthly if monthly >= api_monthly else None,
    }


def specification() -> dict[str, Any]:
    """Return the form, the sentences and the defaults worked through, for the page's macro."""

    def field(
        name: str, key: str, label: str, unit: str, low: float, high: float, step: float, whole: bool = False
    ) -> dict[str, Any]:
        values = {"low": low, "high": high, "step": step, "value": DEFAULTS[name], "whole": whole}
        return {"name": name, "key": key, "label": label, "unit": unit, **values}

    return {
        "id": "cost-per-token",
        "key": "ct",
        "title": "Cost per million tokens",
        "groups": [
            {
                "legend": "Your replica",
                "inputs": [
                    field("price", "price", "GPU price", "$/GPU-hour", 0.01, 1000, 0.05),
                    field("gpus", "gpus", "GPUs of a replica", "GPUs", 1, 256, 1, whole=True),
                    field(
                        "tokens",
                        "tps",
                        "Throughput at the objective",
                        "tokens/s, input and output",
                        1,
                        10_000_000,
                        10,
                    ),
                    field("used", "used", "Used of it, on average", "% of the hours' capacity", 0.1, 100, 1),
                ],
            },
            {
                "legend": "The work, and an API's price for it",
                "inputs": [
                    field("input_share", "input", "Input", "% of all tokens", 0, 100, 1),
                    field("api_input", "apiin", "API, input", "$/million tokens", 0.001, 1000, 0.05),
                    field("api_output", "apiout", "API, output", "$/million tokens", 0.001, 1000, 0.05),
                ],
            },
        ],
        "summary": [
            "Your own: {own:dollars} per million tokens; the API: {api:dollars}.",
            [
                ["even", "The two cost the same at {even:percent} of the replica used."],
                [
                    None,
                    "Even a full replica costs {short:number} times the API's price: there is no break-even.",
                ],
            ],
            [
                ["saved", "At this use your own GPUs save {saved:dollars} a month a replica."],
                [None, "At this use the API saves {lost:dollars} a month a replica."],
            ],
        ],
        "steps": [
            {
                "label": "A replica's hour",
                "formula": "GPU price × GPUs",
                "worked": "{price:dollars} × {gpus:whole}",
                "result": "{hourly:dollars}",
            },
            {
                "label": "Tokens in a paid hour",
                "formula": "throughput × 3,600 s × used",
                "worked": "{tokens:number}/s × 3,600 s × {use:percent}",
                "result": "{per_hour:number} million",
            },
            {
                "label": "Your own, per million tokens",
                "formula": "hour / millions of tokens in it",
                "worked": "{hourly:dollars} / {per_hour:number}",
                "result": "{own:dollars}",
            },
            {
                "label": "The same, fully used",
                "formula": "your own × used",
                "worked": "{own:dollars} × {use:percent}",
                "result": "{full:dollars}",
            },
            {
                "label": "The API, per million tokens of this mix",
                "formula": "input × its price + output × its price",
                "worked": "{share:percent} × {api_input:dollars} + {rest:percent} × {api_output:dollars}",
                "result": "{api:dollars}",
            },
            {
                "label": "Break-even use",
                "formula": "fully used / API",
                "worked": "{full:dollars} / {api:dollars}",
                "result": [["even", "{even:percent}"], [None, "none: {short:number} times"]],
            },
            {
                "label": "Break-even volume, a month a replica",
                "formula": "throughput × 730 h × break-even use",
                "worked": [
                    ["even", "{tokens:number}/s × 2,628,000 s × {even:percent}"],
                    [None, "there is none"],
                ],
                "result": [["even", "{even_volume:number} million"], [None, "—"]],
            },
            {
                "label": "A month of the replica",
                "formula": "hour × 730 h",
                "worked": "{hourly:dollars} × 730",
                "result": "{monthly:dollars}",
            },
            {
                "label": "The same tokens from the API",
                "formula": "millions of tokens a month × API",
                "worked": "{volume:number} × {api:dollars}",
                "result": "{api_monthly:dollars}",
            },
        ],
        "values": results(**DEFAULTS),  # type: ignore[arg-type]
    }
