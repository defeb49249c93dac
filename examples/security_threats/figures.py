"""Every table, diagram and number of the page, from the threat model, the corpus and the setting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from examples.security_threats import corpus, numbers, threats
from examples.security_threats.corpus import Case, Result
from examples.security_threats.threats import Area, Threat

X = "\N{MULTIPLICATION SIGN}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    rule = ["---:" if column in right else "---" for column in range(len(head))]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in [head, rule, *rows]
    )


def _thousands(usd: float) -> str:
    return f"{usd / 1_000:,.0f}"


def _ranked() -> list[Threat]:
    return sorted(threats.model().threats, key=threats.risk, reverse=True)


def _built() -> list[str]:
    return [control.id for control, _ in threats.plan(threats.model())]


# The threat model


def threat_table() -> str:
    """Return the threats by risk, with what is left after the quarter."""
    built = _built()
    rows = [
        (
            f"{threat.id}. {threat.title}. *{threat.attacker}*",
            ", ".join((*threat.owasp, *threat.agentic)) or "none",
            f"{_thousands(threats.risk(threat))} → {_thousands(threats.risk(threat, built))}",
        )
        for threat in _ranked()
    ]
    return _table(("Threat, *attacker*", "OWASP", "$1,000 a year, before → after"), rows, right=(2,))


def register() -> str:
    """Return every record in full, by area: what each number rests on, what is built, what is left."""
    model = threats.model()
    built = _built()
    rows = []
    for threat in sorted(model.threats, key=lambda threat: get_args(Area).index(threat.area)):
        controls = (
            f"{model.control(id).title} ({left:.0%} left{'' if id in built else ', not this quarter'})"
            for id, left in threat.controls.items()
        )
        rows.append(
            (
                f"{threat.id}, {threat.area}. {threat.title}",
                f"{threat.asset}; {_lower(threat.entry)}",
                f"{threat.per_year.value:g} a year: {_lower(threat.per_year.reason)}. "
                f"${threat.loss_usd.value:,.0f} each: {_lower(threat.loss_usd.reason)}",
                "; ".join(controls),
                f"{threat.residual}. *{threat.accepted_by}*",
            )
        )
    return _table(
        (
            "Threat",
            "Asset; entry point",
            "Likelihood and impact, why",
            "Controls",
            "What is left, *accepted by*",
        ),
        rows,
    )


def _lower(text: str) -> str:
    """Begin a text in lower case, unless its first word is an abbreviation or a name such as T1."""
    first = text.split()[0]
    return text if len(first) > 1 and first.rstrip(",").isupper() else text[0].lower() + text[1:]


def residual_table(count: int = 8) -> str:
    """Return what is left of the threats that leave most."""
    built = _built()
    left = sorted(threats.model().threats, key=lambda threat: threats.risk(threat, built), reverse=True)
    rows = [
        (threat.id, threat.residual, threat.accepted_by, _thousands(threats.risk(threat, built)))
        for threat in left[:count]
    ]
    return _table(("Threat", "Residual risk", "Accepted by", "$1,000 a year"), rows, right=(3,))


def work_table() -> str:
    """Return the controls in order of work, and how firm their place is."""
    model = threats.model()
    firm = threats.stability(model)
    rows = []
    for number, (control, off) in enumerate(threats.plan(model), 1):
        rows.append(
            (f"{number}. {control.title}", f"{control.weeks:g}", _thousands(off), f"{firm[control.id]:.0%}")
        )
    return _table(("Control", "Weeks", "Takes off, $1,000 a year", "Firm"), rows, right=(1, 2, 3))


def not_built() -> str:
    """Return what the quarter leaves out, in words."""
    built = _built()
    return "; ".join(
        f"{control.title[0].lower()}{control.title[1:]} ({control.weeks:g} weeks)"
        for control in threats.model().controls
        if control.id not in built and not control.refused
    )


def risk_before() -> str:
    return f"{threats.total(threats.model()) / 1e6:.1f}"


def risk_after() -> str:
    return f"{threats.total(threats.model(), _built()) / 1e6:.1f}"


def first_weeks(controls: int) -> str:
    """Return the engineer-weeks of the first controls of the plan."""
    return f"{sum(control.weeks for control, _ in threats.plan(threats.model())[:controls]):g}"


def first_share(controls: int) -> str:
    """Return the part of the year's risk that the first controls take off, in percent."""
    order = threats.plan(threats.model())
    return f"{100 * sum(off for _, off in order[:controls]) / threats.total(threats.model()):.0f}"


