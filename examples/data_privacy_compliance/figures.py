"""Every number on the page, from the setting and from the code's own constants."""

from __future__ import annotations

import math
from typing import Any

from examples.data_privacy_compliance import inventory, law

# The setting
PATIENTS = 4_000_000
CONVERSATIONS_A_YEAR = 9
TURNS = 6
CONVERSATIONS_A_DAY = 100_000
TURNS_A_DAY = 600_000
TOKENS_A_TURN = 1_800 + 400
CLINICS, PERMITTING = 200, 30
OVERFLOW = 0.10
RECALL, IDENTIFIERS = 0.98, 5
LOG_DAYS, BACKUP_DAYS, PROVIDER_DAYS, DRAFT_DAYS = 90, 35, 30, 30
CONTRACT_DAYS = inventory.CONTRACT_DAYS
ORDERS_A_MONTH = 120
JUNE_SET = 200_000

# The design. service.py and backups.py have the same; they need a library that the page's build lacks.
COOLING_DAYS = 3
KEY_BACKUP_DAYS = 7
TEXT_DAYS, VECTOR_DAYS = 7, 90

# Assumptions
BYTES_A_TOKEN = 4
"""Of English text; an estimate."""
KMS_KEY_USD_A_MONTH = 1.0
"""AWS's list price for one customer-managed key."""
KMS_WAIT_DAYS = (7, 30)
"""AWS's bounds for a scheduled key deletion; the upper one is the default."""
VECTOR_BYTES = 1_024 * 4
"""A vector of 1,024 numbers of 4 bytes; an assumption."""
WRAPPED_BYTES = 12 + 32 + 16
"""Nonce, key and tag."""


def _count(value: float) -> str:
    return f"{round(value):,}"


def inventory_table() -> str:
    """Return the inventory as a Markdown table."""
    return inventory.table(inventory.load())


def law_table() -> str:
    """Return the two laws side by side."""
    return law.compare_table(law.load())


def flux_table() -> str:
    """Return what is moving in the law."""
    return law.flux_table(law.load())


def law_checked() -> str:
    """Return the day on which the law was checked."""
    return law.checked()


# The redactor


def leak_share() -> float:
    """Return the share of conversations with an identifier left, if misses are independent."""
    return 1 - RECALL**IDENTIFIERS


def leaks_a_day() -> str:
    """Return the conversations a day that reach the logs with an identifier."""
    return _count(CONVERSATIONS_A_DAY * leak_share())


def leaks_standing() -> str:
    """Return those in the logs at any time."""
    return _count(CONVERSATIONS_A_DAY * leak_share() * LOG_DAYS)


def recall_needed(a_day: int) -> str:
    """Return the recall per identifier that lets at most ``a_day`` conversations through, in percent."""
    return f"{100 * (1 - a_day / CONVERSATIONS_A_DAY) ** (1 / IDENTIFIERS):.3f}"


def leaks_per_clinic() -> str:
    """Return the standing leaks of an average clinic."""
    return _count(CONVERSATIONS_A_DAY * leak_share() * LOG_DAYS / CLINICS)


def log_conversations() -> str:
    """Conversations of one clinic in the logs, redacted or not."""
    return _count(CONVERSATIONS_A_DAY * LOG_DAYS / CLINICS)


# The draft


def draft_turns() -> str:
    """Return the turns that six years keep, in billions."""
    return f"{PATIENTS * CONVERSATIONS_A_YEAR * TURNS * 6 / 1e9:.2f}"


def draft_terabytes() -> str:
    """Return their text, in TB."""
    return f"{PATIENTS * CONVERSATIONS_A_YEAR * TURNS * 6 * TOKENS_A_TURN * BYTES_A_TOKEN / 1e12:.1f}"


def turns_to_erase(retention_days: float = 365) -> str:
    """Return the turns that a month's orders reach, for patients with a full year's or less."""
    return _count(ORDERS_A_MONTH * CONVERSATIONS_A_YEAR * TURNS * min(retention_days, 365) / 365)


def backup_end(deleted_on: int) -> int:
    """Return the day after the order on which the last backup with the row is gone."""
    return deleted_on + BACKUP_DAYS


def late_if(deleted_on: int) -> int:
    """Return the days past the contract until the last backup of a row deleted on that day is gone."""
    return backup_end(deleted_on) - CONTRACT_DAYS


# The keys


def cooling_day() -> int:
    """Return the day after the order on which the key is destroyed."""
    return COOLING_DAYS


def final_day() -> int:
    """Return the day after the order on which the last backup of the key is gone."""
    return COOLING_DAYS + KEY_BACKUP_DAYS


def tail(days: int) -> int:
    """Return the days after which the last backup of a text with that retention is gone."""
    return days + BACKUP_DAYS


def kms_keys_usd() -> str:
    """Return the monthly price of one KMS key a patient."""
    return f"${PATIENTS * KMS_KEY_USD_A_MONTH:,.0f}"


