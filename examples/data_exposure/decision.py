"""What each switch costs in capacity, and what a rolling restart leaves while it runs."""

from __future__ import annotations

from examples.data_exposure.setting import (
    CACHE_SHARE,
    LIMIT,
    LIMIT_WITHOUT_PREFIX,
    RATE,
    REPLICAS,
    RESTART_BATCH,
)


# --8<-- [start:capacity]
def offered(response_cache: bool) -> float:
    """Requests/s that reach the replicas."""
    return RATE * (1 - CACHE_SHARE) if response_cache else RATE


def restarting() -> list[float]:
    """Capacity in requests/s while each batch is down: those before it without prefix caching, those after with."""
    return [
        (REPLICAS - done - RESTART_BATCH) * LIMIT + done * LIMIT_WITHOUT_PREFIX
        for done in range(0, REPLICAS, RESTART_BATCH)
    ]


def short_by(response_cache: bool) -> list[float]:
    """Requests/s that each batch's five minutes cannot serve."""
    return [max(0.0, offered(response_cache) - capacity) for capacity in restarting()]


# --8<-- [end:capacity]
