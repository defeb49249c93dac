"""What needs no store: bad input, limits, headers, the model against a textbook bucket, the fallback."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.rate_limiting import headers, meter, script
from examples.rate_limiting.decision import Decision, InvalidCost, InvalidReservation, InvalidUser, Outcome
from examples.rate_limiting.fallback import Circuit, Local, LocalLimiter, share
from examples.rate_limiting.limiter import RateLimiter, Settings, connect
from examples.rate_limiting.tiers import MOST, TIERS, UNIT, Limit, Tier, UnknownTier, WhenStoreFails
from tests.examples.helpers import unusable

# Bad input -----------------------------------------------------------------------------------------------------


@pytest.fixture
def offline() -> RateLimiter:
    """A limiter that reaches no store: whatever it answers, it answers before asking."""
    return RateLimiter(connect("redis://127.0.0.1:1", 0.01), Settings(gateways=1))


@pytest.mark.parametrize("tokens", [0, -1, True, False, 1.0, 8_000.5, float("nan"), "8", None, MOST + 1])
def test_bad_costs(offline: RateLimiter, tokens: Any) -> None:
    with pytest.raises(InvalidCost):
        offline.reserve("someone", "pro", tokens)


@pytest.mark.parametrize("user", ["", None, 7, b"bytes", "x" * 257, "ü" * 129, "\ud800"])
def test_bad_users(offline: RateLimiter, user: Any) -> None:
    with pytest.raises(InvalidUser):
        offline.reserve(user, "pro", 1)


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "}", "é", "a\n", 7])
def test_bad_reservations(offline: RateLimiter, name: Any) -> None:
    with pytest.raises(InvalidReservation):
        offline.reserve("someone", "pro", 1, name)


@pytest.mark.parametrize("name", ["", "Pro", "gold", None])
def test_unknown_tiers(offline: RateLimiter, name: Any) -> None:
    with pytest.raises(UnknownTier):
        offline.reserve("someone", name, 1)


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_keys_have_one_hash_tag_and_never_meet(one: str, other: str) -> None:
    try:
        first, second = script.keys(one), script.keys(other)
    except InvalidUser:
        return
    for key in first:
        assert key.count("{") == key.count("}") == 1
        assert key.isascii()
        assert key.startswith("rl:{")
        assert one not in key or len(one) < 33
    assert (first == second) == (one == other)


@pytest.mark.parametrize("values", [(0, 1), (1, 0), (-1, 1), (1.5, 1), (True, 1), (1, 1, -1), (1, MOST)])
def test_bad_limits(values: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"must be an int|too large"):
        Limit(*values)


def test_requests_have_no_debt() -> None:
    with pytest.raises(ValueError, match="no debt"):
        Tier("x", Limit(1, 1, debt=1), Limit(1, 1), WhenStoreFails.DENY)


@pytest.mark.parametrize("gateways", [0, -1, 1.0, True])
def test_bad_number_of_gateways(gateways: Any) -> None:
    with pytest.raises(ValueError, match="gateways"):
        share(TIERS["pro"], gateways, 1)


def test_a_hold_lasts_ten_minutes() -> None:
    assert script.HOLD_MS == 600_000


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        ("redis://localhost:6379", True),
        ("redis://localhost:6379/", True),
        ("redis://10.0.0.7:7000/0", True),
        ("redis://localhost:6379/1", False),
        ("redis://localhost:6379?db=2", False),
        ("redis://:secret@localhost:6379/0", False),
        ("rediss://localhost:6379/0", False),
        ("unix:///run/redis.sock", False),
    ],
)
def test_a_redis_url_that_the_tests_cannot_use_is_refused(url: str, usable: bool) -> None:
    assert (unusable(url) is None) == usable


def test_lua_counts_in_the_same_units() -> None:
    lua = (script.LUA / "meter.lua").read_text()
    assert f"tonumber(ARGV[1]), ARGV[2], {UNIT}, 1000" in lua


# The model -----------------------------------------------------------------------------------------------------

GENEROUS = Tier("generous", Limit(6_000, 1_000), Limit(600, 200, debt=100_000), WhenStoreFails.DENY)

tries = st.lists(
    st.tuples(st.integers(1, 150), st.integers(0, 4), st.integers(0, 9_000_000), st.integers(0, 60_000_000)),
    max_size=20,
)


@settings(max_examples=150)
@given(tries)
def test_reserving_never_admits_more_than_knowing_the_cost_would(
    sequence: list[tuple[int, int, int, int]],
) -> None:
    """At no time is the bucket fuller than one that was charged the real cost when each request began.

    The other side is the textbook bucket: a level in fractions, refilled by rate x time, capped at the burst.
    So whatever is reserved, refunded or kept open, what is really used stays within burst + rate x window.
    """
    limit = GENEROUS.tokens
    rate = Fraction(limit.per_minute, 60_000_000)
    level, then, now = Fraction(limit.burst), 0, 0
    state: meter.State | None = None
    ends: list[tuple[int, int, meter.Hold, int]] = []

    def refill(to: int) -> None:
        nonlocal level, then
        level, then = min(Fraction(limit.burst), level + rate * (to - then)), to

    def end_until(time: int) -> None:
        nonlocal state
        for end in sorted(end for end in ends if end[0] <= time):
            ends.remove(end)
            due, _, hold, actual = end
            state, written_off = meter.settle(state, GENEROUS, hold, actual, due)
            refill(due)
            assert written_off == 0
            assert Fraction(state.tokens, UNIT) >= limit.burst - level

    for number, (tokens, part, gap, lasts) in enumerate(sequence):
        now += gap
        end_until(now)
        refill(now)
        claim = meter.Hold(str(number), tokens, 10**15)
        state, current, taken = meter.reserve(state, GENEROUS, claim, now)
        if taken:
            actual = tokens * part // 4
            level -= actual
            ends.append((now + lasts, number, claim, actual))
        assert Fraction(current.tokens, UNIT) >= limit.burst - level
    end_until(10**12)


@given(st.lists(st.tuples(st.integers(1, 150), st.integers(0, 9_000_000)), max_size=20))
def test_settled_at_once_it_is_the_textbook_bucket(sequence: list[tuple[int, int]]) -> None:
    limit = GENEROUS.tokens
    rate = Fraction(limit.per_minute, 60_000_000)
    level, now = Fraction(limit.burst), 0
    state: meter.State | None = None
    for number, (tokens, gap) in enumerate(sequence):
        now += gap
        level = min(Fraction(limit.burst), level + rate * gap)
        claim = meter.Hold(str(number), 150, 10**15)
        state, current, taken = meter.reserve(state, GENEROUS, claim, now)
        assert taken == (level >= 150)
        if taken:
            level -= tokens
            current, _ = meter.settle(state, GENEROUS, claim, tokens, now)
            state = current
        assert Fraction(current.tokens, UNIT) == limit.burst - level


def test_a_lost_hold_counts_from_its_deadline_whenever_it_is_looked_at() -> None:
    second, plan = 1_000_000, Tier("x", Limit(600, 100), Limit(60, 100, debt=50), WhenStoreFails.DENY)
    lost = meter.State(0, holds=(meter.Hold("b", 40, 25 * second), meter.Hold("a", 60, 20 * second)))
    late = meter.load(lost, plan, 49 * second)
    assert late == meter.load(meter.load(lost, plan, 20 * second), plan, 49 * second)
    assert late.used == (100 - 29) * UNIT  # a token a second, from the first deadline on


def test_waiting_what_is_told_is_enough_and_a_microsecond_less_is_not() -> None:
    limit = TIERS["pro"].tokens
    chance = random.Random(6)
    for _ in range(200):
        spent, cost = chance.randrange(0, 2 * limit.burst * UNIT), chance.randrange(1, limit.burst)
        wait = meter.wait(spent, limit, cost)
        fits = limit.burst * UNIT - cost * UNIT
        assert meter.drained(spent, limit, wait) <= fits
        if wait:
            assert meter.drained(spent, limit, wait - 1) > fits


# Headers -------------------------------------------------------------------------------------------------------


def test_fields_of_an_answer() -> None:
    decision = Decision(Outcome.ALLOWED, TIERS["pro"], 29, 92_000)
    assert headers.fields(decision) == {
        "RateLimit-Policy": '"requests";q=30;w=15, "tokens";q=100000;w=30;qu="tokens"',
        "RateLimit": '"requests";r=29, "tokens";r=92000',
    }


def test_fields_of_a_refusal() -> None:
    decision = Decision(Outcome.REFUSED, TIERS["free"], 3, 0, ("tokens",), (12,))
    fields = headers.fields(decision)
    assert headers.STATUS[decision.outcome] == 429
    assert fields["Retry-After"] == "12"
    assert fields["RateLimit"] == '"requests";r=3, "tokens";r=0;t=12'


def test_never_has_no_retry_after_and_unavailable_has_no_levels() -> None:
    never = headers.fields(Decision(Outcome.NEVER, TIERS["free"], 5, 10_000, ("tokens",)))
    assert set(never) == {"RateLimit-Policy"}
    away = headers.fields(Decision(Outcome.UNAVAILABLE, TIERS["free"], 0, 0, wait_s=(1,)))
    assert set(away) == {"RateLimit-Policy", "Retry-After"}
    assert headers.STATUS == {
        Outcome.ALLOWED: 200,
        Outcome.REFUSED: 429,
        Outcome.NEVER: 400,
        Outcome.UNAVAILABLE: 503,
    }


# The fallback --------------------------------------------------------------------------------------------------


def test_the_local_limiter_holds_under_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a pause between its look and its write, in which other threads run."""
    settle = meter.settle

    def slow(*args: Any) -> Any:
        time.sleep(1e-4)
        return settle(*args)

    monkeypatch.setattr(meter, "settle", slow)
    plan = replace(TIERS["pro"], requests=Limit(1, 1_000), tokens=Limit(1, 1_000))
    mine = LocalLimiter(gateways=2, clock_us=lambda: 0)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: mine.reserve("someone", plan, 1), range(2_000)))
    assert sum(result.taken for result in results) == 500


