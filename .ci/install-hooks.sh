#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes git run the quick part of .ci/check.sh (format and layers) before each commit.
set -eu
cd "$(dirname "$0")/.."
hook=$(git rev-parse --git-path hooks)/pre-commit
if [ -e "$hook" ] && ! grep -q 'check.sh --quick' "$hook"; then
    echo "$hook exists and is not ours; add '.ci/check.sh --quick' to it by hand" >&2
    exit 1
fi
mkdir -p "$(dirname "$hook")"
# Not a link: git sets GIT_DIR and runs a hook from the top folder, and .ci/check.sh finds its own place.
printf '#!/bin/sh\nexec .ci/check.sh --quick\n' >"$hook"
chmod +x "$hook"
echo "installed $hook"
