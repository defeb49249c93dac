"""Question 13: one stream, followed through the real SDKs from a metric's exemplar to its trace and its closing record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from examples.observability_stack.gateway import Chunk, Gateway
from examples.observability_stack.setting import SHORT_PROMPT
from examples.observability_stack.signals import Metrics, Signals
from examples.observability_stack.stream import STALL_S, By, Closing, Outcome, Request, Watch, judge

SECRET = "my-diagnosis-is-confidential"
START_NS = 1_790_000_000_000_000_000
TOKENS = [Chunk("", 0), *(Chunk(f"{SECRET} ", 1) for _ in range(5))]
STOP = Chunk("", 0, "stop")


@dataclass
class Bench:
    """A gateway whose three signals end in memory. Time passes where a test says so."""

    draining: bool = False
    share: float = 0.0
    labeled: frozenset[str] = frozenset({"t1"})
    now: float = 100.0
    wall_step_ns: int = 0
    spans: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    logs: InMemoryLogRecordExporter = field(default_factory=InMemoryLogRecordExporter)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    signals: Signals = field(init=False)

    def __post_init__(self) -> None:
        tracers, loggers = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        loggers.add_log_record_processor(SimpleLogRecordProcessor(self.logs))
        self.tracer = tracers.get_tracer("gateway")
        self.signals = Signals(
            region="eu",
            metrics=Metrics(self.registry),
            tracer=self.tracer,
            log=loggers.get_logger("gateway"),
            labeled=self.labeled,
            share=self.share,
        )
        self.gateway = Gateway(
            self.signals, clock=lambda: self.now, wall_ns=self.wall_ns, draining=lambda: self.draining
        )

    def wall_ns(self) -> int:
        return START_NS + round((self.now - 100) * 1e9) + self.wall_step_ns

    async def engine(
        self, chunks: list[Chunk], every: float, fails: Exception | None = None
    ) -> AsyncGenerator[Chunk, None]:
        for chunk in chunks:
            self.now += every
            yield chunk
        if fails:
            raise fails

    def serve(
        self,
        chunks: list[Chunk],
        *,
        every: float = 0.03,
        leaves_after: int | None = None,
        fails: Exception | None = None,
        request: Request | None = None,
        reader: Callable[[], None] = lambda: None,
    ) -> Closing:
        """Serve one request and return its closing record, read back from the log."""

        async def run() -> None:
            stream = self.gateway.relay(request or REQUEST, self.engine(chunks, every, fails), self.now)
            got = 0
            async for _ in stream:
                got += 1
                reader()
                if got == leaves_after:
                    await stream.aclose()
                    return

        asyncio.run(run())
        return self.records()[-1]

    def records(self) -> list[Closing]:
        names = [each.name for each in fields(Closing)]
        return [
            Closing(**{name: dict(data.log_record.attributes or {}).get(name) for name in names})  # type: ignore[arg-type]
            for data in self.logs.get_finished_logs()
        ]

    def samples(self) -> list[Sample]:
        text = openmetrics.generate_latest(self.registry).decode()
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


REQUEST = Request(tenant="t1", model="m3", version="v7", replica="r12", input_tokens=2_000)


def root_of(spans: tuple[ReadableSpan, ...]) -> ReadableSpan:
    [root] = [span for span in spans if span.parent is None]
    return root


# --- One bad stream, three signals --------------------------------------------------------------------------------


def test_one_broken_stream_is_followed_from_exemplar_to_trace_to_record():
    bench = Bench()
    for _ in range(20):
        bench.serve([*TOKENS, STOP])
    bench.serve(TOKENS)  # ends without a finish reason, after 200

    broken = [
        sample
        for sample in bench.samples()
        if sample.name == "llm_streams_total" and sample.labels["outcome"] == "broken"
    ]
    assert [sample.value for sample in broken] == [1]
    trace_id = broken[0].exemplar.labels["trace_id"]

    spans = tuple(
        span
        for span in bench.spans.get_finished_spans()
        if f"{span.get_span_context().trace_id:032x}" == trace_id
    )
    assert {span.name for span in spans} == {"chat m3", "first token", "decode"}
    root = root_of(spans)
    assert root.status.status_code is StatusCode.ERROR
    assert root.attributes["stream.outcome"] == "broken"
    assert root.attributes["gen_ai.response.finish_reasons"] == ("none",)
    assert all(span.parent.span_id == root.context.span_id for span in spans if span is not root)

    [record] = [record for record in bench.records() if record.trace_id == trace_id]
    assert (record.outcome, record.tenant, record.replica, record.output_tokens) == ("broken", "t1", "r12", 5)
    [line] = [
        data.log_record
        for data in bench.logs.get_finished_logs()
        if data.log_record.attributes["trace_id"] == trace_id
    ]
    assert f"{line.trace_id:032x}" == trace_id, "the log record carries the trace's id as a field of its own"


def test_an_exemplar_is_given_only_for_a_trace_that_is_kept():
    bench = Bench(share=0.0)
    bench.serve([*TOKENS, STOP])
    assert [sample for sample in bench.samples() if sample.exemplar] == []
    assert root_of(bench.spans.get_finished_spans()).attributes["stream.keep"] is False
    bench.serve(TOKENS)
    kept = {
        f"{span.get_span_context().trace_id:032x}"
        for span in bench.spans.get_finished_spans()
        if (span.attributes or {}).get("stream.keep")
    }
    shown = {sample.exemplar.labels["trace_id"] for sample in bench.samples() if sample.exemplar}
    assert shown == kept
    assert len(kept) == 1


def test_every_bucket_that_a_slow_stream_falls_into_can_lead_to_it():
    bench = Bench()
    bench.serve([*TOKENS, STOP], every=3.0)  # TTFT 6 s, TPOT 3 s: all of its promises but one are missed
    named = {sample.name for sample in bench.samples() if sample.exemplar}
    assert {"llm_ttft_seconds_bucket", "llm_tpot_seconds_bucket", "llm_tenant_promises_total"} <= named


def test_the_text_of_prompt_answer_and_error_is_in_no_signal():
    bench = Bench(share=1.0)
    with pytest.raises(ValueError, match=SECRET):
        bench.serve(TOKENS, fails=ValueError(f"cannot continue after {SECRET}"))
    bench.serve([*TOKENS, STOP])
    written = [
        openmetrics.generate_latest(bench.registry).decode(),
        *(span.to_json() for span in bench.spans.get_finished_spans()),
        *(json.dumps(dict(data.log_record.attributes)) for data in bench.logs.get_finished_logs()),
        *(str(data.log_record.body) for data in bench.logs.get_finished_logs()),
    ]
    assert len(written) == 1 + 6 + 2 + 2
    assert not [text for text in written if SECRET in text]


def test_a_span_does_not_grow_with_the_tokens():
    bench = Bench()
    bench.serve([*(Chunk("x", 1) for _ in range(400)), STOP])
    spans = bench.spans.get_finished_spans()
    assert len(spans) == 3
    assert sum(len(span.events) for span in spans) == 0


def test_a_step_of_the_wall_clock_makes_no_span_negative():
    bench = Bench()

    def step() -> None:
        bench.wall_step_ns = -30_000_000_000

    bench.serve([*TOKENS, STOP], reader=step)
    for span in bench.spans.get_finished_spans():
        assert span.end_time >= span.start_time
    root = root_of(bench.spans.get_finished_spans())
    assert (root.end_time - root.start_time) / 1e9 == pytest.approx(7 * 0.03)


# --- The verdict --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("finish", "ended_by", "silent", "outcome"),
    [
        ("stop", By.ENGINE, 0, Outcome.COMPLETE),
        ("length", By.ENGINE, 0, Outcome.COMPLETE),
        ("stop", By.CLIENT, 0, Outcome.COMPLETE),  # the client hung up on the last message
        ("stop", By.GATEWAY, 0, Outcome.COMPLETE),
        (None, By.ENGINE, 0, Outcome.BROKEN),
        ("error", By.ENGINE, 0, Outcome.BROKEN),
        ("abort", By.ENGINE, 0, Outcome.BROKEN),
        (None, By.GATEWAY, 0, Outcome.BROKEN),  # a rollout of the gateway
        (None, By.CLIENT, 0, Outcome.CLIENT_GONE),
        (None, By.CLIENT, STALL_S - 0.1, Outcome.CLIENT_GONE),
        (None, By.CLIENT, STALL_S, Outcome.BROKEN),  # left because nothing came
    ],
)
def test_the_verdict(finish: str | None, ended_by: By, silent: float, outcome: Outcome):
    assert judge(finish, ended_by, silent) is outcome


def test_a_client_that_leaves_early_is_in_neither_part_of_the_ratio():
    bench = Bench()
    record = bench.serve([*TOKENS, STOP], leaves_after=3)
    assert (record.outcome, record.ended_by) == ("client_gone", "client")
    assert record.promises().keys() == {"ttft", "ttft_5s", "tpot"}
    assert bench.value("llm_tenant_promises_total", tenant="t1", promise="complete", kept="no") == 0
    assert bench.value("llm_output_tokens_count", model="m3", version="v7") == 0


SILENT = {
    "trace_id": "0" * 32, "region": "eu", "tenant": "t1", "model": "m3", "version": "v7", "replica": "r12",
    "input_tokens": 2_000, "output_tokens": 0, "finish_reason": "none", "ttft_s": None, "tpot_s": None, "longest_gap_s": 0.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("ended_by", "waited", "promises"),
    [
        (By.CLIENT, 0.9, {}),  # left before any limit: nothing is known
        (By.CLIENT, 1.0, {}),
        (By.CLIENT, 4.0, {"ttft": False}),
        (By.CLIENT, 9.0, {"ttft": False, "ttft_5s": False}),
        (By.CLIENT, 11.0, {"complete": False, "ttft": False, "ttft_5s": False}),
        (By.ENGINE, 0.2, {"complete": False}),
        (By.ENGINE, 60.0, {"complete": False, "ttft": False, "ttft_5s": False}),
    ],
)
def test_a_limit_that_passes_without_a_token_is_missed(
    ended_by: By, waited: float, promises: dict[str, bool]
):
    outcome = judge(None, ended_by, waited)
    record = Closing(outcome=outcome, ended_by=ended_by, duration_s=waited, **SILENT)  # type: ignore[arg-type]
    assert record.promises() == promises
    long = replace(record, input_tokens=SHORT_PROMPT)
    assert long.promises().keys() == promises.keys() & {"complete"}
    registry = CollectorRegistry()
    Metrics(registry).observe(record, None, frozenset({"t1"}))
    counted = registry.get_sample_value("llm_ttft_seconds_count", {"model": "m3", "prompt": "short"}) or 0
    assert counted == ("ttft" in promises), "the model's alert sees what the tenant's does"
    in_time = {"model": "m3", "prompt": "short", "le": "1.0"}
    assert not registry.get_sample_value("llm_ttft_seconds_bucket", in_time)


def test_a_gateway_that_is_being_shut_down_has_broken_its_streams():
    record = Bench(draining=True).serve([*TOKENS, STOP], leaves_after=3)
    assert (record.outcome, record.ended_by) == ("broken", "gateway")


def test_an_engine_that_raises_has_broken_the_stream_and_the_error_goes_on():
    bench = Bench()
    with pytest.raises(ConnectionResetError):
        bench.serve(TOKENS, fails=ConnectionResetError())
    assert (bench.records()[0].outcome, bench.records()[0].ended_by) == ("broken", "engine")


@pytest.mark.parametrize(("waited", "outcome"), [(2.0, "client_gone"), (11.0, "broken")])
def test_a_client_that_waits_for_the_engine_in_vain_was_failed(waited: float, outcome: str):
    bench = Bench()
    told: list[bool] = []

    async def silent() -> AsyncGenerator[Chunk, None]:
        try:
            yield Chunk("x", 1)
            bench.now += waited
            await asyncio.sleep(3_600)
        finally:
            told.append(True)

    async def run() -> None:
        stream = bench.gateway.relay(REQUEST, silent(), bench.now)
        await anext(stream)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(run())
    assert bench.records()[0].outcome == outcome
    assert told == [True]


def test_an_engine_that_hangs_gets_a_verdict_while_the_client_still_waits():
    bench = Bench()
    told: list[bool] = []

    async def hangs() -> AsyncGenerator[Chunk, None]:
        try:
            yield Chunk("x", 1)
            await asyncio.sleep(3_600)
        finally:
            told.append(True)

    async def run() -> None:
        gateway = Gateway(
            bench.signals,
            clock=lambda: bench.now,
            wall_ns=bench.wall_ns,
            draining=lambda: False,
            silence_s=0.01,
        )
        async for _ in gateway.relay(REQUEST, hangs(), bench.now):
            pass

    with pytest.raises(TimeoutError):
        asyncio.run(run())
    [record] = bench.records()
    assert (record.outcome, record.ended_by, record.finish_reason) == ("broken", "engine", "none")
    assert told == [True]


@pytest.mark.parametrize("leaves_after", [None, 3])
def test_telemetry_that_fails_breaks_no_stream(
    leaves_after: int | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    bench = Bench()

    def fail(*_: object) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr(bench.signals, "close", fail)
    closed: list[bool] = []

    async def engine() -> AsyncGenerator[Chunk, None]:
        try:
            for chunk in [*TOKENS, STOP]:
                yield chunk
        finally:
            closed.append(True)

    async def run() -> list[str]:
        texts = []
        stream = bench.gateway.relay(REQUEST, engine(), bench.now)
        async for text in stream:
            texts.append(text)
            if len(texts) == leaves_after:
                await stream.aclose()
                break
        return texts

    assert len(asyncio.run(run())) == (leaves_after or len(TOKENS) + 1)
    assert closed == [True]
    assert "ValueError" in caplog.text
    assert SECRET not in caplog.text


def test_the_engine_is_told_to_stop_when_the_client_leaves():
    bench = Bench()
    stopped: list[str] = []

    async def engine() -> AsyncGenerator[Chunk, None]:
        try:
            while True:
                yield Chunk("x", 1)
        finally:
            stopped.append("stopped")

    async def run() -> None:
        stream = bench.gateway.relay(REQUEST, engine(), bench.now)
        await anext(stream)
        await stream.aclose()
        assert stopped == ["stopped"]

    asyncio.run(run())


# --- Times --------------------------------------------------------------------------------------------------------


def test_ttft_runs_from_arrival_to_the_first_token_that_can_be_read():
    record = Bench().serve([Chunk("", 0), Chunk("", 0), Chunk("a", 1), STOP], every=0.2)
    assert record.ttft_s == pytest.approx(0.6)
    assert record.tpot_s is None  # one token has no time between tokens


def test_what_happens_before_the_engine_is_asked_counts_for_the_first_token():
    bench = Bench()

    async def run() -> None:
        arrived = bench.now
        bench.now += 0.9  # moderation, routing, a queue
        async for _ in bench.gateway.relay(REQUEST, bench.engine([*TOKENS, STOP], 0.1), arrived):
            pass

    asyncio.run(run())
    record = bench.records()[0]
    assert record.ttft_s == pytest.approx(1.1)
    assert record.promises()["ttft"] is False
    root = root_of(bench.spans.get_finished_spans())
    assert (root.end_time - root.start_time) / 1e9 == pytest.approx(0.9 + 7 * 0.1)
    assert root.start_time == START_NS


def test_a_slow_reader_does_not_look_like_a_slow_model():
    bench = Bench()

    def read() -> None:
        bench.now += 2.0

    record = bench.serve([*TOKENS, STOP], reader=read)
    assert record.tpot_s == pytest.approx(0.03)
    assert record.longest_gap_s == pytest.approx(0.03)
    assert record.duration_s > 10


def test_time_per_token_counts_tokens_not_chunks():
    record = Bench().serve([Chunk("a", 3), Chunk("b", 4), Chunk("c", 2), STOP], every=0.12)
    assert record.output_tokens == 9
    assert record.tpot_s == pytest.approx(2 * 0.12 / 6)


def test_a_mean_hides_a_stall_that_the_longest_gap_shows():
    bench = Bench()

    async def engine() -> AsyncGenerator[Chunk, None]:
        for number in range(400):
            bench.now += 5.03 if number == 200 else 0.03
            yield Chunk("x", 1)
        yield STOP

    async def run() -> None:
        async for _ in bench.gateway.relay(REQUEST, engine(), bench.now):
            pass

    asyncio.run(run())
    record = bench.records()[0]
    assert record.promises()["tpot"] is True
    assert record.tpot_s == pytest.approx(0.04253, abs=1e-4)
    assert record.longest_gap_s == pytest.approx(5.03)


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 20)), max_size=30))
def test_times_of_any_stream_are_consistent(chunks: list[tuple[int, float]]):
    now = [0.0]
    watch = Watch(lambda: now[0], 0.0)
    for tokens, wait in chunks:
        watch.ask()
        now[0] += wait
        watch.got(tokens)
    assert watch.tokens == sum(tokens for tokens, _ in chunks)
    assert (watch.ttft_s is None) == (watch.tokens == 0)
    assert 0 <= watch.longest_gap_s <= watch.decode_s + 1e-9
    assert (watch.ttft_s or 0) + watch.decode_s <= watch.duration_s() + 1e-6
    assert watch.silent_s() <= watch.duration_s() + 1e-9
