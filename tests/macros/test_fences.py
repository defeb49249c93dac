"""Headings are found in one search of the text, and lines one by one: both have to tell listings the same way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from macros.fences import HEADING, headings_of, lines_of

PIECES = [
    "#",
    "# ",
    "## a",
    "\n",
    "\n# b\n",
    "```",
    "~~~",
    "````",
    "\n```\n",
    " ",
    "\t",
    "c",
    "\r",
    "\f",
    "\u2028",
]


def test_what_a_listing_comments_is_no_heading() -> None:
    text = "# One\n\n```sh\n# not\n```\n#no\n\n~~~\n```\n# nor\n~~~\n### Two ##\n"
    assert headings_of(text, first_line=5) == ((1, "One", 5), (3, "Two", 16))


@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join))
def test_headings_are_the_lines_outside_of_listings_that_begin_one(text: str) -> None:
    expected = [
        (len(heading[1]), heading[2], number)
        for number, (line, code) in enumerate(lines_of(text), start=1)
        if not code and (heading := HEADING.match(line))
    ]
    assert list(headings_of(text)) == expected
