"""The auditor's question: one user, one week, nothing missing; and what only other people's counters can show."""

from __future__ import annotations

import base64
import copy
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from examples.audit_logging import archive, chain, events, outbox, seals, search, subjects, verify
from examples.audit_logging.chain import Record
from examples.audit_logging.events import Change, Class, Event, Notice, Outcome, Read
from examples.audit_logging.people import Directory
from examples.audit_logging.reconcile import not_shown, persons, reconcile
from examples.audit_logging.recorder import AuditUnavailable, Recorder
from examples.audit_logging.seals import SealError
from examples.audit_logging.search import Index, checked
from tests.examples.test_audit_logging import (
    ANNA,
    BEN,
    CARL,
    KEY,
    MINUTE,
    ORIGIN,
    OTHER_KEY,
    START,
    FakeQueue,
    World,
    event,
    hex_id,
    opened,
    unsynced,
)

WEEK = 7 * 24 * 60 * MINUTE
CONTRACTS: dict[str, Class] = {"st-mary": "hospital", "bank": "standard"}
AUDITOR = "e" * 32
Change_ = Callable[[dict[str, Any]], Any]


class Desk:
    """Where the eight people who read the log sit: an index, and a recorder of their own."""

    def __init__(self, world: World) -> None:
        self.world, self.queue, self.now = world, FakeQueue(world.sealer.accept), START
        journals = {
            kind: search_journal(world.folder / f"desk.{kind}", f"desk.{kind}") for kind in archive.CLASSES
        }
        self.recorder = Recorder(journals, self.queue, lambda: self.now)
        self.index = Index(world.archive, self.recorder, CONTRACTS)

    def question(
        self, actor: str | None, from_us: int, to_us: int, tenant: str = "st-mary"
    ) -> tuple[Event, Read]:
        read = Read(about=actor, from_us=from_us, to_us=to_us, purpose="audit/2026-11")
        # It names who asks; what is asked comes from the index, whatever the envelope holds.
        envelope = event(None, AUDITOR, self.now, role="auditor", where="desk", id=hex_id(actor, self.now))
        return envelope.model_copy(update={"tenant": tenant}), read

    def answer(
        self,
        actor: str,
        from_us: int = START,
        to_us: int = START + WEEK,
        classes: Sequence[Class] = ("hospital",),
    ) -> dict[str, Any]:
        self.now += 1
        found = self.index.answer(*self.question(actor, from_us, to_us), classes)
        return dict(json.loads(json.dumps(found)))  # what arrives at the auditor's


def search_journal(folder: Path, stream: str) -> Any:
    from examples.audit_logging.journal import Journal

    return Journal(folder, ORIGIN, stream, sync=unsynced)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Two weeks, a seal a day. Anna acts daily, Ben on day 3 only, Carl never; one of Anna's events arrives late."""
    world = World(tmp_path)
    late: list[Event] = []
    for day in range(14):
        at = START + day * 24 * 60 * MINUTE
        world.now = at
        for stream in ("r01.hospital", "r02.hospital"):
            request = hex_id(stream, day)
            world.write(stream, opened(request, ANNA, at, where=stream[:3]))
            outcome = Outcome(status="completed", generated=400, delivered=400)
            world.write(stream, event(outcome, ANNA, at + MINUTE, request=request, where=stream[:3]))
        if day == 3:
            world.write("r01.hospital", opened(hex_id("ben"), BEN, at + 1))
        if day == 6:
            late.append(
                opened(hex_id("late"), ANNA, at + 2, where="r03")
            )  # spooled on a replica without its queue
        if day == 8:
            world.write("r03.hospital", *late)
        world.write("r01.standard", event(actor=CARL, at_us=at))
        world.seal()
    return Desk(world)


def test_the_week_is_complete_and_checked_with_a_public_key(desk: Desk) -> None:
    desk.index.rebuild()
    answer = desk.answer(ANNA)
    found = checked(answer, ORIGIN, KEY.public)
    assert len(found) == 7 * 4 + 1
    assert [e.request for e in found].count(hex_id("late")) == 1
    assert {e.actor for e in found} == {ANNA}
    assert all(START <= e.at_us < START + WEEK for e in found)
    rows = desk.index.find(*desk.question(ANNA, START, START + WEEK))
    assert len(rows) == len(found)  # the index agrees


