"""What may enter the log: canonical text, the closed schema, records and frames, people's data, trees."""

from __future__ import annotations

import hashlib
import json
import math
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from examples.audit_logging import canonical, chain, events, merkle, subjects
from examples.audit_logging.canonical import NotCanonical
from examples.audit_logging.chain import BadRecord, Record, Torn
from examples.audit_logging.events import Change, Event, Outcome, Tool
from examples.audit_logging.people import Directory, Erased
from tests.examples.test_audit_logging import ANNA, BEN, CARL, ORIGIN, START, event, hex_id, opened

# Canonical text


def test_the_subset_equals_the_standards_own_example() -> None:
    """RFC 8785, section 3.2.2 without its fractions; the bytes are the RFC's for the rest."""
    value = {"literals": [None, True, False], "numbers": [333333333, 4, -2], "string": '€$A\'B"\\\\"/'}
    assert canonical.encode(value) == (
        b'{"literals":[null,true,false],"numbers":[333333333,4,-2],"string":"\xe2\x82\xac$A\'B\\"\\\\\\\\\\"/"}'
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text('aZ é€日"\\/𝄞', max_size=6),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.text("az09._:/-", min_size=1, max_size=5), children, max_size=3)
    ),
    max_leaves=12,
)


@given(json_values)
def test_one_value_has_one_text(value: Any) -> None:
    try:
        data = canonical.encode(value)
    except NotCanonical:
        return  # nested too deep
    assert canonical.decode(data) == value
    assert canonical.encode(json.loads(data)) == data
    for other in (json.dumps(value).encode(), b" " + data, data + b"\n"):
        if other != data:
            with pytest.raises(NotCanonical):
                canonical.decode(other)


@pytest.mark.parametrize(
    "value",
    [
        1.0, 0.1, float("nan"), float("inf"), 2**53, -(2**53), (1,), b"x", {1: 2}, {"A": 1}, {"k\n": 1}, {"": 1},
        "a\nb", "a\r", "\x1b[31m", "\x00", "\u202eevil", "\u2028", "\ufeff", "\ud800", "e\u0301", "\u200b",
        [[[[[[[1]]]]]]], "x" * canonical.MAX_BYTES,
    ],
    ids=repr,
)  # fmt: skip
def test_hostile_values_are_refused(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical.encode(value)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}', b'{"b":1,"a":2}', b"1.0", b"1e2", b"-0", b"NaN", b"01", b'"\\u0061"', b'"\\n"', b"\xff", b"",
        b"[" * 100_000, b"9" * 5_000, b"{} {}", b'"' + b"x" * canonical.MAX_BYTES + b'"',
    ],
    ids=lambda text: repr(text[:12]),
)  # fmt: skip
def test_hostile_texts_are_refused(text: bytes) -> None:
    with pytest.raises(NotCanonical):
        canonical.decode(text)


# The schema


def test_an_event_comes_back_as_it_was() -> None:
    for what in (
        opened("1" * 32).what,
        Outcome(status="disconnected", generated=400, delivered=120),
        Tool(
            call="7" * 32,
            tool="orders.create",
            effect="write",
            target="order/17",
            arguments="3" * 64,
            stage="intent",
        ),
        Change(target="prompt/triage", before=None, after="4" * 64, approver=BEN),
    ):
        assert events.decode(events.encode(event(what))) == event(what)


