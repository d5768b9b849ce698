#!/usr/bin/env python3
"""A thousand signals a second: around calls, calling themselves, leaving calls by siglongjmp, switching coroutines.
The program says the same bare and remoted, and the host has counted each call once.
"""
from lib_ways import *

if SANITIZER == "thread":
    print("skipped: ThreadSanitizer hands signals over late, and to threads that never wait not at all")
    sys.exit(77)
STORM = compile("storm", FIXTURES + "/storm.c", *use_libraries(Where.here), "-pthread")
MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]
SMALL = 0 if SANITIZER else 10240  # a sanitizer's frames are larger


def storm(what, *words, **variables):
    result = winapi_run(STORM, *words, **variables)
    bare = run([STORM, *words])
    check(f"{what}: as bare", result.lines == bare.lines and result.lines and result.status == 0 and result.err == "" and
          not any("wrong" in line or "no signal" in line for line in result.lines), result, bare)


for medium in MEDIA:
    for setup in (), ("restart",), ("stack=65536",), ("restart", "stack=65536"):
        host = WaysHost()
        name = " ".join((medium, *setup))
        storm(name + ": calls, threads, naps", *setup, "calls", "threads", "naps", host=host, WINAPI_TRANSPORT=medium)
        check(f"{name}: the host has counted each once", host.calls("ways_touch") == 2001 and
              host.calls("ways_fail") == 4000, host.stat()["functions"])
        wrong = WaysHost(library=Where.wrong)  # a call that is not made there gives another result
        storm(name + ": handlers that call", *setup, "handled", "nested", host=wrong, WINAPI_TRANSPORT=medium, MORE=1)
        check(f"{name}: the host has counted the handlers' calls", wrong.calls("ways_length") >= 400 and
              wrong.calls("ways_length") == wrong.calls("ways_distance"))
    if not SANITIZER:  # whose allocator is this library's too in such a build
        storm(medium + ": the first call of all, in a handler that interrupts malloc", "in-malloc", host=host,
              WINAPI_TRANSPORT=medium)
        check(f"{medium}: the host has counted it", host.calls("ways_exact_third") >= 200, host.calls("ways_exact_third"))
    if SMALL:
        storm(f"{medium}: on a signal stack of {SMALL} bytes", f"stack={SMALL}", "handled", host=host, WINAPI_TRANSPORT=medium)
finish()
