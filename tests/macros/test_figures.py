"""Figures are computed once, and again when their example has changed, and not before."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from macros import figures
from macros.figures import Figures, figures_of
from tests.conftest import ROOT

MODULE = """\
import math

made = []

def odd():
    made.append("odd")
    return (1, 2)

def plain():
    made.append("plain")
    return {{"a": [1, 1.0, 0.1, True, None, "é"], "far": math.inf}}

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
    monkeypatch.setattr(figures, "ROOT", tmp_path)
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


def made(kept: Figures) -> list[Any]:
    """What of the package has been called since it was imported for these figures."""
    module = sys.modules.get("made_for_figures.one.figures")
    return list(module.made) if module else []


def test_the_next_build_computes_nothing_of_an_example_that_is_the_same(
    package: Path, tmp_path: Path
) -> None:
    def asked() -> tuple[list[Any], list[Any]]:
        some = Figures(tmp_path / "cache")
        results = [some.call("one", name, {}) for name in ("plain", "share", "odd")]
        some.keep()
        return results, made(some)

    first, calls = asked()
    assert calls == ["plain", (1, 1), "odd"]
    again, calls = asked()
    assert repr(again) == repr(first), "types, too"
    assert calls == ["odd"], "what JSON would change is computed"
    (package.parent / "data.csv").write_text("1,2\n")
    assert asked() == (first, ["plain", (1, 1), "odd"])
    package.write_text(MODULE.format(what=3))
    assert asked()[0] == [first[0], 3, first[2]]


def test_an_example_that_is_edited_meanwhile_is_not_kept(package: Path, tmp_path: Path) -> None:
    some = Figures(tmp_path / "cache")
    some.call("one", "share", {})
    package.write_text(MODULE.format(what=3))
    some.keep()
    assert not (tmp_path / "cache").exists()


def test_a_damaged_entry_is_computed_again(package: Path, tmp_path: Path) -> None:
    some = Figures(tmp_path / "cache")
    some.call("one", "share", {})
    some.keep()
    (entry,) = (tmp_path / "cache").iterdir()
    entry.write_bytes(entry.read_bytes().replace(b"1", b"2"))
    assert Figures(tmp_path / "cache").call("one", "share", {}) == 1


def test_an_example_is_computed_from_its_own_files_alone() -> None:
    """Else one that is kept would not notice that another has changed."""
    packages = {folder.name for folder in (ROOT / "examples").iterdir() if folder.is_dir()}
    for file in sorted((ROOT / "examples").rglob("*.py")):
        own = file.relative_to(ROOT / "examples").parts[0]
        text = file.read_text(encoding="utf-8")
        named = set(re.findall(r"\bexamples[./](\w+)", text)) & packages
        assert named <= {own}, file
        assert not re.search(r"^(?:from|import) (?:macros|tests|references|search)\b", text, re.MULTILINE), (
            file
        )
