"""The published JSON schema of SARIF 2.1.0, as the Go module go-sarif carries it: no registry has it by itself."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

MODULE = "github.com/owenrumney/go-sarif/v3@v3.3.1"


@cache
def schema() -> dict[str, Any]:
    """The schema, from the module cache; downloaded, with its checksum verified, where it is not there yet."""
    done = subprocess.run(
        ["go", "mod", "download", "-json", MODULE], capture_output=True, text=True, check=True, timeout=240
    )
    source = Path(json.loads(done.stdout)["Dir"], "pkg/report/v210/sarif/schema.go").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(source.split("`")[1])
    return found
