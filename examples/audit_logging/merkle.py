"""Merkle trees by RFC 9162, section 2.1 (the same as RFC 6962's, with SHA-256).

Leaves and inner nodes are hashed with different first bytes, so that a node cannot be passed off as a leaf. Every function
takes leaf hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256(b"").digest()


def leaf(data: bytes) -> bytes:
    """Return a leaf's hash."""
    return hashlib.sha256(b"\0" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return an inner node's hash."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Frontier:
    """A growing tree that keeps one hash per set bit of its size: what a sealer needs to append and to sign."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # of perfect subtrees, largest first

    def append(self, leaf_hash: bytes) -> None:
        """Add a leaf, merging as many subtrees as the size has trailing ones."""
        self._peaks.append(leaf_hash)
        count = self.size
        while count & 1:
            right = self._peaks.pop()
            self._peaks[-1] = node(self._peaks[-1], right)
            count >>= 1
        self.size += 1

    def root(self) -> bytes:
        """Return the tree's root."""
        if not self._peaks:
            return EMPTY
        total = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            total = node(peak, total)
        return total


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over all leaves."""
    tree = Frontier()
    for each in leaves:
        tree.append(each)
    return tree.root()


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def inclusion(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the path that proves leaf ``index``, lowest neighbor first. At most ceil(log2(size)) hashes."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of {len(leaves)}")
    if len(leaves) == 1:
        return []
    at = _split(len(leaves))
    if index < at:
        return [*inclusion(index, leaves[:at]), root(leaves[at:])]
    return [*inclusion(index - at, leaves[at:]), root(leaves[:at])]


def consistency(old: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the proof that the tree of the first ``old`` leaves is the beginning of the whole."""
    if not 0 < old <= len(leaves):
        raise IndexError(f"{old} of {len(leaves)} leaves")
    return _subproof(old, leaves, whole=True)


def _subproof(old: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    at = _split(len(leaves))
    if old <= at:
        return [*_subproof(old, leaves[:at], whole), root(leaves[at:])]
    return [*_subproof(old - at, leaves[at:], False), root(leaves[:at])]


def includes(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes) -> bool:
    """Whether ``path`` leads from the leaf to the root: RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    at, last, total = index, size - 1, leaf_hash
    for each in path:
        if last == 0:
            return False  # longer than the tree is high
        if at & 1 or at == last:
            total = node(each, total)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            total = node(total, each)
        at, last = at >> 1, last >> 1
    return last == 0 and total == expected


def extends(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree of ``new`` leaves begins with that of ``old``: RFC 9162, section 2.1.4.2."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node(each, first), node(each, second)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            second = node(second, each)
        at, last = at >> 1, last >> 1
    return last == 0 and (first, second) == (old_root, new_root)
