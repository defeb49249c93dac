"""The store is down, hangs, answers too late, or is full: every tier gets what its policy says, within its bounds."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from examples.rate_limiting import script
from examples.rate_limiting.decision import Outcome
from examples.rate_limiting.limiter import (
    CONNECTIONS,
    AsyncRateLimiter,
    RateLimiter,
    Settings,
    connect,
    connect_async,
    is_store_failure,
)
from examples.rate_limiting.tiers import TIERS, UNIT
from tests.examples.helpers import PATIENT_S, Clock, Proxy, dead_port, new_user


def limiter(port: int, clock: Clock, timeout_s: float = 0.05, gateways: int = 20) -> RateLimiter:
    return RateLimiter(
        connect(f"redis://127.0.0.1:{port}/0", timeout_s),
        Settings(gateways=gateways, clock_us=clock, jitter_s=lambda: 3),
    )


def test_a_dead_store_denies_the_free_tier_and_limits_the_others_locally() -> None:
    mine = limiter(dead_port(), Clock())
    free = mine.reserve("someone", "free", 100)
    assert free.outcome is Outcome.UNAVAILABLE
    assert free.retry_after == 1 + 3  # the circuit's pause and the jitter
    assert free.reservation is not None  # a store that was asked may have counted
    assert free.store_error == "ConnectionError"
    pro = mine.reserve("someone", "pro", 4_000)
    assert pro.allowed
    assert pro.store_error == "ConnectionError"
    assert (pro.remaining_requests, pro.remaining_tokens) == (0, 1_000)  # a twentieth of 30 and of 100,000
    assert mine.reserve("someone", "pro", 1).outcome is Outcome.UNAVAILABLE
    assert pro.reservation is not None
    assert mine.settle(pro.reservation, 10).store_error == "CircuitOpen"  # the third failure has opened it


def test_who_has_spent_the_local_share_is_told_when_it_will_do_again() -> None:
    clock = Clock()
    mine = limiter(dead_port(), clock)
    assert mine.reserve(
        "someone", "pro", 20_000
    ).allowed  # four shares: 120 s at a twentieth of 200,000 a minute
    refused = mine.reserve("someone", "pro", 5_096)
    assert (refused.outcome, refused.retry_after) == (Outcome.UNAVAILABLE, 120 + 3)
    clock.now += 119_000_000
    assert mine.reserve("someone", "pro", 5_096).retry_after == 1 + 3
    clock.now += 1_000_000
    assert mine.reserve("someone", "pro", 5_096).allowed
    assert mine.reserve("somebody", "pro", 20_001).retry_after == 1 + 3  # only the store can serve it


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
    assert hanging.connected(3)  # no retry, and no timeout added to the other seventeen
    assert mine.reserve(new_user(), "enterprise", 100).store_error == "CircuitOpen"
    clock.now += 1_000_000
    assert mine.reserve(new_user(), "enterprise", 100).store_error == "TimeoutError"
    assert mine.reserve(new_user(), "enterprise", 100).store_error == "CircuitOpen"
    assert hanging.connected(4)


def test_the_circuit_closes_when_the_store_is_back(hanging: Proxy, store_url: str) -> None:
    clock = Clock()
    mine = limiter(hanging.port, clock)
    for _ in range(3):
        mine.reserve(new_user(), "enterprise", 100)
    healthy = RateLimiter(connect(store_url, PATIENT_S), Settings(gateways=20, clock_us=clock))
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
    healthy = RateLimiter(connect(store_url, PATIENT_S), Settings(gateways=20))
    again = healthy.reserve(user, "enterprise", 50_000, decision.reservation.id)  # a retry by hand is safe
    assert again.allowed
    assert int(store.hget(bucket, "held") or 0) == 50_000 * UNIT
    assert healthy.settle(decision.reservation, 100).applied
    assert int(store.hget(bucket, "held") or 0) == 0


def test_redis_py_by_default_repeats_what_timed_out(
    deaf: Proxy, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why ``connect`` sets what it sets. Should this ever fail, the page's warning is out of date."""
    monkeypatch.setattr("redis.retry.sleep", lambda _: None)  # the pauses between the tries
    user = new_user()
    store.script_load(script.RESERVE)
    with redis.Redis(port=deaf.port, socket_timeout=0.2) as eager:
        keys, args = script.keys(user), script.arguments("r", 10, 0, [TIERS["enterprise"]])
        with pytest.raises(redis.TimeoutError):
            eager.register_script(script.RESERVE)(keys=keys, args=args)
    assert deaf.seen.count(b"EVALSHA") == 11
    assert int(store.hget(keys[0], "held") or 0) == 10 * UNIT  # the reservation id has saved the day


