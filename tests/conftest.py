"""What the workers that run the tests share: the built site, and the settings of the property tests.

The process that starts the workers outlives them, so it serves the site to all: on one port, which the build writes
into its pages, from one folder. The build takes one core a minute, so it begins with the session: what comes first needs
no site.

A file's tests stay on one worker, and the files keep their order, the site's last: while the browser is open, its thread
has an event loop that runs, and other tests start loops of their own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest

from tests.site.server import Server

# The same examples in every run, and no time limit an example: what passed passes again, on a slow machine too.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")

ROOT = Path(__file__).parents[1]

SOURCES = ("docs", "examples", "macros", "overrides", "references", "search")
"""The folders that a build of the site reads, beside mkdocs.yml."""

SERVER = pytest.StashKey[Server]()
BUILD = pytest.StashKey[threading.Thread]()
SHARED = pytest.StashKey[dict[str, str]]()
"""What the workers are told: `scratch` (their common folder), `site` (the built site's), its `site_url`, and the
`url` at which it is served here."""


def pytest_configure(config: pytest.Config) -> None:
    if told := getattr(config, "workerinput", None):
        config.stash[SHARED] = told["shared"]
        return
    server = Server()
    origin = f"http://127.0.0.1:{server.server_address[1]}"
    # An empty SITE_URL is how a workflow says that it has none.
    site_url = os.environ.get("SITE_URL") or f"{origin}/llm-production-interviews/"
    scratch = tempfile.mkdtemp(prefix="site-under-test-")
    folder = Path(os.environ.get("SITE_DIR") or Path(scratch, "site")).absolute()
    prefix = urlsplit(site_url).path
    server.serve(folder, prefix)
    config.stash[SERVER] = server
    config.stash[SHARED] = {
        "scratch": scratch,
        "site": str(folder),
        "site_url": site_url,
        "url": origin + prefix,
    }


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["shared"] = node.config.stash[SHARED]


def pytest_collection_finish(session: pytest.Session) -> None:
    told = session.config.stash[SHARED]
    if any("site" in getattr(item, "fixturenames", ()) for item in session.items):
        session.config.stash[BUILD] = threading.Thread(target=build, args=[told], name="build of the site")
        session.config.stash[BUILD].start()


def copy_sources(project: Path) -> None:
    """Copy SOURCES into a folder that is there, for a build that writes into what it builds, and what is drawn, computed and compiled."""
    for name in SOURCES:
        ignored = shutil.ignore_patterns("__pycache__", "node_modules")
        shutil.copytree(ROOT / name, project / name, ignore=ignored)
    for name in ("diagrams", "charts", "cards", "figures", "templates"):
        if (ROOT / ".cache" / name).is_dir():
            # The site's build may be putting something there.
            drafts = shutil.ignore_patterns(".*")
            shutil.copytree(ROOT / ".cache" / name, project / ".cache" / name, ignore=drafts)
    # What joins scripts and sheets comes with the libraries it needs.
    (project / "vendor").symlink_to(ROOT / "vendor")


def build(shared: dict[str, str]) -> str:
    """Build the site into `site`, strictly, once for all processes: who comes later waits. What went wrong, or nothing."""
    said = Path(shared["scratch"], "build.log")
    with Path(shared["scratch"], "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            said.write_text(_build(Path(shared["site"]), shared["site_url"]), encoding="utf-8")
    return said.read_text(encoding="utf-8")


def _build(folder: Path, site_url: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SITE_URL": site_url, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "macros", "build", str(folder)]
    if os.environ.get("SITE_PDF") == "true":
        command.append("tests.site.pdf")
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return f"{' '.join(command)}\n{done.stdout}\n{done.stderr}" if done.returncode else ""


def pytest_unconfigure(config: pytest.Config) -> None:
    if server := config.stash.get(SERVER, None):
        server.close()
        if thread := config.stash.get(BUILD, None):
            # A test that needs the site, and was left out or has failed, has not waited for it.
            thread.join()
        shutil.rmtree(config.stash[SHARED]["scratch"], ignore_errors=True)
