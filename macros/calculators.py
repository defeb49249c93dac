"""A calculator's specification becomes a form and its worked example.

A figures module returns the specification as a mapping, as it does for a chart. Everything that the page's script needs to
know (limits, defaults, names in the address, every sentence) stands in the markup, so that nothing is said twice: the script
has the arithmetic and the five ways to write a figure, and the tests hold both to what is here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from html import escape
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

Value = float | int | None
"""What a calculator computes. None is written as the words that its sentence keeps for it, "never" for one."""

_ID = r"^[a-z][a-z0-9-]*$"
_NAME = r"^[a-z][a-z0-9_]*$"
_PLACE = re.compile(r"\{([a-z][a-z0-9_.]*):([a-z]+)(?:\|([^}]*))?\}")

Text = Annotated[tuple[tuple[str | None, str], ...], Field(min_length=1)]
"""Templates, each with the name of a value: the first whose value is there is used; the last needs none."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Input(_Part):
    """One field. `key` is its name in the page's address, `name` the one that the arithmetic knows it by."""

    name: Annotated[str, Field(pattern=_NAME)]
    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*$")]
    label: str
    unit: str
    low: float
    high: float
    step: float
    value: float
    whole: bool = False

    @model_validator(mode="after")
    def _inside(self) -> Input:
        if not self.low <= self.value <= self.high:
            raise ValueError(
                f"{self.name}: the default {self.value:g} is outside {self.low:g} to {self.high:g}"
            )
        return self


class Group(_Part):
    legend: str
    inputs: Annotated[tuple[Input, ...], Field(min_length=1)]


class Preset(_Part):
    """Published figures that fill several fields at once."""

    name: str
    values: Mapping[str, float]


class Step(_Part):
    """One line of the calculation: what it gives, the formula in words, the same with figures, the result."""

    label: str
    formula: str
    worked: Text
    result: Text


class Table(_Part):
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]


class Calculator(_Part):
    """The whole of one. `key` in the address says, with `version`, that the other names there are this form's."""

    id: Annotated[str, Field(pattern=_ID)]
    key: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
    version: int = 1
    title: str
    groups: Annotated[tuple[Group, ...], Field(min_length=1)]
    presets_label: str = ""
    presets: tuple[Preset, ...] = ()
    summary: tuple[Text, ...]
    steps: tuple[Step, ...] = ()
    tables: tuple[Table, ...] = ()
    tables_first: bool = False
    """Whether the tables are what the reader came for, and the steps what explains them."""
    values: Mapping[str, Value | tuple[Value, ...]]
    """What the arithmetic gives for the defaults."""

    @model_validator(mode="after")
    def _names(self) -> Calculator:
        inputs = [each for group in self.groups for each in group.inputs]
        for kind, names in (
            ("name", [i.name for i in inputs]),
            ("key", [self.key, *(i.key for i in inputs)]),
        ):
            if twice := {one for one in names if names.count(one) > 1}:
                raise ValueError(f"the {kind} {', '.join(sorted(twice))} is given twice")
        if strange := {name for preset in self.presets for name in preset.values} - {i.name for i in inputs}:
            raise ValueError(f"a preset fills {', '.join(sorted(strange))}, which is no input")
        return self

    def inputs(self) -> tuple[Input, ...]:
        """All fields in the order of the form."""
        return tuple(each for group in self.groups for each in group.inputs)

    def texts(self) -> list[Text]:
        """Every sentence that follows the figures, in the order of the page."""
        return [
            *self.summary,
            *(text for step in self.steps for text in (step.worked, step.result)),
            *(cell for table in self.tables for row in table.rows for cell in row),
        ]


def load(specification: Mapping[str, Any]) -> Calculator:
    """The specification, checked. A text may be given as one string. Raises pydantic's ValidationError."""
    return Calculator.model_validate(_spelled_out(specification))


def _spelled_out(part: Any, name: str = "") -> Any:
    """Write each text that is one string as the list of one variant that it stands for."""
    if isinstance(part, Mapping):
        return {key: _spelled_out(value, key) for key, value in part.items()}
    if name in ("worked", "result", "text"):
        return ((None, part),) if isinstance(part, str) else part
    if name == "summary":
        return [_spelled_out(text, "text") for text in part]
    if name == "rows":
        return [[_spelled_out(cell, "text") for cell in row] for row in part]
    if name in ("groups", "inputs", "steps", "tables", "presets"):
        return [_spelled_out(one) for one in part]
    return part


# How a figure is written. The script has the same functions; a test holds them equal.


def number(value: float) -> str:
    """Four digits that matter, thousands apart, no zeros at the end: 1,210 and 14.4 and 0.0325."""
    size = abs(value)
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 3
    limit = 1.0
    while size < limit and digits < 10:
        digits += 1
        limit /= 10
    return _trimmed(_fixed(value, digits))


def _fixed(value: float, digits: int) -> str:
    """As JavaScript's toFixed: by the exact value of the double, a tie away from zero; with thousands apart."""
    text = f"{Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):,f}"
    return text.removeprefix("-") if not re.search("[1-9]", text) else text


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _dollars(value: float) -> str:
    size = abs(value)
    sign = "-" if value < 0 else ""
    if size >= 1000:
        return f"{sign}${_fixed(size, 0)}"
    if size >= 1 or size == 0:
        return f"{sign}${_fixed(size, 2)}"
    whole, _, cents = number(size).partition(".")
    return f"{sign}${whole}.{cents.ljust(2, '0')}"


def _gigabytes(value: float) -> str:
    return f"{number(value / 1e9)} GB"


_UNITS = (
    (3_600, 60, 1, "min", "s"),
    (86_400, 3_600, 60, "h", "min"),
    (float("inf"), 86_400, 3_600, "d", "h"),
)
"""Below how many seconds a duration is written in which two units."""


