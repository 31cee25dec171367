"""One machine, as the controller has it: a connection that is kept open, and the agent at its other end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from harness.clusters.linux.agent.protocol import decode, encode, unpack_error
from harness.clusters.linux.agent.remote import Agent
from harness.clusters.linux.agent.streams import StreamChannel
from harness.clusters.ssh import connection, upload
from harness.clusters.ssh.channel import SshStream
from harness.clusters.ssh.hosts import Access, Host
from harness.errors import ClusterError, HarnessError, SplitbrainError

if TYPE_CHECKING:
    from paramiko import Channel, SSHClient

BOOT_TIMEOUT_S = 60.0
LEAVE_TIMEOUT_S = 40.0
_ANSWER_BYTES_MAX = 1 << 20


class Machine:
    """Methods block, but for `attach`. `agent` stays the same through a connection that is made anew."""

    def __init__(self, host: Host, access: Access, run: str, *, lease_s: float = 60.0) -> None:
        self.host = host
        self.agent = Agent(lease_s=lease_s)
        self._access = access
        self._run = run
        self._lease_s = lease_s
        self._client: SSHClient | None = None
        self._channel: Channel | None = None
        self._rest = b""
        self._touched = False

    def open(self, order: Mapping[str, Any], program: bytes) -> dict[str, Any]:
        """Connects, brings the agent, and tells it what to do; returns what it says. Raises what it raised, or
        `ClusterError`, with the machine's name."""
        self.hang_up()
        self._client = connection.connect(self.host, self._access, silence_s=self._lease_s)
        transport = self._client.get_transport()
        assert transport is not None, "connected"
        try:
            channel = transport.open_session(timeout=connection.TIMEOUT_S)
            channel.settimeout(BOOT_TIMEOUT_S)
            channel.exec_command(upload.command(self._run, len(program), sudo=self._sudo()))
            self._touched = True
            return self._converse(channel, program + encode(order))
        except SplitbrainError as problem:
            self.hang_up()
            raise type(problem)(f"{self.host}: {problem}") from None
        except Exception as problem:  # paramiko's own, and whatever a broken transport leaves in its threads
            self.hang_up()
            raise ClusterError(
                f"{self.host}: no agent can be started there: {problem or type(problem).__name__}"
            ) from None

    def attach(self) -> None:
        """Lets the agent be asked from this loop on, until the connection ends."""
        assert self._channel is not None, "open"
        self.agent.attach(StreamChannel(SshStream(self._channel, self._rest)))

    def end(self, program: bytes) -> None:
        """Has everything put back and removed over there, and hangs up. Idempotent. Raises `ClusterError` when nobody
        says that it was."""
        if not self._touched:
            self.hang_up()
            return
        try:
            if not self._stopped():
                self.ask("clean", program)
        except HarnessError as problem:
            raise ClusterError(
                f"{problem}. It puts itself back within {self._lease_s:g} s; `splitbrain clean --hosts {self.host}` "
                "removes the files that are left"
            ) from problem
        finally:
            self.hang_up()
        self._touched = False

    def ask(self, do: str, program: bytes) -> dict[str, Any]:
        """Has an agent `probe` or `clean` the machine, and waits until it is gone; returns what it says. Raises as
        `open`."""
        try:
            answer = self.open({"do": do}, program)
            if not self._exited():
                raise ClusterError(f"{self.host}: the agent that was to {do} does not end")
            return answer
        finally:
            self.hang_up()

    def _stopped(self) -> bool:
        if self._channel is None:
            return False
        try:
            self._channel.sendall(encode({"do": "stop"}))
        except (OSError, EOFError):
            return False
        return self._exited()

    def _exited(self) -> bool:
        """Whether the agent comes to its proper end within some time."""
        channel, client = self._channel, self._client
        transport = client.get_transport() if client is not None else None
        if channel is None or transport is None:
            return False
        deadline = time.monotonic() + LEAVE_TIMEOUT_S
        while not channel.status_event.wait(0.05):
            if not transport.is_active() or time.monotonic() >= deadline:
                return False
        return channel.exit_status == 0

    def _converse(self, channel: Channel, said: bytes) -> dict[str, Any]:
        with suppress(OSError):  # it has ended already, and says why
            channel.sendall(said)
        answer = bytearray()
        while b"\n" not in answer and len(answer) < _ANSWER_BYTES_MAX:
            data = channel.recv(65536)
            if not data:
                raise ClusterError(self._refusal(channel))
            answer += data
        line, _, self._rest = bytes(answer).partition(b"\n")
        try:
            told = decode(line)
        except ValueError:
            raise ClusterError(f"its login shell says {line[:80]!r} where an agent should speak") from None
        if isinstance(told.get("error"), dict):
            raise unpack_error({name: plain(text) for name, text in told["error"].items()})
        told["removed"] = [plain(one) for one in told.get("removed", ())]
        told["powers"] = {name: why and plain(why) for name, why in told.get("powers", {}).items()}
        channel.settimeout(None)
        self._channel = channel
        return told

    def _refusal(self, channel: Channel) -> str:
        raw = b""
        while len(raw) < 4096 and (more := channel.recv_stderr(4096)):
            raw += more
        lines = raw.decode("utf-8", "replace").strip().splitlines()
        said = plain(lines[-1] if lines else "")[:200]
        if "sudo" in said:
            return f"{said} (the agent runs as root: let this user use sudo without a password, or log in as root)"
        if "python3" in said:
            return f"{said} (the agent needs python3 of at least 3.11)"
        return f"the agent died at its start: {said or 'it said nothing'}"

    def _sudo(self) -> bool:
        if self._access.sudo is not None:
            return self._access.sudo
        return self._user() != "root"

    def _user(self) -> str:
        transport = self._client.get_transport() if self._client is not None else None
        return (transport.get_username() or "") if transport is not None else ""

    def hang_up(self) -> None:
        """Ends the connection, and with it the agent. Idempotent."""
        self.agent.close()
        client, self._client, self._channel = self._client, None, None
        if client is not None:
            client.close()


def plain(text: object) -> str:
    """What somebody else says, without what could talk to a terminal."""
    return "".join(char if char.isprintable() else "?" for char in str(text))[:2000]
