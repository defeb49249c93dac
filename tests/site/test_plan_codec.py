"""The link of a plan, written and read by Python and by the browser: the same plans, and the same refusals."""

from __future__ import annotations

import zlib
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from macros.plan_link import LIMITS, MAX_BODY, LinkedDay, LinkedItem, LinkedPlan, decode, encode
from tests.macros.plans import plans
from tests.macros.test_plan_link import EVERY_QUESTION, link_of
from tests.site.conftest import NewPage, Site
from tests.site.plans import as_json, blank

READ_AND_WRITE = """async ([codec, links]) => {
  const { decode, encode } = await import(codec);
  const out = [];
  for (const link of links) {
    const plan = await decode(link);
    out.push([plan, await encode(plan)]);
  }
  return out;
}"""

REFUSALS = """async ([codec, links]) => {
  const { decode, LinkError } = await import(codec);
  const out = [];
  for (const link of links) {
    out.push(await decode(link).then(() => "read", (error) => (error instanceof LinkError ? error.reason : String(error))));
  }
  return out;
}"""

# Whatever a reader may press and enter, in any order: each change gives a plan, or a RangeError that says why not.
CHANGES = """async ([folder, runs, steps]) => {
  const [edit, { parsePlan, viewOf }, { decode, encode }] = await Promise.all(
    ["edit", "model", "codec"].map((name) => import(`${folder}${name}.js`)));
  let seed = 20270301;
  const any = (below) => { seed = (seed * 1103515245 + 12345) % 2 ** 31; return Math.floor(seed / 2 ** 31 * below); };
  const faults = [];
  let [done, refused] = [0, 0];
  for (let run = 0; run < runs; run++) {
    let plan = { title: "", start: null, interview: null, days: [{ offset: 0, note: "", items: [] }] };
    for (let step = 0; step < steps; step++) {
      const d = any(plan.days.length);
      const { items } = plan.days[d] ?? { items: [] };
      const i = any(items.length);
      const to = items.length ? edit.placeBeside(plan, d, i, any(2) ? 1 : -1) : null;
      const changes = [
        () => edit.addDay(plan),
        () => edit.addQuestion(plan, viewOf(plan, []), 1 + any(9), 30).plan,
        () => edit.setStart(plan, any(9) ? 20878 + any(60) : null),
        () => edit.setInterview(plan, any(9) ? 20878 + any(60) : null),
      ];
      if (plan.days.length) changes.push(() => edit.removeDay(plan, d), () => edit.addOwn(plan, d, "own", any(99)));
      if (plan.days.length && plan.start !== null) changes.push(() => edit.setDate(plan, d, 20878 + any(60)).plan);
      if (items.length) changes.push(() => edit.removeItem(plan, d, i));
      if (to) changes.push(() => edit.moveItem(plan, { d, i }, to));
      const change = changes[any(changes.length)];
      let next;
      try {
        next = change();
      } catch (error) {
        if (!(error instanceof RangeError)) faults.push(`${change}: ${error}`);
        refused += 1;
        continue;
      }
      try {
        parsePlan(next);
        plan = next;
        done += 1;
      } catch (error) {
        faults.push(`${change}: ${error}`);
      }
    }
    if (JSON.stringify(await decode(await encode(plan))) !== JSON.stringify(plan)) faults.push("not the same plan by its link");
  }
  return [done, refused, faults];
}"""


@pytest.fixture
def page(new_page: NewPage) -> Page:
    page = new_page()
    blank(page)
    return page


def run(site: Site, page: Page, script: str, links: list[str]) -> list[Any]:
    out: list[Any] = page.evaluate(script, [f"{site.url}assets/javascripts/plan/codec.js", links])
    return out


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some=st.lists(plans(), min_size=1, max_size=8))
def test_both_read_what_either_writes(site: Site, page: Page, some: list[LinkedPlan]) -> None:
    for plan, (read, written) in zip(
        some, run(site, page, READ_AND_WRITE, [encode(p) for p in some]), strict=True
    ):
        assert read == as_json(plan)
        assert decode(written) == plan
        assert written[-1] not in "-_"


def test_no_change_makes_what_cannot_be_kept_or_sent(site: Site, page: Page) -> None:
    done, refused, faults = page.evaluate(CHANGES, [f"{site.url}assets/javascripts/plan/", 100, 60])
    assert not faults, "\n".join(sorted(set(faults)))
    assert min(done, refused) > 100, "it was tried"


