"""The streaming gateway: a request's hops, the record of each, and a server that drops a request whose client is gone.

A request is a line of JSON on a connection of its own, and the answer is lines of text: what HTTP would add changes
nothing here. The model is a stand-in that names the documents of its prompt.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from examples.data_exposure.pool import BadReply, Note, Owner, State

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Ask:
    """One request. User and organization come from its verified token."""

    request: str
    user: str
    organization: str
    session: str
    conversation: str
    turn: int
    question: str


@dataclass(frozen=True)
class Switches:
    """What the incident's lead may turn off."""

    response_cache: bool = True
    retrieval: bool = True
    memory: bool = True


@dataclass
class Gateway:
    """Answers requests. `rows` is the record of hops that the process keeps in memory for an hour."""

    state: State
    retrieve: Callable[[str, str], list[str]]
    """Organization, question -> ids of its library's documents."""
    remember: Callable[[str], list[str]]
    """User -> ids of the documents its memory was written from."""
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], float] = lambda: 0.0
    switches: Switches = field(default_factory=Switches)
    tokens: int = 3
    rows: Rows = field(default_factory=list)
    cached: dict[tuple[str, str], tuple[str, list[str]]] = field(default_factory=dict)

    def _row(self, ask: Ask, hop: str, **fields: Any) -> None:
        self.rows.append({"at": self.now(), "request": ask.request, "hop": hop, **fields})

    def _noting(self, ask: Ask, hop: str, key: str) -> Note:
        return lambda step, connection, waited: self._row(
            ask, hop, step=step, key=key, connection=connection, wait_us=round(waited * 1e6)
        )

    async def answer(self, ask: Ask) -> AsyncIterator[str]:
        """Stream an answer. Raises BadReply on state of another kind, PermissionError on another user's session."""
        owner = Owner(ask.organization, ask.user)
        self._row(ask, "identity", key=f"{ask.organization}/{ask.user}")
        key = f"session:{ask.session}"
        session = await self.state.read(owner, key, "session", self._noting(ask, "session", key))
        if session is None or session["user"] != ask.user:
            raise PermissionError("sign in again")
        source = (ask.organization, ask.question)
        if self.switches.response_cache and ask.turn == 1 and (hit := self.cached.get(source)):
            self._row(ask, "cache", key="hit", docs=hit[1])
            yield hit[0]
            return
        key = f"conversation:{ask.conversation}"
        state = await self.state.read(owner, key, "conversation", self._noting(ask, "conversation", key))
        state = state or {"kind": "conversation", "turns": [], "docs": []}
        library = self.retrieve(ask.organization, ask.question) if self.switches.retrieval else []
        memory = self.remember(ask.user) if self.switches.memory else []
        docs = [*library, *memory, *state["docs"]]
        self._row(ask, "prompt", key="miss", docs=docs)
        text = f"from {' '.join(docs)}"
        for token in range(self.tokens):
            await self.pause(0.002)
            if token == 0:
                self._row(ask, "first_token")
            yield f"{text} {token}"
        if ask.turn == 1 and not memory:
            self.cached[source] = (text, docs)
        state = {**state, "turns": [*state["turns"], ask.question]}
        await self.state.write(owner, key, state, self._noting(ask, "write", key))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's request. A client that closes has its request dropped, wherever it stands."""
        with suppress(ConnectionError):
            ask = Ask(**json.loads(await reader.readline()))
            work = asyncio.ensure_future(self._send(ask, writer))
            gone = asyncio.ensure_future(reader.read())
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            for task in (work, gone):
                task.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)
            self._row(ask, "end", outcome=outcome_of(work))
        writer.close()

    async def _send(self, ask: Ask, writer: asyncio.StreamWriter) -> None:
        async for piece in self.answer(ask):
            writer.write(piece.encode() + b"\n")
            await writer.drain()


def outcome_of(work: asyncio.Future[None]) -> str:
    """What the access log says of a request."""
    if work.cancelled():
        return "closed by client"
    match work.exception():
        case None:
            return "complete"
        case PermissionError():
            return "401 session"
        case BadReply():
            return "500 state"
        case error:
            return f"500 {type(error).__name__}"