def test_a_paused_store_does_not_hold_the_gateway_up(store: redis.Redis, store_url: str) -> None:
    user, mine = new_user(), RateLimiter(connect(store_url, 0.05), Settings(gateways=20))
    store.client_pause(400)
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
    user, mine = new_user(), RateLimiter(connect(store_url, PATIENT_S), Settings(gateways=20))
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
            another = await mine.reserve("another", "pro", 100)
            assert another.allowed
            assert another.store_error == "CircuitOpen"
            assert another.reservation is None  # the store was not asked: there is nothing to settle
            too_large = await mine.reserve("someone", "free", 10_001)
            assert too_large.outcome is Outcome.NEVER

    asyncio.run(run())


def test_asyncio_asks_a_hanging_store_once_a_call(hanging: Proxy) -> None:
    """Within one timeout for the whole call, whatever the client would do."""

    async def run() -> None:
        async with connect_async(f"redis://127.0.0.1:{hanging.port}/0", PATIENT_S) as client:
            mine = AsyncRateLimiter(client, Settings(gateways=20, clock_us=Clock()))
            for _ in range(3):
                assert (await mine.reserve(new_user(), "free", 100)).store_error == "TimeoutError"
            assert (await mine.reserve(new_user(), "free", 100)).store_error == "CircuitOpen"

    asyncio.run(run())
    assert hanging.connected(3)


def test_the_asyncio_client_has_timeouts_of_its_own_and_no_retries(hanging: Proxy) -> None:
    async def run() -> None:
        async with connect_async(f"redis://127.0.0.1:{hanging.port}/0", 0.05) as client:
            assert client.connection_pool.connection_kwargs["socket_connect_timeout"] == 0.05
            async with asyncio.timeout(4):  # redis-py's own timeout is 5 s
                with pytest.raises(redis.TimeoutError):
                    await client.ping()

    asyncio.run(run())
    assert hanging.connected(1)


def test_asyncio_timeouts_leak_no_connection(proxy: Proxy, store: redis.Redis) -> None:
    """More calls time out than the pool has connections; then the store is back, and all of them work."""
    clock = Clock()

    async def run() -> None:
        async with connect_async(f"redis://127.0.0.1:{proxy.port}/0", 1) as client:
            short = AsyncRateLimiter(client, Settings(gateways=20, clock_us=clock, timeout_s=0.05))
            long = AsyncRateLimiter(client, Settings(gateways=20, timeout_s=PATIENT_S))
            proxy.way = "deaf"
            lost = await asyncio.gather(*(short.reserve(new_user(), "free", 100) for _ in range(100)))
            assert {decision.store_error for decision in lost} == {"TimeoutError"}
            proxy.way = "open"
            found = await asyncio.gather(*(long.reserve(new_user(), "free", 100) for _ in range(100)))
            assert all(decision.store_error is None for decision in found)

    asyncio.run(run())


