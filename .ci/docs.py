#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Keeps files that documentation shows the same as the files themselves.

    docs.py [--update]

In a Markdown file, a line `<!-- include: PATH -->` is followed by a fenced block that holds that file (without its licence
line). Prints every block that differs, and every relative link that leads nowhere; --update rewrites the blocks.
Exit code: 0 all the same, 1 not.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LANGUAGES = {".cpp": "cpp", ".h": "cpp", ".json": "json", ".yaml": "yaml", ".txt": "cmake"}
INCLUDE = re.compile(r"^<!-- include: (\S+) -->\n\n?(```\w*\n.*?^```\n)?", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def shown(match):
    path = ROOT / match[1]
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if lines and "SPDX-License-Identifier" in lines[0]:
        lines = lines[1:]
    block = f"<!-- include: {match[1]} -->\n\n```{LANGUAGES[path.suffix]}\n{''.join(lines)}```\n"
    return block if match[2] else block + "\n" # a block shown for the first time


def pages():
    try:
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, check=False,
                                capture_output=True, text=True).stdout.split()
    except FileNotFoundError:  # a machine without git got the tree in another way
        listed = []
    if listed:
        return [ROOT / name for name in listed]
    generated = ("build", "out")
    return [page for page in ROOT.rglob("*.md") if not page.relative_to(ROOT).parts[0].startswith(generated)]


def main():
    update = "--update" in sys.argv[1:]
    faults = 0
    for page in pages():
        text = page.read_text(encoding="utf-8")
        renewed = INCLUDE.sub(shown, text)
        if renewed != text:
            if update:
                page.write_text(renewed, encoding="utf-8")
            else:
                print(f"{page.relative_to(ROOT)}: a file shown there has changed; run .ci/docs.py --update")
                faults += 1
        for link in LINK.findall(renewed):
            if "://" not in link and not (page.parent / link).exists():
                print(f"{page.relative_to(ROOT)}: {link} leads nowhere")
                faults += 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
