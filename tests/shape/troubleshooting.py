#!/usr/bin/env python3
"""docs/troubleshooting.md quotes lines as the code prints them, and has the reasons that a program can be told."""
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(os.environ.get("WINAPI_SOURCE", "."))
PAGE = (ROOT / "docs/troubleshooting.md").read_text()

# What others print: the system's words for an errno, the loaders', and what is put together from parts.
OF_OTHERS = r"Connection refused|No such file|Operation not permitted|File exists|cannot open shared|symbol|object \.\.\.|ASan|not loaded beside its stub"


def literals():
    """Every string of the C sources, adjacent ones joined."""
    for path in sorted((*ROOT.glob("preload/**/*.c"), *ROOT.glob("host/**/*.c"), *ROOT.glob("spec/**/*.c"))):
        for run in re.findall(r'(?:"(?:\\.|[^"\\\n])*"\s*(?:WINAPI_VERSION|PRI\w+)?\s*)+', path.read_text()):
            yield "".join(re.findall(r'"((?:\\.|[^"\\\n])*)"', run))


def quoted():
    """Lines in the first column of the tables."""
    for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE):
        yield from re.findall(r"`([^`]+)`", row)


def main():
    texts = "\n".join(literals())
    faults = []
    for line in quoted():
        if re.search(OF_OTHERS, line) or line.startswith(("WINAPI_", "LD_PRELOAD", "unix:", "winapi")):
            continue
        if line not in texts:
            faults.append(f"docs/troubleshooting.md: no source prints `{line}`")
    for name in ("import", "named", "own", "hidden", "symbolic", "protected", "inside", "no_relocation"):
        if f"`{name}`" not in PAGE:
            faults.append(f"docs/troubleshooting.md: says nothing of {name}")
    for heading in ("Connection refused", "Shared memory access denied", "Poor performance"):
        if f"## {heading}" not in PAGE:
            faults.append(f"docs/troubleshooting.md: has no \"{heading}\"")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
