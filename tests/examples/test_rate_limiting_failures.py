"""The store is down, hangs, answers too late, or is full: every tier gets what its policy says, within its bounds."""

from __future__ import annotations

import asyncio
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from examples.rate_limiting import script
from examples.rate_limiting.decision import Outcome
from examples.rate_limiting.limiter import AsyncRateLimiter, RateLimiter, Settings, connect, connect_async
from examples.rate_limiting.tiers import TIERS, UNIT


class Clock:
    """Microseconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


class Proxy:
    """Stands between client and store. It may hang from the start, or swallow the answers to scripts."""

    def __init__(self, upstream: tuple[str, int] | None) -> None:
        self._upstream, self.seen, self.connections = upstream, b"", 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError):
            store = socket.create_connection(self._upstream) if self._upstream else None
            if store:
                self._open.append(store)
            while data := client.recv(65536):
                self.seen += data
                if store:
                    store.sendall(data)
                    answer = store.recv(65536)
                    if b"EVALSHA" not in data:
                        client.sendall(answer)

    def close(self) -> None:
        for end in (self._listener, *self._open):
            end.close()


@pytest.fixture
def hanging() -> Iterator[Proxy]:
    """A server that accepts and never answers."""
    proxy = Proxy(None)
    yield proxy
    proxy.close()


@pytest.fixture
def deaf(store_url: str) -> Iterator[Proxy]:
    """The real store, whose answers to scripts get lost on the way: it counts, and nobody hears of it."""
    address = urlsplit(store_url)
    proxy = Proxy((address.hostname or "127.0.0.1", address.port or 6379))
    yield proxy
    proxy.close()


def dead_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def new_user() -> str:
    return f"user-{uuid.uuid4()}"


def limiter(port: int, clock: Clock, timeout_s: float = 0.05, gateways: int = 20) -> RateLimiter:
    return RateLimiter(
        connect(f"redis://127.0.0.1:{port}/0", timeout_s), Settings(gateways=gateways, clock_us=clock)
    )


def test_a_dead_store_denies_the_free_tier_and_limits_the_others_locally() -> None:
    mine = limiter(dead_port(), Clock())
    free = mine.reserve("someone", "free", 100)
    assert free.outcome is Outcome.UNAVAILABLE
    assert free.retry_after == 1
    assert free.store_error == "ConnectionError"
    pro = mine.reserve("someone", "pro", 4_000)
    assert pro.allowed
    assert pro.store_error == "ConnectionError"
    assert (pro.remaining_requests, pro.remaining_tokens) == (0, 1_000)  # a twentieth of 30 and of 100,000
    assert mine.reserve("someone", "pro", 1).outcome is Outcome.UNAVAILABLE
    assert pro.reservation is not None
    assert not mine.settle(pro.reservation, 10).applied


def test_the_local_share_refills_by_its_own_clock_and_large_requests_pass_one_at_a_time() -> None:
    clock = Clock()
    mine = limiter(dead_port(), clock)
    assert mine.reserve("someone", "pro", 8_000).allowed  # more than the share of 5,000: passes, into debt
    clock.now += (
        10_000_000  # the next request is due after 10 s, the tokens after (8,000 + 1 - 5,000) / 10,000 min
    )
    assert not mine.reserve("someone", "pro", 1).allowed
    clock.now += 8_005_999
    assert not mine.reserve("someone", "pro", 1).allowed
    clock.now += 1
    assert mine.reserve("someone", "pro", 1).allowed


def test_a_hanging_store_is_asked_three_times_and_then_once_a_second(hanging: Proxy) -> None:
    clock = Clock()
    mine = limiter(hanging.port, clock)
    for _ in range(20):
        assert mine.reserve(new_user(), "enterprise", 100).allowed
    assert hanging.connections == 3  # no retry, and no timeout added to the other seventeen
    assert mine.reserve(new_user(), "enterprise", 100).store_error == "CircuitOpen"
    clock.now += 1_000_000
    assert mine.reserve(new_user(), "enterprise", 100).store_error == "TimeoutError"
    assert mine.reserve(new_user(), "enterprise", 100).store_error == "CircuitOpen"
    assert hanging.connections == 4


def test_the_circuit_closes_when_the_store_is_back(hanging: Proxy, store_url: str) -> None:
    clock = Clock()
    mine = limiter(hanging.port, clock)
    for _ in range(3):
        mine.reserve(new_user(), "enterprise", 100)
    healthy = RateLimiter(connect(store_url, 30), Settings(gateways=20, clock_us=clock))
    mine._reserve = healthy._reserve  # the same address answers again
    assert mine.reserve(new_user(), "enterprise", 100).store_error == "CircuitOpen"
    clock.now += 1_000_000
    assert mine.reserve(new_user(), "enterprise", 100).store_error is None
    assert mine.reserve(new_user(), "enterprise", 100).store_error is None


def test_a_lost_answer_is_charged_once_and_can_be_settled_later(
    deaf: Proxy, store: redis.Redis, store_url: str
) -> None:
    """The ambiguous failure: the store has counted, the client has timed out."""
    user, clock = new_user(), Clock()
    store.script_load(script.RESERVE)
    decision = limiter(deaf.port, clock, timeout_s=1).reserve(user, "enterprise", 50_000)
    assert decision.store_error == "TimeoutError"
    assert decision.allowed
    assert decision.reservation is not None
    assert deaf.seen.count(b"EVALSHA") == 1  # sent once: redis-py's default would have sent it eleven times
    bucket = script.keys(user)[0]
    assert int(store.hget(bucket, "held") or 0) == 50_000 * UNIT
    healthy = RateLimiter(connect(store_url, 30), Settings(gateways=20))
    again = healthy.reserve(user, "enterprise", 50_000, decision.reservation.id)  # a retry by hand is safe
    assert again.allowed
    assert int(store.hget(bucket, "held") or 0) == 50_000 * UNIT
    assert healthy.settle(decision.reservation, 100).applied
    assert int(store.hget(bucket, "held") or 0) == 0


def test_redis_py_by_default_repeats_what_timed_out(deaf: Proxy, store: redis.Redis) -> None:
    """Why ``connect`` sets what it sets. Should this ever fail, the page's warning is out of date."""
    user = new_user()
    store.script_load(script.RESERVE)
    with redis.Redis(port=deaf.port, socket_timeout=0.05) as eager:
        keys, args = script.keys(user), script.reserve_args(TIERS["enterprise"], "r", 10)
        with pytest.raises(redis.TimeoutError):
            eager.register_script(script.RESERVE)(keys=keys, args=args)
    assert deaf.seen.count(b"EVALSHA") == 11
    assert int(store.hget(keys[0], "held") or 0) == 10 * UNIT  # the reservation id has saved the day


