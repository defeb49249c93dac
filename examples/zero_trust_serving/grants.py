"""Tenant grants: signed by the grant service, for one tenant, one purpose, one audience and one caller, for half a minute.

A JWS in compact form (RFC 7515), Ed25519 (RFC 8037), with the claims of the IETF's transaction tokens
(draft-ietf-oauth-transaction-tokens-10, a draft) and two choices narrower than the draft: `aud` is a service instead of
the trust domain, and `caller` says which workload may present the grant, so that a stolen one is of no use elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

TYPE, ALGORITHM = "txntoken+jwt", "EdDSA"
MOST_BYTES = 4_096


class BadGrant(ValueError):
    """The grant says nothing: forged, stale, for someone else, or no grant at all."""


@dataclass(frozen=True)
class Grant:
    """What the grant service vouches for. Times are seconds since the epoch."""

    tenant: str
    key: str
    """Id of the API key that asked: revoked alone or with its tenant."""
    purpose: str
    audience: str
    caller: str
    txn: str
    issued_at: int
    expires_at: int
    adapter: str | None = None


class Signer:
    """The grant service's signing key. It needs no control plane to sign, so an outage of one ends no traffic."""

    def __init__(self, kid: str, key: Ed25519PrivateKey) -> None:
        self.kid = kid
        self._key = key

    @property
    def public(self) -> Ed25519PublicKey:
        return self._key.public_key()

    def mint(self, grant: Grant) -> str:
        header = {"alg": ALGORITHM, "kid": self.kid, "typ": TYPE}
        claims = {
            "iat": grant.issued_at,
            "exp": grant.expires_at,
            "aud": grant.audience,
            "txn": grant.txn,
            "sub": grant.tenant,
            "scope": grant.purpose,
            "caller": grant.caller,
            "tctx": {"key": grant.key, "adapter": grant.adapter},
        }
        signed = f"{_encode(header)}.{_encode(claims)}"
        return f"{signed}.{_base64(self._key.sign(signed.encode()))}"


def verify(
    token: str,
    keys: Mapping[str, Ed25519PublicKey],
    *,
    audience: str,
    caller: str,
    purpose: str,
    now: float,
    longest_s: float,
    leeway_s: float,
) -> Grant:
    """Return what `token` grants to `caller`, at `audience`, for `purpose`. Raises BadGrant."""
    header, claims, signature, signed = _split(token)
    if header.get("alg") != ALGORITHM or header.get("typ") != TYPE:
        raise BadGrant("algorithm or type")  # the verifier chooses the algorithm, never the token
    key = keys.get(str(header.get("kid")))
    if key is None:
        raise BadGrant("signing key")
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        raise BadGrant("signature") from None
    grant = _grant(claims)
    if grant.audience != audience:
        raise BadGrant("audience")
    if grant.caller != caller:
        raise BadGrant("caller")  # the TLS peer's identity, so a stolen grant stays with its thief
    if grant.purpose != purpose:
        raise BadGrant("purpose")
    if not grant.issued_at - leeway_s <= now < grant.expires_at + leeway_s:
        raise BadGrant("time")
    if grant.expires_at - grant.issued_at > longest_s:
        raise BadGrant("lifetime")  # a mistaken issuer cannot undo the promise to revoke
    return grant


def _split(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    if len(token) > MOST_BYTES or not token.isascii() or token.count(".") != 2:
        raise BadGrant("form")
    signed, _, signature = token.rpartition(".")
    header, _, claims = signed.partition(".")
    try:
        parts = json.loads(_bytes(header)), json.loads(_bytes(claims))
        raw = _bytes(signature)
    except (ValueError, binascii.Error, RecursionError):
        raise BadGrant("form") from None
    if not all(isinstance(part, dict) for part in parts):
        raise BadGrant("form")
    return *parts, raw, signed.encode()


def _grant(claims: dict[str, Any]) -> Grant:
    context = claims.get("tctx")
    if not isinstance(context, dict):
        raise BadGrant("claims")
    adapter = context.get("adapter")
    if not (adapter is None or isinstance(adapter, str)):
        raise BadGrant("claims")
    return Grant(
        tenant=_text(claims, "sub"),
        key=_text(context, "key"),
        purpose=_text(claims, "scope"),
        audience=_text(claims, "aud"),
        caller=_text(claims, "caller"),
        txn=_text(claims, "txn"),
        issued_at=_seconds(claims, "iat"),
        expires_at=_seconds(claims, "exp"),
        adapter=adapter,
    )


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise BadGrant("claims")
    return value


def _seconds(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int:  # True is an int, too
        raise BadGrant("claims")
    return value


def _encode(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _base64(raw) != text:
        raise ValueError("another spelling of the same bytes")
    return raw