def test_an_answer_has_nothing_of_anybody_else(desk: Desk) -> None:
    desk.index.rebuild()
    answer = desk.answer(BEN)
    assert [e.request for e in checked(answer, ORIGIN, KEY.public)] == [hex_id("ben")]
    shown = b"".join(base64.b64decode(body) for part in answer["parts"] for body in part["records"])
    assert ANNA.encode() not in shown


def test_that_there_is_nothing_is_proven_too(desk: Desk) -> None:
    desk.index.rebuild()
    answer = desk.answer(CARL)
    assert checked(answer, ORIGIN, KEY.public) == []
    assert len(answer["parts"]) == 8  # seven days, and the seal with the late event


def test_only_the_weeks_that_are_asked_for_are_shown(desk: Desk) -> None:
    desk.index.rebuild()
    answer = desk.answer(ANNA, START + WEEK, START + 2 * WEEK - 60 * 60 * MINUTE)
    assert [part["n"] for part in answer["parts"]] == [7, 8, 9, 10, 11]
    assert len(checked(answer, ORIGIN, KEY.public)) == 5 * 4


def test_a_users_week_includes_what_is_kept_in_the_other_class(desk: Desk) -> None:
    """A bank's user who is an administrator too: requests are kept for 13 months, changes for six years."""
    desk.world.write("r01.standard", event(actor=ANNA, at_us=START + 5))
    desk.world.now += MINUTE
    desk.world.seal()
    desk.index.rebuild()
    found = {
        classes: len(checked(desk.answer(ANNA, classes=classes), ORIGIN, KEY.public))
        for classes in (("hospital",), ("standard",), archive.CLASSES)
    }
    assert found == {("hospital",): 29, ("standard",): 1, archive.CLASSES: 30}


@pytest.mark.parametrize("classes", [[], ["hospital", "hospital"], ["hospital", "none"]])
def test_an_answer_says_which_classes_it_covers(classes: list[str], desk: Desk) -> None:
    desk.index.rebuild()
    answer = desk.answer(ANNA) | {"classes": classes}
    with pytest.raises(SealError, match="classes"):
        checked(answer, ORIGIN, KEY.public)


def leave_out_a_record(answer: dict[str, Any]) -> None:
    answer["parts"][2]["records"].pop()


def leave_out_all(answer: dict[str, Any]) -> None:
    for part in answer["parts"]:
        part["records"] = []


def leave_out_a_day(answer: dict[str, Any]) -> None:
    answer["parts"].pop(2)


def leave_out_the_late_one(answer: dict[str, Any]) -> None:
    answer["parts"].pop()


def change_a_record(answer: dict[str, Any]) -> None:
    body = base64.b64decode(answer["parts"][0]["records"][0])
    answer["parts"][0]["records"][0] = base64.b64encode(body.replace(b'"m-7/4"', b'"m-6/4"')).decode()


def repeat_a_record(answer: dict[str, Any]) -> None:
    answer["parts"][0]["records"].append(answer["parts"][0]["records"][0])


def take_another_days_part(answer: dict[str, Any]) -> None:
    answer["parts"][1] |= {key: answer["parts"][0][key] for key in ("proof", "records")}


def prove_another_users_absence(answer: dict[str, Any]) -> None:
    """The attack that the neighbors prevent: show that somebody else is not there."""
    entry = answer["parts"][0]["proof"]["entries"]
    answer["parts"][0]["records"] = []
    entry[0][0] = "0" * 32


def claim_a_smaller_count(answer: dict[str, Any]) -> None:
    answer["parts"][0]["records"].pop()
    answer["parts"][0]["proof"]["entries"][0][1] -= 1


def sign_fewer_seals(answer: dict[str, Any]) -> None:
    answer["seals"], answer["checkpoints"] = answer["seals"][:3], answer["checkpoints"][:3]


def drop_the_signature(answer: dict[str, Any]) -> None:
    answer["checkpoints"].pop()


