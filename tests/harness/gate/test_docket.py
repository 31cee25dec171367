"""The docket: which runs are made, in which order, and when they end."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.gate import docket
from harness.gate.baseline import Accepted
from harness.gate.claims_file import Case, load
from harness.gate.docket import Settings
from harness.gate.standing import Standing
from harness.verdict import Verdict

DEFAULTS = "defaults: {time: 6s, settle: 1s, seeds: 2, nemeses: [{name: partition, interval: 1s}]}\nclaims:\n"
CONVERGES = "  - {id: converges, target: multi-leader, expect: {converges: {within: 5s}}}\n"
BROKEN = "  - {id: broken, target: multi-leader, expect: linearizable, seeds: 20}\n"
LIMIT = "  - {id: limit, target: multi-leader, expect: {not: linearizable}, seeds: 20}\n"


def cases(folder: Path, *claims: str) -> list[Case]:
    file = folder / "claims.yaml"
    file.write_text(DEFAULTS + "".join(claims))
    return load(file)


def conducted(folder: Path, *claims: str, **settings: object) -> dict[str, Standing]:
    found = docket.conduct(
        cases(folder, *claims),
        Settings(runs_root=folder / "runs", workers=1, **settings),  # type: ignore[arg-type]
    )
    return {standing.case.name: standing for standing in found}


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "runs").glob("*/*"))


def test_claims_on_the_same_runs_share_them_and_clean_runs_leave_nothing(tmp_path: Path) -> None:
    watched: list[int] = []
    found = docket.conduct(
        cases(tmp_path, CONVERGES, BROKEN, LIMIT),
        Settings(runs_root=tmp_path / "runs", workers=1),
        lambda standings, plans: watched.append(len(plans)),
    )
    converges, broken, limit = found
    assert (converges.verdict, broken.verdict, limit.verdict) == (Verdict.PASS, Verdict.FAIL, Verdict.PASS)
    assert broken.shown is not None
    assert limit.shown is not None
    assert broken.shown.folder == limit.shown.folder  # one run, judged twice
    assert converges.tried == 2
    assert max(converges.tried, broken.tried, limit.tried) <= 3
    assert [str(folder) for folder in kept(tmp_path)] == [broken.shown.folder]
    assert (Path(broken.shown.folder) / "report.html").exists()
    assert max(watched) == 1


def test_what_broke_a_claim_last_time_is_tried_first(tmp_path: Path) -> None:
    found = conducted(tmp_path, BROKEN, remembered={"broken": 77})["broken"]
    assert found.shown is not None
    assert found.shown.seed == 77
    assert found.tried == 1


def test_a_spent_budget_leaves_claims_open_and_says_so(tmp_path: Path) -> None:
    found = conducted(tmp_path, CONVERGES, budget_s=0)["converges"]
    assert (found.verdict, found.tried) == (Verdict.INCONCLUSIVE, 0)
    assert "the budget of 0 s ended" in found.why


def test_an_accepted_violation_lets_the_other_seeds_be_tried(tmp_path: Path) -> None:
    accepted = [Accepted("broken", "stale-read", "last write wins")]
    few = BROKEN.replace("seeds: 20", "seeds: 2")
    found = conducted(tmp_path, few, accepted=accepted)["broken"]
    assert found.verdict in (Verdict.PASS, Verdict.FAIL)
    if found.verdict is Verdict.PASS:
        assert found.tried == 2
        assert list(found.known) == accepted
    else:
        assert found.shown is not None
        assert found.shown.sighting.anomaly != "stale-read"


def test_the_heaviest_faults_come_first_and_every_regime_once_before_any_twice(tmp_path: Path) -> None:
    order: list[tuple[str, int]] = []
    claims = (
        "  - {id: light, target: raft, expect: linearizable, nemeses: []}\n",
        "  - {id: heavy, target: raft, expect: linearizable, nemeses: [partition, kill]}\n",
    )

    def watch(_standings: object, plans: object) -> None:
        for plan in plans:  # type: ignore[attr-defined]
            step = ("heavy" if plan.nemeses else "light", plan.seed)
            if step not in order:
                order.append(step)

    docket.conduct(cases(tmp_path, *claims), Settings(runs_root=tmp_path / "runs", workers=1, budget_s=60), watch)
    assert order[:3] == [("heavy", 0), ("light", 0), ("heavy", 1)]


def test_all_folders_are_kept_on_request(tmp_path: Path) -> None:
    conducted(tmp_path, CONVERGES, keeps_all=True)
    assert len(kept(tmp_path)) == 2


@pytest.mark.parametrize("workers", [2, 3])
def test_verdicts_do_not_depend_on_how_many_work(tmp_path: Path, workers: int) -> None:
    found = docket.conduct(cases(tmp_path, CONVERGES, BROKEN), Settings(runs_root=tmp_path / "runs", workers=workers))
    assert [standing.verdict for standing in found] == [Verdict.PASS, Verdict.FAIL]
