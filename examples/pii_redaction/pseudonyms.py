"""Stand-ins for values: the same on every turn of a conversation, and of no use for linking anything else. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from examples.pii_redaction.fold import fold
from examples.pii_redaction.spans import Kind

ID_BITS = 40
"""Eight characters of base 32: short for the model to copy, and unique enough for the values of one conversation."""


@dataclass(frozen=True)
class Entry:
    """A true value, and whether the user of this conversation wrote it and so may see it again."""

    value: str
    own: bool


def lengthened(*parts: str) -> bytes:
    """Return the parts, each with its length before it, so that ("ab", "c") and ("a", "bc") differ."""
    return b"".join(len(part).to_bytes(4) + part for part in (part.encode() for part in parts))


# --8<-- [start:pseudonyms]
def mac(key: bytes, *parts: str) -> bytes:
    return hmac.new(key, lengthened(*parts), hashlib.sha256).digest()


def canonical(kind: Kind, value: str) -> str:
    """Return what two ways of typing one value have in common."""
    read = " ".join(fold(value).text.casefold().split())
    return "".join(filter(str.isdigit, read)) if kind in (Kind.SSN, Kind.ITIN) else read


class StandIns:
    """Names values within one conversation. ``key`` is the tenant's, made from a master key that only the gateway has.

    Without the key nobody can test a guess: that, and not the hash, is what keeps nine digits secret.
    """

    def __init__(self, key: bytes, conversation: str) -> None:
        if len(key) < 32:
            raise ValueError("the key needs 32 random bytes; a shorter one can be searched")
        self._key, self._conversation = key, conversation

    def of(self, kind: Kind, value: str) -> str:
        tag = mac(self._key, "stand-in", self._conversation, kind, canonical(kind, value))
        return f"[{kind}-{base64.b32encode(tag[: ID_BITS // 8]).decode().lower()}]"


# --8<-- [end:pseudonyms]
def tenant_key(master: bytes, tenant: str, purpose: str) -> bytes:
    """Return a tenant's key for one purpose; destroying a master or rotating it ends all that was made with it."""
    return mac(master, "tenant key", tenant, purpose)
