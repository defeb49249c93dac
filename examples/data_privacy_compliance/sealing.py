"""Envelope encryption: a patient's data key seals every copy, and the clinic's key in the KMS wraps the data key.

AES-256-GCM with random 96-bit nonces throughout (NIST SP 800-38D allows 2**32 of them under one key; a patient's
key seals a few hundred values a year, a clinic's wraps one for each of its patients).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import unicodedata
from collections.abc import Callable, Sequence
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12


class SealBroken(Exception):
    """The sealed value was changed, moved to another place, or sealed under another key."""


class ClinicKeyGone(KeyError):
    """The clinic has no key, or it was destroyed at the end of its contract: nothing of it can be read."""


# --8<-- [start:seal]
def place(*parts: str | int) -> bytes:
    """Return where a value belongs, as associated data. JSON, so that no two lists of parts look alike."""
    return json.dumps(parts, separators=(",", ":")).encode()


def seal(key: bytes, nonce: bytes, value: bytes, where: bytes) -> bytes:
    """Encrypt ``value`` so that it opens only under ``key`` and only at ``where``."""
    return nonce + AESGCM(key).encrypt(nonce, value, where)


def unseal(key: bytes, sealed: bytes, where: bytes) -> bytes:
    """Decrypt. Raises SealBroken."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], where)
    except (InvalidTag, ValueError) as error:
        raise SealBroken(where.decode()) from error


class Kms(Protocol):
    """What is asked of the key service; a clinic's key never leaves it."""

    def wrap(self, clinic: str, data_key: bytes, where: bytes) -> bytes: ...

    def unwrap(self, clinic: str, wrapped: bytes, where: bytes) -> bytes: ...

    def reference(self, clinic: str, patient: str) -> str: ...

    def destroy(self, clinic: str) -> None: ...

    # --8<-- [end:seal]


class LocalKms:
    """The clinics' keys in the memory of this process: for tests. In production a KMS or HSM per region."""

    def __init__(self, clinics: Sequence[str], randomness: Callable[[int], bytes]) -> None:
        self._random = randomness
        self._keys = {clinic: (randomness(KEY_BYTES), randomness(KEY_BYTES)) for clinic in clinics}

    def _of(self, clinic: str) -> tuple[bytes, bytes]:
        try:
            return self._keys[clinic]
        except KeyError:
            raise ClinicKeyGone(clinic) from None

    def wrap(self, clinic: str, data_key: bytes, where: bytes) -> bytes:
        """Encrypt a data key under the clinic's."""
        return seal(self._of(clinic)[0], self._random(NONCE_BYTES), data_key, where)

    def unwrap(self, clinic: str, wrapped: bytes, where: bytes) -> bytes:
        """Decrypt a data key. Raises SealBroken, ClinicKeyGone."""
        return unseal(self._of(clinic)[0], wrapped, where)

    def reference(self, clinic: str, patient: str) -> str:
        """Return the patient's pseudonym: an HMAC under a key of the clinic, as bare hashes can be guessed.

        Two spellings of one Unicode text are one patient, or an order would miss what another client wrote.
        """
        name = unicodedata.normalize("NFC", patient).encode()
        return hmac.new(self._of(clinic)[1], name, hashlib.sha256).hexdigest()[:32]

    def destroy(self, clinic: str) -> None:
        """End a contract: everything of the clinic is unreadable, in every copy that its keys sealed."""
        self._keys.pop(clinic, None)