def clinic_keys_usd() -> str:
    """Return the monthly price of one KMS key a clinic."""
    return f"${CLINICS * KMS_KEY_USD_A_MONTH:,.0f}"


def key_table_mb() -> int:
    """Return the wrapped keys of all patients, in MB."""
    return round(PATIENTS * WRAPPED_BYTES / 1e6)


def kms_final_day(default: bool = False) -> int:
    """Return the day after the order on which a KMS key, scheduled after the cooling, is gone."""
    return COOLING_DAYS + KMS_WAIT_DAYS[default]


def vectors_a_patient() -> str:
    """Return a patient's vectors within the retention, one a turn."""
    return f"{CONVERSATIONS_A_YEAR * TURNS * VECTOR_DAYS / 365:.0f}"


def vector_kilobytes() -> int:
    """Return a patient's vectors within the retention, in kB."""
    return round(CONVERSATIONS_A_YEAR * TURNS * VECTOR_DAYS / 365 * VECTOR_BYTES / 1000)


def replayed() -> int:
    """Return the erasures that a restore of the oldest backup replays."""
    return round(ORDERS_A_MONTH * 12 / 365 * BACKUP_DAYS)


# Weights and samples


def june_unpermitted() -> str:
    """Return the June conversations without permission, if clinics are alike."""
    return _count(JUNE_SET * (1 - PERMITTING / CLINICS))


def in_june_set() -> float:
    """Return the chance that a patient is in the set: conversations in June times the share taken, as a Poisson rate."""
    taken = JUNE_SET / (PATIENTS * CONVERSATIONS_A_YEAR / 12)
    return 1 - math.exp(-CONVERSATIONS_A_YEAR / 12 * taken)


def orders_in_weights() -> str:
    """Return the orders a month that reach the adapter."""
    return f"{ORDERS_A_MONTH * in_june_set():.1f}"


# The provider


def provider_turns() -> str:
    """Return the turns in the provider's log at any time, in millions."""
    return f"{TURNS_A_DAY * OVERFLOW * PROVIDER_DAYS / 1e6:.1f}"


def touched_share() -> float:
    """Return the share of conversations with any turn at the provider, if turns overflow independently."""
    return 1 - (1 - OVERFLOW) ** TURNS


def percent(of: str) -> str:
    """Return one of this module's shares as a percentage with one decimal."""
    return f"{100 * float(globals()[of]()):.1f}"


def deletion_chart() -> dict[str, Any]:
    """Return the chart of days from a clinic's order to the end of each copy, under the draft and the design."""
    ends = [
        ("Conversations", DRAFT_DAYS, COOLING_DAYS),
        ("Vectors", DRAFT_DAYS, COOLING_DAYS),
        ("Answer cache", 7, 0),
        ("Traces", LOG_DAYS, COOLING_DAYS),
        ("Backups", backup_end(DRAFT_DAYS), final_day()),
        ("Training rows", DRAFT_DAYS, COOLING_DAYS),
        ("Evaluation", DRAFT_DAYS, COOLING_DAYS),
        ("Provider's log", PROVIDER_DAYS, 0),
    ]
    values = [
        {"copy": copy, "plan": plan, "days": days, "due": CONTRACT_DAYS}
        for copy, draft, design in ends
        for plan, days in (("Draft", draft), ("Keys", design))
    ]
    order = [copy for copy, _, _ in ends]
    y = {"field": "copy", "type": "nominal", "sort": order, "title": None}
    return {
        "title": f"Under the draft {sum(d > CONTRACT_DAYS for _, d, _ in ends)} of {len(ends)} copies outlive the "
        f"contract's {CONTRACT_DAYS} days; with keys all {len(ends)} end by day {max(k for _, _, k in ends)} (adapters: next retraining)",
        "description": "Days from the clinic's order until each copy can no longer be read, as points: circles for the "
        f"draft, from 7 for the answer cache to {LOG_DAYS} for traces; diamonds for keys, 0 to {final_day()}. A line "
        f"marks the contract's {CONTRACT_DAYS} days. The KV cache on disk and the adapter have no end under the draft.",
        "data": {"values": values},
        "usermeta": {"columns": {"copy": "Copy", "plan": "Plan", "days": "Days after the order"}},
        "height": 220,
        "layer": [
            {
                "mark": {"type": "rule", "strokeDash": [4, 3], "color": "#5c6679"},
                "encoding": {"x": {"field": "due", "type": "quantitative", "aggregate": "max"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                "encoding": {
                    "x": {"field": "days", "type": "quantitative", "title": "Days after the order"},
                    "y": y,
                    "color": {
                        "field": "plan",
                        "type": "nominal",
                        "title": None,
                        "scale": {"domain": ["Draft", "Keys"], "range": ["#ab4e1a", "#3f5b9e"]},
                    },
                    "shape": {
                        "field": "plan",
                        "type": "nominal",
                        "title": None,
                        "scale": {"domain": ["Draft", "Keys"], "range": ["circle", "diamond"]},
                    },
                },
            },
        ],
    }
