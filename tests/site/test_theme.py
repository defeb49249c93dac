"""What pages do in the place of the theme's own script (docs/assets/javascripts/theme); its palette is in test_reading.py."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.site.conftest import NARROW, NewPage

COMPLETE = "questions/technical/rate-limiting/"


def test_what_follows_the_reader_down_a_page(new_page: NewPage) -> None:
    page = new_page()
    page.goto(COMPLETE)
    title = page.locator(".md-header__title")
    tabs = page.locator(".md-tabs")
    top = page.locator(".md-top")
    at_hand = page.locator(".md-sidebar--secondary .md-nav__link--active")
    expect(tabs).not_to_have_attribute("hidden", "")
    expect(top).to_have_attribute("hidden", "")

    # The last is reached at the end, however short it is.
    for section in ("hints", "pitfalls"):
        page.evaluate("id => document.getElementById(id).scrollIntoView()", section)
        expect(at_hand).to_have_attribute("href", f"#{section}")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(at_hand).to_have_attribute("href", "#references")
    expect(title).to_contain_class("md-header__title--active")
    expect(tabs).to_have_attribute("hidden", "")

    # The way to the top is offered to whoever turns round, on pages without the bar that leads back.
    page.goto("numbers/")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(title).to_contain_class("md-header__title--active")
    expect(top).to_have_attribute("hidden", "")
    page.mouse.move(640, 450)
    page.mouse.wheel(0, -200)
    expect(top).not_to_have_attribute("hidden", "")
    top.click()
    expect(title).not_to_contain_class("md-header__title--active")
    expect(top).to_have_attribute("hidden", "")
    expect(tabs).not_to_have_attribute("hidden", "")


def test_a_title_that_the_header_clips_can_be_read_whole(new_page: NewPage) -> None:
    page = new_page(size=(500, 740))
    page.goto("kits/zero-trust-serving/")
    page.evaluate("scrollTo(0, 600)")
    title = page.locator(".md-header__topic .md-ellipsis").last
    title.hover()
    expect(title).to_have_attribute("title", "Kit 11: Design zero trust for multi-tenant LLM serving")


def test_a_listing_is_copied_by_its_button(new_page: NewPage) -> None:
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{COMPLETE}#model-answer")
    listing = page.locator("details.answer pre").first
    listing.get_by_role("button", name="Copy to clipboard").click()
    expect(page.get_by_role("status")).to_have_text("Copied to clipboard")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == (listing.locator("code").text_content() or "").rstrip()


def test_a_link_to_a_section_closes_the_menu(new_page: NewPage) -> None:
    page = new_page(size=NARROW)
    page.goto(COMPLETE)
    page.get_by_role("button", name="Menu").click()
    drawer = page.locator("#__drawer")
    expect(drawer).to_be_checked()
    # The entry of the page itself holds its sections.
    menu = page.locator(".md-sidebar--primary")
    menu.locator("button[for=__toc]").first.click()
    menu.get_by_role("link", name="Hints").click()
    expect(drawer).not_to_be_checked()
