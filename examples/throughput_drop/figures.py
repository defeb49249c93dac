"""Every number on the page, read from the evidence with `queries.sql` or computed from the setting."""

from __future__ import annotations

import csv
import re
import sqlite3
from functools import cache
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from examples.throughput_drop import decision, lab, setting, stats
from examples.throughput_drop.decision import Plan

HERE = Path(__file__).parent
GATE_AT = 0.95
"""Least saturated throughput of a candidate, as a share of the old build's."""
PLANS = {
    "Roll back at 15:00, spares serve": Plan(setting.ROLLBACK, spares=True),
    "Roll back at 15:00, spares stay out": Plan(setting.ROLLBACK),
    "Debug first, roll back at 15:30": Plan(setting.ROLLBACK + 30, spares=True),
    "Debug first, roll back at 16:00": Plan(setting.ROLLBACK + 60, spares=True),
    "Never": Plan(None),
}
BEFORE, AFTER = "13:50-14:00", "14:45-15:00"
"""The periods of hosts.csv."""
DASHES = [[1, 0], [6, 3], [2, 3], [10, 3, 2, 3]]


def _table(head: str, rows: list[tuple[Any, ...]], align: str) -> str:
    columns = [cell.strip() for cell in head.split("|")]
    marks = ["---:" if mark == "r" else "---" for mark in align]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in [columns, marks, *rows])


def clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02d}"


@cache
def database() -> sqlite3.Connection:
    """The evidence's CSV files as tables of their names; numbers as numbers, empty cells as NULL."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.row_factory = sqlite3.Row
    for file in sorted((HERE / "evidence").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            header, *rows = csv.reader(lines)
        connection.execute(f"CREATE TABLE {file.stem} ({', '.join(f'{name} NUMERIC' for name in header)})")
        marks = ", ".join("?" * len(header))
        connection.executemany(
            f"INSERT INTO {file.stem} VALUES ({marks})", [[cell or None for cell in row] for row in rows]
        )
    return connection


@cache
def query(name: str) -> list[dict[str, Any]]:
    """What the section `name` of queries.sql finds."""
    text = (HERE / "queries.sql").read_text(encoding="utf-8")
    section = re.search(rf"\[start:{name}\]\n(.*?)^-- --8<-- \[end:{name}\]", text, re.DOTALL | re.MULTILINE)
    if section is None:
        raise ValueError(f"queries.sql has no section {name}")
    return [dict(row) for row in database().execute(section[1])]


def ask(sql: str) -> list[sqlite3.Row]:
    return database().execute(sql).fetchall()


# --- Stage 1: the number ------------------------------------------------------------------------------------------


def count_table() -> str:
    before, after = query("count")
    rows = []
    for label, column, form in (
        ("Engines' counters, tokens/s", "engine_tokens_s", "{:,.0f}"),
        ("Gateway's own count, tokens/s", "gateway_tokens_s", "{:,.0f}"),
        ("Replicas in the sum", "replicas", "{}"),
        ("Requests/s that came", "requests_s", "{:.0f}"),
        ("Requests/s not refused", "served_s", "{:.0f}"),
        ("Tokens a finished stream", "tokens_a_stream", "{:.0f}"),
    ):
        rows.append((label, *(form.format(row[column]) for row in (before, after))))
    return _table("Minute | 13:55 | 14:50", rows, "lrr")


def tokens_by_minute() -> dict[str, Any]:
    found = ask(
        "SELECT time, SUM(output_tokens) / 60.0 AS tokens FROM fleet WHERE time < '15:00' GROUP BY time"
    )
    rows = [{"at": f"2026-11-26T{row['time']}:00", "tokens": round(row["tokens"])} for row in found]
    return {
        "title": "Output tokens/s of the fleet, by minute",
        "description": (
            "About 64,000 until 14:00. The rollout begins; dips of a minute at each batch until 14:15, then a "
            "staircase down to 39,000 from 14:36 to 14:39, and level near 45,000 from 14:41 to 15:00."
        ),
        "data": {"values": rows},
        "usermeta": {"columns": {"at": "Minute", "tokens": "Output tokens/s"}},
        "mark": {"type": "line", "interpolate": "linear"},
        "encoding": {
            "x": {
                "field": "at",
                "type": "temporal",
                "title": "Time (UTC)",
                "axis": {"format": "%H:%M", "tickCount": 7},
            },
            "y": {
                "field": "tokens",
                "type": "quantitative",
                "title": "Output tokens/s",
                "scale": {"zero": True},
            },
        },
    }


def shorter() -> str:
    """Tokens an answer that would explain the alert at unchanged traffic."""
    return f"{setting.ALERT / setting.DEMAND:.0f}"


def fewer() -> str:
    """Requests/s that would explain the alert at unchanged answers."""
    return f"{setting.ALERT / setting.OUTPUT:.0f}"


def unseen_replicas() -> str:
    """Replicas missing from the sum that would explain the alert."""
    return f"{(setting.BEFORE - setting.ALERT) / (setting.BEFORE / setting.REPLICAS):.1f}"


def full(tokens: int) -> str:
    """Share of the old build's limit that so many fleet tokens/s were."""
    return f"{tokens / setting.REPLICAS / setting.OLD_LIMIT * 100:.0f}%"


