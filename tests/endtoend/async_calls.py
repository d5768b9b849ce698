#!/usr/bin/env python3
"""Calls that nobody waits for: they return at once, keep their order, and are over before anything that could see the
difference: an answered call, another thread's, a signal handler's, a native one, a fork, the program's end.
"""
from lib_posts import *

# A handler that interrupts a call may open a lane, which allocates.
os.environ["TSAN_OPTIONS"] = os.environ.get("TSAN_OPTIONS", "") + ":report_signal_unsafe=0"

MANY = 10000 // (4 if SANITIZER else 1)
EACH = 5000 // (10 if SANITIZER else 1)


# ---- at once ----

def look_at_once(medium):
    host = posts_host()
    program = Posts(host, WINAPI_TRANSPORT=medium)
    check(f"{medium}: a posted call is under way", program.hold()[:2] == (0, BEFORE) and program.is_held)
    check("and the program goes on, with its errno", program.call("post", 5)[:2] == (5, BEFORE))
    asking = program.send("last", 0)
    check("an answered call behind it is not over", program.answer(asking, 0.2) is None)
    check("it is let go", program.let_go())
    check("then the call is, and has seen all before", program.answer(asking)[0] == 5)
    check("in order", program.result("wrong", 0) == 0)
    program.stop()
    check("no line", program.lines() == [], *program.lines())


# ---- order ----

def look_at_order(medium):
    host = posts_host()
    program = Posts(host, WINAPI_TRANSPORT=medium)
    worker = program.result("worker")
    check(f"{medium}: the calls run in another process", worker not in (None, -1, program.pid), worker)
    check(f"{medium}: many calls come in order", program.result("post", MANY) == MANY and
          (program.result("last", 0), program.result("wrong", 0)) == (MANY, 0))
    check(f"{medium}: the host has counted them", host.calls("posts_add") == MANY, host.calls("posts_add"))
    check(f"{medium}: an answered call sees all before", program.result("post_and_ask", 500) == 500)
    check(f"{medium}: a text is what it was when the call was made", (program.result("text", 1000), program.result("size")) == (0, 1000))
    check(f"{medium}: so are bytes", (program.result("bytes", 1000), program.result("size")) == (0, 1001))
    for size in 1999, 2100, 3500, 100000, 200000:
        program.call("post", 3)
        check(f"{medium}: a text of {size} bytes", (program.result("text", size), program.result("size")) == (0, size))
        check(f"{medium}: {size} bytes", (program.result("bytes", size), program.result("size")) == (0, size + 1))
    check(f"{medium}: all of that in order", program.result("wrong", 0) == 0)
    check(f"{medium}: threads post at once, each in its order", program.result("threads", EACH) == 8 * EACH)
    check(f"{medium}: threads that end pass their order on", program.result("turns", 300) == 8 * 300)
    check(f"{medium}: a thread sees what another has posted, while that goes on", program.result("watch", MANY) == 0)
    check(f"{medium}: a signal handler sees what was posted", program.result("handler_asks", 100) == program.result("last", 0))
    check(f"{medium}: a handler posts too", program.result("among_signals", MANY) == 0)
    check(f"{medium}: a handler goes on with the order of its thread", program.result("continue", 300) == 0)
    check(f"{medium}: it ends as it wants to", program.stop() == 0)
    check(f"{medium}: no line", program.lines() == [], *program.lines())


def look_at_few_lanes(medium, lanes):
    """As many threads as before, of which few at a time have lanes; so whoever asks has to take one from somebody."""
    host = posts_host("--max-lanes", str(lanes))
    program = Posts(host, WINAPI_TRANSPORT=medium)
    check(f"{medium}, {lanes} lanes: threads post at once, each in its order", program.result("threads", 200) == 8 * 200)
    check(f"{medium}, {lanes} lanes: threads that end pass their order on", program.result("turns", 50) == 8 * 50)
    check(f"{medium}, {lanes} lanes: a thread sees what another has posted", program.result("watch", 1000) == 0)
    check(f"{medium}, {lanes} lanes: a fork", program.result("fork", 50) == 1)
    check(f"{medium}, {lanes} lanes: it ends as it wants to", program.stop() == 0)
    check(f"{medium}, {lanes} lanes: no line", program.lines() == [], *program.lines())


# ---- who waits ----

