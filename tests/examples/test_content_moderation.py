"""Prompts through the cascade, with a guard that answers and with one that does not.

Time is virtual: a loop whose clock jumps to the next timer, so nothing here waits and nothing depends on the machine.
"""

from __future__ import annotations

import asyncio
import selectors
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from threading import Barrier

import pytest

from examples.content_moderation import guard, policy, small, workers
from examples.content_moderation.cascade import Moderator, digest
from examples.content_moderation.guard import Guard, GuardUnavailable
from examples.content_moderation.policy import Action, PolicyError
from examples.content_moderation.reading import read

POLICY = policy.load(policy.FILE.read_text(encoding="utf-8"))


def judged(**more):
    """Return a guard's verdict: a score for each category."""
    return {**dict.fromkeys(POLICY.categories, 0.01), **more}


NO_VERDICTS = ({}, {"general": 0.9}, judged(what=0.9), judged(general=float("nan")), judged(severe=1.5))
SAFE, UNSAFE = judged(), judged(general=0.97)
OURS = {"severe": ["S4", "S9"], "self_harm": ["S11"], "general": ["S1", "S2", "S10"]}
LABELS = {"S4": 0.1, "S9": 0.6, "S11": 0.05, "S1": 0.2, "S10": 0.05}


class Jumping(selectors.DefaultSelector):
    """A selector that moves the clock instead of waiting."""

    now = 0.0

    def select(self, timeout=None):
        self.now += max(timeout or 0.0, 0.0)
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        self.jumping = Jumping()
        super().__init__(self.jumping)

    def time(self):
        return self.jumping.now


def run(coroutine):
    """Run to the end in virtual time; fails if a task outlives it."""
    with asyncio.Runner(loop_factory=Loop) as runner:

        async def bounded():
            async with asyncio.timeout(100_000):
                result = await coroutine
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return result

        return runner.run(bounded())


def clock():
    return asyncio.get_running_loop().time()


class Words:
    """A small classifier that goes by words: the category's name and a number of hundredths."""

    version = POLICY.small

    async def score(self, texts):
        scores = dict.fromkeys(POLICY.categories, 0.01)
        for word in " ".join(texts).split():
            name, _, hundredths = word.rpartition(":")
            if name in scores:
                scores[name] = max(scores[name], int(hundredths) / 100)
        return scores


def way_to(model, in_flight=10, version=POLICY.guard):
    return Guard(model, version, POLICY.categories, POLICY.guard_timeout_ms / 1000, in_flight, clock)


def moderator(model, rules=POLICY, in_flight=100, known=None):
    way = way_to(model, in_flight)
    return Moderator(rules, Words(), way, known or {}), way


def says(verdict, after=0.1):
    async def model(prompt, answer):
        await asyncio.sleep(after)
        return verdict

    return model


async def hangs(prompt, answer):
    await asyncio.sleep(10_000)


async def fails(prompt, answer):
    raise ConnectionError("refused")


def decide(model, text, **more):
    return run(moderator(model, **more)[0].prompt([text]))


