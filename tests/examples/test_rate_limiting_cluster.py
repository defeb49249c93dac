"""The limiter on a real cluster, and through a real failover: where keys live, and what is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from redis.crc import key_slot

from examples.rate_limiting import script
from examples.rate_limiting.decision import Organization, Outcome
from examples.rate_limiting.limiter import (
    AsyncRateLimiter,
    RateLimiter,
    Settings,
    connect,
    connect_cluster,
    connect_cluster_async,
)
from examples.rate_limiting.tiers import TIERS, UNIT, Limit, Tier, WhenStoreFails
from tests.examples.helpers import PATIENT_S, Clock, dead_port, new_user, saved, valkey
from tests.examples.waiting import wait_until

SLOW = Tier("slow", Limit(1, 10), Limit(1, 10_000), WhenStoreFails.DENY)
"""A token a minute: what a test uses is still there when it looks."""


def patient(**changed: Any) -> Settings:
    fixed = {"gateways": 20, "timeout_s": PATIENT_S, "settle_timeout_s": PATIENT_S, "refusals_us": 0}
    return Settings(**{**fixed, "tiers": {**TIERS, "slow": SLOW}, **changed})


# Two primaries, half of the slots each ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Cluster:
    """Two primaries of one cluster: their addresses, and a client for each that follows nothing."""

    ports: tuple[int, int]
    nodes: tuple[redis.Redis, redis.Redis]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.ports[0]}"

    def owner(self, key: str) -> int:
        """Return which of the two nodes serves the key's slot."""
        for node in (0, 1):
            with suppress(redis.exceptions.MovedError):
                self.nodes[node].exists(key)
                return node
        raise AssertionError(key)

    def id(self, node: int) -> str:
        return str(self.nodes[node].execute_command("CLUSTER MYID").decode())

    def user_on(self, node: int) -> str:
        """Return a new user whose keys that node has, as the slots were given out."""
        return next(user for user in iter(new_user, None) if (slot_of(user) >= 8192) == bool(node))


def slot_of(user: str, organization: str | None = None) -> int:
    (slot,) = {key_slot(key.encode()) for key in script.keys(user, organization)}
    return slot


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ExitStack() as stack:
        servers = [stack.enter_context(valkey(cluster_enabled="yes")) for _ in range(2)]
        nodes = [
            stack.enter_context(redis.Redis(port=server.port, socket_timeout=PATIENT_S)) for server in servers
        ]
        for node, slots in zip(nodes, [(0, 8191), (8192, 16383)], strict=True):
            node.execute_command("CLUSTER ADDSLOTSRANGE", *slots)
        nodes[0].execute_command("CLUSTER MEET", "127.0.0.1", servers[1].port)

        def ready(node: redis.Redis) -> bool:
            info: Any = node.execute_command("CLUSTER INFO")
            return info["cluster_state"] == "ok" and info["cluster_known_nodes"] == "2"

        wait_until(lambda: all(ready(node) for node in nodes))
        yield Cluster((servers[0].port, servers[1].port), (nodes[0], nodes[1]))


@pytest.fixture
def limiter(cluster: Cluster) -> Iterator[RateLimiter]:
    client = connect_cluster(cluster.url, PATIENT_S)
    yield RateLimiter(client, patient())
    client.close()


def test_users_spread_over_the_nodes_and_each_one_s_keys_stay_together(
    cluster: Cluster, limiter: RateLimiter
) -> None:
    for node in (0, 1):
        user = cluster.user_on(node)
        claim = limiter.reserve(user, "slow", 4_000).reservation
        assert claim is not None
        assert cluster.nodes[node].exists(*script.keys(user)) == 2
        assert limiter.settle(claim, 100).applied
        assert limiter.reserve(user, "slow", 9_901).outcome is Outcome.REFUSED


