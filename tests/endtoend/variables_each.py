#!/usr/bin/env python3
"""The environment's variables, each with a value that works and one that makes no sense.  (WINAPI_MODE and
WINAPI_ROUTE are in toggle_modes.py, WINAPI_TRACE in trace_lines.py, WINAPI_COMPARE_REPORT in compare_reports.py.)
"""
from lib_ways import *

host = WaysHost()


def add(*words, **variables):
    return winapi_run(WAYS, *(words or ["add:1:2"]), **{"host": host, **variables})


def says(what, expected, **variables):
    """One line, exactly; the call works all the same."""
    before = host.calls("ways_add")
    result = add(**variables)
    check(f"{what}: one line names it", result.said == [expected], result)
    check(f"{what}: the call is answered by the host all the same", result.lines == ["add 3"] and
          host.calls("ways_add") == before + 1, result)


# ---- WINAPI_DEBUG, WINAPI_LOG_LEVEL, WINAPI_LOG_FILE ----

ANSWERS = re.compile(r"debug: (\S+) answers: winapi-host \S+, Linux \S+ x86_64, pid (\d+), tables winapi,ways, medium memory$")
result = add("where", WINAPI_DEBUG="1")
who = [found for found in map(ANSWERS.fullmatch, result.said) if found]
check("WINAPI_DEBUG=1: one line says who answers", len(who) == 1, result)
check("with address and process", who and who[0][1] == host.address and [who[0][2]] == result.values("where") and
      who[0][2] != str(result.pid), result)
check("WINAPI_DEBUG=0: nothing is said", add(WINAPI_DEBUG="0").said == [])
says("WINAPI_DEBUG=maybe", "WINAPI_DEBUG=maybe: write 0 or 1; taking 0", WINAPI_DEBUG="maybe")

for level in "debug", "trace", "Debug":
    check(f"WINAPI_LOG_LEVEL={level}: who answers is said", any(map(ANSWERS.fullmatch, add(WINAPI_LOG_LEVEL=level).said)))
for level in "info", "warn", "error", "none":
    check(f"WINAPI_LOG_LEVEL={level}: it is not", add(WINAPI_LOG_LEVEL=level).said == [])
NOBODY = f"unix:{folder}/nobody"
check("at warn a lost call is said", len(add(WINAPI_HOST=NOBODY, host=None).said) == 1)
check("WINAPI_LOG_LEVEL=none: not even that", add(WINAPI_HOST=NOBODY, host=None, WINAPI_LOG_LEVEL="none").said == [])
says("WINAPI_LOG_LEVEL=loud",
     "WINAPI_LOG_LEVEL=loud: write none, error, warn, info, debug or trace; taking warn", WINAPI_LOG_LEVEL="loud")

log = folder + "/log"
result = add(WINAPI_LOG_FILE=log, WINAPI_DEBUG="1")
with open(log) as file:
    check("WINAPI_LOG_FILE: lines go there and not to stderr", " answers: " in file.read() and result.err == "", result)
result = add("where", host=None, WINAPI_LOG_FILE="relative", WINAPI_DEBUG="1")
with open(folder + "/relative") as file:
    said = file.read()
check("WINAPI_LOG_FILE, relative: the program's directory counts for the host that it starts as well",
      " answers: " in said and "winapi-host[" in said and result.err == "" and
      result.values("where") != [str(result.pid)], result, said)
says("WINAPI_LOG_FILE of no directory", f"WINAPI_LOG_FILE={folder}/no/log: No such file or directory; taking stderr",
     WINAPI_LOG_FILE=folder + "/no/log")

# ---- WINAPI_SOCKET_PORT: which of the user's hosts; at both ends and for winapi stat ----


