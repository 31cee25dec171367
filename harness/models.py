"""Which checker judges a history for a model, at a level: what `splitbrain check --model M --level L` means.

Three forms of a model. The name of a checker that judges one data type by itself (`list-append`, `set-full`, `bank`):
it gets the level as its option. The name of a data type (`cas-register`, `queue`): `linearizable` judges it, or the
checker called like the level. A model of the user's own, on the command line as `module:NAME`, for `linearizable`.

Underscores are as good as hyphens, and `ALIASES` are what others call the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from harness import plugins
from harness.checker import Checker
from harness.errors import UsageError
from harness.experiment import make
from harness.plan import Part

if TYPE_CHECKING:
    from harness.history import History

ALIASES: Mapping[str, str] = {
    "fifo-queue": "queue",
    "lock": "mutex",
    "append": "list-append",
    "wr": "rw-register",
    "kafka": "log",
    "adya": "adya-g2",
    "lost-writes": "lost_writes",
}

LEVELS = (
    "linearizable",
    "sequential",
    "causal",
    "pram",
    "read-your-writes",
    "monotonic-reads",
    "monotonic-writes",
    "writes-follow-reads",
    "staleness",
    "converges",
)
"""What a single object can be held to, the strongest first. The last two say how far it strays, and for how long."""

_LINEARIZABLE = "linearizable"
_REGISTERS = ("register", "cas-register")


def checker_for(model: str | object, level: str | None, options: Mapping[str, Any]) -> Checker:
    """The checker, made. Raises `UsageError` for a level it does not know, an option it does not take."""
    if not isinstance(model, str):
        return _of_object(model, level, options)
    if ":" in model:
        return _of_object(_imported(model), level, options)
    name = _named(model)
    if name in plugins.names("checkers") and name not in LEVELS:
        return _made(name, options if level is None else {**options, "level": level})
    if name in LEVELS and name != _LINEARIZABLE and level is None:
        return _made(name, options)
    return _of_object(name, level, options)


def independent(history: History, model: str | object, wanted: bool | None) -> History:
    """The history with its `[key, value]` tuples taken apart, if that is wanted.

    When nobody says (None), they are taken apart where they are beyond doubt, see `History.has_tuples`; but not for a
    model of the user's own, which may mean anything by a list of two.
    """
    if wanted is None:
        wanted = isinstance(model, str) and ":" not in model and history.has_tuples
    return history.independent() if wanted else history


def _of_object(model: object, level: str | None, options: Mapping[str, Any]) -> Checker:
    asked = _LINEARIZABLE if level is None else level.replace("_", "-").lower()
    if asked == _LINEARIZABLE:
        return _made(_LINEARIZABLE, {**options, "model": model})
    if asked not in LEVELS:
        raise UsageError(f"a single object is not judged at the level {level!r}; choose one of {', '.join(LEVELS)}")
    if model not in _REGISTERS:
        raise UsageError(f"{asked} is judged on {' and '.join(_REGISTERS)} only, not on {model}")
    return _made(asked, options)


def _named(model: str) -> str:
    known = plugins.names("checkers")
    name = model if model in known else model.replace("_", "-").lower()
    return ALIASES.get(name, name)


def _made(name: str, options: Mapping[str, Any]) -> Checker:
    made: Checker = make("checkers", Part(name=name, options=dict(options)))
    return made


def _imported(reference: str) -> Any:
    module, _, name = reference.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as problem:
        raise UsageError(f"--model {reference}: {problem}") from problem
    return found() if isinstance(found, type) else found