def test_an_organization_s_users_live_where_it_does(cluster: Cluster, limiter: RateLimiter) -> None:
    name = cluster.user_on(1)
    of = Organization(name, "slow")
    for _ in range(3):
        user = new_user()
        assert slot_of(user, name) == key_slot(script.keys(new_user(), name)[2].encode())
        assert limiter.reserve(user, "slow", 1_000, organization=of).allowed
        assert cluster.nodes[1].exists(*script.keys(user, name)) == 4
    state = saved(cluster.nodes[1], user, name, of_all=True)
    assert state is not None
    assert state.held == 3_000 * UNIT


def test_keys_with_two_tags_are_refused_and_nothing_is_written(cluster: Cluster) -> None:
    one, other = cluster.user_on(0), cluster.user_on(0)
    keys = [script.keys(one)[0], script.keys(other)[1]]
    args = script.arguments("r", 10, 0, [SLOW])
    with pytest.raises(redis.exceptions.ClusterCrossSlotError):
        cluster.nodes[0].eval(script.RESERVE, 2, *keys, *args)
    assert not any(cluster.nodes[0].exists(key) for key in keys)


def test_each_node_is_given_the_scripts_when_it_lacks_them(cluster: Cluster, limiter: RateLimiter) -> None:
    claims = [limiter.reserve(cluster.user_on(node), "slow", 10).reservation for node in (0, 1)]
    for flushed in (cluster.nodes[:1], cluster.nodes):
        for node in flushed:
            node.script_flush()
        again = [limiter.reserve(cluster.user_on(node), "slow", 10) for node in (0, 1)]
        assert [decision.store_error for decision in again] == [None, None]
    for node in cluster.nodes:
        node.script_flush()
    assert all(claim and limiter.settle(claim, 1).applied for claim in claims)


def test_asyncio_on_a_cluster(cluster: Cluster) -> None:
    async def run() -> None:
        client = connect_cluster_async(cluster.url, PATIENT_S)
        try:
            mine = AsyncRateLimiter(client, patient())
            for node in (0, 1):
                decision = await mine.reserve(cluster.user_on(node), "slow", 4_000)
                assert decision.store_error is None
                for each in cluster.nodes:
                    each.script_flush()
                assert decision.reservation
                assert (await mine.settle(decision.reservation, 10)).applied
        finally:
            await client.aclose()

    asyncio.run(run())


def test_a_slot_that_moves_in_one_piece_takes_its_holds_along(cluster: Cluster, limiter: RateLimiter) -> None:
    """``CLUSTER MIGRATESLOTS``, of Valkey 9: the client is told MOVED, follows, and nothing was given away."""
    user = cluster.user_on(0)
    slot, (bucket, holds) = slot_of(user), script.keys(user)
    claim = limiter.reserve(user, "slow", 9_000).reservation
    assert claim is not None
    cluster.nodes[0].execute_command(
        "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", cluster.id(1)
    )
    wait_until(lambda: cluster.owner(bucket) == 1)
    with pytest.raises(redis.exceptions.MovedError):
        cluster.nodes[0].eval(script.RESERVE, 2, bucket, holds, *script.arguments("x", 1, 0, [SLOW]))
    assert limiter.reserve(user, "slow", 1_001).outcome is Outcome.REFUSED
    assert limiter.settle(claim, 100).applied
    assert cluster.nodes[1].hget(bucket, "held") == b"0"


