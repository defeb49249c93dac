"""A prep plan as mentors, learners and readers use it: built, given away as a link, read, adopted, changed, never lost."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from macros.plan_link import LinkedDay, LinkedItem, LinkedPlan, decode, encode
from macros.question import Category, Difficulty
from tests.macros.test_plan_link import link_of
from tests.site.axe import ALL, ONLY_COLORS, findings
from tests.site.conftest import NARROW, WIDE, NewPage, Site, Watch
from tests.site.plans import (
    ADDRESS,
    NOW,
    SHELF,
    as_json,
    blank,
    copied,
    current,
    lay_out,
    numbers,
    opened,
    stored,
)
from tests.site.test_progress import KEY as PROGRESS
from tests.site.test_progress import attempt, state
from tests.thorough import THOROUGH

PHONE: dict[str, Any] = {"size": NARROW, "has_touch": True, "is_mobile": True}
CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}

SMALL = LinkedPlan(
    "Two sittings",
    date(2027, 3, 2),
    date(2027, 3, 20),
    (
        LinkedDay(0, "Begin with promises", (LinkedItem(question=1), LinkedItem(question=6))),
        LinkedDay(4, "", (LinkedItem(question=1), LinkedItem(text="Read the incident log", minutes=20))),
    ),
)
OTHER = SMALL._replace(title="Another", days=(LinkedDay(0, "", (LinkedItem(question=10),)),))


def fits(page: Page) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{wide} px too wide"


def found_on(page: Page, where: str, rules: str, within: str = ".plan") -> list[str]:
    """What axe-core finds in the builder, from the page's top: what the header happens to cover is no finding."""
    page.evaluate("scrollTo(0, 0)")
    return findings(page, where, rules, within)


# --- From a mentor to a learner ---------------------------------------------------------------------------------------


def test_a_mentor_sends_a_plan_that_a_learner_adopts_on_a_phone(site: Site, new_page: NewPage) -> None:
    mentor = opened(new_page, **CLIPBOARD)
    lay_out(mentor, hours="10")
    mentor.get_by_label("Title", exact=True).fill("For Ada, from Grace")
    mentor.get_by_role("button", name="Change day 1", exact=True).click()
    panel = mentor.locator("[data-panel='day 0']")
    panel.get_by_label("Something of your own").fill("Read the incident log")
    panel.get_by_label("Minutes").fill("25")
    panel.get_by_role("button", name="Add to the day").click()
    expect(mentor.locator(".plan-item__name", has_text="Read the incident log 25 minutes")).to_be_visible()
    expect(mentor.locator(".plan-hint").first).to_contain_text("characters hold all of it")
    link = copied(mentor)
    assert len(link.removeprefix(site.url + ADDRESS)) < 300
    assert as_json(decode("#" + link.partition("#")[2])) == current(mentor)

    requests: list[str] = []
    learner = new_page(**PHONE)
    learner.on("request", lambda request: requests.append(request.url))
    learner.goto(link)
    expect(learner.get_by_role("heading", name="For Ada, from Grace")).to_be_visible()
    expect(learner.get_by_text("Nothing is stored unless you adopt it")).to_be_visible()
    assert numbers(learner) == numbers(mentor)
    first = site.questions()[numbers(mentor)[0][0] - 1]
    expect(learner.locator(".plan-item a").first).to_have_attribute("href", site.url + first["address"])
    expect(learner.locator(".plan-day").first).to_contain_text("Mon, Mar 1, 2027")
    expect(learner.locator(".plan input:visible, .plan textarea:visible")).to_have_count(0)
    assert learner.evaluate("key => localStorage.getItem(key)", SHELF) is None
    assert not [url for url in requests if link.partition("#")[2] in url], "the plan left the machine"
    fits(learner)

    learner.get_by_role("button", name="Adopt this plan").click()
    expect(learner.get_by_label("You have a plan already")).to_have_count(0)
    learner.get_by_role("button", name="Adopt", exact=True).click()
    expect(learner.get_by_role("heading", name="Your plan")).to_be_visible()
    assert learner.url == site.url + ADDRESS
    fits(learner)
    assert numbers(learner) == numbers(mentor)

    label = f"Move later: {first['number']}. {first['title']}"
    learner.get_by_role("button", name=label).first.click()
    learner.get_by_label("Title", exact=True).fill("Mine now")
    learner.get_by_label("Title", exact=True).blur()
    assert numbers(learner) != numbers(mentor)
    wanted = numbers(learner)
    learner.reload()
    expect(learner.get_by_label("Title", exact=True)).to_have_value("Mine now")
    assert numbers(learner) == wanted
    assert current(mentor)["title"] == "For Ada, from Grace"


