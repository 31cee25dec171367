"""A node's first process: it starts what the node runs, and buries what dies there.

It is forked from the agent, makes the node's namespaces and becomes their init. All the node's programs are its
children or, once orphaned, handed to it by the kernel; when it dies, they all do.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.clusters.linux import namespaces

REQUEST_BYTES_MAX = 1 << 20

OOM_SCORE_ADJ = 500
"""What runs on a node is the first to go when memory runs out, and not the controller that tells of it (proc(5))."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a node's namespaces are to look like. `hosts` is the file that it sees as /etc/hosts, `links` commands for
    `ip -batch`; None leaves the node the network and the host name of the machine it is on."""

    name: str
    hosts: str
    links: str | None

    @property
    def namespaces(self) -> int:
        """Those that the node has of its own."""
        own = namespaces.NEWNS | namespaces.NEWIPC | namespaces.NEWPID
        return own if self.links is None else own | namespaces.NEWNET | namespaces.NEWUTS


def start(setting: Setting, requests: socket.socket) -> int:
    """Forks the init of a new node and returns its pid, once its namespaces exist. It then waits for one byte before it
    makes itself at home, since `links` may speak of what somebody else has yet to put there. Raises OSError. The caller
    is single-threaded, and owns the other end of `requests`."""
    read, write = os.pipe()
    middle = os.fork()
    if middle == 0:
        _die_after(_unshare_and_fork, setting, requests, write)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    os.waitpid(middle, 0)
    if not said.startswith(b"pid "):
        raise OSError(0, said.decode() or "it died")
    return int(said.split()[1])


def _unshare_and_fork(setting: Setting, requests: socket.socket, pipe: int) -> None:
    try:
        namespaces.unshare(setting.namespaces)
        child = os.fork()
    except OSError as problem:
        os.write(pipe, str(problem.strerror).encode())
        return
    if child:
        # The only one to know by which number the agent sees the init.
        os.write(pipe, f"pid {child}".encode())
        return
    os.close(pipe)
    _live(setting, requests)


def _live(setting: Setting, requests: socket.socket) -> None:
    for descriptor in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 - names are all that is wanted
        if descriptor > 2 and descriptor != requests.fileno():
            with suppress(OSError):  # it was that of the listing
                os.close(descriptor)
    requests.recv(1)
    try:
        _furnish(setting)
    except (OSError, subprocess.SubprocessError) as problem:
        requests.send(json.dumps({"error": str(problem)}).encode())
        return
    requests.send(b"{}")
    signal.signal(signal.SIGCHLD, _bury)
    while True:
        raw, descriptors, _, _ = socket.recv_fds(requests, REQUEST_BYTES_MAX, 1)
        if not raw:
            return
        answer = _spawn(json.loads(raw), descriptors[0])
        os.close(descriptors[0])
        requests.send(json.dumps(answer).encode())


def _furnish(setting: Setting) -> None:
    Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE_ADJ), encoding="ascii")  # its children inherit it
    namespaces.receive_mounts_only()
    namespaces.mount_proc()
    namespaces.mount(setting.hosts, "/etc/hosts", None, namespaces.MS_BIND)
    if setting.links is None:
        return
    namespaces.set_host_name(setting.name)
    for which in ("all", "default"):
        # Rules are for IPv4 addresses: nodes must not find one another over link-local IPv6.
        setting_file = Path(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6")
        if setting_file.exists():
            setting_file.write_text("1", encoding="ascii")
    done = subprocess.run(
        ["ip", "-batch", "-"], input=setting.links, capture_output=True, text=True, timeout=10, check=False
    )
    if done.returncode:
        raise OSError(0, f"ip: {done.stderr.strip()}")


def _spawn(request: Mapping[str, Any], log: int) -> dict[str, Any]:
    # Popen reports in the parent what keeps the child from executing its program.
    try:
        child = subprocess.Popen(
            request["argv"],
            env=request["env"],
            cwd=request["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    except OSError as problem:
        return {"error": f"{request['argv'][0]}: {problem.strerror}"}
    child.returncode = 0  # `_bury` sees to it
    return {"pid": child.pid}


def _bury(number: int, frame: object) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _die_after(act: Any, *arguments: Any) -> None:
    """Runs something and ends this process there, whatever happens: it is a copy of another one, which is to know
    nothing of it."""
    try:
        act(*arguments)
    finally:
        os._exit(0)
