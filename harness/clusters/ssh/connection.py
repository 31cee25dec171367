"""Getting into a machine: host keys are checked, passwords come from the environment alone, and what is refused is told
in one sentence."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.clusters.ssh.hosts import PORT, Access, Host
from harness.errors import ClusterError, UsageError

if TYPE_CHECKING:
    from paramiko import MissingHostKeyPolicy, PKey, SSHClient

TIMEOUT_S = 15.0

PASSWORD = "SPLITBRAIN_SSH_PASSWORD"
PASSPHRASE = "SPLITBRAIN_SSH_PASSPHRASE"

_LOG = "splitbrain.ssh"


def problem() -> str | None:
    """Why no machine can be reached from here, or None."""
    try:
        import paramiko  # noqa: F401
    except ImportError as missing:
        return f"paramiko cannot be imported: {missing}"
    return None


def connect(host: Host, access: Access, *, silence_s: float) -> SSHClient:
    """An authenticated connection, which ends when the other side has been silent to what was sent for `silence_s`.
    Raises `ClusterError`, or `UsageError` for files that are not there."""
    import paramiko

    client = paramiko.SSHClient()
    _keep_quiet(client)
    trusted = _trust(client, access)
    client.set_missing_host_key_policy(_policy(host, trusted, access.accept_new))
    link = _dial(host, silence_s)
    try:
        client.connect(
            host.name,
            port=host.port,
            username=host.user,
            password=os.environ.get(PASSWORD),
            passphrase=os.environ.get(PASSPHRASE),
            key_filename=_existing(access.key, "key"),
            # A machine that was given a key is not tried with all the others: it may hang up after a few.
            allow_agent=access.key is None,
            look_for_keys=access.key is None,
            sock=link,
            timeout=TIMEOUT_S,
            banner_timeout=TIMEOUT_S,
            auth_timeout=TIMEOUT_S,
        )
    except paramiko.BadHostKeyException as changed:
        raise _given_up(
            client,
            link,
            f"{host} has another host key than {trusted} says: {_fingerprint(changed.key)} instead of "
            f"{_fingerprint(changed.expected_key)}. Either it was set up anew (then remove the old line), or somebody "
            f"stands in between",
        ) from None
    except paramiko.PasswordRequiredException:
        raise _given_up(
            client, link, f"the key for {host} has a passphrase: use an SSH agent, or set {PASSPHRASE}"
        ) from None
    except paramiko.AuthenticationException as refused:
        raise _given_up(client, link, f"{host} lets nobody in: {_line(refused)}") from None
    except (paramiko.SSHException, OSError, EOFError, ValueError) as failed:
        raise _given_up(client, link, f"{host} cannot be reached over SSH: {_line(failed)}") from None
    except BaseException:
        client.close()
        link.close()
        raise
    return client


def _given_up(client: SSHClient, link: socket.socket, why: str) -> ClusterError:
    client.close()
    link.close()
    return ClusterError(why)


def _policy(host: Host, trusted: Path, accept_new: bool) -> MissingHostKeyPolicy:
    """What becomes of a machine whose key nobody has seen before: it is refused, or its key is written down."""
    from paramiko import MissingHostKeyPolicy

    class Policy(MissingHostKeyPolicy):
        def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
            if not accept_new:
                raise ClusterError(_unknown(host, trusted, key))
            try:
                trusted.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with trusted.open("a", encoding="ascii") as file:
                    fcntl.flock(file, fcntl.LOCK_EX)
                    file.write(f"{hostname} {key.get_name()} {key.get_base64()}\n")
            except OSError as problem:
                raise ClusterError(f"cannot write the host key of {host} to {trusted}: {problem.strerror}") from problem

    return Policy()


def _unknown(host: Host, trusted: Path, key: PKey) -> str:
    port = "" if host.port == PORT else f"-p {host.port} "
    return (
        f"the host key of {host} is not known: {_fingerprint(key)}. Compare that with what the machine itself says "
        f"(ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then add it: "
        f"ssh-keyscan {port}{host.name} >> {trusted}"
    )


def _trust(client: SSHClient, access: Access) -> Path:
    """Loads the trusted keys; returns the file to which one would be added."""
    own = Path(access.known_hosts or "~/.ssh/known_hosts").expanduser()
    if access.known_hosts is None:
        for file in (Path("/etc/ssh/ssh_known_hosts"), own):
            if file.is_file():
                client.load_system_host_keys(str(file))
    elif own.is_file():
        client.load_system_host_keys(str(own))
    elif not access.accept_new:
        raise UsageError(f"the file of known hosts {own} is not there")
    return own


def _existing(file: str | None, option: str) -> str | None:
    if file is None:
        return None
    path = Path(file).expanduser()
    if not path.is_file():
        raise UsageError(f"the ssh cluster's {option} {path} is not there")
    return str(path)


def _dial(host: Host, silence_s: float) -> socket.socket:
    """A socket of our own: without TCP_NODELAY, a request waits 40 ms for the acknowledgement of the one before."""
    try:
        link = socket.create_connection((host.name, host.port), timeout=TIMEOUT_S)
    except OSError as problem:
        raise ClusterError(f"{host} cannot be reached: {problem.strerror or problem}") from problem
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(silence_s * 1000))
    return link


def _fingerprint(key: Any) -> str:
    return f"{key.get_name()} {key.fingerprint}"


def _line(problem: BaseException) -> str:
    """The first line of what somebody else said, without what could talk to a terminal."""
    text = (str(problem) or type(problem).__name__).splitlines()[0]
    return "".join(char if char.isprintable() else "?" for char in text)[:200]


def _keep_quiet(client: SSHClient) -> None:
    """paramiko would write tracebacks of its threads to standard error; what matters is raised as well."""
    log = logging.getLogger(_LOG)
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    client.set_log_channel(_LOG)
