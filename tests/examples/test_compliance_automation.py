"""A check that could not run is never a pass: every way in which one cannot, and the rules themselves."""

from __future__ import annotations

import copy
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from examples.compliance_automation import catalog, estate, repairs, report
from examples.compliance_automation.evaluate import (
    Attestation,
    Inputs,
    Result,
    State,
    evaluate,
    judged,
    run,
    state_of,
)
from examples.compliance_automation.rego import RuleError, Rules
from examples.compliance_automation.snapshots import FIELDS, Snapshot, capture
from examples.compliance_automation.waivers import Waiver

RULES = Rules.load()
CONTROLS = {control.id: control for control in catalog.load()}
TESTS = {test.id: test for control in CONTROLS.values() for test in control.tests}
WITNESSED = ("chg-1.promotions", "nod-1.launches")


SEED = "acct-6/seed"


def clean() -> dict[str, estate.Items]:
    """An estate where every machine's test passes; a small one, to be quick."""
    made = estate.sources()
    made["registry/promotions"] = made["registry/promotions"][4:8]
    made["evals/reports"] = made["evals/reports"][:4]
    made["fleet/first-loads"] = [
        {"id": item["artifact"], "kind": "seen", "seen_at": item["live_at"]}
        for item in made["registry/promotions"]
    ]
    for what in ("console/audit-log", "gateway/first-served"):
        made[what] = []
    made["cloud/launch-events"] = made["cloud/launch-events"][1:5]
    made["scheduler/nodes-joined"] = made["scheduler/nodes-joined"][1:5]
    made["egress/flows"] = made["egress/flows"][:3]
    for account in range(1, 7):
        stores = made[f"acct-{account}/stores"]
        made[f"acct-{account}/stores"] = [store for store in stores if store["id"] == SEED] + stores[10:12]
    return made


CLEAN = clean()
GOOD = Inputs(
    controls=tuple(CONTROLS.values()),
    snapshots=estate.capture_all(CLEAN),
    rules=RULES,
    waivers=(),
    attestations=(),
    now=estate.NOW,
)


def with_snapshot(source: str, **changes: object) -> Inputs:
    """The clean estate with one snapshot otherwise."""
    changed = GOOD.snapshots[source].model_copy(update=changes)
    return replace(GOOD, snapshots={**GOOD.snapshots, source: changed})


def without(source: str) -> Inputs:
    return replace(GOOD, snapshots={name: snap for name, snap in GOOD.snapshots.items() if name != source})


def state(test: str, inputs: Inputs = GOOD) -> State:
    return evaluate(TESTS[test], inputs).state


MACHINE = [test.id for test in TESTS.values() if test.rule and not test.not_applicable]
PASSING = [test for test in MACHINE if test != "chg-1.prompts"]
"""Nothing was changed in the console in the clean month, so its test has no occurrence."""


def sources_of(test: str) -> list[str]:
    found = TESTS[test]
    return [*found.populations, *found.references.values(), *([found.witness] if found.witness else [])]


def test_the_clean_estate_passes():
    assert {test: state(test) for test in PASSING} == dict.fromkeys(PASSING, State.PASS)


# --- Silence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("test", "source"), [(test, source) for test in PASSING for source in sources_of(test)]
)
class TestASourceThatIsNotWhole:
    def test_not_collected(self, test, source):
        result = evaluate(TESTS[test], without(source))
        assert result.state is State.UNKNOWN
        assert f"{source}: not collected" in result.doubts

    def test_failed_partial_stale_or_from_the_future(self, test, source):
        minutes = TESTS[test].fresh_minutes
        for changes in (
            {"error": "failed: TimeoutError"},
            {"complete": False},
            {"captured_at": estate.NOW - 60 * minutes - 1},
            {"captured_at": estate.NOW + 1},
        ):
            result = evaluate(TESTS[test], with_snapshot(source, **changes))
            assert result.state is State.UNKNOWN, changes
            assert result.doubts[0].startswith(source)
        old = with_snapshot(source, captured_at=estate.NOW - 2 * 60 * minutes)
        assert f"{source}: {2 * minutes} min old, {minutes} allowed" in evaluate(TESTS[test], old).doubts
        fresh = with_snapshot(source, captured_at=estate.NOW - 60 * minutes)
        assert state(test, fresh) is State.PASS

    def test_emptied(self, test, source):
        result = evaluate(TESTS[test], with_snapshot(source, items=()))
        if source in TESTS[test].populations and len(TESTS[test].populations) == 1:
            assert result.state is State.UNKNOWN
        elif source == "evidence/released":
            assert result.state is State.PASS  # nothing was gone back to
        elif source in TESTS[test].references.values():
            assert (
                result.state is State.FAIL
            )  # compared with an empty list that was read whole: that is a verdict
        elif source in TESTS[test].populations:
            empty = f"{source}: empty, and nothing confirms it"
            blind = (f"{SEED}: bad on purpose, and did not fail",) if source == "acct-6/stores" else ()
            assert set(result.doubts) == {*blind, empty}
        else:  # a second source that saw less than the first proves nothing against it
            assert result.state is State.PASS


