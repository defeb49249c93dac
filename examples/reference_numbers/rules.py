"""Rules of thumb of reliability, queues and statistics, each as the formula that it stands for.

Shares are between 0 and 1, times are seconds unless a name says otherwise. Two-sided intervals are of 95%.
"""

from __future__ import annotations

from math import ceil, exp, log, sqrt
from statistics import NormalDist

HOUR, DAY = 3_600, 86_400
MONTH_H = 730
"""Hours of a twelfth of a year."""

Z = NormalDist().inv_cdf(0.975)


def allowed_s(target: float, days: float) -> float:
    """Return the seconds of total outage that a target allows in a window, at even traffic."""
    return (1 - target) * days * DAY


def burn_factor(spent: float, hours: float, days: float) -> float:
    """Return the burn rate at which that share of a window's budget goes in so many hours."""
    return spent * days * 24 / hours


def chain(share: float, count: int) -> float:
    """Return the share that succeeds where all of `count` independent steps have to."""
    return share**count


def any_of(share: float, count: int) -> float:
    """Return the chance that at least one of `count` independent tries meets what one meets with `share`."""
    return 1 - (1 - share) ** count


def attempts(tries: int, layers: int) -> int:
    """Return the attempts of one request that keeps failing, where each of `layers` tries so often by itself."""
    return int(tries**layers)


def most_busy(parts: int, lost: int = 1) -> float:
    """Return the utilization of equal parts up to which the others carry the load of `lost` of them."""
    return (parts - lost) / parts


# --8<-- [start:queues]
def in_system(rate: float, mean_s: float) -> float:
    """Return the mean number in the system (Little's law), whatever the distributions."""
    return rate * mean_s


def slowdown(utilization: float) -> float:
    """Return the mean time in an M/M/1 queue and its server, in service times.

    One server, arrivals and services at random. Raises ValueError for a server that is never
    done: at a utilization of 1 the queue grows forever.
    """
    if not 0 <= utilization < 1:
        raise ValueError(f"utilization is {utilization}: give a share from 0 up to, not including, 1")
    return 1 / (1 - utilization)


def slowdown_quantile(utilization: float, share: float) -> float:
    """Return the time that `share` of the jobs stay below, in service times: there it is exponential."""
    return log(1 / (1 - share)) * slowdown(utilization)


# --8<-- [end:queues]


def none_happen(mean: float) -> float:
    """Return the chance of a window without an event where `mean` are expected (Poisson)."""
    return exp(-mean)


def usual_range(mean: float) -> tuple[float, float]:
    """Return between what counts of independent events stay in 95% of windows, by the normal approximation."""
    half = Z * sqrt(mean)
    return max(0.0, mean - half), mean + half


def not_ruled_out(count: int, confidence: float = 0.95) -> float:
    """Return the rate that `count` tries without an event leave possible, one-sided; about 3 / count."""
    return float(1 - (1 - confidence) ** (1 / count))


def clean_needed(rate: float, confidence: float = 0.95) -> int:
    """Return how many tries without an event show a rate below `rate`."""
    return ceil(log(1 - confidence) / log(1 - rate))


def sample_for(share: float, margin: float) -> int:
    """Return the sample that measures a share to within `margin` either way."""
    return ceil(share * (1 - share) * (Z / margin) ** 2)


def sample_to_tell(first: float, second: float, power: float = 0.8) -> int:
    """Return the size of each of two separate samples that tell two shares apart, with that chance, at 5% two-sided."""
    z = Z + NormalDist().inv_cdf(power)
    return ceil(z * z * (first * (1 - first) + second * (1 - second)) / (first - second) ** 2)


def precision(share: float, recall: float, false_positives: float) -> float:
    """Return which part of what a detector stops is what it looks for, given how rare that is."""
    hits = share * recall
    return hits / (hits + (1 - share) * false_positives)
