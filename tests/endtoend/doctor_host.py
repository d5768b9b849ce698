#!/usr/bin/env python3
"""winapi doctor about the host, spec files and the environment: what is wrong is named, with what to do about it."""
from lib_ways import *

with open(WAYS_SPEC) as file:
    WAYS_TABLE = json.load(file)


def doctor(*options, program=WAYS, **variables):
    result = run([WINAPI, "doctor", "--json", *options, "--", program], **variables)
    try:
        return json.loads(result.out), result
    except ValueError:
        return {"host": {}, "advice": []}, result


def advised(report, *words):
    return any(all(word in line for word in words) for line in report["advice"])


def write_ways(table, name="ways.json"):
    path = tempfile.mkdtemp(dir=folder) + "/" + name
    with open(path, "w") as file:
        file.write(table if isinstance(table, str) else json.dumps(table))
    return path


# ---- a host that is right ----

host = WaysHost()
report, said = doctor("--spec", WAYS_SPEC, WINAPI_HOST=host.address)
about = report["host"]
check("a host that serves all: well", said.status == 0 and report["verdict"] == "well" and said.err == "", said)
check("who answers: address, program, system, the worker's pid", about["answers"] and about["address"] == host.address
      and about["program"].startswith("winapi-host ") and about["system"].startswith("Linux ") and
      about["pid"] not in (0, host.process.pid), about)
check("its tables", {table["name"]: table["state"] for table in about["tables"]} == {"winapi": "same", "ways": "same"},
      about)
expected = "socket" if os.environ.get("WINAPI_TRANSPORT") == "socket" else "memory"
check("the medium", about["medium"] == expected, about)
report, said = doctor("--spec", WAYS_SPEC, WINAPI_HOST=host.address, WINAPI_TRANSPORT="socket")
check("sockets, as was asked for: told, and no trouble", report["host"]["medium"] == "socket" and
      "WINAPI_TRANSPORT" in report["host"]["medium_why"] and said.status == 0, report["host"])
report, said = doctor("--spec", WAYS_SPEC, "--host", host.address, WINAPI_HOST="unix:/nonexistent")
check("--host goes before WINAPI_HOST", said.status == 0 and report["host"]["address"] == host.address, report["host"])
check("nothing was called", sum(row["calls"] for row in host.stat()["functions"]) == 0, host.stat()["functions"])

# What the doctor says of a host comes true.
result = winapi_run(WAYS, "add:1:2", host=host)
check("and the program's call runs there", host.calls("ways_add") == 1 and result.lines == ["add 3"], result)

# ---- rows that differ, rows and tables that are absent ----

table = json.loads(json.dumps(WAYS_TABLE))
table["functions"][2]["prototype"] = "int ways_add(long left, int right)"
del table["functions"][1]
other = WaysHost(spec=write_ways(table))
report, said = doctor("--spec", WAYS_SPEC, WINAPI_HOST=other.address)
check("rows that differ: both descriptions", {(row["name"], row["guest"], row["host"]) for row in
      report["host"]["differences"]} == {("ways_add", "s4 (s4, s4)", "s4 (s8, s4)"), ("ways_parent", "s4 ()", None)},
      report["host"])
check("rows that differ: status 1, and what to do for each", said.status == 1 and
      advised(report, "ways_add", "s4 (s8, s4)") and advised(report, "ways_parent"), report["advice"])
served = {entry["name"]: entry["served"] for entry in report["functions"]}
check("rows that differ: which functions are served", not served["ways_add"] and not served["ways_parent"] and
      served["ways_where"], served)
result = winapi_run(WAYS, "add:1:2", host=other)
check("and so it is: the call is refused", other.calls("ways_add") == 0 and "different rows" in result.err, result)

bare = Host(spec=None)
report, said = doctor("--spec", WAYS_SPEC, WINAPI_HOST=bare.address)
check("a table that the host lacks: status 1, and how to give it", said.status == 1 and
      advised(report, "winapi-host --spec", WAYS_SPEC) and
      {"name": "ways", "state": "absent"} in report["host"]["tables"], report["host"], report["advice"])
