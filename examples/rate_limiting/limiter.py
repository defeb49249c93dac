"""The limiters over redis-py: blocking and asyncio. One set of scripts, arguments and answers serves both."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from examples.rate_limiting import script
from examples.rate_limiting.decision import (
    SCOPES,
    Account,
    Decision,
    Organization,
    Outcome,
    Reservation,
    Settlement,
    decide,
    never,
    seconds,
)
from examples.rate_limiting.fallback import Circuit, LocalLimiter
from examples.rate_limiting.metrics import Metrics
from examples.rate_limiting.refusals import Refusals
from examples.rate_limiting.script import Args, Reply
from examples.rate_limiting.tiers import TIERS, Tier, UnknownTier, WhenStoreFails

Client = redis.Redis | redis.RedisCluster
AsyncClient = redis.asyncio.Redis | redis.asyncio.RedisCluster

STORE_FAILURES = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.ReadOnlyError,
    redis.OutOfMemoryError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.RedisClusterException,
    OSError,
)
STORE_CODES = ("NOREPLICAS", "MISCONF", "BUSY ")
"""Error codes that mean the same and for which redis-py has no class of its own."""
POOL_EMPTY = "No connection available"
"""What redis-py's blocking pools say after ``POOL_WAIT_S``, in a plain ConnectionError; the others have a class."""
STORE_ERRORS = (redis.RedisError, redis.exceptions.RedisClusterException, OSError)
CIRCUIT_OPEN = "CircuitOpen"


def is_store_failure(error: Exception) -> bool:
    """Return whether the circuit counts it: the store is away, or takes no writes from anyone.

    ``asyncio.timeout`` raises an OSError. Any other error reply may be one key's own (a WRONGTYPE): that request is
    answered by its tier's policy, too, and the circuit stays as it is, so that one user cannot close the store to
    all. A client without a free connection is no failing store.
    """
    if isinstance(error, redis.exceptions.MaxConnectionsError) or str(error).startswith(POOL_EMPTY):
        return False
    return isinstance(error, STORE_FAILURES) or str(error).startswith(STORE_CODES)


TIMEOUT_S = 0.05
SETTLE_TIMEOUT_S = 1.0
"""A settle comes after the last token: when many streams end together it may queue for a connection."""
CONNECTIONS = 32
"""redis-py's own pool raises at 100, which is no failure of the store. This one waits, ``POOL_WAIT_S`` at most."""
POOL_WAIT_S = 1.0
CLUSTER_CONNECTIONS = 600


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


def connect_cluster(url: str, timeout_s: float = TIMEOUT_S) -> redis.RedisCluster:
    """Return a client of a cluster, of the same temper. It follows MOVED by itself, and asks for the slots anew.

    Without a retry, the call that meets a failing node fails; the next one finds the slots where they are by then.
    """
    return redis.RedisCluster.from_url(
        url,
        connection_pool_class=partial(redis.BlockingConnectionPool, timeout=POOL_WAIT_S),
        max_connections=CONNECTIONS,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
    )


def connect_cluster_async(url: str, timeout_s: float = TIMEOUT_S) -> redis.asyncio.RedisCluster:
    """Return the asyncio client of a cluster. Its pools raise when they are empty, so they are larger than a
    gateway's open streams.
    """
    return redis.asyncio.RedisCluster.from_url(
        url,
        max_connections=CLUSTER_CONNECTIONS,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=AsyncRetry(NoBackoff(), 0),
    )


def monotonic_us() -> int:
    return time.monotonic_ns() // 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What differs between deployments and tests.

    ``gateways`` is how many share a limit while the store is away: worker processes, not hosts, since each has a
    local limiter of its own. Too many make ``fallback.cap`` smaller than a usual request. The timeouts are for
    whole calls, and for asyncio only.
    """

    gateways: int
    tiers: Mapping[str, Tier] = field(default_factory=lambda: TIERS)
    clock_us: Callable[[], int] = (
        monotonic_us  # for the fallback and the circuit only: limits use the store's clock
    )
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex
    max_local_users: int = 100_000
    refusals_us: int = 1_000_000  # how long a refusal is remembered; 0: never
    metrics: Metrics = field(default_factory=Metrics)
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
    args: Args
    asked_at: int


def _command(claim: Reservation, actual: int) -> tuple[list[str], Args]:
    """Return a script's keys and arguments."""
    tiers = [account.tier for account in claim.accounts]
    organization = claim.organization.id if claim.organization else None
    return script.keys(claim.user, organization), script.arguments(claim.id, claim.tokens, actual, tiers)


