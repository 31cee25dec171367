"""Machines to reach over SSH: an sshd each, in namespaces that look like a machine of its own, joined by a bridge in
another one. Everything ends with the processes that hold the namespaces.

Each has its own network, processes, mounts, control groups (where those can be had) and /var/lib, and three users with
the same key: root, `tester`, who may use sudo without a password, and `nosudo`, who may not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "linux")]

from namespaces import Namespace  # noqa: E402 - the path comes first

from harness.clusters.linux import addresses, commands  # noqa: E402
from harness.target import NodeService  # noqa: E402

SCRIPT = r"""
set -e
read joined
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/lib
mkdir -p /run/sshd
for file in passwd shadow group; do mount --bind "$PLACE/$file" "/etc/$file"; done
mount --bind "$PLACE/sudoers.d" /etc/sudoers.d
if [ -n "$GROUPS_OF" ]; then
    mount -t tmpfs tmpfs /sys/fs/cgroup
    for each in memory cpu; do mkdir /sys/fs/cgroup/$each; mount -t cgroup -o $each cgroup /sys/fs/cgroup/$each; done
fi
hostname "$NAME"
ip link set lo up
ip address add "$ADDRESS/24" dev eth0
ip link set eth0 up
exec /usr/sbin/sshd -D -f "$PLACE/sshd_config" -E "$PLACE/sshd.log"
"""

CONFIG = """
Port 22
ListenAddress {address}
HostKey {place}/host_key
AuthorizedKeysFile {place}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication {passwords}
KbdInteractiveAuthentication no
PermitRootLogin yes
"""

USERS = "tester:x:4242:4242::{home}:/bin/sh\nnosudo:x:4243:4243::{home}:/bin/sh\n"


@dataclass
class RigMachine:
    """One machine."""

    name: str
    address: str
    place: Path
    process: subprocess.Popen[bytes]

    @property
    def init(self) -> int:
        """The first process in its pid namespace, as seen from here."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return int(children.split()[0])

    def run(self, *argv: str) -> str:
        """What a program says that is run there, as root."""
        done = commands.run(["nsenter", "-t", str(self.init), "-a", "--", *argv], b"", 20)
        assert done.code == 0, (argv, done)
        return done.out.decode()

    def set_password(self, password: str) -> None:
        """Gives root one, where sshd looks for it."""
        hashed = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"], input=password, capture_output=True, text=True, check=True
        ).stdout.strip()
        shadow = self.place / "shadow"
        text = shadow.read_text()
        with shadow.open("r+") as file:  # the file itself, which is mounted over the machine's own
            file.write(text.replace("root:*:", f"root:{hashed}:", 1))

    def traces(self) -> dict[str, Any]:
        """Whatever a run could leave there."""
        return {
            "rules": self.run("nft", "list", "ruleset"),
            "queues": self.run("tc", "qdisc", "show", "dev", "eth0"),
            "files": self.run("find", "/var/lib", "/run/splitbrain", "-maxdepth", "2", "-path", "*splitbrain*")
            if Path(f"/proc/{self.init}/root/run/splitbrain").exists()
            else self.run("find", "/var/lib", "-maxdepth", "2", "-path", "*splitbrain*"),
            "groups": self.run("find", "/sys/fs/cgroup", "-maxdepth", "3", "-name", "splitbrain_*"),
            "programs": [line for line in self.run("ps", "-eo", "args").splitlines() if "python3" in line],
            "mounts": [line for line in self.run("cat", "/proc/mounts").splitlines() if "splitbrain" in line],
        }

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Rig:
    """All of them, and how to get in."""

    machines: dict[str, RigMachine]
    switch: Namespace
    key: Path
    known_hosts: Path
    controller: str

    def hosts(self, user: str = "root") -> list[str]:
        return [f"{user}@{machine.address}:22" for machine in self.machines.values()]

    def options(self, user: str = "root", **more: Any) -> dict[str, Any]:
        """Options of an ssh cluster."""
        access = {"key": str(self.key), "known_hosts": str(self.known_hosts)}
        return {"hosts": self.hosts(user), **access, **more}

    def fingerprint(self, name: str) -> str:
        """Of a machine's host key, as ssh-keygen tells it."""
        file = self.machines[name].place / "host_key.pub"
        said = subprocess.run(["ssh-keygen", "-lf", str(file)], capture_output=True, text=True, check=True)
        return said.stdout.split()[1]

    def link(self, name: str, state: str) -> None:
        """Pulls a machine's plug (`down`), or puts it in again (`up`)."""
        self.switch.must("ip", "link", "set", f"p-{name}", state)


class Target:
    """As much of a target as a cluster looks at."""

    name = "beating"

    def __init__(self, **options: Any) -> None:
        self.service = NodeService("beating_node:Beating", packages=("beating_node",), options=options)


