"""Every number on the page, computed from the setting, the plan's files and the assumptions named here."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from examples.incident_response import capacity, plan, probes, recovery, setting, timeline

# What the plan aims at: one full outage at peak spends at most half of the budget.
TARGET = {"detect": 3, "acknowledge": 3, "mitigate": 7}
TODAY = {
    "detect": setting.DETECT_MIN,
    "acknowledge": setting.ACKNOWLEDGE_MIN,
    "mitigate": setting.MITIGATE_MIN,
}
BURN, BURN_WINDOW_MIN = 14.4, 60
PROBES_A_MINUTE = 10
PROBE_FAILURES = 3
FLAKE = 0.001
"""Assumption: share of front-door probes that fail while all is well."""
GPU_HOUR = 2.50
"""Assumption: dollars for one H200 for an hour."""


def _table(head: str, rows: list[tuple[Any, ...]], align: str = "") -> str:
    columns = [cell.strip() for cell in head.split("|")]
    marks = ["---:" if align[i : i + 1] == "r" else "---" for i in range(len(columns))]
    lines = [columns, marks, *[[str(cell) for cell in row] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _percent(share: float) -> str:
    return f"{share * 100:.0f}%"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


@cache
def _plan() -> plan.Plan:
    return plan.load()


# --- The clock ----------------------------------------------------------------------------------------------------


def budget() -> str:
    return f"{setting.budget_requests():,.0f}"


def budget_minutes(rps: float) -> str:
    return f"{setting.budget_minutes(rps):.4g}"


def spent(minutes: float, rps: float) -> float:
    """Share of the window's budget that `rps` failing requests a second spend in so many minutes."""
    return minutes * 60 * rps / setting.budget_requests()


def spent_percent(minutes: float, rps: float) -> str:
    return _percent(spent(minutes, rps))


def typical() -> int:
    return sum(TODAY.values())


def target() -> int:
    return sum(TARGET.values())


def mitigate_share() -> str:
    return _percent(setting.MITIGATE_MIN / typical())


def mitigation_saved() -> int:
    """Minutes between last year's mitigation and the target."""
    return TODAY["mitigate"] - TARGET["mitigate"]


def clock_table() -> str:
    """What each change alone, and all together, leaves of the budget."""
    rows = []
    for name, change in (
        ("Last year", {}),
        ("Acknowledged at once", {"acknowledge": 0}),
        ("Detected in 3 minutes", {"detect": TARGET["detect"]}),
        ("Levers pulled unasked", {"mitigate": TARGET["mitigate"]}),
        ("**All three, as targets**", TARGET),
    ):
        times = {**TODAY, **change}
        total = sum(times.values())
        rows.append(
            (
                name,
                " + ".join(str(times[key]) for key in TODAY) + f" = {total}",
                *(
                    spent_percent(total, rps)
                    for rps in (setting.MEAN_RPS, setting.peak_rps(), setting.PEAK["us"])
                ),
            )
        )
    return _table("Change | Minutes | All fail, mean | All fail, peak | US fails, peak", rows, "lrrrr")


def wrong_requests() -> str:
    return f"{setting.WRONG_OUTPUT_HOURS * 3600 * setting.MEAN_RPS:,.0f}"


def wrong_budgets() -> str:
    return f"{setting.WRONG_OUTPUT_HOURS * 3600 * setting.MEAN_RPS / setting.budget_requests():.1f}"


def canary_spent() -> str:
    """Of the budget, by a bad version on one replica of ten in each region at peak: detection, then a minute of draining."""
    rps = setting.peak_rps() / setting.REPLICAS
    minutes = TARGET["detect"] + _plan().levers["drain-version"].takes_min
    return f"{spent(minutes, rps) * 100:.1f}%"


def drained_wrong_share() -> str:
    """Of a region's answers in five minutes, by one wrong replica until its drain is done, at most."""
    minutes = PROBE_FAILURES + _plan().levers["drain-version"].takes_min
    return _percent(minutes / 5 / setting.REPLICAS)


# --- Detection ----------------------------------------------------------------------------------------------------


def burn_minutes(failing: float) -> float:
    """Minutes until the long window of the burn-rate alert is over its threshold, from a clean start."""
    return BURN * (1 - setting.TARGET) * BURN_WINDOW_MIN / failing


