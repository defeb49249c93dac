"""The outbox: a change and its event in one transaction, on SQLite and, where it is installed, on PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.audit_logging import events, outbox, recorder
from examples.audit_logging.events import Change, Event
from examples.audit_logging.outbox import Outdated
from examples.audit_logging.recorder import AuditUnavailable
from tests.examples.test_audit_logging import (
    BEN,
    START,
    event,
    hex_id,
)
from tests.examples.test_audit_logging_writing import Replica


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


class DatabaseError(Exception):
    pass


class PostgreSQL:
    """A session of psql, so that the tests need no driver."""

    def __init__(self, socket: Path, user: str | None) -> None:
        command = ["psql", "-XqAt", "-F", "\x1f", "-h", str(socket), "-d", "postgres"]
        self._process = subprocess.Popen(
            [*command, "-U", user or os.environ.get("USER", "postgres")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1,
        )  # fmt: skip
        self.script("\\set VERBOSITY terse")

    def script(self, sql: str) -> list[str]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{sql}\n\\echo done-here\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.strip() == "done-here":
                break
            lines.append(line.rstrip("\n"))
        if wrong := [line for line in lines if line.startswith(("ERROR", "FATAL"))]:
            raise DatabaseError(wrong[0])
        return lines

    def execute(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        for name in sorted(parameters, key=len, reverse=True):
            value = parameters[name]
            literal = str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
            sql = sql.replace(f":{name}", literal)
        return [tuple(line.split("\x1f")) for line in self.script(sql + ";")]

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        self.script("BEGIN;")
        try:
            yield
        except BaseException:
            self.script("ROLLBACK;")
            raise
        self.script("COMMIT;")

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(30)


def postgres_bin() -> Path | None:
    known = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    return next(iter([*known, *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]), None)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Path, str | None]]:
    """A PostgreSQL server without network, as a user that is not root.

    Its folder is not pytest's: that is root's own, and a socket's path has little room.
    """
    binaries = postgres_bin()
    if not binaries or not shutil.which("psql"):
        reason = "PostgreSQL is not installed here, and only SQLite shows the property (Debian: apt-get install postgresql)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="outbox-", ignore_cleanup_errors=True) as name:
        yield from running(binaries, Path(name))


def running(binaries: Path, folder: Path) -> Iterator[tuple[Path, str | None]]:
    """Yield the folder of the server's socket and the name to sign in with, while it runs."""
    root = os.geteuid() == 0
    user = "postgres" if root else None
    if root:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    how: dict[str, Any] = {"user": user} if root else {}
    how |= {"check": True, "capture_output": True, "cwd": folder, "timeout": 120}
    name = user or os.environ.get("USER", "postgres")
    subprocess.run([binaries / "initdb", "-D", data, "-A", "trust", "-U", name, "--no-sync"], **how)
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c shared_buffers=1MB"
    subprocess.run(
        [binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"], **how
    )
    try:
        yield folder, name
    finally:
        # It may be gone already, and then there is nothing to stop.
        subprocess.run([binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **how | {"check": False})


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """A function that opens another session."""
    sessions: list[Any] = []
    if request.param == "postgresql":
        folder, name = request.getfixturevalue("server")
        connect: Callable[[], Any] = lambda: PostgreSQL(folder, name)  # noqa: E731
    else:
        connect = lambda: SQLite(tmp_path / "admin.db")  # noqa: E731

    def another() -> Any:
        sessions.append(connect())
        return sessions[-1]

    first = another()
    first.script("DROP TABLE IF EXISTS setting; DROP TABLE IF EXISTS audit_outbox;")
    first.script(outbox.SCHEMA)
    yield another
    for session in sessions:
        session.close()


@pytest.fixture
def replica(tmp_path: Path) -> Replica:
    return Replica(tmp_path / "journals")


def admin(n: int, at_us: int = START) -> Event:
    what = Change(target="filled-in-by/change", before=None, after=None, approver=BEN)
    return event(what, at_us=at_us, id=hex_id("admin", n), role="admin")


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
    assert outbox.relay(db, replica.recorder) == 2
    assert outbox.relay(db, replica.recorder) == 0
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
        outbox.relay(db, replica.recorder, die)
    assert outbox.relay(db, replica.recorder) == 1
    ids = [events.decode(r.payload).id for r in replica.queue.records["r01.hospital"]][1:]
    assert ids == [hex_id("admin", 1)] * 2


def test_the_relay_waits_while_the_queue_is_away(database: Callable[[], Any], replica: Replica) -> None:
    db = database()
    assert outbox.in_force(db, "model/chat") is None
    outbox.change(db, admin(1), "model/chat", 0, "m-7/3")
    assert outbox.in_force(db, "model/chat") is None
    outbox.relay(db, replica.recorder)
    replica.queue.away = True
    outbox.change(db, admin(2, START + 1), "model/chat", 1, "m-7/4")
    with pytest.raises(AuditUnavailable):
        outbox.relay(db, replica.recorder)
    assert outbox.in_force(db, "model/chat") == (1, "m-7/3")  # changes stop, and nothing is lost
    replica.queue.away = False
    replica.now += recorder.RETRY_US
    assert outbox.relay(db, replica.recorder) == 1
    assert outbox.in_force(db, "model/chat") == (2, "m-7/4")


def test_a_transaction_that_commits_late_is_not_skipped(
    database: Callable[[], Any], replica: Replica
) -> None:
    """A relay that remembers the last position would have passed it by."""
    db = database()
    outbox.change(db, admin(2, START + 2), "key/2", 0, "revoked")
    assert outbox.relay(db, replica.recorder) == 1
    outbox.change(db, admin(1, START + 1), "key/1", 0, "revoked")  # began earlier, commits now
    assert outbox.relay(db, replica.recorder) == 1
