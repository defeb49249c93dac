"""A strict model of the collector components that the two files use, and the checks that no schema makes.

The binary decides: CI runs `otelcol-contrib validate --config=FILE` where there is one. This model catches a misspelled key
and a pipeline that would leak, lose or evict telemetry. It is written from the components' documentation, v0.144 to v0.162.
"""

from __future__ import annotations

import re
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from examples.observability_stack import inventory as inv
from examples.observability_stack import setting as s

FOLDER = Path(__file__).parent / "collector"
DURATION = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600}

Duration = Annotated[str, Field(pattern=r"^\d+(ms|s|m|h)$")]


def seconds(duration: str) -> float:
    """Of a Go duration with one unit."""
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", duration).groups()  # type: ignore[union-attr]
    return int(number) * DURATION[unit]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --- Components ---------------------------------------------------------------------------------------------------


class Endpoint(Strict):
    endpoint: str


class ServerTls(Strict):
    cert_file: str
    key_file: str
    client_ca_file: str


class Server(Endpoint):
    tls: ServerTls


class Protocols(Strict):
    grpc: Server


class Otlp(Strict):
    protocols: Protocols


class MemoryLimiter(Strict):
    check_interval: Duration
    limit_percentage: Annotated[int, Field(gt=0, le=100)]
    spike_limit_percentage: Annotated[int, Field(gt=0, le=100)]

    @model_validator(mode="after")
    def _spike_below_limit(self) -> MemoryLimiter:
        if self.spike_limit_percentage >= self.limit_percentage:
            raise ValueError("spike_limit_percentage must be less than limit_percentage")
        return self


class Statements(Strict):
    """A group whose statements all use one context: its own."""

    context: Literal["resource", "scope", "span", "spanevent", "log"]
    statements: list[str]

    @model_validator(mode="after")
    def _one_context(self) -> Statements:
        paths = {
            path
            for statement in self.statements
            for path in re.findall(r"\b(resource|scope|span|spanevent|log)\.", _without_strings(statement))
        }
        if paths != {self.context}:
            raise ValueError(f"context {self.context}: the statements use {sorted(paths)}")
        return self


class Transform(Strict):
    error_mode: Literal["ignore", "silent", "propagate"]
    trace_statements: list[Statements] = []
    log_statements: list[Statements] = []


class BooleanAttribute(Strict):
    key: str
    value: bool


class StatusCode(Strict):
    status_codes: list[Literal["OK", "ERROR", "UNSET"]]


class Probabilistic(Strict):
    sampling_percentage: Annotated[float, Field(ge=0, le=100)]


class Policy(Strict):
    name: str
    type: Literal["boolean_attribute", "status_code", "probabilistic", "always_sample"]
    boolean_attribute: BooleanAttribute | None = None
    status_code: StatusCode | None = None
    probabilistic: Probabilistic | None = None

    @model_validator(mode="after")
    def _settings_of_its_type(self) -> Policy:
        given = self.model_fields_set - {"name", "type"}
        if given != {self.type} - {"always_sample"}:
            raise ValueError(f"policy {self.name}: type {self.type}, but settings for {sorted(given)}")
        return self


class DecisionCache(Strict):
    sampled_cache_size: int = 0
    non_sampled_cache_size: int = 0


class TailSampling(Strict):
    decision_wait: Duration = "30s"
    decision_wait_after_root_received: Duration = "0s"
    num_traces: int = 50_000
    decision_cache: DecisionCache = DecisionCache()
    policies: Annotated[list[Policy], Field(min_length=1)]


class BatchSettings(Strict):
    sizer: Literal["items", "bytes"] = "items"
    min_size: int = 8_192
    flush_timeout: Duration = "200ms"


class Queue(Strict):
    enabled: bool = True
    storage: str | None = None
    sizer: Literal["requests", "items", "bytes"] = "requests"
    queue_size: Annotated[int, Field(gt=0)] = 1_000
    batch: BatchSettings | None = None
    block_on_overflow: bool = False


class RetryOnFailure(Strict):
    """Of the exporters that leave it to the common helper."""

    enabled: bool = True
    max_elapsed_time: Duration = "300s"

    def lasts_s(self) -> float:
        """0 never stops."""
        return (seconds(self.max_elapsed_time) or inf) if self.enabled else 0.0


class Tls(Strict):
    """Of a client: the receivers here demand a certificate from it."""

    ca_file: str
    cert_file: str
    key_file: str


class OtlpGrpc(Strict):
    endpoint: str
    tls: Tls
    retry_on_failure: RetryOnFailure = RetryOnFailure()
    sending_queue: Queue = Queue()

    def lasts_s(self) -> float:
        return self.retry_on_failure.lasts_s()


class OtlpTemplate(Strict):
    """What a balanced exporter shares; the resolver sets its endpoint."""

    tls: Tls
    sending_queue: Queue = Queue()


