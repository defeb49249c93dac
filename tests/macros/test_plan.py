import pytest

from macros.catalog import load_catalog
from macros.faults import SourceError
from macros.plan import load_chains, load_plans
from macros.plan_link import LinkedDay, LinkedItem, LinkedPlan, decode, encode, linked
from macros.render import plan_days, plan_minutes
from tests.macros.pages import page, write_docs

PLAN = """---
title: Two days
plan:
  - focus: Promise
    questions:
      - question: 1
        why: First things first.
      - {question: 2, why: It follows.}
  - focus: Again
    questions:
      - question: 1
        why: Without hints.
---
"""


@pytest.fixture
def docs(tmp_path):
    docs = write_docs(
        tmp_path,
        {
            "technical/a.md": page(number="1", minutes="20", title="First"),
            "system-design/b.md": page(number="2", minutes="45", title="Second"),
        },
    )
    (docs / "plans").mkdir()
    return docs


def load(docs, text):
    (docs / "plans" / "two-days.md").write_text(text)
    (docs / "plans" / "index.md").write_text("---\ntitle: Plans\n---\n")
    return load_plans(docs, load_catalog(docs))


def test_minutes_and_links_come_from_the_catalog(docs):
    (source, plan), *others = load(docs, PLAN).items()
    assert others == []
    assert source == "plans/two-days.md"
    catalog = load_catalog(docs)
    assert plan_minutes(plan, catalog) == 20 + 45 + 20
    text = plan_days(plan, catalog, source)
    assert "### Day 1: Promise\n\n65 minutes\n" in text
    assert "- [1. First](../questions/technical/a.md) (20 minutes, senior). First things first." in text
    assert "- [2. Second](../questions/system-design/b.md) (45 minutes, senior). It follows." in text
    assert "### Day 2: Again\n\n20 minutes\n" in text


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("{question: 2,", "{question: 99,", 8, "question 99, which the catalog does not have"),
        ("question: 1\n        why: First", "question: one\n        why: First", 6, "valid integer"),
        ("        why: First things first.\n", "", 6, "Field required"),
        ("focus: Again", "theme: Again", 9, "focus"),
        ("focus: Again", "focus: Again\n    rest: -1", 10, "greater than or equal to 0"),
        ("plan:\n", "plan: []\nrest:\n", 3, "at least 1 item"),
    ],
)
def test_faults_name_file_and_line(docs, old, new, line, words):
    assert old in PLAN
    with pytest.raises(SourceError, match=words) as caught:
        load(docs, PLAN.replace(old, new))
    assert line in {fault.line for fault in caught.value.faults}
    assert all(fault.file == docs / "plans/two-days.md" for fault in caught.value.faults)


def test_a_ready_made_plan_is_a_link(docs):
    plan = load(docs, PLAN.replace("focus: Again", "focus: Again\n    rest: 2"))["plans/two-days.md"]
    wanted = LinkedPlan(
        "Two days",
        days=(
            LinkedDay(0, "Promise", (LinkedItem(question=1), LinkedItem(question=2))),
            LinkedDay(3, "Again", (LinkedItem(question=1),)),
        ),
    )
    assert linked(plan) == wanted
    assert decode(encode(wanted)) == wanted


def chains(docs, text):
    (docs / "plans" / "builder.md").write_text(f"---\ntitle: Build\n{text}---\n")
    return load_chains(docs, load_catalog(docs))


def test_what_builds_on_what_stands_on_the_builders_page(docs):
    assert load_chains(docs, load_catalog(docs)) == (), "a site without a builder has no order"
    assert chains(docs, "") == ()
    assert chains(docs, "builds_on:\n  - [1, 2]\n  - [2]\n") == ((1, 2), (2,))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("builds_on:\n  - [1, 2]\n  - [2, 99]\n", 5, "question 99, which the catalog does not have"),
        ("builds_on:\n  - [1, one]\n", 4, "question one, which"),
        ("builds_on:\n  - [1, [2]]\n", 4, r"question \[2\], which"),
        ("builds_on: [1, 2]\n", 3, "no list of lists"),
        ("builds_on:\n  - [1, 2]\n  - [2, 1]\n", 3, "in a circle"),
    ],
)
def test_a_fault_in_the_order_names_its_line(docs, text, line, words):
    with pytest.raises(SourceError, match=words) as caught:
        chains(docs, text)
    assert [(fault.file, fault.line) for fault in caught.value.faults] == [(docs / "plans/builder.md", line)]
