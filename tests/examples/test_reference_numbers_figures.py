"""The page of numbers to know: each figure against another calculation, the questions' own functions, and its page's text."""

# ruff: noqa: RUF001 (a multiplication sign is what the page shows)

from __future__ import annotations

import math
import random
import re
from datetime import date
from pathlib import Path

import pytest

from examples.audit_logging import figures as audit
from examples.chaos_engineering import setting as chaos
from examples.circuit_breaker import setting as breaker
from examples.content_moderation import setting as moderation
from examples.cost_optimization import figures as cost
from examples.cost_optimization import gate
from examples.cost_optimization.inputs import DEFAULTS
from examples.incident_response import setting as incident
from examples.observability_stack import setting as observability
from examples.oom_after_48_hours import fleet as growing
from examples.oom_after_48_hours import setting as leaking
from examples.reference_numbers import figures, hardware, prices, rules
from examples.security_threats import numbers as threats
from examples.slo_definition import budget
from examples.slo_definition import setting as slo

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "numbers.md").read_text(encoding="utf-8")


def cells(table: str) -> list[list[str]]:
    lines = table.replace("\u00a0", " ").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len({len(row) for row in rows}) == 1, "a row with another number of cells"
    return [rows[0], *rows[2:]]


def column(table: str, name: str) -> list[str]:
    rows = cells(table)
    return [row[rows[0].index(name)] for row in rows[1:]]


def amount(cell: str) -> float:
    """What a cell says, in seconds, bytes, dollars, operations and plain numbers."""
    units = {"s": 1, "ms": 1e-3, "min": 60, "h": 3_600, "d": 86_400, "million": 1e6, "billion": 1e9}
    units |= {"%": 0.01, "kB": 1e3, "GB": 1e9, "TB": 1e12, "GB/s": 1e9, "TB/s": 1e12, "KiB": 1_024, "/s": 1}
    match = re.fullmatch(r"[$+±]?([\d,.]+) ?([\w%/]*)", cell)
    assert match, cell
    return float(match[1].replace(",", "")) * (units[match[2]] if match[2] else 1)


def amounts(table: str, name: str) -> list[float]:
    return [amount(cell) for cell in column(table, name)]


def close(*wanted: float) -> object:
    """Equal to three digits, to which a table rounds."""
    return pytest.approx(wanted, rel=5.1e-3)


def test_every_table_of_the_page_is_well_formed() -> None:
    names = [name for name in dir(figures) if name.endswith("_table") and name != "_table"]
    assert len(names) > 12
    for name in names:
        assert f'computed("{name}")' in PAGE
        table = getattr(figures, name)()
        assert len(cells(table)) > 2
        assert "e+" not in table
        assert "nan" not in table


def test_the_ten_figures_on_top_are_those_of_the_tables() -> None:
    top = PAGE.split("## Traffic")[0]
    assert column(figures.traffic_table(), "30 days")[0] == "2.59 million"
    assert "1 request/s is 2.6 million in 30 days" in top
    assert column(figures.budget_table(), "30 days")[2] == "43.2 min"
    assert "99.9% leaves 43 minutes in 30 days, or 1 bad request in 1,000" in top
    assert column(figures.burn_table(), "Burn rate")[0] == "14.4"
    assert "A burn rate of 14.4 spends 2% of a 30-day budget in an hour" in top
    assert rules.slowdown(0.9) == pytest.approx(10)
    assert "A server that is 90% busy takes ten service times" in top
    assert column(figures.kv_table(), "A token, 16 bits")[1] == "320 KiB"
    assert column(figures.weights_table(), "BF16")[1] == "140 GB"
    assert (
        "A 70B: 140 GB of weights in BF16, 70 in FP8, and with grouped-query attention 320 KiB of cache a token"
        in top
    )
    assert figures.attempts() == column(figures.retry_table(), "Three layers")[1] == "27"
    assert "Three attempts in each of three layers are" in top
    assert len(re.findall(r"^\| ", top, re.MULTILINE)) == 2 + 10


