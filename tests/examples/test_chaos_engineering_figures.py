"""The page's figures against arithmetic done by hand, the model of the zone, and what the plan refuses."""

import json
import math
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from examples.chaos_engineering import figures, paper, plan, setting, zone


class TestSetting:
    def test_the_facts_of_the_question(self):
        assert setting.NODES * setting.GPUS_PER_NODE == setting.REPLICAS * setting.GPUS_PER_REPLICA == 192
        assert setting.FLEET_RPS == 384
        assert pytest.approx(0.6 + 400 * 0.030) == setting.STREAM_S == 12.6
        assert pytest.approx(2_000_000 / 2_400 / 60) == setting.PROVIDER_RPS
        assert setting.BUDGET == 130 * 2_592_000 // 1_000 == 336_960
        assert setting.ALLOWANCE == 33_696
        assert pytest.approx(0.005 + 0.004) == setting.PROVIDER_REQUEST


class TestPaper:
    def test_the_zone_at_peak(self):
        assert figures.loss("capacity") == "256"
        assert figures.short() == 44
        assert figures.loss("provider") == "13.9"
        assert figures.loss("unplaced") == "30.1"
        assert figures.cut() == figures.loss("cut") == "1,260"
        assert figures.loss("missed") == "1,000"
        assert figures.refused_in() == "18,067"  # 30.11 * 600
        assert figures.urgent() == 210
        assert figures.spare_after_deferral() == 46
        assert figures.utilization(210, 32) == "82%"
        assert figures.utilization(300, 48) == "78%"
        assert figures.drain_s() == f"{(1_260 + 1_000) * 0.7 / 46:.0f}" == "34"
        assert figures.cut_urgent() == f"{1_260 * 0.7:.0f}" == "882"

    def test_deferral(self):
        # 90 batch requests/s arrive, 46 are served: 44/s pile up, and 84/s of room work them off.
        assert figures.backlog() == "26,400"
        assert figures.backlog_drain_min() == "5"
        assert figures.deferrable_hours() == f"{4 * 90 / 44:.1f}" == "8.2"

    def test_the_longest_loss_with_batch_in_time_by_stepping_through_the_queue(self):
        def longest_wait_h(loss_h):
            """First in, first out: 90/s arrive; 46/s are served in the loss, 174/s after it. Minute steps."""
            served, arrived_by, longest = 0.0, 0.0, 0.0
            for minute in range(1, 48 * 60):
                now = minute / 60
                served += (46 if now < loss_h else 174) * 60
                arrived_by = served / 90 / 3_600  # The hour at which the one now served arrived.
                if arrived_by >= now:
                    break
                longest = max(longest, now - arrived_by)
            return longest

        assert longest_wait_h(8.1) < 4.0 < longest_wait_h(8.3)

    def test_a_part_is_shed(self):
        assert paper.lose(16, 300, shed=0.3).unplaced == 0
        assert paper.lose(16, 300, shed=0.1466).unplaced < 1e-9 + 0.1

    def test_attempts_are_a_fixed_point(self):
        capacity = 256 + 2_000_000 / 2_400 / 60
        refused = 1 - capacity / figures.offered()
        assert 300 * (1 + refused + refused**2) == pytest.approx(figures.offered(), abs=1)
        assert figures.offered() == 504
        # What fails in the end is what has no place, whatever the retries.
        assert 300 * refused**3 == pytest.approx(30.1, abs=0.3)
        assert paper.attempts(200, 256) == pytest.approx(200)

    @given(st.floats(1, 1_000), st.floats(1, 1_000))
    def test_attempts_lie_between_one_and_three_for_each_request(self, fresh, capacity):
        assert fresh * 0.999 <= paper.attempts(fresh, capacity) <= fresh * 3 * 1.001

    def test_recovery_costs(self):
        # 1,260 prompts of 2,000 tokens, at 256 * 2,000 prefilled tokens/s.
        assert figures.prefill_s() == f"{1_260 * 2_000 / 512_000:.1f}" == "4.9"
        assert figures.lost_output_tokens() == f"{1_260 * 200:,}" == "252,000"
        assert figures.cold(1) == f"{30 + 140 + 90}" == "260"
        assert figures.cold(8) == "260"
        assert figures.cold(9) == f"{30 + 70 * 9 / 4 + 90:.0f}"
        assert figures.cold(16) == f"{30 + 280 + 90}" == "400"

    def test_the_rest_of_the_draft(self):
        assert figures.cut_by(1, 130) == f"{130 / 48 * 12.6:.0f}" == "34"
        assert figures.cut_by(1, 300) == f"{300 / 48 * 12.6:.0f}" == "79"
        assert figures.daily_deletion_share() == f"{30 * 34.125 / 33_696 * 100:.0f}%" == "3%"
        assert figures.days_between_faults() == "11"
        assert figures.fault_rate() == f"{8 / 2.160:.1f}" == "3.7"
        assert figures.published_rate() == f"{(148 + 72 + 19 + 17 + 6 + 6) / 110.592:.1f}" == "2.4"
        assert figures.replica_rps_after_loss() == "9.4"
        assert figures.delay_share() == "1.6%"
        assert figures.pool_in_flight() == f"{130 / 24 * 12.6:.0f}" == "68"

    def test_an_exact_test_wants_a_tenth_more_than_the_approximation(self):
        """Power of Fisher's exact test, one-sided at 5%, by adding up every outcome that it calls different."""

        def power(n):
            few = range(40)
            chance = {p: [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in few] for p in (0.001, 0.01)}
            total = 0.0
            for m in range(30):
                tail, ways = 0, math.comb(2 * n, m)
                for broken in range(m, -1, -1):
                    tail += math.comb(n, broken) * math.comb(n, m - broken)
                    if tail / ways > 0.05:
                        break
                    total += chance[0.01][broken] * chance[0.001][m - broken]
            return total

        assert 0.74 < power(833) < 0.76
        assert power(1_000) > 0.8

    def test_intervals_against_the_published_table(self):
        # Exact Poisson limits, as printed in tables of Garwood's: 0, 1 and 8 events.
        assert figures.interval(0) == "0 to 3.7"
        assert figures.interval(1) == "0.03 to 5.6"
        assert figures.interval(8) == "3.5 to 15.8"

    def test_sample_sizes(self):
        assert figures.samples(0.01) == "833"
        assert figures.samples(0.002) == "18,525"
        assert paper.sample_size(0.001, 0.01) == math.ceil(2.487**2 * (0.000999 + 0.0099) / 0.009**2)
        assert figures.sample_minutes(0.01) == "3"
        assert figures.sample_minutes(0.002) == "57"
        stop = 1 - math.exp(-0.833) * sum(0.833**k / math.factorial(k) for k in range(5))
        assert figures.certain_stop() == "over 99%"
        assert 1 - math.exp(-18.525) * sum(18.525**k / math.factorial(k) for k in range(5)) > 0.9999
        assert figures.false_stop() == f"{stop * 100:.1f}%"

    def test_the_fenced_pool_and_the_ratio(self):
        assert figures.overload_ratio() == "117%"
        assert figures.ratio_rps(2) == "19"
        assert figures.ratio_rps() == f"{10 * 8 * 300 / 256:.0f}" == "94"
        assert figures.ratio_total() == f"{93.75 / 0.7:.0f}" == "134"
        assert figures.excluded_replicas() == math.ceil(90 / 8) == 12
        assert figures.fenced_utilization() == f"{300 * 0.7 * 0.7 / (20 * 8) * 100:.0f}%" == "92%"

    def test_headroom_and_money(self):
        # 300 / 8 = 38 replicas in two zones: 19 in each of three, ten nodes for 76 GPUs instead of eight.
        assert [figures.headroom(w) for w in ("replicas", "more", "nodes")] == ["57", "9", "6"]
        assert figures.headroom("month") == f"{6 * 8 * 2.5 * 720:,.0f}" == "86,400"
        # With the provider, 286.1 / 8 = 36: 18 in each, nine nodes.
        assert [figures.headroom(w, True) for w in ("replicas", "nodes")] == ["54", "3"]
        assert figures.headroom("month", True) == "43,200"
        assert figures.provider_cost(0.13, 43_200) == f"{0.13 * 2_592_000 * 0.009:,.0f}" == "3,033"
        assert figures.allowance() == "33,696"
        assert figures.work_weeks() == 24

    @pytest.mark.parametrize(
        "nonsense",
        [
            lambda: paper.lose(49, 1),
            lambda: paper.lose(-1, 1),
            lambda: paper.lose(1, math.inf),
            lambda: paper.lose(1, 1, shed=1.1),
            lambda: paper.cold_start_s(0),
            lambda: paper.sample_size(0.1, 0.1),
        ],
    )
    def test_nonsense_is_refused(self, nonsense):
        with pytest.raises(ValueError, match=r"no |nothing"):
            nonsense()


