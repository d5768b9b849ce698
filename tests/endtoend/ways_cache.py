#!/usr/bin/env python3
"""Stubs are kept: used again, mended when damaged, and put elsewhere where they cannot lie."""
from lib_ways import *

os.umask(0o22)
host = WaysHost()
CACHE = folder + "/cache/winapi"


def stubs(directory=CACHE):
    with contextlib.suppress(OSError):
        return sorted(f"{directory}/{name}" for name in os.listdir(directory) if name.startswith("stub-"))
    return []


def works(what, **variables):
    before = host.calls("ways_add")
    result = winapi_run(WAYS, "add:1:2", "where", host=host, **variables)
    check(f"{what}: the call is remote", result.lines[:1] == ["add 3"] and result.err == "" and
          result.values("where") != [str(result.pid)] and host.calls("ways_add") == before + 1, result)
    return result


def status_of(path):
    status = os.stat(path)
    return status.st_ino, status.st_mtime_ns


works("the first time")
check("one stub, for its owner to write and for all to load", len(stubs()) == 1 and
      os.stat(stubs()[0]).st_mode & 0o777 == 0o644 and
      os.stat(CACHE).st_mode & 0o777 == 0o711, stubs())
kept = status_of(stubs()[0])
works("the second time")
check("the same file, untouched", stubs() and status_of(stubs()[0]) == kept)
restarted = run([WAYS, "add:1:2"], LD_PRELOAD=PRELOAD, WINAPI_SPEC=WAYS_SPEC, WINAPI_HOST=host.address)
check("a program that is started again uses it too", restarted.lines == ["add 3"] and status_of(stubs()[0]) == kept,
      restarted)

with open(stubs()[0], "rb") as file:
    whole = file.read()
for what, damaged in ("cut short", whole[:100]), ("empty", b""), ("changed", whole[:-1] + b"!"), ("longer", whole * 2):
    with open(stubs()[0], "wb") as file:
        file.write(damaged)
    works(f"a stub that is {what}")
    with open(stubs()[0], "rb") as file:
        check(f"a stub that is {what}: rewritten", file.read() == whole)

# ---- another table, another stub ----

with open(WAYS_SPEC) as file:
    changed = json.load(file)
changed["functions"] = changed["functions"][:3]
other = folder + "/ways.json"
with open(other, "w") as file:
    json.dump(changed, file)
result = winapi_run(WAYS, "add:1:2", options=("--spec", other), host=host)
check("a changed spec file gets a stub of its own", result.lines == ["add 3"] and len(stubs()) == 2, result, stubs())

# ---- where stubs cannot lie ----

runtime = tempfile.mkdtemp(dir=folder)
with open(folder + "/file", "w"):
    pass
works("a cache that is a file", XDG_CACHE_HOME=folder + "/file", XDG_RUNTIME_DIR=runtime)
check("a cache that is a file: the stub is in the run-time directory", len(stubs(runtime + "/winapi")) == 1)

for what, make in {
    "that others can write to": lambda path: os.chmod(path, 0o777),
    "that is a link": lambda path: (os.rmdir(path), os.symlink(runtime, path)),
}.items():
    cache = tempfile.mkdtemp(dir=folder)
    os.mkdir(cache + "/winapi")
    make(cache + "/winapi")
    works(f"a cache {what}", XDG_CACHE_HOME=cache, XDG_RUNTIME_DIR=runtime)
    check(f"a cache {what}: nothing is put there", stubs(os.path.realpath(cache + "/winapi")) == [])

# ---- file systems from which nothing can be executed ----

MOUNT = 'for place in $1; do mkdir -p "$place" && mount -t tmpfs -o noexec,mode=0755 none "$place"; done; shift; exec "$@"'
TEMPORARY = f"/tmp/winapi-{os.geteuid()}"  # the last place


def without_execution(*places):
    return ["unshare", "-m", "sh", "-c", MOUNT, "sh", " ".join(places)]


if SANITIZER != "thread" and shutil.which("unshare") and subprocess.run([*without_execution(folder + "/noexec"), "true"], capture_output=True
                                              ).returncode == 0:
    cache = folder + "/noexec"
    before = host.calls("ways_add")
    moved = run([*without_execution(cache), WINAPI, "run", "--spec", WAYS_SPEC, "--", WAYS, "add:1:2", "exec:" + WAYS, "add:3:4"],
                XDG_CACHE_HOME=cache, XDG_RUNTIME_DIR=runtime, WINAPI_HOST=host.address)
    check("a cache that is mounted noexec: the next place, for what the program becomes too", moved.err == "" and
          moved.lines == ["add 3", "add 7"] and host.calls("ways_add") == before + 2, moved)
    was_there = os.path.exists(TEMPORARY)
    nowhere = dict(XDG_CACHE_HOME=cache, XDG_RUNTIME_DIR=cache + "2", WINAPI_HOST=host.address)
    prefix = without_execution(cache, cache + "2", TEMPORARY)
    refused = run([*prefix, WINAPI, "run", "--spec", WAYS_SPEC, "--", WAYS, "add:1:2"], **nowhere)
    check("every place is mounted noexec: winapi run says so for each, and does not run it", refused.status == 125 and
          refused.out == "" and refused.err.count("cannot keep a stub there: Operation not permitted") == 3, refused)
    preload = ":".join([*([sanitizer_library()] if SANITIZER else []), PRELOAD])
    alone = run([*prefix, "env", "LD_PRELOAD=" + preload, WAYS, "pid", "where"], WINAPI_SPEC=WAYS_SPEC, **nowhere)
    check("every place is mounted noexec: with LD_PRELOAD alone a line says that nothing is remoted", alone.status == 0 and
          alone.values("where") == alone.values("pid") != [] and "nothing but winapi_* is remoted" in alone.err, alone)
    if not was_there:
        with contextlib.suppress(OSError):  # somebody else's by now
            os.rmdir(TEMPORARY)
else:
    print("not tried: noexec (only root with a mount namespace can mount so)")

spaced = folder + "/a space:and a colon"
os.mkdir(spaced)
works("a cache that LD_PRELOAD cannot name", XDG_CACHE_HOME=spaced, XDG_RUNTIME_DIR=runtime)
check("a cache that LD_PRELOAD cannot name: nothing is put there", stubs(spaced + "/winapi") == [])
finish()
