"""Files that are damaged, or say what no checker expects: a verdict or a message, never a traceback."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from cli.conftest import Splitbrain

from harness.cli.main import cli
from harness.errors import HistoryError, SplitbrainError
from harness.history import History

Event = dict[str, Any]

LOG = """INFO  jepsen.util - 0\t:invoke\t:read\tnil
INFO  jepsen.util - 1\t:invoke\t:cas\t[3 0]
INFO  jepsen.util - 0\t:ok\t:read\t3
INFO  jepsen.util - 1\t:info\t:cas\t:timed-out
INFO  jepsen.util - 2\t:invoke\t:write\t4
INFO  jepsen.util - 2\t:fail\t:write\t4
"""


SESSIONS = """w x 1
w y 2
-----
r y 2
=====
r x 1
w x 3
-----
r x 3
r y 2
"""


def events(*deeds: tuple[str, Any, Any]) -> list[Event]:
    """Operations of three processes, one after the other: function, what was asked, what was answered."""
    rows: list[Event] = []
    for at, (f, asked, answered) in enumerate(deeds):
        common = {"process": at % 3, "f": f}
        rows.append(common | {"type": "invoke", "value": asked, "time": 10 * at})
        rows.append(common | {"type": "ok", "value": answered, "time": 10 * at + 5})
    return rows


READ_ONLY = {"etcd-log": LOG, "sessions": SESSIONS}
"""Formats that nothing writes, each with a file."""

REGISTER = events(
    ("write", 1, 1), ("read", None, 1), ("cas", [1, 2], [1, 2]), ("read", None, 2), ("write", 3, 3), ("read", None, 2)
)
TXNS = events(
    ("txn", [["append", "x", 1], ["r", "y", None]], [["append", "x", 1], ["r", "y", []]]),
    ("txn", [["r", "x", None], ["append", "x", 2]], [["r", "x", [1]], ["append", "x", 2]]),
    ("txn", [["append", "y", 3]], [["append", "y", 3]]),
    ("txn", [["r", "x", None], ["r", "y", None]], [["r", "x", [1, 2]], ["r", "y", [3]]]),
)
RW_TXNS = events(
    ("txn", [["w", "x", 1]], [["w", "x", 1]]),
    ("txn", [["r", "x", None], ["w", "x", 2]], [["r", "x", 1], ["w", "x", 2]]),
    ("txn", [["r", "x", None]], [["r", "x", 2]]),
)
ELEMENTS = events(("add", 1, 1), ("add", 2, 2), ("read", None, [1, 2]), ("enqueue", 1, 1), ("dequeue", None, 1))
CARTS = events(("add", 1, 1), ("add", 2, 2), ("remove", 1, 1), ("remove", 3, None), ("read", None, [2]))
MONEY = events(("read", None, {"0": 50, "1": 50}), ("transfer", {"from": 0, "to": 1, "amount": 5}, None))
SHOP = events(("order", {"id": 1, "units": 2}, {"id": 1, "units": 2}), ("read", None, {"left": 1, "orders": [[1, 2]]}))
CHAT = events(("send", 1, 1), ("read", None, [1]), ("send", 2, 2), ("read", None, [1, 2]))
TIMELINE = events(("post", 1, 1), ("read", None, [1]), ("post", 2, 2), ("read", None, [1, 2]))
ORDERS = events(("order", 1, 1), ("read", None, [1]))
POLLS = events(("send", [["send", 0, 7]], [["send", 0, [0, 7]]]), ("poll", [["poll"]], [["poll", {"0": [[0, 7]]}]]))

HISTORIES = [
    (REGISTER, "cas-register register kv stats staleness lost_writes converges"),
    (TXNS, "multi-register list-append causal-reverse"),
    (RW_TXNS, "rw-register long-fork adya-g2"),
    (ELEMENTS, "set set-full set-final unique-ids counter counter-bounds counter-final"),
    (CARTS, "cart"),
    (ELEMENTS, "queue priority-queue stack total-queue mutex semaphore"),
    (MONEY, "bank"),
    (SHOP, "no_lost_order"),
    (CHAT, "no_lost_message causal_order"),
    (TIMELINE, "no_lost_post own_posts_seen posts_in_order"),
    (ORDERS, "exactly_once"),
    (POLLS, "log"),
]
MODELS = {model: rows for rows, models in HISTORIES for model in models.split()}
LEVELS = ["sequential", "causal", "pram", "monotonic-reads", "monotonic-writes", "read-your-writes"]

WRONG: list[Any] = [
    None, True, -1, 0, 1, 2**63, -(2**63) - 1, 1e300, "", "x", "nil", "\ud800", [], [[]], [1], {}, {"value": 1},
    [["r"]], [["r", 1]], [["r", 1, 2, 3]], [["append", "x", None]], [["w", None, []]], [["x", {}, [1, [2]]]], [1, 2, 3],
]  # fmt: skip


def spoiled(rows: list[Event], chance: random.Random) -> list[Event]:
    """The events with some changed, left out, doubled or moved: still events mostly, of a history that cannot be."""
    rows = [dict(row) for row in rows]
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(rows)) if rows else 0
        match chance.randrange(7):
            case 0 if rows:
                rows[at][chance.choice(["value", "f", "process", "type", "time", "key", "error"])] = chance.choice(
                    WRONG
                )
            case 1 if rows:
                rows[at]["value"] = chance.choice(WRONG)
            case 2 if rows:
                rows[at]["value"] = deeper(rows[at].get("value"), chance)
            case 3 if rows:
                rows[at]["type"] = chance.choice(["invoke", "ok", "fail", "info"])
            case 4 if rows:
                rows.insert(chance.randrange(len(rows)), rows[at])
            case 5 if rows:
                rows.pop(at)
            case _ if rows:
                rows[at].pop(chance.choice(list(rows[at])), None)
    return rows


def deeper(value: Any, chance: random.Random) -> Any:
    """The value with something in it replaced."""
    if isinstance(value, list) and value and chance.random() < 0.8:
        at = chance.randrange(len(value))
        return [*value[:at], deeper(value[at], chance), *value[at + 1 :]]
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(list(value))
        return value | {key: deeper(value[key], chance)}
    return chance.choice(WRONG)


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The bytes torn off, overwritten, cut out, or with syntax in the wrong place."""
    at = chance.randrange(len(content) + 1)
    bits = [b"{", b"]", b'"', b"\\", b"#{", b"nil", b"\xff", b"\0", b"\n", b"1e999", b":ok", b"##NaN", b"[" * 300]
    match chance.randrange(4):
        case 0:
            return content[:at]
        case 1:
            return content[:at] + chance.choice(bits) + content[at:]
        case 2:
            return content[:at] + content[at + chance.randrange(20) :]
        case _:
            return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]


