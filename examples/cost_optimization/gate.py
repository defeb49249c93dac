"""The test that a cheaper pipeline has to pass: not worse by more than a margin, on the same prompts.

Today's outputs and the candidate's are graded on the same prompts, so only prompts on which the two differ carry
information. The statistic is the score test for paired proportions (T. Tango, Statistics in Medicine 17, 1998),
which unlike the plain interval does not take ten identical grades for proof.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import NormalDist


class Verdict(StrEnum):
    """Only PASS ships. INCONCLUSIVE asks for more prompts, never for a wider margin."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Grade:
    """One prompt, graded twice by a grader that does not know which output is whose."""

    prompt: str
    slice: str
    before: bool
    after: bool


@dataclass(frozen=True)
class Latency:
    """Measured on the candidate fleet at peak load with one node down, in seconds."""

    ttft_p95: float
    tpot_p95: float


@dataclass(frozen=True)
class Policy:
    """What was agreed before the first result was seen. Margins and shares of traffic are from 0 to 1."""

    baseline: str
    traffic: Mapping[str, float] = field(
        default_factory=lambda: {"chat": 0.25, "extraction": 0.45, "offline": 0.30}
    )
    margin: float = 0.01
    slice_margin: float = 0.03
    """Wider, as a slice has fewer prompts; narrow enough that a slice cannot hide in the total."""
    drift: float = 0.03
    """How far a slice's share of the sample may be from its share of the traffic."""
    alpha: float = 0.05
    """Chance to pass a candidate whose loss is the margin, one-sided."""
    objective: Latency = Latency(ttft_p95=1.0, tpot_p95=0.050)

    def __post_init__(self) -> None:
        """Raise ValueError for a policy that could not stop anything."""
        if not 0 < self.alpha <= 0.1:
            raise ValueError(
                f"alpha is {self.alpha!r}: a gate that lets the margin pass one time in ten is none"
            )
        if not 0 <= self.drift < 1:
            raise ValueError(f"drift is {self.drift!r}: give a share of the sample")
        shares = self.traffic.values()
        if not all(share > 0 for share in shares) or not math.isclose(sum(shares), 1):
            raise ValueError(f"traffic is {dict(self.traffic)!r}: give shares above 0 that add up to 1")


@dataclass(frozen=True)
class Decision:
    """The verdict, and every reason for not passing."""

    verdict: Verdict
    reasons: tuple[str, ...]


# --8<-- [start:score]
def score(n: int, lost: int, gained: int, margin: float) -> float:
    """Return the z value against 'worse by `margin`': high if not, low if even worse.

    `lost` prompts passed before and fail now, `gained` the reverse; the rest of the `n`
    agree. The variance is the likeliest one if the loss were exactly the margin.
    """
    if not (0 < margin < 1 and lost >= 0 and gained >= 0 and 0 < n >= lost + gained):
        raise ValueError(
            f"{n=}, {lost=}, {gained=}, {margin=}: give counts within n, a margin within 0 and 1"
        )
    b = margin * (2 * n + gained - lost) - gained - lost
    # The chance to gain, estimated under the hypothesis; to lose it is this plus the margin.
    gain = (math.sqrt(b * b + 8 * n * gained * margin * (1 - margin)) - b) / (4 * n)
    return (gained - lost + n * margin) / math.sqrt(n * (2 * gain + margin * (1 - margin)))


def judge(n: int, lost: int, gained: int, margin: float, alpha: float) -> Verdict:
    """Return whether the counts prove 'not worse by the margin', its opposite, or neither."""
    needed = NormalDist().inv_cdf(1 - alpha)
    z = score(n, lost, gained, margin)
    if z >= needed:
        return Verdict.PASS
    return Verdict.FAIL if z <= -needed else Verdict.INCONCLUSIVE
    # --8<-- [end:score]


