"""A stand-in for an engine: it streams made-up tokens over TCP, one JSON object a line in place of HTTP and SSE."""

from __future__ import annotations

import asyncio
import json
from typing import Any


def token_at(prompt: str, position: int) -> str:
    return f"{prompt}:{position}"


def known_answer(prompt: str, max_tokens: int) -> list[str]:
    """What a healthy replica says: known beforehand, as with a probe."""
    return [token_at(prompt, position) for position in range(max_tokens)]


class Replica:
    """Serves `{"prompt", "max_tokens", "start"}` by one line a token; also plays the provider."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = 0
        self.calls = 0
        self.tokens = 0
        """Tokens sent so far."""
        self.after_token: asyncio.Event | None = None
        """When set to an event, each answer pauses after its first token until the event is set."""
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def kill(self) -> None:
        """Cut every stream and stop listening, as a lost node does."""
        if self._server:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            request: dict[str, Any] = json.loads(await reader.readline())
            self.calls += 1
            for position in range(request["start"], request["max_tokens"]):
                writer.write(json.dumps({"token": token_at(request["prompt"], position)}).encode() + b"\n")
                await writer.drain()
                self.tokens += 1
                if self.after_token:
                    await self.after_token.wait()
            writer.write(b'{"finish": "stop"}\n')
            await writer.drain()
        except (ConnectionError, json.JSONDecodeError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()
