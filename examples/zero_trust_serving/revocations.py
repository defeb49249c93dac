"""Ending access within a minute: a deny list that is pushed to gateways and engines, and the streams it cuts.

Certificates and grants expire by themselves, one in hours and one in seconds. The list ends what neither ends: a
grant already given, and a stream that was admitted minutes ago and is never asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from threading import Lock
from typing import NamedTuple

from examples.zero_trust_serving.setting import FEED_S, LEASE_S, OUTAGE_MIN


class Class(Enum):
    """What a tenant bought: also, what happens to it while the deny list is late."""

    SHARED = "shared"
    REGULATED = "regulated"


# --8<-- [start:deny]
class Message(NamedTuple):
    """The whole list, as its one writer signs it every few seconds; replicas pass it on."""

    epoch: tuple[int, int] = (-1, -1)  # generation, raised when the database is restored; number
    as_of: float = float("-inf")
    denied: frozenset[str] = frozenset()


@dataclass
class DenyList:
    """Who has no access, as last heard, and as old as the writer says: a replica may repeat a message forever."""

    heard: Message = field(default_factory=Message)
    _lock: Lock = field(default_factory=Lock)

    def hear(self, message: Message) -> bool:
        """Take a message whose signature holds; False, which alerts, if it is older than what is known."""
        with self._lock:
            if message[:2] < self.heard[:2]:  # epoch, then as_of
                return False
            self.heard = message
            return True

    def denies(self, tenant: str, key: str) -> bool:
        """True while tenant or key is on the list, whenever the grant was issued: a stale edge may still mint."""
        return not self.heard.denied.isdisjoint({f"tenant:{tenant}", f"key:{key}"})

    def may_admit(self, kind: Class, now: float) -> bool:
        """While the list is late, regulated tenants wait; the others go on, at most as long as an outage may last."""
        return self._age(now) <= (FEED_S if kind is Class.REGULATED else OUTAGE_MIN * 60)

    def ends(self, kind: Class, tenant: str, key: str, now: float) -> bool:
        """True if an open stream has to end: it is denied, or it is regulated and a revocation may have been missed."""
        return self.denies(tenant, key) or (kind is Class.REGULATED and self._age(now) > LEASE_S)

    def _age(self, now: float) -> float:
        return abs(now - self.heard.as_of)  # a clock that was set back does not make an old list new


# --8<-- [end:deny]


@dataclass(frozen=True)
class Stream:
    """An open answer at a gateway. `cut` closes the client's connection and aborts the request in the engine."""

    tenant: str
    key: str
    kind: Class
    cut: Callable[[], None]


class OpenStreams:
    """What a gateway has open. It holds both ends, so it ends a stream without a check per token. Safe for threads."""

    def __init__(self) -> None:
        self._streams: dict[str, Stream] = {}
        self._lock = Lock()

    def opened(self, txn: str, stream: Stream) -> None:
        with self._lock:
            self._streams[txn] = stream

    def closed(self, txn: str) -> None:
        with self._lock:
            self._streams.pop(txn, None)

    def sweep(self, deny: DenyList, now: float) -> list[str]:
        """Cut every stream that has to end; return their transactions. Call it at each message, and while none comes."""
        with self._lock:
            open_now = list(self._streams.items())
        ended = []
        for txn, stream in open_now:
            if deny.ends(stream.kind, stream.tenant, stream.key, now):
                try:
                    stream.cut()
                except OSError:
                    continue  # stays known: the next sweep tries again, and the others end now
                self.closed(txn)
                ended.append(txn)
        return ended
