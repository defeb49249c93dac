"""A prefix cache that tenants share and cannot read across: block keys begin with the tenant's salt.

The keys are chained as vLLM chains its own (docs/design/prefix_caching.md: parent's hash, the block's tokens, extra
keys in which salt and adapter stand). Unlike those, each field is tagged and counted, so that no adapter name can pass
for a salt (https://github.com/vllm-project/vllm/issues/44701, open when read), and each block knows its owner.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock

BLOCK = 16
"""Tokens in a block. Only whole blocks are cached."""


@dataclass(frozen=True)
class Scope:
    """Within which prefixes may be reused: a tenant, a part of it (its own users, say), and an adapter's digest."""

    tenant: str
    part: str = ""
    adapter: str = ""


# --8<-- [start:keys]
def salt_of(scope: Scope, secret: bytes) -> str:
    """Return the `cache_salt` of a grant's tenant, which replaces whatever the request carries."""
    return hmac.digest(secret, _fields(b"salt", scope.tenant, scope.part), "sha256").hex()


def block_keys(tokens: Sequence[int], salt: str, adapter: str) -> Iterator[bytes]:
    """Yield the key of each whole block of a prompt. The salt enters the first and, by the chain, all."""
    parent = hashlib.sha256(_fields(b"root", salt, adapter)).digest()
    for start in range(0, len(tokens) - BLOCK + 1, BLOCK):
        block = b"".join(token.to_bytes(4, "big") for token in tokens[start : start + BLOCK])
        parent = hashlib.sha256(b"block" + parent + block).digest()
        yield parent


def _fields(tag: bytes, *values: str) -> bytes:
    """Say which field is which and where it ends: ("ab", "c") is not ("a", "bc")."""
    raw = [value.encode() for value in values]
    return tag + b"".join(len(value).to_bytes(4, "big") + value for value in raw)


# --8<-- [end:keys]


@dataclass
class PrefixCache:
    """Blocks by key, each with the scope that paid for it. Safe for threads."""

    secret: bytes
    _blocks: dict[bytes, tuple[Scope, bytes]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def store(self, scope: Scope, tokens: Sequence[int], values: Sequence[bytes]) -> list[bytes]:
        """Keep `values`, one a whole block of `tokens`, and return their keys."""
        keys = list(block_keys(tokens, salt_of(scope, self.secret), scope.adapter))
        with self._lock:
            for key, value in zip(keys, values, strict=True):
                self._blocks[key] = (scope, value)
        return keys

    def hit(self, scope: Scope, tokens: Sequence[int]) -> int:
        """Return how many leading tokens need no prefill."""
        found = 0
        with self._lock:
            for key in block_keys(tokens, salt_of(scope, self.secret), scope.adapter):
                if key not in self._blocks:
                    break
                found += BLOCK
        return found

    def read(self, scope: Scope, key: bytes) -> bytes | None:
        """Return a block to its owner. Another's block and one that does not exist are the same answer: None."""
        with self._lock:
            owner, value = self._blocks.get(key, (None, b""))
        return value if owner == scope else None
