"""Every number on the page, from the setting and from the code's own constants."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from examples.audit_logging.retention import MONTHS

# The setting
REPLICAS = 12
REQUESTS_A_DAY, PEAK_REQUESTS_PER_S = 8_000_000, 300
EVENTS_A_REQUEST, EVENT_BYTES = 3, 1_000
ANSWER_TOKENS, TOKENS_PER_S = 400, 50
REQUEST_BYTES = 9_600
LOST_SHARE = 0.0002
ADMIN_CHANGES_A_DAY = 20_000
HOSPITAL_SHARE, TEXT_SHARE, TEXT_DAYS = 0.20, 0.05, 30
USD_PER_GB_MONTH = 0.023
ACK_MS = 6
DETECT_MINUTES, OUTAGE_MINUTES, HOT_DAYS = 15, 10, 90

# The design
SEAL_MINUTES, CHECK_MINUTES, PAGE_MINUTES = 5, 5, 1
BACKLOG_RECORDS = 60_000
"""recorder.BACKLOG_RECORDS, which needs no library that the page's build lacks; a test compares."""

# Assumptions
DAYS_A_MONTH = 365.25 / 12
COMPRESSION = 5
"""Of JSON events, hashes and ciphertext among them; an estimate."""
READ_MB_PER_S = 500
"""What reading objects and hashing them whole does; an assumption."""
INDEX_BYTES = 150
"""A row of the index; an estimate."""
SEAL_KB = 4
"""A seal that names 24 streams, at about 120 bytes each, and two classes."""

# Measured, microseconds an event: CPU time, the least of three runs of bench/bench_audit_logging.py with
# --benchmark-timer=time.thread_time, CPython 3.11.7, one core of a shared AMD EPYC, 25 November 2026
ENCODE_US, LINK_US, SIGN_US, CHECK_US = 30, 3, 36, 100


def _number(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}"


# Volume and cost


def events_a_day() -> str:
    """Return the events of a day."""
    return _number(REQUESTS_A_DAY * EVENTS_A_REQUEST)


def merged_a_day() -> str:
    """Return the events of a day if an allowed request's decision and call are one event, in millions."""
    return _number(REQUESTS_A_DAY * (EVENTS_A_REQUEST - 1) / 1e6)


def merged_at_peak() -> str:
    """Return the same, a second at peak."""
    return _number(PEAK_REQUESTS_PER_S * (EVENTS_A_REQUEST - 1))


def gb_a_day() -> float:
    """Return a day's bytes."""
    return REQUESTS_A_DAY * EVENTS_A_REQUEST * EVENT_BYTES / 1e9


def admin_percent() -> str:
    """Return the administrators' share of the events."""
    return _number(100 * ADMIN_CHANGES_A_DAY / (REQUESTS_A_DAY * EVENTS_A_REQUEST), 2)


def text_gb() -> str:
    """Return the text that two tenants have by contract."""
    return _number(REQUESTS_A_DAY * TEXT_SHARE * REQUEST_BYTES * TEXT_DAYS / 1e9)


def stored_gb(kind: str) -> float:
    """Return what a class has stored when its period is full, uncompressed, in GB."""
    share = HOSPITAL_SHARE if kind == "hospital" else 1 - HOSPITAL_SHARE
    months = MONTHS["hospital"] if kind == "hospital" else MONTHS["standard"]
    return gb_a_day() * share * DAYS_A_MONTH * months


def stored(kind: str) -> str:
    """Return what a class has stored when its period is full, in TB."""
    return _number(stored_gb(kind) / 1e3, 1)


def total_tb() -> str:
    """Return both classes' full stock, in TB."""
    return _number((stored_gb("hospital") + stored_gb("standard")) / 1e3, 1)


def usd_a_month(kind: str | None = None, compressed: bool = False) -> str:
    """Return what a class, or both, cost a month when their periods are full."""
    kinds = [kind] if kind else ["hospital", "standard"]
    gigabytes = sum(stored_gb(each) for each in kinds)
    return _number(gigabytes * USD_PER_GB_MONTH / (COMPRESSION if compressed else 1))


def index_gb() -> str:
    """Return the size of 90 days of the index."""
    return _number(REQUESTS_A_DAY * EVENTS_A_REQUEST * HOT_DAYS * INDEX_BYTES / 1e9)


# Loss


def lost_a_day() -> str:
    """Return the events that today's log would lose a day."""
    return _number(REQUESTS_A_DAY * EVENTS_A_REQUEST * LOST_SHARE)