def test_there_is_no_place_for_a_text() -> None:
    """The text of prompts, secrets and names has no field, and a field that is not in the schema is an error."""
    good = json.loads(events.encode(opened("1" * 32)))
    for name in ("prompt", "answer", "authorization", "api_key", "email", "comment"):
        for where in (good | {name: "x"}, good | {"what": good["what"] | {name: "x"}}):
            with pytest.raises(ValidationError):
                Event.model_validate_json(json.dumps(where))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tenant", "Anna Muster, born 1970"), ("tenant", "a\n"), ("tenant", "x" * 81), ("tenant", ""),
        ("tenant", "st-mary\nforged line"), ("actor", "anna@example.org"), ("actor", "A" * 32), ("actor", "a" * 33),
        ("at_us", -1), ("at_us", 1.5), ("at_us", "1"), ("at_us", True), ("at_us", 2**53), ("role", "root"),
        ("id", ""), ("person", "not sealed"), ("person", "x" * 1025), ("v", 2), ("request", "r-1"), ("policy", None),
    ],
)  # fmt: skip
def test_hostile_fields_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        event(**{field: value}) if field != "at_us" else event(at_us=value)
    with pytest.raises(ValueError, match=r".*"):
        events.encode(event().model_copy(update={field: value}))  # a copy is not checked, encoding is
    with pytest.raises(ValueError, match=r".*"):
        events.decode(
            json.dumps(json.loads(events.encode(event())) | {field: value}, sort_keys=True).encode()
        )


def test_a_pattern_cannot_tell_a_key_from_an_identifier() -> None:
    """Why the gateway fills the identifiers in, and neither the client nor the model."""
    assert event(credential="sk-live-0123456789abcdef").credential == "sk-live-0123456789abcdef"
    assert event(tenant="patient-has-a-rare-disease")


def test_a_patient_is_a_target_by_pseudonym() -> None:
    """Who is acted upon has a secret to destroy too."""
    people = Directory(b"k" * 32, lambda n: b"r" * n, unlogged)
    target = f"patient/{people.enroll('st-mary', 'patient 4711')}"
    what = Tool(
        call="7" * 32, tool="chart.read", effect="read", target=target, arguments="3" * 64, stage="done"
    )
    assert b"4711" not in events.encode(event(what))
    people.erase("st-mary", "patient 4711")
    with pytest.raises(Erased):
        people.pseudonym("st-mary", "patient 4711")


def test_only_the_end_of_something_is_past() -> None:
    def tool(stage: Any) -> Tool:
        return Tool(call="7" * 32, tool="t", effect="write", target="x", arguments="3" * 64, stage=stage)

    outcome = Outcome(status="failed", generated=0, delivered=0)
    past = [outcome, tool("done"), tool("failed"), tool("unknown")]
    assert all(events.is_past(event(what)) for what in past)
    change = Change(target="x", before=None, after=None, approver=None)
    begins = [opened("1" * 32).what, tool("intent"), event().what, change]
    assert not any(events.is_past(event(what)) for what in begins)


def test_an_event_stays_far_below_a_kilobyte() -> None:
    people = Directory(b"k" * 32, lambda n: b"r" * n, unlogged)
    actor = people.enroll("st-mary", "anna")
    person = people.seal("st-mary", "anna", "1" * 32, "Anna Muster, anna@st-mary.example, 203.0.113.7")
    full = opened("1" * 32, actor, person=person)
    record = chain.extend(chain.genesis(ORIGIN, "r01.hospital"), "r01.hospital", events.encode(full))
    assert 600 < len(chain.frame([record.body])) < 1_000


# Records and frames


def test_no_two_records_hash_the_same_bytes() -> None:
    """Moving a byte between neighboring fields changes the link: lengths stand first."""
    prev = bytes(32)
    one, two = Record("ab", 1, prev, b"cd"), Record("abc", 1, prev, b"d")
    assert one.head.link != two.head.link
    assert chain.framed(b"a", b"bc") != chain.framed(b"ab", b"c")
    assert chain.genesis("a", "bc").link != chain.genesis("ab", "c").link
    body = one.body
    assert one.head.link == hashlib.sha256(b"llm-audit/record/1\n" + body).digest()
    assert one.head.link != hashlib.sha256(body).digest() != merkle.leaf(body)


def test_the_bytes_of_a_record_are_these() -> None:
    """Written down once, so that a change of format cannot go unnoticed."""
    record = Record("r1", 1, bytes(range(32)), b"{}")
    assert (
        record.body.hex()
        == "01" + "0002" + "0000000000000001" + bytes(range(32)).hex() + "00000002" + "7231" + "7b7d"
    )


