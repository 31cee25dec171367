"""Redis 7 with Sentinel: a primary, replicas that follow it asynchronously, and a sentinel beside each that fails over.

daemons.py   how a node is started, and its configuration files
resp.py      Redis's protocol, one connection
errors.py    what an error says about an operation
sentinel.py  who the primary is
clients.py   the clients of register, append, set and lock
target.py    options, claims, readiness, primaries
"""

from targets.redis.target import redis

__all__ = ["redis"]
