"""The README names what is there: a stranger looks for the place of a change in it first."""

from __future__ import annotations

import re

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_module_of_macros_has_its_line_and_none_is_gone() -> None:
    modules = {
        path.name if path.is_file() else f"{path.name}/"
        for path in (ROOT / "macros").iterdir()
        if path.name not in ("__init__.py", "__main__.py", "__pycache__")
    }
    named = re.findall(r"^ {4,6}(\w+(?:\.py|/)) ", README.partition("Inside `macros/`")[2], re.MULTILINE)
    # The last, where all arrows end, is named in the text.
    assert sorted([*named, "faults.py"]) == sorted(modules)


def test_every_folder_that_it_names_is_there() -> None:
    named = re.findall(r"^ {4}([\w.]+)/ ", README.partition("Inside `macros/`")[0], re.MULTILINE)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).is_dir()] == []


def test_every_target_that_it_names_is_one_and_all_are_named() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)`", README)) | set(
        re.findall(r"^ {4}make (\w+)", README, re.MULTILINE)
    )
    assert named - targets == set()
    assert targets - named <= {"clean"}
