"""Builds that are interrupted, that run at once, or whose sources change meanwhile: what is published stays, and the next is right.

On a site of three pages, of which the whole is built as `make build` does. What these tests kill is started in a group of its own.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from tests.conftest import ROOT
from tests.site import small

PROJECT, DOMAIN = "https://owner.example/project/", "https://questions.example/"
ADDRESS = re.compile(r"""(?:href|src)=["']([^"']+)["']""")
# What the templates link to, and the whole site has.
ELSEWHERE = set((ROOT / "tests/site/published_addresses.txt").read_text(encoding="utf-8").split())

# Edits a page and the configuration when all pages have been read.
MEDDLER = """\
from pathlib import Path

def on_env(env, config, files):
    page = Path(config.docs_dir, "topics.md")
    page.write_text(page.read_text() + "\\nMore.\\n")
    with open(config.config_file_path, "a") as settings:
        settings.write("site_author: Somebody\\n")
"""


def start(project: Path, *arguments: str, address: str) -> subprocess.Popen[str]:
    """Begin what `python -m` does with the arguments. The time is always the same: a package of cards carries it."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=project,
        env={
            **os.environ,
            **small.ENVIRONMENT,
            "PYTHONPATH": str(project),
            "SITE_URL": address,
            "SOURCE_DATE_EPOCH": "1700000000",
            "GITHUB_STEP_SUMMARY": str(project / "summary.md"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def leads_nowhere(site: dict[str, bytes], address: str) -> list[str]:
    """What a page of the site at that address links to, or loads, from the site, and the site has not."""
    lost = []
    for name, data in site.items():
        if not name.endswith(".html"):
            continue
        # The page for wrong addresses is shown at any, so at one that is deep, too.
        page = address + ("no/where/at/all/" if name == "404.html" else name.removesuffix("index.html"))
        for link in ADDRESS.findall(data.decode()):
            if link.startswith("#"):
                continue
            target = urljoin(page, link)
            if not target.startswith(address):
                if urlsplit(target).netloc == urlsplit(address).netloc:
                    lost.append(f"{name}: {link}")
                continue
            path = unquote(urlsplit(target.removeprefix(address)).path)
            if path not in site and f"{path}index.html" not in site and f"/{path}" not in ELSEWHERE:
                lost.append(f"{name}: {link}")
    return lost


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    small.make(folder)
    small.complete(folder)
    return folder


@pytest.fixture(scope="module")
def published(project: Path) -> dict[str, bytes]:
    """A project's site and, below `domain`, one for a domain of its own, which were built from one checkout at once."""
    one = start(project, "macros", "build", "site", address=PROJECT)
    other = start(project, "mkdocs", "build", "--strict", "--site-dir", "domain", address=DOMAIN)
    said = [process.communicate()[0] for process in (one, other)]
    assert (one.returncode, other.returncode) == (0, 0), said
    assert "heaviest" in said[0]
    assert "heaviest" in (project / "summary.md").read_text(encoding="utf-8")
    return files(project / "site")


def test_two_builds_at_once_give_each_site_its_own_address(
    project: Path, published: dict[str, bytes]
) -> None:
    for site, own, foreign in ((published, PROJECT, DOMAIN), (files(project / "domain"), DOMAIN, PROJECT)):
        assert own.encode() in site["questions.json"]
        assert [name for name, data in site.items() if foreign.encode() in data] == []


def test_every_address_leads_somewhere_at_a_sub_path_and_at_a_domains_root(
    project: Path, published: dict[str, bytes]
) -> None:
    assert leads_nowhere(published, PROJECT) == []
    domain = files(project / "domain")
    # What is only there when a site is finished.
    finished = {name: b"" for name in published if name not in domain}
    assert leads_nowhere({**domain, **finished}, DOMAIN) == []
    assert b'href="/assets/' in domain["404.html"]
    assert b'href="/project/assets/' in published["404.html"]


def test_a_killed_build_changes_nothing_and_the_next_is_as_if_it_had_never_been(
    project: Path, published: dict[str, bytes]
) -> None:
    # As a build of another branch: all that it writes differs, and its question has another number.
    page = project / "docs" / small.QUESTION_FILE
    page.write_text(small.QUESTION.replace("number: 1", "number: 2"), encoding="utf-8")
    build = start(project, "macros", "build", "site", address=DOMAIN)
    assert build.stdout
    # It says so when the templates are written, and before the pages are.
    assert any("Building documentation" in line for line in build.stdout)
    (project / "docs" / f".llms.txt.{build.pid}.draft").write_text("half of")
    os.killpg(build.pid, signal.SIGKILL)
    build.communicate()
    assert files(project / "site") == published
    assert (project / "docs/q/2/index.html").is_file()

    page.write_text(small.QUESTION, encoding="utf-8")
    before = files(project / "domain")
    following = start(project, "mkdocs", "build", "--strict", "--site-dir", "domain", address=DOMAIN)
    said, _ = following.communicate()
    assert following.returncode == 0, said
    assert files(project / "domain") == before
    assert list(project.rglob("*.draft")) == []


def test_a_build_that_is_told_to_end_clears_away_what_it_began(
    project: Path, published: dict[str, bytes]
) -> None:
    build = start(project, "macros", "build", "site", address=DOMAIN)
    assert build.stdout
    assert any("Building documentation" in line for line in build.stdout)
    # To the process alone, as a supervisor does: what it has started ends with it.
    build.terminate()
    said, _ = build.communicate()
    assert build.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in said
    assert files(project / "site") == published
    assert not (project / f".site.draft-{build.pid}").exists()


def test_a_page_that_is_edited_while_it_is_read_stops_the_build(
    project: Path, published: dict[str, bytes]
) -> None:
    (project / "meddler.py").write_text(MEDDLER, encoding="utf-8")
    config, topics = project / "mkdocs.yml", project / "docs/topics.md"
    config.write_text(f"{small.CONFIG}hooks: [macros/serving.py, meddler.py]\n", encoding="utf-8")
    build = start(project, "macros", "build", "site", address=PROJECT)
    said, _ = build.communicate()
    config.write_text(small.CONFIG, encoding="utf-8")
    topics.write_text(small.TOPICS, encoding="utf-8")
    assert build.returncode == 1
    for name in ("docs/topics.md", "mkdocs.yml"):
        assert f"{name}: was changed while the site was built from it" in said
    assert "Traceback" not in said
    assert files(project / "site") == published
    # Its own folder is gone, and so is the one that the killed build has left.
    assert list(project.glob(".site.*")) == []
