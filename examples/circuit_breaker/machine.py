"""The breaker's state machine. Pure: no clock, no lock, no I/O; time and randomness are parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from examples.circuit_breaker.window import Window


class State(StrEnum):
    """`RAMP` is what a textbook breaker lacks: between a probe that worked and all traffic."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    RAMP = "ramp"


# --8<-- [start:settings]
@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds, rates as shares. A value that cannot work raises ValueError."""

    bucket_s: float = 1.0
    lookback_s: float = 60.0  # older outcomes never count
    minimum_calls: int = 20  # fewer say nothing
    failure_rate: float = 0.5  # of the ramp too: what a closed breaker bears must not keep A out
    slow_rate: float = 0.8  # of starts that were late or failed
    open_s: float = 5.0  # doubles with each opening in a row
    open_max_s: float = 30.0
    probes: int = 2  # at once, of one replica
    probes_to_pass: int = 4  # whole streams
    half_open_max_s: float = 60.0  # lost probes must not keep the breaker half-open forever
    ramp: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4, 0.8)
    ramp_step_s: float = 20.0  # outlasts a stream and a deadline; doubles with each step down
    ramp_step_max_s: float = 60.0  # after it, fewer than `minimum_calls` will do
    # --8<-- [end:settings]

    def __post_init__(self) -> None:
        positive = (self.bucket_s, self.open_s, self.half_open_max_s, self.ramp_step_s)
        counts = (self.minimum_calls, self.probes, self.probes_to_pass)
        shares = (self.failure_rate, self.slow_rate, *self.ramp)
        if min(positive) <= 0 or min(counts) < 1:
            raise ValueError("times must be above 0 and counts at least 1")
        if not all(0 < share <= 1 for share in shares):
            raise ValueError("rates and shares lie above 0 and not above 1")
        if list(self.ramp) != sorted(self.ramp):
            raise ValueError("the ramp must rise")
        if self.lookback_s < self.bucket_s:
            raise ValueError("the window is shorter than a bucket")
        if self.open_max_s < self.open_s or self.ramp_step_max_s < self.ramp_step_s:
            raise ValueError("a longest time is shorter than the first one")


class Stage(StrEnum):
    """How far a call has come; a call reports its end once."""

    WAITING = "waiting"
    STARTED = "started"
    DONE = "done"


@dataclass(slots=True, eq=False)
class Permit:
    """Leave for one call. It remembers under which epoch it was given."""

    epoch: int
    probe: bool
    stage: Stage = Stage.WAITING
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state, for logs, metrics and pages."""

    at: float
    old: State
    new: State
    epoch: int
    share: float
    why: str


@dataclass(slots=True)
class Counts:
    """Of calls, for metrics. Whatever was admitted ends in one of the last four, or is under way."""

    admitted: int = 0
    rejected: int = 0
    succeeded: int = 0
    failed: int = 0
    released: int = 0
    late: int = 0

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed + self.released + self.late


