"""When the sources last changed, as git has it. Outside of a checkout nothing is known, and that is said so."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from datetime import datetime
from pathlib import Path


def commit_times(docs_dir: Path) -> dict[str, datetime]:
    """The last commit of every file below docs/, by its path there, with its zone; empty outside of a checkout.

    A shallow clone would date every file to its newest commit, so it gives no times at all.
    """
    if _git(docs_dir, "rev-parse", "--is-shallow-repository").strip() != "false":
        return {}
    log = _git(docs_dir, "log", "--format=commit %cI", "--name-only", "--relative", "--", ".")
    times: dict[str, datetime] = {}
    moment = None
    for line in log.splitlines():
        if line.startswith("commit "):
            moment = datetime.fromisoformat(line.removeprefix("commit "))
        elif line and moment:
            times.setdefault(line, moment)
    return times


def why_unknown(folder: Path) -> str:
    """Why `commit_times` knows nothing, and what helps."""
    if not shutil.which("git"):
        return "git is not installed. Install it, and build again."
    shallow = _git(folder, "rev-parse", "--is-shallow-repository").strip()
    if shallow == "true":
        return "the clone is shallow. Get its history (git fetch --unshallow), and build again."
    if shallow == "false":
        return "nothing has been committed."
    return "this is no git checkout, or one that git does not trust. Clone the repository to have them."


def now() -> int:
    """The time in seconds since 1970, or the one that SOURCE_DATE_EPOCH sets, so that a build can be repeated byte by byte."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())


def head_time(folder: Path) -> int | None:
    """Time of the newest commit in seconds since 1970; None outside of a checkout."""
    said = _git(folder, "log", "-1", "--format=%ct").strip()
    return int(said) if said else None


def _git(folder: Path, *arguments: str) -> str:
    """What git prints; nothing where it fails or is not there."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
