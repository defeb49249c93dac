"""The catalog, the test plan and a run's results as OSCAL 1.2.1 documents, which compliance-trestle 5.2.0 reads.

Results import the plan and the plan names the catalog. The plan's system description is the one of the SOC 2 report, not an
OSCAL system security plan, so a tool that insists on one goes no further.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from examples.compliance_automation.catalog import Control, Test
from examples.compliance_automation.evaluate import Inputs, Result, State
from examples.compliance_automation.snapshots import digest
from examples.compliance_automation.waivers import Waiver

VERSION = "1.2.1"
OURS = "https://llm.example/ns/oscal"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, OURS)


def catalog(controls: Iterable[Control], now: int) -> dict[str, Any]:
    """The control catalog: each control with its criteria as properties, each test as an objective of its own."""
    controls = tuple(controls)
    return {
        "catalog": {
            "uuid": _uuid("catalog", _digest(controls)),
            "metadata": _metadata("Control framework", now),
            "controls": [_control(control) for control in controls],
        }
    }


# --8<-- [start:status]
def status(result: Result) -> dict[str, str]:
    """OSCAL's two states, and why. It has no "unknown", so what is not known to pass is not satisfied."""
    if result.state is State.PASS:
        return {"state": "satisfied", "reason": "pass"}
    failed = result.state in (State.FAIL, State.EXCEPTED)
    return {
        "state": "not-satisfied",
        "reason": "fail" if failed else "other",
        "remarks": "; ".join([str(result.state), *result.doubts]),
    }


def finding(test: Test, result: Result, observation: str, risks: list[str]) -> dict[str, Any]:
    """A test's result: which objective, which observation it rests on, which accepted risks it leaves."""
    return {
        "uuid": _uuid("finding", test.id, str(result.at)),
        "title": f"{test.id}: {result.state}",
        "description": f"{result.passed} of {result.population} items pass",
        "target": {"type": "objective-id", "target-id": test.id, "status": status(result)},
        "related-observations": [{"observation-uuid": observation}],
        **({"related-risks": [{"risk-uuid": risk} for risk in risks]} if risks else {}),
    }


# --8<-- [end:status]


def observation(test: Test, result: Result, collected: int, record: int) -> dict[str, Any]:
    """What was looked at, when it was collected, until when it counts, and where its signed record is."""
    counts = {
        "population": result.population,
        "passed": result.passed,
        "failed": len(result.failed),
        "excepted": len(result.excepted),
        "undecided": len(result.undecided),
    }
    return {
        "uuid": _uuid("observation", test.id, str(result.at)),
        "description": f"{test.kind} test {test.id}",
        "methods": ["EXAMINE" if test.kind in ("judgment", "records") else "TEST"],
        "types": ["control-objective"],
        "collected": _time(collected),
        "expires": _time(collected + (test.fresh_minutes or 1440 * (test.due_days or 0)) * 60),
        "props": [_prop(name, str(value)) for name, value in counts.items()],
        "relevant-evidence": [
            {"href": f"records/{record:08}.json", "description": "Signed record of the run"}
        ],
    }


def plan(controls: Iterable[Control], now: int) -> dict[str, Any]:
    """What the results import: which controls are tested, against which catalog, of which system."""
    controls = tuple(controls)
    system, tested = _uuid("system"), _uuid("catalog", _digest(controls))
    return {
        "assessment-plan": {
            "uuid": _uuid("plan", _digest(controls)),
            "metadata": _metadata("Test plan", now),
            "import-ssp": {"href": f"#{system}", "remarks": "A description in prose, not an OSCAL document"},
            "reviewed-controls": _reviewed(controls),
            "back-matter": {
                "resources": [
                    {"uuid": system, "title": "Management's description of the system"},
                    {
                        "uuid": tested,
                        "title": "Control framework",
                        "rlinks": [{"href": "catalog.json", "media-type": "application/json"}],
                    },
                ]
            },
        }
    }


