"""A closing record becomes metrics, spans and a log line. The only module that knows the libraries of the tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from opentelemetry._logs import Logger, SeverityNumber
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from examples.observability_stack.setting import BASELINE_SHARE, SHORT_PROMPT, TTFT_LIMIT_S
from examples.observability_stack.stream import PROMISES, STALL_S, Closing, Outcome, Request, Watch

SEMCONV = "gen-ai v0.1.0, Development"
"""The version of OpenTelemetry's GenAI conventions that the span attributes below follow."""

TTFT_BUCKETS = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
TPOT_BUCKETS = (0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.2, 0.5)
GAP_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
LENGTH_BUCKETS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
OTHER = "other"
EVENT = "stream.closed"


class Metrics:
    """The gateway's instruments. The limits of the objectives are bucket bounds, so their ratios are exact."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, text: str, labels: tuple[str, ...], buckets: tuple[float, ...]) -> Histogram:
            return Histogram(name, text, labels, buckets=buckets, registry=registry)

        # --8<-- [start:metrics]
        self.streams = Counter(
            "llm_streams", "Streams that ended.", ("model", "version", "outcome"), registry=registry
        )
        self.finishes = Counter(
            "llm_finishes", "Streams by finish reason.", ("model", "reason"), registry=registry
        )
        self.promises = Counter(
            "llm_tenant_promises",
            "Promises kept and missed; tenants without a contract are one.",
            ("tenant", "promise", "kept"),
            registry=registry,
        )
        self.ttft = histogram(
            "llm_ttft_seconds", "Arrival to first token, or wait in vain.", ("model", "prompt"), TTFT_BUCKETS
        )
        self.tpot = histogram("llm_tpot_seconds", "Mean time per output token.", ("model",), TPOT_BUCKETS)
        self.gap = histogram(
            "llm_longest_gap_seconds", "Longest wait between tokens of a stream.", ("model",), GAP_BUCKETS
        )
        self.length = histogram(
            "llm_output_tokens", "Tokens of an answer.", ("model", "version"), LENGTH_BUCKETS
        )
        # --8<-- [end:metrics]
        self.build = Gauge(
            "llm_build_info",
            "1 for each version served.",
            ("model", "version", "template"),
            registry=registry,
        )

    def declare(self, model: str, version: str, template: str) -> None:
        """Export a version that is being loaded, at zero: `rate` misses the first event of a series that appears with it."""
        self.build.labels(model, version, template).set(1)
        for outcome in Outcome:
            self.streams.labels(model, version, outcome)

    def retire(self, model: str, version: str, template: str) -> None:
        """Drop a version that no longer serves, once its last stream has ended and been scraped: what is not, is lost.

        The client library keeps a series for as long as the process runs, and a scrape over its limit fails as a whole.
        """
        self.build.remove(model, version, template)
        self.length.remove(model, version)
        for outcome in Outcome:
            self.streams.remove(model, version, outcome)

    def declare_tenants(self, labeled: frozenset[str]) -> None:
        """Export the promises of every labeled tenant, and of all others together, at zero, for the same reason."""
        for tenant in (*labeled, OTHER):
            for promise in PROMISES:
                for kept in ("yes", "no"):
                    self.promises.labels(tenant, promise, kept)

    def observe(self, record: Closing, exemplar: dict[str, str] | None, labeled: frozenset[str]) -> None:
        """Count a record. `exemplar` is None for a trace that will not be kept: it would lead nowhere."""
        tenant = record.tenant if record.tenant in labeled else OTHER
        self.streams.labels(record.model, record.version, record.outcome).inc(1, exemplar)
        self.finishes.labels(record.model, record.finish_reason).inc(1)
        for promise, kept in record.promises().items():
            self.promises.labels(tenant, promise, "yes" if kept else "no").inc(1, None if kept else exemplar)
        # A wait in vain counts as the least that its first token would have taken: who gives up is not left out.
        if record.ttft_s is not None or record.waited_s() > TTFT_LIMIT_S:
            prompt = "short" if record.input_tokens < SHORT_PROMPT else "long"
            self.ttft.labels(record.model, prompt).observe(record.waited_s(), exemplar)
        if record.tpot_s is not None:
            self.tpot.labels(record.model).observe(record.tpot_s, exemplar)
            self.gap.labels(record.model).observe(record.longest_gap_s, exemplar)
        if record.outcome is Outcome.COMPLETE:
            self.length.labels(record.model, record.version).observe(record.output_tokens, exemplar)


# --8<-- [start:keep]
def keep(record: Closing, share: float = BASELINE_SHARE) -> bool:
    """Whether this stream's trace is worth storing. The collector keeps what this says, so exemplars never dangle.

    The last 56 bits of a trace id are random (W3C Trace Context level 2), so every process decides alike.
    """
    if record.outcome is Outcome.BROKEN or record.longest_gap_s >= STALL_S:
        return True
    if not all(record.promises().values()):
        return True
    return int(record.trace_id[-14:], 16) < share * 2**56


# --8<-- [end:keep]


class Signals:
    """Writes what happened to one stream, once, to all three signals."""

    def __init__(
        self,
        *,
        region: str,
        metrics: Metrics,
        tracer: Tracer,
        log: Logger,
        labeled: frozenset[str],
        share: float = BASELINE_SHARE,
    ) -> None:
        """`labeled` are the tenants with a contract, at most fifty."""
        self._region, self._metrics, self._tracer, self._log = region, metrics, tracer, log
        self._labeled, self._share = labeled, share
        metrics.declare_tenants(labeled)

    def open(self, request: Request, started_ns: int) -> Span:
        """Start the root span. A client's own trace context is not continued: its ids and flags are not trusted."""
        return self._tracer.start_span(
            f"chat {request.model}",
            kind=SpanKind.SERVER,
            start_time=started_ns,
            attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": request.model},
        )

    def record(self, span: Span, request: Request, watch: Watch, **how: object) -> Closing:
        """The closing record; `how` are its outcome, ended_by and finish_reason."""
        return Closing(
            trace_id=f"{span.get_span_context().trace_id:032x}",
            region=self._region,
            tenant=request.tenant,
            model=request.model,
            version=request.version,
            replica=request.replica,
            input_tokens=request.input_tokens,
            output_tokens=watch.tokens,
            ttft_s=watch.ttft_s,
            tpot_s=watch.tpot_s(),
            longest_gap_s=watch.longest_gap_s,
            duration_s=watch.duration_s(),
            **how,  # type: ignore[arg-type]
        )

    # --8<-- [start:close]
    def close(self, span: Span, record: Closing, started_ns: int) -> None:
        """Write the record to all three signals, and end the root span last."""
        kept = keep(record, self._share)
        self._metrics.observe(record, {"trace_id": record.trace_id} if kept else None, self._labeled)
        inside = set_span_in_context(span)
        fields = {name: value for name, value in asdict(record).items() if value is not None}
        self._log.emit(
            context=inside,  # puts the trace's id on the log record
            timestamp=started_ns + round(record.duration_s * 1e9),
            severity_number=SeverityNumber.INFO,
            body=EVENT,
            attributes={"event.name": EVENT, **fields},
        )

        # Durations come from the monotonic clock: a step of the wall clock must not make a span negative.
        first_ns = started_ns + round((record.ttft_s or record.duration_s) * 1e9)
        end_ns = started_ns + round(record.duration_s * 1e9)
        self._tracer.start_span("first token", inside, start_time=started_ns).end(first_ns)
        if record.tpot_s is not None:
            self._tracer.start_span("decode", inside, start_time=first_ns).end(end_ns)
        span.set_attributes(
            {
                "stream.keep": kept,
                "stream.outcome": record.outcome,
                "stream.longest_gap": record.longest_gap_s,
                "tenant.id": record.tenant,
                "service.version": record.version,
                "server.address": record.replica,
                "gen_ai.usage.input_tokens": record.input_tokens,
                "gen_ai.usage.output_tokens": record.output_tokens,
                "gen_ai.response.finish_reasons": [record.finish_reason],
            }
        )
        if record.outcome is Outcome.BROKEN:
            span.set_status(StatusCode.ERROR)  # no description: an exception's message can quote the prompt
        span.end(end_ns)

    # --8<-- [end:close]


_TRACE_CONTEXT: TextMapPropagator = TraceContextTextMapPropagator()


def headers(span: Span, *, ours: bool) -> Mapping[str, str]:
    """Trace headers for the next hop: `traceparent` to our own engines, nothing to a provider, baggage to nobody.

    The SDK's default propagators are trace context and baggage, and baggage goes wherever a request goes.
    """
    carrier: dict[str, str] = {}
    if ours:
        _TRACE_CONTEXT.inject(carrier, set_span_in_context(span))
    return carrier
