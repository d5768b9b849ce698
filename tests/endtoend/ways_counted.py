#!/usr/bin/env python3
"""winapi stat shows what a host has done: its calls of each function and its clients, in words and as JSON."""
from lib_ways import *

host = WaysHost()
process = subprocess.Popen([WINAPI, "run", "--spec", WAYS_SPEC, "--", WAYS, "add:1:2", "add:3:4", "where", "pause:60000"],
                           env=environment(WINAPI_HOST=host.address, LD_LIBRARY_PATH=Where.here),
                           stdout=subprocess.DEVNULL)
ending.append(lambda: (process.kill(), process.wait()))


def stat(*options, **variables):
    return run([WINAPI, "stat", *options], **variables)


def as_json():
    return json.loads(stat("--json", "--host", host.address).out)


wait_until(lambda: host.calls("ways_where") == 1)
said = as_json()
counts = {row["name"]: row["calls"] for row in said["functions"] if row["calls"]}
check("--json: the calls of each function", counts == {"ways_add": 2, "ways_where": 1}, said)
client = [client for client in said["clients"] if client["pid"] == process.pid]
check("--json: the client, and a worker that is another process", len(client) == 1 and
      client[0]["worker"] not in (process.pid, host.process.pid) and client[0]["calls"] == 3, said)
check("--json: the host itself", said["pid"] == host.process.pid and said["crashed_clients"] == 0, said)

words = stat(WINAPI_HOST=host.address)
rows = [line.split() for line in words.lines]
check("in words: the calls", ["ways", "ways_add", "2", "0"] in [row[:4] for row in rows] and
      ["ways", "ways_where", "1", "0"] in [row[:4] for row in rows], words)
check("in words: the client and its worker", any(row[:1] == [str(process.pid)] and str(client[0]["worker"]) in row
                                                for row in rows), words)
check("nothing on stderr", words.err == "" and words.status == 0, words)

process.kill()
process.wait()
wait_until(lambda: not [client for client in as_json()["clients"] if client["pid"] == process.pid])
said = as_json()
check("after the client has ended: the counts stay", {row["name"]: row["calls"] for row in said["functions"]
      if row["name"] == "ways_add"} == {"ways_add": 2} and said["ended_clients"] >= 1, said)

nobody = stat("--host", f"unix:{folder}/nobody")
check("no host there: a line says so, and how to start one", nobody.status == 1 and nobody.out == "" and
      f"{folder}/nobody" in nobody.err and "winapi-host --listen" in nobody.err, nobody)
wrong = stat("--host", "exec:winapi-host --stdio")
check("a host that nobody else can ask: a line says so", wrong.status == 2 and "exec:" in wrong.err, wrong)
finish()
