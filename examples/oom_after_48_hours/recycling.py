"""When a replica drains itself: before the limit, before it is too old, and until its last GiB never too many at once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta


# --8<-- [start:policy]
@dataclass(frozen=True)
class Policy:
    """Memory in GiB. From `watermark` on a replica asks for one of `at_once` places, from `urgent` on for one of all that
    the traffic leaves; at `last` it goes without, since a kill would take the place all the same and cut its streams."""

    watermark: float = 84.0
    urgent: float = 92.0
    last: float = 95.0
    oldest: timedelta = timedelta(hours=40)
    jitter: float = 0.2
    at_once: int = 1

    def age_limit(self, replica: str) -> timedelta:
        """Its own, from its name, up to a fifth below the oldest: replicas of one rollout do not leave together."""
        drawn = int.from_bytes(hashlib.sha256(replica.encode()).digest()[:8]) / 2**64
        return self.oldest * (1 - self.jitter * drawn)

    def drains(self, replica: str, age: timedelta, memory: float, missing: int, may_be_missing: int) -> bool:
        """Whether to fail readiness now, finish the streams, write the evidence and end.

        `missing` are others that drain, load or have just been told to, `may_be_missing` what the hour's traffic leaves.
        """
        if memory >= self.last:
            return True
        if memory >= self.urgent:
            return missing < may_be_missing
        due = memory >= self.watermark or age >= self.age_limit(replica)
        return due and missing < min(self.at_once, may_be_missing)


# --8<-- [end:policy]
