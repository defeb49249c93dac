"""What counts as the provider's failure. An allow-list: an error that nobody thought of opens nothing."""

from __future__ import annotations

from collections.abc import Set
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum


class Fault(StrEnum):
    """How a provider fails. Each is a metric's label."""

    CONNECT = "connect"
    STATUS = "status"  # 500 to 599, 408, or one that no API should send; 529 is Anthropic's "overloaded"
    NO_FIRST_TOKEN = "no_first_token"
    STALL = "stall"  # silence in mid-stream
    TOO_SLOW = "too_slow"  # tokens trickle past the total deadline
    BROKEN = "broken"  # the stream ends without a finish reason
    ERROR_EVENT = "error_event"  # an error inside a stream of status 200


class ProviderFault(Exception):
    """The only error that counts against a provider."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault}: {detail}" if detail else str(fault))
        self.fault = fault


class Throttled(Exception):
    """429: your account's quota. It closes the gate of limits.py, and no breaker."""

    def __init__(self, retry_after_s: float | None) -> None:
        super().__init__("throttled")
        self.retry_after_s = retry_after_s


class OwnFault(Exception):
    """A deadline that fired late: this process was blocked, and cannot tell whether the provider was silent."""


class CallerFault(Exception):
    """The request is wrong (400, 413, 422): it fails anywhere. Neither success nor failure of the provider."""


class SetupFault(CallerFault):
    """Your key, your bill or the model's name: it fails here only, and a person has to act. Alert on the first one."""


SPENT = frozenset(
    {
        "insufficient_quota",  # OpenAI's type; the next four are its codes
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "enforced_spend_limit_reached",  # Anthropic's details.error_code
        "own_spend_limit",  # ours, for Anthropic's 400: see codes_of
    }
)
"""What waiting does not cure, though it comes as a 429 or a 400."""
SETUP = SPENT | {"authentication_error", "permission_error", "billing_error", "not_found_error"}
CALLER = frozenset({"invalid_request_error", "request_too_large"})
THROTTLED = frozenset({"rate_limit_error", "rate_limit_exceeded"})


# --8<-- [start:classify]
def of_status(
    status: int,
    retry_after: str | None = None,
    now: datetime | None = None,
    codes: Set[str] = frozenset(),
) -> Exception | None:
    """What a response's status says; None: read the stream, for 200 proves nothing yet."""
    if status == 200:
        return None
    if status == 429 and not codes & SPENT:
        return Throttled(seconds_of(retry_after, now or datetime.now(UTC)))
    if status in (401, 402, 403, 404, 429) or (status == 400 and codes & SPENT):
        return SetupFault(str(status))
    if 400 <= status < 500 and status != 408:
        return CallerFault(str(status))
    return ProviderFault(Fault.STATUS, str(status))


def of_event(codes: Set[str]) -> Exception:
    """What an error event inside a stream says, by whatever it calls itself."""
    name = ", ".join(sorted(codes))
    if codes & SETUP:
        return SetupFault(name)
    if codes & THROTTLED:
        return Throttled(None)
    if codes & CALLER:
        return CallerFault(name)
    return ProviderFault(Fault.ERROR_EVENT, name)  # overloaded_error, api_error, and what is not known


# --8<-- [end:classify]


def codes_of(data: object) -> Set[str]:
    """The type, code and details.error_code of an error's body, as far as it has them.

    By its words alone Anthropic's 400 at a spend limit that you set differs from one for a wrong request.
    """
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        return frozenset()
    details, message = error.get("details"), error.get("message")
    own_limit = isinstance(message, str) and message.startswith("You have reached your specified")
    found = [
        "own_spend_limit" if own_limit else None,
        error.get("type"),
        error.get("code"),
        details.get("error_code") if isinstance(details, dict) else None,
    ]
    return frozenset(name for name in found if isinstance(name, str))


def seconds_of(retry_after: str | None, now: datetime) -> float | None:
    """`Retry-After` in seconds: RFC 9110 allows a number of seconds or a date. None if there is none to trust."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the second for a year or an hour of twenty digits
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
