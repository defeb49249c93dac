"""Accepted exceptions: for one test and one resource, with an owner, a reason, something in its place, and an end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict, Field, model_validator

LONGEST = timedelta(days=180)


# --8<-- [start:waiver]
class Waiver(BaseModel):
    """Live from the day it is granted until the day it expires. It covers one resource: there is no wildcard."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    test: str
    resource: str = Field(pattern=r"^[^*?\s]+$")
    owner: str = Field(min_length=1)
    approver: str = Field(min_length=1)
    reason: str = Field(min_length=10)
    compensating: str = Field(min_length=10)
    granted: date
    expires: date
    renewals: int = Field(default=0, ge=0, le=2)

    @model_validator(mode="after")
    def _bounded(self) -> Waiver:
        if self.owner == self.approver:
            raise ValueError(f"{self.id}: nobody accepts a risk of their own")
        if not timedelta(0) < self.expires - self.granted <= LONGEST:
            raise ValueError(f"{self.id}: it must end within {LONGEST.days} days")
        return self

    def live(self, today: date) -> bool:
        return self.granted <= today < self.expires


# --8<-- [end:waiver]


def waived(waivers: Iterable[Waiver], test: str, today: date) -> frozenset[str]:
    """The resources that a test's live waivers cover."""
    return frozenset(waiver.resource for waiver in waivers if waiver.test == test and waiver.live(today))
