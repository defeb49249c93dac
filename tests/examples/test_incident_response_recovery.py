"""The recovery model: what it keeps, and that it shows what the page says it shows."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.incident_response import figures, recovery, setting
from examples.incident_response.recovery import FRESH_RPS, Policy, simulate


def mean_good(history, start, end):
    return sum(second.good for second in history[start:end]) / (end - start)


class TestMetastable:
    def test_the_demand_fits_the_warm_region_and_still_nobody_is_served(self):
        history = simulate(recovery.all_at_once())
        assert setting.REGION_RPS > FRESH_RPS
        # The backlog, which set it off, is over after two minutes.
        assert mean_good(history, 1_200, 1_800) == 0
        assert mean_good(history, 0, 1_800) < 1
        assert history[-1].wasted == pytest.approx(setting.REGION_RPS, rel=0.01)

    def test_retries_are_what_sustains_it(self):
        history = simulate(dataclasses.replace(recovery.all_at_once(), retries=0))
        assert mean_good(history, 1_200, 1_800) == pytest.approx(FRESH_RPS, rel=0.01)

    def test_a_cold_cache_alone_does_not_set_it_off(self):
        assert recovery.cold_rps() < FRESH_RPS
        history = simulate(dataclasses.replace(recovery.all_at_once(), backlog_at_s=10_000))
        assert mean_good(history, 600, 900) == pytest.approx(FRESH_RPS, rel=0.01)

    def test_a_strong_push_ends_it(self):
        history = simulate(recovery.all_at_once_then_shed())
        assert mean_good(history, 600, 900) == 0
        assert mean_good(history, 1_500, 1_800) >= FRESH_RPS

    def test_a_bounded_queue_prevents_it(self):
        history = simulate(recovery.all_at_once_bounded())
        assert mean_good(history, 0, 60) > recovery.cold_rps()
        assert mean_good(history, 600, 1_800) == pytest.approx(FRESH_RPS, rel=0.01)
        assert sum(second.wasted for second in history) == 0


class TestStaged:
    def test_the_steps_rise_in_order_and_each_is_held(self):
        steps = [second.step for second in simulate(recovery.staged())]
        assert steps == sorted(steps)
        assert tuple(dict.fromkeys(steps)) == recovery.STEPS
        for step in recovery.STEPS[:-1]:
            assert steps.count(step) >= recovery.SOAK_S

    def test_nothing_is_answered_late(self):
        assert sum(second.wasted for second in simulate(recovery.staged())) == 0

    def test_a_step_whose_check_fails_goes_one_back(self):
        # Steps without a bound on the queue: the last but one overloads, so traffic goes back, and never beyond.
        history = simulate(Policy((0.5, 3.0, 4.0), backlog_at_s=None))
        steps = [second.step for second in history]
        assert set(steps) == {0.5, 3.0}
        up = steps.index(3.0)
        back = steps.index(0.5, up)
        bad = next(
            i for i in range(up, back) if history[i].good < 0.99 * (history[i].good + history[i].wasted)
        )
        assert back - bad == recovery.BACK_S

    def test_clients_of_a_dropped_queue_come_back(self):
        pushed = simulate(recovery.all_at_once_then_shed())[901:909]
        back = sum(second.admitted for second in pushed) - 8 * FRESH_RPS * recovery.STEPS[0]
        # At most three attempts of ten seconds' fresh requests were waiting; tens of thousands had left.
        assert 0 < back < 3 * 2 * recovery.PATIENCE_S * FRESH_RPS

    def test_a_step_that_serves_nothing_proves_nothing(self):
        assert {second.step for second in simulate(Policy((0.0, 1.0), backlog_at_s=None), 600)} == {0.0}

    def test_resolved_is_announced_only_after_the_last_check(self):
        history = simulate(recovery.staged())
        full = next(i for i, second in enumerate(history) if second.step == 1.0)
        first = next(i for i, second in enumerate(history) if second.admitted > FRESH_RPS * 1.01)
        assert first >= full + recovery.SOAK_S


class TestConservation:
    @settings(max_examples=25)
    @given(
        bounded=st.booleans(),
        retries=st.integers(0, 2),
        share=st.floats(0.1, 2.0),
        backlog_at=st.sampled_from([0, 60, 10_000]),
    )
    def test_no_more_is_served_than_arrived_or_than_fits(self, bounded, retries, share, backlog_at):
        policy = Policy((share,), bounded=bounded, retries=retries, backlog_at_s=backlog_at)
        history = simulate(policy, 300)
        served = sum(second.good + second.wasted for second in history)
        assert served <= sum(second.admitted for second in history) + 1e-6
        for second in history:
            assert second.good + second.wasted <= setting.REGION_RPS + 1e-6
            assert second.good >= 0
            assert 0 <= second.warm <= 1

    def test_attempts_stay_within_three_for_each_request(self):
        history = simulate(recovery.all_at_once())
        fresh = FRESH_RPS * len(history) + recovery.BACKLOG
        assert sum(second.admitted for second in history) <= 3 * fresh

    def test_it_is_the_same_every_time(self):
        assert simulate(recovery.staged()) == simulate(recovery.staged())


class TestFigures:
    def test_cold(self):
        # Half of the prefill work, 60% of all work, is saved by a warm cache: warm costs 0.7 of cold.
        assert recovery.cold_rps() == pytest.approx(60 * (0.4 + 0.6 * 0.5))
        assert figures.cold() == "42"
        assert figures.recovery_wasted_rps() == f"{setting.REGION_RPS:.0f}", "all that the region can serve"

    def test_the_chart_tells_what_its_caption_says(self):
        rows = figures.recovery_chart()["data"]["values"]
        assert all(row["once"] == 0 for row in rows[3:])
        assert all(row["bounded"] >= 42 for row in rows)
        assert rows[6]["staged"] >= 43
