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
# Whole runs on real nodes wait more than they compute: two at a time. The rest measures milliseconds or looks at the
# whole machine, so it runs alone.
"$python" -m pytest -n 2 -m "$(pick "$real and beside")" "$@" || [ $? -eq 5 ]
"$python" -m pytest -m "$(pick "$real and not beside")" "$@" || [ $? -eq 5 ]
