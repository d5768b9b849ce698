#!/usr/bin/env python3
"""WINAPI_MODE and WINAPI_ROUTE: who runs a function, all of them or one by one; what makes no sense is said."""
from lib_ways import *

host = WaysHost()
TARGETS = compile("targets", "-I" + SOURCE, FIXTURES + "/targets.c", *use_libraries(Where.here), "-ldl")
ONLY = build_program("only", "-DONLY_THERE", *use_libraries(Where.here), *GONE)


def try_words(*words, program=WAYS, **variables):
    """The program's result, and what the host has counted of it."""
    before = counts()
    result = winapi_run(program, *words, host=host, **variables)
    return result, {name: calls - before.get(name, 0) for name, calls in counts().items() if calls > before.get(name, 0)}


def counts():
    return {row["name"]: row["calls"] for row in host.stat()["functions"]}


def clients():
    stat = host.stat()
    return stat["ended_clients"] + len(stat["clients"])


# ---- the mode of all ----

result, counted = try_words("pid", "where", "add:1:2")
check("remote is the default", counted == {"ways_where": 1, "ways_add": 1} and
      result.values("where") != result.values("pid"), result, counted)
result, counted = try_words("pid", "where", "add:1:2", WINAPI_MODE="remote")
check("WINAPI_MODE=remote", counted == {"ways_where": 1, "ways_add": 1}, result, counted)
result, counted = try_words("pid", "where", "add:1:2", "open:5", "value", "close", WINAPI_MODE="native")
check("WINAPI_MODE=native: it runs here", counted == {} and result.values("where") == result.values("pid") and
      result.values("value") == ["5"] and result.err == "", result, counted)
before = clients()
winapi_run(WAYS, "where", host=host, WINAPI_MODE="native")
check("native: no host is asked for anything", clients() - before == 1, "one client is the question itself")
result = winapi_run(WAYS, "pid", "where", WINAPI_MODE="native", WINAPI_HOST="exec:/there/is/no/host", WINAPI_DEBUG=1)
check("native: none is started", result.values("where") == result.values("pid") and "host" not in result.err, result)
result, counted = try_words("where", "add:1:2", WINAPI_MODE="compare")
check("WINAPI_MODE=compare: both run, the native result counts", result.values("where") == [str(result.pid)] and
      counted == {"ways_add": 1} and any("1 calls compared, 0 differences" in line for line in result.said), result, counted)

# ---- native mode jumps to the native function itself ----

result, counted = try_words(program=TARGETS, WINAPI_MODE="native")
check("native: the record leads to the native function past the hook", result.lines[1:] == [
    "ways_add libways.so ways_add", "ways_where libways.so ways_where"], result)
result, counted = try_words(program=TARGETS, WINAPI_ROUTE="ways_add=native")
check("a route to native does so for one function", result.lines[1:2] == ["ways_add libways.so ways_add"] and
      "libwinapi_preload.so" in result.lines[2] and counted == {"ways_where": 1}, result, counted)

# ---- single functions ----

for route, expected in {
    "ways_add=native": {"ways_where": 1, "ways_touch": 1},
    "ways_*=native": {},
    "ways_*=native,ways_where=remote": {"ways_where": 1},
    "ways_where=remote,ways_*=native": {},
    "ways_[aw]*=native": {"ways_touch": 1},
    "ways_add=native,,ways_where=native,": {"ways_touch": 1},
    "ways_touch=native,ways_add=compare": {"ways_where": 1, "ways_add": 1},
}.items():
    result, counted = try_words("where", "add:1:2", "touch:0", WINAPI_ROUTE=route)
    check(f"WINAPI_ROUTE={route}", counted == expected and result.values("add") == ["3"], result, counted)
result, counted = try_words("where", "add:1:2", WINAPI_MODE="native", WINAPI_ROUTE="ways_add=remote")
check("a route counts over the mode", counted == {"ways_add": 1}, result, counted)

# ---- families are not split ----

result, counted = try_words("open:5", "value", "close", WINAPI_ROUTE="ways_value=native")
check("a family that would be split stays as WINAPI_MODE says", result.values("value") == ["5"] and
      counted == {"ways_open": 1, "ways_value": 1, "ways_close": 1}, result, counted)
check("and one line names the variable and both functions", len(result.said) == 1 and
      result.said[0].startswith("WINAPI_ROUTE: ways_") and "ways_value=native" in result.said[0] and
      "family" in result.said[0], result)
result, counted = try_words("open:5", "value", "close", WINAPI_ROUTE="ways_value=native,ways_open=native,ways_close=native")
check("a whole family can be routed", counted == {} and result.values("value") == ["5"] and result.err == "", result)

# ---- what makes no sense ----

for name, value, said in [
    ("WINAPI_MODE", "sideways", "WINAPI_MODE=sideways: write remote, native or compare; taking remote"),
    ("WINAPI_ROUTE", "ways_add", 'WINAPI_ROUTE: "ways_add": write FUNCTION=remote, =native or =compare; this entry is left out'),
    ("WINAPI_ROUTE", "ways_add=here", 'WINAPI_ROUTE: "ways_add=here": write FUNCTION=remote, =native or =compare; this entry is left out'),
    ("WINAPI_ROUTE", "=native", 'WINAPI_ROUTE: "=native": write FUNCTION=remote, =native or =compare; this entry is left out'),
    ("WINAPI_ROUTE", "wayz_*=native", 'WINAPI_ROUTE: "wayz_*" is no function of the active tables; this entry is left out'),
]:
    result, counted = try_words("add:1:2", **{name: value})
    check(f"{name}={value}: one line names the variable", result.said == [said], result)
    check(f"{name}={value}: the calls go on as usual", counted == {"ways_add": 1} and result.lines == ["add 3"], result)
    result = run([WAYS, "add:1:2"], LD_PRELOAD=PRELOAD, WINAPI_SPEC=WAYS_SPEC, WINAPI_HOST=host.address, **{name: value})
    check(f"{name}={value}: once, also when the program is started again", result.said == [said], result)

result, counted = try_words("only:4", program=ONLY, WINAPI_MODE="native")
check("native, and no native function: the declared failure and one line", result.lines == ["only -1"] and counted == {} and
      len(result.said) == 1 and "ways_only_there: there is no native function of that name" in result.said[0], result)
result, counted = try_words("only:4", program=ONLY, WINAPI_MODE="compare")
check("compare, and no native function: it runs remote", result.lines == ["only 40"] and counted == {"ways_only_there": 1} and
      any("1 not compared: there is no native function" in line for line in result.said), result)
finish()
