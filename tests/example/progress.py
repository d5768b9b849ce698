#!/usr/bin/env python3
"""test_client during long work: a line that is rewritten on a terminal, and nothing of it where stderr is none."""
import os
import pty
import re
import subprocess
import sys

CLIENT = os.environ["WINAPI_BUILD"] + "/bin/test_client"
WORK = {
    "stress": ("--stress", "--iterations", "2000"),
    "latency": ("--benchmark", "latency", "--iterations", "2000"),
    "write": ("--benchmark", "throughput", "--size", "10MB"),
}


def run_on_terminal(arguments):
    """Exit status, and what came to the terminal that is the program's stderr."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([CLIENT, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # EIO: the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return process.wait(), shown.decode()


def check(what, right, seen):
    print("ok" if right else "not ok", what)
    if not right:
        sys.exit(repr(seen))


for name, arguments in WORK.items():
    status, shown = run_on_terminal(arguments)
    check(f"{name}: how far it is, on a terminal", status == 0 and re.search(rf"\r{name}: \d+ of \d+ \(\d+%\)", shown), shown)
    check(f"{name}: the line is gone at the end", shown.endswith("\r\033[K"), shown)
    result = subprocess.run([CLIENT, *arguments], stdin=subprocess.DEVNULL, capture_output=True)
    check(f"{name}: nothing of it in a pipe", result.returncode == 0 and not result.stderr, result.stderr)
