"""Evidence that shows what was done to it, findings that are told of once, and the command."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from examples.compliance_automation import catalog, estate, evidence, findings
from examples.compliance_automation import run as command
from examples.compliance_automation.evaluate import Inputs, Result, State, run
from examples.compliance_automation.rego import Rules
from examples.compliance_automation.snapshots import digest

ROOT = Path(__file__).parents[2]
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key()
TESTS = {test.id: test for control in catalog.load() for test in control.tests}


def inputs_at(now: int) -> Inputs:
    """Two controls of the estate, to be quick: stores that are public, and the gateway's routes."""
    made = {
        name: items[:5]
        for name, items in estate.sources().items()
        if name.startswith("acct-") or name in ("gateway/routes", "egress/flows", "legal/terms")
    }
    controls = tuple(control for control in catalog.load() if control.id in ("sto-1", "prv-1"))
    return replace(estate.inputs(made, now), controls=controls)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> tuple[Path, list[evidence.Head]]:
    """Three runs, fifteen minutes apart."""
    folder = tmp_path_factory.mktemp("evidence")
    heads = []
    for number in range(3):
        inputs = inputs_at(estate.NOW + 900 * number)
        heads.append(evidence.record(folder, inputs, run(inputs), KEY))
    return folder, heads


@pytest.fixture
def folder(recorded, tmp_path) -> Path:
    return Path(shutil.copytree(recorded[0], tmp_path / "copy"))


def faults(folder: Path, witnessed: evidence.Head | None = None, every: int = 15) -> list[str]:
    return list(evidence.verify(folder, PUBLIC, witnessed, every))


def rewrite(path: Path, change, key: Ed25519PrivateKey | None = None) -> None:
    """Change a record's body; sign it again with `key`, if given."""
    signed = json.loads(path.read_text())
    change(signed["body"])
    if key:
        signed["signature"] = key.sign(evidence.canonical(signed["body"])).hex()
    path.write_text(json.dumps(signed))


def nth(folder: Path, number: int) -> Path:
    return folder / "records" / f"{number:08}.json"


def test_untouched_evidence_has_no_fault(recorded):
    folder, heads = recorded
    assert faults(folder) == []
    assert list(evidence.verify(folder, PUBLIC, heads[1], 15, estate.NOW + 1800 + 900)) == []


def test_a_record_says_who_asked_what_when_and_of_how_many(recorded):
    body = json.loads(nth(recorded[0], 2).read_text())["body"]
    source = body["sources"]["acct-1/stores"]
    assert len(source.pop("items")) == 64
    assert source == {
        "source": "acct-1/stores",
        "collector": "collector@evidence",
        "query": "list acct-1/stores",
        "captured_at": estate.NOW + 900,
        "count": 5,
        "complete": True,
        "error": None,
    }
    stores = next(row for row in body["results"] if row["test"] == "sto-1.stores")
    assert (stores["state"], stores["population"], stores["passed"]) == ("excepted", 29, 28)
    assert body["engine"] == evidence.engine()
    assert body["engine"].startswith("regopy 1.5.2, evaluator ")


