"""The calculators in a browser: equal to the tested functions, kept in the address, clear about faults, quiet to the ear."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Locator, Page, expect

from examples.cost_optimization import figures as cost
from examples.cost_optimization import tokens
from examples.cost_optimization.inputs import Inputs, faults_of
from examples.cost_optimization.model import results as fleet_results
from examples.rate_limiting import calculator as limits
from examples.rate_limiting.figures import limits_calculator
from examples.reference_numbers import memory
from examples.reference_numbers.figures import memory_calculator
from examples.slo_definition import calculator as budget
from examples.slo_definition.figures import budget_calculator
from macros import calculators
from macros.calculators import Calculator
from tests.site.axe import findings
from tests.site.conftest import NARROW, WIDE, NewPage, Site

FOLDER = "calculators/"
SCRIPTS = "assets/javascripts/calculators/"

Values = dict[str, Any]
CALCULATORS: dict[str, tuple[Calculator, Callable[..., Values]]] = {
    one.id: (one, results)
    for one, results in (
        (calculators.load(budget_calculator()), budget.results),
        (calculators.load(cost.token_calculator()), tokens.results),
        (calculators.load(memory_calculator()), memory.results),
        (calculators.load(limits_calculator()), limits.results),
        (calculators.load(cost.cost_model()), lambda **values: fleet_results(Inputs(**values))),
    )
}
PAGES = [name for name in CALCULATORS if name != "cost-model"]


def texts(form: Calculator, values: Values) -> list[str]:
    """Every sentence that follows the figures, in the order of the page."""
    return [calculators.fill(text, values) for text in form.texts()]


def computed(name: str, **changes: float) -> list[str]:
    """What the tested functions make of the defaults with these changes."""
    form, results = CALCULATORS[name]
    inputs = {one.name: _typed(one.value, one.whole) for one in form.inputs()} | changes
    return texts(form, inputs | results(**inputs))


def _typed(value: float, whole: bool) -> float:
    return int(value) if whole else value


# --- The same arithmetic and the same words ---------------------------------------------------------------------------


def samples(form: Calculator, count: int) -> list[Values]:
    """The defaults, each input at its limits, all of them there, then random ones: small values as often as large."""
    rng = random.Random(20261126)
    inputs = form.inputs()
    defaults = {one.name: _typed(one.value, one.whole) for one in inputs}
    found = [defaults]
    for limit in ("low", "high"):
        at = {one.name: _typed(getattr(one, limit), one.whole) for one in inputs}
        found += [at, *(defaults | {name: value} for name, value in at.items())]
    while len(found) < count:
        values: Values = {}
        for one in inputs:
            if rng.random() < 0.3:
                values[one.name] = defaults[one.name]
                continue
            size = math.exp(rng.uniform(math.log(max(one.low, one.high / 1e7)), math.log(one.high)))
            if one.low < 0 and rng.random() < 0.5:
                size = -size
            value = round(size, rng.choice([0, 1, 2, 4]))
            values[one.name] = _typed(min(max(value, one.low), one.high), one.whole)
        found.append(values)
    if form.id == "cost-model":
        found = [values for values in found if not faults_of(values)]
    return found


@pytest.mark.parametrize("name", CALCULATORS)
def test_the_script_computes_and_says_what_the_tested_functions_do(
    site: Site, new_page: NewPage, name: str
) -> None:
    """Bit by bit: both do the same operations in the same order."""
    form, results = CALCULATORS[name]
    inputs = samples(form, 1_000 if name == "cost-model" else 400)
    assert len(inputs) > 300
    page = new_page()
    page.goto("404.html")
    theirs = page.evaluate(
        """async ([root, name, all, texts]) => {
          const { model } = await import(`${root}${name}.js`);
          const { fill } = await import(`${root}format.js`);
          return all.map((inputs) => {
            const values = model(inputs);
            return [values, texts.map((text) => fill(text, { ...inputs, ...values }))];
          });
        }""",
        [site.url + SCRIPTS, name, inputs, [[list(variant) for variant in text] for text in form.texts()]],
    )
    for values, (their, said) in zip(inputs, theirs, strict=True):
        ours = results(**values)
        assert _doubles(their) == _doubles(ours), values
        assert said == texts(form, values | ours), values


def _doubles(values: Values) -> dict[str, list[float | None]]:
    """A large whole number arrives as an int of the digits that JavaScript prints; the double it stands for is compared."""
    return {
        name: [None if one is None else float(one) for one in (value if isinstance(value, list) else [value])]
        for name, value in values.items()
    }


# --- On the page ------------------------------------------------------------------------------------------------------


@pytest.fixture
def visit(new_page: NewPage) -> Callable[..., Page]:
    """Open a calculator's page in a context of its own, and wait for its form."""

    def go(name: str, query: str = "", **options: Any) -> Page:
        page = new_page(**options)
        page.goto(f"{FOLDER}{name}/{query}")
        if options.get("javascript", True):
            expect(page.locator(".calculator")).to_have_attribute("data-ready", "yes")
        return page

    return go


