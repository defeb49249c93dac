"""Pages that load joined files in the place of their own (macros/join.py); tests/site/test_weight.py looks at the files."""

from __future__ import annotations

from macros.join import common, relinked

SHEETS = ["assets/stylesheets/theme.css", "assets/stylesheets/site.css"]
PAGE = """<head>
  <link rel="stylesheet" href="../assets/stylesheets/theme.css">
  <link rel="stylesheet" href="../assets/stylesheets/site.css">
  <link rel="stylesheet" href="../assets/stylesheets/own.css">
</head>
<script src="../assets/javascripts/site.js" type="module"></script>
"""


def test_sheets_that_all_pages_begin_with_are_common() -> None:
    assert common([[*SHEETS, "a.css"], [*SHEETS, "b.css"], SHEETS]) == SHEETS
    assert common([SHEETS, SHEETS[::-1]]) == []


def test_a_page_loads_the_joined_files_and_what_is_its_own() -> None:
    assert relinked(PAGE, SHEETS) == (
        """<head>
  <link rel="stylesheet" href="../assets/joined/site.css">
  <link rel="stylesheet" href="../assets/stylesheets/own.css">
</head>
<script src="../assets/joined/site.js" type="module"></script>
"""
    )
    assert relinked(relinked(PAGE, SHEETS), SHEETS) == relinked(PAGE, SHEETS)


def test_sheets_of_the_theme_may_lie_a_folder_deeper() -> None:
    deeper = "assets/stylesheets/classic/theme.css"
    page = PAGE.replace(SHEETS[0], deeper)
    assert relinked(page, [deeper, SHEETS[1]]) == relinked(PAGE, SHEETS)


def test_a_page_with_other_sheets_keeps_them() -> None:
    page = PAGE.replace("theme.css", "other.css")
    assert relinked(page, SHEETS) == page.replace("assets/javascripts/site.js", "assets/joined/site.js")
