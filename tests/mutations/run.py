#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Makes mistakes in the shipped pipeline files and looks at what `tidemill check` says of each.

    run.py TIDEMILL [--count 300] [--seed 1] [--show] [--sanitized]

Wanted: no crash and no hang, less than 100 MB and 10 s each; at least 95 % name the line of the mistake, and of the
misspelt words at least 90 % are answered with the right one. --show prints every miss;
--sanitized is for programs that take memory in ways of their own. Exit code: 0 all of it, 1 not.
"""

import argparse
import os
import pathlib
import random
import re
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MEMORY = 100 << 20
SECONDS = 10


class Mutation:
    """A text with one mistake; the lines that may be named for it; what the right word would have been."""

    def __init__(self, kind, text, lines, meant=None):
        self.kind, self.text, self.lines, self.meant = kind, text, set(lines), meant


def misspell(word, rng):
    """One slip of the fingers, or none if the word is too short to be recognised."""
    if len(word) < 3:
        return None
    at = rng.randrange(len(word) - 1)
    wrong = rng.choice([
        word[:at] + word[at + 1] + word[at] + word[at + 2:], # swapped
        word[:at] + word[at + 1:], # left out
        word[:at] + word[at] + word[at:], # doubled
        word[:at] + rng.choice("abcdefghijklmnopqrstuvwxyz") + word[at + 1:], # another letter
    ])
    return wrong if wrong != word else None


class File:
    def __init__(self, path):
        self.lines = path.read_text(encoding="utf-8").splitlines()
        # Lines that say something, with their indentation and key.
        self.keys = [(i, len(m[1]), m[2]) for i, line in enumerate(self.lines)
                     if (m := re.match(r"^( *)([a-z_]+):", line))]
        self.nodes = [(i, key) for i, indent, key in self.keys if indent == 2]
        # The keys of nodes: those of maps within them belong to the plugins.
        self.settings = [(i, key) for i, indent, key in self.keys if indent == 4]
        self.inputs = [i for i, key in self.settings if key == "inputs"]

    def text(self, lines=None):
        return "\n".join(self.lines if lines is None else lines) + "\n"

    def changed(self, line, new):
        return self.text(self.lines[:line] + [new] + self.lines[line + 1:])

    def section(self, line):
        return [key for i, indent, key in self.keys if indent == 0 and i <= line][-1]

    def node_line(self, line):
        return [i for i, _ in self.nodes if i <= line][-1]


def misspelt_key(file, rng):
    line, key = rng.choice(file.settings)
    wrong = misspell(key, rng)
    return wrong and Mutation("misspelt key", file.changed(line, file.lines[line].replace(key, wrong, 1)), [line], key)


def misspelt_section(file, rng):
    line, _, key = rng.choice([entry for entry in file.keys if entry[1] == 0])
    wrong = misspell(key, rng)
    return wrong and Mutation("misspelt section", file.changed(line, file.lines[line].replace(key, wrong, 1)), [line], key)


def misspelt_type(file, rng):
    line = rng.choice([i for i, key in file.settings if key == "type"])
    word = file.lines[line].split(":")[1].strip()
    wrong = misspell(word, rng)
    return wrong and Mutation("misspelt type", file.changed(line, f"    type: {wrong}"), [line], word)


def misspelt_input(file, rng):
    line = rng.choice(file.inputs)
    names = re.findall(r"[a-z_]+", file.lines[line].split(":")[1].split("#")[0])
    word = rng.choice([name for name in names if name != "gap"])
    wrong = misspell(word, rng)
    if not wrong or wrong in [name for _, name in file.nodes]:
        return None
    head, tail = file.lines[line].split(":", 1)
    return Mutation("misspelt input", file.changed(line, f"{head}:{re.sub(rf'{word}(?![a-z_])', wrong, tail, count=1)}"), [line], word)


def misspelt_choice(file, rng):
    found = [i for i, key in file.settings if key == "of"]
    return found and Mutation("wrong choice", file.changed(found[0], "    of: boook"), [found[0]])


def wrong_type(file, rng):
    wrong = {
        "symbols": ["BTCUSDT", "{a: b}", "", "[[x]]", "[]"], "streams": ["5", "{}", "[{a: b}]", "[nonsense]"],
        "levels": ["many", '"5"', "5.5", "0", "-1", "[5]", "05", "99999999999999999999"],
        "short": ["true", "1e3", "0x10", "{}", "0"], "long": ["yes", "1", "10001", "[]"],
        "inputs": ["wap", "", "[]", "{a: b}", "[[a]]", "5"], "type": ["[a]", "", "{a: b}", '""'],
        "url": ["[a]", "{a: b}", "", '""'], "rest_url": ["[a]", "{}", ""],
    }
    line, key = rng.choice([entry for entry in file.settings if entry[1] in wrong])
    value = rng.choice(wrong[key])
    if value == "[nonsense]" and "    type: redis_stream" in file.lines[file.node_line(line):line]:
        return None  # its streams have any name
    return Mutation(f"wrong value {key}: {value}", file.changed(line, f"    {key}: {value}".rstrip()), [line])


def missing_key(file, rng):
    line, key = rng.choice([entry for entry in file.settings if entry[1] in ("type", "inputs", "symbols", "streams")])
    text = file.text(file.lines[:line] + file.lines[line + 1:])
    return Mutation(f"missing {key}", text, [file.node_line(line), file.node_line(line) + 1])


def missing_section(file, rng):
    line, _, key = rng.choice([entry for entry in file.keys if entry[1] == 0 and entry[2] not in ("transforms", "host")])
    end = min([i for i, indent, _ in file.keys if indent == 0 and i > line], default=len(file.lines))
    return Mutation(f"missing {key}", file.text(file.lines[:line] + file.lines[end:]),
                    [*range(line), *file.inputs, *range(len(file.lines))] if key == "name" else range(len(file.lines)))


def unknown_input(file, rng):
    line = rng.choice(file.inputs)
    return Mutation("unknown input", file.changed(line, "    inputs: [nobody_at_all]"), [line])


def circle(file, rng):
    inputs = [i for i in file.inputs if file.section(i) == "transforms"]
    if len(inputs) < 2:
        return None
    names = [next(name for i, name in file.nodes if i == file.node_line(line)) for line in inputs]
    lines = list(file.lines)
    lines[inputs[0]] = f"    inputs: [{names[1]}]"
    lines[inputs[1]] = f"    inputs: [{names[0]}]"
    return Mutation("circle", file.text(lines), inputs[:2])


def reads_itself(file, rng):
    inputs = [i for i in file.inputs if file.section(i) == "transforms"]
    if not inputs:
        return None
    line = rng.choice(inputs)
    name = next(name for i, name in file.nodes if i == file.node_line(line))
    return Mutation("reads itself", file.changed(line, f"    inputs: [{name}]"), [line])


def reads_sink(file, rng):
    line = rng.choice(file.inputs)
    sink = next(name for i, name in file.nodes if file.section(i) == "sinks")
    return Mutation("reads a sink", file.changed(line, f"    inputs: [{sink}]"), [line])


def duplicate(file, rng):
    line, _, _ = rng.choice([entry for entry in file.keys if entry[1] in (0, 4)])
    key = file.lines[line].split(":")[0]
    if not file.lines[line].split(":", 1)[1].strip():
        return None
    return Mutation("duplicate key", file.text(file.lines[:line + 1] + [f"{key}: again"] + file.lines[line + 1:]), [line + 1])


def duplicate_input(file, rng):
    line = rng.choice(file.inputs)
    word = re.search(r"\[([a-z_.]+)", file.lines[line])[1]
    return Mutation("duplicate input", file.changed(line, f"    inputs: [{word}, {word}]"), [line])


def unknown_key(file, rng):
    line, _ = rng.choice(file.settings)
    return Mutation("unknown key", file.text(file.lines[:line] + ["    zzyzx: 5"] + file.lines[line:]), [line])


def broken_yaml(file, rng):
    line, key = rng.choice([entry for entry in file.settings if file.lines[entry[0]].split(":", 1)[1].strip()])
    text = file.lines[line]
    new = rng.choice([
        text.replace(":", "", 1), "\t" + text.strip(), text + " : x", f"    {key}: \"open", f"    {key}: 'open",
        f"    {key}: [a, b", f"    {key}: {{a: b", f"    {key}: ]", f"  {text.strip()} ]", f"   {text.strip()}",
        f"     {text.strip()}", f"    - {text.strip()}", f"    {key}: *x", f"    {key}: &x y", f"    {key}: !t y",
        f"    {key}: \"\\q\"", f"    {key}: %x", f"    {key}: @x", f"    {key}: `x", f"    ? {key}",
        f"    <<: {{{key}: x}}", "---", f"    {key}: a\x00b", f"    {key}: \x07",
    ])
    # An indentation or a bracket can show where the next thing stands.
    return new != text and Mutation(f"broken YAML {new.strip()!r}", file.changed(line, new), [line - 1, line, line + 1])


def reference(file, rng):
    line, key = rng.choice([entry for entry in file.settings if entry[1] in ("type", "url", "levels", "short", "of")] or file.settings)
    value = rng.choice(["${NOT_SET_ANYWHERE}", "${open", "${file:/no/such/file}", "${file:/dev/zero}", "${}", "${A:?say so}",
                        "${9}", "${A:-${B:-${C}}}"])
    return Mutation(f"reference {value}", file.changed(line, f"    {key}: {value}"), [line])


def bomb(file, rng):
    line, key = rng.choice(file.settings)
    aliases = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    name, new = rng.choice([
        ("deep list", [f"    {key}: " + "[" * 20_000]), ("deep map", [f"    {key}: " + "{a: " * 20_000]),
        ("deep, closed", [f"    {key}: " + "[" * 5_000 + "]" * 5_000]),
        ("long list", [f"    {key}: [" + "x, " * 100_000 + "x]"]), ("aliases", [f"    {bombed}" for bombed in aliases]),
        ("deep block", [" " * i + "a:" for i in range(4, 900)]), ("references", [f"    {key}: " + "${A:-" * 50_000]),
        ("long key", ["    " + "k" * 900_000 + ": x"]), ("large", [f"    k{i}: " + "x" * 60 for i in range(30_000)]),
    ])
    lines = file.lines[:line] + new + file.lines[line + 1:]
    # The file as a whole may be what is too large, which is no line's fault.
    return Mutation(f"bomb: {name}", file.text(lines), [None, *range(line - 1, line + len(new) + 1)])


# (how often, what)
MUTATIONS = [
    (5, misspelt_key), (2, misspelt_section), (3, misspelt_type), (4, misspelt_input), (1, misspelt_choice), (6, wrong_type),
    (3, missing_key), (1, missing_section), (2, unknown_input), (1, circle), (1, reads_itself), (1, reads_sink), (2, duplicate),
    (1, duplicate_input), (2, unknown_key), (6, broken_yaml), (3, reference), (2, bomb),
]


def limit_memory():
    # Of addresses, of which a program takes more than of memory; what it really took is measured besides.
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def check(program, path, prepare):
    """Exit code (None: it hung), what was printed, and the memory it took at most."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([program, "check", path], stdout=output, stderr=output, preexec_fn=prepare)
        watch = subprocess.Popen(["sleep", str(SECONDS)])
        # Whichever ends first; wait4() alone says what one child took.
        pid, status, usage = os.wait4(-1, 0)
        hung = pid == watch.pid
        other = process if hung else watch
        other.kill()
        other.wait()
        process.returncode = watch.returncode = 0
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
        return (None if hung else os.waitstatus_to_exitcode(status)), text, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--sanitized", action="store_true")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    files = [File(path) for path in sorted((ROOT / "pipelines").rglob("*.yaml"))]
    weights = [weight for weight, _ in MUTATIONS]

    bad, missed_line, missed_word, words, largest = [], [], [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "p.yaml"
        done = 0
        while done < options.count:
            mutation = rng.choices([make for _, make in MUTATIONS], weights)[0](rng.choice(files), rng)
            if not mutation:
                continue
            done += 1
            path.write_text(mutation.text, encoding="utf-8")
            code, output, memory = check(options.program, path, None if options.sanitized else limit_memory)
            largest = max(largest, memory)
            what = f"seed {options.seed}, no. {done}: {mutation.kind}"
            if code != 2 or (memory >= MEMORY and not options.sanitized):
                bad.append(f"{what}: exit code {code}, {memory >> 20} MB: {output[:300]}")
                continue
            named = {int(line) - 1 if line else None for line in re.findall(r"p\.yaml(?::(\d+):\d+)?: error", output)}
            if not named & mutation.lines:
                missed_line.append(f"{what}: line {sorted(line + 1 for line in mutation.lines if line is not None)[:4]} not named in: {output[:400]}")
            if mutation.meant:
                words += 1
                # Of `node.record` the whole is suggested.
                if not re.search(rf"did you mean '(\w+\.)?{re.escape(mutation.meant)}'", output):
                    missed_word.append(f"{what}: '{mutation.meant}' not suggested in: {output[:400]}")

    right_line = 100 * (done - len(missed_line) - len(bad)) / done
    right_word = 100 * (words - len(missed_word)) / words if words else 100
    for miss in bad + (missed_line + missed_word if options.show else []):
        print(miss)
    print(f"{done} mutations of {len(files)} files, seed {options.seed}: {len(bad)} crashes, hangs or wrong exit codes, "
          f"right line {right_line:.1f} %, right word {right_word:.1f} % of {words}, at most {largest >> 20} MB")
    return 0 if not bad and right_line >= 95 and right_word >= 90 else 1


if __name__ == "__main__":
    sys.exit(main())