class TestAnEmptyPopulation:
    def test_is_no_occurrence_if_a_second_source_saw_nothing_either(self):
        assert state("chg-1.prompts") is State.NO_OCCURRENCE

    def test_is_unknown_if_the_second_source_saw_something(self):
        seen = with_snapshot("gateway/first-served", items=({"id": "sha256:aa", "kind": "seen"},))
        result = evaluate(TESTS["chg-1.prompts"], seen)
        assert result.state is State.UNKNOWN
        assert "saw 1 that the population lacks: sha256:aa" in result.doubts[0]

    def test_is_unknown_without_a_second_source(self):
        assert state("prv-1.egress", with_snapshot("egress/flows", items=())) is State.UNKNOWN

    def test_is_unknown_if_the_source_has_only_what_another_test_judges(self):
        other = TESTS["prv-1.egress"].model_copy(update={"item_kinds": ("other",)})
        assert evaluate(other, GOOD).state is State.UNKNOWN

    def test_of_one_of_six_accounts_is_believed_no_more(self):
        result = evaluate(TESTS["sto-1.stores"], with_snapshot("acct-4/stores", items=()))
        assert (result.state, result.population, result.passed) == (State.UNKNOWN, 10, 10)
        assert result.doubts == ("acct-4/stores: empty, and nothing confirms it",)


class TestWhatTheSecondSourceSawJustNow:
    def seen(self, at: object, taken: int = estate.NOW, *others: str) -> State:
        inputs = with_snapshot("cloud/launch-events", captured_at=taken)
        joined = GOOD.snapshots["scheduler/nodes-joined"]
        items = (*joined.items, {"id": "n-new", "kind": "seen", "seen_at": at})
        inputs.snapshots[joined.source] = joined.model_copy(update={"items": items})
        test = TESTS["nod-1.launches"]
        return evaluate(test.model_copy(update={"populations": (*test.populations, *others)}), inputs).state

    def test_is_pending_until_the_events_should_have_arrived(self):
        late = 60 * TESTS["nod-1.launches"].late_minutes
        assert self.seen(estate.NOW - late + 1) is State.PASS
        assert self.seen(estate.NOW) is State.PASS
        assert self.seen(estate.NOW - late) is State.UNKNOWN

    def test_waits_for_a_population_that_was_taken_earlier(self):
        late = 60 * TESTS["nod-1.launches"].late_minutes
        assert self.seen(estate.NOW - late, taken=estate.NOW - 900) is State.PASS
        assert self.seen(estate.NOW - late - 900, taken=estate.NOW - 900) is State.UNKNOWN

    def test_waits_for_the_oldest_of_several_populations(self):
        late = 60 * TESTS["nod-1.launches"].late_minutes
        assert self.seen(estate.NOW - late, estate.NOW - 900, "console/audit-log") is State.PASS

    @pytest.mark.parametrize("at", [None, "2099-01-01", 0, estate.NOW + 1])
    def test_without_a_date_or_with_one_to_come_is_not_pending(self, at):
        assert self.seen(at) is State.UNKNOWN


@pytest.mark.parametrize("test", WITNESSED)
def test_an_item_that_only_the_second_source_saw_is_missed(test):
    source = TESTS[test].populations[0]
    result = evaluate(TESTS[test], with_snapshot(source, items=GOOD.snapshots[source].items[1:]))
    assert result.state is State.UNKNOWN
    assert "saw 1 that the population lacks" in result.doubts[0]


