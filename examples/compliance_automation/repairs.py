"""What the pipeline may repair unasked. Nothing here can evict a node or cut a stream: there is no such action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from examples.compliance_automation.catalog import Test
from examples.compliance_automation.evaluate import Result
from examples.compliance_automation.snapshots import Snapshot

AT_ONCE = 5
"""More failures of one test at once mean a broken rule or collector, or an incident: a person decides."""


@dataclass(frozen=True)
class Repair:
    """One action on one resource. `before` is what the snapshot said of it, to undo the action by."""

    test: str
    resource: str
    action: str
    before: Mapping[str, Any]


def allowed(test: Test, result: Result, snapshots: Mapping[str, Snapshot]) -> list[Repair]:
    """The repairs that a run asks for, or none where a person must look first. An excepted resource is left alone."""
    if test.repair is None or len(result.failed) > AT_ONCE:
        return []
    known = {
        item["id"]: item
        for source in test.populations
        if source in snapshots
        for item in snapshots[source].items
    }
    return [Repair(test.id, name, test.repair, known[name]) for name in result.failed]
