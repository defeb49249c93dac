"""Every number, table and chart on the page, computed from the question's figures and the assumptions in `setting.py`."""

from __future__ import annotations

from typing import Any

from examples.cost_attribution import budget, fleet, gap, gpu
from examples.cost_attribution import setting as s
from examples.cost_attribution.money import dollars

FLEET_TOKENS = s.FLEET_REQUESTS * (s.FLEET_INPUT + s.FLEET_OUTPUT)
PROVIDER_TOKENS = s.PROVIDER_REQUESTS * (s.PROVIDER_INPUT + s.PROVIDER_CACHED + s.PROVIDER_OUTPUT)
TOKENS = FLEET_TOKENS + PROVIDER_TOKENS
DAY = 86_400


def _table(head: str, rows: list[list[str]], align: str) -> str:
    marks = {"l": "---", "r": "---:"}
    lines = [f"| {' | '.join(head.split('|'))} |", f"| {' | '.join(marks[a] for a in align)} |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _percent(share: float, digits: int = 0) -> str:
    return f"{share * 100:.{digits}f}%"


# Today's single rate


def blended_rate() -> str:
    """Return today's dollars per million tokens."""
    return dollars(s.TOTAL / TOKENS * 1e6, 3)


def blended_table() -> str:
    """Return what each side costs and what it is billed today; the shared $43,500 is in neither cost."""
    sides = [(FLEET_TOKENS, s.FLEET_COST), (PROVIDER_TOKENS, s.PROVIDER_COST)]
    billed = [s.TOTAL * tokens / TOKENS for tokens, _ in sides]
    rows = [
        ["Tokens", *(f"{tokens / 1e9:,.0f} billion" for tokens, _ in sides)],
        ["Cash cost", *(dollars(cost) for _, cost in sides)],
        ["Cost per million", *(dollars(cost / tokens * 1e6, 3) for tokens, cost in sides)],
        ["Billed today", *(dollars(value) for value in billed)],
        ["Billed / cost", *(f"{value / cost:.2f}" for value, (_, cost) in zip(billed, sides, strict=True))],
    ]
    return _table("A month|In-house|Provider", rows, "lrr")


def move(share: float = 0.1, what: str = "cash") -> str:
    """Return what happens when a share of the in-house tokens goes to the provider: extra 'cash', or the next 'rate'."""
    extra = FLEET_TOKENS * share * s.PROVIDER_COST / PROVIDER_TOKENS
    return dollars(extra) if what == "cash" else dollars((s.TOTAL + extra) / TOKENS * 1e6, 3)


# The team with the long prompts


def other_prompt() -> str:
    """Return the mean prompt of all others, in tokens."""
    return f"{gpu.OTHER_INPUT:,.0f}"


def request_seconds(prompt: float = s.LONG_INPUT, prefix_cached: float = 0) -> str:
    """Return the modeled GPU-seconds of a request with 400 tokens of output."""
    return f"{gpu.calibrated().ms(prompt, s.FLEET_OUTPUT, prefix_cached) / 1000:.1f}"


def _linear() -> float:
    """The long prompts' share if GPU time were linear in tokens, with the same 0.1 ms for a token of the prompt."""
    per_output = (gpu.MEAN_MS - 0.1 * s.FLEET_INPUT) / s.FLEET_OUTPUT
    return s.LONG_SHARE * (0.1 * s.LONG_INPUT + per_output * s.FLEET_OUTPUT) / gpu.MEAN_MS


def driver_shares() -> dict[str, float]:
    """Return the share of the team with the long prompts under each driver, as a fraction."""
    tokens = s.LONG_SHARE * (s.LONG_INPUT + s.FLEET_OUTPUT) / (s.FLEET_INPUT + s.FLEET_OUTPUT)
    return {
        "Requests": s.LONG_SHARE,
        "GPU time, linear in tokens": _linear(),
        "GPU time, with attention and KV reads": fleet.LONG,
        "Tokens": tokens,
    }


def driver_table() -> str:
    """Return that team's share, and its part of the work and of the whole fleet, by driver."""
    rows = [
        [name, _percent(share, 1), dollars(share * fleet.parts()["work"]), dollars(share * s.FLEET_COST)]
        for name, share in driver_shares().items()
    ]
    return _table("Driver|Share|Of the $120,000 of work|Of the whole $288,000", rows, "lrrr")


# The fleet


def part(name: str) -> str:
    """Return the dollars of 'work', 'peak' or 'room', or 'idle' for the last two together."""
    parts = fleet.parts()
    return dollars(parts["peak"] + parts["room"] if name == "idle" else parts[name])


def busy_hours() -> str:
    """Return the busy GPU-hours of the month."""
    return f"{fleet.busy_hours():,.0f}"


def absorbed(gone: float = 0) -> str:
    """Return dollars per busy GPU-hour if usage carries the whole invoice and a share of the work has left."""
    return dollars(fleet.absorbed_rate(gone), 2)


def break_even(gone: float = 0) -> str:
    """Return how busy GPUs of one's own must be to beat that rate."""
    return _percent(fleet.own_break_even(gone))


def rule_table() -> str:
    """Return what three groups of teams pay for the fleet under each rule, and what the rule teaches."""
    teaches = {
        "All by GPU time": "Steady work pays for the peak of others, and leaves",
        "Idle by reserved share": "Give back what you do not need; hoard, if that is cheap",
        "Idle by share of peak": "Move batch off the peak",
    }
    bills = [fleet.bills(rule) for rule in teaches]
    rows = [[group, *(dollars(its[group]) for its in bills)] for group in fleet.WORK]
    return _table("Group|" + "|".join(teaches), [*rows, ["It teaches", *teaches.values()]], "lrrr")


# Rounding


def naive_loss() -> str:
    """Return the cents that are missing if the shared services are divided evenly and each bill is rounded."""
    total = s.SHARED_COST * 100
    return f"{total - s.TEAMS * round(total / s.TEAMS)} cents"


# The invoice


def gap_dollars() -> str:
    return dollars(gap.GAP)


def gap_share() -> str:
    """Return the gap as a percentage of the invoice."""
    return _percent(gap.GAP / s.PROVIDER_COST, 1)


def gap_chart() -> dict[str, Any]:
    """Draw what each cause can be worth, against the gap."""
    rows = [{"cause": c.name, "low": round(c.low), "high": round(c.high), "how": c.how} for c in gap.causes()]
    y = {"field": "cause", "type": "nominal", "sort": [row["cause"] for row in rows], "title": None}
    return {
        "title": f"Early closes, retries or reasoning could each explain the whole {dollars(gap.GAP)}.",
        "description": "Ranges in dollars a month by which the gateway's count can be too low. "
        + " ".join(f"{row['cause']}: {row['low']:,} to {row['high']:,}." for row in rows)
        + f" A line marks the gap of {gap.GAP:,}.",
        "height": 160,
        "data": {"values": rows},
        "usermeta": {"columns": {"cause": "Cause", "low": "Low, $", "high": "High, $", "how": "How"}},
        "layer": [
            {
                "mark": {"type": "bar", "size": 14},
                "encoding": {
                    "y": y,
                    "x": {"field": "low", "type": "quantitative", "title": "Dollars a month missing from the count",
                          "axis": {"format": "$~s", "tickCount": 5}},
                    "x2": {"field": "high"},
                },
            },
            {
                "transform": [{"filter": "datum.cause === 'Early closes'"}],
                "mark": {"type": "rule", "strokeDash": [4, 3]},
                "encoding": {"x": {"datum": gap.GAP}},
            },
            {
                "transform": [{"filter": "datum.cause === 'Rounding'"}],
                "mark": {"type": "text", "align": "left", "dx": 6},
                "encoding": {"y": y, "x": {"datum": gap.GAP}, "text": {"value": f"the gap, {dollars(gap.GAP)}"}},
            },
        ],
    }  # fmt: skip


def room_to_hide(seen: float = 0.5) -> str:
    """Return what early closes can explain beyond their estimates, of a month's output, if each had seen that part of its answer."""
    short = s.EARLY * (s.MAX_TOKENS - seen * s.PROVIDER_OUTPUT)
    return _percent(short / s.PROVIDER_OUTPUT)


def hidden_output() -> str:
    """Return the share of output tokens that would have to be missing to explain the gap alone."""
    return _percent(gap.hidden_output_share(), 1)


def drain_cost() -> str:
    """Return dollars a month for reading abandoned streams to the end, if half of the answer is still to come."""
    return dollars(gap.drain_cost())


def cause(name: str, end: str) -> str:
    """Return the 'low' or 'high' end of a cause in dollars."""
    found = {c.name: c for c in gap.causes()}[name]
    return dollars(found.low if end == "low" else found.high)


def writes() -> str:
    """Return the most that cache writes would cost in a month where they have a price."""
    return dollars(gap.cache_writes())


def cent_loss() -> str:
    """Return dollars a month that are lost if every mean request is rounded to whole cents."""
    exact = gap.month(gap.MEAN, 1) / s.PROVIDER_REQUESTS
    return dollars((exact - round(exact, 2)) * s.PROVIDER_REQUESTS)


# Budgets


def worst(streams: int = s.STREAMS, max_tokens: int = s.MAX_TOKENS) -> str:
    """Return what that many open streams can cost at most."""
    prompt = s.PROVIDER_INPUT + s.PROVIDER_CACHED
    return dollars(streams * budget.worst_nano(prompt, max_tokens, s.NANO) / 1e9, 3 if streams == 1 else 2)


def mean_cost(streams: int = s.STREAMS) -> str:
    """Return what that many mean requests cost."""
    return dollars(streams * gap.month(gap.MEAN, 1) / s.PROVIDER_REQUESTS, 5 if streams == 1 else 2)


def hold_use() -> str:
    """Return the part of a hold that the mean request uses."""
    prompt = s.PROVIDER_INPUT + s.PROVIDER_CACHED
    mean = gap.month(gap.MEAN, 1) / s.PROVIDER_REQUESTS
    return _percent(mean / (budget.worst_nano(prompt, s.MAX_TOKENS, s.NANO) / 1e9))


def max_tokens_within(streams: int = s.STREAMS, dollars_left: int = s.OVERSPEND) -> str:
    """Return the largest `max_tokens` with which that many streams fit into the rest of a budget."""
    prompt = s.PROVIDER_INPUT + s.PROVIDER_CACHED
    each = dollars_left * 10**9 // streams
    return f"{budget.grant(each, prompt, s.MAX_TOKENS, s.NANO):,}"


def loop_rate() -> str:
    """Return the loop's dollars a minute."""
    return dollars(s.LOOP_DOLLARS / s.LOOP_MINUTES)


def exposure_table(reaction_min: int = 10) -> str:
    """Return what last month's loop would have spent under each control, at worst."""
    rate = s.LOOP_DOLLARS / s.LOOP_MINUTES
    rows = [
        ["Hourly job, then a person", f"60 + {reaction_min} min", dollars(rate * (60 + reaction_min))],
        ["Alert within 5 minutes, then a person", f"5 + {reaction_min} min", dollars(rate * (5 + reaction_min))],
        ["Ceiling of $20 an hour, held in advance", f"{s.OVERSPEND / rate * 60:.0f} s", "$20, then it waits for the hour"],
        ["A month's budget of $5,000, held in advance", f"{5000 / rate / 60:.1f} h", "$5,000"],
    ]  # fmt: skip
    return _table("Control|It ends after|Spent by then, at most", rows, "lrl")


def lease() -> str:
    """Return the dollars that one gateway may spend for one project while the store is away: half of the overspend."""
    return dollars(s.OVERSPEND / 2 / s.GATEWAYS)


def quarter_hour() -> str:
    """Return what the mean project spends at the provider in 15 minutes."""
    return dollars(s.PROVIDER_COST / s.PROJECTS / s.HOURS / 4, 2)


# Volume


def _events_per_s() -> float:
    requests = (s.FLEET_REQUESTS + s.PROVIDER_REQUESTS) / s.DAYS
    return requests * s.ATTEMPTS * s.EVENTS_AN_ATTEMPT / DAY


def volume_table() -> str:
    """Return rates, bytes and rows, at today's load and at ten times it."""
    peak = s.PEAK_RPS / s.MEAN_RPS
    columns = [_volume(factor, peak) for factor in (1, 10)]
    rows = [[name, *(column[name] for column in columns)] for name in columns[0]]
    return _table("What|Today|Ten times", rows, "lrr")


def _volume(factor: int, peak: float) -> dict[str, str]:
    events, kept = factor * _events_per_s(), _kept_tb(factor)
    few, many = (kept / by for by in reversed(s.COLUMNAR))
    lines = s.PROJECTS * len(s.NANO) * 2 * s.KEPT_MONTHS * 365 / 12
    return {
        "Attempts a day": f"{events * DAY / s.EVENTS_AN_ATTEMPT / 1e6:,.1f} million",
        "Events a second, mean and peak": f"{events:,.0f} and {events * peak:,.0f}",
        "Events in 24 months, as JSON": f"{kept:,.1f} TB",
        "The same in columnar files": f"{few:,.1f} to {many:,.1f} TB",
        "Ledger postings in 24 months, one model a project": f"{lines / 1e6:,.1f} million",
        "Reserves and settles a second, at peak": f"{factor * _budget_changes() * peak:,.0f}",
        "Spool for 15 minutes at peak, all gateways": f"{events * peak * 900 * s.EVENT_BYTES / 1e9:,.2f} GB",
    }


def _kept_tb(factor: int) -> float:
    return factor * _events_per_s() * DAY * s.KEPT_MONTHS * 365 / 12 * s.EVENT_BYTES / 1e12


def _budget_changes() -> float:
    return s.PROVIDER_REQUESTS / s.DAYS * s.ATTEMPTS * 2 / DAY


def hot_row() -> str:
    """Return how often a second last month's loop would change its project's budget row: reserve and settle."""
    requests = s.LOOP_DOLLARS / (gap.month(gap.MEAN, 1) / s.PROVIDER_REQUESTS) / s.LOOP_MINUTES / 60
    return f"{2 * requests:.0f}"


def storage_cost() -> str:
    """Return dollars a month for the uncompressed events after 24 months, at an assumed $23 per TB."""
    return dollars(_kept_tb(1) * 23)
