"""An hourly week of traffic, to see that deferred work really meets its deadline.

The shape is an assumption that keeps to the setting's three figures: mean 12, peak 30 on weekday afternoons, trough 4.
"""

from __future__ import annotations

from collections import deque

from examples.cost_optimization.inputs import Inputs
from examples.cost_optimization.model import Plan, demand

# fmt: off
WEEKDAY = (5, 4, 4, 4, 4, 5, 7, 10, 14, 18, 21, 23, 25, 28, 30, 30, 27, 22, 16, 12, 9, 7, 6, 5)
WEEKEND = (5, 4, 4, 4, 4, 4, 5, 6, 7, 8, 9, 9, 10, 10, 10, 10, 9, 9, 8, 8, 7, 7, 6, 5)
# fmt: on
WEEK = tuple(map(float, WEEKDAY * 5 + WEEKEND * 2))
"""Requests/s in each hour, from Monday at midnight."""


def longest_wait(inputs: Inputs, plan: Plan, week: tuple[float, ...] = WEEK, weeks: int = 3) -> int:
    """Return the whole hours that the unluckiest deferred job waits, served in order of arrival on what is left.

    Hours are counted from one on the clock to another, so the true wait is less than the result plus one. Capacity is that of the replicas that the sizing rule demands while the spare nodes are lost, for the whole time. Raise
    ValueError if it cannot even carry what must be served at once.
    """
    need = demand(inputs, plan)
    capacity = need.large * (inputs.fp8_rate if plan.fp8 else inputs.bf16_rate)
    offline = inputs.offline / 100
    to_small = inputs.routable / 100 if plan.route else 0.0
    interactive = 1 - offline - to_small + to_small * (inputs.fallback / 100)
    queue: deque[list[float]] = deque()
    worst = 0
    for hour, rate in enumerate(week * weeks):
        left = capacity - rate * interactive
        if left < -1e-9:
            raise ValueError(
                f"hour {hour}: {rate * interactive:.2f} requests/s must be served, {capacity:.2f} can be"
            )
        queue.append([hour, rate * offline])
        while queue and left > 1e-12:
            served = min(left, queue[0][1])
            left -= served
            queue[0][1] -= served
            if queue[0][1] <= 1e-12:
                worst = max(worst, hour - int(queue.popleft()[0]))
    if queue:
        worst = max(worst, len(week) * weeks - int(queue[0][0]))
    return worst
