"""What the browser is given to search: each question with its own words, and no phrase that leads to two of them."""

from __future__ import annotations

import json
import re

import pytest

from macros.catalog import load_catalog
from macros.faults import SourceError
from macros.question import TOPICS
from macros.search import FILE, NAMES, WORDS_FILE, Vocabulary, load_topic_names, load_vocabulary, search_files
from tests.content.reading import DOCS, ROOT
from tests.macros.pages import FIRST, page, write_docs

SEARCH = ROOT / "search"


@pytest.fixture
def docs(tmp_path):
    pages = {
        "technical/a.md": page(number="1"),
        "debugging/b.md": page(FIRST, number="2", answer="pending"),
    }
    return write_docs(tmp_path / "docs", pages)


def written(tmp_path, **files):
    folder = tmp_path / "search"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    return folder


def test_every_question_has_its_vocabulary():
    catalog = load_catalog(DOCS)
    vocabulary = load_vocabulary(SEARCH, catalog)
    assert set(vocabulary) == {question.slug for question in catalog}
    for slug, words in vocabulary.items():
        assert len(words.terms) >= 20, slug
        assert len(words.asks) >= 10, slug
    assert set(load_topic_names(SEARCH)) == TOPICS


def test_no_phrase_is_another_with_a_slip_of_the_keys():
    """What is listed is known, and a known word is looked for as it is: it would find less than the same slip unlisted."""
    for slug, words in load_vocabulary(SEARCH, load_catalog(DOCS)).items():
        phrases = {phrase.lower() for phrase in (*words.terms, *words.asks)}
        for phrase in phrases:
            # Inside of a long word alone: at its end a letter makes the plural, and acronyms are near to one another.
            long = list(re.finditer(r"[a-z]{5,}", phrase))
            left_out = [at for word in long for at in range(word.start() + 1, word.end() - 1)]
            swapped = [at for at in left_out if at + 1 in left_out and phrase[at] != phrase[at + 1]]
            slips = {phrase[:at] + phrase[at + 1 :] for at in left_out}
            slips |= {phrase[:at] + phrase[at + 1] + phrase[at] + phrase[at + 2 :] for at in swapped}
            assert not slips & phrases, f"{slug}: of `{phrase}`, leave out {slips & phrases}"


def test_a_question_is_found_by_title_keywords_vocabulary_and_text(docs, tmp_path):
    catalog = load_catalog(docs)
    first, second = catalog
    texts = {q.source: (docs / q.source).read_text(encoding="utf-8") for q in catalog}
    texts[first.source] += (
        "\nAn unheard-of marmalade, `as_code`, and {{ computed('hidden') }}.\n\n```python\nsecret_name\n```\n"
    )
    texts["plans/week.md"] = (
        "---\ntitle: A week\ndescription: Seven days.\n---\n\n## First day\n\n## {{ macro() }}\n"
    )
    vocabulary = {first.slug: Vocabulary(terms=("leaky bucket",), asks=("how do I slow them down?",))}
    found = json.loads(search_files(catalog, texts, vocabulary, {"redis": ["Valkey"]})[FILE])

    record, other = found["questions"]
    assert record["number"] == 1
    assert record["href"] == first.address
    assert record["title"] == first.title
    assert record["terms"] == [*first.keywords, "leaky bucket"]
    assert record["asks"] == ["how do I slow them down?"]
    assert "marmalade" in record["rest"].split()
    assert not {"hidden", "secret", "name"} & set(record["rest"].split())
    # A word is given once: what the vocabulary or the opening has is not in the rest.
    assert not set(record["opening"].split()) & set(record["rest"].split())
    assert other["terms"] == list(second.keywords)
    assert other["asks"] == []
    assert found["pages"] == [
        {"title": "A week", "href": "plans/week/", "description": "Seven days.", "headings": "First day"}
    ]
    assert found["topics"] == {"redis": ["Valkey"]}
    assert found["labels"]["mid-senior"] == "Mid-senior (L4/L5)"


