#!/usr/bin/env python3
"""Clients that post what they like, calls that nobody waits for: in rings of shared memory and over sockets.  The lane may
go, the worker stays, and only what its row allows is called.
"""
import random

from lib_hostile import *

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

host = Host("--max-memory", "64M", "--spec", folder + "/rings.json")
bystander = Bystander(host)


def entry(size, function, body, reserved=0):
    data = struct.pack("<IIiI", size, function, 0, reserved) + body
    return data + bytes(-len(data) % UNIT)


def counts(name):
    return next(row for row in host.stat()["functions"] if row["name"] == name)


def try_rings(ids):
    """Calls that nobody waits for, in rings that make no sense: the lane goes, the worker stays."""
    session = Session(host, "memory")
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
    session = Session(host, "socket")
    next_one, large, good = ids["rings_post"], ids["rings_large"], FOUR
    right = posted(next_one, good)

    def opens():
        session.lane = session.open()
        return session.lane.answer.get("message") == "lane"

    def again():
        """A lane that was asked for calls that never come is free a moment later."""
        session.lane.leave()
        check("posted frame: the lane opens again", wait_until(opens), session.lane.answer)

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
    expect("a posted call of nothing", posted(0xFFFFFFFF, struct.pack("<II", 1, 5)), 0, 0, True)
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


ids = function_ids(host)
try_rings(ids)
try_posted_frames(ids)
bystander.finish()
