"""What the page computes. The setting's numbers are its own; prices and rates that it lacks are named as estimates."""

from __future__ import annotations

from typing import Any

from examples.compliance_automation import sizing

CONTROLS = {"configuration": 54, "records": 31, "judgment": 43}
RULES, RESOURCES, SCANS = 85, 220, 96
FAILURES = {"spot": 190, "excepted": 60, "real": 30}
LAUNCHES, LIFE = 500, 50
PROMOTIONS, EVALUATED, PROMPTS = 45, 41, 120
SAMPLE = 25
BEFORE, TARGET = 1080, 270
PRODUCT = 48_000
ENGINEERS, QUARTERS = 2, 2
WEEKS_LEFT, WEEKS_PERIOD = 8, 52
KEPT_DAYS = 730

# Estimates, so named on the page.
BYTES_A_RESULT = 1_000
BYTES_A_RECORD = 20_000
BYTES_A_SNAPSHOT = 500
RATE = 110
UPKEEP_HOURS = 400
WAIT, COLLECT, ACKNOWLEDGE = 15, 5, 15


def _percent(share: float, digits: int = 1) -> str:
    return f"{share * 100:.{digits}f}%"


def controls(kind: str = "all") -> int:
    return sum(CONTROLS.values()) if kind == "all" else CONTROLS[kind]


def share(kind: str) -> str:
    """Of all controls."""
    return _percent(CONTROLS[kind] / controls())


def machine() -> str:
    """Configuration and records together: controls, and their share."""
    count = CONTROLS["configuration"] + CONTROLS["records"]
    return f"{count} ({_percent(count / controls())})"


def perfect_score() -> str:
    """A dashboard that shows the share of those that ran: all configuration passes, nothing else ran."""
    return _percent(CONTROLS["configuration"] / CONTROLS["configuration"], 0)


# --- Scans --------------------------------------------------------------------------------------------------------


def evaluations(per: str = "day") -> str:
    run = RULES * RESOURCES
    return f"{run if per == 'run' else run * SCANS:,}"


def raw_gb(per: str = "day") -> str:
    """Every evaluation kept: a day in GB, or 24 months in TB."""
    day = RULES * RESOURCES * SCANS * BYTES_A_RESULT / 1e9
    return f"{day:.1f}" if per == "day" else f"{day * KEPT_DAYS / 1e3:.2f}"


def evidence_gb() -> str:
    """Records of runs, and each snapshot at most once a day (unchanged ones are kept once), over 24 months."""
    records = SCANS * BYTES_A_RECORD
    snapshots = RULES * RESOURCES * BYTES_A_SNAPSHOT
    return f"{(records + snapshots) * KEPT_DAYS / 1e9:.1f}"


def alerts(what: str) -> str:
    total = sum(FAILURES.values())
    real = FAILURES["real"]
    return {
        "precision": _percent(real / total),
        "without spot": _percent(real / (total - FAILURES["spot"])),
        "a day": f"{total * SCANS:,}",
        "causes": f"{FAILURES['spot'] / sizing.concurrent(LAUNCHES, LIFE):.0f}",
    }[what]


def concurrent() -> str:
    return f"{sizing.concurrent(LAUNCHES, LIFE):.1f}"


def seen(interval: int, lives: str) -> str:
    return _percent(_seen(interval, lives))


def unseen_a_day(interval: int, lives: str) -> str:
    return f"{LAUNCHES * (1 - _seen(interval, lives)):.0f}"


def launches_a_year() -> str:
    return f"{LAUNCHES * 365:,}"


def _seen(interval: int, lives: str) -> float:
    return (sizing.seen_fixed if lives == "fixed" else sizing.seen_exponential)(interval, LIFE)


