"""Calculators: the contract of a specification, how figures are written, and what the form gives to those who cannot see it."""

# ruff: noqa: RUF001 (a minus and a multiplication sign are what the page shows)

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from bs4 import BeautifulSoup, Tag
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from examples.cost_optimization import tokens
from examples.cost_optimization.figures import cost_model, token_calculator
from examples.rate_limiting import calculator as limits
from examples.rate_limiting.figures import limits_calculator
from examples.reference_numbers import memory
from examples.reference_numbers.figures import memory_calculator
from examples.slo_definition import calculator as budget
from examples.slo_definition.figures import budget_calculator
from macros import calculators

DOCS = Path(__file__).parents[2] / "docs"
ALL = {
    one["id"]: one
    for one in (
        budget_calculator(),
        token_calculator(),
        memory_calculator(),
        limits_calculator(),
        cost_model(),
    )
}


def specification(**changes: Any) -> dict[str, Any]:
    field = {"key": "a", "label": "Apples", "unit": "a day", "low": 0, "high": 10, "step": 1, "value": 2}
    return {
        "id": "fruit",
        "key": "fr",
        "title": "Fruit & more",
        "groups": [{"legend": "Bought", "inputs": [{"name": "apples"} | field]}],
        "summary": ["{apples:whole} a day.", [["pears", "{pears:whole} pears."], [None, "No <pears>."]]],
        "steps": [
            {
                "label": "A week",
                "formula": "7 × apples",
                "worked": "7 × {apples:whole}",
                "result": "{week:whole}",
            }
        ],
        "tables": [{"caption": "Days", "head": ("Day", "Eaten"), "rows": [["First", "{days.0:whole|none}"]]}],
        "values": {"pears": None, "week": 14, "days": (None,)},
    } | changes


def built(**changes: Any) -> BeautifulSoup:
    return BeautifulSoup(calculators.html(calculators.load(specification(**changes))), "html.parser")


def test_the_defaults_are_worked_through_without_scripts() -> None:
    page = built()
    form = page.find("form")
    assert isinstance(form, Tag)
    assert form.has_attr("hidden")
    text = page.get_text("|")
    for shown in ("2 a day.", "No <pears>.", "A week", "14", "7 × apples", "7 × 2", "none"):
        assert shown in text
    assert "With JavaScript on" in text


@pytest.mark.parametrize("name", ALL)
def test_every_field_has_a_label_a_unit_and_a_place_for_its_fault(name: str) -> None:
    html = calculators.html(calculators.load(ALL[name]))
    assert "\n" not in html, "Markdown would take a second line for text"
    page = BeautifulSoup(html, "html.parser")
    ids = [str(tag["id"]) for tag in page.find_all(id=True)]
    assert len(set(ids)) == len(ids)
    fields = page.find_all("input")
    assert len(fields) > 5
    for field in fields:
        assert field.has_attr("inputmode") == (float(str(field["data-low"])) >= 0), (
            "a phone shows a minus, or no need"
        )
        assert page.find("label", attrs={"for": field["id"]})
        unit, fault = str(field["aria-describedby"]).split()
        assert page.find(id=unit)
        assert (place := page.find(id=fault))
        assert not place.get_text()
        assert float(str(field["data-low"])) <= float(str(field["value"])) <= float(str(field["max"]))


@pytest.mark.parametrize("name", ALL)
def test_no_calculator_leaves_a_figure_unfilled(name: str) -> None:
    text = BeautifulSoup(calculators.html(calculators.load(ALL[name])), "html.parser").get_text(" ")
    assert "{" not in text
    assert "None" not in text


def test_links_on_pages_bring_what_the_form_takes() -> None:
    """Else the reader of an answer meets the defaults, and a note about an address that nobody typed."""
    found = 0
    for page in DOCS.rglob("*.md"):
        for name, query in re.findall(r"([a-z-]+)\.md\?([^)#`]+)\)", page.read_text(encoding="utf-8")):
            form = calculators.load(ALL[name])
            given = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True))
            assert given.pop(form.key) == str(form.version)
            fields = {one.key: one for one in form.inputs()}
            for key, text in given.items():
                field = fields[key]
                assert field.low <= float(text) <= field.high
                assert float(text) != field.value, f"{page.name}: {key} has its default, which no link needs"
                assert not field.whole or float(text).is_integer()
            found += 1
    assert found == 2


