#!/bin/sh
# Brings what the tests need beyond the base machine. On Debian as root: a Docker engine (installed and started),
# Chromium, iproute2, strace, e2fsprogs, an SSH server and sudo, and the systems that are tested: etcd, Redis with Sentinel. Elsewhere it changes nothing;
# tools/test.sh then says which tests are left out, and why.
set -eu
here=$(dirname "$0")
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    exit 0
fi
if ! command -v chromium >/dev/null; then
    echo "installing Chromium for the report's tests ..." >&2
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >&2
fi
if ! command -v ip >/dev/null || ! command -v nsenter >/dev/null; then
    echo "installing what makes and enters the namespaces of nodes ..." >&2
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends iproute2 util-linux >&2
fi
if ! command -v strace >/dev/null || ! command -v mkfs.ext4 >/dev/null; then
    echo "installing strace and ext4's tools for the faults of disks ..." >&2
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends strace e2fsprogs >&2
fi
# The tests start SSH servers of their own, with their own settings: the machine's own is not wanted (RUNLEVEL=1 tells
# invoke-rc.d so).
if ! command -v sshd >/dev/null || ! command -v sudo >/dev/null || ! command -v openssl >/dev/null; then
    echo "installing an SSH server and sudo for the tests of the ssh cluster ..." >&2
    apt-get update -qq >&2
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openssh-server openssh-client sudo openssl procps >&2
fi
# The systems under test bring services of their own, which nobody asked to be started (RUNLEVEL=1 tells invoke-rc.d so).
for program in etcd:etcd-server redis-server:redis-server redis-sentinel:redis-sentinel; do
    if ! command -v "${program%%:*}" >/dev/null; then
        echo "installing ${program##*:} to test it ..." >&2
        apt-get update -qq >&2
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${program##*:}" >&2
    fi
done
"$here/engine.sh" >&2
