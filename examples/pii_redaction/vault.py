"""Where a stand-in's true value can be had for a day: encrypted, in a Redis-compatible store without backups."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis.asyncio import Redis

from examples.pii_redaction.pseudonyms import Entry, lengthened, tenant_key

TTL_S = 24 * 60 * 60
"""From the last turn."""
_NONCE = 12


# --8<-- [start:vault]
class Vault:
    """One hash per conversation, stand-in to ciphertext. AES-256-GCM under the tenant's key; a record that was copied
    to another conversation or stand-in does not decrypt (InvalidTag)."""

    def __init__(self, store: Redis, master: bytes, random: Callable[[int], bytes] = os.urandom) -> None:
        self._store, self._master, self._random = store, master, random

    async def save(self, tenant: str, conversation: str, entries: Mapping[str, Entry]) -> None:
        """Add the entries of one turn and let the conversation live for another day."""
        key = f"pii:{{{tenant}:{conversation}}}"
        async with self._store.pipeline(transaction=True) as turn:
            for stand_in, entry in entries.items():
                sealed = self._seal(tenant, conversation, stand_in, entry)
                # A ticket that repeats the user's own address does not take it away from the user.
                (turn.hset if entry.own else turn.hsetnx)(key, stand_in, sealed)
            turn.expire(key, TTL_S)
            await turn.execute()

    async def load(self, tenant: str, conversation: str, stand_in: str) -> Entry | None:
        """Return the entry, or None for what this conversation never had or had too long ago."""
        sealed = await self._store.hget(f"pii:{{{tenant}:{conversation}}}", stand_in)
        if sealed is None:
            return None
        assert isinstance(sealed, bytes), "the client decodes responses, and ciphertext is no text"
        where = lengthened(tenant, conversation, stand_in)
        plain = self._box(tenant).decrypt(sealed[:_NONCE], sealed[_NONCE:], where)
        return Entry(plain[1:].decode(), own=plain[:1] == b"\x01")

    # --8<-- [end:vault]
    async def forget(self, tenant: str, conversation: str) -> None:
        await self._store.delete(f"pii:{{{tenant}:{conversation}}}")

    def _seal(self, tenant: str, conversation: str, stand_in: str, entry: Entry) -> bytes:
        nonce = self._random(_NONCE)
        plain = (b"\x01" if entry.own else b"\x00") + entry.value.encode()
        return nonce + self._box(tenant).encrypt(nonce, plain, lengthened(tenant, conversation, stand_in))

    def _box(self, tenant: str) -> AESGCM:
        return AESGCM(tenant_key(self._master, tenant, "vault"))
