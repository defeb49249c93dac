"""A decision as an HTTP status and response fields.

RFC 6585 section 4 defines 429, RFC 9110 section 10.2.3 Retry-After. RateLimit and RateLimit-Policy follow
draft-ietf-httpapi-ratelimit-headers-11 (23 May 2026): work in progress, so pin the revision you emit.
"""

from __future__ import annotations

from examples.rate_limiting.decision import Decision, Outcome
from examples.rate_limiting.tiers import Limit, Tier

STATUS = {Outcome.ALLOWED: 200, Outcome.REFUSED: 429, Outcome.NEVER: 400, Outcome.UNAVAILABLE: 503}


# --8<-- [start:headers]
def fields(decision: Decision) -> dict[str, str]:
    """Return the response fields. They are sent before the first token: ``r`` counts the reservation as used."""
    result = {"RateLimit-Policy": policy(decision.tier)}
    if decision.outcome in (Outcome.ALLOWED, Outcome.REFUSED):
        waits = dict(zip(decision.refused_by, decision.wait_s, strict=True))
        remaining = {"requests": decision.remaining_requests, "tokens": decision.remaining_tokens}
        result["RateLimit"] = ", ".join(
            f'"{name}";r={left}' + (f";t={waits[name]}" if name in waits else "")
            for name, left in remaining.items()
        )
    if decision.retry_after is not None:
        result["Retry-After"] = str(decision.retry_after)
    return result


def policy(tier: Tier) -> str:
    """Return RateLimit-Policy: per bucket its size, and the seconds in which it fills from empty."""
    return f'"requests";{_quota(tier.requests)}, "tokens";{_quota(tier.tokens)};qu="tokens"'


def _quota(limit: Limit) -> str:
    return f"q={limit.burst};w={-(-limit.burst * 60 // limit.per_minute)}"


# --8<-- [end:headers]
