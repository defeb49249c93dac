"""One writer's chain of records, and their frames on disk.

A record's link covers its bytes as they are stored. Each input to a hash begins with its own domain, and each part of
variable length with its length: no two different records have the same bytes to hash.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MAX_FRAME = 1 << 20
"""Bytes of a frame's content, and so of what a crash can leave unfinished."""

_HEAD = struct.Struct(">BHQ32sI")
_FRAME = struct.Struct(">II")
FRAME_HEAD = _FRAME.size
_LENGTH = struct.Struct(">I")


class BadRecord(ValueError):
    """Bytes that are no record, or a record out of its place."""


class Torn(Exception):
    """No whole frame begins at ``offset``. ``followed``: by its own length it ends before the data does.

    A crash leaves a frame that is short, empty or scrambled at the end. It does not leave something behind it.
    """

    def __init__(self, offset: int, followed: bool) -> None:
        super().__init__(f"no whole frame at byte {offset}")
        self.offset, self.followed = offset, followed


def framed(*parts: bytes) -> bytes:
    """Join parts so that no other parts give the same bytes."""
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


class Head(NamedTuple):
    """Where a chain stands: the number and the link of its last record."""

    seq: int
    link: bytes


# --8<-- [start:chain]
def genesis(origin: str, stream: str) -> Head:
    """Return the head of an empty chain: another log's or another writer's records cannot be its continuation."""
    return Head(
        0, hashlib.sha256(b"llm-audit/genesis/1\n" + framed(origin.encode(), stream.encode())).digest()
    )


@dataclass(frozen=True, slots=True)
class Record:
    """Record ``seq`` of ``stream`` (1, 2, 3, ... without a gap); ``prev`` is the link of the one before."""

    stream: str
    seq: int
    prev: bytes
    payload: bytes

    @property
    def body(self) -> bytes:
        """The bytes that are stored: lengths first, so that they can be cut in one way only."""
        name = self.stream.encode()
        return _HEAD.pack(1, len(name), self.seq, self.prev, len(self.payload)) + name + self.payload

    @property
    def head(self) -> Head:
        return Head(self.seq, hashlib.sha256(b"llm-audit/record/1\n" + self.body).digest())


def extend(head: Head, stream: str, payload: bytes) -> Record:
    """Return the next record."""
    return Record(stream, head.seq + 1, head.link, payload)


def follow(head: Head, record: Record) -> Head:
    """Return the new head. Raises BadRecord for a gap, a repetition, or another past."""
    if record.seq != head.seq + 1 or record.prev != head.link:
        raise BadRecord(f"{record.stream}: record {record.seq} does not follow {head.seq}")
    return record.head


# --8<-- [end:chain]
def parse(body: bytes) -> Record:
    """Read a record's bytes. Raises BadRecord unless every byte is accounted for."""
    if len(body) < _HEAD.size:
        raise BadRecord("too short for a record")
    version, name, seq, prev, size = _HEAD.unpack_from(body)
    if version != 1 or len(body) != _HEAD.size + name + size or not seq:
        raise BadRecord("not a record of version 1")
    try:
        stream = body[_HEAD.size : _HEAD.size + name].decode("ascii")
    except UnicodeDecodeError:
        raise BadRecord("a stream's name is ASCII") from None
    return Record(stream, seq, prev, body[_HEAD.size + name :])


def frame(bodies: Sequence[bytes]) -> bytes:
    """Return what is written at once: length, checksum, bodies. The checksum finds accidents, the links find people."""
    content = framed(*bodies)
    if not bodies or len(content) > MAX_FRAME:
        raise BadRecord(f"a frame holds 1 to {MAX_FRAME} bytes, not {len(content)}")
    return _FRAME.pack(len(content), zlib.crc32(content)) + content


def frames(data: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Yield (end offset, bodies) of each whole frame. Raises Torn where they stop before the data does."""
    at = 0
    while at < len(data):
        if len(data) < at + FRAME_HEAD:
            raise Torn(at, followed=False)
        size, checksum = _FRAME.unpack_from(data, at)
        end = at + FRAME_HEAD + size
        content = data[at + FRAME_HEAD : end]
        if not 0 < size <= MAX_FRAME or end > len(data) or zlib.crc32(content) != checksum:
            raise Torn(at, followed=size > 0 and end < len(data))
        bodies = list(_unframed(content))
        at = end
        yield at, bodies


def _unframed(content: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        if at + _LENGTH.size > len(content):
            raise BadRecord("a frame's parts do not fill it")
        (size,) = _LENGTH.unpack_from(content, at)
        at += _LENGTH.size + size
        if at > len(content):
            raise BadRecord("a frame's parts do not fill it")
        yield content[at - size : at]
