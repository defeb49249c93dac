"""Every number on the page, computed from the records in setting.py and the assumptions named here."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

from examples.slo_definition import calculator
from examples.slo_definition import setting as s
from examples.slo_definition.budget import (
    ALERTS,
    DAY,
    HOUR,
    burn_rate,
    error_budget,
    exhaustion_s,
    reset_s,
)
from examples.slo_definition.capacity import cached_tokens, in_flight, replicas_for, replicas_with_a_zone_lost
from examples.slo_definition.latency import Lengths, completion_s, tokens_within
from examples.slo_definition.month import Month
from examples.slo_definition.verdict import DEADLINE_S, FIRST_TOKEN_S, SHORT_PROMPT, TPOT_S

INPUT = Lengths(s.INPUT_MEDIAN, s.INPUT_MEAN)
OUTPUT = Lengths(s.OUTPUT_MEDIAN, s.OUTPUT_MEAN)

# Assumptions of the page
PASS_RATE = 0.90
"""Of the graded prompts, on an ordinary night."""
CAPACITY_MEND = 0.9
"""Share of the capacity refusals that more replicas and better placement end."""
DRAIN_MEND = 0.5
"""Share of the broken streams that draining before a deployment ends."""
FALLBACK_MEND = 0.5
"""Share of the 5xx that a second try elsewhere, before the first token, hides."""
SPARE = 0.2
"""Share of a budget that an ordinary month should leave."""


def percent(share: float, digits: int = 2) -> str:
    """A share as a percentage, without trailing zeros."""
    text = f"{share * 100:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "%"


def table(head: str, *rows: str) -> str:
    """A Markdown table; a column whose heading ends in a colon is set right."""
    cells = [cell.strip() for cell in head.split("|")]
    rule = " | ".join("---:" if cell.endswith(":") else "---" for cell in cells)
    shown = " | ".join(cell.removesuffix(":") for cell in cells)
    return "\n".join(f"| {row} |" for row in (shown, rule, *rows))


# The records as verdicts


def requests() -> float:
    """All requests of the period."""
    return s.MEAN_RATE * s.PERIOD_S


def millions(count: float, digits: int = 1) -> str:
    """A count in millions."""
    return f"{count / 1e6:.{digits}f} million"


def requests_text() -> str:
    """All requests of the period, in millions."""
    return millions(requests())


def provider_requests() -> str:
    """Requests of the period that go to the provider."""
    return millions(requests() * s.PROVIDER_SHARE, 2)


def no_capacity() -> float:
    """Share of all requests refused for want of capacity."""
    return s.REFUSED * s.REFUSED_FOR_CAPACITY


def over_quota() -> float:
    """Share of all requests refused by quota."""
    return s.REFUSED - no_capacity()


def broken() -> float:
    """Share of all requests whose stream breaks off."""
    return s.STREAMED_SHARE * s.BROKEN_STREAMS


def canceled() -> float:
    """Share of all requests that the client closes."""
    return s.STREAMED_SHARE * s.CLOSED_BY_CLIENT


def bad_of_all() -> float:
    """Share of all requests that are bad by the records, cancels not judged."""
    return s.SERVER_ERRORS + no_capacity() + broken()


def bad_of_valid(cancels_counted: bool = True) -> float:
    """The same as a share of valid events: without quota refusals, and with or without canceled streams."""
    return bad_of_all() / (1 - over_quota() - (0 if cancels_counted else canceled()))


def share(of: str, digits: int = 3) -> str:
    """One of the shares above, as a percentage."""
    values = {
        "no_capacity": no_capacity(),
        "over_quota": over_quota(),
        "broken": broken(),
        "canceled": canceled(),
        "bad_of_all": bad_of_all(),
        "bad_of_valid": bad_of_valid(),
        "bad_at_most": bad_of_valid(cancels_counted=False),
        "if_cancels_bad": (bad_of_all() + canceled()) / (1 - over_quota()),
        "good_of_valid": 1 - bad_of_valid(),
        "good_at_least": 1 - bad_of_valid(cancels_counted=False),
    }
    return percent(values[of], digits)


def times_the_draft() -> str:
    """How many budgets of the draft's 99.9% today's bad events are."""
    return f"{burn_rate(bad_of_valid(), s.DRAFT_TARGET):.1f}"


def cancels_per_bad() -> str:
    """Canceled requests for each bad one."""
    return f"{canceled() / bad_of_all():.0f}"


def spent_today() -> str:
    """Share of the new budget that an ordinary month spends, as a range over the treatment of cancels."""
    low, high = (burn_rate(bad_of_valid(counted), s.SERVED_TARGET) for counted in (True, False))
    return f"{low * 100:.0f}% to {high * 100:.0f}%"


def cancels_to_overspend() -> str:
    """One in how many canceled requests, judged bad, spends what an ordinary month leaves of the new budget."""
    left = (1 - s.SERVED_TARGET) * (1 - over_quota()) - bad_of_all()
    return f"{canceled() / left:.0f}"


def headroom() -> str:
    """What an ordinary month leaves of the agreement: points, requests, and minutes of full outage at mean rate."""
    points = 1 - s.AGREEMENT_TARGET - bad_of_valid()
    lost = points * s.MEAN_RATE * s.PERIOD_S * (1 - over_quota())
    return f"{points * 100:.2f} points: about {round(lost, -3):,.0f} requests, or {lost / s.MEAN_RATE / 60:.0f} minutes of total outage at the mean rate"


def agreement_spent() -> str:
    """Share of what the agreement allows that an ordinary month spends."""
    return percent(burn_rate(bad_of_valid(), s.AGREEMENT_TARGET), 0)


# Dependencies


def provider_allowance() -> int:
    """Failures that the provider's contract allows in the period."""
    return round(requests() * s.PROVIDER_SHARE * error_budget(s.PROVIDER_TARGET))


