"""docs/questions/ -> the catalog of questions, or every fault of every page in one error."""

from __future__ import annotations

import difflib
import heapq
import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from macros import front_matter
from macros.faults import Fault, SourceError
from macros.fences import headings_of
from macros.question import (
    SECTIONS,
    SLUG,
    TOPICS,
    Category,
    Difficulty,
    FrontMatter,
    Question,
    section_titles,
)


@dataclass(frozen=True)
class Catalog:
    """All questions, in the order of their numbers."""

    questions: tuple[Question, ...]

    def __iter__(self) -> Iterator[Question]:
        return iter(self.questions)

    def __len__(self) -> int:
        return len(self.questions)

    def get(self, number: int) -> Question:
        """The question of that number. Raises KeyError, which names the numbers there are."""
        if number not in self._numbered:
            raise KeyError(f"there is no question {number}; there are {list(self._numbered)}")
        return self._numbered[number]

    def at(self, source: str) -> Question | None:
        """The question whose page is at that path below docs/; None for a page that is no question."""
        return self._placed.get(source)

    def select(
        self, category: Category | None = None, difficulty: Difficulty | None = None
    ) -> tuple[Question, ...]:
        """Those of a category and of a difficulty, in the order of their numbers; None stands for any."""
        return tuple(
            question
            for question in self.questions
            if category in (None, question.category) and difficulty in (None, question.difficulty)
        )

    def related(self, question: Question, count: int = 3) -> tuple[Question, ...]:
        """The questions that share the most with this one.

        A shared topic weighs the more, the rarer it is (inverse document frequency). Nothing else is
        compared, so the list cannot tell what a debugging page's cause is.
        """
        weights: defaultdict[int, float] = defaultdict(float)
        # Sorted, as a sum of floats depends on their order.
        for topic in sorted(question.topics):
            of_topic = self._by_topic[topic]
            rarity = math.log(1 + len(self) / len(of_topic))
            for other in of_topic:
                weights[other.number] += rarity
        weights.pop(question.number, None)
        nearest = heapq.nsmallest(count, weights, key=lambda number: (-weights[number], number))
        return tuple(self.get(number) for number in nearest)

    # What every page asks for is looked up, or a site would cost the square of its size.

    @cached_property
    def _numbered(self) -> dict[int, Question]:
        return {question.number: question for question in self.questions}

    @cached_property
    def _placed(self) -> dict[str, Question]:
        return {question.source: question for question in self.questions}

    @cached_property
    def _by_topic(self) -> dict[str, list[Question]]:
        found: dict[str, list[Question]] = {}
        for question in self.questions:
            for topic in question.topics:
                found.setdefault(topic, []).append(question)
        return found


def load_catalog(docs_dir: Path, listed: Collection[str] | None = None) -> Catalog:
    """Read every question page below docs_dir/questions. Raises SourceError with all faults of all pages.

    `listed` are the pages of the navigation, by their paths below docs_dir; None leaves that unchecked.
    """
    faults: list[Fault] = []
    questions: list[tuple[Path, front_matter.Page, Question]] = []
    root = docs_dir / "questions"
    for file in sorted(root.rglob("*.md")):
        if file.name == "index.md" or file.name.startswith("_"):
            continue
        parts = file.relative_to(root).parts
        if len(parts) != 2 or parts[0] not in set(Category):
            mend = f"move it into one of the folders {', '.join(Category)}"
            faults.append(Fault(file, None, "the page is in no category", mend))
            continue
        source = file.relative_to(docs_dir).as_posix()
        if listed is not None and source not in listed:
            mend = f"list it under `nav` in mkdocs.yml: {source}"
            faults.append(Fault(file, None, "the page is missing from the navigation", mend))
        try:
            page, question = load_question(file, Category(parts[0]))
            questions.append((file, page, question))
        except SourceError as error:
            faults += error.faults
    faults += _duplicates(questions)
    if faults:
        raise SourceError(faults)
    return Catalog(tuple(sorted((question for _, _, question in questions), key=lambda q: q.number)))


