from textwrap import dedent

import jinja2
import pytest
from pymdownx.snippets import SnippetMissingError

from macros import charts, texts

SITE = "https://example.org/base/"
SOURCE = "questions/technical/a.md"


def plain(markdown):
    return texts.plain(dedent(markdown), SOURCE, SITE).markdown


# --- Macros and listings ----------------------------------------------------------------------------------------------


def test_macros_are_called_and_listings_pulled_in(tmp_path):
    listing = "# --8<-- [start:f]\nif x:\n    y = {{ z }}\n# --8<-- [end:f]\n"
    (tmp_path / "listing.py").write_text(listing)
    body = 'It takes {{ "{:,}".format(ms(2)) }} ms.\n\n```python\n--8<-- "listing.py:f"\n```\n'
    expanded = texts.expand(body, {"ms": lambda n: n * 1000}, tmp_path, "test")
    # What a listing holds is no macro, whatever it looks like.
    assert expanded == "It takes 2,000 ms.\n\n```python\nif x:\n    y = {{ z }}\n```\n"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("{{ nothing() }}", jinja2.UndefinedError),
        ('--8<-- "none.py"', SnippetMissingError),
        ("{{ fails() }}", ZeroDivisionError),
    ],
)
def test_what_cannot_be_expanded_raises(tmp_path, body, error):
    with pytest.raises(error):
        texts.expand(body, {"fails": lambda: 1 / 0}, tmp_path, "test")


# --- Blocks -----------------------------------------------------------------------------------------------------------

PAGE = """\
## Hints

/// details | Hint 1
    type: hint

Look.

///

//// details | Reveal the model answer
    type: answer

## Model answer

### In one minute

Short.

/// details | Reveal the evidence
    type: evidence

#### Inside

/// details | Deeper

Deep.

///

///

////

## Follow-ups

### Why `x`? { #why }

/// details | Short answer
    type: example

Because.

///
"""


def test_blocks_become_headings_one_level_below_the_one_they_stand_under():
    headings = [line for line in plain(PAGE).splitlines() if line.startswith("#")]
    assert headings == [
        *("## Hints", "### Hint 1", "## Model answer", "### In one minute", "#### Inside", "##### Deeper"),
        *("## Follow-ups", "### Why `x`?"),
    ]
    assert "///" not in plain(PAGE)
    assert "type:" not in plain(PAGE)


def test_where_all_is_open_a_blocks_title_offers_nothing_to_reveal():
    """As a block that has no heading of its own is called, here and on the page to print."""
    block = "## Stage 1\n\n/// details | Reveal the evidence\n    type: evidence\n\nA log.\n\n///\n"
    assert "### Evidence\n\nA log." in plain(block)
    assert "### What changed?\n" in plain(block.replace("Reveal the evidence", "Reveal what changed?"))
    assert "### Hint 1\n" in plain(block.replace("Reveal the evidence", "Hint 1"))


def test_a_block_that_text_follows_keeps_that_text_out_of_its_section():
    markdown = plain("### A\n\n/// details | All records\n\nMany.\n\n///\n\nText of A.\n\n### B\n")
    assert markdown == "### A\n\n**All records**\n\nMany.\n\nText of A.\n\n### B\n"


def test_sections_are_found_by_title_level_and_place():
    text = texts.plain(PAGE, SOURCE, SITE)
    assert text.section("Hints") == "### Hint 1\n\nLook."
    assert dict(text.sections(3, within="Model answer"))["In one minute"].startswith("Short.")
    assert list(text.sections(3, within="Follow-ups")) == [("Why `x`?", "Because.")]
    assert text.section("Levels") == ""


def test_a_heading_in_a_listing_is_none():
    text = texts.plain("## A\n\n```python\n# no heading\n/// no block\n```\n\nMore.\n\n## B\n", SOURCE, SITE)
    assert text.section("A") == "```python\n# no heading\n/// no block\n```\n\nMore."


def test_headings_have_the_ids_of_the_page():
    text = texts.plain("### Why `x`? { #why }\n\n### What *now*, at 03:21?\n", SOURCE, SITE)
    assert text.ids == {"Why `x`?": "why", "What *now*, at 03:21?": "what-now-at-0321"}


# --- Links, diagrams, charts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("b.md", f"{SITE}questions/technical/b/"),
        ("../debugging/c.md#hints", f"{SITE}questions/debugging/c/#hints"),
        ("../index.md", f"{SITE}questions/"),
        ("../../calculators/kv.md?kv=1&layers=80#sum", f"{SITE}calculators/kv/?kv=1&layers=80#sum"),
        ("#hints", f"{SITE}questions/technical/a/#hints"),
        ("../../evidence/c/x.csv", f"{SITE}evidence/c/x.csv"),
        ("../../q/6/", f"{SITE}q/6/"),
        ("https://example.com/a(b", "https://example.com/a(b"),
        ("mailto:a@example.com", "mailto:a@example.com"),
    ],
)
def test_links_hold_anywhere(target, wanted):
    assert texts.absolute(target, SOURCE, SITE) == wanted


def test_what_stands_between_backticks_is_no_link():
    line = "Call `f[a](b.md)` as [`g[0]`](b.md) and ``x`[y](b.md)`` do."
    wanted = f"Call `f[a](b.md)` as [`g[0]`]({SITE}questions/technical/b/) and ``x`[y](b.md)`` do.\n"
    assert plain(line) == wanted


def test_a_link_in_a_listing_stays():
    assert "[a](b.md)" in plain("```text\n[a](b.md)\n```")


def test_a_listing_stands_below_the_name_of_its_file():
    markdown = plain('```python title="examples/a/b.py"\nx = 1\n```\n')
    assert markdown == "`examples/a/b.py`:\n\n```python\nx = 1\n```\n"


def test_a_diagram_is_its_description_and_its_source():
    markdown = plain(
        """\
        ```mermaid
        flowchart LR
          accTitle: A request
          accDescr: One arrow leads from a to b.
          a --> b
        ```
        """
    )
    assert markdown == (
        "*Diagram: A request.* One arrow leads from a to b.\n\n```mermaid\nflowchart LR\n  a --> b\n```\n"
    )


def test_a_chart_is_its_description_and_its_data():
    table = charts.table(
        "cost",
        {
            "title": "Cost falls.",
            "description": "From 2 to 1.",
            "data": {"values": [{"at": "2026-01-01T00:00", "cost": 2000.4}, {"at": "a|b", "cost": None}]},
            "usermeta": {"columns": {"at": "At", "cost": "Cost"}},
        },
    )
    assert table.splitlines() == [
        "*Chart: Cost falls.* From 2 to 1.",
        "",
        "| At | Cost |",
        "| --- | --- |",
        "| 2026-01-01 00:00 | 2,000 |",
        "| a\\|b | none |",
    ]


def test_a_table_of_a_chart_keeps_to_the_charts_contract():
    with pytest.raises(charts.ChartError, match="usermeta"):
        charts.table("cost", {"title": "T", "description": "D", "data": {"values": [{"a": 1}]}})
