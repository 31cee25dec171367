"""The rules that queue a node's packets: an nftables table that belongs to this process.

    table ip NAME {  # owned: the kernel removes it with the process, however that ends
        chain output {
            type filter hook output priority -150;
            meta priority != COPY  ip daddr PEER  counter  xt target NFQUEUE (queue N, bypass)
            ...
        }
    }

It is made over netlink and not by `nft` or `iptables`, for two reasons. Only so can a table be owned by the process
that its packets depend on (kernel 5.12). And nft's own `queue` is missing from kernels that have the NFQUEUE target of
iptables, while iptables works in a table that is everybody's, and leaves it behind.

What is queued at the output hook counts as sent: TCP does not notice, as it would a dropped packet. What the program
sends itself is told by its priority, which concerns nobody else; a mark might be somebody's rule or route.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

from harness.clusters.linux.delays.netlink import ACK, CREATE, ask, attribute, message, nested, number, opened, text

COPY = 0x0B1D0000
"""The priority that copies bear, which are not queued again. To tc it is a class of a qdisc that is not there."""

CHAIN = "output"
PRIORITY = -150

_BEGIN, _END = 16, 17
_NFTABLES = 10
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE = (_NFTABLES << 8 | kind for kind in (0, 3, 6))
_OWNED = 2
_LOCAL_OUT = 3
_REGISTER = 1
_EQUAL, _DIFFERENT = 0, 1
_NETWORK_HEADER, _DESTINATION = 1, 16
_META_PRIORITY = 2
_BYPASS = 1


def queue_to(name: str, owner: str, peers: Sequence[str], queue: int) -> socket.socket:
    """Makes the table; the socket owns it. Raises OSError."""
    netlink = opened()
    family = socket.AF_INET
    table = text(1, name)
    hook = nested(4, number(1, _LOCAL_OUT), number(2, PRIORITY))
    parts = [
        message(_NEW_TABLE, ACK | CREATE, family, 0, table + number(2, _OWNED)),
        message(_NEW_CHAIN, ACK | CREATE, family, 0, table + text(3, CHAIN) + hook + text(7, "filter")),
        *(message(_NEW_RULE, ACK | CREATE | 0x800, family, 0, table + _rule(peer, owner, queue)) for peer in peers),
    ]
    batch = message(_BEGIN, 0, 0, _NFTABLES) + b"".join(parts) + message(_END, 0, 0, _NFTABLES)
    try:
        ask(netlink, batch, len(parts))
    except OSError:
        netlink.close()
        raise
    return netlink


def _rule(peer: str, owner: str, queue: int) -> bytes:
    target = struct.pack("=HHHxx", queue, 1, _BYPASS)
    expressions = nested(
        4,
        _expression("meta", number(1, _REGISTER) + number(2, _META_PRIORITY)),
        _expression("cmp", _compare(_DIFFERENT, struct.pack("=I", COPY))),
        _expression(
            "payload", number(1, _REGISTER) + number(2, _NETWORK_HEADER) + number(3, _DESTINATION) + number(4, 4)
        ),
        _expression("cmp", _compare(_EQUAL, socket.inet_aton(peer))),
        _expression("counter", b""),
        _expression("target", text(1, "NFQUEUE") + number(2, 3) + attribute(3, target)),
    )
    comment = owner.encode()[:127] + b"\0"
    return text(2, CHAIN) + expressions + attribute(7, bytes([0, len(comment)]) + comment)


def _expression(name: str, data: bytes) -> bytes:
    return nested(1, text(1, name), nested(2, data))


def _compare(operation: int, value: bytes) -> bytes:
    return number(1, _REGISTER) + number(2, operation) + nested(3, attribute(1, value))