def test_both_have_the_same_limits(site: Site, page: Page) -> None:
    script = "async (model) => (await import(model)).LIMITS"
    assert page.evaluate(script, f"{site.url}assets/javascripts/plan/model.js") == LIMITS


def test_links_are_short(site: Site, page: Page) -> None:
    """Run with `-rP` for the lengths. The address before them has 83 characters where the site is published."""
    ((_, written),) = run(site, page, READ_AND_WRITE, [encode(EVERY_QUESTION)])
    notes = EVERY_QUESTION._replace(
        days=tuple(day._replace(note="Ask for the numbers first, then draw.") for day in EVERY_QUESTION.days)
    )
    ((_, noted),) = run(site, page, READ_AND_WRITE, [encode(notes)])
    print(f"20 questions with 20 reviews: {len(written)}; with a note a day: {len(noted)}")
    assert len(written) < 200
    assert len(noted) < 400


def test_a_link_that_was_cut_or_changed_is_damaged(site: Site, page: Page) -> None:
    link = encode(EVERY_QUESTION)
    links = [link[:end] for end in range(len(link))]
    for at in range(6, len(link) - 1):
        links.append(link[:at] + ("A" if link[at] != "A" else "B") + link[at + 1 :])
    assert set(run(site, page, REFUSALS, links)) == {"damaged"}


def test_hostile_links_are_refused_and_cost_nothing(site: Site, page: Page) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = packer.compress(bytes(150 * MAX_BODY)) + packer.flush()
    two_days = encode(LinkedPlan("x", days=(LinkedDay(0), LinkedDay(1))))
    links = [
        link_of(bomb, form=1),
        link_of(b"\x00\x00\x00\x00", form=1),
        link_of(b"\x00\x00\x00\x00", form=7),
        link_of(b"\x00\x00\x00\x00", version=0),
        link_of(b"\xff" * 40),
        # More days, more items, longer texts than there are bytes.
        link_of(b"\x00\x00\x00\xff\xff\xff\x7f"),
        link_of(b"\x00\x00\x00\x01\x00\xfe\xff\xff\x7f"),
        link_of(b"\x00\x00\xff\xff\xff\x7fx"),
        # An interview without a start, bytes that are no UTF-8, a control, a line that turns around, bytes left over.
        link_of(b"\x00\x05\x00\x00"),
        link_of(b"\x00\x00\x01\xff\x00"),
        link_of(b"\x00\x00\x01\x07\x00"),
        link_of("\x00\x00\x03\u202e\x00".encode()),
        link_of(b"\x00\x00\x00\x00\x00"),
        # A day far away, a question of no number, an item without a text.
        link_of(b"\x00\x00\x00\x01\xff\x7f\x00"),
        link_of(b"\x00\x00\x00\x01\x00\x02\xff\xff\x7f"),
        link_of(b"\x00\x00\x00\x01\x00\x02\x00\x00\x05"),
        "#plan=",
        "#plan=x",
        f"#plan={'A' * 100_000}x",
        f"{two_days[:-1]}=x",
        f"{two_days[:20]} {two_days[20:]}",
        "#plan=%F0%9F%92%A3x",
    ]
    assert dict.fromkeys(links, "damaged") == dict(zip(links, run(site, page, REFUSALS, links), strict=True))


def test_a_newer_link_says_that_it_is_newer(site: Site, page: Page) -> None:
    newer = link_of(b"whatever a later version may write", version=2)
    assert run(site, page, REFUSALS, [newer, newer[:-5] + "x"]) == ["newer", "damaged"]


def test_a_browser_without_compression_writes_plain_links_and_says_why_it_cannot_read(
    site: Site, new_page: NewPage
) -> None:
    page = new_page()
    page.add_init_script("delete globalThis.CompressionStream; delete globalThis.DecompressionStream;")
    blank(page)
    noted = LinkedPlan(
        "x",
        date(2027, 3, 1),
        None,
        tuple(LinkedDay(n, "again and again", (LinkedItem(7),)) for n in range(9)),
    )
    plain = LinkedPlan("x", days=(LinkedDay(0, items=(LinkedItem(question=7),)),))
    ((read, written),) = run(site, page, READ_AND_WRITE, [encode(plain)])
    assert read == as_json(plain)
    assert decode(written) == plain
    assert run(site, page, REFUSALS, [encode(noted)]) == ["old-browser"]
    script = "async ([codec, plan]) => (await import(codec)).encode(plan)"
    long = page.evaluate(script, [f"{site.url}assets/javascripts/plan/codec.js", as_json(noted)])
    assert decode(long) == noted
