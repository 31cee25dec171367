"""The Rust extension: histories in columns, and the checkers' algorithms."""

import os
from types import TracebackType
from typing import Any, Literal, NotRequired, Self, TypedDict, final

__version__: str

# --- histories (core/python/src/history*.rs) ---

class MalformedHistory(ValueError):
    """What was read is not a history. `args` are the message, the 1-based line, the index of the event (None where
    there are none), and whether no operation of its function could be read."""

@final
class Recorder:
    """Records events into columns, and to a file in whole batches.

    The index of an event is its place in the order of calls. Times are integer nanoseconds and are not checked here,
    see `History.problems`. Values and errors are JSON: None, bool, int of any size, finite float, str, list, tuple,
    dict with keys of str or int (which become their digits); None means absent. They are kept as canonical JSON text.

    Every method may raise: TypeError or ValueError for a value that is not JSON, ValueError once closed,
    OverflowError when the history outgrows its limits (2^32 events, 2 GiB of text in one column); in all of these
    nothing was recorded. OSError when the file cannot be written: then the event is kept in memory, the file ends at
    its last whole batch, and the next flush tries again. May be called from any thread.
    """

    def __new__(cls, path: str | os.PathLike[str] | None = None, /) -> Self:
        """Creates the file; OSError if it cannot, FileExistsError if there is one. Without a path: in memory only."""

    def invoke(
        self,
        time: int,
        process: int,
        f: str,
        key: str | int | None = None,
        value: Any = None,
        node: str | None = None,
        /,
    ) -> int:
        """An operation begins; `complete` takes its index. At most one per process is the caller's duty."""

    def complete(self, invocation: int, time: int, type: int, value: Any = None, error: Any = None, /) -> int:
        """The operation ends: 1 ok, 2 fail, 3 info. Process, f, key and node are those of the invocation.

        ValueError if that index is no invocation, or was completed.
        """

    def event(
        self,
        time: int,
        process: int,
        type: int,
        f: str,
        key: str | int | None = None,
        value: Any = None,
        node: str | None = None,
        error: Any = None,
        /,
    ) -> int:
        """Any event that completes nothing, such as a nemesis's mark (type 3)."""

    def flush(self) -> None:
        """Writes what is pending and hands it to the operating system. Happens by itself every 65,536 events."""

    def close(self) -> None:
        """Flushes and ends the file. Twice does nothing; after an OSError it can be tried again."""

    def history(self) -> History:
        """The history so far: a copy while recording goes on; once closed, the recorder's own memory."""

    def tail(self, row: int, /) -> History:
        """The events from this one on, as a selection that keeps their indices. Costs the copy of those events."""

    def __len__(self) -> int: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