def start_user_host(port):
    """By its default address."""
    ready, ready_write = os.pipe()
    with library_path(Where.there):
        process = subprocess.Popen([WINAPI_HOST, "--spec", WAYS_SPEC, "--ready-fd", str(ready_write)],
                                   env=environment(WINAPI_SOCKET_PORT=port), pass_fds=[ready_write])
    ending.append(lambda: (process.kill(), process.wait()))
    os.close(ready_write)
    with os.fdopen(ready, "rb") as pipe:
        check(f"WINAPI_SOCKET_PORT={port}: a host starts", pipe.read(1) == b"\n")
    return process


def stat(port):
    shown = run([WINAPI, "stat", "--json"], WINAPI_SOCKET_PORT=port)
    counts = json.loads(shown.out)["functions"] if shown.status == 0 else []
    return {row["name"]: row["calls"] for row in counts if row["calls"]}


one, two = start_user_host("7000"), start_user_host("0x1b59")
check("its socket has the number in its name, for its owner only", os.path.exists(folder + "/winapi/host-0x1b58") and
      os.stat(folder + "/winapi").st_mode & 0o77 == 0, os.listdir(folder + "/winapi"))
result = add("where", host=None, WINAPI_SOCKET_PORT="0x1b58")
check("WINAPI_SOCKET_PORT: hexadecimal and decimal are the same host", result.values("where") != [str(result.pid)] and
      stat("7000") == {"ways_where": 1} and stat("7001") == {}, result, stat("7000"))
result = add("add:1:2", host=None, WINAPI_SOCKET_PORT="7001")
check("another number is another host", stat("7001") == {"ways_add": 1} and stat("7000") == {"ways_where": 1}, result)
for value in "0", "-1", "many", "4294967296", "12x":
    says(f"WINAPI_SOCKET_PORT={value}", f"WINAPI_SOCKET_PORT={value}: write a number from 1 to 0xffffffff; taking 0x1234",
         WINAPI_SOCKET_PORT=value)
refused = run([WINAPI_HOST], WINAPI_SOCKET_PORT="many")
check("a host refuses to start with such a value", refused.status == 2 and "WINAPI_SOCKET_PORT" in refused.err, refused)
shown = run([WINAPI, "stat"], WINAPI_SOCKET_PORT="many")
check("winapi stat too", shown.status == 2 and "WINAPI_SOCKET_PORT" in shown.err, shown)

# ---- WINAPI_SHARED_MEM ----

memory = folder + "/memory"
process = subprocess.Popen([WINAPI, "run", "--spec", WAYS_SPEC, "--", WAYS, "upper", "pause:60000"], env=environment(
    WINAPI_SHARED_MEM=memory, WINAPI_HOST=host.address, LD_LIBRARY_PATH=Where.here), stdout=subprocess.PIPE)
ending.append(lambda: (process.kill(), process.wait()))
check("a program with WINAPI_SHARED_MEM calls", wait_until(lambda: host.calls("ways_upper") == 1))


def maps(pid):
    with open(f"/proc/{pid}/maps") as file:
        return memory in file.read()


workers = [client["worker"] for client in host.stat()["clients"] if client["pid"] == process.pid]
check("the file is mapped by program and worker", len(workers) == 1 and maps(process.pid) and maps(workers[0]), workers)
with open(memory, "rb") as file:
    header = struct.unpack("<4sIQ", file.read(16))
check("it starts with WINA, and is for its owner only", header[:2] == (b"WINA", 1) and
      header[2] == os.stat(memory).st_size and os.stat(memory).st_mode & 0o777 == 0o600, header)
process.kill()
process.wait()
check("it stays when the program ends", os.path.exists(memory))
with open(memory) as earlier:
    result = add(WINAPI_SHARED_MEM=memory)
    check("the next program makes it anew", result.lines == ["add 3"] and
          not os.path.samestat(os.fstat(earlier.fileno()), os.stat(memory)), result)

with open(folder + "/letter", "w") as file:
    file.write("something of the user's\n")
says("WINAPI_SHARED_MEM of another file", f"WINAPI_SHARED_MEM={folder}/letter: no shared memory can be made there: "
     "File exists; buffers travel over sockets", WINAPI_SHARED_MEM=folder + "/letter")
