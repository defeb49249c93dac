"""What macros/configuration.py reads of mkdocs.yml, and what is done with it before a build."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mkdocs.config import load_config

import macros
from macros import configuration, preparing
from macros.catalog import nav_pages
from macros.faults import Fault, SourceError

ROOT = Path(__file__).parents[2]

LISTED = list(nav_pages(configuration.read(ROOT / "mkdocs.yml")["nav"]))

SETTINGS = """\
site_name: A site
site_url: !ENV [HERE, THERE, "https://example.org/a"]
site_description: !ENV ABOUT
extra:
  pdf: !ENV [PDF, false]
format: !!python/name:macros.diagrams.fence
"""


def test_what_the_environment_sets_comes_before_what_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HERE", "THERE", "ABOUT", "PDF"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "mkdocs.yml"
    file.write_text(SETTINGS)
    settings = configuration.read(file)
    assert settings["site_url"] == "https://example.org/a/"
    assert settings["site_description"] is None
    assert settings["extra"] == {"pdf": False}
    assert settings["format"] == "macros.diagrams.fence"

    monkeypatch.setenv("THERE", "https://example.org/b/")
    monkeypatch.setenv("ABOUT", "What it is about.")
    monkeypatch.setenv("PDF", "true")
    settings = configuration.read(file)
    assert settings["site_url"] == "https://example.org/b/"
    assert settings["site_description"] == "What it is about."
    assert settings["extra"] == {"pdf": True}


def test_a_file_is_read_on_top_of_the_one_that_it_inherits(tmp_path: Path) -> None:
    (tmp_path / "base.yml").write_text(
        "site_name: Below\nsite_url: https://example.org\nnav: [a.md, b.md]\nextra: {x: 1, y: {z: 2}}\n"
    )
    file = tmp_path / "mkdocs.yml"
    file.write_text("INHERIT: base.yml\nsite_name: Above\nnav: [c.md]\nextra: {y: {w: 3}}\n")
    assert configuration.read(file) == {
        "site_name": "Above",
        "site_url": "https://example.org/",
        "site_dir": "site",
        "nav": ["c.md"],
        "extra": {"x": 1, "y": {"z": 2, "w": 3}},
    }


def test_pages_and_navigation_are_held_together(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    (docs / "a").mkdir(parents=True)
    for name in ("index.md", "a/listed.md", "a/orphan.md", "a/_template.md"):
        (docs / name).touch()
    file = tmp_path / "mkdocs.yml"
    faults = configuration.faults_of_nav(file, docs, ["index.md", "a/listed.md", "a/gone.md"])
    assert [(fault.file, fault.fault) for fault in faults] == [
        (file, "lists a/gone.md, which is not there"),
        (docs / "a/orphan.md", "is not in the navigation"),
    ]
    assert configuration.faults_of_nav(ROOT / "mkdocs.yml", ROOT / "docs", LISTED) == []


def test_before_a_build_is_prepared_what_a_generator_prepares(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    def give_up(docs_dir: Path, *rest: Any) -> None:
        # All but the figures, which are an object for each.
        asked.append((Path(docs_dir), *rest[:-1]))
        raise SourceError([Fault(docs_dir, None, "is looked at no further", "none")])

    monkeypatch.setattr(preparing, "_prepare", give_up)
    env = SimpleNamespace(project_dir=str(ROOT), conf=load_config(str(ROOT / "mkdocs.yml")))
    with pytest.raises(SystemExit):
        macros.define_env(env)
    with pytest.raises(SourceError):
        preparing.prepare(ROOT)
    assert asked[0] == asked[1]
