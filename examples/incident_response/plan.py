"""The plan as data: severity.yml, escalation.yml, levers.yml and alerts.yml, and what must hold between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from examples.incident_response import setting
from examples.incident_response.sources import Fault, Key, PlanError, Source, read

FOLDER = Path(__file__).parent
Measure = Literal["bad_share", "wrong_share", "spend_ratio", "foreign_data_reports", "unmoderated"]
CLASSES = ("availability", "quality", "safety", "data", "cost")
_Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
_Minutes = Annotated[int, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Severity(_Strict):
    """One row of the matrix: the harm that makes it, and what it obliges to."""

    at_least: dict[Measure, Annotated[float, Field(ge=0, strict=False, allow_inf_nan=False)]]
    means: _Text
    pages: bool
    acknowledge_min: Annotated[int, Field(gt=0)]
    notice_min: Annotated[int, Field(gt=0)] | None
    update_min: Annotated[int, Field(gt=0)] | None
    review_days: Annotated[int, Field(gt=0)] | None
    path: str


class _Severities(_Strict):
    severities: dict[str, Severity]


class Somebody(_Strict):
    """Who can be told; `person` is false for a queue that wakes nobody."""

    person: bool
    awake: Literal["always", "working hours"]
    does: _Text


class Step(_Strict):
    """Whom to tell, so many minutes after the page if nobody has acknowledged."""

    after_min: _Minutes
    notify: Annotated[list[str], Field(min_length=1)]


class _Also(_Strict):
    also: Annotated[list[str], Field(min_length=1)]


class Escalation(_Strict):
    promise_notice_min: Annotated[int, Field(gt=0)]
    detect_min: Annotated[int, Field(gt=0)]
    people: dict[str, Somebody]
    paths: dict[str, Annotated[list[Step], Field(min_length=1)]]
    classes: dict[str, _Also]


class Moves(_Strict):
    """Traffic that a lever moves; `scope` is `unpinned` where the residency flag must be honored."""

    from_: Annotated[Literal["us", "eu"], Field(alias="from")]
    to: Literal["us", "eu", "provider"]
    scope: Literal["all", "unpinned"]
    requests_per_s: Annotated[float, Field(gt=0, strict=False)]


class Lever(_Strict):
    """Something that a responder may do; `before` is its precondition, `check` shows that it worked."""

    does: _Text
    pulled_by: str
    unasked: bool
    before: _Text
    takes_min: Annotated[int, Field(gt=0)]
    check: _Text
    undo: _Text
    moves: Moves | None = None


class Level(_Strict):
    """A state of a region's capacity: who is served, who is refused and with what, by which levers."""

    name: _Text
    own_over_demand: Annotated[float, Field(ge=0, strict=False)] | None
    served: _Text
    refused: _Text
    levers: list[str]


class Symptom(_Strict):
    """What the first minutes show, where to look, and the levers in their order."""

    shows: _Text
    signal: _Text
    levers: Annotated[list[str], Field(min_length=1)]


class _Levers(_Strict):
    levers: dict[str, Lever]
    levels: Annotated[list[Level], Field(min_length=2)]
    symptoms: Annotated[list[Symptom], Field(min_length=1)]


@dataclass(frozen=True)
class Plan:
    """A plan that holds together."""

    severities: dict[str, Severity]
    escalation: Escalation
    levers: dict[str, Lever]
    levels: list[Level]
    symptoms: list[Symptom]
    alerts: dict[str, dict[str, str]]
    """Alert -> its labels."""


_Model = TypeVar("_Model", bound=BaseModel)


def load(folder: Path = FOLDER) -> Plan:
    """Read and check the plan's files. Raises PlanError with every fault that could be found."""
    sources = {name: read(folder / f"{name}.yml") for name in ("severity", "escalation", "levers", "alerts")}
    faults: list[Fault] = []
    severity = _parse(sources["severity"], _Severities, faults)
    escalation = _parse(sources["escalation"], Escalation, faults)
    levers = _parse(sources["levers"], _Levers, faults)
    alerts = dict(_alerts(sources["alerts"], faults))
    if severity is None or escalation is None or levers is None:
        raise PlanError(faults)
    faults += check_matrix(sources["severity"], severity.severities)
    faults += check_paths(sources["severity"], severity.severities, sources["escalation"], escalation)
    faults += check_levers(sources["levers"], levers.levers, escalation.people)
    faults += check_levels(sources["levers"], levers.levels, levers.levers)
    for i, symptom in enumerate(levers.symptoms):
        for lever in symptom.levers:
            if lever not in levers.levers:
                where: Key = ("symptoms", i, "levers")
                faults.append(
                    sources["levers"].fault(where, f"there is no lever `{lever}`", "define it above")
                )
    faults += check_alerts(sources["alerts"], alerts, severity.severities, escalation)
    if faults:
        raise PlanError(faults)
    return Plan(
        severity.severities,
        escalation,
        levers.levers,
        levers.levels,
        levers.symptoms,
        {name: labels for name, (_, labels) in alerts.items()},
    )


