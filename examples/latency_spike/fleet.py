"""The fleet as a discrete-event simulation: gateway, router, replicas, and what each request's log row says."""

from __future__ import annotations

import bisect
import hashlib
import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import NamedTuple

from examples.latency_spike import setting
from examples.latency_spike.engine import Counters, Policy, Replica, Sequence
from examples.latency_spike.traffic import Application, Job, applications, output_tokens, prompt_tokens


class Row(NamedTuple):
    """One request in the access log; times in seconds, `at` after the window's start."""

    at: float
    org: str
    replica: str
    prompt: int
    cached: int
    output: int
    quota: float
    moderation: float
    wait: float
    prefill: float
    ttft: float
    itl: float


@dataclass(frozen=True, slots=True)
class Slow:
    """A provider or store that is slow for a share of calls between two times, by `low` to `high` seconds."""

    since: float
    until: float
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Action:
    """Something that happens to the fleet: a replica comes or goes, or an organization gets a lane."""

    at: float
    kind: str
    """"add", "drain", "lane" (only `organization` there, and it only there), "limit" (its prompts at a time), "hedge"."""
    replica: str = ""
    organization: str = ""
    most: int = 0


@dataclass(frozen=True, slots=True)
class World:
    """Everything that a run depends on. Two runs of one world are the same, to the last digit."""

    seed: int = 0
    rps: float = setting.NIGHT_RPS
    surge: tuple[float, float] = (0.0, 1.0)
    """From when, and by which factor, more arrives."""
    length_s: float = setting.LENGTH_S
    replicas: tuple[str, ...] = setting.REPLICAS
    job: Job | None = None
    moderation: Slow | None = None
    stalls: tuple[tuple[float, float], ...] = ()
    """When the quota store blocks, and for how long."""
    slowness: tuple[tuple[float, str, float], ...] = ()
    """From when which replica's GPU is how much slower."""
    frozen: tuple[str, tuple[float, float, float]] | None = None
    """Which replica's GPU hangs in a kernel: from when, how long, and every how many seconds."""
    shrunken: tuple[float, str, int] | None = None
    """From when which replica's key-value cache holds only so many tokens."""
    newcomer: tuple[float, str, float] | None = None
    """From when which organization sends how many requests/s of the usual length."""
    cached: bool = True
    actions: tuple[Action, ...] = ()
    policy: Policy = field(default_factory=Policy)
    token_bound: float | None = None
    """Most prompt tokens queued or in progress at a home replica before the router goes on; None to count requests only."""
    hosts: int = 1
    """How many gateway hosts count those tokens, each of them only its own; 1 also stands for a count that they share."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """A replica's metrics at a scrape; counters since the scrape before."""

    at: float
    replica: str
    running: int
    waiting: int
    usage: float
    decoded: int
    decode_s: float
    prompt_tokens: int
    prefill_s: float
    busy_s: float
    preemptions: int


@dataclass(slots=True)
class Run:
    """What a run leaves behind."""

    rows: list[Row] = field(default_factory=list)
    scrapes: list[Scrape] = field(default_factory=list)
    moderation: list[tuple[float, float]] = field(default_factory=list)
    """When each call was answered, and after how long."""


def rank(key: str, replicas: list[str]) -> list[str]:
    """Rendezvous hashing: the replicas in this key's order; one that comes or goes moves no other key."""
    return sorted(
        replicas, key=lambda name: hashlib.blake2b(f"{key}@{name}".encode(), digest_size=8).digest()
    )


