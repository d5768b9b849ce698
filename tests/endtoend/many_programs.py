#!/usr/bin/env python3
"""Several programs share one host, each with a worker and static state of its own; while all is well nobody prints."""
import errno

from lib_trouble import *

host = Host()
programs = [Program(host) for _ in range(4)]
check("each counts for itself", [[program.result("count") for _ in range(3)] for program in programs] == [[1, 2, 3]] * 4)
workers = [program.result("where") for program in programs]
check("each has a worker of its own", len(set(workers)) == 4 and
      not set(workers) & {program.pid for program in programs}, workers)
check("the host knows them", sorted(host.workers()) == sorted(workers), host.workers(), workers)
check("the host has counted", host.calls("trouble_count") == 12, host.calls("trouble_count"))

tags = [program.send("sleep", 300) for program in programs]
start = time.monotonic()
answers = [program.answer(tag) for program, tag in zip(programs, tags)]
check("none waits for another", [answer[:2] for answer in answers] == [(300, 77)] * 4 and
      time.monotonic() - start < 0.9 * SLOWER)

program = programs[0]
start = time.monotonic()
tags = [program.send("sleep", 300, thread=True) for _ in range(4)]
check("nor does a thread of the same program", [program.answer(tag)[:2] for tag in tags] == [(300, 77)] * 4 and
      time.monotonic() - start < 0.9 * SLOWER)

check("errno is untouched where the function leaves it alone", all(
    program.call(name, 1)[1] == 77 for program in programs for name in ("next", "native", "other", "count")))
check("errno is the function's own where it sets it",
      [program.call("errno", errno.EXDEV)[:2] for program in programs] == [(-1, errno.EXDEV)] * 4)
check("a handle of one program means nothing to another", programs[1].result("open", 5) == 1 and
      programs[2].result("value") == -2 and programs[1].result("value") == 5)
check("nobody has printed anything", not any(program.lines() for program in programs) and host.log() == "",
      host.log(), *(line for program in programs for line in program.lines()))
programs[3].die()
check("one is killed: its worker goes", wait_until(lambda: not is_alive(workers[3])))
check("one is killed: the others stay", [program.result("where") for program in programs[:3]] == workers[:3])
check("all end as they want to", [program.stop() for program in programs[:3]] == [0, 0, 0])
check("all workers go", wait_until(lambda: not any(is_alive(worker) for worker in workers)))
check("the host says that all ended in order", host.stat()["crashed_clients"] == 0 and host.log() == "", host.log())
finish()
