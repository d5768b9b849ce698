#!/usr/bin/env python3
"""After a fork the child has a session of its own and the parent keeps its: workers, handles, state, buffers; over
both media; while other threads call; by raw clone, vfork, posix_spawn and system.
"""
from lib_ways import *

FORKS = compile("forks", FIXTURES + "/forks.c", "-I" + SOURCE + "/host/libwinapi", *use_libraries(Where.here),
                f"-L{BUILD}/lib", "-lwinapi", "-pthread")
MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]

for medium in MEDIA:
    host = WaysHost()
    result = winapi_run(FORKS, host=host, library=f"{Where.here}:{BUILD}/lib", WINAPI_TRANSPORT=medium)
    for line in result.lines:
        what, _, answer = line.rpartition(": ")
        check(f"{medium}: {what}", answer == "yes")
    refused = [line for line in result.said if line.startswith("ways_value: invalid handle")]
    check(f"{medium}: it comes to its end, and says nothing but of the refused handle", result.status == 0 and
          result.lines and len(refused) == 1 == len(result.said), result)
    check(f"{medium}: each process was a client of its own", wait_until(lambda: host.stat()["ended_clients"] >= 28) and
          host.stat()["crashed_clients"] == 0, host.stat())
    check(f"{medium}: the host has counted the forked calls", host.calls("ways_add") > 20 + 1)
finish()
