"""Workers: what they answer, what their death costs, and that none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.workers import WorkerDied, Workers

WAIT_S = 30.0


def double(number: int) -> int:
    return 2 * number


def own_pid() -> int:
    return os.getpid()


def die(with_signal: int) -> None:
    os.kill(os.getpid(), with_signal)


def leave() -> None:
    os._exit(7)


def refuse() -> None:
    raise HarnessError("no such luck")


def stumble() -> None:
    raise ZeroDivisionError("oh")


def linger(began: str, ended: str) -> None:
    """Works for a long time, and cleans up when it is interrupted."""
    try:
        Path(began).touch()
        time.sleep(WAIT_S)
    finally:
        Path(ended).touch()


def until(path: Path) -> bool:
    deadline = time.monotonic() + WAIT_S
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return path.exists()


def test_every_task_is_answered_by_as_few_processes_as_there_are_workers() -> None:
    with Workers(2) as workers:
        answers: dict[int, int] = {}
        waiting = list(range(6))
        while waiting or workers.busy:
            while waiting and workers.free:
                number = waiting.pop()
                workers.begin(number, double, number)
            answers |= {done.tag: done.result for done in workers.done(WAIT_S)}
    assert answers == {number: 2 * number for number in range(6)}


def test_a_worker_serves_again_and_again() -> None:
    with Workers(1) as workers:
        pids = set()
        for _ in range(3):
            workers.begin("pid", own_pid)
            pids |= {done.result for done in workers.done(WAIT_S)}
    assert len(pids) == 1
    assert pids != {os.getpid()}


@pytest.mark.parametrize(
    "task, args, words",
    [(die, (signal.SIGKILL,), "its process was ended by SIGKILL"), (leave, (), "its process ended with exit code 7")],
)
def test_a_worker_that_dies_costs_its_own_task_alone(task: object, args: tuple[int, ...], words: str) -> None:
    with Workers(1) as workers:
        workers.begin("dies", task, *args)  # type: ignore[arg-type]
        [done] = workers.done(WAIT_S)
        assert isinstance(done.failure, WorkerDied)
        assert words in str(done.failure)
        workers.begin("lives", double, 4)
        [done] = workers.done(WAIT_S)
        assert done.result == 8


def test_failures_come_back_as_they_are_with_where_they_arose() -> None:
    with Workers(1) as workers:
        workers.begin("refused", refuse)
        [done] = workers.done(WAIT_S)
        assert isinstance(done.failure, HarnessError)
        assert str(done.failure) == "no such luck"
        workers.begin("stumbled", stumble)
        [done] = workers.done(WAIT_S)
        assert isinstance(done.failure, ZeroDivisionError)
        assert "in stumble" in done.traceback


def test_leaving_early_interrupts_what_is_in_hand_and_lets_it_clean_up(tmp_path: Path) -> None:
    began, ended = tmp_path / "began", tmp_path / "ended"
    with Workers(1) as workers:
        workers.begin("long", linger, str(began), str(ended))
        assert until(began)
    assert ended.exists()


def test_a_worker_that_is_not_wanted_as_soon_as_it_starts_ends_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        with Workers(1) as workers:
            workers.begin("never", time.sleep, 30)
    assert capfd.readouterr().err == ""


def test_waiting_ends_in_time() -> None:
    with Workers(1) as workers:
        workers.begin("long", time.sleep, 5)
        assert list(workers.done(0.05)) == []


CONTROLLER = """
import sys
from harness.workers import Workers
from test_workers import linger
if __name__ == "__main__":
    with Workers(1) as workers:
        workers.begin("long", linger, *sys.argv[1:])
        list(workers.done())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_workers_do_not_outlive_a_controller_that_is_ended(tmp_path: Path, how: signal.Signals) -> None:
    began, ended, script = tmp_path / "began", tmp_path / "ended", tmp_path / "controller.py"
    script.write_text(CONTROLLER)
    paths = os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parent)])
    controller = subprocess.Popen(
        [sys.executable, str(script), str(began), str(ended)],
        env={**os.environ, "PYTHONPATH": paths},
        stderr=subprocess.DEVNULL,
    )
    assert until(began)
    controller.send_signal(how)
    controller.wait(WAIT_S)
    assert until(ended)
