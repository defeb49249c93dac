"""The page's figures against arithmetic worked out apart from them, and the parts that need no database."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.cost_attribution import figures, fleet, gap, gpu
from examples.cost_attribution import setting as s
from examples.cost_attribution.money import dollars, in_whole_cents
from examples.cost_attribution.usage import (
    Attempt,
    Identity,
    Tokens,
    UsageError,
    cost_nano,
)


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


class TestSetting:
    def test_the_question_is_consistent(self) -> None:
        assert Fraction(9_000_000, 86_400) == pytest.approx(s.MEAN_RPS) == pytest.approx(104.17, abs=0.01)
        assert 160 * 2.5 * 720 == s.FLEET_COST == 288_000
        assert (
            30_000_000 * (1500 * 3 + 1500 * 0.3 + 600 * 15) / 1e6 == pytest.approx(s.PROVIDER_COST) == 418_500
        )
        assert s.TOTAL == 750_000
        assert gap.GAP == 13_000

    def test_today(self) -> None:
        # 270 million x 2,400 and 30 million x 3,600 tokens
        assert (figures.FLEET_TOKENS, figures.PROVIDER_TOKENS) == (648_000_000_000, 108_000_000_000)
        assert figures.blended_rate() == "$0.992"
        assert cells(figures.blended_table()) == [
            ["Tokens", "648 billion", "108 billion"],
            ["Cash cost", "$288,000", "$418,500"],
            ["Cost per million", "$0.444", "$3.875"],
            ["Billed today", "$642,857", "$107,143"],
            ["Billed / cost", "2.23", "0.26"],
        ]
        billed = cells(figures.blended_table())[3][1:]
        assert sum(int(cell.strip("$").replace(",", "")) for cell in billed) == 750_000
        assert figures.move() == "$251,100"  # 64.8 billion at $3.875 a million
        assert figures.move(what="rate") == "$1.324"  # 1,001,100 / 756,000


class TestGpu:
    def test_the_mean_request(self) -> None:
        assert gpu.MEAN_MS == 640  # 160 GPUs / 250 requests/s
        assert figures.other_prompt() == "816"  # (2,000 - 0.02 x 60,000) / 0.98
        model = gpu.calibrated()
        mix = 0.02 * model.ms(60_000, 400) + 0.98 * model.ms(800 / 0.98, 400)
        assert mix == pytest.approx(640)
        assert model.output == pytest.approx(0.698, abs=0.001)

    def test_the_long_prompts(self) -> None:
        # prefill 0.1 x 60,000 = 6,000; attention 1e-6 x 60,000^2 = 3,600; decode 400 x 0.698; reads 400 x 60,200 x 1e-4
        by_hand = 6_000 + 3_600 + 279.3 + 2_408
        assert gpu.calibrated().ms(60_000, 400) == pytest.approx(by_hand, abs=0.1)
        assert figures.request_seconds() == "12.3"
        assert figures.request_seconds(816) == "0.4"
        # 54,000 in the prefix cache: 600 + (60,000^2 - 54,000^2) x 1e-6 = 684, and the same decode
        assert gpu.calibrated().ms(60_000, 400, 54_000) == pytest.approx(600 + 684 + 279.3 + 2_408, abs=0.1)
        assert figures.request_seconds(prefix_cached=54_000) == "4.0"
        assert cells(figures.driver_table()) == [
            ["Requests", "2.0%", "$2,400", "$5,760"],
            ["GPU time, linear in tokens", "20.1%", "$24,150", "$57,960"],
            ["GPU time, with attention and KV reads", "38.4%", "$46,078", "$110,586"],
            ["Tokens", "50.3%", "$60,400", "$144,960"],
        ]
        assert pytest.approx(0.5033, abs=0.0001) == 0.02 * 60_400 / 2_400
        # linear: 0.1 ms a prompt token leaves (640 - 200) / 400 = 1.1 ms for one of output
        assert pytest.approx(0.20125) == 0.02 * (6_000 + 440) / 640

    def test_a_load_test_gives_the_coefficients_back(self) -> None:
        model = gpu.calibrated()
        shapes = [
            (200, 50),
            (800, 400),
            (2_000, 400),
            (8_000, 200),
            (30_000, 400),
            (60_000, 100),
            (500, 2_000),
        ]
        exact = gpu.fit([(p, o, model.ms(p, o)) for p, o in shapes])
        assert exact == gpu.GpuTime(*(pytest.approx(c) for c in model._coefficients))
        noise = random.Random(4)
        noisy = gpu.fit([(p, o, model.ms(p, o) * noise.uniform(0.97, 1.03)) for p, o in shapes * 6])
        assert gpu.long_share(noisy) == pytest.approx(gpu.long_share(model), rel=0.05)
        with pytest.raises(ZeroDivisionError, match="alike"):
            gpu.fit([(2_000, 400, 640.0)] * 9)


class TestFleet:
    def test_what_the_invoice_pays_for(self) -> None:
        # 288,000 x 104.1667/250, x 124.8333/250, x 21/250
        assert fleet.parts() == {"work": 120_000, "peak": 143_808, "room": 24_192}
        assert [figures.part(name) for name in ("work", "peak", "room", "idle")] == [
            "$120,000", "$143,808", "$24,192", "$168,000",
        ]  # fmt: skip
        assert figures.busy_hours() == "48,000"  # 270 million x 0.64 s / 3,600
        assert fleet.parts()["work"] == 48_000 * 2.5

    def test_the_spiral(self) -> None:
        assert (figures.absorbed(), figures.absorbed(0.2)) == ("$6.00", "$7.50")
        assert (figures.break_even(), figures.break_even(0.2)) == ("42%", "33%")

    def test_every_rule_recovers_the_invoice(self) -> None:
        for rule in fleet.RULES:
            assert sum(fleet.bills(rule).values()) == pytest.approx(288_000)
        for shares in (fleet.WORK, fleet.PEAK, fleet.RESERVED):
            assert sum(shares.values()) == pytest.approx(1)
        rows = cells(figures.rule_table())
        assert rows[:3] == [
            ["Long prompts", "$110,586", "$96,478", "$104,878"],  # 0.38398 x 120,000 + 0.30 x 168,000, ...
            ["Chat", "$119,814", "$150,722", "$159,122"],
            ["Nightly batch", "$57,600", "$40,800", "$24,000"],
        ]
        assert rows[3][0] == "It teaches"


class TestMoney:
    def test_what_equal_shares_lose_in_cents(self) -> None:
        assert figures.naive_loss() == "40 cents"  # 85 x 511.76 = 43,499.60

    @given(total=st.integers(0, 10**11), weights=st.lists(st.integers(0, 10**15), min_size=1, max_size=30))
    def test_no_cent_is_lost_or_unfair(self, total: int, weights: list[int]) -> None:
        names = {f"t{n:02}": weight for n, weight in enumerate(weights)}
        if not sum(weights):
            with pytest.raises(ValueError, match="nobody"):
                in_whole_cents(total, names)
            return
        bills = in_whole_cents(total, names)
        assert sum(bills.values()) == total
        for name, weight in names.items():
            assert abs(bills[name] - Fraction(total * weight, sum(weights))) < 1

    def test_refusals(self) -> None:
        for total, weights in ((-1, {"a": 1}), (1, {"a": -1, "b": 3})):
            with pytest.raises(ValueError, match="negative"):
                in_whole_cents(total, weights)

    def test_ties_go_by_name(self) -> None:
        assert in_whole_cents(1, {"b": 1, "a": 1}) == {"b": 0, "a": 1}

    def test_dollars(self) -> None:
        assert (dollars(1234.5, 2), dollars(-3)) == ("$1,234.50", "\u2212$3")


class TestGap:
    def test_ranges(self) -> None:
        worth = {c.name: (round(c.low), round(c.high)) for c in gap.causes()}
        assert worth == {
            "Early closes": (5_940, 16_740),  # 1.2 million x $0.00495, x $0.01395
            "Retries": (0, 31_000),  # 418,500 x 0.08 / 1.08
            "Reasoning": (0, 13_500),  # 30 million x 600 x 5% x $15 a million
            "Time zone": (0, 4_650),  # 418,500 x 8 / 720
            "Rounding": (0, 1_500),  # 30 million x $0.00005
        }
        assert figures.cause("Early closes", "low") == "$5,940"
        assert figures.cause("Retries", "high") == "$31,000"
        assert (figures.gap_dollars(), figures.gap_share()) == ("$13,000", "3.1%")
        # 4% of streams, 8,192 tokens allowed and 300 seen, of a mean of 600.
        assert figures.room_to_hide() == "53%"
        assert figures.hidden_output() == "4.8%"  # 13,000 / (18 billion x $15 a million)
        assert figures.writes() == "$33,750"  # 45 billion x $0.75 a million
        assert figures.cent_loss() == "$118,500"  # 30 million x 0.395 cents
        assert figures.drain_cost() == "$5,400"  # 1.2 million x 300 x $15 a million

    def test_the_caption_is_true(self) -> None:
        chart = figures.gap_chart()
        named = {"Early closes", "Retries", "Reasoning"}
        assert {c.name for c in gap.causes() if c.high >= gap.GAP} == named
        for name in named:
            assert name.lower() in chart["title"].lower()
        assert len(chart["data"]["values"]) == 5


class TestBudgets:
    def test_worst_and_mean(self) -> None:
        assert figures.worst(1) == "$0.132"  # 8,192 x $15 + 3,000 x $3, a million
        assert figures.worst() == "$52.75"
        assert figures.mean_cost() == "$5.58"
        assert figures.mean_cost(1) == "$0.01395"
        assert figures.hold_use() == "11%"  # 0.01395 / 0.13188
        assert figures.max_tokens_within() == "2,733"  # (0.05 - 0.009) / 0.000015

    def test_the_loop(self) -> None:
        assert figures.loop_rate() == "$38"
        assert [row[1:] for row in cells(figures.exposure_table())] == [
            ["60 + 10 min", "$2,660"],
            ["5 + 10 min", "$570"],
            ["32 s", "$20, then it waits for the hour"],
            ["2.2 h", "$5,000"],
        ]
        assert figures.hot_row() == "91"  # 1,900 / 0.01395 / 3,000 s, twice

    def test_without_the_store(self) -> None:
        assert figures.lease() == "$1"
        assert figures.quarter_hour() == "$0.16"  # 418,500 / 900 / 2,880


def test_the_volume() -> None:
    # 10.8 million attempts, two events each: 250/s; at peak x 229 / 104.17
    assert cells(figures.volume_table()) == [
        ["Attempts a day", "10.8 million", "108.0 million"],
        ["Events a second, mean and peak", "250 and 550", "2,500 and 5,496"],
        ["Events in 24 months, as JSON", "7.9 TB", "78.8 TB"],  # 21.6 million x 730 x 500 B
        ["The same in columnar files", "0.8 to 1.6 TB", "7.9 to 15.8 TB"],
        [
            "Ledger postings in 24 months, one model a project",
            "3.9 million",
            "3.9 million",
        ],  # 900 x 3 x 2 x 730
        ["Reserves and settles a second, at peak", "55", "550"],  # 1.08 million x 2 / 86,400 x 2.2
        ["Spool for 15 minutes at peak, all gateways", "0.25 GB", "2.47 GB"],
    ]
    assert figures.storage_cost() == "$181"


IDENTITY = Identity("a", "r", "2026-10-05T10:00:00Z", "p1", "key-1", "provider", "m", max_output_tokens=8_192)


class TestUsage:
    def test_both_shapes_mean_the_same(self) -> None:
        openai = {
            "prompt_tokens": 3_000, "completion_tokens": 600, "total_tokens": 3_600,
            "prompt_tokens_details": {"cached_tokens": 1_500},
            "completion_tokens_details": {"reasoning_tokens": 200},
        }  # fmt: skip
        anthropic = {
            "input_tokens": 1_500, "cache_read_input_tokens": 1_500, "cache_creation_input_tokens": 0,
            "output_tokens": 600, "output_tokens_details": {"thinking_tokens": 200},
        }  # fmt: skip
        same = Tokens(1_500, 1_500, 0, 600, 200)
        assert Tokens.from_openai(openai) == Tokens.from_anthropic(anthropic) == same
        assert cost_nano(same, s.NANO) == 13_950_000

    def test_details_may_be_missing_or_null(self) -> None:
        assert Tokens.from_openai({"prompt_tokens": 9, "completion_tokens": 2}) == Tokens(9, output=2)
        null = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": None}
        assert Tokens.from_openai(null | {"completion_tokens_details": {"reasoning_tokens": None}}) == Tokens(
            9, output=2
        )
        written = {"input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 7}
        assert Tokens.from_anthropic(written) == Tokens(1, written=7, output=2)
        details = {"cached_tokens": 3, "cache_write_tokens": 7}
        written = {"prompt_tokens": 11, "completion_tokens": 2, "prompt_tokens_details": details}
        assert Tokens.from_openai(written) == Tokens(1, cached=3, written=7, output=2)

    @pytest.mark.parametrize(
        "usage",
        [
            {"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 6}},
            {
                "prompt_tokens": 5,
                "completion_tokens": 1,
                "completion_tokens_details": {"reasoning_tokens": 2},
            },
            {"prompt_tokens": 5, "completion_tokens": -1},
        ],
    )
    def test_what_cannot_be_true_is_refused(self, usage: dict[str, Any]) -> None:
        with pytest.raises(UsageError):
            Tokens.from_openai(usage)

    # The ledger and the reconciliation know revisions by number: below 2 nobody has confirmed the count.

    def test_an_attempt_that_ends_well(self) -> None:
        attempt = Attempt(IDENTITY, prompt_tokens=2_900)
        opened = attempt.opened()
        assert (opened["revision"], opened["input_tokens"], opened["output_tokens"]) == (0, 2_900, 0)
        attempt.chunk(400)
        attempt.reported(Tokens(1_500, 1_500, 0, 600, 200))
        ended = attempt.ended()
        assert (ended["revision"], ended["output_tokens"], ended["cached_tokens"]) == (2, 600, 1_500)
        assert opened.keys() == ended.keys()

    def test_a_client_that_leaves(self) -> None:
        attempt = Attempt(IDENTITY, prompt_tokens=2_900)
        attempt.chunk(80)
        attempt.chunk(20)
        ended = attempt.ended()
        assert (ended["revision"], ended["input_tokens"], ended["output_tokens"]) == (1, 2_900, 100)

    def test_a_client_that_leaves_after_the_provider_told_the_input(self) -> None:
        attempt = Attempt(IDENTITY, prompt_tokens=2_900)
        attempt.began(Tokens(1_500, 1_500, 0, output=1))
        attempt.chunk(100)
        ended = attempt.ended()
        assert (ended["revision"], ended["input_tokens"], ended["cached_tokens"], ended["output_tokens"]) == (
            1, 1_500, 1_500, 100,
        )  # fmt: skip


def test_the_minutes_on_the_page_add_up() -> None:
    from tests.content.reading import DOCS

    page = (DOCS / "questions/system-design/cost-attribution.md").read_text(encoding="utf-8")
    minutes = [int(n) for n in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)]
    assert sum(minutes) == 45
