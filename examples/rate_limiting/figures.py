"""Every number on the page, computed from the tiers, the model and the assumptions named here.

The assumptions are the page's setting, not measurements, except for the two sizes and the time of a call: those
were measured on Valkey 9.1 (x86-64, jemalloc), and the tests measure them again.
"""

from __future__ import annotations

from functools import cache

from examples.rate_limiting import headers, meter
from examples.rate_limiting.decision import Decision, Outcome, seconds
from examples.rate_limiting.fallback import cap, share
from examples.rate_limiting.tiers import TIERS, UNIT

# Measured
BUCKET_BYTES = 160
"""MEMORY USAGE of one user's bucket: key, hash of four numbers, expiry."""
HOLDS_BYTES = 128
"""MEMORY USAGE of one user's open reservations, with one in it; another one adds less."""
CALL_US = 100.0
"""Budget for one script call on the store's main thread, in microseconds; several times what is measured."""

MEASURED_US = 22
"""What a call took: the mean over 200 calls, the best of five batches, on two cores (22 November 2026)."""

# The setting
REGISTERED_USERS = 1_000_000
PEAK_REQUESTS_PER_S = 500
GATEWAYS = 20
STREAM_S = 20
PROMPT_TOKENS = 1_000
MAX_TOKENS = 4_096
OUTPUT_TOKENS = 400

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

    Played through the model: each stream reserves ``reserved``, uses ``used`` and lasts STREAM_S; the next one
    is tried every 50 ms. Less than refill / used, since what open streams hold leaves the refill less to fill.
    """
    t, step, warm, end = TIERS[tier], 50_000, 3 * 60_000_000, 8 * 60_000_000
    state: meter.State | None = None
    started, now = 0, 0
    while now < end:
        while state and state.holds and state.holds[0].deadline <= now:
            state, _ = meter.settle(state, t, state.holds[0], used, state.holds[0].deadline - 1)
        claim = meter.Hold(str(now), reserved, now + STREAM_S * 1_000_000 + 1)
        state, _, taken = meter.reserve(state, t, claim, now)
        if not taken:
            now += step
        else:
            started += now >= warm
            now += 1
    return started * 60_000_000 / (end - warm)


def admission_table(tokens: int) -> str:
    """Return, per tier, how many requests of ``tokens`` pass at once and for good."""
    lines = ["| Tier | At once | A minute, sustained |", "| --- | ---: | ---: |"]
    lines += [
        f"| {name} | {at_once(name, tokens)} | {sustained(name, tokens, tokens):.1f} |" for name in TIERS
    ]
    return "\n".join(lines)


def most_in(tier: str, seconds: int) -> int:
    """Return the most tokens a bucket admits in any window: burst + rate x window."""
    limit = TIERS[tier].tokens
    return limit.burst + limit.per_minute * seconds // 60


def fixed_window_most(tier: str) -> int:
    """Return what a fixed window of a minute admits around its edge: two windows' worth, seconds apart."""
    return 2 * TIERS[tier].tokens.per_minute


def refusal(remaining_requests: int, left: int, cost: int) -> str:
    """Return the head of a pro user's refusal for want of tokens, as a fenced block."""
    wait = seconds(int(wait_s("pro", left, cost) * 1_000_000))
    decision = Decision(Outcome.REFUSED, TIERS["pro"], remaining_requests, left, ("tokens",), (wait,))
    head = [f"HTTP/1.1 {headers.STATUS[decision.outcome]} Too Many Requests"]
    head += [f"{name}: {value}" for name, value in headers.fields(decision).items()]
    return "\n".join(("```text", *head, "```"))


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


def call_us() -> int:
    """Return the budget for a script call."""
    return int(CALL_US)


def measured_us() -> int:
    """Return what a script call took where it was measured."""
    return MEASURED_US


def bucket_bytes() -> int:
    """Return the memory of one bucket."""
    return BUCKET_BYTES


def holds_bytes() -> int:
    """Return the memory of one user's open reservation."""
    return HOLDS_BYTES


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


def outage_burst(tier: str, tokens: int) -> int:
    """Return the most tokens that all gateways together hand one user at once, in requests of ``tokens``."""
    if tokens > cap(TIERS[tier], GATEWAYS):
        return 0
    mine = share(TIERS[tier], GATEWAYS, tokens)
    return GATEWAYS * min(mine.requests.burst, max(1, mine.tokens.burst // tokens)) * tokens


def outage_bound(tier: str) -> int:
    """Return the most tokens that all gateways together hand one user at once, whatever the sizes."""
    return GATEWAYS * cap(TIERS[tier], GATEWAYS)


def unsettled_per_s() -> int:
    """Return the settles that fail, for every second of an outage at peak."""
    return PEAK_REQUESTS_PER_S


def unsettled_tokens_per_s() -> int:
    """Return the tokens that stay held until their deadlines, for every second of an outage without a queue."""
    return unsettled_per_s() * reserved_tokens()


def failover_tokens(lag_ms: int) -> int:
    """Return the reserved tokens that a failover forgets, over all users, at a replication lag of ``lag_ms``."""
    return PEAK_REQUESTS_PER_S * lag_ms * reserved_tokens() // 1_000
