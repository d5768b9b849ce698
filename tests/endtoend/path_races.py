#!/usr/bin/env python3
"""Nothing but its two words of sequence orders the ends of a lane in memory, and they suffice: ThreadSanitizer finds no
race between two threads that are the two ends over one mapping, through calls with payload, deadlines, and leaving.

And it would find one: with the store that hands a frame over relaxed, or the load that takes it, in a copy of
lane_memory.c, it reports the race.
"""
from lib_compile import *

CALLS = 100000
CALLS_WITH_FAULT = 2000
MEDIUM = "spec/wire/lane_memory.c"
THREAD_SANITIZER = [*(["cc"] if MUSL else CC), "-std=gnu11", "-D_GNU_SOURCE", '-DWINAPI_VERSION="0"', "-O1", "-g",
                    "-fsanitize=thread", "-I" + SOURCE]

# What is made relaxed, each of which must stand in the file once; its order may be written out.
HAND_OVER = r"atomic_store(?:_explicit)?\((lane_sequence\([\w>.-]*out\)), ([^;]*?)(?:, memory_order_\w+)?\);"
TAKE = r"= atomic_load(?:_explicit)?\((lane_sequence\([\w>.-]*in\))(?:, memory_order_\w+)?\);"
FAULTS = {
    "the store that hands a frame over": (HAND_OVER, r"atomic_store_explicit(\1, \2, memory_order_relaxed);"),
    "the load that takes a frame": (TAKE, r"= atomic_load_explicit(\1, memory_order_relaxed);"),
}


def build(what, *arguments):
    built = subprocess.run([*THREAD_SANITIZER, *arguments], capture_output=True, text=True)
    if built.returncode and "cannot find" in built.stderr:
        print("skipped: this compiler has no ThreadSanitizer:", built.stderr)
        sys.exit(77)
    check(f"{what} is built", built.returncode == 0, built.stderr)


def sources():
    """All of spec/wire and spec/base but the medium in question, and cJSON's door."""
    found = [f"{SOURCE}/{room}/{name}" for room in ("spec/wire", "spec/base") for name in sorted(os.listdir(f"{SOURCE}/{room}"))]
    return [path for path in found if path.endswith(".c") and not path.endswith(("/" + MEDIUM, "/channel.c"))]


def run(medium, calls):
    """The program with this file for the medium."""
    program = tempfile.mktemp(dir=folder, prefix="lane_ends.")
    build("the program", "-o", program, medium, *objects, "-pthread")
    ran = subprocess.run([program, str(calls)], capture_output=True, text=True, timeout=100,
                         env={**os.environ, "TSAN_OPTIONS": "halt_on_error=1:exitcode=66"})
    if "FATAL: ThreadSanitizer" in ran.stderr:
        print("skipped: ThreadSanitizer does not run here:", ran.stderr)
        sys.exit(77)
    return ran


place = tempfile.mkdtemp(dir=folder)
os.chdir(place)
build("all but the medium", "-c", SOURCE + "/tests/fixtures/proofs/lane_ends.c", *sources())
objects = [f"{place}/{name}" for name in sorted(os.listdir(place))]

ran = run(f"{SOURCE}/{MEDIUM}", CALLS)
came = {word: int(count) for word, count in re.findall(r"^(\w+) (\d+)$", ran.stdout, re.MULTILINE)}
check(f"{CALLS} calls and more: every answer is right", ran.returncode == 0 and came["answered"] >= CALLS and
      came["wrong"] == 0, ran.stdout, ran.stderr)
check("among them calls that came too late, that were withdrawn, that a leaving host did not take",
      all(came.get(word) for word in ("late", "withdrawn", "refused")), came)
check("no race", "ThreadSanitizer" not in ran.stderr, ran.stderr)

with open(f"{SOURCE}/{MEDIUM}") as file:
    text = file.read()
for what, (found, relaxed) in FAULTS.items():
    planted, count = re.subn(found, relaxed, text)
    check(f"{what} is there once, and can be spoilt", count == 1, f"{count} matches of {found} in {MEDIUM}")
    with open(place + "/faulty.c", "w") as file:
        file.write(planted)
    ran = run(place + "/faulty.c", CALLS_WITH_FAULT)
    check(f"{what}, relaxed: the race is reported", ran.returncode == 66 and "data race" in ran.stderr, ran.stdout, ran.stderr)
finish()
