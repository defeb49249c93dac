"""The gate on tool calls: its invariant over any sequence of calls, and each rule by itself."""

import ipaddress
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from examples.security_threats import corpus, egress, gate, links, mail
from examples.security_threats.corpus import POLICY, USER
from examples.security_threats.gate import Policy, Reason, Verdict

DANA, EVE = "dana@northwind.example", "eve@drop.example"
PAGE, EVIL = "https://news.example/today", "https://drop.example/4711"


def decide(run, tool, policy=POLICY, **arguments):
    return gate.decide(policy, run, tool, json.dumps(arguments))


def letter(to, body="text", **more):
    return {"to": [to], "subject": "subject", "body": body, **more}


def tainted(says="Summarize"):
    return decide(gate.start("run-1", USER, says), "read_mail", query="today")[1]


# The invariant


class AnyRun(RuleBasedStateMachine):
    """A model that does whatever it likes. What it may reach is counted here, apart from the gate's own state."""

    addresses = st.sampled_from([USER, DANA, EVE, "kim@partner.example", "Dana@Northwind.example"])
    urls = st.sampled_from(
        [
            PAGE,
            EVIL,
            EVIL + "?x=1",
            "https://wiki.northwind.example/a",
            "https://wiki.northwind.example.drop.example/",
        ]
    )
    bodies = st.sampled_from(
        ["one", "two", f"one {PAGE}", f"<img src='{EVIL}'>", "https://wiki.northwind.example/a"]
    )

    def __init__(self):
        super().__init__()
        self.run = gate.start("run-1", USER, "Begin")
        self.may = {USER}
        self.typed, self.saw, self.fetched, self.agreed = set(), set(), set(), []
        self.private = self.others = self.wrote = False
        self.faults = []

    def call(self, tool, **arguments):
        before = (self.private, self.others)
        decision, self.run = decide(self.run, tool, **arguments)
        if decision.verdict is Verdict.ALLOW:
            agreed = (tool, arguments) in self.agreed
            if tool == "send_mail":
                new = {address.lower() for address in arguments["to"]} - self.may
                if new and not agreed:
                    self.faults.append(f"mail to {new}")
                urls = {url for url in (PAGE, EVIL) if before[0] and url in arguments["body"]}
                if urls - self.typed - self.fetched - (self.saw if agreed else set()):
                    self.faults.append(f"mail with {urls}")
                if agreed and (new or urls - self.typed - self.fetched):
                    self.agreed.remove((tool, arguments))
            if tool == "fetch_url":
                url = arguments["url"]
                known = url in self.typed or url.startswith("https://wiki.northwind.example/")
                if before[0] and not known and not (agreed and url in self.saw):
                    self.faults.append(f"fetch of {url}")
                if before[0] and not known and agreed:
                    self.agreed.remove((tool, arguments))
                self.fetched.add(url)
            composed = tool == "send_mail" or (
                tool == "fetch_url" and arguments["url"] not in self.typed | self.saw
            )
            self.wrote |= before[0] and composed
            self.private |= tool in {"read_mail", "search_documents", "recall", "find_contact"}
            self.others |= tool in {"read_mail", "search_documents", "recall", "fetch_url"}
        return decision

    @rule(address=addresses, url=urls)
    def user_speaks(self, address, url):
        self.run = gate.said(self.run, f"Use {address} and {url}, please.")
        self.may.add(address.lower())
        self.typed.add(url)

    @rule(tool=st.sampled_from(["read_mail", "search_documents", "recall"]))
    def reads(self, tool):
        self.call(tool, query="x")

    @rule(url=urls)
    def result_has_a_url(self, url):
        self.run = gate.read(self.run, f"<p>See {url} now</p>")
        if not self.wrote:
            self.saw.add(url)

    @rule(address=addresses)
    def looks_up(self, address):
        self.call("find_contact", name="x")
        if not self.others:
            self.may.add(address.lower())
        self.run = gate.found(self.run, address)

    @rule(url=urls)
    def fetches(self, url):
        self.call("fetch_url", url=url)

    @rule(to=st.lists(addresses, min_size=1, max_size=3), body=bodies)
    def mails(self, to, body):
        self.call("send_mail", to=to, cc=[], bcc=[], subject="s", body=body)

    @rule(to=st.lists(addresses, min_size=1, max_size=2), body=bodies)
    def user_confirms_a_mail(self, to, body):
        arguments = {"to": to, "cc": [], "bcc": [], "subject": "s", "body": body}
        digest = gate.digest_of("run-1", "send_mail", arguments)
        if digest not in self.run.confirmed:
            self.run = gate.confirm(self.run, digest)
            self.agreed.append(("send_mail", arguments))

    @rule(url=urls)
    def user_confirms_a_fetch(self, url):
        digest = gate.digest_of("run-1", "fetch_url", {"url": url})
        if digest not in self.run.confirmed:
            self.run = gate.confirm(self.run, digest)
            self.agreed.append(("fetch_url", {"url": url}))

    @rule(to=addresses)
    def sub_agent(self, to):
        sub = gate.child(self.run, "run-1.1")
        decision, sub = decide(sub, "send_mail", **letter(to))
        if decision.verdict is Verdict.ALLOW:
            self.faults.append("a sub-agent had the user's recipients")
        _, sub = decide(sub, "read_mail", query="x")
        self.run = gate.joined(self.run, sub)
        self.private = self.others = True

    @invariant()
    def nothing_left_without_authority(self):
        assert not self.faults
        assert (self.run.private, self.run.untrusted, self.run.wrote) == (
            self.private,
            self.others,
            self.wrote,
        )


