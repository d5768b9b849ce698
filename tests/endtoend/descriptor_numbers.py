#!/usr/bin/env python3
"""Descriptor numbers are the program's: it gets each that it would have had, under low limits too; ours are what
docs/architecture.md says, neither more nor elsewhere; and a number that has become the program's is left alone.
"""
from lib_ways import *

DESCRIPTORS = compile("descriptors", FIXTURES + "/descriptors.c", "-I" + FIXTURES, *use_libraries(Where.here), "-pthread")
MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]
MAY_RAISE = int(re.search(r"CapEff:\s*(\w+)", open("/proc/self/status").read())[1], 16) >> 24 & 1  # CAP_SYS_RESOURCE
HERE, THERE = "add 42 here", "add 42 there"
TOO_MANY = "No file descriptors available" if MUSL else "Too many open files"


def limited(ulimit, *words, host=None, powers=True, **variables):
    """Under a limit, through a shell; without the power to raise the hard one again, if need be."""
    drop = [] if powers or not MAY_RAISE else ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]
    command = [*drop, "/bin/sh", "-c", f'ulimit {ulimit}; exec "$@"', "sh", DESCRIPTORS, *words]
    return run(command, **variables) if host is None else winapi_run(*command, host=host, **variables)


def numbers(line):
    return [int(word) for word in line.split()[1:] if word.isdigit()]


host = WaysHost()
for medium in MEDIA:
    def on(*words, **variables):
        return winapi_run(DESCRIPTORS, *words, host=host, WINAPI_TRANSPORT=medium, **variables)

    # ---- what there is of ours ----

    listed = on("list", "call", "call", "list", "threads", "list")
    connection, memory = "close-on-exec socket:", "close-on-exec /memfd:winapi (deleted)"
    control = "close-on-exec /memfd:winapi-control (deleted)"
    groups = "\n".join(listed.lines).split("list end")
    ours = [[line.split(" ", 2)[1:] for line in group.splitlines() if line.startswith("list")] for group in groups]
    kinds = [sorted(kind for _, kind in group) for group in ours]
    threads = 0 if medium == "memory" else 3
    check(f"{medium}: before the first call there is nothing of ours", kinds[0] == [], listed)
    check(f"{medium}: a thread has called: as documented", kinds[1] == sorted(
        [control] + ([connection, memory] if medium == "memory" else [connection] * 2)), listed)
    check(f"{medium}: three more threads: as documented", kinds[2] == sorted(kinds[1] + [connection] * threads), listed)
    check(f"{medium}: which have ended: their lanes wait for others", kinds[3] == kinds[2], listed)
    check(f"{medium}: all are the last numbers below 1024", all(
        990 < int(number) < 1024 for group in ours for number, _ in group), listed)

    # ---- low limits ----

    for ulimit in ("-n 16", "-Sn 16", "-Sn 200"):
        if ulimit == "-n 16" and not MAY_RAISE or SANITIZER == "thread":  # which cannot do with so few itself
            continue
        for words in (("call", "take-all"), ("take-all", "give-back", "call", "call", "take-all", "give-back", "call")):
            bare = limited(ulimit, *words)
            remote = limited(ulimit, *words, host=host, WINAPI_TRANSPORT=medium)
            check(f"{medium}: ulimit {ulimit}, {' '.join(words)}: every number is the program's",
                  [line for line in bare.lines if line.startswith("take")] ==
                  [line for line in remote.lines if line.startswith("take")] and THERE in remote.lines and
                  "EMFILE" not in remote.err and remote.err == "" and TOO_MANY in bare.out, bare, remote)
    if SANITIZER != "thread":
        bare = limited("-n 16", "call", "take-all", powers=False)
        remote = limited("-n 16", "call", "take-all", host=host, powers=False, WINAPI_TRANSPORT=medium)
        check(f"{medium}: a hard limit of 16: the same numbers in the same order, but the last two",
              numbers(bare.lines[1])[:-2] == numbers(remote.lines[1]) and remote.err == "" and
              remote.lines[0] == THERE, bare, remote)
    later = on("call", "lower:16", "take-all", "call")
    check(f"{medium}: the limit is lowered after the first call: every number is the program's",
          later.lines[0] == later.lines[3] == THERE and numbers(later.lines[2]) ==
          numbers(run([DESCRIPTORS, "lower:16", "take-all"]).lines[1]) and later.err == "", later)
    full = on("lower:16", "take-all", "call", "give-back", "call")
    check(f"{medium}: none is free for the first call: a line, and the next one is made",
          full.lines[2] == "add -1 nowhere" and full.lines[3] == THERE and len(full.said) == 2 and
          all(TOO_MANY in line for line in full.said), full)

    # ---- numbers that become the program's ----

    for kind in ("pipe", "socket"):
        over = on("call", f"put:{kind}", "theirs", "call", "theirs", "upper", "threads", "theirs", "fork",
                  "theirs", f"put:{kind}", "call", "call", "theirs")
        check(f"{medium}: a {kind} is put where ours were: it is neither written to nor closed",
              over.values("theirs") == ["untouched"] * 6 and over.values("put") == ["some"] * 2 and
              over.lines.count(THERE) == 5 and f"upper {300000} AA" in over.lines and over.err == "" and
              over.status == 0, over)
    for kind in ("socket", "memfd"):
        closed = on("call", f"close:{kind}", "upper", "call", "upper", "fork", "call")
        check(f"{medium}: only {kind} is closed: it calls on", closed.lines == [
            THERE, "upper 300000 AA", THERE, "upper 300000 AA", THERE, "theirs untouched", THERE] and closed.err == "",
            closed)

check("the host has counted the calls", host.calls("ways_add") > 20 and host.calls("ways_upper") >= 4)
check("and nobody has crashed there", host.stat()["crashed_clients"] == 0 and host.log() == "", host.log())
finish()
