"""The path of a request: scan what is new, send stand-ins, give the user back what is the user's. Fails closed."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from examples.pii_redaction.boundary import Answer, label, redact
from examples.pii_redaction.patterns import Recognizer
from examples.pii_redaction.pseudonyms import Entry, StandIns, mac, tenant_key
from examples.pii_redaction.spans import Kind, Piece, Span, pieces
from examples.pii_redaction.stream import Stream
from examples.pii_redaction.vault import TTL_S, Vault

log = logging.getLogger(__name__)

T = TypeVar("T")

Scan = Callable[[str, str], Awaitable[Sequence[Span]]]
"""From a tenant, whose orders it may look up, and a text."""
Model = Callable[[Sequence[str]], AsyncIterator[str]]
Trace = Callable[[dict[str, object]], Awaitable[None]]


class Unavailable(Exception):
    """503: the text could not be scanned in time, and the own model has no room for it."""


@dataclass(frozen=True)
class Message:
    """One message of the prompt; ``own`` is True for what this user wrote, False for tickets and the system's text."""

    text: str
    own: bool = False


@dataclass(frozen=True)
class Turn:
    tenant: str
    conversation: str
    messages: Sequence[Message]


@dataclass(frozen=True)
class Prepared:
    """What may leave: redacted messages, the same for traces, and the values behind the stand-ins."""

    messages: list[str]
    labeled: list[str]
    entries: dict[str, Entry] = field(repr=False)


class ScanCache:
    """Findings of messages that were scanned before: offsets and kinds, never text.

    The key is a MAC under the tenant's key, as the plain hash of a short message is as easy to guess as the number in
    it, and holds the detectors' version, so that a better detector reads everything again.
    """

    def __init__(self, store: Redis, master: bytes, version: str) -> None:
        self._store, self._master, self._version = store, master, version

    async def get(self, tenant: str, text: str) -> list[Span] | None:
        with suppress(RedisError):  # a cache that is away costs a scan, never a leak
            if (found := await self._store.get(self._key(tenant, text))) is not None:
                return [Span(start, end, Kind(kind)) for start, end, kind in json.loads(found)]
        return None

    async def put(self, tenant: str, text: str, spans: Sequence[Span]) -> None:
        with suppress(RedisError):
            found = json.dumps([(span.start, span.end, span.kind) for span in spans])
            await self._store.set(self._key(tenant, text), found, ex=TTL_S)

    def _key(self, tenant: str, text: str) -> str:
        key = tenant_key(self._master, tenant, "scan cache")
        return f"scan:{mac(key, self._version, text).hex()}"


class Room:
    """Places on the own model for requests that could not be scanned. No waiting: a full room refuses."""

    def __init__(self, places: int) -> None:
        self._free = places

    def take(self) -> bool:
        if self._free < 1:
            return False
        self._free -= 1
        return True

    def leave(self) -> None:
        self._free += 1


