"""A user and its organization: all or nothing. And tiers that change while streams run."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples.rate_limiting import headers, meter, script
from examples.rate_limiting.decision import Account, Organization, Outcome, Reservation, decide
from examples.rate_limiting.fallback import Local, LocalLimiter
from examples.rate_limiting.limiter import AsyncRateLimiter, RateLimiter, Settings, connect, connect_async
from examples.rate_limiting.metrics import Metrics
from examples.rate_limiting.tiers import TIERS, UNIT, Limit, Tier, UnknownTier, WhenStoreFails
from tests.examples.helpers import (
    HOLD_S,
    PATIENT_S,
    RESERVE_AT,
    SETTLE_AT,
    START,
    Clock,
    dead_port,
    new_user,
    saved,
)

USER = Tier("user", Limit(1, 100), Limit(1, 10_000), WhenStoreFails.LOCAL)
TEAM = Tier("team", Limit(1, 120), Limit(1, 15_000, debt=2_000), WhenStoreFails.LOCAL)
CLOSED = replace(TEAM, name="closed", when_store_fails=WhenStoreFails.DENY)
"""A token a minute: what a test uses is still there when it looks."""

PLANS = {**TIERS, "user": USER, "team": TEAM, "closed": CLOSED}


def limiter(url: str, **changed: Any) -> RateLimiter:
    return RateLimiter(
        connect(url, PATIENT_S), Settings(**{"gateways": 1, "tiers": PLANS, "refusals_us": 0, **changed})
    )


def team() -> Organization:
    return Organization(f"team-{new_user()}", "team")


# All or nothing --------------------------------------------------------------------------------------------------


def test_a_user_refused_by_the_organization_has_paid_nothing(store: redis.Redis, store_url: str) -> None:
    of, mine = team(), limiter(store_url)
    one, other = new_user(), new_user()
    assert mine.reserve(one, "user", 10_000, organization=of).allowed
    refused = mine.reserve(other, "user", 6_000, organization=of)
    assert (refused.outcome, refused.refused_by) == (Outcome.REFUSED, ("organization-tokens",))
    assert refused.organization is not None
    assert (refused.remaining_tokens, refused.organization.remaining_tokens) == (10_000, 5_000)
    assert saved(store, other, of.id) is None
    assert mine.reserve(other, "user", 5_000, organization=of).allowed


def test_an_organization_pays_nothing_for_what_its_user_is_refused(
    store: redis.Redis, store_url: str
) -> None:
    of, mine, user = team(), limiter(store_url), new_user()
    assert mine.reserve(user, "user", 9_000, organization=of).allowed
    before = saved(store, user, of.id, of_all=True)
    refused = mine.reserve(user, "user", 2_000, organization=of)
    assert refused.refused_by == ("tokens",)
    assert saved(store, user, of.id, of_all=True) == before


def test_a_settle_gives_back_to_both_and_charges_both(store: redis.Redis, store_url: str) -> None:
    of, mine, user = team(), limiter(store_url), new_user()
    claim = mine.reserve(user, "user", 9_000, organization=of).reservation
    assert claim is not None
    assert mine.settle(claim, 400).applied
    assert not mine.settle(claim, 400).applied
    for of_all in (False, True):
        state = saved(store, user, of.id, of_all=of_all)
        assert state is not None
        assert (state.held, -(-state.used // UNIT), -(-state.requests // UNIT)) == (0, 400, 1)


def test_a_repeat_is_charged_once_by_both(store: redis.Redis, store_url: str) -> None:
    of, mine, user = team(), limiter(store_url), new_user()
    answers = [mine.reserve(user, "user", 9_000, "same", of) for _ in range(3)]
    assert all(answer.allowed for answer in answers)
    state = saved(store, user, of.id, of_all=True)
    assert state is not None
    assert (state.held, state.requests) == (9_000 * UNIT, UNIT)


def test_what_is_written_off_is_the_more_forgiving_account_s(store_url: str) -> None:
    metrics = Metrics()
    of, mine, user = team(), limiter(store_url, metrics=metrics), new_user()
    claim = mine.reserve(user, "user", 1_000, organization=of).reservation
    assert claim is not None
    # 20,000 used: the user's bucket has 10,000 and no debt, the organization's 15,000 and 2,000.
    assert mine.settle(claim, 20_000).written_off == 10_000
    written_off = [
        metrics.value("ratelimit_written_off_tokens_total", tier=tier, scope=scope)
        for tier, scope in (("user", "user"), ("team", "organization"))
    ]
    assert written_off == [10_000, 3_000]


def test_what_the_organization_alone_writes_off_is_told_too(store_url: str) -> None:
    indebted = replace(USER, tokens=Limit(1, 10_000, debt=10_000))
    of, mine = team(), limiter(store_url, tiers={**PLANS, "indebted": indebted})
    claim = mine.reserve(new_user(), "indebted", 1_000, organization=of).reservation
    assert claim is not None
    assert mine.settle(claim, 20_000).written_off == 3_000


def test_a_settle_applies_though_the_store_has_lost_one_of_the_holds(
    store: redis.Redis, store_url: str
) -> None:
    of, mine, user = team(), limiter(store_url), new_user()
    claim = mine.reserve(user, "user", 9_000, organization=of).reservation
    assert claim is not None
    store.delete(*script.keys(user, of.id)[2:])
    assert mine.settle(claim, 400).applied
    assert not mine.settle(claim, 400).applied


def test_threads_of_many_users_never_over_admit_their_organization(
    store: redis.Redis, store_url: str
) -> None:
    of, mine = team(), limiter(store_url)
    users = [new_user() for _ in range(4)]

    def work(user: str) -> int:
        taken = [mine.reserve(user, "user", 500, organization=of) for _ in range(15)]
        return sum(decision.allowed for decision in taken)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, users)) == 30  # 15,000 in pieces of 500
    state = saved(store, users[0], of.id, of_all=True)
    assert state is not None
    assert state.held == 15_000 * UNIT
    held = [saved(store, user, of.id) for user in users]
    assert sum(one.held for one in held if one) == 15_000 * UNIT


def test_an_error_on_the_organization_s_key_leaves_the_user_s_untouched(
    store: redis.Redis, store_url: str
) -> None:
    """All is read before anything is written, so a script that fails has done nothing."""
    of, mine, user = team(), limiter(store_url), new_user()
    key = script.keys(user, of.id)[2]
    store.set(key, "no hash", ex=60)
    assert mine.reserve(user, "user", 10, organization=of).store_error == "ResponseError"
    assert saved(store, user, of.id) is None
    store.delete(key)
    claim = mine.reserve(user, "user", 10, organization=of).reservation
    assert claim is not None
    before = saved(store, user, of.id)
    store.set(key, "no hash", ex=60)
    assert mine.settle(claim, 10).store_error == "ResponseError"
    assert saved(store, user, of.id) == before  # so the settle can be repeated
    store.delete(key)


def test_larger_than_the_organization_s_bucket_is_never() -> None:
    mine = limiter("redis://127.0.0.1:1")
    never = mine.reserve("someone", "enterprise", 15_001, organization=Organization("acme", "team"))
    assert (never.outcome, never.refused_by) == (Outcome.NEVER, ("organization-tokens",))
    with pytest.raises(UnknownTier):
        mine.reserve("someone", "pro", 1, organization=Organization("acme", "gold"))


def test_a_user_s_keys_differ_by_organization_and_share_its_tag() -> None:
    alone, at_one, at_other = script.keys("u"), script.keys("u", "one"), script.keys("u", "other")
    assert len({*alone, *at_one, *at_other}) == 2 + 4 + 4
    assert script.keys("v", "one")[2:] == at_one[2:]
    assert {key[: key.index("}")] for key in at_one} == {script.keys("one")[0][: at_one[0].index("}")]}
    assert not set(script.keys("one")) & set(at_one)  # a user by the organization's name is another account


SMALL = Tier("small", Limit(60, 4), Limit(1_000, 300, debt=200), WhenStoreFails.DENY)
SHARED = Tier("shared", Limit(90, 5), Limit(1_500, 400, debt=50), WhenStoreFails.DENY)

steps = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "reserve", "settle"]),
        st.sampled_from([0, 1]),
        st.integers(1, 300),
        st.one_of(st.integers(0, 3_000_000), st.integers(-2_000_000, 40_000_000)),
    ),
    max_size=15,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_the_scripts_agree_with_the_model_on_both_accounts(
    store: redis.Redis, sequence: list[tuple[str, int, int, int]]
) -> None:
    """Two users of one organization, over any sequence: all or nothing, and each account exact to the unit."""
    organization, users = new_user(), [new_user(), new_user()]
    states: dict[str, meter.State | None] = {users[0]: None, users[1]: None, organization: None}
    now, open_claims = START, [list[tuple[str, int]](), list[tuple[str, int]]()]
    try:
        for number, (action, which, tokens, step) in enumerate(sequence):
            now += step
            user, plans = users[which], [SMALL, SHARED]
            keys, names = script.keys(user, organization), (user, organization)
            if action == "settle" and open_claims[which]:
                name, reserved = open_claims[which].pop(0)
                done = [
                    meter.settle(states[of], plan, meter.Hold(name, reserved, 0), tokens, now)
                    for of, plan in zip(names, plans, strict=True)
                ]
                states |= {of: state for of, (state, _) in zip(names, done, strict=True)}
                args = script.arguments(name, reserved, tokens, plans, HOLD_S * 1000)
                reply = script.read_settle(store.eval(SETTLE_AT, 4, *keys, *args, now))
                assert reply == [(off is not None, off or 0) for _, off in done]
            else:
                claim = meter.Hold(f"r{number}", tokens, now + HOLD_S * 1_000_000)
                tries = meter.reserve_all(
                    [(states[of], p) for of, p in zip(names, plans, strict=True)], claim, now
                )
                states |= {of: one.keep for of, one in zip(names, tries, strict=True)}
                args = script.arguments(claim.id, tokens, 0, plans, HOLD_S * 1000)
                taken, gone = script.read_reserve(store.eval(RESERVE_AT, 4, *keys, *args, now))
                assert taken == all(one.taken for one in tries)
                assert gone == [(one.now.requests, one.now.tokens) for one in tries]
                if taken:
                    open_claims[which].append((claim.id, tokens))
            for of_all in (False, True):
                kept = saved(store, user, organization, of_all=of_all, keep=True)
                assert alike(kept) == alike(states[organization if of_all else user])
    finally:
        store.delete(*script.keys(users[0], organization), *script.keys(users[1], organization))


def alike(state: meter.State | None) -> meter.State | None:
    """Return it as both sides may keep it: a full bucket may be forgotten, and holds have no order."""
    if state is None or not (state.requests or state.tokens):
        return None
    return replace(state, holds=tuple(sorted(state.holds, key=lambda hold: hold.id)))


# Without the store -----------------------------------------------------------------------------------------------


def test_without_the_store_both_shares_have_to_agree() -> None:
    mine = LocalLimiter(gateways=10, clock_us=lambda: 0)
    acme = Account("acme", TEAM)
    # All of a's share, of which it is told what is left, and 1,000 of acme's 1,500.
    assert mine.reserve("a", USER, 1_000, acme) == Local(True, (9, 0))
    assert not mine.reserve("b", USER, 600, acme).taken
    assert mine.reserve("b", USER, 500, acme).taken  # so b had not been charged for the refusal
    assert mine.reserve("acme", USER, 1_000).taken  # a user by the organization's name
    large = replace(USER, tokens=Limit(1, 100_000))  # above four of beta's shares, and not of its user's
    assert mine.reserve("c", large, 6_001, Account("beta", TEAM)) == Local(False)


def test_without_the_store_the_longer_wait_of_both_shares_is_told() -> None:
    fast = replace(USER, tokens=Limit(600, 10_000))  # shares: 60 a minute of 1,000; the team's are 1 of 1,500
    mine, acme = LocalLimiter(gateways=10, clock_us=lambda: 0), Account("acme", TEAM)
    assert mine.reserve("a", fast, 1_000, acme).taken
    assert mine.reserve("a", fast, 600) == Local(False, wait_us=10 * 60_000_000)
    assert mine.reserve("a", fast, 600, acme) == Local(False, wait_us=100 * 60_000_000)
    beta = Account("beta", replace(TEAM, tokens=Limit(600, 15_000)))
    assert mine.reserve("b", USER, 1_000, beta).taken
    assert mine.reserve("b", USER, 1_000, beta) == Local(False, wait_us=1_000 * 60_000_000)


def test_an_organization_that_fails_closed_closes_its_users() -> None:
    mine = limiter(f"redis://127.0.0.1:{dead_port()}", clock_us=Clock())
    assert mine.reserve("a", "user", 10).allowed
    assert mine.reserve("a", "user", 10, organization=Organization("acme", "team")).allowed
    # Its share counts, too: 15,000 for the one gateway, of which each user has 10,000.
    assert mine.reserve("b", "user", 9_000, organization=Organization("acme", "team")).allowed
    beyond = mine.reserve("c", "user", 6_000, organization=Organization("acme", "team"))
    assert beyond.outcome is Outcome.UNAVAILABLE
    assert (
        mine.reserve("a", "user", 10, organization=Organization("acme", "closed")).outcome
        is Outcome.UNAVAILABLE
    )


def test_asyncio_takes_the_same_accounts(store: redis.Redis, store_url: str) -> None:
    of, user = team(), new_user()

    async def run() -> None:
        async with connect_async(store_url, PATIENT_S) as client:
            patient = Settings(gateways=1, tiers=PLANS, timeout_s=PATIENT_S, settle_timeout_s=PATIENT_S)
            mine = AsyncRateLimiter(client, patient)
            decision = await mine.reserve(user, "user", 9_000, organization=of)
            assert decision.reservation is not None
            assert (await mine.settle(decision.reservation, 100)).applied

    asyncio.run(run())
    state = saved(store, user, of.id, of_all=True)
    assert state is not None
    assert 99 * UNIT < state.used <= 100 * UNIT


def test_the_client_is_told_of_both_accounts() -> None:
    claim = Reservation("u", USER, "r", 6_000, 0, Account("acme", TEAM))
    refused = decide(claim, False, [(UNIT, 0), (2 * UNIT, 10_000 * UNIT)])
    assert headers.fields(refused) == {
        "RateLimit-Policy": '"requests";q=100;w=6000, "tokens";q=10000;w=600000;qu="tokens", '
        '"organization-requests";q=120;w=7200, "organization-tokens";q=15000;w=900000;qu="tokens"',
        "RateLimit": '"requests";r=99, "tokens";r=10000, '
        '"organization-requests";r=118, "organization-tokens";r=5000;t=60000',
        "Retry-After": "60000",
    }
    assert headers.problem(refused) == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Too little is left of a limit",
        "status": 429,
        "violated-policies": ["organization-tokens"],
    }


# Tiers that change while streams run -----------------------------------------------------------------------------


def test_an_upgrade_applies_to_the_next_request_and_the_open_stream_settles(
    store: redis.Redis, store_url: str
) -> None:
    user, mine = new_user(), limiter(store_url)
    before = mine.reserve(user, "free", 9_000).reservation
    assert before is not None
    assert not mine.reserve(user, "free", 9_000).allowed
    after = mine.reserve(user, "pro", 90_000).reservation
    assert after is not None
    assert mine.settle(before, 500).applied
    assert mine.settle(after, 80_000).applied
    assert mine.reserve(user, "pro", 19_000).allowed


def test_a_stream_from_before_an_upgrade_forgives_nothing_used_since(
    store: redis.Redis, store_url: str
) -> None:
    """It settles by the limits it was taken under; else each stream opened as free would empty a pro bucket's bill."""
    user, mine = (
        new_user(),
        limiter(store_url, tiers={**PLANS, "large": replace(USER, tokens=Limit(1, 90_000))}),
    )
    before = mine.reserve(user, "user", 9_000).reservation
    after = mine.reserve(user, "large", 80_000).reservation
    assert before is not None
    assert after is not None
    assert mine.settle(after, 80_000).applied
    assert mine.settle(before, 500).applied
    state = saved(store, user)
    assert state is not None
    assert 80_000 * UNIT - 5 * 60_000_000 <= state.used <= 80_500 * UNIT
    assert mine.reserve(user, "large", 10_001).outcome is Outcome.REFUSED