def test_the_rest_has_what_tells_a_question_apart_once_and_no_markup(tmp_path):
    """Of what stands below the opening: no word of few letters, none that many questions have, each once."""
    pages = {f"technical/{name}.md": page(number=str(n)) for n, name in enumerate("abcdef", 1)}
    catalog = load_catalog(write_docs(tmp_path, pages))
    texts = {q.source: (tmp_path / "docs" / q.source).read_text(encoding="utf-8") for q in catalog}
    first, *others = (question.source for question in catalog)
    texts[first] = texts[first].replace("## Question\n\nText.", "## Question\n\nUnheard text.")
    told = "\nRare rare unheard asked ab the leak's end, [a link](../address.md), <b>bold</b>.\n"
    texts[first] += f"{told}\n/// details | Hidden mark\n\nCommon.\n\n///\n"
    for source in others[:2]:
        texts[source] += "\nCommon.\n"
    vocabulary = {catalog.get(1).slug: Vocabulary(asks=("who asked?",))}
    records = json.loads(search_files(catalog, texts, vocabulary, {})[FILE])["questions"]
    # A third of six are two questions: what three have tells none of them apart.
    rest = ["rare", "the", "leaks", "end", "link", "bold"]
    assert [word for word in records[0]["rest"].split() if word not in records[3]["rest"].split()] == rest
    assert {"question", "unheard"} <= set(records[0]["opening"].split())
    assert not {"model", "pitfalls", "rare"} & set(records[0]["opening"].split())


def test_a_drill_says_that_it_is_one():
    catalog = load_catalog(DOCS)
    texts = {question.source: (DOCS / question.source).read_text(encoding="utf-8") for question in catalog}
    found = json.loads(search_files(catalog, texts, {}, {})[FILE])["questions"]
    for record, question in zip(found, catalog, strict=True):
        assert record["drill"] == (question.category == "debugging")


def test_of_many_questions_the_names_come_first_and_nothing_is_lost():
    catalog = load_catalog(DOCS)
    texts = {question.source: (DOCS / question.source).read_text(encoding="utf-8") for question in catalog}
    vocabulary = load_vocabulary(SEARCH, catalog)
    (whole,) = search_files(catalog, texts, vocabulary, {}).values()
    split = search_files(catalog, texts, vocabulary, {}, many=len(catalog))
    assert set(split) == {FILE, WORDS_FILE}
    assert len(split[FILE]) < len(whole) / 4
    names, words = json.loads(split[FILE]), json.loads(split[WORDS_FILE])
    assert all(len(question["terms"]) == NAMES for question in names["questions"])
    together = [question | words[question["href"]] for question in names["questions"]]
    assert names | {"questions": together, "words": None} == json.loads(whole)


@pytest.mark.parametrize(
    ("files", "line", "fault", "mend"),
    [
        pytest.param({"c": "terms: [x y]\n"}, None, "there is no question `c`", "slug", id="no question"),
        pytest.param({"a": "terms: [x\n"}, 2, "not valid YAML", "quotes", id="no YAML"),
        pytest.param({"a": "- x\n"}, 1, "not a mapping", "key: value", id="a list"),
        pytest.param({"a": "terms: [ok ok]\nwords: [x]\n"}, 2, "`words`", "terms", id="unknown key"),
        pytest.param({"a": "terms:\n  - fine\n  - 429\n"}, 3, "`terms.1`", "quotes", id="a number"),
        pytest.param({"a": f"asks:\n  - {'x' * 121}\n"}, 2, "`asks.0`", "120", id="too long"),
        pytest.param(
            {"a": "terms: [token bucket]\n", "b": "asks:\n  - Token-Bucket\n"},
            2,
            "claimed by a.yml",
            "one of the two",
            id="claimed twice",
        ),
    ],
)
def test_a_fault_is_told_with_its_place_and_mend(docs, tmp_path, files, line, fault, mend):
    folder = written(tmp_path, **files)
    with pytest.raises(SourceError) as raised:
        load_vocabulary(folder, load_catalog(docs))
    (found,) = raised.value.faults
    assert found.line == line
    assert fault in found.fault
    assert mend in found.mend


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [("redis: [Valkey]\nreddis: [x y]\n", 2, "no topic `reddis`"), ("redis: [Valkey]\nsql: 3\n", 2, "`sql`")],
)
def test_a_fault_in_the_topics_names(tmp_path, text, line, fault):
    with pytest.raises(SourceError) as raised:
        load_topic_names(written(tmp_path, topics=text))
    (found,) = raised.value.faults
    assert found.line == line
    assert fault in found.fault
