"""What a page may call, and what plain texts are made of it: each macro gives what its page asks for, or refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from macros import preparing, texts
from macros.catalog import load_catalog
from macros.figures import Figures
from macros.kits import Kit, Level
from macros.page_macros import Macros, Sources, page_macros, plain_macros
from macros.plan import Day, Plan, Step
from macros.plan_link import decode
from macros.render import question_link
from macros.site import Site
from macros.tally import Tally
from tests.macros.pages import DRILL, FIRST, REST, page, write_docs

SITE = Site("A site", "What it is about.", "https://example.org/base/")
QUESTION, OTHER, PLAN, KIT = (
    *("questions/technical/a.md", "questions/debugging/b.md"),
    *("plans/week.md", "kits/a.md"),
)


class Computed(Figures):
    """Figures that say how they were called, and leave the examples' modules loaded."""

    def __init__(self, key: str = "") -> None:
        self._key = key

    def key(self, package: str) -> str:
        return self._key + package

    def call(self, package: str, name: str, arguments: Any) -> Any:
        if name == "nothing":
            raise LookupError("figures.py has no such function")
        return f"{package}.{name}{sorted(arguments.items())}"


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    pages = {
        "technical/a.md": page(number="1", minutes="40"),
        "debugging/b.md": page(FIRST + DRILL + REST, number="2"),
    }
    catalog = load_catalog(write_docs(tmp_path, pages))
    steps = (Step(question=2, why="First."), Step(question=1, why="Then."))
    plan = Plan(
        title="A week", days=(Day(focus="All", questions=steps), Day(focus="Again", questions=steps[:1]))
    )
    kit = Kit(
        catalog.get(1),
        ("Look at {{ computed('share') }}.",),
        ("Says {{ computed('share') }}.",),
        (Level("Senior", ("Hears.",)),),
    )
    packages = {QUESTION: "a", OTHER: "b", KIT: "a"}
    counted = Tally(1, 2, 3, None)
    return Sources(catalog, {PLAN: plan}, ((1, 2), (2,)), {KIT: kit}, packages, Computed(), counted)


def of(sources: Sources, source: str) -> Macros:
    return page_macros(lambda: source, lambda: "../", sources)


def test_a_figure_comes_from_the_example_of_the_page_that_asks(sources):
    assert of(sources, QUESTION)["computed"]("share", of=2) == "a.share[('of', 2)]"
    assert of(sources, OTHER)["computed"]("share") == "b.share[]"
    with pytest.raises(ValueError, match=r"computed\('share'\): index.md is no question page"):
        of(sources, "index.md")["computed"]("share")
    with pytest.raises(ValueError, match=r"chart\('nothing'\): figures.py has no such function"):
        of(sources, QUESTION)["chart"]("nothing")


def test_questions_are_selected_by_category_and_difficulty(sources):
    own = of(sources, "index.md")
    assert own["question_count"]() == 2
    assert own["question_table"]().count("<tr data-number") == 2
    assert own["question_table"]("technical").count("<tr data-number") == 1
    assert own["question_table"](difficulty="staff").count("<tr data-number") == 0
    assert "&quot;senior&quot;: &quot;Senior (L5/L6)&quot;" in own["question_filters"]()
    assert own["question"](2) == question_link(sources.catalog.get(2), "index.md")
    assert own["question_board"]().count("<li") == 2
    assert "<td>2</td>" in own["distribution"]()
    assert "3" in own["site_figures"]()
    assert 'for="guess-3"' in own["guess"](3)


def test_a_plan_is_that_of_its_page_or_of_one_that_is_named(sources):
    own = of(sources, PLAN)
    assert own["plan_length"]() == of(sources, "index.md")["plan_length"](PLAN) == "2 days, 100 minutes"
    assert own["plan_days"]().count("### Day") == 2
    opener = own["plan_opener"]()
    assert 'href="../plans/builder/#plan=' in opener
    assert decode("#plan=" + opener.split("#plan=")[1].split('"')[0]).title == "A week"
    assert own["plan_chains"]() == "1 2;2"
    assert own["plan_order"]().count("\n") == 1


def test_a_kit_has_its_questions_figures_in_what_it_draws(sources):
    own = of(sources, KIT)
    assert own["kit_hints"]() == "**Hint 1.** Look at a.share[]."
    assert "Says a.share[]." in own["kit_score_sheet"]()
    assert "](a.md)" in own["kit_list"]()
    for name in ("kit_hints", "kit_score_sheet"):
        with pytest.raises(ValueError, match=rf"{name}\(\): index.md is no interviewer's kit"):
            of(sources, "index.md")[name]()


def test_only_a_drill_has_evidence(sources):
    for source in (QUESTION, "index.md"):
        with pytest.raises(ValueError, match=r"no question page whose example has an evidence\.yml"):
            of(sources, source)["evidence_files"]()


