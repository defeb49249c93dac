"""What a rate of requests needs: replicas, zones to spare, requests and cached tokens in flight."""

from __future__ import annotations

import math

from examples.slo_definition.latency import Lengths


# --8<-- [start:capacity]
def replicas_for(rate: float, replica_rate: float) -> int:
    """Fewest replicas that serve ``rate`` requests/s at the latencies of the load test."""
    return math.ceil(rate / replica_rate - 1e-9)


def replicas_with_a_zone_lost(rate: float, replica_rate: float, zones: int) -> int:
    """Fewest replicas, the same number in each zone, of which any zone may be lost."""
    if zones < 2:
        raise ValueError("with one zone there is none to lose")
    per_zone = math.ceil(replicas_for(rate, replica_rate) / (zones - 1))
    return per_zone * zones


def in_flight(rate: float, mean_s: float) -> float:
    """Little's law: mean requests in the system = arrivals per second x mean seconds."""
    return rate * mean_s


def cached_tokens(rate: float, tpot_s: float, prompt: float, output: Lengths) -> float:
    """Mean tokens that decoding requests hold in the KV cache.

    A request holds its prompt and the output so far for as long as it decodes, so long
    outputs weigh by their square: rate x tpot x (prompt x E[n] + E[n^2] / 2), for
    prompt and output lengths that are independent.
    """
    return rate * tpot_s * (prompt * output.mean + output.mean_square / 2)
    # --8<-- [end:capacity]