class _Rules:
    """Everything but the I/O: validation, answers, and what happens while the store is away."""

    def __init__(self, client: Client | AsyncClient, settings: Settings) -> None:
        self._settings = settings
        self.clock_us, self.metrics = settings.clock_us, settings.metrics
        self._local = LocalLimiter(settings.gateways, settings.clock_us, settings.max_local_users)
        self._refusals = Refusals(settings.clock_us, settings.refusals_us)
        self._cluster = (
            client if isinstance(client, (redis.RedisCluster, redis.asyncio.RedisCluster)) else None
        )
        self._circuits: dict[str, Circuit] = {}
        self._lock = Lock()

    def _circuit(self, keys: list[str]) -> Circuit:
        """Return the circuit of the node that has the keys: one lost shard of a cluster is not the whole store."""
        node = ""
        if self._cluster:
            with suppress(redis.exceptions.RedisClusterException):  # a slot that no node serves
                node = getattr(self._cluster.get_node_from_key(keys[0]), "name", "")
        with self._lock:
            if node not in self._circuits:
                self._circuits[node] = Circuit(self.clock_us)
            return self._circuits[node]

    def _tier(self, name: str) -> Tier:
        if name not in self._settings.tiers:
            raise UnknownTier(f"no tier is called {name!r}")
        return self._settings.tiers[name]

    def _check(
        self, user: str, tier_name: str, tokens: int, claim_id: str | None, member_of: Organization | None
    ) -> _Call | Decision:
        """Return the call to make, or the answer if none is needed. Bad input raises before the store is asked."""
        tier = self._tier(tier_name)
        organization = Account(member_of.id, self._tier(member_of.tier)) if member_of else None
        name = self._settings.new_id() if claim_id is None else claim_id
        now = self.clock_us()  # before the store is asked: no later than the deadline that it will set
        claim = Reservation(user, tier, name, tokens, now + script.HOLD_MS * 1000, organization)
        call = _Call(claim, *_command(claim, 0), now)
        if tokens > min(account.tier.tokens.burst for account in claim.accounts):
            return self._told(never(claim), "none")
        # Under an id of the caller's, this may be a repeat of what the store has taken.
        if claim_id is None and (refusal := self._refusals.find(claim)):
            return self._told(refusal, "cache")
        return call

    def _told(self, decision: Decision, source: str) -> Decision:
        """Count an answer on its way out."""
        self.metrics.add(
            "ratelimit_decisions_total",
            outcome=decision.outcome,
            tier=decision.tier.name,
            bucket="+".join(decision.refused_by) or "none",
            source=source,
        )
        return decision

    def _answer(self, call: _Call, reply: Reply) -> Decision:
        self._circuit(call.keys).record(ok=True)
        taken, gone = script.read_reserve(reply)
        if not taken:
            self._refusals.refused(call.reservation, call.asked_at, gone)
        return self._told(decide(call.reservation, taken, gone), "store")

    def _settled(self, keys: list[str], claim: Reservation, actual: int, reply: Reply) -> Settlement:
        self._circuit(keys).record(ok=True)
        each = script.read_settle(reply)
        for scope, account, (held, written_off) in zip(SCOPES, claim.accounts, each, strict=False):
            labels = {"tier": account.tier.name, "scope": scope}
            if held:
                self.metrics.add("ratelimit_reserved_tokens_total", claim.tokens, **labels)
                self.metrics.add("ratelimit_used_tokens_total", actual, **labels)
            if written_off:
                self.metrics.add("ratelimit_written_off_tokens_total", written_off, **labels)
        return Settlement(any(held for held, _ in each), max(written_off for _, written_off in each))

    def _failed(self, keys: list[str], call: str, error: Exception | None) -> str:
        """Count an error, or a call that the circuit skipped; return its name, which is a label and no message."""
        if error and is_store_failure(error):
            self._circuit(keys).record(ok=False)
        name = type(error).__name__ if error else CIRCUIT_OPEN
        self.metrics.add("ratelimit_store_errors_total", call=call, error=name)
        return name

    @contextmanager
    def _timed(self, call: str) -> Iterator[None]:
        start = self.clock_us()
        try:
            yield
        finally:
            self.metrics.observe("ratelimit_store_seconds", (self.clock_us() - start) / 1_000_000, call=call)

    # --8<-- [start:degraded]
    def _degraded(self, call: _Call, error: str) -> Decision:
        """Answer without the store, by the tier's policy. A store that was asked may have counted: settle that."""
        claim, tier = call.reservation, call.reservation.tier
        counted = None if error == CIRCUIT_OPEN else claim
        wait = self._circuit(call.keys).cooldown_s
        if all(account.tier.when_store_fails is WhenStoreFails.LOCAL for account in claim.accounts):
            local = self._local.reserve(claim.user, tier, claim.tokens, claim.organization)
            if local.taken:
                allowed = Decision(Outcome.ALLOWED, tier, *local.left, reservation=counted, store_error=error)
                return self._told(allowed, "local")
            wait = max(wait, seconds(local.wait_us))
        waits = (wait + self._settings.jitter_s(),)
        away = Decision(Outcome.UNAVAILABLE, tier, 0, 0, wait_s=waits, reservation=counted, store_error=error)
        return self._told(away, "local")

    # --8<-- [end:degraded]


