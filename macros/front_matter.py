"""Text of a page -> its front matter as a mapping, its body, and the line of every key.

MkDocs' own reader turns malformed YAML into an empty mapping without a word, and YAML itself lets a later
duplicate key win; both are faults here, also in the other YAML files that authors write (`mapping`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from macros.faults import Fault, SourceError, of_decoding

_OPENING = re.compile(r"\A---[ \t]*\r?\n")
_CLOSING = re.compile(r"^(?:---|\.\.\.)[ \t]*\r?$", re.MULTILINE)
_MEND = "begin the file with a line `---`, the keys, and another line `---`; see docs/questions/_template.md"

# libyaml's, where PyYAML has it: a tenth of the time, and front matter is most of what a build reads by itself.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Page:
    """A parsed page: `meta` as YAML gives it, `body` after the front matter, 1-based line numbers."""

    file: Path
    meta: dict[str, Any]
    body: str
    body_line: int
    """Line of the file at which the body begins."""
    lines: dict[KeyPath, int]
    """Line of each key and list item, by its path: ("topics", 1) is the second topic."""

    def line_of(self, path: KeyPath) -> int | None:
        """Line of the nearest key on the way to `path`; None when not even its first part is there."""
        return _nearest(self.lines, path)


def read(file: Path) -> Page:
    """Read and split a page. Raises SourceError with file, line, fault and mend."""
    data = file.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError([of_decoding(error, file)]) from error
    return split(text, file)


def split(text: str, file: Path) -> Page:
    """Split a page's text. `file` is named in errors and read nowhere."""
    if not text.strip():
        raise SourceError([Fault(file, None, "the file is empty", _MEND)])
    opening = _OPENING.match(text)
    if not opening:
        raise SourceError([Fault(file, 1, "no front matter", _MEND)])
    closing = _CLOSING.search(text, opening.end())
    if not closing:
        raise SourceError([Fault(file, 1, "the front matter is not closed", "end it with a line `---`")])

    source = text[opening.end() : closing.start()]
    body = text[closing.end() :].removeprefix("\r").removeprefix("\n")
    body_line = text.count("\n", 0, closing.end()) + 2
    # Line 1 of the file is the opening rule.
    meta, lines = mapping(source, file, "the front matter", first_line=2)
    return Page(file, meta, body, body_line, lines)


@lru_cache(maxsize=8192)
def mapping(
    source: str, file: Path, what: str, first_line: int = 1
) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """YAML text -> the mapping it holds, and the line of each key and item. Raises SourceError.

    `what` is what errors call the text, `first_line` the line of `file` at which it begins. What was given once is given again,
    as several readers ask for each page, and a server builds again after each edit of one: nobody changes it.
    """
    try:
        loader = LOADER(source)
        node = loader.get_single_node()
        lines, duplicates = _lines(node, file, first_line)
        meta = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that no calendar has
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        line = mark.line + first_line if mark else first_line
        mend = "mend the YAML; a value with a colon, a hash or a quotation mark in it needs quotes"
        raise SourceError([Fault(file, line, f"{what} is not valid YAML: {problem}", mend)]) from error
    if not isinstance(meta, dict):
        fault = f"{what} is not a mapping"
        raise SourceError([Fault(file, first_line, fault, "write `key: value` lines")])
    if duplicates:
        raise SourceError(duplicates)
    return meta, lines


def refused(
    error: ValidationError, file: Path, lines: Mapping[KeyPath, int], mend: str, at: KeyPath = ()
) -> list[Fault]:
    """What pydantic refuses of a mapping, or of its part `at`: each in the line of the key nearest to it."""
    faults = []
    for detail in error.errors():
        path = (*at, *detail["loc"])
        fault = f"`{'.'.join(map(str, path))}`: {detail['msg']}"
        faults.append(Fault(file, _nearest(lines, path), fault, mend))
    return faults


def faults_of(files: Iterable[Path]) -> list[Fault]:
    """What is wrong with the front matter of pages, whatever they are for."""
    faults: list[Fault] = []
    for file in files:
        try:
            read(file)
        except SourceError as error:
            faults += error.faults
    return faults


def _nearest(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def _lines(node: yaml.Node | None, file: Path, first_line: int) -> tuple[dict[KeyPath, int], list[Fault]]:
    lines: dict[KeyPath, int] = {}
    duplicates: list[Fault] = []

    def walk(node: yaml.Node, path: KeyPath) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here = (*path, str(key.value))
                line = key.start_mark.line + first_line
                if here in lines:
                    fault = f"the key `{key.value}` stands twice, first in line {lines[here]}"
                    duplicates.append(Fault(file, line, fault, "keep one of them"))
                lines[here] = line
                walk(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                lines[(*path, index)] = item.start_mark.line + first_line
                walk(item, (*path, index))

    if node is not None:
        walk(node, ())
    return lines, duplicates