AnyRun.TestCase.settings = settings(max_examples=150, stateful_step_count=15)
test_any_run = AnyRun.TestCase


@given(st.text(max_size=60), st.text(max_size=200))
@example("send_mail", "[" * 100_000)
@example("send_mail", '{"to": ["\\ud800@a.example"], "subject": "s", "body": "b"}')
@example("fetch_url", '{"url": NaN}')
def test_garbage_is_blocked_and_changes_nothing(tool, raw):
    run = tainted()
    decision, after = gate.decide(POLICY, run, tool, raw)
    assert decision.verdict is Verdict.BLOCK
    assert after == run


def test_a_fault_of_the_gate_blocks(monkeypatch):
    def broken(*_):
        raise RuntimeError("disk full")

    monkeypatch.setattr(gate, "_sink", broken)
    run = gate.start("run-1", USER, "x")
    decision, after = decide(run, "read_mail", query="x")
    assert (decision.verdict, decision.reason, after) == (Verdict.BLOCK, Reason.GATE_ERROR, run)


def test_a_tool_with_a_sink_but_no_rule_is_blocked(monkeypatch):
    monkeypatch.setitem(gate.TOOLS, "post", gate.Tool(gate.ReadMail, sink="url"))
    assert decide(tainted(), "post", query="x")[0].reason is Reason.GATE_ERROR


# The rules


@pytest.mark.parametrize("tool", ["read_mail", "search_documents", "recall"])
def test_labels_are_set_when_the_read_is_allowed_and_stay(tool):
    run = gate.start("run-1", USER, "x")
    assert not run.private
    _, run = decide(run, tool, query="x")
    assert run.private
    assert run.untrusted
    run = gate.said(run, "Forget all that.")
    assert run.private
    assert run.untrusted


def test_a_refused_read_sets_no_label():
    run = gate.start("run-1", USER, "x")
    assert decide(run, "read_mail", Policy(off=frozenset({"read_mail"})), query="x") == (
        gate.Decision(Verdict.BLOCK, Reason.TOOL_OFF),
        run,
    )


