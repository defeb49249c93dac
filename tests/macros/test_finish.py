"""What is added to a built site: the texts beside the pages, and what is made of the pages themselves."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from macros import finish, join, notices, offline, policy, printable
from macros.faults import SourceError
from macros.site import Site

SITE = Site("A site", "What it is about.", "https://example.org/base/", "CC BY 4.0")
PAGE = """\
<!doctype html><html><head><meta charset="utf-8">
<link rel="stylesheet" href="../../../assets/site.css"></head>
<body><article><h1>{title}</h1><p>Text of {title}.</p></article></body></html>
"""


@pytest.fixture(autouse=True)
def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of the test's own for what a build leaves behind."""
    folder = tmp_path / "staged"
    monkeypatch.setattr(finish, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(finish, "STAGED", folder)
    return folder


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A site as the generator leaves it: two questions, the worker's source and what has a license."""
    questions = [
        {
            "number": number,
            "title": title,
            "category": "technical",
            "url": f"{SITE.url}questions/technical/{slug}/",
        }
        for number, title, slug in ((1, "First", "a"), (2, "Second", "b"))
    ]
    files = {
        "questions.json": json.dumps({"questions": questions}),
        "index.html": PAGE.format(title="Home"),
        "questions/technical/a/index.html": PAGE.format(title="First"),
        "questions/technical/b/index.html": PAGE.format(title="Second"),
        "assets/vendor/newsreader-license.txt": "OFL\n",
        offline.SOURCE: "answer();\n",
    }
    for name, text in files.items():
        file = tmp_path / "site" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path / "site"


def test_texts_are_laid_beside_their_pages(built):
    finish.stage({"questions/technical/a/": "# First\n", "": "# Home\n"}, SITE, built)
    finish.lay_markdown(built)
    assert (built / "questions/technical/a/index.md").read_text() == "# First\n"
    assert (built / "index.md").read_text() == "# Home\n"
    assert (built / "questions/technical/a/index.html").is_file(), "what was there stays"


def test_texts_that_are_laid_are_not_laid_again(built):
    finish.stage({"kept/": "# Kept\n"}, SITE, built)
    finish.lay_markdown(built)
    (built / "kept/index.md").unlink()
    finish.lay_markdown(built)
    assert not (built / "kept/index.md").exists()


def test_the_text_of_a_page_that_is_gone_is_not_laid_again(built):
    finish.stage({"old/": "# Old\n", "kept/": "# Kept\n"}, SITE, built)
    finish.stage({"kept/": "# Kept\n"}, SITE, built)
    finish.lay_markdown(built)
    assert (built / "kept/index.md").is_file()
    assert not (built / "old/index.md").exists()


@pytest.mark.parametrize("text", ["", '{"kept/": "# Ke', "[]"])
def test_texts_that_are_damaged_are_told_of(built, staged, text):
    finish.stage({"kept/": "# Kept\n"}, SITE, built)
    (file,) = staged.rglob(finish.MARKDOWN)
    file.write_text(text)
    with pytest.raises(SourceError, match="build it again"):
        finish.lay_markdown(built)


def test_the_page_to_print_has_the_questions_in_their_order_and_the_pages_sheets(built):
    finish.lay_printable(built, SITE)
    html = (built / printable.ADDRESS / "index.html").read_text()
    assert html.index("1. First") < html.index("Text of First.") < html.index("2. Second")
    assert '<link rel="stylesheet" href="../assets/site.css">' in html


def test_many_questions_have_a_page_to_print_for_each_category(built, monkeypatch):
    monkeypatch.setattr(printable, "PARTS_FROM", 2)
    catalog = built / "questions.json"
    text = catalog.read_text().replace("technical/b/", "debugging/b/")
    questions = json.loads(text)["questions"]
    questions[1]["category"] = "debugging"
    catalog.write_text(json.dumps({"questions": questions}))
    (built / "questions/debugging/b").mkdir(parents=True)
    link = '<a href="../../technical/a/#hints">First</a> <a href="#own">own</a></article>'
    page = PAGE.format(title="Second").replace("</article>", link)
    (built / "questions/debugging/b/index.html").write_text(page)
    finish.lay_printable(built, SITE)
    index = (built / "print/index.html").read_text()
    assert '<h3><a href="technical/">Technical</a></h3>' in index
    assert '<li value="2"><a href="debugging/#q2">Second</a></li>' in index
    assert "Text of" not in index
    assert '<link rel="stylesheet" href="../assets/site.css">' in index
    html = (built / "print/debugging/index.html").read_text()
    assert "Text of Second." in html
    assert "Text of First." not in html
    assert '<a href="../../print/technical/#q1-hints">First</a> <a href="#q2-own">own</a>' in html
    assert "Debugging: 1 of 2 questions" in html
    assert '<link rel="stylesheet" href="../../assets/site.css">' in html
    assert f'<link rel="canonical" href="{SITE.url}print/debugging/">' in html


def test_a_site_without_questions_can_be_printed_too(built):
    (built / "questions.json").write_text('{"questions": []}')
    finish.lay_printable(built, SITE)
    assert "All 0 questions" in (built / printable.ADDRESS / "index.html").read_text()


def test_a_finished_site_has_all_of_it_and_a_list_that_has_seen_the_rest(built, monkeypatch):
    # The joining has tests of its own, and takes Node.js.
    joining = SimpleNamespace(sheets=[], has_all_pages=lambda: None)
    monkeypatch.setattr(join, "writing", lambda site_dir: nullcontext(joining))
    finish.stage({"questions/technical/a/": "# First\n"}, SITE, built)
    ours = [built / name for name in ("assets/javascripts/site.js", "assets/search.json")]
    theirs = [
        built / "assets/javascripts" / name
        for name in (
            "bundle.12345678.min.js",
            "bundle.12345678.min.js.map",
            "lunr/min/lunr.ar.min.js",
            "LICENSE",
        )
    ]
    theirs += [
        built / "assets/stylesheets/main.12345678.min.css.map",
        built / "tags.json",
        built / "search.json",
    ]
    for file in (*ours, *theirs):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    finish.finish(built)
    assert all(file.is_file() for file in ours)
    assert not [file for file in theirs if file.exists()]
    listed = {
        file["address"]: file["sha256"] for file in json.loads((built / offline.LIST).read_text())["files"]
    }
    made = {"questions/technical/a/index.md", printable.ADDRESS, notices.ADDRESS}
    assert made <= set(listed)
    assert (built / offline.WORKER).is_file()
    pages = sorted(built.rglob("index.html"))
    assert len(pages) == 4
    assert all("content-security-policy" in page.read_text() for page in pages)
    # The policies are in the pages that the list has hashed: a second writing of either changes nothing.
    policy.write(built)
    offline.write(built)
    assert listed == {
        file["address"]: file["sha256"] for file in json.loads((built / offline.LIST).read_text())["files"]
    }
