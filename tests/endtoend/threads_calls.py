#!/usr/bin/env python3
"""Threads of one program call at the same time without waiting for each other, give their lanes back when they end,
and several programs share a host, each with a worker of its own.
"""
from lib_ways import *

THREADS = compile("threads", FIXTURES + "/threads.c", *use_libraries(Where.here), "-pthread")
MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]
SHORT = 400 if SANITIZER else 4000
HAMMER = 500


def says(what, result, right):
    check(what, result.lines == [f"right {right}", "wrong 0"] and result.err == "" and result.status == 0, result)


for medium in MEDIA:
    host = WaysHost()
    says(f"{medium}: 8 calls are inside at once", winapi_run(THREADS, "together", "8", host=host,
                                                          WINAPI_TRANSPORT=medium), 8)
    check(f"{medium}: the host has counted them", host.calls("ways_together") == 8, host.calls("ways_together"))
    says(f"{medium}: 40 too", winapi_run(THREADS, "together", "40", host=host, WINAPI_TRANSPORT=medium), 40)

    limited = WaysHost("--max-lanes", "12")
    says(f"{medium}: {SHORT} threads that end, with no more than 12 lanes",
         winapi_run(THREADS, "short", str(SHORT), host=limited, WINAPI_TRANSPORT=medium), SHORT)
    check(f"{medium}: the host has counted them", limited.calls("ways_add") == SHORT, limited.calls("ways_add"))

    with contextlib.ExitStack() as stack:
        programs = [subprocess.Popen([WINAPI, "run", "--spec", WAYS_SPEC, THREADS, "hammer", str(HAMMER)], text=True,
                                     env=environment(LD_LIBRARY_PATH=Where.here, WINAPI_HOST=host.address,
                                                     WINAPI_TRANSPORT=medium),
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
        workers = {}

        def all_have_workers():
            for client in host.stat()["clients"]:
                workers[client["pid"]] = client["worker"]
            return all(program.pid in workers or program.poll() is not None for program in programs)

        wait_until(all_have_workers)
        results = [Result(program, *program.communicate(timeout=3 * PATIENCE)) for program in programs]
    for result in results:
        says(f"{medium}: one of three programs with 8 threads each", result, 8 * HAMMER * 2)
    own = [workers.get(program.pid) for program in programs]
    check(f"{medium}: each had a worker of its own", None not in own and len(set(own)) == 3 and
          not set(own) & {program.pid for program in programs}, own)
    check(f"{medium}: the host has counted all of their calls", host.calls("ways_upper") == 3 * 8 * HAMMER)
finish()
