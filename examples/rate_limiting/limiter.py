"""The limiters over redis-py: blocking and asyncio. One set of scripts, arguments and answers serves both."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from examples.rate_limiting import script
from examples.rate_limiting.decision import Decision, Outcome, Reservation, Settlement, decide
from examples.rate_limiting.fallback import Circuit, LocalLimiter
from examples.rate_limiting.script import Reply
from examples.rate_limiting.tiers import TIERS, Tier, UnknownTier, WhenStoreFails

STORE_FAILURES = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.ReadOnlyError,
    redis.OutOfMemoryError,
    OSError,
)
"""What the circuit counts: the store is away, or takes no writes from anyone. ``asyncio.timeout`` raises an OSError.

Any other error reply may be one key's own (a WRONGTYPE): that request is answered by its tier's policy, too, and
the circuit stays as it is, so that one user cannot close the store to all.
"""
STORE_ERRORS = (redis.RedisError, OSError)
CIRCUIT_OPEN = "CircuitOpen"

TIMEOUT_S = 0.05
SETTLE_TIMEOUT_S = 1.0
"""A settle comes after the last token: when many streams end together it may queue for a connection."""
CONNECTIONS = 32
"""redis-py's own pool raises at 100, which is no failure of the store. This one waits, ``POOL_WAIT_S`` at most."""
POOL_WAIT_S = 1.0


# --8<-- [start:connect]
def connect(url: str, timeout_s: float = TIMEOUT_S) -> redis.Redis:
    """Return a client that gives up after ``timeout_s`` per socket read and never retries what timed out.

    redis-py 8.1 waits 5 s and retries ten times by default, on timeouts too, when the first try may have been
    counted. A call that has to connect or to load its script reads more than once.
    """
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=POOL_WAIT_S,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
    )
    return redis.Redis.from_pool(pool)


# --8<-- [end:connect]
def connect_async(url: str, timeout_s: float = TIMEOUT_S) -> redis.asyncio.Redis:
    """Return the asyncio client of the same temper as ``connect``. The limiter bounds whole calls.

    These timeouts bound what it cannot: until Python 3.12, ``asyncio.wait_for``, with which redis-py sends, may
    swallow a cancellation.
    """
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=POOL_WAIT_S,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=AsyncRetry(NoBackoff(), 0),
    )
    return redis.asyncio.Redis.from_pool(pool)


def monotonic_us() -> int:
    return time.monotonic_ns() // 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What differs between deployments and tests.

    ``gateways`` is how many share a limit while the store is away: worker processes, not hosts, since each has a
    local limiter of its own. The timeouts are for whole calls, and for asyncio only.
    """

    gateways: int
    tiers: Mapping[str, Tier] = field(default_factory=lambda: TIERS)
    clock_us: Callable[[], int] = (
        monotonic_us  # for the fallback and the circuit only: limits use the store's clock
    )
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex
    max_local_users: int = 100_000
    timeout_s: float = TIMEOUT_S
    settle_timeout_s: float = SETTLE_TIMEOUT_S
    jitter_s: Callable[[], int] = lambda: random.randrange(
        5
    )  # of a 503's Retry-After: not all return at once


@dataclass(frozen=True, slots=True)
class _Call:
    """One validated reserve, ready to be sent."""

    reservation: Reservation
    keys: list[str]
    args: list[int | str]


class _Rules:
    """Everything but the I/O: validation, answers, and what happens while the store is away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.clock_us = settings.clock_us
        self._local = LocalLimiter(settings.gateways, settings.clock_us, settings.max_local_users)
        self._circuit = Circuit(settings.clock_us)

    def _check(self, user: str, tier_name: str, tokens: int, claim_id: str | None) -> _Call | Decision:
        """Return the call to make, or the answer if none is needed. Bad input raises before the store is asked."""
        tier = self._settings.tiers.get(tier_name)
        if tier is None:
            raise UnknownTier(f"no tier is called {tier_name!r}")
        name = self._settings.new_id() if claim_id is None else claim_id
        # Read before the store is asked: no later than the deadline that the store will set.
        deadline = self.clock_us() + script.HOLD_MS * 1000
        claim = Reservation(user, tier, name, tokens, deadline)
        call = _Call(claim, script.keys(user), script.reserve_args(tier, claim.id, tokens))
        if tokens > tier.tokens.burst:
            return Decision(Outcome.NEVER, tier, tier.requests.burst, tier.tokens.burst, ("tokens",))
        return call

    def _answer(self, call: _Call, reply: Reply) -> Decision:
        self._circuit.record(ok=True)
        return decide(call.reservation, *script.read_reserve(reply))

    def _settled(self, reply: Reply) -> Settlement:
        self._circuit.record(ok=True)
        return Settlement(*script.read_settle(reply))

    def _failed(self, error: Exception) -> str:
        """Count an error if it is the store's; return its name, which is a metric's label and not a message."""
        if isinstance(error, STORE_FAILURES):
            self._circuit.record(ok=False)
        return type(error).__name__

    # --8<-- [start:degraded]
    def _degraded(self, call: _Call, error: str) -> Decision:
        """Answer without the store, by the tier's policy. A store that was asked may have counted: settle that."""
        claim, tier = call.reservation, call.reservation.tier
        counted = None if error == CIRCUIT_OPEN else claim
        if tier.when_store_fails is WhenStoreFails.LOCAL:
            left = self._local.reserve(claim.user, tier, claim.tokens)
            if left is not None:
                return Decision(Outcome.ALLOWED, tier, *left, reservation=counted, store_error=error)
        wait = (self._circuit.cooldown_s + self._settings.jitter_s(),)
        return Decision(Outcome.UNAVAILABLE, tier, 0, 0, wait_s=wait, reservation=counted, store_error=error)

    # --8<-- [end:degraded]


