#!/usr/bin/env python3
"""Threads that end in every way, by the thousand; more of them than there may be lanes; cancelled in the middle of a
call.  What they had at the host is given back: lanes, threads, descriptors, memory.
"""
from lib_ways import *

ENDINGS = compile("endings", FIXTURES + "/endings.c", *use_libraries(Where.here), "-pthread")
MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]
LEFT_OVER = 24  # threads and descriptors that lanes of eight threads at a time may take, and some that just end


def usage(pid):
    """Threads, descriptors, and pages in memory."""
    with open(f"/proc/{pid}/statm") as file:
        pages = int(file.read().split()[1])
    return len(os.listdir(f"/proc/{pid}/task")), len(os.listdir(f"/proc/{pid}/fd")), pages


def watched(host, *words, **variables):
    """Runs the words, looks at both ends while the program stays, and lets it go."""
    process = subprocess.Popen([WINAPI, "run", "--spec", WAYS_SPEC, "--", ENDINGS, "one", *words, "stay"],
                               env=environment(LD_LIBRARY_PATH=Where.here, WINAPI_HOST=host.address, **variables),
                               text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = [process.stdout.readline().strip() for _ in range(1 + len(words))]
    workers = host.workers()
    wait_until(lambda: len(os.listdir(f"/proc/{workers[0]}/task")) <= LEFT_OVER, 2)
    both = usage(process.pid), usage(workers[0])
    out, err = process.communicate("on\n", timeout=PATIENCE)
    return lines[1:], both, out, err


for medium in MEDIA:
    host = WaysHost("--max-lanes", "64")
    _, before, _, _ = watched(host, WINAPI_TRANSPORT=medium)
    for word in "joined", "detached", "cleanup", "destructors":
        calls = host.calls("ways_add")
        lines, after, out, err = watched(host, word, WINAPI_TRANSPORT=medium)
        right = re.fullmatch(word + r": right (\d+) wrong 0", lines[0])
        check(f"{medium}: {word}: every call is remote and right", right and int(right[1]) >= 800 and err == "",
              lines, err)
        check(f"{medium}: {word}: the host has counted them", host.calls("ways_add") - calls >= int(right[1]) if right
              else False, host.calls("ways_add") - calls)
        check(f"{medium}: {word}: nothing stays at either end", all(
            now[0] <= LEFT_OVER and now[1] <= then[1] + 2 * LEFT_OVER and (SANITIZER or now[2] <= then[2] + 3000)
            for then, now in zip(before, after)), before, after)

    crowded = WaysHost("--max-lanes", "16")
    # How long a call waits for a lane: on a machine that has other work a thread may be unlucky for seconds.
    result = winapi_run(ENDINGS, "living", "crowd", host=crowded, WINAPI_TRANSPORT=medium, WINAPI_CONNECT_TIMEOUT=30000)
    check(f"{medium}: 400 threads live and call with 16 lanes", result.lines == [
        "living: right 1200 wrong 0", "crowd: right 8000 wrong 0"] and result.err == "", result)
    check(f"{medium}: the host has counted them", crowded.calls("ways_add") == 9200, crowded.calls("ways_add"))

    host = WaysHost("--max-lanes", "16")
    # ThreadSanitizer hands signals over when its own functions are called, and a wait for the host calls none.
    words = ["cancelled", "cancel-anywhere"] + ([] if SANITIZER == "thread" else ["exit-in-call"])
    result = winapi_run(ENDINGS, *words, host=host, WINAPI_TRANSPORT=medium)
    check(f"{medium}: cancelled in a call, or ended by a handler: as it should, and the next calls are remote",
          result.lines == ["cancelled: right 11 wrong 0", "cancel-anywhere: right 301 wrong 0",
                           "exit-in-call: right 21 wrong 0"][:len(words)] and result.err == "", result)

# ---- native functions that the hook calls end where the bare ones do ----

host = WaysHost()
for variables in {"WINAPI_MODE": "native", "WINAPI_TRACE": folder + "/trace"}, {"WINAPI_MODE": "compare"}:
    result = winapi_run(ENDINGS, "cancelled", host=host, WINAPI_COMPARE_REPORT=folder + "/report", **variables)
    check(f"cancelled under {variables}", [line.split(" right")[0] for line in result.lines] == ["cancelled:"] and
          "Segmentation" not in result.err and result.status == 0, result)
finish()
