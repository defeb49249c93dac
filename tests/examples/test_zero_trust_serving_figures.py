"""The page's figures, worked out again by hand."""

from __future__ import annotations

import importlib
import sys
from datetime import timedelta

import pytest

from examples.zero_trust_serving import figures, setting


class TestStreams:
    def test_open_at_peak(self):
        # 300 a second, each open for 0.6 s and 400 tokens of 30 ms
        assert figures.open_streams() == "3,780"

    def test_the_longest(self):
        # 0.6 s and 16,384 tokens of 30 ms: 492.12 s
        assert figures.longest_stream_s() == "492"
        assert setting.REVOKE_S < 492


class TestHandover:
    def test_bytes(self):
        # 2,000 tokens of 163,840 bytes; 300 requests a second
        assert figures.handover("request_mb") == f"{2_000 * 163_840 / 1e6:.1f}" == "327.7"
        assert figures.handover("total_gb_s") == "98.3"

    def test_links(self):
        # 96 GPUs of 400 Gb/s; 786.4 of 38,400
        assert figures.handover("links_gb_s") == "4,800"
        assert figures.handover("share") == "2.0%"
        # 327.68 MB at 50 GB/s, then by four GPUs side by side
        assert figures.handover("four_links_ms") == "1.6"

    def test_through_a_host(self):
        # 327.68 MB at 5 GB/s; and in the 4.0 ms that proxies and grants leave of 20, beside today's 1.64 ms
        assert figures.handover("tls_ms") == "66"
        assert figures.handover("needed_gb_s") == f"{327.68 / 5.6384:.0f}" == "58"


class TestSalt:
    def test_more_prefill(self):
        # 600,000 tokens/s, of which 60% and then 66% miss
        assert figures.salted("before") == "360,000"
        assert figures.salted("after") == "396,000"
        assert figures.salted("growth") == "10%"

    def test_instances_and_dollars(self):
        # a tenth of 96 GPUs, in whole instances of four; 12 x 2.50 x 730
        assert figures.salted("gpus") == "9.6"
        assert figures.salted("instances") == "3"
        assert figures.salted("bought") == "12"
        assert figures.salted("month") == "$21,900"
        # below 360/396 of full, the fleet has the room already
        assert figures.salted("headroom") == "91%"


class TestIsolation:
    def test_the_fleet_and_what_was_asked(self):
        # 192 and 240 GPUs of 1,825 dollars a month
        assert figures.dedicated("asked_gpus") == "240"
        assert figures.dedicated("ratio") == "125%"

    def test_the_options(self):
        # 12.5 requests/s an instance: 45 need 3.6 of each kind, so 4 and a spare, twice, of 4 GPUs
        assert figures.options() == {
            "One pool for the thirty": 40,
            "Pairs on two GPUs": 120,
            "Pairs on four GPUs, as asked": 240,
            "Pairs on whole nodes": 480,
        }
        # the other 255 need 20.4 of each kind, so 42 instances, 168 of 192 GPUs
        assert figures.freed() == 24
        assert figures.dedicated("freed") == "24"

    def test_salts_and_pairs_together(self):
        # 255 requests/s of the shared fleet: 20.4 x 1.1 = 22.44 prefill and 20.4 decode, so 23 + 21 of four GPUs
        assert figures.both("gpus") == f"{(23 + 21) * 4 + 120 - 192}" == "104"
        assert figures.both("month") == "$189,800"
        # without salts the shared fleet would keep 42 instances, two fewer
        assert figures.both("salts") == "8"

    def test_the_table(self):
        rows = figures.isolation_table().splitlines()[2:]
        assert rows == [
            "| One pool for the thirty | 40 | $73,000 | $29,200 | $2,433 |",
            "| Pairs on two GPUs | 120 | $219,000 | $175,200 | $7,300 |",
            "| Pairs on four GPUs, as asked | 240 | $438,000 | $394,200 | $14,600 |",
            "| Pairs on whole nodes | 480 | $876,000 | $832,200 | $29,200 |",
        ]

    def test_the_chart_plots_the_table(self):
        spec = figures.isolation_chart()
        assert [row["dollars"] for row in spec["data"]["values"]] == [
            350_400,
            73_000,
            219_000,
            438_000,
            876_000,
        ]
        assert [row["label"] for row in spec["data"]["values"]] == [
            "$350k",
            "$73k",
            "$219k",
            "$438k",
            "$876k",
        ]

    def test_what_a_tenant_does_with_a_pair(self):
        # 45 requests/s of thirty tenants; 300 of 48 instances is 6.25 each
        assert figures.dedicated("rps") == "1.5"
        assert figures.dedicated("pair_rps") == "12.5"
        assert figures.dedicated("busy") == "12%"

    def test_two_gpus_are_enough_in_memory(self):
        # 160 GB x 0.9 - 70 GB = 74 GB of 163,840 bytes; 1.5 x 12.6 s = 18.9 streams of 2,400 tokens
        assert figures.dedicated("room_tokens") == f"{74e9 / 163_840:,.0f}" == "451,660"
        assert figures.dedicated("used_tokens") == "45,360"

    def test_and_in_speed(self):
        # 35 GB at 3.35 TB/s
        assert figures.dedicated("read_ms") == "10"
        assert float(figures.dedicated("read_ms")) < setting.TPOT_S * 1_000

    def test_what_it_saves(self):
        assert figures.dedicated("net_two") == "$175,200"


class TestCredentials:
    @pytest.mark.parametrize(("hours", "left"), [(1, "27"), (4, "108")])
    def test_what_a_certificate_has_left(self, hours, left):
        # half, less a tenth of the half
        assert figures.svid_left_min(hours) == left
        assert timedelta(hours=hours) * 0.45 == timedelta(minutes=int(left))

    def test_the_choice_outlives_the_outage_and_the_default_does_not(self):
        assert float(figures.svid_left_min(1)) < setting.OUTAGE_MIN < float(figures.svid_left_min())

    def test_within_a_minute(self):
        # a list of 15 s by a clock that is 5 s behind, then 30 s of a grant minted at the last moment, taken 5 s longer
        assert figures.ends_s("request") == "55"
        # the same 20 s, and 5 s to cut
        assert figures.ends_s("stream") == "25"
        # a list of 45 s by a clock that is 5 s behind, and 5 s to cut
        assert figures.ends_s("silent") == "55"
        assert max(int(figures.ends_s(what)) for what in ("request", "stream", "silent")) <= setting.REVOKE_S

    def test_what_a_thief_of_an_instance_may_act_for(self):
        # 12.5 requests/s for 35 s
        assert figures.live_grants() == "438"

    def test_what_the_grant_service_signs(self):
        # 300 a second, four hops each
        assert figures.mints() == "1,200"


class TestLatency:
    def test_within_the_budget(self):
        # five pairs of 2.88 ms; four times 0.1 and 0.3 ms
        assert figures.latency("proxies") == "14.4"
        assert figures.latency("grants") == "1.6"
        assert figures.latency("total") == "16.0"
        assert figures.latency("left") == "4.0"


class TestEdges:
    def test_counts(self):
        assert (figures.edges("services"), figures.edges("needed"), figures.edges("possible")) == (
            "9",
            "21",
            "72",
        )


def test_the_page_builds_without_cryptography(monkeypatch):
    """The site's own environment has neither cryptography nor an engine for Rego."""
    for name in [name for name in sys.modules if name.startswith("examples.zero_trust_serving")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("cryptography", "regopy"):
        monkeypatch.setitem(sys.modules, name, None)
    module = importlib.import_module("examples.zero_trust_serving.figures")
    assert module.open_streams() == "3,780"
