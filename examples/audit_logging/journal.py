"""A replica's journal of one stream: what it acknowledges survives a crash of the process and of the machine.

Files follow each other; each begins with where its chain stood. A frame is written only after the one before is on disk,
so a crash can leave at most the last frame unfinished, and nothing in that frame was acknowledged.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Condition
from typing import BinaryIO

from examples.audit_logging import chain
from examples.audit_logging.chain import Head, Record

BATCH_BYTES = 256 * 1024
"""What one write takes at most: the group of a group commit."""
FILE_BYTES = 64 << 20

_START = struct.Struct(">8sQ32s")
_MAGIC = b"llmaudit"


class JournalBroken(OSError):
    """A write failed. What is on disk is unknown until the journal is opened again."""


class JournalDamaged(Exception):
    """The file lost or changed what had been acknowledged. No crash does that, so nothing is repaired."""


class InUse(OSError):
    """Another process writes this stream. Two writers would fork its chain."""


def write_file(path: Path, data: bytes, sync: Callable[[int], None] = os.fsync) -> None:
    """Write a file that is there whole or not at all, whenever the machine stops.

    fsync of the file says nothing about its entry in the directory, which is synchronized too.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with unfinished.open("wb") as file:
        file.write(data)
        file.flush()
        sync(file.fileno())
    unfinished.rename(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(directory)
    finally:
        os.close(directory)


class Journal:
    """Thread-safe; one process at a time. ``acknowledged`` is a number that the file must hold: the queue's last.

    ``set_aside`` says how many bytes of an unfinished frame recovery moved away, for the log itself to record.
    """

    def __init__(
        self,
        folder: Path,
        origin: str,
        stream: str,
        *,
        acknowledged: int = 0,
        sync: Callable[[int], None] = os.fsync,
        file_bytes: int = FILE_BYTES,
    ) -> None:
        self.stream, self.set_aside = stream, 0
        self._folder, self._sync, self._file_bytes = folder, sync, file_bytes
        self._turn = Condition()
        self._waiting: list[Record] = []
        self._kept: deque[Record] = deque()  # on disk, and not sent yet
        self._leading, self._broken = False, False
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise InUse(f"{stream} is being written by another process") from None
        try:
            if not self._names():
                self._begin(chain.genesis(origin, stream))
            self._file, self._head = self._recover(acknowledged)
        except BaseException:
            self._lock.close()
            raise
        self._durable = self._head.seq

    @property
    def durable(self) -> int:
        """Number of the last record that is on disk."""
        return self._durable

    def _names(self) -> list[Path]:
        return sorted(self._folder.glob("*.log"))

    def _begin(self, head: Head) -> Path:
        path = self._folder / f"{head.seq:020d}.log"
        write_file(path, _START.pack(_MAGIC, *head), self._sync)
        return path

    # --8<-- [start:recover]
    def _recover(self, acknowledged: int) -> tuple[BinaryIO, Head]:
        """Open the newest file behind its last whole frame. Raises JournalDamaged."""
        path = self._names()[-1]
        data = path.read_bytes()
        head, end = self._start(path, data), _START.size
        try:
            for stop, bodies in chain.frames(data[_START.size :]):
                for body in bodies:
                    head = chain.follow(head, chain.parse(body))
                end = _START.size + stop
        except chain.Torn as torn:
            self.set_aside = len(data) - end
            if torn.followed or self.set_aside > chain.FRAME_HEAD + chain.MAX_FRAME:
                raise JournalDamaged(f"{self.stream}: bad bytes before the last frame") from None
        except chain.BadRecord as error:
            raise JournalDamaged(f"{self.stream}: {error}") from None
        if head.seq < acknowledged:
            raise JournalDamaged(f"{self.stream} ends at {head.seq}; {acknowledged} was acknowledged")
        if self.set_aside:  # kept for whoever asks; nothing in it was acknowledged
            write_file(path.with_suffix(f".torn-{end}"), data[end:], self._sync)
        file = path.open("r+b", buffering=0)
        file.truncate(end)
        file.seek(end)
        self._sync(file.fileno())
        return file, head

    # --8<-- [end:recover]
    def _start(self, path: Path, data: bytes) -> Head:
        if len(data) < _START.size or not data.startswith(_MAGIC):
            raise JournalDamaged(f"{path.name} has no beginning")
        _, seq, link = _START.unpack_from(data)
        return Head(seq, link)

    # --8<-- [start:append]
    def append(self, payload: bytes) -> Record:
        """Return once the record is on disk. Raises JournalBroken.

        Threads that come while one is writing wait, and the next write takes them all: one fsync for many records.
        """
        if len(payload) > BATCH_BYTES // 2:
            raise chain.BadRecord(f"a payload of {len(payload)} bytes")
        with self._turn:
            self._check()
            record = chain.extend(self._head, self.stream, payload)
            self._head = record.head
            self._waiting.append(record)
            while self._leading and self._durable < record.seq:
                self._turn.wait()
            while not self._broken and self._durable < record.seq:
                self._write_batch()  # lets go of the lock while it writes
            if self._durable < record.seq:
                raise JournalBroken(f"{self.stream}: record {record.seq} may or may not be on disk")
        return record

    def _write_batch(self) -> None:
        """Write what waits, as one frame. A failed fsync is never repeated: the second one may report success falsely."""
        batch: list[Record] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0].body) < BATCH_BYTES):
            batch.append(self._waiting.pop(0))
            size += len(batch[-1].body) + 4
        self._leading, written = True, False
        self._turn.release()
        try:
            data = chain.frame([record.body for record in batch])
            with suppress(OSError):
                whole = self._file.write(data) == len(data)
                self._sync(self._file.fileno())
                written = whole  # not before: fsync may also end with what a signal's handler raises
        finally:
            self._turn.acquire()
            self._leading = False
            if written:
                self._durable = batch[-1].seq
                self._kept.extend(batch)
            self._broken = self._broken or not written
            self._turn.notify_all()

    # --8<-- [end:append]
    def _check(self) -> None:
        if self._broken:
            raise JournalBroken(f"{self.stream}: a write failed; open it again")

    def after(self, seq: int) -> Iterator[Record]:
        """Yield the durable records after ``seq``, oldest first. Raises JournalDamaged if they are not all there.

        What was written since the start and not sent comes from memory: reading the file for each send would make the
        thousandth event a thousand times as dear as the first.
        """
        with self._turn:
            last, kept = self._durable, list(self._kept)
        if seq >= last:
            return
        if kept and kept[0].seq <= seq + 1:
            yield from (record for record in kept if record.seq > seq)
            return
        names = self._names()
        for path, following in zip(names, [*names[1:], None], strict=True):
            if following and int(following.stem) <= seq:
                continue
            data = path.read_bytes()
            head = self._start(path, data)
            try:
                for _, bodies in chain.frames(data[_START.size :]):
                    for body in bodies:
                        record = chain.parse(body)
                        head = chain.follow(head, record)
                        if seq < record.seq <= last:
                            yield record
            except (chain.Torn, chain.BadRecord) as error:
                if head.seq < last:
                    raise JournalDamaged(f"{self.stream} after {head.seq}: {error}") from None

    def forget(self, sent: int) -> None:
        """Drop the sent records from memory; the file keeps them until they are sealed."""
        with self._turn:
            while self._kept and self._kept[0].seq <= sent:
                self._kept.popleft()

    def trim(self, sealed: int) -> None:
        """Start a new file if this one is large, and drop files whose records are all sealed elsewhere."""
        with self._turn:
            self._check()
            while self._leading:
                self._turn.wait()
            if not self._waiting and self._file.tell() > self._file_bytes:
                full, path = self._file, self._begin(self._head)
                self._file = path.open("r+b", buffering=0)
                self._file.seek(0, os.SEEK_END)
                full.close()
            for path, following in zip(self._names(), self._names()[1:], strict=False):
                if int(following.stem) <= sealed:
                    path.unlink()

    def close(self) -> None:
        """Let another process write the stream."""
        with self._turn:
            self._broken = True
            self._file.close()
            self._lock.close()
