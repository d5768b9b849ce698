#!/usr/bin/env python3
"""Where both sides share one processor nobody spins the other one out, whatever the lane has learnt before about waiting:
from quick calls with a processor for each side, from slow calls, from nothing, from moving to and fro.

What is looked at is not how long calls take, which depends on who else is at work, but what they use of the processor:
a side that spins uses all of it up to the end of its patience, 50 us and more for each call.  The measure is what two
threads use that wake each other through a futex, in the same run, the least of several rounds of either.
"""
from lib_path import *

need_no_sanitizer()
CPUS = sorted(os.sched_getaffinity(0))
CALLS, ROUNDS = 1000, 5
MOST_FLOORS, MOST_MORE_NS = 3, 10_000  # room for code that is not optimised


def floor(program):
    return min(program.result("Futex", CALLS) for _ in range(ROUNDS))


def most(least):
    return MOST_FLOORS * least + MOST_MORE_NS


def use_of_call(program, kind):
    """The least, in nanoseconds."""
    least = None
    for _ in range(ROUNDS):
        before = used(program.pid, program.worker)
        check(f"{kind}: calls are right", program.make(kind, CALLS))
        each = (used(program.pid, program.worker).ns - before.ns) // CALLS
        least = each if least is None else min(least, each)
    return least


def share(program, cpu):
    pin(program.pid, {cpu})
    pin(program.worker, {cpu})


def look(what, program):
    share(program, CPUS[0])
    least = floor(program)
    for kind in "echo", "crc32":
        each = use_of_call(program, kind)
        check(f"{what}: {kind} uses {each} ns, a futex's round trip {least}", each <= most(least))


def after_quick_calls(program):
    pin(program.pid, {CPUS[0]})
    pin(program.worker, {CPUS[-1]})
    program.make("echo", 20000)


def after_slow_calls(program):
    for _ in range(300):
        program.result("Pause", 1)


def after_moving(program):
    for turn in range(20):
        share(program, CPUS[turn % 2 - 1])
        program.make("crc32", 50)
        pin(program.worker, {CPUS[turn % 2]})
        program.make("crc32", 50)


HISTORIES = {"from nothing": lambda program: None, "after slow calls": after_slow_calls}
if len(CPUS) > 1:
    HISTORIES.update({"after quick calls with a processor each": after_quick_calls, "after moving to and fro": after_moving})

host = proofs_host()
for what, history in HISTORIES.items():
    program = Proofs(host, WINAPI_TRANSPORT="memory")
    before = host.calls("crc32")
    history(program)
    look(what, program)
    check(f"{what}: the host has counted the calls", host.calls("crc32") - before >= ROUNDS * CALLS)
    check(f"{what}: the program ends as it wants to", program.stop() == 0)

program = Proofs(host)
pin(program.pid, {CPUS[0]})
least, naive = floor(program), min(program.result("Naive", 200) for _ in range(ROUNDS))
check(f"two threads that look for 50 us before they sleep use {naive} ns, which would be seen", naive > most(least), least)
finish()
