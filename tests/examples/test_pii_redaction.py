"""Emails, taxpayers' numbers and cards: what validates them, and that no text takes their patterns long."""

import re
import time

import pytest

from examples.pii_redaction.cards import _CARD, _OPEN_CARD, Cards, luhn
from examples.pii_redaction.names import trained
from examples.pii_redaction.patterns import (
    _CUE,
    _DOMAIN,
    _LOCAL_AT,
    _NINE,
    _OPEN_EMAIL,
    _OPEN_NINE,
    _OPEN_STAND_IN,
    STAND_IN,
    Emails,
    Ssns,
    issued,
    kind_of,
)
from examples.pii_redaction.scanner import Scanner
from examples.pii_redaction.spans import Kind


class NoNames:
    def names(self, text):
        return []


def found(text, kind=None, orders=(), is_order=None):
    look_up = is_order or (lambda digits: digits in orders)
    spans = Scanner([Emails(), Cards(), Ssns(look_up)], NoNames()).scan(text)
    return [text[s.start : s.end] for s in spans if kind in (None, s.kind)]


class TestSsns:
    @pytest.mark.parametrize(
        ("digits", "may_be"),
        [
            ("001010001", True),
            ("899999999", True),  # issued only since June 2011
            ("773121234", True),  # likewise: above the highest area of before
            ("078051120", True),  # of an advertisement: valid, so redacting it is right
            ("000121234", False),
            ("666121234", False),
            ("900121234", False),
            ("999121234", False),
            ("123001234", False),
            ("123450000", False),
        ],
    )
    def test_issuing_rules(self, digits, may_be):
        assert issued(digits[:3], digits[3:5], digits[5:]) is may_be
        assert bool(found(f"SSN {digits}")) is may_be
        assert bool(found(f"{digits[:3]}-{digits[3:5]}-{digits[5:]}")) is may_be

    @pytest.mark.parametrize("mark", ["-", " ", ".", "\u2011", "\u2013", "\u00a0", "\uff0d"])
    def test_separators_suffice(self, mark):
        typed = mark.join(("219", "09", "9998"))
        assert found(f"it is {typed}, thanks") == [typed]

    @pytest.mark.parametrize("typed", ["219 - 09 - 9998", "219- 09 -9998", "219  09  9998", "219. 09. 9998"])
    def test_blanks_around_separators(self, typed):
        assert found(f"it is {typed}, thanks") == [typed]
        assert found(f"it is {typed}7") == []

    @pytest.mark.parametrize("typed", ["219 -099998", "219-09.9998", "219 09-9998", "21909 9998"])
    def test_separators_that_differ_need_the_word(self, typed):
        assert found(f"here: {typed}") == []
        assert found(f"my ssn: {typed}") == [typed]

    @pytest.mark.parametrize(
        "typed", ["219   09   9998", "219/09/9998", "219-09-\n9998", "219\t09\t9998", "2 1 9 0 9 9 9 9 8"]
    )
    def test_what_the_page_says_is_not_found(self, typed):
        assert found(f"my ssn is {typed}") == []
        assert found("jane%40example.com, jane (at) example.com") == []

    @pytest.mark.parametrize(
        "text",
        [
            "1219-09-9998",
            "219-09-99981",
            "219-09-9998-7",
            "12-219-09-9998",
            "94105-1234",
            "ZIP 94105-1234",
            "(555) 219-0999",
            "2190999981",
            "219-099998",
            "xxx-xx-9998",
        ],
    )
    def test_neighbors_that_are_something_else(self, text):
        assert found(text, orders={"219099998"}) == []

    def test_a_bare_number_is_what_the_nearest_word_says(self):
        text = "my ssn is 219099998 and my order is 345678901"
        assert found(text, orders={"219099998", "345678901"}) == ["219099998"]
        assert found("345678901 is my order", orders={"345678901"}) == []
        assert found("219099998 is my social", orders={"219099998"}) == ["219099998"]
        assert found("219-099998 is my social") == ["219-099998"]

    def test_without_a_word_the_tenants_orders_decide_and_silence_counts_against_it(self):
        assert found("here: 345678901", orders={"345678901"}) == []
        assert found("here: 345678901") == ["345678901"]
        assert found("here: 345678901", is_order=lambda _: None) == ["345678901"]
        assert found("order 345678901", is_order=lambda _: None) == []

    def test_a_labeled_number_is_never_sent_to_the_look_up(self):
        asked = []
        found("ssn 219099998, 219-09-9998, 000123456", is_order=lambda digits: asked.append(digits))
        assert asked == []

    def test_social_media_is_no_cue(self):
        assert found("social media post 345678901", orders={"345678901"}) == []


