"""What the workers that run the tests share: the built site, and the settings of the property tests.

The process that starts the workers outlives them, so it serves the site to all: on one port, which the build writes
into its pages, from one folder, which the first worker that needs it builds.

A file's tests stay on one worker, and the files keep their order, the site's last: while the browser is open, its thread
has an event loop that runs, and other tests start loops of their own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest

from tests.site.server import Server

# The same examples in every run, and no time limit an example: what passed passes again, on a slow machine too.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")

SERVER = pytest.StashKey[Server]()
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


def pytest_unconfigure(config: pytest.Config) -> None:
    if server := config.stash.get(SERVER, None):
        server.close()
        shutil.rmtree(config.stash[SHARED]["scratch"], ignore_errors=True)
