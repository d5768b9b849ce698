#!/usr/bin/env python3
"""winapi bench, in small: its report, what it refuses, what it sees when answers are wrong, and what it leaves behind.

No time that it measures is judged here.
"""
import math
import pty
import select

from lib_compile import *

if MUSL or not os.path.exists(BUILD + "/libexec/winapi/winapi-bench-client"):
    print("the bench's programs are not built here: there is no zlib of this libc")
    sys.exit(77)

RATIOS = {*"""echo_32_split_p50 echo_32_split_p99 echo_32_same_p50 crc32_16_split_p50
    buffer_64m_zero_copy buffer_64m_copy buffer_1m_zero_copy buffer_1m_copy socket_32_p50 socket_64m native_ns
    threads_1 threads_2 threads_4 threads_8 clients_1 clients_2 clients_4 clients_8 clients_16
    startup_1000_ms startup_20000_ms async_rate""".split()}
DIFFERENCES = {"native_ns", "startup_1000_ms", "startup_20000_ms"}  # may be below nothing
SPLIT = {"echo_32_split_p50", "echo_32_split_p99", "crc32_16_split_p50"}
CPUS = len(os.sched_getaffinity(0))
BENCH = [WINAPI, "bench", "--quick"]


def bench(*options, command=BENCH, **more):
    variables = {"TMPDIR": scratch, **more.pop("variables", {})}
    return subprocess.run([*command, *options], env=environment(**variables), stdin=subprocess.DEVNULL,
                          stdout=more.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, text=True,
                          timeout=8 * PATIENCE, **more)


def left_behind():
    return os.listdir(scratch)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


# ---- the report ----

def check_ratios(report, rounds):
    wrong = []
    for key, value in report["ratios"].items():
        target = report["targets"][key]
        if not is_number(target.get("at_most", target.get("at_least"))):
            wrong.append(f"{key} has no target: {target}")
        if value is None:
            if not isinstance(report["why"].get(key), str) or target["met"] is not None:
                wrong.append(f"{key}, which is null, has no reason, or is met or not: {report['why']} {target}")
            continue
        own = report["ratio_rounds"][key]
        if not (is_number(value) and len(own) == rounds and (value > 0 or key in DIFFERENCES) and
                min(own) <= value <= max(own)):
            wrong.append(f"{key} is not a number, or not the median of its rounds: {value} {own}")
        elif target["met"] != (value >= target["at_least"] if "at_least" in target else value <= target["at_most"]):
            wrong.append(f"{key} is wrongly met or not met: {value} {target}")
        if not {target["product"], target["floor"]} <= report["figures"].keys():
            wrong.append(f"{key} is made of figures that are not there: {target}")
    check("each ratio has a target and a number or a reason, and is rightly met or not", not wrong, *wrong)


def is_figure(name, figure, rounds):
    return (re.search(r"_(ns|ms|bytes|bytes_per_s|calls_per_s|ns_per_s)$", name) and is_number(figure["median"]) and
            len(figure["rounds"]) == rounds and all(map(is_number, figure["rounds"])))


def is_histogram(buckets):
    return (buckets and all(bucket["from_ns"] < bucket["below_ns"] and bucket["count"] > 0 for bucket in buckets) and
            all(one["below_ns"] <= two["from_ns"] for one, two in zip(buckets, buckets[1:])))


def check_report(report, rounds):
    check("the ratios are those that are promised", report["ratios"].keys() == RATIOS,
          report["ratios"].keys() ^ RATIOS)
    check_ratios(report, rounds)
    wrong = {name: figure for name, figure in report["figures"].items() if not is_figure(name, figure, rounds)}
    check("each figure has a unit and a value for each round", report["figures"] and not wrong, wrong)
    wrong = {name: buckets for name, buckets in report["histograms"].items() if not is_histogram(buckets)}
    check("each histogram goes up without a gap in its buckets, and counts something", not wrong, wrong)
    check("calls were verified", report["verified_calls"] > 1000, report["verified_calls"])
    check("the machine and the settings are described",
          report["machine"]["processors"] == CPUS and report["machine"]["kernel"] and report["version"] and
          report["settings"]["rounds"] == rounds and report["settings"]["quick"] is True, report["machine"])


