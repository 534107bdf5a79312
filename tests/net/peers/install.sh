#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what peer.js needs, as package-lock.json says, into a folder of the build: install.sh FOLDER
# Exit code 77, "skipped", if that cannot be done here; the test then says so too.
set -u
source=$(dirname "$0")
folder=$1

mkdir -p "$folder" || exit 1
if cmp -s "$source/package-lock.json" "$folder/package-lock.json" && [ -f "$folder/installed" ]; then
    exit 0
fi
command -v npm >/dev/null || {
    echo 'install.sh: no npm'
    exit 77
}
rm -f "$folder/installed"
cp "$source/package.json" "$source/package-lock.json" "$source/.npmrc" "$folder/" || exit 1
npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --no-update-notifier --fetch-retries 1 || {
    echo 'install.sh: npm ci failed; is there a package registry?'
    exit 77
}
touch "$folder/installed"
