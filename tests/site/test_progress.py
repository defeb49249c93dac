"""What readers do with their progress: see it, take it to another browser, lose nothing of it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from playwright.sync_api import Page, expect

from macros.question import Category
from tests.site.axe import findings_of_state
from tests.site.conftest import NARROW, NewPage, Site
from tests.thorough import THOROUGH

KEY = "llm-production-interviews.progress"
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
LEVELS = ["Mid-senior (L4/L5)", "Senior (L5/L6)", "Staff (L6/L7)"]

FULL = """() => { Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); }; }"""
# For the site's own keys alone: the theme's script does not survive a browser that forbids all of it.
FORBIDDEN = """for (const name of ["getItem", "setItem"]) {
  const was = Storage.prototype[name];
  Storage.prototype[name] = function (key, ...rest) {
    if (key.startsWith("llm-production-interviews.")) throw new DOMException("forbidden", "SecurityError");
    return was.call(this, key, ...rest);
  };
}"""


def attempt(number: int = 6, days: float = 0, **fields: Any) -> dict[str, Any]:
    """An attempt so many days ago that met the target of a senior question."""
    at = (NOW - timedelta(days=days)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "id": f"{number:08x}{int(days * 1000):08x}",
        "question": number,
        "at": at,
        "seconds": 1500,
        "minutes": 30,
        "hints": 0,
        "early": False,
        "stages": 0,
        "levels": LEVELS,
        "met": [0, 1],
        "target": 1,
        "signals": [{"text": "Names the race.", "met": True}, {"text": "Asks whose clock.", "met": False}],
        "skipped": [],
        "note": "",
        "session": "",
        **fields,
    }


def state(*attempts: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {"version": 1, "attempts": list(attempts), "removed": [], "notes": [], "done": [], **parts}


def file_of(tmp_path: Path, content: Any, name: str = "export.json") -> Path:
    """An export with that content, or a file with that text."""
    file = tmp_path / name
    head = {"format": "llm-production-interviews/progress", "exported": "2026-11-26T12:00:00.000Z"}
    file.write_text(content if isinstance(content, str) else json.dumps(head | content), encoding="utf-8")
    return file


def opened(new_page: NewPage, *attempts: dict[str, Any], address: str = "progress/", **options: Any) -> Page:
    """A page of a reader who has made these attempts, at a fixed time."""
    page = new_page(timezone_id="UTC", accept_downloads=True, **options)
    page.clock.set_fixed_time(NOW)
    if attempts:
        put(page, state(*attempts))
    page.goto(address)
    return page


def put(page: Page, value: Any) -> None:
    """Let the storage have it, from a page that reads none of it."""
    text = value if isinstance(value, str) else json.dumps(value)
    page.goto("contributing/")
    page.evaluate("([key, text]) => localStorage.setItem(key, text)", [KEY, text])


def kept(page: Page) -> Any:
    return json.loads(page.evaluate("key => localStorage.getItem(key)", KEY))


def said(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.locator(".progress-said")).to_contain_text(text)


def imported(page: Page, file: Path) -> None:
    page.get_by_label("Import").set_input_files(file)


def exported(page: Page) -> Any:
    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    assert download.value.suggested_filename == "llm-production-interviews-progress-2026-11-26.json"
    return json.loads(Path(download.value.path()).read_text(encoding="utf-8"))


def test_due_attempts_notes_and_totals(site: Site, new_page: NewPage) -> None:
    page = opened(
        new_page,
        attempt(6, 20, note="Whose clock?"),
        attempt(6, 10, met=[0, 1, 2], hints=1),
        attempt(16, 0.1),
        attempt(99, 5, note="From an older site"),
    )
    due = page.get_by_role("region", name="Due for review")
    expect(due.get_by_role("listitem")).to_have_count(1)
    expect(due).to_contain_text("Question 99, which this site does not have")
    rows = page.get_by_role("table", name="4 attempts, newest first").locator("tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("16. Investigate a latency spike at 3 am")
    expect(rows.nth(2)).to_contain_text("1 hint")
    expect(rows.nth(2)).to_contain_text("Staff (L6/L7)")
    totals = page.get_by_role("table", name="Attempts by category")
    expect(totals.get_by_role("row", name="Technical")).to_contain_text("1 of 5")
    expect(totals.get_by_role("row", name="No longer on this site")).to_contain_text("25 min")
    expect(totals.get_by_role("row", name=re.compile("^All"))).to_contain_text(
        f"2 of {len(site.questions())}"
    )
    notes = page.get_by_role("region", name="Questions and notes")
    expect(notes).to_contain_text("Whose clock?")
    expect(notes).to_contain_text("From an older site")


def test_tables_landing_page_and_question_show_it(new_page: NewPage) -> None:
    page = opened(new_page, attempt(6, 30), attempt(16, 1), address="questions/")
    marks = page.locator(".progress-mark")
    expect(marks).to_have_count(2)
    expect(page.locator("tr[data-number='6'] .progress-mark")).to_have_text(
        "Done · Senior (L5/L6) · due since Oct 30"
    )
    expect(page.locator("tr[data-number='16'] .progress-mark")).to_have_text(
        "Done · Senior (L5/L6) · next Nov 28"
    )
    page.goto("./")
    block = page.get_by_role("region", name="Due today")
    expect(block.get_by_role("listitem")).to_have_count(1)
    block.get_by_role("link", name="Practice 6. Implement token-bucket rate limiting").click()
    expect(page.get_by_role("heading", name="Practice", exact=True)).to_be_visible()
    expect(page.locator(".progress-line")).to_have_text(
        "Practiced once, last on Oct 27: Senior (L5/L6). Next review: due since Oct 30."
    )
    page.goto("./")
    expect(page.get_by_role("link", name="Continue 6. Implement token-bucket rate limiting")).to_be_visible()

    fresh = new_page()
    fresh.goto("./")
    expect(fresh.locator(".board")).to_be_visible()
    expect(fresh.locator(".progress-home")).to_have_count(0)


def test_notes_and_marks_are_kept_and_the_older_note_too(new_page: NewPage) -> None:
    page = opened(new_page, attempt(6, 3, note="the first"))
    page.clock.set_fixed_time(NOW + timedelta(minutes=1))
    page.get_by_text("Edit note").click()
    page.get_by_label("Your note on question 6").fill("the second, <b>bold</b>")
    page.get_by_role("button", name="Save note").locator("visible=true").click()
    said(page, "The note on question 6 is saved")
    page.get_by_label("Question 3 is done").check()
    page.get_by_label("Question 6 is done").uncheck()
    page.reload()
    expect(page.get_by_label("Question 3 is done")).to_be_checked()
    expect(page.get_by_label("Question 6 is done")).not_to_be_checked()
    item = page.locator(".progress-questions > li").nth(5)
    expect(item.locator(".progress-text")).to_have_text("the second, <b>bold</b>")
    item.get_by_text("Edit note").click()
    expect(item.locator(".progress-earlier")).to_have_text("Nov 23: the first")


def test_export_reset_import_brings_everything_back(site: Site, new_page: NewPage, tmp_path: Path) -> None:
    page = opened(new_page, attempt(6, 20, note="Whose clock?"), attempt(16, 3), attempt(99, 5))
    page.get_by_label("Question 3 is done").check()
    before = kept(page)
    content = exported(page)
    schema = json.loads((site.folder / "progress.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(content)

    page.get_by_role("button", name="Delete everything").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("3 attempts")
    page.keyboard.press("Escape")
    assert kept(page) == before, "Escape deletes nothing"
    page.get_by_role("button", name="Delete everything").click()
    dialog.get_by_role("button", name="Delete", exact=True).click()
    said(page, "Your progress is deleted from this browser.")
    expect(page.get_by_text("Nothing is kept yet.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("table", name="3 attempts, newest first")).to_be_visible()
    assert kept(page) == before

    page.get_by_role("button", name="Delete everything").click()
    with page.expect_download():
        dialog.get_by_role("button", name="Export first").click()
    dialog.get_by_role("button", name="Delete", exact=True).click()
    file = file_of(tmp_path, content)
    imported(page, file)
    said(page, "Merged: 3 new attempts")
    assert kept(page) == before
    imported(page, file)
    said(page, "Nothing new")
    assert kept(page) == before


def test_two_devices_are_merged_either_way(new_page: NewPage, tmp_path: Path) -> None:
    both = attempt(6, 10)
    phone = state(
        both, attempt(6, 1), notes=[{"question": 6, "at": "2026-11-20T00:00:00.000Z", "text": "phone"}]
    )
    laptop = state(
        both, attempt(16, 2), notes=[{"question": 6, "at": "2026-11-21T00:00:00.000Z", "text": "laptop"}]
    )
    results = []
    for here, there in ((phone, laptop), (laptop, phone)):
        page = new_page(timezone_id="UTC")
        page.clock.set_fixed_time(NOW)
        put(page, here)
        page.goto("progress/")
        imported(page, file_of(tmp_path, there))
        said(page, "Merged: 1 new attempt,")
        expect(page.get_by_role("table", name="3 attempts, newest first")).to_be_visible()
        item = page.locator(".progress-questions > li").nth(5)
        expect(item.locator(".progress-text")).to_have_text("laptop")
        item.get_by_text("Edit note").click()
        expect(item.locator(".progress-earlier")).to_contain_text("phone")
        results.append(kept(page))
    assert results[0] == results[1]


def test_a_removed_attempt_stays_removed(new_page: NewPage, tmp_path: Path) -> None:
    page = opened(new_page, attempt(6, 2), attempt(16, 1))
    content = exported(page)
    page.get_by_role("row", name=re.compile("Investigate a latency")).get_by_role(
        "button", name="Remove"
    ).click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("table", name="1 attempt, newest first")).to_be_visible()
    expect(page.get_by_role("heading", name="All attempts")).to_be_focused()
    imported(page, file_of(tmp_path, content))
    said(page, "Nothing new")
    assert [item["question"] for item in kept(page)["attempts"]] == [6]


BAD_FILES = {
    "empty": ("", "is not JSON"),
    "cut off": (json.dumps(state(attempt()))[:-20], "is not JSON"),
    "another's": ('{"name": "left-pad", "version": 1}', "is not an export of this site"),
    "a list": ("[1, 2]", "is not an export of this site"),
    "null": ("null", "is not an export of this site"),
    "newer": (state() | {"version": 2}, "made by a newer version of this site"),
    "older": (state() | {"version": 0}, "This file is damaged: version has to be 1"),
    "a wrong field": (state(attempt(hints="two")), "attempts[0].hints has to be a whole number"),
    "a wrong time": (state(attempt(at="yesterday")), "attempts[0].at has to be a time"),
    "no such day": (state(attempt(at="2026-02-30T00:00:00.000Z")), "attempts[0].at has to be a time"),
    "no such row": (state(attempt(met=[7])), "attempts[0].met[0] has to be a whole number from 0 to 2"),
    "a huge note": (state(attempt(note="x" * 2001)), "attempts[0].note has to be text of at most 2000"),
    "too many": (state(*[attempt(n % 900 + 1, n) for n in range(2001)]), "attempts has 2001 items"),
    "markup": (state(attempt(id="<img src=x onerror=alert(1)>")), "attempts[0].id has to be 16"),
    "a prototype": (
        '{"format": "llm-production-interviews/progress", "version": 1, "__proto__": {"attempts": []}}',
        "attempts has to be a list",
    ),
    "deep": (
        '{"format": "llm-production-interviews/progress", "version": 1, "attempts": '
        + "[" * 5000
        + "]" * 5000
        + "}",
        "damaged",
    ),
    "huge": (" " * 8_000_001, "larger than 8 MB"),
}


def test_what_is_no_export_is_refused_and_changes_nothing(new_page: NewPage, tmp_path: Path) -> None:
    page = opened(new_page, attempt(6, 2))
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    before = kept(page)
    for name, (content, message) in BAD_FILES.items():
        imported(page, file_of(tmp_path, content, "bad.json"))
        said(page, message)
        said(page, "Nothing was changed.")
        assert kept(page) == before, name
    # And afterwards a good one is taken.
    imported(
        page,
        file_of(
            tmp_path,
            state(
                attempt(16, 1, note="<img src=x onerror=alert(1)>", levels=["<b>x</b>"], met=[0], target=0)
            ),
        ),
    )
    said(page, "Merged: 1 new attempt")
    assert page.locator(".progress-overview :is(img, b)").count() == 0


def test_a_change_in_one_tab_shows_in_the_other_and_undoes_nothing(new_page: NewPage) -> None:
    page = opened(new_page, attempt(6, 2))
    other = page.context.new_page()
    other.clock.set_fixed_time(NOW + timedelta(minutes=1))
    other.goto("progress/")
    page.locator(".progress-questions > li").nth(0).get_by_text("Add a note").click()
    page.get_by_label("Your note on question 1", exact=True).fill("being written")
    other.get_by_label("Question 3 is done").check()
    expect(page.get_by_label("Question 3 is done")).to_be_checked()
    expect(page.get_by_label("Your note on question 1", exact=True)).to_have_value("being written")
    page.get_by_role("button", name="Save note").locator("visible=true").click()
    expect(other.locator(".progress-questions > li").nth(0)).to_contain_text("being written")
    expect(other.get_by_label("Question 3 is done")).to_be_checked()


def test_forbidden_storage_is_said_and_the_attempt_can_be_exported(new_page: NewPage) -> None:
    page = new_page()
    page.add_init_script(FORBIDDEN)
    page.goto("questions/technical/rate-limiting/?practice")
    page.get_by_role("button", name="Finish and score").click()
    page.get_by_role("checkbox", name="Mid-senior (L4/L5)").check()
    page.get_by_role("button", name="Save the attempt").click()
    expect(page.get_by_role("heading", name="Attempt saved")).to_be_visible()
    expect(page.locator(".practice-notice")).to_contain_text("This browser keeps nothing for this site.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export your progress").click()
    content = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert [item["question"] for item in content["attempts"]] == [6]
    page.goto("progress/")
    expect(page.locator(".practice-notice")).to_contain_text("This browser keeps nothing for this site.")


def test_full_storage_is_said_and_loses_nothing_that_was_there(new_page: NewPage) -> None:
    page = opened(new_page, attempt(6, 2))
    before = kept(page)
    page.evaluate(FULL)
    page.get_by_label("Question 3 is done").check()
    expect(page.locator(".practice-notice")).to_contain_text("storage for the site is full")
    expect(page.get_by_label("Question 3 is done")).to_be_checked()
    assert kept(page) == before
    assert exported(page)["done"][0]["question"] == 3


def test_damaged_storage_is_set_aside_and_offered(new_page: NewPage) -> None:
    text = '{"version": 1, "attempts": 5}'
    page = new_page(timezone_id="UTC")
    put(page, text)
    page.goto("progress/")
    expect(page.locator(".practice-notice")).to_contain_text(
        "could not be read. It was set aside, not deleted"
    )
    page.get_by_label("Import").set_input_files(
        {
            "name": "e.json",
            "mimeType": "application/json",
            "buffer": json.dumps(
                {"format": "llm-production-interviews/progress", **state(attempt())}
            ).encode(),
        }
    )
    said(page, "Merged: 1 new attempt")
    page.reload()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save it as a file").click()
    assert Path(download.value.path()).read_text(encoding="utf-8") == text
    page.get_by_role("button", name="Delete it").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    said(page, "What could not be read is deleted.")
    expect(page.locator(".practice-notice")).to_have_count(0)
    assert len(kept(page)["attempts"]) == 1
    # What a later edition of the site has stored is left alone.
    put(page, '{"version": 9}')
    page.goto("progress/")
    expect(page.locator(".practice-notice")).to_contain_text("from a newer edition of this site")
    page.get_by_label("Question 3 is done").check()
    said(page, "stays as it is")
    page.get_by_role("button", name="Delete everything").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert kept(page) == {"version": 9}


def test_the_page_explains_the_grades_that_the_code_gives(site: Site, new_page: NewPage) -> None:
    """The page's table and sentences, each as an attempt."""
    page = new_page()
    page.goto("progress/")
    signals = [{"text": f"{n}", "met": True} for n in range(4)]
    half = [*signals[:2], *({"text": f"{n}", "met": False} for n in (2, 3))]
    few = [signals[0], *({"text": f"{n}", "met": False} for n in (1, 2, 3))]
    cases: list[tuple[dict[str, Any], str]] = [
        ({"met": [0, 1, 2]}, "Easy"),
        ({"met": [0, 1, 2], "target": 2, "signals": signals}, "Easy"),
        ({"met": [0, 1, 2], "target": 2, "signals": half}, "Good"),
        ({"met": [0, 1]}, "Good"),
        ({"met": [1]}, "Again"),
        ({"met": [0, 2], "signals": half}, "Hard"),
        ({"met": [0], "signals": half}, "Hard"),
        ({"met": [0], "signals": few}, "Again"),
        ({"met": [], "signals": signals}, "Again"),
        ({"met": [], "target": 0, "signals": half}, "Hard"),
        ({"met": [0, 1, 2], "hints": 1}, "Good"),
        ({"met": [0, 1, 2], "hints": 2}, "Hard"),
        ({"met": [0, 1, 2], "hints": 3}, "Hard"),
        ({"met": [0, 1, 2], "seconds": 30 * 75}, "Easy"),
        ({"met": [0, 1, 2], "seconds": 30 * 75 + 1}, "Good"),
        ({"met": [0, 1, 2], "early": True}, "Again"),
        ({"levels": [], "met": [], "target": -1, "signals": signals}, "Good"),
        ({"levels": [], "met": [], "target": -1, "signals": half}, "Hard"),
        ({"levels": [], "met": [], "target": -1, "signals": few}, "Again"),
    ]
    grades = page.evaluate(
        """async ([root, attempts]) => {
          const { GRADES, gradeOf } = await import(`${root}assets/javascripts/progress/rating.js`);
          return attempts.map((attempt) => GRADES[gradeOf(attempt)]);
        }""",
        [site.url, [attempt(**fields) for fields, _ in cases]],
    )
    assert grades == [grade for _, grade in cases]