def _parse(source: Source, model: type[_Model], faults: list[Fault]) -> _Model | None:
    try:
        return model.model_validate(source.data)
    except ValidationError as error:
        for detail in error.errors():
            where = ".".join(map(str, detail["loc"])) or "the file"
            mend = "remove it" if detail["type"] == "extra_forbidden" else "give it a value of that kind"
            faults.append(source.fault(tuple(detail["loc"]), f"`{where}`: {detail['msg']}", mend))
        return None


# --8<-- [start:matrix]
def check_matrix(source: Source, severities: dict[str, Severity]) -> Iterator[Fault]:
    """More harm is never a lower severity, and every size of harm has one."""
    rows = list(severities.items())
    for (above, worse), (below, milder) in pairwise(rows):
        for measure, bound in milder.at_least.items():
            if measure not in worse.at_least:
                yield source.fault(
                    ("severities", above, "at_least"), f"{above} has no {measure}", "give a bound"
                )
            elif not worse.at_least[measure] > bound:
                yield source.fault(
                    ("severities", below, "at_least", measure),
                    f"{measure} from {bound:g} is {below}, from {worse.at_least[measure]:g} already {above}",
                    "let the bounds fall",
                )
        if worse.acknowledge_min > milder.acknowledge_min:
            yield source.fault(("severities", above), f"{above} may wait longer than {below}", "shorten it")
    last, row = rows[-1]
    for measure, bound in row.at_least.items():
        if bound != 0:
            yield source.fault(
                ("severities", last, "at_least", measure),
                f"{measure} under {bound:g} has no severity",
                "begin at 0",
            )


def classify(severities: dict[str, Severity], seen: dict[Measure, float]) -> str:
    """The worst severity that one of the measures reaches; a bound that is met exactly counts.

    Raises ValueError for a measure that the matrix does not know, for a number below 0 and for NaN.
    """
    known = next(iter(severities.values())).at_least
    for measure, value in seen.items():
        if measure not in known or not value >= 0:
            raise ValueError(f"{measure} = {value}: the matrix knows {', '.join(known)}, from 0 up")
    for name, row in severities.items():
        if any(value >= row.at_least.get(measure, float("inf")) for measure, value in seen.items()):
            return name
    return list(severities)[-1]


# --8<-- [end:matrix]


# --8<-- [start:paths]
def check_paths(
    severity: Source, severities: dict[str, Severity], source: Source, e: Escalation
) -> Iterator[Fault]:
    """Every severity ends at a person, in time for its first public notice."""
    for name, row in severities.items():
        at: Key = ("severities", name, "path")
        if row.path not in e.paths:
            yield severity.fault(at, f"{name} has no path `{row.path}`", f"use one of {', '.join(e.paths)}")
            continue
        if row.notice_min is None:
            if row.pages:
                yield severity.fault(at, f"{name} pages but promises no notice", "set notice_min")
            continue
        last = e.paths[row.path][-1].after_min
        told = e.detect_min + last + row.acknowledge_min
        if row.notice_min > e.promise_notice_min:
            yield severity.fault(
                ("severities", name, "notice_min"),
                f"{name} gives notice after {row.notice_min} min, promised are {e.promise_notice_min}",
                "promise less or be quicker",
            )
        elif told > row.notice_min:
            yield severity.fault(
                at,
                f"{name} may reach its last responder {told} min after onset, notice is due at {row.notice_min}",
                "shorten the path",
            )
    for path, steps in e.paths.items():
        key: Key = ("paths", path)
        times = [step.after_min for step in steps]
        if times[0] != 0 or times != sorted(set(times)):
            yield source.fault(key, f"`{path}` steps at {times} min", "begin at 0 and rise")
        for i, step in enumerate(steps):
            for who in step.notify:
                if who not in e.people:
                    yield source.fault((*key, i), f"nobody is called `{who}`", "add them to people")
        told_people = [e.people[who] for who in steps[-1].notify if who in e.people]
        if not any(somebody.person for somebody in told_people):
            yield source.fault(key, f"`{path}` ends at no person", "end it at one")
        pages = any(row.pages and row.path == path for row in severities.values())
        if pages and not any(somebody.person and somebody.awake == "always" for somebody in told_people):
            yield source.fault(key, f"`{path}` ends at nobody who is there at night", "end it at one who is")
        names = [who for step in steps for who in step.notify]
        if len(names) != len(set(names)):
            yield source.fault(key, f"`{path}` counts on somebody twice", "escalate to someone else")
    # --8<-- [end:paths]
    for name, also in e.classes.items():
        for who in also.also:
            if who not in e.people or not e.people[who].person:
                yield source.fault(("classes", name), f"`{who}` is no person to tell", "add them to people")


