"""Rules in Rego v1, run by rego-cpp (the package `regopy`). An undefined or broken rule is an error, never an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from regopy import Interpreter, LogLevel, RegoError  # type: ignore[import-untyped, unused-ignore]

POLICIES = Path(__file__).parent / "policies"


class RuleError(Exception):
    """A rule that did not load, did not run, or gave no answer of the agreed shape."""


@dataclass(frozen=True)
class Rules:
    """The texts of the rules, by module name. What judges is part of the evidence, so it is carried by value."""

    texts: dict[str, str]
    # The interpreter keeps its input between two calls: without a lock, one gate request gets another's answer.
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    @classmethod
    def load(cls, folder: Path = POLICIES) -> Rules:
        return cls({path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.rego"))})

    # --8<-- [start:decide]
    def decide(self, rule: str, document: dict[str, Any]) -> dict[str, str]:
        """The verdicts of the module `controls.<rule>` by item: pass or fail. Raises RuleError.

        Rego calls undefined what it cannot compute, and an undefined `deny` reads like a clean bill. So a rule states
        passes too, and an item without a verdict is left to the caller.
        """
        answer = self.query(f"verdicts = data.controls.{rule}.verdicts", document)
        if answer is None:
            raise RuleError(f"rule {rule} is undefined")
        verdicts = answer["verdicts"]
        if not isinstance(verdicts, dict) or any(
            verdict not in ("pass", "fail") for verdict in verdicts.values()
        ):
            raise RuleError(f"rule {rule} says something else than pass and fail")
        if strange := verdicts.keys() - {item["id"] for item in document.get("items", [])}:
            raise RuleError(f"rule {rule} judges {len(strange)} items that it was not given")
        return verdicts

    def query(self, query: str, document: dict[str, Any]) -> dict[str, Any] | None:
        """The bindings of a query's first result, or None if it is undefined. Raises RuleError."""
        try:
            with self._lock:
                self._interpreter.set_input_term(json.dumps(document))
                output = self._interpreter.query(query)
        except (RegoError, ValueError) as error:  # an unknown function ends in a ValueError
            raise RuleError(f"{query} cannot be run") from error
        if not output.ok():
            # Two verdicts on one item, a wrong type. To print such an output crashes regopy 1.5.2.
            raise RuleError(f"{query} has no answer")
        result = output.results[0]
        return dict(result.bindings) if result.expressions else None

    # --8<-- [end:decide]

    def allows(self, document: dict[str, Any]) -> bool:
        """The gate's answer. A gate that cannot answer refuses: for promotions and merges, never for running streams."""
        try:
            return self.query("allow = data.gate.allow", document) == {"allow": True}
        except RuleError:
            return False

    @cached_property
    def _interpreter(self) -> Interpreter:
        return self._load(name for name in self.texts if not name.endswith("_test"))

    def _load(self, names: Iterable[str]) -> Interpreter:
        interpreter = Interpreter()
        interpreter.log_level = LogLevel.NONE
        for name in names:
            interpreter.add_module(f"{name}.rego", self.texts[name])
        return interpreter

    def tests(self) -> dict[str, bool]:
        """What `opa test` would run: each rule `test_...` of each package `..._test`, and whether it holds."""
        interpreter = self._load(self.texts)
        held = {}
        for text in self.texts.values():
            if package := re.search(r"^package (\S+_test)$", text, re.MULTILINE):
                said = interpreter.query(f"said = data.{package[1]}").results[0].bindings["said"]
                for name in re.findall(r"^(test_\w+) if", text, re.MULTILINE):
                    held[f"{package[1]}.{name}"] = said.get(name) is True
        return held
