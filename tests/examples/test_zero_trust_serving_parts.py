"""Grants, the prefix cache, the deny list and open streams by themselves: what must hold for any input."""

from __future__ import annotations

import base64
import json
from itertools import pairwise
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from examples.zero_trust_serving.cache import BLOCK, PrefixCache, Scope, block_keys, salt_of
from examples.zero_trust_serving.grants import MOST_BYTES, BadGrant, Grant, Signer, verify
from examples.zero_trust_serving.revocations import Class, DenyList, Message, OpenStreams, Stream
from examples.zero_trust_serving.spiffe import Identity, NotAnSvid, forwarded_peer

SIGNER = Signer("k1", Ed25519PrivateKey.generate())
CALLER = "spiffe://serving.example/ns/engines/sa/router"
NOW = 1_795_000_000
GRANT = Grant("acme", "key-1", "prefill", "prefill", CALLER, "txn-1", NOW, NOW + 30)


def check(token: str, **changed: Any) -> Grant:
    expected: dict[str, Any] = {
        "audience": "prefill",
        "caller": CALLER,
        "purpose": "prefill",
        "now": NOW,
        "longest_s": 30,
        "leeway_s": 5,
    }
    return verify(token, {"k1": SIGNER.public}, **(expected | changed))


def signed(header: Any, claims: Any) -> str:
    """What the signer would sign if it were asked to sign anything."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)
    ]
    body = ".".join(parts)
    signature = base64.urlsafe_b64encode(SIGNER._key.sign(body.encode())).rstrip(b"=").decode()
    return f"{body}.{signature}"


HEADER = {"alg": "EdDSA", "kid": "k1", "typ": "txntoken+jwt"}
CLAIMS = {
    "iat": NOW,
    "exp": NOW + 30,
    "aud": "prefill",
    "txn": "t",
    "sub": "acme",
    "scope": "prefill",
    "caller": CALLER,
    "tctx": {"key": "key-1", "adapter": None},
}


class TestGrants:
    def test_what_was_minted_is_what_is_read(self):
        assert check(SIGNER.mint(GRANT)) == GRANT
        assert check(signed(HEADER, CLAIMS)).tenant == "acme"

    @pytest.mark.parametrize(
        ("now", "passes"),
        [(NOW - 6, False), (NOW - 5, True), (NOW, True), (NOW + 34.9, True), (NOW + 35, False)],
    )
    def test_its_time(self, now, passes):
        token = SIGNER.mint(GRANT)
        if passes:
            check(token, now=now)
        else:
            with pytest.raises(BadGrant, match="time"):
                check(token, now=now)

    @pytest.mark.parametrize(
        "header",
        [
            HEADER | {"alg": "none"},
            HEADER | {"alg": "HS256"},
            HEADER | {"typ": "JWT"},
            HEADER | {"kid": "k2"},
            {"alg": "EdDSA"},
            [],
            "text",
        ],
    )
    def test_a_header_that_chooses_for_the_verifier(self, header):
        with pytest.raises(BadGrant):
            check(signed(header, CLAIMS))

    @pytest.mark.parametrize(
        "changed",
        [
            *({name: None} for name in CLAIMS),
            {"sub": ""},
            {"sub": ["acme"]},
            {"iat": str(NOW)},
            {"iat": True},
            {"exp": NOW + 30.0},
            {"exp": NOW + 31},
            {"exp": NOW + 86_400},
            {"aud": ["prefill"]},
            {"tctx": {"key": "", "adapter": None}},
            {"tctx": {"key": "k", "adapter": 7}},
            {"scope": "prefill handover"},
        ],
    )
    def test_claims_that_are_missing_or_of_another_kind(self, changed):
        with pytest.raises(BadGrant):
            check(signed(HEADER, CLAIMS | changed))

    def test_a_truth_is_no_moment(self):
        """In Python it is a whole number, and on the first second after 1970 the grant would be in time."""
        early = CLAIMS | {"iat": True, "exp": 30}
        with pytest.raises(BadGrant, match="claims"):
            check(signed(HEADER, early), now=1)

    def test_another_spelling_of_the_same_bytes_is_another_token(self):
        """A signature's last character has bits to spare: a list of grants that were seen would miss the other fifteen."""
        token = SIGNER.mint(GRANT)
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        last = alphabet.index(token[-1])
        for other in range(last - last % 16, last - last % 16 + 16):
            if other != last:
                with pytest.raises(BadGrant, match="form"):
                    check(token[:-1] + alphabet[other])

    def test_a_grant_has_room_for_so_much_and_no_more(self):
        def padded(length):
            return signed(HEADER, CLAIMS | {"more": "x" * length})

        longest = next(n for n in range(3_200, 1_000, -1) if len(padded(n)) <= MOST_BYTES)
        assert check(padded(longest)).tenant == "acme"
        with pytest.raises(BadGrant, match="form"):
            check(padded(longest + 1))

    @given(st.data())
    def test_one_changed_character_is_refused(self, data):
        token = SIGNER.mint(GRANT)
        at = data.draw(st.integers(0, len(token) - 1))
        other = data.draw(st.sampled_from("abcXYZ019-_.").filter(lambda character: character != token[at]))
        with pytest.raises(BadGrant):
            check(token[:at] + other + token[at + 1 :])

    @given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
    def test_anything_else_is_refused(self, text):
        with pytest.raises(BadGrant):
            check(text)
        with pytest.raises(BadGrant):
            check(f"{text}.{text}.{text}")


