"""The page's numbers, and the assumptions that its answer adds."""

from __future__ import annotations

# The setting
MEAN_RPS, PEAK_RPS = 200, 500
INPUT_TOKENS, OUTPUT_TOKENS = 2_000, 400
TTFT_S, TPOT_S = 0.6, 0.030
LONGEST_STREAM_S = 600
GATEWAY_PODS, REGIONS = 24, 2
TENANTS, MODELS = 1_500, 6
SERIES_TODAY = 300_000
SCRAPE_S = 15
SPANS_A_REQUEST, SPAN_BYTES = 12, 700
LOG_BYTES, BYTES_A_TOKEN, TOKEN_EVENT_BYTES = 3_000, 4, 150
DRAFT_HISTOGRAMS, DRAFT_BUCKETS = 5, 20
GPU_BILL = 576_000.0
MONTH_S = 30 * 86_400

# The clarifying questions
BUDGET_SHARE = 0.03
DOLLARS_A_THOUSAND_SERIES, DOLLARS_A_GB = 6.50, 0.50
LABELED_TENANTS, LABELED_SHARE = 50, 0.80
MEDIAN_TENANT_PER_HOUR = 30
CONSENT_SHARE = 0.60
COMPLETE_TARGET, TTFT_TARGET, TPOT_TARGET = 0.999, 0.95, 0.95
TTFT_LIMIT_S, TPOT_LIMIT_S, SHORT_PROMPT = 1.0, 0.050, 4_000
PAGE_WITHIN_S = 300

# Assumptions of the answer
VERSIONS = 2
"""Active at once per model: the one being rolled out, and the one before it."""
SILENCE_S = 60.0
"""The gateway gives an engine up after so long without a message: a stream that hangs would have no verdict."""
MODELS_A_TENANT = 1.5
"""Mean number of models that a tenant uses; it lies between 1 and 6."""
RECORD_BYTES = 1_200
"""One closing record, as stored."""
BASELINE_SHARE = 0.01
"""Of the good streams' traces, kept at random."""
ROOT_GRACE_S = 5
"""From the root span's arrival to the sampling decision; the SDK's batches take up to as long."""
PATIENCE_S = 5.0
"""A first token later than this is counted apart: more than 5% of them means that a p95 is over it."""
SAMPLERS_A_REGION = 2
HEAP_FACTOR = 4
"""Bytes of collector heap for each byte of a span on the wire: an estimate to replace by a measurement."""
COLLECTOR_DOLLARS = 600.0
"""A month of the collectors' pods, both regions: an estimate."""
LONGER = 1.6
"""What the third incident's template did to the mean answer."""
