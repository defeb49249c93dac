"""Where the limiter meets a stream: settle once, however the stream ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from examples.rate_limiting.decision import Reservation
from examples.rate_limiting.limiter import AsyncRateLimiter


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the stream, with what the engine has counted so far."""

    text: str
    prompt_tokens: int
    output_tokens: int


# --8<-- [start:metered]
async def metered(
    limiter: AsyncRateLimiter, claim: Reservation, chunks: AsyncGenerator[Chunk, None]
) -> AsyncGenerator[Chunk, None]:
    """Pass the engine's stream through, and settle it: finished, failed, or hung up on.

    A request that fails before its first chunk settles at 0. A user who hangs up pays for what was generated.
    """
    used = 0
    try:
        async with aclosing(chunks):  # a hang-up has to stop the engine as well
            async for chunk in chunks:
                used = chunk.prompt_tokens + chunk.output_tokens
                yield chunk
    finally:
        await asyncio.shield(limiter.settle(claim, used))


# --8<-- [end:metered]
