"""The plan's files hold together, and each way to break them is told with file, line, fault and mend."""

import math
import re
import shutil
import subprocess

import pytest
import yaml

from examples.incident_response import plan, routing, setting
from examples.incident_response.sources import PlanError
from tests.tools import amtool, promtool

FILES = ("severity.yml", "escalation.yml", "levers.yml", "alerts.yml")
AM = plan.FOLDER / "alertmanager.yml"
PLAN = plan.load()


@pytest.fixture
def broken(tmp_path):
    """A copy of the plan with one text replaced; returns what load says of it."""

    def change(file, old, new, count=1):
        for name in FILES:
            shutil.copy(plan.FOLDER / name, tmp_path / name)
        text = (tmp_path / file).read_text()
        assert old in text, f"{file} has no {old!r}"
        (tmp_path / file).write_text(text.replace(old, new, count))
        with pytest.raises(PlanError) as error:
            plan.load(tmp_path)
        return str(error.value)

    return change


BREAKS = [
    ("severity.yml", "path: owner-first", "path: nobody", r"severity.yml:\d+: sev2 has no path `nobody`; use one of"),
    ("severity.yml", "notice_min: 20", "notice_min: 45", r"sev1 gives notice after 45 min, promised are 30"),
    ("severity.yml", "notice_min: 20", "notice_min: 10", r"may reach its last responder 11 min after onset"),
    ("severity.yml", "notice_min: 25", "notice_min: null", r"sev2 pages but promises no notice"),
    ("severity.yml", "bad_share: 0.02", "bad_share: 0.25", r"bad_share from 0.25 is sev2, from 0.25 already sev1"),
    ("severity.yml", "wrong_share: 0, ", "wrong_share: 0.001, ", r"wrong_share under 0.001 has no severity"),
    ("severity.yml", "spend_ratio: 10, ", "", r"sev1 has no spend_ratio"),
    ("severity.yml", "acknowledge_min: 3", "acknowledge_min: 6", r"sev1 may wait longer than sev2"),
    ("severity.yml", "bad_share: 0.25", "bad_share: .nan", r"finite number"),
    ("severity.yml", "pages: true", 'pages: "yes"', r"severities.sev1.pages"),
    ("severity.yml", "    pages: true", "    pages: true\n    pager: x", r"Extra inputs are not permitted; remove it"),
    ("severity.yml", "  sev2:", "  sev1:", r"severity.yml:\d+: the key `sev1` stands twice; keep one"),
    ("severity.yml", "severities:", "severities: [", r"severity.yml:\d+:"),
    ("escalation.yml", "notify: [manager]}", "notify: [team-queue]}", r"`everyone` ends at no person"),
    ("escalation.yml", "notify: [manager]}", "notify: [director]}", r"`everyone` ends at nobody who is there at night"),
    ("escalation.yml", "notify: [manager]}", "notify: [managr]}", r"nobody is called `managr`"),
    ("escalation.yml", "notify: [manager]}", "notify: [support-desk]}", r"`everyone` counts on somebody twice"),
    ("escalation.yml", "{after_min: 5, notify: [manager]}", "{after_min: 0, notify: [manager]}", r"steps at \[0, 0\]"),
    ("escalation.yml", "{after_min: 5, notify: [manager]}", "{after_min: 25, notify: [manager]}", r"shorten the path"),
    ("escalation.yml", "serving-oncall: {person: true", "serving-oncall: {person: false", r"`shed-free` is pulled by `serving-oncall`, not on call"),
    ("escalation.yml", "also: [security-duty]", "also: [team-queue]", r"`team-queue` is no person to tell"),
    ("levers.yml", "pulled_by: serving-oncall", "pulled_by: director", r"`freeze-changes` is pulled by `director`, not on call"),
    ("levers.yml", "unasked: true", "unasked: false", r"needs a permission in the night; authorize it now, or drop it"),
    ("levers.yml", "check: no free request passes the edge; admitted attempts/s fall", 'check: ""', r"levers.shed-free.check"),
    ("levers.yml", "    undo: the previous step\n", "", r"levers.admit-step.undo.*Field required"),
    ("levers.yml", "to: us, scope: unpinned", "to: us, scope: all", r"`shift-eu-to-us` takes pinned traffic out of the EU"),
    ("levers.yml", "requests_per_s: 18", "requests_per_s: 24", r"`shift-us-to-eu` sends 24/s where 18.0/s fit at peak"),
    ("levers.yml", "requests_per_s: 15", "requests_per_s: 18", r"`use-fallback` sends 18/s where 17.5/s fit at peak"),
    ("levers.yml", "{from: us, to: eu", "{from: us, to: us", r"moves us to itself"),
    ("levers.yml", "own_over_demand: 1.0", "own_over_demand: 1.2", r"the levels begin at"),
    ("levers.yml", "own_over_demand: 0\n", "own_over_demand: 0.005\n", r"let them fall, and end at 0"),
    ("levers.yml", "[freeze-changes, cap-work]", "[freeze-changes, cap-works]", r"there is no lever `cap-works`"),
    ("levers.yml", "levers: [cap-tenant, freeze-changes]", "levers: [cap-key]", r"levers.yml:\d+: there is no lever `cap-key`"),
    ("alerts.yml", "severity: sev2, class: cost", "severity: critical, class: cost", r"SpendRunaway has severity `critical`"),
    ("alerts.yml", "severity: sev2, class: cost", "severity: sev2", r"SpendRunaway has class `None`"),
    ("alerts.yml", "class: data", "class: cost", r"no alert has the class `data`"),
    ("alerts.yml", "severity: sev1", "severity: sev2", r"no alert can raise sev1"),
    ("alerts.yml", "groups:", "rules:", r"alerts.yml:\d+: no `groups`"),
]  # fmt: skip


