"""A plan <-> the fragment with which the plan builder opens it.

docs/assets/javascripts/plan/codec.js says what the form is and why; a test holds the two equal over many plans. Days are
`datetime.date` here, whole numbers there.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from datetime import date, timedelta
from typing import NamedTuple

from macros.plan import Plan

PREFIX = "#plan="
END = "x"
MAX_LINK = 16_000
"""Characters of the bytes' text."""
MAX_BODY = 65_536
"""Bytes that a link may unfold into."""
_VERSION = 1
_HEAD = 6
_PLAIN, _DEFLATED = 0, 1
_RAW = -zlib.MAX_WBITS

_FIRST, _LAST = date(2020, 1, 1), date(2120, 1, 1)

# The same as LIMITS of docs/assets/javascripts/plan/model.js. Lengths are in UTF-16 units.
LIMITS = {
    "title": 120,
    "note": 500,
    "text": 200,
    "minutes": 600,
    "days": 200,
    "items": 500,
    "offset": 1000,
    "question": 9999,
    "firstDay": (_FIRST - date(1970, 1, 1)).days,
    "lastDay": (_LAST - date(1970, 1, 1)).days,
}
_FORBIDDEN = re.compile(
    "[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


class LinkedItem(NamedTuple):
    """A question by its number, or something of the reader's own (`question` None) with its minutes."""

    question: int | None = None
    text: str = ""
    minutes: int = 0
    note: str = ""


class LinkedDay(NamedTuple):
    """A sitting, `offset` days after the plan's start."""

    offset: int
    note: str = ""
    items: tuple[LinkedItem, ...] = ()


class LinkedPlan(NamedTuple):
    """What a link holds. Without a start there are no dates."""

    title: str
    start: date | None = None
    interview: date | None = None
    days: tuple[LinkedDay, ...] = ()


class LinkError(ValueError):
    """The plan is too large for a link, or the link holds no plan."""


def linked(plan: Plan) -> LinkedPlan:
    """A ready-made plan as its link holds it: without dates, the days' subjects as notes, without the reasons."""
    days = []
    offset = -1
    for day in plan.days:
        offset += 1 + day.rest
        items = tuple(LinkedItem(question=step.question) for step in day.questions)
        days.append(LinkedDay(offset, day.focus, items))
    return LinkedPlan(plan.title, days=tuple(days))


def encode(plan: LinkedPlan) -> str:
    """A plan -> the fragment, `#` included. Raises LinkError."""
    _check(plan)
    body = _body(plan)
    packer = zlib.compressobj(9, zlib.DEFLATED, _RAW)
    packed = packer.compress(body) + packer.flush()
    form, content = (_DEFLATED, packed) if len(packed) < len(body) else (_PLAIN, body)
    rest = bytes([form]) + content
    data = bytes([_VERSION]) + _checksum(_VERSION, rest) + rest
    text = base64.urlsafe_b64encode(data).decode().rstrip("=")
    if len(body) > MAX_BODY or len(text) > MAX_LINK:
        raise LinkError("the plan is too long for a link")
    return PREFIX + text + END


def decode(fragment: str) -> LinkedPlan:
    """The fragment of a link -> its plan. Raises LinkError."""
    if not fragment.startswith(PREFIX) or not fragment.endswith(END):
        raise LinkError("not the fragment of a plan")
    text = fragment.removeprefix(PREFIX).removesuffix(END)
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise LinkError("not base64url") from error
    if len(data) <= _HEAD or data[1:5] != _checksum(data[0], data[5:]):
        raise LinkError("cut short or changed")
    if data[0] != _VERSION or data[5] > _DEFLATED:
        raise LinkError("of another version")
    body = data[_HEAD:]
    if data[5] == _DEFLATED:
        unpacker = zlib.decompressobj(_RAW)
        try:
            body = unpacker.decompress(body, MAX_BODY)
        except zlib.error as error:
            raise LinkError("does not unfold") from error
        if not unpacker.eof or unpacker.unused_data:
            raise LinkError("unfolds into too much, or is not all of what was folded")
    try:
        plan = _Reader(body).plan()
    except (IndexError, ValueError, OverflowError) as error:
        raise LinkError("holds no plan") from error
    _check(plan)
    return plan


def _checksum(version: int, rest: bytes) -> bytes:
    return zlib.crc32(bytes([version]) + rest).to_bytes(4, "big")


def _check(plan: LinkedPlan) -> None:
    """Raises LinkError where the builder would refuse the plan."""
    items = [item for day in plan.days for item in day.items]
    notes = [day.note for day in plan.days] + [item.note for item in items]
    lines = [plan.title, *(item.text for item in items)]
    offsets = [day.offset for day in plan.days]
    right = (
        all(_length(note) <= LIMITS["note"] for note in notes)
        and _length(plan.title) <= LIMITS["title"]
        and all(_length(item.text) <= LIMITS["text"] for item in items)
        and not any(_FORBIDDEN.search(text) for text in (*notes, *lines))
        and not any("\n" in line for line in lines)
        and all((item.question is None) == bool(item.text) for item in items)
        and all(item.question is None or 1 <= item.question <= LIMITS["question"] for item in items)
        and all(0 <= item.minutes <= LIMITS["minutes"] for item in items)
        and len(plan.days) <= LIMITS["days"]
        and len(items) <= LIMITS["items"]
        and all(0 <= offset <= LIMITS["offset"] for offset in offsets)
        and offsets == sorted(set(offsets))
        and all(day is None or _FIRST <= day <= _LAST for day in (plan.start, plan.interview))
        and (plan.interview is None or (plan.start is not None and plan.start <= plan.interview))
    )
    if not right:
        raise LinkError("the plan has what no link can hold")


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _body(plan: LinkedPlan) -> bytes:
    body = bytearray()

    def number(value: int) -> None:
        while value > 127:
            body.append(value % 128 + 128)
            value //= 128
        body.append(value)

    def text(value: str) -> None:
        utf8 = value.encode()
        number(len(utf8))
        body.extend(utf8)

    number((plan.start - _FIRST).days + 1 if plan.start else 0)
    number((plan.interview - plan.start).days + 1 if plan.interview and plan.start else 0)
    text(plan.title)
    number(len(plan.days))
    following = 0
    for day in plan.days:
        number(day.offset - following)
        following = day.offset + 1
        number(len(day.items) * 2 + bool(day.note))
        if day.note:
            text(day.note)
        for item in day.items:
            number((item.question or 0) * 2 + bool(item.note))
            if item.question is None:
                text(item.text)
                number(item.minutes)
            if item.note:
                text(item.note)
    return bytes(body)


class _Reader:
    """Reads a body from its beginning. Raises IndexError or ValueError where it is none."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0

    def number(self) -> int:
        value = 0
        for place in range(4):
            byte = self.body[self.at]
            self.at += 1
            value += byte % 128 << 7 * place
            if byte < 128:
                return value
        raise ValueError("too large a number")

    def text(self) -> str:
        length = self.number()
        if length > len(self.body) - self.at:
            raise IndexError("too short")
        self.at += length
        return self.body[self.at - length : self.at].decode()

    def plan(self) -> LinkedPlan:
        start, interview, title = self.number(), self.number(), self.text()
        following = 0
        days = []
        for _ in range(self.number()):
            offset = following + self.number()
            following = offset + 1
            head = self.number()
            note = self.text() if head % 2 else ""
            days.append(LinkedDay(offset, note, tuple(self.item() for _ in range(head // 2))))
        if self.at != len(self.body):
            raise ValueError("too long")
        begins = _FIRST + timedelta(start - 1) if start else None
        ends = begins + timedelta(interview - 1) if begins and interview else None
        return LinkedPlan(title, begins, ends, tuple(days))

    def item(self) -> LinkedItem:
        head = self.number()
        question = head // 2 or None
        text, minutes = ("", 0) if question else (self.text(), self.number())
        return LinkedItem(question, text, minutes, self.text() if head % 2 else "")
