"""What is locked: every package that is installed to build, test or lint the site, or that runs in the reader's browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)


class Package(NamedTuple):
    """`ecosystem` is OSV's name of the registry, `license` what an npm lock says; PyPI's say nothing."""

    ecosystem: str
    name: str
    version: str
    lock: str
    license: str = ""


def locked(root: Path = ROOT) -> list[Package]:
    """Every locked package, once a version, with the first lock file that has it, by its path below `root`."""
    found: dict[tuple[str, str, str], Package] = {}
    for file in sorted((root / "requirements").glob("*.txt")):
        for name, version in _PIN.findall(file.read_text(encoding="utf-8")):
            _add(found, Package("PyPI", normalized(name), version, file.relative_to(root).as_posix()))
    for file in sorted(root.glob("*/package-lock.json")):
        entries = json.loads(file.read_text(encoding="utf-8"))["packages"]
        for path, entry in entries.items():
            # The entry without a path is the lock's own package.
            if path:
                name = entry.get("name") or path.rpartition("node_modules/")[2]
                lock = file.relative_to(root).as_posix()
                # Old packages give an object, which is told as it stands.
                _add(found, Package("npm", name, entry["version"], lock, str(entry.get("license", ""))))
    return list(found.values())


def normalized(name: str) -> str:
    """A name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _add(found: dict[tuple[str, str, str], Package], package: Package) -> None:
    found.setdefault((package.ecosystem, package.name, package.version), package)
