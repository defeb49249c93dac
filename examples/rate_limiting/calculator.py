"""The calculator of rate limits: what a bucket admits at worst, what it tells to whom it refuses, what a fleet may hand out.

`docs/assets/javascripts/calculators/rate-limits.js` is the same arithmetic, operation by operation; a browser test holds the
two equal.
"""

# ruff: noqa: RUF001 (a minus and a multiplication sign are what the page shows)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from examples.rate_limiting import meter
from examples.rate_limiting.decision import seconds
from examples.rate_limiting.fallback import cap
from examples.rate_limiting.tiers import TIERS, UNIT, Limit, Tier, WhenStoreFails

_PRO = TIERS["pro"].tokens

DEFAULTS: dict[str, int] = {
    "per_minute": _PRO.per_minute,
    "burst": _PRO.burst,
    "tokens": 5_096,
    "left": 1_500,
    "window": 60,
    "gateways": 20,
    "users": 400,
    "capacity": 30_000_000,
}
"""The question's pro tier and its twenty gateways; how many users come at once is this page's example."""


def results(
    per_minute: int, burst: int, tokens: int, left: int, window: int, gateways: int, users: int, capacity: int
) -> dict[str, Any]:
    """Compute what the page shows, in LLM tokens and seconds.

    `tokens` is what a request reserves, `left` what is in the bucket (negative: in debt), `capacity` what the fleet serves a
    minute. Raises ValueError for a limit that tiers.py refuses.
    """
    limit = Limit(per_minute, burst)
    tier = Tier("any", Limit(1, 1), limit, WhenStoreFails.LOCAL)
    wait = meter.wait((burst - left) * UNIT, limit, tokens)
    fits = tokens <= burst
    return {
        "most": meter.most_in(limit, window),
        "fixed": 2 * per_minute,
        "at_once": burst // tokens,
        "sustained": per_minute / tokens,
        "lacking": tokens - left if wait else None,
        "now": 1 if fits and not wait else None,
        "retry_after": seconds(wait) if fits and wait else None,
        "never": None if fits else 1,
        "full": -(-burst * 60 // per_minute),
        "each_whole": gateways * meter.most_in(limit, window),
        "away": gateways * cap(tier, gateways),
        "all_at_once": users * burst,
        "backlog": users * burst / capacity * 60,
        "promised": users * per_minute,
        "oversold": users * per_minute / capacity,
    }


def contradictions(values: Mapping[str, float]) -> list[str]:
    """Return what cannot be true together, as sentences; each figure alone is within its limits."""
    if values["left"] > values["burst"]:
        return ["More is left than the bucket holds: lower what is left or raise the burst"]
    return []


def specification() -> dict[str, Any]:
    """Return the form, the sentences and the defaults worked through, for the page's macro."""

    def field(
        name: str, key: str, label: str, unit: str, low: int, high: int, step: int = 1
    ) -> dict[str, Any]:
        values = {"low": low, "high": high, "step": step, "value": DEFAULTS[name], "whole": True}
        return {"name": name, "key": key, "label": label, "unit": unit, **values}

    return {
        "id": "rate-limits",
        "key": "rl",
        "title": "Rate limits at their worst",
        "groups": [
            {
                "legend": "One user's bucket",
                "inputs": [
                    field("per_minute", "rate", "Refill", "tokens a minute", 1, 30_000_000, 1000),
                    field("burst", "burst", "Burst, its size", "tokens", 1, 30_000_000, 1000),
                    field("tokens", "req", "A request reserves", "tokens", 1, 30_000_000, 100),
                    field(
                        "left",
                        "left",
                        "Left in it now",
                        "tokens; below 0: in debt",
                        -30_000_000,
                        30_000_000,
                        100,
                    ),
                    field("window", "window", "Window to look at", "seconds", 1, 86_400, 1),
                ],
            },
            {
                "legend": "The fleet",
                "inputs": [
                    field("gateways", "gw", "Gateways", "processes that admit", 1, 10_000),
                    field("users", "users", "Users who come at once", "users", 1, 10_000_000),
                    field(
                        "capacity", "cap", "The fleet serves", "tokens a minute", 1, 1_000_000_000, 100_000
                    ),
                ],
            },
        ],
        "summary": [
            "In any {window:whole} s one user gets {most:whole} tokens at most.",
            [
                [
                    "never",
                    "A request of {tokens:whole} is larger than the bucket: answer 400, since waiting does not help.",
                ],
                ["now", "The next request passes at once."],
                [None, "The next request is told to wait {retry_after:whole} s (Retry-After)."],
            ],
            "All {users:whole} users at once bring {backlog:duration} of the fleet's work, and are promised {oversold:number} times what it serves.",
        ],
        "steps": [
            {
                "label": "Most in any window",
                "formula": "burst + refill × window",
                "worked": "{burst:whole} + {per_minute:whole} × {window:whole} / 60",
                "result": "{most:whole}",
            },
            {
                "label": "A fixed window of a minute, around its edge",
                "formula": "2 × refill of a minute, seconds apart",
                "worked": "2 × {per_minute:whole}",
                "result": "{fixed:whole}",
            },
            {
                "label": "Requests at once, from a full bucket",
                "formula": "burst / request, rounded down",
                "worked": "{burst:whole} / {tokens:whole}",
                "result": "{at_once:whole}",
            },
            {
                "label": "Requests a minute, for good",
                "formula": "refill / request",
                "worked": "{per_minute:whole} / {tokens:whole}",
                "result": "{sustained:number}",
            },
            {
                "label": "Retry-After for the next request",
                "formula": "(request − left) / refill, up to a whole second",
                "worked": [
                    ["lacking", "({tokens:whole} − {left:whole}) × 60 / {per_minute:whole}"],
                    [None, "{left:whole} is enough for {tokens:whole}"],
                ],
                "result": [["never", "never"], ["now", "passes"], [None, "{retry_after:whole} s"]],
            },
            {
                "label": "From empty to full",
                "formula": "burst / refill, up to a whole second",
                "worked": "{burst:whole} × 60 / {per_minute:whole}",
                "result": "{full:whole} s",
            },
            {
                "label": "One user, if each gateway counts alone",
                "formula": "gateways × most in the window",
                "worked": "{gateways:whole} × {most:whole}",
                "result": "{each_whole:whole}",
            },
            {
                "label": "One user at once, on shares while the store is away",
                "formula": "gateways × 4 × (burst / gateways, rounded down, 1 at least)",
                "worked": "{gateways:whole} × 4 × ⌊{burst:whole} / {gateways:whole}⌋",
                "result": "{away:whole}",
            },
            {
                "label": "All users, each with a full bucket",
                "formula": "users × burst, over what the fleet serves",
                "worked": "{users:whole} × {burst:whole} / {capacity:whole} a minute",
                "result": "{backlog:duration}",
            },
            {
                "label": "Promised for good, of what the fleet serves",
                "formula": "users × refill / capacity",
                "worked": "{users:whole} × {per_minute:whole} / {capacity:whole}",
                "result": "{oversold:number} times",
            },
        ],
        "values": results(**DEFAULTS),
    }
