"""From results to work: one open finding a test and resource, one notice to one owner, and a time by which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from examples.compliance_automation.catalog import Test
from examples.compliance_automation.evaluate import Result

DUE_MINUTES = {"critical": 60, "high": 24 * 60, "medium": 7 * 24 * 60, "low": 30 * 24 * 60}
CHECK = "(the check itself)"


@dataclass(frozen=True)
class Finding:
    test: str
    resource: str
    owner: str
    severity: str
    opened: int
    due: int
    acknowledged: int | None = None


Open = Mapping[tuple[str, str], Finding]


# --8<-- [start:route]
def route(open_: Open, test: Test, result: Result) -> tuple[dict[tuple[str, str], Finding], list[Finding]]:
    """The findings that are open after a run, and those to tell their owner of: each once, however often it is seen.

    A failure closes when its item passes, is excepted or has gone, in a run that nothing casts doubt on. A check that
    cannot say what it should is a finding as well, with the same owner.
    """
    bad = set(result.failed)
    unsure = bool(result.doubts or result.undecided)
    if unsure:
        bad |= {CHECK}
        bad |= {resource for known, resource in open_ if known == test.id and resource not in result.excepted}
    due = result.at + DUE_MINUTES[test.severity] * 60
    after = {key: finding for key, finding in open_.items() if key[0] != test.id}
    told = []
    for resource in sorted(bad):
        key = (test.id, resource)
        finding = open_.get(key) or Finding(*key, test.owner, test.severity, result.at, due)
        after[key] = finding
        if key not in open_:
            told.append(finding)
    return after, told


# --8<-- [end:route]


def acknowledge(open_: Open, key: tuple[str, str], now: int) -> dict[tuple[str, str], Finding]:
    """An owner has seen it. Raises KeyError if it is not open."""
    return {**open_, key: replace(open_[key], acknowledged=now)}


def escalate(open_: Open, now: int, after_minutes: int = 15) -> list[Finding]:
    """What goes to the owner's manager: a critical finding not acknowledged in time, and any that is overdue."""
    return [
        finding
        for finding in open_.values()
        if now > finding.due
        or (
            finding.severity == "critical"
            and finding.acknowledged is None
            and now - finding.opened >= after_minutes * 60
        )
    ]
