"""The vault and the gateway, against a real store: what leaves, what is kept, and what happens when something fails."""

import asyncio
import contextlib
import gc
import hashlib
import json
import sys
import uuid

import pytest
from cryptography.exceptions import InvalidTag
from redis.asyncio import Redis

from examples.pii_redaction.cards import Cards
from examples.pii_redaction.gateway import Gateway, Message, Room, ScanCache, Turn, Unavailable, within
from examples.pii_redaction.names import trained
from examples.pii_redaction.patterns import STAND_IN, Emails, Ssns
from examples.pii_redaction.pseudonyms import Entry
from examples.pii_redaction.scanner import Scanner
from examples.pii_redaction.spans import Kind, Span
from examples.pii_redaction.vault import Vault

MASTER = bytes(range(32))
PATIENT_S = 30.0
PATTERNS = [Emails(), Cards(), Ssns(lambda _: False)]
SECRETS = ("jane@example.com", "219-09-9998", "Maria Garcia", "bob@example.com")


@pytest.fixture
def run(store_url):
    """Run a coroutine function with a client of the real store."""

    def with_store(use):
        async def main():
            async with Redis.from_url(store_url, socket_timeout=PATIENT_S) as client:
                return await use(client)

        return asyncio.run(main())

    return with_store


@pytest.fixture
def tenant():
    return f"tenant-{uuid.uuid4()}"


class TestVault:
    def test_a_value_comes_back_to_its_conversation_only_and_lives_a_day(self, run, store, tenant):
        async def use(client):
            vault = Vault(client, MASTER)
            await vault.save(tenant, "c-1", {"[SSN-aaaaaaaa]": Entry("219-09-9998", own=True)})
            assert await vault.load(tenant, "c-1", "[SSN-aaaaaaaa]") == Entry("219-09-9998", own=True)
            assert await vault.load(tenant, "c-2", "[SSN-aaaaaaaa]") is None
            assert await vault.load("another", "c-1", "[SSN-aaaaaaaa]") is None
            assert await vault.load(tenant, "c-1", "[SSN-bbbbbbbb]") is None

        run(use)
        key = f"pii:{{{tenant}:c-1}}"
        assert 86_340 < store.ttl(key) <= 86_400  # seconds of a day
        store.expire(key, 60)
        run(lambda client: Vault(client, MASTER).save(tenant, "c-1", {}))
        assert store.ttl(key) > 86_340, "a turn without new values also counts"
        store.pexpireat(key, 1)
        assert run(lambda client: Vault(client, MASTER).load(tenant, "c-1", "[SSN-aaaaaaaa]")) is None

    def test_the_store_holds_nothing_readable_nor_guessable(self, run, store, tenant):
        entries = {"[SSN-aaaaaaaa]": Entry("219-09-9998", own=True)}
        run(lambda client: Vault(client, MASTER).save(tenant, "c-1", entries))
        raw = store.hgetall(f"pii:{{{tenant}:c-1}}")[b"[SSN-aaaaaaaa]"]
        for form in (b"219-09-9998", b"219099998"):
            assert form not in raw
            assert hashlib.sha256(form).digest() not in raw
        run(lambda client: Vault(client, MASTER).save(tenant, "c-1", entries))
        assert store.hgetall(f"pii:{{{tenant}:c-1}}")[b"[SSN-aaaaaaaa]"] != raw, "a nonce is used once"

    def test_a_record_that_is_moved_or_changed_does_not_open(self, run, store, tenant):
        run(
            lambda client: Vault(client, MASTER).save(tenant, "c-1", {"[SSN-aaaaaaaa]": Entry("1", own=True)})
        )
        raw = store.hgetall(f"pii:{{{tenant}:c-1}}")[b"[SSN-aaaaaaaa]"]
        store.hset(f"pii:{{{tenant}:c-2}}", "[SSN-aaaaaaaa]", raw)
        store.hset(f"pii:{{{tenant}:c-1}}", "[SSN-bbbbbbbb]", raw)
        store.hset(f"pii:{{other-{tenant}:c-1}}", "[SSN-aaaaaaaa]", raw)
        store.hset(f"pii:{{{tenant}:c-3}}", "[SSN-aaaaaaaa]", raw[:-1] + bytes([raw[-1] ^ 1]))
        for where in (
            (tenant, "c-2", "[SSN-aaaaaaaa]"),
            (tenant, "c-1", "[SSN-bbbbbbbb]"),
            (f"other-{tenant}", "c-1", "[SSN-aaaaaaaa]"),
            (tenant, "c-3", "[SSN-aaaaaaaa]"),
        ):
            with pytest.raises(InvalidTag):
                run(lambda client, where=where: Vault(client, MASTER).load(*where))

    def test_a_ticket_does_not_take_a_value_away_from_its_owner(self, run, tenant):
        async def use(client):
            vault = Vault(client, MASTER)
            for own in (False, True, False):
                await vault.save(tenant, "c-1", {"[EMAIL-aaaaaaaa]": Entry("jane@example.com", own)})
            return await vault.load(tenant, "c-1", "[EMAIL-aaaaaaaa]")

        assert run(use) == Entry("jane@example.com", own=True)

    def test_forgetting(self, run, tenant):
        async def use(client):
            vault = Vault(client, MASTER)
            await vault.save(tenant, "c-1", {"[EMAIL-aaaaaaaa]": Entry("a", own=True)})
            await vault.forget(tenant, "c-1")
            return await vault.load(tenant, "c-1", "[EMAIL-aaaaaaaa]")

        assert run(use) is None


