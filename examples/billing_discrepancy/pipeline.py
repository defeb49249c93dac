"""From a finished stream to a priced hour: gateway, queue, consumer, hourly job. Time is simulated, the SQL is real."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterable
from random import Random
from typing import NamedTuple, Protocol

from examples.billing_discrepancy import store
from examples.billing_discrepancy.traffic import Fate, Request, ids

TRIES = 3
EVENTS = uuid.UUID("6f1d2f0e-4c0b-5a57-9f0d-0d9a6a5a3b11")
"""The namespace of event ids that are derived from a request id."""


class Event(NamedTuple):
    event_id: str
    created_ms: int
    request_id: str
    org_id: str
    key_id: str
    prompt_tokens: int
    output_tokens: int
    outcome: str


def metered(request: Request) -> tuple[str, str, str, int, int, str]:
    """What an event says of its request, whoever makes it and when."""
    return (
        request.request_id,
        request.org_id,
        request.key_id,
        request.prompt_tokens,
        request.output_tokens,
        request.finish,
    )


class Queue:
    """Keeps each message it is given, acknowledges some of them late, and delivers some of them twice."""

    def __init__(self) -> None:
        self.messages: list[Event] = []
        self._fate: Fate
        self._try = 0

    def expect(self, fate: Fate) -> None:
        """What the next request's event will meet."""
        self._fate, self._try = fate, 0

    def publish(self, event: Event, timeout_s: float) -> None:
        """Return once acknowledged. Raises TimeoutError, and the message may have been kept all the same."""
        ack, stored = self._fate.acks_s[self._try], self._fate.stored[self._try]
        self._try += 1
        if stored:
            self.messages += [event] * (2 if self._fate.redelivered else 1)
        if ack > timeout_s:
            raise TimeoutError


class Publisher(Protocol):
    def __call__(self, request: Request, queue: Queue, timeout_s: float) -> None: ...


def publisher(new_id: Callable[[], str]) -> Publisher:
    """The gateway's publishing as it ran in October."""

    # --8<-- [start:publish]
    def usage_event(request: Request, now_ms: int) -> Event:
        return Event(new_id(), now_ms, *metered(request))

    def publish(request: Request, queue: Queue, timeout_s: float) -> None:
        now_ms = request.ended_ms
        for _ in range(TRIES):
            try:
                queue.publish(usage_event(request, now_ms), timeout_s)
                return
            except TimeoutError:
                now_ms += round(timeout_s * 1000) + request.fate.timer_late_ms

    # --8<-- [end:publish]
    return publish


# --8<-- [start:mended]
def event_of(request: Request) -> Event:
    """Whoever builds it, and whenever: the same."""
    event_id = str(uuid.uuid5(EVENTS, request.request_id))
    return Event(event_id, request.ended_ms, *metered(request))


def publish_once(request: Request, queue: Queue, timeout_s: float) -> None:
    event = event_of(request)
    for _ in range(TRIES):
        try:
            queue.publish(event, timeout_s)
            return
        except TimeoutError:
            continue


# --8<-- [end:mended]


class Records(NamedTuple):
    """What one run leaves outside of the database."""

    access_log: list[Request]
    provider_lines: list[Request]
    redelivered: int


def run(
    database: sqlite3.Connection,
    requests: Iterable[Request],
    publish: Publisher,
    timeout_s: Callable[[Request], float],
    consume: str = store.section("pipeline.sql", "consume"),
) -> Records:
    """Take requests from their end of stream into `usage_events` and `usage_hourly`. `consume` is the consumer's SQL.

    A request that failed before any output had no stream, so it has no event.
    """
    queue = Queue()
    logged, provider = [], []
    for request in requests:
        if not request.fate.log_line_lost:
            logged.append(request)
        if request.finish == "failed":
            continue
        if request.upstream == "provider":
            provider.append(request)
        if not request.fate.gateway_killed:
            queue.expect(request.fate)
            publish(request, queue, timeout_s(request))
    before = database.total_changes
    database.executemany(consume, (event._asdict() for event in queue.messages))
    inserted = database.total_changes - before
    for statement in store.statements("pipeline.sql", "hourly"):
        database.execute(statement)
    return Records(logged, provider, len(queue.messages) - inserted)


def random_ids(seed: str) -> Callable[[], str]:
    random = Random(seed)
    return lambda: ids("e", random)
