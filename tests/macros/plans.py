"""Plans for property tests: every plan that a link can hold, large and small."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from macros.plan_link import LIMITS, LinkedDay, LinkedItem, LinkedPlan

FIRST = date(2020, 1, 1)
LAST = date(2120, 1, 1)

# No controls, no lone surrogates, and none of what the codecs refuse.
_CHARACTERS = st.characters(
    exclude_categories=("Cc", "Cs", "Zl", "Zp"),
    exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff",
)


def texts(limit: int, least: int = 0, breaks: bool = False) -> st.SearchStrategy[str]:
    """Texts of at most `limit` UTF-16 units; short ones by far the most."""
    characters = st.one_of(_CHARACTERS, st.just("\n")) if breaks else _CHARACTERS
    short = st.text(characters, min_size=least, max_size=12)
    return st.one_of(short, short, short, st.text(characters, min_size=least, max_size=limit // 2))


ITEMS = st.one_of(
    st.builds(
        LinkedItem,
        question=st.integers(1, LIMITS["question"]),
        text=st.just(""),
        minutes=st.just(0),
        note=st.one_of(st.just(""), texts(LIMITS["note"], breaks=True)),
    ),
    st.builds(
        LinkedItem,
        question=st.none(),
        text=texts(LIMITS["text"], least=1),
        minutes=st.integers(0, LIMITS["minutes"]),
        note=st.one_of(st.just(""), texts(LIMITS["note"], breaks=True)),
    ),
)


@st.composite
def plans(draw: st.DrawFn) -> LinkedPlan:
    offsets = sorted(draw(st.sets(st.integers(0, LIMITS["offset"]), max_size=15)))
    days = tuple(
        LinkedDay(
            offset,
            draw(texts(LIMITS["note"], breaks=True)),
            tuple(draw(st.lists(ITEMS, max_size=5))),
        )
        for offset in offsets
    )
    start = draw(st.one_of(st.none(), st.dates(FIRST, LAST)))
    interview = draw(st.one_of(st.none(), st.dates(start, LAST))) if start else None
    return LinkedPlan(draw(texts(LIMITS["title"])), start, interview, days)
