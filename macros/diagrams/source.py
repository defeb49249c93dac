"""What an author writes: the mermaid fences of a page, their text alternative, and the faults of their source.

Line numbers count from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from macros.faults import Fault


class DiagramError(Exception):
    """A diagram that Mermaid refuses. `line` counts from 1 in the diagram's source, None where it is unknown."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line} of the diagram: {message}")
        self.message = message
        self.line = line

    def __reduce__(self) -> tuple[type[DiagramError], tuple[str, int | None]]:
        """Carries both arguments from a worker process; the default would carry the joined text alone."""
        return type(self), (self.message, self.line)


class Fence(NamedTuple):
    """A Mermaid fence of a page: the file's line on which its source begins, and the source."""

    line: int
    source: str


# --- Finding fences -----------------------------------------------------------------------------------------------


class _Block(NamedTuple):
    """A fenced block whose language is mermaid. `diagram` is False where its header makes it a plain listing."""

    line: int
    source: str
    closed: bool
    diagram: bool


_OPENING = re.compile(
    r"(?P<prefix>[> ]*)(?P<fence>~{3,}|`{3,})"
    r"(?: *\.?(?P<lang>[\w#.+-]+)(?= |$))?"
    r"(?: *\{(?P<attrs>.*)\}|(?P<rest> +[^`]*))? *$"
)


# Asked for several times a build, and by a server again after each edit of another page.
@lru_cache(maxsize=4096)
def _blocks(markdown: str) -> tuple[_Block, ...]:
    """Every mermaid block of a page, by the rules of pymdownx.superfences.

    A block ends at a fence of exactly its own characters at its own indentation; a line that is indented less
    breaks it off, and it is no block at all.
    """
    lines = [line if line.strip() else "" for line in markdown.expandtabs(4).splitlines()]
    found = []
    start = 0
    while start < len(lines):
        # Most lines are read as no fence in a fraction of the time.
        may_open = "```" in lines[start] or "~~~" in lines[start]
        opening = _OPENING.match(lines[start]) if may_open else None
        if opening is None:
            start += 1
            continue
        prefix = opening["prefix"]
        end, closed = _end(lines, start, prefix, opening["fence"])
        attrs = (opening["attrs"] or "").split() or [""]
        if (opening["lang"] or attrs[0].removeprefix(".")) == "mermaid":
            source = "\n".join(line[len(prefix) :] for line in lines[start + 1 : end])
            found.append(_Block(start + 2, source, closed, not (opening["rest"] or "").strip()))
        start = end + 1
    return tuple(found)


def _end(lines: Sequence[str], start: int, prefix: str, fence: str) -> tuple[int, bool]:
    """Index of the line that ends the fence opened at `start`, or breaks it off, and whether it ends it."""
    quotes = prefix.count(">")
    blank = False
    for index in range(start + 1, len(lines)):
        line = lines[index]
        indent = min(len(line) - len(line.lstrip("> ")), len(prefix))
        level = line[:indent].count(">")
        if level > quotes:
            return index, False
        if indent == len(line):
            blank = True
            continue
        if indent < len(prefix) or (blank and level < quotes):
            return index, False
        if line[indent:].rstrip() == fence:
            return index, True
        blank = False
    return len(lines), False


def find_fences(markdown: str) -> list[Fence]:
    """Every mermaid fence of a page in order, those inside other blocks included.

    A fence that a longer fence shows as text is none, nor is one that is never closed.
    """
    return [Fence(block.line, block.source) for block in _blocks(markdown) if block.closed and block.diagram]


# --- The text alternative -----------------------------------------------------------------------------------------


class Parts(NamedTuple):
    """A diagram's source taken apart: its text alternative and the rest, each line with its own number."""

    title: str
    description: str
    body: list[tuple[int, str]]


