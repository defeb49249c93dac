"""What an auditor can hold on to: signed, chained records of runs, and everything needed to run them again.

`objects/` has each input once, under its own digest; `records/` has one signed record a run, each naming the one before.
In production the folder is write-once storage of an account that no platform administrator can enter, and the key is in
a key service that only the recorder may use.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from examples.compliance_automation.catalog import Control
from examples.compliance_automation.evaluate import Attestation, Inputs, Result, run
from examples.compliance_automation.rego import Rules
from examples.compliance_automation.snapshots import Snapshot, canonical, digest
from examples.compliance_automation.waivers import Waiver

Head = tuple[int, str]
"""A record's number and digest, as a witness outside keeps it."""


# --8<-- [start:record]
def record(folder: Path, inputs: Inputs, results: Mapping[str, Result], key: Ed25519PrivateKey) -> Head:
    """Append a run. The head it returns goes to a witness that the platform's administrators cannot reach."""
    before = heads(folder)
    number = len(before) + 1
    body = {
        "number": number,
        "previous": before[-1][1] if before else None,
        "at": inputs.now,
        "engine": f"regopy {version('regopy')}",
        "objects": {name: _keep(folder, value) for name, value in _whole(inputs).items()},
        "sources": {
            source: {
                "sha256": _keep(folder, snapshot.model_dump(mode="json")),
                "collector": snapshot.collector,
                "query": snapshot.query,
                "captured_at": snapshot.captured_at,
                "items": len(snapshot.items),
                "complete": snapshot.complete,
            }
            for source, snapshot in inputs.snapshots.items()
        },
        "results": [asdict(result) for result in results.values()],
    }
    signed = {"body": body, "signature": key.sign(canonical(body)).hex()}
    (folder / "records").mkdir(exist_ok=True)
    # "x": of two recorders one fails, and the chain cannot fork.
    with _file(folder, number).open("x", encoding="utf-8") as file:
        file.write(json.dumps(signed, indent=1))
    return number, digest(signed)


# --8<-- [end:record]


# --8<-- [start:verify]
def verify(folder: Path, key: Ed25519PublicKey, witnessed: Head | None, every_minutes: int) -> Iterator[str]:
    """Everything that is wrong with a folder of evidence. Nothing is taken on trust: each run is run again."""
    previous, last = None, None
    for number, path in enumerate(sorted((folder / "records").glob("*.json")), start=1):
        signed = json.loads(path.read_text(encoding="utf-8"))
        body = signed["body"]
        try:
            key.verify(bytes.fromhex(signed["signature"]), canonical(body))
        except InvalidSignature:
            yield f"record {number}: altered, or signed by somebody else"
        if (body["number"], body["previous"]) != (number, previous):
            yield f"record {number}: does not follow the one before"
        if last is not None and body["at"] - last > 60 * every_minutes:
            yield f"record {number}: nothing ran for {(body['at'] - last) // 60} minutes"
        previous, last = digest(signed), body["at"]
        if witnessed and number == witnessed[0] and previous != witnessed[1]:
            yield f"record {number}: not the one that the witness saw"
        try:
            again = [asdict(result) for result in run(_inputs(folder, body)).values()]
        except (OSError, ValueError) as fault:
            yield f"record {number}: {fault}"
            continue
        if canonical(again) != canonical(body["results"]):
            yield f"record {number}: its inputs do not give its results"
    if witnessed and len(heads(folder)) < witnessed[0]:
        yield f"the witness saw {witnessed[0]} records, {len(heads(folder))} are here"


# --8<-- [end:verify]


def heads(folder: Path) -> list[Head]:
    """Number and digest of each record."""
    paths = sorted((folder / "records").glob("*.json"))
    return [
        (n, digest(json.loads(path.read_text(encoding="utf-8")))) for n, path in enumerate(paths, start=1)
    ]


def _file(folder: Path, number: int) -> Path:
    return folder / "records" / f"{number:08}.json"


def _whole(inputs: Inputs) -> dict[str, Any]:
    return {
        "controls": [control.model_dump(mode="json") for control in inputs.controls],
        "rules": inputs.rules.texts,
        "waivers": [waiver.model_dump(mode="json") for waiver in inputs.waivers],
        "attestations": [asdict(attestation) for attestation in inputs.attestations],
    }


def _inputs(folder: Path, body: dict[str, Any]) -> Inputs:
    """A run's inputs, from the objects that its record names. Raises OSError or ValueError."""
    kept = {name: _take(folder, sha256) for name, sha256 in body["objects"].items()}
    return Inputs(
        controls=tuple(Control(**row) for row in kept["controls"]),
        snapshots={
            source: Snapshot(**_take(folder, row["sha256"])) for source, row in body["sources"].items()
        },
        rules=Rules(kept["rules"]),
        waivers=tuple(Waiver(**row) for row in kept["waivers"]),
        attestations=tuple(Attestation(**row) for row in kept["attestations"]),
        now=body["at"],
    )


def _keep(folder: Path, value: Any) -> str:
    sha256 = digest(value)
    (folder / "objects").mkdir(parents=True, exist_ok=True)
    (folder / "objects" / f"{sha256}.json").write_bytes(canonical(value))
    return sha256


def _take(folder: Path, sha256: str) -> Any:
    path = folder / "objects" / f"{sha256}.json"
    if not path.exists():
        raise ValueError(f"object {sha256[:8]} is missing")
    value = json.loads(path.read_bytes())
    if digest(value) != sha256:
        raise ValueError(f"object {sha256[:8]} was altered")
    return value