def try_all():
    result = bench("--json", "-")
    check("a quick run succeeds, without a word on stderr", result.returncode == 0 and not result.stderr,
          result.stderr, result.stdout[-2000:])
    check("nothing is left behind", not left_behind(), left_behind())
    if result.returncode:
        return
    report = json.loads(result.stdout)
    check_report(report, 2)
    missing = {key for key, value in report["ratios"].items() if value is None}
    check("what is missing cannot be had here", missing <= {"async_rate"} | (SPLIT if CPUS < 2 else set()), missing)
    for name in ("startup_first_call_20000_ms", "startup_python3_10_ms", "floor_system_call_ns", "floor_ffi_call_ns",
                 "idle_there_cpu_ns_per_s", "memory_client_here_pss_bytes", "memory_lane_there_private_bytes"):
        check(f"{name} is there", name in report["figures"])


def try_counts():
    results = [bench("--only", "async,startup", "--rounds", rounds, "--json", "-") for rounds in ("1", "2")]
    once, twice = (json.loads(result.stdout)["verified_calls"] for result in results)
    check("hosts that live for several rounds have each call counted once", twice == 2 * once > 0, once, twice)


WITHOUT_PYTHON = 'mount --bind /dev/null /usr/bin/python3 && PATH=/nowhere && exec "$@"'


def try_without_python():
    """Only root with a mount namespace can hide what lies at a fixed place."""
    command = ["unshare", "-m", "sh", "-c", WITHOUT_PYTHON, "sh"]
    if not shutil.which("unshare") or subprocess.run([*command, "/bin/true"], capture_output=True).returncode:
        print("not tried: a machine without python3")
        return
    report = f"{folder}/without_python.json"
    result = bench("--only", "startup", "--rounds", "1", "--json", report, command=[*command, *BENCH])
    check("the table says why there is no figure, though it would make no ratio", result.returncode == 0 and
          re.search(r"^startup_python3 +there is no python3 here$", result.stdout, re.M), result.stderr, result.stdout)
    with open(report) as file:
        why = json.load(file)["why"]
    check("and so does the JSON", why.get("startup_python3") == "there is no python3 here", why)


def try_files():
    report, drawing = f"{folder}/report.json", f"{folder}/it's.svg"
    options = ["--plot", drawing] if shutil.which("gnuplot") and not SANITIZER else []
    result = bench("--only", "latency,throughput", "--rounds", "1", "--json", report, *options)
    check("a part of it succeeds", result.returncode == 0, result.stderr)
    check("the table has targets", re.search(r"echo_32_same_p50 .*(met|not measurable)", result.stdout), result.stdout)
    with open(report) as file:
        report = json.load(file)
    check_report(report, 1)
    check("what was left out says why", report["ratios"]["native_ns"] is None and
          report["why"]["native_ns"] == "--only left it out", report["why"])
    if options:
        with open(drawing) as file:
            text = file.read()
        check("the drawing is an SVG of both", "<svg" in text and "echo_32" in text and "throughput" in text,
              text[:300])


