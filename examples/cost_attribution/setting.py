"""The figures of the question, and the assumptions that the answer adds to them."""

from __future__ import annotations

from typing import Final

DAYS: Final = 30
HOURS: Final = 24 * DAYS
SECONDS: Final = 3600 * HOURS

# The question's
FLEET_REQUESTS: Final = 9_000_000 * DAYS
PROVIDER_REQUESTS: Final = 1_000_000 * DAYS
FLEET_INPUT, FLEET_OUTPUT = 2_000, 400
PROVIDER_INPUT, PROVIDER_CACHED, PROVIDER_OUTPUT = 1_500, 1_500, 600
NANO: Final = {"input": 3_000, "cached": 300, "output": 15_000}
"""Nanodollars a token."""
GPUS: Final = 160
GPU_HOUR: Final = 2.50
FLEET_COST, PROVIDER_COST, SHARED_COST = 288_000, 418_500, 43_500
TOTAL: Final = FLEET_COST + PROVIDER_COST + SHARED_COST
COUNTED: Final = 405_500
HOLDS_RPS, MEAN_RPS, PEAK_RPS = 250, FLEET_REQUESTS / SECONDS, 229
LONG_SHARE, LONG_INPUT = 0.02, 60_000
ATTEMPTS: Final = 1.08
EARLY: Final = 0.04
TEAMS, PROJECTS = 85, 900
OVERSPEND, STREAMS, MAX_TOKENS = 20, 400, 8_192
LOOP_DOLLARS, LOOP_MINUTES = 1_900, 50
KEPT_MONTHS: Final = 24

# Assumptions of the answer
EVENT_BYTES: Final = 500
"""An event as JSON, uncompressed."""
COLUMNAR: Final = (5, 10)
"""What a columnar file saves on such events: a factor, low and high."""
GATEWAYS: Final = 10
"""Gateway hosts; the question does not say."""
WRITTEN_NANO: Final = 3_750
"""A cache write at 1.25 times the input's price, as Anthropic's five-minute cache has it; the question gives none."""
EVENTS_AN_ATTEMPT: Final = 2
"""One when it opens, one when it ends; corrections are rare beside them."""