class TestPrompt:
    @pytest.mark.parametrize(
        ("verdict", "text", "action"),
        [
            (UNSAFE, "can you general:49", Action.ALLOW),
            (UNSAFE, "can you general:50", Action.REFUSE),
            (SAFE, "can you general:99", Action.ALLOW),
            (judged(general=0.49), "can you general:99", Action.ALLOW),
            (judged(self_harm=0.9), "can you self_harm:30", Action.RESOURCES),
            (judged(severe=0.05), "can you severe:05", Action.BLOCK),
            (judged(severe=0.04), "can you severe:05", Action.ALLOW),
            (judged(self_harm=0.3, general=0.31), "can you self_harm:30 general:50", Action.RESOURCES),
            (judged(general=0.9, severe=0.9), "can you general:60", Action.BLOCK),
        ],
    )
    def test_the_guard_is_asked_from_the_threshold_and_decides(self, verdict, text, action):
        assert decide(says(verdict), text).action is action

    def test_the_guard_is_not_asked_below_it(self):
        made = decide(hangs, "can you general:49")
        assert (made.reason, made.scores["general"]) == ("below every threshold", 0.49)

    @pytest.mark.parametrize(
        "text",
        [
            "wie geht es dir heute mein lieber freund",
            "please pi\u200bck this",
            "please p\u0456ck this",
            "answer this: " + "aG93IGRvIGkgb3BlbiB0aGUgdmF1bHQ=",
            "a " * 10_001,
        ],
    )
    def test_what_the_small_one_cannot_read_goes_to_the_guard(self, text):
        assert decide(says(UNSAFE), text).action is Action.REFUSE

    def test_a_request_split_over_four_turns_is_read_as_one_and_the_guard_reads_them_all(self):
        seen, asked = [], []

        class Spy(Words):
            async def score(self, texts):
                seen.extend(texts)
                return await super().score(texts)

        async def model(prompt, answer):
            asked.append((prompt, answer))
            return SAFE

        turns = ["one", "two", "three", "four", "general:60"]
        run(Moderator(POLICY, Spy(), way_to(model), {}).prompt(turns))
        assert {"general:60", "two\nthree\nfour\ngeneral:60"} <= set(seen)
        assert not [text for text in seen if "one" in text]
        assert asked == [("\n".join(turns), "")]

    def test_a_long_turn_before_does_not_hide_the_half_of_a_request_behind_it(self):
        made = run(moderator(says(UNSAFE))[0].prompt(["one half", "you " * 6_000, "the other half"]))
        assert made.reason == "confirmed"

    def test_what_reviewers_confirmed_is_known_again_without_any_model_and_in_disguise(self):
        known = {digest(read("Do the bad  thing")): "severe"}
        for text in ("do the bad thing", "Do\u200b the b\u0430d thing"):
            made = run(moderator(hangs, known=known)[0].prompt([text]))
            assert (made.action, made.category, made.reason) == (Action.BLOCK, "severe", "known text")
        assert decide(says(SAFE), "do the bad thing today", known=known).action is Action.ALLOW

    @pytest.mark.parametrize(("small", "guard"), [("small-3", POLICY.guard), (POLICY.small, "guard-8b-3")])
    def test_a_policy_measured_with_other_detectors_is_refused(self, small, guard):
        words = Words()
        words.version = small
        with pytest.raises(PolicyError, match="measure its thresholds again"):
            Moderator(POLICY, words, way_to(says(SAFE), version=guard), {})

    @pytest.mark.parametrize(
        ("text", "verdict", "action"),
        [
            ("wie geht es dir heute mein lieber freund", judged(general=0.89), Action.ALLOW),
            ("wie geht es dir heute mein lieber freund", judged(general=0.9), Action.REFUSE),
            ("wie geht es dir heute mein lieber freund", judged(severe=0.05), Action.BLOCK),
            ("wie geht es dir mein freund general:50", judged(general=0.5), Action.REFUSE),
            ("please pi\u200bck this", judged(general=0.5), Action.REFUSE),
            ("wie pi\u200bck ich dir heute mein freund", judged(general=0.5), Action.REFUSE),
        ],
    )
    def test_the_guard_must_be_surer_where_only_the_language_called_it(self, text, verdict, action):
        assert decide(says(verdict), text).action is action

    @pytest.mark.parametrize(
        ("verdict", "text", "action"),
        [
            (judged(general=0.89), "can you severe:06", Action.ALLOW),
            (judged(general=0.9), "can you severe:06", Action.REFUSE),
            (judged(general=0.5), "can you severe:06 general:50", Action.REFUSE),
            (judged(self_harm=0.89), "can you general:60", Action.ALLOW),
            (judged(severe=0.05), "can you general:60", Action.BLOCK),
        ],
    )
    def test_what_another_category_called_the_guard_for_is_not_blocked_by_its_usual_score(
        self, verdict, text, action
    ):
        """The severe tier asks from 0.05: its calls must not let the guard block what 0.5 never sent to it."""
        assert decide(says(verdict), text).action is action

    def test_the_record_names_every_version_and_holds_no_text(self):
        made = decide(says(UNSAFE), "secret general:80")
        assert made.versions == ("2026-11-25.1", "small-4", "guard-8b-2")
        assert made.guard_scores["general"] == 0.97
        assert "secret" not in repr(made)


class TestScores:
    """A guard that writes "safe" or "unsafe" and then labels (Llama Guard 3) names none below 0.5."""

    def test_by_hand(self):
        assert guard.scores(0.4, LABELS, OURS) == pytest.approx(
            {"severe": 0.28, "self_harm": 0.02, "general": 0.1}
        )

    def test_the_severe_tier_acts_on_what_the_guard_would_have_called_safe(self):
        async def model(prompt, answer):
            return guard.scores(0.08, LABELS, OURS)

        made = decide(model, "can you severe:40")
        assert (made.action, made.reason) == (Action.BLOCK, "confirmed")
        assert made.guard_scores["severe"] == pytest.approx(0.056)

    @pytest.mark.parametrize("labels", [{}, {"S4": 0.05, "S9": 0.02}, {"S4": 0.9, "S9": 0.9}])
    def test_labels_that_do_not_follow_unsafe_are_no_verdict(self, labels):
        async def model(prompt, answer):
            return guard.scores(0.08, labels, OURS)

        made = decide(model, "can you severe:40")
        assert (made.action, made.reason) == (Action.UNAVAILABLE, "guard ValueError")


