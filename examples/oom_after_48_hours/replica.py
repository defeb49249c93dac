"""Start a replica, the two processes of it, and ask it questions; used by the capture and by the tests."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.oom_after_48_hours import memory

SERVER = "examples.oom_after_48_hours.server"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Replica:
    folder: Path
    port: int
    frontend: int
    engine: int

    def memory(self) -> dict[str, int]:
        """As `memory.container`, with the pages of the log file."""
        return memory.container([self.frontend, self.engine]) | {
            "log": memory.cached(self.folder / "engine.log")
        }

    async def debug(self, command: str) -> Any:
        reader, writer = await asyncio.open_unix_connection(str(self.folder / "engine.sock"), limit=1 << 22)
        writer.write(json.dumps({"debug": command}).encode() + b"\n")
        answer = json.loads(await reader.readline())
        writer.close()
        return answer


@contextmanager
def running(buffer_mib: int = 256, budget: int = 0) -> Iterator[Replica]:
    """A replica in two processes of this interpreter, ended on leaving. Raises RuntimeError if it does not start."""
    with tempfile.TemporaryDirectory(prefix="replica-") as name:
        process = subprocess.Popen(
            [sys.executable, "-m", SERVER, name, f"--buffer-mib={buffer_mib}", f"--budget={budget}"],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        try:
            line = process.stdout.readline().split()
            if len(line) != 2:
                raise RuntimeError("the replica did not start; its own output says why")
            yield Replica(Path(name), int(line[0]), process.pid, int(line[1]))
        finally:
            process.terminate()
            process.wait(30)
            process.stdout.close()
