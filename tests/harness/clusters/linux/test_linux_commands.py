from __future__ import annotations

import pytest

from harness.clusters.linux import commands
from harness.errors import ClusterError


def test_a_program_gets_its_input_and_answers_with_code_and_both_outputs() -> None:
    done = commands.run(["sh", "-c", "cat; echo no >&2; exit 3"], b"hello")
    assert (done.code, done.out, done.err) == (3, b"hello", b"no\n")
    assert done.complaint == "no"


def test_a_program_without_a_complaint_is_told_by_its_exit_code() -> None:
    assert commands.run(["false"]).complaint == "exit status 1"


def test_arguments_reach_no_shell() -> None:
    assert commands.run(["echo", "$(id); `id`"]).out == b"$(id); `id`\n"


def test_what_is_not_there_or_does_not_end_is_told() -> None:
    with pytest.raises(ClusterError, match="no-such-program is not installed"):
        commands.run(["no-such-program"])
    with pytest.raises(ClusterError, match=r"sleep did not answer within 0\.1 s"):
        commands.run(["sleep", "5"], timeout_s=0.1)
