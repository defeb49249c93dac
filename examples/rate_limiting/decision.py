"""What a caller is told, and the errors that are the caller's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from examples.rate_limiting import meter
from examples.rate_limiting.tiers import Tier


class RateLimitError(ValueError):
    """Base of the errors that mean: this call was wrong, and no retry mends it."""


class InvalidUser(RateLimitError):
    """The user id is no text, empty, too long, or cannot be written as UTF-8."""


class InvalidCost(RateLimitError):
    """A number of tokens that is no int, or out of range. ``True`` and ``8.0`` are no ints here."""


class InvalidReservation(RateLimitError):
    """A reservation id that is no text of 1 to 64 letters, digits, ``-`` or ``_``."""


class Outcome(StrEnum):
    """The four answers; each is another HTTP status."""

    ALLOWED = "allowed"
    REFUSED = "refused"  # 429: the user's own bucket is too empty; waiting helps
    NEVER = "never"  # 400: larger than the tier's whole bucket; waiting does not help
    UNAVAILABLE = (
        "unavailable"  # 503: the store is away, and the tier fails closed or the local share does not do
    )


# --8<-- [start:decision]
@dataclass(frozen=True, slots=True)
class Reservation:
    """A claim on tokens that has to be settled with the number really used."""

    user: str
    tier: Tier
    id: str
    tokens: int
    deadline_us: int = field(compare=False)  # by this process's clock: the store ends the hold no earlier


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
    refused_by: tuple[str, ...] = ()  # "requests", "tokens" or both
    wait_s: tuple[int, ...] = ()  # seconds until each of refused_by has enough, rounded up
    reservation: Reservation | None = None
    store_error: str | None = None  # why the answer is not the store's: a class name, for a metric's label

    @property
    def allowed(self) -> bool:
        return self.outcome is Outcome.ALLOWED

    @property
    def retry_after(self) -> int | None:
        """Seconds until the refill makes room for the same request; None if it passed, or if it never will."""
        return max(self.wait_s, default=None)


# --8<-- [end:decision]
@dataclass(frozen=True, slots=True)
class Settlement:
    """What settling did. ``applied`` is false if there was nothing (left) to settle or the store was away."""

    applied: bool
    written_off: int = 0  # tokens used beyond the tier's debt: a metric to watch, not a bill
    store_error: str | None = None


def seconds(microseconds: int) -> int:
    """Round up to whole seconds, and to one at least: ``Retry-After: 0`` invites a loop."""
    return max(1, -(-microseconds // 1_000_000))


def decide(reservation: Reservation, taken: bool, requests_gone: int, tokens_gone: int) -> Decision:
    """Turn the state after a try into the answer."""
    tier = reservation.tier
    left = meter.left(requests_gone, tier.requests), meter.left(tokens_gone, tier.tokens)
    if taken:
        return Decision(Outcome.ALLOWED, tier, *left, reservation=reservation)
    waits = {
        "requests": meter.wait(requests_gone, tier.requests, 1),
        "tokens": meter.wait(tokens_gone, tier.tokens, reservation.tokens),
    }
    short = {name: seconds(wait) for name, wait in waits.items() if wait > 0}
    return Decision(Outcome.REFUSED, tier, *left, tuple(short), tuple(short.values()))