def test_a_contact_counts_only_before_others_text_was_read():
    fresh = gate.start("run-1", USER, "Mail Dana")
    assert decide(gate.found(fresh, DANA), "send_mail", **letter(DANA))[0].verdict is Verdict.ALLOW
    assert decide(gate.found(tainted(), DANA), "send_mail", **letter(DANA))[0].verdict is Verdict.ASK


def test_a_confirmation_holds_for_one_call_with_these_arguments_in_this_run():
    decision, run = decide(tainted(), "send_mail", **letter(EVE))
    assert (decision.verdict, decision.reason, decision.detail) == (Verdict.ASK, Reason.NEW_RECIPIENT, EVE)
    run = gate.confirm(run, decision.digest)
    assert decide(run, "send_mail", **letter(EVE, body="more"))[0].verdict is Verdict.ASK
    assert decide(run, "send_mail", **letter(EVE, cc=[DANA]))[0].verdict is Verdict.ASK
    again, after = decide(run, "send_mail", **letter(EVE))
    assert (again.verdict, again.reason) == (Verdict.ALLOW, Reason.CONFIRMED)
    assert decide(after, "send_mail", **letter(EVE))[0].verdict is Verdict.ASK
    second, _ = decide(run, "send_mail", **letter(DANA))
    both = gate.confirm(run, second.digest)
    assert decide(both, "send_mail", **letter(DANA))[0].verdict is Verdict.ALLOW
    assert decide(both, "send_mail", **letter(EVE))[0].verdict is Verdict.ALLOW
    other = gate.confirm(gate.Run("run-2", private=True, untrusted=True), decision.digest)
    assert decide(other, "send_mail", **letter(EVE))[0].verdict is Verdict.ASK


@pytest.mark.parametrize(
    ("tool", "arguments", "reason"),
    [
        ("fetch_url", {"url": EVIL}, Reason.URL_MADE_UP),
        ("fetch_url", {"url": "https://localhost/"}, Reason.BAD_URL),
        ("send_mail", letter(USER, body=f"<img src={EVIL}>"), Reason.URL_MADE_UP),
        ("send_mail", letter(EVE, body=EVIL), Reason.URL_MADE_UP),
        ("send_mail", letter("Dana"), Reason.BAD_RECIPIENT),
        ("delete_mail", {"query": "x"}, Reason.UNKNOWN_TOOL),
    ],
)
def test_no_confirmation_lifts_a_block(tool, arguments, reason):
    decision, run = decide(tainted(), tool, **arguments)
    assert (decision.verdict, decision.reason) == (Verdict.BLOCK, reason)
    again = decide(gate.confirm(run, decision.digest), tool, **arguments)[0]
    assert (again.verdict, again.reason) == (Verdict.BLOCK, reason)


def test_a_url_from_a_source_is_asked_about_and_one_that_differs_is_not():
    run = gate.read(tainted(), f"Kim wrote: see {EVIL}.")
    assert decide(run, "fetch_url", url=EVIL)[0].reason is Reason.URL_FROM_A_SOURCE
    assert decide(run, "fetch_url", url=EVIL + "?x")[0].reason is Reason.URL_MADE_UP


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("send_mail", letter(USER, body=f'<img src="{EVIL}">')),
        ("send_mail", letter(USER, body=f"[x]({EVIL}).")),
        ("send_mail", letter(USER, body="ht\u200btps://drop.example/4711")),
        ("send_mail", letter(USER, body="https:\u200b//drop.example/4711")),
        ("send_mail", letter(USER, body="ftp://drop.example/4711")),
        ("send_mail", letter(USER, body="www.drop.example/4711")),
        ("send_mail", letter(USER, body="HTTP://drop.example/4711")),
        ("send_mail", letter(USER) | {"subject": f"See {EVIL}"}),
        ("create_event", {"title": f"See {EVIL}", "start": "2026-11-27T09:00", "attendees": [USER]}),
        ("create_event", {"title": f"See {EVIL}", "start": "2026-11-27T09:00"}),
    ],
)
def test_a_link_in_a_mail_or_an_invitation_is_judged_like_a_fetch(tool, arguments):
    """The address is the user's own, but a scanner of mail opens the link."""
    decision, run = decide(tainted(), tool, **arguments)
    assert (decision.verdict, decision.reason, run) == (Verdict.BLOCK, Reason.URL_MADE_UP, tainted())
    assert "4711" in decision.detail
    assert decide(gate.start("run-1", USER, "x"), tool, **arguments)[0].verdict is Verdict.ALLOW


