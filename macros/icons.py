"""Our drawing -> the PNG icons for where no SVG is taken: iOS's home screen, and the tabs of older browsers."""

from __future__ import annotations

from macros import raster

SOURCE = "assets/images/icon.svg"

# By their paths below docs/, in pixels. The favicon takes the place of the theme's own, for browsers that take no mark.svg.
SIZES = {
    "assets/images/favicon.png": 48,
    "assets/images/icon-180.png": 180,
    "assets/images/icon-192.png": 192,
    "assets/images/icon-512.png": 512,
}


def pngs(svg: str) -> dict[str, bytes]:
    """The icons of SIZES."""
    return {name: raster.png(svg, size, size) for name, size in SIZES.items()}