class TestCells:
    """Each column of figures, worked out another way than the table's own."""

    def test_traffic(self) -> None:
        table = figures.traffic_table()
        rates = amounts(table, "Mean rate")
        assert rates == [1, 12, 100, 1_000]
        assert amounts(table, "A day") == close(*(rate * 24 * 60 * 60 for rate in rates))
        month = [rate * 30 * 24 * 60 * 60 for rate in rates]
        assert amounts(table, "30 days") == close(*month)
        assert amounts(table, "1 kB of each, 30 days") == close(*(1_000 * count for count in month))
        assert float(figures.million_a_day()) * 86_400 == pytest.approx(1e6, rel=5e-3)

    def test_budgets_and_burn_rates(self) -> None:
        table = figures.budget_table()
        bad = [1 - target for target in amounts(table, "Target")]
        assert amounts(table, "Bad of a million") == close(*(1e6 * share for share in bad))
        for days in (30, 91, 365):
            assert amounts(table, f"{days} days") == close(*(share * days * 86_400 for share in bad))
        burn = figures.burn_table()
        assert column(burn, "Windows") == ["1 h, 5 min", "6 h, 30 min", "24 h, 2 h", "72 h, 6 h"]
        rates = amounts(burn, "Burn rate")
        assert rates == close(14.4, 6, 3, 1)
        assert amounts(burn, "Bad above") == close(*(0.001 * rate for rate in rates))
        assert amounts(burn, "Budget gone in") == close(*(30 * 86_400 / rate for rate in rates))

    def test_steps_parts_and_attempts(self) -> None:
        chain = figures.chain_table()
        for count in (3, 10, 30):
            wanted = [math.prod([share] * count) for share in amounts(chain, "One step")]
            assert amounts(chain, f"{count} steps") == close(*wanted)
        spare = figures.spare_table()
        for parts, busy, more in zip(*(amounts(spare, name) for name in cells(spare)[0]), strict=True):
            assert parts * busy == pytest.approx(parts - 1, abs=0.005 * parts), "the others carry it all"
            assert (parts - 1) * more == pytest.approx(1, abs=0.005 * parts)

    def test_tokens_speeds_and_distances(self) -> None:
        table = figures.token_table()
        tokens = amounts(table, "Tokens")
        assert amounts(table, "Words") == close(*(3 * count / 4 for count in tokens))
        assert amounts(table, "Text") == close(*(4 * count for count in tokens))
        assert amounts(table, "Pages") == close(*(count * 3 / 4 / 500 for count in tokens))
        assert amounts(table, "To read") == close(*(count * 3 / 4 / 238 * 60 for count in tokens))
        assert float(figures.read_rate()) == pytest.approx(238 / 60 / 0.75, abs=0.05)
        speeds = figures.speed_table()
        steps = amounts(speeds, "Each later")
        assert amounts(speeds, "Tokens/s") == pytest.approx([1 / step for step in steps], abs=0.6)
        first = amounts(speeds, "First token")
        whole = (one + 399 * step for one, step in zip(first, steps, strict=True))
        assert amounts(speeds, "400 tokens") == close(*whole)
        assert amounts(figures.distance_table(), "Round trip at least") == close(
            *(2 * km * 1.47 / 299_792 for km in (100, 1_000, 6_000, 20_000))
        )
        move = figures.move_table()
        for size in ("1 GB", "70 GB", "140 GB"):
            wanted = [amount(size) / peak for peak in amounts(move, "Peak")]
            assert amounts(move, size) == close(*wanted)

    def test_gpus_and_models(self) -> None:
        table = figures.gpu_table()
        bandwidths, peaks = amounts(table, "Bandwidth"), amounts(table, "Dense BF16, TFLOP/s")
        assert amounts(table, "Operations a byte") == close(
            *(peak * 1e12 / bandwidth for peak, bandwidth in zip(peaks, bandwidths, strict=True))
        )
        for step, memory, bandwidth in zip(
            column(table, "Step of a 70B in 8 bits, at least"),
            amounts(table, "Memory"),
            bandwidths,
            strict=True,
        ):
            time, gpus = step.split(" on ")
            assert int(gpus) == (1 if memory >= 141e9 else 2), "the weights and a fifth beside them fit"
            assert amount(time) == pytest.approx(70e9 / bandwidth / int(gpus), rel=6e-3)
        assert figures.prefill() == f"{2 * 70e9 * 2_400 / (2 * 989e12 * 0.4) * 1e3:.0f} ms"
        assert figures.floor_tokens() == f"{2 * 3.35e12 / 70e9:.0f}"
        kept = figures.kv_table()
        token = amounts(kept, "A token, 16 bits")
        for shape, size in zip(column(kept, "Numbers a token"), token, strict=True):
            layers, _, latent = shape.partition(" × (")
            factors = layers.split(" × ")
            numbers = sum(map(int, latent.rstrip(")").split(" + "))) if latent else 1
            assert 2 * numbers * math.prod(map(int, factors)) == pytest.approx(size, rel=1e-3)
        assert amounts(kept, "8,000 tokens") == pytest.approx([8_000 * size for size in token], abs=6e6)
        assert amounts(kept, "128,000 tokens") == pytest.approx([128_000 * size for size in token], abs=6e7)
        weights = figures.weights_table()
        for name, size in (("BF16", 2), ("FP8, INT8", 1), ("FP4, INT4", 0.5)):
            assert amounts(weights, name) == close(*(size * n for n in amounts(weights, "Parameters")))

    def test_prices(self) -> None:
        table = figures.token_price_table()
        tried = zip(amounts(table, "Input"), amounts(table, "Output"), strict=True)
        assert amounts(table, "1,000 requests") == close(
            *(2.4 * read + 0.35 * wrote for read, wrote in tried)
        )
        hours = figures.gpu_price_table()
        assert amounts(hours, "Eight for a month") == close(
            *(8 * 365 * 2 * hour for hour in amounts(hours, "GPU-hour"))
        )

    def test_queues_and_counts(self) -> None:
        table = figures.queue_table()
        busy, times = amounts(table, "Busy"), amounts(table, "Mean time, in service times")
        assert times == close(*(1 / (1 - use) for use in busy))
        # In the system by Little's law, less the one that is served.
        waiting = [use * time - use for use, time in zip(busy, times, strict=True)]
        assert amounts(table, "Mean waiting") == pytest.approx(waiting, rel=8e-3)
        assert amounts(table, "p95, in service times") == close(*(math.log(20) * time for time in times))
        for expected, window, about in cells(figures.poisson_table())[1:]:
            mean, (low, high) = amount(expected), map(amount, window.split(" to "))
            assert high - mean == pytest.approx(mean - low, abs=1)
            assert high - mean == pytest.approx(1.96 * math.sqrt(mean), abs=1)
            assert amount(about) == pytest.approx(1.96 / math.sqrt(mean), abs=6e-3)

    def test_samples_and_detectors(self) -> None:
        table = figures.sample_table()
        shares = amounts(table, "True share")
        for points, name in ((0.05, "±5 points"), (0.02, "±2 points"), (0.01, "±1 point")):
            for share, count in zip(shares, amounts(table, name), strict=True):
                error = math.sqrt(share * (1 - share) / count)
                assert 1.96 * error == pytest.approx(points, rel=1e-2)
        told = amounts(table, "To tell a drop of 1 point, each")
        for share, count in zip(shares, told, strict=True):
            error = math.sqrt((share * (1 - share) + (share - 0.01) * (1.01 - share)) / count)
            assert (1.96 + 0.8416) * error == pytest.approx(0.01, rel=1e-3)
        clean = figures.clean_table()
        for tries, rate, rule in zip(*(amounts(clean, name) for name in cells(clean)[0]), strict=True):
            assert (1 - rate) ** tries == pytest.approx(0.05, rel=0.15)
            assert rule == pytest.approx(3 / tries, rel=0.01)
        shown = column(figures.precision_table(), "Of what it stops, hostile")
        honest = (9, 99, 999, 9_999)
        assert [amount(cell) for cell in shown] == pytest.approx(
            [0.95 / (0.95 + 0.01 * others) for others in honest], rel=0.02
        )
        assert figures.in_flight() == "120"


