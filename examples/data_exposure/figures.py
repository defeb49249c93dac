"""Every number on the page: from the setting, from the evidence with `queries.sql`, and from the two small models."""

from __future__ import annotations

import csv
import json
import math
import re
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from examples.data_exposure import clocks as due
from examples.data_exposure import decision, setting

HERE = Path(__file__).parent
CERTAIN = setting.PAGED.replace(minute=52)
"""When the match was found."""
STOPPED = CERTAIN + timedelta(minutes=1)
REOPENED = setting.PAGED.replace(hour=15, minute=50)
OPEN_TO_ALL = REOPENED + timedelta(minutes=10)
FIRST_OPENED = 0.1
"""Share of organizations, and so about of traffic, that the mended gateway opens for first."""
B_CALLED = setting.PAGED.replace(minute=55)
CONTROLLERS_TOLD = setting.PAGED.replace(hour=18, minute=0)
WITH_DOCS = 0.45
"""Share of conversations with an upload; the product's own statistic, an assumption here."""
MEASURED_US = {
    "plain": 14,
    "open": 21,
    "seal": 12,
    "response key": 19,
    "salt": 6,
    "exchange": 102,
    "connect": 710,
}
"""Microseconds a call, from `bench/bench_data_exposure.py` on the machine of 2026-11-26: medians, rounded up."""


