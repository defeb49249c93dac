"""Answers in the form of a schema: the schema becomes a pattern, the pattern an automaton, and automata are kept."""

from __future__ import annotations

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from examples.oom_after_48_hours.native import Automaton

Schema = dict[str, Any]
Compile = Callable[[str], Automaton]


class Grammars(Protocol):
    """Where the engine gets the automaton of a request."""

    hits: int
    misses: int

    @property
    def bytes(self) -> int: ...

    def get(self, schema: Schema) -> Automaton: ...

    def __len__(self) -> int: ...


def pattern_of(schema: Schema) -> str:
    """Of an object whose properties are strings, numbers or one of an enumeration. Raises KeyError for others."""
    kinds = {"string": '"[A-Za-z0-9 ]{1,60}"', "number": r"[0-9]{1,6}\.[0-9]{2}"}
    fields = [
        f'"{re.escape(name)}":'
        + ("(" + "|".join(f'"{value}"' for value in of["enum"]) + ")" if "enum" in of else kinds[of["type"]])
        for name, of in schema["properties"].items()
    ]
    return r"^\{" + ",".join(fields) + r"\}$"


# --8<-- [start:bounded_by_entries]
class ByEntries:
    """Keeps the automata of the schemas used last."""

    def __init__(self, most: int = 100_000, compile: Compile = Automaton) -> None:
        self._kept: OrderedDict[str, Automaton] = OrderedDict()
        self._most, self._compile = most, compile
        self.hits = self.misses = 0

    def get(self, schema: Schema) -> Automaton:
        key = json.dumps(schema, sort_keys=True)
        if found := self._kept.get(key):
            self._kept.move_to_end(key)
            self.hits += 1
            return found
        self.misses += 1
        compiled = self._kept[key] = self._compile(pattern_of(schema))
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return compiled

    # --8<-- [end:bounded_by_entries]
    @property
    def bytes(self) -> int:
        return sum(automaton.size for automaton in self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)


# --8<-- [start:bounded_by_bytes]
class ByBytes:
    """Keeps automata within a budget of native bytes, and only of schemas that come a second time.

    An automaton that leaves is freed when the last stream lets go of it, so the process can hold more than the budget:
    what its running streams use. For one thread only, like the sizes that `Automaton` takes.
    """

    def __init__(self, budget: int, seen_most: int = 4096, compile: Compile = Automaton) -> None:
        self._kept: OrderedDict[str, Automaton] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._budget, self._seen_most, self._compile = budget, seen_most, compile
        self.hits = self.misses = 0

    def get(self, schema: Schema) -> Automaton:
        key = hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()
        if found := self._kept.get(key):
            self._kept.move_to_end(key)
            self.hits += 1
            return found
        self.misses += 1
        compiled = self._compile(pattern_of(schema))
        if key in self._seen and compiled.size <= self._budget:
            del self._seen[key]
            self._kept[key] = compiled
        else:
            self._seen[key] = None
        while self.bytes > self._budget:
            self._kept.popitem(last=False)
        while len(self._seen) > self._seen_most:
            self._seen.popitem(last=False)
        return compiled

    @property
    def bytes(self) -> int:
        return sum(automaton.size for automaton in self._kept.values())

    # --8<-- [end:bounded_by_bytes]
    def __len__(self) -> int:
        return len(self._kept)
