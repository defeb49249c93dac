"""Finish a site that the generator has built: `python -m macros site`."""

from __future__ import annotations

import sys
from pathlib import Path

from macros.finish import finish

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Name the folder of the built site: python -m macros site")
    finish(Path(sys.argv[1]))
