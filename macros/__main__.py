"""`python -m macros build site` builds a site; `python -m macros site` finishes one that the generator has built.

Modules that are named after the folder of `build` add to the site before it is seen: so tests.site.pdf its PDF.
`python -m macros prepare` writes what is generated before a build that needs it there, as Zensical's does.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

from macros.building import build
from macros.faults import SourceError, of_os_error
from macros.finish import finish
from macros.places import CODE, CONFIGURATION, ROOT
from macros.preparing import prepare
from macros.undisturbed import BUILD

_USAGE = "Name the folder: `python -m macros build site`, or of a site that is built, `python -m macros site`"


def main(arguments: list[str]) -> None:
    """Do it. What is wrong ends the process with a message and the status 1."""
    is_build = arguments[:1] == ["build"] and len(arguments) > 1
    if not is_build and len(arguments) != 1:
        sys.exit(_USAGE)
    site_dir = Path(arguments[is_build])
    # So that what was begun is cleared away, as it is when Ctrl+C interrupts.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        if is_build:
            _tell(build(site_dir, arguments[2:]))
        elif arguments == ["prepare"]:
            # No generator shows here what is logged: that this waits for another build, or knows no dates.
            logging.basicConfig(format="%(message)s", level=logging.INFO)
            BUILD.is_of("prepare", (CONFIGURATION, CODE))
            prepare(ROOT)
        else:
            finish(site_dir)
    except KeyboardInterrupt:
        if is_build or arguments == ["prepare"]:
            sys.exit("Interrupted. The site is what it was.")
        sys.exit("Interrupted. The site may be half finished: build it again.")
    except SourceError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(str(SourceError([of_os_error(error, site_dir)])))


def _tell(report: str) -> None:
    """Say what the site weighs, and on GitHub in the run's summary, too."""
    print(report)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(f"\n```\n{report}\n```\n")


if __name__ == "__main__":
    main(sys.argv[1:])
