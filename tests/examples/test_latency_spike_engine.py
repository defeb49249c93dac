"""Question 16: the simulated engine and fleet keep their limits, lose nothing, and give the same run for the same seed."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.latency_spike import setting, worlds
from examples.latency_spike.engine import Policy, Replica, Sequence
from examples.latency_spike.fleet import Action, Fleet, Slow, World, rank
from examples.latency_spike.traffic import ORGANIZATIONS, Application, Job, applications

MINUTE = World(seed=3, length_s=60)


def played(replica: Replica, sequences: list[Sequence]) -> list[tuple[int, int, float]]:
    """Submit each at its time and run until nothing is left: running sequences, use of the cache, time, by step."""
    seen = []
    waiting = sorted(sequences, key=lambda sequence: sequence.arrived)
    while waiting or replica.busy:
        if waiting and waiting[0].arrived <= replica.ends:
            sequence = waiting.pop(0)
            replica.submit(sequence, sequence.arrived)
        else:
            replica.finish_step()
        seen.append((replica.running, replica.kv, replica.ends))
    return seen


@st.composite
def loads(draw: st.DrawFn) -> list[Sequence]:
    prompts = draw(st.lists(st.integers(1, 32_000), min_size=1, max_size=40))
    return [
        Sequence(
            prompt,
            draw(st.integers(0, prompt)),
            draw(st.integers(2, 2_000)),
            draw(st.floats(0, 20, allow_nan=False)),
        )
        for prompt in prompts
    ]


class TestEngine:
    @settings(max_examples=25)
    @given(loads(), st.sampled_from([None, 256, 512]), st.sampled_from([512, 2_048]))
    def test_everything_ends_and_no_limit_is_broken(self, sequences, long_chunk, budget):
        replica = Replica("r", Policy(budget, long_chunk))
        seen = played(replica, sequences)
        assert all(running <= setting.MOST_SEQUENCES for running, _, _ in seen)
        assert all(kv <= setting.KV_TOKENS for _, kv, _ in seen)
        assert replica.kv == replica.running == len(replica.waiting) == 0
        for sequence in sequences:
            assert sequence.arrived <= sequence.started <= sequence.first_token < sequence.finished
        if not replica.count.preemptions:
            assert replica.count.decoded == sum(sequence.output - 1 for sequence in sequences)
            assert replica.count.prompt_tokens == sum(
                sequence.prompt - min(sequence.cached, sequence.prompt - 1) for sequence in sequences
            )

    @settings(max_examples=25)
    @given(loads())
    def test_first_come_first_served(self, sequences):
        replica = Replica("r")
        played(replica, sequences)
        if not replica.count.preemptions:
            order = sorted(sequences, key=lambda sequence: sequence.arrived)
            starts = [sequence.started for sequence in order]
            assert starts == sorted(starts)

    def test_a_lone_prompt_takes_the_time_of_the_formula(self):
        sequence = Sequence(4_096, 0, 2, 0.0)
        played(Replica("r"), [sequence])
        # Two chunks of 2,048 tokens; the second attends to the first; the cache holds all 4,096 from admission on.
        fixed = 2 * (0.0142 + 1e-7 * 4_096)
        expected = fixed + 4_096 * 7e-5 + 4.4e-9 * (2_048 * 1_024 + 2_048 * 3_072)
        assert sequence.first_token == pytest.approx(expected)

    def test_a_full_cache_makes_the_last_one_give_way_and_it_still_gets_all_its_tokens(self):
        sequences = [Sequence(30_000, 0, 2_000, 0.01 * n) for n in range(5)]
        sequences[-1].prompt = 16_500
        replica = Replica("r")
        played(replica, sequences)
        assert replica.count.preemptions == 1
        assert replica.kv == 0
        assert sequences[-1].made > 0
        assert sequences[-1].first_token < sequences[-1].finished
        # Its first token and those decoded before and after; the token that a repeated prefill makes is not decoded.
        assert replica.count.decoded == sum(sequence.output - 1 for sequence in sequences) - 1

    def test_what_does_not_fit_holds_those_behind_it(self):
        large = [Sequence(32_000, 0, 500, 0.0) for _ in range(4)]
        blocked, small = Sequence(20_000, 0, 10, 0.1), Sequence(100, 0, 10, 0.2)
        played(Replica("r"), [*large, blocked, small])
        assert small.started >= blocked.started >= min(sequence.finished for sequence in large)

    def test_a_capped_prompt_lets_a_short_one_pass(self):
        def first_token(policy: Policy) -> tuple[float, float]:
            long, short = Sequence(20_000, 0, 2, 0.0), Sequence(500, 0, 2, 0.01)
            played(Replica("r", policy), [long, short])
            return long.first_token, short.first_token - short.arrived

        plain, capped = first_token(Policy()), first_token(Policy(long_chunk=512))
        assert plain[1] > plain[0] - 0.1
        assert capped[1] < 0.3 < 2.0 < plain[1]
        assert capped[0] > plain[0]

    def test_a_frozen_host_makes_no_token_meanwhile(self):
        sequence = Sequence(100, 0, 500, 0.0)
        replica = Replica("r", frozen=(1.0, 4.0, 100.0))
        ends = [end for _, _, end in played(replica, [sequence]) if end < math.inf]
        assert max(later - former for former, later in pairwise(ends)) > 3.9
        assert sequence.finished > 500 * setting.STEP_S + 3.9

    def test_a_smaller_cache_makes_the_queue_wait(self):
        large = [Sequence(1_500, 0, 300, 0.0) for _ in range(30)]
        small = [Sequence(1_500, 0, 300, 0.0) for _ in range(30)]
        seen = played(Replica("r", kv_tokens=20_000), small)
        played(Replica("r"), large)
        assert max(kv for _, kv, _ in seen) <= 20_000
        assert max(running for running, _, _ in seen) <= 20_000 // 1_500
        assert small[-1].started > large[-1].started + 5.0
        shrunk = Replica("r", kv_tokens=20_000)
        shrunk.kv = 15_000
        assert shrunk.usage == 0.75

    def test_decode_speed_is_the_questions(self):
        sequences = [Sequence(1_500, 0, 300, 0.0) for _ in range(22)]
        played(Replica("r"), sequences)
        # Without prompts beside it; the rest of the 25 ms is what prompts of others take.
        assert 0.015 < (sequences[0].finished - sequences[0].first_token) / 299 < 0.030


class TestFleet:
    def test_the_same_seed_gives_the_same_run(self):
        short = replace(MINUTE, length_s=30)
        rows = Fleet(short).play().rows
        assert rows == Fleet(short).play().rows
        assert rows != Fleet(replace(short, seed=4)).play().rows

    def test_what_comes_later_changes_nothing_before(self):
        longer = Fleet(replace(MINUTE, length_s=45)).play().rows
        shorter = Fleet(replace(MINUTE, length_s=30)).play().rows
        assert shorter
        assert shorter == longer[: len(shorter)]

    def test_stages_add_up_to_the_time_to_first_token(self):
        for row in Fleet(MINUTE).play().rows:
            stages = row.quota + row.moderation + setting.ROUTE_S + row.wait + row.prefill + setting.FLUSH_S
            assert stages == pytest.approx(row.ttft, abs=1e-9)

    def test_the_traffic_is_the_questions(self):
        rows = Fleet(World(seed=5, length_s=150)).play().rows
        assert len(rows) / 150 == pytest.approx(setting.NIGHT_RPS, rel=0.08)
        assert sum(row.prompt for row in rows) / len(rows) == pytest.approx(setting.MEAN_PROMPT, rel=0.03)
        assert sum(row.output for row in rows) / len(rows) == pytest.approx(setting.MEAN_OUTPUT, rel=0.05)
        assert sum(row.itl for row in rows) / len(rows) == pytest.approx(0.025, abs=0.003)
        assert max(row.prompt + row.output for row in rows) < setting.CONTEXT_LIMIT
        assert len({application.organization for application in applications()}) == ORGANIZATIONS

    def test_an_application_stays_home_and_moves_only_when_it_must(self):
        keys = [application.key for application in applications()]
        eight, nine = list(setting.REPLICAS), [*setting.REPLICAS, "r9"]
        for key in keys:
            home = rank(key, nine)[0]
            assert rank(key, eight)[0] == home or home == "r9"

    def test_a_job_sends_its_next_round_after_the_last_answer(self):
        job = Job("x", 5.0, 3, 2_000, 2_000, 20, 4.0)
        run = Fleet(replace(MINUTE, job=job)).play()
        rounds = sorted({row.at for row in run.rows if row.org == "x"})
        assert rounds[0] == 5.0
        answered = [
            max(
                row.at + row.ttft + row.itl * (row.output - 1)
                for row in run.rows
                if (row.org, row.at) == ("x", at)
            )
            for at in rounds
        ]
        pauses = [later - last for last, later in zip(answered, rounds[1:], strict=False)]
        assert len(pauses) > 5
        assert all(3.59 < pause < 4.41 for pause in pauses)

    def test_actions(self):
        job = Job("x", 1.0, 4, 3_000, 3_000, 20, 1.0)
        base = replace(MINUTE, job=job, rps=4.0)
        lane = Fleet(replace(base, actions=(Action(0.0, "lane", "r1", "x"),))).play()
        assert {row.replica for row in lane.rows if row.org == "x"} == {"r1"}
        assert {row.org for row in lane.rows if row.replica == "r1"} == {"x"}
        drained = Fleet(replace(base, actions=(Action(20.0, "drain", "r5"),))).play()
        assert max(row.at for row in drained.rows if row.replica == "r5") < 20.0
        added = Fleet(replace(base, actions=(Action(20.0, "add", "r9"),))).play()
        assert min(row.at for row in added.rows if row.replica == "r9") >= 19.0
        one = Fleet(replace(base, actions=(Action(0.0, "limit", organization="x", most=1),))).play()
        spans = sorted(
            (
                row.at + row.ttft - row.prefill - row.wait - setting.FLUSH_S,
                row.at + row.ttft + row.itl * (row.output - 1),
            )
            for row in one.rows
            if row.org == "x"
        )
        assert len(spans) > 8
        assert all(end - 0.01 < begin for (_, end), (begin, _) in pairwise(spans))
        with pytest.raises(ValueError, match="no such action"):
            Fleet(replace(base, actions=(Action(0.0, "pray"),))).play()

    def test_a_fault_strikes_its_replica_alone_and_from_its_time_on(self):
        quiet = Fleet(MINUTE).play().rows
        faults = {
            "slow": replace(MINUTE, slowness=((20.0, "r5", 4.0),)),
            "frozen": replace(MINUTE, frozen=("r5", (20.0, 6.0, 20.0))),
            "shrunken": replace(MINUTE, shrunken=(20.0, "r5", 20_000)),
        }
        for name, world in faults.items():
            rows = Fleet(world).play().rows
            before = [row for row in rows if row.at + row.ttft + row.itl * row.output < 20.0]
            assert before, name
            assert {row[:3] for row in before} <= {row[:3] for row in quiet}, name
            assert all(row.ttft < 1.0 for row in before), name
            late = [row for row in rows if 25.0 <= row.at < 45.0 and row.ttft > 1.0]
            assert {row.replica for row in late} == {"r5"}, name
        speed = {
            at: [row.itl for row in Fleet(faults["slow"]).play().rows if row.replica == at]
            for at in ("r4", "r5")
        }
        assert max(speed["r5"]) > 2 * max(speed["r4"])

    def test_a_newcomer_sends_at_its_rate_from_its_time_on(self):
        rows = Fleet(replace(MINUTE, rps=2.0, newcomer=(10.0, "new", 3.0))).play().rows
        own = [row for row in rows if row.org == "new"]
        assert min(row.at for row in own) >= 10.0
        assert 0.6 * 3.0 * 40 < len(own) < 1.4 * 3.0 * 50  # those that end within the minute

    def test_with_every_replica_over_its_bound_a_prompt_goes_home(self):
        fleet = Fleet(replace(MINUTE, token_bound=4_000.0))
        application = Application("x", 0, 0.0, 200)
        order = rank(application.key, list(setting.REPLICAS))
        (pending,) = fleet.pending
        assert fleet._home(application, pending).name == order[0]
        pending[order[0]] = 4_001
        assert fleet._home(application, pending).name == order[1]
        fleet.flight[order[1]] = 40
        assert fleet._home(application, pending).name == order[2]
        for name in setting.REPLICAS:
            pending[name] = 16_000
        assert fleet._home(application, pending).name == order[0]

    def test_hosts_that_count_apart_send_long_prompts_to_one_replica(self):
        """A round of two: one count sends them to two replicas; two hosts' own counts, to one."""
        job = Job("x", 1.0, 2, 16_000, 16_000, 20, 1_000.0)
        base = replace(MINUTE, job=job, rps=0.01, token_bound=4_000.0)
        together = Fleet(base)
        rows = [row for row in together.play().rows if row.org == "x"]
        assert len({row.replica for row in rows}) == len(rows) == 2
        assert together.pending == [dict.fromkeys(setting.REPLICAS, 0)]
        apart = Fleet(replace(base, hosts=64))
        rows = [row for row in apart.play().rows if row.org == "x"]
        assert (len({row.replica for row in rows}), len(rows)) == (1, 2)
        assert apart.pending == 64 * [dict.fromkeys(setting.REPLICAS, 0)]

    def test_hedging_shortens_a_slow_provider(self):
        slow = replace(MINUTE, moderation=Slow(0.0, 60.0, 0.2, 3.0, 5.0))
        plain = Fleet(slow).play().rows
        hedged = Fleet(replace(slow, actions=(Action(0.0, "hedge"),))).play().rows
        assert sum(row.moderation > 1 for row in plain) > 3 * sum(row.moderation > 1 for row in hedged) > 0

    def test_a_stalled_store_holds_all_until_it_answers(self):
        rows = Fleet(replace(MINUTE, stalls=((30.0, 5.0),))).play().rows
        held = [row for row in rows if 30.0 <= row.at < 35.0]
        assert held
        assert all(35.0 <= row.at + row.quota < 35.1 for row in held)

    def test_the_night_differs_from_the_quiet_one_only_from_its_first_event_on(self):
        until = setting.at("02:31")
        night = Fleet(replace(worlds.NIGHT, length_s=until)).play().rows
        quiet = Fleet(World(seed=worlds.SEED, replicas=worlds.NIGHT.replicas, length_s=until)).play().rows
        assert night == quiet