# --- Stage 2: the users -------------------------------------------------------------------------------------------


def users_table() -> str:
    before, after = query("users")
    rows = []
    for label, column, form in (
        ("Refused with 429", "refused_pct", "{:.0f}%"),
        ("TTFT, 95th percentile", "ttft_p95_s", "{:.1f} s"),
        ("Time per output token", "tpot_ms", "{:.0f} ms"),
        ("Waiting, mean of a replica", "waiting", "{:.0f} of 64"),
        ("Running, mean of a replica", "running", "{:.0f} of 512"),
        ("KV cache reserved, fullest replica", "fullest_kv_pct", "{:.0f}%"),
    ):
        rows.append((label, *(form.format(row[column]) for row in (before, after))))
    rows.append(("GPU utilization", *(f"{_utilization(period):.0f}%" for period in (BEFORE, AFTER))))
    return _table("Minute | 13:55 | 14:50", rows, "lrr")


def _utilization(period: str) -> float:
    (row,) = ask(f"SELECT AVG(gpu_util_pct) AS share FROM hosts WHERE period = '{period}'")
    return float(row["share"])


def ratio_lost() -> str:
    return f"{(1 - setting.ALERT / setting.REPLICAS / setting.OLD_LIMIT) * 100:.0f}%"


def refused_a_minute() -> str:
    return f"{60 * (setting.DEMAND - setting.REPLICAS * decision.NEW_RPS):,.0f}"


# --- Stage 3: the clock -------------------------------------------------------------------------------------------


def plans_table() -> str:
    rows = [
        (
            name,
            f"{plan.refused() / 1000:,.0f}",
            clock(decision.enough_from(plan)) if plan.start is not None else "no",
        )
        for name, plan in PLANS.items()
    ]
    return _table("Plan | Refused until 17:00, thousands | Enough from", rows, "lrr")