def load_question(file: Path, category: Category) -> tuple[front_matter.Page, Question]:
    """Read and check one page by itself. Raises SourceError with all its faults."""
    page = front_matter.read(file)
    faults: list[Fault] = []
    meta: FrontMatter | None = None
    try:
        meta = FrontMatter.model_validate(page.meta)
    except ValidationError as error:
        faults += [_field_fault(page, detail) for detail in error.errors()]
    headings = list(headings_of(page.body, page.body_line))
    pending = page.meta.get("answer") == "pending"
    faults += _section_faults(
        page, headings, section_titles(category, pending), section_titles(category, False)
    )
    if not re.fullmatch(SLUG, file.stem.removeprefix("_")):
        mend = "name the file in lower-case words joined by hyphens: the name is the page's address"
        faults.append(Fault(file, None, f"`{file.stem}` is no slug", mend))
    if faults or meta is None:
        raise SourceError(faults)
    sections = tuple(SECTIONS[title] for level, title, _ in headings if level == 2)
    return page, Question(**meta.model_dump(), category=category, slug=file.stem, sections=sections)


def nav_pages(nav: Any) -> Iterator[str]:
    """Paths of all pages in a generator's navigation: the strings that end in .md, however deep they stand."""
    if isinstance(nav, str):
        if nav.endswith(".md"):
            yield nav
    elif isinstance(nav, dict | list | tuple):
        for item in nav.values() if isinstance(nav, dict) else nav:
            yield from nav_pages(item)


def _section_faults(
    page: front_matter.Page,
    headings: list[tuple[int, str, int]],
    wanted: tuple[str, ...],
    complete: tuple[str, ...],
) -> Iterator[Fault]:
    """What is wrong with a page's sections. `complete` are those of the page once its answer is whole."""
    seen: list[str] = []
    for level, title, line in headings:
        if level == 1:
            mend = "remove it: the title stands in the front matter only"
            yield Fault(page.file, line, f"the heading `# {title}` is an H1", mend)
        if level != 2:
            continue
        if title not in wanted:
            mend = f"the sections are {', '.join(wanted)}; below them use ###"
            if title in complete:
                mend = "remove `answer: pending` from the front matter when the answer is whole"
            yield Fault(page.file, line, f"the section `{title}` does not belong here", mend)
        elif title in seen:
            yield Fault(page.file, line, f"the section `{title}` stands twice", "keep one of them")
        elif seen and wanted.index(title) < max(map(wanted.index, seen)):
            mend = f"the order is {', '.join(wanted)}"
            yield Fault(page.file, line, f"the section `{title}` is out of order", mend)
            seen.append(title)
        else:
            seen.append(title)
    for title in wanted:
        if title not in seen:
            yield Fault(page.file, None, f"the section `{title}` is missing", f"add a heading `## {title}`")


def _field_fault(page: front_matter.Page, detail: ErrorDetails) -> Fault:
    path = tuple(part for part in detail["loc"] if part != "pending")
    key = str(path[0])
    line = page.line_of(path)
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, FrontMatter.model_fields, n=1)
        mend = f"did you mean `{near[0]}`?" if near else f"the keys are {', '.join(FrontMatter.model_fields)}"
        return Fault(page.file, line, f"unknown key `{key}`", mend)
    wanted = f"`{key}` is {FrontMatter.model_fields[key].description}"
    if detail["type"] == "missing":
        return Fault(page.file, 1, f"the key `{key}` is missing", f"add it: {wanted}")
    if key == "topics" and len(path) > 1 and isinstance(detail["input"], str):
        near = difflib.get_close_matches(detail["input"], TOPICS, n=1)
        if near:
            wanted = f"did you mean `{near[0]}`? {wanted}"
    what = detail["msg"].removeprefix("Value error, ")
    return Fault(page.file, line, f"`{key}`: {what} (here: {detail['input']!r})", wanted)


def _duplicates(questions: Iterable[tuple[Path, front_matter.Page, Question]]) -> Iterator[Fault]:
    numbers: dict[int, Path] = {}
    slugs: dict[str, Path] = {}
    for file, page, question in questions:
        if (first := numbers.setdefault(question.number, file)) != file:
            fault = f"the number {question.number} is taken by {first}"
            yield Fault(file, page.line_of(("number",)), fault, "give this question a number of its own")
        if (first := slugs.setdefault(question.slug, file)) != file:
            fault = f"the slug `{question.slug}` is taken by {first}"
            yield Fault(file, None, fault, "rename the file: examples and tests go by the slug alone")
