"""The facts of the question, and what follows from them at once. Rates are requests/s, times minutes."""

from __future__ import annotations

DAYS = 30
TARGET = 0.999
MEAN_RPS = 50.0
PEAK = {"us": 44.0, "eu": 36.0}
REGION_RPS = 60.0
REPLICAS = 10
GPUS_PER_REPLICA = 4
TOKENS_PER_REQUEST = 1_600 + 300
FALLBACK_TOKENS_PER_MIN = 2_000_000
FREE_SHARE = 0.25
"""Of the traffic of each region."""
EU_PINNED_SHARE = 0.5
"""Of EU traffic; by contract, so none of it is free traffic."""
CLIENT_RETRIES = 2
DETECT_MIN, ACKNOWLEDGE_MIN, MITIGATE_MIN = 14, 6, 38
WRONG_OUTPUT_HOURS = 6
CREDITS = ((0.99, 25), (0.999, 10))
"""Below this availability in a calendar month -> percent of the month's bill; the harshest first."""

CEILING = 0.9
"""Share of a region's rated requests/s that a failover may fill. A choice: the rest absorbs retries, cold caches
and the failover's own errors."""


def peak_rps() -> float:
    return sum(PEAK.values())


def region_mean(region: str) -> float:
    """Mean requests/s of a region, split as the peak is: the question gives the split for the peak only."""
    return MEAN_RPS * PEAK[region] / peak_rps()


def fallback_rps() -> float:
    """Requests/s that fit into the provider's token quota."""
    return FALLBACK_TOKENS_PER_MIN / TOKENS_PER_REQUEST / 60


def budget_requests() -> float:
    """Requests that may be bad in the window."""
    return MEAN_RPS * DAYS * 86_400 * (1 - TARGET)


def budget_minutes(rps: float) -> float:
    """Minutes until `rps` failing requests a second have spent the window's budget."""
    return budget_requests() / rps / 60


def replica_rps() -> float:
    return REGION_RPS / REPLICAS


def credit_percent(availability: float) -> int:
    """Percent of the month's bill owed to a customer who had this availability in a calendar month."""
    return next((percent for below, percent in CREDITS if availability < below), 0)