class TestARuleThatDoesNotAnswer:
    def broken(self, text: str) -> Inputs:
        return replace(GOOD, rules=Rules({**RULES.texts, "storage": text}))

    def test_that_does_not_parse(self):
        result = evaluate(TESTS["sto-1.stores"], self.broken("package controls.storage\nverdicts[ if {"))
        assert result.state is State.UNKNOWN
        assert len(result.undecided) == 12
        # In one order, whatever a process's hashes are: who runs it again compares records.
        assert result.undecided == tuple(sorted(result.undecided))
        assert "cannot be run" in result.doubts[0]

    def test_that_is_missing(self):
        texts = {name: text for name, text in RULES.texts.items() if not name.startswith("storage")}
        assert state("sto-1.stores", replace(GOOD, rules=Rules(texts))) is State.UNKNOWN

    @pytest.mark.parametrize(
        "verdicts",
        [
            "1 / (1 - 1)",  # undefined
            "count(5)",  # a type error
            "{}",  # says nothing
            '"pass"',  # not by item
            '["pass"]',
            "{item.id: 7 | some item in input.items}",  # not in words
            "{item.id: {1} | some item in input.items}",
            "{7: 7}",
            '{item.id: "ok" | some item in input.items}',  # says something else
            "no_such_function(input)",
        ],
    )
    def test_that_computes_nothing(self, verdicts):
        text = f"package controls.storage\n\nimport rego.v1\n\nverdicts := {verdicts}\n"
        assert state("sto-1.stores", self.broken(text)) is State.UNKNOWN

    def test_that_contradicts_itself(self):
        text = RULES.texts["storage"] + '\nverdict(store, doc) := "fail" if store.kind == "bucket"\n'
        assert state("sto-1.stores", self.broken(text)) is State.UNKNOWN

    def test_a_verdict_on_something_else_spoils_the_rest(self):
        text = RULES.texts["storage"] + '\nverdicts["elsewhere"] := "pass" if true\n'
        result = evaluate(TESTS["sto-1.stores"], self.broken(text))
        assert (result.state, result.passed) == (State.UNKNOWN, 0)
        assert result.doubts == ("rule storage judges 1 items that it was not given",)


class TestAnItemThatNoRuleDecides:
    def test_of_a_kind_that_no_test_claims(self):
        items = (*GOOD.snapshots["acct-3/stores"].items, {"id": "acct-3/lake-1", "kind": "data-lake"})
        for test in ("sto-1.stores", "ret-1.stores"):
            result = evaluate(TESTS[test], with_snapshot("acct-3/stores", items=items))
            assert (result.state, result.undecided) == (State.UNKNOWN, ("acct-3/lake-1",))

    def test_a_kind_that_another_test_claims_is_not_asked_for(self):
        items = (*GOOD.snapshots["acct-1/stores"].items, {"id": "v", "kind": "video-pipeline"})
        assert state("sto-1.stores", with_snapshot("acct-1/stores", items=items)) is State.PASS

    def test_a_store_that_is_not_classified_yet(self):
        first, *rest = GOOD.snapshots["acct-3/stores"].items
        items = ({**first, "holds_prompts": None}, *rest)
        inputs = with_snapshot("acct-3/stores", items=items)
        assert state("ret-1.stores", inputs) is State.UNKNOWN
        assert state("sto-1.stores", inputs) is State.PASS

    def test_an_id_that_is_there_twice(self):
        items = GOOD.snapshots["acct-3/stores"].items
        result = evaluate(TESTS["sto-1.stores"], with_snapshot("acct-3/stores", items=(*items, items[0])))
        assert (result.state, result.doubts) == (State.UNKNOWN, ("an id is there twice",))


def test_a_test_that_does_not_apply_must_have_nothing_to_apply_to():
    assert state("vid-1.pipelines") is State.NOT_APPLICABLE
    items = (*GOOD.snapshots["acct-1/stores"].items, {"id": "v", "kind": "video-pipeline"})
    result = evaluate(TESTS["vid-1.pipelines"], with_snapshot("acct-1/stores", items=items))
    assert (result.state, result.undecided) == (State.UNKNOWN, ("v",))


def test_nobody_can_say_that_nothing_is_there_who_did_not_look():
    for inputs in (
        without("acct-1/stores"),
        with_snapshot("acct-1/stores", complete=False),
        with_snapshot("acct-1/stores", captured_at=estate.NOW - 86401),
    ):
        result = evaluate(TESTS["vid-1.pipelines"], inputs)
        assert (result.state, len(result.doubts)) == (State.UNKNOWN, 1)


def test_without_a_result_a_test_is_unknown():
    passed = Result("prv-1.routes", State.PASS, estate.NOW)
    assert state_of(CONTROLS["prv-1"], {"prv-1.routes": passed}) is State.UNKNOWN


DAMAGES = {
    "gone": lambda source: without(source),
    "failed": lambda source: with_snapshot(source, error="failed: OSError"),
    "partial": lambda source: with_snapshot(source, complete=False, items=GOOD.snapshots[source].items[:1]),
    "stale": lambda source: with_snapshot(source, captured_at=estate.NOW - 40 * 86400),
    "fields lost": lambda source: with_snapshot(
        source, items=tuple({"id": item["id"], "kind": item["kind"]} for item in GOOD.snapshots[source].items)
    ),
}


@settings(max_examples=25)
@given(st.data())
def test_no_damage_to_what_a_test_reads_leaves_a_pass(data):
    test = data.draw(st.sampled_from(PASSING))
    source = data.draw(st.sampled_from([s for s in sources_of(test) if s != TESTS[test].witness]))
    damage = data.draw(st.sampled_from(sorted(DAMAGES)))
    assert state(test, DAMAGES[damage](source)) in (State.UNKNOWN, State.FAIL)