@given(st.binary(max_size=80))
def test_bytes_are_a_record_or_refused(data: bytes) -> None:
    try:
        assert chain.parse(data).body == data
    except BadRecord:
        return


@given(st.lists(st.lists(st.binary(max_size=30), min_size=1, max_size=3), max_size=4), st.data())
def test_frames_are_cut_where_they_were_joined(batches: list[list[bytes]], data: st.DataObject) -> None:
    joined = b"".join(chain.frame(bodies) for bodies in batches)
    assert [bodies for _, bodies in chain.frames(joined)] == batches
    cut = data.draw(st.integers(0, len(joined)))
    found: list[list[bytes]] = []
    stop: Torn | None = None
    try:
        for _, bodies in chain.frames(joined[:cut]):
            found.append(bodies)
    except Torn as torn:
        stop = torn
    whole = sum(len(chain.frame(bodies)) for bodies in found)
    assert (stop is None) == (whole == cut)
    assert stop is None or (stop.offset, stop.followed) == (whole, False)
    assert found == batches[: len(found)]
    assert whole == cut or cut < whole + len(chain.frame(batches[len(found)]))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda body: body[:40], lambda body: b"\2" + body[1:], lambda body: body[:3] + bytes(8) + body[11:],
        lambda body: body + b"x", lambda body: body.replace(b"r1", "\xe9".encode()),
    ],
)  # fmt: skip
def test_a_record_of_another_form_is_refused(wrong: Callable[[bytes], bytes]) -> None:
    body = Record("r1", 1, bytes(32), b"{}").body
    assert chain.parse(body).stream == "r1"
    with pytest.raises(BadRecord):
        chain.parse(wrong(body))


@pytest.mark.parametrize("content", [b"\0\0", b"\0\0\0\5abc", chain.framed(b"whole") + b"\0\0\0\1"])
def test_a_frame_with_a_right_checksum_has_to_be_filled(content: bytes) -> None:
    """What a writer with a bug would leave: no crash, so it is not taken for a torn end."""
    data = struct.pack(">II", len(content), zlib.crc32(content)) + content
    with pytest.raises(BadRecord, match="fill"):
        list(chain.frames(data))


WHOLE = chain.frame([b"whole"])
LONG = bytes(chain.MAX_FRAME + 1)
BROKEN = {
    "never written: the checksum of nothing is 0": (bytes(8), False),
    "never written, and more of it": (bytes(16), False),
    "too long": (struct.pack(">II", len(LONG), zlib.crc32(LONG)) + LONG, False),
    "too short for its length, with a checksum that fits": (struct.pack(">I", 10) + WHOLE[4:], False),
    "another byte at the end": (WHOLE[:-1] + b"E", False),
    "another byte before a whole frame": (WHOLE[:-1] + b"E" + WHOLE, True),
}


