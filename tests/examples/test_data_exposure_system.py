"""The system against a real server: it crosses two users as it ran, and cannot once it is mended."""

import asyncio
import gc
import inspect
import json
from collections.abc import Awaitable, Generator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples.data_exposure import canary, capture, lab
from examples.data_exposure.gateway import Ask, Gateway, Switches, outcome_of
from examples.data_exposure.pool import BadReply, Bare, Connection, Owner, Pool, State, StrictPool, parsed
from examples.data_exposure.sealing import NONCE, NotYours, Sealer, engine_salt, response_key

A, B = Owner("org_a", "u_a"), Owner("org_b", "u_b")
KEY = bytes(range(32))


class CancelAt:
    """Awaits a coroutine and cancels what it waits for where it suspends for the `place`-th time, as a task does.

    `reached` says whether it came so far. What an impatient client does at random, done at one await after the other.
    """

    def __init__(self, inner: Any, place: int) -> None:
        self.inner, self.place, self.reached = inner, place, False

    def __await__(self) -> Generator[Any, Any, Any]:
        suspended, step = 0, partial(self.inner.send, None)
        while True:
            try:
                waiting = step()
            except StopIteration as end:
                return end.value
            step = partial(self.inner.send, None)
            if suspended == self.place:
                self.reached = True
                if waiting is None:  # a bare yield to the loop, which nothing can cancel
                    step = partial(self.inner.throw, asyncio.CancelledError())
                    suspended += 1
                    continue
                waiting.cancel()
            suspended += 1
            try:
                yield waiting
            except BaseException as error:
                step = partial(self.inner.throw, error)


def at(store_url):
    parts = urlsplit(store_url)
    return parts.hostname, parts.port


def run(coroutine: Awaitable[Any]) -> Any:
    return asyncio.run(coroutine)


async def slowed(host, port):
    """A relay to the store whose replies take 5 ms, so that a read is a good part of a request."""

    async def relay(reader, writer):
        upstream_reader, upstream = await asyncio.open_connection(host, port)

        async def replies():
            while data := await upstream_reader.read(65536):
                await asyncio.sleep(0.005)
                writer.write(data)

        back = asyncio.create_task(replies())
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                upstream.write(data)
        back.cancel()
        upstream.close()
        writer.close()

    return await asyncio.start_server(relay, "127.0.0.1", 0)


async def fill(host, port, names, envelope=None):
    pool = Pool(host, port, 1)
    state = State(pool, envelope)
    for owner, name in ((A, names[0]), (B, names[1])):
        value = {"kind": "conversation", "of": owner.organization, "turns": [], "docs": []}
        await state.write(owner, name, value, lab.ignore)
    await pool.close()


@pytest.fixture
def names():
    """Keys of two conversations, new ones for each test."""
    number = Random().randrange(16**12)
    return f"conversation:{number:x}-a", f"conversation:{number:x}-b"


async def read_after_a_cancel(pool, names, place, envelope=None):
    """B's read is canceled at an await; then A reads its own, on the same connection. Whose does it get?"""
    state = State(pool, envelope)
    await state.read(B, names[1], "conversation", lab.ignore)  # opens the connection
    canceled = CancelAt(state.read(B, names[1], "conversation", lab.ignore), place)
    with suppress(asyncio.CancelledError):
        await canceled
    found = await state.read(A, names[0], "conversation", lab.ignore)
    return found["of"], canceled.reached