def test_a_paused_store_does_not_hold_the_gateway_up(store: redis.Redis, store_url: str) -> None:
    user, mine = new_user(), RateLimiter(connect(store_url, 0.05), Settings(gateways=20))
    store.client_pause(1_000)
    try:
        decision = mine.reserve(user, "enterprise", 1_000)
        assert decision.allowed
        assert decision.store_error == "TimeoutError"
    finally:
        store.client_unpause()
    spent = int(store.hget(script.keys(user)[0], "held") or 0)
    assert spent in (0, 1_000 * UNIT)  # it may have landed late, never twice


def test_a_store_without_memory_counts_as_failing(store: redis.Redis, store_url: str) -> None:
    """Under ``noeviction`` the script stops at its first write: refused by policy, and nothing half done."""
    user, mine = new_user(), RateLimiter(connect(store_url, 30), Settings(gateways=20))
    limits: Any = store.config_get("maxmemory")
    store.config_set("maxmemory", "1")
    try:
        decision = mine.reserve(user, "free", 100)
    finally:
        store.config_set("maxmemory", limits["maxmemory"])
    assert decision.outcome is Outcome.UNAVAILABLE
    assert decision.store_error == "OutOfMemoryError"
    assert not store.exists(script.keys(user)[0])


def test_asyncio_follows_the_same_policies() -> None:
    async def run() -> None:
        async with connect_async(f"redis://127.0.0.1:{dead_port()}/0") as client:
            mine = AsyncRateLimiter(client, Settings(gateways=20, clock_us=Clock()))
            assert (await mine.reserve("someone", "free", 100)).outcome is Outcome.UNAVAILABLE
            pro = await mine.reserve("someone", "pro", 100)
            assert pro.allowed
            assert pro.reservation is not None
            assert (await mine.settle(pro.reservation, 50)).store_error == "ConnectionError"
            assert (await mine.settle(pro.reservation, 50)).store_error == "CircuitOpen"
            assert (await mine.reserve("another", "pro", 100)).store_error == "CircuitOpen"
            too_large = await mine.reserve("someone", "free", 10_001)
            assert too_large.outcome is Outcome.NEVER

    asyncio.run(run())