def risk_chart() -> dict[str, Any]:
    """Return the curve of risk left over engineer-weeks spent."""
    model = threats.model()
    left = threats.total(model)
    rows: list[dict[str, Any]] = [{"weeks": 0, "left": left / 1e6, "control": "nothing yet"}]
    weeks = 0.0
    for control, off in threats.plan(model):
        weeks += control.weeks
        left -= off
        rows.append({"weeks": weeks, "left": round(left / 1e6, 2), "control": control.title})
    return {
        "title": f"The first {first_weeks(7)} engineer-weeks take off {first_share(7)}% of the estimated risk",
        "description": (
            f"Estimated risk in million dollars a year against engineer-weeks spent in the order of the plan. It falls "
            f"from {risk_before()} at zero weeks to {risk_after()} at {weeks:g} weeks, steeply at first."
        ),
        "data": {"values": rows},
        "usermeta": {
            "columns": {"weeks": "Engineer-weeks", "left": "Risk left, $ million a year", "control": "Built"}
        },
        "mark": {"type": "line", "point": True, "interpolate": "step-after"},
        "encoding": {
            "x": {"field": "weeks", "type": "quantitative", "title": "Engineer-weeks spent"},
            "y": {"field": "left", "type": "quantitative", "title": "Risk left, $ million a year"},
        },
    }


def data_flow_diagram() -> str:
    """Return the diagram of components, trust boundaries and threats as a Mermaid fence."""
    model = threats.model()
    lines = [
        "```mermaid",
        "flowchart TD",
        "    accTitle: Data flows, trust boundaries and where each threat is met",
        "    accDescr: " + _described(),
    ]
    for boundary in model.boundaries:
        lines.append(f'    subgraph {boundary.id}_b["{boundary.title}"]')
        for component in boundary.components:
            at = [threat.id for threat in model.threats if threat.at == component.id]
            rows = [", ".join(at[start : start + 2]) for start in range(0, len(at), 2)]
            label = "<br>".join([component.title, *rows])
            lines.append(f'        {component.id}["{label}"]')
        lines.append("    end")
    for flow in model.flows:
        arrow = f'-->|"{flow.label}"|' if flow.label else "-->"
        lines.append(f"    {flow.source} {arrow} {flow.to}")
    return "\n".join([*lines, "```"])


def _described() -> str:
    model = threats.model()
    parts = []
    for boundary in model.boundaries:
        inside = [
            f"{component.title.replace('<br>', ' ')} with "
            + (", ".join(t.id for t in model.threats if t.at == component.id) or "no threat")
            for component in boundary.components
        ]
        parts.append(f"{boundary.title} holds {'; '.join(inside)}")
    flows = ", ".join(f"{flow.source} to {flow.to}" for flow in model.flows)
    return ". ".join(parts) + f". Flows: {flows}."


# The corpus


def _rows(*names: str) -> list[tuple[Case, Result]]:
    return [row for name in names for row in corpus.results(name)]


def attack_table() -> str:
    """Return what the gate does with the attacks, by family; the held-out ones also in their first run."""
    rows = _rows("attacks", "attacks_held_out")
    families = list(dict.fromkeys(case.family for case, _ in rows))
    lines = []
    for family in families:
        mine = [row for row in rows if row[0].family == family]
        lines.append(_attack_row(family[0].upper() + family[1:], mine))
    lines.append(_attack_row("All written with the gate", _rows("attacks")))
    held = _rows("attacks_held_out")
    lines.append(_attack_row("All held out, now", held))
    lines.append(
        _attack_row("All held out, first run", [(case, case.first or result) for case, result in held])
    )
    return _table(("Attacks", "Cases", "Stopped", "Asked", "Passed"), lines, right=(1, 2, 3, 4))


