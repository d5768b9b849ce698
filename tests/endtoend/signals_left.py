#!/usr/bin/env python3
"""Calls that handlers leave by siglongjmp, by the thousand: the lanes do not run out, at neither end, the host's
functions end, and the thread can be cancelled.  Coroutines that a handler switches in the middle of calls.
"""
from lib_ways import *

STORM = compile("storm", FIXTURES + "/storm.c", *use_libraries(Where.here), "-pthread",
                *([] if MUSL else ["-DHAS_UCONTEXT"]))  # musl has none
MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]
if SANITIZER:
    print("skipped: a sanitizer's run-time library is not left without harm")
    sys.exit(77)


def right(what, *words, **variables):
    result = winapi_run(STORM, *words, **variables)
    check(what, result.lines == [f"{word}: right" for word in words if "=" not in word] and result.err == "" and
          result.status == 0, result)


for medium in MEDIA:
    host = WaysHost("--max-lanes", "12")
    right(f"{medium}: calls left at any moment, twelve lanes", "left-quickly", host=host, WINAPI_TRANSPORT=medium)
    right(f"{medium}: calls left that take a minute, twelve lanes", "left-waiting", host=host, WINAPI_TRANSPORT=medium)
    check(f"{medium}: the host has begun each, and ended it", host.calls("ways_pause") > 500, host.calls("ways_pause"))
    right(f"{medium}: a thread that has left a call can be cancelled", "cancel-after-leaving", host=host,
          WINAPI_TRANSPORT=medium)
    if MUSL:
        print("not tried: coroutines (musl has no ucontext)")
    else:
        right(f"{medium}: coroutines that signals switch", "coroutines", host=host, WINAPI_TRANSPORT=medium)
finish()
