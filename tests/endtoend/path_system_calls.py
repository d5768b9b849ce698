#!/usr/bin/env python3
"""While the program and the host are awake, each on a processor of its own, a call makes no system call on either side;
and none asks for memory, whoever sleeps.  A call that runs native makes none at all.  Over a socket, on one processor,
each side sends once and receives once, and the program looks once whether the socket still is its own.

strace writes down what both do.  A marker of the program's stands between batches of calls.  On a busy machine a side
loses its processor now and then, and the other one goes to sleep meanwhile, so the best of many batches is judged: with
both sides awake there is nothing to write down.  Where even the best one has a few sleeps, it is not known what they
come from, and the script is skipped once all else has been looked at.
"""
from lib_path import *

need("strace")
need_no_sanitizer()
CPUS = sorted(os.sched_getaffinity(0))
if len(CPUS) < 2:
    skip("two sides cannot be awake at once: there is one processor")

MEMORY = {"brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "fallocate"}
CALLS = {"echo": 20000, "crc32": 20000, "distance": 20000, "invert": 10000, "thing": 4000}  # in a try
TRIES = 8
POSTS, POSTS_PER_SYSTEM_CALL = 200000, 100
MARKER = "getpriority"

# Where the kernel's page of time cannot be used, time costs a system call, whoever asks for it.
with contextlib.suppress(OSError), open("/sys/devices/system/clocksource/clocksource0/current_clocksource") as source:
    TIME_IS_FREE = source.read().strip() in ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter")


class Strace:
    """On processes that wait, all of their threads."""

    def __init__(self, *pids):
        self.path = tempfile.mktemp(dir=folder, suffix=".strace")
        self.process = subprocess.Popen(["strace", "-f", "-o", self.path, *[word for pid in pids for word in ("-p", str(pid))]],
                                        text=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        ending.append(self.process.kill)
        self.attached = set()
        for line in self.process.stderr:
            if match := re.search(r"Process (\d+) attached", line):
                self.attached.add(int(match.group(1)))
            if self.attached >= set(pids):
                break
        if not self.attached >= set(pids):
            skip("strace cannot look into our processes:", line)

    def batches(self):
        """Ends it; the names of the system calls in each batch."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=PATIENCE)
        with open(self.path) as file:
            names = re.findall(r"^\d+ +(\w+)\(", file.read(), re.MULTILINE)
        if not TIME_IS_FREE:
            names = [name for name in names if name != "clock_gettime"]
        marks = [place for place, name in enumerate(names) if name == MARKER]
        return [names[start + 1:end] for start, end in zip(marks, marks[1:])]


def run(program, kind, calls, *pids):
    """What strace sees in each batch of them; the results were right."""
    strace = Strace(*pids)
    answer = program.answer(program.send("Batches_" + kind, calls // BATCHES), 3 * PATIENCE)
    found = strace.batches()
    check(f"{kind}: {calls} calls, all of them right, in {len(found)} batches",
          answer == (calls, 0, 0) and len(found) == BATCHES, answer)
    return found


def tell(batches):
    return collections.Counter(name for batch in batches for name in batch).most_common()


def is_hopeless(batch, calls, tries):
    """Whether it was not for lack of a processor that the best batch made system calls."""
    return any(name != "futex" for name in batch) or (tries >= 3 and not is_disturbed(batch, calls))


def is_disturbed(batch, calls):
    """Whether a few sleeps, and who ended them, are all there is: then somebody else may have had a processor."""
    return all(name == "futex" for name in batch) and 0 < len(batch) * 10 < calls


host = proofs_host()
program = Proofs(host, WINAPI_TRANSPORT="memory")
for kind in CALLS:
    program.make(kind, 500)
disturbed = []

for kind, calls in CALLS.items():
    before, seen = host.calls(COUNTED[kind]), []
    for attempt in range(TRIES):
        pin(program.pid, {CPUS[0]})
        pin(program.worker, {CPUS[1]})
        seen += run(program, kind, calls, program.pid, program.worker)
        best = min(seen, key=len)
        if not best or is_hopeless(best, calls // BATCHES, attempt + 1):
            break
    check(f"{kind}: the host has counted them", host.calls(COUNTED[kind]) - before == calls * (attempt + 1))
    told = f"best of {len(seen)} batches of {calls // BATCHES} calls: {tell([best])}"
    if is_disturbed(best, calls // BATCHES):
        disturbed.append(f"{kind}: {told}")
    else:
        check(f"{kind}: with both sides awake nobody makes a system call", not best, told)
    check(f"{kind}: none asks for memory", not MEMORY & {name for batch in seen for name in batch}, *tell(seen))

# Calls that nobody waits for: the host naps between batches, and a program that is far ahead sleeps until it has caught up.
before = host.calls("proofs_post")
program.make("post", 500)
seen = run(program, "post", POSTS, program.pid, program.worker)
made = sum(len(batch) for batch in seen)
check("post: the host has counted them", wait_until(lambda: host.calls("proofs_post") - before == POSTS + 500),
      host.calls("proofs_post") - before)
check(f"post: fewer than one system call in {POSTS_PER_SYSTEM_CALL} calls, both sides taken together",
      made * POSTS_PER_SYSTEM_CALL < POSTS, made, *tell(seen))
check("post: none asks for memory", not MEMORY & {name for batch in seen for name in batch}, *tell(seen))

# What shows that strace sees both sides: on one processor each call has to sleep at both.
pin(program.pid, {CPUS[0]})
pin(program.worker, {CPUS[0]})
seen = run(program, "echo", 4 * BATCHES, program.pid, program.worker)
check("on one processor calls sleep, which is seen", len(min(seen, key=len)) >= 4, *tell(seen))
check("the program ends as it wants to", program.stop() == 0)

program = Proofs(host, WINAPI_TRANSPORT="socket")
pin(program.pid, {CPUS[0]})
pin(program.worker, {CPUS[0]})
for kind in "echo", "crc32", "distance":
    program.make(kind, 10)
    seen = run(program, kind, 20 * BATCHES, program.pid, program.worker)
    best = collections.Counter(min(seen, key=len))
    looks = best.pop("fstat", 0) + best.pop("newfstatat", 0)
    # The host may begin to wait for the next call before the marker or after it.
    check(f"socket: {kind}: no system call too many", best.keys() <= {"sendto", "recvfrom"} and best["sendto"] == 40
          and abs(best["recvfrom"] - 40) <= 1 and looks == 20, looks, *best.items())
check("the program over a socket ends as it wants to", program.stop() == 0)

program = Proofs(host, WINAPI_MODE="native")
before = host.calls("proofs_add")
check("native calls are right", program.make("add", 100))
seen = run(program, "add", 100000, program.pid)
check("native: no system call at all", not any(seen), *tell(seen))
check("native: the host has counted none of them", host.calls("proofs_add") == before)
if disturbed:
    finish_unsure("the machine is too busy to tell whether calls make no system call:", *disturbed)
finish()
