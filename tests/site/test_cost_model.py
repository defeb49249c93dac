"""The cost model of question 3 in a browser, and with it what every calculator's form does with an address and with faults.

That its script computes what the tested model computes is in test_calculators.py, with all others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Page, expect

from examples.cost_optimization.calculator import specification
from examples.cost_optimization.inputs import DEFAULTS, SPECS, Inputs
from examples.cost_optimization.model import results
from macros import calculators
from tests.site.conftest import NARROW, NewPage, Site, follow

ADDRESS = "questions/conceptual/cost-optimization/"
HASH = "#cost-model"
SUM = "#cost-model .calculator__sum"
SCRIPTS = "assets/javascripts/calculators/"
FORM = calculators.load(specification())
OPEN = "document.querySelectorAll('details.answer').forEach((block) => { block.open = true; })"

Visit = Callable[..., Page]


def ready(page: Page) -> None:
    """Wait for the form, and open what it stands in."""
    page.locator("#cost-model[data-ready=yes]").wait_for(state="attached")
    page.evaluate(OPEN)


@pytest.fixture
def visit(site: Site, new_page: NewPage) -> Visit:
    """Open the page with a query and the section in view, in a context of its own."""

    def go(query: str = "", hash_: str = HASH, **options: Any) -> Page:
        page = new_page(**options)
        page.goto(f"{ADDRESS}{query}{hash_}")
        if options.get("javascript", True):
            ready(page)
        return page

    return go


def values_of(inputs: Inputs) -> dict[str, Any]:
    return {name: getattr(inputs, name) for name in SPECS} | results(inputs)


def rows(inputs: Inputs) -> list[tuple[str, ...]]:
    """What the table of steps has to say."""
    values = values_of(inputs)
    return [tuple(calculators.fill(cell, values) for cell in row) for row in FORM.tables[0].rows]


def facts(inputs: Inputs) -> list[str]:
    """The results below the sum, in their order."""
    return [calculators.fill(step.result, values_of(inputs)) for step in FORM.steps]


def summary(inputs: Inputs) -> str:
    return " ".join(calculators.fill(text, values_of(inputs)) for text in FORM.summary)


def shown(page: Page) -> list[tuple[str, ...]]:
    """The table of steps as it stands on the page."""
    texts: list[list[str]] = page.locator("#cost-model tbody tr").evaluate_all(
        "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    return [tuple(row) for row in texts]


def address_of(page: Page) -> str:
    """The address as the page itself has it: the driver learns of changes only later."""
    address: str = page.evaluate("location.href")
    return address


def query_of(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address_of(page)).query, keep_blank_values=True)


def refuse_clipboard(page: Page) -> None:
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")


def described(page: Page, name: str) -> str:
    """What a screen reader adds to the field's name."""
    text: str = field(page, name).evaluate(
        "e => e.getAttribute('aria-describedby').split(' ').map((id) => document.getElementById(id).textContent).join(' ').trim()"
    )
    return text


def field(page: Page, name: str) -> Any:
    return page.locator(f"#cost-model [data-input={name}]")


# --- On the page ------------------------------------------------------------------------------------------------------


def test_a_fleet_that_cannot_be_built_is_told_and_does_not_hang(site: Site, new_page: NewPage) -> None:
    page = new_page()
    page.goto("404.html")
    told = page.evaluate(
        """async ([url, inputs]) => {
          const { model } = await import(url);
          try { model(inputs); } catch (error) { return `${error.name}: ${error.message}`; }
        }""",
        [f"{site.url}{SCRIPTS}cost-model.js", DEFAULTS | {"node_gpus": 3}],
    )
    assert told == "RangeError: A replica has more GPUs than a node"


def test_a_change_is_computed_at_once_and_stands_in_the_address(visit: Visit) -> None:
    page = visit()
    assert shown(page) == rows(Inputs())
    expect(page.locator(SUM)).to_have_text(summary(Inputs()))
    expect(page.locator("#cost-model .calculator__result")).to_have_text(facts(Inputs()))
    expect(page.locator("#cost-model .calculator__off")).to_be_hidden()
    assert urlsplit(address_of(page)).query == ""
    field(page, "peak").fill("60")
    expect(page.locator(SUM)).to_have_text(summary(Inputs(peak=60.0)))
    field(page, "spare_nodes").fill("2")
    changed = Inputs(peak=60.0, spare_nodes=2)
    assert shown(page) == rows(changed)
    assert query_of(page) == {"cm": ["1"], "peak": ["60"], "spare": ["2"]}
    assert address_of(page).endswith(HASH)
    field(page, "peak").fill("30.0")
    field(page, "spare_nodes").fill("1")
    assert urlsplit(address_of(page)).query == ""
    assert shown(page) == rows(Inputs())


