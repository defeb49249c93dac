"""The log as a whole: sealing, the auditor's check, and every kind of tampering that the page names.

Also holds what the other tests of this example share: `World`, `event`, `FakeQueue`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from examples.audit_logging import archive, chain, events, figures, verify
from examples.audit_logging.archive import Archive, Sealer
from examples.audit_logging.chain import Record
from examples.audit_logging.events import Denied, Event, Opened
from examples.audit_logging.recorder import QueueAway
from examples.audit_logging.seals import Checkpoint, LocalSigner

ORIGIN = "audit.example/prod"
MINUTE = 60_000_000
START = 1_764_000_000_000_000  # November 2025
KEY, OTHER_KEY, WITNESS_KEY = (LocalSigner(bytes([n]) * 32) for n in (1, 2, 3))
ANNA, BEN, CARL = "a" * 32, "b" * 32, "c" * 32


def hex_id(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def event(what: Any = None, actor: str = ANNA, at_us: int = START, **fields: Any) -> Event:
    what = what or Denied(rule="tools.write")
    defaults: dict[str, Any] = {
        "id": hex_id(actor, at_us, what, tuple(fields.items())),
        "tenant": "st-mary",
        "role": "user",
        "credential": "key/7f3a",
        "request": None,
        "where": "r01",
        "policy": "p-2026-11-02",
    }
    return Event(at_us=at_us, actor=actor, what=what, **(defaults | fields))


def opened(request: str, actor: str = ANNA, at_us: int = START, **fields: Any) -> Event:
    what = Opened(
        rule="chat.call", model="m-7/4", system_prompt="1" * 64, prompt_tokens=2_000, prompt_digest="2" * 64
    )
    return event(what, actor, at_us, request=request, **fields)


def unsynced(handle: int) -> None:
    """For tests that are not about durability: a disk that is always done."""


class FakeQueue:
    """A queue that keeps everything, refuses while `away`, and may lose its answer after it has the records."""

    def __init__(self, deliver: Callable[[bytes], None] | None = None) -> None:
        self.records: dict[str, list[Record]] = {}
        self.away = self.deaf = False
        self.sends = 0
        self._deliver, self._lock = deliver, threading.Lock()

    def send(self, records: Sequence[Record]) -> None:
        with self._lock:
            self.sends += 1
            if self.away:
                raise QueueAway
            for record in records:
                kept = self.records.setdefault(record.stream, [])
                if record.seq <= len(kept):
                    assert kept[record.seq - 1] == record, "the same number with other bytes"
                    continue
                assert record.seq == len(kept) + 1, "a gap"
                kept.append(record)
                if self._deliver:
                    self._deliver(record.body)
            if self.deaf:
                raise QueueAway

    def last(self, stream: str) -> int:
        if self.away:
            raise QueueAway
        return len(self.records.get(stream, []))


class World:
    """Writers, a sealer, an archive, a witness and a clock."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, START
        self.archive = Archive(folder / "archive", unsynced)
        self.sealer = Sealer(self.archive, KEY, ORIGIN, lambda: self.now)
        self.heads: dict[str, chain.Head] = {}
        self.kept: list[Checkpoint] = []  # what somebody else has a copy of

    def write(self, stream: str, *written: Event) -> None:
        for each in written:
            head = self.heads.get(stream) or chain.genesis(ORIGIN, stream)
            record = chain.extend(head, stream, events.encode(each))
            self.heads[stream] = record.head
            self.sealer.accept(record.body)

    def seal(self) -> Checkpoint:
        self.now += 5 * MINUTE
        self.kept.append(self.sealer.seal())
        return self.kept[-1]

    def check(self, known: Sequence[Checkpoint] | None = None, now: int | None = None) -> verify.Report:
        known = self.kept[-1:] if known is None else known
        return verify.verify(self.archive, ORIGIN, KEY.public, now or self.now, known)

    def codes(self, **how: Any) -> set[str]:
        return {finding.code for finding in self.check(**how).findings if finding.alarm}

    def segment(self, n: int, kind: str = "hospital") -> Path:
        (path,) = (self.archive.folder / "segments").glob(f"{n:08d}.{kind}.*")
        return path

    def object(self, kind: str, n: int) -> Path:
        return self.archive.folder / kind / f"{n:08d}"


