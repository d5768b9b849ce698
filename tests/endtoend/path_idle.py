#!/usr/bin/env python3
"""Who has nothing to do uses no processor: a program whose threads have lanes and make no call, its worker, and the host.
So do both sides while a call takes long.
"""
from lib_path import *

need_no_sanitizer()  # ThreadSanitizer has a thread that wakes up
THREADS = 3
IDLE_SECONDS = 2
LONG_MS = 2000
WATCH_MS = 100  # how often a guest that sleeps asks whether its host still is there: docs/architecture.md, "Waiting"
LONG_NS = 20_000_000  # the call itself, and the watch, with room for a slow machine; a side that spins uses 100 times that


def name_processes(program):
    return {"program": program.pid, "worker": program.worker, "host": parent_of(program.worker)}


def look_idle(what, program):
    processes = name_processes(program)
    for kind in "echo", "invert", "thing":
        check(f"{what}: calls are right", program.make(kind, 200))
    time.sleep(0.2)
    before = {name: used(pid) for name, pid in processes.items()}
    time.sleep(IDLE_SECONDS)
    for name, pid in processes.items():
        now = used(pid)
        check(f"{what}: in {IDLE_SECONDS} s of idleness the {name} does not even wake up", now == before[name] and now.ns,
              before[name], now)
    before = {name: used(pid) for name, pid in processes.items()}
    check(f"{what}: one call on each thread", program.make("add", 1))
    for name in "program", "worker":
        check(f"{what}: of which the {name} wakes up, and is seen",
              wait_until(lambda: used(processes[name]).slept >= before[name].slept + THREADS), before[name])


def look_long(what, program):
    processes = name_processes(program)
    program.call("Pause", 1)
    before = {name: used(pid) for name, pid in processes.items()}
    check(f"{what}: a long call comes back", program.result("Pause", LONG_MS) == LONG_MS)
    for name, pid in processes.items():
        spent = Used(*(now - then for now, then in zip(used(pid), before[name])))
        check(f"{what}: the {name} sleeps during a call of {LONG_MS} ms", spent.ns < LONG_NS, spent)
        check(f"{what}: the {name} wakes up for the watch at most", spent.slept <= LONG_MS / WATCH_MS + 10, spent)


def look(what, host, counted, **variables):
    program = Proofs(host, THREADS, **variables)
    look_idle(what, program)
    look_long(what, program)
    if counted:
        check(f"{what}: the host has counted the calls", host.calls("proofs_pause") == 2 and
              host.calls("winapi_echo") == THREADS * 200, host.calls("winapi_echo"))
    check(f"{what}: the program ends as it wants to", program.stop() == 0)


for medium in MEDIA:
    look(medium, proofs_host(), True, WINAPI_TRANSPORT=medium)
look("a host of its own", None, False)
finish()
