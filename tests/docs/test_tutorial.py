"""The tutorial and the README do what they say: each command is run as it stands there, and printed what is quoted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pages
import pytest

from harness import plugins
from targets.toy import Toy

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "docs" / "tutorial").glob("*.md"))
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
RUN = [
    pytest.param(command, id=f"{file.name}:{command.line}")
    for file in [ROOT / "README.md", *CHAPTERS]
    for command in pages.read(file).commands
    if command.run
]
TIMEOUT_S = 120


@pytest.mark.parametrize("command", RUN)
def test_a_command_ends_and_prints_as_told(command: pages.Command, tmp_path: Path) -> None:
    for name, text in pages.read(command.file).files.items():
        (tmp_path / name).write_text(text)
    done = _sh(command.script, tmp_path)
    printed = done.stdout + done.stderr
    assert done.returncode == command.exits, (
        f"exit {done.returncode}: mark the block if it should, or is not run\n{printed}"
    )
    lines = list(map(pages.spaced, printed.splitlines()))
    missing = [told for told in command.told if not any(map(pages.pattern(told).search, lines))]
    assert not missing, f"{command.file.name}:{command.line} quotes what is not in\n{printed}"


def test_the_table_of_what_stores_give_up_is_what_the_command_above_it_writes(tmp_path: Path) -> None:
    """Every cell but the words round it: a store that changed makes another table, to be written with that command."""
    page = ROOT / "docs" / "cap-table.md"
    [command] = [each for each in pages.read(page).commands if "--markdown docs/cap-table.md" in each.script]
    copy = tmp_path / "docs" / page.name
    copy.parent.mkdir()
    blank = re.sub(r"(<!-- compare: table -->).*(<!-- compare: end -->)", r"\1\n\2", page.read_text(), flags=re.DOTALL)
    copy.write_text(blank)
    done = _sh(command.script, tmp_path)
    assert done.returncode == 0, done.stderr
    assert copy.read_text() == page.read_text(), f"write the table again:\n{command.script}"


def _sh(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    tools = folder / "bin"
    tools.mkdir()
    tool = tools / "splitbrain"
    tool.write_text(f'#!/bin/sh\nexec {sys.executable} -m harness.cli "$@"\n')
    tool.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    environment.pop("GITHUB_ACTIONS", None)  # where `gate` would write annotations, too
    return subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_every_bundled_store_has_its_place_and_a_bug_to_see() -> None:
    scripts = [command.script for file in CHAPTERS for command in pages.read(file).commands if command.run]
    stores = [name for name in plugins.names("targets") if isinstance(plugins.load("targets", name)(), Toy)]
    assert stores
    for store in stores:
        runs = [script for script in scripts if re.search(rf"splitbrain run {store}\s", script)]
        assert any("--bug" in script for script in runs), f"the tutorial shows no bug of {store}"
        assert any("--bug" not in script for script in runs), f"the tutorial does not show {store} as it should be"


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(file: Path) -> None:
    for link in pages.links(file):
        path, _, fragment = link.partition("#")
        there = (file.parent / path).resolve() if path else file
        assert there.is_relative_to(ROOT), link
        assert there.exists(), link
        if fragment and there.suffix == ".md":
            assert fragment in pages.anchors(there), link


@pytest.mark.parametrize(
    ("told", "line", "same"),
    [
        ("none of 421 acknowledged writes was lost", "lost_writes: none of 9 acknowledged writes was lost", True),
        ("none of 421 acknowledged writes was lost", "lost_writes: 3 of 421 acknowledged writes were lost", False),
        ("100 % of 842 operations", "100 % of 7,001 operations", True),
        ("100 % of 842 operations", "99.7 % of 842 operations", False),
        ("100 % of 842 operations", "0.100 % of 842 operations", False),
        ("0 % of 842 operations", "10 % of 842 operations", False),
        ("0 % of 842 operations", "0.5 % of 842 operations", False),
        ("15 of 629 were lost", "0 of 629 were lost", False),
        ("15 of 629 were lost", "0.5 of 629 were lost", True),
        ("read … although", "Process 3 read null at 2 ms although", True),
        ("pass raft", "fail raft", False),
    ],
)
def test_a_quote_is_of_words_and_of_what_none_and_all_is(told: str, line: str, same: bool) -> None:
    assert bool(pages.pattern(told).search(line)) == same


def test_marks_and_files_are_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One\n<!-- exits 3 -->\n```sh\nfalse\n```\nprints\n```text\n a line\n```\n"
        "<!-- not run: long -->\n\n```sh\nlater\n```\n```sh\ntrue\n```\n```yaml\n# a.yaml\nx: 1\n```\n[a](b.md#one)\n"
    )
    document = pages.read(page)
    assert [(c.script, c.exits, c.run, c.told) for c in document.commands] == [
        ("false\n", 3, True, ["a line"]),
        ("later\n", 0, False, []),
        ("true\n", 0, True, []),
    ]
    assert document.files == {"a.yaml": "# a.yaml\nx: 1\n"}
    assert pages.links(page) == ["b.md#one"]
    assert pages.anchors(page) == {"one"}