def provider_allowance_share() -> float:
    """The same as a share of all requests."""
    return s.PROVIDER_SHARE * error_budget(s.PROVIDER_TARGET)


def provider_minutes() -> str:
    """Minutes of total outage in the period that the contract allows the provider."""
    return f"{error_budget(s.PROVIDER_TARGET) * s.PERIOD_S / 60:.0f}"


def combined(own: float) -> str:
    """Availability of both paths together, with the provider at its contract."""
    return percent((1 - s.PROVIDER_SHARE) * own + s.PROVIDER_SHARE * s.PROVIDER_TARGET)


def mends() -> list[tuple[str, float, float, float]]:
    """After each mend: bad of valid, the same with the provider at its contract, and the target that this carries."""
    refused, cut, errors = no_capacity(), broken(), s.SERVER_ERRORS
    contract = provider_allowance_share()
    steps = [("Today", refused, cut, errors, contract)]
    refused *= 1 - CAPACITY_MEND
    steps.append((f"{percent(CAPACITY_MEND, 0)} of capacity 429s gone", refused, cut, errors, contract))
    cut *= 1 - DRAIN_MEND
    steps.append(("and half of the broken streams", refused, cut, errors, contract))
    errors *= 1 - FALLBACK_MEND
    steps.append(("and a fallback for the provider", refused, cut, errors, 0.0))
    rows = []
    for name, *parts, on_top in steps:
        valid = 1 - over_quota()
        bad, worst = sum(parts) / valid, (sum(parts) + on_top) / valid
        carries = 1 - int(worst / (1 - SPARE) / 0.0005 + 1) * 0.0005
        rows.append((name, bad, worst, carries))
    return rows


def mends_table() -> str:
    """The same as a table."""
    rows = [f"{name} | {percent(bad)} | {percent(worst)} | {percent(to)}" for name, bad, worst, to in mends()]
    return table("After | Bad of valid: | Provider at its contract: | Target carried: ", *rows)


def best_target() -> str:
    """The target that all mends together carry."""
    return percent(mends()[-1][-1])


def draft_days() -> str:
    """Days in which today's bad events spend a budget of 99.9%."""
    return f"{exhaustion_s(bad_of_valid(), s.DRAFT_TARGET, s.PERIOD_S) / DAY:.0f}"


# The draft's latency


def draft_tokens(ttft: float = s.TTFT_P50, tpot: float = s.TPOT_P50) -> int:
    """Output tokens that fit into the draft's two seconds."""
    return tokens_within(s.DRAFT_LATENCY_S, ttft, tpot)


def draft_share() -> str:
    """Estimated share of responses that short."""
    return percent(OUTPUT.share_up_to(draft_tokens()), 0)


def fit(which: str) -> str:
    """The 99th percentile of a fitted distribution, to hold against the recorded one."""
    return f"{(INPUT if which == 'input' else OUTPUT).quantile(0.99):,.0f}"


