"""The page's numbers against ones worked out by hand, and the code's constants against the page's."""

from __future__ import annotations

import subprocess
import sys

import pytest

from examples.audit_logging import events, figures, recorder, verify
from macros import charts


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (figures.events_a_day(), "24,000,000"),  # 8,000,000 x 3
        (figures.gb_a_day(), 24.0),  # x 1 KB
        (figures.merged_a_day(), "16"),
        (figures.merged_at_peak(), "600"),
        (figures.admin_percent(), "0.08"),  # 20,000 / 24,000,000
        (figures.text_gb(), "115"),  # 400,000 x 9.6 KB x 30
        (figures.stored("hospital"), "10.5"),  # 4.8 GB x 2,191.5 days = 10,519
        (figures.stored("standard"), "7.6"),  # 19.2 GB x 395.7 days = 7,597
        (figures.total_tb(), "18.1"),
        (figures.usd_a_month("hospital"), "242"),  # 10,519 x 0.023
        (figures.usd_a_month("standard"), "175"),  # 7,597 x 0.023
        (figures.usd_a_month(), "417"),
        (figures.usd_a_month(compressed=True), "83"),
        (figures.index_gb(), "324"),  # 2.16 billion rows x 150 bytes
        (figures.lost_a_day(), "4,800"),
        (figures.gap_percent(150), "3.0"),  # 1 - 0.9998^150 = 0.02955
        (figures.gap_percent(500), "9.5"),
        (figures.per_replica(), "75"),
        (figures.one_chain_per_s(), "167"),
        (figures.three_acks_ms(), 18),
        (figures.open_streams(), "2,400"),  # 300/s x 8 s
        (figures.orphans(), "200"),
        (figures.spool_mb(), "45"),  # 75 KB/s x 600 s
        (figures.spool_mb(12), "540"),
        (figures.backlog_minutes(), "13.3"),  # 60,000 / 75 / 60
        (figures.backlog_records(), "60,000"),
        (figures.seals(), "288"),
        (figures.seals(7), "2,016"),
        (figures.seals(365), "105,120"),
        (figures.interval_events(), "83,333"),
        (figures.interval_events(peak=True), "270,000"),
        (figures.interval_mb(), "83"),
        (figures.path_bytes(83_333), 544),  # 17 levels: 2^16 = 65,536 < 83,333 <= 2^17
        (figures.detect_minutes(), 11),
        (figures.week_gb(), "168"),
        (figures.interval_seconds(), "8"),  # 83,333 x 100 us = 8.3 s
        (figures.interval_seconds(peak=True), "27"),  # 270,000 x 100 us
        (figures.old_week_hours(), "4.7"),  # 168,000,000 x 100 us = 16,800 s
        (figures.answer_mb(), "5"),  # 2,016 x 4 x (544 + 110) bytes = 5.27 MB
        (figures.seals_mb(days=365), "420"),  # 105,120 x 4 KB
        (figures.full_pass_hours(), "10"),  # 18.1 TB / 500 MB/s = 36,232 s
        (figures.full_check_hours(), "503"),  # 18.1 billion events x 100 us = 1,811,600 s
        (figures.full_check_cores(), "50"),  # 503 / 10.06
        (figures.cpu_percent("link"), "3.0"),  # 900/s x 33 us
        (figures.cpu_percent("check"), "9.0"),  # 900/s x 100 us
        (figures.microseconds("link"), 33),  # 30 + 3
        (figures.cpu_percent("sign"), "3.2"),  # 900/s x 36 us
    ],
)
def test_figures(value: object, expected: object) -> None:
    assert value == expected


def test_the_settings_own_sums_hold() -> None:
    assert pytest.approx(2.3e12, rel=0.01) == figures.REQUESTS_A_DAY * figures.REQUEST_BYTES * 30
    assert figures.REQUESTS_A_DAY * 0.03 == 240_000
    assert (2_000 + figures.ANSWER_TOKENS) * 4 == figures.REQUEST_BYTES


def test_the_code_has_the_pages_constants() -> None:
    assert recorder.BACKLOG_RECORDS == figures.BACKLOG_RECORDS
    assert recorder.BACKLOG_US == figures.OUTAGE_MINUTES * 60_000_000
    assert verify.DETECTION_US == figures.DETECT_MINUTES * 60_000_000
    assert figures.SEAL_MINUTES + figures.CHECK_MINUTES + figures.PAGE_MINUTES < figures.DETECT_MINUTES


def test_the_numbers_need_no_library_that_the_site_lacks() -> None:
    code = "import sys, examples.audit_logging.figures; print([m for m in ('cryptography', 'sqlite3') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_the_chart_is_drawn() -> None:
    assert "<figure" in charts.figure("loss_chart", figures.loss_chart())


def test_the_chart_text_says_what_is_plotted() -> None:
    loss = {row["events"]: row["chance"] for row in figures.loss_chart()["data"]["values"]}
    assert loss[500] == pytest.approx(0.0952, abs=1e-4)
    assert loss[1000] == pytest.approx(0.1813, abs=1e-4)


def test_the_attack_table_has_a_row_for_each() -> None:
    lines = figures.attack_table().splitlines()
    assert len(lines) == 2 + len(figures.ATTACKS)
    assert all(line.count("|") == 4 for line in lines)


def test_the_classes_are_those_that_events_have() -> None:
    assert set(figures.MONTHS) == set(events.Class.__args__)
