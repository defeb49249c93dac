"""Every number on the page, read from the evidence or computed from the setting."""

from __future__ import annotations

import csv
import re
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from examples.oom_after_48_hours import load, restarts, setting, stats
from examples.oom_after_48_hours.recycling import Policy

HERE = Path(__file__).parent
GIB, MIB = 2**30, 2**20
DASHES = [[1, 0], [6, 3], [2, 3], [10, 3, 2, 3]]
START = datetime(2026, 11, 22, 10, 17)
"""When the first drain begins: two minutes after the question's clock."""
SPECIMEN = 16
PLANS = {"Nobody acts": 0, "One": 1, "Two": 2, "Three": 3, "Five": 5}
CHOSEN = "Three"
EXPLAINED = {"All requests": ("app_a", "app_b", "app_c"), "A": ("app_a",), "B": ("app_b",), "C": ("app_c",)}


@cache
def rows(name: str) -> list[dict[str, str]]:
    with (HERE / "evidence" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _table(head: str, lines: list[tuple[Any, ...]], align: str) -> str:
    columns = [cell.strip() for cell in head.split("|")]
    marks = ["---:" if mark == "r" else "---" for mark in align]
    return "\n".join(
        "| " + " | ".join(str(cell) for cell in line) + " |" for line in [columns, marks, *lines]
    )


def _lines(
    title: str, description: str, values: list[dict[str, Any]], names: list[str], x: dict[str, Any], y: str
) -> dict[str, Any]:
    """A chart of lines told apart by color and dashes; `values` have x, y and what."""
    return {
        "title": title,
        "description": description,
        "data": {"values": values},
        "usermeta": {"columns": {"what": "Of", "x": x["title"], "y": y}},
        "height": 220,
        "mark": {"type": "line"},
        "encoding": {
            "x": {"field": "x", **x},
            "y": {"field": "y", "type": "quantitative", "title": y},
            "color": {
                "field": "what",
                "type": "nominal",
                "title": None,
                "scale": {"domain": names},
                "legend": {"columns": 2},
            },
            "strokeDash": {
                "field": "what",
                "type": "nominal",
                "title": None,
                "scale": {"domain": names, "range": DASHES[: len(names)]},
                "legend": {"columns": 2},
            },
        },
    }


def _signed(value: float) -> str:
    """Two decimals, and no minus for nothing."""
    return f"{value:.2f}".replace("-0.00", "0.00")


def _clock(time: datetime) -> str:
    return f"{time.hour}:{time.minute:02d}"


# --- Stage 1: two readings and a clock ----------------------------------------------------------------------------


def _grown() -> tuple[float, float]:
    """GiB, and the hours in which: from an hour after the first was ready to its kill."""
    hours = (setting.KILLS[0] - setting.FIRST_READY) / timedelta(hours=1) - 1
    return setting.LIMIT - setting.AT_HOUR_1, hours


def ratio(of: str) -> str:
    """The growth of the question's two readings over an hour, a request or a token."""
    gib, hours = _grown()
    requests = hours * 3600 * setting.RPS / setting.REPLICAS
    return {
        "gib": f"{gib:.0f}",
        "hours": f"{hours:.1f}",
        "hour": f"{gib / hours:.2f}",
        "requests": f"{requests:,.0f}",
        "request": f"{gib * GIB / requests / 1000:.0f}",
        "token": f"{gib * GIB / requests / (setting.PROMPT + setting.OUTPUT):.0f}",
    }[of]


@cache
def curves() -> dict[int, list[tuple[datetime, float]]]:
    found: dict[int, list[tuple[datetime, float]]] = {number: [] for number in range(1, setting.REPLICAS + 1)}
    for row in rows("fleet.csv"):
        for number, curve in found.items():
            if row[f"r{number:02d}"]:
                curve.append((datetime.fromisoformat(row["time"]), float(row[f"r{number:02d}"])))
    return found


def working_set() -> dict[str, Any]:
    shown = {1: "Replica 1", 8: "Replica 8", 16: "Replica 16"}
    hour_2 = setting.FIRST_READY + timedelta(hours=2)
    last_hour = setting.KILLS[0] - timedelta(hours=1)
    values = [
        {"x": f"{time.isoformat()}:00"[:19], "what": label, "y": level}
        for number, label in shown.items()
        for time, level in curves()[number]
        # Quarters of an hour while the buffer fills and at the end, else every second hour: no line looks different.
        if (time.minute % 15 == 0 and not hour_2 <= time < last_hour)
        or (time.minute == 0 and time.hour % 2 == 0)
    ]
    return _lines(
        "Working set of three of the 16 replicas since Friday, GiB",
        "All three rise from 17 to 38 GiB in their first 40 minutes. Then they rise slowly by day and steeply from 0:00 to "
        "6:00: replica 1 has 46 GiB at Friday's midnight, 64 on Saturday at 6:00, 75 at the next midnight, 94 on Sunday at 6:00.",
        values,
        list(shown.values()),
        {
            "type": "temporal",
            "title": "Time (UTC)",
            "axis": {"format": "%a %H:%M", "tickCount": 5, "labelOverlap": True},
        },
        "GiB",
    )


def _age_at_kill() -> timedelta:
    """The mean age of the two that were killed."""
    ages = [kill - setting.ready(number) for number, kill in enumerate(setting.KILLS, 1)]
    return sum(ages, timedelta()) / len(ages)


@cache
def due() -> dict[int, datetime]:
    """When the other 14 are killed if traffic repeats itself, as it did on Saturday: at the age of the first two."""
    return {number: setting.ready(number) + _age_at_kill() for number in range(3, setting.REPLICAS + 1)}


def due_table() -> str:
    lines = []
    for number in (3, 4, 5, 8, 12, 16):
        level = curves()[number][-1][1]
        lines.append((number, _clock(setting.ready(number)), f"{level:.1f} GiB", _clock(due()[number])))
    return _table("Replica | Ready on Friday | Reading at 10:15 | Due", lines, "rrrr")


def age_at_kill() -> str:
    age = _age_at_kill()
    return f"{age // timedelta(hours=1)} h {age % timedelta(hours=1) / timedelta(minutes=1):.0f} min"


def last_due() -> str:
    return _clock(max(due().values()))


def slope_by(part: str) -> str:
    """GiB an hour of the average replica, by day (10:00 to 23:00) or by night (0:00 to 6:00), on Saturday."""
    first, last = {"day": (10, 23), "night": (0, 6)}[part]
    each = []
    for number in range(1, setting.REPLICAS + 1):
        points = [
            (time.hour + time.minute / 60, level)
            for time, level in curves()[number]
            if time.day == 21 and first <= time.hour + time.minute / 60 <= last
        ]
        each.append(stats.slope([hour for hour, _ in points], [level for _, level in points]).value)
    return f"{fmean(each):.2f}"


# --- Stage 2: stopping the harm -----------------------------------------------------------------------------------


@cache
def plan(at_once: int, streams_end: timedelta = setting.DRAIN) -> restarts.Plan:
    loading = {2: setting.KILLS[1] + setting.RESTART}
    return restarts.drain(due(), START, at_once, loading, SPECIMEN, streams_end)


def plans_table() -> str:
    lines = []
    for name, at_once in PLANS.items():
        found = plan(at_once)
        cut = restarts.cut_by_a_kill() * len(found.killed)
        busiest = restarts.load(max(1, found.most_missing), setting.RPS)
        slowest = len(plan(at_once, setting.DRAIN_MOST).killed)
        lines.append((name, len(found.killed), f"{cut:.0f}", _clock(found.done), f"{busiest:.1f}", slowest))
    head = "At a time | Killed | Answers cut | All back | Most requests/s | Killed if each drain takes 5 min"
    return _table(head, lines, "lrrrrr")


def drained_slowly() -> str:
    """When the last one is back if every drain of the page's plan takes the most that it can."""
    return _clock(plan(PLANS[CHOSEN], setting.DRAIN_MOST).done)


def raised(gib: float) -> str:
    """Hours by day that so many GiB more for each replica last."""
    return f"{gib / float(slope_by('day')):.0f}"


def least_margin() -> str:
    """Minutes between leaving the router and being due, of the replica with the fewest."""
    left = plan(PLANS[CHOSEN]).left
    return f"{min((due()[one] - time) / timedelta(minutes=1) for one, time in left.items()):.0f}"


def waves_table() -> str:
    """Who leaves the router when, under the plan of the page."""
    left = plan(PLANS[CHOSEN]).left
    by_time: dict[datetime, list[int]] = {}
    for replica, time in left.items():
        by_time.setdefault(time, []).append(replica)
    lines = []
    for time, replicas in sorted(by_time.items()):
        names = ", ".join(str(one) for one in replicas)
        first = min(due()[one] for one in replicas)
        lines.append((_clock(time), names, _clock(first)))
    return _table("Leave the router at | Replicas | First of them due", lines, "rlr")


def missing(rps: float) -> str:
    return str(restarts.may_be_missing(rps))


def each(missing: int, rps: float) -> str:
    return f"{restarts.load(missing, rps):.1f}"


def cut_by_all() -> str:
    return f"{restarts.cut_by_a_kill() * len(due()):.0f}"


def cut_by_plan() -> str:
    """Answers that the page's plan still loses."""
    return f"{restarts.cut_by_a_kill() * len(plan(PLANS[CHOSEN]).killed):.0f}"


def headroom(what: str) -> str:
    """Of the specimen when it leaves the router: GiB left, how many requests of C fill them, and the seconds that a
    memory image takes to disk.
    """
    level = setting.LIMIT - (due()[SPECIMEN] - plan(PLANS[CHOSEN]).left[SPECIMEN]) / timedelta(
        hours=1
    ) * float(slope_by("day"))
    left = setting.LIMIT - level
    return {
        "gib": f"{left:.1f}",
        "pages": f"{left * GIB / (1e6 * _kept('C as recorded')):.0f}",
        "dump": f"{level / setting.DISK_GIB_S:.0f}",
    }[what]


# --- Stage 3: whose memory ----------------------------------------------------------------------------------------


@cache
def pages(replica: str, name: str = "pages.csv") -> list[dict[str, Any]]:
    return [
        {key: value if key in ("replica", "process") else int(value or 0) for key, value in row.items()}
        for row in rows(name)
        if row["replica"] == replica
    ]


def _at(replica: str, requests: int, process: str) -> dict[str, Any]:
    return next(row for row in pages(replica) if row["requests"] == requests and row["process"] == process)


YOUNG, OLD = 1_800, 18_000


def kinds_table() -> str:
    lines: list[tuple[str, ...]] = []
    both = (("young", YOUNG), ("old", OLD))

    def line(label: str, values: list[int]) -> None:
        lines.append((label, *(f"{round(value / MIB):,}" for value in [*values, values[1] - values[0]])))

    for process in ("frontend", "engine"):
        for kind, label in (("anon", "private"), ("shmem", "shared buffer"), ("file", "mapped files")):
            line(f"{process}, {label}", [_at(*one, process)[kind] for one in both])
    line("log file in page cache", [_at(*one, "engine")["log_cached"] for one in both])
    for kind, label in (("pss", "Sum of PSS"), ("rss", "Sum of RSS")):
        line(label, [sum(_at(*one, process)[kind] for process in ("frontend", "engine")) for one in both])
    return _table("MiB | Young | Old | Difference", lines, "lrrr")


def kinds_by_requests() -> dict[str, Any]:
    names = {
        ("engine", "anon"): "Engine, private",
        ("engine", "shmem"): "Engine's share of the buffer",
        ("frontend", "anon"): "Frontend, private",
    }
    values = [
        {"x": row["requests"], "what": label, "y": round(row[kind] / MIB)}
        for (process, kind), label in names.items()
        for row in pages("old")
        if row["process"] == process
    ]
    return _lines(
        "Memory of the captured replica by process and kind, MiB",
        "The engine's private memory rises along a straight line from 13 to 2,600 MiB over 18,000 requests. Its share of the "
        "buffer is 128 MiB from the first batch on; the frontend's private memory stays at 12 MiB.",
        values,
        list(names.values()),
        {"type": "quantitative", "title": "Requests served"},
        "MiB",
    )


def _series(field: str, name: str, file: str) -> stats.Slope:
    points = [row for row in pages(name, file) if row["process"] == "engine" and row["requests"] >= 900]
    return stats.slope([row["requests"] for row in points], [row[field] for row in points])


def per_request(field: str) -> str:
    """Kilobytes the old engine gains a request, the mean of its batches, and twice its standard error.

    Of the batches and not of a line through the levels: the levels add up whatever the draws bring, so their residuals
    resemble their neighbors, and a line's standard error would be several times too small.
    """
    points = [row for row in pages("old") if row["process"] == "engine" and row["requests"] >= 900]
    gains = [(b[field] - a[field]) / (b["requests"] - a["requests"]) for a, b in pairwise(points)]
    return f"{fmean(gains) / 1000:.0f} ± {2 * stdev(gains) / len(gains) ** 0.5 / 1000:.0f}"


# --- Stage 4: which tool ------------------------------------------------------------------------------------------


def _tool(name: str) -> list[dict[str, str]]:
    return [row for row in rows("tools.csv") if row["tool"] == name]


def looks_table() -> str:
    """Each look at the engine with 2.7 GiB: how long it took, and the longest silence in a stream meanwhile."""
    lines = []
    for name in ("nothing", "smaps_rollup", "py-spy dump", "gc.get_objects", "gcore"):
        (row,) = _tool(name)
        lines.append((name, f"{float(row['took_s']):,.2f}", f"{float(row['silence_s']):,.2f}"))
    return _table("Look | Took, s | Longest silence, s", lines, "lrr")


def _cpu(name: str) -> float:
    return median(float(row["cpu_ms"]) for row in _tool(name))


def tracers_table() -> str:
    lines = []
    for name in ("nothing running", "tracemalloc", "memray attach", "memray attach --native"):
        attach = median(float(row["took_s"]) for row in _tool(name))
        lines.append(
            (name, f"{attach:.1f}", f"{_cpu(name):.2f}", f"{_cpu(name) / _cpu('nothing running'):.2f}")
        )
    return _table("Tracer | To start, s | CPU a request, ms | Ratio", lines, "lrrr")


@cache
def python_lines(requests: int) -> dict[str, dict[str, str]]:
    return {row["line"]: row for row in rows("python_heap.csv") if int(row["requests"]) == requests}


def python_table() -> str:
    before, after = python_lines(900), python_lines(2_700)
    gained = {
        line: int(row["bytes"]) - int(before[line]["bytes"] if line in before else 0)
        for line, row in after.items()
        if re.search(r":\d+$", line)
    }
    lines = [
        (f"`{line}`", f"{size / 1800:,.0f}", f"`{after[line]['code']}`")
        for line, size in sorted(gained.items(), key=lambda item: -item[1])[:6]
    ]
    return _table("Line | Bytes a request | What it says", lines, "lrl")


def python_share(what: str) -> str:
    """What tracemalloc saw grow, against what the allocator handed out, between two times 1,800 requests apart."""
    seen = int(python_lines(2_700)["total"]["bytes"]) - int(python_lines(900)["total"]["bytes"])
    real = int(python_lines(2_700)["malloc_in_use"]["bytes"]) - int(
        python_lines(900)["malloc_in_use"]["bytes"]
    )
    return {
        "seen": f"{seen / MIB:.1f}",
        "real": f"{real / MIB:.0f}",
        "share": f"{seen / real * 100:.1f}%",
    }[what]


def in_use_table() -> str:
    lines = [
        (
            f"{requests:,}",
            *(
                f"{_at('old', requests, 'engine')[field] / MIB:,.0f}"
                for field in ("malloc_in_use", "malloc_free", "anon")
            ),
        )
        for requests in (900, 9_000, 18_000)
    ]
    return _table("Requests | In use | Free | Private", lines, "rrrr")


# --- Stage 5: what it follows -------------------------------------------------------------------------------------


@cache
def hourly() -> list[dict[str, Any]]:
    """From Friday 13:00 to Sunday 9:00: what the average replica gained in an hour, and the requests it had."""
    traffic = {datetime.fromisoformat(row["time"]): row for row in rows("traffic.csv")}
    found = []
    time = datetime(2026, 11, 20, 13, 0)
    while time < datetime(2026, 11, 22, 9, 0):
        ends = []
        for number in range(3, setting.REPLICAS + 1):
            by_time = dict(curves()[number])
            ends.append(by_time[time + timedelta(hours=1)] - by_time[time])
        halves = [traffic[time], traffic[time + timedelta(minutes=30)]]
        found.append(
            {
                "time": time,
                "gib": fmean(ends),
                **{
                    app: sum(int(half[app]) for half in halves) / setting.REPLICAS
                    for app in ("app_a", "app_b", "app_c")
                },
            }
        )
        time += timedelta(hours=1)
    return found


def hours_and_traffic() -> dict[str, Any]:
    """Each as a multiple of its own mean, so that the shapes compare."""
    names = {"gib": "Growth", "all": "All requests", "app_c": "Requests of C"}
    series = [row | {"all": row["app_a"] + row["app_b"] + row["app_c"]} for row in hourly()]
    means = {field: fmean(row[field] for row in series) for field in names}
    values = [
        {"x": row["time"].isoformat(), "what": label, "y": round(row[field] / means[field], 2)}
        for field, label in names.items()
        for row in series
    ]
    return _lines(
        "Growth and requests by hour, each as a multiple of its mean",
        "All requests peak at 1.5 times their mean at 20:00 and fall to half of it at 4:00. Requests of C and the growth "
        "stand at 2.4 times their means from 0:00 to 6:00 and at half of them for the rest of both days.",
        values,
        list(names.values()),
        {
            "type": "temporal",
            "title": "Time (UTC)",
            "axis": {"format": "%a %H:%M", "tickCount": 5, "labelOverlap": True},
        },
        "Multiple of the mean",
    )


def explained_table() -> str:
    growth = [row["gib"] * GIB / 1e6 for row in hourly()]
    lines = []
    for name, apps in EXPLAINED.items():
        requests = [sum(row[app] for app in apps) for row in hourly()]
        fit = stats.slope(requests, growth)
        lines.append((name, _signed(fit.value), f"{stats.r_squared(requests, growth):.2f}"))
    return _table("Requests of | MB a request | R²", lines, "lrr")


def apps_together(app: str) -> str:
    """Megabytes a request of each application, all three at once."""
    growth = [row["gib"] * GIB / 1e6 for row in hourly()]
    found, _ = stats.several(
        [[row[name] for row in hourly()] for name in ("app_a", "app_b", "app_c")], growth
    )
    return f"{dict(zip('abc', found, strict=True))[app]:.3f}"


def fifteen_days() -> dict[str, Any]:
    values = [
        {"x": f"{row['time']}:00", "build": int(row["build"]), "y": float(row["working_set"])}
        for row in rows("history.csv")
    ]
    return {
        "title": "Working set of the average replica over fifteen days, GiB; a line for each build",
        "description": "Builds 411 to 413 stand at 38 GiB until they are replaced. Build 414 stands at 38 GiB for 27 hours and "
        "then rises to 50. Every later build rises from its first hour, to between 65 and 94 GiB.",
        "data": {"values": values},
        "usermeta": {"columns": {"x": "Time (UTC)", "build": "Build", "y": "GiB"}},
        "height": 200,
        "mark": {"type": "line", "point": {"size": 12}},
        "encoding": {
            "x": {
                "field": "x",
                "type": "temporal",
                "title": "Time (UTC)",
                "axis": {"format": "%d %b", "tickCount": 6},
            },
            "y": {"field": "y", "type": "quantitative", "title": "GiB", "scale": {"zero": True}},
            "detail": {"field": "build"},
        },
    }


def before_friday(what: str) -> str:
    own = [row for row in rows("history.csv") if int(row["build"]) < 420]
    top = max(own, key=lambda row: float(row["working_set"]))
    return {
        "highest": f"{float(top['working_set']):.0f}",
        "hours": top["uptime_h"],
        "builds": str(len({row["build"] for row in own if int(row["app_c"]) > 0})),
    }[what]


# --- Stage 6: what each explanation predicts ----------------------------------------------------------------------


def _kept(arm: str, field: str = "malloc_in_use_gained") -> float:
    """Megabytes a request, the mean of the rounds."""
    found = [int(row[field]) / int(row["requests"]) for row in rows("replays.csv") if row["arm"] == arm]
    return fmean(found) / 1e6


def kept(arm: str, field: str = "malloc_in_use_gained") -> str:
    return f"{_kept(arm, field):.2f}"


def predicted(arm: str) -> dict[str, float]:
    """Megabytes a request that each explanation predicts, from `C as recorded` alone; C closes 30% early."""
    whole = _kept("C as recorded")
    c, a = arm.startswith("C"), arm.startswith("A")
    return {
        "Pictures": whole if (c and arm != "C without the picture") or arm == "A with C's pictures" else 0.0,
        "Early closes": 0.0
        if a or arm == "C, nobody closes early"
        else whole / 0.3
        if arm == "C, everybody closes early"
        else whole,
        "Long prompts": whole if c and arm != "C with a short prompt" else 0.0,
        "Schemas": whole if (c and arm != "C, one schema for all") or arm == "A with C's schemas" else 0.0,
    }


def rivals_table() -> str:
    lines = [
        (arm, f"**{_signed(_kept(arm))}**", *(f"{value:.2f}" for value in predicted(arm).values()))
        for arm in load.ARMS
    ]
    return _table(f"Replayed | Seen | {' | '.join(predicted('A as recorded'))}", lines, "lrrrrr")


def native_table() -> str:
    """The stacks of native.txt, outermost native function and the example's own innermost frames."""
    text = (HERE / "evidence/native.txt").read_text(encoding="utf-8")
    total = _native_total()
    lines = []
    for size, stack in re.findall(r"^([\d,]+) bytes in .*\n((?:    .*\n?)*)", text, re.MULTILINE):
        frames = [frame.split(" (")[0] for frame in stack.split("\n    ")]
        places = re.findall(r"\((\w+\.py:\d+)\)", stack)
        share = int(size.replace(",", "")) / total
        if share >= 0.01:
            lines.append(
                (
                    f"{share * 100:.0f}%",
                    f"`{frames[0].strip()}`",
                    ", ".join(f"`{place}`" for place in places[:3]),
                )
            )
    return _table("Share | Native function | Called from", lines, "rll")


def _native_total() -> int:
    text = (HERE / "evidence/native.txt").read_text(encoding="utf-8")
    (found,) = re.findall(r"200 requests of C: ([\d,]+) bytes", text)
    return int(str(found).replace(",", ""))


def native_a_request() -> str:
    return f"{_native_total() / 200 / 1e6:.2f}"


# --- Afterward ----------------------------------------------------------------------------------------------------


def before_and_after() -> dict[str, Any]:
    names = {("old", "pages.csv"): "As it was", ("canary", "after.csv"): "Mended"}
    values = [
        {"x": row["requests"], "what": label, "y": round(row["anon"] / MIB)}
        for (replica, file), label in names.items()
        for row in pages(replica, file)
        if row["process"] == "engine" and row["requests"] <= 7_200
    ]
    last = {value["what"]: value["y"] for value in values if value["x"] == 7_200}
    return _lines(
        "The engine's private memory under the same 7,200 requests: it grows without the mend and not with it",
        f"As it was, the line rises to {last['As it was']:,} MiB. Mended, it ends at {last['Mended']:,} MiB, which it has nearly "
        "reached after the first 900 requests.",
        values,
        list(names.values()),
        {"type": "quantitative", "title": "Requests served"},
        "MiB",
    )


def _noise() -> tuple[float, float]:
    """Standard deviation of a five-minute reading about its line by day, and how alike neighbors are."""
    residuals, alike = [], []
    for number in range(1, setting.REPLICAS + 1):
        points = [
            ((time - setting.FIRST_READY) / timedelta(hours=1), level)
            for time, level in curves()[number]
            if time.day == 21 and 8 <= time.hour < 20
        ]
        fit = stats.slope([x for x, _ in points], [y for _, y in points])
        middle = fmean(x for x, _ in points), fmean(y for _, y in points)
        left = [y - middle[1] - fit.value * (x - middle[0]) for x, y in points]
        residuals.append(fit.residual)
        alike.append(sum(a * b for a, b in pairwise(left)) / sum(a * a for a in left))
    return fmean(residuals), fmean(alike)


def noise(what: str) -> str:
    value, alike = _noise()
    return {"gib": f"{value:.2f}", "alike": f"{alike:.2f}"}[what]


def canary_hours(difference: float) -> str:
    """Hours side by side until slopes that differ by so many GiB an hour are told apart."""
    value, alike = _noise()
    inflated = value * ((1 + alike) / (1 - alike)) ** 0.5
    return f"{stats.hours_until_visible(inflated, 12, difference):.1f}"


def replay_hours() -> str:
    """To send a replica's two days of C at ten times its rate."""
    return f"{48 / 10:.1f}"


def limit_buys(limit: float) -> str:
    """Hours until a limit of so many GiB is reached, at the average growth."""
    gib, hours = _grown()
    return f"{(limit - setting.AT_HOUR_1) / (gib / hours) + 1:.0f}"


def entries_at_kill() -> str:
    """Entries of the cache when a replica dies, in thousands: the requests of C in 48 hours."""
    return f"{_c_requests() / 1000:.1f}"


def _c_requests() -> float:
    per_hour = fmean(row["app_c"] for row in _two_days())
    return 48 * per_hour


def _two_days() -> list[dict[str, Any]]:
    return [row for row in hourly() if row["time"] >= datetime(2026, 11, 21, 9, 0)]


def hostile_hours() -> str:
    """Hours in which new schemas, at the rate that a replica sustains, fill what C took."""
    per_hour = setting.SUSTAINED * 3600 * 1e6 * _kept("C as recorded") / GIB
    return f"{(setting.LIMIT - setting.AT_HOUR_1) / per_hour:.1f}"


def full_cache() -> str:
    """GiB that its bound of 100,000 entries would be."""
    return f"{100_000 * 1e6 * _kept('C as recorded') / GIB:.0f}"


def bounded(entries: int) -> str:
    """GiB of a cache that holds so many of C's entries."""
    return f"{entries * 1e6 * _kept('C as recorded') / GIB:.1f}"


def filled_on_two(part: str) -> str:
    """Hours until two replicas that serve all of C, and nothing else, are full: an eighth of the sixteen."""
    return f"{(setting.LIMIT - setting.AT_HOUR_1) / (setting.REPLICAS / 2 * float(slope_by(part))):.2g}"


def recycles(what: str) -> str:
    """What an age limit of 40 hours with its jitter asks of the fleet."""
    policy = Policy()
    mean = policy.oldest / timedelta(hours=1) * (1 - policy.jitter / 2)
    away = (setting.DRAIN + setting.RESTART) / timedelta(hours=1)
    return {
        "oldest": f"{policy.oldest / timedelta(hours=1):.0f}",
        "youngest": f"{policy.oldest / timedelta(hours=1) * (1 - policy.jitter):.0f}",
        "every": f"{mean / setting.REPLICAS:.2f}",
        "missing": f"{setting.REPLICAS * away / mean:.2f}",
    }[what]


def after_growth() -> str:
    """Kilobytes a request that the mended engine gains, and twice the standard error: a level that scatters."""
    found = _series("anon", "canary", "after.csv")
    return f"{found.value / 1000:.1f} ± {2 * found.error / 1000:.1f}"


def after_days() -> str:
    """Days in which it would gain 58 GiB, at the upper end of that."""
    found = _series("anon", "canary", "after.csv")
    per_hour = (found.value + 2 * found.error) * 3600 * setting.RPS / setting.REPLICAS / GIB
    return f"{(setting.LIMIT - setting.AT_HOUR_1) / per_hour / 24:.0f}"


def native_blocks() -> str:
    """Allocations that compiling one schema makes and keeps."""
    text = (HERE / "evidence/native.txt").read_text(encoding="utf-8")
    count = max(int(found.replace(",", "")) for found in re.findall(r"in ([\d,]+) allocations", text))
    return f"{round(count / 200, -2):,.0f}"


def tracer_own() -> str:
    """What tracemalloc needs for itself, of the bytes that it traced."""
    found = python_lines(2_700)
    return f"{int(found['tracemalloc itself']['bytes']) / int(found['total']['bytes']) * 100:.0f}%"


def walk() -> str:
    """Seconds that reading smaps_rollup would take of a full replica, in proportion to its pages."""
    (row,) = _tool("smaps_rollup")
    return f"{float(row['took_s']) * 95 * GIB / _at('old', OLD, 'engine')['rss']:.1f}"


def _core_rate() -> float:
    (row,) = _tool("gcore")
    return int(row["written"]) / GIB / float(row["took_s"])


def core_rate() -> str:
    return f"{_core_rate():.2f}"


def dump_here() -> str:
    """Minutes that the image of a full replica would take at the rate of the captured one."""
    return f"{95 / _core_rate() / 60:.0f}"