class TestWithoutTheSmallClassifier:
    """Nothing can be said of a text without its scores, in any category: it is not shown, and nobody is blamed."""

    @pytest.mark.parametrize(
        "scores",
        [
            {},
            {"severe": 0.0, "self_harm": 0.0},
            dict.fromkeys(POLICY.categories, float("nan")),
            dict.fromkeys(POLICY.categories, 1.1),
            ConnectionError("pool"),
            None,
        ],
    )
    @pytest.mark.parametrize("streaming", [False, True])
    def test_no_score_in_time_is_unavailable(self, scores, streaming):
        class Broken(Words):
            async def score(self, texts):
                if scores is None:
                    await asyncio.sleep(10_000)
                if isinstance(scores, Exception):
                    raise scores
                return scores

        async def timed():
            judge = Moderator(POLICY, Broken(), way_to(says(SAFE)), {})
            if streaming:
                return await judge.answer(["hello"], "some text", "some text", True), clock()
            return await judge.prompt(["hello"]), clock()

        made, took = run(timed())
        assert (made.action, made.category) == (Action.UNAVAILABLE, None)
        assert made.reason.startswith("small classifier")
        assert took == pytest.approx(0.1 if scores is None else 0.0)

    def test_it_works_in_another_process_and_the_loop_stays_free(self):
        async def through(executor):
            ticks = 0

            async def tick():
                nonlocal ticks
                while True:
                    ticks += 1
                    await asyncio.sleep(0)

            ticking = asyncio.create_task(tick())
            made = await workers.Workers(executor).score(["how do i break in", "good morning"])
            ticking.cancel()
            return made, ticks

        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
            made, ticks = asyncio.run(through(executor))
        assert made == small.load().score(["how do i break in", "good morning"])
        assert ticks > 10

    def test_the_texts_of_a_check_take_the_time_of_one_and_the_highest_score_of_each_category_counts(
        self, monkeypatch
    ):
        both = Barrier(2, timeout=5)
        made = {"last": {"severe": 0.3, "general": 0.1}, "joined": {"severe": 0.2, "general": 0.6}}

        def score(text):
            both.wait()
            return made[text]

        monkeypatch.setattr(workers, "score", score)
        with ThreadPoolExecutor(2) as executor:
            scores = asyncio.run(workers.Workers(executor).score(["last", "joined"]))
        assert scores == {"severe": 0.3, "general": 0.6}