def judged(*words: str) -> int | str:
    """The exit code of a command, or its message. Whatever else is raised is a traceback to a user, and fails."""
    try:
        code = cli.main(args=list(words), standalone_mode=False)
    except SplitbrainError as refused:
        assert str(refused)
        assert refused.exit_code == 2, str(refused)
        return str(refused)
    except click.ClickException as refused:
        return refused.format_message()
    return int(code or 0)


def lines(rows: list[Event]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.mark.parametrize("model", MODELS)
def test_events_that_no_checker_expects(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(model)
    file = tmp_path / "history.jsonl"
    codes: set[int | str] = set()
    for _ in range(150):
        file.write_bytes(lines(spoiled(MODELS[model], chance)))
        words = ["--level", chance.choice(LEVELS)] if model == "register" else []
        codes.add(judged("check", str(file), "--model", model, "--budget", "5s,100MB", *words))
        capsys.readouterr()
    assert {code for code in codes if isinstance(code, int)} <= {0, 1, 3}
    assert any(isinstance(code, str) for code in codes), "nothing was refused"


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Callable[[str], bytes]]:
    """The bytes of a sound history in a format."""
    source = tmp_path / "sound.jsonl"
    source.write_bytes(lines(REGISTER))

    def content(format: str) -> bytes:
        if format in READ_ONLY:
            return READ_ONLY[format].encode()
        History.read(source).write(tmp_path / "sound", format)
        return (tmp_path / "sound").read_bytes()

    yield content


FORMATS = ["arrow", "edn", "jsonl", *READ_ONLY]

MODEL = {"sessions": "rw-register"}
"""What a format's file is a history of, where it is no compare-and-set register."""


@pytest.mark.parametrize("format", FORMATS)
def test_damaged_files(
    format: str, files: Callable[[str], bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(format)
    whole, file = files(format), tmp_path / "damaged"
    refused = read = 0
    for _ in range(400):
        content = damaged(whole, chance)
        file.write_bytes(damaged(content, chance) if chance.random() < 0.5 else content)
        try:
            History.read(file, chance.choice([format, None]))
            read += 1
        except HistoryError as problem:
            assert file.name in str(problem)
            refused += 1
        judged("check", str(file), "--model", MODEL.get(format, "cas-register"), "--budget", "5s,100MB")
        judged("history", str(file))
        capsys.readouterr()
    assert refused > 20
    assert read > 20


@pytest.mark.parametrize("format", FORMATS)
def test_to_a_user_it_is_a_message(
    format: str,
    files: Callable[[str], bytes],
    splitbrain: Splitbrain,
    refused: Callable[..., str],
    tmp_path: Path,
) -> None:
    wrong = {
        "arrow": b"\xff" * 40,
        "edn": b"{:process}",
        "jsonl": b"{]",
        "etcd-log": b"INFO jepsen.util - 0 :ok :read {",
        "sessions": b"w x",
    }
    whole = files(format)
    middle = len(whole) // 2 if format == "arrow" else whole.index(b"\n") + 1
    (tmp_path / "damaged").write_bytes(whole[:middle] + wrong[format] + b"\n" + whole[middle:])
    for words in (["check", "damaged", "--model", MODEL.get(format, "cas-register")], ["history", "damaged"]):
        assert "damaged" in refused(splitbrain(*words), 2)
