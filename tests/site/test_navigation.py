"""What every page says of the others: all of it while it is little, and no more when the site grows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import jinja2
import material
import pytest
from bs4 import BeautifulSoup

from tests.conftest import ROOT

CATEGORIES = ("Conceptual", "Technical")


@dataclass(eq=False)
class Item:
    """A page or a section, as MkDocs gives it to templates."""

    title: str
    url: str | None = None
    children: list[Item] | None = None
    is_index: bool = False
    active: bool = False
    toc: list[object] = field(default_factory=list)


def question(category: str, number: int) -> str:
    return f"questions/{category}/{number}/"


def written(count: int, current: str) -> BeautifulSoup:
    """The navigation on the page at `current`, of a site with so many questions in each of two categories."""
    names = [f"{number:04d}" for number in range(count)]
    sections = [
        Item(
            category,
            children=[
                Item("Index", f"questions/{category}/", is_index=True),
                *(Item(name, question(category, int(name))) for name in names),
            ],
        )
        for category in CATEGORIES
    ]
    questions = Item("Questions", children=[Item("All", "questions/", is_index=True), *sections])
    kits = Item(
        "Interviewers",
        children=[
            Item("Kits", "kits/", is_index=True),
            Item(
                "Conceptual",
                children=[Item(f"Interviewer's kit {name}: {name}", f"kits/{int(name)}/") for name in names],
            ),
        ],
    )
    page = activate([questions, kits], current)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([ROOT / "overrides", Path(material.__file__).parent / "templates"]),
        autoescape=False,
    )
    environment.filters["url"] = lambda url: url
    template = environment.from_string(
        '{% import "partials/nav-item.html" as item with context %}'
        '{% for top in nav %}{{ item.render(top, "__nav_" ~ loop.index, 1) }}{% endfor %}'
    )
    return BeautifulSoup(template.render(nav=[questions, kits], page=page), "html.parser")


def activate(items: list[Item], address: str) -> Item | None:
    """Mark the page at `address` and the sections that it is in, and give it."""
    for item in items:
        found = item if item.url == address else activate(item.children or [], address)
        if found:
            item.active = True
            return found
    return None


def targets(navigation: BeautifulSoup) -> list[str]:
    return [str(link["href"]) for link in navigation.select("a")]


def test_of_few_questions_every_page_of_theirs_names_all() -> None:
    found = targets(written(5, question("Technical", 2)))
    for category in CATEGORIES:
        assert f"questions/{category}/" in found
        assert {question(category, number) for number in range(5)} <= set(found)
    assert [target for target in found if target.startswith("kits/")] == ["kits/"]


@pytest.mark.parametrize(
    "current", ["questions/", "questions/Technical/", question("Technical", 20), "kits/20/"]
)
def test_a_page_says_no_more_of_a_site_that_grows(current: str) -> None:
    few, many = (len(str(written(count, current)).replace(f"All {count}", "All")) for count in (50, 200))
    assert many == few


@pytest.mark.parametrize("number", [0, 20, 49])
def test_of_many_questions_the_near_ones_are_named_and_the_way_to_all(number: int) -> None:
    navigation = written(50, question("Technical", number))
    found = targets(navigation)
    near = {question("Technical", other) for other in range(50) if abs(other - number) <= 4}
    assert near <= set(found)
    whole = navigation.find("a", string="All 50 in Technical")
    assert whole
    assert whole["href"] == "questions/Technical/"
    assert [target for target in found if target.startswith("questions/Conceptual/")] == [
        "questions/Conceptual/"
    ]
    assert len(navigation.select(".md-nav__link--active")) == 1


def test_a_list_without_a_page_of_its_own_leads_to_that_of_the_section_around_it() -> None:
    whole = written(50, "kits/20/").find("a", string="All 50 in Conceptual")
    assert whole
    assert whole["href"] == "kits/"


def test_a_kit_is_not_called_one_in_the_list_of_kits() -> None:
    shown = written(3, "kits/1/").select_one(".md-nav__item--section .md-nav__item--active > a")
    assert shown
    assert shown.text.strip() == "0001: 0001"
