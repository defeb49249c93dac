"""Snapshots and rules become one state a test. A fail needs one item; a pass needs all of them, and proof of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from examples.compliance_automation.catalog import Control, Test
from examples.compliance_automation.rego import RuleError, Rules
from examples.compliance_automation.snapshots import Snapshot
from examples.compliance_automation.waivers import Waiver, waived


class State(StrEnum):
    """Worst first. Only PASS says that the control worked."""

    FAIL = "fail"
    UNKNOWN = "unknown"
    EXCEPTED = "excepted"
    NO_OCCURRENCE = "no occurrence"
    NOT_APPLICABLE = "not applicable"
    PASS = "pass"


@dataclass(frozen=True)
class Attestation:
    """A person's signed-off judgment. The machine keeps the date and reminds."""

    test: str
    by: str
    at: int
    document_sha256: str


@dataclass(frozen=True)
class Inputs:
    """All that a run's results follow from, so that an auditor can run it again. `now` in seconds since 1970."""

    controls: tuple[Control, ...]
    snapshots: Mapping[str, Snapshot]
    rules: Rules
    waivers: tuple[Waiver, ...]
    attestations: tuple[Attestation, ...]
    now: int

    def today(self) -> date:
        return datetime.fromtimestamp(self.now, UTC).date()

    def claimed(self, source: str) -> frozenset[str]:
        """The kinds of item that some test judges in a source."""
        tests = [test for control in self.controls for test in control.tests if source in test.populations]
        return frozenset().union(*(test.item_kinds for test in tests))


@dataclass(frozen=True)
class Result:
    """What a run found. `doubts` say why the population or the verdict is not to be believed."""

    test: str
    state: State
    at: int
    population: int = 0
    passed: int = 0
    failed: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


# --8<-- [start:doubt]
def doubt(source: str, snapshots: Mapping[str, Snapshot], fresh_minutes: int, now: int) -> str | None:
    """Why a source's answer may not be the whole of it, or the present one. None if it is."""
    snapshot = snapshots.get(source)
    if snapshot is None:
        return f"{source}: not collected"
    if snapshot.error is not None:
        return f"{source}: {snapshot.error}"
    if not snapshot.complete:
        return f"{source}: stopped after {len(snapshot.items)} items, with more to read"
    if not 0 <= now - snapshot.captured_at <= fresh_minutes * 60:
        return f"{source}: {(now - snapshot.captured_at) // 60} min old, {fresh_minutes} allowed"
    return None


def unseen(test: Test, items: list[dict[str, Any]], snapshots: Mapping[str, Snapshot]) -> str | None:
    """What the second source saw and the population lacks, although it had time to arrive there."""
    if test.witness is None or test.witness not in snapshots:
        return None
    taken = [snapshots[source].captured_at for source in test.populations if source in snapshots]
    whole = min(taken, default=0) - 60 * test.late_minutes  # what is younger may be on its way
    seen = snapshots[test.witness]
    due = {item["id"] for item in seen.items if not pending(item, whole, seen.captured_at)}
    missing = due - {item.get(test.witness_key) for item in items}
    if not missing:
        return None
    return f"{test.witness} saw {len(missing)} that the population lacks: {', '.join(sorted(missing)[:3])}"


def pending(item: Mapping[str, Any], whole: int, taken: int) -> bool:
    """Whether an item was seen lately. Without a date, or with one to come, it would wait forever."""
    return isinstance(item.get("seen_at"), int) and whole < item["seen_at"] <= taken


def unfailed(test: Test, verdicts: dict[str, str]) -> list[str]:
    """Takes the seeds out of the verdicts. One that did not fail says that a collector or the rule is blind."""
    return [
        f"{seed}: bad on purpose, and did not fail"
        for seed in test.seeds
        if verdicts.pop(seed, None) != "fail"
    ]


def hollow(test: Test, snapshots: Mapping[str, Snapshot]) -> list[str]:
    """The sources of a population that hold nothing at all, if there is no second one to confirm it."""
    if test.witness:
        return []
    return [
        f"{source}: empty, and nothing confirms it"
        for source in test.populations
        if source in snapshots
        and snapshots[source].error is None
        and not snapshots[source].ids() - set(test.seeds)
    ]


# --8<-- [end:doubt]