def test_a_slot_that_moves_key_by_key_fails_by_the_tier_s_policy_until_it_has_moved(
    cluster: Cluster, limiter: RateLimiter
) -> None:
    """Between the two keys' moves a script on both is told TRYAGAIN: no circuit opens, and nothing is lost."""
    user = cluster.user_on(0)
    slot, keys = slot_of(user), script.keys(user)
    claim = limiter.reserve(user, "slow", 9_000).reservation
    assert claim is not None
    cluster.nodes[1].execute_command("CLUSTER SETSLOT", slot, "IMPORTING", cluster.id(0))
    cluster.nodes[0].execute_command("CLUSTER SETSLOT", slot, "MIGRATING", cluster.id(1))

    def migrate(key: str) -> None:
        cluster.nodes[0].execute_command("MIGRATE", "127.0.0.1", cluster.ports[1], "", 0, 10_000, "KEYS", key)

    migrate(keys[0])
    half = limiter.reserve(user, "slow", 1)
    assert (half.outcome, half.store_error) == (Outcome.UNAVAILABLE, "ClusterError")
    new = limiter.reserve(
        new_user(), "slow", 1, organization=Organization(user, "slow")
    )  # in this slot, with no keys yet
    assert (new.outcome, new.store_error) == (Outcome.UNAVAILABLE, "ClusterError")
    assert limiter.reserve(cluster.user_on(0), "slow", 1).store_error is None
    migrate(keys[1])
    for node in (1, 0):
        cluster.nodes[node].execute_command("CLUSTER SETSLOT", slot, "NODE", cluster.id(1))
    assert limiter.reserve(user, "slow", 1_001).outcome is Outcome.REFUSED
    assert limiter.settle(claim, 100).applied


def test_a_lost_shard_opens_its_own_circuit(cluster: Cluster) -> None:
    """Its users get their tier's policy at once; those of the other shard neither notice nor keep it closed."""
    client = connect_cluster(cluster.url, PATIENT_S)
    mine = RateLimiter(client, patient(clock_us=Clock()))
    ask, lost = mine._reserve, client.get_node_from_key(script.keys(cluster.user_on(1))[0]).name

    def partly(**call: Any) -> Any:
        if client.get_node_from_key(call["keys"][0]).name == lost:
            raise redis.ConnectionError("gone")
        return ask(**call)

    mine._reserve = partly  # type: ignore[assignment]
    errors = [
        [mine.reserve(cluster.user_on(node), "slow", 1).store_error for node in (0, 1)] for _ in range(4)
    ]
    assert errors == [[None, "ConnectionError"]] * 3 + [[None, "CircuitOpen"]]
    client.close()


def test_a_cluster_out_of_reach_is_a_failing_store() -> None:
    """redis-py's RedisClusterException is no RedisError."""

    async def run() -> None:
        client = connect_cluster_async(f"redis://127.0.0.1:{dead_port()}", PATIENT_S)
        mine = AsyncRateLimiter(client, patient(clock_us=Clock()))
        answers = [await mine.reserve(new_user(), "pro", 1) for _ in range(4)]
        assert [answer.store_error for answer in answers] == ["RedisClusterException"] * 3 + ["CircuitOpen"]
        assert {answer.outcome for answer in answers} == {Outcome.ALLOWED}
        await client.aclose()

    asyncio.run(run())


# A primary and its replica ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """A primary and its replica, in step."""

    urls: tuple[str, str]
    primary: redis.Redis
    replica: redis.Redis

    def caught_up(self) -> None:
        """Wait until the replica has all. WAIT looks at its own connection's writes only, so it gets a last one."""
        self.primary.set("a write", "for WAIT to wait for")
        wait_until(lambda: bool(self.primary.wait(1, 1_000)))


@pytest.fixture
def pair() -> Iterator[Pair]:
    with ExitStack() as stack:
        servers = [stack.enter_context(valkey(repl_diskless_sync_delay=0)) for _ in range(2)]
        primary, replica = (
            stack.enter_context(redis.Redis(port=server.port, socket_timeout=PATIENT_S)) for server in servers
        )
        replica.replicaof("127.0.0.1", servers[0].port)
        primary.set("a write", "for WAIT to wait for")
        found = Pair(
            (f"redis://127.0.0.1:{servers[0].port}/0", f"redis://127.0.0.1:{servers[1].port}/0"),
            primary,
            replica,
        )
        found.caught_up()
        yield found


def at(url: str, **changed: Any) -> RateLimiter:
    return RateLimiter(connect(url, PATIENT_S), patient(**changed))


