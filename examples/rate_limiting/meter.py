"""The bucket's arithmetic in exact integers: what the Lua does, for the local fallback and as its reference.

The state is what is *gone*, not what is left: level = burst - used - held. A user without a state has spent
nothing, so an idle user needs no memory, and a change of tier needs no conversion.

``used`` drains at the refill rate. ``held`` does not: the tokens of an open reservation come back when it is
settled, and not before. Were the refill to return them too, the refund would return them a second time.

Time is an argument everywhere, in microseconds; amounts are in units (``UNIT`` to a request or token).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from examples.rate_limiting.tiers import UNIT, Limit, Tier


@dataclass(frozen=True, slots=True)
class Hold:
    """One open reservation; past its deadline it counts as used in full."""

    id: str
    tokens: int
    deadline: int


@dataclass(frozen=True, slots=True)
class State:
    """One user's two buckets, true at ``at``."""

    at: int
    requests: int = 0
    used: int = 0
    holds: tuple[Hold, ...] = ()

    @property
    def held(self) -> int:
        """Units held by open reservations."""
        return sum(hold.tokens for hold in self.holds) * UNIT

    @property
    def tokens(self) -> int:
        """Units of LLM tokens that are gone from the bucket, used or held."""
        return self.used + self.held


class Try(NamedTuple):
    """What a reserve leaves: the state to keep, the state as of now, and whether it was taken."""

    keep: State | None
    now: State
    taken: bool


def bound(limit: Limit) -> int:
    """Return the most that may be used: an empty bucket and its debt."""
    return (limit.burst + limit.debt) * UNIT


def drained(used: int, limit: Limit, elapsed: int) -> int:
    """Return what is still used after ``elapsed`` microseconds."""
    return max(0, used - elapsed * limit.per_minute)


def bounds(state: State, tier: Tier, *, settling: bool) -> tuple[int, int]:
    """Return the most requests and the most used tokens that stay; a tier forgives what its debt cannot hold.

    A settle goes by its hold's own limits. Where the tier has grown since, they forgive nothing of what was used
    under the larger one.
    """
    requests, used = bound(tier.requests), bound(tier.tokens)
    return (max(requests, state.requests), max(used, state.used)) if settling else (requests, used)


def load(state: State | None, tier: Tier, now: int, *, settling: bool = False) -> State:
    """Return the state at ``now``. A clock that went back drains nothing and starts again from ``now``.

    A lost hold counts from its deadline, whenever it is looked at: late looks delay no refill.
    """
    if state is None:
        return State(now)
    elapsed = max(0, now - state.at)
    most_requests, most_used = bounds(state, tier, settling=settling)
    at, used = min(state.at, now), min(state.used, most_used)
    for hold in sorted((h for h in state.holds if h.deadline <= now), key=lambda h: h.deadline):
        due = max(at, hold.deadline)
        used = min(drained(used, tier.tokens, due - at) + hold.tokens * UNIT, most_used)
        at = due
    return State(
        now,
        drained(min(state.requests, most_requests), tier.requests, elapsed),
        drained(used, tier.tokens, now - at),
        tuple(hold for hold in state.holds if hold.deadline > now),
    )


def look(state: State | None, tier: Tier, now: int) -> Try:
    """Take nothing, as a refusal does.

    That changes nothing either, but for two things: a lost hold that it finds is counted, and after a clock that
    went back the refill restarts from ``now``.
    """
    current = load(state, tier, now)
    changed = state is not None and (now < state.at or current.holds != state.holds)
    return Try(current if changed else state, current, False)


def reserve(state: State | None, tier: Tier, claim: Hold, now: int) -> Try:
    """Take one request and hold the claim's tokens, both or neither. Take a claim that is held already only once."""
    refused = look(state, tier, now)
    current = refused.now
    if any((hold.id, hold.tokens) == (claim.id, claim.tokens) for hold in current.holds):
        return refused._replace(taken=True)
    fits_requests = current.requests + UNIT <= tier.requests.burst * UNIT
    fits_tokens = current.tokens + claim.tokens * UNIT <= tier.tokens.burst * UNIT
    if not (fits_requests and fits_tokens):
        return refused
    taken = replace(current, requests=current.requests + UNIT, holds=(*current.holds, claim))
    return Try(taken, taken, True)


def reserve_all(accounts: Sequence[tuple[State | None, Tier]], claim: Hold, now: int) -> list[Try]:
    """Take from every account (the user, its organization) or from none."""
    tries = [reserve(state, tier, claim, now) for state, tier in accounts]
    return tries if all(one.taken for one in tries) else [look(state, tier, now) for state, tier in accounts]


def settle(state: State | None, tier: Tier, claim: Hold, actual: int, now: int) -> tuple[State, int | None]:
    """Turn a hold into what was really used.

    Return the new state, and the tokens written off beyond the debt; None if nothing was held under that claim.
    """
    current = load(state, tier, now, settling=True)
    others = tuple(hold for hold in current.holds if (hold.id, hold.tokens) != (claim.id, claim.tokens))
    if state is None or len(others) == len(current.holds):
        unchanged = state is not None and now >= state.at and current.holds == state.holds
        return state if state is not None and unchanged else current, None
    due = current.used + actual * UNIT
    used = min(due, bounds(state, tier, settling=True)[1])
    return replace(current, used=used, holds=others), -(-(due - used) // UNIT)


def left(gone: int, limit: Limit) -> int:
    """Return the whole requests or tokens that are left; 0 while in debt."""
    return max(0, (limit.burst * UNIT - gone) // UNIT)


def wait(gone: int, limit: Limit, cost: int) -> int:
    """Return the microseconds of refill until ``cost`` fits, rounded up; 0 if it fits now.

    Exact while nothing is held. With open reservations it is the time as if they all ended now, used in full.
    """
    return max(0, -(-(gone + (cost - limit.burst) * UNIT) // limit.per_minute))


def most_in(limit: Limit, seconds: int) -> int:
    """Return the most that a bucket admits in any window: burst + rate x window."""
    return limit.burst + limit.per_minute * seconds // 60
