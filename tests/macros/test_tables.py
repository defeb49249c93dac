from bs4 import BeautifulSoup
from markdown import markdown

from macros import tables

EXTENSIONS = ["attr_list", "md_in_html", "tables", "macros.tables"]

TABLE = """\
| Left | Right | Middle | None |
| :--- | ----: | :----: | ---- |
| a    | **b** | c      | d    |
"""


def test_columns_are_aligned_by_classes():
    html = markdown(TABLE, extensions=EXTENSIONS)
    assert "style" not in html
    assert '<th class="align-right">Right</th>' in html
    assert '<td class="align-left">a</td>' in html
    assert '<td class="align-center">c</td>' in html
    assert "<td>d</td>" in html


def test_a_cells_own_class_comes_on_top():
    html = markdown(TABLE.replace("c      |", "c {: .own }|"), extensions=EXTENSIONS)
    assert '<td class="align-center own">c</td>' in html


def test_a_table_in_a_block_of_html_is_aligned_too():
    html = markdown(f"<div markdown>\n\n{TABLE}\n</div>", extensions=EXTENSIONS)
    assert "style" not in html
    assert "align-right" in html


def test_a_table_scrolls_in_a_box_of_its_own_which_what_follows_it_stays_behind():
    html = markdown(f"<div markdown>\n\n{TABLE}\n\nAfter.\n\n</div>\n\n{TABLE}", extensions=EXTENSIONS)
    boxes = BeautifulSoup(html, "html.parser").select(
        "div.md-typeset__scrollwrap > div.md-typeset__table > table"
    )
    assert len(boxes) == html.count("<table>") == 2
    assert boxes[0].parent.parent.find_next_sibling("p").text == "After."


def test_a_table_that_is_written_as_html_gets_the_same_box():
    written = markdown(TABLE, extensions=EXTENSIONS).replace("\n", "")
    box = BeautifulSoup(written, "html.parser").div
    assert str(box) == tables.boxed(str(box.table))