def _attack_row(name: str, rows: Sequence[tuple[Case, Result]]) -> tuple[str, ...]:
    got = corpus.counts(rows)
    stopped = got[Result.BLOCKED] + got[Result.CHANGED]
    return name, str(len(rows)), str(stopped), str(got[Result.ASKED]), str(got[Result.ALLOWED])


def honest_table() -> str:
    """Return what the gate does with the honest requests, by family."""
    rows = _rows("honest", "honest_held_out")
    families = list(dict.fromkeys(case.family for case, _ in rows))
    lines = []
    for name, mine in [
        *(
            (family[0].upper() + family[1:], [row for row in rows if row[0].family == family])
            for family in families
        ),
        ("All written with the gate", _rows("honest")),
        ("All held out", _rows("honest_held_out")),
    ]:
        got = corpus.counts(mine)
        lines.append(
            (
                name,
                str(len(mine)),
                str(got[Result.ALLOWED]),
                str(got[Result.ASKED]),
                str(got[Result.CHANGED]),
                str(got[Result.BLOCKED]),
            )
        )
    return _table(
        ("Honest requests", "Cases", "Passed", "Asked", "Link or tag lost", "Stopped"),
        lines,
        right=(1, 2, 3, 4, 5),
    )


def miss_list() -> str:
    """Return why each attack that passes does so, as a sentence of parts."""
    reasons = dict.fromkeys(case.miss for case, _ in _rows("attacks", "attacks_held_out") if case.miss)
    return "; ".join(str(reason) for reason in reasons)


def attacks(held_out: bool | None = None) -> int:
    """Return how many attacks there are: all, held out, or written with the gate."""
    names = {None: ("attacks", "attacks_held_out"), True: ("attacks_held_out",), False: ("attacks",)}[
        held_out
    ]
    return len(_rows(*names))


def passed(held_out: bool | None = None) -> int:
    """Return how many attacks pass."""
    names = {None: ("attacks", "attacks_held_out"), True: ("attacks_held_out",), False: ("attacks",)}[
        held_out
    ]
    return corpus.counts(_rows(*names))[Result.ALLOWED]


def first_passed() -> int:
    """Return how many held-out attacks passed in their first run, those included that no gate can see."""
    return sum((case.first or result) is Result.ALLOWED for case, result in _rows("attacks_held_out"))


def first_interval() -> str:
    """Return the 95% interval of that rate, in percent."""
    low, high = numbers.wilson(first_passed(), attacks(held_out=True))
    return f"{100 * low:.0f} to {100 * high:.0f}"


def honest_cases(held_out: bool | None = None) -> int:
    names = {None: ("honest", "honest_held_out"), True: ("honest_held_out",), False: ("honest",)}[held_out]
    return len(_rows(*names))


def clean_needed() -> int:
    return numbers.clean_needed()


# The attacker's units


def capacity_table() -> str:
    """Return who may ask for how much of the fleet's prefill."""
    fleet, peak = numbers.fleet_prefill(), numbers.peak_prefill()
    free = numbers.key_prefill()
    rows = [
        ("Fleet", f"16 {X} 12,000", f"{fleet:,}", "100%"),
        ("Peak traffic, all cold", f"60 {X} 2,000", f"{peak:,}", f"{peak / fleet:.1%}"),
        ("Headroom at peak", "the difference", f"{fleet - peak:,}", f"{(fleet - peak) / fleet:.1%}"),
        ("One free key", f"60 {X} 128,000 / 60 s", f"{free:,.0f}", f"{free / fleet:.1%}"),
    ]
    paid = numbers.key_prefill(numbers.PAID_REQUESTS_PER_MIN)
    rows.append(("One paid key", f"600 {X} 128,000 / 60 s", f"{paid:,.0f}", f"{paid / fleet:.0%}"))
    return _table(("Who", "Calculation", "Input tokens/s", "Of the fleet"), rows, right=(2, 3))


