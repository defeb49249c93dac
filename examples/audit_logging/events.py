"""What may be logged. The schema is closed: a field that is not here cannot reach the log, least of all a text.

Every field answers a question that an auditor puts: who changed this system prompt and who approved it; what did this
user do in this week; by which policy, model and prompt version was this answer given, and what did its tools touch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from examples.audit_logging import canonical

Class = Literal["hospital", "standard"]
"""How long a record is kept; follows from the tenant's contract, and a stream holds one class."""
LONGEST: Class = "hospital"
OPERATOR = "operator"
"""The tenant of what concerns all tenants."""

# pydantic's regular expressions know no newline before the end: "$" is the end of the text.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._:/-]{0,79}$")]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Hex64 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Sealed = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{38,1024}$")]
Count = Annotated[int, Field(ge=0, le=canonical.MAX_INT)]


class Strict(BaseModel):
    """Unknown fields, wrong types and later changes are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


# --8<-- [start:kinds]
class Opened(Strict):
    """Access was granted and the model called. Written before the first token leaves."""

    kind: Literal["opened"] = "opened"
    rule: Name  # of the policy version in the envelope
    model: Name
    system_prompt: Hex64  # digest of the version in use, which a Change must have introduced
    prompt_tokens: Count
    prompt_digest: Hex64  # keyed, so that a text cannot be guessed and tried


class Denied(Strict):
    kind: Literal["denied"] = "denied"
    rule: Name


class Outcome(Strict):
    kind: Literal["outcome"] = "outcome"
    status: Literal["completed", "disconnected", "canceled", "blocked", "failed", "unknown"]
    generated: Count  # tokens that the engine made
    delivered: Count  # tokens that were handed to the connection; nobody can log what a person read
    answer_digest: Hex64 | None = None  # of what was delivered, keyed


# --8<-- [end:kinds]
class Tool(Strict):
    """A tool acting with the user's rights: intent before, result after."""

    kind: Literal["tool"] = "tool"
    call: Hex32  # joins intent and result; the tool's own system gets it as its idempotency key
    tool: Name
    effect: Literal["read", "write"]
    target: Name  # the id that the tool resolved, never the model's words; a patient by pseudonym
    arguments: Hex64  # keyed digest
    stage: Literal["intent", "done", "failed", "unknown"]


class Change(Strict):
    """An administrator's change: to a key, a role, a system prompt, a model version."""

    kind: Literal["change"] = "change"
    target: Name
    before: Hex64 | None
    after: Hex64 | None
    approver: Hex32 | None  # None: nobody but the actor


class Read(Strict):
    """Somebody asked this log."""

    kind: Literal["read"] = "read"
    about: Hex32 | None
    from_us: Count
    to_us: Count
    purpose: Name


class Notice(Strict):
    """The log about itself."""

    kind: Literal["notice"] = "notice"
    what: Literal[
        "started", "alive", "closed", "recovered", "enrolled", "erased"
    ]  # the last two of a pseudonym
    number: Count = 0  # recovered: bytes set aside


# --8<-- [start:envelope]
class Event(Strict):
    """The envelope: who, when, where, under which policy."""

    v: Literal[1] = 1
    id: Hex32  # repeated deliveries count once
    at_us: Count  # UTC, by the writer's clock: an indication. The order is the sequence's
    tenant: Name
    actor: Hex32  # a pseudonym
    role: Literal["user", "admin", "service", "auditor"]
    credential: Name | None  # the id of the key or session, never the key
    request: Hex32 | None  # joins opening, tools and outcome
    where: Name
    policy: Name
    what: Annotated[Opened | Denied | Outcome | Tool | Change | Read | Notice, Field(discriminator="kind")]
    person: Sealed | None = None  # name, address, IP: ciphertext under the person's own key


# --8<-- [end:envelope]
def is_past(event: Event) -> bool:
    """Whether the event tells what has happened already: to refuse it would prevent nothing and lose it."""
    what = event.what
    return isinstance(what, Outcome) or (isinstance(what, Tool) and what.stage != "intent")


def kept_with(event: Event, contracts: Mapping[str, Class]) -> Class:
    """Return the class of a change or a read: its tenant's by contract, the longest for what concerns all."""
    return contracts.get(event.tenant, LONGEST)


SERVICE = "0" * 32
"""The actor of what no person does."""


def notice(
    what: Literal["started", "alive", "closed", "recovered", "enrolled", "erased"],
    event_id: str,
    at_us: int,
    where: str,
    number: int = 0,
    tenant: str = OPERATOR,
    actor: str = SERVICE,
) -> Event:
    """Return an event of the log about itself, or about the directory's row for ``actor``."""
    return Event(
        id=event_id,
        at_us=at_us,
        tenant=tenant,
        actor=actor,
        role="service",
        credential=None,
        request=None,
        where=where,
        policy="none",
        what=Notice(what=what, number=number),
    )


def encode(event: Event) -> bytes:
    """Return the event's canonical bytes: what is linked, sealed and kept. Raises ValueError.

    The event is checked here again: a copy with changed fields has not been.
    """
    return canonical.encode(Event.model_validate(event.model_dump(warnings=False)).model_dump(mode="json"))


def decode(payload: bytes) -> Event:
    """Read an event back. Raises NotCanonical, or pydantic's ValidationError, both of them ValueErrors."""
    canonical.decode(payload)
    return Event.model_validate_json(payload)