def test_every_ready_made_plan_opens_in_the_builder(new_page: NewPage) -> None:
    page = new_page()
    for address, dates in (
        ("plans/one-week/", range(7)),
        # Days of rest are days of the calendar.
        ("plans/two-weeks/", [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]),
        ("plans/four-weeks/", [day + 7 * week for week in range(4) for day in range(5)]),
    ):
        page.goto(address)
        title = page.locator("article h1").inner_text()
        days = page.locator("article h3").all_inner_texts()
        questions = [
            int(text.split(".")[0]) for text in page.locator("article h3 + p + ul li > a").all_inner_texts()
        ]
        href = page.get_by_role("link", name="Open in the plan builder").get_attribute("href") or ""
        assert [day.offset for day in decode("#" + href.partition("#")[2]).days] == list(dates)
        page.get_by_role("link", name="Open in the plan builder").click()
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
        assert [number for day in numbers(page) for number in day] == questions
        shown = [re.sub(r"^Day \d+: ", "", day.removesuffix("¶").removesuffix("¶")).strip() for day in days]
        assert page.locator(".plan-day > .plan-note").all_inner_texts() == shown
        expect(page.locator(".plan-day h3").last).to_have_text(f"Day {len(days)}")


def test_a_plan_without_dates_gets_them_when_it_is_adopted(new_page: NewPage) -> None:
    page = opened(new_page, encode(SMALL._replace(start=None, interview=None)))
    page.get_by_role("button", name="Adopt this plan").click()
    page.get_by_label("First day").fill("2027-03-08")
    page.get_by_role("button", name="Adopt", exact=True).click()
    expect(page.locator(".plan-day h3").last).to_have_text("Day 2: Fri, Mar 12, 2027")
    page.locator(".plan-editor").get_by_label("Interview").fill("2027-03-15")
    expect(page.locator(".plan-facts")).to_contain_text("Interview on Mon, Mar 15, 2027.")
    page.get_by_label("First day").fill("2027-03-10")
    expect(page.locator(".plan-day").last).to_contain_text("Sun, Mar 14, 2027")
    page.get_by_label("First day").fill("2027-03-16")
    expect(page.locator(".copy-status")).to_contain_text("has to come before the interview")
    expect(page.get_by_label("First day")).to_have_value("2027-03-10")
    page.get_by_label("First day").fill("0012-03-10")
    page.get_by_label("Title", exact=True).focus()
    expect(page.get_by_label("First day")).to_have_value("2027-03-10")
    page.locator(".plan-editor").get_by_label("Interview").fill("2027-03-12")
    page.get_by_role("button", name="Change day 1", exact=True).click()
    page.get_by_role("button", name="Remove day 1").click()
    expect(page.locator(".copy-status")).to_contain_text("The days that are left come after the interview.")
    expect(page.locator(".plan-day")).to_have_count(2)


# --- Other plans ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["Keep both", "Replace mine"])
def test_adopting_loses_no_plan_of_ones_own(new_page: NewPage, how: str) -> None:
    page = opened(new_page, encode(OTHER), own=SMALL)
    page.get_by_role("button", name="Adopt this plan").click()
    page.get_by_role("button", name="Cancel").click()
    assert current(page) == as_json(SMALL)
    page.get_by_role("button", name="Adopt this plan").click()
    page.get_by_label(how).check()
    page.get_by_role("button", name="Adopt", exact=True).click()
    expect(page.get_by_label("Title", exact=True)).to_have_value("Another")
    page.get_by_text("1 other plan").click()
    other = page.locator("[data-open=others] li")
    expect(other).to_contain_text("Two sittings")
    expect(other).to_contain_text("Replaced on Mon, Mar 1, 2027" if how == "Replace mine" else "2 days")
    page.get_by_role("button", name="Restore Two sittings").click()
    expect(page.get_by_label("Title", exact=True)).to_have_value("Two sittings")
    assert current(page) == as_json(SMALL)
    page.get_by_role("button", name="Delete Another").dblclick()
    assert len(stored(page)["plans"]) == 2, "one press does not delete, nor does a double click"
    page.get_by_role("button", name="Delete for good: Another").click()
    expect(page.locator("[data-open=others]")).to_have_count(0)
    expect(page.get_by_label("Title", exact=True)).to_be_focused()
    assert [entry["plan"]["title"] for entry in stored(page)["plans"]] == ["Two sittings"]


