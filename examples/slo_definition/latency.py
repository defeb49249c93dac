"""How long a completion takes, and which share of completions is short enough for a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist


# --8<-- [start:model]
def completion_s(ttft_s: float, tpot_s: float, tokens: int) -> float:
    """Seconds until the last of ``tokens`` output tokens: the first one, then a step each."""
    if tokens < 1:
        raise ValueError(f"a completion has at least one token, not {tokens}")
    return ttft_s + (tokens - 1) * tpot_s


def tokens_within(limit_s: float, ttft_s: float, tpot_s: float) -> int:
    """Most output tokens that fit into ``limit_s``; 0 where not even the first does."""
    if limit_s < ttft_s:
        return 0
    # The tolerance keeps a limit that is met exactly from losing a token to rounding.
    return 1 + math.floor((limit_s - ttft_s) / tpot_s + 1e-9)


@dataclass(frozen=True)
class Lengths:
    """Token counts as a log-normal distribution, fitted to a median and a mean."""

    median: float
    mean: float

    @property
    def sigma(self) -> float:
        # mean = median x exp(sigma^2 / 2) for a log-normal
        return math.sqrt(2 * math.log(self.mean / self.median))

    def share_up_to(self, tokens: float) -> float:
        """Estimated share of requests with at most ``tokens``."""
        if tokens <= 0:
            return 0.0
        return NormalDist().cdf(math.log(tokens / self.median) / self.sigma)

    # --8<-- [end:model]

    def __post_init__(self) -> None:
        if not 0 < self.median < self.mean:
            raise ValueError(f"a log-normal has 0 < median < mean, not {self.median} and {self.mean}")

    def quantile(self, share: float) -> float:
        """Estimated token count that ``share`` of the requests stay below."""
        return self.median * math.exp(self.sigma * NormalDist().inv_cdf(share))

    @property
    def mean_square(self) -> float:
        """Mean of the squared token count, in tokens squared."""
        return self.mean**2 * math.exp(self.sigma**2)