def capacity_while_restarting() -> dict[str, Any]:
    plan = PLANS["Roll back at 15:00, spares serve"]
    minutes = range(setting.ROLLBACK - 10, setting.PEAK_AT + 1, 5)
    names = ("Can be served", "Demand")
    rows = [
        {"at": f"2026-11-26T{clock(minute)}:00", "series": series, "rps": round(value, 1)}
        for minute in minutes
        for series, value in zip(names, (plan.capacity(minute), setting.demand(minute)), strict=True)
    ]
    scale = {"domain": list(names)}
    return {
        "title": "Requests/s while the fleet is restarted from 15:00, four replicas at a time",
        "description": (
            "Demand rises evenly from 200 at 15:00 to 250 at 17:00. What can be served is 140 before 15:00, falls to "
            "122.5 for five minutes, jumps to 175 when the spares come, passes demand with 210 at 15:15, and is 280 "
            "from 15:40."
        ),
        "data": {"values": rows},
        "usermeta": {"columns": {"at": "Minute", "series": "Series", "rps": "Requests/s"}},
        "mark": {"type": "line", "interpolate": "step-after"},
        "encoding": {
            "x": {
                "field": "at",
                "type": "temporal",
                "title": "Time (UTC)",
                "axis": {"format": "%H:%M", "tickCount": 5},
            },
            "y": {"field": "rps", "type": "quantitative", "title": "Requests/s", "scale": {"zero": True}},
            "color": {"field": "series", "type": "nominal", "title": None, "scale": scale},
            "strokeDash": {
                "field": "series",
                "type": "nominal",
                "title": None,
                "scale": scale | {"range": DASHES[:2]},
            },
        },
    }


def latest_start() -> str:
    return clock(decision.latest_start())


def refused(plan: str) -> str:
    return f"{PLANS[plan].refused():,.0f}"


def wait_costs() -> str:
    """More requests refused by starting at 15:30 than at 15:00."""
    early, late = (PLANS[name].refused() for name in list(PLANS)[0:3:2])
    return f"{late - early:,.0f}"


def pays_from() -> str:
    return f"{decision.pays_from() * 100:.0f}%"


def wrong_costs() -> str:
    """Requests that two batches refuse, out for five minutes each, if the release is not to blame."""
    return f"{2 * setting.BATCH * decision.NEW_RPS * 60 * setting.BATCH_MIN:,.0f}"


def dip_costs() -> str:
    """Requests that the first batch's absence refuses before the spares arrive."""
    return f"{setting.BATCH * decision.NEW_RPS * 60 * setting.BATCH_MIN:,.0f}"


def outgrown(replicas: int) -> str:
    return clock(decision.outgrown(replicas * decision.OLD_RPS))


# --- Stage 4: side by side ----------------------------------------------------------------------------------------


def side_table() -> str:
    new, old = query("side_by_side")
    rows = [
        (label, *(form.format(row[column]) for row in (old, new)))
        for label, column, form in (
            ("Replicas", "replicas", "{}"),
            ("Output tokens/s, each", "output_s", "{:,.0f}"),
            ("Waiting, each", "waiting", "{:.0f}"),
        )
    ]
    return _table("14:16 to 14:19 | Old build | New build", rows, "lrr")


def counters_table() -> str:
    new, old = query("counters")
    rows = [
        (label, *(form.format(row[column]) for row in (old, new)))
        for label, column, form in (
            ("Prompt tokens found in the cache", "found_pct", "{:.0f}%"),
            ("Tokens computed a request", "computed_a_request", "{:,.0f}"),
            ("Tokens computed a step", "computed_a_step", "{:,.0f}"),
            ("Tokens computed a second", "computed_s", "{:,.0f}"),
            ("Running, each", "running", "{:.0f}"),
            ("KV cache reserved", "kv_pct", "{:.0f}%"),
        )
    ]
    return _table("14:16 to 14:19 | Old build | New build", rows, "lrr")


def by_batch() -> dict[str, Any]:
    rows = [
        {"batch": row["batch"], "minutes": row["minutes_in_service"], "output": round(row["output_s"])}
        for row in query("batches")
    ]
    return {
        "title": "Output tokens/s of a replica at 14:50, by how long it had been back in service",
        "description": (
            "Eight points, one for each batch of four replicas, from 10 to 45 minutes in service, all between 1,370 and 1,430."
        ),
        "data": {"values": rows},
        "usermeta": {
            "columns": {"batch": "Batch", "minutes": "Minutes in service", "output": "Output tokens/s"}
        },
        "mark": {"type": "point", "filled": True, "size": 70},
        "encoding": {
            "x": {
                "field": "minutes",
                "type": "quantitative",
                "title": "Minutes in service",
                "scale": {"domain": [0, 50]},
            },
            "y": {
                "field": "output",
                "type": "quantitative",
                "title": "Output tokens/s",
                "scale": {"domain": [0, 2000]},
            },
        },
    }


