"""Question 13: the files that would be deployed, each by the tool or the model that would consume it."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from dataclasses import fields
from math import inf
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from examples.observability_stack import collector, dashboard, figures, inventory
from examples.observability_stack import setting as s
from examples.observability_stack.signals import TPOT_BUCKETS, TTFT_BUCKETS, Metrics
from examples.observability_stack.stream import Closing
from tests.tools import amtool, promtool

PACKAGE = Path(__file__).parents[2] / "examples" / "observability_stack"
RULES = PACKAGE / "rules"
CASES = sorted((RULES / "tests").glob("*.yml"))
COLLECTORS = sorted((PACKAGE / "collector").glob("*.yml"))


def run(*arguments: object, cwd: Path = PACKAGE) -> subprocess.CompletedProcess[str]:
    command = [str(promtool()), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=240, check=False)


def rules() -> list[dict[str, Any]]:
    return [
        rule
        for file in sorted(RULES.glob("*.yml"))
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]


# --- Rules --------------------------------------------------------------------------------------------------------


def test_prometheus_accepts_its_configuration_and_the_rules():
    done = run("check", "config", "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_alerts_do_what_the_cases_say(case: Path):
    done = run("test", "rules", case.name, cwd=case.parent)
    assert done.returncode == 0, done.stdout + done.stderr


# Each of these breaks the rules in one way, and names the cases that have to notice.
MUTANTS = [
    ("incident_one", "recording.yml", 'outcome="broken"}[2m]', 'outcome="client_gone"}[2m]'),
    ("incident_two", "recording.yml", 'tenant!="other"', 'tenant!="none"'),
    (
        "incident_two",
        "alerts.yml",
        ") >= 60",
        ") >= 1",
    ),
    ("incident_three", "quality.yml", "mean1h offset 1d", "mean1h offset 1m"),
    ("quiet", "alerts.yml", ") >= 20", ") >= 1"),
    ("quiet", "alerts.yml", "[1h])) >= 10", "[1h])) >= 1"),
    ("contracts", "alerts.yml", "contract:budget\n", "page:limit\n"),
    ("contracts", "alerts.yml", "[1d])) >= 10", "[1d])) >= 1"),
    ("contracts", "alerts.yml", "3 * tenant_promise:contract:budget", "300 * tenant_promise:contract:budget"),
    ("silent", "alerts.yml", " or vector(0)", ""),
    ("silent", "alerts.yml", ' or absent(up{job="collectors"} == 1)', ""),
    ("silent", "alerts.yml", "send_failed_log_records", "sent_log_records"),
    ("silent", "alerts.yml", "send_failed_spans", "sent_spans"),
    ("silent", "alerts.yml", "enqueue_failed_log_records", "sent_log_records"),
    ("silent", "alerts.yml", "enqueue_failed_spans", "sent_spans"),
    ("slow", "alerts.yml", "changes(DCGM_FI_DEV_XID_ERRORS[10m]) > 0", "DCGM_FI_DEV_XID_ERRORS > 0"),
]


@pytest.mark.parametrize(("case", "file", "old", "new"), MUTANTS, ids=lambda value: value[:12])
def test_the_cases_notice_a_broken_rule(tmp_path: Path, case: str, file: str, old: str, new: str):
    shutil.copytree(RULES, tmp_path / "rules")
    broken = tmp_path / "rules" / file
    text = broken.read_text(encoding="utf-8")
    assert old in text
    broken.write_text(text.replace(old, new), encoding="utf-8")
    done = run("test", "rules", f"{case}.yml", cwd=tmp_path / "rules" / "tests")
    assert done.returncode != 0


def test_no_page_draws_on_a_gpu_or_an_engine():
    pages = [rule["expr"] for rule in rules() if rule.get("labels", {}).get("severity") == "page"]
    assert len(pages) == 7
    assert not [page for page in pages if "DCGM" in page or "vllm" in page]
    assert not [rule for rule in rules() if "DCGM_FI_DEV_GPU_UTIL" in rule["expr"]]


def test_the_rules_compare_with_the_objectives_of_the_setting():
    text = "\n".join(file.read_text(encoding="utf-8") for file in RULES.glob("*.yml"))
    assert set(re.findall(r'llm_ttft_seconds_bucket\{prompt="short", le="([\d.]+)"', text)) == {"1.0"}
    assert set(re.findall(r'llm_tpot_seconds_bucket\{le="([\d.]+)"', text)) == {"0.05"}
    assert (s.TTFT_LIMIT_S, s.TPOT_LIMIT_S) == (1.0, 0.05)
    assert 1.0 in TTFT_BUCKETS
    assert 0.05 in TPOT_BUCKETS
    assert set(re.findall(r"ratio_rate1h > ([\d.]+) \* ([\d.]+)", text)) == {("14.4", "0.001")}


def test_the_page_and_the_rules_name_the_same_limits_and_windows():
    """`detect_minutes` is told the rules' numbers; here is where they stand."""
    by_name = {rule.get("alert"): rule for rule in rules()}
    assert "ratio_rate2m > 0.05" in by_name["StreamsBreaking"]["expr"]
    assert "ratio_rate3m" in by_name["TenantPromiseMissed"]["expr"]
    assert "1.3 * model:output_tokens:mean1h offset 1d" in by_name["AnswersLonger"]["expr"]
    assert "mean3m" in by_name["AnswersLonger"]["expr"]
    for name in ("StreamsBreaking", "TenantPromiseMissed", "AnswersLonger"):
        assert by_name[name]["for"] == f"{figures.FOR_S // 60}m"
    groups = [
        group
        for file in sorted(RULES.glob("*.yml"))
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    ]
    behind = {"promises", "pages", "quality", "quality-alerts"}
    assert {group["interval"] for group in groups if group["name"] in behind} == {"15s"}
    route = yaml.safe_load((PACKAGE / "alertmanager.yml").read_text(encoding="utf-8"))["route"]
    assert route["group_wait"] == "10s"
    assert figures.DELAY_S == 3 * 15 + 10, "scrape, recording rule, alert; then Alertmanager's wait"
    limits = {
        rule["labels"]["promise"]: rule["expr"]
        for rule in rules()
        if rule.get("record") == "tenant_promise:page:limit"
    }
    assert limits["ttft_5s"] == "vector(0.05)"
    budgets = {
        rule["labels"]["promise"]: float(rule["expr"][len("vector(") : -1])
        for rule in rules()
        if rule.get("record") == "tenant_promise:contract:budget"
    }
    targets = {"complete": s.COMPLETE_TARGET, "ttft": s.TTFT_TARGET, "tpot": s.TPOT_TARGET}
    assert budgets == {promise: pytest.approx(1 - target) for promise, target in targets.items()}


