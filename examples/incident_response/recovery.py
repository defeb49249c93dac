"""A fluid model of letting traffic back into a region that is up but cold. Discrete time, no randomness.

Requests wait in one first-in-first-out queue; a client that has waited `PATIENCE_S`, or was refused, retries twice at
most. A request counts as good if it waited at most `GOOD_WAIT_S`. What the model leaves out: request sizes, batching,
replicas, and that a refusal costs something. It shows the shape of a recovery, not its length.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from examples.incident_response import setting

FRESH_RPS = setting.PEAK["us"]
WARM_RPS = setting.REGION_RPS
GOOD_WAIT_S = 1
"""Of the 2 s that the objective gives a first token; assumption: prefill takes the other second."""
PATIENCE_S = 10
"""Assumption: how long a client waits for a first token."""
BACKOFF_S = (1, 8)
"""Assumption: a retry comes back evenly spread over this span."""
HIT_RATE = 0.5
"""Assumption: share of prefill work that a warm prefix cache saves."""
PREFILL_SHARE = 0.6
"""Assumption: share of the work of a request that is prefill, without any cache."""
FILL_REQUESTS = 3_000
"""Assumption: served requests after which the cache is 63% (1 - 1/e) warm."""
BACKLOG = 6_000
"""Assumption: requests that batch clients held back during the outage."""
BACKLOG_S = 120
"""Within which they send them, once the status page says resolved."""
STEPS = (0.10, 0.25, 0.50, 1.00)
SOAK_S = 120
"""How long a step's check must hold before the next."""
BACK_S = 30
"""How long a step's check may fail before traffic goes one step back."""
GOOD_SHARE = 0.99


def cold_rps() -> float:
    """Requests/s of the region with empty caches: warm work per request over cold work per request."""
    return WARM_RPS * (1 - PREFILL_SHARE * HIT_RATE)


@dataclass
class Policy:
    """How traffic is let in."""

    steps: tuple[float, ...] = (1.0,)
    """Shares of fresh traffic admitted, by a hash of the customer, so that a retry gets the same answer."""
    bounded: bool = False
    """Whether a request that has waited longer than `GOOD_WAIT_S` is refused instead of served too late."""
    backlog_at_s: int | None = 0
    """When batch clients hear `resolved`; None: 120 s after the last step's check held."""
    backlog_over_s: int = BACKLOG_S
    retries: int = setting.CLIENT_RETRIES
    shed_at_s: int | None = None
    """When an operator closes admission and starts over in `STEPS`, dropping the queue."""


@dataclass
class Second:
    """What one second saw, in requests/s; `wait_s` is the age of what was served last."""

    admitted: float
    good: float
    wasted: float
    wait_s: float
    step: float
    warm: float


@dataclass
class _State:
    queue: deque[list[float]] = field(default_factory=deque)  # [arrival second, attempt, requests]
    patient: dict[int, list[list[float]]] = field(default_factory=dict)  # the same, while their clients wait
    retries: dict[int, list[tuple[int, float]]] = field(default_factory=dict)
    served: float = 0.0
    held_s: int = 0
    failed_s: int = 0
    step: int = 0
    backlog_from: int | None = None

    def arrive(self, now: int, attempt: int, count: float) -> None:
        entry: list[float] = [now, attempt, count]
        self.queue.append(entry)
        self.patient.setdefault(now, []).append(entry)

    def give_up(self, since: int, retries: int) -> None:
        """Clients that came in second `since` and still wait leave; their requests stay in the queue."""
        for _, attempt, count in self.patient.pop(since, []):
            self.come_back(since + PATIENCE_S, int(attempt), count, retries)

    def refuse(self, entry: list[float], now: int, retries: int) -> None:
        """Answer a queued request with a 503; whoever has left already hears nothing."""
        if entry[0] > now - PATIENCE_S:
            self.come_back(now, int(entry[1]), entry[2], retries)
        entry[2] = 0.0

    def come_back(self, now: int, attempt: int, count: float, retries: int) -> None:
        if attempt >= retries or count <= 0:
            return
        first, last = BACKOFF_S
        for delay in range(first, last + 1):
            self.retries.setdefault(now + delay, []).append((attempt + 1, count / (last - first + 1)))


