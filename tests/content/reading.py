"""Reads the Markdown of pages for the content tests: sections, fences, blocks, plain words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from macros.front_matter import read

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TEMPLATE = DOCS / "questions" / "_template.md"
DRILL = DOCS / "questions" / "_drill.md"
"""Where a debugging page starts from."""
QUESTION_FILES = sorted(
    file for file in (DOCS / "questions").glob("*/*.md") if file.name != "index.md" and file.name[0] != "_"
)
PAGES = sorted(DOCS.rglob("*.md"))

_FENCE = re.compile(
    r"^(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL
)


class Listing(NamedTuple):
    """A fenced block: the words after its fence, and what stands in it."""

    info: str
    body: str

    @property
    def language(self) -> str:
        return self.info.strip().split(" ")[0]


def body_of(file: Path) -> str:
    return read(file).body


def sections_of(body: str) -> dict[str, str]:
    """Text of each H2 section by its title, fences included, collapsed blocks' marks too."""
    parts = re.split(r"^## (.+?)(?:\s*\{.*\})?\s*$", _hidden_fences(body), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def listings_of(body: str) -> list[Listing]:
    return [Listing(match["info"], match["body"]) for match in _FENCE.finditer(body)]


def prose_of(body: str) -> str:
    """The running text, without listings, diagrams, code spans, addresses of links and block marks."""
    text = _FENCE.sub("", body)
    text = re.sub(r"`[^`\n]*`", " ", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return re.sub(r"^\s*/{3,}.*$|^\s+(type|attrs|open):.*$", "", text, flags=re.MULTILINE)


def words_in(body: str) -> int:
    return len(re.findall(r"[A-Za-z0-9][\w'.,%$/-]*", prose_of(body)))


def _hidden_fences(body: str) -> str:
    """The body with the number signs inside of fences replaced, so that only real headings begin with one."""
    return _FENCE.sub(lambda match: re.sub(r"^#", " #", match[0], flags=re.MULTILINE), body)
