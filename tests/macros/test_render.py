from datetime import date

import pytest
from bs4 import BeautifulSoup

from macros import render
from macros.catalog import load_catalog
from macros.evidence import EvidenceFile, Origin
from macros.kits import Kit
from macros.question import Difficulty
from macros.tally import Tally
from tests.macros.pages import DRILL, FIRST, REST, page, write_docs

SITE_URL = "https://example.org/base/"


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
    about, topics = (
        [(*item["class"], item.text, item.a and item.a["href"]) for item in chips.select(f"ul{kind} > li")]
        for kind in (":not(.chips--topics)", ".chips--topics")
    )
    assert about == [
        ("chip", "chip--number", "Question 1", "../q/1/"),
        ("chip", "chip--category", "Technical", "../questions/technical/"),
        ("chip", "chip--difficulty", "●○○ Mid-senior (L4/L5)", "../difficulty/#mid-senior"),
        ("chip", "chip--minutes", "30 minutes", None),
    ]
    assert topics == [
        ("chip", "chip--topic", "rate-limiting", "../topics/#tag:rate-limiting"),
        ("chip", "chip--topic", "redis", "../topics/#tag:redis"),
    ]
    assert chips.select_one(".marks")["aria-hidden"] == "true"


def test_marks_tell_the_levels_apart_without_color():
    assert [render.marks(difficulty) for difficulty in Difficulty] == ["●○○", "●●○", "●●●"]


def test_titles_are_escaped_everywhere(catalog):
    html = render.header(catalog.get(1), "") + render.footer(catalog.get(2), catalog, "")
    html += render.question_table(catalog.questions, "")
    assert "<chips>" not in html
    assert soup(html).select_one(".page-tools")["data-title"] == '1. Fish "&" <chips>'


def test_no_text_stands_beside_the_items_of_a_list_or_the_cells_of_a_table(catalog):
    pages = [(q.number, q.title, q.address) for q in catalog]
    html = render.chips(catalog.get(1), "") + render.footer(catalog.get(2), catalog, "")
    html += render.markdown_links(pages, SITE_URL) + render.question_table(catalog.questions, "")
    html += render.distribution(catalog, "") + render.board(catalog, "")
    html += render.figures(catalog, Tally(listings=1, figures=1, references=1, last_read=None))
    holders = soup(html)(
        ["ul", "ol", "dl", "nav", "section", "div", "table", "thead", "tbody", "tfoot", "tr"]
    )
    assert {holder.name for holder in holders} >= {"ul", "ol", "dl", "nav", "section", "table", "tr"}
    assert {text.strip() for holder in holders for text in holder(string=True, recursive=False)} == {""}
    assert {text.strip() for text in soup(html)(string=True, recursive=False)} == {""}


def test_only_a_pending_page_says_so(catalog):
    assert soup(render.footer(catalog.get(2), catalog, "")).select_one(".pending")
    assert not soup(render.footer(catalog.get(1), catalog, "")).select_one(".pending")


def test_the_table_has_a_row_a_question_with_what_filters_need(catalog):
    table = soup(render.question_table(catalog.questions, "../"))
    assert table.caption.text == "3 questions, 95 minutes"
    head = [cell.text for cell in table.select("th")]
    assert head == ["No.", "Question", "Category", "Difficulty", "Minutes", "Topics"]
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


def test_a_question_leads_to_its_other_forms_its_kit_and_what_is_related(catalog):
    kit = Kit(catalog.get(1), (), (), ())
    foot = soup(render.footer(catalog.get(1), catalog, "../", kit))
    assert [link["href"] for link in foot.select("a")] == [
        *("index.md", "../take-away/", "../kits/a/"),
        *("../questions/technical/b/", "../questions/debugging/c/"),
    ]
    assert [item.get_text() for item in foot.select(".related li")] == [
        "2. Limit a rate Technical · Staff · 45 minutes",
        "3. Limit a rate Debugging · Senior · 20 minutes",
    ]
    assert not soup(render.footer(catalog.get(1), catalog, "../")).select(".to-kit")


def test_a_question_that_shares_no_topic_has_no_list_of_related_ones(tmp_path):
    alone = load_catalog(write_docs(tmp_path, {"technical/a.md": page(number="1")}))
    assert not soup(render.footer(alone.get(1), alone, "")).select(".related")


