#!/usr/bin/env python3
"""Hosts that end and libraries that crash, in the middle of calls and between them: what the program gets, and who
else notices.
"""
import errno

from lib_trouble import *

ENDED = "the host process ended during the call"


def worker_of(program):
    worker = program.result("where")
    check("the call runs in another process", worker not in (None, -1, program.pid), worker)
    return worker


def call_and_kill(program, pid, argument=60000):
    """A call that is under way when the process is killed; how long after that it came back."""
    tag = program.send("sleep", argument)
    wait_until(lambda: count_sleepers(pid_of_worker[program]))
    start = time.monotonic()
    kill(pid)
    return program.answer(tag), time.monotonic() - start


pid_of_worker = {}

# ---- a worker is killed in the middle of a call ----

host = Host()
program, other = Program(host), Program(host)
worker = pid_of_worker[program] = worker_of(program)
other_worker = worker_of(other)
check("two programs have two workers", worker != other_worker)
answer, took = call_and_kill(program, worker)
check("worker killed in a call: the declared failure", answer and answer[:2] == (-1, errno.ECONNRESET), answer)
check("worker killed in a call: within a second", took < 1 * SLOWER, took)
check("worker killed in a call: one line says so", program.new_lines() == [f"trouble_sleep: {ENDED}; returned -1"],
      *program.lines())
check("worker killed in a call: the next call is served", program.call("next", 1)[:2] == (2, 77))
check("worker killed in a call: by a new worker", program.result("where") not in (worker, program.pid, -1))
check("worker killed in a call: the host says which function and client", host.has_logged(
    rf"client {program.pid}: its worker {worker} was killed by signal 9 \(Killed\) in trouble: trouble_sleep; other clients are "
    "not concerned"), host.log())
check("worker killed in a call: other clients go on", other.result("where") == other_worker)
check("worker killed in a call: no other line", program.new_lines() == [] and other.lines() == [], *program.lines())

# ---- between two calls ----

worker = program.result("where")
kill(worker)
wait_until(lambda: not is_alive(worker))
check("worker killed between calls: the next call is served", program.call("next", 1)[:2] == (2, 77))
check("worker killed between calls: without a line", program.new_lines() == [], *program.lines())

# ---- handles of a session that has ended ----

check("a handle is made", program.result("open", 42) == 1)
check("a handle is good", program.result("value") == 42)
worker = program.result("where")
kill(worker)
wait_until(lambda: not is_alive(worker))
check("a handle of an ended session fails cleanly", program.call("value")[:2] == (-1, errno.EBADF))
check("a handle of an ended session: the line says so", program.new_lines() == [
    "trouble_value: invalid handle: closed, of another type, or of a host that has ended since; returned -1"],
    *program.lines())
check("a new handle is made, and is good", (program.result("open", 43), program.result("value")) == (1, 43))
program.call("close")
check("a closed handle fails cleanly", program.call("value")[:2] == (-1, errno.EBADF))
program.new_lines()

# ---- the whole host is killed, and started again ----

pid_of_worker[program] = program.result("where")
program.call("open", 44)
answer, took = call_and_kill(program, host.process.pid)
check("host killed in a call: the declared failure within a second",
      answer and answer[:2] == (-1, errno.ECONNRESET) and took < 1 * SLOWER, answer, took)
host.process.wait()
check("host killed: its workers are gone", wait_until(lambda: not is_alive(pid_of_worker[program])))
absent = (f"{host.address}: no host answers: Connection refused; start one with: winapi-host --listen {host.address}")
program.new_lines()
check("host gone: the declared failure", program.call("next", 1)[:2] == (-1, errno.ENOTCONN))
check("host gone: the line says what to do", program.new_lines() == [f"trouble_next: {absent}; returned -1"],
      *program.lines())
check("host gone: a row that says native runs here", program.call("native", 8)[0] == 9)
check("host gone: and a line says that", program.new_lines() == [f"trouble_next_native: {absent}; ran here instead"],
      *program.lines())
check("host gone: a family never runs here",
      program.call("open", 1)[:2] == (0, errno.ENOTCONN) and program.call("value")[0] == -1)