# --- Seeds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("test", ["sto-1.stores", "ret-1.stores"])
class TestASeed:
    def stores(self, seeds: list[dict[str, object]], others: int = 2) -> Inputs:
        items = [item for item in GOOD.snapshots["acct-6/stores"].items if item["id"] != SEED][:others]
        return with_snapshot("acct-6/stores", items=(*seeds, *items))

    def seed(self, **changes: object) -> dict[str, object]:
        (found,) = [item for item in GOOD.snapshots["acct-6/stores"].items if item["id"] == SEED]
        return {**found, **changes}

    def test_fails_and_counts_nowhere(self, test):
        result = evaluate(TESTS[test], GOOD)
        assert (result.state, result.population, result.passed) == (State.PASS, 12, 12)
        assert (result.failed, result.excepted, result.undecided) == ((), (), ())
        assert repairs.allowed(TESTS[test], result, GOOD.snapshots) == []

    @pytest.mark.parametrize(
        "changes", [{"public": False, "oldest_days": 3}, {"public": None, "oldest_days": None}]
    )
    def test_that_does_not_fail_says_that_the_check_is_blind(self, test, changes):
        result = evaluate(TESTS[test], self.stores([self.seed(**changes)]))
        assert (result.state, result.population, result.passed) == (State.UNKNOWN, 12, 12)
        assert result.doubts == (f"{SEED}: bad on purpose, and did not fail",)

    def test_that_was_not_collected_says_so_too(self, test):
        assert state(test, self.stores([])) is State.UNKNOWN

    def test_hides_no_other_that_did_not_fail(self, test):
        two = TESTS[test].model_copy(update={"seeds": (SEED, "acct-5/seed")})
        assert evaluate(two, GOOD).doubts == ("acct-5/seed: bad on purpose, and did not fail",)

    def test_hides_no_failure_beside_it(self, test):
        result = evaluate(TESTS[test], self.stores([self.seed(), self.seed(id="acct-6/debug")]))
        assert (result.state, result.failed) == (State.FAIL, ("acct-6/debug",))

    def test_alone_is_no_population(self, test):
        result = evaluate(TESTS[test], self.stores([self.seed()], others=0))
        assert result.doubts == ("acct-6/stores: empty, and nothing confirms it",)
        confirmed = {"populations": ("acct-6/stores",), "witness": "gateway/first-served"}
        only = evaluate(TESTS[test].model_copy(update=confirmed), self.stores([self.seed()], others=0))
        assert only.state is State.NO_OCCURRENCE

    def test_a_rule_that_went_soft_is_found(self, test):
        rule = str(TESTS[test].rule)
        text = RULES.texts[rule].replace('"fail"', '"pass"')
        assert state(test, replace(GOOD, rules=Rules({**RULES.texts, rule: text}))) is State.UNKNOWN


# --- Failures -----------------------------------------------------------------------------------------------------


class TestAFailure:
    def test_is_believed_from_half_of_an_answer(self):
        """A fail needs one item, a pass needs all of them."""
        first, *rest = GOOD.snapshots["acct-2/stores"].items
        inputs = with_snapshot("acct-2/stores", items=({**first, "public": True}, *rest), complete=False)
        result = evaluate(TESTS["sto-1.stores"], inputs)
        assert (result.state, result.failed) == (State.FAIL, (first["id"],))
        assert result.doubts

    def test_is_not_believed_if_what_it_compares_with_is_missing(self):
        """Else one broken collector of contracts would page for every route."""
        for source, test in (("legal/terms", "prv-1.routes"), ("evals/reports", "chg-1.promotions")):
            for inputs in (without(source), with_snapshot(source, items=(), complete=False)):
                result = evaluate(TESTS[test], inputs)
                assert (result.state, result.failed) == (State.UNKNOWN, ())
                assert len(result.undecided) == result.population > 0

    def test_the_months_four_promotions_and_120_prompts(self):
        inputs = estate.inputs()
        promotions = evaluate(TESTS["chg-1.promotions"], inputs)
        assert (promotions.population, promotions.passed) == (45, 41)
        assert promotions.failed == ("p-000", "p-001", "p-002", "p-003")
        prompts = evaluate(TESTS["chg-1.prompts"], inputs)
        assert (prompts.population, prompts.passed, len(prompts.failed)) == (120, 0, 120)

    def test_the_debug_bucket_and_the_way_around_the_gateway(self):
        inputs = estate.inputs()
        assert evaluate(TESTS["ret-1.stores"], inputs).failed == ("acct-2/eval-debug",)
        assert evaluate(TESTS["prv-1.egress"], inputs).failed == ("f-4",)
        assert evaluate(TESTS["prv-1.routes"], inputs).state is State.PASS


