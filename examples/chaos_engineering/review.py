"""What Chaos Toolkit's own validation lets pass and a review of an experiment must not."""

from __future__ import annotations

import importlib
from typing import Any

from pydantic import ValidationError

from examples.chaos_engineering import setting
from examples.chaos_engineering.faults import Fault
from examples.chaos_engineering.gateway import COOL_DOWN_S

GUARD = "examples.chaos_engineering.guard"


# --8<-- [start:review]
def worst_case(faults: list[Fault], max_load_rps: float) -> float:
    """Bad answers that end the faults, then all in flight, and all that come while the breakers cool down."""
    stop = sum(fault.stop_after_bad for fault in faults if fault.tenants == "experiment")
    group_rps = setting.GROUP_REPLICAS / setting.REPLICAS * max_load_rps
    return stop + group_rps * (setting.STREAM_S + COOL_DOWN_S) if stop else 0.0


def faults_of(experiment: dict[str, Any]) -> list[str]:
    """Everything that is wrong with an experiment which `chaos validate` accepts."""
    found = []
    method, rollbacks = experiment["method"], experiment.get("rollbacks", [])
    probes = experiment.get("steady-state-hypothesis", {}).get("probes", [])
    if GUARD not in [c["provider"]["module"] for c in experiment.get("controls", [])]:
        found.append("no guard: a control that is missing stops nothing")
    if experiment.get("runtime", {}).get("rollbacks") != {"strategy": "always"}:
        found.append("rollbacks do not always run: an abort skips them")
    if any(a["type"] == "action" and a["provider"]["type"] == "http" for a in method):
        found.append("an HTTP action succeeds on a 403: is anything injected?")
    pauses = [p for a in [*method, *probes] for p in a.get("pauses", {}).values()]
    if sum(pauses) > setting.REROUTE_S:
        found.append("pauses outlast the abort: a run stops only between activities")
    bounds = _bounds(experiment)
    faults: list[Fault] = []
    for arguments in _arguments(method, "arm"):
        try:
            faults.append(Fault.model_validate(arguments["fault"]))
        except ValidationError as error:
            found.append(f"not a bounded fault: {error}")
    armed = {fault.name for fault in faults}
    if not armed or set(bounds["faults"]) != armed:
        found.append("the bounds name other faults than the method arms")
    if armed != {a["name"] for a in _arguments(rollbacks, "disarm")}:
        found.append("a fault without its rollback")
    worst = worst_case(faults, bounds["max_load_rps"])
    if not worst <= bounds["worst_case_bad"] <= setting.ALLOWANCE:
        found.append(f"bad requests: not between the {worst:.0f} of its faults and the allowance")
    groups = [p["provider"].get("arguments", {}).get("group") for p in probes]
    to_users = any(fault.tenants == "experiment" for fault in faults)
    if to_users and "control" not in groups:
        found.append("no control group: a bad hour looks like a finding")
    return found


# --8<-- [end:review]


def _bounds(experiment: dict[str, Any]) -> dict[str, Any]:
    for extension in experiment.get("extensions", []):
        if extension["name"] == "bounds":
            return dict(extension)
    return {"worst_case_bad": -1, "max_load_rps": 0, "faults": []}


def _arguments(activities: list[dict[str, Any]], func: str) -> list[dict[str, Any]]:
    return [a["provider"]["arguments"] for a in activities if a["provider"].get("func") == func]


def guard_is_there() -> bool:
    """Whether the guard imports and has the hooks that Chaos Toolkit looks for by name."""
    module = importlib.import_module(GUARD)
    hooks = ("before_experiment", "after_activity", "after_method", "after_hypothesis", "after_experiment")
    return all(callable(getattr(module, f"{hook}_control", None)) for hook in hooks)
