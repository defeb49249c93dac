"""The experiments of the page, run by Chaos Toolkit itself against the miniature, on real sockets."""

import asyncio
import functools
import json
import math
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from chaoslib.exceptions import InterruptExecution, InvalidActivity, InvalidExperiment
from chaoslib.experiment import ensure_experiment_is_valid, load_experiment
from chaostoolkit.cli import cli

from examples.chaos_engineering import actions, guard, review
from examples.chaos_engineering.faults import Fault
from examples.chaos_engineering.gateway import MENDED, Policy
from examples.chaos_engineering.miniature import HurriedLoop, running
from tests.examples.waiting import wait_until

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples/chaos_engineering/experiments"
FILES = sorted(FOLDER.glob("*.yml"))

# What each experiment finds, and the part of the policy that mends it.
WEAK = {
    "stall": {"gap_s": None},
    "slow-first-token": {"first_token_s": None},
    "provider-429": {"honor_retry_after": False},
    "provider-key": {"honor_retry_after": False},
    "wrong-answer": {"check_answers": False},
}


def options(tmp_path, *run):
    return [
        *("--no-version-check", "--no-log-file", "--settings", str(tmp_path / "none.yaml")),
        *("run", "--journal-path", str(tmp_path / "journal.json"), *run),
    ]


def mended(**options):
    """The mended service. Its deadlines pass in a moment, and only for streams that are really silent."""
    return running(MENDED, make_loop=HurriedLoop, **options)


def impatient(service, monkeypatch):
    """Let the clients give up soon, but only once a fault has met one of them: before, a busy machine may take its time."""
    patient = actions.ask

    async def ask(*args):
        asking = asyncio.ensure_future(patient(*args))
        met = False
        while not asking.done() and not met:
            met = any(service.gateway.injector.hits.values())
            await asyncio.wait({asking}, timeout=0.3)
        if asking.done():
            return asking.result()
        asking.cancel()
        return False

    monkeypatch.setattr(actions, "ask", ask)


def chaos(experiment, service, tmp_path, monkeypatch, *run, deadline=60.0):
    """Run `chaos run` in this process; return the exit code and the journal."""
    monkeypatch.setenv("CHAOS_GATEWAY", service.address)
    monkeypatch.setenv("CHAOS_DEADLINE_S", str(deadline))
    code = cli.main([*options(tmp_path, *run), str(experiment)], standalone_mode=False, prog_name="chaos")
    return code if isinstance(code, int) else 0, json.loads((tmp_path / "journal.json").read_text("utf-8"))


def read(name):
    return yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))


def changed(tmp_path, name, change):
    """A copy of an experiment with something in it changed."""
    experiment = read(name)
    change(experiment)
    file = tmp_path / f"{name}.yml"
    file.write_text(yaml.safe_dump(experiment), encoding="utf-8")
    return file


def fault(experiment):
    return experiment["method"][0]["provider"]["arguments"]["fault"]


