"""Every number on the page, computed from the tiers, the model and the assumptions named here.

The assumptions are the page's setting, not measurements, except for the two sizes and the time of a call: those
were measured on Valkey 9.1 (x86-64, jemalloc). The tests measure the sizes again, ``make bench`` the time.
"""

# ruff: noqa: RUF001 (a minus and a multiplication sign are what the page shows)

from __future__ import annotations

import itertools
import json
from functools import cache
from typing import Any

from examples.rate_limiting import calculator, headers, meter
from examples.rate_limiting.decision import Decision, Outcome, seconds
from examples.rate_limiting.fallback import cap, share
from examples.rate_limiting.tiers import TIERS, UNIT

# Measured
BUCKET_BYTES = 160
"""MEMORY USAGE of one user's bucket: key, hash of four numbers, expiry."""
HOLDS_BYTES = 128
"""MEMORY USAGE of one user's open reservations, with one in it; another one adds less."""
CALL_US = 100.0
"""Budget for one script call on the store's main thread, in microseconds; more than what is measured."""

MEASURED_US = 50
MEASURED_BOTH_US = 70
"""What a call took, for a user alone and with an organization: the mean over 200 calls, the best of 120 batches, on two
cores that had other work to do: ``make bench`` on 25 November 2026, Valkey 9.1.2, rounded up to tens."""

# The setting
REGISTERED_USERS = 1_000_000
PEAK_REQUESTS_PER_S = 500
GATEWAYS = 20
STREAM_S = 20
PROMPT_TOKENS = 1_000
MAX_TOKENS = 4_096
OUTPUT_TOKENS = 400

STORE_MS = 1
TTFT_MS = 400
LAG_MS = 100

# Defaults of redis-py 8.1: Redis.__init__
CLIENT_TIMEOUT_S = 5
CLIENT_RETRIES = 10