def test_a_mails_link_from_a_source_is_asked_about_and_one_of_the_users_is_not():
    run = gate.read(tainted(f"Read {PAGE}"), f"Kim wrote: see {EVIL}.")
    both = letter(USER, body=f"{PAGE}, {EVIL}, https://wiki.northwind.example/a")
    decision = decide(run, "send_mail", **both)[0]
    assert (decision.reason, decision.detail) == (Reason.URL_FROM_A_SOURCE, EVIL)
    assert decide(gate.confirm(run, decision.digest), "send_mail", **both)[0].verdict is Verdict.ALLOW
    made_up = decide(run, "send_mail", **letter(USER, body=f"{EVIL} {EVIL}?x=1"))[0]
    assert (made_up.reason, made_up.detail) == (Reason.URL_MADE_UP, f"{EVIL}?x=1")
    assert decide(run, "send_mail", **letter(USER, body=PAGE))[0].verdict is Verdict.ALLOW


@pytest.mark.parametrize("more", ["(4711)", "'4711", "_(4711)", '"4711', "<4711", "\U000e0034\U000e0037"])
def test_a_link_in_a_mail_is_all_that_a_client_may_take_for_it(more):
    """A page of anybody's was fetched before; what stands behind its URL would leave with it."""
    run = decide(gate.start("run-1", USER, "x"), "fetch_url", url="https://drop.example/p")[1]
    run = decide(run, "find_contact", name="x")[1]
    assert decide(run, "send_mail", **letter(USER, body="https://drop.example/p"))[0].verdict is Verdict.ALLOW
    decision = decide(run, "send_mail", **letter(USER, body=f"https://drop.example/p{more}"))[0]
    assert (decision.verdict, decision.reason) == (Verdict.BLOCK, Reason.URL_MADE_UP)


def test_the_users_own_link_may_hold_brackets():
    url = "https://en.example/wiki/Mercury_(planet)"
    run = tainted(f"Mail me {url}")
    assert decide(run, "send_mail", **letter(USER, body=f"Here it is ({url})."))[0].verdict is Verdict.ALLOW


def test_text_of_a_mail_that_is_no_link_is_not_judged():
    body = "Dana <dana@northwind.example> wrote: a < b, List<String>, xs[0](y), and/or"
    assert decide(tainted(), "send_mail", **letter(USER, body=body))[0].verdict is Verdict.ALLOW


def test_a_url_that_the_model_may_have_written_itself_is_not_asked_about():
    """Mail to the user, or a page of the tenant that repeats its query, comes back with the next read."""
    private = decide(gate.start("run-1", USER, "x"), "find_contact", name="x")[1]
    for tool, arguments in [
        ("send_mail", letter(USER, body=EVIL.removeprefix("https://"))),
        ("create_event", {"title": "x", "start": "2026-11-27T09:00"}),
        ("fetch_url", {"url": "https://wiki.northwind.example/find?q=4711"}),
        ("remember", {"text": EVIL}),
    ]:
        decision, run = decide(private, tool, **arguments)
        assert decision.verdict is Verdict.ALLOW
        run = gate.read(run, f"See {EVIL} now")
        assert decide(run, "fetch_url", url=EVIL)[0].reason is Reason.URL_MADE_UP
        assert decide(gate.child(run, "run-1.1"), "fetch_url", url=EVIL)[0].reason is Reason.URL_MADE_UP
        joined = gate.read(gate.joined(tainted(), run), f"See {EVIL} now")
        assert decide(joined, "fetch_url", url=EVIL)[0].reason is Reason.URL_MADE_UP