class TestFiles:
    def test_all_are_tried_below(self):
        assert {file.stem for file in FILES} == set(WEAK)

    @pytest.mark.parametrize("name", WEAK)
    def test_chaos_toolkit_finds_it_valid_and_the_review_finds_nothing(self, name, monkeypatch):
        monkeypatch.setenv("CHAOS_GATEWAY", "127.0.0.1:1")
        ensure_experiment_is_valid(load_experiment(str(FOLDER / f"{name}.yml")))
        assert review.faults_of(read(name)) == []

    def test_validation_sees_a_wrong_argument_and_a_missing_address(self, tmp_path, monkeypatch):
        monkeypatch.setenv("CHAOS_GATEWAY", "127.0.0.1:1")
        rename = changed(
            tmp_path, "stall", lambda e: e["rollbacks"][0]["provider"]["arguments"].update(nmae="x")
        )
        with pytest.raises(InvalidActivity):
            ensure_experiment_is_valid(load_experiment(str(rename)))
        monkeypatch.delenv("CHAOS_GATEWAY")
        with pytest.raises(InvalidExperiment):
            ensure_experiment_is_valid(load_experiment(str(FOLDER / "stall.yml")))

    @pytest.mark.parametrize(
        ("change", "finding"),
        [
            (lambda e: e.update(controls=[]), "no guard"),
            (lambda e: e["runtime"].pop("rollbacks"), "rollbacks do not always run"),
            (lambda e: e["method"][0].update(pauses={"after": 600}), "pauses outlast"),
            (lambda e: [a.update(pauses={"after": 6}) for a in e["method"]], "pauses outlast"),
            (lambda e: e["extensions"][0].update(worst_case_bad=33_697), "bad requests"),
            # The declaration stays, and the faults may do more.
            (lambda e: e["extensions"][0].update(worst_case_bad=0), "370 of its faults"),
            (lambda e: e["extensions"][0].update(max_load_rps=300), "548 of its faults"),
            (lambda e: fault(e).update(stop_after_bad=1_000), "1355 of its faults"),
            (lambda e: e["method"].append(e["method"][0]), "385 of its faults"),
            (lambda e: e.pop("extensions"), "bad requests"),
            (lambda e: e["extensions"][0].update(faults=[]), "other faults"),
            (lambda e: e["extensions"][0].update(faults=["stall", "cut"]), "other faults"),
            (lambda e: (e["extensions"][0].update(faults=[]), e["method"].pop(0)), "other faults"),
            (lambda e: fault(e).pop("lease_s"), "lease_s"),
            (lambda e: fault(e).update(lease_s=3_600), "lease_s"),
            (lambda e: fault(e).pop("max_hits"), "max_hits"),
            (lambda e: e.update(rollbacks=[]), "without its rollback"),
            (lambda e: e["steady-state-hypothesis"]["probes"].pop(0), "no control group"),
            (
                lambda e: (
                    e["method"].append(read("wrong-answer")["method"][0]),
                    e["steady-state-hypothesis"]["probes"].pop(0),
                ),
                "no control group",
            ),
            (
                lambda e: e["method"].append(
                    {
                        "name": "x",
                        "type": "action",
                        "provider": {"type": "http", "url": "http://127.0.0.1:1/"},
                    }
                ),
                "HTTP action",
            ),
        ],
    )
    def test_the_review_finds_what_validation_lets_pass(self, change, finding, tmp_path, monkeypatch):
        monkeypatch.setenv("CHAOS_GATEWAY", "127.0.0.1:1")
        file = changed(tmp_path, "stall", change)
        ensure_experiment_is_valid(load_experiment(str(file)))
        found = review.faults_of(yaml.safe_load(file.read_text(encoding="utf-8")))
        assert any(finding in what for what in found), found

    def test_the_review_finds_nothing_at_the_limits(self):
        experiment = read("stall")
        experiment["extensions"][0]["worst_case_bad"] = 33_696
        experiment["method"][0]["pauses"] = {"after": 10}
        assert review.faults_of(experiment) == []

    def test_the_worst_case_is_computed_from_what_reaches_users(self):
        stall = Fault.model_validate(fault(read("stall")))
        # Two of 48 replicas at 200 requests/s, for streams of 12.6 s and breakers that stay open for 30.
        assert review.worst_case([stall], 200) == pytest.approx(15 + 200 / 24 * 42.6)
        assert review.worst_case([stall, stall], 200) == pytest.approx(30 + 200 / 24 * 42.6)
        probes = Fault.model_validate(fault(read("wrong-answer")))
        assert review.worst_case([probes], 200) == 0

    def test_the_guard_has_the_hooks_that_the_tool_looks_for(self, monkeypatch):
        assert review.guard_is_there()
        monkeypatch.delattr(guard, "after_method_control")
        assert not review.guard_is_there()


