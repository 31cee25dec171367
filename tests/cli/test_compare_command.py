"""`compare` with every store: the table, the page, and the same answers however many processes there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import Splitbrain

from harness.cli.cap_table import BEGIN, END, across, down, heads, markdown, unmeasured, write_markdown
from harness.errors import UsageError

FAULTS = ("--nemesis", "partition", "--interval", "2s", "--time", "6s", "--settle", "2s", "--seed", "7")


def test_every_store_is_measured_in_every_cell(splitbrain: Splitbrain, tmp_path: Path) -> None:
    compared = splitbrain.json("compare", "--all", *FAULTS, "--markdown", "table.md")
    found = compared["targets"]
    assert {"raft", "paxos", "quorum", "sync-replicas", "multi-leader", "dynamo", "crdt", "outbox"} <= set(found)
    for name, column in found.items():
        assert column["unmeasured"] == {}, name
        assert column["undecided"] is None, name
        assert column["problem"] is None, name
    for name in ("raft", "paxos", "quorum", "sync-replicas", "primary-backup"):
        column = found[name]
        assert column["strongest_model"] == "linearizable", name
        assert (column["lost_writes"], column["staleness_ms"], column["convergence_s"]) == (0, 0, 0), name
        assert column["availability_by_f"]["minority"].get("write", 0) < 0.1, name
    for name in ("multi-leader", "dynamo", "crdt", "outbox"):
        assert found[name]["availability"] == {"majority": 1, "minority": 1}, name
        assert found[name]["converged"], name
    assert found["dynamo"]["strongest_model"] == found["crdt"]["strongest_model"] == "strong eventual"
    assert found["multi-leader"]["lost_writes"] > 0
    assert found["multi-leader"]["staleness_ms"] > 100
    assert next(iter(found)) in ("primary-backup", "quorum", "raft", "paxos"), "the most consistent stand first"
    table = (tmp_path / "table.md").read_text()
    assert "| raft | linearizable (register) | never stale | at once | 0 |" in table
    page = (tmp_path / compared["report"]).read_text()
    assert "stores gave up when the network split" in page


def test_the_answers_do_not_depend_on_how_many_run_at_once(splitbrain: Splitbrain) -> None:
    words = ("compare", "cache", "dynamo", "quorum", "--nemesis", "partition", "--time", "4s", "--seed", "3")

    def measured(jobs: str) -> Any:
        columns = splitbrain.json(*words, "--jobs", jobs)["targets"]
        assert list(columns) == ["cache", "dynamo", "quorum"]
        return {name: {**column, "run": None} for name, column in columns.items()}

    assert measured("1") == measured("3")


def test_one_workload_can_be_asked_of_all_that_are_named(splitbrain: Splitbrain) -> None:
    columns = splitbrain.json("compare", "crdt", "raft", "--workload", "register", "--time", "2s", "--seed", "1")
    assert [column["workload"] for column in columns["targets"].values()] == ["register", "register"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "compare takes the names of targets, or --all"),
        (("raft", "--all"), "not both"),
        (("rafft",), "did you mean raft?"),
        (("raft", "--jobs", "0"), "--jobs"),
    ],
)
def test_a_mistake_is_told(splitbrain: Splitbrain, refused: Callable[..., str], words: Any, message: str) -> None:
    assert message in refused(splitbrain("compare", *words), 2)


def test_progress_is_told_on_a_terminal(splitbrain: Splitbrain) -> None:
    words = ("compare", "raft", "cache", "--nemesis", "partition", "--time", "4s", "--seed", "1", "--jobs", "2")
    seen = splitbrain.on_terminal(*words)
    assert b"of 2 done" in seen
    assert b"raft: " in seen and b"cache: " in seen


def column(**changes: Any) -> Mapping[str, Any]:
    """What `harness.comparison` measures, in short."""
    measured = {
        "verdict": "pass",
        "workload": "register",
        "strongest_model": "linearizable",
        "undecided": None,
        "violation": None,
        "availability": {"majority": 0.999, "minority": None},
        "latency_ms": {"calm": {"p50": 8.06, "p99": 110.4}, "faults": {"p50": None, "p99": None}},
        "converged": True,
        "convergence_s": 0.0,
        "staleness_ms": 1810.4,
        "lost_writes": 1200,
        "recovery_s": 0.0598,
        "refusals": {},
        "figures": {},
    }
    return measured | changes


def test_cells_are_told_with_their_units() -> None:
    cells = dict(across({"a": column()}))  # type: ignore[arg-type]
    assert cells == {
        "strongest model not refuted": "linearizable (register)",
        "violation found": "none",
        "stalest read": "1.81 s",
        "converged after healing, within": "at once",
        "acknowledged writes lost": "1,200",
        "answered on the majority side": "99.9 %",
        "answered on the minority side": "not measured",
        "latency in ms without faults, p50 / p99": "8.06 / 110",
        "latency in ms during faults, p50 / p99": "not measured",
        "recovery after healing, at most": "59.8 ms",
        "its own claims": "pass",
    }


def test_what_is_undecided_or_never_converged_is_told_so() -> None:
    cells = dict(across({"a": column(undecided="no budget", converged=False, staleness_ms=0.0)}))  # type: ignore[arg-type]
    assert cells["strongest model not refuted"] == "linearizable? (register)"
    assert cells["converged after healing, within"] == "never"
    assert cells["stalest read"] == "never stale"


def test_what_stayed_empty_for_one_reason_is_told_once() -> None:
    short, unasked = "no heal", "no checker measures it"
    columns = {
        "raft": column(unmeasured={"lost_writes": unasked, "staleness_ms": unasked, "recovery_s": short}),
        "crdt": column(unmeasured={"lost_writes": unasked, "staleness_ms": unasked}),
        "shop": column(unmeasured={"lost_writes": unasked}),
        "etcd": column(unmeasured={}),
    }
    assert unmeasured(columns) == [
        ("lost_writes, staleness_ms", "raft, crdt", unasked),
        ("recovery_s", "raft", short),
        ("lost_writes", "shop", unasked),
    ]


def test_rows_and_heads_agree_in_every_part() -> None:
    columns = {"a": column(), "b": column(figures={"units oversold": 3})}
    for parts in (("consistency",), ("availability",), ("consistency", "availability")):
        assert {len(row) for row in down(columns, *parts)} == {len(heads(columns, *parts))}
    assert "units oversold" in heads(columns, "consistency")
    mixed = {"a": column(), "b": column(workload="set", figures={"units oversold": 3})}
    assert "units oversold" not in heads(mixed, "consistency")


def test_a_table_in_markdown_is_put_in_place_and_nothing_else_is_touched(tmp_path: Path) -> None:
    file = tmp_path / "doc.md"
    file.write_text(f"# Mine\n\n{BEGIN}\nold\n{END}\n\nand more\n", encoding="utf-8")
    write_markdown(file, {"a|b <i>": column()}, "caption")
    text = file.read_text(encoding="utf-8")
    assert text.startswith(f"# Mine\n\n{BEGIN}\ncaption\n\n| target |")
    assert text.endswith(f"{END}\n\nand more\n")
    assert r"| a\|b \<i\> | linearizable (register) | 1.81 s |" in text
    assert "old" not in text
    fresh = tmp_path / "fresh.md"
    write_markdown(fresh, {"a": column()}, "caption")
    assert fresh.read_text() == f"{BEGIN}\n{markdown({'a': column()}, 'caption')}{END}\n"


@pytest.mark.parametrize("text", ["nothing", f"{BEGIN}\n", f"{END}\n{BEGIN}\n"])
def test_a_file_without_a_place_for_the_table_is_left_alone(tmp_path: Path, text: str) -> None:
    file = tmp_path / "doc.md"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="add them"):
        write_markdown(file, {"a": column()}, "caption")
    assert file.read_text(encoding="utf-8") == text
