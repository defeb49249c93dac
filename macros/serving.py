"""What `make serve` watches, and what happens around a build. An MkDocs hook: Zensical has a way of its own and never calls it.

A build writes files below docs/ and overrides/, which the server watches: an edit that changes one of them, as any edit of prose
changes the words of the search, would build the whole site a second time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

from mkdocs.exceptions import Abort, MkDocsException
from mkdocs.plugins import event_priority
from watchdog.observers.polling import PollingObserverVFS

from macros import files, templates
from macros.ahead import AHEAD
from macros.faults import SourceError, of_os_error
from macros.made import MADE
from macros.places import CODE, CONFIGURATION
from macros.texts import TEXTS
from macros.undisturbed import BUILD

# The server looks at every file twice a second. With tens of thousands that takes all of a core, and a build twice as long.
_IDLE = Event()
_IDLE.set()


def on_startup(command: str, dirty: bool) -> None:
    """Have builds watched, and with `--dirty` what has not changed left out. Called by MkDocs once, for "build" and "serve", when it has read the configuration and the code."""
    BUILD.is_of(command, (CODE,) if command == "serve" else (CONFIGURATION, CODE))
    if dirty:
        MADE.want()


@event_priority(100)
def on_config(config: Any) -> Any:
    """Called by MkDocs when a build begins."""
    _IDLE.clear()
    return config


def on_post_build(config: Any) -> None:
    """Called by MkDocs when all pages are written."""
    AHEAD.end()
    _IDLE.set()


def on_build_error(error: Exception) -> None:
    """Let the next build begin, and say of the disk, of a file's encoding or of an edit what a traceback would not. Called by MkDocs."""
    AHEAD.end()
    _IDLE.set()
    MADE.fail()
    TEXTS.end(is_undisturbed=False)
    changed, undecodable = None, []
    try:
        if isinstance(error, UnicodeDecodeError):
            undecodable = BUILD.undecodable()
        BUILD.end()
    except SourceError as found:
        changed = found
    except OSError:
        # The error at hand is told, and it is likely the same.
        pass
    if isinstance(error, MkDocsException):
        return
    if isinstance(error, OSError) and error.errno:
        raise Abort(str(SourceError([of_os_error(error, Path("site"))]))) from error
    if undecodable:
        raise Abort(str(SourceError(undecodable))) from error
    if changed:
        raise Abort(str(changed)) from error


@event_priority(-100)
def on_nav(nav: Any, config: Any, files: Any) -> Any:
    """Have other cores ready to convert pages. Called by MkDocs when all pages are known, and none is read: the last to
    be, as a copy of the process has of its plugins what they were then."""

    def convert(page: Any) -> None:
        page = config.plugins.on_pre_page(page, config=config, files=files)
        page.read_source(config)
        page.markdown = config.plugins.on_page_markdown(page.markdown, page=page, config=config, files=files)
        page.render(config, files)

    AHEAD.begin(MADE.leave(files, config), convert)
    return nav


def on_env(env: Any, **more: Any) -> Any:
    """Let the theme take its templates, and what they make of pages, from the cache. Called by MkDocs once a build, when all pages are converted."""
    AHEAD.rest()
    env.bytecode_cache = templates.Compiled()
    return env


@event_priority(-100)
def on_post_page(output: str, page: Any, config: Any) -> str:
    """Keep a page as it has been made. Called by MkDocs for each, when no other plugin changes it any more."""
    MADE.keep(page, output)
    return output


def on_serve(server: Any, config: Any, builder: Callable[..., None]) -> Any:
    """Let the server take no notice of what the build itself writes. Called by MkDocs once, after the first build."""
    AHEAD.is_alone = False

    def schedule(handler: Any, *place: Any, **options: Any) -> Any:
        tell = handler.on_any_event

        def told(event: Any) -> None:
            paths = [path for path in (event.src_path, getattr(event, "dest_path", "")) if path]
            if not all(files.is_written(Path(path)) for path in paths):
                tell(event)

        handler.on_any_event = told
        return watch(handler, *place, **options)

    # What is watched already is so by the handler and the observer as they were.
    places = [place for place in server._watched_paths for _ in range(server._watched_paths[place])]
    for place in places:
        server.unwatch(place)
    server.observer = PollingObserverVFS(
        os.stat, _listed_between_builds, polling_interval=server.observer.timeout
    )
    watch = server.observer.schedule
    server.observer.schedule = schedule
    for place in places:
        server.watch(place)
    return server


def _listed_between_builds(folder: str | None) -> Any:
    """What is in the folder, once no build runs."""
    _IDLE.wait()
    return os.scandir(folder)
