"""Question 10: the arithmetic worked out by hand, the outage played, and the alerts."""

from __future__ import annotations

import math
import subprocess
from pathlib import Path
from statistics import mean

import pytest

from examples.circuit_breaker import capacity, figures, setting
from examples.circuit_breaker.brownout import play
from examples.circuit_breaker.machine import Settings
from examples.circuit_breaker.simulation import (
    OUTAGE,
    PLACES,
    POLICIES,
    RETURN,
    Run,
    Simulation,
)
from tests.tools import promtool

PACKAGE = Path(__file__).parents[2] / "examples" / "circuit_breaker"


def test_the_setting_is_consistent() -> None:
    # 98% of 714.29 and 2% of 40,000 are 1,500
    assert pytest.approx(714.2857, abs=1e-3) == setting.SHORT_PROMPT
    assert setting.replica_rps() == 20
    assert setting.request_s() == 5.5  # 0.5 s and 300 tokens at 60 a second
    assert setting.in_flight() == 110
    assert sum(PLACES.values()) == setting.PLACES == 250
    assert setting.call_price() == pytest.approx(0.003)  # 1,500 at $1 and 300 at $5 a million


def test_places_by_hand() -> None:
    assert figures.fill(streams_stall=True) == "7"  # 140 / 20
    assert figures.fill(streams_stall=False) == "12.5"  # 250 / 20
    assert figures.in_flight() == "110"
    assert figures.deaf() == "17.5"  # 30 - 12.5
    assert figures.held("timeout") == "600"  # 20 x 30
    # 0.98 x (2 + 714.29 / 4,000) + 0.02 x 12 = 2.375 s, by 20 a second
    assert figures.held("deadline") == "47.5"
    assert figures.held("deadline and retries") == "285"
    assert figures.attempts() == 6
    assert (figures.deadline(714), figures.deadline(40_000)) == ("2.2", "12")
    assert figures.longest_wait(714, 3) == "6.5"  # 3 x 2.18
    assert figures.longest_wait(40_000, 2) == "24"
    assert figures.total_deadline(1_000) == "52"  # 2.18 + 1,000 / 20
    assert figures.longest_hold() == "12.5"
    assert figures.slow_places() == "144"  # 20 x (2.18 + 5)
    assert figures.held_at(12) == "240"


def poisson_blocked(places: int, load: float) -> float:
    """Erlang B as the ratio that it is, not by recursion."""
    terms = [math.exp(n * math.log(load) - math.lgamma(n + 1) - load) for n in range(places + 1)]
    return terms[-1] / sum(terms)


def test_blocking_by_hand() -> None:
    assert capacity.erlang_b(1, 1.0) == 0.5
    assert capacity.erlang_b(2, 1.0) == pytest.approx(0.2)  # (1/2) / (1 + 1 + 1/2)
    for places, load in ((140, 110.0), (46, 64.68), (10, 0.25)):
        assert capacity.erlang_b(places, load) == pytest.approx(poisson_blocked(places, load), rel=1e-6)
    # Without a reserve it is Erlang's formula, and both classes are refused alike.
    assert capacity.blocked(140, 140) == pytest.approx((poisson_blocked(140, 110.0),) * 2)
    # With one: weights 110^n / n! up to 130, then 66 for each 110, since only the paid 60% still come.
    weights = [
        math.exp(min(n, 130) * math.log(110) + max(0, n - 130) * math.log(66) - math.lgamma(n + 1) - 110)
        for n in range(141)
    ]
    by_hand = (weights[140] / sum(weights), sum(weights[130:]) / sum(weights))
    assert capacity.blocked(140, 130) == pytest.approx(by_hand)
    assert (figures.blocked("paid"), figures.blocked("free")) == ("0.0005%", "1.3%")


def test_the_pools_places_are_its_limit() -> None:
    """All short paid prompts knock there first, so 64.7 requests a replica want its places, not 44."""
    # 117.6 / 10 x 5.5 = 64.68; 46 places carry 44.08 of them, by ten replicas and 5.5 s 80.2/s
    carried = 64.68 * (1 - poisson_blocked(46, 64.68)) / 5.5 * 10
    assert capacity.pool_carries(46) == pytest.approx(carried, rel=1e-6) == pytest.approx(80.15, abs=0.05)
    assert (figures.pool("average"), figures.pool("most")) == ("80", "84")  # 46 / 5.5 x 10


