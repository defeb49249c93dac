"""The cost model: the setting's figures, the placement against brute force, and what may never happen."""

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from examples.cost_optimization.inputs import DEFAULTS, SPECS, Inputs, faults_of
from examples.cost_optimization.model import (
    HORIZON,
    STEPS,
    Demand,
    Plan,
    demand,
    fleet,
    grown,
    months_until,
    nodes_for,
    per_million_tokens,
    per_thousand,
    results,
    survives,
    up,
    waterfall,
)
from examples.cost_optimization.traffic import WEEK, WEEKDAY, WEEKEND, longest_wait

SETTING = Inputs()
FLAGS = [Plan(*flags) for flags in itertools.product([False, True], repeat=4)]


@st.composite
def some_inputs(draw: st.DrawFn) -> Inputs:
    """Inputs near and far from the setting, limits included, that contradict nothing."""
    values = {}
    for name, spec in SPECS.items():
        kind = (
            st.integers(int(spec.low), int(spec.high))
            if isinstance(DEFAULTS[name], int)
            else st.floats(spec.low, spec.high)
        )
        values[name] = draw(st.just(DEFAULTS[name]) | kind)
    assume(not faults_of(values))
    return Inputs(**values)


# --- The setting ------------------------------------------------------------------------------------------------------


def test_the_plan_hands_back_a_node_a_step_and_prices_last():
    steps = waterfall(SETTING)
    assert [name for name, _ in steps] == list(STEPS)
    assert [step.nodes for _, step in steps] == [6, 5, 4, 3, 3]
    assert [round(step.monthly, 2) for _, step in steps] == [99_864, 83_220, 66_576, 49_932, 35_040]
    assert steps[0][1].monthly == pytest.approx(48 * 2.85 * 730)
    assert steps[3][1].monthly == pytest.approx(steps[0][1].monthly / 2)


@pytest.mark.parametrize(
    ("plan", "nodes"),
    [
        (Plan(fp8=True), 5),
        (Plan(route=True), 5),
        (Plan(fp8=True, route=True), 4),
        (Plan(defer=True, route=True), 4),
        (Plan(defer=True, fp8=True), 4),
    ],
    ids=str,
)
def test_steps_in_another_order(plan, nodes):
    assert fleet(SETTING, plan).nodes == nodes


def test_a_count_of_gpus_would_miss_that_four_gpu_replicas_cannot_be_placed():
    need = demand(SETTING, Plan(defer=True, route=True))
    assert math.ceil((need.gpus + 8) / 8) == 3
    assert not brute_force(need, 3, 8, 1)
    assert brute_force(need, 4, 8, 1)


def test_todays_fleet_is_no_larger_than_its_rules():
    """Ten replicas carry the peak with one node down, so 33% utilization is not waste by itself."""
    found = results(SETTING)
    assert found["utilization"] == pytest.approx(100 / 3)
    assert not survives(demand(SETTING, Plan()), 5, 8, 1)


def test_the_busiest_day_counts_and_not_the_mean_day():
    """A weekday's mean is 14 of the month's 12; without it a flat week would plan its deadlines away."""
    final = demand(SETTING, STEPS["Commit the base"])
    assert final.large_day == math.ceil(14 * 0.55 / 2.4) == 4
    assert math.ceil(12 * 0.55 / 2.4) == 3


def test_growth():
    final = STEPS["Commit the base"]
    assert [fleet(grown(SETTING, m), Plan()).nodes for m in (0, 1, 12)] == [6, 7, 10]
    assert [fleet(grown(SETTING, m), final).nodes for m in (0, 13, 14)] == [3, 3, 4]
    assert months_until(SETTING, final, fleet(SETTING, final).monthly) == 14
    assert months_until(replace(SETTING, growth=0.0), final, 0) is None
    later = grown(SETTING, 2)
    assert (later.mean, later.peak) == (pytest.approx(12 * 1.1025), pytest.approx(30 * 1.1025))
    slow = replace(SETTING, growth=0.1, price=2.0)
    assert months_until(slow, final, fleet(slow, Plan()).monthly) is None, f"not within {HORIZON} months"


