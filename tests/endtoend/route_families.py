#!/usr/bin/env python3
"""A family is switched when its last object has gone, wherever that happens; lost hosts, forks, hostile control memory."""
from lib_routes import *

HEADER_EPOCH = 128  # in control memory: docs/protocol.md


def family_line(said):
    return [line for line in said.out.splitlines() if line.startswith("toggled_open")][0].partition(": ")[2]


def control_fd(pid):
    """The control memory's descriptor in the process, or None."""
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/fd/{name}").startswith("/memfd:winapi-control"):
                return f"/proc/{pid}/fd/{name}"
    return None


# ---- objects decide ----

for medium in MEDIA:
    host = RouteHost()
    program = Toggled(host, WINAPI_TRANSPORT=medium)
    program.ask("open", 1), program.ask("make", 2), program.ask("open", 3)
    program.ask("make", -1)
    said = route_family(program.pid, "native")
    check(f"{medium}: an idle process cannot say yet", "remote now; native with the process's next call" in said.out, said)
    program.ask("other")
    said = route_family(program.pid, "native")
    program.ask("other")
    shown = route(program.pid)
    check(f"{medium}: it shows what is to be switched, and why not yet",
          "remote, to be switched; live objects of its family: 3" in shown.out, shown)
    check(f"{medium}: objects stay where they were made", program.side("value", 1) == program.side("value", 2) == REMOTE)
    program.ask("start", 1)
    said = route(program.pid, "toggled_next=remote," + ",".join(f"{name}=native" for name in FAMILY))
    check(f"{medium}: a busy one says how many objects there are", re.search(
        r"^toggled_open, toggled_make, toggled_value and 1 more: remote; \d+ live objects; native when they are gone$",
        said.out, re.M) and said.status == 0, said)
    program.ask("stop")
    check(f"{medium}: new ones go to the same place", program.ask("open", 4)[0] == 1 and
          program.side("value", 4) == REMOTE)
    for number in 1, 2, 3:
        program.ask("close", number)
    check(f"{medium}: one is left, nothing is switched", program.side("value", 4) == REMOTE and
          stat(program.pid)["functions"]["toggled_value"]["live_objects"] == 1)
    program.ask("close", 4)
    check(f"{medium}: the last one switches them", program.ask("open", 5)[0] == 1 and program.side("value", 5) == NATIVE and
          program.ask("ran")[1] == 1)
    rows = stat(program.pid)["functions"]
    check(f"{medium}: native objects count too; who only uses them goes past the library",
          rows["toggled_value"]["live_objects"] == 1 and rows["toggled_value"]["direct"] and
          not rows["toggled_open"]["direct"] and rows["toggled_open"]["mode"] == "native", rows)
    route_family(program.pid, "remote")
    check(f"{medium}: and keep them native", program.side("value", 5) == NATIVE and program.ask("make", 6)[0] == 0 and
          program.side("value", 6) == NATIVE)
    program.ask("close", 5)
    check(f"{medium}: until they are gone", program.side("value", 6) == NATIVE)
    program.ask("close", 6)
    check(f"{medium}: then back", program.ask("open", 7)[0] == 1 and program.side("value", 7) == REMOTE)
    route_family(program.pid, "native")
    program.ask("value", 7)
    route_family(program.pid, "remote")
    program.ask("value", 7)
    shown = route(program.pid)
    check(f"{medium}: a wish is taken back", "to be switched" not in shown.out, shown)
    program.ask("close", 7)
    check(f"{medium}: and then nothing is switched", program.ask("open", 8)[0] == 1 and program.side("value", 8) == REMOTE)
    check(f"{medium}: nothing was said", program.said() == "", program.said())
    program.stop()
    host.stop()

# ---- a lost host ----

host = RouteHost()
program = Toggled(host)
program.ask("open", 1)
host.stop(signal.SIGKILL)
route_family(program.pid, "native")
check("its host is gone: the object's call fails", program.ask("value", 1)[0] == -1)
check("and with it the objects: the family is switched", program.ask("open", 2)[0] == 1 and
      program.side("value", 2) == NATIVE, route(program.pid))
check("a handle of that host is refused, and not followed", program.ask("value", 1) == [-1, 9], program.said())
program.ask("close", 1)
program.ask("close", 2)
check("the program goes on", program.ask("ran")[1] == 0 and program.ask("open", 3)[0] == 1)

# ---- fork ----

