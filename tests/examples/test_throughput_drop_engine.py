"""The simulation: what a replica must never do, what the fault does to it, and that it writes the evidence again."""

import itertools
import random
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from math import log, sqrt
from statistics import fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.throughput_drop import capture, fleet, lab, rendering, setting, stats
from examples.throughput_drop.engine import Bucket, Mix, Replica, Request, serve

requests = st.lists(
    st.tuples(st.floats(0, 20), st.integers(0, 3), st.integers(1, 2_000), st.integers(1, 200)),
    min_size=1,
    max_size=25,
)
builds = st.sampled_from(
    [cell.build() for cell in itertools.starmap(setting.Cell, itertools.product([False, True], repeat=3))]
)


def stream(drawn):
    """Requests in order of arrival, then none."""
    for arrival, app, user, output in sorted(drawn):
        prefix = 160 * (app + 1)
        yield Request(arrival, app, prefix, prefix + user, output)
    while True:
        yield Request(1e9, 0, 160, 161, 1)


def steady(build, rps, seconds=300, seed=1, warm=True):
    """Output tokens/s, share of prompt tokens found, and refused share, without the first minute."""
    mix = Mix()
    arrivals = mix.arrivals(random.Random(seed), lambda _: rps, 0.0)
    buckets = serve(build, arrivals, 0.0, seconds, 60, setting.QUEUE, warm=mix.prefixes if warm else None)[1:]
    prompt = sum(b.prompt_tokens for b in buckets)
    return (
        sum(b.output_tokens for b in buckets) / (60 * len(buckets)),
        sum(b.cached_tokens for b in buckets) / prompt,
        sum(b.refused for b in buckets) / sum(b.requests for b in buckets),
    )


class TestReplica:
    @given(requests, builds)
    @settings(max_examples=25)
    def test_every_token_of_every_request_is_made_once_and_everything_is_given_back(self, drawn, build):
        (bucket,) = serve(build, stream(drawn), 0.0, 3_000.0, 3_000.0, queue=1_000)
        assert bucket.requests == bucket.finished == len(drawn)
        assert bucket.output_tokens == bucket.finished_tokens == sum(output for *_, output in drawn)
        added = build.template.added_tokens
        assert bucket.prompt_tokens == sum(160 * (app + 1) + user + added for _, app, user, _ in drawn)
        assert bucket.waiting == bucket.running == 0

    @given(requests, builds, st.integers(1, 64), st.integers(2, 8))
    @settings(max_examples=25)
    def test_no_step_exceeds_budget_slots_or_memory(self, drawn, build, more, slots):
        tight = replace(build, budget=slots + more, slots=slots, kv_tokens=6_000)
        replica = Replica(tight, 0.0, {})
        replica.waiting.extend(itertools.islice(stream(drawn), len(drawn)))
        while not replica.idle:
            before, context = replica.now, replica.context
            replica.step(lambda _: Bucket())
            assert len(replica.decoding) + len(replica.prefilling) <= slots
            assert replica.kv_used <= tight.kv_tokens
            longest = tight.fixed_s + tight.per_token_s * tight.budget
            assert replica.now - before <= longest + tight.per_context_s * (context + 12_000)
        assert replica.context == 0
        assert replica.kv_used == sum(replica.cached.values())

    def test_the_first_come_is_the_first_answered(self):
        replica = Replica(setting.NEW, 0.0, {})
        replica.waiting.extend(itertools.islice(stream([(t, 0, 900, 5) for t in range(20)]), 20))
        seen = []
        while not replica.idle:
            replica.step(lambda _: Bucket())
            seen += [r.request.arrival_s for _, _, r in replica.decoding if r.request.arrival_s not in seen]
        assert seen == sorted(seen)

    def test_a_full_queue_refuses(self):
        (bucket,) = serve(setting.OLD, stream([(0.0, 0, 10, 5)] * 50), 0.0, 100.0, 100.0, queue=8)
        assert bucket.refused == 42
        assert bucket.finished == 8

    def test_nothing_arrives_after_the_stop_and_what_is_there_ends(self):
        drawn = [(1.0, 0, 100, 50), (5.0, 0, 100, 50)]
        (bucket,) = serve(setting.OLD, stream(drawn), 0.0, 100.0, 100.0, queue=8, stop_s=3.0)
        assert (bucket.requests, bucket.finished_tokens) == (1, 50)

    def test_a_prefix_is_found_from_the_second_request_on_and_only_if_it_comes_first(self):
        twice = [(0.0, 1, 100, 5), (9.0, 1, 300, 5)]
        (old,) = serve(setting.OLD, stream(twice), 0.0, 50.0, 50.0, queue=8)
        (new,) = serve(setting.NEW, stream(twice), 0.0, 50.0, 50.0, queue=8)
        assert (old.cached_tokens, new.cached_tokens) == (320, 0)


