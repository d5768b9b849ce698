"""What the tests of bad days share: a folder, hosts, the program `trouble` under preload, checks.

Everything started here is ended by its pid when the script ends.  Waiting is for events, with a bound.
"""
import atexit
import contextlib
import functools
import json
import os
import queue
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.environ["WINAPI_BUILD"]
SOURCE = os.environ["WINAPI_SOURCE"]
SANITIZER = os.environ.get("WINAPI_SANITIZER", "")
WINAPI = BUILD + "/bin/winapi"
WINAPI_HOST = os.path.realpath(BUILD + "/bin/winapi-host")
PRELOAD = BUILD + "/lib/libwinapi_preload.so"
TROUBLE = BUILD + "/bin/fixtures/trouble"
MUSL = os.path.basename(os.environ.get("CC", "cc")).startswith("musl")  # the programs are, and libwinapi_preload.so
SLOWER = 5 if SANITIZER else 1  # how much more time there is under a sanitizer
PATIENCE = 10 * SLOWER  # seconds after which an event that has not come never will

folder = tempfile.mkdtemp(prefix="winapi-trouble.")
failures = 0
ending = []  # what is done at the end, last first


def end():
    while ending:
        ending.pop()()
    shutil.rmtree(folder, ignore_errors=True)


atexit.register(end)


def check(what, holds, *details):
    global failures
    print("ok" if holds else "not ok", what, flush=True)
    if not holds:
        failures += 1
        for detail in details:
            print("   ", detail, flush=True)


def finish():
    end()
    sys.exit(1 if failures else 0)


def let_end(process, patience=PATIENCE):
    """Closes its stdin, which it reads to the end; its exit status."""
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        return process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def wait_until(holds, patience=PATIENCE):
    until = time.monotonic() + patience
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def is_alive(pid):
    """Whether any thread of it is left: until then its sockets are open."""
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/stat") as stat:
                if stat.read().rpartition(")")[2].split()[0] not in "ZX":
                    return True
    return False


def kill(pid, number=signal.SIGKILL):
    with contextlib.suppress(OSError):
        os.kill(pid, number)


def count_sleepers(pid):
    """Threads of a worker that are in trouble_sleep: in clock_nanosleep, by its numbers on x86-64 and aarch64."""
    count = 0
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/syscall") as call:
                count += call.read().split()[0] in ("230", "115")
    return count


# ---- spec files ----

def read_spec():
    with open(SOURCE + "/tests/fixtures/trouble.json") as file:
        return json.load(file)


def write_spec(spec, name="trouble"):
    """A spec file in a folder of its own, with the library beside it."""
    place = tempfile.mkdtemp(dir=folder)
    os.symlink(BUILD + "/lib/fixtures/libtrouble.so", place + "/libtrouble.so")
    path = f"{place}/{name}.json"
    with open(path, "w") as file:
        file.write(spec if isinstance(spec, str) else json.dumps(spec))
    return path


SPEC = write_spec(read_spec())


# ---- environments ----

@functools.cache
def sanitizer_library():
    """It must come first in every program."""
    name = {"address": "libasan.so", "thread": "libtsan.so"}[SANITIZER]
    return subprocess.run(["gcc", "-print-file-name=" + name], text=True, capture_output=True).stdout.strip()


