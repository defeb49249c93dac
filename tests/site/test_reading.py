"""What readers do with the site, in a browser: with and without JavaScript, by pointer and by keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.site.axe import OPEN, looked_at
from tests.site.conftest import NARROW, WIDE, NewPage, Site, Watch, follow
from tests.thorough import THOROUGH

COMPLETE = "questions/technical/rate-limiting/"
OPEN_BLOCKS = "article details[open]"
CLOSED_BLOCKS = "article details:not([open])"


def in_view(element: Locator) -> bool:
    """Whether the element's first line can be read: within the window and not below the header."""
    shown: bool = element.evaluate(
        """element => {
          if (!element.checkVisibility({ visibilityProperty: true })) return false;
          const { top, left, height } = element.getBoundingClientRect();
          const middle = top + Math.min(height, 30) / 2;
          const shown = document.elementFromPoint(left + 5, middle);
          return element === shown || element.contains(shown);
        }"""
    )
    return shown


def subsection(page: Page) -> str:
    """The id of a heading below the model answer's own."""
    return page.locator("details.answer h3[id]").last.get_attribute("id") or ""


# --- Every page -------------------------------------------------------------------------------------------------------


def test_every_page_fits_a_phone_without_scripts(site: Site, new_page: NewPage) -> None:
    """With scripts: test_pages_*.py."""
    page = new_page(size=NARROW, javascript=False)
    too_wide = {}
    for address in looked_at(site):
        page.goto(address)
        too_wide[address] = page.evaluate(OPEN)
    assert not {address: pixels for address, pixels in too_wide.items() if pixels}


def test_the_page_for_a_wrong_address_is_the_sites_own(site: Site, new_page: NewPage, watch: Watch) -> None:
    page = new_page()
    response = page.goto("questions/nowhere/at/all/page.html?x=1#y")
    assert response
    assert response.status == 404
    expect(page.locator("h1")).to_contain_text("404")
    assert page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor") != "rgba(0, 0, 0, 0)"
    # It leads on, from an address several levels down: home, to what is searched for, and to the list of all.
    home = page.locator("header a").first
    assert home.evaluate("link => link.href") == site.url
    page.get_by_role("button", name="Search").click()
    page.get_by_role("searchbox", name="Search the questions").fill("token bucket")
    found = page.get_by_role("dialog").get_by_role("listitem").first.get_by_role("link")
    expect(found).to_have_attribute(
        "href", re.compile(f"^{re.escape(site.url)}questions/technical/rate-limiting/")
    )
    page.keyboard.press("Escape")
    page.locator("article").get_by_role("link", name="All questions").click()
    expect(page.locator("article h1")).to_have_text("All questions")
    # The browser tells of the status; nothing else may be wrong.
    assert {re.sub(r"^.*?: ", "", p).split(":")[0] for p in watch.problems} <= {"404", "console"}
    watch.problems.clear()


# --- Collapsed blocks -------------------------------------------------------------------------------------------------


def test_one_button_opens_and_closes_every_block_by_keyboard(new_page: NewPage) -> None:
    page = new_page()
    page.goto(COMPLETE)
    count = page.locator("article details").count()
    assert count > 4
    expect(page.locator(OPEN_BLOCKS)).to_have_count(0)

    button = page.get_by_role("button", name="Open all")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator(OPEN_BLOCKS)).to_have_count(count)
    expect(page.get_by_role("button", name="Close all")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator(OPEN_BLOCKS)).to_have_count(0)
    expect(page.get_by_role("button", name="Open all")).to_be_focused()


def test_the_button_keeps_up_with_blocks_opened_one_by_one(new_page: NewPage) -> None:
    page = new_page()
    page.goto(COMPLETE)
    page.get_by_role("button", name="Open all").click()
    page.locator("article summary").first.click()
    expect(page.get_by_role("button", name="Open all")).to_be_visible()
    page.locator("article summary").first.click()
    expect(page.get_by_role("button", name="Close all")).to_be_visible()


