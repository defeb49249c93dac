"""Planted faults stop the build, with a message that names the file.

Each runs against a site of three pages in a copy of the project's own machinery: the same mkdocs.yml, macros and
templates, so that what is proved is the configuration that publishes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.site import small
from tests.site.small import QUESTION, QUESTION_FILE


class Fault(NamedTuple):
    """A planted fault: in `file` below docs/, `old` becomes `new` (or is appended), and `said` is what a build says."""

    file: str
    old: str
    new: str
    said: str


FAULTS = {
    "broken relative link": Fault(
        "index.md", "shed-load.md#hints", "shed-lode.md", r"index\.md'? contains a link .*shed-lode\.md"
    ),
    "broken anchor": Fault("index.md", "#hints", "#hintz", r"index\.md'? contains a link .*#hintz"),
    "absolute link": Fault(
        "index.md", "(questions/", "(/questions/", r"index\.md'? contains an absolute link"
    ),
    "missing snippet section": Fault(
        QUESTION_FILE, "listing.py:body", "listing.py:bodie", r"(?s)shed-load\.md.*bodie|bodie.*shed-load\.md"
    ),
    "missing snippet file": Fault(
        QUESTION_FILE, "examples/listing.py:body", "examples/list.py", r"(?s)shed-load\.md.*list\.py"
    ),
    "unknown topic": Fault(QUESTION_FILE, "[latency,", "[latencies,", r"shed-load\.md:7: .*latencies"),
    "malformed front matter": Fault(
        QUESTION_FILE, "title: Shed load", "title: [Shed load", r"shed-load\.md:\d+: .*not valid YAML"
    ),
    "malformed front matter of a page that is no question": Fault(
        "index.md", "title: Home", "title: [Home", r"index\.md:\d+: .*not valid YAML"
    ),
    "unknown key": Fault(
        QUESTION_FILE, "minutes: 20", "minutes: 20\nlevel: 3", r"shed-load\.md:7: .*`level`"
    ),
    "orphan page": Fault(
        "orphan.md",
        "",
        "---\ntitle: Orphan\n---\n\n## Alone\n",
        r"(?s)not included in the \"nav\".*orphan\.md",
    ),
    "question missing from the navigation": Fault(
        "questions/technical/lost.md",
        "",
        QUESTION.replace("number: 1", "number: 2"),
        r"lost\.md: .*missing from the navigation",
    ),
    "page in the navigation that is not there": Fault(
        "../mkdocs.yml", "  - topics.md", "  - topix.md", r"topix\.md.*not found"
    ),
    "undefined macro": Fault(
        "index.md",
        "question_count()",
        "question_counts()",
        r"(?s)(index\.md.*question_counts|question_counts.*index\.md)",
    ),
    "undefined variable": Fault(
        "index.md", "question_count()", "count", r"(?s)index\.md.*'count' is undefined"
    ),
    "words for a question that is not there": Fault(
        "../search/shed-lode.yml", "", "terms: [refuse traffic]\n", r"shed-lode\.yml: there is no question"
    ),
    "syntax error in a diagram": Fault(
        "index.md", "request --> answer", "request --> --> answer", r"index\.md:1[1-9]\b"
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    small.make(folder)
    return folder


def test_the_small_site_builds_as_long_as_nothing_is_wrong(project: Path) -> None:
    result = small.build(project)
    assert result.returncode == 0, result.stdout
    assert "WARNING" not in result.stdout
    page = (project / "site" / "questions/technical/shed-load/index.html").read_text(encoding="utf-8")
    assert "shed" in re.sub(r"<[^>]+>", "", page)

    # What is kept makes the same site again: of all its bytes.
    site = {file: file.read_bytes() for file in (project / "site").rglob("*.html")}
    entries = [file for name in ("pages", "made") for file in (project / ".cache" / name).rglob("*.md")]
    kept = {file: file.stat().st_mtime_ns for file in entries}
    assert len(kept) == 6
    assert small.build(project).returncode == 0
    assert {file: file.read_bytes() for file in (project / "site").rglob("*.html")} == site
    assert {file: file.stat().st_mtime_ns for file in entries} == kept


@pytest.fixture
def plant(project: Path) -> Iterator[Callable[[Fault], None]]:
    """Puts a fault into the project; the page is what it was when the test ends."""
    saved: dict[Path, str | None] = {}

    def put(fault: Fault) -> None:
        path = project / "docs" / fault.file
        before = path.read_text(encoding="utf-8") if path.exists() else None
        saved[path] = before
        if before is None:
            path.write_text(fault.new, encoding="utf-8")
            return
        assert before.count(fault.old) == 1, f"{fault.file}: {fault.old!r} is not there once"
        path.write_text(before.replace(fault.old, fault.new), encoding="utf-8")

    yield put
    for path, before in saved.items():
        if before is None:
            path.unlink()
        else:
            path.write_text(before, encoding="utf-8")


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_stops_the_build(name: str, project: Path, plant: Callable[[Fault], None]) -> None:
    plant(FAULTS[name])
    result = small.build(project)
    assert result.returncode != 0, f"the build passed:\n{result.stdout}"
    assert re.search(FAULTS[name].said, result.stdout), result.stdout
