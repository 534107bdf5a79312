#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A plugin of a third party: built outside this tree against what is installed, then found and run by the installed
# command.
#   run.sh BUILD_DIR
set -euo pipefail
build=$(readlink -f "$1")
source=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/prefix" >"$work/install.log" || { cat "$work/install.log"; exit 1; }

# The plugin of the guide, in a folder of its own and under another name.
mkdir "$work/plugin"
sed 's/min_notional/third_party/g' "$source/plugins/transforms/min_notional/min_notional.cpp" >"$work/plugin/third_party.cpp"
cp "$source/plugins/transforms/min_notional/min_notional.json" "$work/plugin/third_party.json"
cat >"$work/plugin/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(third_party CXX)
set(CMAKE_CXX_STANDARD 20)
find_package(Tidemill REQUIRED)
tidemill_add_plugin(third_party SOURCES third_party.cpp)
CMAKE
cmake -S "$work/plugin" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/configure.log" ||
    { cat "$work/configure.log"; exit 1; }
cmake --build "$work/build" >"$work/build.log" || { cat "$work/build.log"; exit 1; }

found=$("$work/prefix/bin/tidemill" plugins third_party --plugin-path "$work/build/lib/tidemill/plugins")
grep -q 'third_party (transform, stable)' <<<"$found" || { echo "the plugin is not found: $found"; exit 1; }
# The plugins that are installed along are found without being told where.
"$work/prefix/bin/tidemill" plugins wap | grep -q levels || { echo "the installed plugins are not found"; exit 1; }

cat >"$work/pipeline.yaml" <<'YAML'
name: outside
sources:
  binance: { type: binance, url: "ws://127.0.0.1:1", rest_url: "http://127.0.0.1:1", symbols: [BTCUSDT], streams: [trade] }
transforms:
  large: { type: third_party, inputs: [binance], third_party: 1000 }
sinks:
  nothing: { type: blackhole, inputs: [large] }
YAML
"$work/prefix/bin/tidemill" run "$work/pipeline.yaml" --plugin-path "$work/build/lib/tidemill/plugins" --http off \
    --state-dir off --for 200ms >"$work/run.log" || { cat "$work/run.log"; exit 1; }
echo "PASS   : a plugin built outside the tree is found and runs"
