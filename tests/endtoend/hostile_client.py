#!/usr/bin/env python3
"""Clients that send what they like: messages, shared memory, frames.  Each gets an error that says what was wrong; no
worker crashes, and a well-behaved client that is served all the while notices nothing.
"""
import ctypes
import fcntl
import mmap
import random

from lib_trouble import *

PAGE, LANE_SIZE, FRAME_AT = 4096, 8192, 256
CLOSED, OPENED, SEQUENCE = 4, 8, FRAME_AT
RING, RING_COUNT, UNITS, SKIP = 16, 192, 1024, 0xFFFFFFFF
HEADER = struct.Struct("<IIIiIHBBBBBB")
FOUR = b"\4"  # a body: the number 4
CALL, STATUS, SIZE_AT, COUNT = ord("C"), 7, 5, 9  # and places in what it unpacks
OK, FUNCTION, MESSAGE, HANDLE, LIMIT = range(5)  # enum frame_status
libc = ctypes.CDLL(None, use_errno=True)

# One function that may be posted, and one that may not: its result is larger than a word.
RINGS = """
struct rings_large { long words[64]; };

void rings_post(int value) {}

struct rings_large rings_large(int value)
{
    struct rings_large large;

    for (int i = 0; i < 64; i++)
        large.words[i] = 0x4141414141414141;
    return large;
}
"""
with open(folder + "/rings.c", "w") as file:
    file.write(RINGS)
subprocess.run(["cc", "-shared", "-fPIC", "-o", folder + "/librings.so", folder + "/rings.c"], check=True)
with open(folder + "/rings.json", "w") as file:
    json.dump({"table": "rings", "version": 1, "library": "./librings.so",
               "types": {"struct rings_large": {"struct": "long words[64];"}}, "functions": [
                   {"prototype": "void rings_post(int value)", "async": True, "lost": "fail"},
                   {"prototype": "struct rings_large rings_large(int value)", "lost": "abort"}]}, file)

host = Host("--max-memory", "64M", "--spec", "zlib", "--spec", folder + "/rings.json")
bystander = Program(host)
bystander_worker = bystander.result("where")


def expect_error(what, peer, answer, code, text, closes):
    check(what, answer and answer.get("message") == "error" and answer["code"] == code and re.search(text, answer["text"]),
          answer)
    if closes:
        check(f"{what}: the connection is closed", peer.is_closed())
    else:
        check(f"{what}: the connection lives on", (peer.ask({"message": "stat"}) or {}).get("message") == "stat")


def one_message(what, message, code, text, closes=False, descriptors=()):
    with Peer(host.path) as peer:
        expect_error(what, peer, peer.ask(message, descriptors), code, text, closes)


# ---- messages ----

one_message("text that is no JSON", b"{ no", "message", "not a JSON message")
one_message("a message of no bytes", b"", "message", "not a JSON message")
one_message("an array", [], "message", "message is missing")
one_message("a message that is no string", {"message": 5}, "message", "message is 5")
one_message("an unknown message", {"message": "fly"}, "message", 'there is no message "fly"')
one_message("nesting without end", b"[" * 100000, "message", "not a JSON message")
one_message("open_lane before the hello", {"message": "open_lane"}, "message", "before the hello")
with Peer(host.path) as peer:
    peer.send_bytes(struct.pack("<I", 0xFFFFFFFF) + b"{}")
    expect_error("a length of 4 GiB", peer, peer.receive(), "message", "may be 16777216 bytes long", True)
with Peer(host.path) as peer:
    peer.send_bytes(struct.pack("<I", 16 << 20))
check("a length, and then no message: others are served", bystander.call("next", 1)[:2] == (2, 77))

