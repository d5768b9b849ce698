#!/usr/bin/env python3
"""A program that gives up its user, its root, /proc, processes or address space, before its first call or after it:
the call runs in a host, or a line says why it does not.  It never runs here instead, and never hangs.
"""
from lib_ways import *

ROOT_USER, USER = 0, 64123
if os.geteuid() != 0 or subprocess.run(["chroot", "/", "true"], capture_output=True).returncode:
    print("skipped: only root can give up that much")
    sys.exit(77)

# An installation that everybody can read.
os.chmod(folder, 0o755)
TREE = folder + "/tree"
for place, files in (("bin", [WINAPI, WINAPI_HOST]), ("lib", [PRELOAD]), ("spec", [WAYS_SPEC]),
                     ("share/winapi/spec", [SOURCE + "/spec/winapi.json"])):
    os.makedirs(f"{TREE}/{place}")
    for file in files:
        shutil.copy(file, f"{TREE}/{place}")
RIGHTS = compile("rights", FIXTURES + "/rights.c", "-I" + FIXTURES, *use_libraries(Where.here), "-Wl,-rpath," + Where.here)
os.mkdir(folder + "/empty")
os.mkdir(folder + "/users", 0o700)
os.chown(folder + "/users", USER, USER)
proc = os.open("/proc", os.O_RDONLY)
SPEC_FILE = TREE + "/spec/ways.json"


def start(*words, prefix=(), **variables):
    """What it printed, and what was said besides what glibc's loader says of a stub that it may not read."""
    variables.setdefault("LD_LIBRARY_PATH", Where.there)
    surroundings = environment(XDG_RUNTIME_DIR=folder + "/users", **variables)
    by_winapi = [] if "WINAPI_SPEC" in variables else [TREE + "/bin/winapi", "run", "--spec", SPEC_FILE, "--"]
    process = subprocess.Popen([*prefix, *by_winapi, RIGHTS, *words], env=surroundings, stdin=proc, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=PATIENCE)
    result = Result(process, out, err)
    result.said = [line for line in result.said if not line.startswith("ERROR: ld.so:")]
    return result


def there(user):
    return f"call 42 there {user}"


NOWHERE, UPPER = "call -1 nowhere -1", "upper 300000 AA"


def expect(what, words, lines, said="", **more):
    """`said`: in every line on stderr, of which there are then as many as calls that are lost."""
    result = start(*words.split(), **more)
    lost = 2 * lines.count(NOWHERE)
    check(f"{what}: {words.replace(folder, '...')}", result.lines == lines and result.status == 0 and
          len(result.said) == lost and all(said in line for line in result.said), result)


host = WaysHost()
NAMED = dict(WINAPI_HOST=host.address)
user, root = f"user:{USER}", f"root:{folder}/empty"

if not SANITIZER:  # whose run-time libraries read /proc, and take address space without bound
    # ---- another user: a host that was started stays as it was, a new one is the new user's ----

    expect("its own host", f"{user} call", [there(USER)])
    expect("its own host", f"call {user} call upper", [there(ROOT_USER)] * 2 + [UPPER])
    expect("its own host", f"call {user} hang-up call", [there(ROOT_USER), there(USER)])
    expect("its own host", f"call {user} fork call", [there(ROOT_USER), there(USER)])
    expect("its own host", f"call {user} call exec call", [there(ROOT_USER)] * 2 + [there(USER)])
    expect("another user's host", f"{user} call", [NOWHERE], "Permission denied", **NAMED)
    expect("another user's host", f"call {user} call upper fork call", [there(0), there(0), UPPER, NOWHERE],
           "Permission denied", **NAMED)
    os.chmod(host.path, 0o666)
    expect("another user's host that is open to all", f"{user} call", [NOWHERE],
           f"this host serves user 0 only, not user {USER}", **NAMED)
    os.chmod(host.path, 0o600)

    # ---- another root ----

    expect("its own host", f"{root} call", [NOWHERE], "winapi-host was not found")
    expect("its own host", f"call {root} call upper fork call", [there(0), there(0), UPPER, NOWHERE],
           "winapi-host was not found")
    expect("a named host", f"{root} call", [NOWHERE], "no host answers: No such file", **NAMED)
    expect("a named host", f"call {root} call upper hang-up call", [there(0), there(0), UPPER, NOWHERE],
           "no host answers: No such file", **NAMED)

    # ---- no /proc ----

    def without_proc(then):
        return ["unshare", "-m", "sh", "-c", f'umount -l /proc && {then} exec "$@"', "sh"]

    if subprocess.run([*without_proc(""), "true"], capture_output=True).returncode == 0:
        expect("no /proc, its own host", "call fork call upper", [there(0), there(0), UPPER], prefix=without_proc(""))
        expect("no /proc, a named host", "call fork call upper", [there(0), there(0), UPPER], prefix=without_proc(""),
               **NAMED)
        plain = start("call", prefix=without_proc(f"LD_PRELOAD={TREE}/lib/libwinapi_preload.so WINAPI_SPEC={SPEC_FILE}"),
                      WINAPI_SPEC="", **NAMED)
        check("no /proc, LD_PRELOAD alone: a line says that nothing is remoted, and why", len(plain.said) == 1 and
              "so nothing but winapi_* is remoted" in plain.err and "/proc is not mounted here" in plain.err and
              "use winapi run" in plain.err, plain)

    # ---- no more processes, no more address space ----

    expect("no more processes", f"processes:1 {user} call", [NOWHERE], "cannot be started: Resource temporarily unavailable")
    expect("no more processes", f"call processes:1 {user} call upper", [there(0), there(0), UPPER])
    expect("no more processes, a named host", f"call processes:1 {user} call upper", [there(0), there(0), UPPER], **NAMED)
    for count in range(2, 8):
        few = start(f"processes:{count}", user, "call")
        check(f"{count} processes: there, or a line", few.lines == [there(USER)] and few.said == [] or
              few.lines == [NOWHERE] and few.said, few)
    for megabytes in (1, 8, 40, 200):
        little = start(f"space:{megabytes}", "call", "upper", **NAMED)
        check(f"{megabytes} MiB more of address space: all is served, with a line at most", megabytes == 1 or
              little.lines == [there(0), UPPER] and len(little.said) == ("no shared memory" in little.err), little)
        little = start(f"space:{megabytes}", "call", "upper")
        check(f"{megabytes} MiB more, for a host of its own too: there, or a line", little.said or
              little.lines == [there(0), UPPER], little)
        check(f"{megabytes} MiB more: never here", "here" not in little.out.replace("there", "").replace("nowhere", ""),
              little)
    expect("no more address space", "call space:0 call upper", [there(0), there(0), UPPER])
    check("the host has counted the calls", host.calls("ways_add") >= 10, host.calls("ways_add"))
finish()
