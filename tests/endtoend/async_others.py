#!/usr/bin/env python3
"""Calls that nobody waits for, and who else is about: threads that post without end or in a crowd, that take over each
other's lanes, calls that were left, children, and calls that are not posted although their rows say that they may be.
"""
import errno

from lib_posts import *

FAILED = f"posts_check: this call, which was not waited for, has failed: {os.strerror(errno.EPERM)}"
SOON = 3000 * SLOWER  # milliseconds: much less than waits are given up after


def look_at_posting_without_end(medium):
    host = posts_host()
    program = Posts(host, WINAPI_TRANSPORT=medium)
    program.call("without_end")
    answers = [program.call("mark", 3) for _ in range(5)]
    check("others post without end: who waits, waits for what was posted before", all(
        answer and answer[0] == 3 and answer[2] < SOON for answer in answers), answers)
    check("a fork too", (program.call("fork", 10) or [0])[0] == 1)
    began = time.monotonic()
    check("and the program's end", program.stop() == 0 and time.monotonic() - began < SOON / 1000)
    check("no line", program.lines() == [], *program.lines())


def look_at_crowd(medium):
    """Of whom the last ones find that no more lanes can post, so their calls are waited for."""
    host = posts_host("--max-lanes", "100")
    program = Posts(host, WINAPI_TRANSPORT=medium)
    check("a crowd posts: all is over for who asks then", program.result("crowd", 5) == 5 and
          len(program.journal()) == 80, len(program.journal()))
    check("it ends as it wants to", program.stop() == 0 and program.lines() == [], *program.lines())


def look_at_heirs(medium):
    """Threads that take over the lanes of threads that have ended."""
    host = posts_host()
    program = Posts(host, WINAPI_TRANSPORT=medium)
    program.call("check_in_thread", errno.EPERM)
    check("a thread is not told of what another's call has failed with", program.result("mark_in_thread", 1) == 1 and
          program.new_lines() == [], *program.lines())
    check("nor if it posts, which says it in a line", program.result("check_in_thread", 0) == 0 and
          program.new_lines() == [FAILED], *program.lines())
    check("that once", program.result("check_in_thread", 0) == 0 and program.stop() == 0 and
          program.new_lines() == [], *program.lines())


def look_at_calls_that_were_left(medium):
    host = posts_host()
    program = Posts(host, WINAPI_TRANSPORT=medium)
    program.call("leave_behind", 30)
    check("what is posted after a call was left comes behind what was posted before", program.result("mark", 1) == 1 and
          program.journal() == [(2, 0)] * 30 + [(1, 1)], program.journal())
    check("it ends as it wants to", program.stop() == 0 and program.lines() == [], *program.lines())


def look_at_children(medium):
    host = posts_host()
    program = Posts(host, WINAPI_TRANSPORT=medium)
    check("a posted call is under way", program.hold() and program.is_held)
    before = host.stat()["ended_clients"]
    answer = program.call("clone", 0)
    check("a cloned child's end does not wait for it", answer and answer[0] == 0 and answer[2] < SOON, answer)
    asked = 0

    def have_only_we_asked():
        nonlocal asked
        asked += 1
        return host.stat()["ended_clients"] == before + asked  # each asker ends, a moment after it has its answer

    check("nor has it looked for a host", wait_until(have_only_we_asked), asked)
    program.let_go()
    check("the parent goes on", program.result("mark", 1) == 1 and program.stop() == 0 and program.lines() == [],
          *program.lines())


def look_at_large_calls(medium):
    host = posts_host()
    program = Posts(host, WINAPI_TRANSPORT=medium)
    program.send("hold", thread=True)
    check("posted by another thread: it is under way", wait_until(program.is_read))
    asking = program.send("text", 300000)
    check("what is too large to be posted waits, as it is waited for", program.answer(asking, 0.2) is None and
          host.calls("posts_text") == 0)
    program.let_go()
    check("and is made then", program.answer(asking)[0] == 0 and program.result("size") == 300000)
    program.stop()


def look_at_compared(medium):
    """A program that has no functions of its own to compare with."""
    stub = f"{PLACE}/winapi_stub.so"
    made = subprocess.run([WINAPI, "stubs", "-o", stub, POSTS_SPEC], env=environment(), capture_output=True, text=True)
    check("a stub is made", made.returncode == 0, made.stderr)
    alone = compile("posts/alone", "-I" + SOURCE, FIXTURES + "/posts.c", stub, "-Wl,-rpath," + PLACE, "-pthread")
    host = posts_host()
    program = Posts(host, command=alone, WINAPI_TRANSPORT=medium, WINAPI_MODE="compare")
    answer = program.call("sleep", 300)
    check("with compare every call is waited for", answer and answer[2] >= 300, answer)
    program.stop()


for medium in MEDIA:
    print(f"over {medium}:")
    look_at_posting_without_end(medium)
    look_at_crowd(medium)
    look_at_heirs(medium)
    look_at_calls_that_were_left(medium)
    look_at_children(medium)
    look_at_large_calls(medium)
    look_at_compared(medium)
finish()
