"""Questions -> Markdown or HTML. Pure: everything comes in as an argument, text goes out.

HTML is written where a class or an attribute is needed, Markdown where a link should be checked by the
generator. Addresses are below the site's root; `root` is the way from the page to that root ("../../../").
"""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import urlsplit

from macros import tables
from macros.catalog import Catalog
from macros.evidence import EvidenceFile
from macros.evidence import address_of as evidence_address
from macros.kits import Kit
from macros.plan import Chains, Plan
from macros.question import Category, Difficulty, Question
from macros.tally import Tally


def address_of(source: str) -> str:
    """Address of a page by its path below docs/: `a/b.md` and `a/b/index.md` are both served at `a/b/`."""
    stem = source.removesuffix(".md")
    stem = "" if stem == "index" else stem.removesuffix("/index")
    return f"{stem}/" if stem else ""


def root_of(address: str) -> str:
    """The way from an address to the site's root: `questions/technical/x/` -> `../../../`."""
    return "../" * address.count("/") or "./"


def is_document(source: str) -> bool:
    """Whether a page is a document to take away and fill in."""
    return source.startswith("templates/") and not source.endswith("/index.md")


def size(count: int) -> str:
    """Bytes as a reader takes them in: `340 kB`, `1.2 MB`."""
    return f"{max(1, round(count / 1000))} kB" if count < 999_500 else f"{count / 1_000_000:.1f} MB"


def finished_link(address: str, label: str, site_url: str) -> str:
    """A link to what is put into the site after it is built, by its address below the site's root.

    HTML, as the generator would look for a Markdown link's target and not find it. The path is absolute, as Zensical takes
    any other for one to a source, and so `index.md` for the page.
    """
    return f'<a href="{escape(urlsplit(site_url).path)}{address}">{escape(label)}</a>'


def markdown_links(pages: Iterable[tuple[int, str, str]], site_url: str) -> str:
    """Links to the plain Markdown of pages, as a list. Each page is its question's number, a label and its address."""
    items = (
        f'<li value="{number}">{finished_link(f"{address}index.md", label, site_url)}</li>'
        for number, label, address in pages
    )
    return '<ol class="markdown-links">\n' + "\n".join(items) + "\n</ol>"


def question_link(question: Question, source: str) -> str:
    """A Markdown link to a question from the page at `source`, which the generator checks."""
    target = posixpath.relpath(question.source, posixpath.dirname(source))
    return f"[{question.number}. {question.title}]({target})"


def evidence_table(question: Question, files: Iterable[EvidenceFile]) -> str:
    """A drill's files as a Markdown table of links, which the generator checks."""
    folder = posixpath.relpath(evidence_address(question.slug), posixpath.dirname(question.source))
    rows = [
        f"| [{file.name}]({folder}/{file.name}) | {len(file.text.encode()) / 1000:,.0f} kB, {file.origin.label} "
        f"| {file.what} |"
        for file in files
    ]
    return "\n".join(["| File | How it came about | What it holds |", "| --- | --- | --- |", *rows])


def guess(stage: int) -> str:
    """A field for what the reader expects before a stage's evidence. Nothing reads it but they."""
    return (
        f'<label class="guess" for="guess-{stage}">What would you look at, and what do you expect? Your notes stay '
        f'in this window.<textarea id="guess-{stage}" rows="3" autocomplete="off"></textarea></label>'
    )


def marks(difficulty: Difficulty) -> str:
    """One to three filled marks: the level's sign beside its word, so that color is not needed."""
    return "●" * difficulty.rank + "○" * (len(Difficulty) - difficulty.rank)


def difficulty_label(difficulty: Difficulty) -> str:
    return f'<span class="marks" aria-hidden="true">{marks(difficulty)} </span>{difficulty.full_label}'


def category_href(category: Category, root: str) -> str:
    return f"{root}questions/{category}/"


def difficulty_href(difficulty: Difficulty, root: str) -> str:
    return f"{root}difficulty/#{difficulty}"


def topic_href(topic: str, root: str) -> str:
    """The anchor that Material's tags plugin gives a topic in its listing."""
    return f"{root}topics/#tag:{topic}"


def chips(question: Question, root: str) -> str:
    """What every question page shows below its title. Each chip leads to the listing of its kind."""
    about = [
        ("number", f"{root}{question.short_address}", f"Question {question.number}"),
        ("category", category_href(question.category, root), question.category.label),
        ("difficulty", difficulty_href(question.difficulty, root), difficulty_label(question.difficulty)),
        ("minutes", None, f"{question.minutes} minutes"),
    ]
    topics = [("topic", topic_href(topic, root), topic) for topic in question.topics]
    return (
        f"{_chips('chips', 'About this question', about)}\n{_chips('chips chips--topics', 'Topics', topics)}"
    )


def _chips(kinds: str, name: str, chips: Iterable[tuple[str, str | None, str]]) -> str:
    """A list of chips: of what kind each is, where it leads, and its label as HTML."""
    items = (
        f'<li class="chip chip--{kind}">'
        + (f'<a href="{escape(href)}">{label}</a>' if href else label)
        + "</li>"
        for kind, href, label in chips
    )
    return f'<ul class="{kinds}" aria-label="{name}">\n' + "\n".join(items) + "\n</ul>"


