"""The miniature: two workloads over real mutual TLS, and everything that has to be refused."""

from __future__ import annotations

import itertools
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from examples.zero_trust_serving import workload
from examples.zero_trust_serving.cache import BLOCK, PrefixCache
from examples.zero_trust_serving.grants import Grant, Signer
from examples.zero_trust_serving.revocations import Class, DenyList, Message
from examples.zero_trust_serving.spiffe import Authority, Identity, NotAnSvid, Svid, identity_of
from examples.zero_trust_serving.workload import Client, Guard, Peer, Prefill, Refused

DOMAIN = "serving.example"
ROUTER, DECODE, PREFILL, TELEMETRY = (
    f"spiffe://{DOMAIN}/ns/{namespace}/sa/{name}"
    for namespace, name in [
        ("engines", "router"),
        ("engines", "decode"),
        ("engines", "prefill"),
        ("trust", "telemetry"),
    ]
)
HOUR = timedelta(hours=1)
NUMBERS = itertools.count()
PROMPT = list(range(3 * BLOCK))


class World:
    """One prefill instance that listens, its authority, its grant service's key, and a clock that tests may move."""

    def __init__(self) -> None:
        self.start = datetime.now(UTC)
        self.authority = Authority(DOMAIN, self.start - timedelta(hours=3), timedelta(days=2))
        self.signer = Signer("k1", Ed25519PrivateKey.generate())
        self.later_s = 0.0
        self.deny = DenyList()
        self.hear(1)
        self.guard = Guard(
            service="prefill",
            domain=DOMAIN,
            purposes={"/ns/engines/sa/router": "prefill", "/ns/engines/sa/decode": "handover"},
            keys={self.signer.kid: self.signer.public},
            classes={"acme": Class.SHARED, "bolt": Class.SHARED, "bank": Class.REGULATED},
            deny=self.deny,
            now=self.now,
        )
        self.server = Prefill(self.svid(PREFILL), self.authority.bundle, self.guard, PrefixCache(b"s" * 32))
        self._open: list[Client] = []

    def now(self) -> float:
        return self.start.timestamp() + self.later_s

    def hear(self, number: int, *denied: str) -> None:
        """The deny list as its writer has it now."""
        assert self.deny.hear(Message((0, number), self.now(), frozenset(denied)))

    def svid(self, uri: str, lifetime: timedelta = HOUR, *, since: timedelta = timedelta(0)) -> Svid:
        return self.authority.issue(uri, self.start - since, lifetime)

    def connect(self, svid: Svid | str = ROUTER, expected: str = PREFILL, bundle: str = "") -> Client:
        svid = self.svid(svid) if isinstance(svid, str) else svid
        client = Client(self.server.port, svid, bundle or self.authority.bundle, Identity.parse(expected))
        self._open.append(client)
        return client

    def grant(self, tenant: str = "acme", purpose: str = "prefill", **changed: Any) -> str:
        now = int(self.now())
        caller = {"prefill": ROUTER, "handover": DECODE}.get(purpose, ROUTER)
        fields: dict[str, Any] = {
            "tenant": tenant,
            "key": "key-1",
            "purpose": purpose,
            "audience": "prefill",
            "caller": caller,
            "txn": f"txn-{next(NUMBERS)}",
            "issued_at": now,
            "expires_at": now + 30,
        }
        return self.signer.mint(Grant(**(fields | changed)))

    def prefill(self, client: Client, tenant: str = "acme", **changed: Any) -> dict[str, Any]:
        return client.call(purpose="prefill", grant=self.grant(tenant, **changed), tokens=PROMPT)

    def close(self) -> None:
        for client in self._open:
            client.close()
        self.server.close()


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def refused(world: World, reason: str, answer: dict[str, Any]) -> None:
    """The caller learns nothing but the status; the audit log has the reason."""
    assert answer == {"status": 403}
    assert world.server.audit[-1].endswith(reason)


def unheard(world: World, svid: Svid, bundle: str = "") -> None:
    """A certificate that OpenSSL does not accept: in TLS 1.3 the client may learn of it at its first read."""
    with pytest.raises((OSError, ssl.SSLError)):
        world.prefill(world.connect(svid, bundle=bundle))


