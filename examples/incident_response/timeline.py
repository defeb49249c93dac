"""The worked incident: its stretches, and the budget it spent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from examples.incident_response import setting
from examples.incident_response.sources import Fault, PlanError, read

FILE = Path(__file__).parent / "timeline.yml"
ORDER = ("onset", "detected", "acknowledged", "mitigated", "recovered", "resolved")


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    min: Annotated[float, Field(ge=0)]
    kind: str
    what: Annotated[str, Field(min_length=1)]
    refused: dict[str, Annotated[float, Field(ge=0)]] | None = None


class _Timeline(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    onset: datetime
    demand: dict[str, float]
    events: Annotated[list[_Event], Field(min_length=2)]


@dataclass(frozen=True)
class Moment:
    """An event, with what had been lost by then, in requests by tier."""

    minute: float
    at: datetime
    kind: str
    what: str
    refused_rps: float
    lost: dict[str, float]

    @property
    def spent(self) -> float:
        """Share of the 30-day budget gone by this moment."""
        return sum(self.lost.values()) / setting.budget_requests()


# --8<-- [start:play]
def play(file: Path = FILE) -> list[Moment]:
    """Add up the requests lost between events. Raises PlanError with the line of what does not fit."""
    source = read(file)
    try:
        timeline = _Timeline.model_validate(source.data)
    except ValidationError as error:
        first = error.errors()[0]
        raise PlanError([source.fault(tuple(first["loc"]), first["msg"], "mend it")]) from error
    moments: list[Moment] = []
    refused: dict[str, float] = {}
    lost = dict.fromkeys(timeline.demand, 0.0)
    faults: list[Fault] = []
    for i, event in enumerate(timeline.events):
        elapsed = event.min - moments[-1].minute if moments else 0.0
        if elapsed < 0:
            faults.append(
                source.fault(("events", i), f"minute {event.min:g} is before the last", "sort them")
            )
        for tier, rps in refused.items():
            lost[tier] += rps * max(0.0, elapsed) * 60
        refused = refused if event.refused is None else event.refused
        for tier, rps in refused.items():
            if rps > timeline.demand.get(tier, 0):
                faults.append(
                    source.fault(("events", i), f"{tier} loses {rps:g}/s of less", "at most its demand")
                )
        if faults:
            raise PlanError(faults)
        at = timeline.onset + timedelta(minutes=event.min)
        moments.append(Moment(event.min, at, event.kind, event.what, sum(refused.values()), dict(lost)))
    # --8<-- [end:play]
    kinds = [moment.kind for moment in moments]
    for kind in ORDER:
        if kinds.count(kind) != 1:
            faults.append(source.fault(("events",), f"{kinds.count(kind)} events are `{kind}`", "have one"))
    if not faults and [kind for kind in kinds if kind in ORDER] != list(ORDER):
        faults.append(
            source.fault(("events",), "the stretches are out of order", f"order: {', '.join(ORDER)}")
        )
    if faults:
        raise PlanError(faults)
    return moments


def minute_of(moments: list[Moment], kind: str) -> float:
    return next(moment.minute for moment in moments if moment.kind == kind)


def stretches(moments: list[Moment]) -> tuple[float, float, float]:
    """Minutes to detect, from there to acknowledge, and from there to mitigate."""
    onset, detected, acknowledged, mitigated = (minute_of(moments, kind) for kind in ORDER[:4])
    return detected - onset, acknowledged - detected, mitigated - acknowledged


def availability(lost: float, rps: float, days: int) -> float:
    """Share of good requests of a tier over a calendar month of so many days, at its mean requests/s."""
    return 1 - lost / (rps * days * 86_400)
