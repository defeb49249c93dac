"""The experiments on single replicas: the canary that passed, the paired load test on the spares, and the gate."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

from examples.throughput_drop import setting
from examples.throughput_drop.engine import Bucket, Build, Mix, serve

LADDER = (1.0, 6.25, 7.8125, 10.0, 10.0)
"""Requests/s offered to a replica: the canary's load, the fleet's mean, its peak, and more than any build can serve."""
STEP_S, SAMPLE_S, SETTLES = 120, 30, 1
"""Each step's length, a sample's, and how many samples of a step are thrown away first."""
HOSTS = {"A": 1.0, "B": 0.99, "C": 1.01, "D": 1.06}
"""How long a token takes on each spare host; the load test does not know it."""
CANARY_RPS, CANARY_S = 1.0, 1_800
CONTROL_RPS = (setting.DEMAND - 2 * CANARY_RPS) / (setting.REPLICAS - 2)

# --8<-- [start:cells]
BUILDS = ((False, False), (False, True), (True, False), (True, True))
"""Image, flags: one replica each."""
SESSIONS = ("ABCD", "BADC", "CDAB", "DCBA")
"""Their hosts: a Latin square, so a slow host harms each build once."""


@dataclass(frozen=True)
class Run:
    session: int
    host: str
    cell: setting.Cell


def runs() -> list[Run]:
    """Each build on four hosts, each host with both renderings, in swapped order."""
    return [
        Run(session, host, setting.Cell(image, flags, template))
        for session, hosts in enumerate(SESSIONS, 1)
        for (image, flags), host in zip(BUILDS, hosts, strict=True)
        for template in ((False, True) if session % 2 else (True, False))
    ]


# --8<-- [end:cells]


class Sample(NamedTuple):
    run: Run
    offered: float
    number: int
    bucket: Bucket


def climb(run: Run, seed: int, ladder: tuple[float, ...] = LADDER) -> Iterator[Sample]:
    """The samples of one replica on its way up the ladder, warm, without those in which a step settles."""
    mix, rng = Mix(), random.Random(f"{seed}-{run}")

    def rate(now: float) -> float:
        return ladder[min(len(ladder) - 1, int(now // STEP_S))]

    build = run.cell.build().slower(HOSTS[run.host])
    length = len(ladder) * STEP_S
    buckets = serve(
        build, mix.arrivals(rng, rate, 0.0), 0.0, length, SAMPLE_S, setting.QUEUE, warm=mix.prefixes
    )
    for position, bucket in enumerate(buckets):
        step, number = divmod(position, STEP_S // SAMPLE_S)
        if number >= SETTLES:
            yield Sample(run, ladder[step], number, bucket)


class Answered(NamedTuple):
    ttft_s: float
    tpot_s: float


def canary(build: Build, rps: float, seed: str) -> list[Answered]:
    """Time to first token and per output token of half an hour's requests to one replica, unpaired and in order."""
    mix, rng = Mix(), random.Random(seed)
    (bucket,) = serve(
        build,
        mix.arrivals(rng, lambda _: rps, 0.0),
        0.0,
        CANARY_S,
        CANARY_S,
        setting.QUEUE,
        warm=mix.prefixes,
    )
    return [Answered(*pair) for pair in zip(bucket.ttft_s, bucket.tpot_s, strict=False)]


GATE_S, GATE_SETTLES_S = 240, 60
HOSTS_DIFFER = 0.02
"""Standard deviation of the hosts' speeds, as a share."""


# --8<-- [start:gate]
def saturated(build: Build, rng: random.Random) -> float:
    """Output tokens/s of one warm replica over three minutes, offered 10 requests/s."""
    mix = Mix()
    arrivals = mix.arrivals(rng, lambda _: LADDER[-1], 0.0)
    buckets = serve(build, arrivals, 0.0, GATE_S, GATE_SETTLES_S, setting.QUEUE, warm=mix.prefixes)
    return sum(bucket.output_tokens for bucket in buckets[1:]) / (GATE_S - GATE_SETTLES_S)


def gate(candidate: Build, seed: str) -> float:
    """Saturated throughput over the old build's; each runs once on each of two hosts."""
    rng = random.Random(seed)
    hosts = [rng.gauss(1.0, HOSTS_DIFFER) for _ in range(2)]
    old, new = ([saturated(build.slower(host), rng) for host in hosts] for build in (setting.OLD, candidate))
    return sqrt((new[0] * new[1]) / (old[0] * old[1]))


def carries_the_peak(candidate: Build, seed: str) -> bool:
    """Whether a replica under the peak's load refuses nobody and starts 95% of its answers in time."""
    mix, load = Mix(), setting.PEAK / setting.REPLICAS
    arrivals = mix.arrivals(random.Random(seed), lambda _: load, 0.0)
    buckets = serve(candidate, arrivals, 0.0, GATE_S, GATE_SETTLES_S, setting.QUEUE, warm=mix.prefixes)
    waits = sorted(wait for bucket in buckets[1:] for wait in bucket.ttft_s)
    in_time = waits[int(0.95 * len(waits))] <= setting.TTFT_TARGET_S
    return in_time and not any(bucket.refused for bucket in buckets)


# --8<-- [end:gate]
