#!/usr/bin/env python3
"""WINAPI_TRACE: a line for each call, the way strace writes it, decoded by its row."""
from lib_ways import *

host = WaysHost()
wrong = WaysHost(library=Where.wrong)
TIME = re.compile(r"<(\w[\w ]*) (\d+\.\d)us>$")


def trace(*words, host=host, program=WAYS, **variables):
    variables.setdefault("WINAPI_TRACE", "1")
    result = winapi_run(program, *words, host=host, **variables)
    result.calls = [TIME.sub(r"<\1>", line) for line in result.said if TIME.search(line)]
    return result


def shows(what, words, *expected, **variables):
    result = trace(*words, **variables)
    check(f"{what}: {expected[0]}", result.calls == list(expected) and len(result.said) == len(expected), result)


# ---- a program that knows nothing of it ----

python = shutil.which("python3", path="/usr/bin")
if python:
    result = winapi_run(python, "-sEc", "import zlib; zlib.crc32(b'hello')", options=("--spec", "zlib"), WINAPI_TRACE="1")
    check("python's zlib.crc32", any(re.fullmatch(r'crc32\(0, "hello"\.\.\., 5\) = 907060870 <remote \d+\.\dus>', line)
                                     for line in result.said), result)

# ---- every kind of value ----

shows("scalars", ["add:1:-2"], "ways_add(1, -2) = -1 <remote>")
shows("a floating result", ["third:3"], "ways_third(3) = 1 <remote>")
shows("a string, cut when it is long", ["length:1"],
      'ways_length("the quick brown fox jumps over t"...) = 43 <remote>')
shows("NULL", ["length:0"], "ways_length(NULL) = -1 <remote>")
shows("a returned string", ["name:1"], 'ways_name(1) = "one" <remote>')
shows("a returned NULL", ["name:9"], "ways_name(9) = NULL <remote>")
shows("a struct that comes back", ["corner:4"], "ways_corner([{x=4, y=8}], 4) = 0 <remote>")
shows("a struct with a string", ["distance:3:-4"], 'ways_distance([{x=3, y=-4, label="here"}]) = 7 <remote>')
shows("enums by name", ["color:3"], "ways_next_color(WAYS_BLUE) = WAYS_RED <remote>")
shows("an enum's value without a name", ["color:7"], "ways_next_color(7) = 8 <remote>")
shows("a buffer after the call", ["upper"], 'ways_upper("MIXED CASE", 11) = 8 <remote>')
shows("errno's text on failure", ["fail:2"], "ways_fail(2) = -1 (No such file or directory) <remote>")

result = trace("open:5", "value", "close")
handle = re.match(r"ways_open\(5\) = (0x[0-9a-f]+) <remote>", result.calls[0])
check("handles: one value, opened, used and closed", handle and result.calls[1:] == [
    f"ways_value({handle[1]}) = 5 <remote>", f"ways_close({handle[1]}) = void <remote>"], result)

# ---- no further than there is room: behind it is a page that nobody may read ----

SHAPES = f"{BUILD}/lib/fixtures"
with open(folder + "/edges.c", "w") as source:
    source.write("""
#include "shapes.h"
#include <string.h>
#include <sys/mman.h>
int main(void)
{
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct shape_route route = {.stops = (int[]){1, 0}, .name = (unsigned char *)pages + 4093};
    mprotect(pages + 4096, 4096, PROT_NONE);
    memset(pages, 'x', 4096);
    shape_string_out("too long", pages + 4092, 4);
    shape_until_out((int *)(pages + 4088), 2, 9);
    pages[4095] = '.';
    shape_until_inside(&route, 1);
    return 0;
}
""")
EDGES = compile("edges", folder + "/edges.c", f"-I{SOURCE}/tests/fixtures", f"-L{SHAPES}", "-lshapes")
edges = winapi_run(EDGES, options=("--spec", SOURCE + "/tests/fixtures/shapes.json"), library=SHAPES,
                   WINAPI_MODE="native", WINAPI_TRACE="1")
edges.calls = [TIME.sub(r"<\1>", line) for line in edges.said]
check("as large as their memory: without an end, an array, and with one", [
    re.sub(r"sum=\d+\}\], 1\) = \d+", "sum=?}], 1) = ?", line) for line in edges.calls] == [
        'shape_string_out("too long", "xxxx"..., 4) = -1 <native>',
        f"shape_until_out([{0x78787878}, {0x78787878}], 2, 9) = -1 <native>",
        'shape_until_inside([{stops=[1], name="XX."..., sum=?}], 1) = ? <native>'], edges)

# ---- who answered ----

