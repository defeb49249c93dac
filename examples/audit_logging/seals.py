"""What is sealed and signed: a seal for each interval, and a checkpoint over all seals so far.

A seal names the head of every writer's streams and two roots for each retention class. The seals are the leaves of a
tree of their own, whose root and size a checkpoint signs. So a checkpoint covers everything before it, and a class whose
time is over can be deleted without a break in what is left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from examples.audit_logging import canonical, merkle
from examples.audit_logging.chain import framed
from examples.audit_logging.events import Class, Count, Hex64, Name, Strict

SEAL_BYTES = 1 << 20


class SealError(ValueError):
    """A seal, a checkpoint or a signature that does not hold; ``code`` names the kind for a report."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class StreamHead(Strict):
    """How far a writer's stream had come. ``silent``: not closed, and nothing since the last seal."""

    seq: Count
    link: Hex64
    state: Literal["live", "silent", "closed"]


class ClassSeal(Strict):
    """An interval's records of one retention class, in the order stream, number."""

    count: Count
    root: Hex64  # over the records' links
    actors: Count
    actors_root: Hex64
    oldest_us: Count  # event times, so that a search knows which seals can concern a week
    newest_us: Count
    sha256: Hex64  # of the object that holds them


class Seal(Strict):
    """Leaf ``n`` of the tree of seals."""

    v: Literal[1] = 1
    origin: Name
    n: Count
    at_us: Count
    streams: dict[str, StreamHead]
    classes: dict[Class, ClassSeal]
    next_key: Hex64 | None = None  # signed by the old key: from the next checkpoint on, this one signs

    @property
    def body(self) -> bytes:
        return canonical.encode(self.model_dump(mode="json"), SEAL_BYTES)


class Checkpoint(Strict):
    """The signed statement: the first ``size`` seals of ``origin`` have this root."""

    v: Literal[1] = 1
    origin: Name
    size: Count
    root: Hex64
    at_us: Count
    signature: str = ""

    @property
    def message(self) -> bytes:
        fields = self.model_dump(mode="json", exclude={"signature"})
        return b"llm-audit/checkpoint/1\n" + framed(canonical.encode(fields))


class Signer(Protocol):
    """A key that signs and is never seen: in production the key service's, under an account of its own."""

    @property
    def public(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


class LocalSigner:
    """Ed25519 (RFC 8032) in this process: for tests."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public(self) -> bytes:
        """The 32 bytes that a verifier holds."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return 64 bytes."""
        return self._key.sign(message)


def signed_by(public: bytes, message: bytes, signature: str) -> bool:
    """Whether the key signed the message. A malformed key or signature is a no."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def leaf(body: bytes) -> bytes:
    """Return a seal's leaf hash."""
    return merkle.leaf(b"seal\n" + body)


def read_seal(body: bytes) -> Seal:
    """Parse. Raises SealError."""
    try:
        canonical.decode(body, SEAL_BYTES)
        return Seal.model_validate_json(body)
    except ValueError as error:
        raise SealError("unreadable", f"not a seal: {error}") from None


# --8<-- [start:walk]
def walk(
    bodies: Sequence[bytes], checkpoints: Mapping[int, Checkpoint], origin: str, anchor: bytes
) -> tuple[list[Seal], bytes]:
    """Return the seals and the key in force, beginning with the one public key that the reader holds.

    Needs the last checkpoint and each that follows a change of key. Raises SealError.
    """
    seals: list[Seal] = []
    ended: set[str] = set()
    tree, key = merkle.Frontier(), anchor
    for n, body in enumerate(bodies):
        seal = read_seal(body)
        if (seal.origin, seal.n) != (origin, n):
            raise SealError("order", f"seal {n} says {seal.origin} {seal.n}")
        _continues(seals[-1] if seals else None, seal, ended)
        tree.append(leaf(body))
        checkpoint = checkpoints.get(n + 1)
        if checkpoint is None and (seal.next_key or n + 1 == len(bodies)):
            raise SealError("unsigned", f"no checkpoint for {n + 1} seals")
        if checkpoint and not (checkpoint.origin == origin and checkpoint.size == n + 1):
            raise SealError("order", f"checkpoint {n + 1} says {checkpoint.origin} {checkpoint.size}")
        if checkpoint and not signed_by(key, checkpoint.message, checkpoint.signature):
            raise SealError("signature", f"checkpoint {n + 1} is not signed by {key.hex()[:16]}")
        if checkpoint and checkpoint.root != tree.root().hex():
            raise SealError("root", f"the {n + 1} seals at hand are not those that were signed")
        seals.append(seal)
        key = bytes.fromhex(seal.next_key) if seal.next_key else key
    return seals, key


# --8<-- [end:walk]
def _continues(before: Seal | None, seal: Seal, ended: set[str]) -> None:
    """Raise SealError if time or a stream goes back, an open stream is gone, or a closed one returns."""
    if before is None:
        return
    ended |= before.streams.keys() - seal.streams.keys()
    if back := ended & seal.streams.keys():
        raise SealError("stream", f"closed streams return in seal {seal.n}: {sorted(back)}")
    if seal.at_us < before.at_us:
        raise SealError("time", f"seal {seal.n} is older than {before.n}")
    for name, old in before.streams.items():
        new = seal.streams.get(name)
        if new is None and old.state != "closed":
            raise SealError("stream", f"stream {name} vanished from seal {seal.n}")
        if new and (new.seq < old.seq or (new.seq == old.seq and new.link != old.link)):
            raise SealError("stream", f"stream {name} went back in seal {seal.n}")


def segment_digest(data: bytes) -> str:
    """Return the digest that pins an object, whatever other versions of it there are."""
    return hashlib.sha256(data).hexdigest()


def known_by(others: Iterable[Checkpoint], bodies: Sequence[bytes]) -> list[SealError]:
    """Compare with checkpoints that were kept elsewhere: each must be a beginning of this log."""
    found = []
    tree, roots = merkle.Frontier(), {0: merkle.EMPTY.hex()}
    for body in bodies:
        tree.append(leaf(body))
        roots[tree.size] = tree.root().hex()
    for other in others:
        if other.size > len(bodies):
            found.append(SealError("rollback", f"{other.size} seals were signed, {len(bodies)} are here"))
        elif roots[other.size] != other.root:
            found.append(SealError("fork", f"another history was signed for {other.size} seals"))
    return found
