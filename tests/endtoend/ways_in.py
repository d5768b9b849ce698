#!/usr/bin/env python3
"""The three ways in: winapi run, a kept stub, and plain LD_PRELOAD with a spec file, which starts the program again
once.  Each time the host itself has counted the calls, and another process has answered them.
"""
from lib_ways import *

host = WaysHost()
STUB = f"{folder}/ways_stub.so"


def was_remote(what, result, before):
    """The program called ways_where and ways_add:1:2 once each."""
    where = result.values("where")
    check(f"{what}: another process answers", len(where) == 1 and where != result.values("pid"), result)
    check(f"{what}: the worker of this host", where and int(where[0]) not in (result.pid, host.process.pid, -1), result)
    check(f"{what}: the right result", result.values("add") == ["3"] and result.status == 0, result)
    check(f"{what}: nothing on stderr", result.err == "", result)
    check(f"{what}: the host has counted it", calls() == tuple(count + 1 for count in before), calls(), before)


def calls():
    return host.calls("ways_where"), host.calls("ways_add")


def try_way(what, command, words=("pid", "where", "add:1:2"), **variables):
    before = calls()
    was_remote(what, run([*command, *words], WINAPI_HOST=host.address, **variables), before)


# ---- winapi run ----

try_way("winapi run", [WINAPI, "run", "--spec", WAYS_SPEC, "--", WAYS])
try_way("winapi run, WINAPI_SPEC", [WINAPI, "run", WAYS], WINAPI_SPEC=WAYS_SPEC)
try_way("winapi run, several spec files", [WINAPI, "run", "--spec", "zlib", "--spec", WAYS_SPEC, WAYS])
try_way("winapi run, --host", [WINAPI, "run", "--spec", WAYS_SPEC, "--host", host.address, "--", WAYS])

relative = run([WINAPI, "run", "--spec", "ways.json", "--", WAYS, "pid", "where"], WINAPI_HOST=host.address, PWD=FIXTURES)
check("winapi run, a relative path", relative.values("where") not in ([], relative.values("pid")), relative)

# ---- a stub that is kept ----

made = run([WINAPI, "stubs", WAYS_SPEC, "-o", STUB])
check("winapi stubs writes a stub", made.status == 0 and os.path.exists(STUB), made)
try_way("stub and library in LD_PRELOAD", [WAYS], LD_PRELOAD=f"{STUB}:{PRELOAD}")

stood_in = compile("stood_in/ways", FIXTURES + "/ways.c", "-DONLY_THERE", STUB)
shutil.copy(STUB, os.path.dirname(stood_in) + "/winapi_stub.so")
before = host.calls("ways_only_there")
linked = run([stood_in, "pid", "where", "add:1:2", "only:7"], LD_PRELOAD=PRELOAD, WINAPI_HOST=host.address,
             library=os.path.dirname(stood_in))
check("linked to the stub in place of the library", linked.values("only") == ["70"] and linked.values("add") == ["3"] and
      host.calls("ways_only_there") == before + 1, linked)
# glibc knows that the preloaded stub has the SONAME that the program asks for; musl wants a file of that name.
linked = run([WINAPI, "run", "--spec", WAYS_SPEC, stood_in, "only:8"], WINAPI_HOST=host.address,
             **({"library": os.path.dirname(stood_in)} if MUSL else {}))
check("linked to the stub, under winapi run", linked.values("only") == ["80"], linked)

# ---- plain LD_PRELOAD, and one start more ----

try_way("WINAPI_SPEC and LD_PRELOAD", [WAYS], LD_PRELOAD=PRELOAD, WINAPI_SPEC=WAYS_SPEC)

# ---- the owner's own line: nothing set but LD_PRELOAD ----

os.makedirs(folder + "/.config/winapi/spec.d")
shutil.copy(WAYS_SPEC, folder + "/.config/winapi/spec.d/ways.json")
try_way("a file in ~/.config/winapi/spec.d", [WAYS], LD_PRELOAD=PRELOAD)
with open(folder + "/.config/winapi/spec.d/faulty.json", "w") as file:
    file.write('{"table": "faulty", "version": 1, "functions": [{"prototype": "int f(int *p)"}]}')
faulty = run([WAYS, "add:1:2", "where"], library=Where.here, LD_PRELOAD=PRELOAD)
check("a faulty one beside it: its lines, once, and a host of the program's own serves the other", faulty.lines[:1] ==
      ["add 3"] and faulty.values("where") != [str(faulty.pid)] and faulty.err.count("parameter p") == 1 and
      "returned" not in faulty.err, faulty)
os.unlink(folder + "/.config/winapi/spec.d/faulty.json")
os.makedirs(folder + "/config/winapi/spec.d")
os.rename(folder + "/.config/winapi/spec.d/ways.json", folder + "/config/winapi/spec.d/ways.json")
try_way("a file in $XDG_CONFIG_HOME/winapi/spec.d", [WAYS], LD_PRELOAD=PRELOAD, XDG_CONFIG_HOME=folder + "/config")
without = run([WAYS, "pid", "where"], LD_PRELOAD=PRELOAD, WINAPI_HOST=host.address)
check("no such file: the program is left alone", without.values("where") == without.values("pid"), without)

# ---- over sockets too ----

try_way("winapi run over sockets", [WINAPI, "run", "--spec", WAYS_SPEC, "--", WAYS], WINAPI_TRANSPORT="socket")
finish()
