"""The miniature itself: whom a fault can meet, what the gateway does about it, and what a real lost replica does."""

import asyncio
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from examples.chaos_engineering import actions
from examples.chaos_engineering.faults import Fault, Injector, Refused, group_of
from examples.chaos_engineering.gateway import MENDED, ClientGone, Policy
from examples.chaos_engineering.miniature import HurriedLoop, running
from examples.chaos_engineering.replica import known_answer
from tests.examples.waiting import wait_until

BOUNDS = {"lease_s": 30.0, "max_hits": 100, "stop_after_bad": 100}


def a_fault(**changes):
    return Fault.model_validate(
        {"name": "f", "target": "replica-1", "kind": "stall", "tenants": "experiment", **BOUNDS, **changes}
    )


def ids(group, count):
    found = (i for n in itertools.count() if group_of(i := f"r{n}") == group)
    return list(itertools.islice(found, count))


def arm(injector, fault):
    """In the test's own run."""
    injector.begin()
    injector.arm(fault, injector._run)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class TestInjector:
    @given(
        requests=st.lists(
            st.tuples(st.sampled_from(["acme", "bank", "probe"]), st.integers(0, 400), st.booleans()),
            max_size=60,
        ),
        limit=st.integers(1, 10),
        stop=st.integers(1, 10),
        tenants=st.sampled_from(["experiment", "probe"]),
    )
    def test_whoever_comes_it_meets_only_its_own_and_never_too_many(self, requests, limit, stop, tenants):
        injector = Injector(frozenset({"bank"}), Clock())
        arm(injector, a_fault(tenants=tenants, max_hits=limit, stop_after_bad=stop))
        hits, bad, ended = 0, 0, None
        for tenant, number, good in requests:
            request = {"tenant": tenant, "id": f"{tenant}-{number}"}
            group = injector.group(request)
            assert (group == "excluded") == (tenant == "bank")
            if injector.choose(request, "replica-1"):
                hits += 1
                assert group == tenants
                assert ended is None
            elif group == tenants and ended is None:
                assert hits == limit
                ended = "limit"
            injector.answered(request, good)
            bad += ended is None and group == tenants and not good
            ended = ended or ("bad" if bad >= stop else None)
            assert injector.armed() == ([] if ended else ["f"])
            assert injector.ended == ({"f": ended} if ended else {})
        assert injector.hits == {"f": hits}
        assert hits <= limit

    def test_its_limit_ends_it_and_a_client_that_repeats_an_id_does_not_get_around_it(self):
        injector = Injector(frozenset(), Clock())
        fault = a_fault(max_hits=3)
        arm(injector, fault)
        first, other = ({"tenant": "acme", "id": i} for i in ids("experiment", 2))
        met = [injector.choose(request, "replica-1") is not None for request in (first, first, first)]
        assert met == [True] * 3
        assert injector.holds(fault)
        assert injector.choose(other, "replica-1") is None
        assert injector.ended == {"f": "limit"}
        assert not injector.holds(fault)
        assert injector.choose(first, "replica-1") is None
        arm(injector, fault)
        assert injector.choose(first, "replica-1")
        assert injector.hits == {"f": 1}

    def test_other_targets_are_spared(self):
        injector = Injector(frozenset(), Clock())
        (one,) = ids("experiment", 1)
        arm(injector, a_fault(target="replicas"))
        request = {"tenant": "acme", "id": one}
        assert injector.choose(request, "replica-3")
        assert injector.choose(request, "provider") is None
        injector.disarm("f")
        arm(injector, a_fault(target="replica-2"))
        assert injector.choose(request, "replica-3") is None

    def test_the_lease_ends_it_and_renewing_keeps_it(self):
        clock = Clock()
        injector = Injector(frozenset(), clock)
        arm(injector, a_fault(lease_s=10))
        clock.now = 9.9
        injector.renew("f")
        clock.now = 19.8
        assert injector.armed() == ["f"]
        clock.now = 19.9
        assert injector.choose({"tenant": "a", "id": ids("experiment", 1)[0]}, "replica-1") is None
        assert injector.ended == {"f": "lease"}
        with pytest.raises(Refused, match="f has ended: lease"):
            injector.renew("f")

    def test_what_nobody_has_asked_for_since_its_lease_ran_out_is_not_renewed(self):
        clock = Clock()
        injector = Injector(frozenset(), clock)
        arm(injector, a_fault(lease_s=10))
        clock.now = 10.0
        with pytest.raises(Refused, match="f has ended: lease"):
            injector.renew("f")

    def test_what_a_fault_holds_up_goes_on_when_its_lease_runs_out_and_nobody_else_asks(self):
        clock = Clock()
        injector = Injector(frozenset(), clock)
        fault = a_fault(lease_s=10)
        arm(injector, fault)
        clock.now = 9.9
        assert injector.holds(fault)
        clock.now = 10.0
        assert not injector.holds(fault)

    def test_one_run_has_the_lease_and_nobody_arms_without_it(self):
        clock = Clock()
        injector = Injector(frozenset(), clock)
        with pytest.raises(Refused, match="does not have the lease"):
            injector.arm(a_fault(), "")
        first = injector.begin()
        assert injector.begin() is None
        clock.now = 59.9
        injector.extend(first)
        clock.now = 119.8
        assert injector.begin() is None
        injector.arm(a_fault(lease_s=10), first)
        clock.now = 179.9
        second = injector.begin()
        assert second not in {None, first}
        for late in (injector.extend, lambda run: injector.arm(a_fault(), run)):
            with pytest.raises(Refused, match="does not have the lease"):
                late(first)
        injector.finish(first)
        assert injector.begin() is None
        injector.finish(second)
        assert injector.begin()

    def test_a_run_that_is_over_does_not_begin_again_beside_the_fault_that_it_left(self):
        clock = Clock()
        injector = Injector(frozenset(), clock)
        first = injector.begin()
        injector.arm(a_fault(lease_s=10), first)
        injector.finish(first)
        assert injector.begin() is None
        clock.now = 10.0
        assert injector.begin()

    def test_a_run_whose_runner_is_dead_is_over_after_its_lease(self):
        clock = Clock()
        injector = Injector(frozenset(), clock)
        run = injector.begin()
        clock.now = 60.0
        with pytest.raises(Refused, match="does not have the lease"):
            injector.extend(run)
        assert injector.begin()

    @pytest.mark.parametrize("flag", ["incident", "veto"])
    @pytest.mark.parametrize("value", [True, None])
    def test_an_incident_or_a_veto_ends_every_fault_and_the_run(self, flag, value):
        with mended() as service:
            injector = service.gateway.injector
            fault = a_fault()
            arm(injector, fault)
            service.gateway.readiness[flag] = value
            assert injector.choose({"tenant": "a", "id": ids("experiment", 1)[0]}, "replica-1") is None
            assert not injector.holds(fault)
            assert injector.ended == {"f": flag}
            with pytest.raises(Refused, match=f"f has ended: {flag}"):
                injector.renew("f")
            for go_on in (injector.extend, lambda run: injector.arm(a_fault(), run)):
                with pytest.raises(Refused, match=flag):
                    go_on(injector._run)

    def test_a_name_is_free_again_when_its_lease_has_run_out(self):
        clock = Clock()
        injector = Injector(frozenset(), clock)
        first = a_fault(lease_s=10)
        arm(injector, first)
        clock.now = 10.0
        injector.disarm("f")
        assert injector.ended == {"f": "lease"}
        arm(injector, a_fault(lease_s=10))
        clock.now = 20.0
        injector.arm(a_fault(lease_s=10), injector._run)
        assert injector.armed() == ["f"]
        assert not injector.holds(first)

    def test_a_wrong_answer_never_goes_to_a_user(self):
        injector = Injector(frozenset(), Clock())
        with pytest.raises(Refused, match="probes only"):
            arm(injector, a_fault(kind="wrong"))
        arm(injector, a_fault(kind="wrong", tenants="probe"))

    def test_no_fault_is_armed_twice_and_disarming_is_safe_to_repeat(self):
        injector = Injector(frozenset(), Clock())
        injector.disarm("f")
        assert injector.ended == {}
        arm(injector, a_fault())
        with pytest.raises(Refused, match="already"):
            arm(injector, a_fault())
        injector.disarm("f")
        injector.disarm("f")
        assert injector.ended == {"f": "disarmed"}
        arm(injector, a_fault())
        assert injector.ended == {}

    @pytest.mark.parametrize("bound", BOUNDS)
    def test_no_bound_may_be_missing_or_zero(self, bound):
        good = a_fault().model_dump()
        for bad in (good | {bound: 0}, {key: value for key, value in good.items() if key != bound}):
            with pytest.raises(ValidationError):
                Fault.model_validate(bad)

    @pytest.mark.parametrize("over", [{"lease_s": 60.1}, {"max_hits": 1_001}])
    def test_no_bound_may_be_so_wide_that_it_is_none(self, over):
        with pytest.raises(ValidationError):
            a_fault(**over)

    def test_the_groups_are_equal_in_size_and_stable(self):
        groups = [group_of(f"x{n}") for n in range(8_000)]
        assert groups == [group_of(f"x{n}") for n in range(8_000)]
        for group in ("experiment", "control"):
            assert groups.count(group) == pytest.approx(2_000, rel=0.08)


