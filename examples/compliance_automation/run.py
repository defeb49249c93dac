"""`python -m examples.compliance_automation.run scan FOLDER` judges the estate and appends signed evidence;
`... verify FOLDER --key HEX [--witness NUMBER:DIGEST]` is the auditor's command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from examples.compliance_automation import estate, evidence, report
from examples.compliance_automation.evaluate import run


def main(arguments: list[str], key: Ed25519PrivateKey | None = None) -> int:
    """Exit status: 0 if all is well, 1 if evidence is at fault. A failed control is no error of the command."""
    parser = argparse.ArgumentParser(prog="compliance")
    commands = parser.add_subparsers(dest="command", required=True)
    scan = commands.add_parser("scan")
    scan.add_argument("folder", type=Path)
    check = commands.add_parser("verify")
    check.add_argument("folder", type=Path)
    check.add_argument("--key", required=True, metavar="HEX")
    check.add_argument("--witness", metavar="NUMBER:DIGEST")
    check.add_argument("--every", type=int, default=15, metavar="MINUTES")
    check.add_argument("--until", type=int, metavar="SECONDS", help="end of the period, seconds since 1970")
    options = parser.parse_args(arguments)
    if options.command == "scan":
        return _scan(options.folder, key or Ed25519PrivateKey.generate())
    number, _, digest = (options.witness or "").partition(":")
    witnessed = (int(number), digest) if number else None
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(options.key))
    faults = list(evidence.verify(options.folder, public, witnessed, options.every, options.until))
    print("\n".join(faults) or f"{len(evidence.heads(options.folder))} records, no fault")
    return 1 if faults else 0


def _scan(folder: Path, key: Ed25519PrivateKey) -> int:
    inputs = estate.inputs()
    results = run(inputs)
    number, digest = evidence.record(folder, inputs, results, key)
    print(report.summary(inputs, results))
    print(f"record {number}: {digest}")
    print(f"key: {key.public_key().public_bytes_raw().hex()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