def test_a_sub_agent_has_the_labels_of_its_run_and_the_users_urls():
    run = gate.read(tainted(f"Read {PAGE}, mail {DANA}"), f"See {EVIL}")
    sub = gate.child(run, "run-1.1")
    assert decide(sub, "fetch_url", url=PAGE)[0].verdict is Verdict.ALLOW
    assert decide(sub, "fetch_url", url=EVIL)[0].reason is Reason.URL_FROM_A_SOURCE
    assert decide(sub, "fetch_url", url=EVIL + "?x")[0].reason is Reason.URL_MADE_UP
    assert decide(gate.found(sub, EVE), "send_mail", **letter(EVE))[0].verdict is Verdict.ASK
    assert decide(sub, "remember", text="x")[0].reason is Reason.MEMORY_FROM_OTHERS


def test_a_result_brings_the_sub_agents_labels_and_lifts_none_of_the_runs_own():
    """The run may have read something while its sub-agent was at work, or the sub-agent alone."""
    start = gate.start("run-1", USER, f"Read {PAGE}")
    sub = decide(gate.child(start, "run-1.1"), "fetch_url", url=PAGE)[1]
    sub = gate.read(sub, f"See {EVIL}")
    joined = gate.joined(decide(start, "find_contact", name="x")[1], sub)
    assert (joined.private, joined.untrusted, joined.wrote) == (True, True, False)
    assert joined.fetched == {PAGE}  # an answer may link to it
    more = decide(sub, "fetch_url", url=EVIL)[1]
    assert more.fetched == gate.joined(more, gate.child(start, "run-1.2")).fetched == {PAGE, EVIL}
    assert gate.joined(start, decide(sub, "find_contact", name="x")[1]).private
    assert decide(joined, "fetch_url", url=EVIL)[0].reason is Reason.URL_FROM_A_SOURCE
    wrote = decide(tainted(), "send_mail", **letter(USER))[1]
    assert gate.joined(wrote, gate.child(start, "run-1.2")) == wrote


def test_what_the_model_wrote_before_it_had_private_data_does_not_count():
    run = decide(gate.start("run-1", USER, "x"), "send_mail", **letter(USER))[1]
    run = gate.read(decide(run, "read_mail", query="x")[1], EVIL)
    assert decide(run, "fetch_url", url=EVIL)[0].verdict is Verdict.ASK


def test_a_url_of_the_users_is_not_the_models_writing():
    run = decide(tainted(f"Read {PAGE}"), "fetch_url", url=PAGE)[1]
    assert decide(gate.read(run, EVIL), "fetch_url", url=EVIL)[0].verdict is Verdict.ASK


def test_a_page_fetched_before_is_still_a_url_of_the_models_making():
    run = decide(gate.start("run-1", USER, "x"), "fetch_url", url=EVIL)[1]
    run = decide(run, "read_mail", query="x")[1]
    assert decide(run, "fetch_url", url=EVIL)[0].reason is Reason.URL_MADE_UP


