"""A rebuildable index, and an answer that its reader can check.

The index is a convenience: whatever it says is checked against the sealed records, and a lost one is built again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from examples.audit_logging import archive, chain, events, seals, subjects
from examples.audit_logging.archive import Archive
from examples.audit_logging.chain import Record
from examples.audit_logging.events import Class, Event, Outcome, Read
from examples.audit_logging.recorder import Recorder
from examples.audit_logging.seals import Checkpoint, Seal, SealError
from examples.audit_logging.subjects import Proof


def concerns(seal: Seal, kind: Class, from_us: int, to_us: int) -> bool:
    """Whether a seal can hold an event of the time span, however late it was sealed."""
    part = seal.classes[kind]
    return part.count > 0 and part.oldest_us < to_us and part.newest_us >= from_us


class Index:
    """SQLite over an archive. Every question is an event before it is answered, kept as long as what it is about."""

    def __init__(
        self,
        store: Archive,
        recorder: Recorder,
        contracts: Mapping[str, Class],
        file: Path | str = ":memory:",
    ) -> None:
        self._archive, self._recorder, self._contracts = store, recorder, contracts
        self._db = sqlite3.connect(file)

    def rebuild(self) -> int:
        """Throw the index away and build it from the archive; return its rows."""
        self._db.executescript(
            "DROP TABLE IF EXISTS event;"
            "CREATE TABLE event (stream TEXT, seq INTEGER, seal INTEGER, id TEXT, actor TEXT, at_us INTEGER,"
            " kind TEXT, request TEXT, digest BLOB, PRIMARY KEY (stream, seq)) WITHOUT ROWID;"
            "CREATE INDEX by_actor ON event (actor, at_us)"
        )
        for seal in map(seals.read_seal, self._archive.bodies()):
            for record in self._records(seal):
                event, digest = events.decode(record.payload), hashlib.sha256(record.payload).digest()
                self._db.execute(
                    "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (record.stream, record.seq, seal.n, event.id, event.actor, event.at_us, event.what.kind, event.request,
                     digest),
                )  # fmt: skip
        self._db.commit()
        return int(self._db.execute("SELECT count(*) FROM event").fetchone()[0])

    def _records(self, seal: Seal) -> list[Record]:
        found = []
        for kind in archive.CLASSES:
            found += archive.unpack(self._archive.segment(seal, kind) or b"")
        return found

    def find(self, envelope: Event, read: Read) -> list[tuple[str, int]]:
        """Return (stream, number) of an actor's events in a time span, each event once.

        ``envelope`` names who asks, and as its tenant the actor's.
        Raises AuditUnavailable if the question cannot be logged: then there is no answer.
        """
        question = envelope.model_copy(update={"what": read})
        self._recorder.record(events.kept_with(question, self._contracts), question, replicated=True)
        rows = self._db.execute(
            "SELECT min(stream), seq FROM event WHERE actor = ? AND at_us >= ? AND at_us < ? GROUP BY digest ORDER BY at_us",
            (read.about, read.from_us, read.to_us),
        )
        return [(str(stream), int(seq)) for stream, seq in rows]

    def answer(
        self, envelope: Event, read: Read, classes: Sequence[Class] = archive.CLASSES
    ) -> dict[str, Any]:
        """Return one actor's records with the proof that none is missing: to hand over, and to check without us.

        Both classes by default: an administrator of ours acts for tenants of both. Leave out a class whose period is over;
        the check says which classes it covers.
        The seals travel in the same file here; in production an auditor fetches them once.
        """
        self.find(envelope, read)
        actor = str(read.about)
        parts = []
        for seal in map(seals.read_seal, self._archive.bodies()):
            for kind in classes:
                if not concerns(seal, kind, read.from_us, read.to_us):
                    continue
                records = archive.unpack(self._archive.segment(seal, kind) or b"")
                theirs = [record for record in records if subjects.actor_of(record) == actor]
                parts.append(
                    {
                        "n": seal.n,
                        "class": kind,
                        "proof": _to_json(subjects.prove(subjects.entries(records), actor)),
                        "records": [_b64(record.body) for record in theirs],
                    }
                )
        return {
            "actor": actor,
            "classes": list(classes),
            "from_us": read.from_us,
            "to_us": read.to_us,
            "seals": [body.decode() for body in self._archive.bodies()],
            "checkpoints": [c.model_dump(mode="json") for c in self._archive.checkpoints().values()],
            "parts": parts,
        }


def checked(
    answer: dict[str, Any], origin: str, anchor: bytes, known: Sequence[Checkpoint] = ()
) -> list[Event]:
    """Return the events of an answer, if they are all that was sealed. Raises SealError.

    Needs the log's first public key. ``known``: checkpoints kept elsewhere, without which a second history could pass.
    """
    actor, from_us, to_us = answer["actor"], answer["from_us"], answer["to_us"]
    classes = [kind for kind in archive.CLASSES if kind in answer["classes"]]
    if not classes or len(classes) != len(answer["classes"]):
        raise SealError("unreadable", f"classes {answer['classes']}")
    checkpoints = [Checkpoint.model_validate(each) for each in answer["checkpoints"]]
    bodies = [body.encode() for body in answer["seals"]]
    walked, _ = seals.walk(bodies, {each.size: each for each in checkpoints}, origin, anchor)
    for error in seals.known_by(known, bodies):
        raise error
    if not walked or walked[-1].at_us < to_us:
        raise SealError("early", "the last seal is older than the end of the question")
    parts = {(part["n"], part["class"]): part for part in answer["parts"]}
    found: set[Event] = set()  # by content: a second event under a known id is shown, not taken for a copy
    for seal in walked:
        for kind in classes:
            if concerns(seal, kind, from_us, to_us):
                part = parts.get((seal.n, kind))
                for event in _proven_events(part, actor, seal, kind):
                    if from_us <= event.at_us < to_us:
                        found.add(event)
    return sorted(found, key=lambda event: (event.at_us, event.id))


def unfinished(answer: dict[str, Any]) -> list[str]:
    """Return the streams of a checked answer that fell silent before the end of its time and have not spoken since.

    "All that was sealed" is not yet all that happened: such a replica's journal may hold more.
    """
    spoke: dict[str, int] = {}
    open_streams: set[str] = set()
    for seal in (seals.read_seal(body.encode()) for body in answer["seals"]):
        spoke |= {name: seal.at_us for name, head in seal.streams.items() if head.state != "silent"}
        open_streams = {name for name, head in seal.streams.items() if head.state == "silent"}
    return sorted(
        name
        for name in open_streams
        if archive.class_of(name) in answer["classes"] and spoke.get(name, 0) < answer["to_us"]
    )


def _proven_events(part: dict[str, Any] | None, actor: str, seal: Seal, kind: Class) -> list[Event]:
    if part is None:
        raise SealError("missing", f"nothing is said about the {kind} records of seal {seal.n}")
    records = [chain.parse(base64.b64decode(body, validate=True)) for body in part["records"]]
    sealed = seal.classes[kind]
    root = bytes.fromhex(sealed.actors_root)
    if not subjects.proven(_from_json(part["proof"]), actor, sealed.actors, root, records):
        raise SealError("missing", f"seal {seal.n} has other {kind} records of {actor}")
    return [events.decode(record.payload) for record in records]


def outcomes(found: list[Event]) -> dict[str, Outcome]:
    """Return each request's outcome. A real one wins over the sweep's "unknown"."""
    result: dict[str, Outcome] = {}
    for event in found:
        if isinstance(event.what, Outcome) and event.request:
            known = result.get(event.request)
            if known is None or known.status == "unknown":
                result[event.request] = event.what
    return result


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _to_json(proof: Proof) -> dict[str, Any]:
    paths = [[each.hex() for each in path] for path in proof.paths]
    return {"at": proof.at, "entries": [list(entry) for entry in proof.entries], "paths": paths}


def _from_json(data: dict[str, Any]) -> Proof:
    try:
        return Proof(
            int(data["at"]),
            [subjects.Entry(str(actor), int(count), str(digest)) for actor, count, digest in data["entries"]],
            [[bytes.fromhex(each) for each in path] for path in data["paths"]],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SealError("unreadable", f"not a proof: {error}") from None


def load(file: Path) -> dict[str, Any]:
    """Read an answer from a file."""
    loaded: dict[str, Any] = json.loads(file.read_bytes())
    return loaded
