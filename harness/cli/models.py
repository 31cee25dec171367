"""Which checker judges a history for a model, at a level: what `splitbrain check --model M --level L` means.

Three forms of MODEL. The name of a checker that judges one data type by itself (`list-append`, `set-full`, `bank`):
it gets the level as its option. The name of a data type (`cas-register`, `queue`): `linearizable` judges it, or the
checker called like the level. `module:NAME`: a model of the user's own, for `linearizable`.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import yaml

from harness import plugins
from harness.checker import Checker
from harness.errors import UsageError
from harness.experiment import make
from harness.plan import Part

_LINEARIZABLE = "linearizable"
_REGISTERS = ("register", "cas-register")


def checker_for(model: str, level: str | None, options: dict[str, Any]) -> Checker:
    """The checker, made. Raises `UsageError` for a level it does not know, an option it does not take."""
    checkers = plugins.names("checkers")
    if model in checkers and model != _LINEARIZABLE:
        given = options | ({"level": level} if level else {})
        return _made(model, given)
    if level not in (None, _LINEARIZABLE) and level not in checkers:
        raise UsageError(f"no checker judges {model} at the level {level!r}: there is {', '.join(checkers)}")
    if level in (None, _LINEARIZABLE):
        return _made(_LINEARIZABLE, options | {"model": _imported(model) if ":" in model else model})
    if model not in _REGISTERS:
        raise UsageError(f"{level} is judged on {' and '.join(_REGISTERS)} only, not on {model}")
    return _made(level, options)


def _made(name: str, options: dict[str, Any]) -> Checker:
    made: Checker = make("checkers", Part(name=name, options=options))
    return made


def _imported(reference: str) -> Any:
    module, _, name = reference.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as problem:
        raise UsageError(f"--model {reference}: {problem}") from problem
    return found() if isinstance(found, type) else found


def options_of(words: Iterable[str]) -> dict[str, Any]:
    """`NAME=VALUE` words as options; values are YAML. Raises `UsageError`."""
    options: dict[str, Any] = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or not name.isidentifier():
            raise UsageError(f"--option {word!r}: write NAME=VALUE, such as linearizable_keys=true")
        try:
            options[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UsageError(f"--option {word!r}: the value is not YAML") from None
    return options
