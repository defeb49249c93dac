"""Each figure and each conclusion of the page, from the committed evidence and by independent arithmetic."""

import csv
import re
from fractions import Fraction
from math import erfc, exp, log
from pathlib import Path
from statistics import fmean, median, stdev

import pytest

from examples.throughput_drop import decision, figures, setting
from examples.throughput_drop.decision import Plan
from macros import evidence
from tests.content.reading import DOCS, ROOT, body_of, sections_of

EVIDENCE = ROOT / "examples/throughput_drop/evidence"
PAGE = DOCS / "questions/debugging/throughput-drop.md"


def rows(name):
    with (EVIDENCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


FLEET, GATEWAY, LAB = rows("fleet.csv"), rows("gateway.csv"), rows("lab.csv")


def cells(table):
    return [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def fleet(first, last, **where):
    return [
        row
        for row in FLEET
        if first <= row["time"] <= last and all(row[key] == value for key, value in where.items())
    ]


def per_second(found):
    """Output tokens/s of one replica."""
    return fmean(int(row["output_tokens"]) for row in found) / 60


def plateau(image, flags, template, host=None):
    found = [
        int(row["output_tokens"]) / 30
        for row in LAB
        if (row["image"], row["flags"], row["rendered_by"]) == (image, flags, template)
        and row["offered_rps"] == "10.0"
        and host in (None, row["host"])
    ]
    return fmean(found)


class TestTheNumber:
    def test_the_alert_and_the_hour_before_are_the_questions(self):
        alert = sum(int(row["output_tokens"]) for row in fleet("14:47", "14:51")) / 300
        before = sum(int(row["output_tokens"]) for row in fleet("13:50", "13:59")) / 600
        assert alert == pytest.approx(44_800, rel=0.01)
        assert before == pytest.approx(64_000, rel=0.01)

    def test_what_each_explanation_of_the_number_would_need(self):
        assert figures.fewer() == "140" == str(44_800 // 320)
        assert figures.shorter() == "224" == str(44_800 // 200)
        assert figures.unseen_replicas() == "9.6" == f"{19_200 / 2_000}"

    def test_gateway_demand_answers_and_replicas_rule_them_out(self):
        for row in GATEWAY:
            if "14:42" <= row["time"] <= "14:58":
                assert int(row["requests"]) == pytest.approx(12_000, rel=0.05)
                assert int(row["requests"]) == pytest.approx(int(row["requests_week_before"]), rel=0.05)
                assert int(row["streamed_tokens"]) / int(row["streams_ended"]) == pytest.approx(320, rel=0.03)
                engines = fleet(row["time"], row["time"])
                assert len(engines) == 32
                assert int(row["streamed_tokens"]) == pytest.approx(
                    sum(int(engine["output_tokens"]) for engine in engines), rel=0.02
                )

    def test_the_table_shows_the_data(self):
        (row,) = fleet("14:50", "14:50", replica="1")
        table = {cell[0]: cell[1:] for cell in cells(figures.count_table())}
        for at, time in enumerate(("13:55", "14:50")):
            engines = sum(int(row["output_tokens"]) for row in fleet(time, time)) // 60
            (seen,) = (
                {key: int(n) for key, n in row.items() if key != "time"}
                for row in GATEWAY
                if row["time"] == time
            )
            assert [cell[at] for cell in table.values()] == [
                f"{engines:,}",
                f"{seen['streamed_tokens'] // 60:,}",
                "32",
                f"{seen['requests'] / 60:.0f}",
                f"{(seen['requests'] - seen['refused']) / 60:.0f}",
                f"{seen['streamed_tokens'] / seen['streams_ended']:.0f}",
            ]
        assert row["build"] == "new"


class TestTheUsers:
    def test_harm_and_what_is_not_exhausted(self):
        for row in GATEWAY:
            if "14:42" <= row["time"] <= "14:58":
                assert 0.27 < int(row["refused"]) / int(row["requests"]) < 0.33
                assert 15_000 < int(row["ttft_p95_ms"]) < 17_000
        during = fleet("14:42", "14:58")
        assert all(int(row["running"]) < 512 / 2 for row in during)
        assert all(int(row["kv_pct"]) < 60 for row in during)
        assert fmean(int(row["waiting"]) for row in during) > 60

    def test_how_full_and_how_much_is_lost(self):
        assert figures.full(64_000) == "71%" == f"{64_000 / (32 * 2_800) * 100:.0f}%"
        assert figures.ratio_lost() == "50%" == f"{(1 - 1_400 / 2_800) * 100:.0f}%"
        assert figures.needed_a_replica() == "2,500" == f"{250 * 320 // 32:,}"
        assert figures.refused_a_minute() == "3,600" == f"{60 * (200 - 140):,}"

    def test_utilization_separates_nothing(self):
        assert {row["gpu_util_pct"] for row in rows("hosts.csv")} == {"100"}
        assert {row["period"] for row in rows("hosts.csv") if int(row["replica"]) <= 32} == {
            "13:50-14:00",
            "14:45-15:00",
        }
        assert {cell[0]: cell[1:] for cell in cells(figures.users_table())}["GPU utilization"] == ["100%"] * 2
        for row in [*fleet("13:50", "13:59"), *fleet("14:45", "14:59")]:
            assert int(row["running"]) > 0, "so some kernel always ran"

    def test_each_host_has_one_row_a_period(self):
        found = [(row["replica"], row["period"]) for row in rows("hosts.csv")]
        assert len(found) == len(set(found)) == 2 * 32 + 4
        for row in rows("hosts.csv"):
            if row["batch"] != "spare":
                assert int(row["batch"]) == (int(row["replica"]) + 3) // 4


class TestTheClock:
    def test_capacity_batch_by_batch(self):
        new, old = Fraction(35, 8), Fraction(35, 4)
        plan = Plan(900, spares=True)
        for batch in range(8):
            alone = 4 * batch * old + (28 - 4 * batch) * new
            assert Plan(900).capacity(900 + 5 * batch) == alone
            assert plan.capacity(900 + 5 * batch) == alone + (4 * old if 1 <= batch < 6 else 0)
        assert [plan.capacity(900 + 5 * batch) for batch in (0, 1, 3, 6)] == [122.5, 175, 210, 227.5]
        assert plan.capacity(899) == 140
        assert plan.capacity(940) == 280

    def test_refused_until_the_peak(self):
        """Demand 200 + minute x 50 / 120, in exact arithmetic."""

        def refused(start, spares):
            total = Fraction(0)
            for minute in range(120):
                capacity = Fraction(140)
                if start is not None and minute >= start:
                    done = min(8, (minute - start) // 5)
                    capacity = 35 * done + Fraction(35, 2) * max(0, 7 - done)
                    short = capacity < 200 + Fraction(50 * minute, 120)
                    capacity += 35 if spares and minute - start >= 5 and short else 0
                total += 60 * max(Fraction(0), 200 + Fraction(50 * minute, 120) - capacity)
            return total

        table = {row[0]: row[1:] for row in cells(figures.plans_table())}
        for (name, row), (start, spares) in zip(
            table.items(), ((0, True), (0, False), (30, True), (60, True), (None, False)), strict=True
        ):
            assert row[0] == f"{float(refused(start, spares)) / 1000:,.0f}", name
        assert [row[1] for row in table.values()] == ["15:15", "15:30", "15:50", "16:25", "no"]
        assert figures.refused("Debug first, roll back at 16:00") == f"{float(refused(60, True)):,.0f}"
        assert figures.wait_costs() == f"{float(refused(30, True) - refused(0, True)):,.0f}" == "133,000"
        assert figures.spares_serve_gain() == f"{float(refused(0, False) - refused(0, True)):,.0f}"
        assert figures.dip_costs() == "5,250" == f"{17.5 * 300:,.0f}"
        assert figures.wrong_costs() == "10,500" == f"{2 * 17.5 * 300:,.0f}"
        assert decision.pays_from() == pytest.approx(10_500 / (10_500 + 133_000), rel=0.001)
        assert figures.pays_from() == "7%"

    def test_the_spares_leave_when_the_fleet_carries_the_demand_and_not_before(self):
        late = Plan(960, spares=True)
        assert late.capacity(990) == 24 * 8.75 + 4 * 4.375 + 35, (
            "six batches back, and 237.5 requests/s asked"
        )
        assert late.capacity(995) == 28 * 8.75
        assert Plan(900, spares=True).capacity(930) == 24 * 8.75 + 4 * 4.375

    def test_the_latest_start_leaves_the_peak_alone(self):
        assert figures.latest_start() == "16:00"
        assert decision.latest_start() + 40 + 5 + 15 == 17 * 60
        assert figures.outgrown(28) == "16:49"
        assert setting.demand(16 * 60 + 48) == 245 == 28 * 8.75
        assert decision.latest_start() + 40 < 16 * 60 + 48

    def test_the_rollback_did_in_the_simulation_what_the_arithmetic_says(self):
        plan = Plan(900, spares=True)
        for batch in range(8):
            first, last = 900 + 5 * batch + 1, 900 + 5 * batch + 4
            found = fleet(f"{first // 60}:{first % 60:02d}", f"{last // 60}:{last % 60:02d}")
            served = sum(int(row["output_tokens"]) for row in found) / 240 / 320
            expected = fmean(min(plan.capacity(m), setting.demand(m)) for m in range(first, last + 1))
            assert served == pytest.approx(expected, rel=0.04), batch
        late = [row for row in GATEWAY if row["time"] >= "15:20"]
        assert max(int(row["refused"]) / int(row["requests"]) for row in late) < 0.005

    def test_refusals_end_before_late_answers_do(self):
        def last(bad):
            return [row["time"] for row in GATEWAY if bad(row)][-1]

        assert last(lambda row: int(row["refused"]) >= 0.01 * int(row["requests"])) == "15:15"
        assert last(lambda row: int(row["ttft_p95_ms"]) > 2_000) == "15:34"
        assert (figures.refusals_end(), figures.ttft_is_back()) == ("15:16", "15:35")
        assert figures._next_minute("15:59") == "16:00"
        assert figures.ttft_at("15:20") == "7"

    def test_fixing_forward_has_a_price_even_if_nothing_slips(self):
        """15:05, one session of twice ten minutes, 25 minutes to build, 40 to roll out; no spares lent."""
        assert figures.fix_forward("built") == "15:50"
        assert figures.fix_forward("done") == "16:30"
        total = Fraction(0)
        for minute in range(120):
            done = min(8, max(0, (minute - 50) // 5))
            capacity = 140 if minute < 50 else 35 * done + Fraction(35, 2) * max(0, 7 - done)
            total += 60 * max(Fraction(0), 200 + Fraction(50 * minute, 120) - capacity)
        assert figures.fix_forward("refused") == f"{float(total):,.0f}" == "321,750"

    def test_what_30_percent_lost_would_promise(self):
        assert figures.overrated() == "18,000" == f"{round(0.7 * 89_600 - 44_800, -3):,.0f}"


class TestSideBySide:
    def test_same_minutes_half_the_output_with_both_queues_full(self):
        new = fleet("14:16", "14:19", build="new")
        old = [row for row in fleet("14:16", "14:19", build="old") if int(row["replica"]) > 16]
        assert {row["replica"] for row in new} == {str(n) for n in range(1, 13)}
        assert per_second(new) / per_second(old) == pytest.approx(0.5, abs=0.02)
        assert min(fmean(int(row["waiting"]) for row in side) for side in (new, old)) > 30
        table = {row[0]: row[1:] for row in cells(figures.side_table())}
        assert table["Output tokens/s, each"] == [f"{per_second(side):,.0f}" for side in (old, new)]
        assert table["Replicas"] == ["16", "12"]

    def test_time_in_service_explains_nothing(self):
        values = figures.by_batch()["data"]["values"]
        assert [value["minutes"] for value in values] == [45, 40, 35, 30, 25, 20, 15, 10]
        assert [value["output"] for value in values] == [
            round(
                per_second(
                    [row for row in fleet("14:47", "14:51") if (int(row["replica"]) + 3) // 4 == batch]
                )
            )
            for batch in range(1, 9)
        ]
        assert max(v["output"] for v in values) / min(v["output"] for v in values) < 1.04

    def test_the_slow_host_is_slow_and_explains_next_to_nothing(self):
        own = per_second(fleet("14:47", "14:51", replica="21"))
        others = per_second([row for row in fleet("14:47", "14:51") if row["replica"] != "21"])
        assert own < 0.95 * others
        assert figures.slow_host("tokens") == f"{own:,.0f}"
        assert figures.slow_host("share") == f"{(others - own) / 19_200 * 100:.1f}%" == "0.6%"
        assert figures.slow_host("loss") == f"{(1 - own / others) * 100:.0f}%"
        clocks = {row["period"]: int(row["sm_mhz"]) for row in rows("hosts.csv") if row["replica"] == "21"}
        assert figures.slow_host("mhz_before") == f"{clocks['13:50-14:00']:,}"
        assert figures.slow_host("mhz") == f"{clocks['14:45-15:00']:,}"
        assert max(clocks.values()) < 1_750, "throttled before the rollout as after it"
        before = per_second(fleet("13:50", "13:59", replica="21"))
        assert before == pytest.approx(2_000, rel=0.05), "at partial load it does not show"

    def test_the_old_build_recovers_on_the_same_hosts(self):
        back = [row for row in fleet("15:06", "15:09", build="old") if int(row["replica"]) <= 4]
        assert figures.back_on_old() == f"{per_second(back):,.0f}"
        assert per_second(back) == pytest.approx(2_800, rel=0.02)

    def test_work_a_request_and_work_a_second(self):
        table = {row[0]: row[1:] for row in cells(figures.counters_table())}
        assert table["Prompt tokens found in the cache"] == ["50%", "0%"]
        old, new = (int(cell.replace(",", "")) for cell in table["Tokens computed a request"])
        assert old == pytest.approx(1_020, rel=0.02)
        assert new == pytest.approx(1_744, rel=0.02)
        assert [figures.computed_a_request(build) for build in ("old", "new")] == ["1,020", "1,720"]
        old_s, new_s = (int(cell.replace(",", "")) for cell in table["Tokens computed a second"])
        assert old_s == pytest.approx(2_800 / 320 * 1_020, rel=0.02)
        assert new_s == pytest.approx(1_400 / 320 * 1_744, rel=0.02)
        assert figures.cache_alone() == "1,660" == f"{2_800 * 1_020 / 1_720:,.0f}"
        assert figures.cache_alone_fleet() == "53,135" == f"{32 * 2_800 * 1_020 / 1_720:,.0f}"
        assert int(figures.cache_alone_fleet().replace(",", "")) > 1.15 * 44_800, (
            "an empty cache alone does not explain the alert"
        )


class TestCanary:
    def test_it_had_the_sample_and_lacked_the_load(self):
        assert figures.canary_full() == "23%" == f"{1 / 4.375 * 100:.0f}%"
        assert figures.rule_of_three() == "0.08%" == f"{3 / 3_600 * 100:.2f}%"
        by_arm = {
            arm: [int(row["ttft_ms"]) for row in rows("canary.csv") if row["arm"] == arm]
            for arm in ("canary", "control")
        }
        above = sum(a > b for a in by_arm["canary"] for b in by_arm["control"])
        ties = sum(a == b for a in by_arm["canary"] for b in by_arm["control"])
        assert figures.canary_longer("chance") == f"{(above + ties / 2) / 900**2 * 100:.0f}%"
        assert int(figures.canary_longer("z")) > 10
        assert max(by_arm["canary"]) < 2_000, "it passed its own test"

    def test_a_matched_control_would_have_told(self):
        old, new = (int(figures.ttft_p95(1, build, build)) for build in ("old", "new"))
        assert new > 2 * old
        settings, before = (int(figures.ttft_p95(6.25, "old", flags)) for flags in ("new", "old"))
        assert 2 * before < settings < 2_000, "a baseline shows the settings, the target does not"

    def test_the_table_shows_the_sample(self):
        def nearest(arm, column, share):
            return sorted(int(row[column]) for row in rows("canary.csv") if row["arm"] == arm)[
                int(900 * share)
            ]

        assert [row[1:] for row in cells(figures.canary_table())] == [
            ["1", "6.6"],
            *(
                [f"{nearest(arm, column, share)} ms" for arm in ("canary", "control")]
                for column, share in (("ttft_ms", 0.5), ("ttft_ms", 0.95), ("tpot_ms", 0.5))
            ),
        ]

    def test_either_canary_replica_is_slower_than_either_control(self):
        found = {
            (arm, replica): median(
                int(row["ttft_ms"])
                for row in rows("canary.csv")
                if (row["arm"], row["replica"]) == (arm, replica)
            )
            for arm in ("canary", "control")
            for replica in "12"
        }
        assert min(found["canary", r] for r in "12") > 1.3 * max(found["control", r] for r in "12")
        for arm in ("canary", "control"):
            assert figures.canary_medians(arm) == f"{found[arm, '1']:.0f} and {found[arm, '2']:.0f}"
        assert round(198 / 30 * 2 * 1_800, -2) == 23_800
        assert figures.fills_in() == "34" == f"{64 / (6.25 - 4.375):.0f}"


class TestTheLoadTest:
    def test_every_cell_ran_once_on_every_host_both_ways(self):
        found = {(r["image"], r["flags"], r["rendered_by"], r["host"]) for r in LAB}
        assert len(found) == 2 * 2 * 2 * 4
        assert len({(r["session"], r["host"], r["image"], r["flags"]) for r in LAB}) == 16

    def test_each_single_cause_is_refuted_by_cells_that_it_gets_wrong(self):
        best, worst = plateau("old", "old", "old"), plateau("new", "new", "new")
        for factor in range(3):
            wrong = [
                abs(plateau(*cell) - (worst if cell[factor] == "new" else best)) / best
                for cell in figures.CELLS
            ]
            assert sum(miss > 0.12 for miss in wrong) >= 4, factor
        # Traffic, hosts and cold caches predict that all eight are alike.
        assert worst < 0.55 * best

    def test_the_two_causes_and_only_they(self):
        image, flags, template = (figures.effect(factor) for factor in range(3))
        assert image.low < 1 < image.high
        assert image.low > 0.97
        assert image.high < 1.03
        assert flags.high < 0.85
        assert template.high < 0.66

    def test_together_they_leave_less_than_the_product(self):
        """From the corners, by hand: averages over all cells cannot tell, since their product is what is seen, always."""

        def mean_ratio(new, old):
            logs = [
                log(plateau(image, *new, host) / plateau(image, *old, host))
                for image in ("old", "new")
                for host in "ABCD"
            ]
            return exp(fmean(logs)), 2.365 * stdev(logs) / 8**0.5

        neither, both, settings, template = (("old", "old"), ("new", "new"), ("new", "old"), ("old", "new"))
        found = {
            name: mean_ratio(*pair)
            for name, pair in {
                ("settings", "old"): (settings, neither),
                ("settings", "new"): (both, template),
                ("template", "old"): (template, neither),
                ("template", "new"): (both, settings),
            }.items()
        }
        for (name, other), (ratio, half) in found.items():
            low, high = ratio * exp(-half), ratio * exp(half)
            assert figures.effect_with(name, other) == f"{ratio:.2f} ({low:.2f} to {high:.2f})"
        alone = {name: found[name, "old"][0] for name in ("settings", "template")}
        assert [figures.alone(name) for name in alone] == ["0.82", "0.64"]
        together = mean_ratio(both, neither)[0]
        assert figures.together() == f"{together:.2f}" == "0.50"
        assert figures.product() == f"{alone['settings'] * alone['template']:.2f}" == "0.52"
        ratio, low, high = map(float, re.findall(r"[\d.]+", figures.beyond_product()))
        assert ratio == pytest.approx(together / (alone["settings"] * alone["template"]), abs=0.005)
        assert low < ratio < high < 1, "more than noise"
        assert figures.effect_of("image").startswith("1.00")

    def test_the_effect_of_a_factor_by_hand(self):
        logs = [
            plateau(image, flags, "new", host) / plateau(image, flags, "old", host)
            for image in ("old", "new")
            for flags in ("old", "new")
            for host in "ABCD"
        ]
        product = 1.0
        for ratio in logs:
            product *= ratio
        assert figures.effect(2).ratio == pytest.approx(product ** (1 / 16))

    def test_an_empty_cache_costs_less_than_its_tokens(self):
        template = fmean(
            plateau(image, "old", "new", host) / plateau(image, "old", "old", host)
            for image in ("old", "new")
            for host in "ABCD"
        )
        assert figures.cache_is_worth() == f"{(1 - template) * 100:.0f}%" == "36%"
        old, new = (int(figures.computed_a_request(build).replace(",", "")) for build in ("old", "new"))
        assert 1 - template < 1 - old / new

    def test_the_cache_follows_the_template_and_not_the_image(self):
        assert [row[2] for row in cells(figures.lab_table_by_rendering())] == ["50%", "0%", "50%", "0%"]

    def test_settings_alone_carry_today_and_fail_the_peak_and_the_image_alone_fails_today(self):
        def at(image, flags, rps):
            return fmean(
                int(row["output_tokens"]) / 30
                for row in LAB
                if (row["image"], row["flags"], row["rendered_by"]) == (image, flags, image)
                and row["offered_rps"] == rps
            )

        assert at("old", "new", "6.25") == pytest.approx(2_000, rel=0.05)
        assert at("old", "new", "7.8125") < 0.95 * 2_500
        assert at("new", "old", "6.25") < 0.9 * 2_000
        assert at("old", "old", "7.8125") == pytest.approx(2_500, rel=0.03)
        for image, flags in (("old", "old"), ("old", "new"), ("new", "old"), ("new", "new")):
            assert at(image, flags, "1.0") == pytest.approx(320, rel=0.15), (
                "at the canary's load all are alike"
            )

    def test_the_tables_show_the_data(self):
        seen = {row[0]: row[1] for row in cells(figures.rivals_table())}
        assert seen["I"] == f"{plateau('new', 'old', 'old'):,.0f}"
        assert seen["S T"] == f"{plateau('old', 'new', 'new'):,.0f}"
        released = {(row[0], row[1]): row[2] for row in cells(figures.released_table())}
        assert released["new", "old"] == f"{plateau('new', 'old', 'new'):,.0f}"
        assert (
            figures.thousands("new", "old", "new") == f"{round(32 * plateau('new', 'old', 'new'), -3):,.0f}"
        )
        assert figures.served(32, "new", "old", "new") == f"{plateau('new', 'old', 'new') / 10:.0f}"


class TestTheGate:
    def ratios(self, candidate):
        return [float(row["ratio"]) for row in rows("gate.csv") if row["candidate"] == candidate]

    def test_it_fails_the_release_and_both_causes_and_passes_the_rest_and_the_mend(self):
        for candidate in ("release", "scheduler settings", "chat template", "template mended"):
            assert max(self.ratios(candidate)) < figures.GATE_AT
        for candidate in ("engine", "base image", "metrics library", "usage event", "both mended"):
            assert min(self.ratios(candidate)) > figures.GATE_AT
        assert fmean(self.ratios("both mended")) * 2_800 > 2_500 * 1.05
        assert fmean(self.ratios("template mended")) * 2_800 < 2_500 * 0.95

    def test_the_fleet_of_a_candidate(self):
        mended = fmean(self.ratios("template mended"))
        assert figures.gate_fleet("template mended") == f"{mended * 2.8 * 32:.0f},000"
        assert f"| {mended * 2.8 * 32:.0f} |" in figures.alone_table()

    def test_false_alarms(self):
        same = self.ratios("same build")
        assert len(same) == 60
        assert figures.gate_lowest() == f"{min(same):.3f}"
        assert min(same) > figures.GATE_AT
        mean = fmean(same)
        deviation = (sum((r - mean) ** 2 for r in same) / 59) ** 0.5
        assert figures.gate_spread() == f"{deviation * 100:.1f}%"
        assert (mean - 0.95) / deviation > 4.2, "less than 1 in 70,000 by a normal distribution"
        claimed = int(figures.gate_false_alarm().removeprefix("1 in ").replace(",", ""))
        tail = erfc((mean - 0.95) / deviation / 2**0.5) / 2
        assert claimed * tail == pytest.approx(1, abs=0.02)
        assert (figures.gate_runs(), figures.gate_at()) == ("60", "95%")
        assert figures.gate_alarms_below() == "5%" == f"{3 / 60 * 100:.0f}%"
        assert round(2_800 * 0.95**3, -2) == 2_400 < 2_500, "three that pass may fail the peak together"
        assert figures.gate_caught(0.05) == "50%"
        assert deviation < figures.spread() / 6**0.5, (
            "two hosts of six samples each, over the same: independent"
        )
        assert int(figures.gate_caught(0.08)[:-1]) > 98

    def test_a_token_5_percent_slower_is_below_what_it_can_see(self):
        slower = self.ratios("token 5% slower")
        assert fmean(slower) == pytest.approx(0.967, abs=0.005)
        assert fmean(r < 0.95 for r in slower) < 0.2

    def test_minutes_needed_grow_with_the_square(self):
        two, five, ten = (float(figures.minutes_needed(effect)) for effect in (2, 5, 10))
        spread = float(figures.spread_percent()[:-1])
        assert five == pytest.approx(0.5 * 2 * ((1.96 + 1.2816) * spread / 5) ** 2, abs=0.2)
        assert two / ten == pytest.approx(25, rel=0.1)


def test_a_step_of_either_build_at_its_limit():
    """23.5 ms + 76 us x tokens + 30 ns x context, the answers half done on average, and what is drawn to length longer."""
    for row, build, context in zip(cells(figures.step_table()), ("old", "new"), (1_600, 1_640), strict=True):
        found = fleet("14:16", "14:19", build=build)
        steps = sum(int(r["steps"]) for r in found)
        tokens = sum(
            int(r["output_tokens"]) + int(r["prompt_tokens"]) - int(r["cached_tokens"]) for r in found
        )
        size, took = tokens / steps, 60e3 * len(found) / steps
        assert row[1:] == [
            f"{size:,.0f}",
            f"{took:.0f} ms",
            f"{(took - 0.076 * size) / took * 100:.0f}%",
            f"{1e3 * size / took:,.0f}",
        ]
        running = fmean(int(r["running"]) for r in found)
        assert took == pytest.approx(23.5 + 0.076 * size + 30e-6 * running * context, rel=0.03)


def test_the_table_of_users_has_what_gateway_and_fleet_have_at_its_two_minutes():
    users = {row[0]: row[1:] for row in cells(figures.users_table())}
    gateways = {
        row["time"]: {name: float(value) for name, value in row.items() if name != "time"} for row in GATEWAY
    }
    for at, time in enumerate(("13:55", "14:50")):
        of_all, replicas = gateways[time], fleet(time, time)
        assert users["Refused with 429"][at] == f"{of_all['refused'] / of_all['requests']:.0%}"
        assert users["TTFT, 95th percentile"][at] == f"{of_all['ttft_p95_ms'] / 1000:.1f} s"
        for label, column, unit in (
            ("Time per output token", "tpot_p50_ms", "ms"),
            ("Waiting, mean of a replica", "waiting", "of 64"),
            ("Running, mean of a replica", "running", "of 512"),
        ):
            assert users[label][at] == f"{fmean(float(row[column]) for row in replicas):.0f} {unit}"


def test_the_builds_end_at_different_walls():
    old, new = (fleet("14:16", "14:19", build=build) for build in ("old", "new"))
    assert fmean(int(row["kv_pct"]) for row in old) > 98
    assert max(int(row["kv_pct"]) for row in new) < 50
    assert all(
        (int(row["output_tokens"]) + int(row["prompt_tokens"]) - int(row["cached_tokens"]))
        / int(row["steps"])
        < 8_192 / 4
        for row in old
    )
    table = {row[0]: row[1:] for row in cells(figures.counters_table())}
    assert table["Running, each"] == ["346", "93"]
    assert table["KV cache reserved"] == ["99%", "41%"]
    users = {row[0]: row[1:] for row in cells(figures.users_table())}
    assert users["KV cache reserved, fullest replica"] == [
        f"{max(int(row['kv_pct']) for row in fleet(time, time))}%" for time in ("13:55", "14:50")
    ]


def test_the_rollout_could_have_stopped():
    assert figures.first_refusals() == "14:16"
    late = [row["time"] for row in GATEWAY if int(row["ttft_p95_ms"]) > 2_000]
    assert figures.first_slow() == late[0] == "14:11"
    assert f"The alert spoke {52 - int(late[0][3:])} minutes after" in body_of(PAGE), "it spoke at 14:52"
    assert figures.halted_at() == "227.5" == f"{12 * 4.375 + 20 * 8.75}"


def test_costs():
    assert figures.spare_cost() == "$24" == f"${4 * 2 * 3}"
    assert figures.sequential(2) == "80" == str(2 * (25 + 5 + 10))


class TestThePage:
    def test_no_cause_stands_before_its_reveal(self):
        drill = sections_of(body_of(PAGE))["Drill"]
        before = drill.split("//// details | Stage 6")[0]
        assert not re.search(r"current time|found_pct|lab\.py|\.jinja|cached|prefix", before, re.IGNORECASE)
        sixth = drill.split("//// details | Stage 6")[1].split("//// details | Stage 7")[0]
        assert not re.search(r"\.jinja|lab\.py", sixth)

    def test_the_list_of_files_points_at_no_cause(self):
        for file in evidence.load(EVIDENCE.parent):
            assert not re.search(r"prompt|template|render|cache|found", file.what, re.IGNORECASE), file.name
        before = sections_of(body_of(PAGE))["Drill"].split("//// details | Stage 1")[0]
        assert "render" not in before

    def test_every_branch_of_the_tree_asks_whether_users_are_hurt_and_ends_in_an_action(self):
        tree = body_of(PAGE).split("accTitle: Rollback or debug")[1].split("```")[0]
        edges = re.findall(
            r"^    (\w+)\S* .*?--> ?(?:\|[^|]*\| ?)?(\w+)", re.sub(r'"[^"]*"', "", tree), re.MULTILINE
        )
        nexts = {node: [b for a, b in edges if a == node] for node, _ in edges}

        def paths(node):
            return [[node, *rest] for after in nexts.get(node, []) for rest in paths(after)] or [[node]]

        hurt = next(node for node, text in re.findall(r'(\w+)\{"([^"]*)"', tree) if "429 over 1%" in text)
        decisions = set(re.findall(r'(\w+)\{"', tree))
        assert len(paths("a")) >= 12
        for path in paths("a"):
            assert hurt in path, path
            assert path[-1] not in decisions, path
        assert "First attempts/s" in tree

    def test_file_column_and_chart_names_are_neutral(self):
        names = " ".join(path.name for path in Path(EVIDENCE).iterdir())
        names += " ".join(re.findall(r'chart\("(\w+)"', body_of(PAGE)))
        assert not re.search(r"template|budget|prefix|batched|cause|fault", names)

    def test_what_is_typed_follows_from_the_data(self):
        answer = body_of(PAGE)
        assert "2,772 against 1,394" in answer
        side = {row[0]: row[1:] for row in cells(figures.side_table())}
        assert side["Output tokens/s, each"] == ["2,772", "1,394"]
        assert "are at 2,801" in answer
        assert figures.back_on_old() == "2,801"
        counters = {row[0]: row[1:] for row in cells(figures.counters_table())}
        assert counters["Tokens computed a step"] == ["1,109", "505"]
        assert "half as big: 505," in answer
        assert counters["Running, each"][0] in re.search(r"with (\d+) running; its steps", answer)[1]
        assert counters["KV cache reserved"][1] in re.search(r"KV cache stands at (\d+%)", answer)[1]
        assert (figures.alone("settings"), cells(figures.step_table())[0][2]) == ("0.82", "125 ms")
        assert f"than the {(1 - 1_020 / 1_720) * 100:.0f}% that tokens alone" in answer
        assert (int(2 * 4.375 + 0.5), int(2 * 8.75)) == (9, 17)

    def test_it_shows_the_rendered_prompts_as_they_were_captured(self):
        shown = figures.prompt_heads().splitlines()
        assert shown[1:-1] == (EVIDENCE / "prompts.txt").read_text(encoding="utf-8").splitlines()
        assert (shown[0], shown[-1]) == ("```text", "```")
        assert float(figures.ttft_target()) == setting.TTFT_TARGET_S == 2

    def test_the_charts_have_their_rows(self):
        by_minute = {row["at"][11:16]: row["tokens"] for row in figures.tokens_by_minute()["data"]["values"]}
        assert len(by_minute) == 70
        assert by_minute == {
            at: round(sum(int(row["output_tokens"]) for row in fleet(at, at)) / 60) for at in by_minute
        }
        ladder = {(row["build"], row["offered"]): row["output"] for row in figures.ladder()["data"]["values"]}
        assert len(ladder) == 16
        for image in ("old", "new"):
            for flags in ("old", "new"):
                at_most = ladder[f"{image.title()} image, {flags} settings", 10]
                assert at_most == round(plateau(image, flags, image))
        restarting = {
            (row["series"], row["at"][11:16]): row["rps"]
            for row in figures.capacity_while_restarting()["data"]["values"]
        }
        assert {series for series, _ in restarting} == {"Can be served", "Demand"}
        assert [restarting["Demand", at] for at in ("15:00", "16:00", "17:00")] == [200, 225, 250]
        served = {at: rps for (series, at), rps in restarting.items() if series == "Can be served"}
        assert [served[at] for at in ("14:55", "15:00", "15:05", "15:15")] == [140, 122.5, 175, 210]
        assert next(at for at, rps in served.items() if rps >= restarting["Demand", at]) == "15:15"
        assert next(at for at, rps in served.items() if rps == 280) == "15:40"