host = RouteHost()
for how in "fork", "clone":
    program = Toggled(host)
    program.ask("open", 1)
    route(program.pid, "toggled_next=native")
    check(f"{how}: before it", program.side() == NATIVE)
    calls = stat(program.pid)["functions"]["toggled_open"]["calls"]
    child = program.ask(how)[0]
    check(f"{how}: nothing is known of a child without a call", "forked, and has made no call" in route(child).err,
          route(child))
    check(f"{how}: it follows its parent's modes", program.side() == NATIVE and program.side("other") == REMOTE)
    rows = stat(child)["functions"]
    check(f"{how}: its counts are its own", rows["toggled_open"]["calls"] == 0 and rows["toggled_other"]["calls"] == 1 and
          stat(child)["pid"] == child, rows)
    route(program.pid, "toggled_next=remote")
    check(f"{how}: its parent's routes are not its own any more", program.side() == NATIVE)
    route(child, "toggled_next=remote,toggled_other=native")
    check(f"{how}: it has its own", program.side() == REMOTE and program.side("other") == NATIVE)
    route_family(child, "native")
    check(f"{how}: the parent's objects keep no family of the child", program.ask("open", 2)[0] == 1 and
          program.side("value", 2) == NATIVE)
    check(f"{how}: and are refused", program.ask("value", 1) == [-1, 9])
    check(f"{how}: one descriptor, not its parent's too", sum(
        "winapi-control" in os.readlink(f"/proc/{child}/fd/{name}") for name in os.listdir(f"/proc/{child}/fd")) == 1)
    program.send("end")
    check(f"{how}: the parent goes on as it was told", program.side() == REMOTE and program.side("other") == REMOTE and
          program.side("value", 1) == REMOTE)
    check(f"{how}: and has counted its own", stat(program.pid)["functions"]["toggled_open"]["calls"] == calls)
    program.stop()

# ---- what a process can do without ----

program = Toggled(host)
program.side()
path = control_fd(program.pid)
check("the descriptor is high and ends with exec", path and int(os.path.basename(path)) > 100 and
      int(re.search(r"flags:\s*(\d+)", open(path.replace("/fd/", "/fdinfo/")).read())[1], 8) & os.O_CLOEXEC)
seals = subprocess.run([sys.executable, "-c", "import os, sys\nfd = os.open(sys.argv[1], os.O_RDWR)\nos.ftruncate(fd, 0)",
                        path], capture_output=True)
check("nobody can make the memory smaller", seals.returncode != 0 and b"PermissionError" in seals.stderr, seals.stderr)

program = Toggled(host, command=["/bin/sh", "-c", "ulimit -S -n 16; exec " + TOGGLED])
check("with sixteen descriptors the memory lies beyond them", program.side() == REMOTE and
      route(program.pid, "toggled_next=native").status == 0 and program.side() == NATIVE, program.said())
program = Toggled(host, command=["/bin/sh", "-c", "ulimit -n 16; exec " + TOGGLED])
check("with sixteen and none beyond the program has them", program.side() == REMOTE and program.said() == "")
refused = route(program.pid, "toggled_next=native")
check("and the command says why it cannot reach it", refused.status == 1 and "64 descriptors" in refused.err and
      program.side() == REMOTE, refused)

# ---- garbage in control memory ----

import random

randomly = random.Random(7)
program = Toggled(host)
program.side()
program.ask("start", 3)
with open(control_fd(program.pid), "r+b", buffering=0) as memory:
    size = os.fstat(memory.fileno()).st_size
    first = os.pread(memory.fileno(), 8192, 0)
    for i in range(200):
        garbage = randomly.randbytes(randomly.choice([4, 64, 4000])) if i % 3 else b"\x02\x00\x00\x00" * 500
        os.pwrite(memory.fileno(), garbage, randomly.choice([0, HEADER_EPOCH, randomly.randrange(0, 3000)]))
        os.pwrite(memory.fileno(), struct.pack("<I", i * 7 + 1), HEADER_EPOCH)
        if i % 50 == 0:
            os.pwrite(memory.fileno(), bytes(size // 64), 0)
            said = route(program.pid, "toggled_next=native")
            check(f"garbage {i}: the command says so and ends", said.status == 1 and "makes no sense" in said.err, said)
            check(f"garbage {i}: stat too", winapi("stat", program.pid).status == 1)
native, remote, wrong, mixed = program.ask("stop")
check("garbage: every result was right", wrong == 0 and mixed == 0 and native + remote > 0, native, remote, wrong, mixed)
check("garbage: the program goes on", program.side() in (NATIVE, REMOTE) and program.said() == "", program.said())
child = program.ask("fork")[0]
check("garbage: a child has memory of its own", program.side() in (NATIVE, REMOTE) and
      route(child, "toggled_next=native").status == 0 and program.side() == NATIVE, route(child))
program.send("end")
finish()