@final
class Column:
    """A read-only buffer of signed 64-bit (`q`) or unsigned 8-bit (`B`) numbers."""

    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class History:
    """The columns behind `harness.history.History`, which documents what is not said here."""

    @property
    def has_times(self) -> bool: ...
    @property
    def truncated(self) -> bool: ...
    def __len__(self) -> int: ...
    def row(self, row: int) -> tuple[Any, ...]:
        """One event as the fields of `harness.operation.Operation`, in its order. IndexError."""

    def rows(self, start: int, stop: int) -> list[tuple[Any, ...]]:
        """The events of these rows; `stop` may lie beyond the end."""

    def completion(self, row: int) -> int | None: ...
    def invocation(self, row: int) -> int | None: ...
    def column(self, name: str) -> Column: ...
    def codes(self, name: str) -> tuple[Column, list[str]]:
        """A text column as codes and the distinct texts, in order of first appearance; -1 is no text.

        Of `value` and `error` the texts are JSON.
        """

    def keys(self) -> list[str]: ...
    def for_key(self, key: str) -> History: ...
    def select(self, rows: list[int]) -> History: ...
    def mended(self) -> tuple[History, list[int], list[int]]:
        """What is left where no rule is broken, the events left out, the invocations whose answers are forgotten."""

    def has_tuples(self) -> bool: ...
    def untupled(self) -> History:
        """MalformedHistory if an invocation's value is no list of two."""

    def problems(self, limit: int) -> list[tuple[int, int | None, str, bool]]:
        """Event, line, message and whether it is fatal; fatal ones take precedence when there are more than `limit`."""

    def write(self, path: str, format: str) -> None: ...
    def header(self, format: str) -> bytes:
        """What a file of this text format begins with."""

    def render(self, format: str, start: int, stop: int) -> bytes:
        """These rows in a text format, a line each."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

def read_history(path: str, format: str | None = None, /) -> History:
    """Reads a file; its content says the format unless one is given. OSError, `MalformedHistory`; ValueError for an
    unknown format.
    """

# --- checkers (core/python/src/checkers*.rs) ---
#
# All of them raise `MalformedHistory` for what is not a history of the objects asked for, and let other threads run.
# Keys come in the order of their first appearance. `events` are sorted indices of invocations and completions.

class KeyVerdict(TypedDict):
    """`type`, `message` and `events` tell a violation; `message` also says why something is unknown. `unconfirmed` is a
    violation that a second judge denies.
    """

    key: str | None
    ops: int
    method: Literal["zones", "monitor", "search"]
    verdict: Literal["linearizable", "violation", "unknown", "unconfirmed"]
    type: NotRequired[str]
    message: NotRequired[str]
    events: NotRequired[list[int]]

class RegisterStaleness(TypedDict):
    """`delta_ns` is exact if bounded, else a lower bound; `message` and `events` tell the read that needs it all.
    The `versions` bound the k of k-atomicity, as far as they are known; their events prove the lower bound.

    `why` and `why_events` tell what no shift of reads can mend; `unsure` why it is undecided: who saw a value that was
    written twice.
    """

    key: str | None
    answer: Literal["bounded", "unbounded", "undecided"]
    delta_ns: int
    versions_at_least: int | None
    versions_at_most: int | None
    versions_events: list[int]
    message: NotRequired[str]
    events: NotRequired[list[int]]
    why: NotRequired[str]
    why_events: NotRequired[list[int]]
    unsure: NotRequired[str]

class LostRegisterWrites(TypedDict):
    """How many acknowledged writes there were and were lost, with a sentence and the events of the first few.

    `unsure` tells of an operation that saw a value which was written twice: then more may have been lost.
    """

    key: str | None
    acknowledged: int
    lost: int
    unsure: str | None
    witnesses: list[tuple[str, list[int]]]

class SessionsVerdict(TypedDict):
    """`message` tells a violation session by session, or why nothing is known; `events` are empty without one.

    `unconfirmed` is a violation that the second judge did not see in its events: a defect.
    """

    verdict: Literal["holds", "violation", "unconfirmed", "unknown"]
    type: str
    message: str
    events: list[int]
    ops: int
    sessions: int
    keys: int

def check_sessions(
    history: History, *, guarantee: str, initial: str, seconds: float, memory_bytes: int
) -> SessionsVerdict:
    """Whether all keys together keep a promise that does not speak of real time. ValueError for an unknown one."""

def check_registers(
    history: History,
    *,
    initial: str,
    has_cas: bool,
    failed_cas: Literal["drop", "assert"],
    seconds: float,
    memory_bytes: int,
) -> list[KeyVerdict]:
    """Whether each key is a linearizable register. `initial` is canonical JSON text."""

Ruling = Literal["linearizable", "violation", "unknown"]
"""On all keys: violated if any is, else unknown if the budget ended for any."""

def decide_registers(
    history: History,
    *,
    initial: str,
    has_cas: bool,
    failed_cas: Literal["drop", "assert"],
    seconds: float,
    memory_bytes: int,
) -> Ruling | None:
    """The worst of what `check_registers` says of the keys, without proof or second judge; `None` without keys."""

@final
class RegisterStream:
    """Registers judged while they are recorded (core/python/src/checkers_online.rs), with the options of
    `check_registers`.
    """

    def __new__(cls, *, initial: str, has_cas: bool, failed_cas: Literal["drop", "assert"]) -> Self: ...
    def feed(self, batch: History, /) -> tuple[str | None, int] | None:
        """Judges the next events: key and event of the first operation among them that nothing can explain any more.

        `MalformedHistory` for an event that breaks the rules; nothing can be fed afterwards.
        """

    def end(self) -> tuple[str | None, int] | None:
        """The same when no more events come: what completed last could be explained until then."""

    def keys(self) -> list[tuple[str | None, int, Literal["linearizable", "violation", "unknown"]]]:
        """Every key with its number of operations; unknown are keys to which a value was written twice."""

    def remembered(self) -> int:
        """Number of operations, values and groups of values in memory."""

def free_memory(root: str) -> int | None:
    """Bytes that the machine and every control group of this process still have; None if neither tells.

    `root` is where `proc` and `sys` are.
    """

def check_objects(history: History, *, model: str, permits: int, seconds: float, memory_bytes: int) -> list[KeyVerdict]:
    """Whether each key is a linearizable object of another type. ValueError for an unknown model."""

def check_custom(
    history: History, *, model: object, illegal: object, unknown: object, seconds: float, memory_bytes: int
) -> list[KeyVerdict]:
    """The same for a `checkers.model.Model`; whatever it raises is raised."""

def decide_objects(history: History, *, model: str, permits: int, seconds: float, memory_bytes: int) -> Ruling | None:
    """The worst of what `check_objects` says of the keys, without proof or second judge; `None` without keys."""

def decide_custom(
    history: History, *, model: object, illegal: object, unknown: object, seconds: float, memory_bytes: int
) -> Ruling | None:
    """The same for a `checkers.model.Model`; whatever it raises is raised."""

def register_staleness(history: History, *, initial: str) -> list[RegisterStaleness]:
    """The smallest shift of reads that makes each key linearizable."""

def lost_register_writes(history: History, *, initial: str, witnesses_max: int) -> list[LostRegisterWrites]:
    """The acknowledged writes that a later compare-and-set or final read overlooked."""

# --- transactions (core/python/src/checkers_txn.rs) ---

CycleStep = TypedDict(
    "CycleStep",
    {"from": int, "to": int, "kind": Literal["ww", "wr", "rw", "process", "realtime"], "key": str | None, "why": str},
)
"""One transaction before another, by the indices of their invocations, and why."""

class TransactionAnomaly(TypedDict):
    """`steps` tell a cycle; other anomalies have none."""

    type: str
    key: str | None
    message: str
    events: list[int]
    steps: list[CycleStep]

class TransactionReport(TypedDict):
    """`counts` has all anomalies by type, `anomalies` the first of each; `stopped` says why the check ended early.

    `unconfirmed` are types of anomalies that the second judge did not see in their own transactions: a defect.
    """

    txns: int
    ok: int
    info: int
    failed: int
    keys: int
    edges: int
    entangled: int
    counts: dict[str, int]
    anomalies: list[TransactionAnomaly]
    undecided: list[str]
    unconfirmed: list[str]
    stopped: str | None

def check_list_append(history: History, *, seconds: float, memory_bytes: int) -> TransactionReport:
    """Every anomaly of transactions on lists, of all levels."""

def check_rw_register(
    history: History,
    *,
    writes_follow_reads: bool,
    sequential_keys: bool,
    linearizable_keys: bool,
    axioms: str | None,
    seconds: float,
    memory_bytes: int,
) -> TransactionReport:
    """Every anomaly of transactions on registers, of all levels; of one of three weak levels also those by its axioms.

    These are `read-committed`, `read-atomic` and `causal-cerone`; ValueError for another.
    """

# --- collections and applications (core/python/src/checkers_collections.rs) ---

class CollectionReport(TypedDict):
    """`findings` are the first few of each kind and key: kind, key, message, events. `found` counts all, by kind.

    `unconfirmed` are the kinds of findings that the second judge did not see in their operations; they are not among
    the `findings`. `unproven` says, with the key, why the absence of findings proves nothing. `durations_ms` are
    quantiles: pairs of a fraction and milliseconds. `worst` are milliseconds, message and events of the worst of what
    may be no violation.
    """

    keys: int
    ops: int
    findings: list[tuple[str, str | None, str, list[int]]]
    found: dict[str, int]
    unconfirmed: list[str]
    unproven: list[tuple[str | None, str]]
    counts: dict[str, int]
    notes: dict[str, str]
    durations_ms: dict[str, list[tuple[float, float]]]
    worst: list[tuple[float, str, list[int]]]

class LineScan(TypedDict):
    """`told` are the first matching lines: the pattern's place, the 1-based line, its text."""

    lines: int
    cut: int
    hits: int
    told: list[tuple[int, int, str]]
    out_of_time: bool

def check_set(history: History) -> CollectionReport: ...
def check_set_full(history: History, *, linearizable: bool) -> CollectionReport: ...
def check_total_queue(history: History, *, drained: bool) -> CollectionReport: ...
def check_unique_ids(history: History) -> CollectionReport: ...
def check_counter(history: History, *, initial: int) -> CollectionReport: ...
def check_bank(
    history: History, *, accounts: list[str] | None, total: int | None, negative_balances: bool
) -> CollectionReport: ...
def check_long_fork(history: History) -> CollectionReport: ...
def check_causal_reverse(history: History) -> CollectionReport: ...
def check_adya_g2(history: History) -> CollectionReport: ...
def check_log(history: History, *, caught_up: bool) -> CollectionReport: ...
def scan_lines(files: list[str], patterns: list[str], *, seconds: float, told_max: int) -> list[LineScan]:
    """Searches each line of each file until the time is over. ValueError for what is no pattern; OSError."""
