"""Flows: one history, two uses, each judged on its own operations and its own coverage."""

from __future__ import annotations

from typing import Any

import pytest

from checkers.convergence import Convergence
from harness import flows
from harness.checker import Budget
from harness.claims import Claim
from harness.errors import UsageError
from harness.experiment import checker_factory
from harness.judge import ClaimVerdict, judge, validate
from harness.verdict import Verdict
from tests.histories import FAIL, Script
from workloads.catalog import Catalog
from workloads.shop import Shop


def verdict(script: Script, expect: Any, families: tuple[str, ...] = ("kill",)) -> ClaimVerdict:
    claim = Claim.of("c", expect, workload="shop")
    [one] = judge(
        script.history(), [claim], workload=Shop(), families=families, checkers=checker_factory, budget=Budget()
    )
    return one


def test_a_flow_is_the_objects_whose_keys_begin_with_its_name() -> None:
    script = Script().phase("load", 0)
    for key in ("browse/1", "browser/1", "checkout/1", "browse", "checkout/browse/1", None):
        script.op(1, key=key)
    history = script.fault("kill-1", 2, 3, ["n1"]).phase("final", 9).history()
    mine = flows.select(history, "browse")
    assert {op.key for op in mine if (op.process or 0) >= 0} == {"browse/1"}
    others = [op for op in history if (op.process or 0) < 0]
    assert [op for op in mine if (op.process or 0) < 0] == others, "marks and faults are everybody's"
    assert all(history[op.index] == op for op in mine), "a proof names events of the whole history"
    assert flows.select(history, None) is history


def test_what_breaks_one_flow_does_not_break_the_other() -> None:
    script = Script().fault("kill-1", 1, 20, ["n1"])
    for at in range(2, 12):
        script.op(at, key="browse/1").op(at, key="checkout/1", type=FAIL)
    assert verdict(script, {"availability": {"flow": "browse"}}).verdict is Verdict.PASS
    broken = verdict(script, {"availability": {"flow": "checkout"}})
    assert broken.verdict is Verdict.FAIL and broken.why.startswith("checkout: 0 % of 10")
    assert verdict(script, {"availability": {"min": 0.5}}).why.startswith("50 % of 20"), "without a flow, of both"
    assert broken.expect == {"availability": {"flow": "checkout"}}


def test_a_pass_needs_coverage_of_its_own_flow() -> None:
    script = Script().fault("kill-1", 1, 5, ["n1"]).op(2, key="checkout/1").op(8, key="browse/1").phase("heal", 10)
    script.phase("final", 11).op(12, key="browse/1").op(12, "n2", key="browse/1")
    one = verdict(script, {"converges": {"flow": "browse"}})
    assert one.verdict is Verdict.INCONCLUSIVE
    assert one.why.endswith("no client operation was invoked inside a kill window")
    assert one.coverage["ops"] == 3
    assert Convergence().check(flows.select(script.history(), "browse"), budget=Budget()).verdict is Verdict.PASS


@pytest.mark.parametrize("flow", ["browsing", "", None, ["browse"], 1])
def test_a_flow_that_the_workload_has_not_is_refused(flow: Any) -> None:
    claim = Claim.of("c", {"availability": {"flow": flow}}, workload="shop")
    with pytest.raises(UsageError, match=r"workload shop has no flow .*: it has browse, checkout"):
        validate([claim], Shop(), checker_factory)
    with pytest.raises(UsageError, match=r"workload catalog has no flow .*: it has none"):
        validate([claim], Catalog(), checker_factory)


def test_whoever_only_has_a_history_names_a_flow_that_its_keys_name() -> None:
    script = Script().op(1, key="browse/1").op(2, key="checkout/1").op(3, key="alone")
    assert [op.key for op in flows.only(script.history(), "browse")] == ["browse/1", "browse/1"]
    with pytest.raises(UsageError, match=r"no key begins with 'brow/': the flows here are 'browse', 'checkout'$"):
        flows.only(script.history(), "brow")
    with pytest.raises(UsageError, match="there are no flows here"):
        flows.only(Script().op(1, key="alone").history(), "browse")


def test_of_many_flows_a_message_names_some() -> None:
    script = Script()
    for at in range(12):
        script.op(at, key=f"{at:02}{'x' * 100}/1")
    with pytest.raises(UsageError) as refused:
        flows.only(script.history(), "browse")
    assert str(refused.value).endswith(", ...") and len(str(refused.value)) < 700
