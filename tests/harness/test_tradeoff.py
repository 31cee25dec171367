"""Both sides of a choice, in numbers and in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness import plugins, tradeoff
from harness.comparison import columns
from harness.experiment import checker_factory, resolve
from harness.plan import Plan
from harness.run import attempt
from harness.runs import RunFolder
from tests.histories import FAIL, INFO, Script
from workloads.checkout import Checkout
from workloads.register import Register
from workloads.shop import Shop

APPLICATIONS = ("bank", "checkout", "catalog", "shop", "timeline", "dns", "chat", "orders", "cart")


def column(
    figures: Mapping[str, int | None] | None = None, refused: int | None = 0, late_ms: float | None = None
) -> dict[str, Any]:
    counts = {"asked": 1_020, "refused": refused or 0, "unanswered": 0}
    return {
        "refusals": {} if refused is None else {"orders": counts},
        "figures": figures or {},
        "staleness_ms": late_ms,
    }


def test_what_was_not_served_of_the_load_is_counted() -> None:
    script = Script().phase("load", 0)
    for at, kind in ((1, FAIL), (2, INFO), (3, None)):
        script.op(at, f="order", type=kind)
    script.op(4, f="order", type=FAIL, error={"current": 3}).op(5, f="order")
    script.op(6, type=FAIL).phase("heal", 10).op(11, f="order", type=FAIL)
    counted = {"orders": {"asked": 5, "refused": 1, "unanswered": 2}}
    assert tradeoff.refusals(Checkout(), script.history()) == counted, "sold out is an answer"
    assert tradeoff.refusals(Register(), script.history()) == {}


def test_the_same_operation_is_something_else_in_another_flow() -> None:
    script = Script().op(1, key="browse/1").op(2, key="browse/1", type=FAIL).op(3, key="checkout/1", type=FAIL)
    script.op(4, key="checkout/1", f="order")
    assert tradeoff.refusals(Shop(), script.history()) == {
        "pages": {"asked": 2, "refused": 1, "unanswered": 0},
        "updates": {"asked": 0, "refused": 0, "unanswered": 0},
        "orders": {"asked": 1, "refused": 0, "unanswered": 0},
    }


@pytest.mark.parametrize(
    ("of", "told"),
    [
        (
            column({"units oversold": 0, "orders lost": 0}, refused=214),
            "raft refused or left unanswered 214 of 1,020 orders: no units oversold or orders lost",
        ),
        (
            column({"units oversold": 1_037, "orders lost": 1, "orders doubled": 0}),
            "raft refused or left unanswered none of 1,020 orders: 1,037 units oversold and 1 order lost; "
            "no orders doubled",
        ),
        (
            column({"audits that found an account overdrawn": 1, "own posts not seen": 1}, refused=None),
            "raft: 1 audit that found an account overdrawn and 1 own post not seen",
        ),
        (
            column({"stale reads": 12, "x": None}, late_ms=1234.4),
            "raft refused or left unanswered none of 1,020 orders: 12 stale reads and reads up to 1,234 ms late",
        ),
        (column(), "raft refused or left unanswered none of 1,020 orders"),
        (column(refused=None), ""),
    ],
)
def test_a_sentence_tells_both_sides(of: dict[str, Any], told: str) -> None:
    assert tradeoff.sentence("raft", of) == told


def test_a_column_of_two_flows_is_measured_flow_by_flow(tmp_path: Path) -> None:
    load = {"name": "shop", "products": 5, "items": 10, "rate": 60}
    plan = {"target": "shop", "workload": load, "nemeses": ["partition"], "time": "8s", "settle": "3s", "seed": 3}
    outcome = attempt(resolve(Plan.build(plan)), RunFolder.create(tmp_path, "shop", 3))
    column = columns(outcome)
    assert column["strongest_model"], "that of the pages"
    assert column["figures"]["units oversold"] == column["figures"]["acknowledged orders lost"] == 0
    refused = column["refusals"]
    assert refused["pages"]["refused"] == 0 < refused["orders"]["refused"] < refused["orders"]["asked"]
    assert column["summary"].startswith("shop refused or left unanswered none of ")


@pytest.mark.parametrize("name", APPLICATIONS)
def test_every_application_has_numbers_on_both_sides(name: str) -> None:
    workload = plugins.load("workloads", name)()
    assert isinstance(workload, tradeoff.AsksFor) and workload.asks_for
    assert any(getattr(checker_factory(expectation), "figures", None) for expectation in workload.expectations)
