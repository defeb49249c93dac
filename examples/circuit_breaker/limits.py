"""What a breaker cannot do: bound places, retries and tokens, and obey Retry-After. Each is thread-safe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from time import monotonic

from examples.circuit_breaker.verdict import Throttled


class Full(Exception):
    """No place, or no quota, for this class of request. Refuse now: a queue would be a timeout."""


# --8<-- [start:bulkhead]
class Bulkhead:
    """Places for one destination; no other destination can take them.

    A class named in `below` enters only while fewer places than that are taken: the rest is kept for the others.
    """

    def __init__(self, places: int, below: Mapping[str, int] | None = None) -> None:
        self._places, self._below = places, dict(below or {})
        self._taken, self._lock = 0, Lock()

    @contextmanager
    def place(self, klass: str) -> Iterator[None]:
        """Hold a place for as long as the block runs. Raises Full."""
        with self._lock:
            if self._taken >= min(self._places, self._below.get(klass, self._places)):
                raise Full(klass)
            self._taken += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken -= 1

    @property
    def taken(self) -> int:
        with self._lock:
            return self._taken


# --8<-- [end:bulkhead]


# --8<-- [start:budget]
class RetryBudget:
    """Retries as a share of calls: `ratio` of a retry per call, and at most `burst` saved up."""

    def __init__(self, ratio: float = 0.1, burst: float = 10.0) -> None:
        self._ratio, self._burst, self._left = ratio, burst, burst
        self._lock = Lock()

    def called(self) -> None:
        """A first attempt was made."""
        with self._lock:
            self._left = min(self._burst, self._left + self._ratio)

    def take(self) -> bool:
        """Whether one more attempt at the same destination may be made."""
        with self._lock:
            allowed = self._left >= 1
            self._left -= allowed
            return allowed


# --8<-- [end:budget]


class TokenQuota:
    """A provider's tokens a minute, prompts and answers together, as this replica may use them.

    Of the burst, `kept_back` is for callers that have no other destination.
    """

    def __init__(
        self, per_min: float, kept_back: float = 0.0, clock: Callable[[], float] = monotonic
    ) -> None:
        self._per_min, self._kept_back, self._clock = per_min, kept_back, clock
        self._left, self._at = per_min, clock()
        self._lock = Lock()

    def take(self, tokens: float, last_resort: bool) -> None:
        """Reserve `tokens`. Raises Full; whoever has another destination leaves `kept_back` untouched."""
        with self._lock:
            now = max(self._at, self._clock())
            self._left = min(self._per_min, self._left + (now - self._at) * self._per_min / 60)
            self._at = now
            if self._left - tokens < (0 if last_resort else self._kept_back):
                raise Full("tokens")
            self._left -= tokens


# --8<-- [start:gate]
class RetryAfterGate:
    """Closed for as long as the provider said: an account's quota is no outage, and needs no probe."""

    def __init__(self, clock: Callable[[], float], rng: Callable[[], float], longest_s: float = 60.0) -> None:
        self._clock, self._rng, self._longest_s, self._until = clock, rng, longest_s, float("-inf")
        self._lock = Lock()

    def check(self) -> None:
        """Raise Throttled while the gate is closed, with the seconds left."""
        with self._lock:
            left = self._until - self._clock()
        if left > 0:
            raise Throttled(left)

    def close(self, retry_after_s: float | None) -> None:
        """Close it as told, at most for `longest_s`, and up to a fifth longer, so that replicas return apart."""
        wait = min(self._longest_s, 1.0 if retry_after_s is None else retry_after_s)
        with self._lock:
            self._until = max(self._until, self._clock() + wait * (1 + self._rng() / 5))


# --8<-- [end:gate]
