"""The service of the question: what its page states, and the assumptions with which the simulation fills the gaps."""

from __future__ import annotations

# Stated in the question.
NIGHT_RPS = 24.0
MEAN_PROMPT = 1_500
MEAN_OUTPUT = 300
REPLICAS = tuple(f"r{n}" for n in range(1, 9))
MOST_SEQUENCES = 64
"""A replica's batch, in sequences."""
KV_TOKENS = 137_000
"""A replica's key-value cache, in tokens."""
CONTEXT_LIMIT = 32_768
BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the histogram of the time to first token; one more has none."""
SCRAPE_S = 15
TRACED = 0.01
GOOD_S = 1.0
TARGET = 0.99
REQUESTS_28_DAYS = 112_000_000

# Assumed of the engine: 32 billion parameters in FP8 on one H100.
TOKEN_BUDGET = 2_048
"""Tokens that one step computes at most: one for each running sequence, the rest for prompts."""
STEP_S = 0.0142
"""A step's fixed part: 32 GB of weights read at 3.35 TB/s are 10 ms; launches and sampling are the rest."""
READ_S = 1.0e-7
"""Each resident token adds 256 KiB to read, at 2.6 TB/s."""
PREFILL_S = 7.0e-5
"""Each prompt token is 64 GFLOP, at 914 TFLOP/s."""
ATTENTION_S = 4.4e-9
"""Each prompt token attends to each before it: 64 layers x 5,120 x 4 = 1.31 MFLOP a pair, at 300 TFLOP/s."""

# Assumed of the gateway.
QUOTA_S = 0.0012
MODERATION_S = 0.075
"""Median of a call to the provider."""
ROUTE_S = 0.0004
FLUSH_S = 0.004
SPILL = 2.0
"""A prompt goes to its home replica unless that has more than so many times the mean requests in flight."""

# The window: Tuesday 24 November 2026, 02:30 to 03:33:30 UTC. Times in the simulation are seconds after its start.
START_MINUTE = 2 * 60 + 30
LENGTH_S = 63.5 * 60


def at(clock: str) -> float:
    """Seconds after the window's start at "HH:MM" or "HH:MM:SS" UTC."""
    parts = [int(part) for part in clock.split(":")]
    return (parts[0] * 60 + parts[1] - START_MINUTE) * 60 + (parts[2] if len(parts) > 2 else 0)


def clock(seconds: float) -> str:
    """HH:MM:SS UTC, so many seconds after the window's start."""
    total = START_MINUTE * 60 + round(seconds)
    return f"{total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}"