PEER = 'By=spiffe://serving.example/ns/engines/sa/prefill;Hash=0a1b;Subject="O=a,CN=b";URI=' + CALLER


class TestForwardedPeer:
    def test_what_the_sidecar_says_of_the_caller(self):
        assert forwarded_peer(PEER) == Identity.parse(CALLER)
        assert forwarded_peer(PEER.replace("O=a,CN=b", "")) == Identity.parse(CALLER)

    @pytest.mark.parametrize(
        "sent",
        [
            "URI=spiffe://serving.example/ns/edge/sa/gateway",
            PEER,
            'URI=spiffe://serving.example/ns/edge/sa/gateway;Subject="',
            'URI=spiffe://serving.example/ns/edge/sa/gateway;Subject="\\',
            "",
        ],
    )
    def test_what_the_caller_sent_itself_is_never_believed(self, sent):
        """Istio's sidecar appends; so two elements arrive, or a quote that is open and swallows the second."""
        with pytest.raises(NotAnSvid):
            forwarded_peer(f"{sent},{PEER}")

    @pytest.mark.parametrize(
        "header", ["", "URI", "Hash=0a1b", f"{PEER};URI={CALLER}", f"{PEER};", 'URI="' + CALLER]
    )
    def test_no_element_or_no_single_name(self, header):
        with pytest.raises(NotAnSvid):
            forwarded_peer(header)

    @given(st.text(alphabet='URI=";,\\ab', max_size=30))
    def test_nothing_before_it_names_another_caller(self, sent):
        with pytest.raises(NotAnSvid):
            forwarded_peer(f"{sent},{PEER}")


words = st.text(max_size=6)
scopes = st.builds(Scope, words, words, words)
prompts = st.lists(st.integers(0, 3), max_size=5 * BLOCK)


