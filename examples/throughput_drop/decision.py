"""Roll back or debug, as arithmetic: what the fleet can serve while it is restarted, and by when that has to start."""

from __future__ import annotations

from dataclasses import dataclass

from examples.throughput_drop import setting

# --8<-- [start:plan]
OLD_RPS = setting.OLD_LIMIT / setting.OUTPUT
NEW_RPS = setting.ALERT / setting.REPLICAS / setting.OUTPUT
"""Requests/s of a saturated replica: 8.75 and 4.375."""
WARM_MIN, MARGIN_MIN = 5, 15
"""A last batch that refills its cache and is looked at; three batches that have to be repeated."""


@dataclass(frozen=True)
class Plan:
    """A restart, four replicas at a time. Minutes after midnight; requests/s a replica."""

    start: int | None
    spares: bool = False
    before: float = NEW_RPS
    after: float = OLD_RPS

    def capacity(self, minute: int) -> float:
        """Requests/s that can be served; spares run the old build and leave once the rest carries the demand."""
        if self.start is None or minute < self.start:
            return setting.REPLICAS * self.before
        done = min(setting.BATCHES, (minute - self.start) // setting.BATCH_MIN) * setting.BATCH
        out = setting.BATCH if done < setting.REPLICAS else 0
        served = done * self.after + (setting.REPLICAS - done - out) * self.before
        lent = self.spares and minute - self.start >= setting.BATCH_MIN and served < setting.demand(minute)
        return served + (setting.SPARES * OLD_RPS if lent else 0.0)

    def refused(self) -> float:
        """Requests that find no room until the peak."""
        minutes = range(setting.ROLLBACK, setting.PEAK_AT)
        return sum(60 * max(0.0, setting.demand(m) - self.capacity(m)) for m in minutes)


def latest_start() -> int:
    """Back, warm and looked at before the peak, with room for what goes wrong."""
    duration = setting.BATCHES * setting.BATCH_MIN
    return setting.PEAK_AT - duration - WARM_MIN - MARGIN_MIN


# --8<-- [end:plan]


def outgrown(rps: float) -> int:
    """The first minute in which demand exceeds `rps`."""
    return next(m for m in range(setting.ROLLBACK, setting.PEAK_AT + 1) if setting.demand(m) > rps)


def pays_from() -> float:
    """The probability that the release is to blame from which rolling back at 15:00 beats debugging until 15:30.

    If it is not, two batches are out, one after the other, until the check at 15:10 stops the rollback. If it is, half an
    hour of refusals is saved.
    """
    batches_out = 2 * setting.BATCH * NEW_RPS * 60 * setting.BATCH_MIN
    now, later = (Plan(setting.ROLLBACK + wait, spares=True).refused() for wait in (0, 30))
    return batches_out / (batches_out + later - now)


def enough_from(plan: Plan) -> int:
    """The minute from which, until the peak, this plan refuses nobody."""
    short = [m for m in range(setting.ROLLBACK, setting.PEAK_AT) if plan.capacity(m) < setting.demand(m)]
    return short[-1] + 1 if short else setting.ROLLBACK