def test_a_failover_forgets_what_had_not_reached_the_replica_and_no_more(pair: Pair) -> None:
    """The old primary, cut off, goes on admitting; the new one admits the same again, and nothing beyond."""
    user, old, new = new_user(), at(pair.urls[0]), at(pair.urls[1])
    early = old.reserve(user, "slow", 4_000).reservation
    open_hold = old.reserve(user, "slow", 1_000).reservation
    assert early is not None
    assert open_hold is not None
    assert old.settle(early, 4_000).applied
    pair.caught_up()
    pair.replica.replicaof("no", "one")
    late = old.reserve(user, "slow", 5_000).reservation
    assert late is not None
    assert old.settle(late, 5_000).applied
    assert not old.reserve(user, "slow", 10).allowed
    # Of 10,000, the new primary knows the 4,000 used and the 1,000 held: 5,000 are given away, no more.
    assert new.reserve(user, "slow", 5_000).allowed
    assert not new.reserve(user, "slow", 10).allowed
    # A hold that was replicated is settled there; one that was not is nothing to settle, and charges nothing.
    assert new.settle(open_hold, 10).applied
    assert not new.settle(late, 5_000).applied
    # At worst, a bucket that was full at the cut: figures.forgotten_at_most, but for the refill since.
    unlucky = new_user()
    admitted = [sum(each.reserve(unlucky, "slow", 2_000).allowed for _ in range(8)) for each in (old, new)]
    assert admitted == [SLOW.tokens.burst // 2_000] * 2


def test_a_demoted_primary_refuses_what_it_cannot_write(pair: Pair) -> None:
    """A script that would write is told READONLY; a mere refusal writes nothing, and is answered."""
    spent = new_user()
    assert at(pair.urls[0]).reserve(spent, "slow", 10_000).allowed
    pair.caught_up()
    mine = at(pair.urls[1], clock_us=Clock())
    assert mine.reserve(spent, "slow", 1).outcome is Outcome.REFUSED
    answers = [mine.reserve(new_user(), "slow", 1) for _ in range(4)]
    assert [answer.store_error for answer in answers] == ["ReadOnlyError"] * 3 + ["CircuitOpen"]
    assert {answer.outcome for answer in answers} == {Outcome.UNAVAILABLE}


def test_a_primary_that_wants_a_replica_stops_without_one(pair: Pair) -> None:
    user = new_user()
    pair.primary.config_set("min-replicas-to-write", 1)
    mine = at(pair.urls[0], clock_us=Clock())
    pair.caught_up()
    assert mine.reserve(user, "slow", 10).store_error is None
    pair.replica.replicaof("no", "one")
    wait_until(lambda: pair.primary.info("replication")["connected_slaves"] == 0)
    before = saved(pair.primary, user)
    errors = [mine.reserve(user, "slow", 10).store_error for _ in range(4)]
    assert errors == ["ResponseError"] * 3 + ["CircuitOpen"]  # NOREPLICAS
    assert saved(pair.primary, user) == before


def test_a_primary_that_restarts_empty_empties_its_replica() -> None:
    """Why its restart must not be automatic unless there is an append-only file."""
    user = new_user()
    with valkey(repl_diskless_sync_delay=0) as copy, redis.Redis(port=copy.port) as replica:
        with valkey(repl_diskless_sync_delay=0) as first:
            port = first.port
            replica.replicaof("127.0.0.1", port)
            assert at(f"redis://127.0.0.1:{port}/0").reserve(user, "slow", 10_000).allowed
            wait_until(lambda: replica.exists(*script.keys(user)) == 2)
        with valkey(port, repl_diskless_sync_delay=0):
            assert at(f"redis://127.0.0.1:{port}/0").reserve(user, "slow", 10_000).allowed  # once more
            marked = new_user()
            assert at(f"redis://127.0.0.1:{port}/0").reserve(marked, "slow", 1).allowed
            wait_until(lambda: replica.exists(*script.keys(marked)) == 2)
            state = saved(replica, user)
            assert state is not None
            assert state.held == 10_000 * UNIT  # of the second one; of the first, nothing is left
            assert len(state.holds) == 1