class TestOneCancel:
    def test_as_it_ran_two_users_are_crossed(self, store_url, names):
        async def crossed():
            host, port = at(store_url)
            await fill(host, port, names)
            found = []
            for place in range(10):
                pool = Pool(host, port, 1)
                found.append(await read_after_a_cancel(pool, names, place))
                await pool.close()
                if not found[-1][1]:
                    return found
            raise AssertionError("more awaits than expected")

        found = run(crossed())
        assert ("org_b", True) in found, "canceled while the reply is awaited: A gets B's"
        assert found[-1] == ("org_a", False), "not canceled: A gets its own"

    def test_mended_it_is_not_at_any_await(self, store_url, names):
        async def never():
            host, port = at(store_url)
            await fill(host, port, names)
            reached = 0
            for place in range(10):
                pool = StrictPool(host, port, 1)
                owner, was_reached = await read_after_a_cancel(pool, names, place)
                await pool.close()
                assert owner == "org_a", place
                reached += was_reached
                if not was_reached:
                    return reached
            raise AssertionError("more awaits than expected")

        assert run(never()) >= 1

    def test_a_sealed_value_refuses_on_the_old_pool(self, store_url, names):
        async def refused():
            host, port = at(store_url)
            sealer = Sealer({1: KEY})
            await fill(host, port, names, sealer)
            pool = Pool(host, port, 1)
            with pytest.raises(NotYours):
                await read_after_a_cancel(pool, names, 0, sealer)
            owner, _ = await read_after_a_cancel(pool, names, 99, sealer)
            await pool.close()
            return owner

        assert run(refused()) == "org_a"

    def test_the_installed_redis_py_closes_the_connection(self, store_url, names):
        async def never():
            host, port = at(store_url)
            await fill(host, port, names)
            reached = 0
            for place in range(40):
                async with redis.asyncio.Redis.from_url(
                    store_url, max_connections=1, socket_timeout=None
                ) as client:
                    await client.get(names[1])
                    canceled = CancelAt(client.get(names[1]), place)
                    try:
                        await canceled
                    except asyncio.CancelledError:
                        reached += 1
                    assert json.loads(await client.get(names[0]))["of"] == "org_a", place
                if not canceled.reached:
                    return reached
            return reached

        assert run(never()) >= 1
        source = inspect.getsource(redis.asyncio.connection.AbstractConnection.read_response)
        assert "except BaseException" in source


class Slow:
    """A server that answers each GET with its key, and only when it is told to."""

    def __init__(self) -> None:
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    async def __call__(self, reader, writer):
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                words = []
                for _ in range(int(line[1:])):
                    size = int((await reader.readline())[1:])
                    words.append((await reader.readexactly(size + 2))[:-2])
                self.asked.set()
                await self.answer.wait()
                writer.write(b"$%d\r\n%b\r\n" % (len(words[1]), words[1]))
        writer.close()


class TestAShield:
    @pytest.mark.parametrize(
        ("around", "kind", "finds"),
        [
            ("the read", Pool, RuntimeError),
            ("the read", StrictPool, b"a"),
            ("the lending", Pool, b"a"),
        ],
    )
    def test_it_protects_only_if_it_covers_the_return_too(self, around, kind, finds):
        """B is canceled while the server still works. Around the read alone, A gets a connection that is being read."""

        async def shielded():
            slow = Slow()
            server = await asyncio.start_server(slow, "127.0.0.1", 0)
            pool = kind(*server.sockets[0].getsockname(), 1)

            async def lent(key):
                async with pool.lend() as connection:
                    return await connection.call("GET", key)

            # The loop holds tasks by weak references alone: a shielded one that nobody awaits any more could be collected.
            lendings = []

            async def read(key):
                if around == "the lending":
                    lendings.append(asyncio.create_task(lent(key)))
                    return await asyncio.shield(lendings[-1])
                async with pool.lend() as connection:
                    return await asyncio.shield(connection.call("GET", key))

            first = asyncio.create_task(read("b"))
            await slow.asked.wait()
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            second = asyncio.create_task(read("a"))
            for _ in range(3):  # as far as it comes while the first reply is out
                await asyncio.sleep(0)
            gc.collect()
            slow.answer.set()
            [found] = await asyncio.gather(second, return_exceptions=True)
            await pool.close()
            server.close()
            return found

        found = run(shielded())
        assert found == finds if isinstance(finds, bytes) else isinstance(found, finds)


