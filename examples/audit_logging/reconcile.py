"""The log against what others counted: no chain can show an event that was never handed over.

Billing and the engine count by themselves. A request that only one side knows is a bug, or a gateway that kept silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from examples.audit_logging.events import Change, Event, Opened, Outcome
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
