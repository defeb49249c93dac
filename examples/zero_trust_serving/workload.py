"""A workload behind mutual TLS: it learns who calls from the certificate, and for whom from the grant.

JSON objects, one a line, over TLS 1.3. `Prefill` is the door of an engine's pod, in front of its cache: it takes prompts
in and hands blocks over. `Client` calls it.
"""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from examples.zero_trust_serving import grants
from examples.zero_trust_serving.cache import BLOCK, PrefixCache, Scope
from examples.zero_trust_serving.revocations import Class, DenyList
from examples.zero_trust_serving.setting import GRANT_S, LEEWAY_S
from examples.zero_trust_serving.spiffe import Identity, NotAnSvid, Svid, identity_of

MOST_BYTES = 1 << 20
SOCKET_S = 10.0


class Refused(Exception):
    """No. The reason goes to the audit log; the caller learns only that it was refused."""


@dataclass(frozen=True)
class Peer:
    """Who is at the other end, and until when its certificate says so."""

    identity: Identity
    not_after: datetime


@dataclass
class Guard:
    """What a service checks before it works. `now` gives seconds since the epoch."""

    service: str
    domain: str
    purposes: Mapping[str, str]
    """Who may call, by path in the trust domain, and for which purpose."""
    keys: Mapping[str, Ed25519PublicKey]
    classes: Mapping[str, Class]
    deny: DenyList
    now: Callable[[], float] = time.time
    _used: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # --8<-- [start:authorize]
    def authorize(self, peer: Peer, purpose: str, token: str) -> grants.Grant:
        """Return the grant under which `peer` may do `purpose` now. Raises Refused: the order is cheapest first."""
        now = self.now()
        if now >= peer.not_after.timestamp():
            raise Refused("certificate expired on an open connection")  # TLS looks at dates once
        if peer.identity.domain != self.domain:
            raise Refused("trust domain")
        if self.purposes.get(peer.identity.path) != purpose:
            raise Refused("edge")
        try:
            grant = grants.verify(
                token,
                self.keys,
                audience=self.service,
                caller=str(peer.identity),
                purpose=purpose,
                now=now,
                longest_s=GRANT_S,
                leeway_s=LEEWAY_S,
            )
        except grants.BadGrant as error:
            raise Refused(f"grant: {error}") from error
        kind = self.classes.get(grant.tenant)
        if kind is None or self.deny.denies(grant.tenant, grant.key):
            raise Refused("tenant")
        if not self.deny.may_admit(kind, now):
            raise Refused("deny list late")
        if not self._first_use(grant, now):
            raise Refused("replay")
        return grant

    # --8<-- [end:authorize]

    def _first_use(self, grant: grants.Grant, now: float) -> bool:
        """Remember the transaction until its grant is dead anyway. True once, whichever thread asks first."""
        use = f"{grant.purpose} {grant.txn}"
        with self._lock:
            while self._used and next(iter(self._used.values())) <= now:
                del self._used[next(iter(self._used))]
            if use in self._used:
                return False
            self._used[use] = grant.expires_at + LEEWAY_S
            return True


