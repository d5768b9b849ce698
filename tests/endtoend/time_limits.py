#!/usr/bin/env python3
"""Functions that never return: the program gets the declared failure when WINAPI_CALL_TIMEOUT or the row says so."""
import errno

from lib_trouble import *

LATE = "the host did not finish the call in time; returned -1"


def close_to(milliseconds, wanted):
    return wanted - 20 <= milliseconds < wanted + 700 * SLOWER


host = Host()
program = Program(host, WINAPI_CALL_TIMEOUT="400ms")
worker = program.result("where")
answer = program.call("forever")
check("WINAPI_CALL_TIMEOUT: the declared failure with ETIMEDOUT", answer and answer[:2] == (-1, errno.ETIMEDOUT), answer)
check("WINAPI_CALL_TIMEOUT: when it is over", answer and close_to(answer[2], 400), answer)
check("WINAPI_CALL_TIMEOUT: the line says so", program.new_lines() == [f"trouble_forever: {LATE}"], *program.lines())
check("the next call works", program.call("next", 1)[:2] == (2, 77))
check("the worker is the same", program.result("where") == worker)
check("a call that takes less is not concerned", program.call("sleep", 100)[:2] == (100, 77))

tag = program.send("forever", thread=True)
calls = program.result("call_for", 300)
check(f"other threads go on: {calls} calls meanwhile", calls > 100, calls)
check("the thread comes back", program.answer(tag)[:2] == (-1, errno.ETIMEDOUT))
tags = [program.send("forever", thread=True) for _ in range(8)]
check("eight threads are stuck at once, and come back",
      all(close_to(program.answer(tag)[2], 400) for tag in tags), *program.lines())
program.new_lines()
check("then calls work", program.call("next", 2)[:2] == (3, 77) and program.new_lines() == [], *program.lines())
check("the worker is still the same", program.result("where") == worker)
check("the program ends as it wants to", program.stop() == 0)
check("the worker ends with its client, though threads are stuck", wait_until(lambda: not is_alive(worker)))

program = Program(host, WINAPI_CALL_TIMEOUT="10s")
answer = program.call("limited")
check("the row's timeout_ms goes before WINAPI_CALL_TIMEOUT",
      answer and answer[:2] == (-1, errno.ETIMEDOUT) and close_to(answer[2], 300), answer)
worker = program.result("where")
program.send("forever", thread=True)
check("a program that is killed while a thread waits", wait_until(lambda: host.stat()["clients"]))
program.die()
check("takes its worker along", wait_until(lambda: not is_alive(worker)))

# ---- far more of them than there are lanes ----

small = Host("--max-lanes", "4")
program = Program(small, WINAPI_CALL_TIMEOUT="50ms")
for _ in range(3):
    program.call("forever")
check("lanes that are stuck leave the others", program.call("next", 1)[:2] == (2, 77), *program.lines())
program.call("forever")
answer = program.call("next", 1)
check("when all are stuck: the declared failure", answer and answer[:2] == (-1, errno.EAGAIN), answer, *program.lines())
check("when all are stuck: the line names the limit", any(
    line.startswith("trouble_next: ") and "--max-lanes" in line for line in program.new_lines()), *program.lines())
check("when all are stuck: not once per call",
      program.result("call_for", 300) > 5 and len(program.new_lines()) <= 1, *program.lines())
check("the program ends as it wants to", program.stop() == 0)

# ---- lanes that were stuck and are free again ----

program = Program(small, WINAPI_CALL_TIMEOUT="50ms")
late = [program.call("sleep", 120) for _ in range(12)]
wait_until(lambda: program.result("next", 1) == 2)
check("late calls, again and again", late[0][:2] == (-1, errno.ETIMEDOUT), *late)
check("twelve late calls over four lanes, each free again once the function has returned",
      program.call("next", 1)[:2] == (2, 77), *program.lines())

# ---- lanes that were stuck at hosts that are no more: their numbers are free again ----

host = Host()
program = Program(host, WINAPI_CALL_TIMEOUT="5s" if SANITIZER else "20ms", WINAPI_TRANSPORT="memory")
lost = 0
for _ in range(0 if SANITIZER else 270):
    lost += program.call("forever")[0] == -1
    for worker in host.workers():
        kill(worker)
        wait_until(lambda: not is_alive(worker))
check("stuck at 270 hosts that were killed, and the next call works", program.call("next", 1)[:2] == (2, 77) and
      lost in (0, 270), lost, *program.new_lines()[-3:])
finish()