def test_a_commitment_dearer_than_on_demand_never_pays():
    assert results(replace(SETTING, commit_price=3.0))["break_even"] == 100
    assert results(SETTING)["break_even"] == pytest.approx(2 / 2.85 * 100)


def test_unit_costs_agree_with_each_other():
    bill = fleet(SETTING, Plan()).monthly
    assert per_thousand(bill, SETTING) == pytest.approx(3.1667, abs=1e-4)
    blended = per_million_tokens(2.85, 4, 3.0 * 2750, 12 / 36)
    assert blended == pytest.approx(per_thousand(bill, SETTING) / 2750 * 1000)
    assert per_million_tokens(2.85, 4, 3.0 * 2750, 1) == pytest.approx(blended / 3)


@pytest.mark.parametrize("utilization", [0, -0.1, 1.01, math.nan])
def test_a_utilization_that_is_no_share_is_refused(utilization):
    with pytest.raises(ValueError, match="share above 0"):
        per_million_tokens(2.85, 4, 8250, utilization)


@pytest.mark.parametrize(
    ("x", "expected"), [(21 / 3, 7), (7.2 / 2.4, 3), (3.0000000004, 3), (3.0001, 4), (0, 0)]
)
def test_rounding_up_forgives_the_last_bits(x, expected):
    assert up(x) == expected


# --- Placement --------------------------------------------------------------------------------------------------------


def brute_force(need: Demand, nodes: int, node_gpus: int, spare: int) -> bool:
    """Whether any way at all to fill the nodes survives every loss of `spare` of them."""
    fit = node_gpus // need.replica_gpus
    for large in itertools.combinations_with_replacement(range(fit + 1), nodes):
        if sum(large) < need.large_day:
            continue
        small = [node_gpus - each * need.replica_gpus for each in large]
        left = list(itertools.combinations(range(nodes), nodes - spare))
        if all(
            sum(large[i] for i in up) >= need.large and sum(small[i] for i in up) >= need.small for up in left
        ):
            return True
    return False


@settings(max_examples=250)
@given(
    large=st.integers(0, 12),
    day=st.integers(0, 14),
    small=st.integers(0, 16),
    gpus=st.integers(1, 8),
    nodes=st.integers(1, 5),
    spare=st.integers(0, 2),
)
def test_even_placement_is_as_good_as_any(large, day, small, gpus, nodes, spare):
    assume(spare < nodes)
    need = Demand(0, 0, large, day, small, gpus, 0)
    assert survives(need, nodes, 8, spare) == brute_force(need, nodes, 8, spare)


@settings(max_examples=80)
@given(inputs=some_inputs(), plan=st.sampled_from(FLAGS))
def test_the_fleet_is_the_smallest_that_survives(inputs, plan):
    need = demand(inputs, plan)
    nodes = nodes_for(need, inputs.node_gpus, inputs.spare_nodes)
    assert survives(need, nodes, inputs.node_gpus, inputs.spare_nodes)
    if nodes - 1 > inputs.spare_nodes:
        assert not survives(need, nodes - 1, inputs.node_gpus, inputs.spare_nodes)


# --- What may never happen --------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(inputs=some_inputs(), plan=st.sampled_from(FLAGS), more=st.floats(1, 3))
def test_the_bill_never_falls_with_the_peak_or_the_price(inputs, plan, more):
    plan = replace(plan, commit=False)
    now = fleet(inputs, plan).monthly
    assert fleet(grown(replace(inputs, growth=0.0), 1), plan).monthly == now
    higher = replace(inputs)
    object.__setattr__(higher, "peak", inputs.peak * more)
    assert fleet(higher, plan).nodes >= fleet(inputs, plan).nodes
    dearer = replace(inputs)
    object.__setattr__(dearer, "price", inputs.price * more)
    assert fleet(dearer, plan).monthly >= now


@settings(max_examples=50)
@given(inputs=some_inputs(), plan=st.sampled_from([p for p in FLAGS if not p.defer]))
def test_deferring_never_costs_a_node_while_a_day_has_room(inputs, plan):
    assert fleet(inputs, replace(plan, defer=True)).nodes <= fleet(inputs, plan).nodes