class TestExperiments:
    @pytest.mark.parametrize("name", WEAK)
    def test_the_mended_gateway_passes(self, name, tmp_path, monkeypatch):
        with mended() as service:
            code, journal = chaos(FOLDER / f"{name}.yml", service, tmp_path, monkeypatch)
            assert (code, journal["status"], journal["deviated"]) == (0, "completed", False)
            assert journal["steady_states"]["after"]["steady_state_met"]
            assert [run["status"] for run in journal["rollbacks"]] == ["succeeded"] * len(
                journal["rollbacks"]
            )
            assert service.gateway.injector.armed() == []
            assert all(service.gateway.injector.hits.values())

    @pytest.mark.parametrize("name", WEAK)
    def test_it_shows_the_weakness_of_a_gateway_without_the_mend(self, name, tmp_path, monkeypatch):
        policy = Policy(**{**vars(MENDED), **WEAK[name]})
        with running(policy) as service:
            impatient(service, monkeypatch)
            code, journal = chaos(
                FOLDER / f"{name}.yml",
                service,
                tmp_path,
                monkeypatch,
            )
            assert journal["steady_states"]["before"]["steady_state_met"]
            assert (code, journal["status"], journal["deviated"]) == (1, "completed", True)
            assert service.gateway.injector.armed() == []


def interrupted(journal):
    return journal["status"] == "interrupted" and journal["steady_states"]["after"] is None


