"""The gate between model and tools: assume that the model obeys whatever it reads, and withhold authority.

The gate sees what the run has read (labels), never what the text means. It is deterministic, runs outside of the
model and answers each call with a decision and a reason for the audit log. State goes in and comes out as a value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from examples.security_threats import links, mail, output


class Verdict(StrEnum):
    """What the runtime does with a call."""

    ALLOW = "allow"
    ASK = "ask"
    """Show the user the exact arguments, rendered by code; run only what was confirmed."""
    BLOCK = "block"


class Reason(StrEnum):
    """Why, for the audit log and the alerts."""

    AUTHORIZED = "authorized"
    CONFIRMED = "confirmed"
    UNKNOWN_TOOL = "unknown_tool"
    TOOL_OFF = "tool_off"
    BAD_ARGUMENTS = "bad_arguments"
    BAD_RECIPIENT = "bad_recipient"
    NEW_RECIPIENT = "new_recipient"
    BAD_URL = "bad_url"
    URL_FROM_A_SOURCE = "url_from_a_source"
    URL_MADE_UP = "url_made_up"
    MEMORY_FROM_OTHERS = "memory_from_others"
    GATE_ERROR = "gate_error"


# The tools. Whatever is not described here does not exist for the model.

_Line = Annotated[str, StringConstraints(min_length=1, max_length=998, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Text = Annotated[str, StringConstraints(max_length=100_000)]


class _Arguments(BaseModel):
    """Unknown keys and coerced types are refused: what was checked is what is run."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ReadMail(_Arguments):
    query: _Line


class SearchDocuments(_Arguments):
    query: _Line


class FetchUrl(_Arguments):
    url: _Line


class FindContact(_Arguments):
    name: _Line


class SendMail(_Arguments):
    """Sent as ``text/plain``: no image in it loads."""

    to: list[str] = Field(min_length=1, max_length=10)
    cc: list[str] = Field(default=[], max_length=10)
    bcc: list[str] = Field(default=[], max_length=10)
    subject: _Line
    body: _Text

    def recipients(self) -> list[str]:
        return [*self.to, *self.cc, *self.bcc]

    def text(self) -> str:
        return f"{self.subject}\n{self.body}"


class CreateEvent(_Arguments):
    """An invitation is mail: its attendees are recipients."""

    title: _Line
    start: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d$")]
    attendees: list[str] = Field(default=[], max_length=10)

    def recipients(self) -> list[str]:
        return list(self.attendees)

    def text(self) -> str:
        return self.title


class Remember(_Arguments):
    """Writes to the memory that later sessions read."""

    text: _Line


class Recall(_Arguments):
    query: _Line


# --8<-- [start:tools]
@dataclass(frozen=True)
class Tool:
    """What a tool takes, and which labels its result puts on the run."""

    arguments: type[_Arguments]
    sink: Literal["none", "recipients", "url", "memory"] = "none"
    reads_private: bool = False
    reads_untrusted: bool = False


# A mailbox is both: anybody can write to it. So are shared documents.
# Memory is, too: it outlives the labels of the run that wrote it.
TOOLS: Mapping[str, Tool] = {
    "read_mail": Tool(ReadMail, reads_private=True, reads_untrusted=True),
    "search_documents": Tool(SearchDocuments, reads_private=True, reads_untrusted=True),
    "recall": Tool(Recall, reads_private=True, reads_untrusted=True),
    "find_contact": Tool(FindContact, reads_private=True),
    "fetch_url": Tool(FetchUrl, sink="url", reads_untrusted=True),
    "send_mail": Tool(SendMail, sink="recipients"),
    "create_event": Tool(CreateEvent, sink="recipients"),
    "remember": Tool(Remember, sink="memory"),
}
# --8<-- [end:tools]


