"""Passes an engine's stream on to the client, and closes the books on it however it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from examples.observability_stack.setting import SILENCE_S
from examples.observability_stack.signals import Signals
from examples.observability_stack.stream import By, Request, Watch, judge

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One message of the engine's stream."""

    text: str
    tokens: int
    finish_reason: str | None = None


class Gateway:
    """One gateway pod. `draining` says whether it is being shut down."""

    def __init__(
        self,
        signals: Signals,
        *,
        clock: Callable[[], float],
        wall_ns: Callable[[], int],
        draining: Callable[[], bool],
        silence_s: float = SILENCE_S,
    ) -> None:
        self._signals, self._clock, self._wall_ns, self._draining = signals, clock, wall_ns, draining
        self._silence_s = silence_s

    # --8<-- [start:relay]
    async def relay(
        self, request: Request, chunks: AsyncGenerator[Chunk, None], arrived: float
    ) -> AsyncGenerator[str, None]:
        """Yield the answer's text. Raises what the engine raises, and TimeoutError for one that says nothing for too
        long, after the record is written. What fails in telemetry is logged, and not the client's concern.

        `arrived` is the clock's reading when the request came: moderation and routing count for its TTFT.
        """
        watch = Watch(self._clock, arrived)
        started_ns = self._wall_ns() - round((self._clock() - arrived) * 1e9)
        span = self._signals.open(request, started_ns)
        finish: str | None = None
        ended_by = By.ENGINE
        try:
            while True:
                watch.ask()
                async with asyncio.timeout(self._silence_s):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    break
                watch.got(chunk.tokens)
                finish = chunk.finish_reason or finish
                yield chunk.text
        except (GeneratorExit, asyncio.CancelledError):
            ended_by = By.GATEWAY if self._draining() else By.CLIENT
            raise
        finally:
            outcome = judge(finish, ended_by, watch.silent_s())
            try:
                record = self._signals.record(
                    span, request, watch, outcome=outcome, ended_by=ended_by, finish_reason=finish or "none"
                )
                self._signals.close(span, record, started_ns)
            except Exception as error:  # its type only: a message can quote the prompt
                LOG.error("closing record lost: %s", type(error).__name__)
            finally:
                await chunks.aclose()  # whoever left, the engine stops generating

    # --8<-- [end:relay]