class TestCache:
    @given(scopes, scopes, prompts)
    def test_scopes_never_meet(self, one, other, tokens):
        cache = PrefixCache(b"s" * 32)
        keys = cache.store(one, tokens, [b"v"] * (len(tokens) // BLOCK))
        assert cache.hit(one, tokens) == len(keys) * BLOCK
        if one != other:
            assert cache.hit(other, tokens) == 0
            assert all(cache.read(other, key) is None for key in keys)

    @given(prompts, prompts)
    def test_within_a_scope_the_common_whole_blocks_hit(self, one, other):
        cache = PrefixCache(b"s" * 32)
        cache.store(Scope("acme"), one, [b"v"] * (len(one) // BLOCK))
        common = 0
        for a, b in zip(one, other, strict=False):
            if a != b:
                break
            common += 1
        assert cache.hit(Scope("acme"), other) == common // BLOCK * BLOCK

    def test_an_adapters_name_cannot_pass_for_a_salt(self):
        salt = salt_of(Scope("acme"), b"s" * 32)
        tokens = list(range(BLOCK))
        assert list(block_keys(tokens, salt, "")) != list(block_keys(tokens, "", salt))

    def test_fields_do_not_run_into_each_other(self):
        secret = b"s" * 32
        assert salt_of(Scope("ab", "c"), secret) != salt_of(Scope("a", "bc"), secret)

    def test_a_salt_cannot_be_computed_without_the_secret(self):
        assert salt_of(Scope("acme"), b"a" * 32) != salt_of(Scope("acme"), b"b" * 32)

    def test_the_same_block_after_another_one_is_another_block(self):
        tokens = [1] * (3 * BLOCK)
        keys = list(block_keys(tokens, "s", ""))
        assert len(set(keys)) == 3
        assert all(a != b for a, b in pairwise(keys))

    def test_every_block_needs_its_value(self):
        with pytest.raises(ValueError, match="argument"):
            PrefixCache(b"s").store(Scope("acme"), list(range(BLOCK)), [])


def message(number: int, as_of: float, *denied: str, generation: int = 0) -> Message:
    return Message((generation, number), as_of, frozenset(denied))


def heard(*messages: Message) -> DenyList:
    deny = DenyList()
    for one in messages:
        assert deny.hear(one)
    return deny


class TestDenyList:
    def test_older_messages_change_nothing(self):
        deny = heard(message(5, 100, "tenant:acme"))
        assert not deny.hear(message(4, 101))
        assert deny.heard == message(5, 100, "tenant:acme")
        assert deny.denies("acme", "any")
        assert deny.hear(message(5, 102, "tenant:acme"))
        assert deny.heard.as_of == 102
        assert not deny.hear(message(5, 101, "tenant:acme"))  # from a replica that lags
        assert deny.heard.as_of == 102
        assert deny.hear(message(6, 103))
        assert not deny.denies("acme", "any")

    def test_a_tenant_is_not_a_key(self):
        deny = heard(message(1, 0, "key:acme"))
        assert not deny.denies("acme", "key-1")
        assert deny.denies("bolt", "acme")

    @pytest.mark.parametrize(
        ("late", "shared", "regulated"),
        [
            (0, True, True),
            (15, True, True),
            (15.1, True, False),
            (1_800, True, False),
            (1_800.1, False, False),
        ],
    )
    def test_who_is_admitted_while_it_is_late(self, late, shared, regulated):
        deny = heard(message(1, 1_000))
        assert deny.may_admit(Class.SHARED, 1_000 + late) is shared
        assert deny.may_admit(Class.REGULATED, 1_000 + late) is regulated

    def test_a_replica_that_is_cut_off_and_repeats_itself_makes_nothing_fresh(self):
        """It sends its last message every five seconds; the revocation that its writer has taken since is not in it."""
        deny, last = DenyList(), message(7, 1_000)
        for now in range(1_000, 1_605, 5):
            assert deny.hear(last)
            assert deny.may_admit(Class.REGULATED, now) is (now <= 1_015)
            assert deny.ends(Class.REGULATED, "bank", "key-1", now) is (now > 1_045)
            assert not deny.ends(Class.SHARED, "acme", "key-1", now)
        assert deny.may_admit(Class.SHARED, 1_600)

    def test_a_restored_database_is_heard_in_its_next_generation(self):
        """Its numbers fall back: in the old generation nobody may believe it, and in the next one all do."""
        deny = heard(message(7, 1_000, "tenant:acme"))
        assert not deny.hear(message(5, 1_010))
        assert deny.denies("acme", "any")
        assert deny.hear(message(5, 1_010, "tenant:bolt", generation=1))
        assert deny.may_admit(Class.REGULATED, 1_020)
        assert deny.denies("bolt", "any")
        assert not deny.hear(message(8, 1_020))

    def test_a_clock_set_back_does_not_make_an_old_list_new(self):
        deny = heard(message(1, 1_000))
        assert not deny.may_admit(Class.REGULATED, 980)
        assert not deny.may_admit(Class.SHARED, -1_000)

    @pytest.mark.parametrize("now", [0.0, 1e12])
    def test_a_gateway_that_never_heard_admits_nobody(self, now):
        assert not DenyList().may_admit(Class.SHARED, now)


class TestOpenStreams:
    def streams(self, cut: list[str], fails: frozenset[str] = frozenset()) -> OpenStreams:
        streams = OpenStreams()

        def closer(txn: str) -> Any:
            def close() -> None:
                if txn in fails:
                    raise OSError("the client's connection is stuck")
                cut.append(txn)

            return close

        for txn, tenant, key in [
            ("1", "acme", "a"),
            ("2", "acme", "b"),
            ("3", "bolt", "c"),
            ("4", "acme", "a"),
        ]:
            streams.opened(txn, Stream(tenant, key, Class.SHARED, closer(txn)))
        return streams

    def test_a_key_takes_its_own_streams_only(self):
        cut: list[str] = []
        streams, deny = self.streams(cut), heard(message(1, 0, "key:a"))
        assert streams.sweep(deny, 0) == cut == ["1", "4"]
        assert streams.sweep(deny, 0) == []

    def test_a_tenant_takes_all_of_its_streams(self):
        cut: list[str] = []
        streams, deny = self.streams(cut), heard(message(1, 0, "tenant:acme"))
        streams.closed("2")
        streams.closed("not open")
        assert streams.sweep(deny, 0) == ["1", "4"]

    def test_one_that_does_not_close_holds_no_other_open_and_is_tried_again(self):
        cut: list[str] = []
        streams, deny = self.streams(cut, frozenset({"1"})), heard(message(1, 0, "tenant:acme"))
        assert streams.sweep(deny, 0) == ["2", "4"]
        assert list(streams._streams) == ["1", "3"]

    def test_nobody_denied_nothing_cut(self):
        cut: list[str] = []
        assert self.streams(cut).sweep(DenyList(), 0) == cut == []

    def test_silence_ends_the_regulated_within_a_minute_and_nobody_else(self):
        """A gateway that is cut off cannot know who was revoked: it ends what was promised to end."""
        cut: list[str] = []
        streams, deny = self.streams(cut), heard(message(1, 1_000))
        streams.opened("5", Stream("bank", "d", Class.REGULATED, lambda: cut.append("5")))
        assert streams.sweep(deny, 1_045) == []
        assert streams.sweep(deny, 1_045.1) == cut == ["5"]
        assert streams.sweep(deny, 3_000) == []
