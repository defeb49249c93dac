"""The page's figures against values that were worked out by hand."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from examples.compliance_automation import figures, sizing


def test_controls():
    # 54 + 31 + 43 = 128; 54/128 = 0.421875; 31/128 = 0.2421875; 43/128 = 0.3359375; 85/128 = 0.6640625
    assert figures.controls() == 128
    assert [figures.share(kind) for kind in ("configuration", "records", "judgment")] == [
        "42.2%",
        "24.2%",
        "33.6%",
    ]
    assert figures.machine() == "85 (66.4%)"
    assert figures.perfect_score() == "100%"  # 54 of 54 that ran


def test_scans_and_storage():
    # 85 x 220 = 18,700; x 96 = 1,795,200; at 1 kB 1.795 GB a day; x 730 = 1,310.5 GB
    assert (figures.evaluations("run"), figures.evaluations()) == ("18,700", "1,795,200")
    assert (figures.raw_gb(), figures.raw_gb("24 months")) == ("1.8", "1.31")
    # 96 x 20 kB = 1.92 MB; 18,700 x 500 B = 9.35 MB; 11.27 MB x 730 = 8.23 GB
    assert figures.evidence_gb() == "8.2"


def test_alerts():
    # 190 + 60 + 30 = 280; 30/280 = 0.10714; 30/90 = 0.3333; x 96; 190/17.36 = 10.9
    assert figures.alerts("precision") == "10.7%"
    assert figures.alerts("without spot") == "33.3%"
    assert figures.alerts("a day") == "26,880"
    assert figures.alerts("causes") == "11"


def test_the_spot_fleet():
    # 500 x 50 / 1440 = 17.36; fixed: 50/1440 = 3.47%; exponential at 15 min: (50/15)(1 - e^-0.3) = 3.3333 x 0.259182
    assert figures.concurrent() == "17.4"
    assert figures.seen(15, "fixed") == "100.0%"
    assert figures.seen(15, "exponential") == "86.4%"
    assert figures.seen(1440, "fixed") == figures.seen(1440, "exponential") == "3.5%"
    assert figures.unseen_a_day(15, "exponential") == "68"  # 500 x 0.13606
    assert figures.launches_a_year() == "182,500"


@pytest.mark.parametrize("lives", ["fixed", "exponential"])
def test_what_a_scan_sees_against_a_simulation(lives):
    rng = random.Random(1)
    for interval in (15, 60, 240):
        seen = 0
        for _ in range(20_000):
            until_scan = rng.uniform(0, interval)
            life = 50.0 if lives == "fixed" else rng.expovariate(1 / 50)
            seen += life >= until_scan
        formula = {"fixed": sizing.seen_fixed, "exponential": sizing.seen_exponential}[lives](interval, 50)
        assert seen / 20_000 == pytest.approx(formula, abs=0.012)


def test_samples():
    # C(41,25)/C(45,25) = (20 x 19 x 18 x 17)/(45 x 44 x 43 x 42) = 116,280/3,575,880
    assert sizing.sample_misses(45, 4, 25) == pytest.approx(116_280 / 3_575_880)
    assert figures.misses() == "3.25%"
    assert figures.expected_hits() == "2.2"  # 25 x 4/45 = 2.22
    # 12 months: 540 with 48, as a product of 25 factors (492 - i)/(540 - i)
    product = 1.0
    for drawn in range(25):
        product *= (492 - drawn) / (540 - drawn)
    assert figures.misses(12) == f"{product * 100:.1f}%" == "9.2%"
    # 1 - 0.1^(1/25) = 1 - e^(-2.302585/25) = 1 - 0.91201
    assert figures.not_excluded() == "8.8%"


def test_samples_by_counting():
    draws = list(combinations(range(7), 3))
    clean = sum(1 for draw in draws if not {0, 1} & set(draw))
    assert sizing.sample_misses(7, 2, 3) == pytest.approx(clean / len(draws))
    assert sizing.sample_misses(45, 21, 25) == 0  # more bad ones than the sample leaves out


def test_changes():
    # 41/45 = 0.9111; 45 + 120 = 165; 41/165 = 0.2485; 120/165 = 0.7273; 165 x 12; 120 x 12/260 = 5.54
    assert figures.promotions("pass") == "91.1%"
    assert figures.promotions("changes") == "165"
    assert figures.promotions("of all") == "24.8%"
    assert figures.promotions("outside") == "72.7%"
    assert figures.promotions("changes a year") == "1,980"
    assert figures.promotions("a year") == "540"
    assert figures.promotions("missing a year") == "48"
    assert figures.promotions("a workday") == "5.5"


def test_time():
    assert [figures.reach(), figures.reach(1), figures.reach(2)] == [35, 50, 65]
    # 26 - 8 = 18 of 52 weeks = 4.154 months; x 165 = 685.4
    assert (figures.late_weeks(), figures.late_share()) == (18, "34.6%")
    assert figures.late_changes() == "685"
    assert (figures.build_hours(), figures.build_hours(first=True)) == ("2,080", "640")


def test_money():
    # 9 x 3 x 40; 1,080 - 270; 1,080/128 = 8.4375; x 43 = 362.8; 1 - 270/362.8 = 0.2558
    assert figures.hours("saved") == "810"
    assert figures.hours("each") == "8.4"
    assert figures.hours("judgment") == "363"
    assert figures.hours("cut") == "26%"
    # at $110: 810 h = 89,100; 2,080 h = 228,800; 400 h = 44,000; 89,100 - 48,000 = 41,100; - 44,000 = -2,900
    assert figures.money("saved") == "$89,100"
    assert figures.money("build") == "$228,800"
    assert figures.money("net with upkeep") == "$2,900"
    # 228,800/41,100 = 5.57; at 80: 166,400/16,800 = 9.90; at 150: 312,000/73,500 = 4.24
    assert [figures.payback(80), figures.payback(), figures.payback(150)] == ["9.9", "5.6", "4.2"]
    assert figures.payback(110, upkeep=True) == "never"
    assert sizing.payback_years(100, 10, 110, 10 * 110) is None, "upkeep that takes all that is saved"


def test_the_chart_says_what_it_plots():
    chart = figures.seen_chart()
    rows = {row["minutes"]: row for row in chart["data"]["values"]}
    assert rows[15] == {"minutes": 15, "fixed": 100.0, "exponential": 86.4}
    assert "86.4% at 15 minutes" in chart["description"]
    assert "58.2% at 60" in chart["description"]  # (50/60)(1 - e^-1.2) = 0.8333 x 0.698806
    assert rows[1440]["fixed"] == 3.5
