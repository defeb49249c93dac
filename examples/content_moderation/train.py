"""Train the small classifier and calibrate it; needs scikit-learn. Run as a module, it writes ``model.json``."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix  # type: ignore[import-untyped, unused-ignore]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped, unused-ignore]

from examples.content_moderation import dataset, small
from examples.content_moderation.reading import read


def matrix(texts: list[str]) -> Any:
    """Return one row of unit length for each text, as ``Small.logits`` sees it."""
    rows = [small.features(read(text).texts[0]) for text in texts]
    return csr_matrix(
        (
            np.concatenate([np.full(len(row), len(row) ** -0.5) for row in rows]),
            np.concatenate(rows),
            np.cumsum([0, *(len(row) for row in rows)]),
        ),
        shape=(len(rows), small.BUCKETS),
    )


def platt(scores: Any, labels: list[bool]) -> list[float]:
    """Return slope and intercept of Platt's sigmoid, with his targets: a little less than 1, a little more than 0.

    Without those, a category that happens to be separable here would be given a cliff.
    """
    harmful = sum(labels)
    high, low = (harmful + 1) / (harmful + 2), 1 / (len(labels) - harmful + 2)
    target = np.where(labels, high, low)
    twice = np.concatenate([scores, scores]).reshape(-1, 1)
    model = LogisticRegression(C=1e6, tol=1e-8)
    model.fit(twice, [True] * len(labels) + [False] * len(labels), np.concatenate([target, 1 - target]))
    return [round(float(model.coef_[0][0]), 3), round(float(model.intercept_[0]), 3)]


def train() -> dict[str, Any]:
    """Return the content of ``model.json``: weights from one split, calibration (Platt's) from another."""
    fitted, held = dataset.texts("train"), dataset.texts("calibration")
    inputs, others = matrix([row.text for row in fitted]), matrix([row.text for row in held])
    weights, calibration = {}, {}
    for name in dataset.CATEGORIES:
        model = LogisticRegression(C=8.0, max_iter=2000, tol=1e-8)
        model.fit(inputs, [row.category == name for row in fitted])
        weights[name] = [round(float(value) * small.SCALE) for value in (*model.intercept_, *model.coef_[0])]
        calibration[name] = platt(model.decision_function(others), [row.category == name for row in held])
    return {"version": small.VERSION, "calibration": calibration, "weights": weights}


if __name__ == "__main__":
    small.FILE.write_text(json.dumps(train(), separators=(",", ":")) + "\n", encoding="utf-8")
