"""Chaos Toolkit's control: may this experiment start, and must it stop. It alone holds the run lease.

Chaos Toolkit 1.44 logs an exception of a control at debug level and goes on, so a guard that breaks guards nothing. Only
InterruptExecution stops a run: whatever goes wrong in here is turned into one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from chaoslib.exceptions import InterruptExecution  # type: ignore[import-untyped, unused-ignore]

from examples.chaos_engineering import actions


# --8<-- [start:guard]
def fail_closed(control: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(control)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            control(*args, **kwargs)
        except InterruptExecution:
            raise
        except Exception as error:
            raise InterruptExecution(f"stopped by the guard: {error!r}") from error

    return guarded


@fail_closed
def before_experiment_control(
    context: dict[str, Any], configuration: dict[str, Any], extensions: list[dict[str, Any]]
) -> None:
    """Take the run lease first: what is asked after it, no other run can spend. NaN, too, speaks against a start."""
    bounds, gateway = _bounds(extensions), configuration["gateway"]
    configuration["run"] = actions.operate(gateway, op="begin")["run"]
    now = actions.operate(gateway, op="stats")["readiness"]
    reasons = {
        "on-call has a veto": now["veto"] is not False,
        "an incident is open": now["incident"] is not False,
        "another run is on": not configuration["run"],
        "the load is not known to be low": not now["load_rps"] <= bounds["max_load_rps"],
        "the allowance may not cover it": not now["allowance"] >= bounds["worst_case_bad"],
        "half of the month's budget is gone": not now["budget_left"] >= 0.5,
    }
    if any(reasons.values()):
        raise InterruptExecution("; ".join(reason for reason, holds in reasons.items() if holds))


@fail_closed
def after_activity_control(
    context: dict[str, Any], state: dict[str, Any], configuration: dict[str, Any], experiment: dict[str, Any]
) -> None:
    """A failed action does not stop a run by itself, nor does an incident: then `extend` is refused."""
    if any(context is activity for activity in experiment["rollbacks"]):
        return
    if state["status"] == "failed" and context["type"] == "action":
        raise InterruptExecution(f"{context['name']} failed, so the rest would test nothing")
    actions.operate(configuration["gateway"], op="extend", run=configuration["run"])


# --8<-- [end:guard]


@fail_closed
def after_method_control(
    context: dict[str, Any], configuration: dict[str, Any], extensions: list[dict[str, Any]]
) -> None:
    """A fault that no request has met, or that has ended, proves nothing, whatever the hypothesis says."""
    bounds, stats = _bounds(extensions), actions.operate(configuration["gateway"], op="stats")
    if missed := [name for name in bounds["faults"] if not stats["hits"].get(name)]:
        raise InterruptExecution(f"no request met {', '.join(missed)}")
    _refuse_ended(bounds, stats)
    bounds["hits"] = stats["hits"]  # The journal shows it; and from now on the faults must be there.


@fail_closed
def after_hypothesis_control(
    context: dict[str, Any],
    state: dict[str, Any],
    configuration: dict[str, Any],
    extensions: list[dict[str, Any]],
) -> None:
    """A system that was sick before is no pass, and neither is one whose fault ended while it was looked at."""
    bounds = _bounds(extensions)
    if "hits" in bounds and state["steady_state_met"]:
        _refuse_ended(bounds, actions.operate(configuration["gateway"], op="stats"))
    if "hits" not in bounds and not state["steady_state_met"]:
        raise InterruptExecution("the steady state is not met, and the method has not run to its end")


@fail_closed
def after_experiment_control(context: dict[str, Any], configuration: dict[str, Any]) -> None:
    """Without this, the next run waits until the lease has run out."""
    actions.operate(configuration["gateway"], op="finish", run=configuration["run"])


def _refuse_ended(bounds: dict[str, Any], stats: dict[str, Any]) -> None:
    if ended := [name for name in bounds["faults"] if name not in stats["armed"]]:
        why = ", ".join(f"{name} has ended: {stats['ended'].get(name)}" for name in ended)
        raise InterruptExecution(why)


def _bounds(extensions: list[dict[str, Any]]) -> dict[str, Any]:
    (bounds,) = [extension for extension in extensions if extension["name"] == "bounds"]
    return bounds
