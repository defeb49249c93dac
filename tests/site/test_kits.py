"""An interviewer's way: from a question to its kit, the score sheet, and paper."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.site.conftest import NARROW, WIDE, NewPage, Site

QUESTION = "questions/technical/rate-limiting/"


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_from_the_question_to_a_ticked_score_sheet(
    site: Site, new_page: NewPage, size: tuple[int, int]
) -> None:
    page = new_page(size=size)
    page.goto(QUESTION)
    page.get_by_role("link", name="The interviewer's kit").click()
    expect(page).to_have_url(f"{site.url}kits/rate-limiting/")
    expect(page.locator(".kit-warning a")).to_have_attribute(
        "href", "../../questions/technical/rate-limiting/"
    )
    # Hints, signals and levels are those of the question's page, with figures in place of macros.
    assert page.locator("article").get_by_text("Hint 3.").count() == 1
    assert "{{" not in page.locator("article").inner_text()
    statement = page.get_by_role("checkbox", name="What a clock that goes back does to the refill.")
    statement.focus()
    page.keyboard.press("Space")
    expect(statement).to_be_checked()
    page.get_by_role("checkbox", name="Signal 1: Shown").check()
    # How an answer is marked is closed until the reader has marked it.
    marking = page.locator("details.marking").first
    assert not marking.evaluate("block => block.open")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_on_paper_it_is_whole(new_page: NewPage) -> None:
    page = new_page(javascript=False)
    page.goto("kits/rate-limiting/")
    page.emulate_media(media="print")
    for text in page.locator("details.marking > p, details.marking td").all()[:4]:
        expect(text).to_be_visible()
    expect(page.locator(".page-tools")).not_to_be_visible()


def test_the_search_shows_nothing_that_a_kit_says(site: Site) -> None:
    searched = json.loads((site.folder / "assets/search.json").read_text(encoding="utf-8"))
    pages = [page for page in searched["pages"] if page["href"].startswith("kits/")]
    assert pages
    assert all(not page["headings"] for page in pages if page["href"] != "kits/")
