"""The page's figures against independent arithmetic, and the take-away pages against the plan."""

import itertools
import json
import math
import re
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.incident_response import capacity, figures, plan, probes, setting, timeline
from examples.incident_response.sources import PlanError
from tests.content.reading import DOCS

PLAN = plan.load()
RUNBOOK = (DOCS / "templates/incident-runbook.md").read_text(encoding="utf-8")
REVIEW = (DOCS / "templates/incident-review.md").read_text(encoding="utf-8")


class TestClock:
    def test_the_budget(self):
        requests = Fraction(50) * 30 * 86_400 / 1000
        assert figures.budget() == f"{int(requests):,}" == "129,600"
        assert figures.budget_minutes(50) == "43.2"
        assert figures.budget_minutes(80) == "27"
        assert figures.budget_minutes(18) == "120"

    def test_every_row_of_the_clock(self):
        rows = [re.split(r" \| ", line.strip("| ")) for line in figures.clock_table().splitlines()[2:]]
        assert len(rows) == 5
        for row in rows:
            parts, total = row[1].split(" = ")
            assert sum(map(int, parts.split(" + "))) == int(total)
            for cell, rps in zip(row[2:], (50, 80, 44), strict=True):
                assert cell == f"{float(Fraction(int(total)) * 60 * rps / 129_600) * 100:.0f}%"

    def test_the_target_spends_at_most_half_of_the_budget_at_peak(self):
        assert figures.spent(figures.target(), 80) <= 0.5 < figures.spent(figures.target() + 1, 80)

    def test_mitigation_alone_is_worth_most(self):
        saved = {key: figures.TODAY[key] - figures.TARGET[key] for key in figures.TODAY}
        assert max(saved, key=saved.get) == "mitigate"
        assert setting.ACKNOWLEDGE_MIN < setting.DETECT_MIN < setting.MITIGATE_MIN

    def test_where_the_minutes_of_a_typical_incident_go(self):
        assert figures.typical() == 14 + 6 + 38
        assert figures.mitigate_share() == f"{38 / 58 * 100:.0f}%" == "66%"
        assert figures.mitigation_saved() == 58 - 27, "levers pulled unasked leave 27 minutes in all"
        for minutes, rps in ((58, 50), (27, 50), (7, 44)):
            assert figures.spent_percent(minutes, rps) == f"{minutes * 60 * rps / 129_600 * 100:.0f}%"

    def test_six_hours_of_wrong_output(self):
        assert figures.wrong_requests() == f"{6 * 3600 * 50:,}"
        assert figures.wrong_budgets() == f"{6 * 3600 * 50 / 129_600:.1f}" == "8.3"

    def test_burn_alert_delays(self):
        # 2% of a 30-day budget in one hour is 14.4 times the sustainable rate.
        assert pytest.approx(0.02 * 30 * 24) == figures.BURN
        for failing in (0.05, 0.55, 1.0):
            assert figures.burn_minutes(failing) == pytest.approx(0.0144 * 60 / failing)
        assert [figures.burn_at(failing) for failing in (1.0, 0.1, 0.05)] == ["0.9", "8.6", "17.3"]

    def test_credits(self):
        assert figures.credit_minutes(31) == "44.6"
        assert figures.credit_minutes(31, 0.99) == "446.4"
        assert [setting.credit_percent(a) for a in (1, 0.999, 0.9989, 0.99, 0.9899, 0)] == [
            0,
            0,
            10,
            10,
            25,
            25,
        ]

    def test_a_customer_against_the_average(self):
        # Pinned traffic is half of 36/80; eight hours of 31 days.
        assert figures.pinned_average(8) == f"{(1 - 18 / 80 * 8 / 744) * 100:.2f}%" == "99.76%"
        assert figures.largest_share(0.9995, 0.989) == f"{0.05 / 1.1 * 100:.1f}%" == "4.5%"

    def test_a_canary_in_each_region(self):
        assert figures.canary_spent() == f"{(4.4 + 3.6) * 4 * 60 / 129_600 * 100:.1f}%" == "1.5%"

    def test_one_wrong_replica(self):
        # Four of five minutes, a tenth of the region's answers.
        assert figures.drained_wrong_share() == "8%"


