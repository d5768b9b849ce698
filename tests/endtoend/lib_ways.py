"""What the tests of the ways in share: libways in three builds, the program `ways`, hosts that have the library.

The builds are made by the script that needs them, because how a program is linked is part of what is tested.
"""
import contextlib

from lib_compile import *

FIXTURES = SOURCE + "/tests/fixtures/ways"
WAYS_SPEC = FIXTURES + "/ways.json"
FLAGS.append("-I" + FIXTURES)


def build_library(name, *flags):
    return os.path.dirname(compile(name + "/libways.so", *SHARED, *flags, FIXTURES + "/libways.c", "-pthread"))


def build_program(name, *flags):
    return compile(name, FIXTURES + "/ways.c", *flags)


class Where:
    """The library's builds, each in a directory: what the program has, what the host has, and one that is wrong."""
    here = build_library("here", "-DNATIVE")
    there = build_library("there")
    wrong = build_library("wrong", "-DPERTURBED")


def use_libraries(directory):
    return f"-L{directory}", "-lways"


WAYS = build_program("ways", *use_libraries(Where.here))

# A library by the name of one of the C library's empty ones: what is linked to it asks for symbols that nobody has.
compile("gone/libgone.so", "-shared", "-fPIC", "-Wl,-soname,libutil.so.1", FIXTURES + "/libways.c", "-pthread")
GONE = f"-L{folder}/gone", "-lgone", "-lc"


class WaysHost(Host):
    """A host that has the library from `library`."""

    def __init__(self, *options, library=Where.there, spec=WAYS_SPEC, **more):
        with library_path(library):
            super().__init__(*options, spec=spec, **more)


@contextlib.contextmanager
def library_path(directory):
    """For processes started meanwhile."""
    before = os.environ.get("LD_LIBRARY_PATH")
    os.environ["LD_LIBRARY_PATH"] = directory
    try:
        yield
    finally:
        if before is None:
            del os.environ["LD_LIBRARY_PATH"]
        else:
            os.environ["LD_LIBRARY_PATH"] = before


class Result:
    """A program that has ended: status, out, err, and its process id."""

    def __init__(self, process, out, err):
        self.pid, self.status, self.out, self.err = process.pid, process.returncode, out, err
        self.lines = out.splitlines()
        self.said = [re.sub(r"^winapi\[\d+\]: ", "", line) for line in err.splitlines()]

    def values(self, name):
        return [line.partition(" ")[2] for line in self.lines if line.split(" ")[0] == name]

    def __str__(self):
        return f"status {self.status}\n{self.out}{self.err}"


def run(command, library=Where.here, patience=3 * PATIENCE, **variables):
    """Runs it to its end, for as many seconds, in a clean environment; variables that are None are unset."""
    surroundings = environment(LD_LIBRARY_PATH=library, **variables)
    surroundings = {name: value for name, value in surroundings.items() if value != "None"}
    if SANITIZER and "LD_PRELOAD" in surroundings:
        surroundings["LD_PRELOAD"] = sanitizer_library() + ":" + surroundings["LD_PRELOAD"]
    process = subprocess.Popen(command, env=surroundings, cwd=variables.get("PWD", folder), text=True, errors="replace",
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        err += "\nkilled: it did not end\n"
    return Result(process, out, err)


def sanitizer_library():
    name = {"address": "libasan.so", "thread": "libtsan.so"}[SANITIZER]
    return subprocess.run([*CC, "-print-file-name=" + name], capture_output=True, text=True, check=True).stdout.strip()


def winapi_run(*command, options=("--spec", WAYS_SPEC), host=None, **variables):
    if host:
        variables.setdefault("WINAPI_HOST", host.address)
    return run([WINAPI, "run", *options, "--", *command], **variables)
