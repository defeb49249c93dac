"""What serves, erases and restores: the only way to the sealed copies, for one region."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from examples.data_privacy_compliance.backups import DAYS, Backup, Backups
from examples.data_privacy_compliance.inventory import CONTRACT_DAYS, Copy
from examples.data_privacy_compliance.ledger import Ledger, Order
from examples.data_privacy_compliance.sealing import KEY_BYTES, NONCE_BYTES, Kms, place, seal, unseal
from examples.data_privacy_compliance.stores import Copies, Keys, Moved, Row

COOLING_DAYS = 3
"""An order stops use at once and destroys after these days, so that a forged or mistaken one can be recalled."""
LEDGER_DAYS = DAYS["copies"] + DAYS["keys"]


class Refused(Exception):
    """The call is not allowed; the subclass says why."""


class Erased(Refused):
    """The patient's data was erased. Serving again takes a new order of the clinic: `readmit`."""


class Restricted(Refused):
    """An order to erase waits: the data may be kept, exported and held, not used (GDPR Art. 18)."""


class NotDeclared(Refused):
    """The inventory lacks the copy, or says that it is not made or not kept here."""


class WrongRegion(Refused):
    """The clinic belongs to another region, or to nobody."""


class Held(Refused):
    """An open matter forbids what was asked."""


class LedgerBehind(Refused):
    """A store has seen what the ledger lacks: the ledger was rolled back or lost. Nothing is served or destroyed."""


class State(StrEnum):
    """How far an order has come."""

    WAITING = "waiting"
    HELD = "held"
    UNREADABLE = "unreadable"
    FINAL = "final"


class Receipt(NamedTuple):
    """Evidence for the clinic: no patient, no pseudonym. Days are day numbers."""

    order_id: str
    state: State
    ordered: int
    due: int
    unreadable: int | None
    left: tuple[str, ...]
    """What still keeps it from being final: open matters, keys, rows, or backups of keys."""


class Export(NamedTuple):
    """Answer to an access request: the rows by copy, and the copies that have to be asked for elsewhere."""

    rows: dict[str, list[bytes]]
    elsewhere: tuple[str, ...]


def _nothing(_: str) -> None:
    pass


