"""What clients share that send what they like: shared memory and lanes, written without any care."""
import ctypes
import fcntl
import mmap

from lib_trouble import *

PAGE, LANE_SIZE, FRAME_AT = 4096, 8192, 256
CLOSED, OPENED, SEQUENCE = 4, 8, FRAME_AT
RING, RING_COUNT, UNITS, UNIT, SKIP = 16, 192, 2048, 32, 0xFFFFFFFF
HEADER = struct.Struct("<IIIiIHBBBBBB")
FOUR = b"\4"  # a body: the number 4
CALL, STATUS, SIZE_AT, COUNT = ord("C"), 7, 5, 9  # and places in what it unpacks
OK, FUNCTION, MESSAGE, HANDLE, LIMIT = range(5)  # enum frame_status
libc = ctypes.CDLL(None, use_errno=True)


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


fd = make_memory()


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

    def __init__(self, host, medium):
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


class Bystander:
    """A well-behaved client that is served all the while."""

    def __init__(self, host):
        self.host, self.program = host, Program(host)
        self.worker = self.program.result("where")

    def finish(self):
        check("the bystander has kept its worker", self.program.result("where") == self.worker)
        check("and has heard nothing of it", self.program.new_lines() == [] and self.program.stop() == 0,
              *self.program.lines())
        check("no worker has crashed", self.host.stat()["crashed_clients"] == 0, self.host.log()[-2000:])
        finish()


def function_ids(host):
    """The host lists its functions in the order of their numbers."""
    return {row["name"]: number for number, row in enumerate(host.stat()["functions"])}