def test_a_downgrade_keeps_open_holds_and_leaves_at_most_the_smaller_tier_s_debt(
    store: redis.Redis, store_url: str
) -> None:
    user, mine = new_user(), limiter(store_url)
    claims = [mine.reserve(user, "pro", 40_000).reservation for _ in range(2)]
    assert not mine.reserve(user, "free", 1).allowed  # 80,000 held, on a bucket of 10,000
    for claim in claims:
        assert claim is not None
        assert mine.settle(claim, 40_000).applied
    refused = mine.reserve(user, "free", 10_000)
    assert refused.outcome is Outcome.REFUSED
    assert refused.retry_after is not None
    assert refused.retry_after <= 60  # 20,000 of debt and burst at 20,000 a minute, not 80,000


def test_limits_that_change_under_load_bind_at_once(store: redis.Redis, store_url: str) -> None:
    """Operations doubles a tier while threads draw on it: never more than the larger burst, and all of it."""
    plans = {"plan": replace(USER, name="plan", tokens=Limit(1, 1_000), requests=Limit(1, 10_000))}
    user, mine = new_user(), limiter(store_url, tiers=plans)

    def work(_: int) -> int:
        return sum(mine.reserve(user, "plan", 10).allowed for _ in range(60))

    with ThreadPoolExecutor(4) as pool:
        first = sum(pool.map(work, range(4)))
        assert first == 100
        running = [pool.submit(work, number) for number in range(4)]
        plans["plan"] = replace(plans["plan"], tokens=Limit(1, 2_000))
        second = sum(done.result() for done in running)
    assert second == 100
    plans["plan"] = replace(plans["plan"], tokens=Limit(1, 500))
    assert not mine.reserve(user, "plan", 1).allowed
