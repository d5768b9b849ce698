#!/usr/bin/env python3
"""What the host tells of a client's lanes: counts that never go back, a line that names the lane, posted calls of functions
that there are not; and a worker whose client has died while an answer was on its way to it does not wait for anything.
"""
from lib_hostile import *

LARGE = 8 << 20
LIBRARY = """
int told_next(int value) { return value + 1; }
int told_large(void *data, unsigned long size) { return 0; }
"""
with open(folder + "/told.c", "w") as file:
    file.write(LIBRARY)
subprocess.run(["cc", "-shared", "-fPIC", "-o", folder + "/libtold.so", folder + "/told.c"], check=True)
with open(folder + "/told.json", "w") as file:
    json.dump({"table": "told", "version": 1, "library": "./libtold.so", "failure": -1, "functions": [
        {"prototype": "int told_next(int value)"},
        {"prototype": "int told_large(void *data, unsigned long size)", "data": {"out": {"size": "size"}}}]}, file)

host = Host("--spec", folder + "/told.json")
ids = function_ids(host)
NONE, POSTED, MAY_TELL = 0xFFFFFFF0, 8, 4


def sleeps(session):
    return next(client["sleeps"] for client in host.stat()["clients"] if client["worker"] == session.worker)


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


# ---- counts ----

for medium in "memory", "socket":
    session = Session(host, medium)
    seen = [0]
    for lane in range(3):
        for call in range(10):
            time.sleep(0.002)  # the host's end of the lane goes to sleep
            session.exchange(f"lane {lane}, call {call}", frame(ids["told_next"], FOUR), [OK])
        seen.append(sleeps(session))
        before = threads(session.worker)
        session.lane.leave()
        wait_until(lambda: threads(session.worker) < before)
        session.lane = session.open()
    check(f"{medium}: the lanes' sleeps add up", seen == sorted(seen) and seen[-1] > seen[1] > 0, seen)
    session.lane.leave()
    session.peer.socket.close()

# ---- lines ----

session = Session(host, "socket")
session.lane.send(bytes(28))
check("a lane that gets nonsense is closed", session.lane.receive() == (MESSAGE, b"") and session.lane.is_left())
check("the line names the lane", host.has_logged(rf"client {os.getpid()}: lane {session.number} is closed: "), host.log())

# ---- functions that there are not ----

session.lane = session.open()
session.lane.send(b"".join(frame(NONE, FOUR, flags=POSTED)) * 3 + b"".join(frame(0xFFFFFFFF, flags=MAY_TELL)))
check("a posted call of no known function has failed: the next call is told", session.lane.receive() == (
    5, struct.pack("<IIiI", NONE, 3, 0, 0)))
session.exchange("and is made after that", frame(ids["told_next"], FOUR, flags=MAY_TELL), [OK])
session.lane.send(b"".join(frame(NONE, FOUR, flags=POSTED)))
session.lane.leave()
check("where nobody asks the host's log has it", host.has_logged(
    "an unknown function: a call that nobody waited for has failed, and 0 more; nobody asked"), host.log())
session.peer.socket.close()

# ---- an answer that nobody reads ----

held, hold = os.pipe()
told, tell = os.pipe()
client = os.fork()
if client == 0:
    os.close(hold)
    session = Session(host, "socket")
    size = b"\xfc" + struct.pack("<Q", LARGE)[:5]
    call = frame(ids["told_large"], size + b"\2\0" + size + bytes(9), [(0, LARGE, 2, 0)])
    session.lane.send(b"".join(call))
    session.lane.socket.recv(HEADER.size, socket.MSG_WAITALL)  # the answer is on its way
    if os.fork() == 0:
        os.write(tell, struct.pack("<I", session.worker))
        os.read(held, 1)
        os._exit(0)
    signal.pause()
os.close(held)
worker = struct.unpack("<I", os.read(told, 4))[0]
kill(client)
os.waitpid(client, 0)
check("a worker does not wait for an answer to get out, nor for calls behind it",
      wait_until(lambda: not is_alive(worker), PATIENCE / 2))
check("and does not say that it has", "are not over" not in host.log(), host.log())
os.close(hold)
check("no worker has crashed", host.stat()["crashed_clients"] == 0, host.log())
finish()