def burn_at(failing: float) -> str:
    return f"{burn_minutes(failing):.1f}"


def probe_table() -> str:
    rows = []
    for wrong, what in (
        (1.0, "All (one replica, probed directly once a minute, takes 3 minutes)"),
        (0.2, "One answer in five"),
        (0.1, "One replica of a region, through the front door"),
        (0.05, "One replica of all"),
    ):
        n = probes.probes_needed(wrong, PROBE_FAILURES)
        fires = probes.probes_to_fire(wrong, PROBE_FAILURES, 3 * PROBES_A_MINUTE)
        rows.append((what, _percent(wrong), n, f"{fires / PROBES_A_MINUTE:.1f}"))
    return _table(
        "Wrong answers | Share | Probes until 3 fail, at 95% | Minutes until 3 of the last 30 do, at 95%",
        rows,
        "lrrr",
    )


def probe_load() -> str:
    """Requests/s of all probes: ten a minute per front door, one a minute per replica."""
    per_minute = 2 * PROBES_A_MINUTE + 2 * setting.REPLICAS
    return f"{per_minute / 60:.2f}"


def false_pages_a_year() -> str:
    """Upper bound, over both regions."""
    window = 3 * PROBES_A_MINUTE
    per_day = probes.false_pages(FLAKE, PROBE_FAILURES, window, PROBES_A_MINUTE * 1440)
    return f"{per_day * 365 * 2:.0f}"


# --- Capacity -----------------------------------------------------------------------------------------------------


def spare(region: str, ceiling: float = 1.0) -> str:
    return f"{ceiling * setting.REGION_RPS - setting.PEAK[region]:.0f}"


def fallback(max_output: int | None = None) -> str:
    """Requests/s within the token quota; with `max_output`, if the provider reserves that much output."""
    if max_output is None:
        return f"{setting.fallback_rps():.1f}"
    return f"{setting.FALLBACK_TOKENS_PER_MIN / (1_600 + max_output) / 60:.1f}"


def short(lost: str) -> str:
    """Requests/s without a place when nothing is shed and the survivor runs full; negative: places left over."""
    placed = capacity.failover(lost, setting.PEAK, shed_free=False, use_fallback=lost == "us", ceiling=1.0)
    return f"{placed.short:.1f}"


def without_provider(what: str) -> str:
    """US lost at peak without the provider, the free tier refused in both regions: requests/s moved or short."""
    demand = {"us": setting.PEAK["us"], "eu": setting.PEAK["eu"] * (1 - setting.FREE_SHARE)}
    placed = capacity.failover("us", demand, shed_free=True, use_fallback=False)
    return _number({"moved": placed.moved, "short": placed.short}[what])


def failover_table() -> str:
    """Each region lost, with the plan's levers and without shedding; survivors filled to the ceiling."""
    means = {region: setting.region_mean(region) for region in setting.PEAK}
    rows = []
    for lost, demand, when, shed in (
        ("us", setting.PEAK, "peak, nothing shed", False),
        ("us", setting.PEAK, "peak, free shed", True),
        ("eu", setting.PEAK, "peak, free shed", True),
        ("us", means, "mean, nothing shed", False),
        ("eu", means, "mean, nothing shed", False),
    ):
        p = capacity.failover(lost, demand, shed_free=shed)
        minutes = setting.budget_minutes(p.refused) if p.refused else float("inf")
        rows.append(
            (
                f"{lost.upper()}, {when}",
                *(_number(value) for value in (p.total, p.moved, p.fallback, p.shed, p.pinned, p.short)),
                "never" if minutes == float("inf") else f"{minutes:.0f} min",
            )
        )
    head = "Lost | Demand | Other region | Provider | Free, refused | Pinned, refused | No place | Budget gone in"
    return _table(head, rows, "lrrrrrrr")


