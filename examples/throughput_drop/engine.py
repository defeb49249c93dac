"""One serving replica, step by step: continuous batching, chunked prefill, a prefix cache, a bounded queue.

A step runs one token for each sequence that decodes, then fills what is left of the token budget with pieces of
prompts, oldest first (the order of vLLM's scheduler: decodes before prefills, prompts cut to fit). Its duration is
affine in its work, `fixed + per_token x tokens + per_context x context`.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import inf, log
from typing import NamedTuple

BLOCK = 16
"""Tokens in a block of the KV cache; only full blocks are found again."""


@dataclass(frozen=True)
class Template:
    """How a chat template lays out a prompt."""

    added_tokens: int
    shared: bool
    """Whether the prompt begins with what all requests of an application have in common."""


@dataclass(frozen=True)
class Build:
    """What a replica runs: the seconds of a step's parts, its limits in tokens and sequences, its template."""

    fixed_s: float
    """A step without work: weights read, launches, collectives, scheduling."""
    per_token_s: float
    """Each token that a step computes, prompt or output."""
    per_context_s: float
    """Each token of context that a step attends to."""
    budget: int
    """`max_num_batched_tokens`."""
    slots: int
    """`max_num_seqs`."""
    kv_tokens: int
    template: Template

    def slower(self, factor: float) -> Build:
        """The same build on a host where each token takes `factor` times as long."""
        return replace(self, per_token_s=self.per_token_s * factor)


class Request(NamedTuple):
    arrival_s: float
    app: int
    prefix: int
    """Tokens of the application's own instructions and tools, the same in each of its requests."""
    prompt: int
    output: int


@dataclass
class Mix:
    """The recorded mix: which application, how long the prompt, how long the answer. Lengths are log-normal."""

    apps: int = 40
    prefix_mean: float = 700
    user_mean: float = 700
    output_mean: float = 320
    sigma: float = 0.5
    prefixes: dict[int, int] = field(init=False)
    """Tokens by application: from half the mean to one and a half, in full blocks."""

    def __post_init__(self) -> None:
        self.prefixes = {
            app: round(self.prefix_mean * (0.5 + app / (self.apps - 1)) / BLOCK) * BLOCK
            for app in range(self.apps)
        }

    def arrivals(
        self, rng: random.Random, rate: Callable[[float], float], start_s: float
    ) -> Iterator[Request]:
        """An endless Poisson stream whose rate, in requests/s, may change with time."""
        now = start_s
        while True:
            now += rng.expovariate(1.0) / rate(now)
            app = rng.randrange(self.apps)
            user, output = (
                max(1, round(rng.lognormvariate(log(mean) - self.sigma**2 / 2, self.sigma)))
                for mean in (self.user_mean, self.output_mean)
            )
            yield Request(now, app, self.prefixes[app], self.prefixes[app] + user, output)


@dataclass
class Bucket:
    """What one replica did between two readings of its counters."""

    requests: int = 0
    refused: int = 0
    finished: int = 0
    finished_tokens: int = 0
    output_tokens: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    steps: int = 0
    ttft_s: list[float] = field(default_factory=list)
    tpot_s: list[float] = field(default_factory=list)
    waiting: int = 0
    running: int = 0
    kv_share: float = 0.0


class _Running:
    """An admitted request: prompt tokens still to compute, and KV tokens that are its own."""

    __slots__ = ("cached", "first_s", "left", "own", "request")

    def __init__(self, request: Request, prompt: int, cached: int) -> None:
        self.request = request
        self.cached = cached
        self.left = prompt - cached
        self.own = self.left + request.output
        self.first_s = 0.0


