"""Trains the tagger and writes ``names.json``: ``python -m examples.pii_redaction.train``. Takes a few seconds."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TypedDict

from examples.pii_redaction import corpus
from examples.pii_redaction.evaluate import Score, score
from examples.pii_redaction.names import LocalTagger, seen_at, words
from examples.pii_redaction.scanner import Scanner
from examples.pii_redaction.spans import Kind, Span

SEED = 7
MESSAGES = 2400
ROUNDS = 2
STARTS = 4
"""Perceptrons from different orders of the examples, averaged: one alone changes with the order."""
DROPPED = 0.3
"""The share of a word's own letters and its neighbors' that training does not see, or it learns the templates by heart."""
MARGIN = 1.5
"""Added to the bias, as a missed name costs more than a wrong one. By ``across_templates``: the largest multiple
of 0.5 at which precision there rounds to 70% or more (recall 91%)."""
GENERAL = ("bias", "s=", "bs=", "as=", "bas=")


class Trained(TypedDict):
    """What the tagger needs: a mark for each listed word, a weight for each feature."""

    lists: dict[str, str]
    weights: dict[str, float]


def train(
    seed: int = SEED,
    messages: int = MESSAGES,
    rounds: int = ROUNDS,
    *,
    templates: Sequence[str] = corpus.TEMPLATES,
    margin: float = MARGIN,
) -> Trained:
    """Return the lists of words and the weights of an averaged perceptron (Freund and Schapire, 1999).

    Only every second name of the development set is listed, so that the tagger also learns to do without the list.
    """
    lists = {name.lower(): "+" for names in (corpus.FIRST, corpus.LAST) for name in names[::2]}
    others = [word.lower() for name in corpus.NOT_NAMES for word in name.split()]
    lists |= {word: "~" for word in others[::2] if word not in lists}
    lists |= dict.fromkeys(corpus.COMMON, "=")
    examples = [
        (seen, any(span.start <= word.start and word.end <= span.end for span in inside))
        for message in corpus.development(seed, messages, templates)
        for row in [list(words(message.text))]
        for inside in [[span for span in message.spans if span.kind is Kind.NAME]]
        for i, word in enumerate(row)
        if (seen := seen_at(row, i, lists))
    ]
    rng = random.Random(seed)
    starts = [_perceptron(examples, rounds, rng) for _ in range(STARTS)]
    averaged = {f: sum(start.get(f, 0.0) for start in starts) / STARTS for f in set().union(*starts)}
    averaged["bias"] += margin
    return {"lists": lists, "weights": {f: round(w, 2) for f, w in averaged.items() if abs(w) >= 0.05}}


def _perceptron(examples: list[tuple[list[str], bool]], rounds: int, rng: random.Random) -> dict[str, float]:
    weights: dict[str, float] = defaultdict(float)
    sums: dict[str, float] = defaultdict(float)
    step = 0
    for _ in range(rounds):
        rng.shuffle(examples)
        for everything, gold in examples:
            step += 1
            seen = [f for f in everything if f.startswith(GENERAL) or rng.random() >= DROPPED]
            if (sum(weights[feature] for feature in seen) > 0) != gold:
                change = 1.0 if gold else -1.0
                for feature in seen:
                    weights[feature] += change
                    sums[feature] += step * change
    return {feature: weights[feature] - sums[feature] / step for feature in weights}


def across_templates(margin: float, folds: int = 5, messages: int = MESSAGES) -> Score:
    """Return the score on names when each fold of the development templates is read by a tagger that never saw it."""
    order = random.Random(0).sample(corpus.TEMPLATES, len(corpus.TEMPLATES))
    total = Score()
    for fold in range(folds):
        unseen = order[fold::folds]
        made = train(messages=messages, templates=[t for t in order if t not in unseen], margin=margin)
        tagger = LocalTagger(made["weights"], made["lists"])
        of = score(corpus.development(99, 6 * len(unseen), unseen), partial(_scan, Scanner((), tagger)))
        total.hits += of[Kind.NAME].hits
        total.missed += of[Kind.NAME].missed
        total.wrong += of[Kind.NAME].wrong
    return total


def _scan(scanner: Scanner, message: corpus.Message) -> list[Span]:
    return scanner.scan(message.text)


def text(trained: Trained) -> str:
    return json.dumps(trained, ensure_ascii=False, indent=0, sort_keys=True) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("names.json").write_text(text(train()), encoding="utf-8")
