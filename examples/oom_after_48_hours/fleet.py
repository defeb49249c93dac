"""The fleet's curves: arithmetic on traffic, with what a request keeps taken from the captured runs, and seeded noise.

A minute at a time, for 16 replicas from Friday to Sunday and, coarser, for the fifteen days before. Nothing here decides
what a request keeps; `capture.py` measures it, and a test holds `PAGE_BYTES` to it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from examples.oom_after_48_hours import setting

SEED = 141
"""Of the noise; chosen so that the first two kills are at the question's minutes."""
PAGE_BYTES = 1.815e6
"""Kept per request of application C."""
OTHER_BYTES = 450.0
"""Kept per request of any kind: labels and records."""
BASE = 17.36
"""GiB when a replica is ready, the buffer still empty."""
FILL = timedelta(minutes=40)
"""Until the buffer of 20 GiB is full; it is pinned a gibibyte at a time, as blocks arrive."""
STEP = timedelta(minutes=5)
LIVE = datetime(2026, 11, 12, 18, 0)
"""When application C began to send."""
HISTORY_FROM = datetime(2026, 11, 7, 9, 0)
BUILDS = {
    411: datetime(2026, 11, 7, 9, 0),
    412: datetime(2026, 11, 8, 20, 0),
    413: datetime(2026, 11, 10, 10, 0),
    414: datetime(2026, 11, 11, 15, 0),
    415: datetime(2026, 11, 13, 6, 0),
    416: datetime(2026, 11, 14, 20, 0),
    417: datetime(2026, 11, 16, 11, 0),
    418: datetime(2026, 11, 17, 22, 0),
    419: datetime(2026, 11, 19, 12, 0),
    420: datetime(2026, 11, 20, 10, 0),
}
DEMAND = {0: 45.0, 4: 18.0, 6: 20.0, 10: 40.0, 16: 44.0, 20: 60.0, 22: 55.0, 24: 45.0}
"""Requests/s of the fleet by hour of the day, straight between; 40 on average."""

HEADER = ["time", *(f"r{number:02d}" for number in range(1, setting.REPLICAS + 1))]
TRAFFIC = ["time", "app_a", "app_b", "app_c"]
HISTORY = ["time", "build", "uptime_h", "working_set", "app_a", "app_b", "app_c"]


def demand(time: datetime) -> float:
    """Requests/s of the fleet."""
    hour = time.hour + time.minute / 60
    nodes = list(DEMAND.items())
    for (left, low), (right, high) in pairwise(nodes):
        if left <= hour < right:
            return low + (high - low) * (hour - left) / (right - left)
    raise AssertionError(hour)


def by_app(time: datetime) -> dict[str, float]:
    """Requests/s of the fleet by application; B keeps office hours, C has a batch by night and little by day."""
    total = demand(time)
    c = 0.0 if time < LIVE else 8.0 if time.hour < 6 else 1.6
    b = 5.2 if 8 <= time.hour < 20 else 1.2
    return {"app_a": total - b - c, "app_b": b, "app_c": c}


def gained(time: datetime, seconds: float) -> float:
    """GiB that one of the replicas gains in so many seconds of that time's traffic, on average."""
    apps = by_app(time)
    kept = apps["app_c"] * PAGE_BYTES + sum(apps.values()) * OTHER_BYTES
    return seconds * kept / setting.REPLICAS / 2**30


def filled(uptime: timedelta) -> float:
    """GiB of the buffer."""
    return setting.PINNED * min(1.0, uptime / FILL)


class Curve:
    """One replica's working set, minute by minute; None while it is not there."""

    def __init__(self, number: int, seed: int) -> None:
        self._rng = random.Random(f"{seed}-{number}")
        self._ready = setting.ready(number)
        self._base = BASE + self._rng.gauss(0, 0.02)
        self._kept = self._cache = 0.0
        self.kills: list[datetime] = []

    def step(self, now: datetime) -> float | None:
        """The reading of a minute. Page cache comes and goes on top, and gives way at the limit."""
        if now < self._ready:
            return None
        apps = by_app(now)
        pages = 60 * apps["app_c"] / setting.REPLICAS
        self._kept += gained(now, 60) + self._rng.gauss(0, 0.06 * PAGE_BYTES * pages**0.5) / 2**30
        self._cache = 0.9 * self._cache + self._rng.gauss(0, 0.03)
        hard = self._base + filled(now - self._ready) + self._kept
        if hard >= setting.LIMIT:
            self.kills.append(now)
            self._ready, self._kept = now + setting.RESTART, 0.0
            return None
        return min(setting.LIMIT, hard + 0.15 + max(-0.15, self._cache))


def simulate(seed: int) -> tuple[list[tuple[datetime, list[float | None]]], dict[int, list[datetime]]]:
    """The readings of all replicas up to now, and when each was killed."""
    curves = [Curve(number, seed) for number in range(1, setting.REPLICAS + 1)]
    readings = []
    now = setting.FIRST_READY
    while now <= setting.NOW:
        readings.append((now, [curve.step(now) for curve in curves]))
        now += timedelta(minutes=1)
    return readings, {number: curve.kills for number, curve in enumerate(curves, 1) if curve.kills}


def rows(seed: int) -> Iterator[list[object]]:
    readings, _ = simulate(seed)
    for time, levels in readings:
        if time.minute % (STEP // timedelta(minutes=1)) == 0:
            yield [f"{time:%Y-%m-%dT%H:%M}", *("" if level is None else f"{level:.2f}" for level in levels)]


def traffic_rows() -> Iterator[list[object]]:
    """Requests of the fleet in each half hour."""
    time = setting.FIRST_READY
    while time < setting.NOW - timedelta(minutes=15):
        minutes = [time + timedelta(minutes=minute) for minute in range(30)]
        yield [
            f"{time:%Y-%m-%dT%H:%M}",
            *(round(sum(60 * by_app(minute)[app] for minute in minutes)) for app in TRAFFIC[1:]),
        ]
        time += timedelta(minutes=30)


def deployment_rows(seed: int) -> Iterator[list[object]]:
    """The average replica of each build, every three hours of fifteen days, with the requests it had in them."""
    rng = random.Random(seed)
    time, kept, last = HISTORY_FROM, 0.0, 0
    while time <= datetime(2026, 11, 22, 9, 0):
        build = max(number for number, start in BUILDS.items() if start <= time)
        if build != last:
            kept, last = 0.0, build
        uptime = time - BUILDS[build]
        level = BASE + filled(uptime) + kept + 0.15 + rng.gauss(0, 0.03)
        minutes = [time + timedelta(minutes=minute) for minute in range(180)]
        requests = [
            round(sum(60 * by_app(minute)[app] for minute in minutes) / setting.REPLICAS)
            for app in TRAFFIC[1:]
        ]
        yield [
            f"{time:%Y-%m-%dT%H:%M}",
            build,
            f"{uptime / timedelta(hours=1):.0f}",
            f"{level:.2f}",
            *requests,
        ]
        kept += sum(gained(minute, 60) for minute in minutes)
        time += timedelta(hours=3)