class Replica:
    """One replica's scheduler and its cache; `step` advances its clock by one pass of the model."""

    def __init__(self, build: Build, start_s: float, warm: Mapping[int, int]) -> None:
        self.build = build
        self.now = start_s
        self.waiting: deque[Request] = deque()
        self.prefilling: deque[_Running] = deque()
        self.decoding: list[tuple[int, int, _Running]] = []
        self.cached = dict(warm) if build.template.shared else {}
        self.kv_used = sum(self.cached.values())
        self.context = 0
        self._steps = 0
        self._serial = 0

    @property
    def idle(self) -> bool:
        return not (self.waiting or self.prefilling or self.decoding)

    # --8<-- [start:admit]
    def _admit(self) -> bool:
        """Take the oldest request if a slot is free, and KV tokens for its whole answer (vLLM grows and preempts)."""
        if not self.waiting or len(self.prefilling) + len(self.decoding) >= self.build.slots:
            return False
        request = self.waiting[0]
        shares = self.build.template.shared
        found = self.cached.get(request.app, 0) if shares else 0
        running = _Running(request, request.prompt + self.build.template.added_tokens, found)
        if self.kv_used + running.own > self.build.kv_tokens:
            return False
        if shares and not found:
            self.cached[request.app] = request.prefix
            running.own -= request.prefix
            self.kv_used += request.prefix
        self.waiting.popleft()
        self.prefilling.append(running)
        self.kv_used += running.own
        self.context += found
        return True

    def _fill(self) -> int:
        """A token for each decode, then pieces of prompts: returns the tokens computed."""
        left = self.build.budget - len(self.decoding)
        while left > 0 and ((self.prefilling and self.prefilling[-1].left) or self._admit()):
            piece = min(left, self.prefilling[-1].left)
            self.prefilling[-1].left -= piece
            self.context += piece
            left -= piece
        return self.build.budget - left

    def step(self, bucket_at: Callable[[float], Bucket]) -> None:
        build = self.build
        computed = self._fill()
        took = build.fixed_s + build.per_token_s * computed + build.per_context_s * self.context
        # --8<-- [end:admit]
        self.now += took
        self._steps += 1
        self.context += len(self.decoding)
        bucket = bucket_at(self.now)
        bucket.steps += 1
        bucket.output_tokens += len(self.decoding)
        while self.decoding and self.decoding[0][0] <= self._steps:
            self._finish(heapq.heappop(self.decoding)[2], bucket)
        while self.prefilling and self.prefilling[0].left == 0:
            self._answer(self.prefilling.popleft(), bucket)
        bucket.waiting, bucket.running = len(self.waiting), len(self.decoding) + len(self.prefilling)
        bucket.kv_share = self.kv_used / build.kv_tokens

    def _answer(self, running: _Running, bucket: Bucket) -> None:
        """A prompt is computed: its first token leaves, and the rest follow, one a step."""
        request = running.request
        running.first_s = self.now
        bucket.output_tokens += 1
        bucket.prompt_tokens += request.prompt + self.build.template.added_tokens
        bucket.cached_tokens += running.cached
        bucket.ttft_s.append(self.now - request.arrival_s)
        self.context += 1
        if request.output == 1:
            self._finish(running, bucket)
            return
        self._serial += 1
        heapq.heappush(self.decoding, (self._steps + request.output - 1, self._serial, running))

    def _finish(self, running: _Running, bucket: Bucket) -> None:
        request = running.request
        self.kv_used -= running.own
        self.context -= request.prompt + self.build.template.added_tokens + request.output
        bucket.finished += 1
        bucket.finished_tokens += request.output
        if request.output > 1:
            bucket.tpot_s.append((self.now - running.first_s) / (request.output - 1))


def serve(
    build: Build,
    arrivals: Iterator[Request],
    start_s: float,
    end_s: float,
    bucket_s: float,
    queue: int,
    stop_s: float = inf,
    warm: Mapping[int, int] | None = None,
) -> list[Bucket]:
    """What one replica does from `start_s` to `end_s`, a bucket for each `bucket_s`.

    No request comes after `stop_s`; those that are there are finished. A request that finds `queue` others waiting
    is refused. `warm` is what the prefix cache holds at the start: tokens by application.
    """
    buckets = [Bucket() for _ in range(round((end_s - start_s) / bucket_s))]

    def bucket_at(now: float) -> Bucket:
        return buckets[min(len(buckets) - 1, int((now - start_s) / bucket_s))]

    replica = Replica(build, start_s, warm or {})
    upcoming = next(arrivals)
    while replica.now < end_s:
        while upcoming.arrival_s <= replica.now and upcoming.arrival_s < stop_s:
            bucket = bucket_at(upcoming.arrival_s)
            bucket.requests += 1
            if len(replica.waiting) < queue:
                replica.waiting.append(upcoming)
            else:
                bucket.refused += 1
            upcoming = next(arrivals)
        if not replica.idle:
            replica.step(bucket_at)
        elif upcoming.arrival_s < min(end_s, stop_s):
            replica.now = upcoming.arrival_s
        else:
            break
    return buckets
