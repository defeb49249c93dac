import pytest

from macros.catalog import load_catalog, nav_pages
from macros.faults import SourceError
from macros.question import Category, Difficulty
from tests.macros.pages import DRILL, FIRST, REST, page, write_docs

PLACE = "technical/rate-limiting.md"


def faults_of(folder, pages):
    with pytest.raises(SourceError) as caught:
        load_catalog(write_docs(folder, pages))
    return caught.value.faults


def test_a_page_gives_a_question(tmp_path):
    (question,) = load_catalog(write_docs(tmp_path, {PLACE: page()}))
    assert question.number == 6
    assert question.category is Category.TECHNICAL
    assert question.difficulty is Difficulty.SENIOR
    assert question.slug == "rate-limiting"
    assert question.package == "rate_limiting"
    assert question.source == "questions/technical/rate-limiting.md"
    assert question.address == "questions/technical/rate-limiting/"
    assert question.short_address == "q/6/"
    assert question.topics == ("rate-limiting", "redis")
    assert not question.pending
    assert question.sections[0] == "question"
    assert question.sections[-1] == "references"


def test_a_pending_page_ends_after_its_hints(tmp_path):
    (question,) = load_catalog(write_docs(tmp_path, {PLACE: page(FIRST, answer="pending")}))
    assert question.pending
    assert question.sections == ("question", "what-it-tests", "clarifying-questions", "hints")


def test_debugging_pages_and_no_others_have_a_drill(tmp_path):
    with_drill, without = page(FIRST + DRILL + REST), page(FIRST + REST)
    (question,) = load_catalog(write_docs(tmp_path / "a", {"debugging/a.md": with_drill}))
    assert question.sections[4] == "drill"
    (fault,) = faults_of(tmp_path / "b", {"debugging/a.md": without})
    assert fault.mend == "add a heading `## Drill`"
    (fault,) = faults_of(tmp_path / "c", {PLACE: with_drill})
    assert fault.fault == "the section `Drill` does not belong here"
    assert "answer: pending" not in fault.mend


@pytest.mark.parametrize(
    ("text", "line", "fault", "mend"),
    [
        pytest.param(page(minutes=None), 1, "the key `minutes` is missing", "from 5 to 120", id="missing key"),
        pytest.param(page(dificulty="senior"), 9, "unknown key `dificulty`", "did you mean `difficulty`?", id="unknown key"),
        pytest.param(page(owner="me"), 9, "unknown key `owner`", "the keys are title,", id="foreign key"),
        pytest.param(page(slug="mine"), 9, "unknown key `slug`", "the keys are", id="derived key"),
        pytest.param(page(minutes='"30"'), 6, "`minutes`: Input should be a valid integer", "whole number", id="type"),
        pytest.param(page(minutes="true"), 6, "`minutes`: Input should be a valid integer", "whole number", id="boolean"),
        pytest.param(page(title="[a]"), 2, "`title`: Input should be a valid string", "70 characters", id="list as title"),
        pytest.param(page(title='""'), 2, "`title`", "70 characters", id="empty title"),
        pytest.param(page(title="x" * 71), 2, "`title`", "70 characters", id="long title"),
        pytest.param(page(description="x" * 161), 3, "`description`", "160 characters", id="long description"),
        pytest.param(page(keywords="[a, b, 429]"), 8, "`keywords`: Input should be a valid string", "quote numbers", id="number as keyword"),
        pytest.param(page(keywords="[a, b, a]"), 8, "stands twice", "words", id="keyword twice"),
        pytest.param(page(difficulty="expert"), 5, "`difficulty`: Input should be 'mid-senior'", "senior, staff", id="difficulty"),
        pytest.param(page(topics="[redis, ratelimiting]"), 7, "there is no topic 'ratelimiting'", "did you mean `rate-limiting`?", id="topic"),
        pytest.param(page(topics="[redis]"), 7, "it has 1 items, not 2 to 5", "two to five", id="one topic"),
        pytest.param(page(topics="redis"), 7, "`topics`", "two to five", id="topics no list"),
        pytest.param(page(minutes="4"), 6, "greater than or equal to 5", "5 to 120", id="too few minutes"),
        pytest.param(page(minutes="121"), 6, "less than or equal to 120", "5 to 120", id="too many minutes"),
        pytest.param(page(number="0"), 4, "greater than or equal to 1", "never used before", id="number"),
        pytest.param(page(answer="done"), 9, "`answer`: Input should be 'pending'", "leave the key out", id="answer"),
        pytest.param("---\ntitle: [\n---\n", 3, "not valid YAML", "needs quotes", id="malformed YAML"),
        pytest.param("## Question\n", 1, "no front matter", "_template.md", id="no front matter"),
        pytest.param("", None, "the file is empty", "_template.md", id="empty"),
        pytest.param(page().encode("utf-16"), 1, "not UTF-8", "save the file as UTF-8", id="not UTF-8"),
        pytest.param(page().replace("## Question", "# Limit a rate\n\n## Question"), 11, "is an H1", "front matter only", id="H1"),
        pytest.param(page((*FIRST, *REST[:-1])), None, "`References` is missing", "## References", id="section missing"),
        pytest.param(page((*FIRST, "Hints", *REST)), 27, "`Hints` stands twice", "keep one", id="section doubled"),
        pytest.param(page((*FIRST, "Levels", "Model answer", *REST[2:])), 31, "`Model answer` is out of order", "the order is", id="section out of order"),
        pytest.param(page((*FIRST, "Summary", *REST)), 27, "`Summary` does not belong here", "use ###", id="unknown section"),
        pytest.param(page((*FIRST, "Model answer"), answer="pending"), 28, "`Model answer` does not belong", "remove `answer: pending`", id="answer on a pending page"),
    ],
)  # fmt: skip
def test_every_fault_is_told_with_file_line_and_mend(tmp_path, text, line, fault, mend):
    found = faults_of(tmp_path, {PLACE: text})
    assert len(found) == 1, found
    assert found[0].file == tmp_path / "docs/questions" / PLACE
    assert found[0].line == line
    assert fault in found[0].fault
    assert mend in found[0].mend


