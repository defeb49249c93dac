"""Plain texts of pages -> the Markdown file of each, llms.txt and llms-full.txt.

The Markdown of a page stands beside it as `index.md`, so its address is the page's with that name behind it.
llms.txt follows the proposal at llmstxt.org: a title, a summary, lists of links; llms-full.txt has the texts themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from macros import render
from macros.catalog import Catalog
from macros.kits import Kit
from macros.question import Category, Question
from macros.site import Site
from macros.texts import Text

NAME = "index.md"


def question_file(question: Question, text: Text, site: Site, updated: date | None) -> str:
    """A question's page as one Markdown document, which says where it is from."""
    facts = [
        f"Question {question.number}, {question.category.label.lower()}, "
        f"{question.difficulty} ({question.difficulty.levels}), {question.minutes} minutes",
        f"Topics: {', '.join(question.topics)}",
        f"Page: <{site.url}{question.address}>, permanent link <{site.url}{question.short_address}>",
        *([f"Last changed: {updated.isoformat()}"] if updated else []),
        *([f"License: {site.copyright}"] if site.copyright else []),
    ]
    pending = "\n> The answer to this question is not written yet.\n" if question.pending else ""
    head = f"# {question.number}. {question.title}\n\n{question.description}\n\n"
    return head + "".join(f"- {fact}\n" for fact in facts) + f"{pending}\n{text.markdown}"


def kit_file(kit: Kit, text: Text, site: Site) -> str:
    """An interviewer's kit, which says what it is, whose question it is of and where it is from."""
    facts = [
        "For the interviewer: it gives the answer away",
        f"Question: {kit.question.number}. {kit.question.title}, <{site.url}{kit.question.address}{NAME}>",
        f"Page: <{site.url}{kit.address}>",
        *([f"License: {site.copyright}"] if site.copyright else []),
    ]
    return f"# {kit.title}\n\n" + "".join(f"- {fact}\n" for fact in facts) + f"\n{text.markdown}"


def page_file(title: str, text: Text) -> str:
    """A page that is no question: a document to fill in, so nothing stands around it."""
    return f"# {title}\n\n{text.markdown}"


def llms_txt(catalog: Catalog, kits: Sequence[Kit], pages: Mapping[str, tuple[str, str]], site: Site) -> str:
    """The index for programs that read. `pages` has title and description of the other pages, by path below docs/."""
    parts = [
        f"# {site.name}\n\n> {site.description}\n\n"
        "Every link to a question leads to its page as plain Markdown: the question, hints, the model answer with its "
        "listings and computed figures, what each level adds, pitfalls, follow-ups with answers, sources. The page itself "
        f"is at the same address without `{NAME}`. All questions and interviewer's kits in one file: <{site.url}llms-full.txt>. "
        f"Numbers, levels, minutes and topics as data: <{site.url}questions.json>."
    ]
    for category in Category:
        if questions := catalog.select(category=category):
            lines = [
                f"- [{q.number}. {q.title}]({site.url}{q.address}{NAME}): {q.description}" for q in questions
            ]
            parts.append(f"## {category.label} questions\n\n" + "\n".join(lines))
    if kits:
        lines = [f"- [{kit.title}]({site.url}{kit.address}{NAME})" for kit in kits]
        parts.append("## Interviewer's kits\n\n" + "\n".join(lines))
    listed = {kit.source for kit in kits}
    lines = [
        f"- [{title}]({site.url}{render.address_of(source)})" + (f": {about}" if about else "")
        for source, (title, about) in pages.items()
        if source not in listed
    ]
    if lines:
        parts.append("## Optional\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def llms_full_txt(files: Mapping[str, str], site: Site) -> str:
    """The Markdown of all questions, then of all kits, one after the other, between rules."""
    return (
        f"# {site.name}\n\n> {site.description}\n\n"
        + "\n\n---\n\n".join(text.strip() for text in files.values())
        + "\n"
    )
