"""docs/protocol.md is enough to write a client: this one has only what the page says, and repeats its examples.

It shares no code with the project.  The call that the page shows byte for byte is sent as printed, on a socket lane
and again on a lane in shared memory; the host's own counts say that it ran there.
"""
import ctypes
import fcntl
import json
import mmap
import os
import re
import socket
import struct

import lib_page
from lib_page import check

PAGE = 4096
FRAME, SEQUENCE, HEADER = 256, 256, 28  # in a lane's page
AREA = 4 << 20
LANES = PAGE + 2 * AREA
FUTEX_WAIT, FUTEX_WAKE, SYS_FUTEX = 0, 1, 202
F_ADD_SEALS, SHRINK_GROW_SEAL = 1033, 7

blocks = lib_page.read_blocks("docs/protocol.md")


def json_blocks(holds):
    return [json.loads(text) for word, _, text in blocks if word == "json" and holds in text]


def hex_block(name):
    """The bytes of a block, the words behind them left out."""
    text = next(text for word, what, text in blocks if (word, what) == ("hex", name))
    return b"".join(bytes.fromhex(re.match(r"(?:[0-9a-f]{2} +)*", line + " ").group()) for line in text.splitlines())


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)

    def ask(self, message, fd=None):
        text = json.dumps(message).encode()
        socket.send_fds(self.socket, [struct.pack("<I", len(text)) + text], [] if fd is None else [fd])
        size = struct.unpack("<I", self.socket.recv(4, socket.MSG_WAITALL))[0]
        return json.loads(self.socket.recv(size, socket.MSG_WAITALL))


def make_memory():
    size = LANES + 2 * 2 * PAGE
    fd = os.memfd_create("client", os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, F_ADD_SEALS, SHRINK_GROW_SEAL)
    memory = mmap.mmap(fd, size)
    struct.pack_into("<4sIQQQQQQII", memory, 0, b"WINA", 1, size, PAGE, AREA, PAGE + AREA, AREA, LANES, 2, 1)
    return fd, memory


def check_json(path):
    """The original API: the request as it is printed, with its five bytes in shared memory."""
    client, (fd, memory) = Client(path), make_memory()
    request, reply = json_blocks('"request_id": 1')
    memory[PAGE:PAGE + 5] = b"hello"
    check("the page's JSON request gets the page's reply", client.ask(request, fd) == reply)
    check("and the payload is in the response area", memory[PAGE + AREA:PAGE + AREA + 5] == b"hello")
    where = json_blocks('"message": "memory"')
    own = Client(path).ask({"message": "memory"}, fd)
    check("the memory message is answered as the page shows", own in where, str(own))
    wrong, = json_blocks('"request_id": 6')
    answer = client.ask({"request_id": 6, "api": "buffer_test", "payload_size": 4096, "payload_offset": 10**9})
    check("an offset outside is refused in the page's words", answer == wrong, str(answer))


def greet(client, medium, fd=None):
    hello = {**json_blocks('"message": "hello"')[0], "medium": medium}
    welcome = client.ask(hello, fd)
    shown = json_blocks('"message": "welcome"')[0]
    check(f"a hello for {medium} is welcomed", welcome["message"] == "welcome" and welcome["medium"] == medium)
    check("with the members that the page shows", welcome.keys() == shown.keys(), str(welcome))
    check("and the page's table hashes are those of the shipped tables",
          all(table.get("match") for table in welcome["tables"]), str(welcome["tables"]))
    return welcome


def check_rows(client):
    question, shown = json_blocks('"message": "rows"')
    check("rows are answered as the page shows", client.ask(question) == shown)