@dataclass(frozen=True)
class Policy:
    """What the tenant has allowed; part of the deployment, never of a prompt."""

    trusted_urls: frozenset[str] = frozenset()
    """Prefixes, each ``https://host/…/``, of pages that only the tenant can write and whose logs only it reads."""
    image_urls: frozenset[str] = frozenset()
    """Prefixes from which an answer may show images."""
    off: frozenset[str] = frozenset()
    """The kill switch: tools that are off at this moment."""

    def __post_init__(self) -> None:
        for prefix in self.trusted_urls | self.image_urls:
            if not prefix.endswith("/"):
                raise ValueError(
                    f"{prefix!r} does not end in a slash: it would also allow hosts that begin so"
                )
            links.public(prefix)


@dataclass(frozen=True)
class Run:
    """One agent run. It lives as long as the context window: labels are added and never removed."""

    run_id: str
    recipients: frozenset[str] = frozenset()
    """Who may be written to without asking: named by the user, or found before others' text was read."""
    urls: frozenset[str] = frozenset()
    """URLs that the user wrote, verbatim."""
    seen: frozenset[str] = frozenset()
    """URLs that stood verbatim in something that was read."""
    fetched: frozenset[str] = frozenset()
    private: bool = False
    untrusted: bool = False
    wrote: bool = False
    """Whether the model, after a private read, put words where a later read may find them: mail, memory, a page."""
    confirmed: frozenset[str] = frozenset()
    """Digests of calls that the user has confirmed and that have not run yet."""


@dataclass(frozen=True)
class Decision:
    """The verdict on one call. Only ``arguments`` may be run: they are the ones that were judged."""

    verdict: Verdict
    reason: Reason
    detail: str = ""
    digest: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


def start(run_id: str, user_address: str, text: str) -> Run:
    """Begin a run with the user's first message, as typed: nothing retrieved and no system prompt."""
    return said(Run(run_id, recipients=frozenset({mail.address(user_address)})), text)


def said(run: Run, text: str) -> Run:
    """Take a message that the user typed: the addresses and URLs in it are the user's will."""
    return replace(
        run, recipients=run.recipients | mail.written_in(text), urls=run.urls | links.written_in(text)
    )


def read(run: Run, text: str) -> Run:
    """Take a tool's result, before the model gets it: the URLs in it are not of the model's making.

    Once the model has written something out, they may be: a mail to the user comes back with the next read.
    Pass the content alone, without an echo of the query.
    """
    return run if run.wrote else replace(run, seen=run.seen | links.written_in(text))


# --8<-- [start:found]
def found(run: Run, address: str) -> Run:
    """Take the directory's answer to ``find_contact`` as a recipient, unless others' text was read before.

    So the plan comes first: who gets mail is settled before anybody else can have a say in it.
    """
    if run.untrusted:
        return run
    return replace(run, recipients=run.recipients | {mail.address(address)})


def confirm(run: Run, digest: str) -> Run:
    """Take the user's confirmation of one call, by the digest of the arguments that were shown."""
    return replace(run, confirmed=run.confirmed | {digest})


# --8<-- [end:found]


def child(run: Run, run_id: str) -> Run:
    """Begin a sub-agent's run: it inherits every label, and of the authority nothing but the user's URLs."""
    return Run(
        run_id,
        urls=run.urls,
        seen=run.seen,
        private=run.private,
        untrusted=run.untrusted,
        wrote=run.wrote,
    )


def joined(run: Run, sub: Run) -> Run:
    """Take a sub-agent's result: with its words come its labels. Its confirmations stay with it."""
    return replace(
        run,
        seen=run.seen | sub.seen,
        fetched=run.fetched | sub.fetched,
        private=run.private or sub.private,
        untrusted=run.untrusted or sub.untrusted,
        wrote=run.wrote or sub.wrote,
    )


