"""The pytest plugin: claims files as tests, and fixtures for tests that are written in Python.

    pytest raft.claims.yaml -n 2            every case of the file is a test, at the line of its claim

    @pytest.mark.splitbrain(target="raft", nemeses=["partition"], time="12s", seeds=5)
    def test_raft_is_linearizable(run_test):
        run_test(expect=["linearizable"])   # five tests, one for each seed

    @pytest.mark.splitbrain(target="raft", nodes=3)
    def test_a_majority_serves(cluster):
        async def story(nodes):
            await nodes.network.cut("my-fault", {"n1": ["n2", "n3"], "n2": ["n1"], "n3": ["n1"]})
            ...
        cluster(story)

The marker has the fields of a plan, and `seeds`. Whatever is asked for costs one import at the start of pytest, of
this module alone; the harness is imported when a test needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.pytest_plugin.fixtures import RunTest, StartCluster

MARKER = "splitbrain"
SUFFIXES = (".claims.yaml", ".claims.yml")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("splitbrain", "testing what distributed systems promise")
    group.addoption("--splitbrain-runs", metavar="DIR", default="runs", help="Where failed runs are kept (runs).")
    group.addoption("--splitbrain-budget", metavar="TIME", default=None, help="Wall time for one claim, such as 60s.")
    group.addoption("--splitbrain-baseline", metavar="FILE", default=None, help="Known violations that are accepted.")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"{MARKER}(target, **plan, seeds=1): what `run_test` runs and `cluster` starts; the fields of a plan"
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if not file_path.name.endswith(SUFFIXES):
        return None
    from harness.pytest_plugin.collect import ClaimsFile

    return ClaimsFile.from_parent(parent, path=file_path)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker(MARKER)
    if marker and "seeds" in marker.kwargs and "seed" in metafunc.fixturenames:
        first = marker.kwargs.get("seed", 0)
        metafunc.parametrize("seed", range(first, first + marker.kwargs["seeds"]))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of this test: each of the marker's `seeds`, its `seed`, or 0."""
    marker = request.node.get_closest_marker(MARKER)
    first: int = marker.kwargs.get("seed", 0) if marker else 0
    return first


@pytest.fixture
def run_test(request: pytest.FixtureRequest, seed: int) -> RunTest:
    """Makes a run and fails the test unless it passes; see `harness.pytest_plugin.fixtures.RunTest`."""
    from harness.pytest_plugin.fixtures import RunTest

    return RunTest(_plan(request, seed), Path(request.config.getoption("--splitbrain-runs")), request.node)


@pytest.fixture
def cluster(request: pytest.FixtureRequest, seed: int) -> StartCluster:
    """Starts a cluster for a story; see `harness.pytest_plugin.fixtures.StartCluster`."""
    from harness.pytest_plugin.fixtures import StartCluster

    return StartCluster(_plan(request, seed))


def _plan(request: pytest.FixtureRequest, seed: int) -> dict[str, Any]:
    """The marker's fields, with this test's seed."""
    marker = request.node.get_closest_marker(MARKER)
    fields = dict(marker.kwargs) if marker else {}
    fields.pop("seeds", None)
    return fields | {"seed": seed}