class TestWhatMayPass:
    def test_a_router_prefills_and_a_decode_instance_fetches(self, world):
        router, decode = world.connect(ROUTER), world.connect(DECODE)
        first = world.prefill(router)
        assert (first["status"], first["hit"], len(first["blocks"])) == (200, 0, 3)
        assert world.prefill(router)["hit"] == 3 * BLOCK
        fetched = decode.call(
            purpose="handover", grant=world.grant(purpose="handover"), blocks=first["blocks"]
        )
        assert fetched == {
            "status": 200,
            "kv": [str(PROMPT[at : at + BLOCK]) for at in (0, BLOCK, 2 * BLOCK)],
        }
        assert world.server.audit == []

    def test_tls_is_1_3_and_leaves_nothing_to_resume(self, world):
        client = world.connect()
        world.prefill(client)
        assert client._tls.version() == "TLSv1.3"
        session = client._tls.session
        assert session is None or not session.has_ticket

    def test_both_sides_ask_for_a_certificate(self, world):
        for server in (True, False):
            context = workload.context_of(world.svid(PREFILL), world.authority.bundle, server=server)
            assert context.verify_mode is ssl.CERT_REQUIRED
            assert context.minimum_version is ssl.TLSVersion.TLSv1_3


class TestWrongIdentity:
    def test_no_certificate(self, world):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=world.authority.bundle)
        with socket.create_connection(("127.0.0.1", world.server.port), timeout=10) as raw:
            assert not _answered(lambda: context.wrap_socket(raw), world)

    def test_plain_text(self, world):
        with socket.create_connection(("127.0.0.1", world.server.port), timeout=10) as raw:
            assert not _answered(lambda: raw, world)

    def test_another_authority_with_the_same_names(self, world):
        impostor = Authority(DOMAIN, world.start)
        unheard(world, impostor.issue(ROUTER, world.start, HOUR))

    def test_an_expired_certificate(self, world):
        unheard(world, world.svid(ROUTER, HOUR, since=timedelta(hours=2)))

    def test_a_certificate_of_the_future(self, world):
        unheard(world, world.svid(ROUTER, HOUR, since=-timedelta(hours=2)))

    def test_a_leaf_is_what_the_standard_says(self):
        assert str(identity_of(certificate())) == ROUTER
        for changed in (
            {"ca": True},
            {"signs_certificates": True},
            {"signs_lists": True},
            {"signs": False},
            {"uris": []},
            {"uris": [ROUTER, ROUTER]},
            *(
                {"without": kind}
                for kind in (x509.SubjectAlternativeName, x509.BasicConstraints, x509.KeyUsage)
            ),
        ):
            with pytest.raises(NotAnSvid):
                identity_of(certificate(**changed))

    def test_our_authority_but_a_foreign_trust_domain(self, world):
        foreign = "spiffe://other.example/ns/engines/sa/router"
        client = world.connect(foreign)
        refused(world, "trust domain", world.prefill(client, caller=foreign))

    def test_a_workload_that_has_no_business_here(self, world):
        client = world.connect(TELEMETRY)
        refused(world, "edge", world.prefill(client, caller=TELEMETRY))

    def test_a_known_caller_with_anothers_purpose(self, world):
        client = world.connect(DECODE)
        refused(
            world, "edge", client.call(purpose="prefill", grant=world.grant(caller=DECODE), tokens=PROMPT)
        )

    def test_two_names_in_one_certificate(self, world):
        svid = world.authority.issue(ROUTER, world.start, HOUR, more=(DECODE,))
        unheard(world, svid)
        assert "2 URI names" in world.server.audit[-1]

    @pytest.mark.parametrize(
        "uri",
        [
            "https://serving.example/ns/engines/sa/router",
            "spiffe://serving.example",
            "spiffe://serving.example/",
            "spiffe://serving.example/ns/../sa/router",
            "spiffe://serving.example/ns//router",
            "spiffe://Serving.example/a",
            "spiffe://serving.example:8443/a",
            "spiffe://serving.example/a?b",
            "spiffe://serving.example/a\n",
            "spiffe://me@serving.example/a",
        ],
    )
    def test_no_spiffe_id(self, uri):
        with pytest.raises(NotAnSvid):
            Identity.parse(uri)

    def test_a_client_checks_the_server_too(self, world):
        with pytest.raises(Refused, match="the server is"):
            world.connect(ROUTER, expected=DECODE)
        with pytest.raises(ssl.SSLError):
            world.connect(ROUTER, bundle=Authority(DOMAIN, world.start).bundle)

    def test_a_certificate_that_expires_on_an_open_connection(self, world):
        client = world.connect(ROUTER)
        assert world.prefill(client)["status"] == 200
        world.later_s = 3_601
        refused(world, "certificate expired on an open connection", world.prefill(client))


def _answered(channel: Callable[[], socket.socket], world: World) -> bool:
    """True if a request sent by this channel gets an answer."""
    request = {"purpose": "prefill", "grant": world.grant(), "tokens": []}
    try:
        open_channel = channel()
        open_channel.sendall(json.dumps(request).encode() + b"\n")
        return b"status" in open_channel.recv(100)
    except OSError:
        return False


