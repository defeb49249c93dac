"""Reads ``threat_model.yml`` and ranks the work. A fault is named with file, line and mend."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from math import prod
from pathlib import Path
from typing import Annotated, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

FILE = Path(__file__).parent / "threat_model.yml"

OWASP = {
    "LLM01": "Prompt Injection",
    "LLM02": "Sensitive Information Disclosure",
    "LLM03": "Excessive Agency",
    "LLM04": "Supply Chain",
    "LLM05": "Data and Model Poisoning",
    "LLM06": "Unbounded Consumption",
    "LLM07": "Misinformation",
    "LLM08": "Hidden Context Exposure",
    "LLM09": "Vector and Embedding Weaknesses",
    "LLM10": "Improper Output Handling",
}
"""OWASP Top 10 for LLM Applications, edition 2026. The edition of 2025 numbers eight of them differently."""

AGENTIC = {f"ASI{number:02}" for number in range(1, 11)}
"""OWASP Top 10 for Agentic Applications, December 2025."""

ATLAS = {
    "AML.T0010.003": "AI Supply Chain Compromise: Model",
    "AML.T0011.000": "User Execution: Unsafe AI Artifacts",
    "AML.T0012": "Valid Accounts",
    "AML.T0057": "LLM Data Leakage",
    "AML.T0024.002": "Extract AI Model",
    "AML.T0025": "Exfiltration via Cyber Means",
    "AML.T0029": "Denial of AI Service",
    "AML.T0034": "Cost Harvesting",
    "AML.T0034.001": "Resource-Intensive Queries",
    "AML.T0049": "Exploit Public-Facing Application",
    "AML.T0051.001": "LLM Prompt Injection: Indirect",
    "AML.T0053": "AI Agent Tool Invocation",
    "AML.T0054": "LLM Jailbreak",
    "AML.T0056": "Extract LLM System Prompt",
    "AML.T0058": "Publish Poisoned Models",
    "AML.T0070": "RAG Poisoning",
    "AML.T0077": "LLM Response Rendering",
    "AML.T0080.000": "AI Agent Context Poisoning: Memory",
    "AML.T0085.000": "Data from AI Services: RAG Databases",
    "AML.T0086": "Exfiltration via AI Agent Tool Invocation",
    "AML.T0110": "AI Agent Tool Poisoning",
}
"""MITRE ATLAS techniques that the model uses, by the names of ATLAS data 2026.04 (format 5.6.0, April 2026)."""


Area = Literal["application", "model", "serving engine", "supply chain", "tenant isolation", "operations"]
"""Each must have a threat: a list that forgets one of them is not finished."""


class ModelError(ValueError):
    """The threat model has a fault; the message has one line for each: file, line, fault, mend."""


_Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --8<-- [start:schema]
class Estimate(_Record):
    """An order of magnitude, and why."""

    value: Annotated[float, Field(gt=0, description="a number above 0; an order of magnitude is enough")]
    reason: Annotated[_Said, Field(description="say why; a number without a reason cannot be argued with")]


class Threat(_Record):
    """One way to harm one asset, what is done about it, and what is left for whom."""

    id: Annotated[str, Field(pattern=r"^T\d+$", description="T and a number")]
    title: Annotated[_Said, Field(description="say what happens, in a sentence")]
    area: Annotated[Area, Field(description="one of the areas in threats.py")]
    at: Annotated[_Said, Field(description="the component where it enters or is stopped")]
    asset: Annotated[_Said, Field(description="what is lost")]
    entry: Annotated[_Said, Field(description="how the attacker gets in")]
    attacker: Annotated[_Said, Field(description="who; 'a hacker' is nobody")]
    owasp: Annotated[tuple[str, ...], Field(description="ids of the 2026 list, or [] if it has none")]
    agentic: Annotated[tuple[str, ...], Field(description="ids of the agentic list")] = ()
    atlas: Annotated[tuple[str, ...], Field(description="ATLAS techniques")] = ()
    per_year: Annotated[Estimate, Field(description="times a year without the controls: value, reason")]
    loss_usd: Annotated[Estimate, Field(description="dollars each time: value, reason")]
    controls: Annotated[
        Mapping[str, Annotated[float, Field(ge=0, le=1)]],
        Field(min_length=1, description="control: the part of the loss that it leaves, 0 to 1"),
    ]
    residual: Annotated[_Said, Field(description="say what is left; it is never nothing")]
    accepted_by: Annotated[_Said, Field(description="the role that may accept it")]


# --8<-- [end:schema]


class Control(_Record):
    id: Annotated[_Said, Field(description="a word")]
    title: Annotated[_Said, Field(description="what is built")]
    weeks: Annotated[float, Field(gt=0, description="engineer-weeks, above 0")]
    refused: Annotated[_Said | None, Field(description="why it is not built, whatever its rank")] = None


class Component(_Record):
    id: Annotated[_Said, Field(description="a word")]
    title: Annotated[_Said, Field(description="as the diagram shows it")]


class Boundary(_Record):
    id: Annotated[_Said, Field(description="a word")]
    title: Annotated[_Said, Field(description="as the diagram shows it")]
    components: Annotated[tuple[Component, ...], Field(min_length=1, description="at least one")]


class Flow(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: Annotated[_Said, Field(alias="from", description="a component's id")]
    to: Annotated[_Said, Field(description="a component's id")]
    label: Annotated[_Said | None, Field(description="what flows")] = None


class Model(_Record):
    """The whole file."""

    reviewed: Annotated[date, Field(description="the day of the last review")]
    engineer_weeks: Annotated[float, Field(gt=0, description="what there is to spend, above 0")]
    boundaries: Annotated[tuple[Boundary, ...], Field(min_length=1, description="trust boundaries")]
    flows: Annotated[tuple[Flow, ...], Field(description="from, to, label")]
    controls: Annotated[tuple[Control, ...], Field(min_length=1, description="what could be built")]
    threats: Annotated[tuple[Threat, ...], Field(min_length=1, description="what could happen")]

    def components(self) -> dict[str, Component]:
        return {component.id: component for boundary in self.boundaries for component in boundary.components}

    def control(self, id: str) -> Control:
        return next(control for control in self.controls if control.id == id)


def load(file: Path = FILE) -> Model:
    """Return the checked model; raises ModelError with every fault."""
    text = file.read_text(encoding="utf-8")
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ModelError(f"{file}:{mark.line + 1 if mark else 1}: not YAML: {error}") from error
    try:
        model = Model.model_validate(data)
    except ValidationError as error:
        faults = [(tuple(e["loc"]), e["msg"], _mend(tuple(e["loc"]))) for e in error.errors()]
    else:
        faults = list(_dangling(model))
        if not faults:
            return model
    lines = [
        f"{file}:{_line(node, path)}: {'.'.join(map(str, path))}: {what}; {mend}"
        for path, what, mend in faults
    ]
    raise ModelError("\n".join(lines))


_Fault = tuple[tuple[str | int, ...], str, str]


def _dangling(model: Model) -> Iterable[_Fault]:
    """Yield what the schema cannot say: ids that lead nowhere, stand twice or are used by nobody."""
    components = model.components()
    controls = {control.id for control in model.controls}
    known = {"owasp": set(OWASP), "agentic": AGENTIC, "atlas": set(ATLAS)}
    for number, threat in enumerate(model.threats):
        here = ("threats", number)
        if [other.id for other in model.threats].count(threat.id) > 1:
            yield (*here, "id"), f"{threat.id} stands twice", "give each threat its own id"
        if threat.at not in components:
            yield (
                (*here, "at"),
                f"there is no component {threat.at!r}",
                "name one of the boundaries' components",
            )
        for id in threat.controls:
            if id not in controls:
                yield (
                    (*here, "controls", id),
                    f"there is no control {id!r}",
                    "add it, or name one that there is",
                )
        for field, ids in known.items():
            for id in getattr(threat, field):
                if id not in ids:
                    yield (
                        (*here, field),
                        f"{id} is not in that list",
                        "use an id of the edition in threats.py",
                    )
    for number, flow in enumerate(model.flows):
        for key, id in (("from", flow.source), ("to", flow.to)):
            if id not in components:
                yield ("flows", number, key), f"there is no component {id!r}", "name a component"
    covered = {threat.at for threat in model.threats}
    for number, boundary in enumerate(model.boundaries):
        if not covered & {component.id for component in boundary.components}:
            yield ("boundaries", number), f"no threat at {boundary.id!r}", "find one, or drop the boundary"
    for area in sorted(set(get_args(Area)) - {threat.area for threat in model.threats}):
        yield ("threats",), f"no threat in the area {area!r}", "find one: no part of a service has none"
    used = {id for threat in model.threats for id in threat.controls}
    for number, control in enumerate(model.controls):
        if control.id not in used and not control.refused:
            yield ("controls", number), f"{control.id!r} helps no threat", "map it, refuse it or drop it"


def _mend(path: tuple[str | int, ...]) -> str:
    kinds: dict[str, type[BaseModel]] = {
        "threats": Threat,
        "controls": Control,
        "flows": Flow,
        "boundaries": Boundary,
    }
    if path[0] in kinds and len(path) > 2:
        kind = kinds[str(path[0])]
        name = "source" if path[2] == "from" else str(path[2])
        field = kind.model_fields.get(name)
        if field and str(path[-1]) in Estimate.model_fields and kind is Threat:
            field = Estimate.model_fields[str(path[-1])]
        if field and field.description:
            return field.description
    else:
        field = Model.model_fields.get(str(path[0]))
        if field and len(path) == 1 and field.description:
            return field.description
    return "leave it out or mend its name; the fields are in threats.py"


def _line(node: yaml.Node | None, path: tuple[str | int, ...]) -> int:
    """Return the line of the innermost part of the path that stands in the file."""
    line = node.start_mark.line + 1 if node else 1
    for step in path:
        child = None
        if isinstance(node, yaml.MappingNode):
            child = next((value for key, value in node.value if key.value == str(step)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            child = node.value[step]
        if child is None:
            break
        node, line = child, child.start_mark.line + 1
    return line


@cache
def model() -> Model:
    """Return the model of the page."""
    return load()


# Ranking


def risk(threat: Threat, built: Iterable[str] = (), scale: float = 1.0) -> float:
    """Return dollars a year: times a year, times the loss, times what each built control leaves.

    Multiplying what controls leave assumes that they fail apart from each other; it flatters those that share a
    cause, so each control's part is set against the others' being there.
    """
    left = prod(threat.controls[id] for id in built if id in threat.controls)
    return scale * threat.per_year.value * threat.loss_usd.value * left


def total(model: Model, built: Iterable[str] = (), scales: Mapping[str, float] | None = None) -> float:
    """Return the dollars a year over all threats."""
    built = list(built)
    scales = scales or {}
    return sum(risk(threat, built, scales.get(threat.id, 1.0)) for threat in model.threats)


# --8<-- [start:plan]
def plan(model: Model, scales: Mapping[str, float] | None = None) -> list[tuple[Control, float]]:
    """Return the controls in order of work, each with the dollars a year that it takes off.

    Greedy: next comes what takes off most per engineer-week, given what is built, if it still fits.
    """
    order: list[tuple[Control, float]] = []
    weeks = model.engineer_weeks
    while True:
        built = [control.id for control, _ in order]
        now = total(model, built, scales)
        off = {
            control.id: now - total(model, [*built, control.id], scales)
            for control in model.controls
            if control.id not in built and not control.refused and control.weeks <= weeks
        }
        best = max(off, key=lambda id: off[id] / model.control(id).weeks, default=None)
        if best is None or off[best] <= 0:
            return order
        order.append((model.control(best), off[best]))
        weeks -= model.control(best).weeks


# --8<-- [end:plan]


def stability(model: Model, draws: int = 200, factor: float = 10.0, seed: int = 2026) -> dict[str, float]:
    """Return the part of the draws in which each control makes the plan.

    In each draw every threat's risk is multiplied by its own factor, from 1/``factor`` to ``factor``, uniform in
    the logarithm: the estimates may be wrong by that much, each in its own direction.
    """
    rng = random.Random(seed)
    times = dict.fromkeys((control.id for control in model.controls), 0)
    for _ in range(draws):
        scales = {threat.id: factor ** rng.uniform(-1, 1) for threat in model.threats}
        for control, _off in plan(model, scales):
            times[control.id] += 1
    return {id: count / draws for id, count in times.items()}