def duration(seconds: float) -> str:
    """In the two largest units that say something: 43 min 12 s, 2 d 2 h."""
    if seconds < 60:
        return f"{number(seconds)} s"
    for limit, large, small, first, second in _UNITS:
        count = int(seconds / small + 0.5)
        if count * small < limit:
            whole, rest = divmod(count, large // small)
            return f"{whole:,} {first} {rest} {second}" if rest else f"{whole:,} {first}"
    raise ValueError(f"{seconds} is no duration")


KINDS = {
    "number": number,
    "whole": lambda value: _fixed(value, 0),
    "percent": lambda value: f"{number(value * 100)}%",
    "dollars": _dollars,
    "gigabytes": _gigabytes,
    "duration": duration,
}
"""How a figure is written, by the word after its name in a template."""


def fill(text: Text, values: Mapping[str, Any]) -> str:
    """The first variant whose value is there, with its figures. Raises KeyError for a figure that does not exist."""
    template = next(words for when, words in text if when is None or values[when] is not None)

    def figure(match: re.Match[str]) -> str:
        name, kind, otherwise = match.groups()
        head, _, index = name.partition(".")
        value = values[head][int(index)] if index else values[head]
        return KINDS[kind](value) if value is not None else otherwise or ""

    return _PLACE.sub(figure, template)


def html(calculator: Calculator) -> str:
    """The section: a form that waits for its script, and the defaults worked through."""
    values = {each.name: each.value for each in calculator.inputs()} | dict(calculator.values)

    def shown(tag: str, text: Text, attribute: str = "") -> str:
        follows = len(text) > 1 or _PLACE.search(text[0][1])
        template = escape(json.dumps(text, ensure_ascii=False, separators=(",", ":")))
        attributes = f" {attribute}" * bool(attribute) + f' data-text="{template}"' * bool(follows)
        return f"<{tag}{attributes}>{escape(fill(text, values))}</{tag}>"

    fieldsets = "".join(
        f"<fieldset><legend>{escape(group.legend)}</legend>"
        f"{''.join(_field(calculator.id, one) for one in group.inputs)}</fieldset>"
        for group in calculator.groups
    )
    # Spaces between the parts, for whoever has them without the sheet: a copy, a reading view.
    steps = "".join(
        f'<li><span class="calculator__label">{escape(step.label)}</span> '
        + shown("strong", step.result, 'class="calculator__result"')
        + f' <span class="calculator__formula">{escape(step.formula)}</span> '
        + shown("span", step.worked, 'class="calculator__worked"')
        + "</li>"
        for step in calculator.steps
    )
    tables = "".join(
        f'<table class="calculator__table"><caption>{escape(table.caption)}</caption><thead><tr>'
        + "".join(f'<th scope="col">{escape(name)}</th>' for name in table.head)
        + "</tr></thead><tbody>"
        + "".join(
            "<tr>"
            + shown("th", row[0], 'scope="row"')
            + "".join(shown("td", cell) for cell in row[1:])
            + "</tr>"
            for row in table.rows
        )
        + "</tbody></table>"
        for table in calculator.tables
    )
    results = [f'<ol class="calculator__steps">{steps}</ol>', tables]
    if calculator.tables_first:
        results.reverse()
    summary = " ".join(shown("span", text) for text in calculator.summary)
    return (
        f'<section class="calculator" id="{calculator.id}" aria-label="{escape(calculator.title)}"'
        f' data-model="{calculator.id}" data-key="{calculator.key}" data-version="{calculator.version}"'
        " data-search-exclude>"
        '<p class="calculator__off">A worked example. With JavaScript on you can change its figures here.</p>'
        f'<form class="calculator__form" hidden novalidate autocomplete="off">{_presets(calculator)}{fieldsets}'
        '<p class="calculator__buttons"><button type="button" class="tool" data-do="copy">Copy link to these figures</button>'
        '<button type="reset" class="tool">Reset</button></p></form>'
        '<div class="calculator__notes" role="status"></div>'
        f'<p class="calculator__sum">{summary}</p>{"".join(results)}'
        "</section>"
    )


def _presets(calculator: Calculator) -> str:
    if not calculator.presets:
        return ""
    name = f"{calculator.id}-preset"
    options = "".join(
        f'<option data-values="{escape(json.dumps(dict(preset.values), separators=(",", ":")))}">{escape(preset.name)}</option>'
        for preset in calculator.presets
    )
    return (
        f'<div class="calculator__field calculator__preset"><label for="{name}">{escape(calculator.presets_label)}</label>'
        f'<select id="{name}"><option value="">Your own figures</option>{options}</select></div>'
    )


def _field(form: str, field: Input) -> str:
    name = f"{form}-{field.key}"
    whole = " data-whole" if field.whole else ""
    # The keys that this asks a phone for lack a minus.
    keys = "" if field.low < 0 else ' inputmode="numeric"' if field.whole else ' inputmode="decimal"'
    # No `min`: a browser's steps would count from there, and lead from 2.85 to 2.86 in steps of 0.05.
    return (
        f'<div class="calculator__field"><label for="{name}">{escape(field.label)}</label>'
        f'<input id="{name}" name="{field.key}" data-input="{field.name}"{whole} type="number"{keys} required'
        f' data-low="{_plain(field.low)}" max="{_plain(field.high)}" step="{_plain(field.step)}" value="{_plain(field.value)}"'
        f' aria-describedby="{name}-unit {name}-fault"><span id="{name}-unit">{escape(field.unit)}</span>'
        f'<span id="{name}-fault" class="calculator__fault"></span></div>'
    )


def _plain(value: float) -> str:
    """Without an exponent, which the fields do not take."""
    return _trimmed(f"{Decimal(repr(value)):f}")