# --- Exceptions ---------------------------------------------------------------------------------------------------

W = estate.waivers()[0]


def on(day: date, **changes: object) -> Inputs:
    now = int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp())
    made = estate.sources()
    made = {name: items for name, items in made.items() if name.startswith("acct-")}
    waiver = Waiver(**{**W.model_dump(), **changes})
    return replace(GOOD, snapshots=estate.capture_all(made, now), waivers=(waiver,), now=now)


class TestAnException:
    def test_the_failure_comes_back_on_the_day_it_expires(self):
        assert state("sto-1.stores", on(date(2026, 11, 30))) is State.EXCEPTED
        result = evaluate(TESTS["sto-1.stores"], on(date(2026, 12, 1)))
        assert (result.state, result.failed) == (State.FAIL, ("acct-1/docs-site",))

    def test_it_does_not_count_before_it_is_granted(self):
        assert state("sto-1.stores", on(date(2026, 8, 31))) is State.FAIL
        assert state("sto-1.stores", on(date(2026, 9, 1))) is State.EXCEPTED

    def test_it_covers_its_resource_and_its_test_only(self):
        assert state("sto-1.stores", on(date(2026, 10, 1), resource="acct-1/store-09")) is State.FAIL
        assert state("sto-1.stores", on(date(2026, 10, 1), test="ret-1.stores")) is State.FAIL

    def test_an_excepted_failure_is_no_pass(self):
        result = evaluate(TESTS["sto-1.stores"], on(date(2026, 10, 1)))
        assert (result.passed, result.population, result.excepted) == (179, 180, ("acct-1/docs-site",))

    def test_it_does_not_hide_a_doubt(self):
        inputs = on(date(2026, 10, 1))
        partial = inputs.snapshots["acct-6/stores"].model_copy(update={"complete": False})
        inputs = replace(inputs, snapshots={**inputs.snapshots, "acct-6/stores": partial})
        assert state("sto-1.stores", inputs) is State.UNKNOWN

    @pytest.mark.parametrize(
        "changes",
        [
            {"expires": None},
            {"expires": date(2027, 3, 1)},  # 181 days
            {"expires": date(2026, 9, 1)},
            {"approver": "docs"},
            {"approver": ""},
            {"resource": "*"},
            {"resource": "acct-1/*"},
            {"reason": "later"},
            {"compensating": "none"},
            {"owner": ""},
            {"renewals": 3},
            {"resources": ["acct-1/store-09"]},
        ],
    )
    def test_without_end_owner_or_reason_there_is_none(self, changes):
        with pytest.raises(ValidationError):
            Waiver(**{**W.model_dump(), **changes})

    def test_it_may_last_180_days_and_be_renewed_twice(self):
        longest = Waiver(**{**W.model_dump(), "expires": date(2027, 2, 28), "renewals": 2})
        assert (longest.expires - longest.granted).days == 180


# --- Judgment -----------------------------------------------------------------------------------------------------


def test_a_judgment_is_as_good_as_its_last_sign_off():
    def state_at(*days: int) -> State:
        given = tuple(Attestation("rsk-1.assessment", "ciso", estate.NOW - 86400 * day, "aa") for day in days)
        return judged(TESTS["rsk-1.assessment"], replace(GOOD, attestations=given)).state

    assert state_at() is State.UNKNOWN
    assert state_at(366) is State.UNKNOWN
    assert state_at(365) is State.PASS
    assert state_at(500, 3) is State.PASS
    assert state_at(-1) is State.UNKNOWN  # dated in the future


def test_a_judgment_that_does_not_apply():
    decision = catalog.NotApplicable(why="No such supplier", decided_by="ciso", decided_on=date(2026, 11, 2))
    test = TESTS["rsk-1.assessment"].model_copy(update={"not_applicable": decision})
    assert judged(test, GOOD).state is State.NOT_APPLICABLE


# --- What may be captured -----------------------------------------------------------------------------------------


def pages(*answers: object):
    left = list(answers)

    def fetch(cursor: str | None):
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return fetch


ROW = {"id": "a", "kind": "bucket", "account": "x", "public": False, "holds_prompts": False, "oldest_days": 1}


