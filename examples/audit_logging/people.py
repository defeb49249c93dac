"""Personal data that can be destroyed without touching a sealed byte.

Each person has one random secret in a small directory, which is never in the log. Pseudonym, ciphertext and content
digests derive from it. Without it they are noise, and nobody can tell again whose they were; the records, their links and
all signatures stay as they are.

A proof is about a pseudonym, and only the directory says whose that is. So its changes are events.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class Erased(KeyError):
    """The person's secret was destroyed, or never existed."""


class Directory:
    """The secrets, by tenant and person. Here in memory; in production a table, each secret wrapped by the tenant's key.

    ``lookup_key`` is the key service's: the table holds no identifier, only its HMAC. Back the table up apart from
    everything else and for a few days only, or an erasure ends when its last backup does. ``log`` takes what happened,
    tenant and pseudonym; in production it is an insert into the outbox, in the row's own transaction.
    """

    def __init__(
        self,
        lookup_key: bytes,
        randomness: Callable[[int], bytes],
        log: Callable[[Literal["enrolled", "erased"], str, str], None],
    ) -> None:
        self._lookup_key, self._random, self._log = lookup_key, randomness, log
        self._secrets: dict[bytes, bytes] = {}

    def _at(self, tenant: str, person: str) -> bytes:
        who = len(tenant).to_bytes(4, "big") + tenant.encode() + person.encode()
        return hmac.digest(self._lookup_key, who, "sha256")

    # --8<-- [start:person]
    def enroll(self, tenant: str, person: str) -> str:
        """Return the pseudonym for what the person does now; whoever comes back after an erasure gets a new one."""
        secret = self._random(32)
        if self._secrets.setdefault(self._at(tenant, person), secret) is secret:
            self._log("enrolled", tenant, self.pseudonym(tenant, person))
        return self.pseudonym(tenant, person)

    def pseudonym(self, tenant: str, person: str) -> str:
        """Return the pseudonym to search by. Raises Erased."""
        return self._derived(tenant, person, b"pseudonym").hex()[:32]

    def seal(self, tenant: str, person: str, event_id: str, text: str) -> str:
        """Encrypt identifying text for one event. Raises Erased."""
        nonce = self._random(NONCE_BYTES)
        key = AESGCM(self._derived(tenant, person, b"seal"))
        return (
            base64.urlsafe_b64encode(nonce + key.encrypt(nonce, text.encode(), event_id.encode()))
            .decode()
            .rstrip("=")
        )

    def digest(self, tenant: str, person: str, text: str) -> str:
        """Return a keyed digest: it shows that a kept text is the one, and cannot be tried against guesses."""
        return hmac.new(self._derived(tenant, person, b"digest"), text.encode(), hashlib.sha256).hexdigest()

    def erase(self, tenant: str, person: str) -> bool:
        """Destroy the secret; return whether there was one. No record changes."""
        at = self._at(tenant, person)
        if at not in self._secrets:
            return False
        self._log("erased", tenant, self.pseudonym(tenant, person))
        del self._secrets[at]
        return True

    # --8<-- [end:person]
    def pseudonyms(self) -> set[str]:
        """Return those of all rows: to compare with the log's enrollments."""
        return {_derive(secret, at, b"pseudonym").hex()[:32] for at, secret in self._secrets.items()}

    def unseal(self, tenant: str, person: str, event_id: str, sealed: str) -> str:
        """Decrypt. Raises Erased, or ValueError if the ciphertext is another person's, another event's, or changed."""
        raw = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        key = AESGCM(self._derived(tenant, person, b"seal"))
        try:
            return key.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], event_id.encode()).decode()
        except InvalidTag:
            raise ValueError("not this person's field of this event") from None

    def _derived(self, tenant: str, person: str, purpose: bytes) -> bytes:
        at = self._at(tenant, person)
        try:
            secret = self._secrets[at]
        except KeyError:
            raise Erased(person) from None
        return _derive(secret, at, purpose)


def _derive(secret: bytes, at: bytes, purpose: bytes) -> bytes:
    """Derive a key. The row's name is in it: with somebody else's secret, a row gives what nobody enrolled."""
    return hmac.digest(secret, b"llm-audit/person/1\n" + at + purpose, "sha256")
