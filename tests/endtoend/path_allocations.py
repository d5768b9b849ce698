#!/usr/bin/env python3
"""A call like those that its thread makes allocates nothing and takes no lock, in the program and in the host.

Both are stopped between two calls; gdb then counts how often they come to the entry of each function that allocates or
locks, in each object that defines one: libc, the loader, and libwinapi_preload.so with its own heap.  Nothing is
counted while the calls are made, and then something is, of a thread's first call: so the counting works.
"""
from lib_path import *

need("gdb", "nm")
need_no_sanitizer()

ALLOCATING = """malloc calloc realloc free reallocarray aligned_alloc posix_memalign memalign mmap mmap64 munmap mremap brk sbrk
    madvise mprotect""".split()
LOCKING = """pthread_mutex_lock pthread_mutex_trylock pthread_mutex_timedlock pthread_rwlock_rdlock pthread_rwlock_wrlock
    pthread_spin_lock pthread_cond_wait pthread_cond_timedwait pthread_cond_signal pthread_cond_broadcast sem_wait sem_post
    __lll_lock_wait __lll_lock_wait_private""".split()
CALLS = 10000
KINDS = {"echo": CALLS, "crc32": CALLS, "distance": CALLS, "name": CALLS, "invert": CALLS // 5, "thing": CALLS // 5,
         "long_echo": CALLS // 5}
# The first call that is waited for after posted ones looks under a lock whether all are over; over a socket it takes a
# lane, lists what may not be over, notes what the host says, gives the lane back, and looks once more; the host looks
# once.  Where something else runs meanwhile they look a few times; never once for each call.
LOCKS_AFTER_POSTS = 30
USUAL = 600  # so many calls, and what is kept between calls is what they need: spec/base/scratch.h
THREADS = 2


# ---- where functions begin in a process ----

def defined(path, mark):
    """Offsets of the functions of our lists that a file has, its local ones too: {offset: name}."""
    wanted = {*ALLOCATING, *LOCKING, mark}
    found = {}
    for option in [], ["-D"]:
        for line in subprocess.run(["nm", *option, path], capture_output=True, text=True).stdout.splitlines():
            words = line.split()
            name = words[-1].partition("@")[0] if words else ""
            if len(words) == 3 and words[1] in "tTwWiV" and name in wanted:
                found.setdefault(int(words[0], 16), name)
    return found


def loaded(pid):
    """Files that a process has mapped, each with what is to be added to its addresses."""
    bases = {}
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            words = line.split(maxsplit=5)
            if len(words) == 6 and words[5].startswith("/") and os.path.isfile(words[5].strip()):
                bases.setdefault(words[5].strip(), int(words[0].partition("-")[0], 16))
    for path, base in bases.items():
        with open(path, "rb") as file:
            head = file.read(18)
        if head[:4] == b"\x7fELF":
            yield path, 0 if head[16] == 2 else base


def entries(pid, mark):
    """{address: "name in file"}"""
    return {base + offset: f"{name} in {os.path.basename(path)}" for path, base in loaded(pid)
            for offset, name in defined(path, mark).items()}


# ---- counting ----

def is_stopped(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] in "tT"



class Counter:
    """gdb on a process that waits, which then goes on; each time it comes to a mark, the counts up to there."""

    def __init__(self, pid, mark, marks):
        self.names, self.mark = {}, mark
        command = ["gdb", "-nx", "-q", "-batch", "-iex", "set auto-solib-add off", "-iex", "set debuginfod enabled off",
                   "-ex", "set pagination off", "-ex", f"attach {pid}"]
        for number, (address, name) in enumerate(entries(pid, mark).items(), 1):
            self.names[number] = name
            command += ["-ex", f"break *{address:#x}"]
            command += [] if mark in name else ["-ex", f"ignore {number} 1000000000"]
        command += ["-ex", "echo counting\\n"] + marks * ["-ex", "continue", "-ex", "info breakpoints", "-ex", "echo mark\\n"]
        command += ["-ex", "detach"]
        self.process = subprocess.Popen(command, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        ending.append(self.process.kill)
        self.text, self.seen = [], collections.Counter()
        self.is_counting = self.read_to("counting") and wait_until(lambda: not is_stopped(pid))

    def read_to(self, word):
        for line in self.process.stdout:
            self.text.append(line)
            if line.strip() == word:
                return True
        return False

    def counts(self):
        """What was counted since the mark before: {"name in file": times}."""
        start = len(self.text)
        if not self.read_to("mark"):
            return {"gdb ended": 1}
        now, number = collections.Counter(), 0
        for line in self.text[start:]:
            if match := re.match(r"(\d+) +(hw )?breakpoint", line):
                number = int(match.group(1))
            if (match := re.search(r"already hit (\d+) time", line)) and self.mark not in self.names[number]:
                now[self.names[number]] = int(match.group(1))
        since, self.seen = now - self.seen, now
        return dict(since)

    def finish(self):
        for line in self.process.stdout:
            self.text.append(line)
        return self.process.wait()


def of(names, counts):
    return {where: times for where, times in counts.items() if where.split()[0] in names}


def judge(what, counts, locks=0):
    check(f"{what} allocates nothing", not of(ALLOCATING, counts), of(ALLOCATING, counts))
    check(f"{what} takes no lock", sum(of(LOCKING, counts).values()) <= locks, of(LOCKING, counts))


class Trial:
    """The program and, unless its marks stay in the program, its worker: each has made all the calls, and is counted."""

    def __init__(self, what, kinds, **variables):
        self.what, self.host = what, proofs_host()
        self.program = Proofs(self.host, THREADS, **variables)
        for kind in [*kinds, *kinds]:  # twice: what one kind leaves to be freed is freed by the next
            check(f"{what}, {kind}: calls are right", self.program.make(kind, 50))
        self.program.make("add", 50)
        self.program.result("Mark")
        self.counters = {"program": Counter(self.program.pid, "mark_here", 2 * len(kinds) + 1)}
        if self.program.worker != self.program.pid:
            self.counters["host"] = Counter(self.program.worker, "proofs_mark", 2 * len(kinds) + 1)
        if not all(counter.is_counting for counter in self.counters.values()):
            skip("gdb cannot look into our processes:", *[line for each in self.counters.values() for line in each.text[-3:]])

    def make(self, kind, calls):
        """The counts of each side, once calls of the kind are what its threads make."""
        check(f"{self.what}, {kind}: calls are right again", self.program.make(kind, USUAL))
        self.counts()
        before = self.host.calls(COUNTED[kind])
        was_right = self.program.make(kind, calls)
        check(f"{self.what}, {kind}: {THREADS * calls} calls, all of them right", was_right)
        check(f"{self.what}, {kind}: the host has counted them", wait_until(
            lambda: self.host.calls(COUNTED[kind]) - before == THREADS * calls))
        return self.counts()

    def counts(self):
        self.program.send("Mark")
        return {side: counter.counts() for side, counter in self.counters.items()}

    def finish(self):
        """What shows that counting counts."""
        self.program.send("New_thread")
        for side, counts in self.counts().items():
            check(f"{self.what}: a thread's first call allocates and locks in the {side}, which is counted",
                  of(ALLOCATING, counts) and of(LOCKING, counts), counts)
            if side == "program":
                check(f"{self.what}: and so is what the library takes from its own heap",
                      any(where.endswith("libwinapi_preload.so") for where in of(ALLOCATING, counts)), counts)
        self.end()

    def end(self):
        for counter in self.counters.values():
            counter.finish()
        check(f"{self.what}: the program ends as it wants to", self.program.stop() == 0)


for medium in MEDIA:
    trial = Trial(medium, KINDS, WINAPI_TRANSPORT=medium)
    for kind, calls in KINDS.items():
        for side, counts in trial.make(kind, calls).items():
            judge(f"{medium}, {kind}: the {side}", counts)
    trial.finish()

    # The mark is the call that is waited for after posted ones.  A new thread would find the lane of who has asked.
    trial = Trial(f"{medium}, posted", ["post"], WINAPI_TRANSPORT=medium)
    for side, counts in trial.make("post", CALLS).items():
        judge(f"{medium}, post: the {side}", counts, locks=LOCKS_AFTER_POSTS)
    trial.counts()
    trial.end()

# Compare allocates nothing either.  Where there is no native twin, as of the first two, each call asks the loader, under
# its lock, whether anything has been loaded; musl takes none.  The mark has no row that runs twice.
trial = Trial("compare", ["echo", "crc32", "distance"], WINAPI_MODE="compare", WINAPI_COMPARE_REPORT=folder + "/report")
for kind in "echo", "crc32", "distance":
    judge(f"compare, {kind}: the program", trial.make(kind, 500)["program"], locks=0 if kind == "distance" else THREADS * 500)
trial.finish()
finish()