wrong_hellos = {
    "protocol is missing": ({"protocol": None}, "protocol", "protocol: major is missing"),
    "a protocol of text": ({"protocol": {"major": "1", "minor": 0}}, "protocol", 'protocol: major is "1"'),
    "a protocol that is huge": ({"protocol": {"major": 1e300, "minor": 0}}, "protocol", "protocol: major is 1e.?300"),
    "another byte order": ({"byte_order": "big"}, "protocol", "byte order of the client is big"),
    "another data model": ({"data_model": "LLP64"}, "protocol", "data model of the client is LLP64"),
    "no program": ({"program": None}, "protocol", "program is null"),
}
for what, (change, code, text) in wrong_hellos.items():
    one_message(f"hello: {what}", {**HELLO, **change}, code, text, closes=True)
for what, change, text in (
        ("an unknown medium", {"medium": "smoke"}, 'medium is "smoke"; it must be one of "memory", "socket"'),
        ("a salt too large", {"salt": 65536}, "salt is 65536"), ("a salt below 0", {"salt": -1}, "salt is -1"),
        ("tables that are none", {"tables": 5}, "tables is 5; it must be an array"),
        ("a table without a name", {"tables": [{}]}, "tables: table is missing"),
        ("a table that is a number", {"tables": [5]}, "tables: table is missing"),
        ("a table with a hash of numbers", {"tables": [{"table": "trouble", "hash": 1, "rows": 1}]}, "tables: hash is 1")):
    one_message(f"hello: {what}", {**HELLO, **change}, "message", text)
with Peer(host.path) as peer:
    peer.ask(HELLO)
    expect_error("hello, twice", peer, peer.ask(HELLO), "message", "it was said already", False)
with Peer(host.path) as peer:
    answer = peer.ask({**HELLO, "program": "x" * 100000 + "\n", "tables": [
        {"table": "t" * 1000, "version": 1, "hash": "0" * 16, "rows": 1}] * 200})
    check("hello: endless names are no fault", answer["message"] == "welcome" and len(answer["tables"]) == 200)
    answer = peer.ask({"message": "rows", "table": "trouble", "rows": [{"name": "trouble_next", "hash": "g" * 99}, {}]})
    expect_error("rows: one without a name", peer, answer, "message", "rows: name is missing", False)


# ---- shared memory ----

def header(real_size, **changes):
    fields = dict(magic=b"WINA", version=1, size=real_size, request_offset=PAGE, request_size=1 << 20,
                  response_offset=PAGE + (1 << 20), response_size=1 << 20, lanes_offset=PAGE + (2 << 20), lane_count=8,
                  state=1)
    fields.update(changes)
    return struct.pack("<4sIQQQQQQII", *fields.values())


SIZE = PAGE + (2 << 20) + 8 * LANE_SIZE


