"""What a GitHub job is told: escaped annotations, a bounded summary, outputs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from answers import HOSTILE, answer, case, hostile

from reports.github import ANNOTATIONS_MAX, commands, tell
from reports.markdown import CHARS_MAX, markdown

COMMAND = re.compile(r"::(error|warning|notice)( [a-zA-Z]+=[^:,\n]*(,[a-zA-Z]+=[^:,\n]*)*)?::[^\n]*")


def test_an_annotation_stands_at_the_claims_line_and_says_how_to_repeat_it() -> None:
    [line] = commands(answer(case(), case("fail", why="100 % lost")))
    assert line.startswith(
        "::error file=claims.yaml,line=12,endLine=12,title=raft-linearizable%3A lost-write::100 %25 lost"
    )
    assert line.endswith("%0A%0AAgain: splitbrain run raft --seed 7 --expect linearizable")


def test_the_worst_come_first_and_one_line_counts_the_rest() -> None:
    lines = commands(answer(*[case("inconclusive")] * 20, case("fail")))
    assert len(lines) == ANNOTATIONS_MAX + 1
    assert lines[0].startswith("::error")
    assert "and 12 more claims" in lines[-1]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_forge_no_command(text: str) -> None:
    lines = commands(hostile(text))
    assert len(lines) == 3
    assert all(COMMAND.fullmatch(line) for line in lines)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_break_neither_the_table_nor_the_code(text: str) -> None:
    page = markdown(hostile(text))
    assert len(page) < CHARS_MAX
    outside = "".join(re.split(r"(?m)^`{3,}.*$", page)[::2])
    rows = [line for line in outside.splitlines() if line.startswith("| ")]
    assert len(rows) == 4  # head, rule, two cases
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 6 for row in rows)
    words = re.sub(r"`[^`\n]*`", "", outside)
    assert not re.search(r"(?<!\\)<(?!/?details>|/?summary>)", words)
    assert "\n# forged" not in words


def test_the_job_gets_its_summary_and_outputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary, outputs = tmp_path / "summary", tmp_path / "outputs"
    summary.write_text("before\n")
    tell(answer(case("fail")), {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(outputs)})
    assert summary.read_text().startswith("before\n## ❌ splitbrain: fail")
    assert outputs.read_text() == "verdict=fail\nexit-code=1\n"
    told = capsys.readouterr()
    assert told.out == ""
    assert "::error file=claims.yaml,line=12" in told.err


def test_outside_a_job_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    tell(answer(case()), {})
    assert capsys.readouterr().err == ""
