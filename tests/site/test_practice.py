"""Practice as a reader does it: against a clock that the test turns, by pointer and by keyboard, across reloads and tabs."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.site.axe import findings_of_state
from tests.site.conftest import NARROW, NewPage, Site
from tests.thorough import THOROUGH

QUESTION = "questions/technical/rate-limiting/"
MINUTES = 30
DRILL = "questions/debugging/latency-spike/"
MORNING = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


# A screen that counts by how much it is kept on.
SCREEN = """window.awake = 0;
Object.defineProperty(navigator, "wakeLock", {
  value: {
    request: async () => {
      awake += 1;
      return { addEventListener() {}, release: async () => { awake -= 1; } };
    },
  },
});"""


def practicing(new_page: NewPage, address: str = QUESTION, **options: Any) -> Page:
    """A page with a run that has just begun, on a clock that moves only when the test moves it."""
    page = new_page(timezone_id="UTC", **options)
    page.clock.install(time=MORNING)
    page.goto(address)
    expect(page.get_by_role("button", name="Practice")).to_be_visible()
    page.clock.pause_at(datetime(2026, 11, 26, 10, 0, tzinfo=UTC))
    page.get_by_role("button", name="Practice").click()
    expect(bar(page)).to_be_focused()
    expect(clock(page)).to_have_text("0:00")
    return page


def bar(page: Page) -> Locator:
    return page.get_by_role("region", name="Practice clock")


def clock(page: Page) -> Locator:
    return page.get_by_role("timer")


def said(page: Page) -> Locator:
    return page.locator(".practice-said")


def finish(page: Page) -> None:
    bar(page).get_by_role("button", name="Finish and score").click()
    expect(page.get_by_role("heading", name="Score the attempt")).to_be_focused()


def save(page: Page, *labels: str) -> None:
    for label in labels:
        page.get_by_role("checkbox", name=label).check()
    page.get_by_role("button", name="Save the attempt").click()
    expect(page.get_by_role("heading", name="Attempt saved")).to_be_focused()


def fact(page: Page, name: str) -> str:
    return page.locator(".practice-facts > div").filter(has_text=name).locator("dd").inner_text()


def kept(page: Page, shelf: str = "progress") -> Any:
    text = page.evaluate("name => localStorage.getItem(`llm-production-interviews.${name}`)", shelf)
    return json.loads(text) if text else None


def test_nothing_is_loaded_before_it_is_wanted(new_page: NewPage) -> None:
    page = new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(QUESTION)
    expect(page.get_by_role("button", name="Practice")).to_be_visible()
    page.wait_for_load_state("networkidle")
    # What is shared by parts that come on want comes with the first of them.
    ours = r"ts-fsrs|/practice/|practice\.css|progress|/shared/"
    assert not [url for url in requests if re.search(ours, url)]
    # A run that was left here costs other questions' pages little, and none once it is over.
    page.get_by_role("button", name="Practice").click()
    expect(bar(page)).to_be_focused()
    requests.clear()
    page.goto(DRILL)
    expect(page.get_by_role("button", name="Practice")).to_be_visible()
    page.wait_for_load_state("networkidle")
    loaded = sorted(url.rpartition("/")[2] for url in requests if re.search(ours, url))
    assert loaded == ["model.js", "runs.js"]


def test_a_question_from_its_start_to_the_saved_score(new_page: NewPage) -> None:
    page = practicing(new_page)
    expect(said(page)).to_contain_text("30 minutes")
    expect(page.locator("li[aria-current=step]")).to_contain_text("Clarify")

    # The marks are announced, and nothing between them.
    page.clock.run_for("02:59")
    expect(clock(page)).to_have_text("2:59")
    expect(said(page)).to_contain_text("Clarify: until 3:00")
    # What a crash would leave is less than a quarter of a minute old.
    run = kept(page, "practice")["runs"][0]
    assert run["seen"] - run["began"] > 164_000
    page.clock.run_for("00:01")
    expect(said(page)).to_have_text("Outline: until 7:30.")
    page.clock.run_for("01:00")
    expect(said(page)).to_have_text("Outline: until 7:30.")
    expect(page.locator("li[aria-current=step]")).to_contain_text("Outline")

    # Pausing stops the clock for as long as it lasts.
    page.get_by_role("button", name="Pause").click()
    page.clock.run_for("10:00")
    expect(clock(page)).to_have_text("4:00")
    page.get_by_role("button", name="Continue").click()
    page.clock.run_for("01:00")
    expect(clock(page)).to_have_text("5:00")

    finish(page)
    page.clock.run_for("05:00")
    save(page, "Mid-senior (L4/L5)", "Senior (L5/L6)")
    assert fact(page, "Time") == "5:00 of 30:00"
    assert fact(page, "Level") == "Senior (L5/L6)"
    assert fact(page, "Grade") == "Easy"
    assert fact(page, "Hints") == "0"
    assert fact(page, "Answer opened early") == "no"
    attempt = kept(page)["attempts"][0]
    assert (attempt["question"], attempt["seconds"], attempt["minutes"]) == (6, 300, MINUTES)
    assert (attempt["met"], attempt["target"], attempt["early"]) == ([0, 1], 0, False)
    assert kept(page, "practice") is None


def test_the_clock_is_right_after_the_tab_has_slept(new_page: NewPage) -> None:
    page = practicing(new_page)
    # Time passes, and no timer of the tab is called but one, once.
    page.clock.fast_forward("31:00")
    expect(clock(page)).to_have_text("31:00")
    expect(said(page)).to_contain_text("Time is up")
    expect(page.locator(".practice-phase")).to_have_text("Time is up")

    # The system's clock is set back: what was spent stays, and the clock goes on from there.
    page.clock.set_system_time(MORNING)
    page.clock.run_for("00:10")
    expect(clock(page)).to_have_text("31:09")

    # Left and come back to by "back", as browsers keep it: the time in between does not count.
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    page.clock.fast_forward("20:00")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(said(page)).to_contain_text("when you left this page")
    page.get_by_role("button", name="Continue").click()
    expect(clock(page)).to_have_text("31:09")


def test_the_question_and_the_clock_are_in_sight_while_it_runs(new_page: NewPage) -> None:
    page = practicing(new_page, size=NARROW, has_touch=True)
    expect(page.locator("#question ~ blockquote").first).to_be_in_viewport()
    page.get_by_role("heading", name="Hints").scroll_into_view_if_needed()
    for _ in range(2):
        page.mouse.wheel(0, 400)
        # The frame in which what follows the reader is looked at.
        page.clock.run_for(100)
        shown = bar(page).evaluate(
            """bar => {
              const { left, top } = bar.getBoundingClientRect();
              return bar.contains(document.elementFromPoint(left + 5, top + 5));
            }"""
        )
        assert shown, "the clock is out of sight or covered"
    expect(page.get_by_role("navigation", name="Place in this page")).to_be_hidden()
    finish(page)
    expect(page.get_by_role("heading", name="Score the attempt")).to_be_in_viewport()


def test_while_practicing_what_gives_the_answer_away_is_shut(new_page: NewPage) -> None:
    page = practicing(new_page)
    for heading in ("What it tests", "Clarifying questions", "Pitfalls", "Follow-ups", "References"):
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_hidden()
    expect(page.get_by_role("button", name="Open all")).to_be_hidden()
    expect(page.get_by_role("heading", name="Question", exact=True)).to_be_visible()
    # The search shows the answers of other questions alone.
    page.keyboard.press("/")
    page.get_by_role("searchbox").fill("token bucket")
    expect(page.locator(".search__section").first).to_be_visible()
    own = page.locator(".search__link").filter(has_text=re.compile(r"^6\. "))
    expect(own).to_have_count(1)
    expect(own.locator(".search__section")).to_have_count(0)
    assert "#" not in (own.get_attribute("href") or "")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show the clarifying questions").click()
    expect(page.get_by_role("heading", name="Clarifying questions")).to_be_focused()
    finish(page)
    for heading in ("What it tests", "Pitfalls", "Follow-ups", "References"):
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Open all")).to_be_visible()
    page.locator("details.answer > summary").click()
    expect(page.get_by_role("heading", name="Model answer")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_hint_says_its_cost_before_and_lowers_the_grade(new_page: NewPage) -> None:
    page = practicing(new_page)
    hints = page.locator("details.hint > summary")
    expect(hints.nth(0)).to_contain_text("grade Good at best")
    hints.nth(0).click()
    expect(said(page)).to_contain_text("Hints opened: 1 of 3. Best grade still open: Good.")
    expect(hints.nth(0)).not_to_contain_text("at best")
    expect(hints.nth(1)).to_contain_text("grade Hard at best")
    # Open and shut again costs nothing more.
    hints.nth(0).click()
    hints.nth(0).click()
    expect(page.locator(".practice-rules")).to_contain_text("Hints opened: 1 of 3")
    hints.nth(2).click()
    finish(page)
    save(page, "Mid-senior (L4/L5)", "Senior (L5/L6)", "Staff (L6/L7)")
    assert fact(page, "Level") == "Staff (L6/L7)"
    assert (fact(page, "Hints"), fact(page, "Grade")) == ("2", "Hard")
    expect(page.get_by_text("2 hints opened: at best Hard.")).to_be_visible()


def test_opening_the_answer_early_asks_and_is_recorded(new_page: NewPage) -> None:
    page = practicing(new_page)
    dialog = page.get_by_role("dialog")
    ways = (
        page.locator("details.answer > summary"),
        page.locator(".md-sidebar--secondary a[href='#model-answer']"),
        page.locator(".md-sidebar--secondary a[href='#pitfalls']"),
        page.get_by_role("button", name="Open the answer early"),
    )
    for way in ways:
        way.click()
        expect(dialog.get_by_role("button", name="Keep it shut")).to_be_focused()
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(page.locator("details.answer")).not_to_have_attribute("open", "")
        assert kept(page, "practice")["runs"][0]["early"] is False
    # Printing opens every block at once, and asks once.
    page.evaluate("document.querySelectorAll('article details').forEach((block) => { block.open = true; })")
    expect(dialog).to_have_count(1)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    ways[0].click()
    page.get_by_role("dialog").get_by_role("button", name="Open the answer").click()
    expect(page.locator("details.answer")).to_have_attribute("open", "")
    expect(page.locator(".practice-rules")).to_contain_text("the grade of this attempt is Again")
    finish(page)
    save(page, "Mid-senior (L4/L5)")
    assert (fact(page, "Answer opened early"), fact(page, "Grade")) == ("yes", "Again")


def test_a_drills_stages_are_part_of_practice_and_free(new_page: NewPage) -> None:
    page = practicing(new_page, DRILL)
    stages = page.locator("details.stage")
    for number in range(2):
        stages.nth(number).locator("> summary").click()
        stages.nth(number).locator("details.evidence > summary").click()
        expect(stages.nth(number).locator("details.evidence")).to_have_attribute("open", "")
    expect(page.locator(".practice-rules")).to_contain_text("Best grade still open: Easy")
    page.get_by_text("Reveal the pitfalls").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep it shut").click()
    expect(page.get_by_role("heading", name="Pitfalls")).to_be_hidden()
    finish(page)
    save(page, "Mid-senior (L4/L5)", "Senior (L5/L6)")
    assert fact(page, "Stages worked") == f"2 of {stages.count()}"
    assert fact(page, "Grade") == "Good"


def test_levels_signals_and_parts_are_those_of_the_page(new_page: NewPage) -> None:
    page = practicing(new_page)
    signals = page.locator("#what-it-tests + .section-tools + ul > li").all_text_contents()
    levels = page.locator("details:has(> #levels) tbody tr td:first-child").all_text_contents()
    assert len(signals) >= 3
    assert len(levels) == 3
    finish(page)
    groups = page.locator(".practice-group")
    assert groups.nth(0).locator("strong").all_inner_texts() == levels
    shown = groups.nth(1).get_by_role("checkbox")
    expect(shown).to_have_count(len(signals))
    for signal, text in enumerate(signals):
        expect(groups.nth(1).locator("label").nth(signal)).to_contain_text(" ".join(text.split()))
    # A level counts only with those before it.
    outcome = page.locator(".practice-outcome")
    rows = groups.nth(0).get_by_role("checkbox")
    rows.nth(1).check()
    expect(outcome).to_contain_text("Counts as: Below Mid-senior (L4/L5)")
    rows.nth(0).check()
    expect(outcome).to_contain_text("Counts as: Senior (L5/L6)")
    page.get_by_role("checkbox", name="Wrap up").check()
    page.get_by_label("What you missed").fill("Whose clock?")
    shown.first.check()
    page.get_by_role("button", name="Save the attempt").click()
    attempt = kept(page)["attempts"][0]
    assert attempt["skipped"] == ["Wrap up"]
    assert attempt["note"] == "Whose clock?"
    assert [signal["met"] for signal in attempt["signals"]] == [True, *[False] * (len(signals) - 1)]


def reload(page: Page) -> None:
    """As a reader does. On a clock that the test moves, nothing is set up until a frame has passed."""
    page.reload(wait_until="load")
    page.clock.run_for(100)


def test_a_run_survives_a_reload_and_is_continued_or_discarded(new_page: NewPage) -> None:
    page = practicing(new_page)
    page.locator("details.hint > summary").first.click()
    page.clock.run_for("04:00")
    reload(page)
    expect(page.get_by_text("4:00 of 30:00 on the clock, 1 hint opened.")).to_be_visible()
    # Undecided, the answer stays shut.
    page.locator("details.answer > summary").click()
    expect(page.locator("details.answer")).not_to_have_attribute("open", "")
    expect(said(page)).to_have_text("Continue or discard the practice run first.")
    # The time in between does not count.
    page.clock.run_for("20:00")
    page.get_by_role("button", name="Continue").click()
    page.clock.run_for("01:00")
    expect(clock(page)).to_have_text("5:00")
    expect(page.locator(".practice-rules")).to_contain_text("Hints opened: 1 of 3")

    # What has been ticked survives, too.
    finish(page)
    page.get_by_role("checkbox", name=re.compile("^Mid-senior")).check()
    page.get_by_label("What you missed").fill("half a sentence")
    reload(page)
    expect(page.get_by_label("What you missed")).to_have_value("half a sentence")
    expect(page.get_by_role("checkbox", name=re.compile("^Mid-senior"))).to_be_checked()
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("dialog").get_by_role("button", name="Discard").click()
    expect(page.locator(".practice")).to_have_count(0)
    reload(page)
    expect(page.get_by_role("button", name="Practice")).to_be_visible()
    expect(page.locator(".practice")).to_have_count(0)
    assert kept(page) is None


def test_one_run_in_two_tabs_has_one_clock(new_page: NewPage) -> None:
    page = practicing(new_page)
    other = page.context.new_page()
    other.clock.install(time=MORNING)
    other.goto(QUESTION)
    other.clock.run_for(100)
    # Before it is continued here, nothing of it can be opened here.
    expect(other.get_by_role("heading", name="A practice run was left here")).to_be_visible()
    other.locator("details.hint > summary").first.click()
    expect(said(other)).to_have_text("Continue or discard the practice run first.")
    expect(other.locator("details.hint[open]")).to_have_count(0)
    other.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="This run goes on in another tab")).to_be_visible()
    page.get_by_role("button", name="Continue here").click()
    expect(other.get_by_role("heading", name="This run goes on in another tab")).to_be_visible()
    finish(page)
    save(page, "Mid-senior (L4/L5)")
    expect(other.get_by_role("heading", name="This run was ended in another tab")).to_be_visible()
    other.get_by_role("button", name="Close").click()
    expect(other.locator(".practice")).to_have_count(0)


def test_by_keyboard_alone_and_without_a_network(new_page: NewPage) -> None:
    """And the screen stays on as long as the clock runs."""
    page = new_page()
    page.add_init_script(SCREEN)
    page.goto(QUESTION)
    page.get_by_role("button", name="Practice").focus()
    page.keyboard.press("Enter")
    expect(bar(page)).to_be_focused()
    # The train has gone into a tunnel: what the rest takes is here.
    page.context.set_offline(True)

    def tab_to(target: Locator, most: int = 40) -> None:
        for _ in range(most):
            if target.evaluate("e => e === document.activeElement"):
                return
            page.keyboard.press("Tab")
        pytest.fail(f"not reached by keyboard: {target}")

    page.keyboard.press("Tab")
    expect(bar(page).get_by_role("button", name="Pause")).to_be_focused()
    page.wait_for_function("awake === 1")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Continue")).to_be_focused()
    page.wait_for_function("awake === 0")
    page.keyboard.press("Space")
    page.wait_for_function("awake === 1")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Score the attempt")).to_be_focused()
    tab_to(page.get_by_role("checkbox", name=re.compile("^Mid-senior")))
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    tab_to(page.get_by_label("What you missed"))
    page.keyboard.type("the clock")
    tab_to(page.get_by_role("button", name="Save the attempt"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Attempt saved")).to_be_focused()


# --- Sessions ---------------------------------------------------------------------------------------------------------


def drawn(page: Page) -> list[int]:
    texts = page.locator(".practice-list > li").all_inner_texts()
    return [int(re.findall(r"\d+", text)[0]) for text in texts]


def mulberry32(seed: str) -> Any:
    """The generator and the hash as published, in Python: what the page says that it uses."""
    state = 0x811C9DC5
    for byte in seed.encode():
        state = (state ^ byte) * 0x01000193 % 2**32

    def step() -> int:
        nonlocal state
        state = (state + 0x6D2B79F5) % 2**32
        mixed = (state ^ state >> 15) * (state | 1) % 2**32
        mixed ^= (mixed + (mixed ^ mixed >> 7) * (mixed | 61)) % 2**32
        return mixed ^ mixed >> 14

    return step


def test_a_link_draws_what_the_page_promises(site: Site, new_page: NewPage) -> None:
    page = new_page()
    for seed, query, fits in (
        ("monday", "&count=3&category=debugging", lambda q: q["category"] == "debugging"),
        ("k3f9a2xq", "&count=20&minutes=90", lambda q: True),
        (
            "a",
            "&count=5&difficulty=senior&topic=security",
            lambda q: q["difficulty"] == "senior" and "security" in q["topics"],
        ),
    ):
        left = [question for question in site.questions() if fits(question)]
        step = mulberry32(seed)
        for place in range(len(left) - 1, 0, -1):
            other = step() % (place + 1)
            left[place], left[other] = left[other], left[place]
        count = int(re.findall(r"count=(\d+)", query)[0])
        most = int((re.findall(r"minutes=(\d+)", query) or ["1440"])[0])
        wanted: list[int] = []
        minutes = 0
        for question in left:
            if len(wanted) < count and minutes + question["minutes"] <= most:
                wanted.append(question["number"])
                minutes += question["minutes"]
        assert wanted
        page.goto(f"practice/?seed={seed}{query}")
        expect(page.locator(".practice-list > li")).to_have_count(len(wanted))
        assert drawn(page) == wanted
        assert f"questions={'.'.join(map(str, wanted))}" in page.url, "the numbers belong into the link"


def test_a_session_is_drawn_shared_and_worked_through(site: Site, new_page: NewPage) -> None:
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto("practice/?count=2&category=technical")
    expect(page.locator(".no-script")).to_be_hidden()
    # What copies a page's address would copy this page's without the session.
    expect(page.get_by_role("button", name="Copy link", exact=True)).to_have_count(0)
    expect(page.get_by_label("How many questions")).to_have_value("2")
    expect(page.get_by_label("Category")).to_have_value("technical")
    page.get_by_label("Hide the difficulty").check()
    expect(page.get_by_text("5 questions to draw from.")).to_be_visible()
    page.get_by_role("button", name="Draw questions").click()
    expect(page.get_by_role("heading", name="A session")).to_be_focused()
    numbers = drawn(page)
    assert len(numbers) == 2
    for label in ("Mid-senior", "Senior", "Staff"):
        expect(page.locator(".practice-list")).not_to_contain_text(label)
    page.get_by_role("button", name="Copy the session's link").click()
    expect(page.get_by_role("status").filter(has_text="copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")

    friend = new_page(size=NARROW)
    friend.goto(link)
    expect(friend.locator(".practice-list > li")).to_have_count(2)
    assert drawn(friend) == numbers

    page.get_by_role("link", name=f"Start with question {numbers[0]}").click()
    expect(page.get_by_role("heading", name="Practice", exact=True)).to_be_visible()
    assert "practice" not in page.url, "the address would start another run after a reload"
    expect(page.locator(".chip--difficulty")).to_be_hidden()
    page.goto(link)
    expect(page.locator(".practice-list")).to_contain_text("under way")
    # The run goes on in another tab: what changes here leaves the focus where it is.
    copies = page.get_by_role("button", name="Copy the session's link")
    copies.focus()
    page.evaluate(
        """() => {
          const key = "llm-production-interviews.practice";
          const [run] = JSON.parse(localStorage.getItem(key)).runs;
          localStorage.setItem(key, JSON.stringify({ version: 1, runs: [{ ...run, spent: 61_000, since: null }] }));
          dispatchEvent(new StorageEvent("storage", { key }));
        }"""
    )
    expect(page.locator(".practice-list")).to_contain_text("under way: 1:01")
    expect(copies).to_be_focused()
    page.get_by_role("link", name=f"Continue with question {numbers[0]}").click()
    page.get_by_role("button", name="Continue").click()
    finish(page)
    expect(page.locator(".chip--difficulty")).to_be_visible()
    save(page, "Mid-senior (L4/L5)")
    expect(page.get_by_role("link", name="The session: 1 of 2 done")).to_be_visible()
    page.get_by_role("link", name=f"Next: {numbers[1]}. ").click()
    finish(page)
    save(page)
    page.get_by_role("link", name="The session is done").click()
    expect(page.get_by_role("heading", name="The session is done")).to_be_visible()
    rows = page.get_by_role("table", name="How it went").locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("Mid-senior (L4/L5)")
    expect(rows.nth(1)).to_contain_text("Below Mid-senior")
    page.get_by_role("button", name="Practice this set again").click()
    expect(page.locator(".practice-list")).to_contain_text("not begun")


def test_whatever_a_sessions_link_holds_breaks_nothing(new_page: NewPage) -> None:
    page = new_page()
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.goto(
        "practice/?questions=6.99.6.-1.1e9.0.x.<img src=x onerror=alert(1)>&seed=<b>&category=__proto__&minutes=NaN"
    )
    expect(page.locator(".practice-list > li")).to_have_count(2)
    expect(page.locator(".practice-list > li").nth(1)).to_have_text(
        "Question 99, which this site does not have"
    )
    page.goto("practice/?seed=x&category=nothing")
    expect(page.get_by_text("No question matches what this link asks for.")).to_be_visible()
    expect(page.get_by_role("button", name="Draw questions")).to_be_visible()
    page.goto(f"practice/?questions={'.'.join(map(str, range(1, 2000)))}")
    expect(page.locator(".practice-list > li")).to_have_count(20)


def test_without_scripts_the_pages_say_what_to_do(new_page: NewPage) -> None:
    page = new_page(javascript=False)
    for address, way in (("practice/", "all questions"), ("progress/", "prep plans")):
        page.goto(address)
        expect(page.locator(".no-script")).to_be_visible()
        expect(page.locator(".no-script").get_by_role("link", name=way)).to_be_visible()
        expect(page.locator("article button")).to_have_count(0)


# --- Every state, in both palettes ------------------------------------------------------------------------------------


@THOROUGH
def test_no_state_has_a_finding_and_all_fit(new_page: NewPage) -> None:
    found: list[str] = []
    page = new_page(size=NARROW, has_touch=True)

    def look(where: str) -> None:
        nonlocal found
        ours = ":is(.practice, .practice-bar, .practice-dialog, .practice-sessions, .hint)"
        found += findings_of_state(page, where, ours)
        small = page.locator(
            ":is(.practice-button, .practice-choice, .practice-field :is(input, select)):visible"
        ).evaluate_all(
            "(all) => all.filter((e) => e.getBoundingClientRect().height < 24).map((e) => e.outerHTML)"
        )
        assert not small, where

    page.goto("practice/")
    expect(page.get_by_role("button", name="Draw questions")).to_be_visible()
    look("drawing")
    page.goto("practice/?questions=6.16")
    expect(page.get_by_role("link", name="Start with question 6")).to_be_visible()
    look("session")
    page.get_by_role("link", name="Start with question 6").click()
    expect(page.get_by_role("heading", name="Practice", exact=True)).to_be_visible()
    page.locator("details.hint > summary").first.click()
    look("running")
    page.get_by_role("button", name="Open the answer early").click()
    look("asking")
    page.keyboard.press("Escape")
    page.reload()
    expect(page.get_by_role("button", name="Continue")).to_be_visible()
    look("left")
    page.get_by_role("button", name="Continue").click()
    finish(page)
    look("scoring")
    save(page, "Mid-senior (L4/L5)")
    expect(page.get_by_role("link", name="The session: 1 of 2 done")).to_be_visible()
    look("saved")
    assert not found, "\n".join(found)
