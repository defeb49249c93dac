from markdown import markdown

TABLE = """\
| Left | Right | Middle | None |
| :--- | ----: | :----: | ---- |
| a    | **b** | c      | d    |
"""


def test_columns_are_aligned_by_classes():
    html = markdown(TABLE, extensions=["attr_list", "tables", "macros.tables"])
    assert "style" not in html
    assert '<th class="align-right">Right</th>' in html
    assert '<td class="align-left">a</td>' in html
    assert '<td class="align-center">c</td>' in html
    assert "<td>d</td>" in html


def test_a_cells_own_class_comes_on_top():
    html = markdown(
        TABLE.replace("c      |", "c {: .own }|"), extensions=["attr_list", "tables", "macros.tables"]
    )
    assert '<td class="align-center own">c</td>' in html


def test_a_table_in_a_block_of_html_is_aligned_too():
    html = markdown(
        f"<div markdown>\n\n{TABLE}\n</div>", extensions=["md_in_html", "tables", "macros.tables"]
    )
    assert "style" not in html
    assert "align-right" in html
