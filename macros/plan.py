"""Prep plans: a plan's days, and for each day the questions to take and why; and which question builds on which.

Both are read from the front matter of pages below docs/plans: a plan from its own page, the order from the builder's.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from macros import front_matter
from macros.catalog import Catalog
from macros.faults import Fault, SourceError


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Step(_Strict):
    """One question of a day."""

    question: Annotated[int, Field(ge=1, description="the number of a question in the catalog")]
    why: Annotated[str, Field(min_length=1, description="the reason to take it on that day, in a sentence")]


class Day(_Strict):
    """What to do in one sitting. Its minutes are the sum of its questions' minutes."""

    focus: Annotated[str, Field(min_length=1, description="what the day is about, in a few words")]
    rest: Annotated[
        int, Field(ge=0, description="days of the calendar before this one without a sitting")
    ] = 0
    questions: Annotated[tuple[Step, ...], Field(strict=False, min_length=1, description="a list of steps")]


Days = Annotated[tuple[Day, ...], Field(strict=False, min_length=1, description="a list of days")]


class Plan(_Strict):
    """The days in order, each a sitting of its own."""

    title: str
    days: Days


def load_plans(docs_dir: Path, catalog: Catalog) -> dict[str, Plan]:
    """The plan of each page below docs/plans that has one, by its path below docs/. Raises SourceError."""
    plans: dict[str, Plan] = {}
    faults: list[Fault] = []
    for file in sorted((docs_dir / "plans").glob("*.md")):
        try:
            page = front_matter.read(file)
            if "plan" in page.meta:
                plans[file.relative_to(docs_dir).as_posix()] = _load(page, catalog)
        except SourceError as error:
            faults += error.faults
    if faults:
        raise SourceError(faults)
    return plans


def _load(page: front_matter.Page, catalog: Catalog) -> Plan:
    try:
        days = TypeAdapter(Days).validate_python(page.meta["plan"])
    except ValidationError as error:
        mend = "a plan is a list of days, each with `focus` and `questions`, each of those with `question` and `why`"
        raise SourceError(front_matter.refused(error, page.file, page.lines, mend, ("plan",))) from error
    plan = Plan(title=str(page.meta.get("title", "")), days=days)
    numbers = {question.number for question in catalog}
    unknown = [
        Fault(
            page.file,
            page.line_of(("plan", d, "questions", s, "question")),
            f"the plan names question {step.question}, which the catalog does not have",
            f"use one of {sorted(numbers)}",
        )
        for d, day in enumerate(plan.days)
        for s, step in enumerate(day.questions)
        if step.question not in numbers
    ]
    if unknown:
        raise SourceError(unknown)
    return plan


Chains = tuple[tuple[int, ...], ...]
"""Lists of question numbers, each of which builds on the one before it."""

_BUILDER = "plans/builder.md"


def load_chains(docs_dir: Path, catalog: Catalog) -> Chains:
    """What builds on what, from `builds_on` of the builder's page; nothing where there is none. Raises SourceError."""
    file = docs_dir / _BUILDER
    if not file.is_file():
        return ()
    page = front_matter.read(file)
    chains = page.meta.get("builds_on", [])
    mend = "`builds_on` is a list of lists of question numbers, each building on the one before it"
    if not isinstance(chains, list) or not all(isinstance(chain, list) and chain for chain in chains):
        raise SourceError(
            [Fault(file, page.line_of(("builds_on",)), "`builds_on` is no list of lists", mend)]
        )
    numbers = {question.number for question in catalog}
    unknown = [
        Fault(
            file,
            page.line_of(("builds_on", c, place)),
            f"`builds_on` names question {number}, which the catalog does not have",
            f"use one of {sorted(numbers)}",
        )
        for c, chain in enumerate(chains)
        for place, number in enumerate(chain)
        if not isinstance(number, int) or number not in numbers
    ]
    if unknown:
        raise SourceError(unknown)
    order: TopologicalSorter[int] = TopologicalSorter()
    for chain in chains:
        for before, after in pairwise(chain):
            order.add(after, before)
    try:
        order.prepare()
    except CycleError as error:
        fault = f"`builds_on` goes round in a circle: {' → '.join(map(str, error.args[1]))}"
        raise SourceError([Fault(file, page.line_of(("builds_on",)), fault, "break the circle")]) from error
    return tuple(tuple(chain) for chain in chains)
