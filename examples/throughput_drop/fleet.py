"""The fleet through rollout and rollback: who is ready, who gets which share of the traffic, what each replica does."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from examples.throughput_drop import setting
from examples.throughput_drop.engine import Bucket, Mix, serve

LIMIT = {"old": setting.OLD_LIMIT / setting.OUTPUT, "new": setting.ALERT / setting.REPLICAS / setting.OUTPUT}
"""Requests/s of a replica, by build: 8.75 and 4.375."""
KEEPS_SHORT = 0.97
"""Of its limit, what the shortest-queue routing gives a replica while others have room."""


@dataclass(frozen=True)
class Life:
    """One replica under one build; minutes after midnight."""

    replica: int
    batch: str
    build: str
    start: int
    end: int


def lives() -> list[Life]:
    """Two rolling restarts of eight batches, and the spare replicas in between."""
    found = []
    for replica in range(1, setting.REPLICAS + 1):
        batch = (replica - 1) // setting.BATCH
        out, back = (start + batch * setting.BATCH_MIN for start in (setting.ROLLOUT, setting.ROLLBACK))
        found += [
            Life(replica, str(batch + 1), "old", setting.FIRST, out),
            Life(replica, str(batch + 1), "new", out + setting.BATCH_MIN, back),
            Life(replica, str(batch + 1), "old", back + setting.BATCH_MIN, setting.LAST),
        ]
    found += [
        Life(setting.REPLICAS + spare, "spare", "old", setting.SPARES_SERVE, setting.SPARES_LEAVE)
        for spare in range(1, setting.SPARES + 1)
    ]
    return found


def ready(minute: float) -> dict[str, int]:
    """Replicas in service, by build."""
    serving = [life.build for life in lives() if life.start <= minute < life.end]
    return {build: serving.count(build) for build in LIMIT}


def shares(minute: float) -> dict[str, float]:
    """Requests/s to one replica of each build, as a gateway routes that prefers the shortest queue.

    Equal shares while all keep up; then the rest goes to whoever has room; when none has, queues grow alike.
    """
    counts, demand = ready(minute), setting.demand(minute)
    capacity = sum(LIMIT[build] * count for build, count in counts.items())
    if demand >= capacity:
        return {build: limit * demand / capacity for build, limit in LIMIT.items()}
    new = min(demand / sum(counts.values()), KEEPS_SHORT * LIMIT["new"])
    return {"new": new, "old": (demand - new * counts["new"]) / counts["old"] if counts["old"] else 0.0}


class Minute(NamedTuple):
    life: Life
    minute: int
    bucket: Bucket


def simulate(life: Life, seed: int) -> Iterator[Minute]:
    """Each minute of one life; a replica that goes out of service drains for up to five minutes more."""
    mix, rng = Mix(), random.Random(f"{seed}-{life.replica}-{life.start}")
    plan = {minute: shares(minute)[life.build] for minute in range(life.start, life.end)}
    build = setting.OLD if life.build == "old" else setting.NEW
    if life.replica == setting.SLOW_REPLICA:
        build = build.slower(setting.SLOW)
    settled = life.start == setting.FIRST
    start = life.start - (5 if settled else 0)

    def rate(now: float) -> float:
        return plan[min(life.end - 1, max(life.start, int(now // 60)))]

    end = life.end if life.end == setting.LAST else life.end + setting.BATCH_MIN
    buckets = serve(
        build,
        mix.arrivals(rng, rate, start * 60),
        start * 60,
        end * 60,
        60,
        setting.QUEUE,
        life.end * 60,
        mix.prefixes if settled else None,
    )
    for minute, bucket in enumerate(buckets, start):
        if minute >= life.start and (bucket.steps or bucket.requests):
            yield Minute(life, minute, bucket)
