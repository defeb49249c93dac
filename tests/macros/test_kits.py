"""Interviewer's kits: what they draw from their questions' pages, and every fault told with its place and mend."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from markdown import markdown

from macros.catalog import load_catalog
from macros.faults import SourceError
from macros.kits import SECTIONS, Level, load_kits, score_sheet_markdown, score_sheet_text, statements
from macros.question import Difficulty
from tests.content.reading import DOCS

CATALOG = load_catalog(DOCS)
KITS = load_kits(DOCS, CATALOG)


def test_every_question_with_an_answer_has_a_kit():
    assert {kit.question.number for kit in KITS.values()} == {q.number for q in CATALOG if not q.pending}


@pytest.mark.parametrize("kit", KITS.values(), ids=lambda kit: kit.question.slug)
def test_a_kit_draws_hints_signals_and_levels_whole(kit):
    page = (DOCS / kit.question.source).read_text(encoding="utf-8")
    assert len(kit.hints) == 3
    tested = page.split("## What it tests\n")[1].split("\n## ")[0]
    assert len(kit.signals) == len(re.findall(r"^- ", tested, re.MULTILINE))
    assert all(f"- {signal}" in " ".join(tested.split()) for signal in kit.signals), "a line's end is a space"
    assert [level.name for level in kit.levels] == [f"{d.label} ({d.levels})" for d in Difficulty]
    row = {level.name: " ".join(level.heard) for level in kit.levels}
    for name, heard in row.items():
        assert f"| {name} | {heard} |" in page


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("Whose clock. What a retry charges.", ["Whose clock.", "What a retry charges."]),
        ("429 with `Retry-After`. `WAIT` told apart.", ["429 with `Retry-After`.", "`WAIT` told apart."]),
        ("p99 < 2.5 s, e.g. at peak. 36 in 150 ms.", ["p99 < 2.5 s, e.g. at peak.", "36 in 150 ms."]),
        ('Asks "why?" Says so.', ['Asks "why?"', "Says so."]),
        (
            "{{ computed('a') }}% first. {{ computed('b') }} then",
            ["{{ computed('a') }}% first.", "{{ computed('b') }} then"],
        ),
    ],
)
def test_statements_are_sentences(cell, found):
    assert list(statements(cell)) == found


def test_the_score_sheet_has_a_named_box_for_everything():
    sheet = score_sheet_markdown(["Says a.", "Says b."], [Level("Senior (L5/L6)", ("Hears c.", "Hears d."))])
    shown = BeautifulSoup(markdown(sheet, extensions=["md_in_html", "tables"]), "html.parser")
    marks = ["Not shown", "Partly", "Shown"]
    head, *rows = [[cell.text for cell in row(["th", "td"])] for row in shown("tr")]
    assert head == ["Signal", *marks]
    assert rows == [["Says a.", "", "", ""], ["Says b.", "", "", ""]]
    names = [[box["aria-label"] for box in row("input")] for row in shown("tr")[1:]]
    assert names == [[f"Signal {number}: {mark}" for mark in marks] for number in (1, 2)]
    assert [label.text.strip() for label in shown.select("ul.checks > li > label:has(> input)")] == [
        "Hears c.",
        "Hears d.",
    ]
    assert {box["autocomplete"] for box in shown("input")} == {"off"}, "nothing is kept"
    assert [part.text for part in shown("p")] == ["Senior (L5/L6): you hear"]


def test_the_score_sheet_of_a_text_is_lists_to_tick():
    sheet = score_sheet_text(["Says a.", "Says b."], [Level("Senior (L5/L6)", ("Hears c.",))])
    assert sheet.splitlines()[2:] == [
        "- [ ] Says a.",
        "- [ ] Says b.",
        "",
        "**Senior (L5/L6): you hear**",
        "",
        "- [ ] Hears c.",
    ]


@pytest.fixture
def docs(tmp_path):
    """One question with its kit."""
    kit = next(iter(KITS.values()))
    for source in (kit.question.source, kit.source):
        file = tmp_path / source
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text((DOCS / source).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "fault", "mend"),
    [
        pytest.param("\nkit: ", "\nkit: 9", "`kit` is 9", "write `kit: ", id="another number"),
        pytest.param(
            "title: \"Interviewer's kit", 'title: "Kit', "`title` is 'Kit", "Interviewer", id="title"
        ),
        pytest.param("## Clock", "## Time", "the sections differ", ", ".join(SECTIONS), id="section"),
        pytest.param(
            "## Follow-ups\n\n### ",
            "## Follow-ups\n\n### Not ",
            "follow-ups are not those",
            "its heading",
            id="follow-up",
        ),
    ],
)
def test_what_differs_from_the_question_is_told(docs, old, new, fault, mend):
    (file,) = (docs / "kits").glob("*.md")
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SourceError) as raised:
        load_kits(docs, load_catalog(docs))
    (found,) = raised.value.faults
    assert found.file == file
    assert found.line == text[: text.index(old)].count("\n") + 1 + old.count("\n"), "where it differs"
    assert fault in found.fault
    assert mend in found.mend


def test_a_kit_of_no_question_and_a_page_it_cannot_draw_from(docs):
    (docs / "kits" / "nothing.md").write_text("---\ntitle: x\n---\n", encoding="utf-8")
    page = next((docs / "questions").rglob("*.md"))
    page.write_text(
        page.read_text(encoding="utf-8")
        .replace("| Senior (L5/L6) |", "| Mittel |")
        .replace("| Mid-senior (L4/L5) |", "| Unten |")
        .replace("| Staff (L6/L7) |", "| Oben |"),
        encoding="utf-8",
    )
    with pytest.raises(SourceError) as raised:
        load_kits(docs, load_catalog(docs))
    told = {fault.file.name: fault.fault for fault in raised.value.faults}
    assert told == {
        "nothing.md": "there is no question `nothing`",
        page.name: "its kit finds no levels in it",
    }