class TestCapture:
    def take(self, *answers: object, pages_at_most: int = 1000) -> Snapshot:
        return capture("acct-1/stores", "c", "q", pages(*answers), 5, pages_at_most)

    def test_reads_to_the_end(self):
        snapshot = self.take(([ROW], "1"), ([{**ROW, "id": "b"}], None))
        assert (snapshot.complete, snapshot.error, sorted(snapshot.ids())) == (True, None, ["a", "b"])

    def test_keeps_numbers_flags_names_and_what_is_not_known(self):
        row = {**ROW, "account": "x" * 120, "public": None, "oldest_days": 0.5}
        terms = {"id": "t", "kind": "term", "endpoints": ["/chat", "/batches"], "ends_at": None}
        assert self.take(([row, terms], None)).items == (row, terms)

    def test_keeps_what_came_before_a_failure_and_says_so(self):
        snapshot = self.take(([ROW], "1"), TimeoutError("of host 10.0.0.7"))
        assert (snapshot.complete, snapshot.error) == (False, "failed: TimeoutError")
        assert len(snapshot.items) == 1

    def test_a_source_that_never_answered_is_not_whole(self):
        """There is no next page either: without the error it would look like an empty source that was read whole."""
        snapshot = self.take(TimeoutError())
        assert (snapshot.complete, snapshot.items, snapshot.error) == (False, (), "failed: TimeoutError")

    def test_stops_and_says_so_when_a_source_does_not_end(self):
        endless = [([{**ROW, "id": str(n)}], "more") for n in range(4)]
        assert not self.take(*endless, pages_at_most=3).complete

    @pytest.mark.parametrize(
        "row",
        [
            {**ROW, "sample": "My name is Jo and my account is"},
            {**ROW, "account": "x" * 121},
            {**ROW, "account": "Jo lives in Kiel"},
            {**ROW, "account": "我叫小明我的账号是"},
            {**ROW, "account": {"sample": "Jo"}},
            {**ROW, "account": ["a", "My name is Jo"]},
            {**ROW, "id": "My name is Jo"},
            {"id": "l", "kind": "data-lake", "public": False},
            {"kind": "bucket"},
            {"id": "l"},
            {**ROW, "id": None},
            {**ROW, "id": 7},
        ],
    )
    def test_refuses_what_evidence_must_not_carry_and_does_not_quote_it(self, row):
        snapshot = self.take(([ROW, row], None))
        assert (snapshot.complete, snapshot.items, snapshot.captured_at) == (False, (), 5)
        assert snapshot.error == "refused: a field that evidence must not carry"
        assert "Jo" not in snapshot.model_dump_json()

    def test_no_kind_of_item_has_a_field_for_text(self):
        assert not {"prompt", "text", "content", "completion", "messages", "user"} & set().union(
            *FIELDS.values()
        )


# --- The rules, and the gate --------------------------------------------------------------------------------------


def test_the_rules_tests_hold():
    held = RULES.tests()
    assert [name for name, holds in held.items() if not holds] == []
    assert len(held) == 61
    assert {name.split(".")[-2].removesuffix("_test") for name in held} == {
        name for name in RULES.texts if not name.endswith("_test")
    }


def test_a_rules_test_can_fail():
    texts = {**RULES.texts, "storage": RULES.texts["storage"].replace("public == true", "public == null")}
    assert [name for name, holds in Rules(texts).tests().items() if not holds] == [
        "controls.storage_test.test_public_fails"
    ]


def test_every_tests_rule_is_there():
    for test in TESTS.values():
        if test.rule:
            with pytest.raises(RuleError, match="no_such"):
                RULES.decide("no_such", {})
            assert RULES.decide(test.rule, {"items": []}) == {}


CHANGE = CLEAN["registry/promotions"][0]
ASKED = {
    "now": estate.NOW,
    "asked": {"change": CHANGE["id"], "artifact": CHANGE["artifact"]},
    "records": {"changes": [CHANGE], "evaluations": CLEAN["evals/reports"]},
}


def asked(changes: list[dict[str, object]], now: int = estate.NOW, **records: object) -> dict[str, object]:
    """What the gate is asked of the first change, if its own records hold these."""
    return {
        "now": now,
        "asked": {"change": changes[0]["id"], "artifact": changes[0]["artifact"]},
        "records": {**ASKED["records"], "changes": changes, **records},
    }


class TestAChange:
    def judged(self, change, reports=ASKED["records"]["evaluations"]):
        return RULES.decide("changes", {"items": [change], "records": {"evaluations": reports}})

    @pytest.mark.parametrize("kind", ["weights", "adapter", "system-prompt", "routing"])
    def test_of_each_kind_is_judged(self, kind):
        assert self.judged({**CHANGE, "kind": kind}) == {CHANGE["id"]: "pass"}

    @pytest.mark.parametrize("field", sorted(CHANGE.keys() - {"id"}))
    def test_that_lost_a_field_has_no_verdict(self, field):
        assert self.judged({name: value for name, value in CHANGE.items() if name != field}) == {}

    def test_may_be_approved_and_evaluated_until_the_moment_that_it_goes_live(self):
        now = {**CHANGE, "approved_at": CHANGE["live_at"]}
        reports = [{**report, "finished_at": CHANGE["live_at"]} for report in ASKED["records"]["evaluations"]]
        assert self.judged(now, reports) == {CHANGE["id"]: "pass"}