class TestThePool:
    @pytest.mark.parametrize("kind", [Pool, StrictPool])
    def test_an_error_closes_and_a_success_keeps(self, store_url, kind):
        async def lent():
            pool = kind(*at(store_url), 1)
            async with pool.lend() as first:
                await first.call("PING")
            async with pool.lend() as second:
                assert second is first
                with pytest.raises(BadReply):
                    await second.call("NOSUCH")
            with pytest.raises(ValueError, match="mine"):
                async with pool.lend():
                    raise ValueError("mine")
            async with pool.lend() as third:
                assert third is not first
                assert await third.call("ECHO", "x" * 100_000) == b"x" * 100_000
            await pool.close()

        run(lent())

    def test_an_error_reply_owes_nothing_more(self, store_url):
        """It was read. The strict pool closes the connection all the same where the error leaves its use."""

        async def owed():
            pool = StrictPool(*at(store_url), 1)
            async with pool.lend() as connection:
                with pytest.raises(BadReply):
                    await connection.call("NOSUCH")
                assert await connection.call("ECHO", "mine") == b"mine"
            await pool.close()

        run(owed())

    def test_its_size_bounds_what_is_lent_and_survives_failures(self, store_url):
        async def bounded():
            dead = StrictPool("127.0.0.1", 1, 2)
            for _ in range(5):  # more often than it has places
                with pytest.raises(ConnectionError):
                    async with dead.lend():
                        pass
            pool = StrictPool(*at(store_url), 2)
            open_now = most = 0

            async def use():
                nonlocal open_now, most
                async with pool.lend() as connection:
                    open_now += 1
                    most = max(most, open_now)
                    await connection.call("PING")
                    open_now -= 1

            await asyncio.gather(*(use() for _ in range(20)))
            await pool.close()
            return most

        assert run(bounded()) == 2

    @pytest.mark.parametrize("place", [0, 1])
    def test_a_cancel_while_it_opens_a_connection_gives_the_place_back(self, store_url, place):
        async def opened():
            pool = StrictPool(*at(store_url), 1)
            state = State(pool)
            with suppress(asyncio.CancelledError):
                await CancelAt(state.read(A, "conversation:none", "conversation", lab.ignore), place)
            assert pool._idle.qsize() == 1
            await pool.close()

        run(opened())

    def test_a_write_is_not_confirmed_by_another_commands_reply(self, store_url, names):
        async def unconfirmed():
            host, port = at(store_url)
            await fill(host, port, names)
            pool = Pool(host, port, 1)
            state = State(pool)
            await state.read(B, names[1], "conversation", lab.ignore)
            with suppress(asyncio.CancelledError):
                await CancelAt(state.read(B, names[1], "conversation", lab.ignore), 0)
            with pytest.raises(BadReply, match="not confirmed"):
                await state.write(A, names[0], {"kind": "conversation"}, lab.ignore)
            await pool.close()

        run(unconfirmed())

    def test_a_command_is_told_as_sent_and_as_read_and_what_it_wrote_lives_for_an_hour(
        self, store_url, names
    ):
        async def told():
            pool, ticks, steps = StrictPool(*at(store_url), 1), count(), []
            state = State(pool, now=lambda: float(next(ticks)))  # a second passes between two looks at it
            for command in (
                state.write(A, names[0], {"kind": "conversation"}, lambda *step: steps.append(step)),
                state.read(A, names[0], "conversation", lambda *step: steps.append(step)),
            ):
                await command
            async with pool.lend() as connection:
                left = int(await connection.call("TTL", names[0]))
            await pool.close()
            return connection.number, left, steps

        number, left, steps = run(told())
        assert steps == [("sent", number, 0.0), ("read", number, 1.0)] * 2
        assert 3_590 < left <= 3_600

    def test_a_server_that_closes_is_an_error(self):
        async def closed():
            async def hang_up(reader, writer):
                writer.close()

            server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
            connection = await Connection.open(*server.sockets[0].getsockname())
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await connection.call("GET", "x")
            connection.close()
            server.close()

        run(closed())

    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(seed=st.integers(0, 10**6), size=st.integers(1, 3), crowd=st.integers(2, 8))
    def test_no_interleaving_crosses_on_the_strict_pool(self, store_url, seed, size, crowd):
        """Many readers side by side, each dropped at a random await or not at all."""
        random = Random(seed)

        async def many():
            host, port = at(store_url)
            filler = Pool(host, port, 1)
            keys = [f"conversation:{seed}-{n}" for n in range(crowd)]
            for key in keys:
                value = {"kind": "conversation", "of": key}
                await State(filler).write(A, key, value, lab.ignore)
            await filler.close()
            pool = StrictPool(host, port, size)
            state = State(pool)

            async def reader(key, places):
                for place in places:
                    read = CancelAt(state.read(A, key, "conversation", lab.ignore), place)
                    with suppress(asyncio.CancelledError):
                        assert (await read)["of"] == key

            await asyncio.gather(
                *(reader(key, [random.choice((0, 0, 1, 2, 99)) for _ in range(6)]) for key in keys)
            )
            await pool.close()

        run(many())