class TestTampering:
    def test_a_failure_turned_into_a_pass(self, folder):
        def heal(body):
            for row in body["results"]:
                row |= {"state": "pass", "failed": [], "passed": row["population"]}

        rewrite(nth(folder, 2), heal)
        assert faults(folder) == [
            "record 2: altered, or signed by somebody else",
            "record 2: its inputs do not give its results",
            "record 3: does not follow the one before",
        ]

    def test_and_signed_by_whoever_has_the_key(self, folder):
        """The signature holds; running it again does not."""

        def heal(body):
            body["results"][0] |= {"state": "pass", "passed": 30, "excepted": []}

        rewrite(nth(folder, 3), heal, KEY)
        assert faults(folder) == ["record 3: its inputs do not give its results"]

    def test_signed_with_another_key(self, folder):
        rewrite(nth(folder, 3), lambda body: None, Ed25519PrivateKey.generate())
        assert faults(folder) == ["record 3: altered, or signed by somebody else"]

    def test_an_input_edited(self, folder):
        sha256 = json.loads(nth(folder, 1).read_text())["body"]["sources"]["acct-1/stores"]["items"]
        path = folder / "objects" / f"{sha256}.json"
        path.write_text(path.read_text().replace('"public":true', '"public":false'))
        altered = f"object {sha256[:8]} was altered"
        assert faults(folder) == [f"record {number}: {altered}" for number in (1, 2, 3)]

    def test_what_was_altered_is_not_healed_by_the_next_run(self, folder):
        """Else the proof of tampering would be gone within 15 minutes."""
        sha256 = json.loads(nth(folder, 1).read_text())["body"]["sources"]["acct-1/stores"]["items"]
        (folder / "objects" / f"{sha256}.json").write_text("[]")
        inputs = inputs_at(estate.NOW + 2700)
        evidence.record(folder, inputs, run(inputs), KEY)
        assert len([fault for fault in faults(folder) if "was altered" in fault]) == 4

    def test_a_count_that_is_not_the_items(self, folder):
        rewrite(nth(folder, 3), lambda body: body["sources"]["acct-1/stores"].update(count=6), KEY)
        assert faults(folder) == ["record 3: acct-1/stores: 5 items, not 6"]

    def test_a_run_dated_back(self, folder):
        """Evidence for a time at which nothing ran, made afterward with the key."""
        for at in (1000, 1000):
            inputs = inputs_at(estate.NOW + at)
            evidence.record(folder, inputs, run(inputs), KEY)
        assert faults(folder) == [
            "record 4: not dated after the one before",
            "record 5: not dated after the one before",
        ]

    @pytest.mark.parametrize(
        ("text", "first"),
        [
            ("", "record 2: cannot be read"),
            ("[]", "record 2: cannot be read"),
            ('{"body": {}, "signature": "00"}', "record 2: cannot be read"),
            (
                '{"body": {"number": 2, "previous": null, "at": 1}, "signature": "zz"}',
                "record 2: cannot be read",
            ),
            ('{"body": {"number": 2, "previous": null, "at": 1}, "signature": "00"}', "record 2: altered"),
        ],
    )
    def test_what_is_no_record(self, folder, text, first):
        nth(folder, 2).write_text(text)
        found = faults(folder)
        assert found[0].startswith(first)
        assert "record 3: does not follow the one before" in found

    @pytest.mark.parametrize("part", ["controls", "rules", "waivers", "attestations"])
    def test_a_record_without_a_part_of_its_inputs(self, folder, part):
        rewrite(nth(folder, 3), lambda body: body["objects"].pop(part), KEY)
        assert faults(folder) == ["record 3: its inputs are not all there"]

    def test_what_another_evaluator_made_is_run_with_that(self, folder):
        rewrite(nth(folder, 3), lambda body: body.update(engine="regopy 1.4"), KEY)
        assert faults(folder) == ["record 3: made by regopy 1.4: run it again with that"]

    def test_an_input_removed(self, folder):
        sha256 = json.loads(nth(folder, 1).read_text())["body"]["objects"]["rules"]
        (folder / "objects" / f"{sha256}.json").unlink()
        assert len(faults(folder)) == 3  # every run used these rules

    def test_a_record_removed_from_the_middle(self, folder):
        nth(folder, 2).unlink()
        assert faults(folder) == [
            "record 2: does not follow the one before",
            "record 2: nothing ran for 30 minutes",
        ]

    def test_the_end_cut_off_shows_only_beside_a_witness(self, folder, recorded):
        nth(folder, 3).unlink()
        assert faults(folder) == []
        assert faults(folder, recorded[1][2]) == ["the witness saw 3 records, 2 are here"]

    def test_a_history_written_again_shows_only_beside_a_witness(self, tmp_path, recorded):
        inputs = inputs_at(estate.NOW)
        inputs = replace(inputs, waivers=())
        evidence.record(tmp_path, inputs, run(inputs), KEY)
        assert faults(tmp_path) == []
        assert faults(tmp_path, recorded[1][0]) == ["record 1: not the one that the witness saw"]

    def test_a_softer_rule_is_another_object(self, folder):
        """A run with a softer rule verifies: its digest tells, and the rule's text is kept."""
        inputs = inputs_at(estate.NOW + 2700)
        soft = Rules({**inputs.rules.texts, "storage": inputs.rules.texts["storage"].replace("true", "7")})
        changed = replace(inputs, rules=soft)
        evidence.record(folder, changed, run(changed), KEY)
        assert faults(folder) == []
        used = [
            json.loads(nth(folder, number).read_text())["body"]["objects"]["rules"] for number in (1, 2, 3, 4)
        ]
        assert len(set(used)) == 2
        assert used[0] == used[2] != used[3]


