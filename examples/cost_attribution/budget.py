"""What an open stream may still cost, and the largest answer that a budget can pay for."""

from __future__ import annotations

from collections.abc import Mapping


def worst_nano(input_tokens: int, max_tokens: int, nano: Mapping[str, int]) -> int:
    """Return the most that one attempt can cost: all input at its dearest price, and ``max_tokens`` of output.

    ``max_tokens`` must be the provider's own limit on all output, reasoning included.
    """
    dearest = max(price for meter, price in nano.items() if meter != "output")
    return input_tokens * dearest + max_tokens * nano["output"]


def grant(left_nano: int, input_tokens: int, asked: int, nano: Mapping[str, int], least: int = 256) -> int:
    """Return how many output tokens the rest of the budget covers, at most ``asked``; 0 is a refusal.

    Send the result to the provider as its limit. Below ``least`` an answer is of no use and costs its input all the same.
    """
    covered = (left_nano - worst_nano(input_tokens, 0, nano)) // nano["output"]
    return min(asked, covered) if covered >= min(least, asked) else 0