def look_at_waiting(medium):
    """While a posted call is under way nobody else gets by."""
    host = posts_host()
    program = Posts(host, WINAPI_TRANSPORT=medium)
    for what, function, thread, expected in (("another thread's call", "mark", True, 9), ("this thread's", "mark", False, 9)):
        check(f"{what}: a posted call is under way", program.hold() and program.is_held)
        asking = program.send(function, 9, thread=thread)
        check(f"{what} waits for it", program.answer(asking, 0.2) is None)
        program.let_go()
        check(f"{what} comes back then", program.answer(asking)[0] == expected)
    asking = program.send("behind_other", 11)
    check("posted by another thread: it is under way", wait_until(program.is_read))
    check("posted by another thread, then by this one: this one's call waits", program.answer(asking, 0.2) is None)
    program.let_go()
    check("and comes back then", program.answer(asking)[0] == 11)
    noting = program.send("behind_handler", 1)
    check("posted by a handler, in the middle of a call: it is under way", wait_until(program.is_read))
    check("what its thread posts behind it waits", program.answer(noting, 0.2) is None and (7, 1) not in program.journal())
    program.let_go()
    check("and is made then", program.answer(noting)[0] == 1 and program.result("mark", 1) == 1 and (7, 1) in program.journal())
    check("a child: a posted call is under way", program.hold() and program.is_held)
    forking = program.send("fork", 100)
    check("a fork waits for it", program.answer(forking, 0.2) is None and (5, 1) not in program.journal())
    program.let_go()
    check("the child has run, and has posted too", program.answer(forking)[0] == 1)
    journal = program.journal()
    check("what the parent had posted was over before", journal and journal[-1] == (5, 1) and
          [number for line, number in journal if line == 1] == list(range(1, 101)), journal[-3:])
    check("the parent's own lane is as before", program.result("wrong", 0) == 0)
    check("it ends as it wants to", program.stop() == 0)
    check("no line", program.lines() == [], *program.lines())


def look_at_native(medium):
    """A row that was routed away runs here, but not before what was posted is over."""
    host = posts_host()
    program = Posts(host, WINAPI_TRANSPORT=medium)
    program.call("mark", 1)
    routed = subprocess.run([WINAPI, "route", str(program.pid), "posts_native=native"], env=environment(), capture_output=True,
                            text=True)
    check("a function is routed away", routed.returncode == 0, routed.stdout, routed.stderr)
    check("a native call: a posted call is under way", program.hold() and program.is_held)
    asking = program.send("native", 3)
    check("a native call waits for it", program.answer(asking, 0.2) is None)
    program.let_go()
    check("and runs here then", program.answer(asking)[0] == 3 and host.calls("posts_native") == 0)
    program.stop()


# ---- ends ----

ENDS = {"return": (None, 0), "exit": (0, 3), "_exit": (1, 4), "SIGKILL": (2, -signal.SIGKILL), "abort": (3, -signal.SIGABRT),
        "exec": (4, 5), "pthread_exit": (5, 0)}


def look_at_end(what, how, status, medium):
    host = posts_host()
    program = Posts(host, WINAPI_TRANSPORT=medium)
    program.call("sleep", 100)
    program.call("note", 500)
    if how is not None:
        program.send("end", how)
    ended = program.stop() if how is None else program.process.wait(PATIENCE)
    whole = [(2, 0)] + [(1, number) for number in range(1, 501)]
    if what in ("return", "exit", "pthread_exit"):
        check(f"{medium}, {what}: all are over when the program has ended", program.journal() == whole, program.journal()[-3:])
    check(f"{medium}, {what}: the host makes them all, in order", wait_until(lambda: program.journal() == whole),
          program.journal()[-3:])
    check(f"{medium}, {what}: the program ended as it wanted to", ended == status, ended)
    check(f"{medium}, {what}: the host has counted them", wait_until(lambda: host.calls("posts_note") == 500), host.calls("posts_note"))
    check(f"{medium}, {what}: its worker goes", wait_until(lambda: host.workers() == []), host.workers())
    check(f"{medium}, {what}: no line", program.lines() == [], *program.lines())
    host.stop()


for medium in MEDIA:
    look_at_once(medium)
    look_at_order(medium)
    look_at_few_lanes(medium, 1)
    look_at_few_lanes(medium, 2)
    look_at_waiting(medium)
    look_at_native(medium)
    for what, (how, status) in ENDS.items():
        look_at_end(what, how, status, medium)
finish()
