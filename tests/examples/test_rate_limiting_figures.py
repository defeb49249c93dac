"""The page's figures against an independent calculation, and the form that the page shows."""

# ruff: noqa: RUF001 (the page shows a multiplication sign)

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.rate_limiting import calculator, figures
from examples.rate_limiting.fallback import LocalLimiter, cap, share
from examples.rate_limiting.tiers import TIERS


def test_figures() -> None:
    assert figures.wait_s("pro", left=3_000, cost=8_000) == 1.5
    assert [figures.at_once(name, 8_000) for name in TIERS] == [1, 12, 125]
    assert figures.sustained("free", 8_000, 8_000) == pytest.approx(
        60 / 38, abs=0.1
    )  # 20 s held, 18 s refilling
    assert figures.sustained("pro", 8_000, 8_000) == pytest.approx(
        200_000 / 8_000, abs=0.2
    )  # the refill decides
    assert figures.most_in("pro", 60) == 300_000
    assert figures.most_in("pro", 2) == 106_666
    assert figures.fixed_window_most("pro") == 400_000
    assert figures.debt_after("free", 9_000, 12_500) == 2_500
    assert figures.wait_s("free", left=-2_500, cost=4_000) == 19.5
    assert figures.streams_at_once("pro", figures.reserved_tokens()) == 19
    # 19 open at once for 20 s each: 57 a minute. With what it uses reserved, the limit on requests decides.
    assert figures.sustained("pro", figures.reserved_tokens(), figures.used_tokens()) == pytest.approx(
        57, abs=0.5
    )
    assert figures.sustained("pro", figures.used_tokens(), figures.used_tokens()) == pytest.approx(
        120, abs=0.5
    )
    assert figures.oversold() == 476
    assert figures.calls_of_one("enterprise") == 40
    assert figures.lease_covers(50_000) == 9
    assert figures.calls_per_s() == 1_000
    assert figures.busy() == pytest.approx(0.1)
    assert figures.in_flight() == 10_000
    assert figures.longest_life_s() == 61
    assert figures.live_buckets() == 40_500
    assert figures.memory_mib() < 10
    assert figures.default_client_stall_s() == 55
    assert figures.refused_share(rate=1_000) == pytest.approx(0.1)
    assert figures.unsettled_per_s() == 500
    assert figures.failover_tokens(100) == 254_800
    assert figures.units() == 60 * 10**6  # so a token a minute is a unit a microsecond
    assert figures.largest_count() == 150_119_987
    assert figures.forgotten_at_most("pro", lag_ms=100) == 100_333
    assert figures.forgotten_at_most("free", lag_ms=3_000) == 11_000
    assert figures.cached_refusals_per_s() == 20
    assert figures.refused_share(figures.cached_refusals_per_s()) == pytest.approx(0.002)
    assert figures.node_requests_per_s() == 5_000


