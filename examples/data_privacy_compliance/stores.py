"""The two stores that backups and restores move through time: the sealed copies, and the wrapped keys.

Each carries a watermark: how much of the deletion ledger it has seen. A restored file brings back its old one,
so that a restore which nobody announced is noticed by the next call.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

META = "CREATE TABLE meta (applied INTEGER NOT NULL); INSERT INTO meta VALUES (0);"


class Moved(Exception):
    """The ledger moved on between a check and the write that relied on it: check again."""


class StillInUse(Exception):
    """Another connection keeps the write-ahead log from being emptied, so a destroyed key may still lie on disk."""


class _Store:
    """One SQLite file in WAL mode that zeroes what it deletes."""

    schema: str

    def __init__(self, file: Path) -> None:
        new = not file.exists()
        self.file = file
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA secure_delete = ON")
        if new:
            self._db.executescript(META + self.schema)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @property
    def applied(self) -> int:
        """Number of the ledger's newest write that this store has seen."""
        return int(self._db.execute("SELECT applied FROM meta").fetchone()[0])

    # --8<-- [start:write]
    def _write(self, sql: str, values: Sequence[Any], seen: int) -> None:
        """Insert a row if the watermark is still ``seen``. Raises Moved: an order or an erasure came."""
        marks = ", ".join("?" * len(values))
        cursor = self._db.execute(
            f"INSERT INTO {sql} SELECT {marks} WHERE (SELECT applied FROM meta) = ?",
            (*values, seen),
        )
        if cursor.rowcount != 1:
            raise Moved

    def _delete(self, delete: Callable[[sqlite3.Cursor], object], through: int) -> None:
        """Delete and raise the watermark in one transaction."""
        with closing(self._db.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                delete(cursor)
                cursor.execute("UPDATE meta SET applied = max(applied, ?)", (through,))
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def flush(self) -> None:
        """Carry deletions into the file and empty the log. Raises StillInUse.

        Until then the file still has the old page, with the deleted value in it.
        """
        if self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise StillInUse(str(self.file))
        # --8<-- [end:write]

    def back_up(self, to: Path) -> None:
        """Copy the store to a file with SQLite's online backup."""
        with closing(sqlite3.connect(to)) as target:
            self._db.backup(target)

    def restore(self, backup: Path) -> None:
        """Replace the store with a backup, the backup's watermark included."""
        with closing(sqlite3.connect(backup)) as source:
            source.backup(self._db)


class Row(NamedTuple):
    """A sealed row. ``expires`` is a day."""

    row_id: str
    clinic: str
    key_id: str
    copy: str
    expires: float
    sealed: bytes


class Copies(_Store):
    """The sealed rows of every copy. No patient, no pseudonym: a row names its key and its clinic."""

    schema = """
    CREATE TABLE row (row_id TEXT PRIMARY KEY, clinic TEXT NOT NULL, key_id TEXT NOT NULL,
                      copy TEXT NOT NULL, expires REAL NOT NULL, sealed BLOB NOT NULL);
    CREATE INDEX row_key ON row (key_id);
    CREATE INDEX row_expires ON row (expires);
    """

    def add(self, row: Row, seen: int) -> None:
        """Insert a row. Raises Moved."""
        self._write("row (row_id, clinic, key_id, copy, expires, sealed)", row, seen)

    def under(self, key_id: str, copy: str | None = None) -> list[Row]:
        """Return the rows sealed under a key, oldest first."""
        sql = "SELECT row_id, clinic, key_id, copy, expires, sealed FROM row WHERE key_id = ?"
        values: list[str] = [key_id]
        if copy is not None:
            sql, values = sql + " AND copy = ?", [key_id, copy]
        return [Row(*row) for row in self._db.execute(sql + " ORDER BY rowid", values)]

    def key_ids(self) -> set[str]:
        """Return the keys that rows name."""
        return {row[0] for row in self._db.execute("SELECT DISTINCT key_id FROM row")}

    def purge(self, key_ids: Iterable[str], through: int) -> None:
        """Delete every row under destroyed keys."""
        rows = [(key_id,) for key_id in key_ids]
        self._delete(lambda cursor: cursor.executemany("DELETE FROM row WHERE key_id = ?", rows), through)

    def expire(self, today: float, clinics: Collection[str], key_ids: Collection[str]) -> int:
        """Delete rows past their day, except those of held clinics and under held keys; return how many."""
        sql = f"clinic NOT IN ({', '.join('?' * len(clinics))}) AND key_id NOT IN ({', '.join('?' * len(key_ids))})"
        return self._db.execute(
            f"DELETE FROM row WHERE expires <= ? AND {sql}", (today, *clinics, *key_ids)
        ).rowcount


class Keys(_Store):
    """The patients' data keys, each wrapped by its clinic's key in the KMS."""

    schema = """
    CREATE TABLE key (key_id TEXT PRIMARY KEY, clinic TEXT NOT NULL, ref TEXT NOT NULL UNIQUE,
                      wrapped BLOB NOT NULL);
    """

    def add(self, key_id: str, clinic: str, ref: str, wrapped: bytes, seen: int) -> None:
        """Insert a key. Raises Moved, also if another writer gave the patient one."""
        try:
            self._write("key (key_id, clinic, ref, wrapped)", (key_id, clinic, ref, wrapped), seen)
        except sqlite3.IntegrityError as error:
            raise Moved from error

    def has(self, key_id: str) -> bool:
        """Whether the key is there."""
        return self._db.execute("SELECT 1 FROM key WHERE key_id = ?", (key_id,)).fetchone() is not None

    def ids(self) -> set[str]:
        """Return the ids of all keys."""
        return {row[0] for row in self._db.execute("SELECT key_id FROM key")}

    def of(self, ref: str) -> tuple[str, bytes] | None:
        """Return a patient's key id and wrapped key."""
        row = self._db.execute("SELECT key_id, wrapped FROM key WHERE ref = ?", (ref,)).fetchone()
        return None if row is None else (str(row[0]), bytes(row[1]))

    # --8<-- [start:destroy]
    def destroy(
        self,
        erasures: Sequence[tuple[int, str]],
        through: int,
        record: Callable[[list[tuple[int, str]]], None],
    ) -> None:
        """Delete the keys of the erasures' patients.

        ``record`` gets each erasure's number and key id before the key is gone. No writer can add a key
        meanwhile: the transaction holds the write lock from its first statement.
        """

        def delete(cursor: sqlite3.Cursor) -> None:
            # Another worker may have applied some meanwhile, and a readmitted patient have a new key.
            due = [erasure for erasure in erasures if erasure[0] > self.applied]
            find = "SELECT ?, key_id FROM key WHERE ref = ?"
            record([row for erasure in due for row in cursor.execute(find, erasure)])
            cursor.executemany("DELETE FROM key WHERE ref = ?", [(ref,) for _, ref in due])

        self._delete(delete, through)
        # --8<-- [end:destroy]
