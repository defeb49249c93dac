"""The page's figures against calculations by hand."""

import re
import time

import pytest

from examples.pii_redaction import corpus, figures
from examples.pii_redaction.cards import Cards
from examples.pii_redaction.names import trained
from examples.pii_redaction.patterns import CUE_AFTER, LONGEST_STAND_IN, Emails, Ssns
from examples.pii_redaction.stream import Stream


def test_numbers_that_ssa_may_issue():
    """Areas 001 to 899 without 666, groups 01 to 99, serials 0001 to 9999."""
    assert figures.possible_ssns() == 898 * 99 * 9_999 == 888_931_098
    assert figures.valid_share() == pytest.approx(0.889, abs=0.0005)


def test_what_a_hash_costs():
    assert figures.hash_ms() == 44  # 888,931,098 / 20,109,100,000 s = 0.0442 s
    assert figures.salted_day_minutes() == 19  # 25,920 x 0.0442 s = 1,146 s
    assert figures.bcrypt_hours() == "1.4"  # 888,931,098 / 177,000 = 5,022 s
    assert figures.collisions(100) == "5e-9"  # 4,950 / 2^40
    assert figures.collisions(10_000_000) == "45"  # 5e13 / 1.0995e12


@pytest.mark.parametrize(
    ("what", "count"),
    [
        ("mentions", 3_110_400),  # 5,184,000 x 0.3 x 2
        ("missed mentions", 248_832),  # x 0.08
        ("to the provider", 149_299),  # x 0.6
        ("messages", 238_879),  # 1,555,200 x (1 - 0.8464)
        ("wrong", 390_214),  # 2,861,568 / 0.88 - 2,861,568
        ("ssns", 25_920),
        ("ssns at target", 259),
        ("bare", 10_368),
        ("orders", 414_720),
        ("bare missed by lookup", 117),  # 10,368 x 10,000,000 / 888,931,098
    ],
)
def test_a_day(what, count):
    assert figures.missed(what) == count
    assert figures.per_day() == 5_184_000


def test_bare_numbers():
    assert figures.bare_precision() == "2.7"  # 0.2 / (0.2 + 8 x 0.889)
    assert figures.broken_orders() == "7.1"
    assert figures.recall_without_bare() == "60"
    assert figures.recall_with_lookup() == "99.55"  # 1 - 0.4 x 0.01125
    assert figures.orders_at_target_millions() == 22  # 0.025 x 888.9 million
    assert figures.lookups_per_s() == "11"  # 150 x (0.002 + 0.08 x 0.889)


@pytest.mark.parametrize(
    ("tokens", "count"), [(1, 1), (512, 1), (513, 2), (960, 2), (961, 3), (2400, 6), (8000, 18), (24000, 54)]
)
def test_windows(tokens, count):
    """One, and one for each further 448 tokens begun."""
    assert figures.window_count(tokens) == count


def test_new_windows():
    """360, 1,200 and 3,600 new tokens in two pieces: 180 each, 600 each, 1,800 each."""
    assert [figures.new_windows(tokens) for tokens in (2400, 8000, 24000)] == [2, 4, 8]
    assert "| p95 | 8,000 | 18 | 4 |" in figures.window_table()


def test_the_assumed_lengths_have_the_settings_mean_and_percentiles():
    lengths = [figures.prompt_tokens((i + 0.5) / 10_000) for i in range(10_000)]
    assert sum(lengths) / len(lengths) == pytest.approx(2_400, rel=0.005)
    assert (figures.prompt_tokens(0.95), figures.prompt_tokens(0.99)) == (8_000, 24_000)


def test_load():
    """150/s times 5.73 windows against 800/s; 2.29 of them new; one window for each answer."""
    assert figures.mean_windows(new=False) == pytest.approx(5.73, abs=0.01)
    assert figures.mean_windows(new=True) == pytest.approx(2.29, abs=0.01)
    got = {what: figures.load(what) for what in ("all", "all %", "new", "new %", "new and answers %")}
    assert got == {"all": "860", "all %": "107", "new": "344", "new %": "43", "new and answers %": "62"}
    assert figures.load("new, one GPU %") == "86"
    assert figures.load("new and answers, one GPU %") == "124"


def test_a_cold_long_prompt():
    """54 windows are seven batches, four rounds on two GPUs."""
    assert figures.cold_ms() == 80


class TestQueue:
    def test_an_idle_service_takes_one_batch(self):
        assert figures.scan_ms(1, new=True, seconds=200) == pytest.approx(20, abs=1)

    def test_more_than_the_capacity_grows_without_end(self):
        assert figures.scan_ms(200, new=False, seconds=10) > 2 * figures.scan_ms(200, new=False, seconds=4)

    def test_at_the_peak(self):
        assert figures.scan_ms(150, new=True) < 60 < figures.scan_ms(150, new=True, gpus=1)
        assert figures.scan_ms(30, new=False) > 60

    def test_the_seed_decides_nothing(self):
        times = [figures.scan_ms(150, new=True, seed=seed, seconds=20) for seed in range(4)]
        assert max(times) - min(times) < 5


