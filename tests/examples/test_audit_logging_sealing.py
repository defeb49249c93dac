"""Sealing: crashes, two sealers, threads, changes of key, the witness, retention, and the command-line tool."""

from __future__ import annotations

import hashlib
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from examples import audit_logging
from examples.audit_logging import chain, events, merkle, retention, seals, verify
from examples.audit_logging.archive import AlreadyWritten, Archive, Equivocation, Sealer
from examples.audit_logging.chain import BadRecord
from examples.audit_logging.seals import Checkpoint, Seal, SealError
from examples.audit_logging.witness import Refused, Witness, cosigned
from tests.examples.test_audit_logging import (
    KEY,
    MINUTE,
    ORIGIN,
    OTHER_KEY,
    START,
    WITNESS_KEY,
    World,
    alter_one_record,
    event,
    fill,
    hex_id,
    rebuild,
    roll_back_to_an_older_copy,
    unsynced,
)


@pytest.fixture
def filled(tmp_path: Path) -> World:
    """Three intervals, as they were published."""
    return fill(World(tmp_path / "first"))


@pytest.fixture
def world(filled: World) -> World:
    """The same log, which a test may spoil."""
    return filled


# Sealing


def test_seals_without_records_mean_something(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seal()
    world.write("r01.hospital", event())
    world.seal()
    world.seal()
    report = world.check()
    assert [f.code for f in report.findings if f.alarm] == []
    assert [(f.code, f.alarm) for f in report.findings] == [
        ("silent", False)
    ]  # r01 said nothing in the third


def test_a_pause_of_the_sealer_shows(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.seal()
    world.now += 20 * MINUTE
    world.seal()
    assert world.codes() == {"late-seal"}


def test_while_the_key_service_is_away_records_are_sealed_and_signed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = fill(World(tmp_path), 1)
    world.write("r01.hospital", event())
    with monkeypatch.context() as patched:
        cut_off_the_key_service(patched)
        with pytest.raises(TimeoutError):
            world.seal()
    assert world.codes() == {"unsigned"}  # nothing is lost, and it shows
    world.write("r02.hospital", event())
    world.seal()
    assert world.codes() == set()
    assert world.check().records == 8


def test_while_the_clock_is_behind_time_stands_still(tmp_path: Path) -> None:
    """A seal that is older than the one before would be taken for tampering, after a restart of the sealer too."""
    world = World(tmp_path)
    first = world.seal()
    world.now -= 20 * MINUTE
    world.seal()
    world.sealer = Sealer(world.archive, KEY, ORIGIN, lambda: world.now)
    world.seal()
    assert [seals.read_seal(body).at_us for body in world.archive.bodies()] == [first.at_us] * 3
    assert world.codes(now=first.at_us) == set()


def test_a_clock_that_is_ahead_is_noted(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write("r01.hospital", event(at_us=world.now + 5 * MINUTE + verify.SKEW_US))
    world.seal()
    assert world.check().findings == []
    world.write("r01.hospital", event(at_us=world.now + 5 * MINUTE + verify.SKEW_US + 1))
    world.seal()
    assert [(f.code, f.alarm) for f in world.check().findings] == [("clock", False)]


def test_a_closed_stream_leaves_and_does_not_return(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write("r01.hospital", event())
    world.seal()
    world.write("r01.hospital", events.notice("closed", hex_id(1), world.now, "r01"))
    world.seal()
    world.seal()
    states = [seals.read_seal(body).streams.get("r01.hospital") for body in world.archive.bodies()]
    assert [state and state.state for state in states] == ["live", "closed", None]
    assert world.codes() == set()
    resumed = Sealer(world.archive, KEY, ORIGIN, lambda: world.now)
    with pytest.raises(BadRecord, match="closed"):
        resumed.accept(
            chain.extend(chain.genesis(ORIGIN, "r01.hospital"), "r01.hospital", events.encode(event())).body
        )


def test_what_comes_after_a_streams_closing_is_sealed(tmp_path: Path) -> None:
    """It left no seal yet, so it has not ended: were it dropped, records would lie in a segment that no head covers."""
    world = World(tmp_path)
    world.write("r01.hospital", events.notice("closed", hex_id(1), world.now, "r01"))
    world.seal()
    world.write("r01.hospital", event())
    world.seal()
    streams = [seals.read_seal(body).streams for body in world.archive.bodies()]
    assert [(each["r01.hospital"].state, each["r01.hospital"].seq) for each in streams] == [
        ("closed", 1),
        ("live", 2),
    ]
    assert world.codes() == set()


def test_gaps_copies_and_second_versions(tmp_path: Path) -> None:
    world = World(tmp_path)
    first = chain.extend(
        chain.genesis(ORIGIN, "r01.hospital"), "r01.hospital", events.encode(event(at_us=START))
    )
    second = chain.extend(first.head, "r01.hospital", events.encode(event(at_us=START + 1)))
    with pytest.raises(BadRecord):
        world.sealer.accept(second.body)
    for record in (first, first, second, first, second):
        world.sealer.accept(record.body)
    other = chain.extend(first.head, "r01.hospital", events.encode(event(at_us=START + 2)))
    earlier = chain.extend(
        chain.genesis(ORIGIN, "r01.hospital"), "r01.hospital", events.encode(event(at_us=START + 3))
    )
    for again in (other, earlier):
        with pytest.raises(Equivocation):
            world.sealer.accept(again.body)
    world.seal()
    assert world.check().records == 2
    with pytest.raises(Equivocation):
        world.sealer.accept(other.body)
    with pytest.raises(BadRecord):  # another log's or writer's record does not fit
        world.sealer.accept(
            chain.extend(
                chain.genesis("elsewhere", "r02.standard"), "r02.standard", events.encode(event())
            ).body
        )


@pytest.mark.parametrize(
    ("stream", "payload"),
    [
        ("r02.standard", b"[]"),
        ("r02.standard", b"{}"),
        ("r02.standard", b'{"actor":"x","at_us":-1,"what":{"kind":"denied"}}'),
        ("r02.standard", b'{"actor":"x","at_us":true,"what":{"kind":"denied"}}'),
        ("r02.standard", b'{"actor":"x","at_us":"soon","what":{"kind":"denied"}}'),
        ("r02.standard", b'{"actor":"x","at_us":1,"what":7}'),
        ("r02.standard", b"not canonical"),
        ("R02 .standard", None),
        ("", None),
    ],
)
def test_what_cannot_be_sealed_is_refused_and_stops_no_seal(
    stream: str, payload: bytes | None, tmp_path: Path
) -> None:
    """One bad writer must not stop the seals of all."""
    world = World(tmp_path)
    world.write("r01.hospital", event())
    bad = chain.extend(chain.genesis(ORIGIN, stream), stream, payload or events.encode(event()))
    with pytest.raises(BadRecord, match="cannot be sealed"):
        world.sealer.accept(bad.body)
    world.seal()
    assert world.codes() == set()
    assert world.check().records == 1


class Crash(Exception):
    pass


@pytest.mark.parametrize("after", range(4))
def test_a_sealer_that_dies_at_any_step_goes_on(
    after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Crash after 0 to 3 of: segment, segment, seal, checkpoint. The queue delivers again what was not sealed."""
    world = fill(World(tmp_path), intervals=1)
    bodies: list[bytes] = []
    accept = world.sealer.accept
    monkeypatch.setattr(world.sealer, "accept", lambda body: (bodies.append(body), accept(body)))
    world.write("r01.hospital", event(at_us=world.now))
    world.write("r01.standard", event(at_us=world.now))
    put, left = Archive.put, [after]

    def dying(self: Archive, key: str, data: bytes) -> None:
        if not left[0]:
            raise Crash
        left[0] -= 1
        put(self, key, data)

    with monkeypatch.context() as patched:
        patched.setattr(Archive, "put", dying)
        with pytest.raises(Crash):
            world.seal()
    world.now += 1
    world.sealer = Sealer(world.archive, KEY, ORIGIN, lambda: world.now)
    assert world.codes() == set()  # a seal that had no signature yet has one now
    for body in bodies:
        world.sealer.accept(body)
    world.seal()
    assert world.codes() == set()
    assert world.check().records == 8


def test_of_two_sealers_one_is_stopped_by_the_write_once_store(tmp_path: Path) -> None:
    world = World(tmp_path)
    second = Sealer(world.archive, KEY, ORIGIN, lambda: world.now + 1)
    world.seal()
    with pytest.raises(AlreadyWritten):
        second.seal()
    assert world.codes() == set()


def test_writers_of_many_threads_are_sealed_without_loss(tmp_path: Path) -> None:
    world = World(tmp_path)

    def writer(name: str) -> None:
        for i in range(40):
            world.write(f"{name}.standard", event(at_us=START + i, where=name))

    threads = [threading.Thread(target=writer, args=(f"r{n:02}",)) for n in range(12)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        world.seal()
    for thread in threads:
        thread.join()
    world.seal()
    assert world.codes() == set()
    assert world.check().records == 12 * 40


# The signer's key, and the witness


def test_a_change_of_key_is_signed_by_the_old_key(tmp_path: Path) -> None:
    world = fill(World(tmp_path), 1)
    world.now += MINUTE
    world.kept.append(world.sealer.rotate(OTHER_KEY))
    world.seal()
    assert world.codes() == set()
    assert verify.verify(world.archive, ORIGIN, OTHER_KEY.public, world.now).findings[0].code == "signature"


def test_a_key_that_nobody_introduced_signs_nothing(tmp_path: Path) -> None:
    world = fill(World(tmp_path), 1)
    world.sealer = Sealer(world.archive, OTHER_KEY, ORIGIN, lambda: world.now)
    world.seal()
    assert world.codes() == {"signature"}


def test_the_old_key_is_worth_nothing_after_the_change(tmp_path: Path) -> None:
    world = fill(World(tmp_path), 1)
    world.sealer.rotate(OTHER_KEY)
    world.kept.clear()
    for _ in range(3):  # right after it, and when later seals have named no key
        stale = Sealer(world.archive, KEY, ORIGIN, lambda: world.now)
        with pytest.raises(SealError, match="signs now"):
            stale.seal()
        last = world.seal()
    signature = KEY.sign(last.message).hex()
    path = world.object("checkpoints", last.size)
    path.write_text(last.model_copy(update={"signature": signature}).model_dump_json())
    assert world.codes() == {"signature"}


def cut_off_the_key_service(patched: pytest.MonkeyPatch) -> None:
    def away(signer: object, message: bytes) -> bytes:
        raise TimeoutError

    patched.setattr(type(KEY), "sign", away)


@pytest.mark.parametrize("restarted", [False, True], ids=["goes on", "restarts"])
def test_a_change_of_key_that_could_not_be_signed_is_signed_before_the_next_seal(
    restarted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No checkpoint of that size could be made later, and without it no reader follows to the new key."""
    world = fill(World(tmp_path), 1)
    with monkeypatch.context() as patched:
        cut_off_the_key_service(patched)
        with pytest.raises(TimeoutError):
            world.sealer.rotate(OTHER_KEY)
        world.write("r01.hospital", event())
        with pytest.raises(TimeoutError):
            world.seal()
        assert len(world.archive.bodies()) == 2  # the records wait
    if restarted:
        with pytest.raises(SealError, match="the old one"):
            Sealer(world.archive, OTHER_KEY, ORIGIN, lambda: world.now)
        waiting = [record.body for record in world.sealer._pending]
        Sealer(world.archive, KEY, ORIGIN, lambda: world.now)
        world.sealer = Sealer(world.archive, OTHER_KEY, ORIGIN, lambda: world.now)
        for body in waiting:
            world.sealer.accept(body)
    world.seal()
    world.seal()
    assert world.codes() == set()
    assert world.check().records == 7
    assert sorted(world.archive.checkpoints()) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "interrupted",
    [World.seal, lambda world: world.sealer.rotate(OTHER_KEY)],
    ids=["a seal", "a change to the key that signs already"],
)
def test_after_a_restart_only_the_key_in_force_signs_what_was_left(
    interrupted: Callable[[World], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = fill(World(tmp_path), 1)
    world.sealer.rotate(OTHER_KEY)
    with monkeypatch.context() as patched:
        cut_off_the_key_service(patched)
        with pytest.raises(TimeoutError):
            interrupted(world)
    with pytest.raises(SealError, match="signs now"):
        Sealer(world.archive, KEY, ORIGIN, lambda: world.now)
    Sealer(world.archive, OTHER_KEY, ORIGIN, lambda: world.now)
    assert world.codes(known=[]) == set()


def test_a_change_of_key_may_be_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = fill(World(tmp_path), 1)
    with monkeypatch.context() as patched:
        cut_off_the_key_service(patched)
        with pytest.raises(TimeoutError):
            world.sealer.rotate(OTHER_KEY)
    world.kept.append(world.sealer.rotate(OTHER_KEY))
    world.seal()
    assert world.codes() == set()
    assert (
        seals.walk(world.archive.bodies(), world.archive.checkpoints(), ORIGIN, KEY.public)[1]
        == OTHER_KEY.public
    )


def test_a_change_of_key_needs_the_old_signature(tmp_path: Path) -> None:
    """The signer dies between the seal that names the new key and its signature: nobody may follow."""
    world = fill(World(tmp_path), 1)
    world.sealer.rotate(OTHER_KEY)
    world.seal()
    world.object("checkpoints", 2).unlink()
    assert world.codes() == {"unsigned"}


Streams = dict[str, seals.StreamHead]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda s: {"streams": {k: v for k, v in s.streams.items() if k != "r01.hospital"}}, "stream"),
        (lambda s: {"streams": moved(s.streams, seq=1)}, "stream"),
        (lambda s: {"streams": moved(s.streams, link="0" * 64)}, "stream"),
        (lambda s: {"at_us": s.at_us - 1}, "time"),
        (lambda s: {"n": 2}, "order"),
        (lambda s: {"origin": "elsewhere"}, "order"),
    ],
)
def test_the_signer_cannot_go_back_either(
    change: Callable[[Seal], dict[str, object]], code: str, world: World
) -> None:
    """A second seal with a right root and signature that takes something back."""
    first = seals.read_seal(world.archive.bodies()[0])
    second = first.model_copy(update={"n": 1} | change(first))
    bodies = [first.body, second.body]
    root = merkle.root([seals.leaf(body) for body in bodies]).hex()
    unsigned = Checkpoint(origin=ORIGIN, size=2, root=root, at_us=START)
    signed = unsigned.model_copy(update={"signature": KEY.sign(unsigned.message).hex()})
    with pytest.raises(SealError) as error:
        seals.walk(bodies, {2: signed}, ORIGIN, KEY.public)
    assert error.value.code == code


def test_a_checkpoint_is_over_the_seals_at_hand(world: World) -> None:
    """With no checkpoint from elsewhere: the signature alone must tie the seals down."""
    bodies, signed = world.archive.bodies(), world.archive.checkpoints()
    assert len(seals.walk(bodies, {3: signed[3]}, ORIGIN, KEY.public)[0]) == 3
    second = seals.read_seal(bodies[1])
    altered = [bodies[0], second.model_copy(update={"at_us": second.at_us + 1}).body, bodies[2]]
    unsigned = signed[3].model_copy(update={"origin": "elsewhere"})
    of_another_log = unsigned.model_copy(update={"signature": KEY.sign(unsigned.message).hex()})
    for these, checkpoint, code in (
        (altered, signed[3], "root"),
        (bodies, signed[2], "order"),
        (bodies, of_another_log, "order"),
    ):
        with pytest.raises(SealError) as error:
            seals.walk(these, {3: checkpoint}, ORIGIN, KEY.public)
        assert error.value.code == code


def test_the_empty_log_is_a_beginning_of_every_log(world: World) -> None:
    nothing = Checkpoint(origin=ORIGIN, size=0, root=hashlib.sha256(b"").hexdigest(), at_us=START)
    assert seals.known_by([nothing], world.archive.bodies()) == []
    other = nothing.model_copy(update={"root": "0" * 64})
    assert [error.code for error in seals.known_by([other], world.archive.bodies())] == ["fork"]


def test_what_an_auditors_own_program_hashes_and_verifies() -> None:
    """Each kind begins with its own words, so that none is ever taken for another."""
    checkpoint = Checkpoint(origin=ORIGIN, size=1, root="0" * 64, at_us=START)
    text = b'{"at_us":1764000000000000,"origin":"audit.example/prod","root":"%s","size":1,"v":1}' % (
        b"0" * 64
    )
    message = b"llm-audit/checkpoint/1\n" + len(text).to_bytes(4, "big") + text
    assert checkpoint.message == message
    assert cosigned(checkpoint, 7) == (
        b"llm-audit/cosignature/1\n\0\0\0\x017" + len(message).to_bytes(4, "big") + message
    )
    assert seals.leaf(b"{}") == hashlib.sha256(b"\0seal\n{}").digest()


def test_a_closed_stream_that_returns_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write("r01.hospital", events.notice("closed", hex_id(1), world.now, "r01"))
    for _ in range(2):
        world.seal()
    bodies = world.archive.bodies()
    closed, without = (seals.read_seal(body) for body in bodies)
    assert (len(closed.streams), len(without.streams)) == (1, 0)
    again = without.model_copy(update={"n": 2, "streams": closed.streams})
    with pytest.raises(SealError, match="return"):
        seals.walk([*bodies, again.body], world.archive.checkpoints(), ORIGIN, KEY.public)


def test_a_seal_that_names_more_than_it_holds_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sealer that dropped a record after it had counted it: everything is signed, and one number has no record."""
    world = World(tmp_path)
    world.write("r01.hospital", event(), event(at_us=START + 1))
    dropped = world.sealer._pending.pop()
    assert dropped.seq == 2
    world.seal()
    assert world.codes() == {"gap"}


def moved(streams: Streams, **changed: object) -> Streams:
    return streams | {"r01.hospital": streams["r01.hospital"].model_copy(update=changed)}


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness.json", WITNESS_KEY, ORIGIN, KEY.public, lambda: START, unsynced)


def proof(world: World, old: int) -> list[bytes]:
    return merkle.consistency(old, [seals.leaf(body) for body in world.archive.bodies()])


def test_the_witness_signs_what_extends_and_nothing_else(
    filled: World, world: World, witness: Witness
) -> None:
    one, two, three = filled.kept
    witness.cosign(one)
    signed = witness.cosign(three, proof(world, 1))
    message = cosigned(three, int(signed["at_us"]))
    assert seals.signed_by(WITNESS_KEY.public, message, str(signed["signature"]))
    assert not seals.signed_by(WITNESS_KEY.public, three.message, str(signed["signature"]))
    for other in (cosigned(two, int(signed["at_us"])), cosigned(three, int(signed["at_us"]) + 1)):
        assert not seals.signed_by(WITNESS_KEY.public, other, str(signed["signature"]))
    witness.cosign(three)  # the same again
    with pytest.raises(Refused, match="do not extend"):
        witness.cosign(two)  # a rollback
    rebuild(world, world.folder / "fork", 4)
    with pytest.raises(Refused, match="do not extend"):  # a split view
        witness.cosign(world.archive.checkpoints()[4], proof(world, 3))
    assert witness.latest == three


def test_the_witness_follows_a_new_key_when_a_person_has_checked_it(tmp_path: Path, witness: Witness) -> None:
    world = fill(World(tmp_path), 1)
    witness.cosign(world.kept[0])
    world.kept.append(world.sealer.rotate(OTHER_KEY))
    witness.cosign(world.kept[1], proof(world, 1))  # still signed by the old key
    after = world.seal()
    with pytest.raises(Refused, match="key"):
        witness.cosign(after, proof(world, 2))
    witness.trust(OTHER_KEY.public)
    witness.cosign(after, proof(world, 2))
    assert witness.latest == after


def test_the_witness_knows_the_logs_key_and_name(filled: World, witness: Witness) -> None:
    checkpoint = filled.kept[0]
    with pytest.raises(Refused, match="key"):
        witness.cosign(checkpoint.model_copy(update={"size": 2}))
    with pytest.raises(Refused, match="another log"):
        witness.cosign(checkpoint.model_copy(update={"origin": "elsewhere"}))
    forged = checkpoint.model_copy(update={"signature": OTHER_KEY.sign(checkpoint.message).hex()})
    with pytest.raises(Refused, match="key"):
        witness.cosign(forged)


def test_two_histories_at_once_get_one_cosignature(filled: World, tmp_path: Path, witness: Witness) -> None:
    """The witness compares and remembers in one step."""
    forks = []
    for n in range(8):
        other = World(tmp_path / f"fork{n}")
        other.write("r01.hospital", event(actor=hex_id(n)))
        forks.append(other.seal())
    signed: list[Checkpoint] = []

    def ask(checkpoint: Checkpoint) -> None:
        try:
            witness.cosign(checkpoint)
        except Refused:
            return
        signed.append(checkpoint)

    threads = [threading.Thread(target=ask, args=(each,)) for each in forks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(signed) == 1
    assert witness.latest == signed[0]


# Retention


def test_the_month_has_no_31st() -> None:
    august = 1_788_134_400_000_000  # 2026-08-31
    assert str(retention.retain_until(august, "standard"))[:10] == "2027-09-30"
    assert str(retention.retain_until(august, "hospital"))[:10] == "2032-08-31"


def test_the_last_moment_still_belongs_to_the_record() -> None:
    august = 1_788_134_400_000_000
    until = round(retention.retain_until(august, "standard").timestamp()) * 1_000_000
    assert not retention.is_over(august, "standard", until)
    assert retention.is_over(august, "standard", until + 1)


def test_what_is_over_may_go_and_the_rest_still_verifies(world: World) -> None:
    later = world.now + int(14 * 30.5 * 24 * 60) * MINUTE
    for n in range(3):
        world.segment(n, "standard").unlink()
    assert "missing" in world.codes()
    report = world.check(now=later)
    assert (report.records, report.expired) == (12, 3)
    assert {finding.code for finding in report.findings} == {"stale"}
    world.segment(1).unlink()  # a hospital's records are not over
    assert "missing" in world.codes(now=later)


def test_an_object_that_no_seal_names_is_noted(world: World) -> None:
    (world.archive.folder / "segments" / "00000002.hospital.0123456789abcdef").write_bytes(b"?")
    assert [(f.code, f.alarm) for f in world.check().findings] == [("unsealed", False)]


# The command-line tool, in a process of its own


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "examples.audit_logging.verify", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_tool_needs_only_files_and_a_public_key(world: World) -> None:
    known = world.folder / "kept.json"
    known.write_text(world.kept[-1].model_dump_json())
    common = ("--origin", ORIGIN, "--key", KEY.public.hex(), "--now", str(world.now // 10**6))
    good = run("log", world.archive.folder, *common, "--known", known)
    assert (good.returncode, good.stdout) == (0, "3 seals, 18 records read, 0 expired\n")
    alter_one_record(world)
    bad = run("log", world.archive.folder, *common)
    assert bad.returncode == 1
    assert bad.stdout.startswith("ALARM altered: the hospital records of seal 1")


def test_the_page_prints_what_the_tool_prints(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command on the page, run where an older copy was restored: only the key is shortened there."""
    page = Path("docs/questions/technical/audit-logging.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```console\n\$ (.*?)\n```", page, re.DOTALL)
    command, printed = re.split(r"(?<!\\)\n", block, maxsplit=1)  # it goes on behind a backslash
    words = shlex.split(command.replace("\\\n", " ").replace(f"{KEY.public.hex()[:6]}…", KEY.public.hex()))
    (world.folder / "witness.json").write_text(world.kept[-1].model_dump_json())
    roll_back_to_an_older_copy(world)
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    monkeypatch.chdir(world.folder)
    assert words[:3] == ["python", "-m", "examples.audit_logging.verify"]
    done = run(*words[3:])
    assert (done.returncode, done.stdout.rstrip("\n"), done.stderr) == (1, printed, "")


def test_the_package_lists_its_modules() -> None:
    listed = re.findall(r"^    (\w+) {2,}", str(audit_logging.__doc__), re.MULTILINE)
    files = {path.stem for path in Path(str(audit_logging.__file__)).parent.glob("*.py")} - {"__init__"}
    assert sorted(listed) == sorted(files)


@pytest.mark.parametrize(
    "arguments", [[], ["log"], ["log", "x", "--origin", "o", "--key", "zz", "--now", "1"]]
)
def test_the_tool_says_when_the_call_was_wrong(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        verify.main(arguments)
    assert stop.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_the_tool_reads_only_new_records_if_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["log", str(world.archive.folder), "--origin", ORIGIN, "--key", KEY.public.hex()]
    assert verify.main([*arguments, "--now", str(world.now // 10**6), "--since", "2"]) == 0
    assert capsys.readouterr().out == "3 seals, 6 records read, 0 expired\n"
    missing = verify.main([*arguments, "--now", "1", "--known", str(world.folder / "nothing")])
    assert missing == 2


def test_a_seal_has_one_spelling(world: World) -> None:
    body = world.archive.bodies()[0]
    assert seals.read_seal(body).body == body
    for other in (b'{"v":1}', body + b" ", body.replace(b'{"at_us"', b'{"n":0,"at_us"', 1)):
        with pytest.raises(SealError, match="not a seal"):
            seals.read_seal(other)
