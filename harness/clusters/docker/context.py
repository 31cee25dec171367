"""What goes into the image of a target's node: a tar of Python files, the same bytes for the same files."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from harness.errors import ClusterError

RUNTIME = "harness/node"
MAX_BYTES = 64 * 1024 * 1024


def dockerfile(name: str = "Dockerfile") -> str:
    """The Dockerfile of every image of one kind."""
    return resources.files("harness.clusters.docker").joinpath(name).read_text(encoding="utf-8")


def files(packages: Iterable[str]) -> dict[str, bytes]:
    """Path in the image -> content, for the node runtime and the given packages (`targets/toys`, or the name of a
    package or module installed anywhere). Of the packages above them, only the `__init__.py`. Raises `ClusterError` for
    one that is not there.
    """
    found: dict[str, bytes] = {}
    for package in dict.fromkeys((RUNTIME, *packages)):
        parts = package.strip("/").replace("/", ".").split(".")
        for depth in range(1, len(parts)):
            init = _origin(".".join(parts[:depth]))
            if init is not None:
                found["/".join((*parts[:depth], "__init__.py"))] = init.read_bytes()
        found.update(_package(parts))
    if sum(map(len, found.values())) > MAX_BYTES:
        raise ClusterError(
            f"the packages for the nodes' image are larger than {MAX_BYTES >> 20} MB: {', '.join(packages)}"
        )
    return found


def archive(contents: dict[str, bytes]) -> bytes:
    """A tar of these files: sorted, owned by root, without times, so equal contents are equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(contents):
            entry = tarfile.TarInfo(name)
            entry.size = len(contents[name])
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(contents[name]))
    return buffer.getvalue()


def digest(*parts: bytes) -> str:
    """Sixteen hexadecimal digits for the contents of an image."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()[:16]


def _package(parts: list[str]) -> Iterator[tuple[str, bytes]]:
    name = ".".join(parts)
    try:
        spec = find_spec(name)
    except ImportError as problem:
        raise ClusterError(f"the image needs the package {name}, which cannot be found: {problem}") from problem
    if spec is None:
        raise ClusterError(f"the image needs the package {name}, which is not installed")
    if spec.submodule_search_locations is None:
        yield "/".join(parts) + ".py", Path(str(spec.origin)).read_bytes()
        return
    for location in spec.submodule_search_locations:
        root = Path(location)
        for file in sorted(root.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield "/".join((*parts, *file.relative_to(root).parts)), file.read_bytes()


def _origin(package: str) -> Path | None:
    spec = find_spec(package)
    origin = spec.origin if spec else None
    return Path(origin) if origin and origin.endswith("__init__.py") else None
