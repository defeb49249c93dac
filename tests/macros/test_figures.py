"""Figures are computed again when an example has changed, and not before."""

from __future__ import annotations

from macros.figures import figures_of


def test_figures_are_kept_as_long_as_no_example_changes() -> None:
    first = figures_of(1)
    assert figures_of(1) is first
    assert figures_of(2) is not first
