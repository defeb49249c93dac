"""The invoice for reserved GPUs, which does not move with usage: what it pays for, and by what it can be divided."""

from __future__ import annotations

from typing import Final

from examples.cost_attribution import gpu
from examples.cost_attribution import setting as s


def parts() -> dict[str, int]:
    """Return what the month's fleet does, in dollars: work, waiting for the peak, and room above the peak."""
    return {
        "work": round(s.FLEET_COST * s.MEAN_RPS / s.HOLDS_RPS),
        "peak": round(s.FLEET_COST * (s.PEAK_RPS - s.MEAN_RPS) / s.HOLDS_RPS),
        "room": round(s.FLEET_COST * (s.HOLDS_RPS - s.PEAK_RPS) / s.HOLDS_RPS),
    }


def busy_hours() -> float:
    """Return the GPU-hours of a month in which GPUs work, as if they worked at the full rate or not at all."""
    return s.GPUS * s.HOURS * s.MEAN_RPS / s.HOLDS_RPS


def absorbed_rate(gone: float = 0) -> float:
    """Return dollars per busy GPU-hour if usage carries the whole invoice, after a share of the work has gone."""
    return s.FLEET_COST / (busy_hours() * (1 - gone))


def own_break_even(gone: float = 0) -> float:
    """Return how busy a team must keep GPUs of its own, at the same $2.50, to be cheaper off the shared fleet."""
    return s.GPU_HOUR / absorbed_rate(gone)


LONG = gpu.long_share(gpu.calibrated())
WORK: Final = {"Long prompts": LONG, "Chat": 0.8 - LONG, "Nightly batch": 0.2}
"""Shares of the GPU time. The first is computed, the others are made up, to show what each rule does."""
PEAK: Final = {"Long prompts": 0.35, "Chat": 0.65, "Nightly batch": 0.0}
"""Shares of the load in the fleet's busiest hours; made up."""
RESERVED: Final = {"Long prompts": 0.30, "Chat": 0.60, "Nightly batch": 0.10}
"""Shares of the capacity that teams have reserved; made up."""

RULES: Final = {
    "All by GPU time": (WORK, WORK),
    "Idle by reserved share": (WORK, RESERVED),
    "Idle by share of peak": (WORK, PEAK),
}


def bills(rule: str) -> dict[str, float]:
    """Return each group's dollars for the fleet; they add up to the invoice."""
    work, rest = RULES[rule]
    part = parts()
    return {name: part["work"] * work[name] + (part["peak"] + part["room"]) * rest[name] for name in WORK}