report, said = doctor("--spec", WAYS_SPEC, WINAPI_HOST=bare.address, WINAPI_MODE="native")
check("in native mode no host is needed, nor asked", said.status == 0 and not report["host"]["asked"] and
      {entry["mode"] for entry in report["functions"]} == {"native"}, report["host"])

# ---- hosts that do not answer ----

report, said = doctor("--spec", WAYS_SPEC, WINAPI_HOST=f"unix:{folder}/nobody")
check("no host: status 1, and how to start one", said.status == 1 and not report["host"]["answers"] and
      advised(report, f"winapi-host --listen unix:{folder}/nobody"), report["host"])
silent = socket.socket(socket.AF_UNIX)
silent.bind(folder + "/silent")
silent.listen()
began = time.monotonic()
report, said = doctor("--spec", WAYS_SPEC, WINAPI_HOST=f"unix:{folder}/silent", WINAPI_CONNECT_TIMEOUT="200ms")
check("a host that is silent: said, in time", said.status == 1 and "in time" in report["host"]["why"] and
      time.monotonic() - began < PATIENCE, report["host"])
silent.close()
serve(folder + "/old", lambda hello: [{
    "message": "welcome", "protocol": {"major": 9, "minor": 0}, "program": "winapi-host 9.9", "pid": 1,
    "system": "Linux", "data_model": "LP64", "medium": "socket", "limits": {"lanes": 1}, "tables": []}])
report, said = doctor("--spec", WAYS_SPEC, WINAPI_HOST=f"unix:{folder}/old")
check("a host of another protocol: both versions", said.status == 1 and "9.0" in report["host"]["why"], report["host"])
report, said = doctor("--spec", WAYS_SPEC, WINAPI_HOST="exec:exit 3")
check("a command that is no host: said", said.status == 1 and "ended without an answer" in report["host"]["why"],
      report["host"])
report, said = doctor("--spec", WAYS_SPEC, WINAPI_HOST="smtp:somewhere")
check("an address that is none: said", said.status == 1 and advised(report, "smtp:somewhere"), report["advice"])

# ---- a host that is started, and ended ----

command = f"exec:sh -c 'echo $$ > {folder}/started; exec {WINAPI_HOST} --stdio'"
report, said = doctor("--spec", WAYS_SPEC, WINAPI_HOST=command)
with open(folder + "/started") as file:
    started = int(file.read())
check("a host that is started for it answers", said.status == 0 and report["host"]["answers"], said, report["advice"])
check("and is ended with it", wait_until(lambda: not is_alive(started)), started)
report, said = doctor("--spec", WAYS_SPEC, XDG_RUNTIME_DIR=folder + "/nothing", WINAPI_HOST=None)
check("without WINAPI_HOST: the one that the program would start", said.status == 0 and
      report["host"]["address"].endswith("winapi-host --stdio"), report["host"])

# ---- spec files ----

wrong = write_ways({"table": "wrong", "version": 1, "library": "x", "functions": [{"prototype": "int f(char *text)"}]})
checked = run([WINAPI, "check", wrong])
report, said = doctor("--spec", wrong, "--spec", WAYS_SPEC, WINAPI_HOST=host.address)
faults = [fault for spec in report["specs"] for fault in spec.get("faults", [])]
check("a spec file that is wrong: the lines of winapi check", faults == checked.err.splitlines() != [] and
      said.status == 1 and advised(report, "winapi check", wrong), faults, checked)
report, said = doctor("--spec", wrong, "--spec", WAYS_SPEC, XDG_RUNTIME_DIR=folder + "/nothing", WINAPI_HOST=None)
check("a spec file that is wrong: the host that is started is not given it", report["host"]["answers"] and
      said.err == "" and len(report["advice"]) == 1, report["advice"], said)
check("a spec file that is wrong: the others count", any(entry["name"] == "ways_add" for entry in report["functions"]))
report, said = doctor("--spec", folder + "/missing.json", WINAPI_HOST=host.address)
check("a spec file that is missing", said.status == 1 and advised(report, "missing.json"), report["advice"])

