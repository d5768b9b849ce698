"""What the tests of the interception matrix share.

A case is a program and the lines that it must print.  Each case is run bare, where every call is answered here, and
then in each of the three ways in: natively, where nothing may change, and remotely, where another process answers and
the host has counted each call.
"""
import dataclasses

from lib_ways import *

MATRIX = SOURCE + "/tests/fixtures/matrix"
FLAGS.append("-I" + MATRIX)
MACROS = subprocess.run([*CC, "-dM", "-E", "-include", "features.h", "-x", "c", "/dev/null"], capture_output=True,
                        text=True).stdout
LIBC = "glibc" if "__GLIBC__" in MACROS else "musl"
HERE = use_libraries(Where.here)
STUB = f"{folder}/kept.so"
WAYS_IN = ("winapi run", "kept stub", "LD_PRELOAD")
subprocess.run([WINAPI, "stubs", WAYS_SPEC, "-o", STUB], env=environment(), check=True)
host = WaysHost()


@dataclasses.dataclass
class Case:
    """One cell of the matrix.

    A line that is expected is a label alone (a call, answered here or there), a whole line, or a tuple of lines: what
    the program prints bare, natively and remotely; a pair: bare or natively, and remotely.
    """
    name: str
    program: list
    expected: list
    calls: int = None     # how many the host counts; None: as many as the lines that say "there"
    ways: tuple = WAYS_IN
    before: str = ""      # what LD_PRELOAD has in front of us, and behind
    behind: str = ""
    is_whole: bool = True  # whether a native function is here, so that it can be run bare and natively
    early: list = ()      # what constructors before ours print when the program is started again; musl has none before
    library: str = Where.here
    status: int = 0
    warning: str = ""      # what winapi run says of it in mode remote
    variables: dict = dataclasses.field(default_factory=dict)

    def lines(self, mode):
        lines = [line if isinstance(line, str) else line[{"bare": 0, "native": len(line) - 2, "remote": -1}[mode]]
                 for line in self.expected]
        return [line if " " in line else line + (" there" if mode == "remote" else " here") for line in lines]


def has(what, holds, why=None):
    """Whether this can be tried here; a line when it cannot."""
    if not holds:
        print(f"not tried: {what} ({why or LIBC + ' has none'})", flush=True)
    return holds


def start(case, way=None, mode=None):
    ours = {"kept stub": f"{STUB}:{PRELOAD}", "LD_PRELOAD": PRELOAD}.get(way)
    variables = dict(case.variables, WINAPI_HOST=host.address, WINAPI_MODE=mode or "remote")
    preload = ":".join(filter(None, (case.before, ours, case.behind)))
    command = case.program
    if preload:
        variables["LD_PRELOAD"] = preload
    if way == "LD_PRELOAD":
        variables["WINAPI_SPEC"] = WAYS_SPEC
    if way == "winapi run":
        command = [WINAPI, "run", "--spec", WAYS_SPEC, "--", *command]
    result = run(command, library=case.library, **variables)
    early = [f"{label} here" for label in case.early if LIBC == "glibc"]
    if way == "LD_PRELOAD" and result.lines[:len(early)] == early:
        result.lines = result.lines[len(early):]
    return result


def counted():
    return sum(row["calls"] for row in host.stat()["functions"])


def check_lines(what, case, result, mode, bare, calls):
    """All the lines, in the order of the bare program: libcs differ in it."""
    def labels(lines):
        return [line.split(" ")[0] for line in lines]

    expected, said = case.lines(mode), list(result.lines)
    holds = sorted(expected) == sorted(said) and (not bare or labels(said) == labels(bare.lines))
    warning = case.warning if what.startswith("winapi run, remote") else ""
    check(f"{case.name}: {what}", holds and result.status == case.status and calls[0] == calls[1] and
          (warning in result.err if warning else result.err == ""),
          f"missing {[line for line in expected if line not in said]}, calls expected {calls[0]}, counted {calls[1]}",
          f"not expected {[line for line in said if line not in expected]}, status {result.status}", result.err)


def try_bare(case):
    bare = start(case)
    check_lines("bare", case, bare, "bare", None, (0, 0))
    return bare


def try_native(case, way, bare):
    before = counted()
    native = start(case, way, "native")
    check_lines(f"{way}, native", case, native, "native", bare, (0, counted() - before))


def try_remote(case, way, bare):
    calls = sum(line.endswith(" there") for line in case.lines("remote")) if case.calls is None else case.calls
    before = counted()
    remote = start(case, way)
    check_lines(f"{way}, remote, counted by the host", case, remote, "remote", bare, (calls, counted() - before))


def try_case(case):
    bare = try_bare(case) if case.is_whole else None
    for way in case.ways:
        if case.is_whole:
            try_native(case, way, bare)
        try_remote(case, way, bare)


def build_shared(path, source, *flags):
    return compile(path, "-shared", "-fPIC", f"{MATRIX}/{source}", *flags)
