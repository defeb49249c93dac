"""The deck in Anki's own library: what its readers see, and what a second import does to what they have."""

import re
from dataclasses import replace

import pytest
from anki.collection import Collection
from anki.import_export_pb2 import ImportAnkiPackageOptions, ImportAnkiPackageRequest

from macros import deck, store, texts
from macros.catalog import Catalog, load_catalog
from macros.site import Site
from tests.macros.pages import FIRST, page, write_docs

SITE = Site("A site", "About it.", "https://example.org/base/")

BODY = """\
## Question

> Limit {number}.

| Tier | Rate |
| --- | --- |
| free | 10 |

## What it tests

- Signal {number}.

## Model answer

### In one minute

The cause is a leak. Answer {number}.

### Approach

Long.

## Follow-ups

### What if `x` < 1? {{ #what-if }}

Then less.

### And the leak?

```text
a < b
```
"""


@pytest.fixture
def catalog(tmp_path):
    pages = {
        "technical/a.md": page(number="1"),
        "debugging/b.md": page(
            (*FIRST, "Drill", "Model answer", "Levels", "Pitfalls", "Follow-ups", "References"), number="2"
        ),
        "technical/c.md": page(FIRST, number="3", answer="pending"),
    }
    return load_catalog(write_docs(tmp_path, pages))


def texts_of(catalog: Catalog, body: str = BODY):
    return {
        question.source: texts.plain(body.format(number=question.number), question.source, SITE.url)
        for question in catalog
    }


@pytest.fixture
def collection(tmp_path):
    collection = Collection(str(tmp_path / "reader.anki2"))
    yield collection
    collection.close()


@pytest.fixture
def load(collection, tmp_path):
    """Imports a package as File > Import does with its defaults, and returns its log."""

    def load(content: bytes):
        file = tmp_path / deck.NAME
        file.write_bytes(content)
        request = ImportAnkiPackageRequest(package_path=str(file), options=ImportAnkiPackageOptions())
        return collection.import_anki_package(request).log

    return load


def rendered(collection, search):
    """Fronts and backs of the cards that a search finds, without markup, in their order."""
    cards = [collection.get_card(number) for number in collection.find_cards(search)]
    outputs = [card.render_output() for card in sorted(cards, key=lambda card: card.due)]
    strip = re.compile(r"<style>.*?</style>|<[^>]+>", re.DOTALL)
    return [
        tuple(" ".join(strip.sub(" ", text).split()) for text in (o.question_text, o.answer_text))
        for o in outputs
    ]


def test_a_question_and_its_follow_ups_are_cards(catalog, collection, load):
    assert len(load(deck.package(catalog, texts_of(catalog), SITE, 1_000)).new) == 6
    assert [entry.name for entry in collection.decks.all_names_and_ids() if entry.name != "Default"] == [
        "A site"
    ]

    cards = rendered(collection, "tag:category::technical")
    fronts = [front for front, _ in cards]
    assert fronts == [
        "1. Limit a rate Technical, senior (L5/L6), 30 minutes Limit 1. Tier Rate free 10",
        "1. Limit a rate: follow-up What if x &lt; 1?",
        "1. Limit a rate: follow-up And the leak?",
    ]
    backs = [back.removeprefix(front).strip() for front, back in cards]
    assert backs == [
        "In one minute The cause is a leak. Answer 1. What it tests Signal 1. The page, with the whole answer",
        "Then less. The page, with the whole answer",
        "a &lt; b The page, with the whole answer",
    ]
    links = {
        note["Link"] for note in map(collection.get_note, collection.find_notes("tag:category::technical"))
    }
    page = "https://example.org/base/questions/technical/a/"
    assert links == {page, f"{page}#what-if", f"{page}#and-the-leak"}


def test_no_front_gives_a_drills_cause_away(catalog, collection, load):
    load(deck.package(catalog, texts_of(catalog), SITE, 1_000))
    [(front, back)] = rendered(collection, "tag:category::debugging tag:kind::question")
    assert "leak" not in front
    assert "leak" in back
    for number in collection.find_cards("tag:category::debugging tag:kind::follow-up"):
        front = collection.get_card(number).render_output().question_text
        shown = re.sub(r"<details>(<summary>.*?</summary>).*?</details>", r"\1", front, flags=re.DOTALL)
        assert "2. Limit a rate: follow-up" in shown
        assert "It presumes the cause" in shown
        assert not re.search("leak|What if", shown)
    assert (
        "details"
        not in collection.get_card(collection.find_cards("tag:category::technical tag:kind::follow-up")[0])
        .render_output()
        .question_text
    )


