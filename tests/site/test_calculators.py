"""The calculators in a browser: equal to the tested functions, kept in the address, clear about faults, quiet to the ear."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Locator, Page, expect

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
from tests.site.conftest import NARROW, WIDE, NewPage, Site, Watch, follow

FOLDER = "calculators/"
SCRIPTS = "assets/javascripts/calculators/"
READY = ".calculator[data-ready=yes]"

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


CONTRADICTIONS: dict[str, Callable[[Values], list[str]]] = {
    "cost-model": faults_of,
    "rate-limits": limits.contradictions,
}
"""What cannot be true together, by the calculators where figures can contradict each other."""


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
    return found


SAMPLES = {
    name: samples(form, {"cost-model": 1_000, "rate-limits": 600}.get(name, 400))
    for name, (form, _) in CALCULATORS.items()
}
"""More where some are contradictions."""


@pytest.fixture(scope="module")
def theirs(site: Site, browser: Browser) -> dict[str, list[tuple[list[str], Values | None, list[str]]]]:
    """What the scripts make of all samples: contradictions, values and sentences of each, by calculator.

    One call for all, on a page that is nothing but a script of the site, so that its modules may be imported.
    """
    page = browser.new_page()
    page.goto(f"{site.url}{SCRIPTS}format.js")
    found: dict[str, list[tuple[list[str], Values | None, list[str]]]] = page.evaluate(
        """async (jobs) => {
          const { fill } = await import("./format.js");
          const found = {};
          for (const [name, [all, texts]] of Object.entries(jobs)) {
            const { model, contradictions = () => [] } = await import(`./${name}.js`);
            found[name] = all.map((inputs) => {
              const faults = contradictions(inputs);
              if (faults.length) return [faults, null, []];
              const values = model(inputs);
              return [faults, values, texts.map((text) => fill(text, { ...inputs, ...values }))];
            });
          }
          return found;
        }""",
        {
            name: [SAMPLES[name], [[list(variant) for variant in text] for text in form.texts()]]
            for name, (form, _) in CALCULATORS.items()
        },
    )
    page.close()
    return found


@pytest.mark.parametrize("name", CALCULATORS)
def test_the_script_computes_and_says_what_the_tested_functions_do(
    theirs: dict[str, list[tuple[list[str], Values | None, list[str]]]], name: str
) -> None:
    """Bit by bit: both do the same operations in the same order."""
    form, results = CALCULATORS[name]
    contradictions = CONTRADICTIONS.get(name)
    compared = 0
    for values, (faults, their, said) in zip(SAMPLES[name], theirs[name], strict=True):
        assert faults == (contradictions(values) if contradictions else [])
        if their is None:
            continue
        ours = results(**values)
        assert _doubles(their) == _doubles(ours), values
        assert said == texts(form, values | ours), values
        compared += 1
    assert compared > 300


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
        page.locator(READY).wait_for()
        return page

    return go


Visit = Callable[..., Page]


def field(page: Page, name: str) -> Locator:
    return page.locator(f"[data-input={name}]")


def reload(page: Page) -> None:
    page.reload()
    page.locator(READY).wait_for()


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
def test_the_worked_example_stands_without_scripts(site: Site, name: str) -> None:
    """What a browser shows of it is in test_cost_model.py; here is that each page has it."""
    form, _ = CALCULATORS[name]
    page = BeautifulSoup(site.html(f"{FOLDER}{name}/"), "html.parser")
    said = [tag.get_text() for tag in page.select(".calculator__sum > span")]
    for step in page.select(".calculator__steps li"):
        said += [
            tag.get_text() for part in ("worked", "result") for tag in step.select(f".calculator__{part}")
        ]
    said += [cell.get_text() for cell in page.select(".calculator tbody :is(th, td)")]
    assert said == computed(name)
    assert page.select_one(".calculator form[hidden]")
    assert not page.select_one(".calculator__off[hidden]")
    assert len(said) == len(form.texts())


CHANGES: dict[str, dict[str, float]] = {
    "error-budget": {"target": 99.9, "bad": 100},
    "cost-per-token": {"used": 80, "api_output": 12.5},
    "kv-cache": {"gpus": 16, "context": 128_000},
    "rate-limits": {"left": -5_000, "users": 12},
}

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
def test_an_address_is_checked_and_brings_the_figures_back(visit: Visit, name: str) -> None:
    """On a phone: from a broken link to the defaults, to figures of one's own, and back to them."""
    form, _ = CALCULATORS[name]
    inputs = form.inputs()
    keys = {one.name: one.key for one in inputs}
    bad = dict(zip(keys.values(), HOSTILE, strict=False))
    page = visit(name, f"?{urlencode({form.key: 1} | bad, quote_via=quote)}", size=NARROW, has_touch=True)
    notes = page.locator(".calculator__notes")
    expect(page.locator(".calculator form")).to_be_visible()
    expect(page.locator(".calculator__off")).to_be_hidden()
    assert shown(page, form) == computed(name)
    for one in inputs[: len(HOSTILE)]:
        expect(notes).to_contain_text(f"{one.label}: the address says")
    assert page.locator(".calculator img").count() == 0
    assert len(notes.inner_text()) < 200 * len(bad)

    follow(page, f"?{form.key}=2&{inputs[0].key}=7")
    expect(notes).to_contain_text("another version")
    follow(page, f"?{inputs[0].key}=51")
    assert shown(page, form) == computed(name), "names like ours without our key are somebody else's"
    expect(notes).to_be_empty()
    follow(page, "")

    for changed, value in CHANGES[name].items():
        field(page, changed).fill(f"{value:g}")
    wanted = computed(name, **CHANGES[name])
    assert shown(page, form) == wanted
    assert query_of(page) == {form.key: ["1"]} | {
        keys[changed]: [f"{value:g}"] for changed, value in CHANGES[name].items()
    }
    reload(page)
    assert shown(page, form) == wanted
    page.get_by_role("button", name="Reset").click()
    expect(field(page, next(iter(CHANGES[name])))).not_to_have_value(
        f"{next(iter(CHANGES[name].values())):g}"
    )
    assert shown(page, form) == computed(name)
    assert query_of(page) == {}

    for one in inputs:
        field(page, one.name).fill(f"{one.high:.9g}" if "e" not in f"{one.high:.9g}" else f"{one.high:.0f}")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
    boxes = page.locator(".calculator :is(input, button, select)").evaluate_all(
        "all => all.map((e) => e.getBoundingClientRect()).map((box) => [box.height, box.right])"
    )
    assert len(boxes) > len(inputs)
    for height, right in boxes:
        assert height >= 44
        assert right <= NARROW[0]


