"""How soon a known-answer probe finds wrong output. Probes are taken as independent; see the page for when not."""

from __future__ import annotations

from collections import defaultdict
from math import comb


def at_least(k: int, n: int, p: float) -> float:
    """Probability of `k` or more failures in `n` probes that each fail with probability `p`."""
    return 1 - sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(min(k, n + 1)))


# --8<-- [start:probes]
def probes_needed(wrong: float, failures: int, confidence: float = 0.95) -> int:
    """Probes until `failures` of them have failed, with probability `confidence`.

    `wrong` is the share of answers that are wrong on the probed path, in (0, 1].
    """
    if not 0 < wrong <= 1 or not 0 < confidence < 1 or failures < 1:
        raise ValueError(f"no such test: wrong={wrong}, failures={failures}, confidence={confidence}")
    n = failures
    while at_least(failures, n, wrong) < confidence:
        n += 1
    return n


# --8<-- [end:probes]
def probes_to_fire(wrong: float, failures: int, window: int, confidence: float = 0.95) -> int:
    """Probes until `failures` of the last `window` have failed, with probability `confidence`.

    Exact: follows the probability of each set of recent failures, kept as their ages in probes.
    """
    if not 0 < wrong <= 1 or not 0 < confidence < 1 or not 1 <= failures <= window:
        raise ValueError(
            f"no such test: wrong={wrong}, failures={failures} of {window}, confidence={confidence}"
        )
    recent: dict[tuple[int, ...], float] = {(): 1.0}
    fired, sent = 0.0, 0
    while fired < confidence:
        sent += 1
        after: defaultdict[tuple[int, ...], float] = defaultdict(float)
        for ages, chance in recent.items():
            older = tuple(age + 1 for age in ages if age + 1 < window)
            after[older] += chance * (1 - wrong)
            if len(older) + 1 == failures:
                fired += chance * wrong
            else:
                after[(0, *older)] += chance * wrong
        recent = after
    return sent


def false_pages(flake: float, failures: int, window: int, per_day: float) -> float:
    """Upper bound on false pages a day from one path: each probe may end a window that fires.

    `flake` is the share of probes that fail on a healthy path, `window` the probes looked at together,
    `per_day` the probes sent in a day. A window that fires must end in a failure, and overlapping
    windows that fire together count as several, so the true number is smaller.
    """
    return per_day * flake * at_least(failures - 1, window - 1, flake)
