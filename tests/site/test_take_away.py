"""What readers take with them: the cards, the texts, the feed, the printable page, and the page that offers them."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import feedparser
import pytest
from anki.collection import Collection
from anki.import_export_pb2 import ImportAnkiPackageOptions, ImportAnkiPackageRequest
from bs4 import BeautifulSoup, Tag
from markdown import Markdown
from playwright.sync_api import expect

from tests.conftest import ROOT
from tests.site.conftest import NARROW, PRINT, NewPage, Site
from tests.site.test_build import article, resolve, text

PAGE = "take-away/"
DECK = "llm-production-interviews.apkg"
FOLLOW_UPS = Path(__file__).with_name("published_follow_ups.txt")


# --- The page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_a_reader_gets_the_files_with_plain_links(site: Site, new_page: NewPage, javascript: bool) -> None:
    page = new_page(javascript=javascript, size=NARROW)
    page.goto("")
    page.goto(PAGE)
    with page.expect_download() as download:
        page.get_by_role("link", name="A deck for Anki").click()
    assert download.value.suggested_filename == DECK
    assert download.value.path().read_bytes() == (site.folder / DECK).read_bytes()

    page.get_by_text("Every question as Markdown").click()
    link = page.get_by_role("link", name="Implement token-bucket rate limiting")
    expect(link).to_be_visible()
    response = page.request.get(str(link.evaluate("link => link.href")))
    assert response.headers["content-type"].startswith("text/markdown")
    assert response.text().startswith("# 6. Implement token-bucket rate limiting\n")


def test_sizes_on_the_page_are_those_of_the_files(site: Site) -> None:
    words = text(article(site, PAGE))
    for name in (DECK, "llms-full.txt", "llms.txt", "questions.json", "feed.xml"):
        size = (site.folder / name).stat().st_size
        said = f"{size / 1e6:.1f} MB" if size >= 999_500 else f"{round(size / 1000)} kB"
        assert said in words, name


# --- Texts ------------------------------------------------------------------------------------------------------------


def markdown_of(site: Site, address: str) -> str:
    return (site.folder / address / "index.md").read_text(encoding="utf-8")


@cache
def as_html(markdown: str) -> BeautifulSoup:
    """The text as another program shows it. Colors would take most of the time."""
    options = {"pymdownx.highlight": {"use_pygments": False}}
    parser = Markdown(
        extensions=["tables", "pymdownx.highlight", "pymdownx.superfences"], extension_configs=options
    )
    return BeautifulSoup(parser.convert(markdown), "html.parser")


def words_of(tag: Tag) -> str:
    return re.sub(r"\s+", "", tag.get_text())


def test_a_pages_markdown_says_all_that_the_page_says(site: Site) -> None:
    """Paragraphs, items, cells, headings and listings, figures computed; of controls and pictures nothing."""
    missing = []
    for question in site.questions():
        # Drawings and the colors of listings are most of a page, and have no words of their own.
        html = re.sub(r"<svg.*?</svg>|</?span[^>]*>", "", site.html(question["address"]), flags=re.DOTALL)
        body = BeautifulSoup(html, "html.parser").select_one("article")
        assert body
        for other in body.select(
            ".chips, .headerlink, .page-tools, .page-forms, .to-kit, figure, nav, label, summary, .calculator"
        ):
            other.decompose()
        said = words_of(as_html(markdown_of(site, question["address"])))
        for element in body.select("p, li, td, th, h1, h2, h3, h4, pre"):
            if words_of(element) not in said:
                missing.append(f"{question['address']}: {element.name}: {text(element)[:120]}")
    assert not missing, "\n".join(missing)


def test_a_pages_markdown_has_its_charts_as_tables_and_its_diagrams_as_sources(site: Site) -> None:
    charts = diagrams = 0
    for question in site.questions():
        body, plain = article(site, question["address"]), as_html(markdown_of(site, question["address"]))
        said = words_of(plain)
        for figure in body.select("figure.chart"):
            charts += 1
            for cell in figure.select("td, th, svg desc"):
                assert words_of(cell) in said, f"{question['address']}: {text(cell)}"
        drawn = body.select("figure.diagram svg")
        assert len(plain.select("code.language-mermaid")) == len(drawn), question["address"]
        for svg in drawn:
            diagrams += 1
            described = svg.find("desc")
            assert isinstance(described, Tag)
            assert words_of(described) in said, question["address"]
    assert charts > 10
    assert diagrams > 10


def test_nothing_of_the_sites_own_markup_is_left_in_the_texts(site: Site) -> None:
    own = re.compile(
        r"^/{3,}|^    type: \w+$|--8<--|\]\((?![a-z]+:)|\{\{ ?(computed|chart|question|guess)|\{ ?#",
        re.MULTILINE,
    )
    texts = [*site.folder.rglob("*.md"), site.folder / "llms-full.txt", site.folder / "llms.txt"]
    assert len(texts) > len(site.questions())
    for file in texts:
        prose = re.sub(
            r"^( *)(`{3,}).*?^\1\2$|`[^`\n]+`", "", file.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE
        )
        assert not own.findall(prose), f"{file}: {own.findall(prose)}"


def test_links_in_the_texts_lead_somewhere(site: Site) -> None:
    broken = []
    for file in [*site.folder.rglob("*.md"), site.folder / "llms.txt"]:
        for link in as_html(file.read_text(encoding="utf-8")).find_all("a", href=True):
            if fault := resolve(site, "", str(link["href"])):
                broken.append(f"{file.relative_to(site.folder)}: {link['href']} {fault}")
    assert not broken, "\n".join(broken)


def head(site: Site, address: str) -> BeautifulSoup:
    return BeautifulSoup(site.html(address).partition("</head>")[0], "html.parser")


def test_every_question_page_tells_of_its_markdown_and_every_page_of_the_feed(site: Site) -> None:
    for address in site.pages():
        feeds = head(site, address).select("link[rel~=alternate][type='application/atom+xml']")
        assert [resolve(site, address, str(link["href"])) for link in feeds] == [None], address
    for question in site.questions():
        kit = f"kits/{question['slug']}/"
        [link] = head(site, kit).select("link[rel~=alternate][type='text/markdown']")
        assert link["href"] == "index.md"
        assert markdown_of(site, kit).startswith("# Interviewer's kit")
        address = question["address"]
        [link] = head(site, address).select("link[rel~=alternate][type='text/markdown']")
        [shown] = article(site, address).find_all("a", string="as Markdown")
        assert link["href"] == shown["href"] == "index.md"
        assert resolve(site, address, "index.md") is None


def test_llms_txt_has_the_form_of_its_proposal(site: Site) -> None:
    """One H1, a quoted summary, prose without headings, then sections that are lists of links with descriptions."""
    said = (site.folder / "llms.txt").read_text(encoding="utf-8")
    head, *sections = re.split(r"^## ", said, flags=re.MULTILINE)
    assert re.match(r"# [^\n]+\n\n> [^\n]+\n\n", head)
    assert said.count("\n# ") == 0
    links = []
    for section in sections:
        _, *lines = section.strip().splitlines()
        found = [re.fullmatch(r"- \[[^\]]+\]\((\S+)\)(: .+)?", line) for line in lines if line]
        assert found
        assert all(found), section
        links += [match[1] for match in found if match]
    assert sections[-1].startswith("Optional\n")
    assert {f"{question['url']}index.md" for question in site.questions()} <= set(links)
    assert {f"{site.site_url}kits/{question['slug']}/index.md" for question in site.questions()} <= set(links)
    assert len(set(links)) == len(links)


def test_one_file_has_the_text_of_all_questions_in_order(site: Site) -> None:
    said = (site.folder / "llms-full.txt").read_text(encoding="utf-8")
    addresses = [question["address"] for question in site.questions()]
    addresses += [f"kits/{question['slug']}/" for question in site.questions()]
    places = [said.index(markdown_of(site, address).strip()) for address in addresses]
    assert places == sorted(places)


# --- Paper ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def printed(site: Site) -> BeautifulSoup:
    return BeautifulSoup(site.html(PRINT), "html.parser")


def test_the_page_to_print_has_every_question_open_in_order(site: Site, printed: BeautifulSoup) -> None:
    questions = site.questions()
    titles = [f"{question['number']}. {question['title']}" for question in questions]
    assert [text(h2) for h2 in printed.select(".question-head > h2:first-child")] == titles
    contents = printed.select(".printable__contents a")
    assert [f"#q{question['number']}" for question in questions] == [link["href"] for link in contents]
    assert printed.select("details")
    assert not printed.select("details:not([open]), textarea, button, script, .headerlink")
    ids = {tag["id"] for tag in printed.find_all(id=True)}
    assert {f"q{q['number']}-{section}" for q in questions for section in q["sections"]} <= ids


def test_ids_of_the_page_to_print_are_unique_and_what_refers_to_them_finds_them(
    site: Site, printed: BeautifulSoup
) -> None:
    ids = [str(tag["id"]) for tag in printed.find_all(id=True)]
    assert len(ids) == len(set(ids))
    referred = set(re.findall(r"url\(#([^)]+)\)|href=.#([^\"]+)", site.html(PRINT)))
    for name in ("aria-labelledby", "aria-describedby", "for", "headers"):
        referred |= {
            (id_, "") for tag in printed.find_all(attrs={name: True}) for id_ in str(tag[name]).split()
        }
    lost = {one or other for one, other in referred} - set(ids)
    assert len(referred) > 100
    assert not lost


def test_no_word_of_a_question_is_lost_on_paper(site: Site, printed: BeautifulSoup) -> None:
    """Of each article the words of its paragraphs, cells and listings, diagrams included."""
    for question, chapter in zip(site.questions(), printed.select("article"), strict=True):
        body = article(site, question["address"])
        said = words_of(chapter)
        for element in body.select("p:not(.page-forms, .to-kit), td, pre, svg text"):
            # What is left out on paper: the ways on, and what is filled in or worked with on a screen.
            if not element.find_parent(class_=["related", "calculator"]) and not element.find(
                "label", "guess"
            ):
                assert words_of(element) in said, f"{question['address']}: {text(element)[:100]}"


def test_the_page_to_print_is_clean_on_a_phone_and_kept_from_search_engines(
    site: Site, new_page: NewPage
) -> None:
    page = new_page(size=NARROW)
    page.goto(PRINT)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.get_by_role("navigation", name="Contents").get_by_role("link").nth(5).click()
    expect(page.locator("#q6")).to_be_in_viewport()
    assert page.locator("meta[name=robots]").get_attribute("content") == "noindex"
    page.emulate_media(media="print")
    highest = "Math.max(...[...document.querySelectorAll('.diagram svg')].map((svg) => svg.getBoundingClientRect().height))"
    assert 0 < page.evaluate(highest) / 96 * 25.4 <= 200.5, "a drawing is higher than a page, in millimeters"
    assert PRINT not in (site.folder / "assets/search.json").read_text(encoding="utf-8")
    assert f"/{PRINT}" not in (site.folder / "sitemap.xml").read_text(encoding="utf-8")


def test_the_pdf_is_tagged_and_has_its_headings_as_bookmarks(tmp_path: Path) -> None:
    """On a page of two headings: all questions take a minute."""
    (tmp_path / "print").mkdir()
    html = (
        "<!doctype html><html lang=en><title>T</title><h1>First heading</h1><p>Text.<h2>Second heading</h2>"
    )
    (tmp_path / "print/index.html").write_text(html, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "tests.site.pdf", str(tmp_path)], cwd=ROOT, check=True, capture_output=True
    )
    content = (tmp_path / "llm-production-interviews.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert re.search(rb"/MarkInfo\s*<<[^>]*/Marked true", content)
    assert b"/Title (First heading)" in content
    assert b"/Title (Second heading)" in content


def test_the_pdf_is_linked_to_where_it_is(site: Site) -> None:
    there = (site.folder / "llm-production-interviews.pdf").is_file()
    assert there == bool(article(site, PAGE).select("a[href$='.pdf']"))


# --- The feed ---------------------------------------------------------------------------------------------------------


def test_the_feed_has_every_dated_question(site: Site) -> None:
    feed = feedparser.parse((site.folder / "feed.xml").read_text(encoding="utf-8"))
    assert not feed.bozo
    dated = [question for question in site.questions() if question["updated"]]
    assert {entry.link for entry in feed.entries} == {question["url"] for question in dated}
    assert {entry.id for entry in feed.entries} == {question["short_url"] for question in dated}
    moments = [entry.updated for entry in feed.entries]
    assert moments == sorted(moments, reverse=True)


# --- The deck ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def deck(site: Site, tmp_path: Path) -> Collection:
    """A reader's collection after the import of the deck."""
    collection = Collection(str(tmp_path / "reader.anki2"))
    request = ImportAnkiPackageRequest(
        package_path=str(site.folder / DECK), options=ImportAnkiPackageOptions()
    )
    collection.import_anki_package(request)
    return collection


