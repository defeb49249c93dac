"""Who sends what: organizations with one or more applications, and one that works through its documents at night."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from examples.latency_spike import setting

ORGANIZATIONS = 48
_SPREAD = 0.38
"""Standard deviation of the logarithm of the prompt length."""
_PREFIX = 600
"""Tokens of an application's own instructions, the same in each of its prompts, on average."""


@dataclass(frozen=True, slots=True)
class Application:
    """What shares a prompt prefix, and thus a home replica."""

    organization: str
    number: int
    weight: float
    prefix: int
    """Tokens that all its prompts begin with."""

    @property
    def key(self) -> str:
        return f"{self.organization}/{self.number}"


def applications(seed: int = 332) -> list[Application]:
    """The night's organizations; the large ones have several applications. The seed spreads them evenly over r1 to r8."""
    rng = random.Random(f"applications {seed}")
    names = [f"o{n:02d}" for n in range(1, ORGANIZATIONS + 1)]
    rng.shuffle(names)
    found = []
    for rank, name in enumerate(names):
        weight = 1 / (rank + 6)
        several = max(1, 8 - rank // 2)
        for number in range(several):
            found.append(
                Application(name, number, weight / several, rng.randint(_PREFIX - 250, _PREFIX + 250))
            )
    return found


def prompt_tokens(rng: random.Random, prefix: int) -> int:
    """Log-normal with the question's mean; never shorter than the instructions and a line."""
    mu = math.log(setting.MEAN_PROMPT) - _SPREAD**2 / 2
    return max(prefix + 20, min(8_000, round(rng.lognormvariate(mu, _SPREAD))))


def output_tokens(rng: random.Random, mean: float = setting.MEAN_OUTPUT) -> int:
    """Log-normal as well."""
    return max(2, min(2_000, round(rng.lognormvariate(math.log(mean) - 0.5 * 0.6**2, 0.6))))


@dataclass(frozen=True, slots=True)
class Job:
    """One organization's work in rounds: so many prompts at once, the next round when all are answered."""

    organization: str
    begins: float
    together: int
    shortest: int
    longest: int
    output: int
    pause_s: float
    """Between the last answer of a round and the next round, on average."""
