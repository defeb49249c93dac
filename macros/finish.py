"""What is added to a site that the generator has built: `python -m macros.finish site`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from macros import exports, markdown_files

STAGED = Path(__file__).parent.parent / ".cache" / "markdown"
"""Where the pages' Markdown waits for the site. Below docs/ the generator would take it for pages."""


def stage(texts: Mapping[str, str]) -> None:
    """Keep the Markdown of pages, by their addresses, for `lay_markdown`; what was there before goes."""
    files = {f"{address}{markdown_files.NAME}": text for address, text in texts.items()}
    for file in STAGED.rglob("*.md"):
        if file.relative_to(STAGED).as_posix() not in files:
            file.unlink()
    exports.write(STAGED, files)


def lay_markdown(site_dir: Path) -> None:
    """Put the pages' Markdown beside them."""
    shutil.copytree(STAGED, site_dir, dirs_exist_ok=True)


def main(arguments: list[str]) -> int:
    lay_markdown(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
