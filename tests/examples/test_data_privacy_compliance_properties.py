"""Any order of writes, orders, holds, backups, restores and crashes, against a model of what should be readable."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from examples.data_privacy_compliance.backups import DAYS
from examples.data_privacy_compliance.inventory import load
from examples.data_privacy_compliance.service import COOLING_DAYS, Erased, Restricted, State
from tests.examples.test_data_privacy_compliance import Crash, World
from tests.thorough import IS_ALL_WANTED

CLINICS = ("lyon", "graz")
EVERYONE = (("lyon", "anna"), ("lyon", "boris"), ("graz", "anna"))
PATIENTS = st.sampled_from(EVERYONE)
COPIES = st.sampled_from(("conversation", "vector", "trace"))
INVENTORY = load()
STEPS = ("decided", "destroy keys", "purge rows", "flush")


class Erasure(RuleBasedStateMachine):
    """The model knows rows and keys as tokens; the service must show the readable ones, and files no erased one."""

    @initialize()
    def start(self):
        self.folder = tempfile.TemporaryDirectory()
        self.world = World(Path(self.folder.name))
        self.day, self.count = 0, 0
        self.keys = {}  # patient -> token of the key
        self.rows = []  # (patient, token, copy, value, day it expires)
        self.made = {}  # patient -> every token ever made
        self.dead = set()
        self.gone = set()  # values erased, of any time
        self.erased, self.orders, self.held = set(), {}, set()
        self.snapshots = []
        for patient in EVERYONE:
            self.write(patient, "conversation")
        self.back_up()

    def teardown(self):
        if hasattr(self, "world"):
            self.world.service.close()
            self.folder.cleanup()

    def expect_refusal(self, patient):
        return Erased if patient in self.erased else Restricted if patient in self.orders.values() else None

    @rule(patient=PATIENTS, copy=COPIES, then_back_up=st.booleans())
    def put(self, patient, copy, then_back_up):
        self.write(patient, copy)
        if then_back_up:
            self.back_up()

    def write(self, patient, copy):
        self.count += 1
        value = f"{patient} says {self.count}".encode()
        if refusal := self.expect_refusal(patient):
            with pytest.raises(refusal):
                self.world.service.put(*patient, copy, value, self.day)
            return
        self.world.service.put(*patient, copy, value, self.day)
        token = self.keys.setdefault(patient, self.count)
        self.made.setdefault(patient, set()).add(token)
        self.rows.append((patient, token, copy, value, self.day + INVENTORY[copy].days))

    @rule(patient=PATIENTS)
    def order(self, patient):
        self.count += 1
        self.world.service.order(f"order-{self.count}", *patient, self.day)
        self.orders[f"order-{self.count}"] = patient

    @rule(patient=PATIENTS, crash=st.sampled_from((None, *STEPS)))
    def order_and_work(self, patient, crash):
        self.order(patient)
        self.wait_and_work(crash)

    @rule(clinic=st.sampled_from(CLINICS))
    def hold(self, clinic):
        self.world.service.hold(clinic, "matter", self.day)
        self.held.add(clinic)

    @rule(clinic=st.sampled_from(CLINICS), crash=st.sampled_from((None, *STEPS)))
    def release(self, clinic, crash):
        self.held.discard(clinic)
        self.carry_out(lambda: self.world.service.release(clinic, "matter", self.day), crash)

    def wait_and_work(self, crash):
        self.day += COOLING_DAYS
        self.carry_out(lambda: self.world.service.carry_out(self.day), crash)

    def carry_out(self, call, crash):
        """The orders are young or old. A crash must leave what a call without it leaves: by itself from the decision on,
        by a second call before it."""
        waiting = {o.order_id: o for o in self.world.service.ledger.waiting()}
        due = [
            order_id
            for order_id, order in waiting.items()
            if self.day >= order.ordered + COOLING_DAYS and order.clinic not in self.held
        ]
        self.world.crash_at = crash
        try:
            call()
        except Crash:
            self.world.reopen()
            if {o.order_id for o in self.world.service.ledger.waiting()} & set(due):
                call()
        self.world.crash_at = None
        for order_id in due:
            patient = self.orders.pop(order_id)
            self.erased.add(patient)
            self.dead |= self.made.pop(patient, set())
            self.keys.pop(patient, None)
            self.gone |= {
                row[3]
                for rows in (self.rows, *(s[1] for s in self.snapshots if s[0] == "copies"))
                for row in rows
                if row[0] == patient
            }
            self.rows = [row for row in self.rows if row[0] != patient]

    @precondition(lambda self: self.erased - set(self.orders.values()))
    @rule(data=st.data())
    def readmit(self, data):
        patient = data.draw(st.sampled_from(sorted(self.erased - set(self.orders.values()))))
        self.count += 1
        self.world.service.readmit(f"return-{self.count}", *patient, self.day)
        self.erased.discard(patient)

    def back_up(self):
        rows, keys = self.world.service.back_up(self.day)
        self.snapshots += [("copies", list(self.rows), rows), ("keys", dict(self.keys), keys)]

    @precondition(lambda self: any(kind == "copies" for kind, _, _ in self.snapshots))
    @rule(data=st.data())
    def restore_copies(self, data):
        _, model, backup = data.draw(st.sampled_from([s for s in self.snapshots if s[0] == "copies"]))
        self.world.service.restore(backup)
        self.rows = [row for row in model if row[1] not in self.dead]

    @precondition(lambda self: any(kind == "keys" for kind, _, _ in self.snapshots))
    @rule(data=st.data())
    def restore_keys(self, data):
        _, model, backup = data.draw(st.sampled_from([s for s in self.snapshots if s[0] == "keys"]))
        self.world.service.restore(backup)
        self.keys = {patient: token for patient, token in model.items() if token not in self.dead}

    @precondition(lambda self: len(self.snapshots) > 3)
    @rule()
    def age_the_backups(self):
        self.day += DAYS["keys"]
        kept = {backup.file for backup in self.world.service.backups.all()}
        kept -= {backup.file for backup in self.world.service.backups.expire(self.day)}
        self.snapshots = [snapshot for snapshot in self.snapshots if snapshot[2].file in kept]

    @invariant()
    def the_readable_is_read_and_the_rest_is_refused(self):
        if not hasattr(self, "world"):
            return
        for patient in EVERYONE:
            refusal = self.expect_refusal(patient)
            for copy in ("conversation", "vector", "trace"):
                if refusal:
                    with pytest.raises(refusal):
                        self.world.service.read(*patient, copy, self.day)
                    continue
                want = [
                    row[3]
                    for row in self.rows
                    if row[:3] == (patient, self.keys.get(patient), copy) and row[4] > self.day
                ]
                assert self.world.service.read(*patient, copy, self.day) == want

    @invariant()
    def no_erased_value_opens_with_the_live_keys(self):
        if not hasattr(self, "world"):
            return
        world = self.world
        world.service.catch_up(self.day)
        live = [world.folder / "keys.db", world.folder / "copies.db"]
        rows = [b.file for b in world.service.backups.all() if b.store == "copies"]
        assert not self.gone & world.insider([*live, *rows])

    @invariant()
    def what_is_final_opens_with_no_key_that_is_left_anywhere(self):
        if not hasattr(self, "world"):
            return
        receipts = [
            self.world.service.receipt(row[0])
            for row in self.world.service.ledger._db.execute(
                "SELECT order_id FROM entry WHERE kind = 'erase'"
            )
        ]
        if all(receipt.state is State.FINAL for receipt in receipts):
            assert not self.gone & self.world.insider()


TestErasure = Erasure.TestCase
TestErasure.settings = settings(
    max_examples=15 if IS_ALL_WANTED else 5,
    stateful_step_count=30,
    suppress_health_check=list(HealthCheck),
)
