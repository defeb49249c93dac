"""What a server builds after an edit: the pages that show it, and no others; and the same site as if all had been built.

On a site of four pages, by the builds of `make serve`: one process builds again and again, as MkDocs' server does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.site import small

SITE_URL = "http://127.0.0.1:8000/"
# Builds for each line that it reads, and says when it is done. What goes wrong is said, and ends nothing, as in a server.
SERVER = """\
import logging, sys
from mkdocs.commands.build import build
from mkdocs.config import load_config

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(levelname)s %(message)s")
site_dir, began = sys.argv[1], False
for line in sys.stdin:
    try:
        config = load_config(site_dir=site_dir, strict=False)
        if not began:
            config.plugins.on_startup(command="serve", dirty="again" not in site_dir)
            began = True
        build(config, serve_url=config.site_url, dirty="again" not in site_dir)
    except BaseException as error:
        print("FAILED", error)
    print("DONE", flush=True)
"""
QUESTION, OTHER, INDEX, TOPICS = (
    f"{address}index.html"
    for address in ("questions/technical/shed-load/", "questions/technical/hedge/", "", "topics/")
)


class Site:
    """A project with its server."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.site = project / "served"
        self.said = ""
        self._server = self._start(self.site)

    def _start(self, site: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", SERVER, str(site)],
            cwd=self.project,
            env={
                **os.environ,
                **small.ENVIRONMENT,
                "PYTHONPATH": str(self.project),
                "SITE_URL": SITE_URL,
                "MACROS_STOP": "false",
                "SOURCE_DATE_EPOCH": "1700000000",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def build(self) -> set[str]:
        """Build. The pages that were written."""
        before = self._stamps()
        self.said = _asked(self._server)
        return {name for name, stamp in self._stamps().items() if before.get(name) != stamp}

    def _stamps(self) -> dict[str, int]:
        return {
            name: (self.site / name).stat().st_mtime_ns
            for name in _files(self.site)
            if name.endswith(".html")
        }

    def edit(self, name: str, old: str, new: str) -> None:
        """Edit a file, by its path below the project."""
        file = self.project / name
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def page(self, name: str) -> str:
        return (self.site / name).read_text(encoding="utf-8")

    def is_whole(self) -> bool:
        """Whether the site is what another process builds of all pages."""
        again = self.project / "again"
        with self._start(again) as server:
            _asked(server)
            assert server.stdin
            server.stdin.close()
        whole, served = _files(again), _files(self.site)
        assert whole.keys() == served.keys()
        assert [name for name in whole if whole[name] != served[name] and not name.endswith(".gz")] == []
        return True

    def close(self) -> None:
        self._server.kill()
        self._server.wait()


def _asked(server: subprocess.Popen[str]) -> str:
    assert server.stdin
    assert server.stdout
    server.stdin.write("build\n")
    server.stdin.flush()
    said: list[str] = []
    for line in server.stdout:
        if line == "DONE\n":
            return "".join(said)
        said.append(line)
    raise AssertionError("".join(said))


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    project = tmp_path_factory.mktemp("edited")
    small.make(project)
    other = small.QUESTION.replace("Shed load", "Hedge requests").replace("number: 1", "number: 2")
    (project / "docs/questions/technical/hedge.md").write_text(other, encoding="utf-8")
    (project / "examples/hedge").mkdir()
    (project / "mkdocs.yml").write_text(small.CONFIG + "  - questions/technical/hedge.md\n", encoding="utf-8")
    site = Site(project)
    assert site.build() >= {QUESTION, OTHER, INDEX, TOPICS}
    yield site
    site.close()


def test_an_edit_of_prose_is_shown_and_other_pages_are_left(site: Site) -> None:
    assert site.build() & {QUESTION, OTHER, INDEX, TOPICS} == set()
    site.edit(f"docs/{small.QUESTION_FILE}", "- Signals.", "- Signs.")
    assert site.build() & {QUESTION, OTHER, INDEX, TOPICS} == {QUESTION}
    assert "<li>Signs.</li>" in site.page(QUESTION)
    assert "dirty" not in site.said
    assert site.is_whole()


def test_an_edited_title_is_shown_by_all_pages_that_name_it(site: Site) -> None:
    site.edit(f"docs/{small.QUESTION_FILE}", "title: Shed load", "title: Drop load")
    site.build()
    for name in (QUESTION, OTHER, TOPICS):
        assert "Drop load" in site.page(name), name
        assert "Shed load</" not in site.page(name), name
    assert site.is_whole()


def test_an_edited_topic_is_listed_though_its_page_is_another(site: Site) -> None:
    site.edit("docs/topics.md", "Every topic", "All topics")
    assert TOPICS in site.build()
    assert site.page(TOPICS).count("Hedge requests") >= 2
    site.edit(f"docs/{small.QUESTION_FILE}", "[latency,", "[cost,")
    site.build()
    assert 'id="tag:cost"' in site.page(TOPICS)


@pytest.mark.parametrize(
    ("file", "old", "new", "shown"),
    [
        ("examples/listing.py", "def shed()", "def drop()", "drop"),
        ("overrides/main.html", '<h1 id="content">', '<h1 id="content" class="edited">', 'class="edited"'),
        (
            "mkdocs.yml",
            "INHERIT: base.yml",
            "INHERIT: base.yml\nsite_name: Interviews elsewhere",
            "Interviews elsewhere",
        ),
    ],
)
def test_an_edit_beside_the_pages_is_shown(site: Site, file: str, old: str, new: str, shown: str) -> None:
    site.edit(file, old, new)
    written = site.build()
    pages = [name for name in (QUESTION, OTHER, INDEX, TOPICS) if shown in site.page(name)]
    assert pages
    assert written >= set(pages)


def test_a_file_that_pages_load_is_copied_alone(site: Site) -> None:
    sheet = site.project / "docs/assets/stylesheets/edited.css"
    sheet.parent.mkdir(parents=True, exist_ok=True)
    sheet.write_text("p { color: red; }", encoding="utf-8")
    site.build()
    # As from a copy of yesterday: older than what it takes the place of.
    sheet.write_text("p { color: tan; }", encoding="utf-8")
    os.utime(sheet, (1_600_000_000, 1_600_000_000))
    assert site.build() & {QUESTION, OTHER, INDEX, TOPICS} == set()
    assert (site.site / "assets/stylesheets/edited.css").read_text(encoding="utf-8") == "p { color: tan; }"
    sheet.unlink()
    site.build()
    assert not (site.site / "assets/stylesheets/edited.css").exists()


def test_what_was_said_of_a_page_is_said_again(site: Site) -> None:
    site.edit("docs/questions/technical/hedge.md", "- Signals.", "- [Signals](nowhere.md).")
    for _ in range(2):
        site.build()
        assert "nowhere.md" in site.said
    site.edit("docs/questions/technical/hedge.md", "- [Signals](nowhere.md).", "- Signals.")
    site.build()
    assert "nowhere.md" not in site.said


def test_a_link_is_told_of_when_its_end_goes_from_another_page(site: Site) -> None:
    site.edit(f"docs/{small.QUESTION_FILE}", "- Sig", "### Strong signs\n\n- Sig")
    site.edit("docs/questions/technical/hedge.md", "- Signals.", "- [Signals](shed-load.md#strong-signs).")
    site.build()
    assert "strong-signs" not in site.said
    site.edit(f"docs/{small.QUESTION_FILE}", "### Strong signs", "### Clear signs")
    assert OTHER not in site.build()
    assert "hedge.md' contains a link 'shed-load.md#strong-signs'" in site.said
    site.edit("docs/questions/technical/hedge.md", "#strong-signs", "#clear-signs")
    site.build()
    assert "contains a link" not in site.said


def test_a_build_that_fails_leaves_nothing_old(site: Site) -> None:
    site.edit(f"docs/{small.QUESTION_FILE}", "minutes: 20", "minutes: [20")
    site.edit("docs/index.md", "landing page", "first page")
    site.build()
    assert "FAILED" in site.said
    site.edit(f"docs/{small.QUESTION_FILE}", "minutes: [20", "minutes: 25")
    site.build()
    assert "FAILED" not in site.said
    assert site.is_whole()


def test_a_file_edited_before_a_build_that_fails_is_copied_by_the_next(site: Site) -> None:
    sheet, listing = site.project / "docs/assets/stylesheets/late.css", '\n--8<-- "examples/none.py"\n'
    sheet.write_text("p { color: red; }", encoding="utf-8")
    site.build()
    sheet.write_text("p { color: green; }", encoding="utf-8")
    site.edit("docs/index.md", "## Start\n", f"## Start\n{listing}")
    site.build()
    assert "FAILED" in site.said
    site.edit("docs/index.md", listing, "")
    site.build()
    assert (site.site / "assets/stylesheets/late.css").read_text(encoding="utf-8") == "p { color: green; }"
    sheet.unlink()


def test_a_page_that_is_gone_is_gone_from_the_site(site: Site) -> None:
    (site.project / "docs/questions/technical/hedge.md").unlink()
    (site.project / "mkdocs.yml").write_text(small.CONFIG, encoding="utf-8")
    site.build()
    assert not (site.site / OTHER).exists()
    assert site.is_whole()