class RateLimiter(_Rules):
    """Reserve before the engine is called, settle after. Thread-safe: one for the whole process."""

    def __init__(self, client: Client, settings: Settings) -> None:
        super().__init__(client, settings)
        self._reserve = client.register_script(script.RESERVE)  # EVALSHA; on NOSCRIPT it loads and repeats
        self._settle = client.register_script(script.SETTLE)

    # --8<-- [start:reserve]
    def reserve(
        self,
        user: str,
        tier: str,
        tokens: int,
        claim_id: str | None = None,
        organization: Organization | None = None,
    ) -> Decision:
        """Take one request and ``tokens`` (prompt estimate plus max_tokens) from user and organization, or nothing.

        Called again with the same ``claim_id`` and ``tokens`` while that is open, it is charged once. The id is
        the gateway's own, never a client's header: whoever chooses it chooses what is charged.
        """
        call = self._check(user, tier, tokens, claim_id, organization)
        if isinstance(call, Decision):  # larger than a whole bucket, or refused a moment ago
            return call
        if not self._circuit(call.keys).allows():
            return self._degraded(call, self._failed(call.keys, "reserve", None))
        try:
            with self._timed("reserve"):
                reply = self._reserve(keys=call.keys, args=call.args)
        except STORE_ERRORS as error:
            return self._degraded(call, self._failed(call.keys, "reserve", error))
        return self._answer(call, reply)

    # --8<-- [end:reserve]
    def settle(self, claim: Reservation, actual: int) -> Settlement:
        """Replace the reserved tokens by ``actual``. A failing store does not raise: repeat it then, which is safe."""
        keys, args = _command(claim, actual)
        if not self._circuit(keys).allows():
            return Settlement(False, store_error=self._failed(keys, "settle", None))
        try:
            with self._timed("settle"):
                reply = self._settle(keys=keys, args=args)
        except STORE_ERRORS as error:
            return Settlement(False, store_error=self._failed(keys, "settle", error))
        finally:  # whatever the answer: the store may have given tokens back
            self._refusals.settled(claim)
        return self._settled(keys, claim, actual, reply)


class AsyncRateLimiter(_Rules):
    """The same for asyncio gateways: only the awaits and the timeouts, here for whole calls, differ."""

    def __init__(self, client: AsyncClient, settings: Settings) -> None:
        super().__init__(client, settings)
        self._reserve = client.register_script(script.RESERVE)
        self._settle = client.register_script(script.SETTLE)

    async def reserve(
        self,
        user: str,
        tier: str,
        tokens: int,
        claim_id: str | None = None,
        organization: Organization | None = None,
    ) -> Decision:
        """See ``RateLimiter.reserve``."""
        call = self._check(user, tier, tokens, claim_id, organization)
        if isinstance(call, Decision):
            return call
        if not self._circuit(call.keys).allows():
            return self._degraded(call, self._failed(call.keys, "reserve", None))
        try:
            with self._timed("reserve"):
                async with asyncio.timeout(self._settings.timeout_s):
                    reply = await self._reserve(keys=call.keys, args=call.args)
        except STORE_ERRORS as error:
            return self._degraded(call, self._failed(call.keys, "reserve", error))
        return self._answer(call, reply)

    async def settle(self, claim: Reservation, actual: int) -> Settlement:
        """See ``RateLimiter.settle``. ``Unsettled.settle`` keeps it from being cancelled, and repeats it."""
        keys, args = _command(claim, actual)
        if not self._circuit(keys).allows():
            return Settlement(False, store_error=self._failed(keys, "settle", None))
        try:
            with self._timed("settle"):
                async with asyncio.timeout(self._settings.settle_timeout_s):
                    reply = await self._settle(keys=keys, args=args)
        except STORE_ERRORS as error:
            return Settlement(False, store_error=self._failed(keys, "settle", error))
        finally:  # whatever the answer: the store may have given tokens back
            self._refusals.settled(claim)
        return self._settled(keys, claim, actual, reply)
