#!/usr/bin/env python3
"""Calls that nobody waits for, and that fail: what the next call is told, what the host's log says, hosts that end or
hang, threads and limits; and that nobody stays awake for calls that do not come.
"""
import errno

from lib_posts import *

TOLD = "this call, which was not waited for, has failed; the one that is told so was not made"
UNMADE = "the host has ended; calls that nobody waited for may not have been made"
LATE = r"calls that nobody waits for are not over after {} ms; what waited for them goes on"


# ---- failures ----

def look_at_failures():
    host = posts_host()
    program = Posts(host)
    check("a posted call gives what its row promises", program.call("check", errno.ENOSPC)[:2] == (0, BEFORE))
    check("its failure is told to the next: value and errno", program.call("mark", 5)[:2] == (-1, errno.ENOSPC))
    check("one line says so", program.new_lines() == [f"posts_mark: posts_check: {TOLD}; returned -1"], *program.lines())
    check("that one was not made", host.calls("posts_mark") == 0)
    check("the one after it is", program.call("mark", 5)[:2] == (5, BEFORE) and host.calls("posts_mark") == 1)

    program.call("check", errno.EIO)
    program.call("check", 0)
    program.call("check", errno.ENOENT)
    program.call("post", 10)
    program.call("flags", 6)
    check("several failures: the first one counts", program.call("last", 0)[:2] == (-1, errno.EIO))
    check("several failures: told once", program.call("last", 0)[:2] == (10, BEFORE) and len(program.new_lines()) == 1)

    check("another value than the promised one is a failure", program.call("flags", 8)[0] == 7 and
          program.call("mark", 1)[0] == -1)
    check("the promised one is none", program.call("flags", 7)[0] == 7 and program.call("mark", 1)[0] == 1)
    program.new_lines()

    program.call("check", errno.EIO)
    check("a row's own failure value and errno", program.call("checks")[:2] == (-3, errno.EIO), *program.lines())
    check("that call was not made", program.result("checks") == 5 and host.calls("posts_checks") == 1)

    program.call("check", errno.EPERM)
    program.call("plain")
    check("a row without a failure value is made", program.result("wrong", 0) == -1 and program.result("last", 0) == 11)
    program.call("open", 3)
    program.call("check", errno.EPERM)
    program.call("close")
    check("so is a row that closes", host.calls("posts_close") == 1)
    check("and the next that can be told is", program.call("mark", 1)[:2] == (-1, errno.EPERM))
    program.call("check", errno.EPERM)
    check("one that would run here instead is made", program.result("native", 4) == 4 and host.calls("posts_native") == 1)
    check("and the next that can be told is", program.call("mark", 1)[:2] == (-1, errno.EPERM))

    program.call("check", errno.EPERM)
    check("another thread is told of none", program.answer(program.send("mark", 2, thread=True))[0] == 2)
    program.call("mark", 1)
    program.new_lines()

    program.call("open", 3)
    program.call("use")
    check("a call with a handle", program.result("uses") == 3)
    program.call("close")
    program.call("use")
    check("a call with a closed handle is told as failed", program.call("size")[0] == -1)
    check("its line names it", any("posts_use" in line for line in program.new_lines()), *program.lines())
    check("it was not made", program.result("uses") == 3)

    program.call("check", errno.EPERM)
    check("at the end it is told too", program.stop() == 0)
    check("in a line", program.new_lines() == [
        f"posts_check: this call, which was not waited for, has failed: {os.strerror(errno.EPERM)}"], *program.lines())


def look_at_unheard():
    """Whose caller has gone."""
    host = posts_host()
    for how, status in ((1, 4), (2, -signal.SIGKILL)):
        program = Posts(host)
        program.call("check", errno.EPERM)
        program.call("check", errno.EIO)
        program.send("end", how)
        check("a program that does not wait for its end", program.process.wait(PATIENCE) == status)
        check("its failures are in the host's log", host.has_logged(
            rf"client {program.pid}: posts_check: a call that nobody waited for has failed, and 1 more; nobody asked"), host.log())
    program = Posts(host)
    program.call("mark", 1)
    program.answer(program.send("check", errno.EPERM, thread=True))
    check("of a thread that has ended nobody is told in the program", program.call("mark", 1)[0] == 1, *program.lines())
    program.stop()
    check("but the host's log has it", host.has_logged(rf"client {program.pid}: posts_check: a call that nobody waited for has failed"),
          host.log())


