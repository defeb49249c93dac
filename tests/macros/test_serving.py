"""An edit builds the site once: what the build writes is no edit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from mkdocs.exceptions import Abort
from mkdocs.livereload import LiveReloadServer
from watchdog.events import FileModifiedEvent, FileMovedEvent

from macros import files, serving


def wants_rebuild(server: Any, event: Any) -> bool:
    """Whether the server would build again after the event."""
    server._want_rebuild = False
    for watch, handlers in server.observer._handlers.items():
        if Path(event.src_path).is_relative_to(watch.path):
            for handler in handlers:
                handler.dispatch(event)
    return bool(server._want_rebuild)


def test_what_a_build_writes_is_no_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs, overrides = tmp_path / "docs", tmp_path / "overrides"
    overrides.mkdir()
    files.write(docs, {"assets/search.json": "{}"})
    files.write(overrides, {"generated/1-header.html": "<h1>"})
    server = LiveReloadServer(lambda: None, "127.0.0.1", 0, str(tmp_path))
    try:
        server.watch(str(docs))
        monkeypatch.setattr(serving.AHEAD, "is_alone", True)
        assert serving.on_serve(server, SimpleNamespace(docs_dir=str(docs)), server.builder) is server
        assert not serving.AHEAD.is_alone
        server.watch(str(overrides))

        for name in ("docs/assets/search.json", "overrides/generated/1-header.html"):
            written = str(tmp_path / name)
            assert not wants_rebuild(server, FileModifiedEvent(written))
            draft = written.replace(Path(name).name, f".{Path(name).name}.1.draft")
            assert not wants_rebuild(server, FileMovedEvent(draft, written))
        for name in ("docs/index.md", "docs/assets/site.css", "overrides/main.html"):
            assert wants_rebuild(server, FileModifiedEvent(str(tmp_path / name)))
        page, moved = str(docs / "page.md"), str(docs / "moved.md")
        assert wants_rebuild(server, FileMovedEvent(page, moved))
    finally:
        server.server_close()


@pytest.mark.parametrize(
    "end", [lambda: serving.on_post_build({}), lambda: serving.on_build_error(Abort("no"))]
)
def test_while_a_build_runs_no_folder_is_looked_at(tmp_path: Path, end: Callable[[], None]) -> None:
    serving.on_config({})
    looked: list[Any] = []
    thread = Thread(target=lambda: looked.extend(serving._listed_between_builds(str(tmp_path.parent))))
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    end()
    thread.join(10)
    assert not thread.is_alive()
    assert tmp_path.name in {entry.name for entry in looked}
