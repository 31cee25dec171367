"""The report: one line of text per run."""

import json
from pathlib import Path


def write_line(run: Path) -> Path:
    """Writes `line.txt` into the run's folder, from its verdict.json."""
    verdict = json.loads((run / "verdict.json").read_text(encoding="utf-8"))
    line = run / "line.txt"
    line.write_text(f"{verdict['target']}: {verdict['verdict']}\n", encoding="utf-8")
    return line
