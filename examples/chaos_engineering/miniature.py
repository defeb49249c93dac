"""The whole miniature in one process: three replicas, a provider and the gateway, on sockets of the local host."""

from __future__ import annotations

import asyncio
import selectors
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from examples.chaos_engineering.gateway import Gateway, Policy
from examples.chaos_engineering.replica import Replica

T = TypeVar("T")

READY = {"veto": False, "incident": False, "load_rps": 130, "allowance": 33_696, "budget_left": 1.0}
"""An ordinary afternoon: nobody objects, mean load, nothing spent."""


IDLE_S = 0.05


class _Idle(selectors.DefaultSelector):
    """Cuts a long wait short in which nothing happens, and remembers by how much."""

    ahead = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= IDLE_S:
            return super().select(timeout)
        events = super().select(IDLE_S)
        if not events:
            self.ahead += timeout - IDLE_S
        return events


class HurriedLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer as soon as nothing else is left to do.

    A silence of seconds passes in a moment, and a busy machine cannot make a healthy stream look silent: what is under way
    on the loop's sockets comes first.
    """

    def __init__(self) -> None:
        self._idle = _Idle()
        super().__init__(self._idle)

    def time(self) -> float:
        return super().time() + self._idle.ahead


class Miniature:
    """A running service; its event loop is another thread's."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, gateway: Gateway, replicas: list[Replica], provider: Replica
    ):
        self._loop = loop
        self.gateway = gateway
        self.replicas = replicas
        self.provider = provider

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.gateway.port}"

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something on the service's own loop."""

        async def working() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(working(), self._loop).result(timeout=60)


@contextmanager
def running(
    policy: Policy,
    *,
    excluded: frozenset[str] = frozenset(),
    readiness: dict[str, Any] | None = None,
    clock: Callable[[], float] = time.monotonic,
    make_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> Iterator[Miniature]:
    """Yield the service, and stop it in any case."""
    loop = make_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    replicas = [Replica(f"replica-{number}") for number in (1, 2, 3)]
    provider = Replica("provider")
    gateway = Gateway(
        replicas, provider, policy, excluded=excluded, readiness=READY | (readiness or {}), clock=clock
    )
    service = Miniature(loop, gateway, replicas, provider)

    async def start() -> None:
        for replica in (*replicas, provider):
            await replica.start()
        await gateway.start()

    async def stop() -> None:
        gateway.close()
        for replica in (*replicas, provider):
            await replica.kill()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    try:
        service.run(start)
        yield service
    finally:
        service.run(stop)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
