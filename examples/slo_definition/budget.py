"""Error budgets and burn rates, and the alerts that follow from them.

After the Site Reliability Workbook, chapter 5: an alert fires when a long window shows that a stated share of the
budget is gone and a short one, a twelfth of it, that it is still going. Ratios are shares of valid events, times are
seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HOUR = 3600
DAY = 24 * HOUR


def error_budget(target: float) -> float:
    """Share of the valid events that may be bad. Raises ValueError for a target that leaves none."""
    if not 0 < target < 1:
        raise ValueError(
            f"a target is a share between 0 and 1, both excluded: {target} leaves no budget to spend"
        )
    return 1 - target


# --8<-- [start:burn]
@dataclass(frozen=True)
class BurnAlert:
    """Fires when ``spent`` of the period's budget goes within the long window."""

    severity: Literal["page", "ticket"]
    spent: float
    long_s: int

    @property
    def short_s(self) -> int:
        return self.long_s // 12

    def factor(self, period_s: float) -> float:
        """Burn rate at which ``spent`` of the budget goes in one long window."""
        return self.spent * period_s / self.long_s

    def threshold(self, target: float, period_s: float) -> float:
        """Share of bad events above which both windows have to be. Above 1: never."""
        return self.factor(period_s) * error_budget(target)

    def detection_s(
        self,
        bad: float,
        target: float,
        period_s: float,
        before: float = 0.0,
    ) -> float | None:
        """Seconds from the jump ``before`` -> ``bad`` until it fires; None: never."""
        threshold = self.threshold(target, period_s)
        if before > threshold:
            return 0.0
        if bad <= threshold:
            return None
        return self.long_s * (threshold - before) / (bad - before)


ALERTS = (
    BurnAlert("page", 0.02, HOUR),
    BurnAlert("page", 0.05, 6 * HOUR),
    BurnAlert("ticket", 0.10, DAY),
    BurnAlert("ticket", 0.10, 3 * DAY),
)
# --8<-- [end:burn]


def burn_rate(bad: float, target: float) -> float:
    """How many times faster than even the budget goes; 1 spends it exactly within the period."""
    return bad / error_budget(target)


def exhaustion_s(bad: float, target: float, period_s: float) -> float:
    """Seconds until a full budget is gone at a steady share of bad events; infinite when none are bad."""
    burn = burn_rate(bad, target)
    return period_s / burn if burn else float("inf")


def spent_after(bad: float, seconds: float, target: float, period_s: float) -> float:
    """Share of the period's budget that ``seconds`` at ``bad`` cost, with traffic as on average."""
    return burn_rate(bad, target) * seconds / period_s


def reset_s(alert: BurnAlert, bad: float, target: float, period_s: float, after: float = 0.0) -> float:
    """Seconds from the end of a long-lasting fault, back to ``after``, until the short window lets go.

    Raises ValueError when ``after`` is itself above the threshold: then the alert stays.
    """
    threshold = alert.threshold(target, period_s)
    if after >= threshold:
        raise ValueError(f"the alert stays: {after} is not below its threshold of {threshold}")
    return alert.short_s * max(0.0, (bad - threshold) / (bad - after)) if bad > threshold else 0.0


def one_failure_pages_below(alert: BurnAlert, target: float, period_s: float) -> float:
    """Events in the window below which a single bad one is enough for the threshold."""
    return 1 / alert.threshold(target, period_s)
