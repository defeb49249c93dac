"""A month played through: how much of an error budget is left, and when which alert fires.

The alerts are decided as Prometheus decides them, over windows that end now, with the same factors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from examples.slo_definition.budget import DAY, BurnAlert, error_budget

STEP_S = 300
"""The shortest window of the alerts, so no alert needs anything finer."""


def rate_at(time_s: float, mean: float) -> float:
    """Requests per second on a day that peaks at noon at twice the mean and falls to half of it at night."""
    half = (1 - math.cos(2 * math.pi * time_s / DAY)) / 2
    # Of the powers of a raised cosine this mixture has a mean of exactly a third.
    shape = half**2 / 3 + 2 * half**3 / 3
    return mean * (0.5 + 1.5 * shape)


@dataclass(frozen=True)
class Month:
    """Valid and bad events per step of STEP_S seconds, and what follows from them."""

    valid: Sequence[float]
    bad: Sequence[float]
    target: float

    @classmethod
    def play(cls, days: int, mean: float, target: float, bad_share: Callable[[float, float], float]) -> Month:
        """``bad_share(time_s, rate)`` is the share of valid events that are bad at that time."""
        times = [step * STEP_S for step in range(days * DAY // STEP_S)]
        rates = [rate_at(time, mean) for time in times]
        bad = [rate * STEP_S * bad_share(time, rate) for time, rate in zip(times, rates, strict=True)]
        return cls([rate * STEP_S for rate in rates], bad, target)

    def left(self) -> list[float]:
        """Share of the whole month's budget that is left after each step; below 0: overspent."""
        allowed = sum(self.valid) * error_budget(self.target)
        return [1 - spent / allowed for spent in accumulate(self.bad)]

    def fired(self, alert: BurnAlert) -> list[int]:
        """Seconds at which the alert begins to fire."""
        threshold = alert.threshold(self.target, len(self.valid) * STEP_S)
        on = [
            min(long, short) > threshold
            for long, short in zip(self._ratio(alert.long_s), self._ratio(alert.short_s), strict=True)
        ]
        return [(step + 1) * STEP_S for step, now in enumerate(on) if now and not (step and on[step - 1])]

    def _ratio(self, window_s: int) -> list[float]:
        width = max(1, window_s // STEP_S)
        valid, bad = [0.0, *accumulate(self.valid)], [0.0, *accumulate(self.bad)]
        return [
            (bad[end] - bad[max(0, end - width)]) / (valid[end] - valid[max(0, end - width)])
            for end in range(1, len(valid))
        ]