def slow_host(what: str) -> str:
    """The throttled host: its clock, its tokens/s at 14:50, what it lacks, and how much of the fall that explains."""
    before, after = ask(f"SELECT sm_mhz FROM hosts WHERE replica = {setting.SLOW_REPLICA} ORDER BY period")
    (own,) = ask(
        "SELECT AVG(output_tokens) / 60 AS tokens FROM fleet "
        f"WHERE time BETWEEN '14:47' AND '14:51' AND replica = {setting.SLOW_REPLICA}"
    )
    (others,) = ask(
        "SELECT AVG(output_tokens) / 60 AS tokens FROM fleet "
        f"WHERE time BETWEEN '14:47' AND '14:51' AND replica <> {setting.SLOW_REPLICA}"
    )
    return {
        "mhz_before": f"{before['sm_mhz']:,}",
        "mhz": f"{after['sm_mhz']:,}",
        "tokens": f"{own['tokens']:,.0f}",
        "missing": f"{others['tokens'] - own['tokens']:.0f}",
        "loss": f"{(1 - own['tokens'] / others['tokens']) * 100:.0f}%",
        "share": f"{(others['tokens'] - own['tokens']) / (setting.BEFORE - setting.ALERT) * 100:.1f}%",
    }[what]


def back_on_old() -> str:
    """Output tokens/s of a replica of the first batch, 15:06 to 15:09, back on the old build under today's traffic."""
    (row,) = ask(
        "SELECT AVG(output_tokens) / 60 AS tokens FROM fleet WHERE time BETWEEN '15:06' AND '15:09' AND replica <= 4 AND build = 'old'"
    )
    return f"{row['tokens']:,.0f}"


# --- Stage 5: the canary ------------------------------------------------------------------------------------------


@cache
def _canary(arm: str, column: str) -> list[float]:
    return sorted(
        row[0] for row in ask(f"SELECT {column} FROM canary WHERE arm = '{arm}' AND {column} IS NOT NULL")
    )


def canary_table() -> str:
    rows: list[tuple[Any, ...]] = [("Requests/s, a replica", f"{lab.CANARY_RPS:g}", f"{lab.CONTROL_RPS:.1f}")]
    for label, column, share in (
        ("TTFT, median", "ttft_ms", 0.5),
        ("TTFT, 95th percentile", "ttft_ms", 0.95),
        ("Time per output token, median", "tpot_ms", 0.5),
    ):
        cells = []
        for arm in ("canary", "control"):
            values = _canary(arm, column)
            cells.append(f"{values[int(share * len(values))]:.0f} ms")
        rows.append((label, *cells))
    return _table("13:20 to 13:50 | Canary, new | Control, old", rows, "lrr")


def canary_longer(what: str) -> str:
    chance, z = stats.longer(_canary("canary", "ttft_ms"), _canary("control", "ttft_ms"))
    return {"chance": f"{chance * 100:.0f}%", "z": f"{z:.0f}"}[what]


def canary_medians(arm: str) -> str:
    """The median TTFT of an arm's two replicas, in ms."""
    by_replica: dict[int, list[float]] = {}
    for row in ask(f"SELECT replica, ttft_ms FROM canary WHERE arm = '{arm}' ORDER BY replica"):
        by_replica.setdefault(row["replica"], []).append(row["ttft_ms"])
    return " and ".join(f"{median(values):.0f}" for values in by_replica.values())


def canary_full() -> str:
    return f"{lab.CANARY_RPS / decision.NEW_RPS * 100:.0f}%"


def rule_of_three() -> str:
    """The error rate that no error in the canary's requests leaves possible, 95%."""
    return f"{3 / (2 * lab.CANARY_RPS * lab.CANARY_S) * 100:.2f}%"


# --- Stages 6 and 7: the load test --------------------------------------------------------------------------------

