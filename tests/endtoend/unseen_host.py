#!/usr/bin/env python3
"""The host that the preload starts by itself is never seen by the program, has nothing of it, and ends with it."""
import errno
import json

from lib_trouble import *

ENVIRONMENT = dict(WINAPI_HOST=None, WINAPI_LOG_LEVEL="warn")


def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def stat_of(pid):
    """(parent, process group, session)"""
    with open(f"/proc/{pid}/stat") as file:
        return tuple(int(word) for word in file.read().rpartition(")")[2].split()[1:4])


def links(pid):
    return {name: os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}


def variables_of(pid):
    with open(f"/proc/{pid}/environ", "rb") as file:
        return dict(entry.split(b"=", 1) for entry in file.read().split(b"\0") if b"=" in entry)


def start(**variables):
    """The program, its worker, and the host that is the worker's parent."""
    program = Program(None, **{**ENVIRONMENT, **variables})
    worker = program.result("where")
    return program, worker, stat_of(worker)[0]


held = open(folder + "/held", "w")
os.set_inheritable(held.fileno(), True)
program, worker, host = start()
check("the function runs in another process", worker not in (-1, program.pid))
check("the host is winapi-host", os.readlink(f"/proc/{host}/exe") == os.path.realpath(WINAPI_HOST))
check("wait() finds no child", program.call("wait", 0)[:2] == (-1, errno.ECHILD))
check("wait() that takes clones too finds none", program.call("wait", 0x40000000)[:2] == (-1, errno.ECHILD))
check("no SIGCHLD has come", program.result("signals") == 0)
own = stat_of(program.pid)
for name, pid in (("host", host), ("worker", worker)):
    check(f"the {name} is no child of the program", stat_of(pid)[0] != program.pid)
    check(f"the {name} is in a process group and session of its own",
          stat_of(pid)[1] != own[1] and stat_of(pid)[2] != own[2], stat_of(pid), own)
    variables = variables_of(pid)
    check(f"the {name} has no LD_PRELOAD", b"LD_PRELOAD" not in variables)
    check(f"the {name} has the program's spec file", variables.get(b"WINAPI_SPEC") == SPEC.encode(), variables)
    check(f"the {name} has nothing else that is the program's affair", not {
        b"WINAPI_MODE", b"WINAPI_ROUTE", b"WINAPI_TRACE", b"WINAPI_HOST", b"WINAPI_TRANSPORT"} & set(variables), variables)
    check(f"the {name} has the directory /", os.readlink(f"/proc/{pid}/cwd") == "/")
    theirs, ours = links(pid), links(program.pid)
    shared = {link for link in theirs.values() if link in ours.values()} - {ours["2"], "/dev/null"}
    shared = {link for link in shared if "memfd:winapi" not in link}
    check(f"the {name} has none of the program's descriptors but stderr", not shared, shared, theirs)
    check(f"the {name}'s stdin and stdout are not the program's", theirs["0"] == "/dev/null" and
          theirs["1"] != ours["1"], theirs)
check("the host ignores SIGPIPE and no other signal", int(status_of(host)["SigIgn"], 16) & ~(1 << 12) == 0,
      status_of(host)["SigIgn"])
check("SIGUSR1, which the program ignores, is at its default", program.result("mask", signal.SIGUSR1) == 1)
check("SIGCHLD, which the program handles, is at its default", program.result("mask", signal.SIGCHLD) == 1)
check("two calls have one host", program.result("where") == worker)
check("nothing was printed", program.lines() == [], *program.lines())
check("the program ends as it wants to", program.stop() == 0)
check("host and worker end with it", wait_until(lambda: not is_alive(worker) and not is_alive(host)))

# ---- programs that end otherwise ----

program, worker, host = start()
program.send("forever", thread=True)
program.die()
check("the program is killed in a call: host and worker end",
      wait_until(lambda: not is_alive(worker) and not is_alive(host)))

program, worker, host = start()
child = program.result("child", 100)
check("a child that has inherited all descriptors lives on", is_alive(child))
program.die()
check("and the program is killed: host and worker end all the same",
      wait_until(lambda: not is_alive(worker) and not is_alive(host)) and is_alive(child))
kill(child)

program, worker, host = start()
child = program.result("child", 1)
check("a child of the program's own is still its child", program.result("wait", 0) == child)
check("and the only one that it hears of", program.result("signals") == 1 and
      program.call("wait", 0)[:2] == (-1, errno.ECHILD))
check("the worker is the same", program.result("where") == worker)

kill(host)
check("the host is killed: the worker ends", wait_until(lambda: not is_alive(worker)))
check("the host is killed: the next call starts another", program.call("next", 1)[:2] == (2, 77), *program.lines())
other = program.result("where")
check("which is another process", other not in (worker, -1, program.pid))
check("still no child and no signal", program.call("wait", 0)[:2] == (-1, errno.ECHILD) and
      program.result("signals") == 1)
check("a crash in the library: the declared failure",
      program.call("crash", signal.SIGSEGV)[:2] == (-5, errno.EIO), *program.lines())
check("a crash in the library: the line says so, and the host says where",
      wait_until(lambda: len(program.lines()) == 2) and
      any("killed by signal 11 (Segmentation fault) in trouble: trouble_crash" in line for line in program.lines()) and
      "trouble_crash: the host process ended during the call; returned -5" in program.lines(), *program.lines())
check("a crash in the library: the next call starts another", program.call("next", 1)[:2] == (2, 77))
check("still no signal", program.result("signals") == 1)
program.stop()

# ---- its own count ----

counts = folder + "/counts"
program = Program(None, **{**ENVIRONMENT, "WINAPI_HOST": f"exec:{WINAPI_HOST} --stdio --stat-file {counts}"})
check("a host with --stat-file answers", all(program.result("where") not in (-1, program.pid) for _ in range(3)))
program.stop()
check("it writes what it has counted when it ends", wait_until(lambda: os.path.exists(counts)))
with open(counts) as file:
    calls = {row["name"]: row["calls"] for row in json.load(file)["functions"] if row["calls"]}
check("which are the program's calls", calls == {"trouble_where": 3}, calls)

# ---- closed streams ----

process = subprocess.run([WINAPI, "run", "--spec", SPEC, "--", TROUBLE], input="1 next 1\n", text=True,
                         stdout=subprocess.PIPE, preexec_fn=lambda: os.close(2), timeout=PATIENCE, env=environment())
check("a program without stderr is served", process.stdout.startswith("1 2 77 "), process.stdout)
finish()