class TestProbes:
    @pytest.mark.parametrize("wrong", [0.05, 0.1, 0.2, 0.5, 1.0])
    @pytest.mark.parametrize("failures", [1, 2, 3])
    def test_enough_and_not_one_more(self, wrong, failures):
        def at_most(k, n):
            return sum(math.comb(n, i) * wrong**i * (1 - wrong) ** (n - i) for i in range(k + 1))

        n = probes.probes_needed(wrong, failures)
        assert 1 - at_most(failures - 1, n) >= 0.95
        assert n == failures or 1 - at_most(failures - 1, n - 1) < 0.95

    def test_one_failure_has_a_closed_form(self):
        for wrong in (0.02, 0.1, 0.3):
            assert probes.probes_needed(wrong, 1) == math.ceil(math.log(0.05) / math.log(1 - wrong))

    @pytest.mark.parametrize(
        "bad", [(0, 3, 0.95), (1.1, 3, 0.95), (0.2, 0, 0.95), (0.2, 3, 1), (math.nan, 3, 0.9)]
    )
    def test_a_test_that_cannot_be_is_refused(self, bad):
        with pytest.raises(ValueError, match="no such test"):
            probes.probes_needed(*bad)

    def test_false_pages_are_bounded_by_the_windows(self):
        # A window of one probe that pages at one failure: every flake is a page.
        assert probes.false_pages(0.01, 1, 1, 1440) == pytest.approx(14.4)
        assert probes.false_pages(0.001, 3, 30, 14_400) < probes.false_pages(0.001, 2, 30, 14_400)
        # Each failed probe of two regions' year, if two or more of the 29 before it have failed too.
        two_of_29 = 1 - 0.999**29 - 29 * 0.001 * 0.999**28
        assert figures.false_pages_a_year() == f"{14_400 * 365 * 2 * 0.001 * two_of_29:.0f}"

    @pytest.mark.parametrize(("wrong", "failures", "window"), [(0.6, 2, 3), (0.7, 3, 5), (0.5, 1, 4)])
    def test_when_the_rule_fires_equals_counting_every_history(self, wrong, failures, window):
        sent = probes.probes_to_fire(wrong, failures, window, confidence=0.7)

        def fired_by(n):
            return sum(
                wrong ** sum(history) * (1 - wrong) ** (n - sum(history))
                for history in itertools.product((0, 1), repeat=n)
                if any(sum(history[max(0, end - window) : end]) >= failures for end in range(1, n + 1))
            )

        assert fired_by(sent) >= 0.7 > fired_by(sent - 1)

    def test_a_window_never_fires_before_its_failures_could_have_come(self):
        assert probes.probes_to_fire(0.2, 3, 10_000) == probes.probes_needed(0.2, 3)
        with pytest.raises(ValueError, match="no such test"):
            probes.probes_to_fire(0.1, 3, 2)

    def test_the_table(self):
        assert "| 10% | 61 | 8.0 |" in figures.probe_table()
        assert "| One answer in five | 20% | 30 | 3.0 |" in figures.probe_table()
        assert figures.probe_load() == f"{(20 + 20) / 60:.2f}"


DEMAND = st.floats(min_value=0, max_value=200, allow_nan=False)


