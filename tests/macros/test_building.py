"""A site takes the place of the last one whole or not at all. tests/site/test_faults.py builds for real."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from macros import __main__ as program
from macros import building, finish, sizes, store
from macros.faults import SourceError
from macros.site import Site

SITE = Site("Name", "What it is.", "https://a.example/")
# Larger than any process of Linux or macOS.
DEAD = 2**22 + 1


def generator(status: int = 0, text: str = "new") -> Callable[..., subprocess.CompletedProcess[str]]:
    """Stands in for the generator: writes a site of one page into the folder that it is told, and ends with the status."""

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        draft = Path(command[-1])
        draft.mkdir()
        for name in ("index.html", "404.html"):
            (draft / name).write_text(text, encoding="utf-8")
        return subprocess.CompletedProcess(command, status)

    return run


@pytest.fixture
def last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site that was built before; what builds the next is quick."""
    site = tmp_path / "site"
    monkeypatch.setattr(subprocess, "run", generator(text="old"))
    monkeypatch.setattr(building, "finish", lambda draft: None)
    building.build(site)
    monkeypatch.setattr(subprocess, "run", generator())
    return site


def holds(site: Path) -> str:
    assert [path.name for path in site.parent.iterdir()] == ["site"], "something was left behind"
    return (site / "index.html").read_text(encoding="utf-8")


def test_the_new_takes_the_place_of_the_old(last: Path) -> None:
    assert holds(last) == "old"
    assert "pages" in building.build(last)
    assert holds(last) == "new"


def test_a_link_goes_on_leading_to_the_site(last: Path) -> None:
    link = last.parent.parent / f"{last.parent.name}-link"
    link.symlink_to(last)
    building.build(link)
    assert link.is_symlink()
    assert holds(last) == "new"


