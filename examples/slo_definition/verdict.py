"""A finished request -> good, bad or not counted, for each promise that applies to it.

Decided by the gateway when the request is over, however it ended, since only then is the last promise kept or broken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple


class Verdict(StrEnum):
    """Good and bad events are valid: the ratio is good / (good + bad)."""

    GOOD = "good"
    BAD = "bad"
    INVALID = "invalid"


class Judgement(NamedTuple):
    """A verdict and, in a word, why; the word is for the breakdown and never part of the ratio."""

    verdict: Verdict
    reason: str


SHORT_PROMPT = 2_000
FIRST_TOKEN_S = {"short": 1.0, "long": 2.5}
TPOT_S = 0.050
GAP_S = 5.0
DEADLINE_S = 50.0
PACE_TOKENS = 20
"""Below it one late token decides the mean, so the stream is not judged for its pace."""

HUNG_UP = 499
"""Logged where the client left before the end; nobody is ever sent it."""

FINISHED = frozenset({"stop", "length", "tool_calls", "function_call", "content_filter"})
"""Finish reasons of the chat completions format that mean that the model ended as it was told to."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What the gateway knows of a request that is over. Times are seconds since the request was received whole.

    ``first_token_s`` is the first token that the client can use: text, or a part of a tool call. A chunk with only a
    role, a comment that keeps the connection open, or hidden reasoning is none. Token times are those of arrival at the gateway, so that a client
    that reads slowly does not count as a slow engine.
    """

    streamed: bool
    prompt_tokens: int
    ended_s: float
    status: int | None = 200
    """None where nothing was sent, as when the client leaves first."""
    refused_for: Literal["quota", "request", "capacity"] | None = None
    """Why it was refused: over quota, not a request we accept (form, size, access, content), or no room.

    The gateway's own decision, or an error code of the provider on a short list, such as a filtered prompt.
    None for every other refusal by an engine or the provider. Never guessed from the status.
    """
    closed_by_client: bool = False
    error_event: bool = False
    finish_reason: str | None = None
    output_tokens: int = 0
    first_token_s: float | None = None
    last_token_s: float | None = None
    longest_gap_s: float = 0.0

    def __post_init__(self) -> None:
        times = [self.ended_s, self.longest_gap_s, self.first_token_s or 0.0, self.last_token_s or 0.0]
        if not all(math.isfinite(time) and time >= 0 for time in times):
            raise ValueError(f"times are finite and not negative, here: {times}; check the gateway's clock")
        if self.prompt_tokens < 0 or self.output_tokens < 0:
            raise ValueError(f"negative token count: {self.prompt_tokens} in, {self.output_tokens} out")
        if (self.first_token_s is None) != (self.last_token_s is None):
            raise ValueError("first_token_s and last_token_s come together")
        if self.first_token_s is not None and self.last_token_s is not None:
            if not self.first_token_s <= self.last_token_s <= self.ended_s:
                raise ValueError("the order is first token, last token, end; use one monotonic clock for all")
            if self.output_tokens < 1:
                raise ValueError(
                    "a first token without output tokens: count what was sent, not the usage field"
                )

    @property
    def kind(self) -> str:
        """The class of workload, fixed at admission by what was asked for."""
        if not self.streamed:
            return "unstreamed"
        return "short" if self.prompt_tokens <= SHORT_PROMPT else "long"

    @property
    def tpot_s(self) -> float:
        """Mean seconds per output token after the first."""
        if self.first_token_s is None or self.last_token_s is None or self.output_tokens < 2:
            return 0.0
        return (self.last_token_s - self.first_token_s) / (self.output_tokens - 1)

    @property
    def silence_s(self) -> float:
        """Longest wait between two tokens, or between the last one and the end: a stream may stall and never resume."""
        if self.last_token_s is None:
            return self.longest_gap_s
        return max(self.longest_gap_s, self.ended_s - self.last_token_s)


# --8<-- [start:served]
def served(end: Ending) -> Judgement:
    """Did the client get a whole answer, as far as it was willing to wait?"""
    status = end.status or 0
    if 400 <= status < 500 and status != HUNG_UP:
        if end.refused_for == "quota":
            return Judgement(Verdict.INVALID, "over_quota")
        if end.refused_for == "request":
            return Judgement(Verdict.INVALID, "client_error")
        full = end.refused_for == "capacity" or status == 429  # also when nobody said why
        return Judgement(Verdict.BAD, "no_capacity" if full else "refused_upstream")
    if status >= 500:
        return Judgement(Verdict.BAD, "server_error")
    if end.error_event:
        return Judgement(Verdict.BAD, "error_event")
    if end.finish_reason in FINISHED:
        if end.output_tokens == 0 and end.finish_reason != "content_filter":
            return Judgement(Verdict.BAD, "empty")
        return Judgement(Verdict.GOOD, "whole")
    if end.closed_by_client or status == HUNG_UP:
        return left(end)
    if end.status is None:
        return Judgement(Verdict.BAD, "no_response")
    # Status 200 and no error, yet no finish reason either, or one like "abort".
    return Judgement(Verdict.BAD, "cut_off")


def left(end: Ending) -> Judgement:
    """The client hung up: our failure only if a promise was broken by then."""
    if not end.streamed:
        late = end.ended_s > DEADLINE_S
    elif end.last_token_s is None:
        late = end.ended_s > FIRST_TOKEN_S[end.kind]
    else:
        late = end.silence_s > GAP_S
    if late:
        return Judgement(Verdict.BAD, "left_waiting")
    if end.last_token_s is None:
        return Judgement(Verdict.INVALID, "left_early")
    return Judgement(Verdict.GOOD, "left_reading")
    # --8<-- [end:served]


# --8<-- [start:promises]
def promises(end: Ending) -> dict[str, Judgement]:
    """Verdict for each promise that applies; pace only from PACE_TOKENS on.

    A request that was never served is late as well: were it missing from the
    latency ratio, shedding load would improve it.
    """
    whole = served(end)
    verdicts = {"served": whole}
    if whole.verdict is Verdict.INVALID:
        return verdicts

    def judge(kept: bool, reason: str) -> Judgement:
        if kept:
            return Judgement(Verdict.GOOD, "kept")
        return Judgement(Verdict.BAD, reason)

    if not end.streamed:
        in_time = whole.verdict is Verdict.GOOD and end.ended_s <= DEADLINE_S
        return verdicts | {"deadline": judge(in_time, "late")}
    first = end.first_token_s
    if first is None and whole.verdict is Verdict.GOOD:
        first = end.ended_s  # withheld whole by the filter: the end is all there was to see
    in_time = first is not None and first <= FIRST_TOKEN_S[end.kind]
    verdicts["first_token"] = judge(in_time, "late")
    if end.output_tokens >= PACE_TOKENS:
        if end.silence_s > GAP_S:
            verdicts["pace"] = Judgement(Verdict.BAD, "stalled")
        else:
            verdicts["pace"] = judge(end.tpot_s <= TPOT_S, "slow")
    return verdicts
    # --8<-- [end:promises]
