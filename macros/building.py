"""Build a site whole, and only then put it in the place of the last one: `python -m macros build site`.

A site that is served, copied or published from its folder while it is built, or after a build that failed half-way, is the last
that was whole. The new one grows in a folder beside it, which takes its name at the end.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from macros import sizes
from macros.faults import Fault, SourceError
from macros.finish import finish

_MADE = "404.html"
"""What every site has, and a folder of anything else hardly ever."""


def build(site_dir: Path) -> str:
    """Build the site into that folder and say what it weighs. Raises SourceError and OSError, and leaves what was there."""
    # Where the name is a link, what it leads to is replaced, and not the link.
    site_dir = site_dir.resolve()
    _recover(site_dir)
    if site_dir.exists() and not (site_dir / _MADE).is_file() and any(site_dir.iterdir()):
        mend = "name another folder, or remove it if nothing in it is needed"
        raise SourceError([Fault(site_dir, None, "holds something else than a built site", mend)])
    draft = _beside(site_dir, "draft", os.getpid())
    try:
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(draft)]
        done = subprocess.run(command, check=False)
        if done.returncode:
            # It has said why.
            raise SystemExit(done.returncode)
        finish(draft)
        report = sizes.report(draft)
        _replace(site_dir, draft)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return report


def _beside(site_dir: Path, state: str, process: int) -> Path:
    """A hidden folder on the same disk: to be renamed, not copied."""
    return site_dir.with_name(f".{site_dir.name}.{state}-{process}")


def _replace(site_dir: Path, draft: Path) -> None:
    last = _beside(site_dir, "last", os.getpid())
    if site_dir.exists():
        site_dir.rename(last)
    draft.rename(site_dir)
    shutil.rmtree(last, ignore_errors=True)


def _recover(site_dir: Path) -> None:
    """Take back what a build had put aside when it was killed, and remove what such builds have left."""
    for folder in sorted(site_dir.parent.glob(f".{site_dir.name}.*-*")):
        name = re.fullmatch(r"\.(?P<site>.+)\.(?P<state>draft|last)-(?P<process>\d+)", folder.name)
        if not name or name["site"] != site_dir.name or _runs(int(name["process"])):
            continue
        if name["state"] == "last" and not site_dir.exists():
            folder.rename(site_dir)
        else:
            # What the killed build has started may still be writing into it: then a later one removes it.
            shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
