"""From which moment which notice is due. Deadlines are outer limits; "without undue delay" comes first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta


# --8<-- [start:clocks]
@dataclass(frozen=True)
class Clock:
    """One duty to tell somebody."""

    duty: str
    starts: datetime
    due: datetime | date


def clocks(received: datetime, certain: datetime, controllers_told: datetime) -> list[Clock]:
    """The latest moments. `received`: support had the report; `certain`: the match was found."""
    return [
        Clock("Contract, read strictly", received, received + timedelta(hours=24)),
        Clock("Contract, from the match", certain, certain + timedelta(hours=24)),
        Clock("GDPR 33(1), controllers' own", controllers_told, controllers_told + timedelta(hours=72)),
        Clock("HIPAA 164.410, outer limit", received, received.date() + timedelta(days=60)),
    ]


# --8<-- [end:clocks]
