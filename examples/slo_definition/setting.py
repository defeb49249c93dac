"""The question's records and assumptions as constants, with their units. Nothing here is measured elsewhere."""

from __future__ import annotations

from typing import Final

# Traffic, in requests per second
MEAN_RATE: Final = 75.0
PEAK_RATE: Final = 150.0
PROVIDER_SHARE: Final = 0.20
STREAMED_SHARE: Final = 0.85

# The window of the objectives
PERIOD_S: Final = 30 * 24 * 3600

# Tokens per request
INPUT_MEDIAN, INPUT_MEAN, INPUT_P99 = 700, 1_500, 12_000
OUTPUT_MEDIAN, OUTPUT_MEAN, OUTPUT_P99 = 200, 300, 1_600
OUTPUT_MAX: Final = 4_096

# Own fleet at peak, in seconds
TTFT_P50, TTFT_P95 = 0.35, 0.9
TPOT_P50, TPOT_P95 = 0.024, 0.040

# Records, as shares
SERVER_ERRORS: Final = 0.0004
"""Of all requests."""
REFUSED: Final = 0.011
"""429s, of all requests."""
REFUSED_FOR_CAPACITY: Final = 0.25
"""Of the 429s."""
BROKEN_STREAMS: Final = 0.0012
"""Of the streamed requests; they break off after the first token, under status 200."""
CLOSED_BY_CLIENT: Final = 0.03
"""Of the streamed requests."""

# Fleet
ZONES: Final = 3
REPLICAS: Final = 24
GPUS_PER_REPLICA: Final = 4
REPLICA_RATE: Final = 6.5
"""Requests per second of this mix that one replica serves at the latencies above."""

# Promises of others and to others
PROVIDER_TARGET: Final = 0.995
AGREEMENT_TARGET: Final = 0.995
DRAFT_TARGET: Final = 0.999
DRAFT_LATENCY_S: Final = 2.0
DRAFT_RATE: Final = 1_000.0
CLIENT_TIMEOUT_S: Final = 60.0
GRADED_PROMPTS: Final = 500

# The objectives that replace the draft
SERVED_TARGET: Final = 0.9955
FIRST_TOKEN_TARGET: Final = 0.95
PACE_TARGET: Final = 0.95
DEADLINE_TARGET: Final = 0.99
