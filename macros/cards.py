"""What a link to the site shows where it is shared: a picture for each question, for each prep plan, and one for the rest.

Pure but for the pixels (raster.py): facts in, SVG out. A card says what the page says under its title, so a drill's card
gives away as little as the drill does. It is often shown 300 pixels wide, a quarter of its size: nothing on it is set
smaller than 32.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from html import escape
from itertools import combinations, pairwise
from typing import NamedTuple

from macros import raster, render
from macros.catalog import Catalog
from macros.cores import on_all
from macros.plan import Plan
from macros.question import Category, Difficulty, Question
from macros.site import Site

WIDTH, HEIGHT = 1200, 630
FOLDER = "assets/cards/"
"""Below docs/, and below the site's root."""

PAPER, INK, LIGHT, ACCENT = "#fcfbf8", "#22304a", "#566074", "#ab4e1a"
COLORS = {
    Category.CONCEPTUAL: "#3f5b9e",
    Category.TECHNICAL: "#2a7353",
    Category.SYSTEM_DESIGN: "#85499f",
    Category.DEBUGGING: "#ab4e1a",
}

LEFT, RIGHT = 96, 1104
BAND = 32
TITLE_SIZES = (92, 84, 76, 68)
TITLE_LINES = {92: 2, 84: 2, 76: 3, 68: 3}
SMALL, OWNER_SIZE = 36, 32
# Baselines: of what stands above the title, of the title's first line less its size, and of the last row.
KICKER_Y, TITLE_Y, LAST_Y = 140, 172, 552


class Card(NamedTuple):
    """A picture and its text alternative."""

    svg: str
    alternative: str


def address_of_question(question: Question) -> str:
    return f"{FOLDER}{question.number}.png"


def address_of_plan(source: str) -> str:
    """Of the plan on the page at `source` below docs/."""
    return f"{FOLDER}plan-{source.removesuffix('.md').rsplit('/', 1)[-1]}.png"


SITE_ADDRESS = f"{FOLDER}site.png"


def files(catalog: Catalog, plans: Mapping[str, Plan], site: Site) -> dict[str, bytes]:
    """All pictures, by path below docs/."""
    cards = {
        SITE_ADDRESS: site_card(site),
        **{address_of_question(question): question_card(question, site) for question in catalog},
        **{address_of_plan(source): plan_card(plan, catalog, site) for source, plan in plans.items()},
    }
    # Drawn by other processes where many are missing, and taken from the cache here.
    for _ in on_all(
        _draw, [card.svg for card in cards.values() if not raster.is_kept(card.svg, WIDTH, HEIGHT)]
    ):
        pass
    return {address: raster.png(card.svg, WIDTH, HEIGHT) for address, card in cards.items()}


def _draw(svg: str) -> None:
    raster.png(svg, WIDTH, HEIGHT)


@lru_cache(maxsize=4096)
def question_card(question: Question, site: Site) -> Card:
    kicker = f"Question {question.number} · {question.category.label}"
    facts = f"{question.difficulty.label} · {question.minutes} minutes"
    color = COLORS[question.category]
    drawn = [
        _line(kicker, LEFT, KICKER_Y, SMALL, color, bold=True),
        *_title(question.title),
        _marks(question.difficulty, color),
        _line(facts, LEFT + MARKS, LAST_Y, SMALL, LIGHT),
        _owner(site),
    ]
    return Card(_drawing([color], drawn), _said(f"{kicker}: {question.title}. {facts}."))


def plan_card(plan: Plan, catalog: Catalog, site: Site) -> Card:
    facts = f"{len(plan.days)} days · {render.plan_minutes(plan, catalog)} minutes"
    drawn = [
        _line("Prep plan", LEFT, KICKER_Y, SMALL, INK, bold=True),
        *_title(plan.title),
        _line(facts, LEFT, LAST_Y, SMALL, LIGHT),
        _owner(site),
    ]
    return Card(_drawing([INK], drawn), _said(f"Prep plan: {plan.title}. {facts}."))


def _said(text: str) -> str:
    """Read aloud, a dot between two facts is a comma."""
    return text.replace(" · ", ", ")