def make_memory(real_size=SIZE, seals=fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL, **changes):
    fd = os.memfd_create("test", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.ftruncate(fd, real_size)
    os.pwrite(fd, header(real_size, **changes), 0)
    if seals:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


MEMORY_HELLO = {**HELLO, "medium": "memory"}
BIG = 1 << 63
wrong_headers = {
    "magic": ([{"magic": b"winA"}], "does not start with WINA"),
    "version": ([{"version": 2}, {"version": 0xFFFFFFFF}], "another layout version"),
    "size": ([{"size": SIZE + PAGE}, {"size": 0}, {"size": 2 * BIG - 1}], "size in the shared memory's header"),
    "request_offset": ([{"request_offset": value} for value in (0, 1, SIZE, BIG, 2 * BIG - PAGE)], "request area"),
    "request_size": ([{"request_size": value} for value in (1, SIZE, BIG, 2 * BIG - PAGE)], "request area"),
    "request over response": ([{"request_size": (1 << 20) + PAGE}], "overlap"),
    "response_offset": ([{"response_offset": value} for value in (0, 1, SIZE, BIG, 2 * BIG - PAGE)], "response area"),
    "response_size": ([{"response_size": value} for value in (1, SIZE, BIG, 2 * BIG - PAGE)], "response area"),
    "response over request": ([{"response_offset": PAGE}], "overlap"),
    "lanes_offset": ([{"lanes_offset": value} for value in (0, 1, SIZE, BIG, 2 * BIG - PAGE)], "the lanes"),
    "lanes over request": ([{"lanes_offset": PAGE}], "overlap"),
    "lane_count": ([{"lane_count": 9}], "the lanes"),
    "lane_count beyond all": ([{"lane_count": 257}, {"lane_count": 0xFFFFFFFF}], "more than 256 lanes"),
}
for field, (cases, text) in wrong_headers.items():
    for case in cases:
        fd = make_memory(**case)
        one_message(f"memory header: {field} {list(case.values())[0]}", MEMORY_HELLO, "memory", text, True, [fd])
        os.close(fd)

with open(folder + "/short", "wb") as short:
    short.write(b"WINA")
for what, fd, text in (("not sealed", make_memory(seals=0), "not sealed against shrinking"),
                       ("no header", os.open(folder + "/short", os.O_RDWR), "smaller than its header page"),
                       ("a directory", os.open(folder, os.O_RDONLY), "neither a memfd nor a regular file"),
                       ("a pipe", os.pipe()[0], "neither a memfd nor a regular file")):
    one_message(f"memory: {what}", MEMORY_HELLO, "memory", text, True, [fd])
    os.close(fd)
fd = make_memory()
read_only = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
for what, descriptors, text in (("none", [], "no descriptor of shared memory came along"),
                                ("read only", [read_only], "cannot map the shared memory"),
                                ("more than --max-memory allows", [make_memory(real_size=1 << 30)], "--max-memory")):
    with Peer(host.path) as peer:
        answer = peer.ask(MEMORY_HELLO, descriptors)
        check(f"memory: {what}: goes without, and says why", answer["message"] == "welcome" and
              answer["medium"] == "socket" and text in answer["medium_why"], answer)
with Peer(host.path) as peer:
    peer.send(MEMORY_HELLO, [fd] * 5)
    answer = peer.receive()
    check("memory: five descriptors at once are one too many", answer["message"] == "welcome", answer)
    worker = answer["pid"]
    held = [os.readlink(f"/proc/{worker}/fd/{name}") for name in os.listdir(f"/proc/{worker}/fd")]
    check("memory: the host keeps one of them", sum("memfd:test" in link for link in held) == 1, *held)

# ---- JSON requests ----

with Peer(host.path) as peer:
    def request(what, text, **members):
        message = {"request_id": 3, "api": "echo", "payload_size": 5, "payload_offset": 0, **members}
        answer = peer.ask({name: value for name, value in message.items() if value is not None})
        check(f"request: {what}", answer and answer["status"] < 0 and re.search(text, answer["error"]), answer)

    request("without memory", "no shared memory was passed")
    answer = peer.ask({"message": "memory"}, [fd])
    check("memory for requests", answer["message"] == "memory" and answer["request_size"] == 1 << 20, answer)
    request("an unknown api", 'there is no api "fly"', api="fly")
    request("no api", "api is missing", api=None)
    request("no number", "request_id is missing", request_id=None)
    request("a number of text", 'request_id is "x"', request_id="x")
    request("no size", "payload_size is missing", payload_size=None)
    for size, offset in ((5, (1 << 20) - 4), (1 << 20, 1), ((1 << 20) + 1, 0), (1, 1 << 20), (1 << 53, 0), (1, 1 << 53)):
        request(f"{size} bytes at {offset}", "reach outside the request area of 1048576 bytes", payload_size=size,
                payload_offset=offset)
    for value in (-1, 1.5, 1e300, "5", True, [5]):
        request(f"a size of {value}", "payload_size is ", payload_size=value)
        request(f"an offset of {value}", "payload_offset is ", payload_offset=value)
    request("an unknown flag", "there is no flag fast", flags=["fast"])
    request("flags that are none", "flags is 5", flags=5)
    request("a flag that is a number", "there is no flag", flags=[5])
    request("an unknown operation", 'operation is "burn"', api="buffer_test", operation="burn")
    request("a pattern too large", "pattern is ", api="buffer_test", operation="write", pattern=1 << 32)
    request("no iterations", "iterations is 0", api="performance", iterations=0)
    os.pwrite(fd, b"hello", PAGE)
    answer = peer.ask({"request_id": 4, "api": "echo", "payload_size": 5, "payload_offset": 0})
    check("and then one that is right is answered", answer["status"] == 0 and
          os.pread(fd, 5, PAGE + (1 << 20)) == b"hello", answer)


# ---- frames ----

def frame(function, body=b"", buffers=(), **changes):
    fields = dict(sequence=0, request=1, function=function, error_number=0, timeout_ms=0, inline_size=len(body),
                  kind=CALL, status=0, flags=0, buffer_count=len(buffers), body_buffer=0, room_buffer=0)
    fields.update(changes)
    return HEADER.pack(*fields.values()), b"".join(struct.pack("<QQII", *buffer) for buffer in buffers), body


class MemoryLane:
    """A lane page each way, written without any care."""

    def __init__(self, peer, number):
        self.memory = mmap.mmap(fd, SIZE)
        self.out = PAGE + (2 << 20) + number * LANE_SIZE
        self.memory[self.out:self.out + LANE_SIZE] = bytes(LANE_SIZE)
        self.sequence = self.received = 0
        self.put(self.out + OPENED, 1)
        self.answer = peer.ask({"message": "open_lane", "lane": number, "medium": "memory"})
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))

    def put(self, at, value):
        self.memory[at:at + 4] = struct.pack("<I", value & 0xFFFFFFFF)

    def get(self, at):
        return struct.unpack_from("<I", self.memory, at)[0]

    def wake(self):
        self.put(self.out + 64, 0)
        libc.syscall(202, ctypes.c_void_p(self.base + self.out + 64), 1, 1, None, None, 0)

    def exchange(self, head, buffers, body, step=1):
        """(status, whether the lane was closed)"""
        at = self.out + FRAME_AT
        rest = (head[4:] + buffers + body)[:PAGE - FRAME_AT - 4]
        self.memory[at + 4:at + 4 + len(rest)] = rest
        self.sequence += step
        self.put(self.out + SEQUENCE, self.sequence)
        self.wake()
        answer = self.out + PAGE
        before = self.received
        if not wait_until(lambda: self.get(answer + SEQUENCE) != before or self.get(answer + CLOSED)):
            return None, False
        self.received = self.get(answer + SEQUENCE)
        status = HEADER.unpack_from(self.memory, answer + FRAME_AT)[STATUS]
        return status if self.received != before else None, status != OK and self.is_left()

    def post(self, place, filled, entries):
        """Whether the lane was closed.  The ring at that page of the arena, with bytes for its first units."""
        if place - 1 < (2 << 20) // PAGE - 16 and place > 0:
            self.memory[PAGE * place:PAGE * place + len(entries)] = entries
        self.put(self.out + RING, place)
        self.put(self.out + RING_COUNT, filled)
        self.wake()
        answer = self.out + PAGE
        wait_until(lambda: self.get(answer + CLOSED) or self.get(answer + RING_COUNT) == filled)
        return bool(self.get(answer + CLOSED))

    def is_left(self):
        return wait_until(lambda: self.get(self.out + PAGE + CLOSED), 0.01)

    def leave(self):
        self.put(self.out + CLOSED, 1)
        self.wake()
        wait_until(lambda: self.get(self.out + PAGE + CLOSED))


