"""The replica really runs: what it keeps, what it gives back, and what decides over its end."""

import asyncio
import gc
import json
import os
import re
import subprocess
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from examples.oom_after_48_hours import capture, fleet, load, memory, restarts, setting
from examples.oom_after_48_hours.engine import Pictures
from examples.oom_after_48_hours.grammars import ByBytes, ByEntries, pattern_of
from examples.oom_after_48_hours.native import Automaton, heap
from examples.oom_after_48_hours.recycling import Policy
from examples.oom_after_48_hours.replica import running
from tests.content.reading import ROOT
from tests.tools import promtool

HERE = ROOT / "examples/oom_after_48_hours"
COUNT = 40


def glibc_counts():
    try:
        return heap().in_use > 0
    except AttributeError:
        return False


needs_glibc = pytest.mark.skipif(not glibc_counts(), reason="mallinfo2 needs glibc 2.33")
linux = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux")


def schema(*choices):
    return load.schema_of(choices)


class FakeAutomaton:
    def __init__(self, pattern):
        self.pattern = pattern
        self.size = len(pattern)


@needs_glibc
@linux
class TestReplica:
    @staticmethod
    def gained(replica, apps, arm):
        """Native bytes a request, and the automata kept, that an arm adds to a warm replica."""

        async def measure():
            await load.run(replica.port, iter([load.ARMS[arm](apps.draw) for _ in range(5)]))
            before = await replica.debug("heap")
            await load.run(replica.port, iter([load.ARMS[arm](apps.draw) for _ in range(COUNT)]))
            after = await replica.debug("heap")
            return (after["in_use"] - before["in_use"]) / COUNT, after["grammars"] - before["grammars"]

        return asyncio.run(measure())

    def test_it_keeps_one_automaton_for_each_new_schema_and_nothing_else_that_grows(self):
        with running(buffer_mib=4) as replica:
            apps = load.Apps(3)
            asyncio.run(
                load.run(
                    replica.port, iter([load.ARMS["C, one schema for all"](apps.draw) for _ in range(20)])
                )
            )
            size, kept = self.gained(replica, apps, "C as recorded")
            assert kept == COUNT
            assert size > 500_000
            for arm in ("C without the picture", "C, nobody closes early", "A with C's schemas"):
                other, kept = self.gained(replica, apps, arm)
                assert kept == COUNT, arm
                assert other == pytest.approx(size, rel=0.25), arm
            for arm in ("C, one schema for all", "A with C's pictures"):
                other, kept = self.gained(replica, apps, arm)
                assert kept == 0, arm
                assert abs(other) < 0.15 * size, arm

    def test_mended_it_keeps_nothing_of_a_schema_that_comes_once_and_the_one_that_returns(self):
        with running(buffer_mib=4, budget=8 << 20) as replica:
            apps = load.Apps(3)
            self.gained(replica, apps, "C as recorded")
            size, kept = self.gained(replica, apps, "C as recorded")
            assert kept == 0
            assert abs(size) < 100_000
            _, kept = self.gained(replica, apps, "C, one schema for all")
            assert kept == 0, "it was there from the second request on"
            assert asyncio.run(replica.debug("heap"))["hits"] >= COUNT

    def test_python_sees_the_key_of_each_schema_and_not_what_it_stands_for(self):
        with running(buffer_mib=4) as replica:
            apps = load.Apps(3)
            asyncio.run(replica.debug("tracemalloc start"))
            size, kept = self.gained(replica, apps, "C as recorded")
            found = asyncio.run(replica.debug("tracemalloc"))
            asyncio.run(replica.debug("tracemalloc stop"))
        text = len(json.dumps(load.Apps(1).draw("C").schema, sort_keys=True))
        line = next(line for line in found["lines"] if line[0].endswith("encoder.py"))
        assert line[2] == pytest.approx((kept + 5) * text, rel=0.1)
        assert found["total"] < 0.05 * size * kept
        assert found["own"] > 0

    def test_two_processes_share_the_buffer_and_only_pss_can_be_added_up(self):
        with running(buffer_mib=32) as replica:
            asyncio.run(load.run(replica.port, load.Apps(1).mix(60)))
            each = [memory.pages(pid) for pid in (replica.frontend, replica.engine)]
            both = memory.container([replica.frontend, replica.engine])
            assert both["Rss"] == sum(one["Rss"] for one in each)
            assert both["Pss_Shmem"] == pytest.approx(32 << 20, rel=0.05)
            assert both["Rss"] - both["Pss"] > 28 << 20
            asyncio.run(load.run(replica.port, load.Apps(2).mix(60)))
            assert memory.container([replica.frontend, replica.engine])["Pss_Shmem"] == both["Pss_Shmem"]

    def test_a_client_that_closes_ends_the_engines_stream(self):
        async def close_early(replica):
            request = {"app": "probe", "pieces": 100_000, "every": 0.01}
            body = json.dumps(request).encode()
            reader, writer = await asyncio.open_connection("127.0.0.1", replica.port)
            writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await reader.readuntil(b"data: {")
            before = (await replica.debug("heap"))["labels"]
            writer.close()
            for _ in range(500):
                if (after := (await replica.debug("heap"))["labels"]) > before:
                    break
                await asyncio.sleep(0.02)
            return before, after

        with running(buffer_mib=4) as replica:
            assert asyncio.run(close_early(replica)) == (0, 1)

    def test_what_it_answers_and_what_it_does_with_nonsense(self):
        async def ask(replica):
            whole = await load.send(replica.port, load.Apps(1).draw("B"))
            early = await load.send(replica.port, load.ARMS["C, everybody closes early"](load.Apps(1).draw))
            reader, writer = await asyncio.open_connection("127.0.0.1", replica.port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await reader.read() == b""
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", replica.port)
            writer.write(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n{")
            writer.close()
            objects = await replica.debug("objects")
            silence = await load.silence(replica.port, 0.2, 0.01)
            return whole, early, objects["objects"], silence

        with running(buffer_mib=4) as replica:
            whole, early, objects, silence = asyncio.run(ask(replica))
            engine = replica.engine
        assert (whole, early) == (load.WORDS, 3)
        assert objects > 1_000
        assert silence > 0
        with pytest.raises(ProcessLookupError):
            os.kill(engine, 0)


@needs_glibc
class TestNative:
    def test_an_automaton_is_counted_used_and_given_back(self):
        pattern = pattern_of(schema(*(f"c-{n:04d}" for n in range(100))))
        Automaton(pattern).accepts("")
        gc.collect()
        before = heap().in_use
        automaton = Automaton(pattern)
        assert automaton.size > 100_000
        assert heap().in_use - before == pytest.approx(automaton.size, rel=0.05)
        size = automaton.size
        assert automaton.accepts('{"name":"Acme 7","amount":12.50,"cell":"c-0007"}')
        assert not automaton.accepts('{"name":"Acme 7","amount":12.50,"cell":"c-9999"}')
        assert automaton.size > size + 10_000, "use adds states"
        assert heap().in_use - before == pytest.approx(automaton.size, rel=0.05)
        del automaton
        assert heap().in_use - before < 0.1 * size

    def test_nonsense_is_refused_and_leaves_nothing(self):
        with pytest.raises(ValueError, match="pattern"):
            Automaton("(")

    def test_pictures_stay_in_their_budget(self):
        pictures = Pictures(budget=10_000, names=3)
        for number in range(9):
            pictures.get(str(number), 4_000)
        assert [len(pictures._kept), pictures._bytes, len(pictures._names)] == [2, 8_000, 3]
        assert pictures.get("8", 4_000) is pictures._kept["8"]


class TestGrammars:
    def test_bounded_by_entries_evicts_the_least_recently_used_and_counts_no_bytes(self):
        cache = ByEntries(most=2, compile=FakeAutomaton)
        first = cache.get(schema("a"))
        cache.get(schema("b"))
        assert cache.get(schema("a")) is first
        cache.get(schema("c"))
        assert cache.get(schema("a")) is first
        assert (len(cache), cache.hits, cache.misses) == (2, 2, 3)
        assert cache.bytes == sum(len(pattern_of(schema(one))) for one in "ac")

    def test_equal_schemas_in_other_order_are_one(self):
        cache = ByEntries(compile=FakeAutomaton)
        one = schema("a")
        other = {"properties": dict(reversed(one["properties"].items()))}
        assert cache.get(one) is cache.get(other)

    @given(
        st.lists(st.integers(0, 12), max_size=80),
        st.integers(100, 2_000),
        st.integers(1, 6),
    )
    def test_the_budget_in_bytes_is_never_exceeded(self, drawn, budget, seen_most):
        cache = ByBytes(budget, seen_most, compile=FakeAutomaton)
        for number in drawn:
            got = cache.get(schema(*"x" * (number + 1)))
            assert got.pattern == pattern_of(schema(*"x" * (number + 1)))
            assert cache.bytes <= budget
            assert len(cache._seen) <= seen_most
        assert cache.hits + cache.misses == len(drawn)

    def test_a_schema_is_kept_from_its_second_time_on(self):
        cache = ByBytes(10_000, compile=FakeAutomaton)
        assert cache.get(schema("a")) is not cache.get(schema("a"))
        assert cache.get(schema("a")) is cache.get(schema("a"))
        for number in range(50):
            cache.get(schema(f"once-{number}"))
        assert (len(cache), cache.hits) == (1, 2)

    def test_within_the_budget_the_one_unused_for_longest_leaves(self):
        each = len(pattern_of(schema("a")))
        cache = ByBytes(2 * each, compile=FakeAutomaton)
        kept = {name: [cache.get(schema(name)) for _ in range(2)][1] for name in "ab"}
        assert cache.get(schema("a")) is kept["a"]
        for _ in range(2):
            cache.get(schema("c"))
        assert cache.get(schema("a")) is kept["a"]
        assert cache.get(schema("b")) is not kept["b"]
        assert len(cache) == 2

    def test_one_that_grows_with_use_is_counted_again_and_one_too_large_is_not_kept(self):
        cache = ByBytes(1_000, compile=FakeAutomaton)
        cache.get(schema("a"))
        kept = cache.get(schema("a"))
        kept.size = 990
        for _ in range(2):
            cache.get(schema("b"))
        assert cache.bytes <= 1_000
        assert len(cache) == 1
        large = schema("z" * 2_000)
        for _ in range(3):
            cache.get(large)
        assert len(cache) == 1


class TestMemory:
    def test_a_process_and_a_container_by_hand(self, tmp_path):
        for pid, anon in ((7, 100), (8, 30)):
            (tmp_path / str(pid)).mkdir()
            (tmp_path / str(pid) / "smaps_rollup").write_text(
                "0-1 ---p 0 00:00 0    [rollup]\n"
                f"Rss:     {anon + 60} kB\nPss:   {anon + 30} kB\n"
                f"Pss_Anon:  {anon} kB\nPss_File:   5 kB\nPss_Shmem:   25 kB\n",
                encoding="ascii",
            )
        assert memory.pages(7, tmp_path)["Rss"] == 160 * 1024
        assert memory.container([7, 8], tmp_path) == {
            "Rss": 250 * 1024, "Pss": 190 * 1024, "Pss_Anon": 130 * 1024, "Pss_Shmem": 50 * 1024, "Pss_File": 10 * 1024,
        }  # fmt: skip

    @linux
    def test_pages_of_a_file_in_the_cache(self, tmp_path):
        file = tmp_path / "log"
        file.write_bytes(b"")
        assert memory.cached(file) == 0
        file.write_bytes(b"x" * 40_000)
        assert memory.cached(file) == 40_960

    def test_without_its_tools_the_capture_writes_the_simulated_files_and_says_so(
        self, monkeypatch, tmp_path, capsys
    ):
        monkeypatch.setattr("shutil.which", lambda name: None)
        monkeypatch.setattr(capture, "EVIDENCE", tmp_path)
        capture.main()
        assert "the program gdb, the program gcore" in capsys.readouterr().err
        assert {file.name for file in tmp_path.iterdir()} == {"fleet.csv", "history.csv", "traffic.csv"}
        for file in tmp_path.iterdir():
            assert file.read_bytes() == (HERE / "evidence" / file.name).read_bytes()


class TestRestarts:
    NOW = datetime(2026, 11, 22, 10, 15)

    def test_a_plan_by_hand(self):
        """Two places; 1 is due too soon, 2 waits for its place, the specimen goes when another is back."""
        due = {
            number: self.NOW + timedelta(minutes=minute)
            for number, minute in ((1, 0), (2, 9), (3, 30), (4, 40))
        }
        start = self.NOW + timedelta(minutes=1)
        plan = restarts.drain(due, start, 2, {9: start + timedelta(minutes=2)}, specimen=3)
        assert plan.killed == (1,)
        assert plan.left == {
            2: self.NOW + timedelta(minutes=3),
            4: self.NOW + timedelta(minutes=6),
            3: self.NOW + timedelta(minutes=9, seconds=40),
        }
        assert plan.done == self.NOW + timedelta(minutes=12, seconds=40)
        assert plan.most_missing == 2

    @given(
        st.lists(st.integers(-3, 120), min_size=2, max_size=15),
        st.integers(0, 6),
        st.integers(0, 10),
    )
    def test_everybody_leaves_or_is_killed_and_the_bound_holds(self, minutes, at_once, delay):
        due = {number: self.NOW + timedelta(minutes=minute) for number, minute in enumerate(minutes)}
        start = self.NOW + timedelta(minutes=delay)
        plan = restarts.drain(due, start, at_once, {99: self.NOW}, specimen=0)
        assert sorted([*plan.killed, *plan.left]) == sorted(due)
        assert all(start <= time < due[one] for one, time in plan.left.items())
        away = setting.DRAIN + setting.RESTART
        for time in plan.left.values():
            drained = sum(other <= time < other + away for one, other in plan.left.items() if one != 0)
            assert drained <= max(1, at_once)
        assert at_once or not plan.left

    def test_capacity_and_cut_streams(self):
        assert [restarts.may_be_missing(rps) for rps in (40, 60, 72)] == [7, 2, 0]
        assert restarts.cut_by_a_kill() == 22.5


class TestPolicy:
    POLICY = Policy()

    @given(st.text(min_size=1, max_size=20))
    def test_age_limits_lie_between_32_and_40_hours(self, name):
        assert timedelta(hours=32) <= self.POLICY.age_limit(name) <= timedelta(hours=40)

    def test_replicas_of_one_rollout_do_not_leave_together(self):
        limits = sorted(self.POLICY.age_limit(f"chat-{number}") for number in range(16))
        assert limits[-1] - limits[0] > timedelta(hours=4)
        assert max(b - a for a, b in pairwise(limits)) < timedelta(hours=3)

    @pytest.mark.parametrize(
        ("hours", "gib", "missing", "may", "drains"),
        [
            (10, 50, 0, 2, False),
            (41, 50, 0, 2, True),
            (41, 50, 1, 2, False),
            (10, 85, 0, 2, True),
            (10, 85, 1, 2, False),
            (10, 93, 1, 2, True),
            (10, 93, 2, 2, False),
            (10, 94.9, 2, 2, False),
            (10, 95, 2, 2, True),
            (10, 95, 0, 0, True),
            (41, 50, 0, 0, False),
        ],
    )
    def test_when_it_goes(self, hours, gib, missing, may, drains):
        assert self.POLICY.drains("chat-1", timedelta(hours=hours), gib, missing, may) is drains

    def test_the_grace_period_covers_the_longest_stream(self):
        pod, budget = yaml.safe_load_all((HERE / "deployment.yaml").read_text(encoding="utf-8"))
        spec = pod["spec"]["template"]["spec"]
        (engine,) = spec["containers"]
        before = int(engine["lifecycle"]["preStop"]["exec"]["command"][1])
        longest = setting.DRAIN_MOST.total_seconds()
        assert spec["terminationGracePeriodSeconds"] >= before + longest + 30
        assert engine["resources"]["limits"]["memory"] == engine["resources"]["requests"]["memory"] == "96Gi"
        assert (
            engine["readinessProbe"]["periodSeconds"] * engine["readinessProbe"]["failureThreshold"] <= before
        )
        assert {"resourceName": "memory", "restartPolicy": "NotRequired"} in engine["resizePolicy"]
        assert pod["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 0
        assert budget["spec"]["maxUnavailable"] == 1


class TestAlerts:
    """The rules on the working set of replica 1 as the evidence has it."""

    HOUR = 12
    SEVERITY: ClassVar = {
        "MemoryExhaustedWithinTwelveHours": "page",
        "MemoryAtWatermark": "page",
        "MemoryGrowsWithAge": "ticket",
    }

    @staticmethod
    def readings():
        lines = (HERE / "evidence/fleet.csv").read_text(encoding="utf-8").splitlines()[1:]
        levels = [line.split(",")[1] for line in lines]
        return [float(level) for level in levels[: levels.index("")]]

    def run(self, tmp_path, values, checks, expressions=(), others=()):
        series = {}
        for number, levels in enumerate((values, *others), 1):
            labels = f'{{pod="chat-{number}",container="engine"}}'
            series |= {
                f"container_memory_working_set_bytes{labels}": " ".join(
                    f"{round(level * 2**30)}" for level in levels
                ),
                f"container_spec_memory_limit_bytes{labels}": f"{96 * 2**30}x{len(levels)}",
                f"container_start_time_seconds{labels}": f"0x{len(levels)}",
            }
        fired = [
            {
                "expr": f'count by (severity) (ALERTS{{alertname="{name}",alertstate="firing"}})',
                "eval_time": f"{minutes}m",
                "exp_samples": [{"labels": f'{{severity="{self.SEVERITY[name]}"}}', "value": 1}]
                if fires
                else [],
            }
            for name, minutes, fires in checks
        ]
        return self.promtool(tmp_path, "5m", series, [*fired, *expressions])

    @staticmethod
    def promtool(tmp_path, interval, series, expressions):
        test = {
            "rule_files": [str(HERE / "alerts.yml")],
            "evaluation_interval": interval,
            "tests": [
                {
                    "interval": interval,
                    "input_series": [{"series": name, "values": text} for name, text in series.items()],
                    "promql_expr_test": expressions,
                }
            ],
        }
        file = tmp_path / "test.yml"
        file.write_text(json.dumps(test), encoding="utf-8")
        done = subprocess.run(
            [str(promtool()), "test", "rules", str(file)], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def test_the_forecast_pages_hours_ahead_and_not_for_the_first_fill(self, tmp_path):
        exhausted = "MemoryExhaustedWithinTwelveHours"
        checks = [(exhausted, 60 * hour, False) for hour in (1, 2, 6, 24, 30, 36, 38)]
        checks += [(exhausted, 60 * 39 + extra, True) for extra in range(5, 60 * 9, 25)]
        code, said = self.run(tmp_path, self.readings(), checks)
        assert code == 0, said

    def test_a_large_buffer_that_filled_a_day_ago_is_not_growth(self, tmp_path):
        values = [17 + 58 * min(1, n / 8) for n in range(30 * self.HOUR)]
        checks = [
            ("MemoryExhaustedWithinTwelveHours", 60 * 24 + extra, False) for extra in (0, 10, 30, 60, 120)
        ]
        code, said = self.run(tmp_path, values, checks)
        assert code == 0, said

    def test_without_the_guard_the_first_fill_is_taken_for_the_fault(self, tmp_path):
        naive = {
            "expr": "count(predict_linear(container_memory_working_set_bytes[30m], 12 * 3600) > 96 * 2 ^ 30)",
            "eval_time": "30m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        code, said = self.run(tmp_path, self.readings(), [], [naive])
        assert code == 0, said

    def test_a_regression_over_the_same_day_fires_and_falls_silent_before_it_returns_five_hours_before_the_kill(
        self, tmp_path
    ):
        line = (
            "count(predict_linear(container_memory_working_set_bytes[24h], 12 * 3600) > 0.97 * 96 * 2 ^ 30)"
        )
        expressions = [
            {
                "expr": line,
                "eval_time": f"{minutes}m",
                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
            }
            for minutes, fires in (
                (60 * 31, False),
                (60 * 31 + 10, True),
                (60 * 34 + 55, True),
                (60 * 36, False),
                (60 * 42, False),
                (60 * 43, True),
                (60 * 48, True),
            )
        ]
        code, said = self.run(tmp_path, self.readings(), [], expressions)
        assert code == 0, said

    def test_the_first_fill_makes_no_ticket(self, tmp_path):
        """Twenty GiB in forty minutes, then nothing: six hours later a slope over six hours still contains it."""
        values = [18 + 20 * min(1, n / 8) for n in range(14 * self.HOUR)]
        checks = [("MemoryGrowsWithAge", 60 * 6 + extra, False) for extra in (5, 20, 35, 90, 420)]
        code, said = self.run(tmp_path, values, checks)
        assert code == 0, said

    def test_the_watermark_pages_when_a_replica_does_not_drain_itself(self, tmp_path):
        values = [83.9] * 6 + [84.1] * 6
        checks = [
            ("MemoryAtWatermark", minutes, fires) for minutes, fires in ((25, False), (30, False), (40, True))
        ]
        code, said = self.run(tmp_path, values, checks)
        assert code == 0, said

    def test_a_restart_in_the_pod_silences_no_other_and_pages_for_none(self, tmp_path):
        """The old container's series have timestamps of their own, so they stay for five minutes beside the new one's."""
        restart = 26 * 60
        containers = {
            ("chat-1", "old"): [60] * (restart - 4) + [85] * 4,
            ("chat-1", "new"): [None] * restart + [5] * 20,
            ("chat-2", "only"): [40] * (restart - 10) + [94] * 30,
        }
        series = {}
        for (pod, id_), levels in containers.items():
            labels = f'{{pod="{pod}",container="engine",id="{id_}"}}'
            start = 60 * levels.count(None)
            for name, values in (
                ("container_memory_working_set_bytes", [level and level * 2**30 for level in levels]),
                ("container_spec_memory_limit_bytes", [level and 96 * 2**30 for level in levels]),
                ("container_start_time_seconds", [level and start for level in levels]),
            ):
                series[name + labels] = " ".join("_" if value is None else str(value) for value in values)
        expressions = [
            {
                "expr": f'count by (pod) (ALERTS{{alertname="{name}",alertstate="firing"}})',
                "eval_time": f"{restart + minute}m",
                "exp_samples": [{"labels": '{pod="chat-2"}', "value": 1}],
            }
            for name in ("MemoryAtWatermark", "MemoryExhaustedWithinTwelveHours")
            for minute in (1, 2, 3, 4, 5, 10)
        ]
        overlap = {
            "expr": 'count(container_memory_working_set_bytes{pod="chat-1"})',
            "eval_time": f"{restart + 2}m",
            "exp_samples": [{"labels": "{}", "value": 2}],
        }
        young = {
            "expr": 'replica:uptime:seconds{pod="chat-1"}',
            "eval_time": f"{restart + 2}m",
            "exp_samples": [
                {"labels": 'replica:uptime:seconds{pod="chat-1",container="engine"}', "value": 120}
            ],
        }
        code, said = self.promtool(tmp_path, "1m", series, [overlap, young, *expressions])
        assert code == 0, said

    def test_the_page_shows_every_series_that_its_alerts_use(self):
        text = (HERE / "alerts.yml").read_text(encoding="utf-8")
        shown = text.split("[start:alerts]")[1].split("# --8<-- [end")[0]
        used = set(re.findall(r"\breplica:\w+:\w+", shown))
        assert used
        assert used == set(re.findall(r"- record: (\S+)", shown))

    def test_the_slope_is_that_of_the_average_replica(self, tmp_path):
        """0.12 GiB an hour each are below the limit of 0.17, though both together are not; 0.3 beside 0.1 are above."""

        def growing(gib):
            return [38 + gib * n / self.HOUR for n in range(21 * self.HOUR)]

        for one, other, fires in ((0.12, 0.12, False), (0.3, 0.1, True)):
            # Judged from an age of seven hours on, and then for six.
            checks = [("MemoryGrowsWithAge", 60 * 12, False), ("MemoryGrowsWithAge", 60 * 14, fires)]
            code, said = self.run(tmp_path, growing(one), checks, others=[growing(other)])
            assert code == 0, said

    def test_the_slope_makes_a_ticket_on_the_first_day_and_none_when_mended(self, tmp_path):
        code, said = self.run(tmp_path, self.readings(), [("MemoryGrowsWithAge", 60 * 20, True)])
        assert code == 0, said
        flat = [38 + 0.02 * n / self.HOUR for n in range(48 * self.HOUR)]
        checks = [
            (name, 60 * 47, False) for name in ("MemoryGrowsWithAge", "MemoryExhaustedWithinTwelveHours")
        ]
        code, said = self.run(tmp_path, flat, checks)
        assert code == 0, said


class TestFleet:
    def test_forty_a_second_on_average_and_sixty_at_the_peak(self):
        minutes = [datetime(2026, 11, 21) + timedelta(minutes=minute) for minute in range(1440)]
        demand = [fleet.demand(minute) for minute in minutes]
        assert sum(demand) / 1440 == pytest.approx(40, rel=0.01)
        assert max(demand) == 60
        shares = {
            app: sum(fleet.by_app(minute)[app] for minute in minutes) / sum(demand)
            for app in fleet.TRAFFIC[1:]
        }
        assert shares == pytest.approx({"app_a": 0.84, "app_b": 0.08, "app_c": 0.08}, abs=0.005)
        assert min(fleet.by_app(minute)["app_a"] for minute in minutes) > 0

    def test_the_first_two_are_killed_when_the_question_says_and_no_other(self):
        _, kills = fleet.simulate(fleet.SEED)
        assert kills == {1: [setting.KILLS[0]], 2: [setting.KILLS[1]]}