shows("native", ["add:1:2"], "ways_add(1, 2) = 3 <native>", WINAPI_MODE="native")
shows("native by route", ["add:1:2", "color:1"], "ways_add(1, 2) = 3 <native>",
      "ways_next_color(WAYS_RED) = WAYS_GREEN <remote>", WINAPI_ROUTE="ways_add=native")
compared = trace("add:1:2", "touch:1", host=wrong, WINAPI_MODE="compare")
check("compare: same, differs, not compared", compared.calls == [
    "ways_add(1, 2) = 3 <differs>", "ways_touch(1) = 1 <not compared>"], compared)
check("compare: same", trace("add:1:2", WINAPI_MODE="compare").calls == ["ways_add(1, 2) = 3 <same>"])
lost = trace("add:1:2", WINAPI_HOST=f"unix:{folder}/nobody", host=None)
check("lost", lost.calls and lost.calls[0].startswith("ways_add(1, 2) = -1 (") and lost.calls[0].endswith("<lost>"), lost)
before = host.calls("ways_add")
trace("add:1:2")
check("what was remote was counted by the host", host.calls("ways_add") == before + 1)

# ---- where it goes ----

path = folder + "/trace"
result = trace("add:1:2", "fork", "color:1", WINAPI_TRACE=path)
with open(path) as file:
    lines = [TIME.sub(r"<\1>", line.rstrip("\n")) for line in file]
check("WINAPI_TRACE=FILE: appended there, by children too, and nothing on stderr", lines == [
    "ways_add(1, 2) = 3 <remote>"] + 2 * ["ways_next_color(WAYS_RED) = WAYS_GREEN <remote>"] and result.err == "", lines)
check("WINAPI_TRACE=0 is off", trace("add:1:2", WINAPI_TRACE="0").err == "")
check("winapi run --trace", winapi_run(WAYS, "add:1:2", host=host, options=("--spec", WAYS_SPEC, "--trace")).said[0]
      .startswith("ways_add(1, 2) = 3 <remote "))
result = trace("add:1:2", WINAPI_TRACE=folder + "/no/trace")
check("a file that cannot be written: an error that names the variable", len(result.said) == 1 and
      result.said[0].startswith(f"WINAPI_TRACE={folder}/no/trace: No such file") and result.lines == ["add 3"], result)

# ---- threads: each line whole, and marked ----

with open(folder + "/threads.c", "w") as source:
    source.write("""
#include "libways.h"
#include <pthread.h>
static void *call(void *number)
{
    for (int i = 0; i < 50; i++)
        ways_add(*(int *)number, i);
    return NULL;
}
int main(void)
{
    pthread_t threads[4];
    int numbers[4];
    for (int i = 0; i < 4; i++) {
        numbers[i] = i * 1000;
        pthread_create(&threads[i], NULL, call, &numbers[i]);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
""")
THREADS = compile("threads", folder + "/threads.c", *use_libraries(Where.here), "-pthread")
result = trace(program=THREADS)
marked = [re.fullmatch(r"\[pid (\d+)\] ways_add\((\d+), (\d+)\) = (\d+) <remote>", line) for line in result.calls]
check("threads: 200 whole lines", len(result.said) == 200 and all(marked), result)
check("threads: each marked with its thread", all(marked) and len({line[1] for line in marked}) == 4)

# ---- several processes, each with threads, and one file ----

path = folder + "/shared"
programs = [subprocess.Popen([WINAPI, "run", "--spec", WAYS_SPEC, "--", program, *words], stdout=subprocess.DEVNULL,
                             env=environment(LD_LIBRARY_PATH=Where.here, WINAPI_HOST=host.address, WINAPI_TRACE=path))
            for program, words in [(THREADS, [])] * 4 + [(WAYS, ["length:1"] * 100 + ["fork"] + ["length:1"] * 100)] * 2]
statuses = [program.wait(timeout=3 * PATIENCE) for program in programs]
with open(path) as file:
    lines = [TIME.sub(r"<\1>", line.rstrip("\n")) for line in file]
added = [line for line in lines if re.fullmatch(r"\[pid \d+\] ways_add\((\d+), (\d+)\) = \d+ <remote>", line)]
measured = [line for line in lines if re.fullmatch(r'(\[pid \d+\] )?ways_length\("the quick brown fox jumps over t"\.\.\.\) = 43 '
                                                   r'<remote>', line)]
check("processes at once, one file: every line is whole, and none is missing", statuses == [0] * 6 and
      len(added) == 800 and len(measured) == 600 and len(lines) == 1400, len(added), len(measured), len(lines),
      *[line for line in lines if line not in added + measured][:5])
finish()
