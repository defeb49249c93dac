"""The frontend's process: HTTP in, server-sent events out, and the engine as its child over a Unix socket."""

from __future__ import annotations

import argparse
import asyncio
import mmap
import os
import signal
import sys
from pathlib import Path

ENGINE = "examples.oom_after_48_hours.engine"


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, socket: str) -> None:
    """One request, one connection. When the client closes, the engine's stream is closed with it."""
    engine: asyncio.StreamWriter | None = None
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        )
        body = await reader.readexactly(length)
        pieces, engine = await asyncio.open_unix_connection(socket)
        engine.write(body.replace(b"\n", b" ") + b"\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        while piece := await pieces.readline():
            writer.write(b"data: " + piece + b"\n")
            await writer.drain()
        writer.write(b"data: [DONE]\n\n")
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError, StopIteration):
        pass
    finally:
        if engine:
            engine.close()
        writer.close()


async def main(folder: Path, buffer_mib: int, budget: int) -> None:
    """Prints the port and the engine's process id, then serves until it is terminated."""
    socket = str(folder / "engine.sock")
    buffer = os.memfd_create("blocks")
    os.ftruncate(buffer, buffer_mib << 20)
    # The frontend maps every page of it too, as a connector to other replicas would.
    mapped = mmap.mmap(buffer, buffer_mib << 20)
    sum(mapped[:: mmap.PAGESIZE])
    arguments = ["-m", ENGINE, socket, str(buffer), str(folder / "engine.log"), f"--budget={budget}"]
    engine = await asyncio.create_subprocess_exec(sys.executable, *arguments, pass_fds=[buffer])
    while not Path(socket).exists():
        await asyncio.sleep(0.01)
    running: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The loop itself holds a task only weakly, so one that waits could be collected.
        task = asyncio.ensure_future(handle(reader, writer, socket))
        running.add(task)
        task.add_done_callback(running.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=1 << 20)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    print(server.sockets[0].getsockname()[1], engine.pid, flush=True)
    await stopped.wait()
    server.close()
    engine.terminate()
    await engine.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--buffer-mib", type=int, default=256)
    parser.add_argument("--budget", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(main(given.folder, given.buffer_mib, given.budget))
