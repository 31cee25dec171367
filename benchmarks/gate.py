"""Twenty claims over the bundled stores, gated: seconds from the command to the exit code. `python -m benchmarks.gate`

The aim is a minute on two cores: what a pull request waits for.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AIM_S = 60.0
CLAIMS = Path(__file__).with_name("gate.claims.yaml")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        words = [sys.executable, "-m", "harness.cli", "gate", str(CLAIMS), "--runs", folder, "--json"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        took_s = time.monotonic() - began
    if not done.stdout:
        print(done.stderr, file=sys.stderr)
        return 1
    found = json.loads(done.stdout)
    for case in found["cases"]:
        print(f"{case['verdict']:12}  {case['name']:28}  {case['runs']:2} runs  {case['why'][:90]}")
    met = "met" if took_s <= AIM_S else "MISSED"
    print(f"{len(found['cases'])} claims, {found['runs']} runs: {took_s:.1f} s (aim {AIM_S:.0f} s: {met})")
    return 0 if found["verdict"] == "pass" else 1


if __name__ == "__main__":
    sys.exit(main())
