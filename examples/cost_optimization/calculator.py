"""The cost model as a form. Without scripts the page shows the results of the defaults and no form.

Everything that the script needs to know (limits, defaults, names in the address) stands in attributes of the fields,
and every sentence that it fills in stands in the markup, so that nothing is said twice.
"""

from __future__ import annotations

from html import escape

from examples.cost_optimization.inputs import DEFAULTS, SPECS, Inputs, Spec
from examples.cost_optimization.model import HORIZON, STEPS, results

STATE = "cm"
"""Key in the page's address that says that the others are this form's, with the version of their meaning."""
VERSION = "1"


def dollars(value: float, cents: bool = False) -> str:
    """Return an amount as the page and the script write it."""
    return f"${value:,.2f}" if cents else f"${half_up(value):,}"


def half_up(value: float) -> int:
    """Round as JavaScript's Math.round does."""
    return int(value + 0.5)


def rows(inputs: Inputs) -> list[tuple[str, str, str, str]]:
    """Return one row a step: name, GPUs busy at the peak, nodes, bill."""
    found = results(inputs)
    gpus, nodes, bills = found["gpus"], found["nodes"], found["bills"]
    assert isinstance(gpus, list)
    assert isinstance(nodes, list)
    assert isinstance(bills, list)
    return [
        (name, f"{g:,}", f"{n:,}", dollars(b))
        for name, g, n, b in zip(STEPS, gpus, nodes, bills, strict=True)
    ]


def facts(inputs: Inputs) -> dict[str, str]:
    """Return the figures below the table, by the name that the script fills them in under."""
    found = results(inputs)

    def number(name: str) -> float:
        value = found[name]
        assert isinstance(value, int | float)
        return value

    def month(name: str) -> str:
        return f"month {found[name]}" if found[name] is not None else f"not within {HORIZON} months"

    return {
        "saved": f"{number('saved'):.1f}%",
        "utilization": f"{number('utilization'):.1f}%",
        "unit_before": dollars(number("unit_before"), cents=True),
        "unit_after": dollars(number("unit_after"), cents=True),
        "next_node": month("next_node"),
        "eaten": month("eaten"),
        "break_even": f"{number('break_even'):.1f}%",
    }


def summary(inputs: Inputs) -> str:
    """Return the result as the sentence that is read out whenever it changes."""
    first, last = rows(inputs)[0], rows(inputs)[-1]
    return f"From {first[3]} to {last[3]} a month: {facts(inputs)['saved']} saved, {last[2]} nodes."


LABELS = {
    "saved": "Saved of today's bill, all steps",
    "utilization": "Today's mean load, of what the fleet can carry",
    "unit_before": "Today, for 1,000 requests",
    "unit_after": "After all steps, for 1,000 requests",
    "next_node": "Growth makes the new bill rise in",
    "eaten": "Growth brings it above today's bill in",
    "break_even": "A committed node pays if it is needed for this share of the year",
}


def html(inputs: Inputs | None = None) -> str:
    """Return the section. Its id is what a copied link ends in."""
    inputs = inputs or Inputs()
    groups: dict[str, list[str]] = {}
    for name, spec in SPECS.items():
        groups.setdefault(spec.group, []).append(_field(name, spec))
    fieldsets = "".join(
        f"<fieldset><legend>{escape(group)}</legend>{''.join(fields)}</fieldset>"
        for group, fields in groups.items()
    )
    body = "".join(
        f'<tr data-step="{i}"><th scope="row">{escape(name)}</th>'
        f'<td data-out="gpus">{gpus}</td><td data-out="nodes">{nodes}</td><td data-out="bills">{bill}</td></tr>'
        for i, (name, gpus, nodes, bill) in enumerate(rows(inputs))
    )
    terms = "".join(
        f'<div><dt>{escape(LABELS[name])}</dt><dd data-fact="{name}">{escape(value)}</dd></div>'
        for name, value in facts(inputs).items()
    )
    return (
        f'<section class="cost-model" id="cost-model" aria-labelledby="cost-model-title"'
        f' data-key="{STATE}" data-version="{VERSION}" data-search-exclude>'
        '<h4 id="cost-model-title">The cost model, with your figures</h4>'
        '<p class="cost-model__off">These are the results for the question\'s figures. '
        "With JavaScript on you can change them here.</p>"
        '<form class="cost-model__form" hidden novalidate autocomplete="off">'
        f'{fieldsets}<p class="cost-model__buttons">'
        '<button type="button" class="tool" data-do="copy">Copy link to these figures</button>'
        '<button type="reset" class="tool">Reset</button></p></form>'
        '<div class="cost-model__notes" role="status"></div>'
        f'<p><output class="cost-model__sum">{escape(summary(inputs))}</output></p>'
        '<div class="cost-model__results">'
        '<table class="cost-model__steps"><caption>Each step on what the steps before it left</caption>'
        '<thead><tr><th scope="col">After</th><th scope="col">GPUs needed at peak</th>'
        f'<th scope="col">Nodes bought</th><th scope="col">Bill a month</th></tr></thead><tbody>{body}</tbody></table>'
        f'<dl class="cost-model__facts">{terms}</dl></div>'
        "</section>"
    )


def _field(name: str, spec: Spec) -> str:
    field = f"cost-model-{spec.key}"
    whole = " data-whole" if isinstance(DEFAULTS[name], int) else ""
    return (
        f'<div class="cost-model__field"><label for="{field}">{escape(spec.label)}</label>'
        f'<input id="{field}" name="{spec.key}" data-input="{name}"{whole} type="number" inputmode="decimal" required'
        f' min="{spec.low:g}" max="{spec.high:g}" step="{spec.step:g}" value="{DEFAULTS[name]:g}"'
        f' aria-describedby="{field}-unit"><span id="{field}-unit">{escape(spec.unit)}</span></div>'
    )
