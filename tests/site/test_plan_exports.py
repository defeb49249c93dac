"""A plan as a calendar, a spreadsheet, Markdown and on paper, each read back by what would read it."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import icalendar
import pytest
from bs4 import BeautifulSoup
from markdown import markdown
from playwright.sync_api import Locator, Page, expect

from macros.plan_link import LinkedDay, LinkedItem, LinkedPlan, encode
from tests.site.conftest import NewPage, Site
from tests.site.plans import numbers, opened, stored

# From before the clocks change in March to after they do in November, in both halves of the world.
YEAR = LinkedPlan(
    "Plan für Zoë; “all”, really",
    date(2027, 3, 13),
    date(2027, 11, 9),
    (
        LinkedDay(0, "", (LinkedItem(question=6), LinkedItem(question=10))),
        LinkedDay(1, "", (LinkedItem(question=6),)),
        LinkedDay(2, "Ask for numbers, then draw;\nback\\slash\n🔥" + "é" * 120, (LinkedItem(question=99),)),
        LinkedDay(
            238,
            "",
            (LinkedItem(text='=HYPERLINK("https://example.org")', minutes=30, note="+1, then\n“two”"),),
        ),
        LinkedDay(239, "", (LinkedItem(question=7, note="* no list\n# no heading <b>"),)),
        LinkedDay(240, "", (LinkedItem(text="-1 is a number", minutes=400),)),
    ),
)


def export_panel(page: Page) -> Locator:
    """The export panel, opened."""
    panel = page.locator("[data-open=export]")
    if panel.get_attribute("open") is None:
        panel.locator("summary").click()
    return panel


def downloaded(page: Page, button: str) -> tuple[str, bytes]:
    """Name and content of what the button of the export panel saves."""
    panel = export_panel(page)
    with page.expect_download() as download:
        panel.get_by_role("button", name=button).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def events(content: bytes) -> dict[str, Any]:
    calendar = icalendar.Calendar.from_ical(content)
    return {
        str(event["UID"]).partition("@")[0].rpartition("-")[2]: event for event in calendar.walk("VEVENT")
    }


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Auckland"])
def test_a_calendar_reads_the_same_hours_in_every_zone(site: Site, new_page: NewPage, zone: str) -> None:
    page = opened(new_page, encode(YEAR), timezone_id=zone)
    export_panel(page).get_by_label("Sittings begin at").fill("23:30")
    name, content = downloaded(page, "Calendar")
    assert stored(page) is None, "nothing is stored unless the plan is adopted"
    assert name == "plan-f-r-zo-all-really.ics"
    calendar = icalendar.Calendar.from_ical(content)
    assert calendar["VERSION"] == "2.0"
    # The library knows this property of RFC 7986 by name alone, and leaves its text as it is written.
    assert str(calendar["NAME"]).replace("\\;", ";").replace("\\,", ",") == YEAR.title
    found = events(content)
    for number, day in enumerate(YEAR.days, start=1):
        starts = found[str(number)].decoded("DTSTART")
        assert starts.tzinfo is None, "a floating time has no zone"
        assert starts == datetime.combine(date(2027, 3, 13) + timedelta(day.offset), time(23, 30))
    minutes = {q["number"]: q["minutes"] for q in site.questions()}
    assert found["1"].decoded("DTEND") - found["1"].decoded("DTSTART") == timedelta(
        minutes=2 * (minutes[6] + minutes[10])
    )
    # A review counts once, and what runs past midnight ends on the next day.
    assert found["2"].decoded("DTEND") - found["2"].decoded("DTSTART") == timedelta(minutes=minutes[6])
    assert found["6"].decoded("DTEND").date() == date(2027, 11, 9)
    assert found["interview"].decoded("DTSTART") == date(2027, 11, 9)
    assert "TZID" not in content.decode()
    # An instant, unlike the sittings: 9:00 of the reader's clock.
    assert found["1"].decoded("DTSTAMP").utcoffset() == timedelta(0)


def test_a_calendar_file_keeps_to_its_standard(site: Site, new_page: NewPage) -> None:
    _, content = downloaded(opened(new_page, encode(YEAR)), "Calendar")
    assert content.endswith(b"END:VCALENDAR\r\n")
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    lines = content.split(b"\r\n")
    assert max(map(len, lines)) == 75, "lines are folded, and no earlier than they must"
    for line in lines:
        line.decode()
    third = str(events(content)["3"]["DESCRIPTION"])
    assert third.startswith(YEAR.days[2].note + "\n")
    assert "question 99, which this site does not have" in third
    assert f"{site.url}q/6/" in str(events(content)["1"]["DESCRIPTION"])
    fourth = str(events(content)["4"]["DESCRIPTION"])
    assert '=HYPERLINK("https://example.org"), 30 minutes\n  +1, then\n  “two”' in fourth


def test_a_later_export_updates_the_events_of_an_earlier_one(new_page: NewPage) -> None:
    page = opened(new_page, encode(YEAR))
    _, read = downloaded(page, "Calendar")
    page.get_by_role("button", name="Adopt this plan").click()
    page.get_by_label("First day").fill("2027-03-20")
    page.get_by_role("button", name="Adopt", exact=True).click()
    export_panel(page).get_by_label("Sittings begin at").fill("07:15")
    page.clock.set_fixed_time("2027-03-02T09:00:00")
    _, own = downloaded(page, "Calendar")
    before, after = events(read), events(own)
    assert {str(event["UID"]) for event in before.values()} == {str(event["UID"]) for event in after.values()}
    assert after["1"].decoded("DTSTART") == datetime(2027, 3, 20, 7, 15)
    assert int(after["1"]["SEQUENCE"]) > int(before["1"]["SEQUENCE"])
    assert after["1"].decoded("DTSTAMP") > before["1"].decoded("DTSTAMP")
    # And the hour is kept.
    page.reload()
    expect(export_panel(page).get_by_label("Sittings begin at")).to_have_value("07:15")
    _, again = downloaded(page, "Calendar")
    assert {key: event["DTSTART"].to_ical() for key, event in events(again).items()} == {
        key: event["DTSTART"].to_ical() for key, event in after.items()
    }


def test_a_plan_without_dates_is_not_put_into_a_calendar(new_page: NewPage) -> None:
    page = opened(new_page, encode(YEAR._replace(start=None, interview=None)))
    export_panel(page).get_by_role("button", name="Calendar").click()
    expect(page.locator(".copy-status")).to_contain_text("Give the plan a first day")
    # A calendar without an event is none to RFC 5545.
    page.evaluate("fragment => { location.hash = fragment; }", encode(YEAR._replace(interview=None, days=())))
    expect(page.locator(".plan")).to_contain_text("There is nothing in this plan yet.")
    export_panel(page).get_by_role("button", name="Calendar").click()
    expect(page.locator(".copy-status")).to_contain_text("There is nothing in this plan yet")


def test_a_spreadsheet_has_every_item_and_no_formula(site: Site, new_page: NewPage) -> None:
    year = YEAR._replace(days=(*YEAR.days, LinkedDay(241, "Rest before the day")))
    name, content = downloaded(opened(new_page, encode(year)), "Spreadsheet")
    assert name.endswith(".csv")
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert [row["Question"] for row in rows] == ["6", "10", "6", "99", "", "7", "", ""]
    assert [row["Kind"] for row in rows] == [
        "question",
        "question",
        "review",
        "question",
        "own",
        "question",
        "own",
        "note",
    ]
    assert rows[7]["Day's note"] == "Rest before the day"
    assert rows[0]["Date"] == "2027-03-13"
    assert rows[0]["Address"] == f"{site.url}q/6/"
    assert rows[0]["Title"] == "Implement token-bucket rate limiting"
    assert rows[3]["Day's note"] == YEAR.days[2].note
    assert rows[4]["Title"] == '\'=HYPERLINK("https://example.org")'
    assert rows[4]["Note"] == "'+1, then\n“two”"
    assert rows[6]["Title"] == "'-1 is a number"
    assert not [cell for row in rows for cell in row.values() if cell[:1] in ("=", "+", "-", "@")]
    records = content.decode("utf-8-sig").split("\r\n")
    assert records[-1] == ""


def test_markdown_has_links_and_no_markup_of_its_own_texts(site: Site, new_page: NewPage) -> None:
    _, content = downloaded(opened(new_page, encode(YEAR)), "Markdown")
    text = content.decode()
    assert (
        f"- [ ] [6. Implement token-bucket rate limiting]({site.url}q/6/) (60 minutes)\n"
        f"- [ ] [10. Implement a circuit breaker]({site.url}q/10/) (60 minutes)"
    ) in text
    assert f"[Open this plan]({site.url}plans/builder/{encode(YEAR)[:6]}" in text
    html = markdown(text)
    read = BeautifulSoup(html, "html.parser")
    assert [heading.get_text() for heading in read.find_all("h1")] == [YEAR.title]
    assert len(read.find_all("h2")) == len(YEAR.days)
    assert not read.find_all("b")
    quotes = [quote.get_text().strip() for quote in read.find_all("blockquote")]
    assert quotes == [YEAR.days[2].note, "+1, then\n“two”", "* no list\n# no heading <b>"]


@pytest.mark.parametrize("adopted", [False, True], ids=["shared", "own"])
def test_on_paper_there_is_the_plan_and_no_control(new_page: NewPage, adopted: bool) -> None:
    page = opened(new_page, own=YEAR) if adopted else opened(new_page, encode(YEAR))
    if adopted:
        page.get_by_label("Title", exact=True).fill("On paper")
        page.get_by_label("Title", exact=True).blur()
    days = numbers(page)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    paper = page.locator(".plan-paper")
    expect(paper.get_by_role("heading", level=2)).to_have_text("On paper" if adopted else YEAR.title)
    assert paper.locator(".plan-day").count() == len(days)
    expect(paper).to_contain_text("+1, then")
    expect(page.locator("article h1")).not_to_be_visible()
    expect(page.get_by_role("heading", name="What a link holds")).not_to_be_visible()
    shown = page.locator("body").evaluate(
        """body => [...body.querySelectorAll("button, input, select, textarea, summary")]
          .filter((control) => control.checkVisibility()).map((control) => control.outerHTML)"""
    )
    assert not shown