def test_the_peaks_are_the_questions() -> None:
    ratios = [
        slo.PEAK_RATE / slo.MEAN_RATE,
        DEFAULTS["peak"] / DEFAULTS["mean"],
        sum(incident.PEAK.values()) / incident.MEAN_RPS,
        moderation.PEAK_RPS / moderation.MEAN_RPS,
        audit.PEAK_REQUESTS_PER_S / (audit.REQUESTS_A_DAY / rules.DAY),
        observability.PEAK_RPS / observability.MEAN_RPS,
        chaos.PEAK_RPS / chaos.MEAN_RPS,
        threats.PEAK_REQUESTS_PER_S / threats.MEAN_REQUESTS_PER_S,
        max(growing.DEMAND.values()) / leaking.RPS,
    ]
    assert f"in the questions they are {min(ratios):.1f} to {max(ratios):.1f} times the mean" in PAGE


class TestSpare:
    def test_what_is_lost_is_carried_by_the_others(self) -> None:
        for parts in (2, 3, 10):
            busy = rules.most_busy(parts)
            assert busy * (1 + 1 / (parts - 1)) == pytest.approx(1)
        assert column(figures.spare_table(), "Busy at most")[1] == "67%"
        assert column(figures.spare_table(), "Load of the others")[1] == "+50%"

    def test_attempts_by_playing_them(self) -> None:
        def call(layers: int) -> int:
            return 1 if layers == 0 else sum(call(layers - 1) for _ in range(3))

        assert [rules.attempts(3, layers) for layers in (1, 2, 3)] == [call(n) for n in (1, 2, 3)]