def test_a_text_has_no_controls_and_says_where_they_are(sources):
    own = plain_macros(KIT, sources, SITE)
    assert own["calculator"]("any") == "(Interactive, on the page only: <https://example.org/base/kits/a/>)"
    assert own["guess"](1) == ""
    assert "- [ ] Says a.share[]." in own["kit_score_sheet"]()
    assert own["computed"]("share") == "a.share[]"


def test_a_text_is_made_again_when_what_it_shows_has_changed(sources, tmp_path, monkeypatch):
    made = []
    expand = preparing.texts.expand
    monkeypatch.setattr(
        preparing.texts,
        "expand",
        lambda *given: made.append(given[-1].removeprefix("texts/")) or expand(*given),
    )
    monkeypatch.setattr(preparing.texts, "CACHE_DIR", tmp_path / "texts")
    monkeypatch.setattr(preparing, "ROOT", tmp_path)
    (tmp_path / "listing.py").write_text("one()\n")
    pages = {
        QUESTION: "---\ntitle: T\n---\n{{ computed('a') }}\n",
        OTHER: '---\ntitle: T\n---\n--8<-- "listing.py"\n',
        KIT: "---\ntitle: T\n---\n{{ kit_hints() }}\n",
    }

    def built(with_: Sources, process: texts.Texts) -> list[str]:
        """The pages whose text a process has made."""
        made.clear()
        monkeypatch.setattr(preparing.texts, "TEXTS", process)
        read = preparing._Read(with_, pages, {}, {}, {})
        found = preparing._texts(tmp_path, read, preparing._known(read, SITE), SITE)
        assert found.keys() == pages.keys()
        process.end(is_undisturbed=True)
        return list(made)

    server = texts.Texts()
    assert built(sources, server) == [QUESTION, OTHER, KIT]
    assert built(sources, server) == []
    assert built(sources, texts.Texts()) == []
    pages[QUESTION] = pages[QUESTION].replace("title: T", "title: U")
    assert built(sources._replace(plans=dict(sources.plans)), server) == [QUESTION]
    assert built(sources, texts.Texts()) == []
    (tmp_path / "listing.py").write_text("two()\n")
    assert built(sources, server) == [OTHER]
    kit = replace(sources.kits_of[KIT], hints=("Another hint.",))
    assert built(sources._replace(kits_of={KIT: kit}), server) == [KIT]
    edited = sources._replace(figures=Computed("of other files"), kits_of={KIT: kit})
    assert built(edited, server) == [QUESTION, OTHER, KIT]
    # What one text says of other pages may be in any.
    packages = {**sources.packages, "index.md": "c"}
    assert built(edited._replace(packages=packages), server) == [QUESTION, OTHER, KIT]
    # These count what stands on all pages.
    pages[OTHER] += "{{ site_figures() }}\n"
    assert [built(edited, server), built(edited, server)] == [[QUESTION, OTHER, KIT], [OTHER]]


@pytest.mark.parametrize(
    "macro", ["site_figures()", "kit_list()", "kit_markdown_links()", "file_size('a')", "now()", "git.commit"]
)
def test_what_tells_of_other_pages_or_of_the_moment_is_printed_each_time(sources, macro):
    assert sources.of(QUESTION, "{{ computed('a') }}, now()") is not None
    assert sources.of(QUESTION, f"{{{{ {macro} }}}}") is None


def test_a_text_made_of_sources_that_change_meanwhile_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "CACHE_DIR", tmp_path)
    process = texts.Texts()
    for is_undisturbed in (False, True):
        process.keep("a.md", "key", texts.Text("# A", {"A": "a"}))
        process.end(is_undisturbed)
        for later in (process, texts.Texts()):
            found = later.find("a.md", "key")
            assert found == (texts.Text("# A", {"A": "a"}) if is_undisturbed else None)
            assert later.find("a.md", "another key") is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("No listing.", []),
        (
            '```python\n--8<-- "examples/a.py:body"\n--8<-- "examples/b.py"\n--8<-- "examples/a.py:end"\n```',
            ["a", "b"],
        ),
        # Forms that no page of ours has: of such a page nothing is kept.
        ('    --8<-- "examples/a.py"', None),
        ("--8<-- 'examples/a.py'", None),
        ("--8<--\nexamples/a.py\n--8<--", None),
        ('--8<-- "examples/a.py:3:5"', None),
    ],
)
def test_the_files_of_a_pages_listings_are_known_or_else_nothing_is(tmp_path, text, names):
    found = texts.listed(text, tmp_path)
    assert found == (None if names is None else tuple(tmp_path / f"examples/{name}.py" for name in names))