Visit = Callable[..., Page]


def field(page: Page, name: str) -> Locator:
    return page.locator(f"[data-input={name}]")


def shown(page: Page, form: Calculator) -> list[str]:
    """All sentences of the section that may hold a figure, in the order of `Calculator.texts`."""
    found: list[str] = page.locator(".calculator").evaluate(
        """section => {
          const all = (selector) => [...section.querySelectorAll(selector)].map((e) => e.textContent);
          const steps = [...section.querySelectorAll(".calculator__steps li")].flatMap((li) =>
            [".calculator__worked", ".calculator__result"].map((part) => li.querySelector(part).textContent));
          return [...all(".calculator__sum > span"), ...steps, ...all("tbody :is(th, td)")];
        }"""
    )
    assert len(found) == len(form.texts())
    return found


def query_of(page: Page) -> dict[str, list[str]]:
    """As the page itself has it: the driver learns of changes only later."""
    return parse_qs(urlsplit(page.evaluate("location.href")).query, keep_blank_values=True)


@pytest.mark.parametrize("name", PAGES)
def test_the_worked_example_stands_without_scripts_and_with_them(site: Site, visit: Visit, name: str) -> None:
    form, _ = CALCULATORS[name]
    page = visit(name, javascript=False)
    expect(page.locator(".calculator form")).to_be_hidden()
    expect(page.locator(".calculator__off")).to_be_visible()
    assert shown(page, form) == computed(name)
    page = visit(name)
    expect(page.locator(".calculator form")).to_be_visible()
    expect(page.locator(".calculator__off")).to_be_hidden()
    assert shown(page, form) == computed(name)
    assert query_of(page) == {}
    assert BeautifulSoup(site.html(f"{FOLDER}{name}/"), "html.parser").find("form", hidden=True)


CHANGES: dict[str, dict[str, float]] = {
    "error-budget": {"target": 99.9, "bad": 100},
    "cost-per-token": {"used": 80, "api_output": 12.5},
    "kv-cache": {"gpus": 16, "context": 128_000},
    "rate-limits": {"left": -5_000, "users": 12},
}


@pytest.mark.parametrize("name", PAGES)
def test_a_link_brings_the_figures_back_and_so_does_a_reload(visit: Visit, name: str) -> None:
    form, _ = CALCULATORS[name]
    first = visit(name)
    for changed, value in CHANGES[name].items():
        field(first, changed).fill(f"{value:g}")
    wanted = computed(name, **CHANGES[name])
    assert shown(first, form) == wanted
    keys = {one.name: one.key for one in form.inputs()}
    assert query_of(first) == {form.key: ["1"]} | {
        keys[changed]: [f"{value:g}"] for changed, value in CHANGES[name].items()
    }
    query = urlsplit(first.evaluate("location.href")).query
    second = visit(name, f"?{query}")
    assert shown(second, form) == wanted
    second.reload()
    expect(second.locator(".calculator")).to_have_attribute("data-ready", "yes")
    assert shown(second, form) == wanted
    second.get_by_role("button", name="Reset").click()
    expect(field(second, next(iter(CHANGES[name])))).not_to_have_value(
        f"{next(iter(CHANGES[name].values())):g}"
    )
    assert shown(second, form) == computed(name)
    assert query_of(second) == {}


