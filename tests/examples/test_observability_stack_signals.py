"""Question 13: what a closing record becomes: labels, counts, the sampling decision, and what leaves the process."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import baggage, context
from opentelemetry.propagate import get_global_textmap
from prometheus_client import CollectorRegistry, disable_created_metrics, generate_latest

from examples.observability_stack import figures, inventory
from examples.observability_stack import setting as s
from examples.observability_stack.signals import OTHER, Metrics, headers, keep
from examples.observability_stack.stream import STALL_S, By, Closing, Outcome, Request
from tests.examples.test_observability_stack import SECRET, STOP, TOKENS, Bench

# --- Labels and counts --------------------------------------------------------------------------------------------


def test_a_tenant_without_a_contract_gets_no_series_of_its_own():
    bench = Bench()
    for number in range(80):
        bench.serve(
            [STOP],
            request=Request(tenant=f"x{number}", model="m3", version="v7", replica="r12", input_tokens=10),
        )
    tenants = {sample.labels["tenant"] for sample in bench.samples() if "tenant" in sample.labels}
    assert tenants == {"t1", OTHER}
    assert bench.value("llm_tenant_promises_total", tenant=OTHER, promise="complete", kept="yes") == 80
    assert len({record.tenant for record in bench.records()}) == 80


def test_a_long_prompt_has_no_promise_on_its_first_token():
    request = Request(tenant="t1", model="m3", version="v7", replica="r12", input_tokens=s.SHORT_PROMPT)
    record = Bench().serve([*TOKENS, STOP], every=3.0, request=request)
    assert record.promises().keys() == {"complete", "tpot"}


CLOSINGS = st.builds(
    Closing,
    trace_id=st.integers(1, 2**128 - 1).map(lambda number: f"{number:032x}"),
    region=st.just("eu"),
    tenant=st.sampled_from(["t1", "t2", "x9"]),
    model=st.just("m"),
    version=st.just("v"),
    replica=st.just("r"),
    input_tokens=st.integers(0, 8_000),
    output_tokens=st.integers(0, 9_000),
    outcome=st.sampled_from(Outcome),
    ended_by=st.sampled_from(By),
    finish_reason=st.sampled_from(["stop", "none"]),
    ttft_s=st.none() | st.floats(0, 40),
    tpot_s=st.none() | st.floats(0, 1),
    longest_gap_s=st.floats(0, 40),
    duration_s=st.floats(0, 700),
)


@settings(max_examples=20)
@given(st.lists(CLOSINGS, max_size=15))
def test_histograms_and_promises_count_the_same_streams(closings: list[Closing]):
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    for record in closings:
        metrics.observe(record, None, frozenset({"t1", "t2"}))

    def promised(promise: str, kept: str) -> float:
        return sum(
            registry.get_sample_value(
                "llm_tenant_promises_total", {"tenant": tenant, "promise": promise, "kept": kept}
            )
            or 0
            for tenant in ("t1", "t2", OTHER)
        )

    def of(name: str, **labels: str) -> float:
        return registry.get_sample_value(name, {"model": "m", **labels}) or 0

    assert of("llm_ttft_seconds_bucket", prompt="short", le="1.0") == promised("ttft", "yes")
    assert of("llm_ttft_seconds_count", prompt="short") == promised("ttft", "yes") + promised("ttft", "no")
    assert of("llm_tpot_seconds_bucket", le="0.05") == promised("tpot", "yes")
    assert of("llm_streams_total", version="v", outcome="broken") == promised("complete", "no")


@given(CLOSINGS)
def test_nothing_bad_is_sampled_away(record: Closing):
    bad = (
        record.outcome is Outcome.BROKEN
        or False in record.promises().values()
        or record.longest_gap_s >= STALL_S
    )
    assert keep(record, 0.0) or not bad
    assert keep(record, 1.0)


def test_the_baseline_keeps_its_share_and_every_process_agrees():
    good = {
        "region": "eu", "tenant": "t", "model": "m", "version": "v", "replica": "r", "input_tokens": 1, "output_tokens": 9,
        "outcome": Outcome.COMPLETE, "ended_by": By.ENGINE, "finish_reason": "stop", "ttft_s": 0.5, "tpot_s": 0.03,
        "longest_gap_s": 0.1, "duration_s": 1.0,
    }  # fmt: skip
    bench = Bench()
    ids = []
    for _ in range(4_000):
        span = bench.tracer.start_span("x")
        ids.append(f"{span.get_span_context().trace_id:032x}")
    first = [keep(Closing(trace_id=trace_id, **good), 0.1) for trace_id in ids]  # type: ignore[arg-type]
    again = [keep(Closing(trace_id=trace_id, **good), 0.1) for trace_id in ids]  # type: ignore[arg-type]
    assert first == again
    edges = {"00000000000000": True, "028f5c28f5c28e": True, "028f5c28f5c290": False, "ffffffffffffff": False}
    assert {end: keep(Closing(trace_id="0" * 18 + end, **good), 0.01) for end in edges} == edges  # type: ignore[arg-type]
    assert 0.07 < sum(first) / len(first) < 0.13


def test_the_inventory_is_what_a_full_registry_exports():
    """Every combination of labels once, as after some days of traffic: the series of one pod."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    disable_created_metrics()
    tenants = [f"t{number}" for number in range(s.LABELED_TENANTS)] + ["x"]
    base = {
        "trace_id": "0" * 32, "region": "eu", "replica": "r", "ended_by": By.ENGINE, "output_tokens": 9, "longest_gap_s": 0.1,
        "duration_s": 1.0,
    }  # fmt: skip

    def observe(model: int, version: int, outcome: Outcome, reason: str, tenant: str, long: bool) -> None:
        record = Closing(
            tenant=tenant, model=f"m{model}", version=f"v{version}", input_tokens=6_000 if long else 100,
            outcome=outcome, finish_reason=reason, ttft_s=6.0 * (reason == "none"), tpot_s=6.0 * (reason == "none"),
            **base,
        )  # type: ignore[arg-type]  # fmt: skip
        metrics.observe(record, None, frozenset(tenants[:-1]))

    for model, version in product(range(s.MODELS), range(s.VERSIONS)):
        metrics.declare(f"m{model}", f"v{version}", f"t{version}")
        for outcome, reason in product(Outcome, ("stop", "length", "tool_calls", "content_filter", "none")):
            observe(model, version, outcome, reason, "t0", long=reason == "length")
    for tenant, outcome, reason in product(tenants, Outcome, ("stop", "none")):
        observe(0, 0, outcome, reason, tenant, long=False)
    exported = [
        sample
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]
    assert len(exported) == inventory.a_pod() == 966


