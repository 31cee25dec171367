"""The image under every node image: a slim Python.

The usual one comes from a registry. Where none can be reached, the same thing is built from Debian's packages in about
30 s: a minimal system and python3, without manuals and translations. Both are kept, so this happens once on a machine;
one that is there is used before a registry is asked, so a run does not hang on a network that swallows packets.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from harness.clusters.docker import engine
from harness.clusters.docker.context import digest
from harness.clusters.docker.names import LABEL
from harness.errors import ClusterError

if TYPE_CHECKING:
    from docker import APIClient

USUAL = "python:3.11-slim-bookworm"

_SUITE = "bookworm"
_RECIPE = (
    "mmdebstrap",
    "--variant=minbase",
    "--mode=root",
    "--include=ca-certificates,python3",
    '--aptopt=Apt::Install-Recommends "false"',
    "--dpkgopt=force-unsafe-io",  # no fsync per file: the tree is packed and thrown away
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    _SUITE,
)
REPOSITORY = "splitbrain-base"

BUILT = f"{REPOSITORY}:{_SUITE}-{digest(*(part.encode() for part in _RECIPE))}"

_EPOCH = "1735689600"
"""What the files' times are cut off at, which makes two builds from the same packages the same bytes."""

BUILD_TIMEOUT_S = 600.0


def ensure(client: APIClient, wanted: str | None, directory: Path, stop: threading.Event) -> str:
    """The name of a base image that is on this machine; the caller holds the lock for images. `wanted` is what the plan
    asks for, None for a slim Python of our choice; `directory` is for temporary files. Raises `ClusterError`.
    """
    for name in [wanted] if wanted else [USUAL, BUILT]:
        if engine.image_id(client, name):
            return name
    refusal = _pull(client, wanted or USUAL, stop)
    if refusal is None:
        return wanted or USUAL
    if wanted:
        raise ClusterError(f"there is no image {wanted}, and it cannot be pulled: {refusal}")
    if os.geteuid() != 0:
        raise ClusterError(f"{USUAL} cannot be pulled ({refusal}), and only root can build it: run once as root")
    if shutil.which("mmdebstrap") is None:
        raise ClusterError(
            f"{USUAL} cannot be pulled ({refusal}), and without mmdebstrap it cannot be built from Debian packages: "
            "reach a registry, or apt-get install mmdebstrap"
        )
    _build(client, directory, stop)
    return BUILT


def _pull(client: APIClient, name: str, stop: threading.Event) -> str | None:
    """None when it worked, else the engine's words."""
    refusal = None
    try:
        with engine.explained(f"pulling {name}"):
            for message in client.pull(name, stream=True, decode=True):
                refusal = refusal or message.get("error")
                if stop.is_set():
                    return "the run was stopped"
    except ClusterError as refused:
        return str(refused)
    return refusal


def _build(client: APIClient, directory: Path, stop: threading.Event) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    tar = directory / "base.tar"
    # Should the controller die, so does this, at once, and with its namespaces go the mounts it made.
    contained = ["setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": _EPOCH, "TMPDIR": str(directory)}
    with (directory / "base.log").open("w+", encoding="utf-8", errors="replace") as log:
        build = subprocess.Popen(
            [*contained, *_RECIPE, str(tar)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )
        _wait(build, stop)
        if build.returncode:
            log.seek(0)
            last = "\n".join(log.read().splitlines()[-10:])
            raise ClusterError(f"building {BUILT} from Debian packages failed; the last lines were:\n{last}")
    repository, _, tag = BUILT.partition(":")
    with engine.explained(f"importing {BUILT}"):
        answer = client.import_image_from_file(
            str(tar), repository=repository, tag=tag, changes=[f"LABEL {LABEL}=base"]
        )
        # The engine answers 200 before it begins to read, so only the image itself proves that it was imported.
        if not engine.image_id(client, BUILT):
            raise ClusterError(f"importing {BUILT} failed: {answer}")
    tar.unlink()


def _wait(build: subprocess.Popen[bytes], stop: threading.Event) -> None:
    waited_s = 0.0
    while True:
        try:
            build.wait(timeout=0.2)
            return
        except subprocess.TimeoutExpired:
            waited_s += 0.2
        if stop.is_set() or waited_s > BUILD_TIMEOUT_S:
            build.kill()
            build.wait()
            if stop.is_set():
                raise ClusterError("the run was stopped while its base image was being built")
