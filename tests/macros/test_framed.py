"""A page out of the cache is the one that the templates would print, and what it depends on prints it again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jinja2 import DictLoader, Environment
from mkdocs.config import load_config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import get_navigation
from mkdocs.structure.pages import Page
from mkdocs.structure.toc import get_toc

from macros import framed

MAIN = """\
{% extends "base.html" %}
{% block all %}{{ config.site_url }} {{ config.extra.pdf }} {{ page.title }} {{ page.meta.number }} {{ printed() }}
{% for item in nav %}{{ item.title }}{% endfor %}{% for item in page.toc %}{{ item.id }}{% endfor %}{{ page.content }}{% endblock %}
"""


class Project:
    """A site of two pages, and how often a template has printed one of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.main = MAIN
        self.extra: dict[str, Any] = {"pdf": False}
        self.site_url = "https://example.org/"
        self.titles = {"a.md": "A", "b.md": "B"}
        self.meta: dict[str, Any] = {"number": 1}
        self.content, self.id = "<p>Text</p>", "one"
        self.said = ""
        (folder / "docs").mkdir()
        (folder / "overrides").mkdir()
        self.write("overrides/main.html", MAIN)
        self.write("mkdocs.yml", "site_name: A site\n")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def build(self, site_dir: str = "site") -> str:
        """The page, printed or from the cache, as a build does it."""
        config = load_config(
            str(self.folder / "mkdocs.yml"),
            docs_dir=str(self.folder / "docs"),
            site_dir=str(self.folder / site_dir),
            site_url=self.site_url,
            extra=self.extra,
            plugins=[],
            nav=[{title: name} for name, title in self.titles.items()],
        )
        files = Files([File(name, config.docs_dir, config.site_dir, True) for name in self.titles])
        nav = get_navigation(files, config)
        environment = Environment(
            loader=DictLoader({"main.html": self.main, "base.html": "{% block all %}{% endblock %}"})
        )
        environment.globals["printed"] = self.printed
        framed.keep(environment)
        page = files.documentation_pages()[0].page
        assert page
        page.meta, page.content = self.meta, self.content
        page.toc = get_toc([{"name": "One", "id": self.id, "level": 1, "children": []}])
        return str(
            environment.get_template("main.html").render(_context(config, nav, page))  # as MkDocs does
        )

    def printed(self) -> str:
        self.count += 1
        if self.said:
            logging.getLogger("mkdocs.plugins.made").warning(self.said)
        return ""


def _context(config: MkDocsConfig, nav: Any, page: Page) -> Any:
    return {"config": config, "nav": nav, "page": page}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(framed, "CACHE_DIR", tmp_path / "cache")
    monkeypatch.setattr(framed, "TEMPLATES", tmp_path / "overrides")
    return Project(tmp_path)


def test_a_page_is_printed_once_wherever_the_site_is_built(project: Project) -> None:
    first = project.build()
    assert "A 1" in first
    assert project.build("elsewhere") == first
    assert project.count == 1


CHANGES: dict[str, Callable[[Project], None]] = {
    "its text": lambda project: setattr(project, "content", "<p>Other text</p>"),
    "its front matter": lambda project: setattr(project, "meta", {"number": 2}),
    "its headings": lambda project: setattr(project, "id", "two"),
    "its title": lambda project: project.titles.update({"a.md": "C"}),
    "another's title": lambda project: project.titles.update({"b.md": "C"}),
    "another page": lambda project: project.titles.update({"c.md": "C"}),
    "the address": lambda project: setattr(project, "site_url", "https://example.org/base/"),
    "the environment": lambda project: setattr(project, "extra", {"pdf": True}),
    "the configuration": lambda project: project.write("mkdocs.yml", "site_name: Another site\n"),
    "a template": lambda project: project.write("overrides/main.html", "{#- another -#}" + MAIN),
    "what is included": lambda project: project.write("overrides/generated/1-header.html", "<h1>"),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_what_a_page_depends_on_prints_it_again(project: Project, change: str) -> None:
    project.build()
    CHANGES[change](project)
    changed = project.build()
    assert project.count == 2
    assert project.build() == changed
    assert project.count == 2


def test_what_is_said_while_a_page_is_printed_is_said_by_every_build(project: Project) -> None:
    project.said = "something is wrong"
    project.build()
    project.build()
    assert project.count == 2


def test_a_damaged_entry_is_printed_again(project: Project, tmp_path: Path) -> None:
    first = project.build()
    entry = tmp_path / "cache" / "a.md"
    entry.write_bytes(entry.read_bytes().replace(b"Text", b"Test"))
    assert project.build() == first
    assert project.count == 2


def test_what_is_no_page_is_printed_by_every_build(project: Project) -> None:
    environment = Environment(loader=DictLoader({"404.html": "{{ config.site_name }}"}))
    framed.keep(environment)
    for name in ("A site", "B"):
        printed = environment.get_template("404.html").render({"config": {"site_name": name}, "page": None})
        assert printed == name
