"""The page's figures against literal values, and its charts' words against their data."""

from __future__ import annotations

import inspect
import json
import math
import re
from pathlib import Path

import pytest

from examples.content_moderation import dataset, evaluate, figures

PAGE = Path(__file__).parents[2] / "docs/questions/technical/content-moderation.md"


class TestFigures:
    """Literal values, worked out by hand from the question's numbers."""

    @pytest.mark.parametrize(
        ("got", "expected"),
        [
            (lambda: figures.harmful_labels(), 626),
            # (760 + 1,290.8 + 269.2) / 2,760
            (lambda: figures.one_flags(), "84%"),
            (lambda: figures.calls_per_percent(), "102"),
            # Wilson for 30 of 15,000
            (lambda: figures.prevalence_interval(), "0.14% to 0.29%"),
            (lambda: figures.blocked("right", "small at 0.5, today"), "38,000"),
            (lambda: figures.blocked("wrong", "small at 0.5, today"), "199,600"),
            (lambda: figures.blocked("precision", "small at 0.5, today"), "16%"),
            (lambda: figures.blocked("appeals", "small at 0.5, today"), "9,504"),
            (lambda: figures.blocked("wrong", "guard on every prompt"), "39,920"),
            (lambda: figures.blocked("wrong", "small at 0.5, then guard"), "7,984"),
            (lambda: figures.blocked("right", "small at 0.5, then guard"), "37,240"),
            (lambda: figures.blocked("wrong", "small at 0.2, then guard"), "23,952"),
            (lambda: figures.multiplied_wrong(), "3,194"),
            (lambda: figures.multiplied_wrong(0.5), "399"),
            (lambda: figures.times_worse(), "7.5"),
            (lambda: figures.times_worse(0.5), "20.0"),
            (lambda: figures.worth("0.2 to 0.5", True), "12.4"),
            (lambda: figures.worth("0.5 up", True), "0.2"),
            (lambda: figures.reviews_left(), 2700),
            (lambda: figures.backlog(), "6,804"),
            # (37,240 + 7,984 + 0.0006 * 19,960,000 + 2,760) * 4%
            (lambda: figures.appeals_of_design(), "2,398"),
            (lambda: figures.budget("left"), "0.06%"),
            (lambda: figures.budget("left a day"), "11,976"),
            (lambda: figures.budget("checks"), "16"),
            (lambda: figures.budget("one check in all"), "0.08%"),
            (lambda: figures.budget("all checks"), "0.64%"),
            (lambda: figures.budget("all checks a day"), "127,744"),
            (lambda: figures.budget("in all"), "0.68%"),
            (lambda: figures.budget("each"), "0.00375%"),
            (lambda: figures.budget("guard may confirm"), "0.38%"),
            (lambda: figures.shown_tokens(), 50),
            (lambda: figures.guard_tokens(), "9.6"),
            (lambda: figures.hold_ms(), 200),
            # 600 prompts x 2 texts x 12 ms, and with 600 x 16 x 12 ms for answers
            (lambda: figures.prompt_cores(), "14.4"),
            (lambda: figures.all_cores(), "130"),
            (lambda: figures.answer_cores(), "115"),
            (lambda: round(figures.answer_calls(600), 1), 114.0),
            (lambda: figures.gpus_for(600 * 16), 160),
            (lambda: figures.gpus_for(60 * 16), 16),
            (lambda: figures.gpus_for(1200), 20),
            (lambda: figures.gpu_dollars(), "3,600"),
            (lambda: figures.other_recall_needed(), "92.1%"),
            (lambda: figures.recall_if(0.805), "91.8%"),
            # 0.9 * 93.1% + 0.1 * 89.9%
            (lambda: figures.recall_if(0.899), "92.8%"),
            # 0.9 * 0.04% + 0.1 * 0.2%, and what that leaves of 0.1%
            (lambda: figures.prompts_of_all(), "0.056%"),
            (lambda: figures.prompts_of_all("left"), "0.044%"),
            # (240.5 + 102) / 360
            (lambda: figures.used_with_a_percent_more(), "95%"),
            # (360 - 240.5) / 600
            (lambda: figures.spare_for_prompts(), "20%"),
            # 1.95996 ** 2 * 0.931 * 0.069 / 0.001 ** 2
            (lambda: figures.margin_labels(), "246,772"),
            # From 1.188% to 1.376% at 0.5 up: 0.00188 * ln(1.376 / 1.188), and next to nothing below
            (lambda: figures.drift_of_doubling(), "0.0003"),
            # The 99.9% point of chi-squared with 9 degrees of freedom is 27.88; times 1/100,000 + 1/10,000
            (lambda: figures.drift_alarm(), "0.0031"),
            (lambda: figures.attacked(), 300),
            # 0.999 ** 2,995 is the first below 5%
            (lambda: figures.benign_for(), "2,995"),
            (lambda: figures.random_harmful(), "1"),
            (lambda: figures.month_interval(), "79% to 98%"),
            (lambda: figures.random_labels(), 313_000),
            (lambda: figures.outage("wrong"), "5,389"),
            (lambda: figures.outage("usual"), "216"),
            (lambda: figures.outage("month"), "0.9%"),
            (lambda: figures.outage("stopped answers"), "16%"),
            (lambda: figures.outage("unavailable"), "11%"),
            (lambda: figures.passes_once(), "51%"),
            (lambda: figures.blocked_once(), "26%"),
            (lambda: figures.severe_wrong(), "388 right and 39,920 wrong"),
            # (2,700 - 2,398) / 19,960,000
            (lambda: figures.severe_room(), "0.0015%"),
            # 500 labels, 412 right: Wilson 78.8% to 85.5%; (1 - that) * 45,224 / 19,960,000
            (lambda: figures.precision_interval(), "0.033% to 0.048%"),
        ],
    )  # fmt: skip
    def test_by_hand(self, got, expected):
        assert got() == expected

    def test_labels_by_hand(self):
        """Neyman over the four strata of the small score and the refused texts, written out."""
        strata = [
            (45_224, 37_240, 0.069),
            (192_376, 760, 0.931),
            (1_398_800, 1_600, 0.931),
            (18_363_600, 400, 0.931),
        ]
        sd = sum(w * n * math.sqrt(h / n * (1 - h / n)) for n, h, w in strata)
        assert figures.design("score") == round((sd / (40_000 * 0.02 / 1.959964)) ** 2)
        assert 41_000 < figures.design("both") < 42_500

    def test_tables_say_what_the_setting_implies(self):
        assert (
            "| Small at 0.5, then guard | 93.1% | 37,240 | 7,984 (0.04%) | 82% | 1,809 | 7.1 | none |"
            in figures.rule_table()
        )
        assert (
            "| Guard on every prompt | 97.0% | 38,800 | 39,920 (0.20%) | 49% | 3,149 | 600.0 | wrong blocks, GPUs |"
            in figures.rule_table()
        )
        assert "| 25 | 35 | 15 | 16 | 114 | 115 |" in figures.window_table()
        assert "| **Sum** | 92.6 | 240.5 |" in figures.capacity_table()
        assert "| Share of 4 H100s | 39% | 100% |" in figures.capacity_table()
        assert "| Share of 5 H100s | 31% | 80% |" in figures.capacity_table()
        assert "| Share of 6 H100s | 26% | 67% |" in figures.capacity_table()
        assert "| 0.2 to 0.5 | yes | 1,291 | 15,968 | 12 |" in figures.cell_table()
        assert "| Guard on every prompt | 100.0% | 118 ms | 0 ms |" in figures.ttft_table()
        assert "| Random traffic | 313,000 (626 days) | 78,500 (157 days) |" in figures.label_table()

    def test_the_reports_tables_follow_the_report(self):
        report = json.loads(evaluate.FILE.read_text(encoding="utf-8"))
        recall, wrong = report["at"][1:]
        assert figures.of_report("recall").startswith(f"{recall * 100:.1f}%")
        there = recall * 0.002 / (recall * 0.002 + wrong * 0.998)
        assert figures.of_report("precision there") == f"{there * 100:.1f}%"
        assert figures.attack_table().count("\n") == 1 + len(evaluate.ATTACKS)
        assert figures.calibration_table().count("3,205") == 3
        assert figures.of_report("templates") == "10 and 23"
        severe = report["calibration"]["severe"]["bins"][-1]
        assert (
            f"| {severe[0]} | {severe[1] * 100:.0f}% | {severe[2] * 100:.0f}% |"
            in figures.calibration_table()
        )
        assert sum(n for n, _, _ in report["reliability"]["test"]) == 853 + 2352
        ten = report["costs"][0]
        assert (
            "| 10 | 0.97 | 0.90 | 45%, 47% (25% to 66%) | 0.0%, 4.8% (0.0% to 13.7%) | 0.55, 2.91 |"
            in figures.cost_table()
        )
        assert (figures.chosen_wrong("chosen"), figures.chosen_wrong("test")) == ("0.0%", "4.8%")
        assert (figures.top_bin("said"), figures.top_bin("was")) == ("97%", "78%")
        assert round(ten["costs"][1]) == 3
        assert ten["costs"][1] == pytest.approx(
            (0.002 * 10 * (1 - ten["test"][1]) + 0.998 * ten["test"][2]) / 0.02, abs=1e-3
        )
        # odds 1 to 10, times 591 to 953 (the split), over 2 to 998 (traffic)
        held = [row.category is not None for row in dataset.texts("calibration")]
        odds = 0.1 * (sum(held) / (len(held) - sum(held))) / (2 / 998)
        assert ten["formula"] == pytest.approx(odds / (1 + odds), abs=1e-4)

    def test_the_charts_descriptions_are_true(self):
        rows = figures.curve_chart()["data"]["values"]
        traffic = [row["precision"] for row in rows if row["place"].startswith("traffic")]
        there = [row["precision"] for row in rows if not row["place"].startswith("traffic")]
        assert round(max(traffic), 1) == 3.2
        assert round(min(traffic), 1) == 0.3
        assert (round(max(there)), round(min(there))) == (86, 35)
        drawn = figures.reliability_chart()
        new = [row for row in drawn["data"]["values"] if row["split"] == "new templates"]
        assert "a score of 97% is right 78% of the time" in drawn["title"]
        assert sum(row["was"] < row["said"] for row in new) >= 7
        assert len(new) == 10
        allowed = [
            row["rule"] for row in figures.rule_chart()["data"]["values"]
            if row["wrong"] <= 0.1 and row["recall"] >= 93 and row["kind"] == "as measured"
        ]  # fmt: skip
        assert allowed == ["small at 0.5, then guard"]

    def test_every_call_of_the_page_is_one_of_these_functions(self):
        page = PAGE.read_text(encoding="utf-8")
        called = set(re.findall(r'(?:computed|chart)\("(\w+)"', page))
        own = {
            name for name, of in inspect.getmembers(figures, inspect.isfunction)
            if of.__module__ == figures.__name__ and not name.startswith("_")
        }  # fmt: skip
        source = inspect.getsource(figures)
        assert called <= own
        assert not [name for name in own - called if len(re.findall(rf"\b{name}\b", source)) < 2]
