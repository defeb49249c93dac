"""When a replica drains itself: before the limit, before it is too old, and never too many at once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta


# --8<-- [start:policy]
@dataclass(frozen=True)
class Policy:
    """Memory in GiB. Between `watermark` and `urgent` a replica waits for a place in the budget; at `urgent` it goes."""

    watermark: float = 84.0
    urgent: float = 92.0
    oldest: timedelta = timedelta(hours=40)
    jitter: float = 0.2
    at_once: int = 1

    def age_limit(self, replica: str) -> timedelta:
        """Its own, from its name, up to a fifth below the oldest: replicas of one rollout do not leave together."""
        drawn = int.from_bytes(hashlib.sha256(replica.encode()).digest()[:8]) / 2**64
        return self.oldest * (1 - self.jitter * drawn)

    def drains(self, replica: str, age: timedelta, memory: float, missing: int, may_be_missing: int) -> bool:
        """Whether to fail readiness now, finish the streams, write the evidence and end.

        `missing` are other replicas that drain or load, `may_be_missing` what the traffic of the hour leaves.
        """
        if memory >= self.urgent:
            return missing < may_be_missing
        due = memory >= self.watermark or age >= self.age_limit(replica)
        return due and missing < min(self.at_once, may_be_missing)


# --8<-- [end:policy]
