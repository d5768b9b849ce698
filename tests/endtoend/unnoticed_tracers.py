#!/usr/bin/env python3
"""gdb, strace and valgrind on a program with the preload show what they show without it, but for what documentation
names: two more libraries, and the system calls on a call's way.  A host that the program starts for itself is no
process of the debugger's.
"""
from lib_unnoticed import *

need_no_sanitizer()
CC = os.environ.get("CC", "cc").split()
TRACED = folder + "/traced"
with open(TRACED + ".c", "w") as file:
    file.write("""
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

static unsigned long work(int count)
{
    unsigned long sum = 0;
    for (int i = 0; i < count; i++)
        sum = crc32(sum, (const unsigned char *)"hello", 5);
    return sum;
}

static int in_child(void)
{
    printf("child %lx\\n", work(2));
    fflush(stdout);
    return 4;
}

int main(void)
{
    int status = 0;
    printf("%lx\\n", work(3));
    fflush(stdout);
    if (fork() == 0)
        _exit(in_child());
    wait(&status);
    printf("status %d\\n", WEXITSTATUS(status));
    return 3;
}
""")
built = subprocess.run([*CC, "-g", "-O0", "-o", TRACED, TRACED + ".c", "-lz"], capture_output=True, text=True)
if built.returncode:
    print("skipped:", " ".join(CC), "cannot build with zlib:", built.stderr)
    sys.exit(77)

WAYS_TRACED = "alone", "remote", "own_host", "kept", "native"


def inner(way):
    """The variables that a program has this way, for one that a tool starts: {name: value}."""
    seen = run_way(way, ["env"]).out.splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in seen)
            if name == "LD_PRELOAD" or name.startswith("WINAPI_")}


def tool(way, command, **more):
    return run_way("bare", command, **(inner(way) if way != "bare" else {}), **more)


# ---- gdb: the program alone gets the variables ----

BEFORE = ["set pagination off", "set confirm off", "set debuginfod enabled off"]
SESSIONS = {
    "break, step, finish": ["break work", "run", "bt", "next", "step", "next", "info locals", "finish", "info threads",
                            "info inferiors", "info sharedlibrary", "delete", "continue", "print $_exitcode"],
    "follow the child": ["set follow-fork-mode child", "break in_child", "run", "bt", "next", "info locals", "continue"],
    "keep the child": ["set detach-on-fork off", "set schedule-multiple on", "break in_child", "run", "bt", "delete",
                       "continue", "continue"],
    "stop in it": ["break crc32", "run", "bt 2", "delete", "continue", "print $_exitcode"],
    "a watchpoint": ["break work", "run", "next", "watch sum", "continue", "continue", "delete", "continue"],
    "stop on clone and fork": ["catch fork", "catch vfork", "run", "bt 1", "delete", "continue", "print $_exitcode"],
    "call it": ["break in_child", "set follow-fork-mode child", "run", "print ((unsigned long (*)(unsigned long, const void *, "
                "unsigned)) crc32)(0, \"hello\", 5)", "continue"],
}


def normalise_gdb(text):
    """Without numbers of processes, addresses, and the width of columns that they decide; of libraries without ours.
    Of a child that is let go gdb says so before or after the child has spoken.
    """
    text = re.sub(" +", " ", text)
    text = re.sub(r"(process|LWP|Inferior \d+ \(process) \d+", r"\1 N", re.sub(r"0x[0-9a-f]{6,}", "ADDRESS", text))
    text = text.replace("status 4\n", "")  # the parent, when it is let go, speaks in between
    # A breakpoint on a remoted function is on the stub's and on the native one, and stops at the first.
    text = re.sub(r"(Breakpoint 1)[.]\d", r"\1", re.sub(r"(in crc32 \(\) from) \S+", r"\1 LIBRARY", text))
    lines = [line for line in text.splitlines()
             if not re.match(r"^(ADDRESS|Reading symbols from).*(libwinapi_preload|stub-\w+|winapi_zlib)[.]so", line)]
    return "\n".join(sorted(lines, key=lambda line: line.startswith("[Detaching after"))) + "\n"


def normalise_both(text):
    """Where gdb holds parent and child, the one that ends first is the one that it reports."""
    return re.sub(r"\[Inferior \d \(process N\) exited.*\]", "[an end]", normalise_gdb(text))


if shutil.which("gdb"):
    for what, session in SESSIONS.items():
        def debug(way):
            variables = [f"set environment {name} {value}" for name, value in (inner(way) if way != "bare" else {}).items()]
            words = [word for line in (*BEFORE, *variables, *session) for word in ("-ex", line)]
            return run_way("bare", ["gdb", "-q", "-nx", "-batch", *words, TRACED], patience=20)
        bare = debug("bare")
        for way in WAYS_TRACED if what.startswith("break") else ("remote", "own_host"):
            outcome = debug(way)
            found = differences(bare, outcome, normalise_both if what.startswith("keep") else normalise_gdb)
            check(f"gdb, {what}, {way}: the same", not found and outcome.status == bare.status, *found)
        check(f"gdb, {what}, bare: it does its work", "3e21b40b" in bare.out, bare.out, bare.err)
else:
    print("there is no gdb: not looked at")

# ---- strace: what is ours stands on both sides of the program's own calls, whose order stays ----

# docs/architecture.md, "What a program can notice"
ADDED = set("""access brk clock_gettime close connect faccessat2 fallocate fcntl fstat ftruncate futex geteuid getpid getrandom
    getsockopt gettid getuid lstat madvise memfd_create mmap mprotect munlock munmap newfstatat openat poll ppoll prlimit64
    read readlink recvmsg rt_sigpending rt_sigprocmask rt_sigtimedwait sched_yield sendmsg setsockopt socket stat""".split())
ADDED_BY_START = {"clone", "pipe2", "prctl", "socketpair", "wait4"}


def system_calls(way, place):
    outcome = tool(way, ["strace", "-f", "-qq", "-o", "trace", TRACED], place=place)
    with open(place + "/trace") as file:
        return outcome, re.findall(r"^(\d+) +(\w+)\(", file.read(), re.MULTILINE)


def own_calls(calls, left_out):
    """Process by process: which of two is faster differs."""
    names = {"write", "wait4", "exit_group"} - left_out
    processes = dict.fromkeys(process for process, _ in calls)
    return [[name for process, name in calls if process == one and name in names] for one in processes]


if shutil.which("strace"):
    bare, expected = system_calls("bare", tempfile.mkdtemp(dir=folder))
    for way in WAYS_TRACED:
        outcome, found = system_calls(way, tempfile.mkdtemp(dir=folder))
        added = ADDED | ADDED_BY_START if way == "own_host" else ADDED
        names, usual = [name for _, name in found], [name for _, name in expected]
        strange = {name for name in set(names) - added if names.count(name) != usual.count(name)}
        check(f"strace, {way}: the program says the same", not differences(bare, outcome, str), outcome.text(str))
        check(f"strace, {way}: no system call that is not documented", not strange, strange)
        check(f"strace, {way}: the program's own calls", own_calls(found, added) == own_calls(expected, added), found)
else:
    print("there is no strace: not looked at")

# ---- valgrind: no error that is ours, and in no time ----

if shutil.which("valgrind"):
    bare = run_way("bare", ["valgrind", "-q", "--error-exitcode=9", TRACED])
    for way in ("remote", "own_host"):
        outcome = tool(way, ["valgrind", "-q", "--error-exitcode=9", TRACED])
        check(f"valgrind, {way}: the same", not differences(bare, outcome, str), outcome.text(str))
else:
    print("there is no valgrind: not looked at")
finish()
