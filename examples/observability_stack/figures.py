"""Every number on the page, computed from the setting, the inventory and the rules' own windows."""

from __future__ import annotations

from math import comb, exp
from typing import Any

from examples.observability_stack import inventory as inv
from examples.observability_stack import setting as s

DAY_S = 86_400
TIMES = " \N{MULTIPLICATION SIGN} "
FOR_S = 60
"""The `for` of the rules that page fast."""
DELAY_S = 55
"""A scrape, a recording rule and an alert of another group, each up to 15 s old, and Alertmanager's `group_wait` of 10 s."""
SLOW_OF_30 = 4
"""In the example of the median tenant: so many slow requests in an hour would trip a naive rule."""
STALL_S = 5.0
"""In the example of a stalled stream."""
QUEUE_BYTES = {"service": 4e9, "traces": 2e9, "closing": 10e9}
"""On the disk of one collector, as its configuration says."""
SAMPLE_LIMIT = 2_000
"""Of a gateway's scrape, as its configuration says."""
VERSION_SERIES = sum(metric.a_pod() for metric in inv.DESIGN if "version" in metric.labels) // (
    s.MODELS * s.VERSIONS
)
"""Of one pod, for each version of a model."""
MIGRATION_DOLLARS = 40_000.0
"""Of moving logs or traces to another store: two engineers for a month, an estimate."""


