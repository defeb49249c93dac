"""The note below a reference: what checks can vouch for, and nothing where none has been."""

import json
import re
from datetime import date

import pytest
from bs4 import BeautifulSoup
from markdown import Markdown

from macros.faults import SourceError
from macros.links import FILE, NONE, dump, load

PAGE = """\
## Question

- [Elsewhere](https://example.org/alive)

## References

- [Alive](https://example.org/alive): what it supports. Read 2026-11-25.
- [Alive](https://example.org/alive) and [its part](https://example.org/alive#part).
- [Alive](https://example.org/alive), [`gone`](https://example.org/gone) and [new](https://example.org/new).
- [New](https://example.org/new), and [this site](../a.md).
- [Refused](https://example.org/refused).

## After

- [Elsewhere](https://example.org/alive)
"""
CHECKED = "2026-12-21"


def state(verdict, alive=None, archived=None):
    given = {"verdict": verdict, "checked": CHECKED, "since": alive or CHECKED}
    if alive:
        given["alive"] = alive
    if archived:
        address = f"https://web.archive.org/web/20261124010203/{archived}"
        given["archived"] = {"address": address, "taken": "2026-11-24", "seen": "2026-12-14"}
    return given


LINKS = {
    "https://example.org/alive": state("alive", CHECKED),
    "https://example.org/alive#part": state("alive", CHECKED, "https://example.org/alive"),
    "https://example.org/gone": state("gone", "2026-12-07", "https://example.org/gone"),
    "https://example.org/refused": state("unsure"),
}


def entries(file, links, page=PAGE, extensions=("toc", "def_list")):
    file.write_text(json.dumps({"note": NONE.note, "checked": CHECKED if links else None, "links": links}))
    markdown = Markdown(
        extensions=[*extensions, "macros.links"], extension_configs={"macros.links": {"file": str(file)}}
    )
    soup = BeautifulSoup(markdown.convert(page), "html.parser")
    return [entry.small.get_text() if entry.small else None for entry in soup.select("li, dd")], soup


def test_each_reference_tells_what_checks_have_seen(tmp_path):
    notes, soup = entries(tmp_path / "links.json", LINKS)
    copy = "as of 24 November 2026"
    assert notes == [
        None,
        "Link last seen alive on 21 December 2026.",
        f"Links last seen alive on 21 December 2026. Archived: its part, {copy}.",
        f"Alive: last seen alive on 21 December 2026. gone: last seen alive on 7 December 2026. gone: not found on 21 December 2026. Archived: gone, {copy}.",
        None,
        None,
        None,
    ]
    assert [time["datetime"] for time in soup.select("li:nth-of-type(3) time")][-1] == CHECKED
    archived = soup.select_one("small a")
    assert archived["href"] == "https://web.archive.org/web/20261124010203/https://example.org/alive"


def test_a_page_of_definitions_and_one_of_blocks_have_notes_too(tmp_path):
    page = "## Sources\n\nPrices\n:   [Alive](https://example.org/alive): all.\n"
    assert entries(tmp_path / "links.json", LINKS, page)[0] == ["Link last seen alive on 21 December 2026."]
    block = "//// details | Reveal the references\n    type: levels\n\n## References\n\n- [Alive](https://example.org/alive).\n\n////\n"
    notes, _ = entries(tmp_path / "links.json", LINKS, block, ("toc", "pymdownx.blocks.details"))
    assert notes == ["Link last seen alive on 21 December 2026."]


def test_before_a_check_has_run_nothing_is_said(tmp_path):
    with_none, soup = entries(tmp_path / "links.json", {})
    assert set(with_none) == {None}
    assert str(soup) == Markdown(extensions=["toc", "def_list"]).convert(PAGE)


def test_the_projects_own_file_holds_and_is_written_as_the_check_writes_it():
    assert dump(load()) == FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        (dump(NONE).replace("null", '"2026-13-01"'), "checked"),
        (dump(NONE).replace("{}", '{"ftp://example.org/": {}}'), "links"),
        (dump(NONE).replace("{}", json.dumps(LINKS)), "checked after the last run"),
    ],
)
def test_a_file_that_does_not_hold_stops_with_its_name(tmp_path, text, said):
    file = tmp_path / "links.json"
    file.write_text(text)
    with pytest.raises(SourceError, match=re.escape(said)) as raised:
        load(file)
    assert str(file) in str(raised.value)


def test_what_is_written_is_read_again_in_order(tmp_path):
    file = tmp_path / "links.json"
    file.write_text(
        json.dumps({"note": NONE.note, "checked": CHECKED, "links": dict(reversed(LINKS.items()))})
    )
    states = load(file)
    file.write_text(dump(states))
    assert load(file) == states
    assert list(load(file).links) == sorted(LINKS)
    assert states.links["https://example.org/gone"].alive == date(2026, 12, 7)


GOOD = {"verdict": "alive", "checked": CHECKED, "since": "2026-12-07", "alive": CHECKED}
MOVED = {**GOOD, "verdict": "moved", "moved_to": "https://example.org/new"}


@pytest.mark.parametrize(
    ("link", "said"),
    [
        (GOOD, None),
        (MOVED, None),
        ({**GOOD, "verdict": "gone", "alive": "2026-12-07"}, None),
        ({**GOOD, "alive": None}, "`alive` is the day"),
        ({**GOOD, "alive": "2026-12-07"}, "`alive` is the day"),
        ({**MOVED, "alive": "2026-12-07"}, "`alive` is the day"),
        ({**GOOD, "verdict": "gone"}, "`alive` is the day"),
        ({**GOOD, "since": "2026-12-22"}, "not later than `checked`"),
        ({**GOOD, "verdict": "gone", "alive": "2026-12-22"}, "not later than `checked`"),
        ({**MOVED, "moved_to": None}, "`moved_to` belongs to"),
        ({**GOOD, "moved_to": "https://example.org/new"}, "`moved_to` belongs to"),
    ],
)
def test_what_is_said_of_a_link_agrees_with_itself(tmp_path, link, said):
    file = tmp_path / "links.json"
    links = {"https://example.org/": {name: value for name, value in link.items() if value}}
    file.write_text(json.dumps({"note": NONE.note, "checked": CHECKED, "links": links}))
    if said:
        with pytest.raises(SourceError, match=re.escape(said)):
            load(file)
    else:
        assert load(file).links["https://example.org/"].verdict == link["verdict"]


def test_of_two_copies_each_is_named_and_of_one_dead_link_nothing_but_that(tmp_path):
    gone, copied = "https://example.org/gone", "https://example.org/alive#part"
    links = {copied: LINKS[copied], gone: {**LINKS[gone], "alive": None}}
    del links[gone]["alive"]
    page = f"## References\n\n- [One]({copied}) and [two]({gone}).\n- [Three]({gone}/not-archived).\n"
    links[f"{gone}/not-archived"] = state("gone")
    notes, _ = entries(tmp_path / "links.json", links, page)
    copy = "as of 24 November 2026"
    assert notes == [
        "One: last seen alive on 21 December 2026. two: not found on 21 December 2026. "
        f"Archived: One, {copy}, two, {copy}.",
        "Not found on 21 December 2026.",
    ]
