#!/usr/bin/env python3
"""How much stack calls need, the first of all and the later ones; threads with as little as there may be."""
from lib_ways import *

if SANITIZER:
    print("skipped: a sanitizer's frames are larger")
    sys.exit(77)
DEPTH = compile("depth", FIXTURES + "/depth.c", *use_libraries(Where.here), "-pthread")
LEAST = 16384  # PTHREAD_STACK_MIN on x86-64
FIRST, LATER, LOST = (14 if MUSL else 12) << 10, 4 << 10, 10 << 10  # docs/architecture.md says less; longer vectors take more
WORDS = ["add", "add", "corner", "corner", "large", "large", "fail", "fail"]


def depths(result):
    """(word, bytes) of each line."""
    return [(line.split()[0], int(line.split()[1])) for line in result.lines]


for medium in ["memory", "socket"]:
    host = WaysHost()
    for mode in "remote", "compare":
        result = winapi_run(DEPTH, *WORDS, host=host, WINAPI_TRANSPORT=medium, WINAPI_MODE=mode,
                            WINAPI_COMPARE_REPORT=folder + "/report")
        found = depths(result)
        print(f"{medium}, {mode}:", *(f"{word} {depth}" for word, depth in found))
        check(f"{medium}, {mode}: first calls", len(found) == len(WORDS) and "wrong" not in result.out and
              all(depth <= FIRST for _, depth in found), result)
        check(f"{medium}, {mode}: later calls", all(depth <= LATER for _, depth in found[1::2]), result)
    check(f"{medium}: they ran at the host", host.calls("ways_upper") == 4, host.calls("ways_upper"))
    result = winapi_run(DEPTH, *(f"{word}={LEAST}" for word in WORDS), host=host, WINAPI_TRANSPORT=medium)
    check(f"{medium}: on stacks of {LEAST} bytes, the first call of all too", len(result.lines) == len(WORDS) and
          "wrong" not in result.out and result.status == 0, result)

result = winapi_run(DEPTH, f"add={LEAST}", f"large={LEAST}")
check("a host is started from a stack that small", len(result.lines) == 2 and "wrong" not in result.out, result)

def run_without_cache(*words):
    """The stub is there, and no compiled tables: the first call reads the text and writes them."""
    preload = winapi_run("sh", "-c", "echo $LD_PRELOAD").out.strip()
    for name in os.listdir(folder + "/cache/winapi"):
        if name.startswith("tables-"):
            os.unlink(f"{folder}/cache/winapi/{name}")
    return run([DEPTH, *words], LD_PRELOAD=preload, WINAPI_SPEC=WAYS_SPEC, WINAPI_HOST=host.address)


result = run_without_cache("add", "add")
print("tables from their text:", *(f"{word} {depth}" for word, depth in depths(result)))
check("a first call that reads and writes the tables", len(result.lines) == 2 and "wrong" not in result.out and
      all(depth <= FIRST for _, depth in depths(result)) and
      any(name.startswith("tables-") for name in os.listdir(folder + "/cache/winapi")), result)
result = run_without_cache(f"add={LEAST}")
check(f"a first call that reads and writes the tables, on a stack of {LEAST} bytes", len(result.lines) == 1 and
      "wrong" not in result.out and result.status == 0, result)
result = winapi_run(DEPTH, f"add={LEAST}", "add", "large", WINAPI_HOST="unix:/nobody")
print("lost:", *(f"{word} {depth}" for word, depth in depths(result)))
check("lost calls, with their lines", "no host answers" in result.err and result.status == 0 and
      len(result.lines) == 3 and all(depth <= LOST for _, depth in depths(result)), result)
finish()
