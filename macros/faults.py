"""What is wrong with a source file, said so that its author can mend it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_OTHERWISE = "mend what the system says, then build again"
_IN_THE_WAY = "remove or rename what has the name, then build again"
_MENDS = {
    errno.ENOSPC: "make room on the disk, then build again",
    errno.EDQUOT: "make room within your quota of the disk, then build again",
    errno.EROFS: "build where files may be written",
    errno.EACCES: "give yourself the permission, then build again",
    errno.EPERM: "give yourself the permission, then build again",
    errno.EEXIST: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EISDIR: _IN_THE_WAY,
    errno.ENOTEMPTY: _IN_THE_WAY,
    # Of a source it means that somebody renames or deletes it at this moment.
    errno.ENOENT: "bring it back, or leave the files alone while the site is built, then build again",
}


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


def not_utf8(file: Path) -> Fault | None:
    """What is wrong with a file that is text and not UTF-8; None where nothing is. Raises OSError."""
    data = file.read_bytes()
    # Only what is no text has this: pictures, fonts, packages.
    if b"\0" in data:
        return None
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return of_decoding(error, file)
    return None


def of_decoding(error: UnicodeDecodeError, file: Path) -> Fault:
    """What kept the whole of a file from being decoded, with the line of the first byte that is wrong."""
    data, place = error.object, error.start
    fault = f"not UTF-8: byte 0x{data[place]:02x} cannot be decoded"
    return Fault(file, data.count(b"\n", 0, place) + 1, fault, "save the file as UTF-8")


def of_os_error(error: OSError, otherwise: Path) -> Fault:
    """What the system refused, as a fault of the file that it names, or of `otherwise` where it names none."""
    named = error.filename2 or error.filename
    file = Path(os.fsdecode(named)) if isinstance(named, (str, bytes, os.PathLike)) else otherwise
    said = error.strerror or str(error)
    return Fault(file, None, f"cannot be read or written: {said}", _MENDS.get(error.errno or 0, _OTHERWISE))