def failover_diagram() -> str:
    """Both losses at peak, as a Mermaid fence."""
    us = capacity.failover("us", setting.PEAK, shed_free=True)
    eu = capacity.failover("eu", setting.PEAK, shed_free=True)
    return f"""```mermaid
flowchart TD
    accTitle: What each region loss carries at peak
    accDescr: Two separate cases. US lost: of {us.total:.0f} requests a second, {us.moved:.0f} go to the EU region, {us.fallback:.0f} to the provider, and {us.shed:.0f} of the free tier are refused. EU lost: of {eu.total:.0f}, {eu.moved:.0f} go to the US region, {eu.shed:.0f} of the free tier and {eu.pinned:.0f} pinned requests a second are refused. The provider fails on its own, and so does each region.
    subgraph one[US lost: {us.total:.0f}/s]
        a[US] -->|{us.moved:.0f}/s| b[EU, own {setting.PEAK["eu"]:.0f}<br>ceiling {setting.CEILING * setting.REGION_RPS:.0f}]
        a -->|{us.fallback:.0f}/s| c[Provider<br>quota {setting.fallback_rps():.1f}]
        a -->|{us.shed:.0f}/s free| d[503]
    end
    subgraph two[EU lost: {eu.total:.0f}/s]
        e[EU] -->|{eu.moved:.0f}/s| f[US, own {setting.PEAK["us"]:.0f}<br>ceiling {setting.CEILING * setting.REGION_RPS:.0f}]
        e -->|{eu.shed:.0f}/s free| g[503]
        e -->|{eu.pinned:.0f}/s pinned| g
    end
    one ~~~ two
```"""


def moderation(what: str) -> str:
    served, refused = capacity.moderation_down(setting.peak_rps())
    return f"{served if what == 'served' else refused:.0f}"


def replicas(region: str) -> int:
    """Replicas that carry the region's peak at their full rate."""
    return capacity.replicas_needed(setting.PEAK[region])


def retry_table() -> str:
    rows = []
    for what, fresh, room in (
        ("EU lost, all that may move sent to the US", 62.0, 60.0),
        ("US lost, everything sent to the EU", 80.0, 60.0),
        ("US lost, nothing moved", 44.0, 0.0),
    ):
        sent = capacity.offered(fresh, room) if room else fresh * capacity.attempts(1.0)
        rows.append((what, f"{fresh:.0f}", f"{room:.0f}", f"{sent:.0f}", f"{sent / fresh:.1f}"))
    return _table("Case | Fresh requests/s | Capacity | Attempts/s | Factor", rows, "lrrrr")


def offered(fresh: float, room: float) -> str:
    return f"{capacity.offered(fresh, room):.0f}"


def cold() -> str:
    return f"{recovery.cold_rps():.0f}"


def eu_cell_gpus() -> int:
    """GPUs of a second EU cell that carries the pinned traffic at peak, at the ceiling."""
    pinned = setting.PEAK["eu"] * setting.EU_PINNED_SHARE
    return capacity.replicas_needed(pinned / setting.CEILING) * setting.GPUS_PER_REPLICA


def eu_cell_dollars() -> str:
    return f"{eu_cell_gpus() * GPU_HOUR * 24 * setting.DAYS:,.0f}"


def eu_cell_break_even_millions() -> str:
    """The pinned customers' monthly bill at which one 10% credit a year pays for the cell."""
    return f"{eu_cell_gpus() * GPU_HOUR * 24 * 365 / 0.10 / 1e6:.1f}"


def shed_budget_hours() -> str:
    """Hours of refusing all free traffic at peak that spend the budget."""
    return f"{setting.budget_minutes(setting.peak_rps() * setting.FREE_SHARE) / 60:.1f}"


def credit_minutes(days: int, below: float = 0.999) -> str:
    """Minutes of full outage at even traffic in a month of so many days, until a credit is owed."""
    return f"{days * 1440 * (1 - below):.1f}"


def pinned_average(hours: float) -> str:
    """Availability over all customers in 31 days, if the pinned EU traffic alone failed for so many hours."""
    share = setting.PEAK["eu"] * setting.EU_PINNED_SHARE / setting.peak_rps()
    return f"{(1 - share * hours / (31 * 24)) * 100:.2f}%"


def largest_share(average: float, customer: float) -> str:
    """Of all traffic, what a customer with this availability can have at most, given the average."""
    return f"{(1 - average) / (1 - customer) * 100:.1f}%"


# --- The plan, as tables ------------------------------------------------------------------------------------------


