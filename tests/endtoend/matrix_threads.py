#!/usr/bin/env python3
"""The interception matrix: threads that call, look functions up, and open and close libraries, all at once; threads
that still call when main has returned.
"""
from lib_matrix import *

TIMES = 100
CALLERS, LOOKERS, OPENERS = 4, 2, 2
CHURNED = build_shared("churned/libchurned.so", "churned.c", *HERE)
CHURN = compile("churn", MATRIX + "/churn.c", *HERE, "-pthread", "-ldl")
NO_PIE = compile("churn_no_pie", "-fno-pie", "-no-pie", MATRIX + "/churn.c", *HERE, "-pthread", "-ldl")
ALL = CALLERS + LOOKERS + OPENERS + TIMES * (CALLERS + 2 * LOOKERS + OPENERS)
LINES = [f"right {ALL}", "wrong 0"]
# Without what constructors and destructors call: how often they run depends on who closes the library last.
LEAST = TIMES * (CALLERS + LOOKERS + OPENERS)


def try_threads(name, program):
    case = Case(name, [program, CHURNED, str(TIMES)], LINES)
    try_bare(case)
    for way in WAYS_IN:
        try_native(case, way, None)
        before = host.calls("ways_add")
        remote = start(case, way)
        calls = host.calls("ways_add") - before
        check(f"{name}: {way}, remote, counted by the host", remote.lines == LINES and remote.status == 0 and
              remote.err == "" and LEAST < calls <= LEAST + 4 * TIMES * OPENERS, calls, remote)


try_threads("calls, lookups, dlopen and dlclose at once", CHURN)
try_threads("calls, lookups, dlopen and dlclose at once, no PIE", NO_PIE)
finish()
