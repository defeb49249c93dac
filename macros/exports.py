"""The catalog -> files that other tools, other sites and the templates read.

Each function gives text, which `files.write` puts into place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import date
from html import escape
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from macros import render
from macros.catalog import Catalog
from macros.files import remove
from macros.kits import Kit
from macros.kits import source_of as kit_source
from macros.question import SECTIONS, SLUG, Category, Difficulty, Question


class QuestionRecord(BaseModel):
    """One question, as tools read it."""

    model_config = ConfigDict(extra="forbid")

    number: Annotated[int, Field(ge=1, description="Never changes and is never given twice.")]
    slug: Annotated[str, Field(pattern=f"^{SLUG}$")]
    title: str
    description: str
    category: Category
    difficulty: Difficulty
    minutes: Annotated[int, Field(ge=5, le=120)]
    topics: tuple[str, ...]
    url: Annotated[str, Field(description="The page. Section ids below may follow it as `#id`.")]
    short_url: Annotated[str, Field(description="Leads to the page forever, by number.")]
    sections: Annotated[
        tuple[Literal[*SECTIONS.values()], ...],  # type: ignore[valid-type]
        Field(description="Ids of the sections the page has; without `model-answer` the answer is pending."),
    ]
    updated: Annotated[
        date | None, Field(description="Day of the page's last commit; null before its first.")
    ]


class QuestionsFile(BaseModel):
    """The whole of questions.json."""

    model_config = ConfigDict(extra="forbid", title="LLM production interviews: the catalog of questions")

    schema_url: Annotated[str, Field(alias="$schema")]
    questions: tuple[QuestionRecord, ...]


def questions_json(catalog: Catalog, site_url: str, updated: Mapping[str, date]) -> str:
    """The catalog as JSON. `updated` has the date of each page's last commit, by path below docs/."""
    shared = QuestionRecord.model_fields.keys() & Question.model_fields.keys()
    records = tuple(
        QuestionRecord(
            **question.model_dump(include=shared),
            url=site_url + question.address,
            short_url=site_url + question.short_address,
            updated=updated.get(question.source),
        )
        for question in catalog
    )
    file = QuestionsFile.model_validate({"$schema": site_url + "questions.schema.json", "questions": records})
    return file.model_dump_json(by_alias=True, indent=2) + "\n"


def questions_schema() -> str:
    """JSON Schema of questions.json, in the 2020-12 dialect that pydantic writes."""
    schema = QuestionsFile.model_json_schema(by_alias=True, mode="serialization")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2) + "\n"


_REDIRECT_SCRIPT = "assets/javascripts/redirect.js"


def redirect_page(title: str, address: str, target: str, site_url: str, shared: str = "") -> str:
    """A page at `address` that sends its reader on to `target`. `shared` says in HTML how a link to it is shown.

    The refresh works without scripts; the script, where there is one, keeps the fragment, so that
    /q/6/#hints arrives at the hints.
    """
    root = render.root_of(address)
    href = escape(root + target)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<link rel="canonical" href="{escape(site_url + target)}">\n{shared}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Without it browsers ask the host's root for one, which is not ours.
        f'<link rel="icon" href="{root}assets/images/favicon.png">\n'
        f'<meta http-equiv="refresh" content="0; url={href}">\n'
        f'<script src="{root}{_REDIRECT_SCRIPT}"></script>\n</head>\n'
        f'<body>\n<main>\n<h1>{escape(title)}</h1>\n<p>This page is at <a href="{href}">{escape(title)}</a>.</p>\n'
        "</main>\n</body>\n</html>\n"
    )


def published_files(
    catalog: Catalog,
    site_url: str,
    updated: Mapping[str, date],
    redirects: Mapping[str, str],
    shared: Callable[[Question], str] = lambda question: "",
) -> dict[str, str]:
    """Files to be published as they are, by path below docs/. `shared` says in HTML how a short link is shown."""
    files = {
        "questions.json": questions_json(catalog, site_url, updated),
        "questions.schema.json": questions_schema(),
    }
    for question in catalog:
        title = f"{question.number}. {question.title}"
        page = redirect_page(
            title, question.short_address, question.address, site_url, shared(question) + "\n"
        )
        files[f"{question.short_address}index.html"] = page
    for old, new in redirects.items():
        files[f"{old}index.html"] = redirect_page("This page has moved", old, new, site_url)
    return files


def template_files(catalog: Catalog, kits: Mapping[str, Kit]) -> dict[str, str]:
    """What the template includes in the pages of questions and kits, by path below overrides/generated/."""
    files = {}
    for question in catalog:
        root, kit = render.root_of(question.address), kits.get(kit_source(question))
        files[f"{question.number}-header.html"] = render.header(question, root) + "\n"
        files[f"{question.number}-footer.html"] = render.footer(question, catalog, root, kit) + "\n"
        if kit:
            files[f"{question.number}-kit.html"] = render.kit_header(kit, render.root_of(kit.address)) + "\n"
    return files


OWNED = ("q", "evidence", "assets/cards")
"""Folders below docs/ in which nothing but generated files is."""


def prune(docs_dir: Path, names: Collection[str]) -> None:
    """Remove generated files that are none any more: of a question that is gone, or that another branch has."""
    kept = {docs_dir / name for name in names}
    found = [path for folder in OWNED for path in (docs_dir / folder).rglob("*") if path.is_file()]
    found += [path for path in docs_dir.rglob("index.html") if _is_redirect(path)]
    for path in found:
        if path not in kept:
            remove(path)


def _is_redirect(path: Path) -> bool:
    return f'{_REDIRECT_SCRIPT}"></script>' in path.read_text(encoding="utf-8", errors="replace")
