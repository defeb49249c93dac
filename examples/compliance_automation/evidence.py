"""What an auditor can hold on to: signed, chained records of runs, and everything needed to run them again.

`objects/` has each input once, under its own digest; `records/` has one signed record a run, each naming the one before.
In production the folder is write-once storage of an account that no platform administrator can enter, and the key is in
a key service that only the recorder may use. Here a file's date stands for the end of its lock. A copy for an auditor
keeps the dates (`cp -p`), and has every version of a key as a file.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from examples.compliance_automation.catalog import Control
from examples.compliance_automation.evaluate import Attestation, Inputs, Result, run
from examples.compliance_automation.rego import Rules
from examples.compliance_automation.snapshots import Snapshot, canonical, digest
from examples.compliance_automation.waivers import Waiver

KEPT = 731 * 86400
"""24 months in seconds, with a leap day, from the last record that needs it."""

EVALUATOR = ("catalog", "evaluate", "rego", "snapshots", "waivers")

Head = tuple[int, str]
"""A record's number and digest, as a witness outside keeps it."""


# --8<-- [start:record]
def record(folder: Path, inputs: Inputs, results: Mapping[str, Result], key: Ed25519PrivateKey) -> Head:
    """Append a run. The head it returns goes to a witness that the platform's administrators cannot reach."""
    before = heads(folder, last=1)
    number = before[-1][0] + 1 if before else 1
    body = {
        "number": number,
        "previous": before[-1][1] if before else None,
        "at": inputs.now,
        "engine": engine(),
        "objects": {name: _keep(folder, value, inputs.now) for name, value in _whole(inputs).items()},
        "sources": {
            source: {
                **snapshot.model_dump(
                    mode="json", exclude={"items"}
                ),  # query, collector, time, complete, error
                "count": len(snapshot.items),
                "items": _keep(folder, list(snapshot.items), inputs.now),
            }
            for source, snapshot in inputs.snapshots.items()
        },
        "results": [asdict(result) for result in results.values()],
    }
    signed = {"body": body, "signature": key.sign(canonical(body)).hex()}
    # Created only if absent (on S3: If-None-Match: *), so of two recorders one fails and the chain cannot fork.
    _create(
        folder / "records" / f"{number:08}.json", json.dumps(signed, indent=1).encode(), inputs.now + KEPT
    )
    return number, digest(signed)


# --8<-- [end:record]


# --8<-- [start:verify]
def verify(
    folder: Path, key: Ed25519PublicKey, witnessed: Head | None, every_minutes: int, until: int | None = None
) -> Iterator[str]:
    """Everything that is wrong with a folder of evidence, up to `until`. Each run is run again, none is believed."""
    previous, last, number = None, None, 0
    loaded: dict[str, Rules] = {}
    # A store that locks each version still lets a second one hide the first.
    keys = Counter(path.name.split(".")[0] for path in folder.glob("*/*.json"))
    yield from (f"{name}: {count} versions" for name, count in sorted(keys.items()) if count > 1)
    for number, path in enumerate(sorted((folder / "records").glob("*.json")), start=1):
        try:
            signed = json.loads(path.read_text(encoding="utf-8"))
            body, signature = signed["body"], bytes.fromhex(signed["signature"])
            place, at = (body["number"], body["previous"]), int(body["at"])
        except (ValueError, KeyError, TypeError):
            yield f"record {number}: cannot be read"
            previous = None
            continue
        try:
            key.verify(signature, canonical(body))
        except InvalidSignature:
            yield f"record {number}: altered, or signed by somebody else"
        if place != (number, previous):
            yield f"record {number}: does not follow the one before"
        if last is not None and at <= last:
            yield f"record {number}: not dated after the one before"
        elif last is not None and at - last > 60 * every_minutes:
            yield f"record {number}: nothing ran for {(at - last) // 60} minutes"
        previous, last = digest(signed), at
        if witnessed and number == witnessed[0] and previous != witnessed[1]:
            yield f"record {number}: not the one that the witness saw"
        yield from (f"record {number}: {fault}" for fault in _perform_again(folder, body, loaded))
    if witnessed and number < witnessed[0]:
        yield f"the witness saw {witnessed[0]} records, {number} are here"
    if until is not None and (last is None or until - last > 60 * every_minutes):
        yield f"nothing ran after record {number}"