class TestBreaks:
    @pytest.mark.parametrize(("file", "old", "new", "fault"), BREAKS, ids=lambda value: str(value)[:30])
    def test_it_is_told(self, broken, file, old, new, fault):
        every = file == "alerts.yml" and old == "severity: sev1"
        said = broken(file, old, new, count=-1 if every else 1)
        assert re.search(fault, said), said
        assert all(re.match(r"[\w-]+\.yml(:\d+)?: .+; .+", line) for line in said.splitlines()), said

    def test_a_worse_level_that_does_less(self, broken):
        said = broken("levers.yml", "levers: [freeze-changes, cap-work, shed-free]", "levers: []")
        assert "`short` is worse and does nothing" in said

    def test_every_fault_is_told_at_once(self, tmp_path):
        for name in FILES:
            shutil.copy(plan.FOLDER / name, tmp_path / name)
        for name, old, new in (
            ("levers.yml", "unasked: true", "unasked: false"),
            ("severity.yml", "notice_min: 20", "notice_min: 45"),
        ):
            file = tmp_path / name
            file.write_text(file.read_text().replace(old, new, 1))
        with pytest.raises(PlanError) as error:
            plan.load(tmp_path)
        assert {fault.file for fault in error.value.faults} == {"levers.yml", "severity.yml"}

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(PlanError, match=r"severity.yml: cannot be read"):
            plan.load(tmp_path)

    def test_the_line_is_the_line(self, broken):
        said = broken("levers.yml", "requests_per_s: 18", "requests_per_s: 24")
        line = int(said.split(":")[1])
        assert "moves:" in (plan.FOLDER / "levers.yml").read_text().splitlines()[line - 1]


class TestClassify:
    @pytest.mark.parametrize(
        ("seen", "level"),
        [
            ({"bad_share": 0.25}, "sev1"),
            ({"bad_share": 0.2499}, "sev2"),
            ({"bad_share": 0.02}, "sev2"),
            ({"bad_share": 0.0199}, "sev3"),
            ({"bad_share": 0.002}, "sev3"),
            ({"bad_share": 0}, "sev4"),
            ({"foreign_data_reports": 1}, "sev1"),
            ({"foreign_data_reports": 0}, "sev4"),
            ({"bad_share": 0, "wrong_share": 0.05}, "sev1"),
            ({"bad_share": 0.02, "spend_ratio": 10}, "sev1"),
            ({}, "sev4"),
        ],
    )
    def test_the_worst_measure_decides_and_a_met_bound_counts(self, seen, level):
        assert plan.classify(PLAN.severities, seen) == level

    @pytest.mark.parametrize("seen", [{"bad": 1}, {"bad_share": -0.1}, {"bad_share": math.nan}])
    def test_what_cannot_be_is_refused(self, seen):
        with pytest.raises(ValueError, match="the matrix knows"):
            plan.classify(PLAN.severities, seen)

    def test_the_alerts_use_the_matrixs_bounds(self):
        text = (plan.FOLDER / "alerts.yml").read_text()
        bounds = PLAN.severities
        assert f"> {bounds['sev1'].at_least['bad_share']}" in text
        assert f"> {bounds['sev3'].at_least['bad_share'] * 1000:g} * 0.001" in text
        assert f"> {bounds['sev2'].at_least['spend_ratio']:g} * sum" in text

    def test_a_replicas_alerts_have_the_matrixs_severities(self):
        # Wrong for three or four of the five minutes, the drain's included.
        for minutes in (3, 4):
            harm = {"wrong_share": minutes / 5 / setting.REPLICAS}
            assert PLAN.alerts["WrongReplicaServed"]["severity"] == plan.classify(PLAN.severities, harm)
        assert PLAN.alerts["ReplicaWrong"]["severity"] == plan.classify(PLAN.severities, {"wrong_share": 0})


