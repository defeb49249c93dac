"""Offsets through folding, spans that collide, and windows."""

import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.pii_redaction import corpus, names
from examples.pii_redaction.cards import Cards
from examples.pii_redaction.fold import BREAK, MOST_IGNORED, fold, fold_character
from examples.pii_redaction.names import trained
from examples.pii_redaction.patterns import Emails, Ssns
from examples.pii_redaction.scanner import Scanner
from examples.pii_redaction.spans import Kind, Span, pieces, resolve
from examples.pii_redaction.windows import Windowed, windows


class NoNames:
    def names(self, text):
        return []


def found(text):
    spans = Scanner([Emails(), Cards(), Ssns(lambda _: False)], NoNames()).scan(text)
    return [text[s.start : s.end] for s in spans]


class TestFold:
    @pytest.mark.parametrize(
        ("typed", "read"),
        [
            ("\uff11\uff12\uff13", "123"),
            ("\u0661\u0662", "12"),
            ("x\u2013y\u2212z", "x-y-z"),
            ("e\u0301", "e"),
            ("\u00e9", "e"),
            ("\ufb01", "fi"),
            ("a\u200bb\u00adc", "abc"),
            ("\uff20", "@"),
            ("O\u2019Brien", "O'Brien"),
        ],
    )
    def test_what_is_read(self, typed, read):
        assert fold(typed).text == read

    def test_a_flood_of_marks_is_no_way_to_join_two_texts(self):
        assert fold("1" + "\u0301" * MOST_IGNORED + "2").text == "12"
        assert fold("1" + "\u0301" * (MOST_IGNORED + 1) + "2").text == f"1{BREAK}2"

    def test_a_mark_after_a_ligature_belongs_to_both_of_its_letters(self):
        folded = fold("a\ufb01\u0301b")
        assert (folded.text, folded.starts, folded.ends) == ("afib", [0, 1, 1, 3], [1, 3, 3, 4])

    @given(st.text())
    def test_offsets_lead_back_to_the_characters_that_were_typed(self, text):
        folded = fold(text)
        assert len(folded.text) == len(folded.starts) == len(folded.ends)
        for i, character in enumerate(folded.text):
            start, end = folded.back(i, i + 1)
            assert 0 <= start < end <= len(text)
            assert character == BREAK or character in fold_character(text[start])
            assert all(not fold_character(mark) for mark in text[start + 1 : end])

    @given(st.text(max_size=20), st.text(max_size=20))
    def test_a_cut_changes_nothing(self, left, right):
        """Which NFKC does not give: it composes a letter with the mark that comes next."""
        if not right or fold_character(right[0]):
            assert fold(left + right).text == fold(left).text + fold(right).text

    def test_nfkc_would_not_do(self):
        assert unicodedata.normalize("NFKC", "e") + unicodedata.normalize(
            "NFKC", "\u0301"
        ) != unicodedata.normalize("NFKC", "e\u0301")

    @pytest.mark.parametrize(
        "typed",
        [
            "\uff12\uff11\uff19-\uff10\uff19-\uff19\uff19\uff19\uff18",
            "2\u200b19-0\u200d9-99\u00ad98",
            "219\u201109\u20119998",
            "4111\u200b 1111\uff0d1111 1111".replace("\uff0d", "\u2009"),
            "2\u030119-09-9998\u0301",
            "jane\u200b.doe@example.com",
            "jane\uff20example\uff0ecom",
            "\u0458ane@exampl\u0435.com",
        ],
        ids=ascii,
    )
    def test_disguised_values_are_cut_out_whole(self, typed):
        text = f"\ufb01\u0301 \u4f60\u597d: {typed} \U0001f600"
        assert found(text) == [typed]


class TestResolve:
    def test_hull_by_the_stronger_kind_and_touching_spans_apart(self):
        spans = [Span(0, 5, Kind.NAME), Span(3, 9, Kind.EMAIL), Span(9, 12, Kind.NAME), Span(4, 6, Kind.NAME)]
        assert resolve(spans) == [Span(0, 9, Kind.EMAIL), Span(9, 12, Kind.NAME)]

    spans = st.lists(
        st.builds(
            lambda start, size, kind: Span(start, start + size, kind),
            st.integers(0, 30),
            st.integers(1, 10),
            st.sampled_from(Kind),
        )
    )

    @given(spans, st.randoms())
    def test_covers_all_overlaps_nothing_and_forgets_the_order(self, spans, rng):
        done = resolve(spans)
        covered = {at for span in spans for at in range(span.start, span.end)}
        assert [at for span in done for at in range(span.start, span.end)] == sorted(covered)
        rng.shuffle(spans)
        assert [(s.start, s.end) for s in resolve(spans)] == [(s.start, s.end) for s in done]

    @given(st.text(min_size=41, max_size=60), spans)
    def test_pieces_add_up(self, text, spans):
        assert "".join(piece.text for piece in pieces(text, resolve(spans))) == text

    def test_an_ssn_inside_an_address_leaves_nothing_of_either(self):
        assert found("219-09-9998@example.com") == ["219-09-9998@example.com"]


class TestWindows:
    @given(st.integers(0, 3000), st.integers(2, 100), st.data())
    def test_cover_overlap_and_end(self, tokens, size, data):
        overlap = data.draw(st.integers(0, size - 1))
        row = list(windows(tokens, size, overlap))
        assert row[0][0] == 0
        assert row[-1][1] == tokens
        assert all(end - start <= size for start, end in row)
        assert all(left[1] - right[0] == overlap for left, right in pairwise(row))

    def test_an_overlap_as_long_as_the_window_would_never_end(self):
        with pytest.raises(ValueError, match="smaller"):
            list(windows(10, 5, 5))

    @settings(max_examples=60)
    @given(st.integers(0, 10**6), st.integers(8, 40))
    def test_windowed_finds_what_the_whole_text_gives(self, seed, size):
        text = " ".join(message.text for message in corpus.development(seed, 6))

        def tokens(of):
            return [(word.start, word.end) for word in names.words(of)]

        overlap = min(16, size - 1) // 2 * 2
        tagger = trained()
        longest = max((len(tokens(text[a:b])) for a, b in tagger.names(text)), default=0)
        if longest < overlap // 2:
            assert Windowed(tagger.names, tokens, size, overlap).names(text) == tagger.names(text)

    def test_a_text_without_tokens_asks_the_model_nothing(self):
        asked = []
        assert Windowed(asked.append, lambda text: []).names(" ") == []
        assert asked == []

    def test_no_window_gets_more_tokens_than_the_model_reads(self):
        sizes = []

        def model(text):
            sizes.append(len(text.split()))
            return []

        def tokens(text):
            return [match.span() for match in re.finditer(r"\S+", text)]

        Windowed(model, tokens, 512, 64).names("word " * 2400)
        assert sizes == [512] * 5 + [160]