def fill(world: World, intervals: int = 3) -> World:
    """Three writers, two classes, three actors; in every interval two records of each."""
    for n in range(intervals):
        for stream in ("r01.hospital", "r01.standard", "r02.hospital"):
            for i in range(2):
                at = world.now + i
                world.write(
                    stream, opened(hex_id(stream, n, i), (ANNA, BEN, CARL)[(n + i) % 3], at, where=stream[:3])
                )
        world.seal()
    return world


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> World:
    return fill(World(tmp_path_factory.mktemp("log")))


@pytest.fixture
def world(filled: World, tmp_path: Path) -> World:
    """A copy that a test may spoil."""
    shutil.copytree(filled.archive.folder, tmp_path / "archive")
    copy = World(tmp_path)
    copy.now, copy.kept, copy.heads = filled.now, list(filled.kept), dict(filled.heads)
    return copy


def test_an_untouched_log_verifies(world: World) -> None:
    report = world.check()
    assert report == (3, 18, 0, [])
    assert world.codes(known=world.kept) == set()


# Tampering. Each test is a row of the page's table: the attack, and what says so.


def repack(path: Path, change: Callable[[list[Record]], list[Record]]) -> None:
    path.write_bytes(archive.pack(change(archive.unpack(path.read_bytes()))))


def relinked(records: list[Record], start: int) -> list[Record]:
    """What a careful attacker does: compute all links after the change again."""
    done: list[Record] = records[:start]
    for record in records[start:]:
        before = [r for r in done if r.stream == record.stream]
        head = before[-1].head if before else chain.Head(record.seq - 1, record.prev)
        done.append(chain.extend(head, record.stream, record.payload))
    return done


def alter_one_record(world: World) -> None:
    def change(records: list[Record]) -> list[Record]:
        payload = records[0].payload.replace(ANNA.encode(), BEN.encode()).replace(BEN.encode(), CARL.encode())
        return [Record(records[0].stream, records[0].seq, records[0].prev, payload), *records[1:]]

    repack(world.segment(1), change)


def alter_and_link_again(world: World) -> None:
    def change(records: list[Record]) -> list[Record]:
        payload = records[0].payload.replace(BEN.encode(), CARL.encode())
        return relinked(
            [Record(records[0].stream, records[0].seq, records[0].prev, payload), *records[1:]], 1
        )

    repack(world.segment(1), change)


def delete_one_record(world: World) -> None:
    repack(world.segment(1), lambda records: [records[0], *records[2:]])


def delete_and_number_again(world: World) -> None:
    repack(world.segment(1), lambda records: relinked([records[0], *records[2:]], 1))


def insert_one_record(world: World) -> None:
    def change(records: list[Record]) -> list[Record]:
        made_up = chain.extend(records[1].head, records[1].stream, records[1].payload)
        return [*records[:2], made_up, *records[2:]]

    repack(world.segment(1), change)


def insert_a_writer(world: World) -> None:
    made_up = chain.extend(chain.genesis(ORIGIN, "r99.hospital"), "r99.hospital", events.encode(event()))
    repack(world.segment(1), lambda records: [*records, made_up])


def reorder(world: World) -> None:
    repack(world.segment(1), lambda records: [records[1], records[0], *records[2:]])


def cut_the_tail_of_one_writer(world: World) -> None:
    repack(world.segment(2), lambda records: records[:-1])


def cut_the_tail_of_all(world: World) -> None:
    for kind in ("seals", "checkpoints"):
        sorted((world.archive.folder / kind).iterdir())[-1].unlink()


def remove_a_writer(world: World) -> None:
    repack(world.segment(2), lambda records: [r for r in records if r.stream != "r02.hospital"])


def remove_an_object(world: World) -> None:
    world.segment(1, "standard").unlink()


def remove_a_seal(world: World) -> None:
    world.object("seals", 1).unlink()


def edit_a_seal(world: World) -> None:
    path = world.object("seals", 1)
    path.write_bytes(path.read_bytes().replace(b'"r02.hospital":', b'"r03.hospital":'))


def put_another_intervals_records(world: World) -> None:
    world.segment(2).write_bytes(world.segment(1).read_bytes())


def swap_two_logs(world: World) -> None:
    """Records of another log of ours, signed by the same key, under this one's names."""
    folder = world.folder / "other"
    other = Archive(folder, unsynced)
    sealer = Sealer(other, KEY, "audit.example/test", lambda: world.now)
    for _ in range(3):
        sealer.seal()
    shutil.rmtree(world.archive.folder)
    shutil.copytree(folder, world.archive.folder)