def test_a_gate_turns_few_429s_into_much_refused_traffic() -> None:
    # One 429 in 1 / (20 x 1%) = 5 s, then 5.5 s shut: 5.5 of 10.5
    assert figures.gate_shut(5) == "52%"


def test_minimum_volume_by_hand() -> None:
    # at least 3 of 5 at 1.5%: 10 p^3 q^2 + 5 p^4 q + p^5
    p = 0.015
    by_hand = 10 * p**3 * (1 - p) ** 2 + 5 * p**4 * (1 - p) + p**5
    assert capacity.tail(5, 3, p) == pytest.approx(by_hand)
    assert capacity.false_openings_a_day(5, p) == pytest.approx(17_280_000 * by_hand)
    assert capacity.tail(20, 10, p) == pytest.approx(9.288e-14, rel=1e-3)
    assert capacity.tail(20, 0, p) == pytest.approx(1)
    assert figures.opens_after(night=False) == "3.2 s"  # 2.18 + 10 failures at 10 a second
    assert figures.opens_after(night=True) == "22.2 s"  # 2.18 + 10 at one in two seconds
    assert figures.opens_after(night=True, shared=True) == "4.2 s"  # 2.18 + 10 at 5 a second
    assert figures.night_calls(10) == "5"
    assert figures.night_waits() == "200"  # ten failures in each of 20 breakers
    rows = figures.minimum_table().splitlines()
    assert rows[2] == "| 5 | 21 | 570 | 2.5 s | 8.2 s |"
    assert rows[4].endswith("| 3.2 s | 22.2 s |")
    assert rows[5].endswith("| 4.7 s | never |")  # 30 calls in the window of a minute


def test_the_fit_by_hand() -> None:
    plan = capacity.fit()
    # 120 paid: 2.4 long x 40,300 = 96,720 of 144,000 tokens/s; 117.6 short, of which the pool takes 80
    assert (plan.pool, plan.b_long) == (80, 2.4)
    assert plan.b_short == pytest.approx(37.6)
    assert plan.refused == pytest.approx(0, abs=1e-9)
    # 96,720 + 37.6 x 1,014.29 = 134,857 a second, 8.09 million a minute
    assert plan.b_tokens == pytest.approx(134_857.14, abs=0.1)
    assert plan.b_load == pytest.approx(0.93651, abs=1e-5)
    naive = capacity.fit(pool_first=False)
    # 144,000 / 1,800 = 80 of the mix, with 1.6 long; 39.2 short to the pool, 0.8 long nowhere
    assert (naive.b_short + naive.b_long, naive.pool) == (pytest.approx(80), pytest.approx(39.2))
    assert naive.refused == pytest.approx(0.8)
    assert figures.fit_of("long refused") == "33%"
    assert capacity.fit(1.0).refused > 0  # all chat does not fit
    assert (figures.fit_of("spare"), figures.fit_of("load")) == ("6.3%", "93.7%")
    assert figures.fit_of("wanted") == "216,000"
    assert figures.fit_of("long share") == "72%"
    # sd: sqrt(144) x 40,300 and sqrt(7,056) x 1,014.29 a minute, together 491,068; 548,571 spare
    sd = math.hypot(12 * 40_300, 84 * 1_014.2857)
    assert capacity.quota_overrun() == pytest.approx(0.5 * math.erfc(548_571.4 / sd / math.sqrt(2)), rel=1e-4)
    assert figures.fit_of("overrun") == "13%"
    assert figures.fit_of("all") == "21.6"  # 200 x 1,800 x 60
    assert figures.fit_table().splitlines()[2:] == [
        "| B, as it comes | 39.2 | 78.4 | 1.6 | 8.64 | 0.8/s |",
        "| Pool, and B for what is left | 80 | 37.6 | 2.4 | 8.09 | 0/s |",
    ]


