"""What the tests of `winapi route PID` and `winapi stat PID` share: libtoggled in two builds, the program `toggled`."""
from lib_compile import *

FIXTURES = SOURCE + "/tests/fixtures/routes"
SPEC = FIXTURES + "/toggled.json"
FLAGS.append("-I" + FIXTURES)
FAMILY = "toggled_open toggled_make toggled_value toggled_close".split()
MEDIA = ["memory", "socket"]
NATIVE, REMOTE = 1, 2


def build_library(name, here):
    library = compile(name + "/libtoggled.so", *SHARED, f"-DHERE={here}", FIXTURES + "/libtoggled.c")
    return os.path.dirname(library)


HERE = build_library("here", NATIVE)
THERE = build_library("there", REMOTE)
TOGGLED = compile("toggled", FIXTURES + "/toggled.c", "-L" + HERE, "-ltoggled", "-pthread")


class RouteHost(Host):
    """A host with the other library."""

    def __init__(self, *options, **more):
        super().__init__(*options, spec=SPEC, **more)

    def start(self):
        os.environ["LD_LIBRARY_PATH"] = THERE
        super().start()
        del os.environ["LD_LIBRARY_PATH"]


class Toggled:
    """The program, under the library."""

    def __init__(self, host, command=(TOGGLED,), before=(), **variables):
        variables.setdefault("WINAPI_HOST", host.address)
        self.errors = tempfile.mktemp(dir=folder, suffix=".stderr")
        with open(self.errors, "w") as errors:
            self.process = subprocess.Popen(
                [*before, WINAPI, "run", "--spec", SPEC, "--", *command], text=True, bufsize=1,
                env=environment(LD_LIBRARY_PATH=HERE, **variables), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors)
        self.pid = self.process.pid
        ending.append(self.stop)

    def send(self, word, number=0):
        with contextlib.suppress(OSError):
            self.process.stdin.write(f"{word} {number}\n")
            self.process.stdin.flush()

    def receive(self):
        return [int(value) if value.lstrip("-").isdigit() else value for value in self.process.stdout.readline().split()]

    def ask(self, word, number=0):
        self.send(word, number)
        return self.receive()

    def side(self, function="next", number=5):
        """Which library has answered: NATIVE or REMOTE; None when the result is wrong."""
        result = (self.ask(function, number) or [-1])[0]
        return result & 3 if result >> 2 == number else None

    def said(self):
        with open(self.errors) as file:
            return file.read()

    def stop(self):
        """Its exit status."""
        return let_end(self.process)


class Said:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __str__(self):
        return f"status {self.status}\n{self.out}{self.err}"


def winapi(*words, before=()):
    done = subprocess.run([*before, WINAPI, *map(str, words)], text=True, capture_output=True, env=environment(),
                          timeout=6 * PATIENCE)
    return Said(done.returncode, done.stdout, done.stderr)


def route(pid, routes=None, **more):
    return winapi("route", pid, *([routes] if routes else []), **more)


def route_family(pid, mode):
    return route(pid, ",".join(f"{name}={mode}" for name in FAMILY))


def stat(pid):
    """`winapi stat PID --json`, its functions by name; None when it fails."""
    said = winapi("stat", pid, "--json")
    if said.status:
        return None
    answer = json.loads(said.out)
    answer["functions"] = {row["name"]: row for row in answer["functions"]}
    return answer
