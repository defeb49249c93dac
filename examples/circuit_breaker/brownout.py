"""One breaker and a provider that fails a steady share of calls: what chance does to a threshold. Seeded."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass

from examples.circuit_breaker import setting as s
from examples.circuit_breaker.machine import Machine, Permit, Settings, State

FAULT_S = 0.1
"""An error comes quickly; a call that works takes the time of the question's average."""


@dataclass(frozen=True, slots=True)
class Brownout:
    """Seconds until it first opened and, if it was opened at the start, closed again; the share admitted."""

    opened_s: float | None
    closed_s: float | None
    admitted: float


def play(
    failing: float,
    settings: Settings,
    rps: float,
    lasts_s: float,
    seed: int,
    opened: bool = False,
) -> Brownout:
    """Calls arrive at random and fail independently. `opened`: an outage has opened it before."""
    rng = random.Random(seed)
    breaker, now, calls = Machine(settings, rng.random), 0.0, 0
    events: list[tuple[float, int, str, Permit]] = []
    if opened:
        breaker.force_open(now, settings.open_s)
    while True:
        now += rng.expovariate(rps)
        while events and events[0][0] <= min(now, lasts_s):
            at, _, what, ended = heapq.heappop(events)
            if what == "started":
                breaker.started(ended, at)
            else:
                breaker.ended(ended, at, failed=what == "failed")
        if now > lasts_s:
            break
        calls += 1
        if (permit := breaker.acquire(now)) is None:
            continue
        if rng.random() < failing:
            heapq.heappush(events, (now + FAULT_S, calls, "failed", permit))
        else:
            token = now + s.TTFT_MEAN_S
            heapq.heappush(events, (token, calls, "started", permit))
            end = token + rng.expovariate(s.TOKENS_PER_S / s.ANSWER)
            heapq.heappush(events, (end, calls, "ended", permit))
    first = {change.new: change.at for change in reversed(breaker.transitions)}
    return Brownout(first.get(State.OPEN), first.get(State.CLOSED), breaker.counts.admitted / calls)