def test_a_second_import_updates_and_duplicates_nothing(catalog, collection, load):
    load(deck.package(catalog, texts_of(catalog), SITE, 1_000))
    again = load(deck.package(catalog, texts_of(catalog), SITE, 1_000))
    assert (len(again.new), len(again.updated)) == (0, 0)
    assert collection.note_count() == 6

    learned = collection.find_cards("tag:category::technical tag:kind::question")[0]
    collection.sched.set_due_date([learned], "9")
    due = collection.get_card(learned).due

    # Reworded with its id kept, moved behind the other, and answered anew; the question has another slug and title.
    body = BODY.replace("What if `x` < 1?", "When is `x` small?").replace("Then less.", "Then none.")
    head, _, rest = body.partition("### When")
    first, _, second = rest.partition("### And")
    body = f"{head}### And{second}\n### When{first}"
    renamed = Catalog(
        tuple(q.model_copy(update={"slug": f"new-{q.slug}", "title": "Bound a rate"}) for q in catalog)
    )
    log = load(deck.package(renamed, texts_of(renamed, body), SITE, 2_000))
    assert not log.new
    assert collection.note_count() == 6
    fronts = dict(rendered(collection, "tag:category::technical"))
    assert any(front.startswith("1. Bound a rate Technical") for front in fronts)
    assert "Then none." in fronts["1. Bound a rate: follow-up When is x small?"]
    assert collection.get_card(learned).due == due


def test_what_readers_have_is_known_by_the_same_ids_for_ever(catalog, collection, load):
    """With another id, or other fields, an import would put a second type of note or a second card beside the reader's own."""
    load(deck.package(catalog, texts_of(catalog), SITE, 1_000))
    types = {entry.id: collection.models.get(entry.id) for entry in collection.models.all_names_and_ids()}
    fields = {id_: [field["name"] for field in types[id_]["flds"]] for id_ in (1_329_870_447, 1_650_218_903)}
    assert fields == {
        1_329_870_447: ["Title", "About", "Question", "Answer", "Signals", "Link"],
        1_650_218_903: ["Follow-up", "About", "After", "Answer", "Link"],
    }
    guids = {
        note["Link"].removeprefix(f"{SITE.url}questions/technical/"): note.guid
        for note in map(collection.get_note, collection.find_notes("tag:category::technical"))
    }
    assert guids == {"a/": "K-X;>T,l4.", "a/#what-if": "lS;SjHQd8T", "a/#and-the-leak": "mRo64Co-QA"}


def test_the_same_sources_give_the_same_bytes(catalog):
    first, second = (deck.package(catalog, texts_of(catalog), SITE, 1_000) for _ in range(2))
    assert first == second
    assert first != deck.package(catalog, texts_of(catalog), SITE, 1_001)


def test_a_deck_of_which_nothing_has_changed_is_not_made_again(catalog, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "CACHE_DIR", tmp_path)
    made = []
    monkeypatch.setattr(deck, "package", lambda *given: made.append(given) or b"%d" % len(made))
    written = texts_of(catalog)
    for _ in range(2):
        assert deck.kept_package(catalog, written, SITE, 1) == b"1"
    first = catalog.questions[0].source
    other = written | {first: replace(written[first], markdown=f"{written[first].markdown}\nMore.\n")}
    assert deck.kept_package(catalog, other, SITE, 1) == b"2"
    assert deck.kept_package(catalog, other, SITE, 2) == b"3"
    assert deck.kept_package(catalog, other, SITE._replace(url="https://other.example/"), 2) == b"4"
    renamed = other | {first: replace(other[first], ids={"Other": "other"})}
    assert deck.kept_package(catalog, renamed, SITE, 2) == b"5"
    assert made[0] == (catalog, written, SITE, 1)


def test_a_diagram_on_a_card_is_its_description(catalog, collection, load):
    diagram = "```mermaid\nflowchart LR\n  accTitle: T\n  accDescr: One arrow.\n  a --> b\n```\n"
    load(deck.package(catalog, texts_of(catalog, BODY.replace("Then less.", diagram)), SITE, 1_000))
    [(_, back)] = rendered(
        collection, 'tag:category::technical "Follow-up:*small*" or tag:category::technical "Follow-up:What*"'
    )
    assert "Diagram: T. One arrow." in back
    assert "flowchart" not in back


def test_keys_of_follow_ups_are_the_ids_of_their_headings(catalog):
    question = catalog.get(1)
    text = texts_of(catalog)[question.source]
    assert deck.follow_up_keys(question, text) == ["1#what-if", "1#and-the-leak"]
    lost = replace(text, ids={})
    with pytest.raises(KeyError):
        deck.follow_up_keys(question, lost)
