"""The facts of the question, and the choices of the answer. Rates are per second at peak."""

from __future__ import annotations

REGULATED = 30
REGULATED_SHARE = 0.15
"""Of in-house traffic."""
RPS = 300.0
INPUT_TOKENS, OUTPUT_TOKENS = 2_000, 400
LONGEST_OUTPUT = 16_384
TTFT_S, TPOT_S = 0.6, 0.030

NODES, GPUS_PER_NODE, GPUS_PER_INSTANCE = 24, 8, 4
PREFILL_NODES = 12
DOLLARS_PER_GPU_HOUR = 2.50
HOURS_PER_MONTH = 730

KV_BYTES_PER_TOKEN = 160 * 1024
LINK_GBIT = 400.0
"""Of remote direct memory access, per GPU."""
HIT_SHARE, CROSS_TENANT_SHARE = 0.40, 0.06
"""Of input tokens: found in the prefix cache, and found in another tenant's prefix."""

WEIGHTS_BYTES = 70e9
"""70 billion parameters of one byte."""
GPU_BYTES, GPU_BYTES_PER_S = 80e9, 3.35e12
"""An H100 SXM: memory and its bandwidth."""
USABLE = 0.9
"""Share of GPU memory that the engine takes for weights and KV cache; an assumption."""

TTFT_BUDGET_MS = 20.0
OUTAGE_MIN, REVOKE_S = 30, 60

# Choices
SVID_HOURS = 4
GRANT_S, LEEWAY_S = 30, 5
FEED_S = 15
"""Age of the deny list at which it counts as late, by the clock of who holds it: LEEWAY_S more is the longest that a
revocation takes to every gateway and engine."""
LEASE_S = 45
"""Age of the deny list after which a regulated tenant's open streams end, revoked or not: with LEEWAY_S and CUT_S it is
within REVOKE_S."""
CUT_S = 5
"""The longest that a gateway takes from hearing of a revocation to having cut the last stream."""