class TestCapacity:
    def test_the_quota(self):
        assert figures.fallback() == f"{2_000_000 / 1_900 / 60:.1f}" == "17.5"
        assert figures.fallback(4_096) == f"{2_000_000 / 5_696 / 60:.1f}" == "5.9"
        assert figures.fallback(1_024) == f"{2_000_000 / 2_624 / 60:.1f}" == "12.7"

    def test_us_lost_at_peak_unshed_and_filled_to_the_brim(self):
        assert (figures.spare("eu"), figures.spare("us")) == (str(60 - 36), str(60 - 44))
        assert figures.short("us") == f"{44 - 24 - 2_000_000 / 1_900 / 60:.1f}" == "2.5"
        assert figures.short("eu") == "2.0"  # 18 that may move, 16 spare

    def test_us_lost_at_peak(self):
        p = capacity.failover("us", setting.PEAK, shed_free=True)
        assert (p.shed, p.moved, p.fallback, p.pinned, p.short) == (11, 18, 15, 0, 0)

    def test_eu_lost_at_peak(self):
        p = capacity.failover("eu", setting.PEAK, shed_free=True)
        assert (p.shed, p.moved, p.fallback, p.pinned, p.short) == (9, 9, 0, 18, 0)

    @given(
        us=DEMAND, eu=DEMAND, lost=st.sampled_from(["us", "eu"]), shed=st.booleans(), fallback=st.booleans()
    )
    def test_nothing_is_lost_or_made_and_nothing_overfilled(self, us, eu, lost, shed, fallback):
        demand = {"us": us, "eu": eu}
        p = capacity.failover(lost, demand, shed_free=shed, use_fallback=fallback)
        assert p.shed + p.pinned + p.moved + p.fallback + p.short == pytest.approx(demand[lost])
        assert min(p.shed, p.pinned, p.moved, p.fallback, p.short) >= 0
        assert p.fallback <= (setting.fallback_rps() if fallback else 0)
        other = demand["eu" if lost == "us" else "us"]
        assert other + p.moved <= max(other, 54) + 1e-9
        assert p.pinned == (demand["eu"] / 2 if lost == "eu" else 0)

    def test_an_unknown_region(self):
        with pytest.raises(ValueError, match="none of the two regions"):
            capacity.failover("asia", setting.PEAK, shed_free=True)

    @pytest.mark.parametrize(
        "demand", [{"us": -1, "eu": 36}, {"us": math.nan, "eu": 36}, {"us": math.inf, "eu": 1}]
    )
    def test_a_demand_that_is_none(self, demand):
        with pytest.raises(ValueError, match="no such demand"):
            capacity.failover("us", demand, shed_free=True)

    def test_without_the_provider(self):
        # 33 contract; EU contract 27 of 54 leaves 27.
        assert figures.without_provider("moved") == "27"
        assert figures.without_provider("short") == "6"

    def test_moderation_down(self):
        assert capacity.moderation_down(80) == (30, 50)
        assert (figures.moderation("served"), figures.moderation("refused")) == ("30", "50")

    def test_replicas(self):
        assert (figures.replicas("us"), figures.replicas("eu")) == (8, 6)
        assert [capacity.replicas_needed(rps) for rps in (0, 5.9, 6, 6.1)] == [0, 1, 1, 2]

    @given(fresh=st.floats(1, 500), room=st.floats(0.5, 500), retries=st.integers(0, 5))
    def test_offered_is_a_fixed_point_within_its_bounds(self, fresh, room, retries):
        sent = capacity.offered(fresh, room, retries)
        failing = max(0.0, 1 - room / sent)
        assert sent == pytest.approx(fresh * capacity.attempts(failing, retries), rel=1e-6)
        assert fresh <= sent * (1 + 1e-9)
        assert sent <= fresh * (retries + 1) * (1 + 1e-9)

    def test_offered_by_iteration(self):
        sent = 80.0
        for _ in range(500):
            failing = 1 - 60 / sent
            sent = 80 * (1 + failing + failing**2)
        assert figures.offered(80, 60) == f"{sent:.0f}" == "162"

    def test_a_share_that_is_none(self):
        with pytest.raises(ValueError, match="no probability"):
            capacity.attempts(1.2)

    def test_the_second_eu_cell(self):
        assert figures.eu_cell_gpus() == math.ceil(18 / 0.9 / 6) * 4 == 16
        assert figures.eu_cell_dollars() == f"{16 * 2.5 * 720:,.0f}"
        assert figures.eu_cell_break_even_millions() == f"{16 * 2.5 * 8_760 / 0.10 / 1e6:.1f}" == "3.5"
        assert figures.shed_budget_hours() == f"{129_600 / (80 * 0.25) / 3_600:.1f}" == "1.8"

    def test_the_diagram_and_the_table_say_the_same(self):
        assert "|18/s| b" in figures.failover_diagram()
        assert "| US, peak, free shed | 44 | 18 | 15 | 11 | 0 | 0 | 196 min |" in figures.failover_table()


class TestIncident:
    def test_the_sum_by_hand(self):
        moments = timeline.play()
        contract = 33 * 7 * 60 + 15 * 2 * 60
        free = 11 * 49 * 60 + 8.25 * 2 * 60 + 5.5 * 2 * 60
        assert moments[-1].lost == {"us-free": free, "us-contract": contract}
        assert figures.incident("spent") == f"{(free + contract) / 129_600 * 100:.0f}%"
        assert figures.incident("free share") == f"{free / (free + contract) * 100:.0f}%"
        # US contract traffic: 50 x 44/80 x 75%, over June.
        mean = 50 * 44 / 80 * 0.75
        assert (
            figures.incident("contract availability") == f"{(1 - contract / (mean * 2_592_000)) * 100:.2f}%"
        )
        assert figures.incident("old availability") == f"{(1 - 33 * 58 * 60 / (mean * 2_592_000)) * 100:.2f}%"
        assert (figures.incident("credit"), figures.incident("old credit")) == ("0%", "10%")

    def test_it_keeps_to_the_plans_own_targets(self):
        moments = timeline.play()
        detect, acknowledge, mitigate = timeline.stretches(moments)
        assert detect <= figures.TARGET["detect"]
        assert acknowledge <= figures.TARGET["acknowledge"]
        assert mitigate <= figures.TARGET["mitigate"]
        assert timeline.minute_of(moments, "notice") <= PLAN.severities["sev1"].notice_min

    def test_its_placement_is_the_calculators(self):
        p = capacity.failover("us", setting.PEAK, shed_free=True)
        refused = {moment.minute: moment.refused_rps for moment in timeline.play()}
        assert refused[0] == p.total
        assert refused[7] == p.total - p.moved
        assert refused[9] == p.refused

    @pytest.mark.parametrize(
        ("old", "new", "fault"),
        [
            ("{min: 2, kind", "{min: 5, kind", r"timeline.yml:9: minute 4 is before the last"),
            ("kind: notice", "kind: detected", "2 events are `detected`"),
            ("us-contract: 15}", "us-contract: 34}", "us-contract loses 34/s of less"),
            ("refused: {us-free: 11}}", "refused: {us-free: -1}}", "greater than or equal to 0"),
            ("kind: recovered", "kind: resumed", "0 events are `recovered`"),
        ],
    )
    def test_a_timeline_that_does_not_fit(self, tmp_path, old, new, fault):
        text = timeline.FILE.read_text()
        assert old in text
        file = tmp_path / "timeline.yml"
        file.write_text(text.replace(old, new, 1))
        with pytest.raises(PlanError, match=fault):
            timeline.play(file)


