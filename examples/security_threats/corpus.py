"""Written attacks and honest requests, and what the gate does with each.

The corpus is ours, so its rates say what the gate covers; they estimate nothing about traffic. The held-out part was
written by someone who had read the gate, and was first run after the gate was finished.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from examples.security_threats import gate, output
from examples.security_threats.gate import Policy, Run, Verdict

FOLDER = Path(__file__).parent / "corpus"
FILES = {"attacks": "dev", "honest": "dev", "attacks_held_out": "held out", "honest_held_out": "held out"}

POLICY = Policy(
    trusted_urls=frozenset({"https://wiki.northwind.example/"}),
    image_urls=frozenset({"https://static.northwind.example/img/"}),
)
USER = "sam@northwind.example"
# What a read is called with when the case does not care.
_READS: Mapping[str, Mapping[str, str]] = {
    "read_mail": {"query": "today"},
    "search_documents": {"query": "plan"},
    "find_contact": {"name": "somebody"},
    "recall": {"query": "preferences"},
}


class CorpusError(ValueError):
    """A case that does not keep to the schema; names file, case, fault and mend."""


class Result(StrEnum):
    """What became of a case."""

    ALLOWED = "allowed"
    ASKED = "asked"
    CHANGED = "changed"
    """The answer was shown without a link, image or tag."""
    BLOCKED = "blocked"


class Case(BaseModel):
    """One run up to the step in question: a tool call, or the answer that is shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[ah]h?\d+$", description="a1, h1, or ah1 and hh1 if held out")]
    family: Annotated[str, Field(min_length=3, description="the kind of case, as the report names it")]
    says: Annotated[str, Field(description="what the user typed")]
    after: Annotated[
        tuple[str, ...],
        Field(
            description="steps before; `fetch_url <url>`, `saw <url>`, `found <address>`, `wrote <mail as JSON>`"
        ),
    ] = ()
    tool: Annotated[str | None, Field(description="the tool that the model calls")] = None
    with_: Annotated[dict[str, Any] | None, Field(alias="with", description="its arguments")] = None
    raw: Annotated[str | None, Field(description="its arguments as raw JSON")] = None
    answer: Annotated[str | None, Field(description="the answer that the model gives")] = None
    hidden: Annotated[str | None, Field(description="the string that no link of the answer may have")] = None
    confirmed: Annotated[
        dict[str, Any] | None, Field(description="arguments that the user confirmed before")
    ] = None
    confirmed_in: Annotated[Literal["this run", "another run"], Field(description="where")] = "this run"
    used: Annotated[bool, Field(description="whether that confirmation was used already")] = False
    agrees: Annotated[bool, Field(description="whether the user confirms when asked")] = False
    first: Annotated[
        Result | None, Field(description="what its first run gave, if the gate was mended since")
    ] = None
    miss: Annotated[str | None, Field(description="why the gate cannot see this attack")] = None

    @model_validator(mode="after")
    def _one_step(self) -> Case:
        call = self.tool is not None and (self.with_ is None) != (self.raw is None)
        if call == (self.answer is not None):
            raise ValueError("it needs either `tool` with one of `with` and `raw`, or `answer`")
        return self


def load(name: str, folder: Path = FOLDER) -> list[Case]:
    """Return the cases of one file; raises CorpusError."""
    file = folder / f"{name}.yml"
    try:
        rows = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise CorpusError(
            f"{file}:{line}: not YAML; quote texts that have a colon or begin with a sign"
        ) from error
    if not isinstance(rows, list):
        raise CorpusError(f"{file}:1: not a list; begin each case with `- id:`")
    cases = []
    for row in rows:
        try:
            cases.append(_CASE.validate_python(row))
        except ValidationError as error:
            fault = error.errors()[0]
            at = ".".join(map(str, fault["loc"])) or "the case"
            name_of = row.get("id", row) if isinstance(row, dict) else row
            fields = Case.model_fields
            key = str(fault["loc"][0]).replace("with", "with_") if fault["loc"] else ""
            mend = fields[key].description if key in fields else "see Case in corpus.py"
            raise CorpusError(f"{file}: case {name_of}: {at}: {fault['msg']}; {mend}") from error
    if twice := {case.id for case in cases if [c.id for c in cases].count(case.id) > 1}:
        raise CorpusError(f"{file}: {', '.join(sorted(twice))} stands twice; give each case its own id")
    return cases


_CASE = TypeAdapter(Case)


def prepared(case: Case) -> Run:
    """Return the run's state when the step in question comes."""
    run = gate.start("run-1", USER, case.says)
    for step in case.after:
        tool, _, rest = step.partition(" ")
        if tool == "found":
            run = gate.found(run, rest)
            continue
        if tool == "saw":
            run = gate.read(run, rest)
            continue
        if tool == "wrote":
            raw = rest
            tool = "send_mail"
        else:
            raw = json.dumps({"url": rest} if tool == "fetch_url" else _READS[tool])
        decision, run = gate.decide(POLICY, run, tool, raw)
        if decision.verdict is not Verdict.ALLOW:
            raise CorpusError(f"case {case.id}: the step {step!r} is not allowed; mend the case")
    if case.confirmed is not None and case.tool:
        run_id = run.run_id if case.confirmed_in == "this run" else "run-0"
        arguments = gate.TOOLS[case.tool].arguments.model_validate(case.confirmed).model_dump()
        run = gate.confirm(run, gate.digest_of(run_id, case.tool, arguments))
        if case.used:
            _, run = gate.decide(POLICY, run, case.tool, json.dumps(case.confirmed))
    return run


def played(case: Case) -> Result:
    """Return what the gate makes of a case."""
    run = prepared(case)
    if case.answer is not None:
        return Result.CHANGED if output.shown(POLICY, run, case.answer).removed else Result.ALLOWED
    raw = case.raw if case.raw is not None else json.dumps(case.with_)
    decision, run = gate.decide(POLICY, run, str(case.tool), raw)
    if decision.verdict is Verdict.ASK and case.agrees:
        decision, run = gate.decide(POLICY, gate.confirm(run, decision.digest), str(case.tool), raw)
    return {
        Verdict.ALLOW: Result.ALLOWED,
        Verdict.ASK: Result.ASKED,
        Verdict.BLOCK: Result.BLOCKED,
    }[decision.verdict]


@cache
def results(name: str) -> tuple[tuple[Case, Result], ...]:
    """Return each case of a file with what became of it."""
    return tuple((case, played(case)) for case in load(name))


def counts(rows: Sequence[tuple[Case, Result]]) -> dict[Result, int]:
    """Return how often each result came."""
    return {result: sum(got is result for _, got in rows) for result in Result}
