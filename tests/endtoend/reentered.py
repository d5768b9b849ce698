#!/usr/bin/env python3
"""Remoted functions called from where libc or the loader holds something: from malloc, from fork handlers, from
constructors before ours and destructors after ours.  And tables of functions that this library uses itself.
"""
from lib_ways import *

MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]
SOURCE_FILE = FIXTURES + "/reentry.c"
LIBRARIES = compile("reentry/libearly.so", "-shared", "-fPIC", "-DEARLY", SOURCE_FILE, *use_libraries(Where.here))
PLUGIN = compile("reentry/plugin.so", "-shared", "-fPIC", "-DPLUGIN", SOURCE_FILE, *use_libraries(Where.here))
LINKED = (SOURCE_FILE, "-L" + os.path.dirname(LIBRARIES), "-learly", *use_libraries(Where.here), "-pthread", "-ldl")
PROGRAM = compile("reentry/program", *LINKED)
PATH = os.path.dirname(LIBRARIES) + ":" + Where.here


def reenter(program, *words, **variables):
    return run([WINAPI, "run", "--spec", WAYS_SPEC, "--", program, *words], library=PATH, PLUGIN=PLUGIN, **variables)


for medium in MEDIA:
    host = WaysHost("--max-clients", "300")  # workers of children that have just ended still count
    for words, said in {("main",): ["main"], ("forks",): ["forks"],
                        ("plugin", "main"): ["plugin's constructor", "plugin's destructor", "plugin", "main"]}.items():
        result = reenter(PROGRAM, *words, WINAPI_HOST=host.address, WINAPI_TRANSPORT=medium)
        wanted = [f"{line}: right" for line in ["early constructor", *said, "atexit", "late destructor"]]
        # musl's dlclose() does nothing: the plugin's destructor comes at the end, or not at all
        check(f"{medium}: {' '.join(words)}", [line for line in result.lines if "plugin's d" not in line] ==
              [line for line in wanted if "plugin's d" not in line] and not any("wrong" in line for line in result.lines) and
              result.err == "" and result.status == 0, result)
    check(f"{medium}: the host has counted the calls", host.calls("ways_upper") > 40 * 6, host.stat()["functions"])

# ---- from malloc: the first call of all comes before any constructor, with the allocator's lock held ----

if not SANITIZER:  # they bring an allocator along themselves
    OWN_MALLOC = compile("reentry/own_malloc", "-DOWN_MALLOC", *LINKED)
    for medium in MEDIA:
        host = WaysHost("--max-clients", "300")
        result = reenter(OWN_MALLOC, "malloc", "forks", WINAPI_HOST=host.address, WINAPI_TRANSPORT=medium)
        check(f"{medium}: called from malloc, by four threads, and in fork handlers besides", result.lines == [
            "early constructor: right", "malloc: right", "forks: right", "atexit: right", "late destructor: right"] and
            result.err == "" and result.status == 0, result)
        check(f"{medium}: the host has counted malloc's calls", host.calls("ways_add") > 2400, host.calls("ways_add"))
    result = reenter(OWN_MALLOC, "main")
    check("called from malloc, with a host of its own to be started", "main: right" in result.lines and result.err == "",
          result)
    for mode in "compare", "native":
        result = reenter(OWN_MALLOC, "malloc", WINAPI_HOST=host.address, WINAPI_MODE=mode, WINAPI_TRACE=folder + "/trace",
                         WINAPI_COMPARE_REPORT=folder + "/report")
        check(f"called from malloc, {mode} and traced", "malloc: right" in result.lines, result)
    result = reenter(OWN_MALLOC, "main", WINAPI_HOST="unix:/nobody")
    check("called from malloc, without a host: lines, and an end", result.status == 0 and "no host answers" in result.err and
          "entered again" not in result.err, result)

# ---- tables of what this library uses itself ----

OWN = folder + "/own.json"
BYTES = {"in": {"size": "size"}}
with open(OWN, "w") as file:
    json.dump({"table": "own", "version": 1, "library": "libc.so.6", "failure": -1, "functions": [
        {"prototype": "size_t strlen(const char *text)", "text": {"string": True}},
        {"prototype": "int strcmp(const char *left, const char *right)", "left": {"string": True}, "right": {"string": True}},
        {"prototype": "int memcmp(const void *left, const void *right, size_t size)", "left": BYTES, "right": BYTES},
        {"prototype": "char *getenv(const char *name)", "name": {"string": True}, "return": {"string": "static"},
         "failure": None},
        {"prototype": "int open(const char *path, int flags, int mode)", "path": {"string": True}},
        {"prototype": "int close(int fd)"},
        {"prototype": "ssize_t read(int fd, void *data, size_t size)", "data": {"out": {"size": "size"}}},
        {"prototype": "ssize_t write(int fd, const void *data, size_t size)", "data": BYTES},
        {"prototype": "int poll(unsigned char *fds, unsigned long size, int timeout)", "fds": {"inout": {"size": "size"}}},
        {"prototype": "int pthread_mutex_lock(unsigned char *mutex)", "mutex": {"inout": {"size": "40"}}},
        {"prototype": "int pthread_mutex_unlock(unsigned char *mutex)", "mutex": {"inout": {"size": "40"}}},
        {"prototype": "int sched_yield(void)"}, {"prototype": "int getpid(void)"}]}, file)
with open(folder + "/own.c", "w") as file:
    file.write("""
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static struct pollfd pollers[1];
    char byte[1] = "";
    int right = strlen("12345") == 5;
    right += strcmp("a", "b") < 0;
    right += memcmp("aa", "ab", 2) < 0;
    right += getenv("HOME") && *getenv("HOME");
    right += open("/nowhere", O_RDONLY, 0) == -1 && errno == ENOENT;
    right += close(-1) == -1 && errno == EBADF;
    right += read(-1, byte, 1) == -1 && errno == EBADF;
    right += write(-1, byte, 1) == -1 && errno == EBADF;
    right += poll(pollers, 0, 0) == 0;
    right += pthread_mutex_lock(&mutex) == 0;
    right += pthread_mutex_unlock(&mutex) == 0;
    right += sched_yield() == 0;
    printf("right %d\\n%s\\n", right, getpid() == PID ? "here" : "there");
    return 0;
}
""".replace("PID", "(int)*(volatile int *)&(int){0}"))
OWN_PROGRAM = compile("own", "-fno-builtin", folder + "/own.c", "-pthread")
if not SANITIZER:  # their run-time libraries call these too
    for medium in MEDIA:
        for trace in None, folder + "/trace":
            host = Host(spec=OWN)
            result = winapi_run(OWN_PROGRAM, options=("--spec", OWN), host=host, WINAPI_TRANSPORT=medium,
                                **({"WINAPI_TRACE": trace} if trace else {}))
            counts = {row["name"]: row["calls"] for row in host.stat()["functions"] if row["calls"]}
            once = dict.fromkeys("strlen strcmp memcmp open close read write poll pthread_mutex_lock pthread_mutex_unlock "
                                 "sched_yield getpid".split(), 1)
            check(f"{medium}{', traced' if trace else ''}: each of the program's calls is remote, none of ours",
                  result.lines == ["right 12", "there"] and result.err == "" and counts == {**once, "getenv": 2},
                  result, counts)
finish()
