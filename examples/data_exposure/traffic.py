"""Fourteen days of metadata, simulated: 40 million requests as hourly counts, and the few that somebody has to look at.

What a closed request can do to those after it follows the rule that the laboratory shows: the next command on its
connection gets its reply, and so on, until a command of another kind does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from examples.data_exposure.setting import (
    CACHE_SHARE,
    FIRST_LOG,
    GATEWAYS,
    ORGANIZATIONS,
    PAGED,
    PROMPTS_SINCE,
    RATE,
    RELEASED,
    REPLICAS,
    UNDER_GDPR,
    UNDER_HIPAA,
)

SEED = 43
"""Chosen among its neighbors so that the fullest day is the one of the last deployment; the conclusions do not depend on it."""
BY_HOUR = (
    0.22,
    0.18,
    0.16,
    0.15,
    0.17,
    0.24,
    0.38,
    0.58,
    0.80,
    0.93,
    0.98,
    0.95,
    0.92,
    0.97,
    1.00,
    0.99,
    0.94,
    0.86,
    0.74,
    0.62,
    0.52,
    0.43,
    0.35,
    0.28,
)
"""Traffic of the hour as a share of the rate at 14:00; UTC."""
WEEKEND = 0.5
FIRST_QUESTIONS_CACHED = RELEASED + timedelta(hours=1, minutes=15)
CLOSED_EARLY = (0.0010, 0.0090)
"""Share of requests closed before their first token: before and after the release."""
CLOSED_LATER = (0.0060, 0.0210)
WITHIN_A_READ = 0.0015
"""Chance that such a close falls between a command and its reply: 1 ms of about 0.7 s to the first token."""
NEXT = (("session", 0.36), ("conversation", 0.34), ("write", 0.30))
"""What the next command on a connection is."""
NEXT_AFTER_S = 0.7
WITH_DOCS = 0.45
CUT = 0.04
"""Share of requests that end before a first token: overload, timeouts."""
LATER_TURNS = 0.5
"""Chance of another turn within the hour, after each."""
SAMPLE = 100_000
"""One request in so many is kept, besides those to look at."""
GRANTED_A_DAY = 18
"""Requests a day that use a document which another organization has shared with theirs."""


@dataclass
class Log:
    """The files, row by row."""

    hours: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    review: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Person:
    user: str
    organization: str
    conversation: str


class Writer:
    """Draws what the log holds. All draws come from one seed, in order."""

    def __init__(self, seed: int) -> None:
        self.random = Random(f"log {seed}")
        self.log = Log()
        self._libraries: dict[str, list[str]] = {}

    def _name(self, letter: str) -> str:
        return f"{letter}_{self.random.randrange(16**6):06x}"

    def person(self) -> Person:
        organization = f"org_{self.random.randrange(ORGANIZATIONS):04d}"
        return Person(self._name("u"), organization, self._name("c"))

    def document(self, organization: str, conversation: str = "", shared_with: str = "") -> str:
        name = self._name("d")
        self.log.documents[name] = {
            "document": name,
            "organization": organization,
            "conversation": conversation,
            "shared_with": shared_with,
        }
        return name

    def library(self, organization: str) -> list[str]:
        if organization not in self._libraries:
            self._libraries[organization] = [self.document(organization) for _ in range(3)]
        return self._libraries[organization]

    def row(
        self,
        at: datetime,
        person: Person,
        docs: list[str],
        *,
        kept: str,
        gateway: int | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        finish = "complete" if self.random.random() > CUT else "failed"
        row = {
            "at": at,
            "request": self._name("r"),
            "gateway": gateway or self.random.randint(1, GATEWAYS),
            "replica": self.random.randint(1, REPLICAS),
            "organization": person.organization,
            "user": person.user,
            "session": self._name("s"),
            "conversation": person.conversation,
            "turn": self.random.choice((1, 2, 2, 3, 4)),
            "cache": "miss",
            "filled_by": "",
            "finish": finish,
            "documents": " ".join(docs),
            "kept": kept,
            **fields,
        }
        row["first_token"] = int(row["finish"] in ("complete", "closed later"))
        self.log.requests.append(row)
        return row

    def poisson(self, mean: float) -> int:
        """Knuth's product method, in pieces that cannot underflow."""
        if mean > 30:
            return self.poisson(mean / 2) + self.poisson(mean / 2)
        limit, count, product = math.exp(-mean), 0, self.random.random()
        while product > limit:
            count += 1
            product *= self.random.random()
        return count

    def chain(self, at: datetime) -> tuple[int, int, int]:
        """What follows one close within a read: sessions refused, conversations crossed, bad states."""
        gateway = self.random.randint(1, GATEWAYS)
        pending = self.random.choice(("session", "conversation"))
        owner, refused, crossed = self.person(), 0, 0
        if pending == "conversation" and self.random.random() < WITH_DOCS:
            held = [self.document(owner.organization, owner.conversation) for _ in range(2)]
        else:
            held = []
        if held:
            self.row(at, owner, [], kept="before", gateway=gateway, finish="closed early")
        while True:
            at += timedelta(seconds=self.random.expovariate(1 / NEXT_AFTER_S))
            [kind] = self.random.choices([k for k, _ in NEXT], [w for _, w in NEXT])
            if kind != pending:
                return refused, crossed, 1
            reader = self.person()
            if kind == "session":
                refused += 1
                continue
            crossed += 1
            mine = [self.document(reader.organization, reader.conversation) for _ in range(2)]
            mine = mine if self.random.random() < WITH_DOCS else []
            if held:
                self._cross(at, gateway, reader, held)
            elif mine:
                self.row(at, reader, self.library(reader.organization)[:2], kept="before", gateway=gateway)
            held = mine  # the reader's own conversation is what the next one finds

    def _cross(self, at: datetime, gateway: int, reader: Person, held: list[str]) -> None:
        docs = [*self.library(reader.organization)[:2], *held]
        first = self.row(at, reader, docs, kept="look", gateway=gateway)
        shown = self._review(first)
        if first["finish"] != "complete":
            return
        seen = at
        while self.random.random() < LATER_TURNS and seen < PAGED:
            seen += timedelta(minutes=self.random.uniform(1, 15))
            later = self.row(
                seen,
                reader,
                [*self.library(reader.organization)[1:], *held],
                kept="look",
                turn=first["turn"] + 1,
            )
            self._review(later)
        if first["turn"] == 1 and at > FIRST_QUESTIONS_CACHED:
            for _ in range(self.poisson(2.0)):
                again = self.row(
                    at + timedelta(minutes=self.random.uniform(1, 55)),
                    replace(self.person(), organization=reader.organization),
                    docs,
                    kept="look",
                    turn=1,
                    cache="hit",
                    filled_by=first["request"],
                )
                self._review(again, shown)

    def _review(self, row: dict[str, Any], shown: str = "") -> str:
        """What two people saw who opened the answer together, where it is still kept and anything was sent.

        A cached answer shows what the one that filled the cache does, which is given as `shown`.
        """
        [drawn] = self.random.choices(("verbatim", "paraphrased", "nothing"), (0.3, 0.25, 0.45))
        if row["first_token"] and row["at"] >= PROMPTS_SINCE:
            self.log.review.append({"request": row["request"], "shown": shown or drawn})
        return shown or drawn


