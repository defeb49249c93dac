"""How long a record is kept, by the class of its stream, in calendar months."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime

from examples.audit_logging.events import Class

MONTHS: dict[Class, int] = {"hospital": 72, "standard": 13}


def retain_until(sealed_us: int, kind: Class) -> datetime:
    """Return the retain-until date of an object: the lock is set once, when it is written, and never shortened."""
    start = datetime.fromtimestamp(sealed_us / 1_000_000, UTC)
    months = start.year * 12 + start.month - 1 + MONTHS[kind]
    year, month = divmod(months, 12)
    return start.replace(year=year, month=month + 1, day=min(start.day, monthrange(year, month + 1)[1]))


def is_over(sealed_us: int, kind: Class, now_us: int) -> bool:
    """Whether an object of the class may be gone."""
    return datetime.fromtimestamp(now_us / 1_000_000, UTC) > retain_until(sealed_us, kind)
