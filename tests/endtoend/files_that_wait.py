#!/usr/bin/env python3
"""What the settings name may be no file, and the command no host: nothing waits for the other end of a pipe, and a
command that does not care is not left behind.
"""
from lib_ways import *

host = WaysHost()
NAMED = dict(WINAPI_HOST=host.address)


def pipe(name):
    path = f"{folder}/{name}"
    os.mkfifo(path)
    return path


def start(*words, **variables):
    begin = time.monotonic()
    result = winapi_run(WAYS, *words, **variables)
    check(f"{sorted(set(variables) - {'WINAPI_HOST'})}: without waiting", time.monotonic() - begin < 3 * SLOWER and
          result.status is not None and "killed" not in result.err, result)
    return result


@contextlib.contextmanager
def reader(path):
    """Reads what comes, from before anybody writes."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    pieces = []

    def read():
        with contextlib.suppress(BlockingIOError):
            pieces.append(os.read(fd, 1 << 20))
        return b"".join(pieces).decode()

    try:
        yield read
    finally:
        os.close(fd)


def group_of(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as stat:
        state, _, group = stat.read().rpartition(")")[2].split()[:3]
        return int(group) if state not in "ZX" else None


def is_empty(group):
    return not any(group_of(pid) == group for pid in os.listdir("/proc") if pid.isdigit())


# ---- written to ----

log = pipe("log")
said = start("add:1:2", WINAPI_LOG_FILE=log, WINAPI_LOG_LEVEL="debug", **NAMED)
check("a log that nobody reads goes to stderr, which says so", said.lines == ["add 3"] and
      f"WINAPI_LOG_FILE={log}" in said.err and "answers" in said.err, said)
with reader(log) as read:
    said = start("add:1:2", WINAPI_LOG_FILE=log, WINAPI_LOG_LEVEL="debug", **NAMED)
    check("a log that is read", said.lines == ["add 3"] and said.err == "" and "answers" in read(), said)
trace = pipe("trace")
said = start("add:1:2", WINAPI_TRACE=trace, **NAMED)
check("a trace that nobody reads: a line", said.lines == ["add 3"] and "calls are not shown" in said.err, said)
with reader(trace) as read:
    said = start("add:1:2", WINAPI_TRACE=trace, **NAMED)
    check("a trace that is read", said.lines == ["add 3"] and said.err == "" and "ways_add(1, 2) = 3" in read(), said)
report = pipe("report")
said = start("add:1:2", WINAPI_MODE="compare", WINAPI_COMPARE_REPORT=report, WINAPI_LOG_LEVEL="none", **NAMED)
check("a report that nobody reads", said.lines == ["add 3"] and said.status == 0, said)
with reader(report) as read:
    said = start("add:1:2", WINAPI_MODE="compare", WINAPI_COMPARE_REPORT=report, WINAPI_LOG_LEVEL="none", **NAMED)
    check("a report that is read", said.lines == ["add 3"] and '"function": "ways_add", "calls": 1' in read(), said)
said = start("add:1:2", WINAPI_SHARED_MEM=pipe("memory"), **NAMED)
check("a shared memory that is a pipe: a line, and calls over sockets", said.lines == ["add 3"] and
      "WINAPI_SHARED_MEM=" in said.err and "over sockets" in said.err, said)

# ---- read ----

spec = pipe("spec.json")
said = start("add:1:2", options=(), WINAPI_SPEC=spec, **NAMED)
check("a spec file that is a pipe is refused by the command", said.status != 0 and "no regular file" in said.err, said)
said = run([WAYS, "add:1:2"], LD_PRELOAD=PRELOAD, WINAPI_SPEC=spec, **NAMED)
check("and by the program, which goes on", said.lines == ["add 3"] and spec in said.err, said)
check("the host has counted the calls", host.calls("ways_add") == 7, host.calls("ways_add"))

# ---- commands that are no hosts ----

numbers = folder + "/numbers"
for what, command in (("sleeps", "sleep 1000"), ("talks", "while echo nonsense nonsense nonsense; do sleep 1000; done"),
                      ("starts another", "sleep 1000 & wait")):
    script = f"{folder}/command"
    with open(script, "w") as file:
        file.write(f"#!/bin/sh\necho $$ > {numbers}\nexec 2> /dev/null\n{command}\n")
    os.chmod(script, 0o755)
    lost = winapi_run(WAYS, "add:1:2", WINAPI_HOST="exec:" + script, WINAPI_CONNECT_TIMEOUT="300ms")
    with open(numbers) as file:
        number = int(file.read())
    check(f"a command that {what}: the call is lost, with a line", lost.lines == ["add -1"] and len(lost.said) == 1, lost)
    check(f"a command that {what}: it does not outlive that", number > 1 and
          wait_until(lambda: is_empty(number)))
    if number > 1 and not is_empty(number):
        os.killpg(number, signal.SIGKILL)
finish()
