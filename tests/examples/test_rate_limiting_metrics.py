"""What the limiter exports: every answer counted once, in a format that Prometheus reads, and nobody named."""

from __future__ import annotations

import asyncio
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
import yaml

from examples.rate_limiting.decision import Organization, Outcome, Settlement
from examples.rate_limiting.limiter import RateLimiter, Settings, connect
from examples.rate_limiting.metrics import BUCKETS_S, FAMILIES, Metrics
from examples.rate_limiting.tiers import TIERS, Limit, Tier, UnknownTier, WhenStoreFails
from examples.rate_limiting.unsettled import Unsettled
from tests.examples.helpers import PATIENT_S, Clock, dead_port, new_user
from tests.examples.test_rate_limiting_gateway import Ledger, claim
from tests.tools import promtool

ALERTS = Path("examples/rate_limiting/alerts.yml")


def samples(metrics: Metrics, name: str) -> dict[str, float]:
    """Return a family's samples by their labels."""
    lines = [line.rsplit(" ", 1) for line in metrics.text().splitlines() if line.startswith(name)]
    return {labels.removeprefix(name): float(value) for labels, value in lines}


def limiter(url: str, metrics: Metrics, clock: Clock) -> RateLimiter:
    return RateLimiter(connect(url, PATIENT_S), Settings(gateways=20, metrics=metrics, clock_us=clock))


def test_every_answer_is_counted_once_with_what_decided_it(store_url: str) -> None:
    metrics, user = Metrics(), new_user()
    mine = limiter(store_url, metrics, Clock())
    claim = mine.reserve(user, "free", 10_000).reservation
    for _ in range(3):
        mine.reserve(user, "free", 1)
    mine.reserve(user, "free", 10_001)
    assert claim is not None
    mine.settle(claim, 20_500)
    assert samples(metrics, "ratelimit_decisions_total") == {
        '{outcome="allowed",tier="free",bucket="none",source="store"}': 1,
        '{outcome="refused",tier="free",bucket="tokens",source="store"}': 1,
        '{outcome="refused",tier="free",bucket="tokens",source="cache"}': 2,
        '{outcome="never",tier="free",bucket="tokens",source="none"}': 1,
    }
    assert metrics.value("ratelimit_reserved_tokens_total", tier="free", scope="user") == 10_000
    assert metrics.value("ratelimit_used_tokens_total", tier="free", scope="user") == 20_500
    assert metrics.value("ratelimit_written_off_tokens_total", tier="free", scope="user") == 500
    times = samples(metrics, "ratelimit_store_seconds_count")
    assert times == {'{call="reserve"}': 2, '{call="settle"}': 1}


def test_a_settle_counts_for_each_account_that_held_it(store_url: str) -> None:
    metrics, user, of = Metrics(), new_user(), Organization(f"team-{new_user()}", "enterprise")
    mine = limiter(store_url, metrics, Clock())
    claim = mine.reserve(user, "pro", 5_096, organization=of).reservation
    assert claim is not None
    mine.settle(claim, 210_000)  # pro's burst and debt are 200,000
    both = ('{tier="enterprise",scope="organization"}', '{tier="pro",scope="user"}')
    assert samples(metrics, "ratelimit_reserved_tokens_total") == dict.fromkeys(both, 5_096)
    assert samples(metrics, "ratelimit_used_tokens_total") == dict.fromkeys(both, 210_000)
    assert samples(metrics, "ratelimit_written_off_tokens_total") == {both[1]: 10_000}


