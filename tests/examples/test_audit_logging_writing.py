"""The write path above the journal: outages of the queue, streams and how they end, the sweep."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from examples.audit_logging import chain, events, recorder, streaming
from examples.audit_logging.events import Notice, Outcome, Tool
from examples.audit_logging.journal import Journal
from examples.audit_logging.recorder import (
    AuditUnavailable,
    QueueAway,
    Recorder,
    SealedOtherwise,
    open_recorder,
)
from examples.audit_logging.streaming import Blocked, Disconnected, audited, swept
from tests.examples.test_audit_logging import (
    ANNA,
    BEN,
    ORIGIN,
    START,
    FakeQueue,
    event,
    hex_id,
    opened,
    unsynced,
)
from tests.examples.test_audit_logging_journal import Disk

# The recorder


class Replica:
    """A recorder on a queue and a clock."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.queue, self.now = folder, FakeQueue(), START
        self._ids = itertools.count()
        self.recorder = self.start()

    def start(self) -> Recorder:
        return open_recorder(self.folder, ORIGIN, "r01", self.queue, lambda: self.now, self.new_id, unsynced)

    def new_id(self) -> str:
        return hex_id("r01", next(self._ids))

    def record(self, n: int, *, replicated: bool = False) -> chain.Record:
        return self.recorder.record("hospital", event(at_us=START + n), replicated=replicated)

    def kinds(self, kind: str = "hospital") -> list[str]:
        found = [events.decode(record.payload) for record in self.queue.records[f"r01.{kind}"]]
        return [e.what.what if isinstance(e.what, Notice) else e.what.kind for e in found]


@pytest.fixture
def replica(tmp_path: Path) -> Replica:
    return Replica(tmp_path / "journals")


def test_an_event_is_in_the_queue_when_the_call_returns(replica: Replica) -> None:
    replica.record(1, replicated=True)
    assert replica.kinds() == ["started", "denied"]
    assert replica.recorder.backlog() == 0


def test_while_the_queue_is_away_inference_goes_on_and_changes_stop(replica: Replica) -> None:
    replica.queue.away = True
    replica.record(1)
    with pytest.raises(AuditUnavailable, match="journal only"):
        replica.record(2, replicated=True)
    assert replica.recorder.backlog() == 2
    replica.now += 9 * 60_000_000
    replica.record(3)
    replica.now += 60_000_000 - 1
    replica.record(4)
    replica.now += 1  # ten minutes after the first failure
    with pytest.raises(AuditUnavailable, match="too long"):
        replica.record(5)
    replica.queue.away = False
    replica.now += recorder.RETRY_US
    replica.recorder.ship()
    assert replica.recorder.backlog() == 0
    replica.record(6, replicated=True)
    assert replica.kinds() == ["started", *["denied"] * 5]  # 1, 2, 3, 4 and 6: nothing lost, no gap, in order
    replica.queue.away = True  # the next outage has ten minutes again
    replica.now += 60_000_000
    replica.record(7)


def test_the_backlog_is_bounded(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "BACKLOG_RECORDS", 3)
    replica.queue.away = True
    for n in range(3):
        replica.record(n)
    with pytest.raises(AuditUnavailable):
        replica.record(4)


def test_an_absent_queue_is_tried_once_a_second_and_by_no_user(replica: Replica) -> None:
    """A queue that hangs costs one timeout, not one for each request: the journal is enough for them."""
    replica.queue.away = True
    before = replica.queue.sends
    for n in range(50):
        replica.record(n)
    assert replica.queue.sends == before + 1
    replica.now += recorder.RETRY_US
    replica.record(51)
    assert replica.queue.sends == before + 1
    replica.recorder.ship()  # the timer
    assert replica.queue.sends == before + 2
    for n in range(3):  # and the same second serves those who need the queue
        with pytest.raises(AuditUnavailable):
            replica.record(60 + n, replicated=True)
    assert replica.queue.sends == before + 2
    replica.now += recorder.RETRY_US
    with pytest.raises(AuditUnavailable):
        replica.record(70, replicated=True)
    assert replica.queue.sends == before + 3


