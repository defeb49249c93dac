"""Write-once objects, and the sealer that fills them.

Three kinds of object: the records of an interval and class, the seal that names them, the checkpoint that signs. In
production they lie in two buckets of accounts that the gateway's administrators cannot enter, under a retention lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from examples.audit_logging import canonical, chain, merkle, seals, subjects
from examples.audit_logging.chain import Head, Record
from examples.audit_logging.events import Class
from examples.audit_logging.journal import write_file
from examples.audit_logging.seals import Checkpoint, ClassSeal, Seal, Signer, StreamHead

CLASSES: tuple[Class, ...] = ("hospital", "standard")
EMPTY_SEGMENT = b""


class AlreadyWritten(ValueError):
    """An object of this name has other bytes."""


class Equivocation(Exception):
    """A writer gave two records the same number. Keep both: one of them is evidence."""


class Archive:
    """A bucket as a folder."""

    def __init__(self, folder: Path, sync: Callable[[int], None] = os.fsync) -> None:
        self.folder, self._sync = folder, sync
        for kind in ("segments", "seals", "checkpoints"):
            (folder / kind).mkdir(parents=True, exist_ok=True)

    def put(self, key: str, data: bytes) -> None:
        """Write once, as `If-None-Match: *` does; the same bytes again are no error. Raises AlreadyWritten."""
        path = self.folder / key
        if path.exists():
            if path.read_bytes() != data:
                raise AlreadyWritten(key)
            return
        write_file(path, data, self._sync)

    def bodies(self) -> list[bytes]:
        """Return the seals, in the order of their names."""
        return [path.read_bytes() for path in sorted((self.folder / "seals").glob("[0-9]*"))]

    def checkpoints(self) -> dict[int, Checkpoint]:
        """Return the checkpoints by size. Raises SealError."""
        found = {}
        for path in sorted((self.folder / "checkpoints").glob("[0-9]*")):
            try:
                found[int(path.name)] = Checkpoint.model_validate_json(path.read_bytes())
            except ValueError as error:
                raise seals.SealError("unreadable", f"checkpoint {path.name}: {error}") from None
        return found

    def segment(self, seal: Seal, kind: Class) -> bytes | None:
        """Return the bytes of an interval's records, or None if they are not there."""
        part = seal.classes[kind]
        if not part.count:
            return EMPTY_SEGMENT
        path = self.folder / segment_key(seal.n, kind, part.sha256)
        return path.read_bytes() if path.exists() else None

    def segment_keys(self) -> set[str]:
        """Return the names of all segments."""
        return {f"segments/{path.name}" for path in (self.folder / "segments").glob("[0-9]*")}


def segment_key(n: int, kind: str, sha256: str) -> str:
    """Return an object's name: with its digest, so that a crash before the seal leaves no conflict."""
    return f"segments/{n:08d}.{kind}.{sha256[:16]}"


def pack(records: Sequence[Record]) -> bytes:
    """Return the bytes of a segment."""
    return b"".join(chain.frame([record.body]) for record in records)


def unpack(data: bytes) -> list[Record]:
    """Read a segment. Raises BadRecord or Torn."""
    return [chain.parse(body) for _, bodies in chain.frames(data) for body in bodies]


def class_of(stream: str) -> Class:
    """Return a stream's retention class, which its name ends with."""
    return "hospital" if stream.endswith(".hospital") else "standard"


def class_seal(records: Sequence[Record], data: bytes) -> ClassSeal:
    """Summarize an interval's records of one class."""
    entries = subjects.entries(records)
    times = [int(canonical.decode(record.payload)["at_us"]) for record in records] or [0]
    return ClassSeal(
        count=len(records),
        root=merkle.root([merkle.leaf(b"record\n" + r.head.link) for r in records]).hex(),
        actors=len(entries),
        actors_root=merkle.root([entry.leaf for entry in entries]).hex(),
        oldest_us=min(times),
        newest_us=max(times),
        sha256=seals.segment_digest(data),
    )


