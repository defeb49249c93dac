"""The costly detector behind a time limit, a limit on calls in flight, and a clock for its outages.

A call that cannot be answered in time raises ``GuardUnavailable`` at once or at its limit: no caller ever waits longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Protocol


class GuardUnavailable(Exception):
    """No verdict: too late, too busy, or failed. ``outage_s`` says for how long that has been so."""

    def __init__(self, why: str, outage_s: float) -> None:
        super().__init__(why)
        self.outage_s = outage_s


Verdict = Mapping[str, float]
"""A score for each category of the policy, whatever the guard would have written."""


class Model(Protocol):
    """The guard's server. It gets the exchange as data, between markers that no message can contain."""

    async def __call__(self, prompt: str, answer: str) -> Verdict: ...


# --8<-- [start:scores]
def scores(unsafe: float, labels: Mapping[str, float], ours: Mapping[str, Collection[str]]) -> Verdict:
    """Return a score for each of ``ours``: the chance of "unsafe", times that of one of its labels coming next.

    ``unsafe`` is the first token's probability. ``labels`` are those of the taxonomy's labels after "unsafe" was
    forced, also where the guard would have written "safe"; ValueError if it was not. A label that tends to be listed
    second scores low, so thresholds are measured on these scores.
    """
    if not 0.9 <= sum(labels.values()) <= 1.001:
        raise ValueError(f"not what follows 'unsafe': {labels}")
    return {name: unsafe * sum(labels.get(label, 0.0) for label in of) for name, of in ours.items()}
    # --8<-- [end:scores]


# --8<-- [start:guard]
class Guard:
    """One gateway's way to the guard model. Belongs to one event loop."""

    TRIP, RECOVER, PROBE_S = 5, 20, 1.0

    def __init__(
        self,
        model: Model,
        version: str,
        categories: Collection[str],
        timeout_s: float,
        in_flight: int,
        clock: Callable[[], float],
    ) -> None:
        self.version, self._categories = version, frozenset(categories)
        self._model, self._timeout_s, self._free, self._clock = model, timeout_s, in_flight, clock
        self._failures = self._successes = 0
        self._down_since: float | None = None
        self._next_probe = 0.0

    async def judge(self, prompt: str, answer: str = "") -> Verdict:
        """Return the verdict on a prompt, or on an answer in the light of its prompt. Raises GuardUnavailable."""
        if self._down_since is not None:
            if self._clock() < self._next_probe:
                raise GuardUnavailable("away", self.outage_s())
            self._next_probe = self._clock() + self.PROBE_S
        if self._free == 0:
            raise GuardUnavailable("busy", self.outage_s())
        self._free -= 1
        try:
            async with asyncio.timeout(self._timeout_s):
                verdict = await self._model(prompt, answer)
            if verdict.keys() != self._categories or not all(0 <= score <= 1 for score in verdict.values()):
                raise ValueError(f"not a score for each category: {verdict}")
        except Exception as error:
            self._failures, self._successes = self._failures + 1, 0
            if self._failures == self.TRIP and self._down_since is None:
                self._down_since = self._clock()
            raise GuardUnavailable(type(error).__name__, self.outage_s()) from error
        finally:
            self._free += 1
        self._failures, self._successes = 0, self._successes + 1
        if self._successes >= self.RECOVER:
            self._down_since = None
        return verdict
        # --8<-- [end:guard]

    def outage_s(self) -> float:
        """Return for how long the guard has been away; 0 while single calls fail."""
        return 0.0 if self._down_since is None else self._clock() - self._down_since
