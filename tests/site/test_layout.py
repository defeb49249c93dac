"""How pages are laid out, in facts that hold on any machine: what stands in the first screen, what keeps its place, how large
it is to the touch."""

from __future__ import annotations

import re
from datetime import date

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.site.conftest import NARROW, WIDE, NewPage, Site, repaint, resize
from tests.site.shots import TYPES
from tests.thorough import THOROUGH, every

PHONE = {"size": NARROW, "has_touch": True, "is_mobile": True}
# A window of 1280 by 1024 pixels, enlarged four times.
ENLARGED = (320, 256)
COMPLETE = "questions/technical/rate-limiting/"
SHIFTS = """() => new Promise((resolve) => {
  const shifts = [];
  const observer = new PerformanceObserver((list) => shifts.push(...list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(
    [...shifts, ...observer.takeRecords()].map((shift) => [shift.value, shift.sources.map(({ node }) => node?.className ?? "")])
  )));
})"""

# All that can be pressed but links in running text: those with words beside them, or breaking with them in a cell. What is
# pressed counts: the box of a label, of an entry that is its link's as a whole, or a ring around what is drawn smaller.
SMALL = """() => {
  const beside = (e) => [...e.parentNode.childNodes].some((node) => node.nodeType === 3 && /[\\p{L}\\d]/u.test(node.data));
  const isText = (e) => e.localName === "a" && e.closest("p, li, dd, td, .guess") && (beside(e) || e.parentNode.matches("code, em, strong"));
  const sizeOf = (e) => {
    const boxes = [e, e.closest("label, .board li"), ...(e.matches("input") ? e.labels : [])].filter(Boolean);
    const { width, height, position } = getComputedStyle(e, "::before");
    const sizes = boxes.map((box) => box.getBoundingClientRect());
    if (position === "absolute") sizes.push({ width: parseFloat(width), height: parseFloat(height) });
    return Math.max(...sizes.map((size) => Math.min(size.width, size.height)));
  };
  document.querySelectorAll("article details").forEach((block) => { block.open = true; });
  return [...document.querySelectorAll(":is(.md-header, article, .md-footer) :is(a[href], button, summary, input, select, textarea)")]
    .filter((e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !e.closest("svg") && !isText(e))
    .filter((e) => sizeOf(e) < 43.9)
    .map((e) => `${sizeOf(e)} px: ${e.outerHTML.slice(0, 120)}`);
}"""

STYLE = """(css) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets.push(sheet);
}"""
# The least that readers may ask of a page's text (WCAG 2.2, 1.4.12).
SPACED = """* { letter-spacing: 0.12em !important; line-height: 1.5 !important; word-spacing: 0.16em !important; }
p { margin-bottom: 2em !important; }"""


def test_the_question_is_in_the_first_screen_and_nothing_of_its_answer(site: Site, new_page: NewPage) -> None:
    # Scripts fill what is kept for them, which the next test sees to. What is for fingers is the taller, on a wide screen too.
    page = new_page(has_touch=True, javascript=False)
    for question in every(4, site.questions()):
        page.goto(question["address"])
        for size in (WIDE, NARROW):
            resize(page, size)
            said = page.locator("#question ~ blockquote").first.bounding_box()
            answer = page.locator("details.answer").first.bounding_box()
            assert said
            assert answer
            where = f"{question['address']}, {size[0]} px wide"
            assert said["y"] + said["height"] <= size[1], f"{where}: the question ends below the first screen"
            assert answer["y"] > size[1], f"{where}: the way to the answer is in the first screen"


