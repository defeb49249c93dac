"""Question 10 under threads, tasks and cancellation, and against a real server that fails in every way.

Where a deadline has to strike, it is short and the server never answers; where it must not, it is long. So a slow
machine changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from examples.circuit_breaker.breaker import Breaker, Key, Mode, Rejected
from examples.circuit_breaker.gateway import (
    FULL_S,
    Destination,
    Interrupted,
    Unavailable,
    answer,
    route,
)
from examples.circuit_breaker.limits import Bulkhead, Full, RetryAfterGate, RetryBudget, TokenQuota
from examples.circuit_breaker.machine import Settings, State, Transition
from examples.circuit_breaker.sse import HttpProvider
from examples.circuit_breaker.stream import Deadlines, Event, Request, deadlines, watched
from examples.circuit_breaker.verdict import (
    CallerFault,
    Fault,
    OwnFault,
    ProviderFault,
    SetupFault,
    Throttled,
)

NEVER = 1e9
LONG = Deadlines(first_s=60, slow_s=60, gap_s=60, total_s=120)
QUICK = Settings(minimum_calls=4, probes=2, probes_to_pass=3, open_s=1, open_max_s=1)
ASK = Request(prompt_tokens=700, max_tokens=300, klass="paid")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def breaker(
    clock: Callable[[], float] | None = None,
    settings: Settings = QUICK,
    mode: Mode = Mode.ENFORCE,
    listener: Callable[[Key, Transition], None] = lambda key, change: None,
) -> Breaker:
    return Breaker(("a", "us"), settings, clock or Clock(), listener, lambda: 0.0, mode)


def fail(one: Breaker, times: int = 4) -> None:
    for _ in range(times):
        with suppress(ProviderFault), one.attempt():
            raise ProviderFault(Fault.STALL)


# Threads -------------------------------------------------------------------------------------------------------


def test_counts_are_conserved_under_threads() -> None:
    clock, lock, inside, most = Clock(), threading.Lock(), 0, 0
    one = breaker(clock)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # as many interruptions as there can be

    def work(seed: int) -> int:
        nonlocal inside, most
        rng, rejected = random.Random(seed), 0
        for _ in range(300):
            clock.now += rng.random() / 50
            try:
                with one.attempt() as attempt:
                    probe = one.state is State.HALF_OPEN
                    with lock:
                        inside += probe
                        most = max(most, one.probes_out)
                    fate = rng.randrange(5)
                    if fate < 2:
                        raise ProviderFault(Fault.BROKEN)
                    if fate == 2:
                        raise ValueError("ours")
                    attempt.started()
                    attempt.finished()
            except Rejected:
                rejected += 1
            except (ProviderFault, ValueError):
                pass
        return rejected

    try:
        with ThreadPoolExecutor(8) as pool:
            rejected = sum(pool.map(work, range(8)))
    finally:
        sys.setswitchinterval(interval)
    counts = one.counts()
    assert counts.rejected == rejected
    assert counts.admitted + counts.rejected == 2_400
    assert counts.admitted == counts.ended
    assert one.probes_out == 0
    assert most <= QUICK.probes


def test_the_machine_is_touched_under_the_lock_only() -> None:
    one = breaker()
    inner, touched = one._machine, []

    class Watched:
        def __getattr__(self, name: str) -> Any:
            touched.append(name)
            assert one._lock.locked(), name
            return getattr(inner, name)

        def __setattr__(self, name: str, value: Any) -> None:
            assert one._lock.locked(), name
            setattr(inner, name, value)

    one._machine = Watched()  # type: ignore[assignment]
    fail(one)
    with suppress(Rejected), one.attempt() as attempt:
        attempt.started()
    assert (one.state, one.share, one.probes_out, one.counts().failed) == (State.OPEN, 0.0, 0, 4)
    assert {"acquire", "ended", "state", "counts", "transitions"} <= set(touched)


def test_exactly_the_allowed_number_of_threads_probe() -> None:
    clock = Clock()
    one = breaker(clock)
    fail(one)
    clock.now = 10.0
    ready, leave, entered = threading.Barrier(12), threading.Event(), []

    def probe() -> bool:
        ready.wait(30)
        try:
            with one.attempt() as attempt:
                entered.append(1)
                leave.wait(30)
                attempt.finished()
        except Rejected:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        futures = [pool.submit(probe) for _ in range(12)]
        # Ten must be turned away while two are still inside.
        while sum(future.done() for future in futures) < 10:
            threading.Event().wait(0.001)
        leave.set()
        assert sum(future.result(30) for future in futures) == 2
    assert len(entered) == 2


def test_calls_run_side_by_side() -> None:
    one, both = breaker(), threading.Barrier(2)

    def call() -> None:
        with one.attempt():
            both.wait(30)  # breaks if the lock were held during a call

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(call) for _ in range(2)]:
            future.result(30)


def test_a_listener_that_fails_costs_neither_a_permit_nor_an_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def bad(key: Key, change: Transition) -> None:
        raise RuntimeError("no metrics today")

    clock = Clock()
    one = breaker(clock, listener=bad)
    fail(one)  # the fourth tells of the opening, and still raises its own error
    clock.now = 10.0
    for _ in range(3):
        with one.attempt() as attempt:  # the first tells of half-open, the last of the ramp
            attempt.finished()
    assert (one.state, one.probes_out) == (State.RAMP, 0)
    assert len(caplog.records) == 3


def test_a_listener_may_ask_the_breaker() -> None:
    seen: list[Any] = []
    one = breaker(listener=lambda key, change: seen.append((key, change.new, one.state)))
    fail(one)
    assert seen == [(("a", "us"), State.OPEN, State.OPEN)]


# What leaves the block -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        ValueError(),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        Throttled(1),
        CallerFault("400"),
        GeneratorExit(),
    ],
)
def test_only_the_providers_fault_counts(error: BaseException) -> None:
    one = breaker()
    for _ in range(10):
        with pytest.raises(type(error)), one.attempt():
            raise error
    assert one.state is State.CLOSED
    assert one.counts().released == 10


def test_clients_that_give_up_late_without_a_token_open_it_and_those_who_give_up_early_do_not() -> None:
    for waited, state in ((1.0, State.CLOSED), (1.2, State.OPEN)):
        clock = Clock()
        one = breaker(clock)
        for _ in range(4):
            with suppress(asyncio.CancelledError), one.attempt() as attempt:
                attempt.slow_s = 1.1
                clock.now += waited
                raise asyncio.CancelledError
        assert one.state is state


def test_first_tokens_that_come_late_open_it_although_every_stream_ends_well() -> None:
    for first_s, rest_s, state in ((1.0, 9.0, State.CLOSED), (1.2, 0.0, State.OPEN)):
        clock = Clock()
        one = breaker(clock)
        for _ in range(4):
            with one.attempt() as attempt:
                attempt.slow_s = 1.1
                clock.now += first_s
                attempt.started()
                clock.now += rest_s
                attempt.finished()
        assert one.state is state
        assert one.counts().succeeded + one.counts().late == 4


def test_a_block_left_without_a_finish_is_no_success() -> None:
    one = breaker()
    with one.attempt() as attempt:
        attempt.started()
    assert (one.counts().succeeded, one.counts().released) == (0, 1)


def test_modes() -> None:
    clock = Clock()
    shadow = breaker(clock, mode=Mode.SHADOW)
    fail(shadow, 10)
    assert shadow.state is State.OPEN
    assert shadow.counts().rejected == 6  # it says what it would have done
    with shadow.attempt():
        pass
    shadow.mode = Mode.ENFORCE
    with pytest.raises(Rejected) as told, shadow.attempt():
        pass
    assert told.value.wait_s == 0.5


def test_a_persons_word_expires() -> None:
    clock, heard = Clock(), list[str]()
    one = breaker(clock, listener=lambda key, change: heard.append(change.why))
    one.force(Mode.FORCED_OPEN, 60)
    assert heard == ["forced"]  # at once: no call has come since
    clock.now = 59.0
    with pytest.raises(Rejected) as told, one.attempt():
        pass
    assert told.value.wait_s == 1.0
    clock.now = 60.0
    with one.attempt():
        assert one.probes_out == 1  # not everybody at once
    one.force(Mode.FORCED_CLOSED, 60)
    fail(one, 20)
    assert one.state is State.OPEN
    with one.attempt():
        pass
    clock.now = 120.0
    fail(one, 1)  # the one probe that it takes
    with pytest.raises(Rejected), one.attempt():
        pass


def test_a_persons_word_beats_shadow_and_can_be_taken_back() -> None:
    clock = Clock()
    one = breaker(clock, mode=Mode.SHADOW)
    one.force(Mode.FORCED_OPEN, 3_600)
    with pytest.raises(Rejected), one.attempt():
        pass
    one.force(Mode.ENFORCE, 0)
    with one.attempt():
        assert one.probes_out == 1
    one.force(Mode.FORCED_OPEN, 3_600)
    one.force(Mode.FORCED_CLOSED, 60)  # the other way round: meanwhile it probes
    with one.attempt():
        assert one.probes_out == 1
    with pytest.raises(ValueError, match="expiry"):
        one.force(Mode.FORCED_OPEN, float("inf"))
    with pytest.raises(ValueError, match="expiry"):
        breaker(mode=Mode.FORCED_OPEN)


def test_a_canceled_probe_gives_its_place_back() -> None:
    async def scenario() -> None:
        clock = Clock()
        one = breaker(clock)
        fail(one)
        clock.now = 10.0
        for _ in range(5):  # more than there are places

            async def probe() -> None:
                with one.attempt():
                    await asyncio.Event().wait()

            task = asyncio.create_task(probe())
            await asyncio.sleep(0)
            assert one.probes_out == 1
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert one.probes_out == 0
        assert one.state is State.HALF_OPEN

    asyncio.run(scenario())


# A real server -----------------------------------------------------------------------------------------------------


def data(**fields: Any) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
GOOD = OK + b": ping\n\n" + data(token="Hel") + data(token="lo") + data(finish_reason="stop")
SPENT = b'HTTP/1.1 429 Slow\r\nContent-Length: 40\r\n\r\n{"error":{"type":"insufficient_quota"}}  '
_LIMIT = b'{"error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits."}}'
OWN_LIMIT = b"HTTP/1.1 400 No\r\nContent-Length: %d\r\n\r\n%b" % (len(_LIMIT), _LIMIT)
Behavior = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


async def silent(writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    await asyncio.Event().wait()


async def pings(writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    while True:
        writer.write(b": ping\n\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def stalls(writer: asyncio.StreamWriter) -> None:
    writer.write(OK + data(token="Hel"))
    while True:  # pings go on
        writer.write(b": ping\n\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def trickles(writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    while True:
        writer.write(data(token="x"))
        await writer.drain()
        await asyncio.sleep(0.01)


async def resets(writer: asyncio.StreamWriter) -> None:
    writer.write(OK + data(token="Hel"))
    await writer.drain()
    writer.transport.abort()


class Server:
    """Speaks HTTP, and misbehaves as told. Counts calls, and connections that are open."""

    def __init__(self) -> None:
        self.behavior: Behavior = GOOD
        self.calls = self.open = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        self.open += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            if isinstance(self.behavior, bytes):
                writer.write(self.behavior)
                await writer.drain()
            else:
                talk = asyncio.ensure_future(self.behavior(writer))
                gone = asyncio.ensure_future(reader.read())
                await asyncio.wait({talk, gone}, return_when=asyncio.FIRST_COMPLETED)
                for task in (talk, gone):
                    task.cancel()
                    with suppress(asyncio.CancelledError, ConnectionError):
                        await task
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()

    @property
    def provider(self) -> HttpProvider:
        return HttpProvider("127.0.0.1", self.port)


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


async def hear(server: Server, limits: Deadlines, one: Breaker, port: int | None = None) -> list[str]:
    provider = HttpProvider("127.0.0.1", port) if port else server.provider
    got: list[str] = []
    with one.attempt() as attempt:
        async for token in watched(provider, ASK, attempt, limits):
            got.append(token)
    return got


# On a slow machine a short deadline may strike late without meaning anything.
SHORT_FIRST = Deadlines(0.2, 60, 60, 120, late_s=NEVER)
SHORT_GAP = Deadlines(60, 60, 0.2, 120, late_s=NEVER)
SHORT_TOTAL = Deadlines(60, 60, 60, 0.3, late_s=NEVER)


@pytest.mark.parametrize(
    ("behavior", "limits", "fault"),
    [
        (silent, SHORT_FIRST, Fault.NO_FIRST_TOKEN),
        (pings, SHORT_FIRST, Fault.NO_FIRST_TOKEN),
        (stalls, SHORT_GAP, Fault.STALL),
        (trickles, SHORT_TOTAL, Fault.TOO_SLOW),
        (resets, LONG, Fault.BROKEN),
        (OK + data(token="Hel"), LONG, Fault.BROKEN),
        (OK, LONG, Fault.BROKEN),
        (b"", LONG, Fault.BROKEN),
        (b"SSH-2.0-x\r\n", LONG, Fault.BROKEN),
        (OK + b"data: {\n\n", LONG, Fault.BROKEN),
        (OK + b"data: []\n\n", LONG, Fault.BROKEN),
        (OK + b"data: " + b"[" * 50_000 + b"\n\n", LONG, Fault.BROKEN),
        (b"HTTP/1.1 200\r\nContent-Length: x\r\n\r\n", LONG, Fault.BROKEN),
        (OK + b"data: " + b"x" * 200_000, LONG, Fault.BROKEN),
        (b"HTTP/1.1 500 No\r\n\r\n", LONG, Fault.STATUS),
        (b"HTTP/1.1 529 Overloaded\r\n\r\n", LONG, Fault.STATUS),
        (OK + data(token="Hel") + data(error={"type": "overloaded_error"}), LONG, Fault.ERROR_EVENT),
    ],
)
def test_each_way_to_fail_is_heard_and_counted(behavior: Behavior, limits: Deadlines, fault: Fault) -> None:
    async def scenario() -> None:
        async with serving() as server:
            server.behavior = behavior
            one = breaker()
            with pytest.raises(ProviderFault) as told:
                await hear(server, limits, one)
            assert told.value.fault is fault
            assert one.counts().failed == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("behavior", "expected"),
    [
        (b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\n\r\n", Throttled),
        (b"HTTP/1.1 429 Slow\r\nContent-Length: 9\r\n\r\n{", Throttled),
        (b"HTTP/1.1 429 Slow\r\nContent-Length: -9\r\n\r\n{", Throttled),
        (SPENT, SetupFault),
        (OWN_LIMIT, SetupFault),
        (b"HTTP/1.1 400 Bad\r\n\r\n", CallerFault),
        (b"HTTP/1.1 404 None\r\n\r\n", SetupFault),
        (b"HTTP/1.1 401 Who\r\n\r\n", SetupFault),
        (OK + data(error={"type": "rate_limit_error"}), Throttled),
    ],
)
def test_what_does_not_count(behavior: bytes, expected: type[Exception]) -> None:
    async def scenario() -> None:
        async with serving() as server:
            server.behavior = behavior
            one = breaker()
            for _ in range(6):
                with pytest.raises(expected):
                    await hear(server, LONG, one)
            assert one.state is State.CLOSED
            assert one.counts().released == 6

    asyncio.run(scenario())


def test_good_streams_and_filtered_ones_succeed() -> None:
    async def scenario() -> None:
        async with serving() as server:
            one = breaker()
            assert await hear(server, LONG, one) == ["Hel", "lo"]
            server.behavior = OK + data(token="I", finish_reason="") + data(finish_reason="content_filter")
            assert await hear(server, LONG, one) == ["I"]
            server.behavior = OK + data(finish_reason="stop")
            assert await hear(server, LONG, one) == []
            server.behavior = OK + data(token="all", finish_reason="stop")
            assert await hear(server, LONG, one) == ["all"]
            assert one.counts().succeeded == 4

    asyncio.run(scenario())


def test_nobody_listens() -> None:
    async def scenario() -> None:
        async with serving() as server:
            port = server.port
        one = breaker()
        with pytest.raises(ProviderFault) as told:
            await hear(server, LONG, one, port)
        assert told.value.fault is Fault.CONNECT

    asyncio.run(scenario())


@pytest.mark.parametrize("limits", [Deadlines(60, 60, gap_s=60, total_s=100_000), LONG])
def test_a_slow_client_is_not_the_providers_stall(limits: Deadlines) -> None:
    """The client takes its time; gap and total run only while the provider is waited for."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        shift, real = 0.0, loop.time
        loop.time = lambda: real() + shift  # type: ignore[method-assign]

        async def provider(request: Request) -> AsyncGenerator[Event, None]:
            for _ in range(3):
                yield Event(token="x")
                await asyncio.sleep(0)
            yield Event(finish_reason="stop")

        one, got = breaker(), []
        with one.attempt() as attempt:
            async for token in watched(provider, ASK, attempt, limits):
                got.append(token)
                shift += 1_000  # much longer than the gap
        assert got == ["x"] * 3
        assert one.counts().succeeded == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("begun", [False, True])
