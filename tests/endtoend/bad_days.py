#!/usr/bin/env python3
"""Programs that do to themselves what they should not, or to whom it is done: no descriptors left, descriptors taken
over, no room to write, handlers that leave by longjmp, no keys, small stacks, forks upon forks, an exec under compare.
"""
from lib_ways import *

BAD_DAYS = compile("bad_days", FIXTURES + "/bad_days.c", "-I" + FIXTURES, *use_libraries(Where.here), "-pthread")
MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]
SERVED = ["add 42", "where there"]
OWN = f"exec:env LD_LIBRARY_PATH={Where.there} {WINAPI_HOST} --stdio"


def bad_day(*words, **variables):
    return winapi_run(BAD_DAYS, *words, **variables)


for medium in MEDIA:
    def on(host, *words, **variables):
        return bad_day(*words, host=host, WINAPI_TRANSPORT=medium, **variables)

    host = WaysHost("--max-clients", "300")  # workers of processes that have just ended still count
    left = on(host, "leave-waits", "add", "where")
    check(f"{medium}: 300 calls left by siglongjmp cost no lane", left.lines == ["left 300", *SERVED], left)
    if not SANITIZER:  # their run-time libraries are not left without harm
        left = on(host, "leave-anywhere", "add", "where")
        check(f"{medium}: left at any moment, the next calls are remote", left.lines == ["left anywhere: right", *SERVED],
              left)
        threads = on(host, "take-all-keys", "threads", "where")
        check(f"{medium}: 300 threads that cannot tell of their end leave their lanes",
              threads.lines == ["threads 0 wrong", "where there"], threads)
    forked = on(host, "fork-on")
    check(f"{medium}: 200 forks deep there is no descriptor more", forked.lines == ["descriptors 0 more"], forked)
    closed = on(host, "add", "close-all", "add", "where")
    check(f"{medium}: all descriptors closed, it calls on", closed.lines == ["add 42", *SERVED] and closed.err == "", closed)
    taken = on(host, "add", "take-over-all", "add", "where")
    check(f"{medium}: all descriptors taken over, it calls on", taken.lines == ["add 42", *SERVED] and taken.err == "",
          taken)
    cleared = on(host, "forget-environment", "add", "where")
    check(f"{medium}: without an environment it calls on", cleared.lines == SERVED and cleared.err == "", cleared)

# ---- nothing may become code: MDWE, and a kernel that makes no executable memfd ----

REFUSED, UNKNOWN = "new code refused", "new code cannot be refused"
if run([BAD_DAYS, "refuse-new-code"]).lines == [UNKNOWN]:
    print("not tried: PR_SET_MDWE (this kernel has none, or this processor)")
else:
    host = WaysHost("--max-clients", "300")
    for medium in MEDIA:
        before = host.calls("ways_add")
        locked = bad_day("refuse-new-code", "add", "where", "fork-on", "threads", host=host, WINAPI_TRANSPORT=medium)
        check(f"{medium}: MDWE before the first call: served", locked.lines == [
            REFUSED, *SERVED, "descriptors 0 more", "threads 0 wrong"] and locked.err == "", locked)
        check(f"{medium}: MDWE: the host has counted the calls", host.calls("ways_add") - before > 300)
    locked = bad_day("refuse-new-code", "add", "where", WINAPI_HOST=OWN)
    check("MDWE: a host that is started has it too, and serves", locked.lines == [REFUSED, *SERVED] and locked.err == "",
          locked)
    again = run([BAD_DAYS, "refuse-new-code", "add", "where"], LD_PRELOAD=PRELOAD, WINAPI_SPEC=WAYS_SPEC,
                WINAPI_HOST=host.address)
    check("MDWE: started again for its stub", again.lines == [REFUSED, *SERVED] and again.err == "", again)
    for mode in "native", "compare":
        locked = bad_day("refuse-new-code", "add", "add", host=host, WINAPI_MODE=mode, WINAPI_TRACE=folder + "/trace")
        check(f"MDWE: {mode}, traced", locked.lines == [REFUSED, "add 42", "add 42"], locked)

UNSHARE = ["unshare", "-p", "-f", "--mount-proc", "sh", "-c", 'echo 2 >/proc/sys/vm/memfd_noexec && exec "$@"', "sh"]
if not SANITIZER and shutil.which("unshare") and subprocess.run([*UNSHARE, "true"], capture_output=True).returncode == 0:
    strict = winapi_run(*UNSHARE, BAD_DAYS, "add", "where", "memfds", WINAPI_HOST=OWN,
                        WINAPI_TRANSPORT="memory")
    check("vm.memfd_noexec=2: served over shared memory", strict.lines == [*SERVED, "memfds 2"] and strict.err == "", strict)
else:
    print("not tried: vm.memfd_noexec=2 (only root can have it for a namespace of processes of its own, and no sanitizer lives there)")

full = bad_day("fill-descriptors", "add", "three")
check("no descriptors for a host of its own: a line, and not a byte in the program's file", full.lines == [
    "add -1", "file 0 bytes"] and re.search("Too many open files|No file descriptors available", full.err), full)

# ---- nothing may be written: ulimit -f 0, and a stderr that nobody reads ----

host = WaysHost()
unread, stderr = os.pipe()
os.close(unread)
silent = subprocess.run([WINAPI, "run", "--spec", WAYS_SPEC, "--", BAD_DAYS, "add"], stderr=stderr, timeout=PATIENCE,
                        stdout=subprocess.PIPE, text=True, env=environment(
                            LD_LIBRARY_PATH=Where.here, WINAPI_HOST=host.address, WINAPI_TRACE=1))
os.close(stderr)
check("a trace that nobody reads ends no program", silent.stdout == "add 42\n" and silent.returncode == 0, silent)
for variable in "WINAPI_LOG_FILE", "WINAPI_TRACE":
    small = bad_day("limit-files", "add", WINAPI_HOST="unix:/nobody" if "LOG" in variable else host.address,
                    **{variable: folder + "/" + variable})
    check(f"a file that may not grow under {variable} ends no program", small.status == 0 and len(small.lines) == 1, small)

# ---- compare, then exec: each program of the process has its report ----

report = folder + "/after_exec"
first = winapi_run(WAYS, "add:1:2", "exec:" + WAYS, "name:1", host=host, WINAPI_MODE="compare", WINAPI_COMPARE_REPORT=report)


def functions(path):
    with contextlib.suppress(OSError, ValueError), open(path) as file:
        return {row["function"]: row["calls"] for row in json.load(file)["functions"]}


check("compare and exec: two reports, of one program each", wait_until(
    lambda: functions(report) == {"ways_name": 1} and functions(report + ".1") == {"ways_add": 1}), first)
check("compare and exec: no third", not os.path.exists(report + ".2"))
finish()
