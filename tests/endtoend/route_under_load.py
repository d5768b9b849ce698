#!/usr/bin/env python3
"""Hundreds of toggles under the load of several threads: every result is right, no call is lost, none is made twice."""
from lib_routes import *

# A lane's first use allocates, in a handler too: docs/architecture.md, "Fork, threads, signals".
os.environ["TSAN_OPTIONS"] = os.environ.get("TSAN_OPTIONS", "") + ":report_signal_unsafe=0"

THREADS = 4
TOGGLES = 40 if SANITIZER else 300


def toggle(program, count, of=("toggled_next=native", "toggled_next=remote", "toggled_*=native", "toggled_*=remote")):
    """Gives how many were said to have switched at once."""
    switched = 0
    for i in range(count):
        said = route(program.pid, of[i % len(of)])
        if said.status:
            check("each toggle is taken", False, said)
            break
        switched += said.out.startswith("toggled_next: " + of[i % len(of)].rpartition("=")[2] + "\n")
    return switched


def count(host, program):
    """Results by library, and what the libraries themselves have counted."""
    answered = program.ask("stop")
    native, remote, wrong, mixed = answered if len(answered) == 4 else (0, 0, -1, -1)
    ran, live = program.ask("ran")
    return native, remote, wrong, mixed, ran, live, host.calls("toggled_next")


def check_counts(what, host, program):
    native, remote, wrong, mixed, ran, live, there = counted = count(host, program)
    check(f"{what}: every result was right", wrong == 0 and mixed == 0, counted, program.said())
    check(f"{what}: both sides have answered", native > 0 and remote > 0, counted)
    check(f"{what}: native calls ran once each", ran == native, counted)
    check(f"{what}: remote calls ran once each", there == remote, counted)
    check(f"{what}: no object is left", live == 0 and host.calls("toggled_close") == host.calls("toggled_open") +
          host.calls("toggled_make") / 2, live)
    check(f"{what}: nothing was said", program.said() == "", program.said())


for medium in MEDIA:
    host = RouteHost()
    program = Toggled(host, WINAPI_TRANSPORT=medium)
    program.ask("where")
    program.ask("start", THREADS)
    switched = toggle(program, TOGGLES)
    check(f"{medium}: most toggles take effect at once", switched > TOGGLES * 0.8, switched)
    check_counts(medium, host, program)
    counted = stat(program.pid)["functions"]
    check(f"{medium}: winapi stat has counted what the host has", counted["toggled_next"]["calls"] >= host.calls("toggled_next") > 0
          and counted["toggled_next"]["errors"] == 0, counted["toggled_next"])
    program.stop()
    host.stop()

# ---- signal handlers that call ----

host = RouteHost()
program = Toggled(host)
program.ask("where")
program.ask("signals", 1000)
program.ask("start", 2)
toggle(program, TOGGLES // 2)
program.ask("signals", 0)
check_counts("signals", host, program)
check("signals: handlers have called", program.ask("signals", 0)[0] > 0)
program.stop()

# ---- several commands at once ----

host = RouteHost()
program = Toggled(host)
program.ask("where")
program.ask("start", THREADS)
commands = [threading.Thread(target=toggle, args=(program, TOGGLES // 4, (f"toggled_next={mode}", f"toggled_*={mode}")))
            for mode in ("native", "remote", "compare")]
for command in commands:
    command.start()
for command in commands:
    command.join()
route(program.pid, "toggled_*=remote")
route(program.pid, "toggled_*=native")
native, remote, wrong, mixed, ran, live, there = counted = count(host, program)
check("three commands at once: every result was right", wrong == 0 and mixed == 0 and live == 0, counted)
check("and each call ran where it should, once", ran == native and there >= remote, counted)  # compare: on both sides
check("nothing was said", re.sub(r"winapi\[\d+\]: compare: .*\n", "", program.said()) == "", program.said())
finish()
