"""Figures are computed once, and again when an example has changed, and not before."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from macros import figures
from macros.figures import Figures, figures_of

MODULE = """\
made = []

def share(of=1, part=1):
    made.append((of, part))
    return {what} * part / of
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The figures module of a package that nobody else imports."""
    module = tmp_path / "made_for_figures" / "one" / "figures.py"
    module.parent.mkdir(parents=True)
    module.write_text(MODULE.format(what=1))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(figures, "PACKAGE", "made_for_figures")
    return module


def test_figures_are_kept_as_long_as_no_example_changes() -> None:
    first = figures_of(1)
    assert figures_of(1) is first
    assert figures_of(2) is not first


def test_each_call_is_made_once_and_each_other_one_by_itself(package: Path) -> None:
    kept = Figures()
    for _ in range(2):
        assert kept.call("one", "share", {}) == 1
        assert kept.call("one", "share", {"of": 2, "part": 1}) == 0.5
        assert kept.call("one", "share", {"part": 1, "of": 2}) == 0.5, "in whatever order a page gives them"
        assert kept.call("one", "share", {"of": 4}) == 0.25
    assert sys.modules["made_for_figures.one.figures"].made == [(1, 1), (2, 1), (4, 1)]


def test_an_edited_example_shows_in_the_next_build(package: Path) -> None:
    assert Figures().call("one", "share", {}) == 1
    package.write_text(MODULE.format(what=3))
    assert Figures().call("one", "share", {}) == 3


def test_a_function_that_is_not_there_is_told_with_the_module(package: Path) -> None:
    with pytest.raises(LookupError, match=r"one/figures\.py has no such function"):
        Figures().call("one", "nothing", {})
