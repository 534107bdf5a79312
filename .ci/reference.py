#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Keeps docs/pipeline-reference.md and tests/golden/plugins.json true: both are made from what the programs say.

    reference.py [--update] [BUILD_DIR]

BUILD_DIR is build/release unless given. Prints which file is stale; --update writes both anew.
Exit code: 0 they are true, 1 one is stale.
"""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/pipeline-reference.md"
GOLDEN = ROOT / "tests/golden/plugins.json"
RENEW = ".ci/reference.py --update"

HEAD = """# Reference: plugins and settings

Made by `{renew}` from what `tidemill plugins --json` and `tidemill plugins --settings` say; edit the plugins instead.
How a file is written as a whole is in [pipeline-files.md](pipeline-files.md). A dot in a name stands for a map:
`queue.rows` and `queue.policy` are written `queue: {{rows: 1000, policy: latest}}`.
"""
OF_KIND = {"source": "sources", "transform": "transforms", "sink": "sinks"}


def ask(build, *arguments):
    # Only the plugins of that build, whatever else the machine has.
    environment = {name: value for name, value in os.environ.items() if name != "TIDEMILL_PLUGIN_PATH"}
    run = subprocess.run([build / "bin/tidemill", "plugins", *arguments], env=environment, check=True,
                         capture_output=True, text=True)
    return json.loads(run.stdout)


def amount(option, bound):
    """A bound as a person would write it."""
    value = option[bound]
    if option["type"] == "duration":
        for unit, factor in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
            if value and value % factor == 0:
                return f"{value // factor}{unit}"
        return f"{value}ms"
    return f"{value:g}" if isinstance(value, float) else str(value)


def form(option):
    """What may be written: the type, and what of it."""
    text = option["type"]
    if "choices" in option:
        text = " or ".join(f"`{choice}`" for choice in option["choices"])
        text = f"list of {text}" if option["type"].startswith("list") else text
    if option.get("not_empty"):
        text += ", not empty"
    if "minimum" in option and "maximum" in option:
        text += f", {amount(option, 'minimum')} to {amount(option, 'maximum')}"
    elif "minimum" in option:
        text += f", at least {amount(option, 'minimum')}"
    elif "maximum" in option:
        text += f", at most {amount(option, 'maximum')}"
    return text + (", secret" if option["secret"] else "")


def table(options):
    lines = ["| name | value | default | meaning |", "|---|---|---|---|"]
    for option in options:
        default = f"`{option['default']}`" if "default" in option else ""
        if option["required"]:
            default = "required"
        if option["secret"] and default:
            default = "not shown"
        meaning = option["help"] + (f" Such as `{option['example']}`." if "example" in option else "")
        cells = (f"`{option['name']}`", form(option), default, meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def types(names):
    return "any record type" if names == ["*"] else ", ".join(f"`{name}`" for name in names)


def page(plugins, settings):
    parts = [HEAD.format(renew=RENEW)]
    parts.append(f"## What a pipeline says to `tidemill run`\n\n{table(settings['host'])}")
    for kind, title in OF_KIND.items():
        parts.append(f"## {title.capitalize()}\n")
        parts.append(f"Settings of the host, whatever the plugin:\n\n{table(settings[kind])}")
        for plugin in plugins:
            if plugin["kind"] != kind:
                continue
            facts = [f"{plugin['summary']}. Status: {plugin['stability']}."]
            if "accepts" in plugin:
                facts.append(f"Takes {types(plugin['accepts'])}.")
            if "emits" in plugin:
                facts.append("Passes on what it takes." if plugin["emits"] == ["*"] else f"Makes {types(plugin['emits'])}.")
            if plugin.get("thread") == "own":
                facts.append("Has a thread of its own.")
            readme = f"../plugins/{title}/{plugin['id']}/README.md"
            parts.append(f"### {plugin['id']}\n\n{' '.join(facts)} [More]({readme})\n\n{table(plugin['options'])}")
    return "\n".join(parts)


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--update"]
    update = len(arguments) < len(sys.argv) - 1
    build = pathlib.Path(arguments[0] if arguments else ROOT / "build/release").resolve()
    plugins = ask(build, "--json")
    for plugin in plugins:
        if "error" in plugin:
            print(f"{plugin['path']}: {plugin['error']}")
            return 1
        del plugin["path"] # differs from machine to machine
    settings = ask(build, "--settings")

    stale = 0
    taken = {"type", "inputs"} | {option["name"].split(".")[0] for kind in OF_KIND for option in settings[kind]}
    for plugin in plugins:
        for name in taken.intersection(option["name"] for option in plugin["options"]):
            print(f"{plugin['id']}: its option '{name}' can never be set: the host takes that key")
            stale += 1
    for path, text in (
        (GOLDEN, json.dumps(plugins, indent=4, ensure_ascii=False, sort_keys=True) + "\n"),
        (PAGE, page(plugins, settings)),
    ):
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if update:
            path.write_text(text, encoding="utf-8")
        else:
            print(f"{path.relative_to(ROOT)} is not what the plugins say; run {RENEW} {build}")
            stale += 1
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