_ACC_TITLE = re.compile(r"\s*accTitle\s*:\s*(.*?)\s*;?$")
_ACC_DESCR = re.compile(r"\s*accDescr\s*:\s*(.*?)\s*;?$")
_ACC_DESCR_OPEN = re.compile(r"\s*accDescr\s*\{(.*)")
_COMMENT = re.compile(r"\s*%%(?!\{)")


def canonical(source: str) -> str:
    """The source as the cache knows it: what a fence's indentation or a trailing blank changes is no change."""
    return "\n".join(line.rstrip() for line in source.expandtabs(4).splitlines()).rstrip()


def parts(source: str) -> Parts:
    """Take the text alternative and comments out, which shift the line numbers in Mermaid's messages."""
    title = description = ""
    body: list[tuple[int, str]] = []
    within: list[str] | None = None
    for number, line in enumerate(source.split("\n"), 1):
        text = line
        if within is None and (match := _ACC_DESCR_OPEN.match(line)):
            within, text = [], match[1]
        if within is not None:
            text, closing, _ = text.partition("}")
            within.append(text.strip())
            if closing:
                description, within = " ".join(filter(None, within)), None
        elif match := _ACC_TITLE.match(line):
            title = match[1]
        elif match := _ACC_DESCR.match(line):
            description = match[1]
        elif not _COMMENT.match(line) and (body or line.strip()):
            body.append((number, line))
    return Parts(title, description, body)


# --- Faults -------------------------------------------------------------------------------------------------------

_THEMED = "Leave it out: the site themes diagrams for both palettes and for print."
_LINKED = "Put the link into the text next to it."
_MACRO = 'Give a hexagon as `id@{ shape: hex, label: "..." }`.'

# What Mermaid accepts and this site does not: how a line shows it, the fault, the mend.
_REFUSED: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"^\s*%%\{\s*init"), "`%%{init` sets the look of one diagram.", _THEMED),
    (re.compile(r"^---\s*$"), "front matter sets the look of one diagram.", _THEMED),
    (re.compile(r"^\s*classDef\s"), "`classDef` sets colors.", _THEMED),
    (re.compile(r"^\s*style\s+\S+\s+\S*:"), "`style` sets colors.", _THEMED),
    (re.compile(r"^\s*linkStyle\s"), "`linkStyle` sets colors.", _THEMED),
    (re.compile(r"^\s*rect\s+(?:rgba?\(|#|[a-z]+\s*$)"), "`rect` sets a color.", _THEMED),
    (re.compile(r"^\s*(?:click|links?)\s+\S"), "A diagram has no links.", _LINKED),
    (re.compile(r"\{[{%#]"), "The site's macros read `{{`, `{%` and `{#` as their own.", _MACRO),
)


def source_faults(source: str) -> Iterator[tuple[int, str, str]]:
    """(line in the source, fault, mend) for whatever Mermaid accepts and this site does not."""
    title, description, body = parts(source)
    if not title:
        yield 1, "The diagram has no `accTitle`.", "Add `accTitle: what it shows` below its first line."
    if not description:
        mend = "Add `accDescr: what a reader sees in it` below its first line."
        yield 1, "The diagram has no `accDescr`.", mend
    for number, line in body:
        for pattern, fault, mend in _REFUSED:
            if pattern.search(line):
                yield number, fault, mend


def page_faults(file: Path, markdown: str) -> Iterator[Fault]:
    """The faults of a page's mermaid fences and of their sources, all but those that only Mermaid finds."""
    for block in _blocks(markdown):
        if not block.closed:
            mend = "End it with the characters that it begins with, equally indented."
            yield Fault(file, block.line - 1, "The diagram's fence is never closed.", mend)
        elif not block.diagram:
            mend = "Leave the options out: with them it is printed as a listing."
            yield Fault(file, block.line - 1, "A mermaid fence takes no options.", mend)
        else:
            for number, fault, mend in source_faults(block.source):
                yield Fault(file, block.line + number - 1, fault, mend)
