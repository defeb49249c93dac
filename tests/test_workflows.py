"""What the linters do not know of publishing: who may write, and that the tested files are the ones published."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.y*ml"))


@pytest.fixture(scope="module")
def site() -> dict[Any, Any]:
    """The workflow that checks and publishes."""
    workflow: dict[Any, Any] = yaml.safe_load(
        (ROOT / ".github/workflows/site.yml").read_text(encoding="utf-8")
    )
    return workflow


def step_using(job: dict[str, Any], text: str) -> int:
    """The position of the one step whose action or command starts with `text`."""
    found = [i for i, step in enumerate(job["steps"]) if (step.get("uses") or step["run"]).startswith(text)]
    assert len(found) == 1, f"{len(found)} steps use {text}"
    return found[0]


def test_every_pull_request_and_only_main_start_it(site: dict[Any, Any]) -> None:
    # YAML 1.1 reads the key `on` as true.
    assert site[True] == {"pull_request": None, "push": {"branches": ["main"]}}


def test_what_was_tested_is_what_is_published(site: dict[Any, Any]) -> None:
    check, publish = site["jobs"]["check"], site["jobs"]["publish"]
    test = step_using(check, "make check")
    upload = step_using(check, "actions/upload-pages-artifact@")

    assert check["steps"][test]["env"]["SITE_DIR"] == check["steps"][upload]["with"]["path"]
    # Directly after the tests: nothing can change the folder in between.
    assert upload == test + 1
    assert publish["needs"] == "check"
    assert publish["if"] == "github.event_name == 'push'"


def test_one_matrix_entry_publishes_and_only_on_main(site: dict[Any, Any]) -> None:
    publish = [entry["publish"] for entry in site["jobs"]["check"]["strategy"]["matrix"]["include"]]
    assert [value for value in publish if value is not False] == ["${{ github.event_name == 'push' }}"]


def test_the_entry_that_publishes_is_built_for_the_address_that_pages_serves(site: dict[Any, Any]) -> None:
    entries = site["jobs"]["check"]["strategy"]["matrix"]["include"]
    # The others have an address of their own, which comes before it.
    assert [entry.get("domain") is None for entry in entries] == [
        entry["publish"] is not False for entry in entries
    ]
    steps = site["jobs"]["check"]["steps"]
    address = steps[step_using(site["jobs"]["check"], "make check")]["env"]["SITE_URL"]
    assert address.split()[:6] == [
        "${{",
        "matrix.domain",
        "||",
        "steps.pages.outputs.base_url",
        "||",
        "format('https://{0}.github.io/{1}',",
    ]


def test_what_is_published_comes_from_no_cache(site: dict[Any, Any]) -> None:
    check = site["jobs"]["check"]
    assert check["steps"][step_using(check, "actions/cache@")]["if"] == "${{ !matrix.publish }}"


def test_no_job_that_runs_code_of_the_repository_may_write() -> None:
    assert WORKFLOWS
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert workflow["permissions"] == {}, path.name
        for name, job in workflow["jobs"].items():
            uses = [step.get("uses", "") for step in job["steps"]]
            # What a `run` says is in the workflow, and reviewed with it; what it starts would be the repository's.
            has_code = any(action.startswith("actions/checkout@") for action in uses)
            runs_code = has_code and any("run" in step for step in job["steps"])
            runs_code |= any(action.startswith((".", "$")) for action in uses)
            may_write = "write" in job["permissions"].values()
            assert not (runs_code and may_write), f"{path.name}: {name}"


def test_page_dates_get_the_whole_history(site: dict[Any, Any]) -> None:
    check = site["jobs"]["check"]
    assert check["steps"][step_using(check, "actions/checkout@")]["with"]["fetch-depth"] == 0


def test_links_are_checked_by_schedule_and_no_contributor_waits_for_it(site: dict[Any, Any]) -> None:
    links = yaml.safe_load((ROOT / ".github/workflows/links.yml").read_text(encoding="utf-8"))
    assert set(links[True]) == {"schedule", "workflow_dispatch"}
    check, propose = links["jobs"]["check"], links["jobs"]["propose"]
    keep = step_using(check, "actions/upload-artifact@")
    due = [
        i for i, step in enumerate(check["steps"]) if step.get("run", "").endswith("python -m references due")
    ]
    # What was found is kept and proposed also where something is due, which fails the run.
    assert due == [keep + 1] == [len(check["steps"]) - 1]
    assert propose["needs"] == "check"
    assert propose["if"] == "${{ !cancelled() && needs.check.outputs.found }}"
    assert "references" not in json.dumps(site)


def test_what_is_published_is_attested_in_a_job_that_runs_nothing_of_the_repository(
    site: dict[Any, Any],
) -> None:
    attest, upload = site["jobs"]["attest"], site["jobs"]["check"]["steps"]
    assert attest["needs"] == "check"
    assert attest["if"] == site["jobs"]["publish"]["if"]
    assert attest["permissions"] == {"id-token": "write", "attestations": "write"}
    step = attest["steps"][step_using(attest, "actions/attest@")]
    # What `gh attestation verify` is asked about, by SECURITY.md.
    assert step["with"]["subject-path"].split() == ["artifact.tar", "offline.json", "worker.js"]
    assert any(action.get("uses", "").startswith("actions/upload-pages-artifact@") for action in upload)


def test_the_audit_by_schedule_fails_without_its_database() -> None:
    audit = yaml.safe_load((ROOT / ".github/workflows/audit.yml").read_text(encoding="utf-8"))
    assert set(audit[True]) == {"schedule", "workflow_dispatch"}
    (job,) = audit["jobs"].values()
    step = job["steps"][step_using(job, "python -m lint.audit")]
    assert step["env"]["AUDIT_REQUIRED"] == "true"


def test_npm_locks_have_hashes_and_no_registry() -> None:
    locks = sorted(ROOT.glob("*/package-lock.json"))
    assert {file.parent.name for file in locks} == {"lighthouse", "lint", "vendor"}
    for file in locks:
        packages = json.loads(file.read_text(encoding="utf-8"))["packages"]
        locked = {name: package for name, package in packages.items() if name}
        assert locked
        for name, package in locked.items():
            assert package["integrity"].startswith("sha512-"), f"{file.parent.name}: {name}"
            assert "resolved" not in package, f"{file.parent.name}: {name}"


def test_ci_entry_point_is_executable() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)
