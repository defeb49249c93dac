"""Question 13: the page's figures, against arithmetic done by hand from the page's own numbers."""

from __future__ import annotations

import math
import random

import pytest

from examples.observability_stack import figures as f
from examples.observability_stack import inventory as inv
from examples.observability_stack.signals import LENGTH_BUCKETS, TPOT_BUCKETS, TTFT_BUCKETS

# 200 requests/s * 2,592,000 s
REQUESTS = 518_400_000


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_the_budget_is_three_percent_of_the_bill():
    assert f.budget() == f"${0.03 * 320 * 2.50 * 24 * 30:,.0f}" == "$17,280"
    assert f.requests_a_month() == "518.4 million"


def test_the_drafts_series():
    # 5 histograms * (20 + 2) * 1,500 tenants * 24 pods = 3,960,000 for each model that a tenant uses
    assert inv.draft_series(1) == 3_960_000
    assert f.draft_series(6) == "23.76 million"
    assert f.draft_series(1.5) == "5.94 million"
    assert f.draft_series_dollars(6) == "$154,440"  # 23,760 * 6.50
    assert f.draft_series_dollars(1.5) == "$38,610"
    assert f.draft_series_dollars(1) == "$25,740"
    assert f.native_dollars() == "$1,755"  # 5 * 1,500 * 1.5 * 24 = 270,000
    # 2,640 series a pair cost $17.16: 17,280 / 17.16
    assert f.affordable_combinations() == "1,007"


def test_the_draft_part_by_part():
    rows = {row[0]: row[1:] for row in cells(f.draft_table())}
    assert rows["Series of today"][1:3] == ["$1,950", "11%"]
    assert rows["Histograms by tenant, worst"][1:3] == ["$154,440", "894%"]
    assert rows["the same, 1.5 models a tenant"][1:3] == ["$38,610", "223%"]
    # 150 * 400 = 60 kB; * 518.4 million = 31,104 GB; * 0.50
    assert rows["Event per output token"] == ["60 kB: 31,104 GB", "$15,552", "90%", "With today's series"]
    # 4 * 2,400 = 9.6 kB; 4,976.64 GB
    assert rows["Prompts and answers"][:2] == ["9.6 kB: 4,977 GB", "$2,488"]
    # 12 * 700 = 8.4 kB; 4,354.56 GB
    assert rows["Every trace"][:2] == ["8.4 kB: 4,355 GB", "$2,177"]
    # 3 kB; 1,555.2 GB
    assert rows["Service logs"][:2] == ["3 kB: 1,555 GB", "$778"]
    assert 1_950 + 15_552 > int(f.budget().strip("$").replace(",", "")) > 15_552, (
        "with today's series alone it breaks the budget"
    )
    assert all(float(row[1].strip("$").replace(",", "")) < 2_500 for row in list(rows.values())[4:])


def test_the_draft_as_a_whole():
    rest = 1_950 + 0.5 * REQUESTS * (9_600 + 8_400 + 3_000) / 1e9
    assert rest == pytest.approx(7_393.2)
    assert f.draft_percent("Every trace") == "13%"
    assert f.draft_percent("Event per output token") == "90%"
    assert f.draft_total(6) == "$177,385"  # 7,393.2 + 15,552 + 154,440
    assert f.draft_total() == "$61,555"


def test_the_chart_shows_the_table():
    chart = f.cost_chart()
    values = {row["part"]: row["dollars"] for row in chart["data"]["values"]}
    assert values == {
        "Histograms by tenant": 38_610,
        "Event per output token": 15_552,
        "Prompts and answers": 2_488,
        "Every trace": 2_177,
        "Series of today": 1_950,
        "Service logs": 778,
    }
    assert list(values.values()) == sorted(values.values(), reverse=True)
    assert chart["layer"][1]["encoding"]["x"]["datum"] == pytest.approx(17_280)
    assert "$38,610" in chart["description"]
    assert "$15,552" in chart["description"]


def test_the_designs_series():
    parts = (6 * 2 * 3, 6 * 5, 51 * 4 * 2, 6 * 2 * 15, 6 * 12, 6 * 12, 6 * 2 * 13, 6 * 2)
    assert f.pod_series() == f"{sum(parts)}" == "966"
    assert f.version_series() == "17"  # 3 outcomes, 13 of a histogram, 1 of the build
    assert f.versions_to_limit() == "61"  # 966 + 17 * 60 = 1,986, and * 61 = 2,003
    assert f.all_tenants_dollars() == "$1,872"  # 1,500 * 8 * 24 = 288,000