TOPICS = ("redis", "sql", "slo", "pii", "audit", "cost")


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({"title": "x" * 70}, {"title": "x" * 71}),
        ({"description": "x" * 160}, {"description": "x" * 161}),
        ({"minutes": "5"}, {"minutes": "4"}),
        ({"minutes": "120"}, {"minutes": "121"}),
        ({"topics": f"[{', '.join(TOPICS[:2])}]"}, {"topics": f"[{TOPICS[0]}]"}),
        ({"topics": f"[{', '.join(TOPICS[:5])}]"}, {"topics": f"[{', '.join(TOPICS)}]"}),
        ({"keywords": "[a, b, c]"}, {"keywords": "[a, b]"}),
        (
            {"keywords": f"[{', '.join(f'w{n}' for n in range(20))}]"},
            {"keywords": f"[{', '.join(f'w{n}' for n in range(21))}]"},
        ),
    ],
)
def test_what_an_author_is_told_to_write_is_taken_to_its_limit(tmp_path, changes, more):
    assert len(load_catalog(write_docs(tmp_path / "a", {PLACE: page(**changes)}))) == 1
    assert len(faults_of(tmp_path / "b", {PLACE: page(**more)})) == 1


@pytest.mark.parametrize("place", ["lost.md", "unheard-of/lost.md", "technical/deeper/lost.md"])
def test_a_page_in_no_category(tmp_path, place):
    (fault,) = faults_of(tmp_path, {place: page()})
    assert fault.fault == "the page is in no category"
    assert "conceptual, technical, system-design, debugging" in fault.mend


def test_a_name_that_is_no_slug(tmp_path):
    (fault,) = faults_of(tmp_path, {"technical/Rate_Limiting.md": page()})
    assert "`Rate_Limiting` is no slug" in fault.fault


def test_numbers_and_slugs_are_taken_once(tmp_path):
    pages = {"technical/a.md": page(), "technical/b.md": page(), "system-design/a.md": page(number="7")}
    by_text = {fault.fault: fault for fault in faults_of(tmp_path, pages)}
    number = next(text for text in by_text if text.startswith("the number 6 is taken by"))
    assert by_text[number].line == 4
    assert any(text.startswith("the slug `a` is taken by") for text in by_text)
    assert len(by_text) == 2


