"""The README names what is there: a stranger looks for the place of a change in it first."""

from __future__ import annotations

import ast
import re
import subprocess
from graphlib import TopologicalSorter

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_module_of_macros_has_its_line_and_none_is_gone() -> None:
    modules = {
        path.name if path.is_file() else f"{path.name}/"
        for path in (ROOT / "macros").iterdir()
        if path.name not in ("__init__.py", "__main__.py", "__pycache__")
    }
    named = re.findall(r"^ {4,6}(\w+(?:\.py|/)) ", README.partition("Inside `macros/`")[2], re.MULTILINE)
    assert sorted(named) == sorted(modules)


def test_every_folder_that_it_names_is_there() -> None:
    named = re.findall(r"^ {4}([\w.]+)/ ", README.partition("Inside `macros/`")[0], re.MULTILINE)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).is_dir()] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "references/README.md", "search/README.md"])
def test_every_file_that_it_leads_to_is_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:[\w.-]+/)+(?:[\w.-]+)?)`", text))
    paths |= {path for path in re.findall(r"\]\(([^)#]+)", text) if "://" not in path}
    # What make targets make is not there beforehand.
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    made = tuple(line.strip("/") for line in ignored if line.startswith("/"))
    paths = {path for path in paths if not path.startswith(made)}
    assert paths
    folders = (ROOT, (ROOT / name).parent, ROOT / "docs/assets/javascripts")
    assert [path for path in paths if not any((folder / path).exists() for folder in folders)] == []


def test_every_folder_of_the_project_is_named() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    folders = {name.partition("/")[0] for name in tracked.stdout.splitlines() if "/" in name}
    if not folders:
        pytest.skip("not a git checkout: there is no list of the project's files")
    named = re.findall(r"^ {4}([\w.]+)/ ", README.partition("Inside `macros/`")[0], re.MULTILINE)
    assert folders - set(named) == set()


def test_dependencies_inside_macros_point_one_way() -> None:
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (ROOT / "macros").rglob("*.py")
    }
    arrows: dict[str, set[str]] = {}
    for module, path in files.items():
        arrows[module] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in files:
                # `from macros import render` leads to a module, `from macros.render import size` to a name in one.
                for name in (f"{node.module}.{alias.name}" for alias in node.names):
                    arrows[module].add(name if name in files else node.module)
    assert len(tuple(TopologicalSorter(arrows).static_order())) > 40
    # Nothing leads back up to what the generator calls.
    assert not {module for module, others in arrows.items() if "macros" in others}


def test_every_target_that_it_names_is_one_and_all_are_named() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)`", README)) | set(
        re.findall(r"^ {4}make (\w+)", README, re.MULTILINE)
    )
    assert named - targets == set()
    assert targets - named <= {"clean"}