def test_pages_without_blocks_or_scripts_offer_no_dead_control(new_page: NewPage) -> None:
    page = new_page()
    page.goto("questions/")
    expect(page.get_by_role("button", name="Copy link", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Open all")).to_have_count(0)
    # On a phone they look like cards, and are a table all the same.
    roles = page.locator("table.questions tbody tr").first.evaluate(
        "row => [row, ...row.children].map((e) => e.getAttribute('role'))"
    )
    assert roles[0] == "row"
    assert set(roles[1:]) == {"rowheader", "cell"}

    page = new_page(javascript=False)
    page.goto(COMPLETE)
    expect(page.locator(".page-tools button, .section-tools button")).to_have_count(0)
    page.locator("article summary").first.click()
    expect(page.locator(OPEN_BLOCKS)).to_have_count(1)


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("target", ["model-answer", "subsection", "levels", "hints"])
def test_a_link_opens_what_hides_its_target_and_scrolls_there(
    new_page: NewPage, javascript: bool, target: str
) -> None:
    page = new_page(javascript=javascript)
    page.goto(COMPLETE)
    name = subsection(page) if target == "subsection" else target
    hidden = page.locator(f"#{name}").evaluate("e => e.closest('details') !== null")
    page.goto("about:blank")
    page.goto(f"{COMPLETE}#{name}")
    page.wait_for_timeout(300)
    assert in_view(page.locator(f"#{name}"))
    # Only what hides the target: the rest stays for the reader to open.
    expect(page.locator(OPEN_BLOCKS)).to_have_count(
        page.locator(f"#{name}").evaluate(
            "e => { let n = 0; while ((e = e.parentElement.closest('details'))) n++; return n; }"
        )
    )
    assert hidden == (target != "hints")


def test_a_second_click_on_the_same_link_opens_a_closed_block_again(new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{COMPLETE}#model-answer")
    page.wait_for_timeout(300)
    block = page.locator("details:has(> #model-answer)")
    expect(block).to_have_attribute("open", "")
    link = page.locator(".md-sidebar--secondary a[href='#model-answer']")
    for _ in range(2):
        block.locator("> summary").click()
        expect(block).not_to_have_attribute("open", "")
        link.click()
        expect(block).to_have_attribute("open", "")
        page.wait_for_timeout(100)
        assert in_view(page.locator("#model-answer"))


def test_a_link_to_a_block_itself_opens_it_every_time(new_page: NewPage) -> None:
    page = new_page()
    page.goto(COMPLETE)
    page.evaluate(
        """() => {
          const outer = document.querySelector("details.answer");
          const block = outer.appendChild(document.createElement("details"));
          block.id = "a-block";
          block.append(document.createElement("summary"), "Inside.");
          block.firstChild.textContent = "A block in a block";
          const link = document.createElement("a");
          link.href = "#a-block";
          link.textContent = "To the block";
          document.querySelector("article h1").after(link);
        }"""
    )
    for _ in range(3):
        page.get_by_role("link", name="To the block").click()
        expect(page.locator("#a-block")).to_have_attribute("open", "")
        page.wait_for_timeout(100)
        assert in_view(page.locator("#a-block"))
        page.evaluate(
            "document.querySelectorAll('article details').forEach((block) => { block.open = false; })"
        )


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_short_links_arrive(site: Site, new_page: NewPage, javascript: bool) -> None:
    page = new_page(javascript=javascript)
    # All are alike but for the address (test_build.py), so three show what becomes of it.
    for question in site.questions()[::9]:
        page.goto(f"q/{question['number']}/")
        page.wait_for_url(site.url + question["address"])


@pytest.mark.parametrize("fragment", ["hints", "model-answer"])
def test_short_links_keep_fragment_and_query(site: Site, new_page: NewPage, fragment: str) -> None:
    page = new_page()
    page.goto(f"q/6/?h=bucket#{fragment}")
    page.wait_for_url(f"{site.url}{COMPLETE}?h=bucket#{fragment}")
    page.wait_for_timeout(300)
    assert in_view(page.locator(f"#{fragment}"))


def test_a_short_link_takes_no_target_from_the_address(site: Site, new_page: NewPage) -> None:
    page = new_page()
    page.goto("q/6/?url=https://example.org/#https://example.org/")
    page.wait_for_url(lambda url: url.startswith(site.url + COMPLETE))


# --- Print ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_print_shows_every_block_and_no_control(new_page: NewPage, javascript: bool) -> None:
    page = new_page(javascript=javascript)
    page.goto(COMPLETE)
    answer = page.locator("#model-answer")
    expect(answer).not_to_be_visible()

    page.emulate_media(media="print")
    # Browsers announce a print to scripts, which emulation leaves out.
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for heading in page.locator("article > h2[id], article details :is(h2, h3)[id]").all():
        assert heading.evaluate("e => e.checkVisibility() && e.getBoundingClientRect().height > 0")
    for hidden in (".page-tools", ".section-tools", ".md-header", ".md-sidebar", ".md-footer", ".headerlink"):
        for control in page.locator(hidden).all():
            expect(control).not_to_be_visible()
    expect(page.locator(".chip--difficulty")).to_be_visible()

    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator(OPEN_BLOCKS)).to_have_count(0)
    expect(answer).not_to_be_visible()


def test_blocks_that_were_open_are_open_after_print(new_page: NewPage) -> None:
    page = new_page()
    page.goto(COMPLETE)
    page.locator("article summary").first.click()
    for _ in range(2):
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        expect(page.locator(CLOSED_BLOCKS)).to_have_count(0)
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        expect(page.locator(OPEN_BLOCKS)).to_have_count(1)


# --- Copying links ----------------------------------------------------------------------------------------------------


def test_copying_gives_plain_and_markdown_links(site: Site, new_page: NewPage) -> None:
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    address = site.url + COMPLETE
    title = next(q["title"] for q in site.questions() if q["number"] == 6)
    # What a search result adds to the address is nobody's to pass on.
    page.goto(f"{COMPLETE}?h=bucket")
    page.get_by_role("button", name="Open all").click()
    copied = {
        "Copy link": address,
        "Copy as Markdown": f"[6. {title}]({address})",
        "Copy link to Hints": f"{address}#hints",
        "Copy Markdown link to Hints": f"[6. {title}: Hints]({address}#hints)",
        "Copy Markdown link to Model answer": f"[6. {title}: Model answer]({address}#model-answer)",
    }
    for name, wanted in copied.items():
        button = page.get_by_role("button", name=name, exact=True)
        button.focus()
        page.keyboard.press("Enter")
        said = "Markdown link copied" if "Markdown" in name else "Link copied"
        expect(page.get_by_role("status")).to_have_text(said)
        assert page.evaluate("navigator.clipboard.readText()") == wanted
        expect(button).to_be_focused()


def test_pages_that_are_no_questions_copy_under_their_title(site: Site, new_page: NewPage) -> None:
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto("difficulty/")
    title = page.locator("article h1").inner_text()
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.get_by_role("status")).to_have_text("Markdown link copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"[{title}]({site.url}difficulty/)"
    page.get_by_role("button", name="Copy Markdown link to Staff (L6/L7)").click()
    expect(page.get_by_role("status")).to_have_text("Markdown link copied")
    page.wait_for_timeout(100)
    assert (
        page.evaluate("navigator.clipboard.readText()")
        == f"[{title}: Staff (L6/L7)]({site.url}difficulty/#staff)"
    )


def test_every_section_can_be_copied(site: Site, new_page: NewPage) -> None:
    page = new_page()
    page.goto(COMPLETE)
    page.get_by_role("button", name="Open all").click()
    question = next(q for q in site.questions() if q["number"] == 6)
    for name in question["sections"]:
        heading = page.locator(f"h2#{name}")
        group = page.locator(f"h2#{name} + .section-tools")
        expect(group.get_by_role("button")).to_have_count(2)
        # Quiet, but there for a pointer over the heading, and at least 24 px in both directions.
        heading.hover()
        expect(group.get_by_role("button").first).to_have_css("opacity", "1")
        for button in group.get_by_role("button").all():
            box = button.bounding_box()
            assert box
            assert min(box["width"], box["height"]) >= 24
        # The heading's own name stays clean.
        assert group.evaluate("e => e.closest('h2')") is None


def test_section_controls_are_always_shown_on_touch(new_page: NewPage) -> None:
    page = new_page(size=NARROW, has_touch=True, is_mobile=True)
    page.goto(COMPLETE)
    for button in page.locator("#hints + .section-tools button, .page-tools button").all():
        expect(button).to_have_css("opacity", "1")
        box = button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 44
    heading = page.locator("#clarifying-questions").evaluate(
        "e => { const r = document.createRange(); r.selectNodeContents(e.firstChild); return r.getBoundingClientRect().right; }"
    )
    box = page.locator("#clarifying-questions + .section-tools").bounding_box()
    assert box
    assert heading <= box["x"], "the controls cover the heading's text"


def test_a_refused_clipboard_shows_the_address_selected(site: Site, new_page: NewPage) -> None:
    page = new_page()
    page.add_init_script(
        "navigator.clipboard.writeText = () => Promise.reject(new DOMException('refused', 'NotAllowedError'));"
    )
    page.goto(COMPLETE)
    for name, wanted in (
        ("Copy link", site.url + COMPLETE),
        ("Copy link to Hints", f"{site.url}{COMPLETE}#hints"),
    ):
        button = page.get_by_role("button", name=name, exact=True)
        button.focus()
        page.keyboard.press("Enter")
        field = page.get_by_role("textbox", name="Copy the selected text")
        expect(field).to_be_visible()
        expect(field).to_be_focused()
        expect(field).to_have_value(wanted)
        assert page.evaluate("getSelection().toString()") == wanted
        page.keyboard.press("Escape")
        expect(field).to_have_count(0)
        expect(button).to_be_focused()


def test_a_page_without_a_clipboard_shows_the_address_too(site: Site, new_page: NewPage) -> None:
    page = new_page()
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined });")
    page.goto(COMPLETE)
    page.get_by_role("button", name="Copy link", exact=True).click()
    expect(page.get_by_role("textbox", name="Copy the selected text")).to_have_value(site.url + COMPLETE)


