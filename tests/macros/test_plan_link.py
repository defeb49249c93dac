"""The link that holds a plan: nothing is lost in it, and nothing that is no plan is taken for one."""

import base64
import random
import zlib
from datetime import date, timedelta

import pytest
from hypothesis import given, settings

from macros.plan_link import (
    END,
    LIMITS,
    MAX_BODY,
    PREFIX,
    LinkedDay,
    LinkedItem,
    LinkedPlan,
    LinkError,
    decode,
    encode,
)
from tests.macros.plans import LAST, plans

EVERY_QUESTION = LinkedPlan(
    "Interview on Mon, Mar 22, 2027",
    date(2027, 3, 1),
    date(2027, 3, 22),
    tuple(
        LinkedDay(n, "", (LinkedItem(question=n + 1), LinkedItem(question=max(1, n - 3)))) for n in range(20)
    ),
)


def link_of(body, version=1, form=0):
    """A link with a right checksum over whatever it is given."""
    rest = bytes([form]) + body
    data = bytes([version]) + zlib.crc32(bytes([version]) + rest).to_bytes(4, "big") + rest
    return PREFIX + base64.urlsafe_b64encode(data).decode().rstrip("=") + END


@settings(max_examples=50)
@given(plans())
def test_what_goes_in_comes_out(plan):
    fragment = encode(plan)
    assert decode(fragment) == plan
    assert fragment.isascii()
    assert fragment[-1] not in "-_", "programs that make links of addresses leave these out"


def test_twenty_questions_with_reviews_fit_into_a_message():
    assert len(encode(EVERY_QUESTION)) < 200


def test_a_link_that_was_cut_or_changed_is_no_plan():
    fragment = encode(EVERY_QUESTION)
    for end in range(len(fragment)):
        with pytest.raises(LinkError):
            decode(fragment[:end])
    for at in range(len(PREFIX), len(fragment) - 1):
        other = "A" if fragment[at] != "A" else "B"
        with pytest.raises(LinkError):
            decode(fragment[:at] + other + fragment[at + 1 :])


def test_a_body_that_says_what_no_plan_can_is_refused():
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = packer.compress(bytes(50 * MAX_BODY)) + packer.flush()
    for link in (
        link_of(bomb, form=1),
        link_of(b"\x00\x00\x00\x00", form=1),
        link_of(zlib.compress(bytes(4), wbits=-zlib.MAX_WBITS) + b"more", form=1),
        link_of(b"\xff" * 20),
        link_of(b"\x00\x00\x05abc"),
        link_of(b"\x00\x00\x00\x00\x00"),
        link_of(b"\x00\x05\x00\x00"[:1]),
        link_of(b"\x00\x00\x01\xff\x00"),
        link_of(b"\x00\x00\x00\x00", version=2),
        link_of(b"\x00\x00\x00\x00", form=7),
    ):
        with pytest.raises(LinkError):
            decode(link)
    assert decode(link_of(b"\x00\x00\x00\x00")) == LinkedPlan("")


@pytest.mark.parametrize(
    "plan",
    [
        LinkedPlan("x" * (LIMITS["title"] + 1)),
        LinkedPlan("two\nlines"),
        LinkedPlan("turned \u202e around"),
        LinkedPlan("x", interview=date(2027, 1, 1)),
        LinkedPlan("x", date(2027, 1, 2), date(2027, 1, 1)),
        LinkedPlan("x", date(2019, 12, 31)),
        LinkedPlan("x", LAST + timedelta(1)),
        LinkedPlan("x", days=(LinkedDay(1), LinkedDay(1))),
        LinkedPlan("x", days=(LinkedDay(LIMITS["offset"] + 1),)),
        LinkedPlan("x", days=(LinkedDay(0, items=(LinkedItem(),)),)),
        LinkedPlan("x", days=(LinkedDay(0, items=(LinkedItem(question=LIMITS["question"] + 1),)),)),
        LinkedPlan("x", days=(LinkedDay(0, items=(LinkedItem(text="x", minutes=601),)),)),
        LinkedPlan("x", days=(LinkedDay(0, items=(LinkedItem(text="x", minutes=-1),)),)),
        LinkedPlan("x", days=(LinkedDay(0, items=(LinkedItem(text="x" * (LIMITS["text"] + 1)),)),)),
        LinkedPlan("x", days=(LinkedDay(0, items=(LinkedItem(question=1),) * (LIMITS["items"] + 1)),)),
        LinkedPlan("x", days=(LinkedDay(0, "x" * (LIMITS["note"] + 1)),)),
        LinkedPlan("\U0001f600" * (LIMITS["title"] // 2 + 1)),
        LinkedPlan("x", days=tuple(LinkedDay(n) for n in range(LIMITS["days"] + 1))),
    ],
)
def test_what_the_builder_would_refuse_is_not_written(plan):
    with pytest.raises(LinkError):
        encode(plan)


@pytest.mark.parametrize(
    "plan",
    [
        LinkedPlan("x" * LIMITS["title"]),
        LinkedPlan("\U0001f600" * (LIMITS["title"] // 2)),
        LinkedPlan("x", date(2020, 1, 1), LAST),
        LinkedPlan("x", LAST, LAST),
        LinkedPlan("x", days=(LinkedDay(0), LinkedDay(LIMITS["offset"]))),
        LinkedPlan("x", days=(LinkedDay(0, "x" * LIMITS["note"]),)),
        LinkedPlan("x", days=(LinkedDay(0, items=(LinkedItem(question=LIMITS["question"]),)),)),
        LinkedPlan("x", days=(LinkedDay(0, items=(LinkedItem(text="x" * LIMITS["text"], minutes=600),)),)),
        LinkedPlan("x", days=(LinkedDay(0, items=(LinkedItem(question=1),) * LIMITS["items"]),)),
        LinkedPlan("x", days=tuple(LinkedDay(n) for n in range(LIMITS["days"]))),
    ],
)
def test_what_the_builder_just_allows_comes_through(plan):
    assert decode(encode(plan)) == plan


def test_a_plan_too_long_for_a_link_says_so():
    rng = random.Random(1)
    notes = ("".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(LIMITS["note"])) for _ in range(20))
    days = tuple(LinkedDay(n, note) for n, note in enumerate(notes))
    with pytest.raises(LinkError, match="too long"):
        encode(LinkedPlan("x", days=days))
