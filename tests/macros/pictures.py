"""Reads the pictures that macros/raster.py draws."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple


class Picture(NamedTuple):
    """A decoded PNG: each row is a list of (red, green, blue)."""

    width: int
    height: int
    rows: list[list[tuple[int, int, int]]]


def decoded(png: bytes) -> Picture:
    """Reads what a palette PNG without filters and interlacing holds, and checks each part's sum."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    parts, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + data),)
        parts[kind] = data
        at += 12 + length
    across, down, *form = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    assert form == [8, 3, 0, 0, 0]
    assert b"tRNS" not in parts, "a color of it lets something through"
    palette = [(*parts[b"PLTE"][at : at + 3],) for at in range(0, len(parts[b"PLTE"]), 3)]
    pixels = zlib.decompress(parts[b"IDAT"])
    assert len(pixels) == down * (across + 1)
    lines = [pixels[at : at + across + 1] for at in range(0, len(pixels), across + 1)]
    assert {line[0] for line in lines} == {0}
    return Picture(across, down, [[palette[index] for index in line[1:]] for line in lines])
