"""The outbox: a change and its event in one transaction, on SQLite and, where it is installed, on PostgreSQL."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.audit_logging import events, outbox, recorder
from examples.audit_logging.events import Change, Class, Event
from examples.audit_logging.outbox import Outdated
from examples.audit_logging.recorder import AuditUnavailable
from tests.examples.postgresql import Server, postgresql
from tests.examples.test_audit_logging import (
    BEN,
    START,
    event,
    hex_id,
)
from tests.examples.test_audit_logging_writing import Replica

CONTRACTS: dict[str, Class] = {"st-mary": "hospital", "bank": "standard"}


class SQLite:
    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA foreign_keys = ON")

    def script(self, sql: str) -> None:
        self._db.executescript(sql)

    def execute(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, parameters).fetchall()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def close(self) -> None:
        self._db.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql() as running:
        running.template("outbox", outbox.SCHEMA)
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """A function that opens another session."""
    sessions: list[Any] = []
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("server")
        name = server.fresh("outbox")
        connect: Callable[[], Any] = lambda: server.connect(name)  # noqa: E731
    else:
        SQLite(tmp_path / "admin.db").script(outbox.SCHEMA)
        connect = lambda: SQLite(tmp_path / "admin.db")  # noqa: E731

    def another() -> Any:
        sessions.append(connect())
        return sessions[-1]

    yield another
    for session in sessions:
        session.close()


@pytest.fixture
def replica(tmp_path: Path) -> Replica:
    return Replica(tmp_path / "journals")


def admin(n: int, at_us: int = START, tenant: str = "st-mary") -> Event:
    what = Change(target="filled-in-by/change", before=None, after=None, approver=BEN)
    return event(what, at_us=at_us, id=hex_id("admin", n), role="admin", tenant=tenant)


def rows(session: Any) -> tuple[list[tuple[str, ...]], int]:
    settings = [
        tuple(map(str, row))
        for row in session.execute("SELECT target, version, body FROM setting ORDER BY 1, 2")
    ]
    return settings, int(session.execute("SELECT count(*) FROM audit_outbox")[0][0])


def test_a_change_and_its_event_are_there_together(database: Callable[[], Any], replica: Replica) -> None:
    db = database()
    outbox.change(db, admin(1), "prompt/triage", 0, "You are a nurse's assistant.")
    outbox.change(db, admin(2, START + 1), "prompt/triage", 1, 'You\'re terse; no "advice".')
    first_two = [
        ("prompt/triage", "1", "You are a nurse's assistant."),
        ("prompt/triage", "2", 'You\'re terse; no "advice".'),
    ]
    assert rows(db) == (first_two, 2)
    assert outbox.relay(db, replica.recorder, CONTRACTS) == 2
    assert outbox.relay(db, replica.recorder, CONTRACTS) == 0
    changes = [events.decode(r.payload).what for r in replica.queue.records["r01.hospital"]][1:]
    assert [type(what) for what in changes] == [Change, Change]
    first, second = changes
    assert isinstance(first, Change)
    assert isinstance(second, Change)
    assert (first.before, first.after) == (None, outbox.digest("You are a nurse's assistant."))
    assert second.before == first.after


def test_neither_without_the_other(database: Callable[[], Any]) -> None:
    db, other = database(), database()
    outbox.change(db, admin(1), "role/anna", 0, "reader")
    with pytest.raises(Exception):  # noqa: B017, PT011 - the event's id was used before: either engine's own error
        outbox.change(db, admin(1), "role/anna", 1, "owner")
    assert rows(other) == ([("role/anna", "1", "reader")], 1)
    with pytest.raises(ValueError, match="after"), db.transaction():
        outbox_then_crash(db)
    assert rows(other) == ([("role/anna", "1", "reader")], 1)
    with pytest.raises(Exception, match=r"(?i)foreign key"):  # no event, no new version
        db.execute("INSERT INTO setting (target, version, body) VALUES ('role/anna', 2, 'owner')")
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        db.execute("DELETE FROM audit_outbox WHERE event_id = :id", id=hex_id("admin", 1))
    assert rows(other) == ([("role/anna", "1", "reader")], 1)


def outbox_then_crash(db: Any) -> None:
    db.execute(
        "INSERT INTO audit_outbox (event_id, at_us, target, version, payload) VALUES (:id, 1, 'role/anna', 2, '{}')",
        id=hex_id("crash"),
    )
    raise ValueError("after the event, before the change")


def test_of_two_administrators_one_is_told(database: Callable[[], Any]) -> None:
    one, two = database(), database()
    outbox.change(one, admin(1), "model/chat", 0, "m-7/3")
    outbox.change(two, admin(2), "model/chat", 1, "m-7/4")
    with pytest.raises(Outdated):
        outbox.change(one, admin(3), "model/chat", 1, "m-7/5")
    with pytest.raises(Outdated):
        outbox.change(one, admin(4), "model/other", 1, "m-7/5")
    assert rows(one) == ([("model/chat", "1", "m-7/3"), ("model/chat", "2", "m-7/4")], 2)


def test_a_relay_that_dies_repeats_under_the_same_id(database: Callable[[], Any], replica: Replica) -> None:
    db = database()
    outbox.change(db, admin(1), "key/7", 0, "revoked")

    class Died(Exception):
        pass

    def die(event_id: str) -> None:
        raise Died

    with pytest.raises(Died):
        outbox.relay(db, replica.recorder, CONTRACTS, die)
    assert outbox.relay(db, replica.recorder, CONTRACTS) == 1
    ids = [events.decode(r.payload).id for r in replica.queue.records["r01.hospital"]][1:]
    assert ids == [hex_id("admin", 1)] * 2


def test_the_relay_waits_while_the_queue_is_away(database: Callable[[], Any], replica: Replica) -> None:
    db = database()
    assert outbox.in_force(db, "model/chat") is None
    outbox.change(db, admin(1), "model/chat", 0, "m-7/3")
    assert outbox.in_force(db, "model/chat") is None
    outbox.relay(db, replica.recorder, CONTRACTS)
    replica.queue.away = True
    outbox.change(db, admin(2, START + 1), "model/chat", 1, "m-7/4")
    with pytest.raises(AuditUnavailable):
        outbox.relay(db, replica.recorder, CONTRACTS)
    assert outbox.in_force(db, "model/chat") == (1, "m-7/3")  # changes stop, and nothing is lost
    replica.queue.away = False
    replica.now += recorder.RETRY_US
    assert outbox.relay(db, replica.recorder, CONTRACTS) == 1
    assert outbox.in_force(db, "model/chat") == (2, "m-7/4")


def test_a_transaction_that_commits_late_is_not_skipped(
    database: Callable[[], Any], replica: Replica
) -> None:
    """A relay that remembers the last position would have passed it by."""
    db = database()
    outbox.change(db, admin(2, START + 2), "key/2", 0, "revoked")
    assert outbox.relay(db, replica.recorder, CONTRACTS) == 1
    outbox.change(db, admin(1, START + 1), "key/1", 0, "revoked")  # began earlier, commits now
    assert outbox.relay(db, replica.recorder, CONTRACTS) == 1


def test_a_change_is_kept_as_long_as_the_tenant_that_it_concerns(
    database: Callable[[], Any], replica: Replica
) -> None:
    db = database()
    for n, tenant in enumerate(("bank", "st-mary", events.OPERATOR)):
        outbox.change(db, admin(n, START + n, tenant), f"role/{n}", 0, "reader")
    outbox.relay(db, replica.recorder, CONTRACTS)
    kept = {
        kind: [events.decode(record.payload).tenant for record in replica.queue.records[f"r01.{kind}"]][1:]
        for kind in ("hospital", "standard")
    }
    assert kept == {"hospital": ["st-mary", events.OPERATOR], "standard": ["bank"]}
