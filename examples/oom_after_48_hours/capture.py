"""Writes the evidence: `python -m examples.oom_after_48_hours.capture`, about six minutes on two cores, 4 GB of memory.

Runs real replicas on this machine, so a second capture differs from the first in its last digits. Needs Linux with
glibc 2.33 or later, `gdb` with `gcore`, and in this interpreter's environment `memray` and `py-spy`
(`pip install memray py-spy`), with the right to trace a process (root, or `kernel.yama.ptrace_scope` 0). Says what is
missing, and then writes the simulated files alone, as it does with `fleet` for its only argument; these come out the
same again.
"""

from __future__ import annotations

import asyncio
import csv
import importlib.util
import linecache
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from examples.oom_after_48_hours import fleet, load, memory, setting
from examples.oom_after_48_hours.load import Apps
from examples.oom_after_48_hours.replica import Replica, running

EVIDENCE = Path(__file__).parent / "evidence"
SEED = 17
BATCH = 900
BATCHES = 20
MENDED_BATCHES = 8
MENDED_BUDGET = 64 << 20
ROUNDS = 5
REPLAYED = 120

PAGES = [
    "replica", "requests", "process", "rss", "pss", "anon", "shmem", "file", "log_cached", "malloc_in_use",
    "malloc_free",
]  # fmt: skip
PYTHON = ["requests", "line", "bytes", "blocks", "code"]
TOOLS = ["tool", "round", "cpu_ms", "took_s", "silence_s", "anon_gained", "written"]
REPLAY = ["arm", "round", "requests", "malloc_in_use_gained", "anon_gained"]


def missing() -> list[str]:
    """What the capture needs and this machine lacks."""
    wanted: dict[str, object] = {f"the program {name}": shutil.which(name) for name in ("gdb", "gcore")}
    wanted["the package memray"] = importlib.util.find_spec("memray")
    wanted["the package py-spy"] = Path(sys.executable).with_name("py-spy").exists()
    return [name for name, found in wanted.items() if not found]


