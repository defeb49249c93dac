"""Who counts what: a process's pages by kind, their sum over a container's processes, and a file's pages in memory."""

from __future__ import annotations

import ctypes
import mmap
import re
from collections.abc import Iterable
from pathlib import Path

KINDS = ("Pss_Anon", "Pss_Shmem", "Pss_File")


# --8<-- [start:pages]
def pages(pid: int, proc: Path = Path("/proc")) -> dict[str, int]:
    """The fields of `smaps_rollup`, bytes. The kernel walks the page tables, and holds the map's lock while it does.

    `Rss` counts a shared page in every process that maps it; `Pss` divides it by their number, so that it can be
    added up.
    """
    text = (proc / str(pid) / "smaps_rollup").read_text(encoding="ascii")
    return {name: 1024 * int(kib) for name, kib in re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE)}


def container(pids: Iterable[int], proc: Path = Path("/proc")) -> dict[str, int]:
    """Of all processes together, bytes: the sum of `Rss`, and of `Pss` by kind."""
    each = [pages(pid, proc) for pid in pids]
    return {kind: sum(one[kind] for one in each) for kind in ("Rss", "Pss", *KINDS)}


# --8<-- [end:pages]


def cached(path: Path) -> int:
    """Bytes of a file that are in the page cache, as `mincore` tells; `fincore` prints the same."""
    size = path.stat().st_size
    if not size:
        return 0
    with path.open("r+b") as file, mmap.mmap(file.fileno(), size) as mapped:
        count = -(-size // mmap.PAGESIZE)
        resident = (ctypes.c_ubyte * count)()
        view = (ctypes.c_char * size).from_buffer(mapped)
        libc = ctypes.CDLL(None, use_errno=True)
        failed = libc.mincore(ctypes.c_void_p(ctypes.addressof(view)), ctypes.c_size_t(size), resident)
        del view
        if failed:
            raise OSError(ctypes.get_errno(), "mincore")
        return mmap.PAGESIZE * sum(page & 1 for page in resident)
