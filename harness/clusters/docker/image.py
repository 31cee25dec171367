"""The image of a target's node: its base, the node runtime and its packages, named by what is in it.

The name is a digest of the base, the Dockerfile and every file, so an image is built once per state of the sources and
then found. The classic builder is enough (no BuildKit syntax), which engines of any age have.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.clusters.docker import base_image, context, engine
from harness.clusters.docker.names import LABEL
from harness.clusters.linux import ledger
from harness.errors import ClusterError

if TYPE_CHECKING:
    from docker import APIClient

REPOSITORY = "splitbrain-node"

_NOT_COPIED = b"Dockerfile\n.dockerignore\n"

KEPT = 4
"""Images of older sources that stay. Each is a thin layer on a shared base, but every change of a source makes one."""


def ensure(client: APIClient, packages: Sequence[str], base: str | None, directory: Path, stop: threading.Event) -> str:
    """The name of an image with these packages, built if there is none yet. `base` as the plan names it, None for our
    choice. Raises `ClusterError` with the builder's last lines.
    """
    files = context.files(packages)
    with ledger.locked("images"), engine.explained("preparing the nodes' image"):
        base = base_image.ensure(client, base, directory, stop)
        base_id = str(engine.image_id(client, base))
        text = context.dockerfile()
        tag = context.digest(base_id.encode(), text.encode(), context.archive(files))
        name = f"{REPOSITORY}:{tag}"
        if not engine.image_id(client, name):
            _build(client, name, base, files | {"Dockerfile": text.encode(), ".dockerignore": _NOT_COPIED})
            _drop_old(client, name, base)
    return name


def _build(client: APIClient, name: str, base: str, files: dict[str, bytes]) -> None:
    said: list[str] = []
    stream = client.build(
        fileobj=io.BytesIO(context.archive(files)),
        custom_context=True,
        tag=name,
        rm=True,
        forcerm=True,
        buildargs={"BASE": base},
        network_mode="none",
    )
    problem = None
    for line in stream:  # to its end: the engine closes the connection, which would stay open else
        for message in line.decode("utf-8", "replace").splitlines():
            answer = json.loads(message) if message.strip() else {}
            said.append(str(answer.get("stream", "")).rstrip())
            problem = problem or answer.get("error")
    if problem:
        # What the steps left that did work. (The stubs forgot to type this method.)
        client.prune_images(filters={"dangling": True, "label": [f"{LABEL}=image"]})  # type: ignore[no-untyped-call]
        last = "\n".join([line for line in said if line][-10:])
        raise ClusterError(f"building the nodes' image on {base} failed: {problem}; the last lines were:\n{last}")


def _drop_old(client: APIClient, current: str, base: str) -> None:
    """Removes node images but for the newest, and bases of ours that none of them needs."""
    images = client.images(REPOSITORY, filters={"label": f"{LABEL}=image"})
    old = sorted(images, key=lambda image: int(image["Created"]), reverse=True)[KEPT:]
    for image in old + client.images(base_image.REPOSITORY, filters={"label": f"{LABEL}=base"}):
        for tag in image["RepoTags"] or ():
            if tag not in (current, base):
                _drop(client, tag)


def _drop(client: APIClient, tag: str) -> None:
    from docker import errors

    with suppress(errors.APIError):  # in use, for example by a run of another version of splitbrain: it stays
        client.remove_image(tag)
