"""Question 10: the state machine against a naive model, its window, its settings, and what counts as a failure."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from examples.circuit_breaker.brownout import play
from examples.circuit_breaker.machine import Machine, Permit, Settings, Stage, State
from examples.circuit_breaker.verdict import (
    CallerFault,
    Fault,
    ProviderFault,
    SetupFault,
    Throttled,
    codes_of,
    of_event,
    of_status,
    seconds_of,
)
from examples.circuit_breaker.window import Rates, Window

SMALL = Settings(
    lookback_s=10,
    minimum_calls=4,
    open_s=2,
    open_max_s=8,
    probes=2,
    probes_to_pass=3,
    half_open_max_s=6,
    ramp=(0.25, 0.5),
    ramp_step_s=3,
    ramp_step_max_s=6,
)


def machine(of: Settings = SMALL, jitter: float = 0.0) -> Machine:
    return Machine(of, lambda: jitter)


def call(breaker: Machine, now: float, *, failed: bool, slow: bool = False) -> Permit | None:
    permit = breaker.acquire(now)
    if permit:
        if not failed:
            breaker.started(permit, now, slow=slow)
        breaker.ended(permit, now, failed=failed)
    return permit


def opened(now: float = 0.0, of: Settings = SMALL, jitter: float = 0.0) -> Machine:
    breaker = machine(of, jitter)
    for _ in range(of.minimum_calls):
        call(breaker, now, failed=True)
    assert breaker.state is State.OPEN
    return breaker


def ramping(of: Settings = SMALL) -> Machine:
    """At its first step, from second 1 on (jitter 0: half of the wait)."""
    breaker = opened(of=of)
    for _ in range(of.probes_to_pass):
        assert call(breaker, 1.0, failed=False)
    assert breaker.state is State.RAMP
    return breaker


# Closed --------------------------------------------------------------------------------------------------------


def test_opens_at_the_rate_and_not_before_the_minimum() -> None:
    breaker = machine()
    for _ in range(3):
        call(breaker, 0.0, failed=True)
    assert breaker.state is State.CLOSED
    call(breaker, 0.0, failed=False)
    assert breaker.state is State.OPEN  # 3 of 4, seen at the fourth call
    breaker = machine()
    for number in range(40):
        call(breaker, 0.0, failed=number % 4 == 3)  # 25% of any four
    assert breaker.state is State.CLOSED


def test_old_failures_are_forgotten() -> None:
    breaker = machine()
    for _ in range(3):
        call(breaker, 0.0, failed=True)
    call(breaker, 10.0, failed=True)
    assert breaker.state is State.CLOSED
    call(breaker, 9.0, failed=True)  # the clock goes back: the same as 10.0
    for _ in range(2):
        call(breaker, 12.0, failed=True)
    assert breaker.state is State.OPEN


def test_slow_first_tokens_open_it_too() -> None:
    breaker = machine()
    for number in range(20):
        call(breaker, 0.0, failed=False, slow=number % 4 != 0)  # 75%
    assert breaker.state is State.CLOSED
    for _ in range(4):
        call(breaker, 2.0, failed=False, slow=True)
    assert breaker.state is State.OPEN


def test_slow_and_failed_starts_add_up() -> None:
    breaker = machine(Settings(minimum_calls=10))
    for number in range(10):
        call(breaker, 0.0, failed=number < 4, slow=3 < number < 7)  # 40% and 30%
    assert breaker.state is State.CLOSED
    for number in range(10):
        call(breaker, 2.0, failed=number < 4, slow=number > 3)  # 40% and 60%: no good one is left
    assert breaker.state is State.OPEN


def test_streams_that_break_late_open_it_although_every_first_token_came() -> None:
    breaker = machine()
    for _ in range(4):
        broken(breaker, 0.0)
    assert breaker.state is State.OPEN


def broken(breaker: Machine, now: float) -> None:
    """A stream that fails after its first token."""
    permit = breaker.acquire(now)
    assert permit
    breaker.started(permit, now)
    breaker.ended(permit, now, failed=True)


def test_a_cancel_says_nothing_and_a_cancel_after_the_slow_mark_says_slow() -> None:
    breaker = machine()
    for _ in range(10):
        permit = breaker.acquire(0.0)
        assert permit
        breaker.released(permit, 0.0)
    assert breaker.state is State.CLOSED
    running = [breaker.acquire(0.0) for _ in range(10)]
    for permit in running:
        assert permit
        breaker.started(permit, 0.0)
    for permit in running:
        assert permit
        breaker.released(permit, 20.0, slow=True)  # a long answer that somebody stopped reading
    assert breaker.state is State.CLOSED
    for _ in range(4):
        permit = breaker.acquire(40.0)
        assert permit
        breaker.released(permit, 41.0, slow=True)
    assert breaker.state is State.OPEN


def test_a_second_report_of_the_same_call_is_ignored() -> None:
    breaker = machine()
    permit = breaker.acquire(0.0)
    assert permit
    for _ in range(10):
        breaker.ended(permit, 0.0, failed=True)
        breaker.released(permit, 0.0)
        breaker.started(permit, 0.0)
    assert breaker.state is State.CLOSED
    assert (breaker.counts.failed, breaker.counts.ended) == (1, 1)


# Open and half-open ----------------------------------------------------------------------------------------------


def test_open_lets_nothing_through_until_its_time() -> None:
    breaker = opened(now=100.0)
    assert breaker.wait_s(100.0) == 1.0  # half of 2 s with no jitter
    assert breaker.acquire(100.99) is None
    assert breaker.acquire(50.0) is None
    assert breaker.wait_s(101.0) == 0.0
    assert breaker.acquire(101.0)
    assert breaker.state is State.HALF_OPEN


def test_a_call_that_may_not_probe_leaves_it_open() -> None:
    breaker = opened()
    assert breaker.acquire(5.0, may_probe=False) is None
    assert breaker.state is State.OPEN
    assert breaker.acquire(5.0)
    assert breaker.acquire(5.0, may_probe=False) is None


def test_probes_are_bounded_and_a_canceled_one_gives_its_place_back() -> None:
    breaker = opened()
    probes = [breaker.acquire(1.0) for _ in range(5)]
    assert [bool(probe) for probe in probes] == [True, True, False, False, False]
    assert probes[0]
    breaker.released(probes[0], 1.0)
    assert breaker.acquire(1.0)
    assert breaker.acquire(1.0) is None
    assert breaker.state is State.HALF_OPEN


def test_a_probe_that_passed_gives_back_its_own_place_only() -> None:
    breaker = opened()
    probes = [breaker.acquire(1.0) for _ in range(2)]
    assert probes[0]
    breaker.ended(probes[0], 1.0, failed=False)
    assert breaker.acquire(1.0)
    assert breaker.acquire(1.0) is None


def test_a_probe_that_was_given_up_after_the_slow_mark_is_no_failed_one() -> None:
    breaker = opened()
    for _ in range(4):
        probe = breaker.acquire(1.0)
        assert probe
        breaker.released(probe, 1.0, slow=True)
    assert breaker.state is State.HALF_OPEN


def test_a_first_token_is_no_passed_probe() -> None:
    breaker = opened()
    for _ in range(2):
        probe = breaker.acquire(1.0)
        assert probe
        breaker.started(probe, 1.5)
    assert breaker.state is State.HALF_OPEN
    breaker.ended(probe, 2.0, failed=True)  # it stalled in mid-stream
    assert breaker.state is State.OPEN


def test_a_slow_probe_has_not_passed() -> None:
    breaker = opened(of=Settings(minimum_calls=1, open_s=2))
    probe = breaker.acquire(1.0)
    assert probe
    breaker.started(probe, 1.5, slow=True)
    assert breaker.state is State.HALF_OPEN
    breaker.ended(probe, 2.0, failed=False)
    assert breaker.state is State.OPEN


def test_waits_double_up_to_the_longest_and_are_jittered() -> None:
    breaker = opened()
    waits = [breaker.wait_s(0.0)]
    now = 0.0
    for _ in range(4):
        now += waits[-1]
        call(breaker, now, failed=True)  # the probe fails
        waits.append(breaker.wait_s(now))
    assert waits == [1.0, 2.0, 4.0, 4.0, 4.0]  # halves of 2, 4, 8, 8, 8
    assert opened(jitter=0.999).wait_s(0.0) == pytest.approx(2.0, abs=0.01)


def test_a_late_result_of_an_earlier_state_changes_nothing() -> None:
    breaker = machine()
    old = [breaker.acquire(0.0) for _ in range(20)]
    for permit in old[:4]:
        assert permit
        breaker.ended(permit, 0.0, failed=True)
    assert breaker.state is State.OPEN
    probe = breaker.acquire(1.0)
    assert probe
    for permit in old[4:16]:
        assert permit
        breaker.ended(permit, 1.0, failed=len(old) % 2 == 0)
    assert breaker.state is State.HALF_OPEN  # late failures do not open it again
    for permit in old[16:]:
        assert permit
        breaker.ended(permit, 1.0, failed=False)
    assert breaker.state is State.HALF_OPEN  # nor do late successes close it
    assert breaker.counts.late == 16
    assert breaker.probes_out == 1


@pytest.mark.parametrize("how", ["started", "ended", "released"])
def test_a_slow_call_of_an_earlier_state_does_not_judge_the_ramp(how: str) -> None:
    breaker = machine()
    old = [breaker.acquire(0.0) for _ in range(12)]
    for permit in old[:4]:
        assert permit
        breaker.ended(permit, 0.0, failed=True)
    for _ in range(3):
        assert call(breaker, 1.0, failed=False)
    for permit in old[4:]:
        assert permit
        if how == "started":
            breaker.started(permit, 1.0, slow=True)
        elif how == "ended":
            breaker.ended(permit, 1.0, failed=True)
        else:
            breaker.released(permit, 1.0, slow=True)
    assert breaker.state is State.RAMP


def test_a_lost_probe_leaves_the_other_place() -> None:
    breaker = opened()
    assert breaker.acquire(1.0)  # never comes back
    for second in (2.0, 30.0, 60.0):
        assert call(breaker, second, failed=False)
    assert breaker.state is State.RAMP


def test_a_person_opens_it_and_it_comes_back_by_way_of_probes() -> None:
    breaker = machine()
    running = breaker.acquire(0.0)
    assert running
    breaker.force_open(10.0, 100.0)
    assert breaker.wait_s(10.0) == 100.0
    assert breaker.acquire(109.9) is None
    breaker.ended(running, 109.9, failed=True)
    assert breaker.counts.late == 1
    for _ in range(3):
        assert call(breaker, 110.0, failed=False)
    assert breaker.state is State.RAMP
    assert breaker.transitions[0].why == "forced"


@settings(max_examples=60)
@given(st.floats(0.02, 900), st.integers(0, 3), st.integers(0, 1_000))
def test_a_healthy_provider_is_let_back_in_whatever_the_traffic(every_s: float, lost: int, seed: int) -> None:
    """Liveness: with good calls alone it is closed again, though they come seldom and a few probes got lost."""
    breaker = Machine(Settings(), random.Random(seed).random)
    for _ in range(20):
        call(breaker, 0.0, failed=True)
    now = 0.0
    for _ in range(max(300, int(900 / every_s))):
        now += every_s
        if lost and breaker.state is State.HALF_OPEN and breaker.acquire(now):
            lost -= 1
            continue
        call(breaker, now, failed=False)
        if breaker.state is State.CLOSED:
            return
    raise AssertionError((breaker.state, breaker.share))


@pytest.mark.parametrize("rps", [10.0, 2.0, 0.5])
@pytest.mark.parametrize("failing", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_provider_that_fails_a_little_gets_its_traffic_back(rps: float, failing: float, seed: int) -> None:
    """What a closed breaker bears must not keep it open: else each outage lasts as long as the errors."""
    seen = play(failing, Settings(), rps, 1_800, seed, opened=True)
    assert seen.closed_s is not None
    assert seen.closed_s < 600
    assert seen.admitted > 0.7  # of half an hour that began with an outage


def test_lost_probes_do_not_keep_it_half_open() -> None:
    breaker = opened()
    lost = [breaker.acquire(1.0) for _ in range(2)]
    assert all(lost)
    assert breaker.acquire(6.9) is None
    assert breaker.acquire(7.0) is None
    assert breaker.state is State.OPEN
    assert breaker.acquire(12.0)


# Ramp ----------------------------------------------------------------------------------------------------------


def test_the_ramp_admits_its_share_and_climbs_with_good_calls() -> None:
    breaker = ramping()
    admitted = [call(breaker, 1.0, failed=False) for _ in range(16)]
    assert sum(map(bool, admitted)) == 4  # 25%
    breaker.acquire(2.5)
    assert (breaker.state, breaker.share) == (State.RAMP, 0.5)
    assert sum(bool(call(breaker, 2.5, failed=False)) for _ in range(10)) >= 5
    breaker.acquire(4.0)
    assert breaker.state is State.CLOSED


def test_the_ramp_does_not_climb_without_evidence() -> None:
    breaker = ramping()
    assert [breaker.acquire(2.0 + i / 10) for i in range(3)] == [None] * 3
    breaker.acquire(100.0)
    assert breaker.share == 0.25


def quiet(*good: bool) -> Machine:
    """At its first step, with so many starts, before the longest time of a step (6 s) is over."""
    breaker = ramping()
    breaker._credit = 0.75
    for one in good:
        assert call(breaker, 1.5, failed=not one)
        breaker._credit = 0.75
    return breaker


def test_a_quiet_step_needs_its_longest_time_and_one_good_call() -> None:
    breaker = quiet(True)
    breaker.acquire(6.9)
    assert breaker.share == 0.25
    breaker.acquire(7.0)
    assert breaker.share == 0.5


@pytest.mark.parametrize("seen", [(False,), (True, False), (False, True)])
def test_a_quiet_step_falls_by_the_rate_that_opens_a_closed_one(seen: tuple[bool, ...]) -> None:
    breaker = quiet(*seen)
    breaker.acquire(7.0)
    assert breaker.state is State.OPEN


@pytest.mark.parametrize("dies_at", [0.05, 0.4, 0.8])
def test_a_provider_that_dies_again_at_night_is_shut_out(dies_at: float) -> None:
    """So few calls come that no step ever sees twenty of them."""
    breaker = Machine(Settings(), lambda: 0.5)
    breaker.force_open(0.0, 5.0)
    now, died = 0.0, None
    while died is None or now < died + 300:
        now += 2.0
        died = now if died is None and breaker.share >= dies_at and breaker.state is State.RAMP else died
        if permit := breaker.acquire(now):
            breaker.ended(permit, now + 1.0, failed=died is not None)
        if died is not None and breaker.state is State.OPEN:
            return
    pytest.fail(f"{breaker.state}, {breaker.share}")


def test_a_quiet_step_climbs_over_fewer_failures_than_open_a_closed_one() -> None:
    breaker = quiet(True, False, True)  # a third
    breaker.acquire(7.0)
    assert breaker.share == 0.5


def test_a_quiet_step_climbs_by_a_good_call_that_its_window_has_forgotten() -> None:
    breaker = quiet(True)
    breaker.acquire(500.0)
    assert breaker.share == 0.5


def test_a_quiet_step_that_failed_last_waits_for_a_good_call_however_long() -> None:
    breaker = quiet(True, False)
    breaker.acquire(500.0)  # the window has forgotten both
    assert breaker.share == 0.25
    breaker._credit = 0.75
    assert call(breaker, 501.0, failed=False)
    breaker.acquire(502.0)
    assert breaker.share == 0.5


def test_a_quiet_step_whose_newest_start_was_slow_waits_for_a_good_one() -> None:
    breaker = quiet(True)
    assert call(breaker, 1.5, failed=False, slow=True)
    breaker.acquire(7.0)
    assert breaker.share == 0.25
    breaker._credit = 0.75
    assert call(breaker, 7.0, failed=False)
    breaker.acquire(7.0)
    assert breaker.share == 0.5


def test_the_ramp_goes_a_step_down_and_then_waits_longer() -> None:
    breaker = ramping(replace(SMALL, ramp_step_max_s=24))
    for _ in range(16):
        call(breaker, 1.0, failed=False)
    breaker.acquire(2.5)
    assert breaker.share == 0.5
    stragglers = [permit for _ in range(12) if (permit := breaker.acquire(2.6))]
    for permit in stragglers[:4]:
        breaker.ended(permit, 2.7, failed=True)
    assert (breaker.state, breaker.share) == (State.RAMP, 0.25)
    for permit in stragglers[4:]:
        breaker.ended(permit, 2.8, failed=True)  # of the larger share: they do not count here
    assert breaker.state is State.RAMP
    for _ in range(16):
        call(breaker, 3.0, failed=False)
    breaker.acquire(2.7 + 1.5)
    assert breaker.share == 0.25  # the step lasts twice as long now
    breaker.acquire(2.7 + 3.0)
    assert breaker.share == 0.5


def test_streams_that_broke_before_an_opening_do_not_judge_the_ramp() -> None:
    breaker = machine()
    for _ in range(4):
        broken(breaker, 0.0)
    for _ in range(3):
        assert call(breaker, 1.0, failed=False)  # probes
    assert sum(bool(call(breaker, 1.0, failed=False)) for _ in range(8)) == 2
    assert breaker.state is State.RAMP


def stepped_down() -> Machine:
    """At its first step again, from second 2.5 on, since streams broke at the second."""
    breaker = ramping()
    for _ in range(16):
        call(breaker, 1.0, failed=False)
    breaker.acquire(2.5)
    for _ in range(4):
        breaker._credit = 0.5
        broken(breaker, 2.5)
    return breaker


def test_streams_that_broke_at_a_larger_share_do_not_judge_the_smaller_one() -> None:
    breaker = stepped_down()
    assert (breaker.state, breaker.share) == (State.RAMP, 0.25)
    assert sum(bool(call(breaker, 2.6, failed=False)) for _ in range(8)) == 2
    assert (breaker.state, breaker.share) == (State.RAMP, 0.25)


def test_what_happened_before_it_closed_makes_no_later_wait_longer() -> None:
    breaker = stepped_down()
    for now in (5.4, 5.5, 8.5):
        for _ in range(16):
            call(breaker, now, failed=False)
    assert breaker.state is State.CLOSED
    for _ in range(4):
        broken(breaker, 20.0)
    assert breaker.wait_s(20.0) == 1.0
    for _ in range(3):
        call(breaker, 21.0, failed=False)
    for _ in range(16):
        call(breaker, 21.0, failed=False)
    breaker.acquire(22.5)
    assert breaker.share == 0.5  # its step is as short as the first one


def test_failures_on_the_first_step_open_it() -> None:
    breaker = ramping()
    for _ in range(16):
        call(breaker, 1.0, failed=True)
    assert breaker.state is State.OPEN
    assert breaker.wait_s(1.0) == 2.0  # the second opening in a row: half of 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"bucket_s": 0},
        {"minimum_calls": 0},
        {"failure_rate": 0},
        {"failure_rate": 1.1},
        {"ramp": (0.5, 0.2)},
        {"ramp": (0.0, 1.0)},
        {"lookback_s": 0.5},
        {"open_max_s": 1},
        {"ramp_step_max_s": 19},
        {"probes": 0},
        {"slow_rate": float("nan")},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must|lie|shorter|longest"):
        Settings(**wrong)


def test_settings_at_their_limits_are_taken() -> None:
    edge = {"lookback_s": 1, "open_max_s": 5, "ramp_step_max_s": 20, "failure_rate": 1, "ramp": (1.0, 1.0)}
    assert Settings(**edge).minimum_calls == 20  # type: ignore[arg-type]


# Any sequence, against a naive model -----------------------------------------------------------------------------


class AgainstModel(RuleBasedStateMachine):
    """The model keeps every outcome of the closed state in a list, and every permit that is out."""

    def __init__(self) -> None:
        super().__init__()
        self.rng = random.Random(7)
        self.breaker = Machine(SMALL, self.rng.random)
        self.now = 0.0
        self.latest = 0.0
        self.out: list[Permit] = []
        self.outcomes: list[tuple[float, bool, bool]] = []
        self.epoch = 0
        self.opened_at = 0.0
        self.admitted = self.ended = 0

    @rule(seconds=st.floats(0, 5))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(seconds=st.floats(0, 2))
    def clock_goes_back(self, seconds: float) -> None:
        self.now -= seconds

    @rule(count=st.integers(1, 6), may_probe=st.booleans())
    def acquire(self, count: int, may_probe: bool) -> None:
        for _ in range(count):
            self.latest = max(self.latest, self.now)
            before, until = self.breaker.state, self.breaker.wait_s(self.now)
            probes = self.breaker.probes_out
            permit = self.breaker.acquire(self.now, may_probe)
            self.seen()
            if before is State.OPEN and (until > 0 or not may_probe):
                assert permit is None
            if before is State.CLOSED:
                assert permit is not None
            if before is State.HALF_OPEN and (probes >= SMALL.probes or not may_probe):
                assert permit is None
            if permit:
                self.admitted += 1
                assert permit.epoch == self.breaker.epoch
                self.out.append(permit)

    @rule(count=st.integers(4, 16), how=st.sampled_from(["good", "bad"]))
    def so_many_that_fare_alike(self, count: int, how: str) -> None:
        """As an outage does, and its end: calls drawn one by one seldom climb the ramp."""
        for _ in range(count):
            out = len(self.out)
            self.acquire(1, True)
            if len(self.out) > out:
                self.report(out, how)

    @precondition(lambda self: self.breaker.state is not State.HALF_OPEN)  # let its probes come back
    @rule(seconds=st.floats(0, 20))
    def forced_open(self, seconds: float) -> None:
        self.latest = max(self.latest, self.now)
        self.breaker.force_open(self.now, seconds)
        self.seen()
        assert self.breaker.wait_s(self.now) == pytest.approx(seconds)

    @precondition(lambda self: self.out)
    @rule(
        pick=st.integers(0, 1_000),
        how=st.sampled_from(["good", "bad", "started", "slow", "released", "gave up", "twice"]),
    )
    def report(self, pick: int, how: str) -> None:
        self.latest = max(self.latest, self.now)
        permit = self.out[pick % len(self.out)]
        current = permit.epoch == self.breaker.epoch and self.breaker.state is State.CLOSED
        waiting, before = permit.stage is Stage.WAITING, self.breaker.epoch
        old = self.breaker.epoch != permit.epoch
        state, share = self.breaker.state, self.breaker.share
        if how in ("started", "slow"):
            self.breaker.started(permit, self.now, slow=how == "slow")
        elif how in ("released", "gave up"):
            self.breaker.released(permit, self.now, slow=how == "gave up")
        else:
            for _ in range(1 + (how == "twice")):
                self.breaker.ended(permit, self.now, failed=how != "good")
        if how not in ("started", "slow"):
            self.out.remove(permit)
            self.ended += 1
        if old:
            assert (self.breaker.state, self.breaker.share, self.breaker.epoch) == (state, share, before)
        if current and waiting and how != "released":  # one outcome of a start, whichever way it is told
            self.outcomes.append((self.latest, how in ("bad", "twice"), how in ("slow", "gave up")))
            assert (self.breaker.state is State.OPEN) == self.too_many()
        self.seen()

    def too_many(self) -> bool:
        """Walk the buckets back from now, as a reader would: one second each, until four calls are in sight."""
        for age in range(10):
            seen = [marks for at, *marks in self.outcomes if self.latest // 1 - at // 1 <= age]
            if len(seen) >= 4:
                bad = sum(failed for failed, _ in seen)
                return bad * 2 >= len(seen) or (bad + sum(slow for _, slow in seen)) >= 0.8 * len(seen)
        return False

    def seen(self) -> None:
        if self.breaker.epoch != self.epoch:
            assert self.breaker.epoch > self.epoch
            self.outcomes, self.epoch = [], self.breaker.epoch

    @invariant()
    def probes_stay_within_their_number(self) -> None:
        mine = [permit for permit in self.out if permit.probe and permit.epoch == self.breaker.epoch]
        assert self.breaker.probes_out == len(mine) <= SMALL.probes

    @invariant()
    def nothing_gets_lost(self) -> None:
        counts = self.breaker.counts
        assert counts.admitted == self.admitted
        assert counts.ended == self.ended
        assert counts.admitted == counts.ended + len(self.out)

    @invariant()
    def the_share_is_that_of_the_state(self) -> None:
        allowed = {State.CLOSED: {1.0}, State.RAMP: {0.25, 0.5}}
        assert self.breaker.share in allowed.get(self.breaker.state, {0.0})
        assert 0 <= self.breaker.wait_s(self.now) <= 20  # the longest forced one

    @invariant()
    def changes_are_told_in_order(self) -> None:
        told = self.breaker.transitions
        assert [change.epoch for change in told] == list(range(1, len(told) + 1))
        assert all(one.new is two.old for one, two in pairwise(told))
        assert all(one.at <= two.at for one, two in pairwise(told))


AgainstModel.TestCase.settings = settings(max_examples=60, stateful_step_count=50)
TestAgainstModel = AgainstModel.TestCase


# The window ------------------------------------------------------------------------------------------------------

steps = st.lists(st.tuples(st.floats(-20, 20), st.booleans(), st.booleans()), max_size=60)


@given(steps, st.integers(1, 8), st.integers(1, 5))
def test_the_window_is_what_a_list_would_say(
    calls: list[tuple[float, bool, bool]], minimum: int, size: int
) -> None:
    window, kept, now, latest = Window(2.0, size), [], 0.0, float("-inf")
    for passed, failed, slow in calls:
        now += passed
        latest = max(latest, now // 2)
        window.add(now, failed=failed, slow=slow)
        kept.append((latest, failed, slow))
        expected = None
        for age in range(size):
            seen = [row for row in kept if latest - row[0] <= age]
            if len(seen) >= minimum:
                expected = Rates(len(seen), sum(row[1] for row in seen), sum(row[2] for row in seen))
                break
        assert window.rates(now, minimum) == expected
        seen = [row for row in kept if latest - row[0] < size]
        assert window.all(now) == Rates(len(seen), sum(row[1] for row in seen), sum(row[2] for row in seen))


def test_a_window_forgets_after_a_long_pause() -> None:
    window = Window(1.0, 60)
    window.add(0.0, failed=True)
    assert window.rates(59.9, 1) == Rates(1, 1, 0)
    assert window.rates(60.0, 1) is None
    assert window.rates(1e12, 1) is None


# What counts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529, 599, 408, 100, 204, 302])
def test_5xx_and_what_no_api_should_send_is_the_providers_fault(status: int) -> None:
    error = of_status(status)
    assert isinstance(error, ProviderFault)
    assert error.fault is Fault.STATUS


@pytest.mark.parametrize("status", [400, 405, 409, 413, 422])
def test_the_callers_fault_is_nobody_elses(status: int) -> None:
    error = of_status(status)
    assert isinstance(error, CallerFault)
    assert not isinstance(error, SetupFault | ProviderFault)


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_key_or_a_model_that_does_not_work_is_for_a_person(status: int) -> None:
    assert isinstance(of_status(status), SetupFault)


@pytest.mark.parametrize(
    "code",
    [
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "enforced_spend_limit_reached",
    ],
)
def test_a_429_for_spent_money_is_no_throttling(code: str) -> None:
    assert isinstance(of_status(429, "7", codes=frozenset({code, "rate_limit_error"})), SetupFault)
    assert isinstance(of_event(frozenset({code, "rate_limit_error"})), SetupFault)


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (
            {"error": {"type": "insufficient_quota", "code": "credit_balance_exhausted"}},
            {"insufficient_quota", "credit_balance_exhausted"},
        ),
        (
            {
                "error": {
                    "type": "rate_limit_error",
                    "details": {"error_code": "enforced_spend_limit_reached"},
                }
            },
            {"rate_limit_error", "enforced_spend_limit_reached"},
        ),
        (
            {
                "error": {
                    "type": "invalid_request_error",
                    "message": "You have reached your specified workspace API usage limits.",
                }
            },
            {"invalid_request_error", "own_spend_limit"},
        ),
        (
            {"error": {"type": "invalid_request_error", "message": "max_tokens: above your specified limit"}},
            {"invalid_request_error"},
        ),
        ({"error": {"type": 7, "code": None, "details": [], "message": 7}}, set()),
        ({"error": "no"}, set()),
        ([], set()),
        (None, set()),
    ],
)
def test_an_error_is_called_by_all_its_names(body: object, codes: set[str]) -> None:
    assert codes_of(body) == codes


def test_a_400_at_a_spend_limit_of_ones_own_is_for_a_person() -> None:
    codes = frozenset({"invalid_request_error", "own_spend_limit"})
    assert isinstance(of_status(400, codes=codes), SetupFault)
    assert isinstance(of_event(codes), SetupFault)
    assert type(of_status(413, codes=codes)) is type(of_status(400)) is CallerFault


def test_200_says_nothing_yet() -> None:
    assert of_status(200) is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", ProviderFault),
        ("api_error", ProviderFault),
        ("something_new", ProviderFault),
        ("rate_limit_error", Throttled),
        ("rate_limit_exceeded", Throttled),
        ("invalid_request_error", CallerFault),
        ("authentication_error", SetupFault),
        ("permission_error", SetupFault),
        ("billing_error", SetupFault),
        ("not_found_error", SetupFault),
        ("request_too_large", CallerFault),
    ],
)
def test_an_error_inside_a_stream_means_what_its_type_says(kind: str, expected: type[Exception]) -> None:
    assert type(of_event(frozenset({kind}))) is expected


NOON = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Wed, 25 Nov 2026 12:01:30 GMT", 90.0),
        ("Wed, 25 Nov 2026 11:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 400, None),
        ("Wed, 25 Nov 29999999026 12:01:36 GMT", None),
        ("Wed, 25 Nov 2026 19999999999996:01:30 GMT", None),
        ("nan", None),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert seconds_of(text, NOON) == seconds
    error = of_status(429, text, NOON)
    assert isinstance(error, Throttled)
    assert error.retry_after_s == seconds
