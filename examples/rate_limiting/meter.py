"""The bucket's arithmetic in exact integers: what the Lua does, for the local fallback and as its reference.

The state is what is *gone*, not what is left: level = burst - used - held. A user without a state has spent
nothing, so an idle user needs no memory, and a change of tier needs no conversion.

``used`` drains at the refill rate. ``held`` does not: the tokens of an open reservation come back when it is
settled, and not before. Were the refill to return them too, the refund would return them a second time.

Time is an argument everywhere, in microseconds; amounts are in units (``UNIT`` to a request or token).
"""

from __future__ import annotations

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
    """Return what is still used after ``elapsed`` microseconds; a smaller tier forgives what its debt cannot hold."""
    return max(0, min(used, bound(limit)) - elapsed * limit.per_minute)


def load(state: State | None, tier: Tier, now: int) -> State:
    """Return the state at ``now``. A clock that went back drains nothing and starts again from ``now``.

    A lost hold counts from its deadline, whenever it is looked at: late looks delay no refill.
    """
    if state is None:
        return State(now)
    elapsed = max(0, now - state.at)
    at, used = min(state.at, now), min(state.used, bound(tier.tokens))
    for hold in sorted((h for h in state.holds if h.deadline <= now), key=lambda h: h.deadline):
        due = max(at, hold.deadline)
        used = min(drained(used, tier.tokens, due - at) + hold.tokens * UNIT, bound(tier.tokens))
        at = due
    return State(
        now,
        drained(state.requests, tier.requests, elapsed),
        drained(used, tier.tokens, now - at),
        tuple(hold for hold in state.holds if hold.deadline > now),
    )


def reserve(state: State | None, tier: Tier, claim: Hold, now: int) -> Try:
    """Take one request and hold the claim's tokens, both or neither. Take a claim that is held already only once.

    A refusal alone changes nothing. A lost hold that it finds is counted, and after a clock that went back the
    refill restarts from ``now``.
    """
    current = load(state, tier, now)
    changed = state is not None and (now < state.at or current.holds != state.holds)
    if any((hold.id, hold.tokens) == (claim.id, claim.tokens) for hold in current.holds):
        return Try(current if changed else state, current, True)
    fits_requests = current.requests + UNIT <= tier.requests.burst * UNIT
    fits_tokens = current.tokens + claim.tokens * UNIT <= tier.tokens.burst * UNIT
    if not (fits_requests and fits_tokens):
        return Try(current if changed else state, current, False)
    taken = replace(current, requests=current.requests + UNIT, holds=(*current.holds, claim))
    return Try(taken, taken, True)


def settle(state: State | None, tier: Tier, claim: Hold, actual: int, now: int) -> tuple[State, int | None]:
    """Turn a hold into what was really used.

    Return the new state, and the tokens written off beyond the debt; None if nothing was held under that claim.
    """
    current = load(state, tier, now)
    others = tuple(hold for hold in current.holds if (hold.id, hold.tokens) != (claim.id, claim.tokens))
    if len(others) == len(current.holds):
        unchanged = state is not None and now >= state.at and current.holds == state.holds
        return state if state is not None and unchanged else current, None
    due = current.used + actual * UNIT
    used = min(due, bound(tier.tokens))
    return replace(current, used=used, holds=others), -(-(due - used) // UNIT)


def left(gone: int, limit: Limit) -> int:
    """Return the whole requests or tokens that are left; 0 while in debt."""
    return max(0, (limit.burst * UNIT - gone) // UNIT)


def wait(gone: int, limit: Limit, cost: int) -> int:
    """Return the microseconds of refill until ``cost`` fits, rounded up; 0 if it fits now.

    Exact while nothing is held. With open reservations it is the time as if they all ended now, used in full.
    """
    return max(0, -(-(gone + (cost - limit.burst) * UNIT) // limit.per_minute))
