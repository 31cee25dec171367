"""The record of a campaign, `campaigns/<name>/campaign.jsonl`: one line a run, only ever appended to.

    {"format": 1, "campaign": "nightly"}                 the first line
    {"call": {"at", "targets", "from_seed", "bounds"}}   where a call of the command began
    {"run": {"seed", "target", ...}}                     a run that ended

A line is written whole, in one write, and synced, so a controller that is killed loses runs in hand at most and leaves
half a line at worst; whoever goes on begins a new line behind it. Readers pass over lines that are none and count them.
The file may come from anywhere: every field is checked, and bounded in size.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from harness.errors import RecordingError, UsageError
from harness.verdict import Verdict

FORMAT = 1
"""It grows when somebody who knows only the form before would misread a record, not when a field is added."""

FOLDER, FILE = "campaigns", "campaign.jsonl"
LINE_BYTES_MAX = 1 << 18
ITEMS_MAX = 256
CHARS_MAX = 2_000
RUNS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Failure:
    """One broken claim of a run, by its first violation. `fingerprint` is the same in every run that shows it."""

    claim: str
    anomaly: str
    message: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Run:
    """A run that ended. `claims` are the verdicts by claim, `limits` whether each known limit showed; `applied` the
    families of which a fault was in force. `folder` is below the runs folder, empty if it was not kept. `at_s` is when
    it ended, in seconds since the epoch; `call` which call of the command made it, from 0."""

    seed: int
    target: str
    workload: str
    nemeses: tuple[str, ...]
    applied: tuple[str, ...]
    nodes: int
    verdict: Verdict
    claims: Mapping[str, Verdict]
    limits: Mapping[str, bool]
    failures: tuple[Failure, ...]
    problem: str
    folder: str
    command: str
    ops: int
    wall_s: float
    at_s: float
    call: int = 0

    def to_json(self) -> dict[str, Any]:
        """The line's object; `call` is told by the line's place."""
        return {name: value for name, value in asdict(self).items() if name != "call"}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the command."""

    at_s: float
    targets: tuple[str, ...]
    from_seed: int
    bounds: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """What a record tells. `torn` is how many lines could not be read."""

    calls: tuple[Call, ...] = ()
    runs: tuple[Run, ...] = ()
    torn: int = 0

    @classmethod
    def read(cls, lines: Iterable[bytes], file: str) -> Record:
        """From the lines of a file. Raises `UsageError` for one of another form, and for one that is no record."""
        calls: list[Call] = []
        runs: list[Run] = []
        torn, known = 0, False
        for number, line in enumerate(lines):
            value = _object(line)
            if number == 0:
                _admit(value, file)
                known = True
            elif (call := _call(value.get("call"))) is not None:
                calls.append(call)
            elif len(runs) < RUNS_MAX and (run := _run(value.get("run"), max(len(calls) - 1, 0))) is not None:
                runs.append(run)
            elif line.strip():
                torn += 1
        if not known:
            raise UsageError(f"{file} is empty: remove it, and its campaign begins anew")
        return cls(tuple(calls), tuple(runs), torn)

    def seeds(self, first: int | None = None) -> Iterator[int]:
        """The seeds to go on with, without end: those that are missing since the last call that said where to begin,
        then new ones."""
        done = {run.seed for run in self.runs}
        seed = first if first is not None else self.calls[-1].from_seed if self.calls else 1
        while True:
            if seed not in done:
                yield seed
            seed += 1


class Recorder:
    """A context manager that appends to a record. Nobody else can meanwhile. Raises `RecordingError`, and `UsageError`
    while another one does or where the file is no record."""

    def __init__(self, root: Path, name: str) -> None:
        self.path = root / FOLDER / name / FILE
        self._name = name
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+b", buffering=0)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._close()
            raise UsageError(
                f"campaign {self._name} goes on already, in another process: give this one a --name"
            ) from None
        except OSError as problem:
            self._close()
            raise RecordingError(f"cannot write {self.path}: {problem.strerror}") from problem
        try:
            self._go_on(self._file)
        except BaseException:
            self._close()
            raise
        return self

    def _go_on(self, file: BinaryIO) -> None:
        head = _line({"format": FORMAT, "campaign": self._name})
        size = file.seek(0, os.SEEK_END)
        if size < len(head) and head.startswith(os.pread(file.fileno(), size, 0)):  # new, or killed in its first line
            file.truncate(0)
            self._write(head)
        self.read()
        if os.pread(file.fileno(), 1, file.seek(0, os.SEEK_END) - 1) != b"\n":
            self._write(b"\n")

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._close()

    def read(self) -> Record:
        """What it holds now. Raises `UsageError`, see `Record.read`."""
        assert self._file is not None, "it is entered"
        self._file.seek(0)
        return Record.read(lines(self._file), str(self.path))

    def append(self, line: Mapping[str, Any]) -> None:
        """One more line, on the disk when this returns."""
        self._write(_line(line))

    def _write(self, content: bytes) -> None:
        assert self._file is not None, "it is entered"
        try:
            if os.write(self._file.fileno(), content) != len(content):
                raise RecordingError(f"cannot write {self.path}: the disk took half a line, and is full")
            os.fsync(self._file.fileno())
        except OSError as problem:
            raise RecordingError(f"cannot write {self.path}: {problem.strerror}") from problem

    def _close(self) -> None:
        if self._file:
            self._file.close()


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; of one that is too long, its beginning, which is then no JSON."""
    whole = True
    while piece := file.readline(LINE_BYTES_MAX):
        if whole:
            yield piece
        whole = piece.endswith(b"\n")


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _admit(head: Mapping[str, Any], file: str) -> None:
    form = head.get("format")
    if "campaign" not in head or not isinstance(form, int):
        raise UsageError(f"{file} is no record of a campaign: its first line is not as `splitbrain campaign` writes it")
    if form != FORMAT:
        raise UsageError(f"{file} has format {form}, and this splitbrain reads {FORMAT}: use the one that wrote it")


def _call(raw: Any) -> Call | None:
    try:
        bounds = raw.get("bounds")
        return Call(
            _real(raw["at_s"]),
            _words(raw["targets"]),
            _whole(raw["from_seed"]),
            bounds if isinstance(bounds, dict) else {},
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _run(raw: Any, call: int) -> Run | None:
    try:
        return Run(
            _whole(raw["seed"]),
            _word(raw["target"]),
            _word(raw["workload"]),
            _words(raw["nemeses"]),
            _words(raw["applied"]),
            _whole(raw["nodes"]),
            Verdict(raw["verdict"]),
            _named(raw["claims"], Verdict),
            _named(raw["limits"], bool),
            tuple(Failure(*(_word(one[name]) for name in _FAILURE)) for one in _list(raw["failures"])),
            _word(raw["problem"]),
            _word(raw["folder"]),
            _word(raw["command"]),
            _whole(raw["ops"]),
            _real(raw["wall_s"]),
            _real(raw["at_s"]),
            call,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


_FAILURE = ("claim", "anomaly", "message", "fingerprint")


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value.encode("utf-8", "replace").decode()[:CHARS_MAX]


def _words(value: Any) -> tuple[str, ...]:
    return tuple(map(_word, _list(value)))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > ITEMS_MAX:
        raise ValueError("no list")
    return value


def _named(value: Any, kind: Callable[[Any], Any]) -> dict[str, Any]:
    if len(value) > ITEMS_MAX:
        raise ValueError("too many")
    return {_word(name): kind(inner) for name, inner in value.items()}


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 63:
        raise ValueError("no whole number")
    return value


def _real(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise ValueError("no number")
    return float(value)