with open(folder + "/letter") as file:
    check("which is left as it was", file.read() == "something of the user's\n")
says("WINAPI_SHARED_MEM of no directory", f"WINAPI_SHARED_MEM={folder}/no/memory: no shared memory can be made there: "
     "No such file or directory; buffers travel over sockets", WINAPI_SHARED_MEM=folder + "/no/memory")

# ---- WINAPI_TRANSPORT ----

for medium in "memory", "socket":
    result = add(WINAPI_TRANSPORT=medium, WINAPI_DEBUG="1")
    check(f"WINAPI_TRANSPORT={medium}", any(line.endswith("medium " + medium) for line in result.said) and
          result.lines == ["add 3"], result)
says("WINAPI_TRANSPORT=pigeon", "WINAPI_TRANSPORT=pigeon: write memory or socket; taking memory",
     WINAPI_TRANSPORT="pigeon")

# ---- WINAPI_CALL_TIMEOUT, WINAPI_CONNECT_TIMEOUT ----

for value in "200ms", "1s", "1":
    start = time.monotonic()
    result = add("pause:60000", "add:1:2", WINAPI_CALL_TIMEOUT=value)
    took = time.monotonic() - start
    check(f"WINAPI_CALL_TIMEOUT={value}: the declared failure, in time, and a line", result.lines == ["pause -1", "add 3"]
          and (0.2 if value == "200ms" else 1) <= took < 5 * SLOWER and len(result.said) == 1 and
          "ways_pause: the host did not finish the call in time; returned -1" in result.said[0], result, took)
check("WINAPI_CALL_TIMEOUT=0: as long as it takes", add("pause:300", WINAPI_CALL_TIMEOUT="0").lines == ["pause 300"])

deaf = socket.socket(socket.AF_UNIX)
deaf.bind(folder + "/deaf")
deaf.listen()
start = time.monotonic()
result = add(host=None, WINAPI_HOST=f"unix:{folder}/deaf", WINAPI_CONNECT_TIMEOUT="300ms")
check("WINAPI_CONNECT_TIMEOUT=300ms: a host that does not answer is given up", result.lines == ["add -1"] and
      0.3 <= time.monotonic() - start < 3 * SLOWER and "WINAPI_CONNECT_TIMEOUT" in result.err, result)
for name, usual in ("WINAPI_CALL_TIMEOUT", 0), ("WINAPI_CONNECT_TIMEOUT", 5000):
    for value in "soon", "-1", "3min", "1.5", "99999999999999999999":
        says(f"{name}={value}", f"{name}={value}: write seconds, or a number with s or ms such as 30, 30s, 250ms; taking "
             f"{usual}ms", **{name: value})

# ---- WINAPI_HOST, WINAPI_SPEC ----

for value in "somewhere", "ftp:there", "unix:":
    result = add(host=None, WINAPI_HOST=value)
    check(f"WINAPI_HOST={value}: a line names it, and the call fails as declared", result.lines == ["add -1"] and
          len(result.said) == 1 and f"WINAPI_HOST={value}: " in result.said[0], result)
result = run([WAYS, "add:1:2"], LD_PRELOAD=PRELOAD, WINAPI_SPEC=folder + "/missing.json")
check("WINAPI_SPEC of no file: a line names it, and the program runs", result.lines == ["add 3"] and
      result.said and "WINAPI_SPEC" in result.said[0] and "missing.json" in result.said[0], result)

# ---- a host that the program starts does not stumble over them ----

for name, value in ("WINAPI_LOG_LEVEL", "loud"), ("WINAPI_DEBUG", "maybe"), ("WINAPI_SOCKET_PORT", "many"):
    result = add("pid", "where", host=None, library=Where.there, **{name: value})
    check(f"{name}={value}: the program's own host is started nevertheless", len(result.said) == 1 and
          result.values("where") not in (["-1"], result.values("pid")), result)
finish()
