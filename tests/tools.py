"""Find promtool and amtool for the tests; `python -m tests.tools` gets those that are missing.

The order: the environment variable PROMTOOL or AMTOOL, the system's own, a copy out of Debian's or Ubuntu's package,
unpacked below .cache/tools so that no server is installed or started.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / ".cache" / "tools"

PACKAGES = {"promtool": "prometheus", "amtool": "prometheus-alertmanager"}
"""Tool -> the package of Debian and Ubuntu that has it."""

MISSING = """\
{tool} was not found, and could not be fetched. Do one of these, then run the command again:
  - install it (Debian and Ubuntu: apt-get install {package}; macOS: brew install {brew})
  - name an executable: make test {variable}=/path/to/{tool}"""


def promtool() -> Path:
    """The executable. Skips the running test where there is none; fails it where CI is set."""
    return _needed("promtool")


def amtool() -> Path:
    """The executable. Skips the running test where there is none; fails it where CI is set."""
    return _needed("amtool")


def find(tool: str) -> Path | None:
    """The first executable in order that answers `--version`."""
    for candidate in (os.environ.get(tool.upper()), tool, FOLDER / "usr" / "bin" / tool):
        if candidate and (found := shutil.which(candidate)) and _answers(found):
            return Path(found)
    return None


def fetch(tool: str) -> bool:
    """Unpack the tool from the system's package, without installing it. Says what it runs; True if that worked."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return False
    if not _download(tool):
        root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
        if root and not shutil.which("sudo"):
            return False
        # The lists of packages may be missing, or older than the packages that they name.
        return _run([*root, "apt-get", "update", "--quiet"]) and _download(tool)
    return True


def _download(tool: str) -> bool:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        if not _run(["apt-get", "download", "--quiet", PACKAGES[tool]], folder):
            return False
        return all(
            _run(["dpkg-deb", "--extract", str(package), str(FOLDER)])
            for package in Path(folder).glob("*.deb")
        )


def _run(command: list[str], folder: str | None = None) -> bool:
    print("+", *command, file=sys.stderr)
    return subprocess.run(command, cwd=folder, stdout=sys.stderr, check=False).returncode == 0


def _answers(executable: str) -> bool:
    try:
        answer = subprocess.run([executable, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def _needed(tool: str) -> Path:
    if found := find(tool):
        return found
    if os.environ.get("CI"):
        pytest.fail(_missing(tool))
    pytest.skip(_missing(tool))


def _missing(tool: str) -> str:
    return MISSING.format(
        tool=tool, package=PACKAGES[tool], brew=PACKAGES[tool].split("-")[-1], variable=tool.upper()
    )


def main() -> int:
    """Get what is missing. A tool that cannot be had is told, and fails the run only where CI is set."""
    status = 0
    for tool in PACKAGES:
        found = find(tool) or (fetch(tool) and find(tool))
        print(found or _missing(tool), file=sys.stdout if found else sys.stderr)
        if not found and os.environ.get("CI"):
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
