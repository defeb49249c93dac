"""What no edit of the small site shows (tests/site/test_edits.py): when nothing may be left out, and what a cache may not give."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mkdocs.config import load_config
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import get_navigation

from macros import made
from macros.made import Made, Shows

HTML = "<p>As it was made.</p>"


class Build:
    """The builds of a site of two pages in one process after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.options: dict[str, Any] = {
            "markdown_extensions": ["tables"],
            "plugins": ["tags"],
            "theme": "material",
        }
        self.shows = Shows("shared", {"a.md": "of a", "b.md": "of b"}, {"a.md": {"title": "A"}, "b.md": {}})
        self.said_of = ""
        (folder / "mkdocs.yml").write_text("site_name: A site\n", encoding="utf-8")
        (folder / "docs").mkdir()
        for name in ("a.md", "b.md"):
            (folder / "docs" / name).write_text("# Title\n", encoding="utf-8")

    def build(self, process: Made | None = None, is_undisturbed: bool = True) -> list[str]:
        """The pages that had to be made."""
        process = process or self.process()
        config = load_config(
            str(self.folder / "mkdocs.yml"),
            docs_dir=str(self.folder / "docs"),
            site_dir=str(self.folder / "site"),
            **self.options,
        )
        config.plugins.on_config(config)
        files = Files([File(name, config.docs_dir, config.site_dir, True) for name in ("a.md", "b.md")])
        get_navigation(files, config)
        process.begin(self.shows)
        pages = process.leave(files, config)
        for page in pages:
            config._current_page = page
            page.read_source(config)
            page.render(config, files)
            if page.file.src_uri == self.said_of:
                logging.getLogger("mkdocs.anything").warning("something")
            process.keep(page, HTML + page.file.src_uri)
            Path(page.file.abs_dest_path).parent.mkdir(parents=True, exist_ok=True)
            Path(page.file.abs_dest_path).write_text(HTML + page.file.src_uri, encoding="utf-8")
            config._current_page = None
        process.end(is_undisturbed)
        for name in ("a", "b"):
            assert (self.folder / f"site/{name}/index.html").read_text(encoding="utf-8") == f"{HTML}{name}.md"
        return [page.file.src_uri for page in pages]

    def process(self) -> Made:
        process = Made()
        process.want()
        return process


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Build]:
    monkeypatch.setattr(made, "CACHE_DIR", tmp_path / "cache")
    logger = logging.getLogger("mkdocs.commands.build")
    filters = logger.filters.copy()
    yield Build(tmp_path)
    logger.filters = filters


def test_a_page_is_made_once_for_this_process_and_the_next(site: Build) -> None:
    server = site.process()
    assert site.build(server) == ["a.md", "b.md"]
    assert site.build(server) == []
    assert site.build() == []
    site.shows = site.shows._replace(own={"a.md": "of another a", "b.md": "of b"})
    assert site.build(server) == ["a.md"]
    site.shows = site.shows._replace(shared="another")
    assert site.build(server) == ["a.md", "b.md"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("site_name", "Another site"),
        ("site_url", "https://example.org/elsewhere/"),
        ("extra", {"pdf": True}),
        ("theme", {"name": "material", "features": ["toc.follow"]}),
    ],
)
def test_what_the_configuration_says_is_shown_by_all_pages(site: Build, option: str, value: Any) -> None:
    site.build()
    site.options[option] = value
    assert site.build() == ["a.md", "b.md"]


def test_whatever_is_installed_may_draw_a_part_of_any_page(
    site: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.build()
    monkeypatch.setattr(made.store, "installed", lambda: ("mermaidx-99.dist-info",))
    assert site.build() == ["a.md", "b.md"]


@pytest.mark.parametrize(
    ("option", "value"),
    [("markdown_extensions", ["tables", "admonition"]), ("plugins", ["tags", "search"])],
)
def test_with_what_is_not_known_nothing_is_left_out(site: Build, option: str, value: Any) -> None:
    site.options[option] = value
    assert [site.build(), site.build()] == [["a.md", "b.md"]] * 2


def test_a_page_that_shows_more_than_its_key_tells_is_made_each_time(site: Build) -> None:
    site.shows = site.shows._replace(own={"a.md": "of a"})
    server = site.process()
    assert site.build(server) == ["a.md", "b.md"]
    assert [site.build(server), site.build()] == [["b.md"]] * 2


def test_a_page_of_which_something_was_said_is_made_each_time(site: Build) -> None:
    site.said_of = "b.md"
    server = site.process()
    assert site.build(server) == ["a.md", "b.md"]
    assert [site.build(server), site.build()] == [["b.md"]] * 2


def test_a_quiet_build_keeps_nothing_as_nobody_hears_what_is_wrong(site: Build) -> None:
    logger = logging.getLogger("mkdocs")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        assert [site.build(), site.build()] == [["a.md", "b.md"]] * 2
    finally:
        logger.setLevel(level)


def test_what_was_made_of_sources_that_changed_meanwhile_is_made_again(site: Build) -> None:
    server = site.process()
    site.build(server, is_undisturbed=False)
    assert site.build() == ["a.md", "b.md"]
    assert site.build(server) == []
    site.shows = site.shows._replace(shared="another")
    site.build(server, is_undisturbed=False)
    assert site.build(server) == ["a.md", "b.md"]


def test_after_a_failure_all_pages_are_put_into_the_folder_again(site: Build, tmp_path: Path) -> None:
    server = site.process()
    site.build(server)
    server.fail()
    (tmp_path / "site/a/index.html").write_text("half a pa", encoding="utf-8")
    assert site.build(server) == []


def test_a_damaged_entry_is_made_again(site: Build, tmp_path: Path) -> None:
    site.build()
    entry = tmp_path / "cache/a.md"
    entry.write_bytes(entry.read_bytes().replace(b"made", b"mode"))
    assert site.build() == ["a.md"]


def test_without_being_asked_for_it_a_build_makes_all_pages(site: Build) -> None:
    site.build()
    assert site.build(Made()) == ["a.md", "b.md"]