class TestZone:
    @pytest.mark.parametrize("way", figures.WAYS)
    def test_nothing_is_answered_that_did_not_arrive_and_nothing_above_capacity(self, way):
        history = zone.lose_a_zone(figures.WAYS[way])
        arrived = setting.PEAK_RPS * zone.END_AT
        assert sum(s.good + s.bad for s in history) <= arrived + 1_260 + 1e-6
        assert all(s.good <= setting.FLEET_RPS + setting.PROVIDER_RPS + 1e-6 for s in history)
        lost = history[zone.LOST_AT + 1 : zone.BACK_AT]
        assert all(s.good <= 256 + setting.PROVIDER_RPS + 1e-6 for s in lost)

    def test_without_a_loss_everything_is_answered(self):
        for gateway in figures.WAYS.values():
            history = zone.lose_a_zone(gateway, back_at=zone.LOST_AT)
            assert [s.good for s in history] == pytest.approx([300] * zone.END_AT)

    def test_today_outlives_its_trigger(self):
        history = zone.lose_a_zone(figures.WAYS["today"])
        # The provider still takes the overflow, and no replica answers anybody who is still there.
        assert all(s.good == pytest.approx(setting.PROVIDER_RPS) for s in history[zone.BACK_AT + 60 :])
        # Three attempts a request, but for those that the provider answers at the first.
        assert history[-1].attempts == pytest.approx(900 - 2 * setting.PROVIDER_RPS)

    def test_a_retry_budget_shortens_it_and_does_not_prevent_it(self):
        history = zone.lose_a_zone(figures.WAYS["budget"])
        assert history[zone.BACK_AT + 60].good == pytest.approx(setting.PROVIDER_RPS)
        assert history[-1].good == pytest.approx(300)

    def test_a_bounded_queue_refuses_the_excess_and_no_more(self):
        history = zone.lose_a_zone(figures.WAYS["bounded"])
        bad = sum(s.bad for s in history)
        # 30.1/s for ten minutes, 70% of 1,260 cut streams, and no more than the 1,000 missed besides.
        assert 18_067 * 0.95 <= bad <= 18_067 + 882 + 1_000
        assert history[-1].good == pytest.approx(300)

    def test_deferral_loses_hardly_more_than_the_cut_streams(self):
        history = zone.lose_a_zone(figures.WAYS["deferred"])
        assert 882 <= sum(s.bad for s in history) < 1_000
        # The backlog is what ten minutes at 44/s leave, plus cut batch streams and the first seconds' disorder.
        assert max(s.deferred for s in history) == pytest.approx(26_400, rel=0.07)
        assert history[-1].deferred == 0

    def test_whoever_cancels_what_clients_abandon_does_not_fall(self):
        history = zone.lose_a_zone(figures.WAYS["canceled"])
        assert all(s.good >= 256 for s in history[zone.LOST_AT + 15 : zone.BACK_AT])
        assert history[-1].good == pytest.approx(300)
        # Fewer than the excess alone, since a part of it is still in the queue when the zone is back.
        assert 882 < sum(s.bad for s in history) < 18_067
        assert zone.recovers(figures.WAYS["canceled"], zone.BACK_AT)

    def test_patient_clients_are_late_and_not_lost(self):
        # 30.1/s for 600 s and the cut and missed ones are a queue of some 80 s at 256/s: less than 120 s of patience.
        history = zone.lose_a_zone(figures.WAYS["patient"])
        assert 882 <= sum(s.bad for s in history) < 1_000
        assert max(s.good for s in history) == pytest.approx(384 + setting.PROVIDER_RPS)

    def test_the_latest_abort(self):
        latest = figures.latest_abort()
        today = figures.WAYS["today"]
        assert zone.recovers(today, zone.LOST_AT + latest)
        assert not zone.recovers(today, zone.LOST_AT + latest + 1)
        assert zone.latest_abort_s(figures.WAYS["bounded"]) == zone.BACK_AT - zone.LOST_AT

    def test_the_chart_and_its_words(self):
        chart = figures.zone_chart()
        rows = chart["data"]["values"]
        json.dumps(chart)
        assert len(rows) == 25
        assert all(250 <= row["today"] <= 270 for row in rows[1:5])
        assert rows[5]["today"] == 25
        assert all(row["today"] == 14 for row in rows[6:])
        assert next(row["minute"] for row in rows[11:] if row["budget"] >= 300) == 11 + 5
        assert all(row["bounded"] >= 255 for row in rows)
        assert set(rows[0]) == {"minute", *figures.NAMES}
        assert all(row["deferred"] == 256 for row in rows[2:11])
        assert rows[12]["deferred"] == 384
        assert rows[-1]["deferred"] == 300

    def test_the_figures_of_the_model(self):
        assert figures.zone_minutes() == 24
        assert figures.zone_asked() == f"{300 * 24 * 60:,}" == "432,000"
        for way, gateway in figures.WAYS.items():
            bad = sum(s.bad for s in zone.lose_a_zone(gateway))
            assert figures.zone_bad(way) == f"{bad:,.0f}"
            assert figures.zone_bad_share(way) == f"{bad / 336_960 * 100:.0f}%"
        assert figures.zone_bad() == figures.zone_bad("today") == "325,142"
        assert figures.zone_bad_share() == figures.zone_bad_share("today")


