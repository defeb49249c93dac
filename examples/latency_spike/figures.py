"""Every figure, table and chart of the page, read from the evidence or computed from the question's numbers."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache
from typing import Any

from examples.latency_spike import reading, setting
from examples.latency_spike.reading import PACKAGE, asked, panel, table

SINCE, UNTIL = 180.0, 480.0
"""The logged five minutes of the incident, 03:03 to 03:08, in seconds after 03:00."""
BEFORE = (-180.0, -150.0)
"""The logged half minute before r9 left."""
AFTER = (1_440.0, 1_500.0)
JOINED = ("03:16:00", "03:20:00")
"""When two more replicas joined, and when that is read."""
RUSH = ("03:01:00", "03:20:00")
"""Scrapes between the job's first minute and its move."""
SPILLED = (1_155.0, 1_185.0)
"""Half a minute in which one round of o60 did not go home."""
QUEUE = 5
"""From so many waiting sequences on, a scrape is counted as one with a queue."""
BAD_BUDGET = (1 - setting.TARGET) * setting.REQUESTS_28_DAYS


def _table(head: str, rows: list[tuple[Any, ...]], right: str) -> str:
    """A Markdown table; `right` has an r for each column that is aligned to the right."""
    columns = [cell.strip() for cell in head.split("|")]
    marks = ["---:" if mark == "r" else "---" for mark in right]
    lines = [columns, marks, *[[str(cell) for cell in row] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _percent(share: float, digits: int = 1) -> str:
    return f"{share * 100:.{digits}f}%"


# --- What rose ------------------------------------------------------------------------------------------------------


def shown(until: str, q: float = 0.99) -> str:
    """A percentile on the panel at a scrape: milliseconds below one second, else seconds with a decimal."""
    value = panel(until, q)
    return f"{value * 1000:.0f} ms" if value < 0.95 else f"{value:.1f} s"


def slow_share(until: str = "03:07:00", bound: float = 1.0) -> str:
    return _percent(reading.over(until, bound))


def shape_table() -> str:
    """The five minutes before and after: rate, replicas, percentiles, shares."""
    rows = []
    for name, cell in (
        ("Requests/s", lambda at: f"{reading.increase(at)[-1] / 300:.1f}"),
        ("Replicas", lambda at: _gateway(at)["replicas"]),
        ("Median", lambda at: shown(at, 0.5)),
        ("90th percentile", lambda at: shown(at, 0.9)),
        ("p99", shown),
        ("Above 1 s", slow_share),
        ("Above 5 s", lambda at: slow_share(at, 5.0)),
    ):
        rows.append((name, cell("02:57:00"), cell("03:07:00")))
    return _table("Over 5 min | until 02:57 | until 03:07", rows, "lrr")


def _gateway(at: str) -> dict[str, Any]:
    return next(row for row in table("gateway.csv") if row["at"] == at)


def mean_prompt(until: str) -> str:
    """Tokens of the mean prompt over the five minutes until a scrape, from the gateway's counters."""
    rows = table("gateway.csv")
    last = next(n for n, row in enumerate(rows) if row["at"] == until)
    tokens = rows[last]["prompt_tokens"] - rows[last - 20]["prompt_tokens"]
    return f"{tokens / reading.increase(until)[-1]:,.0f}"


def panel_chart() -> dict[str, Any]:
    rows = [
        {"minute": minute, "p99": round(panel(clock), 2), "p50": round(panel(clock, 0.5), 3)}
        for minute, clock in _minutes("02:40", "03:07")
    ]
    return _lines(
        "The panel's p99 and the median beside it, over sliding five minutes, until the page.",
        f"Seconds, from 02:40 to 03:07. The median stays near 0.2. The 99th percentile stays near 0.5 "
        f"until 03:00, then rises to {rows[-1]['p99']:.1f} by 03:07.",
        rows,
        {"p99": "p99", "p50": "median"},
        "Time to first token (s)",
    )


def _minutes(since: str, until: str) -> list[tuple[int, str]]:
    """Minutes relative to 03:00, each with its scrape."""
    first, last = (round(setting.at(clock) - setting.at("03:00")) // 60 for clock in (since, until))
    return [(minute, setting.clock(setting.at("03:00") + minute * 60)) for minute in range(first, last + 1)]


def _lines(
    title: str,
    description: str,
    rows: list[dict[str, Any]],
    names: dict[str, str],
    y: str,
) -> dict[str, Any]:
    """A line chart over minutes after 03:00; the key of a series is its column of `rows`."""
    shown = " : ".join(f"datum.key == '{key}' ? '{name}'" for key, name in names.items()) + " : ''"
    return {
        "title": title,
        "description": description,
        "data": {"values": rows},
        "usermeta": {"columns": {"minute": "Minute after 03:00"} | names},
        "transform": [{"fold": list(names), "as": ["key", "value"]}, {"calculate": shown, "as": "series"}],
        "mark": "line",
        "encoding": {
            "x": {"field": "minute", "type": "quantitative", "title": "Minutes after 03:00"},
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": y,
            },
            "color": {"field": "series", "type": "nominal", "title": None},
            "strokeDash": {"field": "series", "type": "nominal", "title": None},
        },
    }


# --- How bad ----------------------------------------------------------------------------------------------------------


def burn() -> float:
    """How many times faster than sustainable the budget goes: the bad share over the allowed one."""
    return reading.over("03:07:00", setting.GOOD_S) / (1 - setting.TARGET)


def burn_rate() -> str:
    return f"{burn():.1f}"


def one_in() -> str:
    """One request in so many is above 1 s."""
    return f"{1 / reading.over('03:07:00', setting.GOOD_S):.0f}"


def budget() -> str:
    return f"{BAD_BUDGET:,.0f}"


def _bad_per_s() -> float:
    return setting.NIGHT_RPS * reading.over("03:07:00", setting.GOOD_S)


def bad(what: str) -> str:
    """What tonight's rate does to the budget."""
    a_second = _bad_per_s()
    found = {
        "a minute": f"{a_second * 60:.0f}",
        "share of an hour": _percent(a_second * 3600 / BAD_BUDGET, 2),
        "share of a night": _percent(a_second * 4 * 3600 / BAD_BUDGET),
        "days to spend": f"{BAD_BUDGET / a_second / 86_400:.0f}",
        "at 80/s": _percent(a_second / setting.NIGHT_RPS * 80 * 3600 / BAD_BUDGET, 1),
    }
    return found[what]


def page_at_burn() -> str:
    """The share above 1 s from which an alert at 14.4 times the sustainable rate fires."""
    return _percent(14.4 * (1 - setting.TARGET))


def events_table() -> str:
    rows = []
    for line in (reading.EVIDENCE / "events.log").read_text(encoding="utf-8").splitlines():
        day, clock, kind, *what = line.split()
        when = {"2026-11-19": "Thu", "2026-11-20": "Fri", "2026-11-23": "Mon", "2026-11-24": "Tue"}[day]
        rows.append((f"{when} {clock[:5]}", kind, " ".join(what)))
    return _table("UTC | Kind | What", rows, "lll")


# --- Where the time goes ----------------------------------------------------------------------------------------------


@cache
def _stages() -> dict[int, dict[str, Any]]:
    return {row["slow"]: row for row in asked("stages", since=SINCE, until=UNTIL)}


def stage_table() -> str:
    fast, slow = _stages()[0], _stages()[1]
    rows = [("Requests", f"{fast['requests']:,}", f"{slow['requests']:,}")]
    for name, key in (
        ("Quota check, ms", "quota_ms"),
        ("Moderation, ms", "moderation_ms"),
        ("Wait in the engine, ms", "wait_ms"),
        ("Prefill and first token, ms", "prefill_ms"),
    ):
        rows.append((name, f"{fast[key]:,.0f}", f"{slow[key]:,.0f}"))
    rows.append(("Moderation above 600 ms", str(fast["moderation_slow"]), str(slow["moderation_slow"])))
    return _table("Mean over 03:03 to 03:08 | Up to 1 s | Above 1 s", rows, "lrr")


def stages(what: str) -> str:
    slow = _stages()[1]
    found = {
        "slow": f"{slow['requests']}",
        "moderation": f"{_by_moderation()}",
        "moderation and more": f"{slow['moderation_slow'] - _by_moderation()}",
        "moderation of all": _percent(_by_moderation() / (slow["requests"] + _stages()[0]["requests"])),
        "wait share": _percent(
            slow["wait_ms"]
            / (slow["quota_ms"] + slow["moderation_ms"] + slow["wait_ms"] + slow["prefill_ms"]),
            0,
        ),
        "slowest moderation": f"{max(row['moderation_ms'] for row in _logged()) / 1000:.1f}",
        "traces": str(
            sum(SINCE <= row["at_s"] < UNTIL and row["ttft_ms"] > 1000 for row in table("traces.csv"))
        ),
    }
    return found[what]


def _by_moderation() -> int:
    """Requests above 1 s that a call to the provider of the usual length would have left below."""
    usual_ms = setting.MODERATION_S * 1000
    return sum(
        row["ttft_ms"] > 1000 >= row["ttft_ms"] - row["moderation_ms"] + usual_ms
        for row in _logged()
        if row["moderation_ms"] > 600
    )


def _logged(since: float = SINCE, until: float = UNTIL) -> list[dict[str, Any]]:
    return [row for row in table("access.csv") if since <= row["at_s"] < until]


def moderation_chart(until: str = "03:16") -> dict[str, Any]:
    rows = [
        {
            "minute": minute,
            "slowest": row["moderation_max_ms"],
            "p99": row["moderation_p99_ms"],
            "median": row["moderation_p50_ms"],
        }
        for minute, clock in _minutes("02:45", until)
        for row in [_gateway(clock)]
    ]
    return _lines(
        "Moderation as the gateway sees it: calls of the 15 s before each minute.",
        f"Milliseconds from 02:45 to {until}. The median stays near 75. The slowest call takes less than 250 before 03:00, "
        f"up to {max(row['slowest'] for row in rows):,} until 03:12, then less than 250 again; the 99th percentile jumps "
        "between the two in those minutes.",
        rows,
        {"slowest": "slowest", "p99": "p99", "median": "median"},
        "Call (ms)",
    )


# --- Whose requests ---------------------------------------------------------------------------------------------------


@cache
def _tail() -> dict[str, dict[str, Any]]:
    return {row["replica"]: row for row in asked("tail", since=SINCE, until=UNTIL)}


def tail_table() -> str:
    """By replica: requests, those above 1 s, the organizations these belong to, and the most of any of them."""
    rows = [
        (name, row["requests"], row["slow"], row["orgs"], row["most_of_one"]) for name, row in _tail().items()
    ]
    return _table("Replica | Requests | Above 1 s | Of so many orgs | Most of one org", rows, "lrrrr")


def replica_table() -> str:
    """The engines in the same five minutes: speed from the log, cache and clock from the scrapes."""
    rows = []
    for name, row in _tail().items():
        metrics = _metrics(name)
        usage, clock = (sum(m[key] for m in metrics) / len(metrics) for key in ("kv_pct", "sm_mhz"))
        most = max(m["kv_pct"] for m in metrics)
        rows.append((name, f"{row['itl_ms']:.0f}", f"{usage:.0f}%", f"{most}%", f"{clock:,.0f}"))
    return _table("Replica | ms/token | KV, mean | KV, most | MHz", rows, "lrrrr")


def capacity_table() -> str:
    """The four minutes before the two replicas joined, and the four after."""
    rows = [
        ("Replicas", *(_gateway(at)["replicas"] for at in ("03:15:45", "03:19:45"))),
        ("Panel's p99 at the end", *(shown(at) for at in JOINED)),
        ("Above 1 s", *(four_minutes(at) for at in JOINED)),
    ]
    return _table("Four minutes | until 03:16 | until 03:20", rows, "lrr")


def four_minutes(until: str) -> str:
    """The share above 1 s over four minutes."""
    return _percent(reading.over(until, setting.GOOD_S, 4))


def _metrics(replica: str, since: str = "03:03:15", until: str = "03:08:00") -> list[dict[str, Any]]:
    return [row for row in table("replicas.csv") if row["replica"] == replica and since <= row["at"] <= until]


def changed_table() -> str:
    """The organizations whose limits were changed on Monday: all of their requests."""
    concerned = {name for ticket in _tickets() for name in ticket.split(":")[0].replace(",", "").split()[1:]}
    rows = [
        (
            row["org"],
            row["requests"],
            row["slow"],
            f"{row['prompt_tokens'] / row['requests']:,.0f}",
            f"{row['longest']:,}",
        )
        for row in asked("organizations", since=SINCE, until=UNTIL)
        if row["org"] in concerned
    ]
    return _table("Org | Requests | Above 1 s | Mean prompt | Longest", rows, "lrrrr")


def _tickets() -> list[str]:
    return (reading.EVIDENCE / "tickets.log").read_text(encoding="utf-8").splitlines()


def ticket(number: str) -> str:
    """What a ticket of the change log says."""
    return next(line for line in _tickets() if line.startswith(number))


def who(what: str) -> str:
    """Shares of requests, tokens and slow requests, by organization and replica."""
    orgs = {row["org"]: row for row in asked("organizations", since=SINCE, until=UNTIL)}
    replicas, r5 = _tail(), _tail()["r5"]
    requests = sum(row["requests"] for row in orgs.values())
    slow = sum(row["slow"] for row in orgs.values())
    own = orgs["o60"]
    others = [row for name, row in replicas.items() if name != "r5"]
    found = {
        "r5 share": _percent(r5["slow"] / slow, 0),
        "r5 of requests": _percent(r5["requests"] / requests, 0),
        "r5 slow": str(r5["slow"]),
        "orgs": str(r5["orgs"]),
        "most of one": _percent(r5["most_of_one"] / r5["slow"], 0),
        "own of requests": _percent(own["requests"] / requests, 2),
        "own of tokens": _percent(own["prompt_tokens"] / sum(row["prompt_tokens"] for row in orgs.values())),
        "own prompt": f"{own['prompt_tokens'] / own['requests']:,.0f}",
        "others slow": str(slow - own["slow"]),
        "hidden": _percent((1 - setting.TARGET) / (r5["requests"] / requests), 0),
        "own per minute": f"{own['requests'] / 5:.0f}",
        "p99 without": f"{_without(lambda row: row['org'] != 'o60'):.1f}",
        "itl": f"{r5['itl_ms']:.0f}",
        "itl others": f"{sum(row['itl_ms'] * row['requests'] for row in others) / sum(row['requests'] for row in others):.0f}",
    }
    return found[what]


def served(organization: str, replica: str) -> str:
    """How many of an organization's logged requests ran on a replica in the five minutes."""
    return str(sum(row["org"] == organization and row["replica"] == replica for row in _logged()))


def settled(what: str) -> str:
    """r5's slow requests of others than o60: all, and those of organizations that were on r5 at 02:57 already."""
    before = {row["org"] for row in _logged(*BEFORE) if row["replica"] == "r5"}
    slow = [row for row in _logged() if row["replica"] == "r5" and row["ttft_ms"] > 1000]
    orgs = [row["org"] for row in slow if row["org"] != "o60"]
    return str({"all": len(orgs), "there before": sum(org in before for org in orgs)}[what])


def organization(name: str, what: str) -> str:
    """How one organization fared: its share above 1 s, that over the allowed share, hours of it that spend its allowance."""
    row = next(row for row in asked("organizations", since=SINCE, until=UNTIL) if row["org"] == name)
    share = row["slow"] / row["requests"]
    mean_rps = setting.REQUESTS_28_DAYS / (28 * 86_400)
    found = {
        "share": _percent(share, 0),
        "burn": f"{share / (1 - setting.TARGET):.0f}",
        "hours": f"{(1 - setting.TARGET) * 28 * 24 * mean_rps / setting.NIGHT_RPS / share:.0f}",
    }
    return found[what]


@cache
def _cache_use() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Scrapes of r5 from 03:01 to 03:20: those with a queue, and those with a cache that is nearly full."""
    rows = _metrics("r5", *RUSH)
    return [row for row in rows if row["waiting"] >= QUEUE], [row for row in rows if row["kv_pct"] >= 90]


def cache_table() -> str:
    """How full r5's cache is when many wait, and how many wait when it is full; means of running and use."""
    rows = []
    queue, full = _cache_use()
    for name, found in (
        (f"{QUEUE} or more waiting", queue),
        ("KV 90% or more", full),
        ("all", _metrics("r5", *RUSH)),
    ):
        waiting = [row["waiting"] for row in found]
        running, usage = (sum(row[key] for row in found) / len(found) for key in ("running", "kv_pct"))
        rows.append(
            (name, len(found), f"{min(waiting)} to {max(waiting)}", f"{running:.0f}", f"{usage:.0f}%")
        )
    return _table("r5, scrapes with | Number | Waiting | Running | KV", rows, "lrrrr")


def cache_use(what: str) -> str:
    queue, full = _cache_use()
    found = {
        "while waiting": f"{sum(row['kv_pct'] for row in queue) / len(queue):.0f}%",
        "most waiting while full": str(max(row["waiting"] for row in full)),
    }
    return found[what]


def preemptions(where: str) -> str:
    """Sequences preempted from 03:01 to 03:20, on r5 or elsewhere."""
    rows = [row for row in table("replicas.csv") if RUSH[0] <= row["at"] <= RUSH[1]]
    return str(sum(row["preemptions"] for row in rows if (row["replica"] == "r5") == (where == "r5")))


def _without(keep: Callable[[dict[str, Any]], bool]) -> float:
    rows = [row["ttft_ms"] / 1000 for row in _logged() if keep(row)]
    return reading.histogram_quantile(0.99, reading.bucketed(rows))


def waiting_chart(until: str = "03:20") -> dict[str, Any]:
    waiting: dict[int, dict[str, list[int]]] = {}
    for row in table("replicas.csv"):
        if setting.at("02:50") < setting.at(row["at"]) <= setting.at(until):
            minute = -int((setting.at("03:00") - setting.at(row["at"])) // 60)
            waiting.setdefault(minute, {}).setdefault(row["replica"], []).append(row["waiting"])
    rows = []
    for minute, found in waiting.items():
        mean = {name: sum(values) / len(values) for name, values in found.items()}
        r5 = mean.pop("r5")
        rows.append({"minute": minute, "r5": round(r5, 2), "others": round(max(mean.values()), 2)})
    return _lines(
        "Waiting sequences, mean over each minute's scrapes: r5, and the highest of any other replica.",
        f"From 02:50 to {until}. All replicas stay near 0 until 03:00. After it r5 moves between 0 and "
        f"{max(row['r5'] for row in rows):.0f} while no other replica exceeds {max(row['others'] for row in rows):.0f}.",
        rows,
        {"r5": "r5", "others": "highest of any other"},
        "Waiting sequences",
    )


# --- Which move, and what it showed -----------------------------------------------------------------------------------


@cache
def _replays() -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["explanation"], row["lever"]): row for row in table("replays.csv")}


LEFT = (
    "throttled GPU",
    "hanging GPU",
    "full cache",
    "a job itself",
    "neighbors of a job",
    "neighbors of o35",
)
"""The explanations that are left at 03:20."""


def lever_table() -> str:
    """Requests above 1 s after a lever, of those without it, for the explanations that are left."""
    rows = []
    for explanation in LEFT:
        cells = [remaining(explanation, lever) for lever in ("drain r5", "jobs apart")]
        rows.append((explanation, *cells))
    return _table("If it is | Drain r5 | Jobs apart", rows, "lrr")


def remaining(explanation: str, lever: str) -> str:
    """Of the requests above 1 s a minute without a lever, how many are left with it."""
    left, before = (_replays()[explanation, name]["slow_per_min"] for name in (lever, "none"))
    return _percent(left / before, 0)


def explanation_table() -> str:
    """What each explanation predicts without any lever, and what the night showed."""
    rows: list[tuple[Any, ...]] = []
    for explanation in dict.fromkeys(name for name, _ in _replays()):
        if explanation == "nothing wrong":
            continue
        row = _replays()[explanation, "none"]
        share = f"{row['ahead']} {row['ahead_pct']}%" if row["ahead"] and row["slow_per_min"] >= 1 else "none"
        kv = "none" if row["kv_queue_pct"] == "" else f"{row['kv_queue_pct']}%"
        rows.append((explanation, f"{row['p99_s']:.1f} s", f"{row['slow_per_min']:.0f}", share, kv))
    slow = sum(row["ttft_ms"] > 1000 for row in _logged()) / ((UNTIL - SINCE) / 60)
    seen = (f"{_without(lambda row: True):.1f} s", f"{slow:.0f}", f"o60 {pairs('ahead')}")
    rows.append(("**seen**", *seen, cache_use("while waiting")))
    return _table("If it is | p99 | Slow/min | Most ahead | KV then", rows, "lrrrr")


def replayed(explanation: str, lever: str, what: str = "slow_per_min") -> str:
    value = _replays()[explanation, lever][what]
    if isinstance(value, str):
        return value
    return f"{value:.1f}" if what == "p99_s" else f"{value:.0f}"


@cache
def _pairs(replica: str = "r5", since: float = SINCE, until: float = UNTIL) -> list[dict[str, Any]]:
    return asked("pairs", since=since, until=until, suspect="o60", replica=replica)


def pairs_table() -> str:
    """r5's requests of all but o60, by what was ahead and by how it went."""
    return _grouped(_pairs())


def elsewhere_table() -> str:
    """The same on r10, in the half minute in which one round of o60 ran there."""
    return _grouped(_pairs("r10", *SPILLED))


def _grouped(found: list[dict[str, Any]]) -> str:
    rows = [
        (
            "yes" if row["beside"] else "no",
            "above 1 s" if row["slow"] else "up to 1 s",
            row["requests"],
            f"{row['prompt']:,.0f}",
            row["moderation_slow"],
        )
        for row in found
    ]
    return _table("o60 ahead | Answer | Requests | Mean prompt | Moderation slow", rows, "llrrr")


def pairs(what: str) -> str:
    """Of the pairs on r5: slow shares, mean prompts, exceptions, and who was prefilled meanwhile."""
    pair = {(row["beside"], row["slow"]): row for row in _pairs()}
    share = {
        beside: pair[beside, 1]["requests"] / (pair[beside, 0]["requests"] + pair[beside, 1]["requests"])
        for beside in (0, 1)
    }
    found = {
        "slow beside": _percent(share[1], 0),
        "slow alone": _percent(share[0], 0),
        "slow prompt": f"{pair[1, 1]['prompt']:,.0f}",
        "fast prompt": f"{pair[0, 0]['prompt']:,.0f}",
        "slow apart": str(pair[0, 1]["requests"]),
        "slow apart, moderation": str(pair[0, 1]["moderation_slow"]),
        "ahead": _percent(_ahead()[0]["seconds"] / _ahead()[0]["others_s"], 0),
    }
    return found[what]


def _ahead() -> list[dict[str, Any]]:
    """Organizations by the seconds of others' slow waiting during which they were prefilled."""
    return asked("ahead", since=SINCE, until=UNTIL)


def ahead_table() -> str:
    rows = [
        (
            row["org"],
            f"{row['others_s']:.0f} s",
            f"{row['seconds']:.0f} s",
            _percent(row["seconds"] / row["others_s"], 0),
        )
        for row in _ahead()[:4]
    ]
    return _table("Org | Others waited | While it was prefilled | Share", rows, "lrrr")


def spilled() -> str:
    """How many prompts of o60 ran on r10 in that half minute."""
    return str(sum(row["replica"] == "r10" and row["org"] == "o60" for row in _logged(*SPILLED)))


def after_table() -> str:
    """The same groups before and after the move."""
    groups: dict[str, Callable[[dict[str, Any]], bool]] = {
        "r5, others": lambda row: row["replica"] == "r5" and row["org"] != "o60",
        "o60": lambda row: row["org"] == "o60",
        "o57": lambda row: row["org"] == "o57",
        "all others": lambda row: row["replica"] != "r5" and row["org"] not in ("o57", "o60"),
    }
    rows = []
    for name, keep in groups.items():
        cells: list[str] = []
        for window in ((SINCE, UNTIL), AFTER):
            found = [row["ttft_ms"] for row in _logged(*window) if keep(row)]
            late = sum(value > 1000 for value in found)
            cells += [f"{late} of {len(found):,}", f"{sorted(found)[int(len(found) * 0.99)] / 1000:.1f} s"]
        rows.append((name, *cells))
    return _table("Group | Above 1 s, 03:03 | p99 | Above 1 s, 03:24 | p99", rows, "lrrrr")


def after_chart() -> dict[str, Any]:
    rows = [
        {"minute": minute, "p99": round(panel(clock), 2), "slow": round(100 * reading.over(clock, 1.0, 1), 2)}
        for minute, clock in _minutes("03:05", "03:32")
    ]
    return _lines(
        "Two replicas more at 03:16, the two jobs apart from 03:21: the panel, and the share above 1 s in each minute.",
        f"From 03:05 to 03:32. The panel stays near 5 seconds past minute 16, falls from minute 21 on and is at "
        f"{rows[-1]['p99']:.1f} at the end. The share above one second falls from about 4% to about {rows[-1]['slow']:.1f}%.",
        rows,
        {"p99": "p99 (s)", "slow": "above 1 s (%)"},
        "p99 (s), share (%)",
    )


# --- The mends --------------------------------------------------------------------------------------------------------


@cache
def _outcomes() -> dict[str, dict[str, Any]]:
    with (PACKAGE / "outcomes.csv").open(encoding="utf-8", newline="") as file:
        return {row["mend"]: dict(row) for row in csv.DictReader(file)}


def mend_table() -> str:
    rows = [
        (
            name,
            f"{float(row['p99_s']):.1f} s",
            f"{float(row['slow_per_min']):.0f}",
            f"{int(row['long_ttft_ms']) / 1000:.1f} s",
            row["itl_p99_ms"],
        )
        for name, row in _outcomes().items()
    ]
    return _table("Mend | p99 | Slow/min | o60's TTFT | ms/token, p99", rows, "lrrrr")


def mend(name: str, what: str) -> str:
    value = float(_outcomes()[name][what])
    if what == "long_ttft_ms":
        return f"{value / 1000:.1f}"
    return f"{value:.1f}" if what in ("p99_s", "cached_pct") else f"{value:.0f}"


def prefill_s(tokens: int, digits: int = 1) -> str:
    """Seconds that a prompt alone takes in steps of the budget, by the engine's assumptions."""
    whole, rest = divmod(tokens, setting.TOKEN_BUDGET)
    steps = whole + (rest > 0)
    return f"{steps * setting.STEP_S + tokens * setting.PREFILL_S + setting.ATTENTION_S * tokens**2 / 2:.{digits}f}"


def together_s(tokens: int, prompts: int) -> str:
    """The same for several prompts, one after another."""
    return f"{float(prefill_s(tokens, digits=3)) * prompts:.1f}"


def prompts_that_fill(tokens: int) -> int:
    """How many prompts of so many tokens the cache of a replica holds."""
    return setting.KV_TOKENS // tokens


def step_ms(before: int = 0) -> str:
    """Milliseconds of a full step of one prompt, so many tokens of which are computed already."""
    full = setting.TOKEN_BUDGET
    attention = setting.ATTENTION_S * full * (before + full / 2)
    return f"{(setting.STEP_S + full * setting.PREFILL_S + attention) * 1000:.0f}"