def results(inputs: Inputs, found: Mapping[str, Result], record: int) -> dict[str, Any]:
    """A run as assessment results. A test that does not apply is outside of the reviewed controls, and says so."""
    tests = {test.id: test for control in inputs.controls for test in control.tests}
    shown = [result for result in found.values() if result.state is not State.NOT_APPLICABLE]
    risks = {
        result.test: [_risk(waiver) for waiver in inputs.waivers if _covers(waiver, result)]
        for result in shown
    }
    observed = {
        result.test: observation(tests[result.test], result, _collected(tests[result.test], inputs), record)
        for result in shown
    }
    planned = plan(inputs.controls, inputs.now)["assessment-plan"]
    body = {
        "uuid": _uuid("result", str(inputs.now)),
        "title": f"Run {record}",
        "description": "Tests of controls by the compliance pipeline; management's evidence, not an auditor's opinion",
        "start": _time(inputs.now),
        "end": _time(inputs.now),
        "reviewed-controls": _reviewed(inputs.controls),
        "observations": list(observed.values()),
        "risks": [risk for some in risks.values() for risk in some],
        "findings": [
            finding(
                tests[result.test],
                result,
                observed[result.test]["uuid"],
                [r["uuid"] for r in risks[result.test]],
            )
            for result in shown
        ],
    }
    return {
        "assessment-results": {
            "uuid": _uuid("assessment", str(inputs.now), str(record)),
            "metadata": _metadata("Continuous monitoring", inputs.now),
            "import-ap": {"href": f"#{planned['uuid']}"},
            "results": [{key: value for key, value in body.items() if value != []}],
            "back-matter": {
                "resources": [
                    {
                        "uuid": planned["uuid"],
                        "title": "Test plan",
                        "rlinks": [{"href": "assessment-plan.json", "media-type": "application/json"}],
                    }
                ]
            },
        }
    }


def _reviewed(controls: Iterable[Control]) -> dict[str, Any]:
    names = [control.id for control in controls if not all(test.not_applicable for test in control.tests)]
    return {"control-selections": [{"include-controls": [{"control-id": name} for name in names]}]}


def _collected(test: Test, inputs: Inputs) -> int:
    """When the oldest of what a test rests on was captured; the run's own time if nothing was."""
    sources = (*test.populations, *test.references.values(), *([test.witness] if test.witness else []))
    times = [inputs.snapshots[source].captured_at for source in sources if source in inputs.snapshots]
    signed = [given.at for given in inputs.attestations if given.test == test.id and given.at <= inputs.now]
    return min(times) if times else max(signed, default=inputs.now)


def _control(control: Control) -> dict[str, Any]:
    named = {"tsc": control.criteria, "annex-a": control.annex_a, "iso-clause": control.clauses}
    return {
        "id": control.id,
        "title": control.title,
        "props": [_prop(name, value) for name, values in named.items() for value in values],
        "parts": [
            {"id": f"{control.id}_smt", "name": "statement", "prose": control.title},
            *(
                {
                    "id": test.id,
                    "name": "assessment-objective",
                    "prose": f"{test.kind} test, owner {test.owner}",
                }
                for test in control.tests
            ),
        ],
    }


def _digest(controls: Iterable[Control]) -> str:
    return digest([control.model_dump(mode="json") for control in controls])


def _covers(waiver: Waiver, result: Result) -> bool:
    return waiver.test == result.test and waiver.resource in result.excepted


def _risk(waiver: Waiver) -> dict[str, Any]:
    return {
        "uuid": _uuid("risk", waiver.id),
        "title": f"Exception {waiver.id}: {waiver.resource}",
        "description": waiver.reason,
        "statement": f"In its place: {waiver.compensating}",
        "status": "deviation-approved",
        "deadline": f"{waiver.expires.isoformat()}T00:00:00+00:00",
        "props": [_prop("owner", waiver.owner), _prop("approver", waiver.approver)],
    }


def _metadata(title: str, now: int) -> dict[str, Any]:
    return {"title": title, "last-modified": _time(now), "version": "1", "oscal-version": VERSION}


def _prop(name: str, value: str) -> dict[str, str]:
    return {"name": name, "ns": OURS, "value": value}


def _time(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _uuid(*of: str) -> str:
    """The same thing has the same identifier in every export."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(of)))