DATA = yaml.safe_load((plan.FOLDER / "plan.yml").read_text(encoding="utf-8"))


def broken(change):
    data = json.loads(json.dumps(DATA))
    change(data, {e["id"]: e for e in data["experiments"]})
    return data


class TestPlan:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda d, e: e["stall"].update(needs=["ratio"]), "before what makes it safe"),
            (
                lambda d, e: (d["experiments"].remove(e["abort"]), [x.update(needs=[]) for x in e.values()]),
                "abort",
            ),
            (lambda d, e: e["answers"].update(load_rps=1), "meets no user"),
            (lambda d, e: e["ratio"].update(weeks=[12, 13]), "not in this quarter"),
            (lambda d, e: e["ratio"].update(load_rps=300, detect_s=600), "could cost"),
            (lambda d, e: d["experiments"].pop(), None),
            (lambda d, e: d["failures"][0].update(by=["nobody"]), "which nobody runs"),
            (lambda d, e: e["stall"].update(blast_radius="small"), "Extra inputs"),
            (lambda d, e: d["failures"][0].update(by=[]), "at least 1"),
        ],
    )
    def test_what_it_refuses(self, change, reason):
        if reason is None:
            plan.Plan.model_validate(broken(change))
            return
        with pytest.raises(ValidationError, match=reason):
            plan.Plan.model_validate(broken(change))

    def test_worst_cases(self):
        worst = {e.id: e.worst_case() for e in plan.load().experiments}
        assert worst["stall"] == pytest.approx(5.4 * 70)
        assert worst["shed"] == pytest.approx(18.75 * 70)
        # One replica of 2.7 requests/s, then two of 5.4 together; 34.125 cut streams each.
        assert worst["kill"] == pytest.approx(2.7 * 20 + 5.4 * 20 + 3 * 34.125)
        assert worst["ratio"] == pytest.approx(94 * 40)
        assert worst["gameday"] == worst["answers"] == 0
        assert figures.worst_month() == f"{91 * 40 + 94 * 40:,}" == "7,400"
        assert figures.worst_month_share() == "22%"

    def test_the_ranking(self):
        risks = {f.id: f.risk() for f in plan.load().failures}
        assert risks["rollout"] == 130 * 1_800
        assert risks["stall"] == pytest.approx(0.5 * 130 / 48 * 900, rel=0.01)
        assert risks["gpu"] == pytest.approx(8 * 34.125)
        assert risks["provider"] == 0
        ranked = [line.split("<br>")[0][2:] for line in figures.risk_table().splitlines()[2:]]
        assert [f.what for f in plan.load().failures] == ranked
        assert max(risks, key=risks.get) == "rollout"
        assert "`records`, `kill` | 34 cut<br>8 in 90 days | Process exit" in figures.risk_table()

    def test_the_files_are_those_of_the_plan(self):
        files = [name for e in plan.load().experiments for name in e.files]
        assert sorted(files) == sorted(file.stem for file in (plan.FOLDER / "experiments").glob("*.yml"))

    def test_a_file_allows_no_more_than_its_place_in_the_plan(self):
        for experiment in plan.load().experiments:
            for name in experiment.files:
                text = (plan.FOLDER / f"experiments/{name}.yml").read_text(encoding="utf-8")
                bound = int(re.search(r"worst_case_bad: (\d+)", text)[1])
                assert bound >= experiment.worst_case() - 0.5

    def test_the_tables(self):
        assert len(figures.experiment_table().splitlines()) == 2 + len(plan.load().experiments)
        assert "| `abort`<br>week 2-3<br>Pool |" in figures.experiment_table()
        for row in figures.experiment_table().splitlines()[2:]:
            worst = row.strip("| ").split(" | ")[-1]
            if numbers := re.match(r"([\d,]+)<br>= ([\d.]+) \u00d7 ([\d.]+) s(?: \+ (\d+) cut)?$", worst):
                total, load, seconds, cut = numbers.groups()
                assert float(load) * float(seconds) + float(cut or 0) == pytest.approx(
                    float(total.replace(",", "")), abs=0.6
                )
            else:
                assert worst == "0"
        assert (
            figures.ratio_harm() == f"{3_760 / float(figures.zone_bad().replace(',', '')) * 100:.0f}%" == "1%"
        )
        assert "$86,400 a month" in figures.answers_table()
        # 44 of 300 without the provider, 30.1 of 300 with it.
        assert "15% refused while a zone is lost at peak, or 10% if" in figures.answers_table()

    def test_the_follow_ups(self):
        probes = figures.probes_95()
        assert 1 - 0.95**probes >= 0.95 > 1 - 0.95 ** (probes - 1)
        assert figures.fleet_worst() == f"{94 * 40:,}"
        assert figures.utilization(130, 32) == "51%"
        assert figures.provider_cost(13.9, 10) == f"{13.9 * 600 * 0.009:.0f}" == "75"
        assert figures.reroute_s() == 10
