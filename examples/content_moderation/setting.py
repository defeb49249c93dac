"""The question's numbers, and the few assumptions that the answer adds to them."""

from __future__ import annotations

from typing import NamedTuple

REQUESTS_A_DAY = 20_000_000
MEAN_RPS = 231
PEAK_RPS = 600
PREVALENCE = 0.002
ANSWER_TOKENS = 400
TOKENS_PER_S = 50
TTFT_P95_MS = 700.0
OTHER_LANGUAGES = 0.10
"""Share of traffic that is not English, where nothing has been measured."""

SMALL_MS = 12.0
GUARD_P95_MS = 180.0
GUARD_TEXTS_PER_S = 60
H100S = 4
H100_DOLLARS_PER_H = 2.50

APPEAL_RATE = 0.04
REVIEWERS = 12
CASES_A_DAY = 300
SEVERE_A_DAY = 400
LABELS_A_DAY = 500

RECALL_TARGET = 0.93
FALSE_BLOCK_TARGET = 0.001
SHOWN_S = 1.0
OUTAGE_S = 900


class Rates(NamedTuple):
    """Shares of harmful and of benign texts that something flags."""

    recall: float
    false_positives: float


SMALL = {0.5: Rates(0.95, 0.01), 0.2: Rates(0.99, 0.08)}
GUARD = Rates(0.97, 0.002)
AGREES = {0.5: Rates(0.98, 0.04), 0.2: Rates(0.973, 0.015)}
"""Of what the small one flags at a threshold, the shares of harmful and of benign texts that the guard flags too."""

# Assumed here
TTFT_MEDIAN_MS = 350.0
GUARD_MEDIAN_MS = 90.0
