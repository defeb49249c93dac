"""What the draft and the design store, in series and bytes a month, and what that costs at the planning prices."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from examples.observability_stack import setting as s

GB = 1e9
REQUESTS = s.MEAN_RPS * s.MONTH_S
"""A month's."""
OUTCOMES, FINISH_REASONS, PROMISES = 3, 5, 4


@dataclass(frozen=True)
class Metric:
    """A metric family of the gateway: its label values, and the series of each combination of them."""

    name: str
    labels: dict[str, int]
    series: int = 1

    def a_pod(self) -> int:
        """Series of one pod once every combination has occurred. A client library drops none by itself."""
        return prod(self.labels.values()) * self.series


def histogram(name: str, labels: dict[str, int], bounds: int) -> Metric:
    """Classic: one series per bound, one for +Inf, `_sum` and `_count`."""
    return Metric(name, labels, bounds + 3)


# --8<-- [start:design]
DESIGN = (
    Metric("llm_streams", {"model": s.MODELS, "version": s.VERSIONS, "outcome": OUTCOMES}),
    Metric("llm_finishes", {"model": s.MODELS, "reason": FINISH_REASONS}),
    Metric("llm_tenant_promises", {"tenant": s.LABELED_TENANTS + 1, "promise": PROMISES, "kept": 2}),
    histogram("llm_ttft_seconds", {"model": s.MODELS, "prompt": 2}, bounds=12),
    histogram("llm_tpot_seconds", {"model": s.MODELS}, bounds=9),
    histogram("llm_longest_gap_seconds", {"model": s.MODELS}, bounds=9),
    histogram("llm_output_tokens", {"model": s.MODELS, "version": s.VERSIONS}, bounds=10),
    Metric("llm_build_info", {"model": s.MODELS, "version": s.VERSIONS, "template": 1}),
)
# --8<-- [end:design]


def draft_series(models_a_tenant: float) -> float:
    """Of the draft's histograms, for so many models used by the mean tenant; every pod meets every tenant."""
    each = s.DRAFT_BUCKETS + 2  # +Inf is among the 20; _sum and _count are not
    return s.DRAFT_HISTOGRAMS * each * s.TENANTS * models_a_tenant * s.GATEWAY_PODS


def a_pod() -> int:
    """Series of one gateway pod under the design."""
    return sum(metric.a_pod() for metric in DESIGN)


def design_series() -> int:
    return a_pod() * s.GATEWAY_PODS


def gb_a_month(bytes_a_request: float, share: float = 1.0) -> float:
    """10^9 bytes."""
    return REQUESTS * share * bytes_a_request / GB


def series_dollars(series: float) -> float:
    """A month's."""
    return series / 1_000 * s.DOLLARS_A_THOUSAND_SERIES


def gb_dollars(gb: float) -> float:
    return gb * s.DOLLARS_A_GB


def budget() -> float:
    """Dollars a month."""
    return s.BUDGET_SHARE * s.GPU_BILL


TEXT_BYTES = s.BYTES_A_TOKEN * (s.INPUT_TOKENS + s.OUTPUT_TOKENS)
TRACE_BYTES = s.SPANS_A_REQUEST * s.SPAN_BYTES
EVENTS_BYTES = s.TOKEN_EVENT_BYTES * s.OUTPUT_TOKENS


def kept_share() -> float:
    """At most, of all traces: all that an objective allows to be bad, no two in the same stream, and the baseline."""
    return (1 - s.COMPLETE_TARGET) + (1 - s.TTFT_TARGET) + (1 - s.TPOT_TARGET) + s.BASELINE_SHARE


QUEUED_BYTES = {"service": s.LOG_BYTES, "traces": TRACE_BYTES * kept_share(), "closing": s.RECORD_BYTES}
"""Of a mean request, what waits in each of the collectors' queues on disk."""


def fills_in_s(what: str, queue_bytes: float) -> float:
    """Seconds until a queue is full, when one collector has both regions' peak and nothing leaves it."""
    return queue_bytes / (s.PEAK_RPS * QUEUED_BYTES[what])


def design_costs() -> dict[str, float]:
    """Part -> dollars a month."""
    return {
        "Series of today": series_dollars(s.SERIES_TODAY),
        "Gateway series": series_dollars(design_series()),
        "Service logs": gb_dollars(gb_a_month(s.LOG_BYTES)),
        "Closing records": gb_dollars(gb_a_month(s.RECORD_BYTES)),
        "Traces kept": gb_dollars(gb_a_month(TRACE_BYTES, kept_share())),
        "Prompts with consent": gb_dollars(gb_a_month(TEXT_BYTES, s.CONSENT_SHARE)),
        "Collectors": s.COLLECTOR_DOLLARS,
    }


# --- Tail sampling ------------------------------------------------------------------------------------------------


def mean_stream_s() -> float:
    """Of a stream of the mean answer."""
    return s.TTFT_S + (s.OUTPUT_TOKENS - 1) * s.TPOT_S


def held_traces(seconds: float, rps: float = s.PEAK_RPS) -> float:
    """Undecided at once, by Little's law."""
    return rps * seconds


def held_bytes(seconds: float, rps: float = s.PEAK_RPS) -> float:
    """Spans of undecided traces, on the wire."""
    return held_traces(seconds, rps) * TRACE_BYTES
