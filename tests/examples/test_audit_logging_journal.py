"""The journal: crashes at every byte and step, threads, processes, a failing disk."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from examples.audit_logging import chain
from examples.audit_logging.chain import BadRecord
from examples.audit_logging.journal import InUse, Journal, JournalBroken, JournalDamaged, write_file
from tests.examples.test_audit_logging import (
    ORIGIN,
    unsynced,
)

STREAM = "r01.hospital"
HEADER = 48


def journal(folder: Path, **how: Any) -> Journal:
    return Journal(folder, ORIGIN, STREAM, **({"sync": unsynced} | how))


def payloads(opened_journal: Journal) -> list[bytes]:
    return [record.payload for record in opened_journal.after(0)]


def test_a_journal_goes_on_where_it_stopped(tmp_path: Path) -> None:
    first = journal(tmp_path)
    records = [first.append(b"%d" % n) for n in range(3)]
    assert records[0].prev == chain.genesis(ORIGIN, STREAM).link
    first.close()
    second = journal(tmp_path, acknowledged=3)
    assert chain.follow(records[2].head, second.append(b"3")).seq == 4
    assert payloads(second) == [b"0", b"1", b"2", b"3"]
    assert [r.seq for r in second.after(2)] == [3, 4]
    assert second.set_aside == 0


def test_cut_at_every_byte_of_the_last_records(tmp_path: Path) -> None:
    """Whatever is left of the last frame, every record before it is kept, and the log goes on behind it."""
    full = journal(tmp_path / "full")
    ends = [HEADER]
    (file,) = (tmp_path / "full").glob("*.log")
    for n in range(4):
        full.append(b"payload %d" % n)
        ends.append(file.stat().st_size)
    full.close()
    data = file.read_bytes()
    for cut in range(ends[1], len(data) + 1):
        kept = sum(end <= cut for end in ends[1:])
        for tail in (b"", b"\0" * (ends[min(kept + 1, 4)] - cut)):  # short, or long enough and never filled
            folder = tmp_path / f"{cut}-{len(tail)}"
            folder.mkdir()
            (folder / file.name).write_bytes(data[:cut] + tail)
            again = journal(folder, acknowledged=kept)
            assert payloads(again) == [b"payload %d" % n for n in range(kept)]
            assert again.set_aside == cut + len(tail) - ends[kept]
            aside = b"".join(path.read_bytes() for path in folder.glob("*.torn-*"))
            assert len(aside) == again.set_aside
            again.append(b"next")
            assert payloads(again)[kept:] == [b"next"]
            again.close()
            reopened = journal(folder)
            assert len(payloads(reopened)) == kept + 1
            reopened.close()
            shutil.rmtree(folder)


def test_a_flipped_bit_is_no_crash(tmp_path: Path) -> None:
    """In the last frame it looks like one, unless the queue has the record. Before, it never does."""
    full = journal(tmp_path / "full")
    (file,) = (tmp_path / "full").glob("*.log")
    sizes = [(full.append(b"payload %d" % n), file.stat().st_size)[1] for n in range(3)]
    full.close()
    data = file.read_bytes()
    for at in range(HEADER, len(data)):
        flipped = data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
        (tmp_path / "flip").mkdir()
        (tmp_path / "flip" / file.name).write_bytes(flipped)
        with pytest.raises(JournalDamaged):
            journal(tmp_path / "flip", acknowledged=3)
        if HEADER + chain.FRAME_HEAD <= at < sizes[0]:  # something stands behind it, so no crash did this
            with pytest.raises(JournalDamaged, match="before the last"):
                journal(tmp_path / "flip")
        if at >= sizes[1]:
            assert payloads(journal(tmp_path / "flip", acknowledged=2)) == [b"payload 0", b"payload 1"]
        shutil.rmtree(tmp_path / "flip")


def test_records_that_do_not_follow_are_no_crash(tmp_path: Path) -> None:
    full = journal(tmp_path)
    full.append(b"one")
    full.close()
    (file,) = tmp_path.glob("*.log")
    stranger = chain.extend(chain.genesis(ORIGIN, STREAM), STREAM, b"again one")
    file.write_bytes(file.read_bytes() + chain.frame([stranger.body]))
    with pytest.raises(JournalDamaged, match="does not follow"):
        journal(tmp_path)
    file.write_bytes(b"?")
    with pytest.raises(JournalDamaged, match="beginning"):
        journal(tmp_path)


def test_an_acknowledged_record_that_is_gone_stops_the_writer(tmp_path: Path) -> None:
    with pytest.raises(JournalDamaged, match="ends at 0; 5 was acknowledged"):
        journal(tmp_path, acknowledged=5)  # an empty disk under an old name
    journal(tmp_path).append(b"the lock was given back")


class Disk:
    """Counts fsyncs, of files and of directories; fails from a given one on, or blocks until told."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.files = self.directories = 0
        self.fail_at = fail_at
        self.gate: threading.Event | None = None

    def __call__(self, handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            self.directories += 1
            return
        self.files += 1
        if self.gate:
            assert self.gate.wait(30)
        if self.fail_at is not None and self.files >= self.fail_at:
            raise OSError(errno.EIO, "a failed write-back")


def test_file_and_directory_are_synchronized_before_a_new_journal_is_used(tmp_path: Path) -> None:
    disk = Disk()
    fresh = journal(tmp_path, sync=disk)
    assert (disk.files, disk.directories) == (2, 1)  # the new file, its name, the recovered end
    fresh.append(b"x")
    assert disk.files == 3


def test_a_failed_fsync_is_final(tmp_path: Path) -> None:
    """Linux may drop what it could not write and report success to the second fsync."""
    disk = Disk(fail_at=4)
    broken = journal(tmp_path, sync=disk)
    broken.append(b"one")
    for _ in range(3):
        with pytest.raises(JournalBroken):
            broken.append(b"two")
    with pytest.raises(JournalBroken):
        broken.trim(1)
    assert disk.files == 4
    assert broken.durable == 1
    assert payloads(broken) == [b"one"]
    broken.close()
    assert payloads(journal(tmp_path, acknowledged=1))[0] == b"one"


def test_an_fsync_that_a_signal_ends_is_final_too(tmp_path: Path) -> None:
    def interrupted(handle: int) -> None:
        raise KeyboardInterrupt

    broken = journal(tmp_path)
    broken._sync = interrupted
    with pytest.raises(KeyboardInterrupt):
        broken.append(b"unknown")
    assert payloads(broken) == []
    with pytest.raises(JournalBroken, match="a write failed"):
        broken.append(b"next")


def test_no_handle_is_left_of_a_file_that_is_written_whole(tmp_path: Path) -> None:
    kept: list[int] = []
    write_file(tmp_path / "file", b"bytes", sync=kept.append)
    assert len(kept) == 2  # the file's and its folder's
    for handle in kept:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(handle)


def test_one_fsync_serves_all_who_wait(tmp_path: Path) -> None:
    disk = Disk()
    shared = journal(tmp_path, sync=disk)
    before, disk.gate = disk.files, threading.Event()
    records: list[chain.Record] = []
    threads = [
        threading.Thread(target=lambda n=n: records.append(shared.append(b"%d" % n))) for n in range(40)
    ]
    for thread in threads:
        thread.start()
    while len(shared._waiting) < 39:  # the first is writing, the others wait for it
        pass
    assert records == []  # nobody is told before the disk has it
    disk.gate.set()
    for thread in threads:
        thread.join()
    assert disk.files - before == 2
    assert sorted(r.seq for r in records) == list(range(1, 41))
    assert [r.seq for r in shared.after(0)] == list(range(1, 41))


def test_those_who_wait_hear_of_a_failure(tmp_path: Path) -> None:
    disk = Disk(fail_at=3)
    shared = journal(tmp_path, sync=disk)
    disk.gate = threading.Event()
    failed: list[Exception] = []

    def write() -> None:
        try:
            shared.append(b"x")
        except JournalBroken as error:
            failed.append(error)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(shared._waiting) < 7:
        pass
    disk.gate.set()
    for thread in threads:
        thread.join()
    assert len(failed) == 8


def test_a_file_that_changes_while_it_is_open_shows_when_it_is_read(tmp_path: Path) -> None:
    """The disk's administrator edits what waits for the queue: it is not sent as if it were whole."""
    edited = journal(tmp_path)
    for n in range(3):
        edited.append(b"payload %d" % n)
    edited.forget(3)
    (file,) = tmp_path.glob("*.log")
    file.write_bytes(file.read_bytes().replace(b"payload 1", b"payload 7"))
    with pytest.raises(JournalDamaged, match="after 1"):
        payloads(edited)


def test_a_short_write_is_a_failure(tmp_path: Path) -> None:
    full = journal(tmp_path)
    full._file.close()
    full._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115, PTH123
    with pytest.raises(JournalBroken):
        full.append(b"no space left")
    with pytest.raises(BadRecord):
        full.append(b"x" * 200_000)


def test_old_files_go_when_their_records_are_sealed(tmp_path: Path) -> None:
    rolling = journal(tmp_path, file_bytes=300)
    for n in range(12):
        rolling.append(b"payload %d" % n)
        rolling.trim(sealed=0)
    assert len(list(tmp_path.glob("*.log"))) > 3
    assert len(payloads(rolling)) == 12
    rolling.trim(sealed=7)
    left = [record.seq for record in rolling.after(7)]
    assert left == [8, 9, 10, 11, 12]
    assert min(int(path.stem) for path in tmp_path.glob("*.log")) >= 4
    rolling.close()
    again = journal(tmp_path, acknowledged=12)
    assert again.append(b"next").seq == 13
    assert [record.seq for record in again.after(7)] == [8, 9, 10, 11, 12, 13]


def child(body: Callable[[], None]) -> int:
    """Run in a process of its own; return how it ended."""
    pid = os.fork()
    if not pid:  # pragma: no cover
        with contextlib.suppress(BaseException):
            body()
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("step", ["before the write", "after the write", "after the fsync"])
def test_a_killed_process_loses_nothing_that_it_acknowledged(step: str, tmp_path: Path) -> None:
    told = tmp_path / "told"

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def write() -> None:
        mine = Journal(tmp_path / "j", ORIGIN, STREAM)
        with told.open("ab", buffering=0) as acknowledged:
            for n in range(5):
                if n == 3 and step == "before the write":
                    mine._file = type("Dying", (), {"write": lambda self, data: die()})()  # type: ignore[assignment]
                elif n == 3 and step == "after the write":
                    mine._sync = lambda handle: die()
                elif n == 3:
                    mine._sync = lambda handle: (os.fsync(handle), die())[0]
                mine.append(b"%d" % n)
                acknowledged.write(b"%d" % n)

    assert child(write) == -signal.SIGKILL
    assert told.read_bytes() == b"012"
    again = journal(tmp_path / "j", acknowledged=3)  # the lock died with its process
    assert payloads(again) == [b"0", b"1", b"2", *([] if step == "before the write" else [b"3"])]


def test_two_processes_cannot_write_one_stream(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.append(b"x")

    def second() -> None:
        try:
            journal(tmp_path)
        except InUse:
            os._exit(7)

    assert child(second) == 7
    with pytest.raises(InUse):
        journal(tmp_path)
    first.close()
    assert child(second) == 0


def test_processes_write_streams_of_their_own(tmp_path: Path) -> None:
    """Twelve replicas, each a process with four threads: every stream whole, in order, without a gap."""

    def replica(n: int) -> None:
        mine = Journal(tmp_path / f"r{n:02}", ORIGIN, f"r{n:02}.standard", sync=unsynced)
        threads = [threading.Thread(target=lambda: [mine.append(b"x") for _ in range(25)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    pids = []
    for n in range(12):
        pid = os.fork()
        if not pid:  # pragma: no cover
            with contextlib.suppress(BaseException):
                replica(n)
                os._exit(0)
            os._exit(1)
        pids.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0] * 12
    for n in range(12):
        again = Journal(tmp_path / f"r{n:02}", ORIGIN, f"r{n:02}.standard", sync=unsynced, acknowledged=100)
        assert [record.seq for record in again.after(0)] == list(range(1, 101))