def site_card(site: Site) -> Card:
    """The site's mark and name, and what it is in a sentence."""
    size = TITLE_SIZES[0]
    while raster.width(site.name, size, bold=True) > RIGHT - LEFT:
        size -= 1
    drawn = [
        mark(LEFT - 24, 78, 112),
        _line(site.name, LEFT, 298, size, INK, bold=True),
        *(
            _line(text, LEFT, 372 + at * 50, SMALL, LIGHT)
            for at, text in enumerate(_filled(site.description, RIGHT - LEFT, SMALL))
        ),
    ]
    return Card(_drawing(COLORS.values(), drawn), f"{site.name}. {site.description}")


# --- Type -------------------------------------------------------------------------------------------------------------


def fitted(title: str) -> tuple[int, list[str]]:
    """The size in which a title fits its place, and its lines; they are as even as its words allow."""
    for size in TITLE_SIZES:
        for count in range(1, TITLE_LINES[size] + 1):
            if lines := _even(title.split(), count, size):
                return size, lines
    # Words too long to be broken between: smaller, until they fit.
    size = TITLE_SIZES[-1]
    while not (lines := _even(title.split(), 1, size)):
        size -= 1
    return size, lines


def _even(words: list[str], count: int, size: int) -> list[str] | None:
    """The words in so many lines, the widest as narrow as can be; None where they do not fit."""
    best: tuple[float, list[str]] | None = None
    for breaks in combinations(range(1, len(words)), count - 1):
        lines = [" ".join(words[start:end]) for start, end in pairwise((0, *breaks, len(words)))]
        widest = max(raster.width(line, size, bold=True) for line in lines)
        if widest <= RIGHT - LEFT and (best is None or widest < best[0]):
            best = (widest, lines)
    return best[1] if best else None


def _filled(text: str, across: int, size: int) -> list[str]:
    """A text in lines that are as full as they can be."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if raster.width(longer, size) <= across:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _title(title: str) -> list[str]:
    size, lines = fitted(title)
    return [
        _line(line, LEFT, TITLE_Y + size + round(at * size * 1.14), size, INK, bold=True)
        for at, line in enumerate(lines)
    ]


def _line(text: str, x: int, y: int, size: int, color: str, bold: bool = False) -> str:
    weight = ' font-weight="700"' if bold else ""
    # Set large, a typewriter's apostrophe looks like a slip.
    text = escape(text.replace("'", "\u2019"))
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{color}"{weight}>{text}</text>'


# --- Shapes -----------------------------------------------------------------------------------------------------------

RADIUS, STEP = 11, 31
# How wide the level's sign is, with the space after it.
MARKS = STEP * len(Difficulty) + 12


def _marks(difficulty: Difficulty, color: str) -> str:
    """The level's sign as circles, which no face has to have."""
    return "".join(
        f'<circle cx="{LEFT + RADIUS + 1 + at * STEP}" cy="{LAST_Y - 12}" r="{RADIUS}" stroke="{color}" stroke-width="3" '
        f'fill="{color if at < difficulty.rank else "none"}"/>'
        for at in range(len(Difficulty))
    )


def mark(x: float, y: float, size: float, hook: str = INK, dot: str = ACCENT) -> str:
    """The site's mark: a question mark whose dot is a square, as a token is drawn, or a cursor."""
    return (
        f'<g transform="translate({x} {y}) scale({size / 32})">'
        f'<path d="M9 9.5a7 7 0 1 1 11.2 5.6C17.8 16.9 16 17.9 16 20" fill="none" stroke="{hook}" stroke-width="4.5" '
        f'stroke-linecap="round"/><path d="M12 24h8v8h-8z" fill="{dot}"/></g>'
    )


def _owner(site: Site) -> str:
    """Whose card it is, at the end of the last row."""
    start = round(RIGHT - raster.width(site.name, OWNER_SIZE))
    return mark(start - 44, LAST_Y - 29, 36) + _line(site.name, start, LAST_Y, OWNER_SIZE, INK)


def _drawing(bands: Iterable[str], drawn: Iterable[str]) -> str:
    """A card: paper, a band at the left in one color or more, and what it says."""
    bands = list(bands)
    edges = [round(HEIGHT * at / len(bands)) for at in range(len(bands) + 1)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{raster.FACE}">'
        f'<path fill="{PAPER}" d="M0 0h{WIDTH}v{HEIGHT}H0z"/>'
        + "".join(
            f'<path fill="{color}" d="M0 {top}h{BAND}V{bottom}H0z"/>'
            for color, (top, bottom) in zip(bands, pairwise(edges), strict=True)
        )
        + "".join(drawn)
        + "</svg>"
    )