class TestEmails:
    @pytest.mark.parametrize(
        "address",
        [
            "jane.doe+x@example.com",
            "o'brien@mail.example.co.uk",
            "j@ex-ample.io",
            "用户@例子.公司",
            "jané@exämple.com",
            "jane@xn--bcher-kva.example",
            "jane@shop.xn--p1ai",
            "a_b%c@d.museum",
        ],
    )
    def test_addresses(self, address):
        for text in (address, f"<{address}>", f"mail {address}.", f"(mailto:{address})", f"x={address};"):
            assert found(text) == [address]

    @pytest.mark.parametrize(
        "text", ["@jane", "jane@", "jane@localhost", "a@b", "jane@.com", "x @ y.com", "3@4.5"]
    )
    def test_no_addresses(self, text):
        assert found(text) == []

    def test_of_a_link_only_the_address(self):
        assert found("https://shop.example/?mail=jane@example.com&x=1") == ["jane@example.com"]

    def test_of_a_long_run_the_last_64_characters_count(self):
        text = "x" * 200 + "@example.com"
        assert found(text) == ["x" * 64 + "@example.com"]

    def test_an_address_is_at_most_254_characters(self):
        text = "a" * 64 + "@" + "b.c" * 200 + ".com"
        assert all(len(address) <= 254 for address in found(text))
        assert found(text)

    def test_two_that_share_characters_are_read_from_the_left(self):
        assert found("a@b.co@c.co") == ["a@b.co"]


class TestItins:
    @pytest.mark.parametrize(
        ("group", "is_itin"),
        [
            (49, False),
            (50, True),
            (65, True),
            (66, False),
            (69, False),
            (70, True),
            (88, True),
            (89, False),
            (90, True),
            (92, True),
            (93, False),
            (94, True),
            (99, True),
            (0, False),
        ],
    )
    def test_middle_digits(self, group, is_itin):
        assert (kind_of("912", f"{group:02}", "1234") is Kind.ITIN) is is_itin
        assert found(f"it is 912-{group:02}-1234", Kind.ITIN) == [f"912-{group:02}-1234"] * is_itin

    def test_a_bare_one_needs_the_word_and_asks_no_look_up(self):
        asked = []
        assert found("here: 912701234", is_order=lambda digits: asked.append(digits)) == []
        assert found("my itin: 912701234", Kind.ITIN, is_order=lambda digits: asked.append(digits)) == [
            "912701234"
        ]
        assert found("order 912701234 is late") == []
        assert asked == []

    def test_an_ssn_is_none(self):
        assert kind_of("219", "70", "9998") is Kind.SSN
        assert found("219-70-9998", Kind.ITIN) == []


