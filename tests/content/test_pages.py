"""The rules of docs/contributing/style.md that a machine can check, on every page and on the template."""

import ast
import re

import pytest
import yaml

from macros.catalog import load_catalog, load_question
from macros.front_matter import split
from macros.plan import load_plans
from macros.question import SECTIONS, Category, section_titles
from tests.content.reading import (
    DOCS,
    DRILL,
    PAGES,
    QUESTION_FILES,
    ROOT,
    TEMPLATE,
    body_of,
    listings_of,
    prose_of,
    sections_of,
    words_in,
)

# Pages whose answer is still to be written. The list equals the set, so it can only shrink.
PENDING: set[int] = set()

CATALOG = load_catalog(DOCS)
OUTLINE = yaml.safe_load((ROOT / "tests/content/outline.yml").read_text(encoding="utf-8"))
TEMPLATES = {TEMPLATE: Category.CONCEPTUAL, DRILL: Category.DEBUGGING}
COMPLETE = [*TEMPLATES, *(DOCS / question.source for question in CATALOG if not question.pending)]
DRILLS = [file for file in COMPLETE if file == DRILL or file.parent.name == Category.DEBUGGING]
TEXTS = [file.read_text(encoding="utf-8") for file in PAGES]
LISTINGS = [(file, listing) for file in PAGES for listing in listings_of(body_of(file))]

FILLER = re.compile(
    r"\b(in today's|it is important to|it's worth noting|it is worth noting|leverag(?:e|es|ing)|robust|seamless(?:ly)?"
    r"|delve|comprehensive|cutting-edge|crucial(?:ly)?|simply|just|best-in-class|game.changer)\b",
    re.IGNORECASE,
)
BRITISH = re.compile(
    r"\b\w*(behaviour|colour|favour|honour|neighbour|labour|licence|defence|offence|centre|metre\b|catalogue|analyse"
    r"|organis|authoris|optimis|utilis|serialis|tokenis|normalis|minimis|maximis|prioritis|summaris|recognis|anonymis"
    r"|customis|initialis|modelling|labelled|labelling|cancelled|cancelling|travelling|fulfil\b|spelt|learnt|whilst)\w*",
    re.IGNORECASE,
)


def name(value):
    return value.stem if hasattr(value, "stem") else None


def test_the_catalog_has_the_outlines_questions():
    """A new question gets its line in outline.yml with its page."""
    found = {question.number: [question.difficulty.value, question.minutes] for question in CATALOG}
    assert {number: row[:2] for number, row in OUTLINE.items()} == found


@pytest.mark.parametrize("question", list(CATALOG), ids=lambda question: question.slug)
def test_the_outlines_wording_is_kept(question):
    text = sections_of(body_of(DOCS / question.source))["Question"]
    quote = " ".join(re.findall(r"^> ?(.*)$", text, re.MULTILINE)).strip()
    assert question.number in OUTLINE, "give it its line in outline.yml"
    assert quote == OUTLINE[question.number][2]


def test_the_list_of_pending_pages_equals_the_set():
    assert {question.number for question in CATALOG if question.pending} == PENDING


@pytest.mark.parametrize(("file", "category"), TEMPLATES.items(), ids=name)
def test_the_templates_pass_the_same_checks(file, category):
    _, question = load_question(file, category)
    assert question.sections == tuple(SECTIONS[title] for title in section_titles(category, False))


@pytest.mark.parametrize("file", [*TEMPLATES, *QUESTION_FILES], ids=name)
class TestFirstSections:
    def test_three_hints_each_closed(self, file):
        text = sections_of(body_of(file))["Hints"]
        hints = text.split("//// details")[0]
        assert re.findall(r"^/// details \| (.+)$", hints, re.MULTILINE) == ["Hint 1", "Hint 2", "Hint 3"]
        assert hints.count("\n    type: hint\n") == 3
        assert "open: true" not in body_of(file).lower()

    def test_three_to_five_signals(self, file):
        signals = re.findall(r"^- ", sections_of(body_of(file))["What it tests"], re.MULTILINE)
        low = 2 if file in TEMPLATES else 3
        assert low <= len(signals) <= 5

    def test_clarifying_questions_with_their_assumed_answers(self, file):
        rows = re.findall(r"^\|(.+)\|$", sections_of(body_of(file))["Clarifying questions"], re.MULTILINE)
        cells = [[cell.strip() for cell in row.split("|")] for row in rows]
        assert cells[0] == ["Ask", "Assume"]
        low = 2 if file in TEMPLATES else 4
        assert low <= len(cells) - 2 <= 7
        assert all(all(row) for row in cells)