def latency_table() -> str:
    """Seconds to the last token, by output length."""
    rows = []
    for name, tokens in [
        ("median", s.OUTPUT_MEDIAN),
        ("mean", s.OUTPUT_MEAN),
        ("p99", s.OUTPUT_P99),
        ("longest allowed", s.OUTPUT_MAX),
    ]:
        usual = completion_s(s.TTFT_P50, s.TPOT_P50, tokens)
        slow = completion_s(s.TTFT_P95, s.TPOT_P95, tokens)
        rows.append(f"{tokens:,} ({name}) | {usual:.1f} s | {slow:.1f} s")
    return table("Output tokens | At the median TTFT and TPOT: | At both p95: ", *rows)


def timeout_tokens(slow: bool = False) -> str:
    """Output tokens that fit into the client's timeout."""
    speed = (s.TTFT_P95, s.TPOT_P95) if slow else (s.TTFT_P50, s.TPOT_P50)
    return f"{tokens_within(s.CLIENT_TIMEOUT_S, *speed):,}"


def timeout_share(limit_s: float = s.CLIENT_TIMEOUT_S, slow: bool = False) -> str:
    """Estimated share of responses too long for a limit."""
    speed = (s.TTFT_P95, s.TPOT_P95) if slow else (s.TTFT_P50, s.TPOT_P50)
    return percent(1 - OUTPUT.share_up_to(tokens_within(limit_s, *speed)), 1 if slow else 2)


def deadline_tokens() -> str:
    """Output tokens that fit into the deadline at both p95, to the hundred below."""
    return f"{tokens_within(DEADLINE_S, s.TTFT_P95, s.TPOT_P95) // 100 * 100:,}"


def jobs_cut_off() -> str:
    """Estimated share of all requests that are jobs too long for the client's timeout: medians to both p95."""
    low, high = (
        (1 - s.STREAMED_SHARE) * (1 - OUTPUT.share_up_to(tokens_within(s.CLIENT_TIMEOUT_S, *speed)))
        for speed in ((s.TTFT_P50, s.TPOT_P50), (s.TTFT_P95, s.TPOT_P95))
    )
    return f"{percent(low, 2)} to {percent(high, 1)}"


def stall_in_tpot() -> str:
    """Milliseconds that a stall of three seconds adds to the TPOT of a mean response."""
    return f"{3_000 / (s.OUTPUT_MEAN - 1):.0f}"


# Classes


def short_share() -> float:
    """Estimated share of prompts that are short."""
    return INPUT.share_up_to(SHORT_PROMPT)


def short_text() -> str:
    """The same as a percentage."""
    return percent(short_share(), 0)


def long_slower_than_p99() -> str:
    """Most of the long prompts that can exceed the recorded p99 of all, if all that exceed it are long."""
    return percent(0.01 / (1 - short_share()), 0)


# Capacity


def own(rate: float) -> float:
    """The part of a rate that the own fleet gets."""
    return rate * (1 - s.PROVIDER_SHARE)


def capacity(zones: int = s.ZONES) -> str:
    """Requests per second that the fleet serves with that many zones."""
    return f"{s.REPLICAS / s.ZONES * zones * s.REPLICA_RATE:.0f}"


def own_peak() -> str:
    """Requests per second of the own fleet at peak."""
    return f"{own(s.PEAK_RATE):.0f}"


def utilization() -> str:
    """Share of the fleet's capacity in use at peak."""
    return percent(own(s.PEAK_RATE) / (s.REPLICAS * s.REPLICA_RATE), 0)


def shortfall() -> float:
    """Requests per second refused at peak with a zone lost."""
    return own(s.PEAK_RATE) - s.REPLICAS * (s.ZONES - 1) / s.ZONES * s.REPLICA_RATE


def shortfall_text() -> str:
    """The same, and its share of all traffic."""
    return f"{shortfall():.0f} requests/s, {percent(shortfall() / s.PEAK_RATE, 1)} of all"


def shortfall_hour() -> str:
    """Share of the new budget that such an hour costs."""
    allowed = valid_requests() * error_budget(s.SERVED_TARGET)
    return percent(shortfall() * HOUR / allowed, 1)


