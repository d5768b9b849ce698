#!/usr/bin/env python3
"""No host and none to start: the declared failure at once, one line a second at most, and the program lives on."""
import errno
import os
import shutil

from lib_trouble import *


def check_absent(what, host, line, **variables):
    program = Program(host, **variables)
    first = program.call("next", 1)
    check(f"{what}: the declared failure", first and first[:2] == (-1, errno.ENOTCONN), first, program.lines())
    check(f"{what}: at once", first and first[2] < 500 * SLOWER, first)
    lines = program.new_lines()
    ours = [text for text in lines if text.startswith("trouble_next: ")]
    check(f"{what}: one line says what and what to do", ours == [f"trouble_next: {line}; returned -1"], *lines)
    calls = program.result("call_for", 1300)
    ours = [text for text in program.new_lines() if text.startswith("trouble_next: ")]
    check(f"{what}: {calls} calls in a loop have two lines at most", calls > 20 and 1 <= len(ours) <= 2, calls, *ours)
    check(f"{what}: a row that says native runs here", program.result("native", 4) == 5)
    check(f"{what}: the program ends as it wants to", program.stop() == 0)
    return lines


path = folder + "/nobody"
check_absent("no socket", f"unix:{path}",
             f"unix:{path}: no host answers: No such file or directory; start one with: winapi-host --listen unix:{path}")

with open(folder + "/file", "w"):
    pass
check_absent("a file that is no socket", f"unix:{folder}/file",
             f"unix:{folder}/file: no host answers: Connection refused; start one with: winapi-host --listen "
             f"unix:{folder}/file")

check_absent("an address without sense", "nowhere", "WINAPI_HOST=nowhere: an address is unix:PATH or exec:COMMAND")

# ---- exec: ----

program = Program("exec:/nonexistent/host --stdio")
answer = program.call("next", 1)
lines = program.lines()
check("exec of a command that is missing: the declared failure", answer and answer[:2] == (-1, errno.ECONNRESET), answer)
check("exec of a command that is missing: the line names it",
      "trouble_next: exec:/nonexistent/host --stdio: the host ended without an answer; does that command run "
      "winapi-host --stdio?; returned -1" in lines, *lines)
calls = program.result("call_for", 1200)
ours = [line for line in program.lines() if line.startswith("trouble_next: ")]
check("exec of a command that is missing: it is not started with each call", calls > 1000 and len(ours) <= 3, calls,
      *ours)
check("exec of a command that is missing: the program ends as it wants to", program.stop() == 0)

for command, text in (("true", "the host ended without an answer; does that command run winapi-host --stdio?"),
                      ("cat", "what answers there is no winapi-host")):
    program = Program("exec:" + command)
    answer = program.call("next", 1)
    check(f"exec:{command}: the declared failure", answer and answer[0] == -1 and answer[2] < 1000 * SLOWER, answer)
    check(f"exec:{command}: the line says that it is no host",
          f"trouble_next: exec:{command}: {text}; returned -1" in program.lines(), *program.lines())
    check(f"exec:{command}: the program ends as it wants to", program.stop() == 0)

program = Program("exec:cat > /dev/null", WINAPI_CONNECT_TIMEOUT="300ms")
answer = program.call("next", 1)
check("a host that says nothing: given up after WINAPI_CONNECT_TIMEOUT",
      answer and answer[:2] == (-1, errno.ETIMEDOUT) and 250 < answer[2] < 2000 * SLOWER, answer)
check("a host that says nothing: the line says so",
      "trouble_next: exec:cat > /dev/null: the host does not answer in time (WINAPI_CONNECT_TIMEOUT); returned -1" in
      program.lines(), *program.lines())
program.stop()

# ---- nothing installed ----

os.makedirs(folder + "/alone/bin")
os.makedirs(folder + "/alone/lib")
shutil.copy(WINAPI, folder + "/alone/bin/winapi")
shutil.copy(PRELOAD, folder + "/alone/lib/libwinapi_preload.so")
process = subprocess.run([folder + "/alone/bin/winapi", "run", "--spec", SPEC, "--", TROUBLE], input="1 next 1\n",
                         text=True, capture_output=True, env=environment(), timeout=PATIENCE)
check("winapi-host is not installed: the declared failure", process.stdout.startswith(f"1 -1 {errno.ENOTCONN} "),
      process.stdout)
check("winapi-host is not installed: the line says what to do",
      "trouble_next: no host is running and winapi-host was not found beside this library: install it, or start one "
      "elsewhere and set WINAPI_HOST; returned -1" in process.stderr, process.stderr)
check("winapi-host is not installed: the program ends as it wants to", process.returncode == 0, process.returncode)
finish()