class TestTheFault:
    def test_old_and_new_builds_reach_the_questions_limits(self):
        assert steady(setting.OLD, 10.0, 600)[0] == pytest.approx(2_800, rel=0.02)
        assert steady(setting.NEW, 6.25, 600)[0] == pytest.approx(1_400, rel=0.02)

    def test_below_saturation_both_deliver_what_is_asked(self):
        for build in (setting.OLD, setting.NEW):
            tokens, _, refused = steady(build, 2.0)
            assert tokens == pytest.approx(640, rel=0.07)
            assert refused == 0

    def test_half_of_the_prompt_is_found_by_the_old_build_and_a_cold_cache_is_warm_after_a_minute(self):
        assert steady(setting.OLD, 6.25)[1] == pytest.approx(0.5, abs=0.01)
        assert steady(setting.OLD, 6.25, warm=False)[1] == pytest.approx(0.5, abs=0.01)
        assert steady(setting.NEW, 6.25)[1] == 0

    def test_a_slower_engine_would_have_shown_at_the_canarys_load_and_left_the_cache_alone(self):
        """The rival that fits the alert: each token takes so much longer that an old replica ends at 1,400."""
        rival = setting.OLD.slower(2.6)
        tokens, found, _ = steady(rival, 6.25, 600)
        assert tokens == pytest.approx(1_400, rel=0.1)
        assert found == pytest.approx(0.5, abs=0.01)

    def test_the_mended_system_lacks_the_fault(self):
        for rps in (6.25, setting.PEAK / setting.REPLICAS):
            tokens, found, refused = steady(setting.MENDED, rps, 600)
            assert refused == 0
            assert tokens == pytest.approx(rps * 320, rel=0.04)
            assert found == pytest.approx(700 / 1_424, abs=0.01)
        assert steady(setting.MENDED, 10.0, 600)[0] > 0.95 * steady(setting.OLD, 10.0, 600)[0]

    def test_the_mended_template_alone_fails_the_peak(self):
        half_mended = setting.scheduler_settings(setting.MENDED)
        assert steady(half_mended, setting.PEAK / setting.REPLICAS, 600)[0] < 0.95 * 2_500

    def test_the_settings_shorten_the_longest_gap_as_their_note_says(self):
        """At the benchmark's 4 requests/s: the longest step in which somebody waits for a next token."""

        def longest(build):
            mix = Mix()
            arrivals = mix.arrivals(random.Random(1), lambda _: 4.0, 0.0)
            replica, upcoming, found = Replica(build, 0.0, mix.prefixes), next(arrivals), 0.0
            while replica.now < 600:
                while upcoming.arrival_s <= replica.now:
                    replica.waiting.append(upcoming)
                    upcoming = next(arrivals)
                if replica.idle:
                    replica.now = upcoming.arrival_s
                    continue
                before, gap = replica.now, bool(replica.decoding)
                replica.step(lambda _: Bucket())
                found = max(found, replica.now - before) if gap else found
            return found

        note = (capture.EVIDENCE / "release.txt").read_text(encoding="utf-8")
        old, new = longest(setting.OLD), longest(setting.scheduler_settings(setting.OLD))
        assert (round(old, 1), round(new, 2)) == (0.3, 0.07)
        assert "0.3 s to 0.07 s" in note

    def test_only_builds_that_carry_the_peak_pass_the_gates_second_half(self):
        half = setting.scheduler_settings(setting.MENDED)
        for build in (setting.NEW, half, setting.chat_template(setting.OLD)):
            assert not lab.carries_the_peak(build, "gate")
        for build in (setting.OLD, setting.MENDED, setting.engine_minor(setting.OLD)):
            assert lab.carries_the_peak(build, "gate")

    def test_late_answers_fail_it_without_any_refusal_and_refusals_without_late_answers(self, monkeypatch):
        late, prompt = Bucket(ttft_s=[1.9] * 94 + [2.1] * 6), Bucket(ttft_s=[1.9] * 96 + [2.1] * 4)
        monkeypatch.setattr(lab, "serve", lambda *_, **__: [Bucket(), late])
        assert not lab.carries_the_peak(setting.OLD, "gate")
        monkeypatch.setattr(lab, "serve", lambda *_, **__: [Bucket(), prompt])
        assert lab.carries_the_peak(setting.OLD, "gate")
        monkeypatch.setattr(lab, "serve", lambda *_, **__: [Bucket(refused=1), prompt])
        assert not lab.carries_the_peak(setting.OLD, "gate")

    def test_six_changes_make_the_release(self):
        build = setting.OLD
        for change in setting.CHANGES.values():
            build = change(build)
        assert build == setting.NEW
        assert len(setting.CHANGES) == 6


