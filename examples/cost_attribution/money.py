"""Cents that add up: dividing a whole amount by weights, without losing or making a cent."""

from __future__ import annotations

from collections.abc import Mapping


def in_whole_cents(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Divide ``total`` cents by weight: everyone's floor, then one cent each to the largest remainders.

    Ties go by name, so that the same month gives the same bills. Raises ValueError for a negative total or weight,
    and where nobody has a weight: then there is no rule for who pays.
    """
    if total < 0 or any(weight < 0 for weight in weights.values()):
        raise ValueError("a total or a weight is negative")
    if not (whole := sum(weights.values())):
        raise ValueError("nobody has a weight")
    shares = {name: divmod(total * weight, whole) for name, weight in weights.items()}
    left = total - sum(floor for floor, _ in shares.values())
    first = sorted(shares, key=lambda name: (-shares[name][1], name))[:left]
    return {name: floor + (name in first) for name, (floor, _) in shares.items()}


def dollars(value: float, digits: int = 0) -> str:
    """Print an amount: $1,234 or $1,234.50, with the sign before the dollar."""
    return f"{'−' if round(value, digits) < 0 else ''}${abs(value):,.{digits}f}"  # noqa: RUF001 - a minus sign