def test_an_address_brings_its_figures_back_and_keeps_what_is_not_its_own(visit: Visit) -> None:
    page = visit("?peak=40&price=7")
    assert shown(page) == rows(Inputs()), "names like ours without our key are somebody else's"
    assert query_of(page) == {"peak": ["40"], "price": ["7"]}
    follow(page, "?h=spot%20node&utm=a%26b")
    changes = {"price": 3.25, "commit_nodes": 2, "mean": 20.0, "peak": 71.5, "routable": 12.5, "growth": 0.0}
    for name, value in changes.items():
        field(page, name).fill(f"{value:g}")
    query = urlsplit(address_of(page)).query
    page.reload()
    ready(page)
    assert shown(page) == rows(Inputs(**changes))  # type: ignore[arg-type]
    for name, value in changes.items():
        expect(field(page, name)).to_have_value(f"{value:g}")
    expect(page.locator("#cost-model .calculator__notes")).to_be_empty()
    assert urlsplit(address_of(page)).query == query, "reading an address does not change it"
    assert query_of(page)["h"] == ["spot node"]
    page.get_by_role("button", name="Reset").click()
    expect(field(page, "peak")).to_have_value("30")
    assert query_of(page) == {"h": ["spot node"], "utm": ["a&b"]}
    assert address_of(page).endswith(HASH)