def _perform_again(folder: Path, body: dict[str, Any], loaded: dict[str, Rules]) -> Iterator[str]:
    """Run a record's run again. What made it must be what runs it: another version may judge otherwise."""
    if body.get("engine") != engine():
        yield f"made by {body.get('engine')}: run it again with that"
        return
    try:
        again = [asdict(result) for result in run(_inputs(folder, body, loaded)).values()]
    except (OSError, ValueError) as fault:
        yield str(fault)
    except (KeyError, TypeError, AttributeError):
        yield "its inputs are not all there"
    else:
        if canonical(again) != canonical(body.get("results")):
            yield "its inputs do not give its results"
        named = {*body["objects"].values(), *(row["items"] for row in body["sources"].values())}
        for sha256 in sorted(named):
            if locked_until(folder / "objects" / f"{sha256}.json") < body["at"] + KEPT:
                yield f"object {sha256[:8]} is unlocked too early"


# --8<-- [end:verify]


@cache
def engine() -> str:
    """What a result follows from beside its inputs: the interpreter's version, and the evaluator's own text."""
    texts = {name: (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8") for name in EVALUATOR}
    return f"regopy {version('regopy')}, evaluator {digest(texts)[:16]}"


def heads(folder: Path, last: int = 0) -> list[Head]:
    """Number and digest of each record, or of the `last` ones."""
    numbered = list(enumerate(sorted((folder / "records").glob("*.json")), start=1))
    return [(n, digest(json.loads(path.read_text(encoding="utf-8")))) for n, path in numbered[-last:]]


def _whole(inputs: Inputs) -> dict[str, Any]:
    return {
        "controls": [control.model_dump(mode="json") for control in inputs.controls],
        "rules": inputs.rules.texts,
        "waivers": [waiver.model_dump(mode="json") for waiver in inputs.waivers],
        "attestations": [asdict(attestation) for attestation in inputs.attestations],
    }


def _inputs(folder: Path, body: dict[str, Any], loaded: dict[str, Rules]) -> Inputs:
    """A run's inputs, from the objects that its record names; `loaded` keeps rules, which are slow to load.

    Raises OSError, ValueError, KeyError, TypeError or AttributeError.
    """
    kept = {name: _take(folder, sha256) for name, sha256 in body["objects"].items()}
    return Inputs(
        controls=tuple(Control(**row) for row in kept["controls"]),
        snapshots={source: _snapshot(folder, row) for source, row in body["sources"].items()},
        rules=loaded.setdefault(body["objects"]["rules"], Rules(kept["rules"])),
        waivers=tuple(Waiver(**row) for row in kept["waivers"]),
        attestations=tuple(Attestation(**row) for row in kept["attestations"]),
        now=body["at"],
    )


def _snapshot(folder: Path, row: dict[str, Any]) -> Snapshot:
    items = _take(folder, row["items"])
    if len(items) != row["count"]:
        raise ValueError(f"{row['source']}: {len(items)} items, not {row['count']}")
    return Snapshot(
        **{name: value for name, value in row.items() if name not in ("items", "count")}, items=items
    )


def _keep(folder: Path, value: Any, now: int) -> str:
    """Keep a value once, but locked as long as the newest record that names it: a lock may grow, never shrink."""
    sha256 = digest(value)
    path = folder / "objects" / f"{sha256}.json"
    try:
        _create(path, canonical(value), now + KEPT)
    except FileExistsError:
        if now + KEPT > locked_until(path):
            os.utime(path, (now, now + KEPT))  # on S3: PutObjectRetention
    return sha256


def locked_until(path: Path) -> int:
    return int(path.stat().st_mtime)


def _create(path: Path, content: bytes, until: int) -> None:
    """A new file with all of its content and its lock, or none, whenever the machine stops. Raises FileExistsError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{uuid4().hex}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.utime(draft, (until, until))
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _take(folder: Path, sha256: str) -> Any:
    path = folder / "objects" / f"{sha256}.json"
    if not path.exists():
        raise ValueError(f"object {sha256[:8]} is missing")
    value = json.loads(path.read_bytes())
    if digest(value) != sha256:
        raise ValueError(f"object {sha256[:8]} was altered")
    return value