# ---- hosts that end ----

def look_at_dead_hosts():
    host = posts_host()

    def start():
        program = Posts(host)
        worker = program.result("worker")
        program.hold()
        program.call("post", 10)
        kill(worker)
        wait_until(lambda: not is_alive(worker))
        return program

    def said(program):
        lines = program.new_lines()
        return lines == [f"{host.address}: {UNMADE}"] or lines

    program = start()
    check("worker killed: the next call goes to a new one", program.call("mark", 9)[:2] == (9, BEFORE), *program.lines())
    check("worker killed: a line says what may be missing", said(program) is True, *program.lines())
    program.call("post", 5)
    check("worker killed: posted calls go to the new one", (program.result("last", 0), program.result("wrong", 0)) == (15, 1))
    check("worker killed: no other line", program.new_lines() == [] and program.stop() == 0, *program.lines())

    program = start()
    answer = program.answer(program.send("mark", 9, thread=True))
    check("worker killed: another thread does not wait for it", answer and answer[0] == 9 and answer[2] < 1000 * SLOWER, answer)
    check("worker killed: nor is that without a line", said(program) is True, *program.lines())
    program.stop()

    program = start()
    began = time.monotonic()
    check("worker killed: the program's end does not wait", program.stop() == 0 and time.monotonic() - began < 1 * SLOWER)
    check("worker killed: nor is that without a line", said(program) is True, *program.lines())

    program = start()
    check("worker killed: a full ring is noticed", program.call("post", 5000)[:2] == (5010, BEFORE), *program.lines())
    check("worker killed: what was posted then is made by a new one", program.result("last", 0) == 5010)
    check("worker killed: with its line", said(program) is True, *program.lines())
    program.stop()

    program = Posts(host)
    program.hold()
    program.call("post", 10)
    host.stop(signal.SIGKILL)
    host.start()
    check("host killed and started again: the next call is made", program.call("mark", 9)[:2] == (9, BEFORE), *program.lines())
    program.call("post", 5)
    check("host killed and started again: posted ones too", program.result("last", 0) == 15 and host.calls("posts_add") == 5)
    program.stop()


# ---- calls that take long ----

def look_at_stuck():
    host = posts_host()
    program = Posts(host, WINAPI_CALL_TIMEOUT="400ms")
    program.call("mark", 1)
    program.hold()
    answer = program.answer(program.send("mark", 2, thread=True))
    check("a stuck call: another thread's call waits as long as a call may take", answer and answer[0] == 2 and
          400 <= answer[2] < 2000 * SLOWER, answer)
    check("and says so", program.new_lines() == [LATE.format(400)], *program.lines())
    answer = program.call("mark", 3)
    check("a stuck call: its own thread's next call fails in time", answer and answer[:2] == (-1, errno.ETIMEDOUT), answer)
    check("with its line", len(program.new_lines()) == 1, *program.lines())
    check("and the one after it is made", program.call("mark", 4)[:2] == (4, BEFORE), *program.lines())
    program.let_go()
    check("what was stuck ends", wait_until(lambda: not program.is_read()))
    program.stop()

    program = Posts(host, WINAPI_CALL_TIMEOUT="400ms", WINAPI_ROUTE="posts_native=native")
    program.call("mark", 1)
    program.hold()
    program.call("post", 3)
    answer = program.call("native", 5)
    check("a stuck call: a native call waits as long", answer and answer[0] == 5 and 400 <= answer[2] < 2000 * SLOWER, answer)
    check("and says so", program.new_lines() == [LATE.format(400)], *program.lines())
    program.call("post", 3)
    program.let_go()
    check("and the order of its thread is kept", (program.result("last", 0), program.result("wrong", 0)) == (6, 0))
    program.stop()

    program = Posts(host, WINAPI_CALL_TIMEOUT="400ms")
    program.call("mark", 1)
    program.hold()
    program.answer(program.send("hold", thread=True))
    answer = program.call("mark", 2)
    check("a stuck call, and another thread's: the next call waits for both", answer and answer[:2] == (-1, errno.ETIMEDOUT) and
          800 <= answer[2] < 2500 * SLOWER, answer)
    program.let_go()
    program.let_go()
    program.stop()

    program = Posts(host, WINAPI_CALL_TIMEOUT="400ms")
    program.call("mark", 1)
    program.hold()
    answer = program.call("post", 3000)
    check("a stuck call and a full ring: posting fails in time", answer and 400 <= answer[2] < 5000 * SLOWER, answer)
    check("with a line", any(line.startswith("posts_add: ") for line in program.lines()), *program.lines())
    check("and the next call is made", program.call("mark", 4)[0] == 4, *program.lines())
    program.let_go()
    program.stop()

    program = Posts(host)
    check("calls slower than the program: posted", program.call("note", 3000)[0] == 3000)
    check("and all made", program.result("last", 1) == 3000 and program.result("wrong", 1) == 0)
    program.stop()


