"""Outcomes in time buckets. Pure: the caller brings the time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rates:
    """What a stretch of the window holds: calls, and how many of them failed or were slow."""

    calls: int
    failed: int
    slow: int

    def reaches(self, failure_rate: float, slow_rate: float) -> bool:
        """Whether a threshold is reached: of failures, or of failures and slow ones together. No calls reach none."""
        if not self.calls:
            return False
        return self.failed >= failure_rate * self.calls or self.failed + self.slow >= slow_rate * self.calls


# --8<-- [start:window]
class Window:
    """The last `buckets` buckets of `bucket_s` seconds: fixed memory, whatever the traffic."""

    def __init__(self, bucket_s: float, buckets: int) -> None:
        self._bucket_s, self._size = bucket_s, buckets
        self.clear()

    def clear(self) -> None:
        self._counts = [[0, 0, 0] for _ in range(self._size)]
        self._newest: int | None = None

    def add(self, now: float, *, failed: bool, slow: bool = False) -> None:
        self._advance(now)
        bucket = self._counts[self._index(0)]
        bucket[0] += 1
        bucket[1] += failed
        bucket[2] += slow

    def rates(self, now: float, minimum: int) -> Rates | None:
        """The newest buckets that hold at least `minimum` calls; None if the whole window holds fewer.

        At peak that is the last second or two, at night up to the whole window.
        """
        self._advance(now)
        calls = failed = slow = 0
        for age in range(self._size):
            bucket = self._counts[self._index(age)]
            calls, failed, slow = calls + bucket[0], failed + bucket[1], slow + bucket[2]
            if calls >= minimum:
                return Rates(calls, failed, slow)
        return None

    # --8<-- [end:window]

    def all(self, now: float) -> Rates:
        """The whole window, however few calls it holds."""
        self._advance(now)
        calls, failed, slow = (sum(column) for column in zip(*self._counts, strict=True))
        return Rates(calls, failed, slow)

    def _index(self, age: int) -> int:
        return ((self._newest or 0) - age) % self._size

    def _advance(self, now: float) -> None:
        """Empty the buckets between the newest and now; a clock that goes back moves nothing."""
        current = int(now // self._bucket_s)
        if self._newest is None:
            self._newest = current
        for number in range(max(self._newest + 1, current - self._size + 1), current + 1):
            self._counts[number % self._size] = [0, 0, 0]
        self._newest = max(self._newest, current)