class Service:
    """The copies, keys and ledger of one region.

    ``randomness`` returns that many random bytes. ``step`` is told what is about to be done next; tests crash there.
    """

    def __init__(
        self,
        folder: Path,
        kms: Kms,
        inventory: Mapping[str, Copy],
        region: str,
        clinics: Mapping[str, str],
        randomness: Callable[[int], bytes],
        step: Callable[[str], None] = _nothing,
    ) -> None:
        if (folder / "keys.db").exists() and not (folder / "ledger.db").exists():
            raise LedgerBehind(
                "keys.db has no ledger.db beside it: restore the ledger first, never start a new one"
            )
        self.ledger = Ledger(folder / "ledger.db")  # first, so that a crash here looks like no lost ledger
        self.copies = Copies(folder / "copies.db")
        self.keys = Keys(folder / "keys.db")
        self.backups = Backups(folder / "backups")
        self._kms, self._inventory, self._region, self._clinics = kms, inventory, region, clinics
        self._random, self._step = randomness, step
        self._flushed = False  # the process before may have died between a deletion and its flush

    def close(self) -> None:
        """Close the three files."""
        for part in (self.copies, self.keys, self.ledger):
            part.close()

    # Serving

    # --8<-- [start:put]
    def put(self, clinic: str, patient: str, copy: str, value: bytes, today: int) -> str:
        """Seal a value under the patient's key, store it, return its id. Raises Refused."""
        declared = self._inventory.get(copy)
        if declared is None or not declared.in_store:
            raise NotDeclared(f"{copy}: declare in inventory.yml what ends it, or do not make it")
        while True:
            ref, seen = self._admit(clinic, patient, today)
            row_id, nonce = self._random(16).hex(), self._random(NONCE_BYTES)
            try:
                key_id, key = self._key(clinic, ref) or self._new_key(clinic, ref, seen)
                sealed = seal(key, nonce, value, place(clinic, key_id, copy, row_id))
                expires = today + declared.days
                self.copies.add(Row(row_id, clinic, key_id, copy, expires, sealed), seen)
                return row_id
            except Moved:  # an order, an erasure or another writer's key came in between
                continue

    def _admit(self, clinic: str, patient: str, today: int) -> tuple[str, int]:
        """Return pseudonym and watermark of a patient who may be served. Raises Refused."""
        ref = self._reference(clinic, patient)
        seen = self.catch_up(today)
        if self.ledger.is_erased(ref):
            raise Erased
        if self.ledger.is_restricted(ref):
            raise Restricted
        return ref, seen
        # --8<-- [end:put]

    def _reference(self, clinic: str, patient: str) -> str:
        """Return the pseudonym. Raises WrongRegion: an order or a hold taken here would reach nothing there."""
        self._here(clinic)
        return self._kms.reference(clinic, patient)

    def _here(self, clinic: str) -> None:
        if self._clinics.get(clinic) != self._region:
            raise WrongRegion(f"{clinic} is not served in {self._region}")

    def _new_key(self, clinic: str, ref: str, seen: int) -> tuple[str, bytes]:
        # Random, never derived from the patient: what can be derived again cannot be destroyed.
        key_id, key = self._random(16).hex(), self._random(KEY_BYTES)
        self._step("add key")
        self.keys.add(
            key_id, clinic, ref, self._kms.wrap(clinic, key, place("key", clinic, ref, key_id)), seen
        )
        self._step("add row")
        return key_id, key

    def _key(self, clinic: str, ref: str) -> tuple[str, bytes] | None:
        """Return the patient's key. It is not kept: a cached key would outlive its erasure."""
        found = self.keys.of(ref)
        if found is None:
            return None
        key_id, wrapped = found
        return key_id, self._kms.unwrap(clinic, wrapped, place("key", clinic, ref, key_id))

    def read(self, clinic: str, patient: str, copy: str, today: int) -> list[bytes]:
        """Return the values of one copy, oldest first; none past their day, held or not. Raises Refused."""
        ref, _ = self._admit(clinic, patient, today)
        return self._opened(clinic, ref, copy, today)

    def _opened(self, clinic: str, ref: str, copy: str, today: float) -> list[bytes]:
        found = self._key(clinic, ref)
        if found is None:
            return []
        key_id, key = found
        return [
            unseal(key, row.sealed, place(clinic, key_id, copy, row.row_id))
            for row in self.copies.under(key_id, copy)
            if row.expires > today
        ]

    def export(self, clinic: str, patient: str, today: int) -> Export:
        """Return everything held of a patient, also while restricted: access is not use. Raises Erased."""
        ref = self._reference(clinic, patient)
        self.catch_up(today)
        if self.ledger.is_erased(ref):
            raise Erased
        rows = {
            name: self._opened(clinic, ref, name, -math.inf)
            for name, copy in self._inventory.items()
            if copy.in_store
        }
        elsewhere = tuple(n for n, copy in self._inventory.items() if not copy.in_store and copy.days > 0)
        return Export({name: values for name, values in rows.items() if values}, elsewhere)

    # Erasing

    def order(self, order_id: str, clinic: str, patient: str, today: int) -> Receipt:
        """Take in a clinic's order to erase: from here on the data is not used. Repeating it changes nothing."""
        ref = self._reference(clinic, patient)
        with self._told(today):
            self.ledger.wait(Order(order_id, clinic, ref, today))
        return self.receipt(order_id)

    def recall(self, order_id: str, today: int) -> bool:
        """Withdraw an order that still waits, for good; return whether it did."""
        with self._told(today):
            return self.ledger.recall(order_id)

    def hold(self, clinic: str, matter: str, today: int, patient: str | None = None) -> None:
        """Preserve a patient's data, or a whole clinic's, for a matter: no erasure, no expiry."""
        self._here(clinic)
        ref = None if patient is None else self._reference(clinic, patient)
        with self._told(today):
            self.ledger.hold(clinic, matter, ref)

    def release(self, clinic: str, matter: str, today: int) -> list[Receipt]:
        """End a matter and carry out the orders that waited for it alone."""
        self._here(clinic)
        with self._told(today):
            self.ledger.release(clinic, matter, today)
        return self.carry_out(today)

    @contextmanager
    def _told(self, today: int) -> Iterator[None]:
        """Tell the stores of what the ledger takes in, before the clinic is told: they know a ledger that lost it."""
        self.catch_up(today)
        yield
        self.catch_up(today)

    def end_contract(self, clinic: str) -> None:
        """Destroy the clinic's own key: nothing that it sealed opens again, in any copy. Raises Held."""
        self._here(clinic)
        self._watermarks()
        with self.ledger.open_holds() as held:
            if any(clinic == held_clinic for held_clinic, _ in held):
                raise Held(f"{clinic} has an open matter: release it first")
            self._kms.destroy(clinic)

    # --8<-- [start:erase]
    def carry_out(self, today: int) -> list[Receipt]:
        """Erase what is ordered, cooled off and not held. Repeatable. Raises LedgerBehind."""
        # A ledger that lags would use a number that the stores have seen.
        self._watermarks()
        done = []
        for order in self.ledger.waiting():
            cooled = today >= order.ordered + COOLING_DAYS
            if cooled and self.ledger.decide(order, today):  # False while a matter holds
                done.append(order.order_id)
        self._step("decided")
        self.catch_up(today)
        return [self.receipt(order_id) for order_id in done]

    def catch_up(self, today: int) -> int:
        """Apply what a store has not seen of the ledger; return the watermark.

        Erasing, resuming after a crash and replaying after a restore are this one
        function. Raises LedgerBehind.
        """
        keys, copies, last = self._watermarks()
        if min(keys, copies) < last:
            self._flushed = False  # until a flush succeeds
            doomed = self.ledger.erasures_after(keys)
            self._step("destroy keys")
            self.keys.destroy(doomed, last, self.ledger.record_dead)
            self._step("purge rows")
            self.copies.purge(self.ledger.dead_keys(), last)
        if not self._flushed or self.ledger.unnoted():
            self._step("flush")
            self.keys.flush()
            self.copies.flush()
            self._flushed = True
            self.ledger.note_unreadable(last, today)
        return last

    def _watermarks(self) -> tuple[int, int, int]:
        """Return where keys, copies and ledger stand. Raises LedgerBehind."""
        keys, copies = self.keys.applied, self.copies.applied
        # After the stores': another worker may append, and apply, in between.
        last = self.ledger.last
        if max(keys, copies) > last:
            raise LedgerBehind(f"the ledger ends at {last}, a store at {max(keys, copies)}")
        return keys, copies, last
        # --8<-- [end:erase]

    def readmit(self, order_id: str, clinic: str, patient: str, today: int) -> None:
        """Serve an erased patient again on a clinic's order, under a new key; the old one stays dead."""
        ref = self._reference(clinic, patient)
        with self._told(today):
            self.ledger.readmit(Order(order_id, clinic, ref, today), today)

    # --8<-- [start:receipt]
    def receipt(self, order_id: str) -> Receipt:
        """Look, and say how far an order has come. Raises LedgerBehind, KeyError if it was never taken."""
        self._watermarks()
        order = next((o for o in self.ledger.waiting() if o.order_id == order_id), None)
        if order is not None:
            matters = tuple(self.ledger.matters(order.clinic, order.ref))
            state = State.HELD if matters else State.WAITING
            due = order.ordered + CONTRACT_DAYS
            return Receipt(order_id, state, order.ordered, due, None, matters)
        seq, ordered, unreadable = self.ledger.dates(order_id)
        dead = self.ledger.dead_keys(seq)
        left = [f"key {key_id}" for key_id in dead if self.keys.has(key_id)]
        left += [f"rows under {key_id}" for key_id in dead if self.copies.under(key_id)]
        # A backup of keys taken before the entry was applied may hold the key.
        old = [b for b in self.backups.all() if b.store == "keys" and b.applied < seq]
        left += [backup.file.name for backup in old]
        state = State.UNREADABLE if left else State.FINAL
        due = ordered + CONTRACT_DAYS
        return Receipt(order_id, state, ordered, due, unreadable, tuple(left))
        # --8<-- [end:receipt]

    # Time

    def expire(self, today: int) -> int:
        """Delete rows past their day, held ones excepted, and backups past their regime; return the rows.

        A patient's hold covers the patient's key. While rows lack their keys it covers the clinic, as one of
        them may be the patient's.
        """
        self.catch_up(today)
        with self.ledger.open_holds() as held:
            lost = self.orphans() > 0
            clinics = {clinic for clinic, ref in held if ref is None or lost}
            keys = {key[0] for _, ref in held if ref is not None and (key := self.keys.of(ref))}
            gone = self.copies.expire(today, clinics, keys)
        self.copies.flush()
        self.backups.expire(today)
        return gone

    def back_up(self, today: int) -> tuple[Backup, Backup]:
        """Back up copies and keys, each to a file of its own; a restored key is destroyed before, not copied on."""
        self.catch_up(today)
        return self.backups.take(self.copies, today), self.backups.take(self.keys, today)

    def restore(self, backup: Backup) -> None:
        """Put a backup into place. The next call replays the ledger over it before it answers."""
        (self.keys if backup.store == "keys" else self.copies).restore(backup.file)

    def orphans(self) -> int:
        """Return how many keys rows name that are neither present nor destroyed: a key restore too old. Alert."""
        return len(self.copies.key_ids() - self.keys.ids() - set(self.ledger.dead_keys()))

    def forget(self, today: int) -> int:
        """Blank the pseudonyms of erasures that no backup can bring back; return how many."""
        self._watermarks()
        seen = [backup.applied for backup in self.backups.all()]
        return self.ledger.forget(today - LEDGER_DAYS, min(seen, default=self.ledger.last))


def nearest(vectors: Sequence[Sequence[float]], query: Sequence[float], k: int) -> list[int]:
    """Return the positions of the ``k`` vectors most like the query, best first, by cosine.

    One patient has a few dozen vectors, unsealed for the request: an exact search, and no index to erase from.
    """

    def cosine(vector: Sequence[float]) -> float:
        norm = math.hypot(*vector) * math.hypot(*query)
        return sum(a * b for a, b in zip(vector, query, strict=True)) / norm if norm else 0.0

    return sorted(range(len(vectors)), key=lambda i: -cosine(vectors[i]))[:k]
