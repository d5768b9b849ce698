#!/usr/bin/env python3
"""The owner's own line.  A row has just been added to spec.d: LD_PRELOAD=libwinapi_preload.so ./app, with nothing
else set, remotes the function; from the build tree, after install, and by the loader's cache.
"""
from lib_ways import *

if MUSL:
    print("skipped: musl looks for the names in LD_PRELOAD only where LD_LIBRARY_PATH and its own path say")
    sys.exit(77)
if SANITIZER:
    print("skipped: a sanitizer's library would have to be in LD_PRELOAD too")
    sys.exit(77)

SPEC_D = folder + "/.config/winapi/spec.d"
BARE = "libwinapi_preload.so"


def add_row():
    """As a user would: a file with one more function, and where its library lies."""
    os.makedirs(SPEC_D, exist_ok=True)
    with open(SPEC_D + "/mine.json", "w") as file:
        json.dump({"table": "mine", "version": 1, "library": Where.there + "/libways.so", "functions": [
            {"prototype": "int ways_where(void)", "failure": -1},
            {"prototype": "int ways_add(int left, int right)", "failure": -1}]}, file)


def remove_row():
    shutil.rmtree(SPEC_D, ignore_errors=True)


def start(command, **variables):
    """Nothing of ours in the environment but the one variable."""
    variables = {"HOME": folder, "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LD_PRELOAD": BARE, **variables}
    process = subprocess.Popen(command, env=variables, cwd=folder, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=PATIENCE)
    return Result(process, out, err)


def try_line(what, command, **variables):
    remove_row()
    native = start([*command, "pid", "where"], **variables)
    check(f"{what}: without the row nothing is remoted", native.err == "" and
          native.values("where") == native.values("pid"), native)
    add_row()
    result = start([*command, "pid", "where", "add:1:2"], **variables)
    check(f"{what}: with it another process answers", result.err == "" and result.values("add") == ["3"] and
          result.values("where") not in ([], result.values("pid")), result)
    check_count(what, command, variables)


def check_count(what, command, variables):
    """The user's running host serves the same line, and counts."""
    runtime = tempfile.mkdtemp(dir=folder)
    with library_path(Where.there):
        host = Host(path=default_socket(runtime), spec=SPEC_D + "/mine.json")
    result = start([*command, "where", "add:1:2"], XDG_RUNTIME_DIR=runtime, **variables)
    check(f"{what}: the user's host has counted it", host.calls("ways_where") == 1 and host.calls("ways_add") == 1 and
          result.err == "", result)
    host.stop()


def default_socket(runtime):
    os.mkdir(runtime + "/winapi", 0o700)
    return runtime + "/winapi/host-0x1234"


def build_app(name, libraries):
    return build_program(name, f"-Wl,--enable-new-dtags,-rpath,{libraries}:{Where.here}", *use_libraries(Where.here))


# ---- from the build tree ----

try_line("build tree, RUNPATH", [build_app("app_built", BUILD + "/lib")])
try_line("build tree, LD_LIBRARY_PATH", [WAYS], LD_LIBRARY_PATH=f"{BUILD}/lib:{Where.here}")

# ---- after install ----

PREFIX = folder + "/prefix"
CMAKE = shutil.which("cmake")
if not CMAKE:
    print("not tried: installed (there is no cmake)")
    finish()
done = subprocess.run([CMAKE, "--install", BUILD, "--prefix", PREFIX], capture_output=True, text=True)
check("cmake --install", done.returncode == 0, done.stdout, done.stderr)
found = [os.path.join(place, BARE) for place, _, names in os.walk(PREFIX) if BARE in names]
check("the library is installed once", len(found) == 1, found)
LIBRARIES = os.path.dirname(found[0])
try_line("installed, RUNPATH", [build_app("app_installed", LIBRARIES)])
try_line("installed, LD_LIBRARY_PATH", [WAYS], LD_LIBRARY_PATH=f"{LIBRARIES}:{Where.here}")
shown = start([PREFIX + "/bin/winapi", "run", "--spec", "zlib", "--", "/usr/bin/env", "true"])
check("installed: winapi finds its parts and the shipped spec files", shown.status == 0 and shown.err == "", shown)

# ---- by the loader's cache, where root can have one of its own ----

SCRIPT = """
set -e
mount -t tmpfs none /etc/ld.so.conf.d
echo "$1" >/etc/ld.so.conf.d/winapi.conf
ldconfig -C "$2/cache"
mount --bind "$2/cache" /etc/ld.so.cache
shift 2
exec "$@"
"""


def is_root_in_a_namespace():
    done = subprocess.run(["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True)
    return os.geteuid() == 0 and done.returncode == 0


if shutil.which("unshare") and is_root_in_a_namespace():
    here = tempfile.mkdtemp(dir=folder)
    app = build_program("app_cache", f"-Wl,--enable-new-dtags,-rpath,{Where.here}", *use_libraries(Where.here))
    try_line("the loader's cache", ["unshare", "-m", "sh", "-c", SCRIPT, "sh", LIBRARIES, here, shutil.which("env"),
                                    "LD_PRELOAD=" + BARE, app], LD_PRELOAD="")
else:
    print("not tried: the loader's cache (only root with a mount namespace can have one of its own)")
finish()
