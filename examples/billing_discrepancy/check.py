"""The daily reconciliation: how many missing entries or log lines are normal, and from which count on somebody is told."""

from __future__ import annotations

import math


def tail(mean: float, least: int) -> float:
    """Probability that a Poisson count is `least` or more. Sums upward, so that tiny tails keep their digits."""
    if least <= 0:
        return 1.0
    term = math.exp(least * math.log(mean) - mean - math.lgamma(least + 1)) if mean > 0 else 0.0
    total, count = 0.0, least
    while term > total * 1e-17 and term > 0:
        total += term
        count += 1
        term *= mean / count
    return min(1.0, total)


def threshold(mean: float, checks: int, false_alarms: float) -> int:
    """The least count that chance alone reaches in at most `false_alarms` of so many checks."""
    least = math.ceil(mean)
    while tail(mean, least) * checks > false_alarms:
        least += 1
    return least
