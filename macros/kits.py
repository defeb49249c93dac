"""Interviewer's kits: docs/kits/<slug>.md, and what such a page draws from the page of its question.

A kit says what the question's page leaves to the interviewer: when to say what, what to listen for, how answers are marked.
Hints, signals and levels stand on the question's page alone and are read from there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from macros import front_matter
from macros.catalog import Catalog
from macros.faults import Fault, SourceError
from macros.fences import headings_of
from macros.question import Difficulty, Question

SECTIONS = (
    "Opening words",
    "Clock",
    "Hints",
    "Interruptions",
    "Follow-ups",
    "Score sheet",
    "Sample answers",
)


@dataclass(frozen=True)
class Level:
    """A row of a question's levels: what is heard at that level."""

    name: str
    heard: tuple[str, ...]
    """One statement each, in Markdown, as an interviewer can tick them."""


@dataclass(frozen=True)
class Kit:
    """What a kit draws from its question's page. All of it is Markdown, macros not yet expanded."""

    question: Question
    hints: tuple[str, ...]
    signals: tuple[str, ...]
    levels: tuple[Level, ...]

    @property
    def title(self) -> str:
        return title_of(self.question)

    @property
    def source(self) -> str:
        """Path of the kit below docs/."""
        return source_of(self.question)

    @property
    def address(self) -> str:
        return self.source.removesuffix(".md") + "/"


def source_of(question: Question) -> str:
    return f"kits/{question.slug}.md"


def title_of(question: Question) -> str:
    return f"Interviewer's kit {question.number}: {question.title}"


def load_kits(docs_dir: Path, catalog: Catalog) -> dict[str, Kit]:
    """The kit of every question that has one, by its path below docs/, in the order of the questions' numbers.

    Raises SourceError with all faults of all kits.
    """
    questions = {source_of(question): question for question in catalog}
    kits: dict[str, Kit] = {}
    faults: list[Fault] = []
    for file in sorted((docs_dir / "kits").glob("*.md")):
        source = file.relative_to(docs_dir).as_posix()
        if file.name == "index.md":
            continue
        if source not in questions:
            mend = "name the file after the slug of its question, or remove it"
            faults.append(Fault(file, None, f"there is no question `{file.stem}`", mend))
            continue
        question = questions[source]
        try:
            asked = front_matter.read(docs_dir / question.source)
            faults += _faults(front_matter.read(file), question, asked)
            kits[source] = _drawn(question, asked)
        except SourceError as error:
            faults += error.faults
    if faults:
        raise SourceError(faults)
    return dict(sorted(kits.items(), key=lambda item: item[1].question.number))


def _faults(page: front_matter.Page, question: Question, asked: front_matter.Page) -> list[Fault]:
    faults = []
    wanted: dict[str, object] = {"title": title_of(question), "kit": question.number}
    for key, value in wanted.items():
        if page.meta.get(key) != value:
            mend = f"write `{key}: {value!r}`, as the question's page has it"
            faults.append(Fault(page.file, page.line_of((key,)), f"`{key}` is {page.meta.get(key)!r}", mend))
    sections = [(title, line) for level, title, line in headings_of(page.body, page.body_line) if level == 2]
    if [title for title, _ in sections] != list(SECTIONS):
        at = _first_other(sections, SECTIONS)
        faults.append(
            Fault(page.file, at, "the sections differ", f"they are, in order: {', '.join(SECTIONS)}")
        )
    found = _below(page, "Follow-ups")
    follow_ups = [title for title, _ in _below(asked, "Follow-ups")]
    if [title for title, _ in found] != follow_ups:
        at = _first_other(found, follow_ups)
        mend = f"give each follow-up of {asked.file.name} its heading: {'; '.join(follow_ups)}"
        faults.append(Fault(page.file, at, "the follow-ups are not those of the question's page", mend))
    return faults


def _first_other(found: Sequence[tuple[str, int]], titles: Sequence[str]) -> int | None:
    """Line of the first heading that is not the one wanted in its place; None where one is only missing at the end."""
    pairs = zip(found, titles, strict=False)
    return next((line for (title, line), wanted in pairs if title != wanted), None)


