"""How the evidence is read: the panel's percentile as Prometheus computes it, and the access log through SQL."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from examples.latency_spike import setting

PACKAGE = Path(__file__).parent
EVIDENCE = PACKAGE / "evidence"
LE = [f"le_{bound:g}" for bound in setting.BUCKETS_S] + ["le_inf"]


def histogram_quantile(q: float, counts: Sequence[float]) -> float:
    """Prometheus' `histogram_quantile` of cumulative counts by bucket, the last one unbounded. Seconds.

    Inside a bucket, observations are taken as spread evenly; a rank in the last bucket gives the last bound.
    Source: Prometheus, "Query functions", classic histograms. NaN without observations.
    """
    total = counts[-1]
    if total == 0:
        return float("nan")
    position, low, below = q * total, 0.0, 0.0
    for bound, count in zip(setting.BUCKETS_S, counts, strict=False):
        if count >= position:
            return low + (bound - low) * (position - below) / (count - below)
        low, below = bound, count
    return setting.BUCKETS_S[-1]


def bucketed(seconds: Sequence[float]) -> list[int]:
    """Cumulative counts by bucket."""
    return [sum(value <= bound for value in seconds) for bound in setting.BUCKETS_S] + [len(seconds)]


@cache
def table(name: str) -> list[dict[str, Any]]:
    """The rows of a CSV file of the evidence, numbers as numbers."""
    with (EVIDENCE / name).open(encoding="utf-8", newline="") as file:
        return [{key: _value(text) for key, text in row.items()} for row in csv.DictReader(file)]


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def increase(until: str, minutes: float = 5) -> list[int]:
    """Growth of each bucket's counter over so many minutes until a scrape."""
    rows = table("gateway.csv")
    last = next(n for n, row in enumerate(rows) if row["at"] == until)
    first = last - int(minutes * 60 / setting.SCRAPE_S)
    if first < 0:
        raise ValueError(f"no scrape {minutes} minutes before {until}")
    return [rows[last][bound] - rows[first][bound] for bound in LE]


def panel(until: str, q: float = 0.99) -> float:
    """What the panel shows at a scrape, in seconds."""
    return histogram_quantile(q, increase(until))


def over(until: str, bound: float, minutes: float = 5) -> float:
    """Share of requests above a bucket's bound; exact, where a percentile is interpolated."""
    counts = increase(until, minutes)
    return 1 - counts[setting.BUCKETS_S.index(bound)] / counts[-1]


def query(name: str) -> str:
    """A named section of queries.sql."""
    text = (PACKAGE / "queries.sql").read_text(encoding="utf-8")
    return text.split(f"-- --8<-- [start:{name}]\n")[1].split(f"-- --8<-- [end:{name}]")[0]


def database(rows: Sequence[dict[str, Any]]) -> sqlite3.Connection:
    """The access log as a table `access`, with the times that the queries need."""
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    columns = list(rows[0])
    connection.execute(f"CREATE TABLE log ({', '.join(columns)})")
    marks = ", ".join("?" * len(columns))
    connection.executemany(f"INSERT INTO log VALUES ({marks})", [tuple(row.values()) for row in rows])
    connection.executescript(query("times"))
    return connection


@cache
def asked(name: str, **arguments: float | str) -> list[dict[str, Any]]:
    """The answer to a query of queries.sql on the access log."""
    return [dict(row) for row in _log().execute(query(name), arguments)]


@cache
def _log() -> sqlite3.Connection:
    return database(table("access.csv"))