def test_a_generator_that_fails_changes_nothing(last: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", generator(status=3))
    with pytest.raises(SystemExit, match="3"):
        building.build(last)
    assert holds(last) == "old"


def test_a_generator_that_is_killed_says_nothing_so_this_does(
    last: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", generator(status=-signal.SIGKILL))
    with pytest.raises(SourceError, match=r"mkdocs: was ended by SIGKILL .*\n    mend: .* short of memory"):
        building.build(last)
    assert holds(last) == "old"


def test_modules_add_to_the_site_before_it_is_seen(last: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, status = generator(), 0

    def add(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        if "mkdocs" in command:
            return run(command, **options)
        assert command[2] == "prints.a.pdf"
        Path(command[3], "all.pdf").write_bytes(b"%PDF")
        return subprocess.CompletedProcess(command, status)

    monkeypatch.setattr(subprocess, "run", add)
    program.main(["build", str(last), "prints.a.pdf"])
    assert holds(last) == "new"
    assert (last / "all.pdf").is_file()
    (last / "all.pdf").unlink()
    status = 1
    with pytest.raises(SystemExit, match="1"):
        program.main(["build", str(last), "prints.a.pdf"])
    assert not (last / "all.pdf").exists()


def test_a_swap_that_fails_half_way_is_taken_back(last: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def fail(path: Path, target: Path) -> Path:
        if "draft" in path.name:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(SystemExit, match="what it was"):
        program.main(["build", str(last)])
    assert holds(last) == "old"


@pytest.mark.parametrize(
    "error", [OSError(28, os.strerror(28), "x.html"), KeyboardInterrupt(), SourceError([])]
)
def test_a_step_after_it_that_fails_changes_nothing(
    last: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(draft: Path) -> None:
        raise error

    monkeypatch.setattr(building, "finish", fail)
    with pytest.raises(SystemExit) as ended:
        program.main(["build", str(last)])
    # A text is printed, and the status is 1.
    assert isinstance(ended.value.code, str)
    assert holds(last) == "old"


def test_no_folder_of_anything_else_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SourceError, match="holds something else than a built site"):
        building.build(tmp_path)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "mine"


def test_a_checkout_that_a_site_is_published_from_is_not_replaced(last: Path) -> None:
    (last / ".git").write_text("gitdir: elsewhere", encoding="utf-8")
    with pytest.raises(SourceError, match="is a checkout"):
        building.build(last)
    assert holds(last) == "old"


def test_where_a_disk_is_mounted_is_told_of_before_the_build(
    last: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "is_mount", lambda path: path == last)
    with pytest.raises(SourceError, match=r"mounted.*\n    mend: name a folder inside it"):
        building.build(last)
    assert holds(last) == "old"


def test_a_file_is_no_site(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("mine", encoding="utf-8")
    with pytest.raises(SourceError, match="is no folder"):
        building.build(tmp_path / "site")


def test_what_killed_builds_left_is_taken_back_or_removed(last: Path) -> None:
    # Killed while it took the old site's place, and another while it built.
    last.rename(last.with_name(f".site.last-{DEAD}"))
    last.with_name(f".site.draft-{DEAD}").mkdir()
    building._recover(last)
    assert holds(last) == "old"


def test_a_build_begins_with_what_a_killed_one_put_aside(last: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    last.rename(last.with_name(f".site.last-{DEAD}"))
    monkeypatch.setattr(subprocess, "run", generator(status=3))
    with pytest.raises(SystemExit):
        building.build(last)
    assert holds(last) == "old"


def test_what_a_killed_build_left_under_the_number_of_this_process_is_taken_back(last: Path) -> None:
    # In a container processes have few numbers, and the same again.
    last.rename(last.with_name(f".site.last-{os.getpid()}"))
    building._recover(last)
    assert holds(last) == "old"


def test_what_others_are_at_is_left_alone(last: Path) -> None:
    others = [f".site.draft-{os.getppid()}", f".site-of-mine.draft-{DEAD}", ".site.draft-x"]
    for name in others:
        last.with_name(name).mkdir()
    building._recover(last)
    assert sorted(path.name for path in last.parent.iterdir()) == sorted([*others, "site"])


def test_a_site_is_finished_once_and_only_as_it_was_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finish, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(finish, "STAGED", tmp_path / "staged")
    one, other = tmp_path / "one", tmp_path / "other"
    for site_dir, url in ((one, "https://one.example/"), (other, "https://other.example/")):
        site_dir.mkdir()
        finish.stage({"q/": f"# At {url}"}, SITE._replace(url=url), site_dir)
    for site_dir, url in ((one, "https://one.example/"), (other, "https://other.example/")):
        finish.lay_markdown(site_dir)
        assert (site_dir / "q/index.md").read_text(encoding="utf-8") == f"# At {url}"
        assert finish._take_facts(site_dir).url == url
        with pytest.raises(SystemExit, match=r"(?s)is not as the generator has just built it.*make build"):
            program.main([str(site_dir)])


def test_a_finish_that_is_interrupted_says_that_the_site_is_not_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(site_dir: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "finish", interrupt)
    with pytest.raises(SystemExit, match="half finished: build it again"):
        program.main([str(tmp_path)])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "Name"}', '{"what": 1}'])
def test_facts_that_are_damaged_are_no_facts(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finish, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(finish, "STAGED", tmp_path / "staged")
    finish.stage({}, SITE, tmp_path)
    (facts,) = (tmp_path / "staged").rglob(finish.FACTS)
    facts.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match="build it again"):
        finish.finish(tmp_path)


def test_what_was_staged_for_a_site_that_is_gone_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finish, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(finish, "STAGED", tmp_path / "staged")
    for name in ("of-a-server", "site"):
        (tmp_path / name).mkdir()
        finish.stage({}, SITE, tmp_path / name)
        if name == "of-a-server":
            (tmp_path / name).rmdir()
            (damaged := tmp_path / "staged" / "damaged").mkdir()
            (damaged / finish.PLACE).write_bytes(b"\xff\0")
    assert len(list((tmp_path / "staged").iterdir())) == 1


def test_the_report_tells_of_each_kind_what_it_weighs_and_what_it_weighs_on_its_way(tmp_path: Path) -> None:
    for name, data in {
        "index.html": b"a" * 10_000,
        "a/index.html": b"b" * 10_000,
        "x.png": bytes(2_000),
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    lines = [line.split() for line in sizes.report(tmp_path).splitlines()]
    rows = {line[0]: line[1:] for line in lines}
    assert rows["pages"][:2] == ["2", "20.0"]
    assert float(rows["pages"][2]) < 0.2
    assert rows["pictures"] == ["1", "2.0", "2.0"]
    assert rows["all"][:2] == ["3", "22.0"]
    assert [line[0] for line in lines][1:4] == ["pictures", "pages", "all"], "by what is sent"
    assert lines[lines.index(["heaviest"]) + 1] == ["2.0", "2.0", "x.png"]


def test_only_what_has_changed_is_compressed_to_be_weighed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.html").write_text(name * 10_000, encoding="utf-8")
    first = sizes.report(tmp_path)
    # As the next build finds it: what is in memory is gone.
    monkeypatch.setattr(sizes, "_SENT", store.Many("sizes.json"))
    compressed: list[bytes] = []
    compress = gzip.compress

    def noted(data: bytes, level: int) -> bytes:
        compressed.append(data)
        return compress(data, level)

    monkeypatch.setattr(gzip, "compress", noted)
    assert sizes.report(tmp_path) == first
    assert compressed == []
    (tmp_path / "b.html").write_text("c" * 20_000, encoding="utf-8")
    assert sizes.report(tmp_path) != first
    assert compressed == [b"c" * 20_000]