def test_a_kit_says_whose_it_is_and_that_it_gives_the_answer_away(catalog):
    head = soup(render.kit_header(Kit(catalog.get(1), (), (), ()), "../../"))
    assert head.select_one(".kit-about").get_text() == "Technical · ●○○ Mid-senior (L4/L5) · 30 minutes"
    assert "gives the answer away" in head.select_one(".kit-warning").get_text()
    assert head.a["href"] == "../../questions/technical/a/"
    assert head.select_one(".page-tools")["data-title"] == 'Interviewer\'s kit 1: Fish "&" <chips>'


def test_kits_are_listed_by_number_with_what_their_questions_ask(catalog):
    kits = [Kit(catalog.get(number), (), (), ()) for number in (3, 1)]
    head, rule, *rows = render.kit_list(kits, "kits/index.md").splitlines()
    assert {line.count("|") for line in (head, rule, *rows)} == {5}
    assert [soup(row).get_text() for row in rows] == [
        '| [1. Fish "&" ](a.md) | Technical | ●○○ Mid-senior (L4/L5) | 30 minutes |',
        "| [3. Limit a rate](c.md) | Debugging | ●●○ Senior (L5/L6) | 20 minutes |",
    ]


def test_the_board_has_every_question_below_its_category(catalog):
    board = soup(render.board(catalog, "../"))
    assert [(part["data-category"], part.h2.a["href"]) for part in board.select("section")] == [
        ("technical", "../questions/technical/"),
        ("debugging", "../questions/debugging/"),
    ]
    items = board.select("li")
    assert [(item["value"], item.a["href"], item.a.get_text()) for item in items] == [
        ("1", "../questions/technical/a/", 'Fish "&" <chips>'),
        ("2", "../questions/technical/b/", "Limit a rate"),
        ("3", "../questions/debugging/c/", "Limit a rate"),
    ]
    assert items[1].select_one(".board__about").get_text() == "●●●Staff, 45 minutes"


def test_what_the_site_holds_is_told_with_the_day_only_where_there_is_one(catalog):
    def told(counted):
        figures = soup(render.figures(catalog, counted))
        return [(row.dd.get_text(), row.dt.get_text()) for row in figures.select("div")]

    counted = Tally(listings=1_234, figures=56, references=789, last_read=date(2026, 11, 5))
    rows = told(counted)
    assert [number for number, _ in rows] == ["3", "1,234", "56", "789"]
    assert rows[0][1] == "questions, 2 hours of interviews"
    assert rows[3][1] == "references, read up to 5 November 2026"
    assert told(counted._replace(last_read=None))[3] == ("789", "references")


def test_an_hour_and_a_half_is_told_as_two(tmp_path):
    pages = {f"technical/{number}.md": page(number=f"{number}", minutes="45") for number in (1, 2)}
    figures = render.figures(load_catalog(write_docs(tmp_path, pages)), Tally(0, 0, 0, None))
    assert soup(figures).dt.get_text() == "questions, 2 hours of interviews"


def test_links_to_questions_lead_there_from_any_page(catalog):
    question = catalog.get(2)
    for source, target in (
        ("index.md", "questions/technical/b.md"),
        ("plans/week.md", "../questions/technical/b.md"),
        ("questions/technical/a.md", "b.md"),
        ("questions/debugging/c.md", "../technical/b.md"),
    ):
        assert render.question_link(question, source) == f"[2. Limit a rate]({target})"
    assert render.plan_order(((2, 3), (2,)), catalog, "questions/technical/a.md") == (
        "- [2. Limit a rate](b.md), then [3. Limit a rate](../debugging/c.md)\n- [2. Limit a rate](b.md)"
    )


def test_links_to_what_is_made_of_a_built_site_are_absolute_and_say_no_markup(catalog):
    pages = [(q.number, q.title, q.address) for q in (catalog.get(1), catalog.get(3))]
    items = soup(render.markdown_links(pages, SITE_URL)).select("ol li")
    assert [(item["value"], item.a["href"], item.a.get_text()) for item in items] == [
        ("1", "/base/questions/technical/a/index.md", 'Fish "&" <chips>'),
        ("3", "/base/questions/debugging/c/index.md", "Limit a rate"),
    ]
    opener = soup(render.plan_opener("#plan=a&b", "../../")).a
    assert opener["href"] == "../../plans/builder/#plan=a&b"


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "1 kB"),
        (1_499, "1 kB"),
        (340_200, "340 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (1_249_999, "1.2 MB"),
    ],
)
def test_sizes_are_written_as_readers_take_them_in(count, shown):
    assert render.size(count) == shown


def test_only_what_is_filled_in_is_a_document():
    assert render.is_document("templates/postmortem.md")
    assert not render.is_document("templates/index.md")
    assert not render.is_document("questions/technical/a.md")
