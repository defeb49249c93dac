"""The catalog and a run's results as OSCAL 1.2.1 documents, which compliance-trestle 5.2.0 reads and validates."""

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


def observation(test: Test, result: Result, record: int) -> dict[str, Any]:
    """What was looked at, when, until when it counts, and where its signed record is."""
    counts = {"population": result.population, "passed": result.passed, "undecided": len(result.undecided)}
    return {
        "uuid": _uuid("observation", test.id, str(result.at)),
        "description": f"{test.kind} test {test.id}",
        "methods": ["EXAMINE" if test.kind in ("judgment", "records") else "TEST"],
        "types": ["control-objective"],
        "collected": _time(result.at),
        # A judgment counts from its sign-off, not from the run that found it.
        **({"expires": _time(result.at + test.fresh_minutes * 60)} if test.fresh_minutes else {}),
        "props": [_prop(name, str(value)) for name, value in counts.items()],
        "relevant-evidence": [
            {"href": f"records/{record:08}.json", "description": "Signed record of the run"}
        ],
    }


def results(inputs: Inputs, found: Mapping[str, Result], record: int) -> dict[str, Any]:
    """A run as assessment results. A test that does not apply is outside of the reviewed controls, and says so."""
    tests = {test.id: test for control in inputs.controls for test in control.tests}
    shown = [result for result in found.values() if result.state is not State.NOT_APPLICABLE]
    applicable = [
        control.id for control in inputs.controls if not all(test.not_applicable for test in control.tests)
    ]
    risks = {
        result.test: [_risk(waiver) for waiver in inputs.waivers if _covers(waiver, result)]
        for result in shown
    }
    observed = {result.test: observation(tests[result.test], result, record) for result in shown}
    plan_sha256 = _digest(inputs.controls)
    plan = _uuid("plan", plan_sha256)
    hashed = {"algorithm": "SHA-256", "value": plan_sha256}
    body = {
        "uuid": _uuid("result", str(inputs.now)),
        "title": f"Run {record}",
        "description": "Tests of controls by the compliance pipeline; management's evidence, not an auditor's opinion",
        "start": _time(inputs.now),
        "end": _time(inputs.now),
        "reviewed-controls": {
            "control-selections": [{"include-controls": [{"control-id": name} for name in applicable]}]
        },
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
            "import-ap": {"href": f"#{plan}"},
            "results": [{key: value for key, value in body.items() if value != []}],
            "back-matter": {
                "resources": [
                    {
                        "uuid": plan,
                        "title": "Test plan",
                        "rlinks": [{"href": "controls.yml", "hashes": [hashed]}],
                    }
                ]
            },
        }
    }


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