def capacity_table() -> str:
    """Replicas and GPUs for each demand, with all zones and with one to spare."""
    rows = []
    for name, rate in [
        ("Own part of today's peak", own(s.PEAK_RATE)),
        ("The draft's 1,000, a fifth at the provider", own(s.DRAFT_RATE)),
        ("The draft's 1,000, all own", s.DRAFT_RATE),
    ]:
        plain = replicas_for(rate, s.REPLICA_RATE)
        spare = replicas_with_a_zone_lost(rate, s.REPLICA_RATE, s.ZONES)
        rows.append(
            f"{name}: {rate:,.0f}/s | {plain} ({plain * s.GPUS_PER_REPLICA}) "
            f"| {spare} ({spare * s.GPUS_PER_REPLICA:,})"
        )
    return table("Demand | Replicas (GPUs): | With any zone lost: ", *rows)


def draft_replicas() -> int:
    """Replicas for the draft's throughput, all on the own fleet."""
    return replicas_for(s.DRAFT_RATE, s.REPLICA_RATE)


def provider_peak() -> str:
    """Requests per second that the provider gets at peak."""
    return f"{s.PEAK_RATE * s.PROVIDER_SHARE:.0f}"


def spare_rate() -> str:
    """Requests per second that the own fleet has to spare at peak."""
    return f"{s.REPLICAS * s.REPLICA_RATE - own(s.PEAK_RATE):.0f}"


def thinking_tokens(seconds: int) -> str:
    """Tokens that take so many seconds at the median pace."""
    return f"{seconds / s.TPOT_P50:.0f}"


def spare_replicas() -> int:
    """Replicas with which the peak survives the loss of a zone."""
    return replicas_with_a_zone_lost(own(s.PEAK_RATE), s.REPLICA_RATE, s.ZONES)


def more_gpus() -> int:
    """GPUs that this adds."""
    return (spare_replicas() - s.REPLICAS) * s.GPUS_PER_REPLICA


def without_jobs() -> str:
    """Own peak in requests per second when the unstreamed jobs wait."""
    return f"{own(s.PEAK_RATE) * s.STREAMED_SHARE:.0f}"


def streams_in_flight(per_replica: bool = False) -> str:
    """Requests in flight at the own peak, by Little's law; estimated, as means are taken at the median speed."""
    total = in_flight(own(s.PEAK_RATE), completion_s(s.TTFT_P50, s.TPOT_P50, s.OUTPUT_MEAN))
    return f"{total / s.REPLICAS:.0f}" if per_replica else f"{total:,.0f}"


def cached_per_replica() -> str:
    """Tokens that a replica's streams hold at the own peak, estimated."""
    total = cached_tokens(own(s.PEAK_RATE), s.TPOT_P50, s.INPUT_MEAN, OUTPUT)
    return f"{round(total / s.REPLICAS, -3):,.0f}"


# Objectives and alerts


def valid_requests() -> float:
    """Valid requests of the period: all but those over quota."""
    return requests() * (1 - over_quota())


def outage(target: float) -> str:
    """A budget as time: how long a total outage at the mean rate lasts until it is spent."""
    return minutes(error_budget(target) * s.PERIOD_S)


def budget_text() -> str:
    """The new budget in events and in time, beside the draft's."""
    allowed = valid_requests() * error_budget(s.SERVED_TARGET)
    return (
        f"Of {millions(valid_requests(), 0)} valid requests {round(allowed, -3):,.0f} may fail, as many as a total outage of "
        f"{outage(s.SERVED_TARGET)} takes at the mean rate; the draft's 99.9% would be {outage(s.DRAFT_TARGET)}"
    )


def slo_table() -> str:
    """The objectives that replace the draft."""
    streamed = valid_requests() * s.STREAMED_SHARE
    short, jobs = short_share(), valid_requests() * (1 - s.STREAMED_SHARE)

    def row(promise: str, good: str, target: float, events: float, who: str) -> str:
        allowed = events * error_budget(target)
        count = millions(allowed) if allowed >= 1e6 else f"{round(allowed, -3):,.0f}"
        return f"{promise} | {good} | {percent(target)} | {count} | {who}"

    return table(
        "Promise, class | Good when | Target | Bad allowed: | Missed: who acts",
        row(
            "Served, all classes (alerts per class)",
            "a whole answer with a finish reason, or the client left neither waiting nor stalled",
            s.SERVED_TARGET,
            valid_requests(),
            "API on-call is paged; product owns target and freeze",
        ),
        row(
            f"First token, prompt ≤ {SHORT_PROMPT:,}",
            f"≤ {FIRST_TOKEN_S['short']:g} s",
            s.FIRST_TOKEN_TARGET,
            streamed * short,
            "serving on-call is paged",
        ),
        row(
            "First token, longer prompt",
            f"≤ {FIRST_TOKEN_S['long']:g} s",
            s.FIRST_TOKEN_TARGET,
            streamed * (1 - short),
            "serving on-call is paged",
        ),
        row(
            "Pace, streams of ≥ 20 tokens",
            f"mean TPOT ≤ {TPOT_S * 1000:.0f} ms and no gap > 5 s",
            s.PACE_TARGET,
            streamed,
            "nobody is paged; serving team's ticket",
        ),
        row(
            "Deadline, unstreamed",
            f"whole within {DEADLINE_S:g} s",
            s.DEADLINE_TARGET,
            jobs,
            "nobody is paged; API team's ticket",
        ),
    )


