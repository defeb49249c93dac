"""What is wrong with a source file, said so that its author can mend it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Fault(NamedTuple):
    """One thing wrong with one file. `line` is 1-based, None where the fault is the file's as a whole."""

    file: Path
    line: int | None
    fault: str
    mend: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}: {self.fault}\n    mend: {self.mend}"


class SourceError(Exception):
    """Every fault that was found, in one error, in the order of files and lines."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(faults, key=lambda fault: (str(fault.file), fault.line or 0))
        count = len(self.faults)
        heading = f"{count} fault{'s' if count != 1 else ''} in the sources"
        super().__init__("\n".join([heading, *map(str, self.faults)]))
