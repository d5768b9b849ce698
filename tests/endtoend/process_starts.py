#!/usr/bin/env python3
"""Programs that start others, become others, fork and become daemons in every way print what they print bare, and
each process that has us calls its own worker.  A program that is started without our variables is one without us.
"""
from lib_ways import *

STARTS = compile("starts", FIXTURES + "/starts.c", "-I" + FIXTURES, *use_libraries(Where.here), "-pthread",
                 "-Wl,-rpath," + Where.here)
MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]
HERE, THERE = "call 42 here", "call 42 there"
CHILD = [THERE, "ended 0"]


def start(*words, **variables):
    """What it prints, and what it prints to a file when it has become a daemon, which must have begun with `words`."""
    place = tempfile.mkdtemp(dir=folder)
    result = winapi_run(STARTS, *words, PWD=place, **variables)
    result.daemon = lambda: open(place + "/daemon.out").read().splitlines() if os.path.exists(place + "/daemon.out") else []
    return result


for medium in MEDIA:
    host = WaysHost()

    def expect(what, words, lines, daemon=(), calls=0):
        before = host.calls("ways_add")
        result = start(*words.split(), host=host, WINAPI_TRANSPORT=medium)
        check(f"{medium}: {what}", result.lines == lines and result.err == "" and result.status == 0 and
              wait_until(lambda: result.daemon() == list(daemon)), result, *result.daemon())
        calls = calls or sum(line == THERE for line in [*lines, *daemon])
        came = host.calls("ways_add") - before
        check(f"{medium}: {what}: as many calls ran in the host", came == calls, came, calls)

    expect("exec before and after a call", "exec call exec call", [THERE] * 2)
    expect("exec by a relative path from another directory", "call elsewhere call exec-relative call", [THERE] * 3)
    expect("exec without an environment", "call exec-bare call", [THERE, HERE])
    expect("exec with our variables only, without the preload", "call exec-variables-only call", [THERE, HERE])
    # The stub knows its spec files, and without WINAPI_HOST there is a host of its own.
    expect("exec with the preload only, without our variables", "call exec-preload-only call", [THERE, THERE], calls=1)
    expect("posix_spawn", "spawn call spawn call", [*CHILD, THERE] * 2)
    expect("posix_spawn with file actions", "spawn-actions call spawn-actions call", [*CHILD, THERE] * 2)
    expect("posix_spawn with attributes", "spawn-attributes call spawn-attributes call", [*CHILD, THERE] * 2)
    expect("vfork", "vfork call vfork call", [*CHILD, THERE] * 2)
    expect("_Fork", "_Fork call _Fork call", [*CHILD, THERE] * 2)
    expect("grandchildren call after their children", "deep call deep", [
        THERE, "ended 0", THERE, "ended 0", THERE, "ended 0", THERE, THERE] + [
        THERE, "ended 0", THERE, "ended 0", THERE, "ended 0", THERE])
    expect("a fork while a thread is in a call", "fork-in-call call", [*CHILD, "paused 200", THERE])
    expect("daemon() before the first call", "daemon call", [], [THERE])
    expect("daemon() after it", "call daemon call exec call", [THERE], [THERE, THERE])
    expect("a daemon made by hand", "by-hand call spawn", [], [THERE, *CHILD])
    expect("a daemon made by hand after a call", "call by-hand call exec call by-hand call", [THERE], [THERE] * 3)
    expect("close_range of everything", "close-range call call", [], [THERE] * 2)
    expect("close_range of everything after a call", "call close-range call exec call", [THERE], [THERE] * 2)
    expect("close_range that marks", "call mark-range call exec call", [THERE] * 3)
    check(f"{medium}: no worker has crashed, and the host has said nothing",
          host.stat()["crashed_clients"] == 0 and host.log() == "", host.log())
    check(f"{medium}: no client is left", wait_until(lambda: not host.workers()), host.workers())

# ---- the same with hosts of their own ----

with library_path(Where.there):
    own = f"exec:env LD_LIBRARY_PATH={Where.there} {WINAPI_HOST} --stdio"
    for words, lines, daemon in (
            ("call exec call spawn _Fork", [THERE, THERE, *CHILD, *CHILD], []),
            ("call daemon call by-hand call", [THERE], [THERE, THERE]),
            ("close-range call", [], [THERE])):
        result = start(*words.split(), WINAPI_HOST=own)
        check(f"hosts of their own: {words}", result.lines == lines and result.err == "" and
              wait_until(lambda: result.daemon() == daemon), result, *result.daemon())

