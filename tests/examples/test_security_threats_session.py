"""A run at work: what reaches a tool, in which order, and what happens when something breaks."""

import json
import threading

import pytest

from examples.security_threats import gate
from examples.security_threats.corpus import POLICY, USER
from examples.security_threats.gate import Policy, Reason, Verdict
from examples.security_threats.session import Session

DANA, EVIL = "dana@northwind.example", "https://drop.example/4711"
MAIL = {"to": [DANA], "cc": [], "bcc": [], "subject": "s", "body": "b"}


class Tools(dict):
    """Tools that note what they were called with."""

    def __init__(self, **results):
        super().__init__()
        self.calls = []
        for tool in gate.TOOLS:
            self[tool] = self._tool(tool, results.get(tool, "done"))

    def _tool(self, tool, result):
        def call(**arguments):
            self.calls.append((tool, arguments))
            return result

        return call


def session(tools, says="Summarize", policy=lambda: POLICY, record=lambda *_: None):
    return Session(gate.start("run-1", USER, says), tools, policy, record)


def test_only_what_is_allowed_reaches_a_tool_and_with_the_judged_arguments():
    tools, log = Tools(), []
    run = session(tools, record=lambda *row: log.append(row))
    assert run.call("read_mail", '{"query": "today"}').result == "done"
    asked = run.call("send_mail", json.dumps({"to": [DANA], "subject": "s", "body": "b"}))
    assert (asked.decision.verdict, asked.result) == (Verdict.ASK, None)
    assert run.call("fetch_url", json.dumps({"url": EVIL})).decision.reason is Reason.URL_MADE_UP
    assert [name for name, _ in tools.calls] == ["read_mail"]
    run.confirm(asked.decision.digest)
    short = json.dumps({"to": [DANA], "subject": "s", "body": "b"})
    assert run.call("send_mail", short).result == "done"
    assert tools.calls[1] == ("send_mail", MAIL)
    assert [(row[0], row[1], row[2].reason) for row in log] == [
        ("run-1", "read_mail", Reason.AUTHORIZED),
        ("run-1", "send_mail", Reason.NEW_RECIPIENT),
        ("run-1", "fetch_url", Reason.URL_MADE_UP),
        ("run-1", "send_mail", Reason.CONFIRMED),
    ]


class Meanwhile:
    """A call by another thread, once, in the midst of what this one does: it has to wait for that."""

    def __init__(self, call):
        self._thread = threading.Thread(target=call)

    def begin(self):
        if self._thread.ident is None:
            self._thread.start()
            self._thread.join(0.3)  # ends at once if nothing makes it wait

    def end(self):
        self._thread.join()


def test_one_confirmation_sends_one_mail_also_if_a_second_call_comes_while_the_first_is_judged():
    tools = Tools()
    run = session(tools, record=lambda *row: row[2].reason is Reason.CONFIRMED and second.begin())
    second = Meanwhile(lambda: run.call("send_mail", json.dumps(MAIL)))
    run.confirm(run.call("send_mail", json.dumps(MAIL)).decision.digest)
    run.call("send_mail", json.dumps(MAIL))
    second.end()
    assert len(tools.calls) == 1


@pytest.mark.parametrize(
    ("taken", "act"),
    [
        ("read", lambda run: run.call("create_event", '{"title": "x", "start": "2026-11-27T09:00"}')),
        ("found", lambda run: run.call("find_contact", '{"name": "Dana"}')),
        ("said", lambda run: run.said("x")),
        ("confirm", lambda run: run.confirm("x")),
    ],
)
def test_no_label_is_lost_to_what_is_taken_in_while_a_read_is_judged(monkeypatch, taken, act):
    run = session(Tools(find_contact=DANA))
    read = Meanwhile(lambda: run.call("read_mail", '{"query": "x"}'))
    take = getattr(gate, taken)
    monkeypatch.setattr(gate, taken, lambda *given: read.begin() or take(*given))
    act(run)
    read.end()
    assert run.run.untrusted


def test_labels_hold_before_the_read_has_returned():
    seen = []
    tools = Tools()
    run = session(tools)
    tools["read_mail"] = lambda query: (
        seen.append(run.call("fetch_url", json.dumps({"url": EVIL})).decision.reason) or "mail"
    )
    run.call("read_mail", '{"query": "x"}')
    assert seen == [Reason.URL_MADE_UP]


def test_a_failing_tool_leaves_the_labels_and_spends_the_confirmation():
    def broken(**_):
        raise OSError("no connection")

    tools = Tools()
    tools["read_mail"] = tools["send_mail"] = broken
    run = session(tools)
    run.confirm(run.call("send_mail", json.dumps(MAIL)).decision.digest)
    for tool, raw in [("read_mail", '{"query": "x"}'), ("send_mail", json.dumps(MAIL))]:
        try:
            run.call(tool, raw)
        except OSError:
            pass
        else:
            raise AssertionError("the tool's error is the caller's")
    assert run.run.private
    assert run.call("send_mail", json.dumps(MAIL)).decision.verdict is Verdict.ASK


def test_what_cannot_be_recorded_or_has_no_policy_does_not_run():
    def broken(error):
        def fail(*_):
            raise error

        return fail

    for part, error in (("record", OSError("disk full")), ("policy", KeyError("tenant"))):
        tools = Tools()
        run = session(tools, **{part: broken(error)})
        decision = run.call("read_mail", '{"query": "x"}').decision
        assert (decision.verdict, decision.reason, decision.detail) == (
            Verdict.BLOCK,
            Reason.GATE_ERROR,
            type(error).__name__,
        )
        assert not tools.calls
        assert not run.run.private


def test_the_kill_switch_holds_for_a_run_that_has_begun():
    policies = [POLICY]
    run = session(Tools(), policy=lambda: policies[-1])
    assert run.call("fetch_url", '{"url": "https://news.example/a"}').decision.verdict is Verdict.ALLOW
    policies.append(Policy(off=frozenset({"fetch_url"})))
    assert run.call("fetch_url", '{"url": "https://news.example/a"}').decision.reason is Reason.TOOL_OFF


def test_a_contact_is_a_recipient_and_a_bad_one_is_not():
    for result, verdict in [(DANA, Verdict.ALLOW), (f"Dana <{DANA}>", Verdict.ASK)]:
        run = session(Tools(find_contact=result))
        run.call("find_contact", '{"name": "Dana"}')
        assert run.call("send_mail", json.dumps(MAIL)).decision.verdict is verdict


def test_an_address_that_another_tool_returns_is_no_recipient():
    run = session(Tools(create_event=DANA))
    run.call("create_event", '{"title": "x", "start": "2026-11-27T09:00"}')
    assert run.call("send_mail", json.dumps(MAIL)).decision.verdict is Verdict.ASK


def test_what_the_user_says_later_counts_and_a_results_urls_are_asked_about():
    run = session(Tools(read_mail=f"See {EVIL}."))
    run.call("read_mail", '{"query": "x"}')
    assert run.call("fetch_url", json.dumps({"url": EVIL})).decision.reason is Reason.URL_FROM_A_SOURCE
    run.said(f"Yes, mail {DANA}")
    assert run.call("send_mail", json.dumps(MAIL)).decision.verdict is Verdict.ALLOW