def test_the_deck_has_a_card_for_every_question_and_follow_up(site: Site, deck: Collection) -> None:
    follow_ups = []
    for question in site.questions():
        for summary in article(site, question["address"]).find_all("summary", string="Short answer"):
            heading = summary.find_previous("h3")
            assert isinstance(heading, Tag)
            follow_ups.append(f"{question['number']}#{heading['id']}")
    links = [deck.get_note(note)["Link"] for note in deck.find_notes("tag:kind::follow-up")]
    by_address = {question["url"]: question["number"] for question in site.questions()}
    keys = {f"{by_address[link.partition('#')[0]]}#{link.partition('#')[2]}" for link in links}
    assert keys == set(follow_ups), "a card leads where the page has no follow-up"
    assert len(links) == len(follow_ups)
    assert len(deck.find_notes("tag:kind::question")) == len(site.questions())

    listed = FOLLOW_UPS.read_text(encoding="utf-8").split()
    if gone := sorted(set(listed) - keys):
        pytest.fail(
            f"follow-ups that readers have as cards are gone: {gone}. Put the old id behind the reworded heading, as "
            f"`### New words {{ #old-id }}`; if the follow-up itself has gone, remove its line from {FOLLOW_UPS.name}."
        )
    assert listed == sorted(keys), (
        f"new follow-ups: add to {FOLLOW_UPS.name}, in order: {sorted(keys - set(listed))}"
    )


def test_every_card_has_two_sides_and_nothing_unresolved(deck: Collection) -> None:
    for number in deck.find_cards(""):
        output = deck.get_card(number).render_output()
        front, back = (
            BeautifulSoup(side, "html.parser") for side in (output.question_text, output.answer_text)
        )
        for style in [*front.select("style"), *back.select("style")]:
            style.decompose()
        assert len(text(front)) > 20
        assert len(text(back)) > len(text(front)) + 60, text(front)
        assert not re.search(r"\{\{ ?\w+\(|///|--8<--|\[\w[^\]]*\]\(", text(back)), text(front)
        for link in back.find_all("a"):
            assert urlsplit(str(link["href"])).scheme == "https" or str(link["href"]).startswith(
                "http://127.0.0.1"
            )