class SocketLane:
    def __init__(self, peer, number):
        self.socket, other = socket.socketpair()
        self.socket.settimeout(PATIENCE)
        self.answer = peer.ask({"message": "open_lane", "lane": number, "medium": "socket"}, [other.fileno()])
        other.close()

    def exchange(self, head, buffers, body, step=1):
        with contextlib.suppress(OSError):
            self.socket.sendall(head + buffers + body)
        try:
            answer = self.socket.recv(HEADER.size, socket.MSG_WAITALL)
            if len(answer) < HEADER.size:
                return None, True
            fields = HEADER.unpack(answer)
            rest = fields[COUNT] * 24 + fields[SIZE_AT]
            if rest:
                self.socket.recv(rest, socket.MSG_WAITALL)
            return fields[STATUS], fields[STATUS] != OK and self.is_left()
        except OSError:
            return None, False

    def is_left(self):
        self.socket.settimeout(0.01)
        try:
            return self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)

    def send(self, data):
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def receive(self):
        """(status, body), or None when the lane is closed."""
        with contextlib.suppress(OSError):
            answer = self.socket.recv(HEADER.size, socket.MSG_WAITALL)
            if len(answer) == HEADER.size:
                fields = HEADER.unpack(answer)
                size = fields[SIZE_AT]
                return fields[STATUS], self.socket.recv(size, socket.MSG_WAITALL) if size else b""
        return None

    def leave(self):
        self.socket.close()


