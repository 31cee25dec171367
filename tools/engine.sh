#!/bin/sh
# Makes sure that this machine has what the docker cluster needs: a Docker engine that answers, nft, and mmdebstrap to build
# base images where no registry can be reached.
#
# Idempotent. Installs packages only where something is missing, and only on Debian or Ubuntu as root. Starts the engine by systemd where systemd
# runs, else as a background process of its own (a CI job's container has no service manager). Never touches a running engine.
#
#   tools/engine.sh          install what is missing, start the engine, wait until it answers
#   tools/engine.sh check    only say what is missing; exit status 1 if anything is
set -eu

PATH=$PATH:/usr/sbin:/sbin
LOG=/var/log/splitbrain-dockerd.log
WAIT_S=${SPLITBRAIN_ENGINE_WAIT:-60}

say() { echo "engine: $*" >&2; }

answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

missing_packages() {
    command -v docker >/dev/null && command -v dockerd >/dev/null || answers || echo docker.io
    command -v nft >/dev/null || echo nftables
    command -v mmdebstrap >/dev/null || echo mmdebstrap
    command -v iptables >/dev/null || answers || echo iptables
    command -v docker-init >/dev/null || answers || echo tini
}

install_missing() {
    packages=$(missing_packages)
    [ -n "$packages" ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "missing: $(echo $packages); install them, or run this as root on Debian or Ubuntu"
        exit 1
    fi
    say "installing $(echo $packages)"
    export DEBIAN_FRONTEND=noninteractive
    # The packages' own start scripts may fail where no service manager runs; the engine is started below either way.
    apt-get -qq update
    apt-get -qq install -y --no-install-recommends $packages >/dev/null
}

# A pid file of an engine that was killed stops the next one, if some other process has taken its number meanwhile.
drop_stale_pid_file() {
    for file in /run/docker.pid /var/run/docker.pid; do
        [ -e "$file" ] || continue
        [ "$(cat "/proc/$(cat "$file")/comm" 2>/dev/null)" = dockerd ] || rm -f "$file"
    done
}

start_engine() {
    if [ -d /run/systemd/system ]; then
        systemctl start docker
        return
    fi
    drop_stale_pid_file
    # Descriptor 9 is the lock of this script: the engine must not inherit it.
    setsid nohup dockerd >>"$LOG" 2>&1 </dev/null 9>&- &
}

wait_for_engine() {
    tenths=0
    until answers; do
        if [ "$tenths" -ge "$((WAIT_S * 10))" ]; then
            say "the engine does not answer after ${WAIT_S} s; the last lines of $LOG:"
            tail -n 20 "$LOG" >&2 2>/dev/null || true
            exit 1
        fi
        sleep 0.1
        tenths=$((tenths + 1))
    done
}

if [ "${1:-}" = check ]; then
    packages=$(missing_packages)
    [ -z "$packages" ] || { say "missing: $(echo $packages)"; exit 1; }
    answers || { say "no Docker engine answers"; exit 1; }
    exit 0
fi

# Two jobs on one machine must not install or start at the same time.
exec 9>"${TMPDIR:-/tmp}/splitbrain-engine.lock"
if command -v flock >/dev/null; then flock 9; fi

install_missing
if ! answers; then
    if [ "$(id -u)" != 0 ]; then
        say "no Docker engine answers: start one, or run this as root"
        exit 1
    fi
    say "starting the engine"
    start_engine
    wait_for_engine
fi
say "Docker engine $(docker version --format '{{.Server.Version}}') answers"
