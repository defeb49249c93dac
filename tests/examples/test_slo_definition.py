"""Question 1: the verdicts, the arithmetic of budgets, latency and capacity, and the figures on the page."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.slo_definition import calculator, figures
from examples.slo_definition import setting as s
from examples.slo_definition.budget import (
    ALERTS,
    DAY,
    HOUR,
    BurnAlert,
    burn_rate,
    error_budget,
    exhaustion_s,
    one_failure_pages_below,
    reset_s,
    spent_after,
)
from examples.slo_definition.capacity import (
    cached_tokens,
    in_flight,
    replicas_for,
    replicas_with_a_zone_lost,
)
from examples.slo_definition.latency import Lengths, completion_s, tokens_within
from examples.slo_definition.month import Month, rate_at
from examples.slo_definition.verdict import (
    DEADLINE_S,
    FINISHED,
    GAP_S,
    Ending,
    Judgement,
    Verdict,
    promises,
    served,
)

GOOD, BAD, INVALID = Verdict.GOOD, Verdict.BAD, Verdict.INVALID

STREAM = Ending(
    streamed=True,
    prompt_tokens=700,
    ended_s=5.2,
    finish_reason="stop",
    output_tokens=200,
    first_token_s=0.35,
    last_token_s=5.1,
    longest_gap_s=0.1,
)
JOB = Ending(streamed=False, prompt_tokens=700, ended_s=7.5, finish_reason="stop", output_tokens=300)
NOTHING = {"finish_reason": None, "output_tokens": 0, "first_token_s": None, "last_token_s": None}


class TestServed:
    """The decision table: every row of the records, and what else a stream can come to."""

    @pytest.mark.parametrize(
        ("change", "verdict", "reason"),
        [
            ({}, GOOD, "whole"),
            ({"finish_reason": "length"}, GOOD, "whole"),
            ({"finish_reason": "tool_calls"}, GOOD, "whole"),
            ({"finish_reason": "content_filter"}, GOOD, "whole"),
            # Refusals and errors before the first byte
            ({"status": 429, "refused_for": "quota", **NOTHING}, INVALID, "over_quota"),
            ({"status": 429, "refused_for": "capacity", **NOTHING}, BAD, "no_capacity"),
            ({"status": 429, "refused_for": None, **NOTHING}, BAD, "no_capacity"),
            # A limit on sizes, lowered while there is too little room
            ({"status": 413, "refused_for": "capacity", **NOTHING}, BAD, "no_capacity"),
            ({"status": 400, "refused_for": "request", **NOTHING}, INVALID, "client_error"),
            ({"status": 401, "refused_for": "request", **NOTHING}, INVALID, "client_error"),
            ({"status": 413, "refused_for": "request", **NOTHING}, INVALID, "client_error"),
            # What the gateway let through and the provider refused: an expired key, a withdrawn model
            ({"status": 400, **NOTHING}, BAD, "refused_upstream"),
            ({"status": 401, **NOTHING}, BAD, "refused_upstream"),
            ({"status": 404, **NOTHING}, BAD, "refused_upstream"),
            ({"status": 408, **NOTHING}, BAD, "refused_upstream"),
            ({"status": 500, **NOTHING}, BAD, "server_error"),
            ({"status": 500, "refused_for": "request", **NOTHING}, BAD, "server_error"),
            ({"status": 503, **NOTHING}, BAD, "server_error"),
            ({"status": 529, **NOTHING}, BAD, "server_error"),
            ({"status": None, **NOTHING}, BAD, "no_response"),
            # Under status 200
            ({"error_event": True}, BAD, "error_event"),
            ({"error_event": True, "closed_by_client": True}, BAD, "error_event"),
            ({"finish_reason": None}, BAD, "cut_off"),
            ({"finish_reason": "abort"}, BAD, "cut_off"),
            ({**NOTHING, "finish_reason": "stop"}, BAD, "empty"),
            ({**NOTHING, "finish_reason": "content_filter"}, GOOD, "whole"),
        ],
    )
    def test_a_stream_that_we_end(self, change, verdict, reason):
        assert served(replace(STREAM, **change)) == Judgement(verdict, reason)

    @pytest.mark.parametrize(
        ("change", "verdict", "reason"),
        [
            ({**NOTHING, "ended_s": 1.0}, INVALID, "left_early"),
            ({**NOTHING, "ended_s": 1.01}, BAD, "left_waiting"),
            ({**NOTHING, "ended_s": 2.5, "prompt_tokens": 12_000}, INVALID, "left_early"),
            ({**NOTHING, "ended_s": 30.0, "prompt_tokens": 12_000}, BAD, "left_waiting"),
            ({"finish_reason": None}, GOOD, "left_reading"),
            ({"finish_reason": None, "ended_s": 10.2}, BAD, "left_waiting"),  # 5.1 s of silence
            ({"finish_reason": None, "longest_gap_s": 5.1}, BAD, "left_waiting"),
            ({}, GOOD, "whole"),  # the whole answer was there
            ({"status": None, **NOTHING, "ended_s": 30.0}, BAD, "left_waiting"),
        ],
    )
    def test_a_stream_that_the_client_closes(self, change, verdict, reason):
        assert served(replace(STREAM, closed_by_client=True, **change)) == Judgement(verdict, reason)

    def test_a_job_whose_client_times_out_is_our_failure_and_one_that_is_withdrawn_is_none(self):
        gone = replace(JOB, closed_by_client=True, finish_reason=None, output_tokens=0, status=None)
        assert served(replace(gone, ended_s=60.0)) == Judgement(BAD, "left_waiting")
        assert served(replace(gone, ended_s=12.0)) == Judgement(INVALID, "left_early")

    @pytest.mark.parametrize(
        ("change", "verdict", "reason"),
        [
            ({**NOTHING, "ended_s": 0.5}, INVALID, "left_early"),
            ({**NOTHING, "ended_s": 30.0}, BAD, "left_waiting"),
            ({"finish_reason": None}, GOOD, "left_reading"),
            ({}, GOOD, "whole"),
        ],
    )
    @pytest.mark.parametrize("closed", [True, False])
    def test_a_499_is_judged_as_the_hang_up_it_logs(self, closed, change, verdict, reason):
        assert served(replace(STREAM, status=499, closed_by_client=closed, **change)) == Judgement(
            verdict, reason
        )

    @pytest.mark.parametrize("status", [None, 499])
    def test_a_stall_of_all_requests_does_not_pass_for_cancels(self, status):
        """Thirty silent seconds, and the clients hang up: what a provider saw in December 2024."""
        stalled = [
            replace(STREAM, closed_by_client=True, status=status, ended_s=10 + i, **NOTHING)
            for i in range(20)
        ]
        assert {served(end).verdict for end in stalled} == {BAD}


class TestPromises:
    def test_a_good_stream_keeps_all_three(self):
        assert {slo: j.verdict for slo, j in promises(STREAM).items()} == dict.fromkeys(
            ("served", "first_token", "pace"), GOOD
        )

    def test_what_is_not_counted_is_counted_nowhere(self):
        assert list(promises(replace(STREAM, status=400, refused_for="request", **NOTHING))) == ["served"]

    def test_a_shed_request_is_late_as_well_so_shedding_cannot_improve_latency(self):
        shed = replace(STREAM, status=429, refused_for="capacity", **NOTHING)
        assert promises(shed)["first_token"].verdict is BAD
        assert promises(replace(shed, ended_s=0.01))["first_token"].verdict is BAD

    @pytest.mark.parametrize(
        ("prompt", "first", "verdict"),
        [(2_000, 1.0, GOOD), (2_000, 1.001, BAD), (2_001, 2.5, GOOD), (2_001, 2.501, BAD)],
    )
    def test_the_first_token_by_prompt_length(self, prompt, first, verdict):
        end = replace(STREAM, prompt_tokens=prompt, first_token_s=first)
        assert promises(end)["first_token"].verdict is verdict

    def test_a_stall_breaks_the_pace_though_the_mean_hides_it(self):
        stalled = replace(
            STREAM, output_tokens=301, last_token_s=0.35 + 300 * 0.024 + 5.5, ended_s=14.0, longest_gap_s=5.5
        )
        assert stalled.tpot_s < 0.050
        assert promises(stalled)["pace"] == Judgement(BAD, "stalled")

    @pytest.mark.parametrize(
        "how", [{"finish_reason": None}, {"finish_reason": None, "closed_by_client": True}, {}]
    )
    def test_a_stall_that_never_ends_breaks_the_pace_too(self, how):
        stalled = replace(STREAM, ended_s=STREAM.last_token_s + GAP_S + 0.1, **how)
        assert promises(stalled)["pace"] == Judgement(BAD, "stalled")
        assert (
            promises(replace(STREAM, ended_s=STREAM.last_token_s + GAP_S - 0.1, **how))["pace"].verdict
            is GOOD
        )

    @pytest.mark.parametrize(("ended", "verdict"), [(1.0, GOOD), (1.1, BAD)])
    def test_an_answer_withheld_by_the_filter_is_judged_by_its_end(self, ended, verdict):
        withheld = replace(STREAM, **{**NOTHING, "finish_reason": "content_filter", "ended_s": ended})
        assert promises(withheld)["served"].verdict is GOOD
        assert promises(withheld)["first_token"].verdict is verdict

    def test_a_slow_stream_and_one_too_short_to_tell(self):
        assert promises(replace(STREAM, last_token_s=15.0, ended_s=15.0))["pace"] == Judgement(BAD, "slow")
        assert "pace" not in promises(replace(STREAM, output_tokens=19))
        assert "pace" in promises(replace(STREAM, output_tokens=20))

    @pytest.mark.parametrize(("last", "verdict"), [(1.5, GOOD), (1.54, BAD)])
    def test_the_pace_counts_the_steps_between_tokens_and_includes_its_limit(self, last, verdict):
        """20 steps in 1.0 s are 50 ms each; in 1.04 s they are 52 ms, though 21 tokens in 1.04 s are under 50."""
        end = replace(STREAM, output_tokens=21, first_token_s=0.5, last_token_s=last)
        assert promises(end)["pace"].verdict is verdict

    def test_a_gap_of_exactly_the_limit_is_none(self):
        left = replace(STREAM, longest_gap_s=GAP_S, finish_reason=None, closed_by_client=True)
        assert served(left) == Judgement(GOOD, "left_reading")

    @pytest.mark.parametrize(("ended", "verdict"), [(DEADLINE_S, GOOD), (DEADLINE_S + 0.1, BAD)])
    def test_a_job_has_a_deadline_and_no_first_token(self, ended, verdict):
        judged = promises(replace(JOB, ended_s=ended))
        assert set(judged) == {"served", "deadline"}
        assert judged["deadline"].verdict is verdict

    def test_a_failed_job_misses_its_deadline_however_fast_it_fails(self):
        assert promises(replace(JOB, status=500, finish_reason=None))["deadline"].verdict is BAD

    @given(
        st.builds(
            replace,
            st.sampled_from([STREAM, JOB]),
            status=st.sampled_from([None, 200, 400, 401, 429, 499, 500, 503]),
            refused_for=st.sampled_from([None, "quota", "request", "capacity"]),
            closed_by_client=st.booleans(),
            error_event=st.booleans(),
            finish_reason=st.sampled_from([None, "stop", "length", "abort", "nonsense"]),
            longest_gap_s=st.floats(0, 20),
        )
    )
    def test_every_ending_has_one_verdict_a_promise_and_no_failure_is_uncounted(self, end):
        judged = promises(end)
        assert judged["served"] == served(end)
        assert all(judgement.reason for judgement in judged.values())
        if judged["served"].verdict is GOOD and end.streamed:
            assert end.finish_reason in FINISHED or end.longest_gap_s <= GAP_S
        if end.error_event and end.status in (None, 200):
            assert judged["served"].verdict is BAD
        if judged["served"].verdict is not INVALID:
            assert len(judged) > 1
        elif end.status not in (None, 200, 499):
            assert end.refused_for in ("quota", "request")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ended_s": math.nan}, "finite"),
        ({"ended_s": -1.0}, "finite"),
        ({"longest_gap_s": math.inf}, "finite"),
        ({"output_tokens": -1}, "negative token count"),
        ({"first_token_s": None}, "come together"),
        ({"first_token_s": 6.0}, "monotonic"),
        ({"ended_s": 1.0}, "monotonic"),
        ({"output_tokens": 0}, "first token without output"),
    ],
)
def test_an_impossible_record_is_refused_and_says_why(change, message):
    with pytest.raises(ValueError, match=message):
        replace(STREAM, **change)


class TestBudget:
    @pytest.mark.parametrize("target", [1.0, 0.0, -0.1, 1.5, math.nan])
    def test_a_target_that_leaves_no_budget_is_refused(self, target):
        with pytest.raises(ValueError, match="no budget"):
            error_budget(target)

    def test_the_factors_are_the_workbooks(self):
        assert [a.factor(30 * DAY) for a in ALERTS] == pytest.approx([14.4, 6, 3, 1])
        assert [a.short_s for a in ALERTS] == [300, 1800, 7200, 21600]
        assert ALERTS[0].factor(28 * DAY) == pytest.approx(13.44)

    def test_burn_rates_by_the_workbooks_table(self):
        days = [exhaustion_s(bad, 0.999, 30 * DAY) / DAY for bad in (0.001, 0.002, 0.01)]
        assert days == pytest.approx([30, 15, 3])
        assert exhaustion_s(1.0, 0.999, 30 * DAY) / 60 == pytest.approx(43.2)
        assert exhaustion_s(0.0, 0.999, 30 * DAY) == math.inf

    def test_fifteen_percent_of_errors_page_after_almost_six_minutes(self):
        assert ALERTS[0].detection_s(0.15, 0.999, 30 * DAY) == pytest.approx(345.6)

    def test_ten_requests_an_hour(self):
        assert burn_rate(1 / 10, 0.999) == pytest.approx(100)
        assert one_failure_pages_below(ALERTS[0], 0.999, 30 * DAY) == pytest.approx(69.4, abs=0.1)

    def test_below_its_threshold_an_alert_never_fires_and_a_loose_target_cannot_page(self):
        assert ALERTS[0].detection_s(0.0144, 0.999, 30 * DAY) is None
        assert ALERTS[0].detection_s(1.0, 0.90, 30 * DAY) is None
        assert ALERTS[0].detection_s(0.5, 0.999, 30 * DAY, before=0.02) == 0

    @given(
        st.sampled_from(ALERTS),
        st.floats(0.95, 0.9999),
        st.floats(0.0001, 1.0),
    )
    def test_when_an_alert_fires_its_share_of_the_budget_is_gone(self, alert: BurnAlert, target, bad):
        found = alert.detection_s(bad, target, 30 * DAY)
        if found is None:
            assert bad <= alert.threshold(target, 30 * DAY)
        else:
            assert 0 < found <= alert.long_s * (1 + 1e-9)
            assert spent_after(bad, found, target, 30 * DAY) == pytest.approx(alert.spent)

    @given(st.floats(0.02, 1.0))
    def test_it_lets_go_within_the_short_window(self, bad):
        assert 0 < reset_s(ALERTS[0], bad, 0.999, 30 * DAY) <= ALERTS[0].short_s

    def test_it_lets_go_when_enough_of_the_short_window_is_good_again(self):
        """Of five minutes, 1.44% may be wholly bad; with 0.44% bad for good, 1% of the rest."""
        assert reset_s(ALERTS[0], 1.0, 0.999, 30 * DAY) == pytest.approx(300 * (1 - 0.0144))
        worn = reset_s(ALERTS[0], 1.0, 0.999, 30 * DAY, after=0.0044)
        assert worn == pytest.approx(300 * (1 - 0.01 / 0.9956))
        assert reset_s(ALERTS[0], 0.0144, 0.999, 30 * DAY) == 0

    def test_it_stays_while_the_cause_stays(self):
        with pytest.raises(ValueError, match="stays"):
            reset_s(ALERTS[3], 0.5, 0.9955, 30 * DAY, after=0.0046)


class TestCalculator:
    @given(bad=st.floats(0, 100), minutes=st.floats(0, 600), before=st.floats(0, 1), spent=st.floats(0, 100))
    def test_what_is_left_and_gone_is_all_there_is(self, bad, minutes, before, spent):
        found = calculator.results(99.5, 30, 75, before, bad, minutes, spent)
        rest = found["left"] if found["left"] is not None else -found["over"]
        assert rest + found["gone"] + found["here"] == pytest.approx(1)
        assert found["here"] == pytest.approx(bad / 0.5 * minutes / (30 * 1_440))

    def test_it_names_the_first_page_and_the_first_ticket(self):
        found = calculator.results(99.5, 30, 75, 0.0, 40, 45, 0)
        assert found["page"] == found["fires"][0] < found["fires"][1]
        assert found["ticket"] == pytest.approx(0.1 * 0.005 * 30 * DAY / 0.4)
        assert (found["paged"], found["ticketed"]) == (None, None)
        # 2% of 30 days' budget: 0.072 hours' worth at 100%, of which 40 parts in a hundred fail.
        assert found["page"] == pytest.approx(0.02 * 0.005 * 30 * DAY / 0.4)
        slow = calculator.results(99.5, 30, 75, 0.0, 1.0, 45, 0)
        assert slow["page"] is None
        assert slow["ticket"] == slow["fires"][3] == pytest.approx(0.1 * 0.005 * 30 * DAY / 0.01)

    def test_what_was_bad_before_the_jump_brings_the_alerts_forward(self):
        calm, worn = (calculator.results(99.5, 30, 75, before, 40, 45, 0) for before in (0.0, 0.4))
        assert all(early < late for early, late in zip(worn["fires"], calm["fires"], strict=True))
        firing = calculator.results(99.5, 30, 75, 20, 40, 45, 0)
        assert (firing["page"], firing["paged"], firing["ticketed"]) == (0, 1, 1)

    def test_nothing_bad_spends_nothing_and_lasts_for_ever(self):
        found = calculator.results(99.5, 30, 75, 0, 0, 45, 20)
        assert (found["burn"], found["whole"], found["lasts"], found["page"]) == (0, None, None, None)
        assert found["left"] == pytest.approx(0.8)
        spent = calculator.results(99.5, 30, 75, 0, 4, 45, 100)
        assert (spent["left"], spent["lasts"]) == (None, None)
        assert spent["over"] == pytest.approx(spent["here"])


class TestLatency:
    def test_one_token_takes_the_time_to_the_first(self):
        assert completion_s(0.35, 0.024, 1) == 0.35
        with pytest.raises(ValueError, match="at least one"):
            completion_s(0.35, 0.024, 0)

    @given(st.floats(0.05, 3), st.floats(0.001, 0.2), st.floats(0, 120))
    def test_tokens_within_is_the_last_that_fits(self, ttft, tpot, limit):
        tokens = tokens_within(limit, ttft, tpot)
        if tokens:
            assert completion_s(ttft, tpot, tokens) <= limit + 1e-6
        assert completion_s(ttft, tpot, tokens + 1) > limit - 1e-6

    def test_the_fit_gives_back_what_it_was_fitted_to(self):
        lengths = Lengths(200, 300)
        assert lengths.share_up_to(200) == pytest.approx(0.5)
        rng = random.Random(7)
        draws = [rng.lognormvariate(math.log(200), lengths.sigma) for _ in range(200_000)]
        assert sum(draws) / len(draws) == pytest.approx(300, rel=0.02)
        assert sum(d * d for d in draws) / len(draws) == pytest.approx(lengths.mean_square, rel=0.1)
        assert sum(d <= 69 for d in draws) / len(draws) == pytest.approx(lengths.share_up_to(69), abs=0.005)
        assert lengths.share_up_to(lengths.quantile(0.99)) == pytest.approx(0.99)
        assert lengths.share_up_to(0) == 0

    @pytest.mark.parametrize(("median", "mean"), [(300, 200), (200, 200), (0, 10)])
    def test_no_such_distribution(self, median, mean):
        with pytest.raises(ValueError, match="log-normal"):
            Lengths(median, mean)


class TestCapacity:
    def test_replicas(self):
        assert replicas_for(6.5, 6.5) == 1
        assert replicas_for(6.51, 6.5) == 2
        assert replicas_for(1_000, 6.5) == 154
        with pytest.raises(ValueError, match="none to lose"):
            replicas_with_a_zone_lost(100, 6.5, 1)

    @given(st.floats(1, 5_000), st.floats(0.5, 50), st.integers(2, 6))
    def test_any_zone_may_be_lost(self, rate, replica_rate, zones):
        replicas = replicas_with_a_zone_lost(rate, replica_rate, zones)
        assert replicas % zones == 0
        assert (replicas - replicas / zones) * replica_rate >= rate - 1e-6

    def test_littles_law_and_the_cache_against_a_simulation(self):
        """Arrivals at random, each holding its prompt and a growing output, seen at random moments."""
        rng, output = random.Random(3), Lengths(200, 300)
        rate, tpot, span, prompt = 20.0, 0.024, 2_000.0, 1_500
        arrivals = []
        now = 0.0
        while now < span:
            now += rng.expovariate(rate)
            arrivals.append((now, rng.lognormvariate(math.log(200), output.sigma)))
        seen = [span * (0.1 + 0.9 * (i + 0.5) / 100) for i in range(100)]
        flying = [[(t - at) / tpot for at, n in arrivals if at <= t < at + n * tpot] for t in seen]
        assert sum(map(len, flying)) / 100 == pytest.approx(in_flight(rate, 300 * tpot), rel=0.05)
        held = sum(prompt + tokens for moment in flying for tokens in moment) / 100
        assert held == pytest.approx(cached_tokens(rate, tpot, prompt, output), rel=0.06)


class TestMonth:
    def test_a_day_has_the_mean_and_the_peak_of_the_records(self):
        rates = [rate_at(i * 60, s.MEAN_RATE) for i in range(24 * 60)]
        assert sum(rates) / len(rates) == pytest.approx(75)
        assert max(rates) == pytest.approx(150)

    def test_an_even_spend_ends_at_nothing_left(self):
        month = Month.play(30, 75, 0.9955, lambda time, rate: 0.0045)
        assert month.left()[-1] == pytest.approx(0, abs=1e-9)
        assert [month.fired(a) for a in ALERTS[:3]] == [[], [], []]

    def test_the_played_alert_fires_when_the_arithmetic_says(self):
        start = 10 * DAY
        month = Month.play(30, 75, 0.9955, lambda time, rate: 0.5 if time >= start else 0.0)
        for alert in ALERTS[:2]:
            wanted = alert.detection_s(0.5, 0.9955, 30 * DAY)
            assert wanted is not None
            # Traffic at midnight differs from the window's mean by less than a tenth.
            assert month.fired(alert)[0] - start == pytest.approx(wanted, rel=0.25, abs=600)

    def test_it_does_not_fire_twice_for_one_fault(self):
        month = Month.play(
            30, 75, 0.9955, lambda time, rate: 0.3 if 5 * DAY <= time < 5 * DAY + HOUR else 0.001
        )
        assert len(month.fired(ALERTS[0])) == 1


class TestFigures:
    """Against arithmetic done here by hand."""

    def test_requests_and_budgets(self):
        assert figures.requests_text() == f"{75 * 30 * 24 * 3600 / 1e6:.1f} million" == "194.4 million"
        assert figures.provider_requests() == "38.88 million"
        assert figures.provider_allowance() == 194_400
        assert figures.provider_minutes() == "216"
        assert figures.combined(0.999) == "99.82%"

    def test_the_records_as_verdicts(self):
        bad = 0.04 + 1.1 / 4 + 0.85 * 0.12
        assert bad == pytest.approx(0.417)
        assert figures.share("bad_of_all") == "0.417%"
        assert figures.share("bad_of_valid", 4) == "0.4205%"
        assert figures.share("bad_at_most", 4) == f"{bad / (100 - 0.825 - 2.55) * 100:.4f}%"
        assert figures.share("canceled") == "2.55%"
        assert figures.times_the_draft() == "4.2"
        assert figures.agreement_spent() == "84%"
        assert figures.spent_today() == "93% to 96%"

    def test_the_drafts_latency(self):
        assert figures.draft_tokens() == 1 + int(1.65 / 0.024) == 69
        assert figures.draft_tokens(0.9, 0.040) == 28
        assert figures.draft_tokens(1.8, 0.040) == 6
        assert figures.draft_share() == "12%"
        assert figures.timeout_tokens() == "2,486"
        assert figures.timeout_tokens(slow=True) == "1,478"
        assert [cell in figures.latency_table() for cell in ("38.7 s", "64.9 s", "98.6 s", "164.7 s")] == [
            True
        ] * 4

    def test_the_fits_agree_with_the_recorded_tails(self):
        assert figures.OUTPUT.quantile(0.99) == pytest.approx(s.OUTPUT_P99, rel=0.05)
        assert figures.INPUT.quantile(0.99) == pytest.approx(s.INPUT_P99, rel=0.05)

    def test_capacity(self):
        assert (figures.capacity(), figures.capacity(zones=2), figures.own_peak()) == ("156", "104", "120")
        assert figures.shortfall() == 16
        assert figures.shortfall_text() == "16 requests/s, 10.7% of all"
        assert (figures.spare_replicas(), figures.more_gpus()) == (30, 24)
        assert "154 (616)" in figures.capacity_table()
        assert figures.streams_in_flight() == f"{120 * (0.35 + 299 * 0.024):.0f}"
        assert figures.shortfall_hour() == f"{16 * 3600 / (194.4e6 * (1 - 0.00825) * 0.0045) * 100:.1f}%"

    def test_alerts(self):
        shown = figures.alert_table()
        assert "| page | 1h, 5m | 2% | 14.4 | 6.48% | 72% |" in shown
        assert figures.hours_to_exhaustion(14.4) == "50"
        assert figures.can_never_fire() == "93%"  # 1 - 1/14.4 is 93.06%
        assert all(a.threshold(t, s.PERIOD_S) < 1 for a in ALERTS for t in (0.9955, 0.95, 0.99))

    def test_the_budget_in_events_and_in_time(self):
        # 194.4 million x 0.99175 x 0.0045 = 867,583; 0.45% and 0.1% of 720 hours
        for part in ("193 million", "868,000", "3.2 h", "43 min"):
            assert part in figures.budget_text()

    def test_the_prose_figures_that_no_table_repeats(self):
        # one in 2.55 / (0.45 x 0.99175 - 0.417) = 87 cancels
        assert figures.cancels_to_overspend() == f"{2.55 / (0.45 * 0.99175 - 0.417):.0f}" == "87"
        assert figures.cancels_per_bad() == f"{2.55 / 0.417:.0f}" == "6"
        # (0.5 - 0.42047) points of 192.8 million, and as time at 75 a second
        assert figures.headroom().startswith("0.08 points: about 153,000 requests, or 34 minutes")
        assert figures.draft_days() == f"{30 * 0.1 / 0.42047:.0f}" == "7"
        # 3,600 s x (6.48 - 0.42) / 20 until the page; 300 s x (20.42 - 6.48) / 20 until it clears
        assert "18 min" in figures.alert_table()
        assert figures.page_reset() == "3 min"
        # 120 x 0.024 x (1,500 x 300 + 300 squared x 1.5 squared / 2) / 24 replicas
        assert (
            figures.cached_per_replica() == f"{120 * 0.024 * (450_000 + 202_500 / 2) / 24:,.0f}"[:2] + ",000"
        )
        assert (figures.without_jobs(), figures.spare_rate(), figures.provider_peak()) == ("102", "36", "30")
        assert figures.few_events() == f"{1 / 0.0648:.0f}" == "15"
        assert figures.deadline_tokens() == "1,200"  # 1 + 49.1 / 0.04 is 1,228
        assert figures.thinking_tokens(20) == "833"
        assert figures.stall_in_tpot() == "10"

    def test_mends(self):
        valid = 1 - 0.00825
        first = (0.0004 + 0.1 * 0.00275 + 0.00102) / valid
        last = (0.0002 + 0.1 * 0.00275 + 0.00051) / valid
        assert (
            f"| {first * 100:.2f}% | {(first + 0.001 / valid) * 100:.2f}% | 99.65% |" in figures.mends_table()
        )
        assert last / 0.8 <= 1 - 0.9985 + 1e-12
        assert figures.mends_table().endswith("99.85% |")

    def test_each_promise_says_how_many_may_be_bad(self):
        rows = [row.strip("| ").split(" | ") for row in figures.slo_table().splitlines()[2:]]
        assert [row[2] for row in rows] == ["99.55%", "95%", "95%", "95%", "99%"]
        valid = 194.4e6 * (1 - 0.00825)
        assert float(figures.short_text().rstrip("%")) == pytest.approx(
            50 * (1 + math.erf(math.log(2_000 / 700) / (4 * math.log(1_500 / 700)) ** 0.5)), abs=0.5
        )
        first, long = (float(rows[place][3].removesuffix(" million")) * 1e6 for place in (1, 2))
        assert float(rows[0][3].replace(",", "")) == pytest.approx(valid * 0.0045, abs=500)
        assert first + long == pytest.approx(valid * 0.85 * 0.05, rel=0.01), "a prompt is short or it is long"
        assert first / (first + long) == pytest.approx(0.8, abs=0.01)
        assert float(rows[3][3].removesuffix(" million")) * 1e6 == pytest.approx(
            valid * 0.85 * 0.05, rel=0.01
        )
        assert float(rows[4][3].replace(",", "")) == pytest.approx(valid * 0.15 * 0.01, abs=500)

    def test_responses_too_long_for_a_limit_by_the_fitted_lengths(self):
        def longer(tokens):
            """Of a log-normal with median 200 and mean 300, the share above so many tokens."""
            return 0.5 * math.erfc(math.log(tokens / 200) / (4 * math.log(300 / 200)) ** 0.5)

        for limit, slow, digits in ((60.0, False, 2), (60.0, True, 1), (50.0, False, 2), (50.0, True, 1)):
            first, each = (0.9, 0.040) if slow else (0.35, 0.024)
            tokens = int(1 + (limit - first) / each)
            shown = float(figures.timeout_share(limit, slow).rstrip("%"))
            assert shown == pytest.approx(100 * longer(tokens), abs=0.51 * 10**-digits)
        low, high = (float(part.rstrip("%")) for part in figures.jobs_cut_off().split(" to "))
        assert low == pytest.approx(15 * longer(2_486), abs=0.0051)
        assert high == pytest.approx(15 * longer(1_478), abs=0.051)
        assert figures.long_slower_than_p99() == f"{1 / (1 - figures.short_share()):.0f}%" == "5%"

    def test_the_fleet_at_its_peak(self):
        assert figures.utilization() == f"{150 * 0.8 / (24 * 6.5) * 100:.0f}%" == "77%"
        assert figures.draft_replicas() == math.ceil(1_000 / 6.5)
        assert figures.best_target() == figures.mends_table().rpartition("|")[0].rpartition("| ")[2].strip()

    def test_quality(self):
        error = (0.9 * 0.1 / 500) ** 0.5
        assert figures.quality_margin() == f"{1.96 * error * 100:.1f}" == "2.6"
        assert figures.quality_step() == "3.7"
        assert figures.quality_sample(1) == "3,457"

    def test_the_chart_holds_to_its_contract(self):
        spec = figures.budget_month()
        rows = spec["data"]["values"]
        assert len(rows) <= 120
        assert {"title", "description", "usermeta"} <= set(spec)
        assert set(spec["usermeta"]["columns"]) >= {key for row in rows for key in row}
        assert not {"config", "width", "background", "$schema"} & set(spec)

    def test_the_charts_story(self):
        today, mended = figures.play(mended=False), figures.play(mended=True)
        assert today.left()[-1] < 0 < mended.left()[-1]
        assert today.fired(ALERTS[0])[0] / DAY == pytest.approx(9.45, abs=0.1)
        assert [len(mended.fired(a)) for a in ALERTS] == [0, 0, 0, 1]

    @pytest.mark.parametrize("seconds", [1, 90])
    def test_a_window_that_prometheus_would_not_write_so(self, seconds):
        with pytest.raises(ValueError, match="no whole number"):
            figures.window(seconds)
