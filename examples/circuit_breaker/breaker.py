"""The state machine behind a lock: for threads and for asyncio, with events, an override and a shadow mode."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from threading import Lock
from time import monotonic

from examples.circuit_breaker.machine import Counts, Machine, Permit, Settings, State, Transition
from examples.circuit_breaker.verdict import OwnFault, ProviderFault

logger = logging.getLogger(__name__)

Key = tuple[str, ...]
"""What fails together, e.g. (provider, region, model)."""


class Mode(StrEnum):
    """`SHADOW` decides, counts and tells, and lets everything pass. The last two are a person's word, and expire."""

    ENFORCE = "enforce"
    SHADOW = "shadow"
    FORCED_OPEN = "forced_open"
    FORCED_CLOSED = "forced_closed"


class Rejected(Exception):
    """The breaker let no call through. Go elsewhere; the same destination will not help."""

    def __init__(self, key: Key, wait_s: float) -> None:
        super().__init__(f"{'/'.join(key)} is open")
        self.key, self.wait_s = key, wait_s


class Attempt:
    """One call, timed by the breaker's clock. Its owner says when the first token and when the end came."""

    def __init__(self, breaker: Breaker, permit: Permit | None) -> None:
        self._breaker, self._permit, self._begun = breaker, permit, breaker.clock()
        self.slow_s = float("inf")
        self.has_started = False

    def started(self) -> None:
        """The first token came."""
        self.has_started = True
        self._report("started", slow=self._is_late())

    def finished(self) -> None:
        """A finish reason came."""
        self._report("ended", failed=False)

    def close(self, error: BaseException | None) -> None:
        """Give back what is still out, with a verdict if there is one."""
        if isinstance(error, ProviderFault):
            self._report("ended", failed=True)
        else:
            self._report("released", slow=self._is_late() and not isinstance(error, OwnFault))

    def _is_late(self) -> bool:
        return self._breaker.clock() - self._begun > self.slow_s

    def _report(self, what: str, **of: bool) -> None:
        if self._permit:
            self._breaker.report(what, self._permit, **of)


class Breaker:
    """One key's breaker. `listener` hears each change of state, after the lock is free; what it raises is logged.
    Threads may tell out of order: `epoch` has the order.

    `mode` is enforce or shadow; ValueError for a forced one, which comes by `force` and expires.
    """

    def __init__(
        self,
        key: Key,
        settings: Settings | None = None,
        clock: Callable[[], float] = monotonic,
        listener: Callable[[Key, Transition], None] = lambda key, transition: None,
        rng: Callable[[], float] = random.random,
        mode: Mode = Mode.ENFORCE,
    ) -> None:
        if mode not in (Mode.ENFORCE, Mode.SHADOW):
            raise ValueError("a forced mode needs an expiry")
        self.key, self.clock, self.mode = key, clock, mode
        self._forced: Mode = mode
        self._forced_until = -math.inf
        self._machine, self._listener, self._lock = Machine(settings or Settings(), rng), listener, Lock()

    # --8<-- [start:attempt]
    @contextmanager
    def attempt(self, may_probe: bool = True) -> Iterator[Attempt]:
        """One call, in a thread or a task. Raises Rejected at once, and never waits.

        Only ProviderFault counts as failure. A cancellation, a bug, a client that hung up: however the block is
        left, the permit comes back.
        """
        attempt = Attempt(self, self._permit(may_probe))
        try:
            yield attempt
        except BaseException as error:  # a canceled task raises no Exception
            attempt.close(error)
            raise
        attempt.close(None)

    def _permit(self, may_probe: bool) -> Permit | None:
        now = self.clock()
        with self._lock:  # never held while a call runs
            permit = self._machine.acquire(now, may_probe)
            wait_s, mode, news = self._machine.wait_s(now), self._mode(now), self._news()
        self._tell(news)
        if permit is None and mode in (Mode.ENFORCE, Mode.FORCED_OPEN):
            raise Rejected(self.key, wait_s)
        return permit  # in shadow mode a rejected call runs without one, and is not judged

    # --8<-- [end:attempt]

    def force(self, mode: Mode, for_s: float) -> None:
        """A person's word, for `for_s` seconds; 0 takes it back. After a forced opening the breaker probes and climbs.

        Raises ValueError without an expiry.
        """
        if not 0 <= for_s < math.inf:
            raise ValueError("a forced mode needs an expiry")
        now = self.clock()
        with self._lock:
            if Mode.FORCED_OPEN in (mode, self._mode(now)):
                self._machine.force_open(now, for_s if mode is Mode.FORCED_OPEN else 0.0)
            self._forced, self._forced_until = mode, now + for_s
            news = self._news()
        self._tell(news)

    def _mode(self, now: float) -> Mode:
        return self._forced if now < self._forced_until else self.mode

    def report(self, what: str, permit: Permit, **of: bool) -> None:
        """Pass a result on to the machine. `what` is one of its three reports."""
        now = self.clock()
        with self._lock:
            getattr(self._machine, what)(permit, now, **of)
            news = self._news()
        self._tell(news)

    @property
    def state(self) -> State:
        with self._lock:
            return self._machine.state

    @property
    def share(self) -> float:
        with self._lock:
            return self._machine.share

    @property
    def probes_out(self) -> int:
        with self._lock:
            return self._machine.probes_out

    def counts(self) -> Counts:
        """A copy, consistent in itself."""
        with self._lock:
            c = self._machine.counts
            return Counts(c.admitted, c.rejected, c.succeeded, c.failed, c.released, c.late)

    def _news(self) -> list[Transition]:
        news, self._machine.transitions = self._machine.transitions, []
        return news

    def _tell(self, news: list[Transition]) -> None:
        # Outside of the lock: a listener may be slow, or ask this breaker something.
        for transition in news:
            try:
                self._listener(self.key, transition)
            except Exception:  # it would lose a permit, or replace the call's own error
                logger.exception("listener of breaker %s", "/".join(self.key))