def test_a_number_has_one_spelling_in_the_address_that_comes_back(visit: Visit) -> None:
    form, _ = CALCULATORS["error-budget"]
    page = visit("error-budget")
    for typed, kept in ((".5", "0.5"), ("0.0000001", "0.0000001"), ("010.50", "10.5")):
        field(page, "bad").fill(typed)
        assert query_of(page)["bad"] == [kept]
    page.reload()
    expect(page.locator(".calculator")).to_have_attribute("data-ready", "yes")
    expect(page.locator(".calculator__notes")).to_be_empty()
    assert shown(page, form) == computed("error-budget", bad=10.5)
    page = visit("error-budget", "?eb=1&bad=0.0000001")
    assert shown(page, form) == computed("error-budget", bad=0.0000001)


def test_the_way_back_and_forward_follows_the_figures(visit: Visit) -> None:
    """A link to a section is a new entry of the history; each has the figures that it was left with."""
    form, _ = CALCULATORS["error-budget"]
    page = visit("error-budget")
    field(page, "bad").fill("10")
    page.get_by_role("link", name="What it leaves out").first.click()
    field(page, "bad").fill("20")
    page.go_back()
    expect(field(page, "bad")).to_have_value("10")
    assert shown(page, form) == computed("error-budget", bad=10)
    page.go_forward()
    expect(field(page, "bad")).to_have_value("20")
    assert shown(page, form) == computed("error-budget", bad=20)
    page.goto(FOLDER)
    page.go_back()
    expect(field(page, "bad")).to_have_value("20")


def described(page: Page, name: str) -> str:
    """What a screen reader adds to the field's name."""
    text: str = field(page, name).evaluate(
        "e => e.getAttribute('aria-describedby').split(' ').map((id) => document.getElementById(id).textContent).join(' ').trim()"
    )
    return text


@pytest.mark.parametrize(
    ("name", "input_", "text", "told"),
    [
        ("error-budget", "target", "100", "% of valid requests Give a number from 50 to 99.9999."),
        ("error-budget", "days", "", "days Give a number from 1 to 366."),
        ("cost-per-token", "used", "0", "Give a number from 0.1 to 100."),
        ("cost-per-token", "gpus", "2.5", "GPUs Give a whole number."),
        ("kv-cache", "layers", "-1", "layers Give a number from 1 to 1,000."),
        ("kv-cache", "parameters", "1e400", "Give a number from 0.01 to 10,000."),
        ("rate-limits", "per_minute", "0", "Give a number from 1 to 30,000,000."),
        ("rate-limits", "burst", "1.5", "tokens Give a whole number."),
    ],
)
def test_a_fault_is_told_beside_its_field_and_the_last_results_stay(
    visit: Visit, name: str, input_: str, text: str, told: str
) -> None:
    form, _ = CALCULATORS[name]
    page = visit(name)
    spec = next(one for one in form.inputs() if one.name == input_)
    # A number field takes no letters, so what a script or an old browser leaves in it is set as such.
    field(page, input_).evaluate(
        "(e, text) => { e.value = text; e.dispatchEvent(new Event('input', { bubbles: true })); }", text
    )
    expect(field(page, input_)).to_have_attribute("aria-invalid", "true")
    assert told in described(page, input_)
    expect(page.locator(".calculator__notes")).to_contain_text(f"To be mended: {spec.label}.")
    assert shown(page, form) == computed(name)
    assert query_of(page) == {}
    field(page, input_).fill(f"{spec.value:g}")
    expect(page.locator(".calculator__notes")).to_be_empty()
    assert described(page, input_) == spec.unit


HOSTILE = [
    "abc",
    "",
    "1e3",
    "Infinity",
    "NaN",
    "1,5",
    "<img src=x onerror=alert(1)>",
    "9" * 5000,
    "\u0663\u0660",
]


@pytest.mark.parametrize("name", PAGES)
def test_what_an_address_brings_is_trusted_no_more_than_what_is_typed(visit: Visit, name: str) -> None:
    form, _ = CALCULATORS[name]
    inputs = form.inputs()
    bad = dict(zip((one.key for one in inputs), HOSTILE, strict=False))
    page = visit(name, f"?{form.key}=1&" + "&".join(f"{key}={quote(text)}" for key, text in bad.items()))
    assert shown(page, form) == computed(name)
    notes = page.locator(".calculator__notes")
    for one in inputs[: len(HOSTILE)]:
        expect(notes).to_contain_text(f"{one.label}: the address says")
    assert page.locator(".calculator img").count() == 0
    assert len(notes.inner_text()) < 200 * len(bad)
    page = visit(name, f"?{form.key}=2&{inputs[0].key}=7")
    expect(page.locator(".calculator__notes")).to_contain_text("another version")
    page = visit(name, f"?{inputs[0].key}=51")
    assert shown(page, form) == computed(name), "names like ours without our key are somebody else's"


