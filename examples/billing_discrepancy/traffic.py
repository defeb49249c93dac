"""What customers, the network and the queue do, drawn from seeds before the pipeline runs.

The same seeds give the same fates to the pipeline with the fault and to the mended one, so that a difference between
their tables comes from the pipeline.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from examples.billing_discrepancy.setting import PROVIDER_SHARE, ms

HOUR, DAY = 3_600_000, 86_400_000
PEAK = range(12, 17)
"""Hours of the day, UTC, in which the queue's disks are busiest."""
PEAK_SHARE = 0.35
READ_TIMEOUT_MS = 10_000
"""What the client library waits for the first byte of an answer since its version 3.2."""
LIBRARY_3_2 = ms("2026-10-12T00:00")


class Fate(NamedTuple):
    """What happens to one request's usage event, whoever publishes it: a delay and a place for each try."""

    acks_s: tuple[float, float, float]
    stored: tuple[bool, bool, bool]
    redelivered: bool
    gateway_killed: bool
    log_line_lost: bool
    timer_late_ms: int
    """How long after the deadline a timer of the busy gateway fires."""


class Request(NamedTuple):
    """One HTTP request that the gateway accepted. `finish` is stop, client_closed or failed."""

    request_id: str
    org_id: str
    key_id: str
    idempotency_key: str
    source_net: str
    upstream: str
    started_ms: int
    duration_ms: int
    finish: str
    prompt_tokens: int
    output_tokens: int
    fate: Fate

    @property
    def ended_ms(self) -> int:
        return self.started_ms + self.duration_ms


class Call(NamedTuple):
    """One line of a customer's log. `called_at` is the customer's own clock, without its zone."""

    org_id: str
    idempotency_key: str
    called_at_ms: int
    result: str


class Customer(NamedTuple):
    """How one organization calls. Shares are of its calls."""

    org_id: str
    net: str
    keys: tuple[str, ...]
    slow_first_token: float
    """First attempts whose client gives up before the first byte, and whose library then tries again."""
    rejected: float = 0.0075
    failed: float = 0.01
    closed: float = 0.015
    prompt: int = 1_200
    output: int = 300
    library: str = "client"


def ids(prefix: str, random: Random) -> str:
    return f"{prefix}{random.getrandbits(40):010x}"


def tokens(random: Random, mean: int) -> int:
    """A log-normal count with the given mean and a sigma of 0.7."""
    return max(1, round(random.lognormvariate(math.log(mean) - 0.7**2 / 2, 0.7)))


def fate(random: Random, at_ms: int) -> Fate:
    """Most acknowledgments take 20 ms. Some wait for a busy disk, 3 s on average, though the message is kept."""
    slow = 0.08 if (at_ms % DAY) // HOUR in PEAK else 0.02
    tries = [_try(random, slow)]
    # A second try matters only after a first that somebody might not wait for.
    tries += [_try(random, slow) if tries[0][0] > 1 else (0.02, True) for _ in range(2)]
    (first, kept_1), (second, kept_2), (third, kept_3) = tries
    return Fate(
        (first, second, third), (kept_1, kept_2, kept_3),
        random.random() < 0.006, random.random() < 0.0008, random.random() < 0.0005, random.randint(1, 40),
    )  # fmt: skip


def _try(random: Random, slow: float) -> tuple[float, bool]:
    draw = random.random()
    if draw < 0.001:
        return math.inf, False
    return (random.expovariate(1 / 3) if draw < 0.001 + slow else 0.02), True


def requests_of(customer: Customer, at_ms: int, key: str, random: Random) -> tuple[list[Request], str]:
    """The accepted requests of one call, and what the customer's log says of the call."""
    result = "ok"
    made: list[Request] = []

    def accepted(at: int, finish: str, duration: int, prompt: int, output: int) -> None:
        upstream = "provider" if random.random() < PROVIDER_SHARE else "own"
        made.append(
            Request(
                ids("r", random), customer.org_id, random.choice(customer.keys), key, customer.net, upstream,
                at, duration, finish, prompt, output, fate(random, at + duration),
            )
        )  # fmt: skip

    prompt, output = tokens(random, customer.prompt), tokens(random, customer.output)
    draw = random.random()
    if draw < customer.rejected:
        return [], "error"
    draw -= customer.rejected
    if draw < customer.failed:
        accepted(at_ms, "failed", random.randint(100, 900), 0, 0)
        at_ms += random.randint(700, 1_500)
    elif draw - customer.failed < customer.slow_first_token:
        # The gateway notices when it writes the first token: the prompt has been processed, some output generated.
        accepted(
            at_ms,
            "client_closed",
            READ_TIMEOUT_MS + random.randint(200, 6_000),
            prompt,
            random.randint(1, 40),
        )
        at_ms += READ_TIMEOUT_MS + random.randint(500, 1_000)
    first_token = random.randint(300, 2_500)
    if random.random() < customer.closed:
        output, finish, result = max(1, round(output * random.random())), "client_closed", "closed"
    else:
        finish = "stop"
    accepted(at_ms, finish, first_token + 30 * output, prompt, output)
    return made, result


def calls_of(
    customer: Customer, starts: list[int], random: Random, offset_ms: int = 0
) -> tuple[list[Call], list[Request]]:
    """A customer's calls at the given times: the lines of its own log, and the requests the gateway accepted."""
    calls, accepted = [], []
    for at in sorted(starts):
        key = ids("i", random)
        made, result = requests_of(customer, at, key, random)
        accepted += made
        calls.append(Call(customer.org_id, key, at + offset_ms, result))
    return calls, accepted


def spread(random: Random, start_ms: int, hours: float, count: int) -> list[int]:
    """So many times in a window, in any order."""
    return [start_ms + random.randrange(round(hours * HOUR)) for _ in range(count)]


def fleet_day(day_ms: int, count: int, random: Random) -> Iterator[Request]:
    """A day's accepted requests of all organizations, one in a thousand."""
    for _ in range(count):
        peak = random.random() < PEAK_SHARE
        hour = random.choice(PEAK) if peak else random.choice((*range(12), *range(17, 24)))
        at = day_ms + hour * HOUR + random.randrange(HOUR)
        customer = FLEET if at >= LIBRARY_3_2 else FLEET_BEFORE
        yield from requests_of(customer, at, ids("i", random), random)[0]


FLEET = Customer("any", "any", ("any",), slow_first_token=0.012)
FLEET_BEFORE = FLEET._replace(slow_first_token=0.003)
