"""How one stream went, as the gateway saw it, and whether it was good. No library of any telemetry tool in here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from examples.observability_stack.setting import PATIENCE_S, SHORT_PROMPT, TPOT_LIMIT_S, TTFT_LIMIT_S

FINISHED = frozenset({"stop", "length", "tool_calls", "content_filter"})
"""Finish reasons with which an answer is whole. None, "error" and "abort" are not among them."""

STALL_S = 10.0
"""Silence of the engine after which a client that leaves has been failed, not changed its mind."""


class By(StrEnum):
    """Whose side ended the stream first. A gateway that restarts cancels streams exactly as a client does."""

    CLIENT = "client"
    ENGINE = "engine"
    GATEWAY = "gateway"


class Outcome(StrEnum):
    COMPLETE = "complete"
    BROKEN = "broken"
    CLIENT_GONE = "client_gone"


# --8<-- [start:outcome]
def judge(finish: str | None, ended_by: By, silent_s: float) -> Outcome:
    """The verdict on a stream whose status, 200, left long ago.

    `silent_s`: how long the engine had kept the gateway waiting.
    """
    if finish in FINISHED:
        return Outcome.COMPLETE
    if ended_by is By.CLIENT and silent_s < STALL_S:
        return Outcome.CLIENT_GONE
    return Outcome.BROKEN


# --8<-- [end:outcome]


class Watch:
    """Times one stream. Only time spent waiting for the engine counts, or a slow reader looks like a slow model."""

    def __init__(self, clock: Callable[[], float], arrived: float) -> None:
        """`clock` gives monotonic seconds; `arrived` is its reading when the request's first byte came."""
        self._clock = clock
        self._started = arrived
        self._asked: float | None = None
        self._waited = 0.0
        self._first_tokens = 0
        self.tokens = 0
        self.ttft_s: float | None = None
        self.decode_s = 0.0
        self.longest_gap_s = 0.0

    def ask(self) -> None:
        """The gateway begins to wait for the engine's next chunk."""
        self._asked = self._clock()

    def got(self, tokens: int) -> None:
        """A chunk came, with so many tokens: 0 for a role, a keep-alive or the final usage, none of which a user reads."""
        now = self._clock()
        self._waited += now - (self._asked if self._asked is not None else now)
        self._asked = None
        if tokens == 0:
            return
        if self.ttft_s is None:
            self.ttft_s = now - self._started
            self._first_tokens = tokens
        else:
            self.decode_s += self._waited
            self.longest_gap_s = max(self.longest_gap_s, self._waited)
        self.tokens += tokens
        self._waited = 0.0

    def silent_s(self) -> float:
        """Seconds for which the engine has now kept the gateway waiting for a token."""
        return self._waited + (self._clock() - self._asked if self._asked is not None else 0.0)

    def duration_s(self) -> float:
        return self._clock() - self._started

    def tpot_s(self) -> float | None:
        """Mean seconds per token after the first chunk; None where nothing came after it."""
        later = self.tokens - self._first_tokens
        return self.decode_s / later if later else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the gateway knows beforehand. The prompt's text is deliberately not among it."""

    tenant: str
    model: str
    version: str
    replica: str
    input_tokens: int


PROMISES = ("complete", "ttft", "ttft_5s", "tpot")


# --8<-- [start:record]
@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """One row per stream, however it ends. Nothing in it is text of a user."""

    trace_id: str
    region: str
    tenant: str
    model: str
    version: str  # hash of engine, weights and chat template
    replica: str  # the engine that answered
    input_tokens: int
    output_tokens: int
    outcome: Outcome
    ended_by: By
    finish_reason: str  # "none" if the engine never gave one
    ttft_s: float | None  # None: no token came
    tpot_s: float | None  # None: one chunk or less came
    longest_gap_s: float
    duration_s: float

    def waited_s(self) -> float:
        """For the first token, or in vain if none came."""
        return self.duration_s if self.ttft_s is None else self.ttft_s

    def promises(self) -> dict[str, bool]:
        """Promise -> whether it was kept, for those that apply."""
        kept = {}
        if self.outcome is not Outcome.CLIENT_GONE:
            kept["complete"] = self.outcome is Outcome.COMPLETE
        if self.input_tokens < SHORT_PROMPT:
            for name, limit in (("ttft", TTFT_LIMIT_S), ("ttft_5s", PATIENCE_S)):
                # Without a token, a limit that has passed is missed for certain.
                if self.ttft_s is not None or self.waited_s() > limit:
                    kept[name] = self.waited_s() <= limit
        if self.tpot_s is not None:
            kept["tpot"] = self.tpot_s <= TPOT_LIMIT_S
        return kept


# --8<-- [end:record]
