"""The decision on one text: disguises undone, the small classifier, the guard where it has to, the policy."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from examples.content_moderation.guard import Guard, GuardUnavailable
from examples.content_moderation.policy import Action, Policy, PolicyError
from examples.content_moderation.reading import OTHER_LANGUAGE, Reading, read

TURNS = 4
"""User turns that are read as one text, so that a request may not be split over them."""


class Scorer(Protocol):
    """The small classifier, away from the event loop that the streams share; ``workers`` has one."""

    version: str

    async def score(self, texts: Sequence[str]) -> Mapping[str, float]: ...


@dataclass(frozen=True)
class Decision:
    """What is done and why, with all that an appeal or an audit needs, and no text."""

    action: Action
    category: str | None = None
    reason: str = "below every threshold"
    scores: Mapping[str, float] = field(default_factory=dict)
    guard_scores: Mapping[str, float] = field(default_factory=dict)
    versions: tuple[str, str, str] = ("", "", "")
    """Of the policy, the small classifier and the guard."""


def digest(reading: Reading) -> str:
    """Return what a text is known by: its plain reading, whatever the spaces."""
    return sha256(" ".join(reading.texts[0].split()).encode()).hexdigest()


class Moderator:
    """Judges prompts and growing answers by one policy."""

    def __init__(self, policy: Policy, small: Scorer, guard: Guard, known: Mapping[str, str]) -> None:
        """Take the parts, and by ``digest`` the category of texts that reviewers have confirmed.

        Raises PolicyError if the policy's thresholds were measured with other detectors than these.
        """
        if (small.version, guard.version) != (policy.small, policy.guard):
            raise PolicyError(
                f"policy {policy.version} is for {policy.small} and {policy.guard}, these are {small.version} and"
                f" {guard.version}: measure its thresholds again"
            )
        self.policy, self._small, self._guard, self._known = policy, small, guard, known

    # --8<-- [start:cascade]
    async def prompt(self, turns: Sequence[str]) -> Decision:
        """Decide on a request: its newest turn by itself, and the last turns as one text."""
        last, joined = read(turns[-1]), read("\n".join(turns[-TURNS:]))
        if name := self._known.get(digest(last)):
            return self._decision(self.policy.categories[name].action, name, "known text")
        texts = tuple(dict.fromkeys(last.texts + joined.texts))
        signals = last.signals | joined.signals & {"long"}
        return await self._decide("\n".join(turns), "", texts, signals, streaming=False)

    async def answer(self, turns: Sequence[str], so_far: str, span: str, first: bool) -> Decision:
        """Decide on an answer so far. The small one reads the newest ``span``; the guard reads the whole exchange.

        An answer that is not in English goes to the guard once, at its first check.
        """
        reading = read(span)
        signals = reading.signals if first else reading.signals - OTHER_LANGUAGE
        return await self._decide("\n".join(turns), so_far, reading.texts, signals, streaming=True)

    async def _decide(
        self, asked: str, answer: str, texts: tuple[str, ...], signals: frozenset[str], streaming: bool
    ) -> Decision:
        try:
            scores = await self._scored(texts)
        except Exception as error:
            return self._decision(Action.UNAVAILABLE, reason=f"small classifier {type(error).__name__}")
        flagged = [name for name, rule in self.policy.categories.items() if scores[name] >= rule.ask_at]
        if not flagged and not signals:
            return self._decision(Action.ALLOW, scores=scores)
        try:
            verdict = await self._guard.judge(asked, answer)
        except GuardUnavailable as error:
            return self._alone(scores, flagged, signals, error, streaming)
        for name, rule in self.policy.categories.items():
            limit = self._limit(name, name in flagged or bool(signals - OTHER_LANGUAGE), streaming)
            if verdict[name] >= limit:
                return self._decision(rule.action, name, "confirmed", scores, verdict)
        return self._decision(Action.ALLOW, None, "cleared by the guard", scores, verdict)

    def _limit(self, name: str, seconded: bool, streaming: bool) -> float:
        """Return the guard's score that acts: higher in a stream, and where the guard alone suspects this harm."""
        rule = self.policy.categories[name]
        if rule.without_guard == "closed":
            return rule.act_at
        alone = 0.0 if seconded else self.policy.guard_alone_act_at
        return max(rule.act_at, alone, self.policy.stream.act_at if streaming else 0.0)
        # --8<-- [end:cascade]

    async def _scored(self, texts: tuple[str, ...]) -> Mapping[str, float]:
        """Return the small classifier's scores. Raises whatever it raises, TimeoutError, or ValueError for no score."""
        async with asyncio.timeout(self.policy.small_timeout_ms / 1000):
            scores = await self._small.score(texts)
        if not all(0 <= scores.get(name, -1) <= 1 for name in self.policy.categories):
            raise ValueError(f"not a score for each category: {scores}")
        return scores

    # --8<-- [start:alone]
    def _alone(
        self,
        scores: Mapping[str, float],
        flagged: Sequence[str],
        signals: frozenset[str],
        error: GuardUnavailable,
        streaming: bool,
    ) -> Decision:
        """Decide without the guard: after ``outage_s`` closed for all that needs it, for the severe tier at once.

        A disguise may hide the severe tier from the small classifier, so it closes as well.
        """
        rules = self.policy.categories
        why = f"guard {error}"
        for name in flagged:
            if rules[name].without_guard == "closed":
                return self._decision(Action.UNAVAILABLE, name, why, scores)
        if signals - OTHER_LANGUAGE or error.outage_s > self.policy.outage_s:
            return self._decision(Action.UNAVAILABLE, flagged[0] if flagged else None, why, scores)
        for name in flagged:
            limit = max(rules[name].alone_at or 1.0, self.policy.stream.alone_at if streaming else 0.0)
            if scores[name] >= limit:
                return self._decision(rules[name].action, name, f"small alone: {why}", scores)
        return self._decision(Action.ALLOW, None, f"unconfirmed: {why}", scores)
        # --8<-- [end:alone]

    def _decision(
        self,
        action: Action,
        category: str | None = None,
        reason: str = "below every threshold",
        scores: Mapping[str, float] | None = None,
        guard_scores: Mapping[str, float] | None = None,
    ) -> Decision:
        versions = (self.policy.version, self.policy.small, self.policy.guard)
        return Decision(action, category, reason, scores or {}, guard_scores or {}, versions)