def test_one_value_has_one_spelling():
    """What an auditor's own program hashes: keys in order, no space, UTF-8."""
    assert evidence.canonical({"b": [1, None], "a": {"d": "é", "c": True}}) == (
        '{"a":{"c":true,"d":"é"},"b":[1,null]}'.encode()
    )


def test_the_engine_is_every_module_that_a_verdict_follows_from():
    """Else a record would be run again by other code, and its results be called altered."""
    used: set[str] = set()
    left = ["evaluate"]
    while left:
        used.add(module := left.pop())
        text = (ROOT / f"examples/compliance_automation/{module}.py").read_text()
        left += set(re.findall(r"^from examples\.compliance_automation\.(\w+) import", text, re.M)) - used
    assert used == set(evidence.EVALUATOR)


def test_another_text_of_the_evaluator_is_another_engine(monkeypatch):
    before = evidence.engine()
    monkeypatch.setattr(evidence, "EVALUATOR", ("evaluate",))
    evidence.engine.cache_clear()
    assert evidence.engine() != before
    evidence.engine.cache_clear()


def test_two_recorders_cannot_fork_the_chain(folder, monkeypatch):
    monkeypatch.setattr(evidence, "heads", lambda folder, last: [(2, "b")])
    inputs = inputs_at(estate.NOW + 2700)
    with pytest.raises(FileExistsError):
        evidence.record(folder, inputs, {}, KEY)
    assert len(list((folder / "records").iterdir())) == 3


@pytest.mark.parametrize("kind", ["records", "objects"])
def test_a_second_version_of_a_key_is_a_fault(folder, kind):
    """Object Lock keeps the first version and lets a second come: the newest is what a plain read gets."""
    path = sorted((folder / kind).iterdir())[1]
    shutil.copy(path, path.with_suffix(".2.json"))
    assert f"{path.stem}: 2 versions" in faults(folder)


@pytest.mark.parametrize("step", ["fsync", "utime"])
def test_a_recorder_that_dies_leaves_no_half_record(step, folder, monkeypatch):
    def die(*_: object) -> None:
        raise OSError("no space left")

    before = set(folder.glob("*/*"))
    monkeypatch.setattr(evidence.os, step, die)
    inputs = inputs_at(estate.NOW + 2700)
    with pytest.raises(OSError, match="no space"):
        evidence.record(folder, replace(inputs, controls=(), waivers=()), {}, KEY)
    monkeypatch.undo()
    assert set(folder.glob("*/*")) == before
    assert faults(folder) == []
    assert evidence.record(folder, inputs, run(inputs), KEY)[0] == 4


def test_runs_that_stop_show_beside_the_time(recorded):
    folder, heads = recorded
    late = estate.NOW + 1800 + 901
    assert list(evidence.verify(folder, PUBLIC, heads[2], 15, late)) == ["nothing ran after record 3"]


def test_an_empty_folder_is_no_evidence(tmp_path):
    assert list(evidence.verify(tmp_path, PUBLIC, None, 15, estate.NOW)) == ["nothing ran after record 0"]
    assert list(evidence.verify(tmp_path, PUBLIC, (1, "a"), 15)) == ["the witness saw 1 records, 0 are here"]


