"""What the client is told, in the chunks that OpenAI's clients read: a finish reason, and why it ended.

The client gets a public reason and a case number. Scores, detector names and the category of a severe block stay
inside: they would be an attacker's gradient.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from examples.content_moderation.policy import Action
from examples.content_moderation.stream import End, Event, Resources, Show, Stop


# --8<-- [start:wire]
def status(event: Event) -> int:
    """Return the HTTP status if this is the first event, before any header has left."""
    if isinstance(event, Stop) and event.decision.action is Action.UNAVAILABLE:
        return 503
    return 400 if isinstance(event, Stop) and event.by == "prompt" else 200


def chunk(event: Event, case: str) -> str:
    """Return the event as one server-sent event. ``case`` is the number that an appeal names."""
    if isinstance(event, Show):
        return _sse({"content": event.text}, None)
    if isinstance(event, End):
        return _sse({}, "stop")
    if isinstance(event, Resources):
        return _sse({}, None, {"show": "crisis_resources", "case": case})
    if event.decision.action is Action.UNAVAILABLE:
        return "data: " + json.dumps({"error": {"code": "moderation_unavailable", "withdraw": True}}) + "\n\n"
    told: dict[str, Any] = {"withdraw": True, "shown_tokens": event.shown, "case": case, "automated": True}
    if event.decision.action is Action.RESOURCES:
        told["show"] = "crisis_resources"
    if event.decision.action is not Action.BLOCK:
        told |= {"policy": event.decision.category, "appeal": f"/appeals/{case}"}
    return _sse({}, "content_filter", told)


def _sse(delta: Mapping[str, str], finish: str | None, told: Mapping[str, Any] | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"object": "chat.completion.chunk", "choices": [choice]} | ({"moderation": told} if told else {})
    return "data: " + json.dumps(body) + "\n\n"
    # --8<-- [end:wire]
