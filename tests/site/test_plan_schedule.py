"""How questions are laid out over days: whatever the date, the hours and the level, nothing is lost and no rule broken."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page

from macros.plan_link import LIMITS
from tests.content.reading import DOCS
from tests.site.conftest import NewPage, Site
from tests.site.plans import ADDRESS, blank

LAY_OUT = """async ([script, cases]) => {
  const { layOut, ranked } = await import(script);
  return cases.map(({ questions, level, categories, topics, weekdays, ...rest }) => {
    const wanted = ranked(questions, { level, categories: new Set(categories), topics: new Set(topics) });
    const result = layOut({ ...rest, wanted, weekdays: new Set(weekdays) });
    return { ...result, wanted: wanted.map(({ number }) => number), leftOut: result.leftOut.map(({ number }) => number),
      unreviewed: result.unreviewed.map(({ number }) => number) };
  });
}"""

MONDAY = 20878  # 2027-03-01
LEVELS = ["mid-senior", "senior", "staff"]
CHAINS = [[1, 5, 16], [6, 10, 14], [7, 4, 15, 19], [3, 12, 18]]


@pytest.fixture
def page(new_page: NewPage) -> Page:
    page = new_page()
    blank(page)
    return page


def lay_out(site: Site, page: Page, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = page.evaluate(
        LAY_OUT, [f"{site.url}assets/javascripts/plan/schedule.js", cases]
    )
    return out


def case(site: Site, **changes: Any) -> dict[str, Any]:
    return {
        "questions": site.questions(),
        "level": "senior",
        "categories": [],
        "topics": [],
        "chains": CHAINS,
        "from": MONDAY,
        "interview": MONDAY + 21,
        "weekdays": [0, 1, 2, 3, 4],
        "hours": 6,
        "withReviews": True,
        **changes,
    }


def test_the_order_tested_here_is_the_pages(page: Page) -> None:
    page.goto(ADDRESS)
    chains = page.locator(".plan-builder").get_attribute("data-chains")
    assert chains == ";".join(" ".join(map(str, chain)) for chain in CHAINS)
    assert (DOCS / "plans/builder.md").is_file()


def test_no_rule_is_broken_whatever_is_asked(site: Site, page: Page) -> None:
    rng = random.Random(20270301)
    cases = []
    for _ in range(150):
        start = MONDAY + rng.randrange(30)
        weekdays = rng.sample(range(7), rng.randint(1, 7))
        cases.append(
            case(
                site,
                questions=rng.sample(site.questions(), rng.randint(1, 20)),
                level=rng.choice(LEVELS),
                categories=rng.sample(
                    ["conceptual", "technical", "system-design", "debugging"], rng.randint(0, 2)
                ),
                interview=start + rng.randint(7, 120),
                weekdays=weekdays,
                hours=rng.choice([1, 2.5, 4, 6, 10, 20, 40]),
                withReviews=rng.random() < 0.7,
                **{"from": start},
            )
        )
    minutes = {q["number"]: q["minutes"] for q in site.questions()}
    for asked, got in zip(cases, lay_out(site, page, cases), strict=True):
        plan = got["plan"]
        sittings = [
            (plan["start"] + day["offset"], [item["question"] for item in day["items"]])
            for day in plan["days"]
        ]
        met: dict[int, list[int]] = defaultdict(list)
        order = []
        spent = 0
        for day, items in sittings:
            assert day % 7 in {(MONDAY + weekday) % 7 for weekday in asked["weekdays"]}
            assert asked["from"] <= day < asked["interview"]
            assert items
            assert len(set(items)) == len(items)
            for number in items:
                spent += minutes[number] * (1 if met[number] else 2)
                met[number].append(day)
                order.append(number)
        days = [
            day
            for day in range(asked["from"], asked["interview"])
            if day % 7 in {(MONDAY + w) % 7 for w in asked["weekdays"]}
        ]
        capacity = len(days) * asked["hours"] * 60 / len(asked["weekdays"])
        assert spent == got["spent"] <= capacity + 1e-6, "the plan takes more than it was given"
        # Nothing is lost, and nothing that was not asked for comes in.
        assert sorted([*met, *got["leftOut"]]) == sorted(q["number"] for q in asked["questions"])
        firsts = list(dict.fromkeys(order))
        for chain in CHAINS:
            inside = [number for number in chain if number in met]
            assert inside == [number for number in firsts if number in chain]
        for number, when in met.items():
            gaps = [later - earlier for earlier, later in pairwise(when)]
            assert len(gaps) <= (2 if asked["withReviews"] else 0)
            assert all(gap >= least for gap, least in zip(gaps, (3, 8), strict=False))
            assert (not gaps) == (number in got["unreviewed"]), "who has no review is told"
        assert got["reviews"] == len(order) - len(firsts)


def test_what_is_left_out_would_not_have_fitted(site: Site, page: Page) -> None:
    """Without reviews the hours are used until no question that is left out fits into the rest."""
    cases = [case(site, hours=hours, withReviews=False) for hours in (2, 4, 6, 7)]
    minutes = {q["number"]: q["minutes"] for q in site.questions()}
    for got in lay_out(site, page, cases):
        rest = got["capacity"] - got["spent"]
        share = got["capacity"] / got["sittings"]
        assert got["leftOut"]
        # What is owed at a day's end is bounded by a share, so a rest of two shares has room for no more than that.
        assert min(2 * minutes[number] for number in got["leftOut"]) > rest - 2 * share


def test_with_time_for_all_everything_comes_and_comes_back(site: Site, page: Page) -> None:
    question = site.questions()[0]
    many = [question | {"number": number, "minutes": 30} for number in range(1, LIMITS["days"] + 50)]
    got, long = lay_out(
        site,
        page,
        [
            case(site, interview=MONDAY + 84, hours=8),
            case(site, interview=MONDAY + 900, hours=5, questions=many, chains=[], withReviews=False),
        ],
    )
    assert len(long["plan"]["days"]) <= LIMITS["days"], "it would not be stored, nor fit into a link"
    assert got["leftOut"] == []
    assert got["unreviewed"] == []
    assert got["reviews"] == 40
    loads = [len(day["items"]) for day in got["plan"]["days"]]
    assert max(loads) <= 4, "the work is spread"


def test_emphasis_and_level_decide_what_stays_when_time_is_short(site: Site, page: Page) -> None:
    questions = {q["number"]: q for q in site.questions()}
    staff, privacy = lay_out(
        site,
        page,
        [
            case(site, level="staff", hours=3, withReviews=False),
            case(site, topics=["privacy"], hours=3, withReviews=False),
        ],
    )
    top = [questions[number]["difficulty"] for number in staff["wanted"]]
    assert top == sorted(top, key=lambda level: -LEVELS.index(level))
    wanted = [number for number, q in questions.items() if "privacy" in q["topics"]]
    assert sorted(privacy["wanted"][: len(wanted)]) == sorted(wanted)
    assert set(wanted) & set(privacy["leftOut"]) == set()
