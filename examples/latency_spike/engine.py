"""One replica: continuous batching, prompts in chunks, and a key-value cache that can run out.

The order of a step is that of common engines: each running sequence decodes one token, prompts in progress go on in
the order of arrival, and what is left of the step's token budget admits from the queue, first come first served.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from examples.latency_spike import setting

_MOST_STEPS = 40
"""Steps computed at once when all sequences decode; bounds the error of reading the cache at its size before them."""


@dataclass(slots=True, eq=False)
class Sequence:
    """A request inside the engine. Times in seconds, lengths in tokens."""

    prompt: int
    cached: int
    output: int
    arrived: float
    computed: int = 0
    """Prompt tokens in the cache, those found there included."""
    made: int = 0
    """Output tokens that a preemption has turned into prompt."""
    started: float = -1.0
    first_token: float = -1.0
    finished: float = -1.0
    on_first: Callable[[Sequence], None] | None = None
    on_end: Callable[[Sequence], None] | None = None
    _born: int = 0
    _turn: int = -1


@dataclass(slots=True)
class Policy:
    """How a step's budget is shared. The defaults are the service's tonight."""

    budget: int = setting.TOKEN_BUDGET
    long_chunk: int | None = None
    """Most tokens of one prompt in one step; None for no limit."""


@dataclass(slots=True)
class Counters:
    """What a scrape reads; all of them only grow."""

    prompt_tokens: int = 0
    decoded: int = 0
    decode_s: float = 0.0
    prefill_s: float = 0.0
    busy_s: float = 0.0
    preemptions: int = 0


@dataclass(slots=True)
class Replica:
    """A GPU and its scheduler. `run_until` is called with increasing times; `submit` queues a sequence at that time."""

    name: str
    policy: Policy = field(default_factory=Policy)
    slowness: float = 1.0
    """1 for a healthy GPU, 2 for one at half its clock."""
    frozen: tuple[float, float, float] | None = None
    """A GPU that hangs in a kernel: from when, how long, and every how many seconds."""
    kv_tokens: int = setting.KV_TOKENS
    """What the key-value cache holds, in tokens."""
    waiting: deque[Sequence] = field(default_factory=deque)
    prefilling: list[Sequence] = field(default_factory=list)
    decoding: int = 0
    kv: int = 0
    count: Counters = field(default_factory=Counters)
    ends: float = math.inf
    """When the present step, or the present run of equal steps, ends; infinity while idle."""
    _steps: int = 0
    _due: list[tuple[int, int, Sequence]] = field(default_factory=list)
    _order: int = 0
    _admitted: list[Sequence] = field(default_factory=list)
    _from: float = 0.0
    _each: float = 0.0
    _planned: int = 0
    _completing: list[Sequence] = field(default_factory=list)
    _chunks: int = 0

    @property
    def running(self) -> int:
        return self.decoding + len(self.prefilling)

    @property
    def usage(self) -> float:
        """Share of the key-value cache in use."""
        return self.kv / self.kv_tokens

    def submit(self, sequence: Sequence, now: float) -> None:
        self.waiting.append(sequence)
        if not self.busy:
            self._begin(now)
        elif self._planned > 1:
            # A run of decode steps gives way after the step at hand.
            done = max(1, min(self._planned, int((now - self._from) / self._each) + 1))
            self._planned = done
            self.ends = self._from + done * self._each

    def finish_step(self) -> None:
        """Account for the step that ends at `ends`, and begin the next. Only while busy."""
        now, steps = self.ends, self._planned
        self.count.decoded += self.decoding * steps
        self.count.decode_s += self.decoding * (now - self._from)
        self.count.busy_s += now - self._from
        self.count.prompt_tokens += self._chunks
        self.count.prefill_s += now - self._from if self._chunks else 0.0
        self.kv += self.decoding * steps
        self._steps += steps
        for sequence in self._completing:
            self.prefilling.remove(sequence)
            if sequence.first_token < 0:
                sequence.first_token = now
                if sequence.on_first:
                    sequence.on_first(sequence)
            sequence._born = self._steps
            self.decoding += 1
            self._order += 1
            sequence._turn = self._order
            left = max(1, sequence.output - sequence.made - 1)
            heapq.heappush(self._due, (self._steps + left, self._order, sequence))
        self._completing = []
        while self._due and (self._due[0][0] <= self._steps or self._due[0][2]._turn != self._due[0][1]):
            _, turn, sequence = heapq.heappop(self._due)
            if sequence._turn == turn:
                self._end(sequence, now)
        self._begin(now)

    @property
    def busy(self) -> bool:
        return self.ends < math.inf

    def _end(self, sequence: Sequence, now: float) -> None:
        self.decoding -= 1
        self.kv -= sequence.prompt + sequence.made + self._steps - sequence._born
        self._admitted.remove(sequence)
        sequence.finished = now
        if sequence.on_end:
            sequence.on_end(sequence)

    def _begin(self, now: float) -> None:
        while self.kv + self.decoding > self.kv_tokens:
            self._preempt()
        chunks = self._share(now)
        if not chunks and not self.decoding:
            self.ends = math.inf
            return
        self._chunks = sum(length for _, length in chunks)
        work = setting.STEP_S + setting.READ_S * self.kv
        for sequence, length in chunks:
            before = sequence.computed
            work += setting.PREFILL_S * length + setting.ATTENTION_S * length * (before + length / 2)
            sequence.computed += length
            if sequence.computed >= sequence.prompt + sequence.made:
                self._completing.append(sequence)
        self._from, self._each = now, work * self.slowness + self._thaw(now)
        self._planned = 1 if chunks or self.waiting or self.frozen else self._free_run()
        self.ends = now + self._planned * self._each

    def _thaw(self, now: float) -> float:
        """Seconds until the host moves again."""
        if self.frozen is None or now < self.frozen[0]:
            return 0.0
        since, length, every = self.frozen
        return max(0.0, length - (now - since) % every)

    def _free_run(self) -> int:
        """Steps until a sequence ends or the cache is full, when nothing else is to do."""
        room = (self.kv_tokens - self.kv) // self.decoding
        return max(1, min(_MOST_STEPS, self._due[0][0] - self._steps, room))

    # --8<-- [start:share]
    def _share(self, now: float) -> list[tuple[Sequence, int]]:
        """Which prompts the next step computes, and how many tokens of each."""
        chunks: list[tuple[Sequence, int]] = []
        left = self.policy.budget - self.decoding
        most = self.policy.long_chunk or self.policy.budget
        for sequence in self.prefilling:
            length = min(sequence.prompt + sequence.made - sequence.computed, left, most)
            if length > 0:
                chunks.append((sequence, length))
                left -= length
        while self.waiting and left > 0 and self.running < setting.MOST_SEQUENCES:
            sequence = self.waiting[0]
            tokens = sequence.prompt + sequence.made
            if self.kv + self.decoding + tokens > self.kv_tokens:
                break  # what does not fit holds all behind it
            self.waiting.popleft()
            self.kv += tokens
            sequence.computed = min(sequence.cached, tokens - 1)
            if sequence.started < 0:
                sequence.started = now
            self.prefilling.append(sequence)
            self._admitted.append(sequence)
            length = min(tokens - sequence.computed, left, most)
            chunks.append((sequence, length))
            left -= length
        return chunks

    # --8<-- [end:share]

    def _preempt(self) -> None:
        """Give up the sequence admitted last; it computes its prompt and its output so far again."""
        sequence = self._admitted.pop()
        self.count.preemptions += 1
        if sequence in self.prefilling:
            self.prefilling.remove(sequence)
            self.kv -= sequence.prompt + sequence.made
            self.waiting.appendleft(sequence)
            return
        self.decoding -= 1
        grown = self._steps - sequence._born
        self.kv -= sequence.prompt + sequence.made + grown
        sequence.made += grown + 1
        sequence._turn = -1
        self.waiting.appendleft(sequence)