class TestCards:
    @pytest.mark.parametrize(
        ("digits", "fits"),
        [
            ("79927398713", True),
            ("79927398710", False),
            ("4111111111111111", True),
            ("378282246310005", True),
            ("4111111111111112", False),
            ("5555555555554444", True),
            ("0", True),
            ("18", True),
            ("81", False),
        ],
    )
    def test_luhn_against_published_numbers(self, digits, fits):
        """The account number of the usual worked example, and the card networks' test numbers."""
        assert luhn(digits) is fits

    def test_every_wrong_digit_and_most_swaps_are_noticed(self):
        good = "4111111111111111"
        wrong = {good[:i] + digit + good[i + 1 :] for i in range(16) for digit in "0123456789"} - {good}
        assert len(wrong) == 144
        assert not any(map(luhn, wrong))
        assert luhn("09") is luhn("90"), "the one swap of neighbors that it does not notice"

    @pytest.mark.parametrize(
        "card",
        [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "3782 822463 10005",
            "3782-822463-10005",
            "2223003122003222",
            "4222222222222",
            "6304000000000000000",
            "3056 930902 5904",
            "4111.1111.1111.1111",
        ],
    )
    def test_forms(self, card):
        for text in (card, f"card {card}.", f"{card}, 04/28", f"x{card}y", f"12-{card}", f"{card} 123"):
            assert found(text, Kind.CARD) == [card]

    @pytest.mark.parametrize(
        "text",
        [
            "4111111111111112",
            "4111 1111-1111 1111",
            "41111111 11111111",
            "1111111111111117",
            "7992739871300000",
            "4111 1111 1111 11111",
            "04111111111111111",
            "422222222222",
            "41111111111111111111",
            "4111  1111 1111 1111",
        ],
    )
    def test_what_is_none(self, text):
        assert found(text, Kind.CARD) == []

    def test_a_card_behind_a_number_that_looks_like_its_first_group(self):
        assert found("store 2345 4111 1111 1111 1111", Kind.CARD) == ["4111 1111 1111 1111"]

    def test_one_random_number_in_ten_fits_and_so_does_every_imei(self):
        fits = sum(luhn(f"6{n:015}") for n in range(10_000))
        assert fits == 1_000
        assert found("IMEI 490154203237518", Kind.CARD) == ["490154203237518"]


HOSTILE = {
    "no at": "a" * 1000,
    "dots": "a." * 500,
    "ats": "@" * 1000,
    "at words": "a@" * 500,
    "almost": "a@" + "a." * 499,
    "hyphens": "a@" + "-" * 998,
    "labels": ("x" * 63 + ".") * 15 + "@",
    "digits": "1" * 1000,
    "dashes": "1-" * 500,
    "nearly nine": "123-45-678 " * 90,
    "nines": "123456789 " * 100,
    "cards": "4111 1111 1111 1112 " * 50,
    "groups": "4111 " * 200,
    "fours": "4-" * 500,
    "brackets": "[" * 1000,
    "half stand-ins": "[EMAIL-abcdefg" * 71,
    "cues": "ssn order " * 100,
    "blanks": " " * 1000,
    "marks": "\u0301" * 1000,
    "joiners": "1\u200d" * 500,
    "ligatures": "\ufdfa" * 1000,
    "apostrophes": "a'" * 500,
    "initials": "J. " * 333,
    "capitals": "Aa " * 333,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_sixteen_times_the_text_takes_no_more_than_sixteen_times_the_time(text):
    """A quadratic pattern would take 256 times; the bound leaves room for a busy machine. Processor time, best of five."""
    scanner = Scanner([Emails(), Cards(), Ssns(lambda _: False)], trained())

    def best(long):
        times = []
        for _ in range(5):
            begin = time.process_time()
            scanner.scan(long)
            times.append(time.process_time() - begin)
        return min(times)

    scanner.scan(text)
    assert best(text * 4) < 64 * max(best(text[: len(text) // 4]), 0.0005)


@pytest.mark.parametrize(
    "pattern",
    [_LOCAL_AT, _DOMAIN, _OPEN_EMAIL, _NINE, _OPEN_NINE, _CUE, _CARD, _OPEN_CARD, STAND_IN, _OPEN_STAND_IN],
    ids=lambda pattern: pattern.pattern[:20],
)
def test_no_pattern_can_backtrack_without_bound(pattern):
    """Every repetition without a bound is possessive, and none stands in another without a bound."""
    bare = re.sub(r"\\.|\[[^\]]*\]", "x", pattern.pattern)
    assert not re.search(r"[*+](?!\+)", bare.replace("++", "").replace("*+", "").replace("}+", "}"))
    assert not re.search(r"\)[*+]", bare)
