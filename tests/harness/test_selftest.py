"""The selftest: hunts that find or do not, trials that blame or do not, and what there is to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import plugins, selftest
from harness.errors import UnknownName, UsageError
from harness.parallel import Lost
from harness.selftest import Clean, Hunt
from harness.target import Bug
from harness.verdict import Verdict
from tests import selftest_stores


@pytest.fixture(autouse=True)
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(selftest_stores.install(tmp_path / "site"))
    plugins._points.cache_clear()
    yield
    plugins._points.cache_clear()


def bug(name: str) -> Bug:
    return next(bug for bug in selftest_stores.honest().bugs if bug.name == name)


def test_a_hunt_tells_the_seed_the_trial_and_the_anomaly() -> None:
    hunted = selftest.hunt("honest", bug("loses-writes"), 1000, 3)
    found = hunted.found
    assert found is not None
    assert (found.seeds, found.seed, found.workload, found.nemeses) == (1, 1000, "register", ())
    assert (found.claim, found.anomaly) == ("honest-promise", "stale-read")
    assert found.message
    assert hunted.virtual_s == 2


def test_a_failure_of_another_kind_is_no_find() -> None:
    other = Bug("loses-writes", "forgets writes", ("divergent",))
    hunted = selftest.hunt("honest", other, 0, 2)
    assert hunted.found is None
    assert hunted.virtual_s == 4, "both seeds were tried"


def test_a_bug_that_does_not_show_is_not_found() -> None:
    hunted = selftest.hunt("honest", bug("does-nothing"), 0, 2)
    assert (hunted.found, hunted.seeds_max, hunted.problem) == (None, 2, "")


@pytest.mark.parametrize(
    ("store", "verdict", "why"),
    [
        ("honest", Verdict.PASS, ""),
        ("boastful", Verdict.FAIL, "boastful-promise: "),
        ("unsure", Verdict.INCONCLUSIVE, "absence in one run proves nothing"),
        ("crashing", Verdict.ERROR, "no such disk"),
    ],
)
def test_a_trial_of_an_unspoiled_store_tells_its_verdict_and_why(store: str, verdict: Verdict, why: str) -> None:
    run = selftest.clean(store, 0, 3)
    assert (run.target, run.trial, run.workload, run.seed, run.verdict) == (store, 0, "register", 3, verdict)
    assert why in run.why
    assert bool(run.why) == (verdict is not Verdict.PASS)


def test_hunts_come_first_and_repeated_hunts_have_seeds_of_their_own() -> None:
    todo = selftest.tasks(["unsure", "honest"], seeds_max=5, clean_seeds=2, repeats=2)
    assert [task.name for task in todo] == [
        "honest: hunt for loses-writes from seed 0",
        "honest: hunt for loses-writes from seed 1000",
        "honest: hunt for does-nothing from seed 0",
        "honest: hunt for does-nothing from seed 1000",
        "unsure: trial 1 with seed 0",
        "unsure: trial 1 with seed 1",
        "honest: trial 1 with seed 0",
        "honest: trial 1 with seed 1",
    ]


def test_a_bug_or_a_store_that_nobody_has_is_refused() -> None:
    with pytest.raises(UnknownName, match="no bug is called 'lose-writes': there is does-nothing, loses-writes"):
        selftest.tasks(["honest"], seeds_max=1, clean_seeds=0, repeats=1, only_bugs=["lose-writes"])
    with pytest.raises(UsageError, match="etcd has no trials in the simulator"):
        selftest.tasks(["etcd"], seeds_max=1, clean_seeds=0, repeats=1)


def test_every_installed_store_with_trials_is_a_subject() -> None:
    found = selftest.subjects()
    assert {"raft", "cache", "honest"} <= set(found)
    assert not {"etcd", "redis"} & set(found)
    assert all(bug.shows_as and bug.story for target in found.values() for bug in target.bugs)


def test_all_of_it_is_done_in_other_processes() -> None:
    todo = selftest.tasks(["honest", "misnamed"], seeds_max=2, clean_seeds=1, repeats=1)
    results = list(selftest.conduct(todo, 2))
    hunts = {one.bug: one.found is not None for one in results if isinstance(one, Hunt)}
    assert hunts == {"loses-writes": True, "does-nothing": False}
    assert [one.verdict for one in results if isinstance(one, Clean)] == [Verdict.PASS]
    [lost] = [one for one in results if isinstance(one, Lost)]
    assert lost.name == "misnamed: trial 1 with seed 0"
    assert "no workload is called 'no-such-work'" in lost.why