class TestBudgets:
    def test_the_budgets_are_question_1s(self) -> None:
        for target in figures.TARGETS:
            for days in (30, 91, 365):
                wanted = budget.error_budget(target) * days * budget.DAY
                assert rules.allowed_s(target, days) == pytest.approx(wanted)
        assert column(figures.budget_table(), "365 days")[-1] == "52.6 min"

    def test_the_alerts_are_question_1s_with_their_delays(self) -> None:
        for (spent, hours, severity), alert in zip(figures.ALERTS, budget.ALERTS, strict=True):
            assert (spent, hours * 3_600, severity) == (alert.spent, alert.long_s, alert.severity)
            assert rules.burn_factor(spent, hours, 30) == pytest.approx(alert.factor(30 * budget.DAY))
        delays = [alert.detection_s(1.0, 0.999, 30 * budget.DAY) for alert in budget.ALERTS]
        assert delays == pytest.approx([51.84, 129.6, 259.2, 259.2])
        shown = column(figures.burn_table(), "Fires on total outage after")
        assert shown == ["51.8 s", "2.16 min", "4.32 min", "4.32 min"]

    def test_at_93_percent_the_fast_page_can_never_fire(self) -> None:
        assert budget.ALERTS[0].threshold(0.93, 30 * budget.DAY) > 1
        assert budget.ALERTS[0].threshold(0.94, 30 * budget.DAY) < 1

    def test_steps_in_a_row_multiply(self) -> None:
        assert rules.chain(0.99, 30) == pytest.approx(math.exp(30 * math.log(0.99)))
        assert figures.tail_meets() == "18%"
        assert figures.pair() == "99.99%"


class TestHardware:
    def test_the_speeds_are_the_questions(self) -> None:
        assert figures.SPEEDS == (
            ("1, medians", slo.TTFT_P50, slo.TPOT_P50),
            ("10, means", breaker.TTFT_MEAN_S, 1 / breaker.TOKENS_PER_S),
            ("13, means", observability.TTFT_S, observability.TPOT_S),
        )
        assert column(figures.speed_table(), "400 tokens") == ["9.93 s", "7.15 s", "12.6 s"]

    def test_links_keep_the_ratios_that_the_text_names(self) -> None:
        hbm, nvlink, pcie, *rest = hardware.LINKS.values()
        assert 7 <= hbm / nvlink < 8
        assert 7 <= nvlink / pcie < 8
        assert rest == sorted(rest, reverse=True)

    def test_a_decode_step_is_the_bytes_over_the_bandwidth(self) -> None:
        h100 = next(gpu for gpu in hardware.GPUS if gpu.name == "H100 SXM")
        assert hardware.decode_floor_s(70e9, h100, 2) == pytest.approx(70 / 6_700)
        assert h100.ridge == pytest.approx(295.2, abs=0.1)
        assert hardware.prefill_s(70e9, 2_400, h100, 2) == pytest.approx(
            2 * 70e9 * 2_400 / (2 * 989e12 * 0.4)
        )

    def test_a_batch_is_bound_by_reading_until_its_operations_take_as_long(self) -> None:
        h100 = next(gpu for gpu in hardware.GPUS if gpu.name == "H100 SXM")
        batch = h100.ridge_batch(8)
        computing = 2 * 70e9 * batch / (2 * h100.bf16 * 1e12)
        assert computing == pytest.approx(hardware.decode_floor_s(70e9, h100, 2))
        assert h100.ridge_batch(16) == pytest.approx(h100.ridge)
        assert figures.ridge_batch() == f"{989 / 3.35 / 2:.0f}" == "148"
        assert figures.cache_read() == f"{50 * 327_680 * 2_750 / 1e9:.0f}" == "45"

    def test_across_an_ocean_light_alone_takes_half_a_tenth_of_a_second(self) -> None:
        assert 0.058 < hardware.round_trip_s(6_000) < 0.060


