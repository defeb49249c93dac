"""When each replica will be killed, and in which order to drain them so that few are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from examples.oom_after_48_hours import setting


@dataclass(frozen=True)
class Plan:
    killed: tuple[int, ...]
    left: Mapping[int, datetime]
    """When each replica that was drained left the router."""
    done: datetime
    """When the last one is back."""
    most_missing: int


# --8<-- [start:plan]
def drain(
    due: Mapping[int, datetime],
    start: datetime,
    at_once: int,
    loading: Mapping[int, datetime],
    specimen: int,
    streams_end: timedelta = setting.DRAIN,
) -> Plan:
    """Drain the one due next whenever fewer than `at_once` are missing; the kernel takes who is late.

    `loading` are replicas already on their way back, and when they are. A drained one restarts `streams_end` after it left.
    The specimen leaves the router last, and stays.
    """
    back = dict(loading)
    waiting = dict(due)
    left: dict[int, datetime] = {}
    killed: list[int] = []
    most, now = 0, min(start, *due.values())
    while waiting:
        for replica in [one for one, time in waiting.items() if time <= now]:
            back[replica] = now + setting.RESTART
            killed.append(replica)
            del waiting[replica]
        while waiting and now >= start and sum(time > now for time in back.values()) < at_once:
            others = {one: time for one, time in waiting.items() if one != specimen} or waiting
            replica = min(others, key=others.__getitem__)
            left[replica] = now
            if replica != specimen:
                back[replica] = now + streams_end + setting.RESTART
            del waiting[replica]
        most = max(most, sum(time > now for time in back.values()))
        now += timedelta(seconds=20)
    return Plan(tuple(killed), left, max(back.values()), most)


# --8<-- [end:plan]


def load(missing: int, rps: float) -> float:
    """Requests/s of each replica that is there."""
    return rps / (setting.REPLICAS - missing)


def may_be_missing(rps: float) -> int:
    """The most that leave the others at or below what one sustains."""
    return max(count for count in range(setting.REPLICAS) if load(count, rps) <= setting.SUSTAINED)


def cut_by_a_kill() -> float:
    """Streams open at a replica (Little's law)."""
    return setting.RPS / setting.REPLICAS * setting.STREAM_S
