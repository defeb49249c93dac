"""Every number, chart and table on the page, computed from the question's figures and the assumptions named here."""

# ruff: noqa: RUF001 (a minus and a multiplication sign are what the page shows)

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from examples.cost_optimization import calculator as form
from examples.cost_optimization import gate
from examples.cost_optimization import tokens as per_token
from examples.cost_optimization.inputs import SPECS, Inputs
from examples.cost_optimization.model import (
    HOURS,
    SECONDS,
    STEPS,
    Fleet,
    Plan,
    fleet,
    grown,
    months_until,
    nodes_for,
    per_million_tokens,
    waterfall,
)
from examples.cost_optimization.traffic import WEEK, WEEKDAY, longest_wait

# The question's figures that the model does not take
INPUT_TOKENS = 2_400
OUTPUT_TOKENS = 350
PREFIX_TOKENS = 1_200
PREFIX_REQUESTS = 0.60
EXACT_REPEATS = 0.04
SPOT_PRICE = 1.40
RECLAIM_HOURS = 8
COLD_START_MIN = 9
ENGINEERS = 2
ENGINEER_MONTH = 20_000
PROJECT_MONTHS = 3
PROJECT_WEEKS = 13
PASS_RATE = 0.860
PROMPTS = 2_000
FP8_LOSS = 0.004
SMALL_LOSS = 0.006
MARGIN = 0.01

# Assumptions of the answer
PREFILL_SHARE = 0.5
"""Share of a replica's time that goes to prompts. To be measured; half is for illustration."""
KV_BYTES = 327_680
"""Bytes of KV cache per token in BF16: 80 layers, 8 key-value heads of 128, keys and values."""
GRADE = 0.05
"""Dollars of one grade by a model."""
CHECKED = 0.05
"""Share of the grades that people check."""
CHECK = 2.0
"""Dollars of one such check."""
GATE_RUNS = 3
"""FP8, both steps together, and one repeat with fresh prompts."""
STEP_WEEKS = (5, 6, 12)
"""Engineer-weeks of deferral, FP8 and the 8B, estimated; the page's table of levers has them."""
LANDS = {"Defer offline jobs": 1, "FP8, two GPUs": 2, "Route to the 8B": 3}
"""Months of work after which each step is in production."""

SETTING = Inputs()
FINAL = STEPS["Commit the base"]
SENSITIVE = ("peak", "mean", "offline", "routable", "fp8_rate", "small_rate", "price", "commit_price")
"""Inputs that the sensitivity table changes."""
BEFORE = fleet(SETTING, Plan())
AFTER = fleet(SETTING, FINAL)


def money(value: float) -> str:
    """Return whole dollars."""
    return form.dollars(value)


def cost_model() -> dict[str, Any]:
    """Return the calculator of the fleet's cost."""
    return form.specification()


def token_calculator() -> dict[str, Any]:
    """Return the calculator of token prices."""
    return per_token.specification()


# Taking the bill apart


def node_month(price: float = SETTING.price) -> str:
    """Return dollars a month for one node."""
    return money(SETTING.node_gpus * price * HOURS)


def gpu_hours() -> int:
    """Return the GPU-hours of a month."""
    return BEFORE.nodes * SETTING.node_gpus * HOURS


def split_table() -> str:
    """Return where today's GPU-hours go."""
    per_replica = SETTING.bf16_gpus / SETTING.bf16_rate
    mean, peak = SETTING.mean * per_replica, SETTING.peak * per_replica
    total = BEFORE.nodes * SETTING.node_gpus
    parts = [
        ("Serve the mean of 12 requests/s", mean),
        ("Wait for the peak of 30", peak - mean),
        ("Stand in for a lost node", total - peak),
    ]
    lines = [
        "| GPUs that, on average | GPUs | GPU-hours a month | $ a month |",
        "| --- | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {name} | {gpus:.0f} | {gpus * HOURS:,.0f} | {gpus * HOURS * SETTING.price:,.0f} |"
        for name, gpus in parts
    ]
    return "\n".join(lines)