Cell = tuple[str, str, str]
"""Image, settings, template: each old or new."""
CELLS: list[Cell] = [
    (image, flags, template)
    for image in ("old", "new")
    for flags in ("old", "new")
    for template in ("old", "new")
]


@cache
def plateau(cell: Cell) -> list[float]:
    """Output tokens/s at 10 requests/s offered, one mean a host, hosts in order."""
    rows = ask(
        "SELECT host, AVG(output_tokens) / 30 AS tokens FROM lab WHERE offered_rps = 10 "
        "AND image = '{}' AND flags = '{}' AND rendered_by = '{}' GROUP BY host ORDER BY host".format(*cell)
    )
    return [row["tokens"] for row in rows]


def reached(cell: Cell) -> float:
    return fmean(plateau(cell))


def effect(factor: int, given: tuple[int, str] | None = None) -> stats.Ratio:
    """What one change (0 image, 1 settings, 2 template) does to the plateau, over all hosts and all other cells.

    `given` keeps another factor old or new.
    """
    new, old = [], []
    for cell in CELLS:
        if cell[factor] == "new" and (given is None or cell[given[0]] == given[1]):
            new += plateau(cell)
            old += plateau((*cell[:factor], "old", *cell[factor + 1 :]))
    return stats.paired_ratio(new, old)


def released_table() -> str:
    rows = []
    for image, flags in (("old", "old"), ("old", "new"), ("new", "old"), ("new", "new")):
        tokens = reached((image, flags, image))
        ratio = stats.paired_ratio(plateau((image, flags, image)), plateau(("old", "old", "old")))
        rows.append(
            (
                image,
                flags,
                f"{tokens:,.0f}",
                f"{ratio.ratio:.2f} ({ratio.low:.2f}-{ratio.high:.2f})",
                f"{tokens * setting.REPLICAS / 1000:.0f}",
            )
        )
    return _table("Image | Settings | Tokens/s | Of the old (95%) | Fleet of 32, thousands", rows, "llrrr")


def ladder() -> dict[str, Any]:
    names = {
        ("old", "old"): "Old image, old settings",
        ("old", "new"): "Old image, new settings",
        ("new", "old"): "New image, old settings",
        ("new", "new"): "New image, new settings",
    }
    rows = [
        {
            "build": names[(row["image"], row["flags"])],
            "offered": round(row["offered_rps"], 2),
            "output": round(row["output_s"]),
        }
        for row in query("lab")
        if row["image"] == row["rendered_by"]
    ]
    scale = {"domain": list(names.values())}
    legend = {"columns": 2}
    return {
        "title": "Output tokens/s of one replica, by the load offered to it; each with its own image's template",
        "description": (
            "Four lines begin together at 1 request/s. At 6.25 old image with old or new settings give about 1,950, the new "
            "image with old settings 1,700, with new settings 1,400. At 10 requests/s: about 2,800, 2,300, 1,750 and 1,400."
        ),
        "data": {"values": rows},
        "usermeta": {
            "columns": {"build": "Build", "offered": "Offered (requests/s)", "output": "Output tokens/s"}
        },
        "height": 240,
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "offered", "type": "quantitative", "title": "Offered (requests/s)"},
            "y": {"field": "output", "type": "quantitative", "title": "Output tokens/s"},
            "color": {"field": "build", "type": "nominal", "title": None, "scale": scale, "legend": legend},
            "strokeDash": {
                "field": "build",
                "type": "nominal",
                "title": None,
                "scale": scale | {"range": DASHES},
                "legend": legend,
            },
        },
    }


def rivals_table() -> str:
    """All eight cells: what is seen, and what each single cause predicts from the two cells that it must explain."""
    best, worst = reached(("old", "old", "old")), reached(("new", "new", "new"))
    rows = []
    for cell in CELLS:
        changed = [letter for letter, value in zip("IST", cell, strict=True) if value == "new"]
        predicted = [f"{worst if value == 'new' else best:,.0f}" for value in cell]
        rows.append((" ".join(changed) or "none", f"**{reached(cell):,.0f}**", *predicted))
    return _table(
        "New | Seen | I | S | T",
        sorted(rows, key=lambda row: (row[0] != "none", len(row[0]))),
        "lrrrr",
    )