def test_ones_own_link_opens_ones_own_plan(site: Site, new_page: NewPage) -> None:
    page = opened(new_page, encode(SMALL), own=SMALL)
    expect(page.get_by_role("heading", name="Your plan")).to_be_visible()
    # Another plan's link, pasted into the same window, shows that plan; the way back shows one's own.
    page.evaluate("fragment => { location.hash = fragment; }", encode(OTHER))
    expect(page.get_by_role("heading", name="Another")).to_be_visible()
    page.get_by_role("link", name="To your own plan").click()
    expect(page.get_by_role("heading", name="Your plan")).to_be_visible()
    expect(page.get_by_label("Title", exact=True)).to_be_focused()
    page.go_back()
    expect(page.get_by_role("heading", name="Another")).to_be_visible()
    assert current(page) == as_json(SMALL)


def test_laying_out_anew_keeps_what_was_worked_on(new_page: NewPage) -> None:
    page = opened(new_page)
    lay_out(page, hours="4")
    first = current(page)
    page.get_by_text("Lay out anew").click()
    lay_out(page, hours="8")
    second = current(page)
    expect(page.locator("[data-open=others]")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    assert current(page) == first
    expect(page.locator("[data-key=outcome]")).to_contain_text("of the 12 h that")
    page.get_by_text("Lay out anew").click()
    lay_out(page, hours="8")
    assert current(page) == second
    expect(page.locator("[data-open=others]")).to_have_count(0)
    page.get_by_label("Title", exact=True).fill("Worked on")
    page.get_by_label("Title", exact=True).blur()
    page.get_by_text("Lay out anew").click()
    expect(page.get_by_label("Hours a week")).to_have_value("8")
    page.get_by_role("button", name="Lay out the plan").click()
    page.get_by_text("1 other plan").click()
    expect(page.locator("[data-open=others] li")).to_contain_text("Worked on")


# --- Laying out -------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_is_named_and_can_be_added(site: Site, new_page: NewPage) -> None:
    page = opened(new_page)
    page.get_by_role("checkbox", name="Debugging").check()
    lay_out(page, interview="2027-03-12", hours="4")
    notice = page.locator("[data-key=outcome]")
    expect(notice).to_be_focused()
    notice.get_by_text(re.compile(r"^\d+ questions left out")).click()
    expect(notice).to_contain_text("Left out, because they do not fit")
    named = [int(text.split(".")[0]) for text in notice.locator("li a").all_inner_texts()]
    laid = {number for day in numbers(page) for number in day}
    assert sorted([*named, *laid]) == sorted({q["number"] for q in site.questions()})
    debugging = {q["number"] for q in site.questions() if q["category"] == "debugging"}
    assert laid <= debugging, "what is emphasized comes first"
    page.get_by_text(f"{len(named)} questions not in this plan").click()
    page.get_by_role("button", name=re.compile(f"^Add {named[0]}\\.")).click()
    assert named[0] in numbers(page)[-1]
    expect(page.locator("[data-open=missing] summary")).to_have_text(
        f"{len(named) - 1} questions not in this plan"
    )


def test_questions_are_picked_one_by_one(new_page: NewPage) -> None:
    page = opened(new_page)
    page.get_by_label("Only those that I pick").check()
    page.get_by_role("button", name="Lay out the plan").click()
    expect(page.locator(".plan-said")).to_have_text("Pick a question at least.")
    for number in (10, 6, 1):
        page.get_by_label(re.compile(f"^{number}\\. ")).check()
    page.get_by_label("Bring each question back").uncheck()
    lay_out(page)
    assert [number for day in numbers(page) for number in day] == [6, 1, 10] or [
        number for day in numbers(page) for number in day
    ] == [6, 10, 1]


def test_the_form_says_what_it_lacks(new_page: NewPage) -> None:
    page = opened(new_page)
    expect(page.get_by_label("Target level").locator("option")).to_have_text(
        [difficulty.full_label for difficulty in Difficulty]
    )
    for category in Category:
        expect(page.get_by_role("checkbox", name=category.label, exact=True)).to_be_visible()
    for name in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"):
        page.get_by_label(name).uncheck()
    page.get_by_role("button", name="Lay out the plan").click()
    expect(page.locator(".plan-said")).to_have_text("Choose a day of the week at least.")
    page.get_by_label("Sunday").check()
    page.locator(".plan-form").get_by_label("Interview").fill("2027-03-06")
    page.get_by_role("button", name="Lay out the plan").click()
    expect(page.locator(".plan-said")).to_have_text("None of the chosen weekdays comes before the interview.")
    page.get_by_label("Begin on").fill("2027-03-10")
    page.get_by_role("button", name="Lay out the plan").click()
    expect(page.locator(".plan-said")).to_have_text(
        "The interview has to be after the day on which you begin."
    )
    assert stored(page) is None


# --- Changing ---------------------------------------------------------------------------------------------------------


def test_days_and_items_are_changed_and_changes_taken_back(new_page: NewPage) -> None:
    page = opened(new_page, own=SMALL)
    page.get_by_role("button", name="Change Read the incident log").click()
    panel = page.locator("[data-panel='item 1.1']")
    panel.get_by_label("Minutes").fill("45")
    panel.get_by_label("Note").fill("From page 3\nto the end")
    panel.get_by_label("Note").blur()
    # A note that came up above the button which is being pressed would move it from under the finger.
    expect(page.locator(".plan-item .plan-note:visible")).to_have_count(0)
    expect(page.locator(".plan-day").last).to_contain_text("20 min of interview, about 1 h 5 min in all")
    panel.get_by_label("Move to").select_option(label="Day 1, Tue, Mar 2, 2027 (1 h 40 min)")
    panel.get_by_role("button", name="Move", exact=True).click()
    assert [len(day["items"]) for day in current(page)["days"]] == [3, 1]
    expect(page.locator(".plan-item .plan-note:visible")).to_have_text("From page 3\nto the end")
    expect(page.get_by_role("button", name="Change Read the incident log")).to_be_focused()

    page.get_by_role("button", name="Change day 2", exact=True).click()
    day = page.locator("[data-panel='day 1']")
    day.get_by_label("Date").fill("2027-03-02")
    day.get_by_role("button", name="Move to this date").click()
    expect(page.locator(".copy-status")).to_have_text("There is a sitting on Tue, Mar 2, 2027 already.")
    day.get_by_label("Date").fill("2027-03-01")
    day.get_by_role("button", name="Move to this date").click()
    expect(page.locator(".plan-day h3").first).to_have_text("Day 1: Mon, Mar 1, 2027")
    expect(page.locator(".plan-day", has_text="Today: ")).to_have_count(1)
    assert numbers(page) == [[1], [1, 6]]
    # The second of two is the review, whatever their places were before.
    expect(page.locator(".plan-day").first).not_to_contain_text("review")
    expect(page.locator(".plan-day").last).to_contain_text("review, without hints")
    page.get_by_role("button", name="Change day 2", exact=True).click()
    page.get_by_role("button", name="Remove day 2").click()
    assert numbers(page) == [[1]]
    page.get_by_role("button", name="Add a day").click()
    expect(page.locator(".plan-day h3").last).to_have_text("Day 2: Tue, Mar 2, 2027")

    undo = page.get_by_role("button", name="Undo")
    while undo.is_enabled():
        undo.click()
    assert current(page) == as_json(SMALL)


def test_by_keyboard_alone(new_page: NewPage) -> None:
    page = opened(new_page)

    def to(name: str) -> None:
        """Tab on until the focus is on the control of that name."""
        for _ in range(120):
            page.keyboard.press("Tab")
            label = page.evaluate(
                "() => { const e = document.activeElement; return e.getAttribute('aria-label') || e.textContent.trim(); }"
            )
            if label.startswith(name):
                return
        pytest.fail(f"the keyboard does not reach {name}")

    page.locator(".plan-form").get_by_label("Interview").focus()
    to("Lay out the plan")
    page.keyboard.press("Enter")
    expect(page.locator("[data-key=outcome]")).to_be_focused()
    before = numbers(page)
    to("Move later: 1. ")
    while numbers(page)[1][-1:] != [1]:
        page.keyboard.press("Enter")
    moved = [number for day in numbers(page)[:2] for number in day]
    assert sorted(moved) == sorted(number for day in before[:2] for number in day)
    # The focus goes where the question went.
    expect(page.locator("[data-question='1'] [aria-label^='Move later']").first).to_be_focused()
    to("Change 1. ")
    page.keyboard.press("Space")
    to("Remove 1. ")
    page.keyboard.press("Enter")
    expect(page.locator(".copy-status")).to_contain_text("Removed: 1. ")
    assert len([n for day in numbers(page) for n in day]) == len([n for day in before for n in day]) - 1
    assert page.evaluate("document.activeElement.closest('.plan-day') !== null")
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    assert len([n for day in numbers(page) for n in day]) == len([n for day in before for n in day])


def test_a_change_in_one_window_shows_in_the_other(new_page: NewPage, watch: Watch) -> None:
    page = opened(new_page, own=SMALL)
    second = page.context.new_page()
    watch.on(second)
    second.goto(ADDRESS)
    expect(second.get_by_label("Title", exact=True)).to_have_value("Two sittings")
    second.get_by_role("button", name="Change day 1", exact=True).click()
    second.locator("[data-panel='day 0']").get_by_label("Something of your own").focus()
    second.keyboard.type("Half a wo")
    page.get_by_role("button", name=re.compile("^Move later: 6")).click()
    expect(second.locator(".plan-day").last).to_contain_text("6. ")
    assert numbers(second) == numbers(page) == [[1], [6, 1]]
    # Whoever is typing goes on typing.
    second.keyboard.type("rd")
    expect(second.locator("[data-panel='day 0']").get_by_label("Something of your own")).to_have_value(
        "Half a word"
    )
    note = second.locator("[data-panel='day 0']").get_by_label("Note for the day")
    note.press("End")
    second.keyboard.type(" and na")
    page.get_by_role("button", name=re.compile("^Move earlier: 6")).click()
    expect(second.locator(".plan-day").first).to_contain_text("6. ")
    second.keyboard.type("mes")
    second.locator("[data-panel='day 0']").get_by_label("Minutes").focus()
    expect(page.locator(".plan-day > .plan-note").first).to_have_text("Begin with promises and names")
    # Nobody takes back what somebody else has done meanwhile.
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    # What is typed is kept when the page goes before its field was left.
    note.press("End")
    second.keyboard.type("!")
    second.reload()
    expect(second.locator(".plan-day > .plan-note").first).to_have_text("Begin with promises and names!")
    second.get_by_role("button", name="New plan").click()
    expect(page.get_by_role("button", name="Lay out the plan")).to_be_visible()
    # Where a plan comes back, what would make another one closes.
    page.get_by_role("button", name="Restore Two sittings").click()
    expect(page.get_by_label("Title", exact=True)).to_be_focused()
    expect(page.get_by_role("button", name="Lay out the plan")).not_to_be_visible()


def test_what_was_practiced_is_marked_as_done(new_page: NewPage) -> None:
    page = opened(new_page, encode(SMALL), own=OTHER._replace(days=SMALL.days))
    done = page.locator(".plan-item", has=page.locator(".plan-item__done"))

    def practice(*attempts: dict[str, Any], **parts: Any) -> None:
        """The reader comes back to the page after having practiced on another one."""
        page.evaluate(
            "([key, value]) => localStorage.setItem(key, value)",
            [PROGRESS, json.dumps(state(*attempts, **parts))],
        )
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")

    expect(done).to_have_count(0)
    practice(attempt(1))
    expect(done).to_have_count(1)
    expect(done).to_contain_text("1. ")
    expect(done).not_to_contain_text("review")
    page.get_by_role("link", name="To your own plan").click()
    expect(done).to_have_count(1)
    practice(attempt(1), attempt(1, 3), done=[{"question": 6, "at": attempt()["at"], "done": True}])
    expect(done).to_have_count(3)
    expect(page.locator(".plan-day").last.locator(".plan-item__done")).to_have_count(1)

    own = page.get_by_role("button", name="Done: Read the incident log")
    own.click()
    expect(own).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".plan-facts")).to_contain_text("Done: 4 of 4 items.")
    # The reader knows better, of a review and of a question.
    page.get_by_role("button", name=re.compile("^Done: 1.*review")).click()
    page.get_by_role("button", name=re.compile("^Done: 6")).click()
    expect(done).to_have_count(2)
    marks = json.loads(page.evaluate("key => localStorage.getItem(key)", PROGRESS))["done"]
    assert [(mark["question"], mark["done"]) for mark in marks] == [(6, False)]
    page.get_by_role("button", name="Move earlier: Read the incident log").click()
    page.reload()
    expect(own).to_have_attribute("aria-pressed", "true")
    expect(done).to_have_count(2)
    # Under another name it is the same, and there again when that is taken back.
    page.get_by_role("button", name="Change Read the incident log").click()
    page.get_by_label("What", exact=True).fill("Read it again")
    page.get_by_label("What", exact=True).blur()
    expect(page.get_by_role("button", name="Done: Read it again")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Remove Read it again")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(own).to_have_attribute("aria-pressed", "true")
    # It is nobody else's business.
    page.get_by_role("button", name="Move later: Read the incident log").click()
    assert current(page) == as_json(OTHER._replace(days=SMALL.days))


# --- From the questions' pages ----------------------------------------------------------------------------------------


def test_questions_are_added_from_their_pages_and_tables(site: Site, new_page: NewPage) -> None:
    page = new_page()
    other = page.context.new_page()
    for window in (other, page):
        window.goto("questions/technical/rate-limiting/")
    button = page.locator(".page-tools").get_by_role("button", name="Add to plan")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".copy-status")).to_have_text("Added to day 1 of your plan")
    expect(page.get_by_role("link", name="In plan, day 1")).to_be_focused()
    expect(other.get_by_role("link", name="In plan, day 1")).to_be_visible()
    other.close()
    page.goto("questions/technical/")
    expect(page.get_by_role("link", name=re.compile("^In plan, day 1: 6"))).to_be_visible()
    page.get_by_role("button", name=re.compile("^Add to plan: 7")).click()
    expect(page.get_by_role("link", name=re.compile("^In plan, day 2: 7"))).to_be_visible()
    page.get_by_role("link", name=re.compile("^In plan, day 2: 7")).click()
    expect(page.get_by_role("heading", name="Your plan")).to_be_visible()
    assert numbers(page) == [[6], [7]]
    # What was picked is what the form offers to lay out.
    page.get_by_text("Lay out anew").click()
    expect(page.get_by_label("Only those that I pick")).to_be_checked()
    checked = page.locator(".plan-set--list input:checked")
    expect(checked).to_have_count(2)


