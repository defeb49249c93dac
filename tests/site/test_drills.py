"""Debugging pages as their reader meets them: nothing tells the cause before it is revealed, and the files are there."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import expect

from tests.site.conftest import NewPage, Site


@pytest.fixture(scope="module")
def drills(site: Site) -> list[dict[str, Any]]:
    drills = [question for question in site.questions() if "drill" in question["sections"]]
    assert drills
    return drills


def article(site: Site, address: str) -> Tag:
    found = BeautifulSoup(site.html(address), "html.parser").find("article")
    assert isinstance(found, Tag)
    return found


def test_after_the_hints_only_the_drills_opening_stands_in_the_open(
    site: Site, drills: list[dict[str, Any]]
) -> None:
    for drill in drills:
        page = article(site, drill["address"])
        assert len(page.select("details.stage")) >= 4
        opened = page.find(id="drill")
        assert isinstance(opened, Tag)
        after = [tag for tag in opened.find_next_siblings(True) if not tag.find_parent("details")]
        heading = {tag.name for tag in after if tag.name in ("h2", "h3")}
        assert not heading, f"{drill['address']}: {heading} stands in the open after the drill"


def test_the_files_can_be_downloaded_and_are_described(site: Site, drills: list[dict[str, Any]]) -> None:
    for drill in drills:
        folder = site.folder / "evidence" / drill["slug"]
        readme = (folder / "README.txt").read_text(encoding="utf-8")
        links = [
            str(a["href"]).rpartition("/")[2]
            for a in article(site, drill["address"]).select("table a")
            if f"evidence/{drill['slug']}/" in str(a["href"])
        ]
        assert sorted([*links, "README.txt"]) == sorted(file.name for file in folder.iterdir())
        assert all(f"{name} (" in readme for name in links)


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_a_stage_can_be_worked_with_and_without_scripts(
    site: Site, drills: list[dict[str, Any]], new_page: NewPage, javascript: bool
) -> None:
    page = new_page(javascript=javascript)
    page.goto(drills[0]["address"])
    stage = page.locator("details.stage").first
    expect(stage.get_by_role("textbox")).to_be_hidden()
    stage.locator("> summary").click()
    stage.get_by_role("textbox").fill("The median first")
    evidence = stage.locator("details.evidence")
    expect(evidence.locator("p").first).to_be_hidden()
    evidence.locator("> summary").click()
    expect(evidence.locator("p").first).to_be_visible()
    expect(stage.locator("details.reading p").first).to_be_hidden()
    expect(stage.get_by_role("textbox")).to_have_value("The median first")
