"""Chaos Toolkit's control: may this experiment start, and must it stop.

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
            raise InterruptExecution(f"the guard itself failed: {error!r}") from error

    return guarded


@fail_closed
def before_experiment_control(
    context: dict[str, Any], configuration: dict[str, Any], extensions: list[dict[str, Any]]
) -> None:
    """Start only with budget for the worst case, below the load it was computed for, and with nobody against it."""
    (bounds,) = [extension for extension in extensions if extension["name"] == "bounds"]
    now = actions.operate(configuration["gateway"], op="stats")["readiness"]
    if now["veto"] or now["incident"]:
        raise InterruptExecution("vetoed by on-call, or an incident is open")
    if now["load_rps"] > bounds["max_load_rps"]:
        raise InterruptExecution(
            f"load is {now['load_rps']} requests/s, computed for {bounds['max_load_rps']}"
        )
    if now["allowance"] < bounds["worst_case_bad"]:
        raise InterruptExecution(
            f"{now['allowance']} bad requests left, could cost {bounds['worst_case_bad']}"
        )


@fail_closed
def after_activity_control(
    context: dict[str, Any], state: dict[str, Any], experiment: dict[str, Any]
) -> None:
    """A failed action does not stop a run by itself. In a rollback, go on to the next one in any case."""
    rolling_back = any(context is activity for activity in experiment["rollbacks"])
    if state["status"] == "failed" and context["type"] == "action" and not rolling_back:
        raise InterruptExecution(f"{context['name']} failed, so the rest would test nothing")


# --8<-- [end:guard]


@fail_closed
def after_method_control(
    context: dict[str, Any], configuration: dict[str, Any], extensions: list[dict[str, Any]]
) -> None:
    """A fault that no request has met proves nothing, whatever the hypothesis says."""
    (bounds,) = [extension for extension in extensions if extension["name"] == "bounds"]
    hits = actions.operate(configuration["gateway"], op="stats")["hits"]
    if missed := [name for name in bounds["faults"] if not hits.get(name)]:
        raise InterruptExecution(f"no request met {', '.join(missed)}")
