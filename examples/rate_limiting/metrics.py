"""What the limiter tells its operators: counters and one histogram, in Prometheus's text format.

No label names a user, an organization or a reservation: a million users would be a million series, and a metrics
store is no place for who used what.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from threading import Lock
from typing import NamedTuple

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Upper bounds of the histogram: a store in the same region answers in the first, a reserve gives up at 0.05."""


class Family(NamedTuple):
    """A metric's type, its labels, and its help."""

    kind: str
    labels: tuple[str, ...]
    help: str


# --8<-- [start:metrics]
FAMILIES = {
    "ratelimit_decisions_total": Family(
        "counter", ("outcome", "tier", "bucket", "source"), "Answers; source is store, cache, local or none."
    ),
    "ratelimit_store_errors_total": Family(
        "counter", ("call", "error"), "Calls that failed or were skipped."
    ),
    "ratelimit_store_seconds": Family(
        "histogram", ("call",), "Time of a call to the store, failed ones too."
    ),
    # Scope is user or organization: what both pay for counts once for each, under its own tier.
    "ratelimit_reserved_tokens_total": Family("counter", ("tier", "scope"), "Tokens of settled holds."),
    "ratelimit_used_tokens_total": Family("counter", ("tier", "scope"), "Tokens really used by them."),
    "ratelimit_written_off_tokens_total": Family("counter", ("tier", "scope"), "Used beyond the debt."),
    "ratelimit_holds_lost_total": Family("counter", (), "Settles given up: they count as used in full."),
}
# --8<-- [end:metrics]


class Metrics:
    """One process's counts. Thread-safe. A name or label that is not declared raises KeyError."""

    def __init__(self) -> None:
        self._lock = Lock()
        # A series without labels is there from the start: increase() does not see a first value come from nowhere.
        self._counts: defaultdict[tuple[str, tuple[str, ...]], float] = defaultdict(
            float, {(name, ()): 0.0 for name, family in FAMILIES.items() if not family.labels}
        )
        self._times: defaultdict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(
            lambda: [0] * (len(BUCKETS_S) + 1)
        )

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Count ``amount`` more."""
        key = name, _values(name, labels)
        with self._lock:
            self._counts[key] += amount

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Note one duration."""
        key = name, _values(name, labels)
        with self._lock:
            self._times[key][bisect_left(BUCKETS_S, seconds)] += 1
            self._counts[key] += seconds

    def value(self, name: str, **labels: str) -> float:
        """Return a counter's value, or a histogram's sum."""
        with self._lock:
            return self._counts.get((name, _values(name, labels)), 0)

    def text(self) -> str:
        """Return all of it in the text exposition format, version 0.0.4."""
        with self._lock:
            counts, times = dict(self._counts), {key: list(marks) for key, marks in self._times.items()}
        lines = []
        for name, family in FAMILIES.items():
            lines += [f"# HELP {name} {family.help}", f"# TYPE {name} {family.kind}"]
            for (_, values), amount in sorted(item for item in counts.items() if item[0][0] == name):
                labels = dict(zip(family.labels, values, strict=True))
                if family.kind == "counter":
                    lines.append(f"{name}{_labels(labels)} {amount:.15g}")
                    continue
                marks, total = times[name, values], 0
                for bound, count in zip((*BUCKETS_S, "+Inf"), marks, strict=True):
                    total += count
                    lines.append(f"{name}_bucket{_labels({**labels, 'le': str(bound)})} {total}")
                lines += [
                    f"{name}_sum{_labels(labels)} {amount:.15g}",
                    f"{name}_count{_labels(labels)} {total}",
                ]
        return "\n".join((*lines, ""))


def _values(name: str, labels: dict[str, str]) -> tuple[str, ...]:
    declared = FAMILIES[name].labels
    if labels.keys() != set(declared):
        raise KeyError(f"{name} has the labels {declared}, not {tuple(labels)}")
    return tuple(labels[label] for label in declared)


def _labels(labels: dict[str, str]) -> str:
    """Tiers, outcomes and class names are ours: none has a quote, a backslash or a line break to escape."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}" if labels else ""