def test_the_calculators_names_in_an_address_are_their_own() -> None:
    keys = [one["key"] for one in ALL.values()]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"id": "Fruit salad"}, "pattern"),
        ({"colour": "red"}, "Extra inputs"),
        ({"presets": [{"name": "Ten", "values": {"pears": 10}}]}, "fills pears, which is no input"),
        ({"key": "fruits"}, "pattern"),
        ({"groups": []}, "at least 1"),
    ],
)
def test_a_faulty_specification_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        calculators.load(specification(**changes))


def test_a_default_outside_its_limits_and_a_name_given_twice_are_refused() -> None:
    field = specification()["groups"][0]["inputs"][0]
    for inputs, told in (
        ([field | {"value": 11}], "the default 11 is outside 0 to 10"),
        ([field, field], "the name apples is given twice"),
        ([field, field | {"name": "pears"}], "the key a is given twice"),
    ):
        with pytest.raises(ValidationError, match=told):
            calculators.load(specification(groups=[{"legend": "Bought", "inputs": inputs}]))


def test_a_sentence_with_a_figure_that_nobody_computes_is_refused() -> None:
    with pytest.raises(KeyError, match="plums"):
        calculators.html(calculators.load(specification(summary=["{plums:whole}"])))


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("number", 0, "0"),
        ("number", 14.4, "14.4"),
        ("number", 1209.6, "1,210"),
        ("number", 0.03249, "0.03249"),
        ("number", 0.00012346, "0.0001235"),
        ("number", 1.2346e-7, "0.0000001235"),
        ("number", 1e-15, "0"),
        ("number", -1234567.5, "-1,234,568"),
        ("number", -1e-15, "0"),
        ("whole", 2.5, "3"),
        ("whole", 1e12, "1,000,000,000,000"),
        ("percent", 0.0045, "0.45%"),
        ("percent", 1 - 0.999, "0.1%"),
        ("dollars", 0.6, "$0.60"),
        ("dollars", 0.0384, "$0.0384"),
        ("dollars", 12.345, "$12.35"),
        ("dollars", 999.994, "$999.99"),
        ("dollars", 1000, "$1,000"),
        ("dollars", 99864.4, "$99,864"),
        ("dollars", -2, "-$2.00"),
        ("dollars", 0, "$0.00"),
        ("gigabytes", 901_120_000, "0.9011 GB"),
        ("duration", 0, "0 s"),
        ("duration", 59.99, "59.99 s"),
        ("duration", 60, "1 min"),
        ("duration", 2592, "43 min 12 s"),
        ("duration", 3599.6, "1 h"),
        ("duration", 86399, "1 d"),
        ("duration", 183_600, "2 d 3 h"),
        ("duration", 86_400 * 5000, "5,000 d"),
    ],
)
def test_figures_are_written_for_people(kind: str, value: float, shown: str) -> None:
    assert calculators.fill(((None, f"{{x:{kind}}}"),), {"x": value}) == shown


UNITS = {"%": 0.01, "s": 1, "min": 60, "h": 3_600, "d": 86_400, "GB": 1e9, "million": 1e6, "billion": 1e9}
UNITS |= {"bytes": 1, "tokens": 1, "times": 1, "a minute": 1 / 60}


def worth(text: str) -> float | None:
    """What an expression in figures comes to, in seconds, bytes, dollars and plain numbers; None where it has other words."""
    units = "|".join(sorted(UNITS, key=len, reverse=True))
    # "3 d 9 h" is one figure, "75/s" one without its unit.
    figure = rf"\$?[\d.]+(?: ?(?:{units})(?!\w))?(?: \d+ (?:min|s|h)\b)*"

    def plain(match: re.Match[str]) -> str:
        parts = re.findall(rf"([\d.]+) ?({units})?(?!\w)", match[0])
        return "(" + "+".join(f"{number}*{UNITS.get(unit, 1)!r}" for number, unit in parts) + ")"

    python = re.sub(figure, plain, re.sub(r"(?<=\d)/s\b", "", text.replace(",", "")))
    for sign, meaning in {"×": "*", "−": "-", "⌈": "ceil(", "⌊": "floor(", "⌉": ")", "⌋": ")"}.items():
        python = python.replace(sign, meaning)
    if not re.search(r"\d", text) or re.search(
        r"[^\W\d_]", re.sub(r"\b(?:ceil|floor)\b|(?<=\d)e[-+]?\d", "", python)
    ):
        return None
    return float(eval(python, {"__builtins__": {}, "ceil": math.ceil, "floor": math.floor}))


