"""What a request occupies of a GPU that batches many: a model with four coefficients, fitted to a load test.

A cell of the test is one shape of request, served at the highest rate that keeps the latency targets. Its GPU time a
request is GPUs divided by rate. Tokens are not the driver: attention in prefill grows with the square of the prompt, and
each token of output reads the whole context's KV cache.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from examples.cost_attribution import setting as s


@dataclass(frozen=True)
class GpuTime:
    """Milliseconds of one GPU, each per the product that `regressors` returns."""

    prompt: float
    attention: float
    output: float
    context: float

    def ms(self, prompt: int | float, output: int | float, prefix_cached: int | float = 0) -> float:
        """Return the GPU time of one request; ``prefix_cached`` of its prompt need no prefill, yet are attended to."""
        terms = regressors(prompt, output, prefix_cached)
        return sum(a * b for a, b in zip(self._coefficients, terms, strict=True))

    @property
    def _coefficients(self) -> tuple[float, float, float, float]:
        return self.prompt, self.attention, self.output, self.context


def regressors(prompt: float, output: float, prefix_cached: float = 0) -> tuple[float, float, float, float]:
    """Tokens prefilled, pairs attended to (times two), tokens decoded, context read while decoding."""
    fresh = prompt - prefix_cached
    return fresh, prompt**2 - prefix_cached**2, output, output * (prompt + output / 2)


def fit(cells: Iterable[tuple[float, float, float]]) -> GpuTime:
    """Least squares over (prompt tokens, output tokens, GPU ms a request), relative to the size of each cell.

    Raises ZeroDivisionError where the shapes cannot tell the coefficients apart.
    """
    rows = [([x / ms for x in regressors(prompt, output)], 1.0) for prompt, output, ms in cells]
    scale = [max(abs(row[0][i]) for row in rows) for i in range(4)]
    normal = [
        [sum(r[i] / scale[i] * r[j] / scale[j] for r, _ in rows) for j in range(4)]
        + [sum(r[i] / scale[i] * y for r, y in rows)]
        for i in range(4)
    ]
    for i in range(4):
        pivot = max(range(i, 4), key=lambda k: abs(normal[k][i]))
        normal[i], normal[pivot] = normal[pivot], normal[i]
        if abs(normal[i][i]) < 1e-12:
            raise ZeroDivisionError("the shapes are too alike")
        for k in range(4):
            if k != i:
                factor = normal[k][i] / normal[i][i]
                normal[k] = [a - factor * b for a, b in zip(normal[k], normal[i], strict=True)]
    return GpuTime(*(normal[i][4] / normal[i][i] / scale[i] for i in range(4)))


MEAN_MS = s.GPUS / s.HOLDS_RPS * 1000
"""GPU time of the mean request at the rate that the fleet holds: 640 ms."""

OTHER_INPUT = (s.FLEET_INPUT - s.LONG_SHARE * s.LONG_INPUT) / (1 - s.LONG_SHARE)
"""Mean prompt of everybody else, since the 2,000 includes the long prompts."""


def calibrated(prompt: float = 0.1, attention: float = 1e-6, context: float = 1e-4) -> GpuTime:
    """Return coefficients, in ms, that add up to the fleet's 640 ms over its mix of requests.

    The three given are illustrations of a model of some 70 billion parameters on H100s, and to be measured: 10,000 prompt
    tokens/s a GPU, attention that doubles prefill at 100,000 tokens, 0.1 microseconds to read a token's KV cache. What
    one token of output takes besides follows from the total.
    """
    mix = [
        s.LONG_SHARE * a + (1 - s.LONG_SHARE) * b
        for a, b in zip(
            regressors(s.LONG_INPUT, s.FLEET_OUTPUT), regressors(OTHER_INPUT, s.FLEET_OUTPUT), strict=True
        )
    ]
    output = (MEAN_MS - prompt * mix[0] - attention * mix[1] - context * mix[3]) / mix[2]
    return GpuTime(prompt, attention, output, context)


def long_share(model: GpuTime) -> float:
    """Return the share of the fleet's GPU time that the team with the long prompts takes."""
    return s.LONG_SHARE * model.ms(s.LONG_INPUT, s.FLEET_OUTPUT) / MEAN_MS