def check_socket_lane(path):
    client = Client(path)
    welcome = greet(client, "socket")
    check("functions run in a worker", welcome["pid"] != os.getpid())
    check_rows(client)

    def open_lane(number):
        ours, theirs = socket.socketpair()
        ours.settimeout(30)
        answer = client.ask({"message": "open_lane", "lane": number, "medium": "socket"}, theirs.fileno())
        theirs.close()
        return ours, answer

    def exchange(lane, what, sent, *expected):
        lane.sendall(sent)
        expected = hex_block(*expected)
        got = lane.recv(len(expected), socket.MSG_WAITALL)
        check(what, got == expected, got.hex(" "))

    lane, answer = open_lane(0)
    check("a socket lane opens", answer == json_blocks('"message": "lane"')[0], str(answer))
    exchange(lane, "the call byte for byte gets the answer byte for byte", hex_block("call"), "answer")
    lane.sendall(hex_block("posted_frame"))
    exchange(open_lane(1)[0], "another lane is told when the same call, posted, is over", hex_block("question"), "over")
    exchange(lane, "and the next call that it has failed", hex_block("ask"), "told")


class MemoryLane:
    """One call on lane 0.  Python has no atomics; what ctypes stores to a mapped word is one store on this machine."""

    def __init__(self, memory):
        self.memory = memory
        self.libc = ctypes.CDLL(None)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(memory))

    def load(self, offset):
        return ctypes.c_uint32.from_buffer(self.memory, offset).value

    def store(self, offset, value):
        ctypes.c_uint32.from_buffer(self.memory, offset).value = value

    def futex(self, offset, operation, value):
        patience = (ctypes.c_long * 2)(1, 0)
        self.libc.syscall(SYS_FUTEX, ctypes.c_void_p(self.base + offset), operation, value, patience, None, 0)

    def call(self, frame):
        out, back = LANES, LANES + PAGE
        self.memory[out + FRAME + 4:out + FRAME + len(frame)] = frame[4:]
        self.store(out + SEQUENCE, self.load(out + SEQUENCE) + 1)
        self.wake(out)
        for _ in range(30):
            self.store(back + 64, 1)
            if self.load(back + SEQUENCE) == self.load(out + SEQUENCE):
                break
            self.futex(back + 64, FUTEX_WAIT, 1)
        self.store(back + 64, 0)
        size, = struct.unpack_from("<H", self.memory, back + FRAME + 20)
        return bytes(4) + self.memory[back + FRAME + 4:back + FRAME + HEADER + size]

    def post(self, entry):
        """The first one; the ring lies at the start of the request area."""
        self.store(LANES + 16, 1)
        self.memory[PAGE:PAGE + len(entry)] = entry
        self.store(LANES + 192, len(entry) // 32)
        self.wake(LANES)

    def wake(self, page):
        if self.load(page + 64):
            self.store(page + 64, 0)
        self.futex(page + 64, FUTEX_WAKE, 1)


def check_memory_lane(path):
    client, (fd, memory) = Client(path), make_memory()
    greet(client, "memory", fd)
    lane = MemoryLane(memory)
    lane.store(LANES + 8, 1)
    answer = client.ask(json_blocks('"open_lane"')[0])
    check("a memory lane opens", answer == json_blocks('"message": "lane"')[0], str(answer))
    got = lane.call(hex_block("call"))
    check("the same call in shared memory gets the same answer", got == hex_block("answer"), got.hex(" "))
    check("and the host says that it took it", lane.load(LANES + 128) == 1)
    lane.post(hex_block("posted"))
    got = lane.call(hex_block("ask"))
    check("the same call, posted, fails, which the next one is told", got == hex_block("told"), got.hex(" "))
    check("and the host says that it is over", lane.load(LANES + PAGE + 192) == 1)
    check("which is told once", lane.call(hex_block("ask"))[23] == 0)


def check_counts(path):
    stat = Client(path).ask({"message": "stat"})
    shown = json_blocks('"message": "stat"')[0]
    calls = {function["name"]: function["calls"] for function in stat["functions"]}
    check("the host has counted all four calls of crc32", calls.get("crc32") == 4, str(calls))
    check("stat has the members that the page shows",
          stat.keys() == shown.keys() and stat["functions"][0].keys() == shown["functions"][0].keys() and
          stat["clients"][0].keys() == shown["clients"][0].keys(), str(stat))
    check("an unknown message is an error of the code message",
          Client(path).ask({"message": "sing"})["code"] == "message")


with lib_page.Folder() as folder, folder.host("--spec", "zlib") as path:
    check_json(path)
    check_socket_lane(path)
    check_memory_lane(path)
    check_counts(path)
lib_page.finish()
