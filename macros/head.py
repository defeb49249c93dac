"""A page's facts -> what its head tells other sites: how a link to it is shown, and what it is, in schema.org's terms.

Pure. Everything said here is said on the page too, open to its reader; that is what search engines ask of such data, and
why no answer is in it. So a question is a `LearningResource` and neither a `Question` nor a `Quiz`: those are made to carry
the answer, in `acceptedAnswer`. Nor is it a `QAPage` or an `FAQPage`, which have the answers of several people or the
questions of several readers. The types' properties are those of schema.org 30.0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any
from xml.sax.saxutils import escape as escape_xml

from macros import cards, render
from macros.catalog import Catalog
from macros.kits import Kit
from macros.plan import Plan
from macros.question import Question
from macros.site import Site

LICENSE = "https://creativecommons.org/licenses/by/4.0/"
SITEMAP = "sitemap.html"
"""Below overrides/generated: the text of the sitemap. MkDocs would publish a file of any other ending."""

Data = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """What any page says of itself."""

    source: str
    """Path below docs/."""
    title: str
    description: str
    modified: date | None = None
    """Day of the last commit of all that the page is made of; None where that is not known."""

    @property
    def address(self) -> str:
        """Below the site's root."""
        return render.address_of(self.source)


def pages_of(
    named: Mapping[str, tuple[str, str]],
    catalog: Catalog,
    plans: Mapping[str, Plan],
    kits_of: Mapping[str, Kit],
    site: Site,
    dates: Mapping[str, date],
) -> list[Page]:
    """All pages. `named` has title and description of those that are no questions, `dates` the day of each page's last
    commit, both by path below docs/.

    A listing changes with whatever it lists, and a calculator with its figures: of such pages no day is said.
    """
    pages = []
    for question in catalog:
        pages.append(Page(question.source, question.title, question.description, dates.get(question.source)))
    for source, (title, description) in named.items():
        kit = kits_of.get(source)
        made_of = [source, kit.question.source] if kit else [source] if source in plans else []
        modified = max((dates[part] for part in made_of if set(made_of) <= dates.keys()), default=None)
        pages.append(Page(source, title or site.name, description or site.description, modified))
    return sorted(pages, key=lambda page: page.address)


def head_files(
    pages: Sequence[Page],
    catalog: Catalog,
    plans: Mapping[str, Plan],
    kits_of: Mapping[str, Kit],
    site: Site,
) -> dict[str, str]:
    """What the template puts into the head of every page, and the sitemap, by path below overrides/generated."""
    titles = {page.address: page.title for page in pages}
    files = {SITEMAP: sitemap(pages, site)}
    general = cards.site_card(site)
    for page in pages:
        card, picture = general, cards.SITE_ADDRESS
        graph: list[Data] = []
        kind = "article"
        if question := catalog.at(page.source):
            card, picture = cards.question_card(question, site), cards.address_of_question(question)
            graph.append(question_data(question, page, site))
        elif plan := plans.get(page.source):
            card, picture = cards.plan_card(plan, catalog, site), cards.address_of_plan(page.source)
            graph.append(plan_data(plan, catalog, page, site))
        elif kit := kits_of.get(page.source):
            graph.append(kit_data(kit, page, site))
        else:
            kind = "website"
        if page.address == "":
            graph.append(site_data(site))
        if len(crumbs := trail(page.address, titles)) > 1:
            graph.append(breadcrumbs(crumbs, site))
        described = open_graph(page, kind, picture, card, site)
        files[f"heads/{page.address}head.html"] = "\n".join([*described, *script(graph)]) + "\n"
    return files


def short_link(question: Question, site: Site) -> str:
    """What the page at a question's short link says of the question, as few that show a link follow where it leads."""
    page = Page(question.source, question.title, question.description)
    card, picture = cards.question_card(question, site), cards.address_of_question(question)
    return "\n".join(open_graph(page, "article", picture, card, site))


# --- Open Graph -------------------------------------------------------------------------------------------------------