def test_what_has_happened_is_taken_after_the_limit_too(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refusing the outcome of an open stream, or the result of a tool that ran, prevents nothing and loses it."""
    replica.queue.away = True
    replica.record(1)
    replica.now += recorder.BACKLOG_US
    past = [Outcome(status="completed", generated=9, delivered=9), tool("done"), tool("failed")]
    for what in past:
        replica.recorder.record("hospital", event(what), replicated=False)
    for what in (opened("1" * 32).what, tool("intent"), event().what):
        with pytest.raises(AuditUnavailable, match="too long"):
            replica.recorder.record("hospital", event(what), replicated=False)
    monkeypatch.setattr(recorder, "BACKLOG_RECORDS", 1)
    replica.recorder.record("hospital", event(past[0]), replicated=False)
    replica.queue.away = False
    replica.now += recorder.RETRY_US
    replica.recorder.ship()
    assert replica.kinds() == ["started", "denied", "outcome", "tool", "tool", "outcome"]


def tool(stage: Any, call: str = "7" * 32) -> Tool:
    return Tool(
        call=call, tool="orders.create", effect="write", target="order/17", arguments="3" * 64, stage=stage
    )


def test_sending_reads_no_file_again(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else every event would cost as much as all before it in the file together."""

    def read(path: Path) -> bytes:
        raise AssertionError(f"{path.name} was read")

    monkeypatch.setattr(Path, "read_bytes", read)
    for n in range(5):
        replica.record(n, replicated=True)
    replica.queue.away = True
    for n in range(5, 10):
        replica.record(n)
    replica.queue.away = False
    replica.now += recorder.RETRY_US
    replica.recorder.ship()
    assert replica.kinds() == ["started", *["denied"] * 10]
    (stream,) = (s for s in replica.recorder._streams.values() if s.journal.stream == "r01.hospital")
    assert not stream.journal._kept  # and memory holds only what waits


def test_a_backlog_goes_in_batches_and_goes_on_where_it_stopped(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "BATCH_RECORDS", 4)
    replica.queue.away = True
    for n in range(10):
        replica.record(n)
    sizes: list[int] = []
    send = replica.queue.send

    def third_fails(records: Sequence[chain.Record]) -> None:
        sizes.append(len(records))
        if len(sizes) == 3:
            raise QueueAway
        send(records)

    replica.queue.away = False
    monkeypatch.setattr(replica.queue, "send", third_fails)
    replica.now += recorder.RETRY_US
    replica.recorder.ship()
    assert replica.recorder.backlog() == 2
    replica.now += recorder.RETRY_US
    replica.recorder.ship()
    assert sizes == [4, 4, 2, 2]
    assert replica.kinds() == ["started", *["denied"] * 10]


def test_a_lost_answer_repeats_the_same_bytes(replica: Replica) -> None:
    """FakeQueue fails the test if one number comes with two contents."""
    replica.queue.deaf = True
    with pytest.raises(AuditUnavailable):
        replica.record(1, replicated=True)
    replica.queue.deaf = False
    replica.now += recorder.RETRY_US
    replica.record(2, replicated=True)
    assert len(replica.queue.records["r01.hospital"]) == 3


def test_a_replica_sends_after_a_restart_what_it_had_not_sent(replica: Replica) -> None:
    replica.queue.away = True
    replica.record(1)
    for stream in replica.recorder._streams.values():
        stream.journal.close()
    with pytest.raises(QueueAway):
        replica.start()  # only the queue knows what the journal must hold
    replica.queue.away = False
    (file,) = (replica.folder / "r01.hospital").glob("*.log")
    file.write_bytes(file.read_bytes() + b"\0\0\1")  # the last frame was being written
    replica.recorder = replica.start()
    assert replica.kinds() == ["started", "denied", "started", "recovered"]
    last = events.decode(replica.queue.records["r01.hospital"][-1].payload)
    assert isinstance(last.what, Notice)
    assert last.what.number == 3


def test_a_bad_event_uses_up_no_number(replica: Replica) -> None:
    wrong = event().model_copy(update={"tenant": "a\nb"})
    with pytest.raises(ValueError, match="tenant"):
        replica.recorder.record("hospital", wrong, replicated=False)
    assert replica.record(1).seq == 2


def test_a_broken_disk_stops_everything(replica: Replica) -> None:
    stream = replica.recorder._streams["hospital"]
    stream.journal._sync = Disk(fail_at=1)
    for _ in range(2):
        with pytest.raises(AuditUnavailable, match="journal"):
            replica.record(1)


def test_threads_of_a_replica_lose_nothing_over_outages(replica: Replica) -> None:
    done: list[int] = []

    def work(n: int) -> None:
        for i in range(15):
            done.append(replica.record(1_000 * n + i).seq)
            if n == 0:
                replica.queue.away = i % 3 == 1
                replica.now += recorder.RETRY_US

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    replica.queue.away = False
    replica.now += recorder.RETRY_US
    replica.recorder.ship()
    assert sorted(done) == list(range(2, 92))
    assert [record.seq for record in replica.queue.records["r01.hospital"]] == list(range(1, 92))


def test_a_change_in_the_queue_shows_when_the_replica_reads_the_seal(replica: Replica) -> None:
    """The queue's administrator changes a record on its way and computes the links again: the seal is in order."""
    for n in range(3):
        replica.record(n)
    sent = replica.queue.records["r01.hospital"]
    replica.recorder.sealed({"r01.hospital": sent[-1].head, "r99.hospital": chain.Head(1, bytes(32))})
    changed = [*sent[:1]]
    for record in sent[1:]:
        payload = record.payload.replace(ANNA.encode(), BEN.encode())
        changed.append(chain.extend(changed[-1].head, record.stream, payload))
    made_up = chain.extend(sent[-1].head, "r01.hospital", sent[-1].payload)
    for head in (changed[-1].head, made_up.head):
        with pytest.raises(SealedOtherwise, match=r"r01\.hospital"):
            replica.recorder.sealed({"r01.hospital": head})


def test_an_older_seal_that_comes_again_is_no_alarm(tmp_path: Path) -> None:
    """Its records may be gone from the journal; they were compared before."""
    journal = Journal(tmp_path, ORIGIN, "r01.hospital", sync=unsynced, file_bytes=300)
    queue = FakeQueue()
    mine = Recorder({"hospital": journal}, queue, lambda: START)
    heads = []
    for n in range(6):
        heads.append(mine.record("hospital", event(at_us=START + n), replicated=True).head)
        mine.sealed({"r01.hospital": heads[-1]})
    assert len(list(tmp_path.glob("*.log"))) < 4
    for head in heads:
        mine.sealed({"r01.hospital": head})
    with pytest.raises(SealedOtherwise):
        mine.sealed({"r01.hospital": chain.Head(6, bytes(32))})


# Streams


async def stream(
    replica: Replica, tokens: int, hang_up_after: int | None = None, error: Exception | None = None
) -> list[int]:
    sent: list[int] = []
    clock = lambda: replica.now  # noqa: E731
    begun = opened("1" * 32, person="c2VhbGVk" * 6)
    async with audited(replica.recorder, "hospital", begun, replica.new_id, clock) as answer:
        for token in range(tokens):  # the engine
            answer.generated += 1
            await answer.allowed()
            if hang_up_after == token:
                raise Disconnected
            sent.append(token)
            answer.delivered += 1
        answer.digest = "5" * 64
        if error:
            raise error
    return sent


def last_outcome(replica: Replica) -> Outcome:
    what = events.decode(replica.queue.records["r01.hospital"][-1].payload).what
    assert isinstance(what, Outcome)
    return what


def test_a_stream_has_an_opening_and_an_outcome(replica: Replica) -> None:
    replica.now = START + 7
    assert asyncio.run(stream(replica, 3)) == [0, 1, 2]
    assert replica.kinds() == ["started", "opened", "outcome"]
    digest = "5" * 64
    assert last_outcome(replica) == Outcome(
        status="completed", generated=3, delivered=3, answer_digest=digest
    )
    begun, ended = (events.decode(r.payload) for r in replica.queue.records["r01.hospital"][1:])
    assert (ended.request, ended.actor, ended.where) == (begun.request, begun.actor, begun.where)
    assert (begun.at_us, ended.at_us) == (START, START + 7)
    assert ended.id != begun.id
    assert (begun.person, ended.person) == ("c2VhbGVk" * 6, None)  # it is sealed for the opening's id


def test_a_stream_goes_on_while_the_queue_is_away(replica: Replica) -> None:
    replica.queue.away = True
    assert asyncio.run(stream(replica, 3)) == [0, 1, 2]
    assert replica.recorder.backlog() == 2


@pytest.mark.parametrize(
    ("error", "status"),
    [(Disconnected(), "disconnected"), (Blocked(), "blocked"), (RuntimeError("out of memory"), "failed")],
)
def test_however_a_stream_ends_it_has_an_outcome(replica: Replica, error: Exception, status: str) -> None:
    with pytest.raises(type(error)):
        asyncio.run(stream(replica, 2, error=error))
    ended = last_outcome(replica)
    assert (ended.status, ended.generated, ended.delivered) == (status, 2, 2)


def test_generated_is_not_delivered(replica: Replica) -> None:
    with pytest.raises(Disconnected):
        asyncio.run(stream(replica, 5, hang_up_after=2))
    assert last_outcome(replica) == Outcome(status="disconnected", generated=3, delivered=2)


def test_a_cancelled_task_writes_its_outcome_too(replica: Replica) -> None:
    """By a deployment or a timeout: it is no evidence that the client hung up."""

    async def cancelled() -> None:
        started = asyncio.Event()

        async def body() -> None:
            async with audited(
                replica.recorder, "hospital", opened("1" * 32), replica.new_id, lambda: START
            ) as answer:
                await answer.allowed()
                started.set()
                await asyncio.sleep(3600)

        task = asyncio.create_task(body())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.gather(*streaming._running)

    asyncio.run(cancelled())
    assert last_outcome(replica).status == "canceled"


def test_a_cancellation_while_the_opening_is_written_leaves_both_events(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled twice: by a timeout, and by a server that shuts down while the outcome waits for the opening."""
    stored, record = threading.Event(), replica.recorder.record

    def slow(*args: Any, **kwargs: Any) -> chain.Record:
        assert stored.wait(10)
        return record(*args, **kwargs)

    monkeypatch.setattr(replica.recorder, "record", slow)

    async def cancelled() -> None:
        task = asyncio.create_task(stream(replica, 1))
        for _ in range(2):
            await asyncio.sleep(0.01)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stored.set()
        await asyncio.gather(*streaming._running)

    asyncio.run(cancelled())
    assert replica.kinds() == ["started", "opened", "outcome"]
    assert last_outcome(replica).status == "canceled"


def test_a_generator_that_is_closed_was_canceled(replica: Replica) -> None:
    """Some frameworks close the response's generator, whoever ended the request."""

    async def run() -> None:
        async def tokens() -> AsyncIterator[int]:
            async with audited(
                replica.recorder, "hospital", opened("1" * 32), replica.new_id, lambda: START
            ) as answer:
                for token in range(5):
                    answer.generated += 1
                    await answer.allowed()
                    yield token
                    answer.delivered += 1

        response = tokens()
        async for token in response:
            if token == 1:
                break
        await response.aclose()  # type: ignore[attr-defined]

    asyncio.run(run())
    assert last_outcome(replica) == Outcome(status="canceled", generated=2, delivered=1)


def test_no_token_leaves_before_the_opening_is_stored(replica: Replica) -> None:
    replica.queue.away = True
    replica.record(0)
    replica.now += recorder.BACKLOG_US
    sent: list[int] = []

    async def run() -> None:
        sent.extend(await stream(replica, 3))

    with pytest.raises(AuditUnavailable):
        asyncio.run(run())
    assert sent == []


def test_a_stream_outlives_an_audit_that_fails_in_its_midst(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tokens are out; the outcome is the sweep's."""
    record = replica.recorder.record
    calls = itertools.count()

    def second_fails(*args: Any, **kwargs: Any) -> chain.Record:
        if next(calls):
            raise AuditUnavailable
        return record(*args, **kwargs)

    monkeypatch.setattr(replica.recorder, "record", second_fails)
    assert asyncio.run(stream(replica, 2)) == [0, 1]
    assert replica.kinds()[-1] == "opened"


def test_the_sweep_ends_what_a_dead_replica_left_open(replica: Replica) -> None:
    done = [
        opened("1" * 32),
        event(Outcome(status="completed", generated=1, delivered=1), request="1" * 32),
    ]
    dead = opened("2" * 32, BEN, where="r07", person="c2VhbGVk" * 6)
    alive = opened("3" * 32, where="r01")
    old = opened("4" * 32, at_us=START - 16 * 60_000_000)
    seen = [*done, dead, alive, old]
    found = swept(seen, gone={"r07"}, now_us=START)
    assert [(e.request, e.actor, e.what.status) for e in found if isinstance(e.what, Outcome)] == [
        ("2" * 32, BEN, "unknown"),
        ("4" * 32, ANNA, "unknown"),
    ]
    for each in found:
        events.encode(each)
        assert (each.at_us, each.where, each.person) == (START, "sweeper", None)
    assert {each.id for each in found}.isdisjoint(each.id for each in seen)
    assert [e.id for e in swept(seen, {"r07"}, START + 5)] == [e.id for e in found]
    assert swept([*seen, *found], {"r07"}, START) == []


def test_the_sweep_ends_a_tools_intent_without_a_result() -> None:
    """Whether it ran, the tool's own system knows by the call's id; the log says that nobody reported it."""
    dead, done, other = (f"{n}" * 32 for n in range(3))
    seen = [
        event(tool("intent", dead), where="r07"),
        event(tool("intent", done), where="r07"),
        event(tool("done", done), where="r07"),
        event(tool("intent", other), where="r01"),
    ]
    (found,) = swept(seen, {"r07"}, START)
    assert isinstance(found.what, Tool)
    assert (found.what.call, found.what.stage, found.where) == (dead, "unknown", "sweeper")
    assert events.is_past(events.decode(events.encode(found)))
    assert [e.id for e in swept(seen, {"r07"}, START + 9)] == [found.id]
    assert swept([*seen, found], {"r07"}, START) == []
