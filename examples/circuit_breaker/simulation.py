"""Replicas of the gateway in last month's outage: discrete events, seeded, with the page's own state machine.

A goes silent for new requests (streams under way finish), comes back with a fifth of its capacity, then whole. A
serves so many streams at once; who finds no slot waits there in silence. Clients' and gateway's retries are the
question's. What is left out: 429s, streams that break, the network, and that a refusal costs something.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from examples.circuit_breaker import setting as s
from examples.circuit_breaker.machine import Machine, Permit, Settings, State
from examples.circuit_breaker.stream import deadlines


@dataclass(frozen=True)
class Times:
    """Seconds: when A falls silent, is back with a fifth, is whole; and the end of the run."""

    silent: float = 20.0
    back: float = 140.0
    whole: float = 200.0
    end: float = 270.0

    def met(self, asked_at: float) -> bool:
        """Whether the silence met a request."""
        return self.silent <= asked_at < self.back


OUTAGE = Times()
"""Two minutes of silence: the shortest of the assumed outages."""
RETURN = Times(silent=2.0, back=12.0, whole=72.0, end=72.0)
"""A short silence, to watch how ten replicas come back to a fifth of A."""
HEADROOM = 1.3
"""Assumption: A's slots over what a healthy peak needs."""
CLIENT_BACKOFF_S = 0.5
"""A client's first wait, doubled for the second; with jitter downwards of a quarter."""
PLACES = {"a": 140, "b": 54, "pool": 46, "embeddings": 10}
"""Of one replica, when they are divided. The pool has no other limit: its places keep it at what it can serve."""
FREE_BELOW = {"a": 130, "pool": 20}
"""Free requests enter only while fewer places than that are taken."""
KEPT_BACK = 5 * (s.LONG_PROMPT + s.ANSWER)
"""Of B's tokens, for long prompts, per replica."""
SHORT_LIMITS, LONG_LIMITS = (deadlines(prompt, s.ANSWER) for prompt in (s.SHORT_PROMPT, s.LONG_PROMPT))


@dataclass(frozen=True)
class Policy:
    """Which protections are on."""

    deadline: bool = False
    breaker: bool = False
    ramp: bool = True
    around: bool = False
    """Divided places, fallbacks with quotas, no retry at A, and clients told not to retry."""


POLICIES = {
    "none": Policy(),
    "deadline": Policy(deadline=True),
    "breaker": Policy(breaker=True),
    "all": Policy(deadline=True, breaker=True, around=True),
}


@dataclass(slots=True)
class Second:
    """What one second saw."""

    chat: int = 0
    embeddings: int = 0
    embeddings_lost: int = 0
    attempts: int = 0
    failed: int = 0
    places: int = 0


@dataclass
class Run:
    """The result: by second, and by class."""

    seconds: list[Second]
    asked: dict[str, int] = field(default_factory=dict)
    served: dict[str, int] = field(default_factory=dict)
    asked_in_outage: dict[str, int] = field(default_factory=dict)
    served_in_outage: dict[str, int] = field(default_factory=dict)
    by: dict[str, int] = field(default_factory=dict)
    opened: list[float] = field(default_factory=list)
    share_at: list[tuple[float, float]] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    """Seconds to the first token of paid requests that the outage met and that were served."""


@dataclass(slots=True, eq=False)
class _Request:
    klass: str
    prompt: float
    asked_at: float
    attempts_left: int


@dataclass(slots=True, eq=False)
class _Attempt:
    """One try of a request at A. A late event of it finds it done."""

    request: _Request
    begun: float
    ttft: float
    retries: int
    permit: Permit | None
    started: bool = False
    done: bool = False