def look_at_stuck_ends(timeout, waits):
    host = posts_host()
    programs = [Posts(host, WINAPI_CALL_TIMEOUT=timeout, WINAPI_TRANSPORT=medium) for medium in MEDIA]
    for program in programs:
        program.hold()
        program.began = time.monotonic()
        program.process.stdin.close()
    for medium, program in zip(MEDIA, programs):
        what = f"{medium}, a stuck call at the end, timeout {timeout}"
        check(f"{what}: it ends", program.process.wait(2 * PATIENCE) == 0, *program.lines())
        check(f"{what}: in time", waits <= 1000 * (time.monotonic() - program.began) < waits + 1900 * SLOWER)
        check(f"{what}: and says so", program.new_lines() == [LATE.format(waits)], *program.lines())
        program.let_go()


# ---- what is said of them ----

def look_at_reports():
    host = posts_host()
    trace = f"{folder}/trace-{medium}"
    program = Posts(host, WINAPI_TRACE=trace)
    program.call("post", 3)
    program.call("check", 0)
    program.call("mark", 1)
    with open(trace) as file:
        text = file.read()
    check("the trace says which were posted", len(re.findall(r"posts_(?:add|check)\b.*\bposted\b", text)) == 4 and
          not re.search(r"posts_mark.*posted", text), text)
    program.stop()

    program = Posts(host)
    before = host.calls("posts_add")
    program.call("post", 1000)
    program.call("mark", 1)
    shown = subprocess.run([WINAPI, "stat", str(program.pid)], env=environment(), capture_output=True, text=True)
    check("winapi stat counts them", re.search(r"posts_add\b.*\b1000\b", shown.stdout), shown.stdout, shown.stderr)
    check("so does the host", host.calls("posts_add") - before == 1000)
    program.stop()


# ---- who has nothing to do ----

def look_idle():
    if SANITIZER:
        return
    host = posts_host()
    program = Posts(host)
    worker = program.result("worker")
    program.call("post", 1000)

    def wakes():
        count = 0
        for pid in (program.pid, worker):
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/status") as status:
                    count += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status.read(), re.MULTILINE).group(1))
        return count

    time.sleep(1)
    before = wakes()
    time.sleep(1)
    check("a second after the last call nobody wakes up any more", wakes() == before, before, wakes())
    program.call("post", 1000)
    check("a call wakes the host up, without one that is waited for", wait_until(lambda: host.calls("posts_add") == 2000))
    check("nobody was woken for nothing", wakes() > before)
    program.stop()


for medium in MEDIA:
    print(f"over {medium}:")
    os.environ["WINAPI_TRANSPORT"] = medium
    look_at_failures()
    look_at_unheard()
    look_at_dead_hosts()
    look_at_stuck()
    look_at_reports()
    look_idle()
os.environ.pop("WINAPI_TRANSPORT")
look_at_stuck_ends("400ms", 400)
look_at_stuck_ends("0", 10000)
finish()
