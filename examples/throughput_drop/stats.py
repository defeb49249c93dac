"""Comparisons of two builds: paired by host, by ranks, and how long a test has to run to see how much."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt
from statistics import NormalDist, fmean, stdev
from typing import NamedTuple

# Student's t, two-sided 95%, by degrees of freedom.
T95 = {3: 3.182, 7: 2.365, 15: 2.131}
NORMAL = NormalDist()


class Ratio(NamedTuple):
    low: float
    ratio: float
    high: float


# --8<-- [start:paired]
def paired_ratio(new: Sequence[float], old: Sequence[float]) -> Ratio:
    """New over old with its 95% interval: one pair a host, so a slow host cancels.

    Works on logarithms, since a slow host scales both. Needs 4, 8 or 16 pairs.
    """
    logs = [log(a / b) for a, b in zip(new, old, strict=True)]
    half = T95[len(logs) - 1] * stdev(logs) / sqrt(len(logs))
    return Ratio(exp(fmean(logs) - half), exp(fmean(logs)), exp(fmean(logs) + half))


# --8<-- [end:paired]


def minutes_needed(spread: float, effect: float, sample_min: float = 0.5) -> float:
    """Minutes of each build to see `effect` in 9 tests of 10, with 1 false alarm in 20.

    `spread`: coefficient of variation of independent samples, each `sample_min` long.
    """
    wanted = NORMAL.inv_cdf(0.975) + NORMAL.inv_cdf(0.9)
    return sample_min * 2 * (wanted * spread / effect) ** 2


def longer(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Mann and Whitney: the chance that one of `first` exceeds one of `second`, ties half, and its z score."""
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    values = [value for value, _ in ranked]
    ranks, start = 0.0, 0
    while start < len(ranked):
        end = start
        while end < len(ranked) and values[end] == values[start]:
            end += 1
        ranks += (start + 1 + end) / 2 * sum(arm == 0 for _, arm in ranked[start:end])
        start = end
    n, m = len(first), len(second)
    chance = (ranks - n * (n + 1) / 2) / (n * m)
    return chance, (chance - 0.5) / sqrt((n + m + 1) / (12 * n * m))


def false_alarm(ratios: Sequence[float], threshold: float) -> float:
    """The share of runs of the same build that would fail, by a normal distribution fitted to `ratios`."""
    return NormalDist(fmean(ratios), stdev(ratios)).cdf(threshold)


def caught(ratios: Sequence[float], threshold: float, loss: float) -> float:
    """The share of runs that fail for a candidate that has lost `loss` of its throughput; spread as in `ratios`."""
    return NormalDist(1 - loss, stdev(ratios)).cdf(threshold)
