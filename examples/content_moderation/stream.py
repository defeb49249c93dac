"""An answer that is checked while it streams: shown at once, but never far ahead of what has passed.

The first token waits for the prompt's decision only. From there the screen may be ``window`` tokens ahead of the last
passed check; if a check is late, the text pauses there. Tokens are counted, not chunks: an engine may send fifty at
once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from examples.content_moderation.cascade import Decision, Moderator
from examples.content_moderation.policy import Action, Stream

Tokens = AsyncGenerator[Sequence[str], None]
"""An engine's answer in chunks of any size; closing it stops the engine and frees its KV cache."""


@dataclass(frozen=True)
class Show:
    """Tokens for the screen."""

    text: str
    tokens: int


@dataclass(frozen=True)
class End:
    """The answer is complete, and every token of it has passed."""

    tokens: int


@dataclass(frozen=True)
class Stop:
    """No more of this answer. What is ``shown`` is withdrawn by the client and kept out of the conversation."""

    decision: Decision
    shown: int
    by: str
    """``prompt`` or ``answer``: which check stopped it."""


@dataclass(frozen=True)
class Resources:
    """The client shows where to find help, and the answer follows."""

    decision: Decision


Event = Show | End | Stop | Resources


class Moderated:
    """One answer on its way. Belongs to one task; read it once."""

    # --8<-- [start:moderated]
    def __init__(
        self,
        tokens: Tokens,
        prompt: Callable[[], Awaitable[Decision]],
        check: Callable[[str, str, bool], Awaitable[Decision]],
        limits: Stream,
    ) -> None:
        self._tokens, self._prompt, self._check, self._limits = tokens, prompt, check, limits
        self._got: list[str] = []
        self._complete = False
        self._stop: tuple[Decision, str] | None = None
        self._may_start = False
        self.passed = self.shown = 0
        self._arrived, self._news = asyncio.Event(), asyncio.Event()

    async def _read(self) -> None:
        async for chunk in self._tokens:
            self._got.extend(chunk)
            self._arrived.set()
            self._news.set()
        self._complete = True
        self._arrived.set()

    async def _judge(self) -> None:
        decision, by = await self._prompt(), "prompt"
        self._may_start = decision.action is Action.ALLOW
        while decision.action is Action.ALLOW:
            self._news.set()
            upto = len(self._got)
            if upto - self.passed >= (1 if self._complete else self._limits.check_every):
                start = max(0, self.passed - (self._limits.span - self._limits.check_every))
                text, span = "".join(self._got[:upto]), "".join(self._got[start:upto])
                decision, by = await self._check(text, span, self.passed == 0), "answer"
                self.passed = upto if decision.action is Action.ALLOW else self.passed
            elif self._complete:
                return
            else:
                self._arrived.clear()
                await self._arrived.wait()
        self._stop = decision, by
        # --8<-- [end:moderated]

    # --8<-- [start:events]
    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield what the client gets. However it ends, engine and checks have ended before. Raises what they raise."""
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._judge())]
        for task in tasks:
            task.add_done_callback(lambda _: self._news.set())
        try:
            while True:
                self._news.clear()
                if self._stop:
                    yield Stop(self._stop[0], self.shown, self._stop[1])
                    return
                for task in tasks:
                    if task.done():
                        task.result()
                may_show = min(len(self._got), self.passed + self._limits.window) if self._may_start else 0
                if may_show > self.shown:
                    before, self.shown = self.shown, may_show
                    yield Show("".join(self._got[before:may_show]), may_show - before)
                elif all(task.done() for task in tasks):
                    yield End(self.shown)
                    return
                else:
                    await self._news.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._tokens.aclose()
            # --8<-- [end:events]


async def serve(
    turns: Sequence[str], engine: Callable[[bool], Tokens], moderator: Moderator
) -> AsyncGenerator[Event, None]:
    """Yield the whole answer to a conversation. ``engine(True)`` answers with the instruction for a crisis.

    Generation is begun before the prompt is decided, so nothing in it may act: tool calls wait for the decision.
    """

    async def allowed() -> Decision:
        return Decision(Action.ALLOW)

    limits, check = moderator.policy.stream, partial(moderator.answer, turns)
    first = Moderated(engine(False), partial(moderator.prompt, turns), check, limits)
    async with aclosing(first.events()) as events:
        async for event in events:
            if isinstance(event, Stop) and event.by == "prompt" and event.decision.action is Action.RESOURCES:
                yield Resources(event.decision)
                break
            yield event
        else:
            return
    async with aclosing(Moderated(engine(True), allowed, check, limits).events()) as events:
        async for event in events:
            yield event