def idle_hours() -> str:
    """Return the GPU-hours of a month that serve nobody."""
    busy = SETTING.mean * SETTING.bf16_gpus / SETTING.bf16_rate
    return f"{(BEFORE.nodes * SETTING.node_gpus - busy) * HOURS:,.0f}"


def by_kind() -> str:
    """Return today's bill by kind of work, as all kinds have the same tokens."""
    shares = {
        "offline": SETTING.offline,
        "extraction": SETTING.routable,
        "chat": 100 - SETTING.offline - SETTING.routable,
    }
    return ", ".join(f"{name} {money(BEFORE.monthly * share / 100)}" for name, share in shares.items())


def token_price(kind: str = "blended", fleet_name: str = "today") -> str:
    """Return dollars per million tokens: 'blended', or 'input' and 'output' if half of the time is prefill."""
    monthly = BEFORE.monthly if fleet_name == "today" else AFTER.monthly
    tokens = {"blended": INPUT_TOKENS + OUTPUT_TOKENS, "input": INPUT_TOKENS, "output": OUTPUT_TOKENS}[kind]
    share = {"blended": 1.0, "input": PREFILL_SHARE, "output": 1 - PREFILL_SHARE}[kind]
    return f"${monthly * share / (SETTING.mean * SECONDS * tokens) * 1e6:,.2f}"


def full_load(which: str = "bf16") -> str:
    """Return dollars per million tokens of one replica that is always at its limit."""
    gpus, rate = {
        "bf16": (SETTING.bf16_gpus, SETTING.bf16_rate),
        "fp8": (SETTING.fp8_gpus, SETTING.fp8_rate),
        "small": (1, SETTING.small_rate),
    }[which]
    return f"${per_million_tokens(SETTING.price, gpus, rate * (INPUT_TOKENS + OUTPUT_TOKENS), 1):.3f}"


def by_formula() -> str:
    """Return the blended price from the formula instead of from the bill; the tests hold the two equal."""
    rate = SETTING.bf16_rate * (INPUT_TOKENS + OUTPUT_TOKENS)
    used = SETTING.mean / (12 * SETTING.bf16_rate)
    return f"${per_million_tokens(SETTING.price, SETTING.bf16_gpus, rate, used):.2f}"


# The steps