def minutes(seconds: float | None) -> str:
    """Seconds as minutes, hours or days; a dash for never."""
    if seconds is None:
        return "never"
    if seconds < 2 * HOUR:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / HOUR:.1f} h" if seconds < 2 * DAY else f"{seconds / DAY:.1f} days"


def window(seconds: int) -> str:
    """A window as Prometheus writes it."""
    for size, unit in ((DAY, "d"), (HOUR, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    raise ValueError(f"{seconds} s is no whole number of minutes")


def alert_table() -> str:
    """Each alert: windows, factor, thresholds, and how long it takes to notice three faults."""
    before = bad_of_valid()
    faults = [1.0, s.PROVIDER_SHARE + before, shortfall() / s.PEAK_RATE + before]
    rows = []
    for alert in ALERTS:
        found = [minutes(alert.detection_s(bad, s.SERVED_TARGET, s.PERIOD_S, before)) for bad in faults]
        rows.append(
            f"{alert.severity} | {window(alert.long_s)}, {window(alert.short_s)} "
            f"| {percent(alert.spent, 0)} | {alert.factor(s.PERIOD_S):g} "
            f"| {percent(alert.threshold(s.SERVED_TARGET, s.PERIOD_S))} "
            f"| {percent(alert.threshold(s.FIRST_TOKEN_TARGET, s.PERIOD_S), 0)} | {' | '.join(found)}"
        )
    return table(
        "Alert | Windows | Budget: | Factor: | Served: | First token: | All fail: | Provider out: | Zone lost at peak: ",
        *rows,
    )


def hours_to_exhaustion(factor: float) -> str:
    """Hours until a full budget is gone at that burn rate."""
    return f"{s.PERIOD_S / factor / HOUR:.0f}"


def page_reset() -> str:
    """How long the fast page stays after a provider outage ends."""
    before = bad_of_valid()
    return minutes(reset_s(ALERTS[0], s.PROVIDER_SHARE + before, s.SERVED_TARGET, s.PERIOD_S, before))


def can_never_fire() -> str:
    """The target at and below which the fast page cannot fire, whatever happens, in whole percent."""
    return f"{math.floor((1 - 1 / ALERTS[0].factor(s.PERIOD_S)) * 100)}%"


def few_events(target: float = s.SERVED_TARGET) -> str:
    """Events in the hour below which one failure is above the fast page's threshold."""
    return f"{1 / ALERTS[0].threshold(target, s.PERIOD_S):.0f}"


# Quality


def quality_margin() -> str:
    """Half the 95% confidence interval of one night's pass rate, in percentage points."""
    return f"{_z() * _error() * 100:.1f}"


def quality_step() -> str:
    """The smallest difference of two nights that is not chance at 95%, in percentage points."""
    return f"{_z() * _error() * 2**0.5 * 100:.1f}"


def quality_sample(points: float) -> str:
    """Graded prompts for a margin of that many percentage points."""
    return f"{_z() ** 2 * PASS_RATE * (1 - PASS_RATE) / (points / 100) ** 2:,.0f}"


def _z() -> float:
    return NormalDist().inv_cdf(0.975)


def _error() -> float:
    return math.sqrt(PASS_RATE * (1 - PASS_RATE) / s.GRADED_PROMPTS)


# The month


LEAK = 0.004
"""Streams that a bad release breaks, as a share of valid events."""
ZONE_LOST = (9 * DAY + 9 * HOUR, 9 * DAY + 15 * HOUR)
LEAKING = (16 * DAY, 22 * DAY)


def play(mended: bool) -> Month:
    """A month with a zone lost over one midday peak and a release that leaks for six days."""
    base = bad_of_valid()
    if mended:
        base -= CAPACITY_MEND * no_capacity() / (1 - over_quota())
    survives = (spare_replicas() if mended else s.REPLICAS) * (s.ZONES - 1) / s.ZONES * s.REPLICA_RATE

    def bad_share(time_s: float, rate: float) -> float:
        bad = base
        if ZONE_LOST[0] <= time_s < ZONE_LOST[1]:
            bad += max(0.0, own(rate) - survives) / rate
        if LEAKING[0] <= time_s < LEAKING[1]:
            bad += LEAK
        return bad

    return Month.play(30, s.MEAN_RATE, s.SERVED_TARGET, bad_share)


def left_at_end(mended: bool) -> str:
    """Share of the budget left after the month."""
    return percent(play(mended).left()[-1], 0)


def budget_month() -> dict[str, Any]:
    """The budget over that month, today and with the capacity mended, as a Vega-Lite specification."""
    names = {False: "Today", True: "Capacity mended"}
    rows: list[dict[str, Any]] = [
        {"line": "Even spend", "day": day, "left": 100 - day / 30 * 100} for day in (0, 30)
    ]
    days = sorted({*range(0, 31, 2), 9, 9.4, 9.6, 15, 17, 21, 29})
    for mended, name in names.items():
        left = play(mended).left()
        rows += [
            {"line": name, "day": day, "left": round(left[int(day * 288) - 1] * 100, 1) if day else 100}
            for day in days
        ]
        for alert in ALERTS:
            for time in play(mended).fired(alert):
                label = f"{alert.severity}, {window(alert.long_s)}"
                value = round(left[time // 300 - 1] * 100, 1)
                rows.append({"line": name, "day": round(time / DAY, 2), "left": value, "alert": label})
    rows.sort(key=lambda row: (row["line"] != "Today", row["line"] == "Even spend", row["day"]))
    color = {
        "field": "line",
        "type": "nominal",
        "scale": {
            "domain": ["Today", "Capacity mended", "Even spend"],
            "range": ["#ab4e1a", "#3f5b9e", "#5c6679"],
        },
        "legend": {"title": None, "orient": "top"},
    }
    x = {
        "field": "day",
        "type": "quantitative",
        "title": "Day of the month",
        "scale": {"domain": [0, 30]},
        "axis": {"values": [0, 5, 10, 15, 20, 25, 30]},
    }
    y = {"field": "left", "type": "quantitative", "title": "Budget left (% of the month's)"}
    shape = {
        "field": "alert_kind",
        "type": "nominal",
        "scale": {"domain": ["page", "ticket"], "range": ["triangle-up", "circle"]},
        "legend": {
            "title": None,
            "orient": "bottom",
            "symbolFillColor": "#5c6679",
            "symbolStrokeColor": "#5c6679",
        },
    }
    return {
        "title": "At today's base rate two ordinary faults overspend the month; with the capacity mended they do not",
        "description": (
            "Share of the 99.55% budget left over 30 days. A zone is lost over midday on day 9, and a release "
            f"breaks {percent(LEAK, 1)} of valid requests from day 16 to 22. Today the line falls almost evenly, drops by a fifth "
            f"on day 9 with two pages and two tickets, raises one more ticket for the leak, and ends at {left_at_end(False)}. With capacity mended the lost zone "
            f"costs nothing, the leak raises one ticket, and {left_at_end(True)} is left."
        ),
        "data": {"values": rows},
        "usermeta": {
            "columns": {
                "line": "Case",
                "day": "Day",
                "left": "Budget left (% of the month's)",
                "alert": "Alert that begins to fire",
            }
        },
        "height": 240,
        "encoding": {"x": x, "y": y, "color": color},
        "layer": [
            {
                "transform": [{"filter": "!isValid(datum.alert)"}],
                "mark": {"type": "line", "interpolate": "linear"},
                "encoding": {
                    "strokeDash": {
                        "field": "line",
                        "type": "nominal",
                        "scale": {
                            "domain": ["Today", "Capacity mended", "Even spend"],
                            "range": [[1, 0], [6, 3], [2, 3]],
                        },
                        "legend": None,
                    }
                },
            },
            {
                "transform": [
                    {"filter": "isValid(datum.alert)"},
                    {"calculate": "split(datum.alert, ',')[0]", "as": "alert_kind"},
                ],
                "mark": {"type": "point", "filled": True, "size": 60},
                "encoding": {"shape": shape},
            },
        ],
    }


def budget_calculator() -> dict[str, Any]:
    """The calculator of error budgets."""
    return calculator.specification()