def test_a_number_has_one_spelling_in_the_address_that_comes_back(visit: Visit) -> None:
    form, _ = CALCULATORS["error-budget"]
    page = visit("error-budget")
    for typed, kept in ((".5", "0.5"), ("010.50", "10.5"), ("0.0000001", "0.0000001")):
        field(page, "bad").fill(typed)
        assert query_of(page)["bad"] == [kept]
    reload(page)
    expect(page.locator(".calculator__notes")).to_be_empty()
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


FAULTS = {
    "error-budget": [
        ("target", "100", "% of valid requests Give a number from 50 to 99.9999."),
        ("days", "", "days Give a number from 1 to 366."),
        ("rate", "1e3", "requests/s Write the number in digits, nine at most behind the point."),
    ],
    "cost-per-token": [
        ("used", "0", "Give a number from 0.1 to 100."),
        ("gpus", "2.5", "GPUs Give a whole number."),
    ],
    "kv-cache": [
        ("layers", "-1", "layers Give a number from 1 to 1,000."),
        ("parameters", "1e400", "Give a number from 0.01 to 10,000."),
    ],
    "rate-limits": [
        ("per_minute", "0", "Give a number from 1 to 30,000,000."),
        ("burst", "1.5", "tokens Give a whole number."),
    ],
}


@pytest.mark.parametrize("name", PAGES)
def test_a_fault_is_told_beside_its_field_and_the_last_results_stay(visit: Visit, name: str) -> None:
    form, _ = CALCULATORS[name]
    page = visit(name)
    notes = page.locator(".calculator__notes")
    for input_, text, told in FAULTS[name]:
        spec = next(one for one in form.inputs() if one.name == input_)
        # A number field takes no letters, so what a script or an old browser leaves in it is set as such.
        field(page, input_).evaluate(
            "(e, text) => { e.value = text; e.dispatchEvent(new Event('input', { bubbles: true })); }", text
        )
        expect(field(page, input_)).to_have_attribute("aria-invalid", "true")
        assert told in described(page, input_)
        expect(notes).to_contain_text(f"To be mended: {spec.label}.")
        assert shown(page, form) == computed(name)
        assert query_of(page) == {}
        field(page, input_).fill(f"{spec.value:g}")
        expect(notes).to_be_empty()
        assert described(page, input_) == spec.unit


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
    expect(field(page, "price")).to_have_value("2.9")
    assert shown(page, form) == computed("cost-per-token", price=2.9)
    page.keyboard.press("Enter")
    assert f"{FOLDER}cost-per-token/" in page.evaluate("location.href"), "Enter sends no form"
    for _ in form.inputs():
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy link to these figures")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".calculator__notes")).to_have_text("Link copied.")
    link = urlsplit(page.evaluate("navigator.clipboard.readText()"))
    assert (link.query, link.fragment) == ("ct=1&price=2.9", "cost-per-token")


@pytest.mark.parametrize(("palette", "size"), [("light", NARROW), ("dark", WIDE)], ids=["light", "dark"])
def test_no_state_of_a_calculator_has_a_finding(
    visit: Visit, palette: Literal["light", "dark"], size: tuple[int, int]
) -> None:
    """All at once: the form, the link that could not be copied, a fault. The page as it opens is everybody's test."""
    page = visit("kv-cache", palette=palette, size=size)
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    page.get_by_role("button", name="Copy link to these figures").click()
    expect(page.locator(".copy-field input")).to_be_focused()
    field(page, "layers").fill("0")
    expect(page.locator(".calculator__notes")).not_to_be_empty()
    found = findings(page, "form, copy and fault", within=".calculator")
    assert not found, "\n".join(found)


def test_a_form_that_does_not_load_says_so(new_page: NewPage, watch: Watch) -> None:
    page = new_page()
    page.route("**/calculators/index.js", lambda route: route.abort())
    page.goto(f"{FOLDER}kv-cache/")
    expect(page.locator(".calculator__off")).to_contain_text("did not load")
    watch.problems.clear()


def test_other_pages_do_not_pay_for_the_calculators(new_page: NewPage) -> None:
    page = new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("questions/technical/rate-limiting/")
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked if "calculators" in url]