class Session:
    """A client with lanes, whose worker must outlive all of this."""

    def __init__(self, medium):
        self.peer = Peer(host.path)
        self.medium = medium
        self.kind = MemoryLane if medium == "memory" else SocketLane
        hello = {**HELLO, "medium": medium}
        self.welcome = self.peer.ask(hello, [fd] if medium == "memory" else [])
        self.number = 0
        self.worker = self.welcome["pid"]
        self.lane = self.open()

    def open(self):
        self.number += 1
        return self.kind(self.peer, self.number % 8)

    def exchange(self, what, parts, wanted, step=1):
        """`wanted`: the statuses that are right; None that the lane is closed without one."""
        status, is_left = self.lane.exchange(*parts, step=step)
        check(f"{self.medium} frame: {what}", status in wanted, status, is_left)
        if status is None or is_left:
            self.lane.leave()
            self.lane = self.open()
            check(f"{self.medium} frame: {what}: the lane opens again", self.lane.answer.get("message") == "lane",
                  self.lane.answer)


def entry(size, function, body, reserved=0):
    data = struct.pack("<IIiI", size, function, 0, reserved) + body
    return data + bytes(-len(data) % 64)


def counts(name):
    return next(row for row in host.stat()["functions"] if row["name"] == name)


def try_rings(ids):
    """Calls that nobody waits for, in rings that make no sense: the lane goes, the worker stays."""
    session = Session("memory")
    next_one, good = ids["rings_post"], FOUR
    right = entry(1, next_one, good)
    counted = [counts("rings_post")]
    for what, place, filled, entries, is_closed in (
            ("one that is right", 1, 1, right, False),
            ("three", 1, 3, right * 3, False),
            ("a function that is none", 1, 1, entry(1, 0xFFFFFFF0, good), False),
            ("a body that its row does not have", 1, 1, entry(3, next_one, b"abc"), False),
            ("a skip to the start, and one there", 1, UNITS + 1, entry(SKIP, 0, b""), True),
            ("an outside place", 0xFFFFFFFF, 1, b"", True),
            ("a place behind the end", 0x7FFFFFF0, 1, b"", True),
            ("no place", 0, 1, b"", True),
            ("more than there is room for", 1, UNITS + 1, right, True),
            ("a count far behind", 1, 0xFFFFFFF0, right, True),
            ("an entry larger than its units", 1, 1, entry(1000, next_one, good), True),
            ("an entry larger than any", 1, 40, entry(2049, next_one, good), True),
            ("an endless entry", 1, 1, entry(0xFFFFFFF0, next_one, good), True),
            ("a skip beyond what is filled", 1, 1, entry(SKIP, 0, b""), True),
            ("reserved bits", 1, 1, entry(1, next_one, good, reserved=1), True)):
        was_closed = session.lane.post(place, filled, entries)
        check(f"ring: {what}", was_closed == is_closed, was_closed)
        session.lane.leave()
        session.lane = session.open()
        check(f"ring: {what}: the lane opens again", session.lane.answer.get("message") == "lane", session.lane.answer)
        counted.append(counts("rings_post"))
        if what in ("one that is right", "three"):
            check(f"ring: {what}: it is called", counted[-1]["calls"] - counted[-2]["calls"] == filled and
                  counted[-1]["errors"] == 0, counted)
    large = ids["rings_large"]
    was_closed = session.lane.post(1, 1, entry(1, large, good))
    check("ring: a function whose row is not asynchronous is refused, and the lane lives on", not was_closed and
          counts("rings_large")["errors"] == 1, counts("rings_large"))
    session.exchange("and may be called by a frame", frame(large, good), [OK])
    session.exchange("one that is right, after the rings", frame(next_one, good), [OK])
    answer = session.peer.ask({"message": "stat"})
    check("rings: the worker is the same", answer and session.worker in
          [client["worker"] for client in answer["clients"]], answer)
    session.lane.leave()
    session.peer.socket.close()