def _interval(found: stats.Ratio) -> str:
    return f"{found.ratio:.2f} ({found.low:.2f} to {found.high:.2f})"


FACTORS = {"image": 0, "settings": 1, "template": 2}
WITH = {"settings": "template", "template": "settings"}


def effect_of(name: str) -> str:
    """What is left of the throughput by one change, over all other cells, with its 95% interval."""
    return _interval(effect(FACTORS[name]))


def effect_with(name: str, other: str) -> str:
    """What the settings or the template leave while the other of the two is old, or new; over both images."""
    return _interval(effect(FACTORS[name], (FACTORS[WITH[name]], other)))


def _alone(name: str) -> float:
    return effect(FACTORS[name], (FACTORS[WITH[name]], "old")).ratio


def alone(name: str) -> str:
    """What the settings or the template alone leave, over both images."""
    return f"{_alone(name):.2f}"


def product() -> str:
    """What settings and template together would leave if what each leaves alone multiplied."""
    return f"{_alone('settings') * _alone('template'):.2f}"


def _both_and_neither() -> tuple[list[float], list[float]]:
    """The plateaus with settings and template new, and with both old: one a host and image."""
    both, neither = (
        [value for image in ("old", "new") for value in plateau((image, state, state))]
        for state in ("new", "old")
    )
    return both, neither


def together() -> str:
    """What settings and template together leave, over both images."""
    return f"{stats.paired_ratio(*_both_and_neither()).ratio:.2f}"


def beyond_product() -> str:
    """What is seen with both changes over the product of what each leaves alone: 1 if they multiply."""
    both, neither = _both_and_neither()
    one, other = (
        [value for image in ("old", "new") for value in plateau((image, *cell))]
        for cell in (("new", "old"), ("old", "new"))
    )
    corners = [a * b for a, b in zip(both, neither, strict=True)]
    sides = [a * b for a, b in zip(one, other, strict=True)]
    return _interval(stats.paired_ratio(corners, sides))


def lab_table_by_rendering() -> str:
    rows = []
    for image, template in (("old", "old"), ("old", "new"), ("new", "old"), ("new", "new")):
        (row,) = ask(
            "SELECT 100.0 * SUM(cached_tokens) / SUM(prompt_tokens) AS found FROM lab "
            f"WHERE image = '{image}' AND rendered_by = '{template}'"
        )
        rows.append((image, template, f"{row['found']:.0f}%"))
    return _table("Image | Template | Found in the cache", rows, "llr")


def prompt_heads() -> str:
    """The file of rendered prompts as a block."""
    return "```text\n" + (HERE / "evidence" / "prompts.txt").read_text(encoding="utf-8").strip() + "\n```"


def spread(cell: Cell = ("old", "old", "old")) -> float:
    """Coefficient of variation of 30-second samples at the plateau, within a host."""
    rows = ask(
        "SELECT host, output_tokens FROM lab WHERE offered_rps = 10 "
        "AND image = '{}' AND flags = '{}' AND rendered_by = '{}'".format(*cell)
    )
    by_host: dict[str, list[float]] = {}
    for row in rows:
        by_host.setdefault(row["host"], []).append(row["output_tokens"])
    return fmean(stdev(values) / fmean(values) for values in by_host.values())


def spread_percent() -> str:
    return f"{spread() * 100:.1f}%"


def minutes_needed(effect_percent: float) -> str:
    return f"{stats.minutes_needed(spread(), effect_percent / 100):.1f}"


# --- The model answer ---------------------------------------------------------------------------------------------


