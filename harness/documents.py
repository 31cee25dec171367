"""YAML documents whose every mistake is told with file and line.

PyYAML forgets lines once it has built values, so the document is composed into nodes first, checked there (duplicate
keys, aliases that would blow up), and each path's line is kept beside the value. A document is hostile input: only
plain YAML types, bounded in size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from harness.errors import PlanError

SIZE_BYTES_MAX = 1 << 20
NODES_MAX = 50_000
DEPTH_MAX = 50

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document: its value, and the 1-based line of every path in it."""

    file: str
    value: Any
    lines: Mapping[Location, int]

    def line(self, location: Location) -> int:
        """The line of the deepest known ancestor of a path."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)

    def error(self, message: str, location: Location = ()) -> PlanError:
        """A `PlanError` at that path."""
        return PlanError(message, file=self.file, line=self.line(location))


def read(path: Path) -> Document:
    """Reads and parses a YAML file. Raises `PlanError` with file and line."""
    try:
        text = path.read_bytes()
    except OSError as problem:
        raise PlanError(f"cannot be read: {problem.strerror}", file=str(path)) from problem
    if len(text) > SIZE_BYTES_MAX:
        raise PlanError(f"is {len(text)} bytes long; at most {SIZE_BYTES_MAX} are read", file=str(path))
    return parse(text, str(path))


def parse(text: bytes | str, file: str) -> Document:
    """Parses YAML text; `file` is used in messages. Raises `PlanError`."""
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        lines: dict[Location, int] = {}
        if root is not None:
            _index(root, (), lines, file)
        return Document(file, loader.construct_document(root) if root is not None else None, lines)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        raise PlanError(f"is not YAML: {problem.problem}", file=file, line=mark.line + 1 if mark else None) from problem
    except RecursionError:
        raise PlanError(f"has more than {DEPTH_MAX} levels", file=file) from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as problem:
        raise PlanError(f"is not YAML: {str(problem).splitlines()[0]}", file=file) from problem


def _index(node: yaml.Node, location: Location, lines: dict[Location, int], file: str) -> None:
    line = node.start_mark.line + 1
    lines[location] = line
    if len(lines) > NODES_MAX or len(location) > DEPTH_MAX:
        limits = f"more than {NODES_MAX} values or {DEPTH_MAX} levels, aliases expanded"
        raise PlanError(f"has {limits}", file=file, line=line)
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            _index(item, (*location, position), lines, file)
    elif isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            name = (*location, str(key.value))
            if name in lines:
                raise PlanError(f"{key.value!r} is given twice", file=file, line=key.start_mark.line + 1)
            _index(item, name, lines, file)
            lines[name] = key.start_mark.line + 1


def explain(problem: ValidationError, document: Document | None, model: type[BaseModel]) -> PlanError:
    """One message out of pydantic's: where, what was read, what was expected. Several mistakes are told one a line."""
    messages = [_sentence(error, model) for error in problem.errors(include_url=False)]
    if document is None:
        return PlanError("; ".join(sentence for _, sentence in messages))
    errors = [document.error(sentence, location) for location, sentence in messages]
    first = errors[0]
    joined = PlanError("\n".join(str(error) for error in errors))
    joined.file, joined.line = first.file, first.line
    return joined


def _sentence(error: Any, model: type[BaseModel]) -> tuple[Location, str]:
    location: Location = tuple(error["loc"])
    name = ".".join(str(part) for part in location) or "the document"
    if error["type"] == "extra_forbidden":
        return (
            location,
            f"there is no field {name!r}: expected one of {', '.join(_model_at(model, location).model_fields)}",
        )
    if error["type"] == "missing":
        return location[:-1], f"the field {name!r} is missing"
    message = error["msg"].removeprefix("Value error, ")
    read = "" if error["type"] == "value_error" else f", read {error['input']!r:.80}"
    return location, f"{name}: {message[:1].lower() + message[1:]}{read}"


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel]:
    """The innermost model on the way to a path: the one that has, or lacks, its last field."""
    for step in location[:-1]:
        field = model.model_fields.get(step) if isinstance(step, str) else None
        kinds = [field.annotation, *get_args(field.annotation)] if field else []
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    return model
