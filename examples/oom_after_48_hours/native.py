"""Native memory without a Python object behind it: the C library's regular expressions and its allocator's own count.

`regcomp` turns a pattern into an automaton of megabytes that only `regfree` gives back. It stands in for the compilers
of grammars that inference engines call: those, too, are C++ or Rust behind a small Python handle.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from typing import NamedTuple

_LIBC = ctypes.CDLL(ctypes.util.find_library("c"))
_LIBC.regcomp.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
_LIBC.regexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_int]
_LIBC.regfree.argtypes = [ctypes.c_void_p]
_LIBC.regfree.restype = None
_LIBC.malloc.argtypes, _LIBC.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
_LIBC.free.argtypes, _LIBC.free.restype = [ctypes.c_void_p], None

_EXTENDED = 1
_REGEX_T = 256
"""Bytes reserved for a `regex_t`, which has 32 to 64 in the C libraries in use."""


class _Mallinfo2(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks",
            "keepcost",
        )
    ]  # fmt: skip


class Heap(NamedTuple):
    """What the C library's allocator says of itself, in bytes: handed out and not freed, and kept for the next call."""

    in_use: int
    free: int


def heap() -> Heap:
    """Of all arenas, and of blocks that have a mapping of their own. Needs glibc 2.33; raises AttributeError without."""
    function = _LIBC.mallinfo2
    function.restype = _Mallinfo2
    info = function()
    return Heap(info.uordblks + info.hblkhd, info.fordblks)


class Automaton:
    """A compiled pattern; freed with the last reference.

    `size` is what the allocator handed out for it so far, in bytes: use adds states to it.
    """

    def __init__(self, pattern: str, measure: Callable[[], Heap] = heap) -> None:
        """Raises ValueError for a pattern that the C library refuses."""
        self._compiled: ctypes.Array[ctypes.c_char] | None = None
        compiled = ctypes.create_string_buffer(_REGEX_T)
        self._measure, before = measure, measure().in_use
        if _LIBC.regcomp(compiled, pattern.encode(), _EXTENDED) != 0:
            raise ValueError("not a pattern")
        self._compiled = compiled
        self.size = measure().in_use - before

    def accepts(self, text: str) -> bool:
        before = self._measure().in_use
        matched = _LIBC.regexec(self._compiled, text.encode(), 0, None, 0) == 0
        self.size += self._measure().in_use - before
        return bool(matched)

    def __del__(self) -> None:
        if self._compiled is not None:
            _LIBC.regfree(self._compiled)


class Buffer:
    """Bytes from `malloc`, written once so that they are resident; freed with the last reference."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._address = _LIBC.malloc(size)
        ctypes.memset(self._address, 1, size)

    def __del__(self) -> None:
        _LIBC.free(self._address)