def tier_table() -> str:
    """Return the tiers as a Markdown table."""
    lines = [
        "| Tier | Requests a minute (burst) | LLM tokens a minute (burst) | Debt at most | While the store is away |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    away = {"deny": "refused with 503", "local": "each gateway's share"}
    lines += [
        f"| {t.name} | {t.requests.per_minute:,} ({t.requests.burst:,}) "
        f"| {t.tokens.per_minute:,} ({t.tokens.burst:,}) | {t.tokens.debt:,} | {away[t.when_store_fails]} |"
        for t in TIERS.values()
    ]
    return "\n".join(lines)


def units() -> int:
    """Return the fixed-point units of one token."""
    return UNIT


def largest_count() -> int:
    """Return the tokens that 2**53 units stand for."""
    return 2**53 // UNIT


# Working the bucket


def wait_s(tier: str, left: int, cost: int) -> float:
    """Return the seconds until ``cost`` tokens fit, with ``left`` in the bucket (negative: in debt)."""
    limit = TIERS[tier].tokens
    return meter.wait((limit.burst - left) * UNIT, limit, cost) / 1_000_000


def at_once(tier: str, tokens: int) -> int:
    """Return how many requests of ``tokens`` a full pair of buckets admits at once."""
    t = TIERS[tier]
    return min(t.requests.burst, t.tokens.burst // tokens)


@cache
def sustained(tier: str, reserved: int, used: int) -> float:
    """Return how many streams a minute an eager user gets, over five minutes after three of warming up.

    Played through the model: each stream reserves ``reserved``, uses ``used`` and lasts STREAM_S; the next one is
    tried as soon as the refill or the end of a stream may have made room. Less than refill / used, since what open
    streams hold leaves the refill less to fill.
    """
    t, warm, end = TIERS[tier], 3 * 60_000_000, 8 * 60_000_000
    state: meter.State | None = None
    started, now = 0, 0
    while now < end:
        while state and state.holds and state.holds[0].deadline <= now:
            state, _ = meter.settle(state, t, state.holds[0], used, state.holds[0].deadline - 1)
        claim = meter.Hold(str(now), reserved, now + STREAM_S * 1_000_000 + 1)
        state, current, taken = meter.reserve(state, t, claim, now)
        if taken:
            started += now >= warm
            now += 1
        else:
            refill = max(
                meter.wait(current.requests, t.requests, 1), meter.wait(current.tokens, t.tokens, reserved)
            )
            ends = current.holds[0].deadline if current.holds else end
            now = min(now + refill, ends)
    return started * 60_000_000 / (end - warm)


def admission_table(tokens: int) -> str:
    """Return, per tier, how many requests of ``tokens`` pass at once and for good."""
    lines = ["| Tier | At once | A minute, sustained |", "| --- | ---: | ---: |"]
    lines += [
        f"| {name} | {at_once(name, tokens)} | {sustained(name, tokens, tokens):.1f} |" for name in TIERS
    ]
    return "\n".join(lines)


def most_in(tier: str, seconds: int) -> int:
    """Return the most tokens a bucket admits in any window."""
    return meter.most_in(TIERS[tier].tokens, seconds)


def fixed_window_most(tier: str) -> int:
    """Return what a fixed window of a minute admits around its edge: two windows' worth, seconds apart."""
    return 2 * TIERS[tier].tokens.per_minute


def _refused(remaining_requests: int, left: int, cost: int) -> Decision:
    """Return a pro user's refusal for want of tokens."""
    wait = seconds(int(wait_s("pro", left, cost) * 1_000_000))
    return Decision(Outcome.REFUSED, TIERS["pro"], remaining_requests, left, ("tokens",), (wait,))


def refusal(remaining_requests: int, left: int, cost: int) -> str:
    """Return the head of a pro user's refusal for want of tokens, as a fenced block."""
    decision = _refused(remaining_requests, left, cost)
    head = [f"HTTP/1.1 {headers.STATUS[decision.outcome]} Too Many Requests"]
    head += [f"{name}: {value}" for name, value in headers.fields(decision).items()]
    return "\n".join(("```text", *head, "```"))


def refusal_body(remaining_requests: int, left: int, cost: int) -> str:
    """Return the body of the same refusal, as a fenced block."""
    body = headers.problem(_refused(remaining_requests, left, cost))
    return "\n".join(("```json", json.dumps(body, indent=2), "```"))


def debt_after(tier: str, reserved: int, actual: int) -> int:
    """Return the debt after a full bucket has reserved ``reserved`` and used ``actual``, settled at once."""
    claim = meter.Hold("", reserved, 1)
    taken = meter.reserve(None, TIERS[tier], claim, 0)
    state, _ = meter.settle(taken.keep, TIERS[tier], claim, actual, 0)
    return state.used // UNIT - TIERS[tier].tokens.burst


# Reserving too much


def reserved_tokens() -> int:
    """Return what a request of the setting reserves."""
    return PROMPT_TOKENS + MAX_TOKENS


def used_tokens() -> int:
    """Return what a request of the setting uses."""
    return PROMPT_TOKENS + OUTPUT_TOKENS


def streams_at_once(tier: str, tokens: int) -> int:
    """Return how many streams of ``tokens`` reserved a full token bucket holds open."""
    return TIERS[tier].tokens.burst // tokens


# Sizing the store


def calls_per_s() -> int:
    """Return script calls a second at peak: a reserve and a settle for every request."""
    return 2 * PEAK_REQUESTS_PER_S


def busy(growth: int = 1) -> float:
    """Return the share of the store's main thread that the calls take, at the budgeted time."""
    return growth * calls_per_s() * CALL_US / 1_000_000


def refused_share(rate: int = 1000) -> float:
    """Return the share of the store's main thread that ``rate`` refused calls a second take, as budgeted."""
    return rate * CALL_US / 1_000_000


def in_flight() -> int:
    """Return the open reservations at peak: arrival rate x duration (Little's law)."""
    return PEAK_REQUESTS_PER_S * STREAM_S


def longest_life_s() -> int:
    """Return the seconds the most indebted bucket lives untouched: time to full, and a second of slack."""
    return 1 + max(-(-60 * (t.tokens.burst + t.tokens.debt) // t.tokens.per_minute) for t in TIERS.values())


def live_buckets() -> int:
    """Return the most buckets there can be at peak: every request by another user, each open and then draining."""
    return PEAK_REQUESTS_PER_S * (STREAM_S + longest_life_s())


def memory_mib() -> float:
    """Return the memory of all buckets and reservations at peak, no two requests by one user."""
    return (live_buckets() * BUCKET_BYTES + in_flight() * HOLDS_BYTES) / 2**20


def oversold() -> int:
    """Return how many times the peak's real tokens a minute the free tier alone promises, were all users on it."""
    served = PEAK_REQUESTS_PER_S * 60 * used_tokens()
    return REGISTERED_USERS * TIERS["free"].tokens.per_minute // served


def calls_of_one(tier: str) -> float:
    """Return the script calls a second that one user's admitted requests make, for good."""
    return 2 * TIERS[tier].requests.per_minute / 60


def lease_covers(lease: int) -> int:
    """Return how many requests of the setting one lease of tokens covers without another call."""
    return lease // reserved_tokens()


# When the store fails


def default_client_stall_s() -> int:
    """Return the least time that redis-py's defaults hold a call to a hanging store: every try times out."""
    return (1 + CLIENT_RETRIES) * CLIENT_TIMEOUT_S


def outage_bound(tier: str) -> int:
    """Return the most tokens that all gateways together hand one user at once, whatever the sizes."""
    return GATEWAYS * cap(TIERS[tier], GATEWAYS)


def limiters_that_refuse(tier: str) -> int:
    """Return the number of local limiters from which on an average request is larger than the most that one admits."""
    return next(count for count in itertools.count(1) if cap(TIERS[tier], count) < reserved_tokens())


def share_tokens(tier: str, limiters: int) -> int:
    """Return one of so many limiters' share of the burst."""
    return TIERS[tier].tokens.burst // limiters


def cap_tokens(tier: str, limiters: int) -> int:
    """Return the largest request that one of so many limiters admits."""
    return cap(TIERS[tier], limiters)


def local_wait_s(tier: str, tokens: int) -> int:
    """Return the seconds in which one gateway's share refills what a user took from it."""
    return seconds(meter.wait(tokens * UNIT, share(TIERS[tier], GATEWAYS, tokens).tokens, tokens))


def unsettled_per_s() -> int:
    """Return the settles that fail, for every second of an outage at peak."""
    return PEAK_REQUESTS_PER_S


def failover_tokens(lag_ms: int) -> int:
    """Return the reserved tokens that a failover forgets, over all users, at a replication lag of ``lag_ms``."""
    return PEAK_REQUESTS_PER_S * lag_ms * reserved_tokens() // 1_000


def forgotten_at_most(tier: str, lag_ms: int) -> int:
    """Return the most tokens of one user that a failover forgets: what a full bucket admits during the lag."""
    limit = TIERS[tier].tokens
    return limit.burst + limit.per_minute * lag_ms // 60_000


# Repeated refusals


def cached_refusals_per_s() -> int:
    """Return the store calls a second of a client in a loop over all gateways: each asks once in a second."""
    return GATEWAYS


def node_requests_per_s() -> int:
    """Return the requests a second, two calls each, that fill one main thread at the budgeted time."""
    return int(1_000_000 / CALL_US) // 2


def numbers_table() -> str:
    """Return what the setting comes to, as a Markdown table."""
    pro, reserved, used = TIERS["pro"].tokens, reserved_tokens(), used_tokens()
    debt = debt_after("free", reserved=9_000, actual=12_500)
    rows = [
        (
            "Most tokens of a pro user in any minute",
            f"{pro.burst:,} + {pro.per_minute:,} × 1",
            f"{most_in('pro', 60):,}",
        ),
        (
            "The same with a fixed window",
            "the end of one and the start of the next",
            f"{fixed_window_most('pro'):,} within seconds",
        ),
        (
            f"Pro streams, reserving {reserved:,} and using {used:,}",
            f"{streams_at_once('pro', reserved)} open at once × 60 s / {STREAM_S} s",
            f"{sustained('pro', reserved, used):.0f} a minute",
        ),
        (
            "Pro streams, reserving what they use",
            "the limit on requests decides",
            f"{sustained('pro', used, used):.0f} a minute",
        ),
        (
            "A free user reserves 9,000 of a full bucket, uses 12,500, and next wants 4,000",
            f"12,500 − {TIERS['free'].tokens.burst:,}; ({debt:,} + 4,000) / {TIERS['free'].tokens.per_minute:,} min",
            f"{debt:,} in debt; {wait_s('free', left=-debt, cost=4_000)} s of waiting",
        ),
        (
            f"The store's main thread, at a budget of {CALL_US:.0f} µs a call (measured inside the store by `make bench`, "
            f"Valkey 9.1, two busy cores, best of 120 batches, 25 November 2026: {MEASURED_US} µs, {MEASURED_BOTH_US} µs with an organization; socket I/O comes on top)",
            f"2 × {PEAK_REQUESTS_PER_S}/s × {CALL_US:.0f} µs",
            f"{busy():.0%} busy; {busy(growth=5):.0%} at five times the traffic",
        ),
        (
            f"Memory, each request by another user, at {BUCKET_BYTES} bytes a bucket and {HOLDS_BYTES} an open stream",
            f"{PEAK_REQUESTS_PER_S}/s × ({STREAM_S} s open + {longest_life_s()} s draining) = {live_buckets():,} "
            f"buckets; {in_flight():,} streams",
            f"{memory_mib():.1f} MiB",
        ),
        (
            "The store call's part of TTFT (time to first token)",
            f"{STORE_MS} ms of an assumed {TTFT_MS} ms",
            f"{STORE_MS / TTFT_MS:.2%}",
        ),
        (
            f"Reserved tokens that a failover forgets, at an assumed lag of {LAG_MS} ms",
            f"{PEAK_REQUESTS_PER_S}/s × {LAG_MS / 1000} s × {reserved:,}",
            f"{failover_tokens(LAG_MS):,} over all users",
        ),
        (
            "The same for one pro user, at worst",
            f"{pro.burst:,} + {pro.per_minute:,} × {LAG_MS / 1000} / 60",
            f"{forgotten_at_most('pro', LAG_MS):,}",
        ),
    ]
    head = ["| Figure | Calculation | Result |", "| --- | --- | --- |"]
    return "\n".join((*head, *("| " + " | ".join(row) + " |" for row in rows)))


def limits_calculator() -> dict[str, Any]:
    """Return the calculator of rate limits."""
    return calculator.specification()
