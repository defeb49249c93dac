"""Has the distribution of scores moved? And what that cannot tell.

The population stability index (PSI) of two samples that do not differ is about chi-squared with bins - 1 degrees of
freedom, times 1/n + 1/m. So the alarm's limit follows from the samples' sizes and the rate of false alarms, not from
the customary 0.1 and 0.25.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import log, sqrt
from statistics import NormalDist


# --8<-- [start:drift]
def edges_of(reference: Sequence[float], bins: int) -> list[float]:
    """Return the inner edges of bins that hold equally many reference scores."""
    ordered = sorted(reference)
    return [ordered[len(ordered) * i // bins] for i in range(1, bins)]


def psi(reference: Sequence[float], current: Sequence[float], edges: Sequence[float]) -> float:
    """Return the index; half a score is added to each bin, so that an empty one does not make it infinite."""

    def shares(scores: Sequence[float]) -> list[float]:
        counts = [0.5] * (len(edges) + 1)
        for score in scores:
            counts[bisect_right(edges, score)] += 1
        return [count / sum(counts) for count in counts]

    return sum((b - a) * log(b / a) for a, b in zip(shares(reference), shares(current), strict=True))


def alarm_at(n: int, m: int, bins: int, false_alarms: float) -> float:
    """Return the index that two samples of one distribution exceed at this rate (Wilson-Hilferty)."""
    free, z = bins - 1, NormalDist().inv_cdf(1 - false_alarms)
    chi_squared = free * (1 - 2 / (9 * free) + z * sqrt(2 / (9 * free))) ** 3
    return chi_squared * (1 / n + 1 / m)
    # --8<-- [end:drift]