def test_reviews_are_those_of_the_library(site: Site, new_page: NewPage) -> None:
    """Several histories of grades, scheduled by the site and by ts-fsrs called directly, the way its documentation does."""
    page = new_page(timezone_id="UTC")
    page.goto("progress/")
    by_grade: dict[int, dict[str, Any]] = {
        1: {"early": True},
        2: {"met": [0]},
        3: {"met": [0, 1]},
        4: {"met": [0, 1, 2]},
    }
    histories = [[1], [2], [3], [4], [3, 3, 3], [4, 1, 3], [1, 1, 2, 3, 4], [3, 4, 4, 4, 4], [2, 3, 1, 3]]
    gaps = [0, 1, 4, 15, 47, 160]
    attempts = [
        [attempt(6, 400 - sum(gaps[: place + 1]), **by_grade[grade]) for place, grade in enumerate(history)]
        for history in histories
    ]
    ours, theirs = page.evaluate(
        """async ([root, attempts, histories]) => {
          const { nextReview } = await import(`${root}assets/javascripts/progress/schedule.js`);
          const { fsrs, generatorParameters, createEmptyCard } = await import(`${root}assets/vendor/ts-fsrs.js`);
          const f = fsrs(generatorParameters({ enable_fuzz: false, enable_short_term: false, maximum_interval: 180 }));
          const theirs = histories.map((history, row) => {
            let card = createEmptyCard(attempts[row][0].at);
            history.forEach((grade, place) => {
              card = f.repeat(card, attempts[row][place].at)[grade].card;
            });
            return card.due.toISOString();
          });
          return [attempts.map((list) => nextReview(list).toISOString()), theirs];
        }""",
        [site.url, attempts, histories],
    )
    assert ours == theirs
    assert len(set(ours)) > 5
    # What FSRS promises in words: a better grade comes back later.
    first = ours[:4]
    assert first == sorted(first)