@pytest.mark.parametrize(("data", "followed"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_whole_frame_is_torn(data: bytes, followed: bool) -> None:
    with pytest.raises(Torn) as torn:
        list(chain.frames(WHOLE + data))
    assert (torn.value.offset, torn.value.followed) == (len(WHOLE), followed)


def test_a_frame_has_its_limits() -> None:
    for bodies in ([], [b"x" * chain.MAX_FRAME]):
        with pytest.raises(BadRecord):
            chain.frame(bodies)


def test_following_wants_number_and_link() -> None:
    start = chain.genesis(ORIGIN, "r01.hospital")
    first = chain.extend(start, "r01.hospital", b"1")
    second = chain.extend(first.head, "r01.hospital", b"2")
    assert chain.follow(chain.follow(start, first), second) == second.head
    skipped = Record("r01.hospital", 3, first.head.link, b"2")
    for head, record in (
        (start, second), (first.head, first), (chain.Head(1, bytes(32)), second), (first.head, skipped),
    ):  # fmt: skip
        with pytest.raises(BadRecord):
            chain.follow(head, record)


# Trees. Expected values by an independent, naive reading of the definition, and the published ones for 0 to 8 leaves.


def naive(data: list[bytes]) -> bytes:
    if len(data) <= 1:
        return hashlib.sha256(b"".join(b"\0" + each for each in data)).digest()
    half = 1
    while half * 2 < len(data):
        half *= 2
    return hashlib.sha256(b"\1" + naive(data[:half]) + naive(data[half:])).digest()


def test_the_published_roots() -> None:
    """The test vectors of Certificate Transparency's reference implementation."""
    data = [bytes.fromhex(h) for h in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
    data.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
    expected = {
        0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    for size, root in expected.items():
        assert merkle.root([merkle.leaf(each) for each in data[:size]]).hex() == root


def test_every_proof_of_every_small_tree() -> None:
    data = [bytes([n]) for n in range(20)]
    leaves = [merkle.leaf(each) for each in data]
    roots = {n: naive(data[:n]) for n in range(21)}
    for size in range(1, 21):
        assert merkle.root(leaves[:size]) == roots[size]
        for index in range(size):
            path = merkle.inclusion(index, leaves[:size])
            assert len(path) <= (size - 1).bit_length()
            assert merkle.includes(leaves[index], index, size, path, roots[size])
            assert not merkle.includes(
                leaves[index - 1] if index else leaves[1], index, size, path, roots[size]
            )
            assert not merkle.includes(leaves[index], index, size, [*path, leaves[0]], roots[size])
            assert not merkle.includes(leaves[index], size, size, path, roots[size])
            if path:
                assert not merkle.includes(leaves[index], index, size, path[:-1], roots[size])
            if index + 1 < size:
                assert not merkle.includes(leaves[index], index + 1, size, path, roots[size])
        for old in range(1, size + 1):
            proof = merkle.consistency(old, leaves[:size])
            assert merkle.extends(old, size, roots[old], roots[size], proof)
            assert not merkle.extends(old, size, roots[old - 1], roots[size], proof)
            assert not merkle.extends(old, size, roots[old], roots[old - 1], proof)
            assert not merkle.extends(old, size, roots[old], roots[size], [*proof, leaves[0]])
            assert not merkle.extends(size, old, roots[size], roots[old], proof) or old == size
            if proof:
                assert not merkle.extends(old, size, roots[old], roots[size], proof[:-1])
    assert not merkle.extends(0, 3, merkle.EMPTY, roots[3], [])
    assert not merkle.extends(3, 5, roots[3], roots[5], [])  # no proof at all
    with pytest.raises(IndexError):
        merkle.inclusion(3, leaves[:3])
    with pytest.raises(IndexError):
        merkle.consistency(0, leaves[:3])


def test_the_proofs_of_the_specifications_example() -> None:
    """C2SP merkle-tree: seven entries, in its letters."""
    data = [bytes([n]) for n in range(7)]
    a, b, c, d, e, f, g = (merkle.leaf(each) for each in data)
    h, i, j = merkle.node(a, b), merkle.node(c, d), merkle.node(e, f)
    k, low = merkle.node(h, i), merkle.node(j, g)
    leaves = [a, b, c, d, e, f, g]
    assert merkle.inclusion(0, leaves) == [b, i, low]
    assert merkle.inclusion(4, leaves) == [f, g, k]
    assert merkle.inclusion(6, leaves) == [j, k]
    assert merkle.consistency(3, leaves) == [c, d, h, low]
    assert merkle.consistency(4, leaves) == [low]
    assert merkle.consistency(6, leaves) == [j, g, k]


def test_an_inner_node_is_no_leaf() -> None:
    a, b = merkle.leaf(b"a"), merkle.leaf(b"b")
    assert merkle.leaf(a + b) != merkle.node(a, b)


# One actor's records are all there


actors = st.lists(st.sampled_from([ANNA, BEN, CARL, "d" * 32]), max_size=12)


def records_of(names: list[str]) -> list[Record]:
    head, found = chain.genesis(ORIGIN, "r01.hospital"), []
    for i, name in enumerate(names):
        found.append(chain.extend(head, "r01.hospital", events.encode(event(actor=name, at_us=START + i))))
        head = found[-1].head
    return found


@settings(max_examples=60, deadline=None)
@given(actors, st.sampled_from([ANNA, BEN, CARL, "0" * 32, "f" * 32]))
def test_an_answer_is_complete_or_refused(names: list[str], actor: str) -> None:
    records = records_of(names)
    all_entries = subjects.entries(records)
    size, root = len(all_entries), merkle.root([entry.leaf for entry in all_entries])
    theirs = [record for record in records if subjects.actor_of(record) == actor]
    proof = subjects.prove(all_entries, actor)
    assert subjects.proven(proof, actor, size, root, theirs)
    assert not subjects.proven(proof, "e" * 32, size, root, theirs) or (
        not theirs and len(proof.entries) == 2
    )
    assert not subjects.proven(proof, actor, size + 1, root, theirs) or proof.at + len(proof.entries) < size
    if theirs:  # one left out, all left out, one twice, another order
        wrong = [theirs[1:], [], [*theirs, theirs[-1]]] + ([theirs[::-1]] if len(theirs) > 1 else [])
        for each in wrong:
            assert not subjects.proven(proof, actor, size, root, each)
        for other in all_entries:  # another's absence or entry proves nothing here
            if other.actor not in (actor, subjects.HIGH):
                foreign = subjects.prove(all_entries, other.actor)
                assert not subjects.proven(foreign, actor, size, root, [])
    else:
        assert not subjects.proven(proof, actor, size, root, records_of([actor]))


def test_neighbors_have_to_be_neighbors() -> None:
    """Two true entries with somebody between them prove nothing."""
    all_entries = subjects.entries(records_of([ANNA, BEN, CARL]))
    leaves = [entry.leaf for entry in all_entries]
    paths = [merkle.inclusion(1, leaves), merkle.inclusion(3, leaves)]
    fake = subjects.Proof(1, [all_entries[1], all_entries[3]], paths)
    assert not subjects.proven(fake, BEN, len(leaves), merkle.root(leaves), [])
    # True neighbors, but the one who is hidden stands elsewhere, or is one of the two.
    for at, hidden in ((1, CARL), (2, ANNA), (0, ANNA), (1, ANNA)):
        pair = [at, at + 1]
        paths = [merkle.inclusion(i, leaves) for i in pair]
        away = subjects.Proof(at, [all_entries[i] for i in pair], paths)
        assert not subjects.proven(away, hidden, len(leaves), merkle.root(leaves), [])
    assert not subjects.proven(subjects.Proof(0, [], []), BEN, len(leaves), merkle.root(leaves), [])
    true = subjects.prove(all_entries, BEN)
    for proof in (true._replace(paths=[]), true._replace(paths=true.paths * 2), true._replace(at=-1)):
        assert not subjects.proven(
            proof, BEN, len(leaves), merkle.root(leaves), records_of([ANNA, BEN, CARL])[1:2]
        )


# People


@pytest.fixture
def people() -> Directory:
    numbers = iter(range(10_000))
    return Directory(b"k" * 32, lambda n: hashlib.sha512(str(next(numbers)).encode()).digest()[:n], unlogged)


def unlogged(what: str, tenant: str, pseudonym: str) -> None:
    """For tests that are not about the directory's events."""


def test_only_what_changes_the_directory_is_an_event() -> None:
    seen: list[tuple[str, str, str]] = []
    people = Directory(b"k" * 32, lambda n: b"r" * n, lambda *event: seen.append(event))
    anna = people.enroll("st-mary", "anna")
    people.enroll("st-mary", "anna")
    people.erase("st-mary", "anna")
    people.erase("st-mary", "anna")
    assert seen == [("enrolled", "st-mary", anna), ("erased", "st-mary", anna)]
    assert people.pseudonyms() == set()
    assert people.pseudonyms() != {people.enroll("bank", "anna")} == people.pseudonyms()


def test_an_erasure_leaves_every_byte_and_takes_the_meaning(people: Directory) -> None:
    anna, ben = people.enroll("st-mary", "anna"), people.enroll("st-mary", "ben")
    assert people.enroll("st-mary", "anna") == anna != ben
    sealed = people.seal("st-mary", "anna", "1" * 32, "Anna Muster")
    digest = people.digest("st-mary", "anna", "the prompt")
    before = events.encode(event(actor=anna, person=sealed))
    assert people.unseal("st-mary", "anna", "1" * 32, sealed) == "Anna Muster"
    assert people.erase("st-mary", "anna")
    assert not people.erase("st-mary", "anna")
    for ask in (
        lambda: people.unseal("st-mary", "anna", "1" * 32, sealed),
        lambda: people.pseudonym("st-mary", "anna"),
        lambda: people.digest("st-mary", "anna", "the prompt"),
        lambda: people.seal("st-mary", "anna", "1" * 32, "x"),
    ):
        with pytest.raises(Erased):
            ask()
    assert events.encode(event(actor=anna, person=sealed)) == before
    assert people.enroll("st-mary", "anna") != anna  # who comes back is somebody new
    assert people.digest("st-mary", "anna", "the prompt") != digest
    assert people.pseudonym("st-mary", "ben") == ben


def test_the_pseudonym_gives_nothing_of_the_other_keys_away(people: Directory) -> None:
    """Everybody may see the pseudonym; were it the beginning of the sealing key, half of that would be public."""
    people.enroll("st-mary", "anna")
    keys = [people._derived("st-mary", "anna", purpose) for purpose in (b"pseudonym", b"seal", b"digest")]
    assert len({key[:16] for key in keys}) == 3
    assert people.pseudonym("st-mary", "anna") == keys[0].hex()[:32]


def test_tenants_and_events_do_not_mix(people: Directory) -> None:
    here, there = people.enroll("st-mary", "anna"), people.enroll("bank", "anna")
    assert here != there
    assert people.enroll("st-marya", "nna") not in (here, there)
    sealed = people.seal("st-mary", "anna", "1" * 32, "Anna Muster")
    for tenant, person, event_id in (("bank", "anna", "1" * 32), ("st-mary", "anna", "2" * 32)):
        with pytest.raises(ValueError, match="not this person's"):
            people.unseal(tenant, person, event_id, sealed)
    assert people.digest("st-mary", "anna", "yes") != hashlib.sha256(b"yes").hexdigest()
    assert people.seal("st-mary", "anna", hex_id(1), "x") != people.seal("st-mary", "anna", hex_id(1), "x")


def test_whoever_has_the_table_alone_cannot_try_names_against_it(people: Directory) -> None:
    """A row's name needs the key service's key. The value by OpenSSL: with another, nobody who is there is found."""
    people.enroll("st-mary", "anna")
    ((row, secret),) = people._secrets.items()
    assert row.hex() == "8058fef80807e812a72a677c56e4438deff36a3e6f7a2fa2a02b598cb5c5a4d8"
    assert len(secret) == 32


@pytest.mark.parametrize("text", ["", "A", "An", "Ann", "Anna Muster, 203.0.113.7"])
def test_a_sealed_text_of_any_length_is_read_again(text: str, people: Directory) -> None:
    people.enroll("st-mary", "anna")
    sealed = people.seal("st-mary", "anna", "1" * 32, text)
    assert "=" not in sealed
    assert len(sealed) == math.ceil((12 + len(text) + 16) * 4 / 3)  # a nonce of 96 bits, a tag of 128
    assert people.unseal("st-mary", "anna", "1" * 32, sealed) == text
