#!/usr/bin/env python3
"""More than a host allows, a second host, the end of a host: each with a line that names the limit or the address."""
import errno
import stat
import zlib

from lib_trouble import *

# ---- clients ----

def sockets(pid):
    """Of a worker: its connection, and lanes over sockets."""
    found = [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]
    return sum(name.startswith("socket:") for name in found)


def take_place():
    """A client, when there is room for it, and the process that serves it."""
    peer = Peer(host.path)
    answer = peer.ask(HELLO)
    if answer["message"] == "welcome":
        return peer, answer["pid"]
    peer.socket.close()
    return None


host = Host("--max-clients", "1")
with Peer(host.path) as first:
    first.ask(HELLO)
    with Peer(host.path) as refused:
        check("one client more is refused", refused.receive()["code"] == "clients")
placed = []
check("when it has gone, the next one is served", wait_until(lambda: placed.append(take_place()) or placed[-1]))
check("its worker has none of the refused connections", sockets(placed[-1][1]) == 1, sockets(placed[-1][1]))
placed[-1][0].socket.close()
host.stop()

host = Host("--max-clients", "2")
programs = [Program(host), Program(host)]
check("two clients are served", [program.call("next", 1)[:2] for program in programs] == [(2, 77)] * 2)
third = Program(host)
answer = third.call("next", 1)
check("a third: the declared failure", answer and answer[:2] == (-1, errno.EPROTO), answer)
check("a third: the line names the limit", third.new_lines() == [
    f"trouble_next: {host.address}: the host refuses: this host serves 2 clients at a time and has them: process "
    f"{third.pid} is refused; raise --max-clients; returned -1"], *third.lines())
check("a third: the host logs it", host.has_logged(f"process {third.pid} is refused; raise --max-clients"))
check("the two go on", [program.call("next", 1)[:2] for program in programs] == [(2, 77)] * 2)
programs[0].stop()
check("when one has gone, the third is served", wait_until(lambda: third.result("next", 1) == 2), *third.lines())
check("the programs end as they want to", programs[1].stop() == 0 and third.stop() == 0)
host.stop()

# ---- lanes ----

host = Host("--max-lanes", "2")
program = Program(host)
tags = [program.send("sleep", 400, thread=True) for _ in range(2)]
wait_until(lambda: sum(map(count_sleepers, host.workers())) == 2)
check("a third thread waits until one of the two is done", program.call("next", 1)[:2] == (2, 77), *program.lines())
answers = [program.answer(tag) for tag in tags]
check("a third thread: the two are served", [answer[:2] for answer in answers] == [(400, 77)] * 2, *answers, *program.lines(),
      host.log())
check("their lanes are idle then, and serve the third", program.call("next", 1)[:2] == (2, 77) and not program.lines(),
      *program.lines())
program.stop()

program = Program(host, WINAPI_CONNECT_TIMEOUT="200ms")
tags = [program.send("sleep", 1500 * SLOWER, thread=True) for _ in range(2)]
wait_until(lambda: sum(map(count_sleepers, host.workers())) == 2)
check("a third thread whose patience ends: the declared failure", program.call("next", 1)[:2] == (-1, errno.EAGAIN))
lines = [line for line in program.lines() if line.startswith("trouble_next: ")]
check("a third thread: the line names the limit", len(lines) == 1 and
      re.search(r"2 lanes to the host are open, as many as it allows, .*--max-lanes.*; returned -1", lines[0]),
      *program.lines())
check("the two are served", all(program.answer(tag)[1] == 77 for tag in tags), *program.lines())
program.stop()
with Peer(host.path) as peer:
    peer.ask(HELLO)
    ends, answers = [], []
    for number in range(3):
        ours, theirs = socket.socketpair()
        answers.append(peer.ask({"message": "open_lane", "lane": number, "medium": "socket"}, [theirs.fileno()]))
        theirs.close()
        ends.append(ours)
    check("a client that asks for a third lane is told the limit", answers[2] == {
        "message": "error", "code": "lanes", "text": "lane 2: this client has 2 lanes open, as many as the host allows: "
        "raise --max-lanes"}, answers[2])
    check("a lane that is open is not opened again", "it is open already" in peer.ask(
        {"message": "open_lane", "lane": 1, "medium": "socket"}, [ends[0].fileno()]).get("text", ""))
    ends[0].close()

    def opens():
        ours, theirs = socket.socketpair()
        answer = peer.ask({"message": "open_lane", "lane": 7, "medium": "socket"}, [theirs.fileno()])
        theirs.close()
        ends.append(ours)
        return answer["message"] == "lane"

    check("when one is closed there is a lane", wait_until(opens))
    for end_of_lane in ends[1:]:
        end_of_lane.close()
