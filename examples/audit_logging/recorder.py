"""A replica's way into the log: its own journal first, then the replicated queue.

The journal gives every record its number and its link before anything can go wrong. So a send whose answer got lost is
repeated with the same bytes, and an outage of the queue leaves no gap.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Protocol

from examples.audit_logging import events
from examples.audit_logging.chain import Head, Record
from examples.audit_logging.events import Class, Event
from examples.audit_logging.journal import Journal

BACKLOG_US = 10 * 60 * 1_000_000
"""How long inference goes on while the queue is away."""
BACKLOG_RECORDS = 60_000
"""How much a stream may hold by then: 13 minutes at a replica's peak of 75 events/s, were all of one class. It is held in memory
too."""
RETRY_US = 1_000_000
BATCH_RECORDS = 500
"""Of one send: half a megabyte, so that a backlog does not need one answer for all of it."""


class QueueAway(Exception):
    """The queue did not acknowledge in time. It may have the records nevertheless."""


class AuditUnavailable(Exception):
    """The event is not stored as safely as its action requires: do not act."""


class SealedOtherwise(Exception):
    """A seal names another record than the one that this replica wrote: keep the journal, it is the evidence."""


class Queue(Protocol):
    """Replicated, ordered by stream, idempotent by stream and number."""

    def send(self, records: Sequence[Record]) -> None:
        """Return once they are replicated. Raises QueueAway, after a timeout of its own."""

    def last(self, stream: str) -> int:
        """Return the number of the last record it has. Raises QueueAway."""


class Recorder:
    """Thread-safe; one for each replica."""

    def __init__(self, journals: Mapping[Class, Journal], queue: Queue, clock_us: Callable[[], int]) -> None:
        self._streams = {kind: _Stream(journal, queue, clock_us) for kind, journal in journals.items()}

    # --8<-- [start:record]
    def record(self, kind: Class, event: Event, *, replicated: bool) -> Record:
        """Store the event. Raises AuditUnavailable, and then the action must not happen.

        ``replicated``: for changes and for tools that write, this replica's disk is not enough. For the rest it is, for
        ten minutes at most: then nothing new may begin. The end of what has begun is taken even then.
        """
        stream = self._streams[kind]
        payload = events.encode(event)  # NotCanonical is the caller's bug, and uses up no number
        if stream.is_full() and not events.is_past(event):
            raise AuditUnavailable("the queue has been away for too long")
        try:
            record = stream.journal.append(payload)
        except OSError as error:
            raise AuditUnavailable("the journal cannot be written") from error
        stream.ship(patient=replicated)
        if replicated and stream.shipped < record.seq:
            raise AuditUnavailable(f"{record.stream} {record.seq} is in the journal only")
        return record

    # --8<-- [end:record]
    def ship(self) -> None:
        """Send what waits: called every second, and at the start for what a crash left."""
        for stream in self._streams.values():
            stream.ship()

    # --8<-- [start:sealed]
    def sealed(self, heads: Mapping[str, Head]) -> None:
        """Compare a seal's heads with this replica's own journal, then drop what is sealed. Raises SealedOtherwise.

        Whoever administers the queue could have changed a record on its way and computed the links again.
        """
        for stream in self._streams.values():
            head = heads.get(stream.journal.stream)
            if not head or not head.seq:
                continue
            mine = next(stream.journal.after(head.seq - 1), None)
            if mine and mine.seq > head.seq:
                continue  # an older seal comes again: it was compared before its records were dropped
            if mine is None or mine.head != head:
                raise SealedOtherwise(f"{stream.journal.stream} {head.seq}")
            stream.journal.trim(head.seq - 1)  # keeps the record to compare with

    # --8<-- [end:sealed]
    def backlog(self) -> int:
        """Return the records that the queue has not acknowledged: a number to watch."""
        return sum(stream.backlog for stream in self._streams.values())


class _Stream:
    def __init__(self, journal: Journal, queue: Queue, clock_us: Callable[[], int]) -> None:
        self.journal, self._queue, self._clock_us = journal, queue, clock_us
        self.shipped = queue.last(journal.stream)
        self._sending = Lock()
        self._retry_us = 0
        self._away_since_us: int | None = None

    @property
    def backlog(self) -> int:
        return max(0, self.journal.durable - self.shipped)

    def is_full(self) -> bool:
        since = self._away_since_us
        late = since is not None and self._clock_us() - since >= BACKLOG_US
        return late or self.backlog >= BACKLOG_RECORDS

    def ship(self, patient: bool = True) -> None:
        """Send what is unsent, in order. While the queue is away, try once a second, not once a request.

        Whoever is content with the journal is not ``patient``: once the queue has failed, they leave it to the timer.
        A queue that hangs would otherwise hold up every request for the length of its timeout.
        """
        if self._away_since_us is not None and not patient:
            return
        seen = self.journal.durable
        with self._sending:
            if self.shipped >= seen or self._clock_us() < self._retry_us:
                return  # another thread's send took ours along
            try:
                waiting = list(self.journal.after(self.shipped))
                for start in range(0, len(waiting), BATCH_RECORDS):
                    batch = waiting[start : start + BATCH_RECORDS]
                    self._queue.send(batch)
                    self.shipped = batch[-1].seq
                    self.journal.forget(self.shipped)
                    self._away_since_us = None
            except QueueAway:
                now = self._clock_us()
                self._retry_us = now + RETRY_US
                self._away_since_us = now if self._away_since_us is None else self._away_since_us


def open_recorder(
    folder: Path,
    origin: str,
    replica: str,
    queue: Queue,
    clock_us: Callable[[], int],
    new_id: Callable[[], str],
    sync: Callable[[int], None] = os.fsync,
) -> Recorder:
    """Open a replica's journals, send what a crash left, and log the start. Raises QueueAway, JournalDamaged, InUse.

    While the queue is away a replica does not start: only the queue can tell what the journal has to hold.
    """
    journals: dict[Class, Journal] = {}
    for kind in ("hospital", "standard"):
        name = f"{replica}.{kind}"
        journals[kind] = Journal(folder / name, origin, name, acknowledged=queue.last(name), sync=sync)
    recorder = Recorder(journals, queue, clock_us)
    for kind, journal in journals.items():
        notice = events.notice("started", new_id(), clock_us(), replica)
        recorder.record(kind, notice, replicated=False)
        if journal.set_aside:
            notice = events.notice("recovered", new_id(), clock_us(), replica, journal.set_aside)
            recorder.record(kind, notice, replicated=False)
    return recorder
