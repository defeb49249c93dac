"""Every number on the page, computed from the setting, the plan and the assumptions named with them."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

from examples.chaos_engineering import paper, plan, setting, zone

WAYS = {
    "today": zone.Gateway(),
    "canceled": zone.Gateway(cancel=True),
    "patient": zone.Gateway(give_up_s=120.0),
    "budget": zone.Gateway(retry_budget=0.10),
    "bounded": zone.Gateway(queue_s=5.0),
    "deferred": zone.Gateway(queue_s=5.0, defer_batch=True),
}
NAMES = {
    "today": "today",
    "budget": "retry budget",
    "bounded": "bounded queue",
    "deferred": "and batch deferred",
}
PEAK_LOSS = paper.lose(setting.ZONE_REPLICAS, setting.PEAK_RPS)
NORMAL = 1 - setting.TARGET
"""Share of bad requests in the control group: what the objective allows."""
LLAMA_3 = 268, 2_048, 54
"""Interruptions put down to GPUs, nodes and days of Meta's training run, by its paper's table."""
WHERE = {"paper": "Paper", "probes": "Probes", "pool": "Pool", "fleet": "Fleet"}


def _table(head: str, rows: list[tuple[Any, ...]], align: str) -> str:
    columns = [cell.strip() for cell in head.split("|")]
    marks = ["---:" if align[i] == "r" else "---" for i in range(len(columns))]
    lines = [columns, marks, *[[str(cell) for cell in row] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _count(value: float) -> str:
    return f"{value:,.0f}"


@cache
def _plan() -> plan.Plan:
    return plan.load()


@cache
def _zone(way: str) -> list[zone.Second]:
    return zone.lose_a_zone(WAYS[way])


# --- The zone on paper --------------------------------------------------------------------------------------------


def loss(what: str) -> str:
    """Of losing a zone at peak: capacity, provider, unplaced, cut, missed."""
    value = getattr(PEAK_LOSS, what)
    return _count(value) if value == round(value) else f"{value:.1f}"


def short() -> int:
    return round(setting.PEAK_RPS - PEAK_LOSS.capacity)


def urgent() -> int:
    return round(setting.PEAK_RPS * (1 - setting.BATCH_SHARE))


def spare_after_deferral() -> int:
    return round(PEAK_LOSS.capacity - urgent())


def utilization(rps: float, replicas: int) -> str:
    return f"{rps / (replicas * setting.REPLICA_RPS) * 100:.0f}%"


def offered() -> int:
    """Attempts/s in the lost zone's steady state, if refusals cost nothing."""
    return round(paper.attempts(setting.PEAK_RPS, PEAK_LOSS.capacity + setting.PROVIDER_RPS))


def refused_in(minutes: int = 10) -> str:
    """Requests without a place in so many minutes, if exactly the excess is refused and nothing else goes wrong."""
    return _count(PEAK_LOSS.unplaced * minutes * 60)


def stream_s() -> str:
    return f"{setting.STREAM_S:g}"


def prefill_s() -> str:
    """Seconds of the two zones' whole prefill work that repeating the cut streams' prompts takes.

    A replica at its limit prefills 8 prompts of 2,000 tokens a second; a cut stream starts again from its prompt.
    """
    return f"{PEAK_LOSS.cut / PEAK_LOSS.capacity:.1f}"


def lost_output_tokens() -> str:
    """Tokens that the cut streams had produced: at a random moment, half of the output on average."""
    return _count(PEAK_LOSS.cut * setting.OUTPUT_TOKENS / 2)


def drain_s() -> str:
    """Seconds until urgent requests that were cut or missed are worked off beside new ones, with batch deferred."""
    urgent_share = 1 - setting.BATCH_SHARE
    return _count((PEAK_LOSS.cut + PEAK_LOSS.missed) * urgent_share / spare_after_deferral())


def cut() -> str:
    return loss("cut")


def cut_urgent() -> str:
    """Cut streams that count as bad: a batch request is repeated within its four hours."""
    return _count(PEAK_LOSS.cut * (1 - setting.BATCH_SHARE))


def cold(replicas: int) -> str:
    return _count(paper.cold_start_s(replicas))