POSTED = 8


def posted(function, body, *arguments, flags=POSTED, **changes):
    return b"".join(frame(function, body, *arguments, flags=flags, **changes))


def ask(*pending):
    """A call of no function, for posted calls of other lanes."""
    return b"".join(frame(0xFFFFFFFF, b"".join(struct.pack("<II", lane, count) for lane, count in pending)))


def try_posted_frames(ids):
    """Calls that nobody waits for, over a socket."""
    session = Session("socket")
    next_one, large, good = ids["rings_post"], ids["rings_large"], FOUR
    right = posted(next_one, good)

    def again():
        session.lane.leave()
        session.lane = session.open()
        check("posted frame: the lane opens again", session.lane.answer.get("message") == "lane", session.lane.answer)

    def expect(what, data, called, refused, is_closed=False):
        """All of it at once, then a question that is answered when all before it is over."""
        before = counts("rings_post"), counts("rings_large")
        session.lane.send(data + ask())
        answer = session.lane.receive()
        after = counts("rings_post"), counts("rings_large")
        check(f"posted frame: {what}", answer and answer[0] == (MESSAGE if is_closed else OK), answer)
        check(f"posted frame: {what}: called so often", after[0]["calls"] - before[0]["calls"] == called, before, after)
        check(f"posted frame: {what}: refused so often", sum(row["errors"] for row in after) -
              sum(row["errors"] for row in before) == refused, before, after)
        if is_closed:
            check(f"posted frame: {what}: the lane is closed", session.lane.is_left())
            again()

    def counted():
        return counts("rings_post")["calls"] - counts("rings_post")["errors"]

    expect("one that is right", right, 1, 0)
    expect("many at once", right * 500, 500, 0)
    expect("a function that is none", posted(0xFFFFFFF0, good), 0, 0)
    expect("a body that its row does not have", posted(next_one, b"abc") + right, 2, 1)
    expect("a function whose row is not asynchronous", posted(large, good) * 3, 0, 3)
    session.exchange("that function may be called by a frame", frame(large, good), [OK])
    expect("buffers that nothing needs", posted(next_one, good, [(0, 16, 1, 0)] * 8) + bytes(8 * 16) + right, 2, 0)
    expect("a posted call of nothing", posted(0xFFFFFFFF, struct.pack("<II", 1, 5)), 0, 0)
    expect("one that may be told", posted(next_one, good, flags=POSTED | 4), 0, 0, True)
    expect("one with room for an answer", posted(next_one, good, [(0, 16, 2, 0)], flags=POSTED | 2), 0, 0, True)
    expect("an answer that is posted", posted(next_one, good, kind=ord("R")), 0, 0, True)
    expect("garbage", random.Random(5).randbytes(5000), 0, 0, True)
    expect("garbage behind calls that are right", right * 20 + bytes(64), 20, 0, True)
    expect("a body larger than any", right + posted(next_one, good, inline_size=3073), 1, 0, True)
    expect("calls behind one that is waited for", right + b"".join(frame(next_one, good)) + right, 1, 0, True)
    for size in (1, 4, 27, len(right) - 1):
        before = counted()
        session.lane.send(right + right[:size])
        again()
        check(f"posted frame: cut after {size} bytes: what came whole is called",
              wait_until(lambda: counted() == before + 1), counted(), before)

    session.lane.send(ask((session.number % 8, 0)))
    check("question: its own lane", session.lane.receive() == (OK, struct.pack("<I", 0)))
    session.lane.send(ask((1000, 7), (0xFFFFFFFF, 0xFFFFFFFF)))
    check("question: lanes that are none", session.lane.receive() == (OK, struct.pack("<II", 7, 0xFFFFFFFF)))
    other = session.open()
    other.send(right * 3)
    session.lane.send(ask((session.number % 8, 3)))
    check("question: another lane's calls, when they are over", session.lane.receive() == (OK, struct.pack("<I", 3)))
    for count in (4, 1000, 0x7FFFFFFF):
        began = time.monotonic()
        session.lane.send(ask((session.number % 8, count)))
        check(f"question: {count} calls that never come are not waited for for ever",
              session.lane.receive() == (OK, struct.pack("<I", 3)) and time.monotonic() - began < PATIENCE / 2)
    session.lane.send(ask(*[(session.number % 8, 0xFFFFFFFF)] * 384))
    check("question: as many as a frame holds", session.lane.receive() == (OK, struct.pack("<I", 3) * 384))
    for body in b"abc", bytes(9), bytes(3071):
        session.lane.send(b"".join(frame(0xFFFFFFFF, body)))
        check(f"question: a body of {len(body)} bytes closes the lane", session.lane.receive() == (MESSAGE, b"") and
              session.lane.is_left())
        again()
    other.leave()
    session.exchange("one that is right, after all that", frame(next_one, good), [OK])
    answer = session.peer.ask({"message": "stat"})
    check("posted frames: the worker is the same", answer and session.worker in
          [client["worker"] for client in answer["clients"]], answer)

    # Bytes of calls that were right, in disorder.
    dice = random.Random(12)
    pieces = [right, posted(large, good), ask((1, 1)), ask(), b"".join(frame(next_one, good)), bytes(64)]
    for _ in range(60):
        data = bytearray(b"".join(dice.choices(pieces, k=dice.randrange(1, 30))))
        for _ in range(dice.randrange(3)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        session.lane.send(bytes(data))
        again()
    session.exchange("one that is right, in the end", frame(next_one, good), [OK])
    session.lane.leave()
    session.peer.socket.close()


def try_frames(medium, ids):
    session = Session(medium)
    good = FOUR
    function = ids["trouble_next"]

    session.exchange("one that is right", frame(function, good), [OK])
    refused = [MESSAGE, LIMIT]
    for field, values in (("kind", [0, 1, ord("R"), ord("D"), 255]), ("flags", [16, 12, 128, 255]), ("flags", [1, 2, 3]),
                          ("status", [1, 5, 6, 255]), ("buffer_count", [9, 255]), ("inline_size", [3073, 65535]),
                          ("body_buffer", [1, 255]), ("room_buffer", [1, 255])):
        for value in values:
            session.exchange(f"{field} {value!r}", frame(function, good, **{field: value}), refused)
    session.exchange("no function at all", frame(0xFFFFFFFF, struct.pack("<II", 4, 0)), [OK])
    for number in (0xFFFFFFFE, 100000, 0x7FFFFFFF):
        session.exchange(f"function {number}", frame(number, good), [FUNCTION])
    for body in (b"", b"\xf8", good + b"\0", good * 100, b"\xfb\0\0\0\x80", b"\xff" + b"\x7f" * 8, b"\xff" * 8, bytes(3072)):
        session.exchange(f"a body of {len(body)} bytes", frame(function, body), refused)
    for offset, size in ((0, 2 << 20), (1 << 20, 1), (BIG, BIG), (2 * BIG - 1, 1), (2 * BIG - 1, 2 * BIG - 1), (0, BIG)):
        is_allowed = medium == "socket" and offset + size <= 64 << 20  # its payload is private, and within --max-memory
        session.exchange(f"a buffer of {size} bytes at {offset}", frame(function, good, [(offset, size, 2, 0)]),
                         [OK] if is_allowed else refused)
    session.exchange("a buffer with unknown flags", frame(function, good, [(0, 16, 4, 0)]), refused)
    session.exchange("a buffer with reserved bits", frame(function, good, [(0, 16, 2, 1)]), refused)
    session.exchange("buffers that nothing needs", frame(function, good, [(0, 16, 2, 0)] * 8), [OK] + refused)
    session.exchange("a body in a buffer that comes back only",
                     frame(function, b"", [(0, 16, 2, 0)], flags=1), refused)
    if medium == "memory":
        session.exchange("a posted call beside the ring", frame(function, good, flags=8), refused)
        for step in (2, -5, 1 << 20):
            session.exchange(f"a sequence that jumps by {step}", frame(function, good), refused + [None], step)
    for handle in (1, 0x5741000700000000, 0x5741000700000001, 2 * BIG - 1):
        session.exchange(f"a forged handle {handle:#x}", frame(ids["trouble_value"], b"\xff" + struct.pack("<Q", handle)), [HANDLE])
    session.exchange("one that is right, after all that", frame(function, good), [OK])

    # Bodies and buffers by the dice, for functions that check nothing themselves.
    dice = random.Random(11)
    names = ["trouble_next", "trouble_garbage", "trouble_value", "crc32", "adler32", "compress", "compress2",
             "uncompress", "compressBound", "zlibVersion"]
    hung = 0
    for _ in range(120):
        body = bytes(dice.choice((0, 1, 2, 3, 4, 8, 16, 255, dice.randrange(256))) for _ in range(dice.randrange(64)))
        buffers = [(dice.choice((0, 8, 4096)), dice.choice((0, 1, 16, 4096)), dice.choice((2, 2, 0)), 0)
                   for _ in range(dice.randrange(3))]
        room = {"flags": 2, "room_buffer": 0} if buffers and buffers[0][2] == 2 and dice.random() < 0.3 else {}
        status, is_left = session.lane.exchange(*frame(ids[dice.choice(names)], body, buffers, **room))
        hung += status is None and not is_left
        if status is None or is_left:
            session.lane.leave()
            session.lane = session.open()
    check(f"{medium} frames by the dice: each is answered", hung == 0, hung)
    session.exchange("one that is right, in the end", frame(function, good), [OK])
    answer = session.peer.ask({"message": "stat"})
    check(f"{medium} frames: the worker is the same", answer and session.worker in
          [client["worker"] for client in answer["clients"]], answer)
    session.lane.leave()
    session.peer.socket.close()


# The host lists its functions in the order of their numbers.
ids = {row["name"]: number for number, row in enumerate(host.stat()["functions"])}
try_frames("memory", ids)
try_frames("socket", ids)
try_rings(ids)
try_posted_frames(ids)

check("the bystander has kept its worker", bystander.result("where") == bystander_worker)
check("and has heard nothing of it", bystander.new_lines() == [] and bystander.stop() == 0, *bystander.lines())
check("no worker has crashed", host.stat()["crashed_clients"] == 0, host.log()[-2000:])
finish()
