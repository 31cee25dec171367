"""Plans: every mistake has its file and line, and a complete plan reads back as itself."""

from pathlib import Path

import pytest

from harness import plan as plans
from harness.errors import PlanError
from harness.plan import Plan


def written(folder: Path, text: str) -> Path:
    file = folder / "plan.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_complete_plan_reads_back_as_itself(tmp_path: Path) -> None:
    made = Plan.build(
        {
            "target": {"name": "raft", "election": "300ms"},
            "cluster": {"docker": {"image": "x"}},
            "nemeses": ["kill", {"partition": {"interval": "5s"}}, {"name": "clock", "max": "5s"}],
            "expect": ["linearizable", {"not": "linearizable"}, {"lost_writes": 0}],
            "time": "90s",
            "budget": {"check": "5s", "memory": "1GB"},
            "seed": 7,
        }
    )
    assert plans.load(written(tmp_path, made.to_yaml())) == made
    assert [part.name for part in made.nemeses] == ["kill", "partition", "clock"]
    assert made.nemeses[1].options == {"interval": "5s"}
    assert made.budget.memory == 1 << 30


def test_a_missing_seed_is_drawn_and_kept() -> None:
    seeds = {Plan.build({"target": "raft"}).seed for _ in range(8)}
    assert len(seeds) > 1


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "target: raft\nnodes: 3\ntime: 10s\n")
    made = Plan.build({"nodes": 7}, file)
    assert (made.nodes, made.time) == (7, 10.0)


MISTAKES = {
    "target: raft\nnodes: many\n": (2, "nodes: input should be a valid integer"),
    "target: raft\nnodes: 0\n": (2, "greater than or equal to 1"),
    "target: raft\n\nfoo: 1\n": (3, "there is no field 'foo'"),
    "nodes: 3\n": (1, "the field 'target' is missing"),
    "target: raft\ntime: 5 parsecs\n": (2, "is not a duration"),
    "target: raft\nexpect: [3]\n": (2, "cannot expect 3"),
    "target: raft\nnemeses: [kill, kill]\n": (2, "kill is named twice"),
    "target: raft\nnemeses:\n  - kill\n  - [a]\n": (4, "write a name"),
    "target: raft\nbudget:\n  check: 1s\n  memory: huge\n": (4, "is not a size"),
    "target: raft\ntarget: etcd\n": (2, "'target' is given twice"),
    "- raft\n": (1, "a plan is a mapping"),
    "target: [\n": (2, "is not YAML"),
    "target: !!python/object/apply:os.system [id]\n": (1, "is not YAML"),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, text: str) -> None:
    line, words = MISTAKES[text]
    file = written(tmp_path, text)
    with pytest.raises(PlanError) as caught:
        Plan.build({}, file)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert words in str(caught.value)
    assert caught.value.line == line


def test_every_mistake_of_a_plan_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        Plan.build({}, written(tmp_path, "target: raft\nnodes: many\nfoo: 1\n"))
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == ["2", "3"]


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: &y [*x, *x, *x]\n" + "".join(f"c{i}: &z{i} [" + "*y, " * 99 + "*y]\n" for i in range(200)),
        "a: &x [*x]\n",
        "[" * 5000,
        "\x00",
        "a: b\n" * 300_000,
    ],
    ids=["billion laughs", "endless alias", "deep", "NUL", "long"],
)
def test_hostile_yaml_is_refused_with_a_message(tmp_path: Path, text: str) -> None:
    with pytest.raises(PlanError):
        Plan.build({}, written(tmp_path, text))


def test_a_plan_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot be read: No such file"):
        Plan.build({}, tmp_path / "none.yaml")


def test_a_run_cannot_be_repeated_without_its_seed(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="has no seed"):
        plans.load(written(tmp_path, "target: raft\n"))