@pytest.mark.parametrize("raw", ['{"query": "a", "query": "b"}', "[]", '"query"', "null", "{", "[" * 100_000])
def test_what_is_not_one_object_is_refused_and_a_key_that_stands_twice(raw):
    """Python would take the last of the two."""
    with pytest.raises((ValueError, RecursionError)):
        gate.parsed(raw)
    run = gate.start("run-1", USER, "x")
    assert gate.decide(POLICY, run, "read_mail", raw)[0].reason is Reason.BAD_ARGUMENTS


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("read_mail", {"query": "x", "folder": "all"}),
        ("read_mail", {"query": ""}),
        ("send_mail", letter(USER) | {"to": []}),
        *(("send_mail", letter(USER) | {field: [USER] * 11}) for field in ("to", "cc", "bcc")),
        ("send_mail", letter(USER) | {"subject": "x" * 999}),
        *(("send_mail", letter(USER) | {"subject": f"x{end}Bcc: {EVE}"}) for end in "\r\n\0\x7f"),
        ("send_mail", letter(USER, body="x" * 100_001)),
        ("create_event", {"title": "x", "start": "tomorrow"}),
        ("create_event", {"title": "x", "start": f"2026-11-27T09:00 {EVIL}"}),
        ("create_event", {"title": "x", "start": f"{EVIL} 2026-11-27T09:00"}),
        ("create_event", {"title": "x", "start": "2026-11-27T09:00", "attendees": [USER] * 11}),
    ],
)
def test_arguments_that_are_not_described_or_beyond_their_limits_are_refused(tool, arguments):
    run = gate.start("run-1", USER, "x")
    assert decide(run, tool, **arguments)[0].reason is Reason.BAD_ARGUMENTS


@pytest.mark.parametrize("field", ["to", "cc", "bcc"])
def test_every_field_that_names_a_recipient_counts(field):
    decision, _ = decide(tainted(), "send_mail", **letter(USER) | {field: [USER, EVE]})
    assert (decision.reason, decision.detail) == (Reason.NEW_RECIPIENT, EVE)


def test_the_question_names_every_new_recipient_in_one_order():
    decision, _ = decide(tainted(), "send_mail", **letter(EVE, cc=["kim@partner.example", USER], bcc=[DANA]))
    assert decision.detail == f"{DANA}, {EVE}, kim@partner.example"


def test_what_was_judged_is_what_may_run():
    decision, _ = decide(gate.start("run-1", USER, DANA), "send_mail", **letter(DANA))
    assert decision.arguments == {"to": [DANA], "cc": [], "bcc": [], "subject": "subject", "body": "text"}


def test_a_confirmation_is_bound_to_keys_and_values_not_to_their_spelling():
    a = gate.parsed('{"a": 1, "b": "\\u00e9"}')
    b = gate.parsed('{"b":"é","a":1}')
    assert gate.digest_of("r", "t", a) == gate.digest_of("r", "t", b)
    for other in (("r", "t", {"a": "1"}), ("r", "u", {"a": 1}), ("s", "t", {"a": 1})):
        assert gate.digest_of(*other) != gate.digest_of("r", "t", {"a": 1})


@pytest.mark.parametrize("prefix", ["https://northwind.example", "http://a.example/", "https://a@b.example/"])
def test_a_policy_with_a_loose_prefix_is_refused(prefix):
    with pytest.raises(ValueError, match=r"slash|https|user"):
        Policy(trusted_urls=frozenset({prefix}))


def test_an_empty_policy_trusts_nothing():
    assert (
        decide(tainted(), "fetch_url", Policy(), url="https://wiki.northwind.example/a")[0].verdict
        is Verdict.BLOCK
    )


# Addresses and URLs


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Mail dana@a.example, kim@b.example.", {"dana@a.example", "kim@b.example"}),
        ("(Dana@A.example)", {"dana@a.example"}),
        ("Dana <dana@a.example>; 'kim@b.example'", {"dana@a.example", "kim@b.example"}),
        ("pat.o'brien@a.example", {"pat.o'brien@a.example"}),
        ("d\u0430na@a.example", set()),  # a Cyrillic letter: `na@` alone must not count
        ("x=dana@a.example", set()),
        ("dana@a.example@b.example", set()),
        ("dana@a", set()),
        ("a..b@a.example", set()),
    ],
)
def test_addresses_in_a_text(text, found):
    assert mail.written_in(text) == found


@given(st.text(alphabet=st.sampled_from("ab.@+-' \n,<>()\"\u0430;:%"), max_size=25))
def test_an_accepted_address_is_one_plain_address(text):
    try:
        address = mail.address(text)
    except mail.BadAddress:
        return
    assert address.count("@") == 1
    assert address.isascii()
    assert not set(address) & set(' \n\r\t,;:<>()"%')


