"""How many labels say how much about recall, and how to spend them.

Recall cannot be read from flagged traffic: the misses are in what was not flagged. Intervals are Wilson's
(https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval); the split of labels is Neyman's.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

Z95 = NormalDist().inv_cdf(0.975)


def wilson(hits: int, n: int, z: float = Z95) -> tuple[float, float]:
    """Return the interval for a share of ``hits`` in ``n``; raises ValueError without a sample."""
    if not 0 <= hits <= n or n == 0:
        raise ValueError(f"{hits} hits of {n}: give at least one trial and at most as many hits")
    share, spread = hits / n, z * z / n
    middle = share + spread / 2
    reach = z * sqrt(share * (1 - share) / n + spread / (4 * n))
    return (middle - reach) / (1 + spread), (middle + reach) / (1 + spread)


def labels_for(share: float, half_width: float, z: float = Z95) -> int:
    """Return how many labeled harmful texts give ``share`` within ``half_width`` (normal approximation)."""
    return -int(-share * (1 - share) * (z / half_width) ** 2 // 1)


# --8<-- [start:sampling]
class Stratum(NamedTuple):
    """A part of the traffic with one chance of being sampled: texts a day, and what the labels found."""

    texts: float
    caught: bool
    harmful_share: float
    labels: int = 0


def labels_needed(strata: Sequence[Stratum], half_width: float) -> list[float]:
    """Return the labels for each stratum that give recall within ``half_width``, split as Neyman does.

    Recall is caught / (caught + missed), so to first order a caught text moves it by ``missed / all`` and a missed
    one by ``caught / all``. Labels go where size x spread x that weight is large.
    """
    harmful = sum(s.texts * s.harmful_share for s in strata)
    caught = sum(s.texts * s.harmful_share for s in strata if s.caught)
    weights = [
        s.texts
        * sqrt(s.harmful_share * (1 - s.harmful_share))
        * ((harmful - caught) if s.caught else caught)
        / harmful
        for s in strata
    ]
    total = sum(weights) ** 2 / (harmful * half_width / Z95) ** 2
    return [total * weight / sum(weights) for weight in weights]


def recall_of(strata: Sequence[Stratum]) -> tuple[float, float]:
    """Return recall and its standard error from labeled strata; each label weighs texts / labels."""
    harmful = sum(s.texts * s.harmful_share for s in strata)
    caught = sum(s.texts * s.harmful_share for s in strata if s.caught)
    recall = caught / harmful
    variance = sum(
        (s.texts * ((1 - recall) if s.caught else recall)) ** 2
        * s.harmful_share
        * (1 - s.harmful_share)
        / s.labels
        for s in strata
    )
    return recall, sqrt(variance) / harmful
    # --8<-- [end:sampling]