@pytest.mark.parametrize(
    "size", [pytest.param(WIDE, id="wide", marks=THOROUGH), pytest.param(NARROW, id="phone")]
)
def test_every_type_of_page_stays_and_fits_and_can_be_touched(
    new_page: NewPage, size: tuple[int, int]
) -> None:
    """Nothing moves while it loads; on a phone all is 44 px high and wide, and enlarged with spaced letters nothing is cut."""
    page = new_page(size=size, has_touch=size == NARROW)
    moved = {}
    small = {}
    cut = {}
    for address in TYPES.values():
        page.goto(address)
        page.wait_for_load_state("networkidle")
        moved[address] = page.evaluate(SHIFTS)
        if size == NARROW:
            small[address] = page.evaluate(SMALL)
            resize(page, ENLARGED)
            page.evaluate(STYLE, SPACED)
            cut[address] = page.evaluate(
                """() => [...document.querySelectorAll("html, .md-header__topic .md-ellipsis, .md-footer__title *, .tool, .md-button")]
                  .filter((e) => e.scrollWidth > e.clientWidth && getComputedStyle(e).display !== "inline")
                  .map((e) => e.outerHTML.slice(0, 120))"""
            )
            # The page has such a window for itself.
            assert page.locator(".md-header").evaluate("e => getComputedStyle(e).position") == "static"
            resize(page, size)
    assert not {address: found for address, found in small.items() if found}
    assert not {address: found for address, found in cut.items() if found}
    # Less is a line that breaks anew in a cell; all text below a row of buttons that comes late is twice as much and more.
    assert not {
        address: shifts for address, shifts in moved.items() if sum(value for value, _ in shifts) > 0.001
    }


def test_the_landing_page_says_what_it_is_and_where_to_start(site: Site, new_page: NewPage) -> None:
    page = new_page(**PHONE)
    page.goto("")
    for seen in (
        page.locator("h1"),
        page.locator(".lead"),
        page.get_by_role("link", name="Browse all questions"),
    ):
        box = seen.bounding_box()
        assert box
        assert box["y"] + box["height"] <= NARROW[1]

    links = {link.get_attribute("href"): link.text_content() for link in page.locator(".board li a").all()}
    assert len(links) == len(site.questions())
    for question in site.questions():
        assert links[f"./{question['address']}"] == question["title"]

    figures = dict(
        zip(
            page.locator(".figures dt").all_text_contents(),
            page.locator(".figures dd").all_text_contents(),
            strict=True,
        )
    )
    counted = {re.sub(r",.*", "", what): number for what, number in figures.items()}
    assert counted["questions"] == str(len(site.questions()))
    assert all(int(number.replace(",", "")) > 0 for number in counted.values())
    read = next(what for what in figures if what.startswith("references"))
    day = re.search(r"\d+ \w+ \d{4}$", read)
    assert day, read
    assert date(2026, 1, 1) < date.fromisoformat(
        page.evaluate("day => new Date(`${day} UTC`).toISOString().slice(0, 10)", day[0])
    )


# --- The way through a long page --------------------------------------------------------------------------------------