def seen_chart() -> dict[str, Any]:
    rows = [
        {
            "minutes": minutes,
            "fixed": round(_seen(minutes, "fixed") * 100, 1),
            "exponential": round(_seen(minutes, "exponential") * 100, 1),
        }
        for minutes in (5, 10, 15, 30, 45, 50, 60, 90, 120, 180, 240, 360, 720, 1440)
    ]
    return {
        "title": "A scan sees fewer short-lived nodes the rarer it is; launch events do not depend on it.",
        "description": (
            "Share of spot launches that a scan ever sees, by minutes between scans, for a mean life of 50 minutes. "
            f"With exponential lives: {rows[2]['exponential']}% at 15 minutes, {rows[6]['exponential']}% at 60 and "
            f"{rows[-1]['exponential']}% at 1,440. With a fixed life of 50 minutes: 100% up to 50 minutes, then "
            f"falling to the same {rows[-1]['fixed']}%."
        ),
        "data": {"values": rows},
        "usermeta": {
            "columns": {
                "minutes": "Minutes between scans",
                "exponential": "Lives exponential, % seen",
                "fixed": "All live 50 min, % seen",
            }
        },
        "transform": [
            {"fold": ["exponential", "fixed"], "as": ["key", "seen"]},
            {"calculate": "datum.key == 'fixed' ? 'all live 50 min' : 'lives exponential'", "as": "lives"},
        ],
        "mark": "line",
        "encoding": {
            "x": {
                "field": "minutes",
                "type": "quantitative",
                "scale": {"type": "log"},
                "axis": {"values": [5, 15, 60, 240, 1440]},
                "title": "Minutes between scans (logarithmic)",
            },
            "y": {"field": "seen", "type": "quantitative", "title": "Launches ever seen (%)"},
            "color": {"field": "lives", "type": "nominal", "title": None},
            "strokeDash": {"field": "lives", "type": "nominal", "title": None},
        },
    }


# --- Populations and samples --------------------------------------------------------------------------------------


def promotions(what: str) -> str:
    return {
        "pass": _percent(EVALUATED / PROMOTIONS),
        "of all": _percent(EVALUATED / (PROMOTIONS + PROMPTS)),
        "changes": f"{PROMOTIONS + PROMPTS}",
        "changes a year": f"{(PROMOTIONS + PROMPTS) * 12:,}",
        "a year": f"{PROMOTIONS * 12}",
        "missing a year": f"{(PROMOTIONS - EVALUATED) * 12}",
        "outside": _percent(PROMPTS / (PROMOTIONS + PROMPTS)),
        "a workday": f"{PROMPTS * 12 / 260:.1f}",
    }[what]


def misses(months: int = 1) -> str:
    """Probability that 25 samples of so many months' promotions show none of those without evaluation."""
    bad = (PROMOTIONS - EVALUATED) * months
    return _percent(sizing.sample_misses(PROMOTIONS * months, bad, SAMPLE), 2 if months == 1 else 1)


def expected_hits() -> str:
    return f"{SAMPLE * (PROMOTIONS - EVALUATED) / PROMOTIONS:.1f}"


def not_excluded(confidence: float = 0.90) -> str:
    return _percent(sizing.rate_not_excluded(SAMPLE, confidence))


# --- Time ---------------------------------------------------------------------------------------------------------


def reach(scans_missed: int = 0) -> int:
    """Worst minutes from a failure to its owner, with scans missed: wait, collect, escalation to a second person."""
    return WAIT * (1 + scans_missed) + COLLECT + ACKNOWLEDGE


def late_changes() -> str:
    """Changes in the part of the period that passes before everything is built."""
    months = late_weeks() / WEEKS_PERIOD * 12
    return f"{months * (PROMOTIONS + PROMPTS):.0f}"


def late_weeks() -> int:
    return QUARTERS * 13 - WEEKS_LEFT


def late_share() -> str:
    return _percent(late_weeks() / WEEKS_PERIOD)


def build_hours(first: bool = False) -> str:
    weeks = WEEKS_LEFT if first else QUARTERS * 13
    return f"{ENGINEERS * weeks * 40:,}"


# --- Money --------------------------------------------------------------------------------------------------------


def hours(what: str) -> str:
    each = BEFORE / controls()
    left = CONTROLS["judgment"] * each
    return {
        "saved": f"{BEFORE - TARGET:,}",
        "each": f"{each:.1f}",
        "judgment": f"{left:.0f}",
        "cut": _percent(1 - TARGET / left, 0),
    }[what]


def money(what: str, rate: int = RATE) -> str:
    saved = (BEFORE - TARGET) * rate
    upkeep = UPKEEP_HOURS * rate
    return {
        "saved": f"${saved:,}",
        "build": f"${_build_hours() * rate:,}",
        "net with upkeep": f"${PRODUCT + upkeep - saved:,}",
    }[what]


def payback(rate: int = RATE, upkeep: bool = False) -> str:
    cost = PRODUCT + (UPKEEP_HOURS * rate if upkeep else 0)
    years = sizing.payback_years(_build_hours(), BEFORE - TARGET, rate, cost)
    return "never" if years is None else f"{years:.1f}"


def _build_hours() -> int:
    return ENGINEERS * QUARTERS * 13 * 40