def gap_chance(events: int) -> float:
    """Return the chance that at least one of so many events is lost, if losses are independent."""
    return 1 - (1 - LOST_SHARE) ** events


def gap_percent(events: int) -> str:
    """Return the same in percent."""
    return _number(100 * gap_chance(events), 1)


def loss_chart() -> dict[str, Any]:
    """Chart: how likely a user's week has a gap, by its number of events."""
    return {
        "title": f"At 0.02% loss, a week of 500 events has a gap with a chance of {100 * gap_chance(500):.1f}%",
        "description": "A line that rises from 0 at no events to 9.5% at 500 and 18.1% at 1,000 events a week.",
        "data": {
            "values": [{"events": n, "chance": round(gap_chance(n), 4)} for n in range(0, 1_001, 100)],
        },
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "events", "type": "quantitative", "title": "Events of one user in a week"},
            "y": {
                "field": "chance",
                "type": "quantitative",
                "title": "At least one is missing",
                "axis": {"format": "%"},
            },
        },
        "usermeta": {"columns": {"events": "Events in the week", "chance": "Chance of a gap"}},
    }


# The write path


def per_replica() -> str:
    """Return a replica's events a second at peak."""
    return _number(PEAK_REQUESTS_PER_S * EVENTS_A_REQUEST / REPLICAS)


def one_chain_per_s() -> str:
    """Return the events a second of one chain for all, if each link waits for the queue's answer before the next."""
    return _number(1_000 / ACK_MS)


def three_acks_ms() -> int:
    """Return the bound for three events one after the other."""
    return 3 * ACK_MS


def open_streams() -> str:
    """Return the open streams at peak: arrivals times duration."""
    return _number(PEAK_REQUESTS_PER_S * ANSWER_TOKENS / TOKENS_PER_S)


def orphans() -> str:
    """Return the streams that a replica leaves open when it dies at peak."""
    return _number(PEAK_REQUESTS_PER_S * ANSWER_TOKENS / TOKENS_PER_S / REPLICAS)


def spool_mb(replicas: int = 1) -> str:
    """Return what replicas hold after an outage of ten minutes at peak."""
    per_s = PEAK_REQUESTS_PER_S * EVENTS_A_REQUEST * EVENT_BYTES / REPLICAS
    return _number(per_s * OUTAGE_MINUTES * 60 * replicas / 1e6)


def backlog_minutes() -> str:
    """Return how long the bound on records lasts at peak, were all of one class."""
    return _number(BACKLOG_RECORDS / (PEAK_REQUESTS_PER_S * EVENTS_A_REQUEST / REPLICAS) / 60, 1)


def backlog_records() -> str:
    """Return the bound."""
    return _number(BACKLOG_RECORDS)


# Seals and proofs


def seals(days: float = 1) -> str:
    """Return the seals of so many days."""
    return _number(days * 24 * 60 / SEAL_MINUTES)


def interval_events(peak: bool = False) -> str:
    """Return the events of an interval, on average or at peak."""
    return _number(_interval(peak))


def _interval(peak: bool) -> float:
    if peak:
        return PEAK_REQUESTS_PER_S * EVENTS_A_REQUEST * SEAL_MINUTES * 60
    return REQUESTS_A_DAY * EVENTS_A_REQUEST * SEAL_MINUTES / (24 * 60)


def interval_mb() -> str:
    """Return an average interval's bytes, in MB."""
    return _number(_interval(False) * EVENT_BYTES / 1e6)


def path_bytes(leaves: float) -> int:
    """Return the largest size of an inclusion proof: one SHA-256 hash for each level."""
    return 32 * math.ceil(math.log2(leaves))


def detect_minutes() -> int:
    """Return the longest from a record's arrival to the page: seal, check, page."""
    return SEAL_MINUTES + CHECK_MINUTES + PAGE_MINUTES


def week_gb() -> str:
    """Return a week's records, which a check of everything reads."""
    return _number(7 * gb_a_day())


def answer_mb() -> str:
    """Return the size of the proofs of one user's week: in each seal at most two entries a class, with their paths."""
    intervals = 7 * 24 * 60 / SEAL_MINUTES
    entries = 2 * len(MONTHS) * (path_bytes(_interval(False)) + 110)
    return _number(intervals * entries / 1e6)


