#!/usr/bin/env python3
"""Calls that come where they are not expected: from signal handlers while their thread waits for the host, after a
call was left by siglongjmp, and from this library's own use of libc.
"""
from lib_ways import *

# The first call of a function allocates, which a handler may do where a wait was interrupted, but not anywhere.
os.environ["TSAN_OPTIONS"] = os.environ.get("TSAN_OPTIONS", "") + ":report_signal_unsafe=0"
SIGNALS = compile("signals", FIXTURES + "/signals.c", *use_libraries(Where.here), "-pthread")
MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]

for medium in MEDIA:
    host = WaysHost()
    result = winapi_run(SIGNALS, host=host, WINAPI_TRANSPORT=medium)
    for line in result.lines:
        what, _, answer = line.rpartition(": ")
        check(f"{medium}: {what}", answer == "yes")
    check(f"{medium}: it comes to its end without a word", result.status == 0 and len(result.lines) == 9 and
          result.err == "", result)
    check(f"{medium}: the host has counted the handlers' calls", host.calls("ways_add") == 5 and
          host.calls("ways_where") == 3, host.stat()["functions"])

# ---- what this library uses itself can have a row: its own calls stay here, the program's go to the host ----

# A sanitizer's allocator asks for the time with its lock held, and is this library's too in such a build.
CLOCK = {"prototype": "int clock_gettime(int clock, struct timespec *now)", "now": "out"}
OWN = folder + "/own.json"
with open(OWN, "w") as file:
    json.dump({"table": "own", "version": 1, "library": "libc.so.6", "failure": -1, "types": {
        "struct timespec": {"struct": "long tv_sec, tv_nsec;"}}, "functions": [
        {"prototype": "int getpid(void)"}, {"prototype": "int sched_getcpu(void)"},
        *([] if SANITIZER else [CLOCK]), {"prototype": "int abs(int value)"}]}, file)
with open(folder + "/own.c", "w") as file:
    file.write("""
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int main(void)
{
    struct timespec now = {0};
    int failed = clock_gettime(CLOCK_MONOTONIC, &now);
    printf("time %d\\ncpu %d\\nnumber %d\\n", failed || now.tv_sec <= 0, sched_getcpu() < 0, abs(-12));
    printf("pid %d\\n", (int)getpid());
    return 0;
}
""")
PROGRAM = compile("own", "-fno-builtin", folder + "/own.c")
for medium in MEDIA:
    for trace in None, folder + "/trace":
        host = Host(spec=OWN)
        result = winapi_run(PROGRAM, options=("--spec", OWN), host=host, WINAPI_TRANSPORT=medium,
                            **({"WINAPI_TRACE": trace} if trace else {}))
        counts = {row["name"]: row["calls"] for row in host.stat()["functions"] if row["calls"]}
        check(f"{medium}{', traced' if trace else ''}: each of the program's calls is remote, none of ours",
              result.lines[:3] == ["time 0", "cpu 0", "number 12"] and result.values("pid") != [str(result.pid)] and
              counts == dict.fromkeys(["getpid", "sched_getcpu", "abs"] + ["clock_gettime"] * (not SANITIZER), 1), result,
              counts)
finish()
