"""The words by which a page is found -> assets/search.json, which the reader's browser searches.

Of many questions it has the names alone, and assets/search-words.json, which the browser reads after it, all other words.

A reader's words are seldom the page's. `search/<slug>.yml` holds those by which people ask for a question, and
`search/topics.yml` the other names of topics:

terms: [throttling, rate limiter, token bucket]
asks: [how do I stop one customer from using up all our capacity?]
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from macros import front_matter, render, store
from macros.catalog import Catalog
from macros.faults import Fault, SourceError
from macros.question import SECTIONS, TOPICS

TOPICS_FILE = "topics.yml"
FILE = "assets/search.json"
WORDS_FILE = "assets/search-words.json"
MANY = 100
"""From so many questions on, a reader would wait for all words to arrive; names come first."""
NAMES = 20
"""So many terms of each question are names. Its own keywords are the first of them."""
COMMON = 1 / 3
"""A word of the text that stands on more than this share of the questions tells none of them apart."""

_Phrase = Annotated[str, Field(min_length=2, max_length=120, pattern=r"^\S[^\n]*$")]


class Vocabulary(BaseModel):
    """How people ask for one question: `terms` of a few words, `asks` as they would say the whole of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    terms: Annotated[tuple[_Phrase, ...], Field(strict=False)] = ()
    asks: Annotated[tuple[_Phrase, ...], Field(strict=False)] = ()


def load_vocabulary(folder: Path, catalog: Catalog) -> dict[str, Vocabulary]:
    """The vocabulary of every question that has one, by its slug. Raises SourceError.

    A file that belongs to no question, and a phrase that two questions claim, are faults: the first would never be read,
    and of the second nobody could say where it should lead.
    """
    slugs = {question.slug for question in catalog}
    found: dict[str, Vocabulary] = {}
    faults: list[Fault] = []
    claimed: dict[str, Path] = {}
    for file in sorted(folder.glob("*.yml")):
        if file.name == TOPICS_FILE:
            continue
        if file.stem not in slugs:
            mend = "name the file after the slug of its question, or remove it"
            faults.append(Fault(file, None, f"there is no question `{file.stem}`", mend))
            continue
        try:
            content, lines = front_matter.mapping(
                file.read_text(encoding="utf-8"), file, "the vocabulary of a question"
            )
        except SourceError as error:
            faults += error.faults
            continue
        try:
            found[file.stem] = Vocabulary.model_validate(content)
        except ValidationError as error:
            for detail in error.errors():
                place = next((p for p in _prefixes(detail["loc"]) if p in lines), ())
                mend = "give `terms` and `asks`, each a list of phrases of at most 120 characters, numbers in quotes"
                where = ".".join(map(str, detail["loc"]))
                faults.append(Fault(file, lines.get(place), f"`{where}`: {detail['msg']}", mend))
            continue
        for key in ("terms", "asks"):
            for index, phrase in enumerate(content.get(key) or ()):
                plain = " ".join(words(phrase))
                if (first := claimed.setdefault(plain, file)) != file:
                    fault = f"`{phrase}` is claimed by {first.name} too"
                    faults.append(Fault(file, lines.get((key, index)), fault, "leave it to one of the two"))
    if faults:
        raise SourceError(faults)
    return found


def load_topic_names(folder: Path) -> dict[str, list[str]]:
    """Other names of topics, by topic. Raises SourceError."""
    file = folder / TOPICS_FILE
    if not file.is_file():
        return {}
    content, lines = front_matter.mapping(file.read_text(encoding="utf-8"), file, "the list of topics' names")
    faults = [
        Fault(
            file,
            lines.get((topic,)),
            f"there is no topic `{topic}`",
            "use one of macros/question.py's topics",
        )
        for topic in content
        if topic not in TOPICS
    ]
    try:
        names = TypeAdapter(dict[str, list[_Phrase]]).validate_python(content)
    except ValidationError as error:
        faults += [
            Fault(
                file,
                lines.get(tuple(detail["loc"][:1])),
                f"`{detail['loc'][0]}`: {detail['msg']}",
                "give each topic a list of words",
            )
            for detail in error.errors()
        ]
    if faults:
        raise SourceError(faults)
    return names


