"""Every number and chart on the page: the arithmetic of capacity.py and seeded runs of simulation.py."""

from __future__ import annotations

import json
from functools import lru_cache
from statistics import mean, median
from typing import Any

from examples.circuit_breaker import capacity as c
from examples.circuit_breaker import setting as s
from examples.circuit_breaker.brownout import play
from examples.circuit_breaker.machine import Machine, Permit, Settings, State
from examples.circuit_breaker.simulation import (
    FREE_BELOW,
    OUTAGE,
    PLACES,
    POLICIES,
    RETURN,
    Policy,
    Run,
    Simulation,
)
from examples.circuit_breaker.stream import deadlines

NAMES = {
    "none": "as today",
    "deadline": "deadlines only",
    "breaker": "breaker only",
    "all": "all together",
}
HEDGE_SHARE = 0.05
"""Of calls, if whatever is slower than the 95th percentile gets a second attempt."""


def _number(value: float, digits: int = 1) -> str:
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _percent(share: float, digits: int = 1) -> str:
    return _number(share * 100, digits) + "%"


def _small(value: float) -> str:
    """A count a day: whole where it is large, a power of ten where it is tiny."""
    if value >= 1:
        return _number(value, 0 if value >= 10 else 1)
    return (
        f"{value:.2f}" if value >= 0.01 else "below 1 in 100 years" if value < 1 / 36_500 else f"{value:.4f}"
    )


# Places


def in_flight() -> str:
    return _number(s.in_flight())


def fill(streams_stall: bool) -> str:
    """Seconds until a replica is full."""
    return _number(c.fill_s(streams_stall))


def deaf() -> str:
    """Seconds between a full replica and the first failure that anybody hears of."""
    return _number(s.TIMEOUT_S - c.fill_s(False))


def held(by: str) -> str:
    """Places that a silent A wants in one replica."""
    return _number(
        {
            "timeout": c.held(s.TIMEOUT_S),
            "deadline": c.held(c.first_token_s()),
            "deadline and retries": c.held(c.first_token_s(), c.attempts_at_most()),
        }[by]
    )


def held_at(seconds: float) -> str:
    """The same, if every call may hold its place so long."""
    return _number(c.held(seconds))


def slow_places() -> str:
    """Places of one replica at A, if every short prompt's first token comes at its deadline."""
    hold = deadlines(s.SHORT_PROMPT, s.ANSWER).first_s + s.ANSWER / s.TOKENS_PER_S
    return _number(c.held(hold), 0)


def longest_hold() -> str:
    """Seconds that a call may hold its place before a silent A fills the replica."""
    return _number(s.PLACES / s.replica_rps())


def deadline(prompt: float) -> str:
    """Seconds to the first token."""
    return _number(deadlines(prompt, s.ANSWER).first_s)


def longest_wait(prompt: float, deadlines_in_a_row: int) -> str:
    """Seconds until the last destination's first token is given up."""
    return _number(deadlines(prompt, s.ANSWER).first_s * deadlines_in_a_row)


def total_deadline(max_tokens: int) -> str:
    """Seconds, for a short prompt."""
    return _number(deadlines(s.SHORT_PROMPT, max_tokens).total_s, 0)


def attempts() -> int:
    return c.attempts_at_most()


def blocked(klass: str) -> str:
    """Share of paid or free requests that find no place at a healthy A."""
    paid, free = c.blocked(PLACES["a"], FREE_BELOW["a"])
    return _percent({"paid": paid, "free": free}[klass], 4 if klass == "paid" else 1)


def pool(what: str) -> str:
    """What its places let the pool take: requests/s of the fleet on average, or at most."""
    most = PLACES["pool"] * s.REPLICAS / s.request_s()
    return _number({"average": c.pool_carries(PLACES["pool"]), "most": most}[what], 0)


def gate_shut(retry_after: float) -> str:
    return _percent(c.gate_shut(retry_after), 0)


# Minimum volume


