"""Nine thousand organizations: what each was billed in October, and which of its entries stand for no request of it.

Sizes and shares are drawn, not recorded: log-normal sizes that add up to the question's 100 million, and for each
organization a share of traffic in the queue's busy hours, which decides how many of its entries are counted again.
The two rates come from the captured run. It is the closing run's rehearsal, and says so wherever its numbers stand.
"""

from __future__ import annotations

import math
import operator
from functools import cache
from random import Random
from typing import NamedTuple

from examples.billing_discrepancy.setting import (
    BILLED_REQUESTS,
    CALLS_4417,
    DISPUTED_CENTS,
    ENTRIES_4417,
    INVOICED_CENTS,
    MEAN_MICROUSD,
    ORGANIZATIONS,
    TICKETS,
    cents,
)
from examples.billing_discrepancy.traffic import PEAK_SHARE

PEAK_RATE, OTHER_RATE = 0.0396, 0.0101
"""Entries that stand for a request already counted, per entry, in the busy hours and in the others: of the
pipeline's run over all of October."""
RETRY_RATE = 0.018
"""Entries of a library's second tries, per entry, among those who wrote: customers with impatient clients."""
UNBILLED_RATE = 0.006
"""Their calls that ended without an entry, per entry."""
SIGMA = 1.6
"""Of the logarithm of an organization's size: the largest tenth has about two thirds of the traffic."""


class Ticket(NamedTuple):
    """One organization that wrote. Counts are entries of the month."""

    org_id: str
    opened: str
    entries: int
    again: int
    retries: int
    elsewhere: int
    clock: int
    unbilled: int
    client_log: bool

    @property
    def disputed(self) -> int:
        """Entries that the customer's own log lacks, net, as customers count."""
        return self.again + self.retries + self.elsewhere + self.clock - self.unbilled

    @property
    def invoiced_cents(self) -> int:
        return cents(self.entries * MEAN_MICROUSD)

    @property
    def disputed_cents(self) -> int:
        return cents(self.disputed * MEAN_MICROUSD)


@cache
def tickets() -> tuple[Ticket, ...]:
    """The 37, whose invoices and disputes add up to the question's sums to the cent."""
    random = Random("tickets")
    days = [f"2026-11-0{day}" for day in (2, 2, 3, 3, 4, 4, 5, 5, 6)]
    names = random.sample([n for n in range(100, 9_000) if n not in (4417, 7730, 2093)], TICKETS - 3)
    whole = INVOICED_CENTS * 10_000 / MEAN_MICROUSD
    weights = [random.lognormvariate(0, 0.8) for _ in names]
    scale = (whole - ENTRIES_4417 - 5_600 - 60_000) / sum(weights)
    sizes = [round(weight * scale) for weight in weights]
    again_4417, retries_4417, unbilled_4417 = of_4417()
    made = [
        Ticket("org_4417", "2026-11-02", ENTRIES_4417, again_4417, retries_4417, 0, 0, unbilled_4417, True),
        Ticket("org_7730", "2026-11-03", 5_600, 75, 45, 0, 60, 35, True),
    ]
    for name, size in zip(names, sizes, strict=True):
        share = random.uniform(0.029, 0.039)
        made.append(
            Ticket(
                f"org_{name:04d}", random.choice(days), size, round(size * share),
                round(size * random.uniform(0.7, 1.3) * RETRY_RATE), 0, 0, round(size * UNBILLED_RATE), False,
            )
        )  # fmt: skip
    # The last one's size and foreign use close both sums.
    invoiced = sum(ticket.invoiced_cents for ticket in made)
    disputed = sum(ticket.disputed_cents for ticket in made)
    entries = math.ceil((INVOICED_CENTS - invoiced) * 10_000 / MEAN_MICROUSD - 0.5)
    again, retries, unbilled = round(entries * 0.02), round(entries * 0.008), round(entries * UNBILLED_RATE)
    apart = math.ceil((DISPUTED_CENTS - disputed) * 10_000 / MEAN_MICROUSD - 0.5)
    made.append(
        Ticket(
            "org_2093", "2026-11-04", entries, again, retries, apart - again - retries + unbilled, 0,
            unbilled, True,
        )
    )  # fmt: skip
    return tuple(made)


def of_4417() -> tuple[int, int, int]:
    """Its month in the ratio of its five hours, 800 calls to 844 entries: again, retries, calls without an entry."""
    return AGAIN * 148, RETRIES * 148, UNBILLED * 148


AGAIN, RETRIES, UNBILLED = 34, 17, 7
assert ENTRIES_4417 - CALLS_4417 == 148 * (AGAIN + RETRIES - UNBILLED)


class Account(NamedTuple):
    entries: int
    again: int

    @property
    def credit_cents(self) -> int:
        """Invoice as issued less invoice as recounted, each rounded once."""
        return cents(self.entries * MEAN_MICROUSD) - cents((self.entries - self.again) * MEAN_MICROUSD)


@cache
def accounts() -> tuple[Account, ...]:
    """October of all 9,000 organizations, the 37 first."""
    random = Random("accounts")
    known = [Account(ticket.entries, ticket.again) for ticket in tickets()]
    left = BILLED_REQUESTS - sum(account.entries for account in known)
    weights = [random.lognormvariate(0, SIGMA) for _ in range(ORGANIZATIONS - TICKETS)]
    scale = left / sum(weights)
    sizes = [max(1, round(weight * scale)) for weight in weights]
    busy = [random.betavariate(1.4, 2.6) for _ in sizes]
    # Over all traffic the busy hours have the run's share; those who wrote have more of it.
    apart = PEAK_RATE - OTHER_RATE
    taken = sum((account.again - OTHER_RATE * account.entries) / apart for account in known)
    factor = (PEAK_SHARE * BILLED_REQUESTS - taken) / sum(map(operator.mul, sizes, busy))
    made = [
        Account(size, drawn(random, size, OTHER_RATE + min(1.0, share * factor) * apart))
        for size, share in zip(sizes, busy, strict=True)
    ]
    return tuple(known + made)


def drawn(random: Random, trials: int, share: float) -> int:
    """A binomial count: exactly for small means, by the normal approximation for large ones."""
    mean = trials * share
    if mean > 50:
        return max(0, round(random.gauss(mean, math.sqrt(mean * (1 - share)))))
    if trials > 400:
        # Poisson, by its waiting times.
        count, clock = 0, random.expovariate(1.0)
        while clock < mean:
            count, clock = count + 1, clock + random.expovariate(1.0)
        return count
    return sum(random.random() < share for _ in range(trials))
