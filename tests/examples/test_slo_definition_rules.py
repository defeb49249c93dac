"""Question 1: the Prometheus rules, by promtool, and that they say what the Python arithmetic says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from examples.slo_definition import setting as s
from examples.slo_definition.budget import ALERTS, error_budget
from examples.slo_definition.figures import window
from examples.slo_definition.verdict import Verdict, promises
from tests.examples.test_slo_definition import JOB, STREAM
from tests.tools import promtool

RULES = Path(__file__).parents[2] / "examples" / "slo_definition" / "rules"
CASES = sorted((RULES / "tests").glob("*.yml"))
TARGETS = {
    "served": s.SERVED_TARGET,
    "first_token": s.FIRST_TOKEN_TARGET,
    "pace": s.PACE_TARGET,
    "deadline": s.DEADLINE_TARGET,
}


def run(*arguments: object, cwd: Path = RULES) -> subprocess.CompletedProcess[str]:
    command = [str(promtool()), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=240, check=False)


def rules_of(name: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((RULES / name).read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


BURN = [rule for rule in rules_of("alerts.yml") if rule.get("alert") == "LlmBudgetBurn"]


def test_promtool_accepts_the_rules():
    done = run("check", "rules", *sorted(RULES.glob("*.yml")))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_alerts_do_what_the_cases_say(case: Path):
    done = run("test", "rules", case)
    assert done.returncode == 0, done.stdout + done.stderr


# Each of these breaks the rules in one way, and names the file of cases that has to notice.
MUTANTS = [
    ("fast_burn", "alerts.yml", "slo_class:llm_bad:ratio_rate5m\n", "slo_class:llm_bad:ratio_rate1h\n"),
    ("fast_burn", "alerts.yml", "(14.4 *", "(144 *"),
    ("blip", "alerts.yml", "(14.4 *", "(1.44 *"),
    ("slow_burn", "alerts.yml", "(1 * slo", "(2 * slo"),
    ("tickets_only", "alerts.yml", '{slo=~"served|first_token"}', ""),
    ("missing_data", "recording.yml", "    or\n            0 * sum", "    unless\n            0 * sum"),
    ("missing_data", "recording.yml", ")) > 0)", ")))"),
    ("missing_data", "alerts.yml", ', class!="probe"})', "})"),
    ("missing_data", "alerts.yml", "offset 1h", "offset 6h"),
    ("probes", "alerts.yml", "expr: absent(sum(", "expr: (sum("),
    ("probes", "alerts.yml", "> 0.05)", "> 0.15)"),
    ("probes", "alerts.yml", "> 0.05)", ">= 0)"),
    ("probes", "alerts.yml", ', class!="probe"}[30m]', "}[30m]"),
    ("watched_rules", "alerts.yml", "absent(slo:llm_budget", "(slo:llm_budget"),
    ("low_traffic", "alerts.yml", ">= 10", ">= 0"),
    ("counters_and_classes", "recording.yml", "by (slo, class)", "by (slo)"),
    ("counters_and_classes", "recording.yml", "sum by", "avg by"),
    ("counters_and_classes", "recording.yml", "(rate(", "(deriv("),
    ("counters_and_classes", "alerts.yml", "> 0.1\n        labels", "> 0.5\n        labels"),
]


@pytest.mark.parametrize(("case", "file", "old", "new"), MUTANTS)
def test_a_broken_rule_is_noticed(tmp_path: Path, case: str, file: str, old: str, new: str):
    shutil.copytree(RULES, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new), encoding="utf-8")
    assert run("test", "rules", tmp_path / "tests" / f"{case}.yml", cwd=tmp_path).returncode != 0


class TestAgainstTheArithmetic:
    def test_the_budgets_are_the_targets(self):
        budgets = {
            rule["labels"]["slo"]: float(re.fullmatch(r"vector\((.+)\)", rule["expr"].split(" #")[0])[1])  # type: ignore[index]
            for rule in rules_of("objectives.yml")
        }
        assert budgets == pytest.approx({slo: error_budget(target) for slo, target in TARGETS.items()})

    def test_windows_factors_and_severities(self):
        assert len(BURN) == len(ALERTS)
        for rule, alert in zip(BURN, ALERTS, strict=True):
            long, short = window(alert.long_s), window(alert.short_s)
            assert re.findall(r"ratio_rate(\w+)", rule["expr"]) == [long, short]
            factors = {float(factor) for factor in re.findall(r"\(([\d.]+) \* slo:llm_budget", rule["expr"])}
            assert list(factors) == pytest.approx([alert.factor(s.PERIOD_S)])
            assert f"increase{long} >=" in rule["expr"]
            assert rule["labels"] == {"severity": alert.severity, "window": long}
            assert "for" not in rule

    def test_every_series_that_an_alert_reads_is_recorded_over_the_window_in_its_name(self):
        recorded = {rule["record"]: rule["expr"] for rule in rules_of("recording.yml")}
        read = {name for rule in BURN for name in re.findall(r"slo_class:[\w:]+", rule["expr"])}
        assert read == set(recorded)
        for name, expression in recorded.items():
            width = re.search(r"(?:ratio_rate|increase)(\w+)$", name)
            assert width
            assert set(re.findall(r"\[(\w+)\]", expression)) == {width[1]}

    def test_the_classifiers_words_are_the_rules_labels(self):
        assert {slo for end in (STREAM, JOB) for slo in promises(end)} == set(TARGETS)
        used = set(
            re.findall(
                r'verdict="(\w+)"', (RULES / "recording.yml").read_text() + (RULES / "alerts.yml").read_text()
            )
        )
        assert used <= set(Verdict)

    def test_no_alert_is_out_of_reach(self):
        for alert in ALERTS:
            reached = (
                TARGETS.values()
                if alert.severity == "ticket"
                else [TARGETS["served"], TARGETS["first_token"]]
            )
            assert all(alert.threshold(target, s.PERIOD_S) < 1 for target in reached)