def test_money_by_hand() -> None:
    assert figures.dollars("call") == "0.003"
    assert figures.dollars("hedges an hour") == "108"  # 5% of 200 x 3,600 at peak x $0.003
    assert figures.hedge_share_of_b() == "12.5%"  # 10/s x 1,800 of 144,000
    assert figures.dollars("long call") == "0.0415"


def test_probes_by_hand() -> None:
    assert figures.probes_at_once() == 20
    assert figures.probes_per_s() == "0.81"  # 20 each 22.5 s and a deadline of 2.18 s
    assert figures.recovered() == "20"
    assert figures.step_outlasts() == "7.2"
    # Open for 3.75 s, two rounds of two probes until second 18, four quiet steps of a minute each, then twenty starts
    # at one in 2.5 s: about 18 + 240 + 50 s.
    assert figures.night_return() in ("5.1", "5.2")


def test_a_brownout_of_a_third_opens_by_chance_and_one_of_a_tenth_does_not() -> None:
    """P(at least 10 of 20 fail) is 4.8% at 30% and 7 in a million at 10%, at each of ten looks a second."""
    assert capacity.tail(20, 10, 0.3) == pytest.approx(0.048, abs=0.0005)
    assert capacity.tail(20, 10, 0.1) == pytest.approx(7e-6, rel=0.03)
    assert 5 < float(figures.brownout_opens(0.3)) < 60
    rows = [
        [float(cell.strip(" s%")) for cell in row.strip("|").split("|")]
        for row in figures.brownout_table().splitlines()[2:]
    ]
    assert [row[0] for row in rows] == [50, 70]
    assert [row[-1] for row in rows] == [3.2, 3.6]  # 2.18 + 10 or 14 failures at 10 a second
    assert rows[0][1] == rows[1][1] == rows[1][2] == 100
    assert 15 < rows[0][3] < 40 < rows[0][2] < 90 < rows[1][3]


def test_a_threshold_of_seven_in_ten_flaps_when_four_in_ten_fail() -> None:
    rps = setting.replica_rps() / setting.REGIONS
    runs = [play(0.4, Settings(failure_rate=0.7), rps, lasts_s=900, seed=seed) for seed in range(4)]
    assert mean(run.admitted for run in runs) < 0.7


# The outage ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    return figures._runs()


def answered(run: Run, klass: str) -> float:
    return run.served_in_outage.get(klass, 0) / run.asked_in_outage[klass]


def test_every_policy_meets_the_same_requests(runs: dict[str, Run]) -> None:
    assert len({tuple(sorted(run.asked.items())) for run in runs.values()}) == 1
    asked = runs["none"].asked
    assert asked["paid"] + asked["free"] == pytest.approx(20 * OUTAGE.end, rel=0.05)
    assert asked["embeddings"] == pytest.approx(5 * OUTAGE.end, rel=0.1)


def test_a_run_repeats_itself(runs: dict[str, Run]) -> None:
    assert Simulation(POLICIES["all"]).run() == runs["all"]


def test_a_healthy_replica_holds_what_little_says(runs: dict[str, Run]) -> None:
    run = Simulation(POLICIES["none"], seed=3).run()
    before = [second.chat for second in run.seconds[10:20]]
    assert sum(before) / 10 == pytest.approx(20, rel=0.2)
    assert sum(run.served.values()) > 0


def test_today_everything_dies_with_a(runs: dict[str, Run]) -> None:
    run = runs["none"]
    assert answered(run, "embeddings") < 0.25
    assert max(second.places for second in run.seconds) == 250
    full = next(i for i, second in enumerate(run.seconds) if second.places == 250)
    assert 10 <= full - OUTAGE.silent <= 15  # 12.5 s by the arithmetic


def test_deadlines_alone_multiply_the_attempts(runs: dict[str, Run]) -> None:
    run = runs["deadline"]
    chat = run.asked_in_outage["paid"] + run.asked_in_outage["free"]
    attempts = sum(second.attempts for second in run.seconds[20:140])
    assert 4 < attempts / chat <= 6
    assert answered(run, "paid") < 0.05