class _A:
    """A's side: slots, and a silent queue for whoever finds none."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.busy = 0
        self.silent = False
        self.waiting: deque[tuple[_Attempt, Callable[[_Attempt], None]]] = deque()


# --8<-- [start:simulate]
class Simulation:
    """One seeded run. Events are (time, number, action), so that equal times keep their order."""

    def __init__(self, policy: Policy, replicas: int = 1, times: Times = OUTAGE, seed: int = 10) -> None:
        self.policy, self.times, self.now = policy, times, 0.0
        # Arrivals have their own randomness, so that every policy meets the same ones.
        self.arrivals, self.rng = random.Random(seed), random.Random(seed + 1)
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = 0
        self.need = s.in_flight() * replicas
        self.a = _A(round(self.need * HEADROOM))
        settings = Settings() if policy.ramp else Settings(ramp=(1.0,), ramp_step_s=0.001)
        self.replicas = [_Replica(self, Machine(settings, self.rng.random)) for _ in range(replicas)]
        self.run_of = Run([Second() for _ in range(int(times.end) + 1)])

    def at(self, delay: float, action: Callable[..., None], *arguments: Any) -> None:
        self._number += 1
        heapq.heappush(self._events, (self.now + delay, self._number, action, arguments))

    def run(self) -> Run:
        for replica in self.replicas:
            replica.arrive("chat")
            replica.arrive("embeddings")
        self.at(self.times.silent, self._set, True, HEADROOM)
        self.at(self.times.back, self._set, False, s.RECOVERED_SHARE)
        self.at(self.times.whole, self._set, False, HEADROOM)
        while self._events and self._events[0][0] < self.times.end:
            self.now, _, action, arguments = heapq.heappop(self._events)
            action(*arguments)
        return self.run_of

    # --8<-- [end:simulate]

    def _set(self, silent: bool, share: float) -> None:
        self.a.silent, self.a.slots = silent, round(self.need * share)
        self.pump()

    def second(self) -> Second:
        return self.run_of.seconds[int(self.now)]

    def pump(self) -> None:
        """A takes from its queue whoever still waits there."""
        a = self.a
        while a.waiting and not a.silent and a.busy < a.slots:
            attempt, first_token = a.waiting.popleft()
            if not attempt.done:
                a.busy += 1
                self.at(attempt.ttft, first_token, attempt)

    def count(self, where: dict[str, int], what: str) -> None:
        where[what] = where.get(what, 0) + 1


class _Replica:
    """One gateway replica: admission, attempts at A, fallbacks."""

    def __init__(self, sim: Simulation, machine: Machine) -> None:
        self.sim, self.policy, self.machine = sim, sim.policy, machine
        self.taken = dict.fromkeys([*PLACES, "all"], 0)
        self.b_left = self.b_burst = s.B_TOKENS_PER_MIN / s.REPLICAS
        self.refilled_at = 0.0

    def arrive(self, kind: str) -> None:
        """A Poisson arrival, and the next one."""
        sim, rng = self.sim, self.sim.arrivals
        if kind == "embeddings":
            request = _Request("embeddings", 0, sim.now, s.CLIENT_RETRIES)
            sim.at(rng.expovariate(s.EMBEDDINGS_RPS), self.arrive, kind)
        else:
            klass = "paid" if rng.random() < s.PAID_SHARE else "free"
            prompt = s.LONG_PROMPT if rng.random() < s.LONG_SHARE else s.SHORT_PROMPT
            request = _Request(klass, prompt, sim.now, s.CLIENT_RETRIES)
            sim.at(rng.expovariate(s.replica_rps()), self.arrive, kind)
        if sim.now > 0:  # the first call only starts the stream of arrivals
            sim.count(sim.run_of.asked, request.klass)
            if sim.times.met(sim.now):
                sim.count(sim.run_of.asked_in_outage, request.klass)
            self.ask(request)

    # Admission

    def ask(self, request: _Request) -> None:
        if request.klass == "embeddings":
            if self._enter("embeddings"):
                self.sim.at(s.EMBEDDING_S, self._embedded, request)
            else:
                self._refuse(request)
            return
        self._try_a(request, s.GATEWAY_RETRIES)

    def _enter(self, destination: str, klass: str = "") -> bool:
        """Take a place, if there is one."""
        if self.policy.around:
            places = (FREE_BELOW if klass == "free" else PLACES).get(destination, 0)
            full = self.taken[destination] >= places
        else:
            full = self.taken["all"] >= s.PLACES
        second = self.sim.second()
        second.places = max(second.places, self.taken["all"] + (not full))
        if full:
            return False
        self.taken[destination] += 1
        self.taken["all"] += 1
        return True

    def _leave(self, destination: str) -> None:
        self.taken[destination] -= 1
        self.taken["all"] -= 1

    # A

    def _try_a(self, request: _Request, retries: int) -> None:
        permit = None
        if self.policy.breaker:
            permit = self.machine.acquire(self.sim.now, may_probe=request.prompt < 2_000)
            self._news()
            if permit is None:
                self._elsewhere(request)
                return
        if not self._enter("a", request.klass):
            if permit:
                self.machine.released(permit, self.sim.now)
            self._elsewhere(request)
            return
        self._attempt(request, retries, permit)

    def _attempt(self, request: _Request, retries: int, permit: Permit | None) -> None:
        sim, a = self.sim, self.sim.a
        sim.second().attempts += 1
        long = request.prompt == s.LONG_PROMPT
        ttft = sim.rng.uniform(3.0, 6.16) if long else sim.rng.uniform(0.22, 0.61)  # mean 0.5 s over both
        attempt = _Attempt(request, sim.now, ttft, retries, permit)
        if not a.silent and sim.rng.random() < s.FAILED_SHARE:
            sim.at(0.1, self._failed, attempt)
            return
        limit = (LONG_LIMITS if long else SHORT_LIMITS).first_s if self.policy.deadline else s.TIMEOUT_S
        sim.at(limit, self._timed_out, attempt)
        if a.silent or a.busy >= a.slots:
            a.waiting.append((attempt, self._first_token))
        else:
            a.busy += 1
            sim.at(ttft, self._first_token, attempt)

    def _first_token(self, attempt: _Attempt) -> None:
        sim = self.sim
        if attempt.done:  # nobody listens any more, and A stops
            sim.a.busy -= 1
            sim.pump()
            return
        attempt.started = True
        if attempt.permit:
            limits = LONG_LIMITS if attempt.request.prompt == s.LONG_PROMPT else SHORT_LIMITS
            slow = self.policy.deadline and sim.now - attempt.begun > limits.slow_s
            self.machine.started(attempt.permit, sim.now, slow=slow)
            self._news()
        self._noted(attempt.request)
        sim.at(sim.rng.expovariate(s.TOKENS_PER_S / s.ANSWER), self._finished, attempt)

    def _finished(self, attempt: _Attempt) -> None:
        sim = self.sim
        attempt.done = True
        sim.a.busy -= 1
        if attempt.permit:
            self.machine.ended(attempt.permit, sim.now, failed=False)
            self._news()
        self._leave("a")
        self._served(attempt.request, "a")
        sim.pump()

    def _timed_out(self, attempt: _Attempt) -> None:
        if not attempt.done and not attempt.started:
            self._failed(attempt)

    def _failed(self, attempt: _Attempt) -> None:
        request = attempt.request
        attempt.done = True
        self.sim.second().failed += 1
        if attempt.permit:
            self.machine.ended(attempt.permit, self.sim.now, failed=True)
            self._news()
        if self.policy.around:
            self._leave("a")
            self._elsewhere(request)
            return
        permit = None
        if attempt.retries and self.policy.breaker:
            permit = self.machine.acquire(self.sim.now, may_probe=False)
        if attempt.retries and (permit or not self.policy.breaker):
            self._attempt(request, attempt.retries - 1, permit)  # in the same place
        else:
            self._leave("a")
            self._refuse(request)

    def _news(self) -> None:
        for change in self.machine.transitions:
            if change.new is State.OPEN:
                self.sim.run_of.opened.append(change.at)
            self.sim.run_of.share_at.append((change.at, change.share))
        self.machine.transitions.clear()

    # Elsewhere

    def _elsewhere(self, request: _Request) -> None:
        """The pool for what fits, B for the rest of paid traffic; whatever finds no place or quota is refused."""
        if self.policy.around:
            self._refill()
            tokens, short = request.prompt + s.ANSWER, request.prompt < s.POOL_CONTEXT
            if short and self._enter("pool", request.klass):
                self._fall_back(request, "pool")
                return
            if (
                request.klass == "paid"
                and self.b_left - tokens >= (KEPT_BACK if short else 0)
                and self._enter("b")
            ):
                self.b_left -= tokens
                self._fall_back(request, "b")
                return
        self._refuse(request)

    def _fall_back(self, request: _Request, where: str) -> None:
        ttft = 4.5 if request.prompt == s.LONG_PROMPT else 0.5
        self.sim.at(ttft, self._noted, request)
        took = ttft + self.sim.rng.expovariate(s.TOKENS_PER_S / s.ANSWER)
        self.sim.at(took, self._fell_back, request, where)

    def _fell_back(self, request: _Request, where: str) -> None:
        self._leave(where)
        self._served(request, where)

    def _refill(self) -> None:
        passed, self.refilled_at = self.sim.now - self.refilled_at, self.sim.now
        self.b_left = min(self.b_burst, self.b_left + passed * self.b_burst / 60)

    # Ends

    def _embedded(self, request: _Request) -> None:
        self._leave("embeddings")
        self._served(request, "embeddings")

    def _noted(self, request: _Request) -> None:
        if request.klass == "paid" and self.sim.times.met(request.asked_at):
            self.sim.run_of.waited.append(self.sim.now - request.asked_at)

    def _served(self, request: _Request, by: str) -> None:
        sim = self.sim
        sim.count(sim.run_of.served, request.klass)
        sim.count(sim.run_of.by, by)
        if sim.times.met(request.asked_at):
            sim.count(sim.run_of.served_in_outage, request.klass)
        if request.klass == "embeddings":
            sim.second().embeddings += 1
        else:
            sim.second().chat += 1

    def _refuse(self, request: _Request) -> None:
        """503. A client that was not told otherwise comes back twice."""
        if request.attempts_left and not (self.policy.around and request.klass != "embeddings"):
            waits = s.CLIENT_RETRIES - request.attempts_left
            request.attempts_left -= 1
            backoff = CLIENT_BACKOFF_S * 2**waits * self.sim.rng.uniform(0.75, 1)
            self.sim.at(backoff, self.ask, request)
        elif request.klass == "embeddings":
            self.sim.second().embeddings_lost += 1