def deferrable_hours() -> str:
    """Longest loss at constant peak in which batch work, first in first out, stays within its four hours.

    Of 90/s that arrive, 46/s are served: what is served at time T arrived at 46/90 T and has waited 44/90 T. That is the
    longest wait, for after the loss the backlog drains faster than it grew.
    """
    batch = setting.PEAK_RPS * setting.BATCH_SHARE
    return f"{setting.BATCH_HOURS * batch / (batch - spare_after_deferral()):.1f}"


def backlog(minutes: int = 10) -> str:
    growth = setting.PEAK_RPS * setting.BATCH_SHARE - spare_after_deferral()
    return _count(growth * minutes * 60)


def backlog_drain_min(minutes: int = 10) -> str:
    growth = setting.PEAK_RPS * setting.BATCH_SHARE - spare_after_deferral()
    return f"{growth * minutes * 60 / (setting.FLEET_RPS - setting.PEAK_RPS) / 60:.0f}"


# --- The zone in the model ----------------------------------------------------------------------------------------


def zone_bad(way: str = "today") -> str:
    return _count(sum(second.bad for second in _zone(way)))


def zone_bad_share(way: str = "today") -> str:
    """Of the month's error budget."""
    return f"{sum(second.bad for second in _zone(way)) / setting.BUDGET * 100:.0f}%"


def zone_asked() -> str:
    """Requests that arrive in the minutes that the model covers after the loss."""
    return _count(setting.PEAK_RPS * (zone.END_AT - zone.LOST_AT))


def zone_minutes() -> int:
    """What the model covers, from the loss on."""
    return round((zone.END_AT - zone.LOST_AT) / 60)


@cache
def latest_abort() -> int:
    return zone.latest_abort_s(WAYS["today"])


