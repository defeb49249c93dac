"""Where the requests of a lost region can go, in requests/s. Nothing here knows how fast it can be done."""

from __future__ import annotations

import math
from dataclasses import dataclass

from examples.incident_response import setting


@dataclass(frozen=True)
class Placement:
    """The lost region's requests/s by what becomes of them; `total` is their sum."""

    total: float
    shed: float
    """Free traffic, refused on purpose."""
    pinned: float
    """May not leave the region, so there is nowhere to go."""
    moved: float
    fallback: float
    short: float
    """May move, but there is no room."""

    @property
    def refused(self) -> float:
        return self.shed + self.pinned + self.short


# --8<-- [start:failover]
def failover(
    lost: str,
    demand: dict[str, float],
    *,
    shed_free: bool,
    use_fallback: bool = True,
    ceiling: float = setting.CEILING,
) -> Placement:
    """Place the requests/s of a lost region: refuse, strand, move, overflow.

    `demand` is requests/s by region. Raises ValueError for an unknown region or a demand that is none.
    """
    if lost not in demand or demand.keys() != setting.PEAK.keys():
        raise ValueError(f"{lost!r} is none of the two regions")
    if not all(0 <= rps < math.inf for rps in demand.values()):
        raise ValueError(f"no such demand: {demand}")
    (survivor,) = set(demand) - {lost}
    total = demand[lost]
    shed = total * setting.FREE_SHARE if shed_free else 0.0
    # Pinned traffic is contract traffic: shedding leaves it as it is.
    pinned = total * setting.EU_PINNED_SHARE if lost == "eu" else 0.0
    movable = total - shed - pinned
    room = max(0.0, ceiling * setting.REGION_RPS - demand[survivor])
    moved = min(movable, room)
    quota = setting.fallback_rps() if use_fallback else 0.0
    fallback = min(movable - moved, quota)
    short = movable - moved - fallback
    return Placement(total, shed, pinned, moved, fallback, short)


# --8<-- [end:failover]


def moderation_down(demand: float) -> tuple[float, float]:
    """Requests/s served and refused while the moderation service is away.

    Free traffic is refused; of the contract traffic, the half whose customers agreed is served unmoderated.
    """
    served = demand * (1 - setting.FREE_SHARE) / 2
    return served, demand - served


def replicas_needed(rps: float) -> int:
    """Replicas that carry `rps` at their rated requests/s."""
    return -int(-rps // setting.replica_rps())


def attempts(failing: float, retries: int = setting.CLIENT_RETRIES) -> float:
    """Attempts per request when each fails with probability `failing` and is repeated up to `retries` times."""
    if not 0 <= failing <= 1:
        raise ValueError(f"{failing} is no probability")
    return sum(failing**n for n in range(retries + 1))


def offered(fresh: float, capacity: float, retries: int = setting.CLIENT_RETRIES) -> float:
    """Attempts/s that arrive once clients retry what does not fit.

    The fixed point of: attempts = fresh * (1 + f + f² …), f = the share of attempts that does not fit. It assumes
    that a refusal costs nothing and hits all attempts alike.
    """
    low, high = fresh, fresh * (retries + 1)
    for _ in range(60):
        middle = (low + high) / 2
        failing = max(0.0, 1 - capacity / middle)
        if fresh * attempts(failing, retries) > middle:
            low = middle
        else:
            high = middle
    return high