@pytest.mark.parametrize("file", COMPLETE, ids=name)
class TestAnswers:
    def test_answer_and_levels_are_closed_and_hold_their_heading(self, file):
        body = body_of(file)
        for title, kind, section in [
            ("Reveal the model answer", "answer", "Model answer"),
            ("Reveal what each level adds", "levels", "Levels"),
        ]:
            assert f"//// details | {title}\n    type: {kind}\n\n## {section}\n" in body

    def test_the_answer_opens_with_one_minute_and_has_its_length(self, file):
        answer = sections_of(body_of(file))["Model answer"]
        assert answer.lstrip().startswith("### In one minute\n")
        if file not in TEMPLATES:
            assert 900 <= words_in(answer) <= 2500

    def test_levels_say_what_each_adds(self, file):
        levels = sections_of(body_of(file))["Levels"]
        for level in ("Mid-senior (L4/L5)", "Senior (L5/L6)", "Staff (L6/L7)"):
            assert level in levels

    def test_three_to_five_follow_ups_each_with_a_closed_answer(self, file):
        follow_ups = sections_of(body_of(file))["Follow-ups"]
        questions = re.findall(r"^### .+\?$", follow_ups, re.MULTILINE)
        assert 3 <= len(questions) <= 5
        assert len(re.findall(r"^### .+\?\n\n/// details \| Short answer$", follow_ups, re.MULTILINE)) == len(
            questions
        )

    def test_three_to_eight_references_each_read_on_a_day(self, file):
        references = re.findall(r"^- (.+(?:\n  .+)*)", sections_of(body_of(file))["References"], re.MULTILINE)
        assert 3 <= len(references) <= 8
        for reference in references:
            assert re.match(r"\[.+?\]\(https://[^)]+\)", reference), reference
            assert re.search(r"[Rr]ead (on )?20\d\d-\d\d-\d\d", reference), reference


@pytest.mark.parametrize("file", DRILLS, ids=name)
class TestDrills:
    def test_stages_are_numbered_and_hold_a_guess_the_evidence_and_its_reading(self, file):
        stages = re.split(r"^//// details \| ", sections_of(body_of(file))["Drill"], flags=re.MULTILINE)[1:]
        stages = [stage for stage in stages if not stage.startswith("Reveal the model answer")]
        assert (3 if file in TEMPLATES else 4) <= len(stages) <= 8
        for number, stage in enumerate(stages, 1):
            assert stage.startswith(f"Stage {number}\n    type: stage\n\n### Stage {number}\n"), stage
            guess, evidence, reading = (
                stage.find(part)
                for part in (
                    f"\n{{{{ guess({number}) }}}}\n",
                    "\n/// details | Reveal the evidence\n    type: evidence\n",
                    "\n/// details | What it rules in and out\n    type: reading\n",
                )
            )
            assert 0 < guess < evidence < reading, f"stage {number}"

    def test_what_follows_the_drill_is_closed(self, file):
        for section in ("Pitfalls", "Follow-ups", "References"):
            block = f"//// details | Reveal the {section.lower()}\n    type: levels\n\n## {section}\n"
            assert block in body_of(file)

    def test_the_answer_has_what_a_review_of_the_drill_needs(self, file):
        answer = sections_of(body_of(file))["Model answer"]
        headings = re.findall(r"^### (.+)$", answer, re.MULTILINE)
        wanted = [
            "In one minute",
            "Timeline",
            "Root cause",
            "Why it was not caught",
            "Lasting mends",
            "Score sheet",
        ]
        assert [heading for heading in headings if heading in wanted] == wanted
        sheet = answer.split("### Score sheet\n")[1]
        for row in (
            "Stopped the harm",
            "Asked for the right evidence",
            "Changed one thing at a time",
            "Told causes apart",
            "Communicated",
        ):
            assert f"\n| {row} | " in sheet

    def test_the_files_are_offered(self, file):
        if file not in TEMPLATES:
            assert "\n{{ evidence_files() }}\n" in sections_of(body_of(file))["Drill"]


def test_there_are_listings_to_check():
    assert any(listing.language == "python" for _, listing in LISTINGS)


