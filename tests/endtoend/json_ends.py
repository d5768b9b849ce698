#!/usr/bin/env python3
"""JSON requests and their client's end: a request that would take hours goes with its client; one that has only closed
its sending side gets its answers, in order.  And sizes beyond --max-memory are refused before anything is copied.
"""
from lib_hostile import *

PAYLOAD = 64 << 20
ENDLESS = {"request_id": 1, "api": "performance", "test_type": "throughput", "iterations": 1000000,
           "payload_size": PAYLOAD, "payload_offset": 0, "flags": ["zero_copy"]}


def memory_of(size):
    """A request and a response area of that size, and no lanes."""
    whole = PAGE + 2 * size
    return make_memory(whole, size=whole, request_size=size, response_offset=PAGE + size, response_size=size,
                       lanes_offset=whole, lane_count=0)


def ticks(pid):
    """What the process has used of the processors; 0 when it has gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as stat:
        return int(stat.read().rpartition(")")[2].split()[11])
    return 0


def worker_of(pid):
    """Of that client, when it is at work."""
    found = [client["worker"] for client in host.stat()["clients"] if client["pid"] == pid and client["worker"]]
    return next((worker for worker in found if ticks(worker) >= 10), None)


def wait_for_worker(pid):
    wait_until(lambda: worker_of(pid))
    return worker_of(pid)


large = memory_of(PAYLOAD)
host = Host(spec=None)

# ---- the connection ends ----

for what, flags in ("in its turn", []), ("asynchronous", ["async"]):
    with Peer(host.path) as peer:
        peer.send({**ENDLESS, "flags": ["zero_copy", *flags]}, [large])
        worker = wait_for_worker(os.getpid())
        check(f"a request {what} is at work", worker is not None)
    check(f"a request {what} ends with its connection", worker and wait_until(lambda: not is_alive(worker)))

# ---- the client ends, and its child has the connection ----

held, hold = os.pipe()
client = os.fork()
if client == 0:
    os.close(hold)
    peer = Peer(host.path)
    peer.send(ENDLESS, [large])
    if os.fork() == 0:
        os.read(held, 1)
        os._exit(0)
    signal.pause()
os.close(held)
worker = wait_for_worker(client)
check("a request of a client with a child is at work", worker is not None)
kill(client)
os.waitpid(client, 0)
check("it ends with the client", worker and wait_until(lambda: not is_alive(worker)))
os.close(hold)

# ---- one side of the connection ends ----

with Peer(host.path) as peer:
    request = {"request_id": 1, "api": "performance", "test_type": "throughput", "iterations": 3,
               "payload_size": 1 << 20, "payload_offset": 0}
    peer.send(request, [large])
    for number in 2, 3:
        peer.send({**request, "request_id": number})
    peer.socket.shutdown(socket.SHUT_WR)
    answers = [peer.receive() for _ in range(3)]
    check("who has closed only the sending side gets the answers in order",
          [(answer["request_id"], answer["status"]) for answer in answers if answer] == [(1, 0), (2, 0), (3, 0)], answers)
    check("and then the connection's end", peer.is_closed())
check("no worker has crashed", host.stat()["crashed_clients"] == 0, host.log())
check("the host has nothing to complain of", host.log() == "", host.log())
host.stop()

# ---- --max-memory ----

host = Host("--max-memory", "1M", spec=None)
for what, size, flags, text in (("as much as is allowed", 1 << 20, ["zero_copy"], None),
                                ("more than is allowed", (1 << 20) + 1, ["zero_copy"], "larger than this host allows"),
                                ("copies that are allowed", 1 << 19, [], None),
                                ("copies that are not", (1 << 19) + 1, [], "takes more memory than this host allows")):
    with Peer(host.path) as peer:
        answer = peer.ask({"request_id": 1, "api": "echo", "payload_size": size, "payload_offset": 0, "flags": flags},
                          [memory_of(2 << 20)])
        check(f"{what}: {'refused, and why' if text else 'answered'}", answer and (
            answer["status"] == -1 and text in answer["error"] and "--max-memory" in answer["error"] if text
            else answer["status"] == 0), answer)
finish()
