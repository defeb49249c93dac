"""From which moment which notice is due. Deadlines are outer limits; "without undue delay" comes first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta


# --8<-- [start:clocks]
@dataclass(frozen=True)
class Clock:
    """One duty to tell somebody. `due` is None where the law says "without undue delay" and names no hours."""

    duty: str
    tells: str
    starts: datetime
    due: datetime | date | None


def clocks(received: datetime, certain: datetime, called: datetime, told: datetime) -> list[Clock]:
    """The latest moments. Support `received` the report, the match made it `certain`, B was `called`, others `told`."""
    return [
        Clock("Contract, read strictly", "you, all owners", received, received + timedelta(hours=24)),
        Clock("Contract, from the match", "you, all owners", certain, certain + timedelta(hours=24)),
        Clock("GDPR 33(2)", "you, controllers", certain, None),
        Clock("GDPR 33(1)", "B, its authority", called, called + timedelta(hours=72)),
        Clock("GDPR 33(1)", "other owners, theirs", told, told + timedelta(hours=72)),
        Clock("HIPAA 164.410", "you, covered entity", received, received.date() + timedelta(days=60)),
        Clock("HIPAA 164.404", "covered entity, people", told, told.date() + timedelta(days=60)),
    ]


# --8<-- [end:clocks]
