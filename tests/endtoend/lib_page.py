"""What the tests of documents share: the fenced blocks of a page, and a folder of one's own in which they are run.

A page's commands are run as they stand there, by bash, with the build's programs in PATH, and a home and a place for
sockets that are nobody's.
"""
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

BUILD = os.environ["WINAPI_BUILD"]
SOURCE = os.environ["WINAPI_SOURCE"]
SANITIZER = os.environ.get("WINAPI_SANITIZER", "")

failures = 0


def check(what, holds, details=""):
    global failures
    print("ok" if holds else "not ok", what, flush=True)
    if not holds:
        failures += 1
        print(details, flush=True)


def finish():
    sys.exit(1 if failures else 0)


def read_blocks(page):
    """(word behind the fence, what follows it, text) of every block of a page, in order."""
    with open(f"{SOURCE}/{page}", encoding="utf-8") as file:
        return re.findall(r"^```(\w*) ?(.*)\n((?:.*\n)*?)```$", file.read(), re.MULTILINE)


def fit_sanitizer(script):
    """gcc's run-time library of a sanitizer must be the first that is preloaded; a page does not know of it."""
    if not SANITIZER:
        return script
    name = {"address": "libasan.so", "thread": "libtsan.so"}[SANITIZER]
    runtime = subprocess.run(["gcc", "-print-file-name=" + name], capture_output=True, text=True, check=True)
    first = os.path.realpath(runtime.stdout.strip())
    script = script.replace("LD_PRELOAD=", f"LD_PRELOAD={first}:")
    return re.sub(r"(\S*\bwinapi run\b)", rf"env LD_PRELOAD={first} \1", script)


class Folder:
    """A directory with build/ in it, in which scripts are run.  It is gone at the end of a `with`."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="winapi-page.")
        os.symlink(BUILD, self.path + "/build")
        os.mkdir(self.path + "/home")
        os.mkdir(self.path + "/run", 0o700)
        self.environment = {name: value for name, value in os.environ.items()
                            if name == "WINAPI_TRANSPORT" or not name.startswith(("WINAPI_", "XDG_", "LD_"))}
        self.environment.update(HOME=self.path + "/home", XDG_RUNTIME_DIR=self.path + "/run",
                                PATH=f"{BUILD}/bin:{os.environ['PATH']}",
                                # musl looks for bare names in LD_PRELOAD here, not along a program's RUNPATH.
                                **({"LD_LIBRARY_PATH": BUILD + "/lib"} if "musl" in os.environ.get("CC", "") else {}),
                                ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def write(self, name, text):
        with open(f"{self.path}/{name}", "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, script, **variables):
        """What came of a script: returncode, stdout, stderr."""
        return subprocess.run(["bash", "-euc", fit_sanitizer(script)], cwd=self.path, stdin=subprocess.DEVNULL,
                              env={**self.environment, **variables}, capture_output=True, text=True, timeout=100)

    @contextlib.contextmanager
    def host(self, *options):
        """A host with these options, once clients can connect: the path of its socket."""
        path = self.path + "/run/host"
        ready, write = os.pipe()
        process = subprocess.Popen([BUILD + "/bin/winapi-host", "--listen", "unix:" + path, "--ready-fd", str(write),
                                    "--log-level", "error", *options],
                                   pass_fds=[write], cwd=self.path, env=self.environment)
        os.close(write)
        try:
            os.read(ready, 1)
            yield path
        finally:
            os.close(ready)
            process.terminate()
            process.wait()

    def counts(self, host):
        """How often the host says that it called each function."""
        answer = self.run(f"winapi stat --host unix:{host} --json")
        return {function["name"]: function["calls"] for function in json.loads(answer.stdout)["functions"]}
