"""The prompts that each chat template makes, and what two of them have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from pathlib import Path

from jinja2 import Environment

TEMPLATES = {"previous": "a.jinja", "released": "b.jinja", "mended": "c.jinja"}
SYSTEM = "You are the assistant of the Northwind help desk. Answer from the handbook, and name its section."
TOOLS = "\n".join(f'{{"name": "lookup_{topic}"}}' for topic in ("order", "invoice", "shipment", "refund"))
QUESTIONS = ("Where is order 5512?", "How do I return a lamp?")


def render(template: str, question: str, now: datetime) -> str:
    """The prompt of one question to the application of SYSTEM and TOOLS, asked at `now` in UTC."""
    source = (Path(__file__).parent / "prompts" / TEMPLATES[template]).read_text(encoding="utf-8")
    environment = Environment(keep_trailing_newline=True)
    return environment.from_string(source).render(
        bos_token="<|begin_of_text|>",
        system=SYSTEM,
        tools=TOOLS,
        messages=[{"role": "user", "content": question}],
        strftime_now=now.strftime,
    )


# --8<-- [start:check]
def equal_from_the_start(first: str, second: str) -> int:
    """How many characters two prompts share before their first difference."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def static_share(template: str, times: Sequence[datetime]) -> float:
    """Of what two requests must share, the part before their first difference.

    1 if a prefix cache can find all of it; near 0 if what varies stands in front.
    """
    first, second = (render(template, question, now) for question, now in zip(QUESTIONS, times, strict=True))
    static = first.index(TOOLS) + len(TOOLS)
    return min(1.0, equal_from_the_start(first, second) / static)


# --8<-- [end:check]