def mended():
    """The mended service, whose deadlines pass in a moment and only for streams that are really silent."""
    return running(MENDED, make_loop=HurriedLoop)


def send(service, group, count, deadline_s=60.0):
    return actions.traffic(service.address, group, count, deadline_s)


async def talk(address, request):
    """The raw lines of one answer."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(json.dumps(request).encode() + b"\n")
    lines = [json.loads(line) async for line in reader]
    writer.close()
    return lines


class TestGateway:
    def test_a_stalled_answer_is_finished_elsewhere_without_a_gap_or_a_repeat(self):
        with mended() as service:
            arm(service.gateway.injector, a_fault(target="replica-1", after_tokens=2))
            for request_id in ids("experiment", 6):
                request = {"id": request_id, "tenant": "acme", "prompt": "p"}
                lines = asyncio.run(talk(service.address, request))
                assert [line["token"] for line in lines[:-1]] == known_answer("p", 6)
                assert lines[-1] == {"finish": "stop"}
            assert service.gateway.stats.resumed == service.gateway.injector.hits["f"] == 2

    @pytest.mark.parametrize("tokens", [0, 2, 6])
    def test_a_client_that_hangs_up_is_no_failure_of_any_replica_or_of_the_provider(self, tokens):
        """Whether it hangs up before the first token, in mid-answer or at the finish."""

        async def hung_up():
            gateway = service.gateway
            asked = [{"id": i, "tenant": "acme", "prompt": "p"} for i in ids("experiment", 6)]
            for request in asked:
                sent = itertools.count()

                async def send(_message, sent=sent):
                    if next(sent) >= tokens:
                        raise ConnectionResetError

                with pytest.raises(ClientGone):
                    await gateway.answer(request, send)
            assert gateway.stats.attempts == 6
            assert not any(gateway._report()["open"].values())
            assert not any(b.failures for b in gateway._pools[True].breakers.values())

            for breaker in gateway._pools[True].breakers.values():
                breaker.open_until = float("inf")
            with pytest.raises(ClientGone):
                await gateway.answer(asked[0], send)
            assert gateway.stats.provider_calls == 1
            assert gateway._pools[True].provider_after == 0.0
            return True

        with mended() as service:
            assert service.run(hung_up)

    def test_a_retry_goes_to_a_replica_that_has_not_failed_this_request(self):
        """Also when others turn the rotation in the meantime, and the breaker is still closed."""
        policy = Policy(**{**vars(MENDED), "open_after": 10_000, "retry_burst": 1_000.0})
        with running(policy) as service:
            gateway = service.gateway
            arm(gateway.injector, a_fault(kind="cut", after_tokens=1))
            tried = {}

            def spy(target, request, start, tokens=gateway._tokens):
                tried.setdefault(request["id"], []).append(target.name)
                return tokens(target, request, start)

            gateway._tokens = spy
            assert send(service, "experiment", 40) == 1.0
            assert gateway.injector.hits["f"] >= 13
            assert all(len(names) == len(set(names)) for names in tried.values()), tried
            assert gateway.stats.provider_calls == 0

    def test_without_resumption_a_cut_answer_says_so(self):
        policy = Policy(**{**vars(MENDED), "resume": False})
        with running(policy) as service:
            arm(service.gateway.injector, a_fault(target="replicas", kind="cut", after_tokens=2))
            request = {"id": ids("experiment", 1)[0], "tenant": "acme", "prompt": "p"}
            lines = asyncio.run(talk(service.address, request))
            assert [line.get("token") for line in lines[:2]] == known_answer("p", 2)
            assert lines[2]["error"] == "cut"
            assert len(lines) == 3

    def test_the_breaker_takes_a_silent_replica_out_after_three_failures(self):
        with mended() as service:
            arm(service.gateway.injector, a_fault(kind="cut"))
            for request_id in ids("experiment", 30):
                assert asyncio.run(actions.ask(service.address, request_id, 60.0))
            assert service.gateway.injector.hits["f"] == 3
            assert actions.operate(service.address, op="stats")["open"]["experiment"] == ["replica-1"]

    def test_the_breaker_and_the_budget_of_other_users_stay_as_they_are(self):
        with mended() as service:
            arm(service.gateway.injector, a_fault(target="replicas", kind="status"))
            send(service, "experiment", 20)
            report = actions.operate(service.address, op="stats")
            assert report["open"] == {"experiment": ["replica-1", "replica-2", "replica-3"], "rest": []}
            calls = service.gateway.stats.provider_calls
            assert send(service, "control", 20) == 1.0
            assert service.gateway.stats.provider_calls == calls

    def test_excluded_tenants_meet_no_fault_although_their_draw_says_so(self):
        with running(MENDED, make_loop=HurriedLoop, excluded=frozenset({"bank"})) as service:
            arm(service.gateway.injector, a_fault(target="replicas", kind="status"))

            async def all_of(tenant):
                asked = (actions.ask(service.address, i, 60.0, tenant) for i in ids("experiment", 8))
                return await asyncio.gather(*asked)

            assert all(asyncio.run(all_of("bank")))
            assert service.gateway.injector.hits["f"] == 0
            assert actions.operate(service.address, op="stats")["open"]["rest"] == []

    def test_retries_stay_within_their_budget(self):
        policy = Policy(**{**vars(MENDED), "open_after": 10_000})
        with running(policy) as service:
            arm(service.gateway.injector, a_fault(target="replicas", kind="status", max_hits=1_000))
            send(service, "experiment", 60)
            # 60 first attempts, 10 saved up, and a tenth of 60; the retry that is the last may round down.
            assert 60 + 10 <= service.gateway.stats.attempts <= 60 + 10 + 6

    def test_a_bad_experiment_ends_itself_without_any_tool(self):
        weak = Policy(**{**vars(MENDED), "resume": False, "open_after": 10_000})
        with running(weak) as service:
            arm(
                service.gateway.injector,
                a_fault(target="replicas", kind="cut", after_tokens=1, stop_after_bad=3),
            )
            answers = [
                asyncio.run(actions.ask(service.address, request_id, 60.0))
                for request_id in ids("experiment", 8)
            ]
            assert answers == [False] * 3 + [True] * 5
            # Counted once the client has its answer.
            wait_until(lambda: service.gateway.injector.ended == {"f": "bad"})

    def test_bad_answers_count_that_come_from_an_open_breaker(self):
        with mended() as service:
            arm(service.gateway.injector, a_fault(target="replicas", kind="status", stop_after_bad=15))
            arm(
                service.gateway.injector,
                a_fault(name="g", target="provider", kind="status", status=429, retry_after_s=30),
            )
            asked = ids("experiment", 16)
            assert not any(asyncio.run(actions.ask(service.address, i, 60.0)) for i in asked[:14])
            assert service.gateway.injector.hits == {"f": 9, "g": 1}
            assert service.gateway.injector.armed() == ["f", "g"]
            assert not asyncio.run(actions.ask(service.address, asked[14], 60.0))
            # Counted once the client has its answer.
            wait_until(lambda: service.gateway.injector.ended == {"f": "bad"})

    def test_the_provider_takes_over_only_before_the_first_token(self):
        with mended() as service:
            arm(service.gateway.injector, a_fault(target="replicas", kind="cut", after_tokens=1))
            asked = ids("experiment", 4)
            first = asyncio.run(talk(service.address, {"id": asked[0], "tenant": "a", "prompt": "p"}))
            assert first[-1]["error"] == "cut"
            assert service.gateway.stats.provider_calls == 0
            service.gateway.injector.disarm("f")
            arm(service.gateway.injector, a_fault(name="g", target="replicas", kind="status"))
            assert asyncio.run(actions.ask(service.address, asked[1], 60.0))
            assert service.gateway.stats.provider_calls == 1

    @pytest.mark.parametrize("kind", ["cut", "stall"])
    @pytest.mark.parametrize(("tokens", "error"), [(0, "overloaded"), (2, "cut")])
    @pytest.mark.parametrize("policy", [MENDED, Policy(first_token_s=1.0, gap_s=1.0)])
    def test_a_provider_that_goes_silent_is_told_and_begins_no_answer_twice(
        self, kind, tokens, error, policy
    ):
        with running(policy, make_loop=HurriedLoop) as service:
            injector = service.gateway.injector
            arm(injector, a_fault(target="replicas", kind="status"))
            arm(injector, a_fault(name="g", target="provider", kind=kind, after_tokens=tokens))
            request = {"id": ids("experiment", 1)[0], "tenant": "acme", "prompt": "p"}
            *got, last = asyncio.run(talk(service.address, request))
            assert [line["token"] for line in got] == known_answer("p", tokens)
            assert last["error"] == error
            calls = service.gateway.stats.provider_calls
            assert calls == (1 if policy.honor_retry_after or tokens else 1 + policy.max_retries)
            # The next one is not asked of it at once, where pauses are kept.
            lines = asyncio.run(talk(service.address, request))
            assert lines[-1]["error"] == ("overloaded" if policy.honor_retry_after else error)
            assert (service.gateway.stats.provider_calls == calls) == policy.honor_retry_after

    @pytest.mark.parametrize("kind", ["stall", "slow"])
    def test_what_a_fault_holds_up_goes_on_when_it_ends(self, kind):
        weak = Policy(**{**vars(MENDED), "first_token_s": None, "gap_s": None})
        with running(weak, make_loop=HurriedLoop) as service:
            arm(service.gateway.injector, a_fault(target="replicas", kind=kind, delay_s=1e9))

            async def held_and_let_go():
                asking = asyncio.ensure_future(actions.ask(service.address, ids("experiment", 1)[0], 60.0))
                while not service.gateway.injector.hits["f"]:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.1)
                assert not asking.done()
                service.gateway.injector.disarm("f")
                return await asking

            assert service.run(held_and_let_go)

    def test_what_is_only_slow_is_answered_in_the_end(self):
        weak = Policy(**{**vars(MENDED), "first_token_s": None})
        with running(weak, make_loop=HurriedLoop) as service:
            arm(service.gateway.injector, a_fault(target="replicas", kind="slow", delay_s=2.5))
            assert asyncio.run(actions.ask(service.address, ids("experiment", 1)[0], 60.0))
            assert service.gateway.injector.armed() == ["f"]
            assert service.gateway.stats.attempts == 1

    def test_a_probe_that_gets_no_answer_is_not_a_wrong_one(self):
        with mended() as service:
            arm(service.gateway.injector, a_fault(tenants="probe", kind="stall"))
            assert actions.probe_rounds(service.address, 3) == 0
            assert service.gateway.injector.hits["f"] == 3
            assert actions.operate(service.address, op="stats")["drained"] == []

    def test_a_killed_replica_cuts_real_streams_and_they_are_finished_elsewhere(self):
        with running(Policy(**{**vars(MENDED), "first_token_s": 60.0, "gap_s": 60.0})) as service:
            held = asyncio.Event()
            for replica in service.replicas:
                replica.after_token = held

            async def kill_in_mid_stream():
                asked = asyncio.gather(*(actions.ask(service.address, i, 60.0) for i in ids("rest", 6)))
                while sum(replica.tokens for replica in service.replicas) < 6:
                    await asyncio.sleep(0.01)
                await service.replicas[0].kill()
                held.set()
                return await asked

            assert service.run(kill_in_mid_stream) == [True] * 6
            assert service.gateway.stats.resumed == 2

    def test_the_calls_of_a_client_that_hangs_up_end(self):
        policy = Policy(**{**vars(MENDED), "gap_s": None})
        with running(policy) as service:
            arm(service.gateway.injector, a_fault(target="replicas", after_tokens=1))
            request_id = ids("experiment", 1)[0]
            assert not asyncio.run(actions.ask(service.address, request_id, 0.5))

            async def nothing_left():
                while any(replica._open for replica in service.replicas):
                    await asyncio.sleep(0.01)
                return True

            assert service.run(nothing_left)

    def test_one_wrong_replica_is_drained_by_the_machine_and_no_second(self):
        with mended() as service:
            arm(service.gateway.injector, a_fault(target="replicas", kind="wrong", tenants="probe"))
            assert actions.probe_rounds(service.address, 2) == 3
            assert actions.operate(service.address, op="stats")["drained"] == []
            for rounds in (1, 2):
                actions.probe_rounds(service.address, rounds)
                assert actions.operate(service.address, op="stats")["drained"] == ["replica-1"]

    def test_a_right_answer_starts_the_count_again(self):
        with mended() as service:
            wrong = a_fault(kind="wrong", tenants="probe")
            for _ in range(3):
                arm(service.gateway.injector, wrong)
                assert actions.probe_rounds(service.address, 2) == 1
                service.gateway.injector.disarm("f")
                assert actions.probe_rounds(service.address, 1) == 0
            assert actions.operate(service.address, op="stats")["drained"] == []

    @pytest.mark.parametrize(
        "request_",
        [
            {"op": "no-such-thing"},
            {"op": "arm", "fault": a_fault().model_dump(), "run": None},
            {"op": "arm", "fault": {"name": "f"}, "run": "r"},
            {"op": "arm", "fault": {**a_fault().model_dump(), "max_hits": 10**6}, "run": "r"},
            {"op": "extend", "run": "r"},
            {"op": "renew", "name": "never-armed"},
        ],
    )
    def test_a_refusal_reaches_the_tool_as_an_error(self, request_):
        with mended() as service:
            with pytest.raises(RuntimeError):
                actions.operate(service.address, **request_)
            assert service.gateway.injector.armed() == []
