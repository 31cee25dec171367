"""The tables of a selftest: as a page, and in a document that has words of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import RecordingError, UsageError
from harness.parallel import Lost
from harness.scorecard import Scorecard
from harness.selftest import Clean, Found, Hunt
from harness.verdict import Verdict
from reports.selftest import BEGIN, END, markdown, page, write_selftest
from tests.reports.markup import parse

HOSTILE = "<script>alert(1)</script>\u202e|`x`\n![a](http://b)"


def document(*more: Any, bug: str = "loses-writes", story: str = "forgets writes") -> dict[str, Any]:
    """What `selftest --json` prints."""
    found = Found(3, 2, "register", ("kill", "packet"), "promise", "stale-read", "A read was stale.")
    clean = Clean("store", 0, "register", ("kill", "packet"), 0, Verdict.PASS, "", 0.25)
    return Scorecard.of([Hunt("store", bug, story, found, 50, 36, 1.5), clean, *more], 12.3).to_json()


def test_both_tables_are_written() -> None:
    text = markdown(document())
    assert "| store | loses-writes | kill, packet | register | 3 | 36 | 1.5 | stale-read |" in text
    assert "| store | 1 | register | kill, packet | 1 | 1 | 0 | 0 | 0 | 0.25 |" in text
    assert text.startswith(f"{BEGIN}\n\n**pass**: 1 of 1 bugs were found")


def test_the_page_tells_the_same() -> None:
    read = parse(page(document()))
    cells = [" ".join(cell.text.split()) for cell in read.one("section", id="bugs").one("tbody").all("td")]
    assert cells == ["loses-writes", "forgets writes", "stale-read", "register; kill, packet", "3", "36", "1.5"]
    cells = [" ".join(cell.text.split()) for cell in read.one("section", id="unspoiled").one("tbody").all("td")]
    assert cells == ["1", "register", "kill, packet", "1", "1", "0", "0", "0"]


def test_what_is_wrong_is_told_in_both() -> None:
    missed = Hunt("store", "hidden", "cannot be seen", None, 50, 600, 60)
    blamed = Clean("other", 1, "set", (), 4, Verdict.FAIL, "promise: lost 3", 0.2)
    told = document(missed, blamed, Lost("store: a task", "its process was ended by SIGKILL"))
    wrong = [
        ("store hidden", "not found in 1 of 1 hunts"),
        ("other trial 2", "seed 4: promise: lost 3"),
        ("store: a task", "its process was ended by SIGKILL"),
    ]
    text = markdown(told)
    assert all(f"- {where}: {why}\n" in text for where, why in wrong)
    rows = parse(page(told)).one("section", id="wrong").one("tbody").all("tr")
    assert [(row.one("th").text, row.one("td").text) for row in rows] == wrong


def test_whatever_a_plugin_calls_its_bugs_it_stays_text() -> None:
    told = document(bug=HOSTILE, story=HOSTILE)
    row = next(line for line in markdown(told).splitlines() if "alert" in line)
    assert row.count("|") - row.count("\\|") == 9, "no cell more than there are columns"
    assert "\\<script\\>" in row
    assert "\u202e" not in row
    text = page(told)
    parse(text)
    assert "<script>alert" not in text


def test_in_a_document_only_what_is_between_the_marks_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "doc.md"
    file.write_text(f"# Before\n\n{BEGIN}\nold tables\n{END}\n\nAfter.\n")
    write_selftest(file, document())
    once = file.read_text()
    assert once.startswith(f"# Before\n\n{BEGIN}\n")
    assert once.endswith(f"{END}\n\nAfter.\n")
    assert "old tables" not in once
    write_selftest(file, document())
    assert file.read_text() == once


def test_a_document_without_marks_is_added_to_and_a_new_one_holds_the_tables_alone(tmp_path: Path) -> None:
    (tmp_path / "doc.md").write_text("# Before\n")
    write_selftest(tmp_path / "doc.md", document())
    assert (tmp_path / "doc.md").read_text() == "# Before\n\n" + markdown(document())
    write_selftest(tmp_path / "new.md", document())
    assert (tmp_path / "new.md").read_text() == markdown(document())


@pytest.mark.parametrize("text", [f"words\n{BEGIN}\nwords", f"{END}\n", f"{END}\n{BEGIN}\n"])
def test_a_document_with_one_mark_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "doc.md").write_text(text)
    with pytest.raises(UsageError, match="only one of the marks"):
        write_selftest(tmp_path / "doc.md", document())
    assert (tmp_path / "doc.md").read_text() == text


def test_a_disk_that_refuses_is_told(tmp_path: Path) -> None:
    for name in ("none/a.md", "none/a.html"):
        with pytest.raises(RecordingError, match="cannot write"):
            write_selftest(tmp_path / name, document())
