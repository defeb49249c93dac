"""Build a site whole, and only then put it in the place of the last one: `python -m macros build site`.

A site that is served, copied or published from its folder while it is built, or after a build that failed half-way, is the last
that was whole. The new one grows in a folder beside it, which takes its name at the end.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from glob import escape
from pathlib import Path

from macros import sizes
from macros.faults import Fault, SourceError
from macros.finish import finish

_MADE = "404.html"
"""What every site has, and a folder of anything else hardly ever."""


def build(site_dir: Path, more: Iterable[str] = ()) -> str:
    """Build the site into that folder and say what it weighs. Raises SourceError and OSError, and leaves what was there; only what
    cannot be weighed is told of when the new site has its place.

    `more` are modules that add to the site before anybody sees it: each is run with the site's folder as its argument.
    """
    # Where the name is a link, what it leads to is replaced, and not the link.
    site_dir = site_dir.resolve()
    _recover(site_dir)
    _refuse_what_is_no_site(site_dir)
    draft = _beside(site_dir, "draft", os.getpid())
    try:
        _run("mkdocs", "build", "--strict", "--dirty", "--site-dir", str(draft))
        finish(draft)
        for module in more:
            _run(module, str(draft))
        last = _replace(site_dir, draft)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    # Of many pages, both take seconds.
    with ThreadPoolExecutor(1) as beside:
        beside.submit(shutil.rmtree, last, ignore_errors=True)
        return sizes.report(site_dir)


def _refuse_what_is_no_site(site_dir: Path) -> None:
    """Raise SourceError where a site cannot be put, or where something would be lost that is not built again."""
    if not site_dir.exists():
        return
    if not site_dir.is_dir():
        raise SourceError([Fault(site_dir, None, "is no folder", "name another, or remove it")])
    if site_dir.is_mount():
        mend = "name a folder inside it"
        raise SourceError([Fault(site_dir, None, "is where a disk is mounted: it cannot be replaced", mend)])
    if (site_dir / ".git").exists():
        mend = "name another folder, and copy the built site over"
        raise SourceError([Fault(site_dir, None, "is a checkout, which a built site would replace", mend)])
    if not (site_dir / _MADE).is_file() and any(site_dir.iterdir()):
        mend = "name another folder, or remove it if nothing in it is needed"
        raise SourceError([Fault(site_dir, None, "holds something else than a built site", mend)])


def _run(module: str, *arguments: str) -> None:
    """Do what `python -m` does. A failure of which the module has told ends this process, too. Raises SourceError if it was killed."""
    status = subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode
    if status < 0:
        fault = f"was ended by {signal.Signals(-status).name} before it was done"
        mend = "if nobody ended it, the machine was short of memory: give it more, then build again"
        raise SourceError([Fault(Path(module), None, fault, mend)])
    if status:
        raise SystemExit(status)


def _beside(site_dir: Path, state: str, process: int) -> Path:
    """A hidden folder on the same disk: to be renamed, not copied."""
    return site_dir.with_name(f".{site_dir.name}.{state}-{process}")


def _replace(site_dir: Path, draft: Path) -> Path:
    """Put the new site into the place of the last one, and say where that is now, if there was one."""
    last = _beside(site_dir, "last", os.getpid())
    try:
        if site_dir.exists():
            site_dir.rename(last)
        draft.rename(site_dir)
    except BaseException:
        if last.exists() and not site_dir.exists():
            last.rename(site_dir)
        raise
    return last


def _recover(site_dir: Path) -> None:
    """Take back what a build had put aside when it was killed, and remove what such builds have left."""
    for folder in sorted(site_dir.parent.glob(f".{escape(site_dir.name)}.*-*")):
        name = re.fullmatch(r"\.(?P<site>.+)\.(?P<state>draft|last)-(?P<process>\d+)", folder.name)
        if not name or name["site"] != site_dir.name or _runs(int(name["process"])):
            continue
        if name["state"] == "last" and not site_dir.exists():
            folder.rename(site_dir)
        else:
            # What the killed build has started may still be writing into it: then a later one removes it.
            shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    # In a container the number is soon given again, to this very process: which has left nothing yet.
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