def steps_table() -> str:
    """Return the plan step by step: what is needed, what is bought, what is saved."""
    lines = [
        "| After | 70B replicas + 8B GPUs at peak | GPUs, unrounded | Nodes | Bill a month | Saved by the step |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    last: Fleet | None = None
    for name, now in waterfall(SETTING):
        need = now.demand
        replicas = f"{need.large} of {need.replica_gpus} GPUs" + (f" + {need.small}" if need.small else "")
        saved = money(last.monthly - now.monthly) if last else ""
        lines.append(
            f"| {name} | {replicas} | {need.exact_gpus:.1f} | {now.nodes} | {money(now.monthly)} | {saved} |"
        )
        last = now
    return "\n".join(lines)


def nodes(defer: bool = False, fp8: bool = False, route: bool = False) -> int:
    """Return the nodes that a set of steps needs, in any order."""
    return fleet(SETTING, Plan(defer, fp8, route)).nodes


def bill(defer: bool = False, fp8: bool = False, route: bool = False, committed: int = 0) -> str:
    """Return the bill of a set of steps with that many nodes committed."""
    return money(
        fleet(replace(SETTING, commit_nodes=committed), Plan(defer, fp8, route, commit=True)).monthly
    )


def share_saved(defer: bool = False, fp8: bool = False, route: bool = False, committed: int = 0) -> str:
    """Return the same as percent off today's bill."""
    now = fleet(replace(SETTING, commit_nodes=committed), Plan(defer, fp8, route, commit=True))
    return f"{(1 - now.monthly / BEFORE.monthly) * 100:.1f}%"


def alone(step: str) -> str:
    """Return by how many percent one step alone cuts the GPUs at the peak, before rounding."""
    plan = {"defer": Plan(defer=True), "fp8": Plan(fp8=True), "route": Plan(route=True)}[step]
    return f"{_alone(plan) * 100:.1f}%"


def _alone(plan: Plan) -> float:
    return 1 - fleet(SETTING, plan).demand.exact_gpus / BEFORE.demand.exact_gpus


def added_up() -> str:
    """Return what the three steps save if one adds their percentages up, of the GPUs at the peak."""
    return f"{sum(map(_alone, (Plan(defer=True), Plan(fp8=True), Plan(route=True)))) * 100:.0f}%"


def compounded() -> str:
    """Return what the three steps save together, of the GPUs at the peak, before rounding."""
    return f"{(1 - AFTER.demand.exact_gpus / BEFORE.demand.exact_gpus) * 100:.0f}%"


def factors() -> str:
    """Return the factor of each step on what the steps before it left."""
    needs = [now.demand.exact_gpus for _, now in waterfall(SETTING)][:4]
    parts = [after / before for before, after in itertools.pairwise(needs)]
    return " × ".join(f"{part:.3f}" for part in parts)


def gpus_with_spare(defer: bool = False, fp8: bool = False, route: bool = False) -> int:
    """Return the GPUs needed at the peak plus one node, as a count that ignores placement."""
    return fleet(SETTING, Plan(defer, fp8, route)).demand.gpus + SETTING.node_gpus


def wait_h() -> int:
    """Return the hours that every deferred job waits less than, with one node down for the whole time."""
    return max(longest_wait(SETTING, plan) for plan in STEPS.values() if plan.defer) + 1


def backlog() -> str:
    """Return a day's deferred requests at the mean rate."""
    return f"{SETTING.mean * SETTING.offline / 100 * 86_400:,.0f}"


def drain_h() -> str:
    """Return the hours in which the finished fleet, all nodes up, works off such a day beside the mean traffic."""
    large = AFTER.nodes * ((SETTING.node_gpus - AFTER.demand.small) // SETTING.fp8_gpus)
    free = large * SETTING.fp8_rate - SETTING.mean * (1 - SETTING.routable / 100)
    return f"{SETTING.mean * SETTING.offline / 100 * 24 / free:.0f}"


def fallback_room() -> str:
    """Return the share of routed requests that can fall back before a fourth node is needed."""
    share = max(s for s in range(101) if fleet(replace(SETTING, fallback=s), FINAL).nodes == AFTER.nodes)
    return f"{share}%"


def waterfall_chart() -> dict[str, Any]:
    """Return the bill from today to after the last step; bars that hang between two totals."""
    rows: list[dict[str, Any]] = []
    last = 0.0
    for name, now in waterfall(SETTING):
        first = not rows
        rows.append(
            {
                "step": name,
                "from": 0 if first else round(last),
                "to": round(now.monthly),
                "change": "total" if first else "saved",
                "label": money(now.monthly) if first else f"−{money(last - now.monthly)}",
                "nodes": now.nodes,
            }
        )
        last = now.monthly
    rows.append(
        {
            "step": "After",
            "from": 0,
            "to": round(last),
            "change": "total",
            "label": money(last),
            "nodes": AFTER.nodes,
        }
    )
    half = BEFORE.monthly / 2
    order = [row["step"] for row in rows]
    y = {"field": "step", "type": "nominal", "sort": order, "title": None}
    return {
        "title": f"Three nodes handed back halve the bill exactly; the price comes last and makes the margin. "
        f"The line is half of today's bill, {money(half)}.",
        "description": "Horizontal bars, in dollars a month, from today's bill down through each step to the bill "
        "after all steps. " + "; ".join(f"{row['step']}: {row['label']}, {row['nodes']} nodes" for row in rows) + ".",
        "data": {"values": rows},
        "usermeta": {"columns": {"step": "Step", "label": "Bill or saving a month", "to": "Bill left, $ a month", "nodes": "Nodes"}},
        "height": 230,
        "layer": [
            {
                "mark": {"type": "bar", "size": 22},
                "encoding": {
                    "x": {"field": "from", "type": "quantitative", "title": "$ a month", "scale": {"domain": [0, 128_000]}, "axis": {"values": [0, 25_000, 50_000, 75_000, 100_000], "format": "~s"}},
                    "x2": {"field": "to"},
                    "color": {
                        "field": "change",
                        "type": "nominal",
                        "scale": {"domain": ["total", "saved"], "range": ["#3f5b9e", "#2a7353"]},
                        "legend": None,
                    },
                },
            },
            {
                # Short bars have their label behind the line instead of across it.
                "transform": [{"calculate": f"max(datum.from, datum.to, {half})", "as": "end"}],
                "mark": {"type": "text", "align": "left", "dx": 4},
                "encoding": {"x": {"field": "end", "type": "quantitative"}, "text": {"field": "label"}},
            },
            {
                "transform": [{"filter": "datum.step == 'Today'"}, {"calculate": "datum.to / 2", "as": "half"}],
                "mark": {"type": "rule", "strokeDash": [4, 3], "color": "#5c6679"},
                "encoding": {"x": {"field": "half", "type": "quantitative"}, "y": None},
            },
        ],
        "encoding": {"y": y},
    }  # fmt: skip


def day_chart() -> dict[str, Any]:
    """Return a weekday on the large model after all steps: what must be served at once, and what fills the trough."""
    chat = (100 - SETTING.offline - SETTING.routable) / 100
    capacity = AFTER.demand.large * SETTING.fp8_rate
    rows: list[dict[str, Any]] = []
    queue = 0.0
    # The first day fills the queue, the second is drawn.
    for hour, rate in enumerate(WEEKDAY * 2):
        queue += rate * SETTING.offline / 100
        served = min(queue, capacity - rate * chat)
        queue -= served
        if hour >= 24:
            rows.append({"hour": hour - 24, "load": "Chat", "rate": round(rate * chat, 2)})
            rows.append({"hour": hour - 24, "load": "Deferred jobs", "rate": round(served, 2)})
    return {
        "title": f"A weekday's chat and deferred jobs fit into the four FP8 replicas that the rule demands "
        f"({capacity:.1f} requests/s, the line); the placement keeps six with one node down.",
        "description": "Stacked areas over the 24 hours of an assumed weekday, in requests per second on the large "
        "model: chat rises from 1 at night to 7.5 in the afternoon; deferred jobs take what is left and never go "
        f"above the line of {capacity:.1f} in total.",
        "data": {"values": rows},
        "usermeta": {"columns": {"hour": "Hour", "load": "Load", "rate": "Requests/s on the 70B"}},
        "height": 170,
        "layer": [
            {
                "mark": {"type": "area", "interpolate": "step"},
                "encoding": {
                    "x": {"field": "hour", "type": "quantitative", "title": "Hour of the day", "scale": {"domain": [0, 23]}, "axis": {"values": [0, 4, 8, 12, 16, 20]}},
                    "y": {"field": "rate", "type": "quantitative", "stack": "zero", "title": "Requests/s on the 70B"},
                    "color": {"field": "load", "type": "nominal", "title": None},
                    "order": {"field": "load"},
                },
            },
            {
                "mark": {"type": "rule", "strokeDash": [4, 3], "color": "#5c6679"},
                "encoding": {"y": {"datum": capacity}},
            },
        ],
    }  # fmt: skip


def sensitivity_table(change: float = 0.25) -> str:
    """Return what a change of one input does to the final bill, and what a step that is not shipped costs."""
    lines = [
        f"| Input | Now | −{change:.0%} | +{change:.0%} | A fourth node |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for name in SENSITIVE:
        now = getattr(SETTING, name)
        cells = []
        for factor in (1 - change, 1 + change):
            found = fleet(_past_limits(SETTING, **{name: now * factor}), FINAL)
            cells.append(f"{found.nodes} nodes, {money(found.monthly)}")
        label = f"{SPECS[name].label}, {SPECS[name].unit}"
        lines.append(f"| {label} | {now:g} | {cells[0]} | {cells[1]} | {fourth_node(name)} |")
    return "\n".join(lines)


def fourth_node(name: str) -> str:
    """Return from which value of an input on the finished fleet is too small, the others being as they are."""
    now = getattr(SETTING, name)
    # A mean is never above its peak, nor a share above all requests.
    most = {"mean": SETTING.peak, "offline": 100.0 - SETTING.routable, "routable": 100.0 - SETTING.offline}
    for direction, end in (("above", most.get(name, now * 10)), ("below", 0.01)):
        if _nodes_at(name, end) <= AFTER.nodes:
            continue
        good, bad = now, end
        for _ in range(50):
            middle = (good + bad) / 2
            good, bad = (middle, bad) if _nodes_at(name, middle) <= AFTER.nodes else (good, middle)
        return f"{direction} {round(good, 2):g}"
    return "never"


def _nodes_at(name: str, value: float) -> int:
    return fleet(_past_limits(SETTING, **{name: value}), FINAL).nodes


def _past_limits(inputs: Inputs, **changes: float) -> Inputs:
    """Return a copy without the check of limits: a peak may meet a mean that it is changed against."""
    changed = replace(inputs)
    for name, value in changes.items():
        object.__setattr__(changed, name, value)
    return changed


def cliff() -> str:
    """Return the peak in requests/s up to which two nodes would do, to one decimal."""
    peaks = [p / 10 for p in range(200, 301)]
    return f"{max(p for p in peaks if fleet(replace(SETTING, peak=p), FINAL).nodes == 2):.1f}"


# Caches and spot


def prefix_tokens() -> str:
    """Return the share of input tokens that prefix hits can save at most."""
    return f"{PREFIX_REQUESTS * PREFIX_TOKENS / INPUT_TOKENS:.0%}"


def _with_prefix(prefill: float) -> Inputs:
    saved = PREFIX_REQUESTS * PREFIX_TOKENS / INPUT_TOKENS * prefill
    return _past_limits(SETTING, fp8_rate=SETTING.fp8_rate / (1 - saved))


def prefix_work(prefill: float = PREFILL_SHARE) -> str:
    """Return the share of a replica's time that the hits free, at a prefill share."""
    return f"{PREFIX_REQUESTS * PREFIX_TOKENS / INPUT_TOKENS * prefill:.0%}"


def prefix_threshold() -> str:
    """Return the prefill share from which prefix hits would make two nodes enough: 7.2 requests/s become 7.5."""
    replicas = (SETTING.node_gpus - AFTER.demand.small) // SETTING.fp8_gpus
    freed = 1 - replicas * SETTING.fp8_rate / AFTER.demand.large_load
    return f"{freed / (PREFIX_REQUESTS * PREFIX_TOKENS / INPUT_TOKENS):.0%}"


def prefix_months(prefill: float = PREFILL_SHARE) -> int:
    """Return the month in which growth needs the third node back."""
    inputs = _with_prefix(prefill)
    return next(m for m in range(1, 60) if fleet(grown(inputs, m), FINAL).nodes > 2)


def exact_months() -> int:
    """Return the month in which growth needs the third node back that exact repeats make spare on paper."""
    inputs = _past_limits(SETTING, peak=SETTING.peak * (1 - EXACT_REPEATS))
    assert fleet(inputs, FINAL).nodes == AFTER.nodes - 1
    return next(m for m in range(1, 60) if fleet(grown(inputs, m), FINAL).nodes == AFTER.nodes)


def exact_rate() -> str:
    """Return the requests/s at the peak that exact repeats take off what must be served at once."""
    return f"{SETTING.peak * (1 - SETTING.offline / 100) * EXACT_REPEATS:.2f}"


def spot_node() -> str:
    """Return what a spot node costs a month."""
    return node_month(SPOT_PRICE)


def spot_spare() -> str:
    """Return what a spot node in place of a committed one would save a month."""
    return money(SETTING.node_gpus * (SETTING.commit_price - SPOT_PRICE) * HOURS)


def spot_gap_hours() -> str:
    """Return the hours a month in which one of two spot nodes has been taken and is not yet replaced."""
    reclaims = 2 * HOURS / RECLAIM_HOURS
    return f"{reclaims * (COLD_START_MIN - 2) / 60:.0f}"


def weights_gb(bits: int) -> int:
    """Return the gigabytes of 70 billion weights."""
    return 70 * bits // 8


def kv_room(gpus: int, bits: int) -> str:
    """Return the gigabytes that are left for the KV cache with 90% of the memory in use."""
    return f"{gpus * 80 * 0.9 - weights_gb(bits):.0f} GB"


def in_flight() -> str:
    """Return the requests in an FP8 replica at its limit (Little's law, at the objective's limits)."""
    return f"{SETTING.fp8_rate * (1 + OUTPUT_TOKENS * 0.05):.0f}"


def fits() -> str:
    """Return the requests whose KV cache fits in an FP8 replica."""
    room = (2 * 80 * 0.9 - weights_gb(8)) * 1e9
    return f"{room / (KV_BYTES * (INPUT_TOKENS + OUTPUT_TOKENS)):.0f}"


# Quality


def error_points() -> str:
    """Return the standard error of the pass rate on the graded prompts, in points."""
    return f"{gate.standard_error(PASS_RATE, PROMPTS) * 100:.2f}"


def unpaired_error() -> str:
    """Return the standard error of the difference of two such rates from separate prompts, in points."""
    a, b = gate.standard_error(PASS_RATE, PROMPTS), gate.standard_error(PASS_RATE - FP8_LOSS, PROMPTS)
    return f"{(a * a + b * b) ** 0.5 * 100:.2f}"


def combined_loss() -> str:
    """Return the expected loss of FP8 and routing together, in points: a routed request is not served in FP8."""
    return f"{_combined() * 100:.2f}"


def _combined() -> float:
    routed = SETTING.routable / 100
    return (1 - routed) * FP8_LOSS + routed * SMALL_LOSS


def worst_loss() -> str:
    """Return their sum if FP8's loss sits entirely in the work that stays on the large model, in points."""
    return f"{(FP8_LOSS + SETTING.routable / 100 * SMALL_LOSS) * 100:.2f}"


def gate_table() -> str:
    """Return what 2,000 prompts say of FP8's 0.4 points, by how many prompts change their grade."""
    lines = [
        "| Prompts that change their grade | Largest loss not ruled out, of 2,000 | Verdict "
        f"| Prompts to show 0.4 | Prompts to show {combined_loss()} |",
        "| ---: | ---: | --- | ---: | ---: |",
    ]
    net = round(PROMPTS * FP8_LOSS)
    for share in (0.02, 0.03, 0.05, 0.10):
        differ = round(PROMPTS * share)
        lost, gained = (differ + net) // 2, (differ - net) // 2
        bound = gate.lower_bound(PROMPTS, lost, gained) * 100
        verdict = gate.judge(PROMPTS, lost, gained, MARGIN, 0.05)
        lines.append(
            f"| {share:.0%} ({lost} lost, {gained} gained) | {bound:.2f} points | {verdict} "
            f"| {gate.prompts_needed(share, FP8_LOSS, MARGIN):,} | {gate.prompts_needed(share, _combined(), MARGIN):,} |"
        )
    return "\n".join(lines)


def most_discordant() -> str:
    """Return the largest share of changed grades with which a net loss of 8 of 2,000 prompts still passes."""
    net = round(PROMPTS * FP8_LOSS)
    passing = [
        gained
        for gained in range(200)
        if gate.judge(PROMPTS, gained + net, gained, MARGIN, 0.05) is gate.Verdict.PASS
    ]
    return f"{(2 * max(passing) + net) / PROMPTS:.1%}"


def unpaired_needed() -> str:
    """Return the prompts that each of two separate samples needs to show 0.4 points within the margin."""
    return f"{gate.unpaired_needed(PASS_RATE, FP8_LOSS, MARGIN):,}"


def needed(discordant: float = 0.05) -> str:
    """Return the paired prompts for the combined candidate."""
    return f"{gate.prompts_needed(discordant, _combined(), MARGIN):,}"


def pass_chance(loss: float, discordant: float = 0.05) -> str:
    """Return the chance that the combined gate passes a candidate of that true loss, at the sample it needs."""
    n = gate.prompts_needed(discordant, _combined(), MARGIN)
    chance = gate.chance_to_pass(n, discordant, loss, MARGIN)
    return "under 0.1%" if chance < 0.001 else "over 99.9%" if chance > 0.999 else f"{chance:.0%}"


# Time and money


def break_even() -> str:
    """Return the share of a year for which a node must be needed, for its commitment to pay."""
    return f"{SETTING.commit_price / SETTING.price:.1%}"


def wrong_commitment() -> str:
    """Return a year's cost of the three nodes that a commitment to six buys too many."""
    return money(3 * SETTING.node_gpus * SETTING.commit_price * HOURS * 12)


def day_one() -> str:
    """Return what committing three of today's six nodes saves a month, before any work is done."""
    return money(3 * SETTING.node_gpus * (SETTING.price - SETTING.commit_price) * HOURS)


def quarter_forgone() -> str:
    """Return what three months without that commitment cost."""
    return money(9 * SETTING.node_gpus * (SETTING.price - SETTING.commit_price) * HOURS)


def third_node_hours(month: int) -> str:
    """Return the share of hours in which the finished fleet needs its third node, with one node down.

    The hours are those of the assumed week, grown by that many months.
    """
    return f"{_third_node(month):.0%}"


def third_node_on_demand(month: int) -> str:
    """Return what the third node costs a month on demand, if it runs in those hours only."""
    return money(_third_node(month) * SETTING.node_gpus * SETTING.price * HOURS)


def third_by_schedule() -> str:
    """Return the bill with two nodes committed and the third on demand in the hours that need it today."""
    base = 2 * SETTING.node_gpus * SETTING.commit_price * HOURS
    return money(base + _third_node(0) * SETTING.node_gpus * SETTING.price * HOURS)


def _third_node(month: int) -> float:
    growth = (1 + SETTING.growth / 100) ** month
    # Deferred work asks for no node here: with both up, two nodes have room for the busiest day's.
    needs = [fleet(_past_limits(SETTING, peak=rate * growth), FINAL).nodes for rate in WEEK]
    return sum(need > AFTER.nodes - 1 for need in needs) / len(WEEK)


def step_weeks() -> int:
    """Return the engineer-weeks of the three steps; the gate takes the rest of the quarter."""
    return sum(STEP_WEEKS)


def quarter_weeks() -> int:
    """Return the engineer-weeks that there are."""
    return ENGINEERS * PROJECT_WEEKS


def grades() -> str:
    """Return the grades of one run of the gate: baseline, candidate, and the baseline once more."""
    return f"{_grades():,}"


def _grades() -> int:
    return 3 * gate.prompts_needed(0.05, _combined(), MARGIN)


def gate_run() -> str:
    """Return what one run of the gate costs."""
    return money(_gate_run())


def _gate_run() -> float:
    return _grades() * (GRADE + CHECKED * CHECK)


def gate_runs() -> str:
    """Return what all runs of the gate cost."""
    return money(GATE_RUNS * _gate_run())


def project() -> str:
    """Return what the project costs, engineers and the gate's runs."""
    return money(_project())


def _project() -> float:
    return ENGINEERS * ENGINEER_MONTH * PROJECT_MONTHS + GATE_RUNS * _gate_run()


def payback() -> str:
    """Return months in which the nodes handed back pay for the project; the commitment needs no project."""
    handed_back = (BEFORE.nodes - AFTER.nodes) * SETTING.node_gpus * SETTING.price * HOURS
    return f"{_project() / handed_back:.1f}"


def routing_gain() -> str:
    """Return what the routing step alone is worth a month, once nodes are committed."""
    return node_month(SETTING.commit_price)


def owner() -> str:
    """Return a month's cost of a quarter of an engineer, the estimate for owning the small model."""
    return money(ENGINEER_MONTH / 4)


def growth_table() -> str:
    """Return the bill by month: nothing done, without the 8B, and the full plan."""
    plans = {
        "Nothing done": (Plan(), 0),
        "Deferral and FP8, four committed": (Plan(defer=True, fp8=True, commit=True), 4),
        "All steps, three committed": (FINAL, 3),
    }
    lines = ["| Month | " + " | ".join(plans) + " |", "| ---: |" + " ---: |" * len(plans)]
    for month in (0, 3, 6, 12, 14):
        cells = []
        for plan, committed in plans.values():
            found = fleet(grown(replace(SETTING, commit_nodes=committed), month), plan)
            cells.append(f"{found.nodes} nodes, {money(found.monthly)}")
        lines.append(f"| {month} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def first_year() -> str:
    """Return what the first twelve months save against doing nothing, the project paid.

    Three nodes are committed from the start; each step counts from the end of its month of work.
    """
    saved = 0.0
    for month in range(12):
        done = {name for name, lands in LANDS.items() if lands <= month}
        plan = Plan(
            "Defer offline jobs" in done, "FP8, two GPUs" in done, "Route to the 8B" in done, commit=True
        )
        inputs = grown(SETTING, month)
        saved += fleet(inputs, Plan()).monthly - fleet(inputs, plan).monthly
    return money(saved - _project())


def gpu_seconds(which: str) -> str:
    """Return the GPU-seconds of one request on a replica at its limit."""
    gpus, rate = {
        "bf16": (SETTING.bf16_gpus, SETTING.bf16_rate),
        "fp8": (SETTING.fp8_gpus, SETTING.fp8_rate),
        "small": (1, SETTING.small_rate),
    }[which]
    return f"{gpus / rate:.3f}" if which == "small" else f"{gpus / rate:.2f}"


def survivors(pool: str) -> str:
    """Return the requests/s that a pool carries on two of three nodes, as `placement` fills them."""
    left = AFTER.nodes - SETTING.spare_nodes
    small = AFTER.demand.small
    large = (SETTING.node_gpus - small) // SETTING.fp8_gpus
    rate = left * large * SETTING.fp8_rate if pool == "large" else left * small * SETTING.small_rate
    return f"{rate:g}"


def busy_after() -> str:
    """Return the GPUs that are busy on average after all steps, deferred work included."""
    large = SETTING.mean * (1 - SETTING.routable / 100) / SETTING.fp8_rate * SETTING.fp8_gpus
    return f"{large + SETTING.mean * SETTING.routable / 100 / SETTING.small_rate:.1f}"


def fifth_node_month() -> int:
    """Return the month in which the plan without the 8B outgrows its four committed nodes."""
    plan, inputs = Plan(defer=True, fp8=True, commit=True), replace(SETTING, commit_nodes=4)
    month = months_until(inputs, plan, fleet(inputs, plan).monthly)
    assert month is not None
    return month


def unpaired_bound() -> str:
    """Return the loss in points that two separate samples of 2,000 cannot rule out, one-sided at 95%."""
    a, b = gate.standard_error(PASS_RATE, PROMPTS), gate.standard_error(PASS_RATE - FP8_LOSS, PROMPTS)
    return f"{(FP8_LOSS + 1.645 * (a * a + b * b) ** 0.5) * 100:.1f}"


def placement() -> str:
    """Return the Mermaid drawing of the target architecture, with what stands on each node."""
    count = AFTER.nodes
    small = AFTER.demand.small
    large = (SETTING.node_gpus - small) // SETTING.fp8_gpus
    assert nodes_for(AFTER.demand, SETTING.node_gpus, SETTING.spare_nodes) == count
    boxes = "\n".join(
        f'        n{i}["Node {i}<br>{large} × 70B FP8<br>{small} × 8B"]' for i in range(1, count + 1)
    )
    return f"""```mermaid
flowchart TD
    accTitle: The target: where each lever sits on the path of a request
    accDescr: Requests enter the gateway, which sends extraction to the small pool by endpoint, chat to the large pool, and offline jobs to a queue. The queue feeds the large pool only below a load cap and at the lowest priority. A request whose output fails its schema falls back from the small to the large pool. Both pools are spread over {count} nodes of {SETTING.node_gpus} GPUs, each with {large} large replicas and {small} small ones; any one node may be lost.
    gateway[Gateway: tenant,<br>kind of work]
    gateway -->|extraction| small[8B pool]
    gateway -->|chat| big["70B FP8 pool<br>prefix cache,<br>salt per tenant"]
    gateway -->|offline| queue[("Queue, 24 h")]
    small -.->|schema fails| big
    queue -->|"lowest priority,<br>below a load cap"| big
    subgraph fleet[Any one node may be lost]
{boxes}
    end
    small --> fleet
    big --> fleet
```"""
