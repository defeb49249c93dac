"""Slopes by least squares, with their standard errors; several causes at once; how long a comparison takes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple


class Slope(NamedTuple):
    value: float
    error: float
    """Standard error, if the residuals are independent."""
    residual: float
    """Their standard deviation."""


# --8<-- [start:slope]
def slope(x: Sequence[float], y: Sequence[float]) -> Slope:
    """Least squares with an intercept. Needs three points, not all at one x; raises ValueError."""
    if len(x) < 3 or len(set(x)) < 2:
        raise ValueError("three points, not all at one x")
    middle, level = fmean(x), fmean(y)
    spread = sum((one - middle) ** 2 for one in x)
    value = sum((a - middle) * (b - level) for a, b in zip(x, y, strict=True)) / spread
    left = [b - level - value * (a - middle) for a, b in zip(x, y, strict=True)]
    residual = (sum(one * one for one in left) / (len(x) - 2)) ** 0.5
    return Slope(value, residual / spread**0.5, residual)


# --8<-- [end:slope]


def several(columns: Sequence[Sequence[float]], y: Sequence[float]) -> tuple[list[float], float]:
    """Coefficients of y on the columns without an intercept, by the normal equations, and R squared about the mean.

    Raises ZeroDivisionError where the columns are collinear.
    """
    size = len(columns)
    rows = [
        [sum(a * b for a, b in zip(one, other, strict=True)) for other in columns]
        + [sum(a * b for a, b in zip(one, y, strict=True))]
        for one in columns
    ]
    for pivot in range(size):
        best = max(range(pivot, size), key=lambda row: abs(rows[row][pivot]))
        rows[pivot], rows[best] = rows[best], rows[pivot]
        for row in range(size):
            if row != pivot:
                factor = rows[row][pivot] / rows[pivot][pivot]
                rows[row] = [a - factor * b for a, b in zip(rows[row], rows[pivot], strict=True)]
    found = [rows[index][size] / rows[index][index] for index in range(size)]
    level = fmean(y)
    fitted = [sum(c * column[i] for c, column in zip(found, columns, strict=True)) for i in range(len(y))]
    left = sum((a - b) ** 2 for a, b in zip(y, fitted, strict=True))
    return found, 1 - left / sum((one - level) ** 2 for one in y)


def r_squared(x: Sequence[float], y: Sequence[float]) -> float:
    """Of the least-squares line."""
    fit, level = slope(x, y), fmean(y)
    return 1 - fit.residual**2 * (len(x) - 2) / sum((one - level) ** 2 for one in y)


# --8<-- [start:hours]
def hours_until_visible(residual: float, per_hour: float, difference: float, z: float = 4.5) -> float:
    """How long two curves must run side by side until slopes that differ by so much are told apart.

    Readings at even spacing with independent noise: a slope's variance is 12 s² / (n T²) with n = rT, and a difference
    has twice that, so T³ = 24 s² z² / (r d²). z 4.5 is 2.855 + 1.645: one false alarm in 460, and a power of 95%.
    """
    return float((24 * (residual * z / difference) ** 2 / per_hour) ** (1 / 3))


# --8<-- [end:hours]
