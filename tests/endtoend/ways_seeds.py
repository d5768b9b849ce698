#!/usr/bin/env python3
"""LD_PRELOAD=libwinapi_preload.so ./test_client, with all its switches: the same output as without, but for the lines
of times; over shared memory and sockets; and each of its functions counted by the host.
"""
import concurrent.futures

from lib_ways import *

TEST_CLIENT = BUILD + "/bin/test_client"
SWITCHES = {
    "no switch": [],
    "--test echo": ["--test", "echo"],
    "--test buffer": ["--test", "buffer"],
    "--test performance": ["--test", "performance"],
    "--integration": ["--integration"],
    "--stress": ["--stress", "--iterations", "200"],
    "--benchmark latency": ["--benchmark", "latency"],
    "--benchmark throughput": ["--benchmark", "throughput", "--size", "20MB"],
    "--perf-only": ["--perf-only"],
    "--help": ["--help"],
}
FUNCTIONS = {"winapi_init", "winapi_cleanup", "winapi_echo", "winapi_buffer_test", "winapi_perf_test"}


def without_times(result):
    return [line for line in result.lines if not line.startswith("  time")]


def run_all(**variables):
    """Two at a time."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda words: run([TEST_CLIENT, *words], **variables), SWITCHES.values())
    return dict(zip(SWITCHES, results))


BARE = run_all()
# The integration tests use a handle that is closed.  The host refuses it, which natively no line says.
REFUSAL = ["winapi_echo: invalid handle: closed, of another type, or of a host that has ended since; returned -9"]


def try_switches(medium):
    with_host = WaysHost(spec=None)
    results = run_all(LD_PRELOAD=PRELOAD, WINAPI_HOST=with_host.address, WINAPI_TRANSPORT=medium)
    for name, remote in results.items():
        bare = BARE[name]
        check(f"{medium}, {name}: the same output but for times", without_times(bare) == without_times(remote) and
              bare.lines and bare.status == remote.status == 0, bare, remote)
        check(f"{medium}, {name}: nothing more on stderr", bare.err == "" and
              remote.said == (REFUSAL if name == "--integration" else []), remote.err)
    counts = {row["name"]: row["calls"] for row in with_host.stat()["functions"] if row["calls"]}
    check(f"{medium}: the host has counted every function", FUNCTIONS <= set(counts), counts)
    errors = {row["name"]: row["errors"] for row in with_host.stat()["functions"] if row["errors"]}
    check(f"{medium}: no other call was refused", errors == {"winapi_echo": 1}, errors)
    with_host.stop()


try_switches("memory")
try_switches("socket")

# Nobody set up: a host is started for the program, and ends with it.
program = subprocess.Popen([TEST_CLIENT, "--stress", "--iterations", "100000"], env=environment(
    LD_PRELOAD=(sanitizer_library() + ":" if SANITIZER else "") + PRELOAD), stdout=subprocess.DEVNULL)


def own_host():
    """The program's own: our folder is its home."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline") as line, open(f"/proc/{pid}/environ") as variables:
                if line.read().split("\0")[:2] == [WINAPI_HOST, "--stdio"] and folder in variables.read():
                    return int(pid)
    return None


check("without a host one is started for the program", wait_until(own_host))
pid = own_host()
program.kill()
program.wait()
check("and it ends with the program", pid and wait_until(lambda: not is_alive(pid)), pid)
finish()
