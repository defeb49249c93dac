"""Events around an answer's stream, and the sweep for streams whose replica died."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Container, Iterable
from contextlib import asynccontextmanager
from typing import Literal

from examples.audit_logging.chain import Record
from examples.audit_logging.events import Class, Event, Opened, Outcome, Tool
from examples.audit_logging.recorder import AuditUnavailable, Recorder

Status = Literal["completed", "disconnected", "canceled", "blocked", "failed"]


class Disconnected(Exception):
    """The client hung up: raised by whoever sees the connection end. A cancellation has other causes too."""


class Blocked(Exception):
    """Moderation stopped the answer."""


class Answer:
    """Counts of one stream. ``generated`` from the engine; ``delivered``: handed to the connection, as is ``digest``."""

    def __init__(self, opening: asyncio.Task[Record]) -> None:
        self._opening = opening
        self.generated = self.delivered = 0
        self.digest: str | None = None

    async def allowed(self) -> None:
        """Return once the opening event is stored. Raises AuditUnavailable: then nothing may leave."""
        await asyncio.shield(self._opening)


# --8<-- [start:audited]
@asynccontextmanager
async def audited(
    recorder: Recorder, kind: Class, opened: Event, new_id: Callable[[], str], clock_us: Callable[[], int]
) -> AsyncIterator[Answer]:
    """Write the opening event while the engine prefills, and the outcome however the stream ends.

    The body starts the engine at once and awaits ``allowed()`` before it sends the first token.
    """
    write = asyncio.to_thread(recorder.record, kind, opened, replicated=False)
    opening = asyncio.create_task(write)
    answer = Answer(opening)
    status: Status = "completed"
    try:
        yield answer
    except Disconnected:
        status = "disconnected"
        raise
    except (asyncio.CancelledError, GeneratorExit):  # a deployment or a timeout: no evidence of a hang-up
        status = "canceled"
        raise
    except Blocked:
        status = "blocked"
        raise
    except BaseException:
        status = "failed"
        raise
    finally:
        closing = asyncio.create_task(
            _close(recorder, kind, opened, opening, answer, status, new_id, clock_us)
        )
        _running.add(closing)  # the loop itself keeps weak references only
        closing.add_done_callback(_running.discard)
        await asyncio.shield(closing)


# --8<-- [end:audited]
_running: set[asyncio.Task[None]] = set()


async def _close(
    recorder: Recorder,
    kind: Class,
    opened: Event,
    opening: asyncio.Task[Record],
    answer: Answer,
    status: Status,
    new_id: Callable[[], str],
    clock_us: Callable[[], int],
) -> None:
    """Write the outcome behind the opening. If it cannot be written, the sweep will say "unknown"."""
    try:
        await opening
        outcome = Outcome(
            status=status,
            generated=answer.generated,
            delivered=answer.delivered,
            answer_digest=answer.digest,
        )
        event = opened.model_copy(
            update={"id": new_id(), "at_us": clock_us(), "what": outcome, "person": None}
        )
        await asyncio.to_thread(recorder.record, kind, event, replicated=False)
    except AuditUnavailable:
        return


def swept(
    seen: Iterable[Event], gone: Container[str], now_us: int, longest_us: int = 15 * 60 * 1_000_000
) -> list[Event]:
    """Return an "unknown" for each opening, and each tool's intent, whose replica is gone or that is older than any stream.

    The id follows from the request or call, so a second sweep adds nothing; a late real outcome stands beside it and wins.
    Whether a tool with an unknown end ran, its own system knows by the call's id.
    """
    begun: dict[str, Event] = {}
    ended: set[str] = set()
    for event in seen:
        match event.what:
            case Opened() if event.request:
                begun[event.request] = event
            case Outcome() if event.request:
                ended.add(event.request)
            case Tool(stage="intent", call=call):
                begun[f"call {call}"] = event
            case Tool(call=call):
                ended.add(f"call {call}")
    return [
        event.model_copy(
            update={
                "id": hashlib.sha256(f"swept {key}".encode()).hexdigest()[:32],
                "at_us": now_us,
                "where": "sweeper",
                "what": _unknown(event),
                "person": None,
            }
        )
        for key, event in begun.items()
        if key not in ended and (event.where in gone or now_us - event.at_us > longest_us)
    ]


def _unknown(event: Event) -> Outcome | Tool:
    if isinstance(event.what, Tool):
        return event.what.model_copy(update={"stage": "unknown"})
    return Outcome(status="unknown", generated=0, delivered=0)
