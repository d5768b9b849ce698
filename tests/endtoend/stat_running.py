#!/usr/bin/env python3
"""`winapi stat PID`: what the calls of a running process have come to, held against what the host has counted."""
from lib_routes import *

for medium in MEDIA:
    host = RouteHost()
    program = Toggled(host, WINAPI_TRANSPORT=medium)
    for number in range(100):
        program.ask("next", number)
    for _ in range(5):
        program.ask("pause", 20)
    program.ask("open", 1)
    program.ask("value", 1)
    answer = stat(program.pid)
    rows = answer["functions"]
    there = {row["name"]: row for row in host.stat()["functions"]}
    for name in "toggled_next", "toggled_pause", "toggled_open", "toggled_value":
        check(f"{medium}: {name}: as many calls and bytes as the host has counted",
              (rows[name]["calls"], rows[name]["bytes_sent"], rows[name]["bytes_received"]) ==
              (there[name]["calls"], there[name]["bytes_in"], there[name]["bytes_out"]) and rows[name]["calls"] > 0,
              rows[name], there[name])
    check(f"{medium}: no errors", all(row["errors"] == 0 for row in rows.values()))
    check(f"{medium}: calls of 20 ms took 20 ms", 18.5e6 < rows["toggled_pause"]["p50_ns"] < 60e6 * SLOWER and
          rows["toggled_pause"]["p99_ns"] >= rows["toggled_pause"]["p50_ns"], rows["toggled_pause"])
    check(f"{medium}: others less", 0 < rows["toggled_next"]["p50_ns"] < 5e6 * SLOWER, rows["toggled_next"])
    check(f"{medium}: the sum", answer["all"]["calls"] == sum(row["calls"] for row in rows.values()) == 107)
    check(f"{medium}: who, where, how", (answer["pid"], answer["program"], answer["host"], answer["connected"],
                                         answer["medium"], answer["lanes"]) ==
          (program.pid, "toggled", host.address, True, medium, 1), answer)
    program.ask("next", 1)
    check(f"{medium}: asked again it has gone on", stat(program.pid)["functions"]["toggled_next"]["calls"] == 101)
    program.ask("start", 3)
    check(f"{medium}: each thread has a lane", wait_until(lambda: stat(program.pid)["lanes"] == 4))
    program.ask("stop")
    check(f"{medium}: they are kept for others", stat(program.pid)["lanes"] == 4)

    rows = stat(program.pid)["functions"]
    check(f"{medium}: calls that take long have slept, and never more than once each",
          0 < rows["toggled_pause"]["sleeps"] <= rows["toggled_pause"]["calls"] and
          rows["toggled_pause"]["wakes"] <= rows["toggled_pause"]["calls"], rows["toggled_pause"])
    said = winapi("stat", program.pid)
    check(f"{medium}: text for people", said.status == 0 and re.search(
        r"^toggled +toggled_pause +remote +5 +0 +\d+ ms +\d+ ms( +\d+){4}$", said.out, re.M) and
          said.out.startswith(f"toggled, pid {program.pid}; connected to {host.address} over {medium}, "), said)
    check(f"{medium}: what was not called is not listed", "toggled_only_there" not in said.out and
          re.search(r"^\d+ other functions have not been called", said.out, re.M), said)

    route(program.pid, "toggled_other=native")
    program.ask("other")
    row = stat(program.pid)["functions"]["toggled_other"]
    check(f"{medium}: native calls are not counted, and it says so", row["calls"] == 0 and row["direct"] and
          row["mode"] == "native", row)
    said = winapi("stat", program.pid)
    check(f"{medium}: in text too", re.search(r"^toggled +toggled_other +native( +-){8}$", said.out, re.M), said)

    host.stop(signal.SIGKILL)
    program.ask("next", 1)
    answer = stat(program.pid)
    check(f"{medium}: a lost call is an error", answer["functions"]["toggled_next"]["errors"] == 1 and
          not answer["connected"], answer["functions"]["toggled_next"])
    program.stop()
    check(f"{medium}: of a process that has ended nothing is known", winapi("stat", program.pid).status == 1)

host = RouteHost()
check("`winapi stat` asks the host as before", json.loads(winapi("stat", "--host", host.address, "--json").out)["message"] == "stat")
finish()