def context_of(svid: Svid, bundle: str, *, server: bool) -> ssl.SSLContext:
    """Return a TLS 1.3 context that shows `svid` and asks the peer for a chain into `bundle`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the name that counts is the SPIFFE ID, checked by both sides below
    context.verify_mode = ssl.CERT_REQUIRED
    if server:
        context.num_tickets = 0  # a resumed session would skip the certificate's dates
    context.load_verify_locations(cadata=bundle)
    with tempfile.TemporaryDirectory() as folder:  # OpenSSL's loader takes files only
        pem = Path(folder, "svid.pem")
        pem.touch(mode=0o600)
        pem.write_bytes(svid.key + svid.certificate)
        context.load_cert_chain(pem)
    return context


def peer_of(tls: ssl.SSLSocket) -> Peer:
    """Return who completed the handshake. Raises NotAnSvid."""
    der = tls.getpeercert(binary_form=True)
    if der is None:
        raise NotAnSvid("no certificate")
    certificate = x509.load_der_x509_certificate(der)
    return Peer(identity_of(certificate), certificate.not_valid_after_utc)


class Prefill:
    """A prefill instance's door: routers bring prompts, decode instances fetch the blocks of one."""

    def __init__(self, svid: Svid, bundle: str, guard: Guard, cache: PrefixCache) -> None:
        self.guard, self.cache = guard, cache
        self.audit: list[str] = []
        """What was refused and why; decisions, no content."""
        context = context_of(svid, bundle, server=True)
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer._serve(self.request, context)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, raw: socket.socket, context: ssl.SSLContext) -> None:
        raw.settimeout(SOCKET_S)
        try:
            with context.wrap_socket(raw, server_side=True) as tls:
                try:
                    peer = peer_of(tls)
                except NotAnSvid as error:
                    self.audit.append(f"connection: {error}")
                    return
                lines = tls.makefile("rb")
                while line := lines.readline(MOST_BYTES + 1):
                    tls.sendall(json.dumps(self.answer(peer, line)).encode() + b"\n")
        except OSError as error:  # a failed handshake is one
            self.audit.append(f"connection: {error}")

    def answer(self, peer: Peer, line: bytes) -> dict[str, Any]:
        """Return what one request gets. Nothing about the reason of a refusal, nor about others' blocks."""
        try:
            if len(line) > MOST_BYTES:
                raise ValueError("too long")
            request = json.loads(line)
            purpose, token = str(request["purpose"]), str(request["grant"])
            grant = self.guard.authorize(peer, purpose, token)
            return self._work(grant, request)
        except Refused as error:
            self.audit.append(f"{peer.identity.path}: {error}")
            return {"status": 403}
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            self.audit.append(f"{peer.identity.path}: {type(error).__name__}")
            return {"status": 400}

    def _work(self, grant: grants.Grant, request: dict[str, Any]) -> dict[str, Any]:
        # The scope comes from the grant, never from the request: the caller cannot name a tenant.
        scope = Scope(grant.tenant, adapter=grant.adapter or "")
        if grant.purpose == "prefill":
            tokens = [int(token) for token in request["tokens"]]
            hit = self.cache.hit(scope, tokens)
            starts = range(0, len(tokens) - BLOCK + 1, BLOCK)
            values = [str(tokens[start : start + BLOCK]).encode() for start in starts]
            keys = self.cache.store(scope, tokens, values)
            return {"status": 200, "hit": hit, "blocks": [key.hex() for key in keys]}
        blocks = [self.cache.read(scope, bytes.fromhex(key)) for key in request["blocks"]]
        kv = [block.decode() for block in blocks if block is not None]
        return {"status": 200, "kv": kv} if len(kv) == len(blocks) else {"status": 404}


class Client:
    """One connection to a workload, which must be the one that is expected: mutual means both."""

    def __init__(self, port: int, svid: Svid, bundle: str, expected: Identity) -> None:
        raw = socket.create_connection(("127.0.0.1", port), timeout=SOCKET_S)
        try:
            self._tls = context_of(svid, bundle, server=False).wrap_socket(raw)
            found = peer_of(self._tls).identity
        except (OSError, NotAnSvid):
            raw.close()
            raise
        if found != expected:
            self._tls.close()
            raise Refused(f"the server is {found}")
        self._lines = self._tls.makefile("rb")

    def call(self, **request: Any) -> dict[str, Any]:
        """Send a request and return the answer. Raises OSError, also where the server refused the certificate."""
        self._tls.sendall(json.dumps(request).encode() + b"\n")
        line = self._lines.readline()
        if not line:
            raise ConnectionResetError("the server hung up")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        self._lines.close()
        self._tls.close()


def utc_now() -> datetime:
    return datetime.now(UTC)