LONG_HOST = ".".join(("a" * 61, *["b" * 63] * 3))
REFUSED = {
    "not plain ASCII, or too long": [
        "https://a.example/b\\c", "https://a.example/\u00fc", "https://a.example/b c", "https://a.example/b\n",
        "https://a.example/\nb", "https://a.example/".ljust(2_049, "x"), "",
    ],
    "Invalid IPv6 URL": ["https://[::1/"],
    "the scheme is not https": ["http://a.example/", "HTTPS://a.example/", "//a.example/", "https:/a.example/"],
    "it names a user before the host": ["https://b@a.example/", "https://@a.example/"],
    "the host is not a lower-case DNS name": [
        "https://A.example/", "https://localhost/", "https://a_b.example/", "https://-a.example/", "https:///",
        "https://10.0.0.1/", "https://2852039166/", "https://0x7f.1/", "https://[::1]/", "https://a.example./",
        f"https://a{LONG_HOST}/",
    ],
    "the host is an internal name": [
        f"https://a.{name}/"
        for name in ("internal", "local", "localhost", "localdomain", "home.arpa", "corp", "lan")
    ],
    "the host is an encoded international name": ["https://xn--bcher-kva.example/", "https://a.xn--p1ai/"],
    "the port is not 443": [
        f"https://a.example:{port}/" for port in ("", "80", "8443", "0443", "443:80", "99999", "x")
    ],
    "the path is encoded twice, or has empty segments or control characters": [
        f"https://a.example/{path}" for path in ("/b", "b//c", "b/%2fc", "b%5Cc", "%2541", "%00", "b%0ac")
    ],
    "the path has dot segments": [
        f"https://a.example/{path}" for path in (".", "..", "b/../c", "./b", "%2e%2e/b", "b%2f..", "..;x/b", "b/.;x")
    ],
}  # fmt: skip


@pytest.mark.parametrize(("says", "url"), [(says, url) for says, urls in REFUSED.items() for url in urls])
def test_what_is_not_plainly_a_public_address_is_refused(says, url):
    with pytest.raises(links.BadUrl) as error:
        links.public(url)
    assert str(error.value) == says


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://a.example",
            "https://a.example:443/b",
            "https://a-1.b.example/...",
            "https://a.corp.example/",
        ),
        *("https://a.example/b%20c?d=//../%2541#e", "https://a.example/".ljust(2_048, "x")),
        f"https://{LONG_HOST}/",
    ],
)
def test_a_plain_public_address_passes_unchanged(url):
    assert links.public(url) == url


@given(st.from_regex(r"https://[!-~]{1,40}", fullmatch=True))
@example("https://news.example@drop.example/")
@example("https://2852039166/")
@example("https://news.example:443@drop.example/")
def test_an_accepted_url_names_the_host_that_a_second_parser_finds(url):
    from urllib3.util import parse_url

    try:
        links.public(url)
    except links.BadUrl:
        return
    parsed = parse_url(url)
    assert parsed.auth is None
    assert parsed.host
    assert url.startswith(f"https://{parsed.host}")
    with pytest.raises(ValueError, match="does not appear"):
        ipaddress.ip_address(parsed.host.strip("[]"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See https://a.example/b.", {"https://a.example/b"}),
        ("(https://a.example/b)", {"https://a.example/b"}),
        ("https://a.example/Mercury_(planet)", {"https://a.example/Mercury_(planet)"}),
        ("http://a.example https://127.0.0.1/ https://a@b.example/", set()),
    ],
)
def test_urls_in_a_text(text, found):
    assert links.written_in(text) == found


