#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Holds `tidemill schema` against `tidemill check`.

    agrees.py TIDEMILL

Every file that `check` accepts, the schema must accept; files that `check` refuses for an unknown key, a wrong type or
something missing, the schema must refuse too. What only `check` can see is listed below by name, so that nothing slips
into it unnoticed. Exit code: 0 they agree, 1 they do not, 77 the Python packages jsonschema and yaml are missing.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
VARIABLES = {"CHECK_SYMBOL": "BTCUSDT", "PULSESTREAM_API_KEY": "of a test"}

# Wrong files of tests/golden/check in which no schema can see anything, and why.
ONLY_CHECK = {
    "03-repeated-keys": "keys given twice: gone once the YAML is read",
    "10-circle": "nodes that read each other",
    "19-record-types": "record types that a node does not make or take",
    "20-options-together": "options against each other, and what is in maps that a plugin looks at itself",
}

GOOD = """name: x
sources:
  src: { type: binance, symbols: [BTCUSDT], streams: [trade] }
transforms:
  mid: { type: min_notional, inputs: [src.trade] }
sinks:
  out: { type: jsonl, inputs: [mid], path: out.jsonl }
"""

# (what, replaced by, check accepts it, the schema accepts it). Where the last two differ, only check can see it.
VARIANTS = [
    ("name: x", "name: 5", True, True),
    ("name: x", "name: Big", False, False),
    ("name: x", "name: ${SCHEMA_NAME:-x}", True, True),
    ("name: x\n", "", False, False),
    ("name: x", "name: x\nsource: {}", False, False),
    ("name: x", "name: x\nhost: {http: 127.0.0.1:8000, log_level: info}", True, True),
    ("name: x", "name: x\nhost: {http: 8000, log_level: ERROR}", True, True),
    ("name: x", "name: x\nhost: {http: off, log_level: warn}", True, True),
    ("name: x", "name: x\nhost: {http: '[::1]:8000'}", True, True),
    ("name: x", "name: x\nhost: {http: localhost:0}", True, True),
    ("name: x", "name: x\nhost: {http: '127.0.0.1:${SCHEMA_PORT:-8000}', log_level: '${SCHEMA_LEVEL:-INFO}'}", True, True),
    ("name: x", "name: x\nhost:", True, True),
    ("name: x", "name: x\nhost: off", False, False),
    ("name: x", "name: x\nhost: {http: somewhere:80}", False, False),
    ("name: x", "name: x\nhost: {http: 127.0.0.1:65536}", False, False),
    ("name: x", "name: x\nhost: {http: 70000}", False, False),
    ("name: x", "name: x\nhost: {http: ''}", False, False),
    ("name: x", "name: x\nhost: {http: }", False, False),
    ("name: x", "name: x\nhost: {http: '[::1:80'}", False, False),
    ("name: x", "name: x\nhost: {log_level: loud}", False, False),
    ("name: x", "name: x\nhost: {port: 8000}", False, False),
    ("transforms:", "transformers:", False, False),
    ("type: min_notional", "type: min_notion", False, False),
    ("type: min_notional", "type: jsonl", False, False),
    ("type: min_notional, ", "", False, False),
    ("type: min_notional", 'type: "${SCHEMA_TYPE:-min_notional}"', True, True),
    ("inputs: [mid]", "inputs: mid", False, False),
    ("inputs: [mid]", "inputs: []", False, False),
    ("inputs: [mid], ", "", False, False),
    ("inputs: [mid]", 'inputs: ["${SCHEMA_IN:-mid}"]', True, True),
    ("inputs: [mid]", "inputs: [mid.Trade]", False, False),
    ("inputs: [mid]", "inputs: [nobody, mid]", False, True),
    ("streams: [trade]", "streams: [trade], inputs: [mid]", False, False),
    ("src.trade]", "src.trade], min_notional: 0.5", True, True),
    ("src.trade]", "src.trade], min_notional: 5", True, True),
    ("src.trade]", "src.trade], min_notional: -1", False, False),
    ("src.trade]", 'src.trade], min_notional: "5"', False, False),
    ("src.trade]", 'src.trade], min_notional: "${SCHEMA_MIN:-5}"', True, True),
    ("src.trade]", 'src.trade], min_notional: "$${5}"', False, False),
    ("src.trade]", "src.trade], min_notional: .inf", False, True),
    ("src.trade]", "src.trade], min_notional: [1]", False, False),
    ("src.trade]", "src.trade], min_notional: ", False, False),
    ("src.trade]", "src.trade], minnotional: 1", False, False),
    ("symbols: [BTCUSDT]", "symbols: BTCUSDT", False, False),
    # Without symbols there must be `discover`: a rule of two options, which only check knows.
    ("symbols: [BTCUSDT]", "symbols: []", False, True),
    ("symbols: [BTCUSDT], ", "", False, True),
    ("symbols: [BTCUSDT]", "symbols: '[\"BTCUSDT\"]'", False, False),
    ("symbols: [BTCUSDT]", "symbols: '${SCHEMA_SYMBOLS:-[\"BTCUSDT\"]}'", True, True),
    ("symbols: [BTCUSDT]", "symbols: '${SCHEMA_SYMBOLS:-BTCUSDT, ETHUSDT}'", True, True),
    ("symbols: [BTCUSDT]", "symbols: '${SCHEMA_SYMBOLS:-BTCUSDT,,ETHUSDT}'", False, True),
    ("symbols: [BTCUSDT]", 'symbols: ["${SCHEMA_SYMBOL:-BTCUSDT}"]', True, True),
    ("symbols: [BTCUSDT]", "symbols: [{a: b}]", False, False),
    ("streams: [trade]", "streams: [trade], combined: false", True, True),
    ("streams: [trade]", "streams: [trade], combined: yes", False, False),
    ("streams: [trade]", "streams: [trade], combined: True", False, True),
    ("streams: [trade]", "streams: [trade], snapshot_depth: 4", False, False),
    ("streams: [trade]", "streams: [trade], snapshot_depth: 5.5", False, False),
    ("streams: [trade]", "streams: [trade], snapshot_depth: 0100", False, True),
    ("streams: [trade]", "streams: [trade], silence: {ceiling: 1m30s}", True, True),
    ("streams: [trade]", "streams: [trade], silence: {ceiling: 90}", False, False),
    ("streams: [trade]", "streams: [trade], silence: {ceiling: 1 minute}", False, False),
    ("streams: [trade]", "streams: [trade], silence: {ceiling: 10ms}", False, True),
    ("streams: [trade]", "streams: [trade], silence: {floor: 1s, ceiling: 1m}", True, True),
    ("streams: [trade]", "streams: [trade], silence: {}", True, True),
    ("streams: [trade]", "streams: [trade], silence: {celing: 1m}", False, False),
    ("streams: [trade]", "streams: [trade], silence: 1m", False, False),
    ("streams: [trade]", "streams: [trade], silence.ceiling: 1m", False, False),
    ("streams: [trade]", "streams: [trade], capture: {max_bytes: 1GiB}", False, False),
    ("streams: [trade]", "streams: [trade], stale_after: 0s", True, True),
    ("streams: [trade]", "streams: [trade], stale_when: all_streams", True, True),
    ("streams: [trade]", "streams: [trade], stale_when: never", False, False),
    ("streams: [trade]", "streams: [trade], queue: {rows: 5}", False, False),
    ("path: out.jsonl", "path: 2024", True, True),
    ("path: out.jsonl", 'path: ""', False, False),
    ("path: out.jsonl", "path: {a: b}", False, False),
    (", path: out.jsonl", "", False, False),
    ("path: out.jsonl", "path: out.jsonl, queue: {rows: 5, bytes: 4096}", True, True),
    ("path: out.jsonl", "path: out.jsonl, queue: {rows: 5, bytes: 64KiB}", True, True),
    ("path: out.jsonl", "path: out.jsonl, queue: {rows: 0}", False, False),
    ("path: out.jsonl", "path: out.jsonl, queue: {row: 5}", False, False),
    ("path: out.jsonl", "path: out.jsonl, queue: {bytes: 64 KiB}", False, False),
    ("path: out.jsonl", "path: out.jsonl, queue: 5", False, False),
    ("path: out.jsonl", "path: out.jsonl, thread: a-1", True, True),
    ("path: out.jsonl", 'path: out.jsonl, thread: "a b"', False, False),
    ("path: out.jsonl", "path: out.jsonl, retry: {initial: 5s, max: 1s}", False, True),
    ("out: {", "Out: {", False, False),
    ("sinks:\n", "sinks: []\nnone:\n", False, False),
]