def environment(**variables):
    """Nothing of the user's: no spec files, no running host, a cache that goes with the folder."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("WINAPI_") and not name.startswith("XDG_") and name != "LD_PRELOAD"}
    if "WINAPI_TRANSPORT" in os.environ:
        kept["WINAPI_TRANSPORT"] = os.environ["WINAPI_TRANSPORT"]
    kept.update(HOME=folder, XDG_RUNTIME_DIR=folder, XDG_CACHE_HOME=folder + "/cache")
    if SANITIZER:
        kept["LD_PRELOAD"] = sanitizer_library()
        # A crash is the kernel's to report, and what is left behind by a crash is no leak.
        for name in "ASAN_OPTIONS", "TSAN_OPTIONS":
            kept[name] = kept.get(name, "") + ":handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigfpe=0"
        kept["ASAN_OPTIONS"] += ":detect_leaks=0"
    kept.update({name: str(value) for name, value in variables.items()})
    return kept


# ---- hosts ----

class Host:
    """winapi-host on a socket of its own."""

    def __init__(self, *options, path=None, spec=SPEC):
        self.path = path or tempfile.mktemp(dir=folder, suffix=".socket")
        self.address = "unix:" + self.path
        self.log_path = tempfile.mktemp(dir=folder, suffix=".log")
        self.options = [*options, *(["--spec", spec] if spec else [])]
        ending.append(self.stop)
        self.start()

    def start(self):
        ready, ready_write = os.pipe()
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(
                [WINAPI_HOST, "--listen", self.address, "--ready-fd", str(ready_write), *self.options],
                env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[ready_write])
        os.close(ready_write)
        with os.fdopen(ready, "rb") as pipe:
            self.is_ready = pipe.read(1) == b"\n"

    def log(self):
        with open(self.log_path) as file:
            return file.read()

    def has_logged(self, pattern):
        return wait_until(lambda: re.search(pattern, self.log()))

    def stat(self, *options):
        with Peer(self.path) as peer:
            return peer.ask({"message": "stat", "all": True})

    def calls(self, function):
        return sum(row["calls"] for row in self.stat()["functions"] if row["name"] == function)

    def workers(self):
        """Of clients, without the one that asks."""
        clients = self.stat()["clients"]
        return [client["worker"] for client in clients if client["pid"] != os.getpid()]

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None


# ---- programs ----

class Program:
    """The program `trouble` under libwinapi_preload.so."""

    def __init__(self, host, spec=SPEC, command=(TROUBLE,), **variables):
        variables.setdefault("WINAPI_HOST", host.address if isinstance(host, Host) else host)
        variables = {name: value for name, value in variables.items() if value is not None}
        self.answers = queue.Queue()
        self.early = {}
        self.tags = 0
        self.errors = tempfile.mktemp(dir=folder, suffix=".stderr")
        with open(self.errors, "w") as errors:
            self.process = subprocess.Popen(
                [WINAPI, "run", *(["--spec", spec] if spec else []), "--", *command], text=True, bufsize=1,
                env=environment(**variables), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        self.pid = self.process.pid
        threading.Thread(target=self.read, daemon=True).start()
        ending.append(self.stop)

    def read(self):
        for line in self.process.stdout:
            self.answers.put(line.split())
        self.answers.put(None)

    def send(self, function, argument=0, thread=False):
        self.tags += 1
        tag = f"{'+' if thread else ''}{self.tags}"
        with contextlib.suppress(OSError):
            self.process.stdin.write(f"{tag} {function} {argument}\n")
        return tag

    def answer(self, tag, patience=PATIENCE):
        """(result, errno, milliseconds); None when the program has ended or does not answer."""
        until = time.monotonic() + patience
        while tag not in self.early:
            try:
                words = self.answers.get(timeout=max(0, until - time.monotonic()))
            except queue.Empty:
                return None
            if words is None:
                self.answers.put(None)
                return None
            self.early[words[0]] = tuple(int(word) for word in words[1:])
        return self.early.pop(tag)

    def call(self, function, argument=0):
        return self.answer(self.send(function, argument))

    def result(self, function, argument=0):
        answer = self.call(function, argument)
        return answer and answer[0]

    def lines(self):
        """What it has printed to stderr, without the pid."""
        with open(self.errors) as file:
            return [re.sub(r"^winapi\[\d+\]: ", "", line.rstrip("\n")) for line in file]

    def new_lines(self):
        seen = getattr(self, "seen", 0)
        lines = self.lines()
        self.seen = len(lines)
        return lines[seen:]

    def stop(self, patience=PATIENCE):
        """Its exit status."""
        return let_end(self.process, patience)

    def die(self):
        self.process.kill()
        self.process.wait()


# ---- clients and hosts that speak the protocol themselves ----

HELLO = {"message": "hello", "protocol": {"major": 2, "minor": 0}, "program": "test 1", "pid": os.getpid(),
         "data_model": "LP64", "byte_order": "little", "medium": "socket", "salt": 7, "tables": []}


class Peer:
    """One end of a control connection: a length of 4 bytes, then JSON."""

    def __init__(self, path=None, connection=None):
        self.socket = connection or socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        if path:
            self.socket.connect(path)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.socket.close()

    def send(self, message, descriptors=()):
        text = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.send_bytes(struct.pack("<I", len(text)) + text, descriptors)

    def send_bytes(self, data, descriptors=()):
        if descriptors:
            sent = socket.send_fds(self.socket, [data], list(descriptors))
            data = data[sent:]
        if data:  # of nothing the kernel, too, says that the other end has closed
            self.socket.sendall(data)

    def read(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                return None
            data += piece
        return data

    def receive(self):
        """A message; None at the end of the connection."""
        try:
            prefix = self.read(4)
            return prefix and json.loads(self.read(struct.unpack("<I", prefix)[0]))
        except ConnectionError:
            return None

    def ask(self, message, descriptors=()):
        self.send(message, descriptors)
        return self.receive()

    def is_closed(self):
        return self.receive() is None


def serve(path, answer):
    """Answers each connection at `path` with what `answer` makes of the hello, in a thread of its own."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    ending.append(listener.close)

    def loop():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with Peer(connection=connection) as peer:
                hello = peer.receive()
                for message in answer(hello):
                    with contextlib.suppress(OSError):
                        peer.send(message)
                with contextlib.suppress(OSError):
                    peer.receive()

    threading.Thread(target=loop, daemon=True).start()
