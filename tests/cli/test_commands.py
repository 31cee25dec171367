"""The other commands: compare, list, doctor, clean, report, history, and how quickly help comes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cli.conftest import Splitbrain


def test_compare_tells_cp_from_ap(splitbrain: Splitbrain, tmp_path: Path) -> None:
    words = ("compare", "raft", "multi-leader", "--nemesis", "partition", "--time", "60s", "--seed", "7")
    compared = splitbrain.json(*words)
    raft, lww = compared["targets"]["raft"], compared["targets"]["multi-leader"]
    assert raft["strongest_model"] == "linearizable"
    assert raft["violation"] is None
    assert (raft["lost_writes"], raft["staleness_ms"]) == (0, 0)
    assert raft["availability"]["majority"] > 0.95
    assert raft["availability"]["minority"] < 0.1
    assert raft["recovery_s"] < 5
    assert lww["strongest_model"] != "linearizable"
    assert lww["violation"]["message"]
    assert lww["lost_writes"] > 0
    assert lww["staleness_ms"] > 100
    assert lww["availability"] == {"majority": 1.0, "minority": 1.0}
    page = (tmp_path / compared["report"]).read_text()
    HTMLParser().feed(page)
    assert "multi-leader" in page
    for column in (raft, lww):
        assert (tmp_path / column["run"] / "report.html").is_file()


def test_compare_asks_what_is_worse_to_refuse_customers_or_to_oversell(splitbrain: Splitbrain) -> None:
    words = ("compare", "raft", "multi-leader", "--workload", "checkout", "--nemesis", "partition", "--time", "10s")
    compared = splitbrain.json(*words, "--seed", "7")["targets"]
    raft, lww = compared["raft"]["figures"], compared["multi-leader"]["figures"]
    assert raft["units oversold"] == raft["acknowledged orders lost"] == 0
    assert lww["units oversold"] > 0 and lww["acknowledged orders lost"] > 0
    assert compared["multi-leader"]["violation"]["type"] == "oversold"
    refused = {target: column["refusals"]["orders"] for target, column in compared.items()}
    assert refused["raft"]["refused"] > 0
    assert (refused["multi-leader"]["refused"], refused["multi-leader"]["unanswered"]) == (0, 0)
    table = splitbrain(*words, "--seed", "7").stdout
    assert "units oversold" in table and "acknowledged orders lost" in table
    said = " ".join(table.split())
    assert all(" ".join(column["summary"].split()) in said for column in compared.values())
    assert f"{lww['units oversold']} units oversold" in compared["multi-leader"]["summary"]


def test_compare_prints_a_table(splitbrain: Splitbrain) -> None:
    done = splitbrain("compare", "raft", "multi-leader", "--nemesis", "partition", "--time", "10s", "--seed", "7")
    assert done.returncode == 0, done.stderr
    assert "strongest model not refuted" in done.stdout
    assert "compare-raft-multi-leader-7.html" in done.stdout


def test_compared_targets_meet_the_same_faults(splitbrain: Splitbrain, tmp_path: Path) -> None:
    words = ("compare", "raft", "multi-leader", "--nemesis", "partition", "--time", "30s", "--seed", "9")
    runs = [column["run"] for column in splitbrain.json(*words)["targets"].values()]
    drawn = [
        [json.loads(line)["draw"] for line in (tmp_path / run / "faults.jsonl").read_text().splitlines()]
        for run in runs
    ]
    assert len(drawn[0]) >= 1
    assert drawn[0] == drawn[1]


def test_everything_bundled_is_listed(splitbrain: Splitbrain) -> None:
    listed = splitbrain.json("list")
    assert {"raft", "multi-leader"} <= set(listed["targets"])
    assert {"sim", "docker"} <= set(listed["clusters"])
    assert {"partition", "kill", "pause", "clock", "packet"} <= set(listed["nemeses"])
    assert splitbrain("list", "targets").stdout.startswith("targets: ")


def test_doctor_gives_a_reason_for_every_no(splitbrain: Splitbrain) -> None:
    findings = splitbrain.json("doctor")
    assert findings["sim"]["available"] is None
    assert findings["sim"]["partition"] is None
    assert findings["sim"]["reject"], "messages have no connections that could be reset"
    text = splitbrain("doctor").stdout
    assert "power-loss" in text
    assert findings["sim"]["reject"][:40] in text


def test_clean_on_a_clean_machine_says_so(splitbrain: Splitbrain) -> None:
    splitbrain("clean")
    assert splitbrain("clean").returncode == 0
    assert set(splitbrain.json("clean")["removed"]) == set(splitbrain.json("list", "clusters")["clusters"])


def test_a_report_is_written_again_from_the_folder(splitbrain: Splitbrain, tmp_path: Path) -> None:
    run = splitbrain.json("run", "raft", "--time", "3s", "--seed", "1")["run"]
    report = tmp_path / run / "report.html"
    before = report.read_text()
    report.unlink()
    assert splitbrain("report", run).stdout.strip() == f"{run}/report.html"
    assert report.read_text() == before
    splitbrain("report", run, "--embed-ops-max", "50")
    assert "The 50 of " in report.read_text() and len(report.read_text()) < len(before)


def test_only_the_html_report_has_a_timeline_to_limit(
    splitbrain: Splitbrain, tmp_path: Path, refused: Callable[[subprocess.CompletedProcess[str], int], str]
) -> None:
    done = splitbrain("report", str(tmp_path), "--kind", "compare", "--embed-ops-max", "50")
    assert "--embed-ops-max is for --kind html" in refused(done, 2)


def test_a_history_that_nobody_reads_to_its_end_is_no_error(splitbrain: Splitbrain, tmp_path: Path) -> None:
    run = splitbrain.json("run", "raft", "--time", "30s", "--seed", "1")["run"]
    printing = subprocess.Popen(
        splitbrain.command("history", run),
        cwd=tmp_path,
        env=splitbrain.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert printing.stdout is not None
    assert printing.stderr is not None
    assert printing.stdout.readline().startswith(b'{"index":0')
    printing.stdout.close()
    assert printing.stderr.read() == b""
    printing.stderr.close()
    assert printing.wait(timeout=30) == 0


def test_help_names_every_command_and_exit_code(splitbrain: Splitbrain) -> None:
    done = splitbrain("--help")
    assert done.returncode == 0
    for word in ("run", "compare", "check", "history", "replay", "report", "list", "doctor", "clean", "inconclusive"):
        assert word in done.stdout
    for command in ("run", "compare", "check", "history", "replay", "report", "list", "doctor", "clean"):
        assert splitbrain(command, "--help").returncode == 0


def test_help_loads_no_plugin_and_nothing_heavy(splitbrain: Splitbrain) -> None:
    script = (
        "import sys; from harness.cli.main import cli\n"
        "cli.main(['--help'], standalone_mode=False); print(sorted(sys.modules))"
    )
    done = subprocess.run(
        [splitbrain.command()[0], "-c", script],
        env=splitbrain.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = done.stdout.rsplit("[", 1)[-1]
    for module in ("targets", "checkers", "workloads", "nemeses", "reports", "pandas", "docker", "pydantic", "rich"):
        assert f"'{module}'" not in loaded


@pytest.mark.parametrize("no_color", [False, True])
def test_colour_and_progress_are_for_terminals_that_want_them(splitbrain: Splitbrain, no_color: bool) -> None:
    colour = {"NO_COLOR": "1"} if no_color else {}
    seen = splitbrain.on_terminal("run", "raft", "--time", "5s", "--seed", "1", **colour)
    assert b"pass" in seen
    assert b"raft:" in seen, "progress was shown"
    assert (b"\x1b[1;32m" in seen) is not no_color


def test_a_report_is_asked_for_by_the_name_of_one_that_is_made_of_a_run(splitbrain: Splitbrain) -> None:
    splitbrain("run", "raft", "--time", "2s", "--seed", "1")
    [run] = (splitbrain.folder / "runs" / "raft").iterdir()
    assert splitbrain("report", str(run)).returncode == 0
    done = splitbrain("report", str(run), "--kind", "compare")
    assert done.returncode == 2
    assert "no report is called 'compare'" in done.stderr