def seals_mb(days: float) -> str:
    """Return the size of the seals of so many days, which an auditor fetches once."""
    return _number(days * 24 * 60 / SEAL_MINUTES * SEAL_KB / 1e3)


def interval_seconds(peak: bool = False) -> str:
    """Return how long one core checks an interval, on average or at peak."""
    return _number(_interval(peak) * CHECK_US / 1e6)


def old_week_hours() -> str:
    """Return the core hours to check and index a week again that is no longer in the index."""
    return _number(7 * REQUESTS_A_DAY * EVENTS_A_REQUEST * CHECK_US / 1e6 / 3_600, 1)


def _full_pass() -> float:
    return (stored_gb("hospital") + stored_gb("standard")) * 1e3 / READ_MB_PER_S / 3_600


def full_pass_hours() -> str:
    """Return how long it takes to compare the digests of the whole stock's objects with their seals."""
    return _number(_full_pass())


def _full_check() -> float:
    events = (stored_gb("hospital") + stored_gb("standard")) * 1e9 / EVENT_BYTES
    return events * CHECK_US / 1e6 / 3_600


def full_check_hours() -> str:
    """Return the core hours to check every event of the whole stock, as the tool does."""
    return _number(_full_check())


def full_check_cores() -> str:
    """Return the cores that check every event in the time in which the digests are compared."""
    return _number(_full_check() / _full_pass())


def cpu_percent(what: str) -> str:
    """Return the share of a core that all events at peak take: to link (with encoding), to sign each, to check."""
    return _number(100 * PEAK_REQUESTS_PER_S * EVENTS_A_REQUEST * microseconds(what) / 1e6, 1)


def microseconds(what: str) -> int:
    """Return what an event was measured to cost: to link (with encoding), to sign, to check."""
    return {"link": ENCODE_US + LINK_US, "sign": SIGN_US, "check": CHECK_US}[what]


# The table of attacks


class Attack(NamedTuple):
    """A row: what is done, what shows it, what misses it, and the tests' names for it."""

    done: str
    shown_by: str
    missed_by: str
    tested: tuple[str, ...]


ATTACKS = (
    Attack(
        "Alter, insert, delete or reorder records, then compute numbers and links again",
        "The roots and heads in the seal",
        "A chain alone: whoever can write can link again",
        (
            "alter",
            "alter, links computed again",
            "delete",
            "delete, numbered again",
            "insert",
            "insert a writer",
            "reorder",
            "another interval's records",
        ),
    ),
    Attack(
        "Change a record in the queue, before it is sealed",
        "Each replica compares the seal with its journal before it trims",
        "Everything after the queue",
        ("change in the queue",),
    ),
    Attack(
        "Cut a writer's tail, or remove a writer",
        "The seal names every stream with its last number",
        "A chain: a shorter one is as valid",
        ("cut one writer's tail", "remove a writer"),
    ),
    Attack(
        "Delete an object or a seal, edit a seal",
        "Seals are numbered and name their objects' digests",
        "A listing of the bucket",
        ("remove an object", "remove a seal", "edit a seal"),
    ),
    Attack(
        "Sign with another key, forge or drop a checkpoint, present another log",
        "One pinned key and name; a new key is signed by the old one",
        "A signature whose key comes with the log",
        ("another key", "forged checkpoint", "no checkpoint", "another log's files"),
    ),
    Attack(
        "Restore an older copy of everything, signatures included",
        "A checkpoint kept elsewhere; without one, only the age of the last seal, after 15 minutes",
        "Chains, seals and signatures: all are valid",
        ("cut everybody's tail", "an older copy"),
    ),
    Attack(
        "With the log's own key: a second history for a second reader",
        "The witness, which signs only what extends its last",
        "Every check above",
        ("a second history",),
    ),
    Attack(
        "Edit the directory, so that a person has another pseudonym, with no records or somebody else's",
        "The person's requests, as billing or the tenant has them; daily, the rows against the logged enrollments",
        "Every proof: it is about a pseudonym",
        ("swap a secret",),
    ),
    Attack(
        "Never hand the event over",
        "Billing's and the engine's own counts",
        "Every check of the log itself",
        ("keep silent",),
    ),
)


def attack_table() -> str:
    """Return the attacks as a Markdown table."""
    rows = ["| What somebody does | What shows it | What misses it |", "| --- | --- | --- |"]
    rows += [f"| {a.done} | {a.shown_by} | {a.missed_by} |" for a in ATTACKS]
    return "\n".join(rows)