def test_a_version_that_is_loaded_is_counted_from_zero():
    registry = CollectorRegistry()
    Metrics(registry).declare("m1", "v2", "chat-7")
    labels = {"model": "m1", "version": "v2"}
    assert [
        registry.get_sample_value("llm_streams_total", {**labels, "outcome": outcome}) for outcome in Outcome
    ] == [0, 0, 0]
    assert registry.get_sample_value("llm_build_info", {**labels, "template": "chat-7"}) == 1


def test_a_year_of_releases_leaves_no_more_series_than_two_versions():
    """Series pile up until a scrape exceeds its limit and fails as a whole."""

    def series() -> int:
        samples = [sample for family in registry.collect() for sample in family.samples]
        return sum(not sample.name.endswith("_created") for sample in samples)

    bench = Bench(registry=(registry := CollectorRegistry()))
    metrics = bench.signals._metrics
    counts = []
    for release in range(52):
        version = f"v{release}"
        metrics.declare("m3", version, f"t{release}")
        bench.serve(
            [*TOKENS, STOP],
            request=Request(tenant="t1", model="m3", version=version, replica="r", input_tokens=10),
        )
        counts.append(series())
        if release:
            metrics.retire("m3", f"v{release - 1}", f"t{release - 1}")
    assert len(set(counts[1:])) == 1
    assert counts[1] - counts[0] == figures.VERSION_SERIES == 17
    metrics.retire("m3", "never-served", "t0")
    assert bench.value("llm_streams_total", model="m3", version="v51", outcome="complete") == 1
    assert bench.value("llm_ttft_seconds_count", model="m3", prompt="short") == 52


def test_a_labeled_tenants_first_miss_can_be_seen():
    """A series that appears with its first miss, in each of 24 pods, would hide 24 of them from `rate`."""
    bench = Bench(labeled=frozenset({"t1", "t2"}))
    series = [sample for sample in bench.samples() if sample.name == "llm_tenant_promises_total"]
    assert {sample.value for sample in series} == {0}
    assert len(series) == 3 * inventory.PROMISES * 2
    record = bench.serve([*TOKENS, STOP], every=3.0)
    assert {sample.labels["promise"] for sample in series} == record.promises().keys()


# --- What leaves the process --------------------------------------------------------------------------------------


def test_baggage_goes_nowhere_and_a_provider_gets_no_trace_id():
    bench = Bench()
    span = bench.tracer.start_span("x")
    token = context.attach(baggage.set_baggage("tenant", SECRET))
    try:
        leaked: dict[str, str] = {}
        get_global_textmap().inject(leaked)
        assert SECRET in leaked["baggage"], "the SDK's default would send it"
        assert headers(span, ours=False) == {}
        ours = headers(span, ours=True)
    finally:
        context.detach(token)
    assert ours.keys() == {"traceparent"}
    assert f"{span.get_span_context().trace_id:032x}" in ours["traceparent"]


def test_the_openmetrics_text_keeps_to_its_limit_for_exemplars():
    bench = Bench(share=1.0)
    bench.serve([*TOKENS, STOP])
    exemplars = [sample.exemplar for sample in bench.samples() if sample.exemplar]
    assert exemplars
    assert all(sum(len(key) + len(value) for key, value in each.labels.items()) <= 128 for each in exemplars)
    assert b"trace_id" not in generate_latest(bench.registry), "the older text format has no exemplars"
