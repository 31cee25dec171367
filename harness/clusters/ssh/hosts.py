"""Which machines: `user@host:port`, from a plan, the command line or a file. Never with a password."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import PlanError, UsageError

PORT = 22
FILE_BYTES_MAX = 1 << 20

_HOST = re.compile(
    r"(?:(?P<user>[A-Za-z_][A-Za-z0-9._-]*)@)?"
    r"(?:\[(?P<bracketed>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?))"
    r"(?::(?P<port>\d{1,5}))?"
)

KNOWN = ("hosts", "addresses", "key", "known_hosts", "host_keys", "sudo", "install", "lease")
"""The options of an ssh cluster in a plan."""


@dataclass(frozen=True, slots=True)
class Host:
    """One machine. Without a `user`, whoever runs the controller."""

    name: str
    user: str | None = None
    port: int = PORT

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"{self.user}@{name}:{self.port}" if self.user else f"{name}:{self.port}"

    @classmethod
    def parse(cls, text: object) -> Host:
        """Raises `UsageError`, which does not repeat what may hold a password."""
        if not isinstance(text, str):
            raise UsageError(f"a machine is written user@host:port, and is no {type(text).__name__}")
        found = _HOST.fullmatch(text.strip())
        if found is None:
            before, at, _ = text.rpartition("@")
            if at and ":" in before:
                raise UsageError(
                    "a machine is written user@host:port, without a password: it would be kept with the run. "
                    "Use a key, an agent, or the environment variable SPLITBRAIN_SSH_PASSWORD"
                )
            raise UsageError(f"a machine is written user@host:port, not {text!r}")
        port = int(found["port"] or PORT)
        if not 0 < port < 65536:
            raise UsageError(f"{text!r}: there is no port {port}")
        return cls(found["bracketed"] or found["host"], found["user"], port)


@dataclass(frozen=True, slots=True)
class Access:
    """How to get in. `key` is a private key's file; None leaves it to the SSH agent and the user's own keys.
    `known_hosts` is the file of trusted host keys, None the user's and the system's; `accept_new` trusts a machine that
    is not in it the first time. `sudo` None: unless the user is root."""

    key: str | None = None
    known_hosts: str | None = None
    accept_new: bool = False
    sudo: bool | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of an ssh cluster, checked. `addresses` are the nodes' IPv4 addresses as they see one another, empty
    for those by which the controller reaches them."""

    hosts: tuple[Host, ...]
    addresses: tuple[str, ...]
    access: Access
    install: bool
    lease_s: float

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """Raises `UsageError`. A value that is not understood is not repeated: it may be what it should not."""
        from harness.units import duration_s

        for name in options:
            if name not in KNOWN:
                secret = any(word in name.lower() for word in ("pass", "secret", "token"))
                advice = (
                    "secrets do not belong in a plan, which is kept with the run: use a key, an agent, or the "
                    "environment variable SPLITBRAIN_SSH_PASSWORD"
                    if secret
                    else f"it takes {', '.join(KNOWN)}"
                )
                raise UsageError(f"the ssh cluster has no option {name!r}: {advice}")
        hosts = tuple(Host.parse(raw) for raw in _list(options, "hosts"))
        if not hosts:
            raise UsageError("the ssh cluster needs machines: --hosts user@a,user@b,user@c, or {ssh: {hosts: [...]}}")
        if doubled := next((host for host in hosts if hosts.count(host) > 1), None):
            raise UsageError(f"{doubled} is named twice: each node needs a machine of its own")
        addresses = tuple(map(str, _list(options, "addresses")))
        if addresses and (len(addresses) != len(hosts) or len(set(addresses)) != len(addresses)):
            raise UsageError(f"'addresses' gives each of the {len(hosts)} machines one of its own, or is left out")
        if options.get("host_keys", "known") not in ("known", "accept-new"):
            raise UsageError("'host_keys' is 'known' (the default) or 'accept-new'")
        for name in ("key", "known_hosts"):
            if not isinstance(options.get(name), str | None):
                raise UsageError(f"the ssh cluster's option {name!r} is the path of a file")
        key = options.get("key")
        if key is not None and ("\n" in key or "PRIVATE KEY" in key):
            raise UsageError("the ssh cluster's option 'key' is the path of a private key, never the key itself")
        for name in ("sudo", "install"):
            if not isinstance(options.get(name), bool | None):
                raise UsageError(f"the ssh cluster's option {name!r} is true or false")
        lease_s = duration_s(options.get("lease", 60.0))
        if lease_s < 1:
            raise UsageError("the ssh cluster's option 'lease' is at least 1s")
        access = Access(key, options.get("known_hosts"), options.get("host_keys") == "accept-new", options.get("sudo"))
        return cls(hosts, addresses, access, bool(options.get("install")), lease_s)


def read(path: Path) -> dict[str, list[str]]:
    """The options `hosts` and `addresses` out of a file: a machine per line, `user@host:port`, and after it, where the
    nodes call it otherwise, its address; `#` begins a comment. Raises `PlanError` with the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise PlanError(f"cannot be read: {getattr(problem, 'strerror', None) or problem}", file=str(path)) from problem
    hosts, addresses = [], []
    for number, line in enumerate(text[:FILE_BYTES_MAX].splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            if len(words) > 2:
                raise UsageError("a line is a machine, and at most its address")
            Host.parse(words[0])
        except UsageError as problem:
            raise PlanError(str(problem), file=str(path), line=number) from None
        hosts.append(words[0])
        addresses += words[1:]
    if addresses and len(addresses) != len(hosts):
        raise PlanError("some machines have an address and some have none", file=str(path))
    return {"hosts": hosts} | ({"addresses": addresses} if addresses else {})


def _list(options: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = options.get(name) or []
    if isinstance(value, str):
        value = [part for part in value.split(",") if part]
    if not isinstance(value, list | tuple):
        raise UsageError(f"the ssh cluster's option {name!r} is a list")
    return value