class TestWithoutTheGuard:
    @pytest.mark.parametrize("model", [hangs, fails, *map(says, NO_VERDICTS)])
    @pytest.mark.parametrize(
        ("text", "action"),
        [
            ("can you severe:05", Action.UNAVAILABLE),
            ("can you general:50", Action.REFUSE),
            ("can you self_harm:49", Action.ALLOW),
            ("can you self_harm:50", Action.RESOURCES),
            ("wie geht es dir heute mein freund", Action.ALLOW),
            ("please pi\u200bck this", Action.UNAVAILABLE),
            ("answer this: aG93IGRvIGkgb3BlbiB0aGUgdmF1bHQ=", Action.UNAVAILABLE),
            ("wie pi\u200bck ich dir heute mein freund", Action.UNAVAILABLE),
        ],
    )
    def test_the_severe_tier_closes_and_the_rest_goes_by_the_small_one(self, model, text, action):
        assert decide(model, text).action is action

    def test_a_hanging_guard_costs_its_time_limit_and_no_more(self):
        async def timed():
            made = await moderator(hangs)[0].prompt(["can you general:60"])
            return made, clock()

        made, took = run(timed())
        assert took == pytest.approx(0.4)
        assert made.reason == "small alone: guard TimeoutError"

    def test_once_tripped_nobody_waits_except_one_probe_a_second(self):
        async def many():
            judge, _ = moderator(hangs)
            for _ in range(Guard.TRIP):
                await judge.prompt(["can you general:60"])
            tripped = clock()
            await judge.prompt(["can you general:60"])
            waited_by_probe = clock() - tripped
            for _ in range(50):
                await judge.prompt(["can you general:60"])
            waited = [waited_by_probe, clock() - tripped - waited_by_probe]
            for after in (0.55, 0.1):  # 0.95 s after the probe began, and 1.05
                await asyncio.sleep(after)
                began = clock()
                await judge.prompt(["can you general:60"])
                waited.append(clock() - began)
            return waited

        assert run(many()) == [pytest.approx(0.4), 0.0, 0.0, pytest.approx(0.4)]

    def test_after_fifteen_minutes_what_needs_the_guard_is_unavailable_and_the_rest_goes_on(self):
        async def long():
            judge, way = moderator(fails)
            for _ in range(Guard.TRIP):
                await judge.prompt(["can you general:60"])
            await asyncio.sleep(900)
            before = (await judge.prompt(["can you general:60"])).action
            await asyncio.sleep(0.5)
            after = [
                await judge.prompt([t])
                for t in ("can you general:60", "wie geht es dir heute mein freund", "can you general:10")
            ]
            return before, [(made.action, made.category) for made in after], way.outage_s()

        before, after, outage = run(long())
        assert before is Action.REFUSE
        assert after == [
            (Action.UNAVAILABLE, "general"),
            (Action.UNAVAILABLE, None),
            (Action.ALLOW, None),
        ]
        assert outage == pytest.approx(900.5)

    def test_good_answers_between_do_not_end_an_outage_and_twenty_in_a_row_do(self):
        """Nor do five more failures begin it anew: a guard that flaps would never have been away for 15 minutes."""

        async def flapping():
            well = False

            async def model(prompt, answer):
                if not well:
                    raise ConnectionError
                return SAFE

            way = way_to(model)
            for _ in range(5):
                with pytest.raises(GuardUnavailable):
                    await way.judge("x")
            lengths = []
            for answer in "+-----" + "+" * 19 + "-" + "+" * 20:
                await asyncio.sleep(1)
                well = answer == "+"
                with nullcontext() if well else pytest.raises(GuardUnavailable):
                    await way.judge("x")
                lengths.append(way.outage_s())
            return lengths

        assert run(flapping()) == [*range(1, 46), 0.0]

    def test_answers_that_are_no_verdict_are_an_outage_too(self):
        async def many():
            judge, way = moderator(says(judged(what=0.9)))
            for _ in range(Guard.TRIP):
                await judge.prompt(["can you general:60"])
            await asyncio.sleep(60)
            return way.outage_s()

        assert run(many()) == pytest.approx(60)

    def test_single_failures_are_no_outage(self):
        async def some():
            left = 4

            async def model(prompt, answer):
                nonlocal left
                left -= 1
                if left >= 0:
                    raise ConnectionError
                return SAFE

            way = way_to(model)
            for _ in range(4):
                with pytest.raises(GuardUnavailable):
                    await way.judge("x")
            await way.judge("x")
            left = 1
            with pytest.raises(GuardUnavailable):
                await way.judge("x")
            await asyncio.sleep(60)
            return way.outage_s()

        assert run(some()) == 0.0

    def test_calls_in_flight_are_bounded_and_given_back(self):
        async def crowd():
            most = busy = 0

            async def model(prompt, answer):
                nonlocal most, busy
                busy += 1
                most = max(most, busy)
                try:
                    await asyncio.sleep(0.2)
                finally:
                    busy -= 1
                return SAFE

            judge, way = moderator(model, in_flight=8)
            first = await asyncio.gather(*(judge.prompt(["can you general:60"]) for _ in range(40)))
            waiting = [asyncio.create_task(way.judge("x")) for _ in range(8)]
            await asyncio.sleep(0.1)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            second = await asyncio.gather(*(judge.prompt(["can you general:60"]) for _ in range(8)))
            return most, first, second

        most, first, second = run(crowd())
        assert most == 8
        assert sum(d.reason == "cleared by the guard" for d in first) == 8
        assert sum(d.reason == "small alone: guard busy" for d in first) == 32
        assert all(d.reason == "cleared by the guard" for d in second)

    def test_a_guard_that_is_always_busy_starts_no_outage(self):
        """So the share decided without it has an alarm of its own: the page says so."""

        async def crowd():
            judge, way = moderator(says(UNSAFE, after=0.3), in_flight=1)
            first = asyncio.create_task(way.judge("x"))
            await asyncio.sleep(0)
            made = [(await judge.prompt(["can you general:60"])).reason for _ in range(20)]
            await first
            return set(made), way.outage_s()

        assert run(crowd()) == ({"small alone: guard busy"}, 0.0)

    def test_in_another_language_the_severe_tier_is_open_while_the_guard_is_away(self):
        """The small classifier cannot read it, and a 503 for a tenth of the traffic is worse: the page says so."""
        made = decide(fails, "wie geht es dir heute mein lieber freund")
        assert (made.action, made.reason) == (Action.ALLOW, "unconfirmed: guard ConnectionError")
