"""What the cost model is told, once for Python, for the form on the page and for its address."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Spec:
    """How one input is shown, named in the address and checked."""

    key: str
    """Its name in the page's address."""
    label: str
    unit: str
    low: float
    high: float
    step: float
    group: str


def _input(default: float, *spec: Any) -> Any:
    return field(default=default, metadata={"spec": Spec(*spec)})


@dataclass(frozen=True)
class Inputs:
    """The page's setting by default. Rates are requests/s, shares are percent of all requests."""

    # fmt: off
    price: float = _input(2.85, "price", "On demand", "$/GPU-hour", 0.05, 50, 0.01, "Price")
    commit_price: float = _input(2.00, "commit", "One-year commitment", "$/GPU-hour", 0.05, 50, 0.01, "Price")
    commit_nodes: int = _input(3, "nodes", "Nodes to commit, at most", "nodes", 0, 100, 1, "Price")
    mean: float = _input(12.0, "mean", "Mean of the month", "requests/s", 0.1, 1000, 0.1, "Traffic")
    peak: float = _input(30.0, "peak", "Peak", "requests/s", 0.1, 1000, 0.1, "Traffic")
    offline: float = _input(30.0, "offline", "Offline jobs", "% of requests", 0, 100, 1, "Traffic")
    routable: float = _input(45.0, "route", "Work for the small model", "% of requests", 0, 100, 1, "Traffic")
    fallback: float = _input(0.0, "fallback", "Falls back to the large model", "% of that", 0, 100, 1, "Traffic")
    growth: float = _input(5.0, "growth", "Growth of traffic", "% a month", 0, 20, 0.5, "Traffic")
    bf16_rate: float = _input(3.0, "rate16", "BF16 replica", "requests/s", 0.1, 100, 0.1, "Capacity")
    bf16_gpus: int = _input(4, "gpus16", "GPUs of a BF16 replica", "GPUs", 1, 8, 1, "Capacity")
    fp8_rate: float = _input(2.4, "rate8", "FP8 replica", "requests/s", 0.1, 100, 0.1, "Capacity")
    fp8_gpus: int = _input(2, "gpus8", "GPUs of an FP8 replica", "GPUs", 1, 8, 1, "Capacity")
    small_rate: float = _input(8.0, "small", "Small model, one GPU", "requests/s", 0.1, 200, 0.1, "Capacity")
    node_gpus: int = _input(8, "node", "GPUs in a node", "GPUs", 1, 16, 1, "Fleet")
    spare_nodes: int = _input(1, "spare", "Nodes that may be down", "nodes", 0, 5, 1, "Fleet")
    # fmt: on

    def __post_init__(self) -> None:
        """Raise ValueError that names every fault and its mend."""
        if faults := faults_of({f.name: getattr(self, f.name) for f in fields(self)}):
            raise ValueError("; ".join(faults))


SPECS: dict[str, Spec] = {f.name: f.metadata["spec"] for f in fields(Inputs)}
"""By field, in the order of the form."""

DEFAULTS: dict[str, float] = {f.name: f.default for f in fields(Inputs)}  # type: ignore[misc]


def faults_of(values: dict[str, float]) -> list[str]:
    """Return what is wrong with the values of all fields, as sentences; empty if they can be computed with."""
    faults = []
    for name, value in values.items():
        spec = SPECS[name]
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or not spec.low <= value <= spec.high:
            faults.append(f"{spec.label} is {value!r}: give a number from {spec.low:g} to {spec.high:g}")
        elif isinstance(DEFAULTS[name], int) and value != int(value):
            faults.append(f"{spec.label} is {value!r}: give a whole number")
    if faults:
        return faults
    if values["peak"] < values["mean"]:
        faults.append("The peak is below the mean: raise the peak or lower the mean")
    if values["offline"] + values["routable"] > 100:
        faults.append("Offline jobs and work for the small model are over 100% together: lower one of them")
    if max(values["bf16_gpus"], values["fp8_gpus"]) > values["node_gpus"]:
        faults.append("A replica has more GPUs than a node: raise the node or lower the replica")
    return faults