def test_without_scripts_the_page_says_so_and_offers_ready_made_plans(new_page: NewPage) -> None:
    page = new_page(javascript=False)
    page.goto(ADDRESS)
    expect(page.get_by_text("The builder works by JavaScript")).to_be_visible()
    expect(page.locator(".plan-builder").get_by_role("link", name="Two weeks")).to_be_visible()
    for address in ("questions/", "questions/technical/rate-limiting/"):
        page.goto(address)
        expect(page.locator(".plan-add")).to_have_count(0)


def test_a_catalog_that_does_not_load_is_told_and_tried_again(new_page: NewPage, watch: Watch) -> None:
    page = new_page()
    page.route("**/questions.json", lambda route: route.abort())
    page.goto(ADDRESS)
    expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
    page.unroute("**/questions.json")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Lay out the plan")).to_be_visible()
    assert page.evaluate("document.activeElement.textContent").startswith("Lay out a plan")
    watch.problems.clear()


# --- What goes wrong --------------------------------------------------------------------------------------------------

REFUSE = "Storage.prototype.setItem = () => {{ throw new DOMException('no', '{}'); }};"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (REFUSE.format("QuotaExceededError"), "no room left"),
        (REFUSE.format("SecurityError"), "does not let the site store anything"),
        (
            "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });",
            "does not let the site store anything",
        ),
    ],
    ids=["full", "read only", "forbidden"],
)
def test_a_browser_that_stores_nothing_keeps_the_plan_while_the_page_is_open(
    new_page: NewPage, watch: Watch, script: str, words: str
) -> None:
    page = new_page(**CLIPBOARD)
    page.add_init_script(script)
    page.clock.set_fixed_time(NOW)
    page.goto("topics/")
    page.wait_for_load_state("networkidle")
    # Material's own scripts ask for the storage too, on every page, and fail where it is forbidden.
    materials = {problem.partition(": ")[2] for problem in watch.problems}
    page.goto(ADDRESS)
    lay_out(page)
    expect(page.locator(".plan-trouble")).to_contain_text(words)
    before = numbers(page)
    page.get_by_role("button", name=re.compile("^Move later")).first.click()
    assert numbers(page) != before
    assert decode("#" + copied(page).partition("#")[2]).days
    assert {problem.partition(": ")[2] for problem in watch.problems} <= materials
    watch.problems.clear()


