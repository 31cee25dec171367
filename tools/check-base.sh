#!/bin/sh
# What must be on the machine before anything can be built: one line per thing that is missing.
set -eu
python=${1:-python3}
missing=0
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "splitbrain needs Python 3.11 or newer as '$python': set PYTHON=/path/to/python3 for make" >&2
    missing=1
elif ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "splitbrain needs Python's venv module: on Debian, apt-get install python3-venv" >&2
    missing=1
fi
if ! command -v cargo >/dev/null; then
    echo "splitbrain needs Rust 1.85 or newer (cargo) to build its core: see https://rustup.rs" >&2
    missing=1
fi
exit $missing
