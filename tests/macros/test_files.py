"""Files whole or not at all, and kept results that are what was kept, or nothing."""

from __future__ import annotations

import logging
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from macros import files

DATA = b"<svg>\n" + bytes(range(256)) + b"</svg>"


@contextmanager
def full_disk(free: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: the system itself refuses the rest, as it does on a disk without room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_cannot_be_written_whole_stays_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "name.json"
    files.put(path, b"before")
    with full_disk(100), pytest.raises(OSError, match=r"File too large: '.*/folder/name\.json'"):
        files.put(path, b"after" * 100)
    assert path.read_bytes() == b"before"
    assert list(path.parent.iterdir()) == [path]


def test_drafts_that_a_killed_build_left_are_hidden_and_swept(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    left, page = tmp_path / "a" / ".name.json.123.draft", tmp_path / "a" / "page.draft.md"
    for path in (left, page):
        path.write_text("half")
    assert files.is_draft(left)
    assert not files.is_draft(page)
    assert not files.is_draft(tmp_path / ".hidden")
    files.sweep(tmp_path)
    assert list((tmp_path / "a").iterdir()) == [page]


def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    assert files.kept(tmp_path / "key") is None
    for data in (DATA, b"", b"\n"):
        files.keep(tmp_path / "key", data)
        assert files.kept(tmp_path / "key") == data


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "cut off": lambda whole: whole[:-1],
    "cut off in its first line": lambda whole: whole[:20],
    "half of it zeros, as after a power failure": lambda whole: whole[:100] + bytes(len(whole) - 100),
    "one bit turned": lambda whole: whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
    "longer": lambda whole: whole + b"more",
    "garbage": lambda whole: b"\xff\x00garbage\n" * 9,
    "without its first line, as another version kept it": lambda whole: whole.partition(b"\n")[2],
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_is_damaged_counts_as_not_there(name: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    files.keep(path, DATA)
    path.write_bytes(DAMAGE[name](path.read_bytes()))
    assert files.kept(path) is None
    files.keep(path, DATA)
    assert files.kept(path) == DATA


def test_a_cache_that_cannot_be_written_is_told_of_once_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "cache" / "key"
    # A folder where the file should be cannot be read, nor replaced: not by root either, whom no permission stops.
    path.mkdir(parents=True)
    for _ in range(2):
        files.keep(path, DATA)
        assert files.kept(path) is None
    assert [record.getMessage() for record in caplog.records] == [
        f"Nothing can be kept in {path.parent} for the next build: Is a directory"
    ]
    assert list(path.parent.iterdir()) == [path]


def test_what_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    files.write(tmp_path, {"a/b.txt": "one", "c.txt": "two"})
    before = (tmp_path / "a/b.txt").stat().st_mtime_ns
    files.write(tmp_path, {"a/b.txt": "one", "c.txt": "three"})
    assert (tmp_path / "a/b.txt").stat().st_mtime_ns == before
    assert (tmp_path / "c.txt").read_text() == "three"
    files.write(tmp_path, {"d.bin": b"\x00\xff"})
    assert (tmp_path / "d.bin").read_bytes() == b"\x00\xff"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b.txt", "c.txt", "d.bin"]
