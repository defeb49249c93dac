"""Work on all cores: in order, done on a machine too short of memory for it, and ended with the build."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from macros import cores


def _worked_by(number: int) -> tuple[int, int]:
    return number, os.getpid()


def _killed_at_five(number: int) -> int:
    """What a machine does whose memory does not hold the process that works, and holds this one."""
    if number == 5 and multiprocessing.parent_process():
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def _refused(number: int) -> int:
    if number == 3:
        raise LookupError(number)
    return number


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.mark.parametrize("many", [8, 9])
def test_other_processes_work_where_there_is_much(many: int) -> None:
    numbers, workers = zip(*cores.on_all(_worked_by, range(8), many), strict=True)
    assert numbers == tuple(range(8))
    assert (os.getpid() in workers) == (many > 8)


def test_one_core_has_no_use_for_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert {worker for _, worker in cores.on_all(_worked_by, range(8), 2)} == {os.getpid()}


def test_what_a_killed_worker_leaves_is_done_here() -> None:
    assert list(cores.on_all(_killed_at_five, range(9), 2)) == list(range(9))


@pytest.mark.parametrize("many", [2, 9])
def test_an_error_is_that_of_the_work(many: int) -> None:
    with pytest.raises(LookupError, match="3"):
        list(cores.on_all(_refused, range(8), many))


WORKING = """\
import multiprocessing, os, sys
from concurrent.futures import ProcessPoolExecutor
from macros.cores import end_with_parent

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=end_with_parent) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        sys.stdin.readline()
"""


def test_no_worker_outlives_a_build_that_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "working.py"
    program.write_text(WORKING, encoding="utf-8")
    build = subprocess.Popen(
        [sys.executable, str(program)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert build.stdout
    worker = int(build.stdout.readline())
    build.kill()
    try:
        # The worker writes to the same pipe, which ends when both have.
        build.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.kill(worker, signal.SIGKILL)
        pytest.fail("the worker waits on")