def test_streams_that_end_together_are_all_settled(store_url: str) -> None:
    """More than the 100 connections after which redis-py's own pool raises."""
    streams = 300

    async def run() -> None:
        async with connect_async(store_url, PATIENT_S) as client:
            patient = Settings(gateways=20, timeout_s=PATIENT_S, settle_timeout_s=PATIENT_S)
            mine = AsyncRateLimiter(client, patient)
            client.connection_pool.timeout = PATIENT_S
            claims = [(await mine.reserve(new_user(), "free", 5_000)).reservation for _ in range(streams)]
            done = await asyncio.gather(*(mine.settle(claim, 10) for claim in claims if claim))
            assert [settlement.applied for settlement in done] == [True] * streams

    asyncio.run(run())


def test_threads_wait_for_a_connection(store_url: str) -> None:
    client = connect(store_url, PATIENT_S)
    client.connection_pool.timeout = PATIENT_S
    mine = RateLimiter(client, Settings(gateways=20))
    with ThreadPoolExecutor(120) as pool:
        answers = list(pool.map(lambda _: mine.reserve(new_user(), "free", 1), range(240)))
    assert all(answer.store_error is None for answer in answers)


def test_one_users_broken_key_opens_the_circuit_for_nobody(store: redis.Redis, store_url: str) -> None:
    broken, mine = new_user(), RateLimiter(connect(store_url, PATIENT_S), Settings(gateways=20))
    key = script.keys(broken)[0]
    store.set(key, "no hash", ex=60)
    try:
        for _ in range(4):
            answer = mine.reserve(broken, "free", 1)
            assert answer.outcome is Outcome.UNAVAILABLE  # its tier's policy
            assert answer.store_error == "ResponseError"
        assert mine.reserve(new_user(), "free", 1).store_error is None
    finally:
        store.delete(key)


def test_a_replica_counts_as_a_failing_store() -> None:
    mine = limiter(dead_port(), Clock())

    def read_only(**_: Any) -> Any:
        raise redis.ReadOnlyError("You can't write against a read only replica.")

    mine._reserve = read_only  # type: ignore[assignment]
    errors = [mine.reserve(new_user(), "free", 1).store_error for _ in range(4)]
    assert errors == ["ReadOnlyError"] * 3 + ["CircuitOpen"]


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (redis.ConnectionError("Error 111 connecting to store:6379. Connection refused."), True),
        (redis.exceptions.BusyLoadingError("Redis is loading the dataset in memory"), True),
        (redis.ResponseError("NOREPLICAS Not enough good replicas to write."), True),
        (redis.ResponseError("MISCONF Errors writing to the AOF file"), True),
        (redis.ResponseError("BUSY Valkey is busy running a script."), True),
        (redis.ResponseError("BUSYKEY Target key name already exists."), False),
        (redis.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"), False),
        (redis.exceptions.TryAgainError("Multiple keys request during rehashing of slot"), False),
        (TimeoutError(), True),
    ],
)
def test_which_errors_open_the_circuit(error: Exception, counts: bool) -> None:
    assert is_store_failure(error) == counts


def test_a_pool_that_stays_empty_opens_no_circuit(store_url: str) -> None:
    """The pool that ``connect`` builds says so in a plain ConnectionError."""
    client = connect(store_url, PATIENT_S)
    pool = client.connection_pool
    taken = [pool.get_connection() for _ in range(CONNECTIONS)]
    pool.timeout = 0.01
    mine = RateLimiter(client, Settings(gateways=20, clock_us=Clock()))
    assert [mine.reserve(new_user(), "free", 1).store_error for _ in range(4)] == ["ConnectionError"] * 4
    for connection in taken:
        pool.release(connection)
    pool.timeout = PATIENT_S
    assert mine.reserve(new_user(), "free", 1).store_error is None
    client.close()


def test_an_exhausted_pool_is_no_failing_store() -> None:
    """It answers by the tier's policy, and opens no circuit: the next caller may find a connection."""
    mine = limiter(dead_port(), Clock())

    def exhausted(**_: Any) -> Any:
        raise redis.exceptions.MaxConnectionsError("Too many connections")

    mine._reserve = exhausted  # type: ignore[assignment]
    errors = [mine.reserve(new_user(), "free", 1).store_error for _ in range(5)]
    assert errors == ["MaxConnectionsError"] * 5