class TestTheGate:
    def test_asks_the_rule_that_the_audit_asks(self):
        assert RULES.allows(ASKED)
        assert RULES.decide("changes", {"items": [CHANGE], "records": ASKED["records"]}) == {
            CHANGE["id"]: "pass"
        }

    @pytest.mark.parametrize(
        "changes",
        [
            {"approver": "ann"},
            {"approver": None},
            {"evaluation": "e-other"},
            {"artifact": "sha256:another"},
            {"kind": "tool-schema"},
        ],
    )
    def test_refuses(self, changes):
        assert not RULES.allows(asked([{**CHANGE, **changes}]))

    @pytest.mark.parametrize("said", [{"change": "p-other"}, {"artifact": "sha256:another"}])
    def test_refuses_what_its_records_do_not_hold(self, said):
        assert not RULES.allows({**ASKED, "asked": {**ASKED["asked"], **said}})

    def test_believes_no_approval_that_the_caller_brings(self):
        records = {**ASKED["records"], "changes": [{**CHANGE, "approver": None}]}
        said = {**ASKED["asked"], "approver": "ben", "approved_at": 1}
        assert not RULES.allows({**ASKED, "asked": said, "change": CHANGE, "records": records})

    def test_refuses_a_change_that_its_records_hold_twice(self):
        assert not RULES.allows(asked([CHANGE, {**CHANGE, "artifact": "sha256:another"}]))

    def test_the_glass_is_open_for_four_hours_once(self):
        rash = {**CHANGE, "approver": None}
        glass = {"change": rash["id"], "first": "ben", "second": "cat", "opened_at": 1000}
        for now, open_ in ((999, False), (1000, True), (15400, True), (15401, False), (1_000_000, False)):
            assert RULES.allows(asked([rash], now, glass=[glass])) is open_
        again = {**glass, "opened_at": 15401}
        assert not RULES.allows(asked([rash], 15401, glass=[glass, again]))

    def test_believes_no_glass_that_the_caller_brings(self):
        glass = {"change": CHANGE["id"], "first": "ben", "second": "cat", "opened_at": 1000}
        question = asked([{**CHANGE, "approver": None}], 1000)
        assert not RULES.allows({**question, "glass": [glass], "break_glass": glass | {"until": 2000}})

    @pytest.mark.parametrize("question", [{}, {"asked": {}}, {"asked": None}, {"now": 1}])
    def test_refuses_what_it_cannot_read(self, question):
        assert not RULES.allows(question)

    def test_a_rollback_passes_the_gate_and_the_audit(self):
        back = {
            **CHANGE,
            "artifact": "sha256:07aa",
            "approver": None,
            "approved_at": None,
            "evaluation": None,
        }
        records = {**ASKED["records"], "released": CLEAN["evidence/released"]}
        assert RULES.allows(asked([back], released=CLEAN["evidence/released"]))
        assert RULES.decide("changes", {"items": [back], "records": records}) == {back["id"]: "pass"}
        assert not RULES.allows(asked([back]))

    @pytest.mark.parametrize(
        "release", [{"verdict": "fail"}, {"verdict": None}, {"ended_at": None}, {"change": CHANGE["id"]}]
    )
    def test_what_went_live_without_approval_does_not_pass_the_second_time(self, release):
        again = {**CHANGE, "artifact": "sha256:07aa", "approver": None, "evaluation": None}
        earlier = {**CLEAN["evidence/released"][0], **release}
        records = {**ASKED["records"], "released": [earlier]}
        assert not RULES.allows(asked([again], released=[earlier]))
        assert RULES.decide("changes", {"items": [again], "records": records}) == {again["id"]: "fail"}

    def test_answers_each_of_many_at_once_for_itself(self):
        """The interpreter keeps its input between two calls; this one dawdles between them."""

        class Dawdling:
            def set_input_term(self, term: str) -> None:
                self.allow = json.loads(term)["expected"]
                time.sleep(0.01)

            def query(self, query: str) -> SimpleNamespace:
                result = SimpleNamespace(bindings={"allow": self.allow}, expressions=[self.allow])
                return SimpleNamespace(ok=lambda: True, results=[result])

        rules = Rules({})
        rules.__dict__["_interpreter"] = Dawdling()
        with ThreadPoolExecutor(4) as pool:
            expected = [True, False] * 4
            assert list(pool.map(lambda each: rules.allows({"expected": each}), expected)) == expected

    def test_refuses_while_its_rules_are_broken(self):
        assert not Rules({**RULES.texts, "gate": "package gate\nallow {"}).allows(ASKED)
        assert not Rules({}).allows(ASKED)


