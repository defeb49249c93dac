"""Faults that the gateway applies to single requests on their way to a replica or to the provider.

The bounds are enforced here and not by the tool that runs the experiment: who is spared, how often a fault may strike,
how long it lives without being renewed, and how many bad answers end it.
"""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PROBE = "probe"
"""The tenant of known-answer probes: no user."""
GROUP_SHARE = 0.25
"""Share of the requests in the experiment group, and as many in the control group."""

RUN_LEASE_S = 60.0
"""A run that has not been extended for so long is over: its runner is dead."""


class Refused(Exception):
    """The injector does not take this fault; says why."""


# --8<-- [start:fault]
class Fault(BaseModel):
    """What happens to which requests. Every bound is required: a fault without one is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    target: str
    """A replica, `replicas` for any of them, or `provider`."""
    kind: Literal["stall", "slow", "cut", "status", "wrong"]
    tenants: Literal["experiment", "probe"]
    """The experiment group of users, or known-answer probes only."""
    lease_s: float = Field(gt=0, le=60)
    """It ends by itself so long after it was armed or last renewed."""
    max_hits: int = Field(gt=0, le=1_000)
    """How often it strikes: attempts, not ids, which clients choose."""
    stop_after_bad: int = Field(gt=0)
    """Bad answers to its group, also to requests that it has not struck: the breakers that it opened refuse those."""
    after_tokens: int = Field(default=0, ge=0)
    delay_s: float = Field(default=0.0, ge=0)
    status: int = Field(default=503, ge=400, le=599)
    retry_after_s: float = Field(default=0.0, ge=0)


# --8<-- [end:fault]


def group_of(request_id: str) -> Literal["experiment", "control", "rest"]:
    """A stable random draw by request, so that the two groups differ in nothing but the fault."""
    draw = int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:8]) / 2**64
    if draw < GROUP_SHARE:
        return "experiment"
    return "control" if draw < 2 * GROUP_SHARE else "rest"


class Armed:
    """A fault at work, and what it has done so far."""

    def __init__(self, fault: Fault, expires: float) -> None:
        self.fault = fault
        self.expires = expires
        self.bad = 0


class Injector:
    """Arms faults, chooses those that a request meets, and disarms what has run out."""

    def __init__(
        self,
        excluded: frozenset[str],
        clock: Callable[[], float],
        objection: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._excluded = excluded
        self._clock = clock
        self._objection = objection
        """What speaks against any fault just now: `incident` or `veto`."""
        self._run, self._run_until = "", -math.inf
        self._armed: dict[str, Armed] = {}
        self.ended: dict[str, str] = {}
        """Why each fault ended that is no longer armed: `disarmed`, `lease`, `limit`, `bad`, `incident` or `veto`."""
        self.hits: dict[str, int] = {}

    def begin(self) -> str | None:
        """Take the only run lease. None while another run has it, or has left a fault: two runners cannot both find it free."""
        if self.armed() or self._clock() < self._run_until:
            return None
        self._run, self._run_until = uuid.uuid4().hex, self._clock() + RUN_LEASE_S
        return self._run

    def extend(self, run: str) -> None:
        """Raises Refused in an incident, under a veto, and for a run that does not have the lease."""
        if objection := self._objection():
            raise Refused(f"the run must end: {objection}")
        if run != self._run or self._clock() >= self._run_until:
            raise Refused("the run does not have the lease")
        self._run_until = self._clock() + RUN_LEASE_S

    def finish(self, run: str) -> None:
        if run == self._run:
            self._run_until = -math.inf

    def arm(self, fault: Fault, run: str) -> None:
        """Raises Refused as `extend`, for a wrong answer that would reach a user, and for a name that is armed already."""
        self.extend(run)
        if fault.kind == "wrong" and fault.tenants != PROBE:
            raise Refused("a wrong answer cannot be taken back: probes only")
        self._expire()
        if fault.name in self._armed:
            raise Refused(f"{fault.name} is armed already")
        self._armed[fault.name] = Armed(fault, self._clock() + fault.lease_s)
        self.ended.pop(fault.name, None)
        self.hits[fault.name] = 0

    def renew(self, name: str) -> None:
        """Raises Refused for a fault that has ended: an experiment that lost its fault must not go on unaware."""
        self._expire()
        if name not in self._armed:
            raise Refused(f"{name} has ended: {self.ended.get(name, 'never armed')}")
        armed = self._armed[name]
        armed.expires = self._clock() + armed.fault.lease_s

    def disarm(self, name: str) -> None:
        """Safe to repeat, and for a fault that was never armed: rollbacks run in every case."""
        self._expire()
        if name in self._armed:
            self._end(name, "disarmed")

    # --8<-- [start:choose]
    def group(self, request: Mapping[str, str]) -> str:
        """Excluded tenants come first: no draw can put them into the experiment."""
        if request["tenant"] in self._excluded:
            return "excluded"
        return PROBE if request["tenant"] == PROBE else group_of(request["id"])

    def choose(self, request: Mapping[str, str], target: str) -> Fault | None:
        """The fault that this request meets at this target, if any."""
        self._expire()
        group = self.group(request)
        for fault in [armed.fault for armed in self._armed.values()]:
            if fault.target != target and not (fault.target == "replicas" and target != "provider"):
                continue
            if fault.tenants != group:
                continue
            if self.hits[fault.name] >= fault.max_hits:
                self._end(fault.name, "limit")  # Armed and harmless, it would make the hypothesis pass.
                continue
            self.hits[fault.name] += 1
            return fault
        return None

    def answered(self, request: Mapping[str, str], good: bool) -> None:
        """Enough bad answers to its group end a fault, whoever else is watching."""
        for name, armed in list(self._armed.items()):
            if armed.fault.tenants == self.group(request) and not good:
                armed.bad += 1
                if armed.bad >= armed.fault.stop_after_bad:
                    self._end(name, "bad")

    # --8<-- [end:choose]

    def holds(self, fault: Fault) -> bool:
        """Whether a request that this fault has met must still wait for it."""
        self._expire()
        return any(armed.fault is fault for armed in self._armed.values())

    def armed(self) -> list[str]:
        self._expire()
        return list(self._armed)

    def _expire(self) -> None:
        objection = self._objection()
        for name, armed in list(self._armed.items()):
            if objection or self._clock() >= armed.expires:
                self._end(name, objection or "lease")

    def _end(self, name: str, why: str) -> None:
        del self._armed[name]
        self.ended[name] = why
