#!/usr/bin/env python3
"""What the library adds to the start of programs, with tables of 10, 1,000 and 20,000 functions, in milliseconds.

    WINAPI_BUILD=build/release tests/bench/start_up.py [RUNS [FUNCTIONS]...]

Each figure is the difference of two medians, with and without LD_PRELOAD, of runs that take turns.  "running host": the
program's one call of crc32 goes to a host that is there; "own host": the program starts one.
"""
import os
import subprocess
import sys
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("WINAPI_BUILD", SOURCE + "/build/release"))
sys.path.insert(0, SOURCE + "/tests/endtoend")
from lib_tables import write_table  # noqa: E402

RUNS = sys.argv[1] if len(sys.argv) > 1 else "200"
COUNTS = [int(count) for count in sys.argv[2:]] or [10, 1000, 20000]
TIMER = os.environ.get("WINAPI_TIMER", BUILD + "/bin/bench/start_up")  # another build's, for one that has none
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else os.path.realpath(sys.executable)
PRELOAD = BUILD + "/lib/libwinapi_preload.so"
CALLER = r"""
unsigned long crc32(unsigned long crc, const unsigned char *buf, unsigned len);
int main(void) { return crc32(0, (const unsigned char *)"123456789", 9) != 0xcbf43926; }
"""


def measure(command, environments):
    arguments = [TIMER, RUNS, *command]
    for variables in environments:
        arguments += ["--", *(f"{name}={value}" for name, value in variables.items())]
    out = subprocess.run(arguments, check=True, text=True, stdout=subprocess.PIPE).stdout
    return [float(line.split()[1]) / 1000 for line in out.splitlines()]


def main(folder):
    caller = folder + "/caller"
    subprocess.run(["gcc", "-O2", "-x", "c", "-", "-o", caller, "-lz"], input=CALLER, text=True, check=True)
    base = {"PATH": os.environ["PATH"], "HOME": folder}
    print(f"{'functions':>9} {'/bin/true':>10} {'python3':>10} {'running host':>13} {'own host':>10} {'winapi run':>11}")
    for count in COUNTS:
        spec = write_table(f"{folder}/table{count}.json", count)
        plain = base | {"WINAPI_SPEC": spec, "XDG_CACHE_HOME": folder}
        subprocess.run([BUILD + "/bin/winapi", "run", "--spec", spec, "--", caller], check=True, env=plain)
        stub = subprocess.run([BUILD + "/bin/winapi", "run", "--spec", spec, "--", "sh", "-c", "echo $LD_PRELOAD"], check=True,
                              env=plain, text=True, stdout=subprocess.PIPE).stdout.strip()
        loaded = plain | {"LD_PRELOAD": stub}
        socket = f"{folder}/host{count}"
        ready, ready_end = os.pipe()
        host = subprocess.Popen([BUILD + "/bin/winapi-host", "--listen", "unix:" + socket, "--ready-fd", str(ready_end), "--spec",
                                 spec], env=plain, pass_fds=[ready_end])
        os.close(ready_end)
        os.read(ready, 1)
        os.close(ready)
        try:
            true = measure(["/bin/true"], [base, loaded])
            python = measure([PYTHON, "-c", "pass"], [base, loaded])
            calls = measure([caller], [base, loaded | {"WINAPI_HOST": "unix:" + socket}, loaded])
            run = measure([BUILD + "/bin/winapi", "run", "/bin/true"], [plain])
        finally:
            host.terminate()
            host.wait()
        print(f"{count:>9} {true[1] - true[0]:>10.2f} {python[1] - python[0]:>10.2f} {calls[1] - calls[0]:>13.2f} "
              f"{calls[2] - calls[0]:>10.2f} {run[0]:>11.2f}", flush=True)


with tempfile.TemporaryDirectory() as temporary:
    main(temporary)