def test_a_published_model_fills_its_fields(visit: Visit) -> None:
    form, _ = CALCULATORS["kv-cache"]
    page = visit("kv-cache")
    models = page.get_by_label("Fill in a published model")
    expect(models.locator("option:checked")).to_have_text("Llama 3.1 70B")
    models.select_option("Llama 3.1 8B")
    assert shown(page, form) == computed("kv-cache", layers=32, parameters=8)
    assert query_of(page) == {"kv": ["1"], "layers": ["32"], "params": ["8"]}
    field(page, "layers").fill("33")
    expect(models.locator("option:checked")).to_have_text("Your own figures")
    models.select_option("Your own figures")
    expect(field(page, "layers")).to_have_value("33")


def test_a_screen_reader_hears_one_result_when_the_reader_pauses(visit: Visit) -> None:
    page = visit("error-budget")
    said = page.locator(".calculator__said")
    expect(said).to_have_text("")
    page.evaluate(
        """() => {
          window.heard = 0;
          const status = document.querySelector(".calculator__said");
          new MutationObserver(() => { window.heard += 1; }).observe(status, { childList: true });
          const field = document.querySelector("[data-input=bad]");
          for (const text of ["1", "12", "12.", "12.5"]) {
            field.value = text;
            field.dispatchEvent(new Event("input", { bubbles: true }));
          }
        }"""
    )
    expect(said).to_have_text(" ".join(computed("error-budget", bad=12.5)[:2]))
    assert page.evaluate("window.heard") == 1
    assert page.locator(".calculator [role=status]").count() == 2


def test_all_of_it_works_by_keyboard(visit: Visit) -> None:
    form, _ = CALCULATORS["cost-per-token"]
    page = visit("cost-per-token", permissions=["clipboard-read", "clipboard-write"])
    field(page, "price").focus()
    page.keyboard.press("ArrowUp")
    expect(field(page, "price")).to_have_value("2.86")
    assert shown(page, form) == computed("cost-per-token", price=2.86)
    page.keyboard.press("Enter")
    assert f"{FOLDER}cost-per-token/" in page.evaluate("location.href"), "Enter sends no form"
    for _ in form.inputs():
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy link to these figures")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".calculator__notes")).to_have_text("Link copied.")
    link = urlsplit(page.evaluate("navigator.clipboard.readText()"))
    assert (link.query, link.fragment) == ("ct=1&price=2.86", "cost-per-token")


@pytest.mark.parametrize("name", PAGES)
def test_it_fits_a_phone_and_a_finger(visit: Visit, name: str) -> None:
    page = visit(name, size=NARROW, has_touch=True)
    for one in CALCULATORS[name][0].inputs():
        field(page, one.name).fill(f"{one.high:.9g}" if "e" not in f"{one.high:.9g}" else f"{one.high:.0f}")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
    for target in page.locator(".calculator :is(input, button, select)").all():
        box = target.bounding_box()
        assert box
        assert box["height"] >= 44
        assert box["x"] + box["width"] <= NARROW[0]


@pytest.mark.parametrize(
    ("palette", "size"), [("light", WIDE), ("dark", WIDE), ("light", NARROW)], ids=["light", "dark", "narrow"]
)
def test_no_state_of_a_calculator_has_a_finding(
    visit: Visit, palette: Literal["light", "dark"], size: tuple[int, int]
) -> None:
    page = visit("kv-cache", palette=palette, size=size)
    found = findings(page, "form")
    field(page, "layers").fill("0")
    expect(page.locator(".calculator__notes")).not_to_be_empty()
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    found += findings(page, "fault")
    field(page, "layers").fill("32")
    page.get_by_role("button", name="Copy link to these figures").click()
    expect(page.locator(".copy-field input")).to_be_focused()
    found += findings(page, "copy")
    assert not found, "\n".join(found)


def test_other_pages_do_not_pay_for_the_calculators(new_page: NewPage) -> None:
    page = new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("questions/technical/rate-limiting/")
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked if "calculators" in url]
