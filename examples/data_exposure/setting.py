"""The numbers of the question, and the assumptions that the page adds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

ORGANIZATIONS = 1_400
UNDER_GDPR, UNDER_HIPAA = 420, 35
RATE, CACHE_SHARE, REPLICAS = 65.0, 0.18, 24
LIMIT, LIMIT_WITHOUT_PREFIX = 3.6, 2.4
"""Requests/s that a replica sustains, with prefix caching and without."""
RESTART_BATCH, RESTART_MIN = 4, 5
KEPT_MIN = 60
"""Redis and cache entries are gone after so many minutes."""
GATEWAYS = 8
"""An assumption: gateway processes, each with a pool of its own."""

REPORTED = datetime(2026, 11, 17, 14, 12, tzinfo=UTC)
SEEN = REPORTED.replace(minute=58, hour=13)
PAGED = REPORTED.replace(minute=40)
FIRST_LOG = datetime(2026, 11, 3, 14, 40, tzinfo=UTC)
"""Fourteen days before the page."""
PROMPTS_SINCE = datetime(2026, 11, 10, 14, 40, tzinfo=UTC)
"""Seven days: older prompts and outputs are gone."""
RELEASED = datetime(2026, 11, 12, 10, 0, tzinfo=UTC)
MIGRATED = datetime(2026, 11, 16, 16, 20, tzinfo=UTC)


@dataclass(frozen=True)
class Deployment:
    """One of the seven days' deployments."""

    at: str
    service: str
    what: str


DEPLOYMENTS = (
    Deployment("2026-11-10 15:05", "gateway", "gzip for answers longer than 1 kB"),
    Deployment("2026-11-11 09:20", "model router", "weights for replicas 17 to 24"),
    Deployment("2026-11-11 14:10", "memory", "extraction prompt, second version"),
    Deployment("2026-11-12 10:00", "web client", "7.4: new composer and answer view; one new sign-in per user"),
    Deployment("2026-11-12 10:30", "memory", "notes merged across a user's devices"),
    Deployment("2026-11-12 11:15", "gateway", "response cache covers first questions of a conversation too"),
    Deployment("2026-11-13 08:40", "model router", "sticky replicas per conversation"),
    Deployment("2026-11-13 13:30", "retrieval", "six chunks instead of five"),
    Deployment("2026-11-16 09:15", "web client", "7.4.1: colors"),
    Deployment("2026-11-16 11:45", "memory", "older notes are dropped after 90 days"),
    Deployment("2026-11-16 16:20", "retrieval", "vector index migrated to a new collection; filter on organization rewritten"),
)  # fmt: skip