def open_graph(page: Page, kind: str, picture: str, card: cards.Card, site: Site) -> list[str]:
    """Elements that say how a link to the page is shown, by https://ogp.me. `picture` is the card's address."""
    properties = {
        "og:type": kind,
        "og:title": page.title,
        "og:description": page.description,
        "og:url": site.url + page.address,
        "og:site_name": site.name,
        "og:locale": "en_US",
        "og:image": site.url + picture,
        "og:image:type": "image/png",
        "og:image:width": str(cards.WIDTH),
        "og:image:height": str(cards.HEIGHT),
        "og:image:alt": card.alternative,
    }
    if kind == "article" and page.modified:
        properties["article:modified_time"] = page.modified.isoformat()
    return [
        *(_property(name, value) for name, value in properties.items()),
        # How large the picture is shown is X's own word; title, description and picture it takes from the properties.
        '<meta name="twitter:card" content="summary_large_image">',
    ]


def _property(name: str, value: str) -> str:
    return f'<meta property="{name}" content="{escape(value)}">'


# --- Structured data --------------------------------------------------------------------------------------------------


def script(graph: Sequence[Data]) -> list[str]:
    """The data as an element that no browser runs; nothing where there is none."""
    if not graph:
        return []
    text = json.dumps({"@context": "https://schema.org", "@graph": list(graph)}, ensure_ascii=False)
    # An element of script ends at the first `</script`, and a comment in it begins at `<!--`, whatever JSON says.
    return [f'<script type="application/ld+json">{text.replace("<", chr(92) + "u003c")}</script>']


def question_data(question: Question, page: Page, site: Site) -> Data:
    return {
        **_resource(page, site, "Interview question", question.minutes),
        "image": site.url + cards.address_of_question(question),
        "educationalLevel": question.difficulty.full_label,
        "teaches": list(question.topics),
    }


def kit_data(kit: Kit, page: Page, site: Site) -> Data:
    """A kit is for the one who asks, and made from the question that it names."""
    return {
        **_resource(page, site, "Interviewer's kit", kit.question.minutes),
        "educationalLevel": kit.question.difficulty.full_label,
        "audience": {"@type": "EducationalAudience", "educationalRole": "interviewer"},
        "isBasedOn": site.url + kit.question.address,
    }


def plan_data(plan: Plan, catalog: Catalog, page: Page, site: Site) -> Data:
    """A plan consists of its questions, in the order in which they first come up."""
    numbers = dict.fromkeys(step.question for day in plan.days for step in day.questions)
    return {
        **_resource(page, site, "Study plan", render.plan_minutes(plan, catalog)),
        "image": site.url + cards.address_of_plan(page.source),
        "hasPart": [{"@id": site.url + catalog.get(number).address} for number in numbers],
    }


def _resource(page: Page, site: Site, kind: str, minutes: int) -> Data:
    address = site.url + page.address
    dated = {"dateModified": page.modified.isoformat()} if page.modified else {}
    return {
        "@type": "LearningResource",
        "@id": address,
        "url": address,
        "name": page.title,
        "description": page.description,
        "learningResourceType": kind,
        "timeRequired": f"PT{minutes}M",
        "inLanguage": "en",
        "isAccessibleForFree": True,
        "license": LICENSE,
        **dated,
        "isPartOf": {"@type": "WebSite", "@id": site.url, "name": site.name, "url": site.url},
    }


def site_data(site: Site) -> Data:
    return {
        "@type": "WebSite",
        "@id": site.url,
        "url": site.url,
        "name": site.name,
        "description": site.description,
        "image": site.url + cards.SITE_ADDRESS,
        "inLanguage": "en",
        "license": LICENSE,
    }


def trail(address: str, titles: Mapping[str, str]) -> list[tuple[str, str]]:
    """Title and address of the pages above a page, by its address, and of the page itself; the landing page is above all."""
    steps = address.split("/")[:-1]
    above = ["/".join(steps[: count + 1]) + "/" for count in range(len(steps))]
    return [(titles[step], step) for step in above if step in titles]


def breadcrumbs(crumbs: Sequence[tuple[str, str]], site: Site) -> Data:
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": position, "name": title, "item": site.url + address}
            for position, (title, address) in enumerate(crumbs, start=1)
        ],
    }


# --- The sitemap ------------------------------------------------------------------------------------------------------


def sitemap(pages: Sequence[Page], site: Site) -> str:
    """All pages, by https://www.sitemaps.org/protocol.html. The generators' own say that every page changed with the build."""
    entries = []
    for page in pages:
        changed = f"<lastmod>{page.modified.isoformat()}</lastmod>" if page.modified else ""
        entries.append(f"<url><loc>{escape_xml(site.url + page.address)}</loc>{changed}</url>")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        + "\n".join(entries)
        + "\n</urlset>\n"
    )
