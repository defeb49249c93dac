"""Workload identities after SPIFFE's X509-SVID: an authority that issues them and the checks that a peer has to pass.

https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md: one URI name, a leaf that may sign but not
certify, and a path. The chain and the dates are OpenSSL's part, in the handshake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_ID = re.compile(r"spiffe://([a-z0-9._-]{1,255})((?:/[A-Za-z0-9._-]+)+)")
SKEW = timedelta(minutes=1)
"""A new certificate is valid from a minute ago: a peer's clock may be behind."""


class NotAnSvid(ValueError):
    """The certificate is no X509-SVID, whatever its chain."""


@dataclass(frozen=True)
class Identity:
    """A SPIFFE ID: the trust domain and the workload's path in it."""

    domain: str
    path: str

    @classmethod
    def parse(cls, uri: str) -> Identity:
        """Read `uri`. Raises NotAnSvid."""
        match = _ID.fullmatch(uri)
        if not match or {".", ".."} & set(match[2].split("/")):
            raise NotAnSvid(f"no SPIFFE ID: {uri!r}")
        return cls(match[1], match[2])

    def __str__(self) -> str:
        return f"spiffe://{self.domain}{self.path}"


# --8<-- [start:identity]
def identity_of(certificate: x509.Certificate) -> Identity:
    """Return who a certificate speaks for, once its chain and dates are checked. Raises NotAnSvid."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound as error:
        raise NotAnSvid(f"no {error.oid.dotted_string}") from error
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1:
        raise NotAnSvid(f"{len(uris)} URI names: which one speaks?")
    if basic.ca or usage.key_cert_sign or usage.crl_sign:
        raise NotAnSvid("a signing certificate never authenticates")
    if not usage.digital_signature:
        raise NotAnSvid("its key may not sign a handshake")
    return Identity.parse(uris[0])


# --8<-- [end:identity]


_PAIR = r'([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^",;]*)'
_ONE_ELEMENT = re.compile(rf"{_PAIR}(?:;{_PAIR})*")


def forwarded_peer(header: str) -> Identity:
    """Return who called, from the `x-forwarded-client-cert` of the pod's own sidecar. Raises NotAnSvid.

    Envoy ends TLS, so a service behind it sees this header only. Istio's sidecars append to what the caller has sent
    (APPEND_FORWARD): a second element, or an open quote that would hide one, is a caller that speaks for somebody.
    """
    if not _ONE_ELEMENT.fullmatch(header):
        raise NotAnSvid("not one element")
    uris = [value for name, value in re.findall(_PAIR, header) if name.lower() == "uri"]
    if len(uris) != 1:
        raise NotAnSvid(f"{len(uris)} URI names: which one speaks?")
    return Identity.parse(uris[0])


@dataclass(frozen=True)
class Svid:
    """A certificate and its private key, as PEM."""

    certificate: bytes
    key: bytes

    def leaf(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate)


class Authority:
    """Signs for one trust domain. Stands in for SPIRE: it issues to whoever asks, without attesting anyone."""

    def __init__(self, domain: str, now: datetime, lifetime: timedelta = timedelta(days=1)) -> None:
        self.domain = domain
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, domain)])
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SKEW)
            .not_valid_after(now + lifetime)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def bundle(self) -> str:
        """The trust bundle, as PEM: what a peer's chain has to end in."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, uri: str, now: datetime, lifetime: timedelta, *, more: tuple[str, ...] = ()) -> Svid:
        """Return a leaf for `uri`. `more` are further URI names, which make it no SVID: for tests."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.UniformResourceIdentifier(name) for name in (uri, *more)]
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SKEW)
            .not_valid_after(min(now + lifetime, self._certificate.not_valid_after_utc))
            .add_extension(x509.SubjectAlternativeName(names), critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Svid(
            certificate.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
