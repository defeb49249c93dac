"""The colors of drawings, as their sheet defines them, and how they stand out from one another."""

from __future__ import annotations

import re
from pathlib import Path

SHEET = Path(__file__).parents[2] / "docs/assets/stylesheets/diagrams.css"


def palettes() -> dict[str, dict[str, str]]:
    """Name of a palette -> property of the sheet -> its color as #rrggbb."""
    sheet = SHEET.read_text(encoding="utf-8")
    blocks = re.findall(r"\[data-md-color-scheme(?:=\"(\w+)\")?\] \{([^}]*)\}", sheet)
    return {
        name or "print": dict(re.findall(r"--diagram-([\w-]+): (#\w{6});", body)) for name, body in blocks
    }


def contrast(one: str, other: str) -> float:
    """Ratio by WCAG 2.2, 1 to 21, of two colors given as #rrggbb."""

    def luminance(color: str) -> float:
        channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