def zone_chart() -> dict[str, Any]:
    rows = []
    for minute in range(zone.END_AT // 60):
        row: dict[str, Any] = {"minute": minute}
        for way in NAMES:
            row[way] = round(sum(s.good for s in _zone(way)[minute * 60 : minute * 60 + 60]) / 60)
        rows.append(row)
    look = {
        "field": "way",
        "type": "nominal",
        "title": None,
        "scale": {"domain": list(NAMES.values())},
        "legend": {"columns": 2},
    }
    return {
        "title": "After the zone is back, today only the provider answers; bounding the queue and deferring batch keeps the service whole.",
        "description": (
            "Requests a second answered in time, by minute, in a model; a zone is lost from minute 1 to minute 11 at "
            "a demand of 300. Today: about 270 for four minutes, 25 in the fifth, then 14 to the end, the provider's. With a retry "
            "budget: the same fall a minute later, but back at 300 some five minutes after the zone. With a bounded queue: 270 throughout. With batch "
            "deferred too: 256 during the loss, all urgent requests among them, then 384 while the deferred work "
            "is done, then 300."
        ),
        "data": {"values": rows},
        "usermeta": {
            "columns": {
                "minute": "Minute",
                **{way: f"{name[0].upper()}{name[1:]}" for way, name in NAMES.items()},
            }
        },
        "transform": [
            {"fold": list(NAMES), "as": ["key", "good"]},
            {"calculate": f"({json.dumps(NAMES)})[datum.key]", "as": "way"},
        ],
        "mark": "line",
        "encoding": {
            "x": {"field": "minute", "type": "quantitative", "title": "Minute (zone lost from 1 to 11)"},
            "y": {"field": "good", "type": "quantitative", "title": "Answered (requests/s)"},
            "color": look,
            "strokeDash": look,
        },
    }


# --- The rest of the draft ----------------------------------------------------------------------------------------


def cut_by(replicas: int, rps: float) -> str:
    return _count(paper.lose(replicas, rps).cut)


def daily_deletion_share() -> str:
    """Of a month's allowance, by one deletion a day at mean load."""
    return f"{setting.DAYS * paper.lose(1, setting.MEAN_RPS).cut / setting.ALLOWANCE * 100:.0f}%"


def days_between_faults() -> str:
    return f"{setting.RECORD_DAYS / setting.GPU_FAULTS:.0f}"


def fault_rate() -> str:
    """GPU faults per 1,000 node-days in the record."""
    return f"{setting.GPU_FAULTS / (setting.NODES * setting.RECORD_DAYS) * 1_000:.1f}"


def published_rate() -> str:
    """Interruptions put down to GPUs per 1,000 node-days in Meta's Llama 3 run."""
    interruptions, nodes, days = LLAMA_3
    return f"{interruptions / (nodes * days) * 1_000:.1f}"


def interval(count: int) -> str:
    low, high = paper.poisson_interval(count)
    return (
        f"{low:.1f} to {high:.1f}"
        if count > 1
        else f"{low:.2f} to {high:.1f}"
        if count
        else f"0 to {high:.1f}"
    )


# --- Budget and size ----------------------------------------------------------------------------------------------


def allowance() -> str:
    return _count(setting.ALLOWANCE)


def pool_in_flight() -> str:
    """Streams that two replicas hold at mean load: an abort comes too late for them."""
    return _count(2 * setting.MEAN_RPS / setting.REPLICAS * setting.STREAM_S)


def replica_rps_after_loss() -> str:
    return f"{setting.PEAK_RPS / (setting.REPLICAS - setting.ZONE_REPLICAS):.1f}"


def delay_share(delay_s: float = 0.2) -> str:
    """Of a stream's time, if a delay is paid once."""
    return f"{delay_s / setting.STREAM_S * 100:.1f}%"


def samples(broken: float, normal: float = NORMAL) -> str:
    return _count(paper.sample_size(normal, broken))


def sample_minutes(broken: float, normal: float = NORMAL) -> str:
    """On the two replicas of a group, at mean load."""
    rps = 2 * setting.MEAN_RPS / setting.REPLICAS
    return f"{paper.sample_size(normal, broken) / rps / 60:.0f}"


def false_stop(k: int = 5, broken: float = 0.01, normal: float = NORMAL) -> str:
    """Chance that a harmless fault reaches `k` bad answers in a sample of that size."""
    return f"{paper.poisson_at_least(k, paper.sample_size(normal, broken) * normal) * 100:.1f}%"


def certain_stop(k: int = 5, broken: float = 0.002, normal: float = NORMAL) -> str:
    """The same where the sample is so long that a harmless run is bound to reach `k`."""
    share = paper.poisson_at_least(k, paper.sample_size(normal, broken) * normal)
    return f"over {math.floor(min(share, 0.99) * 100)}%"


def overload_ratio() -> str:
    return f"{setting.PEAK_RPS / PEAK_LOSS.capacity * 100:.0f}%"


def ratio_rps(replicas: int = 10) -> str:
    """Load on so many replicas that equals a lost zone's at peak."""
    return f"{setting.PEAK_RPS / PEAK_LOSS.capacity * replicas * setting.REPLICA_RPS:.0f}"


def ratio_total(replicas: int = 10) -> str:
    """All traffic at the hour when those who are not excluded send this."""
    return f"{setting.PEAK_RPS / PEAK_LOSS.capacity * replicas * setting.REPLICA_RPS / (1 - setting.EXCLUDED_SHARE):.0f}"


def excluded_replicas() -> int:
    """Replicas that the excluded tenants need at peak."""
    return paper.replicas_for(setting.PEAK_RPS * setting.EXCLUDED_SHARE)


def fenced_utilization() -> str:
    """Of the others' replicas when a zone is lost at peak, the excluded are fenced, and batch is deferred."""
    rps = setting.PEAK_RPS * (1 - setting.EXCLUDED_SHARE) * (1 - setting.BATCH_SHARE)
    return utilization(rps, setting.REPLICAS - setting.ZONE_REPLICAS - excluded_replicas())


# --- Money --------------------------------------------------------------------------------------------------------


def headroom(what: str, provider: bool = False) -> str:
    """What two zones need to hold peak: replicas, more, nodes (more of them), dollars a month."""
    rps = setting.PEAK_RPS - (setting.PROVIDER_RPS if provider else 0.0)
    replicas = paper.fleet_for_zone_loss(rps)
    nodes = paper.nodes_for(replicas) - setting.NODES
    month = nodes * setting.GPUS_PER_NODE * setting.GPU_HOUR * 24 * setting.DAYS
    values = {"replicas": replicas, "more": replicas - setting.REPLICAS, "nodes": nodes, "month": month}
    return _count(values[what])


def provider_cost(rps: float, minutes: float) -> str:
    return _count(rps * minutes * 60 * setting.PROVIDER_REQUEST)


def work_weeks() -> int:
    return setting.ENGINEERS * setting.WEEKS


# --- Tables -------------------------------------------------------------------------------------------------------


def risk_table() -> str:
    rows = []
    unit = {"wrong": "wrong", "bad": "bad", "late": "late", "cut": "cut", "modeled": "bad, modeled"}
    for failure in sorted(_plan().failures, key=lambda failure: -failure.risk()):
        harm = (
            "0 until needed" if failure.kind == "latent" else f"{_count(failure.harm())} {unit[failure.kind]}"
        )
        by = ", ".join(f"`{name}`" for name in failure.by)
        rows.append((f"{failure.what}<br>{by}", f"{harm}<br>{failure.recorded} in 90 days", failure.noticed))
    return _table("Failure, tested by | Harm, events | Who notices today", rows, "lll")


def experiment_table() -> str:
    rows = []
    for e in _plan().experiments:
        first, last = e.weeks
        weeks = f"{first}" if first == last else f"{first}-{last}"
        name = f"`{e.id}`<br>week {weeks}<br>{WHERE[e.where]}"
        cut = paper.lose(e.replicas, setting.MEAN_RPS).cut
        worst = _count(e.worst_case())
        if e.load_rps:
            more = f" + {cut:.0f} cut" if cut else ""
            worst += f"<br>= {e.load_rps:g} \u00d7 {e.detect_s + setting.REROUTE_S:g} s{more}"
        rows.append((name, e.what, e.passes, worst))
    return _table("Name | What is done | Passes if | Worst case", rows, "llll")


def ratio_harm() -> str:
    """Worst case of `ratio` against the modeled loss of a zone at peak, today."""
    (ratio,) = [e for e in _plan().experiments if e.id == "ratio"]
    return f"{ratio.worst_case() / sum(second.bad for second in _zone('today')) * 100:.0f}%"


def worst_month() -> str:
    months: dict[int, float] = {}
    for e in _plan().experiments:
        month = (e.weeks[1] - 1) // plan.MONTH_WEEKS
        months[month] = months.get(month, 0.0) + e.worst_case()
    return _count(max(months.values()))


def worst_month_share() -> str:
    return f"{float(worst_month().replace(',', '')) / setting.ALLOWANCE * 100:.0f}%"


def answers_table() -> str:
    """What could make a zone's loss pass."""
    month = headroom("month")
    rows = [
        (
            "Buy",
            f"{headroom('nodes')} nodes: two zones hold {setting.PEAK_RPS}",
            f"${month} a month, if to be had",
        ),
        (
            "Reserve",
            f"{headroom('nodes', provider=True)} nodes, and the provider's quota in the contract",
            f"${headroom('month', provider=True)} a month, what the provider asks, a second model to probe",
        ),
        (
            "Defer",
            f"Batch waits: {urgent()} of {_count(PEAK_LOSS.capacity)} requests/s",
            f"Two weeks of work; holds {deferrable_hours()} hours at peak",
        ),
        (
            "Promise less",
            f"{short() / setting.PEAK_RPS * 100:.0f}% refused while a zone is lost at peak, or "
            f"{PEAK_LOSS.unplaced / setting.PEAK_RPS * 100:.0f}% if the provider's quota is tested and guaranteed",
            "A clause, and a bounded queue to refuse with",
        ),
    ]
    return _table("Answer | What it gives | What it costs", rows, "lll")


def reroute_s() -> int:
    return setting.REROUTE_S


def probes_95(wrong: float = 0.05) -> int:
    """Probes of which at least one fails with 95% probability when so large a share of answers is wrong."""
    return math.ceil(math.log(0.05) / math.log(1 - wrong))


def fleet_worst() -> str:
    return _count(max(e.worst_case() for e in _plan().experiments if e.where == "fleet"))