def test_a_damaged_plan_is_set_aside_and_not_lost(new_page: NewPage) -> None:
    page = new_page()
    kept = {"key": "0123456789abcdef", "plan": as_json(SMALL)}
    blank(page)
    for junk in (
        "{",
        '{"version":1,"current":"gone","plans":[]}',
        '{"version":0,"plans":[]}',
        # No calendar has that day.
        json.dumps({"version": 1, "current": None, "plans": [kept | {"replaced": 9_000_000_000_000_000}]}),
    ):
        page.evaluate(
            "([key, value]) => { localStorage.clear(); localStorage.setItem(key, value); }", [SHELF, junk]
        )
        page.goto(ADDRESS)
        expect(page.locator(".plan-trouble")).to_contain_text("It was set aside, not deleted")
        assert page.evaluate("key => localStorage.getItem(key + '.damaged')", SHELF) == junk
        page.get_by_role("button", name="Begin with an empty plan").click()
        expect(page.get_by_role("heading", name="Your plan")).to_be_visible()
        assert current(page)["title"] == "My prep plan"


def test_plans_of_a_newer_version_are_left_alone(new_page: NewPage) -> None:
    page = new_page()
    blank(page)
    newer = '{"version":2,"plans":{}}'
    page.evaluate("([key, value]) => localStorage.setItem(key, value)", [SHELF, newer])
    page.goto(ADDRESS)
    page.get_by_role("button", name="Begin with an empty plan").click()
    expect(page.locator(".plan-trouble")).to_contain_text("stored by a newer version of this site")
    assert page.evaluate("key => localStorage.getItem(key)", SHELF) == newer


