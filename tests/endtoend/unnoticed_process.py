#!/usr/bin/env python3
"""A program that looks at its own process finds the same with the preload: signals, limits, timers, threads, children,
environment.  Of descriptors it finds those that docs/architecture.md names, and after a call only.
"""
from lib_unnoticed import *

need_no_sanitizer()
CC = os.environ.get("CC", "cc").split()
STATE = folder + "/state"
built = subprocess.run([*CC, "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-o", STATE, SOURCE + "/tests/fixtures/unnoticed/state.c",
                        "-lz", "-lm"], capture_output=True, text=True)
if built.returncode:
    print("skipped:", " ".join(CC), "cannot build with zlib:", built.stderr)
    sys.exit(77)

OURS = re.compile(r"\w+ (first )?variable (LD_PRELOAD|WINAPI_(SPEC|HOST|MODE))=|start first variable WINAPI_REEXEC=")
ADDED = re.compile(r"(called|child|after) descriptor (\d+) cloexec 1 (/memfd:winapi(-control)? \(deleted\)|socket:)$")


def view(outcome):
    """What it has said, without what may be there: our variables, and our descriptors where they belong."""
    kept, added = [], []
    for line in outcome.out.splitlines():
        match = ADDED.match(line)
        if match and int(match[2]) >= 512:
            added.append(line)
        elif not OURS.match(line):
            kept.append(line)
    return kept, added


def volatile(line, way):
    """
    How many pages a child of the program's own has touched is never the same.  A host that the program has started is
    not seen but for this.
    """
    section = r"\w+" if way == "own_host" else "after"
    return re.sub(rf"^({section} children's faults) .*", r"\1", line)


def look(way, user=None, front=()):
    outcome = run_way(way, [*front, STATE, "one", "", "two words"], user=user)
    return outcome, *view(outcome)


for user in users():
    who = user or "the tester"
    bare, kept, added = look("bare", user)
    check(f"{who}, bare: it runs to its end", bare.status == 9 and bare.err == "" and not added and len(kept) > 200,
          bare.status, bare.err, *added)
    for way in WAYS:
        before = counted(user)
        outcome, found, added = look(way, user)
        wrong = list(difflib.unified_diff([volatile(line, way) for line in kept],
                                          [volatile(line, way) for line in found],
                                          "bare", way, n=0, lineterm=""))
        check(f"{who}, {way}: the same state", not wrong and outcome.status == 9 and outcome.err == "", outcome.status,
              outcome.err, *wrong)
        documented = {"alone": set(), "native": {"winapi-control"}}.get(way, {"winapi", "winapi-control", "socket"})
        check(f"{who}, {way}: the descriptors that are documented",
              {re.search(r"winapi-control|winapi|socket", line)[0] for line in added} == documented, *added)
        if way in ("remote", "restarted", "kept"):
            check(f"{who}, {way}: the host has counted the calls", counted(user) - before == 40, counted(user) - before)
finish()