@pytest.mark.parametrize(("file", "listing"), LISTINGS, ids=name)
def test_a_listing_is_a_section_of_a_tested_file(file, listing):
    if listing.language == "mermaid":
        assert "accTitle:" in listing.body
        assert "accDescr:" in listing.body
        return
    assert listing.language, f"{file}: a fence without a language"
    if listing.language in {"text", "console"}:
        return
    title = re.search(r'title="([^"]+)"', listing.info)
    snippet = re.fullmatch(r'--8<-- "([^":]+):([\w-]+)"\n', listing.body)
    assert snippet, f"{file}: a listing is pulled in by name, not typed: {listing.body!r}"
    assert title
    assert title[1] == snippet[1]
    source = (ROOT / snippet[1]).read_text(encoding="utf-8")
    section = re.search(
        rf"\[start:{snippet[2]}\].*?\n(.*?)^[^\n]*\[end:{snippet[2]}\]", source, re.DOTALL | re.MULTILINE
    )
    assert section, f"{snippet[1]} has no section {snippet[2]}"
    if file not in TEMPLATES:
        assert 5 <= len(section[1].splitlines()) <= 45


def test_pages_examples_and_tests_go_by_one_slug():
    metas = (split(file.read_text(encoding="utf-8"), file).meta for file in PAGES)
    named = {meta["example"] for meta in metas if "example" in meta}
    slugs = {question.package for question in CATALOG} | named
    complete = {question.package for question in CATALOG if not question.pending}
    packages = {path.parent.name for path in ROOT.glob("examples/*/__init__.py")}
    tests = {path.stem.removeprefix("test_") for path in ROOT.glob("tests/examples/test_*.py")}
    assert packages <= slugs, "an example without a page"
    assert complete <= packages, "a complete answer without an example"
    assert {test for test in tests if test in slugs} == packages, "an example without tests of its name"
    assert all(any(test.startswith(slug) for slug in packages) for test in tests), "a test of no example"


def test_every_figure_is_on_a_page_or_part_of_one_that_is():
    """One that nobody prints is computed, tested and kept up for nothing."""
    printed = set(re.findall(r"\w+", " ".join(re.findall(r"\{\{.*?\}\}", "\n".join(TEXTS), re.DOTALL))))
    for file in sorted(ROOT.glob("examples/*/figures.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        figures = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert figures <= printed | used, f"{file.parent.name}: print or remove them"


def test_every_fact_of_a_setting_is_one_that_something_reads():
    """One that nothing reads, and no test compares, may differ from what the page says, and nobody would know."""
    for file in sorted(ROOT.glob("examples/*/setting.py")):
        readers = [*file.parent.glob("*.py"), *ROOT.glob(f"tests/examples/test_{file.parent.name}*.py")]
        package = "\n".join(reader.read_text(encoding="utf-8") for reader in readers)
        facts = {
            node.id
            for statement in ast.parse(file.read_text(encoding="utf-8")).body
            for node in ast.walk(statement)
            if isinstance(statement, ast.Assign | ast.AnnAssign)
            and isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Store)
        }
        unread = {fact for fact in facts if len(re.findall(rf"\b{fact}\b", package)) < 2}
        assert not unread, f"{file.parent.name}: compute with them or remove them"


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.relative_to(DOCS).as_posix())
class TestProse:
    def test_no_filler(self, file):
        prose = re.sub(r"^> .*$", "", prose_of(body_of(file)), flags=re.MULTILINE)  # the outline's own words
        assert not FILLER.findall(prose)

    def test_one_spelling(self, file):
        assert not BRITISH.findall(prose_of(body_of(file)))

    def test_no_emoji(self, file):
        assert not re.findall("[\u2600-\u27bf\U0001f000-\U0001faff]", prose_of(body_of(file)))

    def test_a_table_is_in_one_piece(self, file):
        """A blank line ends a table; the rows after it would print as text."""
        text = "\n".join(line for line in body_of(file).splitlines() if not line.startswith("{{"))
        for table in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
            assert re.match(r"\|.+\|\n\|[ :|-]+\|\n\|", table), table

    def test_no_run_of_bullets_that_begin_with_a_bold_word(self, file):
        assert not re.search(r"(^[-*] \*\*.*\n(?:  .*\n)*){3}", body_of(file), re.MULTILINE)


def test_every_question_with_an_answer_is_in_every_long_plan_and_reasons_are_not_repeated():
    plans = load_plans(DOCS, CATALOG)
    assert {"plans/one-week.md", "plans/two-weeks.md", "plans/four-weeks.md"} <= set(plans)
    for source, plan in plans.items():
        steps = [step for day in plan.days for step in day.questions]
        assert len({step.why for step in steps}) == len(steps), f"{source} gives a reason twice"
    for source in ("plans/two-weeks.md", "plans/four-weeks.md"):
        numbers = {step.question for day in plans[source].days for step in day.questions}
        assert numbers >= {question.number for question in CATALOG if not question.pending}, source