async def within(deadline_s: float, work: Sequence[Coroutine[Any, Any, T]]) -> list[T] | None:
    """Return all results, or None if one fails or is late.

    The deadline does not wait for what it cancels: a client library that swallows a cancellation would otherwise hold
    the request for as long as it likes. On Python 3.11 redis-py 8.1 does, at times: it sends with asyncio.wait_for, which
    returns its result if the cancellation comes as it ends.
    """
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        done, late = await asyncio.wait(tasks, timeout=deadline_s)
        failed = [task for task in done if task.cancelled() or task.exception()]
        return None if late or failed else [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.add_done_callback(_heard)
            task.cancel()


def _heard(task: asyncio.Task[Any]) -> None:
    """Take note of a task's exception, which asyncio would otherwise log, with the text that it may quote."""
    if not task.cancelled() and task.exception():
        log.warning("a background task failed: %s", type(task.exception()).__name__)


@dataclass
class Gateway:
    """``deadline_s`` bounds the scan of one prompt; a tenant's ``patterns`` and ``tagger`` read the answer as it streams.

    Those run between two chunks and again at the next, so what they look up is in memory.
    """

    scan: Scan
    cache: ScanCache
    vault: Vault
    provider: Model
    own_model: Model
    trace: Trace
    room: Room
    master: bytes = field(repr=False)
    patterns: Callable[[str], Sequence[Recognizer]]
    tagger: Recognizer
    deadline_s: float
    _tracing: set[asyncio.Task[None]] = field(default_factory=set, init=False, repr=False)

    # --8<-- [start:closed]
    async def ask(self, turn: Turn) -> AsyncIterator[str]:
        """Stream the answer to a turn. Raises Unavailable before the first chunk."""
        prepared = await self._prepare(turn)
        if prepared is None and not self.room.take():
            raise Unavailable
        answer: list[str] = []
        if prepared:
            prompt, model = prepared.messages, self.provider
        else:
            prompt, model = [message.text for message in turn.messages], self.own_model
        try:
            async for shown in self._shown(turn, prepared, model(prompt), answer):
                yield shown
        finally:
            if prepared is None:
                self.room.leave()
            self._later(self._record(turn, prepared, "".join(answer)))  # the user does not wait for a trace

    async def _prepare(self, turn: Turn) -> Prepared | None:
        """Return what may leave, or None if any message was not read to its end by every detector in time."""
        found = await within(self.deadline_s, [self._spans(turn.tenant, m.text) for m in turn.messages])
        if found is None:
            log.warning(
                "prompt not scanned: own model or refusal"
            )  # without the exception, which quotes the text
            return None
        names, entries = self._names(turn), dict[str, Entry]()
        read = list(zip(turn.messages, found, strict=True))
        redacted = [redact(m.text, spans, names, own=m.own, entries=entries) for m, spans in read]
        labeled = ["".join(map(label, pieces(m.text, spans))) for m, spans in read]
        if await within(self.deadline_s, [self.vault.save(turn.tenant, turn.conversation, entries)]) is None:
            log.warning("vault away: later tool calls of this turn will not resolve")
        return Prepared(redacted, labeled, entries)

    # --8<-- [end:closed]
    async def _spans(self, tenant: str, text: str) -> Sequence[Span]:
        known = await self.cache.get(tenant, text)
        if known is not None:
            return known
        spans = await self.scan(tenant, text)
        await self.cache.put(tenant, text, spans)
        return spans

    async def _shown(
        self, turn: Turn, prepared: Prepared | None, chunks: AsyncIterator[str], answer: list[str]
    ) -> AsyncIterator[str]:
        """Yield the user's text, and add to ``answer`` what it was made of: of a stream that breaks off, no half value."""
        stream = Stream(self.patterns(turn.tenant), self.tagger)
        boundary = Answer(prepared.entries if prepared else {}, self._names(turn))

        def show(released: Sequence[Piece]) -> str:
            answer.extend(piece.text for piece in released)
            return "".join(map(boundary.shown, released))

        async for chunk in chunks:
            if shown := show(stream.feed(chunk)):
                yield shown
        if shown := show(stream.close()) + boundary.close():
            yield shown

    async def _record(self, turn: Turn, prepared: Prepared | None, answer: str) -> None:
        """Write the trace: labels only, and no text at all of what was not scanned."""
        entry: dict[str, object] = {"tenant": turn.tenant, "scanned": prepared is not None}
        if prepared is not None:
            entry["messages"] = prepared.labeled
            with suppress(Exception):  # an answer that is not scanned is not traced
                spans = await self._spans(turn.tenant, answer)
                entry["answer"] = "".join(map(label, pieces(answer, spans)))
        await self.trace(entry)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tracing.add(task)
        task.add_done_callback(self._tracing.discard)
        task.add_done_callback(_heard)

    async def drain(self) -> None:
        """Wait for the traces of answers that have ended, before the process does."""
        while self._tracing:
            await asyncio.wait(self._tracing)

    def _names(self, turn: Turn) -> StandIns:
        return StandIns(tenant_key(self.master, turn.tenant, "stand-ins"), turn.conversation)
