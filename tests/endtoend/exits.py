#!/usr/bin/env python3
"""Programs that end while their other threads call: by return, exit, quick_exit and _exit, in main, in a thread or in a
handler, by a signal and by exec.  What runs at the end still calls, the status is as bare, and nothing is said.
"""
from lib_ways import *

EXITS = compile("exits", FIXTURES + "/exits.c", *use_libraries(Where.here), "-pthread", "-ldl")
MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]
TIMES = 1 if SANITIZER else 6
KINDS = {  # what is printed behind "main", and the status
    "return": (["atexit", "destructor"], 7), "exit": (["atexit", "destructor"], 7), "_exit": ([], 7),
    "quick_exit": (["at_quick_exit"], 7), "thread": (["atexit", "destructor"], 7),
    "thread-alone": (["atexit", "destructor"], 7), "handler": ([], 7), "abort": ([], -signal.SIGABRT),
    "signal": ([], -signal.SIGTERM), "exec": ([], 7)}
if SANITIZER:  # whose run-time libraries have a word to say about these
    for kind in "handler", "abort", "thread-alone", "quick_exit", "exec":
        del KINDS[kind]


def wrong(result, kind, says_nothing=True):
    """True when it has not ended as it should."""
    lines, status = KINDS[kind]
    return (result.lines != [f"{line}: right" for line in ["main", *lines]] or result.status != status or
            says_nothing and result.err != "")


def try_kind(what, kind, start, times=TIMES, **more):
    failed = [result for result in (start(EXITS, kind, *cold) for cold in ((), ("cold",)) for _ in range(times))
              if wrong(result, kind, **more)]
    check(f"{what}: {kind}, {times} times warm and cold", not failed, *failed[:3])


for medium in MEDIA:
    host = WaysHost("--max-clients", "300")  # workers of programs that have just ended still count
    for kind in KINDS:
        try_kind(medium, kind, lambda *words: winapi_run(*words, host=host, WINAPI_TRANSPORT=medium))
    check(f"{medium}: the host has counted their calls", host.calls("ways_add") > len(KINDS) * TIMES * 12,
          host.calls("ways_add"))
    check(f"{medium}: no worker has crashed, and the host has said nothing", host.stat()["crashed_clients"] == 0 and
          host.log() == "", host.log())
    check(f"{medium}: no client is left", wait_until(lambda: not host.workers()), host.workers())
for kind in KINDS:
    try_kind("bare", kind, lambda *words: run(words), times=1)
    try_kind("native", kind, lambda *words: winapi_run(*words, WINAPI_MODE="native"), times=2)
    try_kind("compared", kind, lambda *words: winapi_run(*words, host=host, WINAPI_MODE="compare"), times=2,
             says_nothing=False)
    own = f"exec:env LD_LIBRARY_PATH={Where.there} {WINAPI_HOST} --stdio"
    try_kind("a host of its own", kind, lambda *words: winapi_run(*words, WINAPI_HOST=own), times=2)
finish()
