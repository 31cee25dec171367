"""Which lines of the nodes' logs are from the time of a violation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.runs import Epoch, RunFolder
from reports.logs import FILES_MAX, LINE_CHARS_MAX, LINES_MAX, Excerpt, Logs

S = 1_000_000_000
BEGAN = int(datetime(2026, 3, 4, 10, 11, 12, tzinfo=UTC).timestamp()) * S
EPOCH = Epoch(2 * S, BEGAN)


def excerpts(folder: Path, text: str | bytes, start_ns: int = 10 * S, end_ns: int = 11 * S) -> list[Excerpt]:
    (folder / "n1").mkdir(exist_ok=True)
    (folder / "n1" / "node.log").write_bytes(text if isinstance(text, bytes) else text.encode())
    return Logs(folder, EPOCH).around(start_ns, end_ns)


@pytest.mark.parametrize(
    "stamp",
    [
        "12.500000",
        "2026-03-04T10:11:22.500Z",
        "2026-03-04 10:11:22.500",
        "2026-03-04T12:11:22,500+02:00",
        '{"level":"info","ts":"2026-03-04T10:11:22.500000Z","msg":"',
        "1:M 04 Mar 2026 10:11:22.500 *",
    ],
)
def test_a_time_is_read_as_programs_write_it(tmp_path: Path, stamp: str) -> None:
    [found] = excerpts(tmp_path, f"{stamp} hello\n")
    assert [line.time_ns for line in found.lines] == [10_500_000_000]
    assert found.timed and found.lines[0].text.endswith("hello")


def test_lines_of_another_time_are_not_shown_and_a_file_that_says_nothing_is_passed_over(tmp_path: Path) -> None:
    [found] = excerpts(tmp_path, "10.900000 early\n12.100000 then\n14.000000 edge\n14.100000 late\n")
    assert [line.text for line in found.lines] == ["then", "edge"]
    assert excerpts(tmp_path, "2.000000 long ago\n") == []


def test_a_line_without_a_time_belongs_to_the_one_before(tmp_path: Path) -> None:
    [found] = excerpts(tmp_path, "2.000000 start\nof it\n12.000000 Traceback\n  File x\nOSError\n20.000000 end\n")
    assert [line.text for line in found.lines] == ["Traceback", "  File x", "OSError"]


def test_of_many_lines_the_nearest_are_shown_and_of_a_file_without_times_the_last(tmp_path: Path) -> None:
    [found] = excerpts(tmp_path, "".join(f"{12 + one / 1000:.6f} line {one}\n" for one in range(1_000)))
    assert len(found.lines) == LINES_MAX and found.left_out == 1_000 - LINES_MAX
    assert found.lines[-1].text == "line 999"
    [found] = excerpts(tmp_path, "".join(f"line {one}\n" for one in range(1_000)))
    assert (found.timed, found.lines[0].text, found.left_out) == (False, "line 960", 960)


def test_without_an_epoch_no_line_can_be_placed(tmp_path: Path) -> None:
    excerpts(tmp_path, "12.500000 hello\n")
    [found] = Logs(tmp_path, None).around(0, 1)
    assert not found.timed and found.lines[0].text == "12.500000 hello"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe\x00\x00",
        b"9999-99-99T99:99:99Z x\n",
        b"0001-01-01T00:00:00+23:59 x\n",
        b"9" * 400 + b".000000 x\n",
    ],
)
def test_nonsense_is_text(tmp_path: Path, text: bytes) -> None:
    assert all(not one.timed or one.lines for one in excerpts(tmp_path, text))


def test_a_long_line_is_cut_and_links_and_more_files_are_left_alone(tmp_path: Path) -> None:
    [found] = excerpts(tmp_path, "12.000000 " + "x" * 1_000_000)
    assert len(found.lines[0].text) <= LINE_CHARS_MAX + 2
    secret = tmp_path / "secret"
    secret.write_text("12.000000 secret\n", encoding="utf-8")
    (tmp_path / "n1" / "a.log").symlink_to(secret)
    (tmp_path / "n2").symlink_to(tmp_path / "n1")
    for number in range(10):
        (tmp_path / "n1" / f"{number}.log").write_text("12.000000 x\n", encoding="utf-8")
    found_all = Logs(tmp_path, EPOCH).around(10 * S, 11 * S)
    assert len(found_all) == FILES_MAX and not any("secret" in line.text for one in found_all for line in one.lines)


def test_a_run_remembers_when_it_began(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.epoch() is None
    folder.write_epoch(EPOCH)
    assert folder.epoch() == EPOCH
    (tmp_path / "epoch.json").write_text("[]", encoding="utf-8")
    assert folder.epoch() is None
