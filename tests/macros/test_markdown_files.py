"""The texts that readers and programs take away: each says where it is from, and the lists of them leave nothing out."""

from __future__ import annotations

from datetime import date

import pytest

from macros import markdown_files
from macros.catalog import Catalog, load_catalog
from macros.kits import Kit
from macros.site import Site
from macros.texts import Text
from tests.macros.pages import FIRST, page, write_docs

SITE = Site("A site", "What it is about.", "https://example.org/base/", "CC BY 4.0")
TEXT = Text("## Question\n\nWhy?\n", {})


@pytest.fixture
def catalog(tmp_path) -> Catalog:
    pages = {
        "technical/a.md": page(number="1"),
        "debugging/b.md": page(FIRST, number="2", answer="pending", title="Find it"),
    }
    return load_catalog(write_docs(tmp_path, pages))


def test_a_question_says_what_it_is_and_where_it_is_from(catalog):
    text = markdown_files.question_file(catalog.get(1), TEXT, SITE, date(2026, 11, 5))
    assert text == (
        "# 1. Limit a rate\n\nHow to limit the rate of requests.\n\n"
        "- Question 1, technical, senior (L5/L6), 30 minutes\n"
        "- Topics: rate-limiting, redis\n"
        "- Page: <https://example.org/base/questions/technical/a/>, permanent link <https://example.org/base/q/1/>\n"
        "- Last changed: 2026-11-05\n"
        "- License: CC BY 4.0\n"
        "\n## Question\n\nWhy?\n"
    )


def test_only_what_is_known_is_said(catalog):
    whole = markdown_files.question_file(catalog.get(1), TEXT, SITE._replace(copyright=""), None)
    assert "Last changed" not in whole
    assert "License" not in whole
    assert "not written yet" not in whole
    pending = markdown_files.question_file(catalog.get(2), TEXT, SITE, None)
    assert "\n\n> The answer to this question is not written yet.\n\n## Question\n" in pending


def test_a_kit_warns_and_leads_to_its_question(catalog):
    text = markdown_files.kit_file(Kit(catalog.get(1), (), (), ()), TEXT, SITE)
    assert text == (
        "# Interviewer's kit 1: Limit a rate\n\n"
        "- For the interviewer: it gives the answer away\n"
        "- Question: 1. Limit a rate, <https://example.org/base/questions/technical/a/index.md>\n"
        "- Page: <https://example.org/base/kits/a/>\n"
        "- License: CC BY 4.0\n"
        "\n## Question\n\nWhy?\n"
    )
    assert "License" not in markdown_files.kit_file(
        Kit(catalog.get(1), (), (), ()), TEXT, SITE._replace(copyright="")
    )


def test_a_document_to_fill_in_has_its_title_and_nothing_around_it():
    assert markdown_files.page_file("Postmortem", TEXT) == "# Postmortem\n\n## Question\n\nWhy?\n"


def test_the_index_lists_each_page_once_below_its_kind(catalog):
    kit = Kit(catalog.get(1), (), (), ())
    pages = {
        "index.md": ("Home", "The landing page."),
        "kits/a.md": ("Interviewer's kit 1", "For interviewers."),
        "topics.md": ("Topics", ""),
    }
    text = markdown_files.llms_txt(catalog, [kit], pages, SITE)
    head, *sections = text.split("\n## ")
    assert head.startswith("# A site\n\n> What it is about.\n\n")
    assert "<https://example.org/base/llms-full.txt>" in head
    assert "<https://example.org/base/questions.json>" in head
    questions = "https://example.org/base/questions"
    description = "How to limit the rate of requests."
    assert [section.strip() for section in sections] == [
        f"Technical questions\n\n- [1. Limit a rate]({questions}/technical/a/index.md): {description}",
        f"Debugging questions\n\n- [2. Find it]({questions}/debugging/b/index.md): {description}",
        "Interviewer's kits\n\n- [Interviewer's kit 1: Limit a rate](https://example.org/base/kits/a/index.md)",
        "Optional\n\n- [Home](https://example.org/base/): The landing page.\n"
        "- [Topics](https://example.org/base/topics/)",
    ]
    assert text.endswith(")\n")


def test_the_index_of_a_site_without_kits_and_other_pages_has_no_empty_lists(catalog):
    text = markdown_files.llms_txt(catalog, [], {}, SITE)
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Technical questions",
        "## Debugging questions",
    ]


def test_the_whole_has_every_text_in_its_order_between_rules():
    text = markdown_files.llms_full_txt({"b": "# B\n\nTwo.\n", "a": "\n# A\n\nOne.\n"}, SITE)
    assert text == "# A site\n\n> What it is about.\n\n# B\n\nTwo.\n\n---\n\n# A\n\nOne.\n"