def test_the_latency_budget_adds_up():
    table = figures.budget_table()
    costs = [int(cost) for cost in re.findall(r"\| (\d+) \|$", table, re.MULTILINE)]
    assert sum(costs[:-1]) == costs[-1] <= 60


def test_holding():
    assert figures.characters_in_hold() == 36  # 60 tokens/s x 4 x 0.15 s
    assert figures.ms_for(254) == 1058  # 254 / 240 s
    assert figures.open_streams() == 875  # 150 x 350 / 60
    assert figures.streaming_ner_per_s() == "5,833"  # 150 x 350 / 9
    assert LONGEST_STAND_IN == 16
    assert "| Stand-in | 27 | 112 ms |" in figures.hold_table()
    assert 9 + CUE_AFTER + 1 <= 36, "a bare number, what decides it and the character behind fit into 150 ms"
    assert (
        "| SSN with separators | 17 | 71 ms |" in figures.hold_table()
    )  # 9 digits, twice " - ", 2 more; 17 / 240 s
    assert f"| Longest email | 254 | {1058} ms |" in figures.hold_table()


def test_the_hold_measured():
    assert figures.hold_ms(0.5) <= 60
    assert figures.hold_ms(0.95) <= 150
    assert 0 < float(figures.over_hold()) < 5
    delays = figures.hold_delays()
    assert len(delays) % 350 == 0, "each token of each answer is counted once"
    assert min(delays) >= 0


def test_prefix_cache_and_fallback():
    assert figures.prefill_per_s(stable=True) == "43,200"  # 60 x 2,400 x 0.3
    assert figures.prefill_per_s(stable=False) == "144,000"
    assert figures.prefill_ratio() == "3.3"
    assert figures.fallback_per_s() == "9.0"  # 150 x 0.6 x 0.1
    assert figures.fallback_per_s(cold=True) == "2.7"
    assert figures.fallback_places() == 58  # 9.0/s x (0.6 + 350 / 60) s = 57.9


def test_labels_needed():
    """With no miss Wilson's lower end is n / (n + z^2): 0.99 at n = 99 x 3.8415 = 380.3."""
    assert figures.labels_needed() == 381
    assert figures.messages_needed() == 76_200


def test_the_score_table_says_what_the_corpus_shows():
    rows = dict(re.findall(r"^\| ([^|]+) \| (\d+) \|", figures.score_table(), re.MULTILINE))
    labels = [span.kind for message in corpus.held_out(11, 1050) for span in message.spans]
    assert rows["Email"] == str(labels.count("EMAIL"))
    assert rows["SSN"] == str(labels.count("SSN"))
    assert rows["Card"] == str(labels.count("CARD"))
    assert rows["ITIN"] == str(labels.count("ITIN"))
    assert rows["Name"] == str(labels.count("NAME"))
    assert figures.errors().count("missed") == 4
    assert float(figures.name_recall("development")) - float(figures.name_recall("held out")) > 15
    assert f"| Name | {labels.count('NAME')} | {figures.name_recall('held out')[:1]}" in figures.score_table()
    of_ssns = {m.template for m in corpus.held_out(11, 1050) if any(s.kind == "SSN" for s in m.spans)}
    assert len(of_ssns) == 3, "the page says how many templates the SSNs come from"


def test_the_chart_says_what_its_title_says():
    rows = figures.scan_chart()["data"]["values"]
    at_peak = {row["scanned"]: row["p95 ms"] for row in rows if row["requests/s"] == 150}
    assert at_peak["new, two GPUs"] < 60 < at_peak["new, one GPU"]
    assert "all, two GPUs" not in at_peak
    assert all(row["p95 ms"] > 60 for row in rows if row["scanned"] == "all, two GPUs")


def test_reading_an_answer_takes_about_the_time_that_the_page_counts_with():
    """Processor time, best of three; ten times the figure leaves room for any machine."""
    text = " ".join(message.text for message in corpus.held_out(23, 40))[:1400]

    def read():
        stream = Stream([Emails(), Cards(), Ssns(lambda _: False)], trained())
        begin = time.process_time()
        for at in range(0, len(text), 4):
            stream.feed(text[at : at + 4])
        stream.close()
        return time.process_time() - begin

    assert 1000 * min(read() for _ in range(3)) < 10 * figures.STREAM_CPU_MS
    assert figures.stream_cores() == 8  # 150 x 0.05 = 7.5


def test_all_figures_together_are_quick():
    for cached in (
        figures._scores,
        figures.hold_delays,
        figures.scan_ms,
        figures.mean_windows,
        figures.possible_ssns,
    ):
        cached.cache_clear()
    begin = time.process_time()
    figures.score_table(), figures.errors(), figures.hold_ms(0.95), figures.scan_chart(), figures.load("all")
    assert time.process_time() - begin < 6


def test_review():
    assert figures.message_leak_percent() == "4.6"  # 0.3 x 0.1536
    assert figures.review_interval(1_000) == "3.5 to 6.1"  # 46 of 1,000 by Wilson: 0.0346 to 0.0608
    assert figures.unmeasured_per_s(0.10) == "9.0"
    assert figures.unmeasured_per_s(0.15) == "13.5"
