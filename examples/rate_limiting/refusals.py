"""Refusals that need not be asked for again: what keeps one client in a loop from keeping the store busy."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TypeVar

from examples.rate_limiting.decision import Account, Decision, Reservation, decide
from examples.rate_limiting.meter import drained

Name = tuple[str, ...]
Seen = tuple[int, tuple[Account, ...], Sequence[tuple[int, int]]]
Value = TypeVar("Value")


class Refusals:
    """Remembers, for ``keep_us``, what the store said was gone when it refused. Thread-safe and bounded.

    It answers only under the limits that the store refused by, where the refill since then cannot have made room,
    and where no settle at this gateway has given anything back since, to the user or to its organization. So it
    refuses nobody whom the store would admit, but for tokens given back by a settle at another gateway: those it
    misses for ``keep_us`` at most. It remembers refusals and never a permission.
    """

    def __init__(self, clock_us: Callable[[], int], keep_us: int = 1_000_000, most: int = 10_000) -> None:
        self._clock_us, self._keep_us, self._most = clock_us, keep_us, most
        self._refused: OrderedDict[Name, Seen] = OrderedDict()
        self._settled: OrderedDict[Name, int] = OrderedDict()
        self._lock = Lock()

    # --8<-- [start:refusals]
    def find(self, claim: Reservation) -> Decision | None:
        """Return the refusal that the store would give, or None: then ask it."""
        names = _names(claim)
        with self._lock:
            at, accounts, gone = self._refused.get(names[0], (0, (), ()))
            given_back = any(self._settled.get(name, at - 1) >= at for name in names)
        elapsed = self._clock_us() - at
        if accounts != claim.accounts or given_back or not 0 <= elapsed < self._keep_us:
            return None
        least = [  # even what is held counts as refilled
            (drained(requests, tier.requests, elapsed), drained(tokens, tier.tokens, elapsed))
            for (_, tier), (requests, tokens) in zip(accounts, gone, strict=True)
        ]
        refusal = decide(claim, False, least)
        return refusal if refusal.refused_by else None

    def refused(self, claim: Reservation, asked_at: int, gone: Sequence[tuple[int, int]]) -> None:
        """Remember what the store said with a refusal. From before it was asked, the refill counts in full."""
        with self._lock:
            self._keep(self._refused, _names(claim)[0], (asked_at, claim.accounts, gone))

    def settled(self, claim: Reservation) -> None:
        """Call it after a settle: it may have given tokens back, so refusals asked for before it are void."""
        with self._lock:
            for name in _names(claim):
                self._keep(self._settled, name, self._clock_us())

    # --8<-- [end:refusals]
    def _keep(self, memory: OrderedDict[Name, Value], name: Name, value: Value) -> None:
        memory[name] = value
        memory.move_to_end(name)
        while len(memory) > self._most:
            memory.popitem(last=False)


def _names(claim: Reservation) -> list[Name]:
    """Return the accounts as the store tells them apart: the user (of the organization), then the organization."""
    if claim.organization is None:
        return [(claim.user,)]
    return [(claim.user, claim.organization.id), ("", claim.organization.id)]
