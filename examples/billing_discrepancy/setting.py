"""The question's numbers. Money is counted in millionths of a dollar, so that no sum of tokens is ever rounded."""

from __future__ import annotations

from datetime import UTC, date, datetime

TODAY = date(2026, 11, 6)
ORGANIZATIONS, TICKETS = 9_000, 37
INVOICED_CENTS, DISPUTED_CENTS = 4_625_000, 240_500
CALLS_4417, ENTRIES_4417 = 118_400, 124_912

BILLED_REQUESTS = 100_000_000
PROMPT_TOKENS, OUTPUT_TOKENS = 1_200, 300
PROMPT_MICROUSD, OUTPUT_MICROUSD = 3, 15
"""A token's price: $3 and $15 per million tokens are 3 and 15 millionths of a dollar."""
PROVIDER_SHARE = 0.04

LOG_DAYS = 30
SUSPENSION = date(2026, 11, 8)
MONDAY = date(2026, 11, 9)
OCTOBER_DAYS = 31


def microusd(prompt_tokens: int, output_tokens: int) -> int:
    """Price of one request in millionths of a dollar."""
    return prompt_tokens * PROMPT_MICROUSD + output_tokens * OUTPUT_MICROUSD


MEAN_MICROUSD = microusd(PROMPT_TOKENS, OUTPUT_TOKENS)


def cents(micro: int) -> int:
    """Millionths of a dollar in whole cents, halves up: what an invoice line does once, at its end."""
    return (micro + 5_000) // 10_000


def ms(text: str) -> int:
    """Milliseconds since 1970 of a UTC time such as `2026-10-14T12:00`."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