def test_a_blocked_event_loop_is_not_the_providers_silence(begun: bool) -> None:
    """This process stood still for five seconds: all deadlines strike at once, and late."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        shift, real = 0.0, loop.time
        loop.time = lambda: real() + shift  # type: ignore[method-assign]

        async def provider(request: Request) -> AsyncGenerator[Event, None]:
            nonlocal shift
            if begun:
                yield Event(token="x")
            shift += 2 * 60 + 5.0
            await asyncio.Event().wait()

        async with serving() as b:
            where = [destination(b, provider=provider), destination(b, "b")]
            if begun:
                with pytest.raises(Interrupted):
                    await ask(where)
            else:
                assert await ask(where) == ["Hel", "lo"]
        counts = where[0].breaker.counts()
        assert (counts.failed, counts.released) == (0, 1)

    asyncio.run(scenario())


def test_a_call_that_this_process_held_up_is_not_slow_either() -> None:
    clock = Clock()
    one = breaker(clock)
    for _ in range(8):
        with suppress(OwnFault), one.attempt() as attempt:
            attempt.slow_s = 1.0
            clock.now += 8.0
            raise OwnFault("blocked")
    assert one.state is State.CLOSED


def test_a_providers_own_timeout_is_not_taken_for_ours() -> None:
    async def provider(request: Request) -> AsyncGenerator[Event, None]:
        raise TimeoutError("a bug of ours")
        yield Event()

    async def scenario() -> None:
        one = breaker()
        with pytest.raises(TimeoutError), one.attempt() as attempt:
            async for _ in watched(provider, ASK, attempt, LONG):
                pass
        assert one.counts().failed == 0

    asyncio.run(scenario())


def test_deadlines_grow_with_the_prompt() -> None:
    short, long = deadlines(714, 1_000), deadlines(40_000, 1_000)
    assert (round(short.first_s, 2), long.first_s, long.slow_s) == (2.18, 12.0, 6.0)
    assert long.total_s == 12 + 50


# The gateway -------------------------------------------------------------------------------------------------------


def destination(server: Server, name: str = "a", **fields: Any) -> Destination:
    clock = fields.pop("clock", Clock())
    given: dict[str, Any] = {
        "provider": server.provider,
        "breaker": Breaker((name, "us"), QUICK, clock, rng=lambda: 0.0),
        "bulkhead": Bulkhead(10),
        "gate": RetryAfterGate(clock, lambda: 0.0),
        "limits": lambda prompt, most: LONG,
    }
    return Destination(**given | fields)


async def ask(
    where: list[Destination], request: Request = ASK, budget: RetryBudget | None = None
) -> list[str]:
    got: list[str] = []

    async def send(token: str) -> None:
        got.append(token)

    await answer(request, where, send, budget or RetryBudget(), rng=lambda: 0.0)
    return got


def test_it_fails_over_before_the_first_token_and_never_after() -> None:
    async def scenario() -> None:
        async with serving() as a, serving() as b:
            a.behavior = b"HTTP/1.1 500 No\r\n\r\n"
            where = [destination(a), destination(b, "b")]
            assert await ask(where) == ["Hel", "lo"]
            a.behavior = OK + data(token="Hel")
            b.calls = 0
            with pytest.raises(Interrupted):
                await ask(where)
            a.behavior = OK + data(token="Hel") + data(error={"type": "rate_limit_error"})
            with pytest.raises(Interrupted):
                await ask(where)
            assert b.calls == 0

    asyncio.run(scenario())


def test_an_open_breaker_sends_nothing_to_a() -> None:
    async def scenario() -> None:
        async with serving() as a, serving() as b:
            a.behavior = b"HTTP/1.1 500 No\r\n\r\n"
            where = [destination(a), destination(b, "b")]
            for _ in range(20):
                assert await ask(where) == ["Hel", "lo"]
            assert (a.calls, b.calls) == (4, 20)
            with pytest.raises(Unavailable):
                await ask(where[:1])

    asyncio.run(scenario())


def test_the_gate_closes_on_429_and_the_breaker_does_not() -> None:
    async def scenario() -> None:
        clock = Clock()
        async with serving() as a:
            a.behavior = b"HTTP/1.1 429 Slow\r\nRetry-After: 30\r\n\r\n"
            where = [destination(a, clock=clock)]
            for _ in range(10):
                with pytest.raises(Unavailable):
                    await ask(where)
            assert a.calls == 1
            assert where[0].breaker.state is State.CLOSED
            clock.now = 29.9
            with pytest.raises(Unavailable):
                await ask(where)
            a.behavior, clock.now = GOOD, 30.0
            assert await ask(where) == ["Hel", "lo"]

    asyncio.run(scenario())


def test_a_bad_key_alerts_and_fails_over_and_a_bad_request_does_neither() -> None:
    async def scenario() -> None:
        alerts: list[str] = []
        async with serving() as a, serving() as b:
            a.behavior = b"HTTP/1.1 401 Who\r\n\r\n"
            where = [destination(a, alert=alerts.append), destination(b, "b")]
            assert await ask(where) == ["Hel", "lo"]
            assert alerts == ["a/us: 401"]
            a.behavior, b.calls = b"HTTP/1.1 400 Bad\r\n\r\n", 0
            with pytest.raises(CallerFault):
                await ask(where)
            assert b.calls == 0

    asyncio.run(scenario())


def test_a_second_try_at_the_same_destination_is_bounded_by_the_budget() -> None:
    async def scenario() -> None:
        async with serving() as a:
            a.behavior = b"HTTP/1.1 500 No\r\n\r\n"
            one = destination(a, breaker=Breaker(("a",), Settings(), Clock()))
            budget = RetryBudget(ratio=0.1, burst=1)
            for _ in range(18):  # below the breaker's minimum
                with suppress(Unavailable):
                    await ask([one, one], budget=budget)
                if a.calls >= 19:
                    break
            assert a.calls <= 18 + 1 + 1

    asyncio.run(scenario())


def test_a_request_that_met_silence_does_not_wait_for_the_other_region_too() -> None:
    """One deadline is enough; a failure that came at once may try the other region, within the budget."""

    async def scenario() -> None:
        async with serving() as us, serving() as eu, serving() as b:
            us.behavior = silent
            where = [
                destination(us, limits=lambda prompt, most: SHORT_FIRST),
                destination(eu),
                destination(b, "b"),
            ]
            assert await ask(where) == ["Hel", "lo"]
            assert (us.calls, eu.calls, b.calls) == (1, 0, 1)
            us.behavior = b"HTTP/1.1 500 No\r\n\r\n"
            assert await ask(where) == ["Hel", "lo"]
            assert (us.calls, eu.calls, b.calls) == (2, 1, 1)
            assert await ask(where, budget=RetryBudget(ratio=0.1, burst=0.5)) == ["Hel", "lo"]
            assert (us.calls, eu.calls, b.calls) == (3, 1, 2)

    asyncio.run(scenario())


def test_one_gate_serves_both_regions_of_an_account() -> None:
    async def scenario() -> None:
        async with serving() as us, serving() as eu, serving() as b:
            us.behavior = b"HTTP/1.1 429 Slow\r\nRetry-After: 30\r\n\r\n"
            gate = RetryAfterGate(Clock(), lambda: 0.0)
            where = [destination(us, gate=gate), destination(eu, gate=gate), destination(b, "b")]
            for _ in range(3):
                assert await ask(where) == ["Hel", "lo"]
            assert (us.calls, eu.calls, b.calls) == (1, 0, 3)

    asyncio.run(scenario())


def test_only_what_fits_nowhere_else_uses_the_reserve_of_bs_tokens() -> None:
    async def scenario() -> None:
        async with serving() as server:
            clock = Clock()
            quota = TokenQuota(per_min=100_000, kept_back=90_000, clock=clock)
            b = destination(server, "b", quota=quota, reserve_above=32_000)
            pool = destination(server, "pool", bulkhead=Bulkhead(0), longest=32_000)
            large = Request(40_000, 300, "paid")
            for _ in range(10):  # 1,000 tokens each: what is not kept back
                assert await ask(route(ASK, [], b, pool)) == ["Hel", "lo"]
            with pytest.raises(Unavailable):
                await ask(route(ASK, [], b, pool))
            for _ in range(2):
                assert await ask(route(large, [], b, pool), large) == ["Hel", "lo"]
            with pytest.raises(Unavailable):
                await ask(route(large, [], b, pool), large)
            assert (server.calls, b.bulkhead.taken) == (12, 0)

    asyncio.run(scenario())


def test_a_quota_that_refuses_gives_the_probe_back() -> None:
    async def scenario() -> None:
        async with serving() as server:
            clock = Clock()
            one = destination(server, clock=clock, quota=TokenQuota(per_min=10, clock=clock))
            fail(one.breaker)
            clock.now = 10.0
            for _ in range(5):
                with pytest.raises(Unavailable):
                    await ask([one])
            assert (one.breaker.state, one.breaker.probes_out) == (State.HALF_OPEN, 0)
            assert (server.calls, one.bulkhead.taken) == (0, 0)

    asyncio.run(scenario())


def test_a_client_that_hangs_up_says_nothing_about_the_provider() -> None:
    async def scenario() -> None:
        async with serving() as a:
            one = destination(a)

            async def send(token: str) -> None:
                raise ConnectionResetError("the client's own connection")

            for _ in range(10):
                with pytest.raises(ConnectionResetError):
                    await answer(ASK, [one], send, RetryBudget())
            assert one.breaker.state is State.CLOSED
            assert one.breaker.counts().failed == 0
            assert one.bulkhead.taken == 0

    asyncio.run(scenario())


def test_a_client_that_takes_no_tokens_gives_its_place_back_and_blames_nobody() -> None:
    async def scenario() -> None:
        async with serving() as a:
            one = destination(a)

            async def send(token: str) -> None:
                await asyncio.Event().wait()

            with pytest.raises(TimeoutError):
                await answer(ASK, [one], send, RetryBudget(), send_s=0.05)
            assert (one.breaker.counts().failed, one.breaker.counts().released) == (0, 1)
            assert one.bulkhead.taken == 0

    asyncio.run(scenario())


def test_the_refusal_says_when_to_come_back() -> None:
    async def scenario() -> None:
        clock = Clock()
        async with serving() as a, serving() as b:
            one, other = destination(a, clock=clock), destination(b, "b", clock=clock)
            one.breaker.force(Mode.FORCED_OPEN, 40)
            other.gate.close(30)
            with pytest.raises(Unavailable) as told:
                await ask([one, other])
            assert told.value.wait_s == 30
            with pytest.raises(Unavailable) as told:
                await ask([other, one])
            assert told.value.wait_s == 30
            one.breaker.force(Mode.FORCED_OPEN, 0.2)
            with pytest.raises(Unavailable) as told:
                await ask([one])
            assert told.value.wait_s == 1
            one.breaker.force(Mode.FORCED_OPEN, 900)
            with pytest.raises(Unavailable) as told:
                await ask([one])
            assert told.value.wait_s == 60  # whatever a destination says: a client may ask after a minute
            with pytest.raises(Unavailable) as told:
                await ask([destination(a, bulkhead=Bulkhead(0))])
            assert told.value.wait_s == FULL_S
            one.breaker.force(Mode.FORCED_OPEN, 40)

            async def nowhere(token: str) -> None:
                raise AssertionError

            with pytest.raises(Unavailable) as told:
                await answer(ASK, [one], nowhere, RetryBudget(), rng=lambda: 0.5)
            assert told.value.wait_s == 50  # those who are refused together do not come back together
            assert a.calls + b.calls == 0

    asyncio.run(scenario())


def test_a_stream_that_is_dropped_half_way_is_closed_and_released() -> None:
    """A task that is canceled while a token is handed over, in half-open: the place of the probe comes back."""

    async def scenario() -> None:
        clock = Clock()
        async with serving() as a:
            one = destination(a, clock=clock)
            fail(one.breaker)
            clock.now = 10.0
            a.behavior = stalls
            handed = asyncio.Event()

            async def send(token: str) -> None:
                handed.set()
                await asyncio.Event().wait()

            task = asyncio.create_task(answer(ASK, [one], send, RetryBudget()))
            await handed.wait()
            assert one.breaker.probes_out == 1
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert (one.breaker.probes_out, one.bulkhead.taken) == (0, 0)
            while a.open:
                await asyncio.sleep(0.001)

    asyncio.run(scenario())


def test_a_tcp_timeout_counts_though_it_is_no_connection_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with serving() as server:

            async def timed_out(reader: asyncio.StreamReader) -> bytes:
                raise TimeoutError(110, "Connection timed out")

            monkeypatch.setattr(asyncio.StreamReader, "readline", timed_out)
            with pytest.raises(ProviderFault) as told:
                await hear(server, LONG, breaker())
            assert told.value.fault is Fault.BROKEN

    asyncio.run(scenario())


def test_a_silent_provider_cannot_take_the_places_of_another() -> None:
    async def scenario() -> None:
        async with serving() as a, serving() as b:
            a.behavior = silent
            one = destination(a, bulkhead=Bulkhead(5), breaker=Breaker(("a",), Settings(), Clock()))
            other = destination(b, "embeddings", bulkhead=Bulkhead(2))
            stuck = [asyncio.create_task(ask([one])) for _ in range(20)]
            while a.open < 5:
                await asyncio.sleep(0.001)
            refused = [task for task in stuck if task.done()]
            assert len(refused) == 15  # refused at once, not queued
            assert all(isinstance(task.exception(), Unavailable) for task in refused)
            for _ in range(20):
                assert await ask([other]) == ["Hel", "lo"]
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)
            assert one.bulkhead.taken == 0
            assert one.breaker.counts().released == 5
            while a.open:  # the connections are closed too
                await asyncio.sleep(0.001)

    asyncio.run(scenario())


def test_last_months_outage_at_the_door() -> None:
    """A accepts and is silent: the first calls wait for the deadline, the rest go to B at once."""

    async def scenario() -> None:
        async with serving() as a, serving() as b:
            a.behavior = silent
            where = [destination(a, limits=lambda prompt, most: SHORT_FIRST), destination(b, "b")]
            first = await asyncio.gather(*(ask(where) for _ in range(4)))
            assert where[0].breaker.state is State.OPEN
            rest = [await ask(where) for _ in range(20)]
            assert first + rest == [["Hel", "lo"]] * 24
            assert a.calls == 4

    asyncio.run(scenario())


def test_routes() -> None:
    class Nothing:
        def __call__(self, request: Request) -> AsyncGenerator[Event, None]:
            raise AssertionError

    def place(longest: int | None = None) -> Destination:
        clock = Clock()
        return Destination(
            Nothing(), breaker(clock), Bulkhead(1), RetryAfterGate(clock, lambda: 0.0), longest=longest
        )

    us, eu, b, pool = place(), place(), place(), place(32_000)
    assert route(ASK, [us, eu], b, pool) == [us, eu, pool, b]
    assert route(Request(40_000, 300, "paid"), [us, eu], b, pool) == [us, eu, b]
    assert route(Request(31_900, 300, "paid"), [us, eu], b, pool) == [us, eu, b]
    assert route(Request(700, 300, "free"), [us, eu], b, pool) == [us, eu, pool]
    assert route(Request(40_000, 300, "free"), [us, eu], b, pool) == [us, eu]


def test_a_long_prompt_never_probes_and_never_reaches_a_small_context() -> None:
    async def scenario() -> None:
        clock = Clock()
        async with serving() as a:
            one = destination(a, clock=clock)
            fail(one.breaker)
            clock.now = 100.0
            with pytest.raises(Unavailable):
                await ask([one], Request(40_000, 300, "paid"))
            assert one.breaker.state is State.OPEN
            small = destination(a, "pool", longest=32_000)
            with pytest.raises(Unavailable):
                await ask([small], Request(40_000, 300, "paid"))
            assert a.calls == 0

    asyncio.run(scenario())


# Limits ----------------------------------------------------------------------------------------------------------


def test_classes_have_their_own_bound_within_the_places() -> None:
    places = Bulkhead(3, {"free": 1})
    with places.place("free"), pytest.raises(Full), places.place("free"):
        pass
    with places.place("free"), places.place("paid"), places.place("paid"):
        assert places.taken == 3
        with pytest.raises(Full), places.place("paid"):
            pass
    assert places.taken == 0
    with places.place("paid"), pytest.raises(Full), places.place("free"):
        pass  # a paid request fills what free ones may take


def test_retries_stay_a_share_of_calls() -> None:
    budget, taken = RetryBudget(ratio=0.1, burst=10), 0
    for _ in range(1_000):
        budget.called()
        taken += budget.take()
    assert taken <= 0.1 * 1_000 + 10
    assert taken >= 100
    for _ in range(1_000):  # an hour without a retry saves up the burst, and no more
        budget.called()
    assert [budget.take() for _ in range(11)] == [True] * 10 + [False]


def test_the_quota_keeps_tokens_back_for_those_without_a_choice() -> None:
    clock = Clock()
    quota = TokenQuota(per_min=6_000, kept_back=2_000, clock=clock)
    quota.take(4_000, last_resort=False)
    with pytest.raises(Full):
        quota.take(1, last_resort=False)
    quota.take(2_000, last_resort=True)
    with pytest.raises(Full):
        quota.take(1, last_resort=True)
    clock.now = 10.0
    quota.take(900, last_resort=True)
    clock.now = 5.0  # a clock that goes back neither gives nor takes
    quota.take(100, last_resort=True)
    with pytest.raises(Full):
        quota.take(1, last_resort=True)
    clock.now = 3_600.0  # idle for an hour: a minute's tokens, and no more
    with pytest.raises(Full):
        quota.take(6_001, last_resort=True)
    quota.take(6_000, last_resort=True)


def test_the_gate_never_opens_early_and_has_a_longest_wait() -> None:
    clock = Clock()
    gate = RetryAfterGate(clock, lambda: 0.5, longest_s=60)
    gate.close(10)
    gate.close(1)  # a shorter one does not reopen it
    clock.now = 10.9
    with pytest.raises(Throttled) as caught:
        gate.check()
    assert caught.value.retry_after_s == pytest.approx(0.1)
    clock.now = 11.0
    gate.check()
    for told, wait_s in ((1e9, 66.0), (None, 1.1)):  # with half of the fifth; without a word, a second
        gate.close(told)
        clock.now += wait_s - 0.1
        with pytest.raises(Throttled):
            gate.check()
        clock.now += 0.2
        gate.check()
