"""The question's facts, with their units. An assumption of ours says so."""

from __future__ import annotations

MEAN_RPS, PEAK_RPS = 130, 300
INPUT_TOKENS, OUTPUT_TOKENS = 2_000, 400
TOKENS = INPUT_TOKENS + OUTPUT_TOKENS

ZONES, NODES, GPUS_PER_NODE = 3, 24, 8
REPLICAS, GPUS_PER_REPLICA = 48, 4
REPLICA_RPS = 8
FLEET_RPS = REPLICAS * REPLICA_RPS
ZONE_REPLICAS = REPLICAS // ZONES

TTFT_S, TOKEN_S = 0.6, 0.030
STREAM_S = TTFT_S + OUTPUT_TOKENS * TOKEN_S
"""Mean seconds from request to last token in normal load."""

SCHEDULE_S, WARM_UP_S = 30, 90
WEIGHTS_GB, REPLICA_GBPS, ZONE_GBPS = 70, 0.5, 4.0

PROVIDER_TOKENS_PER_MIN = 2_000_000
PROVIDER_RPS = PROVIDER_TOKENS_PER_MIN / TOKENS / 60

DAYS, TARGET = 30, 0.999
ALLOWED_SHARE = 0.10
"""Of the error budget, for experiments."""
BUDGET = round(MEAN_RPS * DAYS * 86_400 * (1 - TARGET))
ALLOWANCE = round(BUDGET * ALLOWED_SHARE)

EXCLUDED_SHARE, BATCH_SHARE, BATCH_HOURS = 0.30, 0.30, 4
CLIENT_RETRIES = 2
REROUTE_S = 10
RECORD_DAYS, GPU_FAULTS = 90, 8
ENGINEERS, WEEKS = 2, 12
GROUP_REPLICAS = 2
"""Replicas of the experiment group, and as many of the control group."""

GIVE_UP_S = 30.0
"""Assumption: a client waits this long for its first token, then tries again."""
GPU_HOUR = 2.50
"""Assumption: dollars for one H100 for an hour."""
PROVIDER_REQUEST = INPUT_TOKENS * 2.50e-6 + OUTPUT_TOKENS * 10e-6
"""Assumption: dollars, at 2.50 and 10 dollars per million input and output tokens."""