def test_the_scrape_limit_leaves_room_above_the_inventory():
    [gateway] = [
        job
        for job in yaml.safe_load((PACKAGE / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
        if job["job_name"] == "gateway"
    ]
    assert 1.5 * inventory.a_pod() < gateway["sample_limit"] < 3 * inventory.a_pod()
    assert gateway["sample_limit"] == figures.SAMPLE_LIMIT
    [rule] = [rule for rule in rules() if rule.get("alert") == "ScrapeNearLimit"]
    assert f"> 0.7 * {figures.SAMPLE_LIMIT}" in rule["expr"]
    assert inventory.a_pod() < 0.6 * figures.SAMPLE_LIMIT, "silent at two versions a model"


# --- Alertmanager -------------------------------------------------------------------------------------------------

ALERTMANAGER = PACKAGE / "alertmanager.yml"


def test_amtool_accepts_the_routes():
    done = subprocess.run(
        [amtool(), "check-config", str(ALERTMANAGER)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "rule", [rule for rule in rules() if "alert" in rule], ids=lambda rule: rule["alert"]
)
def test_every_alert_goes_where_its_severity_says(rule: dict[str, Any]):
    labels = [f"{key}={value}" for key, value in {"alertname": rule["alert"], **rule["labels"]}.items()]
    done = subprocess.run(
        [amtool(), "config", "routes", "test", f"--config.file={ALERTMANAGER}", *labels],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    expected = {"page": "page", "ticket": "ticket", "none": "outside-watch"}[rule["labels"]["severity"]]
    assert done.stdout.strip() == expected, done.stdout + done.stderr


def inhibited(target: dict[str, str], firing: dict[str, str]) -> bool:
    """As Alertmanager does it, for the matchers `=` and `!=` that the file uses."""

    def fits(labels: dict[str, str], matchers: list[str]) -> bool:
        parts = [re.fullmatch(r'(\w+)(!?=)"(.*)"', each).groups() for each in matchers]  # type: ignore[union-attr]
        return all((labels.get(name, "") == value) == (operator == "=") for name, operator, value in parts)

    return any(
        fits(firing, rule["source_matchers"])
        and fits(target, rule["target_matchers"])
        and all(firing.get(name, "") == target.get(name, "") for name in rule["equal"])
        for rule in yaml.safe_load(ALERTMANAGER.read_text(encoding="utf-8"))["inhibit_rules"]
    )


def test_a_models_page_stands_for_those_of_its_tenants_and_for_nothing_else():
    here = {"region": "eu", "severity": "page"}
    breaking = here | {"alertname": "StreamsBreaking", "model": "m3", "promise": "complete"}
    slow = here | {"alertname": "FirstTokensSlow", "model": "m3", "promise": "ttft"}
    tenant = here | {"alertname": "TenantPromiseMissed", "tenant": "t17"}
    burn = here | {"alertname": "BudgetBurns", "model": "m3", "promise": "complete"}
    assert inhibited(tenant | {"promise": "complete"}, breaking)
    assert inhibited(tenant | {"promise": "ttft_5s"}, slow)
    assert inhibited(burn, breaking)
    assert not inhibited(burn | {"model": "m4"}, breaking)
    assert not inhibited(tenant | {"promise": "ttft_5s"}, breaking), "another promise is another fault"
    assert not inhibited(tenant | {"promise": "complete", "region": "us"}, breaking)
    assert not inhibited(slow, tenant | {"promise": "ttft"})
    assert not inhibited(tenant | {"promise": "ttft"}, tenant | {"promise": "ttft", "tenant": "t18"})


# --- Dashboard ----------------------------------------------------------------------------------------------------

# Exported by others: vLLM 0.1x and later, dcgm-exporter 4, the collector itself (without `_total`, its default), Prometheus.
EXTERNAL = {
    "up",
    "prometheus_tsdb_head_series",
    "scrape_samples_scraped",
    "otelcol_exporter_sent_log_records",
    "otelcol_exporter_send_failed_log_records",
    "otelcol_exporter_send_failed_spans",
    "otelcol_exporter_enqueue_failed_log_records",
    "otelcol_exporter_enqueue_failed_spans",
    "otelcol_exporter_queue_size",
    "otelcol_exporter_queue_capacity",
    "otelcol_processor_tail_sampling_sampling_trace_dropped_too_early",
    "vllm:num_requests_waiting",
    "vllm:kv_cache_usage_perc",
    "vllm:num_preemptions_total",
    "vllm:time_to_first_token_seconds_sum",
    "vllm:time_to_first_token_seconds_count",
    "vllm:prefix_cache_hits_total",
    "vllm:prefix_cache_queries_total",
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
    "DCGM_FI_PROF_DRAM_ACTIVE",
    "DCGM_FI_DEV_XID_ERRORS",
    "DCGM_FI_DEV_ROW_REMAP_FAILURE",
}
WORDS = {"sum", "avg", "max", "by", "on", "group_left", "and", "or", "unless", "offset", "le"}


def names_in(expression: str) -> set[str]:
    """Metric names in a PromQL expression that promtool has parsed: words that are no function, label or keyword."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"", "", expression)
    bare = re.sub(r"\b(by|on|group_left)\s*\([^)]*\)", "", bare)
    bare = re.sub(r"\boffset\s+\w+", "", bare)
    return {word for word in re.findall(r"(?<![\w.])[a-zA-Z_][\w:]*(?!\w|\s*\()", bare) if word not in WORDS}


def exported() -> set[str]:
    """What the miniature's gateway exports."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    names = set()
    for each in vars(metrics).values():
        name = each._name
        names |= {
            "counter": {f"{name}_total"},
            "gauge": {name},
            "histogram": {f"{name}_bucket", f"{name}_sum", f"{name}_count"},
        }[each._type]
    return names


def dashboards_expressions() -> list[str]:
    board = dashboard.build()
    return [
        *(target["expr"] for panel in board["panels"] for target in panel.get("targets", [])),
        *(each["expr"] for each in board["annotations"]["list"]),
    ]


def test_the_dashboard_is_the_one_that_its_code_builds():
    assert dashboard.FILE.read_text(encoding="utf-8") == dashboard.text(), (
        "run: python -m examples.observability_stack.dashboard"
    )


def test_promtool_parses_every_expression_of_the_dashboard(tmp_path: Path):
    expressions = dashboards_expressions()
    assert len(expressions) >= 20
    file = tmp_path / "panels.yml"
    group = {
        "name": "panels",
        "rules": [{"record": f"panel:{n}", "expr": e} for n, e in enumerate(expressions)],
    }
    file.write_text(yaml.safe_dump({"groups": [group]}), encoding="utf-8")
    done = run("check", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(expressions)} rules found" in done.stdout


def test_dashboard_and_rules_refer_only_to_metrics_that_exist():
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    known = exported() | recorded | EXTERNAL
    for expression in (*dashboards_expressions(), *(rule["expr"] for rule in rules())):
        assert names_in(expression) <= known, expression
    assert names_in('rate(gone_total{a="b"}[5m]) / up') == {"gone_total", "up"}
    expressions = [*dashboards_expressions(), *(rule["expr"] for rule in rules())]
    assert set().union(*map(names_in, expressions)) >= EXTERNAL, "a name that nothing uses"


def test_a_panel_with_exemplars_asks_for_series_that_carry_them():
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    targets = [target for panel in dashboard.build()["panels"] for target in panel.get("targets", [])]
    shown = [target["expr"] for target in targets if target["exemplar"]]
    assert [each for each in shown if "llm_streams_total" in each]
    assert [each for each in shown if "llm_ttft_seconds_bucket" in each]
    assert not [each for each in shown if names_in(each) & recorded], "a recorded series has no exemplars"


def test_panels_have_places_of_their_own_and_a_legend_each():
    panels = dashboard.build()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) <= 23
    assert all(target["legendFormat"] for panel in panels for target in panel.get("targets", []))
    assert json.loads(dashboard.FILE.read_text(encoding="utf-8"))["uid"] == "llm-serving"


# --- Collector ----------------------------------------------------------------------------------------------------


def parsed(name: str) -> dict[str, Any]:
    return yaml.safe_load((PACKAGE / "collector" / name).read_text(encoding="utf-8"))


def faults_of(raw: dict[str, Any]) -> list[str]:
    return collector.faults(collector.Config.model_validate(raw))


@pytest.mark.parametrize("file", COLLECTORS, ids=lambda path: path.stem)
def test_the_model_finds_no_fault_in_the_collectors(file: Path):
    assert collector.faults(collector.load(file)) == []


@pytest.mark.parametrize("file", COLLECTORS, ids=lambda path: path.stem)
def test_the_collector_itself_accepts_its_configuration(file: Path):
    binary = shutil.which("otelcol-contrib") or shutil.which("otelcol")
    if not binary:
        pytest.skip("no registry that CI may use carries otelcol-contrib: run this where it is on PATH")
    done = subprocess.run(
        [binary, "validate", f"--config={file}"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_allow_list_names_what_the_gateway_writes_and_no_text():
    config = collector.load(PACKAGE / "collector" / "agent.yml")
    service = {"error.type", "http.route", "http.response.status_code"}
    assert collector.kept_keys(config, "log") == {
        "event.name",
        *(each.name for each in fields(Closing)),
        *service,
    }
    spans = collector.kept_keys(config, "span")
    assert {"stream.keep", "stream.outcome", "gen_ai.usage.output_tokens"} <= spans
    everything = spans | collector.kept_keys(config, "log") | collector.kept_keys(config, "spanevent")
    assert not [
        key
        for key in everything
        if re.search(r"message(?!s?_)|prompt|instructions|content|stacktrace|body", key)
    ]


def test_a_record_that_is_sent_twice_is_one_document():
    config = collector.load(PACKAGE / "collector" / "agent.yml")
    statements = config.processors["transform/allow"].log_statements[2].statements
    named = 'set(log.attributes["elasticsearch.document_id"], log.attributes["trace_id"])'
    assert f'{named} where log.attributes["trace_id"] != nil' in statements, (
        "no field of nothing where there is no id"
    )
    assert config.exporters["elasticsearch/closing"].logs_dynamic_id.enabled
    assert not config.exporters["elasticsearch/service"].logs_dynamic_id.enabled, "many lines share a trace"


def test_the_sampler_keeps_by_the_attribute_that_the_gateway_sets():
    config = collector.load(PACKAGE / "collector" / "sampler.yml")
    promised = config.processors["tail_sampling"].policies[0].boolean_attribute
    assert promised.key in collector.kept_keys(collector.load(PACKAGE / "collector" / "agent.yml"), "span")
    assert promised.value is True


def test_the_queues_are_those_that_the_page_computes_with():
    agent, sampler = (collector.load(PACKAGE / "collector" / name) for name in ("agent.yml", "sampler.yml"))
    assert {
        "service": agent.exporters["elasticsearch/service"].sending_queue.queue_size,
        "closing": agent.exporters["elasticsearch/closing"].sending_queue.queue_size,
        "traces": sampler.exporters["otlp_grpc/jaeger"].sending_queue.queue_size,
    } == figures.QUEUE_BYTES


def test_the_retries_last_as_long_as_the_jitter_leaves_them():
    retry = collector.ElasticsearchRetry(max_retries=12, initial_interval="1s", max_interval="5m")
    assert retry.lasts_s() == 0, "by default it is tried again after a 429 only"
    able = retry.model_copy(update={"retry_on_status": [429, 503]})
    assert able.lasts_s() == (1 + 2 + 4 + 8 + 16 + 32 + 64 + 128 + 256 + 3 * 300) / 2
    assert able.model_copy(update={"enabled": False}).lasts_s() == 0
    assert collector.RetryOnFailure().lasts_s() == 300
    assert collector.RetryOnFailure(max_elapsed_time="0s").lasts_s() == inf
    assert collector.RetryOnFailure(enabled=False, max_elapsed_time="0s").lasts_s() == 0


def test_the_records_retries_outlast_the_largest_queue_by_little():
    """So the comment beside them says: at least 4.7 hours, where the queue has 4.6."""
    exporter = collector.load(PACKAGE / "collector" / "agent.yml").exporters["elasticsearch/closing"]
    assert exporter.lasts_s() / 3_600 == pytest.approx(4.7, abs=0.05)
    queue = exporter.sending_queue
    assert inventory.fills_in_s("closing", queue.queue_size) == pytest.approx(16_667, abs=1)


def test_the_sampler_is_fed_by_trace_id_alone():
    agent = collector.load(PACKAGE / "collector" / "agent.yml")
    assert agent.exporters["loadbalancing"].routing_key == "traceID"
    assert agent.exporters["loadbalancing"].resolver.k8s.service.startswith("sampler.")


def change(raw: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one value set, or removed if it is None."""
    changed = copy.deepcopy(raw)
    *way, last = path.split(">")
    place: Any = changed
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return changed


@pytest.mark.parametrize(
    ("file", "path", "value", "fault"),
    [
        (
            "agent.yml",
            "service>pipelines>traces>processors",
            ["transform/allow", "memory_limiter"],
            "not first",
        ),
        ("agent.yml", "service>pipelines>logs/closing>processors", ["memory_limiter"], "allow-list"),
        ("agent.yml", "processors>transform/allow>error_mode", "ignore", "lets the text pass"),
        ("agent.yml", "exporters>elasticsearch/closing>sending_queue>storage", None, "lost when"),
        ("agent.yml", "service>extensions", ["health_check"], "is not started"),
        ("agent.yml", "exporters>elasticsearch/closing>retry", None, "gives up before its queue is full"),
        ("agent.yml", "exporters>elasticsearch/closing>retry>max_retries", 30, "gives up before"),
        ("agent.yml", "exporters>elasticsearch/service>retry>retry_on_status", [429], "gives up before"),
        (
            "agent.yml",
            "exporters>elasticsearch/service>sending_queue>block_on_overflow",
            None,
            "holds senders",
        ),
        ("sampler.yml", "exporters>otlp_grpc/jaeger>retry_on_failure", None, "gives up before"),
        ("sampler.yml", "exporters>otlp_grpc/jaeger>sending_queue>block_on_overflow", True, "holds senders"),
        (
            "agent.yml",
            "service>pipelines>logs/closing>exporters",
            ["elasticsearch/service"],
            "defined and not used",
        ),
        ("agent.yml", "service>pipelines>traces>exporters", ["otlp_grpc/x"], "used and not defined"),
        (
            "agent.yml",
            "processors>transform/allow>log_statements>2>statements",
            ['keep_keys(log.attributes, ["event.name"])', 'set(log.body, log.attributes["event.name"])'],
            "keeps its body",
        ),
        ("agent.yml", "service>telemetry", None, "localhost only"),
        (
            "sampler.yml",
            "service>telemetry>metrics>readers>0>pull>exporter>prometheus>host",
            "localhost",
            "localhost only",
        ),
        ("sampler.yml", "processors>tail_sampling>decision_wait", "30s", "before the longest stream"),
        ("sampler.yml", "processors>tail_sampling>num_traces", 50_000, "evicts"),
        ("sampler.yml", "processors>tail_sampling>num_traces", None, "evicts"),
    ],
)
def test_a_pipeline_that_would_leak_or_lose_is_found(file: str, path: str, value: Any, fault: str):
    found = faults_of(change(parsed(file), path, value))
    assert [each for each in found if fault in each], found


def test_an_allow_list_that_forgets_the_events_of_spans_is_found():
    raw = parsed("agent.yml")
    del raw["processors"]["transform/allow"]["trace_statements"][3]
    assert faults_of(raw) == [
        "transform: no keep_keys for spanevent",
        "transform: spanevent.name may carry text",
    ]


@pytest.mark.parametrize(
    ("statements", "group", "field"),
    [
        ("trace_statements", "span", "span.name"),
        ("trace_statements", "span", "span.status.message"),
        ("trace_statements", "span", "span.trace_state"),
        ("trace_statements", "span", "span.links"),
        ("trace_statements", "spanevent", "spanevent.name"),
        ("log_statements", "log", "log.severity_text"),
        ("log_statements", "log", "log.event_name"),
    ],
)
def test_an_allow_list_for_attributes_alone_is_found(statements: str, group: str, field: str):
    raw = parsed("agent.yml")
    [listed] = [each for each in raw["processors"]["transform/allow"][statements] if each["context"] == group]
    listed["statements"] = [each for each in listed["statements"] if not each.startswith(f"set({field},")]
    assert faults_of(raw) == [f"transform: {field} may carry text"]


def test_scopes_lose_their_attributes_in_traces_and_in_logs():
    for statements in ("trace_statements", "log_statements"):
        raw = parsed("agent.yml")
        groups = raw["processors"]["transform/allow"][statements]
        groups[:] = [each for each in groups if each["context"] != "scope"]
        assert faults_of(raw) == [f"transform: no keep_keys for scope in {statements}"]


@pytest.mark.parametrize(
    ("file", "path", "value"),
    [
        ("agent.yml", "processors>memory_limiter>limit_percent", 75),
        ("agent.yml", "processors>memory_limiter>spike_limit_percentage", 80),
        ("agent.yml", "exporters>loadbalancing>routing_key", "tenant"),
        ("agent.yml", "exporters>elasticsearch/service>retry_on_failure", {"max_elapsed_time": "0s"}),
        ("agent.yml", "exporters>elasticsearch/service>retry>max_requests", 120),
        ("agent.yml", "processors>transform/allow>trace_statements>2>context", "spanevent"),
        ("agent.yml", "receivers>otpl", {}),
        ("agent.yml", "receivers>otlp>protocols>grpc>tls", None),
        ("agent.yml", "exporters>loadbalancing>protocol>otlp>tls>cert_file", None),
        ("sampler.yml", "processors>tail_sampling>decision_wait", "615"),
        ("sampler.yml", "processors>tail_sampling>policies>0>type", "status_code"),
        (
            "sampler.yml",
            "service>pipelines>trace",
            {"receivers": ["otlp"], "exporters": ["otlp_grpc/jaeger"]},
        ),
    ],
)
def test_a_misspelled_or_mistaken_setting_does_not_parse(file: str, path: str, value: Any):
    with pytest.raises(ValidationError):
        collector.Config.model_validate(change(parsed(file), path, value))


def test_batching_before_sampling_is_found():
    config = collector.load(PACKAGE / "collector" / "sampler.yml")
    pipeline = config.service.pipelines["traces"]
    wrong = pipeline.model_copy(update={"processors": ["memory_limiter", "batch", "tail_sampling"]})
    service = config.service.model_copy(update={"pipelines": {"traces": wrong}})
    assert "traces: batched before it is sampled" in collector.faults(
        config.model_copy(update={"service": service})
    )