def _table(head: str, rows: list[tuple[Any, ...]], align: str = "") -> str:
    columns = [cell.strip() for cell in head.split("|")]
    marks = ["---:" if align[i : i + 1] == "r" else "---" for i in range(len(columns))]
    lines = [columns, marks, *[[str(cell) for cell in row] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _dollars(value: float) -> str:
    return f"${value:,.0f}"


def _percent(share: float, digits: int = 0) -> str:
    return f"{share * 100:.{digits}f}%"


# --- The budget and the draft -------------------------------------------------------------------------------------


def budget() -> str:
    return _dollars(inv.budget())


def draft_series(models: float) -> str:
    """Of the draft's histograms, in millions."""
    return f"{inv.draft_series(models) / 1e6:.2f} million"


def draft_series_dollars(models: float) -> str:
    return _dollars(inv.series_dollars(inv.draft_series(models)))


def draft_one_region() -> str:
    """As realistic as it gets: 1.5 models a tenant, and each tenant in one of the two regions."""
    return draft_series_dollars(s.MODELS_A_TENANT / s.REGIONS)


def native_dollars(models: float = s.MODELS_A_TENANT) -> str:
    """The draft's histograms as native ones, if each is priced as one series."""
    return _dollars(inv.series_dollars(inv.draft_series(models) / (s.DRAFT_BUCKETS + 2)))


def affordable_combinations() -> str:
    """Tenant-model pairs whose draft histograms the whole budget would pay."""
    return f"{inv.budget() / inv.series_dollars(inv.draft_series(1 / s.TENANTS)):,.0f}"


def requests_a_month() -> str:
    return f"{inv.REQUESTS / 1e6:.1f} million"


def _draft() -> list[tuple[str, str, float, str]]:
    """Part, how it is computed, dollars a month, what else is wrong with it."""
    each = s.DRAFT_BUCKETS + 2

    def series(models: float) -> str:
        factors = (s.DRAFT_HISTOGRAMS, each, f"{s.TENANTS:,}", f"{models:g}", s.GATEWAY_PODS)
        return TIMES.join(map(str, factors)) + " series"

    def text(bytes_a_request: float) -> str:
        return f"{bytes_a_request / 1_000:g} kB: {inv.gb_a_month(bytes_a_request):,.0f} GB"

    return [
        (
            "Series of today",
            f"{s.SERIES_TODAY:,} series",
            inv.series_dollars(s.SERIES_TODAY),
            "No",
        ),
        (
            "Histograms by tenant, worst",
            series(s.MODELS),
            inv.series_dollars(inv.draft_series(s.MODELS)),
            "Yes",
        ),
        (
            f"the same, {s.MODELS_A_TENANT:g} models a tenant",
            series(s.MODELS_A_TENANT),
            inv.series_dollars(inv.draft_series(s.MODELS_A_TENANT)),
            "Yes",
        ),
        (
            "Event per output token",
            text(inv.EVENTS_BYTES),
            inv.gb_dollars(inv.gb_a_month(inv.EVENTS_BYTES)),
            "With today's series",
        ),
        (
            "Prompts and answers",
            text(inv.TEXT_BYTES),
            inv.gb_dollars(inv.gb_a_month(inv.TEXT_BYTES)),
            "No; consent is missing",
        ),
        ("Every trace", text(inv.TRACE_BYTES), inv.gb_dollars(inv.gb_a_month(inv.TRACE_BYTES)), "No"),
        ("Service logs", text(s.LOG_BYTES), inv.gb_dollars(inv.gb_a_month(s.LOG_BYTES)), "No"),
    ]


def draft_table() -> str:
    """The draft, part by part."""
    rows = [
        (part, how, _dollars(cost), _percent(cost / inv.budget()), breaks)
        for part, how, cost, breaks in _draft()
    ]
    return _table("Part | A month | Cost | Of budget | Breaks it?", rows, "llrrl")


def draft_total(models: float = s.MODELS_A_TENANT) -> str:
    """All parts of the draft, for so many models used by the mean tenant."""
    return _dollars(_draft_rest() + _events() + inv.series_dollars(inv.draft_series(models)))


def _events() -> float:
    return inv.gb_dollars(inv.gb_a_month(inv.EVENTS_BYTES))


def _draft_rest() -> float:
    """What is left of the draft without tenant histograms and token events."""
    text = inv.gb_a_month(inv.TEXT_BYTES + inv.TRACE_BYTES + s.LOG_BYTES)
    return inv.series_dollars(s.SERIES_TODAY) + inv.gb_dollars(text)


def draft_percent(part: str) -> str:
    """Of the budget, one row of the draft's table."""
    return next(_percent(cost / inv.budget()) for name, _, cost, _ in _draft() if name == part)


def history_series() -> str:
    """What is kept for 13 months in both regions: histograms without pod or tenant, and each contract's counts."""
    ttft, tpot, length = s.MODELS * 2 * 13, s.MODELS * 10, s.MODELS * s.VERSIONS * 11
    contracts = s.LABELED_TENANTS * inv.PROMISES * 2
    return f"{s.REGIONS * (ttft + tpot + length + contracts):,}"


def cost_chart() -> dict[str, Any]:
    """The draft's parts against the budget, without the worst case, which is off the scale."""
    costs = [
        ("Histograms by tenant" if part.startswith("the same") else part, round(cost))
        for part, _, cost, _ in _draft()
        if not part.endswith("worst")
    ]
    costs.sort(key=lambda row: -row[1])
    rows = [{"part": part, "dollars": cost} for part, cost in costs]
    return {
        "title": "One part of the draft exceeds the budget, one nearly fills it; neither is logs, prompts or traces.",
        "description": (
            f"Monthly cost of each part of the draft against a budget of {budget()}. Tenant histograms at "
            f"{s.MODELS_A_TENANT:g} models a tenant cost {_dollars(costs[0][1])}, an event per token "
            f"{_dollars(costs[1][1])}; each of the others costs less than $2,500."
        ),
        "data": {"values": rows},
        "usermeta": {"columns": {"part": "Part", "dollars": "Dollars a month"}},
        "layer": [
            {
                "mark": "bar",
                "encoding": {
                    "y": {"field": "part", "type": "nominal", "sort": None, "title": None},
                    "x": {
                        "field": "dollars",
                        "type": "quantitative",
                        "title": "Dollars a month (line: budget)",
                    },
                },
            },
            {"mark": {"type": "rule", "color": "#ab4e1a"}, "encoding": {"x": {"datum": inv.budget()}}},
        ],
    }


# --- The design ---------------------------------------------------------------------------------------------------


def streams_a_pod() -> str:
    """Open at once at peak, in one gateway pod."""
    return f"{s.PEAK_RPS * inv.mean_stream_s() / s.GATEWAY_PODS:.0f}"


def open_streams(rps: float) -> str:
    return f"{rps * inv.mean_stream_s():,.0f}"


def samples_a_second(models: float) -> str:
    """Scraped, with the draft's histograms for so many models used by the mean tenant; 0 for today."""
    return f"{(s.SERIES_TODAY + inv.draft_series(models)) / s.SCRAPE_S:,.0f}"


def samples_today() -> str:
    return samples_a_second(0)


def samples_worst() -> str:
    return samples_a_second(s.MODELS)


def pod_series() -> str:
    return f"{inv.a_pod():,}"


def version_series() -> str:
    return f"{VERSION_SERIES}"


def versions_to_limit() -> str:
    """More than the inventory's, until a pod's scrape fails."""
    return f"{(SAMPLE_LIMIT - inv.a_pod()) // VERSION_SERIES + 1}"


def all_tenants_dollars() -> str:
    """The promise counters for every tenant instead of the labeled ones."""
    series = s.TENANTS * inv.PROMISES * 2 * s.GATEWAY_PODS
    return _dollars(inv.series_dollars(series))


def design_table() -> str:
    """What the design costs, part by part."""
    notes = {
        "Series of today": f"{s.SERIES_TODAY:,}",
        "Gateway series": f"{s.GATEWAY_PODS} pods{TIMES}{inv.a_pod():,}",
        "Service logs": f"{inv.gb_a_month(s.LOG_BYTES):,.0f} GB",
        "Closing records": f"{inv.gb_a_month(s.RECORD_BYTES):,.0f} GB at {s.RECORD_BYTES / 1_000:g} kB (assumed)",
        "Traces kept": f"{inv.gb_a_month(inv.TRACE_BYTES, inv.kept_share()):,.0f} GB: at most {_percent(inv.kept_share(), 1)}",
        "Prompts with consent": f"{inv.gb_a_month(inv.TEXT_BYTES, s.CONSENT_SHARE):,.0f} GB in, if consent is {_percent(s.CONSENT_SHARE)} of traffic",
        "Collectors": "an estimate",
    }
    costs = inv.design_costs()
    rows: list[tuple[Any, ...]] = [(part, notes[part], _dollars(cost)) for part, cost in costs.items()]
    total = sum(costs.values())
    rows.append(("**Sum**", f"{_percent(total / inv.budget())} of the budget", f"**{_dollars(total)}**"))
    return _table("Part | A month | Cost", rows, "llr")


def design_total() -> str:
    return _dollars(sum(inv.design_costs().values()))


def design_share() -> str:
    return _percent(sum(inv.design_costs().values()) / inv.budget())


def prompt_store_gb() -> str:
    """Held at any time, seven days deep."""
    return f"{s.MEAN_RPS * 7 * DAY_S * inv.TEXT_BYTES * s.CONSENT_SHARE / inv.GB:,.0f}"


def exemplar_mb(exemplars: int = 100_000, bytes_each: int = 100) -> str:
    return f"{exemplars * bytes_each / 1e6:.0f}"


def switch_saving(cents_a_gb: float = 20) -> str:
    """A month, if another store were so many cents cheaper for each GB of logs, records and kept traces."""
    return _dollars(_stored_gb() * cents_a_gb / 100)


def switch_months(cents_a_gb: float = 20) -> str:
    return f"{MIGRATION_DOLLARS / (_stored_gb() * cents_a_gb / 100):.0f}"


def _stored_gb() -> float:
    return inv.gb_a_month(s.LOG_BYTES + s.RECORD_BYTES) + inv.gb_a_month(inv.TRACE_BYTES, inv.kept_share())


def tenant_dollars() -> str:
    """A month of one more labeled tenant."""
    return f"${inv.series_dollars(inv.PROMISES * 2 * s.GATEWAY_PODS):.2f}"


def tenfold(what: str) -> str:
    """At ten times the requests and pods, and the same labels."""
    return {
        "series": f"{10 * inv.design_series() + 10 * s.SERIES_TODAY:,}",
        "all traces": _dollars(10 * inv.gb_dollars(inv.gb_a_month(inv.TRACE_BYTES))),
        "samplers": f"{10 * s.REGIONS * s.SAMPLERS_A_REGION}",
    }[what]


def migration() -> str:
    return _dollars(MIGRATION_DOLLARS)


def tail_saving() -> str:
    """A month: all traces less those kept."""
    return _dollars(inv.gb_dollars(inv.gb_a_month(inv.TRACE_BYTES, 1 - inv.kept_share())))


# --- Traces -------------------------------------------------------------------------------------------------------


def sampling_table() -> str:
    """What each way to wait for the verdict holds at peak."""
    by_root = inv.mean_stream_s() + s.ROOT_GRACE_S
    longest = s.LONGEST_STREAM_S + 3 * s.ROOT_GRACE_S
    rows = [
        ("Default: 30 s from the first span", 30.0, "Long streams are decided before they fail"),
        (f"{longest} s for every trace", float(longest), "Right, and held for nothing"),
        (f"{s.ROOT_GRACE_S} s after the root, {longest} s at most", by_root, "Right"),
    ]
    return _table(
        "Decide | Traces held | On the wire | In the heap (estimate) | Verdict",
        [
            (
                name,
                f"{inv.held_traces(wait):,.0f}",
                f"{inv.held_bytes(wait) / inv.GB:.2f} GB",
                f"{inv.held_bytes(wait) * s.HEAP_FACTOR / inv.GB:.1f} GB",
                verdict,
            )
            for name, wait, verdict in rows
        ],
        "lrrrl",
    )


def evicted_after_s(pods: int = s.SAMPLERS_A_REGION) -> str:
    """When the default buffer of 50,000 traces evicts a trace, at one region's samplers that carry the whole peak."""
    return f"{50_000 / (s.PEAK_RPS / pods):.0f}"


def bad_a_day() -> str:
    """Streams that the objective itself allows to break."""
    return f"{s.MEAN_RPS * DAY_S * (1 - s.COMPLETE_TARGET):,.0f}"


def bad_kept_by_head(share: float = 0.01) -> str:
    return f"{s.MEAN_RPS * DAY_S * (1 - s.COMPLETE_TARGET) * share:,.0f}"


# --- Detection ----------------------------------------------------------------------------------------------------


def detect_minutes(share: float, limit: float, window_min: float) -> str:
    """From onset to the page of a rule that compares a ratio over `window_min` with `limit`, from a clean start."""
    return f"{window_min * limit / share + (FOR_S + DELAY_S) / 60:.1f}"


def smallest_share(limit: float = 0.0144, window_min: float = 60) -> str:
    """The smallest failing share that pages within five minutes, the rule having no `for`."""
    return _percent(limit * window_min * 60 / (s.PAGE_WITHIN_S - DELAY_S), 1)


def _finished_mean(after_s: int, window_s: int) -> float:
    """Mean tokens of the answers that finish in the window before `after_s`, the mean answer growing at second 0.

    Lengths are exponential. Of the answers that began after the change, only the shorter ones have finished.
    """
    count = tokens = 0.0
    for second in range(after_s - window_s, after_s):
        if second < 0:
            count, tokens = count + 1, tokens + s.OUTPUT_TOKENS
            continue
        begun = second / s.TPOT_S  # an answer of so many tokens, finishing now, began at the change
        old, new = (exp(-begun / mean) for mean in (s.OUTPUT_TOKENS, s.OUTPUT_TOKENS * s.LONGER))
        count += old + 1 - new
        tokens += (begun + s.OUTPUT_TOKENS) * old
        tokens += s.OUTPUT_TOKENS * s.LONGER - (begun + s.OUTPUT_TOKENS * s.LONGER) * new
    return tokens / count


def just_broken() -> str:
    """Minutes to the page when barely more streams break than the limit allows."""
    return detect_minutes(0.05, 0.05, 2)


def just_late() -> str:
    """The same for a tenant's first tokens later than 5 s."""
    return detect_minutes(0.05, 0.05, 3)


def longer_wide() -> str:
    """The page of the rule on longer answers, if its window were five minutes."""
    return longer_minutes(1.3, 5)


def longer_minutes(limit: float, window_min: int) -> str:
    """From a template that grows answers in place to the page of a rule on the mean of finished answers."""
    crossed = next(
        second
        for second in range(1, 3_600)
        if _finished_mean(second, window_min * 60) > limit * s.OUTPUT_TOKENS
    )
    return f"{(crossed + FOR_S + DELAY_S) / 60:.1f}"


def top_share() -> str:
    """Of the fleet's traffic, the mean labeled tenant."""
    return _percent(s.LABELED_SHARE / s.LABELED_TENANTS, 1)


def tenant_broken(of: str, share: float = 0.02) -> str:
    """So large a share of the mean labeled tenant's streams: of the fleet's, or as a multiple of its budget."""
    if of == "fleet":
        return _percent(share * s.LABELED_SHARE / s.LABELED_TENANTS, 2)
    return f"{share / (1 - s.COMPLETE_TARGET):.0f}"


def burn_of(multiple: float = 14.4, target: float = s.TTFT_TARGET) -> str:
    return _percent(multiple * (1 - target))


def tail_probability(least: int, of: int, share: float) -> float:
    """P(X >= least) for X ~ Binomial(of, share)."""
    return 1 - sum(comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(least))


def tenant_table() -> str:
    """How much each kind of tenant can tell."""
    top = s.MEAN_RPS * s.LABELED_SHARE / s.LABELED_TENANTS
    rest = s.MEAN_RPS * (1 - s.LABELED_SHARE) / (s.TENANTS - s.LABELED_TENANTS)
    median = s.MEDIAN_TENANT_PER_HOUR / 3_600
    return _table(
        "Tenant | Requests/s | In 5 minutes | In an hour",
        [
            (name, f"{rps:.3g}", f"{rps * 300:,.3g}", f"{rps * 3_600:,.0f}")
            for name, rps in (
                (f"Mean of the {s.LABELED_TENANTS} largest", top),
                (f"Mean of the other {s.TENANTS - s.LABELED_TENANTS:,}", rest),
                ("Median", median),
            )
        ],
        "lrrr",
    )


def chance_of_noise() -> str:
    """That a median tenant has so many slow requests of an hour's thirty while keeping the objective exactly."""
    return _percent(tail_probability(SLOW_OF_30, s.MEDIAN_TENANT_PER_HOUR, 1 - s.TTFT_TARGET), 1)


def false_alarms_a_day() -> str:
    """Of that rule, over all tenants without a contract, each taken as a median one."""
    chance = tail_probability(SLOW_OF_30, s.MEDIAN_TENANT_PER_HOUR, 1 - s.TTFT_TARGET)
    return f"{chance * (s.TENANTS - s.LABELED_TENANTS) * 24:,.0f}"


def episodes_a_request(least: int, of: int, share: float) -> float:
    """How often the count of bad ones among the last requests reaches `least`: asked at each request, so windows overlap.

    One too few are bad among those that stay, a good one drops out and a bad one comes.
    """
    stay = comb(of - 1, least - 1) * share ** (least - 1) * (1 - share) ** (of - least)
    return stay * (1 - share) * share


def chance_tickets_a_month(least: int) -> str:
    """Of a rule on a tenant's last 20 requests, by luck, over all requests of the tenants without a contract."""
    episodes = episodes_a_request(least, 20, 1 - s.TTFT_TARGET) * inv.REQUESTS * (1 - s.LABELED_SHARE)
    return f"{episodes:.0f}" if episodes > 10 else f"{episodes:.1f}"


def requests_to_ticket(least: int, share: float = 0.30) -> str:
    """Between one ticket and the next of the same rule, at a tenant of whose first tokens so many are late."""
    return f"{1 / episodes_a_request(least, 20, share):.0f}"


def stalled_tpot_ms() -> str:
    """Mean TPOT of a mean stream that stands still once."""
    later = s.OUTPUT_TOKENS - 1
    return f"{(later * s.TPOT_S + STALL_S) / later * 1_000:.1f}"


def longer_load() -> str:
    """More streams at once, from answers longer by the third incident's factor."""
    longer = s.TTFT_S + (s.OUTPUT_TOKENS * s.LONGER - 1) * s.TPOT_S
    return _percent(longer / inv.mean_stream_s() - 1)


def queue_hours(what: str) -> str:
    """Until a queue of the collectors is full."""
    return f"{inv.fills_in_s(what, QUEUE_BYTES[what]) / 3_600:.1f}"


def incident_table() -> str:
    """Each incident, the measurement that shows it, and when its rule fires."""
    rows = [
        (
            "Streams broke off after 200",
            "Broken over counted streams, by model, from the gateway's closing record",
            f"33% broken: {detect_minutes(0.33, 0.05, 2)} min",
        ),
        (
            "One tenant's p95 TTFT 9 s",
            "That tenant's share of first tokens after 5 s, as counters",
            f"8% late: {detect_minutes(0.08, 0.05, 3)} min",
        ),
        (
            "Answers 60% longer",
            "Mean output tokens by model and version, against a day ago",
            f"same version: {longer_minutes(1.3, 3)} min",
        ),
    ]
    return _table("Incident | What shows it | Pages after", rows)
