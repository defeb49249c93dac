"""An administrator's change and its event in one transaction, and the relay that brings the event into the log.

The database has both or neither: the foreign key refuses a version without its event, from whichever code it comes. And a
version is in force once its event is in the log, so changes stop while the log is away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from examples.audit_logging import events
from examples.audit_logging.events import Class, Event
from examples.audit_logging.recorder import Recorder

SCHEMA = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")


class Database(Protocol):
    """A connection: `:name` in the SQL stands for a parameter."""

    def execute(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]: ...

    def transaction(self) -> AbstractContextManager[None]: ...


class Outdated(Exception):
    """Somebody else has changed the setting since it was read."""


def digest(body: str) -> str:
    """Return what stands for a setting's text in the log: it is the company's own, no personal data."""
    return hashlib.sha256(body.encode()).hexdigest()


# --8<-- [start:change]
def change(db: Database, envelope: Event, target: str, version: int, body: str) -> None:
    """Add the version after ``version`` (0: none yet). Raises Outdated, or the database's error in a race.

    ``envelope`` has the actor, the policy and a Change with the approver; target and digests are filled in here.
    """
    with db.transaction():
        rows = db.execute(
            "SELECT version, body FROM setting WHERE target = :target ORDER BY version DESC LIMIT 1",
            target=target,
        )
        if version != (int(rows[0][0]) if rows else 0):
            raise Outdated(target)
        digests = {"before": digest(rows[0][1]) if rows else None, "after": digest(body)}
        event = envelope.model_copy(
            update={"what": envelope.what.model_copy(update={"target": target, **digests})}
        )
        db.execute(
            "INSERT INTO audit_outbox (event_id, at_us, target, version, payload) VALUES (:id, :at, :target, :v, :p)",
            id=event.id, at=event.at_us, target=target, v=version + 1, p=events.encode(event).decode(),
        )  # fmt: skip
        db.execute(
            "INSERT INTO setting (target, version, body) VALUES (:target, :v, :body)",
            target=target, v=version + 1, body=body,
        )  # fmt: skip


def in_force(db: Database, target: str) -> tuple[int, str] | None:
    """Return the version that gateways use: the newest whose event is in the log."""
    rows = db.execute(
        "SELECT s.version, s.body FROM setting s JOIN audit_outbox o ON o.target = s.target AND o.version = s.version"
        " WHERE s.target = :target AND o.stored = 1 ORDER BY s.version DESC LIMIT 1",
        target=target,
    )
    return (int(rows[0][0]), str(rows[0][1])) if rows else None


# --8<-- [end:change]
def relay(
    db: Database,
    recorder: Recorder,
    contracts: Mapping[str, Class],
    on_stored: Callable[[str], None] = lambda event_id: None,
) -> int:
    """Bring every event that is not in the log yet into it. Raises AuditUnavailable; the rest waits for the next call.

    By a flag, not by "id greater than the last": a transaction with a lower id may commit later. A crash before the flag
    repeats the event under the same id, which counts once.
    """
    waiting = db.execute(
        "SELECT event_id, payload FROM audit_outbox WHERE stored = 0 ORDER BY at_us, event_id"
    )
    for event_id, payload in waiting:
        event = events.decode(payload.encode())
        recorder.record(events.kept_with(event, contracts), event, replicated=True)
        on_stored(event_id)
        with db.transaction():
            db.execute("UPDATE audit_outbox SET stored = 1 WHERE event_id = :id", id=event_id)
    return len(waiting)
