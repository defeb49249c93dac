"""Find a Chromium-based browser for the tests; `python -m tests.site.browser` gets one if there is none.

The order: the environment variable BROWSER, the system's own, the one Playwright downloads, the one the
system's package manager has. A browser counts only if it answers `--version`: a wrapper script without the
browser behind it, or a browser that lacks a shared library, does not.

Most tests take the shell of Chromium that has no window, if there is one: the same pages for four fifths of the work.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

WINDOWLESS = "chromium-headless-shell"
NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "brave-browser",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)

# Commands that install Chromium without a question, by the program that must be there.
PACKAGE_MANAGERS = {
    "apt-get": (
        ("apt-get", "update"),
        ("apt-get", "install", "-y", "--no-install-recommends", "chromium"),
        # Not every system that has the other has it.
        ("apt-get", "install", "-y", "--no-install-recommends", WINDOWLESS),
    ),
    "dnf": (("dnf", "install", "-y", "chromium"),),
    "apk": (("apk", "add", "--no-cache", "chromium"),),
}

MISSING = """\
No browser was found for the tests in tests/site, and none could be installed.
Do one of these, then run the command again:
  - install Chromium or Google Chrome (Debian: apt-get install chromium; Fedora: dnf install chromium;
    macOS: brew install --cask chromium)
  - let Playwright download one: .venv/bin/python -m playwright install --with-deps chromium
  - name an executable: make test BROWSER=/path/to/chromium"""


class NoBrowserError(Exception):
    """No browser answers; the message says what to install."""


def find_browser(install: bool = False, windowless: bool = False) -> Path:
    """The executable of a browser that runs. Raises NoBrowserError.

    With `install`, Playwright and then, for root, the system's package manager are asked for one. With `windowless`, one will do that
    has no window and keeps no pages behind its button for the way back.
    """
    for candidate in _candidates(windowless):
        if runs(candidate):
            return candidate
    if install:
        for step in _installers():
            for command in step:
                print("+", *command, file=sys.stderr)
                if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
                    break
            for candidate in _candidates(windowless):
                if runs(candidate):
                    return candidate
    raise NoBrowserError(MISSING)


def runs(executable: Path) -> bool:
    """Whether the executable answers `--version` the way a Chromium-based browser does."""
    try:
        answer = subprocess.run(
            [executable, "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and bool(re.search(r"(Chrom|Edge|Brave).* \d+\.", answer.stdout))


def _candidates(windowless: bool) -> Iterator[Path]:
    # Desktops set BROWSER to what opens links, which may be another browser or a script: `runs` tells.
    for name in (os.environ.get("BROWSER"), WINDOWLESS if windowless else None, *NAMES):
        if name and (found := shutil.which(name)):
            yield Path(found)
    yield from (Path(place) for place in PLACES if Path(place).exists())
    if (own := _playwrights_own()) and own.exists():
        yield own


def _playwrights_own() -> Path | None:
    """Where Playwright keeps its browser, there or not; None without Playwright.

    Asked in a process of its own: Playwright runs once in a thread, and the tests start it themselves.
    """
    code = (
        "from playwright.sync_api import sync_playwright as p\n"
        "with p() as q: print(q.chromium.executable_path)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return Path(answer.stdout.strip()) if answer.returncode == 0 and answer.stdout.strip() else None


def _installers() -> Iterator[tuple[tuple[str, ...], ...]]:
    """Each a way to get a browser, as commands to run one after the other."""
    playwright = (sys.executable, "-m", "playwright")
    yield ((*playwright, "install", "chromium"),)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        yield ((*playwright, "install-deps", "chromium"),)
        for name, commands in PACKAGE_MANAGERS.items():
            if shutil.which(name):
                yield commands


def main() -> int:
    try:
        print(find_browser(install=True))
    except NoBrowserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
