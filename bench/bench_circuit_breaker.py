"""What the breaker costs a call, against making the call without one."""

from __future__ import annotations

import pytest

from examples.circuit_breaker.breaker import Breaker, Rejected
from examples.circuit_breaker.machine import State
from examples.circuit_breaker.verdict import Fault, ProviderFault


def call() -> int:
    """Stands for the call itself, as small as it gets."""
    return 1


def guarded(breaker: Breaker) -> int:
    with breaker.attempt() as attempt:
        result = call()
        attempt.started()
        attempt.finished()
        return result


def refused(breaker: Breaker) -> None:
    try:
        with breaker.attempt():
            call()
    except Rejected:
        pass


@pytest.mark.benchmark(group="circuit-breaker")
def bench_nothing(benchmark):
    assert benchmark(call) == 1


@pytest.mark.benchmark(group="circuit-breaker")
def bench_closed(benchmark):
    """A call that succeeds: permit, first token, finish, and the thresholds looked at."""
    breaker = Breaker(("a", "us"))
    assert benchmark(guarded, breaker) == 1
    assert breaker.state is State.CLOSED


@pytest.mark.benchmark(group="circuit-breaker")
def bench_open(benchmark):
    """A call that is refused."""
    breaker = Breaker(("a", "us"), clock=lambda: 0.0)
    for _ in range(20):
        try:
            with breaker.attempt():
                raise ProviderFault(Fault.STALL)
        except ProviderFault:
            pass
    assert breaker.state is State.OPEN
    benchmark(refused, breaker)


@pytest.mark.benchmark(group="circuit-breaker")
def bench_night(benchmark):
    """The dearest look: a call a second, so that the window is walked back twenty buckets."""
    seconds = iter(range(10**9))
    now = [0.0]

    def tick() -> float:
        return now[0]

    breaker = Breaker(("a", "us"), clock=tick)

    def one() -> int:
        now[0] = float(next(seconds))
        return guarded(breaker)

    assert benchmark(one) == 1
