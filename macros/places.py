"""Where things are in the project."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
SEARCH = ROOT / "search"
TEMPLATES = ROOT / "overrides" / "generated"
"""What the templates include, written by each build."""
CACHE = ROOT / ".cache"
"""What builds keep for the next, a folder for each kind."""
LOCK = CACHE / "build.lock"
SOURCES = ("examples", "macros", "overrides", "references", "search")
"""Folders below ROOT that a build reads, beside the pages'."""
CONFIGURATION = ROOT / "mkdocs.yml"
CODE = ROOT / "macros"
"""Both are read before a build begins; a server reads the first again before each, and the second never."""