host.stop()

# ---- memory ----

script = """
import sys, zlib
size = int(sys.argv[1])
print(zlib.crc32(bytes(size)))
"""
host = Host("--max-memory", "1M", spec=SOURCE + "/spec/zlib.json")
for size, expected in ((1 << 19, 1), (2 << 20, 0)):
    process = subprocess.run([WINAPI, "run", "--spec", "zlib", "--", sys.executable, "-c", script, str(size)], text=True,
                             capture_output=True, env=environment(WINAPI_HOST=host.address), timeout=PATIENCE)
    check(f"{size} bytes under --max-memory 1M: the right result", process.stdout == f"{zlib.crc32(bytes(size))}\n",
          process.stdout, process.stderr)
    if expected:
        check(f"{size} bytes: in the host, without a line", process.stderr == "" and host.calls("crc32") == 1,
              process.stderr)
    else:
        check(f"{size} bytes: a line names the limit", "--max-memory" in process.stderr and
              "ran here instead" in process.stderr, process.stderr)
host.stop()

# ---- SIGTERM ----

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    host = Host()
    program = Program(host)
    worker = program.result("where")
    program.send("forever", thread=True)
    check(f"SIG{number.name[3:]}: the socket is the user's own", stat.S_IMODE(os.stat(host.path).st_mode) == 0o600)
    start = time.monotonic()
    check(f"SIG{number.name[3:]}: exit status 0", host.stop(number) == 0)
    check(f"SIG{number.name[3:]}: soon, though a call never returns", time.monotonic() - start < 1.5 * SLOWER)
    check(f"SIG{number.name[3:]}: the socket is gone", not os.path.exists(host.path))
    check(f"SIG{number.name[3:]}: the worker is gone", not is_alive(worker))
    check(f"SIG{number.name[3:]}: nothing to complain of", host.log() == "", host.log())
    program.die()

# ---- sockets that lie about, and hosts that are there ----

host = Host()
host.stop(signal.SIGKILL)
check("after SIGKILL the socket lies about", os.path.exists(host.path))
host.start()
check("and is taken over", host.is_ready and host.stat()["message"] == "stat")
second = Host(path=host.path)
check("a second host does not start", not second.is_ready and second.process.wait() == 1)
check("a second host says so", re.fullmatch(
    rf"winapi-host\[\d+\]: {host.address}: another host listens there already\n", second.log()), second.log())
check("the first one goes on", host.stat()["message"] == "stat")
host.stop()
with open(host.path, "w") as file:
    file.write("precious")
third = Host(path=host.path)
check("a file that is no socket is left alone", not third.is_ready and third.process.wait() == 1 and
      open(host.path).read() == "precious", third.log())
os.unlink(host.path)
lost = Host(path="/nonexistent/folder/host")
check("a folder that cannot be made: the line names the address", lost.process.wait() == 1 and
      "unix:/nonexistent/folder/host: No such file or directory" in lost.log(), lost.log())
for options, text in ((["--max-clients", "0"], '--max-clients: "0" is not a number from 1 to 4096'),
                      (["--max-lanes", "257"], '--max-lanes: "257" is not a number from 1 to 256'),
                      (["--max-memory", "x"], '--max-memory: "x" is not a size'),
                      (["--listen", "vsock:1:2"], "--listen: "), (["--spec", "/nonexistent.json"], "/nonexistent.json"),
                      (["--log-level", "loud"], '--log-level: "loud" is no level')):
    process = subprocess.run([WINAPI_HOST, *options], text=True, capture_output=True, env=environment(),
                             timeout=PATIENCE)
    check(f"{' '.join(options)}: refused by name", process.returncode in (1, 2) and text in process.stderr,
          process.returncode, process.stderr)
os.makedirs(folder + "/config/winapi")
os.symlink("spec.d", folder + "/config/winapi/spec.d")
process = subprocess.run([WINAPI_HOST, "--listen", f"unix:{folder}/never"], text=True, capture_output=True,
                         env=environment(XDG_CONFIG_HOME=folder + "/config"), timeout=PATIENCE)
check("the user's spec files cannot be listed: a line says so", process.returncode == 1 and
      "cannot be listed: Too many levels of symbolic links" in process.stderr, process.returncode, process.stderr)
finish()
