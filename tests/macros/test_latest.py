import pytest

from macros.latest import latest


def test_what_depends_on_the_same_is_made_once_and_the_last_alone_is_kept():
    made = []

    def make(value):
        return lambda: made.append(value) or value

    assert [latest(("a", 1), make("x")), latest(("a", 1), make("y"))] == ["x", "x"]
    assert latest(("a", 2), make("z")) == "z"
    assert latest(("a", 1), make("w")) == "w"
    assert made == ["x", "z", "w"]


def test_what_fails_is_not_kept():
    with pytest.raises(ZeroDivisionError):
        latest("fails", lambda: 1 / 0)
    assert latest("fails", lambda: "mended") == "mended"