# --8<-- [start:simulate]
def simulate(policy: Policy, seconds: int = 1_800) -> list[Second]:
    """Play `policy` from the moment the region is up with empty caches."""
    state, history = _State(backlog_from=policy.backlog_at_s), []
    for now in range(seconds):
        if now == policy.shed_at_s:  # the corrective push
            while state.queue:
                state.refuse(state.queue.popleft(), now, policy.retries)
            policy = staged()
            state.step, state.held_s, state.failed_s, state.backlog_from = 0, 0, 0, None
        share = policy.steps[state.step]
        arriving = [(0, FRESH_RPS * share), *state.retries.pop(now, [])]
        start = state.backlog_from
        if start is not None and start <= now < start + policy.backlog_over_s:
            arriving.append((0, BACKLOG / policy.backlog_over_s * share))
        for attempt, count in arriving:
            state.arrive(now, attempt, count)

        state.give_up(now - PATIENCE_S, policy.retries)
        latest = now - GOOD_WAIT_S if policy.bounded else 0
        while state.queue and state.queue[0][0] < latest:
            state.refuse(state.queue.popleft(), now, policy.retries)

        warm = 1 - math.exp(-state.served / FILL_REQUESTS)
        capacity = cold_rps() + (WARM_RPS - cold_rps()) * warm
        good, wasted, wait = _serve(state, now, capacity)
        state.served += good + wasted
        admitted = sum(count for _, count in arriving)
        history.append(Second(admitted, good, wasted, wait, share, warm))
        _advance(state, policy, now, history[-1])
    return history


# --8<-- [end:simulate]


def _serve(state: _State, now: int, capacity: float) -> tuple[float, float, float]:
    """Serve from the head of the queue: requests in time, requests too late, age of the last one."""
    good = wasted = wait = 0.0
    while capacity > 1e-9 and state.queue:
        entry = state.queue[0]
        count = min(entry[2], capacity)
        wait = now - entry[0]
        if wait <= GOOD_WAIT_S:
            good += count
        else:
            wasted += count
        capacity -= count
        entry[2] -= count
        if entry[2] <= 1e-9:
            state.queue.popleft()
    return good, wasted, wait


# --8<-- [start:advance]
def _advance(state: _State, policy: Policy, now: int, seen: Second) -> None:
    """One step up when the check held for `SOAK_S`, one step back when it failed for `BACK_S`."""
    served = seen.good + seen.wasted
    healthy = served > 0 and seen.good >= GOOD_SHARE * served
    state.held_s = state.held_s + 1 if healthy else 0
    state.failed_s = 0 if healthy else state.failed_s + 1
    if state.failed_s >= BACK_S and state.step > 0:
        state.step, state.failed_s = state.step - 1, 0
    if state.held_s < SOAK_S:
        return
    if state.step + 1 < len(policy.steps):
        state.step, state.held_s = state.step + 1, 0
    elif state.backlog_from is None:
        # `Resolved` is the last step: it brings back everybody who held requests back.
        state.backlog_from = now + 1


# --8<-- [end:advance]


def all_at_once() -> Policy:
    return Policy()


def all_at_once_bounded() -> Policy:
    """All at once, but a request that would be late is refused."""
    return Policy(bounded=True)


def all_at_once_then_shed() -> Policy:
    """All at once, and after 15 minutes the operator empties the queue and starts over in steps."""
    return Policy(shed_at_s=900)


def staged() -> Policy:
    """Four steps, late work refused, and `resolved` announced last, with the backlog spread by Retry-After."""
    return Policy(STEPS, bounded=True, backlog_at_s=None, backlog_over_s=600)
