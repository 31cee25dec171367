"""What namespaces are refused for, and what they hide: tried in children, which may be put anywhere."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.clusters.linux import namespaces


def settings(place: Path, **values: str) -> Path:
    for name, value in values.items():
        file = place / name.replace("__", "/")
        file.parent.mkdir(exist_ok=True)
        file.write_text(value + "\n", encoding="ascii")
    return place


@pytest.mark.parametrize(
    ("values", "number", "expected"),
    [
        (
            {"kernel__apparmor_restrict_unprivileged_userns": "1"},
            errno.EPERM,
            "apparmor_restrict_unprivileged_userns=0",
        ),
        ({"kernel__unprivileged_userns_clone": "0"}, errno.EPERM, "sysctl kernel.unprivileged_userns_clone=1"),
        ({"user__max_user_namespaces": "0"}, errno.ENOSPC, "user.max_user_namespaces is 0"),
        ({"user__max_user_namespaces": "9"}, errno.ENOSPC, "no user namespaces left"),
        (
            {"kernel__unprivileged_userns_clone": "1"},
            errno.EPERM,
            "gives users no namespaces (Operation not permitted)",
        ),
        ({}, errno.EINVAL, "gives users no namespaces (Invalid argument): run as root"),
    ],
)
def test_a_refusal_names_the_setting_that_refuses(
    tmp_path: Path, values: dict[str, str], number: int, expected: str
) -> None:
    problem = OSError(number, os.strerror(number))
    assert expected in namespaces.refusal(problem, root=False, settings=settings(tmp_path, **values))


def test_root_is_told_what_its_container_lacks() -> None:
    assert "SYS_ADMIN" in namespaces.refusal(PermissionError(errno.EPERM, "Operation not permitted"), root=True)


def test_errors_of_the_kernel_are_told() -> None:
    with pytest.raises(OSError, match="mount /nowhere: No such file"):
        namespaces.mount("none", "/nowhere", "tmpfs", 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else in a user namespace that allows none")
def test_where_users_get_no_namespaces_the_cluster_says_so() -> None:
    # The limit is one of the user namespace it is set in: it is set for nobody else.
    unprivileged = Path(__file__).parents[1] / "unprivileged.py"
    ask = "from harness.clusters.process import ProcessCluster; print(ProcessCluster.probe()['available'])"
    asked = [sys.executable, str(unprivileged), sys.executable, "-c", ask]
    with subprocess.Popen(
        ["unshare", "--user", "sh", "-c", 'read go && exec "$@"', "sh", "sh", "-c", _NONE_ALLOWED, "sh", *asked],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[4],
    ) as child:
        while Path(f"/proc/{child.pid}/ns/user").readlink() == Path("/proc/self/ns/user").readlink():
            time.sleep(0.01)
        for kind in ("uid_map", "gid_map"):
            Path(f"/proc/{child.pid}/{kind}").write_text("0 0 65536", encoding="ascii")
        said, errors = child.communicate("go\n", timeout=60)
    assert "user.max_user_namespaces is 0" in said, said + errors


_NONE_ALLOWED = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