def test_the_designs_costs():
    rows = {row[0]: row[-1] for row in cells(f.design_table())}
    assert rows["Closing records"] == "$311"  # 518.4 * 1.2 = 622.08 GB
    assert rows["Traces kept"] == "$242"  # 4,354.56 * 0.111 = 483.36 GB
    assert rows["Prompts with consent"] == "$1,493"  # 4,976.64 * 0.6 = 2,985.98 GB
    assert rows["**Sum**"] == "**$5,524**"
    total = 1_950 + 150.696 + 777.6 + 311.04 + 241.678 + 1_492.992 + 600
    assert total == pytest.approx(5_524.0, abs=0.1)
    assert f.design_total() == "$5,524"
    assert f.design_share() == "32%"
    assert inv.kept_share() == pytest.approx(0.111, abs=5e-4)  # 0.1 + 5 + 5 + 1 in a hundred
    assert f.tail_saving() == "$1,936"  # 2,177.28 * 0.889
    assert f.history_series() == "1,496"  # 2 regions * (6*2*13 + 6*10 + 6*2*11 + 50*4*2)
    assert f.prompt_store_gb() == "697"  # 200 * 604,800 * 9,600 * 0.6
    assert f.exemplar_mb() == "10"


def test_the_history_has_the_buckets_of_the_gateway():
    assert (len(TTFT_BUCKETS) + 1, len(TPOT_BUCKETS) + 1, len(LENGTH_BUCKETS) + 1) == (13, 10, 11)


def test_one_tenant_more_and_ten_times_the_traffic():
    assert f.tenant_dollars() == "$1.25"  # 8 * 24 = 192 series
    assert f.tenfold("series") == "3,231,840"
    assert f.tenfold("all traces") == "$21,773"
    assert f.tenfold("samplers") == "40"


def test_moving_to_another_store():
    stored = 1_555.2 + 622.08 + 483.356
    assert f.switch_saving() == f"${stored * 0.2:,.0f}" == "$532"
    assert f.switch_months() == "75"  # 40,000 / 532
    assert f.migration() == "$40,000"


def test_what_tail_sampling_holds():
    assert inv.mean_stream_s() == pytest.approx(0.6 + 399 * 0.03)
    rows = cells(f.sampling_table())
    assert rows[0][1:4] == ["15,000", "0.13 GB", "0.5 GB"]  # 500 * 30; * 8.4 kB = 126 MB; * 4
    assert rows[1][1:4] == ["307,500", "2.58 GB", "10.3 GB"]  # 500 * 615
    assert rows[2][1:4] == ["8,785", "0.07 GB", "0.3 GB"]  # 500 * 17.57
    assert f.evicted_after_s() == "200"  # 50,000 / 250
    assert f.bad_a_day() == "17,280"  # 200 * 86,400 * 0.001
    assert f.bad_kept_by_head() == "173"


def test_when_the_rules_fire():
    # 2 min * 0.05 / 0.33 = 0.30; 3 * 0.05 / 0.08 = 1.875; each + 1 min `for` + 3 * 15 s + 10 s = 1.917
    assert f.detect_minutes(0.33, 0.05, 2) == "2.2"
    assert f.detect_minutes(0.08, 0.05, 3) == "3.8"
    rows = cells(f.incident_table())
    assert [row[2] for row in rows] == ["33% broken: 2.2 min", "8% late: 3.8 min", "same version: 4.2 min"]
    assert all(float(row[2].split(": ")[1].split()[0]) < 5 for row in rows)
    # 1.44% * 3,600 s / 245 s
    assert f.smallest_share() == "21.2%"
    assert f.just_broken() == "3.9"
    assert f.just_late() == "4.9", "whatever keeps a p95 over 5 s pages in time"