def minimum_table() -> str:
    """Minimum volume against false openings and time to open."""
    rows = [
        "| Minimum calls | False openings a day, 0.5% failing | With 429s counted, 1.5% | Opens at peak after | At night after |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for minimum in (5, 10, 20, 50):
        false = [
            _small(c.false_openings_a_day(minimum, base))
            for base in (s.FAILED_SHARE, s.FAILED_SHARE + s.THROTTLED_SHARE)
        ]
        times = [_opens(minimum, rps / s.REGIONS / s.REPLICAS) for rps in (s.PEAK_RPS, s.NIGHT_RPS)]
        rows.append(f"| {minimum} | {false[0]} | {false[1]} | {times[0]} | {times[1]} |")
    return "\n".join(rows)


def _opens(minimum: int, rps: float, rate: float = Settings().failure_rate) -> str:
    seconds = c.opens_after_s(minimum, rps, Settings().lookback_s, rate)
    return "never" if seconds is None else f"{_number(seconds)} s"


def opens_after(night: bool, shared: bool = False, rate: float = Settings().failure_rate) -> str:
    """From the stall to opening, for one region's breaker of one replica, or one that all replicas share."""
    rps = (s.NIGHT_RPS if night else s.PEAK_RPS) / s.REGIONS
    return _opens(Settings().minimum_calls, rps if shared else rps / s.REPLICAS, rate)


def night_calls(seconds: float) -> str:
    """Calls that a replica sends to one region at night."""
    return _number(s.replica_rps(s.NIGHT_RPS) / s.REGIONS * seconds)


def night_waits() -> str:
    """Requests of the fleet that wait for a deadline before the breakers open at night, both regions silent."""
    return _number(s.REPLICAS * s.REGIONS * Settings().minimum_calls * Settings().failure_rate, 0)


# Probes and ramp


def probes_at_once() -> int:
    """Of the fleet, in one region."""
    return s.REPLICAS * Settings().probes


def probes_per_s() -> str:
    """Of the fleet in one region, when waits have grown to their longest: the mean wait is three quarters of it.

    Then the probes wait for their deadline, and the next wait begins.
    """
    setting = Settings()
    cycle = setting.open_max_s * 0.75 + deadlines(s.SHORT_PROMPT, s.ANSWER).first_s
    return _number(probes_at_once() / cycle, 2)


def night_return() -> str:
    """Minutes from opening to closed at night, for one region's breaker of one replica, if A is well at once.

    Waits have their mean length; a call every two seconds, and each admitted one takes the average time.
    """
    every = s.REPLICAS * s.REGIONS / s.NIGHT_RPS
    breaker, now, out = Machine(Settings(), lambda: 0.5), 0.0, list[tuple[float, Permit]]()
    for _ in range(Settings().minimum_calls):
        if permit := breaker.acquire(now):
            breaker.ended(permit, now, failed=True)
    while breaker.state is not State.CLOSED:
        now += every
        while out and out[0][0] <= now:
            breaker.ended(out.pop(0)[1], now, failed=False)
        if permit := breaker.acquire(now):
            breaker.started(permit, now + s.TTFT_MEAN_S)
            out.append((now + s.request_s(), permit))
    return _number(now / 60)


def recovered() -> str:
    """Requests/s that one region takes with a fifth of its capacity."""
    return _number(s.PEAK_RPS * s.RECOVERED_SHARE / s.REGIONS, 0)


def step_outlasts() -> str:
    """Seconds until overload shows: a stream, then a deadline."""
    return _number(s.ANSWER / s.TOKENS_PER_S + deadlines(s.SHORT_PROMPT, s.ANSWER).first_s)


# A provider that fails a steady share of calls, at peak


def brownout_opens(failing: float = 0.3) -> str:
    """Seconds until a closed breaker opens, the median of eleven runs."""
    rps = s.replica_rps() / s.REGIONS
    runs = [play(failing, Settings(), rps, lasts_s=120, seed=seed).opened_s for seed in range(11)]
    return _number(median(120.0 if at is None else at for at in runs), 0)


@lru_cache(maxsize=1)
def brownout_table() -> str:
    """Threshold against A's share of the traffic: the mean of four runs of 15 minutes that begin closed."""
    failing, rps = (0.1, 0.2, 0.3), s.replica_rps() / s.REGIONS
    rows = [
        "| Opens at | "
        + " | ".join(f"A fails {_percent(share)}" for share in failing)
        + " | A stall opens it after |",
        "| ---: |" + " ---: |" * (len(failing) + 1),
    ]
    for rate in (Settings().failure_rate, 0.7):
        setting = Settings(failure_rate=rate)
        shares = [
            mean(play(share, setting, rps, lasts_s=900, seed=seed).admitted for seed in range(4))
            for share in failing
        ]
        cells = [_percent(share, 0) for share in shares]
        rows.append(f"| {_percent(rate)} | {' | '.join(cells)} | {opens_after(night=False, rate=rate)} |")
    return "\n".join(rows)


# Fallbacks


def fit_table() -> str:
    """Where paid traffic goes at peak without A, by who is asked first."""
    rows = [
        "| Placed first | Pool, requests/s | B, short | B, long | B, million tokens/min | Paid refused |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, pool_first in (("B, as it comes", False), ("Pool, and B for what is left", True)):
        plan = c.fit(pool_first=pool_first)
        rows.append(
            f"| {name} | {_number(plan.pool)} | {_number(plan.b_short)} | {_number(plan.b_long)} | "
            f"{_number(plan.b_tokens * 60 / 1e6, 2)} | {_number(abs(plan.refused))}/s |"
        )
    return "\n".join(rows)


def fit_of(what: str) -> str:
    """One figure of the plan."""
    plan, paid = c.fit(), s.PEAK_RPS * s.PAID_SHARE
    naive = c.fit(pool_first=False)
    cost_long = s.LONG_PROMPT + s.ANSWER
    return {
        "paid": _number(paid),
        "wanted": _number(paid * (s.MEAN_PROMPT + s.ANSWER)),
        "quota": _number(s.B_TOKENS_PER_MIN / 60),
        "alone": _number(s.B_TOKENS_PER_MIN / 60 / (s.MEAN_PROMPT + s.ANSWER)),
        "long": _number(plan.b_long),
        "long tokens": _number(plan.b_long * cost_long),
        "long share": _percent(plan.b_long * cost_long / plan.b_tokens, 0),
        "load": _percent(plan.b_load),
        "spare": _percent(1 - plan.b_load),
        "overrun": _percent(c.quota_overrun(), 0),
        "long refused": _percent(naive.refused / (paid * s.LONG_SHARE), 0),
        "all": _number(s.PEAK_RPS * (s.MEAN_PROMPT + s.ANSWER) * 60 / 1e6),
    }[what]


# Money


def dollars(what: str) -> str:
    """Of A's prices."""
    a_second = s.PEAK_RPS * s.call_price()
    return {
        "call": f"{s.call_price():.4f}".rstrip("0"),
        "long call": f"{s.call_price(s.LONG_PROMPT):.4f}".rstrip("0"),
        "hedges an hour": f"{a_second * HEDGE_SHARE * 3_600:,.0f}",
    }[what]


def hedge_share_of_b() -> str:
    """Share of B's quota that hedging the slowest twentieth to B would take, in a healthy hour."""
    return _percent(s.PEAK_RPS * HEDGE_SHARE * (s.MEAN_PROMPT + s.ANSWER) / (s.B_TOKENS_PER_MIN / 60))


# The outage, played


@lru_cache(maxsize=1)
def _runs() -> dict[str, Run]:
    return {name: Simulation(policy).run() for name, policy in POLICIES.items()}


@lru_cache(maxsize=1)
def _returns() -> dict[str, Run]:
    """Ten replicas, with everything; the second without the ramp."""
    return {
        name: Simulation(
            Policy(deadline=True, breaker=True, ramp=ramp, around=True), s.REPLICAS, RETURN
        ).run()
        for name, ramp in (("ramp", True), ("none", False))
    }


def _silence(run: Run) -> list[Any]:
    return run.seconds[int(OUTAGE.silent) : int(OUTAGE.back)]


def _answered(run: Run, klass: str) -> float:
    return run.served_in_outage.get(klass, 0) / run.asked_in_outage[klass]


def outage_table() -> str:
    """What two minutes of silence do under each policy."""
    rows = [
        "| Protection | Paid answered | Free answered | Embeddings lost | Attempts at A per chat request | Most places held |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, run in _runs().items():
        seconds = _silence(run)
        chat = run.asked_in_outage["paid"] + run.asked_in_outage["free"]
        lost = 1 - _answered(run, "embeddings")
        rows.append(
            f"| {NAMES[name].capitalize()} | {_percent(_answered(run, 'paid'))} | {_percent(_answered(run, 'free'))} | "
            f"{_percent(lost)} | {_number(sum(second.attempts for second in seconds) / chat, 2)} | "
            f"{max(second.places for second in seconds)} |"
        )
    return "\n".join(rows)


def outage(what: str) -> str:
    """One figure of the runs."""
    runs = _runs()
    waited = sorted(runs["all"].waited)
    return {
        "opened": _number(runs["all"].opened[0] - OUTAGE.silent),
        "opened alone": _number(runs["breaker"].opened[0] - OUTAGE.silent),
        "waited": _number(sum(waited) / len(waited), 2),
        "bill": _number(
            sum(second.attempts for second in _silence(runs["deadline"])) * s.REPLICAS * s.call_price(), 0
        ),
        "usual bill": _number(s.PEAK_RPS * s.call_price() * (OUTAGE.back - OUTAGE.silent), 0),
        "fifth, deadline": _number(_chat(runs["deadline"], OUTAGE.back, OUTAGE.whole)),
    }[what]


def _chat(run: Run, begin: float, end: float) -> float:
    """Chat answers a second between two times."""
    return sum(second.chat for second in run.seconds[int(begin) : int(end)]) / (end - begin)


def returned(what: str, ramp: bool) -> str:
    """While A has a fifth of its capacity, in the fleet: re-openings, attempts, or attempts that failed."""
    run = _returns()["ramp" if ramp else "none"]
    seconds = run.seconds[int(RETURN.back) : int(RETURN.whole)]
    return _number(
        {
            "opened": sum(at > RETURN.back for at in run.opened),
            "attempts": sum(second.attempts for second in seconds),
            "failed": sum(second.failed for second in seconds),
        }[what],
        0,
    )


def _lines(rows: list[dict[str, Any]], y: str, title: str, description: str) -> dict[str, Any]:
    series = {
        "field": "way",
        "type": "nominal",
        "title": None,
        "scale": {"domain": [NAMES[key] for key in ("all", "none", "breaker", "deadline")]},
        "legend": {"columns": 2},
    }
    return {
        "title": title,
        "description": description,
        "height": 170,
        "data": {"values": rows},
        "usermeta": {
            "columns": {"second": "Second", **{key: name.capitalize() for key, name in NAMES.items()}}
        },
        "transform": [
            {"fold": list(NAMES), "as": ["key", "value"]},
            {"calculate": f"({json.dumps(NAMES)})[datum.key]", "as": "way"},
        ],
        "mark": "line",
        "encoding": {
            "x": {"field": "second", "type": "quantitative", "title": "Seconds; A is silent from 20 to 140"},
            "y": {"field": "value", "type": "quantitative", "title": y},
            "color": series,
            "strokeDash": series,
        },
    }


def _rows(field: str, most: bool = False) -> list[dict[str, Any]]:
    """Per ten seconds: the mean a second, or the most."""
    rows: list[dict[str, Any]] = []
    for begin in range(10, int(OUTAGE.end), 10):  # by then the empty start has filled up
        row: dict[str, Any] = {"second": begin + 10}
        for name, run in _runs().items():
            values = [getattr(second, field) for second in run.seconds[begin : begin + 10]]
            row[name] = max(values) if most else round(sum(values) / 10, 1)
        rows.append(row)
    return rows


def chat_chart() -> dict[str, Any]:
    return _lines(
        _rows("chat"),
        "Answers finished (per second)",
        "Only with everything together is chat answered while A is silent.",
        "Chat answers finished per second by one replica. As today, with deadlines only and with a breaker only, "
        "the line falls to about 0 within 20 seconds of the silence and stays there. All together it stays near "
        "the paid 12 a second, and climbs back to 19 after A is whole.",
    )


def embeddings_chart() -> dict[str, Any]:
    return _lines(
        _rows("embeddings"),
        "Embeddings (per second)",
        "A healthy dependency dies with A as today, and for 18 seconds with a breaker alone.",
        "Embeddings calls answered per second by one replica, of 5. As today they fall to 0 within 20 seconds and "
        "suffer until A is whole. With a breaker only they are lost until it opens, then recover. With deadlines "
        "only, and all together, they stay near 5.",
    )


def places_chart() -> dict[str, Any]:
    return _lines(
        _rows("places", most=True),
        "Most places held",
        "Deadlines alone still fill the replica, because six attempts hold it.",
        "The most places held in each ten seconds by one replica, of 250. As today and with deadlines only it is "
        "full at 250 during the silence. With a breaker only it is full until the breaker opens after 30 seconds. "
        "All together it stays below 145.",
    )


def return_chart() -> dict[str, Any]:
    """Attempts at A by ten replicas while it has a fifth of its capacity."""
    names = {"ramp": "with a ramp", "none": "half-open, then all"}
    rows: list[dict[str, Any]] = []
    for begin in range(int(RETURN.back), int(RETURN.whole), 5):
        row: dict[str, Any] = {"second": begin + 5 - int(RETURN.back)}
        for key, run in _returns().items():
            row[key] = round(sum(second.attempts for second in run.seconds[begin : begin + 5]) / 5, 1)
        rows.append(row)
    return {
        "title": "Without a ramp, ten breakers that pass their probes knock A over again and again.",
        "description": (
            "Attempts per second at A by ten replicas, in the minute in which A can take 40 a second. With a ramp "
            "they climb steadily and stay below 40. Without, they jump to 100 within twenty seconds, fall, and jump "
            "again, between 18 and 93."
        ),
        "height": 170,
        "data": {"values": rows},
        "usermeta": {
            "columns": {
                "second": "Seconds after A's return",
                "ramp": "With a ramp, attempts/s",
                "none": "Half-open then all, attempts/s",
            }
        },
        "layer": [
            {
                "transform": [
                    {"fold": list(names), "as": ["key", "value"]},
                    {"calculate": f"({json.dumps(names)})[datum.key]", "as": "way"},
                ],
                "mark": "line",
                "encoding": {
                    "x": {"field": "second", "type": "quantitative", "title": "Seconds after A is back"},
                    "y": {"field": "value", "type": "quantitative", "title": "Attempts at A (per second)"},
                    "color": {"field": "way", "type": "nominal", "title": None},
                    "strokeDash": {"field": "way", "type": "nominal", "title": None},
                },
            },
            {
                "transform": [{"filter": "datum.second == 5"}],
                "mark": {"type": "rule"},
                "encoding": {"y": {"datum": s.PEAK_RPS * s.RECOVERED_SHARE}},
            },
            {
                "transform": [{"filter": "datum.second == 5"}],
                "mark": {"type": "text", "align": "left", "dx": 4, "dy": -6},
                "encoding": {
                    "y": {"datum": s.PEAK_RPS * s.RECOVERED_SHARE},
                    "x": {"datum": 5},
                    "text": {"value": "what A can take"},
                },
            },
        ],
    }
