"""What the stated agreement between two detectors implies: six cells, and what any rule over them blocks.

A cell is a band of the small classifier's score together with the guard's verdict. The guard's overall rates and its
agreement at both thresholds fix all six: nothing has to be assumed, and nothing may be multiplied.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from examples.content_moderation.setting import AGREES, GUARD, PREVALENCE, REQUESTS_A_DAY, SMALL, Rates


# --8<-- [start:cells]
class Cell(NamedTuple):
    """Texts a day in one band of the small score, with one verdict of the guard."""

    band: str
    guard: bool
    harmful: float
    benign: float

    @property
    def share_harmful(self) -> float:
        return self.harmful / (self.harmful + self.benign)


def cells(requests: int = REQUESTS_A_DAY, prevalence: float = PREVALENCE) -> list[Cell]:
    """Return the six cells, in texts a day."""

    def split(of: int) -> list[tuple[str, bool, float]]:
        """Shares of the harmful (``of`` 0) or the benign (1) texts."""
        high, wide = SMALL[0.5][of], SMALL[0.2][of]
        both_high, both_wide = high * AGREES[0.5][of], wide * AGREES[0.2][of]
        flags = {"0.5 up": high, "0.2 to 0.5": wide - high, "below 0.2": 1 - wide}
        agrees = {
            "0.5 up": both_high,
            "0.2 to 0.5": both_wide - both_high,
            "below 0.2": GUARD[of] - both_wide,
        }
        return [
            (band, verdict, agrees[band] if verdict else flags[band] - agrees[band])
            for band in flags
            for verdict in (True, False)
        ]

    harmful, benign = requests * prevalence, requests * (1 - prevalence)
    return [
        Cell(band, verdict, harmful * bad, benign * good)
        for (band, verdict, bad), (_, _, good) in zip(split(0), split(1), strict=True)
    ]
    # --8<-- [end:cells]


class Blocks(NamedTuple):
    """What a rule does in a day."""

    right: float
    wrong: float
    rates: Rates

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong)


def blocks(rates: Rates, requests: int = REQUESTS_A_DAY, prevalence: float = PREVALENCE) -> Blocks:
    """Return the right and the wrong blocks a day of a detector with these rates."""
    return Blocks(
        requests * prevalence * rates.recall, requests * (1 - prevalence) * rates.false_positives, rates
    )


def cascade(threshold: float) -> Rates:
    """Return the rates of "small at ``threshold``, then the guard", from the stated agreement."""
    first, agrees = SMALL[threshold], AGREES[threshold]
    return Rates(first.recall * agrees.recall, first.false_positives * agrees.false_positives)


def multiplied(threshold: float) -> Rates:
    """Return what the same cascade would have if the two erred independently, which they do not."""
    first = SMALL[threshold]
    return Rates(first.recall * GUARD.recall, first.false_positives * GUARD.false_positives)


def asked(threshold: float, prevalence: float = PREVALENCE) -> float:
    """Return the share of all texts that the small classifier sends to the guard."""
    first = SMALL[threshold]
    return prevalence * first.recall + (1 - prevalence) * first.false_positives


def worth_blocking(these: Iterable[Cell], wrong_per_miss: float) -> list[Cell]:
    """Return the cells where blocking costs less than allowing, if a miss is worth so many wrong blocks.

    Blocking costs ``benign`` wrong blocks, allowing ``harmful * wrong_per_miss``: a cell is blocked if its share of
    harmful texts is above ``1 / (1 + wrong_per_miss)``, which is the threshold for a calibrated score, too.
    """
    return [cell for cell in these if cell.benign < cell.harmful * wrong_per_miss]
