"""Each figure and each conclusion of the page, from the committed evidence and by independent arithmetic."""

import csv
import re
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from statistics import NormalDist, fmean, median

import numpy
import pytest

from examples.oom_after_48_hours import figures, fleet, load, setting, stats
from macros import evidence
from tests.content.reading import DOCS, ROOT, body_of, sections_of

EVIDENCE = ROOT / "examples/oom_after_48_hours/evidence"
PAGE = DOCS / "questions/debugging/oom-after-48-hours.md"
GIB, MIB = 2**30, 2**20


def rows(name):
    with (EVIDENCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cells(table):
    return [[cell.strip(" *`") for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


FLEET, PAGES, TOOLS, REPLAYS = rows("fleet.csv"), rows("pages.csv"), rows("tools.csv"), rows("replays.csv")


def engine(replica, field, source=PAGES):
    return {
        int(row["requests"]): int(row[field] or 0)
        for row in source
        if row["replica"] == replica and row["process"] == "engine"
    }


def fitted(points, least=900):
    kept = [(x, y) for x, y in points.items() if x >= least]
    return float(numpy.polyfit([x for x, _ in kept], [y for _, y in kept], 1)[0])


class TestTheAlert:
    def test_the_mix_has_the_questions_prompt(self):
        prompts = {app: load.Apps(1).draw(app).prompt_tokens for app in load.SHARES}
        assert sum(share * prompts[app] for app, share in load.SHARES.items()) == pytest.approx(
            setting.PROMPT
        )

    def test_two_readings_by_hand(self):
        """58 GiB from Friday 11:00 to Sunday 10:04, 47 h 4 min, at 2.5 requests/s."""
        hours = Fraction(47 * 60 + 4, 60)
        requests = hours * 9_000
        assert requests == 423_600
        assert figures.ratio("hour") == "1.23" == f"{58 / float(hours):.2f}"
        assert figures.ratio("request") == "147" == f"{58 * GIB / 423_600 / 1000:.0f}"
        assert figures.ratio("token") == "68" == f"{58 * GIB / 423_600 / 2_150:.0f}"
        assert (figures.ratio("gib"), figures.ratio("hours"), figures.ratio("requests")) == (
            "58",
            "47.1",
            "423,600",
        )

    def test_the_evidence_reproduces_the_questions_readings(self):
        first = {row["time"]: row["r01"] for row in FLEET}
        assert float(first["2026-11-20T11:00"]) == pytest.approx(38, abs=0.5)
        assert float(first["2026-11-22T10:00"]) == pytest.approx(96, abs=0.1)
        assert first["2026-11-22T10:05"] == ""
        last = FLEET[-1]
        assert last["time"] == "2026-11-22T10:15"
        assert [name for name in fleet.HEADER[1:] if not last[name]] == ["r02"]

    def test_ages_at_the_kill_and_who_is_due(self):
        """48:04 and 48:07 are 48:05:30 on average, so the third, ready at 10:10, is due at 10:15:30."""
        due = figures.due()
        assert due[3] == datetime(2026, 11, 22, 10, 15, 30)
        assert due[16] == datetime(2026, 11, 22, 11, 20, 30)
        assert len(due) == 14
        assert all(b - a == timedelta(minutes=5) for a, b in pairwise(due.values()))
        assert (figures.age_at_kill(), figures.last_due()) == ("48 h 6 min", "11:20")
        assert cells(figures.due_table())[0] == ["3", "10:10", "96.0 GiB", "10:15"]

    def test_night_grows_five_times_as_fast_as_day(self):
        """0.1 and 0.5 requests of C a second and replica, 1.815 MB each, and 450 bytes for any request."""
        assert float(figures.slope_by("day")) == pytest.approx(360 * 1.815e6 / GIB + 0.005, abs=0.015)
        assert float(figures.slope_by("night")) == pytest.approx(1_800 * 1.815e6 / GIB, abs=0.03)


class TestTheDrain:
    def test_capacity(self):
        for rate, missing in ((40, 7), (60, 2)):
            assert figures.missing(rate) == f"{missing}"
            assert rate / (16 - missing) < 4.5 < rate / (16 - missing - 1)
        assert figures.each(3, 40) == "3.1" == f"{40 / 13:.1f}"
        assert figures.each(1, 60) == "4.0"
        assert (
            (figures.cut_by_plan(), figures.cut_by_all())
            == ("22", "315")
            == (
                f"{40 / 16 * 9:.0f}",
                f"{14 * 40 / 16 * 9:.0f}",
            )
        )

    def test_one_at_a_time_never_begins_and_two_or_more_lose_one(self):
        table = {row[0]: row[1:] for row in cells(figures.plans_table())}
        assert [table[name][0] for name in figures.PLANS] == ["14", "14", "1", "1", "1"]
        assert table["Nobody acts"][2] == "11:26", "11:20:30 and six minutes"
        for at_once in (2, 3, 5):
            assert figures.plan(at_once).killed == (3,)
            assert figures.plan(at_once).most_missing <= at_once
        assert figures.plan(1).left == {}

    def test_three_hold_if_every_drain_takes_five_minutes_and_two_do_not(self):
        """Three places, eleven minutes each, make one replica every 3:40; they die every 5:00. Two make one every 5:30."""
        table = {row[0]: row[5] for row in cells(figures.plans_table())}
        assert table == {"Nobody acts": "14", "One": "14", "Two": "3", "Three": "1", "Five": "1"}
        slow = figures.plan(3, setting.DRAIN_MOST)
        assert slow.killed == (3,)
        assert all(time < figures.due()[one] for one, time in slow.left.items())
        assert figures.drained_slowly() == "11:05" == f"{slow.done:%H:%M}"
        assert slow.done - max(time for one, time in slow.left.items() if one != 16) == timedelta(minutes=11)

    def test_what_a_raised_limit_buys(self):
        assert figures.raised(8) == "13" == f"{8 / 0.61:.0f}"
        assert 8 / float(figures.slope_by("night")) < 3, "under three hours after midnight"

    def test_the_specimen_goes_last_and_everybody_before_his_time(self):
        left = figures.plan(3).left
        assert list(left)[-1] == 16
        assert all(time < figures.due()[one] for one, time in left.items())
        margin = min(figures.due()[one] - time for one, time in left.items())
        assert figures.least_margin() == f"{margin / timedelta(minutes=1):.0f}" == "3"
        assert [row[1] for row in cells(figures.waves_table())][:2] == ["4", "5"]

    def test_what_the_specimen_has_left(self):
        """From leaving the router, at 10:43, to 11:20:30, at daytime growth."""
        assert cells(figures.waves_table())[-1] == ["10:43", "16", "11:20"]
        left = 37.2 / 60 * float(figures.slope_by("day"))
        assert float(figures.headroom("gib")) == pytest.approx(left, abs=0.05)
        assert int(figures.headroom("pages")) == pytest.approx(left * GIB / 1.815e6, rel=0.03)
        assert figures.headroom("dump") == "48" == f"{(96 - left) / 2:.0f}"


class TestWhoseMemory:
    def test_only_the_engines_private_pages_grow(self):
        old = {
            (process, field): {
                int(row["requests"]): int(row[field])
                for row in PAGES
                if row["replica"] == "old" and row["process"] == process
            }
            for process in ("frontend", "engine")
            for field in ("anon", "shmem", "file")
        }
        for key, series in old.items():
            gained = series[18_000] - series[900]
            if key == ("engine", "anon"):
                assert gained == pytest.approx(17_100 * 147e3, rel=0.05)
            else:
                assert abs(gained) < 4 * MIB, key

    def test_the_captured_growth_is_the_alerts(self):
        series = [level for count, level in sorted(engine("old", "anon").items()) if count >= 900]
        assert len(series) == 20
        gains = numpy.diff(series) / 900 / 1000
        mean, error = gains.mean(), 2 * gains.std(ddof=1) / 19**0.5
        assert mean == pytest.approx((series[-1] - series[0]) / 17_100 / 1000)
        assert figures.per_request("anon") == f"{mean:.0f} ± {error:.0f}"
        assert abs(58 * GIB / 423_600 / 1000 - mean) < error

    def test_a_line_through_the_levels_would_claim_too_much(self):
        """The levels are a sum of draws, so their residuals resemble their neighbors."""
        points = sorted((x, y) for x, y in engine("old", "anon").items() if x >= 900)
        x, y = numpy.array(points).T
        residuals = y - numpy.polyval(numpy.polyfit(x, y, 1), x)
        assert (residuals[:-1] * residuals[1:]).sum() / (residuals**2).sum() > 0.3
        assert stats.slope(list(x), list(y)).error < 0.3 * numpy.diff(y).std(ddof=1) / 19**0.5 / 900

    def test_rss_counts_the_buffer_twice(self):
        last = [row for row in PAGES if row["replica"] == "old" and row["requests"] == "18000"]
        rss, pss = (sum(int(row[field]) for row in last) for field in ("rss", "pss"))
        assert rss - pss == pytest.approx(256 * MIB, rel=0.1)
        assert sum(int(row["shmem"]) for row in last) == 256 * MIB == setting.BUFFER_MIB * MIB

    def test_the_tables_show_the_data(self):
        table = {row[0]: row[1:] for row in cells(figures.kinds_table())}
        private = engine("old", "anon")[18_000] - engine("young", "anon")[1_800]
        assert table["engine, private"][2] == f"{private / MIB:,.0f}"
        assert table["engine, shared buffer"] == ["128", "128", "0"]
        in_use = {row[0]: row[1:] for row in cells(figures.in_use_table())}
        assert in_use["18,000"][0] == f"{engine('old', 'malloc_in_use')[18_000] / MIB:,.0f}"


class TestTheTools:
    def test_what_python_sees_is_a_hundredth_of_the_growth(self):
        found = {
            (row["requests"], row["line"]): int(row["bytes"])
            for row in rows("python_heap.csv")
            if row["bytes"].isdigit()
        }
        seen = found["2700", "total"] - found["900", "total"]
        real = found["2700", "malloc_in_use"] - found["900", "malloc_in_use"]
        assert seen / real < 0.012
        assert figures.python_share("share") == f"{seen / real * 100:.1f}%"
        assert figures.python_share("real") == f"{real / MIB:.0f}"
        labels = next(
            row
            for row in rows("python_heap.csv")
            if row["requests"] == "2700" and "self.requests[" in row["code"]
        )
        assert int(labels["bytes"]) / 2_700 / 147e3 == pytest.approx(0.001, abs=0.0005), "a thousandth"

    def test_the_six_lines_that_gained_most(self):
        found = {
            (row["requests"], row["line"]): int(row["bytes"])
            for row in rows("python_heap.csv")
            if ":" in row["line"]
        }
        gains = {
            line: size - found.get(("900", line), 0)
            for (requests, line), size in found.items()
            if requests == "2700"
        }
        most = sorted(gains, key=gains.__getitem__, reverse=True)[:6]
        table = cells(figures.python_table())
        assert [row[0] for row in table] == most
        assert [row[1] for row in table] == [f"{gains[line] / 1_800:.0f}" for line in most]
        text = re.search(
            r"^([\d,]+) bytes in ([\d,]+) .*\n.*\n    get \(grammars\.py:53\)",
            (EVIDENCE / "native.txt").read_text(),
            re.M,
        )
        size, blocks = (int(part.replace(",", "")) for part in text.groups())
        of_c = size / blocks * load.SHARES["C"]
        assert most[0] == "encoder.py:258"
        assert gains[most[0]] / 1_800 == pytest.approx(of_c, rel=0.15), (
            "the kept text of a schema, for 8% of requests"
        )

    def test_lines_are_those_of_the_source(self):
        for row in rows("python_heap.csv"):
            if re.match(r"(engine|grammars)\.py:\d+$", row["line"]):
                name, number = row["line"].split(":")
                source = (
                    (ROOT / "examples/oom_after_48_hours" / name).read_text(encoding="utf-8").splitlines()
                )
                assert source[int(number) - 1].strip() == row["code"]

    def test_no_holes_what_is_in_use_grows_with_the_private_pages(self):
        use, free = engine("old", "malloc_in_use"), engine("old", "malloc_free")
        assert fitted(use) == pytest.approx(fitted(engine("old", "anon")), rel=0.03)
        assert max(free.values()) < 30 * MIB

    def test_an_image_stops_the_process_and_a_look_at_pages_does_not(self):
        looks = {row["tool"]: row for row in TOOLS if not row["round"]}
        core = looks["gcore"]
        assert float(core["silence_s"]) > 0.8 * float(core["took_s"])
        assert int(core["written"]) > 2.5 * GIB
        for name in ("smaps_rollup", "py-spy dump", "gc.get_objects"):
            assert float(looks[name]["silence_s"]) < 0.05 * float(core["silence_s"]), name
        shown = {row[0]: row[1:] for row in cells(figures.looks_table())}
        assert list(shown) == list(looks)
        assert all(shown[name][1] == f"{float(row['silence_s']):.2f}" for name, row in looks.items())
        assert figures.core_rate() == f"{int(core['written']) / GIB / float(core['took_s']):.2f}"
        minutes = float(core["took_s"]) * 95 * GIB / int(core["written"]) / 60
        assert figures.dump_here() == f"{minutes:.0f}"

    def test_what_looking_takes(self):
        by_line = {row["line"]: row["bytes"] for row in rows("python_heap.csv") if row["requests"] == "2700"}
        assert (
            figures.tracer_own() == f"{int(by_line['tracemalloc itself']) / int(by_line['total']) * 100:.0f}%"
        )
        (took,) = [float(row["took_s"]) for row in TOOLS if row["tool"] == "smaps_rollup"]
        assert figures.walk() == f"{took * 95 * GIB / engine('old', 'rss')[18_000]:.1f}"

    def test_tracers_cost_cpu_time(self):
        def cpu(name):
            return median(float(row["cpu_ms"]) for row in TOOLS if row["tool"] == name and row["round"])

        assert cpu("memray attach --native") > cpu("memray attach") > cpu("nothing running")
        assert cpu("tracemalloc") > cpu("nothing running")
        table = {row[0]: row[1:] for row in cells(figures.tracers_table())}
        for name in ("tracemalloc", "memray attach --native"):
            assert table[name][2] == f"{cpu(name) / cpu('nothing running'):.2f}"


class TestWhatItFollows:
    @staticmethod
    def hours():
        levels = {row["time"]: row for row in FLEET}
        halves = {row["time"]: row for row in rows("traffic.csv")}
        found = []
        time = datetime(2026, 11, 20, 13)
        while time < datetime(2026, 11, 22, 9):
            now, later = (levels[f"{one:%Y-%m-%dT%H:%M}"] for one in (time, time + timedelta(hours=1)))
            gained = fmean(float(later[name]) - float(now[name]) for name in fleet.HEADER[3:])
            pair = [halves[f"{time + timedelta(minutes=m):%Y-%m-%dT%H:%M}"] for m in (0, 30)]
            found.append(
                [
                    gained * GIB / 1e6,
                    *(sum(int(half[app]) for half in pair) / 16 for app in fleet.TRAFFIC[1:]),
                ]
            )
            time += timedelta(hours=1)
        return numpy.array(found)

    def test_growth_follows_c_and_neither_total_traffic_nor_the_others(self):
        data = self.hours()
        growth, apps = data[:, 0], data[:, 1:]
        together = numpy.linalg.lstsq(apps, growth, rcond=None)[0]
        assert together[2] == pytest.approx(1.81, abs=0.02)
        assert abs(together[:2]).max() < 0.02
        assert figures.apps_together("c") == f"{together[2]:.3f}"
        table = {row[0]: row[1:] for row in cells(figures.explained_table())}
        assert float(table["C"][1]) > 0.99
        assert table["All requests"][0].startswith("-")
        numbers = [float(row[0]) for row in table.values()]
        assert len({round(abs(number), 1) for number in numbers[1:]}) == 3, "no two coincide"
        assert max(float(table[name][1]) for name in ("All requests", "A", "B")) < 0.6
        assert float(table["A"][1]) == pytest.approx(numpy.corrcoef(apps[:, 0], growth)[0, 1] ** 2, abs=0.006)

    def test_the_replay_and_the_fleet_agree_on_what_a_request_keeps(self):
        measured = fmean(int(r["malloc_in_use_gained"]) / 120 for r in REPLAYS if r["arm"] == "C as recorded")
        assert measured == pytest.approx(fleet.PAGE_BYTES, rel=0.02)

    def test_it_is_older_than_friday_and_began_without_a_deployment(self):
        history = rows("history.csv")
        own = [row for row in history if row["build"] == "414"]
        before = [float(r["working_set"]) for r in own if 3 <= int(r["uptime_h"]) <= 27]
        assert len(before) == 9
        assert max(before) - min(before) < 0.3
        assert float(own[-1]["working_set"]) > 50
        assert next(r["time"] for r in own if int(r["app_c"])) == "2026-11-12T18:00"
        top = max((r for r in history if r["build"] != "420"), key=lambda r: float(r["working_set"]))
        assert figures.before_friday("highest") == f"{float(top['working_set']):.0f}"
        assert figures.before_friday("hours") == top["uptime_h"]
        assert int(top["uptime_h"]) < 40
        assert figures.before_friday("builds") == "6" == str(len(range(414, 420)))

    def test_no_build_before_friday_lived_forty_hours(self):
        starts = list(fleet.BUILDS.values())
        assert max(b - a for a, b in pairwise(starts)) < timedelta(hours=40)


class TestTheDecision:
    def seen(self, arm, field="malloc_in_use_gained"):
        return fmean(int(row[field]) / int(row["requests"]) for row in REPLAYS if row["arm"] == arm) / 1e6

    def test_each_rival_misses_by_far_somewhere_and_schemas_nowhere(self):
        misses = {}
        for arm in load.ARMS:
            for rival, value in figures.predicted(arm).items():
                misses[rival] = max(misses.get(rival, 0), abs(value - self.seen(arm)))
        assert misses["Schemas"] < 0.15
        for rival in ("Pictures", "Early closes", "Long prompts"):
            assert misses[rival] > 1.5, rival

    def test_both_ways_round(self):
        assert abs(self.seen("C, one schema for all")) < 0.05
        assert abs(self.seen("A as recorded")) < 0.05
        assert self.seen("A with C's schemas") == pytest.approx(self.seen("C as recorded"), rel=0.03)
        assert self.seen("A with C's schemas", "anon_gained") > 1.4

    def test_the_table_shows_the_data(self):
        table = {row[0]: row[1:] for row in cells(figures.rivals_table())}
        assert list(table) == list(load.ARMS)
        for arm, row in table.items():
            assert float(row[0]) == pytest.approx(self.seen(arm), abs=0.006), arm
        assert table["C without the picture"][:2] == [f"{self.seen('C without the picture'):.2f}", "0.00"]
        assert float(table["C, everybody closes early"][2]) == pytest.approx(
            self.seen("C as recorded") / 0.3, abs=0.01
        )

    def test_the_stacks_lead_to_one_place(self):
        text = (EVIDENCE / "native.txt").read_text(encoding="utf-8")
        total = int(re.search(r"of C: ([\d,]+) bytes", text)[1].replace(",", ""))
        first = re.search(
            r"^([\d,]+) bytes in .*\n    (\S+) .*\n    .*\n    get \(grammars\.py:(\d+)\)", text, re.MULTILINE
        )
        assert int(first[1].replace(",", "")) / total > 0.9
        assert "regcomp" in first[2]
        source = (ROOT / "examples/oom_after_48_hours/grammars.py").read_text(encoding="utf-8").splitlines()
        assert "self._compile(" in source[int(first[3]) - 1]
        assert cells(figures.native_table())[0][0] == f"{int(first[1].replace(',', '')) / total * 100:.0f}%"
        blocks = int(re.search(r"in ([\d,]+) allocations", text)[1].replace(",", ""))
        assert figures.native_blocks() == f"{round(blocks / 200, -2):,.0f}"
        assert figures.native_a_request() == f"{total / 200 / 1e6:.2f}"


class TestAfterward:
    def test_mended_it_is_flat_under_the_same_requests(self):
        after = rows("after.csv")
        use = engine("canary", "malloc_in_use", after)
        assert use[7_200] - use[900] < 0.02 * (
            engine("old", "malloc_in_use")[7_200] - engine("old", "malloc_in_use")[900]
        )
        assert fitted(engine("canary", "anon", after)) < 0.05 * fitted(engine("old", "anon"))
        left = fitted(engine("canary", "anon", after))
        points = [(x, y) for x, y in engine("canary", "anon", after).items() if x >= 900]
        _, covariance = numpy.polyfit([x for x, _ in points], [y for _, y in points], 1, cov=True)
        error = covariance[0, 0] ** 0.5
        assert figures.after_growth() == f"{left / 1000:.1f} ± {2 * error / 1000:.1f}"
        assert figures.after_days() == f"{58 * GIB / ((left + 2 * error) * 9_000) / 24:.0f}"

    def test_cache_limits_and_what_a_limit_buys(self):
        kept = TestTheDecision().seen("C as recorded") * 1e6
        assert figures.kept("C as recorded") == f"{kept / 1e6:.2f}"
        assert figures.full_cache() == f"{100_000 * kept / GIB:.0f}"
        assert float(figures.entries_at_kill()) == pytest.approx(2 * 86_400 * 0.2 / 1000, abs=0.1)
        assert figures.limit_buys(120) == "68" == f"{(120 - 38) / (58 / (47 + 4 / 60)) + 1:.0f}"
        assert figures.bounded(500) == "0.8" == f"{500 * kept / GIB:.1f}"
        assert figures.hostile_hours() == f"{58 * GIB / (4.5 * kept) / 3600:.1f}" == "2.1"
        for part, hours in (("day", "12"), ("night", "2.4")):
            assert figures.filled_on_two(part) == hours == f"{58 / (8 * float(figures.slope_by(part))):.2g}"

    def test_recycling(self):
        """36 hours on average for 16 replicas, each away for 6 min 40 s."""
        assert figures.recycles("youngest") == "32"
        assert figures.recycles("oldest") == "40"
        assert figures.recycles("every") == "2.25" == f"{36 / 16}"
        assert figures.recycles("missing") == "0.05" == f"{16 * 400 / 3600 / 36:.2f}"
        assert (96 - 84) / float(figures.slope_by("night")) == pytest.approx(4, abs=0.15), "four hours"

    def test_how_long_a_canary_needs(self):
        """Against a simulation of the difference of two fitted slopes."""
        hours, sigma, per_hour = 4.0, 0.07, 12
        rng = numpy.random.default_rng(3)
        x = numpy.arange(int(hours * per_hour)) / per_hour
        slopes = [numpy.polyfit(x, rng.normal(0, sigma, x.size), 1)[0] for _ in range(4_000)]
        spread = numpy.std(slopes) * 2**0.5
        assert stats.hours_until_visible(sigma, per_hour, 4.5 * spread) == pytest.approx(hours, rel=0.03)
        sigma, alike = float(figures.noise("gib")), float(figures.noise("alike"))
        assert 0.05 < sigma < 0.1
        inflated = sigma**2 * (1 + alike) / (1 - alike)
        for difference in (0.61, 0.17):
            cube = 24 * inflated * 4.5**2 / (12 * difference**2)
            assert float(figures.canary_hours(difference)) == pytest.approx(cube ** (1 / 3), abs=0.12)
        assert figures.replay_hours() == "4.8"
        assert 1 / (1 - NormalDist().cdf(4.5 - NormalDist().inv_cdf(0.95))) == pytest.approx(460, rel=0.02)

    def test_slopes_and_several_causes_against_numpy(self):
        rng = numpy.random.default_rng(5)
        x, y = rng.normal(size=30), rng.normal(size=30)
        found = stats.slope(list(x), list(y))
        fit, covariance = numpy.polyfit(x, y, 1, cov=True)
        assert found.value == pytest.approx(fit[0])
        assert found.error == pytest.approx(covariance[0, 0] ** 0.5)
        assert stats.r_squared(list(x), list(y)) == pytest.approx(numpy.corrcoef(x, y)[0, 1] ** 2)
        columns = rng.normal(size=(3, 30))
        several, _ = stats.several([list(one) for one in columns], list(y))
        assert several == pytest.approx(list(numpy.linalg.lstsq(columns.T, y, rcond=None)[0]))
        for bad in ([1, 2], [1, 1, 1]):
            with pytest.raises(ValueError, match="three points"):
                stats.slope(bad, [1.0] * len(bad))


class TestThePage:
    def test_it_names_the_cause_in_no_stage_before_the_last(self):
        drill = sections_of(body_of(PAGE))["Drill"]
        before = drill.split("### Stage 6")[0]
        assert not re.search(r"grammars\.py|regcomp|automat", before)
        assert before.count("schema") <= 3, "as one of four explanations"
        front = PAGE.read_text(encoding="utf-8").split("---")[1]
        assert not re.search(r"cache|schema|grammar|native", front)

    def test_the_list_of_files_names_no_class_of_request_as_the_one(self):
        for file in evidence.load(ROOT / "examples/oom_after_48_hours"):
            assert not re.search(r"\b[ABC]\b|schema", file.what), file.name

    def test_charts_have_rows_and_say_what_they_show(self):
        for name in (
            "working_set",
            "kinds_by_requests",
            "hours_and_traffic",
            "fifteen_days",
            "before_and_after",
        ):
            chart = getattr(figures, name)()
            assert chart["data"]["values"]
            assert set(chart["usermeta"]["columns"]) <= set(chart["data"]["values"][0])
        levels = {v["x"]: v["y"] for v in figures.working_set()["data"]["values"] if v["what"] == "Replica 1"}
        text = figures.working_set()["description"]
        for day, hour, said in ((21, 0, 46), (21, 6, 64), (22, 0, 75), (22, 6, 94)):
            assert round(levels[f"2026-11-{day}T{hour:02d}:00:00"]) == said
            assert f"{said}" in text

    def test_growth_has_the_hours_of_c_and_not_of_all_requests(self):
        """As the chart's description says, of the two nights and days."""
        chart = figures.hours_and_traffic()
        shown = {(v["what"], v["x"][8:13]): v["y"] for v in chart["data"]["values"]}
        requests = {hour: y for (what, hour), y in shown.items() if what == "All requests"}
        assert max(requests, key=requests.get)[3:] in ("19", "20")
        assert max(requests.values()) == pytest.approx(1.5, abs=0.05)
        assert min(requests, key=requests.get)[3:] in ("03", "04")
        assert min(requests.values()) == pytest.approx(0.5, abs=0.05)
        for what in ("Growth", "Requests of C"):
            hours = {hour: y for (name, hour), y in shown.items() if name == what}
            assert fmean(hours.values()) == pytest.approx(1, abs=0.01)
            night = [y for hour, y in hours.items() if hour[3:] < "06"]
            assert len(night) == 12
            assert fmean(night) == pytest.approx(2.4, abs=0.1)
            assert fmean(y for hour, y in hours.items() if hour[3:] >= "06") == pytest.approx(0.5, abs=0.05)

    def test_what_the_charts_of_the_captured_runs_say(self):
        old, after = engine("old", "anon"), engine("canary", "anon", rows("after.csv"))
        text = figures.before_and_after()["description"]
        shown = {(v["what"], v["x"]): v["y"] for v in figures.before_and_after()["data"]["values"]}
        assert shown == {
            (what, requests): round(size / MIB)
            for what, found in (("As it was", old), ("Mended", after))
            for requests, size in found.items()
            if requests <= 7_200
        }
        kinds = {
            what: {v["x"]: v["y"] for v in figures.kinds_by_requests()["data"]["values"] if v["what"] == what}
            for what in ("Engine, private", "Engine's share of the buffer", "Frontend, private")
        }
        assert kinds["Engine, private"] == {requests: round(size / MIB) for requests, size in old.items()}
        assert kinds["Engine, private"][0] == 13
        for what, level in (("Engine's share of the buffer", 128), ("Frontend, private", 12)):
            assert {size for requests, size in kinds[what].items() if requests} == {level}
        assert f"{round(old[7_200] / MIB):,} MiB" in text
        assert f"{round(after[7_200] / MIB):,} MiB" in text
        assert after[900] > 0.8 * after[7_200]
        assert "2,600" in figures.kinds_by_requests()["description"]
        highest = {}
        for row in rows("history.csv"):
            highest[row["build"]] = max(highest.get(row["build"], 0), float(row["working_set"]))
        later = [level for build, level in highest.items() if int(build) > 414]
        assert f"between {min(later):.0f} and {max(later):.0f} GiB" in figures.fifteen_days()["description"]
        assert f"rises to {highest['414']:.0f}" in figures.fifteen_days()["description"]
        assert old[18_000] / MIB == pytest.approx(2_600, rel=0.05)

    def test_the_evidence_is_small(self):
        assert sum(file.stat().st_size for file in EVIDENCE.iterdir()) < 200_000
