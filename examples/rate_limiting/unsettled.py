"""Settles that must not get lost: shielded from a hang-up, and repeated while the store is away."""

from __future__ import annotations

import asyncio
import random
from collections import deque

from examples.rate_limiting.decision import Reservation, Settlement
from examples.rate_limiting.limiter import CIRCUIT_OPEN, AsyncRateLimiter


class Unsettled:
    """One gateway's settles. A failed one is repeated by its id, so twice does no harm, until its hold's deadline.

    The queue is bounded. At 25 settles a second (500 over 20 gateways) ``size`` lasts for longer than a hold.
    ``lost`` counts what the store was never told, and charges in full: a number to alert on.
    """

    def __init__(
        self,
        limiter: AsyncRateLimiter,
        size: int = 20_000,
        pause_s: float = 1.0,
    ) -> None:
        self._limiter, self._size, self._pause_s = limiter, size, pause_s
        self._queue: deque[tuple[Reservation, int]] = deque()
        # The event loop keeps weak references only: without this, a task may be collected while it runs.
        self._running: set[asyncio.Task[Settlement]] = set()
        self._repeating: asyncio.Task[None] | None = None
        self.lost = 0

    @property
    def queued(self) -> int:
        return len(self._queue)

    def settle(self, claim: Reservation, actual: int) -> asyncio.Task[Settlement]:
        """Start to settle. Shield the task when waiting for it; it goes on if nobody does."""
        task = asyncio.create_task(self._settle(claim, actual))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def aclose(self) -> None:
        """Wait for what runs, then give up what is queued: for the shutdown, after the last stream."""
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._repeating:
            self._repeating.cancel()
            await asyncio.gather(self._repeating, return_exceptions=True)
        self._lose(len(self._queue))
        self._queue.clear()

    def _lose(self, settles: int) -> None:
        self.lost += settles
        self._limiter.metrics.add("ratelimit_holds_lost_total", settles)

    async def _settle(self, claim: Reservation, actual: int) -> Settlement:
        done = await self._limiter.settle(claim, actual)
        if done.store_error and len(self._queue) >= self._size:
            self._lose(1)
        elif done.store_error:
            self._queue.append((claim, actual))
            if self._repeating is None or self._repeating.done():
                self._repeating = asyncio.create_task(self._repeat())
        return done

    async def _repeat(self) -> None:
        while self._queue:
            # Jitter: the gateways have lost the store at the same time, and must not return at the same time.
            await asyncio.sleep(self._pause_s * random.uniform(0.5, 1.5))
            for _ in range(len(self._queue)):
                claim, actual = self._queue[0]
                if self._limiter.clock_us() >= claim.deadline_us:
                    self._lose(1)
                else:
                    error = (await self._limiter.settle(claim, actual)).store_error
                    if error == CIRCUIT_OPEN:
                        break
                    if error:
                        self._queue.append((claim, actual))
                self._queue.popleft()