class TestGuard:
    @pytest.mark.parametrize(
        "readiness",
        [
            {"veto": True},
            {"incident": True},
            {"load_rps": 201},
            {"allowance": 377},
            {"budget_left": 0.49},
            # Whatever is not known speaks against it: an error, or what a query over missing series gives.
            {"allowance": None},
            {"allowance": math.nan},
            {"load_rps": math.nan},
            {"budget_left": math.nan},
            {"veto": None},
            {"incident": None},
        ],
    )
    def test_it_keeps_an_experiment_from_starting(self, readiness, tmp_path, monkeypatch):
        with mended(readiness=readiness) as service:
            code, journal = chaos(FOLDER / "stall.yml", service, tmp_path, monkeypatch)
            assert code == 1
            assert interrupted(journal)
            assert journal["run"] == []
            assert service.gateway.stats.requests == 0
            assert service.gateway.injector.hits == {}

    def test_it_keeps_a_second_run_from_starting_beside_the_first(self, tmp_path, monkeypatch):
        with mended() as service:
            run = actions.operate(service.address, op="begin")
            for armed in ([], ["other"]):
                if armed:
                    other = fault(read("stall")) | {"name": "other", "target": "replica-3"}
                    actions.arm(service.address, other, run)
                code, journal = chaos(FOLDER / "stall.yml", service, tmp_path, monkeypatch)
                assert (code, journal["run"]) == (1, [])
                assert interrupted(journal)
                assert service.gateway.injector.armed() == armed
            actions.operate(service.address, op="extend", **run)  # What was refused has not ended the other.

    def test_of_two_that_start_together_one_runs(self):
        bounds = [{"name": "bounds", "worst_case_bad": 0, "max_load_rps": 200}]
        started, refused = [], []

        def start():
            configuration = {"gateway": service.address}
            ready.wait()
            try:
                guard.before_experiment_control({}, configuration=configuration, extensions=bounds)
                started.append(configuration["run"])
            except InterruptExecution as refusal:
                refused.append(str(refusal))

        with mended() as service:
            ready = threading.Barrier(4)
            runners = [threading.Thread(target=start) for _ in range(4)]
            for runner in runners:
                runner.start()
            for runner in runners:
                runner.join()
        assert len(started) == 1
        assert refused == ["another run is on"] * 3

    def test_a_run_that_has_ended_lets_the_next_one_begin(self, tmp_path, monkeypatch):
        with mended() as service:
            assert chaos(FOLDER / "wrong-answer.yml", service, tmp_path, monkeypatch)[0] == 0
            assert actions.operate(service.address, op="begin")["run"]

    @pytest.mark.parametrize("flag", ["incident", "veto"])
    def test_an_incident_or_a_veto_ends_a_run_and_its_fault(self, flag, tmp_path, monkeypatch):
        quiet = actions.arm

        @functools.wraps(quiet)
        def arm(**arguments):
            try:
                return quiet(**arguments)
            finally:
                service.gateway.readiness[flag] = True

        monkeypatch.setattr(actions, "arm", arm)
        with mended() as service:
            code, journal = chaos(FOLDER / "stall.yml", service, tmp_path, monkeypatch)
            assert code == 1
            assert interrupted(journal)
            assert [run["status"] for run in journal["run"]] == ["succeeded"]
            assert [run["status"] for run in journal["rollbacks"]] == ["succeeded"]
            assert service.gateway.injector.ended == {"stall": flag}
            assert service.gateway.injector.hits == {"stall": 0}

    def test_a_sick_system_is_left_alone_and_is_no_pass(self, tmp_path, monkeypatch):
        sick = changed(
            tmp_path,
            "stall",
            lambda e: e["steady-state-hypothesis"]["probes"][2]["tolerance"].update(range=[7, 8]),
        )
        with mended() as service:
            code, journal = chaos(sick, service, tmp_path, monkeypatch)
            assert (code, journal["run"]) == (1, [])
            assert interrupted(journal)

    @pytest.mark.parametrize("bad", [3, 9])
    def test_a_fault_that_ended_itself_is_no_pass(self, bad, tmp_path, monkeypatch):
        """At three bad answers it ends while the method runs, at nine while the hypothesis is looked at."""
        weak = Policy(**{**vars(MENDED), "gap_s": None})

        def lenient(experiment):
            fault(experiment)["stop_after_bad"] = bad
            experiment["steady-state-hypothesis"]["probes"][1]["tolerance"]["range"] = [0, 1]

        with running(weak) as service:
            impatient(service, monkeypatch)
            file = changed(tmp_path, "stall", lenient)
            code, journal = chaos(file, service, tmp_path, monkeypatch)
            assert service.gateway.injector.ended == {"stall": "bad"}
            # 40 requests before and 20 in the method; when the fault is gone by then, the hypothesis is not tried at all.
            assert (service.gateway.stats.requests <= 60) == (bad == 3)
            assert code == 1
            assert interrupted(journal)

    def test_a_fault_at_its_limit_is_no_pass(self, tmp_path, monkeypatch):
        file = changed(tmp_path, "stall", lambda e: fault(e).update(max_hits=2))
        with mended() as service:
            code, journal = chaos(file, service, tmp_path, monkeypatch)
            assert service.gateway.injector.hits == {"stall": 2}
            assert service.gateway.injector.ended == {"stall": "limit"}
            assert code == 1
            assert interrupted(journal)

    def test_just_inside_the_bounds_it_starts(self, tmp_path, monkeypatch):
        with mended(readiness={"load_rps": 200, "allowance": 0, "budget_left": 0.5}) as service:
            file = changed(tmp_path, "wrong-answer", lambda e: e["extensions"][0].update(max_load_rps=200))
            assert chaos(file, service, tmp_path, monkeypatch)[0] == 0

    def test_a_refused_fault_stops_the_run(self, tmp_path, monkeypatch):
        file = changed(tmp_path, "stall", lambda e: fault(e).update(kind="wrong"))
        with mended() as service:
            code, journal = chaos(file, service, tmp_path, monkeypatch)
            assert code == 1
            assert interrupted(journal)
            assert "probes only" in str(journal["run"][0]["exception"])

    def test_a_fault_that_ended_early_stops_the_run(self, tmp_path, monkeypatch):
        """Otherwise the hypothesis would be checked without it, and pass."""
        with mended() as service:
            file = changed(
                tmp_path,
                "stall",
                lambda e: e["method"].insert(1, {**e["rollbacks"][0], "name": "lost-too-early"}),
            )
            code, journal = chaos(file, service, tmp_path, monkeypatch)
            assert code == 1
            assert interrupted(journal)
            assert "stall has ended: disarmed" in str(journal["run"][2]["exception"])

    def test_a_fault_that_nobody_met_is_no_evidence(self, tmp_path, monkeypatch):
        file = changed(tmp_path, "stall", lambda e: fault(e).update(target="replica-9"))
        with mended() as service:
            code, journal = chaos(file, service, tmp_path, monkeypatch)
            assert code == 1
            assert interrupted(journal)

    def test_a_failed_rollback_does_not_keep_the_next_from_running(self, tmp_path, monkeypatch):
        def broken_first(experiment):
            broken = json.loads(json.dumps(experiment["rollbacks"][0]))
            broken["provider"]["arguments"]["gateway"] = "127.0.0.1:1"
            experiment["rollbacks"].insert(0, broken | {"name": "broken"})

        with mended() as service:
            _, journal = chaos(changed(tmp_path, "stall", broken_first), service, tmp_path, monkeypatch)
            assert [run["status"] for run in journal["rollbacks"]] == ["failed", "succeeded"]
            assert service.gateway.injector.armed() == []

    def test_whatever_goes_wrong_in_it_stops_the_run(self):
        @guard.fail_closed
        def control(context):
            raise KeyError("budget")

        with pytest.raises(InterruptExecution, match="stopped by the guard"):
            control(context={})


