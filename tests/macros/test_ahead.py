"""Copies of a build's process do a part of its pages, and nobody has to know."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from macros.ahead import MANY, SIGN, Ahead

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="there are no copies there")


@pytest.fixture
def ahead() -> Iterator[Ahead]:
    """Copies, of which none is left."""
    made = Ahead()
    yield made
    copies = list(made._copies)
    made.end()
    for copy in copies:
        with pytest.raises(ProcessLookupError):
            os.kill(copy, 0)


class Done:
    """Where copies tell which pages they have done; they fail as pages fail in a build."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._reads, self._writes = os.pipe()

    def convert(self, page: int) -> None:
        assert os.getpid() != self._process
        if page == 5:
            raise ValueError("a fault of this page")
        if page == 6:
            os.write(2, b"a macro has failed")
            sys.exit(1)
        os.write(self._writes, bytes([page]))

    def pages(self) -> set[int]:
        """All pages that have been done when the last copy has ended."""
        os.close(self._writes)
        with os.fdopen(self._reads, "rb") as told:
            return set(told.read())


def test_copies_do_all_pages_once_many_have_had_to_be_converted(
    ahead: Ahead, capfd: pytest.CaptureFixture[str]
) -> None:
    pages, done = list(range(3 * MANY)), Done()
    ahead.begin(pages, done.convert, cores=4)
    assert len(ahead._copies) == 3
    for _ in range(SIGN):
        ahead.missed()
    assert done.pages() == set(pages) - {5, 6}
    assert capfd.readouterr() == ("", ""), "what is to be said is said by the build"


def test_copies_that_are_not_needed_end_without_having_done_anything(ahead: Ahead) -> None:
    done = Done()
    ahead.begin(list(range(MANY)), done.convert, cores=2)
    assert len(ahead._copies) == 1
    for _ in range(SIGN - 1):
        ahead.missed()
    ahead.rest()
    assert done.pages() == set()


@pytest.mark.parametrize(("pages", "cores"), [(MANY - 1, 2), (MANY, 1)])
def test_what_is_not_worth_a_copy_gets_none(ahead: Ahead, pages: int, cores: int) -> None:
    ahead.begin(list(range(pages)), Done().convert, cores=cores)
    assert not ahead._copies
    for _ in range(SIGN):
        ahead.missed()


def test_a_build_beside_a_servers_threads_gets_none(ahead: Ahead) -> None:
    ahead.is_alone = False
    ahead.begin(list(range(MANY)), Done().convert, cores=2)
    assert not ahead._copies
