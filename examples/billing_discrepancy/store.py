"""SQL by the name of its section, and a SQLite database that holds the evidence."""

from __future__ import annotations

import csv
import re
import sqlite3
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
EVIDENCE = HERE / "evidence"
TABLES = (
    "client_calls", "access_log", "usage_events", "usage_hourly", "provider_export", "daily_counts", "changes", "tickets"
)  # fmt: skip


def section(file: str, name: str) -> str:
    """The SQL between the start and the end mark of a file's section. Raises KeyError if there is none."""
    return _sections(file)[name]


@cache
def _sections(file: str) -> dict[str, str]:
    text = (HERE / file).read_text(encoding="utf-8")
    return dict(re.findall(r"-- --8<-- \[start:(\w+)\]\n(.*?)-- --8<-- \[end:\1\]", text, re.DOTALL))


def statements(file: str, name: str) -> list[str]:
    """A section's statements, which end in a semicolon at the end of a line."""
    return [part.strip() for part in re.split(r";$", section(file, name), flags=re.MULTILINE) if part.strip()]


def rows(
    database: sqlite3.Connection, name: str, file: str = "queries.sql", **parameters: Any
) -> list[tuple[Any, ...]]:
    """What the one statement of a section answers."""
    [statement] = statements(file, name)
    return database.execute(statement, parameters).fetchall()


def empty() -> sqlite3.Connection:
    """A new database with the tables of `schema.sql`, in memory."""
    database = sqlite3.connect(":memory:")
    database.executescript((HERE / "schema.sql").read_text(encoding="utf-8"))
    return database


def load(folder: Path = EVIDENCE) -> sqlite3.Connection:
    """A new database with the evidence in it, in memory. An empty cell of a CSV file is NULL."""
    database = empty()
    for table in TABLES:
        with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            header, *lines = csv.reader(file)
        marks = ", ".join("?" * len(header))
        database.executemany(
            f"INSERT INTO {table} ({', '.join(header)}) VALUES ({marks})",
            ([cell if cell else None for cell in line] for line in lines),
        )
    return database
