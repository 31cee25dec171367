#!/bin/sh
# Runs the tests: tools/test.sh PYTHON [pytest arguments]. What this machine cannot run is left out with its reason; in CI nothing is.
set -eu
python=$1
shift
left_out=""
leave_out() {
    echo "left out: tests marked '$1', because $2" >&2
    left_out="${left_out:+$left_out and }not $1"
}
if [ -z "${CI:-}" ]; then
    command -v chromium >/dev/null || leave_out browser "there is no chromium (on Debian as root, make test installs it)"
    if [ "$(id -u)" != 0 ]; then
        leave_out docker "they need root, to set nftables rules and patch clocks"
    elif ! docker info >/dev/null 2>&1; then
        leave_out docker "no Docker engine answers"
    fi
    reason=$("$python" -c 'from harness.clusters.process import ProcessCluster as C; print(C.probe()["available"] or "")')
    [ -z "$reason" ] || leave_out process "$reason"
    reason=$(PYTHONPATH=tests/harness/clusters:. "$python" -c 'import ssh_rig; print(ssh_rig.problem() or "")')
    [ -z "$reason" ] || leave_out ssh "$reason"
fi
pick() { echo "$1${left_out:+ and $left_out}"; }
real="(docker or process or ssh)"
# Exit code 5 says that all tests of a kind were left out.
"$python" -m pytest -n auto -m "$(pick "not $real")" "$@" || [ $? -eq 5 ]
# Tests on real nodes wait more than they compute: each kind of cluster has a worker of its own (tests/conftest.py).
"$python" -m pytest -n 3 --dist loadgroup -m "$(pick "$real and not alone")" "$@" || [ $? -eq 5 ]
"$python" -m pytest -m "$(pick "$real and alone")" "$@" || [ $? -eq 5 ]
