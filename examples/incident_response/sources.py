"""YAML with the line of every value, so that a fault can be told where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with the plan, and how to mend it."""

    file: str
    line: int | None
    what: str
    mend: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.what}; {self.mend}"


class PlanError(ValueError):
    """Every fault of a plan at once, one a line."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


@dataclass(frozen=True)
class Source:
    """A YAML file: its data, and the line of each value by its path of keys."""

    file: str
    data: Any
    lines: dict[Key, int]

    def fault(self, key: Key, what: str, mend: str) -> Fault:
        """A fault at `key`, or at the nearest enclosing value that has a line."""
        for length in range(len(key), -1, -1):
            if key[:length] in self.lines:
                return Fault(self.file, self.lines[key[:length]], what, mend)
        return Fault(self.file, None, what, mend)


def read(file: Path) -> Source:
    """Read one YAML file. Raises PlanError if it is missing, is no YAML, or has a key twice."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise PlanError(
            [Fault(file.name, None, f"cannot be read ({error.strerror})", "restore it")]
        ) from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        what = getattr(error, "problem", None) or "no YAML"
        raise PlanError([Fault(file.name, line, str(what), "mend the syntax")]) from error
    lines: dict[Key, int] = {}
    faults: list[Fault] = []
    _walk(node, (), file.name, lines, faults)
    if faults:
        raise PlanError(faults)
    return Source(file.name, data, lines)


def _walk(node: Any, key: Key, file: str, lines: dict[Key, int], faults: list[Fault]) -> None:
    if node is None:
        return
    lines.setdefault(key, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for name, value in node.value:
            line = name.start_mark.line + 1
            if name.value in seen:
                # YAML's last one wins without a word, so half of a plan can vanish.
                faults.append(Fault(file, line, f"the key `{name.value}` stands twice", "keep one of them"))
            seen.add(name.value)
            lines[(*key, name.value)] = line
            _walk(value, (*key, name.value), file, lines, faults)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*key, index), file, lines, faults)
