"""What a caller is told, and the errors that are the caller's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from examples.rate_limiting import meter
from examples.rate_limiting.tiers import Tier


class RateLimitError(ValueError):
    """Base of the errors that mean: this call was wrong, and no retry mends it."""


class InvalidUser(RateLimitError):
    """The id of a user or organization is no text, empty, too long, or cannot be written as UTF-8."""


class InvalidCost(RateLimitError):
    """A number of tokens that is no int, or out of range. ``True`` and ``8.0`` are no ints here."""


class InvalidReservation(RateLimitError):
    """A reservation id that is no text of 1 to 64 letters, digits, ``-`` or ``_``."""


class Outcome(StrEnum):
    """The four answers; each is another HTTP status."""

    ALLOWED = "allowed"
    REFUSED = "refused"  # 429: a bucket of the caller's own is too empty; waiting helps
    NEVER = "never"  # 400: larger than a whole bucket; waiting does not help
    UNAVAILABLE = (
        "unavailable"  # 503: the store is away, and the tier fails closed or the local share does not do
    )


class Organization(NamedTuple):
    """An organization, and the name of its tier, as authentication vouches for both."""

    id: str
    tier: str


class Account(NamedTuple):
    """Whose buckets, and under which limits."""

    id: str
    tier: Tier


class Standing(NamedTuple):
    """What is left in one account's two buckets."""

    tier: Tier
    remaining_requests: int
    remaining_tokens: int


SCOPES = ("user", "organization")
"""Whose an account is, in the order in which a reservation has them."""

WHOSE = ("", "organization-")
"""How the names of an account's two buckets begin: the user's, then the organization's."""


# --8<-- [start:decision]
@dataclass(frozen=True, slots=True)
class Reservation:
    """A claim on tokens that has to be settled with the number really used."""

    user: str
    tier: Tier
    id: str
    tokens: int
    deadline_us: int = field(compare=False)  # by this process's clock: the store ends the hold no earlier
    organization: Account | None = None

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All that have to agree: the user, then the organization if there is one."""
        user = Account(self.user, self.tier)
        return (user, self.organization) if self.organization else (user,)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one request, enough for its HTTP response and for the metrics.

    ``reservation`` is what the store counts, or may count: after an error that leaves it open. Settle it in any
    case, at 0 if the request is not served.
    """

    outcome: Outcome
    tier: Tier
    remaining_requests: int
    remaining_tokens: int
    refused_by: tuple[str, ...] = ()  # "requests", "tokens", "organization-requests", "organization-tokens"
    wait_s: tuple[int, ...] = ()  # seconds until each of refused_by has enough, rounded up
    reservation: Reservation | None = None
    store_error: str | None = None  # why the answer is not the store's: a class name, for a metric's label
    organization: Standing | None = None

    @property
    def allowed(self) -> bool:
        return self.outcome is Outcome.ALLOWED

    @property
    def retry_after(self) -> int | None:
        """Seconds until the refill makes room for the same request; None if it passed, or if it never will.

        With streams open an estimate, as if they all ended now, used in full.
        """
        return max(self.wait_s, default=None)


# --8<-- [end:decision]
@dataclass(frozen=True, slots=True)
class Settlement:
    """What settling did. ``applied`` is false if there was nothing (left) to settle or the store was away."""

    applied: bool
    written_off: int = (
        0  # tokens used beyond the debt of the account that forgave most: to watch, not to bill
    )
    store_error: str | None = None


def seconds(microseconds: int) -> int:
    """Round up to whole seconds, and to one at least: ``Retry-After: 0`` invites a loop."""
    return max(1, -(-microseconds // 1_000_000))


def never(claim: Reservation) -> Decision:
    """Answer a request that is larger than a whole bucket, the user's or the organization's."""
    full = [Standing(tier, tier.requests.burst, tier.tokens.burst) for _, tier in claim.accounts]
    refused_by = [
        f"{whose}tokens"
        for whose, standing in zip(WHOSE, full, strict=False)
        if claim.tokens > standing.remaining_tokens
    ]
    return Decision(Outcome.NEVER, *full[0], tuple(refused_by), organization=full[1] if full[1:] else None)


def decide(claim: Reservation, taken: bool, gone: Sequence[tuple[int, int]]) -> Decision:
    """Turn the state after a try into the answer. ``gone``: units of requests and of tokens, for each account."""
    left: list[Standing] = []
    short: dict[str, int] = {}
    each = zip(claim.accounts, gone, strict=True)
    for whose, ((_, tier), (requests, tokens)) in zip(WHOSE, each, strict=False):
        left.append(Standing(tier, meter.left(requests, tier.requests), meter.left(tokens, tier.tokens)))
        waits = {
            "requests": meter.wait(requests, tier.requests, 1),
            "tokens": meter.wait(tokens, tier.tokens, claim.tokens),
        }
        short |= {whose + name: seconds(wait) for name, wait in waits.items() if wait > 0}
    organization = left[1] if left[1:] else None
    if taken:
        return Decision(Outcome.ALLOWED, *left[0], reservation=claim, organization=organization)
    return Decision(Outcome.REFUSED, *left[0], tuple(short), tuple(short.values()), organization=organization)
