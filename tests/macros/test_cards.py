"""Share cards: that all of each can be read, what they say, and that the same facts give the same bytes."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import novasvg
import pytest

from macros import cards, raster
from macros.catalog import load_catalog
from macros.plan import load_plans
from macros.question import Category
from macros.site import Site
from tests.content.reading import DOCS, ROOT
from tests.macros.colors import contrast
from tests.macros.pictures import decoded

SITE = Site(
    "LLM production interviews",
    "Interview questions on running LLM services in production, for senior to staff engineers: reliability, security, "
    "compliance, cost and incidents, with answers whose code is tested and whose figures are computed.",
    "https://example.org/base/",
)
CATALOG = load_catalog(DOCS)
PLANS = load_plans(DOCS, CATALOG)
CARDS = {
    "site": cards.site_card(SITE),
    **{question.slug: cards.question_card(question, SITE) for question in CATALOG},
    **{source: cards.plan_card(plan, CATALOG, SITE) for source, plan in PLANS.items()},
}
FILES = cards.files(CATALOG, PLANS, SITE)
SVG = "{http://www.w3.org/2000/svg}"
PATH = re.compile(r'd="(M9 [^"]+)"')


class Run(NamedTuple):
    """A line of type as it stands on a card, and the pixels that it takes up."""

    text: str
    left: float
    right: float
    top: float
    bottom: float


def runs(svg: str) -> list[Run]:
    found = []
    for element in ET.fromstring(svg).iter(f"{SVG}text"):
        text, size = element.text or "", float(element.get("font-size", ""))
        left, base = float(element.get("x", "")), float(element.get("y", ""))
        across = raster.width(text, size, bold=element.get("font-weight") == "700")
        # What the face reaches above and below the line it stands on, at the most.
        found.append(Run(text, left, left + across, base - 0.78 * size, base + 0.26 * size))
    return found


@pytest.mark.parametrize("name", CARDS)
def test_all_type_keeps_to_its_place_and_none_lies_over_another(name):
    found = runs(CARDS[name].svg)
    for run in found:
        assert run.left >= cards.LEFT
        assert run.right <= cards.RIGHT + 1, run.text
        assert run.top >= 60
        assert run.bottom <= cards.HEIGHT - 60
    for one, other in pairwise(sorted(found, key=lambda run: (run.top, run.left))):
        beside = one.right + 60 <= other.left
        assert beside or one.bottom <= other.top + 0.12 * (other.bottom - other.top), f"{one}\n{other}"


@pytest.mark.parametrize("address", FILES)
def test_a_picture_has_its_size_a_frame_of_paper_and_few_bytes(address):
    assert len(FILES[address]) <= 40_000
    picture = decoded(FILES[address])
    assert (picture.width, picture.height) == (1200, 630)
    paper = tuple(bytes.fromhex(cards.PAPER[1:]))
    edges = [row[cards.BAND : cards.LEFT - 4] + row[cards.RIGHT + 4 :] for row in picture.rows]
    edges += [row[cards.BAND :] for row in picture.rows[:60] + picture.rows[-60:]]
    assert {pixel for edge in edges for pixel in edge} == {paper}
    # A face that is not there would leave the page empty.
    ink = tuple(bytes.fromhex(cards.INK[1:]))
    assert sum(row.count(ink) for row in picture.rows) > 3_000
    # The mark's dot is a quarter of it across: of the site's own card at the left, of all others after the middle.
    start, size = (cards.BAND, 112) if address == cards.SITE_ADDRESS else (cards.WIDTH // 2, 36)
    accent = tuple(bytes.fromhex(cards.ACCENT[1:]))
    dot = sum(row[start:].count(accent) for row in picture.rows) ** 0.5
    assert dot == pytest.approx(size / 4, abs=2)


@pytest.mark.parametrize(
    "title",
    [
        "Why?",
        "W" * 70,
        "Mmmmmm " * 10,
        "i " * 35,
        "Design a multi-region, multi-tenant, zero-trust serving platform again",
    ],
)
def test_any_title_that_a_page_may_have_fits(title):
    title = title.strip()
    size, lines = cards.fitted(title)
    assert " ".join(lines) == title
    assert max(raster.width(line, size, bold=True) for line in lines) <= cards.RIGHT - cards.LEFT
    last = cards.TITLE_Y + size + 1.14 * size * (len(lines) - 1)
    assert last + 0.26 * size < cards.LAST_Y - cards.SMALL


def test_the_measure_of_a_line_is_that_of_its_picture():
    text = "AVAToken-bucket \u201cfi\u201d 30%"
    for bold, weight in ((False, "400"), (True, "700")):
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 200" font-family="{raster.FACE}">'
            '<path fill="#ffffff" d="M0 0h1200v200H0z"/>'
            f'<text x="10" y="120" font-size="80" font-weight="{weight}">{text}</text></svg>'
        )
        picture = decoded(raster.png(svg, 1200, 200))
        white = (255, 255, 255)
        reached = max(at for row in picture.rows for at, pixel in enumerate(row) if pixel != white)
        assert reached == pytest.approx(10 + raster.width(text, 80, bold), abs=6)


def test_a_color_that_the_palette_has_no_room_for_takes_the_nearest(tmp_path):
    steps = [12 * step for step in range(1, 22)]
    kept = [(0, 0, 0), *((x, 0, 0) for x in steps), *((0, x, 0) for x in steps), *((0, 0, x) for x in steps)]
    assert len(kept) == raster.COLORS
    rare = {(121, 2, 1): (120, 0, 0), (1, 121, 2): (0, 120, 0), (2, 1, 121): (0, 0, 120)}
    colors = [*kept, *kept, *rare]
    drawn = "".join(
        f'<path fill="#{bytes(color).hex()}" d="M{at} 0h1v1h-1z"/>' for at, color in enumerate(colors)
    )
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {len(colors)} 1">{drawn}</svg>'
    picture = decoded(raster.png(svg, len(colors), 1, tmp_path))
    assert picture.rows == [[*kept, *kept, *rare.values()]]


def test_a_card_says_what_the_page_says_under_its_title_and_no_more():
    for question in CATALOG:
        card = CARDS[question.slug]
        said = " ".join(run.text for run in runs(card.svg)).replace("\u2019", "'")
        facts = f"{question.difficulty.label} · {question.minutes} minutes"
        about = f"Question {question.number} · {question.category.label}"
        assert said == f"{about} {question.title} {facts} {SITE.name}"
        assert card.alternative == f"{about}: {question.title}. {facts}.".replace(" · ", ", ")
        circles = ET.fromstring(card.svg).findall(f"{SVG}circle")
        filled = [circle.get("fill") != "none" for circle in circles]
        assert filled == [True] * question.difficulty.rank + [False] * (3 - question.difficulty.rank)
    for source, plan in PLANS.items():
        said = " ".join(run.text for run in runs(CARDS[source].svg))
        minutes = sum(CATALOG.get(step.question).minutes for day in plan.days for step in day.questions)
        assert said == f"Prep plan {plan.title} {len(plan.days)} days · {minutes} minutes {SITE.name}"


def test_categories_differ_in_color_and_all_type_stands_out_from_the_paper():
    assert set(cards.COLORS) == set(Category)
    assert len(set(cards.COLORS.values())) == len(Category)
    for color in (*cards.COLORS.values(), cards.INK, cards.LIGHT):
        assert contrast(cards.PAPER, color) >= 4.5


def test_the_same_drawing_gives_the_same_bytes_and_is_drawn_once(tmp_path, monkeypatch):
    svg = CARDS["rate-limiting"].svg
    assert not raster.is_kept(svg, 1200, 630, tmp_path / "one")
    first = raster.png(svg, 1200, 630, tmp_path / "one")
    assert raster.is_kept(svg, 1200, 630, tmp_path / "one")
    assert raster.png(svg, 1200, 630, tmp_path / "two") == first == FILES["assets/cards/6.png"]
    assert raster.png(svg.replace("rate", "late"), 1200, 630, tmp_path / "two") != first
    (kept,) = (tmp_path / "one").iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(novasvg, "Document", None)
        assert raster.png(svg, 1200, 630, tmp_path / "one") == first
    kept.write_bytes(first[:-4])
    assert raster.png(svg, 1200, 630, tmp_path / "one") == first, "a damaged file is taken for a picture"


def test_the_mark_is_one_drawing_wherever_it_stands():
    sources = ("docs/assets/images/mark.svg", "docs/assets/images/icon.svg", "overrides/.icons/site/mark.svg")
    drawings = [Path(ROOT, source).read_text(encoding="utf-8") for source in sources] + [cards.mark(0, 0, 32)]
    assert len({tuple(PATH.findall(drawing)) for drawing in drawings}) == 1
    assert all("M12 24h8v8h-8z" in drawing for drawing in drawings)


def test_categories_have_the_colors_of_the_pages() -> None:
    styles = DOCS / "assets" / "stylesheets"
    series = dict(
        re.findall(r"--site-([\w-]+): var\(--diagram-series-(\d)\)", (styles / "site.css").read_text())
    )
    light = (styles / "diagrams.css").read_text().partition("{")[2].partition("}")[0]
    colors = dict(re.findall(r"--diagram-series-(\d): (#\w{6})", light))
    assert {category: colors[series[category]] for category in Category} == cards.COLORS