class Scene:
    """A gateway with models that record what reaches them and answer with what they are told."""

    def __init__(
        self, client, tenant, *, answer=lambda prompt: "ok", scan=None, deadline_s=PATIENT_S, places=1
    ):
        self.tenant, self.provided, self.owned, self.traces, self.scanned = tenant, [], [], [], []
        self.answer = answer
        self.room = Room(places)
        self.gateway = Gateway(
            scan=scan or self.scan,
            cache=ScanCache(client, MASTER, "1"),
            vault=Vault(client, MASTER),
            provider=self.model(self.provided),
            own_model=self.model(self.owned),
            trace=self.trace,
            room=self.room,
            master=MASTER,
            patterns=lambda tenant: PATTERNS,
            tagger=trained(),
            deadline_s=deadline_s,
        )

    async def scan(self, tenant, text):
        self.scanned.append(text)
        return Scanner(PATTERNS, trained()).scan(text)

    def model(self, reached):
        async def stream(prompt):
            reached.append(list(prompt))
            text = self.answer(list(prompt))
            for at in range(0, len(text), 3):
                yield text[at : at + 3]

        return stream

    async def trace(self, entry):
        self.traces.append(entry)

    async def ask(self, *messages, conversation="c-1"):
        turn = Turn(self.tenant, conversation, messages)
        shown = "".join([chunk async for chunk in self.gateway.ask(turn)])
        await self.gateway.drain()
        return shown


MINE = Message("My name is Maria Garcia, jane@example.com, ssn 219-09-9998.", own=True)
TICKET = Message("Ticket: bob@example.com wants a refund.")


def leaks(*places):
    return [secret for secret in SECRETS if secret in json.dumps(places, default=str)]


