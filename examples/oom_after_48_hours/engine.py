"""The engine's process: it takes requests from a Unix socket, one a connection, and streams pieces back.

Beside the grammars it keeps what such processes keep: decoded pictures up to a budget, the last requests for the log,
a counter per label, a buffer of host memory that holds KV blocks evicted from the GPU, and a log file.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import mmap
import time
import tracemalloc
from collections import Counter, OrderedDict, deque
from pathlib import Path
from typing import Any

from examples.oom_after_48_hours.grammars import ByBytes, ByEntries, Grammars
from examples.oom_after_48_hours.native import Buffer, heap

BLOCK = 1 << 20
PICTURES = 64 << 20
"""Budget for decoded pictures, bytes."""


class Pictures:
    """Decoded pictures by what names them, least recently used out first; a name alone is kept longer."""

    def __init__(self, budget: int = PICTURES, names: int = 8192) -> None:
        self._kept: OrderedDict[str, Buffer] = OrderedDict()
        self._names: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._budget, self._most, self._bytes = budget, names, 0

    def get(self, name: str, size: int) -> Buffer:
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        decoded = self._kept[name] = Buffer(size)
        self._names[name] = {"bytes": size, "at": time.time(), "tiles": [size // 588 + n for n in range(24)]}
        self._bytes += size
        while self._bytes > self._budget:
            self._bytes -= self._kept.popitem(last=False)[1].size
        while len(self._names) > self._most:
            self._names.popitem(last=False)
        return decoded


class Engine:
    """Serves requests. `grammars` is the only part that differs before and after the mend."""

    def __init__(self, grammars: Grammars, buffer: mmap.mmap, log: Path) -> None:
        self.grammars = grammars
        self.pictures = Pictures()
        self.recent: deque[dict[str, Any]] = deque(maxlen=8192)
        self.requests: Counter[tuple[str, str, str]] = Counter()
        self._buffer, self._next = buffer, 0
        self._log = log.open("a", encoding="utf-8")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = json.loads(await reader.readline())
        try:
            if "debug" in request:
                writer.write(json.dumps(self.debug(request["debug"])).encode() + b"\n")
                await writer.drain()
            else:
                await self.stream(request, writer)
        except ConnectionError:
            pass  # The frontend went away, because its client did.
        finally:
            writer.close()

    async def stream(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        """Pieces of an answer, one a line; nothing may outlive the stream but what a budget holds."""
        grammar = self.grammars.get(request["schema"]) if request.get("schema") else None
        picture = (
            self.pictures.get(request["image"], request["image_bytes"])
            if request.get("image_bytes")
            else None
        )
        outcome, done = "closed", 0
        try:
            for done in range(request["pieces"]):
                writer.write(b'{"piece": %d}\n' % done)
                await writer.drain()
                await asyncio.sleep(request.get("every", 0))
            if grammar and request["schema"]:
                cell = request["schema"]["properties"]["cell"]["enum"][0]
                grammar.accepts(f'{{"name":"Acme 7","amount":12.50,"cell":"{cell}"}}')
            outcome = "done"
        finally:
            del picture, grammar
            self.offload()
            self.requests[request["app"], request.get("user", ""), outcome] += 1
            self.recent.append({"app": request["app"], "pieces": done, "outcome": outcome, "at": time.time()})
            self._log.write(
                f"{time.time():.3f} {request['app']} {request.get('user', '')} {outcome} {done}\n"
            )

    def offload(self) -> None:
        """Write a block's worth into the shared buffer, over the oldest when it is full."""
        start = self._next % len(self._buffer)
        self._buffer[start : start + BLOCK] = bytes(BLOCK)
        self._next += BLOCK

    def debug(self, command: str) -> object:
        """What an operator may ask over the socket. Raises ValueError for anything else."""
        if command == "heap":
            in_use, free = heap()
            return {
                "in_use": in_use,
                "free": free,
                "grammars": len(self.grammars),
                "hits": self.grammars.hits,
                "misses": self.grammars.misses,
                "labels": len(self.requests),
            }
        if command == "tracemalloc start":
            tracemalloc.start()
            return {}
        if command == "tracemalloc stop":
            tracemalloc.stop()
            return {}
        if command == "tracemalloc":
            start = time.perf_counter()
            snapshot = tracemalloc.take_snapshot()
            taken = time.perf_counter() - start
            lines = [
                [stat.traceback[0].filename, stat.traceback[0].lineno, stat.size, stat.count]
                for stat in snapshot.statistics("lineno")[:40]
            ]
            return {
                "seconds": taken,
                "total": tracemalloc.get_traced_memory()[0],
                "own": tracemalloc.get_tracemalloc_memory(),
                "lines": lines,
            }
        if command == "objects":
            start = time.perf_counter()
            count = len(gc.get_objects())
            return {"seconds": time.perf_counter() - start, "objects": count}
        raise ValueError(command)


async def main(socket: str, buffer: int, log: Path, budget: int) -> None:
    grammars: Grammars = ByBytes(budget) if budget else ByEntries()
    engine = Engine(grammars, mmap.mmap(buffer, 0), log)
    running: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(engine.serve(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    # A socket has its file before it listens; under its own name it is there once it does.
    server = await asyncio.start_unix_server(accept, f"{socket}.new", limit=1 << 20)
    Path(f"{socket}.new").rename(socket)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("socket")
    parser.add_argument("buffer", type=int, help="descriptor of the shared buffer")
    parser.add_argument("log", type=Path)
    parser.add_argument(
        "--budget", type=int, default=0, help="native bytes for grammars; 0 bounds by entries"
    )
    arguments = parser.parse_args()
    asyncio.run(main(arguments.socket, arguments.buffer, arguments.log, arguments.budget))
