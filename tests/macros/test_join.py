"""Pages that load joined files in the place of their own (macros/join.py); tests/site/test_weight.py looks at the files."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from macros import join
from macros.faults import SourceError
from macros.join import common, relinked

SHEETS = ["assets/stylesheets/theme.css", "assets/stylesheets/site.css"]
PAGE = b"""<head>
  <link rel="stylesheet" href="../assets/stylesheets/theme.css">
  <link rel="stylesheet" href="../assets/stylesheets/site.css">
  <link rel="stylesheet" href="../assets/stylesheets/own.css">
</head>
<script src="../assets/javascripts/site.js" type="module"></script>
"""


def test_sheets_that_all_pages_begin_with_are_common() -> None:
    assert common([[*SHEETS, "a.css"], [*SHEETS, "b.css"], SHEETS]) == SHEETS
    assert common([SHEETS, SHEETS[::-1]]) == []


def test_a_page_loads_the_joined_files_and_what_is_its_own() -> None:
    assert relinked(PAGE, SHEETS) == (
        b"""<head>
  <link rel="stylesheet" href="../assets/joined/site.css">
  <link rel="stylesheet" href="../assets/stylesheets/own.css">
</head>
<script src="../assets/joined/site.js" type="module"></script>
"""
    )
    assert relinked(relinked(PAGE, SHEETS), SHEETS) == relinked(PAGE, SHEETS)


def test_sheets_of_the_theme_may_lie_a_folder_deeper() -> None:
    deeper = "assets/stylesheets/classic/theme.css"
    page = PAGE.replace(SHEETS[0].encode(), deeper.encode())
    assert relinked(page, [deeper, SHEETS[1]]) == relinked(PAGE, SHEETS)


def test_a_page_with_other_sheets_keeps_them() -> None:
    page = PAGE.replace(b"theme.css", b"other.css")
    assert relinked(page, SHEETS) == page.replace(b"assets/javascripts/site.js", b"assets/joined/site.js")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A built site of two pages, and one that has moved, which has no sheets."""
    site = tmp_path / "site"
    for name, page in {"a/index.html": PAGE, "b/index.html": PAGE, "c/index.html": b"<head></head>"}.items():
        (site / name).parent.mkdir(parents=True)
        (site / name).write_bytes(page)
    return site


def node(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program in the place of Node.js; none where there is no script."""
    monkeypatch.setattr(sys, "executable", str(folder / "bin" / "python"))
    monkeypatch.setenv("PATH", str(folder / "bin"))
    (folder / "bin").mkdir()
    if script:
        program = folder / "bin" / "node"
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)


@pytest.mark.parametrize("longest", [1 << 15, 20])
def test_what_all_pages_begin_with_is_joined(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, longest: int
) -> None:
    node(tmp_path, monkeypatch, f'echo "$@" > {tmp_path}/said')
    # However long the heads are.
    monkeypatch.setattr(join, "_LONGEST_HEAD", longest)
    with join.writing(site) as joining:
        sheets = joining.sheets
    _, *given = (tmp_path / "said").read_text(encoding="utf-8").split()
    own = "assets/stylesheets/own.css"
    assert sheets == [*SHEETS, own]
    assert given == [str(site), join.FOLDER, *sheets]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("", "needs Node.js, which is not to be found"),
        ("echo no module esbuild >&2; exit 1", "failed: no module esbuild"),
        ("exit 3", "failed: it ended with the status 3"),
    ],
)
def test_where_nothing_can_be_joined_the_build_ends(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    node(tmp_path, monkeypatch, script)
    with pytest.raises(SourceError, match=said), join.writing(site):
        pass


def test_what_is_wrong_meanwhile_ends_the_joining(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node(tmp_path, monkeypatch, f"sleep 0.3; touch {tmp_path}/done")
    with pytest.raises(ValueError, match="a page"), join.writing(site):
        raise ValueError("a page")
    time.sleep(0.5)
    assert not (tmp_path / "done").exists()


def test_pages_that_come_meanwhile_are_read_until_all_are_there(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node(tmp_path, monkeypatch, f"read line; echo its input has ended > {tmp_path}/said")
    with join.writing(site) as joining:
        time.sleep(0.3)
        assert not (tmp_path / "said").exists()
        joining.has_all_pages()
        joining.process.wait(10)
        assert (tmp_path / "said").exists()


def test_what_a_page_that_came_meanwhile_has_is_not_taken_for_unused(site: Path) -> None:
    theme = "assets/stylesheets/theme.12345678.min.css"
    for name, text in {
        theme: ".early{top:1px}.late{top:2px}.never{top:3px}",
        SHEETS[1]: "",
        "assets/stylesheets/own.css": "",
        "assets/javascripts/site.js": "export const one = 1;",
        "assets/javascripts/set-up.js": "export const two = 2;",
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text, encoding="utf-8")
    page = PAGE.replace(SHEETS[0].encode(), theme.encode())
    for name in ("a", "b"):
        (site / name / "index.html").write_bytes(page + b'<p class="early">')
    with join.writing(site):
        # Scripts come first; then those pages are read that are there.
        while not (site / join.FOLDER / "site.js").exists():
            time.sleep(0.05)
        time.sleep(0.3)
        (site / "late.html").write_bytes(page + b'<p class="late">')
    joined = (site / join.FOLDER / "site.css").read_text(encoding="utf-8")
    assert joined == ".early{top:1px}.late{top:2px}"
