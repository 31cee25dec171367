from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clusters.linux import processes


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as made:
        yield made
        made.kill()


@given(
    command=st.text(st.characters(blacklist_characters="\0"), min_size=1, max_size=15),
    state=st.sampled_from("RSDZTtXI"),
)
def test_a_command_may_look_like_the_rest_of_the_line(command: str, state: str) -> None:
    rest = " ".join(str(number) for number in range(1, 50))
    assert processes.parse_stat(f"42 ({command}) {state} {rest}\n") == processes.Process(42, command, state, 1, 19)


def test_this_very_process_is_running_and_a_child_of_its_parent() -> None:
    own = processes.read(os.getpid())
    assert (own.pid, own.parent, own.state) == (os.getpid(), os.getppid(), "R")
    assert processes.alive(os.getpid())
    assert os.getpid() in processes.in_namespace(processes.pid_namespace(os.getpid()))
    assert {thread.pid for thread in processes.threads(os.getpid())} >= {os.getpid()}


def test_a_process_that_is_stopped_goes_on_and_dies(child: subprocess.Popen[bytes]) -> None:
    processes.send([child.pid], signal.SIGSTOP)
    assert processes.wait_stopped([child.pid], 5) == []
    assert processes.stopped(child.pid) and processes.state(child.pid) == "T"
    assert processes.command_line(child.pid) == ["sleep", "60"]
    processes.send([child.pid], signal.SIGCONT)
    assert not processes.stopped(child.pid)
    assert processes.wait_gone([child.pid], 0.02) == [child.pid]
    processes.send([child.pid], signal.SIGKILL)
    assert processes.wait_gone([child.pid], 5) == []
    # Not reaped yet: a zombie is there, and is nobody.
    assert processes.state(child.pid) == "Z"
    assert not processes.alive(child.pid) and not processes.stopped(child.pid)
    assert child.pid not in processes.in_namespace(processes.pid_namespace(os.getpid()))
    assert processes.command_line(child.pid) == []
    child.wait()
    assert processes.state(child.pid) == "X"
    processes.send([child.pid], signal.SIGKILL)
    for look in (processes.read, processes.threads, processes.command_line, processes.pid_namespace):
        with pytest.raises(ProcessLookupError):
            look(child.pid)
