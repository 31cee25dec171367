"""How long a packet takes from a node to its peers and back, measured without help of the peers' services.

A connection to a port where nobody listens is refused at once, by the peer's kernel: the time until then is a round
trip. It neither needs rights nor a program such as ping, and nothing of the service sees it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from harness.clusters.linux.node import ServiceNode
from harness.errors import ClusterError

PORT = 9
"""Where nobody listens: `discard`."""

ATTEMPTS = 3
"""At once to each peer; the fastest counts. On a lossy link some do not come back in time."""

_PROGRAM = f"""
import json, select, socket, sys, time
wait, best, waiting = float(sys.argv[1]), {{}}, {{}}
poll = select.poll()
for address in sys.argv[2:]:
    for _ in range({ATTEMPTS}):
        made = socket.socket()
        made.setblocking(False)
        began = time.monotonic()
        try:
            made.connect_ex((address, {PORT}))
        except OSError:
            continue
        waiting[made.fileno()] = made, address, began
        poll.register(made, select.POLLOUT)
end = time.monotonic() + wait
while waiting and time.monotonic() < end:
    for number, _ in poll.poll(max(1, (end - time.monotonic()) * 1000)):
        made, address, began = waiting.pop(number)
        took = (time.monotonic() - began) * 1000
        poll.unregister(made)
        if made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (0, 111):
            best[address] = min(best.get(address, took), took)
print(json.dumps(best))
"""


def round_trips(node: ServiceNode, addresses: Sequence[str], wait_s: float) -> dict[str, float]:
    """Milliseconds by address; those that did not answer within `wait_s` are missing. Raises `ClusterError`."""
    done = node.enter([sys.executable, "-I", "-S", "-c", _PROGRAM, str(wait_s), *addresses], b"", wait_s + 10)
    if done.code:
        raise ClusterError(f"measuring round trips from {node.name}: {done.complaint}")
    found: dict[str, float] = json.loads(done.out)
    return {address: round(ms, 3) for address, ms in found.items()}
