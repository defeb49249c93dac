"""One request: which destinations, in which order, and when to give up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

from examples.circuit_breaker.breaker import Breaker, Rejected
from examples.circuit_breaker.limits import Bulkhead, Full, RetryAfterGate, RetryBudget, TokenQuota
from examples.circuit_breaker.stream import Deadlines, Provider, Request, deadlines, watched
from examples.circuit_breaker.verdict import (
    CallerFault,
    Fault,
    OwnFault,
    ProviderFault,
    SetupFault,
    Throttled,
)

PROBE_PROMPT = 2_000
"""Only shorter prompts probe: they lose 2.5 s if the probe fails, a prompt of 40,000 tokens loses 12."""

EXPECTED_ANSWER = 300
"""Tokens, the mean. The quota is a forecast; the provider's own 429 closes the gate behind it."""


FULL_S = 5.0
"""About as long as an answer takes: sooner, the places are still taken."""

SEND_S = 10.0
"""A client that takes no token for so long is gone, and its place is needed."""


class Unavailable(Exception):
    """No destination could start the answer: 503, with `wait_s` as `Retry-After`, and `x-should-retry: false`."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"no destination for {wait_s:.0f} s")
        self.wait_s = wait_s


class Interrupted(Exception):
    """The answer broke after its first token: the client has part of it, so it gets an error event."""


# --8<-- [start:destination]
@dataclass
class Destination:
    """A provider in one region, with everything that bounds it."""

    provider: Provider
    breaker: Breaker
    bulkhead: Bulkhead
    gate: RetryAfterGate
    quota: TokenQuota | None = None
    longest: int | None = None
    """Tokens of prompt and answer that its context holds; None: all that are allowed here."""
    reserve_above: int = 0
    """Larger requests fit nowhere else: they may use what the quota keeps back."""
    limits: Callable[[float, float], Deadlines] = deadlines
    alert: Callable[[str], None] = field(default=lambda text: None)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[AsyncIterator[str]]:
        """The tokens of one attempt. Refusals that cost nothing come first; a permit is never lost to them."""
        size = request.prompt_tokens + request.max_tokens
        if self.longest is not None and size > self.longest:
            raise Full("context")
        self.gate.check()
        limits = self.limits(request.prompt_tokens, request.max_tokens)
        with (
            self.bulkhead.place(request.klass),
            self.breaker.attempt(may_probe=request.prompt_tokens <= PROBE_PROMPT) as attempt,
        ):
            if self.quota:
                self.quota.take(request.prompt_tokens + EXPECTED_ANSWER, size > self.reserve_above)
            try:
                async with aclosing(watched(self.provider, request, attempt, limits)) as stream:
                    yield stream
            except Throttled as error:
                self.gate.close(error.retry_after_s)
                raise
            except SetupFault as error:
                self.alert(f"{'/'.join(self.breaker.key)}: {error}")
                raise

    # --8<-- [end:destination]


# --8<-- [start:answer]
async def answer(
    request: Request,
    route: Sequence[Destination],
    send: Callable[[str], Awaitable[None]],
    budget: RetryBudget,
    send_s: float = SEND_S,
    rng: Callable[[], float] = random.random,
) -> None:
    """Send the tokens of the first destination that starts. Raises Unavailable, Interrupted or CallerFault.

    A second try at the same provider, its other region included, takes from the budget; after silence there is none.
    TimeoutError says that the client takes no tokens: that is nobody's failure.
    """
    sent, failed, waits = False, dict[str, Fault](), [60.0]
    budget.called()
    for destination in route:
        fault = failed.get(destination.breaker.key[0])
        if fault is Fault.NO_FIRST_TOKEN or (fault and not budget.take()):
            continue
        try:
            async with destination.stream(request) as tokens:
                async for token in tokens:
                    sent = True
                    async with asyncio.timeout(send_s):
                        await send(token)
            return
        except (Rejected, Full, Throttled, ProviderFault, OwnFault, CallerFault) as error:
            if sent:
                raise Interrupted(str(error)) from error
            if isinstance(error, CallerFault) and not isinstance(error, SetupFault):
                raise  # it would fail anywhere
            if isinstance(error, ProviderFault):
                failed[destination.breaker.key[0]] = error.fault
            waits.append(max(1.0, wait_of(error)))
    raise Unavailable(min(waits) * (1 + rng() / 2))  # or all that were refused come back together


# --8<-- [end:answer]


def wait_of(error: Exception) -> float:
    """Seconds until a destination that refused may be asked again, as far as it said."""
    if isinstance(error, Rejected):
        return error.wait_s
    if isinstance(error, Full):
        return FULL_S
    return (error.retry_after_s or 0.0) if isinstance(error, Throttled) else 0.0


# --8<-- [start:route]
def route(request: Request, a: Sequence[Destination], b: Destination, pool: Destination) -> list[Destination]:
    """Where a request may go; `a` begins with the region whose turn it is.

    Short prompts go to the pool before B, whose tokens the long ones need.
    """
    fits = pool.longest is None or request.prompt_tokens + request.max_tokens <= pool.longest
    if request.klass == "free":
        return [*a, pool] if fits else [*a]  # the pool takes free requests only while it has room
    return [*a, pool, b] if fits else [*a, b]


# --8<-- [end:route]
