"""One agent run at work: the only way from the model to its tools."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from examples.security_threats import gate, mail
from examples.security_threats.gate import Decision, Policy, Reason, Run, Verdict


@dataclass(frozen=True)
class Outcome:
    """The decision on a call, and the tool's result if the call has run."""

    decision: Decision
    result: str | None = None


class Session:
    """Holds a run's state. Parallel calls of one run are judged one after the other.

    ``tools`` maps names to functions that take the judged arguments and return text; ``find_contact`` returns one
    address. ``policy`` is asked at each call, so that a kill switch holds for runs that have begun. ``record`` writes
    to the audit log; if it fails, the call does not run.
    """

    def __init__(
        self,
        run: Run,
        tools: Mapping[str, Callable[..., str]],
        policy: Callable[[], Policy],
        record: Callable[[str, str, Decision], None],
    ) -> None:
        self._run, self._tools, self._policy, self._record = run, tools, policy, record
        self._lock = threading.Lock()

    # --8<-- [start:call]
    def call(self, tool: str, raw: str) -> Outcome:
        """Judge one call and, if it is allowed, run it with the arguments that were judged.

        State changes before the tool runs: a second call in flight meets the labels of the first, and a confirmation
        that is spent. An error of the tool is the caller's.
        """
        with self._lock:
            try:
                decision, after = gate.decide(self._policy(), self._run, tool, raw)
                self._record(self._run.run_id, tool, decision)
            except Exception as error:
                return Outcome(Decision(Verdict.BLOCK, Reason.GATE_ERROR, type(error).__name__))
            self._run = after
        if decision.verdict is not Verdict.ALLOW:
            return Outcome(decision)
        result = self._tools[tool](**decision.arguments)
        with self._lock:
            self._run = gate.read(self._run, result)
            if tool == "find_contact":
                with suppress(mail.BadAddress):
                    self._run = gate.found(self._run, result)
        return Outcome(decision, result)

    # --8<-- [end:call]

    def said(self, text: str) -> None:
        """Take a message that the user typed."""
        with self._lock:
            self._run = gate.said(self._run, text)

    def confirm(self, digest: str) -> None:
        """Take the user's confirmation, which comes from the client's dialog and never from the model."""
        with self._lock:
            self._run = gate.confirm(self._run, digest)

    @property
    def run(self) -> Run:
        return self._run