class TestGateway:
    def test_provider_and_trace_see_no_value_and_the_user_sees_only_the_users_own(self, run, tenant):
        async def use(client):
            scene = Scene(
                client, tenant, answer=lambda prompt: "I read: " + " ".join(prompt) + " eve@example.com"
            )
            return scene, await scene.ask(TICKET, MINE)

        scene, shown = run(use)
        assert leaks(scene.provided, scene.traces) == []
        assert len(STAND_IN.findall(" ".join(scene.provided[0]))) == 4
        assert not STAND_IN.search(json.dumps(scene.traces))
        assert scene.traces[0]["messages"][1] == "My name is [NAME], [EMAIL], ssn [SSN]."
        assert leaks(shown) == ["jane@example.com", "219-09-9998", "Maria Garcia"]
        assert "eve@" not in shown
        assert not STAND_IN.search(shown)

    def test_the_prompt_of_the_next_turn_begins_with_this_ones(self, run, tenant):
        async def use(client):
            scene = Scene(client, tenant)
            await scene.ask(TICKET, MINE)
            await scene.ask(TICKET, MINE, Message("Is jane@example.com right?", own=True))
            return scene

        scene = run(use)
        first, second = scene.provided
        assert second[:2] == first, "or no prefix cache can hit"
        assert scene.scanned.count(MINE.text) == 1
        assert scene.scanned.count(TICKET.text) == 1

    def test_a_new_version_of_the_detectors_reads_everything_again(self, run, tenant):
        async def use(client):
            old, new = ScanCache(client, MASTER, "1"), ScanCache(client, MASTER, "2")
            await old.put(tenant, "text", [Span(0, 4, Kind.NAME)])
            assert await new.get(tenant, "text") is None
            assert await old.get("another", "text") is None
            return await old.get(tenant, "text")

        assert run(use) == [Span(0, 4, Kind.NAME)]

    def test_the_cache_cannot_be_searched_for_a_number(self, run, store, tenant):
        run(lambda client: ScanCache(client, MASTER, "1").put(tenant, "my ssn is 219-09-9998", []))
        plain = hashlib.sha256(b"my ssn is 219-09-9998").hexdigest()
        assert not store.exists(f"scan:{plain}")
        assert b"219" not in b"".join(store.mget(list(store.keys("scan:*"))))

    @pytest.mark.parametrize("fault", ["raises", "hangs"])
    def test_text_that_is_not_scanned_reaches_neither_provider_nor_trace(self, run, tenant, fault):
        async def broken(tenant, text):
            if fault == "hangs":
                await asyncio.Event().wait()
            raise RuntimeError("no GPU")

        async def use(client):
            deadline = 0.05 if fault == "hangs" else PATIENT_S
            scene = Scene(client, tenant, answer=" ".join, scan=broken, deadline_s=deadline)
            return scene, await scene.ask(TICKET, MINE)

        scene, shown = run(use)
        assert scene.provided == []
        assert scene.owned == [[TICKET.text, MINE.text]]
        assert leaks(scene.traces) == []
        assert scene.traces == [{"tenant": tenant, "scanned": False}]
        assert "bob@" not in shown, "patterns still read the answer"

    def test_a_library_that_swallows_the_cancellation_does_not_hold_the_request(self, run, tenant):
        async def stubborn(tenant, text):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            await asyncio.Event().wait()

        async def use(client):
            scene = Scene(client, tenant, scan=stubborn, deadline_s=0.05)
            await asyncio.wait_for(scene.ask(MINE), PATIENT_S)
            return scene

        scene = run(use)
        assert scene.provided == []
        assert len(scene.owned) == 1

    @pytest.mark.skipif(sys.version_info >= (3, 12), reason="asyncio.wait_for was rewritten in Python 3.12")
    def test_redis_py_swallows_a_cancellation_while_it_sends_and_the_deadline_does_not_wait_for_it(self):
        """The claim about redis-py, against a server that answers the handshake and no command after it."""

        async def handshake_only(reader, writer):
            with contextlib.suppress(ConnectionError):
                while sent := await reader.read(4096):
                    commands = sent.count(b"\r\n*") + sent.startswith(b"*")
                    if b"HELLO" in sent:
                        writer.write(b"%1\r\n$5\r\nproto\r\n:3\r\n")
                    elif b"GET" not in sent:
                        writer.write(b"+OK\r\n" * commands)

        async def ask_and_cancel(port, turns):
            """Return whether the call ended once it was canceled after so many turns of the loop."""
            client = Redis(host="127.0.0.1", port=port, socket_timeout=PATIENT_S)
            call = asyncio.ensure_future(client.get("key"))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call], timeout=0.2)
            ended = call.done()
            call.cancel()
            await asyncio.wait([call], timeout=PATIENT_S)
            await client.aclose()
            return ended

        async def main():
            server = await asyncio.start_server(handshake_only, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            for turns in range(200):
                if not await ask_and_cancel(port, turns):
                    break
            else:
                pytest.fail("redis-py let every cancellation through: the page says otherwise")
            client = Redis(host="127.0.0.1", port=port, socket_timeout=PATIENT_S)
            late = await asyncio.wait_for(within(0.05, [client.get("key")]), PATIENT_S / 2)
            await client.aclose()
            server.close()
            return late

        assert asyncio.run(main()) is None

    def test_no_log_quotes_the_text_that_could_not_be_scanned(self, run, tenant, caplog):
        async def broken(*read):
            await asyncio.sleep(0)
            raise ValueError(f"cannot read {read}")

        async def use(client):
            scene = Scene(client, tenant, scan=broken)
            scene.gateway.trace = broken
            await scene.ask(TICKET, MINE)
            await asyncio.sleep(0)

        run(use)
        gc.collect()
        assert "background task failed: ValueError" in caplog.text
        assert leaks(caplog.text) == []

    def test_a_scan_that_is_cancelled_counts_as_failed(self, run, tenant):
        async def cancelled(tenant, text):
            raise asyncio.CancelledError

        async def use(client):
            scene = Scene(client, tenant, scan=cancelled)
            await scene.ask(MINE)
            return scene

        assert len(run(use).owned) == 1

    def test_the_user_does_not_wait_for_the_trace(self, run, tenant):
        gate = asyncio.Event()

        async def scan(tenant, text):
            if text == "ok":
                await gate.wait()
            return []

        async def use(client):
            scene = Scene(client, tenant, scan=scan)
            stream = scene.gateway.ask(Turn(tenant, "c-1", [MINE]))
            assert [chunk async for chunk in stream] == ["ok"]
            assert scene.traces == []
            gate.set()
            await scene.gateway.drain()
            return scene

        assert run(use).traces[0]["answer"] == "ok"

    def test_one_message_that_fails_keeps_the_whole_prompt_back(self, run, tenant):
        async def broken(tenant, text):
            if "Ticket" in text:
                raise RuntimeError("window lost")
            return Scanner(PATTERNS, trained()).scan(text)

        async def use(client):
            scene = Scene(client, tenant, scan=broken)
            await scene.ask(TICKET, MINE)
            return scene

        assert run(use).provided == []

    def test_a_full_room_refuses_and_a_finished_request_makes_place(self, run, tenant):
        async def broken(tenant, text):
            raise RuntimeError

        async def use(client):
            scene = Scene(client, tenant, scan=broken, places=1)
            stream = scene.gateway.ask(Turn(tenant, "c-1", [MINE]))
            await anext(stream)
            with pytest.raises(Unavailable):
                await scene.ask(MINE)
            await stream.aclose()  # the client hangs up
            await scene.ask(MINE)
            return scene

        scene = run(use)
        assert scene.provided == []
        assert len(scene.owned) == 2

    def test_an_answer_that_cannot_be_scanned_is_not_traced(self, run, tenant):
        async def scan(tenant, text):
            if text.startswith("Answer"):
                raise RuntimeError
            return Scanner(PATTERNS, trained()).scan(text)

        async def use(client):
            scene = Scene(client, tenant, answer=lambda prompt: "Answer eve@example.com", scan=scan)
            await scene.ask(MINE)
            return scene

        scene = run(use)
        assert "answer" not in scene.traces[0]
        assert scene.traces[0]["messages"]

    def test_with_the_store_away_it_scans_everything_and_serves(self, tenant):
        async def use():
            async with Redis.from_url(
                "redis://127.0.0.1:1/0", socket_connect_timeout=1, retry=None
            ) as client:
                scene = Scene(client, tenant, answer=" ".join)
                return scene, await scene.ask(TICKET, MINE)

        scene, shown = asyncio.run(use())
        assert leaks(scene.provided, scene.traces) == []
        assert "jane@example.com" in shown
        assert shown.endswith("219-09-9998."), "the end of the answer ends its last word"

    def test_a_hang_up_is_traced_without_values(self, run, tenant):
        async def use(client):
            scene = Scene(client, tenant, answer=lambda prompt: "Dear " + prompt[0] * 50)
            stream = scene.gateway.ask(Turn(tenant, "c-1", [MINE]))
            await anext(stream)
            await stream.aclose()
            await scene.gateway.drain()
            return scene

        scene = run(use)
        assert len(scene.traces) == 1
        assert leaks(scene.traces) == []
        assert not STAND_IN.search(json.dumps(scene.traces))

    def test_one_tenants_orders_let_no_number_of_another_tenant_pass(self, run, tenant):
        orders = {tenant: {"219099998"}}

        def patterns(of):
            return [Emails(), Cards(), Ssns(lambda digits: digits in orders.get(of, ()))]

        async def scan(of, text):
            return Scanner(patterns(of), trained()).scan(text)

        async def use(client):
            shown = []
            for of in (tenant, f"other-{tenant}"):
                scene = Scene(client, of, answer=lambda prompt: "about 219099998", scan=scan)
                scene.gateway.patterns = patterns
                await scene.ask(TICKET, Message("see 219099998 please"))
                shown.append((scene.provided[0][1], scene.traces[0]["answer"]))
                shown.append(await scene.ask(TICKET))
            return shown

        (prompt, trace), answer, (others_prompt, others_trace), others_answer = run(use)
        assert (prompt, trace, answer) == ("see 219099998 please", "about 219099998", "about 219099998")
        assert "219" not in others_prompt
        assert (others_trace, others_answer) == ("about [SSN]", "about [SSN]")

    @pytest.mark.parametrize(
        "text", ["Dear you, it is 219-09-9998 I think", "Dear you, write to eve@example.com"]
    )
    @pytest.mark.parametrize("by", ["the client", "the model"])
    def test_of_an_answer_that_breaks_off_no_half_value_is_traced(self, run, tenant, text, by):
        """Nine digits cut after the seventh are no SSN to any detector."""
        cut = text.index("8 I") if "8 I" in text else text.index("mple.com")

        async def breaks_off(prompt):
            for at in range(cut):
                yield text[at]
            if by == "the model":
                raise ConnectionError
            await asyncio.Event().wait()

        async def use(client):
            scene = Scene(client, tenant)
            scene.gateway.provider = breaks_off
            stream = scene.gateway.ask(Turn(tenant, "c-1", [MINE]))
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(0.5 if by == "the client" else PATIENT_S):
                    async for _ in stream:
                        pass
            await stream.aclose()
            await scene.gateway.drain()
            return scene.traces

        (trace,) = run(use)
        assert trace["answer"].startswith("Dear you")
        assert "219" not in trace["answer"]
        assert "eve" not in trace["answer"]

    def test_values_do_not_show_in_representations(self, run, tenant):
        async def use(client):
            scene = Scene(client, tenant)
            return repr(await scene.gateway._prepare(Turn(tenant, "c-1", [MINE]))) + repr(scene.gateway)

        shown = run(use)
        assert leaks(shown) == []
        assert repr(MASTER) not in shown