def header(question: Question, root: str) -> str:
    """Title, chips, and the place that scripts fill with the page's controls; it stays empty without them."""
    title = escape(f"{question.number}. {question.title}")
    return (
        f'<div class="question-head" data-category="{question.category}">\n<h1 id="content">{escape(question.title)}</h1>\n'
        f'{chips(question, root)}\n<div class="page-tools" data-title="{title}" data-number="{question.number}"></div>\n</div>'
    )


def footer(question: Question, catalog: Catalog, root: str, kit: Kit | None = None) -> str:
    """The page's other forms, the notice of a pending answer, the way to the interviewer's kit, and the related questions."""
    parts = [
        '<p class="page-forms">This page <a href="index.md">as Markdown</a>. '
        f'<a href="{root}take-away/">More to take away</a>: flash cards, print, offline.</p>'
    ]
    if kit:
        parts.append(
            f'<p class="to-kit">You ask this question? <a href="{root}{kit.address}">The interviewer\'s kit</a> has the opening '
            "words, a clock, interruptions, a score sheet and sample answers. It gives the answer away.</p>"
        )
    if question.pending:
        parts.append(
            '<div class="pending" role="note">\n'
            '<p class="pending__title">The answer to this question is not written yet.</p>\n'
            "<p>The question, what it tests, the clarifying questions and the hints are here to practice with. "
            "The model answer, the levels, the pitfalls, the follow-ups and the references are still to come. "
            f'<a href="{root}questions/">All questions</a> says which are complete.</p>\n</div>'
        )
    if related := catalog.related(question):
        parts.append(
            '<nav class="related" aria-labelledby="related">\n<h2 id="related">Related questions</h2>\n<ul>\n'
            + "\n".join(
                f'<li><a href="{root}{other.address}">{other.number}. {escape(other.title)}</a> '
                f'<span class="related__about">{other.category.label} · {other.difficulty.label} · '
                f"{other.minutes} minutes</span></li>"
                for other in related
            )
            + "\n</ul>\n</nav>"
        )
    return "\n".join(parts)


def kit_header(kit: Kit, root: str) -> str:
    """What every kit shows below its title: whose it is, and that it is no page for candidates."""
    question = kit.question
    about = (
        f"{question.category.label} · {difficulty_label(question.difficulty)} · {question.minutes} minutes"
    )
    return (
        f'<p class="kit-about">{about}</p>\n<p class="kit-warning">For the interviewer: it gives the answer away. The candidate sees '
        f'<a href="{root}{question.address}">the question\'s page</a>, down to its question.</p>\n'
        f'<div class="page-tools" data-title="{escape(kit.title)}"></div>'
    )


def kit_list(kits: Iterable[Kit], source: str) -> str:
    """A Markdown table of kits, whose links the generator checks."""
    folder = posixpath.dirname(source)
    rows = [
        f"| [{kit.question.number}. {kit.question.title}]({posixpath.relpath(kit.source, folder)}) "
        f"| {kit.question.category.label} | {difficulty_label(kit.question.difficulty)} | {kit.question.minutes} minutes |"
        for kit in sorted(kits, key=lambda kit: kit.question.number)
    ]
    return "\n".join(["| Kit | Category | Difficulty | Time |", "| --- | --- | --- | --- |", *rows])


def labels() -> dict[str, str]:
    """How categories and difficulties are called, by their names in the catalog and in its order."""
    categories: dict[str, str] = {category: category.label for category in Category}
    return categories | {difficulty: difficulty.full_label for difficulty in Difficulty}


def question_filters() -> str:
    """The place that a script fills with the filters of the table that follows, and what it calls their choices."""
    return f'<div class="question-filters" data-labels="{escape(json.dumps(labels()))}"></div>'


def question_table(questions: Sequence[Question], root: str) -> str:
    """One row a question, which narrow screens lay out as a card.

    Search leaves the table out, or every listing would answer every query with all questions at once.
    """
    caption = f"{len(questions)} questions, {total_minutes(questions)} minutes"
    columns = ("No.", "Question", "Category", "Difficulty", "Minutes", "Topics")
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    rows = "\n".join(_row(question, root) for question in questions)
    return (
        f'<table class="questions" data-search-exclude>\n<caption>{caption}</caption>\n'
        f"<thead>\n<tr>{head}</tr>\n</thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>"
    )


