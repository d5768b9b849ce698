#!/usr/bin/env python3
"""A program whose stub is missing is started once more.  It sees what it would have seen, but for LD_PRELOAD, and
none of its children is started twice.
"""
from lib_ways import *

DESCRIBE = FIXTURES + "/describe.py"
PYTHON = "/usr/bin/python3"
if not os.path.exists(PYTHON):
    print("skipped: there is no", PYTHON)
    sys.exit(77)

# Constructors run once for each program that is started in a process.
with open(folder + "/count.c", "w") as source:
    source.write("""
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void count(void)
{
    int fd = open(STARTS, O_WRONLY | O_CREAT | O_APPEND, 0600);
    char line[32];
    int size = snprintf(line, sizeof(line), "%d\\n", (int)getpid());
    if (write(fd, line, size) != size)
        _exit(99);
    close(fd);
}
""")
COUNT = compile("count/libcount.so", *SHARED, f'-DSTARTS="{folder}/starts"', folder + "/count.c")


def describe(command, *words, **variables):
    """What the program says; from a directory of its own, with a descriptor that it inherits."""
    directory = tempfile.mkdtemp(dir=folder)
    with open(directory + "/kept", "w") as kept:
        surroundings = environment(**variables)
        if SANITIZER and "LD_PRELOAD" in surroundings:
            surroundings["LD_PRELOAD"] = sanitizer_library() + ":" + surroundings["LD_PRELOAD"]
        process = subprocess.Popen([*command, *words], env=surroundings, cwd=directory, pass_fds=[kept.fileno()],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, err = process.communicate(timeout=PATIENCE * 3)
        number = str(kept.fileno())
    lines = out.splitlines()
    said = json.loads(lines[-1]) if lines else {}
    said["error"], said["started"], said["first"] = err, process.pid, lines[0] if lines else ""
    said["stayed"] = said.get("directory") == directory
    said["inherited"] = said.get("descriptors", {}).get(number, "").endswith("/kept")
    return said


def starts():
    with contextlib.suppress(OSError), open(folder + "/starts") as file:
        pids = file.read().split()
        os.unlink(folder + "/starts")
        return [int(pid) for pid in pids]
    return []


def compare(what, command, *words):
    bare = describe(command, *words)
    again = describe(command, *words, LD_PRELOAD=f"{PRELOAD}:{COUNT}", WINAPI_SPEC=WAYS_SPEC)
    check(f"{what}: nothing is said", again["error"] == "", again["error"])
    check(f"{what}: the stub is in front", "stub-" in again["environment"]["LD_PRELOAD"].split(":")[SANITIZER != ""])
    check(f"{what}: the same process", again["pid"] == again["started"])
    check(f"{what}: the same arguments", again["arguments"] == bare["arguments"], again["arguments"], bare["arguments"])
    check(f"{what}: the same name", again["name"] == bare["name"], again["name"], bare["name"])
    check(f"{what}: the same program", again["program"] == bare["program"], again["program"])
    check(f"{what}: the same working directory and umask", again["stayed"] and again["umask"] == bare["umask"], again)
    check(f"{what}: the same descriptors", again["inherited"] and sorted(again["descriptors"]) ==
          sorted(bare["descriptors"]), again["descriptors"], bare["descriptors"])
    environments = [dict(said["environment"]) for said in (bare, again)]
    check(f"{what}: the guard variable is gone", "WINAPI_REEXEC" not in environments[1])
    for variables in environments:
        for name in "LD_PRELOAD", "WINAPI_SPEC", "PWD":
            variables.pop(name, None)
    check(f"{what}: the same environment otherwise, in the same order", list(environments[0].items()) ==
          list(environments[1].items()), *environments)
    return again


compare("a program", [PYTHON, "-sE", DESCRIBE], "", "two words", "", "\N{SNOWMAN}", "")
pids = starts()
check("a program: started twice at most", 1 <= len(pids) <= 2 and len(set(pids)) == 1, pids)
compare("a script", [DESCRIBE], "", "an argument")
starts()

said = describe([PYTHON, "-sE", DESCRIBE, "--child"], LD_PRELOAD=f"{PRELOAD}:{COUNT}", WINAPI_SPEC=WAYS_SPEC)
pids = starts()
check("a child is started once", pids.count(said["pid"]) == 1 and said["pid"] != said["started"], pids, said)
check("a child has the stub from the start", "stub-" in said["environment"]["LD_PRELOAD"], said)

# The shell gets its own stub, and what it starts in its place has it already.
said = describe(["/bin/sh", "-c", f"ulimit -n 64; trap '' HUP; exec {PYTHON} -sE {DESCRIBE}"],
                LD_PRELOAD=PRELOAD, WINAPI_SPEC=WAYS_SPEC)
check("through a shell's exec: nothing is said", said["error"] == "" and said["pid"] == said["started"], said)

# A stub that the loader skips must not make it go on for ever.
cache = folder + "/cache/winapi"
stubs = [name for name in os.listdir(cache) if name.startswith("stub-")]
check("one stub was written", len(stubs) == 1, stubs)
host = WaysHost()
guarded = run([WAYS, "pid", "where"], LD_PRELOAD=PRELOAD, WINAPI_SPEC=WAYS_SPEC, WINAPI_HOST=host.address,
              WINAPI_REEXEC="1:0:x")
check("a guard variable of somebody else's is no guard", guarded.values("where") not in ([], guarded.values("pid")), guarded)
check("the host has counted the call of the program that was started again", host.calls("ways_where") == 1)
host.stop()
finish()
