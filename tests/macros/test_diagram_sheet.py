"""The sheet that themes every diagram: complete, and in colors that contrast."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from macros.diagrams import svg

SHEET = Path(__file__).parents[2] / "docs/assets/stylesheets/diagrams.css"


def palettes() -> dict[str, dict[str, str]]:
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


@pytest.mark.parametrize("name", ["default", "slate", "print"])
def test_colors_contrast_in_every_palette(name: str) -> None:
    colors = palettes()[name]
    for ground in ("surface", "node", "cluster", "note"):
        assert contrast(colors["text"], colors[ground]) >= 4.5
    for ground in ("surface", "cluster"):
        assert contrast(colors["line"], colors[ground]) >= 3
        assert contrast(colors["node-line"], colors[ground]) >= 3
        assert contrast(colors["note-line"], colors[ground]) >= 3
        assert contrast(colors["cluster-line"], colors[ground]) >= 3
    assert contrast(colors["line"], colors["surface"]) >= 4.5  # the numbers of a sequence
    for number in range(1, svg.SERIES + 1):
        assert contrast(colors["surface"], colors[f"series-{number}"]) >= 4.5  # the labels of a pie


def test_the_sheet_is_complete_and_asks_no_host() -> None:
    sheet = SHEET.read_text(encoding="utf-8")
    names = {frozenset(colors) for colors in palettes().values()}
    assert len(names) == 1, "the palettes do not define the same properties"
    used = set(re.findall(r"var\(--diagram-([\w-]+)", sheet))
    assert used - {"series"} <= next(iter(names))
    floors = {int(n) for n in re.findall(r"--min-(\d+) \{\s*min-width: \1px;\s*\}", sheet)}
    steps = range(svg.FLOOR_FREE + svg.FLOOR_STEP, svg.FLOOR_MAX + 1, svg.FLOOR_STEP)
    assert floors == set(steps)
    assert not re.search(r"url\(|@import|http", sheet)
