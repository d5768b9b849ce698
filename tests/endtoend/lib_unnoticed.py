"""What the tests of being unnoticed share: the ways to run a program, bare and with the preload, and their comparison.

    bare        nothing of ours
    alone       LD_PRELOAD=libwinapi_preload.so: the built-in table, no spec file
    remote      winapi run --spec zlib, with a host of the test's own
    own_host    the same, with a host that each process starts for itself
    restarted   LD_PRELOAD alone and WINAPI_SPEC=zlib: each first process starts itself again with its stub
    kept        LD_PRELOAD with a stub that `winapi stubs` has written
    native      winapi run --spec zlib --mode native

Each run has a folder of its own, whose name is taken out of what was said; so are process ids and times where a script
says how they look.
"""
import difflib
import pwd

from lib_trouble import *

os.umask(0o22)
os.chmod(folder, 0o711)  # stubs are loaded by children of other users too
os.mkdir(folder + "/cache", 0o711)
KEPT = folder + "/kept/winapi_zlib.so"
ZLIB = SOURCE + "/spec/zlib.json"
one_at_a_time = threading.Lock()
WAYS = "alone", "remote", "own_host", "restarted", "kept", "native"


def need(*programs):
    """Skips the script where one is missing."""
    for program in programs:
        if not shutil.which(program):
            print("skipped: there is no", program)
            sys.exit(77)


def need_no_sanitizer():
    """Its run-time library is noticed by programs that look closely."""
    if SANITIZER:
        print("skipped: a program under a sanitizer is not the program")
        sys.exit(77)


@functools.cache
def is_seen_by_all():
    """Whether other users can reach the build, of whose library the loader else complains in their processes."""
    nobody = pwd.getpwnam("nobody")
    command = ["cat", PRELOAD, WINAPI]
    return os.geteuid() != 0 or subprocess.run(command, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[],
                                               capture_output=True).returncode == 0


def users():
    """The tester; and as root also one who may do little, if the build can be seen by such a one.  None: the tester."""
    if os.geteuid() != 0:
        return [None]
    if not is_seen_by_all():
        print("not as nobody, who cannot see", BUILD)
        return [None]
    return [None, "nobody"]


class UserHost(Host):
    """A host that runs as another user, who alone may connect to it, but for root."""

    def __init__(self, user):
        self.account = pwd.getpwnam(user)
        self.place = tempfile.mkdtemp(dir=folder)
        os.chown(self.place, self.account.pw_uid, self.account.pw_gid)
        super().__init__(path=self.place + "/host", spec="zlib")

    def start(self):
        ready, ready_write = os.pipe()
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(
                [WINAPI_HOST, "--listen", self.address, "--ready-fd", str(ready_write), *self.options],
                user=self.account.pw_uid, group=self.account.pw_gid, extra_groups=[], env=environment(HOME=self.place),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[ready_write])
        os.close(ready_write)
        with os.fdopen(ready, "rb") as pipe:
            self.is_ready = pipe.read(1) == b"\n"


@functools.cache
def zlib_host(user=None):
    return UserHost(user) if user else Host(spec="zlib")


@functools.cache
def kept_stub():
    os.makedirs(os.path.dirname(KEPT), exist_ok=True)
    subprocess.run([WINAPI, "stubs", ZLIB, "-o", KEPT], check=True, env=environment(), capture_output=True)
    return KEPT


def preloads(*libraries):
    return ":".join([*([sanitizer_library()] if SANITIZER else []), *libraries])


def prefix(way, user):
    """What stands in front of the command, and the variables that it needs."""
    host = {"WINAPI_HOST": zlib_host(user).address}
    run = [WINAPI, "run", "--spec", "zlib"]
    return {
        "bare": lambda: ([], {}),
        "alone": lambda: ([], {"LD_PRELOAD": preloads(PRELOAD), **host}),
        "remote": lambda: ([*run, "--"], host),
        "own_host": lambda: ([*run, "--"], {}),
        "restarted": lambda: ([], {"LD_PRELOAD": preloads(PRELOAD), "WINAPI_SPEC": ZLIB, **host}),
        "kept": lambda: ([], {"LD_PRELOAD": preloads(kept_stub(), PRELOAD), **host}),
        "native": lambda: ([*run, "--mode", "native", "--"], host),
    }[way]()


class Outcome:
    """What came of a command: its status, and what it said on both streams, without the name of its folder."""

    def __init__(self, place, process, out, err):
        self.place, self.status = place, process.returncode
        self.out, self.err = (text.replace(place, "PLACE") for text in (out, err))

    def text(self, normalise):
        return normalise(f"{self.out}--- stderr\n{self.err}--- status {self.status}\n")


def run_way(way, command, place=None, patience=100, user=None, **variables):
    """Runs `command` in a new folder with HOME, TMPDIR and nothing of the tester's."""
    place = place or tempfile.mkdtemp(dir=folder, prefix="place.")
    account = pwd.getpwnam(user) if user else None
    os.chmod(place, 0o755)
    if user:
        os.chown(place, account.pw_uid, account.pw_gid)
    with one_at_a_time:  # one host for all
        front, more = prefix(way, user)
        if user:
            variables.setdefault("XDG_CACHE_HOME", zlib_host(user).place + "/cache")
    surroundings = environment(**{"TMPDIR": place, "HOME": place, "LC_ALL": "C.UTF-8", **more, **variables})
    for name in "OLDPWD", "_", "SHLVL", "PWD":
        surroundings.pop(name, None)
    process = subprocess.Popen([*front, *command], env=surroundings, cwd=place, text=True, errors="replace",
                               user=account and account.pw_uid, group=account and account.pw_gid,
                               extra_groups=[] if user else None, start_new_session=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        err += "\nkilled: it did not end\n"
    return Outcome(place, process, out, err)


def differences(one, other, normalise):
    lines = [outcome.text(normalise).splitlines() for outcome in (one, other)]
    return [line for line in difflib.unified_diff(*lines, "bare", "with the preload", lineterm="", n=1)][:40]


def counted(user=None):
    """Calls of checksums that the test's own host has counted."""
    return sum(zlib_host(user).calls(function) for function in ("crc32", "adler32"))


def same(what, command, ways=WAYS, normalise=lambda text: text, **more):
    """The command says the same and ends the same each way; the outcomes by way."""
    outcomes = {"bare": run_way("bare", command, **more)}
    for way in ways:
        outcomes[way] = run_way(way, command, **more)
        found = differences(outcomes["bare"], outcomes[way], normalise)
        check(f"{what}, {way}: the same", not found, *found)
    return outcomes
