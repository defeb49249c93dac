"""A decision as an HTTP status, response fields and a problem document.

RFC 6585 section 4 defines 429, RFC 9110 section 10.2.3 Retry-After, RFC 9457 the body. RateLimit and RateLimit-Policy
follow draft-ietf-httpapi-ratelimit-headers-11 (23 May 2026): work in progress, so pin the revision you emit.
"""

from __future__ import annotations

from examples.rate_limiting.decision import WHOSE, Decision, Outcome, Standing
from examples.rate_limiting.tiers import Limit, Tier

STATUS = {Outcome.ALLOWED: 200, Outcome.REFUSED: 429, Outcome.NEVER: 400, Outcome.UNAVAILABLE: 503}

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"


# --8<-- [start:headers]
def fields(decision: Decision) -> dict[str, str]:
    """Return the response fields. They are sent before the first token: ``r`` counts the reservation as used."""
    user = Standing(decision.tier, decision.remaining_requests, decision.remaining_tokens)
    standings = [user, decision.organization] if decision.organization else [user]
    named = list(zip(WHOSE, standings, strict=False))
    result = {"RateLimit-Policy": ", ".join(_policy(whose, standing.tier) for whose, standing in named)}
    if decision.outcome in (Outcome.ALLOWED, Outcome.REFUSED):
        waits = dict(zip(decision.refused_by, decision.wait_s, strict=True))
        result["RateLimit"] = ", ".join(
            f'"{whose}{name}";r={left}' + (f";t={waits[whose + name]}" if whose + name in waits else "")
            for whose, (_, requests, tokens) in named
            for name, left in (("requests", requests), ("tokens", tokens))
        )
    if decision.retry_after is not None:
        result["Retry-After"] = str(decision.retry_after)
    return result


def _policy(whose: str, tier: Tier) -> str:
    """Return an account's two policies: per bucket its size, and the seconds in which it fills from empty."""
    return f'"{whose}requests";{_quota(tier.requests)}, "{whose}tokens";{_quota(tier.tokens)};qu="tokens"'


def _quota(limit: Limit) -> str:
    return f"q={limit.burst};w={-(-limit.burst * 60 // limit.per_minute)}"


# --8<-- [end:headers]
def problem(decision: Decision) -> dict[str, object]:
    """Return the body of a refusal, for ``application/problem+json``."""
    return {
        "type": QUOTA_EXCEEDED,
        "title": "Too little is left of a limit",
        "status": STATUS[decision.outcome],
        "violated-policies": list(decision.refused_by),
    }