@dataclass(slots=True)
class Machine:
    """One breaker. `random()` gives a float in [0, 1), for the jitter of waits. Not thread-safe by itself."""

    settings: Settings
    random: Callable[[], float]
    state: State = State.CLOSED
    epoch: int = 0
    counts: Counts = field(default_factory=Counts)
    transitions: list[Transition] = field(default_factory=list)
    """Since the last look; whoever owns the machine takes them away."""
    _now: float = float("-inf")
    _starts: Window = field(init=False)
    _ends: Window = field(init=False)
    _openings: int = 0
    _until: float = 0.0
    _probes_out: int = 0
    _passed: int = 0
    _step: int = 0
    _step_downs: int = 0
    _credit: float = 0.0
    _quiet_at: float = 0.0
    """When a step of the ramp has lasted long enough to be judged by few calls."""
    _newest_good: bool = False
    """Of this step's starts."""

    def __post_init__(self) -> None:
        size = max(1, round(self.settings.lookback_s / self.settings.bucket_s))
        self._starts, self._ends = (Window(self.settings.bucket_s, size) for _ in range(2))

    @property
    def share(self) -> float:
        """Share of calls admitted now; probes not counted."""
        return {State.CLOSED: 1.0, State.RAMP: self.settings.ramp[self._step]}.get(self.state, 0.0)

    @property
    def probes_out(self) -> int:
        return self._probes_out

    def wait_s(self, now: float) -> float:
        """Seconds until a rejected call may hope for more; 0 unless open."""
        return max(0.0, self._until - self._time(now)) if self.state is State.OPEN else 0.0

    # --8<-- [start:acquire]
    def acquire(self, now: float, may_probe: bool = True) -> Permit | None:
        """A permit, or None: go elsewhere. `may_probe` is false for calls too dear to lose."""
        now, s = self._time(now), self.settings
        if self.state is State.OPEN and now >= self._until and may_probe:
            self._enter(State.HALF_OPEN, now, "wait is over")
        elif self.state is State.HALF_OPEN and self._probes_out >= s.probes and now >= self._until:
            self._open(now, "probes did not come back")
        elif self.state is State.RAMP:
            self._step_up(now)

        probe = self.state is State.HALF_OPEN
        if probe:
            allowed = may_probe and self._probes_out < s.probes
            if allowed:
                self._probes_out += 1
                self._until = now + s.half_open_max_s  # of the newest: few calls are no lost ones
        else:
            # A share without dice: every call brings `share` of a permit, a whole one admits.
            self._credit += self.share
            allowed = self._credit >= 1
            self._credit -= allowed
        if not allowed:
            self.counts.rejected += 1
            return None
        self.counts.admitted += 1
        return Permit(self.epoch, probe)

    # --8<-- [end:acquire]

    # --8<-- [start:report]
    def started(self, permit: Permit, now: float, slow: bool = False) -> None:
        """The first token is there. A probe has to show a whole stream, so it proves nothing yet."""
        now = self._time(now)
        if permit.stage is not Stage.WAITING:
            return
        permit.stage, permit.slow = Stage.STARTED, slow
        if permit.epoch == self.epoch and not permit.probe:
            self._start(now, slow=slow)

    def ended(self, permit: Permit, now: float, failed: bool) -> None:
        """The call is over: with a finish reason, or by the provider's fault. A second report is ignored."""
        now = self._time(now)
        if not failed:
            self.started(permit, now)  # an answer may finish without a token
        stage, permit.stage = permit.stage, Stage.DONE
        if stage is Stage.DONE:
            return
        if permit.epoch != self.epoch:
            self.counts.late += 1  # of an earlier state: it says nothing about this one
            return
        self.counts.failed += failed
        self.counts.succeeded += not failed
        if permit.probe:
            self._probes_out -= 1
            self._probed(now, good=not failed and not permit.slow)
        elif stage is Stage.WAITING:
            self._start(now, failed=failed)
        else:
            self._ends.add(now, failed=failed)
            self._judge(now)

    # --8<-- [end:report]

    def released(self, permit: Permit, now: float, slow: bool = False) -> None:
        """The call ended without a verdict: canceled, throttled, or wrong by itself. A probe's place is free again.

        `slow`: it was given up after the slow mark. Without a first token, that much it does say.
        """
        now = self._time(now)
        stage, permit.stage = permit.stage, Stage.DONE
        if stage is Stage.DONE:
            return
        if permit.epoch != self.epoch:
            self.counts.late += 1
            return
        self.counts.released += 1
        self._probes_out -= permit.probe
        if slow and stage is Stage.WAITING and not permit.probe:
            self._start(now, slow=True)

    def force_open(self, now: float, for_s: float) -> None:
        """Open for `for_s` seconds, by a person's word. Then it probes and climbs, as after an outage."""
        now = self._time(now)
        self._enter(State.OPEN, now, "forced")
        self._until = now + for_s

    def _start(self, now: float, failed: bool = False, slow: bool = False) -> None:
        self._starts.add(now, failed=failed, slow=slow)
        self._newest_good = not failed and not slow
        self._judge(now)

    # --8<-- [start:judge]
    def _judge(self, now: float) -> None:
        """Open, or go a step down, if starts or ends have reached a threshold."""
        s = self.settings
        for name, window in (("starts", self._starts), ("ends", self._ends)):
            rates = window.rates(now, s.minimum_calls)
            if rates and rates.reaches(s.failure_rate, s.slow_rate):
                self._fall(now, f"{rates.failed} failed, {rates.slow} slow of {rates.calls} {name}")
                return

    def _fall(self, now: float, why: str) -> None:
        if self.state is State.RAMP and self._step > 0:
            self._step_downs += 1
            self._at_step(now, self._step - 1, why)
        else:
            self._open(now, why)

    def _probed(self, now: float, good: bool) -> None:
        if not good:
            self._open(now, "a probe failed")
            return
        self._passed += 1
        if self._passed >= self.settings.probes_to_pass:
            self._enter(State.RAMP, now, f"{self._passed} probes passed")

    def _step_up(self, now: float) -> None:
        s = self.settings
        rates = self._starts.rates(now, s.minimum_calls)
        if rates is None and now >= self._quiet_at:
            few = self._starts.all(now)  # at night the rate of the last minute will do
            if few.reaches(s.failure_rate, s.slow_rate):
                self._fall(now, f"{few.failed} failed, {few.slow} slow of {few.calls} in a quiet step")
                return
            rates = few if self._newest_good else None
        if now < self._until or rates is None:
            return
        if self._step + 1 < len(s.ramp):
            self._at_step(now, self._step + 1, f"{rates.failed} failed of {rates.calls} starts")
        else:
            self._enter(State.CLOSED, now, "ramp is over")

    # --8<-- [end:judge]

    # --8<-- [start:enter]
    def _open(self, now: float, why: str) -> None:
        self._openings += 1
        self._enter(State.OPEN, now, why)

    def _enter(self, state: State, now: float, why: str) -> None:
        """Every change begins a new epoch with empty windows: old permits become strangers."""
        old, self.state, s = self.state, state, self.settings
        self.epoch += 1
        self._probes_out = self._passed = self._step = 0
        self._credit = 0.0
        self._starts.clear()
        self._ends.clear()
        if state is State.OPEN:
            self._until = now + self._jittered(s.open_s, self._openings - 1, s.open_max_s)
        elif state is State.RAMP:
            self._begin_step(now)
        elif state is State.CLOSED:
            self._openings = self._step_downs = 0
        self.transitions.append(Transition(now, old, state, self.epoch, self.share, why))

    def _jittered(self, first: float, doublings: int, most: float) -> float:
        """From half of it to all of it: ten replicas that open together do not probe together."""
        return min(most, first * 2.0 ** min(doublings, 30)) * (0.5 + self.random() / 2)

    # --8<-- [end:enter]

    def _at_step(self, now: float, step: int, why: str) -> None:
        """Each share is a state of its own: calls admitted at 40% must not judge 20%."""
        self.epoch += 1
        self._step, self._credit = step, 0.0
        self._starts.clear()
        self._ends.clear()
        self._begin_step(now)
        self.transitions.append(Transition(now, State.RAMP, State.RAMP, self.epoch, self.share, why))

    def _begin_step(self, now: float) -> None:
        s = self.settings
        self._until = now + self._jittered(s.ramp_step_s, self._step_downs, s.ramp_step_max_s)
        self._quiet_at, self._newest_good = now + s.ramp_step_max_s, False

    def _time(self, now: float) -> float:
        """Time never goes back, whatever the clock does."""
        self._now = max(self._now, now)
        return self._now
