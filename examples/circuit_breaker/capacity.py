"""Places, fallback tokens and minimum volume: the arithmetic behind the settings. Rates per second."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from examples.circuit_breaker import setting as s
from examples.circuit_breaker.stream import deadlines

DAY_S = 86_400


def fill_s(streams_stall: bool) -> float:
    """Seconds until one replica's places are full after A goes silent.

    `streams_stall`: the streams under way fall silent too, so their places never come back.
    """
    return (s.PLACES - (s.in_flight() if streams_stall else 0)) / s.replica_rps()


def first_token_s() -> float:
    """Mean deadline of the first token over the prompt mix, in seconds."""
    short, long = (deadlines(prompt, s.ANSWER).first_s for prompt in (s.SHORT_PROMPT, s.LONG_PROMPT))
    return (1 - s.LONG_SHARE) * short + s.LONG_SHARE * long


def held(hold_s: float, attempts: int = 1) -> float:
    """Places of one replica that a silent A holds, if each request holds one for `attempts` times `hold_s`."""
    return s.replica_rps() * hold_s * attempts


def attempts_at_most(gateway: int = s.GATEWAY_RETRIES, client: int = s.CLIENT_RETRIES) -> int:
    """Attempts at A for one request: layers multiply."""
    return (1 + gateway) * (1 + client)


# --8<-- [start:minimum]
def tail(calls: int, failures: int, base: float) -> float:
    """P(at least `failures` of `calls` fail) when each fails by itself with probability `base`."""
    return sum(math.comb(calls, k) * base**k * (1 - base) ** (calls - k) for k in range(failures, calls + 1))


def false_openings_a_day(minimum: int, base: float, rate: float = 0.5) -> float:
    """At most, in the fleet at peak: every call ends in a look at the newest `minimum` (union bound)."""
    return s.PEAK_RPS * DAY_S * tail(minimum, math.ceil(minimum * rate), base)


def opens_after_s(minimum: int, rps: float, lookback_s: float = 60, rate: float = 0.5) -> float | None:
    """Seconds from a total stall to opening: the first deadline, then failures enough for the newest calls.

    None: the window never holds the minimum.
    """
    if rps * lookback_s < minimum:
        return None
    return deadlines(s.SHORT_PROMPT, s.ANSWER).first_s + math.ceil(minimum * rate) / rps


# --8<-- [end:minimum]


def erlang_b(places: int, load: float) -> float:
    """Share of requests that find no place, at `load` requests under way on average (Erlang B, recursion)."""
    blocked = 1.0
    for n in range(1, places + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


def blocked(places: int, free_below: int) -> tuple[float, float]:
    """Shares of paid and of free requests that find no place at a healthy A, where free ones enter below `free_below`.

    The birth-death chain behind Erlang's formula, with arrivals that depend on the places taken.
    """
    rps, leave = s.replica_rps(), 1 / s.request_s()
    weights = [1.0]
    for taken in range(places):
        arrivals = rps if taken < free_below else rps * s.PAID_SHARE
        weights.append(weights[-1] * arrivals / ((taken + 1) * leave))
    total = sum(weights)
    return weights[places] / total, sum(weights[free_below:]) / total


def pool_carries(places: int) -> float:
    """Requests/s of the fleet that the pool takes on average if all short paid prompts are offered to it first."""
    load = s.PEAK_RPS * s.PAID_SHARE * (1 - s.LONG_SHARE) / s.REPLICAS * s.request_s()
    return load * (1 - erlang_b(places, load)) / s.request_s() * s.REPLICAS


def gate_shut(retry_after_s: float) -> float:
    """Share of time that one replica's gate is shut, if 429s come evenly spread: open until the next, then closed."""
    shut = retry_after_s * 1.1  # the mean of the gate's jitter
    return shut / (shut + 1 / (s.replica_rps() * s.THROTTLED_SHARE))


# --8<-- [start:fit]
@dataclass(frozen=True)
class Fit:
    """Paid chat at peak without A, in the fleet. Rates per second."""

    pool: float
    b_short: float
    b_long: float
    refused: float
    b_tokens: float
    """Per second."""

    @property
    def b_load(self) -> float:
        """Share of B's quota."""
        return self.b_tokens / (s.B_TOKENS_PER_MIN / 60)


def fit(paid_share: float = s.PAID_SHARE, pool_first: bool = True) -> Fit:
    """Place paid traffic. Long prompts fit only into B; short ones go to the pool first, or to B first."""
    paid = s.PEAK_RPS * paid_share
    long, short = paid * s.LONG_SHARE, paid * (1 - s.LONG_SHARE)
    quota, pool_most = s.B_TOKENS_PER_MIN / 60, s.POOL_GPUS * s.POOL_RPS_PER_GPU
    cost_long, cost_short = s.LONG_PROMPT + s.ANSWER, s.SHORT_PROMPT + s.ANSWER
    if pool_first:
        b_long = min(long, quota / cost_long)
        pool = min(short, pool_most)
        b_short = min(short - pool, (quota - b_long * cost_long) / cost_short)
    else:  # B takes what comes, in the mix in which it comes, and the pool the short ones left over
        share = min(1.0, quota / (long * cost_long + short * cost_short))
        b_long, b_short = long * share, short * share
        pool = min(short - b_short, pool_most)
    tokens = b_long * cost_long + b_short * cost_short
    return Fit(pool, b_short, b_long, paid - pool - b_short - b_long, tokens)


# --8<-- [end:fit]


def quota_overrun() -> float:
    """P(a minute of paid traffic asks B for more than its quota), for Poisson arrivals, by the normal law."""
    plan = fit()
    short_per_min = 60 * (plan.b_short + plan.pool)  # the pool's part is fixed, so all the noise lands on B
    variance = 60 * plan.b_long * (s.LONG_PROMPT + s.ANSWER) ** 2
    variance += short_per_min * (s.SHORT_PROMPT + s.ANSWER) ** 2
    return 1 - NormalDist(60 * plan.b_tokens, math.sqrt(variance)).cdf(s.B_TOKENS_PER_MIN)
