"""The images of targets' nodes, named by what is in them.

A store on the node runtime is its base, the runtime and its packages; the name is a digest of these, so an image is
built once per state of the sources and then found. Real programs come from Debian packages; the name is a digest of the
base and the packages' names, so what was installed stays until somebody removes the image: a run tomorrow meets the
versions of today. The classic builder is enough (no BuildKit syntax), which engines of any age have.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.clusters.docker import base_image, context, engine
from harness.clusters.docker.names import LABEL
from harness.clusters.linux import ledger
from harness.errors import ClusterError, UsageError
from harness.target import NodeService, Service

if TYPE_CHECKING:
    from docker import APIClient

REPOSITORY = "splitbrain-node"

_NOT_COPIED = b"Dockerfile\n.dockerignore\n"
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_PROGRAM = re.compile(r"[\w.+-]+")

KEPT = 8
"""Images of older sources that stay. Each is a thin layer on a shared base, but every change of a source makes one."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an image is made of a base: the Dockerfile's text, the files of its context, its arguments, and whether the
    steps may use the network."""

    dockerfile: str
    files: Mapping[str, bytes]
    arguments: Mapping[str, str]
    network: bool

    def tag(self, base_id: str) -> str:
        """What is in it, as a digest."""
        arguments = json.dumps(dict(self.arguments), sort_keys=True)
        files = context.archive(dict(self.files))
        return context.digest(base_id.encode(), self.dockerfile.encode(), arguments.encode(), files)


def of_service(service: Service) -> Recipe:
    """The image of a node. Raises `ClusterError`, or `UsageError` for names that no package or program can have."""
    if isinstance(service, NodeService):
        return Recipe(context.dockerfile(), context.files(service.packages), {}, network=False)
    return of_packages(service.packages, service.programs)


def of_packages(packages: Sequence[str], programs: Sequence[str]) -> Recipe:
    """An image with these programs, from these Debian packages unless the base has them."""
    for word, rule, kind in [
        *((package, _PACKAGE, "a Debian package") for package in packages),
        *((program, _PROGRAM, "a program") for program in programs),
    ]:
        if not rule.fullmatch(word):
            raise UsageError(f"{word!r} is no name of {kind}")
    arguments = {"PACKAGES": " ".join(packages), "PROGRAMS": " ".join(programs)}
    return Recipe(context.dockerfile("Dockerfile.programs"), {}, arguments, network=True)


def ensure(client: APIClient, recipe: Recipe, base: str | None, directory: Path, stop: threading.Event) -> str:
    """The name of an image made by this recipe, built if there is none yet. `base` as the plan names it, None for our
    choice. Raises `ClusterError` with the builder's last lines.
    """
    with ledger.locked("images"), engine.explained("preparing the nodes' image"):
        base = base_image.ensure(client, base, directory, stop)
        name = f"{REPOSITORY}:{recipe.tag(str(engine.image_id(client, base)))}"
        if not engine.image_id(client, name):
            _build(client, name, base, recipe)
            _drop_old(client, name, base)
    return name


def _build(client: APIClient, name: str, base: str, recipe: Recipe) -> None:
    files = {**recipe.files, "Dockerfile": recipe.dockerfile.encode(), ".dockerignore": _NOT_COPIED}
    said: list[str] = []
    stream = client.build(
        fileobj=io.BytesIO(context.archive(files)),
        custom_context=True,
        tag=name,
        rm=True,
        forcerm=True,
        buildargs={"BASE": base, **recipe.arguments},
        network_mode="default" if recipe.network else "none",
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
    """Removes node images but for the newest, and bases of ours of former recipes."""
    images = client.images(REPOSITORY, filters={"label": f"{LABEL}=image"})
    old = sorted(images, key=lambda image: int(image["Created"]), reverse=True)[KEPT:]
    for image in old + client.images(base_image.REPOSITORY, filters={"label": f"{LABEL}=base"}):
        for tag in image["RepoTags"] or ():
            if tag not in (current, base, base_image.BUILT):
                _drop(client, tag)


def _drop(client: APIClient, tag: str) -> None:
    from docker import errors

    with suppress(errors.APIError):  # in use, for example by a run of another version of splitbrain: it stays
        client.remove_image(tag)
