"""A second tree per seal, over actors instead of records: it proves that one actor's records are all there.

Its leaves are sorted, one for each actor with records in the interval: pseudonym, how many, and a digest of their links.
Somebody's leaf proves the number; two neighbors with the pseudonym between them prove that there is none. So an auditor
of one tenant checks completeness without seeing another tenant's records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from examples.audit_logging import canonical, merkle
from examples.audit_logging.chain import Record

LOW, HIGH = "", "~"
"""Guards that sort before and after every pseudonym, so that each has two neighbors."""


class Entry(NamedTuple):
    """An actor's share of an interval."""

    actor: str
    total: int
    digest: str

    @property
    def leaf(self) -> bytes:
        """The leaf's hash."""
        return merkle.leaf(b"subject\n" + canonical.encode([self.actor, self.total, self.digest]))


class Proof(NamedTuple):
    """One entry with its path, or two neighbors that leave no room between them."""

    at: int
    entries: list[Entry]
    paths: list[list[bytes]]


def actor_of(record: Record) -> str:
    """Return whose record it is."""
    return str(canonical.decode(record.payload)["actor"])


def digest(records: Sequence[Record]) -> str:
    """Return a digest over the links of an actor's records, in the order of the interval."""
    return hashlib.sha256(b"llm-audit/subject/1\n" + b"".join(r.head.link for r in records)).hexdigest()


def entries(records: Sequence[Record]) -> list[Entry]:
    """Return the leaves for an interval's records: one per actor, sorted, between the two guards."""
    by_actor: dict[str, list[Record]] = {}
    for record in records:
        by_actor.setdefault(actor_of(record), []).append(record)
    found = [Entry(actor, len(theirs), digest(theirs)) for actor, theirs in sorted(by_actor.items())]
    return [Entry(LOW, 0, ""), *found, Entry(HIGH, 0, "")]


def prove(all_entries: Sequence[Entry], actor: str) -> Proof:
    """Prove how many records the actor has, none included."""
    leaves = [entry.leaf for entry in all_entries]
    at = max(i for i, entry in enumerate(all_entries) if entry.actor <= actor)
    shown = [at] if all_entries[at].actor == actor else [at, at + 1]
    return Proof(at, [all_entries[i] for i in shown], [merkle.inclusion(i, leaves) for i in shown])


# --8<-- [start:proven]
def proven(proof: Proof, actor: str, size: int, root: bytes, records: Sequence[Record]) -> bool:
    """Whether ``records`` are all that the actor has in an interval whose seal names ``size`` and ``root``."""
    if len(proof.entries) != len(proof.paths):
        return False
    for offset, (entry, path) in enumerate(zip(proof.entries, proof.paths, strict=True)):
        if not merkle.includes(entry.leaf, proof.at + offset, size, path, root):
            return False
    match proof.entries:
        case [entry]:
            return entry == Entry(actor, len(records), digest(records))
        case [before, after]:
            return before.actor < actor < after.actor and not records
        case _:
            return False


# --8<-- [end:proven]
