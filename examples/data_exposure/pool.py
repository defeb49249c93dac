"""A client for a Redis server and two pools of its connections: as it ran, and as it should."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol


class BadReply(Exception):
    """A reply of another kind than the command's."""


class Connection:
    """One connection. Replies carry no name: the server answers in the order of the commands, and that is all."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = int(writer.get_extra_info("sockname")[1])
        """Its local port, which is also the server's name for it."""
        self.closed = False
        self.owed = 0
        """Replies that the server still has to send, or that nobody has read."""
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, host: str, port: int) -> Connection:
        return cls(*await asyncio.open_connection(host, port))

    # --8<-- [start:call]
    async def call(self, *words: str | bytes) -> bytes | None:
        """Send one command and read one reply. Raises BadReply on an error reply."""
        raw = [word.encode() if isinstance(word, str) else word for word in words]
        self.owed += 1
        self._writer.write(b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in raw))
        await self._writer.drain()
        reply = await self._reply()
        self.owed -= 1
        return reply

    # --8<-- [end:call]

    async def _reply(self) -> bytes | None:
        line = await self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise BadReply(rest.decode())
        if kind != b"$":
            return rest
        size = int(rest)
        return None if size < 0 else (await self._reader.readexactly(size + 2))[:-2]

    def close(self) -> None:
        self.closed = True
        self._writer.close()


class Pool:
    """At most `size` connections, handed out in turn."""

    def __init__(self, host: str, port: int, size: int) -> None:
        self._address = (host, port)
        self._idle: asyncio.Queue[Connection | None] = asyncio.Queue()
        for _ in range(size):
            self._idle.put_nowait(None)

    # --8<-- [start:lend]
    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Connection]:
        """Lend a connection; after an error its state is unknown, so it is closed."""
        connection = await self._take()
        try:
            yield connection
        except Exception:
            connection.close()
            raise
        finally:
            self._idle.put_nowait(None if connection.closed else connection)

    # --8<-- [end:lend]

    async def _take(self) -> Connection:
        idle = await self._idle.get()
        if idle is not None:
            return idle
        try:
            return await Connection.open(*self._address)
        except BaseException:
            self._idle.put_nowait(None)
            raise

    async def close(self) -> None:
        while not self._idle.empty():
            if connection := self._idle.get_nowait():
                connection.close()


class StrictPool(Pool):
    """The pool as it should be."""

    # --8<-- [start:strict]
    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Connection]:
        """Lend a connection; it comes back only if no reply is owed on it, whatever ended its use."""
        connection = await self._take()
        try:
            yield connection
        except Exception:
            connection.close()
            raise
        finally:
            if connection.owed:
                connection.close()
            self._idle.put_nowait(None if connection.closed else connection)

    # --8<-- [end:strict]


@dataclass(frozen=True)
class Owner:
    """Whose a value is: from the verified token, never from the request's body."""

    organization: str
    user: str


class Envelope(Protocol):
    """What a value is stored in."""

    def seal(self, owner: Owner, key: str, value: bytes) -> bytes: ...

    def open(self, owner: Owner, key: str, sealed: bytes) -> bytes: ...


class Bare:
    """As it ran: a value says neither whose it is nor where it belongs."""

    def seal(self, owner: Owner, key: str, value: bytes) -> bytes:
        return value

    def open(self, owner: Owner, key: str, sealed: bytes) -> bytes:
        return sealed


Note = Callable[[str, int, float], None]
"""Told of a command: "sent" or "read", the connection's number, seconds waited."""


class State:
    """Sessions and conversations as JSON, each read or written on whichever connection is next."""

    def __init__(
        self, pool: Pool, envelope: Envelope | None = None, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self.pool, self._envelope, self._now = pool, envelope or Bare(), now

    # --8<-- [start:read]
    async def read(self, owner: Owner, key: str, kind: str, note: Note) -> dict[str, Any] | None:
        """Return a key's value, None if there is none. Raises BadReply on a value of another kind."""
        async with self.pool.lend() as connection:
            began = self._now()
            note("sent", connection.number, 0.0)
            raw = await connection.call("GET", key)
            note("read", connection.number, self._now() - began)
            return None if raw is None else parsed(self._envelope.open(owner, key, raw), kind)

    # --8<-- [end:read]

    async def write(
        self, owner: Owner, key: str, value: dict[str, Any], note: Note, seconds: int = 3600
    ) -> None:
        """Store a value for an hour. Raises BadReply if the server's answer is not a confirmation."""
        async with self.pool.lend() as connection:
            began = self._now()
            note("sent", connection.number, 0.0)
            sealed = self._envelope.seal(owner, key, json.dumps(value).encode())
            reply = await connection.call("SET", key, sealed, "EX", str(seconds))
            note("read", connection.number, self._now() - began)
            if reply != b"OK":
                raise BadReply(f"SET {key} was not confirmed")


def parsed(raw: bytes, kind: str) -> dict[str, Any]:
    """Return a stored value of this kind. Raises BadReply."""
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise BadReply(f"no {kind}") from error
    if not isinstance(value, dict) or value.get("kind") != kind:
        raise BadReply(f"no {kind}")
    return value
