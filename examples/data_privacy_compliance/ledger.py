"""The deletion ledger: orders to erase, the holds that make one wait, and what was decided, append-only.

Each of these takes the next number of one sequence, so that a store which has seen it knows a ledger that lost it.

It is never restored from the backups that it corrects. It holds pseudonyms, so it is personal data itself:
`forget` blanks them once no backup is left to correct, and keeps the receipt.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

# --8<-- [start:schema]
SCHEMA = """
CREATE TABLE latest (seq INTEGER NOT NULL);  -- number of the newest order, recall, hold, release or decision
INSERT INTO latest VALUES (0);
CREATE TABLE entry (              -- what was decided, in order
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('erase', 'readmit')),
    clinic TEXT NOT NULL,
    ref TEXT,                     -- the patient's pseudonym; blanked by `forget`
    order_id TEXT NOT NULL UNIQUE,
    ordered INTEGER NOT NULL,     -- day of the clinic's order
    decided INTEGER NOT NULL,
    unreadable INTEGER            -- day on which the last live key was gone
);
CREATE TABLE dead_key (           -- which erasure a key died of; two orders for one patient share it
    seq INTEGER NOT NULL, key_id TEXT NOT NULL, PRIMARY KEY (seq, key_id)
);
CREATE TABLE hold (clinic TEXT NOT NULL, matter TEXT NOT NULL, ref TEXT, released INTEGER);
CREATE TABLE waiting (            -- orders not yet carried out: cooling off, or held
    order_id TEXT PRIMARY KEY, clinic TEXT NOT NULL, ref TEXT NOT NULL, ordered INTEGER NOT NULL
);
CREATE TABLE recalled (order_id TEXT PRIMARY KEY);  -- a late repetition must not bring one back
CREATE TRIGGER entries_stay BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entries_do_not_change BEFORE UPDATE ON entry
WHEN new.seq <> old.seq OR new.kind <> old.kind OR new.clinic <> old.clinic
  OR new.order_id <> old.order_id OR new.ordered <> old.ordered OR new.decided <> old.decided
  OR (new.ref IS NOT old.ref AND new.ref IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""
# --8<-- [end:schema]


class Order(NamedTuple):
    """A clinic's order. ``ordered`` is a day number."""

    order_id: str
    clinic: str
    ref: str
    ordered: int


class OrderReused(ValueError):
    """An order id came again with another patient, clinic or act, or after its recall."""


class Ledger:
    """One region's ledger in one SQLite file."""

    def __init__(self, file: Path) -> None:
        new = not file.exists()
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA secure_delete = ON")
        if new:
            self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @property
    def last(self) -> int:
        """Number of the newest order, recall, hold, release or decision; 0 while there is none."""
        return int(self._db.execute("SELECT seq FROM latest").fetchone()[0])

    def _next(self) -> int:
        """Number a write, in the write's own transaction."""
        self._db.execute("UPDATE latest SET seq = seq + 1")
        return self.last

    # --8<-- [start:decide]
    def decide(self, order: Order, today: int) -> bool:
        """Turn a waiting order into an erasure; return whether it did.

        It does not if a matter holds the patient, or if the order was recalled or decided by another worker. All
        of it is one transaction: a hold or a recall comes before it, or too late.
        """
        with self._transaction():
            if self.matters(order.clinic, order.ref):
                return False
            waited = self._db.execute("DELETE FROM waiting WHERE order_id = ?", (order.order_id,))
            if waited.rowcount == 0:
                return False
            self._append("erase", order, today)
        return True

    # --8<-- [end:decide]
    def readmit(self, order: Order, today: int) -> None:
        """Let an erased patient be served again, under a new key. Raises OrderReused."""
        with self._transaction():
            self._same(order, "readmit")
            if not self._decided(order.order_id):
                self._append("readmit", order, today)

    def _append(self, kind: str, order: Order, today: int) -> None:
        self._db.execute(
            "INSERT INTO entry (seq, kind, clinic, ref, order_id, ordered, decided) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._next(), kind, order.clinic, order.ref, order.order_id, order.ordered, today),
        )

    def _same(self, order: Order, kind: str) -> None:
        """Raise OrderReused if the id stands for something else."""
        for sql in (
            "SELECT kind, clinic, ref FROM entry WHERE order_id = ?",
            "SELECT 'erase', clinic, ref FROM waiting WHERE order_id = ?",
            "SELECT 'recalled', '', NULL FROM recalled WHERE order_id = ?",
        ):
            row = self._db.execute(sql, (order.order_id,)).fetchone()
            if row and (row[:2] != (kind, order.clinic) or row[2] not in (order.ref, None)):
                raise OrderReused(
                    f"order {order.order_id!r} was recalled, or is another patient's or act's: give each its own id"
                )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _decided(self, order_id: str) -> bool:
        return self._db.execute("SELECT 1 FROM entry WHERE order_id = ?", (order_id,)).fetchone() is not None

    def is_erased(self, ref: str) -> bool:
        """Whether the newest decision on the patient is to erase."""
        row = self._db.execute(
            "SELECT kind FROM entry WHERE ref = ? ORDER BY seq DESC LIMIT 1", (ref,)
        ).fetchone()
        return row is not None and row[0] == "erase"

    def erasures_after(self, seq: int) -> list[tuple[int, str]]:
        """Return the erasures that a store at watermark ``seq`` has not seen, oldest first."""
        return self._db.execute(
            "SELECT seq, ref FROM entry WHERE seq > ? AND kind = 'erase' AND ref IS NOT NULL ORDER BY seq",
            (seq,),
        ).fetchall()

    def record_dead(self, found: Iterable[tuple[int, str]]) -> None:
        """Record erasures with their keys before these are destroyed, so that rows sealed under them can be found."""
        self._db.executemany("INSERT OR IGNORE INTO dead_key (seq, key_id) VALUES (?, ?)", found)

    def dead_keys(self, seq: int | None = None) -> list[str]:
        """Return the keys destroyed for one erasure's patient up to it, or for all, that are still remembered."""
        return [
            row[0]
            for row in self._db.execute(
                "SELECT DISTINCT key_id FROM dead_key WHERE ?1 IS NULL OR seq IN (SELECT seq FROM entry"
                " WHERE seq <= ?1 AND ref = (SELECT ref FROM entry WHERE seq = ?1)) ORDER BY key_id",
                (seq,),
            )
        ]

    def unnoted(self) -> bool:
        """Whether an erasure lacks the day on which it took effect."""
        return (
            self._db.execute("SELECT 1 FROM entry WHERE kind = 'erase' AND unreadable IS NULL").fetchone()
            is not None
        )

    def note_unreadable(self, through: int, today: int) -> None:
        """Note the day on which the live keys and rows of all erasures up to ``through`` were gone."""
        self._db.execute(
            "UPDATE entry SET unreadable = ? WHERE kind = 'erase' AND unreadable IS NULL AND seq <= ?",
            (today, through),
        )

    def dates(self, order_id: str) -> tuple[int, int, int | None]:
        """Return an erasure's number, the day of its order and the day it became unreadable. Raises KeyError."""
        row = self._db.execute(
            "SELECT seq, ordered, unreadable FROM entry WHERE order_id = ? AND kind = 'erase'", (order_id,)
        ).fetchone()
        if row is None:
            raise KeyError(order_id)
        return int(row[0]), int(row[1]), row[2]

    # Holds

    def hold(self, clinic: str, matter: str, ref: str | None) -> None:
        """Preserve one patient's data, or a whole clinic's if ``ref`` is None."""
        with self._transaction():
            self._next()
            self._db.execute("INSERT INTO hold (clinic, matter, ref) VALUES (?, ?, ?)", (clinic, matter, ref))

    def release(self, clinic: str, matter: str, today: int) -> None:
        """End a matter; other matters go on holding."""
        with self._transaction():
            self._next()
            self._db.execute(
                "UPDATE hold SET released = ? WHERE clinic = ? AND matter = ? AND released IS NULL",
                (today, clinic, matter),
            )

    def matters(self, clinic: str, ref: str) -> list[str]:
        """Return the open matters that cover the patient."""
        rows = self._db.execute(
            "SELECT DISTINCT matter FROM hold WHERE clinic = ? AND (ref IS NULL OR ref = ?) AND released IS NULL"
            " ORDER BY matter",
            (clinic, ref),
        )
        return [row[0] for row in rows]

    @contextmanager
    def open_holds(self) -> Iterator[list[tuple[str, str | None]]]:
        """Give clinic and patient of each open hold; none can be placed or released until the block ends."""
        with self._transaction():
            yield self._db.execute("SELECT clinic, ref FROM hold WHERE released IS NULL").fetchall()

    def wait(self, order: Order) -> None:
        """Take an order in, once. Raises OrderReused."""
        with self._transaction():
            self._same(order, "erase")
            if not self._decided(order.order_id):
                self._next()
                self._db.execute("INSERT OR IGNORE INTO waiting VALUES (?, ?, ?, ?)", order)

    def recall(self, order_id: str) -> bool:
        """Withdraw a waiting order for good; return whether there was one."""
        with self._transaction():
            gone = self._db.execute("DELETE FROM waiting WHERE order_id = ?", (order_id,)).rowcount == 1
            if gone:
                self._next()
                self._db.execute("INSERT INTO recalled VALUES (?)", (order_id,))
        return gone

    def waiting(self) -> list[Order]:
        """Return the orders that wait, oldest first."""
        return [Order(*row) for row in self._db.execute("SELECT * FROM waiting ORDER BY ordered, order_id")]

    def is_restricted(self, ref: str) -> bool:
        """Whether an order waits for the patient: GDPR Art. 18, stored but not used."""
        return self._db.execute("SELECT 1 FROM waiting WHERE ref = ?", (ref,)).fetchone() is not None

    def forget(self, decided_before: int, seen_by_all: int) -> int:
        """Blank pseudonyms and keys of old entries that no backup lacks; return how many.

        Order id and dates stay: they are the receipt. ``seen_by_all`` is the lowest watermark of any backup.
        """
        old = (
            "SELECT seq FROM entry WHERE decided < ? AND seq <= ? AND ref IS NOT NULL"
            " AND (kind = 'readmit' OR unreadable IS NOT NULL)"
        )
        with self._transaction():
            self._db.execute(f"DELETE FROM dead_key WHERE seq IN ({old})", (decided_before, seen_by_all))
            return self._db.execute(
                f"UPDATE entry SET ref = NULL WHERE seq IN ({old})", (decided_before, seen_by_all)
            ).rowcount