def edit_a_seals_times(answer: dict[str, Any]) -> None:
    """Make the seal of day 2 look as if it could not concern the week."""
    seal = json.loads(answer["seals"][2])
    seal["classes"]["hospital"]["newest_us"] = 1
    answer["seals"][2] = json.dumps(seal, sort_keys=True, separators=(",", ":"))
    answer["parts"].pop(2)


def break_the_proof(answer: dict[str, Any]) -> None:
    answer["parts"][0]["proof"] = {"at": 0}


@pytest.mark.parametrize(
    "spoil",
    [
        leave_out_a_record, leave_out_all, leave_out_a_day, leave_out_the_late_one, change_a_record, repeat_a_record,
        take_another_days_part, prove_another_users_absence, claim_a_smaller_count, sign_fewer_seals,
        drop_the_signature, edit_a_seals_times, break_the_proof,
    ],
)  # fmt: skip
def test_an_answer_with_a_gap_is_refused(spoil: Change_, desk: Desk) -> None:
    desk.index.rebuild()
    answer = desk.answer(ANNA)
    assert checked(copy.deepcopy(answer), ORIGIN, KEY.public)
    spoil(answer)
    with pytest.raises((SealError, chain.BadRecord)):
        checked(answer, ORIGIN, KEY.public)


def test_another_key_or_name_signs_no_answer(desk: Desk) -> None:
    desk.index.rebuild()
    answer = desk.answer(ANNA)
    for origin, key in ((ORIGIN, OTHER_KEY.public), ("elsewhere", KEY.public), (ORIGIN, b"short")):
        with pytest.raises(SealError):
            checked(answer, origin, key)