def test_all_faults_of_all_pages_come_at_once_and_in_order(tmp_path):
    pages = {
        "technical/b.md": page(minutes="1", difficulty="expert"),
        "debugging/a.md": "",
        "conceptual/c.md": page((*FIRST, *REST[:-2]), number="8", topics="[redis, x]"),
        "system-design/fine.md": page(number="9"),
    }
    found = faults_of(tmp_path, pages)
    assert [(fault.file.stem, fault.line) for fault in found] == [
        ("c", None),
        ("c", None),
        ("c", 7),
        ("a", None),
        ("b", 5),
        ("b", 6),
    ]
    docs = write_docs(tmp_path, pages)
    with pytest.raises(SourceError, match=r"^6 faults in the sources\n"):
        load_catalog(docs)


def test_headings_in_listings_do_not_count(tmp_path):
    text = page().replace("Text.", "````text\n# not a title\n```\n## Hints\n````", 1)
    assert len(load_catalog(write_docs(tmp_path, {PLACE: text}))) == 1


def test_index_and_underscored_pages_are_no_questions(tmp_path):
    docs = write_docs(tmp_path, {"index.md": "", "_template.md": "", "technical/index.md": "", PLACE: page()})
    assert len(load_catalog(docs)) == 1


def test_a_page_missing_from_the_navigation(tmp_path):
    docs = write_docs(tmp_path, {PLACE: page(), "system-design/other.md": page(number="7")})
    nav = [
        "index.md",
        {"Questions": ["questions/index.md", {"Technical": ["questions/technical/rate-limiting.md"]}]},
    ]
    with pytest.raises(SourceError) as caught:
        load_catalog(docs, list(nav_pages(nav)))
    (fault,) = caught.value.faults
    assert fault.file == docs / "questions/system-design/other.md"
    assert "missing from the navigation" in fault.fault
    assert "questions/system-design/other.md" in fault.mend


def test_categories_and_levels_are_named_as_people_say_them():
    assert [category.label for category in Category] == [
        *("Conceptual", "Technical", "System design", "Debugging"),
    ]
    assert [(level.full_label, level.rank) for level in Difficulty] == [
        *(("Mid-senior (L4/L5)", 1), ("Senior (L5/L6)", 2), ("Staff (L6/L7)", 3)),
    ]


def test_selecting_and_finding(tmp_path):
    docs = write_docs(
        tmp_path,
        {
            "system-design/b.md": page(number="2", difficulty="staff"),
            "technical/a.md": page(number="1"),
            "technical/c.md": page(number="3", difficulty="staff"),
        },
    )
    catalog = load_catalog(docs)
    assert [question.number for question in catalog] == [1, 2, 3]
    assert [q.number for q in catalog.select(category=Category.TECHNICAL)] == [1, 3]
    assert [q.number for q in catalog.select(Category.TECHNICAL, Difficulty.STAFF)] == [3]
    assert catalog.get(2).slug == "b"
    assert catalog.at("questions/system-design/b.md") == catalog.get(2)
    assert catalog.at("index.md") is None
    with pytest.raises(KeyError, match="there is no question 4"):
        catalog.get(4)


def test_related_questions_share_the_rarest_topics(tmp_path):
    topics = {1: "[redis, sql]", 2: "[redis, slo]", 3: "[sql, slo]", 4: "[slo, redis]", 5: "[pii, privacy]"}
    pages = {f"technical/q{n}.md": page(number=str(n), topics=t) for n, t in topics.items()}
    catalog = load_catalog(write_docs(tmp_path, pages))
    # sql is on two pages, redis on three: question 3 is nearer to 1 than 2 and 4 are.
    assert [q.number for q in catalog.related(catalog.get(1))] == [3, 2, 4]
    assert [q.number for q in catalog.related(catalog.get(1), count=1)] == [3]
    assert catalog.related(catalog.get(5)) == (), "what shares nothing is not related"