def test_a_bad_link_says_what_is_wrong_and_touches_nothing(new_page: NewPage) -> None:
    page = opened(new_page, own=SMALL)
    kept = stored(page)
    whole = encode(SMALL)
    for fragment, words in (
        (whole[:-9], "This link does not hold a whole plan"),
        (
            whole[:30] + ("A" if whole[30] != "A" else "B") + whole[31:],
            "This link does not hold a whole plan",
        ),
        ("#plan=javascript:alert(1)x", "This link does not hold a whole plan"),
        (link_of(b"from the future", version=200), "made by a newer version of this site"),
    ):
        page.evaluate("fragment => { location.hash = fragment; }", fragment)
        expect(page.get_by_role("alert")).to_contain_text(words)
        assert stored(page) == kept
        page.get_by_role("link", name="To your own plan").click()
        expect(page.get_by_label("Title", exact=True)).to_have_value("Two sittings")
    # The same for whoever comes by the link and has no plan.
    page = opened(new_page, whole[:-9])
    expect(page.get_by_role("alert")).to_contain_text("This link does not hold a whole plan")
    page.get_by_role("link", name="Build a plan of your own").click()
    expect(page.get_by_role("button", name="Lay out the plan")).to_be_visible()


def test_texts_in_a_link_are_texts_and_unknown_questions_are_told(new_page: NewPage) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    plan = LinkedPlan(
        hostile,
        date(2027, 3, 1),
        None,
        (
            LinkedDay(
                0,
                f"{hostile}\nאבג",
                (LinkedItem(question=99), LinkedItem(text="x" * 200, minutes=600, note="y" * 500)),
            ),
        ),
    )
    page = opened(new_page, encode(plan), **PHONE)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    expect(page.get_by_role("heading", name=hostile)).to_be_visible()
    expect(page.locator(".plan-item").first).to_have_text("question 99, which this site does not have")
    expect(page.locator(".plan img")).to_have_count(0)
    fits(page)
    page.get_by_role("button", name="Adopt this plan").click()
    page.get_by_role("button", name="Adopt", exact=True).click()
    page.get_by_role("button", name="Change question 99").click()
    expect(page.get_by_role("button", name="Remove question 99")).to_be_visible()
    fits(page)
    assert current(page) == as_json(plan)


