"""etcd 3.4 and later: a key-value store kept by Raft, driven through its JSON gateway.

daemons.py    how a node is started
gateway.py    requests over HTTP, one connection
keys.py       requests and answers as plain values
clients.py    the clients of register, append, set and lock
errors.py     what an error says about an operation
target.py     options, claims, readiness, leaders
membership.py members that leave and come back
"""

from targets.etcd.target import etcd

__all__ = ["etcd"]
