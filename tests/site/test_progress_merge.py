"""Merging two states of progress, as laws: run by the site's own module in the browser, on states that hypothesis makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from tests.site.conftest import Site

# Few ids, times and texts, so that states overlap and contradict each other as often as not.
IDS = st.sampled_from([f"{n:016x}" for n in range(6)])
TIMES = st.sampled_from([f"2026-11-{day:02}T08:00:00.000Z" for day in range(1, 6)])
QUESTIONS = st.sampled_from([1, 6, 99])
TEXTS = st.sampled_from(["", "a", "b", "\U0001f525", "<b>", "__proto__"])

ATTEMPTS = st.fixed_dictionaries(
    {
        "id": IDS,
        "question": QUESTIONS,
        "at": TIMES,
        "seconds": st.integers(0, 86_400),
        "minutes": st.just(30),
        "hints": st.integers(0, 3),
        "early": st.booleans(),
        "stages": st.just(0),
        "levels": st.just(["Senior", "Staff"]),
        "met": st.lists(st.integers(0, 1), max_size=3),
        "target": st.integers(-1, 1),
        "signals": st.lists(st.fixed_dictionaries({"text": TEXTS, "met": st.booleans()}), max_size=2),
        "skipped": st.lists(TEXTS, max_size=2),
        "note": TEXTS,
        "session": TEXTS,
    }
)
STATES = st.fixed_dictionaries(
    {
        "version": st.just(1),
        "attempts": st.lists(ATTEMPTS, max_size=5),
        "removed": st.lists(st.fixed_dictionaries({"id": IDS, "at": TIMES}), max_size=2),
        "notes": st.lists(
            st.fixed_dictionaries({"question": QUESTIONS, "at": TIMES, "text": TEXTS}), max_size=30
        ),
        "done": st.lists(
            st.fixed_dictionaries({"question": QUESTIONS, "at": TIMES, "done": st.booleans()}), max_size=4
        ),
    }
)

LAWS = """([one, other, third]) => {
  const { parse, merge, empty, notesOn } = window.model;
  const [a, b, c] = [one, other, third].map(parse);
  const text = JSON.stringify;
  const broken = [];
  const hold = (law, left, right) => { if (text(left) !== text(right)) broken.push(`${law}: ${text(left)} / ${text(right)}`); };
  const ab = merge(a, b);
  hold("commutative", ab, merge(b, a));
  hold("associative", merge(ab, c), merge(a, merge(b, c)));
  hold("idempotent", merge(a, a), a);
  hold("again changes nothing", merge(ab, b), ab);
  hold("nothing with something", merge(a, empty()), a);
  hold("survives the file", parse(JSON.parse(text(ab))), ab);
  const gone = new Set(ab.removed.map(({ id }) => id));
  for (const { id } of [...a.attempts, ...b.attempts]) {
    if (gone.has(id) === ab.attempts.some((attempt) => attempt.id === id)) broken.push(`attempt ${id}`);
  }
  for (const question of [1, 6, 99]) {
    const newest = [a, b].flatMap((state) => state.notes).filter((note) => note.question === question).map(({ at }) => at).sort().at(-1);
    if (newest && !ab.notes.some((note) => note.question === question && note.at === newest)) broken.push(`note on ${question}`);
    if (ab.notes.filter((note) => note.question === question).length > 20) broken.push("bound of notes");
  }
  return broken;
}"""


FULL = """() => {
  const { LIMITS, empty, merge } = window.model;
  const start = Date.UTC(2026, 0, 1);
  const full = (first) => ({
    ...empty(),
    attempts: Array.from({ length: LIMITS.attempts }, (_, place) => ({
      id: (first + place).toString(16).padStart(16, "0"),
      at: new Date(start + (first + place) * 60_000).toISOString(),
    })),
  });
  const [a, b, c] = [0, 1000, 2500].map(full);
  const [left, right] = [merge(merge(a, b), c), merge(a, merge(c, b))];
  const numbers = merge(b, a).attempts.map(({ id }) => Number.parseInt(id, 16));
  return [JSON.stringify(left) === JSON.stringify(right), numbers.length, numbers[0], numbers.at(-1)];
}"""


@pytest.fixture(scope="module")
def model_page(site: Site, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(base_url=site.url)
    page = context.new_page()
    page.goto("contributing/")
    page.evaluate(
        "root => import(`${root}assets/javascripts/progress/model.js`).then((model) => { window.model = model; })",
        site.url,
    )
    yield page
    context.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(states=st.tuples(STATES, STATES, STATES))
def test_merging_keeps_its_laws(model_page: Page, states: tuple[Any, Any, Any]) -> None:
    assert model_page.evaluate(LAWS, list(states)) == []


def test_the_newest_are_kept_where_there_are_too_many(model_page: Page) -> None:
    """All states are full, so that merging has to cut: of the 3,000 that two have it keeps the later 2,000."""
    assert model_page.evaluate(FULL) == [True, 2000, 1000, 2999]