def free_key_share() -> str:
    return f"{numbers.key_prefill() / numbers.fleet_prefill():.0%}"


def free_key_usd_a_day() -> str:
    """Return the list price of what one free key may prefill in a day."""
    return f"{numbers.usd(numbers.key_prefill() * 86_400, 0):,.0f}"


def longest_prompt_s() -> str:
    """Return the seconds for which the longest prompt takes one replica's prefill."""
    return f"{numbers.LONGEST_TOKENS / numbers.PREFILL_PER_REPLICA:.1f}"


def longest_prompt_gb() -> str:
    """Return the gigabytes of KV cache of the longest prompt."""
    return f"{numbers.LONGEST_TOKENS * numbers.kv_bytes_per_token() / 1e9:.0f}"


def all_free_keys(tokens_per_min: int) -> str:
    """Return how many fleets all free keys together may claim at a token limit each."""
    return f"{numbers.FREE_ACCOUNTS * tokens_per_min / 60 / numbers.fleet_prefill():.0f}"


def free_key_limited(tokens_per_min: int) -> str:
    """Return the part of the fleet that one key may claim at a token limit, in percent."""
    return f"{100 * tokens_per_min / 60 / numbers.fleet_prefill():.2f}"


def copy_usd() -> str:
    return f"{numbers.copy_usd():,.0f}"


def copy_ratio() -> str:
    return f"{numbers.MODEL_USD / numbers.copy_usd():,.0f}"


def copy_days(requests_per_min: int, keys: int = 1) -> str:
    return f"{numbers.copy_days(requests_per_min, keys):.1f}"


def copy_hours(requests_per_min: int, keys: int = 1) -> str:
    return f"{24 * numbers.copy_days(requests_per_min, keys):.1f}"


def copy_days_by_tokens(tokens_per_min: int, keys: int = 1) -> str:
    return f"{numbers.copy_days_by_tokens(tokens_per_min, keys):.1f}"


def copy_share() -> str:
    """Return the tokens of the pairs as a part of 30 days' traffic, in percent."""
    return f"{100 * numbers.copy_share():.1f}"


def agent_requests() -> int:
    return round(numbers.detector().requests)


def hostile() -> int:
    return round(numbers.detector().requests * numbers.HOSTILE_SHARE)


def missed(hostile_share: float = numbers.HOSTILE_SHARE) -> str:
    return f"{numbers.detector(hostile_share).missed:,.1f}".removesuffix(".0")


def honest_stopped() -> int:
    return round(numbers.detector().honest_stopped)


def friction_budget() -> int:
    """Return the honest agent requests a day that may be stopped."""
    day = numbers.detector()
    return round(day.requests * (1 - day.hostile_share) * numbers.FRICTION)


def precision() -> str:
    return f"{100 * numbers.detector().precision:.1f}"


def tries(chance: float) -> int:
    return numbers.tries_for(chance)


def two_filters_stop() -> str:
    """Return the percent of honest requests that one of two such filters stops, if they err apart."""
    return f"{100 * (1 - (1 - numbers.FALSE_POSITIVES) ** 2):.2f}"


def claim_interval(n: int) -> str:
    """Return the 95% interval, in percent, of a recall of 95% seen on n attacks."""
    low, high = numbers.wilson(round(numbers.RECALL * n), n)
    return f"{100 * low:.1f} to {100 * high:.1f}"


def probe_ms(tokens: int = numbers.PREFIX_TOKENS) -> str:
    return f"{numbers.probe_gap_ms(tokens):,.1f}".removesuffix(".0")


def salted_all_gb(tokens: int, tenants: int) -> str:
    return f"{tenants * tokens * numbers.kv_bytes_per_token() / 1e9:,.0f}"


def logged_prompts_millions() -> str:
    return f"{numbers.requests_per_day() * numbers.LOG_DAYS / 1e6:.1f}"