class TestCharts:
    @pytest.mark.parametrize("make", [figures.budget_chart, figures.recovery_chart])
    def test_the_contract(self, make):
        chart = make()
        rows = chart["data"]["values"]
        assert 0 < len(rows) <= 120
        assert set(chart["usermeta"]["columns"]) == set(rows[0])
        assert chart["title"].endswith(".")
        json.dumps(chart, allow_nan=False)

    def test_the_budget_chart_ends_where_the_tables_do(self):
        last = figures.budget_chart()["data"]["values"][-1]
        assert f"{last['old']:.0f}%" == figures.incident("old spent") == "118%"
        assert f"{last['plan']:.0f}%" == figures.incident("spent")


class TestPages:
    def test_the_runbook_names_every_severity_and_symptom(self):
        for name in PLAN.severities:
            assert f"| {name.upper()} |" in RUNBOOK
        which = RUNBOOK.split("## Which lever first")[1].split("## Levers")[0]
        assert len(re.findall(r"^\| (?!What|---)", which, re.MULTILINE)) == len(PLAN.symptoms)
        for row, symptom in zip(
            re.findall(r"^\| (?!What|---).*", which, re.MULTILINE), PLAN.symptoms, strict=True
        ):
            assert [name for name in re.findall(r"`([a-z-]+)`", row) if name in PLAN.levers] == symptom.levers

    def test_the_runbook_has_every_lever_in_both_tables_and_invents_none(self):
        assert re.findall(r"^\| `([a-z-]+)` \|", RUNBOOK, re.MULTILINE) == 2 * list(PLAN.levers)

    def test_the_runbooks_numbers_are_the_plans(self):
        for name in ("sev1", "sev2"):
            row = PLAN.severities[name]
            line = next(line for line in RUNBOOK.splitlines() if line.startswith(f"| {name.upper()} |"))
            assert f"{row.at_least['bad_share'] * 100:g}%" in line
            assert f"{row.at_least['wrong_share'] * 100:g}%" in line
            assert f"{row.notice_min} minutes" in line
            assert line.rstrip(" |").endswith(f"every {row.update_min}")
        assert f"--rps {PLAN.levers['shift-us-to-eu'].moves.requests_per_s:g}" in RUNBOOK
        assert f"--rps {PLAN.levers['shift-eu-to-us'].moves.requests_per_s:g} --unpinned-only" in RUNBOOK
        assert f"gw fallback --rps {PLAN.levers['use-fallback'].moves.requests_per_s:g}" in RUNBOOK
        assert "`admit-step` 10%" in RUNBOOK

    def test_the_reviews_targets_are_the_pages(self):
        for stretch, minutes in zip(
            ("Onset to detection", "Detection to acknowledgment", "Acknowledgment to mitigation"),
            figures.TARGET.values(),
            strict=True,
        ):
            assert f"| {stretch} | | {minutes} | |" in REVIEW
        assert f"| Onset to first notice | | {PLAN.severities['sev1'].notice_min} | |" in REVIEW

    def test_the_tables_have_one_width(self):
        for make in (
            figures.clock_table, figures.probe_table, figures.failover_table, figures.retry_table,
            figures.severity_table, figures.escalation_table, figures.level_table, figures.lever_table,
            figures.symptom_table, figures.incident_table,
        ):  # fmt: skip
            widths = [line.count(" | ") for line in make().splitlines()]
            assert len(widths) > 2
            assert all(a == b for a, b in pairwise(widths)), make.__name__