def outage_burst(tier: str, tokens: int) -> int:
    """Return the most tokens that all gateways together hand one user at once, in requests of ``tokens``."""
    if tokens > cap(TIERS[tier], figures.GATEWAYS):
        return 0
    mine = share(TIERS[tier], figures.GATEWAYS, tokens)
    return figures.GATEWAYS * min(mine.requests.burst, max(1, mine.tokens.burst // tokens)) * tokens


@pytest.mark.parametrize("name", ["pro", "enterprise"])
def test_the_worst_of_an_outage_is_four_bursts_whatever_the_sizes(name: str) -> None:
    burst = TIERS[name].tokens.burst
    sizes = range(burst // 2_000, burst + 1, burst // 2_000)
    assert max(outage_burst(name, size) for size in sizes) == figures.outage_bound(name) == 4 * burst


def test_from_79_limiters_on_four_shares_are_less_than_an_average_request() -> None:
    assert figures.reserved_tokens() == 5_096
    assert [figures.cap_tokens("pro", limiters) for limiters in (78, 79, 80)] == [5_128, 5_060, 5_000]
    assert figures.limiters_that_refuse("pro") == 79
    assert figures.share_tokens("pro", 80) == 1_250
    assert LocalLimiter(78, clock_us=lambda: 0).reserve("someone", TIERS["pro"], 5_096).taken
    assert not LocalLimiter(79, clock_us=lambda: 0).reserve("someone", TIERS["pro"], 5_096).taken


def test_a_share_refills_at_a_twentieth_of_the_rate() -> None:
    assert figures.local_wait_s("pro", 20_000) == 120  # 20,000 at 200,000 / 20 a minute


@given(st.lists(st.integers(1, 100_000), max_size=40))
def test_a_gateway_hands_out_four_shares_at_once_in_any_mix(sizes: list[int]) -> None:
    mine = LocalLimiter(figures.GATEWAYS, clock_us=lambda: 0)
    admitted = sum(size for size in sizes if mine.reserve("someone", TIERS["pro"], size).taken)
    assert figures.GATEWAYS * admitted <= figures.outage_bound("pro")


def test_the_refusal_that_the_page_shows() -> None:
    assert figures.refusal(12, 3_000, 8_000).splitlines()[1:-1] == [
        "HTTP/1.1 429 Too Many Requests",
        'RateLimit-Policy: "requests";q=30;w=15, "tokens";q=100000;w=30;qu="tokens"',
        'RateLimit: "requests";r=12, "tokens";r=3000;t=2',
        "Retry-After: 2",
    ]


def test_the_body_of_the_refusal_names_the_bucket() -> None:
    body = json.loads("\n".join(figures.refusal_body(12, 3_000, 8_000).splitlines()[1:-1]))
    assert body["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert (body["status"], body["violated-policies"]) == (429, ["tokens"])


def test_the_table_of_numbers() -> None:
    """Worked out by hand from the setting: 500 requests/s, streams of 20 s, 5,096 reserved and 1,400 used."""
    rows = [row.strip("| ").split(" | ") for row in figures.numbers_table().splitlines()[2:]]
    assert [result for _, _, result in rows] == [
        "300,000",
        "400,000 within seconds",
        "57 a minute",
        "120 a minute",
        "2,500 in debt; 19.5 s of waiting",
        "10% busy; 50% at five times the traffic",
        "7.4 MiB",  # 40,500 x 160 bytes + 10,000 x 128 bytes = 7,760,000 bytes
        "0.25%",
        "254,800 over all users",
        "100,333",
    ]
    assert rows[6][1] == "500/s × (20 s open + 61 s draining) = 40,500 buckets; 10,000 streams"
    assert rows[9][1] == "100,000 + 200,000 × 0.1 / 60"


def test_the_budget_of_a_call_is_what_the_figures_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is above what the bench has measured, which the page shows beside it."""
    assert figures.MEASURED_US < figures.MEASURED_BOTH_US < figures.CALL_US == 100
    assert (
        f"{figures.MEASURED_US} µs, {figures.MEASURED_BOTH_US} µs with an organization"
        in figures.numbers_table()
    )
    monkeypatch.setattr(figures, "CALL_US", 200.0)
    assert figures.busy() == pytest.approx(0.2)
    assert figures.refused_share(rate=1_000) == pytest.approx(0.2)
    assert figures.node_requests_per_s() == 2_500
    assert "2 × 500/s × 200 µs" in figures.numbers_table()


def test_tables_have_a_row_for_every_tier() -> None:
    for table in (figures.tier_table(), figures.admission_table(8_000)):
        lines = table.splitlines()
        assert len(lines) == 2 + len(TIERS)
        assert len({line.count("|") for line in lines}) == 1


def test_the_client_defaults_the_page_warns_of_are_redis_py_s() -> None:
    import inspect

    import redis

    defaults = inspect.signature(redis.Redis.__init__).parameters
    assert defaults["socket_timeout"].default == figures.CLIENT_TIMEOUT_S
    assert defaults["retry"].default.get_retries() == figures.CLIENT_RETRIES


def test_the_calculator_tells_a_request_to_pass_to_wait_or_never_to_come() -> None:
    setting = calculator.DEFAULTS | {"per_minute": 6_000, "burst": 10_000}
    told = {
        (left, tokens): [
            calculator.results(**setting | {"left": left, "tokens": tokens})[key]
            for key in ("now", "retry_after", "never")
        ]
        for left, tokens in ((10_000, 10_000), (500, 500), (499, 500), (-2_000, 500), (10_000, 10_001))
    }
    # 100 tokens a second flow in.
    assert told == {
        (10_000, 10_000): [1, None, None],
        (500, 500): [1, None, None],
        (499, 500): [None, 1, None],
        (-2_000, 500): [None, 25, None],
        (10_000, 10_001): [None, None, 1],
    }


def test_the_calculator_refuses_more_than_the_bucket_holds() -> None:
    assert calculator.contradictions({"left": 100, "burst": 100}) == []
    assert len(calculator.contradictions({"left": 101, "burst": 100})) == 1
