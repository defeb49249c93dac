"""The facts of the question. Rates are per second, times seconds, prices dollars per million tokens."""

from __future__ import annotations

REPLICAS = 10
REGIONS = 2
"""Of A, with a breaker each; traffic is split evenly between them."""
PEAK_RPS = 200.0
NIGHT_RPS = 10.0
PLACES = 250
"""What one replica admits at once, embeddings included."""
EMBEDDINGS_RPS = 5.0
"""Of one replica."""
EMBEDDING_S = 0.05

LONG_SHARE = 0.02
LONG_PROMPT = 40_000
MEAN_PROMPT = 1_500
SHORT_PROMPT = (MEAN_PROMPT - LONG_SHARE * LONG_PROMPT) / (1 - LONG_SHARE)
"""714 tokens: what is left of the mean."""
ANSWER = 300
TOKENS_PER_S = 60
TTFT_MEAN_S = 0.5

TIMEOUT_S = 30.0
GATEWAY_RETRIES = 1
CLIENT_RETRIES = 2

PAID_SHARE = 0.6
B_TOKENS_PER_MIN = 8_640_000
POOL_GPUS = 4
POOL_RPS_PER_GPU = 20.0
POOL_CONTEXT = 32_000

IN_PRICE, OUT_PRICE = 1.0, 5.0
FAILED_SHARE = 0.005
THROTTLED_SHARE = 0.01
RECOVERED_SHARE = 0.2
"""Of A's capacity, at first."""


def replica_rps(fleet_rps: float = PEAK_RPS) -> float:
    """Chat requests/s of one replica."""
    return fleet_rps / REPLICAS


def request_s() -> float:
    """Seconds that an average request takes."""
    return TTFT_MEAN_S + ANSWER / TOKENS_PER_S


def in_flight() -> float:
    """Requests of one replica under way at peak: Little's law, arrivals times time."""
    return replica_rps() * request_s()


def call_price(prompt: float = MEAN_PROMPT, answer: float = ANSWER) -> float:
    """Dollars of one attempt at A."""
    return (prompt * IN_PRICE + answer * OUT_PRICE) / 1e6
