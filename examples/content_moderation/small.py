"""The small classifier: logistic regression on hashed words and character runs, scored in plain Python.

Its weights come from ``train``; a probability is calibrated on texts of other templates, at their share of harmful
ones. ``moved`` takes it to the traffic's share, or a threshold from there to here.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from math import exp, sqrt
from pathlib import Path
from typing import Any

VERSION = "small-4"
"""Of what ``train`` writes; a new one with every change to it, since thresholds belong to a version."""
BUCKETS = 2048
FILE = Path(__file__).parent / "model.json"
SCALE = 1000
"""Weights are stored in thousandths, as integers."""

_WORD = re.compile(r"\w+")


@lru_cache(maxsize=16_384)
def _of_word(word: str) -> frozenset[int]:
    padded = f"<{word}>"
    grams = [word, *(padded[i : i + 4] for i in range(len(padded) - 3))]
    return frozenset(zlib.crc32(gram.encode()) % BUCKETS for gram in grams)


# --8<-- [start:small]
def features(text: str) -> list[int]:
    """Return the buckets of a text: its words, pairs of words, and runs of four characters in a word."""
    words = _WORD.findall(text)
    pairs = {zlib.crc32(f"{a} {b}".encode()) % BUCKETS for a, b in pairwise(words)}
    return sorted(pairs.union(*map(_of_word, words)))


class Small:
    """Scores a text for every category. Safe to share: nothing changes after it is built."""

    def __init__(
        self,
        weights: Mapping[str, Sequence[float]],
        calibration: Mapping[str, Sequence[float]],
        version: str,
    ) -> None:
        """Take, by category, the bias with the weight of each bucket, and slope with intercept of its calibration."""
        self._bias = {name: row[0] for name, row in weights.items()}
        self._rows = {name: row[1:] for name, row in weights.items()}
        self._calibration, self.version = calibration, version

    def logits(self, text: str) -> dict[str, float]:
        """Return the raw score of each category; every text has the same length of 1, however long it is."""
        found = features(text)
        size = sqrt(len(found)) or 1.0
        return {
            name: self._bias[name] + sum(map(row.__getitem__, found)) / size
            for name, row in self._rows.items()
        }

    def score(self, texts: Sequence[str]) -> dict[str, float]:
        """Return, by category, the calibrated probability of the most suspicious of the texts."""
        rows = [self.logits(text) for text in texts]
        return {
            name: sigmoid(slope * max(row[name] for row in rows) + intercept)
            for name, (slope, intercept) in self._calibration.items()
        }
        # --8<-- [end:small]


def sigmoid(x: float) -> float:
    """Return the logistic function, without overflow."""
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


def moved(probability: float, sampled: float, real: float) -> float:
    """Return a probability that is calibrated at a share ``sampled`` of harmful texts, at a share ``real``."""
    odds = probability / (1 - probability) * (real / (1 - real)) / (sampled / (1 - sampled))
    return odds / (1 + odds)


@cache
def load() -> Small:
    """Return the classifier that is kept beside this module."""
    return parsed(json.loads(FILE.read_text(encoding="utf-8")))


def parsed(model: Mapping[str, Any]) -> Small:
    """Return the classifier of a model file's content."""
    weights = {name: [value / SCALE for value in row] for name, row in model["weights"].items()}
    return Small(weights, model["calibration"], model["version"])
