"""SVG -> PNG, which looks the same on every machine, and how wide a line of type is in it.

All type is set in one face that comes with the dependencies. vl-convert, which draws the charts, will not do here: what it
has of its own is a sans serif alone, and it leaves out text in any other face that the machine lacks. novasvg draws the
face that it is handed, and measures with the outlines that it draws. Results are kept by content in `.cache/cards`.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from functools import lru_cache
from importlib import resources
from pathlib import Path

import novasvg  # type: ignore[import-untyped]
from novasvg import fonts

from macros import files, store
from macros.places import CACHE

CACHE_DIR = CACHE / "cards"

FACE = "Source Serif Pro"
"""The family that a drawing names. Its weights are 400 and, as bold, the semibold."""

COLORS = 64
"""Of a palette: enough for the edges of ten inks."""

_PACKAGE = "font_source_serif_pro"
_FILES = {False: "SourceSerifPro-Regular.ttf", True: "SourceSerifPro-Semibold.ttf"}
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def width(text: str, size: float, bold: bool = False) -> float:
    """How far a line of type in FACE reaches, in the unit of `size`."""
    _register_face()
    return float(fonts.Font(fonts.get_font_face(FACE, bold, False), size).measure_text(text))


def png(svg: str, across: int, down: int, cache: Path = CACHE_DIR) -> bytes:
    """The drawing on so many pixels, from the cache when it is there. Its ground has to be opaque."""
    file = cache / _key(svg, across, down)
    if (kept := files.kept(file)) is not None:
        return kept
    _register_face()
    bitmap = novasvg.Document.load_from_data(svg).render_to_bitmap(across, down)
    data = _encoded(bitmap.tobytes(), across, down)
    files.keep(file, data)
    return data


def is_kept(svg: str, across: int, down: int, cache: Path = CACHE_DIR) -> bool:
    """Whether it is in the cache, by its name alone: one that is damaged is told by `png`."""
    return (cache / _key(svg, across, down)).is_file()


@lru_cache(maxsize=1)
def _register_face() -> None:
    for bold, name in _FILES.items():
        with resources.as_file(resources.files(_PACKAGE) / "files" / name) as file:
            if not fonts.add_font_face_from_file(FACE, bold, False, str(file)):
                raise RuntimeError(f"{file} is no font that novasvg reads")


def _encoded(pixels: bytes, across: int, down: int) -> bytes:
    """Rows of red, green, blue and alpha as a PNG with a palette of its most frequent colors.

    A drawing of few colors has hundreds along its edges; those that are left out take the nearest. It is a third of the
    bytes of the library's own encoder.
    """
    found = memoryview(pixels).cast("I")
    counts = Counter(found)
    ranked = sorted(counts, key=lambda color: (-counts[color], color))
    palette = [struct.pack("=I", color)[:3] for color in ranked[:COLORS]]
    index = {color: at for at, color in enumerate(ranked[:COLORS])}
    for color in ranked[COLORS:]:
        red, green, blue, _ = struct.pack("=I", color)
        index[color] = min(
            range(COLORS),
            key=lambda at: (
                (palette[at][0] - red) ** 2 + (palette[at][1] - green) ** 2 + (palette[at][2] - blue) ** 2
            ),
        )
    indexed = bytes(map(index.__getitem__, found))
    # Each row says first how it is filtered: not at all, which suits a palette.
    rows = b"".join(b"\0" + indexed[at : at + across] for at in range(0, len(indexed), across))
    header = struct.pack(">IIBBBBB", across, down, 8, 3, 0, 0, 0)
    return _SIGNATURE + b"".join(
        _chunk(kind, data)
        for kind, data in (
            (b"IHDR", header),
            (b"PLTE", b"".join(palette)),
            (b"IDAT", zlib.compress(rows, 9)),
            (b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _key(svg: str, across: int, down: int) -> str:
    """Content hash of everything that a picture depends on: the drawing, the face, the library and this module."""
    return store.key_of(
        [svg, across, down, store.versions(_PACKAGE, "novasvg"), store.text_of(Path(__file__))]
    )
