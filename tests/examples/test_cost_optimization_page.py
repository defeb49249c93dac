"""The page's figures against an independent calculation, and the form that the page shows."""

# ruff: noqa: RUF001 (the page shows a multiplication sign)

import itertools
import math
from pathlib import Path

import pytest

from examples.cost_optimization import calculator, figures, tokens
from examples.cost_optimization.inputs import DEFAULTS, SPECS, Inputs
from examples.cost_optimization.model import STEPS, results
from examples.cost_optimization.traffic import WEEK
from macros import calculators
from macros.charts import figure

NODE = 8 * 730
PAGE = Path(__file__).parents[2] / "docs/questions/conceptual/cost-optimization.md"


def cells(table: str) -> list[list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return [rows[0], *rows[2:]]


# --- Figures ----------------------------------------------------------------------------------------------------------


def test_the_bill_taken_apart():
    rows = cells(figures.split_table())[1:]
    assert [row[1] for row in rows] == ["16", "24", "8"]
    assert sum(int(row[3].replace(",", "")) for row in rows) == 99_864
    assert figures.gpu_hours() == 48 * 730 == 35_040
    assert figures.idle_hours() == f"{35_040 * (1 - 12 / 36):,.0f}" == "23,360"
    assert figures.by_kind() == "offline $29,959, extraction $44,939, chat $24,966"
    assert figures.node_month() == f"${NODE * 2.85:,.0f}" == "$16,644"


def test_unit_prices():
    tokens = 12 * 3600 * 730 * 2750
    assert figures.by_formula() == figures.token_price() == f"${99_864 / tokens * 1e6:.2f}" == "$1.15"
    assert figures.token_price("input") == f"${99_864 / 2 / (tokens / 2750 * 2400) * 1e6:.2f}"
    assert figures.token_price("output") == f"${99_864 / 2 / (tokens / 2750 * 350) * 1e6:.2f}"
    assert figures.token_price(fleet_name="after") == f"${35_040 / tokens * 1e6:.2f}"
    assert figures.full_load() == "$0.384"
    assert [figures.full_load(w) for w in ("fp8", "small")] == ["$0.240", "$0.036"]
    assert [figures.gpu_seconds(w) for w in ("bf16", "fp8", "small")] == ["1.33", "0.83", "0.125"]


def test_savings_are_factors_and_nodes():
    alone = [1 - 21 / 30, 1 - (2 / 2.4) / (4 / 3), 0.45 * (1 - (1 / 8) / (4 / 3))]
    assert [figures.alone(s) for s in ("defer", "fp8", "route")] == [f"{a * 100:.1f}%" for a in alone]
    assert figures.added_up() == f"{sum(alone) * 100:.0f}%" == "108%"
    final = 7.5 * 2 / 2.4 + 13.5 / 8
    assert figures.compounded() == f"{(1 - final / 40) * 100:.0f}%" == "80%"
    factors = [float(f) for f in figures.factors().split(" × ")]
    assert math.prod(factors) == pytest.approx(final / 40, abs=0.001)
    assert figures.gpus_with_spare(defer=True, route=True) == 3 * 4 + 2 + 8 == 22
    assert figures.nodes(defer=True, route=True) == 4


def test_the_steps_and_the_other_paths():
    rows = cells(figures.steps_table())[1:]
    assert [row[3] for row in rows] == ["6", "5", "4", "3", "3"]
    assert [row[4] for row in rows] == ["$99,864", "$83,220", "$66,576", "$49,932", "$35,040"]
    assert [row[5] for row in rows] == ["", "$16,644", "$16,644", "$16,644", "$14,892"]
    assert figures.share_saved(defer=True, fp8=True, route=True) == "50.0%"
    assert figures.bill(defer=True, fp8=True, committed=4) == f"${4 * NODE * 2:,.0f}" == "$46,720"
    assert figures.share_saved(defer=True, fp8=True, committed=4) == "53.2%"
    assert figures.share_saved(defer=True, fp8=True, route=True, committed=3) == "64.9%"
    assert figures.bill(committed=6) == f"${6 * NODE * 2:,.0f}"
    assert figures.day_one() == f"${3 * NODE * 0.85:,.0f}" == "$14,892"
    assert figures.wrong_commitment() == f"${3 * NODE * 2 * 12:,.0f}" == "$420,480"
    assert figures.routing_gain() == f"${NODE * 2:,.0f}"


def test_what_survives_and_what_growth_eats():
    assert (figures.survivors("large"), figures.survivors("small")) == ("14.4", "32")
    # 24 GPUs of three surviving nodes are twelve FP8 replicas; 21 requests/s grow past them.
    assert figures.fifth_node_month() == math.ceil(math.log(12 * 2.4 / 21) / math.log(1.05)) == 7
    assert figures.cliff() == "28.8"
    assert figures.busy_after() == f"{12 * 0.55 * 2 / 2.4 + 12 * 0.45 / 8:.1f}" == "6.2"
    assert figures.unpaired_bound() == f"{0.4 + 1.645 * 1.0988:.1f}"
    assert figures.fallback_room() == f"{math.floor((14.4 - 7.5) / 13.5 * 100)}%"
    assert figures.backlog() == f"{0.3 * 12 * 86_400:,.0f}"
    # Nine replicas serve 21.6; the mean takes 6.6 of it and a day brings 3.6 x 24.
    assert figures.drain_h() == f"{3.6 * 24 / (9 * 2.4 - 6.6):.0f}" == "6"


def test_no_job_waits_as_long_as_the_page_says():
    """Again by cumulative curves: what has arrived by an hour is done when as much has been served."""
    worst = 0
    for at_once, capacity in ((0.7, 7 * 3.0), (0.7, 9 * 2.4), (0.25, 4 * 2.4)):
        arrived, served = [0.0], [0.0]
        for rate in WEEK * 3:
            arrived.append(arrived[-1] + rate * 0.3)
            served.append(min(arrived[-1], served[-1] + capacity - rate * at_once))
        for hour in range(1, len(WEEK) * 2):
            done = next(h for h in range(hour, len(served)) if served[h] >= arrived[hour] - 1e-9)
            worst = max(worst, done - hour + 1)
    assert figures.wait_h() == worst == 7


def test_the_third_node_as_insurance():
    """Two nodes carry 28.8 requests/s with one down; which of the week's hours are above that."""
    for month, share, dollars in ((0, "6%", "$991"), (12, "27%", "$4,458")):
        hours = sum(rate * 1.05**month > 28.8 + 1e-9 for rate in WEEK)
        assert figures.third_node_hours(month) == f"{hours / 168:.0%}" == share
        assert figures.third_node_on_demand(month) == f"${hours / 168 * NODE * 2.85:,.0f}" == dollars
    assert figures.third_by_schedule() == f"${2 * NODE * 2 + 10 / 168 * NODE * 2.85:,.0f}" == "$24,351"
    assert figures.spot_spare() == f"${NODE * 0.6:,.0f}" == "$3,504"
    assert figures.quarter_forgone() == f"${3 * 14_892:,}" == "$44,676"
    assert figures.owner() == "$5,000"


def test_growth_and_cash():
    rows = cells(figures.growth_table())
    assert rows[1][1:] == ["6 nodes, $99,864", "4 nodes, $46,720", "3 nodes, $35,040"]
    assert rows[4][1] == "10 nodes, $166,440"
    grades = 3 * 11_880
    run = grades * 0.05 + grades * 0.05 * 2
    assert (figures.grades(), figures.gate_run(), figures.gate_runs()) == ("35,640", "$5,346", "$16,038")
    assert (grades, run) == (35_640, 5_346)
    cost = 2 * 20_000 * 3 + 3 * run
    assert figures.project() == f"${cost:,.0f}" == "$136,038"
    assert figures.payback() == f"{cost / (3 * NODE * 2.85):.1f}" == "2.7", "the commitment needs no project"
    undone = [2 * math.ceil(30 * 1.05**m / 3 / 2 - 1e-9) // 2 + 1 for m in range(12)]
    done = [5 if m == 1 else 4 if m == 2 else 3 for m in range(12)]
    done[0] = 6
    spent = [3 * NODE * 2 + (n - 3) * NODE * 2.85 for n in done]
    saved = sum(n * NODE * 2.85 for n in undone) - sum(spent) - cost
    assert figures.first_year() == f"${saved:,.0f}"


def test_the_steps_leave_the_gate_its_weeks_and_the_caches_none():
    levers = PAGE.read_text().split("### Levers by saving")[1].split("\n\n")[1]
    weeks = [int(row.split(" | ")[3]) for row in levers.splitlines()[2:] if row.split(" | ")[3].isdigit()]
    steps, caches = weeks[:3], weeks[3:5]
    assert figures.step_weeks() == sum(steps) == 23
    assert figures.quarter_weeks() == 2 * 13
    rest = figures.quarter_weeks() - sum(steps)
    assert 0 < rest < sum(caches)
    assert steps[0] + rest <= figures.quarter_weeks() / 3, "the gate is built in the queue's month"


def test_caches_spot_and_memory():
    assert figures.prefix_tokens() == f"{0.6 * 1200 / 2400:.0%}" == "30%"
    assert figures.prefix_work() == "15%"
    assert figures.prefix_threshold() == f"{(1 - 7.2 / 7.5) / 0.3:.0%}" == "13%"
    assert figures.prefix_months() == math.ceil(math.log(7.2 / 0.85 / 7.5) / math.log(1.05)) == 3
    assert figures.exact_rate() == f"{0.04 * 21:.2f}"
    # 96% of 30 is where two nodes are enough, so the first month of growth takes the third back.
    assert 30 * 0.96 <= float(figures.cliff()) + 1e-9 < 30 * 0.96 * 1.05
    assert figures.exact_months() == 1
    assert figures.spot_node() == f"${NODE * 1.4:,.0f}"
    assert figures.spot_gap_hours() == f"{2 * 730 / 8 * (9 - 2) / 60:.0f}"
    assert (figures.weights_gb(16), figures.weights_gb(8)) == (140, 70)
    assert (figures.kv_room(4, 16), figures.kv_room(2, 8)) == ("148 GB", "74 GB")
    assert figures.in_flight() == f"{2.4 * (1 + 350 * 0.05):.0f}" == "44"
    assert figures.fits() == f"{74e9 / (2 * 80 * 8 * 128 * 2 * 2750):.0f}"
    assert figures.break_even() == f"{2 / 2.85:.1%}"


def test_quality_figures():
    assert figures.error_points() == f"{math.sqrt(0.86 * 0.14 / 2000) * 100:.2f}" == "0.78"
    assert (
        figures.unpaired_error() == f"{math.sqrt((0.86 * 0.14 + 0.856 * 0.144) / 2000) * 100:.2f}" == "1.10"
    )
    assert figures.combined_loss() == f"{0.55 * 0.4 + 0.45 * 0.6:.2f}" == "0.49"
    assert figures.worst_loss() == "0.67"
    rows = cells(figures.gate_table())[1:]
    assert [row[2] for row in rows] == ["pass", "inconclusive", "inconclusive", "inconclusive"]
    assert [row[3] for row in rows] == ["3,433", "5,150", "8,585", "17,172"]
    assert 0.02 <= float(figures.most_discordant().rstrip("%")) / 100 < 0.03
    assert figures.needed() == rows[2][4]
    assert (figures.pass_chance(0.0049), figures.pass_chance(0.01)) == ("80%", "5%")
    assert figures.pass_chance(0.02) == "under 0.1%"


def test_the_sensitivity_table_tells_what_moves_the_bill():
    rows = {row[0].split(",")[0]: row[2:4] for row in cells(figures.sensitivity_table())[1:]}
    assert rows["Mean of the month"] == ["3 nodes, $35,040"] * 2, "the mean is not what is bought"
    assert rows["Peak"] == ["2 nodes, $23,360", "3 nodes, $35,040"]
    assert rows["One-year commitment"] == ["3 nodes, $26,280", "3 nodes, $43,800"]


def test_where_a_fourth_node_begins():
    """Two surviving nodes hold six FP8 replicas beside four GPUs for the small model: 14.4 and up to 64 requests/s."""
    found = {name: figures.fourth_node(name) for name in SPECS if name in figures.SENSITIVE}
    assert (
        found
        == {
            "peak": f"above {14.4 / 0.25:g}",
            "mean": "never",
            "offline": f"below {(0.55 - 14.4 / 30) * 100:.0f}",
            "routable": f"below {(0.70 - 14.4 / 30) * 100:.0f}",
            "fp8_rate": f"below {7.5 / 6:g}",
            "small_rate": "below 1.69",  # 13.5 / 8, with four of the large replicas and eight small ones on two nodes
            "price": "never",
            "commit_price": "never",
        }
    )


@pytest.mark.parametrize("name", ["waterfall_chart", "day_chart"])
def test_charts_keep_to_the_sites_contract(name):
    assert "<svg" in figure(name, getattr(figures, name)())


def test_the_waterfall_hangs_together():
    rows = figures.waterfall_chart()["data"]["values"]
    assert [row["step"] for row in rows] == [*STEPS, "After"]
    for before, after in itertools.pairwise(rows[:-1]):
        assert after["from"] == before["to"]
    assert rows[-1]["to"] == rows[-2]["to"] == 35_040


def test_the_day_chart_stays_below_its_line_and_serves_a_days_work():
    rows = figures.day_chart()["data"]["values"]
    total = {h: sum(r["rate"] for r in rows if r["hour"] == h) for h in range(24)}
    assert max(total.values()) <= 9.6 + 0.01
    assert sum(r["rate"] for r in rows if r["load"] == "Deferred jobs") == pytest.approx(336 * 0.3, abs=0.2)


# --- The form ---------------------------------------------------------------------------------------------------------


def shown(inputs: Inputs) -> str:
    """Every sentence of the form's results, for these inputs."""
    form = calculators.load(figures.cost_model())
    values = {name: getattr(inputs, name) for name in SPECS} | results(inputs)
    return "\n".join(calculators.fill(text, values) for text in form.texts())


def test_the_form_has_every_input_with_its_limits():
    form = calculators.load(figures.cost_model())
    assert {one.name: (one.low, one.high, one.value) for one in form.inputs()} == {
        name: (spec.low, spec.high, DEFAULTS[name]) for name, spec in SPECS.items()
    }


def test_the_results_of_the_defaults_are_the_questions():
    text = shown(Inputs())
    for figure_ in ("$99,864", "$35,040", "64.91% saved", "month 14", "70.18%", "3 nodes."):
        assert figure_ in text


def test_dollars_round_as_the_script_does():
    assert [calculator.dollars(x) for x in (0.5, 2.5, 1234.49)] == ["$1", "$3", "$1,234"]


def test_the_results_follow_the_inputs():
    assert "not within 60 months" in shown(Inputs(peak=60.0, growth=0.0))
    assert "\n11\n" in shown(Inputs(peak=60.0))
    dearer = shown(Inputs(commit_price=50.0))
    assert "% more," in dearer
    assert "saved" not in dearer


# --- The calculator of token prices -----------------------------------------------------------------------------------


def test_a_replica_of_the_question_costs_by_the_token_what_its_fleet_does():
    """By hand: 4 GPUs at $2.85, 3 requests/s of 2,750 tokens, a third used."""
    found = tokens.results(2.85, 4, 8_250, 100 / 3, 2_400 / 2_750 * 100, 0.5, 2.0)
    assert found["own"] == pytest.approx(11.4 / (8_250 * 3_600 / 3) * 1e6)
    assert f"${found['own']:.2f}" == figures.by_formula()
    assert found["api"] == pytest.approx((2_400 * 0.5 + 350 * 2.0) / 2_750)
    assert found["even"] == pytest.approx(found["full"] / found["api"])
    assert found["monthly"] == pytest.approx(11.4 * 730)


def test_at_the_break_even_the_two_cost_the_same():
    first = tokens.results(3.0, 8, 20_000, 50, 80, 0.4, 1.6)
    at = tokens.results(3.0, 8, 20_000, first["even"] * 100, 80, 0.4, 1.6)
    assert at["own"] == pytest.approx(at["api"])
    assert at["api_monthly"] == pytest.approx(at["monthly"])
    assert at["volume"] == pytest.approx(first["even_volume"])


def test_the_dearer_of_the_two_is_named_with_the_difference_of_a_month():
    for used in (10, 90):
        found = tokens.results(3.0, 8, 20_000, used, 80, 0.4, 1.6)
        month = 20_000 * used / 100 * 2_628_000 / 1e6 * 0.64 - 3.0 * 8 * 730
        saved, lost = (month, None) if month > 0 else (None, -month)
        assert (found["saved"], found["lost"]) == (pytest.approx(saved), pytest.approx(lost))
        assert (month > 0) == (used == 90), "both cases are tried"


def test_where_even_a_full_replica_is_dearer_there_is_no_break_even():
    found = tokens.results(10.0, 8, 1_000, 100, 50, 0.1, 0.2)
    assert found["even"] is None
    assert found["even_volume"] is None
    assert found["short"] == pytest.approx(80 / 3.6 / 0.15)
    assert found["saved"] is None
    assert found["lost"] > 0


def test_a_replica_of_which_nothing_is_used_is_refused():
    with pytest.raises(ValueError, match="utilization is 0"):
        tokens.results(3.0, 8, 20_000, 0, 80, 0.4, 1.6)
