"""What an agent needs to run where splitbrain is not installed: its sources, for a Python without any other package."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

_HARNESS = Path(__file__).parents[3]

FILES = ("__init__.py", "errors.py", "operation.py", "target.py")
FOLDERS = ("faults", "node", "clusters/linux")
CLUSTERS = ("__init__.py", "base.py", "damage.py")

_EPOCH = (1980, 1, 1, 0, 0, 0)


def sources(*extra: str) -> dict[str, bytes]:
    """Path below a folder of the module search path -> content. `extra` are more files of `harness`, by their path
    below it."""
    files = [_HARNESS / name for name in (*FILES, *extra)] + [_HARNESS / "clusters" / name for name in CLUSTERS]
    for folder in FOLDERS:
        files += sorted((_HARNESS / folder).rglob("*.py"))
    return {str(file.relative_to(_HARNESS.parent)): file.read_bytes() for file in files}


def archive(contents: dict[str, bytes]) -> bytes:
    """A zip of these files, which Python imports from as it stands: the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name in sorted(contents):
            made.writestr(zipfile.ZipInfo(name, _EPOCH), contents[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