def test_a_missed_run_is_a_gap(folder):
    assert faults(folder, every=14) == [
        "record 2: nothing ran for 15 minutes",
        "record 3: nothing ran for 15 minutes",
    ]


def test_the_same_input_is_kept_once(recorded):
    folder, _ = recorded
    # Six accounts, routes, flows, terms; controls, rules, waivers, attestations: three runs, one copy.
    assert len(list((folder / "objects").glob("*"))) == 9 + 4
    assert all(path.stem == digest(json.loads(path.read_text())) for path in (folder / "objects").glob("*"))


def of_the_rules(folder: Path) -> Path:
    sha256 = json.loads(nth(folder, 1).read_text())["body"]["objects"]["rules"]
    return folder / "objects" / f"{sha256}.json"


def test_an_object_is_locked_as_long_as_the_newest_record_that_names_it(folder):
    # The rules of month 0 are those of month 20 too.
    late = inputs_at(estate.NOW + 600 * 86400)
    assert evidence.locked_until(of_the_rules(folder)) == estate.NOW + 1800 + evidence.KEPT
    evidence.record(folder, late, run(late), KEY)
    assert evidence.locked_until(of_the_rules(folder)) == late.now + evidence.KEPT
    assert evidence.locked_until(nth(folder, 1)) == estate.NOW + evidence.KEPT
    assert evidence.locked_until(nth(folder, 4)) == late.now + evidence.KEPT


def test_a_lock_never_shrinks(folder):
    evidence.record(folder, inputs_at(estate.NOW), {}, KEY)
    assert evidence.locked_until(of_the_rules(folder)) == estate.NOW + 1800 + evidence.KEPT


def test_a_sources_items_that_are_free_before_their_record_are_a_fault(folder):
    sha256 = json.loads(nth(folder, 1).read_text())["body"]["sources"]["acct-1/stores"]["items"]
    os.utime(folder / "objects" / f"{sha256}.json", (0, estate.NOW + evidence.KEPT))
    fault = f"object {sha256[:8]} is unlocked too early"
    assert faults(folder) == [f"record {number}: {fault}" for number in (2, 3)]


def test_an_object_that_is_free_before_its_record_is_a_fault(folder):
    path = of_the_rules(folder)
    os.utime(path, (0, estate.NOW + evidence.KEPT))
    fault = f"object {path.stem[:8]} is unlocked too early"
    assert faults(folder) == [f"record {number}: {fault}" for number in (2, 3)]
    # Whoever makes it so, as by a copy without dates, hides nothing by it.
    rewrite(nth(folder, 3), lambda body: body["results"][0].update(state="pass", failed=[]), KEY)
    assert faults(folder) == [
        *(f"record 2: {fault}", "record 3: its inputs do not give its results"),
        f"record 3: {fault}",
    ]


# --- Findings -----------------------------------------------------------------------------------------------------

STORES = TESTS["sto-1.stores"]


def result(at: int, *failed: str, **more: object) -> Result:
    state = State.FAIL if failed else State.UNKNOWN if more.get("doubts") else State.PASS
    return Result("sto-1.stores", state, at, 10, 10 - len(failed), failed, **more)  # type: ignore[arg-type]


def test_a_day_of_scans_tells_once():
    open_: findings.Open = {}
    told = []
    for scan in range(96):
        open_, new = findings.route(open_, STORES, result(900 * scan, "a", "b"))
        told += new
    assert [(finding.resource, finding.owner, finding.opened) for finding in told] == [
        ("a", "cloud-platform", 0),
        ("b", "cloud-platform", 0),
    ]
    assert told[0].due == 3600
    open_, new = findings.route(open_, STORES, result(96 * 900, "b"))
    assert (list(open_), new) == ([("sto-1.stores", "b")], [])


def test_a_check_that_falls_silent_closes_nothing_and_is_a_finding():
    open_, _ = findings.route({}, STORES, result(0, "a"))
    open_, told = findings.route(open_, STORES, result(900, doubts=("acct-1/stores: not collected",)))
    assert [finding.resource for finding in told] == [findings.CHECK]
    assert {resource for _, resource in open_} == {"a", findings.CHECK}
    open_, told = findings.route(open_, STORES, result(1800))
    assert (open_, told) == ({}, [])


