"""Backups of the two stores, each under its own regime: keys go sooner than what they seal."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from examples.data_privacy_compliance.stores import Copies, Keys

DAYS = {"copies": 35, "keys": 7}
"""How long a backup is kept. The copies' is the setting; the keys' decides when an erasure is final."""


class Backup(NamedTuple):
    """One backup file: which store, of which day."""

    store: str
    day: int
    file: Path

    @property
    def applied(self) -> int:
        """The watermark inside."""
        with closing(sqlite3.connect(self.file)) as db:
            return int(db.execute("SELECT applied FROM meta").fetchone()[0])


class Backups:
    """A folder of backups. Store and keys never share a file, else deleting a key deletes nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def all(self) -> list[Backup]:
        """Return the backups, by store and each store's oldest first."""
        found = []
        for file in self._folder.glob("*.db"):
            store, day, _ = file.stem.split("-")
            found.append(Backup(store, int(day), file))
        return sorted(found)

    def take(self, store: Copies | Keys, today: int) -> Backup:
        """Back one store up."""
        name = "keys" if isinstance(store, Keys) else "copies"
        # Not their count: one that expires would give the name of another of the day, and so its place.
        number = max((int(backup.file.stem.rpartition("-")[2]) for backup in self.all()), default=0) + 1
        file = self._folder / f"{name}-{today:05d}-{number:05d}.db"
        store.back_up(file)
        return Backup(name, today, file)

    def expire(self, today: int) -> list[Backup]:
        """Remove the backups past their regime and return them."""
        gone = [backup for backup in self.all() if today - backup.day >= DAYS[backup.store]]
        for backup in gone:
            backup.file.unlink()
        return gone
