"""Around a stream: settled once however it ends, and, while the store is away, when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
import redis

from examples.rate_limiting import script
from examples.rate_limiting.decision import Outcome, Reservation, Settlement
from examples.rate_limiting.gateway import Chunk, Usage, admit, metered
from examples.rate_limiting.limiter import CIRCUIT_OPEN, AsyncRateLimiter, Settings, connect_async
from examples.rate_limiting.metrics import Metrics
from examples.rate_limiting.tiers import MOST, TIERS, UNIT, Limit, Tier, WhenStoreFails
from examples.rate_limiting.unsettled import Unsettled
from tests.examples.helpers import PATIENT_S, Clock, Proxy, new_user, saved

SLOW = Tier("slow", Limit(1, 10), Limit(1, 10_000), WhenStoreFails.DENY)
"""A token a minute: what a test uses is still there when it looks."""


def patient(**changed: Any) -> Settings:
    fixed = {"gateways": 20, "timeout_s": PATIENT_S, "settle_timeout_s": PATIENT_S}
    return Settings(**{**fixed, "tiers": {**TIERS, "slow": SLOW}, **changed})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENT_S):
        while not condition():
            await asyncio.sleep(0.005)


class Ledger:
    """A store that answers as told: one entry of ``errors`` a call, the last one for good."""

    def __init__(self, *errors: str | None) -> None:
        self.errors, self.now = list(errors) or [None], 0
        self.metrics = Metrics()
        self.calls: list[tuple[str, int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def clock_us(self) -> int:
        return self.now

    async def settle(self, claim: Reservation, actual: int) -> Settlement:
        self.calls.append((claim.id, actual))
        await self.gate.wait()
        error = self.errors.pop(0) if len(self.errors) > 1 else self.errors[0]
        return Settlement(error is None, store_error=error)


def unsettled(ledger: Ledger, **changed: Any) -> Unsettled:
    return Unsettled(ledger, **{"pause_s": 0.001, **changed})  # type: ignore[arg-type]


def claim(name: str = "r", deadline_us: int = 1_000) -> Reservation:
    return Reservation("someone", SLOW, name, 5_000, deadline_us)


# Every ending of a stream --------------------------------------------------------------------------------------


class Engine:
    """Three chunks on a prompt of 1,000; fails before or after the first, or waits forever there."""

    def __init__(self, fails_at: int | None = None, waits_at: int | None = None) -> None:
        self._fails_at, self._waits_at = fails_at, waits_at
        self.log: list[str] = []

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        try:
            for number in range(3):
                if number == self._fails_at:
                    raise RuntimeError("no GPU")
                if number == self._waits_at:
                    self.log.append("waiting")
                    await asyncio.Event().wait()
                yield Chunk("text", 1_000, 10 * number + 10)
        finally:
            self.log.append("stopped")


async def stream(waiting: Unsettled, one: Reservation | None, engine: Engine, take: int = 3) -> None:
    """Handle a request; a client takes ``take`` chunks and is gone."""
    chunks = engine.chunks()
    async with metered(waiting, one, 900, chunks) as usage:
        if not take:
            return
        async for chunk in chunks:
            usage.saw(chunk)
            take -= 1
            if not take:
                return


@pytest.mark.parametrize(
    ("engine", "take", "used"),
    [
        (Engine(), 9, 1_030),  # finished
        (Engine(), 2, 1_020),  # left after the second chunk
        (Engine(), 0, 900),  # never streamed: the prompt, as estimated
        (Engine(fails_at=0), 9, 0),
        (Engine(fails_at=1), 9, 1_010),
        (Engine(waits_at=0), 9, 900),  # hung up during prefill
        (Engine(waits_at=2), 9, 1_020),  # hung up later
    ],
)
def test_a_stream_is_settled_however_it_ends(
    store: redis.Redis, store_url: str, engine: Engine, take: int, used: int
) -> None:
    user = new_user()

    async def run() -> None:
        async with connect_async(store_url, PATIENT_S) as client:
            limiter = AsyncRateLimiter(client, patient())
            waiting = Unsettled(limiter)
            decision = await admit(limiter, waiting, user, "slow", 5_000)
            task = asyncio.create_task(stream(waiting, decision.reservation, engine, take))
            if engine._waits_at is not None:
                await until(lambda: "waiting" in engine.log)
                task.cancel()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            if engine._waits_at is not None:
                assert isinstance(outcome, asyncio.CancelledError)
            elif engine._fails_at is not None:
                assert isinstance(outcome, RuntimeError)
            else:
                assert outcome is None

    asyncio.run(run())
    assert "stopped" in engine.log or not take  # a generator that never ran has nothing to stop
    state = saved(store, user)
    assert state is not None
    assert state.held == 0
    assert used * UNIT - 5 * 60_000_000 <= state.used <= used * UNIT  # a token a minute drains


def test_a_handler_that_is_a_generator_is_hung_up_on_by_closing_it() -> None:
    ledger = Ledger()

    async def run() -> None:
        async def handler() -> AsyncGenerator[str, None]:
            chunks = Engine().chunks()
            async with metered(unsettled(ledger), claim(), 900, chunks) as usage:
                yield "headers"
                async for chunk in chunks:
                    usage.saw(chunk)
                    yield chunk.text

        body = handler()
        assert await anext(body) == "headers"
        await body.aclose()  # GeneratorExit, before the first chunk

    asyncio.run(run())
    assert ledger.calls == [("r", 900)]


def test_the_engine_is_stopped_before_the_settle() -> None:
    engine, ledger = Engine(), Ledger()

    async def run() -> None:
        ledger.gate.clear()
        task = asyncio.create_task(stream(unsettled(ledger), claim(), engine, take=1))
        await until(lambda: bool(ledger.calls))
        assert engine.log == ["stopped"]
        ledger.gate.set()
        await task

    asyncio.run(run())
    assert ledger.calls == [("r", 1_010)]


def test_cancelled_again_during_the_settle_loses_nothing() -> None:
    engine, ledger = Engine(waits_at=1), Ledger("TimeoutError", None)

    async def run() -> None:
        waiting = unsettled(ledger)
        ledger.gate.clear()
        task = asyncio.create_task(stream(waiting, claim(), engine))
        await until(lambda: "waiting" in engine.log)
        task.cancel()
        await until(lambda: bool(ledger.calls))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        ledger.gate.set()
        await until(lambda: len(ledger.calls) == 2 and not waiting.queued)
        await waiting.aclose()
        assert waiting.lost == 0

    asyncio.run(run())
    assert ledger.calls == [("r", 1_010)] * 2  # failed, and repeated


def test_more_than_can_be_counted_is_settled_at_the_most() -> None:
    ledger = Ledger()

    async def run() -> None:
        async with metered(unsettled(ledger), claim(), 900, Engine().chunks()) as usage:
            usage.saw(Chunk("text", MOST, 1))

    asyncio.run(run())
    assert ledger.calls == [("r", MOST)]


def test_what_the_store_was_never_asked_is_not_settled() -> None:
    ledger, engine = Ledger(), Engine()
    asyncio.run(stream(unsettled(ledger), None, engine, take=1))
    assert ledger.calls == []
    assert engine.log == ["stopped"]


def test_usage_is_the_prompt_until_a_chunk_says_more() -> None:
    usage = Usage(900)
    assert (usage.tokens, usage.begun) == (900, False)
    usage.saw(Chunk("text", 1_000, 10))
    assert (usage.tokens, usage.begun) == (1_010, True)


# What may have been counted, and is not served -----------------------------------------------------------------


async def with_proxy(
    proxy: Proxy, test: Callable[[AsyncRateLimiter, Unsettled], Awaitable[None]], timeout_s: float
) -> None:
    """Run ``test`` on the proxied store, its reserves given up after ``timeout_s`` and its settles repeated soon."""
    async with connect_async(f"redis://127.0.0.1:{proxy.port}/0", PATIENT_S) as client:
        limiter = AsyncRateLimiter(client, patient(timeout_s=timeout_s))
        waiting = Unsettled(limiter, pause_s=0.05)
        await test(limiter, waiting)
        await waiting.aclose()
        assert waiting.lost == 0


def held(store: redis.Redis, user: str) -> int:
    return int(store.hget(script.keys(user)[0], "held") or 0)


def test_a_reserve_that_timed_out_is_given_back_when_it_is_not_served(
    proxy: Proxy, store: redis.Redis
) -> None:
    user = new_user()
    store.script_load(script.RESERVE)
    store.script_load(script.SETTLE)

    async def run(limiter: AsyncRateLimiter, waiting: Unsettled) -> None:
        proxy.way = "deaf"
        decision = await admit(limiter, waiting, user, "free", 9_000)
        assert decision.outcome is Outcome.UNAVAILABLE
        assert held(store, user) == 9_000 * UNIT
        proxy.way = "open"
        await until(lambda: held(store, user) == 0)

    asyncio.run(with_proxy(proxy, run, timeout_s=1.5))


def test_a_client_that_hangs_up_while_the_store_is_asked_pays_nothing(
    proxy: Proxy, store: redis.Redis
) -> None:
    user = new_user()
    store.script_load(script.RESERVE)

    async def run(limiter: AsyncRateLimiter, waiting: Unsettled) -> None:
        proxy.way = "deaf"
        task = asyncio.create_task(admit(limiter, waiting, user, "enterprise", 9_000))
        await until(lambda: held(store, user) > 0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        proxy.way = "open"
        await until(lambda: held(store, user) == 0)

    asyncio.run(with_proxy(proxy, run, timeout_s=1.5))


def test_a_settle_is_repeated_when_the_store_is_back(proxy: Proxy, store: redis.Redis) -> None:
    user = new_user()

    async def run(limiter: AsyncRateLimiter, waiting: Unsettled) -> None:
        decision = await limiter.reserve(user, "slow", 5_000)
        assert decision.reservation is not None
        assert decision.store_error is None
        proxy.way = "cut"
        assert not (await waiting.settle(decision.reservation, 100)).applied
        assert waiting.queued == 1
        proxy.way = "open"
        await until(lambda: not waiting.queued)

    asyncio.run(with_proxy(proxy, run, timeout_s=PATIENT_S))
    state = saved(store, user)
    assert state is not None
    assert state.held == 0
    assert 95 * UNIT <= state.used <= 100 * UNIT


# The queue -----------------------------------------------------------------------------------------------------


def test_the_queue_is_bounded_and_counts_what_it_drops() -> None:
    ledger = Ledger(CIRCUIT_OPEN)

    async def run() -> None:
        waiting = unsettled(ledger, size=2, pause_s=PATIENT_S)
        for name in "abc":
            await waiting.settle(claim(name), 1)
        assert (waiting.queued, waiting.lost) == (2, 1)
        await waiting.aclose()
        assert (waiting.queued, waiting.lost) == (0, 3)

    asyncio.run(run())


def test_past_its_deadline_a_settle_is_lost_and_no_longer_sent() -> None:
    ledger = Ledger("TimeoutError", None)

    async def run() -> None:
        waiting = unsettled(ledger)
        ledger.now = 1_000
        await waiting.settle(claim("late", deadline_us=1_000), 1)
        await until(lambda: waiting.lost == 1)
        assert waiting.queued == 0
        await waiting.aclose()

    asyncio.run(run())
    assert ledger.calls == [("late", 1)]


@pytest.mark.parametrize(
    ("round_errors", "calls"),
    [
        (["ResponseError", None, None], "aba"),  # one bad entry goes to the end and holds up nobody
        ([CIRCUIT_OPEN, CIRCUIT_OPEN, None, None], "aaab"),  # an open circuit ends the round at its first
    ],
)
def test_rounds_of_repeating(round_errors: list[str | None], calls: str) -> None:
    ledger = Ledger("TimeoutError", "TimeoutError", *round_errors)

    async def run() -> None:
        waiting = unsettled(ledger)
        await asyncio.gather(waiting.settle(claim("a"), 1), waiting.settle(claim("b"), 2))
        await until(lambda: not waiting.queued)
        await waiting.aclose()
        assert waiting.lost == 0

    asyncio.run(run())
    assert "".join(name for name, _ in ledger.calls) == "ab" + calls
    assert set(ledger.calls) == {("a", 1), ("b", 2)}


def test_a_deadline_is_by_the_limiter_s_own_clock(store_url: str) -> None:
    user, clock = new_user(), Clock()

    async def run() -> None:
        async with connect_async(store_url, PATIENT_S) as client:
            decision = await AsyncRateLimiter(client, patient(clock_us=clock)).reserve(user, "free", 1)
            assert decision.reservation is not None
            assert decision.reservation.deadline_us == clock.now + script.HOLD_MS * 1000

    asyncio.run(run())


def test_closing_waits_for_what_runs() -> None:
    ledger = Ledger()

    async def run() -> None:
        waiting = unsettled(ledger)
        ledger.gate.clear()
        task = waiting.settle(claim(), 7)
        closing = asyncio.create_task(waiting.aclose())
        await until(lambda: bool(ledger.calls))
        assert not closing.done()
        ledger.gate.set()
        await closing
        assert task.result().applied

    asyncio.run(run())
