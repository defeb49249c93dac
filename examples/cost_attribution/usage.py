"""What a provider reports about an attempt, in disjoint kinds of tokens, and the events that the gateway writes.

Sources of the two shapes: OpenAI's chat completions (usage in an extra last chunk, if `stream_options` asks for it) and
Anthropic's messages (input in the opening event, output in the last, each cumulative).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self


class UsageError(ValueError):
    """A report that cannot be true: it is kept for people to look at, and the attempt stays estimated."""


@dataclass(frozen=True)
class Tokens:
    """Disjoint, so that a cost is a sum of products. ``output`` includes ``reasoning``, which is billed like it."""

    input: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0
    reasoning: int = 0

    def __post_init__(self) -> None:
        if min(asdict(self).values()) < 0 or self.reasoning > self.output:
            raise UsageError(f"{self}")

    @classmethod
    def from_openai(cls, usage: Mapping[str, Any]) -> Self:
        """``prompt_tokens`` includes cache reads and writes; ``completion_tokens`` includes the reasoning."""
        prompt = usage.get("prompt_tokens_details") or {}
        completion = usage.get("completion_tokens_details") or {}
        cached, written = prompt.get("cached_tokens") or 0, prompt.get("cache_write_tokens") or 0
        return cls(
            input=usage["prompt_tokens"] - cached - written,
            cached=cached,
            written=written,
            output=usage["completion_tokens"],
            reasoning=completion.get("reasoning_tokens") or 0,
        )

    @classmethod
    def from_anthropic(cls, usage: Mapping[str, Any]) -> Self:
        """``input_tokens`` excludes both what was read from the cache and what was written to it."""
        details = usage.get("output_tokens_details") or {}
        return cls(
            input=usage["input_tokens"],
            cached=usage.get("cache_read_input_tokens") or 0,
            written=usage.get("cache_creation_input_tokens") or 0,
            output=usage["output_tokens"],
            reasoning=details.get("thinking_tokens") or 0,
        )


def cost_nano(tokens: Tokens, nano: Mapping[str, int]) -> int:
    """Return nanodollars, exactly; ``nano`` has nanodollars a token for input, cached, written and output."""
    return sum(getattr(tokens, meter) * price for meter, price in nano.items())


OPENED, ESTIMATED, REPORTED = 0, 1, 2


@dataclass(frozen=True)
class Identity:
    """What is known before the call, and never changes after it."""

    attempt_id: str
    request_id: str
    started_at: str
    project: str
    credential: str
    backend: Literal["fleet", "provider"]
    model: str
    max_output_tokens: int
    person_alias: str | None = None


class Attempt:
    """Counts one attempt. Write what `opened` returns before the call, so that a crash leaves a trace of it."""

    def __init__(self, identity: Identity, prompt_tokens: int) -> None:
        """``prompt_tokens`` is the gateway's own count."""
        self._identity, self._known = identity, Tokens(input=prompt_tokens)
        self._seen, self._final = 0, False

    def opened(self) -> dict[str, Any]:
        return self._event(OPENED)

    def chunk(self, tokens: int) -> None:
        """Count what was streamed: the only witness if the stream breaks off. It cannot see hidden reasoning."""
        self._seen += tokens

    def began(self, usage: Tokens) -> None:
        """Take the exact input from providers that report it in the opening event."""
        self._known = replace(usage, output=0, reasoning=0)

    def reported(self, usage: Tokens) -> None:
        self._known, self._final = usage, True

    def ended(self, gpu_ms: int = 0) -> dict[str, Any]:
        """The event for however it ended; without a final report, an estimate that a later revision replaces."""
        if not self._final:
            self._known = replace(self._known, output=self._seen)
        return self._event(REPORTED if self._final else ESTIMATED, gpu_ms)

    def _event(self, revision: int, gpu_ms: int = 0) -> dict[str, Any]:
        counts = {f"{kind}_tokens": count for kind, count in asdict(self._known).items()}
        return asdict(self._identity) | counts | {"revision": revision, "gpu_ms": gpu_ms}