def problem() -> str | None:
    """Why no such machines can be made here."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "machines in namespaces need root on Linux"
    needed = ("ip", "tc", "nft", "nsenter", "unshare", "sshd", "sudo", "ssh-keygen", "openssl")
    missing = [program for program in needed if commands.found(program) is None]
    return f"{', '.join(missing)} not installed" if missing else None


@contextmanager
def rig(count: int = 3) -> Iterator[Rig]:
    """So many machines n1, n2, ..."""
    assert problem() is None, problem()
    # pytest's own temporary directories are for one user alone, and others' logins read their keys here.
    with tempfile.TemporaryDirectory(prefix="splitbrain-rig-") as name:
        Path(name).chmod(0o755)
        with _rig(Path(name), count) as made:
            yield made


@contextmanager
def _rig(directory: Path, count: int) -> Iterator[Rig]:
    subnet = addresses.free(addresses.routed())
    key = directory / "key"
    keygen(key)
    made: dict[str, RigMachine] = {}
    switch = Namespace("switch", "")
    outside = f"sbt{os.getpid()}"
    groups = _groups(outside)
    try:
        switch.must("ip", "link", "add", "hub", "type", "bridge", "forward_delay", "0")
        switch.must("ip", "link", "set", "hub", "up")
        commands.run(
            ["ip", "link", "add", outside, "type", "veth", "peer", "name", "p-outside", "netns", str(switch.holder.pid)]
        )
        switch.must("ip", "link", "set", "p-outside", "master", "hub", "up")
        for words in (["address", "add", f"{subnet[2]}/24", "dev", outside], ["link", "set", outside, "up"]):
            assert commands.run(["ip", *words]).code == 0
        for index in range(count):
            name, address = f"n{index + 1}", addresses.node_address(subnet, index)
            made[name] = _machine(name, address, directory / name, key, switch, groups)
        for machine in made.values():
            _wait(machine)
        known_hosts = directory / "known_hosts"
        keys = [(machine.address, (machine.place / "host_key.pub").read_text().split()) for machine in made.values()]
        known_hosts.write_text("".join(f"{address} {words[0]} {words[1]}\n" for address, words in keys))
        yield Rig(made, switch, key, known_hosts, str(subnet[2]))
    finally:
        for machine in made.values():
            machine.close()
        switch.close()
        commands.run(["ip", "link", "del", outside])
        for group in groups:
            _remove_groups(group)


def _machine(name: str, address: str, place: Path, key: Path, switch: Namespace, groups: Sequence[Path]) -> RigMachine:
    place.mkdir()
    place.chmod(0o755)
    keygen(place / "host_key")
    shutil.copy(key.with_suffix(".pub"), place / "authorized_keys")
    config = CONFIG.format(address=address, place=place, passwords="yes")
    (place / "sshd_config").write_text(config)
    (place / "home").mkdir()
    users = USERS.format(home=place / "home")
    (place / "passwd").write_text("root:x:0:0:root:/nonexistent:/bin/sh\n" + _without_root("/etc/passwd") + users)
    shadow = "root:*:19000:0:99999:7:::\n" + _without_root("/etc/shadow")
    (place / "shadow").write_text(shadow + "tester:*:19000:0:99999:7:::\nnosudo:*:19000:0:99999:7:::\n")
    (place / "shadow").chmod(0o600)
    (place / "group").write_text(Path("/etc/group").read_text() + "tester:x:4242:\nnosudo:x:4243:\n")
    (place / "sudoers.d").mkdir()
    (place / "sudoers.d" / "tester").write_text("tester ALL=(ALL) NOPASSWD: ALL\n")
    (place / "sudoers.d" / "tester").chmod(0o440)
    own = [group / name for group in groups]
    for group in own:
        group.mkdir()
    enter = "".join(f"echo $$ > {group}/cgroup.procs; " for group in own)
    namespaces = ["--net", "--mount", "--pid", "--uts", "--ipc", *(["--cgroup"] if own else [])]
    unshare = " ".join(
        ["exec", "unshare", *namespaces, "--fork", "--kill-child", "--mount-proc", "sh", "-c", '"$SCRIPT"']
    )
    process = subprocess.Popen(
        ["sh", "-c", enter + unshare],
        stdin=subprocess.PIPE,
        env={
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "SCRIPT": SCRIPT,
            "PLACE": str(place),
            "NAME": name,
            "ADDRESS": address,
            "GROUPS_OF": name if own else "",
        },
    )
    machine = RigMachine(name, address, place, process)
    ours = Path("/proc/self/ns/net").readlink()
    for _ in range(1000):
        with suppress(OSError):
            if Path(f"/proc/{process.pid}/ns/net").readlink() != ours:
                break
        time.sleep(0.005)
    pair = ["type", "veth", "peer", "name", "eth0", "netns", str(process.pid)]
    done = commands.run(["nsenter", f"--net=/proc/{switch.holder.pid}/ns/net", "ip", "link", "add", f"p-{name}", *pair])
    assert done.code == 0, done
    switch.must("ip", "link", "set", f"p-{name}", "master", "hub", "up")
    assert process.stdin
    process.stdin.write(b"joined\n")
    process.stdin.close()
    return machine


def _wait(machine: RigMachine) -> None:
    import socket

    for _ in range(500):
        with suppress(OSError), socket.create_connection((machine.address, 22), timeout=1):
            return
        time.sleep(0.02)
    log = machine.place / "sshd.log"
    raise AssertionError(log.read_text() if log.exists() else f"{machine.name} has no sshd")


def keygen(file: Path) -> None:
    """A key without a passphrase."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(file)], check=True)


def _without_root(file: str) -> str:
    return "".join(line for line in Path(file).read_text().splitlines(keepends=True) if not line.startswith("root:"))


def _groups(name: str) -> list[Path]:
    """Groups of version 1 in which the machines' own trees are rooted; none where they cannot be had."""
    found = []
    for controller in ("memory", "cpu"):
        top = Path("/sys/fs/cgroup", controller)
        if not (top / "cgroup.procs").exists():
            return []
        group = top / name
        group.mkdir()
        found.append(group)
    return found


def _remove_groups(group: Path) -> None:
    for directory in sorted(group.rglob("*/"), key=lambda path: -len(path.parts)):
        with suppress(OSError):
            directory.rmdir()
    for _ in range(50):
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.02)