class Loader(yaml.SafeLoader):
    """Reads plain texts as editors do, by YAML 1.2; PyYAML alone takes "yes" for true and "1:30" for a number."""


Loader.yaml_implicit_resolvers = {}
for tag, form, first in (
    ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^([-+]?[0-9]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    ("float", r"^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$",
     list("-+.0123456789")),
):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(form), first)


def schema_accepts(validator, text):
    try:
        return not list(validator.iter_errors(yaml.load(text, Loader)))
    except yaml.YAMLError:
        return False # an editor shows that as well


def main():
    program = sys.argv[1]
    schema = json.loads(subprocess.run([program, "schema"], check=True, capture_output=True).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCHEMA_")}
    environment |= VARIABLES

    def check_accepts(path):
        return subprocess.run([program, "check", path], env=environment, check=False, capture_output=True).returncode == 0

    faults = []
    shipped = sorted((ROOT / "pipelines").rglob("*.yaml"))
    wrong = sorted((ROOT / "tests/golden/check").glob("*.yaml"))
    for path in shipped:
        if not check_accepts(path) or not schema_accepts(validator, path.read_text(encoding="utf-8")):
            errors = [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(
                yaml.load(path.read_text(encoding="utf-8"), Loader))]
            faults.append(f"{path}: shipped, but refused by check or the schema {errors}")
    for path in wrong:
        accepted = schema_accepts(validator, path.read_text(encoding="utf-8"))
        if accepted != (path.stem in ONLY_CHECK):
            faults.append(f"{path}: the schema {'accepts' if accepted else 'refuses'} it")
    with tempfile.TemporaryDirectory() as folder:
        for number, (what, new, by_check, by_schema) in enumerate([("name", "name", True, True), *VARIANTS]):
            assert what in GOOD, what
            path = pathlib.Path(folder) / f"{number}.yaml"
            path.write_text(GOOD.replace(what, new, 1), encoding="utf-8")
            found = (check_accepts(path), schema_accepts(validator, path.read_text(encoding="utf-8")))
            if found != (by_check, by_schema):
                faults.append(f"'{what}' -> '{new}': check, schema: {found}, expected {(by_check, by_schema)}")
    for fault in faults:
        print(fault)
    print(f"{len(shipped)} shipped, {len(wrong)} wrong files and {len(VARIANTS)} variants: {len(faults)} faults")
    return 1 if faults or not shipped or len(wrong) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
