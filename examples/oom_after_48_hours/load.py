"""Requests of three applications, drawn from a seed, and the client that sends them over HTTP and reads the streams."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

CELLS = 255
"""Choices in a schema that lists the cells of a page: with it one page keeps what production's do."""
SHARES = {"A": 0.84, "B": 0.08, "C": 0.08}
"""Of a day's requests."""
WORDS = 24
"""Pieces in which an answer is streamed; a piece stands for about 15 tokens."""


@dataclass(frozen=True)
class Request:
    app: str
    user: str
    prompt_tokens: int
    image_bytes: int
    """Of the decoded picture, 0 without one."""
    schema: dict[str, Any] | None
    close_after: int | None
    """The piece after which the client closes, None to read to the end."""
    seen: str = ""
    """What names the picture; equal pictures are decoded once."""

    @property
    def body(self) -> dict[str, Any]:
        return {
            "app": self.app,
            "user": self.user,
            "prompt_tokens": self.prompt_tokens,
            "image_bytes": self.image_bytes,
            "image": self.seen,
            "schema": self.schema,
            "pieces": WORDS,
        }


def schema_of(choices: Sequence[str]) -> dict[str, Any]:
    """An object with a name, an amount, and one of the choices."""
    return {
        "properties": {
            "name": {"type": "string"},
            "amount": {"type": "number"},
            "cell": {"enum": list(choices)},
        }
    }


@dataclass
class Apps:
    """Draws requests.

    A is a chat: now and then a picture, 5% closed early. B calls tools: one of 30 schemas. C reads scanned pages: a
    picture, a schema that lists the cells found on that page, a long prompt, 30% closed early.
    """

    seed: int
    _rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    def draw(self, app: str) -> Request:
        rng = self._rng
        user = f"u{rng.randrange(200_000)}"
        identity = f"{rng.randrange(16**8):08x}"
        close = rng.randrange(2, WORDS)
        if app == "A":
            picture = 3_000_000 if rng.random() < 0.05 else 0
            return Request(app, user, 1_600, picture, None, close if rng.random() < 0.05 else None, identity)
        if app == "B":
            tool = rng.randrange(30)
            return Request(
                app, user, 2_200, 0, schema_of([f"tool-{tool}-{n}" for n in range(12)]), None, identity
            )
        cells = schema_of([f"c-{rng.randrange(16**8):08x}" for _ in range(CELLS)])
        early = close if rng.random() < 0.3 else None
        return Request(
            app,
            f"scan{rng.randrange(40)}",
            3_500,
            rng.randrange(2_000_000, 6_000_000),
            cells,
            early,
            identity,
        )

    def mix(self, count: int) -> Iterator[Request]:
        """Of a day's shares, in random order."""
        for _ in range(count):
            (app,) = self._rng.choices(list(SHARES), weights=list(SHARES.values()))
            yield self.draw(app)


# --8<-- [start:arms]
SAME = schema_of([f"c-{number:08x}" for number in range(CELLS)])
ARMS = {
    "C as recorded": lambda draw: draw("C"),
    "C without the picture": lambda draw: replace(draw("C"), image_bytes=0),
    "C, nobody closes early": lambda draw: replace(draw("C"), close_after=None),
    "C, everybody closes early": lambda draw: replace(draw("C"), close_after=3),
    "C with a short prompt": lambda draw: replace(draw("C"), prompt_tokens=1_600),
    "C, one schema for all": lambda draw: replace(draw("C"), schema=SAME),
    "A as recorded": lambda draw: draw("A"),
    "A with C's pictures": lambda draw: replace(draw("A"), image_bytes=draw("C").image_bytes),
    "A with C's schemas": lambda draw: replace(draw("A"), schema=draw("C").schema),
}
"""What is replayed; each arm differs from `C as recorded` or `A as recorded` in one thing."""
# --8<-- [end:arms]


async def send(port: int, request: Request) -> int:
    """Post it and read its stream, closing early if the client does. The pieces that were read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps(request.body).encode()
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
        + body
    )
    pieces = 0
    try:
        while line := await reader.readline():
            if line.startswith(b"data: {"):
                pieces += 1
                if pieces == request.close_after:
                    break
            elif line.startswith(b"data: [DONE]"):
                break
    finally:
        writer.close()
    return pieces


async def run(port: int, requests: Iterator[Request], at_once: int = 16) -> int:
    """Send all of them, so many at a time; the number sent. Raises what a connection raises."""
    sent = 0

    async def worker() -> None:
        nonlocal sent
        for request in requests:
            await send(port, request)
            sent += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())
    return sent


async def silence(port: int, seconds: float, every: float) -> float:
    """Hold one stream open for so long, with a piece every few milliseconds: the longest gap between two, in seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"app": "probe", "pieces": int(seconds / every), "every": every}).encode()
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
        + body
    )
    clock = asyncio.get_running_loop().time
    longest, last = 0.0, None
    while line := await reader.readline():
        if line.startswith(b"data: {"):
            now = clock()
            longest = max(longest, now - last) if last is not None else longest
            last = now
        elif line.startswith(b"data: [DONE]"):
            break
    writer.close()
    return longest
