"""The plan as data, and what must be true of it before anyone runs any of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from examples.chaos_engineering import paper, setting, zone

FOLDER = Path(__file__).parent
MONTH_WEEKS = 4
UNSEEN = 0.5
"""Events assumed in the ranking where the record has none: one quarter is too short to say never."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Failure(Strict):
    """Something that can happen, and what it does at mean load."""

    id: str
    what: str
    recorded: int = Field(ge=0)
    kind: Literal["wrong", "bad", "late", "cut", "latent", "modeled"]
    share: float = Field(default=0.0, ge=0, le=1)
    minutes: float = Field(default=0.0, ge=0)
    noticed: str
    by: list[str] = Field(min_length=1)

    def harm(self) -> float:
        """Requests harmed by one event: wrong, unanswered or late, by its kind."""
        if self.kind == "modeled":
            return sum(second.bad for second in zone.lose_a_zone(zone.Gateway()))
        if self.kind == "cut":
            return paper.lose(1, setting.MEAN_RPS).cut
        return setting.MEAN_RPS * self.share * self.minutes * 60

    def risk(self) -> float:
        """Requests harmed in 90 days. Late ones are not bad, so they rank below."""
        return (self.recorded or UNSEEN) * (0 if self.kind == "late" else self.harm())


class Experiment(Strict):
    """One experiment, and the most it can cost."""

    id: str
    weeks: tuple[int, int]
    what: str
    where: Literal["paper", "probes", "pool", "fleet"]
    load_rps: float = Field(default=0.0, ge=0)
    detect_s: float = Field(default=0.0, ge=0)
    replicas: int = Field(default=0, ge=0)
    """Replicas whose streams are really cut."""
    passes: str
    files: list[str] = []
    needs: list[str] = []

    def worst_case(self) -> float:
        """Bad requests if the hypothesis is false and every request concerned fails until the abort has worked."""
        cut = paper.lose(self.replicas, setting.MEAN_RPS).cut
        return paper.worst_case(self.load_rps, self.detect_s, setting.REROUTE_S if self.load_rps else 0, cut)


# --8<-- [start:plan]
class Plan(Strict):
    """Refuses what would be run too early, too widely, or on budget that is not there."""

    failures: list[Failure]
    experiments: list[Experiment]

    @model_validator(mode="after")
    def _safe(self) -> Self:
        done: set[str] = set()
        spent: dict[int, float] = {}
        for experiment in self.experiments:
            if missing := set(experiment.needs) - done:
                raise ValueError(
                    f"{experiment.id} runs before what makes it safe: {', '.join(sorted(missing))}"
                )
            if experiment.where in ("pool", "fleet") and experiment.id != "abort" and "abort" not in done:
                raise ValueError(f"{experiment.id} meets users before the abort has been tried")
            if experiment.where in ("paper", "probes") and experiment.load_rps:
                raise ValueError(f"{experiment.id} says it meets no user, and counts some")
            if not 1 <= experiment.weeks[0] <= experiment.weeks[1] <= setting.WEEKS:
                raise ValueError(f"{experiment.id} is not in this quarter")
            done.add(experiment.id)
            month = (experiment.weeks[1] - 1) // MONTH_WEEKS
            spent[month] = spent.get(month, 0.0) + experiment.worst_case()
        for month, bad in spent.items():
            if bad > setting.ALLOWANCE:
                raise ValueError(
                    f"month {month + 1} could cost {bad:.0f} of {setting.ALLOWANCE} bad requests"
                )
        for failure in self.failures:
            if unknown := set(failure.by) - done:
                raise ValueError(f"{failure.id} is left to {', '.join(sorted(unknown))}, which nobody runs")
        return self


# --8<-- [end:plan]


def load(file: Path = FOLDER / "plan.yml") -> Plan:
    """Raises ValueError (pydantic's ValidationError is one) for a plan that is not safe."""
    return Plan.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