# --8<-- [start:gate]
def gate(grades: Iterable[Grade], latency: Latency, baseline: str, policy: Policy) -> Decision:
    """Decide on the whole candidate pipeline. Everything has to pass: in total, by slice, in time.

    Raise ValueError for a sample that proves nothing: another baseline than the frozen one,
    a prompt graded twice or not at all, slices unlike the traffic, a latency that is no number.
    """
    if baseline != policy.baseline:
        raise ValueError(f"graded against {baseline!r}: use {policy.baseline!r}, not the last step")
    counts = tally(grades)
    n, lost, gained = (sum(row[i] for row in counts.values()) for i in range(3))
    checks = {"total": judge(n, lost, gained, policy.margin, policy.alpha)}
    for name in sorted({*policy.traffic, *counts}):
        expected, (size, worse, better) = policy.traffic.get(name, 0.0), counts.get(name, (0, 0, 0))
        if not (size and expected) or abs(size / n - expected) > policy.drift:
            raise ValueError(f"{name} is {size} of {n} prompts: sample like traffic, {expected:.0%}")
        checks[name] = judge(size, worse, better, policy.slice_margin, policy.alpha)
    for name in ("ttft_p95", "tpot_p95"):
        measured, limit = getattr(latency, name), getattr(policy.objective, name)
        if not (math.isfinite(measured) and measured > 0):
            raise ValueError(f"{name} is {measured!r}: measure it at peak load with one node down")
        checks[name] = Verdict.PASS if measured < limit else Verdict.FAIL
    # The worst verdict stands. As all must pass, many checks make a false pass rarer, not likelier.
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        if reasons := tuple(f"{name}: {verdict}" for name, v in checks.items() if v is verdict):
            return Decision(verdict, reasons)
    return Decision(Verdict.PASS, ())
    # --8<-- [end:gate]


def tally(grades: Iterable[Grade]) -> dict[str, tuple[int, int, int]]:
    """Return (prompts, lost, gained) of each slice. Raise ValueError for a prompt that is there twice."""
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    seen: set[str] = set()
    for grade in grades:
        if not (isinstance(grade.before, bool) and isinstance(grade.after, bool)):
            raise ValueError(f"prompt {grade.prompt!r} lacks a grade: grade both outputs, or neither counts")
        if grade.prompt in seen:
            raise ValueError(f"prompt {grade.prompt!r} is graded twice: grade each prompt once")
        seen.add(grade.prompt)
        row = counts[grade.slice]
        row[0] += 1
        row[1] += grade.before and not grade.after
        row[2] += grade.after and not grade.before
    return {name: (n, lost, gained) for name, (n, lost, gained) in counts.items()}


def lower_bound(n: int, lost: int, gained: int, alpha: float = 0.05) -> float:
    """Return the largest loss that the counts cannot rule out, as a share: the smallest margin that would pass."""
    needed = NormalDist().inv_cdf(1 - alpha)
    low, high = 1e-9, 1 - 1e-9
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if score(n, lost, gained, middle) >= needed else (middle, high)
    return high


def standard_error(rate: float, n: int) -> float:
    """Return the standard error of one pass rate on n prompts, as a share."""
    return math.sqrt(rate * (1 - rate) / n)


def prompts_needed(
    discordant: float, loss: float, margin: float, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Return how many paired prompts show that a true `loss` is within `margin`.

    `discordant` is the share of prompts on which the two pipelines differ. All are shares.
    """
    if not 0 <= loss < margin:
        raise ValueError(f"a loss of {loss} is not within {margin}: no sample can show it")
    if not loss <= discordant <= 1:
        raise ValueError(f"{discordant} discordant cannot hold a loss of {loss}")
    z = NormalDist().inv_cdf(1 - alpha) + NormalDist().inv_cdf(power)
    return math.ceil(z**2 * (discordant - loss**2) / (margin - loss) ** 2)


def chance_to_pass(n: int, discordant: float, loss: float, margin: float, alpha: float = 0.05) -> float:
    """Return the chance that n paired prompts pass a candidate whose true loss is `loss` (normal approximation)."""
    sd = math.sqrt((discordant - loss**2) / n)
    return NormalDist().cdf((margin - loss) / sd - NormalDist().inv_cdf(1 - alpha))


def unpaired_needed(
    before: float, loss: float, margin: float, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Return how many prompts each of two separate samples needs for the same."""
    after = before - loss
    z = NormalDist().inv_cdf(1 - alpha) + NormalDist().inv_cdf(power)
    return math.ceil(z**2 * (before * (1 - before) + after * (1 - after)) / (margin - loss) ** 2)
