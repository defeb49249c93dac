"""Where the limiter meets a stream: ask before it, settle once after it, however it ends.

decision = await admit(limiter, unsettled, user, tier, prompt_tokens + max_tokens)
if not decision.allowed:
    return refuse(decision)
async with metered(unsettled, decision.reservation, prompt_tokens, chunks) as usage:
    async for chunk in chunks:
        usage.saw(chunk)
        await send(chunk.text)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from examples.rate_limiting.decision import Decision, Organization, Reservation
from examples.rate_limiting.limiter import AsyncRateLimiter
from examples.rate_limiting.tiers import MOST
from examples.rate_limiting.unsettled import Unsettled


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the stream, with what the engine has counted so far."""

    text: str
    prompt_tokens: int
    output_tokens: int


class Usage:
    """What a stream has used so far: its prompt, until a chunk says more."""

    def __init__(self, prompt_tokens: int) -> None:
        self.tokens, self.begun = prompt_tokens, False

    def saw(self, chunk: Chunk) -> None:
        """Note a chunk's counts. Call it before the chunk is sent: a broken connection is no failed engine."""
        self.tokens, self.begun = chunk.prompt_tokens + chunk.output_tokens, True


async def admit(
    limiter: AsyncRateLimiter,
    unsettled: Unsettled,
    user: str,
    tier: str,
    tokens: int,
    organization: Organization | None = None,
) -> Decision:
    """Reserve. What the store may have counted for a request that is not served is settled at 0."""
    asking = asyncio.ensure_future(limiter.reserve(user, tier, tokens, organization=organization))

    def release(done: asyncio.Future[Decision]) -> None:
        if not done.cancelled() and not done.exception() and (claim := done.result().reservation):
            unsettled.settle(claim, 0)

    try:
        decision = await asyncio.shield(asking)
    except asyncio.CancelledError:  # hung up; the answer comes within the timeout
        asking.add_done_callback(release)
        raise
    if not decision.allowed:
        release(asking)
    return decision


# --8<-- [start:metered]
@asynccontextmanager
async def metered(
    unsettled: Unsettled, claim: Reservation | None, prompt_tokens: int, chunks: AsyncGenerator[Chunk, None]
) -> AsyncIterator[Usage]:
    """Settle a stream however it ends, after stopping the engine. Enter it right after the reserve.

    A request that fails before its first chunk costs 0. One that is hung up on before it costs its prompt, as
    prefill may have run; later, the prompt and what was generated.
    """
    usage, failed = Usage(prompt_tokens), False
    try:
        async with aclosing(chunks):  # a hang-up has to stop the engine as well
            try:
                yield usage
            except Exception:  # the engine's; raise CancelledError where a send fails: that is a hang-up
                failed = not usage.begun
                raise
    finally:
        if claim:
            actual = 0 if failed else min(usage.tokens, MOST)
            await asyncio.shield(unsettled.settle(claim, actual))  # goes on if this, too, is cancelled


# --8<-- [end:metered]