def certificate(
    *,
    uris: Sequence[str] = (ROUTER,),
    ca: bool = False,
    signs: bool = True,
    signs_certificates: bool = False,
    signs_lists: bool = False,
    without: type | None = None,
) -> x509.Certificate:
    """A self-signed certificate: the chain is not what is looked at."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    usage = {
        "digital_signature": signs,
        "key_cert_sign": signs_certificates,
        "crl_sign": signs_lists,
        **dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
        ),
    }
    other = x509.DNSName("router.example")
    extensions = [
        x509.SubjectAlternativeName([other, *map(x509.UniformResourceIdentifier, uris)]),
        x509.BasicConstraints(ca=ca, path_length=None),
        x509.KeyUsage(**usage, encipher_only=False, decipher_only=False),
    ]
    start = datetime(2026, 11, 26, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + HOUR)
    for extension in extensions:
        if type(extension) is not without:
            builder = builder.add_extension(extension, critical=True)
    return builder.sign(key, hashes.SHA256())


class TestRightIdentityWithoutAGrant:
    def test_none_at_all(self, world):
        client = world.connect()
        assert client.call(purpose="prefill", tokens=PROMPT) == {"status": 400}
        refused(world, "grant: form", client.call(purpose="prefill", grant="", tokens=PROMPT))

    @pytest.mark.parametrize(
        ("reason", "changed"),
        [
            ("audience", {"audience": "decode"}),
            ("caller", {"caller": DECODE}),
            ("purpose", {"purpose": "handover", "caller": ROUTER}),
        ],
    )
    def test_for_somebody_or_something_else(self, world, reason, changed):
        token = world.grant(**({"purpose": "prefill"} | changed))
        answer = world.connect().call(purpose="prefill", grant=token, tokens=PROMPT)
        refused(world, f"grant: {reason}", answer)

    def test_forged_by_another_key_of_the_same_name(self, world):
        honest, world.signer = world.signer, Signer("k1", Ed25519PrivateKey.generate())
        refused(world, "grant: signature", world.prefill(world.connect()))
        world.signer = honest

    def test_stale(self, world):
        token = world.grant()
        world.later_s = 35
        world.hear(1)
        refused(world, "grant: time", world.connect().call(purpose="prefill", grant=token, tokens=PROMPT))

    def test_replayed(self, world):
        client, token = world.connect(), world.grant()
        assert client.call(purpose="prefill", grant=token, tokens=PROMPT)["status"] == 200
        refused(world, "replay", client.call(purpose="prefill", grant=token, tokens=PROMPT))

    def test_a_replay_is_remembered_exactly_as_long_as_it_would_pass(self, world):
        client, token = world.connect(), world.grant(issued_at=int(world.now()))
        assert client.call(purpose="prefill", grant=token, tokens=PROMPT)["status"] == 200
        world.later_s = int(world.now()) + 34.999 - world.start.timestamp()
        world.hear(1)
        refused(world, "replay", client.call(purpose="prefill", grant=token, tokens=PROMPT))
        world.later_s = 120
        world.hear(1)
        assert world.prefill(client)["status"] == 200
        assert len(world.guard._used) == 1

    def test_stolen_and_used_by_another_workload(self, world):
        token = world.grant(purpose="handover")
        refused(world, "edge", world.connect(ROUTER).call(purpose="handover", grant=token, blocks=[]))

    def test_used_once_whoever_is_first(self, world):
        peer = Peer(Identity.parse(ROUTER), world.start + HOUR)
        token, barrier = world.grant(), Barrier(16)

        def use() -> bool:
            barrier.wait()
            try:
                return bool(world.guard.authorize(peer, "prefill", token))
            except Refused:
                return False

        with ThreadPoolExecutor(16) as threads:
            assert sum(threads.map(lambda _: use(), range(16))) == 1


class TestAcrossTheSharedCache:
    def test_another_tenants_prefix_is_no_hit(self, world):
        client = world.connect()
        world.prefill(client, "acme")
        assert world.prefill(client, "bolt")["hit"] == 0
        assert world.prefill(client, "acme")["hit"] == 3 * BLOCK

    def test_another_tenants_block_does_not_exist(self, world):
        blocks = world.prefill(world.connect(), "acme")["blocks"]
        decode = world.connect(DECODE)
        theirs = decode.call(purpose="handover", grant=world.grant("bolt", "handover"), blocks=blocks)
        nobodys = decode.call(purpose="handover", grant=world.grant("bolt", "handover"), blocks=["00" * 32])
        assert theirs == nobodys == {"status": 404}

    def test_one_foreign_block_among_ones_own(self, world):
        client = world.connect()
        acme, bolt = (world.prefill(client, tenant)["blocks"] for tenant in ("acme", "bolt"))
        answer = world.connect(DECODE).call(
            purpose="handover", grant=world.grant("bolt", "handover"), blocks=[*bolt, acme[0]]
        )
        assert answer == {"status": 404}

    def test_a_tenant_named_in_the_request_is_not_asked(self, world):
        client = world.connect()
        world.prefill(client, "acme")
        answer = client.call(
            purpose="prefill", grant=world.grant("bolt"), tokens=PROMPT, tenant="acme", cache_salt="acme"
        )
        assert answer["hit"] == 0

    def test_an_adapter_has_prefixes_of_its_own(self, world):
        client = world.connect()
        world.prefill(client, "acme")
        assert world.prefill(client, "acme", adapter="sha256:1f2e")["hit"] == 0


class TestEndingAccess:
    @pytest.mark.parametrize("subject", ["tenant:acme", "key:key-1"])
    def test_a_grant_already_given_ends_with_the_tenant_or_the_key(self, world, subject):
        client = world.connect()
        assert world.prefill(client)["status"] == 200
        world.hear(2, subject)
        refused(world, "tenant", world.prefill(client))
        world.hear(3)
        assert world.prefill(client)["status"] == 200

    def test_an_unknown_tenant(self, world):
        refused(world, "tenant", world.prefill(world.connect(), "nobody"))

    def test_while_the_list_is_late(self, world):
        client = world.connect(world.svid(ROUTER, timedelta(hours=4)))
        world.later_s = 16
        assert world.prefill(client, "acme")["status"] == 200
        refused(world, "deny list late", world.prefill(client, "bank"))
        world.later_s = 1_800
        assert world.prefill(client, "acme")["status"] == 200
        world.later_s = 1_801
        refused(world, "deny list late", world.prefill(client, "acme"))

    def test_serving_needs_neither_authority_nor_grant_service(self, world):
        """Nothing is asked of either: both are gone from the process, and half an hour passes."""
        client = world.connect(world.svid(ROUTER, timedelta(hours=4)))
        world.authority = None  # type: ignore[assignment]
        for minute in range(31):
            world.later_s = 60.0 * minute
            world.hear(1)
            assert world.prefill(client)["status"] == 200


class TestHostileInput:
    @pytest.mark.parametrize(
        "line",
        [
            b"\n",
            b"[]\n",
            b"not json\n",
            b"{}\n",
            b'{"purpose": "prefill"}\n',
            b'{"purpose": 1, "grant": {}, "tokens": 1}\n',
            b"\xff\xfe\n",
            b"[" * 100_000 + b"\n",
        ],
    )
    def test_it_is_answered_and_the_connection_lives(self, world, line):
        client = world.connect()
        client._tls.sendall(line)
        assert json.loads(client._lines.readline())["status"] in {400, 403}
        assert world.prefill(client)["status"] == 200

    @pytest.mark.parametrize("tokens", [[-1], [2**40], ["x"], [None], "abc", 7, [[]] * 20])
    def test_tokens_that_are_none(self, world, tokens):
        tokens = tokens * BLOCK if isinstance(tokens, list) else tokens
        client = world.connect()
        answer = client.call(purpose="prefill", grant=world.grant(), tokens=tokens)
        assert answer == {"status": 400}
        assert world.prefill(client)["hit"] == 0

    @pytest.mark.parametrize("blocks", [["zz"], [1], 1, [None]])
    def test_block_names_that_are_none(self, world, blocks):
        client = world.connect(DECODE)
        answer = client.call(purpose="handover", grant=world.grant(purpose="handover"), blocks=blocks)
        assert answer == {"status": 400}

    def test_a_line_without_end(self, world, monkeypatch):
        monkeypatch.setattr(workload, "MOST_BYTES", 1_000)
        client = world.connect()
        client._tls.sendall(b"x" * 1_001)
        assert json.loads(client._lines.readline()) == {"status": 400}

    def test_a_peer_that_says_nothing_holds_nobody_up(self, world):
        with socket.create_connection(("127.0.0.1", world.server.port), timeout=10):
            started = time.monotonic()
            assert world.prefill(world.connect())["status"] == 200
            assert time.monotonic() - started < workload.SOCKET_S

    def test_the_audit_log_has_no_content(self, world):
        client = world.connect(TELEMETRY)
        client.call(
            purpose="prefill", grant=world.grant(caller=TELEMETRY), tokens=PROMPT, note="secret prompt"
        )
        [line] = world.server.audit
        assert "secret" not in line