def test_an_expired_exception_is_told_again():
    open_, first = findings.route({}, STORES, result(0, "a"))
    open_, _ = findings.route(open_, STORES, result(900, excepted=("a",)))
    assert open_ == {}
    open_, again = findings.route(open_, STORES, result(1800, "a"))
    assert (len(first), len(again), again[0].opened) == (1, 1, 1800)


def test_an_excepted_item_closes_even_in_a_doubtful_run():
    open_, _ = findings.route({}, STORES, result(0, "a"))
    open_, _ = findings.route(open_, STORES, result(900, excepted=("a",), doubts=("x",)))
    assert set(open_) == {("sto-1.stores", findings.CHECK)}


def test_another_tests_findings_stay():
    open_, _ = findings.route({}, TESTS["ret-1.stores"], Result("ret-1.stores", State.FAIL, 0, 1, 0, ("a",)))
    after, _ = findings.route(open_, STORES, result(900))
    assert after == open_


def test_a_critical_finding_that_nobody_acknowledges_goes_up():
    open_, _ = findings.route({}, STORES, result(0, "a", "b"))
    assert findings.escalate(open_, 899) == []
    open_ = findings.acknowledge(open_, ("sto-1.stores", "a"), 600)
    assert [finding.resource for finding in findings.escalate(open_, 900)] == ["b"]
    with pytest.raises(KeyError):
        findings.acknowledge(open_, ("sto-1.stores", "c"), 600)
    medium, _ = findings.route(
        {}, TESTS["nod-1.launches"], Result("nod-1.launches", State.FAIL, 0, 1, 0, ("n",))
    )
    assert findings.escalate(medium, 7 * 86400) == []


def test_acknowledged_is_not_mended():
    open_, _ = findings.route({}, STORES, result(0, "a"))
    open_ = findings.acknowledge(open_, ("sto-1.stores", "a"), 600)
    assert findings.escalate(open_, 3600) == []
    assert [finding.resource for finding in findings.escalate(open_, 3601)] == ["a"]


@given(st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.booleans()), max_size=12))
def test_what_is_open_is_what_failed_and_no_clean_run_has_cleared(runs):
    open_: findings.Open = {}
    model: set[str] = set()
    for number, (failed, doubtful) in enumerate(runs):
        doubts = ("x",) if doubtful else ()
        open_, told = findings.route(open_, STORES, result(number, *sorted(failed), doubts=doubts))
        before = set(model)
        model = (model | failed | {findings.CHECK}) if doubtful else set(failed)
        assert {resource for _, resource in open_} == model
        assert {finding.resource for finding in told} == model - before


# --- The command --------------------------------------------------------------------------------------------------


def test_scan_then_verify(tmp_path, capsys):
    assert command.main(["scan", str(tmp_path)], KEY) == 0
    said = capsys.readouterr().out
    head = evidence.heads(tmp_path)[0]
    public = PUBLIC.public_bytes_raw().hex()
    page = (ROOT / "docs/questions/system-design/compliance-automation.md").read_text()
    assert said.splitlines()[-2:] == [f"record 1: {head[1]}", f"key: {public}"]
    shown_on_page = [*said.splitlines()[:-2], "record 1: …", f"key: {public[:8]}…"]
    assert "\n".join(line.rstrip() for line in shown_on_page) in page

    arguments = ["verify", str(tmp_path), "--key", public]
    assert command.main([*arguments, "--witness", f"1:{head[1]}"]) == 0
    assert capsys.readouterr().out == "1 records, no fault\n"
    rewrite(nth(tmp_path, 1), lambda body: body["results"][0].update(state="pass", failed=[]))
    assert command.main(arguments) == 1
    shown = capsys.readouterr().out.splitlines()
    assert shown == [
        "record 1: altered, or signed by somebody else",
        "record 1: its inputs do not give its results",
    ]
    assert all(line in page for line in shown)
