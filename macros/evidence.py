"""What the reader of a drill investigates: the files in a package's `evidence/`, described in its `evidence.yml`.

metrics.csv:
  origin: simulated
  what: One row every 15 seconds, from 02:30 to 03:30
  columns:
    ttft_p99_s: 99th percentile of the time to first token over the last minute, seconds
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from macros import front_matter
from macros.faults import Fault, SourceError

MOST_BYTES = 1_000_000
"""Of all files of a drill: what a reader on a phone may be asked to download."""


class Origin(StrEnum):
    """How a file came about; a reader is always told."""

    CAPTURED = "captured"
    COMPRESSED = "compressed"
    SIMULATED = "simulated"

    @property
    def label(self) -> str:
        return {
            "captured": "captured from a run",
            "compressed": "captured from a run, time compressed",
            "simulated": "simulated",
        }[self.value]


class _Described(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: Origin
    what: Annotated[str, Field(min_length=1)]
    columns: dict[str, str] = {}


class EvidenceFile(NamedTuple):
    """One file: its name, its text, and what its reader has to know of it."""

    name: str
    text: str
    origin: Origin
    what: str
    columns: dict[str, str]


def load(package: Path) -> tuple[EvidenceFile, ...]:
    """The evidence of an example's package in the manifest's order; none without a manifest. Raises SourceError."""
    manifest, folder = package / "evidence.yml", package / "evidence"
    if not manifest.is_file():
        return ()
    content, lines = front_matter.mapping(
        manifest.read_text(encoding="utf-8"), manifest, "the list of evidence"
    )
    try:
        described = TypeAdapter(dict[str, _Described]).validate_python(content)
    except ValidationError as error:
        mend = f"name each file of evidence/ with its origin ({', '.join(Origin)}), `what` it holds and its columns"
        raise SourceError(front_matter.refused(error, manifest, lines, mend)) from error
    there = {file.name: file for file in sorted(folder.iterdir())} if folder.is_dir() else {}
    faults = [
        Fault(
            manifest,
            lines[name,],
            f"`{name}` is not in {folder.name}/",
            "capture it with `make drills`, or remove it here",
        )
        for name in described.keys() - there.keys()
    ]
    faults += [
        Fault(there[name], None, "the file is not described", f"describe it in {manifest.name}, or remove it")
        for name in there.keys() - described.keys()
    ]
    size = sum(file.stat().st_size for file in there.values())
    if size >= MOST_BYTES:
        mend = "sample it, or leave out columns that no stage needs"
        faults.append(
            Fault(manifest, None, f"the files have {size:,} bytes, not less than {MOST_BYTES:,}", mend)
        )
    if faults:
        raise SourceError(faults)
    return tuple(
        EvidenceFile(name, there[name].read_text(encoding="utf-8"), entry.origin, entry.what, entry.columns)
        for name, entry in described.items()
    )


def published(slug: str, files: tuple[EvidenceFile, ...]) -> dict[str, str]:
    """The files and a README beside them, by path below docs/; nothing where there are none."""
    if not files:
        return {}
    return {f"{address_of(slug)}{file.name}": file.text for file in files} | {
        f"{address_of(slug)}README.txt": "\n".join(_described(file) for file in files)
    }


def address_of(slug: str) -> str:
    """Where a drill's files are, below the site's root and below docs/."""
    return f"evidence/{slug}/"


def _described(file: EvidenceFile) -> str:
    lines = [f"{file.name} ({file.origin.label})", f"  {file.what}"]
    return "\n".join([*lines, *(f"  {name}: {meaning}" for name, meaning in file.columns.items())]) + "\n"
