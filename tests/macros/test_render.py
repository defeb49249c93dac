import pytest
from bs4 import BeautifulSoup

from macros import render
from macros.catalog import load_catalog
from macros.evidence import EvidenceFile, Origin
from macros.question import Difficulty
from tests.macros.pages import DRILL, FIRST, REST, page, write_docs


@pytest.fixture
def catalog(tmp_path):
    return load_catalog(
        write_docs(
            tmp_path,
            {
                "technical/a.md": page(number="1", title="'Fish \"&\" <chips>'", difficulty="mid-senior"),
                "technical/b.md": page(FIRST, number="2", answer="pending", minutes="45", difficulty="staff"),
                "debugging/c.md": page(FIRST + DRILL + REST, number="3", minutes="20"),
            },
        )
    )


def soup(html):
    return BeautifulSoup(html, "html.parser")


@pytest.mark.parametrize(
    ("source", "address", "root"),
    [
        ("index.md", "", "./"),
        ("topics.md", "topics/", "../"),
        ("questions/index.md", "questions/", "../"),
        ("questions/technical/a.md", "questions/technical/a/", "../../../"),
    ],
)
def test_addresses(source, address, root):
    assert render.address_of(source) == address
    assert render.root_of(address) == root


def test_chips_lead_to_the_listing_of_their_kind(catalog):
    chips = soup(render.chips(catalog.get(1), "../"))
    found = {(link.text, link["href"]) for link in chips.select("a")}
    assert found == {
        ("Question 1", "../q/1/"),
        ("Technical", "../questions/technical/"),
        ("●○○ Mid-senior (L4/L5)", "../difficulty/#mid-senior"),
        ("rate-limiting", "../topics/#tag:rate-limiting"),
        ("redis", "../topics/#tag:redis"),
    }
    assert "30 minutes" in chips.text
    assert chips.select_one(".marks")["aria-hidden"] == "true"


def test_marks_tell_the_levels_apart_without_color():
    assert [render.marks(difficulty) for difficulty in Difficulty] == ["●○○", "●●○", "●●●"]


def test_titles_are_escaped_everywhere(catalog):
    html = render.header(catalog.get(1), "") + render.footer(catalog.get(2), catalog, "")
    html += render.question_table(catalog.questions, "")
    assert "<chips>" not in html
    assert soup(html).select_one(".page-tools")["data-title"] == '1. Fish "&" <chips>'


def test_only_a_pending_page_says_so(catalog):
    assert soup(render.footer(catalog.get(2), catalog, "")).select_one(".pending")
    assert not soup(render.footer(catalog.get(1), catalog, "")).select_one(".pending")


def test_the_table_has_a_row_a_question_with_what_filters_need(catalog):
    table = soup(render.question_table(catalog.questions, "../"))
    assert table.caption.text == "3 questions, 95 minutes"
    rows = table.select("tbody tr")
    assert [row["data-number"] for row in rows] == ["1", "2", "3"]
    assert rows[1].attrs == {
        "data-number": "2",
        "data-category": "technical",
        "data-difficulty": "staff",
        "data-minutes": "45",
        "data-topics": "rate-limiting redis",
    }
    assert [bool(row.select(".questions__pending")) for row in rows] == [False, True, False]
    assert rows[0].select_one(".questions__title a")["href"] == "../questions/technical/a/"
    assert all(len(row.select("td")) == len(table.select("th")) for row in rows)


def test_totals_are_counted(catalog):
    table = soup(render.distribution(catalog, ""))
    cells = [[cell.text for cell in row.select("th, td")] for row in table.select("tr")]
    assert cells == [
        ["Category", "Mid-senior", "Senior", "Staff", "All", "Minutes"],
        ["Technical", "1", "0", "1", "2", "75"],
        ["Debugging", "0", "1", "0", "1", "20"],
        ["All", "1", "1", "1", "3", "95"],
    ]


def test_a_drills_files_are_linked_from_its_page(catalog):
    files = [
        EvidenceFile("a.csv", "ä" * 600, Origin.SIMULATED, "Rows", {}),
        EvidenceFile("b.log", "x" * 64_000, Origin.CAPTURED, "Lines", {}),
    ]
    assert render.evidence_table(catalog.get(3), files).splitlines()[2:] == [
        "| [a.csv](../../evidence/c/a.csv) | 1 kB, simulated | Rows |",
        "| [b.log](../../evidence/c/b.log) | 64 kB, captured from a run | Lines |",
    ]


def test_each_stage_has_a_labelled_field():
    field = soup(render.guess(2)).textarea
    assert field["id"] == "guess-2"
    assert field.find_parent("label")["for"] == "guess-2"