# --- The catalog and the report -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"owner": ""},
        {"rule": None},
        {"populations": []},
        {"fresh_minutes": None},
        {"item_kinds": []},
        {"severity": "urgent"},
        {"not_applicable": {"why": "", "decided_by": "x", "decided_on": "2026-01-01"}},
        {"kind": "events", "witness": None, "references": {}},
        {"fresh_minutes": 31},
        {"late_minutes": 11},
        {"repair": "evict-node"},
    ],
)
def test_an_incomplete_test_is_refused(changes):
    row = TESTS["chg-1.promotions"].model_dump(mode="json") | changes
    with pytest.raises(ValidationError):
        catalog.Test(**row)


def test_a_judgment_has_no_rule_and_a_date_by_which():
    row = TESTS["rsk-1.assessment"].model_dump(mode="json")
    for changes in ({"rule": "storage"}, {"due_days": None}):
        with pytest.raises(ValidationError, match="a judgment has due_days and no rule"):
            catalog.Test(**(row | changes))


def test_a_control_serves_a_framework_and_has_its_own_id(tmp_path):
    row = CONTROLS["rsk-1"].model_dump(mode="json")
    with pytest.raises(ValidationError, match="serves no framework"):
        catalog.Control(**(row | {"criteria": [], "annex_a": [], "clauses": []}))
    path = tmp_path / "controls.yml"
    path.write_text(json.dumps([row, row]))
    with pytest.raises(ValueError, match="an id is used twice"):
        catalog.load(path)


def test_one_source_of_results_gives_both_frameworks_papers():
    results = run(GOOD)
    views = report.by_framework(GOOD.controls, results)
    assert views["SOC 2"]["CC8.1"] is views["ISO/IEC 27001"]["A.8.32"] is State.NO_OCCURRENCE
    assert views["SOC 2"]["CC9.2"] is State.UNKNOWN  # served by two controls; the worse one counts
    assert views["ISO/IEC 27001"]["A.5.20"] is State.PASS


def test_what_does_not_apply_hides_no_pass():
    passed = Result("nod-1.launches", State.PASS, estate.NOW)
    absent = Result("vid-1.pipelines", State.NOT_APPLICABLE, estate.NOW)
    controls = (CONTROLS["nod-1"], CONTROLS["vid-1"])
    for order in (controls, controls[::-1]):
        views = report.by_framework(order, {passed.test: passed, absent.test: absent})
        assert views["SOC 2"] == {"CC6.8": State.PASS, "CC7.1": State.PASS}
        assert views["ISO/IEC 27001"]["A.8.7"] is State.NOT_APPLICABLE


def test_the_totals_leave_nothing_out():
    assert sum(report.totals(GOOD.controls, run(GOOD)).values()) == len(CONTROLS) == 9
    assert report.totals(GOOD.controls, {}) == {State.UNKNOWN: 9}


# --- Repairs ------------------------------------------------------------------------------------------------------


class TestRepairs:
    def planned(self, inputs: Inputs, test: str = "sto-1.stores") -> list[repairs.Repair]:
        return repairs.allowed(TESTS[test], evaluate(TESTS[test], inputs), inputs.snapshots)

    def opened(self, count: int) -> Inputs:
        items = [
            {**GOOD.snapshots["acct-2/stores"].items[0], "id": f"acct-2/open-{n}", "public": True}
            for n in range(count)
        ]
        return with_snapshot("acct-2/stores", items=tuple(items))

    def test_a_public_store_is_closed_and_can_be_opened_again(self):
        (repair,) = self.planned(self.opened(1))
        assert (repair.resource, repair.action) == ("acct-2/open-0", "close-public-access")
        assert repair.before["public"] is True

    def test_many_at_once_are_for_a_person(self):
        assert len(self.planned(self.opened(5))) == 5
        assert self.planned(self.opened(6)) == []

    def test_an_exception_is_left_alone_until_it_expires(self):
        assert self.planned(on(date(2026, 11, 30))) == []
        assert [repair.resource for repair in self.planned(on(date(2026, 12, 1)))] == ["acct-1/docs-site"]

    def test_nothing_else_is_repaired(self):
        inputs = estate.inputs(
            {name: rows for name, rows in estate.sources().items() if name != "legal/terms"}
        )
        for test in ("ret-1.stores", "prv-1.egress"):
            assert self.planned(inputs, test) == []
        assert {test.repair for test in TESTS.values()} == {None, "close-public-access"}


def test_the_inputs_are_not_changed_by_a_run():
    before = copy.deepcopy({name: snap.model_dump() for name, snap in GOOD.snapshots.items()})
    assert isinstance(run(GOOD)["sto-1.stores"], Result)
    assert {name: snap.model_dump() for name, snap in GOOD.snapshots.items()} == before