class BalancedProtocol(Strict):
    otlp: OtlpTemplate


class KubernetesService(Strict):
    service: str


class Resolver(Strict):
    k8s: KubernetesService


class LoadBalancing(Strict):
    routing_key: Literal["traceID", "service"] = "traceID"
    resolver: Resolver
    protocol: BalancedProtocol


class DynamicId(Strict):
    enabled: bool


class ElasticsearchRetry(Strict):
    """The exporter's own: it has no `retry_on_failure`. After a timeout it never tries again."""

    enabled: bool = True
    max_retries: Annotated[int, Field(gt=0, le=1_000)] = 2
    initial_interval: Duration = "100ms"
    max_interval: Duration = "1m"
    retry_on_status: list[int] = [429]

    def lasts_s(self) -> float:
        """At least, while the store is unavailable: jitter takes up to half of each wait."""
        if not self.enabled or 503 not in self.retry_on_status:
            return 0.0
        first, longest = seconds(self.initial_interval), seconds(self.max_interval)
        return sum(min(longest, first * (1 << before)) for before in range(self.max_retries)) / 2


class ElasticsearchQueue(Queue):
    block_on_overflow: bool = True


class Elasticsearch(Strict):
    endpoints: list[str]
    logs_index: str
    logs_dynamic_id: DynamicId = DynamicId(enabled=False)
    retry: ElasticsearchRetry = ElasticsearchRetry()
    sending_queue: ElasticsearchQueue

    def lasts_s(self) -> float:
        return self.retry.lasts_s()


class FileStorage(Strict):
    directory: str


COMPONENTS: dict[str, dict[str, type[Strict]]] = {
    "receivers": {"otlp": Otlp},
    "processors": {"memory_limiter": MemoryLimiter, "transform": Transform, "tail_sampling": TailSampling},
    "exporters": {"otlp_grpc": OtlpGrpc, "loadbalancing": LoadBalancing, "elasticsearch": Elasticsearch},
    "extensions": {"file_storage": FileStorage, "health_check": Endpoint},
}


class Pipeline(Strict):
    receivers: Annotated[list[str], Field(min_length=1)]
    processors: list[str] = []
    exporters: Annotated[list[str], Field(min_length=1)]


class PrometheusReader(Strict):
    host: str = "localhost"
    port: int = 8888
    without_type_suffix: bool
    without_units: bool
    without_scope_info: bool


class PullExporter(Strict):
    prometheus: PrometheusReader


class Pull(Strict):
    exporter: PullExporter


class Reader(Strict):
    pull: Pull


class OwnMetrics(Strict):
    readers: list[Reader] = []


class Telemetry(Strict):
    metrics: OwnMetrics = OwnMetrics()


class Service(Strict):
    telemetry: Telemetry = Telemetry()
    extensions: list[str] = []
    pipelines: dict[Annotated[str, Field(pattern=r"^(traces|metrics|logs)(/.+)?$")], Pipeline]


class Config(Strict):
    """A parsed file: kind -> id -> component."""

    receivers: dict[str, Any]
    processors: dict[str, Any] = {}
    exporters: dict[str, Any]
    extensions: dict[str, Any] = {}
    service: Service

    @model_validator(mode="after")
    def _components_by_their_type(self) -> Config:
        for kind, types in COMPONENTS.items():
            parsed = getattr(self, kind)
            for name, settings in parsed.items():
                if (component := types.get(type_of(name))) is None:
                    raise ValueError(f"{kind}: {name} is of no known type")
                parsed[name] = component.model_validate(settings or {})
        return self


def type_of(name: str) -> str:
    """`otlp/closing` is an otlp."""
    return name.split("/")[0]


def _without_strings(statement: str) -> str:
    return re.sub(r'"[^"]*"', '""', statement)


def load(path: Path) -> Config:
    """Raises pydantic.ValidationError, and yaml.YAMLError."""
    return Config.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


# --- What no schema says ------------------------------------------------------------------------------------------

STORES = {
    "elasticsearch/service": "service",
    "elasticsearch/closing": "closing",
    "otlp_grpc/jaeger": "traces",
}
"""Exporter -> what waits in its queue on disk."""