def test_the_local_limiter_is_bounded_and_never_forgets_a_spent_bucket() -> None:
    now = 0
    mine = LocalLimiter(gateways=1, clock_us=lambda: now, max_users=2)
    plan = TIERS["pro"]
    assert mine.reserve("a", plan, 100_000).taken
    assert mine.reserve("b", plan, 1).taken
    assert mine.reserve("c", plan, 1) == Local(False)  # full of users that still owe
    assert mine.reserve("b", plan, 1).taken  # who is in already goes on
    now = 30_000_000  # a has refilled
    assert mine.reserve("c", plan, 1).taken
    assert mine.reserve("a", plan, 1).taken  # b has refilled, too, and makes room
    assert len(mine._users) == 2


def test_the_local_limiter_keeps_a_user_whose_tokens_are_spent_and_requests_are_not() -> None:
    now = 0
    mine = LocalLimiter(gateways=1, clock_us=lambda: now, max_users=1)
    assert mine.reserve("a", TIERS["pro"], 100_000).taken
    now = 1_000_000  # the request is back after half a second, the tokens after thirty
    assert not mine.reserve("b", TIERS["pro"], 1).taken


def test_the_local_limiter_forgets_who_came_last_longest_ago() -> None:
    now = 0
    mine = LocalLimiter(gateways=1, clock_us=lambda: now, max_users=2)
    assert mine.reserve("a", TIERS["pro"], 1).taken
    assert mine.reserve("b", TIERS["pro"], 1).taken
    now = 10_000_000
    assert mine.reserve("a", TIERS["pro"], 50_000).taken
    assert mine.reserve("c", TIERS["pro"], 1).taken  # in place of b, who is full