def _below(page: front_matter.Page, section: str) -> list[tuple[str, int]]:
    """Headings of the third level in a section, each with its line."""
    inside, found = False, []
    for level, title, line in headings_of(page.body, page.body_line):
        if level == 2:
            inside = title == section
        elif inside and level == 3:
            found.append((title, line))
    return found


def _drawn(question: Question, page: front_matter.Page) -> Kit:
    texts = _sections(page)
    hints = re.findall(
        r"^/// details \| Hint \d\n(?: +[a-z]+: [^\n]*\n)*\n(.*?)\n\n?///$",
        texts["Hints"],
        re.MULTILINE | re.DOTALL,
    )
    bullets = re.split(r"^- ", texts["What it tests"], flags=re.MULTILINE)[1:]
    signals = [" ".join(bullet.split("\n\n")[0].split()) for bullet in bullets]
    rows = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|", texts.get("Levels", ""), re.MULTILINE)
    labels = {difficulty.full_label for difficulty in Difficulty}
    levels = [Level(name, statements(heard)) for name, heard in rows if name in labels]
    for what, items, heading in (
        ("hints", hints, "Hints"),
        ("signals", signals, "What it tests"),
        ("levels", levels, "Levels"),
    ):
        if not items:
            mend = f"write them in the form that docs/questions/_template.md has under `{heading}`"
            raise SourceError([Fault(page.file, None, f"its kit finds no {what} in it", mend)])
    return Kit(question, tuple(hints), tuple(signals), tuple(levels))


def statements(cell: str) -> tuple[str, ...]:
    """A cell's sentences, each by itself. A sentence ends where a capital, a figure, code or a quotation follows its full stop."""
    parts = re.split(r"(?:(?<=[.?!])|(?<=[.?!][\"”]))\s+(?=[A-Z0-9`\"“{])", cell.strip())
    return tuple(part for part in parts if part)


def _sections(page: front_matter.Page) -> dict[str, str]:
    lines = page.body.split("\n")
    heads = [(title, at) for level, title, at in headings_of(page.body, first_line=0) if level == 2]
    ends = [at for _, at in heads[1:]] + [len(lines)]
    return {title: "\n".join(lines[at + 1 : end]) for (title, at), end in zip(heads, ends, strict=True)}


def hints_markdown(hints: Sequence[str]) -> str:
    """The hints, open and numbered."""
    return "\n\n".join(f"**Hint {number}.** {hint.strip()}" for number, hint in enumerate(hints, start=1))


def score_sheet_markdown(signals: Sequence[str], levels: Sequence[Level]) -> str:
    """Boxes to tick, in the browser or on paper: a row a signal, then what is heard at each level. Nothing is kept."""
    marks = ("Not shown", "Partly", "Shown")
    rows = [
        f"| {signal} | {' | '.join(_box(f'Signal {number}: {mark}') for mark in marks)} |"
        for number, signal in enumerate(signals, start=1)
    ]
    parts = ["\n".join([f"| Signal | {' | '.join(marks)} |", "| --- | :-: | :-: | :-: |", *rows])]
    for level in levels:
        items = [
            f'<li markdown="span"><label><input type="checkbox" autocomplete="off"> {heard}</label></li>'
            for heard in level.heard
        ]
        parts.append(
            f"**{level.name}: you hear**\n\n"
            + "\n".join(['<ul class="checks" markdown="1">', *items, "</ul>"])
        )
    return "\n\n".join(parts)


def score_sheet_text(signals: Sequence[str], levels: Sequence[Level]) -> str:
    """The same as lists to tick in a text."""
    parts = [
        "Mark each signal: not shown, partly, shown.",
        "\n".join(f"- [ ] {signal}" for signal in signals),
    ]
    for level in levels:
        parts += [f"**{level.name}: you hear**", "\n".join(f"- [ ] {heard}" for heard in level.heard)]
    return "\n\n".join(parts)


def _box(name: str) -> str:
    # A label of no words of its own is what a finger can press.
    return f'<label class="box"><input type="checkbox" autocomplete="off" aria-label="{name}"></label>'