def computed_a_request(template: str) -> str:
    """Tokens that the model computes for a mean request."""
    prompt = setting.PROMPT - setting.CACHED if template == "old" else setting.PROMPT
    return f"{prompt + setting.OUTPUT:,}"


def cache_alone() -> str:
    """Output tokens/s of a replica if every token costs the same and nothing is found in the cache any more."""
    return f"{_cache_alone():,.0f}"


def _cache_alone() -> float:
    old = setting.PROMPT - setting.CACHED + setting.OUTPUT
    return setting.OLD_LIMIT * old / (setting.PROMPT + setting.OUTPUT)


def cache_alone_fleet() -> str:
    return f"{_cache_alone() * setting.REPLICAS:,.0f}"


def step_table() -> str:
    """A mean step of either build at its limit, 14:16 to 14:19: how long, and how much of it is not for its tokens."""
    new, old = query("counters")
    rows = []
    for name, row in (("Old", old), ("New", new)):
        tokens, took = row["computed_a_step"], row["step_ms"]
        overhead = took - 1000 * setting.OLD.per_token_s * tokens
        rows.append(
            (
                name,
                f"{tokens:,.0f}",
                f"{took:.0f} ms",
                f"{overhead / took * 100:.0f}%",
                f"{1000 * tokens / took:,.0f}",
            )
        )
    return _table("Build | Tokens a step | A step | Overhead | Tokens/s", rows, "lrrrr")


@cache
def _gate(candidate: str) -> list[float]:
    return [row["ratio"] for row in ask(f"SELECT ratio FROM gate WHERE candidate = '{candidate}'")]


def alone_table() -> str:
    rows = []
    for name in (*setting.CHANGES, "release", "template mended", "both mended"):
        ratio = fmean(_gate(name))
        tokens = ratio * setting.OLD_LIMIT
        verdict = "passes" if ratio >= GATE_AT else "fails"
        label = {
            "release": "All six",
            "template mended": "All six, template mended",
            "both mended": "Template mended, old settings",
        }.get(name, name.capitalize())
        rows.append((label, f"{ratio:.2f}", f"{tokens * setting.REPLICAS / 1000:.0f}", verdict))
    return _table("Candidate | Of the old | Fleet, thousand tokens/s | Gate", rows, "lrrl")


def gate_fleet(candidate: str) -> str:
    """Tokens/s of 32 replicas at the limit that the gate measured, to the thousand."""
    return f"{fmean(_gate(candidate)) * setting.OLD_LIMIT * setting.REPLICAS / 1000:.0f},000"


def gate_false_alarm() -> str:
    chance = stats.false_alarm(_gate("same build"), GATE_AT)
    return f"1 in {round(1 / chance, -3):,.0f}" if chance < 1e-3 else f"{chance * 100:.1f}%"


def gate_runs() -> str:
    return f"{len(_gate('same build'))}"


def gate_lowest() -> str:
    return f"{min(_gate('same build')):.3f}"


def gate_spread() -> str:
    return f"{stdev(_gate('same build')) * 100:.1f}%"


def gate_caught(loss: float) -> str:
    return f"{stats.caught(_gate('same build'), GATE_AT, loss) * 100:.0f}%"


def needed_a_replica() -> str:
    """Output tokens/s a replica at the peak."""
    return f"{setting.PEAK * setting.OUTPUT / setting.REPLICAS:,.0f}"


def fills_in() -> str:
    """Seconds until the queue of a canary at a fleet member's load is full."""
    return f"{setting.QUEUE / (setting.DEMAND / setting.REPLICAS - decision.NEW_RPS):.0f}"


def halted_at() -> str:
    """Requests/s that the fleet could serve if the rollout had stopped after its third batch and gone no further."""
    return f"{12 * decision.NEW_RPS + 20 * decision.OLD_RPS:g}"


def first_refusals() -> str:
    (row,) = ask("SELECT MIN(time) AS time FROM gateway WHERE 1.0 * refused / requests > 0.01")
    return str(row["time"])