os.makedirs(folder + "/.config/winapi/spec.d")
os.symlink(WAYS_SPEC, folder + "/.config/winapi/spec.d/ways.json")
for what, options, variables in (("--spec", ["--spec", WAYS_SPEC], {}), ("WINAPI_SPEC", [], {"WINAPI_SPEC": WAYS_SPEC}),
                                 ("spec.d", [], {})):
    report, said = doctor(*options, WINAPI_HOST=host.address, **variables)
    check(f"where a spec file comes from: {what}", [spec["from"] for spec in report["specs"]] == ["built in", what] and
          said.status == 0, report["specs"])
shutil.rmtree(folder + "/.config")
kept = folder + "/kept.so"
run([WINAPI, "stubs", WAYS_SPEC, "-o", kept])
if not SANITIZER:
    report, said = doctor(WINAPI_HOST=host.address, LD_PRELOAD=f"{kept}:{PRELOAD}")
    check("where a spec file comes from: a kept stub", [spec["from"] for spec in report["specs"]] ==
          ["built in", "kept stub"] and said.status == 0, report["specs"], said)
report, said = doctor(WINAPI_HOST=host.address)
check("no spec file: said, and nothing is known of the program", said.status == 3 and advised(report, "spec.d"), report)

# ---- the environment ----

for name, value in (("WINAPI_MODE", "sideways"), ("WINAPI_ROUTE", "ways_add"), ("WINAPI_ROUTE", "nobody=native"),
                    ("WINAPI_TRANSPORT", "pigeon"), ("WINAPI_CONNECT_TIMEOUT", "soon"), ("WINAPI_SOCKET_PORT", "0"),
                    ("WINAPI_LOG_LEVEL", "loud"), ("WINAPI_DEBUG", "7"), ("WINAPI_LOG_FILE", "/nonexistent/log")):
    report, said = doctor("--spec", WAYS_SPEC, **{"WINAPI_HOST": host.address, name: value})
    check(f"{name}={value}: named, and only in the report", said.status == 1 and said.err == "" and
          any(name in line for line in report["settings"]) and advised(report, name), report["settings"], said.err)

os.makedirs(folder + "/a b")
open(folder + "/a b/libwinapi_preload.so", "w").close()
if not SANITIZER:
    report, said = doctor("--spec", WAYS_SPEC, WINAPI_HOST=host.address, LD_PRELOAD=f"{folder}/a b/libwinapi_preload.so")
    check("LD_PRELOAD with a space in a path: said", said.status == 1 and advised(report, "LD_PRELOAD", f"{folder}/a"),
          report["advice"])

os.makedirs(folder + "/open")
os.chmod(folder + "/open", 0o777)
os.makedirs(folder + "/open/winapi")
os.chmod(folder + "/open/winapi", 0o777)
report, said = doctor("--spec", WAYS_SPEC, WINAPI_HOST=host.address, XDG_CACHE_HOME=folder + "/open")
check("a cache that others may write to: passed over, and said", not report["stubs"][0]["usable"] and
      "other users" in report["stubs"][0]["why"] and report["stubs"][-1]["usable"] and said.status == 0, report["stubs"])
result = winapi_run(WAYS, "add:1:2", host=host, XDG_CACHE_HOME=folder + "/open")
check("and so it is", result.lines == ["add 3"] and os.listdir(folder + "/open/winapi") == [], result)

# ---- nothing is changed ----

fresh = tempfile.mkdtemp(dir=folder)
report, said = doctor("--spec", WAYS_SPEC, WINAPI_HOST=host.address, HOME=fresh, XDG_CACHE_HOME=fresh + "/cache",
                      WINAPI_LOG_FILE=fresh + "/log", WINAPI_SHARED_MEM=fresh + "/memory")
check("no cache, log or memory is made", os.listdir(fresh) == [] and said.status == 0, os.listdir(fresh), said)
finish()
