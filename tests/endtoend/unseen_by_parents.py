#!/usr/bin/env python3
"""A host that was started for a program is none of its children, whatever the program does about those: it waits by
every way, ignores or counts their ends, adopts orphans, is process 1 of a container, has a terminal, signals its group.
"""
from lib_ways import *

PARENTS = compile("parents", FIXTURES + "/parents.c", "-I" + FIXTURES, *use_libraries(Where.here))
COUNTS = folder + "/counts"
OWN = f"exec:env LD_LIBRARY_PATH={Where.there} {WINAPI_HOST} --stdio --stat-file {COUNTS}.$$"


def counted():
    """The calls of ways_add that hosts have counted which have ended, in programs since the last question."""
    count = 0
    for name in os.listdir(folder):
        if name.startswith("counts."):
            with contextlib.suppress(ValueError, OSError), open(f"{folder}/{name}") as file:
                count += sum(row["calls"] for row in json.load(file)["functions"] if row["name"] == "ways_add")
                os.unlink(f"{folder}/{name}")
    return count


def same(what, words, calls, starter=()):
    """Bare and with a host of its own: the same lines, but for where; and hosts have counted the calls."""
    command = [*starter, PARENTS, *words.split()]
    if "script" in starter:
        command = [*starter, "-c", f"{PARENTS} {words}", "/dev/null"]
    bare = run(command)
    remote = winapi_run(*command, WINAPI_HOST=OWN)
    expected = [line.replace(" here", " there") for line in bare.lines]
    check(f"{what}: it sees what it sees without a host", bare.status == remote.status == 0 and bare.lines and
          [line.rstrip("\r") for line in expected] == [line.rstrip("\r") for line in remote.lines] and
          remote.err == "", bare, remote)
    seen = []

    def all_counted():
        seen.append(counted())
        return sum(seen) >= calls

    if "unshare" not in starter:  # where the kernel kills the host with process 1, which then counts no more
        check(f"{what}: the calls ran in hosts", wait_until(all_counted), sum(seen))


same("children and their ends", "handle call wait signals child wait signals call wait signals", 3)
same("ends are ignored", "ignore call wait child wait call wait", 3)
same("no zombies are left", "no-zombies call wait child wait signals call wait signals", 3)
same("the host is killed", "handle call kill-host wait signals call wait signals", 1)
same("the host is killed while ends are ignored", "ignore call kill-host wait call wait", 1)
same("its group is signalled", "call group call wait", 2)
same("clones are looked for", "call clones call clones", 2)

for what, before, starter in (("a subreaper", "adopt", ()), ("process 1", "", ("unshare", "-p", "-f", "--mount-proc"))):
    if SANITIZER == "thread":  # it does not know a process on another stack in the same memory
        continue
    if starter and subprocess.run([*starter, "true"], capture_output=True).returncode:
        print("skipped: no namespace of processes can be made here")
        continue
    same(f"{what}: waits for all", f"{before} handle call wait signals call wait signals", 2, starter)
    same(f"{what}: ends are ignored", f"{before} ignore call wait call wait", 2, starter)
    same(f"{what}: no zombies are left", f"{before} no-zombies call wait signals call wait signals", 2, starter)
    same(f"{what}: the host is killed", f"{before} handle call kill-host wait signals call kill-host wait signals call",
         1, starter)
    same(f"{what}: adopts after its first call", "handle call adopt wait signals", 1, starter)
    same(f"{what}: its group is signalled", f"{before} call group call wait", 2, starter)
    orphans = winapi_run(*starter, PARENTS, *before.split(), "call", "orphan", "orphan", "wait", "call", "clones",
                         WINAPI_HOST=OWN)
    words = orphans.values("wait")[0].split() if orphans.values("wait") else ["0", "0"]
    check(f"{what}: the hosts of orphans are orphans, and end as such", orphans.status == 0 and orphans.err == "" and
          4 <= int(words[0]) <= 8 and int(words[1]) == 32 and orphans.lines.count("call 42 there") == 2, orphans)
    counted()

# What is left to see there, as the documentation says.
if SANITIZER != "thread":
    kept = winapi_run(PARENTS, "adopt", "call", "clones", WINAPI_HOST=OWN)
    check("a subreaper that looks for clones finds one that lives", kept.values("clones")[0].startswith("0 "), kept)

same("a session of its own", "call terminal group child wait call", 3, ("setsid", "--wait"))
if shutil.which("script") and not SANITIZER:
    words = "handle call terminal group child wait signals terminal call"
    same("on a terminal", words, 3, ("script", "-qef"))
finish()
