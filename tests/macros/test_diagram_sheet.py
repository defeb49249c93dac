"""The sheet that themes every diagram: complete, and in colors that contrast."""

from __future__ import annotations

import re

import pytest

from macros.diagrams import svg
from tests.macros.colors import SHEET, contrast, palettes


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
