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
