#!/usr/bin/env python3
"""Buffers come back only from functions that write to them: reading, verifying and measuring send nothing back, and
writing sends back what was written, over both media; by the host's counts, the program's, and the bytes themselves.
"""
from lib_compile import *

FIXTURES = SOURCE + "/tests/fixtures/ways"
BUFFERS = compile("buffers", FIXTURES + "/buffers.c", "-I" + SOURCE + "/host/libwinapi", f"-L{BUILD}/lib", "-lwinapi",
                  f"-Wl,-rpath,{BUILD}/lib")
MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]
SIZE = 1 << 20
SMALL = 800  # the frames are smaller, without buffers
MISMATCH, PARAMETER = -8, -1
OPERATIONS = {"read": ("winapi_buffer_test", 0), "write": ("winapi_buffer_test", 0), "verify": ("winapi_buffer_test", MISMATCH),
              "unknown": ("winapi_buffer_test", PARAMETER), "perf": ("winapi_perf_test", 0)}
PLACES = "copied", "arena", "many"


def host_counts(host, function):
    row = next(row for row in host.stat()["functions"] if row["name"] == function)
    return row["calls"], row["bytes_in"], row["bytes_out"]


def program_counts(program, function):
    said = subprocess.run([WINAPI, "stat", "--json", str(program.pid)], env=environment(), text=True, capture_output=True,
                          timeout=PATIENCE)
    row = next((row for row in json.loads(said.stdout)["functions"] if row["name"] == function), None)
    return (row["calls"], row["bytes_sent"], row["bytes_received"]) if row else (0, 0, 0)


def change(after, before):
    return tuple(a - b for a, b in zip(after, before))


for medium in MEDIA:
    host = Host(spec=None)
    program = Program(host, spec=None, command=(BUFFERS,), WINAPI_TRANSPORT=medium)
    check(f"{medium}: there is a first call", program.call("read_copied", SIZE) == (0, 1, 0))  # before it nothing counts
    for operation, (function, error) in OPERATIONS.items():
        for place in PLACES:
            what = f"{medium}: {operation}, {place}"
            there, here = host_counts(host, function), program_counts(program, function)
            check(f"{what}: the bytes are right", program.call(f"{operation}_{place}", SIZE) == (error, 1, 0))
            there, here = change(host_counts(host, function), there), change(program_counts(program, function), here)
            calls, bytes_in, bytes_out = there
            check(f"{what}: it ran there, with the buffers", calls == 1 and SIZE <= bytes_in < SIZE + SMALL, there)
            check(f"{what}: {'they come' if operation == 'write' else 'nothing comes'} back",
                  SIZE <= bytes_out < SIZE + SMALL if operation == "write" else 0 < bytes_out < SMALL, there)
            check(f"{what}: the program has counted the same", here == there, here, there)
    check(f"{medium}: it has said nothing", program.stop() == 0 and program.lines() == [], program.lines())

host = Host(spec=None)
report = folder + "/report"
program = Program(host, spec=None, command=(BUFFERS,), WINAPI_MODE="compare", WINAPI_COMPARE_REPORT=report)
answers = [program.call(f"{operation}_{place}", SIZE) for operation in OPERATIONS for place in PLACES]
check("compare: every answer is right", answers == [(error, 1, 0) for _, error in OPERATIONS.values() for _ in PLACES], answers)
program.stop()
check("compare: there is a report", wait_until(lambda: os.path.exists(report)))
with open(report) as file:
    rows = {row["function"]: row for row in json.load(file)["functions"]}
check("compare: both sides have done the same", [(rows[name]["calls"], rows[name]["differences"])
                                                 for name in ("winapi_buffer_test", "winapi_perf_test")] == [(12, 0), (3, 0)], rows)
finish()