def test_figures_in_the_address_open_no_answer_by_themselves(new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{ADDRESS}?cm=1&peak=60")
    # The form is set up all the same; it shows once the reader opens the block.
    page.wait_for_function("() => document.querySelector('#cost-model').dataset.ready")
    expect(page.locator("article details[open]")).to_have_count(0)
    expect(page.locator("#cost-model")).to_be_hidden()
    page.locator("details.answer > summary").click()
    expect(page.locator(SUM)).to_have_text(summary(Inputs(peak=60.0)))


DIGITS = "Write the number in digits"
RANGE = "Give a number from 0.1 to 1,000."
HOSTILE = [
    ("abc", RANGE),
    ("", RANGE),
    (" 30", DIGITS),
    ("1e2", DIGITS),
    ("0x10", DIGITS),
    ("Infinity", RANGE),
    ("NaN", RANGE),
    ("-5", RANGE),
    ("99999999999999999999", RANGE),
    ("1e308", RANGE),
    ("30.0000000001", DIGITS),
    ("30;alert(1)", RANGE),
    ("<img src=x onerror=alert(1)>", RANGE),
    ("30,5", RANGE),
    ("٣٠", RANGE),
    ("null", RANGE),
    ("9" * 5000, RANGE),
]
SENSELESS = [
    ("?cm=1&peak=11", "The peak is below the mean"),
    ("?cm=1&offline=60&route=45", "over 100% together"),
    ("?cm=1&node=3", "more GPUs than a node"),
    ("?cm=2&peak=60", "another version"),
    ("?cm=&peak=60", "another version"),
    ("?cm=1&gpus8=1.5", "Give a whole number"),
    ("?cm=1&spare=6", "Give a number from 0 to 5"),
    ("?cm=1&peak=%E0%A4%A", "Give a number"),
]


def test_what_an_address_brings_is_trusted_no_more_than_what_is_typed(visit: Visit) -> None:
    page = visit()
    notes = page.locator("#cost-model .calculator__notes")
    for text, told in HOSTILE:
        follow(page, f"?cm=1&peak={quote(text)}&price=3")
        assert field(page, "peak").input_value() == "30", text
        assert shown(page) == rows(Inputs(price=3.0)), "the good value is used"
        said = notes.inner_text()
        assert f"the default 30 stands. {told}" in said, text
        assert len(said) < 200
    assert page.locator("#cost-model img").count() == 0
    for query, told in SENSELESS:
        follow(page, query)
        assert shown(page) == rows(Inputs()), query
        assert told in notes.inner_text()


@pytest.mark.parametrize("name", ["peak", "node_gpus"])
def test_figures_that_cannot_be_used_keep_the_last_results(visit: Visit, name: str) -> None:
    """Each by itself, or against another: told beside the field or above the results, and not copied."""
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    notes = page.locator("#cost-model .calculator__notes")
    field(page, "price").fill("3")
    address = address_of(page)
    contradiction = {"peak": ("5", "The peak is below the mean"), "node_gpus": ("2", "more GPUs than a node")}
    wrong = {"peak": ("", "Give a number"), "node_gpus": ("0.5", "Give a number from 1 to 16.")}
    text, told = wrong[name]
    field(page, name).fill(text)
    expect(field(page, name)).to_have_attribute("aria-invalid", "true")
    assert told in described(page, name)
    expect(notes).to_contain_text(f"To be mended: {SPECS[name].label}.")
    expect(notes).to_contain_text("those of the figures before")
    text, told = contradiction[name]
    field(page, name).fill(text)
    expect(notes).to_contain_text(told)
    expect(field(page, name)).not_to_have_attribute("aria-invalid", "true")
    assert described(page, name) == SPECS[name].unit
    page.get_by_role("button", name="Copy link to these figures").click()
    expect(notes).to_contain_text("Not copied")
    assert shown(page) == rows(Inputs(price=3.0))
    assert address_of(page) == address
    field(page, name).fill(f"{DEFAULTS[name]:g}")
    expect(notes).to_be_empty()


# --- Copying, keyboard, without scripts -------------------------------------------------------------------------------


def test_the_copied_link_ends_in_the_section_and_opens_it(visit: Visit) -> None:
    page = visit("?h=word", permissions=["clipboard-read", "clipboard-write"])
    field(page, "peak").fill("44")
    button = page.get_by_role("button", name="Copy link to these figures")
    button.click()
    expect(page.locator("#cost-model .calculator__notes")).to_have_text("Link copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    assert urlsplit(link).query == "cm=1&peak=44", "without what else stood in the address"
    assert link.endswith(HASH)
    # Without a clipboard it is shown selected.
    refuse_clipboard(page)
    button.click()
    shown_field = page.locator("#cost-model .copy-field input")
    expect(shown_field).to_be_focused()
    assert shown_field.input_value() == link
    assert page.evaluate("getSelection().toString() || document.activeElement.selectionEnd > 10")
    page.keyboard.press("Escape")
    expect(shown_field).to_have_count(0)
    expect(button).to_be_focused()
    page.goto("about:blank")
    page.goto(link)
    expect(field(page, "peak")).to_have_value("44")
    expect(page.locator("#cost-model")).to_be_visible()


def test_all_of_it_works_by_keyboard(visit: Visit) -> None:
    page = visit()
    field(page, "price").focus()
    page.keyboard.press("ArrowUp")
    expect(field(page, "price")).to_have_value("2.86")
    expect(page.locator(SUM)).to_have_text(summary(Inputs(price=2.86)))
    page.keyboard.press("Enter")
    assert ADDRESS in address_of(page), "Enter sends no form"
    for _ in range(len(SPECS) + 1):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Reset")).to_be_focused()
    page.keyboard.press("Enter")
    expect(field(page, "price")).to_have_value("2.85")
    expect(page.locator(SUM)).to_have_text(summary(Inputs()))


def test_a_refused_address_stops_nothing(visit: Visit) -> None:
    page = visit()
    page.evaluate("() => { history.replaceState = () => { throw new DOMException('', 'SecurityError'); }; }")
    field(page, "peak").fill("60")
    assert shown(page) == rows(Inputs(peak=60.0))


def test_without_scripts_the_results_stand_and_no_form_does(visit: Visit) -> None:
    page = visit("?cm=1&peak=60", javascript=False)
    expect(page.locator("#cost-model form")).to_be_hidden()
    expect(page.locator("#cost-model .calculator__off")).to_be_visible()
    assert shown(page) == rows(Inputs())


def test_it_fits_a_phone_and_a_finger(visit: Visit) -> None:
    page = visit(size=NARROW, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
    boxes = page.locator("#cost-model :is(input, button)").evaluate_all(
        "all => all.map((e) => e.getBoundingClientRect()).map((box) => [box.height, box.right])"
    )
    assert len(boxes) > len(SPECS)
    for height, right in boxes:
        assert height >= 44
        assert right <= NARROW[0]