def severity_table() -> str:
    rows = []
    for name, row in _plan().severities.items():
        bounds = row.at_least
        numbers = [
            f"bad {bounds['bad_share'] * 100:g}%",
            f"wrong {bounds['wrong_share'] * 100:g}%",
            f"spend x{bounds['spend_ratio']:g}",
        ]
        if "foreign_data_reports" in bounds:
            numbers.append("1 report of foreign data; 1 unmoderated")
        reach = "page" if row.pages else "ticket"
        notice = f"notice {row.notice_min} min, then every {row.update_min}" if row.notice_min else "none"
        shown = "the rest" if not any(bounds.values()) else ", ".join(numbers)
        rows.append((name.upper(), shown, row.means, reach, notice))
    return _table("Level | From, by region over 5 min | Means | Reaches | Public", rows)


def escalation_table() -> str:
    e = _plan().escalation
    rows = []
    for name, steps in e.paths.items():
        used = [level.upper() for level, row in _plan().severities.items() if row.path == name]
        told = "; ".join(f"{step.after_min} min: {', '.join(step.notify)}" for step in steps)
        rows.append((", ".join(used), told))
    for kind, also in e.classes.items():
        rows.append((f"class {kind}, SEV1 and SEV2", f"also at 0 min: {', '.join(also.also)}"))
    return _table("For | Told, until somebody acknowledges", rows)


def level_table() -> str:
    rows = []
    bound: float | None = None
    for level in _plan().levels:
        low = level.own_over_demand
        if low is None:
            span = "any"
        elif bound is None:
            span = f"from {low:g}"
        elif low == 0:
            span = "0"
        else:
            span = f"{low:g} to {bound:g}" if low > 0.1 else f"under {bound:g}"
        bound = low
        levers = ", ".join(level.levers) or "none"
        rows.append((level.name, span, level.served, level.refused, levers))
    return _table("Level | Own capacity over demand | Served | Refused | Levers", rows)


def lever_table() -> str:
    rows = [
        (f"`{name}`", lever.pulled_by, f"{lever.takes_min} min", lever.before, lever.check, lever.undo)
        for name, lever in _plan().levers.items()
    ]
    return _table("Lever | Pulled unasked by | Takes | Before | Check after | Undo", rows)


def symptom_table() -> str:
    rows = [(symptom.shows, symptom.signal, ", ".join(symptom.levers)) for symptom in _plan().symptoms]
    return _table("What shows | Where | Levers, in order", rows)


# --- The worked incident ------------------------------------------------------------------------------------------


@cache
def _moments() -> tuple[timeline.Moment, ...]:
    return tuple(timeline.play())


def incident_table() -> str:
    rows = [
        (
            f"{moment.at:%H:%M}",
            f"{moment.minute:g}",
            moment.what,
            f"{moment.refused_rps:g}",
            f"{moment.spent * 100:.0f}%",
        )
        for moment in _moments()
    ]
    return _table("UTC | Minute | Event | Refused/s | Budget gone", rows, "rrlrr")


def incident(what: str) -> str:
    """One figure of the worked incident, as text."""
    moments = _moments()
    last = moments[-1]
    detect, acknowledge, mitigate = timeline.stretches(list(moments))
    if what in ("detect", "acknowledge", "mitigate"):
        return f"{ {'detect': detect, 'acknowledge': acknowledge, 'mitigate': mitigate}[what]:g}"
    if what == "spent":
        return _percent(last.spent)
    if what == "free share":
        return _percent(last.lost["us-free"] / sum(last.lost.values()))
    if what == "contract availability":
        return f"{_us_contract(last.lost['us-contract']) * 100:.2f}%"
    if what == "old spent":
        return spent_percent(typical(), setting.PEAK["us"])
    if what == "old availability":
        return f"{_us_contract(_old_contract_lost()) * 100:.2f}%"
    if what == "credit":
        return f"{setting.credit_percent(_us_contract(last.lost['us-contract']))}%"
    if what == "old credit":
        return f"{setting.credit_percent(_us_contract(_old_contract_lost()))}%"
    raise KeyError(what)


def _us_contract(lost: float) -> float:
    """Availability of US contract customers in June, 30 days, at their mean requests/s."""
    return timeline.availability(lost, setting.region_mean("us") * (1 - setting.FREE_SHARE), 30)