def digest_of(run_id: str, tool: str, arguments: Mapping[str, Any]) -> str:
    """Return the digest that binds a confirmation to one run, one tool and the exact arguments."""
    text = json.dumps([run_id, tool, arguments], sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def parsed(raw: str) -> Mapping[str, Any]:
    """Return a call's arguments from the model's JSON; raise ValueError, also for a key that stands twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if len(set(keys)) < len(keys):
            raise ValueError("a key stands twice")
        return dict(pairs)

    value = json.loads(raw, object_pairs_hook=unique)
    if not isinstance(value, dict):
        raise ValueError("the arguments are not an object")
    return value


# --8<-- [start:decide]
def decide(policy: Policy, run: Run, tool: str, raw: str) -> tuple[Decision, Run]:
    """Judge one call of the model, its arguments as raw JSON, and return the run's new state.

    Labels are set when a read is allowed, before its result can reach the model.
    Any fault of the gate itself blocks the call.
    """
    try:
        return _decide(policy, run, tool, raw)
    except Exception as error:
        return Decision(Verdict.BLOCK, Reason.GATE_ERROR, type(error).__name__), run


def _decide(policy: Policy, run: Run, tool: str, raw: str) -> tuple[Decision, Run]:
    if tool not in TOOLS:
        return Decision(Verdict.BLOCK, Reason.UNKNOWN_TOOL), run
    if tool in policy.off:
        return Decision(Verdict.BLOCK, Reason.TOOL_OFF), run
    try:
        arguments = TOOLS[tool].arguments.model_validate(parsed(raw))
    except (ValueError, ValidationError, RecursionError):
        return Decision(Verdict.BLOCK, Reason.BAD_ARGUMENTS), run
    plain = arguments.model_dump()
    digest = digest_of(run.run_id, tool, plain)
    verdict, reason, detail = _sink(policy, run, TOOLS[tool].sink, arguments)
    if verdict is Verdict.ASK and digest in run.confirmed:
        verdict, reason = Verdict.ALLOW, Reason.CONFIRMED
        run = replace(run, confirmed=run.confirmed - {digest})  # once
    if verdict is Verdict.ALLOW:
        run = _labeled(run, TOOLS[tool], arguments)
    return Decision(verdict, reason, detail, digest, plain), run


# --8<-- [end:decide]


# --8<-- [start:sink]
def _sink(
    policy: Policy,
    run: Run,
    sink: str,
    arguments: _Arguments,
) -> tuple[Verdict, Reason, str]:
    if isinstance(arguments, SendMail | CreateEvent):
        try:
            to = {mail.address(text) for text in arguments.recipients()}
        except mail.BadAddress as error:
            return Verdict.BLOCK, Reason.BAD_RECIPIENT, str(error)
        # Scanners open a mail's links without a click, whoever it is for.
        carried = output.unauthorized(policy, run, arguments.text()) if run.private else ()
        if made_up := [url for url in carried if url not in run.seen]:
            return Verdict.BLOCK, Reason.URL_MADE_UP, ", ".join(made_up)
        if new := to - run.recipients:
            return Verdict.ASK, Reason.NEW_RECIPIENT, ", ".join(sorted(new))
        if carried:
            return Verdict.ASK, Reason.URL_FROM_A_SOURCE, ", ".join(carried)
    elif isinstance(arguments, FetchUrl):
        try:
            url = links.public(arguments.url)
        except links.BadUrl as error:
            return Verdict.BLOCK, Reason.BAD_URL, str(error)
        if run.private and url not in run.urls and not links.below(url, policy.trusted_urls):
            if url in run.seen:  # written before the model could put anything into it
                return Verdict.ASK, Reason.URL_FROM_A_SOURCE, url
            # Nobody can see in a URL what it carries: this is not a question for the user.
            return Verdict.BLOCK, Reason.URL_MADE_UP, url
    elif isinstance(arguments, Remember):
        if run.untrusted:
            return Verdict.ASK, Reason.MEMORY_FROM_OTHERS, ""
    elif sink != "none":
        raise TypeError(f"no rule for the sink {sink!r}")
    return Verdict.ALLOW, Reason.AUTHORIZED, ""


# --8<-- [end:sink]


def _labeled(run: Run, tool: Tool, arguments: _Arguments) -> Run:
    fetched = {arguments.url} if isinstance(arguments, FetchUrl) else set()
    wrote = not fetched <= run.urls | run.seen if fetched else tool.sink != "none"
    return replace(
        run,
        private=run.private or tool.reads_private,
        untrusted=run.untrusted or tool.reads_untrusted,
        wrote=run.wrote or (run.private and wrote),
        fetched=run.fetched | fetched,
    )
