"""What an experiment would show, worked out before anything is broken. Rates in requests/s, times in seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from examples.chaos_engineering import setting


# --8<-- [start:loss]
@dataclass(frozen=True)
class Loss:
    """Losing replicas under a demand, in requests/s. `unplaced` is what no replica and no provider takes."""

    capacity: float
    demand: float
    provider: float
    unplaced: float
    cut: float
    """Streams that break in the moment of the loss, by Little's law."""
    missed: float
    """First attempts sent to the dead replicas until the gateway reroutes."""


def lose(
    replicas: int, demand: float, *, shed: float = 0.0, provider_rps: float = setting.PROVIDER_RPS
) -> Loss:
    """Take `replicas` of the fleet away while `demand` arrives evenly; `shed` is the share that may wait.

    Raises ValueError when there are not so many replicas, or for a demand or a share that is none.
    """
    if not 0 <= replicas <= setting.REPLICAS or not 0 <= demand < math.inf or not 0 <= shed <= 1:
        raise ValueError(f"no such loss: {replicas} replicas at {demand} requests/s, {shed} of it shed")
    capacity = float((setting.REPLICAS - replicas) * setting.REPLICA_RPS)
    lost_rps = demand * replicas / setting.REPLICAS
    urgent = demand * (1 - shed)
    short = max(0.0, urgent - capacity)
    provider = min(short, provider_rps)
    return Loss(
        capacity,
        urgent,
        provider,
        unplaced=short - provider,
        cut=lost_rps * setting.STREAM_S,
        missed=lost_rps * setting.REROUTE_S,
    )


# --8<-- [end:loss]


def attempts(fresh: float, capacity: float, retries: int = setting.CLIENT_RETRIES) -> float:
    """Attempts/s when what does not fit is refused at no cost and tried again up to `retries` times.

    The fixed point of: attempts = fresh * (1 + f + f² …), f = the share of attempts that is refused.
    """
    low, high = fresh, fresh * (retries + 1)
    for _ in range(60):
        middle = (low + high) / 2
        refused = max(0.0, 1 - capacity / middle) if middle else 0.0
        if fresh * sum(refused**n for n in range(retries + 1)) > middle:
            low = middle
        else:
            high = middle
    return high


def cold_start_s(replicas: int) -> float:
    """Seconds until the last of so many replicas of one zone, started together on ready nodes, serves."""
    if replicas < 1:
        raise ValueError(f"no cold start of {replicas} replicas")
    each = min(setting.REPLICA_GBPS, setting.ZONE_GBPS / replicas)
    return setting.SCHEDULE_S + setting.WEIGHTS_GB / each + setting.WARM_UP_S


def worst_case(rps: float, detect_s: float, abort_s: float, cut: float = 0.0) -> float:
    """Bad requests if the hypothesis is false from the first second on, and all of `rps` fail until the abort."""
    return rps * (detect_s + abort_s) + cut


def replicas_for(rps: float) -> int:
    return math.ceil(rps / setting.REPLICA_RPS)


def fleet_for_zone_loss(rps: float) -> int:
    """Replicas, in equal zones, of which all but one zone hold `rps`."""
    per_zone = math.ceil(replicas_for(rps) / (setting.ZONES - 1))
    return per_zone * setting.ZONES


def nodes_for(replicas: int) -> int:
    """Whole nodes, zone by zone."""
    per_zone = replicas // setting.ZONES * setting.GPUS_PER_REPLICA
    return math.ceil(per_zone / setting.GPUS_PER_NODE) * setting.ZONES


def sample_size(normal: float, broken: float) -> int:
    """Requests in each group that tell a bad share of `broken` from `normal`.

    One-sided test of two proportions at 5% with 80% power, in the usual normal approximation:
    n = (1.645 + 0.842)² * (p(1-p) + q(1-q)) / (q - p)².
    """
    if not 0 <= normal < broken <= 1:
        raise ValueError(f"nothing to tell apart: {normal} and {broken}")
    spread = normal * (1 - normal) + broken * (1 - broken)
    return math.ceil((1.645 + 0.842) ** 2 * spread / (broken - normal) ** 2)


def poisson_at_least(k: int, mean: float) -> float:
    """Probability of `k` or more events where `mean` are expected."""
    return 1.0 - sum(math.exp(-mean) * mean**i / math.factorial(i) for i in range(k))


def poisson_interval(count: int) -> tuple[float, float]:
    """The exact 95% interval of the mean behind an observed count (Garwood, 1936)."""

    def solve(k: int, probability: float) -> float:
        low, high = 0.0, 50.0 + 5 * count
        for _ in range(80):
            middle = (low + high) / 2
            if poisson_at_least(k, middle) < probability:
                low = middle
            else:
                high = middle
        return high

    return (solve(count, 0.025) if count else 0.0), solve(count + 1, 0.975)
