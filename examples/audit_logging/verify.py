"""The auditor's check. Needs the log's files and a public key, and nothing of ours that is secret.

    python -m examples.audit_logging.verify log ARCHIVE --origin NAME --key HEX [--known FILE]... [--now SECONDS]
    python -m examples.audit_logging.verify answer FILE --origin NAME --key HEX [--known FILE]...

Exit status: 0 if everything holds, 1 if something does not, 2 if the call was wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from examples.audit_logging import archive, chain, events, retention, seals, search
from examples.audit_logging.archive import Archive
from examples.audit_logging.chain import Head
from examples.audit_logging.events import Class
from examples.audit_logging.seals import Checkpoint, Seal, SealError

DETECTION_US = 15 * 60 * 1_000_000
SKEW_US = 60 * 1_000_000
"""How far a writer's clock may be ahead of the sealer's."""


class Finding(NamedTuple):
    """Something that does not hold. ``code`` is for a machine; ``alarm`` is false if it may be harmless."""

    code: str
    text: str
    alarm: bool = True


class Report(NamedTuple):
    """What was checked, and what was found."""

    seals: int
    records: int
    expired: int  # segments that were deleted when their time was over
    findings: list[Finding]


def verify(
    store: Archive, origin: str, anchor: bytes, now_us: int, known: Sequence[Checkpoint] = (), since: int = 0
) -> Report:
    """Check signatures, seals and, from seal ``since`` on, every record. ``known``: checkpoints kept elsewhere."""
    bodies, findings, records, expired = store.bodies(), [], 0, 0
    try:
        sealed, _ = seals.walk(bodies, store.checkpoints(), origin, anchor)
    except SealError as error:
        return Report(len(bodies), 0, 0, [Finding(error.code, str(error)), *_elsewhere(known, bodies)])
    findings += _elsewhere(known, bodies)
    if not sealed or now_us - sealed[-1].at_us > DETECTION_US:
        findings.append(Finding("stale", "no seal in the last 15 minutes: the newest may be hidden"))
    for before, seal in zip([None, *sealed], sealed, strict=False):
        if before and seal.at_us - before.at_us > DETECTION_US:
            findings.append(
                Finding("late-seal", f"{(seal.at_us - before.at_us) // 10**6} s before seal {seal.n}")
            )
        for name, head in seal.streams.items():
            if head.state == "silent":
                findings.append(Finding("silent", f"{name} said nothing before seal {seal.n}", alarm=False))
        if any(part.newest_us > seal.at_us + SKEW_US for part in seal.classes.values()):
            findings.append(Finding("clock", f"seal {seal.n} holds events from after it", alarm=False))
        if seal.n < since:
            continue
        for kind in archive.CLASSES:
            data = store.segment(seal, kind)
            if data is None and retention.is_over(seal.at_us, kind, now_us):
                expired += 1
            elif data is None:
                findings.append(Finding("missing", f"the {kind} records of seal {seal.n}"))
            else:
                findings += [Finding(code, text) for code, text in _segment(data, kind, seal, before, origin)]
                records += seal.classes[kind].count
    named = {archive.segment_key(s.n, k, s.classes[k].sha256) for s in sealed for k in archive.CLASSES}
    findings += [
        Finding("unsealed", f"{key} is in no seal", False) for key in sorted(store.segment_keys() - named)
    ]
    return Report(len(sealed), records, expired, findings)


def _segment(data: bytes, kind: Class, seal: Seal, before: Seal | None, origin: str) -> list[tuple[str, str]]:
    """Check an interval's records against their seal, and each stream's way from the seal before."""
    try:
        records = archive.unpack(data)
        heads = {name: _head(before, name, origin) for name in seal.streams if archive.class_of(name) == kind}
        for record in records:
            if record.stream not in heads:
                return [("inserted", f"{record.stream} is in seal {seal.n} without being named")]
            heads[record.stream] = chain.follow(heads[record.stream], record)
            events.decode(record.payload)
        if archive.class_seal(records, data) != seal.classes[kind]:
            return [("altered", f"the {kind} records of seal {seal.n} are not those that were sealed")]
    except (ValueError, KeyError, TypeError, chain.Torn) as error:
        return [("altered", f"the {kind} records of seal {seal.n}: {error}")]
    wrong = [name for name, head in heads.items() if head != _head(seal, name, origin)]
    return [("gap", f"{name} does not end in seal {seal.n} where it should") for name in wrong]


def _head(seal: Seal | None, stream: str, origin: str) -> Head:
    named = seal.streams.get(stream) if seal else None
    return Head(named.seq, bytes.fromhex(named.link)) if named else chain.genesis(origin, stream)


def _elsewhere(known: Sequence[Checkpoint], bodies: Sequence[bytes]) -> list[Finding]:
    return [Finding(error.code, str(error)) for error in seals.known_by(known, bodies)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; return its exit status."""
    parser = argparse.ArgumentParser(prog="verify", description="Check an audit log or an answer from it.")
    commands = parser.add_subparsers(dest="command", required=True)
    log, answer = commands.add_parser("log"), commands.add_parser("answer")
    for command in (log, answer):
        command.add_argument("path", type=Path)
        command.add_argument("--origin", required=True)
        command.add_argument("--key", required=True, type=bytes.fromhex, help="the first public key, in hex")
        command.add_argument(
            "--known", action="append", default=[], type=Path, help="a checkpoint kept elsewhere"
        )
    log.add_argument(
        "--now", required=True, type=int, help="seconds since 1970: a log that stopped is a finding"
    )
    log.add_argument("--since", type=int, default=0, help="the first seal whose records are read")
    given = parser.parse_args(arguments)
    try:
        known = [Checkpoint.model_validate_json(each.read_bytes()) for each in given.known]
    except (OSError, ValueError) as error:
        print(f"--known: {error}", file=sys.stderr)
        return 2
    if given.command == "answer":
        return _answer(given.path, given.origin, given.key, known)
    return _report(
        verify(Archive(given.path), given.origin, given.key, given.now * 1_000_000, known, given.since)
    )


def _report(report: Report) -> int:
    for finding in report.findings:
        print(f"{'ALARM' if finding.alarm else 'note '} {finding.code}: {finding.text}")
    print(f"{report.seals} seals, {report.records} records read, {report.expired} expired")
    return int(any(finding.alarm for finding in report.findings))


def _answer(path: Path, origin: str, key: bytes, known: Sequence[Checkpoint]) -> int:
    """Print the events and what they are complete for: the reader compares that with the question."""
    try:
        answer = search.load(path)
        found = search.checked(answer, origin, key, known)
    except (SealError, chain.BadRecord, ValueError, KeyError, TypeError) as error:
        print(f"ALARM {getattr(error, 'code', 'unreadable')}: {error}")
        return 1
    for event in found:
        print(event.at_us, event.what.kind, event.request or "-", event.where)
    for name in search.unfinished(answer):
        print(
            f"note  silent: {name} has not spoken since before the end of the time; its journal may hold more"
        )
    period = f"from {answer['from_us']} to {answer['to_us']}"
    print(f"complete: {len(found)} events of {answer['actor']} {period} in {', '.join(answer['classes'])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
