"""The arithmetic: what a scan sees, what a sample misses, what alerts and evidence cost, what the project saves."""

from __future__ import annotations

from math import comb, exp, log

MINUTES_A_DAY = 24 * 60


def concurrent(launches_a_day: float, life_minutes: float) -> float:
    """Nodes alive at a moment: arrival rate times mean life (Little's law)."""
    return launches_a_day * life_minutes / MINUTES_A_DAY


# --8<-- [start:seen]
def seen_fixed(interval: float, life: float) -> float:
    """Share of nodes that a scan every `interval` minutes ever sees, if each lives exactly `life` minutes."""
    return min(1.0, life / interval)


def seen_exponential(interval: float, life: float) -> float:
    """The same if lives are exponential with that mean: P(life > u), averaged over a launch u before the scan."""
    return life / interval * (1 - exp(-interval / life))


def sample_misses(population: int, bad: int, sample: int) -> float:
    """Probability that a sample drawn without replacement has none of the bad ones (hypergeometric)."""
    return comb(population - bad, sample) / comb(population, sample)


# --8<-- [end:seen]


def rate_not_excluded(sample: int, confidence: float) -> float:
    """The highest rate of failure that a clean sample from a large population leaves possible at a confidence."""
    return 1 - exp(log(1 - confidence) / sample)


def payback_years(hours: float, saved_hours_a_year: float, rate: float, upkeep_a_year: float) -> float | None:
    """Years until saved hours have paid for a project, upkeep deducted; None for never. `rate` in dollars an hour."""
    net = saved_hours_a_year * rate - upkeep_a_year
    return hours * rate / net if net > 0 else None