def _old_contract_lost() -> float:
    return setting.PEAK["us"] * (1 - setting.FREE_SHARE) * typical() * 60


# --- Charts -------------------------------------------------------------------------------------------------------


def budget_chart() -> dict[str, Any]:
    """The worked incident's spending, beside the same loss under last year's times."""
    moments = _moments()
    rows = []
    for minute in range(0, 62, 2):
        before = [moment for moment in moments if moment.minute <= minute][-1]
        planned = before.spent + spent(minute - before.minute, before.refused_rps)
        old = spent(min(minute, typical()), setting.PEAK["us"])
        rows.append({"minute": minute, "old": round(old * 100, 1), "plan": round(planned * 100, 1)})
    return {
        "title": "US lost at peak: last year's times spend the month's budget before anything is mitigated.",
        "description": (
            "Share of the 30-day error budget spent, against minutes since onset, for the US region lost at peak. "
            f"With last year's times it passes 100% at minute {setting.budget_minutes(setting.PEAK['us']):.0f} and ends at "
            f"{rows[-1]['old']}%. With the plan it bends at minutes 7 and 9, flattens from minute 49, and ends at {rows[-1]['plan']}%."
        ),
        "data": {"values": rows},
        "usermeta": {
            "columns": {
                "minute": "Minute",
                "old": "Last year's times, % of budget",
                "plan": "The plan, % of budget",
            }
        },
        "transform": [
            {"fold": ["old", "plan"], "as": ["key", "spent"]},
            {"calculate": "datum.key == 'old' ? 'last year' : 'the plan'", "as": "times"},
        ],
        "layer": [
            {
                "mark": "line",
                "encoding": {
                    "x": {"field": "minute", "type": "quantitative", "title": "Minutes since onset"},
                    "y": {"field": "spent", "type": "quantitative", "title": "Budget spent (%)"},
                    "color": {"field": "times", "type": "nominal", "title": None},
                    "strokeDash": {"field": "times", "type": "nominal", "title": None},
                },
            },
            {"mark": {"type": "rule", "color": "#5c6679"}, "encoding": {"y": {"datum": 100}}},
        ],
    }


@cache
def _recoveries() -> dict[str, list[recovery.Second]]:
    return {
        "once": recovery.simulate(recovery.all_at_once()),
        "bounded": recovery.simulate(recovery.all_at_once_bounded()),
        "staged": recovery.simulate(recovery.staged()),
    }


def recovery_wasted_rps() -> str:
    """Requests/s that are served too late, 25 minutes after all at once."""
    return f"{_recoveries()['once'][1500].wasted:.0f}"


def recovery_chart() -> dict[str, Any]:
    names = {"once": "all at once", "bounded": "bounded queue", "staged": "steps"}
    rows = []
    for i in range(0, 1800, 60):
        row: dict[str, Any] = {"minute": i // 60 + 1}
        for key, history in _recoveries().items():
            row[key] = round(sum(second.good for second in history[i : i + 60]) / 60, 1)
        rows.append(row)
    return {
        "title": "All traffic plus a two-minute backlog at once keeps a region at zero, long after capacity exceeds demand.",
        "description": (
            "Requests a second answered in time, by minute after the US region is back, in a model. All at once "
            "falls to 0 within a minute and stays there for the 30 minutes shown. With a bounded queue it serves "
            "at capacity from the start. In steps of 10, 25, 50 and 100% it rises to the full 44 after about six "
            "minutes, then serves the backlog too."
        ),
        "data": {"values": rows},
        "usermeta": {
            "columns": {
                "minute": "Minute",
                "once": "All at once, requests/s",
                "bounded": "All at once, bounded queue, requests/s",
                "staged": "In steps, requests/s",
            }
        },
        "transform": [
            {"fold": list(names), "as": ["key", "good"]},
            {"calculate": f"({json.dumps(names)})[datum.key]", "as": "way"},
        ],
        "mark": "line",
        "encoding": {
            "x": {"field": "minute", "type": "quantitative", "title": "Minutes since the region is back"},
            "y": {"field": "good", "type": "quantitative", "title": "Answered in time (requests/s)"},
            "color": {"field": "way", "type": "nominal", "title": None},
            "strokeDash": {"field": "way", "type": "nominal", "title": None},
        },
    }
