"""Why the provider's invoice is above the gateway's count: what each cause can be worth in a month, at least and at most."""

from __future__ import annotations

from dataclasses import dataclass

from examples.cost_attribution import setting as s
from examples.cost_attribution.usage import Tokens, cost_nano

MEAN = Tokens(s.PROVIDER_INPUT, s.PROVIDER_CACHED, 0, s.PROVIDER_OUTPUT)
GAP = s.PROVIDER_COST - s.COUNTED


def month(tokens: Tokens, share: float) -> float:
    """Return dollars a month of such requests, as a share of all that go to the provider."""
    return cost_nano(tokens, s.NANO) / 1e9 * s.PROVIDER_REQUESTS * share


@dataclass(frozen=True)
class Cause:
    name: str
    low: float
    high: float
    how: str


def causes() -> list[Cause]:
    """Return the causes that an interviewer will ask about, in dollars by which the count is too low."""
    prompt = Tokens(MEAN.input, MEAN.cached)
    hour = s.PROVIDER_COST / s.HOURS
    return [
        Cause(
            "Early closes", month(prompt, s.EARLY), month(MEAN, s.EARLY),
            "4% of streams without a last chunk: input only, or the whole answer",
        ),
        Cause(
            "Retries", 0, s.PROVIDER_COST * (s.ATTEMPTS - 1) / s.ATTEMPTS,
            "0.08 of 1.08 attempts: free if refused, all if they timed out late",
        ),
        Cause(
            "Reasoning", 0, month(Tokens(output=MEAN.output), 0.05),
            "visible text counted, 5% of output hidden (assumed)",
        ),
        Cause("Time zone", 0, 8 * hour, "month cut 8 hours off UTC: the edge, which next month gives back"),
        Cause("Rounding", 0, 0.5e-4 * s.PROVIDER_REQUESTS, "each request rounded to 0.01 cents"),
    ]  # fmt: skip


def cache_writes() -> float:
    """Return dollars a month that writes to the cache would cost besides, if all uncached input were written.

    Not a cause here: the invoice is its tokens at the three listed prices.
    """
    return (s.WRITTEN_NANO - s.NANO["input"]) * MEAN.input / 1e9 * s.PROVIDER_REQUESTS


def hidden_output_share() -> float:
    """Return the share of output tokens that would have to be missing to explain the gap alone."""
    return GAP / month(Tokens(output=MEAN.output), 1)


def drain_cost(left: float = 0.5) -> float:
    """Return dollars a month for reading each abandoned stream to its end, with that part of the answer still to come."""
    return month(Tokens(output=MEAN.output), s.EARLY) * left