class TestTemplates:
    NOW = datetime(2026, 11, 26, 15, 52, 7, 482_913, tzinfo=UTC)

    @given(st.integers(1, 10**12), st.integers(0, 10**15))
    @settings(max_examples=50)
    def test_only_the_released_one_varies_before_what_is_shared(self, apart, since):
        first = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=since)
        times = (first, first + timedelta(microseconds=apart))
        assert rendering.static_share("previous", times) == 1
        assert rendering.static_share("mended", times) == 1
        assert rendering.static_share("released", times) < 0.5

    def test_what_must_be_shared_ends_with_the_system_message(self):
        times = (self.NOW, self.NOW + timedelta(seconds=1.218_751))
        end = rendering.render("released", "Where?", self.NOW).index("<|eot_id|>")
        assert rendering.static_share("released", times) == pytest.approx(93 / end)
        heads = (capture.EVIDENCE / "prompts.txt").read_text(encoding="utf-8")
        assert "equal from the start: 93 of 444" in heads

    def test_all_three_say_the_same_otherwise(self):
        prompts = [rendering.render(name, "Where?", self.NOW) for name in rendering.TEMPLATES]
        without = [
            "".join(line for line in p.splitlines() if line and "Current time" not in line) for p in prompts
        ]
        assert without[0] == without[1] == without[2]
        assert ["Current time" in prompt for prompt in prompts] == [False, True, True]


class TestFleet:
    def test_shares_serve_the_demand_or_overload_all_alike(self):
        for minute in range(setting.FIRST, setting.LAST):
            counts, shares = fleet.ready(minute), fleet.shares(minute)
            total = sum(counts[build] * shares[build] for build in counts if counts[build])
            assert total == pytest.approx(setting.demand(minute))
            load = {build: shares[build] / fleet.LIMIT[build] for build in counts if counts[build]}
            if sum(counts[b] * fleet.LIMIT[b] for b in counts) <= setting.demand(minute):
                assert len({round(value, 9) for value in load.values()}) == 1

    def test_four_are_out_throughout_and_the_spares_come_and_go(self):
        for minute in range(setting.ROLLOUT, setting.ROLLOUT + 40):
            assert sum(fleet.ready(minute).values()) == 28
        for minute in range(setting.ROLLBACK, setting.ROLLBACK + 40):
            assert sum(fleet.ready(minute).values()) == 28 + 4 * (5 <= minute - setting.ROLLBACK < 30)
        assert fleet.ready(setting.ALERTED) == {"old": 0, "new": 32}
        assert fleet.ready(setting.ROLLBACK + 40) == {"old": 32, "new": 0}

    def test_either_template_goes_first_as_often(self):
        first = [run.cell.template for run in lab.runs()[::2]]
        assert sorted(first) == [False] * 8 + [True] * 8

    def test_the_load_tests_file_is_in_the_order_of_its_runs(self):
        lines = (capture.EVIDENCE / "lab.csv").read_text(encoding="utf-8").splitlines()[1:]
        written = [line.split(",")[:5] for line in lines][:: len(lab.LADDER) * 3]
        assert written == [
            [str(run.session), run.host, *(capture.NAMES[new] for new in astuple(run.cell))]
            for run in lab.runs()
        ]

    def test_every_change_meets_every_host(self):
        for column in zip(*lab.SESSIONS, strict=True):
            assert sorted(column) == list("ABCD")