def _table(head: str, rows: Iterable[Iterable[Any]], align: str) -> str:
    columns = [cell.strip() for cell in head.split("|")]
    marks = ["---:" if mark == "r" else "---" for mark in align]
    lines = [columns, marks, *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _n(value: float) -> str:
    return f"{value:,.0f}"


def _percent(share: float, digits: int = 0) -> str:
    return f"{share * 100:.{digits}f}%"


@cache
def sections() -> dict[str, str]:
    text = (HERE / "queries.sql").read_text(encoding="utf-8")
    return dict(re.findall(r"-- --8<-- \[start:(\w+)\]\n(.*?)-- --8<-- \[end:\1\]", text, re.DOTALL))


@cache
def database() -> sqlite3.Connection:
    """The evidence's CSV files as tables of their names, with the views of `queries.sql`."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.row_factory = sqlite3.Row
    for file in sorted((HERE / "evidence").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            header, *rows = csv.reader(lines)
        connection.execute(f"CREATE TABLE {file.stem} ({', '.join(f'{name} NUMERIC' for name in header)})")
        connection.executemany(
            f"INSERT INTO {file.stem} VALUES ({', '.join('?' * len(header))})",
            [[cell or None for cell in row] for row in rows],
        )
    for name in ("disagree", "first_hand", "scope"):
        connection.execute(sections()[name])
    return connection


@cache
def report() -> dict[str, Any]:
    return dict(json.loads((HERE / "evidence" / "report.json").read_text(encoding="utf-8")))


@cache
def query(name: str) -> list[sqlite3.Row]:
    """What the section `name` of queries.sql finds."""
    sql = sections()[name]
    return database().execute(sql, {"request": report()["request"]} if ":request" in sql else {}).fetchall()


def _one(sql: str) -> Any:
    return database().execute(sql).fetchone()[0]


# Stage 1


def organization(side: str) -> str:
    """The ids that the logs have for organizations A and B."""
    return str(report()["organization" if side == "A" else "names_organization"])


def minutes_left() -> int:
    """From the page until what was stored at 13:58 expires."""
    return round((setting.SEEN + timedelta(minutes=setting.KEPT_MIN) - setting.PAGED).total_seconds() / 60)


def a_replica(response_cache: bool) -> str:
    return f"{decision.offered(response_cache) / setting.REPLICAS:.2f}"


def full(response_cache: bool, prefix: bool) -> str:
    limit = setting.LIMIT if prefix else setting.LIMIT_WITHOUT_PREFIX
    return _percent(decision.offered(response_cache) / setting.REPLICAS / limit)


def short(response_cache: bool) -> str:
    """Requests refused during a rolling restart, all batches."""
    return _n(sum(decision.short_by(response_cache)) * setting.RESTART_MIN * 60)


def switch_table() -> str:
    rows = [
        ("Response cache off", "30 s", f"{a_replica(False)}/s of 3.6 a replica, {full(False, True)}", "A cached answer of another organization, and the spread of a wrong one", "Nothing, if it is bypassed and not flushed"),
        ("Memory off", "30 s", "None; answers lose personal notes", "Notes of another user", "Nothing"),
        ("Retrieval off", "30 s", "None; most answers lose their point", "A chunk of another organization", "Nothing"),
        ("Prefix caching off", "30 min", f"{a_replica(True)}/s of 2.4, {full(True, False)}; with the cache off {full(False, False)}", "Only a broken engine: as designed it shares computation", "All that 24 replicas hold in memory"),
        ("Gateway restart", "10 min", "Streams cut", "Unknown", "The record of hops of the last hour"),
        ("Full stop", "1 min", f"{_n(setting.RATE * 60)} requests a minute", "Everything", "Nothing, if processes stay up"),
    ]  # fmt: skip
    return _table("Switch | Takes | Costs | Covers | Destroys", rows, "lllll")


def capacity_while_restarting() -> dict[str, Any]:
    values = [
        {"minutes": f"{5 * n} to {5 * n + 5}", "capacity": round(capacity, 1)}
        for n, capacity in enumerate(decision.restarting())
    ]
    lines = [
        {"demand": round(decision.offered(on), 1), "name": f"Demand, cache {'on' if on else 'off'}"}
        for on in (True, False)
    ]
    x = {"field": "minutes", "type": "ordinal", "title": "Minutes since the restart began", "sort": None, "axis": {"labelAngle": 0}}  # fmt: skip
    return {
        "title": "Capacity while prefix caching is turned off, four replicas at a time, against what is asked",
        "description": "Six bars fall from 72 to 48 requests/s. Demand is 53.3 requests/s with the response cache on and 65 with it off.",
        "data": {"values": [*values, *lines]},
        "layer": [
            {
                "transform": [{"filter": "isValid(datum.capacity)"}],
                "mark": "bar",
                "encoding": {
                    "x": x,
                    "y": {"field": "capacity", "type": "quantitative", "title": "Requests/s"},
                },
            },
            {
                "transform": [{"filter": "isValid(datum.demand)"}],
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {
                    "y": {"field": "demand", "type": "quantitative"},
                    "strokeDash": {"field": "name", "type": "nominal", "title": None},
                    "color": {
                        "field": "name",
                        "type": "nominal",
                        "title": None,
                        "scale": {"range": ["#ab4e1a", "#2a7353"]},
                    },
                },
            },
        ],
        "usermeta": {
            "columns": {
                "minutes": "Minutes",
                "capacity": "Capacity, requests/s",
                "name": "Line",
                "demand": "Requests/s",
            }
        },
    }


def stop_cost() -> str:
    """Requests not served from the stop until the mended gateway is open to all."""
    some = (REOPENED - STOPPED) + (1 - FIRST_OPENED) * (OPEN_TO_ALL - REOPENED)
    return _n(setting.RATE * some.total_seconds())


def stop_minutes() -> int:
    return round((REOPENED - STOPPED).total_seconds() / 60)


def slow_minutes() -> int:
    """How long only some are served after reopening."""
    return round((OPEN_TO_ALL - REOPENED).total_seconds() / 60)


def all_requests() -> str:
    """Of the fourteen days, in millions."""
    return f"{_one('SELECT sum(requests) FROM hours') / 1e6:.0f} million"


def organizations() -> str:
    return _n(setting.ORGANIZATIONS)


# Stage 2


def matches_table() -> str:
    rows = [
        (r["item"], r["words"], r["in_b"], r["in_a"], r["in_other_organizations"], r["on_b_website"])
        for r in database().execute("SELECT * FROM matches")
    ]
    return _table("Item | Words | B's documents | A's | Others' | B's website", rows, "lrrrrr")


def matched() -> str:
    return str(_one("SELECT document FROM matches LIMIT 1"))


def odds(share: float = 0.8) -> str:
    """Chance that 61 words come out right if each does with this chance, as 1 in so many."""
    words = _one("SELECT words FROM matches WHERE item = 'paragraph'")
    return f"1 in {round(1 / share**words, -4):,.0f}"


# Stage 3


def record_table() -> str:
    [row] = database().execute("SELECT * FROM requests WHERE request = ?", (report()["request"],)).fetchall()
    prompt = query("prompt")
    rows: list[tuple[Any, ...]] = [
        ("Token, verified", f"{row['user']} of {row['organization']}", "A"),
        ("Session", f"{row['session']}, accepted for this user", "A"),
        ("Conversation", f"{row['conversation']}, question {row['turn']}", "A"),
        ("Response cache", row["cache"], "none"),
        *(
            ("Prompt", p["document"], "A" if p["own"] else "B")
            for p in sorted(prompt, key=lambda p: -p["own"])
        ),
        ("Engine", f"replica {row['replica']}, complete", "none"),
    ]
    return _table("Hop | What the record has | Whose", rows, "lll")


# Stage 4


def by_day() -> dict[str, Any]:
    values = [
        {"day": r["day"][8:], "kind": name, "count": r[field]}
        for r in query("by_day")
        for field, name in (("granted", "Shared by its owner"), ("not_granted", "Not shared"))
    ]
    return {
        "title": "Requests a day whose prompt held a document of another organization",
        "description": "Two lines from November 3 to 17. Shared: 10 to 27 a day throughout. Not shared: 0 to 3 until "
        "November 11, 2 to 20 from November 12 on.",
        "data": {"values": values},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "day", "type": "ordinal", "title": "Day of November 2026", "axis": {"labelAngle": 0}},
            "y": {"field": "count", "type": "quantitative", "title": "Requests"},
            "color": {"field": "kind", "type": "nominal", "title": None},
            "strokeDash": {"field": "kind", "type": "nominal", "title": None},
        },
        "usermeta": {"columns": {"day": "Day", "kind": "Document", "count": "Requests"}},
    }  # fmt: skip


def disagreeing(granted: bool) -> str:
    return _n(_one(f"SELECT count(DISTINCT request) FROM disagree WHERE granted = {int(granted)}"))


def spread(what: str) -> str:
    return _n(query("spread")[0][what])


def owner_asked() -> str:
    """First cases that asked for the conversation the foreign document was uploaded in."""
    found = _one(
        "SELECT count(*) FROM disagree WHERE NOT granted AND cache = 'miss' AND conversation IS uploaded_in"
    )
    return f"{found} of {_n(_one(SCOPE['requests']) - _one(SCOPE['cached']))}"


def spread_table() -> str:
    row = query("spread")[0]
    rows = [
        ("Organizations that one foreign document reached", row["organizations_a_document"]),
        ("Conversations of one reader that held one", row["conversations_a_reader"]),
        ("Minutes from first to last in a conversation", _n(row["minutes_a_conversation"])),
        (
            "Requests that asked for the conversation the document was uploaded to, cached answers left out",
            owner_asked(),
        ),
        ("Different pairs of owner and reader", row["pairs"]),
    ]
    return _table("Not shared, 14 days, the most | Seen", rows, "lr")


def deployments_table() -> str:
    rows = [(d.at[5:], d.service, d.what) for d in setting.DEPLOYMENTS]
    return _table("At | Service | What", rows, "lll")


def before(moment: str) -> str:
    """Such requests, not shared, before a moment."""
    return _n(_one(f"SELECT count(DISTINCT request) FROM disagree WHERE NOT granted AND at < '{moment}'"))


def first_hand(later: bool) -> int:
    sign = ">=" if later else "<"
    return int(_one(f"SELECT count(*) FROM first_hand WHERE at {sign} '2026-11-12 10:00'"))


def rate(later: bool) -> float:
    """First such requests of a conversation, per ten million requests."""
    return first_hand(later) / float(query("before_after")[later]["requests"]) * 1e7


def rates(later: bool) -> str:
    return f"{rate(later):.1f}"


# Stage 5


def pairs(what: str) -> str:
    rows = query("pairs")
    seconds = [r["seconds"] for r in rows]
    return {
        "all": _n(len(rows)),
        "same": _n(sum(r["same_gateway"] for r in rows)),
        "median": f"{median(seconds):.1f}",
        "most": f"{max(seconds):.1f}",
        "closed": _n(sum(r["finish"] == "closed early" for r in query("finishes"))),
        "expected": f"{len(rows) / setting.GATEWAYS:.0f}",
    }[what]


def pairs_table() -> str:
    rows = [
        ("Owner's last request was on the reader's gateway", f"{pairs('same')} of {pairs('all')}", f"{pairs('expected')} by chance, 1 in 8"),
        ("Seconds from its arrival to the reader's, median and most", f"{pairs('median')} and {pairs('most')}", "No pattern"),
    ]  # fmt: skip
    return _table("Among the pairs | Seen | If unrelated", rows, "lrr")


def before_after_table() -> str:
    first, later = query("before_after")
    names = (
        ("closed_early", "Closed by client before a first token"),
        ("closed_later", "Closed by client later"),
        ("sign_ins", "New sessions"),
        ("session_refused", "401, session not valid"),
        ("state_errors", "500, state could not be read"),
    )
    rows = []
    for field, label in names:
        a, b = (r[field] / r["requests"] * 1e6 for r in (first, later))
        rows.append((label, _per_million(a), _per_million(b), f"{b / a:.1f}"))
    rows.append(
        ("First prompts with a foreign document", _per_million(rate(False) / 10), _per_million(rate(True) / 10), f"{rate(True) / rate(False):.1f}")
    )  # fmt: skip
    return _table("Per million requests | Before Nov 12, 10:00 | After | Ratio", rows, "lrrr")


def _per_million(value: float) -> str:
    return _n(value) if value >= 10 else f"{value:.2f}"


def times(field: str) -> str:
    first, later = query("before_after")
    return f"{later[field] / later['requests'] / (first[field] / first['requests']):.1f}"


# Stage 6


def history_table(rows: int = 9) -> str:
    """The last commands on the connection, up to the reported read and the command after it."""
    found = query("history")
    request = report()["request"]
    here = max(
        n
        for n, r in enumerate(found)
        if r["request"] == request and r["step"] == "read" and "conv" in r["key"]
    )
    lines = [
        (r["at"][11:], r["request"], r["step"], r["key"].replace("conversation:", "").replace("session:", ""), r["wait_us"] if r["step"] == "read" else "", r["outcome"] if r["step"] == "sent" else "")
        for r in found[max(0, here + 3 - rows) : here + 3]
    ]  # fmt: skip
    return _table("Time | Request | Step | Key | Wait, µs | Request's end", lines, "llllrl")


def reported_by(who: str) -> str:
    """Id of the report's request, or of the one that used its connection before."""
    request = str(report()["request"])
    if who == "reader":
        return request
    found = query("history")
    read = max(
        n for n, r in enumerate(found) if r["request"] == request and r["key"].startswith("conversation")
    )
    here = max(n for n in range(read) if found[n]["step"] == "sent" and found[n]["request"] != request)
    return str(found[here]["request"])


def waits(what: str) -> str:
    """The reported read's wait, or the median of all conversation reads in the file, microseconds."""
    if what == "reported":
        return _n(
            _one(
                f"SELECT wait_us FROM hops WHERE request = '{report()['request']}' AND hop = 'conversation' AND step = 'read'"
            )
        )
    found = database().execute("SELECT wait_us FROM hops WHERE hop = 'conversation' AND step = 'read'")
    return _n(median(r[0] for r in found))


@cache
def _lab() -> dict[str, sqlite3.Row]:
    return {r["run"]: r for r in database().execute("SELECT * FROM lab")}


def lab(run: str, what: str) -> str:
    return _n(_lab()[run][what])


def rivals_table() -> str:
    crowd, single = _lab()["As it ran"], _lab()["One request at a time"]
    rows = [
        ("Overlapping requests share a variable", "in_flight"),
        ("The gateway keeps the last dropped request's state", "last_closed"),
        ("The connection was asked for it one command before", "one_back"),
    ]
    return _table(
        "What crossed had come from | Side by side | One at a time",
        [
            (label, f"{crowd[f]} of {crowd['crossed']}", f"{single[f]} of {single['crossed']}")
            for label, f in rows
        ],
        "lrr",
    )


RARE = "Closes rare"
MENDED = ("Mended pool", "Sealed values, pool as it ran")


def runs_table() -> str:
    rows = [
        (r["run"], r["closed"], r["crossed"], r["sessions_refused"], r["state_errors"])
        for r in _lab().values()
        if r["run"] not in MENDED and not r["run"].startswith(RARE)
    ]
    return _table("Run of 1,500 | Closed | Crossed | 401 | 500", rows, "lrrrr")


def mended_table() -> str:
    rows = [
        (r["run"], r["closed"], r["crossed"], r["owner_refused"], r["state_errors"])
        for r in _lab().values()
        if r["run"] in ("As it ran", *MENDED)
    ]
    return _table("Run of 1,500 | Closed | Crossed | Refused: not the asker's | 500", rows, "lrrrr")


# Stage 7


def scope_table() -> str:
    meaning = {
        "answer shows it": "Certain",
        "not opened yet": "Possible",
        "answer no longer kept": "Possible",
        "answer shows nothing of it": "Entered the prompt only",
        "nothing was sent": "Excluded for the reader",
    }
    found = {r["known"]: r for r in query("sides")}
    rows = [
        (meaning[k], k, found[k]["requests"], found[k]["readers"], found[k]["owners"])
        for k in meaning
        if k in found
    ]
    return _table("Verdict | Why | Requests | Readers | Owners", rows, "llrrr")


SCOPE = {
    "requests": "SELECT count(DISTINCT request) FROM scope",
    "cached": "SELECT count(DISTINCT request) FROM scope WHERE cache = 'hit'",
    "first": "SELECT count(*) FROM first_hand",
    "later": "SELECT count(DISTINCT request) FROM scope WHERE cache = 'miss' "
    "AND request NOT IN (SELECT request FROM first_hand)",
    "owners": "SELECT count(DISTINCT owner) FROM scope",
    "readers": "SELECT count(DISTINCT user) FROM scope",
    "touched": "SELECT count(*) FROM (SELECT owner FROM scope UNION SELECT organization FROM scope)",
}


def scope(what: str) -> str:
    """Requests, by how they came about; distinct owners, readers, and organizations on either side."""
    return _n(_one(SCOPE[what]))


def owners_told(kind: str) -> str:
    """Owners by their strongest case: certain, possible, or neither."""
    ranks = ("neither", "possible", "certain")
    return _n(
        _one(
            "SELECT count(*) FROM (SELECT max(CASE known WHEN 'answer shows it' THEN 2 "
            "WHEN 'answer no longer kept' THEN 1 WHEN 'not opened yet' THEN 1 ELSE 0 END) AS strongest "
            f"FROM scope GROUP BY owner) WHERE strongest = {ranks.index(kind)}"
        )
    )


def certain_readers() -> str:
    """Readers to whom an answer showed something, for certain."""
    return _n(_one("SELECT count(DISTINCT user) FROM scope WHERE known = 'answer shows it'"))


def under(law: str) -> str:
    """Owning organizations under a law."""
    return _n(
        _one(
            "SELECT count(DISTINCT owner) FROM scope JOIN organizations AS o ON o.organization = owner "
            f"WHERE o.{law} = 1"
        )
    )


def state_errors() -> int:
    return int(_one("SELECT sum(state_errors) FROM hours"))


def estimate(what: str) -> str:
    """Conversations crossed in 14 days, by two routes: uploads' share, and state errors times the laboratory's ratio.

    Crossings come in chains, so the ratio scatters by more than a Poisson count; its range over the runs is given instead.
    """
    rare = [row for row in _lab().values() if row["run"].startswith(RARE)]
    ratios = [row["crossed"] / row["state_errors"] for row in rare]
    ratio = sum(row["crossed"] for row in rare) / sum(row["state_errors"] for row in rare)
    return {
        "ratio": f"{ratio:.2f}",
        "by_uploads": _n(_one(SCOPE["first"]) / WITH_DOCS),
        "by_errors": _n(ratio * state_errors()),
        "low": _n(min(ratios) * state_errors()),
        "high": _n(max(ratios) * state_errors()),
        "unseen": _n(_one(SCOPE["first"]) / WITH_DOCS - _one(SCOPE["first"])),
        "deviation": _n(math.sqrt(_one(SCOPE["first"]) * (1 - WITH_DOCS)) / WITH_DOCS),
    }[what]


LISTED = """FROM requests AS r, json_each('["' || replace(r.documents, ' ', '","') || '"]') AS d
LEFT JOIN documents AS f ON f.document = d.value"""


def inside() -> int:
    """Requests with a document that was uploaded to another conversation of the same organization."""
    where = "f.organization = r.organization AND f.conversation <> r.conversation"
    return int(_one(f"SELECT count(DISTINCT r.request) {LISTED} WHERE {where}"))


def unknown_ids() -> int:
    """Ids in prompts that the register does not have."""
    return int(_one(f"SELECT count(DISTINCT d.value) {LISTED} WHERE f.document IS NULL"))


def clocks_table() -> str:
    def by(clock: due.Clock) -> str:
        if clock.due is None:
            return "no hours: without undue delay"
        return (
            _when(clock.due)
            if isinstance(clock.due, datetime)
            else f"{clock.due:%a %b} {clock.due.day}, {clock.due.year}"
        )

    rows = [
        (c.duty, c.tells, _when(c.starts), by(c))
        for c in due.clocks(setting.REPORTED, CERTAIN, B_CALLED, CONTROLLERS_TOLD)
    ]
    return _table("Duty | Who tells whom | Counted from | Due at the latest, UTC", rows, "llll")


def _when(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at:%a %b} {at.day}, {at:%H:%M}"


# The answer


def crossings_an_hour() -> str:
    """Crossed conversations an hour at 14:00, at the rate since the release, by uploads' share."""
    return f"{rate(True) / 1e7 / WITH_DOCS * setting.RATE * 3600:.2f}"


def measured(what: str) -> str:
    return f"{MEASURED_US[what] / 1000:.1f} ms"


def sealing_costs() -> str:
    """Two reads and a write of a request, over doing nothing."""
    return f"{2 * (MEASURED_US['open'] - MEASURED_US['plain']) + MEASURED_US['seal']} µs"


def reconnects_an_hour() -> str:
    """Connections that the mended pool closes, at the rate of state errors since the release."""
    later = query("before_after")[1]
    return f"{later['state_errors'] / later['requests'] * setting.RATE * 3600:.1f}"


def per_crossing() -> str:
    """Affected requests for each first-hand one, itself included."""
    return f"{_one(SCOPE['requests']) / _one(SCOPE['first']):.1f}"


def state_errors_a_day(later: bool) -> str:
    spans = (setting.RELEASED - setting.FIRST_LOG, setting.PAGED - setting.RELEASED)
    return _n(query("before_after")[later]["state_errors"] / (spans[later] / timedelta(days=1)))


def in_ten(what: str) -> str:
    """Requests in ten minutes at a tenth of the traffic, and the crossings to expect in them with the fault still there."""
    requests = setting.RATE * FIRST_OPENED * (OPEN_TO_ALL - REOPENED).total_seconds()
    return _n(requests) if what == "requests" else f"{requests * rate(True) / 1e7 / WITH_DOCS:.2f}"


def canary_days(share: float = 0.001) -> str:
    """Mean days until a canary tenant with this share of the traffic reads something foreign."""
    later = query("before_after")[1]["requests"]
    days = (setting.PAGED - setting.RELEASED) / timedelta(days=1)
    a_day = rate(True) / 1e7 / WITH_DOCS * later / days
    return _n(1 / (a_day * share))
