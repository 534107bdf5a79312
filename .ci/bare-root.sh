#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tries the promise of the README on a bare Debian 12: a minimal system in a temporary folder, a clone of this checkout's
# HEAD in it, and there `./dev run --for 20s` and `./dev test`, with no terminal, no input and no locale.
# Needs root and debootstrap. The packages come from where this machine has its own from.
#
#   bare-root.sh [--root-tar FILE] [COMMAND]   COMMAND: a shell command to run in the clone instead
#
# FILE keeps the minimal system for the next time: it is read if it exists, and written if not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source .ci/packages.sh

suite=bookworm
root_tar=
if [[ ${1:-} == --root-tar ]]; then
    root_tar=${2:?--root-tar: expected a file name}
    shift 2
fi
commands=("./dev run --for 20s --http 127.0.0.1:0" "./dev test")
if (($# > 0)); then
    commands=("$*")
fi
((EUID == 0)) || die 'bare-root: needs root'
command -v debootstrap >/dev/null || die 'bare-root: needs the package debootstrap'

work=$(mktemp -d "${TMPDIR:-/tmp}/tidemill-bare.XXXXXX")
root=$work/root
mkdir "$root"
child=
# Nothing is mounted outside the namespaces below, so this deletes files only. What was killed may still be writing one.
trap 'rm -rf "$work" 2>/dev/null || { sleep 1; rm -rf "$work"; }' EXIT
trap '[[ -z $child ]] || kill -KILL "$child" 2>/dev/null; exit 130' INT TERM HUP
[[ ! -t 1 ]] || exec > >(cat) 2>&1 # no terminal for what runs in there

# The machine's own sources of this suite, whatever the syntax they are written in: "URI SUITE COMPONENT" a line.
sources() {
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
        grep -E "^[^ ]+ $suite(-updates|-security)? main$" | sort -u
}

make_root() {
    local mirror proxy
    mirror=$(sources | awk -v suite="$suite" '$2 == suite { print $1; exit }')
    [[ -n $mirror ]] || die "bare-root: no source of $suite among this machine's package sources"
    proxy=$(apt-config shell proxy Acquire::http::Proxy)
    eval "$proxy" # apt-config quotes for this
    env ${proxy:+http_proxy="$proxy"} debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$work/debootstrap.log" ||
        { tail -n 20 "$work/debootstrap.log" >&2; die 'bare-root: debootstrap failed'; }
    sources | sed 's/^/deb /' >"$root/etc/apt/sources.list"
    apt-config dump | grep -E '^Acquire::https?::(Proxy|No-Cache|Pipeline-Depth)' >"$root/etc/apt/apt.conf.d/80host" || true
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
}

# in_root <command>: own mounts and own processes, which all end with it, also when it or we are killed.
in_root() {
    # shellcheck disable=SC2016 # expanded inside
    setsid setpriv --pdeathsig KILL -- unshare --mount --pid --fork --kill-child --propagation private sh -ec '
        mount -t proc proc "$1/proc"
        mount -t tmpfs tmpfs "$1/dev"
        for node in null zero full random urandom tty; do
            touch "$1/dev/$node"
            mount --bind "/dev/$node" "$1/dev/$node"
        done
        mkdir "$1/dev/shm" "$1/dev/pts"
        mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
        ln -s /proc/self/fd "$1/dev/fd"
        ln -s /proc/self/fd/1 "$1/dev/stdout"
        ln -s /proc/self/fd/2 "$1/dev/stderr"
        exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root CI=true \
            chroot "$1" sh -c "cd /src/tidemill && $2"
    ' in_root "$root" "$1" </dev/null &
    child=$!
    local status=0
    wait "$child" || status=$?
    child=
    return "$status"
}

timed() { # timed <what is said> <command>...
    local what=$1 started=$SECONDS status=0
    shift
    "$@" || status=$?
    say "$what: exit code $status after $((SECONDS - started)) s"
    return "$status"
}

if [[ -n $root_tar && -f $root_tar ]]; then
    timed "minimal system from $root_tar" tar -C "$root" -xpf "$root_tar"
else
    timed "minimal system by debootstrap" make_root
    [[ -z $root_tar ]] || tar -C "$root" -cpf "$root_tar" .
fi
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
mkdir -p "$root/src"
git clone -q --no-local . "$root/src/tidemill"

for command in "${commands[@]}"; do
    timed "$command" in_root "$command" 2>&1
done
say "disk used by the finished system: $(du -sh "$root" | cut -f1)"
