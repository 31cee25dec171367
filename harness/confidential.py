"""What a plan must not say: passwords and tokens. It names a variable of the environment instead, `${NAME}`, anywhere
in an option's text.

The plan, and with it the run's folder, the report and the command that repeats the run, hold the name alone; a part
of the run gets the value when it is made. Whatever comes back from it (an answer, an error, a log) may repeat the
value, so what is written down passes through `hide`, which puts the name in its place again. A value that a target
has changed (hashed, cut in two) is not recognised.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import UsageError

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

CHARS_MIN = 6
"""A shorter value would be found by chance in what is none."""


@dataclass(frozen=True, slots=True)
class Confidential:
    """Values by the reference that stands for each. `Confidential.of` finds them."""

    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, texts: Any, environment: Mapping[str, str] | None = None) -> Confidential:
        """All references in a JSON value whose variables are set; the others stand for themselves, as when an old run
        is judged elsewhere (see `missing`). Raises `UsageError` for a value too short to be kept secret."""
        given = os.environ if environment is None else environment
        found: dict[str, str] = {}
        for name in set(_names(texts)) & set(given):
            if len(given[name]) < CHARS_MIN:
                raise UsageError(
                    f"${{{name}}} has fewer than {CHARS_MIN} characters: it cannot be kept out of a history"
                )
            found[f"${{{name}}}"] = given[name]
        # Longest first: where one value is part of another, nothing of the other may stay.
        return cls(dict(sorted(found.items(), key=lambda entry: (-len(entry[1]), entry[0]))))

    def missing(self, texts: Any) -> list[str]:
        """The references in a JSON value that stand for nothing."""
        return sorted({f"${{{name}}}" for name in _names(texts)} - set(self.values))

    def reveal(self, value: Any) -> Any:
        """The JSON value with values in place of references."""
        return _map(value, lambda text: REFERENCE.sub(lambda found: self.values.get(found[0], found[0]), text))

    def hide(self, value: Any) -> Any:
        """The JSON value with references in place of values; itself when there are none to hide."""
        return _map(value, self._hide) if self.values else value

    def hide_in_files(self, directory: Path) -> None:
        """Rewrites the files below a directory that hold a value. Raises OSError."""
        pairs = [(os.fsencode(secret), name.encode()) for name, secret in self.values.items()]
        for path in directory.rglob("*") if pairs else ():
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                for secret, name in pairs:
                    content = content.replace(secret, name)
                path.write_bytes(content)

    def _hide(self, text: str) -> str:
        for name, secret in self.values.items():
            text = text.replace(secret, name)
        return text


class Journal:
    """A recorder that hides values before they are recorded."""

    def __init__(self, recorder: Any, confidential: Confidential) -> None:
        self._recorder = recorder
        self._hide = confidential.hide

    def invoke(self, time: int, process: int, f: str, key: str | int | None, value: Any, node: str | None, /) -> int:
        index: int = self._recorder.invoke(time, process, f, self._hide(key), self._hide(value), node)
        return index

    def complete(self, invocation: int, time: int, type: int, value: Any, error: Any, /) -> int:
        index: int = self._recorder.complete(invocation, time, type, self._hide(value), self._hide(error))
        return index


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from REFERENCE.findall(value)
    elif isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _names(inner)


def _map(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {_map(key, change): _map(inner, change) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_map(inner, change) for inner in value]
    return value
