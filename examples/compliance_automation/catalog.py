"""The control catalog: what is promised, in which framework's words, tested how and by whom."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

CATALOG = Path(__file__).with_name("controls.yml")
CRITICAL_MINUTES = 30
"""After two missed scans nobody would hear of a critical failure within the hour."""
CRITICAL_LATE_MINUTES = 10
"""With a longer wait for the population, nor after one missed scan."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NotApplicable(_Strict):
    """Somebody's dated decision. Emptiness is none."""

    why: str = Field(min_length=10)
    decided_by: str = Field(min_length=1)
    decided_on: date


class Test(_Strict):
    """One way to test a control.

    `populations` are the snapshots whose items are judged, one for each account, cluster or tool. `witness` is a second
    source that saw the same items, and names them by the field `witness_key`; what it saw in the last `late_minutes`
    may not have arrived in the population. `references` are what a rule compares with. `seeds` are items that are bad
    on purpose, to show that collector and rule still see it; they count nowhere.
    """

    __test__ = False  # not pytest's

    id: str
    kind: Literal["scan", "events", "records", "judgment"]
    severity: Literal["critical", "high", "medium", "low"]
    owner: str = Field(min_length=1)
    rule: str | None = None
    populations: tuple[str, ...] = ()
    item_kinds: tuple[str, ...] = ()
    witness: str | None = None
    witness_key: Literal["id", "artifact"] = "id"
    late_minutes: int = Field(0, ge=0, le=30)
    references: dict[str, str] = {}
    seeds: tuple[str, ...] = ()
    params: dict[str, int] = {}
    fresh_minutes: int | None = Field(None, gt=0)
    due_days: int | None = Field(None, gt=0)
    repair: Literal["close-public-access", "remove-expired-access"] | None = None
    not_applicable: NotApplicable | None = None

    @model_validator(mode="after")
    def _complete(self) -> Test:
        machine = self.rule is not None and self.populations and self.item_kinds and self.fresh_minutes
        if self.kind == "judgment" and (self.due_days is None or self.rule):
            raise ValueError(f"{self.id}: a judgment has due_days and no rule")
        if self.kind != "judgment" and not machine:
            raise ValueError(
                f"{self.id}: a {self.kind} test has rule, populations, item_kinds and fresh_minutes"
            )
        if self.severity == "critical" and (self.fresh_minutes or 0) > CRITICAL_MINUTES:
            raise ValueError(f"{self.id}: a critical test may be {CRITICAL_MINUTES} minutes old at most")
        if self.severity == "critical" and self.late_minutes > CRITICAL_LATE_MINUTES:
            raise ValueError(f"{self.id}: a critical test may wait {CRITICAL_LATE_MINUTES} minutes at most")
        if (
            self.kind == "events"
            and self.severity in ("critical", "high")
            and not (self.witness or self.references)
        ):
            raise ValueError(f"{self.id}: nothing to compare the events with")
        return self


class Control(_Strict):
    """A promise, with the criteria of SOC 2 and the clauses and Annex A controls of ISO/IEC 27001 that it serves."""

    id: str = Field(pattern=r"^[a-z]{3}-\d+$")
    title: str
    criteria: tuple[str, ...]
    annex_a: tuple[str, ...]
    clauses: tuple[str, ...] = ()
    tests: tuple[Test, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _mapped(self) -> Control:
        if not (self.criteria or self.annex_a or self.clauses):
            raise ValueError(f"{self.id} serves no framework")
        return self


def load(path: Path = CATALOG) -> tuple[Control, ...]:
    """All controls. Raises ValueError for one that is incomplete or twice there."""
    controls = tuple(Control(**row) for row in yaml.safe_load(path.read_text(encoding="utf-8")))
    ids = [test.id for control in controls for test in control.tests] + [control.id for control in controls]
    if len(set(ids)) != len(ids):
        raise ValueError("an id is used twice")
    return controls