def try_one_cpu():
    cpu = min(os.sched_getaffinity(0))
    result = bench("--only", "latency,socket", "--rounds", "1", "--json", "-",
                   preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
    check("one processor is enough to run", result.returncode == 0, result.stderr)
    report = json.loads(result.stdout)
    for key in SPLIT:
        check(f"{key} is said not to be measurable with one processor",
              report["ratios"][key] is None and report["why"][key].startswith("not measurable here"), report["why"])
    check("what one processor has is measured", is_number(report["ratios"]["echo_32_same_p50"]) and
          is_number(report["ratios"]["socket_32_p50"]), report["ratios"])
    result = bench("--pin", "split", "--only", "latency", preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
    check("--pin split is refused there", result.returncode == 1 and "two processors" in result.stderr, result.stderr)


def try_pins():
    for pin, measured in ("same", "echo_32_same_p50"), ("none", None), ("split", "echo_32_split_p50"):
        if pin == "split" and CPUS < 2:
            continue
        result = bench("--pin", pin, "--only", "latency,async", "--rounds", "1", "--json", "-")
        check(f"--pin {pin} succeeds", result.returncode == 0, result.stderr)
        report = json.loads(result.stdout)
        found = {key for key, value in report["ratios"].items() if value is not None and key.startswith("echo")}
        check(f"--pin {pin} measures there and nowhere else", f"echo_1k_{pin}_p90_ns" in report["figures"] and
              all(measured and key.startswith(measured[:-4]) for key in found), found)


# ---- what it refuses ----

def try_refusals():
    for options, words in ((["--pin", "left"], "left"), (["--only", "latency,speed"], "speed"),
                           (["--rounds", "0"], "0"), (["--rounds", "3x"], "3x"),
                           (["--rounds", "100"], "100"), (["--plot", "x.png"], "x.png"),
                           (["--sideways"], "sideways"), (["more"], "more"), (["--only", ""], "no such part")):
        result = bench(*options)
        check(f"{' '.join(options)} is refused by name", result.returncode == 2 and words in result.stderr and
              not result.stdout, result.returncode, result.stderr)
    result = bench("--help")
    check("--help tells", result.returncode == 0 and "--pin" in result.stdout)
    result = bench("--plot", "x.svg", "--only", "latency", variables={"PATH": folder + "/nothing"})
    check("without gnuplot --plot is refused, with what to do", result.returncode == 1 and
          result.stderr == "winapi bench: gnuplot is needed for --plot: apt-get install gnuplot-nox\n", result.stderr)
    preloads = ":".join(filter(None, [environment().get("LD_PRELOAD"), PRELOAD]))
    result = bench("--only", "native", variables={"LD_PRELOAD": preloads})
    check("it does not run under the library itself", result.returncode == 1 and "unset it" in result.stderr and
          not left_behind(), result.stderr)
    result = bench("--only", "native", "--rounds", "1", "--json", folder + "/nowhere/report.json")
    check("a report that cannot be written is an error", result.returncode == 1 and "nowhere" in result.stderr,
          result.stderr)


# ---- reports that nobody gets ----

def pipe_without_reader():
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def try_lost_reports():
    for what, opened, why in (("nobody reads", pipe_without_reader, "Broken pipe"),
                              ("a full device", lambda: os.open("/dev/full", os.O_WRONLY), "No space left on device")):
        for options in [], ["--json", "-"]:
            out = opened()
            result = bench("--only", "native", "--rounds", "1", *options, stdout=out)
            os.close(out)
            check(f"{what}: a report {' '.join(options)} is an error with a line", result.returncode == 1 and
                  result.stderr == f"winapi bench: standard output: {why}\n", result.returncode, result.stderr)
            check(f"{what}: nothing is left behind", not left_behind(), left_behind())


def try_gnuplot_that_ends():
    """With strace the bench writes so late that it is gone for certain."""
    late = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=write", "-e", "inject=write:delay_enter=100000"]
    if SANITIZER or not shutil.which("strace") or subprocess.run([*late, "true"], capture_output=True).returncode:
        late = []
    place = tempfile.mkdtemp(dir=folder)
    with open(place + "/gnuplot", "w") as script:
        script.write("#!/bin/sh\nexit 3\n")
    os.chmod(place + "/gnuplot", 0o755)
    result = bench("--only", "latency", "--rounds", "1", "--plot", place + "/x.svg", command=[*late, *BENCH],
                   variables={"PATH": f"{place}:{os.environ['PATH']}"})
    check("a gnuplot that ends at once is an error with a line", result.returncode == 1 and
          result.stderr == f"winapi bench: gnuplot could not draw {place}/x.svg\n", result.returncode, result.stderr)
    check("and nothing is left behind", not left_behind(), left_behind())


# ---- wrong answers ----

WRONG = """
#include <stdint.h>
#include <string.h>
#include "libwinapi.h"

unsigned long crc32(unsigned long crc, const unsigned char *bytes, unsigned size)
{
    return crc + size + bytes[0];
}

winapi_handle_t winapi_init(void)
{
    return (winapi_handle_t)(uintptr_t)1;
}

int winapi_echo(winapi_handle_t handle, const char *input, char *output, size_t size)
{
    strncpy(output, input, size);
    output[strlen(output) - 1] ^= CHANGE;
    return 0;
}

int winapi_buffer_test(winapi_handle_t handle, winapi_buffer_t *buffers, uint32_t count, winapi_buffer_op_t operation,
                       uint32_t pattern, winapi_buffer_test_result_t *result)
{
    memset(result, 0, sizeof(*result));
    result->bytes_processed = buffers[0].size;
    result->checksum = 42;
    return 0;
}

void srand48(long seed)
{
}
"""


class Installation:
    """A copy of this one whose host has other libraries, or whose programs are not remoted."""

    def __init__(self, name, libraries=None, preload=None):
        self.path = f"{folder}/{name}"
        for part in "bin", "lib", "libexec/winapi", "share/winapi":
            os.makedirs(f"{self.path}/{part}")
        for part in "bin/winapi", "libexec/winapi/winapi-bench-client", "libexec/winapi/winapi-bench-floor":
            shutil.copy(f"{BUILD}/{part}", f"{self.path}/{part}")
        shutil.copy(preload or PRELOAD, self.path + "/lib/libwinapi_preload.so")
        shutil.copy(BUILD + "/lib/libwinapi.so", self.path + "/lib")
        os.symlink(SOURCE + "/spec", self.path + "/share/winapi/spec")
        with open(self.path + "/bin/winapi-host", "w") as host:
            host.write(f"#!/bin/sh\nexport LD_LIBRARY_PATH={libraries or ''}\nexec {WINAPI_HOST} \"$@\"\n")
        os.chmod(self.path + "/bin/winapi-host", 0o755)

    def bench(self, *options):
        return bench("--rounds", "1", *options, command=[self.path + "/bin/winapi", "bench", "--quick"])


def source(text):
    path = tempfile.mktemp(dir=folder, suffix=".c")
    with open(path, "w") as file:
        file.write(text)
    return path


def compile_wrong(name, change, soname):
    return os.path.dirname(compile(f"{name}/{soname}", *SHARED, "-fno-builtin", f"-I{BUILD}/include",
                                   f"-DCHANGE={change}", f"-Wl,-soname,{soname}", source(WRONG)))


def try_wrong_answers():
    sound = Installation("sound").bench("--only", "latency")
    check("the copy of the installation works", sound.returncode == 0, sound.stderr)
    for name, part, directory, words in (
            ("wrong_crc", "latency", compile_wrong("zlib", 0, "libz.so.1"), "crc32 gave"),
            ("wrong_echo", "latency", compile_wrong("echo", 1, "libwinapi.so"), "winapi_echo gave other text"),
            ("wrong_rate", "rate", folder + "/echo", "an answer that is not its own"),
            ("wrong_buffer", "throughput", compile_wrong("buffer", 0, "libwinapi.so"), "the checksums of buffers"),
            ("wrong_socket", "socket", folder + "/buffer", "checksums of buffers over a socket")):
        result = Installation(name, directory).bench("--only", part, "--json", "-")
        check(f"{name}: a host that answers wrongly ends the bench, and there is no report",
              result.returncode == 1 and words in result.stderr and not result.stdout, result.returncode, result.stderr,
              result.stdout[:300])
        check(f"{name}: nothing is left behind", not left_behind(), left_behind())
    empty = compile("empty.so", *SHARED, source("int nothing;"))
    for part in "latency", "rate", "throughput", "async", "memory", "startup", "native":
        words = "have not passed the library" if part == "native" else "the host has counted 0"
        result = Installation("empty_" + part, preload=empty).bench("--only", part, "--json", "-")
        check(f"{part}: calls that did not pass the library end the bench", result.returncode == 1 and
              words in result.stderr and not result.stdout, result.returncode, result.stderr)


def try_run_that_fails():
    installation = Installation("torn")
    os.remove(installation.path + "/lib/libwinapi_preload.so")
    result = installation.bench("--only", "startup")
    check("a winapi run that fails is named, behind what it says itself", result.returncode == 1 and
          re.search(r"^winapi run: .*\nwinapi bench: winapi run .* gave no environment\n$", result.stderr, re.S) and
          not left_behind(), result.returncode, result.stderr)


# ---- its end ----

def session_members(session):
    """Processes that are not yet waited for, of this session."""
    members = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as stat:
            words = stat.read().rpartition(")")[2].split()
            if int(words[3]) == session and words[0] not in "ZX":
                members.append(int(pid))
    return members


def has_file(name):
    return lambda session: any(found.startswith(name) for place in left_behind()
                               for found in os.listdir(f"{scratch}/{place}"))


def runs_program(session):
    """Whether `winapi run` is at work."""
    for pid in session_members(session):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline") as command:
            if command.read().split("\0")[1:2] == ["run"]:
                return True
    return False


def try_interrupts():
    for number, part, begins in ((signal.SIGINT, "latency", has_file("host-")),
                                 (signal.SIGINT, "rate", has_file("host-")),
                                 (signal.SIGTERM, "startup", runs_program),
                                 (signal.SIGHUP, "memory", has_file("host-")),
                                 (signal.SIGINT, "socket", has_file("host-")),
                                 (signal.SIGINT, "throughput", has_file(""))):
        process = subprocess.Popen([WINAPI, "bench", "--rounds", "99", "--only", part], env=environment(TMPDIR=scratch),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True)
        ending.append(functools.partial(kill, process.pid))
        begun = wait_until(lambda: begins(process.pid))
        members = len(session_members(process.pid))
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=3 * PATIENCE)
        check(f"{part}: signal {number} ends it as such, without a word", begun and process.returncode == -number and
              not out and not err, begun, process.returncode, out, err)
        check(f"{part}: of {members} processes none is left, and no file",
              wait_until(lambda: not session_members(process.pid)) and not left_behind(), left_behind(),
              session_members(process.pid))


def read_terminal(descriptor, process):
    text = b""
    while True:
        ready = select.select([descriptor], [], [], 5 * PATIENCE)[0]
        if not ready:
            process.kill()
        try:
            piece = os.read(descriptor, 65536) if ready else b""
        except OSError:  # the other end is closed
            piece = b""
        if not piece:
            return text.decode()
        text += piece


def try_terminal():
    for parts in ["latency,native"] + (["startup"] if SANITIZER != "thread" else []):
        terminal, other = pty.openpty()
        process = subprocess.Popen([*BENCH, "--only", parts, "--rounds", "1"], env=environment(TMPDIR=scratch),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=other)
        os.close(other)
        shown = read_terminal(terminal, process)
        os.close(terminal)
        process.wait()
        percents = [int(percent) for percent in re.findall(r"\[#*\.*\] +(\d+)% \w", shown)]
        check(f"{parts}: on a terminal a bar goes on, and not too far", percents[:1] == [0] and
              percents == sorted(percents) and 50 <= percents[-1] < 100, repr(shown))
        check("and is gone at the end", shown.endswith("\r\x1b[K"), repr(shown[-80:]))


scratch = tempfile.mkdtemp(dir=folder)
if SANITIZER != "thread":  # under which they take minutes, and no shell can stand before a host
    try_all()
    try_counts()
    try_without_python()
    try_pins()
    try_wrong_answers()
    try_run_that_fails()
    try_interrupts()
    try_gnuplot_that_ends()
try_lost_reports()
try_files()
try_one_cpu()
try_refusals()
try_terminal()
finish()
