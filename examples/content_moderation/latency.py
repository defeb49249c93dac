"""What a check adds to the time to first token: who waits matters more than how long.

Times are lognormal (an assumption, through the stated median and 95th percentile), and a check's time does not depend
on the engine's.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log
from statistics import NormalDist

_NORMAL = NormalDist()


class Lognormal:
    """A positive time by its median and 95th percentile, in milliseconds."""

    def __init__(self, median: float, p95: float) -> None:
        self._log = NormalDist(log(median), log(p95 / median) / _NORMAL.inv_cdf(0.95))

    def at_most(self, ms: float) -> float:
        """Return the chance of at most ``ms``."""
        return self._log.cdf(log(ms)) if ms > 0 else 0.0

    def at(self, share: float) -> float:
        """Return the time that this share stays below."""
        return exp(self._log.inv_cdf(share))


def beside(engine: Lognormal, small_ms: float, guard: Lognormal, share: float) -> float:
    """Return the 95th percentile of TTFT if both checks run while the engine prefills, and the later one decides.

    ``share`` of the requests need the guard.
    """

    def at_most(ms: float) -> float:
        return engine.at_most(ms) * ((1 - share) * (ms >= small_ms) + share * guard.at_most(ms - small_ms))

    return _quantile(at_most)


def before(engine: Lognormal, small_ms: float, guard: Lognormal, share: float) -> float:
    """Return the same if the engine starts after the checks."""
    grid = [guard.at((i + 0.5) / 1000) for i in range(1000)]

    def at_most(ms: float) -> float:
        waited = sum(engine.at_most(ms - small_ms - g) for g in grid) / len(grid) if share else 0.0
        return (1 - share) * engine.at_most(ms - small_ms) + share * waited

    return _quantile(at_most)


def _quantile(at_most: Callable[[float], float], share: float = 0.95) -> float:
    low, high = 1.0, 10_000.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if at_most(middle) < share else (low, middle)
    return high