@THOROUGH
def test_no_state_has_a_finding_and_all_fit(new_page: NewPage) -> None:
    found: list[str] = []
    page = opened(new_page, size=NARROW, has_touch=True)

    def look(where: str) -> None:
        nonlocal found
        ours = ":is(.progress-overview, .progress-home, .progress-mark, .practice-dialog)"
        found += findings_of_state(page, where, ours)

    expect(page.get_by_text("Nothing is kept yet.")).to_be_visible()
    look("nothing kept")
    put(page, state(attempt(6, 20, note="Whose clock? " * 100), attempt(16, 1, early=True), attempt(99, 3)))
    page.goto("progress/")
    page.get_by_text("Edit note").first.click()
    page.get_by_label("Import").set_input_files({"name": "x", "mimeType": "", "buffer": b"x" * 10})
    said(page, "is not JSON")
    look("filled")
    page.get_by_role("button", name="Delete everything").click()
    look("asking")
    page.goto("questions/technical/")
    expect(page.locator(".progress-mark")).to_have_count(1)
    look("table")
    page.goto("./")
    expect(page.locator(".progress-home")).to_be_visible()
    look("landing page")
    assert not found, "\n".join(found)


def test_the_shares_of_the_clock_are_those_that_the_page_shows(site: Site, new_page: NewPage) -> None:
    page = new_page()
    page.goto("practice/")
    shown = page.get_by_role("table").filter(has_text="Wrap up").locator("tbody tr").all()
    shares, names = page.evaluate(
        """async (root) => {
          const at = (name) => import(`${root}assets/javascripts/${name}.js`);
          const [{ categories }, { CATEGORIES }] = await Promise.all(["practice/phases", "progress/words"].map(at));
          return [categories(), CATEGORIES];
        }""",
        site.url,
    )
    assert names == {category.value: category.label for category in Category}
    assert [each["category"] for each in shares] == list(names)
    assert [[cell.strip() for cell in row.inner_text().split("\t")][1:] for row in shown] == [
        [f"{share}%" for _, share in each["shares"]] for each in shares
    ]
    assert all(sum(share for _, share in each["shares"]) == 100 for each in shares)
