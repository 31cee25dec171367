"""What is brought to a machine: a zip of Python files, and the few lines that unpack and run it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from harness.clusters.docker.context import files
from harness.clusters.linux.agent import bundle

_HERE = Path(__file__).parents[1]

CLUSTERS = ("process", "ssh")
"""The packages of `harness.clusters` that an agent here needs beside what every agent does."""

_BOOT = """
import sys
if sys.version_info < (3, 11):
    print('{"error": {"class": "Unsupported", "message": "its python3 is %d.%d, and at least 3.11 is needed"}}'
          % sys.version_info[:2])
    sys.exit(1)
import io, json, os, zipfile
run, size, data = sys.argv[1], int(sys.argv[2]), bytearray()
while len(data) < size:
    more = os.read(0, min(size - len(data), 1 << 20))
    if not more:
        sys.exit(1)
    data += more
try:
    if os.geteuid():
        raise OSError(0, "its agent must run as root: log in as root, or with sudo")
    top = "/var/lib/splitbrain"
    os.makedirs(top, 0o700, exist_ok=True)
    found = os.lstat(top)
    if found.st_uid or found.st_mode & 0o170022 != 0o040000:
        raise OSError(0, top + " is not a directory of root's alone: look at it, and remove it")
    place = os.path.join(top, run)
    os.makedirs(place, 0o755, exist_ok=True)
    zipfile.ZipFile(io.BytesIO(data)).extractall(os.path.join(place, "program"))
except OSError as problem:
    print(json.dumps({"error": {"class": "ClusterError", "message": problem.strerror or str(problem)}}))
    sys.exit(1)
sys.path.insert(0, os.path.join(place, "program"))
from harness.clusters.ssh.agent import main
sys.exit(main(run))
"""


def pack(packages: Sequence[str] = ()) -> bytes:
    """The agent, the node runtime and these packages. Raises `ClusterError` for one that is not there."""
    own = [f"clusters/{name}/{file.name}" for name in CLUSTERS for file in sorted((_HERE / name).glob("*.py"))]
    return bundle.archive(bundle.sources(*own) | files(packages))


def command(run: str, size: int, *, sudo: bool) -> str:
    """What a login shell is to run, before it is sent `size` bytes of zip."""
    words = ["python3", "-I", "-S", "-c", _BOOT, run, str(size)]
    return shlex.join(["exec", *(["sudo", "-n", "--"] if sudo else []), *words])