def test_the_local_limiter_admits_nobody_for_part_of_a_request() -> None:
    now = 0
    mine = LocalLimiter(gateways=1, clock_us=lambda: now)
    plan = Tier("x", Limit(60, 2), Limit(60_000, 10), WhenStoreFails.LOCAL)
    assert mine.reserve("someone", plan, 1).taken
    assert mine.reserve("someone", plan, 1).taken
    now = 999_999
    assert mine.reserve("someone", plan, 1) == Local(False, wait_us=1)
    now = 1_000_000
    assert mine.reserve("someone", plan, 1).taken


def test_a_request_above_four_shares_waits_for_the_store() -> None:
    mine = LocalLimiter(gateways=20, clock_us=lambda: 0)
    assert mine.reserve("someone", TIERS["pro"], 20_001) == Local(False)  # no refill helps
    assert mine.reserve("someone", TIERS["pro"], 20_000).taken


def test_the_circuit_lets_one_probe_through() -> None:
    now = 0
    circuit = Circuit(lambda: now, threshold=2, cooldown_us=1_000)
    circuit.record(ok=False)
    assert circuit.allows()
    circuit.record(ok=False)
    assert not circuit.allows()
    now = 1_000
    assert [circuit.allows() for _ in range(3)] == [True, False, False]
    circuit.record(ok=False)
    now = 2_000
    assert circuit.allows()
    circuit.record(ok=True)
    assert all(circuit.allows() for _ in range(3))
