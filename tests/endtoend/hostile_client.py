#!/usr/bin/env python3
"""Clients that send what they like: messages, shared memory, frames.  Each gets an error that says what was wrong; no
worker crashes, and a well-behaved client that is served all the while notices nothing.
"""
import random

from lib_hostile import *

host = Host("--max-memory", "64M", "--spec", "zlib")
bystander = Bystander(host)


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
check("a length, and then no message: others are served", bystander.program.call("next", 1)[:2] == (2, 77))

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


def try_frames(medium, ids):
    session = Session(host, medium)
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


ids = function_ids(host)
try_frames("memory", ids)
try_frames("socket", ids)
bystander.finish()
