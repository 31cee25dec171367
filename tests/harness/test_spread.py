"""Work spread over processes: order, news, failures, and that nobody is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError, UsageError
from harness.parallel import Task, spread

ROOT = Path(__file__).parents[2]


def double(task: Any, tell: Callable[[Any], None]) -> Any:
    """A task is a number, or what shall go wrong."""
    tell(("began", task))
    match task:
        case "die":
            return os._exit(3)
        case "refuse":
            raise UsageError("asked for the impossible")
        case "break":
            raise ZeroDivisionError
        case "sleep":
            return time.sleep(600)
        case _:
            return 2 * task


def given(tasks: dict[str, Any]) -> list[Task]:
    """Each of them to be doubled."""
    return [Task(name, double, (task,)) for name, task in tasks.items()]


def nothing(*_: Any) -> None:
    """Hears and forgets."""


def test_results_come_in_the_order_of_the_tasks_whoever_ends_first() -> None:
    heard: list[tuple[str, Any]] = []
    done: list[str] = []
    tasks = {f"t{number}": number for number in range(7)}
    found = spread(given(tasks), 3, lambda name, news: heard.append((name, news)), done.append)
    assert list(found.items()) == [(name, 2 * number) for name, number in tasks.items()]
    assert sorted(heard) == [(name, ("began", number)) for name, number in tasks.items()]
    assert sorted(done) == list(tasks)


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ("refuse", "bad: asked for the impossible"),
        ("break", "ZeroDivisionError"),
        ("die", "bad: its process ended with exit code 3"),
    ],
)
def test_what_fails_is_told_and_the_others_are_ended(task: str, why: str) -> None:
    with pytest.raises(HarnessError, match=why):
        spread(given({"bad": task, "long": "sleep"}), 2, nothing, nothing)


def test_workers_do_not_outlive_a_killed_controller() -> None:
    script = (
        "import time\nfrom harness.parallel import spread\nfrom tests.harness.test_spread import given\n"
        "def hear(name, news):\n    print(name, flush=True)\n    time.sleep(600)\n"
        "if __name__ == '__main__':\n    spread(given({'a': 1, 'b': 2}), 2, hear, print)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    controller = subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, start_new_session=True
    )
    assert controller.stdout is not None
    assert controller.stdout.readline()
    controller.kill()
    controller.wait()
    controller.stdout.close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(controller.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(controller.pid, signal.SIGKILL)
    pytest.fail("a worker lives on")
