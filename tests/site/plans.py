"""What the tests of the plan builder share."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from playwright.sync_api import Page, expect

from macros.plan_link import LinkedPlan
from tests.site.conftest import NewPage

ADDRESS = "plans/builder/"
SHELF = "llm-production-interviews.plan"
# A Monday; clocks change in New York on the 14th of this month and in Berlin on the 28th.
NOW = "2027-03-01T09:00:00"


def day(when: date) -> int:
    """A date as the scripts have it: days since 1970-01-01."""
    return (when - date(1970, 1, 1)).days


def as_json(plan: LinkedPlan) -> dict[str, Any]:
    """A plan as the scripts have it."""
    return {
        "title": plan.title,
        "start": plan.start and day(plan.start),
        "interview": plan.interview and day(plan.interview),
        "days": [
            {
                "offset": sitting.offset,
                "note": sitting.note,
                "items": [
                    {"question": item.question, "note": item.note}
                    if item.question
                    else {"text": item.text, "minutes": item.minutes, "note": item.note}
                    for item in sitting.items
                ],
            }
            for sitting in plan.days
        ],
    }


def blank(page: Page) -> None:
    """An empty page of the site's origin, for what needs the origin and no page."""
    html = "<!doctype html><html lang='en'><link rel='icon' href='data:,'><title>Empty</title>"
    page.route("**/blank", lambda route: route.fulfill(content_type="text/html", body=html))
    page.goto("blank")


def opened(new_page: NewPage, fragment: str = "", own: LinkedPlan | None = None, **options: Any) -> Page:
    """The builder, on the day that the tests call today, for a reader who has the plan `own`, if it is given."""
    page = new_page(**options)
    page.clock.set_fixed_time(NOW)
    if own:
        kept = {"key": "0123456789abcdef", "plan": as_json(own), "replaced": None}
        value = {"version": 1, "current": kept["key"], "clock": 18 * 60, "plans": [kept]}
        blank(page)
        page.evaluate("([key, value]) => localStorage.setItem(key, value)", [SHELF, json.dumps(value)])
    page.goto(ADDRESS + fragment)
    expect(page.locator(".plan > *").first).to_be_attached()
    return page


def lay_out(page: Page, interview: str = "2027-03-22", hours: str = "6") -> None:
    form = page.locator(".plan-form")
    form.get_by_label("Interview").fill(interview)
    form.get_by_label("Hours a week").fill(hours)
    page.get_by_role("button", name="Lay out the plan").click()
    expect(page.get_by_role("heading", name="Your plan")).to_be_visible()


def stored(page: Page) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(page.evaluate("key => localStorage.getItem(key)", SHELF) or "null")
    return value


def current(page: Page) -> dict[str, Any]:
    """The reader's own plan, as it is kept."""
    value = stored(page)
    plan: dict[str, Any] = next(entry["plan"] for entry in value["plans"] if entry["key"] == value["current"])
    return plan


def numbers(page: Page) -> list[list[int]]:
    """The questions of each day, as they are shown."""
    shown: list[list[int]] = page.locator(".plan .plan-day").evaluate_all(
        "days => days.map((day) => [...day.querySelectorAll('[data-question]')].map((item) => Number(item.dataset.question)))"
    )
    return shown


def copied(page: Page) -> str:
    """The plan's link, copied by its button."""
    page.get_by_role("button", name="Copy link", exact=True).click()
    expect(page.locator(".copy-status")).to_have_text("Link copied")
    link: str = page.evaluate("navigator.clipboard.readText()")
    return link
