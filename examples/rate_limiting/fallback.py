"""What stands in while the store is away: a bounded local limiter, and a circuit that stops asking a dead store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import NamedTuple

from examples.rate_limiting import meter
from examples.rate_limiting.decision import Account
from examples.rate_limiting.tiers import Limit, Tier

LOCAL_CAP_SHARES = 4
"""The largest request that a gateway admits by itself, in shares of the burst. It bounds an outage's worst case."""


def cap(tier: Tier, gateways: int) -> int:
    """Return the most tokens that one request may take while the store is away."""
    return LOCAL_CAP_SHARES * max(1, tier.tokens.burst // gateways)


def share(tier: Tier, gateways: int, tokens: int) -> Tier:
    """Return ``tier`` as one of ``gateways`` equal gateways enforces it for a request of ``tokens``.

    Rate and burst are divided. A request larger than the divided burst, up to ``cap``, passes when nothing is
    spent, and then keeps the bucket in debt. So a gateway hands out LOCAL_CAP_SHARES shares at once at most.
    """
    if type(gateways) is not int or gateways < 1:
        raise ValueError(f"gateways must be an int of at least 1, not {gateways!r}")
    burst = max(1, tier.tokens.burst // gateways, tokens)
    return replace(
        tier,
        requests=Limit(max(1, tier.requests.per_minute // gateways), max(1, tier.requests.burst // gateways)),
        tokens=Limit(
            max(1, tier.tokens.per_minute // gateways), burst, debt=max(0, tier.tokens.burst - burst)
        ),
    )


class Local(NamedTuple):
    """A local answer: what is left of the user's if it was taken, else how long the shares need to refill.

    The wait is 0 where no refill helps: a request above the cap, or no room for a newcomer.
    """

    taken: bool
    left: tuple[int, int] = (0, 0)
    wait_us: int = 0


class LocalLimiter:
    """One gateway's share of every limit, in memory. Thread-safe; refuses newcomers beyond ``max_users`` accounts.

    A lock is right here: the state is this process's own. It is wrong for the limit itself, which many hosts share.
    """

    def __init__(self, gateways: int, clock_us: Callable[[], int], max_users: int = 100_000) -> None:
        self._gateways, self._clock_us, self._max_users = gateways, clock_us, max_users
        self._users: OrderedDict[tuple[str, str], tuple[meter.State, Tier]] = OrderedDict()
        self._lock = Lock()

    # --8<-- [start:local]
    def reserve(self, user: str, tier: Tier, tokens: int, organization: Account | None = None) -> Local:
        """Take one request and ``tokens`` from every share, or nothing."""
        accounts = {("user", user): tier}
        if organization:
            accounts["organization", organization.id] = organization.tier
        if any(tokens > cap(whole, self._gateways) for whole in accounts.values()):
            return Local(False)
        after: dict[tuple[str, str], tuple[meter.State, Tier]] = {}
        waits = [0]
        with self._lock:
            now = self._clock_us()
            for key, whole in accounts.items():
                mine = share(whole, self._gateways, tokens)
                state, wait = self._take(key, mine, tokens, now)
                waits.append(wait)
                if state is not None:
                    after[key] = state, mine
            if len(after) < len(accounts):
                return Local(False, wait_us=max(waits))
            for key, kept in after.items():
                self._users[key] = kept
                self._users.move_to_end(key)
        spent, mine = after["user", user]
        return Local(True, (meter.left(spent.requests, mine.requests), meter.left(spent.used, mine.tokens)))

    # --8<-- [end:local]
    def _take(
        self, key: tuple[str, str], mine: Tier, tokens: int, now: int
    ) -> tuple[meter.State | None, int]:
        """Return an account's state with the request taken, or None and the wait; nothing is stored yet."""
        if key not in self._users and not self._has_room(now):
            return None, 0
        known = self._users.get(key)
        claim = meter.Hold("", tokens, now + 1)
        _, current, taken = meter.reserve(known[0] if known else None, mine, claim, now)
        if not taken:
            short = meter.wait(current.requests, mine.requests, 1)
            return None, max(short, meter.wait(current.used, mine.tokens, tokens))
        # No refunds: what is reserved is used.
        return meter.settle(current, mine, claim, tokens, now)[0], 0

    def _has_room(self, now: int) -> bool:
        """Forget accounts whose buckets are full again, oldest first. A spent bucket is never dropped for a new one."""
        while len(self._users) >= self._max_users:
            oldest, (state, tier) = next(iter(self._users.items()))
            current = meter.load(state, tier, now)
            if current.requests or current.used:
                return False
            del self._users[oldest]
        return True


class Circuit:
    """Skip the store after ``threshold`` failures in a row; let one call through every ``cooldown_us``. Thread-safe.

    Without it, a store that hangs adds its whole timeout to every request.
    """

    def __init__(self, clock_us: Callable[[], int], threshold: int = 3, cooldown_us: int = 1_000_000) -> None:
        self._clock_us, self._threshold, self._cooldown_us = clock_us, threshold, cooldown_us
        self._failures = 0
        self._next_probe = 0
        self._lock = Lock()

    def allows(self) -> bool:
        """Return whether to ask the store. While open, saying yes books the probe, so that one caller makes it."""
        with self._lock:
            if self._failures < self._threshold:
                return True
            now = self._clock_us()
            if now < self._next_probe:
                return False
            self._next_probe = now + self._cooldown_us
            return True

    def record(self, *, ok: bool) -> None:
        with self._lock:
            self._failures = 0 if ok else self._failures + 1
            if self._failures == self._threshold:
                self._next_probe = self._clock_us() + self._cooldown_us

    @property
    def cooldown_s(self) -> int:
        """Seconds, rounded up: what a refused client is told to wait."""
        return max(1, -(-self._cooldown_us // 1_000_000))