def bar(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Place in this page")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "phone"])
def test_a_bar_says_where_one_is_and_leads_back_to_the_question(
    new_page: NewPage, size: tuple[int, int]
) -> None:
    page = new_page(size=size)
    page.goto(COMPLETE)
    expect(bar(page)).not_to_be_visible()

    page.goto(f"{COMPLETE}#model-answer")
    expect(bar(page)).to_be_visible()
    expect(bar(page)).to_contain_text("Model answer")
    read = (
        "nav => Number(getComputedStyle(nav.querySelector('.orientation__read')).getPropertyValue('--read'))"
    )
    before = bar(page).evaluate(read)
    assert before < 0.1
    page.locator("#model-answer ~ h3").last.scroll_into_view_if_needed()
    page.wait_for_function(
        "before => getComputedStyle(document.querySelector('.orientation__read')).getPropertyValue('--read') > before",
        arg=before,
    )
    # What a link leads to stands below the bar.
    last = page.locator("#model-answer ~ h3").last
    page.evaluate("id => { location.hash = id }", last.get_attribute("id"))
    expect(bar(page).get_by_role("link").nth(1)).to_have_attribute("href", f"#{last.get_attribute('id')}")
    under, line = last.bounding_box(), bar(page).bounding_box()
    assert under
    assert line
    assert under["y"] >= line["y"] + line["height"] - 1

    # Where the sidebar with the sections has no room, the bar lists them.
    sections = bar(page).get_by_role("button", name="Sections of this page")
    if size == NARROW:
        # However long the name of the one at hand is.
        bar(page).get_by_role("link").nth(1).evaluate("link => { link.textContent = 'Section '.repeat(20); }")
        assert bar(page).evaluate("nav => nav.scrollWidth <= nav.clientWidth")
        sections.click()
        expect(bar(page).get_by_role("link", name="Model answer")).to_have_attribute(
            "aria-current", "location"
        )
        bar(page).get_by_role("link", name="Levels").click()
        expect(bar(page).get_by_role("link").nth(1)).to_have_text("Levels")
        expect(page.locator("details.levels")).to_have_attribute("open", "")
    else:
        expect(sections).not_to_be_visible()

    bar(page).get_by_role("link", name="Question").click()
    expect(bar(page)).not_to_be_visible()
    expect(page.locator("#question ~ blockquote").first).to_be_in_viewport()


def test_a_listing_leads_to_its_file(new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{COMPLETE}#model-answer")
    source = page.locator(".md-header a.md-source").get_attribute("href")
    for path in page.locator(".highlight > .filename").all():
        assert path.locator("a").get_attribute("href") == f"{source}/blob/HEAD/{path.text_content()}"


# --- Drawings, larger -------------------------------------------------------------------------------------------------


def test_a_drawing_is_enlarged_by_keyboard_and_goes_back_to_its_place(new_page: NewPage) -> None:
    page = new_page(size=NARROW)
    page.goto(f"{COMPLETE}#model-answer")
    figure = page.locator("figure.diagram").nth(1)
    button = figure.get_by_role("button", name="Enlarge")
    button.focus()
    before = figure.bounding_box()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img")).to_be_visible()
    first = dialog.get_by_role("img").bounding_box()
    assert first
    assert first["width"] <= NARROW[0]
    dialog.get_by_role("button", name="Larger").click()
    larger = dialog.get_by_role("img").bounding_box()
    assert larger
    assert larger["width"] > 1.4 * first["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]

    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()
    expect(figure.get_by_role("img")).to_be_visible()
    assert figure.bounding_box() == before


def test_a_press_on_a_drawing_enlarges_it_and_a_press_on_close_ends_that(new_page: NewPage) -> None:
    page = new_page(**PHONE)
    page.goto(f"{COMPLETE}#model-answer")
    page.locator("figure.diagram svg").first.tap()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="Close", exact=True).tap()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("figure.diagram svg[role=img]")).not_to_have_count(0)


# --- Colors of the reader's own ---------------------------------------------------------------------------------------


def test_forced_colors_leave_icons_and_what_is_written_in_drawings(new_page: NewPage) -> None:
    """In either palette, whatever the forced colors are: a drawing has a ground of its own."""
    page = new_page(forced_colors="active")
    page.goto(f"{COMPLETE}#model-answer")
    ground = "e => getComputedStyle(e).backgroundColor"
    copy = page.get_by_role("button", name="Copy link", exact=True)
    assert copy.locator("svg").evaluate("e => getComputedStyle(e).fill") == copy.evaluate(
        "e => getComputedStyle(e).color"
    )
    drawing = page.locator("figure.diagram svg[role=img]").first
    for palette in ("light", "dark"):
        repaint(page, palette)
        paper = page.evaluate(
            """() => {
              const box = document.body.appendChild(document.createElement("i"));
              box.style = "background: var(--md-default-bg-color); forced-color-adjust: none";
              return getComputedStyle(box).backgroundColor;
            }"""
        )
        assert drawing.evaluate(ground) == paper