def test_an_organization_s_leak_is_compared_with_what_organizations_use(
    tmp_path: Path, store_url: str
) -> None:
    """Of another tier than its members', on the series that such a settle leaves: 5% written off."""
    metrics = Metrics()
    plans = {
        "pro": TIERS["pro"],
        "enterprise": Tier("enterprise", Limit(1, 100), Limit(1, 1_000), WhenStoreFails.DENY),
    }
    mine = RateLimiter(connect(store_url, PATIENT_S), Settings(gateways=1, tiers=plans, metrics=metrics))
    claim = mine.reserve(
        new_user(), "pro", 1_000, organization=Organization(new_user(), "enterprise")
    ).reservation
    assert claim is not None
    mine.settle(claim, 1_050)
    names = [f"ratelimit_{name}_tokens_total" for name in ("used", "written_off")]
    series = [
        {"series": f"{name}{labels}", "values": f"0+{count:g}x140"}
        for name in names
        for labels, count in samples(metrics, name).items()
    ]
    alert = {
        "exp_labels": {"severity": "ticket", "tier": "enterprise", "scope": "organization"},
        "exp_annotations": {"summary": "Over 1% of what tier enterprise uses is charged to no organization"},
    }
    tests = {
        "rule_files": [str(ALERTS.resolve())],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": series,
                "alert_rule_test": [
                    {"eval_time": "100m", "alertname": "RateLimitWriteOffs", "exp_alerts": [alert]}
                ],
            }
        ],
    }
    file = tmp_path / "alerts_test.yml"
    file.write_text(yaml.safe_dump(tests), encoding="utf-8")
    check = subprocess.run([promtool(), "test", "rules", file], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr


def test_a_dead_store_is_counted_as_errors_and_local_decisions() -> None:
    metrics = Metrics()
    mine = limiter(f"redis://127.0.0.1:{dead_port()}", metrics, Clock())
    for _ in range(3):
        mine.reserve(new_user(), "free", 1)
    claim = mine.reserve(new_user(), "pro", 1)
    assert samples(metrics, "ratelimit_decisions_total") == {
        '{outcome="unavailable",tier="free",bucket="none",source="local"}': 3,
        '{outcome="allowed",tier="pro",bucket="none",source="local"}': 1,
    }
    assert samples(metrics, "ratelimit_store_errors_total") == {
        '{call="reserve",error="ConnectionError"}': 3,
        '{call="reserve",error="CircuitOpen"}': 1,
    }
    assert claim.allowed


def test_an_answer_of_the_store_that_is_an_error_is_one(store: redis.Redis, store_url: str) -> None:
    metrics, user = Metrics(), new_user()
    mine = limiter(store_url, metrics, Clock())
    done = mine.reserve(user, "free", 1).reservation
    assert done is not None
    mine.settle(done, 1)
    assert mine.settle(done, 1) == Settlement(False)
    assert (
        metrics.value("ratelimit_used_tokens_total", tier="free", scope="user") == 1
    )  # a settle of nothing counts nothing
    assert samples(metrics, "ratelimit_store_errors_total") == {}


def test_lost_settles_are_counted() -> None:
    """By the limiter's own metrics, and from the start: Prometheus's increase() misses what begins above zero."""
    ledger = Ledger("TimeoutError")
    assert "ratelimit_holds_lost_total 0\n" in ledger.metrics.text()

    async def run() -> None:
        waiting = Unsettled(ledger, size=1, pause_s=PATIENT_S)  # type: ignore[arg-type]
        for name in "ab":
            await waiting.settle(claim(name), 1)
        await waiting.aclose()

    asyncio.run(run())
    assert ledger.metrics.value("ratelimit_holds_lost_total") == 2


def test_what_a_client_can_send_makes_no_new_series(store_url: str) -> None:
    """Users, organizations, ids, sizes: only what we have declared stands in labels, in every combination once."""
    metrics, mean = Metrics(), Limit(1, 1)
    plans = {name: Tier(name, mean, Limit(1, 10), WhenStoreFails.DENY) for name in ("one", "two")}
    mine = RateLimiter(
        connect(store_url, PATIENT_S), Settings(gateways=1, tiers=plans, metrics=metrics, refusals_us=0)
    )
    for number in range(60):
        of = Organization(f"team-{number}-{new_user()}", "two")
        users = [new_user(), new_user()]
        for user, tokens in (
            (users[0], 1 + number % 10),
            (users[0], 10),
            (users[1], 10),
            (users[1], 11 + number),
        ):
            mine.reserve(user, "one", tokens, f"id-{number}-{tokens}", of)
    for name in ("gold", "ONE"):
        with pytest.raises(UnknownTier):
            mine.reserve(new_user(), name, 1)
    buckets = {"none", "requests", "tokens", "organization-requests", "organization-tokens"}
    for labels in samples(metrics, "ratelimit_decisions_total"):
        found = dict(one.split("=") for one in labels.strip("{}").split(","))
        assert set(found["bucket"].strip('"').split("+")) <= buckets
        assert found["tier"] == '"one"'
    assert len(samples(metrics, "ratelimit_decisions_total")) <= len(Outcome) * 2 ** (len(buckets) - 1)


def test_no_label_names_a_user_an_organization_or_a_reservation(store_url: str) -> None:
    assert {label for family in FAMILIES.values() for label in family.labels} == {
        *("outcome", "tier", "scope", "bucket", "source", "call", "error")
    }
    metrics, user = Metrics(), "someone@example.com"
    mine = limiter(store_url, metrics, Clock())
    decision = mine.reserve(user, "free", 1)
    assert decision.reservation is not None
    mine.settle(decision.reservation, 1)
    assert user not in metrics.text()
    assert decision.reservation.id not in metrics.text()
    with pytest.raises(KeyError):
        metrics.add("ratelimit_decisions_total", user=user)
    with pytest.raises(KeyError):
        metrics.add("ratelimit_decisions")


def test_times_fall_into_cumulative_buckets() -> None:
    metrics = Metrics()
    for seconds in (0.0005, 0.001, 0.004, 7.0):
        metrics.observe("ratelimit_store_seconds", seconds, call="reserve")
    buckets = samples(metrics, "ratelimit_store_seconds_bucket")
    assert [buckets[f'{{call="reserve",le="{bound}"}}'] for bound in (*BUCKETS_S[:3], "1.0", "+Inf")] == [
        *(2, 2, 3, 3, 4)
    ]
    assert metrics.value("ratelimit_store_seconds", call="reserve") == pytest.approx(7.0055)


def test_counts_under_threads_are_exact() -> None:
    metrics = Metrics()

    def work(_: int) -> None:
        for _ in range(500):
            metrics.add("ratelimit_used_tokens_total", 1_000_001, tier="pro", scope="user")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert 'ratelimit_used_tokens_total{tier="pro",scope="user"} 2000002000\n' in metrics.text()


def test_promtool_reads_what_is_exported(store_url: str) -> None:
    metrics, user = Metrics(), new_user()
    mine = limiter(store_url, metrics, Clock())
    for tokens in (9_000, 9_000, 10_001):
        mine.reserve(user, "free", tokens)
    check = subprocess.run(
        [promtool(), "check", "metrics"], input=metrics.text(), capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


def test_promtool_accepts_the_alerts_and_each_fires(tmp_path: Path) -> None:
    """On series that a healthy and a failing limiter would leave, at two gateways: the sum decides, and lasts."""
    rules = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    for rule in rules["groups"][0]["rules"]:
        assert any(name in rule["expr"] for name in FAMILIES)

    def series(local: str, lost: str, leak: str) -> list[dict[str, str]]:
        values = {
            'decisions_total{{outcome="allowed",source="store",gateway="{}"}}': "0+3000x140",
            'decisions_total{{outcome="allowed",source="cache",gateway="{}"}}': "0+3000x140",
            'decisions_total{{outcome="allowed",source="local",gateway="{}"}}': local,
            'holds_lost_total{{gateway="{}"}}': lost,
            'written_off_tokens_total{{tier="free",scope="user",gateway="{}"}}': leak,
            'used_tokens_total{{tier="free",scope="user",gateway="{}"}}': "0+50000x140",
        }
        return [
            {"series": f"ratelimit_{name.format(gateway)}", "values": text}
            for name, text in values.items()
            for gateway in (1, 2)
        ]

    def firing(*names: str, at: int = 100) -> list[dict[str, object]]:
        labels = {
            "RateLimitWithoutStore": {"severity": "page"},
            "RateLimitHoldsLost": {"severity": "ticket"},
            "RateLimitWriteOffs": {"severity": "ticket", "tier": "free", "scope": "user"},
        }
        said = {
            "RateLimitWithoutStore": "Over 1% of decisions are made without the store",
            "RateLimitHoldsLost": "Settles were given up",
            "RateLimitWriteOffs": "Over 1% of what tier free uses is charged to no user",
        }
        return [
            {
                "eval_time": f"{at}m",
                "alertname": name,
                "exp_alerts": [{"exp_labels": labels[name], "exp_annotations": {"summary": said[name]}}]
                if name in names
                else [],
            }
            for name in labels
        ]

    tests = {
        "rule_files": [str(ALERTS.resolve())],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": series("0+54x140", "0x140", "0+450x140"),  # 0.9% each
                "alert_rule_test": firing(),
            },
            {
                "interval": "1m",
                "input_series": series("0+67x140", "0+1x140", "0+550x140"),  # 1.1% each
                "alert_rule_test": firing(
                    "RateLimitWithoutStore", "RateLimitHoldsLost", "RateLimitWriteOffs"
                ),
            },
            {  # From minute 100 on: the decisions are above 1% at once, the leak's hour after 13 minutes of 5%.
                "interval": "1m",
                "input_series": series("0x100 0+1000x40", "0x140", "0x100 0+2500x40"),
                "alert_rule_test": [
                    *firing(at=102),
                    *firing("RateLimitWithoutStore", at=103),
                    *firing("RateLimitWithoutStore", at=125),
                    *firing("RateLimitWithoutStore", "RateLimitWriteOffs", at=132),
                ],
            },
        ],
    }
    file = tmp_path / "alerts_test.yml"
    file.write_text(yaml.safe_dump(tests), encoding="utf-8")
    check = subprocess.run([promtool(), "test", "rules", file], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr
