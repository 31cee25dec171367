"""The runtime needs Python and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]

SCRIPT = """
import sys
sys.path.insert(0, {repository!r})
import harness.node, harness.node.__main__, harness.node.connection, harness.node.maelstrom
ours = {{name for name in sys.modules if name.split(".")[0] == "harness"}}
strange = {{name.split(".")[0] for name in sys.modules}} - set(sys.stdlib_module_names) - {{"harness", "__main__"}}
print(sorted(strange), sorted(name for name in ours if not name.startswith("harness.node") and name != "harness"))
"""


@pytest.mark.parametrize("flags", [["-I", "-S"], ["-I", "-S", "-O"]])
def test_without_site_packages_it_imports_itself_alone(flags: list[str]) -> None:
    script = SCRIPT.format(repository=str(REPOSITORY))
    result = subprocess.run(
        [sys.executable, *flags, "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    assert result.stdout.strip() == "[] []"