def test_a_plan_too_long_for_a_link_is_kept_and_says_so(new_page: NewPage) -> None:
    page = opened(new_page, own=SMALL)
    value = stored(page)
    letters = "".join(chr(0x4E00 + (n * n * 31 + n * 7) % 20000) for n in range(20_000))
    value["plans"][0]["plan"]["days"] = [
        {"offset": n, "note": letters[500 * n : 500 * n + 500], "items": []} for n in range(40)
    ]
    page.evaluate("([key, value]) => localStorage.setItem(key, value)", [SHELF, json.dumps(value)])
    page.reload()
    expect(page.locator(".plan-hint").first).to_contain_text("too long for a link")
    expect(page.get_by_role("button", name="Copy link", exact=True)).to_be_disabled()


# --- Accessibility ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("palette", "size", "rules"),
    [
        pytest.param("light", WIDE, ONLY_COLORS, id="light", marks=THOROUGH),
        pytest.param("dark", NARROW, ALL, id="dark"),
    ],
)
def test_no_state_has_a_finding(
    new_page: NewPage, palette: Literal["light", "dark"], size: tuple[int, int], rules: str
) -> None:
    """The form, a shared plan, its question, the own plan with what can be opened in it, a bad link, the tables' buttons."""
    page = opened(new_page, palette=palette, size=size)
    page.get_by_label("Only those that I pick").check()
    found = found_on(page, "form, picking", rules)
    page.get_by_label("Choose for me").check()
    page.get_by_text("Emphasize topics").click()
    found += found_on(page, "form, emphasis", rules)
    # Short plans have all that long ones have.
    lay_out(page, interview="2027-03-08", hours="3")
    page.evaluate("fragment => { location.hash = fragment; }", encode(SMALL))
    page.get_by_role("button", name="Adopt this plan").click()
    found += found_on(page, "question", rules, "dialog")
    page.keyboard.press("Escape")
    found += found_on(page, "shared plan", rules)
    page.get_by_role("button", name="Adopt this plan").click()
    page.get_by_role("button", name="Adopt", exact=True).click()
    page.get_by_role("button", name=re.compile("^Change")).first.click()
    page.locator(".plan-item").first.get_by_role("button", name=re.compile("^Change")).click()
    page.get_by_role("button", name=re.compile("^Done: 6")).click()
    for name in ("Export and print", "not in this plan", "other plan"):
        page.locator("summary", has_text=name).click()
    found += found_on(page, "own plan", rules)
    page.evaluate("() => { location.hash = '#plan=nonsense'; }")
    expect(page.get_by_role("alert")).to_be_visible()
    found += found_on(page, "bad link", rules)
    page.goto("questions/technical/")
    page.get_by_role("button", name=re.compile("^Add to plan: 7")).click()
    expect(page.get_by_role("link", name=re.compile("^In plan.*: 7"))).to_be_visible()
    found += found_on(page, "table", rules, "table.questions")
    assert not found, "\n".join(found)


def test_controls_are_large_enough_for_fingers(new_page: NewPage) -> None:
    page = opened(new_page, own=SMALL, **PHONE)
    page.locator(".plan-item").first.get_by_role("button", name=re.compile("^Change")).click()
    small = page.locator(".plan").evaluate(
        """plan => [...plan.querySelectorAll("button, summary, input, select, textarea")]
          .filter((control) => control.checkVisibility())
          .map((control) => [control.outerHTML.slice(0, 120), control.getBoundingClientRect()])
          .filter(([, box]) => box.height < 44 || box.width < 44)
          .map(([html, box]) => `${html}: ${box.width} x ${box.height}`)"""
    )
    assert not small, "\n".join(small)
