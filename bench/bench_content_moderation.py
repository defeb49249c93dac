"""What moderation costs a stream and a prompt, relative to passing both through.

The guard answers at once here: its time is a machine's, not the code's.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from examples.content_moderation import policy, small
from examples.content_moderation.cascade import Decision, Moderator
from examples.content_moderation.guard import Guard
from examples.content_moderation.policy import Action
from examples.content_moderation.stream import Moderated

POLICY = policy.load(policy.FILE.read_text(encoding="utf-8"))
TOKENS = ["so ", "you ", "can ", "do ", "this ", "in ", "the ", "morning "] * 50
PROMPT = "how do i write a short letter to my landlord about the flat and the lantern in the hall"


async def _tokens():
    for token in TOKENS:
        await asyncio.sleep(0)
        yield [token]


async def _guard(prompt, answer):
    return dict.fromkeys(POLICY.categories, 0.01)


class _InProcess:
    """The small classifier without the way to another process, which is the machine's."""

    version = small.VERSION

    async def score(self, texts):
        return small.load().score(texts)


def _moderator():
    return Moderator(
        POLICY, _InProcess(), Guard(_guard, POLICY.guard, POLICY.categories, 0.4, 10, time.monotonic), {}
    )


async def _allow():
    return Decision(Action.ALLOW)


@pytest.mark.benchmark(group="content-moderation")
def bench_nothing(benchmark):
    async def whole():
        return "".join([token async for chunk in _tokens() for token in chunk])

    assert len(benchmark(lambda: asyncio.run(whole()))) == len("".join(TOKENS))


@pytest.mark.benchmark(group="content-moderation")
def bench_window_alone(benchmark):
    async def passes(text, span, first):
        return Decision(Action.ALLOW)

    async def whole():
        return [event async for event in Moderated(_tokens(), _allow, passes, POLICY.stream).events()]

    assert benchmark(lambda: asyncio.run(whole()))


@pytest.mark.benchmark(group="content-moderation")
def bench_window_and_classifier(benchmark):
    moderator = _moderator()

    async def check(text, span, first):
        return await moderator.answer([PROMPT], text, span, first)

    async def whole():
        return [event async for event in Moderated(_tokens(), _allow, check, POLICY.stream).events()]

    assert benchmark(lambda: asyncio.run(whole()))


@pytest.mark.benchmark(group="content-moderation, prompts")
def bench_nothing_prompt(benchmark):
    async def through(turns):
        return turns[-1]

    assert benchmark(lambda: asyncio.run(through([PROMPT])))


@pytest.mark.benchmark(group="content-moderation, prompts")
def bench_prompt_cascade(benchmark):
    moderator = _moderator()
    assert benchmark(lambda: asyncio.run(moderator.prompt([PROMPT]))).action is Action.ALLOW
