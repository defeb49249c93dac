"""What auditing costs a request, and what checking costs an auditor. The baseline builds the event and drops it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from examples.audit_logging import archive, chain, events, merkle, subjects
from examples.audit_logging.events import Class, Event, Opened
from examples.audit_logging.journal import Journal
from examples.audit_logging.recorder import Recorder
from examples.audit_logging.seals import Checkpoint, LocalSigner, signed_by

ORIGIN, STREAM = "audit.example/prod", "r01.hospital"
SIGNER = LocalSigner(b"\1" * 32)
pytestmark = pytest.mark.benchmark(group="audit-logging")


def event(n: int = 0) -> Event:
    return Event(
        id=f"{n:032x}", at_us=n, tenant="st-mary", actor=f"{n % 200:032x}", role="user", credential="key/7f3a", request=f"{n:032x}",
        where="r01", policy="p-2026-11-02", person="x" * 120,
        what=Opened(rule="chat.call", model="m-7/4", system_prompt="1" * 64, prompt_tokens=2_000, prompt_digest="2" * 64),
    )  # fmt: skip


def records(count: int) -> list[chain.Record]:
    head, found = chain.genesis(ORIGIN, STREAM), []
    for n in range(count):
        found.append(chain.extend(head, STREAM, events.encode(event(n))))
        head = found[-1].head
    return found


def bench_nothing(benchmark: Any) -> None:
    benchmark(event)


def bench_encode(benchmark: Any) -> None:
    benchmark(events.encode, event())


def bench_link(benchmark: Any) -> None:
    head, payload = chain.genesis(ORIGIN, STREAM), events.encode(event())
    benchmark(lambda: chain.extend(head, STREAM, payload).head)


def bench_append_without_fsync(benchmark: Any, tmp_path: Path) -> None:
    journal = Journal(tmp_path, ORIGIN, STREAM, sync=lambda handle: None)
    benchmark(journal.append, events.encode(event()))


def bench_append_with_fsync(benchmark: Any, tmp_path: Path) -> None:
    journal = Journal(tmp_path, ORIGIN, STREAM)
    benchmark.pedantic(journal.append, (events.encode(event()),), rounds=100)


class InstantQueue:
    """Answers at once, so that what is measured is ours."""

    def send(self, records: Sequence[chain.Record]) -> None:
        pass

    def last(self, stream: str) -> int:
        return 0


def bench_record_behind_10_000_others(benchmark: Any, tmp_path: Path) -> None:
    """The whole write path but disk and network; must not depend on how many records are in the file."""
    kind: Class = "hospital"
    journal = Journal(tmp_path, ORIGIN, STREAM, sync=lambda handle: None)
    recorder = Recorder({kind: journal}, InstantQueue(), lambda: 1)
    for n in range(10_000):
        recorder.record(kind, event(n), replicated=False)
    benchmark(recorder.record, kind, event(), replicated=False)


def bench_sign(benchmark: Any) -> None:
    benchmark(SIGNER.sign, b"x" * 200)


def bench_check_signature(benchmark: Any) -> None:
    checkpoint = Checkpoint(origin=ORIGIN, size=1, root="0" * 64, at_us=1)
    signature = SIGNER.sign(checkpoint.message).hex()
    benchmark(signed_by, SIGNER.public, checkpoint.message, signature)


def bench_check_1000_records(benchmark: Any) -> None:
    data = archive.pack(records(1_000))

    def check() -> None:
        found = archive.unpack(data)
        head = chain.genesis(ORIGIN, STREAM)
        for record in found:
            head = chain.follow(head, record)
            events.decode(record.payload)
        archive.class_seal(found, data)

    benchmark(check)


def bench_check_an_absence(benchmark: Any) -> None:
    entries = subjects.entries(records(1_000))
    root = merkle.root([entry.leaf for entry in entries])
    proof = subjects.prove(entries, "f" * 32)
    assert benchmark(subjects.proven, proof, "f" * 32, len(entries), root, [])
