"""`python3 -m harness.clusters.linux.delays TABLE OWNER PEER...`: delays what this network namespace sends to
the peers.

Its input is one JSON object a line, the fields of a shape; each is answered with a line of counters, once it is in
force. At the end of its input, which comes with the end of whoever started it, everything that waits is sent at once,
and its table goes with it. A line of `{"error": ...}` is its last word when it cannot begin.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from harness.clusters.linux.delays import table
from harness.clusters.linux.delays.queue import Queue
from harness.clusters.linux.delays.schedule import Schedule

_SEND_BUFFER_FORCE = 32
_SEND_BYTES = 8 << 20


class Daemon:
    """The program: one queue, one table, one schedule."""

    def __init__(self, name: str, owner: str, peers: Sequence[str]) -> None:
        """Raises OSError."""
        self.schedule = Schedule()
        self.queue = Queue()
        self._copies = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._copies.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, table.COPY)
        with suppress(OSError):  # as for the queue
            self._copies.setsockopt(socket.SOL_SOCKET, _SEND_BUFFER_FORCE, _SEND_BYTES)
        self._copies.setblocking(False)
        self._table = table.queue_to(name, owner, peers, self.queue.number)
        self._input = b""

    def serve(self) -> None:
        """Until the input ends."""
        os.set_blocking(0, False)
        waiting: list[int] = [self.queue.socket.fileno(), 0]
        while True:
            readable, _, _ = select.select(waiting, [], [], self.schedule.wait_s(time.monotonic_ns()))
            self._take()
            self._send(self.schedule.due(time.monotonic_ns()))
            if 0 in readable and not self._obey():
                return

    def close(self) -> None:
        """Queues nothing more, and sends what waits."""
        self._table.close()
        self.schedule.reshape({})
        self._take()
        self._send(self.schedule.due(sys.maxsize))

    def _take(self) -> None:
        for packet in self.queue.packets():
            self.schedule.take(packet, packet[16:20], time.monotonic_ns())

    def _send(self, packets: Sequence[bytes]) -> None:
        for packet in packets:
            with suppress(OSError):  # as a full wire loses it
                self._copies.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))

    def _obey(self) -> bool:
        said = os.read(0, 65536)
        *lines, self._input = (self._input + said).split(b"\n")
        for line in lines:
            shape = json.loads(line)
            self.schedule.reshape(shape)
            say(self._counters())
        return bool(said)

    def _counters(self) -> dict[str, int]:
        return {
            "delayed_packets": self.schedule.taken,
            "duplicated_packets": self.schedule.duplicated,
            "reordered_packets": self.schedule.reordered,
            "overflowed_packets": self.schedule.overflowed + self.queue.overflowed(),
        }


def say(answer: object) -> None:
    """One line to whoever started this."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code."""
    # Ctrl-C and the like are for whoever started this; its end is the end of the input.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    name, owner, *peers = arguments
    try:
        daemon = Daemon(name, owner, peers)
    except OSError as refused:
        say({"error": refused.strerror or str(refused)})
        return 1
    say({"queue": daemon.queue.number})
    try:
        daemon.serve()
    finally:
        daemon.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