class TestTheEvidenceIsWrittenAgain:
    """Parts of each file, byte for byte; the whole takes minutes."""

    def lines(self, name):
        return (capture.EVIDENCE / name).read_text(encoding="utf-8").splitlines()

    def joined(self, rows):
        return [",".join(str(cell) for cell in row) for row in rows]

    @pytest.mark.parametrize(("replica", "which"), [(21, 1), (33, 0)])
    def test_fleet(self, replica, which):
        lives = [[life for life in fleet.lives() if life.replica == replica][which]]
        written = self.joined(
            capture.fleet_row(minute) for life in lives for minute in fleet.simulate(life, capture.SEED)
        )
        assert len(written) >= 25
        assert set(written) <= set(self.lines("fleet.csv"))

    def test_load_test(self):
        runs = [run for run in lab.runs() if run.session == 3][:2]
        written = self.joined(capture.lab_rows(runs))
        assert len(written) == 2 * len(lab.LADDER) * 3
        assert "\n".join(written[:15]) in "\n".join(self.lines("lab.csv"))
        assert set(written) <= set(self.lines("lab.csv"))

    def test_canary(self):
        written = self.joined(itertools.islice(capture.canary_rows(), capture.SAMPLED))
        assert written == self.lines("canary.csv")[1 : capture.SAMPLED + 1]
        assert {line.split(",")[1] for line in written} == {"1", "2"}

    def test_gateway_adds_up_a_minute_of_all_replicas(self):
        life = fleet.lives()[0]
        minutes = [
            fleet.Minute(
                life, minute, Bucket(requests=9, refused=2, finished=3, finished_tokens=800, ttft_s=ttft)
            )
            for minute, ttft in ((841, [0.3, 0.1]), (840, []), (841, [0.2, 0.9]))
        ]
        first, second = capture.gateway_rows(minutes)
        assert [first[0], first[1], first[3:]] == ["14:00", 9, [2, 3, 800, "", ""]]
        assert [second[0], second[1], second[3:]] == ["14:01", 18, [4, 6, 1_600, 300, 900]]
        assert 11_880 - 500 < first[2] < 11_880 + 500

    def test_a_file_is_its_header_and_its_rows(self, tmp_path, monkeypatch):
        monkeypatch.setattr(capture, "EVIDENCE", tmp_path)
        capture.write("a.csv", ["one", "two"], [[1, ""], ["x", 2.5]])
        assert (tmp_path / "a.csv").read_bytes() == b"one,two\n1,\nx,2.5\n"

    def test_gate(self):
        written = self.joined(itertools.islice(capture.gate_rows(), 2))
        assert written == self.lines("gate.csv")[1:3]

    def test_hosts_and_prompts(self):
        assert self.joined(capture.host_rows()) == self.lines("hosts.csv")[1:]
        assert "\n".join(capture.prompt_lines()) == (capture.EVIDENCE / "prompts.txt").read_text(
            encoding="utf-8"
        )

    def test_gateway_counts_what_the_replicas_did(self):
        by_minute = {}
        for line in self.lines("fleet.csv")[1:]:
            minute, _, _, offered, refused, *_ = line.split(",")
            total = by_minute.setdefault(minute, [0, 0])
            total[0] += int(offered)
            total[1] += int(refused)
        for line in self.lines("gateway.csv")[1:]:
            minute, offered, _, refused, *_ = line.split(",")
            assert by_minute[minute] == [int(offered), int(refused)]


class TestStats:
    def test_paired_ratio_by_hand(self):
        new, old = [11.0, 24.0, 33.0, 52.0], [10.0, 20.0, 30.0, 40.0]
        logs = [log(a / b) for a, b in zip(new, old, strict=True)]
        found = stats.paired_ratio(new, old)
        assert log(found.ratio) == pytest.approx(sum(logs) / 4)
        assert log(found.high / found.ratio) == pytest.approx(3.182 * stdev(logs) / 2)
        assert log(found.ratio / found.low) == pytest.approx(3.182 * stdev(logs) / 2)

    @given(st.floats(0.5, 2), st.lists(st.floats(0.5, 2), min_size=4, max_size=4))
    def test_a_slow_host_cancels(self, effect, hosts):
        found = stats.paired_ratio([effect * host for host in hosts], hosts)
        assert found == pytest.approx((effect, effect, effect))

    @given(
        st.lists(st.integers(0, 9), min_size=1, max_size=20),
        st.lists(st.integers(0, 9), min_size=1, max_size=20),
    )
    def test_longer_counts_pairs(self, first, second):
        chance, z = stats.longer(first, second)
        pairs = fmean((a > b) + (a == b) / 2 for a in first for b in second)
        assert chance == pytest.approx(pairs)
        n, m = len(first), len(second)
        assert z == pytest.approx((pairs - 0.5) / sqrt((n + m + 1) / (12 * n * m)))

    def test_minutes_needed_by_simulation(self):
        """90% power and 5% false alarms, with samples of 3% spread and an effect of 3%."""
        minutes = stats.minutes_needed(0.03, 0.03)
        count, rng = round(minutes / 0.5), random.Random(7)
        assert count == 21

        def alarm(effect):
            mean = [fmean(rng.gauss(1 + e, 0.03) for _ in range(count)) for e in (0, effect)]
            return abs(mean[1] - mean[0]) > 1.96 * 0.03 * sqrt(2 / count)

        assert fmean(alarm(0.03) for _ in range(600)) == pytest.approx(0.9, abs=0.04)
        assert fmean(alarm(0) for _ in range(600)) == pytest.approx(0.05, abs=0.03)
