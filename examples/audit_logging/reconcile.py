"""The log against what others counted: no chain can show an event that was never handed over.

Billing and the engine count by themselves. A request that only one side knows is a bug, or a gateway that kept silent.
And no proof shows whose a pseudonym is: the person's requests do, as billing or the tenant's own system has them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from examples.audit_logging.events import Change, Event, Notice, Opened, Outcome
from examples.audit_logging.search import outcomes


class Differences(NamedTuple):
    """Requests, except for ``unknown_prompts``, which are digests."""

    unlogged: list[str]  # billed, and no opening in the log
    unbilled: list[str]  # opened in the log, and nobody was billed
    open_ended: list[str]  # opened without an outcome: the sweep has not run
    other_tokens: list[str]  # the engine made more or fewer tokens than the outcome says
    unknown_prompts: list[str]  # system prompts in use that no logged change introduced


def reconcile(seen: Iterable[Event], billed: Mapping[str, int]) -> Differences:
    """Compare an interval's events with the generated tokens that billing has by request."""
    everything = list(seen)
    opened = {event.request: event.what for event in everything if isinstance(event.what, Opened)}
    ended: dict[str, Outcome] = outcomes(everything)
    introduced = {event.what.after for event in everything if isinstance(event.what, Change)}
    known = {request: opened[request] for request in opened if request}
    return Differences(
        unlogged=sorted(billed.keys() - known.keys()),
        unbilled=sorted(known.keys() - billed.keys()),
        open_ended=sorted(known.keys() - ended.keys()),
        other_tokens=sorted(
            request
            for request, outcome in ended.items()
            if outcome.status != "unknown" and request in billed and billed[request] != outcome.generated
        ),
        unknown_prompts=sorted({what.system_prompt for what in known.values()} - introduced),
    )


def not_shown(answered: Iterable[Event], requests: Iterable[str]) -> list[str]:
    """Return a person's requests, as others have them, that a proven answer lacks: its pseudonym may be another's."""
    return sorted(set(requests) - {event.request for event in answered})


class Persons(NamedTuple):
    """Pseudonyms that the log and the directory do not both have."""

    lost: list[str]  # enrolled and not erased, and no row gives them: somebody's records cannot be found
    made_up: list[str]  # a row gives them, and nobody enrolled them


def persons(seen: Iterable[Event], rows: Collection[str]) -> Persons:
    """Compare the enrollments and erasures in the log with the directory's pseudonyms."""
    noticed = {(event.what.what, event.actor) for event in seen if isinstance(event.what, Notice)}
    enrolled = {actor for what, actor in noticed if what == "enrolled"} - {
        a for w, a in noticed if w == "erased"
    }
    return Persons(sorted(enrolled - set(rows)), sorted(set(rows) - enrolled))