@settings(max_examples=50)
@given(inputs=some_inputs())
def test_the_result_does_not_depend_on_the_order_of_steps(inputs):
    """The steps are a set; only what each is credited with depends on the order."""
    final = fleet(inputs, STEPS["Commit the base"])
    assert fleet(inputs, Plan(commit=True, route=True, fp8=True, defer=True)) == final
    assert final.committed == min(inputs.commit_nodes, final.nodes)
    assert 0 < final.monthly < math.inf


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"price": 0}, "On demand is 0"),
        ({"price": -1}, "On demand is -1"),
        ({"peak": math.nan}, "Peak is nan"),
        ({"peak": math.inf}, "Peak is inf"),
        ({"fp8_rate": 0}, "FP8 replica is 0"),
        ({"fp8_rate": "2.4"}, "FP8 replica is '2.4'"),
        ({"spare_nodes": True}, "Nodes that may be down is True"),
        ({"bf16_gpus": 2.5}, "whole number"),
        ({"peak": 11.9}, "raise the peak"),
        ({"offline": 55.1}, "over 100% together"),
        ({"node_gpus": 3}, "raise the node"),
    ],
    ids=str,
)
def test_inputs_that_cannot_be_computed_with_are_refused_by_name(changes, told):
    with pytest.raises(ValueError, match=told):
        replace(SETTING, **changes)


def test_flat_traffic_is_no_contradiction():
    assert fleet(replace(SETTING, peak=12.0), Plan()).nodes == 3, "four replicas on two nodes, and the spare"


@pytest.mark.parametrize("share", [0.0, 55.0])
def test_shares_at_their_ends(share):
    inputs = replace(SETTING, offline=share, routable=100 - 55.0 if share else 100.0)
    assert fleet(inputs, STEPS["Commit the base"]).nodes >= 2


# --- Deferred work ----------------------------------------------------------------------------------------------------


def test_the_week_keeps_to_the_settings_three_figures():
    assert sum(WEEK) / len(WEEK) == 12
    assert (max(WEEK), min(WEEK)) == (30, 4)
    assert sum(WEEKDAY) / 24 == pytest.approx(12 * 7 / 6)
    assert sum(WEEKEND) * 2 == sum(WEEKDAY)


@pytest.mark.parametrize("name", [name for name, plan in STEPS.items() if plan.defer])
def test_deferred_jobs_meet_their_day_with_one_node_down(name):
    assert longest_wait(SETTING, STEPS[name]) < 24


@settings(max_examples=60)
@given(offline=st.floats(0, 55), peak=st.floats(14, 60))
def test_a_days_room_for_a_days_work_keeps_every_deadline(offline, peak):
    """What `demand` claims, against a simulation: equal days, traffic that swings between 2 and the peak."""
    shape = [2 + (peak - 2) * max(0.0, math.sin(math.pi * (h - 6) / 14)) for h in range(24)]
    mean = sum(shape) / 24
    inputs = replace(SETTING, offline=offline, peak=max(peak, mean), mean=mean)
    plan = Plan(defer=True, fp8=True, route=True)
    if demand(inputs, plan).large >= demand(inputs, plan).large_day:
        # The shape's days are all alike; `demand` takes a busiest day that is still busier.
        assert longest_wait(inputs, plan, tuple(shape), weeks=6) <= 24


def test_a_day_without_room_is_seen():
    """With no room at the peak and a flat day, the queue only grows."""
    flat = replace(SETTING, mean=29.9, offline=50.0, routable=45.0)
    need = demand(flat, Plan(defer=True, fp8=True, route=True))
    assert need.large_day > need.large
    assert longest_wait(flat, Plan(defer=True, fp8=True, route=True), (29.9,) * 24, weeks=10) > 24


def test_requests_that_fall_back_are_served_at_once_too():
    """With 20% falling back, 36 requests/s bring 12.24 to the five large replicas' 12."""
    falling = replace(SETTING, fallback=20.0)
    with pytest.raises(ValueError, match=r"12\.24 requests/s must be served, 12\.00 can be"):
        longest_wait(falling, STEPS["Commit the base"], (36.0,) * 24)


def test_an_hour_that_cannot_be_served_is_told():
    with pytest.raises(ValueError, match="must be served"):
        longest_wait(SETTING, Plan(defer=True), (60.0,) * 24)