class TestLevels:
    def test_us_replicas_at_peak(self):
        names = [plan.level_of(PLAN.levels, plan.healthy_rps(n), 44).name for n in (10, 9, 8, 7, 6, 5, 1, 0)]
        assert names == ["normal", "normal", "tight", "short", "short", "deep", "deep", "lost"]

    def test_a_bound_belongs_to_the_better_level(self):
        assert plan.level_of(PLAN.levels, 110, 100).name == "normal"
        assert plan.level_of(PLAN.levels, 75, 100).name == "short"

    @pytest.mark.parametrize("state", [(10, 0), (-1, 10)])
    def test_no_such_state(self, state):
        with pytest.raises(ValueError, match="no such state"):
            plan.level_of(PLAN.levels, *state)

    def test_shedding_is_enough_down_to_its_level(self):
        short = next(level for level in PLAN.levels if level.name == "short")
        assert short.own_over_demand == 1 - setting.FREE_SHARE


def route(*labels):
    done = subprocess.run(
        [amtool(), "config", "routes", "test", f"--config.file={AM}", *labels],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


class TestAlertmanager:
    def test_amtool_accepts_the_file(self):
        done = subprocess.run(
            [amtool(), "check-config", str(AM)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.parametrize(
        ("labels", "receivers"),
        [
            ("severity=sev1 class=availability region=us", "page-everyone"),
            ("severity=sev1 class=quality", "page-everyone"),
            ("severity=sev2 class=cost", "page-serving"),
            ("severity=sev1 class=data", "page-security-privacy,page-everyone"),
            ("severity=sev2 class=data", "page-security-privacy,page-serving"),
            ("severity=sev2 class=safety", "page-security,page-serving"),
            ("severity=sev3 class=data", "ticket"),
            ("severity=sev4 class=availability scope=replica", "ticket"),
            ("severity=none class=meta alertname=Watchdog", "dead-mans-switch"),
            ("severity=Page", "page-platform"),
            ("severity=critical class=availability", "page-platform"),
            ("class=availability", "page-platform"),
        ],
    )
    def test_routes(self, labels, receivers):
        assert route(*labels.split()) == receivers

    def test_amtool_verifies_and_can_fail(self):
        command = [amtool(), "config", "routes", "test", f"--config.file={AM}", "--verify.receivers=ticket"]
        assert subprocess.run([*command, "severity=sev3"], capture_output=True, check=False).returncode == 0
        assert subprocess.run([*command, "severity=sev1"], capture_output=True, check=False).returncode == 1

    def test_every_alert_lands_where_its_severity_says(self):
        for name, labels in PLAN.alerts.items():
            reached = route(f"alertname={name}", *(f"{k}={v}" for k, v in labels.items())).split(",")
            assert reached == routing.receivers_of(
                yaml.safe_load(AM.read_text())["route"], {"alertname": name, **labels}
            )
            if labels["severity"] in PLAN.severities:
                pages = PLAN.severities[labels["severity"]].pages
                assert any(r.startswith("page-") for r in reached) == pages, name

    @pytest.mark.parametrize("text", ["receivers: []", "route: page", "route: {group_by: [a]}", "[]", ""])
    def test_a_file_without_a_tree_is_told(self, tmp_path, text):
        (tmp_path / "alertmanager.yml").write_text(text)
        with pytest.raises(PlanError, match="no route with a default receiver"):
            routing.check(tmp_path / "alertmanager.yml", PLAN.severities, PLAN.alerts)

    def test_our_checks_pass(self):
        assert routing.check(AM, PLAN.severities, PLAN.alerts) == []

    @pytest.mark.parametrize(
        ("old", "new", "fault"),
        [
            ("webhook_configs: [{url: 'http://127.0.0.1:9095/unrouted'}]", "webhook_configs: []", r"alertmanager.yml:\d+: the default receiver `page-platform` tells nobody"),
            ("- receiver: page-everyone\n      matchers: ['severity=\"sev1\"']", "- receiver: page-everyone\n      matchers: ['severity=\"page\"']", "no route knows sev1"),
            ("'severity=\"sev1\"']\n    - receiver: page-serving", "'severity=\"page\"']\n    - receiver: page-serving", r"waits for severity `page`"),
            ("- receiver: ticket", "- receiver: page-serving", "sev3 wakes somebody at `page-serving`"),
            ("- receiver: page-everyone", "- receiver: ticket", "sev1 pages nobody at `ticket`"),
            ('alertname="Watchdog"', 'alertname="Watchdogs"', "the Watchdog has no route"),
            ("http://127.0.0.1:9095/ticket'", "http://me:hunter2@127.0.0.1:9095/ticket'", "a password stands in"),
            ("[{url: 'http://127.0.0.1:9095/alive', send_resolved: false}]", "[]\n    pagerduty_configs: [{routing_key: 'abc'}]", "has a secret in `routing_key`"),
            ("'scope=\"replica\"', 'class=\"availability\"'", "'scope=~\".*\"'", "an outage would mute"),
        ],
        ids=range(9),
    )  # fmt: skip
    def test_what_check_config_lets_pass(self, tmp_path, old, new, fault):
        text = AM.read_text()
        assert old in text
        file = tmp_path / "alertmanager.yml"
        file.write_text(text.replace(old, new, 1))
        done = subprocess.run([amtool(), "check-config", str(file)], capture_output=True, check=False)
        assert done.returncode == 0, "amtool sees this one: the test proves nothing"
        faults = routing.check(file, PLAN.severities, PLAN.alerts)
        assert any(re.search(fault, str(found)) for found in faults), faults


RULES = yaml.safe_load(AM.read_text())["inhibit_rules"]
OUTAGE = {"alertname": "RegionSilent", "region": "us", **PLAN.alerts["RegionSilent"]}


class TestInhibition:
    def muted(self, name, region, firing=None):
        target = {"alertname": name, "region": region, **PLAN.alerts[name]}
        return routing.inhibited(RULES, target, [OUTAGE] if firing is None else firing)

    def test_an_outage_mutes_its_own_replicas_only(self):
        assert self.muted("ReplicaDown", "us")
        assert not self.muted("ReplicaDown", "eu")
        assert not self.muted("ReplicaDown", "us", firing=[])

    def test_it_mutes_the_quieter_burn_alerts_of_its_region(self):
        assert self.muted("BudgetBurnsFast", "us")
        assert not self.muted("BudgetBurnsFast", "eu")

    @pytest.mark.parametrize(
        "name",
        [n for n, a in PLAN.alerts.items() if a["class"] in ("quality", "safety", "data", "cost", "meta")],
    )
    def test_it_mutes_nothing_else(self, name):
        assert not self.muted(name, "us")

    def test_no_alert_mutes_itself(self):
        assert not self.muted("RegionSilent", "us")
        rule = {"source_matchers": ['a="1"'], "target_matchers": ['a=~"1|2"']}
        assert not routing.inhibited([rule], {"a": "1"}, [{"a": "1"}])
        assert not routing.inhibited([rule], {"a": "1", "b": "x"}, [{"a": "1", "b": "y"}])
        assert routing.inhibited([rule], {"a": "2"}, [{"a": "1"}])

    def test_a_label_missing_on_both_sides_counts_as_equal(self):
        source = {"severity": "sev1", "class": "availability"}
        target = {"scope": "replica", "class": "availability"}
        assert routing.inhibited(RULES, target, [source])

    def test_so_every_alert_that_can_be_muted_carries_its_region(self):
        rules = yaml.safe_load((plan.FOLDER / "alerts.yml").read_text())["groups"]
        for rule in (
            r for group in rules for r in group["rules"] if (r.get("labels") or {}).get("scope") == "replica"
        ):
            # `up` carries region and replica from the scrape; an aggregation has to keep them.
            assert "region" in rule["expr"] or rule["expr"].startswith("up{")


class TestMatchers:
    @pytest.mark.parametrize(
        ("matcher", "labels", "held"),
        [
            ('a="b"', {"a": "b"}, True), ('a="b"', {}, False), ('a!="b"', {}, True), ('a=""', {}, True),
            ('a=~"b|c"', {"a": "c"}, True), ('a=~"b"', {"a": "bb"}, False), ('a!~"b|c"', {"a": "d"}, True),
            ('a!~"b.*"', {"a": "bx"}, False),
        ],
    )  # fmt: skip
    def test_it_holds(self, matcher, labels, held):
        assert routing.matches([matcher], labels) is held

    def test_no_matcher(self):
        with pytest.raises(ValueError, match="no matcher"):
            routing.matches(["what"], {})


class TestAlerts:
    def test_promtool_accepts_the_rules(self):
        done = subprocess.run(
            [promtool(), "check", "rules", "alerts.yml"],
            cwd=plan.FOLDER,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.parametrize("file", ["alerts_test.yml", "alerts_week_test.yml"])
    def test_promtools_unit_tests(self, file):
        done = subprocess.run(
            [promtool(), "test", "rules", file],
            cwd=plan.FOLDER, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
