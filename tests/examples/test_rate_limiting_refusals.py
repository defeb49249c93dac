"""Refusals remembered: the store is spared, and nobody is refused whom it would admit."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from examples.rate_limiting import meter
from examples.rate_limiting.decision import Decision, Organization, Outcome, Reservation, decide
from examples.rate_limiting.limiter import RateLimiter, Settings, connect
from examples.rate_limiting.refusals import Refusals
from examples.rate_limiting.tiers import TIERS, UNIT, Limit, Tier, WhenStoreFails
from tests.examples.helpers import PATIENT_S, Clock, new_user

USER = Tier("user", Limit(1, 100), Limit(1, 10_000), WhenStoreFails.LOCAL)
TEAM = Tier("team", Limit(1, 120), Limit(1, 15_000), WhenStoreFails.LOCAL)
"""A token a minute: what a test uses is still there when it looks."""


def counting(mine: RateLimiter) -> list[int]:
    """Return a list that grows with each reserve that reaches the store."""
    asked, ask = [], mine._reserve

    def counted(**call: Any) -> Any:
        asked.append(1)
        return ask(**call)

    mine._reserve = counted  # type: ignore[assignment]
    return asked


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def remembering(store_url: str, clock: Clock) -> RateLimiter:
    plans = {**TIERS, "user": USER, "team": TEAM}
    settings = Settings(gateways=1, tiers=plans, refusals_us=1_000_000, clock_us=clock)
    return RateLimiter(connect(store_url, PATIENT_S), settings)


def test_a_client_in_a_loop_asks_the_store_once_a_second(remembering: RateLimiter, clock: Clock) -> None:
    user, asked = new_user(), counting(remembering)
    assert remembering.reserve(user, "user", 10_000).allowed
    answers = [remembering.reserve(user, "user", 1) for _ in range(50)]
    assert {(answer.outcome, answer.retry_after) for answer in answers} == {(Outcome.REFUSED, 60)}
    assert len(asked) == 2
    clock.now += 999_999
    assert remembering.reserve(user, "user", 1).refused_by == ("tokens",)
    assert len(asked) == 2
    clock.now += 1
    remembering.reserve(user, "user", 1)
    assert len(asked) == 3


def test_the_second_begins_before_the_store_is_asked(remembering: RateLimiter, clock: Clock) -> None:
    """The answer may be late; the refill has run since it was given."""
    user, asked = new_user(), counting(remembering)
    assert remembering.reserve(user, "user", 10_000).allowed
    ask = remembering._reserve

    def late(**call: Any) -> Any:
        clock.now += 600_000
        return ask(**call)

    remembering._reserve = late  # type: ignore[assignment]
    assert not remembering.reserve(user, "user", 1).allowed
    clock.now += 400_000
    assert not remembering.reserve(user, "user", 1).allowed
    assert len(asked) == 3


def test_what_fits_is_asked_for_and_larger_requests_are_told_a_longer_wait(remembering: RateLimiter) -> None:
    user, asked = new_user(), counting(remembering)
    assert remembering.reserve(user, "user", 9_000).allowed
    assert remembering.reserve(user, "user", 1_001).retry_after == 60
    assert remembering.reserve(user, "user", 1_002).retry_after == 120
    assert len(asked) == 2
    assert remembering.reserve(user, "user", 1_000).allowed


def test_a_settle_here_is_seen_at_once(remembering: RateLimiter) -> None:
    user = new_user()
    claim = remembering.reserve(user, "user", 10_000).reservation
    assert claim is not None
    assert not remembering.reserve(user, "user", 5_000).allowed
    remembering.settle(claim, 0)
    assert remembering.reserve(user, "user", 5_000).allowed


def test_a_settle_of_a_colleague_s_here_is_seen_at_once(remembering: RateLimiter) -> None:
    """The tokens go back to the organization, too: its refusals are void for all of its users."""
    of, other_team = Organization(f"team-{new_user()}", "team"), Organization(f"team-{new_user()}", "team")
    one, other, asked = new_user(), new_user(), counting(remembering)
    claim = remembering.reserve(one, "user", 10_000, organization=of).reservation
    assert claim is not None
    assert remembering.reserve(other, "user", 8_000, organization=other_team).allowed
    for _ in range(2):
        assert not remembering.reserve(other, "user", 6_000, organization=of).allowed
        assert not remembering.reserve(other, "user", 6_000, organization=other_team).allowed
    assert len(asked) == 4
    remembering.settle(claim, 0)
    assert not remembering.reserve(other, "user", 6_000, organization=other_team).allowed
    assert len(asked) == 4  # another organization's settle is none of theirs
    assert remembering.reserve(other, "user", 6_000, organization=of).allowed


def test_a_refusal_from_before_a_settle_is_void_whatever_comes_last(remembering: RateLimiter) -> None:
    """The store refuses, then settles; the answers cross on the way back."""
    user, settle = new_user(), remembering._settle
    claim = remembering.reserve(user, "user", 10_000).reservation
    assert claim is not None

    def crossed(**call: Any) -> Any:
        assert not remembering.reserve(user, "user", 5_000).allowed
        return settle(**call)

    remembering._settle = crossed  # type: ignore[assignment]
    assert remembering.settle(claim, 0).applied
    assert remembering.reserve(user, "user", 5_000).allowed


def test_a_refusal_noted_after_the_settle_that_it_missed_is_void() -> None:
    now = 5
    memory = Refusals(lambda: now)
    claim = Reservation("u", USER, "r", 5_000, 0)
    memory.settled(claim)
    memory.refused(claim, 4, [(UNIT, 10_000 * UNIT)])
    assert memory.find(claim) is None
    memory.refused(
        claim, 5, [(UNIT, 10_000 * UNIT)]
    )  # in the same microsecond: which came first is not known
    assert memory.find(claim) is None
    now = 6
    memory.refused(claim, 6, [(UNIT, 10_000 * UNIT)])
    assert memory.find(claim) is not None


def test_a_settle_that_timed_out_may_have_given_back(remembering: RateLimiter) -> None:
    user, settle = new_user(), remembering._settle
    claim = remembering.reserve(user, "user", 10_000).reservation
    assert claim is not None
    assert not remembering.reserve(user, "user", 5_000).allowed

    def lost(**call: Any) -> Any:
        settle(**call)
        raise redis.TimeoutError("Timeout reading from socket")

    remembering._settle = lost  # type: ignore[assignment]
    assert remembering.settle(claim, 0).store_error == "TimeoutError"
    assert remembering.reserve(user, "user", 5_000).allowed


def test_a_downgrade_asks_the_store_which_forgives(remembering: RateLimiter, clock: Clock) -> None:
    """What is gone from the larger bucket says nothing of the smaller one: its wait would be far too long."""
    user = new_user()
    claim = remembering.reserve(user, "pro", 100_000).reservation
    assert claim is not None
    remembering.settle(claim, 100_000)
    clock.now += 1
    asked = counting(remembering)
    for _ in range(2):
        assert not remembering.reserve(user, "pro", 100_000).allowed
    assert len(asked) == 1
    refused = remembering.reserve(user, "free", 10_000)
    assert refused.retry_after is not None
    assert refused.retry_after <= 60  # 20,000 of burst and debt at 20,000 a minute, not 100,000


def test_an_upgrade_is_seen_at_once(remembering: RateLimiter) -> None:
    user = new_user()
    assert remembering.reserve(user, "free", 10_000).allowed
    assert not remembering.reserve(user, "free", 1).allowed
    assert remembering.reserve(user, "pro", 50_000).allowed


def test_a_repeat_by_its_id_is_not_refused_from_memory(remembering: RateLimiter) -> None:
    user = new_user()
    assert remembering.reserve(user, "user", 10_000, "mine").allowed
    assert not remembering.reserve(user, "user", 1).allowed
    assert remembering.reserve(user, "user", 10_000, "mine").allowed


def test_an_organization_s_refusal_is_remembered_for_the_user_who_met_it(remembering: RateLimiter) -> None:
    of, asked = Organization(f"team-{new_user()}", "team"), counting(remembering)
    one, other = new_user(), new_user()
    assert remembering.reserve(one, "user", 10_000, organization=of).allowed
    assert [remembering.reserve(other, "user", 6_000, organization=of).refused_by for _ in range(5)] == [
        ("organization-tokens",)
    ] * 5
    assert len(asked) == 2
    assert remembering.reserve(other, "user", 6_000).allowed  # without the organization, other buckets


@given(st.integers(0, 2 * 10_000), st.integers(1, 10_000), st.integers(0, 999_999))
def test_memory_refuses_only_what_the_store_would(used: int, cost: int, elapsed: int) -> None:
    plan = Tier("plan", Limit(600, 10), Limit(300_000, 10_000, debt=10_000), WhenStoreFails.DENY)
    now = 0
    memory = Refusals(lambda: now)
    claim = Reservation("u", plan, "r", cost, 0)
    state = meter.State(0, UNIT, used * UNIT)
    memory.refused(claim, 0, [(state.requests, state.tokens)])
    now = elapsed
    would = meter.reserve(state, plan, meter.Hold("r", cost, 10**12), now)
    told = memory.find(claim)
    assert (told is None) == would.taken
    if told:
        assert told == decide(claim, False, [(would.now.requests, would.now.tokens)])


def test_memory_is_bounded() -> None:
    memory = Refusals(lambda: 0, most=3)
    claims = [Reservation(f"u{n}", USER, "r", 1, 0) for n in range(5)]
    for claim in claims:
        memory.refused(claim, 0, [(0, 10_000 * UNIT)])
    found: list[Decision | None] = [memory.find(claim) for claim in claims]
    assert [one is not None for one in found] == [False, False, True, True, True]
    for claim in claims:
        memory.settled(claim)
    assert len(memory._settled) == 3
