"""The small classifier in processes of its own: 12 ms of a core for each text would stall every stream of an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor

from examples.content_moderation.small import load


def score(texts: Sequence[str]) -> Mapping[str, float]:
    """Return the shipped classifier's scores, in whichever process this is called; it is loaded once in each."""
    return load().score(texts)


class Workers:
    """A ``Scorer`` on an executor, which the caller owns and shuts down."""

    def __init__(self, executor: Executor) -> None:
        self.version = load().version
        self._executor = executor

    async def score(self, texts: Sequence[str]) -> Mapping[str, float]:
        """Return the scores. A caller that gives up while the call is still queued takes it out of the queue."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, score, tuple(texts))