def test_a_breaker_alone_hears_of_it_after_the_timeout(runs: dict[str, Run]) -> None:
    run = runs["breaker"]
    assert 30 < run.opened[0] - OUTAGE.silent < 32
    assert 0.05 < 1 - answered(run, "embeddings") < 0.3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_together_contain_it(seed: int) -> None:
    run = Simulation(POLICIES["all"], seed=seed).run()
    assert answered(run, "paid") > 0.98
    assert answered(run, "embeddings") > 0.99
    assert 2.2 < run.opened[0] - OUTAGE.silent < 4
    assert sum(second.attempts for second in run.seconds[25:140]) < 120 / 5 * 2
    assert max(second.places for second in run.seconds) < 200
    assert run.by["b"] > 0 < run.by["pool"]


def test_ten_replicas_return_without_flooding_a_fifth_of_it() -> None:
    returns = figures._returns()
    runs = {True: returns["ramp"], False: returns["none"]}
    failed = {ramp: sum(second.failed for second in run.seconds[12:72]) for ramp, run in runs.items()}
    reopened = {ramp: sum(at > RETURN.back for at in run.opened) for ramp, run in runs.items()}
    assert failed[True] * 5 < failed[False]
    assert reopened[True] <= 3 < reopened[False]
    # The first ten seconds of its return, when only probes and first steps are out.
    assert sum(second.attempts for second in runs[True].seconds[12:22]) / 10 < 40 / 2
    assert runs[True].asked == runs[False].asked


def test_the_tables_and_charts_come_from_the_runs(runs: dict[str, Run]) -> None:
    rows = figures.outage_table().splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == [
        "| As today",
        "| Deadlines only",
        "| Breaker only",
        "| All together",
    ]
    for row, run in zip(rows, runs.values(), strict=True):
        paid = float(row.split(" | ")[1].rstrip("%"))
        assert paid == pytest.approx(answered(run, "paid") * 100, abs=0.06)
    assert figures.outage("usual bill") == "72"  # 200 x 120 x $0.003
    attempts = sum(second.attempts for second in runs["deadline"].seconds[20:140])
    assert float(figures.outage("bill")) == pytest.approx(attempts * 10 * 0.003, abs=0.5)
    waited = runs["all"].waited
    assert float(figures.outage("waited")) == pytest.approx(sum(waited) / len(waited), abs=0.006)
    served = sum(second.chat for second in runs["deadline"].seconds[140:200]) / 60
    assert float(figures.outage("fifth, deadline")) == pytest.approx(served, abs=0.06)
    assert (figures.outage("opened"), figures.outage("opened alone")) == ("2.9", "30.7")
    for chart in (figures.chat_chart(), figures.embeddings_chart(), figures.places_chart()):
        assert len(chart["data"]["values"]) == OUTAGE.end / 10 - 1
    # The captions say a conclusion: hold them to it.
    chat = figures.chat_chart()["data"]["values"][4:13]
    assert all(row["none"] + row["deadline"] + row["breaker"] < 1 < row["all"] - 8 for row in chat)
    places = figures.places_chart()["data"]["values"][3:13]
    assert all(row["none"] == row["deadline"] == 250 and row["all"] < 145 for row in places)
    lost = [row["breaker"] for row in figures.embeddings_chart()["data"]["values"]]
    assert min(lost[3:4]) == 0
    assert min(lost[5:]) > 3
    back = figures.return_chart()["data"]["values"]
    assert max(row["none"] for row in back[:4]) > 100
    assert min(row["none"] for row in back[4:]) == pytest.approx(18, abs=0.5)
    assert max(row["none"] for row in back[4:]) == pytest.approx(93, abs=0.5)
    assert back[-1]["ramp"] > 30
    assert all(row["ramp"] < 40 for row in back)
    assert figures.returned("opened", True) == "3"
    assert int(figures.returned("opened", False)) > 15


def test_the_alerts_do_what_they_say() -> None:
    for arguments in (("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")):
        done = subprocess.run(
            [str(promtool()), *arguments],
            cwd=PACKAGE,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