def search_files(
    catalog: Catalog,
    texts: Mapping[str, str],
    vocabularies: Mapping[str, Vocabulary],
    topic_names: Mapping[str, list[str]],
    many: int = MANY,
) -> dict[str, str]:
    """What the browser searches, by path below docs/: the questions with the words that find them, and all other pages.

    `texts` has the Markdown of every page that is published, by its path below docs/.
    """
    questions = list(_questions(catalog, texts, vocabularies))
    pages = [_page(source, text) for source, text in sorted(texts.items()) if catalog.at(source) is None]
    content = {"questions": questions, "pages": pages, "topics": dict(topic_names), "labels": render.labels()}
    return as_files(content, many)


def as_files(content: Mapping[str, Any], many: int = MANY) -> dict[str, str]:
    """The whole of what is searched in one file or, from `many` questions on, in two: the names, and all words."""
    questions = content["questions"]
    if len(questions) < many:
        return {FILE: _json({**content, "words": None})}
    named = [{**q, "terms": q["terms"][:NAMES], "asks": [], "opening": "", "rest": ""} for q in questions]
    words_of = {
        q["href"]: {name: q[name] for name in ("terms", "asks", "opening", "rest")} for q in questions
    }
    return {
        FILE: _json({**content, "questions": named, "words": WORDS_FILE}),
        WORDS_FILE: _json(words_of),
    }


def _questions(
    catalog: Catalog, texts: Mapping[str, str], vocabularies: Mapping[str, Vocabulary]
) -> Iterator[dict[str, Any]]:
    bags = {question.slug: _bag(texts[question.source]) for question in catalog}
    standing = Counter(chain.from_iterable(bags.values()))
    most = max(1, COMMON * len(catalog))
    common = {word for word, count in standing.items() if count > most or len(word) <= 2}
    for question in catalog:
        vocabulary = vocabularies.get(question.slug, Vocabulary())
        opening = _bag(_opening(texts[question.source]))
        told = words(" ".join([question.title, *vocabulary.terms, *vocabulary.asks]))
        left_out = common.union(opening, told)
        rest = [word for word in bags[question.slug] if word not in left_out]
        yield {
            **question.model_dump(
                mode="json",
                include={"number", "title", "description", "category", "difficulty", "minutes", "topics"},
            ),
            "href": question.address,
            "drill": "drill" in question.sections,
            "terms": [*question.keywords, *vocabulary.terms],
            "asks": list(vocabulary.asks),
            "opening": " ".join(opening),
            "rest": " ".join(rest),
        }
    _BAGS.keep()


_BAGS = store.Many("words.json")
"""The words of pages, and of their openings, by their Markdown."""


# A server asks for all of them again after each edit of one.
@lru_cache(maxsize=8192)
def _bag(text: str) -> tuple[str, ...]:
    """The words of a page's Markdown, each once, in the order in which they first stand there."""
    return tuple(_BAGS.get(text, lambda: list(dict.fromkeys(words(_prose(text))))))


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"


def words(text: str) -> Iterator[str]:
    """Runs of letters and digits, in lower case, as the browser's script cuts them too."""
    return iter(re.findall(r"[^\W_]+", text.lower().replace("'", "").replace("\u2019", "")))


def _page(source: str, text: str) -> dict[str, str]:
    page = front_matter.split(text, Path(source))
    # A kit's headings are those of every kit, and its interruptions are for the interviewer.
    body = "" if "kit" in page.meta else page.body
    headings = re.findall(r"^#{2,3} +(.+?) *(?:\{ ?[:#.][^}]*\})?$", body, re.MULTILINE)
    return {
        "title": str(page.meta.get("title", "")),
        "href": render.address_of(source),
        "description": str(page.meta.get("description", "")),
        "headings": " ".join(heading for heading in headings if "{{" not in heading),
    }


def _opening(text: str) -> str:
    """A question page as its reader first sees it, hints included: up to its answer or drill."""
    ends = [f"\n## {title}\n" for title, name in SECTIONS.items() if name in ("drill", "model-answer")]
    return text[: min((text.find(end) for end in ends if end in text), default=len(text))]


def _prose(text: str) -> str:
    """Markdown without its front matter, listings, macros, markup and addresses."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|<[^>]+>|\]\([^)]*\)", " ", text, flags=re.DOTALL)
    return re.sub(r"^(/{3,}.*|    type: .*)$", "", text, flags=re.MULTILINE)


def _prefixes(path: Iterable[str | int]) -> Iterator[tuple[str | int, ...]]:
    parts = tuple(path)
    return (parts[:end] for end in range(len(parts), 0, -1))
