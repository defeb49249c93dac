"""Limits and tiers: what a plan buys, in requests and in LLM tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

UNIT = 60_000_000
"""Units in one request or token. A limit of n a minute refills exactly n units a microsecond."""

MOST = 2**53 // UNIT // 2
"""The most tokens a number here may stand for. Lua numbers are doubles, exact to 2**53: a sum of two stays exact."""


class UnknownTier(LookupError):
    """No tier goes by that name: a fault of the caller's configuration, never of its user."""


class WhenStoreFails(StrEnum):
    """What a tier gets while the store is away. "Admit everything" is not on offer."""

    DENY = "deny"  # fail closed: 503, the request is not served
    LOCAL = "local"  # fail open, bounded: each gateway enforces its share of the limit


def _check(limit: Limit) -> None:
    least = {"per_minute": 1, "burst": 1, "debt": 0}
    for name, value in {"per_minute": limit.per_minute, "burst": limit.burst, "debt": limit.debt}.items():
        if type(value) is not int or value < least[name]:
            raise ValueError(f"{name} must be an int of at least {least[name]}, not {value!r}")
    if 2 * limit.burst + limit.debt > MOST:
        raise ValueError("the bucket is too large to be counted exactly in a double")


# --8<-- [start:tiers]
@dataclass(frozen=True, slots=True)
class Limit:
    """One bucket: ``burst`` is its size, ``per_minute`` its refill; ``debt`` is how far below empty it may go."""

    per_minute: int
    burst: int
    debt: int = 0

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class Tier:
    """A plan: a bucket of requests and one of LLM tokens, which every request takes from at once."""

    name: str
    requests: Limit
    tokens: Limit
    when_store_fails: WhenStoreFails

    def __post_init__(self) -> None:
        if self.requests.debt:
            raise ValueError("a request counts when it starts: its bucket has no debt")


TIERS: Mapping[str, Tier] = MappingProxyType(
    {
        tier.name: tier
        for tier in (
            Tier("free", Limit(10, 5), Limit(20_000, 10_000, debt=10_000), WhenStoreFails.DENY),
            Tier("pro", Limit(120, 30), Limit(200_000, 100_000, debt=100_000), WhenStoreFails.LOCAL),
            Tier(
                "enterprise",
                Limit(1_200, 300),
                Limit(2_000_000, 1_000_000, debt=1_000_000),
                WhenStoreFails.LOCAL,
            ),
        )
    }
)
# --8<-- [end:tiers]
