"""How many nodes the traffic needs, what they cost, and what each step of the plan hands back.

A node is bought whole, a replica lives on one node, and a saving counts only when a node is returned. Prices and
rates are the page's setting. `docs/assets/javascripts/calculators/cost-model.js` is the same arithmetic, operation
by operation, and a browser test holds the two equal to the cent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from examples.cost_optimization.inputs import Inputs

HOURS = 730
"""Hours in a month."""
SECONDS = HOURS * 3600
WEEKDAY_FACTOR = 7 / 6
"""Mean of the busiest day over the mean of the week, if a weekend day has half of a weekday's traffic."""
HORIZON = 60
"""Months that a forecast looks ahead."""


@dataclass(frozen=True)
class Plan:
    """Which steps are taken: jobs deferred, the large model in FP8, work routed to the small one, nodes committed."""

    defer: bool = False
    fp8: bool = False
    route: bool = False
    commit: bool = False


@dataclass(frozen=True)
class Demand:
    """Replicas that have to be up at all times, and the load of each pool in requests/s."""

    large_load: float
    small_load: float
    large: int
    large_day: int
    """Large replicas that carry all work of the busiest day, deferred work included, on average."""
    small: int
    replica_gpus: int
    """GPUs of one large replica; a small one has one."""
    exact_gpus: float
    """GPUs at the peak before any rounding."""

    @property
    def gpus(self) -> int:
        return self.large * self.replica_gpus + self.small


@dataclass(frozen=True)
class Fleet:
    """What has to be bought, and what it costs in dollars a month."""

    demand: Demand
    nodes: int
    committed: int
    monthly: float


def up(x: float) -> int:
    """Round up, forgiving the last bits: 7.2 requests/s at 2.4 each are three replicas, not four."""
    return math.ceil(x - 1e-9)


# --8<-- [start:demand]
def demand(inputs: Inputs, plan: Plan) -> Demand:
    """Size both pools for the peak of what cannot wait, and the day for what can.

    Deferred jobs have 24 hours, so they need no room at the peak. They need it over a day:
    where traffic repeats daily, a queue that is served in order keeps every deadline if one
    day's capacity covers one day's work, here the busiest day's.
    """
    offline, routed = inputs.offline / 100, inputs.routable / 100
    to_small = routed if plan.route else 0.0
    # A request that falls back is paid for twice: in the small pool and in the large one.
    to_large = 1 - to_small + to_small * (inputs.fallback / 100)
    load = inputs.peak * (to_large - offline if plan.defer else to_large)
    day = inputs.mean * WEEKDAY_FACTOR * to_large
    rate = inputs.fp8_rate if plan.fp8 else inputs.bf16_rate
    gpus = inputs.fp8_gpus if plan.fp8 else inputs.bf16_gpus
    small = inputs.peak * to_small
    replicas = up(load / rate), up(day / rate), up(small / inputs.small_rate)
    return Demand(load, small, *replicas, gpus, load / rate * gpus + small / inputs.small_rate)
    # --8<-- [end:demand]


# --8<-- [start:nodes]
def nodes_for(need: Demand, node_gpus: int, spare: int) -> int:
    """Return the fewest nodes that still carry `need` when any `spare` of them are down.

    A count of GPUs is not enough: a replica fits on one node or not at all, and after a
    failure nothing new is up for nine minutes. Large replicas are spread evenly, which is
    the best arrangement; the small model takes the GPUs that are left on each node.
    """
    fit = node_gpus // need.replica_gpus
    nodes = spare + max(1, up(need.gpus / node_gpus), up(need.large / fit))
    while not survives(need, nodes, node_gpus, spare):
        nodes += 1
    return nodes


def survives(need: Demand, nodes: int, node_gpus: int, spare: int) -> bool:
    """Whether the nodes left after the worst loss hold enough replicas of both kinds."""
    left = nodes - spare
    each, more = divmod(need.large, left)
    # Enough that any `left` nodes carry the load; and with all up, a day's deferred work.
    total = max(each * nodes + (spare + more if more else 0), need.large_day)
    each, fuller = divmod(total, nodes)
    if (each + (fuller > 0)) * need.replica_gpus > node_gpus:
        return False
    # For the small model the worst loss leaves the nodes with the most large replicas.
    occupied = (each * left + min(left, fuller)) * need.replica_gpus
    return left * node_gpus - occupied >= need.small
    # --8<-- [end:nodes]