@pytest.fixture(scope="module")
def outcomes(store_url):
    """Small runs with real clients, sockets and closes."""
    host, port = at(store_url)
    runs = {
        setup.name: setup
        for setup in lab.RUNS
        if setup.name in ("As it ran", "No client closes", "Mended pool", "Sealed values, pool as it ran")
    }
    runs["Sealed"] = runs.pop("Sealed values, pool as it ran")
    return {name: run(lab.run(setup, host, port, 300, seed=3)) for name, setup in runs.items()}


class TestTheGateway:
    def test_as_it_ran_it_crosses_under_closes(self, outcomes):
        found = outcomes["As it ran"]
        assert found.closed > 60
        assert found.first_hand + found.refused + found.bad_state > 0, "poisoned one way or another"
        for crossed in found.crossed:
            assert lab.commands_back(found.rows, crossed) is not None

    def test_without_closes_nothing_goes_wrong(self, outcomes):
        quiet = outcomes["No client closes"]
        assert (quiet.closed, quiet.first_hand, quiet.refused, quiet.bad_state) == (0, 0, 0, 0)

    def test_mended_nothing_goes_wrong_under_closes(self, outcomes):
        mended = outcomes["Mended pool"]
        assert mended.closed > 60
        assert (mended.first_hand, mended.refused, mended.bad_state, mended.not_theirs) == (0, 0, 0, 0)

    def test_sealed_nothing_crosses_and_it_is_loud(self, outcomes):
        sealed = outcomes["Sealed"]
        assert sealed.first_hand == 0
        assert sealed.closed > 60
        assert sealed.not_theirs + sealed.bad_state > 0

    def test_another_users_session_is_refused_and_a_lost_one_too(self, store_url):
        async def refused():
            pool = StrictPool(*at(store_url), 1)
            state = State(pool)
            await state.write(B, "session:s_x1", {"kind": "session", "user": "u_b"}, lab.ignore)
            gateway = Gateway(state, lambda o, q: [], lambda u: [])
            for session in ("s_x1", "s_nowhere"):
                ask = Ask("r", "u_a", "org_a", session, "c_x1", 2, "q")
                with pytest.raises(PermissionError):
                    async for _ in gateway.answer(ask):
                        pass
            await pool.close()

        run(refused())

    def test_a_cached_answer_stays_in_its_organization_and_leaves_memory_out(self, store_url):
        async def answers():
            pool = StrictPool(*at(store_url), 1)
            state = State(pool)
            for user in ("u_1", "u_2", "u_3"):
                await state.write(A, f"session:s_{user}", {"kind": "session", "user": user}, lab.ignore)
            gateway = Gateway(
                state, lambda o, q: [f"d_{o}"], lambda user: ["d_private"] if user == "u_1" else []
            )

            async def ask(user, organization):
                pieces = Ask("r", user, organization, f"s_{user}", f"c_new_{user}", 1, "q")
                return "".join([piece async for piece in gateway.answer(pieces)])

            first = await ask("u_1", "org_1")
            second = await ask("u_2", "org_1")
            third = await ask("u_3", "org_3")
            await pool.close()
            return first, second, third

        first, second, third = run(answers())
        assert "d_private" in first
        assert "d_private" not in second
        assert "d_org_1" not in third

    def test_the_record_of_a_turn_has_each_hop_in_order_and_the_turn_is_kept(self, store_url, names):
        async def turned():
            pool, ticks = StrictPool(*at(store_url), 1), count()
            state = State(pool, now=lambda: next(ticks) / 1_000)  # a command takes a millisecond
            session = f"session:{names[0]}"
            kept = {"kind": "conversation", "turns": ["first"], "docs": ["d_upload"]}
            await state.write(A, session, {"kind": "session", "user": "u_a"}, lab.ignore)
            await state.write(A, f"conversation:{names[0]}", kept, lab.ignore)
            gateway = Gateway(state, lambda o, q: [f"d_{o}"], lambda u: [f"d_{u}"])
            ask = Ask("r", "u_a", "org_a", names[0], names[0], 2, "second")
            pieces = [piece async for piece in gateway.answer(ask)]
            again = [piece async for piece in gateway.answer(ask)]
            kept = await state.read(A, f"conversation:{names[0]}", "conversation", lab.ignore)
            await pool.close()
            return pieces, again, kept, gateway.rows[: len(gateway.rows) // 2]

        pieces, again, kept, rows = run(turned())
        assert pieces == again == [f"from d_org_a d_u_a d_upload {n}" for n in range(3)]
        assert (kept["turns"], kept["docs"]) == (["first", "second", "second"], ["d_upload"])
        assert [(row["hop"], row.get("step")) for row in rows] == [
            ("identity", None),
            *(("session", "sent"), ("session", "read"), ("conversation", "sent"), ("conversation", "read")),
            *(("prompt", None), ("first_token", None), ("write", "sent"), ("write", "read")),
        ]
        assert [row["wait_us"] for row in rows if row.get("step") == "read"] == [1_000] * 3
        assert {row["request"] for row in rows} == {"r"}
        [prompt] = [row for row in rows if row["hop"] == "prompt"]
        assert prompt["docs"] == ["d_org_a", "d_u_a", "d_upload"]

    def test_a_switch_takes_its_source_out_and_nothing_else(self, store_url, names):
        """Or else the runs with a source off prove nothing about it."""

        async def first_turns(switches):
            pool = StrictPool(*at(store_url), 1)
            state = State(pool)
            gateway = Gateway(state, lambda o, q: ["d_library"], lambda u: ["d_memory"] * (u == "u_a"))
            gateway.switches = switches
            for user in ("u_b", "u_c", "u_a"):
                await state.write(A, f"session:{user}", {"kind": "session", "user": user}, lab.ignore)
                ask = Ask(user, user, "org_a", user, f"{names[0]}-{switches}-{user}", 1, "q")
                async for _ in gateway.answer(ask):
                    pass
            hits = [row["request"] for row in gateway.rows if row["hop"] == "cache"]
            async for _ in gateway.answer(Ask("later", "u_a", "org_a", "u_a", f"{names[0]}-new", 2, "q")):
                pass
            await pool.close()
            last = [row for row in gateway.rows if row["hop"] in ("cache", "prompt")][-1]
            return hits, last["hop"], last["docs"]

        for switches, expected in (
            (Switches(), (["u_c", "u_a"], "prompt", ["d_library", "d_memory"])),
            (Switches(response_cache=False), ([], "prompt", ["d_library", "d_memory"])),
            (Switches(retrieval=False), (["u_c", "u_a"], "prompt", ["d_memory"])),
            (Switches(memory=False), (["u_c", "u_a"], "prompt", ["d_library"])),
        ):
            assert run(first_turns(switches)) == expected

    @pytest.mark.parametrize(
        ("ends", "says"),
        [
            (None, "complete"),
            (PermissionError(), "401 session"),
            (BadReply(), "500 state"),
            (NotYours(), "500 NotYours"),
            (asyncio.CancelledError(), "closed by client"),
        ],
    )
    def test_the_log_tells_the_ways_to_end_apart(self, ends, says):
        async def ended():
            async def work():
                if ends:
                    raise ends

            task = asyncio.ensure_future(work())
            await asyncio.wait({task})
            return outcome_of(task)

        assert run(ended()) == says

    def test_the_captured_files_can_be_captured_again(self, store_url, tmp_path):
        often = replace(lab.RARE, closing=0.2)  # so that the first or second run has what is looked for
        files = capture.captured(*at(store_url), often, 250)
        capture.write(files, tmp_path)
        again = capture.simulated(tmp_path)
        ask = json.loads(files["report.json"])["request"]
        [row] = [line for line in again["requests.csv"].splitlines() if line.split(",")[1] == ask]
        assert f"{capture.A}" in row
        assert again["matches.csv"]

    @pytest.mark.parametrize(
        ("mine", "theirs", "is_it"),
        [
            (["d_a", "d_b"], ["d_c"], True),
            (["d_a", "d_b"], ["d_b", "d_c"], False),  # a second one
            (["d_a", "d_c"], ["d_b", "d_c"], False),  # a colleague's, and another request's foreign one
        ],
    )
    def test_the_report_is_of_the_one_prompt_with_another_organizations_document(self, mine, theirs, is_it):
        documents = {"d_a": ("org_a", "c1"), "d_b": ("org_b", "c2"), "d_c": ("org_a", "c3")}
        rows = [
            {"request": name, "at": at, "hop": hop, "docs": docs}
            for at, (name, docs) in enumerate({"r1": mine, "r2": theirs}.items())
            for hop in ("identity", "prompt")
        ]
        outcome = SimpleNamespace(rows=rows, documents=documents)
        for row in rows[::2]:
            del row["docs"]
        assert capture.asked_abroad(outcome, {"row": 1}) is is_it


class TestTheCanary:
    def test_it_names_what_is_foreign_and_what_was_not_answered(self):
        async def probed():
            async def answer(reader, writer):
                ask = json.loads(await reader.readline())
                writer.write(
                    {"own": b"from d_a 0\nfrom d_a 1\n", "other": b"from d_a d_b 0\n", "": b""}[
                        ask["question"]
                    ]
                )
                writer.close()

            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            asks = [
                Ask("r", "u_a", "org_a", "s", "c", 2, question) for question in ("own", "other", "", "own")
            ]
            waits = iter([None, None, None, 0.0])
            found = await canary.probe(
                server.sockets[0].getsockname(), asks, {"u_a": frozenset({"d_a"})}, lambda: next(waits)
            )
            server.close()
            return found

        assert sorted(run(probed())) == [("u_a", "d_b"), ("u_a", "nothing")]

    def test_an_answer_that_never_ends_and_one_without_a_server_are_told_with_the_others(self):
        async def probed():
            async def answer(reader, writer):
                ask = json.loads(await reader.readline())
                writer.write(b"from d_b 0\n")
                if ask["question"] == "ends":
                    writer.close()
                else:
                    await reader.read()  # until the canary hangs up
                    hung_up.set()
                    writer.close()

            hung_up = asyncio.Event()
            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            address = server.sockets[0].getsockname()
            asks = [Ask("r", "u_a", "org_a", "s", "c", 2, question) for question in ("ends", "never")]
            own = {"u_a": frozenset({"d_a"})}
            async with asyncio.timeout(20):
                found = await canary.probe(address, asks, own, lambda: None, patience_s=0.2)
                await hung_up.wait()
            server.close()
            await server.wait_closed()
            refused = await canary.probe(address, asks[:1], own, lambda: None)
            return found, refused

        found, refused = run(probed())
        assert sorted(found) == [("u_a", "d_b"), ("u_a", "nothing")]
        assert refused == [("u_a", "nothing")]

    def test_users_of_one_organization_are_strangers_to_each_other(self):
        async def probed():
            async def answer(reader, writer):
                await reader.readline()
                writer.write(b"from d_first 0\n")
                writer.close()

            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            asks = [Ask("r", user, "org_a", "s", "c", 2, "q") for user in ("u_first", "u_second")]
            own = {"u_first": frozenset({"d_first"}), "u_second": frozenset({"d_second"})}
            found = await canary.probe(server.sockets[0].getsockname(), asks, own, lambda: None)
            server.close()
            return found

        assert run(probed()) == [("u_second", "d_first")]

    @pytest.mark.parametrize(("kind", "finds"), [(Pool, True), (StrictPool, False)])
    def test_it_finds_the_fault_by_dropping_and_is_silent_when_it_is_mended(self, store_url, kind, finds):
        async def probed():
            relay = await slowed(*at(store_url))
            host, port = relay.sockets[0].getsockname()
            random = Random(5)
            pool = kind(host, port, 4)
            state = State(pool)
            owners = {"org_c1": Owner("org_c1", "u_c1"), "org_c2": Owner("org_c2", "u_c2")}
            for name, owner in owners.items():
                key = f"conversation:canary-{kind.__name__}-{name}"
                value = {"kind": "conversation", "of": key, "turns": [], "docs": [f"d_{name}"]}
                await state.write(owner, key, value, lab.ignore)
                session = {"kind": "session", "user": owner.user}
                await state.write(owner, f"session:canary-{name}", session, lab.ignore)
            gateway = Gateway(state, lambda o, q: [], lambda u: [])
            server = await asyncio.start_server(gateway.serve, "127.0.0.1", 0)
            found = []
            for turn in range(100 if finds else 15):
                asks = [
                    Ask(
                        f"r{n}",
                        owners[name].user,
                        name,
                        f"canary-{name}",
                        f"canary-{kind.__name__}-{name}",
                        turn + 2,
                        "q",
                    )
                    for n in range(6)
                    for name in owners
                ]
                found += await canary.probe(
                    server.sockets[0].getsockname(),
                    asks,
                    {owner.user: frozenset({f"d_{name}"}) for name, owner in owners.items()},
                    lambda: random.uniform(0, 0.03) if random.random() < 0.5 else None,
                )
                if found:
                    break
            server.close()
            relay.close()
            await pool.close()
            return found

        found = run(probed())
        assert bool(found) == finds
        assert all(document != user.replace("u_", "d_org_") for user, document in found)


class TestSealing:
    @given(st.binary(max_size=200), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
    def test_its_owner_opens_it_under_its_key(self, value, organization, user, key):
        sealer, owner = Sealer({1: KEY}), Owner(organization, user)
        assert sealer.open(owner, key, sealer.seal(owner, key, value)) == value

    @given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8), st.data())
    def test_nobody_else_does_nor_under_another_key(self, organization, user, key, data):
        sealer = Sealer({1: KEY})
        other = data.draw(st.tuples(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8)))
        if other == (organization, user, key):
            return
        sealed = sealer.seal(Owner(organization, user), key, b"v")
        with pytest.raises(NotYours):
            sealer.open(Owner(*other[:2]), other[2], sealed)

    def test_fields_cannot_be_shifted_into_each_other(self):
        sealer = Sealer({1: KEY})
        sealed = sealer.seal(Owner("ab", "c"), "k", b"v")
        for owner, key in ((Owner("a", "bc"), "k"), (Owner("ab", "ck"), ""), (Owner("", "abc"), "k")):
            with pytest.raises(NotYours):
                sealer.open(owner, key, sealed)

    @given(st.integers(0, 60), st.integers(1, 255))
    def test_a_changed_byte_is_refused(self, place, change):
        sealer = Sealer({1: KEY})
        sealed = bytearray(sealer.seal(A, "k", b"a value of some length"))
        sealed[place % len(sealed)] ^= change
        with pytest.raises(NotYours):
            sealer.open(A, "k", bytes(sealed))

    @pytest.mark.parametrize("junk", [b"", b"OK", b"\0\0\0\1", b'{"kind": "conversation"}', bytes(4 + NONCE)])
    def test_junk_and_unsealed_values_are_refused(self, junk):
        with pytest.raises(NotYours):
            Sealer({1: KEY}).open(A, "k", junk)

    def test_a_new_key_seals_and_the_old_still_opens_until_it_is_gone(self):
        old = Sealer({1: KEY})
        sealed = old.seal(A, "k", b"v")
        both = Sealer({1: KEY, 2: bytes(32)})
        assert both.open(A, "k", sealed) == b"v"
        newer = both.seal(A, "k", b"v")
        assert newer[:4] == b"\0\0\0\2"
        assert len(newer) == 4 + 96 // 8 + len(b"v") + 128 // 8  # the key's number, nonce, value, tag
        with pytest.raises(NotYours):
            Sealer({2: bytes(32)}).open(A, "k", sealed)

    def test_a_nonce_is_never_used_twice(self):
        sealer = Sealer({1: KEY})
        assert len({sealer.seal(A, "k", b"v")[4 : 4 + NONCE] for _ in range(1000)}) == 1000