# --- Keyboard ---------------------------------------------------------------------------------------------------------

FOCUS = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  // A link inside a clipped line is what its line shows.
  const box = e.getBoundingClientRect();
  const style = getComputedStyle(e);
  return {
    what: e.outerHTML.replace(/>[^]*/, ">").slice(0, 160),
    text: (e.getAttribute("aria-label") || e.textContent || e.value || "").trim().slice(0, 60),
    tag: e.localName,
    inView: box.width > 0 && box.height > 0 && box.right > 0 && box.bottom > 0
      && box.left < innerWidth && box.top < innerHeight && e.checkVisibility({ visibilityProperty: true, opacityProperty: true }),
    ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1,
  };
}"""


@pytest.mark.parametrize(
    ("size", "javascript"),
    [
        pytest.param(WIDE, True, id="wide-scripts"),
        pytest.param(WIDE, False, id="wide-no scripts", marks=THOROUGH),
        pytest.param(NARROW, True, id="narrow-scripts", marks=THOROUGH),
        pytest.param(NARROW, False, id="narrow-no scripts"),
    ],
)
def test_every_stop_of_the_keyboard_can_be_seen(
    new_page: NewPage, size: tuple[int, int], javascript: bool
) -> None:
    page = new_page(size=size, javascript=javascript)
    page.goto(COMPLETE)
    page.wait_for_load_state("networkidle")
    stops = []
    for _ in range(200):
        page.keyboard.press("Tab")
        page.wait_for_timeout(15)
        stop = page.evaluate(FOCUS)
        if stop is None:
            break
        stops.append(stop)
    else:
        pytest.fail("the focus never leaves the page")
    unseen = [stop for stop in stops if not stop["inView"] or not stop["ring"]]
    assert not unseen, "\n".join(map(str, unseen))
    order = [stop["text"] for stop in stops]
    scripted = ["Open all", "Copy link", "Copy as Markdown", "Add to plan"] if javascript else []
    wanted = ["Skip to content", "Search", "Question 6", *scripted, "Hint 1", "Hint 2", "Hint 3"]
    positions = [order.index(text) for text in wanted]
    assert positions == sorted(positions), order


def test_the_keyboard_alone_reaches_and_opens_the_answer(new_page: NewPage) -> None:
    page = new_page()
    page.goto(COMPLETE)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to content")).to_be_visible()
    page.keyboard.press("Enter")
    summary = page.locator("details:has(> #model-answer) > summary")
    for _ in range(40):
        page.keyboard.press("Tab")
        if summary.evaluate("e => e === document.activeElement"):
            break
    expect(summary).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#model-answer")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#model-answer")).not_to_be_visible()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_way_past_the_header_and_back_up_hides_no_stop(new_page: NewPage, size: tuple[int, int]) -> None:
    page = new_page(size=size)
    # No section of this page is its first one.
    page.goto("questions/")
    expect(page.get_by_role("button", name="Add to plan: 20.")).to_be_attached()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('article') !== null")

    # What comes before in the order has just been scrolled below the header, and the way to the top appears.
    after = page.get_by_role("link", name="Implement a circuit breaker", exact=True).last
    after.evaluate("e => { e.focus(); scrollTo(0, e.getBoundingClientRect().bottom + scrollY); }")
    # As when all words of the search have come.
    follow(page, "")
    expect(after).to_be_focused()
    for _ in range(8):
        page.keyboard.press("Shift+Tab")
        assert in_view(page.locator(":focus"))


def test_the_menu_of_narrow_screens_works_by_keyboard(new_page: NewPage) -> None:
    page = new_page(size=NARROW)
    page.goto(COMPLETE)
    button = page.get_by_role("button", name="Menu")
    expect(button).to_have_attribute("aria-expanded", "false")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    link = page.locator(".md-sidebar--primary").get_by_role("link", name="Implement a circuit breaker")
    expect(link).to_be_in_viewport()
    # The focus goes into the menu, and from stop to stop of what it shows; nothing behind it has it.
    expect(page.get_by_role("button", name="Back from Technical")).to_be_focused()
    while not link.evaluate("e => e === document.activeElement"):
        page.keyboard.press("Tab")
        focused = page.locator(".md-sidebar--primary :focus")
        expect(focused).to_be_visible()
        assert in_view(focused)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement === document.body")
    page.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(button).to_be_focused()
    expect(link).not_to_be_visible()


def test_the_palette_can_be_switched_by_keyboard_and_stays(new_page: NewPage) -> None:
    page = new_page(palette="dark")
    page.goto(COMPLETE)
    # Until there is a choice, it is the system's, and so are the colors of what the browser itself draws.
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    drawn = page.locator("meta[name=theme-color]")
    dark = drawn.get_attribute("content") or ""
    page.emulate_media(color_scheme="light")
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "default")
    expect(drawn).not_to_have_attribute("content", dark)
    page.get_by_role("button", name="Switch to the dark palette").focus()
    page.keyboard.press("Space")
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    expect(page.get_by_role("button", name="Switch to the light palette")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "default")
    expect(page.get_by_role("button", name="Switch to the dark palette")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    page.goto("questions/")
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    # Paper is light, boxes to tick included.
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
