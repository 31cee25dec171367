"""A run that goes on, as its growing history tells it."""

from __future__ import annotations

import re
import time
from itertools import islice
from pathlib import Path

import pytest

from harness._core import Recorder
from harness.history import History
from harness.plan import Plan
from reports.serve import live
from reports.serve.live import Watcher
from reports.serve.store import Missing, RunName, Store
from tests.reports.serve.folders import Server
from tests.reports.synthetic import failing

NAME = RunName("multi-leader", "20260102T030405-7")


class Growing:
    """A history that is recorded bit by bit, as a run does it."""

    def __init__(self, path: Path) -> None:
        self._events = iter(failing().history)
        self._recorder = Recorder(path)

    def grow(self, events: int) -> None:
        """Records so many more, and flushes them."""
        for op in islice(self._events, events):
            assert op.process is not None
            self._recorder.event(op.time, op.process, op.type, op.f, op.key, op.value, op.node, op.error)
        self._recorder.flush()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run that has just begun."""
    folder = tmp_path / NAME.target / NAME.run
    folder.mkdir(parents=True)
    plan = Plan.build(
        {"target": "multi-leader", "seed": 7, "time": "60s", "nemeses": ["partition"], "expect": ["linearizable"]}
    )
    (folder / "plan.yaml").write_text(plan.to_yaml(), encoding="utf-8")
    return folder


def test_a_history_is_read_as_it_grows(folder: Path, tmp_path: Path) -> None:
    watcher = Watcher(Store(tmp_path))
    with pytest.raises(Missing):
        watcher.look(NAME)
    growing, seen = Growing(folder / "history.arrow"), []
    for events in (0, 8000, 8000, 1 << 30):
        growing.grow(events)
        seen.append(watcher.look(NAME))
    assert (seen[0].ops, seen[0].phase, seen[0].charts) == (0, "starting", [])
    assert 0 < seen[1].ops < seen[2].ops < seen[3].ops
    assert seen[1].now_ns < seen[2].now_ns < seen[3].now_ns
    assert (seen[1].phase, seen[3].phase, seen[3].open) == ("load", "end", 0)
    whole = failing().history
    processes = whole.column("process")
    assert seen[3].ok == sum(kind == 1 and process >= 0 for kind, process in zip(whole.types(), processes, strict=True))


def test_a_torn_end_is_read_up_to_its_last_whole_batch(folder: Path, tmp_path: Path) -> None:
    growing, path = Growing(folder / "history.arrow"), folder / "history.arrow"
    growing.grow(4000)
    kept = path.read_bytes()
    growing.grow(4000)
    path.write_bytes(path.read_bytes()[: len(kept) + 1000])
    assert Watcher(Store(tmp_path)).look(NAME).last[0].index == 3999


def test_a_history_that_did_not_grow_is_not_read_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Growing(folder / "history.arrow").grow(100)
    watcher = Watcher(Store(tmp_path))
    first = watcher.look(NAME)
    monkeypatch.setattr(live, "measure", lambda _: pytest.fail("read again"))
    assert watcher.look(NAME) is first


def test_faults_are_in_force_from_their_beginning_to_their_end() -> None:
    recorder = Recorder(None)

    def history() -> History:
        return History(recorder.history())

    recorder.event(0, -1, 3, "phase", None, "load")
    start = recorder.invoke(10, -2, "start-kill", None, {"fault": "kill-1", "draw": {}})
    assert [fault.id for fault in live.measure(history()).in_force] == ["kill-1"]
    evidence = {"n1": {"status": "applied", "measured": {"pid": 7}}}
    done = {"fault": "kill-1", "draw": {}, "resolved": {"nodes": ["n1"]}, "nodes": evidence}
    recorder.complete(start, 20, 3, done)
    [fault] = live.measure(history()).in_force
    assert (fault.status, fault.hit) == ("applied", ["n1"])
    stop = recorder.invoke(30, -2, "stop-kill", None, {"fault": "kill-1"})
    recorder.complete(stop, 40, 3, {"fault": "kill-1", "nodes": evidence})
    recorder.event(50, 0, 0, "read")
    progress = live.measure(history())
    assert (progress.in_force, progress.faults, progress.open) == ([], 1, 1)


def test_the_page_follows_the_run_and_tells_a_violation_before_its_end(folder: Path, tmp_path: Path) -> None:
    growing = Growing(folder / "history.arrow")
    growing.grow(16_000)
    address = f"/runs/{NAME}/live"
    with Server(tmp_path) as server:
        page = server.get(address).page
        assert page.one("div", id="page").attributes["data-refresh"] == "2"
        assert "running" in page.one("p", class_="kicker").text
        assert server.post(f"/runs/{NAME}/check").status == 409
        deadline = time.monotonic() + 60
        while "VIOLATION" not in (told := server.get(address).page.one("main").text):
            assert time.monotonic() < deadline, told
            growing.grow(10)
            time.sleep(0.5)
        assert re.search(r"linearizable\s*VIOLATION: [a-z-]+ at \d+\.\d s", told)
        (folder / "verdict.json").write_text("whatever it is: the run has ended")
        assert "data-refresh" not in server.get(address).page.one("div", id="page").attributes


def test_a_live_page_of_nothing_recorded_says_so(folder: Path, tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        assert "history.arrow cannot be opened" in server.get(f"/runs/{NAME}/live").text
        (folder / "history.arrow").write_bytes(b"not a history at all")
        answer = server.get(f"/runs/{NAME}/live")
        assert answer.status == 200
        assert f"{NAME}/history.arrow: the Arrow stream is damaged" in answer.page.one("p", class_="problem").text