def _row(question: Question, root: str) -> str:
    pending = ' <span class="questions__pending">answer pending</span>' if question.pending else ""
    topics = " ".join(f'<a class="topic" href="{topic_href(t, root)}">{t}</a>' for t in question.topics)
    category = f'<a href="{category_href(question.category, root)}">{question.category.label}</a>'
    difficulty = (
        f'<a href="{difficulty_href(question.difficulty, root)}">{difficulty_label(question.difficulty)}</a>'
    )
    cells = (
        ("number", f"{question.number}"),
        (
            "title",
            f'<a href="{root}{question.address}">{escape(question.title)}</a>{pending}'
            f'<span class="questions__description">{escape(question.description)}</span>',
        ),
        ("category", category),
        ("difficulty", difficulty),
        ("minutes", f'{question.minutes}<span class="questions__unit"> minutes</span>'),
        ("topics", topics),
    )
    return (
        f'<tr data-number="{question.number}" data-category="{question.category}" '
        f'data-difficulty="{question.difficulty}" data-minutes="{question.minutes}" '
        f'data-topics="{" ".join(question.topics)}">'
        + "".join(f'<td class="questions__{name}">{cell}</td>' for name, cell in cells)
        + "</tr>"
    )


def distribution(catalog: Catalog, root: str) -> str:
    """A table of how many questions each category has at each difficulty, with totals and minutes."""
    count = Counter((question.category, question.difficulty) for question in catalog)
    head = "".join(
        f'<th scope="col"><a href="{difficulty_href(d, root)}">{d.label}</a></th>' for d in Difficulty
    )
    rows = [
        f'<tr><th scope="row"><a href="{category_href(category, root)}">{category.label}</a></th>'
        + "".join(f"<td>{count[category, difficulty]}</td>" for difficulty in Difficulty)
        + f"<td>{len(questions)}</td><td>{total_minutes(questions)}</td></tr>"
        for category in Category
        if (questions := catalog.select(category=category))
    ]
    totals = "".join(f"<td>{len(catalog.select(difficulty=difficulty))}</td>" for difficulty in Difficulty)
    return tables.boxed(
        '<table class="distribution" data-search-exclude>\n<caption>Questions by category and difficulty</caption>\n'
        f'<thead>\n<tr><th scope="col">Category</th>{head}<th scope="col">All</th><th scope="col">Minutes</th></tr>\n'
        "</thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody>\n"
        f'<tfoot>\n<tr><th scope="row">All</th>{totals}<td>{len(catalog)}</td>'
        f"<td>{total_minutes(catalog)}</td></tr>\n</tfoot>\n</table>"
    )


def board(catalog: Catalog, root: str) -> str:
    """Every question at a glance: a list for each category, each question with its level and minutes."""
    return (
        '<div class="board" data-search-exclude>\n'
        + "\n".join(
            f'<section class="board__category" data-category="{category}">\n'
            f'<h2><a href="{category_href(category, root)}">{category.label}</a></h2>\n<ol>\n'
            + "\n".join(
                f'<li value="{question.number}"><a href="{root}{question.address}">{escape(question.title)}</a> '
                f'<span class="board__about"><span class="marks" aria-hidden="true">{marks(question.difficulty)}</span>'
                f"{question.difficulty.label}, {question.minutes} minutes</span></li>"
                for question in questions
            )
            + "\n</ol>\n</section>"
            for category in Category
            if (questions := catalog.select(category=category))
        )
        + "\n</div>"
    )


def figures(catalog: Catalog, counted: Tally) -> str:
    """What the site holds, in a row of numbers."""
    items = [
        (f"{len(catalog)}", f"questions, {total_minutes(catalog) / 60:.0f} hours of interviews"),
        (f"{counted.listings:,}", "listings, each cut from a file that the tests run"),
        (f"{counted.figures:,}", "numbers computed while the page is built"),
        (f"{counted.references:,}", "references"),
    ]
    if counted.last_read:
        items[-1] = (f"{counted.references:,}", f"references, read up to {counted.last_read:%-d %B %Y}")
    return (
        '<dl class="figures">\n'
        + "\n".join(f"<div><dt>{what}</dt><dd>{number}</dd></div>" for number, what in items)
        + "\n</dl>"
    )


def total_minutes(questions: Iterable[Question]) -> int:
    return sum(question.minutes for question in questions)


def plan_days(plan: Plan, catalog: Catalog, source: str) -> str:
    """A plan as Markdown: a section a day with its minutes, its questions as links, and the reasons."""
    parts = []
    for number, day in enumerate(plan.days, start=1):
        steps = [(catalog.get(step.question), step.why) for step in day.questions]
        minutes = total_minutes(question for question, _ in steps)
        lines = [f"### Day {number}: {day.focus}", "", f"{minutes} minutes", ""]
        lines += [
            f"- {question_link(question, source)} ({question.minutes} minutes, {question.difficulty.label.lower()}). {why}"
            for question, why in steps
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def plan_minutes(plan: Plan, catalog: Catalog) -> int:
    """Minutes of all days together; a question that comes twice counts twice."""
    return sum(catalog.get(step.question).minutes for day in plan.days for step in day.questions)


def plan_opener(fragment: str, root: str) -> str:
    """A link to the plan builder with a plan in it, written as HTML: to the generator its fragment is no id of the page."""
    return f'<a class="md-button" href="{root}plans/builder/{escape(fragment)}">Open in the plan builder</a>'


def plan_order(chains: Chains, catalog: Catalog, source: str) -> str:
    """What builds on what: a list item a chain, its questions as links that the generator checks."""
    return "\n".join(
        "- " + ", then ".join(question_link(catalog.get(number), source) for number in chain)
        for chain in chains
    )