# --8<-- [start:faults]
def faults(config: Config) -> list[str]:
    """What would start, and then leak, lose or block. Empty if nothing is found."""
    found = []
    used: dict[str, set[str]] = {"extensions": set(config.service.extensions)}
    for name, pipeline in config.service.pipelines.items():
        for kind in ("receivers", "processors", "exporters"):
            used.setdefault(kind, set()).update(getattr(pipeline, kind))
        order = [type_of(processor) for processor in pipeline.processors]
        if order[:1] != ["memory_limiter"]:
            found.append(f"{name}: memory_limiter is not first, so nothing is refused before it costs memory")
        leaves = {type_of(exporter) for exporter in pipeline.exporters} - {"loadbalancing"}
        if leaves and "tail_sampling" not in order and "transform" not in order:
            found.append(f"{name}: stored without passing the allow-list")
        if "tail_sampling" in order and "batch" in order[: order.index("tail_sampling")]:
            found.append(f"{name}: batched before it is sampled")
    for kind in COMPONENTS:
        defined = set(getattr(config, kind))
        found += [f"{kind}: {name} is used and not defined" for name in sorted(used[kind] - defined)]
        found += [f"{kind}: {name} is defined and not used" for name in sorted(defined - used[kind])]
    for name, exporter in config.exporters.items():
        queue = getattr(exporter, "sending_queue", None)
        if queue and queue.storage is None:
            found.append(f"{name}: its queue is lost when the collector restarts")
        if queue and queue.storage and queue.storage not in config.service.extensions:
            found.append(f"{name}: its storage {queue.storage} is not started")
        if queue and queue.storage and exporter.lasts_s() < inv.fills_in_s(STORES[name], queue.queue_size):
            found.append(f"{name}: gives up before its queue is full")
        if queue and queue.block_on_overflow:
            found.append(f"{name}: a full queue holds senders, and the memory that other signals need")
    readers = [reader.pull.exporter.prometheus for reader in config.service.telemetry.metrics.readers]
    if not [reader for reader in readers if reader.host != "localhost"]:
        found.append("telemetry: its own metrics are served to localhost only")
    return found + [fault for processor in config.processors.values() for fault in _faults_of(processor)]


# --8<-- [end:faults]


TEXT_FIELDS = {
    "span.name": "set(span.name,",
    "span.status.message": 'set(span.status.message, "")',
    "span.trace_state": 'set(span.trace_state, "")',
    "span.links": "set(span.links, nil)",
    "spanevent.name": "set(spanevent.name,",
    "log.severity_text": 'set(log.severity_text, "")',
    "log.event_name": 'set(log.event_name, "")',
}
"""What is no attribute and can carry text all the same -> how the statement begins that empties or names it."""


def _uncleaned(where: str, groups: list[Statements], own: set[str]) -> list[str]:
    """Contexts whose attributes nothing takes away. Traces and logs share two, and each has to clean them."""
    cleaned = {
        group.context
        for group in groups
        if any(
            statement.startswith(("keep_keys(", "delete_matching_keys(")) for statement in group.statements
        )
    }
    shared = {"resource", "scope"} - cleaned
    return [
        *(f"transform: no keep_keys for {context} in {where}" for context in sorted(shared)),
        *(f"transform: no keep_keys for {context}" for context in sorted(own - cleaned)),
    ]


def _faults_of(processor: Strict) -> list[str]:
    if isinstance(processor, Transform):
        if processor.error_mode != "propagate":
            return ["transform: a statement that fails lets the text pass"]
        missing = _uncleaned("trace_statements", processor.trace_statements, {"span", "spanevent"})
        missing += _uncleaned("log_statements", processor.log_statements, {"log"})
        statements = [
            statement
            for group in (*processor.trace_statements, *processor.log_statements)
            for statement in group.statements
        ]
        carriers = [
            field
            for field, emptied in TEXT_FIELDS.items()
            if not any(statement.startswith(emptied) for statement in statements)
        ]
        bodies = [
            statement
            for group in processor.log_statements
            for statement in group.statements
            if statement.startswith("set(log.body,")
        ]
        # Before contrib v0.161, `set` to nil does nothing by default, so a body is emptied before it is named.
        kept = (
            []
            if bodies[:1] == ['set(log.body, "")']
            else ["transform: a log without an event name keeps its body"]
        )
        return missing + [f"transform: {field} may carry text" for field in carriers] + kept
    if isinstance(processor, TailSampling):
        wait = seconds(processor.decision_wait)
        grace = seconds(processor.decision_wait_after_root_received)
        return [
            *(
                ["tail_sampling: decides before the longest stream has ended"]
                if wait < s.LONGEST_STREAM_S + grace
                else []
            ),
            *(
                [f"tail_sampling: num_traces evicts a trace before {wait:.0f} s"]
                if processor.num_traces < traces_a_sampler(wait)
                else []
            ),
        ]
    return []


def traces_a_sampler(wait_s: float) -> float:
    """New traces in `wait_s` at one sampler, when its region carries the peak of both."""
    return s.PEAK_RPS * wait_s / s.SAMPLERS_A_REGION


def kept_keys(config: Config, context: str) -> frozenset[str]:
    """The names that the allow-list keeps in a context."""
    return frozenset(
        key
        for processor in config.processors.values()
        if isinstance(processor, Transform)
        for group in (*processor.trace_statements, *processor.log_statements)
        if group.context == context
        for statement in group.statements
        if statement.startswith("keep_keys(")
        for key in re.findall(r'"([^"]+)"', statement)
    )