@pytest.mark.parametrize("name", ALL)
def test_every_line_comes_to_the_result_beside_it(name: str) -> None:
    """A reader who checks a line by hand, with the figures that it shows, gets what it says."""
    form = calculators.load(ALL[name])
    values = {one.name: one.value for one in form.inputs()} | dict(form.values)
    checked = 0
    for step in form.steps:
        worked, shown = (calculators.fill(text, values) for text in (step.worked, step.result))
        found, wanted = worth(worked), worth(shown)
        if found is not None and wanted is not None:
            assert wanted == pytest.approx(rounded(found, step.formula), rel=4e-3), f"{worked} = {shown}"
            checked += 1
    assert checked >= 5


def rounded(value: float, formula: str) -> float:
    if formula.endswith("rounded down"):
        return math.floor(value)
    return math.ceil(value) if formula.endswith("up to a whole second") else value


RESULTS: dict[str, Callable[..., dict[str, Any]]] = {
    "error-budget": budget.results,
    "cost-per-token": tokens.results,
    "kv-cache": memory.results,
    "rate-limits": limits.results,
}


@pytest.mark.parametrize("name", RESULTS)
@settings(max_examples=25)
@given(data=st.data())
def test_every_line_holds_for_other_figures_too(name: str, data: st.DataObject) -> None:
    """The same to the last digit, with the reader's own figures in the place of the defaults."""
    form = calculators.load(ALL[name])
    given_: dict[str, float] = {}
    for one in form.inputs():
        low, high = max(one.low, one.value / 2), min(one.high, one.value * 2)
        chosen = st.integers(math.ceil(low), math.floor(high)) if one.whole else st.floats(low, high)
        given_[one.name] = data.draw(chosen, label=one.name)
    assume(name != "rate-limits" or not limits.contradictions(given_))
    values = given_ | RESULTS[name](**given_)

    def chosen_of(text: calculators.Text) -> str:
        return next(words for when, words in text if when is None or values[when] is not None)

    def exactly(template: str) -> str:
        return re.sub(
            r"\{(\w+):(\w+)[^}]*\}",
            lambda match: f"{Decimal(values[match[1]]):f}" + " s" * (match[2] == "duration"),
            template,
        )

    checked = 0
    for step in form.steps:
        left, right = chosen_of(step.worked), chosen_of(step.result)
        found, wanted = worth(exactly(left)), worth(exactly(right))
        if found is not None and wanted is not None:
            value = rounded(found, step.formula)
            # Elsewhere a count is of what fits whole.
            lost = 1 if ":whole" in right and value == found else 0
            assert wanted == pytest.approx(value, rel=1e-6, abs=lost), step.label
            checked += 1
    assert checked >= 4


def test_presets_fill_the_fields_that_they_name() -> None:
    page = built(presets=[{"name": "Ten & more", "values": {"apples": 10}}], presets_label="Fill in")
    select = page.select_one("select")
    assert select
    label = page.find("label", attrs={"for": select["id"]})
    assert label
    assert label.get_text() == "Fill in"
    own, ten = select.find_all("option")
    assert (own["value"], own.get_text()) == ("", "Your own figures")
    assert (json.loads(str(ten["data-values"])), ten.get_text()) == ({"apples": 10}, "Ten & more")
    assert not built().select("select")


def test_a_field_tells_a_phone_and_the_script_what_it_takes() -> None:
    field = specification()["groups"][0]["inputs"][0]
    kinds = {"whole": field | {"whole": True}, "part": field, "debt": field | {"low": -5}}
    for name, changed in kinds.items():
        shown = built(groups=[{"legend": "Bought", "inputs": [changed]}]).find("input")
        assert isinstance(shown, Tag)
        assert shown.has_attr("data-whole") == (name == "whole")
        assert shown.get("inputmode") == {"whole": "numeric", "part": "decimal"}.get(name)


def test_what_the_reader_came_for_stands_first() -> None:
    for tables_first, order in ((False, ["ol", "table"]), (True, ["table", "ol"])):
        assert [tag.name for tag in built(tables_first=tables_first).find_all(["ol", "table"])] == order
