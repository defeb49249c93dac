"""The figures of the question, and the few that the drill adds. Memory in GiB unless a name says otherwise."""

from datetime import datetime, timedelta

REPLICAS = 16
LIMIT = 96.0
AT_HOUR_1 = 38.0
PINNED = 20.0
RPS = 40.0
SUSTAINED = 4.5
"""Requests/s of one replica before it misses its target for TTFT."""
STREAM_S = 9.0
PROMPT, OUTPUT = 1_800, 350
RESTART = timedelta(minutes=6)
DRAIN = timedelta(seconds=40)
"""99% of streams end within it."""
DRAIN_MOST = timedelta(minutes=5)
DISK_GIB_S = 2.0

FIRST_READY = datetime(2026, 11, 20, 10, 0)
"""Friday, UTC; the others at intervals of five minutes."""
INTERVAL = timedelta(minutes=5)
NOW = datetime(2026, 11, 22, 10, 15)
KILLS = (datetime(2026, 11, 22, 10, 4), datetime(2026, 11, 22, 10, 12))

BUFFER_MIB = 256
"""Of the shared buffer in the captured runs: 1/80 of production's."""


def ready(replica: int) -> datetime:
    """When replica 1 to 16 was ready on Friday."""
    return FIRST_READY + (replica - 1) * INTERVAL
