"""The setting, in the attacker's units: tokens of prefill, dollars, tries, milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, sqrt

# The setting
REPLICAS = 16
PREFILL_PER_REPLICA = 12_000
MEAN_REQUESTS_PER_S = 30
PEAK_REQUESTS_PER_S = 60
MEAN_INPUT_TOKENS = 2_000
MEAN_OUTPUT_TOKENS = 350
LONGEST_TOKENS = 128_000
FREE_REQUESTS_PER_MIN = 60
PAID_REQUESTS_PER_MIN = 600
FREE_ACCOUNTS = 40_000
INPUT_USD_PER_MILLION = 0.50
OUTPUT_USD_PER_MILLION = 2.00
AGENT_SHARE = 0.25
HOSTILE_SHARE = 0.001
RECALL = 0.95
FALSE_POSITIVES = 0.01
FRICTION = 0.005
PAIRS = 500_000
PAIR_INPUT = 200
PAIR_OUTPUT = 800
MODEL_USD = 400_000
COLD_S = 0.75
WARM_S = 0.10
PREFIX_TOKENS = 8_000
LOG_DAYS = 30

# Assumed: a 70-billion-parameter model with grouped-query attention, in BF16
LAYERS = 80
KV_HEADS = 8
HEAD_SIZE = 128
BYTES = 2


def fleet_prefill() -> int:
    """Return the input tokens per second that all replicas prefill."""
    return REPLICAS * PREFILL_PER_REPLICA


def peak_prefill() -> int:
    """Return the input tokens per second at peak, every prompt cold."""
    return PEAK_REQUESTS_PER_S * MEAN_INPUT_TOKENS


def key_prefill(requests_per_min: int = FREE_REQUESTS_PER_MIN, tokens: int = LONGEST_TOKENS) -> float:
    """Return the input tokens per second that one key may ask for within its request limit."""
    return requests_per_min * tokens / 60


def usd(input_tokens: float, output_tokens: float) -> float:
    """Return the list price."""
    return (input_tokens * INPUT_USD_PER_MILLION + output_tokens * OUTPUT_USD_PER_MILLION) / 1_000_000


def copy_usd() -> float:
    """Return the list price of the pairs that make a usable copy of the house model."""
    return usd(PAIRS * PAIR_INPUT, PAIRS * PAIR_OUTPUT)


def copy_days(requests_per_min: float, keys: int = 1) -> float:
    """Return the days in which the pairs are collected."""
    return PAIRS / (requests_per_min * keys) / 1_440


def copy_days_by_tokens(tokens_per_min: float, keys: int = 1) -> float:
    """Return the days if input and output tokens are limited."""
    return PAIRS * (PAIR_INPUT + PAIR_OUTPUT) / (tokens_per_min * keys) / 1_440


def kv_bytes_per_token() -> int:
    """Return the bytes of keys and values of one token: two per layer and head."""
    return 2 * LAYERS * KV_HEADS * HEAD_SIZE * BYTES


def requests_per_day() -> int:
    return MEAN_REQUESTS_PER_S * 86_400


def copy_share(days: int = 30) -> float:
    """Return the tokens of the pairs as a part of all tokens in so many days."""
    return (
        PAIRS
        * (PAIR_INPUT + PAIR_OUTPUT)
        / (days * requests_per_day() * (MEAN_INPUT_TOKENS + MEAN_OUTPUT_TOKENS))
    )


# --8<-- [start:detector]
@dataclass(frozen=True)
class Detector:
    """What a classifier does in a day, given how rare hostile requests are."""

    requests: float
    hostile_share: float = HOSTILE_SHARE
    recall: float = RECALL
    false_positives: float = FALSE_POSITIVES

    @property
    def missed(self) -> float:
        return self.requests * self.hostile_share * (1 - self.recall)

    @property
    def caught(self) -> float:
        return self.requests * self.hostile_share * self.recall

    @property
    def honest_stopped(self) -> float:
        return self.requests * (1 - self.hostile_share) * self.false_positives

    @property
    def precision(self) -> float:
        """Of what it stops, the part that is hostile."""
        return self.caught / (self.caught + self.honest_stopped)


def tries_for(chance: float, recall: float = RECALL) -> int:
    """Return the tries after which one passes with this chance, if each try were independent."""
    return ceil(log(1 - chance) / log(recall))


# --8<-- [end:detector]


def detector(hostile_share: float = HOSTILE_SHARE) -> Detector:
    """Return the vendor's classifier on a day's agent requests."""
    return Detector(requests_per_day() * AGENT_SHARE, hostile_share)


def clean_needed(rate: float = FRICTION, confidence: float = 0.95) -> int:
    """Return how many honest requests, none of them stopped, show a stop rate below ``rate``.

    From (1 - rate)**n <= 1 - confidence.
    """
    return ceil(log(1 - confidence) / log(1 - rate))


def below(n: int, confidence: float = 0.95) -> float:
    """Return the rate that n requests without an event leave possible: 1 - (1 - confidence)**(1/n)."""
    return float(1 - (1 - confidence) ** (1 / n))


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95% interval of a rate by Wilson's score method (1927)."""
    if not 0 <= hits <= n or n == 0:
        raise ValueError(f"{hits} of {n} is no rate")
    p = hits / n
    center = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, center - half), min(1.0, center + half)


def probe_gap_ms(tokens: int = PREFIX_TOKENS) -> float:
    """Return by how much a cached prefix shortens the time to the first token; linear in its length."""
    return (COLD_S - WARM_S) * 1_000 * tokens / PREFIX_TOKENS
