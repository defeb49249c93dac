"""Small results of one file: what a build has asked for is there for the next, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from macros import store


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(store, "CACHE_DIR", tmp_path)
    return tmp_path / "many.json"


def built(*asked: str, maker: str = "Markdown", others: bool = False) -> list[str]:
    """What had to be made by a build that asks for these."""
    made: list[str] = []
    many = store.Many("many.json", maker)

    def make(facts: str) -> Callable[[], Any]:
        return lambda: made.append(facts) or {"of": facts}

    for facts in asked:
        assert many.get(facts, make(facts)) == {"of": facts}
    many.keep(others)
    return made


def test_what_was_made_once_is_there_for_the_next_build() -> None:
    assert built("a", "b", "a") == ["a", "b"]
    assert built("b", "a", "c") == ["c"]
    assert built("a", "b", "c") == []


def test_what_nothing_asks_for_any_more_goes() -> None:
    built("a", "b")
    assert built("b") == []
    assert built("a", "b") == ["a"]


def test_what_another_process_asks_for_can_be_kept_too() -> None:
    built("a", "b")
    assert built("b", "c", others=True) == ["c"]
    assert built("a", "b", "c") == []


def test_what_another_maker_has_made_is_made_again() -> None:
    built("a")
    assert built("a", maker="jinja2") == ["a"]


def test_a_damaged_file_is_none(cache: Path) -> None:
    built("a")
    cache.write_bytes(cache.read_bytes()[:-1])
    assert built("a") == ["a"]


def test_a_build_that_asks_for_the_same_writes_nothing(cache: Path) -> None:
    built("a", "b")
    before = cache.stat()
    built("b", "a")
    assert (cache.stat().st_ino, cache.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
