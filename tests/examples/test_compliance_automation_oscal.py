"""OSCAL documents, read and validated by compliance-trestle, whose models are generated from NIST's schema."""

from __future__ import annotations

import copy
import json
from argparse import Namespace
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError
from trestle.common.const import VAL_MODE_ALL
from trestle.core.validator_factory import validator_factory
from trestle.oscal import OSCAL_VERSION
from trestle.oscal.assessment_plan import AssessmentPlan
from trestle.oscal.assessment_results import AssessmentResults
from trestle.oscal.catalog import Catalog

from examples.compliance_automation import estate, oscal
from examples.compliance_automation.evaluate import Inputs, Result, State, run

INPUTS = estate.inputs()
FOUND = run(INPUTS)
TESTS = {test.id: test for control in INPUTS.controls for test in control.tests}
CATALOG = oscal.catalog(INPUTS.controls, INPUTS.now)
PLAN = oscal.plan(INPUTS.controls, INPUTS.now)
RESULTS = oscal.results(INPUTS, FOUND, 1)
RUN = RESULTS["assessment-results"]["results"][0]


def read(document: dict[str, Any]) -> Any:
    """The document as trestle reads it: parsed by its model, then asked of all its validators. Raises ValueError."""
    (name, body), *rest = document.items()
    assert not rest
    models = {"catalog": Catalog, "assessment-plan": AssessmentPlan, "assessment-results": AssessmentResults}
    model = models[name](**copy.deepcopy(body))
    validator = validator_factory.get(Namespace(mode=VAL_MODE_ALL))
    if not validator.model_is_valid(model, quiet=True):
        raise ValueError(validator.error_msg())
    return model


def broken(document: dict[str, Any], change: Any) -> dict[str, Any]:
    other = copy.deepcopy(document)
    change(other)
    return other


def test_trestle_reads_all_and_gives_back_what_it_read():
    assert len(validator_factory.get_all()) > 3  # none is skipped unheard
    assert OSCAL_VERSION == oscal.VERSION
    for document in (CATALOG, PLAN, RESULTS):
        again = json.loads(read(document).oscal_serialize_json())
        assert again == document


def first(document: dict[str, Any]) -> dict[str, Any]:
    return document["assessment-results"]["results"][0]


@pytest.mark.parametrize(
    "change",
    [
        lambda d: first(d)["findings"][0]["target"]["status"].update(state="unknown"),
        lambda d: first(d)["findings"][0]["target"].update(type="test"),
        lambda d: first(d)["findings"][0].pop("target"),
        lambda d: first(d)["observations"][0].pop("collected"),
        lambda d: first(d)["observations"][0].update(methods=[]),
        lambda d: first(d)["observations"][0].update(collected="2026-11-25T12:00:00"),
        lambda d: first(d)["observations"][0].update(score="100%"),
        lambda d: first(d).pop("reviewed-controls"),
        lambda d: first(d)["risks"][0].pop("statement"),
        lambda d: d["assessment-results"].pop("import-ap"),
        lambda d: d["assessment-results"].update(uuid="1"),
        lambda d: first(d)["findings"][1].update(uuid=first(d)["findings"][0]["uuid"]),
    ],
)
def test_broken_results_are_refused(change):
    with pytest.raises((ValidationError, ValueError)):
        read(broken(RESULTS, change))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["catalog"]["controls"][0].pop("title"),
        lambda d: d["catalog"]["controls"][0].update(id="1 chg"),
        lambda d: d["catalog"]["controls"][0]["props"][0].pop("value"),
        lambda d: d["catalog"]["metadata"].pop("oscal-version"),
        lambda d: d["catalog"].update(controls=[]),
    ],
)
def test_a_broken_catalog_is_refused(change):
    with pytest.raises((ValidationError, ValueError)):
        read(broken(CATALOG, change))


def test_every_reference_leads_somewhere():
    """What trestle does not check."""
    objectives = {part["id"] for control in CATALOG["catalog"]["controls"] for part in control["parts"]}
    observed = {row["uuid"] for row in RUN["observations"]}
    risks = {row["uuid"] for row in RUN["risks"]}
    for row in RUN["findings"]:
        assert row["target"]["target-id"] in objectives
        assert {found["observation-uuid"] for found in row["related-observations"]} <= observed
        assert {risk["risk-uuid"] for risk in row.get("related-risks", [])} <= risks
    resources = RESULTS["assessment-results"]["back-matter"]["resources"]
    assert RESULTS["assessment-results"]["import-ap"]["href"] == f"#{resources[0]['uuid']}"
    planned = PLAN["assessment-plan"]
    assert (resources[0]["uuid"], resources[0]["rlinks"][0]["href"]) == (
        planned["uuid"],
        "assessment-plan.json",
    )
    system, framework = planned["back-matter"]["resources"]
    assert planned["import-ssp"]["href"] == f"#{system['uuid']}"
    assert (framework["uuid"], framework["rlinks"][0]["href"]) == (CATALOG["catalog"]["uuid"], "catalog.json")
    assert planned["reviewed-controls"] == RUN["reviewed-controls"]
    reviewed = RUN["reviewed-controls"]["control-selections"][0]["include-controls"]
    assert "vid-1" not in {row["control-id"] for row in reviewed}
    assert len(reviewed) == 8


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.PASS, ("satisfied", "pass")),
        (State.FAIL, ("not-satisfied", "fail")),
        (State.EXCEPTED, ("not-satisfied", "fail")),
        (State.UNKNOWN, ("not-satisfied", "other")),
        (State.NO_OCCURRENCE, ("not-satisfied", "other")),
        (State.NOT_APPLICABLE, ("not-satisfied", "other")),
    ],
)
def test_only_a_pass_is_satisfied(state, said):
    status = oscal.status(Result("t", state, 0))
    assert (status["state"], status["reason"]) == said