def first_slow() -> str:
    """The first minute of the rollout in which TTFT misses its target."""
    (row,) = ask(f"SELECT MIN(time) AS time FROM gateway WHERE ttft_p95_ms > {1000 * setting.TTFT_TARGET_S}")
    return str(row["time"])


def refusals_end() -> str:
    """From this minute of the rollback on, less than 1% is refused."""
    (row,) = ask("SELECT MAX(time) AS time FROM gateway WHERE 1.0 * refused / requests >= 0.01")
    return _next_minute(row["time"])


def ttft_is_back() -> str:
    """From this minute of the rollback on, TTFT meets its target."""
    (row,) = ask(f"SELECT MAX(time) AS time FROM gateway WHERE ttft_p95_ms > {1000 * setting.TTFT_TARGET_S}")
    return _next_minute(row["time"])


def _next_minute(time: str) -> str:
    hours, minutes = time.split(":")
    return clock(int(hours) * 60 + int(minutes) + 1)


def ttft_at(time: str) -> str:
    """The gateway's 95th percentile in one minute, in seconds."""
    (row,) = ask(f"SELECT ttft_p95_ms FROM gateway WHERE time = '{time}'")
    return f"{row['ttft_p95_ms'] / 1000:.0f}"


def ttft_p95(rps: float, image: str, flags: str) -> str:
    """Median of the samples' 95th percentiles at a load, in ms; each image with its own template."""
    rows = ask(
        f"SELECT ttft_p95_ms FROM lab WHERE offered_rps = {rps} AND image = '{image}' AND flags = '{flags}' AND rendered_by = '{image}'"
    )
    return f"{median(row['ttft_p95_ms'] for row in rows):.0f}"


def gate_at() -> str:
    return f"{GATE_AT * 100:.0f}%"


def ttft_target() -> str:
    return f"{setting.TTFT_TARGET_S:g}"


def fix_forward(what: str) -> str:
    """Fixing forward with the laboratory at once: when it is done, and how many requests are refused until the peak."""
    built = setting.SPARES_SERVE + 2 * len(lab.LADDER) * lab.STEP_S // 60 + setting.BUILD_MIN
    return {
        "built": clock(built),
        "done": clock(built + setting.BATCHES * setting.BATCH_MIN),
        "refused": f"{Plan(built).refused():,.0f}",
    }[what]


def overrated() -> str:
    """Tokens/s by which "30% lost" overrates the fleet's limit, to the thousand."""
    thought = setting.OLD_LIMIT * setting.REPLICAS * setting.ALERT / setting.BEFORE
    return f"{round(thought - setting.ALERT, -3):,.0f}"


def cache_is_worth() -> str:
    """The share of the throughput that is lost with the cache, under the old settings."""
    return f"{(1 - _alone('template')) * 100:.0f}%"


def gate_alarms_below() -> str:
    """The rate of false alarms that none in so many runs leaves possible, 95%."""
    return f"{3 / len(_gate('same build')) * 100:.0f}%"


def spares_serve_gain() -> str:
    """More requests refused if the spares do not serve."""
    serve, stay = (PLANS[f"Roll back at 15:00, spares {what}"].refused() for what in ("serve", "stay out"))
    return f"{stay - serve:,.0f}"


def thousands(image: str, flags: str, template: str) -> str:
    """Tokens/s of 32 replicas at their limit, to the thousand."""
    return f"{round(reached((image, flags, template)) * setting.REPLICAS, -3):,.0f}"


def served(replicas: int, image: str, flags: str, template: str) -> str:
    """Requests/s of so many replicas at their limit."""
    return f"{replicas * reached((image, flags, template)) / setting.OUTPUT:.0f}"


def spare_cost() -> str:
    return f"${setting.SPARES * setting.GPUS_A_REPLICA * setting.GPU_HOUR:.0f}"


def sequential(builds: int) -> str:
    """Minutes of so many builds one after the other, each started and loaded for ten minutes."""
    return f"{builds * (setting.BUILD_MIN + setting.BATCH_MIN + 10)}"
