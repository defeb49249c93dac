"""A prep plan: its days, and for each day the questions to take and why. Read from a plan page's front matter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

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
    questions: Annotated[tuple[Step, ...], Field(strict=False, min_length=1, description="a list of steps")]


class Plan(_Strict):
    """The days in order, each a sitting of its own."""

    days: Annotated[tuple[Day, ...], Field(strict=False, min_length=1, description="a list of days")]


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
        plan = Plan.model_validate({"days": page.meta["plan"]})
    except ValidationError as error:
        mend = "a plan is a list of days, each with `focus` and `questions`, each of those with `question` and `why`"
        raise SourceError(
            Fault(
                page.file,
                page.line_of(("plan", *detail["loc"][1:])),
                f"the plan's `{'.'.join(map(str, detail['loc']))}`: {detail['msg']}",
                mend,
            )
            for detail in error.errors()
        ) from error
    numbers = [question.number for question in catalog]
    unknown = [
        Fault(
            page.file,
            page.line_of(("plan", d, "questions", s, "question")),
            f"the plan names question {step.question}, which the catalog does not have",
            f"use one of {numbers}",
        )
        for d, day in enumerate(plan.days)
        for s, step in enumerate(day.questions)
        if step.question not in numbers
    ]
    if unknown:
        raise SourceError(unknown)
    return plan
