"""The Lua scripts, their keys, arguments and replies. Nothing here talks to a store."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from examples.rate_limiting.decision import InvalidCost, InvalidReservation, InvalidUser
from examples.rate_limiting.tiers import MOST, Tier

Reply = Sequence[int]

LUA = Path(__file__).parent / "lua"
MAX_USER_BYTES = 256
HOLD_MS = 10 * 60 * 1000
"""No stream lasts longer. A reservation that is not settled by then counts as used in full."""

STORE_CLOCK = (LUA / "store_clock.lua").read_text()
"""Defines the Lua function ``clock``. The tests put another one in its place."""


def compose(clock: str, body: str) -> str:
    """Return a whole script: where the time comes from, the shared arithmetic, and ``body``."""
    return "\n".join((clock, (LUA / "meter.lua").read_text(), (LUA / f"{body}.lua").read_text()))


RESERVE = compose(STORE_CLOCK, "reserve")
SETTLE = compose(STORE_CLOCK, "settle")


# --8<-- [start:keys]
def keys(user: str) -> list[str]:
    """Return the user's two keys. Only the part in braces decides the Cluster slot.

    The user id is hashed: braces, blanks or a megabyte of it cannot bend the hash tag, two ids cannot
    meet in one key, keys have one size, and no address of a person stands in a slow log.
    """
    if not isinstance(user, str) or not user:
        raise InvalidUser("the user id must be a text that is not empty")
    try:
        raw = user.encode()
    except UnicodeEncodeError as error:
        raise InvalidUser("the user id cannot be written as UTF-8") from error
    if len(raw) > MAX_USER_BYTES:
        raise InvalidUser(f"the user id has {len(raw)} bytes, more than {MAX_USER_BYTES}")
    tag = "rl:{" + blake2b(raw, digest_size=16).hexdigest() + "}"
    return [f"{tag}:bucket", f"{tag}:holds"]


# --8<-- [end:keys]
def claim(reservation_id: str, tokens: int) -> str:
    """Return the name under which the store holds a reservation."""
    if not isinstance(reservation_id, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", reservation_id):
        raise InvalidReservation("a reservation id is 1 to 64 letters, digits, hyphens or underscores")
    return f"{reservation_id}:{tokens}"


def whole(tokens: int, least: int) -> int:
    """Return ``tokens`` if it is an int (no bool, no float) from ``least`` up that the store counts exactly."""
    if type(tokens) is not int or not least <= tokens <= MOST:
        raise InvalidCost(f"tokens must be an int from {least} to {MOST}, not {tokens!r}")
    return tokens


def reserve_args(tier: Tier, reservation_id: str, tokens: int, hold_ms: int = HOLD_MS) -> list[int | str]:
    """Return the arguments of ``RESERVE``."""
    r, t = tier.requests, tier.tokens
    limits = [r.burst, r.per_minute, t.burst, t.per_minute, t.debt]
    return [*limits, hold_ms, claim(reservation_id, whole(tokens, least=1))]


def settle_args(
    tier: Tier, reservation_id: str, tokens: int, actual: int, hold_ms: int = HOLD_MS
) -> list[int | str]:
    """Return the arguments of ``SETTLE``: those of the reservation, and what was really used."""
    return [*reserve_args(tier, reservation_id, tokens, hold_ms), whole(actual, least=0)]


def read_reserve(reply: Reply) -> tuple[bool, int, int]:
    """Read the reply of ``RESERVE``: whether it was taken; units of requests and of tokens that are gone now."""
    taken, requests, tokens = reply
    return taken == 1, requests, tokens


def read_settle(reply: Reply) -> tuple[bool, int]:
    """Read the reply of ``SETTLE``: whether there was something to settle, and the tokens written off."""
    settled, written_off = reply
    return settled == 1, written_off
