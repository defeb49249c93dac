"""Answers through the window, in virtual time: what is shown, what is stopped, and what the client is told."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import aclosing
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.content_moderation import stream, wire
from examples.content_moderation.cascade import Decision
from examples.content_moderation.policy import Action
from examples.content_moderation.stream import End, Moderated, Resources, Show, Stop
from tests.examples.test_content_moderation import (
    POLICY,
    SAFE,
    UNSAFE,
    clock,
    fails,
    hangs,
    judged,
    moderator,
    run,
    says,
)  # fmt: skip

LIMITS = POLICY.stream


class Engine:
    """Sends chunks of given sizes at 50 tokens/s, and remembers that it was closed."""

    def __init__(self, tokens, sizes, prefill_s=0.3, fails_at=None):
        self.tokens, self.sizes, self.prefill_s, self.fails_at = tokens, sizes, prefill_s, fails_at
        self.started_s = None
        self.closed = False

    async def __call__(self):
        try:
            self.started_s = clock()
            await asyncio.sleep(self.prefill_s)
            sent = 0
            sizes = iter(self.sizes)
            while sent < len(self.tokens):
                size = next(sizes, 1)
                await asyncio.sleep(size / 50)
                if self.fails_at is not None and sent >= self.fails_at:
                    raise ConnectionError("engine")
                yield self.tokens[sent : sent + size]
                sent += size
        finally:
            self.closed = True


def benign(count):
    return [f"you{i} " for i in range(count)]


async def allow():
    return Decision(Action.ALLOW)


async def collect(moderated, record=None):
    events = []
    async with aclosing(moderated.events()) as source:
        async for event in source:
            events.append((clock(), event))
            if record:
                record(moderated)
    return events


def shown_of(events):
    return "".join(event.text for _, event in events if isinstance(event, Show))


class TestStream:
    @given(
        length=st.integers(0, 160),
        sizes=st.lists(st.integers(1, 60), max_size=30),
        delays=st.lists(st.sampled_from([0.0, 0.012, 0.192, 0.4, 3.0]), min_size=1, max_size=8),
    )
    @settings(max_examples=60)
    def test_a_benign_answer_arrives_whole_in_order_and_is_checked_whole(self, length, sizes, delays):
        async def go():
            engine, checked, calls = Engine(benign(length), sizes), [], 0

            async def check(text, span, first):
                nonlocal calls
                await asyncio.sleep(delays[calls % len(delays)])
                calls += 1
                assert text.endswith(span)
                assert first is (not checked)
                checked.append((text, span))
                return Decision(Action.ALLOW)

            moderated = Moderated(engine(), allow, check, LIMITS)
            events = await collect(moderated, lambda m: _within(m, LIMITS.window))
            assert engine.closed
            assert shown_of(events) == "".join(engine.tokens)
            assert events[-1][1] == End(length)
            assert checked[-1][0] == "".join(engine.tokens) if length else not checked
            for (before, _), (text, span) in zip([("", ""), *checked], checked, strict=False):
                assert len(span) >= len(text) - len(before)

        run(go())

    @given(
        harm_at=st.integers(0, 150),
        length=st.integers(1, 200),
        sizes=st.lists(st.integers(1, 120), max_size=30),
        prefill=st.sampled_from([0.0, 0.1, 2.0]),
        prompt_s=st.sampled_from([0.0, 0.2, 1.0]),
        delays=st.lists(st.sampled_from([0.0, 0.012, 0.192, 0.4, 5.0]), min_size=1, max_size=6),
    )
    @settings(max_examples=150)
    def test_at_most_one_second_of_harm_is_ever_shown(
        self, harm_at, length, sizes, prefill, prompt_s, delays
    ):
        tokens = [f"w{i} " if i < harm_at else "bad " for i in range(length)]

        async def go():
            engine, calls = Engine(tokens, sizes, prefill), 0

            async def prompt():
                await asyncio.sleep(prompt_s)
                return Decision(Action.ALLOW)

            async def check(text, span, first):
                nonlocal calls
                await asyncio.sleep(delays[calls % len(delays)])
                calls += 1
                caught = span.count("bad") >= LIMITS.recognized_within
                return Decision(Action.REFUSE if caught else Action.ALLOW, "general" if caught else None)

            events = await collect(Moderated(engine(), prompt, check, LIMITS))
            harmful = max(0, length - harm_at)
            assert shown_of(events).count("bad") <= 50
            assert engine.closed
            if harmful >= LIMITS.recognized_within:
                assert isinstance(events[-1][1], Stop)
                assert events[-1][1].shown == shown_of(events).count(" ")
            else:
                assert events[-1][1] == End(length)

        run(go())

    @pytest.mark.parametrize("prompt_s", [0.05, 2.0])
    def test_nothing_is_shown_before_the_prompt_is_decided_and_prefill_does_not_wait(self, prompt_s):
        async def go():
            engine = Engine(benign(40), [])

            async def prompt():
                await asyncio.sleep(prompt_s)
                return Decision(Action.ALLOW)

            events = await collect(Moderated(engine(), prompt, _passes, LIMITS))
            return engine.started_s, events[0][0]

        started, first = run(go())
        assert started == 0.0
        assert first == pytest.approx(max(prompt_s, 0.3 + 1 / 50))

    def test_a_refused_prompt_shows_nothing_and_stops_the_engine(self):
        async def go():
            engine = Engine(benign(400), [])

            async def prompt():
                await asyncio.sleep(0.2)
                return Decision(Action.REFUSE, "general")

            events = await collect(Moderated(engine(), prompt, _passes, LIMITS))
            return engine.closed, events, clock()

        closed, events, took = run(go())
        assert closed
        assert [event for _, event in events] == [Stop(Decision(Action.REFUSE, "general"), 0, "prompt")]
        assert took == pytest.approx(0.2)

    def test_a_guard_at_its_95th_percentile_never_pauses_the_text(self):
        async def go():
            async def check(text, span, first):
                await asyncio.sleep(0.192)
                return Decision(Action.ALLOW)

            return await collect(Moderated(Engine(benign(400), [], 0.0)(), allow, check, LIMITS))

        times = [time for time, event in run(go()) if isinstance(event, Show)]
        assert len(times) == 400
        assert max(b - a for a, b in pairwise(times)) < 0.021

    def test_the_small_one_reads_the_new_tokens_with_75_before_them(self):
        """Too little and harm is cut in two; too much and it drowns in a long harmless answer."""
        spans = []

        async def check(text, span, first):
            spans.append(span.split())
            return Decision(Action.ALLOW)

        run(collect(Moderated(Engine(benign(160), [])(), allow, check, LIMITS)))
        assert [(span[0], span[-1]) for span in spans] == [
            ("you0", "you24"),
            ("you0", "you49"),
            ("you0", "you74"),
            ("you0", "you99"),
            ("you25", "you124"),
            ("you50", "you149"),
            ("you75", "you159"),
        ]

    def test_a_hung_guard_does_not_hang_the_stream(self):
        async def go():
            judge, _ = moderator(hangs)
            tokens = ["general:60 " if i % 50 == 0 else w for i, w in enumerate(benign(400))]
            engine = Engine(tokens, [])
            run_ = Moderated(engine(), allow, lambda t, s, f: judge.answer(["hello you"], t, s, f), LIMITS)
            return await collect(run_), "".join(tokens)

        events, text = run(go())
        assert shown_of(events) == text
        assert events[-1][1] == End(400)
        assert events[-1][0] < 0.3 + 400 / 50 + 7 * 0.4

    def test_the_guard_reads_the_prompt_and_the_answer_from_its_beginning(self):
        asked = []

        async def model(prompt, answer):
            asked.append((prompt, answer))
            return SAFE

        async def go():
            judge, _ = moderator(model)
            text = "w " * 150 + "general:80"
            return await judge.answer(["first turn", "second turn"], text, text[-100:], False)

        assert run(go()).action is Action.ALLOW
        assert asked == [("first turn\nsecond turn", "w " * 150 + "general:80")]

    @pytest.mark.parametrize(
        "text",
        [
            "das ist ein ganz normaler satz ohne jeden harm ",
            "मैं आज शाम को अपने दोस्तों के लिए खाना बनाता हूँ ",
            "می\u200cخواهم امشب برای دوستانم غذا بپزم ",  # noqa: RUF001 - Persian
        ],
    )
    def test_an_answer_in_another_language_is_read_by_the_guard_once_and_an_encoded_one_always(self, text):
        calls = []

        async def model(prompt, answer):
            calls.append(answer)
            return SAFE

        async def go():
            judge, _ = moderator(model)
            encoded = "aG93IGRvIGkgb3BlbiB0aGUgdmF1bHQ="
            for answer in (text * 3, encoded):
                await judge.answer(["please"], answer, answer, True)
                await judge.answer(["please"], answer * 2, answer, False)

        run(go())
        assert len(calls) == 3

    def test_a_base64_answer_goes_to_the_guard_wherever_the_checks_cut_it(self):
        calls = []

        async def model(prompt, answer):
            calls.append(answer)
            return SAFE

        async def go():
            judge, _ = moderator(model)
            blob = base64.b64encode(
                b"how do i open the vault of the sugar king without a key at night " * 6
            ).decode()
            tokens = [blob[i : i + 3] for i in range(0, len(blob), 3)]
            checked = []

            async def check(text, span, first):
                checked.append(text)
                return await judge.answer(["please"], text, span, first)

            await collect(Moderated(Engine(tokens, [])(), allow, check, LIMITS))
            return checked

        checked = run(go())
        assert len(checked) > 4
        assert calls == checked

    @pytest.mark.parametrize(
        ("verdict", "action"),
        [
            (judged(general=0.89), Action.ALLOW),
            (judged(general=0.9), Action.REFUSE),
            (judged(severe=0.05), Action.BLOCK),
        ],
    )
    def test_a_stream_is_stopped_from_a_higher_score_except_in_the_severe_tier(self, verdict, action):
        text = "it is general:60"
        assert run(moderator(says(verdict))[0].answer(["please"], text, text, True)).action is action

    def test_alone_a_stream_is_stopped_only_by_a_very_high_score(self):
        async def go(text):
            return (await moderator(fails)[0].answer(["please"], text, text, True)).action

        assert run(go("it is general:94")) is Action.ALLOW
        assert run(go("it is general:95")) is Action.REFUSE

    @pytest.mark.parametrize("after", [0.1, 0.5, 3.0])
    def test_a_client_that_hangs_up_stops_engine_and_check(self, after):
        async def go():
            cancelled = []

            async def check(text, span, first):
                try:
                    await asyncio.sleep(50)
                except asyncio.CancelledError:
                    cancelled.append(True)
                    raise

            engine = Engine(benign(400), [])
            source = Moderated(engine(), allow, check, LIMITS).events()

            async def read():
                async for _ in source:
                    pass

            task = asyncio.create_task(read())
            await asyncio.sleep(after)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await source.aclose()
            assert engine.closed
            assert bool(cancelled) == (after > 0.3 + 25 / 50)

        run(go())

    def test_a_connection_that_a_cancelled_read_leaves_open_is_closed(self):
        class Connection:
            closed = False

            def __aiter__(self):
                return self

            async def __anext__(self):
                await asyncio.sleep(0.02)
                return ["you "]

            async def aclose(self):
                self.closed = True

        async def refuses():
            return Decision(Action.REFUSE, "general")

        async def go():
            connection = Connection()
            await collect(Moderated(connection, refuses, _passes, LIMITS))
            return connection.closed

        assert run(go())

    def test_an_engine_that_fails_and_a_check_that_fails_end_the_stream(self):
        async def broken(text, span, first):
            raise ValueError("bug")

        async def go(engine, check):
            with pytest.raises((ConnectionError, ValueError)):
                await collect(Moderated(engine(), allow, check, LIMITS))
            assert engine.closed

        run(go(Engine(benign(100), [], fails_at=60), _passes))
        run(go(Engine(benign(100), []), broken))

    def test_a_hundred_streams_at_once_do_not_mix(self):
        async def go():
            judge, _ = moderator(says(UNSAFE))

            async def one(i):
                tokens = [f"you{i}x{k} " for k in range(120)]
                if i % 4 == 0:
                    tokens[40] = "general:90 "
                run_ = Moderated(
                    Engine(tokens, [i % 7 + 1] * 60)(),
                    allow,
                    lambda t, s, f: judge.answer(["hi"], t, s, f),
                    LIMITS,
                )
                return "".join(tokens), await collect(run_)

            return await asyncio.gather(*(one(i) for i in range(100)))

        for i, (text, events) in enumerate(run(go())):
            assert text.startswith(shown_of(events))
            assert isinstance(events[-1][1], Stop) == (i % 4 == 0)


def _within(moderated, window):
    assert moderated.shown <= moderated.passed + window


async def _passes(text, span, first):
    return Decision(Action.ALLOW)


class TestServe:
    def serve(self, model, turns, tokens=None):
        async def go():
            judge, _ = moderator(model)
            engines = []

            def engine(crisis):
                engines.append(Engine(["you can "] * 30 if crisis else tokens or benign(30), []))
                return engines[-1]()

            async with aclosing(stream.serve(turns, engine, judge)) as source:
                events = [event async for event in source]
            assert all(e.closed or e.started_s is None for e in engines)
            return events

        return run(go())

    def test_signs_of_self_harm_get_resources_and_another_answer(self):
        events = self.serve(says(judged(self_harm=0.9)), ["i self_harm:40"])
        assert isinstance(events[0], Resources)
        assert "".join(e.text for e in events if isinstance(e, Show)) == "you can " * 30
        assert events[-1] == End(30)

    def test_an_answer_that_turns_to_self_harm_is_stopped_and_not_begun_again(self):
        tokens = [*benign(20), *["self_harm:90 "] * 60]
        events = self.serve(says(judged(self_harm=0.95)), ["hello you"], tokens)
        assert {type(event) for event in events} == {Show, Stop}
        assert (events[-1].by, events[-1].decision.action) == ("answer", Action.RESOURCES)

    def test_what_the_client_is_told(self):
        events = self.serve(says(UNSAFE), ["hello"], [*benign(20), *["general:90 "] * 60])
        stop = events[-1]
        told = json.loads(wire.chunk(stop, "c-1").removeprefix("data: "))
        assert told["choices"][0]["finish_reason"] == "content_filter"
        assert told["moderation"] == {
            "withdraw": True,
            "shown_tokens": stop.shown,
            "case": "c-1",
            "automated": True,
            "policy": "general",
            "appeal": "/appeals/c-1",
        }
        assert 0 < stop.shown <= LIMITS.window

    def test_a_severe_block_tells_neither_category_nor_score(self):
        events = self.serve(says(judged(severe=0.9)), ["severe:90"])
        assert wire.status(events[0]) == 400
        told = wire.chunk(events[0], "c-2")
        assert "severe" not in told
        assert "0.9" not in told

    def test_nobody_to_check_is_an_error_that_may_be_retried(self):
        events = self.serve(fails, ["severe:90"])
        assert wire.status(events[0]) == 503
        assert "content_filter" not in wire.chunk(events[0], "c-3")

    def test_an_answer_that_is_stopped_before_its_first_token_is_no_refused_prompt(self):
        harmful = Decision(Action.REFUSE, "general")
        assert [wire.status(Stop(harmful, 0, by)) for by in ("prompt", "answer")] == [400, 200]
        assert wire.status(Stop(Decision(Action.UNAVAILABLE), 0, "answer")) == 503

    def test_a_finished_answer_and_a_piece_of_one(self):
        assert wire.status(Show("a", 1)) == 200
        assert json.loads(wire.chunk(Show("a", 1), "c").removeprefix("data: "))["choices"][0]["delta"] == {
            "content": "a"
        }
        assert (
            json.loads(wire.chunk(End(1), "c").removeprefix("data: "))["choices"][0]["finish_reason"]
            == "stop"
        )
        card = json.loads(wire.chunk(Resources(Decision(Action.RESOURCES)), "c").removeprefix("data: "))
        assert card["moderation"]["show"] == "crisis_resources"
        stopped = Stop(Decision(Action.RESOURCES, "self_harm"), 3, "answer")
        assert json.loads(wire.chunk(stopped, "c").removeprefix("data: "))["moderation"]["show"]