class Sealer:
    """Takes records from the queue and seals them. Thread-safe. One at a time: the queue's partition has one consumer.

    What it holds between two seals is lost with it, so the queue's offset moves only after a seal. If it dies in a change
    of key, start it once with the old key, which signs the change, and then with the new.
    """

    def __init__(self, archive: Archive, signer: Signer, origin: str, clock_us: Callable[[], int]) -> None:
        self._archive, self._signer, self._origin, self._clock_us = archive, signer, origin, clock_us
        self._lock = Lock()
        self._tree = merkle.Frontier()
        self._sealed: dict[str, StreamHead] = {}
        self._ended: set[str] = set()
        self._last_us = 0
        self._pending: list[Record] = []
        self._successor: Signer | None = None
        self._key: str | None = None  # that has to sign, once a seal has named one
        named: str | None = None
        bodies = archive.bodies()
        for body in bodies:
            seal = seals.read_seal(body)
            self._key, named = named or self._key, seal.next_key
            self._tree.append(seals.leaf(body))
            self._ended |= self._sealed.keys() - seal.streams.keys()
            self._sealed, self._last_us = dict(seal.streams), seal.at_us
        self._heads = {name: Head(h.seq, bytes.fromhex(h.link)) for name, h in self._sealed.items()}
        if bodies and len(bodies) not in archive.checkpoints():
            if named == signer.public.hex() != self._key:
                raise seals.SealError(
                    "unsigned", "the last seal names this key: first the old one must sign it"
                )
            self._check_key()
            self._sign()  # the crash came between a seal and its signature
        self._key = named or self._key

    def accept(self, body: bytes) -> None:
        """Take one record, in any number of copies. Raises BadRecord for a gap, Equivocation for a second version."""
        record = chain.parse(body)
        _check_sealable(record)
        with self._lock:
            head = self._heads.get(record.stream) or chain.genesis(self._origin, record.stream)
            if record.stream in self._ended:
                raise chain.BadRecord(f"{record.stream} was closed: a writer that returns takes a new name")
            if record.seq > head.seq:
                self._heads[record.stream] = chain.follow(head, record)
                self._pending.append(record)
            elif not self._is_known(record, head):
                raise Equivocation(f"{record.stream} {record.seq}")

    def _is_known(self, record: Record, head: Head) -> bool:
        if record.seq == head.seq:
            return record.head == head
        same = [r for r in self._pending if (r.stream, r.seq) == (record.stream, record.seq)]
        return not same or same[0] == record  # older ones are sealed: the archive is the answer, not a copy

    # --8<-- [start:seal]
    def seal(self, successor: Signer | None = None) -> Checkpoint:
        """Seal what came since the last seal, even nothing: a missing seal has to mean something.

        Objects first, then the seal that names them, then the signature: a crash in between leaves no signature over
        anything that is not kept.
        """
        with self._lock:
            self._finish_change_of_key()
            self._last_us = max(self._last_us, self._clock_us())
            records = sorted(self._pending, key=lambda record: (record.stream, record.seq))
            classes: dict[Class, ClassSeal] = {}
            for kind in CLASSES:
                mine = [record for record in records if class_of(record.stream) == kind]
                data = pack(mine)
                classes[kind] = class_seal(mine, data)
                if mine:
                    self._archive.put(segment_key(self._tree.size, kind, classes[kind].sha256), data)
            seal = Seal(
                origin=self._origin,
                n=self._tree.size,
                at_us=self._last_us,
                streams=self._stream_heads(records),
                classes=classes,
                next_key=successor.public.hex() if successor else None,
            )
            self._archive.put(f"seals/{seal.n:08d}", seal.body)
            self._tree.append(seals.leaf(seal.body))
            self._sealed, self._pending, self._successor = dict(seal.streams), [], successor
            return self._sign()

    # --8<-- [end:seal]
    def rotate(self, successor: Signer) -> Checkpoint:
        """Let another key sign from now on; the old one signs the seal that says so."""
        return self.seal(successor)

    def _finish_change_of_key(self) -> None:
        """Sign it with the old key, or seal nothing: after the next seal no reader could follow it any more."""
        if self._successor:
            self._sign()
        self._check_key()

    def _check_key(self) -> None:
        if self._key and self._key != self._signer.public.hex():
            raise seals.SealError("signature", f"{self._key[:16]} signs now")

    def _sign(self) -> Checkpoint:
        unsigned = Checkpoint(
            origin=self._origin, size=self._tree.size, root=self._tree.root().hex(), at_us=self._last_us
        )
        signature = self._signer.sign(unsigned.message).hex()
        checkpoint = unsigned.model_copy(update={"signature": signature})
        self._archive.put(
            f"checkpoints/{checkpoint.size:08d}", canonical.encode(checkpoint.model_dump(mode="json"))
        )
        if self._successor:
            self._signer, self._key, self._successor = self._successor, self._successor.public.hex(), None
        return checkpoint

    def _stream_heads(self, records: Sequence[Record]) -> dict[str, StreamHead]:
        last = {record.stream: record for record in records}
        found = {}
        for name, head in sorted(self._heads.items()):
            if name in self._ended:
                continue
            before = self._sealed.get(name)
            if before and before.state == "closed" and name not in last:
                self._ended.add(name)  # the last seal says that it was closed: it may leave
                continue
            state = "live" if name in last else "silent"
            if name in last and _closes(last[name]):
                state = "closed"
            found[name] = StreamHead.model_validate(
                {"seq": head.seq, "link": head.link.hex(), "state": state}
            )
        return found


def _check_sealable(record: Record) -> None:
    """Raise BadRecord for what no seal could summarize or name: once taken, it would stop every seal after it."""
    try:
        canonical.encode({record.stream: record.seq})  # it becomes a key of the seal
        at_us, _ = canonical.decode(record.payload)["at_us"], subjects.actor_of(record)
        if type(at_us) is not int or at_us < 0:
            raise ValueError(f"at_us is {at_us!r}")
        _closes(record)
    except (ValueError, KeyError, TypeError) as error:
        raise chain.BadRecord(f"{record.stream!r} {record.seq} cannot be sealed: {error}") from None


def _closes(record: Record) -> bool:
    what = canonical.decode(record.payload)["what"]
    return bool(what["kind"] == "notice" and what["what"] == "closed")
