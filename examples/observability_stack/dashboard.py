"""The dashboard as code: `python -m examples.observability_stack.dashboard` writes dashboard.json, Grafana's classic model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "dashboard.json"
WIDTH, HEIGHT, ACROSS = 8, 8, 3
METRICS = {"type": "prometheus", "uid": "${metrics}"}


@dataclass(frozen=True)
class Panel:
    """One graph: a question somebody decides by, and the expressions that answer it, each with its legend."""

    title: str
    unit: str
    queries: dict[str, str]
    limit: float | None = None
    exemplars: bool = False


MODEL, ENGINE = "{{model}}", "{{model_name}}"


def quantile(share: float, histogram: str) -> str:
    """Of all pods together: buckets are added first. The mean of the pods' quantiles is no quantile."""
    return (
        f'histogram_quantile({share}, sum by (model, le) (rate({histogram}_bucket{{model=~"$model"}}[5m])))'
    )


def mean(histogram: str) -> str:
    return f"sum(rate({histogram}_sum[5m])) / sum(rate({histogram}_count[5m]))"


def broken_share() -> str:
    def streams(which: str) -> str:
        return f"sum by (model) (rate(llm_streams_total{{{which}}}[5m]))"

    return streams('outcome="broken"') + " / " + streams('outcome!="client_gone"')


def month(kept: str) -> str:
    return f'sum by (tenant, promise) (tenant_promise_kept:streams:increase30d{{kept=~"{kept}"}})'


def per_engine(metric: str) -> str:
    return f"sum by (model_name) (rate({metric}[5m]))"


# --8<-- [start:rows]
ROWS: dict[str, tuple[Panel, ...]] = {
    "Are promises kept?": (
        # Not the recorded ratio: exemplars hang on the counter that they were scraped with.
        Panel("Broken", "percentunit", {broken_share(): MODEL}, 0.0144, exemplars=True),
        Panel("First token over 1 s", "percentunit", {"model:ttft_slow:ratio_rate10m": MODEL}, 0.30),
        Panel("Over 50 ms a token", "percentunit", {"model:tpot_slow:ratio_rate10m": MODEL}, 0.30),
    ),
    "Whom does it hurt?": (
        Panel(
            "Tenants missing most",
            "percentunit",
            {"topk(10, tenant_promise:missed:ratio_rate3m)": "{{tenant}} {{promise}}"},
        ),
        Panel("TTFT, p95", "s", {quantile(0.95, "llm_ttft_seconds"): MODEL}, 1.0, exemplars=True),
        Panel("Clients that left", "percentunit", {"model:client_gone:ratio_rate30m": MODEL}),
    ),
    "Did the answers change?": (
        Panel(
            "Mean answer, by version",
            "short",
            {"model_version:output_tokens:mean3m": "{{model}} {{version}}"},
        ),
        Panel("Cut by a token limit", "percentunit", {"model:finish_length:ratio_rate1h": MODEL}),
        Panel("Longest gap, p99", "s", {quantile(0.99, "llm_longest_gap_seconds"): MODEL}),
    ),
    # --8<-- [end:rows]
    "Is it the engines?": (
        Panel("Requests waiting", "short", {"sum by (model_name) (vllm:num_requests_waiting)": ENGINE}),
        Panel(
            "KV cache used, and preemptions/s",
            "short",
            {
                "avg by (model_name) (vllm:kv_cache_usage_perc)": f"used, {ENGINE}",
                per_engine("vllm:num_preemptions_total"): f"preempted, {ENGINE}",
            },
        ),
        Panel(
            "TTFT, mean: gateway less engine",
            "s",
            {
                f"{mean('llm_ttft_seconds')} - {mean('vllm:time_to_first_token_seconds')}": "before the engine, or in vain"
            },
        ),
        Panel(
            "Prefix cache hits",
            "percentunit",
            {
                f"{per_engine('vllm:prefix_cache_hits_total')} / {per_engine('vllm:prefix_cache_queries_total')}": ENGINE
            },
        ),
        Panel(
            "GPU: tensor pipes and memory",
            "percentunit",
            {
                "avg(DCGM_FI_PROF_PIPE_TENSOR_ACTIVE)": "tensor pipes",
                "avg(DCGM_FI_PROF_DRAM_ACTIVE)": "memory interface",
            },
        ),
        Panel(
            "GPU faults", "short", {"changes(DCGM_FI_DEV_XID_ERRORS[10m]) > 0": "{{instance}} GPU {{gpu}}"}
        ),
    ),
    "Are contracts kept?": (
        Panel(
            "Kept over 30 days",
            "percentunit",
            {f"{month('yes')} / {month('yes|no')}": "{{tenant}} {{promise}}"},
        ),
        Panel(
            "Missed over a day",
            "percentunit",
            {"tenant_promise:missed:ratio_rate1d": "{{tenant}} {{promise}}"},
        ),
    ),
    "Can this dashboard be trusted?": (
        Panel(
            "Closing records per stream counted",
            "percentunit",
            {
                '(sum(rate(otelcol_exporter_sent_log_records{exporter="elasticsearch/closing"}[15m])) or vector(0))'
                " / sum(rate(llm_streams_total[15m]))": "arrived"
            },
        ),
        Panel(
            "Queues of the collectors",
            "percentunit",
            {
                "max by (exporter) (otelcol_exporter_queue_size / otelcol_exporter_queue_capacity)": "{{exporter}}"
            },
        ),
        Panel("Series in Prometheus", "short", {"prometheus_tsdb_head_series": "{{instance}}"}),
    ),
}


def _targets(panel: Panel) -> list[dict[str, Any]]:
    return [
        {
            "refId": chr(ord("A") + number),
            "datasource": METRICS,
            "expr": expression,
            "legendFormat": legend,
            "exemplar": panel.exemplars,
        }
        for number, (expression, legend) in enumerate(panel.queries.items())
    ]


def _graph(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "datasource": METRICS,
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": x, "y": y},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "custom": {"thresholdsStyle": {"mode": "line" if panel.limit is not None else "off"}},
                "thresholds": {"mode": "absolute", "steps": steps},
            },
            "overrides": [],
        },
        "targets": _targets(panel),
    }


def build() -> dict[str, Any]:
    """The dashboard, as Grafana provisions it from a file. Rollouts are drawn across every graph."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, graphs in ROWS.items():
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": title,
                "collapsed": False,
                "gridPos": {"h": 1, "w": 24, "x": 0, "y": y},
                "panels": [],
            }
        )
        y += 1
        for place, panel in enumerate(graphs):
            line, column = divmod(place, ACROSS)
            panels.append(_graph(panel, len(panels) + 1, column * WIDTH, y + line * HEIGHT))
        y += -(-len(graphs) // ACROSS) * HEIGHT
    return {
        "uid": "llm-serving",
        "title": "LLM serving",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {"name": "metrics", "type": "datasource", "query": "prometheus"},
                {
                    "name": "model",
                    "type": "query",
                    "datasource": METRICS,
                    "query": "label_values(llm_streams_total, model)",
                    "includeAll": True,
                    "multi": True,
                },
            ]
        },
        "annotations": {
            "list": [
                {
                    "name": "Rollouts",
                    "datasource": METRICS,
                    "enable": True,
                    "iconColor": "blue",
                    "expr": "sum by (model, version, template) (llm_build_info) unless"
                    " sum by (model, version, template) (llm_build_info offset 1m)",
                    "titleFormat": "{{model}} {{version}}",
                }
            ]
        },
        "panels": panels,
    }


def text() -> str:
    """As committed."""
    return json.dumps(build(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
