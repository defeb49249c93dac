"""Personal data that can be destroyed without touching a sealed byte.

Each person has one random secret in a small directory, which is never in the log. Pseudonym, ciphertext and content
digests derive from it. Without it they are noise, and nobody can tell again whose they were; the records, their links and
all signatures stay as they are.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class Erased(KeyError):
    """The person's secret was destroyed, or never existed."""


class Directory:
    """The secrets, by tenant and person. Here in memory; in production a table, each secret wrapped by the tenant's key.

    ``lookup_key`` is the key service's: the table holds no identifier, only its HMAC. Back the table up apart from
    everything else and for a few days only, or an erasure ends when its last backup does.
    """

    def __init__(self, lookup_key: bytes, randomness: Callable[[int], bytes]) -> None:
        self._lookup_key, self._random = lookup_key, randomness
        self._secrets: dict[bytes, bytes] = {}

    def _at(self, tenant: str, person: str) -> bytes:
        who = len(tenant).to_bytes(4, "big") + tenant.encode() + person.encode()
        return hmac.digest(self._lookup_key, who, "sha256")

    # --8<-- [start:person]
    def enroll(self, tenant: str, person: str) -> str:
        """Return the pseudonym for what the person does now; whoever comes back after an erasure gets a new one."""
        self._secrets.setdefault(self._at(tenant, person), self._random(32))
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
        return self._secrets.pop(self._at(tenant, person), None) is not None

    # --8<-- [end:person]
    def unseal(self, tenant: str, person: str, event_id: str, sealed: str) -> str:
        """Decrypt. Raises Erased, or ValueError if the ciphertext is another person's, another event's, or changed."""
        raw = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        key = AESGCM(self._derived(tenant, person, b"seal"))
        try:
            return key.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], event_id.encode()).decode()
        except InvalidTag:
            raise ValueError("not this person's field of this event") from None

    def _derived(self, tenant: str, person: str, purpose: bytes) -> bytes:
        try:
            secret = self._secrets[self._at(tenant, person)]
        except KeyError:
            raise Erased(person) from None
        return hmac.digest(secret, b"llm-audit/person/1\n" + purpose, "sha256")
