"""What a kept result's key is made of: the texts of modules, and what is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from macros import store


@pytest.fixture(autouse=True)
def _no_text_is_known() -> Iterator[None]:
    yield
    store.text_of.cache_clear()


def test_a_text_is_that_of_a_module_or_of_all_below_a_folder(tmp_path: Path) -> None:
    def texts() -> tuple[str, str]:
        store.text_of.cache_clear()
        return store.text_of(tmp_path), store.text_of(tmp_path / "one.py")

    deeper = tmp_path / "folder" / "two.py"
    deeper.parent.mkdir()
    (tmp_path / "one.py").write_text("one = 1\n")
    deeper.write_text("two = 2\n")
    first = texts()
    deeper.write_text("two = 3\n")
    second = texts()
    assert [now == then for now, then in zip(second, first, strict=True)] == [False, True]
    (tmp_path / "one.py").write_text("one = 2\n")
    assert [now == then for now, then in zip(texts(), second, strict=True)] == [False, False]


def test_what_makes_a_result_is_python_this_package_and_the_distributions_named() -> None:
    python, package, versions = store.makers("Markdown", "jinja2")
    assert "3." in str(python)
    assert package == store.text_of(Path(store.__file__).parent)
    assert versions == (*store.versions("Markdown"), *store.versions("jinja2"))
