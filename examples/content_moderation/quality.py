"""How good a score is: curves at the traffic's base rate, calibration, and thresholds from costs.

A labeled set has far more harmful texts than traffic has. So every rate is taken within a class and then weighed by the
prevalence of the traffic; precision on the set itself means nothing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple


class Scored(NamedTuple):
    """A labeled text's score for one category."""

    score: float
    harmful: bool


class Point(NamedTuple):
    """What a threshold does."""

    threshold: float
    recall: float
    false_positives: float

    def precision(self, prevalence: float) -> float:
        """Return the share of harmful texts among the flagged ones, at this prevalence."""
        right, wrong = self.recall * prevalence, self.false_positives * (1 - prevalence)
        return right / (right + wrong) if right + wrong else 1.0


def at(rows: Sequence[Scored], threshold: float) -> Point:
    """Return the rates of "flag from ``threshold`` up"."""
    return Point(threshold, *(_share(rows, harmful, threshold) for harmful in (True, False)))


def cost(point: Point, prevalence: float, wrong_per_miss: float) -> float:
    """Return the expected cost of a threshold as a share of what no filter at all would cost."""
    missed, wrong = prevalence * (1 - point.recall), (1 - prevalence) * point.false_positives
    return (missed * wrong_per_miss + wrong) / (prevalence * wrong_per_miss)


def _share(rows: Sequence[Scored], harmful: bool, threshold: float) -> float:
    scores = [row.score for row in rows if row.harmful == harmful]
    return sum(score >= threshold for score in scores) / len(scores)


# --8<-- [start:threshold]
def cheapest(rows: Sequence[Scored], prevalence: float, wrong_per_miss: float) -> Point:
    """Return the threshold of least expected cost per text, in wrong blocks; a miss costs ``wrong_per_miss``.

    One pass from the highest score down: each text that is flagged saves a miss or adds a wrong block.
    """
    harmful = sum(row.harmful for row in rows)
    benign = len(rows) - harmful
    saves, costs = prevalence / harmful * wrong_per_miss, (1 - prevalence) / benign
    cost = least = prevalence * wrong_per_miss
    best = 1.0
    ordered = sorted(rows, reverse=True)
    for row, following in zip(ordered, [*ordered[1:], None], strict=True):
        cost += -saves if row.harmful else costs
        if cost < least and (following is None or following.score < row.score):
            least, best = cost, row.score
    return at(rows, best)


def bootstrap(
    groups: Sequence[Sequence[Scored]], threshold: float, seed: int, rounds: int = 1000
) -> tuple[float, float, float, float]:
    """Return 95% intervals of recall and of the false-positive rate at a threshold, whole groups resampled.

    A group holds texts of one template and class: they stand and fall together, so each is one piece of evidence.
    """
    draw = random.Random(seed)
    ends = []
    for harmful in (True, False):
        counts = [
            (sum(row.score >= threshold for row in group), len(group))
            for group in groups
            if group[0].harmful == harmful
        ]
        drawn = (draw.choices(counts, k=len(counts)) for _ in range(rounds))
        shares = sorted(sum(hits for hits, _ in some) / sum(n for _, n in some) for some in drawn)
        ends += [shares[int(rounds * 0.025)], shares[int(rounds * 0.975) - 1]]
    return ends[0], ends[1], ends[2], ends[3]
    # --8<-- [end:threshold]


class Bin(NamedTuple):
    """Texts whose score is in a tenth of the scale."""

    texts: int
    said: float
    was: float


def reliability(rows: Sequence[Scored], bins: int = 10) -> list[Bin]:
    """Return, by bin, the mean probability that was said and the share that was harmful; empty bins are left out."""
    grouped: list[list[Scored]] = [[] for _ in range(bins)]
    for row in rows:
        grouped[min(int(row.score * bins), bins - 1)].append(row)
    return [
        Bin(len(group), sum(r.score for r in group) / len(group), sum(r.harmful for r in group) / len(group))
        for group in grouped
        if group
    ]


def calibration_error(rows: Sequence[Scored], bins: int = 10) -> float:
    """Return the expected calibration error: the gap between said and was, weighed by texts."""
    return sum(b.texts * abs(b.said - b.was) for b in reliability(rows, bins)) / len(rows)
