"""The comparison: columns, labels, sentences, shared scales."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from reports.compare import ComparisonRow, comparison, link, write_comparison
from tests.reports.markup import Element, parse
from tests.reports.synthetic import STALE, failing, passing_partition, write_run
from tests.reports.test_html import HOSTILE, hostile_run


def rows() -> list[ComparisonRow]:
    """A consistent and an available store."""
    cp = ComparisonRow(
        target="raft",
        verdict="pass",
        run=passing_partition(),
        strongest_model="linearizable",
        available_majority=0.9971,
        available_minority=0.083,
        by_f={"minority": {"read": 0.2, "write": 0.01}},
        calm_ms=(8.1, 10.9),
        faults_ms=(8.94, 213.8),
        recovery_s=1.24,
        convergence_s=0.0,
        converged=True,
        staleness_ms=0.0,
        lost_writes=0,
        workload="register",
        report="raft/1/report.html",
    )
    ap = ComparisonRow(
        target="multi-leader",
        verdict="fail",
        run=failing(),
        strongest_model="eventual",
        violation_type="stale-read",
        violation=STALE,
        available_majority=0.9999,
        available_minority=0.9994,
        calm_ms=(0.757, 1.74),
        recovery_s=0.0,
        convergence_s=0.166,
        converged=True,
        staleness_ms=1810.4,
        lost_writes=37,
        unmeasured={"latency_ms.faults": "nothing was answered while a fault was in force"},
        workload="register",
        report="multi-leader/2/report.html",
    )
    return [cp, ap]


@pytest.fixture(scope="module")
def page() -> Element:
    return parse(comparison(rows()))


def table(page: Element) -> dict[str, list[str]]:
    body = page.one("table", class_="matrix").one("tbody")
    return {row.one("th").text: [" ".join(cell.text.split()) for cell in row.all("td")] for row in body.all("tr")}


def test_every_column_is_told(page: Element) -> None:
    assert table(page) == {
        "Chose, when the network split": ["CP consistency", "AP availability"],
        "Strongest model not refuted": ["linearizable (register)", "eventual (register)"],
        "Violation found": ["none", f"stale-read {STALE}"],
        "Answered on the majority side, during partitions": ["99.71 %", "99.99 %"],
        "Answered on the minority side, during partitions": ["8.3 % read 20 % write 1 %", "99.94 %"],
        "Latency without faults, median and p99": ["8.10 ms p99 10.9 ms", "757 µs p99 1.74 ms"],
        "Latency during faults, median and p99": ["8.94 ms p99 214 ms", "not measured"],
        "Stalest read": ["never stale", "1.81 s"],
        "Converged after healing, within": ["at once", "166 ms"],
        "Acknowledged writes lost": ["none", "37"],
        "Recovery after healing, at most": ["1.24 s", "at once"],
        "Verdict on its own promises": ["pass", "fail"],
        "Its own report": ["every detail", "every detail"],
    }
    links = [str(one.attributes["href"]) for one in page.one("table", class_="matrix").all("a")]
    assert links == ["./raft/1/report.html", "./multi-leader/2/report.html"]


def test_what_happened_is_told_in_a_sentence_each(page: Element) -> None:
    findings = [" ".join(one.text.split()) for one in page.one("ul", class_="findings").all("li")]
    assert findings == [
        "CP raft stayed linearizable, and answered 8.3 % of what the minority side asked during partitions.",
        "AP multi-leader answered 99.94 % of what the minority side asked during partitions, "
        "and returned reads up to 1,810 ms stale and lost 37 acknowledged writes.",
    ]


def test_the_legend_explains_the_labels(page: Element) -> None:
    legend = page.one("section", id="meaning").text
    assert "consistency first" in legend and "availability first" in legend and "CAP theorem" in legend


def test_charts_share_their_axes(page: Element) -> None:
    panels = page.one("div", class_="multiples").all("div", class_="panel")
    assert len(panels) == 2
    for kind in ("throughput", "latency"):
        axes = [
            [text.text for text in panel.one("svg", **{"aria-labelledby": f"{kind}-{index}-title"}).all("text")]
            for index, panel in enumerate(panels)
        ]
        assert axes[0] == axes[1] and len(axes[0]) > 5
    ids = [one.attributes["id"] for one in page if "id" in one.attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("changes", "stance"),
    [
        ({}, "CP"),
        ({"strongest_model": "serializable"}, "CP"),
        ({"strongest_model": "sequential"}, "neither"),
        ({"available_minority": None}, None),
        ({"available_minority": 1.0}, None),
        ({"available_minority": 1.0, "available_majority": 0.5}, "CP"),
        ({"available_minority": 1.0, "available_majority": 0.5, "strongest_model": "causal"}, "neither"),
        ({"available_minority": 0.9, "strongest_model": "causal"}, "AP"),
        ({"available_minority": 0.9, "strongest_model": None}, "AP"),
        ({"strongest_model": "causal"}, "neither"),
        ({"strongest_model": None}, "neither"),
    ],
)
def test_labels_go_by_what_was_measured(changes: dict[str, Any], stance: str | None) -> None:
    assert dataclasses.replace(rows()[0], **changes).stance == stance


def test_what_is_not_known_is_not_invented() -> None:
    bare = ComparisonRow("raft", "error", problem="no node came up")
    page = parse(comparison([bare, rows()[1]]))
    assert [cells[0] for cells in table(page).values()] == [
        "undecided", *["not measured"] * 10, "error", "–",
    ]  # fmt: skip
    findings = page.one("ul", class_="findings").all("li")
    assert findings[0].text.strip() == "raft could not be measured: no node came up"
    assert len(page.one("div", class_="multiples").all("div", class_="panel")) == 1


@pytest.mark.parametrize("report", ["javascript:alert(1)", "//evil.test/x", "http://evil.test", 'a"b', "../up/r.html"])
def test_a_link_stays_below_or_beside_the_page(report: str) -> None:
    address = link(report)
    assert address.startswith("./") and ":" not in address and '"' not in address


@pytest.mark.parametrize("evil", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_a_target_returns_becomes_markup(evil: str) -> None:
    def tree(text: str) -> Element:
        texts = dict.fromkeys(("verdict", "strongest_model", "violation_type", "violation", "report", "problem"), text)
        return parse(
            comparison([ComparisonRow(text, run=hostile_run(text), available_minority=1.0, **texts), rows()[1]])
        )

    found, harmless = tree(evil), tree("plain")
    assert [(one.name, set(one.attributes)) for one in found] == [(one.name, set(one.attributes)) for one in harmless]


def test_the_page_is_made_from_what_the_command_prints(tmp_path: Path) -> None:
    folder = tmp_path / "raft" / "1"
    write_run(folder, passing_partition())
    column = {
        "verdict": "pass",
        "run": str(folder),
        "strongest_model": "linearizable",
        "violation": None,
        "workload": "register",
        "undecided": "the budget ran out",
        "availability": {"majority": 0.99, "minority": 0.1},
        "latency_ms": {"calm": {"p50": 3.0, "p99": 4.0}, "faults": {"p50": None, "p99": None}},
        "convergence_s": None,
        "converged": False,
        "unmeasured": {"latency_ms.faults": "nothing was <answered>"},
        "recovery_s": 0.5,
        "staleness_ms": 0.0,
        "lost_writes": 0,
        "refusals": {"orders": {"asked": 1_020, "refused": 200, "unanswered": 14}},
        "figures": {"units oversold": 57, "<b>lost</b>": 0},
        "problem": None,
    }
    nowhere = {
        **column,
        "verdict": "error",
        "run": str(tmp_path / "x"),
        "strongest_model": None,
        "problem": "no engine",
    }
    path = write_comparison({"raft": column, "../else where": nowhere}, tmp_path)
    assert path == tmp_path / "compare-raft-.._else_where-7.html"
    page = parse(path.read_text(encoding="utf-8"))
    [address] = [str(one.attributes["href"]) for one in page.one("table", class_="matrix").all("a")]
    assert (tmp_path / address).samefile(folder / "report.html")
    assert "../else where could not be measured: no engine" in page.text
    assert table(page)["Chose, when the network split"][0] == "CP consistency"
    assert table(page)["Strongest model not refuted"][0] == "linearizable (register) undecided: the budget ran out"
    assert table(page)["Latency without faults, median and p99"][0] == "3.00 ms p99 4.00 ms"
    assert table(page)["Converged after healing, within"][0] == "never"
    assert [one.text for one in page if one.attributes.get("title") == "nothing was <answered>"] == 2 * ["not measured"]
    assert table(page)["units oversold"][0] == "57"
    assert table(page)["orders refused or left unanswered"][0] == "214 of 1,020"
    assert table(page)["<b>lost</b>"][0] == "none"


def many() -> list[ComparisonRow]:
    """A dozen stores."""
    cp, ap = rows()
    lost = ComparisonRow("nowhere", "error", problem="no node came up")
    consistent = [dataclasses.replace(cp, target=f"consistent-{number}") for number in range(5)]
    available = [dataclasses.replace(ap, target=f"available-{number}", workload="set") for number in range(6)]
    return [*consistent, *available, lost]


def test_many_targets_have_a_row_each_and_are_told_by_what_they_chose() -> None:
    page = parse(comparison(many()))
    roster = page.one("table", class_="roster")
    heads = [" ".join(one.text.split()) for one in roster.one("thead").all("th")]
    assert heads[:4] == ["Target", "Chose", "Strongest model", "Answered, majority"]
    found = [[" ".join(cell.text.split()) for cell in row.all("td")] for row in roster.one("tbody").all("tr")]
    assert {len(row) for row in found} == {len(heads) - 1}
    assert found[0][:4] == ["CP", "linearizable (register)", "99.71 %", "8.3 % read 20 % write 1 %"]
    assert found[5][1:3] == ["eventual (set)", "99.99 %"]
    assert found[-1] == ["undecided", *["not measured"] * 9, "error"]
    told = [" ".join(one.text.split()) for one in page.all("ul", class_="findings")[0].all("li")]
    assert told[0].startswith("CP consistent-0, consistent-1, ") and told[0].endswith(
        "and consistent-4 kept one truth, and left somebody waiting."
    )
    assert [line.split()[0] for line in told] == ["CP", "AP", "nowhere"]
    assert len(page.all("ul", class_="findings")[1].all("li")) == 12, "each has its sentence, too"
    assert len(page.one("div", class_="multiples").all("div", class_="panel")) == 11


def test_figures_have_a_column_where_all_of_many_have_one_workload() -> None:
    same = [dataclasses.replace(row, workload="checkout", figures={"units oversold": 3}) for row in many()]
    assert "units oversold" in parse(comparison(same)).one("table", class_="roster").text
    mixed = [*same[1:], dataclasses.replace(same[0], workload="set")]
    assert "units oversold" not in parse(comparison(mixed)).one("table", class_="roster").text


def test_no_target_at_all_is_still_a_page(tmp_path: Path) -> None:
    path = write_comparison({}, tmp_path)
    assert parse(path.read_text(encoding="utf-8")).all("table", class_="matrix")
