"""A model of losing a zone at peak: a queue, impatient clients and their retries. One step is one second.

Replicas serve in the order of arrival, and the provider takes what its quota allows while there is a queue. A client gives
up on its first token after `give_up_s` and tries again, up to twice, while its earlier attempt stays in the queue: without
`cancel` nobody tells the engine. Batch clients wait no longer. The model leaves out what makes a real loss worse: the
prefill of repeated prompts into cold caches, and the time per token, which grows with the batch.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from examples.chaos_engineering import setting

LOST_AT, BACK_AT, END_AT = 60, 660, 1_500
BACKOFF_S = 2
BURST_S = 10
"""A retry budget that was not used saves up for so many seconds."""


@dataclass(frozen=True)
class Gateway:
    """What stands between the clients and the replicas. The default is today's."""

    retry_budget: float | None = None
    """Retries admitted per fresh request; None: all."""
    queue_s: float | None = None
    """Longest queue in seconds of work, the rest is refused at once; None: without bound."""
    cancel: bool = False
    """Take out of the queue what a client has abandoned; otherwise replicas work for those who have left."""
    give_up_s: float = setting.GIVE_UP_S
    """The clients' patience, which is not the gateway's to choose."""
    defer_batch: bool = False
    """Hold batch work back while urgent requests need the replicas."""


@dataclass
class Second:
    """What one second ended with, in requests.

    A request counts as good when its stream starts, so one that is cut counts as bad besides, and its second run as neither.
    """

    good: float = 0.0
    bad: float = 0.0
    attempts: float = 0.0
    deferred: float = 0.0
    """Batch requests held back at the end of this second."""


@dataclass
class Cohort:
    """Requests that queue since the same second. `counted`: they are bad already; `left`: their clients have gone."""

    arrived: int
    size: float
    tries: int = 0
    counted: bool = False
    left: bool = False


class Region:
    """Two or three zones behind one gateway, with one queue."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.queue: deque[Cohort] = deque()
        self.patient: deque[Cohort] = deque()
        """Those in the queue whose clients still wait, oldest first."""
        self.again: dict[int, list[Cohort]] = {}
        self.deferred = 0.0
        self.allowance = 0.0

    # --8<-- [start:second]
    def second(self, now: int, *, lost: bool, unaware: bool) -> Second:
        """Advance by one second. `unaware`: the gateway still sends a third of the requests to the lost zone."""
        second = Second()
        capacity = setting.FLEET_RPS * (2 / 3 if lost else 1.0)
        urgent = setting.PEAK_RPS * (1 - setting.BATCH_SHARE if self.gateway.defer_batch else 1.0)
        self.deferred += setting.PEAK_RPS - urgent
        quota = setting.PROVIDER_RPS if self.queue else 0.0
        for cohort in [Cohort(now, urgent), *self.again.pop(now, [])]:
            second.attempts += cohort.size
            if cohort.tries:
                self._keep(second, now, cohort, self._retries_allowed(cohort.size))
            if unaware:
                self._keep(second, now, cohort, cohort.size * 2 / 3)
            overflow = min(cohort.size, quota)
            quota -= overflow
            self._serve(second, cohort, overflow)
            if self.gateway.queue_s is not None:
                queued = sum(waiting.size for waiting in self.queue)
                self._keep(second, now, cohort, max(0.0, self.gateway.queue_s * capacity - queued))
            self.queue.append(cohort)
            self.patient.append(cohort)
        while self.patient and now - self.patient[0].arrived >= self.gateway.give_up_s:
            cohort = self.patient.popleft()
            cohort.left = True
            self._fail(second, now, cohort, cohort.size)
            if self.gateway.cancel:
                cohort.size = 0.0
        while self.queue and capacity > 0:
            served = min(capacity, self.queue[0].size)
            capacity -= served
            self._serve(second, self.queue[0], served)
            if self.queue[0].size <= 0:
                self.queue.popleft()
        drained = min(capacity, self.deferred)
        self.deferred -= drained
        second.good += drained
        second.deferred = self.deferred
        return second

    # --8<-- [end:second]

    def cut(self, second: Second, now: int, streams: float) -> None:
        """Streams break and start again. Batch work has four hours, so a broken batch stream is not bad yet."""
        urgent = streams * (1 - setting.BATCH_SHARE)
        second.bad += urgent
        self.again.setdefault(now + 1, []).append(Cohort(now + 1, urgent, tries=1, counted=True))
        if self.gateway.defer_batch:
            self.deferred += streams - urgent
        else:
            self.again[now + 1].append(Cohort(now + 1, streams - urgent, tries=1))

    def _retries_allowed(self, size: float) -> float:
        if self.gateway.retry_budget is None:
            return size
        allowed = min(size, self.allowance)
        self.allowance -= allowed
        return allowed

    def save(self) -> None:
        """Put one second's share into the retry budget."""
        per_second = setting.PEAK_RPS * (self.gateway.retry_budget or 0.0)
        self.allowance = min(BURST_S * per_second, self.allowance + per_second)

    def _keep(self, second: Second, now: int, cohort: Cohort, size: float) -> None:
        """Let at most `size` of a cohort pass; the rest fails at once."""
        refused = max(0.0, cohort.size - size)
        cohort.size -= refused
        self._fail(second, now, cohort, refused)

    def _fail(self, second: Second, now: int, cohort: Cohort, size: float) -> None:
        if size <= 0:
            return
        if cohort.tries < setting.CLIENT_RETRIES:
            retry = Cohort(now + BACKOFF_S, size, cohort.tries + 1, cohort.counted)
            self.again.setdefault(now + BACKOFF_S, []).append(retry)
        elif not cohort.counted:
            second.bad += size

    def _serve(self, second: Second, cohort: Cohort, size: float) -> None:
        cohort.size -= size
        if not cohort.left and not cohort.counted:
            second.good += size


def lose_a_zone(gateway: Gateway, *, back_at: int = BACK_AT, end_at: int = END_AT) -> list[Second]:
    """Second by second: a zone is cut off at LOST_AT and comes back, still warm, at `back_at`. Peak traffic throughout."""
    region, history = Region(gateway), []
    for now in range(end_at):
        region.save()
        lost = LOST_AT <= now < back_at
        second = region.second(now, lost=lost, unaware=lost and now < LOST_AT + setting.REROUTE_S)
        if lost and now == LOST_AT:
            region.cut(second, now, setting.PEAK_RPS / setting.ZONES * setting.STREAM_S)
        history.append(second)
    return history


def recovers(gateway: Gateway, back_at: int) -> bool:
    """Whether ten minutes after the zone is back everything is answered again."""
    return lose_a_zone(gateway, back_at=back_at, end_at=back_at + 600)[-1].good >= 0.99 * setting.PEAK_RPS


def latest_abort_s(gateway: Gateway) -> int:
    """Seconds into the experiment after which an abort no longer helps; the horizon of ten minutes if it always does."""
    low, high = 0, BACK_AT - LOST_AT
    if recovers(gateway, LOST_AT + high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if recovers(gateway, LOST_AT + middle):
            low = middle
        else:
            high = middle
    return low
