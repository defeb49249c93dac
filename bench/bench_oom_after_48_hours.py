"""What keeping account costs: the allocator's own count, the kernel's count of a process, a cache bounded in bytes.

The baseline is a hit in the cache that is bounded by entries.
"""

from __future__ import annotations

import os
import tracemalloc
from typing import Any

import pytest

from examples.oom_after_48_hours import load, memory, native
from examples.oom_after_48_hours.grammars import ByBytes, ByEntries, Grammars, pattern_of

pytestmark = pytest.mark.benchmark(group="oom-after-48-hours")
SCHEMA = load.schema_of([f"tool-{number}" for number in range(12)])


def warm(cache: Grammars) -> Grammars:
    for _ in range(3):
        cache.get(SCHEMA)
    return cache


def bench_nothing(benchmark: Any) -> None:
    benchmark(warm(ByEntries()).get, SCHEMA)


def bench_bounded_by_bytes(benchmark: Any) -> None:
    benchmark(warm(ByBytes(1 << 26)).get, SCHEMA)


def bench_traced_by_tracemalloc(benchmark: Any) -> None:
    cache = warm(ByEntries())
    tracemalloc.start()
    try:
        benchmark(cache.get, SCHEMA)
    finally:
        tracemalloc.stop()


def bench_counted_by_mallinfo2(benchmark: Any) -> None:
    cache = warm(ByEntries())
    benchmark(lambda: (cache.get(SCHEMA), native.heap()))


def bench_smaps_rollup(benchmark: Any) -> None:
    benchmark(memory.pages, os.getpid())


def bench_compile_a_page(benchmark: Any) -> None:
    benchmark(native.Automaton, pattern_of(load.SAME))
