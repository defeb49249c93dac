"""Hostile input to everything that reads an address, the storage or a file: nothing is run, nothing is lost, and readers are told.

Sites of one owner share an origin on GitHub Pages, so what lies in the storage, or comes over a channel, need not be ours. Values
are made by mutation of right ones, and handed to the very modules that the pages use, many at a time; a few go all the way
through the pages. `Watch` fails a test on whose pages an error is not caught or the policy refuses anything.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Locator, Page, expect

from macros.plan_link import LinkedDay, LinkedItem, LinkedPlan
from tests.macros.test_plan_link import link_of
from tests.site.conftest import NewPage, Site
from tests.site.plans import as_json

MARKUP = "\"'><img src=data:,x onerror=pwned()><script>pwned()</script>"
WORDS = (
    MARKUP,
    "<svg onload=pwned()>",
    "javascript:pwned()",
    "__proto__",
    "constructor",
    "toString",
    "${pwned()}{{pwned()}}",
    "\u202eRTL\u2066",
    "\x00\x1b[2J\x7f",
    "\ud83d",
    "\u00e9" * 400,
    "-0",
    "1e999",
    "%E0%A4%A",
    "",
)

# Values that are right, to be made wrong.
ATTEMPT = {
    "id": "0" * 15 + "a",
    "question": 6,
    "at": "2026-11-26T09:00:00.000Z",
    "seconds": 1500,
    "minutes": 30,
    "hints": 1,
    "early": False,
    "stages": 0,
    "levels": ["Mid-senior (L4/L5)", MARKUP],
    "met": [0],
    "target": 1,
    "signals": [{"text": MARKUP, "met": False}],
    "skipped": [MARKUP],
    "note": MARKUP,
    "session": MARKUP,
}
PLAN = LinkedPlan(
    MARKUP,
    days=(
        LinkedDay(0, MARKUP, (LinkedItem(6, note=MARKUP), LinkedItem(text=MARKUP, minutes=5))),
        LinkedDay(2),
    ),
)
STORED: dict[str, Any] = {
    "progress": {
        "version": 1,
        "attempts": [ATTEMPT],
        "removed": [{"id": "b" * 16, "at": ATTEMPT["at"]}],
        "notes": [{"question": 9, "at": ATTEMPT["at"], "text": MARKUP}],
        "done": [{"question": 7, "at": ATTEMPT["at"], "done": True}],
    },
    "plan": {
        "version": 1,
        "current": "0123456789abcdef",
        "clock": 1080,
        "plans": [
            {"key": "0123456789abcdef", "plan": as_json(PLAN), "replaced": None, "ticks": [[MARKUP, True]]},
            {"key": "another", "plan": as_json(PLAN), "replaced": 20783, "ticks": []},
        ],
    },
    "practice": {
        "version": 1,
        "runs": [
            {
                "id": "c" * 16,
                "question": 6,
                "session": MARKUP,
                "owner": MARKUP,
                "began": 1,
                "spent": 1000,
                "since": None,
                "seen": 1,
                "hints": [0],
                "stages": [],
                "mark": 0,
                "early": False,
                "clarified": False,
                "draft": {"met": [0], "signals": [0], "skipped": [], "note": MARKUP},
            }
        ],
    },
    "sessions": {"version": 1, "sessions": [{"link": "seed=abc&questions=6.99", "started": "2026-11-26"}]},
}

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 10**16),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=8),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)
    ),
    max_leaves=5,
)


@st.composite
def mutated(draw: st.DrawFn, right: Any) -> Any:
    """`right` with one to three of its parts, at any depth, replaced, left out, doubled or put under another name."""
    value = copy.deepcopy(right)
    for _ in range(draw(st.integers(1, 3))):
        place = value
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            inside = place[key]
            if isinstance(inside, dict | list) and draw(st.integers(0, 3)):
                place = inside
                continue
            change = draw(st.sampled_from(["replace", "remove", "rename", "replace"]))
            if change == "replace":
                place[key] = draw(ANYTHING)
            elif change == "remove" or isinstance(place, list):
                del place[key]
            else:
                place[draw(st.sampled_from(WORDS))] = place.pop(key)
            break
    return value


def texts_of(right: Any) -> st.SearchStrategy[str]:
    """Texts of JSON, some of them cut, deep, or none at all. Escaped, as half of a surrogate pair is no UTF-8."""
    whole = st.one_of(mutated(right), mutated(right), ANYTHING).map(json.dumps)
    cut = st.builds(lambda text, end: text[:end], whole, st.integers(0, 400))
    return st.one_of(
        whole, whole, whole, cut, st.sampled_from(["[" * 50_000, "[" * 5_000 + "]" * 5_000, "\ufeff{}"])
    )


# What stands below keeps a change where it can, and says what it did with each stored text: [text, raw, aside, read, again].
STORE = """async ([root, name, module, texts]) => {
  const key = `llm-production-interviews.${name}`;
  const { EMPTY_PLAN } = await import(`${root}assets/javascripts/plan/model.js`);
  const kept = await import(`${root}assets/javascripts/${module}.js`);
  const session = { seed: "", count: 1, category: "", difficulty: "", topic: "", minutes: 0, hide: false, questions: [7] };
  const change = {
    progress: () => kept.addNote(8, "a change"),
    plan: () => kept.begin({ ...EMPTY_PLAN, title: "a change" }),
    practice: () => kept.take(kept.newRun(8, "a change")),
    sessions: () => kept.begin(session),
  }[name];
  const out = [];
  for (const text of JSON.parse(texts)) {
    localStorage.clear();
    localStorage.setItem(key, text);
    const read = kept.shelf.read();
    change();
    const raw = localStorage.getItem(key);
    const again = JSON.stringify(kept.shelf.read());
    out.push([text, raw, localStorage.getItem(`${key}.damaged`), JSON.stringify(read), again]);
    // What no storage has taken is made again with the next change, so one is made on an empty shelf.
    localStorage.clear();
    change();
  }
  if (Object.keys(Object.prototype).length || {}.polluted) throw new Error("the prototype of all objects has changed");
  return out;
}"""

MODULES = {
    "progress": "progress/shelf",
    "plan": "plan/own",
    "practice": "practice/runs",
    "sessions": "practice/sessions-shelf",
}
LISTS = {"progress": "attempts", "plan": "plans", "practice": "runs", "sessions": "sessions"}
CHANGED = {"progress": "a change", "plan": "a change", "practice": "a change", "sessions": "questions=7"}

# Each example is a batch. What fails is told as it is: to make it smaller takes longer than to read it.
FUZZ = settings(
    max_examples=8,
    phases=[Phase.generate],
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@pytest.fixture(scope="module")
def origin(site: Site, browser: Any) -> Any:
    """A page of the site whose modules are imported, with all its policy."""
    context = browser.new_context(base_url=site.url)
    page = context.new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("dialog", lambda dialog: page.faults.append(dialog.message))
    page.goto("contributing/")
    yield page
    assert not page.faults, "\n".join(page.faults)
    context.close()


def batch(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, min_size=20, max_size=25)


@pytest.mark.parametrize("name", MODULES)
def test_nothing_that_is_stored_is_lost_or_stops_a_change(site: Site, origin: Page, name: str) -> None:
    @FUZZ
    @given(batch(texts_of(STORED[name])))
    def store(texts: list[str]) -> None:
        outcomes = origin.evaluate(STORE, [site.url, name, MODULES[name], json.dumps(texts)])
        assert len(outcomes) == len(texts)
        for text, raw, aside, read, again in outcomes:
            assert CHANGED[name] in again, f"the change after {text} is not there: {again}"
            was_left_alone = raw == text
            was_set_aside = aside is not None and text in aside
            if not was_left_alone and not was_set_aside:
                # Then it was read, and is in what is stored now.
                entries = json.loads(read)[LISTS[name]]
                assert json.loads(text)["version"] == 1, text
                assert all(_holds(json.loads(raw)[LISTS[name]], entry) for entry in entries), (
                    f"{text} -> {raw}"
                )

    store()


def _holds(entries: list[Any], wanted: Any) -> bool:
    """Whether an entry is among the entries: marked as replaced by the change, or under a new id where its own was none."""
    apart = {"replaced": None, "id": None}
    return any(entry | apart == wanted | apart for entry in entries)


READ = """async ([root, kind, texts]) => {
  const at = (name) => import(`${root}assets/javascripts/${name}.js`);
  const [file, model, codec, plan, session, filters, index] = await Promise.all(
    ["progress/file", "progress/model", "plan/codec", "plan/model", "practice/session", "search/filters", "search/index"].map(at));
  const { data, engine } = await index.load();
  const readers = {
    file: async (text) => {
      let state;
      try {
        state = file.readFileText(text);
      } catch (error) {
        return error instanceof model.Fault && error.message.endsWith("Nothing was changed.") ? "told" : String(error);
      }
      const again = file.readFileText(file.fileText(state, ""));
      return JSON.stringify(again) === JSON.stringify(state) ? "read" : "changed";
    },
    link: async (text) => {
      try {
        const read = await codec.decode(text);
        return plan.isSame(read, await codec.decode(await codec.encode(read))) ? "read" : "changed";
      } catch (error) {
        return error instanceof codec.LinkError ? "told" : String(error);
      }
    },
    query: async (text) => {
      const parameters = new URLSearchParams(text);
      const found = session.fromParameters(parameters);
      if (found && session.draw(found, data.questions).length > session.MOST_QUESTIONS) return "too many";
      if (found && session.parametersOf(found).toString().length > 1000) return "too long";
      const named = Object.fromEntries(Object.keys(filters.EMPTY).map((name) => [name, parameters.get(name) ?? ""]));
      const state = filters.possible(named, data.questions);
      const asked = filters.understood(state);
      const questions = engine.search(asked.words).questions.filter(({ record }) => filters.matches(record, asked));
      return questions.length <= data.questions.length ? "read" : "too many";
    },
  };
  const out = [];
  for (const text of JSON.parse(texts)) out.push([text, await readers[kind](text)]);
  if (Object.keys(Object.prototype).length) throw new Error("the prototype of all objects has changed");
  return out;
}"""

# More than can be looked at with every letter that is typed.
BLANKS = " " * 300_000 + "x"
NAMES = (
    "q",
    "category",
    "difficulty",
    "topic",
    "minutes",
    "seed",
    "count",
    "hide",
    "questions",
    "practice",
    "__proto__",
)
EXPORT = {"format": "llm-production-interviews/progress", **STORED["progress"]}
INPUTS = {
    "file": texts_of(EXPORT),
    "link": st.one_of(
        st.text(max_size=60).map(lambda text: f"#plan={text}x"),
        st.binary(max_size=60).map(link_of),
        st.builds(lambda body, form: link_of(body, form=form), st.binary(max_size=60), st.integers(0, 3)),
    ),
    "query": st.lists(
        st.tuples(st.sampled_from(NAMES), st.one_of(st.sampled_from((*WORDS, BLANKS)), st.text(max_size=40))),
        max_size=8,
    ).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_what_comes_from_outside_is_read_or_refused(site: Site, origin: Page, kind: str) -> None:
    @FUZZ
    @given(batch(INPUTS[kind]))
    def read(texts: list[str]) -> None:
        outcomes = origin.evaluate(READ, [site.url, kind, json.dumps(texts)])
        wrong = [outcome for outcome in outcomes if outcome[1] not in ("read", "told")]
        assert len(outcomes) == len(texts)
        assert not wrong, wrong

    read()


def test_only_what_this_site_sent_becomes_a_page(site: Site, origin: Page) -> None:
    read = """async ([root, address]) => {
      const { pageIn } = await import(`${root}assets/javascripts/trusted.js`);
      const response = address ? await fetch(address) : new Response("made up");
      return pageIn(response).then((page) => page.title, (error) => error.message);
    }"""
    assert "All questions" in origin.evaluate(read, [site.url, f"{site.url}questions/"])
    # Of the same origin, and so within reach; and one that no server sent.
    for address in (urlsplit(site.url)._replace(path="/another/").geturl(), ""):
        assert "is not this site's" in origin.evaluate(read, [site.url, address]), address


# --- All the way through the pages ------------------------------------------------------------------------------------


QUESTION = "questions/technical/rate-limiting/"
SET_ASIDE = re.compile("It was set aside, not deleted")
# The error is one that `Watch` sees.
CANARY = "window.pwned = () => { throw new Error('a script ran'); };"


def visited(page: Page, address: str, wanted: Callable[[Page], Locator]) -> Locator:
    """Open a page, wait for `wanted`, and look for what would have been made of MARKUP, had it been taken for HTML."""
    page.goto(address)
    found = wanted(page)
    expect(found).to_be_visible()
    assert page.locator("img[src^='data:,x'], [onload], [onerror], [href^=javascript]").count() == 0, address
    return found


# Palettes that the theme's scripts cannot use.
NO_COLORS, NO_INDEX = '{"index": 0}', '{"color": {"<b>": 1}, "index": "0"}'


def with_storage(site: Site, new_page: NewPage, texts: dict[str, str], palette: str = NO_INDEX) -> Page:
    """A page of a reader in whose storage these texts lie, and such a palette."""
    page = new_page()
    page.add_init_script(CANARY)
    page.goto("404.html")
    items = {f"llm-production-interviews.{name}": text for name, text in texts.items()}
    items[f"{urlsplit(site.url).path}.__palette"] = palette
    page.evaluate("(items) => Object.entries(items).forEach((item) => localStorage.setItem(...item))", items)
    return page


def test_texts_that_are_stored_are_shown_as_texts(site: Site, new_page: NewPage) -> None:
    page = with_storage(site, new_page, {name: json.dumps(value) for name, value in STORED.items()})
    visited(page, "", lambda page: page.get_by_role("link", name="Continue 6."))
    expect(page.get_by_role("link", name="Continue the session")).to_be_visible()
    visited(page, "practice/", lambda page: page.get_by_role("link", name="Questions 6, 99"))
    title = visited(page, "plans/builder/", lambda page: page.get_by_label("Title", exact=True))
    expect(title).to_have_value(MARKUP)
    note = visited(page, QUESTION, lambda page: page.get_by_label("What you missed"))
    expect(note).to_have_value(MARKUP)
    page.get_by_role("button", name="Save the attempt").click()
    expect(page.get_by_role("heading", name="Attempt saved")).to_be_visible()
    visited(page, "progress/", lambda page: page.get_by_role("table", name="2 attempts"))
    expect(page.locator(".progress-text").filter(has_text=MARKUP).first).to_be_attached()


def test_what_is_damaged_is_told_of_and_kept(site: Site, new_page: NewPage) -> None:
    damaged = {name: json.dumps(value)[:-20] + MARKUP for name, value in STORED.items()}
    page = with_storage(site, new_page, damaged)

    def notice(page: Page) -> Locator:
        return page.get_by_text(SET_ASIDE).first

    for address in ("practice/", "plans/builder/", "progress/", f"{QUESTION}?practice"):
        visited(page, address, notice)
    # Pages that only show what there is have nothing to show, and say nothing.
    visited(page, "", lambda page: page.get_by_role("heading", level=1))
    for name, text in damaged.items():
        key = f"llm-production-interviews.{name}.damaged"
        assert page.evaluate("(key) => localStorage.getItem(key)", key) == text, name


def test_another_window_may_store_anything(site: Site, new_page: NewPage) -> None:
    page = with_storage(site, new_page, {}, NO_COLORS)
    box = visited(page, "progress/", lambda page: page.get_by_label("Question 6 is done"))
    box.check()
    kept = page.evaluate("localStorage.getItem('llm-production-interviews.progress')")
    event = """(text) => {
      localStorage.setItem("llm-production-interviews.progress", text);
      for (const key of ["llm-production-interviews.progress", "__proto__", null]) {
        dispatchEvent(new StorageEvent("storage", { key, newValue: text }));
      }
    }"""
    page.evaluate(event, MARKUP)
    expect(page.get_by_text(SET_ASIDE)).to_be_visible()
    page.evaluate(event, '{"version": 99}')
    expect(page.get_by_text("from a newer edition of this site")).to_be_visible()
    page.evaluate(event, kept)
    expect(box).to_be_checked()


def test_addresses_run_nothing_and_what_they_cannot_say_is_told(new_page: NewPage) -> None:
    page = new_page()
    page.add_init_script(CANARY)
    hostile = quote(MARKUP)
    table = f"questions/?q={hostile}&category=__proto__&minutes=1e999#%E0%A4%A"
    expect(visited(page, table, lambda page: page.get_by_label("Search in this table"))).to_have_value(MARKUP)
    search = f"contributing/?search={hostile}&search-topic=constructor#%5C"
    expect(visited(page, search, lambda page: page.get_by_role("searchbox"))).to_have_value(MARKUP)
    session = f"practice/?seed={hostile}&count=-1e9&questions=6.__proto__.{hostile}"
    visited(page, session, lambda page: page.get_by_role("link", name="6. Implement"))
    short = f"q/6/?practice&seed={hostile}&questions=6.6.NaN#{hostile}"
    visited(page, short, lambda page: page.get_by_role("timer"))
    shared = visited(page, f"plans/builder/#plan={hostile}x", lambda page: page.get_by_role("alert"))
    expect(shared).to_contain_text("Nothing was stored")
