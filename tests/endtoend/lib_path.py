"""What the proofs of the call path share: the program and the library of tests/fixtures/proofs, and a host for them.

Both allow whoever wants to trace them.  Where tracing is forbidden all the same, a script is skipped.
"""
import collections

import lib_trouble
from lib_compile import *

FIXTURES = SOURCE + "/tests/fixtures/proofs"
LIBRARY = compile("proofs/libproofs.so", *SHARED, FIXTURES + "/libproofs.c")
PLACE = os.path.dirname(LIBRARY)
PROOFS = compile("proofs/proofs", "-fPIE", "-pie", FIXTURES + "/proofs.c", FIXTURES + "/turns.c", LIBRARY,
                 "-Wl,-rpath," + PLACE, "-pthread", "-ldl")
PROOFS_SPEC = shutil.copy(FIXTURES + "/proofs.json", PLACE)
MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]

# The first row that each kind of call counts at the host, and how many such calls it makes.
COUNTED = {"add": "proofs_add", "echo": "winapi_echo", "long_echo": "winapi_echo", "crc32": "crc32", "distance": "proofs_distance",
           "invert": "proofs_invert", "name": "proofs_name", "thing": "proofs_value", "post": "proofs_post"}


def skip(*why):
    print("skipped:", *why)
    end()
    sys.exit(77)


def finish_unsure(*why):
    """For a script that could not tell all it looked at: skipped, unless something else has failed."""
    if lib_trouble.failures:
        finish()
    skip(*why)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            skip("there is no", program)


def need_no_sanitizer():
    if SANITIZER:
        skip("a sanitizer allocates, locks and makes system calls of its own")


BATCHES = 100  # of "Batches_KIND"


class Proofs(Program):
    """The program, with so many threads that call; it is called remotely unless the variables say otherwise."""

    def __init__(self, host, threads=1, **variables):
        super().__init__(host, spec=None, command=(PROOFS, str(threads)), WINAPI_SPEC=PROOFS_SPEC + ":zlib", **variables)
        self.threads = threads
        self.worker = self.result("Worker")

    def make(self, kind, count):
        """So many calls on each thread; whether all were right."""
        return self.answer(self.send(kind, count), 3 * PATIENCE) == (count * self.threads, 0, 0)


def proofs_host():
    return Host("--spec", "zlib", spec=PROOFS_SPEC)


def threads_of(pid):
    with contextlib.suppress(OSError):
        return [int(thread) for thread in os.listdir(f"/proc/{pid}/task")]
    return []


def pin(pid, cpus):
    """All threads that the process has now."""
    for thread in threads_of(pid):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(thread, cpus)


Used = collections.namedtuple("Used", "ns slept")
TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")


def ran_ns(task):
    """What a thread has had of processors: to the nanosecond where the kernel keeps count, else in its ticks."""
    with contextlib.suppress(OSError), open(task + "/schedstat") as schedstat:
        return int(schedstat.read().split()[0])
    with open(task + "/stat") as stat:
        return sum(int(word) for word in stat.read().rpartition(")")[2].split()[11:13]) * TICK_NS


def used(*pids):
    """What the processes have used by now: time of processors, and how often a thread of theirs has gone to sleep."""
    ns = slept = 0
    for pid in pids:
        for thread in threads_of(pid):
            task = f"/proc/{pid}/task/{thread}"
            with contextlib.suppress(OSError), open(task + "/status") as status:
                ns += ran_ns(task)
                slept += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status.read(), re.MULTILINE).group(1))
    return Used(ns, slept)


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return int(stat.read().rpartition(")")[2].split()[1])
