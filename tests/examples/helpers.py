"""What the tests of the limiter share: users, the store's state as the model has it, and stores that misbehave."""

from __future__ import annotations

import re
import socket
import threading
import time
import uuid
from contextlib import suppress
from typing import Any

import redis

from examples.rate_limiting import meter, script

PATIENT_S = 30.0
"""A slow test machine is no failing store."""


def unusable(url: str) -> str | None:
    """Return what is wrong with a ``REDIS_URL``; None if it will do."""
    if re.fullmatch(r"redis://[^/?#@]+(/0?)?", url):
        return None
    return "REDIS_URL must be redis://host:port/0: proxies that some tests need know no password, TLS or database"


def new_user() -> str:
    return f"user-{uuid.uuid4()}"


def saved(store: redis.Redis, user: str) -> meter.State | None:
    """Read the state as the model has it."""
    bucket, holds = script.keys(user)
    raw: Any = store.hgetall(bucket)
    if not raw:
        assert not store.exists(holds)
        return None
    entries: Any = store.zrange(holds, 0, -1, withscores=True)
    members = [(member.decode().split(":"), int(score)) for member, score in entries]
    state = meter.State(
        int(raw[b"at"]),
        int(raw[b"requests"]),
        int(raw[b"used"]),
        tuple(meter.Hold(name, int(tokens), deadline) for (name, tokens), deadline in members),
    )
    assert state.held == int(raw[b"held"])
    return state


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