host.start()
check("host started again: the very next call is served", program.call("next", 1)[:2] == (2, 77))
check("host started again: old handles fail cleanly", program.call("value")[:2] in ((-1, errno.EBADF), (-2, 77)))
check("host started again: it counts", host.calls("trouble_next") == 1, host.calls("trouble_next"))

# ---- a library that crashes ----

program.new_lines()
for name, number in (("SEGV", signal.SIGSEGV), ("ABRT", signal.SIGABRT), ("FPE", signal.SIGFPE)):
    worker, other_worker = program.result("where"), other.result("where")
    answer = program.call("crash", number)
    check(f"crash by SIG{name}: the declared failure and errno of its row", answer and answer[:2] == (-5, errno.EIO),
          answer)
    check(f"crash by SIG{name}: at once", answer and answer[2] < 1000 * SLOWER, answer)
    check(f"crash by SIG{name}: the host says where", host.has_logged(
        rf"client {program.pid}: its worker {worker} was killed by signal {int(number)} \([^)]*\) in trouble: trouble_crash; other clients "
        "are not concerned"), host.log())
    check(f"crash by SIG{name}: the other client keeps its worker", other.result("where") == other_worker)
check("crashes: a line says so", f"trouble_crash: {ENDED}; returned -5" in program.new_lines(), *program.lines())
worker = program.result("where")
check("exit() in a library: the declared failure", program.call("leave", 3)[:2] == (-1, errno.ECONNRESET))
check("exit() in a library: the host says so", host.has_logged(
    rf"its worker {worker} was ended with exit status 3 in trouble: trouble_leave"), host.log())
check("exit(0) in a library is found out too",
      program.call("leave", 0)[0] == -1 and host.has_logged("ended with exit status 0 in trouble: trouble_leave"))
check("the host counts the crashes", host.stat()["crashed_clients"] == 5, host.stat()["crashed_clients"])
check("after all that the next call is served", program.result("next", 5) == 6)

# ---- which calls may run here once they were sent ----

program.new_lines()
check("sent, and not idempotent: never a second time", program.call("once", program.pid)[:2] ==
      (-1, errno.ECONNRESET), *program.lines())
check("sent, and idempotent: runs here", program.call("again", program.pid)[:2] == (7, 77), *program.lines())
check("both have a line", program.new_lines() == [f"trouble_once: {ENDED}; returned -1",
                                                  f"trouble_again: {ENDED}; ran here instead"], *program.lines())

# ---- an answer that makes no sense ----

check("a count beyond its capacity: nothing is written beyond", program.call("garbage")[:2] == (16, 77),
      *program.lines())

# ---- abort, by row ----

tag = program.send("abort", program.pid)
check("a row that says abort ends the program", program.answer(tag) is None and program.stop() == -signal.SIGABRT)
check("a row that says abort: and the line says why", program.new_lines() == [
    f"trouble_abort: {ENDED}; the program is aborted, because its row says \"lost\": \"abort\""], *program.lines())
check("the other program never had a line", other.lines() == [], *other.lines())
check("the other program ends as it wants to", other.stop() == 0)

# ---- zlib: native right through all of it ----

host.stop()
host = Host(spec=SOURCE + "/spec/zlib.json")
program = Program(host, spec="zlib", command=(sys.executable, "-c", """
import sys, zlib
for line in sys.stdin:
    print(line.split()[0], zlib.crc32(b"hello"), 0, 0, flush=True)
"""))
check("crc32: in the host", program.result("x") == 907060870 and host.calls("crc32") == 1, *program.lines())
kill(host.workers()[0])
check("crc32: worker killed", program.result("x") == 907060870)
host.stop(signal.SIGKILL)
check("crc32: host killed", program.result("x") == 907060870)
check("crc32: the line says so", any(line.startswith("crc32: ") and line.endswith("; ran here instead")
                                     for line in program.lines()), *program.lines())
host.start()
check("crc32: started again", program.result("x") == 907060870 and host.calls("crc32") == 1, host.calls("crc32"))
finish()