# ---- children whose parent closes all that it can, or forgets the environment ----

host = WaysHost()
PYTHON = "/usr/bin/python3"
if os.path.exists(PYTHON):
    closing = [PYTHON, "-sEc", "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:], close_fds=True).returncode)",
               STARTS, "call", "spawn"]
    for what, start_closing in {
            "winapi run": lambda: winapi_run(*closing, host=host),
            "LD_PRELOAD": lambda: run(closing, LD_PRELOAD=PRELOAD, WINAPI_SPEC=WAYS_SPEC, WINAPI_HOST=host.address)}.items():
        before = host.calls("ways_add")
        result = start_closing()
        check(f"Python's close_fds, {what}", result.lines == [THERE, *CHILD] and result.err == "" and result.status == 0 and
              host.calls("ways_add") == before + 2, result)
result = winapi_run("/bin/sh", "-c", f"env -i {STARTS} call; {STARTS} call", host=host)
check("env -i in between: that child is without us, the next one is not", result.lines == [HERE, THERE] and
      result.err == "", result)

# ---- a part of LD_PRELOAD that is no longer there: nobody dies of it, and no call is remote without a word ----

STUB = folder + "/kept.so"
subprocess.run([WINAPI, "stubs", WAYS_SPEC, "-o", STUB], env=environment(), check=True)
GONE_LIBRARY, GONE_STUB = folder + "/gone/libwinapi_preload.so", folder + "/gone/stub-0123456789abcdef.so"


def without_loaders_lines(result):
    """glibc's complains of what it cannot preload, musl's does not."""
    return [line for line in result.said if not line.startswith("ERROR: ld.so:")]


PLAIN = [] if SANITIZER == "thread" else [["/bin/sh", "-c", "true | cat; sh -c 'exit 5'"]]  # which only its own survive
for what, preload in {"the library": f"{STUB}:{GONE_LIBRARY}", "the stub": f"{GONE_STUB}:{PRELOAD}",
                      "both": f"{GONE_STUB}:{GONE_LIBRARY}"}.items():
    for command in PLAIN:
        idle = run(command, LD_PRELOAD=preload)
        check(f"{what} is missing: programs that call nothing are as without us", idle.status == 5 and idle.out == "" and
              without_loaders_lines(idle) == [], idle)
    before = host.calls("ways_add")
    result = run([STARTS, "call", "call", "spawn"], LD_PRELOAD=preload, WINAPI_HOST=host.address)
    lines = ["winapi: libwinapi_preload.so is not loaded beside its stub: a function runs here, not in the host"] * 4
    check(f"{what} is missing: calls run here{', with a line' if preload.startswith(STUB) else ''}", result.status == 0 and
          result.lines == [HERE, HERE, HERE, "ended 0"] and host.calls("ways_add") == before and
          without_loaders_lines(result) == (lines if preload.startswith(STUB) else []), result)
result = run([STARTS, "call"], LD_PRELOAD=f"{GONE_STUB}:{PRELOAD}", WINAPI_SPEC=WAYS_SPEC, WINAPI_HOST=host.address)
check("the stub is missing, and its spec file is known: another one is made", result.lines == [THERE] and
      without_loaders_lines(result) == [], result)

# ---- programs of another kind of machine: the loader leaves out what it cannot load ----

LOADER_32 = next(filter(os.path.exists, ("/lib/ld-linux.so.2", "/usr/lib32/ld-linux.so.2")), "none")
with open(folder + "/small.c", "w") as source:
    source.write("""
void _start(void);
void _start(void)
{
    __asm__ volatile("int $0x80" : : "a"(1), "b"(5));
}
""")
made = subprocess.run(["gcc", "-m32", "-O1", "-nostdlib", "-fPIE", "-pie", f"-Wl,--dynamic-linker={LOADER_32}", "-o",
                       folder + "/small", folder + "/small.c"], capture_output=True) if shutil.which("gcc") else None
if made and made.returncode == 0 and LOADER_32 != "none" and run([folder + "/small"]).status == 5:
    result = winapi_run("/bin/sh", "-c", f"{folder}/small; echo $?; {STARTS} call", host=host)
    check("a 32-bit child: as without us, but for the loader's lines", result.lines == ["5", THERE] and
          without_loaders_lines(result) == [], result)
else:
    print("not tried: a 32-bit child (there is no loader for one here)")
finish()
