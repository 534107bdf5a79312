# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by ./dev: configuring and building.

# configure <preset>: does nothing when the folder is already configured so; Ninja notices changed CMake files itself.
configure() {
    local preset=$1 dir werror=OFF
    case $preset in
        ci) dir=build/release werror=ON ;;
        *) dir=build/$preset ;;
    esac
    if [[ $dir/build.ninja -nt CMakePresets.json ]] &&
        grep -q "^TIDEMILL_WERROR:[A-Z]*=$werror$" "$dir/CMakeCache.txt"; then
        return
    fi

    say "configuring $dir (preset $preset)"
    mkdir -p "$dir"
    # The flag by hand: two presets share a folder, and what one does not set would stay as the other left it.
    if ! cmake --preset "$preset" -DTIDEMILL_WERROR="$werror" >"$dir/configure.log"; then
        cat "$dir/configure.log"
        die "cmake --preset $preset failed"
    fi
}

# build <dir> <target>...
build() {
    local dir=$1 started=$SECONDS
    shift
    cmake --build "$dir" -j "$(nproc)" --target "$@" || die "the build failed"
    say "built $* in $((SECONDS - started)) s"
}

# build_release <target>...: with warnings as errors where the tests do so too, because the flag is part of every
# command: without it, `run` and then `test` would compile the whole tree twice. Other compilers may warn of other things.
build_release() {
    case $("${CXX:-c++}" --version | head -n 1) in
        *'clang version 14.'* | *') 12.'*) configure ci ;;
        *) configure release ;;
    esac
    build build/release "$@"
}