PARTS = {"model": "m", "index": 1, "prompt": "p"}


class TestKeys:
    def test_a_cached_answer_is_asked_for_by_all_that_made_it(self):
        base = response_key(KEY, A, frozenset({"x", "y"}), PARTS)
        turned = dict(reversed(PARTS.items()))
        assert base == response_key(KEY, replace(A, user="u_other"), frozenset({"y", "x"}), turned)
        others = [
            response_key(KEY, B, frozenset({"x", "y"}), PARTS),
            response_key(KEY, A, frozenset({"x"}), PARTS),
            response_key(bytes(32), A, frozenset({"x", "y"}), PARTS),
            *(response_key(KEY, A, frozenset({"x", "y"}), PARTS | {name: "z"}) for name in PARTS),
        ]
        assert len({base, *others}) == 7

    def test_a_salt_is_an_organizations_and_tells_nothing(self):
        assert engine_salt(KEY, "a") == engine_salt(KEY, "a") != engine_salt(KEY, "b")
        assert "a" * 3 not in engine_salt(KEY, "aaa")
        assert engine_salt(KEY, "a") != engine_salt(bytes(32), "a")


class TestValues:
    @pytest.mark.parametrize("raw", [b"OK", b"1", b"null", b"[]", b'{"kind": "session"}', b"\xff"])
    def test_another_kind_is_refused(self, raw):
        with pytest.raises(BadReply):
            parsed(raw, "conversation")

    def test_bare_is_what_it_says(self):
        assert Bare().open(B, "k", Bare().seal(A, "k", b"v")) == b"v"
