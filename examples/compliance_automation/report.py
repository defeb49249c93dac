"""What people read: every control with its state and reason. No percentage: it would hide which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from examples.compliance_automation.catalog import Control
from examples.compliance_automation.evaluate import Inputs, Result, State, state_of, worst


# --8<-- [start:report]
def by_test(results: Mapping[str, Result]) -> str:
    """A line a test: its state, its population, and why it is not a pass."""
    lines = []
    for result in results.values():
        counts = [f"{result.passed} of {result.population} pass"] if result.population else []
        for word in ("failed", "excepted", "undecided"):
            if found := getattr(result, word):
                counts.append(f"{len(found)} {word}")
        lines.append(f"{result.test:17} {result.state:15} {'; '.join([*counts, *result.doubts])}".rstrip())
    return "\n".join(lines)


def by_framework(controls: tuple[Control, ...], results: Mapping[str, Result]) -> dict[str, dict[str, State]]:
    """Each criterion with the worst state of the controls that serve it: two papers from the same results."""
    views: dict[str, dict[str, State]] = {"SOC 2": {}, "ISO/IEC 27001": {}}
    for control in controls:
        state = state_of(control, results)
        annex = [f"A.{number}" for number in control.annex_a]
        for name, ids in (("SOC 2", control.criteria), ("ISO/IEC 27001", (*control.clauses, *annex))):
            for criterion in ids:
                views[name][criterion] = worst([views[name].get(criterion, state), state])
    return views


def totals(controls: tuple[Control, ...], results: Mapping[str, Result]) -> Counter[State]:
    """Controls by state. They add up to all controls, so nothing can be dropped from the denominator."""
    return Counter(state_of(control, results) for control in controls)


# --8<-- [end:report]


def summary(inputs: Inputs, results: Mapping[str, Result]) -> str:
    """The report as text."""
    counted = totals(inputs.controls, results)
    said = ", ".join(f"{counted[state]} {state}" for state in State if counted[state])
    return f"{by_test(results)}\n{len(inputs.controls)} controls: {said}"
