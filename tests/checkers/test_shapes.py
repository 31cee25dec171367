"""Every model by name, on small histories in the shapes in which users of Jepsen have them, right and wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkers import History, HistoryError, UsageError, Verdict, check
from tests import corpus


def edn(folder: Path, *ops: str) -> History:
    """Operations one after the other, in EDN: `process f argument -> result`, or `!>` if it failed."""
    lines: list[str] = []
    for op in ops:
        kind = ":fail" if "!>" in op else ":ok"
        called, _, result = op.replace("!>", "->").partition("->")
        process, f, *argument = called.split(maxsplit=2)
        asked = argument[0].strip() if argument else "nil"
        for type, value in ((":invoke", asked), (kind, result.strip() or asked)):
            when = len(lines) * 1_000_000
            lines.append(f"{{:type {type}, :f :{f}, :value {value}, :process {process}, :time {when}}}")
    file = folder / "history.edn"
    file.write_text("\n".join(lines))
    return History.read(file)


W1, W2 = "0 write 1", "0 write 2"
AB = ("0 enqueue 1", "0 enqueue 2")

LINEARIZABLE = {
    "register": ([W1, "1 read nil -> 1"], [W1, W2, "1 read nil -> 1"]),
    "cas-register": (
        [W1, "1 cas [1 2]", "0 cas [1 3] !> [1 3]", "1 read nil -> 2"],
        [W1, "1 cas [2 3]"],
    ),
    "multi-register": (
        ["0 txn [[:w :x 1] [:w :y 2]]", "1 txn [[:r :x nil] [:r :y nil]] -> [[:r :x 1] [:r :y 2]]"],
        ["0 txn [[:w :x 1] [:w :y 2]]", "1 txn [[:r :x nil] [:r :y nil]] -> [[:r :x 1] [:r :y nil]]"],
    ),
    "kv": (
        ['0 put [:a "x"]', '0 append [:a "y"]', '1 get [:a nil] -> [:a "xy"]', '1 get [:b nil] -> [:b ""]'],
        ['0 put [:a "x"]', '0 append [:a "y"]', '1 get [:a nil] -> [:a "x"]'],
    ),
    "set": (["0 add 1", "0 add 2", "1 read nil -> [2 1]"], ["0 add 1", "0 add 2", "1 read nil -> [2]"]),
    "counter": (["0 add 3", "0 add -2", "1 read nil -> 1"], ["0 add 3", "0 add -2", "1 read nil -> 3"]),
    "mutex": (["0 acquire", "0 release", "1 acquire"], ["0 acquire", "1 acquire"]),
    "semaphore": (["0 acquire", "0 release", "1 acquire"], ["0 acquire", "1 acquire"]),
    "queue": ([*AB, "1 dequeue nil -> 1", "1 dequeue nil -> 2", "1 dequeue !> :empty"], [*AB, "1 dequeue nil -> 2"]),
    "priority-queue": (["0 enqueue 2", "0 enqueue 1", "1 dequeue nil -> 1"], [*AB, "1 dequeue nil -> 2"]),
    "stack": (["0 push 1", "0 push 2", "1 pop nil -> 2"], ["0 push 1", "0 push 2", "1 pop nil -> 1"]),
}


@pytest.mark.parametrize("model", LINEARIZABLE)
def test_every_model_says_yes_and_no(tmp_path: Path, model: str) -> None:
    right, wrong = LINEARIZABLE[model]
    assert check(edn(tmp_path, *right), model).verdict is Verdict.PASS
    result = check(edn(tmp_path, *wrong), model)
    assert result.verdict is Verdict.FAIL
    assert result.anomalies[0].ops


@pytest.mark.parametrize("model", ["register", "cas-register", "set", "counter", "mutex", "queue", "stack"])
def test_independent_keys_are_told_by_their_tuples(tmp_path: Path, model: str) -> None:
    """A key with a history that is right and one with one that is wrong, each operation called with `[key value]`."""
    right, wrong = LINEARIZABLE[model]
    mixed = [*(keyed(op, "7") for op in right), *(keyed(op, ":k") for op in wrong)]
    result = check(edn(tmp_path, *mixed), model)
    assert (result.verdict, result.stats["keys"]) == (Verdict.FAIL, 2)
    assert [anomaly.key for anomaly in result.anomalies] == ["k"]
    assert check(edn(tmp_path, *mixed[: len(right)]), model).verdict is Verdict.PASS


def keyed(op: str, key: str) -> str:
    """An operation as that of an independent key."""
    arrow = "!>" if "!>" in op else "->"
    called, _, result = op.partition(arrow)
    process, f, *argument = called.split(maxsplit=2)
    asked = f"{process} {f} [{key} {argument[0].strip() if argument else 'nil'}]"
    return f"{asked} {arrow} [{key} {result.strip()}]" if result else asked


def test_lists_of_two_are_no_tuples_unless_it_is_said(tmp_path: Path) -> None:
    pairs = edn(tmp_path, "0 write [1 2]", "1 read nil -> [1 2]")
    assert check(pairs, "register").verdict is Verdict.PASS
    with pytest.raises(HistoryError, match=r"a value is \[key, value\], not null"):
        check(pairs, "register", independent=True)
    blind = edn(tmp_path, "0 write [1 2]", "0 write [1 3]")
    assert check(blind, "register").stats["keys"] == 1
    assert check(blind, "register", independent=True).verdict is Verdict.PASS


@pytest.mark.parametrize("model", ["queue", "priority-queue", "total-queue"])
def test_a_drain_is_as_many_dequeues_until_there_is_nothing(tmp_path: Path, model: str) -> None:
    assert check(edn(tmp_path, *AB, "1 drain nil -> [1 2]", "1 drain nil -> []"), model).verdict is Verdict.PASS
    result = check(edn(tmp_path, *AB, "1 drain nil -> [2]"), model)
    assert (result.verdict, len(result.anomalies)) == (Verdict.FAIL, 1)
    assert len(set(result.anomalies[0].ops)) == len(result.anomalies[0].ops)


def test_a_drain_of_unknown_outcome_is_refused_where_order_matters(tmp_path: Path) -> None:
    (tmp_path / "crashed.edn").write_text("{:process 0, :type :invoke, :f :drain, :value nil}")
    with pytest.raises(HistoryError, match="total-queue judges"):
        check(History.read(tmp_path / "crashed.edn"), "queue")


def test_a_failed_compare_and_set_says_what_is_asked_of_it(tmp_path: Path) -> None:
    refused = edn(tmp_path, W1, "0 cas [1 2] !> [1 2]", "1 read nil -> 1")
    assert check(refused, "cas-register").verdict is Verdict.PASS
    assert check(refused, "cas-register", failed_cas="assert").verdict is Verdict.FAIL


STALE = [W1, W2, "1 read nil -> 1"]
BACK = [W1, W2, "1 read nil -> 2", "1 read nil -> 1"]


@pytest.mark.parametrize(
    ("level", "stale", "back"),
    [
        ("linearizable", False, False),
        ("sequential", True, False),
        ("causal", True, False),
        ("pram", True, False),
        ("monotonic-reads", True, False),
        ("read-your-writes", True, True),
        ("monotonic-writes", True, None),
        ("writes-follow-reads", True, None),
    ],
)
def test_every_level_of_registers(tmp_path: Path, level: str, stale: bool, back: bool | None) -> None:
    assert (check(edn(tmp_path, *STALE), "register", level=level).verdict is Verdict.PASS) == stale
    verdict = check(edn(tmp_path, *BACK), "register", level=level.replace("-", "_")).verdict
    assert back is None or (verdict is Verdict.PASS) == back


def test_how_stale_can_be_asked_for_as_a_level(tmp_path: Path) -> None:
    history = edn(tmp_path, *STALE)
    assert check(history, "register", level="staleness").stats["versions_at_least"] == 2
    assert check(history, "register", level="staleness", max="0.5ms").verdict is Verdict.FAIL
    assert check(history, "register", level="staleness", max_versions=1).verdict is Verdict.FAIL
    assert check(history, "staleness", max_versions=2).verdict is Verdict.PASS


COLLECTIONS = {
    "set-final": (["0 add 1", "1 read nil -> [1]"], ["0 add 1", "0 add 2", "1 read nil -> [1]"]),
    "set-full": (["0 add 1", "1 read nil -> [1]"], ["0 add 1", "1 read nil -> [1]", "1 read nil -> []"]),
    "total-queue": (
        [*AB, "1 dequeue nil -> 2", "1 drain nil -> [1]"],
        [*AB, "1 dequeue nil -> 2", "1 drain nil -> []"],
    ),
    "unique-ids": (["0 generate nil -> 1", "0 generate nil -> 2"], ["0 generate nil -> 1", "0 generate nil -> 1"]),
    "counter-bounds": (["0 add 3", "0 add -2", "1 read nil -> 1"], ["0 add 3", "0 add -2", "1 read nil -> 3"]),
    "bank": (
        ["0 transfer {:from 0, :to 1, :amount 3}", "1 read nil -> {0 7, 1 3}", "1 read nil -> {0 8, 1 2}"],
        ["0 transfer {:from 0, :to 1, :amount 3}", "1 read nil -> {0 7, 1 3}", "1 read nil -> {0 7, 1 2}"],
    ),
    "long-fork": (
        ["0 write [[:w 1 1]]", "1 read [[:r 1 nil] [:r 2 nil]] -> [[:r 1 1] [:r 2 nil]]"],
        ["0 write [[:w 1 1]]", "1 read [[:r 1 nil] [:r 2 nil]] -> [[:r 1 1] [:r 2 5]]"],
    ),
    "causal-reverse": ([W1, W2, "1 read nil -> [1 2]"], [W1, W2, "1 read nil -> [2]"]),
    "adya-g2": (
        ["0 insert [3 [1 nil]]", "1 insert [3 [nil 2]] !> nil"],
        ["0 insert [3 [1 nil]]", "1 insert [3 [nil 2]]"],
    ),
    "log": (
        ["0 send [[:send 0 :a]] -> [[:send 0 [0 :a]]]", "1 poll [[:poll]] -> [[:poll {0 [[0 :a]]}]]"],
        ["0 send [[:send 0 :a]] -> [[:send 0 [0 :a]]]", "1 poll [[:poll]] -> [[:poll {0 [[0 :b]]}]]"],
    ),
    "list-append": (
        ["0 txn [[:append 1 1]]", "1 txn [[:r 1 nil]] -> [[:r 1 [1]]]"],
        ["0 txn [[:append 1 1]]", "1 txn [[:r 1 nil]] -> [[:r 1 []]]"],
    ),
    "rw-register": (
        ["0 txn [[:w 1 1]]", "1 txn [[:r 1 nil]] -> [[:r 1 1]]"],
        ["0 txn [[:w 1 1]]", "1 txn [[:r 1 nil]] -> [[:r 1 2]]"],
    ),
}


@pytest.mark.parametrize("model", COLLECTIONS)
def test_every_checker_of_collections_and_transactions(tmp_path: Path, model: str) -> None:
    right, wrong = COLLECTIONS[model]
    good = check(edn(tmp_path, *right), model)
    assert good.verdict is Verdict.PASS, good.why
    bad = check(edn(tmp_path, *wrong), model)
    assert bad.verdict is Verdict.FAIL, bad.why
    assert bad.anomalies[0].ops


@pytest.mark.parametrize(
    ("alias", "model"),
    [
        ("fifo-queue", "queue"),
        ("lock", "mutex"),
        ("priority_queue", "priority-queue"),
        ("Cas_Register", "cas-register"),
    ],
)
def test_other_names(tmp_path: Path, alias: str, model: str) -> None:
    right, wrong = LINEARIZABLE[model]
    assert check(edn(tmp_path, *right), alias).verdict is Verdict.PASS
    assert check(edn(tmp_path, *wrong), alias).verdict is Verdict.FAIL


def test_a_level_nobody_knows_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose one of linearizable, sequential, causal, pram") as told:
        check(edn(tmp_path, W1), "register", level="eventual")
    assert "bank" not in str(told.value)


@pytest.mark.parametrize("case", corpus.cases("awdit"))
def test_sessions_are_read_as_they_are(case: corpus.Case) -> None:
    """The text form of weak isolation's testers, by its content."""
    history = History.read(case.path)
    strongest = case.expected["strongest of none, read-committed, read-atomic, causal"]
    levels = ["none", "read-committed", "read-atomic", "causal"]
    for place, level in enumerate(levels[1:], start=1):
        result = check(history, "rw-register", level=level)
        assert (result.verdict is Verdict.PASS) == (place <= levels.index(strongest)), (level, result.why)
