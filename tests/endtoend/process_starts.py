#!/usr/bin/env python3
"""Programs that start others, become others, fork and become daemons in every way print what they print bare, and
each process that has us calls its own worker.  A program that is started without our variables is one without us.
"""
from lib_ways import *

STARTS = compile("starts", FIXTURES + "/starts.c", "-I" + FIXTURES, *use_libraries(Where.here), "-pthread",
                 "-Wl,-rpath," + Where.here)
MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]
HERE, THERE = "call 42 here", "call 42 there"
CHILD = [THERE, "ended 0"]


def start(*words, **variables):
    """What it prints, and what it prints to a file when it has become a daemon, which must have begun with `words`."""
    place = tempfile.mkdtemp(dir=folder)
    result = winapi_run(STARTS, *words, PWD=place, **variables)
    result.daemon = lambda: open(place + "/daemon.out").read().splitlines() if os.path.exists(place + "/daemon.out") else []
    return result


for medium in MEDIA:
    host = WaysHost()

    def expect(what, words, lines, daemon=(), calls=0):
        before = host.calls("ways_add")
        result = start(*words.split(), host=host, WINAPI_TRANSPORT=medium)
        check(f"{medium}: {what}", result.lines == lines and result.err == "" and result.status == 0 and
              wait_until(lambda: result.daemon() == list(daemon)), result, *result.daemon())
        calls = calls or sum(line == THERE for line in [*lines, *daemon])
        check(f"{medium}: {what}: as many calls ran in the host", host.calls("ways_add") - before == calls, calls)

    expect("exec before and after a call", "exec call exec call", [THERE] * 2)
    expect("exec by a relative path from another directory", "call elsewhere call exec-relative call", [THERE] * 3)
    expect("exec without an environment", "call exec-bare call", [THERE, HERE])
    expect("exec with our variables only, without the preload", "call exec-variables-only call", [THERE, HERE])
    # The stub knows its spec files, and without WINAPI_HOST there is a host of its own.
    expect("exec with the preload only, without our variables", "call exec-preload-only call", [THERE, THERE], calls=1)
    expect("posix_spawn", "spawn call spawn call", [*CHILD, THERE] * 2)
    expect("posix_spawn with file actions", "spawn-actions call spawn-actions call", [*CHILD, THERE] * 2)
    expect("posix_spawn with attributes", "spawn-attributes call spawn-attributes call", [*CHILD, THERE] * 2)
    expect("vfork", "vfork call vfork call", [*CHILD, THERE] * 2)
    expect("_Fork", "_Fork call _Fork call", [*CHILD, THERE] * 2)
    expect("grandchildren call after their children", "deep call deep", [
        THERE, "ended 0", THERE, "ended 0", THERE, "ended 0", THERE, THERE] + [
        THERE, "ended 0", THERE, "ended 0", THERE, "ended 0", THERE])
    expect("a fork while a thread is in a call", "fork-in-call call", [*CHILD, "paused 200", THERE])
    expect("daemon() before the first call", "daemon call", [], [THERE])
    expect("daemon() after it", "call daemon call exec call", [THERE], [THERE, THERE])
    expect("a daemon made by hand", "by-hand call spawn", [], [THERE, *CHILD])
    expect("a daemon made by hand after a call", "call by-hand call exec call by-hand call", [THERE], [THERE] * 3)
    expect("close_range of everything", "close-range call call", [], [THERE] * 2)
    expect("close_range of everything after a call", "call close-range call exec call", [THERE], [THERE] * 2)
    expect("close_range that marks", "call mark-range call exec call", [THERE] * 3)
    check(f"{medium}: no worker has crashed, and the host has said nothing",
          host.stat()["crashed_clients"] == 0 and host.log() == "", host.log())
    check(f"{medium}: no client is left", wait_until(lambda: not host.workers()), host.workers())

# ---- the same with hosts of their own ----

with library_path(Where.there):
    own = f"exec:env LD_LIBRARY_PATH={Where.there} {WINAPI_HOST} --stdio"
    for words, lines, daemon in (
            ("call exec call spawn _Fork", [THERE, THERE, *CHILD, *CHILD], []),
            ("call daemon call by-hand call", [THERE], [THERE, THERE]),
            ("close-range call", [], [THERE])):
        result = start(*words.split(), WINAPI_HOST=own)
        check(f"hosts of their own: {words}", result.lines == lines and result.err == "" and
              wait_until(lambda: result.daemon() == daemon), result, *result.daemon())
finish()
