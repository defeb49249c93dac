"""Every number on the page: from the setting, from the evidence, and from the two models that are named as such."""

from __future__ import annotations

import calendar
import math
import sqlite3
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from examples.billing_discrepancy import capture, check, fleet, setting, store, traffic

LOG_LINE_BYTES = 400
USD_PER_GB_MONTH = 0.023
"""An assumption: object storage."""
SCALE = 1_000
"""The fleet's run takes one request in so many."""
HOURS = 744
GATEWAY_LOSS = 0.0008
"""Streams whose gateway dies before it has published, in the run."""
LOG_LOSS = 0.0005
"""Requests whose access-log line is lost in shipping, in the run."""


@cache
def _database() -> sqlite3.Connection:
    return store.load()


@cache
def _rows(name: str, file: str = "queries.sql") -> list[tuple[Any, ...]]:
    return store.rows(_database(), name, file)


def _one(sql: str) -> tuple[Any, ...]:
    [row] = _database().execute(sql).fetchall()
    return tuple(row)


def _table(head: str, rows: Iterable[tuple[Any, ...]], align: str = "") -> str:
    columns = [cell.strip() for cell in head.split("|")]
    marks = ["---:" if align[i : i + 1] == "r" else "---" for i in range(len(columns))]
    lines = [columns, marks, *[[str(cell) for cell in row] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _n(value: float) -> str:
    return f"{value:,.0f}"


def _usd(micro: float, digits: int = 0) -> str:
    return f"${micro / 1e6:,.{digits}f}"


def _percent(share: float, digits: int = 1) -> str:
    return f"{share * 100:.{digits}f}%"


# Before the cause is known


def surplus() -> str:
    return _n(setting.ENTRIES_4417 - setting.CALLS_4417)


def disputed_share() -> str:
    return _percent(setting.DISPUTED_CENTS / setting.INVOICED_CENTS)


def october_usd() -> str:
    return _usd(setting.BILLED_REQUESTS * setting.MEAN_MICROUSD)


def at_worst() -> str:
    """October's overcharge if all 9,000 lack what the 37 dispute, to the nearest hundred dollars."""
    share = setting.DISPUTED_CENTS / setting.INVOICED_CENTS
    return f"${round(setting.BILLED_REQUESTS * setting.MEAN_MICROUSD / 1e6 * share, -2):,.0f}"


def at_worst_a_day() -> str:
    share = setting.DISPUTED_CENTS / setting.INVOICED_CENTS
    return f"${round(setting.BILLED_REQUESTS * setting.MEAN_MICROUSD / 1e6 * share / 31, -1):,.0f}"


def log_left(day: date = setting.TODAY) -> int:
    """Days of October that the access log still has on a day."""
    first = max(date(2026, 10, 1), day - timedelta(days=setting.LOG_DAYS))
    return max(0, (date(2026, 10, 31) - first).days + 1)


def log_left_monday() -> int:
    return log_left(setting.MONDAY)


def log_lost() -> date:
    """The day on which the last of October's log is gone."""
    return date(2026, 10, 31) + timedelta(days=setting.LOG_DAYS + 1)


def freeze_gb() -> str:
    return _n(_freeze_gb())


def _freeze_gb() -> float:
    return setting.BILLED_REQUESTS / setting.OCTOBER_DAYS * log_left() * LOG_LINE_BYTES / 1e9


def freeze_usd() -> str:
    return f"${_freeze_gb() * USD_PER_GB_MONTH:.2f}"


def harm_table() -> str:
    last = log_lost()
    return _table(
        "What happens by itself | When | What it would cost",
        [
            ("Unpaid accounts are suspended", "November 8, a Sunday",
             f"Somebody's service, for {disputed_share()} of a bill"),
            ("A day of access log expires", "Every night",
             f"{log_left()} of October's 31 days are left, {log_left_monday()} on Monday, none on "
             f"{calendar.month_name[last.month]} {last.day}"),
            ("November is metered the same way", "Every hour",
             f"About {at_worst_a_day()} a day, if all lack what the 37 dispute"),
            ("Counted usage trips spend limits and rate tiers", "Every hour",
             "Refused requests, budget alerts, automatic top-ups"),
        ],
    )  # fmt: skip


def totals_table() -> str:
    found = _rows("totals")
    three, quiet = found[:3], found[3:]
    rows = [(org, _n(entries), _n(hourly), apart, micro) for org, entries, hourly, apart, micro in three]
    rows.append(
        (f"{len(quiet)} others", _n(sum(r[1] for r in quiet)), _n(sum(r[2] for r in quiet)),
         sum(abs(r[3]) for r in quiet), sum(abs(r[4]) for r in quiet))
    )  # fmt: skip
    return _table("Organization | Rows | Summed requests | Apart | Micro-dollars apart", rows, "lrrrr")


def october_rows() -> int:
    """Rows and summed requests of October in the fleet's run, which agree."""
    rows, hourly = _one(
        "SELECT sum(event_rows), sum(hourly_requests) FROM daily_counts WHERE day LIKE '2026-10-%'"
    )
    assert rows == hourly
    return int(rows)


def hour(record: str) -> int:
    """What one record counts for the disputed hour: calls, accepted, streams, event_rows or summed."""
    names = ("calls", "accepted", "streams", "event_rows", "summed")
    return int(_rows("hour")[0][names.index(record)])


def chart_hour() -> dict[str, Any]:
    labels = ("Calls in its log", "Accepted", "Streams", "Event rows", "Summed")
    values = [
        {"record": label, "count": count} for label, count in zip(labels, _rows("hour")[0], strict=True)
    ]
    x: dict[str, Any] = {"field": "count", "type": "quantitative", "title": "Count for the hour"}
    y = {"field": "record", "type": "nominal", "sort": list(labels), "title": None}
    return {
        "title": "org_4417, October 14, 14:00 to 15:00 UTC: what each record counts",
        "description": "Five bars, from the customer's calls to the summed requests: "
        + ", ".join(f"{row['record']} {row['count']}" for row in values)
        + ".",
        "data": {"values": values},
        "height": 150,
        "layer": [
            {"mark": "bar", "encoding": {"x": x, "y": y}},
            {
                "mark": {"type": "text", "align": "right", "dx": -5, "color": "#fcfbf8"},
                "encoding": {"x": x, "y": y, "text": {"field": "count"}},
            },
        ],
        "usermeta": {"columns": {"record": "Record", "count": "Count"}},
    }


def chart_days() -> dict[str, Any]:
    values: list[dict[str, Any]] = []
    for row in _rows("days"):
        for name, value in (("Streams per call", row[5]), ("Rows per stream", row[6])):
            values.append({"day": row[0][5:], "ratio": name, "value": float(value)})
    days = [value["day"] for value in values if value["ratio"] == "Streams per call"]
    return {
        "title": "All organizations by day: streams per call, and event rows per stream",
        "description": (
            "Two lines from October 7 to November 5. Streams per call stay near 1.003 until October 11 and near "
            "1.012 after it. Event rows per stream stay near 1.02 throughout."
        ),
        "data": {"values": values},
        "encoding": {
            "x": {
                "field": "day",
                "type": "ordinal",
                "sort": days,
                "title": "Day of 2026",
                "axis": {"values": days[::5], "labelAngle": 0},
            },
            "y": {
                "field": "value",
                "type": "quantitative",
                "scale": {"domain": [0.995, 1.03]},
                "title": "Ratio",
            },
            "strokeDash": {"field": "ratio", "type": "nominal", "title": None},
            "color": {"field": "ratio", "type": "nominal", "title": None},
        },
        "mark": "line",
        "usermeta": {"columns": {"day": "Day", "ratio": "Ratio", "value": "Value"}},
    }


def streams_per_call(late: bool) -> str:
    """Ratio before October 12, or from then on."""
    sign = ">=" if late else "<"
    streams, calls = _one(
        f"SELECT sum(streams), sum(calls) FROM daily_counts WHERE streams IS NOT NULL AND day {sign} '2026-10-12'"
    )
    return f"{streams / calls:.3f}"


def rows_per_stream(late: bool) -> str:
    sign = ">=" if late else "<"
    rows, streams = _one(
        "SELECT sum(event_rows), sum(streams) FROM daily_counts "
        f"WHERE streams IS NOT NULL AND day {sign} '2026-10-12'"
    )
    return f"{rows / streams:.3f}"


def provider(what: str) -> str:
    """The provider's October lines, our rows for the same requests, or the rows' surplus in percent."""
    lines, rows = _one("SELECT sum(provider_lines), sum(provider_rows) FROM daily_counts")
    return {"lines": _n(lines), "rows": _n(rows), "more": _percent(rows / lines - 1)}[what]


def both_ways_table() -> str:
    rows = [tuple(map(_cell, row)) for row in _rows("both_ways")]
    return _table(
        "Organization | Calls | Entries | Of a call | Of no call | Not in our log | Calls without entry",
        rows,
        "lrrrrrr",
    )


def _cell(value: Any) -> str:
    return _n(value) if isinstance(value, int) else str(value)


def of_no_call() -> int:
    """Entries of org_2093 whose idempotency key is not in its log."""
    return int(next(row[4] for row in _rows("both_ways") if row[0] == "org_2093"))


def by_date(record: str) -> int:
    """org_7730 on October 31: its calls by its own clock, or its entries by UTC."""
    return int(_rows("by_date")[0][("calls", "entries").index(record)])


def by_date_table() -> str:
    """org_7730 on October 31, by each record's own date."""
    rows = [("Its log, by its own clock", by_date("calls")), ("Usage page, UTC", by_date("entries"))]
    return _table("Dated October 31, org_7730 | Count", rows, "lr")


def ids_table() -> str:
    rows, distinct = _rows("distinct_ids")[0]
    return _table("Rows | Different event ids", [(_n(rows), _n(distinct))], "rr")


# The decisive stage and what follows


def _profile(who: str, shares: str) -> dict[str, Any]:
    """One class of entries: of an organization, or of the twelve others together."""
    found = [
        row
        for row in _rows("profile")
        if row[1] == shares and (row[0] == who or (who == "others" and row[0] not in THREE))
    ]
    nearest = [row[3] for row in found if row[3] is not None]
    return {
        "entries": sum(row[2] for row in found),
        "nearest": min(nearest, default=None),
        "farthest": max((row[4] for row in found if row[4] is not None), default=None),
        "equal": sum(row[5] for row in found),
        "closed": sum(row[6] for row in found),
        "nets": sorted({row[7] for row in found if row[7]}),
        "microusd": sum(row[9] for row in found),
    }


THREE = ("org_4417", "org_7730", "org_2093")
WHO = (*THREE, "others")


def profile_table() -> str:
    names = {
        "matched": "One call, one entry", "request_id": "Same request id as an earlier entry",
        "idempotency_key": "Same idempotency key as a later request", "nothing": "Key not in their log",
        "not logged": "No line in our log",
    }  # fmt: skip
    rows = []
    for shares, label in names.items():
        counts = [_profile(who, shares)["entries"] for who in WHO]
        rows.append((label, *(count or 0 for count in counts)))
    return _table("Entries | org_4417 | org_7730 | org_2093 | 12 others", rows, "lrrrr")


def signs_table() -> str:
    """The same classes over all fifteen organizations: what else each has in common."""
    names = {
        "matched": "One call, one entry", "request_id": "Same request id", "idempotency_key": "Same idempotency key",
        "nothing": "Key not in their log",
    }  # fmt: skip
    rows = []
    for shares, label in names.items():
        apart = (
            "none"
            if shares in ("matched", "nothing")
            else f"{shared(shares, 'nearest')} to {shared(shares, 'farthest')}"
        )
        equal = "none" if apart == "none" else shared(shares, "equal")
        rows.append((label, _n(shared(shares, "entries")), apart, equal, shared(shares, "closed")))
    return _table("Entries | Count | Seconds to the other | Equal tokens | Closed by client", rows, "lrrrr")


def networks_table() -> str:
    """Entries of org_2093 by key and network, with the times of their requests on October 21, UTC."""
    rows = [
        (key, network, known, _n(entries), _clock(first), _clock(last))
        for key, network, known, entries, first, last in _rows("networks")
    ]
    return _table("Key | Network | In their log | Entries | First | Last", rows, "lllrrr")


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M")


def shared(shares: str, what: str) -> Any:
    """Of all entries of a class: how many, how many with equal tokens or a closed stream, or a distance in seconds."""
    found = [_profile(who, shares) for who in WHO]
    if what == "nearest":
        return f"{min(f['nearest'] for f in found if f['nearest']) / 1000:.1f}"
    if what == "farthest":
        return f"{max(f['farthest'] for f in found if f['farthest']) / 1000:.1f}"
    return sum(f[what] for f in found)


def apart_rows() -> list[tuple[float, bool]]:
    """Seconds between each entry that shares an identifier and its partner, and whether the token counts agree."""
    found = _database().execute(
        """
        WITH numbered AS (
            SELECT e.*, a.idempotency_key, a.started_ms,
                   row_number() OVER w AS copy, lag(e.created_ms) OVER w AS other_ms,
                   lag(e.prompt_tokens * 1000000 + e.output_tokens) OVER w AS other_tokens
            FROM usage_events AS e LEFT JOIN access_log AS a ON a.request_id = e.request_id
            WINDOW w AS (PARTITION BY e.request_id ORDER BY e.created_ms, e.event_id)
        ), tried AS (
            SELECT n.*, lead(started_ms) OVER k AS next_ms, lead(prompt_tokens * 1000000 + output_tokens) OVER k AS next_tokens
            FROM numbered AS n
            WINDOW k AS (PARTITION BY copy, org_id, coalesce(idempotency_key, event_id)
                         ORDER BY started_ms, request_id)
        )
        SELECT CASE WHEN copy > 1 THEN created_ms - other_ms ELSE next_ms - started_ms END,
               prompt_tokens * 1000000 + output_tokens = CASE WHEN copy > 1 THEN other_tokens ELSE next_tokens END
        FROM tried WHERE copy > 1 OR next_ms IS NOT NULL
        """
    )
    return [(apart / 1000, bool(equal)) for apart, equal in found]


def chart_apart() -> dict[str, Any]:
    counts: dict[tuple[int, bool], int] = {}
    for seconds, equal in apart_rows():
        counts[round(seconds), equal] = counts.get((round(seconds), equal), 0) + 1
    values = [
        {"seconds": seconds, "tokens": "equal" if equal else "different", "entries": count}
        for (seconds, equal), count in sorted(counts.items())
    ]
    x: dict[str, Any] = {
        "field": "seconds",
        "type": "quantitative",
        "title": "Seconds to the entry that shares the identifier",
        "scale": {"domain": [0, 13]},
    }
    y = {"field": "tokens", "type": "nominal", "sort": ["equal", "different"], "title": "Token counts"}
    return {
        "title": "Entries that share an identifier with another: seconds apart, and token counts",
        "description": "Entries that share an identifier with another one, by seconds to that one: "
        + "; ".join(f"{v['entries']} at {v['seconds']} s with {v['tokens']} token counts" for v in values)
        + ".",
        "data": {"values": values},
        "height": 110,
        "layer": [
            {
                "mark": "circle",
                "encoding": {
                    "x": x,
                    "y": y,
                    "size": {
                        "field": "entries",
                        "type": "quantitative",
                        "legend": None,
                        "scale": {"range": [30, 500]},
                    },
                },
            },
            {
                "mark": {"type": "text", "dx": 20},
                "encoding": {"x": x, "y": y, "text": {"field": "entries"}},
            },
        ],
        "usermeta": {"columns": {"seconds": "Seconds", "tokens": "Token counts", "entries": "Entries"}},
    }


CLOSED = {
    "closed": "outcome = 'client_closed'",
    "not closed": "outcome <> 'client_closed'",
    "closed for good": "outcome = 'client_closed' AND NOT EXISTS ("
    "SELECT 1 FROM access_log AS a JOIN access_log AS b USING (org_id, idempotency_key)"
    " JOIN usage_events AS f ON f.request_id = b.request_id"
    " WHERE a.request_id = e.request_id AND b.started_ms > a.started_ms)",
}


def output_tokens(entries: str) -> str:
    """The mean of entries that their client closed, of those after which no library tried again, or of all others."""
    return _n(_one(f"SELECT avg(output_tokens) FROM usage_events AS e WHERE {CLOSED[entries]}")[0])


def closed_entries() -> int:
    return int(_one(f"SELECT count(*) FROM usage_events WHERE {CLOSED['closed']}")[0])


def outside(what: str) -> int:
    names = ("lines", "entries", "with_more", "without_entry", "token_counts_apart", "closed", "second_lines")
    return int(_rows("outside")[0][names.index(what)])


@cache
def _corrected() -> sqlite3.Connection:
    """The evidence with its ledger: invoices of these hours, corrected by two runs."""
    database = store.load()
    for name in ("ledger", "counted", "invoice"):
        for statement in store.statements("corrections.sql", name):
            database.execute(statement)
    for run in ("first", "second"):
        for name in ("exclude", "credit"):
            for statement in store.statements("corrections.sql", name):
                database.execute(statement, {"run": run})
    return database


def recount_table() -> str:
    """Cents as invoiced, credited and recounted, of the hours in the evidence."""
    database = _corrected()
    recount = {row[0]: row for row in store.rows(database, "recount", "corrections.sql")}
    due: dict[str, list[int]] = {}
    for org, amount, credit in database.execute(
        "SELECT i.org_id, i.amount_cents, coalesce((SELECT sum(n.amount_cents) FROM credit_notes AS n"
        " WHERE n.invoice_id = i.invoice_id), 0) FROM invoices AS i"
    ):
        who = org if org in THREE else "12 others"
        line = due.setdefault(who, [0, 0, 0, 0, 0])
        _, streams, unbilled, micro = recount[org]
        for place, value in enumerate((amount, credit, setting.cents(micro), streams, unbilled)):
            line[place] += value
    rows = [
        (
            who,
            *(f"{value / 100:,.2f}" for value in (amount, credit, amount + credit, counted)),
            streams,
            unbilled,
        )
        for who, (amount, credit, counted, streams, unbilled) in (
            (who, due[who]) for who in (*THREE, "12 others")
        )
    ]
    return _table(
        "Organization | Invoiced, $ | Credit, $ | Left, $ | Recount, $ | Streams | Never billed",
        rows,
        "lrrrrrr",
    )


def second_run() -> int:
    """Credit notes of the second run."""
    [(count,)] = _corrected().execute("SELECT count(*) FROM credit_notes WHERE run_id = 'second'")
    return int(count)


@cache
def _mended() -> tuple[int, int, int]:
    database, records = capture.mended_run()
    [(rows, requests)] = database.execute("SELECT count(*), count(DISTINCT request_id) FROM usage_events")
    return int(rows), int(requests), records.redelivered


def mended(what: str) -> str:
    """The mended run: rows, different requests, or messages that were refused as known."""
    return _n(_mended()[("rows", "requests", "refused").index(what)])


def changes_table() -> str:
    found = _database().execute("SELECT day, what, change FROM changes ORDER BY day")
    return _table("Day | What | Change", [(day[5:], what, change) for day, what, change in found])


def patience_factor() -> str:
    """How many times as many acknowledgments outlast 2 s as outlast 10 s, for waits of 3 s on average."""
    return f"{math.exp((10 - 2) / 3):.1f}"


# October, November, and the months before


def _again(where: str) -> tuple[int, int]:
    again, rows = _one(
        f"SELECT sum(event_rows - request_ids), sum(event_rows) FROM daily_counts WHERE {where}"
    )
    return int(again), int(rows)


def again_share(when: str) -> str:
    """Entries counted again, in percent of all: before October 3, from then on, or in October as a whole."""
    where = {
        "before": "day < '2026-10-03'",
        "after": "day >= '2026-10-03'",
        "october": "day LIKE '2026-10-%'",
    }
    again, rows = _again(where[when])
    return _percent(again / rows, 2)


def again_october() -> str:
    again, rows = _again("day LIKE '2026-10-%'")
    return f"{again / rows * setting.BILLED_REQUESTS / 1e6:.2f} million"


def _october_micro() -> float:
    again, rows = _again("day LIKE '2026-10-%'")
    return again / rows * setting.BILLED_REQUESTS * setting.MEAN_MICROUSD


def october_owed() -> str:
    return f"${round(_october_micro() / 1e6, -2):,.0f}"


def weekend_drop() -> str:
    """How much less a Saturday's rows are than the Friday's before it: October 10 beside October 9."""
    friday, saturday = (
        _one(f"SELECT event_rows FROM daily_counts WHERE day = '2026-10-{day}'")[0] for day in ("09", "10")
    )
    return _percent(1 - saturday / friday, 0)


def month_before_owed() -> str:
    again, rows = _again("day < '2026-10-03'")
    micro = again / rows * setting.BILLED_REQUESTS * setting.MEAN_MICROUSD
    return f"${round(micro / 1e6, -2):,.0f}"


def november_a_day() -> str:
    again, rows = _again("day >= '2026-11-01'")
    micro = again / rows * setting.BILLED_REQUESTS * setting.MEAN_MICROUSD / setting.OCTOBER_DAYS
    return f"${round(micro / 1e6, -1):,.0f}"


def chart_since() -> dict[str, Any]:
    values = [
        {"day": day[5:], "share": round(100 * again / rows, 2)}
        for day, again, rows in _database().execute(
            "SELECT day, event_rows - request_ids, event_rows FROM daily_counts ORDER BY day"
        )
    ]
    days = [value["day"] for value in values]
    return {
        "title": "The copies jump on October 3, four days before the oldest access log",
        "description": (
            "Percent of a day's entries that repeat a request, from September 21 to November 5: about 0.15 until "
            "October 2 and about 2.1 from October 3 on."
        ),
        "data": {"values": values},
        "mark": "line",
        "encoding": {
            "x": {
                "field": "day",
                "type": "ordinal",
                "sort": days,
                "title": "Day of 2026",
                "axis": {"values": days[::9], "labelAngle": 0},
            },
            "y": {"field": "share", "type": "quantitative", "title": "Percent of entries"},
        },
        "usermeta": {"columns": {"day": "Day", "share": "Percent of entries"}},
    }


def month_4417(what: str) -> str:
    """The month of org_4417 in the ratio of its five hours.

    Calls without an entry are refused ones, or streams whose event was lost.
    """
    again, retries, unbilled = fleet.of_4417()
    lost = 148 * next(row[2] for row in _rows("recount", "corrections.sql") if row[0] == "org_4417")
    counts = {
        "again": again,
        "retries": retries,
        "unbilled": unbilled,
        "lost": lost,
        "refused": unbilled - lost,
    }
    return _n(counts[what])


def lost_usd() -> str:
    """What streams that are lost with their gateway would have been billed, a month."""
    return f"${round(setting.BILLED_REQUESTS * setting.MEAN_MICROUSD * GATEWAY_LOSS / 1e6, -1):,.0f}"


def retry_microusd() -> float:
    """What an entry costs that a library's next try made superfluous: the mean of the evidence."""
    found = [_profile(who, "idempotency_key") for who in WHO]
    return float(sum(f["microusd"] for f in found) / sum(f["entries"] for f in found))


def retry_usd() -> str:
    return _usd(retry_microusd(), 4)


def retries_october() -> str:
    return f"${round(_retries_october() * retry_microusd() / 1e6, -2):,.0f}"


def _retries_october() -> float:
    """Second tries in October: as logged from October 7, and as on October 7 to 11 before."""
    late, early = (
        _one(
            f"SELECT sum(streams - calls), count(*) FROM daily_counts WHERE day LIKE '2026-10-%' AND {where}"
        )
        for where in ("day >= '2026-10-12'", "streams IS NOT NULL AND day < '2026-10-12'")
    )
    return float((late[0] + early[0] / early[1] * 11) * SCALE)


def tickets_table() -> str:
    """What the 37 dispute, by what the recount finds, at the mean price that they used."""
    found = fleet.tickets()
    causes = [
        ("One request counted again", "again", "Credit, with all 9,000"),
        ("A call that its library tried twice", "retries", "By contract; credited once, as goodwill"),
        ("Their key from another network", "elsewhere", "Security case first; then decide"),
        ("The customer's clock is not UTC", "clock", "Explain; no credit"),
    ]
    rows = []
    for label, field, what in causes:
        count = sum(getattr(ticket, field) for ticket in found)
        organizations = sum(getattr(ticket, field) > 0 for ticket in found)
        micro = count * setting.MEAN_MICROUSD
        rows.append((label, organizations, _n(count), _usd(micro, 0 if micro > 10_000_000 else 2), what))
    unbilled = sum(ticket.unbilled for ticket in found)
    rows.append(
        ("Their calls without an entry", setting.TICKETS, f"-{_n(unbilled)}", f"-{_usd(unbilled * setting.MEAN_MICROUSD)}",
         "Refused, or lost by you: not billed now")
    )  # fmt: skip
    net = sum(ticket.disputed for ticket in found)
    rows.append(
        ("Together", setting.TICKETS, _n(net), f"${setting.DISPUTED_CENTS / 100:,.0f}", "as disputed")
    )
    return _table("Cause | Of 37 | Entries | At mean price | What you do", rows, "lrrr")


def tickets_retries() -> str:
    """What the 37 dispute for second tries, at the mean price."""
    return _usd(sum(t.retries for t in fleet.tickets()) * setting.MEAN_MICROUSD)


def credited(what: str) -> str:
    """The rehearsed run over 9,000: organizations credited, dollars, the median, those below a dollar, the largest."""
    credits = sorted(account.credit_cents for account in fleet.accounts())
    some = [amount for amount in credits if amount > 0]
    total = sum(some)
    return {
        "organizations": _n(len(some)),
        "none": _n(len(credits) - len(some)),
        "usd": f"${total / 100:,.0f}",
        "median": f"${some[len(some) // 2] / 100:.2f}",
        "under": _n(sum(amount < 100 for amount in some)),
        "under_usd": f"${sum(amount for amount in some if amount < 100) / 100:,.0f}",
        "largest": f"${some[-1] / 100:,.0f}",
    }[what]


def unasked() -> str:
    """Share of the money that goes to organizations that have not written."""
    accounts = fleet.accounts()
    asked = sum(account.credit_cents for account in accounts[: setting.TICKETS])
    return _percent(1 - asked / sum(account.credit_cents for account in accounts), 0)


def by_entry_usd() -> str:
    """The month of org_4417 if each of its copies were rounded to a cent before it is added."""
    again = fleet.of_4417()[0]
    return f"${again * setting.cents(setting.MEAN_MICROUSD) / 100:.2f}"


def once_usd() -> str:
    again = fleet.of_4417()[0]
    return f"${setting.cents(again * setting.MEAN_MICROUSD) / 100:.2f}"


# The lasting check


def check_table() -> str:
    busiest = traffic.PEAK_SHARE / len(traffic.PEAK) * max(capture.WEEK)
    an_hour = setting.BILLED_REQUESTS / setting.OCTOBER_DAYS * busiest
    of_4417 = setting.ENTRIES_4417 / setting.OCTOBER_DAYS * GATEWAY_LOSS
    per_org_day = setting.BILLED_REQUESTS / setting.ORGANIZATIONS / setting.OCTOBER_DAYS
    fleet_mean, org_mean = an_hour * GATEWAY_LOSS, per_org_day * GATEWAY_LOSS
    fleet_least = check.threshold(fleet_mean, HOURS, 0.01)
    log_mean = an_hour * LOG_LOSS
    log_least = check.threshold(log_mean, HOURS, 0.01)
    org_least = check.threshold(org_mean, setting.ORGANIZATIONS * 31, 1)
    least_4417 = check.threshold(of_4417, setting.ORGANIZATIONS * 31, 1)
    naive = check.tail(org_mean, 1) * setting.ORGANIZATIONS
    return _table(
        "Check | Normal | Told from | False alarms by chance",
        [
            ("Entries minus request ids, an hour", "0", "1", "None: it is an invariant"),
            ("Streams without entry, the busiest hour, all", _n(fleet_mean), _n(fleet_least), "Under 1 in 100 months"),
            ("The same, a day, an organization of mean size", f"{org_mean:.2f}", org_least,
             f"Under 1 a month in all 9,000; told from 1, {_n(naive)} a day"),
            ("The same, a day, org_4417", f"{of_4417:.1f}", least_4417, "As above: the limit grows with its size"),
            ("Requests without log line, the busiest hour, all", _n(log_mean), _n(log_least), "Under 1 in 100 months"),
        ],
        "lrrl",
    )  # fmt: skip


def again_an_hour() -> str:
    """Copies in a mean hour from October 3 on, fleet-wide."""
    again, rows = _again("day >= '2026-10-03'")
    return _n(again / rows * setting.BILLED_REQUESTS / HOURS)


def again_an_hour_before() -> str:
    again, rows = _again("day < '2026-10-03'")
    return _n(again / rows * setting.BILLED_REQUESTS / HOURS)
