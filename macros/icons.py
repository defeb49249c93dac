"""Our drawing -> the PNG icons for where no SVG is taken: iOS's home screen, and the tabs of older browsers."""

from __future__ import annotations

import vl_convert  # type: ignore[import-not-found, unused-ignore]

SOURCE = "assets/images/icon.svg"
_DRAWN = 512
"""Width and height of the drawing in its own units."""

# By their paths below docs/, in pixels. The favicon takes the place of the theme's own, for browsers that take no mark.svg.
SIZES = {
    "assets/images/favicon.png": 48,
    "assets/images/icon-180.png": 180,
    "assets/images/icon-192.png": 192,
    "assets/images/icon-512.png": 512,
}


def pngs(svg: str) -> dict[str, bytes]:
    """The icons of SIZES, of a drawing that is _DRAWN units wide and high."""
    return {name: bytes(vl_convert.svg_to_png(svg, scale=size / _DRAWN)) for name, size in SIZES.items()}
