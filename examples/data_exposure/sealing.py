"""A stored value that only its owner can open, under its own key only, and the keys that caches are asked with."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from examples.data_exposure.pool import Owner

NONCE = 12
"""Bytes. A random nonce is safe for 2^32 values under one key; rotate long before."""


class NotYours(Exception):
    """A value that was sealed for another owner or another key, or was changed: refuse it, and page somebody."""


# --8<-- [start:seal]
class Sealer:
    """Seals values under the newest key; opens them under any that is still held."""

    def __init__(self, keys: Mapping[int, bytes], random: Callable[[int], bytes] = os.urandom) -> None:
        self._ciphers = {number: AESGCM(key) for number, key in keys.items()}
        self._newest, self._random = max(keys), random

    def seal(self, owner: Owner, key: str, value: bytes) -> bytes:
        head = self._newest.to_bytes(4, "big")
        nonce = self._random(NONCE)
        return head + nonce + self._ciphers[self._newest].encrypt(nonce, value, _bound(head, owner, key))

    def open(self, owner: Owner, key: str, sealed: bytes) -> bytes:
        """Raises NotYours, without telling which of owner, key and content does not fit."""
        head, nonce, rest = sealed[:4], sealed[4 : 4 + NONCE], sealed[4 + NONCE :]
        try:
            cipher = self._ciphers[int.from_bytes(head, "big")]
            return cipher.decrypt(nonce, rest, _bound(head, owner, key))
        except (KeyError, InvalidTag, ValueError) as error:
            raise NotYours(key) from error


def _bound(head: bytes, owner: Owner, key: str) -> bytes:
    """What the tag covers besides the value. Each field with its length: "ab", "c" is not "a", "bc"."""
    fields = [field.encode() for field in (owner.organization, owner.user, key)]
    return head + b"".join(len(field).to_bytes(4, "big") + field for field in fields)


# --8<-- [end:seal]


# --8<-- [start:keys]
def response_key(secret: bytes, owner: Owner, rights: frozenset[str], parts: Mapping[str, Any]) -> str:
    """Key of a cached answer: whose it is, what they may read, and all that made it (model, prompt, index version)."""
    scope = [owner.organization, sorted(rights), dict(parts)]
    return "answer:" + hmac.digest(secret, json.dumps(scope, sort_keys=True).encode(), hashlib.sha256).hex()


def engine_salt(secret: bytes, organization: str) -> str:
    """The request's `cache_salt` for vLLM, set by the gateway: prefixes are reused within an organization only."""
    return hmac.digest(secret, b"salt:" + organization.encode(), hashlib.sha256).hex()


# --8<-- [end:keys]
