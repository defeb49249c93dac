"""What lies in a reader's storage, as the modules that keep it treat it: nothing that was there is lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.site.conftest import Site

SHELF = """async (root) => {
  const { checkForm, createShelf } = await import(`${root}assets/javascripts/storage.js`);
  const key = "llm-production-interviews.test";
  const parse = (value) => {
    checkForm(value, 1);
    if (!Array.isArray(value?.items)) throw new TypeError("damaged");
    return value;
  };
  const shelf = createShelf("test", { parse, empty: () => ({ version: 1, items: [] }) });
  const add = (item) => shelf.update(({ items }) => ({ version: 1, items: [...items, item] }));
  const write = Storage.prototype.setItem;
  const fill = () => { Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); }; };
  const room = () => { Storage.prototype.setItem = write; };
  const put = (value) => localStorage.setItem(key, typeof value === "string" ? value : JSON.stringify(value));
  const got = () => localStorage.getItem(key);
  const items = () => JSON.parse(got()).items;
  localStorage.clear();
  /* steps */
}"""

SHELVES = {
    "what was refused is added to what another tab wrote meanwhile": (
        """put({ version: 1, items: ["old"] }); fill(); add("refused"); const problem = shelf.problem(); room();
        put({ version: 1, items: ["old", "theirs"] }); const read = shelf.read().items; add("later");
        return [problem, read, items(), shelf.problem()]""",
        ["full", ["old", "theirs", "refused"], ["old", "theirs", "refused", "later"], None],
    ),
    "what a later edition has written stays": (
        """put({ version: 2, more: "kept" }); const read = shelf.read().items; add("mine");
        return [read, shelf.read().items, got(), shelf.problem(), shelf.aside()]""",
        [[], ["mine"], '{"version":2,"more":"kept"}', "newer", None],
    ),
    "what only looks like a later edition's is damaged": (
        """put({ version: "2" }); add("a"); return [shelf.aside(), items(), shelf.problem()]""",
        ['{"version":"2"}', ["a"], "damaged"],
    ),
    "what is damaged is set aside, the second time too": (
        """put("{one"); add("a"); put("{two"); shelf.read(); shelf.read(); add("b");
        return [shelf.aside(), items(), shelf.problem(), (shelf.forgetAside(), shelf.aside())]""",
        ["{one\n{two", ["b"], "damaged", None],
    ),
    "what is damaged and cannot be set aside is not written over": (
        """put("{one"); fill(); add("a"); const during = [got(), shelf.read().items, shelf.problem()]; room();
        add("b"); return [...during, items(), shelf.aside()]""",
        ["{one", ["a"], "full", ["a", "b"], "{one"],
    ),
    "an empty shelf is none": ("add('a'); shelf.update(shelf.empty); return got();", None),
}


@pytest.mark.parametrize("case", SHELVES)
def test_a_shelf(site: Site, storage_page: Any, case: str) -> None:
    steps, expected = SHELVES[case]
    assert storage_page.evaluate(SHELF.replace("/* steps */", steps), site.url) == expected


RUNS = """async (root) => {
  localStorage.clear();
  const { keep, newRun, drop, runOf, take, secondsOf, wasSetBack, resumed, interrupted } = await import(`${root}assets/javascripts/practice/runs.js`);
  const at = Date.parse("2026-11-26T09:00:00Z");
  const mine = take(newRun(6, "", at));
  const theirs = take({ ...mine, owner: "theirs", hints: [0] });
  keep({ ...mine, hints: [] });
  const kept = runOf(6);
  drop(6);
  keep(mine);
  const seen = { ...mine, seen: at + 60_000 };
  const back = at - 3_600_000;
  const goneOn = resumed(interrupted(seen), back);
  return {
    owner: kept.owner, hints: kept.hints, dropped: runOf(6),
    away: secondsOf(interrupted(seen), at + 600_000),
    back: [wasSetBack(seen, back), secondsOf(seen, back), secondsOf(goneOn, back + 5_000)],
  };
}"""


def test_runs(site: Site, storage_page: Any) -> None:
    """A tab that has slept neither writes over nor brings back a run that another tab has; a clock may go back."""
    assert storage_page.evaluate(RUNS, site.url) == {
        "owner": "theirs",
        "hints": [0],
        "dropped": None,
        "away": 60,
        "back": [True, 60, 65],
    }


SET_BACK = """async (root) => {
  localStorage.clear();
  const { addAttempt, addNote, markDone, shelf } = await import(`${root}assets/javascripts/progress/shelf.js`);
  const { isDone, notesOn } = await import(`${root}assets/javascripts/progress/model.js`);
  const { nextReview } = await import(`${root}assets/javascripts/progress/schedule.js`);
  const on = (day) => new Date(`${day}T08:00:00.000Z`);
  markDone(6, true, on("2031-01-01"));
  markDone(6, false, on("2026-11-26"));
  addNote(6, "ahead", on("2031-01-01"));
  addNote(6, "now", on("2026-11-26"));
  const attempt = (id, day) => ({
    id, question: 9, at: on(day).toISOString(), seconds: 60, minutes: 30, hints: 0, early: false, stages: 0,
    levels: ["Senior"], met: [0], target: 0, signals: [], skipped: [], note: "x".repeat(1999) + "\\ud83d", session: "",
  });
  for (const [id, day] of [["a", "2031-01-01"], ["b", "1970-01-01"], ["c", "2026-11-26"]]) addAttempt(attempt(id.repeat(16), day));
  markDone(7, false, on("2026-01-01"));
  addAttempt({ ...attempt("d".repeat(16), "2026-11-26"), question: 7 });
  const state = shelf.read();
  return {
    done: isDone(state, 6), notes: notesOn(state, 6).map(({ text }) => text), again: isDone(state, 7),
    order: state.attempts.filter(({ question }) => question === 9).map(({ at }) => at.slice(0, 4)),
    due: nextReview([...state.attempts.filter(({ question }) => question === 9)].reverse()).getFullYear(),
    problem: shelf.problem(),
  };
}"""


def test_what_a_wrong_clock_has_dated_can_be_changed(site: Site, storage_page: Any) -> None:
    """The newest mark and note win, even if the clock was ahead when an older one was made; nothing becomes unreadable."""
    assert storage_page.evaluate(SET_BACK, site.url) == {
        "done": False,
        "notes": ["now", "ahead"],
        "again": True,
        "order": ["1970", "2026", "2031"],
        "due": 2031,
        "problem": None,
    }


@pytest.fixture(scope="module")
def storage_page(site: Site, browser: Any) -> Any:
    context = browser.new_context(base_url=site.url)
    page = context.new_page()
    page.goto("contributing/")
    yield page
    context.close()
