"""A page that comes from the cache is the page that its conversion would give, and what has changed is converted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from mkdocs.config import load_config
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify  # type: ignore[import-untyped]

from macros import kept, links
from tests.conftest import ROOT

TEXT = """\
A [link](other.md#there), a [link to itself](#one) and `code`.

## One

``` python title="listing.py"
--8<-- "listing.py"
```

### Below <em id="raw">one</em>

{pasted}
"""


class Project:
    """A site of two pages; how often one of them has been converted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conversions = 0
        (folder / "docs").mkdir()
        (folder / "listing.py").write_text("answer = 42\n", encoding="utf-8")
        (folder / "mkdocs.yml").write_text("site_name: A site\n", encoding="utf-8")
        extensions: dict[str, dict[str, Any]] = {
            "toc": {"permalink": True},
            "pymdownx.highlight": {},
            "pymdownx.superfences": {},
            "pymdownx.snippets": {"base_path": [str(folder)], "check_paths": True},
        }
        self.config = load_config(
            str(folder / "mkdocs.yml"),
            docs_dir=str(folder / "docs"),
            plugins=[],
            markdown_extensions=[{name: options} for name, options in extensions.items()],
        )
        self.others = {"other.md": "other/"}
        self.before: Callable[[], object] = lambda: None
        """What happens between the key's making and the conversion."""

    def page(self, text: str = TEXT) -> Page:
        """The page after its conversion, or from the cache."""
        files = Files([self._file(path) for path in ("page.md", *self.others)])
        file = files.get_file_from_path("page.md")
        assert file
        page = Page(None, file, self.config)
        page.markdown = text
        convert: Callable[..., None] = page.render

        def counted(*given: Any) -> None:
            self.conversions += 1
            self.before()
            convert(*given)

        page.render = counted  # type: ignore[method-assign]
        kept.keep(page)
        page.render(self.config, files)
        return page

    def _file(self, path: str) -> File:
        file = File(path, str(self.folder / "docs"), str(self.folder / "site"), use_directory_urls=True)
        file.url = self.others.get(path, file.url)
        return file


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(kept, "CACHE_DIR", tmp_path / "cache")
    return Project(tmp_path)


def facts(page: Page) -> dict[str, object]:
    """All that a build takes from a page after its conversion."""
    linked = page.links_to_anchors or {}
    return {
        "content": page.content,
        "toc": str(page.toc),
        "active": [getattr(anchor, "active", False) for anchor in page.toc],
        "title": page._title_from_render,
        "anchors": page.present_anchor_ids,
        "links": {file.src_uri: anchors for file, anchors in linked.items()},
    }


def test_a_page_out_of_the_cache_is_the_one_that_went_in(project: Project) -> None:
    first = facts(project.page())
    again = facts(project.page())

    assert project.conversions == 1
    assert again == first
    assert {"one", "raw"} <= project.page().present_anchor_ids
    assert first["links"] == {
        "other.md": {"there": "other.md#there"},
        "page.md": {"one": "#one", "below-one": "#below-one"},
    }


@pytest.mark.parametrize("change", ["text", "listing", "option", "check", "moved", "new"])
def test_what_has_changed_is_converted(
    project: Project, change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = project.page().content
    text = TEXT
    if change == "text":
        text = TEXT.replace("A [link]", "One [link]")
    elif change == "listing":
        (project.folder / "listing.py").write_text("answer = 43\n", encoding="utf-8")
    elif change == "option":
        project.config.mdx_configs["toc"]["permalink"] = "here"
    elif change == "moved":
        project.others["other.md"] = "elsewhere/"
    elif change == "check":
        checked = tmp_path / "links.json"
        checked.write_text(
            links.dump(links.NONE.model_copy(update={"checked": date(2026, 11, 25)})), encoding="utf-8"
        )
        monkeypatch.setattr(links, "FILE", checked)
    else:
        project.others["third.md"] = "third/"
    after = project.page(text).content

    # A page that is new elsewhere is no reason: a catalog grows by them.
    assert project.conversions == (1 if change == "new" else 2)
    assert (after == before) == (change in ("new", "check"))


@pytest.mark.parametrize("change", ["one dash", "appended"])
def test_a_file_that_no_usual_marker_names_is_in_the_key(project: Project, change: str) -> None:
    if change == "appended":
        project.config.mdx_configs["pymdownx.snippets"]["auto_append"] = ["listing.py"]
    text = '-8<- "listing.py"\n' if change == "one dash" else "Text.\n"
    assert "42" in (project.page(text).content or "")
    (project.folder / "listing.py").write_text("answer = 43\n", encoding="utf-8")
    assert "43" in (project.page(text).content or "")


def test_a_page_whose_listing_is_edited_while_it_is_converted_is_not_kept(project: Project) -> None:
    listing = project.folder / "listing.py"
    project.before = lambda: listing.write_text("answer = 43\n", encoding="utf-8")
    assert "43" in (project.page().content or "")
    project.before = lambda: None
    listing.write_text("answer = 42\n", encoding="utf-8")
    assert "42" in (project.page().content or "")


def test_with_an_extension_that_may_read_other_files_nothing_is_kept(project: Project) -> None:
    project.config.markdown_extensions.append("abbr")
    project.page()
    project.page()
    assert project.conversions == 2


def test_of_all_extensions_of_this_site_it_is_known_what_they_read() -> None:
    config = load_config(str(ROOT / "mkdocs.yml"), plugins=[], hooks=[])
    assert set(config.markdown_extensions) <= kept.KNOWN, "say in kept.py's key what the new one depends on"


def test_an_option_may_be_a_function_with_arguments(project: Project) -> None:
    for case, id_ in (("lower", "one"), ("none", "One")):
        for _ in range(2):
            project.config.mdx_configs["toc"]["slugify"] = slugify(case=case)
            assert id_ in (project.page().present_anchor_ids or ())
    assert project.conversions == 2


def test_a_fault_that_a_quiet_build_was_silent_about_is_told_by_the_next(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    text = "A [link](/other.md)."
    project.config.validation.links.absolute_links = logging.WARNING
    with caplog.at_level(logging.ERROR, "mkdocs"):
        project.page(text)
    assert not caplog.records
    project.page(text)
    assert "/other.md" in caplog.text


def test_a_fault_is_told_by_every_build(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    project.page()
    del project.others["other.md"]
    for build in (1, 2):
        project.page()
        told = [record for record in caplog.records if "other.md" in record.getMessage()]
        assert len(told) == build


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-9], lambda data: data.replace(b"link", b"lint"), lambda data: b""]
)
def test_a_damaged_entry_is_none(project: Project, spoil: Callable[[bytes], bytes], tmp_path: Path) -> None:
    first = facts(project.page())
    (entry,) = (file for file in (tmp_path / "cache").rglob("*") if file.is_file())
    entry.write_bytes(spoil(entry.read_bytes()))

    assert facts(project.page()) == first
    assert project.conversions == 2
    project.page()
    assert project.conversions == 2
