"""The Lua scripts, their keys, arguments and replies. Nothing here talks to a store."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from examples.rate_limiting.decision import InvalidCost, InvalidReservation, InvalidUser
from examples.rate_limiting.tiers import MOST, Tier

Reply = Sequence[int]
Args = list[int | str]

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


def digest(name: str) -> str:
    """Return what stands for a user or an organization in keys.

    Braces, blanks or a megabyte of a name cannot bend a hash tag, two names cannot meet in one key, keys have one
    size, and no address of a person stands in a slow log.
    """
    if not isinstance(name, str) or not name:
        raise InvalidUser("the id must be a text that is not empty")
    try:
        raw = name.encode()
    except UnicodeEncodeError as error:
        raise InvalidUser("the id cannot be written as UTF-8") from error
    if len(raw) > MAX_USER_BYTES:
        raise InvalidUser(f"the id has {len(raw)} bytes, more than {MAX_USER_BYTES}")
    return blake2b(raw, digest_size=16).hexdigest()


# --8<-- [start:keys]
def keys(user: str, organization: str | None = None) -> list[str]:
    """Return the keys of a reserve: the user's two, then the organization's two if there is one.

    Only the part in braces decides the cluster slot, and a script needs all of its keys in one. So a user of an
    organization lives where the organization does, and has other buckets than the same user without one.
    """
    if organization is None:
        names = ["rl:{" + digest(user) + "}"]
    else:
        tag = "rl:{" + digest(organization) + "}"
        names = [f"{tag}:{digest(user)}", f"{tag}:all"]
    return [f"{name}:{part}" for name in names for part in ("bucket", "holds")]


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


def arguments(claim_id: str, tokens: int, actual: int, tiers: Sequence[Tier], hold_ms: int = HOLD_MS) -> Args:
    """Return the arguments of ``RESERVE`` (``actual`` is 0 then) and of ``SETTLE``; a tier for every account."""
    limits = [
        number
        for tier in tiers
        for r, t in [(tier.requests, tier.tokens)]
        for number in (r.burst, r.per_minute, t.burst, t.per_minute, t.debt)
    ]
    return [hold_ms, claim(claim_id, whole(tokens, least=1)), whole(actual, least=0), *limits]


def read_reserve(reply: Reply) -> tuple[bool, list[tuple[int, int]]]:
    """Read the reply of ``RESERVE``: whether it was taken; for each account, units of requests and tokens gone."""
    return reply[0] == 1, list(zip(reply[1::2], reply[2::2], strict=True))


def read_settle(reply: Reply) -> list[tuple[bool, int]]:
    """Read the reply of ``SETTLE``: for each account, whether there was a hold, and the tokens written off."""
    return [(held == 1, written_off) for held, written_off in zip(reply[::2], reply[1::2], strict=True)]
