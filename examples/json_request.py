#!/usr/bin/python3
"""Calls winapi-host without any library of ours: JSON requests on a socket, payloads in shared memory.

    winapi-host --listen unix:/tmp/host.sock &
    python3 json_request.py unix:/tmp/host.sock

A message is a 4-byte little-endian length, then that many bytes of JSON.  The shared memory is a header page, a request
area and a response area of 4 MiB each; offsets in requests count from the start of the request area, and results
come at the same offset of the response area.  docs/protocol.md tells the rest.
"""

import array
import fcntl
import json
import mmap
import os
import socket
import struct
import sys

PAGE = 4096
AREA = 4 << 20
REQUEST = PAGE
RESPONSE = PAGE + AREA
SIZE = PAGE + 2 * AREA


def make_memory():
    """A sealed memfd with the header that docs/protocol.md describes, and no lanes."""
    fd = os.memfd_create("json_request", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, SIZE)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    memory = mmap.mmap(fd, SIZE)
    header = struct.pack("<4sI6QII", b"WINA", 1, SIZE, REQUEST, AREA, RESPONSE, AREA, SIZE, 0, 1)
    memory[: len(header)] = header
    return fd, memory


def connect(address):
    if not address.startswith("unix:"):
        sys.exit(f"{address}: an address is unix:PATH")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(address[len("unix:") :])
    return connection


def send(connection, message, fd=None):
    text = json.dumps(message).encode()
    rights = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
    data = struct.pack("<I", len(text)) + text
    data = data[connection.sendmsg([data], rights) :]
    connection.sendall(data)


def receive_bytes(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            sys.exit("the host has closed the connection")
        data += piece
    return data


def receive(connection):
    (size,) = struct.unpack("<I", receive_bytes(connection, 4))
    message = json.loads(receive_bytes(connection, size))
    print("<-", json.dumps(message))
    return message


def ask(connection, message, fd=None):
    print("->", json.dumps(message))
    send(connection, message, fd)
    return receive(connection)


def echo(connection, memory, flags):
    """The payload comes back in the response area; with these flags it is asynchronous and not copied."""
    text = b"hello from a program without a library"
    memory[REQUEST : REQUEST + len(text)] = text
    reply = ask(
        connection,
        {"request_id": 1, "api": "echo", "payload_size": len(text), "payload_offset": 0, "flags": flags},
    )
    start = RESPONSE + reply["result_offset"]
    assert reply["status"] == 0 and memory[start : start + len(text)] == text
    memory[start : start + len(text)] = bytes(len(text))


def buffer_test(connection, memory, flags):
    """Fills a megabyte with a pattern, where zero_copy says, then has it verified: once right, once wrong."""
    request = {"request_id": 2, "api": "buffer_test", "payload_size": 1 << 20, "payload_offset": 0, "flags": flags}
    written = ask(connection, {**request, "operation": "write", "pattern": 0xAABBCCDD})
    start = REQUEST if written["result_area"] == "request" else RESPONSE
    assert written["status"] == 0 and memory[start : start + 5] == b"\xdd\xcc\xbb\xaa\xdd"

    memory[REQUEST : REQUEST + (1 << 20)] = memory[start : start + (1 << 20)]
    verified = ask(connection, {**request, "request_id": 3, "operation": "verify", "pattern": 0xAABBCCDD})
    assert verified["status"] == 0 and verified["checksum"] == written["checksum"]

    memory[REQUEST + 5] = 0
    wrong = ask(connection, {**request, "request_id": 4, "operation": "verify", "pattern": 0xAABBCCDD})
    assert wrong["status"] == -8 and wrong["mismatch_offset"] == 5


def performance(connection, flags):
    request = {"api": "performance", "payload_size": AREA, "payload_offset": 0, "flags": flags}
    for number, test in enumerate(({"test_type": "latency", "iterations": 1000},
                                   {"test_type": "throughput", "iterations": 50, "target_bytes": 100 << 20})):
        reply = ask(connection, {**request, "request_id": 5 + number, **test})
        assert reply["status"] == 0 and reply["iterations"] > 0


def many_at_once(connection):
    """Asynchronous requests overtake each other: the request_id tells which answer is whose."""
    for number in range(10, 15):
        send(connection, {"request_id": number, "api": "echo", "payload_size": 5, "payload_offset": 0,
                          "flags": ["zero_copy", "async"]})
    assert sorted(receive(connection)["request_id"] for _ in range(5)) == list(range(10, 15))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: json_request.py unix:PATH")
    connection = connect(sys.argv[1])
    fd, memory = make_memory()
    ask(connection, {"message": "memory"}, fd)
    for flags in ([], ["zero_copy"], ["async"], ["zero_copy", "async"]):
        echo(connection, memory, flags)
        buffer_test(connection, memory, flags)
    performance(connection, ["zero_copy"])
    many_at_once(connection)


main()
