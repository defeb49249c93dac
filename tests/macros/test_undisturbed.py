"""A build waits for another of its checkout, and tells of sources that change while it runs."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from mkdocs.exceptions import Abort, ConfigurationError

from macros import exports, files, serving, undisturbed
from macros.faults import SourceError
from macros.undisturbed import Build

ROOT = Path(__file__).parents[2]

OTHER = """\
import sys
from pathlib import Path
from macros.undisturbed import Build
build = Build()
build.is_of("build")
build.begin(Path(sys.argv[1]), ())
print("begun", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    docs = tmp_path / "docs"
    (docs / "q").mkdir(parents=True)
    for name in ("a.md", "b.md"):
        (docs / name).write_text("before", encoding="utf-8")
    return docs


def begun(docs: Path, command: str = "build") -> Build:
    build = Build()
    build.is_of(command)
    build.begin(docs.parent / ".cache" / "lock", [docs])
    return build


def test_sources_that_stay_as_they_are_are_no_fault(docs: Path) -> None:
    (docs / "q/old.html").write_text("of another branch")
    build = begun(docs)
    files.write(docs, {"questions.json": "{}", "q/1/index.html": "generated"})
    exports.prune(docs, {"questions.json", "q/1/index.html"})
    (docs / ".b.md.swp").write_text("an editor's")
    assert build.end()
    assert not (docs / "q/old.html").exists()


def test_every_source_that_changed_is_named(docs: Path) -> None:
    build = begun(docs)
    (docs / "a.md").write_text("afterwards", encoding="utf-8")
    (docs / "b.md").rename(docs / "c.md")
    with pytest.raises(SourceError) as found:
        build.end()
    assert [fault.file.name for fault in found.value.faults] == ["a.md", "b.md", "c.md"]
    # The next build begins with what is there now.
    build.begin(docs.parent / ".cache" / "lock", [docs])
    build.end()


def test_what_was_read_before_the_wait_must_be_the_same_after_it(docs: Path, tmp_path: Path) -> None:
    code, settings, lock = tmp_path / "code", tmp_path / "mkdocs.yml", tmp_path / ".cache" / "lock"
    code.mkdir()
    for command, ends in (("build", True), ("serve", False)):
        for path in (settings, code / "new.py"):
            settings.write_text("as it was", encoding="utf-8")
            (code / "new.py").unlink(missing_ok=True)
            build = Build()
            build.is_of(command, (settings, code))
            build.begin(lock, [docs])
            build.end()
            build.begin(lock, [docs])
            path.write_text("otherwise, since then", encoding="utf-8")
            for step in (build.end, lambda build=build: build.begin(lock, [docs])):
                with pytest.raises(SourceError, match=path.name) if ends else nullcontext():
                    step()
            build.leave()


def test_a_server_builds_again_by_itself(docs: Path) -> None:
    build = begun(docs, "serve")
    (docs / "a.md").write_text("afterwards", encoding="utf-8")
    assert not build.end()
    build.begin(docs.parent / ".cache" / "lock", [docs])
    assert build.end()


def test_a_generator_that_tells_of_no_command_is_not_watched(docs: Path) -> None:
    build = Build()
    build.begin(docs.parent / ".cache" / "lock", [docs])
    (docs / "a.md").write_text("afterwards", encoding="utf-8")
    build.end()
    assert not (docs.parent / ".cache").exists()


def test_a_build_waits_for_another_and_not_for_one_that_was_killed(
    docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = docs.parent / ".cache" / "lock"
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(lock)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout
    assert other.stdout.readline() == "begun\n"
    told: list[str] = []

    def tell(message: str, *values: object) -> None:
        told.append(message % values)
        # Only now, so that it has to wait: a killed process lets go of what it has locked.
        other.kill()

    monkeypatch.setattr(undisturbed._log, "info", tell)
    begun(docs).end()
    other.communicate()
    assert told == [f"Another build of this checkout runs (process {other.pid}): waiting until it is done."]
    begun(docs).end()
    assert len(told) == 1


@pytest.fixture
def watched(docs: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    build = begun(docs)
    monkeypatch.setattr(serving, "BUILD", build)
    return build


@pytest.mark.parametrize(
    ("number", "mend"),
    [
        (errno.ENOSPC, "make room on the disk"),
        (errno.EDQUOT, "make room within your quota"),
        (errno.EACCES, "give yourself the permission"),
        (errno.EROFS, "build where files may be written"),
        (errno.ENOTDIR, "remove or rename what has the name"),
        (errno.EIO, "mend what the system says"),
    ],
)
def test_what_the_system_refuses_names_the_file_and_a_mend(watched: Build, number: int, mend: str) -> None:
    error = OSError(number, os.strerror(number), "site/index.html")
    with pytest.raises(Abort, match=rf"(?s)site/index\.html: .*{os.strerror(number)}\n    mend: {mend}"):
        serving.on_build_error(error)


def test_an_edit_explains_an_error_that_the_generator_has_no_words_for(watched: Build, docs: Path) -> None:
    (docs / "a.md").unlink()
    with pytest.raises(Abort, match=r"a\.md: was changed while the site was built"):
        serving.on_build_error(KeyError("a.md"))


def test_a_disk_that_is_gone_is_told_of_once(watched: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(sources: object) -> undisturbed.Stamps:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), "docs")

    monkeypatch.setattr(undisturbed, "_stamps", fail)
    with pytest.raises(Abort, match=r"site/index\.html: .*Input/output error"):
        serving.on_build_error(OSError(errno.EIO, os.strerror(errno.EIO), "site/index.html"))


def test_a_source_that_is_not_utf_8_is_found_by_what_it_broke(watched: Build, docs: Path) -> None:
    (docs / "picture.png").write_bytes(b"\0\xff")
    (docs / "listing.py").write_bytes(b"# Caf\xc3\xa9\n# caf\xe9\n")
    try:
        (docs / "listing.py").read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        with pytest.raises(Abort, match=r"^1 fault .*\n.*listing\.py:2: not UTF-8: byte 0xe9 "):
            serving.on_build_error(error)


def test_what_the_generator_says_itself_stays_as_it_is(watched: Build, docs: Path) -> None:
    serving.on_build_error(ConfigurationError("no such page"))
    serving.on_build_error(ValueError("of a macro"))
    # The lock is free again: a server that shows an error keeps no build waiting.
    begun(docs).end()