class Fleet:
    """Runs one world. Events are (time, order, what to do); replicas bring their own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.run = Run()
        self.replicas: dict[str, Replica] = {}
        self.taking: list[str] = []
        self.lanes: dict[str, str] = {}
        self.limits: dict[str, int] = {}
        self.held: dict[str, list[Callable[[float], None]]] = {}
        self.open: dict[str, int] = {}
        self.flight: dict[str, int] = {}
        self.pending: list[dict[str, int]] = [{} for _ in range(world.hosts)]
        """By gateway host, then by replica."""
        self.hedged = False
        self._seen: dict[str, set[str]] = {}
        self._ranks: dict[str, list[str]] = {}
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = 0
        self._last: dict[str, Counters] = {}
        self._arrivals = random.Random(f"arrivals {world.seed}")
        self._gateway = random.Random(f"gateway {world.seed}")
        self._job = random.Random(f"job {world.seed}")
        self._hosts = random.Random(f"hosts {world.seed}")
        self._applications = applications()
        self._weights: list[float] = []
        total = 0.0
        for application in self._applications:
            total += application.weight
            self._weights.append(total)
        for name in world.replicas:
            self._add(name)

    # --- Time ---------------------------------------------------------------------------------------------------

    def later(self, at: float, what: Callable[[float], None]) -> None:
        self._order += 1
        heapq.heappush(self._events, (at, self._order, what))

    def play(self) -> Run:
        """The whole world; rows in the order in which the requests end."""
        world = self.world
        self.later(self._gap(0.0), self._arrive)
        for action in world.actions:
            self.later(action.at, lambda now, action=action: self._act(action))  # type: ignore[misc]
        for since, name, factor in world.slowness:
            self.later(since, lambda now, name=name, factor=factor: self._slow(name, factor))  # type: ignore[misc]
        if world.frozen:
            self.replicas[world.frozen[0]].frozen = world.frozen[1]
        if world.shrunken:
            since, name, tokens = world.shrunken
            self.later(since, lambda now: self._shrink(name, tokens))
        if world.job:
            self.later(world.job.begins, self._round)
        if world.newcomer:
            self.later(world.newcomer[0], self._come)
        for n in range(1, int(world.length_s / setting.SCRAPE_S) + 1):
            self.later(n * setting.SCRAPE_S, self._scrape)
        events, replicas = self._events, self.replicas
        ends = attrgetter("ends")
        while True:
            upto = events[0][0]
            replica = min(replicas.values(), key=ends)
            if min(upto, replica.ends) > world.length_s:
                return self.run
            if replica.ends <= upto:
                replica.finish_step()
            else:
                at, _, what = heapq.heappop(events)
                what(at)

    def _gap(self, now: float) -> float:
        since, factor = self.world.surge
        return now + self._arrivals.expovariate(self.world.rps * (factor if now >= since else 1.0))

    # --- Requests -----------------------------------------------------------------------------------------------

    def _arrive(self, now: float) -> None:
        self.later(self._gap(now), self._arrive)
        rng = self._arrivals
        found = bisect.bisect(self._weights, rng.random() * self._weights[-1])
        application = self._applications[min(found, len(self._applications) - 1)]
        prompt = prompt_tokens(rng, application.prefix)
        self._receive(now, application, prompt, output_tokens(rng), None)

    def _come(self, now: float) -> None:
        assert self.world.newcomer is not None
        _, organization, rps = self.world.newcomer
        self.later(now + self._job.expovariate(rps), self._come)
        application = Application(organization, 9, 0.0, 400)
        prompt = prompt_tokens(self._job, application.prefix)
        self._receive(now, application, prompt, output_tokens(self._job), None)

    def _round(self, now: float) -> None:
        job = self.world.job
        assert job is not None
        left = [job.together]
        application = Application(job.organization, 0, 0.0, 200)

        def answered(at: float) -> None:
            left[0] -= 1
            if not left[0]:
                self.later(at + job.pause_s * self._job.uniform(0.9, 1.1), self._round)

        for _ in range(job.together):
            prompt = self._job.randint(job.shortest, job.longest)
            output = output_tokens(self._job, job.output)
            self._receive(now, application, prompt, output, answered)

    def _receive(
        self,
        now: float,
        application: Application,
        prompt: int,
        output: int,
        answered: Callable[[float], None] | None,
    ) -> None:
        """The gateway: the quota check in the store, then moderation, then routing."""
        quota = setting.QUOTA_S * self._gateway.lognormvariate(0, 0.3)
        for since, length in self.world.stalls:
            if since <= now < since + length:
                quota += since + length - now
        moderation = self._moderate(now + quota)
        self.run.moderation.append((now + quota + moderation, moderation))
        ready = now + quota + moderation + setting.ROUTE_S

        def route(at: float) -> None:
            limit = self.limits.get(application.organization)
            if limit is not None and self.open.get(application.organization, 0) >= limit:
                self.held.setdefault(application.organization, []).append(route)
                return
            self._enter(now, at, quota, moderation, application, prompt, output, answered)

        self.later(ready, route)

    def _moderate(self, now: float) -> float:
        def call() -> float:
            took = setting.MODERATION_S * self._gateway.lognormvariate(0, 0.25)
            slow, chance, extra = self.world.moderation, self._gateway.random(), self._gateway.random()
            if slow and slow.since <= now < slow.until and chance < slow.share:
                took += slow.low + extra * (slow.high - slow.low)
            return took

        first = call()
        return min(first, 0.3 + call()) if self.hedged and first > 0.3 else first

    # --8<-- [start:route]
    def _home(self, application: Application, pending: dict[str, int]) -> Replica:
        """The home by its prefix, or the next in its order when that has too much in flight or `pending`."""
        if application.organization in self.lanes:
            return self.replicas[self.lanes[application.organization]]
        taking = [name for name in self.taking if name not in self.lanes.values()]
        order = self._ranks.get(application.key)
        if order is None:
            order = self._ranks[application.key] = rank(application.key, taking)
        most = setting.SPILL * max(1.0, sum(self.flight[name] for name in taking) / len(taking))
        bound = self.world.token_bound
        for name in order:
            if self.flight[name] + 1 > most:
                continue
            if bound is not None and pending[name] > bound:
                continue
            return self.replicas[name]
        return self.replicas[order[0]]

    # --8<-- [end:route]

    def _enter(
        self,
        received: float,
        now: float,
        quota: float,
        moderation: float,
        application: Application,
        prompt: int,
        output: int,
        answered: Callable[[float], None] | None,
    ) -> None:
        pending = self._hosts.choice(self.pending)
        replica = self._home(application, pending)
        seen = self._seen[replica.name]
        cached = application.prefix if self.world.cached and application.key in seen else 0
        seen.add(application.key)
        organization = application.organization
        self.open[organization] = self.open.get(organization, 0) + 1
        self.flight[replica.name] += 1
        pending[replica.name] += prompt - cached

        def first(sequence: Sequence) -> None:
            pending[replica.name] -= prompt - cached

        def ended(sequence: Sequence) -> None:
            self.open[organization] -= 1
            self.flight[replica.name] -= 1
            self.run.rows.append(
                Row(
                    received,
                    organization,
                    replica.name,
                    prompt,
                    cached,
                    output,
                    quota,
                    moderation,
                    sequence.started - sequence.arrived,
                    sequence.first_token - sequence.started,
                    sequence.first_token + setting.FLUSH_S - received,
                    (sequence.finished - sequence.first_token) / (output - 1),
                )
            )
            if self.held.get(organization):
                self.later(sequence.finished, self.held[organization].pop(0))
            if answered:
                answered(sequence.finished)

        replica.submit(Sequence(prompt, cached, output, now, on_first=first, on_end=ended), now)

    # --- What happens to the fleet ------------------------------------------------------------------------------

    def _add(self, name: str) -> None:
        self.replicas[name] = Replica(name, self.world.policy)
        self.taking.append(name)
        self.flight[name] = 0
        for pending in self.pending:
            pending[name] = 0
        self._seen[name] = set()
        self._last[name] = Counters()
        self._ranks.clear()

    def _act(self, action: Action) -> None:
        self._ranks.clear()
        if action.kind == "add":
            self._add(action.replica)
        elif action.kind == "drain":
            self.taking.remove(action.replica)
        elif action.kind == "lane":
            self.lanes[action.organization] = action.replica
        elif action.kind == "limit":
            self.limits[action.organization] = action.most
        elif action.kind == "hedge":
            self.hedged = True
        else:
            raise ValueError(f"no such action: {action.kind}")

    def _slow(self, name: str, factor: float) -> None:
        self.replicas[name].slowness = factor

    def _shrink(self, name: str, tokens: int) -> None:
        self.replicas[name].kv_tokens = tokens

    def _scrape(self, now: float) -> None:
        for name, replica in self.replicas.items():
            if name not in self.taking and not replica.busy:
                continue
            count = replica.count
            before, self._last[name] = self._last[name], replace(count)
            self.run.scrapes.append(
                Scrape(
                    now,
                    name,
                    replica.running,
                    len(replica.waiting),
                    replica.usage,
                    count.decoded - before.decoded,
                    count.decode_s - before.decode_s,
                    count.prompt_tokens - before.prompt_tokens,
                    count.prefill_s - before.prefill_s,
                    count.busy_s - before.busy_s,
                    count.preemptions - before.preemptions,
                )
            )
