"""The one way in for targets, workloads, nemeses, checkers, clusters and reports: entry points.

The bundled parts are declared in this distribution's own pyproject.toml exactly as a third-party package declares its
own, and nothing is imported before somebody asks for it by name.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from harness.errors import HarnessError, UnknownName

KINDS = ("targets", "workloads", "nemeses", "checkers", "clusters", "reports", "outputs")
"""The kinds of plugins; the entry-point group of each is `splitbrain.<kind>`. A report is made of a run's folder, an
output is what a command writes, or serves, of anything else."""


def names(kind: str) -> list[str]:
    """The installed names of a kind, sorted."""
    return sorted(_points(kind))


def load(kind: str, name: str) -> Any:
    """The object behind a name.

    Raises `UnknownName` with the nearest name, `HarnessError` when its module does not import.
    """
    points = _points(kind)
    point = points.get(name)
    if point is None:
        close = difflib.get_close_matches(name, points, n=1)
        hint = f"did you mean {close[0]}?" if close else "there is " + (", ".join(sorted(points)) or "none")
        raise UnknownName(f"no {_singular(kind)} is called {name!r}: {hint}")
    try:
        return point.load()
    except (ImportError, AttributeError, SyntaxError) as problem:
        package = point.dist.name if point.dist else "an unknown package"
        raise HarnessError(
            f"{_singular(kind)} {name!r} of {package} does not load from {point.value}: {problem}"
        ) from problem


def _singular(kind: str) -> str:
    return "nemesis" if kind == "nemeses" else kind.removesuffix("s")


@cache
def _points(kind: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"splitbrain.{kind}")}