def sign_with_another_key(world: World) -> None:
    for path in (world.archive.folder / "checkpoints").iterdir():
        checkpoint = Checkpoint.model_validate_json(path.read_bytes())
        signature = OTHER_KEY.sign(checkpoint.message).hex()
        path.write_text(checkpoint.model_copy(update={"signature": signature}).model_dump_json())


def forge_a_checkpoint(world: World) -> None:
    path = world.object("checkpoints", 3)
    checkpoint = json.loads(path.read_bytes())
    path.write_text(json.dumps(checkpoint | {"root": "0" * 64}))


def remove_the_signature(world: World) -> None:
    world.object("checkpoints", 3).unlink()


def rebuild(world: World, folder: Path, intervals: int, signer: LocalSigner = KEY) -> None:
    """With the log's own key: another history from the first seal on."""
    other = World(folder)
    other.sealer = Sealer(other.archive, signer, ORIGIN, lambda: other.now)
    for _ in range(intervals):
        other.write("r01.hospital", opened(hex_id("another history"), CARL, other.now))
        other.seal()
    shutil.rmtree(world.archive.folder)
    shutil.copytree(other.archive.folder, world.archive.folder)


def roll_back_to_an_older_copy(world: World) -> None:
    """Yesterday's backup of everything, signatures included."""
    cut_the_tail_of_all(world)
    for kind in ("hospital", "standard"):
        world.segment(2, kind).unlink()


def show_another_history(world: World) -> None:
    rebuild(world, world.folder / "fork", 4)


ATTACKS: dict[str, tuple[Callable[[World], None], set[str]]] = {
    "alter": (alter_one_record, {"altered"}),
    "alter, links computed again": (alter_and_link_again, {"altered"}),
    "delete": (delete_one_record, {"altered"}),
    "delete, numbered again": (delete_and_number_again, {"altered"}),
    "insert": (insert_one_record, {"altered"}),
    "insert a writer": (insert_a_writer, {"inserted"}),
    "reorder": (reorder, {"altered"}),
    "cut one writer's tail": (cut_the_tail_of_one_writer, {"altered"}),
    "remove a writer": (remove_a_writer, {"altered"}),
    "remove an object": (remove_an_object, {"missing"}),
    "remove a seal": (remove_a_seal, {"order"}),
    "edit a seal": (edit_a_seal, {"stream", "root"}),
    "another interval's records": (put_another_intervals_records, {"altered"}),
    "another log's files": (swap_two_logs, {"order"}),
    "another key": (sign_with_another_key, {"signature"}),
    "forged checkpoint": (forge_a_checkpoint, {"signature"}),
    "no checkpoint": (remove_the_signature, {"unsigned"}),
    "cut everybody's tail": (cut_the_tail_of_all, {"rollback"}),
    "an older copy": (roll_back_to_an_older_copy, {"rollback"}),
    "a second history": (show_another_history, {"fork"}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_tampering_shows(attack: str, world: World) -> None:
    tamper, expected = ATTACKS[attack]
    tamper(world)
    assert world.codes() & expected, world.check().findings


def test_the_pages_table_names_what_is_tested() -> None:
    tested = set(ATTACKS) | {"keep silent", "change in the queue", "swap a secret"}
    assert {attack for row in figures.ATTACKS for attack in row.tested} == tested


@pytest.mark.parametrize("attack", ["cut everybody's tail", "an older copy", "a second history"])
def test_without_a_checkpoint_kept_elsewhere_a_whole_older_or_other_log_passes(
    attack: str, world: World
) -> None:
    """Why a seal must live where the log's administrator cannot write."""
    ATTACKS[attack][0](world)
    assert world.codes(known=[]) == set()


def test_an_older_copy_is_stale_after_the_detection_time(world: World) -> None:
    roll_back_to_an_older_copy(world)
    assert world.codes(known=[], now=world.now + 11 * MINUTE) == {"stale"}
    assert World.codes(world, known=[], now=world.now + 10 * MINUTE) == set()


def test_every_byte_of_every_object_matters(world: World) -> None:
    """Flip one bit in each byte of the smallest segment, a seal and a checkpoint: something always shows."""
    for path in (world.segment(0, "standard"), world.object("seals", 1), world.object("checkpoints", 3)):
        good = path.read_bytes()
        for at in range(0, len(good), 23):
            path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
            assert world.codes(), f"byte {at} of {path.name}"
        path.write_bytes(good)
    assert not world.codes()
