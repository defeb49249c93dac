"""The questions' texts -> a deck for Anki: a note for each question, and one for each of its follow-ups.

A second import has to update and not to duplicate, so every id lasts. Those of the deck and of the two types of note are
constants; a question's note is known by its number, a follow-up's by the number and the id that its heading has on the
page. That id follows the words, as links do: whoever rewords a follow-up keeps its old id behind the heading,
`### New words { #old-id }`, and tests/site/published_follow_ups.txt tells of one that is gone.

Anki takes a note for newer by its time alone, so `modified` is that of the newest commit. The same sources give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from pathlib import Path

import genanki  # type: ignore[import-untyped]
from markdown import Markdown  # type: ignore[import-untyped]

from macros import store
from macros.catalog import Catalog
from macros.question import Category, Question
from macros.site import Site
from macros.texts import Text

NAME = "llm-production-interviews.apkg"
# Drawn once. A deck or a type of note with another id would be a second one beside the reader's own.
DECK_ID = 1_874_302_561
QUESTION_MODEL_ID = 1_329_870_447
FOLLOW_UP_MODEL_ID = 1_650_218_903
_SCOPE = "llm-production-interviews"
_MAKERS = ("Markdown", "pymdown-extensions")
"""The distributions that make the fields of cards."""

_CSS = """\
.card {
  color: #1f2533; background: #fff; font: 17px/1.5 system-ui, sans-serif;
  max-width: 44rem; margin: 0 auto; padding: 0 .6rem; text-align: left; overflow-wrap: break-word;
}
.about { color: #545e70; font-size: .8em; }
h1 { font-size: 1.15em; margin: .4rem 0; }
summary { cursor: pointer; padding: .5rem 0; }
h2 { font-size: .85em; margin: 1.2rem 0 .2rem; color: #545e70; }
blockquote { margin: .6rem 0; padding-left: .8rem; border-left: 3px solid #3f5b9e; }
pre { background: #f3f5f9; padding: .6rem; overflow-x: auto; font-size: .8em; line-height: 1.4; }
code { font-family: ui-monospace, monospace; font-size: .9em; background: #f3f5f9; padding: 0 .15em; }
pre code { font-size: 1em; padding: 0; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85em; }
th, td { border: 1px solid #c3cad6; padding: .25rem .5rem; text-align: left; vertical-align: top; }
a { color: #3f5b9e; }
.nightMode.card, .night_mode .card { color: #e4e8f0; background: #1b1f2a; }
.nightMode .about, .nightMode h2, .night_mode .about, .night_mode h2 { color: #a9b2c3; }
.nightMode pre, .nightMode code, .night_mode pre, .night_mode code { background: #282e3c; }
.nightMode th, .nightMode td, .night_mode th, .night_mode td { border-color: #4a5366; }
.nightMode a, .night_mode a { color: #a3b8f0; }
"""
_SOURCE = '<p class="about"><a href="{{Link}}">The page, with the whole answer</a></p>'
_ABOUT = '<p class="about">{{About}}</p>'

_AFTER_DRILL = "It presumes the cause: show it if you have worked through the drill"

_QUESTION = genanki.Model(
    QUESTION_MODEL_ID,
    "LLM production interviews: question",
    fields=[{"name": name} for name in ("Title", "About", "Question", "Answer", "Signals", "Link")],
    templates=[
        {
            "name": "Question",
            "qfmt": f"<h1>{{{{Title}}}}</h1>{_ABOUT}{{{{Question}}}}",
            "afmt": f"{{{{FrontSide}}}}<hr id=answer><h2>In one minute</h2>{{{{Answer}}}}"
            f"<h2>What it tests</h2>{{{{Signals}}}}{_SOURCE}",
        }
    ],
    css=_CSS,
)
_FOLLOW_UP = genanki.Model(
    FOLLOW_UP_MODEL_ID,
    "LLM production interviews: follow-up",
    fields=[{"name": name} for name in ("Follow-up", "About", "After", "Answer", "Link")],
    templates=[
        {
            "name": "Follow-up",
            # What follows up on a drill would give its cause away, so such a front is folded. Suspending the card
            # would not do: an import without schedules, which is the usual one, resumes it.
            "qfmt": f"{_ABOUT}{{{{#After}}}}<details><summary>{{{{After}}}}</summary>{{{{/After}}}}"
            "<h1>{{Follow-up}}</h1>{{#After}}</details>{{/After}}",
            "afmt": f"{_ABOUT}<h1>{{{{Follow-up}}}}</h1><hr id=answer>{{{{Answer}}}}{_SOURCE}",
        }
    ],
    css=_CSS,
)


def kept_package(catalog: Catalog, texts: Mapping[str, Text], site: Site, modified: int) -> bytes:
    """What `package` gives, from the cache where nothing that it is made of has changed."""
    made_of = [
        (question.model_dump(mode="json"), hashlib.sha256(text.markdown.encode()).hexdigest(), text.ids)
        for question in catalog
        if (text := texts.get(question.source))
    ]
    key = store.key_of([store.makers("genanki", *_MAKERS), site, modified, made_of])
    path = store.CACHE_DIR / NAME
    if (data := store.read(path, key)) is None:
        data = package(catalog, texts, site, modified)
        store.write(path, key, data)
    return data


def package(catalog: Catalog, texts: Mapping[str, Text], site: Site, modified: int) -> bytes:
    """The deck as an .apkg file. `texts` by path below docs/; `modified` in seconds since 1970.

    A question whose answer is pending has no back to its card yet, and none is made of it.
    """
    deck = genanki.Deck(DECK_ID, site.name, f"{site.description} {site.url}")
    for question in catalog:
        if question.source in texts and not question.pending:
            text = texts[question.source]
            notes = [_question_note(question, text, site.url), *_follow_up_notes(question, text, site.url)]
            for note in notes:
                # New cards come in this order: a question before what follows up on it.
                note.due = len(deck.notes)
                deck.add_note(note)
    _HTML.keep()
    return _packed(deck, modified)


def follow_up_keys(question: Question, text: Text) -> list[str]:
    """What the notes of a question's follow-ups are known by: `6#how-do-you-roll-this-out`."""
    return [f"{question.number}#{text.ids[title]}" for title, _ in text.sections(3, within="Follow-ups")]


def _question_note(question: Question, text: Text, site_url: str) -> genanki.Note:
    in_one_minute = dict(text.sections(3, within="Model answer")).get("In one minute", "")
    about = f"{question.category.label}, {question.difficulty.label.lower()} ({question.difficulty.levels}), {question.minutes} minutes"
    return genanki.Note(
        _QUESTION,
        [
            escape(f"{question.number}. {question.title}"),
            escape(about),
            _html(text.section("Question")),
            _html(in_one_minute),
            _html(text.section("What it tests")),
            f"{site_url}{question.address}",
        ],
        sort_field=f"{question.number:02}",
        guid=genanki.guid_for(_SCOPE, "question", question.number),
        tags=_tags(question, "question"),
    )


def _follow_up_notes(question: Question, text: Text, site_url: str) -> list[genanki.Note]:
    sections = list(text.sections(3, within="Follow-ups"))
    is_drill = question.category is Category.DEBUGGING
    return [
        genanki.Note(
            _FOLLOW_UP,
            [
                _html(title).removeprefix("<p>").removesuffix("</p>"),
                escape(f"{question.number}. {question.title}: follow-up"),
                _AFTER_DRILL if is_drill else "",
                _html(answer),
                f"{site_url}{question.address}#{key.partition('#')[2]}",
            ],
            sort_field=f"{question.number:02}.{place}",
            guid=genanki.guid_for(_SCOPE, "follow-up", key),
            tags=_tags(question, "follow-up"),
        )
        for place, ((title, answer), key) in enumerate(
            zip(sections, follow_up_keys(question, text), strict=True), 1
        )
    ]


def _tags(question: Question, kind: str) -> list[str]:
    return [
        f"kind::{kind}",
        f"category::{question.category}",
        f"difficulty::{question.difficulty}",
        *(f"topic::{topic}" for topic in question.topics),
    ]


_HTML = store.Many("deck.json", *_MAKERS)
"""Fields of cards by their Markdown: six of a question and two of a follow-up."""


def _html(markdown: str) -> str:
    """Markdown as a card shows it: listings without colors, of a diagram its description alone."""
    return str(_HTML.get(markdown, lambda: _converted(markdown)))


def _converted(markdown: str) -> str:
    without = re.sub(r"^```mermaid$.*?^```$", "", markdown, flags=re.DOTALL | re.MULTILINE)
    html = str(_parser().reset().convert(without))
    # A wide table scrolls by itself on a phone.
    return html.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")


@lru_cache(maxsize=1)
def _parser() -> Markdown:
    return Markdown(
        extensions=["tables", "sane_lists", "pymdownx.highlight", "pymdownx.superfences"],
        extension_configs={"pymdownx.highlight": {"use_pygments": False}},
    )


def _packed(deck: genanki.Deck, modified: int) -> bytes:
    """The bytes of the package. Genanki's archive carries the time of its making, so its members are packed again."""
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder, NAME)
        genanki.Package(deck).write_to_file(draft, timestamp=modified)
        packed = io.BytesIO()
        with zipfile.ZipFile(draft) as made, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(made.namelist()):
                member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
                member.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(member, made.read(name))
    return packed.getvalue()
