#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What must hold before a commit, tests aside. `./dev check` is this script.
#
#   check.sh           format, layers, a build without warnings, clang-tidy on what differs from origin/HEAD
#   check.sh --all     clang-tidy on everything
#   check.sh --quick   format and layers only, a second or two: the pre-commit hook
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source .ci/packages.sh
source .ci/build.sh

mode=${1:-changed}
case $mode in
    changed | --all | --quick) ;;
    *) die "check: expected --all or --quick, got '$mode'" ;;
esac

# The files of the tree: tracked, or new and not ignored.
tree_files() {
    git ls-files -z --cached --others --exclude-standard -- "$@" | xargs -0 -r ls -d 2>/dev/null || true
}

# Sources to look at: all, or those that differ from the main branch, with the source of a changed header.
sources_to_tidy() {
    if [[ $mode == --all ]]; then
        tree_files '*.cpp'
        return
    fi
    local base
    # Without a main branch to compare with: the last commit; without any commit: the empty tree.
    base=$(git merge-base HEAD origin/HEAD 2>/dev/null || git rev-parse -q --verify HEAD ||
        git hash-object -t tree /dev/null)
    {
        git diff --name-only "$base" -- '*.cpp' '*.h'
        git ls-files --others --exclude-standard -- '*.cpp' '*.h'
    } | while read -r file; do
        case $file in
            *.cpp) echo "$file" ;;
            *.h) tree_files "*/$(basename "$file" .h).cpp" ;;
        esac
    done | sort -u | xargs -r ls -d 2>/dev/null || true
}

say 'format'
tree_files '*.cpp' '*.h' | xargs -r clang-format-14 --dry-run -Werror ||
    die 'clang-format-14 -i puts these files right'
say 'layers'
.ci/layers.sh
[[ $mode != --quick ]] || exit 0

configure ci
build build/release all

# clang-tidy reads how GCC compiled a file. It cannot read GCC's precompiled headers, so these go; what a file leaves to
# them then shows as a missing include, which is as it should be.
mkdir -p build/tidy
sed -E 's/ -(Winvalid-pch|fpch-preprocess)//g; s/ -include [^ ]*cmake_pch\.hxx//g' \
    build/release/compile_commands.json >build/tidy/compile_commands.json

mapfile -t sources < <(sources_to_tidy | while read -r file; do
    ! grep -qF "\"file\": \"$PWD/$file\"" build/tidy/compile_commands.json || echo "$file"
done)
say "clang-tidy on ${#sources[@]} files"
((${#sources[@]} > 0)) || exit 0
# One process per file: a report then stands in one piece, and the cores are all used.
tidy() {
    clang-tidy-14 --quiet -p build/tidy "$1" 2>/dev/null || {
        echo "^ clang-tidy: $1"
        return 1
    }
}
export -f tidy
printf '%s\0' "${sources[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c 'tidy "$@"' tidy ||
    die 'clang-tidy found faults'