def test_the_estates_findings():
    by_test = {row["target"]["target-id"]: row for row in RUN["findings"]}
    assert by_test["sup-1.review"]["target"]["status"] == {
        "state": "not-satisfied",
        "reason": "other",
        "remarks": "unknown; never signed off",
    }
    assert by_test["chg-1.promotions"]["description"] == "41 of 45 items pass"
    assert by_test["prv-1.routes"]["target"]["status"]["state"] == "satisfied"
    (risk,) = RUN["risks"]
    assert risk["status"] == "deviation-approved"
    assert risk["deadline"] == "2026-12-01T00:00:00+00:00"
    assert by_test["sto-1.stores"]["related-risks"] == [{"risk-uuid": risk["uuid"]}]


def test_a_risk_is_an_exception_that_the_result_rests_on():
    (waiver,) = INPUTS.waivers
    waivers = (
        waiver,
        waiver.model_copy(update={"id": "w-other-test", "test": "ret-1.stores"}),
        waiver.model_copy(update={"id": "w-other-store", "resource": "acct-1/store-09"}),
    )
    (risk,) = oscal_run(replace(INPUTS, waivers=waivers))["risks"]
    assert risk["title"] == f"Exception {waiver.id}: acct-1/docs-site"
    assert risk["description"] == waiver.reason
    assert [(prop["name"], prop["value"]) for prop in risk["props"]] == [
        ("owner", waiver.owner),
        ("approver", waiver.approver),
    ]
    assert waiver.owner != waiver.approver
    without = oscal.results(replace(INPUTS, waivers=()), FOUND, 1)
    assert "risks" not in first(without)  # an empty list is no OSCAL
    read(without)


def test_an_observation_counts_what_failed_and_what_nobody_decided():
    unknown = replace(FOUND["ret-1.stores"], undecided=("a", "b"))
    counts = {
        prop["name"]: prop["value"]
        for prop in oscal.observation(TESTS["ret-1.stores"], unknown, INPUTS.now, 1)["props"]
    }
    assert (counts["failed"], counts["undecided"]) == ("1", "2")


def test_an_observation_is_as_old_as_the_oldest_of_what_it_rests_on():
    old = {
        source: INPUTS.snapshots[source].model_copy(update={"captured_at": INPUTS.now - seconds})
        for source, seconds in (("legal/terms", 600), ("fleet/first-loads", 1200))
    }
    (signed,) = INPUTS.attestations
    others = (
        replace(signed, at=signed.at - 86400),
        replace(signed, at=INPUTS.now + 1),  # dated ahead
        replace(signed, at=INPUTS.now - 60, test="sup-1.review"),
    )
    inputs = replace(INPUTS, snapshots=INPUTS.snapshots | old, attestations=(others[0], signed, *others[1:]))
    seen = {row["description"].split()[-1]: row for row in oscal_run(inputs)["observations"]}
    # Captured 11:50 and good for 30 minutes; the estate's run is at 12:00.
    assert seen["prv-1.routes"]["collected"] == "2026-11-25T11:50:00+00:00"
    assert seen["prv-1.routes"]["expires"] == "2026-11-25T12:20:00+00:00"
    assert seen["sto-1.stores"]["collected"] == "2026-11-25T12:00:00+00:00"
    # Its second source, by which an item that is missing shows, is as much of it as its population.
    assert seen["chg-1.promotions"]["collected"] == "2026-11-25T11:40:00+00:00"
    # A judgment counts from its sign-off, 200 days ago, for 365 days.
    assert seen["rsk-1.assessment"]["collected"] == "2026-05-09T12:00:00+00:00"
    assert seen["rsk-1.assessment"]["expires"] == "2027-05-09T12:00:00+00:00"
    counts = {prop["name"]: prop["value"] for prop in seen["sto-1.stores"]["props"]}
    assert {row["relevant-evidence"][0]["href"] for row in seen.values()} == {"records/00000001.json"}
    methods = {test: row["methods"] for test, row in seen.items()}
    assert {test for test, method in methods.items() if method == ["EXAMINE"]} == {
        "acc-1.reviews",
        "rsk-1.assessment",
        "sup-1.review",
    }
    assert methods["sto-1.stores"] == ["TEST"]
    assert counts == {"population": "180", "passed": "179", "failed": "0", "excepted": "1", "undecided": "0"}


def oscal_run(inputs: Inputs) -> dict[str, Any]:
    return first(oscal.results(inputs, FOUND, 1))


def test_the_same_run_gives_the_same_document():
    assert oscal.results(estate.inputs(), FOUND, 1) == RESULTS


def test_another_run_has_other_identifiers_and_the_same_plan_and_risks():
    later = replace(INPUTS, now=INPUTS.now + 900)
    other = oscal.results(later, {test: replace(row, at=later.now) for test, row in FOUND.items()}, 2)

    def uuids(document: dict[str, Any]) -> set[str]:
        body, run_ = document["assessment-results"], first(document)
        rows = [body, run_, *run_["observations"], *run_["findings"]]
        return {row["uuid"] for row in rows}

    assert len(uuids(RESULTS)) == 2 + len(RUN["observations"]) + len(RUN["findings"])
    assert not uuids(RESULTS) & uuids(other)
    assert first(other)["risks"] == RUN["risks"]
    assert other["assessment-results"]["import-ap"] == RESULTS["assessment-results"]["import-ap"]


def test_both_frameworks_are_in_the_catalog():
    control = CATALOG["catalog"]["controls"][0]
    named = {(prop["name"], prop["value"]) for prop in control["props"]}
    assert named == {("tsc", "CC8.1"), ("annex-a", "8.32"), ("annex-a", "8.29")}