class TestMoney:
    def test_a_thousand_requests_of_question_3(self) -> None:
        assert figures.REQUEST == (cost.INPUT_TOKENS, cost.OUTPUT_TOKENS)
        luna = next(price for price in prices.TOKENS if price.model == "GPT-6 Luna")
        assert luna.request(*figures.REQUEST) * 1_000 == pytest.approx(2.4 * 0.10 + 0.35 * 0.50)

    def test_the_text_about_ratios_holds_for_every_row(self) -> None:
        assert figures.output_ratio() == "5"
        assert figures.cached_ratio() == "a 10th to a 40th"
        assert figures.gpu_price_spread() == f"{12.29 / 3.20:.1f}"

    def test_every_price_has_a_day_in_the_past_year(self) -> None:
        days = [date.fromisoformat(p.since) for p in prices.TOKENS]
        days += [date.fromisoformat(p.read) for p in prices.HOURS]
        assert date(2025, 11, 26) < min(days)
        assert max(days) <= date(2026, 11, 26)


class TestQueues:
    def test_a_simulated_queue_takes_what_the_formula_says(self) -> None:
        """A hundred thousand jobs at 80%: the mean to 10%, the 95th percentile to 10%."""
        rng = random.Random(11)
        clock = free = 0.0
        times = []
        for _ in range(100_000):
            clock += rng.expovariate(0.8)
            free = max(free, clock) + rng.expovariate(1.0)
            times.append(free - clock)
        times.sort()
        assert sum(times) / len(times) == pytest.approx(rules.slowdown(0.8), rel=0.1)
        assert times[95_000] == pytest.approx(rules.slowdown_quantile(0.8, 0.95), rel=0.1)

    def test_a_server_that_is_never_done_has_no_mean(self) -> None:
        for use in (1.0, 1.2, -0.1):
            with pytest.raises(ValueError, match="utilization"):
                rules.slowdown(use)

    def test_counts_scatter_by_the_root_of_their_number(self) -> None:
        low, high = rules.usual_range(100)
        assert (round(low), round(high)) == (80, 120)
        assert rules.usual_range(1)[0] == 0
        assert figures.none_of_three() == "5%"


class TestStatistics:
    def test_they_are_the_questions_own_functions(self) -> None:
        for count in (30, 100, 3_000):
            assert rules.not_ruled_out(count) == pytest.approx(threats.below(count))
            assert rules.not_ruled_out(count) < 3 / count
        for rate in (0.001, 0.005, 0.05):
            assert rules.clean_needed(rate) == threats.clean_needed(rate)
        for share in (0.1, 0.001):
            assert rules.precision(share, 0.95, 0.01) == pytest.approx(
                threats.Detector(1.0, share, 0.95, 0.01).precision
            )

    def test_samples_against_the_standard_error_of_question_3(self) -> None:
        n = rules.sample_for(0.86, 0.02)
        assert rules.Z * gate.standard_error(0.86, n) <= 0.02 < rules.Z * gate.standard_error(0.86, n - 2)

    def test_two_samples_that_large_tell_the_drop_four_times_in_five(self) -> None:
        """By simulation with normal errors, at 5% two-sided."""
        first, second = 0.86, 0.82
        n = rules.sample_to_tell(first, second)
        error = math.sqrt((first * (1 - first) + second * (1 - second)) / n)
        rng = random.Random(5)
        told = sum(abs(rng.gauss(first - second, error)) > rules.Z * error for _ in range(20_000))
        assert told / 20_000 == pytest.approx(0.8, abs=0.02)
