"""The small classifier in processes of its own: 12 ms of a core for each text would stall every stream of an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor

from examples.content_moderation.small import load


def score(text: str) -> Mapping[str, float]:
    """Return the shipped classifier's scores, in whichever process this is called; it is loaded once in each."""
    return load().score([text])


class Workers:
    """A ``Scorer`` on an executor, which the caller owns and shuts down."""

    def __init__(self, executor: Executor) -> None:
        self.version = load().version
        self._executor = executor

    async def score(self, texts: Sequence[str]) -> Mapping[str, float]:
        """Return the highest scores of the texts, which are scored side by side: a prompt of two takes no longer than one.

        A caller that gives up takes what is still queued out of the queue.
        """
        loop = asyncio.get_running_loop()
        made = await asyncio.gather(*(loop.run_in_executor(self._executor, score, text) for text in texts))
        return {name: max(one[name] for one in made) for name in made[0]}
