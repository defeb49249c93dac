"""What redaction costs in processor time: patterns and tagger on a message, a streamed answer, a stand-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from examples.pii_redaction import corpus
from examples.pii_redaction.cards import Cards
from examples.pii_redaction.names import trained
from examples.pii_redaction.patterns import Emails, Ssns
from examples.pii_redaction.pseudonyms import StandIns
from examples.pii_redaction.scanner import Scanner
from examples.pii_redaction.spans import Kind
from examples.pii_redaction.stream import Stream

TEXT = " ".join(message.text for message in corpus.held_out(seed=31, count=400))
NEW = TEXT[: 8_000 * 4 * 15 // 100]
"""The unseen 15% of a prompt at p95, 8,000 tokens of four characters."""
ANSWER = TEXT[: 350 * 4]
PATTERNS = [Emails(), Cards(), Ssns(lambda _: False)]


class NoNames:
    def names(self, text: str) -> list[tuple[int, int]]:
        return []


def feed(stream: Callable[[], Stream]) -> int:
    live = stream()
    pieces = sum(len(live.feed(ANSWER[at : at + 4])) for at in range(0, len(ANSWER), 4))
    return pieces + len(live.close())


@pytest.mark.benchmark(group="pii-redaction")
def bench_nothing(benchmark: Any) -> None:
    benchmark(lambda: NEW.encode())


@pytest.mark.benchmark(group="pii-redaction")
def bench_patterns_on_new_text(benchmark: Any) -> None:
    benchmark(Scanner(PATTERNS, NoNames()).scan, NEW)


@pytest.mark.benchmark(group="pii-redaction")
def bench_patterns_and_tagger_on_new_text(benchmark: Any) -> None:
    benchmark(Scanner(PATTERNS, trained()).scan, NEW)


@pytest.mark.benchmark(group="pii-redaction")
def bench_streamed_answer(benchmark: Any) -> None:
    benchmark(feed, lambda: Stream(PATTERNS, trained()))


@pytest.mark.benchmark(group="pii-redaction")
def bench_stand_in(benchmark: Any) -> None:
    names = StandIns(bytes(32), "conversation")
    benchmark(names.of, Kind.EMAIL, "jane.doe@example.com")