# --8<-- [start:levers]
def check_levers(
    source: Source,
    levers: dict[str, Lever],
    people: dict[str, Somebody],
) -> Iterator[Fault]:
    """Owned by somebody on call, legal for pinned traffic, and it fits."""
    ceiling = setting.CEILING * setting.REGION_RPS
    room = {to: ceiling - rps for to, rps in setting.PEAK.items()}
    room["provider"] = setting.fallback_rps()
    for name, lever in levers.items():
        key: Key = ("levers", name)
        owner = people.get(lever.pulled_by)
        if owner is None or not owner.person or owner.awake != "always":
            what = f"`{name}` is pulled by `{lever.pulled_by}`, not on call"
            yield source.fault((*key, "pulled_by"), what, "name who is")
        if not lever.unasked:
            what = f"`{name}` needs a permission in the night"
            yield source.fault((*key, "unasked"), what, "authorize it now, or drop it")
        if (moves := lever.moves) is None:
            continue
        at: Key = (*key, "moves")
        if moves.from_ == "eu" and moves.scope != "unpinned":
            what = f"`{name}` takes pinned traffic out of the EU"
            yield source.fault(at, what, "set scope: unpinned")
        if moves.from_ == moves.to:
            what = f"`{name}` moves {moves.to} to itself"
            yield source.fault(at, what, "name another target")
        elif moves.requests_per_s > room[moves.to]:
            fits = f"where {room[moves.to]:.1f}/s fit at peak"
            what = f"`{name}` sends {moves.requests_per_s:g}/s {fits}"
            yield source.fault(at, what, "shed more first, or send less")


# --8<-- [end:levers]


def check_levels(source: Source, levels: list[Level], levers: dict[str, Lever]) -> Iterator[Fault]:
    """The levels cover every state of capacity, without a gap, and name levers that exist."""
    bounds = [level.own_over_demand for level in levels if level.own_over_demand is not None]
    if bounds != sorted(set(bounds), reverse=True) or not bounds or bounds[-1] != 0:
        yield source.fault(("levels",), f"the levels begin at {bounds}", "let them fall, and end at 0")
    for i, level in enumerate(levels):
        for lever in level.levers:
            if lever not in levers:
                yield source.fault(("levels", i, "levers"), f"there is no lever `{lever}`", "define it above")
    for i, (above, below) in enumerate(pairwise(levels)):
        if above.levers and not below.levers:
            yield source.fault(
                ("levels", i + 1), f"`{below.name}` is worse and does nothing", "name its levers"
            )


def _alerts(source: Source, faults: list[Fault]) -> Iterator[tuple[str, tuple[Key, dict[str, str]]]]:
    """Name, place and labels of every alert of a Prometheus rule file."""
    groups = source.data.get("groups") if isinstance(source.data, dict) else None
    if not isinstance(groups, list):
        faults.append(source.fault((), "no `groups`", "make it a Prometheus rule file"))
        return
    for g, group in enumerate(groups):
        for r, rule in enumerate(group.get("rules") or []):
            if "alert" in rule:
                labels: Any = rule.get("labels") or {}
                yield rule["alert"], (("groups", g, "rules", r), {k: str(v) for k, v in labels.items()})


def check_alerts(
    source: Source,
    alerts: dict[str, tuple[Key, dict[str, str]]],
    severities: dict[str, Severity],
    escalation: Escalation,
) -> Iterator[Fault]:
    """Every alert has a severity and a class that exist; every paging severity has an alert."""
    for name, (key, labels) in alerts.items():
        level, kind = labels.get("severity"), labels.get("class")
        if kind == "meta" and level == "none":
            continue
        if level not in severities:
            yield source.fault(key, f"{name} has severity `{level}`", f"use one of {', '.join(severities)}")
        if kind not in CLASSES:
            yield source.fault(key, f"{name} has class `{kind}`", f"use one of {', '.join(CLASSES)}")
    used = {labels.get("severity") for _, labels in alerts.values()}
    for level, row in severities.items():
        if row.pages and level not in used:
            yield source.fault((), f"no alert can raise {level}", "write one, or drop the severity")
    for kind in escalation.classes:
        if kind not in {labels.get("class") for _, labels in alerts.values()}:
            yield source.fault((), f"no alert has the class `{kind}`", "write one")


def level_of(levels: list[Level], own_rps: float, demand_rps: float) -> Level:
    """The level that a region is at, by what its healthy replicas carry and its fresh demand, in requests/s."""
    if demand_rps <= 0 or own_rps < 0:
        raise ValueError(f"no such state: {own_rps} requests/s for a demand of {demand_rps}")
    ratio = own_rps / demand_rps
    bounded = [level for level in levels if level.own_over_demand is not None]
    return next(level for level in bounded if ratio >= (level.own_over_demand or 0))


def healthy_rps(replicas: int) -> float:
    """Rated requests/s of so many healthy replicas."""
    return min(replicas, setting.REPLICAS) * setting.replica_rps()