class RateLimiter(_Rules):
    """Reserve before the engine is called, settle after. Thread-safe: one for the whole process."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        super().__init__(settings)
        self._reserve = client.register_script(script.RESERVE)  # EVALSHA; on NOSCRIPT it loads and repeats
        self._settle = client.register_script(script.SETTLE)

    # --8<-- [start:reserve]
    def reserve(self, user: str, tier: str, tokens: int, claim_id: str | None = None) -> Decision:
        """Take one request and ``tokens`` (prompt estimate plus max_tokens), both or neither.

        Called again with the same ``claim_id`` and ``tokens`` while that is open, it is charged once. The id is
        the gateway's own, never a client's header: whoever chooses it chooses what is charged.
        """
        call = self._check(user, tier, tokens, claim_id)
        if isinstance(call, Decision):
            return call
        if not self._circuit.allows():
            return self._degraded(call, CIRCUIT_OPEN)
        try:
            reply = self._reserve(keys=call.keys, args=call.args)
        except STORE_ERRORS as error:
            return self._degraded(call, self._failed(error))
        return self._answer(call, reply)

    # --8<-- [end:reserve]
    def settle(self, claim: Reservation, actual: int) -> Settlement:
        """Replace the reserved tokens by ``actual``. A failing store does not raise: repeat it then, which is safe."""
        args = script.settle_args(claim.tier, claim.id, claim.tokens, actual)
        if not self._circuit.allows():
            return Settlement(False, store_error=CIRCUIT_OPEN)
        try:
            reply = self._settle(keys=script.keys(claim.user), args=args)
        except STORE_ERRORS as error:
            return Settlement(False, store_error=self._failed(error))
        return self._settled(reply)


class AsyncRateLimiter(_Rules):
    """The same for asyncio gateways: only the awaits and the timeouts, here for whole calls, differ."""

    def __init__(self, client: redis.asyncio.Redis, settings: Settings) -> None:
        super().__init__(settings)
        self._reserve = client.register_script(script.RESERVE)
        self._settle = client.register_script(script.SETTLE)

    async def reserve(self, user: str, tier: str, tokens: int, claim_id: str | None = None) -> Decision:
        """See ``RateLimiter.reserve``."""
        call = self._check(user, tier, tokens, claim_id)
        if isinstance(call, Decision):
            return call
        if not self._circuit.allows():
            return self._degraded(call, CIRCUIT_OPEN)
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                reply = await self._reserve(keys=call.keys, args=call.args)
        except STORE_ERRORS as error:
            return self._degraded(call, self._failed(error))
        return self._answer(call, reply)

    async def settle(self, claim: Reservation, actual: int) -> Settlement:
        """See ``RateLimiter.settle``. ``Unsettled.settle`` keeps it from being cancelled, and repeats it."""
        args = script.settle_args(claim.tier, claim.id, claim.tokens, actual)
        if not self._circuit.allows():
            return Settlement(False, store_error=CIRCUIT_OPEN)
        try:
            async with asyncio.timeout(self._settings.settle_timeout_s):
                reply = await self._settle(keys=script.keys(claim.user), args=args)
        except STORE_ERRORS as error:
            return Settlement(False, store_error=self._failed(error))
        return self._settled(reply)