def hours() -> Iterator[tuple[datetime, float, float]]:
    """Each hour's start, the part of it that the log covers, and its expected requests."""
    at = FIRST_LOG.replace(minute=0)
    while at < PAGED:
        end = at + timedelta(hours=1)
        part = (min(end, PAGED) - max(at, FIRST_LOG)) / timedelta(hours=1)
        factor = BY_HOUR[at.hour] * (WEEKEND if at.weekday() >= 5 else 1.0)
        yield at, part, RATE * factor * 3600 * part
        at = end


def simulate(reported: list[dict[str, Any]], documents: dict[str, dict[str, Any]], seed: int = SEED) -> Log:
    """The log of 14 days. `reported` are the rows of the report, taken from a real run; `documents` theirs."""
    writer = Writer(seed)
    random = writer.random
    for start, part, mean in hours():
        count = round(random.gauss(mean, math.sqrt(mean)))
        late = start >= RELEASED
        early = writer.poisson(count * CLOSED_EARLY[late])
        first_day = RELEASED <= start < RELEASED + timedelta(days=1)
        refused, bad = writer.poisson(count * 2e-4), 0

        def moment(start: datetime = start, part: float = part) -> datetime:
            lead = 1 - part if start < FIRST_LOG else 0.0
            return start + timedelta(hours=lead + random.random() * part)

        for _ in range(writer.poisson(early * WITHIN_A_READ)):
            more_refused, _crossed, more_bad = writer.chain(moment())
            refused, bad = refused + more_refused, bad + more_bad
        writer.log.hours.append(
            {
                "hour": start,
                "requests": count,
                "cache_hits": writer.poisson(count * CACHE_SHARE),
                "closed_early": early,
                "closed_later": writer.poisson(count * CLOSED_LATER[late]),
                "sign_ins": writer.poisson(count * (0.11 if first_day else 0.04)),
                "session_refused": refused,
                "state_errors": bad,
            }
        )
        for _ in range(writer.poisson(count / SAMPLE)):
            person = writer.person()
            writer.row(moment(), person, writer.library(person.organization)[:2], kept="sample")
        for _ in range(writer.poisson(GRANTED_A_DAY * count / 3.2e6)):
            person, other = writer.person(), writer.person()
            shared = writer.document(other.organization, shared_with=person.organization)
            writer.row(moment(), person, [*writer.library(person.organization)[:1], shared], kept="look")
    writer.log.requests = [row for row in writer.log.requests if row["at"] < PAGED] + reported
    kept = {row["request"] for row in writer.log.requests}
    writer.log.review = [row for row in writer.log.review if row["request"] in kept]
    writer.log.documents |= documents
    writer.log.review += [{"request": row["request"], "shown": "verbatim"} for row in reported[-1:]]
    writer.log.requests.sort(key=lambda row: (row["at"], row["request"]))
    return writer.log


def organizations(seed: int = 16) -> list[dict[str, Any]]:
    """All organizations, and under which law notice is due. The seed makes the report's two subject to the GDPR only."""
    random = Random(f"organizations {seed}")
    names = [f"org_{number:04d}" for number in range(ORGANIZATIONS)]
    gdpr, hipaa = set(random.sample(names, UNDER_GDPR)), set(random.sample(names, UNDER_HIPAA))
    return [{"organization": n, "gdpr": int(n in gdpr), "hipaa": int(n in hipaa)} for n in names]