# --8<-- [start:evaluate]
def evaluate(test: Test, inputs: Inputs) -> Result:
    """Run a machine's test. It is no PASS while anything is in doubt, undecided or empty."""
    items = population(test, inputs)
    ids = [item["id"] for item in items]
    age = test.fresh_minutes or 0
    looked = [*test.populations, *([test.witness] if test.witness else [])]
    doubts = [doubt(source, inputs.snapshots, age, inputs.now) for source in looked]
    if test.not_applicable:
        return absent(test, items, doubts, inputs)
    blind = [doubt(source, inputs.snapshots, age, inputs.now) for source in test.references.values()]
    doubts += [*blind, unseen(test, items, inputs.snapshots), *hollow(test, inputs.snapshots)]
    doubts += ["an id is there twice"] if len(set(ids)) < len(ids) else []
    verdicts: dict[str, str] = {}
    # Without what it compares with, a rule would fail everything, and page people for a collector's fault.
    if not any(blind):
        try:
            verdicts = inputs.rules.decide(str(test.rule), document(test, items, inputs))
            doubts += unfailed(test, verdicts)
        except RuleError as error:
            doubts.append(str(error))
    undecided = set(ids) - verdicts.keys() - set(test.seeds)
    failed = {item for item, verdict in verdicts.items() if verdict == "fail"}
    excepted = failed & waived(inputs.waivers, test.id, inputs.today())
    said = tuple(reason for reason in doubts if reason)
    count = sum(name not in test.seeds for name in ids)
    if failed - excepted:
        state = State.FAIL
    elif said or undecided:
        state = State.UNKNOWN
    elif not count:
        # Nothing happened, if a second source says so too.
        state = State.NO_OCCURRENCE if test.witness else State.UNKNOWN
    else:
        state = State.EXCEPTED if excepted else State.PASS
    return Result(
        test.id, state, inputs.now, count, len(verdicts) - len(failed), tuple(sorted(failed - excepted)),
        tuple(sorted(excepted)), tuple(sorted(undecided)), said,
    )  # fmt: skip


# --8<-- [end:evaluate]


def absent(test: Test, items: list[dict[str, Any]], doubts: list[str | None], inputs: Inputs) -> Result:
    """Somebody decided that there is nothing to test: true while all sources were read and hold nothing of the kind."""
    there = tuple(item["id"] for item in items if item["kind"] in test.item_kinds)
    said = tuple(reason for reason in doubts if reason)
    state = State.UNKNOWN if there or said else State.NOT_APPLICABLE
    return Result(test.id, state, inputs.now, population=len(there), undecided=there, doubts=said)


def judged(test: Test, inputs: Inputs) -> Result:
    """A judgment is as good as its last sign-off, until that is due again."""
    if test.not_applicable:
        return Result(test.id, State.NOT_APPLICABLE, inputs.now)
    dates = [given.at for given in inputs.attestations if given.test == test.id and given.at <= inputs.now]
    if not dates:
        return Result(test.id, State.UNKNOWN, inputs.now, doubts=("never signed off",))
    days, due = (inputs.now - max(dates)) // 86400, test.due_days or 0
    if days > due:
        return Result(
            test.id, State.UNKNOWN, inputs.now, doubts=(f"signed off {days} days ago, due after {due}",)
        )
    return Result(test.id, State.PASS, inputs.now, population=1, passed=1)


def run(inputs: Inputs) -> dict[str, Result]:
    """Every test of every control has a result, whatever happens."""
    tests = [test for control in inputs.controls for test in control.tests]
    return {
        test.id: judged(test, inputs) if test.kind == "judgment" else evaluate(test, inputs) for test in tests
    }


def state_of(control: Control, results: Mapping[str, Result]) -> State:
    """A control is as good as its worst test, and a test without a result is unknown."""
    return worst(results[test.id].state if test.id in results else State.UNKNOWN for test in control.tests)


def population(test: Test, inputs: Inputs) -> list[dict[str, Any]]:
    """The test's own kinds of item, and those that no test claims: nothing will decide the latter."""
    return [
        item
        for source in test.populations
        if source in inputs.snapshots
        for item in inputs.snapshots[source].items
        if item["kind"] in test.item_kinds or item["kind"] not in inputs.claimed(source)
    ]


def document(test: Test, items: list[dict[str, Any]], inputs: Inputs) -> dict[str, Any]:
    """All that a rule sees: nothing that is not in the evidence."""
    records = {name: list(inputs.snapshots[source].items) for name, source in test.references.items()}
    return {"now": inputs.now, "params": test.params, "items": items, "records": records}


def worst(states: Iterable[State]) -> State:
    """The first in the order of State. What does not apply takes nothing from the others."""
    states = list(states)
    applying = [state for state in states if state is not State.NOT_APPLICABLE]
    return min(applying or states, key=list(State).index)