def test_the_mean_of_finished_answers_lags_behind_the_answers():
    """Another way to the same minutes: streams drawn one by one, their ends sorted into windows."""
    rng = random.Random(13)
    count, tokens = (
        [0] * 1_000,
        [0.0] * 1_000,
    )  # of the streams that end in each second, from 600 s before the change
    for _ in range(60_000):
        begun = rng.uniform(-600, 400)
        length = rng.expovariate(1 / (640 if begun >= 0 else 400))
        if (second := int(600 + begun + length * 0.03)) < 1_000:
            count[second] += 1
            tokens[second] += length

    def mean(after: int, window: int) -> float:
        seconds = slice(600 + after - window, 600 + after)
        return sum(tokens[seconds]) / sum(count[seconds])

    for window_min, minutes in ((3, 4.2), (5, 5.2)):
        crossed = next(t for t in range(10, 400, 2) if mean(t, window_min * 60) > 520)
        assert (crossed + 115) / 60 == pytest.approx(minutes, abs=0.25)
        assert f.longer_minutes(1.3, window_min) == str(minutes)
    assert f.longer_wide() == "5.2"


def test_streams_and_samples():
    # 12.57 s * 200, * 500, and of those one in 24 pods
    assert (f.open_streams(200), f.open_streams(500), f.streams_a_pod()) == ("2,514", "6,285", "262")
    assert f.samples_today() == "20,000"  # 300,000 / 15
    assert f.samples_worst() == "1,604,000"  # 24,060,000 / 15
    assert f.samples_a_second(1.5) == "416,000"  # 6,240,000 / 15
    assert f.draft_one_region() == "$19,305"  # half of $38,610: each tenant in one region


def test_small_tenants_and_small_numbers():
    assert f.top_share() == "1.6%"  # 80% / 50
    assert f.tenant_broken("fleet") == "0.03%"  # 2% of 1.6%
    assert f.tenant_broken("budget") == "20"  # 2% / 0.1%
    assert [row[1:] for row in cells(f.tenant_table())] == [
        ["3.2", "960", "11,520"],  # 160 / 50
        ["0.0276", "8.28", "99"],  # 40 / 1,450
        ["0.00833", "2.5", "30"],
    ]
    # The binomial tail by another way: the sum over 4..30 by logarithms.
    chance = sum(
        math.exp(
            math.lgamma(31)
            - math.lgamma(k + 1)
            - math.lgamma(31 - k)
            + k * math.log(0.05)
            + (30 - k) * math.log(0.95)
        )
        for k in range(4, 31)
    )
    assert chance == pytest.approx(0.0608, abs=1e-4)
    assert f.chance_of_noise() == "6.1%"
    assert f.false_alarms_a_day() == f"{chance * 1_450 * 24:,.0f}" == "2,115"
    # C(19, 9) * 0.05^9 * 0.95^10 * 0.05 * 0.95 = 5.13e-09 and, for 8 of 20, 1.01e-06; 40 requests/s are 103.68 million
    assert f.chance_tickets_a_month(10) == "0.5"
    assert f.chance_tickets_a_month(8) == "105"
    assert f.requests_to_ticket(10) == "93"


def test_a_window_that_slides_rings_more_often_than_windows_side_by_side():
    """Episodes of a rule on the last 20, counted in draws; a share at which there are enough of them."""
    rng = random.Random(13)
    late = [rng.random() < 0.3 for _ in range(400_000)]
    count, ringing, episodes = sum(late[:20]), False, 0
    for new, old in zip(late[20:], late, strict=False):
        count += new - old
        episodes += count >= 10 and not ringing
        ringing = count >= 10
    assert len(late) / episodes == pytest.approx(1 / f.episodes_a_request(10, 20, 0.3), rel=0.05)
    apart = f.tail_probability(10, 20, 0.3) / 20
    assert f.episodes_a_request(10, 20, 0.3) > 3 * apart


def test_the_other_figures():
    assert f.burn_of() == "72%"
    assert f.stalled_tpot_ms() == "42.5"  # (11.97 + 5) / 399
    assert f.longer_load() == "57%"  # (0.6 + 639 * 0.03) / 12.57 = 19.77 / 12.57
    assert f.queue_hours("closing") == "4.6"  # 10 GB / 600 kB/s = 16,667 s
    assert f.queue_hours("service") == "0.7"  # 4 GB / 1.5 MB/s = 2,667 s
    assert f.queue_hours("traces") == "1.2"  # 2 GB / 466.2 kB/s = 4,290 s
