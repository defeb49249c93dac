"""A PostgreSQL server for a test file: without network, as a user that is not root, gone when the file is done.

Its sessions are psql's, so that the tests need no driver, and a session's process can be killed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

MISSING = (
    "PostgreSQL is not installed here, so its SQL was not run (Debian and Ubuntu: apt-get install postgresql)"
)
PATIENCE_MS = 60_000
"""What a statement may take on a slow machine; a deadlock or a forgotten lock fails the test instead of stopping it."""


class DatabaseError(Exception):
    """What the server answered to a statement that failed."""


class Session:
    """One connection. `:name` in the SQL of `execute` stands for a parameter."""

    def __init__(self, socket: Path, user: str, database: str, role: str | None = None) -> None:
        options = f"-c statement_timeout={PATIENCE_MS} -c timezone=UTC" + (f" -c role={role}" if role else "")
        self._process = subprocess.Popen(
            ["psql", "-XqAt", "-F", "\x1f", "-v", "VERBOSITY=terse", "-h", str(socket), "-U", user, "-d", database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1,
            env=os.environ | {"PGOPTIONS": options},
        )  # fmt: skip

    def start(self, sql: str) -> None:
        """Send and return at once: what waits for a lock is read with `finish`."""
        assert self._process.stdin
        self._process.stdin.write(f"{sql}\n\\echo done-here\n")
        self._process.stdin.flush()

    def finish(self) -> list[str]:
        """The lines of what was sent last. Raises DatabaseError."""
        assert self._process.stdout
        lines: list[str] = []
        for line in self._process.stdout:
            if line.strip() == "done-here":
                break
            lines.append(line.rstrip("\n"))
        else:
            raise DatabaseError("the session ended")
        if wrong := [line for line in lines if line.startswith(("ERROR", "FATAL"))]:
            raise DatabaseError(wrong[0])
        return lines

    def script(self, sql: str) -> list[str]:
        self.start(sql)
        return self.finish()

    def execute(self, sql: str, **parameters: Any) -> list[tuple[str, ...]]:
        """The rows of one statement, every value as text. Raises DatabaseError."""
        bound = re.sub(r"(?<!:):([a-z_]+)\b", lambda match: _literal(parameters[match[1]]), sql)
        return [tuple(line.split("\x1f")) for line in self.script(bound + ";")]

    def value(self, sql: str, **parameters: Any) -> str:
        """The only value of one statement."""
        [(value,)] = self.execute(sql, **parameters)
        return value

    def until_waiting(self, count: int) -> None:
        """Return once so many sessions of this database wait for a lock. Raises DatabaseError if they never do."""
        self.script(
            f"""DO $$ BEGIN
            WHILE (SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock') < {count}
            LOOP PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$;"""
        )

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        self.script("BEGIN;")
        try:
            yield
        except BaseException:
            self.script("ROLLBACK;")
            raise
        self.script("COMMIT;")

    def kill(self) -> None:
        """End the process where it is, as a crash does. The server notices that its client is gone."""
        if self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(30)
        self._close_pipes()

    def close(self) -> None:
        if self._process.returncode is None:
            self._close_pipes()
            self._process.wait(30)

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


class Server:
    """A running server. `template` makes a database once, `fresh` copies it for a test in some 30 ms."""

    def __init__(self, folder: Path, user: str) -> None:
        self._folder, self._user, self._count = folder, user, 0
        self._sessions: list[Session] = []
        self._admin = self.connect("postgres")

    def connect(self, database: str, role: str | None = None) -> Session:
        self._sessions.append(Session(self._folder, self._user, database, role))
        return self._sessions[-1]

    def template(self, name: str, *scripts: str) -> None:
        self._admin.script(f"CREATE DATABASE {name};")
        session = self.connect(name)
        for sql in scripts:
            session.script(sql)
        session.close()

    def fresh(self, template: str) -> str:
        """The name of a new database like the template, which nobody may be connected to."""
        self._count += 1
        name = f"{template}_{self._count}"
        self._admin.script(f"CREATE DATABASE {name} TEMPLATE {template};")
        return name

    def close(self) -> None:
        for session in self._sessions:
            session.kill()


@contextlib.contextmanager
def postgresql() -> Iterator[Server]:
    """Run a server. Without PostgreSQL, skip the test and say so; fail it where CI is set."""
    binaries = _binaries()
    if not binaries or not shutil.which("psql"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    # Not in pytest's folder: that is root's own, and a socket's path has little room.
    with tempfile.TemporaryDirectory(prefix="books-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        root = os.geteuid() == 0
        user = "postgres" if root else os.environ.get("USER", "postgres")
        how: dict[str, Any] = {"check": True, "capture_output": True, "cwd": folder, "timeout": 120}
        if root:
            shutil.chown(folder, user)
            how["user"] = user
        data = folder / "data"
        subprocess.run([binaries / "initdb", "-D", data, "-A", "trust", "-U", user, "--no-sync"], **how)
        options = (
            f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c shared_buffers=8MB"
        )
        subprocess.run(
            [binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"], **how
        )
        try:
            server = Server(folder, user)
            try:
                yield server
            finally:
                server.close()
        finally:
            # It may be gone already, and then there is nothing to stop.
            subprocess.run(
                [binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **how | {"check": False}
            )


def _binaries() -> Path | None:
    known = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    return next(iter([*known, *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]), None)


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
