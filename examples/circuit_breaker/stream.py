"""Deadlines by prompt length, and the watch over one stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from examples.circuit_breaker.breaker import Attempt
from examples.circuit_breaker.verdict import Fault, OwnFault, ProviderFault


@dataclass(frozen=True, slots=True)
class Request:
    """What the gateway knows before it calls anybody."""

    prompt_tokens: int
    max_tokens: int
    klass: str
    """`paid` or `free`."""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing heard from a provider. A ping has neither token nor finish reason."""

    token: str = ""
    finish_reason: str = ""


class Provider(Protocol):
    """Connects when first asked for an event. Raises what verdict.py says, and stops at the end of the stream."""

    def __call__(self, request: Request) -> AsyncGenerator[Event, None]: ...


# --8<-- [start:deadlines]
@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds: to the first token, to call it slow, between two tokens, and for everything."""

    first_s: float
    slow_s: float
    gap_s: float
    total_s: float
    late_s: float = 0.25  # a deadline that fires later than that says that our own event loop was blocked


def deadlines(prompt_tokens: float, max_tokens: float) -> Deadlines:
    """2 s and a second for every 4,000 prompt tokens; the total allows a third of the usual 60 tokens/s."""
    first_s = 2 + prompt_tokens / 4_000
    return Deadlines(first_s, first_s / 2, gap_s=3.0, total_s=first_s + max_tokens / 20)


# --8<-- [end:deadlines]


# --8<-- [start:watch]
async def watched(
    provider: Provider, request: Request, attempt: Attempt, limits: Deadlines
) -> AsyncGenerator[str, None]:
    """The tokens of one stream. Raises ProviderFault when it does not start, stalls, trickles or breaks, OwnFault when
    this process was blocked.
    """
    now = asyncio.get_running_loop().time
    attempt.slow_s = limits.slow_s
    begun = now()
    total = begun + limits.total_s
    due, missing = begun + limits.first_s, Fault.NO_FIRST_TOKEN
    async with aclosing(provider(request)) as events:
        while True:
            limit = asyncio.timeout_at(due)  # connecting and headers count, pings do not prolong it
            try:
                async with limit:
                    event = await anext(events, None)
            except TimeoutError:
                if not limit.expired():
                    raise
                if now() > due + limits.late_s:
                    raise OwnFault("blocked") from None
                raise ProviderFault(missing) from None
            if event is None:
                raise ProviderFault(Fault.BROKEN, "no finish reason")
            if event.token and not attempt.has_started:
                attempt.started()
            if event.finish_reason:
                attempt.finished()  # `content_filter` too: the provider did its work
            if event.token:
                handed = now()
                yield event.token
                total += now() - handed  # the time of a client that reads slowly is not the provider's
                due, missing = now() + limits.gap_s, Fault.STALL
                if due >= total:
                    due, missing = total, Fault.TOO_SLOW
            if event.finish_reason:
                return


# --8<-- [end:watch]