def test_the_tool_checks_an_answer(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk.index.rebuild()
    file = tmp_path / "answer.json"
    call = ["answer", str(file), "--origin", ORIGIN, "--key", KEY.public.hex()]
    file.write_text(json.dumps(desk.answer(ANNA)))
    assert verify.main(call) == 0
    assert capsys.readouterr().out.endswith(
        f"complete: 29 events of {ANNA} from {START} to {START + WEEK} in hospital\n"
    )
    answer = desk.answer(ANNA)
    leave_out_a_day(answer)
    file.write_text(json.dumps(answer))
    assert verify.main(call) == 1
    assert capsys.readouterr().out == "ALARM missing: nothing is said about the hospital records of seal 2\n"
    file.write_text("[]")
    assert verify.main(call) == 1
    capsys.readouterr()
    file.write_text(json.dumps(desk.answer(ANNA)))
    kept = tmp_path / "kept.json"
    last = desk.world.kept[-1]
    kept.write_text(last.model_dump_json())
    assert verify.main([*call, "--known", str(kept)]) == 0
    kept.write_text(last.model_copy(update={"root": "0" * 64}).model_dump_json())
    capsys.readouterr()
    assert verify.main([*call, "--known", str(kept)]) == 1
    assert capsys.readouterr().out == "ALARM fork: another history was signed for 14 seals\n"
    kept.write_text(last.model_copy(update={"size": 15}).model_dump_json())
    assert verify.main([*call, "--known", str(kept)]) == 1
    assert capsys.readouterr().out == "ALARM rollback: 15 seals were signed, 14 are here\n"


def test_every_question_is_an_event_before_it_is_answered(desk: Desk) -> None:
    desk.index.rebuild()
    desk.answer(ANNA)
    desk.world.seal()
    asked = [events.decode(record.payload) for record in desk.queue.records["desk.hospital"]]
    assert [(e.actor, e.what.about) for e in asked if isinstance(e.what, Read)] == [(AUDITOR, ANNA)]
    assert desk.world.codes(now=desk.world.now) == {"late-seal"}  # this world seals once a day
    desk.queue.away = True
    with pytest.raises(AuditUnavailable):
        desk.answer(ANNA)


@pytest.mark.parametrize(
    ("tenant", "about", "kind"),
    [("st-mary", ANNA, "hospital"), ("bank", CARL, "standard"), (events.OPERATOR, None, "hospital")],
)
def test_a_question_is_kept_as_long_as_the_tenant_that_it_is_about(
    tenant: str, about: str | None, kind: str, desk: Desk
) -> None:
    """It names a user: in the longer class a bank's user would be in compliance mode for six years."""
    desk.index.rebuild()
    desk.index.find(*desk.question(about, START, START + WEEK, tenant))
    assert {name: len(sent) for name, sent in desk.queue.records.items()} == {f"desk.{kind}": 1}


def test_the_index_is_a_copy(desk: Desk) -> None:
    """An administrator edits the index; the answer is checked against the seals, and a new index is as before."""
    total = desk.index.rebuild()
    before = desk.index.find(*desk.question(ANNA, START, START + WEEK))
    desk.index._db.execute("DELETE FROM event WHERE actor = ?", (ANNA,))
    desk.now += 1
    assert desk.index.find(*desk.question(ANNA, START, START + WEEK)) == []
    assert len(checked(desk.answer(ANNA), ORIGIN, KEY.public)) == 29
    assert desk.index.rebuild() == total
    desk.now += 1
    assert desk.index.find(*desk.question(ANNA, START, START + WEEK)) == before


def test_an_index_in_a_file_answers_the_next_process(desk: Desk, tmp_path: Path) -> None:
    total = Index(desk.world.archive, desk.recorder, CONTRACTS, tmp_path / "index").rebuild()
    desk.index = Index(desk.world.archive, desk.recorder, CONTRACTS, tmp_path / "index")
    assert len(desk.index.find(*desk.question(ANNA, START, START + 2 * WEEK))) == 14 * 4 + 1
    assert total == 14 * 4 + 1 + 1 + 14  # Anna's, Ben's, and one a day of Carl's


def test_a_seal_at_the_end_of_the_question_is_late_enough(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write("r01.hospital", opened(hex_id(1), ANNA))
    world.seal()
    desk = Desk(world)
    desk.index.rebuild()
    assert len(checked(desk.answer(ANNA, to_us=world.now), ORIGIN, KEY.public)) == 1
    with pytest.raises(SealError, match="older than the end"):
        checked(desk.answer(ANNA, to_us=world.now + 1), ORIGIN, KEY.public)


def test_a_repeated_delivery_counts_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    again = opened(hex_id("twice"), ANNA)
    world.write("r01.hospital", again)
    world.write("r02.hospital", again)
    world.seal()
    world.now = START + WEEK
    world.seal()
    desk = Desk(world)
    assert desk.index.rebuild() == 2
    assert len(desk.index.find(*desk.question(ANNA, START, START + 1))) == 1
    assert len(checked(desk.answer(ANNA), ORIGIN, KEY.public)) == 1


def test_a_second_event_under_a_known_id_is_shown(tmp_path: Path) -> None:
    """A writer's bug, or a trick: were it taken for a copy, the answer would be proven and still lack it."""
    world = World(tmp_path)
    shared = hex_id("once")
    world.write("r01.hospital", opened(hex_id("a"), ANNA, id=shared), opened(hex_id("b"), ANNA, id=shared))
    world.seal()
    world.now = START + WEEK
    world.seal()
    desk = Desk(world)
    desk.index.rebuild()
    assert len(desk.index.find(*desk.question(ANNA, START, START + 1))) == 2
    found = checked(desk.answer(ANNA), ORIGIN, KEY.public)
    assert {e.request for e in found} == {hex_id("a"), hex_id("b")}


def test_an_answer_names_the_writers_that_may_have_more(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """r04 fell silent in the week and has not come back: what it holds is not sealed, so no proof speaks of it."""
    world = World(tmp_path / "quiet")
    world.write("r01.hospital", opened(hex_id(1), ANNA))
    world.write("r04.hospital", opened(hex_id(4), ANNA))
    world.write("r04.standard", event(actor=CARL))
    world.seal()
    world.now = START + WEEK
    world.write("r01.hospital", opened(hex_id(2), ANNA, world.now))
    world.seal()
    quiet = Desk(world)
    quiet.index.rebuild()
    answer = quiet.answer(ANNA)
    assert len(checked(answer, ORIGIN, KEY.public)) == 2
    assert search.unfinished(answer) == ["r04.hospital"]
    assert (
        search.unfinished(quiet.answer(ANNA, to_us=START + MINUTE)) == []
    )  # it spoke after the end of this one
    both = quiet.answer(ANNA, classes=archive.CLASSES)
    assert search.unfinished(both) == ["r04.hospital", "r04.standard"]
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(answer))
    assert verify.main(["answer", str(file), "--origin", ORIGIN, "--key", KEY.public.hex()]) == 0
    assert "note  silent: r04.hospital" in capsys.readouterr().out
    world.write("r04.hospital", opened(hex_id(5), ANNA, START + 2 * MINUTE))  # its journal arrives
    world.seal()
    later = quiet.answer(ANNA)
    assert search.unfinished(later) == []
    assert len(checked(later, ORIGIN, KEY.public)) == 3


def directory(world: World) -> Directory:
    """Its notices go straight into the log; in production by the outbox."""

    def log(what: Literal["enrolled", "erased"], tenant: str, pseudonym: str) -> None:
        notice = events.notice(
            what, hex_id(what, pseudonym), world.now, "directory", tenant=tenant, actor=pseudonym
        )
        world.write("directory.hospital", notice)

    return Directory(b"k" * 32, os.urandom, log)


def drop_the_row(people: Directory) -> None:
    """Anna's next request makes her somebody new."""
    del people._secrets[people._at("st-mary", "anna")]
    people.enroll("st-mary", "anna")


def exchange_two_secrets(people: Directory) -> None:
    anna, ben = people._at("st-mary", "anna"), people._at("st-mary", "ben")
    people._secrets[anna], people._secrets[ben] = people._secrets[ben], people._secrets[anna]


def replace_a_secret(people: Directory) -> None:
    people._secrets[people._at("st-mary", "anna")] = b"s" * 32


@pytest.mark.parametrize("swap", [drop_the_row, exchange_two_secrets, replace_a_secret])
def test_a_proof_about_another_pseudonym_shows_by_the_persons_requests(
    swap: Callable[[Directory], None], tmp_path: Path
) -> None:
    """Swap a secret: the directory's administrator gives Anna a pseudonym under which there is nothing to find."""
    world = World(tmp_path)
    people = directory(world)
    anna, ben = (people.enroll("st-mary", name) for name in ("anna", "ben"))
    requests = [hex_id("anna", n) for n in range(3)]
    world.write("r01.hospital", *(opened(request, anna) for request in requests))
    world.write("r01.hospital", opened(hex_id("ben"), ben))
    world.seal()
    assert persons(logged(world), people.pseudonyms()) == ([], [])

    swap(people)
    world.now = START + WEEK
    world.seal()
    desk = Desk(world)
    desk.index.rebuild()
    shown = checked(desk.answer(people.pseudonym("st-mary", "anna")), ORIGIN, KEY.public)
    assert {e.request for e in shown}.isdisjoint(requests)  # the proof holds: it is about somebody else
    assert not_shown(shown, requests) == sorted(requests)
    assert anna in persons(logged(world), people.pseudonyms()).lost
    theirs = checked(desk.answer(anna), ORIGIN, KEY.public)
    assert not_shown(theirs, requests) == []


def test_what_the_directory_has_and_nobody_enrolled_shows(tmp_path: Path) -> None:
    world = World(tmp_path)
    people = directory(world)
    gone = people.enroll("st-mary", "carl")
    people.erase("st-mary", "carl")
    anna, ben = (people.enroll("st-mary", name) for name in ("anna", "ben"))
    exchange_two_secrets(people)
    world.seal()
    found = persons(logged(world), people.pseudonyms())
    assert found.lost == sorted([anna, ben])
    assert found.made_up == sorted(people.pseudonym("st-mary", name) for name in ("anna", "ben"))
    assert not {gone, anna, ben} & set(found.made_up)


def logged(world: World) -> list[Event]:
    return [events.decode(payload) for payload in payloads(world)]


def test_an_erased_person_cannot_be_found_and_everything_verifies(tmp_path: Path) -> None:
    world = World(tmp_path)
    people = directory(world)
    anna = people.enroll("st-mary", "anna@st-mary.example")
    sealed = people.seal("st-mary", "anna@st-mary.example", "1" * 32, "Anna Muster, 203.0.113.7")
    world.write("r01.hospital", opened("1" * 32, anna, person=sealed))
    world.seal()
    stored = b"".join(path.read_bytes() for path in world.archive.folder.rglob("*") if path.is_file())
    assert b"Muster" not in stored
    assert b"anna@" not in stored
    before = world.check()
    people.erase("st-mary", "anna@st-mary.example")
    world.seal()
    assert before.findings == []
    assert world.codes() == set()
    assert people.enroll("st-mary", "anna@st-mary.example") != anna
    enrolled, kept, erased = [e for e in map(events.decode, payloads(world)) if e.actor == anna]
    assert kept.person == sealed  # the fact and the ciphertext stay
    assert (enrolled.what, erased.what) == (Notice(what="enrolled"), Notice(what="erased"))


def payloads(world: World) -> list[bytes]:
    found = []
    for seal in map(seals.read_seal, world.archive.bodies()):
        for kind in archive.CLASSES:
            found += [r.payload for r in archive.unpack(world.archive.segment(seal, kind) or b"")]
    return found


def test_a_real_outcome_wins_over_the_sweeps() -> None:
    unknown = event(Outcome(status="unknown", generated=0, delivered=0), request="1" * 32)
    real = event(Outcome(status="disconnected", generated=9, delivered=4), request="1" * 32)
    for order in ([unknown, real], [real, unknown]):
        assert search.outcomes(order) == {"1" * 32: real.what}


def test_other_peoples_counters_show_what_was_never_handed_over() -> None:
    prompt = outbox.digest("You are a nurse's assistant.")
    introduced = event(Change(target="prompt/triage", before=None, after=prompt, approver=BEN), role="admin")

    def request(n: int, system_prompt: str = prompt) -> Event:
        made = opened(hex_id(n))
        return made.model_copy(update={"what": made.what.model_copy(update={"system_prompt": system_prompt})})

    def outcome(n: int, tokens: int, status: Any = "completed") -> Event:
        return event(Outcome(status=status, generated=tokens, delivered=0), request=hex_id(n))

    seen = [introduced, request(1), outcome(1, 400), request(2), outcome(2, 400), request(3), request(4)]
    seen += [outcome(4, 0, "unknown"), request(5, "9" * 64), outcome(5, 7)]
    billed = {hex_id(1): 400, hex_id(2): 250, hex_id(3): 10, hex_id(4): 90, hex_id(6): 400}
    found = reconcile(seen, billed)
    assert found.unlogged == [hex_id(6)]  # the gateway kept silent
    assert found.unbilled == [hex_id(5)]
    assert found.open_ended == [hex_id(3)]
    assert found.other_tokens == [hex_id(2)]
    assert found.unknown_prompts == ["9" * 64]  # a prompt that was edited in the database, past the outbox


def test_no_chain_shows_what_was_never_handed_over(tmp_path: Path) -> None:
    """Keep silent: the log verifies, and only billing knows better."""
    world = World(tmp_path)
    world.write("r01.hospital", opened(hex_id(1)))
    world.seal()
    assert world.codes() == set()
    seen = [events.decode(payload) for payload in payloads(world)]
    assert reconcile(seen, {hex_id(1): 1, hex_id(2): 1}).unlogged == [hex_id(2)]


def test_a_record_that_is_no_event_shows(tmp_path: Path) -> None:
    """Canonical, linked and sealed, but with a field that the schema does not have."""
    world = World(tmp_path)
    payload = json.loads(events.encode(event())) | {"prompt": "text"}
    body = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
    head = chain.genesis(ORIGIN, "r01.hospital")
    world.sealer.accept(chain.extend(head, "r01.hospital", body).body)
    world.seal()
    assert world.codes() == {"altered"}
    assert subjects.actor_of(Record("r01.hospital", 1, head.link, body)) == ANNA
