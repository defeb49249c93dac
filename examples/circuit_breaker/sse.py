"""A provider over HTTP/1.1 and server-sent events, with asyncio alone: enough for tests against a real server.

In production this is your HTTP client and the provider's event names; what counts is which error becomes which.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

from examples.circuit_breaker.stream import Event, Request
from examples.circuit_breaker.verdict import Fault, ProviderFault, codes_of, of_event, of_status

LONGEST_ERROR = 65_536
"""Bytes of an error's body that are read."""


class HttpProvider:
    """One endpoint. Each call opens its own connection and closes it, however the stream ends."""

    def __init__(self, host: str, port: int, path: str = "/v1/chat") -> None:
        self._host, self._port, self._path = host, port, path

    async def __call__(self, request: Request) -> AsyncGenerator[Event, None]:
        try:
            reader, writer = await asyncio.open_connection(self._host, self._port)
        except OSError as error:
            raise ProviderFault(Fault.CONNECT, type(error).__name__) from error
        try:
            head = (
                f"POST {self._path} HTTP/1.1\r\nHost: {self._host}\r\nAccept: text/event-stream\r\n"
                f"Content-Length: {len(request.body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + request.body)
            await writer.drain()
            await _status(reader)
            async for line in reader:
                if (event := _event(line)) is not None:
                    yield event
        except (OSError, ValueError) as error:
            # OSError: also a TCP timeout, which is no ConnectionError. ValueError: a line past the reader's limit.
            raise ProviderFault(Fault.BROKEN, type(error).__name__) from error
        finally:
            writer.transport.abort()  # a silent peer must not hold us while we say goodbye


async def _status(reader: asyncio.StreamReader) -> None:
    """Read the head; raise what its status means."""
    words = (await reader.readline()).split()
    if len(words) < 2 or not words[1].isdigit():
        raise ProviderFault(Fault.BROKEN, "no HTTP")
    retry_after, length = None, 0
    while (line := await reader.readline()) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        if name.strip().lower() == "retry-after":
            retry_after = value.strip()
        elif name.strip().lower() == "content-length":
            length = int(value)
    try:
        body = await reader.readexactly(min(length, LONGEST_ERROR)) if words[1] in (b"400", b"429") else b""
        codes = codes_of(json.loads(body or b"{}"))
    except (asyncio.IncompleteReadError, ValueError, RecursionError):
        codes = frozenset()
    if error := of_status(int(words[1]), retry_after, codes=codes):
        raise error


def _event(line: bytes) -> Event | None:
    """An event, a ping, or None for a line that ends one. Raises what an error event means."""
    text = line.decode("utf-8", "replace").strip()
    if not text:
        return None
    if not text.startswith("data:"):
        return Event()  # a comment, `: ping`: the connection lives, and that is all it says
    try:
        data = json.loads(text.removeprefix("data:"))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ProviderFault(Fault.BROKEN, "no JSON") from error
    if not isinstance(data, dict):
        raise ProviderFault(Fault.BROKEN, "no object")
    if data.get("error"):
        raise of_event(codes_of(data))
    return Event(str(data.get("token") or ""), str(data.get("finish_reason") or ""))