def fleet(inputs: Inputs, plan: Plan) -> Fleet:
    """Return nodes first and price last: commit only to nodes that are needed."""
    need = demand(inputs, plan)
    nodes = nodes_for(need, inputs.node_gpus, inputs.spare_nodes)
    committed = min(inputs.commit_nodes, nodes) if plan.commit else 0
    hourly = committed * inputs.commit_price + (nodes - committed) * inputs.price
    return Fleet(need, nodes, committed, hourly * inputs.node_gpus * HOURS)


STEPS = {
    "Today": Plan(),
    "Defer offline jobs": Plan(defer=True),
    "FP8, two GPUs": Plan(defer=True, fp8=True),
    "Route to the 8B": Plan(defer=True, fp8=True, route=True),
    "Commit the base": Plan(defer=True, fp8=True, route=True, commit=True),
}


def waterfall(inputs: Inputs) -> list[tuple[str, Fleet]]:
    """Return the fleet after each step, each computed on what the steps before it left."""
    return [(name, fleet(inputs, plan)) for name, plan in STEPS.items()]


def per_thousand(monthly: float, inputs: Inputs) -> float:
    """Return dollars per 1,000 requests at the month's mean rate."""
    return monthly / (inputs.mean * SECONDS) * 1000


def per_million_tokens(gpu_hour: float, gpus: int, tokens_per_s: float, utilization: float) -> float:
    """Return dollars per million tokens of a replica.

    `tokens_per_s` is what it does at its objective, `utilization` the share of that used,
    over the same hours that are paid for.
    """
    if not 0 < utilization <= 1:
        raise ValueError(f"utilization is {utilization!r}: give a share above 0 and up to 1")
    return gpu_hour * gpus / (tokens_per_s * 3600 * utilization) * 1_000_000


def grown(inputs: Inputs, months: int) -> Inputs:
    """Return the inputs after that many months of growth. Multiplied step by step, as the page's script does."""
    factor = 1.0
    for _ in range(months):
        factor *= 1 + inputs.growth / 100
    # Past the form's limits, hence no validation.
    later = replace(inputs)
    object.__setattr__(later, "mean", inputs.mean * factor)
    object.__setattr__(later, "peak", inputs.peak * factor)
    return later


def months_until(inputs: Inputs, plan: Plan, monthly: float) -> int | None:
    """Return the first month in which the plan's bill is above `monthly`; None if not within `HORIZON`."""
    if inputs.growth == 0:
        return None
    for month in range(1, HORIZON + 1):
        if fleet(grown(inputs, month), plan).monthly > monthly + 0.005:
            return month
    return None


def results(inputs: Inputs) -> dict[str, float | int | list[float | int] | None]:
    """Return what the page shows, under the names that the script uses too."""
    steps = [step for _, step in waterfall(inputs)]
    first, last = steps[0], steps[-1]
    final = list(STEPS.values())[-1]
    saved = (1 - last.monthly / first.monthly) * 100
    return {
        "nodes": [step.nodes for step in steps],
        "gpus": [step.demand.gpus for step in steps],
        "bills": [step.monthly for step in steps],
        "committed": last.committed,
        "saved": saved,
        "more": -saved if saved < 0 else None,
        "utilization": inputs.mean
        / (first.nodes * (inputs.node_gpus // inputs.bf16_gpus) * inputs.bf16_rate)
        * 100,
        "unit_before": per_thousand(first.monthly, inputs),
        "unit_after": per_thousand(last.monthly, inputs),
        "next_node": months_until(inputs, final, last.monthly),
        "eaten": months_until(inputs, final, first.monthly),
        "break_even": min(inputs.commit_price / inputs.price, 1.0) * 100,
    }
