#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the tree needs from Debian, and its installation. Sourced by ./dev for setup_packages;
# run as a program (`packages.sh install PACKAGE...`) for the part that needs root.

packages_build=(
    g++ cmake ninja-build ccache pkg-config
    qt6-base-dev qt6-websockets-dev qt6-httpserver-dev libqt6sql6-psql libqt6sql6-sqlite
    libhiredis-dev libyaml-cpp-dev libsimdjson-dev libzip-dev libpq-dev libssl-dev zlib1g-dev ca-certificates
)
packages_test=("${packages_build[@]}" redis-server postgresql prometheus python3 python3-jsonschema python3-yaml
    openssl curl python3-websockets nodejs)
# Debian's npm is 350 packages; a Node.js from elsewhere brings its own and refuses Debian's.
command -v npm >/dev/null || packages_test+=(npm)
packages_fuzz=("${packages_build[@]}" clang-14 libclang-rt-14-dev llvm-14)
packages_coverage=("${packages_test[@]}" gcovr)
packages_check=("${packages_test[@]}" git clang-format-14 clang-tidy-14)

say() {
    printf 'dev: %s\n' "$*"
}

die() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

# setup_packages <build|test|check|fuzz|coverage>: installs what is missing; costs one dpkg-query when nothing is.
setup_packages() {
    local wanted missing
    case $1 in
        build) wanted=("${packages_build[@]}") ;;
        test) wanted=("${packages_test[@]}") ;;
        check) wanted=("${packages_check[@]}") ;;
        fuzz) wanted=("${packages_fuzz[@]}") ;;
        coverage) wanted=("${packages_coverage[@]}") ;;
        *) die "setup: expected build, test, check, fuzz or coverage, got '$1'" ;;
    esac

    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        # Once configured, everything was found; no need to say it each time.
        [[ -f build/release/build.ninja ]] ||
            say "no Debian system; going on with what is installed. Needed, by their Debian names: ${wanted[*]}"
        return 0
    fi

    mapfile -t missing < <(comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) <(installed_packages "${wanted[@]}" | sort -u))
    ((${#missing[@]} > 0)) || return 0

    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null ||
            die "missing packages, and neither root nor sudo to install them: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing ${missing[*]}"
    "${as_root[@]}" bash .ci/packages.sh install "${missing[@]}" </dev/null ||
        die "could not install all of: ${missing[*]}"
}

# installed_packages <package>...: those of them that are installed, one a line.
installed_packages() {
    # It fails when it does not know one of the names, which is what we are here for.
    # shellcheck disable=SC2016 # dpkg-query's own variables
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true
}

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# quietly <command>...: what it prints is shown only if it fails; a thousand lines of dpkg hide the one that matters.
quietly() {
    local output
    output=$("$@" 2>&1) || {
        printf '%s\n' "$output"
        return 1
    }
}

# Prints what apt would add for the given packages; fails when it does not know them (or where to get them).
planned_packages() {
    apt install --simulate --no-install-recommends "$@" 2>/dev/null | sed -n 's/^Inst \([^ ]*\).*/\1/p' | sort
}

install_packages() {
    local planned updated=no
    planned=$(planned_packages "$@") || planned=
    if [[ -z $planned ]]; then
        quietly apt update
        updated=yes
        planned=$(planned_packages "$@") || {
            quietly apt install --simulate "$@" # for apt's own words
            return 1
        }
    fi
    # shellcheck disable=SC2086 # one word per package
    say "with what they need, $(wc -w <<<"$planned") packages; this can take some minutes:" $planned

    keep_services_off
    if ! quietly apt install --no-install-recommends "$@"; then
        # Lists older than the mirror name files that it no longer has.
        [[ $updated == no ]] || return 1
        quietly apt update
        quietly apt install --no-install-recommends "$@"
    fi

    # Debian enables a service with its package. The tests start servers of their own, so a machine should not
    # begin to run these at its next boot just because somebody ran the tests.
    local package
    for package in "$@"; do
        case $package in
            redis-server | postgresql | prometheus) update-rc.d "$package" disable ;; # for systemd too
        esac
    done
}

# While packages are installed: no service is started, no database cluster 'main' created. Both through the files that
# Debian provides for it, put there only if absent and taken away afterwards; what the administrator has stays as it is.
keep_services_off() {
    temporary=()
    trap 'rm -f "${temporary[@]}"; rmdir --ignore-fail-on-non-empty /etc/postgresql-common/createcluster.d 2>/dev/null || true' EXIT
    trap 'exit 130' INT TERM HUP

    local policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        temporary+=("$policy")
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi

    if ! installed_packages postgresql-common | grep -q .; then
        local cluster=/etc/postgresql-common/createcluster.d/no-main-cluster.conf
        temporary+=("$cluster")
        mkdir -p "${cluster%/*}"
        echo 'create_main_cluster = false' >"$cluster"
    fi
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    set -euo pipefail
    [[ ${1:-} == install ]] || die "usage: packages.sh install PACKAGE..."
    shift
    install_packages "$@"
fi
