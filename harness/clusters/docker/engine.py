"""The Docker engine, as far as it is needed here, and whether it is one whose containers this process can break.

Root works on the containers' processes and bridges from the host, so the engine must run on this machine, in our own
pid and network namespaces. Whoever else may use the engine works through sidecars, and still reaches the nodes by the
host's network. An engine elsewhere (a remote host, Docker Desktop's virtual machine, a rootless engine) can run the
containers but nothing here could reach them: that is said before a run starts, not found out by its faults.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import ClusterError

if TYPE_CHECKING:
    from docker import APIClient

TIMEOUT_S = 60
"""For one request. Under load the engine answers a removal within seconds, nothing takes this long unless it hangs."""

ANSWER_TIMEOUT_S = 10
"""For the first request, which says whether there is an engine."""

_UNIX = "unix://"

_REFUSED = "this user may not use it: run as root, join the group that owns its socket, or use --cluster sim"

DEFAULT_ENDPOINT = "unix:///var/run/docker.sock"


def endpoint() -> str:
    """Where the engine is spoken to: DOCKER_HOST, or the usual socket."""
    return os.environ.get("DOCKER_HOST") or DEFAULT_ENDPOINT


@contextmanager
def connected() -> Iterator[APIClient]:
    """A client of the engine, for several threads. Raises `ClusterError` when the engine does not answer."""
    from docker import APIClient, errors

    where = endpoint()
    try:
        if where.startswith(_UNIX):
            _peer(where.removeprefix(_UNIX))  # asked first: the client library leaks a socket where nobody listens
        client = APIClient(base_url=where, version="auto", timeout=ANSWER_TIMEOUT_S, num_pools=32)
    except PermissionError as refused:
        raise ClusterError(f"Docker engine at {where}: {_REFUSED}") from refused
    except (errors.DockerException, OSError) as problem:
        raise ClusterError(f"Docker engine does not answer at {where}: start it, or use --cluster sim") from problem
    client.timeout = TIMEOUT_S
    try:
        yield client
    finally:
        client.close()


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turns what the client library raises into one `ClusterError` sentence: what was being done, and what the engine
    said.
    """
    import requests
    import urllib3
    from docker import errors

    try:
        yield
    except errors.APIError as refused:
        raise ClusterError(f"{doing}: the Docker engine says: {refused.explanation or refused}") from refused
    except (errors.DockerException, requests.RequestException, urllib3.exceptions.HTTPError) as lost:
        raise ClusterError(f"{doing}: the Docker engine at {endpoint()} stopped answering") from lost


def image_id(client: APIClient, name: str) -> str | None:
    """The id of an image on this machine, by name, digest or id; None when it is not there."""
    from docker import errors

    try:
        return str(client.inspect_image(name)["Id"])  # type: ignore[no-untyped-call]  # the stubs forgot it
    except errors.ImageNotFound:
        return None


def problem() -> str | None:
    """Why containers cannot be broken on this machine, in a sentence; None when they can."""
    if not sys.platform.startswith("linux"):
        return "the docker cluster needs Linux: its faults work on the containers' processes from the host"
    try:
        with connected() as client:
            version = client.version().get("ApiVersion")
    except ImportError as absent:
        return f"the Docker SDK for Python cannot be imported: {absent}"
    except ClusterError as silent:
        return str(silent)
    if version is None:
        return f"what answers at {endpoint()} is no Docker engine"
    return _elsewhere()


def _elsewhere() -> str | None:
    if not endpoint().startswith(_UNIX):
        return f"the Docker engine at {endpoint()} is another machine's: its containers cannot be broken from here"
    if os.geteuid() != 0:
        return None  # its namespaces are not ours to look at; whether its networks are here shows when one is made
    pid = _peer(endpoint().removeprefix(_UNIX))
    try:
        same_network = Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink()
        same_pids = pid > 0
    except OSError:
        same_network = same_pids = False
    if not same_pids or not same_network:
        return f"the Docker engine at {endpoint()} is in other namespaces (rootless, in a container or virtual machine)"
    return None


def _peer(path: str) -> int:
    """The process that listens on a socket, as this pid namespace numbers it; 0 when it is not in it."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(path)
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", raw)[0])
