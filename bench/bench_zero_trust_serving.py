"""What the checks of one request cost, on this machine: to mint a grant, to check it, and to carry it over mutual TLS.

`figures.MEASURED_US` is rounded up from this table; the mean, in microseconds.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from examples.zero_trust_serving.cache import PrefixCache, Scope, block_keys, salt_of
from examples.zero_trust_serving.grants import Grant, Signer
from examples.zero_trust_serving.revocations import Class, DenyList, Message
from examples.zero_trust_serving.setting import GRANT_S, INPUT_TOKENS
from examples.zero_trust_serving.spiffe import Authority, Identity
from examples.zero_trust_serving.workload import Client, Guard, Peer, Prefill, utc_now

pytestmark = pytest.mark.benchmark(group="zero-trust-serving")

ROUTER = "spiffe://serving.example/ns/engines/sa/router"
PREFILL = "spiffe://serving.example/ns/engines/sa/prefill"
SIGNER = Signer("k1", Ed25519PrivateKey.generate())
NUMBERS = itertools.count()


def token() -> str:
    now = int(time.time())
    return SIGNER.mint(
        Grant("acme", "k", "prefill", "prefill", ROUTER, f"txn-{next(NUMBERS)}", now, now + GRANT_S)
    )


def guard() -> Guard:
    deny = DenyList()
    deny.hear(Message((0, 1), time.time() + 600, frozenset()))
    return Guard(
        service="prefill",
        domain="serving.example",
        purposes={"/ns/engines/sa/router": "prefill"},
        keys={SIGNER.kid: SIGNER.public},
        classes={"acme": Class.SHARED},
        deny=deny,
    )


def handle() -> int:
    """The request without a check."""
    return 1


def bench_nothing(benchmark: Any) -> None:
    benchmark(handle)


def bench_mint(benchmark: Any) -> None:
    benchmark(token)


def bench_authorize(benchmark: Any) -> None:
    """All of the service's checks; each round's grant is new, since a used one is refused early."""
    mine, peer = guard(), Peer(Identity.parse(ROUTER), utc_now() + timedelta(hours=1))
    benchmark.pedantic(
        lambda t: mine.authorize(peer, "prefill", t),
        setup=lambda: ((token(),), {}),
        rounds=2_000,
    )


def bench_salt_and_block_keys_of_a_mean_prompt(benchmark: Any) -> None:
    prompt, secret = list(range(INPUT_TOKENS)), b"s" * 32

    def keys() -> list[bytes]:
        return list(block_keys(prompt, salt_of(Scope("acme"), secret), ""))

    benchmark(keys)


@pytest.fixture
def prefill() -> Iterator[tuple[Prefill, Authority]]:
    authority = Authority("serving.example", utc_now())
    svid = authority.issue(PREFILL, utc_now(), timedelta(hours=1))
    server = Prefill(svid, authority.bundle, guard(), PrefixCache(b"s" * 32))
    yield server, authority
    server.close()


def bench_call_over_an_open_connection(benchmark: Any, prefill: tuple[Prefill, Authority]) -> None:
    server, authority = prefill
    svid = authority.issue(ROUTER, utc_now(), timedelta(hours=1))
    client = Client(server.port, svid, authority.bundle, Identity.parse(PREFILL))
    benchmark.pedantic(
        lambda t: client.call(purpose="prefill", grant=t, tokens=[1] * 16),
        setup=lambda: ((token(),), {}),
        rounds=1_000,
    )
    client.close()


def bench_handshake(benchmark: Any, prefill: tuple[Prefill, Authority]) -> None:
    """A connection and its mutual handshake: paid once a connection, so keep connections."""
    server, authority = prefill
    svid = authority.issue(ROUTER, utc_now(), timedelta(hours=1))
    benchmark(lambda: Client(server.port, svid, authority.bundle, Identity.parse(PREFILL)).close())