def write(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with (EVIDENCE / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


async def page_rows(name: str, replica: Replica, sent: int) -> list[list[object]]:
    rows: list[list[object]] = []
    heap = await replica.debug("heap")
    for process, pid in (("frontend", replica.frontend), ("engine", replica.engine)):
        found = memory.pages(pid)
        own = process == "engine"
        rows.append(
            [name, sent, process, *(found[key] for key in ("Rss", "Pss", *memory.KINDS))]
            + (
                [memory.cached(replica.folder / "engine.log"), heap["in_use"], heap["free"]]
                if own
                else ["", "", ""]
            )
        )
    return rows


async def grow(name: str, replica: Replica, apps: Apps, batches: int) -> list[list[object]]:
    """The pages after each batch of a day's mix."""
    rows = await page_rows(name, replica, 0)
    for batch in range(1, batches + 1):
        await load.run(replica.port, apps.mix(BATCH))
        rows += await page_rows(name, replica, batch * BATCH)
        print(name, batch * BATCH, rows[-1], file=sys.stderr)
    return rows


async def python_rows(replica: Replica, apps: Apps) -> Iterator[list[object]]:
    """What `tracemalloc` says at two times of a process that was started with nothing traced."""
    await replica.debug("tracemalloc start")
    rows: list[list[object]] = []
    sent = 0
    for count in (BATCH, 2 * BATCH):
        await load.run(replica.port, apps.mix(count))
        sent += count
        heap = await replica.debug("heap")
        found = await replica.debug("tracemalloc")
        rows.append([sent, "malloc_in_use", heap["in_use"], "", ""])
        rows.append([sent, "total", found["total"], "", ""])
        rows.append([sent, "tracemalloc itself", found["own"], "", ""])
        rows.append([sent, "seconds to take", f"{found['seconds']:.3f}", "", ""])
        rows += [
            [sent, f"{Path(file).name}:{line}", size, blocks, linecache.getline(file, line).strip()]
            for file, line, size, blocks in found["lines"][:14]
        ]
    await replica.debug("tracemalloc stop")
    return iter(rows)


def _command(*words: str) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def observed(replica: Replica, tool: str, look: Callable[[], Awaitable[int]]) -> list[object]:
    """Take one look while a stream runs with a piece every 10 ms: how long it took, and the stream's longest silence."""
    probe = asyncio.create_task(load.silence(replica.port, 2.0 if tool == "nothing" else 6.0, 0.01))
    await asyncio.sleep(0.5)
    before = memory.pages(replica.engine)["Pss_Anon"]
    start = time.perf_counter()
    written = await look()
    took = time.perf_counter() - start
    gap = await probe
    gained = memory.pages(replica.engine)["Pss_Anon"] - before
    return [tool, "", "", f"{took:.3f}", f"{gap:.3f}", gained, written]


async def looks(replica: Replica, folder: Path) -> list[list[object]]:
    async def nothing() -> int:
        await asyncio.sleep(0.2)
        return 0

    async def smaps() -> int:
        await asyncio.to_thread(memory.pages, replica.engine)
        return 0

    async def spy() -> int:
        program = str(Path(sys.executable).with_name("py-spy"))
        await asyncio.to_thread(_command, program, "dump", "--pid", str(replica.engine))
        return 0

    async def objects() -> int:
        await replica.debug("objects")
        return 0

    async def core() -> int:
        await asyncio.to_thread(_command, "gcore", "-o", str(folder / "core"), str(replica.engine))
        (file,) = folder.glob("core.*")
        size = file.stat().st_size
        file.unlink()
        return size

    todo = {
        "nothing": nothing,
        "smaps_rollup": smaps,
        "py-spy dump": spy,
        "gc.get_objects": objects,
        "gcore": core,
    }
    return [await observed(replica, tool, look) for tool, look in todo.items()]


async def overheads(replica: Replica, apps: Apps, folder: Path) -> list[list[object]]:
    """The engine's CPU time a request of a day's mix while each tracer runs, against nothing, in rounds of random order."""
    memray = [sys.executable, "-m", "memray"]

    async def attach(*options: str) -> None:
        for file in folder.glob("*.bin"):
            file.unlink()
        await asyncio.to_thread(
            _command, *memray, "attach", *options, "-o", str(folder / "trace.bin"), str(replica.engine)
        )

    async def detach() -> None:
        await asyncio.to_thread(_command, *memray, "detach", str(replica.engine))

    async def idle() -> None:
        pass

    tracers: dict[str, tuple[Callable[[], Awaitable[Any]], Callable[[], Awaitable[Any]]]] = {
        "nothing running": (idle, idle),
        "tracemalloc": (
            lambda: replica.debug("tracemalloc start"),
            lambda: replica.debug("tracemalloc stop"),
        ),
        "memray attach": (attach, detach),
        "memray attach --native": (lambda: attach("--native"), detach),
    }
    rows: list[list[object]] = []
    rng = random.Random(SEED)
    for number in range(ROUNDS):
        for tool in rng.sample(list(tracers), len(tracers)):
            start_, stop = tracers[tool]
            before = memory.pages(replica.engine)["Pss_Anon"]
            begun = time.perf_counter()
            await start_()
            attached = time.perf_counter() - begun
            requests = [
                apps.draw(app) for app, share in load.SHARES.items() for _ in range(round(BATCH * share))
            ]
            rng.shuffle(requests)
            cpu = cpu_seconds(replica.engine)
            await load.run(replica.port, iter(requests))
            used = (cpu_seconds(replica.engine) - cpu) / len(requests)
            gained = memory.pages(replica.engine)["Pss_Anon"] - before
            await stop()
            size = sum(file.stat().st_size for file in folder.glob("*.bin"))
            rows.append([tool, number, f"{1000 * used:.3f}", f"{attached:.3f}", "", gained, size])
            print(rows[-1], file=sys.stderr)
    return rows


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def replays(replica: Replica, apps: Apps) -> list[list[object]]:
    """Each arm in rounds of random order, on one process."""
    rows: list[list[object]] = []
    rng = random.Random(SEED)
    await load.run(replica.port, iter([load.ARMS["C, one schema for all"](apps.draw) for _ in range(40)]))
    await load.run(replica.port, iter([apps.draw("C") for _ in range(40)]))
    for number in range(ROUNDS):
        for arm in rng.sample(list(load.ARMS), len(load.ARMS)):
            requests = [load.ARMS[arm](apps.draw) for _ in range(REPLAYED)]
            heap, anon = await replica.debug("heap"), memory.pages(replica.engine)["Pss_Anon"]
            await load.run(replica.port, iter(requests))
            after = await replica.debug("heap")
            gained = memory.pages(replica.engine)["Pss_Anon"] - anon
            rows.append([arm, number, REPLAYED, after["in_use"] - heap["in_use"], gained])
            print(rows[-1], file=sys.stderr)
    return rows


async def native_text(replica: Replica, apps: Apps, folder: Path) -> str:
    """What is left of 200 requests of C when the tracer leaves, by native stack, largest first."""
    from memray import FileReader  # type: ignore[import-not-found, unused-ignore]

    trace = folder / "native.bin"
    memray = [sys.executable, "-m", "memray"]
    await asyncio.to_thread(
        _command,
        *memray,
        "attach",
        "--native",
        "--trace-python-allocators",
        "-o",
        str(trace),
        str(replica.engine),
    )
    await load.run(replica.port, iter([apps.draw("C") for _ in range(200)]))
    await asyncio.to_thread(_command, *memray, "detach", str(replica.engine))
    sizes: dict[tuple[str, ...], list[int]] = {}
    with FileReader(trace) as reader:
        for record in reader.get_leaked_allocation_records(merge_threads=True):
            entry = sizes.setdefault(_short(record.hybrid_stack_trace() or []), [0, 0])
            entry[0] += record.size
            entry[1] += record.n_allocations
    total = sum(size for size, _ in sizes.values())
    lines = [
        f"memray attach --native, 200 requests of C: {total:,} bytes allocated and not freed",
        "Stacks without the interpreter's own frames, the five largest sums",
        "",
    ]
    for stack, (size, count) in sorted(sizes.items(), key=lambda item: -item[1][0])[:5]:
        lines += [f"{size:,} bytes in {count:,} allocations", *(f"    {name}" for name in stack), ""]
    return "\n".join(lines)


def _short(stack: Sequence[tuple[str, str, int]]) -> tuple[str, ...]:
    """The outermost function of the native library that allocated, and the example's own frames above it."""
    names = [function for function, _, _ in stack]
    outer = names.index("ffi_call") if "ffi_call" in names else 1
    native = [
        f"{function} ({Path(file).name})"
        for function, file, _ in stack[:outer]
        if file and "unknown" not in file
    ]
    own = [f"{function} ({Path(file).name}:{line})" for function, file, line in stack if "oom_after" in file]
    return (*native[-1:], *own)


async def live() -> None:
    with tempfile.TemporaryDirectory(prefix="capture-") as name:
        folder = Path(name)
        rows: list[list[object]] = []
        with running(setting.BUFFER_MIB) as replica:
            rows += await grow("old", replica, Apps(SEED), BATCHES)
            tools = await looks(replica, folder)
        with running(setting.BUFFER_MIB) as replica:
            rows += await grow("young", replica, Apps(SEED + 1), 2)
            write("python_heap.csv", PYTHON, await python_rows(replica, Apps(SEED + 2)))
        write("pages.csv", PAGES, rows)
        with running(setting.BUFFER_MIB) as replica:
            await load.run(replica.port, Apps(SEED + 3).mix(BATCH))
            tools += await overheads(replica, Apps(SEED + 4), folder)
        write("tools.csv", TOOLS, tools)
        with running(setting.BUFFER_MIB) as replica:
            write("replays.csv", REPLAY, await replays(replica, Apps(SEED + 5)))
            text = await native_text(replica, Apps(SEED + 6), folder)
            (EVIDENCE / "native.txt").write_text(text, encoding="utf-8")
        with running(setting.BUFFER_MIB, MENDED_BUDGET) as replica:
            write("after.csv", PAGES, await grow("canary", replica, Apps(SEED), MENDED_BATCHES))


def main(arguments: Sequence[str] = ()) -> None:
    EVIDENCE.mkdir(exist_ok=True)
    write("fleet.csv", fleet.HEADER, fleet.rows(fleet.SEED))
    write("traffic.csv", fleet.TRAFFIC, fleet.traffic_rows())
    write("history.csv", fleet.HISTORY, fleet.deployment_rows(fleet.SEED))
    if list(arguments) == ["fleet"]:
        return
    if absent := missing():
        wanted = ", ".join(absent)
        print(
            f"The simulated files are written, the others left as they are: {wanted} missing.",
            file=sys.stderr,
        )
        return
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    asyncio.run(live())


if __name__ == "__main__":
    main(sys.argv[1:])