# Egress


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "127.0.0.1", "10.1.2.3", "192.168.0.1", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
        *("255.255.255.255", "::1", "::", "fe80::1", "fd00:ec2::254", "::ffff:169.254.169.254", "ff02::1"),
        *(
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "::a9fe:a9fe",  # the old form of an IPv4 address in an IPv6 one
            "2002:a9fe:a9fe::",
            "2001:0:4136:e378::1",
            "240.0.0.1",
        ),
        # look public: Azure's platform, addresses for protocols, old addresses of a site
        *("168.63.129.16", "::ffff:168.63.129.16", "192.0.0.192", "fec0::1"),
    ],
)
def test_no_connection_inside(address):
    """Wherever it stands among the answers, and alone."""
    for answers in ([address], [address, "93.184.215.14"], ["93.184.215.14", address]):
        with pytest.raises(egress.Refused):
            egress.pinned("news.example", lambda _, answers=answers: answers)


OWN = [ipaddress.ip_network("93.184.214.0/24"), ipaddress.ip_network("2606:4700:4701::/48")]


@pytest.mark.parametrize("address", ["93.184.214.7", "::ffff:93.184.214.7", "2606:4700:4701::1"])
def test_no_connection_to_ones_own_public_addresses(address):
    """A service there may trust whatever comes from the proxy's address."""
    assert egress.pinned("news.example", lambda _: [address]) == address
    with pytest.raises(egress.Refused):
        egress.pinned("news.example", lambda _: ["93.184.215.14", address], iter(OWN))


@pytest.mark.parametrize(
    "address",
    [
        "93.184.215.14",
        "2606:4700:4700::1111",
        "::ffff:93.184.215.14",
        "168.63.129.15",
        "168.63.129.17",
        "192.0.1.1",
    ],
)
def test_a_public_address_is_connected_to(address):
    assert egress.pinned("news.example", lambda _: [address], OWN) == address


def test_the_address_that_was_checked_is_returned_and_the_name_is_resolved_once():
    answers = iter([["93.184.215.14"], ["169.254.169.254"]])
    assert egress.pinned("news.example", lambda _: next(answers)) == "93.184.215.14"
    assert next(answers) == ["169.254.169.254"]


def test_a_name_without_an_address_is_refused():
    with pytest.raises(egress.Refused, match="nothing"):
        egress.pinned("news.example", lambda _: [])


# The corpus

CASES = [(name, case) for name in corpus.FILES for case in corpus.load(name)]


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda value: getattr(value, "id", ""))
def test_a_case_ends_as_the_report_says(name, case):
    result = corpus.played(case)
    if "attacks" in name:
        assert (result is corpus.Result.ALLOWED) == bool(case.miss)
    else:
        assert not case.miss
    assert case.first is None or case.first is not result


def test_the_corpus_is_large_enough_and_has_its_misses():
    sizes = {name: len(corpus.load(name)) for name in corpus.FILES}
    assert sizes["attacks"] + sizes["attacks_held_out"] >= 100
    assert sizes["honest"] + sizes["honest_held_out"] >= 60
    assert sum(bool(case.miss) for _, case in CASES) >= 8
    assert len({case.id for _, case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1", "not a list"),
        ("- {id: a1, family: mail, says: x}", "case a1.*either `tool`"),
        ("- {id: a1, family: mail, says: x, answer: y, ofter: []}", "case a1: ofter"),
        ("- {id: b1, family: mail, says: x, answer: y}", "case b1: id.*a1, h1"),
        ("- [x", r"bad\.yml:\d+: not YAML"),
        ("- &a {id: a1, family: mail, says: x, answer: y}\n- *a", "a1 stands twice"),
    ],
)
def test_a_bad_corpus_is_named_with_its_mend(tmp_path, text, says):
    (tmp_path / "bad.yml").write_text(text)
    with pytest.raises(corpus.CorpusError, match=says):
        corpus.load("bad", tmp_path)


def test_a_case_whose_read_is_not_allowed_is_an_error_of_the_case():
    case = corpus.Case(id="a1", family="mail", says="x", after=("fetch_url https://localhost/",), answer="y")
    with pytest.raises(corpus.CorpusError, match="mend the case"):
        corpus.prepared(case)