# Nothing is armed without a run: what stands in for the guard has to begin one, too.
BEGINNING = """
from examples.chaos_engineering import actions

def before_experiment_control(context, configuration, **kwargs):
    configuration["run"] = actions.operate(configuration["gateway"], op="begin")["run"]
"""
HOLDING = f"""
import time
from pathlib import Path
{BEGINNING}

def after_hypothesis_control(context, state, flag, **kwargs):
    if state and state["steady_state_met"] is False:
        Path(flag).touch()

def hold(flag):
    until = time.monotonic() + 60
    while not Path(flag).exists() and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.2)
    Path(flag + ".held").touch()
"""


class TestTheToolsTraps:
    """What the page says of Chaos Toolkit 1.44; if a later version differs, the page has to be changed."""

    def test_without_the_guard_a_sick_system_exits_with_0(self, tmp_path, monkeypatch):
        def sick(experiment):
            experiment["steady-state-hypothesis"]["probes"][2]["tolerance"]["range"] = [7, 8]
            experiment["controls"] = []

        with mended() as service:
            code, journal = chaos(changed(tmp_path, "stall", sick), service, tmp_path, monkeypatch)
            assert not journal["steady_states"]["before"]["steady_state_met"]
            assert (code, journal["status"], journal["deviated"]) == (0, "completed", False)

    def test_without_the_guard_a_refused_fault_passes(self, tmp_path, monkeypatch):
        def careless(experiment):
            fault(experiment).update(kind="wrong")
            experiment["controls"] = []
            del experiment["method"][1]["provider"]["arguments"]["renew"]

        with mended() as service:
            code, journal = chaos(changed(tmp_path, "stall", careless), service, tmp_path, monkeypatch)
            assert journal["run"][0]["status"] == "failed"
            assert (code, journal["status"], journal["deviated"]) == (0, "completed", False)

    def test_a_guard_that_breaks_guards_nothing(self, tmp_path, monkeypatch):
        (tmp_path / "careless_guard.py").write_text(
            "def before_experiment_control(context, **kwargs):\n    raise RuntimeError('no budget left')\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        file = changed(
            tmp_path, "stall", lambda e: e["controls"][0]["provider"].update(module="careless_guard")
        )
        with mended() as service:
            assert chaos(file, service, tmp_path, monkeypatch)[0] == 0
        file = changed(
            tmp_path, "stall", lambda e: e["controls"][0]["provider"].update(module="no_such_guard")
        )
        with mended() as service:
            assert chaos(file, service, tmp_path, monkeypatch)[0] == 0

    def test_without_the_guard_nothing_is_armed(self, tmp_path, monkeypatch):
        file = changed(tmp_path, "stall", lambda e: e.update(controls=[]))
        with mended() as service:
            code, journal = chaos(file, service, tmp_path, monkeypatch)
            assert (code, journal["run"][0]["status"]) == (0, "failed")
            assert service.gateway.injector.hits == {}

    @pytest.mark.parametrize(("strategy", "left"), [("default", ["stall"]), ("always", [])])
    def test_an_abort_waits_for_the_activity_and_only_always_rolls_back(
        self, strategy, left, tmp_path, monkeypatch
    ):
        (tmp_path / "holding.py").write_text(HOLDING)
        monkeypatch.syspath_prepend(tmp_path)
        flag = tmp_path / "deviated"

        def hold(experiment):
            here = {"type": "python", "module": "holding", "arguments": {"flag": str(flag)}}
            experiment["runtime"]["rollbacks"]["strategy"] = strategy
            experiment["controls"] = [{"name": "flag", "provider": here}]
            traffic = experiment["method"][1]
            experiment["method"][1] = {"name": "hold", "type": "action", "provider": here | {"func": "hold"}}
            experiment["method"].append(traffic)

        weak = Policy(**{**vars(MENDED), "gap_s": None})
        with running(weak) as service:
            impatient(service, monkeypatch)
            code, journal = chaos(
                changed(tmp_path, "stall", hold),
                service,
                tmp_path,
                monkeypatch,
                *(
                    "--hypothesis-strategy",
                    "during-method-only",
                    "--hypothesis-frequency",
                    "0.05",
                    "--fail-fast",
                ),
            )
            assert (code, journal["status"], journal["deviated"]) == (1, "failed", False)
            assert (tmp_path / "deviated.held").exists()
            assert [run["activity"]["name"] for run in journal["run"]] == ["stall-one-replica", "hold"]
            assert service.gateway.injector.armed() == left

    @pytest.mark.parametrize("guarded", [False, True])
    def test_a_sigterm_inside_a_python_activity_only_fails_that_activity(
        self, guarded, tmp_path, monkeypatch
    ):
        (tmp_path / "terminating.py").write_text(
            "import os, signal, time\n\n\ndef now():\n    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(60)\n"
            + BEGINNING
        )
        monkeypatch.syspath_prepend(tmp_path)

        def terminate(experiment):
            here = {"type": "python", "module": "terminating", "func": "now"}
            experiment["method"].insert(1, {"name": "terminated", "type": "action", "provider": here})
            if not guarded:
                experiment["controls"][0]["provider"]["module"] = "terminating"

        with mended() as service:
            code, journal = chaos(changed(tmp_path, "stall", terminate), service, tmp_path, monkeypatch)
            assert [run["status"] for run in journal["run"]][:2] == ["succeeded", "failed"]
            assert interrupted(journal) == guarded
            assert (code, len(journal["run"])) == ((1, 2) if guarded else (0, 3))
            assert service.gateway.injector.armed() == []

    def test_an_http_action_that_is_forbidden_succeeds(self, tmp_path, monkeypatch):
        class Forbidding(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_error(403)

            def log_message(self, *args):
                pass

        server = HTTPServer(("127.0.0.1", 0), Forbidding)
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def over_http(experiment):
            url = f"http://127.0.0.1:{server.server_address[1]}/arm"
            experiment["method"] = [
                {"name": "arm", "type": "action", "provider": {"type": "http", "url": url}}
            ]
            experiment["controls"] = []

        try:
            with mended() as service:
                code, journal = chaos(changed(tmp_path, "stall", over_http), service, tmp_path, monkeypatch)
            assert (code, journal["run"][0]["status"]) == (0, "succeeded")
        finally:
            server.shutdown()
            server.server_close()


class TestAbort:
    @pytest.mark.parametrize(
        ("how", "lease_s", "ended"), [(signal.SIGTERM, 60, "disarmed"), (signal.SIGKILL, 1, "lease")]
    )
    def test_the_fault_is_gone_when_the_runner_is_told_to_stop_and_when_it_is_killed(
        self, how, lease_s, ended, tmp_path
    ):
        def hold(experiment):
            fault(experiment)["lease_s"] = lease_s
            experiment["method"][0]["pauses"] = {"after": 600}

        with mended() as service:
            file = changed(tmp_path, "stall", hold)
            log = tmp_path / "chaos.log"
            arguments = options(tmp_path)
            arguments[1:2] = ["--log-file", str(log)]
            environment = os.environ | {"CHAOS_GATEWAY": service.address, "PYTHONPATH": str(ROOT)}
            runner = subprocess.Popen(
                [sys.executable, "-m", "chaostoolkit", *arguments, str(file)],
                env=environment,
                cwd=tmp_path,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                # Inside the activity a SIGTERM would only fail it: wait until it has ended.
                wait_until(lambda: log.exists() and "Pausing after activity" in log.read_text("utf-8"))
                assert "stall" in service.gateway.injector.hits
                runner.send_signal(how)
                runner.wait(timeout=60)
                wait_until(lambda: service.gateway.injector.armed() == [])
                assert service.gateway.injector.ended == {"stall": ended}
            finally:
                runner.kill()
                runner.wait()
